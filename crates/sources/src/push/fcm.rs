//! Firebase Cloud Messaging, HTTP v1: a service account signs in (RFC 7523) and sends to one device at a time.

use frontdesk_model::urls::is_web_url;
use frontdesk_model::{Secret, Timestamp};
use serde_json::{Value, json};

use super::key::Key;
use super::settings::{FCM_SERVICE_ACCOUNT, FCM_URL};
use super::{Access, KEPT_SECONDS, Notification, Outcome, Request, SignIn, Token, form, granted, shown, signed_json};
use crate::Settings;

const URL: &str = "https://fcm.googleapis.com";
const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// What a signed request for a token is good for; no more is taken.
const ASSERTION_SECONDS: i64 = 3_600;

/// A source's service account.
pub(super) struct Fcm {
    project: String,
    email: String,
    key_id: String,
    key: Key,
    token_url: String,
    url: String,
}

impl Fcm {
    pub(super) fn of(settings: &Settings) -> Option<Fcm> {
        let account = Fcm::read(settings.secret(FCM_SERVICE_ACCOUNT)?.reveal()).ok()?;
        let url = settings.text(FCM_URL).unwrap_or(URL).trim_end_matches('/').to_owned();
        Some(Fcm { url, ..account })
    }

    /// Reads the file that the console of Firebase gives out; the error completes a sentence.
    pub(super) fn read(text: &str) -> Result<Fcm, &'static str> {
        let account: Value = serde_json::from_str(text).map_err(|_| "must be the JSON file of a service account")?;
        let field = |name: &str| account[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let project = field("project_id").ok_or("must have a project_id")?;
        if !project.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'.')) {
            return Err("must have a project_id of letters, digits and hyphens");
        }
        Ok(Fcm {
            project,
            email: field("client_email").ok_or("must have a client_email")?,
            key_id: field("private_key_id").unwrap_or_default(),
            key: field("private_key").and_then(|pem| Key::rsa(&pem)).ok_or("must have an RSA private_key in PEM")?,
            token_url: field("token_uri").filter(|url| is_web_url(url)).ok_or("must have a token_uri")?,
            url: URL.into(),
        })
    }
}

impl Access for Fcm {
    fn sign_in(&self, now: Timestamp) -> Result<SignIn, String> {
        let header = json!({ "alg": "RS256", "typ": "JWT", "kid": self.key_id });
        let seconds = super::seconds(now);
        let claims = json!({
            "iss": self.email, "scope": SCOPE, "aud": self.token_url, "iat": seconds, "exp": seconds + ASSERTION_SECONDS,
        });
        let assertion = self.key.token(&header, &claims).ok_or("the service account's key does not sign")?;
        Ok(SignIn::Asked(form(&self.token_url, &[("grant_type", GRANT), ("assertion", assertion.reveal())])))
    }

    fn read_token(&self, status: u16, body: &[u8], now: Timestamp) -> Result<Token, Outcome> {
        granted(status, body, now)
    }

    fn request(&self, token: &Token, push_token: &str, notification: &Notification) -> Request {
        let content_id = notification.content_id.hex();
        let until = super::seconds(notification.until).to_string();
        let message = json!({
            "token": push_token,
            "notification": { "title": notification.title, "body": notification.body },
            "data": notification.data(),
            "android": {
                "priority": "HIGH",
                "ttl": format!("{KEPT_SECONDS}s"),
                // Of notifications with one tag only the last is seen.
                "notification": { "tag": content_id },
            },
            "apns": {
                "headers": {
                    "apns-priority": "10", "apns-push-type": "alert", "apns-collapse-id": content_id,
                    "apns-expiration": until,
                },
                "payload": { "aps": notification.aps() },
            },
        });
        let url = format!("{}/v1/projects/{}/messages:send", self.url, self.project);
        signed_json(url, token, &json!({ "message": message }))
    }

    fn read_answer(&self, status: u16, body: &[u8]) -> Outcome {
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let error = &told["error"];
        let details = error["details"].as_array().map_or(&[][..], Vec::as_slice);
        let code = details.iter().find_map(|detail| detail["errorCode"].as_str()).unwrap_or_default();
        // Which field of ours is wrong, where the service tells it.
        let mut fields = details.iter().flat_map(|detail| detail["fieldViolations"].as_array().into_iter().flatten());
        let reason = error["message"].as_str().unwrap_or("no reason was told");
        let why = format!("status {status} {code}: {}", shown(reason));
        match (status, code) {
            (200, _) => Outcome::Taken,
            (_, "UNREGISTERED") => Outcome::Gone(None),
            (_, "SENDER_ID_MISMATCH") => Outcome::Misconfigured(format!("the app belongs to another project ({why})")),
            (_, "THIRD_PARTY_AUTH_ERROR") => {
                Outcome::Misconfigured(format!("Firebase may not send to Apple's devices of this app ({why})"))
            }
            (400, "INVALID_ARGUMENT") => match fields.next() {
                // It says nothing of our fields, so the token is no token.
                None => Outcome::Gone(None),
                Some(violation) if violation["field"] == "message.token" => Outcome::Gone(None),
                Some(_) => Outcome::Refused(why),
            },
            (401, _) => Outcome::SignedOut(why),
            (403 | 404, _) => Outcome::Misconfigured(why),
            (408 | 429 | 500.., _) => Outcome::Later(why),
            _ => Outcome::Refused(why),
        }
    }
}

/// Why a text cannot be the setting; none when it can.
pub(super) fn fault(text: &Secret) -> Option<&'static str> {
    Fcm::read(text.reveal()).err()
}
