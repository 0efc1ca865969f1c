//! The Channel SDK's signature, computed apart from the product.

use ring::hmac;

/// The lower-case hex HMAC-SHA512 of a body.
pub fn sign(secret: &str, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA512, secret.as_bytes());
    hmac::sign(&key, body).as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}
