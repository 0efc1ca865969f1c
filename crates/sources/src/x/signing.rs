//! Whether what comes is X's: its signature over the raw bytes, and the answer by which we prove that we know the secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;

use super::settings::CONSUMER_SECRET;
use crate::Settings;

/// The header that holds the signature.
pub const SIGNATURE_HEADER: &str = "x-twitter-webhooks-signature";
const PREFIX: &str = "sha256=";
/// Characters of a question: more is nobody's.
const QUESTION_CHARACTERS_MAX: usize = 256;

/// Whether this can be a question of X: a short token. Anybody may ask, and gets it signed with the same key as a delivery
/// is. So what can be asked is never taken for a delivery, which is JSON.
fn is_question(text: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/=-_.~".contains(byte);
    (1..=QUESTION_CHARACTERS_MAX).contains(&text.len()) && text.iter().all(is_token)
}

/// The signature of a body with this secret, as X sends it.
pub fn signature(secret: &str, body: &[u8]) -> String {
    let signed = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), body);
    format!("{PREFIX}{}", STANDARD.encode(signed))
}

fn key(settings: &Settings) -> Option<hmac::Key> {
    let secret = settings.secret(CONSUMER_SECRET)?.reveal();
    (!secret.is_empty()).then(|| hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
}

/// What proves to X that we know the app's secret; none while it is not set.
pub(super) fn response_token(settings: &Settings, crc_token: &str) -> Option<String> {
    if !is_question(crc_token.as_bytes()) {
        return None;
    }
    let signed = hmac::sign(&key(settings)?, crc_token.as_bytes());
    Some(format!("{PREFIX}{}", STANDARD.encode(signed)))
}

/// Whether a body is X's, by its signature header. It takes the same time wherever they differ.
pub(super) fn verify(settings: &Settings, signature: &str, body: &[u8]) -> bool {
    let given = signature.strip_prefix(PREFIX).and_then(|text| STANDARD.decode(text).ok());
    match (key(settings), given) {
        (Some(key), Some(given)) if !is_question(body) => hmac::verify(&key, body, &given).is_ok(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::validate_settings;

    fn settings() -> Settings {
        let given = json!({"x_user_id": "1", "x_consumer_secret": "example-consumer-secret"});
        validate_settings(&super::super::KIND, given.as_object().unwrap()).unwrap()
    }

    #[test]
    fn questions_and_bodies_are_signed_as_the_pages_say() {
        let settings = settings();
        // Computed apart, by the documented algorithm.
        let expected = "sha256=sx4fvKU46brff4G++BonCLyJwI0rA84HsI5tq5wpBOQ=";
        assert_eq!(response_token(&settings, "bm9uY2Ux").as_deref(), Some(expected));
        let (body, signature) = (
            br#"{"for_user_id":"1","direct_message_events":[]}"#,
            "sha256=u0enGcl94GARFgSDy+vLkXxyVANc+pMmlQmw7UD67u4=",
        );
        assert!(verify(&settings, signature, body));
        assert!(!verify(&settings, signature, &body[1..]), "another body");
        let bare = signature.trim_start_matches(PREFIX);
        for wrong in
            ["", bare, "sha1=u0enGcl94GARFgSDy+vLkXxyVANc+pMmlQmw7UD67u4=", "sha256=", "sha256=AAAA", "sha256=?"]
        {
            assert!(!verify(&settings, wrong, body), "{wrong}");
        }
        assert!(!verify(&Settings::default(), signature, body), "without a secret nobody is let in");
        for asked in ["", r#"{"for_user_id":"1"}"#, "a b", "a\n", &"a".repeat(257)] {
            assert_eq!(response_token(&settings, asked), None, "{asked}");
        }
        assert!(!verify(&settings, expected, b"bm9uY2Ux"), "what anybody gets signed is no delivery");
    }
}
