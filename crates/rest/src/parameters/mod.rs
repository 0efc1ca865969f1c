//! The one bag of parameters of a request, whatever carried them: query string, then body.

pub mod given;
mod pairs;
mod shape;

use bytes::Bytes;
use frontdesk_model::{Result, error};
use futures_util::{FutureExt, stream};
use serde_json::{Map, Value};

pub(crate) use pairs::PairTree;
pub use pairs::{NAME_BYTES_MAX, NAME_LEVELS_MAX, PAIRS_MAX, parse_pairs};
pub(crate) use shape::{Record, boolean};

/// What a `Content-Type` says about a body, as far as parameters are concerned.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    Form,
    Multipart { boundary: String },
    Json,
}

impl BodyKind {
    /// 400 when the type is missing or is none that carries parameters.
    pub(crate) fn of(content_type: Option<&str>) -> Result<BodyKind> {
        let full = content_type.unwrap_or_default();
        let essence = full.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        match essence.as_str() {
            "application/x-www-form-urlencoded" => Ok(BodyKind::Form),
            "application/json" => Ok(BodyKind::Json),
            "multipart/form-data" => match multer::parse_boundary(full) {
                Ok(boundary) => Ok(BodyKind::Multipart { boundary }),
                Err(_) => Err(error::bad_request("Content-Type: multipart/form-data needs a boundary.")),
            },
            json if json.starts_with("application/") && json.ends_with("+json") => Ok(BodyKind::Json),
            _ => Err(error::bad_request(
                "Content-Type: send the body as application/x-www-form-urlencoded, multipart/form-data or application/json.",
            )),
        }
    }
}

/// Reads the bag: the query string, then the body, which wins name by name. An empty body is legal under any type.
/// 400 for everything that cannot be read.
pub fn parameters(query: &[u8], content_type: Option<&str>, body: &[u8]) -> Result<Map<String, Value>> {
    with_body(parse_pairs(query)?, content_type, body)
}

/// Adds a body to what the query string gave.
pub(crate) fn with_body(
    mut bag: Map<String, Value>,
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Map<String, Value>> {
    if body.is_empty() {
        return Ok(bag);
    }
    let from_body = match BodyKind::of(content_type)? {
        BodyKind::Form => parse_pairs(body)?,
        BodyKind::Json => parse_json(body)?,
        BodyKind::Multipart { boundary } => parse_multipart(&boundary, body)?,
    };
    if bag.is_empty() {
        return Ok(from_body);
    }
    bag.extend(from_body);
    Ok(bag)
}

fn parse_json(body: &[u8]) -> Result<Map<String, Value>> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|reason| error::bad_request(format!("The body is not valid JSON: {reason}.")))?;
    let Value::Object(bag) = value else {
        return Err(error::bad_request("The body must be one JSON object, with the parameters as its members."));
    };
    // U+0000 can only be there as an escape; most bodies hold none and are not walked.
    if body.windows(6).any(|window| window == b"\\u0000") {
        refuse_zeros(&bag)?;
    }
    Ok(bag)
}

/// 400 for U+0000 anywhere: PostgreSQL keeps none in a text.
pub(crate) fn refuse_zeros(bag: &Map<String, Value>) -> Result<()> {
    let Some((name, _)) = bag.iter().find(|(name, value)| name.contains('\0') || holds_zero(value)) else {
        return Ok(());
    };
    // A name beyond all names is not told back.
    let name = if name.len() > NAME_BYTES_MAX { "a parameter" } else { name };
    Err(error::bad_request(format!("{name}: must not contain the character U+0000.")))
}

fn holds_zero(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_zero),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || holds_zero(value)),
        _ => false,
    }
}

/// Reads a form of parts that is already in memory; a part with a file name is a text like any other here.
fn parse_multipart(boundary: &str, body: &[u8]) -> Result<Map<String, Value>> {
    let chunk = Ok::<_, std::convert::Infallible>(Bytes::copy_from_slice(body));
    let mut parts = multer::Multipart::new(stream::iter([chunk]), boundary);
    let read = async {
        let mut tree = PairTree::default();
        while let Some(part) = parts.next_field().await.map_err(unreadable)? {
            add_part(&mut tree, part, usize::MAX).await?;
        }
        Ok(tree.finish())
    };
    // The stream never waits, so neither does the parser.
    read.now_or_never().unwrap_or_else(|| Err(error::broken("a multipart body in memory was waited for")))
}

