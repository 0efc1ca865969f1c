//! The fields of a request's JSON: each is checked where it is read, and a wrong one is named.

use frontdesk_conversations::visitors::Claims;
use frontdesk_model::{Id, Result, error};
use serde_json::{Map, Value};

/// Characters of a text of an identity or of the page.
pub(crate) const TEXT_CHARACTERS_MAX: usize = 1_000;
/// Names in `extra_values` and in `custom`.
pub(crate) const NAMES_MAX: usize = 50;
/// Characters of one such name.
const NAME_CHARACTERS_MAX: usize = 100;
/// Characters of a visitor's uuid: as long as any channel's id.
const UUID_CHARACTERS_MAX: usize = 255;
/// Texts in a list among the extra values.
const LIST_MAX: usize = 50;
/// How deep JSON may be.
const LEVELS_MAX: usize = 8;

/// The fields of one object; `path` names it in refusals.
pub(crate) struct Fields {
    values: Map<String, Value>,
    path: &'static str,
}

impl Fields {
    /// Those of a body; an empty one has none.
    pub(crate) fn read(body: &[u8]) -> Result<Fields> {
        if body.iter().all(u8::is_ascii_whitespace) {
            return Ok(Fields { values: Map::new(), path: "" });
        }
        let value: Value = serde_json::from_slice(body).map_err(|_| error::bad_request("The body is not JSON."))?;
        match value {
            Value::Object(values) if is_clean(&Value::Object(values.clone()), LEVELS_MAX) => {
                Ok(Fields { values, path: "" })
            }
            Value::Object(_) => Err(error::bad_request("The body holds U+0000, or is nested too deeply.")),
            _ => Err(error::bad_request("The body must be a JSON object.")),
        }
    }

    /// Those of an object that was read otherwise.
    pub(crate) fn of(values: Map<String, Value>, path: &'static str) -> Result<Fields> {
        match is_clean(&Value::Object(values.clone()), LEVELS_MAX) {
            true => Ok(Fields { values, path }),
            false => Err(error::bad_request("The body holds U+0000, or is nested too deeply.")),
        }
    }

    fn name(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}[{name}]", self.path) }
    }

    pub(crate) fn wrong<T>(&self, name: &str, kind: &str, what: &str) -> Result<T> {
        let name = self.name(name);
        Err(error::invalid(&name, kind, format!("{name} {what}")))
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|value| !value.is_null())
    }

    /// A text of at most so many characters.
    pub(crate) fn text(&self, name: &str, most: usize) -> Result<Option<String>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        let Some(text) = value.as_str() else { return self.wrong(name, "invalid", "must be text.") };
        if text.chars().count() > most {
            return self.wrong(name, "too_long", &format!("has at most {most} characters."));
        }
        Ok(Some(text.to_owned()))
    }

    pub(crate) fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(_) => self.wrong(name, "invalid", "must be true or false."),
        }
    }

    pub(crate) fn id(&self, name: &str) -> Result<Option<Id>> {
        let Some(value) = self.get(name) else { return Ok(None) };
        match value.as_str().and_then(|text| text.parse().ok()) {
            Some(id) => Ok(Some(id)),
            None => self.wrong(name, "invalid", "must be an id: 24 hex digits."),
        }
    }

    pub(crate) fn ids(&self, name: &str, most: usize) -> Result<Vec<Id>> {
        let Some(value) = self.get(name) else { return Ok(Vec::new()) };
        let Some(items) = value.as_array().filter(|items| items.len() <= most) else {
            return self.wrong(name, "invalid", &format!("must be a list of at most {most} ids."));
        };
        let ids = items.iter().map(|item| item.as_str()?.parse().ok()).collect::<Option<Vec<Id>>>();
        match ids {
            Some(ids) => Ok(ids),
            None => self.wrong(name, "invalid", "must hold ids only: 24 hex digits each."),
        }
    }

    /// An object of its own.
    pub(crate) fn object(&self, name: &'static str) -> Result<Option<Fields>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Object(values)) => Ok(Some(Fields { values: values.clone(), path: name })),
            Some(_) => self.wrong(name, "invalid", "must be an object."),
        }
    }

    /// Facts by name: texts, numbers, booleans and lists of texts.
    pub(crate) fn facts(&self, name: &str, begin_with: &str) -> Result<Map<String, Value>> {
        let facts = match self.get(name) {
            None => return Ok(Map::new()),
            Some(Value::Object(facts)) => facts,
            Some(_) => return self.wrong(name, "invalid", "must be an object."),
        };
        if facts.len() > NAMES_MAX {
            return self.wrong(name, "too_long", &format!("has at most {NAMES_MAX} names."));
        }
        let is_short = |text: &str| text.chars().count() <= TEXT_CHARACTERS_MAX;
        for (key, value) in facts {
            let is_named = key.len() <= NAME_CHARACTERS_MAX
                && key.starts_with(begin_with)
                && !key.is_empty()
                && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            if !is_named {
                return self.wrong(
                    name,
                    "invalid",
                    "has names of at most 100 of A-Za-z0-9_- only, of the prefix that is asked for.",
                );
            }
            let is_fact = match value {
                Value::Null | Value::Bool(_) | Value::Number(_) => true,
                Value::String(text) => is_short(text),
                Value::Array(items) => {
                    items.len() <= LIST_MAX && items.iter().all(|item| item.as_str().is_some_and(is_short))
                }
                Value::Object(_) => false,
            };
            if !is_fact {
                return self.wrong(
                    name,
                    "invalid",
                    "holds texts of at most 1,000 characters, numbers, booleans and lists of texts only.",
                );
            }
        }
        Ok(facts.clone())
    }

    /// What is said of a visitor, and who they are.
    pub(crate) fn claims(&self) -> Result<(Claims, Option<String>)> {
        let text = |name| self.text(name, TEXT_CHARACTERS_MAX);
        let claims = Claims {
            screenname: text("screenname")?,
            firstname: text("firstname")?,
            lastname: text("lastname")?,
            company: text("company")?,
            email: self.email("email")?,
            // What is no web address is left out: a site's mistake must not keep its visitors away.
            avatar_url: text("avatar_url")?.filter(|url| url.starts_with("https://") || url.starts_with("http://")),
            extra_values: self.facts("extra_values", "")?,
        };
        Ok((claims, self.uuid()?))
    }

    fn uuid(&self) -> Result<Option<String>> {
        // Websites number their customers, too.
        let uuid = match self.get("uuid") {
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => self.text("uuid", UUID_CHARACTERS_MAX)?,
        };
        let Some(uuid) = uuid.filter(|uuid| !uuid.trim().is_empty()) else { return Ok(None) };
        if uuid.starts_with(frontdesk_conversations::visitors::ANONYMOUS) || uuid.chars().any(char::is_control) {
            return self.wrong(
                "uuid",
                "invalid",
                "must not begin as those of anonymous visitors, nor hold control characters.",
            );
        }
        Ok(Some(uuid))
    }

    /// An address that a mail could go to, as far as its looks tell.
    pub(crate) fn email(&self, name: &str) -> Result<Option<String>> {
        Ok(self.text(name, 254)?.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()))
    }
}

