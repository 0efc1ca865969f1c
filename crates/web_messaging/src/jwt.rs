//! Signed identities: JSON Web Tokens (RFC 7519) in the compact form, with HS256 or RS256. The key decides the
//! algorithm, and a token that names another one is refused before anything of it is believed.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::{hmac, signature};
use serde_json::{Map, Value};

/// A token has at most this many bytes.
pub(crate) const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// What a key is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Algorithm {
    /// HMAC with SHA-256: the website and we share a secret.
    Hs256,
    /// RSA (PKCS #1 v1.5) with SHA-256: we have the public key.
    Rs256,
}

impl Algorithm {
    pub(crate) fn named(name: &str) -> Option<Algorithm> {
        [Algorithm::Hs256, Algorithm::Rs256].into_iter().find(|one| one.as_str() == name)
    }

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Algorithm::Hs256 => "HS256",
            Algorithm::Rs256 => "RS256",
        }
    }
}

/// A token, taken apart and not yet believed.
pub(crate) struct Token<'t> {
    /// By which key it says that it is signed.
    pub(crate) key_id: String,
    algorithm: String,
    payload: Map<String, Value>,
    signed: &'t str,
    signature: Vec<u8>,
}

impl<'t> Token<'t> {
    /// None for what is no such token.
    pub(crate) fn parse(text: &'t str) -> Option<Token<'t>> {
        if text.len() > TOKEN_BYTES_MAX {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, payload) = signed.split_once('.')?;
        let object = |part: &str| -> Option<Map<String, Value>> {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
        };
        let header = object(header)?;
        // Extensions that have to be understood (RFC 7515, section 4.1.11): we understand none.
        if header.contains_key("crit") {
            return None;
        }
        Some(Token {
            key_id: header.get("kid")?.as_str()?.to_owned(),
            algorithm: header.get("alg")?.as_str()?.to_owned(),
            payload: object(payload)?,
            signed,
            signature: URL_SAFE_NO_PAD.decode(signature).ok()?,
        })
    }

    /// What it says, if it was signed with this key.
    pub(crate) fn verified(self, algorithm: Algorithm, key: &str) -> Option<Map<String, Value>> {
        let is_right = self.algorithm == algorithm.as_str()
            && match algorithm {
                Algorithm::Hs256 => {
                    let key = hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes());
                    hmac::verify(&key, self.signed.as_bytes(), &self.signature).is_ok()
                }
                Algorithm::Rs256 => public_key(key).is_some_and(|der| {
                    signature::UnparsedPublicKey::new(&signature::RSA_PKCS1_2048_8192_SHA256, der)
                        .verify(self.signed.as_bytes(), &self.signature)
                        .is_ok()
                }),
            };
        is_right.then_some(self.payload)
    }
}

/// Why a key cannot be used; none when it can.
pub(crate) fn fault(algorithm: Algorithm, key: &str) -> Option<&'static str> {
    match algorithm {
        Algorithm::Hs256 => {
            let is_right = key.len() == 24 && key.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            (!is_right).then_some("key must be 24 characters from 0-9 and a-f.")
        }
        Algorithm::Rs256 => {
            let bits = public_key(key).and_then(|der| modulus_bits(&der));
            match bits {
                Some(2048..=8192) => None,
                Some(_) => Some("key must have 2048 to 8192 bits."),
                None => Some("key must be an RSA public key in PEM."),
            }
        }
    }
}

/// The key itself (RSAPublicKey, RFC 8017) out of PEM, in which it may stand alone or with its kind around it.
fn public_key(pem: &str) -> Option<Vec<u8>> {
    let body = |kind: &str| {
        let start = pem.find(&format!("-----BEGIN {kind}-----"))? + kind.len() + 16;
        let end = pem[start..].find("-----END ")? + start;
        let text: String = pem[start..end].chars().filter(|c| !c.is_whitespace()).collect();
        STANDARD.decode(text).ok()
    };
    if let Some(der) = body("RSA PUBLIC KEY") {
        return Some(der);
    }
    /// rsaEncryption, with its empty parameters.
    const RSA: &[u8] = &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
    let der = body("PUBLIC KEY")?;
    let (whole, _) = element(&der, 0x30)?;
    let (kind, rest) = element(whole, 0x30)?;
    let (bits, _) = element(rest, 0x03)?;
    (kind == RSA && bits.first() == Some(&0)).then(|| bits[1..].to_vec())
}

