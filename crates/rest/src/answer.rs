//! Answers as they go over the wire.

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};
use frontdesk_model::error::{AttributeError, Error};
use frontdesk_model::{Id, Refusal};
use serde::Serialize;

/// The header that names a request in answers and logs.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Seconds after which a request that the store could not serve is worth repeating.
const UNAVAILABLE_RETRY_SECONDS: u64 = 5;

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
    message: &'a str,
    status: u16,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [AttributeError],
}

/// JSON that is ready to be sent.
pub fn json(status: StatusCode, body: Vec<u8>, request_id: Id) -> Response<Body> {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if let Ok(value) = HeaderValue::from_str(&request_id.hex()) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

/// What is told about a request that did not happen. Refusals are told as they are; troubles of ours are logged under the
/// request's id and told without their text.
pub fn refusal(error: &Error, request_id: Id) -> Refusal {
    let ours = |status, code: &'static str, message: &str, retry_after_seconds| Refusal {
        status,
        code: code.into(),
        message: message.to_owned(),
        errors: Vec::new(),
        retry_after_seconds,
    };
    match error {
        Error::Refused(refusal) => refusal.as_ref().clone(),
        Error::Unavailable(reason) | Error::Conflict(reason) => {
            tracing::warn!(%request_id, reason, "the store cannot serve");
            let message = "The server cannot serve this now. Try again in a few seconds.";
            ours(503, "unavailable", message, Some(UNAVAILABLE_RETRY_SECONDS))
        }
        Error::Broken(reason) => {
            tracing::error!(%request_id, reason, "a request failed");
            let message =
                "Something went wrong on our side. Give the X-Request-Id of this answer to your administrator.";
            ours(500, "internal_error", message, None)
        }
    }
}

/// The answer to a request that did not happen: see [`refusal`].
pub fn refuse(error: &Error, request_id: Id) -> Response<Body> {
    let Refusal { status, code, message, errors, retry_after_seconds } = refusal(error, request_id);
    let told = ErrorBody { error: &code, message: &message, status, errors: &errors };
    let body = serde_json::to_vec(&told).unwrap_or_default();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = json(status, body, request_id);
    if status == StatusCode::UNAUTHORIZED {
        response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(seconds) = retry_after_seconds {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::HttpBody;
    use frontdesk_model::error;
    use futures_util::FutureExt;
    use http_body_util::BodyExt;
    use serde_json::{Value, json};

    use super::*;

    fn refused(error: &Error) -> (u16, Value, Response<Body>) {
        let mut response = refuse(error, Id::default());
        assert!(response.body().size_hint().exact().is_some(), "an answer has a length");
        let body = std::mem::take(response.body_mut()).collect().now_or_never().unwrap().unwrap().to_bytes();
        (response.status().as_u16(), serde_json::from_slice(&body).unwrap(), response)
    }

    #[test]
    fn refusals_are_told_with_the_same_number_inside_and_outside() {
        let (status, body, response) = refused(&error::not_found("thread"));
        assert_eq!(status, 404);
        assert_eq!(body["error"], "not_found");
        assert_eq!(body["status"], 404);
        assert_eq!(body.as_object().unwrap().len(), 3);
        assert_eq!(response.headers()["content-type"], "application/json; charset=utf-8");
        assert_eq!(response.headers()["x-request-id"], "0".repeat(24));
    }

    #[test]
    fn the_throttle_answers_as_documented() {
        let (status, body, response) = refused(&error::rate_limited(7));
        assert_eq!(status, 429);
        assert_eq!(body, json!({"error": "rate_limit_exceeded", "message": "Rate limit exceeded", "status": 429}));
        assert_eq!(response.headers()["retry-after"], "7");
    }

    #[test]
    fn validation_errors_name_their_attributes() {
        let (status, body, _) = refused(&error::invalid("name", "blank", "name can't be blank."));
        assert_eq!((status, &body["error"]), (422, &json!("validation_error")));
        assert_eq!(body["errors"], json!([{"attribute": "name", "type": "blank", "message": "name can't be blank."}]));
    }

    #[test]
    fn our_troubles_are_not_told() {
        let (status, body, _) = refused(&error::broken("secret table"));
        assert_eq!((status, &body["error"]), (500, &json!("internal_error")));
        assert!(!body.to_string().contains("secret"));
        for error in [Error::Unavailable("secret disk".into()), Error::Conflict("secret row".into())] {
            let (status, body, response) = refused(&error);
            assert_eq!((status, response.headers()["retry-after"].as_bytes()), (503, &b"5"[..]));
            assert!(!body.to_string().contains("secret"));
        }
    }

    #[test]
    fn a_missing_token_is_challenged() {
        assert_eq!(refused(&error::unauthorized("no")).2.headers()["www-authenticate"], "Bearer");
    }
}