/// Whether an address looks like one of a mailbox.
pub(crate) fn is_email(text: &str) -> bool {
    let Some((name, host)) = text.rsplit_once('@') else { return false };
    !name.is_empty()
        && !text.chars().any(|c| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | ',' | ';' | '"'))
        && host.contains('.')
        && host.split('.').all(|label| !label.is_empty())
}

/// PostgreSQL cannot keep U+0000, and nobody writes it.
fn is_clean(value: &Value, levels: usize) -> bool {
    match value {
        Value::String(text) => !text.contains('\0'),
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_clean(item, levels - 1)),
        Value::Object(fields) => {
            levels > 0 && fields.iter().all(|(name, value)| !name.contains('\0') && is_clean(value, levels - 1))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_told_from_other_texts() {
        for (text, expected) in [
            ("vera@example.com", true),
            ("v.e-r+a@mail.example.co", true),
            ("vera", false),
            ("@example.com", false),
            ("vera@example", false),
            ("vera@.com", false),
            ("vera@example.", false),
            ("a b@example.com", false),
            ("<vera@example.com>", false),
        ] {
            assert_eq!(is_email(text), expected, "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        let of = |text: &str| Fields::read(text.as_bytes());
        assert!(of("").is_ok() && of("{").is_err() && of("[]").is_err() && of(r#"{"a":"\u0000"}"#).is_err());
        assert!(of(&format!("{}{}", r#"{"a":"#.repeat(9), "1".to_owned() + &"}".repeat(9))).is_err());
        let fields = of(r#"{"a":1,"b":"x","c":{"d":[]},"uuid":7}"#).unwrap();
        assert!(fields.text("a", 9).is_err() && fields.text("b", 0).is_err() && fields.flag("b").is_err());
        assert!(fields.id("b").is_err() && fields.ids("b", 1).is_err() && fields.object("b").is_err());
        assert!(fields.facts("c", "").is_ok() && fields.facts("c", "custom_").is_err());
        assert_eq!(fields.claims().unwrap().1.as_deref(), Some("7"));
        assert!(of(r#"{"uuid":"anonymous-1"}"#).unwrap().claims().is_err());
    }
}
