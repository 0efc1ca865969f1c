//! Windows on lists: `offset` and `limit` in, `{count, offset, limit, records}` out.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Records in a window when the request names no limit.
pub const RECORDS_DEFAULT: i64 = 30;
/// At most this many records in a window; more is cut to it.
pub const RECORDS_MAX: i64 = 150;
/// The greatest offset: the greatest integer that every JSON reader keeps exact. More is cut to it.
pub const OFFSET_MAX: i64 = 9_007_199_254_740_991;

/// The window that a request asks for, cut to what is allowed when it is read. Flatten it into an
/// operation's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
pub struct Paging {
    /// How many records to skip.
    #[serde(default, deserialize_with = "offset")]
    pub offset: i64,
    /// How many records to return, at most 150.
    #[serde(default = "limit_default", deserialize_with = "limit")]
    pub limit: i64,
}

impl Default for Paging {
    fn default() -> Paging {
        Paging { offset: 0, limit: RECORDS_DEFAULT }
    }
}

fn limit_default() -> i64 {
    RECORDS_DEFAULT
}

fn offset<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(i64::deserialize(deserializer)?.clamp(0, OFFSET_MAX))
}

fn limit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Ok(i64::deserialize(deserializer)?.clamp(0, RECORDS_MAX))
}

/// The answer of a list operation. The OpenAPI document names it after its operation: `GetAllTagsResponse`.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[schemars(inline)]
pub struct Page<T> {
    /// How many records there are in all.
    pub count: i64,
    /// The offset used.
    pub offset: i64,
    /// The limit used.
    pub limit: i64,
    /// The records of this window.
    pub records: Vec<T>,
}

impl<T> Page<T> {
    /// `records` must be the window that `paging` asks for.
    pub fn new(count: i64, paging: Paging, records: Vec<T>) -> Page<T> {
        Page { count, offset: paging.offset, limit: paging.limit, records }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn windows_are_cut_to_what_is_allowed() {
        for (given, offset, limit) in [
            (json!({}), 0, 30),
            (json!({"offset": 5, "limit": 10}), 5, 10),
            (json!({"offset": -5, "limit": -1}), 0, 0),
            (json!({"limit": 0}), 0, 0),
            (json!({"offset": i64::MAX, "limit": 151}), OFFSET_MAX, 150),
        ] {
            assert_eq!(Paging::deserialize(&given).expect("a window"), Paging { offset, limit }, "{given}");
        }
    }
}
