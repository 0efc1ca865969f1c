//! Business time: when a place is open, and how much open time lies between two moments.
//!
//! A place is open at a moment if a clock on its wall shows a time within the hours of that weekday, and the day is no
//! holiday. So an hour that the clock skips is no open time, and one that it shows twice is open twice.

use std::fmt;

pub use jiff::civil::Date;
use jiff::civil::Time;
use jiff::tz::TimeZone;

use crate::Timestamp;
use crate::time_zones::exact;

/// A day has at most this many intervals.
pub const INTERVALS_MAX: usize = 24;
/// The end of a day, in seconds since midnight.
pub const DAY_SECONDS: i64 = 86_400;

const SECOND: i64 = 1_000_000;
const DAY: i64 = DAY_SECONDS * SECOND;
/// How far the moment is looked for at which some open time has passed: a hundred years.
const HORIZON_DAYS: i64 = 36_525;

/// The open hours of one day: intervals in seconds since midnight, in order, apart from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hours(Vec<(i64, i64)>);

impl Hours {
    /// Reads `a-b,c-d`; the empty text is a day that is closed. The error says what is wrong.
    pub fn parse(text: &str) -> Result<Hours, String> {
        let mut intervals = Vec::new();
        let mut end_before = 0;
        for part in text.split(',').map(str::trim) {
            if part.is_empty() && intervals.is_empty() && text.trim().is_empty() {
                break;
            }
            let seconds = |text: &str| text.trim().parse::<i64>().ok().filter(|at| (0..=DAY_SECONDS).contains(at));
            let interval = part.split_once('-').and_then(|(from, to)| Some((seconds(from)?, seconds(to)?)));
            let (from, to) = interval.filter(|(from, to)| from < to).ok_or(
                "must be intervals in seconds since midnight, such as 32400-43200,50400-64800; empty for a closed day",
            )?;
            if from < end_before {
                return Err("must hold its intervals in order and apart from each other".into());
            }
            if intervals.len() == INTERVALS_MAX {
                return Err(format!("has too many intervals (at most {INTERVALS_MAX})"));
            }
            intervals.push((from, to));
            end_before = to;
        }
        Ok(Hours(intervals))
    }

    /// Microseconds of open time before this time of day, which is in microseconds since midnight.
    fn open_before(&self, time: i64) -> i64 {
        self.0.iter().map(|(from, to)| (time - from * SECOND).clamp(0, (to - from) * SECOND)).sum()
    }

