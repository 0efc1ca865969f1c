//! Asking a channel for what is new: the requests, and what their answers mean (public pages sdks/source-sdk/polling and
//! action-details).

use frontdesk_model::Timestamp;
use serde_json::{Map, Value};

use super::fields::{Fields, holds_more_values};
use super::implementation::Implementation;
use super::inbound::{Options, read_content};
use super::limits::{LIST_OBJECTS_MAX, LIST_VALUES_MAX};
use super::outbound::{action_request, explanation, foreign_id, told_error};
use crate::Settings;
use crate::inbound::{ContentObject, InboundContent};
use crate::outbound::Request;

/// What the servers of the public libraries say to an action that they do not have.
const INVALID_ACTION: &str = "invalid action";

/// The request for `implementation.info`; none while the source has no address or no token.
pub fn info_request(settings: &Settings, now: Timestamp) -> Option<Request> {
    action_request(settings, "implementation.info", None, now)
}

/// The request for the next slice of a list, after the object with this id; none while the source has no address or no
/// token.
pub fn list_request(
    settings: &Settings,
    object: ContentObject,
    since_id: Option<&str>,
    now: Timestamp,
) -> Option<Request> {
    let mut params = Map::new();
    if let Some(since_id) = since_id {
        params.insert("since_id".into(), since_id.into());
    }
    // An object even when it is empty: some sources read it unguarded.
    action_request(settings, &list_action(object), Some(params), now)
}

/// The action, such as `messages.list`.
pub fn list_action(object: ContentObject) -> String {
    format!("{}s.list", object.as_str())
}

/// An answer as it came.
pub struct PolledAnswer<'a> {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: &'a [u8],
    /// Whether there was more of it than may be read.
    pub truncated: bool,
    /// Whether the signature fits; none when there was none.
    pub signature_fits: Option<bool>,
}

/// What a channel says of itself.
#[derive(Debug, PartialEq, Eq)]
pub enum Info {
    /// This.
    Told(Implementation),
    /// It speaks the protocol and does not know the question: it posts to us, and takes what we post to it.
    NotImplemented,
}

/// Reads the answer to `implementation.info`; what is wrong with it is told in a sentence for people.
pub fn read_info(answer: &PolledAnswer) -> Result<Info, String> {
    let refused = (400..500).contains(&answer.status);
    if refused && String::from_utf8_lossy(answer.body).to_lowercase().contains(INVALID_ACTION) {
        return Ok(Info::NotImplemented);
    }
    Implementation::read(&json(answer)?).map(Info::Told)
}

/// One slice of a list.
#[derive(Debug, Default)]
pub struct Slice {
    /// What to ask after next; none when there was nothing with an id.
    pub newest_id: Option<String>,
    /// Its contents, the oldest first.
    pub contents: Vec<InboundContent>,
    /// Why the others were left out: one sentence each.
    pub skipped: Vec<String>,
}

/// Reads a slice, which comes with the newest first. Objects that lack what they must have are left out; what is wrong
/// with the whole is told in a sentence for people.
pub fn read_list(answer: &PolledAnswer, object: ContentObject, options: &[String]) -> Result<Slice, String> {
    let listed = match json(answer)? {
        Value::Array(listed) => listed,
        // Null and what is empty mean the same as absent.
        Value::Null => Vec::new(),
        Value::Object(fields) if fields.is_empty() => Vec::new(),
        _ => return Err("the answer is no list".into()),
    };
    if listed.len() > LIST_OBJECTS_MAX {
        return Err(format!("the answer has {} objects; at most {LIST_OBJECTS_MAX} are taken at once", listed.len()));
    }
    let newest_id = listed.iter().find_map(|fields| fields.get("id").and_then(foreign_id));
    let mut slice = Slice { newest_id, ..Slice::default() };
    for (at, fields) in listed.into_iter().enumerate().rev() {
        let place = format!("{}s[{at}]", object.as_str());
        let Value::Object(fields) = fields else {
            slice.skipped.push(format!("{place} is no object"));
            continue;
        };
        match read_content(object, Fields::new(fields, place), Options(Some(options))) {
            Ok(content) => slice.contents.push(content),
            Err(refusal) => slice.skipped.push(refusal.detail().into_owned()),
        }
    }
    Ok(slice)
}

