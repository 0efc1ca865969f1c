//! What is written: posts, direct messages, and what is done with posts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use frontdesk_model::{Secret, Timestamp};
use serde_json::json;

use super::limits::{ID_DIGITS_MAX, PICTURE_BYTES_MAX, PICTURES_MAX};
use super::settings::{CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN};
use super::{API, errors};
use crate::Settings;
use crate::inbound::ContentObject;
use crate::oauth::{self, Granted};
use crate::outbound::{Answer, Class, Deed, Failure, Method, OutboundAttachment, OutboundContent, Outcome, Request};

/// Asks for an access token (RFC 6749, section 6). X gives a new refresh token with it.
pub(super) fn token(settings: &Settings) -> Result<Request, String> {
    let missing = |name: &str| format!("X cannot be asked: {name} is not set. Connect the account.");
    let refresh_token = settings.secret(REFRESH_TOKEN).ok_or_else(|| missing(REFRESH_TOKEN))?;
    let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token.reveal())];
    token_request(settings, &fields).ok_or_else(|| missing(CLIENT_ID))
}

/// A question to the token endpoint, as the app; none while its id is not set.
pub(super) fn token_request(settings: &Settings, fields: &[(&str, &str)]) -> Option<Request> {
    let client_id = settings.text(CLIENT_ID)?;
    let mut all = fields.to_vec();
    all.push(("client_id", client_id));
    let mut request = Request::form(format!("{API}/2/oauth2/token"), &all);
    if let Some(secret) = settings.secret(CLIENT_SECRET) {
        let pair = STANDARD.encode(format!("{client_id}:{}", secret.reveal()));
        request.headers.push(("authorization", Secret::new(format!("Basic {pair}"))));
    }
    Some(request)
}

pub(super) fn read_token(answer: &Answer) -> Result<Granted, Failure> {
    oauth::read("X", answer)
}

/// How many calls a content takes: a direct message has one picture.
pub(super) fn parts(content: &OutboundContent) -> usize {
    if content.object == ContentObject::PrivateMessage { content.attachments.len().max(1) } else { 1 }
}

/// The files that X takes with one call: pictures, which are ready at once.
pub(super) fn refuse(_: &Settings, content: &OutboundContent, _: Timestamp) -> Option<Failure> {
    let is_taken = |file: &OutboundAttachment| {
        matches!(file.content_type.as_str(), "image/jpeg" | "image/png" | "image/webp")
            && file.bytes <= PICTURE_BYTES_MAX
    };
    let message = match content.attachments.iter().find(|file| !is_taken(file)) {
        Some(file) => format!(
            "X takes JPEG, PNG and WebP pictures of at most {} MB from here: {} is none.",
            PICTURE_BYTES_MAX >> 20,
            file.filename
        ),
        None if content.object != ContentObject::PrivateMessage && content.attachments.len() > PICTURES_MAX => {
            format!("X takes at most {PICTURES_MAX} pictures in a post.")
        }
        None => return None,
    };
    Some(Failure::new(Class::Invalid, message))
}

/// Gives X a picture.
pub(super) fn upload(content: &OutboundContent, file: &OutboundAttachment, bytes: &[u8]) -> Request {
    let category = if content.object == ContentObject::PrivateMessage { "dm_image" } else { "tweet_image" };
    let body = json!({ "media": STANDARD.encode(bytes), "media_category": category, "media_type": file.content_type });
    Request::json(Method::Post, format!("{API}/2/media/upload"), &body)
}

pub(super) fn read_upload(answer: &Answer) -> Result<String, Failure> {
    if !answer.is_success() {
        return Err(errors::failure(answer));
    }
    let told = answer.json();
    let id = told["data"]["id"].as_str().filter(|id| is_id(id)).map(str::to_owned);
    id.ok_or_else(|| Failure::new(Class::Retry, "X took a picture and did not say its id."))
}