    fn holds(&self, time: i64) -> bool {
        self.0.iter().any(|(from, to)| (from * SECOND..to * SECOND).contains(&time))
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (from, to)) in self.0.iter().enumerate() {
            write!(f, "{}{from}-{to}", if position > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}

/// When a place is open.
#[derive(Clone, Debug)]
pub struct BusinessHours {
    zone: TimeZone,
    /// From Monday on.
    week: [Hours; 7],
    /// Days since 1970, in order, with the microseconds that all of them before and with it would be open.
    holidays: Vec<(i64, i64)>,
}

impl BusinessHours {
    /// `week` begins on Monday.
    pub fn new(zone: TimeZone, week: [Hours; 7], holidays: impl IntoIterator<Item = Date>) -> BusinessHours {
        let mut days: Vec<i64> = holidays.into_iter().map(day_of).collect();
        days.sort_unstable();
        days.dedup();
        let mut closed = 0;
        let with_sum = |day: i64| {
            closed += week[weekday(day)].open_before(DAY);
            (day, closed)
        };
        let holidays = days.into_iter().map(with_sum).collect();
        BusinessHours { zone, week, holidays }
    }

    /// Whether the place is open.
    pub fn is_open(&self, at: Timestamp) -> bool {
        let local = local(at_micros(at), self.zone.to_offset(exact(at)).seconds());
        let (day, time) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        !self.is_holiday(day) && self.week[weekday(day)].holds(time)
    }

    /// Whole seconds of open time from one moment to a later one; 0 when it is not later.
    pub fn open_seconds(&self, from: Timestamp, to: Timestamp) -> i64 {
        self.open_between(at_micros(from), at_micros(to)) / SECOND
    }

    /// The moment at which so many seconds of open time have passed since `at`; with a negative number, the last moment
    /// from which so many pass until `at`. None when that is more than a hundred years away.
    pub fn plus_seconds(&self, at: Timestamp, seconds: i64) -> Option<Timestamp> {
        let at = at_micros(at);
        let wanted = seconds.checked_abs().filter(|seconds| seconds / DAY_SECONDS <= HORIZON_DAYS)? * SECOND;
        let passed = |distance: i64| match seconds < 0 {
            false => self.open_between(at, at + distance),
            true => self.open_between(at - distance, at),
        };
        // Open time never passes faster than time: the distance lies between what is wanted and some multiple of it.
        let (mut too_near, mut enough) = (0, wanted.max(DAY));
        while passed(enough) < wanted {
            too_near = enough;
            enough = Some(enough * 2).filter(|distance| *distance / DAY <= 2 * HORIZON_DAYS)?;
        }
        while too_near < enough {
            let middle = too_near + (enough - too_near) / 2;
            if passed(middle) < wanted { too_near = middle + 1 } else { enough = middle }
        }
        Some(Timestamp::from_micros(if seconds < 0 { at - enough } else { at + enough }))
    }

    /// The same time of day on the day before or after which lie so many days with open hours. None when that is more
    /// than a hundred years away.
    pub fn plus_days(&self, at: Timestamp, days: i64) -> Option<Timestamp> {
        let civil = self.zone.to_datetime(exact(at));
        let (mut day, step) = (day_of(civil.date()), days.signum());
        let mut left = days.checked_abs()?;
        let mut looked_at = 0;
        while left > 0 {
            day += step;
            looked_at += 1;
            if looked_at > HORIZON_DAYS {
                return None;
            }
            if !self.is_holiday(day) && !self.week[weekday(day)].0.is_empty() {
                left -= 1;
            }
        }
        moment(&self.zone, date_of(day)?, civil.time())
    }

    /// Microseconds of open time between two moments.
    fn open_between(&self, from: i64, to: i64) -> i64 {
        let (mut cursor, mut open) = (from, 0);
        if from >= to {
            return 0;
        }
        // Between two changes of the clocks, local time passes as time does.
        let start = exact(Timestamp::from_micros(from));
        let mut offset = self.zone.to_offset(start).seconds();
        for change in self.zone.following(start) {
            let at = change.timestamp().as_microsecond();
            if at >= to {
                break;
            }
            open += self.open_before(local(at, offset)) - self.open_before(local(cursor, offset));
            (cursor, offset) = (at, change.offset().seconds());
        }
        open + self.open_before(local(to, offset)) - self.open_before(local(cursor, offset))
    }

    /// Microseconds of open time before a local time, counted from some Monday: only differences mean something.
    fn open_before(&self, local: i64) -> i64 {
        let (day, time) = (local.div_euclid(DAY), local.rem_euclid(DAY));
        let whole = |hours: &Hours| hours.open_before(DAY);
        let today = weekday(day);
        let weeks = (day + 3).div_euclid(7) * self.week.iter().map(whole).sum::<i64>();
        let this_week: i64 = self.week[..today].iter().map(whole).sum();
        let holidays_before = self.holidays.partition_point(|(holiday, _)| *holiday < day);
        let closed = holidays_before.checked_sub(1).map_or(0, |last| self.holidays[last].1);
        let so_far = if self.is_holiday(day) { 0 } else { self.week[today].open_before(time) };
        weeks + this_week - closed + so_far
    }

    fn is_holiday(&self, day: i64) -> bool {
        self.holidays.binary_search_by_key(&day, |(holiday, _)| *holiday).is_ok()
    }
}

/// The moment at which a clock shows this; one that it skips is the moment after the gap, and of two the first.
pub(crate) fn moment(zone: &TimeZone, date: Date, time: Time) -> Option<Timestamp> {
    let exact = zone.to_timestamp(date.to_datetime(time)).ok()?;
    Some(Timestamp::from_micros(exact.as_microsecond()))
}

fn at_micros(at: Timestamp) -> i64 {
    exact(at).as_microsecond()
}

fn local(at: i64, offset_seconds: i32) -> i64 {
    at + i64::from(offset_seconds) * SECOND
}

/// Days since 1970.
fn day_of(date: Date) -> i64 {
    date.duration_since(Date::constant(1970, 1, 1)).as_secs() / DAY_SECONDS
}

fn date_of(day: i64) -> Option<Date> {
    Date::constant(1970, 1, 1).checked_add(jiff::SignedDuration::from_secs(day.checked_mul(DAY_SECONDS)?)).ok()
}

/// 0 is Monday; the first day of 1970 was a Thursday.
fn weekday(day: i64) -> usize {
    usize::try_from((day + 3).rem_euclid(7)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::time_zones;

    const MINUTE: i64 = 60 * SECOND;

    fn at(text: &str) -> Timestamp {
        Timestamp::parse_iso(text).unwrap()
    }

    /// Nine to noon and two to six from Monday to Friday.
    fn office(zone: &str, holidays: &[&str]) -> BusinessHours {
        let day = Hours::parse("32400-43200,50400-64800").unwrap();
        let week = [day.clone(), day.clone(), day.clone(), day.clone(), day, Hours::default(), Hours::default()];
        let holidays = holidays.iter().map(|date| date.parse().unwrap());
        BusinessHours::new(time_zones::find(zone).unwrap(), week, holidays)
    }

    #[test]
    fn hours_are_read_as_they_are_written() {
        for (text, same) in [("", ""), ("0-86400", "0-86400"), (" 1-2 , 3 - 4 ", "1-2,3-4"), ("1-2,2-3", "1-2,2-3")] {
            assert_eq!(Hours::parse(text).map(|hours| hours.to_string()), Ok(same.into()), "{text}");
        }
        let many = (0..25).map(|n| format!("{n}-{}", n + 1)).collect::<Vec<_>>().join(",");
        for text in
            ["1", "1-", "2-1", "1-1", "0-86401", "-1-5", "3-4,1-2", "1-3,2-4", "1-2,", ",", "a-b", "1-2-3", &many]
        {
            assert!(Hours::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn open_time_is_counted_within_hours() {
        let paris = office("Europe/Paris", &["2026-05-01"]);
        for (from, to, seconds) in [
            // Tuesday, in UTC: two hours behind Paris.
            ("2026-06-02T06:00:00Z", "2026-06-02T08:00:00Z", 3_600),
            ("2026-06-02T09:30:00Z", "2026-06-02T12:30:00Z", 3_600),
            // From Friday evening to Monday morning.
            ("2026-06-05T15:30:00Z", "2026-06-08T07:30:00Z", 3_600),
            // A holiday on a Friday.
            ("2026-04-30T15:30:00Z", "2026-05-04T07:30:00Z", 3_600),
            ("2026-06-08T07:30:00Z", "2026-06-05T15:30:00Z", 0),
            ("2026-06-01T00:00:00Z", "2026-06-08T00:00:00Z", 5 * 7 * 3_600),
        ] {
            assert_eq!(paris.open_seconds(at(from), at(to)), seconds, "{from} {to}");
        }
        assert!(paris.is_open(at("2026-06-02T07:00:00Z")) && !paris.is_open(at("2026-06-02T10:00:00Z")));
        assert!(!paris.is_open(at("2026-05-01T07:00:00Z")) && !paris.is_open(at("2026-06-06T07:00:00Z")));
    }

    #[test]
    fn skipped_hours_are_not_open_and_doubled_ones_are_twice() {
        let night = Hours::parse("0-18000").unwrap();
        let week = std::array::from_fn(|_| night.clone());
        let berlin = BusinessHours::new(time_zones::find("Europe/Berlin").unwrap(), week, []);
        let hours = |from, to| berlin.open_seconds(at(from), at(to)) / 3_600;
        assert_eq!(hours("2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"), 4, "clocks go forward");
        assert_eq!(hours("2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"), 6, "clocks go back");
        assert_eq!(hours("2026-10-25T12:00:00Z", "2026-10-26T12:00:00Z"), 5);
    }

    #[test]
    fn some_open_time_ago_is_found() {
        let paris = office("Europe/Paris", &["2026-05-01"]);
        for (now, seconds, then) in [
            ("2026-06-02T08:00:00Z", 1_800, "2026-06-02T08:30:00Z"),
            ("2026-06-05T15:30:00Z", 3_600, "2026-06-08T07:30:00Z"),
            ("2026-06-08T07:30:00Z", -3_600, "2026-06-05T15:30:00Z"),
            ("2026-06-08T07:30:00Z", -1_800, "2026-06-08T07:00:00Z"),
            ("2026-05-04T07:30:00Z", -3_600, "2026-04-30T15:30:00Z"),
            ("2026-06-07T00:00:00Z", 0, "2026-06-07T00:00:00Z"),
        ] {
            assert_eq!(paris.plus_seconds(at(now), seconds), Some(at(then)), "{now} {seconds}");
        }
        for (now, days, then) in [
            ("2026-06-08T07:30:00Z", -1, "2026-06-05T07:30:00Z"),
            ("2026-05-04T07:30:00Z", -1, "2026-04-30T07:30:00Z"),
            ("2026-06-05T20:00:00Z", 1, "2026-06-08T20:00:00Z"),
            ("2026-03-27T12:00:00Z", 1, "2026-03-30T11:00:00Z"),
        ] {
            assert_eq!(paris.plus_days(at(now), days), Some(at(then)), "{now} {days}");
        }
    }

    #[test]
    fn what_never_opens_is_not_waited_for() {
        let closed = BusinessHours::new(TimeZone::UTC, std::array::from_fn(|_| Hours::default()), []);
        assert_eq!(closed.plus_seconds(at("2026-06-01"), 1), None);
        assert_eq!(closed.plus_days(at("2026-06-01"), -1), None);
        let paris = office("Europe/Paris", &[]);
        for far in [i64::MAX, i64::MIN, i64::MIN + 1, i64::MAX / SECOND] {
            assert_eq!(paris.plus_seconds(at("2026-06-01"), far), None);
            assert_eq!(paris.plus_days(at("2026-06-01"), far), None);
        }
        for edge in [i64::MIN, i64::MAX] {
            paris.is_open(Timestamp::from_micros(edge));
            paris.plus_seconds(Timestamp::from_micros(edge), edge.signum() * 3_600);
            paris.plus_days(Timestamp::from_micros(edge), edge.signum());
        }
    }

    /// Minute by minute: what the clock on the wall shows.
    fn naive_minutes(hours: &BusinessHours, from: i64, to: i64) -> i64 {
        let open = |micros: &i64| {
            let civil = hours.zone.to_datetime(exact(Timestamp::from_micros(*micros)));
            let second = i64::from(civil.hour()) * 3_600 + i64::from(civil.minute()) * 60;
            let day = &hours.week[usize::try_from(civil.weekday().to_monday_zero_offset()).unwrap()];
            let is_holiday = hours.holidays.iter().any(|(holiday, _)| date_of(*holiday) == Some(civil.date()));
            !is_holiday && day.0.iter().any(|(from, to)| (*from..*to).contains(&second))
        };
        (from..to).step_by(usize::try_from(MINUTE).unwrap()).filter(open).count().try_into().unwrap()
    }

    fn any_hours() -> impl Strategy<Value = Hours> {
        let bounds = prop::collection::btree_set(0_i64..=48, 0..6);
        bounds.prop_map(|bounds| {
            let bounds: Vec<i64> = bounds.into_iter().map(|half| half * 1_800).collect();
            Hours(bounds.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect())
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn open_time_is_what_counting_minutes_gives(
            zone in prop::sample::select(vec![
                "Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Kolkata", "UTC",
            ]),
            week in prop::array::uniform7(any_hours()),
            // Around the changes of the clocks, and around the day that Apia left out.
            start in prop::sample::select(vec![
                "2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31", "2011-12-29", "2026-06-01",
            ]),
            (offset, length) in (-2_000_i64..2_000, 0_i64..6_000),
            holiday in -3_i64..4,
        ) {
            let begin = at(start).micros();
            let holiday = date_of(begin / DAY + holiday);
            let hours = BusinessHours::new(time_zones::find(zone).unwrap(), week, holiday);
            let (from, to) = (begin + offset * MINUTE, begin + (offset + length) * MINUTE);
            let minutes = naive_minutes(&hours, from, to);
            let (from, to) = (Timestamp::from_micros(from), Timestamp::from_micros(to));
            prop_assert_eq!(hours.open_seconds(from, to), minutes * 60);
            prop_assert_eq!(hours.is_open(from), naive_minutes(&hours, from.micros(), from.micros() + MINUTE) == 1);
            if minutes > 0 {
                // The inverse, in both directions: so much passes, and no shorter way has as much.
                let later = hours.plus_seconds(from, minutes * 60).unwrap();
                prop_assert!(later <= to && hours.open_seconds(from, later) == minutes * 60);
                prop_assert!(hours.open_seconds(from, Timestamp::from_micros(later.micros() - 1)) < minutes * 60);
                let earlier = hours.plus_seconds(to, -minutes * 60).unwrap();
                prop_assert!(earlier >= from && hours.open_seconds(earlier, to) == minutes * 60);
                prop_assert!(hours.open_seconds(Timestamp::from_micros(earlier.micros() + 1), to) < minutes * 60);
            }
        }
    }
}
