//! How long customers waited.

use frontdesk_model::Timestamp;

/// Seconds from a customer's message to the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wait {
    /// By the wall clock.
    pub(crate) seconds: i64,
    /// Within business hours. A source without a time sheet is always open, so there both are equal.
    pub(crate) seconds_in_business_hours: i64,
}

/// The wait between two moments on a source without a time sheet.
pub(crate) fn wait(from: Timestamp, to: Timestamp) -> Wait {
    let seconds = to.seconds_since(from);
    Wait { seconds, seconds_in_business_hours: seconds }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_whole_seconds_and_never_negative() {
        let at = |micros| Timestamp::from_micros(micros);
        assert_eq!(wait(at(0), at(2_999_999)).seconds, 2);
        assert_eq!(wait(at(5_000_000), at(0)).seconds_in_business_hours, 0);
    }
}
