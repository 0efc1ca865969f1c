//! Ids: 12 bytes, shown as 24 lower-case hex digits, made in time order so that inserts append.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::hex;

/// The id of anything: 6 bytes of milliseconds since 1970, then 6 bytes that grow within a millisecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Id(pub [u8; 12]);

/// A text that is not 24 hex digits. REST answers it as an unknown object.
#[derive(Debug, PartialEq, Eq)]
pub struct MalformedId;

impl Id {
    /// Composes an id from a time and a tail, of which the low 48 bits are used.
    pub fn from_parts(milliseconds: u64, tail: u64) -> Id {
        let mut bytes = [0; 12];
        bytes[..6].copy_from_slice(&milliseconds.to_be_bytes()[2..]);
        bytes[6..].copy_from_slice(&tail.to_be_bytes()[2..]);
        Id(bytes)
    }

    /// The first id of a time's millisecond: those made sooner are smaller, those made then or later are not.
    pub fn first_of(at: crate::Timestamp) -> Id {
        Id::from_parts(u64::try_from(at.micros().div_euclid(1_000)).unwrap_or(0), 0)
    }

    /// The id as 24 hex digits.
    pub fn hex(&self) -> String {
        self.digits().into_iter().map(char::from).collect()
    }

    fn digits(&self) -> [u8; 24] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 24];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        text
    }

    /// Reads 12 raw bytes, as the store keeps them.
    pub fn from_bytes(bytes: &[u8]) -> Option<Id> {
        bytes.try_into().ok().map(Id)
    }
}

impl FromStr for Id {
    type Err = MalformedId;

    fn from_str(text: &str) -> Result<Id, MalformedId> {
        hex::decode(text).map(Id).ok_or(MalformedId)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())
    }
}

impl Serialize for Id {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Lists are full of ids: this one makes no String.
        let digits = self.digits();
        serializer.serialize_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Id {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Id, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(|MalformedId| serde::de::Error::custom("an id is 24 hex digits"))
    }
}

impl schemars::JsonSchema for Id {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Id".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9a-f]{24}$" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_shown_and_read_back() {
        let id = Id::from_parts(1_700_000_000_000, 0x0102_0304_0506);
        assert_eq!(id.hex(), "018bcfe56800010203040506");
        assert_eq!(id.hex().parse(), Ok(id));
        assert_eq!(id.hex().to_uppercase().parse(), Ok(id));
    }

    #[test]
    fn anything_else_is_malformed() {
        for text in [
            "",
            "018bcfe5680001020304050",
            "018bcfe5680001020304050g",
            "018bcfe56800010203040506a",
            "é18bcfe5680001020304050",
        ] {
            assert_eq!(text.parse::<Id>(), Err(MalformedId), "{text}");
        }
    }

    #[test]
    fn later_ids_sort_after_earlier_ones() {
        assert!(Id::from_parts(1, u64::MAX) < Id::from_parts(2, 0));
        let first = Id::first_of(crate::Timestamp::from_micros(2_999));
        assert!(Id::from_parts(1, u64::MAX) < first && first <= Id::from_parts(2, 0));
        assert_eq!(Id::first_of(crate::Timestamp::from_micros(i64::MIN)), Id::default());
    }
}