/// A post, or a direct message to somebody.
pub(super) fn request(_: &Settings, content: &OutboundContent, _: Timestamp) -> Option<Request> {
    let mut pictures = content.attachments.iter().filter_map(|file| file.foreign_id.as_deref());
    if content.object == ContentObject::PrivateMessage {
        let to = content.recipient_foreign_id.as_deref().filter(|id| is_id(id))?;
        let url = format!("{API}/2/dm_conversations/with/{to}/messages");
        let mut message = json!({});
        if content.part == 0 && !content.body.is_empty() {
            message["text"] = content.body.as_str().into();
        }
        if let Some(file) = content.attachments.get(content.part) {
            message["attachments"] = json!([{ "media_id": file.foreign_id.as_deref()? }]);
        }
        return Some(Request::json(Method::Post, url, &message));
    }
    let mut post = json!({});
    if !content.body.is_empty() {
        post["text"] = content.body.as_str().into();
    }
    let first = pictures.next();
    if first.is_some() {
        post["media"] = json!({ "media_ids": first.into_iter().chain(pictures).collect::<Vec<_>>() });
    }
    if let Some(answered) = &content.in_reply_to_foreign_id {
        post["reply"] = json!({ "in_reply_to_tweet_id": answered });
    }
    Some(Request::json(Method::Post, format!("{API}/2/tweets"), &post))
}

/// Answers to our posts can be hidden and shown; what we posted can be deleted.
pub(super) fn act(_: &Settings, deed: &Deed, _: Timestamp) -> Option<Request> {
    let id = Some(deed.foreign_id).filter(|id| is_id(id))?;
    let hide = |hidden: bool| {
        Some(Request::json(Method::Put, format!("{API}/2/tweets/{id}/hidden"), &json!({ "hidden": hidden })))
    };
    match (deed.name, deed.is_own) {
        ("publish", false) => hide(false),
        ("unpublish", false) => hide(true),
        ("delete", true) => Some(Request::bare(Method::Delete, format!("{API}/2/tweets/{id}"))),
        _ => None,
    }
}

/// Reads what became of it.
pub(super) fn read_answer(answer: &Answer) -> Outcome {
    if !answer.is_success() {
        return Outcome::Failed(errors::failure(answer));
    }
    if let Some(failure) = errors::hidden(answer) {
        return Outcome::Failed(failure);
    }
    let data = &answer.json()["data"];
    let id = data["id"].as_str().or(data["dm_event_id"].as_str()).filter(|id| is_id(id));
    Outcome::Delivered { foreign_id: id.map(str::to_owned) }
}

