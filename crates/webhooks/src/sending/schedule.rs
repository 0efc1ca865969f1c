//! When to try again, and when to stop trying (public documentation: Webhooks, Receiving Events, Endpoint Unavailability).

use std::collections::VecDeque;

use frontdesk_model::Timestamp;

/// Seconds before each of the five retries; there is no sixth.
pub(crate) const PAUSES_SECONDS: [i64; 5] = [32, 4 * 60, 17 * 60, 52 * 60, 2 * 60 * 60];
/// None is longer.
pub(crate) const PAUSE_SECONDS_MAX: i64 = PAUSES_SECONDS[4];
/// An event that has not arrived by then is given up.
pub(crate) const GIVE_UP_SECONDS: i64 = 24 * 60 * 60;
/// A receiver whose last attempt failed is tried this often, until one attempt succeeds.
pub(crate) const PROBE_SECONDS: i64 = 60;
/// What failed this long before a success, and was the only thing to fail, is not at fault itself: it is sent again.
pub(crate) const OUTAGE_SECONDS: i64 = 20;
/// So many failures one after the other are told to whoever looks at the webhook.
pub(crate) const FAILING_AFTER: u32 = 3;

const WINDOW_MINUTES: i64 = 10;
const ATTEMPTS_MIN: u32 = 20;
const SHARE_PERCENT: u32 = 75;

/// When a delivery is due after its so-manieth failure; none when that was the last.
pub(crate) fn next(failures: i64, now: Timestamp) -> Option<Timestamp> {
    let pause = usize::try_from(failures - 1).ok().and_then(|place| PAUSES_SECONDS.get(place))?;
    Some(now.plus_seconds(*pause))
}

/// Counts how attempts ended, minute by minute.
#[derive(Default, Debug)]
pub(crate) struct Breaker {
    /// Minute since 1970, attempts, failures.
    minutes: VecDeque<(i64, u32, u32)>,
}

impl Breaker {
    /// Notes an attempt; says whether the receiver is to be left alone: three of four attempts in ten minutes failed, and
    /// there were twenty or more.
    pub(crate) fn note(&mut self, failed: bool, now: Timestamp) -> bool {
        let minute = now.micros().div_euclid(60_000_000);
        while self.minutes.front().is_some_and(|(at, ..)| *at <= minute - WINDOW_MINUTES) {
            self.minutes.pop_front();
        }
        match self.minutes.back_mut() {
            Some((at, attempts, failures)) if *at == minute => {
                *attempts += 1;
                *failures += u32::from(failed);
            }
            _ => self.minutes.push_back((minute, 1, u32::from(failed))),
        }
        let (mut attempts, mut failures) = (0, 0);
        for (_, some, failed) in &self.minutes {
            attempts += some;
            failures += failed;
        }
        failed && attempts >= ATTEMPTS_MIN && failures * 100 >= attempts * SHARE_PERCENT
    }

    /// Forgets what was.
    pub(crate) fn reset(&mut self) {
        self.minutes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_040_000_000).plus_seconds(seconds)
    }

    #[test]
    fn there_are_five_retries_as_documented() {
        let pauses: Vec<_> = (1..=6).map(|n| next(n, at(0)).map(|due| due.seconds_since(at(0)))).collect();
        assert_eq!(pauses, [Some(32), Some(240), Some(1_020), Some(3_120), Some(7_200), None]);
        assert_eq!(next(0, at(0)), None);
    }

    #[test]
    fn three_of_four_of_at_least_twenty_in_ten_minutes_trip_it() {
        let mut breaker = Breaker::default();
        for attempt in 1..=19 {
            assert!(!breaker.note(true, at(attempt)), "{attempt}");
        }
        assert!(breaker.note(true, at(20)));
        breaker.reset();
        // 5 of 20 succeed: exactly three quarters fail.
        for attempt in 0..19 {
            assert!(!breaker.note(attempt >= 5, at(attempt)));
        }
        assert!(breaker.note(true, at(19)));
        breaker.reset();
        for attempt in 0..40 {
            assert!(!breaker.note(attempt % 3 != 0, at(attempt)), "two of three are not enough: {attempt}");
        }
    }

    #[test]
    fn what_is_older_than_ten_minutes_does_not_count() {
        let mut breaker = Breaker::default();
        for attempt in 0..15 {
            assert!(!breaker.note(true, at(attempt)));
        }
        for attempt in 0..10 {
            assert!(!breaker.note(true, at(600 + attempt)));
        }
    }
}