/// Adds one part that is not a file. 413 past `bytes_max`; returns the bytes it took.
pub(crate) async fn add_part(tree: &mut PairTree, mut part: multer::Field<'_>, bytes_max: usize) -> Result<usize> {
    let name = part.name().unwrap_or_default().to_owned();
    let mut bytes = Vec::new();
    while let Some(chunk) = part.chunk().await.map_err(unreadable)? {
        if bytes.len() + chunk.len() > bytes_max {
            return Err(error::too_large("The parameters beside the file are too large."));
        }
        bytes.extend_from_slice(&chunk);
    }
    let size = bytes.len() + name.len();
    if !name.is_empty() {
        let text = String::from_utf8(bytes).map_err(|_| error::bad_request(format!("{name}: is not valid UTF-8.")))?;
        tree.add(&name, text)?;
    }
    Ok(size)
}

/// 400: the parts cannot be told apart.
pub(crate) fn unreadable(reason: multer::Error) -> error::Error {
    error::bad_request(format!("The multipart body cannot be read: {reason}."))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FORM: &str = "application/x-www-form-urlencoded";
    const PARTS: &str = "multipart/form-data; boundary=XX";

    #[test]
    fn every_carrier_gives_the_same_bag() {
        let expected = json!({"tag_ids": ["1", "2"], "h": {"k": "v w"}});
        let parts = "--XX\r\nContent-Disposition: form-data; name=\"tag_ids[]\"\r\n\r\n1\r\n\
                     --XX\r\nContent-Disposition: form-data; name=\"tag_ids[]\"\r\n\r\n2\r\n\
                     --XX\r\nContent-Disposition: form-data; name=\"h[k]\"\r\n\r\nv w\r\n--XX--\r\n";
        let pairs = "tag_ids[]=1&tag_ids[]=2&h[k]=v+w";
        for (query, content_type, body) in [
            (pairs, None, ""),
            ("", Some(FORM), pairs),
            ("", Some("Application/X-WWW-Form-Urlencoded; charset=utf-8"), pairs),
            ("", Some("application/json"), r#"{"tag_ids":["1","2"],"h":{"k":"v w"}}"#),
            ("", Some("application/vnd.api+json; charset=utf-8"), r#"{"tag_ids":["1","2"],"h":{"k":"v w"}}"#),
            ("", Some(PARTS), parts),
            ("tag_ids[]=9&h[x]=y", Some(FORM), pairs),
        ] {
            let bag = parameters(query.as_bytes(), content_type, body.as_bytes()).expect(query);
            assert_eq!(Value::Object(bag), expected, "{query} {content_type:?} {body}");
        }
    }

    #[test]
    fn an_empty_body_is_legal_under_any_type() {
        for content_type in [None, Some(FORM), Some(PARTS), Some("application/json"), Some("image/png"), Some("")] {
            let bag = parameters(b"a=1", content_type, b"").expect("a bag");
            assert_eq!(Value::Object(bag), json!({"a": "1"}), "{content_type:?}");
        }
    }

    #[test]
    fn the_body_wins_name_by_name() {
        let bag = parameters(b"a=1&b=2", Some("application/json"), br#"{"a":3}"#).expect("a bag");
        assert_eq!(Value::Object(bag), json!({"a": 3, "b": "2"}));
    }

    #[test]
    fn bodies_that_cannot_be_read_are_a_400() {
        for (content_type, body) in [
            (None, "a=1"),
            (Some("text/plain"), "a=1"),
            (Some("multipart/form-data"), "a=1"),
            (Some(PARTS), "--XX\r\nContent-Dis"),
            (Some("application/json"), "[1]"),
            (Some("application/json"), "\"x\""),
            (Some("application/json"), "{"),
            (Some("application/json"), r#"{"a":"\u0000"}"#),
            (Some("application/json"), r#"{"a":[{"b\u0000":1}]}"#),
            (Some("application/json"), r#"{"a":"\ud800"}"#),
            (Some("application/json"), r#"{"a":1e999}"#),
        ] {
            match parameters(b"", content_type, body.as_bytes()) {
                Err(error::Error::Refused(refusal)) => assert_eq!(refusal.status, 400, "{body}"),
                other => panic!("{content_type:?} {body}: {other:?}"),
            }
        }
    }

    proptest! {
        #[test]
        fn any_bytes_under_any_type_are_read_or_refused(
            query in prop::collection::vec(any::<u8>(), 0..60),
            kind in prop::sample::select(vec![FORM, PARTS, "application/json", "text/plain"]),
            body in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let refused_only = match parameters(&query, Some(kind), &body) {
                Ok(_) | Err(error::Error::Refused(_)) => true,
                Err(_) => false,
            };
            prop_assert!(refused_only);
        }

        #[test]
        fn any_parts_are_read_or_refused(body in "(--XX|--XX--|\r\n|Content-Disposition: form-data; name=\"a\"|[a-z:;=\"])*") {
            let refused_only = !matches!(
                parameters(b"", Some(PARTS), body.as_bytes()),
                Err(error::Error::Broken(_) | error::Error::Unavailable(_) | error::Error::Conflict(_))
            );
            prop_assert!(refused_only);
        }
    }
}
