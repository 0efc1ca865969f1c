//! Push services: how an app's user is told of a message while the app is away. One module per
//! service: settings of a source to credentials, a notification to a request, an answer to what it means. Nothing here
//! opens a connection; who sends is `frontdesk-web-messaging`.

mod apns;
mod fcm;
mod huawei;
mod key;
mod settings;

use std::fmt;

use frontdesk_model::{Id, Secret, Timestamp};
use serde_json::{Value, json};

use crate::Settings;

pub(crate) use settings::{ADDRESSED, SETTINGS};
pub use settings::{GENERIC_MESSAGE, HIDES_BODY};

/// A notification that could not be shown is kept for a phone that is off: seconds.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// An access token is not used in its last seconds: a request takes its time, and clocks differ.
const SPARE_SECONDS: i64 = 60;
/// Of what a service says, so much is shown to people.
const REASON_CHARACTERS_MAX: usize = 200;

/// A push service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// Firebase Cloud Messaging, HTTP v1.
    Fcm,
    /// Apple Push Notification service.
    Apns,
    /// Huawei Push Kit.
    Huawei,
}

impl Service {
    /// Every one.
    pub const ALL: [Service; 3] = [Service::Fcm, Service::Apns, Service::Huawei];

    /// Its name in the protocol and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Service::Fcm => "fcm",
            Service::Apns => "apns",
            Service::Huawei => "huawei",
        }
    }

    /// Its name for people.
    pub fn title(self) -> &'static str {
        match self {
            Service::Fcm => "Firebase Cloud Messaging",
            Service::Apns => "Apple Push Notification service",
            Service::Huawei => "Huawei Push Kit",
        }
    }

    /// The one with this name.
    pub fn named(name: &str) -> Option<Service> {
        Service::ALL.into_iter().find(|service| service.as_str() == name)
    }

    /// Whether a device's token can be one of this service: it stands in addresses and headers.
    pub fn takes(self, push_token: &str) -> bool {
        let most = if self == Service::Apns { APNS_TOKEN_DIGITS_MAX } else { TOKEN_BYTES_MAX };
        let fits = |byte: u8| match self {
            Service::Apns => byte.is_ascii_hexdigit(),
            Service::Fcm | Service::Huawei => byte.is_ascii_graphic(),
        };
        (TOKEN_BYTES_MIN..=most).contains(&push_token.len()) && push_token.bytes().all(fits)
    }

    /// What a source signs in with at this service; none while its settings do not say.
    pub fn access(self, settings: &Settings) -> Option<Box<dyn Access>> {
        match self {
            Service::Fcm => fcm::Fcm::of(settings).map(|access| Box::new(access) as _),
            Service::Apns => apns::Apns::of(settings).map(|access| Box::new(access) as _),
            Service::Huawei => huawei::Huawei::of(settings).map(|access| Box::new(access) as _),
        }
    }
}

/// Hex digits of a device's token at Apple; it has had 64 so far.
const APNS_TOKEN_DIGITS_MAX: usize = 200;
/// Bytes of a device's token elsewhere.
const TOKEN_BYTES_MAX: usize = 1_000;
const TOKEN_BYTES_MIN: usize = 8;

/// What somebody is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Who wrote.
    pub title: String,
    /// What they wrote, or that they wrote.
    pub body: String,
    /// How many messages the person has not read.
    pub unread: i64,
    /// The message. A repeat under the same id takes the place of the first on the screen.
    pub content_id: Id,
    /// Its conversation: notifications of one stand together.
    pub thread_id: Id,
    /// Whether an answer may be written into the notification.
    pub may_reply: bool,
    /// When it is worth nothing any more.
    pub until: Timestamp,
}

impl Notification {
    /// What the app gets with it: texts only, because not every service takes more.
    fn data(&self) -> Value {
        json!({
            "thread_id": self.thread_id.hex(),
            "content_id": self.content_id.hex(),
            "reply": if self.may_reply { "true" } else { "false" },
        })
    }

    /// What Apple's devices read, also behind Firebase.
    fn aps(&self) -> Value {
        json!({
            "alert": { "title": self.title, "body": self.body },
            "badge": self.unread,
            "sound": "default",
            "thread-id": self.thread_id.hex(),
            "category": if self.may_reply { CATEGORY_REPLY } else { CATEGORY_MESSAGE },
        })
    }
}

