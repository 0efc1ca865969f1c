//! Points in time: UTC microseconds in the store, seconds in REST, milliseconds in events.

use serde::{Serialize, Serializer};

/// Microseconds since 1970, UTC. Serialised as REST shows it: `2012-05-21T01:15:28Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970.
    pub const fn from_micros(micros: i64) -> Timestamp {
        Timestamp(micros)
    }

    /// Microseconds since 1970.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This time moved by a number of seconds, which may be negative.
    pub const fn plus_seconds(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_add(seconds.saturating_mul(1_000_000)))
    }

    /// The time so many seconds before this one. However many there are, it is a time: settings may be of another version.
    pub const fn minus_seconds(self, seconds: i64) -> Timestamp {
        Timestamp(self.0.saturating_sub(seconds.saturating_mul(1_000_000)))
    }

    /// Whole seconds from `earlier` to this time, rounded down; never negative.
    pub fn seconds_since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0).max(0) / 1_000_000
    }

    /// `2012-05-21T01:15:28Z`, as every REST answer shows times.
    pub fn rest(self) -> String {
        let mut text = self.civil_seconds();
        text.push('Z');
        text
    }

    /// `2014-02-10T18:35:35.251Z`, as events show times.
    pub fn with_milliseconds(self) -> String {
        let mut text = self.civil_seconds();
        let milliseconds = self.0.rem_euclid(1_000_000) / 1_000;
        text.push('.');
        push_digits(&mut text, milliseconds, 3);
        text.push('Z');
        text
    }

    /// `2012-05-21T01:15:28`. Every record of a list shows two times, so this writes the digits itself.
    fn civil_seconds(self) -> String {
        let exact = jiff::Timestamp::from_microsecond(self.0).unwrap_or_default();
        let civil = jiff::tz::Offset::UTC.to_datetime(exact);
        let mut text = String::with_capacity(24);
        for (number, width, end) in [
            (i64::from(civil.year()), 4, '-'),
            (civil.month().into(), 2, '-'),
            (civil.day().into(), 2, 'T'),
            (civil.hour().into(), 2, ':'),
            (civil.minute().into(), 2, ':'),
        ] {
            push_digits(&mut text, number, width);
            text.push(end);
        }
        push_digits(&mut text, civil.second().into(), 2);
        text
    }

    /// Reads ISO 8601: a date (midnight UTC), or a date and a time, UTC unless an offset says otherwise.
    pub fn parse_iso(text: &str) -> Option<Timestamp> {
        let text = text.trim();
        if let Ok(exact) = text.parse::<jiff::Timestamp>() {
            return Some(Timestamp(exact.as_microsecond()));
        }
        let civil = text.parse::<jiff::civil::DateTime>().ok()?;
        let exact = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
        Some(Timestamp(exact.timestamp().as_microsecond()))
    }
}

/// Appends a number with leading zeros.
fn push_digits(text: &mut String, number: i64, width: u32) {
    for place in (0..width).rev() {
        let digit = number.unsigned_abs() / 10_u64.pow(place) % 10;
        text.push(char::from(b'0' + digit as u8));
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.rest())
    }
}

impl schemars::JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "date-time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_as_the_contract_shows_them() {
        let time = Timestamp::from_micros(1_392_057_335_251_999);
        assert_eq!(time.rest(), "2014-02-10T18:35:35Z");
        assert_eq!(time.with_milliseconds(), "2014-02-10T18:35:35.251Z");
        assert_eq!(Timestamp::from_micros(-1).rest(), "1969-12-31T23:59:59Z");
    }

    #[test]
    fn a_time_is_moved_by_however_many_seconds() {
        let time = Timestamp(5_000_000);
        assert_eq!((time.plus_seconds(-2), time.minus_seconds(2)), (Timestamp(3_000_000), Timestamp(3_000_000)));
        assert_eq!(
            (time.plus_seconds(i64::MIN), time.minus_seconds(i64::MAX)),
            (Timestamp(i64::MIN + 5_000_000), Timestamp(i64::MIN + 5_000_001))
        );
        assert_eq!(
            (time.plus_seconds(i64::MAX), time.minus_seconds(i64::MIN)),
            (Timestamp(i64::MAX), Timestamp(i64::MAX))
        );
        assert_eq!(Timestamp(i64::MAX).seconds_since(Timestamp(i64::MIN)), i64::MAX / 1_000_000);
    }

    #[test]
    fn iso_dates_and_times_are_read() {
        for (text, micros) in [
            ("2012-02-10", 1_328_832_000_000_000),
            ("2012-10-01T17:18:40Z", 1_349_111_920_000_000),
            ("2012-10-01T19:18:40+02:00", 1_349_111_920_000_000),
            ("2012-10-01 17:18:40", 1_349_111_920_000_000),
        ] {
            assert_eq!(Timestamp::parse_iso(text), Some(Timestamp(micros)), "{text}");
        }
        for text in ["", "yesterday", "2012-13-01", "2012-10-01T25:00:00Z", "99999999-01-01"] {
            assert_eq!(Timestamp::parse_iso(text), None, "{text}");
        }
    }
}
