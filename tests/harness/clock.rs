//! Times to come, as parameters.

use std::time::{SystemTime, UNIX_EPOCH};

/// So many seconds from now.
#[expect(clippy::disallowed_methods, reason = "the server under test has the clock of this machine")]
pub fn after(seconds: i64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time after 1970");
    let millis = i64::try_from(now.as_millis()).expect("a time before the end of time") + seconds * 1_000;
    jiff::Timestamp::from_millisecond(millis).expect("a time within reach").to_string()
}

/// The same in seconds since 1970.
pub fn seconds_after(seconds: i64) -> i64 {
    after(seconds).parse::<jiff::Timestamp>().expect("a time").as_second()
}
