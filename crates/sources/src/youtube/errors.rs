//! What the service means by its errors: judged by the reason in the body together with the status, because one status
//! stands for what passes and for what never will.

use crate::oauth::{said, shown};
use crate::outbound::{Answer, Class, Failure};
use crate::quota;

/// The pause after so many calls in a short time, seconds.
const PAUSE_SECONDS: i64 = 60;
/// No pause that is asked for is longer, seconds.
const PAUSE_SECONDS_MAX: i64 = 24 * 60 * 60;

/// What an answer that is no success means, in words for people.
pub(super) fn failure(answer: &Answer) -> Failure {
    let told = answer.json();
    let error = &told["error"];
    let reason = error["errors"][0]["reason"].as_str().unwrap_or_default();
    let because = said(&error["message"]).map(|words| format!(" ({words})")).unwrap_or_default();
    let class = class(answer, reason);
    let sentence: String = match (class, reason) {
        (_, "keyInvalid" | "accessNotConfigured") => {
            format!("The Google project does not take these calls: turn on the YouTube Data API v3{because}.")
        }
        (Class::Throttled { .. }, "quotaExceeded" | "dailyLimitExceeded") => {
            "YouTube takes no more calls today: the project's units are used up. This goes out when they are new."
                .into()
        }
        (Class::Throttled { .. }, _) => "YouTube wants a pause: too many calls in a short time.".into(),
        (Class::Auth, _) => format!("YouTube no longer lets us in: connect the account again{because}."),
        (_, "commentsDisabled") => "Comments are turned off for this video.".into(),
        (_, "commentTextTooLong") => "The text is longer than YouTube takes.".into(),
        (_, "commentNotFound" | "parentCommentNotFound" | "threadNotFound") => {
            "The comment is no longer on YouTube.".into()
        }
        (_, "videoNotFound") => "The video is no longer on YouTube.".into(),
        (_, "ineligibleAccount") => "The connected account cannot comment: it has no channel yet.".into(),
        (_, "") => format!("YouTube answered {}{because}.", answer.status),
        (_, reason) => format!("YouTube answered {} {}{because}.", answer.status, shown(reason)),
    };
    Failure::new(class, sentence)
}

fn class(answer: &Answer, reason: &str) -> Class {
    match (answer.status, reason) {
        (_, "quotaExceeded" | "dailyLimitExceeded") => Class::Throttled { until: quota::resets_at(answer.now) },
        (429, _) | (_, "rateLimitExceeded" | "userRateLimitExceeded") => {
            let asked = answer.header("retry-after").and_then(|seconds| seconds.parse().ok());
            let seconds: i64 = asked.unwrap_or(PAUSE_SECONDS);
            Class::Throttled { until: answer.now.plus_seconds(seconds.clamp(1, PAUSE_SECONDS_MAX)) }
        }
        (401, _) | (_, "authError" | "keyInvalid" | "accessNotConfigured" | "insufficientPermissions") => Class::Auth,
        (_, "processingFailure" | "backendError" | "internalError") | (408 | 500.., _) => Class::Retry,
        (400..=499, _) => Class::Invalid,
        _ => Class::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn errors_mean_what_their_reasons_say() {
        let now = Timestamp::parse_iso("2026-01-15T12:00:00Z").unwrap();
        let reset = Timestamp::parse_iso("2026-01-16T08:00:00Z").unwrap();
        let throttled = |seconds| Class::Throttled { until: now.plus_seconds(seconds) };
        for (status, reason, expected) in [
            (403, "quotaExceeded", Class::Throttled { until: reset }),
            (403, "rateLimitExceeded", throttled(60)),
            (429, "", throttled(60)),
            (401, "authError", Class::Auth),
            (400, "keyInvalid", Class::Auth),
            (403, "commentsDisabled", Class::Invalid),
            (403, "forbidden", Class::Invalid),
            (403, "SERVICE_UNAVAILABLE", Class::Invalid),
            (404, "commentNotFound", Class::Invalid),
            (400, "processingFailure", Class::Retry),
            (503, "backendError", Class::Retry),
            (500, "", Class::Retry),
            (302, "", Class::Unknown),
        ] {
            let body =
                json!({"error": {"code": status, "message": "Said", "errors": [{"reason": reason}]}}).to_string();
            let answer = Answer { status, headers: Vec::new(), body: body.as_bytes(), truncated: false, now };
            let told = failure(&answer);
            assert_eq!(told.class, expected, "{status} {reason}");
            assert!(told.message.ends_with('.') && told.message.len() > 10, "{}", told.message);
        }
        let headers = vec![("retry-after".to_owned(), "7".to_owned())];
        let answer = Answer { status: 429, headers, body: b"<html>", truncated: false, now };
        assert_eq!(failure(&answer).class, throttled(7));
    }
}
