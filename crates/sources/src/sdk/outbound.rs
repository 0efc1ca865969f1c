//! What we post to a channel's server, and what its answer means.

use std::fmt::Write as _;

use frontdesk_model::{Timestamp, invisible};
use serde_json::{Map, Number, Value};

use super::fields::{self, Fields, lenient_boolean};
use super::inbound::{self, Options};
use super::limits::{ACTIONS_MAX, EXPLANATION_CHARACTERS_MAX, ID_CHARACTERS_MAX, SHORT_TEXT_CHARACTERS_MAX};
use super::settings::{ACCESS_TOKEN, BASE_URI};
use crate::inbound::{ContentObject, InboundContent};
use crate::outbound::{Answer, Class, Deed, Method, OutboundContent, Outcome, Request, Signature};
use crate::{Settings, sdk};

/// JavaScript reads greater whole numbers with other digits.
const SAFE_INTEGER_MAX: u64 = (1 << 53) - 1;

/// The signed request that creates a content; none while the source has no address or no token.
pub(super) fn request(settings: &Settings, content: &OutboundContent, now: Timestamp) -> Option<Request> {
    signed(settings, push(content, now))
}

/// The signed request that does something with one content; none while the source has no address or no token.
pub(super) fn act(settings: &Settings, deed: &Deed, now: Timestamp) -> Option<Request> {
    let Deed { object, name, foreign_id, user_id, .. } = *deed;
    let mut params = Map::new();
    params.insert("id".into(), foreign_id.into());
    if let Some(user_id) = user_id {
        params.insert("user_id".into(), user_id.into());
    }
    action_request(settings, &format!("{}s.{name}", object.as_str()), Some(params), now)
}

/// The signed request of any action; none while the source has no address or no token.
pub(super) fn action_request(
    settings: &Settings,
    action: &str,
    params: Option<Map<String, Value>>,
    now: Timestamp,
) -> Option<Request> {
    signed(settings, envelope(action, params, now))
}

fn signed(settings: &Settings, body: Vec<u8>) -> Option<Request> {
    let signature = Signature { header: sdk::SIGNATURE_HEADER, key: settings.secret(ACCESS_TOKEN)?.clone() };
    let url = settings.text(BASE_URI)?.to_owned();
    Some(Request { body, signature: Some(signature), ..Request::bare(Method::Post, url) })
}

/// An action as it is posted.
fn envelope(action: &str, params: Option<Map<String, Value>>, now: Timestamp) -> Vec<u8> {
    let mut request = Map::new();
    request.insert("action".into(), action.into());
    if let Some(params) = params {
        request.insert("params".into(), params.into());
    }
    request.insert("time".into(), now.rest().into());
    Value::Object(request).to_string().into_bytes()
}

/// The body that creates a content on the channel. It is compact, with the action first and raw UTF-8, because servers
/// verify the signature over what they get when they parse the body and write it again.
pub fn push(content: &OutboundContent, now: Timestamp) -> Vec<u8> {
    let mut params = Map::new();
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            params.insert(name.into(), value);
        }
    };
    let text = |text: &Option<String>| text.as_deref().map(Value::from);
    let is_thread = content.object == ContentObject::Thread;
    let only = |object: ContentObject, value: Option<Value>| value.filter(|_| content.object == object);
    set("attachments", attachments(content));
    set("author_id", Some(content.author_foreign_id.as_str().into()));
    set("body", Some(content.body.as_str().into()));
    set("content_id", Some(content.content_id.hex().into()));
    set("created_at", Some(content.created_at.rest().into()));
    set("format", Some(content.format.as_str().into()));
    set("in_reply_to_id", text(&content.in_reply_to_foreign_id).filter(|_| !is_thread));
    set("recipient_id", only(ContentObject::PrivateMessage, text(&content.recipient_foreign_id)));
    set("retry", Some(content.retry.into()));
    set("sender_name", text(&content.sender_name));
    set("structured_content", content.structured_content.as_ref().filter(|_| !is_thread).map(portable));
    set("thread_id", only(ContentObject::Message, text(&content.thread_foreign_id)));
    set("title", text(&content.title));
    set("updated_at", Some(Value::from(content.updated_at.rest())).filter(|_| !is_thread));

    envelope(&format!("{}s.create", content.object.as_str()), Some(params), now)
}

