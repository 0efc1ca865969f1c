//! Huawei Push Kit: an app signs in with its id and secret and sends to one device at a time. What went wrong
//! stands in the body, under a status of 200.

use frontdesk_model::{Secret, Timestamp};
use serde_json::{Value, json};

use super::settings::{HUAWEI_APPLICATION_ID, HUAWEI_CLIENT_ID, HUAWEI_CLIENT_SECRET, HUAWEI_TOKEN_URL, HUAWEI_URL};
use super::{Access, KEPT_SECONDS, Notification, Outcome, Request, SignIn, Token, form, granted, shown, signed_json};
use crate::Settings;

const URL: &str = "https://push-api.cloud.huawei.com";
const TOKEN_URL: &str = "https://oauth-login.cloud.huawei.com/oauth2/v3/token";

/// A source's app.
pub(super) struct Huawei {
    application_id: String,
    client_id: String,
    client_secret: Secret,
    token_url: String,
    url: String,
}

impl Huawei {
    pub(super) fn of(settings: &Settings) -> Option<Huawei> {
        let application_id = settings.text(HUAWEI_APPLICATION_ID)?.to_owned();
        Some(Huawei {
            // Most apps have no credentials of their own for this.
            client_id: settings.text(HUAWEI_CLIENT_ID).unwrap_or(&application_id).to_owned(),
            client_secret: settings.secret(HUAWEI_CLIENT_SECRET)?.clone(),
            token_url: settings.text(HUAWEI_TOKEN_URL).unwrap_or(TOKEN_URL).to_owned(),
            url: settings.text(HUAWEI_URL).unwrap_or(URL).trim_end_matches('/').to_owned(),
            application_id,
        })
    }
}

impl Access for Huawei {
    fn sign_in(&self, _: Timestamp) -> Result<SignIn, String> {
        let fields = [
            ("grant_type", "client_credentials"),
            ("client_id", &self.client_id),
            ("client_secret", self.client_secret.reveal()),
        ];
        Ok(SignIn::Asked(form(&self.token_url, &fields)))
    }

    fn read_token(&self, status: u16, body: &[u8], now: Timestamp) -> Result<Token, Outcome> {
        granted(status, body, now)
    }

    fn request(&self, token: &Token, push_token: &str, notification: &Notification) -> Request {
        let (title, body) = (&notification.title, &notification.body);
        let message = json!({
            "notification": { "title": title, "body": body },
            "data": notification.data().to_string(),
            "android": {
                "urgency": "HIGH",
                "ttl": format!("{KEPT_SECONDS}s"),
                "notification": {
                    "title": title, "body": body, "tag": notification.content_id.hex(),
                    "badge": { "set_num": notification.unread.clamp(0, 99) },
                    // Opens the app.
                    "click_action": { "type": 3 },
                },
            },
            "token": [push_token],
        });
        let url = format!("{}/v1/{}/messages:send", self.url, self.application_id);
        signed_json(url, token, &json!({ "validate_only": false, "message": message }))
    }

    fn read_answer(&self, status: u16, body: &[u8]) -> Outcome {
        let told: Value = serde_json::from_slice(body).unwrap_or_default();
        let code = told["code"].as_str().unwrap_or_default();
        let why = format!("status {status} {}: {}", shown(code), shown(told["msg"].as_str().unwrap_or_default()));
        match (status, code) {
            (_, "80000000") => Outcome::Taken,
            // One device was asked for: in part is not at all.
            (_, "80100000" | "80300007") => Outcome::Gone(None),
            (_, "80200001" | "80200003") | (401, _) => Outcome::SignedOut(why),
            (_, "80300002" | "80300009") | (403 | 404, _) => Outcome::Misconfigured(why),
            (408 | 429 | 500.., _) | (_, "81000001" | "82000001") => Outcome::Later(why),
            _ => Outcome::Refused(why),
        }
    }
}
