//! What is written on a page: answers, and what is done with what is there.

use frontdesk_model::Timestamp;
use serde_json::json;

use crate::Settings;
use crate::graph::{self, settings};
use crate::inbound::ContentObject;
use crate::outbound::{Class, Deed, Failure, Method, OutboundContent, Request};

/// A comment takes one picture.
const FILES_MAX: usize = 1;

/// An answer stands under what it answers; a private one goes into Messenger, once for each comment.
pub(super) fn request(known: &Settings, content: &OutboundContent, _: Timestamp) -> Option<Request> {
    let answered = content.in_reply_to_foreign_id.as_deref();
    if content.object == ContentObject::PrivateMessage {
        let body = json!({
            "recipient": { "comment_id": answered? }, "messaging_type": "RESPONSE", "message": { "text": content.body },
        });
        return graph::request(known, Method::Post, &[known.text(settings::PAGE_ID)?, "messages"], Some(&body));
    }
    let mut body = json!({});
    if !content.body.is_empty() {
        body["message"] = content.body.as_str().into();
    }
    if let Some(file) = content.attachments.first() {
        body["attachment_url"] = file.url.as_str().into();
    }
    let answered = answered.or(content.thread_foreign_id.as_deref())?;
    graph::request(known, Method::Post, &[answered, "comments"], Some(&body))
}

/// What Facebook would not take.
pub(super) fn refuse(_: &Settings, content: &OutboundContent, _: Timestamp) -> Option<Failure> {
    let message = match content.attachments.as_slice() {
        files if files.len() > FILES_MAX => "A comment takes one picture: send the others in answers of their own.",
        [file] if file.kind != "image" => "A comment takes a picture and no other file.",
        _ => return None,
    };
    Some(Failure::new(Class::Invalid, message))
}

/// Hiding is what unpublishing is there.
pub(super) fn act(known: &Settings, deed: &Deed, _: Timestamp) -> Option<Request> {
    let hide = |is_hidden: bool| {
        graph::request(known, Method::Post, &[deed.foreign_id], Some(&json!({ "is_hidden": is_hidden })))
    };
    match deed.name {
        "publish" => hide(false),
        "unpublish" => hide(true),
        "delete" => graph::request(known, Method::Delete, &[deed.foreign_id], None),
        "like" => graph::request(known, Method::Post, &[deed.foreign_id, "likes"], None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbound::tests::content;
    use crate::{kind, validate_settings};

    const NOW: Timestamp = Timestamp::from_micros(0);

    fn page() -> Settings {
        let given = json!({"facebook_page_id": "12", "facebook_page_token": "token"});
        validate_settings(kind("facebook").unwrap(), given.as_object().unwrap()).unwrap()
    }

    #[test]
    fn answers_stand_under_what_they_answer_or_go_to_its_author() {
        let answer =
            OutboundContent { in_reply_to_foreign_id: Some("5_7".into()), ..content(ContentObject::Comment, "Yes") };
        let made = request(&page(), &answer, NOW).unwrap();
        assert_eq!(made.url, "https://graph.facebook.com/v25.0/5_7/comments");
        assert_eq!(made.body, br#"{"message":"Yes"}"#);
        assert_eq!(made.headers[0].1.reveal(), "Bearer token");
        let private = OutboundContent { object: ContentObject::PrivateMessage, ..answer };
        let made = request(&page(), &private, NOW).unwrap();
        assert_eq!(made.url, "https://graph.facebook.com/v25.0/12/messages");
        assert!(String::from_utf8(made.body).unwrap().contains(r#""recipient":{"comment_id":"5_7"}"#));
        let odd = OutboundContent {
            in_reply_to_foreign_id: Some("../me?x".into()),
            ..content(ContentObject::Comment, "Yes")
        };
        assert_eq!(request(&page(), &odd, NOW).unwrap().url, "https://graph.facebook.com/v25.0/..%2Fme%3Fx/comments");
        assert!(request(&Settings::default(), &odd, NOW).is_none(), "without a token");
    }

    #[test]
    fn what_is_done_with_a_comment() {
        let made = |name| {
            let deed = Deed { object: ContentObject::Comment, name, foreign_id: "5_7", user_id: None, is_own: false };
            act(&page(), &deed, NOW).map(|made| (made.method, made.url, String::from_utf8(made.body).unwrap()))
        };
        let at = |path: &str| format!("https://graph.facebook.com/v25.0/{path}");
        assert_eq!(made("unpublish"), Some((Method::Post, at("5_7"), r#"{"is_hidden":true}"#.into())));
        assert_eq!(made("publish"), Some((Method::Post, at("5_7"), r#"{"is_hidden":false}"#.into())));
        assert_eq!(made("delete"), Some((Method::Delete, at("5_7"), String::new())));
        assert_eq!(made("like"), Some((Method::Post, at("5_7/likes"), String::new())));
        assert_eq!(made("dance"), None);
    }
}