/// Whether a text can be an id: it stands in addresses.
fn is_id(text: &str) -> bool {
    (1..=ID_DIGITS_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::validate_settings;

    const NOW: Timestamp = Timestamp::from_micros(0);

    fn content(object: ContentObject) -> OutboundContent {
        crate::outbound::tests::content(object, "Thank you")
    }

    fn made(content: &OutboundContent) -> (String, Value) {
        let request = request(&Settings::default(), content, NOW).unwrap();
        (request.url, serde_json::from_slice(&request.body).unwrap())
    }

    #[test]
    fn posts_answer_and_messages_go_to_somebody() {
        let answer = OutboundContent { in_reply_to_foreign_id: Some("7".into()), ..content(ContentObject::Tweet) };
        let expected = json!({"text": "Thank you", "reply": {"in_reply_to_tweet_id": "7"}});
        assert_eq!(made(&answer), ("https://api.x.com/2/tweets".into(), expected));
        let post = json!({"text": "Thank you"});
        assert_eq!(made(&content(ContentObject::Tweet)).1, post);
        let message =
            OutboundContent { recipient_foreign_id: Some("2".into()), ..content(ContentObject::PrivateMessage) };
        assert_eq!(made(&message), ("https://api.x.com/2/dm_conversations/with/2/messages".into(), post));
        let astray = OutboundContent { recipient_foreign_id: Some("2/../3".into()), ..message };
        assert!(request(&Settings::default(), &astray, NOW).is_none());
    }

    #[test]
    fn pictures_are_given_first_and_named_then() {
        let picture = |id: Option<&str>| OutboundAttachment {
            url: String::new(),
            kind: "image",
            filename: "a.png".into(),
            content_type: "image/png".into(),
            bytes: 3,
            foreign_id: id.map(str::to_owned),
        };
        let pictures = vec![picture(Some("7")), picture(Some("8"))];
        let post = OutboundContent { attachments: pictures.clone(), ..content(ContentObject::Tweet) };
        assert_eq!(made(&post).1, json!({"text": "Thank you", "media": {"media_ids": ["7", "8"]}}));
        let mut message = OutboundContent {
            recipient_foreign_id: Some("2".into()),
            attachments: pictures,
            ..content(ContentObject::PrivateMessage)
        };
        assert_eq!((parts(&post), parts(&message)), (1, 2));
        assert_eq!(made(&message).1, json!({"text": "Thank you", "attachments": [{"media_id": "7"}]}));
        message.part = 1;
        assert_eq!(made(&message).1, json!({"attachments": [{"media_id": "8"}]}));
        message.attachments[1].foreign_id = None;
        assert!(request(&Settings::default(), &message, NOW).is_none());
        let given: Value = serde_json::from_slice(&upload(&message, &picture(None), b"abc").body).unwrap();
        assert_eq!(given, json!({"media": "YWJj", "media_category": "dm_image", "media_type": "image/png"}));
        let refused = |post: &OutboundContent| refuse(&Settings::default(), post, NOW).map(|failure| failure.message);
        assert_eq!(refused(&post), None);
        let many = OutboundContent { attachments: vec![picture(None); 5], ..post.clone() };
        assert!(refused(&many).unwrap().contains("at most 4"));
        for (content_type, bytes) in [("video/mp4", 3), ("image/png", (5 << 20) + 1)] {
            let file = OutboundAttachment { content_type: content_type.into(), bytes, ..picture(None) };
            let other = OutboundContent { attachments: vec![file], ..post.clone() };
            assert!(refused(&other).unwrap().contains("a.png is none"), "{content_type}");
        }
    }

    #[test]
    fn what_is_done_with_a_post_depends_on_whose_it_is() {
        let at = |name, is_own| {
            let deed = Deed { object: ContentObject::Tweet, name, foreign_id: "7", user_id: None, is_own };
            act(&Settings::default(), &deed, NOW).map(|request| (request.method, request.url))
        };
        let hidden = Some((Method::Put, "https://api.x.com/2/tweets/7/hidden".to_owned()));
        assert_eq!((at("unpublish", false), at("publish", false)), (hidden.clone(), hidden));
        assert_eq!(at("delete", true), Some((Method::Delete, "https://api.x.com/2/tweets/7".to_owned())));
        assert_eq!((at("delete", false), at("unpublish", true), at("pin", true)), (None, None, None));
    }

    #[test]
    fn a_token_is_asked_for_with_what_is_set() {
        let given = json!({"x_user_id": "1", "x_client_id": "c", "x_refresh_token": "r"});
        let mut settings = validate_settings(&super::super::KIND, given.as_object().unwrap()).unwrap();
        let request = token(&settings).unwrap();
        assert_eq!(String::from_utf8(request.body).unwrap(), "grant_type=refresh_token&refresh_token=r&client_id=c");
        assert!(request.headers.is_empty());
        let secret = json!({"x_client_secret": "s"});
        settings = settings.changed(&super::super::KIND, secret.as_object().unwrap()).unwrap();
        assert_eq!(token(&settings).unwrap().headers[0].1.reveal(), "Basic Yzpz");
        assert!(token(&Settings::default()).unwrap_err().contains("x_refresh_token"));
    }

    #[test]
    fn answers_tell_the_id() {
        let answer = |status, body: &'static [u8]| {
            read_answer(&Answer { status, headers: Vec::new(), body, truncated: false, now: NOW })
        };
        let delivered = |id: Option<&str>| Outcome::Delivered { foreign_id: id.map(str::to_owned) };
        assert_eq!(
            answer(201, br#"{"data":{"id":"1445880548472328192","text":"x"}}"#),
            delivered(Some("1445880548472328192"))
        );
        assert_eq!(answer(201, br#"{"data":{"dm_conversation_id":"1-2","dm_event_id":"9"}}"#), delivered(Some("9")));
        assert_eq!(answer(200, br#"{"data":{"hidden":true}}"#), delivered(None));
        assert!(matches!(answer(200, br#"{"errors":[{"detail":"No"}]}"#), Outcome::Failed(_)));
        assert!(matches!(answer(403, b""), Outcome::Failed(_)));
    }
}
