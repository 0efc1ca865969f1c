//! What agents write to customers in Messenger. One content is one message, or several: a message holds a text or one
//! file, not both.

use frontdesk_model::{Id, Timestamp};
use serde_json::{Value, json};

use super::templates;
use crate::Settings;
use crate::graph::limits::{AGENT_WINDOW_SECONDS, WINDOW_SECONDS};
use crate::graph::{self, settings};
use crate::outbound::{Class, Failure, Method, OutboundAttachment, OutboundContent, Request};

/// Begins the mark by which what we sent is known again.
const MARK: &str = "frontdesk:";

/// How many messages a content is.
pub(super) fn parts(content: &OutboundContent) -> usize {
    let texts = usize::from(!content.body.is_empty() || content.structured_content.is_some());
    (texts + content.attachments.len()).max(1)
}

/// The request for the part of a content whose turn it is.
pub(super) fn request(known: &Settings, content: &OutboundContent, now: Timestamp) -> Option<Request> {
    let part = content.part;
    let texts = parts(content) - content.attachments.len();
    let mut message =
        match (part.checked_sub(texts).and_then(|at| content.attachments.get(at)), &content.structured_content) {
            (Some(file), _) => attachment(file),
            (None, Some(structured)) => templates::message(structured, &content.body),
            (None, None) => json!({ "text": content.body }),
        };
    message["metadata"] = format!("{MARK}{}:{part}", content.content_id).into();
    let mut body = json!({
        "recipient": { "id": content.customer_foreign_id.as_deref()? }, "messaging_type": "RESPONSE", "message": message,
    });
    if content.customer_wrote_at.is_some_and(|at| now.seconds_since(at) >= WINDOW_SECONDS) {
        body["messaging_type"] = "MESSAGE_TAG".into();
        body["tag"] = "HUMAN_AGENT".into();
    }
    graph::request(known, Method::Post, &[known.text(settings::PAGE_ID)?, "messages"], Some(&body))
}

/// Shows that somebody types; Messenger shows it for some twenty seconds, or until it is told otherwise.
pub(super) fn typing(known: &Settings, customer: &str, typing: bool) -> Option<Request> {
    let action = if typing { "typing_on" } else { "typing_off" };
    let body = json!({ "recipient": { "id": customer }, "sender_action": action });
    graph::request(known, Method::Post, &[known.text(settings::PAGE_ID)?, "messages"], Some(&body))
}

fn attachment(file: &OutboundAttachment) -> Value {
    let kind = if matches!(file.kind, "image" | "audio" | "video") { file.kind } else { "file" };
    json!({ "attachment": { "type": kind, "payload": { "url": file.url } } })
}

/// After 24 hours only an app with the human-agent permission may answer, and nobody after seven days (public).
pub(super) fn refuse(known: &Settings, content: &OutboundContent, now: Timestamp) -> Option<Failure> {
    let seconds = now.seconds_since(content.customer_wrote_at?);
    let may = known.boolean(settings::HUMAN_AGENT) == Some(true);
    if seconds < WINDOW_SECONDS || (may && seconds < AGENT_WINDOW_SECONDS) {
        return None;
    }
    let message = match seconds {
        ..AGENT_WINDOW_SECONDS => {
            "The customer wrote more than 24 hours ago: Facebook takes an answer only with the human-agent permission \
             (messenger_human_agent of the source), or after they have written again."
        }
        _ => "The customer wrote more than seven days ago: Facebook takes no answer until they have written again.",
    };
    Some(Failure::new(Class::WindowClosed, message))
}

/// The content and the part of it that a mark of ours names.
pub(super) fn echoed(metadata: &str) -> Option<(Id, usize)> {
    let (id, part) = metadata.strip_prefix(MARK)?.split_once(':')?;
    Some((id.parse().ok()?, part.parse().ok().filter(|part| *part < 1_000)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::ContentObject;
    use crate::outbound::tests::content;
    use crate::{kind, validate_settings};

    const NOW: Timestamp = Timestamp::from_micros(1_700_000_000_000_000);

    fn page(more: Value) -> Settings {
        let mut given = json!({"facebook_page_id": "12", "facebook_page_token": "token"});
        given.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        validate_settings(kind("messenger").unwrap(), given.as_object().unwrap()).unwrap()
    }

    fn body(known: &Settings, content: &OutboundContent) -> Value {
        serde_json::from_slice(&request(known, content, NOW).unwrap().body).unwrap()
    }

    #[test]
    fn a_text_and_its_files_are_messages_of_their_own() {
        let file = |kind| OutboundAttachment {
            url: "https://a.example/f".into(),
            kind,
            filename: "f".into(),
            content_type: "image/png".into(),
            bytes: 1,
            foreign_id: None,
        };
        let mut written = OutboundContent {
            customer_foreign_id: Some("9".into()),
            attachments: vec![file("image"), file("document")],
            ..content(ContentObject::Message, "Hello")
        };
        assert_eq!(parts(&written), 3);
        let first = body(&page(json!({})), &written);
        assert_eq!((&first["message"]["text"], &first["messaging_type"]), (&json!("Hello"), &json!("RESPONSE")));
        assert_eq!(first["recipient"]["id"], "9");
        assert_eq!(echoed(first["message"]["metadata"].as_str().unwrap()), Some((written.content_id, 0)));
        for (part, kind) in [(1, "image"), (2, "file")] {
            written.part = part;
            assert_eq!(body(&page(json!({})), &written)["message"]["attachment"]["type"], kind);
        }
        assert_eq!((echoed("frontdesk:x:1"), echoed("frontdesk:"), echoed("x")), (None, None, None));
    }

    #[test]
    fn the_time_to_answer_is_kept() {
        let (plain, agent) = (page(json!({})), page(json!({"messenger_human_agent": true})));
        for (hours, plain_may, agent_may, tag) in [
            (1, true, true, Value::Null),
            (25, false, true, json!("HUMAN_AGENT")),
            (24 * 7 + 1, false, false, Value::Null),
        ] {
            let written = OutboundContent {
                customer_foreign_id: Some("9".into()),
                customer_wrote_at: Some(NOW.plus_seconds(-hours * 3_600)),
                ..content(ContentObject::Message, "Hello")
            };
            assert_eq!(refuse(&plain, &written, NOW).is_none(), plain_may, "{hours}");
            assert_eq!(refuse(&agent, &written, NOW).is_none(), agent_may, "{hours}");
            if agent_may {
                assert_eq!(body(&agent, &written)["tag"], tag);
            }
        }
    }
}