fn modulus_bits(der: &[u8]) -> Option<usize> {
    let (whole, _) = element(der, 0x30)?;
    let (modulus, rest) = element(whole, 0x02)?;
    element(rest, 0x02)?;
    let digits = modulus.iter().position(|byte| *byte != 0).map(|start| &modulus[start..])?;
    Some(digits.len() * 8 - digits[0].leading_zeros() as usize)
}

/// The content of the DER element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (first, rest) = der.split_first()?;
    if *first != tag {
        return None;
    }
    let (length, rest) = rest.split_first()?;
    let (length, rest) = match *length {
        short @ 0..=0x7f => (usize::from(short), rest),
        0x81 => (usize::from(*rest.first()?), rest.get(1..)?),
        0x82 => (usize::from(u16::from_be_bytes(rest.get(..2)?.try_into().ok()?)), rest.get(2..)?),
        _ => return None,
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const KEY: &str = "0123456789abcdef01234567";

    fn signed(header: &Value, payload: &Value, key: &str) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    fn says(token: &str, algorithm: Algorithm, key: &str) -> Option<Value> {
        Token::parse(token)?.verified(algorithm, key).map(Value::Object)
    }

    #[test]
    fn only_what_this_key_signed_is_believed() {
        let (header, payload) = (json!({ "typ": "JWT", "alg": "HS256", "kid": "k" }), json!({ "uuid": "7" }));
        let token = signed(&header, &payload, KEY);
        assert_eq!(says(&token, Algorithm::Hs256, KEY), Some(payload.clone()));
        assert_eq!(says(&token, Algorithm::Hs256, "0123456789abcdef01234568"), None);
        assert_eq!(says(&token, Algorithm::Rs256, KEY), None);
        // The public key as a shared secret: the oldest trick.
        for alg in ["none", "HS384", "RS256", "hs256", ""] {
            let header = json!({ "alg": alg, "kid": "k" });
            assert_eq!(says(&signed(&header, &payload, KEY), Algorithm::Hs256, KEY), None, "{alg}");
        }
        let unsigned = token.rsplit_once('.').unwrap().0.to_owned();
        for broken in [
            "",
            ".",
            "..",
            "a.b",
            "a.b.c",
            &unsigned,
            &format!("{unsigned}."),
            &format!("{token}A"),
            &format!("{token}="),
            &format!("{token}.{token}"),
            &"x".repeat(TOKEN_BYTES_MAX + 1),
        ] {
            assert_eq!(says(broken, Algorithm::Hs256, KEY), None, "{broken:.40}");
        }
        let critical = json!({ "alg": "HS256", "kid": "k", "crit": ["exp"] });
        assert_eq!(says(&signed(&critical, &payload, KEY), Algorithm::Hs256, KEY), None);
        assert!(Token::parse(&signed(&json!({ "alg": "HS256" }), &payload, KEY)).is_none(), "a key id is needed");
    }

    #[test]
    fn keys_are_what_the_public_page_says() {
        assert_eq!(fault(Algorithm::Hs256, KEY), None);
        for wrong in ["", "0123456789abcdef0123456", "0123456789ABCDEF01234567", "0123456789abcdef0123456g"] {
            assert!(fault(Algorithm::Hs256, wrong).is_some(), "{wrong}");
        }
        for wrong in
            ["", KEY, "-----BEGIN PUBLIC KEY-----", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----"]
        {
            assert!(fault(Algorithm::Rs256, wrong).is_some(), "{wrong}");
        }
    }
}
