//! Reads the fields of one JSON object and says exactly which is missing or wrong. Null, the empty text, the empty
//! list and the empty object all mean absent; fields that nobody asks for are ignored.

use std::borrow::Cow;

use frontdesk_model::{Timestamp, query};
use serde_json::{Map, Value};

use super::errors::SendApiError;
use super::limits::{
    CONTEXT_FIELDS_MAX, CONTEXT_TEXT_CHARACTERS_MAX, ID_CHARACTERS_MAX, LIST_ITEMS_MAX, SHORT_TEXT_CHARACTERS_MAX,
};
use super::{dates, limits};
use frontdesk_model::urls::{URL_CHARACTERS_MAX, is_web_url};

/// A result of reading a field.
pub(super) type Read<T> = Result<T, SendApiError>;

/// The fields of one object that nobody has read yet.
pub(super) struct Fields {
    map: Map<String, Value>,
    /// Where the object stands, such as `params.author`.
    path: Cow<'static, str>,
}

impl Fields {
    pub(super) fn new(map: Map<String, Value>, path: impl Into<Cow<'static, str>>) -> Fields {
        Fields { map, path: path.into() }
    }

    /// The object's place, for refusals.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The refusal that names a field of this object and ends with the reason.
    pub(super) fn refuse(&self, name: &str, why: impl std::fmt::Display) -> SendApiError {
        SendApiError::InvalidResourceFormat(format!("{}.{name} {why}", self.path))
    }