fn attachments(content: &OutboundContent) -> Option<Value> {
    if content.attachments.is_empty() {
        return None;
    }
    let json = |attachment: &crate::outbound::OutboundAttachment| {
        let mut fields = Map::new();
        fields.insert("url".into(), attachment.url.as_str().into());
        fields.insert("type".into(), attachment.kind.into());
        fields.insert("filename".into(), attachment.filename.as_str().into());
        Value::Object(fields)
    };
    Some(content.attachments.iter().map(json).collect())
}

/// The same JSON, written so that every language writes it back the same: keys that look like numbers change their
/// place in JavaScript and are left out, nulls mean absent, and numbers that languages write differently become text
/// (no documented attribute is such a number).
fn portable(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept =
                map.iter().filter(|(key, value)| !value.is_null() && !key.bytes().all(|byte| byte.is_ascii_digit()));
            kept.map(|(key, value)| (key.clone(), portable(value))).collect()
        }
        Value::Array(list) => list.iter().map(portable).collect(),
        Value::Number(number) => portable_number(number),
        Value::Null | Value::Bool(_) | Value::String(_) => value.clone(),
    }
}

fn portable_number(number: &Number) -> Value {
    let whole = match (number.as_i64(), number.as_f64()) {
        (Some(integer), _) => Some(integer),
        // The cast is exact below the bound, and stops at the type's ends beyond it.
        (None, Some(float)) if float.fract() == 0.0 => Some(float as i64),
        _ => None,
    };
    match whole {
        Some(integer) if integer.unsigned_abs() <= SAFE_INTEGER_MAX => integer.into(),
        _ => number.to_string().into(),
    }
}

/// The same JSON with everything but printable ASCII as `\u` escapes, as Python writes it: a second try after a 422
/// serves servers that verify the signature that way.
pub fn escaped(body: &[u8]) -> Vec<u8> {
    let body = String::from_utf8_lossy(body);
    let mut escaped = String::with_capacity(body.len() + body.len() / 2);
    for character in body.chars() {
        if character.is_ascii() && character != '\u{7f}' {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            // Writing into a String cannot fail.
            let _ = write!(escaped, "\\u{unit:04x}");
        }
    }
    escaped.into_bytes()
}

/// Reads a channel's answer as [`read_answer`] does.
pub(super) fn outcome(answer: &Answer) -> Outcome {
    read_answer(answer.status, answer.body, answer.truncated)
}

/// Reads a channel's answer to a content that was pushed. Any 2xx is a success unless it tells an error of its own,
/// whatever else its body is: empty, cut (`truncated`), or no JSON at all.
pub fn read_answer(status: u16, body: &[u8], truncated: bool) -> Outcome {
    if !(200..300).contains(&status) {
        let explanation = explanation(&String::from_utf8_lossy(body));
        let message = match explanation.as_str() {
            "" => format!("The channel answered {status}."),
            explanation => format!("The channel answered {status}: {explanation}"),
        };
        return Outcome::failed(Class::Retry, message);
    }
    // The rest of a cut body could contradict its beginning, so nothing is read from it.
    let answer: Option<Value> = if truncated { None } else { serde_json::from_slice(body).ok() };
    let Some(answer) = answer else { return Outcome::Delivered { foreign_id: None } };
    if let Some((fatal, message)) = told_error(&answer) {
        return Outcome::failed(if fatal { Class::Invalid } else { Class::Retry }, message);
    }
    Outcome::Delivered { foreign_id: answer.get("id").and_then(foreign_id) }
}

/// The content as a channel tells it in answer to something that was done with it; none when the answer tells no whole
/// content of this kind and id. Channels in real time answer with an empty object.
pub(super) fn read_content(
    object: ContentObject,
    foreign_id: &str,
    body: &[u8],
    options: Option<&[String]>,
) -> Option<InboundContent> {
    if fields::holds_too_many_values(body) {
        return None;
    }
    let Ok(Value::Object(map)) = serde_json::from_slice(body) else { return None };
    let content = inbound::read_content(object, Fields::new(map, "answer"), Options(options)).ok()?;
    (content.foreign_id == foreign_id && content.author.is_some()).then_some(content)
}

/// What the channel lets be done with a content of this id, when its answer tells that: null, empty and absent mean the
/// same, and texts that are none or too long are left out.
pub(super) fn read_actions(foreign_id: &str, body: &[u8]) -> Vec<String> {
    if fields::holds_too_many_values(body) {
        return Vec::new();
    }
    let Ok(Value::Object(answer)) = serde_json::from_slice(body) else { return Vec::new() };
    if answer.get("id").and_then(self::foreign_id).as_deref() != Some(foreign_id) {
        return Vec::new();
    }
    let told = answer.get("actions").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let fits = |name: &&str| !name.contains('\0') && (1..=SHORT_TEXT_CHARACTERS_MAX).contains(&name.chars().count());
    told.filter(fits).take(ACTIONS_MAX).map(str::to_owned).collect()
}

