//! Tokens that let requests in for a while (RFC 6749): the answer of a service that gives them out, and what it means when
//! it does not.

use frontdesk_model::{Secret, Timestamp, invisible};
use serde_json::Value;

use crate::outbound::{Answer, Class, Failure};

/// A token is not used in its last seconds: a request takes its time, and clocks differ.
const SPARE_SECONDS: i64 = 60;
/// No token is believed to hold longer, seconds.
const HOLDS_SECONDS_MAX: i64 = 24 * 60 * 60;
/// Of what a service says, so many characters are shown to people.
const REASON_CHARACTERS_MAX: usize = 200;

/// What was given out.
#[derive(Clone, Debug)]
pub struct Granted {
    /// What stands behind `Bearer`.
    pub token: Secret,
    /// Until when it is used.
    pub until: Timestamp,
    /// What the next one is asked for with, where the service changes it each time.
    pub refresh_token: Option<Secret>,
}

/// Reads the answer of a token endpoint. `service` is its name for people.
pub fn read(service: &str, answer: &Answer) -> Result<Granted, Failure> {
    let told = answer.json();
    let text = |name: &str| {
        let text = told[name].as_str()?;
        (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Secret::new(text))
    };
    match (answer.status, text("access_token")) {
        (200, Some(token)) => {
            let seconds = told["expires_in"].as_i64().unwrap_or(0).clamp(0, HOLDS_SECONDS_MAX);
            let until = answer.now.plus_seconds(seconds - SPARE_SECONDS);
            Ok(Granted { token, until, refresh_token: text("refresh_token") })
        }
        (408 | 429 | 500.., _) => {
            let message = format!("{service} gave out no access token just now (status {}).", answer.status);
            Err(Failure::new(Class::Retry, message))
        }
        _ => {
            let why = told["error_description"].as_str().or(told["error"].as_str()).unwrap_or("no reason was told");
            let message = format!("{service} no longer lets us in: connect the account again ({}).", shown(why));
            Err(Failure::new(Class::Auth, message))
        }
    }
}

/// Reads what a code was good for, as one secret: the token that lets requests in now, and the one for the next.
pub(crate) fn read_both(service: &str, answer: &Answer) -> Result<Secret, String> {
    let granted = read(service, answer).map_err(|failure| failure.message)?;
    let refresh_token = granted.refresh_token.ok_or_else(|| {
        format!(
            "{service} gave out no refresh token: take Frontdesk off the account's connected apps, and begin again."
        )
    })?;
    Ok(Secret::new(format!("{} {}", granted.token.reveal(), refresh_token.reveal())))
}

/// The two of [`read_both`].
pub(crate) fn both(secret: &Secret) -> Option<(Secret, Secret)> {
    let (token, refresh_token) = secret.reveal().split_once(' ')?;
    Some((Secret::new(token), Secret::new(refresh_token)))
}

/// A service's words, as people are shown them.
pub(crate) fn shown(text: &str) -> String {
    let shown: String = invisible::shown(text).chars().take(REASON_CHARACTERS_MAX).collect();
    shown.trim().trim_end_matches('.').to_owned()
}

/// A service's words of any type.
pub(crate) fn said(value: &Value) -> Option<String> {
    value.as_str().map(shown).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_token_endpoints_are_read() {
        let now = Timestamp::from_micros(0);
        let answer = |status, body: &'static str| Answer {
            status,
            headers: Vec::new(),
            body: body.as_bytes(),
            truncated: false,
            now,
        };
        let granted = read("S", &answer(200, r#"{"access_token":"a","expires_in":3600,"refresh_token":"b"}"#)).unwrap();
        assert_eq!((granted.token.reveal(), granted.until), ("a", now.plus_seconds(3_540)));
        assert_eq!(granted.refresh_token.unwrap().reveal(), "b");
        let secret = read_both("S", &answer(200, r#"{"access_token":"a","refresh_token":"b"}"#)).unwrap();
        let (token, refresh_token) = both(&secret).unwrap();
        assert_eq!((token.reveal(), refresh_token.reveal()), ("a", "b"));
        assert!(read_both("S", &answer(200, r#"{"access_token":"a"}"#)).unwrap_err().contains("no refresh token"));
        for (status, body, class) in [
            (400, r#"{"error":"invalid_grant","error_description":"Token has been revoked."}"#, Class::Auth),
            (200, r#"{"access_token":"a b"}"#, Class::Auth),
            (200, "<html>", Class::Auth),
            (503, "", Class::Retry),
        ] {
            assert_eq!(read("S", &answer(status, body)).unwrap_err().class, class, "{status} {body}");
        }
        let failure = read("S", &answer(400, r#"{"error":"x","error_description":"Gone.\u0000"}"#)).unwrap_err();
        assert_eq!(failure.message, "S no longer lets us in: connect the account again (Gone).");
    }
}