/// The category for which an app offers an answer.
const CATEGORY_REPLY: &str = "frontdesk.reply";
/// The category without one (`disable_text_input`).
const CATEGORY_MESSAGE: &str = "frontdesk.message";

/// A request to a push service. It has no `Debug`, because its headers hold secrets.
pub struct Request {
    /// Where to.
    pub url: String,
    /// Headers, with lower-case names.
    pub headers: Vec<(&'static str, Secret)>,
    /// The body.
    pub body: Vec<u8>,
    /// Whether the service speaks HTTP/2 and nothing else.
    pub http2: bool,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Request(…)")
    }
}

/// What signs requests for a while.
#[derive(Clone, Debug)]
pub struct Token {
    /// As it stands behind `Bearer`.
    pub text: Secret,
    /// Until when it is used.
    pub until: Timestamp,
}

/// How a token comes to be.
pub enum SignIn {
    /// We make it ourselves.
    Made(Token),
    /// The service's other half gives it out.
    Asked(Request),
}

/// What an answer means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The service has taken it.
    Taken,
    /// There is no such device any more: since then, if the service says.
    Gone(Option<Timestamp>),
    /// The token that signed the request does not hold any more: another one may.
    SignedOut(String),
    /// The source's credentials or settings are wrong.
    Misconfigured(String),
    /// This notification will never be taken.
    Refused(String),
    /// Something that passes.
    Later(String),
}

/// A source's way into a push service.
pub trait Access: Send + Sync {
    /// Begins to sign in; the error is for people.
    fn sign_in(&self, now: Timestamp) -> Result<SignIn, String>;
    /// The token in the answer to [`SignIn::Asked`]; otherwise what the answer means.
    fn read_token(&self, status: u16, body: &[u8], now: Timestamp) -> Result<Token, Outcome>;
    /// The request that shows a notification on the device with this token.
    fn request(&self, token: &Token, push_token: &str, notification: &Notification) -> Request;
    /// What the answer to it means.
    fn read_answer(&self, status: u16, body: &[u8]) -> Outcome;
}

/// A POST of JSON that a token signs.
fn signed_json(url: String, token: &Token, body: &Value) -> Request {
    Request {
        url,
        headers: vec![
            ("authorization", Secret::new(format!("Bearer {}", token.text.reveal()))),
            ("content-type", Secret::new("application/json; charset=utf-8")),
        ],
        body: body.to_string().into_bytes(),
        http2: false,
    }
}

/// A POST of a form that asks for a token (RFC 6749).
fn form(url: &str, fields: &[(&str, &str)]) -> Request {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let headers = vec![("content-type", Secret::new("application/x-www-form-urlencoded"))];
    Request { url: url.to_owned(), headers, body: body.into_bytes(), http2: false }
}

/// Reads the answer of RFC 6749, section 5.
fn granted(status: u16, body: &[u8], now: Timestamp) -> Result<Token, Outcome> {
    let told: Value = serde_json::from_slice(body).unwrap_or_default();
    let text =
        told["access_token"].as_str().filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic()));
    match (status, text) {
        (200, Some(text)) => {
            let seconds = told["expires_in"].as_i64().unwrap_or(0).clamp(0, 24 * 60 * 60);
            Ok(Token { text: Secret::new(text), until: now.plus_seconds(seconds - SPARE_SECONDS) })
        }
        (408 | 429 | 500.., _) => Err(Outcome::Later(format!("no access token was given out (status {status})"))),
        _ => {
            let why = told["error_description"].as_str().or(told["error"].as_str()).unwrap_or("no reason was told");
            Err(Outcome::Misconfigured(format!("signing in was refused (status {status}): {}", shown(why))))
        }
    }
}

/// Seconds since 1970, as tokens and headers tell times.
fn seconds(at: Timestamp) -> i64 {
    at.micros() / 1_000_000
}

/// A service's words, as people are shown them.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(REASON_CHARACTERS_MAX).collect()
}

#[cfg(test)]
mod tests;