/// The error that an answer tells although its status is a success: whether it is fatal, and the message.
pub(super) fn told_error(answer: &Value) -> Option<(bool, String)> {
    let error = answer.as_object()?.get("error").filter(|error| is_error(error))?;
    let text = error.get("message").unwrap_or(error).as_str().map(explanation).filter(|text| !text.is_empty());
    let message = text.unwrap_or_else(|| "The channel answered an error without a message.".into());
    Some((error.get("fatal").and_then(lenient_boolean).unwrap_or(false), message))
}

/// The documented error is an object; a bare text is taken as one too, because a message shown as sent although it
/// was not is worse than a second try.
fn is_error(error: &Value) -> bool {
    match error {
        Value::Object(fields) => !fields.is_empty(),
        Value::String(text) => !text.is_empty(),
        _ => false,
    }
}

pub(super) fn foreign_id(id: &Value) -> Option<String> {
    match id {
        Value::String(id) => Some(id.clone())
            .filter(|id| !id.is_empty() && !id.contains('\0') && id.chars().count() <= ID_CHARACTERS_MAX),
        Value::Number(id) if !id.is_f64() => Some(id.to_string()),
        _ => None,
    }
}

/// What a channel says, short and on one line.
pub(super) fn explanation(text: &str) -> String {
    let clean: String = invisible::shown(text).chars().take(EXPLANATION_CHARACTERS_MAX).collect();
    clean.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Secret;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::inbound::BodyFormat;
    use crate::outbound::{Failure, OutboundAttachment};

    const NOW: Timestamp = Timestamp::from_micros(1_349_111_920_999_999);

    fn content(object: ContentObject) -> OutboundContent {
        OutboundContent {
            object,
            content_id: "013a1d5e4e80000000000001".parse().unwrap(),
            author_foreign_id: "1234".into(),
            body: "Yes / <b>&\u{e9}".into(),
            format: BodyFormat::Text,
            created_at: NOW,
            updated_at: NOW,
            in_reply_to_foreign_id: Some("132".into()),
            thread_foreign_id: Some("23456".into()),
            recipient_foreign_id: Some("7".into()),
            title: None,
            sender_name: Some("Ada".into()),
            retry: false,
            attachments: Vec::new(),
            structured_content: None,
            customer_foreign_id: None,
            customer_wrote_at: None,
            part: 0,
        }
    }

    fn pushed(content: &OutboundContent) -> String {
        String::from_utf8(push(content, NOW)).unwrap()
    }

    fn keys(content: &OutboundContent) -> Vec<String> {
        let request: Value = serde_json::from_slice(&push(content, NOW)).unwrap();
        request["params"].as_object().unwrap().keys().cloned().collect()
    }

    #[test]
    fn a_message_is_pushed_in_the_signed_form() {
        let expected = concat!(
            r#"{"action":"messages.create","params":{"author_id":"1234","body":"Yes / <b>&é","#,
            r#""content_id":"013a1d5e4e80000000000001","created_at":"2012-10-01T17:18:40Z","format":"text","#,
            r#""in_reply_to_id":"132","retry":false,"sender_name":"Ada","thread_id":"23456","#,
            r#""updated_at":"2012-10-01T17:18:40Z"},"time":"2012-10-01T17:18:40Z"}"#
        );
        let message = OutboundContent { recipient_foreign_id: None, ..content(ContentObject::Message) };
        assert_eq!(pushed(&message), expected);
    }

    #[test]
    fn each_object_carries_its_documented_keys() {
        let full = |object| OutboundContent {
            title: Some("T".into()),
            attachments: vec![OutboundAttachment {
                url: "https://a.example/b.png".into(),
                kind: "image",
                filename: "b.png".into(),
                content_type: "image/png".into(),
                bytes: 1,
                foreign_id: None,
            }],
            structured_content: Some(json!({"type": "select"})),
            retry: true,
            ..content(object)
        };
        let message = "attachments author_id body content_id created_at format in_reply_to_id retry sender_name \
            structured_content thread_id title updated_at";
        let private_message = "attachments author_id body content_id created_at format in_reply_to_id recipient_id retry \
            sender_name structured_content title updated_at";
        let thread = "attachments author_id body content_id created_at format retry sender_name title";
        for (object, expected) in [
            (ContentObject::Message, message),
            (ContentObject::PrivateMessage, private_message),
            (ContentObject::Thread, thread),
        ] {
            assert_eq!(keys(&full(object)).join(" "), expected.split_whitespace().collect::<Vec<_>>().join(" "));
            let text = pushed(&full(object));
            assert!(text.starts_with(&format!("{{\"action\":\"{}s.create\",\"params\":{{", object.as_str())));
            assert!(text.contains(r#"[{"url":"https://a.example/b.png","type":"image","filename":"b.png"}]"#));
            assert!(text.contains(r#""retry":true"#));
        }
    }

    #[test]
    fn structured_contents_are_written_so_that_every_language_writes_them_back() {
        let given = json!({"type": "select", "7": "moved", "none": null, "whole": 1.0, "half": 0.5, "great": 9_007_199_254_740_993_i64,
            "tiny": 1e-9, "items": [{"title": "One", "0": 1, "n": -2}]});
        let message = OutboundContent { structured_content: Some(given), ..content(ContentObject::Message) };
        let expected = concat!(
            r#""structured_content":{"type":"select","whole":1,"half":"0.5","great":"9007199254740993","tiny":"1e-9","#,
            r#""items":[{"title":"One","n":-2}]}"#
        );
        assert!(pushed(&message).contains(expected), "{}", pushed(&message));
    }

    #[test]
    fn the_escaped_form_is_ascii_and_says_the_same() {
        let escaped = escaped("{\"a\":\"é😀\u{7f}\u{2028}\\n/<\"}".as_bytes());
        assert_eq!(String::from_utf8(escaped).unwrap(), r#"{"a":"\u00e9\ud83d\ude00\u007f\u2028\n/<"}"#);
    }

    #[test]
    fn what_is_done_with_a_content_names_it_and_nothing_else() {
        let given = json!({"base_uri": "https://a.example/sdk", "access_token": "open sesame"});
        let settings = crate::validate_settings(crate::kind("sdk").unwrap(), given.as_object().unwrap()).unwrap();
        let object = ContentObject::PrivateMessage;
        let deed = Deed { object, name: "destroy", foreign_id: "7", user_id: None, is_own: false };
        let request = act(&settings, &deed, NOW).unwrap();
        let expected = r#"{"action":"private_messages.destroy","params":{"id":"7"},"time":"2012-10-01T17:18:40Z"}"#;
        assert_eq!(String::from_utf8(request.body).unwrap(), expected);
    }

    #[test]
    fn a_request_goes_to_the_source_signed_with_its_token() {
        let given = json!({"base_uri": "https://a.example/sdk", "access_token": "open sesame"});
        let kind = crate::kind("sdk").unwrap();
        let settings = crate::validate_settings(kind, given.as_object().unwrap()).unwrap();
        let request =
            (kind.delivery.as_ref().unwrap().request)(&settings, &content(ContentObject::Message), NOW).unwrap();
        let signature = request.signature.unwrap();
        assert_eq!((request.url.as_str(), request.content_type), ("https://a.example/sdk", "application/json"));
        assert_eq!((signature.header, signature.key), ("X-SMCCSDK-SIGNATURE", Secret::new("open sesame")));
        assert!(super::request(&Settings::default(), &content(ContentObject::Message), NOW).is_none());
    }

    fn delivered(id: Option<&str>) -> Outcome {
        Outcome::Delivered { foreign_id: id.map(str::to_owned) }
    }

    fn failed(fatal: bool, message: &str) -> Outcome {
        Outcome::failed(if fatal { Class::Invalid } else { Class::Retry }, message)
    }

    #[test]
    fn answers_are_read_as_their_senders_mean_them() {
        let silent = "The channel answered an error without a message.";
        let long_id = format!("{{\"id\":\"{}\"}}", "x".repeat(ID_CHARACTERS_MAX + 1));
        for (status, body, expected) in [
            (200, r#"{"id":"132","body":"Yes"}"#, delivered(Some("132"))),
            (201, r#"{"id":132}"#, delivered(Some("132"))),
            (204, "", delivered(None)),
            (299, "{}", delivered(None)),
            (200, r#""""#, delivered(None)),
            (200, "[]", delivered(None)),
            (200, "null", delivered(None)),
            (200, r#"[{"id":"1"}]"#, delivered(None)),
            (200, "<html>ok</html>", delivered(None)),
            (200, r#"{"id":""}"#, delivered(None)),
            (200, r#"{"id":null}"#, delivered(None)),
            (200, r#"{"id":1.5}"#, delivered(None)),
            (200, r#"{"id":"a\u0000"}"#, delivered(None)),
            (200, &long_id, delivered(None)),
            (200, r#"{"id":"1","error":null}"#, delivered(Some("1"))),
            (200, r#"{"id":"1","error":{}}"#, delivered(Some("1"))),
            (200, r#"{"id":"1","error":false}"#, delivered(Some("1"))),
            (200, r#"{"error":{"fatal":false,"message":"Unable to save."}}"#, failed(false, "Unable to save.")),
            (200, r#"{"id":"1","error":{"fatal":true,"message":"No."}}"#, failed(true, "No.")),
            (200, r#"{"error":{"fatal":"true"}}"#, failed(true, silent)),
            (200, r#"{"error":{"message":"Later."}}"#, failed(false, "Later.")),
            (200, r#"{"error":{"fatal":"what","message":5}}"#, failed(false, silent)),
            (200, r#"{"error":"Broken"}"#, failed(false, "Broken")),
            (503, "Down for\r\nmaintenance\u{7}", failed(false, "The channel answered 503: Down for  maintenance")),
            (500, "", failed(false, "The channel answered 500.")),
            (302, "", failed(false, "The channel answered 302.")),
            (422, "Invalid signature", failed(false, "The channel answered 422: Invalid signature")),
            (
                400,
                r#"{"error":{"fatal":true}}"#,
                failed(false, r#"The channel answered 400: {"error":{"fatal":true}}"#),
            ),
        ] {
            assert_eq!(read_answer(status, body.as_bytes(), false), expected, "{status} {body}");
        }
        assert_eq!(read_answer(200, br#"{"id":"132"}"#, true), delivered(None), "a cut body tells nothing");
    }

    #[test]
    fn the_actions_of_the_content_itself_are_read() {
        for (body, expected) in [
            (json!({"id": "7", "actions": ["delete", "", 5, null, "pin", "a\u{0}"]}), vec!["delete", "pin"]),
            (json!({"id": 7, "actions": ["pin"]}), vec!["pin"]),
            (json!({"id": "8", "actions": ["pin"]}), vec![]),
            (json!({"actions": ["pin"]}), vec![]),
            (json!({"id": "7", "actions": null}), vec![]),
            (json!({"id": "7", "actions": {"0": "pin"}}), vec![]),
            (json!([{"id": "7", "actions": ["pin"]}]), vec![]),
            (json!({"id": "7", "actions": ["x".repeat(SHORT_TEXT_CHARACTERS_MAX + 1)]}), vec![]),
        ] {
            assert_eq!(read_actions("7", body.to_string().as_bytes()), expected, "{body}");
        }
        assert!(read_actions("7", b"<html>").is_empty());
        let many = json!({"id": "7", "actions": vec!["pin"; ACTIONS_MAX + 1]}).to_string();
        assert_eq!(read_actions("7", many.as_bytes()).len(), ACTIONS_MAX);
    }

    #[test]
    fn explanations_are_cut() {
        let Outcome::Failed(Failure { message, .. }) = read_answer(500, "é".repeat(2_000).as_bytes(), true) else {
            panic!()
        };
        assert_eq!(message.chars().filter(|c| *c == 'é').count(), EXPLANATION_CHARACTERS_MAX);
    }

    proptest! {
        #[test]
        fn what_is_pushed_is_what_a_server_writes_after_parsing_it(
            body in any::<String>(), title in any::<Option<String>>(), sender in any::<Option<String>>(), retry in any::<bool>(),
            number in any::<f64>(), key in any::<String>(), object in prop::sample::select(vec![ContentObject::Message,
                ContentObject::PrivateMessage, ContentObject::Thread]),
        ) {
            let structured_content = Some(json!({"type": "select", key: number}));
            let sent = OutboundContent { body: body.clone(), title, sender_name: sender, retry, structured_content, ..content(object) };
            let text = pushed(&sent);
            let parsed: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(parsed["params"]["body"].as_str(), Some(body.as_str()));
            prop_assert_eq!(serde_json::to_string(&parsed).unwrap(), text.clone());
            let ascii = escaped(text.as_bytes());
            prop_assert!(ascii.is_ascii());
            prop_assert_eq!(serde_json::from_slice::<Value>(&ascii).unwrap(), parsed);
        }

        #[test]
        fn any_answer_is_read(status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..200), truncated in any::<bool>()) {
            let _ = read_answer(status, &body, truncated);
        }
    }
}
