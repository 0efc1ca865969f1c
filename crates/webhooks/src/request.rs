//! The request that tells a receiver of events (public documentation: Webhooks, Event Types, Event Anatomy).

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use bytes::Bytes;
use frontdesk_conversations::notifications::Notification;
use frontdesk_model::invisible::is_invisible;
use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_net::{OutboundAnswer, OutboundRequest, webhook_signature};
use http::{HeaderName, HeaderValue, Method, header};
use serde_json::{Value, json};

use crate::subscriptions::{Secrets, Webhook};

/// For a whole attempt, answer included.
pub(crate) const ATTEMPT_DEADLINE: Duration = Duration::from_secs(10);
/// Of the answer this much is read.
pub(crate) const ANSWER_BYTES_MAX: usize = 8 * 1024;
/// And this much is kept for people to see.
const ANSWER_CHARACTERS_KEPT: usize = 200;

const DIMELO_SECRET: HeaderName = HeaderName::from_static("x-dimelo-secret");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// What a receiver is sent.
pub(crate) fn body(id: Id, domain_id: &str, events: &[Arc<Notification>]) -> Bytes {
    let events: Vec<&serde_json::Map<String, Value>> = events.iter().map(|event| &event.body).collect();
    json!({ "id": id, "domain_id": domain_id, "events": events }).to_string().into()
}

/// What a test sends: an event of a type that programs do not know, and so leave alone.
pub(crate) fn test_body(id: Id, domain_id: &str, webhook: &Webhook, at: Timestamp) -> Bytes {
    let resource = json!({ "type": "webhook", "id": webhook.id, "metadata": { "name": webhook.name } });
    let event = json!({ "type": "webhook.test", "id": id, "issued_at": at.with_milliseconds(), "resource": resource });
    json!({ "id": id, "domain_id": domain_id, "events": [event] }).to_string().into()
}

/// The request with its headers: the secret as it is, and beside it signatures of the Standard Webhooks specification
/// over id, time and body, one for each signing secret that is valid.
pub(crate) fn events_request(
    webhook: &Webhook,
    secrets: &Secrets,
    id: Id,
    body: Bytes,
    now: Timestamp,
) -> Result<OutboundRequest> {
    let mut headers = common_headers(secrets)?;
    let (id, seconds) = (id.hex(), now.micros().div_euclid(1_000_000));
    let mut signatures = Vec::new();
    for secret in &secrets.signing {
        if secret.until.is_none_or(|until| until > now.micros()) {
            signatures.push(webhook_signature(&key(&secret.text)?, &id, seconds, &body));
        }
    }
    headers.push((WEBHOOK_ID, value(&id)?));
    headers.push((WEBHOOK_TIMESTAMP, HeaderValue::from(seconds)));
    headers.push((WEBHOOK_SIGNATURE, value(&signatures.join(" "))?));
    Ok(request(webhook, Method::POST, webhook.url.clone(), headers, body))
}

/// The challenge: added to what the URL asks for already.
pub(crate) fn challenge_request(webhook: &Webhook, secrets: &Secrets, challenge: &str) -> Result<OutboundRequest> {
    let mut url = url::Url::parse(&webhook.url).map_err(|trouble| error::broken(format!("webhooks.url: {trouble}")))?;
    url.query_pairs_mut()
        .append_pair("hub.mode", "subscribe")
        .append_pair("hub.challenge", challenge)
        .append_pair("hub.verify_token", &secrets.verify_token);
    Ok(request(webhook, Method::GET, url.into(), common_headers(secrets)?, Bytes::new()))
}

fn common_headers(secrets: &Secrets) -> Result<Vec<(HeaderName, HeaderValue)>> {
    let mut headers = vec![(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
    if let Some(secret) = &secrets.secret {
        headers.push((DIMELO_SECRET, value(secret)?));
    }
    Ok(headers)
}

fn request(
    webhook: &Webhook,
    method: Method,
    url: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
) -> OutboundRequest {
    OutboundRequest {
        method,
        url,
        headers,
        body,
        deadline: ATTEMPT_DEADLINE,
        answer_bytes_max: ANSWER_BYTES_MAX,
        verify_tls: !webhook.ignore_tls_validity,
        http2: false,
    }
}

fn value(text: &str) -> Result<HeaderValue> {
    HeaderValue::try_from(text).map_err(|trouble| error::broken(trouble.to_string()))
}

fn key(secret: &str) -> Result<Vec<u8>> {
    let encoded = secret.strip_prefix("whsec_").unwrap_or(secret);
    base64::engine::general_purpose::STANDARD.decode(encoded).map_err(|trouble| error::broken(trouble.to_string()))
}

/// The start of an answer, as people are shown it: without the secrets that it may repeat, and without what would make it
/// look other than it is.
pub(crate) fn shown(answer: &OutboundAnswer, secrets: &Secrets) -> String {
    let text = secrets.hide(&String::from_utf8_lossy(&answer.body));
    let plain = text.chars().map(|c| if is_invisible(c) { ' ' } else { c });
    plain.take(ANSWER_CHARACTERS_KEPT).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_receiver_says_is_shown_as_it_is_and_for_a_while() {
        let long = "x".repeat(1_000);
        for (said, expected) in [
            ("fine", "fine"),
            ("two\r\nlines", "two  lines"),
            ("\u{1b}[31mred\u{0}", " [31mred "),
            ("turned \u{202e}dnuora", "turned  dnuora"),
            (&long, &long[..200]),
        ] {
            let body = Bytes::copy_from_slice(said.as_bytes());
            let answer = OutboundAnswer {
                status: http::StatusCode::OK,
                headers: http::HeaderMap::new(),
                body,
                truncated: false,
            };
            assert_eq!(shown(&answer, &Secrets::default()), expected);
        }
    }
}
