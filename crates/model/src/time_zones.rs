//! The time zones of the world, under their IANA names. The database is in the binary, so that every node and every
//! test has the same one.

use std::sync::OnceLock;

pub use jiff::tz::TimeZone;
use jiff::tz::TimeZoneDatabase;

use crate::Timestamp;

/// The zones that people live in begin with one of these; the database also holds old names and technical ones.
const REGIONS: [&str; 10] = [
    "Africa/",
    "America/",
    "Antarctica/",
    "Arctic/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
];

/// The zone of an account that has chosen none.
pub const DEFAULT: &str = "UTC";

/// The names that can be chosen, in order.
pub fn names() -> &'static [String] {
    static NAMES: OnceLock<Vec<String>> = OnceLock::new();
    NAMES.get_or_init(|| {
        let all = TimeZoneDatabase::bundled();
        let mut names: Vec<String> = all
            .available()
            .map(|name| name.as_str().to_owned())
            .filter(|name| name == DEFAULT || REGIONS.iter().any(|region| name.starts_with(region)))
            .collect();
        names.sort_unstable();
        names
    })
}

/// The zone with one of the [`names`].
pub fn find(name: &str) -> Option<TimeZone> {
    names().binary_search_by(|known| known.as_str().cmp(name)).ok()?;
    TimeZoneDatabase::bundled().get(name).ok()
}

/// Seconds that clocks in this zone are ahead of UTC at a moment.
pub fn offset_seconds(zone: &TimeZone, at: Timestamp) -> i32 {
    zone.to_offset(exact(at)).seconds()
}

/// The moment as the calendar counts it; moments before or after all calendars are the first or last one.
pub(crate) fn exact(at: Timestamp) -> jiff::Timestamp {
    let limit = if at.micros() < 0 { jiff::Timestamp::MIN } else { jiff::Timestamp::MAX };
    jiff::Timestamp::from_microsecond(at.micros()).unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zones_are_found_by_the_names_that_are_listed() {
        for name in names() {
            assert!(find(name).is_some(), "{name}");
        }
        assert!(names().len() > 400);
        for name in ["", "Paris", "europe/paris", "US/Pacific", "Etc/GMT+1", "../etc/passwd", "Europe/Paris\0"] {
            assert!(find(name).is_none(), "{name}");
        }
    }

    #[test]
    fn offsets_follow_summer_time() {
        let offset = |name, time| offset_seconds(&find(name).unwrap(), Timestamp::parse_iso(time).unwrap());
        assert_eq!(offset("Europe/Paris", "2026-01-15"), 3600);
        assert_eq!(offset("Europe/Paris", "2026-07-15"), 7200);
        assert_eq!(offset("America/New_York", "2026-07-15"), -14_400);
        assert_eq!(offset("Asia/Kolkata", "2026-07-15"), 19_800);
        assert_eq!(offset_seconds(&find(DEFAULT).unwrap(), Timestamp::from_micros(i64::MAX)), 0);
        offset_seconds(&find("Pacific/Apia").unwrap(), Timestamp::from_micros(i64::MIN));
    }
}
