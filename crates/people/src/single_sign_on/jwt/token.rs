//! The tokens of single sign-on (RFC 7519): signed with a shared secret, a few minutes old, taken once.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use serde_json::{Map, Value};

/// A token has at most this many bytes.
const TOKEN_BYTES_MAX: usize = 4 * 1024;
/// Of what names a token or a user, so many characters at most.
const TEXT_CHARACTERS_MAX: usize = 255;
/// A token is taken for so long after it was made.
pub(super) const AGE_SECONDS_MAX: i64 = 300;
/// Clocks differ: a token may be from this far ahead.
const AHEAD_SECONDS_MAX: i64 = 10;

/// Why a token is not taken, in the documented words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    Invalid,
    Expired,
    MissingAttribute,
    Replay,
    UserNotFound,
}

impl Fault {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Fault::Invalid => "token_invalid",
            Fault::Expired => "token_expired",
            Fault::MissingAttribute => "token_missing_attribute",
            Fault::Replay => "token_replay",
            Fault::UserNotFound => "user_not_found",
        }
    }
}

/// What a token says.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Claims {
    pub(super) issued_at: i64,
    pub(super) token_id: String,
    pub(super) external_id: String,
}

/// What a token says that this secret signed; `now` in seconds since 1970. The signature is looked at before anything
/// that the token says.
pub(super) fn read(token: &str, secret: &str, now: i64) -> Result<Claims, Fault> {
    let payload = signed(token, secret).ok_or(Fault::Invalid)?;
    let text = |name: &str| {
        let text = match payload.get(name) {
            Some(Value::String(text)) => text.trim().to_owned(),
            // Some libraries write ids that are digits as numbers.
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let fits = !text.is_empty() && text.chars().count() <= TEXT_CHARACTERS_MAX && !text.contains('\0');
        if fits { Ok(text) } else { Err(Fault::MissingAttribute) }
    };
    let issued_at = payload.get("iat").and_then(Value::as_f64).ok_or(Fault::MissingAttribute)?;
    let (token_id, external_id) = (text("jti")?, text("external_id")?);
    let issued_at = issued_at.floor() as i64;
    if issued_at > now.saturating_add(AHEAD_SECONDS_MAX) {
        return Err(Fault::Invalid);
    }
    if now.saturating_sub(issued_at) > AGE_SECONDS_MAX {
        return Err(Fault::Expired);
    }
    // Neither has to be there; what they say counts (RFC 7519, sections 4.1.4 and 4.1.5).
    let moment = |name: &str| match payload.get(name) {
        None => Ok(None),
        Some(moment) => moment.as_f64().map(|moment| Some(moment.floor() as i64)).ok_or(Fault::Invalid),
    };
    if moment("exp")?.is_some_and(|end| now >= end.saturating_add(AHEAD_SECONDS_MAX)) {
        return Err(Fault::Expired);
    }
    if moment("nbf")?.is_some_and(|begin| begin > now.saturating_add(AHEAD_SECONDS_MAX)) {
        return Err(Fault::Invalid);
    }
    Ok(Claims { issued_at, token_id, external_id })
}

fn signed(token: &str, secret: &str) -> Option<Map<String, Value>> {
    if token.len() > TOKEN_BYTES_MAX {
        return None;
    }
    let (signed, signature) = token.rsplit_once('.')?;
    let (header, payload) = signed.split_once('.')?;
    let object =
        |part: &str| -> Option<Map<String, Value>> { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok() };
    let header = object(header)?;
    // Extensions that have to be understood (RFC 7515, section 4.1.11): we understand none.
    if header.contains_key("crit") {
        return None;
    }
    // One family of algorithms, so that no key is ever taken for one of another kind.
    let algorithm = match header.get("alg")?.as_str()? {
        "HS256" => hmac::HMAC_SHA256,
        "HS384" => hmac::HMAC_SHA384,
        "HS512" => hmac::HMAC_SHA512,
        _ => return None,
    };
    let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
    hmac::verify(&hmac::Key::new(algorithm, secret.as_bytes()), signed.as_bytes(), &signature).ok()?;
    object(payload)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: i64 = 1_371_223_212;

    fn token(header: &Value, payload: &Value, secret: &str) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(header), part(payload));
        let algorithm = match header["alg"].as_str() {
            Some("HS384") => hmac::HMAC_SHA384,
            Some("HS512") => hmac::HMAC_SHA512,
            _ => hmac::HMAC_SHA256,
        };
        let tag = hmac::sign(&hmac::Key::new(algorithm, secret.as_bytes()), signed.as_bytes());
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
    }

    #[test]
    fn the_published_example_is_read() {
        let example = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzI1NiJ9.eyJpYXQiOjEzNzEyMjMyMTIsImp0aSI6ImQ2Y0I0NDVjMWVHNjUxMnAiLCJleHRlcm5hbF9pZCI6IjEyMzQ1NiJ9.cIrf70IOkcNjc5ScplJidG1WNFHgAw39MAOjp3WNatU";
        let claims = read(example, "secret", NOW).unwrap();
        assert_eq!(
            (claims.issued_at, claims.token_id.as_str(), claims.external_id.as_str()),
            (NOW, "d6cB445c1eG6512p", "123456")
        );
    }

    #[test]
    fn only_what_the_secret_signed_is_believed() {
        let payload = json!({ "iat": NOW, "jti": "a", "external_id": "7" });
        for alg in ["HS256", "HS384", "HS512"] {
            let token = token(&json!({ "alg": alg }), &payload, "secret");
            assert!(read(&token, "secret", NOW).is_ok(), "{alg}");
            assert_eq!(read(&token, "Secret", NOW), Err(Fault::Invalid), "{alg}");
            let unsigned = token.rsplit_once('.').unwrap().0.to_owned();
            for broken in [
                &unsigned,
                &format!("{unsigned}."),
                &format!("{token}A"),
                &format!("{token}="),
                &token.replace('.', ""),
            ] {
                assert_eq!(read(broken, "secret", NOW), Err(Fault::Invalid), "{broken}");
            }
        }
        for header in [
            json!({ "alg": "none" }),
            json!({ "alg": "None" }),
            json!({ "alg": "hs256" }),
            json!({ "alg": "HS385" }),
            json!({ "alg": "RS256" }),
            json!({ "alg": "" }),
            json!({ "alg": ["HS256"] }),
            json!({}),
            json!({ "alg": "HS256", "crit": ["exp"] }),
        ] {
            assert_eq!(read(&token(&header, &payload, "secret"), "secret", NOW), Err(Fault::Invalid), "{header}");
        }
        for broken in ["", ".", "..", "a.b", "a.b.c", "é.é.é", &"x".repeat(TOKEN_BYTES_MAX + 1)] {
            assert_eq!(read(broken, "secret", NOW), Err(Fault::Invalid), "{broken:.20}");
        }
    }

    #[test]
    fn attributes_and_age_are_looked_at() {
        let said = |payload: Value| {
            read(&token(&json!({ "alg": "HS256" }), &payload, "secret"), "secret", NOW).map(|claims| claims.external_id)
        };
        for (payload, result) in [
            (json!({ "iat": NOW, "jti": "a", "external_id": "7" }), Ok("7".to_owned())),
            (json!({ "iat": NOW, "jti": 5, "external_id": 7 }), Ok("7".to_owned())),
            (json!({ "iat": NOW - 300, "jti": "a", "external_id": "7" }), Ok("7".to_owned())),
            (json!({ "iat": NOW - 301, "jti": "a", "external_id": "7" }), Err(Fault::Expired)),
            (json!({ "iat": NOW + 10, "jti": "a", "external_id": "7" }), Ok("7".to_owned())),
            (json!({ "iat": NOW + 11, "jti": "a", "external_id": "7" }), Err(Fault::Invalid)),
            (json!({ "iat": 1e300, "jti": "a", "external_id": "7" }), Err(Fault::Invalid)),
            (json!({ "iat": -1e300, "jti": "a", "external_id": "7" }), Err(Fault::Expired)),
            (json!({ "iat": "now", "jti": "a", "external_id": "7" }), Err(Fault::MissingAttribute)),
            (json!({ "jti": "a", "external_id": "7" }), Err(Fault::MissingAttribute)),
            (json!({ "iat": NOW, "external_id": "7" }), Err(Fault::MissingAttribute)),
            (json!({ "iat": NOW, "jti": " ", "external_id": "7" }), Err(Fault::MissingAttribute)),
            (json!({ "iat": NOW, "jti": "a" }), Err(Fault::MissingAttribute)),
            (json!({ "iat": NOW, "jti": "a", "external_id": "7", "exp": NOW + 1, "nbf": NOW }), Ok("7".to_owned())),
            (json!({ "iat": NOW, "jti": "a", "external_id": "7", "exp": NOW - 10 }), Err(Fault::Expired)),
            (json!({ "iat": NOW, "jti": "a", "external_id": "7", "exp": "1" }), Err(Fault::Invalid)),
            (json!({ "iat": NOW, "jti": "a", "external_id": "7", "exp": null }), Err(Fault::Invalid)),
            (json!({ "iat": NOW, "jti": "a", "external_id": "7", "nbf": [NOW] }), Err(Fault::Invalid)),
            (json!({ "iat": NOW, "jti": "a", "external_id": null }), Err(Fault::MissingAttribute)),
            (json!({ "iat": NOW, "jti": "a", "external_id": "x".repeat(256) }), Err(Fault::MissingAttribute)),
            (json!({ "iat": NOW, "jti": "a", "external_id": "7\u{0}" }), Err(Fault::MissingAttribute)),
        ] {
            assert_eq!(said(payload.clone()), result, "{payload}");
        }
    }
}
