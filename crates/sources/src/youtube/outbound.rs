//! What is written: answers, and what is done with comments.

use frontdesk_model::Timestamp;
use serde_json::json;

use super::asking::address;
use super::errors;
use super::limits::{ID_CHARACTERS_MAX, TEXT_CHARACTERS_MAX};
use crate::Settings;
use crate::outbound::{Answer, Deed, Method, OutboundContent, Outcome, Request};

/// What may be done with every comment that is there.
pub(super) const ACTIONS: [&str; 4] = ["reply", "publish", "unpublish", "delete"];

/// An answer stands under the first comment of its thread, whichever of its comments it answers.
pub(super) fn request(_: &Settings, content: &OutboundContent, _: Timestamp) -> Option<Request> {
    let parent_id = content.thread_foreign_id.as_deref()?;
    let body = json!({ "snippet": { "parentId": parent_id, "textOriginal": content.body } });
    Some(Request::json(Method::Post, address("comments", &[("part", "snippet")]), &body))
}

/// Publishing and holding are moderation. Deleting is, too, for what others wrote: only the author can remove a comment,
/// and the channel can reject it for good.
pub(super) fn act(_: &Settings, deed: &Deed, _: Timestamp) -> Option<Request> {
    let Deed { name, foreign_id, is_own, .. } = *deed;
    let moderate = |status: &str| {
        let parameters = [("id", foreign_id), ("moderationStatus", status)];
        Some(Request::bare(Method::Post, address("comments/setModerationStatus", &parameters)))
    };
    match (name, is_own) {
        ("publish", _) => moderate("published"),
        ("unpublish", _) => moderate("heldForReview"),
        ("delete", true) => Some(Request::bare(Method::Delete, address("comments", &[("id", foreign_id)]))),
        ("delete", false) => moderate("rejected"),
        _ => None,
    }
}

/// Reads what became of it.
pub(super) fn read_answer(answer: &Answer) -> Outcome {
    if !answer.is_success() {
        return Outcome::Failed(errors::failure(answer));
    }
    let told = answer.json();
    let id = told["id"].as_str().filter(|id| (1..=ID_CHARACTERS_MAX).contains(&id.len()) && !id.contains('\0'));
    Outcome::Delivered { foreign_id: id.map(str::to_owned) }
}

/// Why a body cannot be sent.
pub(super) fn fault(body: &str) -> Option<String> {
    let is_too_long = body.chars().nth(TEXT_CHARACTERS_MAX).is_some();
    is_too_long.then(|| format!("has at most {TEXT_CHARACTERS_MAX} characters on YouTube"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inbound::{BodyFormat, ContentObject};

    const NOW: Timestamp = Timestamp::from_micros(0);

    #[test]
    fn an_answer_stands_under_the_first_comment() {
        let content = OutboundContent {
            object: ContentObject::Comment,
            content_id: "013a1d5e4e80000000000001".parse().unwrap(),
            author_foreign_id: "UC1".into(),
            body: "Thank you".into(),
            format: BodyFormat::Text,
            created_at: NOW,
            updated_at: NOW,
            in_reply_to_foreign_id: Some("top.reply".into()),
            thread_foreign_id: Some("top".into()),
            recipient_foreign_id: None,
            title: None,
            sender_name: None,
            retry: false,
            attachments: Vec::new(),
            structured_content: None,
            customer_foreign_id: None,
            customer_wrote_at: None,
            part: 0,
        };
        let made = request(&Settings::default(), &content, NOW).unwrap();
        assert_eq!(made.url, "https://www.googleapis.com/youtube/v3/comments?part=snippet");
        assert_eq!(
            String::from_utf8(made.body).unwrap(),
            r#"{"snippet":{"parentId":"top","textOriginal":"Thank you"}}"#
        );
    }

    #[test]
    fn what_is_done_with_a_comment_is_moderation_unless_it_is_ours() {
        let made = |name, is_own| {
            let deed = Deed { object: ContentObject::Comment, name, foreign_id: "a&b", user_id: None, is_own };
            act(&Settings::default(), &deed, NOW)
        };
        let at = |name, ours| made(name, ours).map(|request| (request.method, request.url));
        let moderated = |status: &str| {
            let path = "https://www.googleapis.com/youtube/v3/comments/setModerationStatus";
            Some((Method::Post, format!("{path}?id=a%26b&moderationStatus={status}")))
        };
        assert_eq!(at("publish", false), moderated("published"));
        assert_eq!(at("unpublish", false), moderated("heldForReview"));
        assert_eq!(at("delete", false), moderated("rejected"));
        let deleted = "https://www.googleapis.com/youtube/v3/comments?id=a%26b".to_owned();
        assert_eq!(at("delete", true), Some((Method::Delete, deleted)));
        assert_eq!(at("pin", false), None);
    }

    #[test]
    fn answers_tell_the_id() {
        let answer = |status, body: &'static [u8]| {
            read_answer(&Answer { status, headers: Vec::new(), body, truncated: false, now: NOW })
        };
        let delivered = |id: Option<&str>| Outcome::Delivered { foreign_id: id.map(str::to_owned) };
        assert_eq!(answer(200, br#"{"id":"top.1","snippet":{}}"#), delivered(Some("top.1")));
        assert_eq!(answer(204, b""), delivered(None));
        assert!(matches!(answer(403, b"{}"), Outcome::Failed(_)));
    }
}
