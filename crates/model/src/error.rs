//! The one error of commands, queries and operations: either the caller is told what to change, or it is our trouble.

use std::borrow::Cow;

use serde::Serialize;

/// A result whose error REST can answer as it is.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a command or an operation did not happen.
#[derive(Clone, Debug)]
pub enum Error {
    /// The caller asked for something that cannot be: told in the answer, never logged as a fault.
    Refused(Box<Refusal>),
    /// Two transactions met and this one lost; the store runs it again.
    Conflict(String),
    /// The store cannot serve now (disk full, database away): 503, worth trying again.
    Unavailable(String),
    /// Ours: logged with the request id, answered as 500 without its text.
    Broken(String),
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Error::Refused(refusal) => f.write_str(&refusal.message),
            Error::Conflict(text) | Error::Unavailable(text) | Error::Broken(text) => f.write_str(text),
        }
    }
}

impl Error {
    /// Another refusal in place of "not found", such as one that names the parameter; every other error stays.
    pub fn or_missing(self, instead: impl FnOnce() -> Error) -> Error {
        match self {
            Error::Refused(refusal) if refusal.status == 404 => instead(),
            other => other,
        }
    }
}

/// What the caller is told: HTTP status, a stable identifier, and a text that says what to change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status, 4xx.
    pub status: u16,
    /// Machine-readable identifier, such as `not_found`.
    pub code: Cow<'static, str>,
    /// For people: what is wrong and what to change.
    pub message: String,
    /// One entry per attribute on 422.
    pub errors: Vec<AttributeError>,
    /// Seconds after which trying again makes sense (429).
    pub retry_after_seconds: Option<u64>,
}

/// What is wrong with one attribute of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct AttributeError {
    /// The parameter's name.
    pub attribute: String,
    /// Machine-readable kind, such as `blank`.
    #[serde(rename = "type")]
    pub kind: String,
    /// For people.
    pub message: String,
}

impl Refusal {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Refusal {
        let (code, message) = (Cow::Borrowed(code), message.into());
        Refusal { status, code, message, errors: Vec::new(), retry_after_seconds: None }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::Refused(Box::new(refusal))
    }
}

/// 400: a parameter cannot be read.
pub fn bad_request(message: impl Into<String>) -> Error {
    Refusal::new(400, "bad_request", message).into()
}

/// 401: no token, or one that is unknown or disabled.
pub fn unauthorized(message: impl Into<String>) -> Error {
    Refusal::new(401, "invalid_access_token", message).into()
}

/// 403: the caller lacks a right, or the object is in a state that forbids this.
pub fn forbidden(message: impl Into<String>) -> Error {
    Refusal::new(403, "forbidden", message).into()
}

/// 404: unknown, malformed or unreadable id. `what` is the noun, such as "thread".
pub fn not_found(what: &str) -> Error {
    Refusal::new(404, "not_found", format!("There is no such {what}, or you may not read it.")).into()
}

/// 409: the same thing is in progress or exists already.
pub fn conflict(message: impl Into<String>) -> Error {
    Refusal::new(409, "conflict", message).into()
}

/// 409: it was decided without what a customer wrote meanwhile.
pub fn unseen(message: impl Into<String>) -> Error {
    Refusal::new(409, "unseen_content", message).into()
}

/// 413: more bytes than the limit.
pub fn too_large(message: impl Into<String>) -> Error {
    Refusal::new(413, "request_too_large", message).into()
}

/// 415: a body in a media type that is not understood.
pub fn unsupported_media_type(message: impl Into<String>) -> Error {
    Refusal::new(415, "unsupported_media_type", message).into()
}

/// 422: one attribute is wrong. `kind` is a stable word such as `blank`, `invalid` or `too_long`.
pub fn invalid(attribute: &str, kind: &str, message: impl Into<String>) -> Error {
    invalid_all(vec![AttributeError { attribute: attribute.into(), kind: kind.into(), message: message.into() }])
}

/// 422: several attributes are wrong; all are told at once.
pub fn invalid_all(errors: Vec<AttributeError>) -> Error {
    let message = errors.iter().map(|error| error.message.as_str()).collect::<Vec<_>>().join(" ");
    Refusal { errors, ..Refusal::new(422, "validation_error", message) }.into()
}

/// 422 with an identifier that the public documentation names, such as `compose_disabled_on_source`.
pub fn unprocessable(code: &'static str, message: impl Into<String>) -> Error {
    Refusal::new(422, code, message).into()
}

/// 429 with the documented identifier; `retry_after_seconds` becomes the header.
pub fn rate_limited(retry_after_seconds: u64) -> Error {
    let refusal = Refusal::new(429, "rate_limit_exceeded", "Rate limit exceeded");
    Refusal { retry_after_seconds: Some(retry_after_seconds), ..refusal }.into()
}

/// 429 with a reason of its own; `retry_after_seconds` becomes the header.
pub fn too_many(message: impl Into<String>, retry_after_seconds: u64) -> Error {
    let refusal = Refusal::new(429, "rate_limit_exceeded", message);
    Refusal { retry_after_seconds: Some(retry_after_seconds), ..refusal }.into()
}

/// A state that the code holds impossible, such as a foreign key that leads nowhere.
pub fn broken(message: impl Into<String>) -> Error {
    Error::Broken(message.into())
}
