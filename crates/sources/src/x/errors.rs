//! What the service means by its errors.

use frontdesk_model::Timestamp;

use crate::oauth::{said, shown};
use crate::outbound::{Answer, Class, Failure};

/// The pause after too many calls when the service does not say how long, seconds: its shortest window.
const PAUSE_SECONDS: i64 = 15 * 60;
/// No pause that is asked for is longer, seconds.
const PAUSE_SECONDS_MAX: i64 = 24 * 60 * 60;
/// Parts of the words by which it says that somebody cannot be written to.
const GONE: [&str; 3] = ["cannot send messages to this user", "not following you", "blocked from"];

/// What an answer that is no success means, in words for people.
pub(super) fn failure(answer: &Answer) -> Failure {
    let told = answer.json();
    let words = [&told["detail"], &told["errors"][0]["detail"], &told["errors"][0]["message"], &told["title"]];
    let words = words.into_iter().find_map(said);
    let because = words.as_ref().map(|words| format!(" ({words})")).unwrap_or_default();
    let lower = words.as_deref().unwrap_or_default().to_lowercase();
    let (class, sentence) = match answer.status {
        429 => {
            let until = reset(answer);
            (Class::Throttled { until }, format!("X wants a pause until {}: too many calls.", until.rest()))
        }
        401 => (Class::Auth, format!("X no longer lets us in: connect the account again{because}.")),
        402 => (Class::Auth, format!("X wants to be paid for this call: look at your plan{because}.")),
        403 if GONE.iter().any(|part| lower.contains(part)) => {
            (Class::RecipientGone, format!("X does not let us write to this person{because}."))
        }
        403 if lower.contains("not allowed to") || lower.contains("not permitted") || lower.contains("reply") => {
            let sentence = format!("X does not let us answer here: only who mentioned or quoted us may be{because}.");
            (Class::Invalid, sentence)
        }
        403 => (Class::Invalid, format!("X refused it{because}.")),
        404 => (Class::Invalid, "The post is no longer on X.".to_owned()),
        408 | 500.. => (Class::Retry, format!("X answered {}{because}.", answer.status)),
        400..=499 => (Class::Invalid, format!("X answered {}{because}.", answer.status)),
        _ => (Class::Unknown, format!("X answered {}{because}.", answer.status)),
    };
    Failure::new(class, sentence)
}

/// When calls are taken again.
fn reset(answer: &Answer) -> Timestamp {
    let now = answer.now;
    let number = |name: &str| answer.header(name).and_then(|text| text.parse::<i64>().ok());
    let told = number("x-rate-limit-reset").map(|at| Timestamp::from_micros(0).plus_seconds(at.clamp(0, 1 << 40)));
    let told =
        told.or_else(|| number("retry-after").map(|seconds| now.plus_seconds(seconds.clamp(0, PAUSE_SECONDS_MAX))));
    let until = told.unwrap_or_else(|| now.plus_seconds(PAUSE_SECONDS));
    until.clamp(now.plus_seconds(1), now.plus_seconds(PAUSE_SECONDS_MAX))
}

/// What a success hides: an answer of 200 may hold errors and nothing else.
pub(super) fn hidden(answer: &Answer) -> Option<Failure> {
    let told = answer.json();
    let error = told["errors"].get(0).filter(|_| told.get("data").is_none())?;
    let words =
        said(&error["detail"]).or_else(|| said(&error["message"])).unwrap_or_else(|| shown("no reason was told"));
    Some(Failure::new(Class::Invalid, format!("X refused it ({words}).")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_mean_what_the_pages_say() {
        let now = Timestamp::parse_iso("2026-01-15T12:00:00Z").unwrap();
        let throttled = |seconds| Class::Throttled { until: now.plus_seconds(seconds) };
        let reset = (now.micros() / 1_000_000 + 90).to_string();
        let header = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        for (status, headers, detail, expected) in [
            (429, header("x-rate-limit-reset", &reset), "", throttled(90)),
            (429, header("x-rate-limit-reset", "1"), "", throttled(1)),
            (429, header("retry-after", "7"), "", throttled(7)),
            (429, vec![], "", throttled(900)),
            (401, vec![], "Unauthorized", Class::Auth),
            (402, vec![], "Credits depleted", Class::Auth),
            (403, vec![], "You cannot send messages to this user.", Class::RecipientGone),
            (403, vec![], "You are not permitted to perform this action.", Class::Invalid),
            (404, vec![], "", Class::Invalid),
            (400, vec![], "", Class::Invalid),
            (503, vec![], "", Class::Retry),
            (302, vec![], "", Class::Unknown),
        ] {
            let body = json!({"title": "T", "detail": detail, "status": status}).to_string();
            let answer = Answer { status, headers, body: body.as_bytes(), truncated: false, now };
            let told = failure(&answer);
            assert_eq!(told.class, expected, "{status} {detail}");
            assert!(told.message.ends_with('.'), "{}", told.message);
        }
        let body = br#"{"errors":[{"detail":"Not so."}]}"#;
        let answer = Answer { status: 200, headers: Vec::new(), body, truncated: false, now };
        assert_eq!(hidden(&answer).unwrap().message, "X refused it (Not so).");
    }
}
