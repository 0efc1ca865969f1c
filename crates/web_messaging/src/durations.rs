//! Durations as administrators write them: `8m`, `2m 25s`, `1 hour 30 minutes`; a bare number is seconds, and 0
//! is off.

/// The seconds of a text; none for what is no duration, or longer than `seconds_max`.
pub(crate) fn seconds(text: &str, seconds_max: i64) -> Option<i64> {
    let mut rest = text.trim();
    let mut total: i64 = 0;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
        let number: i64 = rest[..end].parse().ok()?;
        rest = rest[end..].trim_start();
        let end = rest.find(|letter: char| !letter.is_ascii_alphabetic()).unwrap_or(rest.len());
        let each = match rest[..end].to_ascii_lowercase().as_str() {
            // Only a bare number has no unit.
            "" if total == 0 && rest.is_empty() => 1,
            "s" | "sec" | "secs" | "second" | "seconds" => 1,
            "m" | "min" | "mins" | "minute" | "minutes" => 60,
            "h" | "hr" | "hrs" | "hour" | "hours" => 3_600,
            "d" | "day" | "days" => 86_400,
            _ => return None,
        };
        rest = rest[end..].trim_start_matches(|letter: char| letter == ',' || letter.is_whitespace());
        total = total.checked_add(number.checked_mul(each)?)?;
    }
    Some(total).filter(|total| *total <= seconds_max)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        for (text, expected) in [
            ("8m", Some(480)),
            ("2m 25s", Some(145)),
            ("2m25s", Some(145)),
            (" 1 hour, 30 minutes ", Some(5_400)),
            ("1D", Some(86_400)),
            ("90", Some(90)),
            ("0", Some(0)),
            ("0s", Some(0)),
            ("2m 25", None),
            ("1d 1s", None),
            ("", None),
            ("m", None),
            ("-1m", None),
            ("1.5m", None),
            ("5 parsecs", None),
            ("99999999999999999999m", None),
            ("9223372036854775807d", None),
            ("８m", None),
        ] {
            assert_eq!(seconds(text, 86_400), expected, "{text}");
        }
    }
}
