//! Keys that services give to those who send, and JSON Web Tokens signed with them (RFC 7515).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use frontdesk_model::Secret;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use serde_json::Value;

/// A private key.
pub(super) enum Key {
    /// RS256.
    Rsa(Box<RsaKeyPair>),
    /// ES256.
    P256(Box<EcdsaKeyPair>),
}

impl Key {
    /// An RSA key in PEM (PKCS #8).
    pub(super) fn rsa(pem: &str) -> Option<Key> {
        RsaKeyPair::from_pkcs8(&der(pem)?).ok().map(|key| Key::Rsa(Box::new(key)))
    }

    /// A key on the curve P-256 in PEM (PKCS #8).
    pub(super) fn p256(pem: &str) -> Option<Key> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der(pem)?, &random());
        key.ok().map(|key| Key::P256(Box::new(key)))
    }

    /// A token that says this.
    pub(super) fn token(&self, header: &Value, claims: &Value) -> Option<Secret> {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(header), part(claims));
        let signature = match self {
            Key::Rsa(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random(), text.as_bytes(), &mut signature).ok()?;
                signature
            }
            Key::P256(key) => key.sign(&random(), text.as_bytes()).ok()?.as_ref().to_vec(),
        };
        Some(Secret::new(format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }
}

#[expect(clippy::disallowed_methods, reason = "ring's signatures take its own source of chance and no other")]
fn random() -> SystemRandom {
    SystemRandom::new()
}

fn der(pem: &str) -> Option<Vec<u8>> {
    const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
    let (_, rest) = pem.split_once(BEGIN)?;
    let (body, _) = rest.split_once("-----END PRIVATE KEY-----")?;
    STANDARD.decode(body.chars().filter(|c| !c.is_whitespace()).collect::<String>()).ok()
}