    /// Reads a field that must be there.
    pub(super) fn required<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut Fields, &str) -> Read<Option<T>>,
    ) -> Read<T> {
        read(self, name)?.ok_or_else(|| self.refuse(name, "is missing"))
    }

    /// The value, unless it is absent.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.map.remove(name).filter(|value| !is_absent(value))
    }

    /// Text of at most so many characters.
    pub(super) fn text(&mut self, name: &str, characters_max: usize) -> Read<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => self.checked(name, text, characters_max).map(Some),
            Some(_) => Err(self.refuse(name, "must be text")),
        }
    }

    /// A name, a language and the like.
    pub(super) fn short_text(&mut self, name: &str) -> Read<Option<String>> {
        self.text(name, SHORT_TEXT_CHARACTERS_MAX)
    }

    /// An id or a phone number: text, or a whole number, which is kept as text.
    pub(super) fn id(&mut self, name: &str) -> Read<Option<String>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => self.checked(name, text, ID_CHARACTERS_MAX).map(Some),
            Some(Value::Number(number)) if !number.is_f64() => Ok(Some(number.to_string())),
            Some(_) => Err(self.refuse(name, "must be text or a whole number of at most 64 bits")),
        }
    }

    /// A complete http or https address.
    pub(super) fn web_url(&mut self, name: &str) -> Read<Option<String>> {
        let url = self.text(name, URL_CHARACTERS_MAX)?;
        if url.as_deref().is_some_and(|url| !is_web_url(url)) {
            return Err(self.refuse(name, "must be a complete http or https address"));
        }
        Ok(url)
    }

    /// A date in any of the accepted forms.
    pub(super) fn date(&mut self, name: &str) -> Read<Option<Timestamp>> {
        let Some(value) = self.take(name) else { return Ok(None) };
        match dates::read(&value) {
            Some(time) => Ok(Some(time)),
            None => Err(self.refuse(name, format_args!("is not a date: write {}", dates::ACCEPTED))),
        }
    }

    /// True or false, also as 1 or 0 and as text; false when absent.
    pub(super) fn flag(&mut self, name: &str) -> Read<bool> {
        let Some(value) = self.take(name) else { return Ok(false) };
        lenient_boolean(&value).ok_or_else(|| self.refuse(name, "must be true or false"))
    }

    /// An object.
    pub(super) fn object(&mut self, name: &str) -> Read<Option<Fields>> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Object(map)) => Ok(Some(Fields::new(map, format!("{}.{name}", self.path)))),
            Some(_) => Err(self.refuse(name, "must be an object")),
        }
    }

    /// A list of at most so many objects; absent ones are left out.
    pub(super) fn objects(&mut self, name: &str, items_max: usize) -> Read<Vec<Fields>> {
        let mut objects = Vec::new();
        for (at, value) in self.list(name, items_max)?.into_iter().enumerate() {
            match value {
                Value::Object(map) => objects.push(Fields::new(map, format!("{}.{name}[{at}]", self.path))),
                _ => return Err(self.refuse(&format!("{name}[{at}]"), "must be an object")),
            }
        }
        Ok(objects)
    }

    /// A list of texts; absent ones are left out.
    pub(super) fn texts(&mut self, name: &str) -> Read<Vec<String>> {
        let list = self.list(name, LIST_ITEMS_MAX)?;
        self.all_texts(name, list, SHORT_TEXT_CHARACTERS_MAX)
    }

    /// Context data: keys of letters, digits, `_` and `-`; values text, number, boolean or a list of texts.
    pub(super) fn context(&mut self, name: &str) -> Read<Map<String, Value>> {
        let map = match self.take(name) {
            None => return Ok(Map::new()),
            Some(Value::Object(map)) => map,
            Some(_) => return Err(self.refuse(name, "must be an object")),
        };
        if map.len() > CONTEXT_FIELDS_MAX {
            return Err(self.refuse(name, format_args!("may have at most {CONTEXT_FIELDS_MAX} fields")));
        }
        let mut context = Map::new();
        for (key, value) in map {
            let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
            if key.is_empty() || key.len() > SHORT_TEXT_CHARACTERS_MAX || !key.bytes().all(legal) {
                let why = "has a key that is not 1 to 255 letters, digits, underscores and hyphens";
                return Err(self.refuse(name, why));
            }
            let value = match value {
                value if is_absent(&value) => continue,
                value @ (Value::Bool(_) | Value::Number(_)) => value,
                Value::String(text) => {
                    self.checked(&format!("{name}.{key}"), text, CONTEXT_TEXT_CHARACTERS_MAX)?.into()
                }
                Value::Array(list) if list.len() <= LIST_ITEMS_MAX => {
                    self.all_texts(&format!("{name}.{key}"), list, CONTEXT_TEXT_CHARACTERS_MAX)?.into()
                }
                _ => {
                    let place = format!("{name}.{key}");
                    let why =
                        format_args!("must be text, a number, a boolean or a list of at most {LIST_ITEMS_MAX} texts");
                    return Err(self.refuse(&place, why));
                }
            };
            context.insert(key, value);
        }
        Ok(context)
    }

    /// An object that is kept as it is, of bounded size.
    pub(super) fn kept_object(&mut self, name: &str, bytes_max: usize) -> Read<Option<Value>> {
        match self.take(name) {
            None => Ok(None),
            Some(value @ Value::Object(_)) if value.to_string().len() > bytes_max => {
                Err(self.refuse(name, format_args!("may have at most {bytes_max} bytes")))
            }
            Some(value @ Value::Object(_)) if holds_nul(&value) => Err(self.refuse(name, HOLDS_NUL)),
            Some(value @ Value::Object(_)) => Ok(Some(value)),
            Some(_) => Err(self.refuse(name, "must be an object")),
        }
    }

    fn list(&mut self, name: &str, items_max: usize) -> Read<Vec<Value>> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(list)) if list.len() > items_max => {
                Err(self.refuse(name, format_args!("may have at most {items_max} items")))
            }
            Some(Value::Array(mut list)) => {
                list.retain(|value| !is_absent(value));
                Ok(list)
            }
            Some(_) => Err(self.refuse(name, "must be a list")),
        }
    }

    fn all_texts(&self, name: &str, list: Vec<Value>, characters_max: usize) -> Read<Vec<String>> {
        let mut texts = Vec::with_capacity(list.len());
        for value in list {
            match value {
                value if is_absent(&value) => {}
                Value::String(text) => texts.push(self.checked(name, text, characters_max)?),
                _ => return Err(self.refuse(name, "must be a list of texts")),
            }
        }
        Ok(texts)
    }

    fn checked(&self, name: &str, text: String, characters_max: usize) -> Read<String> {
        // A text cannot have more characters than bytes, so most need no counting.
        if text.len() > characters_max && text.chars().count() > characters_max {
            return Err(self.refuse(name, format_args!("may have at most {characters_max} characters")));
        }
        if text.contains('\0') {
            return Err(self.refuse(name, HOLDS_NUL));
        }
        Ok(text)
    }
}

/// PostgreSQL cannot keep it in a text, and no writing system needs it.
const HOLDS_NUL: &str = "must not hold the character U+0000";

fn is_absent(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// True or false, also as 1 or 0 and as text: some languages have no other way to write it.
pub(super) fn lenient_boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(flag) => Some(*flag),
        Value::Number(number) => query::boolean(&number.to_string()),
        Value::String(text) => query::boolean(text),
        _ => None,
    }
}

/// Whether U+0000 stands in any key or text. The parser has bounded the depth.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_nul),
        Value::Object(map) => map.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Whether the text holds more JSON values than a request may, counted without building them.
pub(super) fn holds_too_many_values(json: &[u8]) -> bool {
    holds_more_values(json, limits::REQUEST_VALUES_MAX)
}

/// Whether the text holds more JSON values than these.
pub(super) fn holds_more_values(json: &[u8], values_max: usize) -> bool {
    // Every value takes at least one byte.
    if json.len() <= values_max {
        return false;
    }
    let (mut values, mut in_text, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_text,
            b'"' => in_text = !in_text,
            b',' | b':' | b'[' | b'{' if !in_text => values += 1,
            _ => {}
        }
    }
    values > values_max
}
