//! What goes into a statement and what comes out of it, the same for both engines.

use frontdesk_model::{Id, Result, Timestamp, error};

/// A value bound to `$n` of a statement.
#[derive(Clone, Copy, Debug)]
pub enum Arg<'a> {
    /// NULL.
    Null,
    /// BOOLEAN.
    Bool(bool),
    /// BIGINT.
    Int(i64),
    /// TEXT. PostgreSQL cannot hold U+0000, so REST and the channels refuse it.
    Text(&'a str),
    /// BYTEA.
    Bytes(&'a [u8]),
    /// A list of ids for [`crate::Tx::in_list`].
    Ids(&'a [Id]),
}

/// A value of a row.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// NULL.
    #[default]
    Null,
    /// BOOLEAN; SQLite gives integers, [`Row::get`] reads either.
    Bool(bool),
    /// BIGINT.
    Int(i64),
    /// TEXT.
    Text(Text),
    /// BYTEA of the length of an id: most of them are, and these need no allocation.
    Id(Id),
    /// Any other BYTEA.
    Bytes(Vec<u8>),
}

/// A text of a row. Up to 23 bytes are held in place, longer ones are shared: copying it allocates nothing. A list reads
/// some hundred texts, most of them a word such as `success`.
pub type Text = smol_str::SmolStr;

impl Value {
    /// From a BYTEA.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Value {
        Id::from_bytes(bytes).map_or_else(|| Value::Bytes(bytes.to_vec()), Value::Id)
    }
}

/// One row of an answer; columns are read by position, in the order of the SELECT.
#[derive(Clone, Debug)]
pub struct Row(pub Vec<Value>);

impl Row {
    /// Column `index` as a Rust type. A value of another type is a broken store, never the caller's fault.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T> {
        let value = self.0.get(index).ok_or_else(|| error::broken(format!("a row has no column {index}")))?;
        T::from_value(value).ok_or_else(|| error::broken(format!("column {index} holds an unexpected {value:?}")))
    }
}

/// Types that a column can be read as.
pub trait FromValue: Sized {
    /// None when the value is of another type.
    fn from_value(value: &Value) -> Option<Self>;
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<i64> {
        match value {
            Value::Int(int) => Some(*int),
            _ => None,
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> Option<bool> {
        match value {
            Value::Bool(bool) => Some(*bool),
            Value::Int(int) => Some(*int != 0),
            _ => None,
        }
    }
}

impl FromValue for Text {
    fn from_value(value: &Value) -> Option<Text> {
        match value {
            Value::Text(text) => Some(text.clone()),
            _ => None,
        }
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> Option<String> {
        match value {
            Value::Text(text) => Some(text.as_str().to_owned()),
            _ => None,
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Vec<u8>> {
        match value {
            Value::Id(id) => Some(id.0.to_vec()),
            Value::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}

impl FromValue for Id {
    fn from_value(value: &Value) -> Option<Id> {
        match value {
            Value::Id(id) => Some(*id),
            _ => None,
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Option<Timestamp> {
        i64::from_value(value).map(Timestamp::from_micros)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Option<T>> {
        match value {
            Value::Null => Some(None),
            other => T::from_value(other).map(Some),
        }
    }
}

impl<'a> From<&'a str> for Arg<'a> {
    fn from(text: &'a str) -> Arg<'a> {
        Arg::Text(text)
    }
}

impl<'a> From<&'a String> for Arg<'a> {
    fn from(text: &'a String) -> Arg<'a> {
        Arg::Text(text)
    }
}

impl<'a> From<&'a [u8]> for Arg<'a> {
    fn from(bytes: &'a [u8]) -> Arg<'a> {
        Arg::Bytes(bytes)
    }
}

impl<'a> From<&'a Vec<u8>> for Arg<'a> {
    fn from(bytes: &'a Vec<u8>) -> Arg<'a> {
        Arg::Bytes(bytes)
    }
}

impl<'a> From<&'a Id> for Arg<'a> {
    fn from(id: &'a Id) -> Arg<'a> {
        Arg::Bytes(&id.0)
    }
}

impl<'a> From<&'a [Id]> for Arg<'a> {
    fn from(ids: &'a [Id]) -> Arg<'a> {
        Arg::Ids(ids)
    }
}

impl<'a> From<&'a Vec<Id>> for Arg<'a> {
    fn from(ids: &'a Vec<Id>) -> Arg<'a> {
        Arg::Ids(ids)
    }
}

impl From<i64> for Arg<'_> {
    fn from(int: i64) -> Self {
        Arg::Int(int)
    }
}

impl From<bool> for Arg<'_> {
    fn from(bool: bool) -> Self {
        Arg::Bool(bool)
    }
}

impl From<Timestamp> for Arg<'_> {
    fn from(time: Timestamp) -> Self {
        Arg::Int(time.micros())
    }
}

impl<'a> From<&'a Option<Id>> for Arg<'a> {
    fn from(option: &'a Option<Id>) -> Arg<'a> {
        option.as_ref().map_or(Arg::Null, Arg::from)
    }
}

impl<'a> From<&'a Option<String>> for Arg<'a> {
    fn from(option: &'a Option<String>) -> Arg<'a> {
        option.as_ref().map_or(Arg::Null, Arg::from)
    }
}

impl<'a> From<Option<&'a str>> for Arg<'a> {
    fn from(option: Option<&'a str>) -> Arg<'a> {
        option.map_or(Arg::Null, Arg::Text)
    }
}

impl From<Option<i64>> for Arg<'_> {
    fn from(option: Option<i64>) -> Self {
        option.map_or(Arg::Null, Arg::Int)
    }
}

impl From<Option<Timestamp>> for Arg<'_> {
    fn from(option: Option<Timestamp>) -> Self {
        option.map_or(Arg::Null, |time| Arg::Int(time.micros()))
    }
}

/// `args![a, b]`: the values of `$1`, `$2`, …
#[macro_export]
macro_rules! args {
    ($($value:expr),* $(,)?) => { &[$($crate::Arg::from($value)),*] };
}
