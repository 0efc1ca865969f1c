//! Dates as integrators really write them.

use frontdesk_model::Timestamp;
use serde_json::Value;

/// The first and last moment that REST can show with four digits of a year, in microseconds since 1970.
const MICROS_MIN: i64 = -62_135_596_800_000_000;
const MICROS_MAX: i64 = 253_402_300_799_999_999;

/// Whole numbers smaller than this are seconds since 1970, others milliseconds: nothing was written on a channel before
/// 1973, which so many milliseconds are.
const MILLISECONDS_MIN: i64 = 100_000_000_000;

/// What to write instead of a date that cannot be read.
pub const ACCEPTED: &str =
    "2012-02-10, 2012-10-01T17:18:40Z, 2012-10-01T19:18:40+02:00, 10/02/2012 (day first) or milliseconds since 1970";

/// Reads an ISO 8601 date or date and time (UTC unless an offset says otherwise), the same with the day first, or seconds
/// or milliseconds since 1970 as a number or as digits. Eight digits are an ISO date without hyphens. Years 1 to 9999.
pub fn read(value: &Value) -> Option<Timestamp> {
    let time = match value {
        Value::Number(number) => match number.as_i64() {
            Some(number) => from_number(number)?,
            // A cast of a float stops at the type's ends, which the range below refuses.
            None => {
                let number = number.as_f64()?;
                let micros = if number.abs() < MILLISECONDS_MIN as f64 { 1_000_000.0 } else { 1_000.0 };
                Timestamp::from_micros((number * micros) as i64)
            }
        },
        Value::String(text) => read_text(text.trim())?,
        _ => return None,
    };
    (MICROS_MIN..=MICROS_MAX).contains(&time.micros()).then_some(time)
}

fn from_number(number: i64) -> Option<Timestamp> {
    let micros = if number.unsigned_abs() < MILLISECONDS_MIN as u64 { 1_000_000 } else { 1_000 };
    number.checked_mul(micros).map(Timestamp::from_micros)
}

fn read_text(text: &str) -> Option<Timestamp> {
    if is_digits(text) && text.len() != 8 {
        return from_number(text.parse().ok()?);
    }
    let Some((date, time)) = text.split_once([' ', 'T']) else {
        return Timestamp::parse_iso(&day_first(text).unwrap_or_else(|| text.to_owned()));
    };
    let date = day_first(date).unwrap_or_else(|| date.to_owned());
    // Ruby writes 2012-10-01 17:18:40 UTC, and 2012-10-01 19:18:40 +0200.
    let time = match time.split_once(' ') {
        Some((time, "UTC" | "GMT" | "Z")) => format!("{time}Z"),
        Some((time, offset)) if offset.starts_with(['+', '-']) => format!("{time}{offset}"),
        _ => time.to_owned(),
    };
    Timestamp::parse_iso(&format!("{date}T{time}"))
}

/// A date with the day first in the form of ISO 8601.
fn day_first(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').collect();
    let [day, month, year] = parts[..] else { return None };
    let fits = |part: &str, lengths: std::ops::RangeInclusive<usize>| is_digits(part) && lengths.contains(&part.len());
    if !fits(day, 1..=2) || !fits(month, 1..=2) || !fits(year, 4..=4) {
        return None;
    }
    Some(format!("{year}-{month:0>2}-{day:0>2}"))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_are_read_in_every_form_that_was_seen() {
        for (value, expected) in [
            (json!("2012-02-10"), "2012-02-10T00:00:00Z"),
            (json!("20120210"), "2012-02-10T00:00:00Z"),
            (json!(" 2012-10-01T17:18:40Z "), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01T17:18:40.123Z"), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01T17:18:40"), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01 17:18:40"), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01T19:18:40+02:00"), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01T19:18:40+0200"), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01T19:18+02:00"), "2012-10-01T17:18:00Z"),
            (json!("06/11/2017"), "2017-11-06T00:00:00Z"),
            (json!("6/1/2017"), "2017-01-06T00:00:00Z"),
            (json!("31/12/2017"), "2017-12-31T00:00:00Z"),
            (json!(1_349_111_920_000_i64), "2012-10-01T17:18:40Z"),
            (json!(1_349_111_920_000.75), "2012-10-01T17:18:40Z"),
            (json!("1349111920000"), "2012-10-01T17:18:40Z"),
            (json!(1_349_111_920), "2012-10-01T17:18:40Z"),
            (json!(1_349_111_920.75), "2012-10-01T17:18:40Z"),
            (json!("1349111920"), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01 17:18:40 UTC"), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01 19:18:40 +0200"), "2012-10-01T17:18:40Z"),
            (json!("2012-10-01 19:18:40.123456+02:00"), "2012-10-01T17:18:40Z"),
            (json!("06/11/2017 10:00"), "2017-11-06T10:00:00Z"),
            (json!("6/1/2017 10:00:07"), "2017-01-06T10:00:07Z"),
            (json!(0), "1970-01-01T00:00:00Z"),
            (json!(-1), "1969-12-31T23:59:59Z"),
        ] {
            assert_eq!(read(&value).map(Timestamp::rest).as_deref(), Some(expected), "{value}");
        }
    }

    #[test]
    fn anything_else_is_no_date() {
        for value in [
            json!("yesterday"),
            json!("13/31/2017"),
            json!("31/11/2017"),
            json!("06/11/17"),
            json!("06/11/2017 at 10:00"),
            json!("2012-10-01 17:18:40 CEST"),
            json!("2012-10-01 17:18:40 UTC UTC"),
            json!("2012-10-01 at"),
            json!("+6/11/2017"),
            json!("2017/11/06"),
            json!("2012-13-01"),
            json!("99999999"),
            json!("99999999999999999999"),
            json!("99999-01-01"),
            json!(i64::MAX),
            json!(u64::MAX),
            json!(1e300),
            json!(true),
            json!(["2012-02-10"]),
            json!({}),
        ] {
            assert_eq!(read(&value), None, "{value}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_date_or_not(text in ".*") {
            let _ = read(&Value::String(text));
        }

        #[test]
        fn milliseconds_survive(milliseconds in MILLISECONDS_MIN..=MICROS_MAX / 1_000) {
            let expected = Some(Timestamp::from_micros(milliseconds * 1_000));
            prop_assert_eq!(read(&json!(milliseconds)), expected);
        }

        #[test]
        fn seconds_survive(seconds in -62_135_596_800_i64..MILLISECONDS_MIN) {
            prop_assert_eq!(read(&json!(seconds)), Some(Timestamp::from_micros(seconds * 1_000_000)));
        }
    }
}
