//! How long customers waited.

use frontdesk_model::Timestamp;
use frontdesk_model::business_time::BusinessHours;

/// Seconds from a customer's message to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// By the wall clock.
    pub(crate) seconds: i64,
    /// Within the source's business hours. A source without a time sheet is always open, so there both are equal.
    pub(crate) seconds_in_business_hours: i64,
}

/// The wait between two moments on a source that is open in these hours; none: always.
pub(crate) fn wait(from: Timestamp, to: Timestamp, hours: Option<&BusinessHours>) -> Wait {
    let seconds = to.seconds_since(from);
    let seconds_in_business_hours = hours.map_or(seconds, |hours| hours.open_seconds(from, to));
    Wait { seconds, seconds_in_business_hours }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_whole_seconds_and_never_negative() {
        let at = |micros| Timestamp::from_micros(micros);
        assert_eq!(wait(at(0), at(2_999_999), None).seconds, 2);
        assert_eq!(wait(at(5_000_000), at(0), None).seconds_in_business_hours, 0);
        let closed = BusinessHours::new(frontdesk_model::time_zones::TimeZone::UTC, Default::default(), []);
        let wait = wait(at(0), at(2_999_999), Some(&closed));
        assert_eq!((wait.seconds, wait.seconds_in_business_hours), (2, 0));
    }
}
