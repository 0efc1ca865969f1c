//! Units of a day, for services that count calls: planned, so that answers come first, then what is new, then what may have
//! changed, then what is old.

use frontdesk_model::{Timestamp, time_zones};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// What a look for what is new costs: the published and the held comments.
const LOOK_UNITS: i64 = 2;
/// Of what is for reading, looking for what is new takes at most one part in so many.
const LOOKING_DIVISOR: i64 = 2;
/// Days are counted where this clock stands, as Google does.
const ZONE: &str = "America/Los_Angeles";

/// What units are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Answers, moderation, deleting.
    Answers,
    /// What is new.
    News,
    /// What may have changed.
    Changes,
    /// What was there before the source.
    History,
}

impl Purpose {
    /// What one call costs (public): what is written 50, what is read 1.
    pub fn units(self) -> i64 {
        match self {
            Purpose::Answers => 50,
            Purpose::News | Purpose::Changes | Purpose::History => 1,
        }
    }
}

/// What was used of a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// By answers.
    pub answers: i64,
    /// By reading.
    pub reading: i64,
}

/// How the units of a day are shared out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// All of a day.
    pub units_per_day: i64,
    /// Kept for answers.
    pub for_answers: i64,
    /// Seconds from one look for what is new to the next.
    pub look_every_seconds: i64,
}

impl Plan {
    /// The plan of a source that is to be looked at every so many seconds, if the units allow it.
    pub fn new(units_per_day: i64, for_answers: i64, interval_seconds: i64) -> Plan {
        let for_answers = for_answers.min(units_per_day);
        let for_looking = ((units_per_day - for_answers) / LOOKING_DIVISOR).max(LOOK_UNITS);
        let fits_seconds = (LOOK_UNITS * DAY_SECONDS + for_looking - 1) / for_looking;
        Plan { units_per_day, for_answers, look_every_seconds: interval_seconds.max(fits_seconds).max(1) }
    }

    /// Units that are left for this purpose, with so many seconds of the day to come.
    pub fn left(&self, purpose: Purpose, used: Used, seconds_to_come: i64) -> i64 {
        let all = self.units_per_day - used.answers - used.reading;
        let kept_for_answers = (self.for_answers - used.answers).max(0);
        let looks = seconds_to_come.clamp(0, DAY_SECONDS) / self.look_every_seconds;
        let left = match purpose {
            Purpose::Answers => all,
            Purpose::News => all - kept_for_answers,
            Purpose::Changes | Purpose::History => all - kept_for_answers - looks * LOOK_UNITS,
        };
        // What may have changed leaves nothing to what is old otherwise.
        let left = if purpose == Purpose::Changes { left - left.max(0) / 4 } else { left };
        left.max(0)
    }

    /// Whether a call for this purpose fits.
    pub fn allows(&self, purpose: Purpose, used: Used, seconds_to_come: i64) -> bool {
        self.left(purpose, used, seconds_to_come) >= purpose.units()
    }
}

fn offset_seconds(at: Timestamp) -> i64 {
    time_zones::find(ZONE).map_or(0, |zone| time_zones::offset_seconds(&zone, at).into())
}

/// The number of the day that a moment belongs to.
pub fn day(at: Timestamp) -> i64 {
    (at.micros().div_euclid(1_000_000) + offset_seconds(at)).div_euclid(DAY_SECONDS)
}

/// When the day ends that this moment belongs to.
pub fn resets_at(now: Timestamp) -> Timestamp {
    let midnight = (day(now) + 1) * DAY_SECONDS;
    let at = |offset: i64| Timestamp::from_micros(0).plus_seconds(midnight - offset);
    // The clocks may change between now and then.
    at(offset_seconds(at(offset_seconds(now))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_day_begins_at_midnight_on_the_pacific_coast() {
        for (now, expected) in [
            ("2026-01-15T07:59:59Z", "2026-01-15T08:00:00Z"),
            ("2026-01-15T08:00:00Z", "2026-01-16T08:00:00Z"),
            ("2026-07-15T07:00:00Z", "2026-07-16T07:00:00Z"),
            // Clocks go forward on 8 March and back on 1 November.
            ("2026-03-08T08:30:00Z", "2026-03-09T07:00:00Z"),
            ("2026-11-01T07:30:00Z", "2026-11-02T08:00:00Z"),
        ] {
            let now = Timestamp::parse_iso(now).unwrap();
            assert_eq!(resets_at(now).rest(), expected);
            assert_eq!(day(resets_at(now)), day(now) + 1);
        }
    }

    #[test]
    fn a_new_project_looks_every_minute_and_answers_eighty_times() {
        let plan = Plan::new(10_000, 4_000, 60);
        assert_eq!((plan.units_per_day, plan.for_answers, plan.look_every_seconds), (10_000, 4_000, 60));
        let day = DAY_SECONDS;
        assert_eq!(plan.left(Purpose::Answers, Used::default(), day), 10_000);
        assert_eq!(plan.left(Purpose::News, Used::default(), day), 6_000);
        assert_eq!(plan.left(Purpose::History, Used::default(), day), 6_000 - 2_880);
        assert_eq!(plan.left(Purpose::Changes, Used::default(), day), 2_340);
        // A year of comments is a thousand pages: less than what a day has for them.
        assert!(plan.left(Purpose::History, Used::default(), day) > 1_000);
        let used = Used { answers: 4_000, reading: 6_000 };
        assert!(!plan.allows(Purpose::Answers, used, 0) && !plan.allows(Purpose::News, used, 0));
        let used = Used { answers: 0, reading: 6_000 };
        assert!(plan.allows(Purpose::Answers, used, day) && !plan.allows(Purpose::News, used, day));
    }

    #[test]
    fn few_units_are_looked_at_less_often() {
        assert_eq!(Plan::new(100, 40, 60).look_every_seconds, 5_760);
        assert_eq!(Plan::new(100, 100, 60).look_every_seconds, 86_400);
        assert_eq!(Plan::new(1_000_000, 400_000, 60).look_every_seconds, 60);
    }

    proptest! {
        #[test]
        fn what_is_kept_for_answers_is_never_read_away(
            units in 100_i64..1_000_000, share in 0_i64..1_000_000, seconds in 0_i64..=DAY_SECONDS,
        ) {
            let plan = Plan::new(units, share, 60);
            let mut used = Used::default();
            for purpose in [Purpose::History, Purpose::Changes, Purpose::News] {
                used.reading += plan.left(purpose, used, seconds);
            }
            prop_assert!(plan.left(Purpose::Answers, used, seconds) >= plan.for_answers);
            used.answers += plan.left(Purpose::Answers, used, seconds);
            prop_assert!(used.answers + used.reading <= plan.units_per_day);
        }

        #[test]
        fn every_moment_has_a_day(micros in any::<i64>()) {
            let _ = resets_at(Timestamp::from_micros(micros / 4));
        }
    }
}
