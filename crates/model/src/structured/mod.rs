//! Structured messages: buttons, links, cards and lists beside or in place of a text.
//!
//! A structured message is read once, by the limits that hold everywhere: what is beyond them is a 422 that names the
//! attribute, what nobody knows is left out ([`parse`]). Then it is fitted to its channel: longer texts are cut and get
//! an ellipsis, more items are dropped, values that the channel demands are made, and addresses and files that it cannot
//! take give way to their fallbacks ([`Structured::adapt`]). Three tables say all of it: `schema.rs` what each type
//! holds, `channels.rs` who takes which type, and by how much each channel takes less.

mod adapt;
mod channels;
pub mod limits;
mod parse;
mod schema;

use serde_json::{Map, Value};

use crate::Id;
use crate::lists::each_once;
use crate::urls::is_web_url;

pub use adapt::Surroundings;
pub use channels::Channel;
pub use parse::parse;

/// A type of structured message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Items to pick from, beneath a text.
    Select,
    /// A link with an image, a title and a subtitle.
    RichLink,
    /// A card with buttons.
    Template,
    /// Several cards.
    Carousel,
    /// Items to pick from, in sections.
    List,
    /// Appointments to pick from.
    TimeSelect,
    /// Pages of questions.
    Form,
    /// A request to pay.
    ApplePay,
    /// A request to sign in elsewhere.
    Authenticate,
}

impl Kind {
    /// Every type, in the order of the public grid.
    pub const ALL: [Kind; 9] = [
        Kind::Select,
        Kind::RichLink,
        Kind::Template,
        Kind::Carousel,
        Kind::List,
        Kind::TimeSelect,
        Kind::Form,
        Kind::ApplePay,
        Kind::Authenticate,
    ];

    /// The wire's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Select => "select",
            Kind::RichLink => "rich_link",
            Kind::Template => "template",
            Kind::Carousel => "carousel",
            Kind::List => "list",
            Kind::TimeSelect => "time_select",
            Kind::Form => "form",
            Kind::ApplePay => "apple_pay",
            Kind::Authenticate => "authenticate",
        }
    }

    /// The type with this name.
    pub fn named(name: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether it stands beneath a text, which must be there.
    pub const fn needs_body(self) -> bool {
        matches!(self, Kind::Select | Kind::TimeSelect | Kind::ApplePay | Kind::Authenticate)
    }
}

/// A structured message that keeps the limits that hold everywhere: documented attributes only, in their order, each of
/// its type and length.
#[derive(Clone, Debug, PartialEq)]
pub struct Structured {
    kind: Kind,
    fields: Map<String, Value>,
}

/// What decides whether a channel takes a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// What stands behind the last dot of its name, in lower case.
    pub extension: String,
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it was not uploaded as private.
    pub public: bool,
}

impl Structured {
    /// Its type.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// It as JSON.
    pub fn into_value(self) -> Value {
        Value::Object(self.fields)
    }

    /// The attachments that it names, fallbacks too, each once, in the order of their places.
    pub fn files(&self) -> Vec<Id> {
        let mut files = Vec::new();
        each_file(&self.fields, &mut |id| files.push(id));
        each_once(files)
    }

    /// Names other attachments in place of some.
    pub fn rename_files(&mut self, new: &dyn Fn(Id) -> Id) {
        rename(&mut self.fields, &mut |name, value| {
            let id = value.as_str().and_then(|text| text.parse().ok()).map(new);
            (name.to_owned(), id.map_or_else(|| value.clone(), |id| id.hex().into()))
        });
    }

    /// What is sent as a plain text where there is no such type: its title, its link, or for a list the title and what
    /// there is to choose. Empty for a type that stands beneath a text, which is then sent alone.
    pub fn text(&self) -> String {
        let text = |fields: &Map<String, Value>, name: &str| {
            fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        let items = || self.fields.get("items").and_then(Value::as_array).into_iter().flatten();
        let titles = || items().filter_map(Value::as_object).map(|item| text(item, "title"));
        match self.kind {
            Kind::RichLink => match text(&self.fields, "url") {
                url if is_web_url(&url) => url,
                url => Some(text(&self.fields, "url_fallback")).filter(|url| !url.is_empty()).unwrap_or(url),
            },
            Kind::Template | Kind::Form => text(&self.fields, "title"),
            Kind::Carousel => titles().next().unwrap_or_default(),
            Kind::List => {
                let lines = titles().map(|title| format!("- {title}"));
                [text(&self.fields, "title")].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
            }
            Kind::Select | Kind::TimeSelect | Kind::ApplePay | Kind::Authenticate => String::new(),
        }
    }
}

/// The same structured message with an `attachment_url` in place of each `attachment_id`: without the image
/// where `link` knows none.
pub fn with_links(structured: &Value, link: &dyn Fn(Id) -> Option<String>) -> Value {
    let mut linked = structured.clone();
    if let Value::Object(fields) = &mut linked {
        rename(fields, &mut |_, value| {
            let url = value.as_str().and_then(|text| text.parse().ok()).and_then(link);
            ("attachment_url".to_owned(), url.map_or(Value::Null, Value::from))
        });
    }
    linked
}

/// The attachments that a stored structured message names.
pub fn files_of(structured: &Value) -> Vec<Id> {
    let mut files = Vec::new();
    if let Value::Object(fields) = structured {
        each_file(fields, &mut |id| files.push(id));
    }
    files
}

/// The attributes that name attachments.
const FILE: &str = "attachment_id";
const FILE_FALLBACK: &str = "attachment_fallback_id";

fn each_file(fields: &Map<String, Value>, found: &mut dyn FnMut(Id)) {
    for (name, value) in fields {
        match value {
            Value::String(text) if name == FILE || name == FILE_FALLBACK => {
                text.parse().into_iter().for_each(&mut *found)
            }
            Value::Object(inner) => each_file(inner, found),
            Value::Array(list) => list.iter().filter_map(Value::as_object).for_each(|inner| each_file(inner, found)),
            _ => {}
        }
    }
}

/// Puts another name and value in the place of each that names an attachment; null leaves it out. What else there is
/// keeps its place.
fn rename(fields: &mut Map<String, Value>, new: &mut dyn FnMut(&str, &Value) -> (String, Value)) {
    let old = std::mem::take(fields);
    for (name, mut value) in old {
        if name == FILE || name == FILE_FALLBACK {
            let (name, value) = new(&name, &value);
            if !value.is_null() {
                fields.insert(name, value);
            }
            continue;
        }
        match &mut value {
            Value::Object(inner) => rename(inner, new),
            Value::Array(list) => list.iter_mut().filter_map(Value::as_object_mut).for_each(|inner| rename(inner, new)),
            _ => {}
        }
        fields.insert(name, value);
    }
}

/// Whether a text is there that says something.
fn is_given(fields: &Map<String, Value>, name: &str) -> bool {
    fields.get(name).is_some_and(|value| !is_blank(value))
}

/// Null, the empty text, the empty list and the empty object all mean absent, and so does a text of spaces.
fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[cfg(test)]
mod tests;
