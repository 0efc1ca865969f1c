//! Identity tokens: what they must be to be believed (OpenID Connect Core 1.0, section 3.1.3.7, and RFC 8725). Signatures
//! and keys are read by `jsonwebtoken`, on the one provider of cryptography that this program has.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{Error, ErrorKind};
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::signature;
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, Validation, decode, decode_header};
use ring::signature as ring_signature;
use serde::Deserialize;

use super::SUBJECT_CHARACTERS_MAX;

/// A token has at most this many bytes.
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Clocks differ: by this much.
const LEEWAY_SECONDS: i64 = 10;

/// Why a token is not believed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// None of these keys signed it; there may be newer ones.
    Key,
    /// Its time is over.
    Expired,
    /// Anything else, for the operator's log.
    Invalid(&'static str),
}

/// What a token must be about.
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    /// Seconds since 1970.
    pub(super) now: i64,
}

/// What a provider says of somebody.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub(super) struct Person {
    #[serde(rename = "sub")]
    pub(super) subject: String,
    #[serde(default)]
    pub(super) email: Option<String>,
    #[serde(default, deserialize_with = "flag")]
    pub(super) email_verified: bool,
    #[serde(default)]
    pub(super) given_name: Option<String>,
    #[serde(default)]
    pub(super) family_name: Option<String>,
    #[serde(default)]
    pub(super) name: Option<String>,
}

/// Some providers write it as a text.
fn flag<'de, D: serde::Deserializer<'de>>(given: D) -> Result<bool, D::Error> {
    let value = serde_json::Value::deserialize(given)?;
    Ok(value.as_bool().unwrap_or(value.as_str() == Some("true")))
}

#[derive(Deserialize)]
struct Claims {
    #[serde(flatten)]
    person: Person,
    /// One text and no list (Core 1.0, section 2), of which the library would believe any part.
    #[serde(rename = "iss")]
    issuer: String,
    #[serde(rename = "aud")]
    audience: Audience,
    #[serde(default)]
    azp: Option<String>,
    exp: f64,
    iat: f64,
    #[serde(default)]
    nbf: Option<f64>,
    #[serde(default)]
    nonce: Option<String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

/// Who a token is about, if it can be believed.
pub(super) fn check(token: &str, keys: &[Jwk], expected: &Expected) -> Result<Person, Wrong> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(Wrong::Invalid("it is too long"));
    }
    provide();
    let header = decode_header(token).map_err(|_| Wrong::Invalid("it is no token that is signed"))?;
    // Extensions that have to be understood (RFC 7515, section 4.1.11): we understand none.
    if header.crit.is_some() {
        return Err(Wrong::Invalid("it asks for an extension"));
    }
    // Of the family of its key: a public key is never taken for a shared secret.
    let key = key_of(keys, header.kid.as_deref(), header.alg)?;
    let mut validation = Validation::new(header.alg);
    validation.set_issuer(&[expected.issuer]);
    validation.set_audience(&[expected.client_id]);
    validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
    // Of times below, by our own clock.
    validation.validate_exp = false;
    let key = DecodingKey::from_jwk(key).map_err(|_| Wrong::Invalid("its key cannot be used"))?;
    let claims = decode::<Claims>(token, &key, &validation).map_err(|error| explain(&error))?.claims;
    if claims.issuer != expected.issuer {
        return Err(Wrong::Invalid("another issuer made it"));
    }
    let seconds = |moment: f64| moment.floor() as i64;
    if expected.now >= seconds(claims.exp).saturating_add(LEEWAY_SECONDS) {
        return Err(Wrong::Expired);
    }
    let soon = expected.now.saturating_add(LEEWAY_SECONDS);
    if seconds(claims.iat) > soon || claims.nbf.is_some_and(|begin| seconds(begin) > soon) {
        return Err(Wrong::Invalid("it is from the future"));
    }
    if claims.nonce.as_deref() != Some(expected.nonce) {
        return Err(Wrong::Invalid("it answers another sign-in"));
    }
    let has_others = matches!(&claims.audience, Audience::Many(all) if all.iter().any(|one| one != expected.client_id));
    let is_ours = match (&claims.azp, &claims.audience) {
        (Some(party), _) => party == expected.client_id,
        (None, Audience::One(one)) => one == expected.client_id,
        (None, Audience::Many(_)) => !has_others,
    };
    if !is_ours {
        return Err(Wrong::Invalid("it was made for another client"));
    }
    let subject = &claims.person.subject;
    if subject.is_empty() || subject.len() > SUBJECT_CHARACTERS_MAX || !subject.chars().all(|c| matches!(c, ' '..='~'))
    {
        return Err(Wrong::Invalid("its subject is none"));
    }
    Ok(claims.person)
}

