//! Times in the future that callers name.

use frontdesk_model::{Result, Timestamp, error};

/// The time that the parameter `name` tells: after `now`, and at most `seconds_max` after it. 400 when it cannot be
/// read, 422 when it is not within.
pub(crate) fn future(name: &str, text: &str, now: Timestamp, seconds_max: i64) -> Result<Timestamp> {
    let at = Timestamp::parse_iso(text)
        .ok_or_else(|| error::bad_request(format!("{name}: a time such as 2026-01-31T17:00:00Z is needed.")))?;
    within(name, at, now, seconds_max)
}

/// The same for a time that was computed.
pub(crate) fn within(name: &str, at: Timestamp, now: Timestamp, seconds_max: i64) -> Result<Timestamp> {
    if at <= now {
        return Err(error::invalid(name, "in_the_past", format!("{name} must be in the future.")));
    }
    if at > now.plus_seconds(seconds_max) {
        let message = format!("{name} must be at most {seconds_max} seconds from now.");
        return Err(error::invalid(name, "too_late", message));
    }
    Ok(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_must_be_readable_and_ahead_and_not_too_far() {
        let now = Timestamp::parse_iso("2026-01-31T17:00:00Z").unwrap();
        let status = |text| match future("at", text, now, 60) {
            Ok(_) => 200,
            Err(frontdesk_model::Error::Refused(refusal)) => refusal.status,
            Err(other) => panic!("{other:?}"),
        };
        for (text, expected) in [
            ("2026-01-31T17:00:01Z", 200),
            ("2026-01-31T18:01:00+01:00", 200),
            ("2026-01-31T17:01:01Z", 422),
            ("2026-01-31T17:00:00Z", 422),
            ("2026-01-31", 422),
            ("soon", 400),
            ("", 400),
        ] {
            assert_eq!(status(text), expected, "{text}");
        }
    }
}
