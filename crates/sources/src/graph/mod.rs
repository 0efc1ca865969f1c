//! What a Facebook page and Messenger share: the Graph API that both are called by, the webhook that tells of both, and
//! what its errors mean. Facts about the wire are those of Meta's public pages; README.md tells which.

pub(crate) mod connecting;
mod errors;
mod hooks;
pub(crate) mod limits;
pub(crate) mod settings;

pub(crate) use errors::{failure, is_elsewhere};
pub(crate) use hooks::{FAMILY, challenge, entry_time, split, verify};

use frontdesk_model::{Timestamp, urls};
use serde_json::Value;

use crate::Settings;
use crate::inbound::InboundAuthor;
use crate::outbound::{Answer, Class, Failure, Method, Outcome, Request};

/// Where everything is called.
pub const API: &str = "https://graph.facebook.com";
/// The version that is called unless the source says otherwise.
const VERSION: &str = "v25.0";

/// The address of something by its path, such as `123/comments`, in the version that the source wants.
pub(crate) fn address(settings: &Settings, path: &[&str]) -> Option<String> {
    let mut url = url::Url::parse(API).ok()?;
    url.path_segments_mut().ok()?.push(settings.text(settings::VERSION).unwrap_or(VERSION)).extend(path);
    Some(url.into())
}

/// A request with the page's token; none while there is no token.
pub(crate) fn request(settings: &Settings, method: Method, path: &[&str], body: Option<&Value>) -> Option<Request> {
    let url = address(settings, path)?;
    let request = match body {
        Some(body) => Request::json(method, url, body),
        None => Request::bare(method, url),
    };
    Some(request.with_bearer(settings.secret(settings::TOKEN)?))
}

/// What became of something that was to be done or created.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    if !answer.is_success() {
        return Outcome::Failed(failure(answer));
    }
    let told = answer.json();
    if told["success"] == false {
        return Outcome::failed(Class::Unknown, "Facebook answered that it did not do it, and not why.");
    }
    Outcome::Delivered { foreign_id: id_of(&told["message_id"]).or_else(|| id_of(&told["id"])) }
}

/// Why something was not done; none where it was.
pub(crate) fn fault(answer: &Answer) -> Option<Failure> {
    match outcome(answer) {
        Outcome::Delivered { .. } => None,
        Outcome::Failed(failure) => Some(failure),
    }
}

/// Why a body is too long, as the end of a sentence.
pub(crate) fn too_long(body: &str, characters_max: usize) -> Option<String> {
    (body.chars().count() > characters_max).then(|| format!("may have at most {characters_max} characters on Facebook"))
}

/// An id: a text today, a number in older messages.
pub(crate) fn id_of(value: &Value) -> Option<String> {
    let id = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_u64() => number.to_string(),
        _ => return None,
    };
    let fits = !id.is_empty() && id.len() <= limits::ID_BYTES_MAX && !id.chars().any(char::is_control);
    fits.then_some(id)
}

/// A text that may be empty, cut at what is kept.
pub(crate) fn text_of(value: &Value) -> Option<String> {
    let mut text = value.as_str()?.to_owned();
    text.retain(|character| character != '\0');
    if let Some((at, _)) = text.char_indices().nth(limits::BODY_CHARACTERS_MAX) {
        text.truncate(at);
    }
    Some(text).filter(|text| !text.is_empty())
}

/// A name that is shown.
pub(crate) fn name_of(value: &Value) -> Option<String> {
    let text = frontdesk_model::invisible::shown(value.as_str()?);
    let name: String = text.trim().chars().take(limits::NAME_CHARACTERS_MAX).collect();
    Some(name).filter(|name| !name.is_empty())
}

/// An address on the web.
pub(crate) fn url_of(value: &Value) -> Option<String> {
    value.as_str().filter(|text| urls::is_web_url(text)).map(str::to_owned)
}

/// Seconds or milliseconds since 1970, or a date: what cannot be one is none.
pub(crate) fn time_of(value: &Value) -> Option<Timestamp> {
    /// From here on, a number counts milliseconds: the year 5138 in seconds, 1973 in milliseconds.
    const MILLISECONDS_FROM: i64 = 100_000_000_000;
    match value {
        Value::String(text) => match text.parse() {
            Ok::<i64, _>(number) => time_of(&Value::from(number)),
            Err(_) => Timestamp::parse_iso(text),
        },
        value => match value.as_i64()? {
            number @ 1..MILLISECONDS_FROM => Some(Timestamp::from_micros(number * 1_000_000)),
            number if number >= MILLISECONDS_FROM => Some(Timestamp::from_micros(number.checked_mul(1_000)?)),
            _ => None,
        },
    }
}

/// Who is known by their id alone.
pub(crate) const UNKNOWN: &str = "Facebook user";

/// Somebody by the id that they have for this page; the page itself is who we write as.
pub(crate) fn author(id: String, name: Option<String>, page_id: Option<&str>) -> InboundAuthor {
    let is_page = page_id == Some(id.as_str());
    let shown = name.unwrap_or_else(|| if is_page { "The page" } else { UNKNOWN }.to_owned());
    let mut author = InboundAuthor::new(id, shown);
    author.puppetizable = is_page;
    author
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_texts_or_numbers_and_times_count_in_either_unit() {
        for (value, id) in [
            (json!("12_3"), Some("12_3")),
            (json!(12_345_654_332_i64), Some("12345654332")),
            (json!(""), None),
            (json!(-1), None),
            (json!(1.5), None),
            (json!("a\u{0}"), None),
            (json!("x".repeat(limits::ID_BYTES_MAX + 1)), None),
            (json!({}), None),
        ] {
            assert_eq!(id_of(&value).as_deref(), id, "{value}");
        }
        let at = |micros| Some(Timestamp::from_micros(micros));
        for (value, time) in [
            (json!(1_449_135_003), at(1_449_135_003_000_000)),
            (json!("1449135003"), at(1_449_135_003_000_000)),
            (json!(1_457_764_197_627_i64), at(1_457_764_197_627_000)),
            (json!(0), None),
            (json!(i64::MAX), None),
            (json!("2026-01-15T12:00:00+0000"), Timestamp::parse_iso("2026-01-15T12:00:00+0000")),
            (json!("-9223372036854775808"), None),
            (json!("soon"), None),
        ] {
            assert_eq!(time_of(&value), time, "{value}");
        }
    }
}