/// The key that a token says it was signed with; where it says nothing, the only one that can be meant.
fn key_of<'k>(keys: &'k [Jwk], id: Option<&str>, algorithm: Algorithm) -> Result<&'k Jwk, Wrong> {
    let mut fitting = keys.iter().filter(|key| {
        id.is_none_or(|id| key.common.key_id.as_deref() == Some(id))
            && !matches!(&key.common.public_key_use, Some(purpose) if *purpose != PublicKeyUse::Signature)
            && key.common.key_algorithm.is_none_or(|named| named == algorithm.into())
            && can_sign(&key.algorithm, algorithm)
    });
    let key = fitting.next().ok_or(Wrong::Key)?;
    if id.is_none() && fitting.next().is_some() {
        return Err(Wrong::Invalid("it does not say which key signed it"));
    }
    Ok(key)
}

fn can_sign(key: &AlgorithmParameters, algorithm: Algorithm) -> bool {
    use Algorithm::{ES256, ES384, EdDSA, PS256, PS384, PS512, RS256, RS384, RS512};
    match key {
        AlgorithmParameters::RSA(_) => matches!(algorithm, RS256 | RS384 | RS512 | PS256 | PS384 | PS512),
        AlgorithmParameters::EllipticCurve(key) => {
            matches!((&key.curve, algorithm), (EllipticCurve::P256, ES256) | (EllipticCurve::P384, ES384))
        }
        AlgorithmParameters::OctetKeyPair(key) => key.curve == EllipticCurve::Ed25519 && algorithm == EdDSA,
        // A secret that is published is none.
        AlgorithmParameters::OctetKey(_) => false,
        _ => false,
    }
}

fn explain(error: &Error) -> Wrong {
    match error.kind() {
        ErrorKind::InvalidSignature => Wrong::Key,
        ErrorKind::InvalidIssuer => Wrong::Invalid("another issuer made it"),
        ErrorKind::InvalidAudience => Wrong::Invalid("it was made for another client"),
        ErrorKind::MissingRequiredClaim(_) => Wrong::Invalid("it lacks a claim"),
        _ => Wrong::Invalid("it cannot be read"),
    }
}

/// Has the library use the program's own cryptography.
fn provide() {
    static ONCE: Once = Once::new();
    static RING: CryptoProvider = CryptoProvider {
        signer_factory: |_, _| Err(ErrorKind::InvalidAlgorithm.into()),
        verifier_factory: |algorithm, key| Ok(Box::new(Verifier { algorithm: *algorithm, key: key.clone() })),
        key_utils: KeyUtils::new_unimplemented(),
    };
    ONCE.call_once(|| {
        let _ = RING.install_default();
    });
}

