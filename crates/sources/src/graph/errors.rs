//! What Facebook means by its errors: judged by its codes, because one status stands for many things.

use serde_json::Value;

use crate::oauth::said;
use crate::outbound::{Answer, Class, Failure};

/// The pause after too many calls, seconds: calls in it only make it longer.
const PAUSE_SECONDS: i64 = 5 * 60;
/// No pause that is asked for is longer, seconds.
const PAUSE_SECONDS_MAX: i64 = 24 * 60 * 60;

/// What an answer that is no success means, in words for people.
pub(crate) fn failure(answer: &Answer) -> Failure {
    let told = answer.json();
    let error = &told["error"];
    let number = |value: &Value| value.as_i64().unwrap_or(0);
    let (code, subcode) = (number(&error["code"]), number(&error["error_subcode"]));
    let said = said(&error["error_user_msg"]).or_else(|| said(&error["message"]));
    let because = said.map(|words| format!(" ({words})")).unwrap_or_default();
    let class = class(answer, code, subcode);
    let sentence = match (class, code, subcode) {
        (Class::WindowClosed, ..) => {
            "The time in which Facebook lets this customer be answered is over: they have to write again first.".into()
        }
        (Class::Throttled { .. }, ..) => "Facebook wants a pause: too many calls in a short time.".into(),
        (Class::Auth, 190 | 102 | 0, _) => {
            format!("Facebook no longer lets us in: connect the page again{because}.")
        }
        (Class::Auth, ..) => format!("The page's connection lacks a right for this: connect it again{because}."),
        (Class::Retry, 10, _) => {
            "Another app has this conversation: it was asked for, and this goes out when it is ours.".into()
        }
        (Class::RecipientGone, ..) => "The customer takes no messages any more.".into(),
        (Class::Invalid, 368, _) => format!("Facebook blocks this as against its policies{because}."),
        (Class::Invalid, 10_900, _) => "This comment was answered in private before: Facebook takes one answer.".into(),
        (_, 0, _) => format!("Facebook answered {}{because}.", answer.status),
        (_, code, _) => format!("Facebook answered {code}{because}."),
    };
    Failure::new(class, sentence)
}

/// Whether another app has the conversation, so that nothing can be sent until it is ours.
pub(crate) fn is_elsewhere(answer: &Answer) -> bool {
    let error = &answer.json()["error"];
    error["code"] == 10 && error["error_subcode"] == 2_018_300
}

fn class(answer: &Answer, code: i64, subcode: i64) -> Class {
    match (code, subcode) {
        (10, 2_018_278 | 2_018_065) | (100, 1_893_061) => Class::WindowClosed,
        // Another app has the conversation: it is asked for, and this goes out when it is ours.
        (10, 2_018_300) => Class::Retry,
        (551, _) | (100, 2_018_001) => Class::RecipientGone,
        (4 | 17 | 32 | 613 | 80_000..=80_014 | 130_429, _) => throttled(answer),
        (190 | 102, _) => Class::Auth,
        (3 | 10 | 200..=299, _) => Class::Auth,
        (1 | 2 | 1_200, _) => Class::Retry,
        (100 | 368 | 10_900..=10_999, _) => Class::Invalid,
        _ => match answer.status {
            429 => throttled(answer),
            401 => Class::Auth,
            408 | 500.. => Class::Retry,
            400..=499 if code != 0 => Class::Invalid,
            _ => Class::Unknown,
        },
    }
}

fn throttled(answer: &Answer) -> Class {
    let asked = answer.header("retry-after").and_then(|seconds| seconds.parse().ok()).unwrap_or(PAUSE_SECONDS);
    Class::Throttled { until: answer.now.plus_seconds(asked.clamp(1, PAUSE_SECONDS_MAX)) }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(0);

    fn answer(status: u16, body: &[u8]) -> Answer<'_> {
        Answer { status, headers: vec![("retry-after".into(), "7".into())], body, truncated: false, now: NOW }
    }

    #[test]
    fn errors_mean_what_their_codes_say() {
        let throttled = Class::Throttled { until: NOW.plus_seconds(7) };
        for (status, code, subcode, expected) in [
            (400, 10, 2_018_278, Class::WindowClosed),
            (400, 100, 1_893_061, Class::WindowClosed),
            (400, 10, 2_018_300, Class::Retry),
            (400, 100, 2_018_001, Class::RecipientGone),
            (400, 551, 0, Class::RecipientGone),
            (400, 613, 0, throttled),
            (403, 4, 0, throttled),
            (429, 0, 0, throttled),
            (401, 190, 463, Class::Auth),
            (403, 200, 0, Class::Auth),
            (403, 10, 0, Class::Auth),
            (400, 100, 33, Class::Invalid),
            (400, 368, 0, Class::Invalid),
            (400, 10_900, 0, Class::Invalid),
            (500, 2, 0, Class::Retry),
            (400, 1_200, 0, Class::Retry),
            (503, 0, 0, Class::Retry),
            (400, 0, 0, Class::Unknown),
            (302, 0, 0, Class::Unknown),
        ] {
            let body = json!({"error": {"code": code, "error_subcode": subcode, "message": "(#1) Said."}}).to_string();
            let told = failure(&answer(status, body.as_bytes()));
            assert_eq!(told.class, expected, "{status} {code} {subcode}");
            assert!(told.message.ends_with('.') && told.message.len() > 15, "{}", told.message);
        }
    }

    proptest! {
        #[test]
        fn any_answer_means_something(status in any::<u16>(), body: Vec<u8>, code in any::<i64>()) {
            let _ = failure(&answer(status, &body));
            let _ = failure(&answer(status, json!({"error": {"code": code}}).to_string().as_bytes()));
        }
    }
}
