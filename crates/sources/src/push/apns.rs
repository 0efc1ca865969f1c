//! Apple Push Notification service: HTTP/2, and tokens that we sign ourselves with the key of a team.

use frontdesk_model::{Secret, Timestamp};
use serde_json::{Value, json};

use super::key::Key;
use super::settings::{APNS_KEY, APNS_KEY_ID, APNS_SANDBOX, APNS_TEAM_ID, APNS_TOPIC, APNS_URL};
use super::{Access, Notification, Outcome, Request, SignIn, Token, signed_json};
use crate::Settings;

const URL: &str = "https://api.push.apple.com";
const SANDBOX_URL: &str = "https://api.sandbox.push.apple.com";
/// A token is good for an hour, and a new one is refused within 20 minutes of the last.
const TOKEN_SECONDS: i64 = 40 * 60;

/// A source's key.
pub(super) struct Apns {
    key: Key,
    key_id: String,
    team_id: String,
    topic: String,
    url: String,
}

impl Apns {
    pub(super) fn of(settings: &Settings) -> Option<Apns> {
        let is_sandbox = settings.boolean(APNS_SANDBOX).unwrap_or(false);
        let url = settings.text(APNS_URL).unwrap_or(if is_sandbox { SANDBOX_URL } else { URL });
        Some(Apns {
            key: Key::p256(settings.secret(APNS_KEY)?.reveal())?,
            key_id: settings.text(APNS_KEY_ID)?.to_owned(),
            team_id: settings.text(APNS_TEAM_ID)?.to_owned(),
            topic: settings.text(APNS_TOPIC)?.to_owned(),
            url: url.trim_end_matches('/').to_owned(),
        })
    }
}

impl Access for Apns {
    fn sign_in(&self, now: Timestamp) -> Result<SignIn, String> {
        let header = json!({ "alg": "ES256", "kid": self.key_id });
        let claims = json!({ "iss": self.team_id, "iat": super::seconds(now) });
        let text = self.key.token(&header, &claims).ok_or("the key does not sign")?;
        Ok(SignIn::Made(Token { text, until: now.plus_seconds(TOKEN_SECONDS) }))
    }

    fn read_token(&self, _: u16, _: &[u8], _: Timestamp) -> Result<Token, Outcome> {
        Err(Outcome::Refused("nobody gives out tokens for this service".into()))
    }

    fn request(&self, token: &Token, push_token: &str, notification: &Notification) -> Request {
        let mut body = notification.data();
        body["aps"] = notification.aps();
        let mut request = signed_json(format!("{}/3/device/{push_token}", self.url), token, &body);
        request.http2 = true;
        let until = super::seconds(notification.until).to_string();
        let headers = [
            ("apns-topic", self.topic.clone()),
            ("apns-push-type", "alert".into()),
            ("apns-priority", "10".into()),
            ("apns-expiration", until),
            // At most 64 bytes.
            ("apns-collapse-id", notification.content_id.hex()),
        ];
        request.headers.extend(headers.map(|(name, value)| (name, Secret::new(value))));
        request
    }

    fn read_answer(&self, status: u16, body: &[u8]) -> Outcome {
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let reason = told["reason"].as_str().unwrap_or_default();
        let since = || told["timestamp"].as_i64().and_then(|ms| ms.checked_mul(1_000)).map(Timestamp::from_micros);
        let why = format!("status {status} {}", super::shown(reason));
        match (status, reason) {
            (200, _) => Outcome::Taken,
            (410, _) => Outcome::Gone(since()),
            (400, "BadDeviceToken") => Outcome::Gone(None),
            (403, "ExpiredProviderToken") => Outcome::SignedOut(why),
            (400, "BadTopic" | "DeviceTokenNotForTopic" | "MissingTopic" | "TopicDisallowed") | (403, _) => {
                Outcome::Misconfigured(why)
            }
            (408 | 429 | 500.., _) => Outcome::Later(why),
            _ => Outcome::Refused(why),
        }
    }
}

/// Why a text cannot be the setting; none when it can.
pub(super) fn fault(text: &Secret) -> Option<&'static str> {
    Key::p256(text.reveal()).is_none().then_some("must be the content of the .p8 file: a private key in PEM")
}