struct Verifier {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl JwtVerifier for Verifier {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

impl signature::Verifier<Vec<u8>> for Verifier {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> Result<(), signature::Error> {
        use ring_signature::{
            ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
            RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384,
            RSA_PSS_2048_8192_SHA512,
        };
        let point = |algorithm: &'static dyn ring_signature::VerificationAlgorithm| match self.key.kind() {
            DecodingKeyKind::SecretOrDer(key) => {
                ring_signature::UnparsedPublicKey::new(algorithm, key).verify(message, signature).ok()
            }
            DecodingKeyKind::RsaModulusExponent { .. } => None,
        };
        let rsa = |algorithm: &'static ring_signature::RsaParameters| match self.key.kind() {
            DecodingKeyKind::RsaModulusExponent { n, e } => {
                ring_signature::RsaPublicKeyComponents { n, e }.verify(algorithm, message, signature).ok()
            }
            DecodingKeyKind::SecretOrDer(_) => None,
        };
        let verified = match self.algorithm {
            Algorithm::ES256 => point(&ECDSA_P256_SHA256_FIXED),
            Algorithm::ES384 => point(&ECDSA_P384_SHA384_FIXED),
            Algorithm::EdDSA => point(&ED25519),
            Algorithm::RS256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
            Algorithm::RS384 => rsa(&RSA_PKCS1_2048_8192_SHA384),
            Algorithm::RS512 => rsa(&RSA_PKCS1_2048_8192_SHA512),
            Algorithm::PS256 => rsa(&RSA_PSS_2048_8192_SHA256),
            Algorithm::PS384 => rsa(&RSA_PSS_2048_8192_SHA384),
            Algorithm::PS512 => rsa(&RSA_PSS_2048_8192_SHA512),
            _ => None,
        };
        verified.ok_or_else(signature::Error::new)
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::hmac;
    use ring::rand::SystemRandom;
    use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_790_000_000;
    const ISSUER: &str = "https://id.example.com";

    struct Signer {
        pair: EcdsaKeyPair,
        id: &'static str,
    }

    impl Signer {
        #[expect(clippy::disallowed_methods, reason = "ring's keys take its own source of chance and no other")]
        fn new(id: &'static str) -> Signer {
            let random = SystemRandom::new();
            let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_ref(), &random).unwrap();
            Signer { pair, id }
        }