/// The body of a good answer.
pub(super) fn json(answer: &PolledAnswer) -> Result<Value, String> {
    let said = || explanation(&String::from_utf8_lossy(answer.body));
    if !(200..300).contains(&answer.status) {
        return Err(match said().as_str() {
            "" => format!("the channel answered {}", answer.status),
            said => format!("the channel answered {}: {said}", answer.status),
        });
    }
    if answer.truncated {
        return Err(format!("the answer has more than {} bytes", super::limits::LIST_BYTES_MAX));
    }
    if answer.body.trim_ascii().is_empty() {
        return Err("the answer is empty".into());
    }
    if answer.signature_fits == Some(false) {
        return Err("the answer's signature does not fit its body and the source's access token".into());
    }
    if holds_more_values(answer.body, LIST_VALUES_MAX) {
        return Err(format!("the answer has more than {LIST_VALUES_MAX} values"));
    }
    let json: Value = serde_json::from_slice(answer.body).map_err(|_| format!("the answer is not JSON: {}", said()))?;
    match told_error(&json) {
        Some((_, message)) => Err(format!("the channel answered: {message}")),
        None => Ok(json),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn answer(status: u16, body: &str) -> PolledAnswer<'_> {
        PolledAnswer { status, body: body.as_bytes(), truncated: false, signature_fits: None }
    }

    fn message(id: &str) -> Value {
        let author = json!({"id": "vera", "screenname": "Vera", "created_at": "2026-01-15"});
        json!({"id": id, "thread_id": "t", "author": author, "body": "Hello"})
    }

    #[test]
    fn requests_are_compact_and_have_params_only_where_the_pages_do() {
        let given = json!({"base_uri": "https://a.example/sdk", "access_token": "open sesame"});
        let settings = crate::validate_settings(crate::kind("sdk").unwrap(), given.as_object().unwrap()).unwrap();
        let now = Timestamp::from_micros(1_349_111_920_999_999);
        let body = |request: Option<Request>| String::from_utf8(request.unwrap().body).unwrap();
        // The published example, whose signature was made over exactly this text.
        let expected = r#"{"action":"implementation.info","time":"2012-10-01T17:18:40Z"}"#;
        assert_eq!(body(info_request(&settings, now)), expected);
        for (since, params) in [(None, "{}"), (Some("23\""), r#"{"since_id":"23\""}"#)] {
            let expected = format!(r#"{{"action":"messages.list","params":{params},"time":"2012-10-01T17:18:40Z"}}"#);
            assert_eq!(body(list_request(&settings, ContentObject::Message, since, now)), expected);
        }
        assert!(info_request(&Settings::default(), now).is_none());
    }

    #[test]
    fn a_slice_is_turned_over_and_what_lacks_something_is_left_out() {
        let listed = json!([message("3"), {"id": "2b", "body": "nobody's"}, 5, message("2"), message("1")]).to_string();
        let slice = read_list(&answer(200, &listed), ContentObject::Message, &[]).unwrap();
        let ids: Vec<&str> = slice.contents.iter().map(|content| content.foreign_id.as_str()).collect();
        assert_eq!((ids, slice.newest_id.as_deref()), (vec!["1", "2", "3"], Some("3")));
        assert_eq!(slice.skipped, ["messages[2] is no object", "messages[1].author is missing"]);
        for nothing in ["[]", "null", "{}"] {
            let slice = read_list(&answer(200, nothing), ContentObject::Message, &[]).unwrap();
            assert!(slice.contents.is_empty() && slice.newest_id.is_none(), "{nothing}");
        }
    }

    #[test]
    fn hostile_answers_are_told_as_they_are() {
        let long = json!(vec![message("1"); LIST_OBJECTS_MAX + 1]).to_string();
        for (status, body, told) in [
            (200, "<html>Welcome</html>", "the answer is not JSON: <html>Welcome</html>"),
            (200, "", "the answer is empty"),
            (200, "\"ok\"", "the answer is no list"),
            (200, r#"{"id":"1"}"#, "the answer is no list"),
            (200, r#"{"error":{"message":"Busy"}}"#, "the channel answered: Busy"),
            (302, "", "the channel answered 302"),
            (503, "Down", "the channel answered 503: Down"),
            (200, &long, "the answer has 1001 objects; at most 1000 are taken at once"),
        ] {
            assert_eq!(read_list(&answer(status, body), ContentObject::Message, &[]).unwrap_err(), told);
        }
        let good = message("1").to_string();
        let forged = PolledAnswer { signature_fits: Some(false), ..answer(200, &good) };
        assert!(read_info(&forged).unwrap_err().contains("signature"));
        let cut = PolledAnswer { truncated: true, ..answer(200, "[") };
        assert!(read_list(&cut, ContentObject::Message, &[]).unwrap_err().contains("bytes"));
    }

    #[test]
    fn who_does_not_know_the_question_is_no_failure() {
        for (status, body) in [(422, "Invalid action"), (400, r#"{"error":{"message":"Invalid action"}}"#)] {
            assert_eq!(read_info(&answer(status, body)), Ok(Info::NotImplemented), "{status} {body}");
        }
        for (status, body) in [(422, "Invalid signature"), (500, "Invalid action"), (404, "no such page")] {
            assert!(read_info(&answer(status, body)).is_err(), "{status} {body}");
        }
    }

    proptest! {
        #[test]
        fn any_answer_is_read(status in any::<u16>(), body in prop::collection::vec(any::<u8>(), 0..200)) {
            let answer = PolledAnswer { status, body: &body, truncated: false, signature_fits: Some(true) };
            let _ = read_info(&answer);
            let _ = read_list(&answer, ContentObject::Thread, &[]);
        }
    }
}