        fn jwk(&self) -> Jwk {
            let point = self.pair.public_key().as_ref();
            let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
            let key =
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "kid": self.id, "use": "sig", "alg": "ES256" });
            serde_json::from_value(key).unwrap()
        }

        #[expect(clippy::disallowed_methods, reason = "ring's keys take its own source of chance and no other")]
        fn sign(&self, header: &Value, payload: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let signed = format!("{}.{}", part(header), part(payload));
            let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes()).unwrap();
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
        }
    }

    fn expected() -> Expected<'static> {
        Expected { issuer: ISSUER, client_id: "desk", nonce: "n", now: NOW }
    }

    fn payload() -> Value {
        json!({ "iss": ISSUER, "sub": "7", "aud": "desk", "exp": NOW + 300, "iat": NOW, "nonce": "n",
            "email": "ada@example.com", "email_verified": true })
    }

    #[test]
    fn claims_are_what_they_must_be() {
        let signer = Signer::new("one");
        let header = json!({ "alg": "ES256", "kid": "one" });
        let said = |change: &Value| {
            let mut payload = payload();
            for (name, value) in change.as_object().unwrap() {
                if value.is_null() {
                    payload.as_object_mut().unwrap().remove(name);
                } else {
                    payload[name] = value.clone();
                }
            }
            check(&signer.sign(&header, &payload), &[signer.jwk()], &expected())
        };
        let person = said(&json!({})).unwrap();
        assert_eq!((person.subject.as_str(), person.email.as_deref()), ("7", Some("ada@example.com")));
        for fine in [
            json!({ "aud": ["desk"] }),
            json!({ "aud": ["desk", "other"], "azp": "desk" }),
            json!({ "exp": NOW - 9 }),
            json!({ "iat": NOW + 10 }),
            json!({ "nbf": NOW + 10 }),
            json!({ "iat": NOW as f64 + 0.5 }),
            json!({ "email": null }),
        ] {
            assert!(said(&fine).is_ok(), "{fine}");
        }
        assert!(said(&json!({ "email_verified": "true" })).unwrap().email_verified);
        for unverified in [json!(null), json!("yes"), json!(1), json!(false), json!("false")] {
            assert!(!said(&json!({ "email_verified": unverified })).unwrap().email_verified, "{unverified}");
        }
        for wrong in [
            json!({ "iss": "https://id.example.com/" }),
            json!({ "iss": "https://evil.example.net" }),
            json!({ "iss": null }),
            json!({ "iss": [ISSUER, "https://evil.example.net"] }),
            json!({ "iss": [ISSUER] }),
            json!({ "aud": "other" }),
            json!({ "aud": [] }),
            json!({ "aud": ["other"] }),
            json!({ "aud": null }),
            json!({ "aud": ["desk", "other"] }),
            json!({ "azp": "other" }),
            json!({ "nonce": "m" }),
            json!({ "nonce": null }),
            json!({ "iat": NOW + 11 }),
            json!({ "nbf": NOW + 11 }),
            json!({ "iat": null }),
            json!({ "exp": null }),
            json!({ "exp": "soon" }),
            json!({ "sub": null }),
            json!({ "sub": "" }),
            json!({ "sub": "é" }),
            json!({ "sub": "x".repeat(256) }),
            json!({ "email": "x".repeat(TOKEN_BYTES_MAX) }),
        ] {
            assert!(matches!(said(&wrong), Err(Wrong::Invalid(_))), "{wrong:.80}");
        }
        assert_eq!(said(&json!({ "exp": NOW - 10 })), Err(Wrong::Expired));
    }

    #[test]
    fn only_a_key_of_the_provider_is_believed_and_only_as_what_it_is() {
        let (signer, other) = (Signer::new("one"), Signer::new("two"));
        let keys = [signer.jwk(), other.jwk()];
        let header = json!({ "alg": "ES256", "kid": "one" });
        let token = signer.sign(&header, &payload());
        assert!(check(&token, &keys, &expected()).is_ok());
        assert_eq!(check(&token, &keys[1..], &expected()), Err(Wrong::Key));
        assert_eq!(check(&other.sign(&header, &payload()), &keys, &expected()), Err(Wrong::Key));
        // Which key is meant is said where there are several.
        let nameless = json!({ "alg": "ES256" });
        assert!(check(&signer.sign(&nameless, &payload()), &keys[..1], &expected()).is_ok());
        assert!(check(&signer.sign(&nameless, &payload()), &keys, &expected()).is_err());
        for alg in ["none", "None", "HS256", "RS256", "ES384", "ES512", ""] {
            let header = json!({ "alg": alg, "kid": "one" });
            assert!(check(&signer.sign(&header, &payload()), &keys, &expected()).is_err(), "{alg}");
        }
        // The public key as a shared secret: the oldest trick.
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&json!({ "alg": "HS256", "kid": "one" })), part(&payload()));
        let public = signer.pair.public_key().as_ref();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, public), signed.as_bytes());
        assert!(check(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)), &keys, &expected()).is_err());
        // Nor is a key for something else.
        for (name, value) in [("use", "enc"), ("alg", "ES384"), ("crv", "P-384")] {
            let mut key = serde_json::to_value(signer.jwk()).unwrap();
            key[name] = json!(value);
            let key: Jwk = serde_json::from_value(key).unwrap();
            assert!(check(&token, &[key], &expected()).is_err(), "{name}");
        }
        let secret = json!({ "kty": "oct", "k": URL_SAFE_NO_PAD.encode("secret"), "kid": "one", "alg": "HS256" });
        let secret: Jwk = serde_json::from_value(secret).unwrap();
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, b"secret"), signed.as_bytes());
        assert!(check(&format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag)), &[secret], &expected()).is_err());
        let (unsigned, _) = token.rsplit_once('.').unwrap();
        for broken in
            ["", ".", "..", "a.b.c", unsigned, &format!("{unsigned}."), &format!("{token}A"), &format!("{token}.")]
        {
            assert!(check(broken, &keys, &expected()).is_err(), "{broken:.40}");
        }
        let critical = json!({ "alg": "ES256", "kid": "one", "crit": ["b64"], "b64": false });
        assert!(check(&signer.sign(&critical, &payload()), &keys, &expected()).is_err());
    }
}
