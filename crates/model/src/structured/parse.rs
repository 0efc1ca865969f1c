//! Reads a structured message by the limits that hold everywhere, and tells all that is wrong with it at once.

use std::collections::HashSet;
use std::fmt::Display;

use jiff::civil;
use serde_json::{Map, Value};

use super::channels::Rule;
use super::schema::{self, Attribute, Shape};
use super::{Channel, Kind, Structured, is_blank, is_given};
use crate::error::{self, AttributeError};
use crate::urls::{URL_CHARACTERS_MAX, is_link, is_web_url, names_a_user};
use crate::{Id, Result, query};

/// At most this many mistakes are told; the others come up when these are gone.
const ERRORS_MAX: usize = 20;
/// The attribute that refusals name.
const ROOT: &str = "structured_content";
/// What an iMessage app's identifier begins with.
const APP_PREFIX: &str = "com.apple.messages.MSMessageExtensionBalloonPlugin:";

/// Reads a structured message. Unknown attributes are ignored, null and empty ones count as absent. 422 names each that
/// is missing, wrong or beyond its limit. Where a `channel` takes longer texts than others, they may be as long.
pub fn parse(given: &Map<String, Value>, channel: Option<Channel>) -> Result<Structured> {
    let kind = given.get("type").filter(|value| !is_blank(value));
    let place = format!("{ROOT}[type]");
    let Some(kind) = kind else {
        return Err(error::invalid(&place, "blank", format!("{place}: Type is required for structured contents.")));
    };
    let Some(kind) = kind.as_str().and_then(Kind::named) else {
        let names = Kind::ALL.map(Kind::as_str).join(", ");
        return Err(error::invalid(&place, "invalid", format!("{place} must be one of {names}.")));
    };
    let mut reader = Reader { channel, kind, root: given, errors: Vec::new() };
    let mut fields = Map::new();
    fields.insert("type".into(), kind.as_str().into());
    reader.fields(schema::of(kind), given, ROOT, "", &mut fields);
    if reader.errors.is_empty() {
        reader.check(&mut fields);
    }
    if !reader.errors.is_empty() {
        reader.errors.truncate(ERRORS_MAX);
        return Err(error::invalid_all(reader.errors));
    }
    Ok(Structured { kind, fields })
}

struct Reader<'g> {
    channel: Option<Channel>,
    kind: Kind,
    root: &'g Map<String, Value>,
    errors: Vec<AttributeError>,
}

/// Why a value does not fit: a stable word, and the end of a sentence that begins with the attribute.
type Misfit = (&'static str, String);

impl Reader<'_> {
    fn refuse(&mut self, place: &str, kind: &str, why: impl Display) {
        let message = format!("{place} {why}.");
        self.errors.push(AttributeError { attribute: place.into(), kind: kind.into(), message });
    }

    /// Reads an object's attributes into `kept`. `place` is for people, `path` for the table of limits.
    fn fields(
        &mut self,
        attributes: &'static [Attribute],
        given: &Map<String, Value>,
        place: &str,
        path: &str,
        kept: &mut Map<String, Value>,
    ) {
        for attribute in attributes {
            if self.errors.len() >= ERRORS_MAX {
                return;
            }
            let name = attribute.name;
            // Others are read before: an attribute beside one that was refused is not looked at.
            let counts = attribute.beside.is_none_or(|(other, values)| match kept.get(other).and_then(Value::as_str) {
                Some(value) => values.is_empty() || values.contains(&value),
                None => false,
            });
            if !counts {
                continue;
            }
            let found = |name: &str| given.get(name).filter(|value| !is_blank(value));
            let value = found(name).or_else(|| attribute.other_name.and_then(found));
            let place = format!("{place}[{name}]");
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            match value {
                Some(value) => {
                    if let Some(value) = self.value(&attribute.shape, value, &place, &path) {
                        kept.insert(name.into(), value);
                    }
                }
                None if attribute.required => self.refuse(&place, "blank", "must not be empty"),
                None => {}
            }
        }
    }

    fn value(&mut self, shape: &'static Shape, value: &Value, place: &str, path: &str) -> Option<Value> {
        let read = match shape {
            Shape::Object(attributes) => {
                let Value::Object(given) = value else {
                    self.refuse(place, "invalid", "must be an object");
                    return None;
                };
                let mut kept = Map::new();
                self.fields(attributes, given, place, path, &mut kept);
                return Some(Value::Object(kept)).filter(|kept| !is_blank(kept));
            }
            Shape::List(items_max, attributes) => return self.list(*items_max, attributes, value, place, path),
            Shape::Text(max) => text(value, self.widest(path, *max)).map(Value::from),
            Shape::Link => {
                // An app of Apple's messages gets data in place of an address.
                let is_data = self.root.get("bid").is_some_and(|bid| !is_blank(bid));
                link(value, is_data)
            }
            Shape::WebUrl => web_url(value),
            shape => simple(shape, value),
        };
        read.map_err(|(kind, why)| self.refuse(place, kind, why)).ok()
    }

    /// The longest text that may stand here: what holds everywhere, or more where the channel takes more.
    fn widest(&self, path: &str, max: usize) -> usize {
        let Some(channel) = self.channel else { return max };
        let cuts = channel.limits(self.kind).filter(|limit| limit.path == path && limit.when.holds(self.root));
        let lengths = cuts.filter_map(|limit| if let Rule::Cut(length, _) = limit.rule { Some(length) } else { None });
        lengths.fold(max, usize::max)
    }

    fn list(
        &mut self,
        items_max: usize,
        attributes: &'static [Attribute],
        value: &Value,
        place: &str,
        path: &str,
    ) -> Option<Value> {
        let Value::Array(items) = value else {
            self.refuse(place, "invalid", "must be a list");
            return None;
        };
        if items.len() > items_max {
            self.refuse(place, "too_many", format_args!("has at most {items_max} items"));
            return None;
        }
        let mut read = Vec::with_capacity(items.len());
        for (at, item) in items.iter().enumerate() {
            let place = format!("{place}[{at}]");
            let Value::Object(given) = item else {
                self.refuse(&place, "invalid", "must be an object");
                continue;
            };
            let mut kept = Map::new();
            self.fields(attributes, given, &place, path, &mut kept);
            read.push(Value::Object(kept));
        }
        Some(Value::Array(read))
    }

    /// What one attribute alone does not show.
    fn check(&mut self, fields: &mut Map<String, Value>) {
        match self.kind {
            Kind::RichLink => self.check_app(fields),
            Kind::Carousel => self.check_carousel(fields),
            Kind::List => self.check_sections(fields),
            Kind::Form => self.check_pages(fields),
            _ => {}
        }
    }

    fn check_app(&mut self, fields: &Map<String, Value>) {
        let Some(bid) = fields.get("bid").and_then(Value::as_str) else { return };
        if !bid.starts_with(APP_PREFIX) {
            self.refuse("structured_content[bid]", "invalid", format_args!("must start with {APP_PREFIX}"));
        }
        for name in ["app_id", "app_name", "app_icon"].into_iter().filter(|name| !is_given(fields, name)) {
            self.refuse(&format!("{ROOT}[{name}]"), "blank", "must not be empty beside bid");
        }
    }

    /// All cards have an attachment, or none has.
    fn check_carousel(&mut self, fields: &Map<String, Value>) {
        let has_file: Vec<bool> = objects(fields, "items").map(|card| is_given(card, "attachment_id")).collect();
        if has_file.contains(&true) {
            for (at, _) in has_file.iter().enumerate().filter(|(_, has_file)| !**has_file) {
                let place = format!("{ROOT}[items][{at}][attachment_id]");
                self.refuse(&place, "blank", "must not be empty: either all items have an attachment or none");
            }
        }
    }

    /// Every item is in a section that there is, every section has an item, several sections have titles.
    fn check_sections(&mut self, fields: &mut Map<String, Value>) {
        let sections: Vec<(String, bool)> =
            objects(fields, "sections").map(|one| (text_of(one, "identifier"), is_given(one, "title"))).collect();
        if sections.is_empty() {
            for item in fields.get_mut("items").and_then(Value::as_array_mut).into_iter().flatten() {
                item.as_object_mut().and_then(|item| item.shift_remove("section_identifier"));
            }
            return;
        }
        let used: Vec<String> = objects(fields, "items").map(|item| text_of(item, "section_identifier")).collect();
        for (at, (identifier, has_title)) in sections.iter().enumerate() {
            let place = |name: &str| format!("{ROOT}[sections][{at}][{name}]");
            if sections[..at].iter().any(|(earlier, _)| earlier == identifier) {
                self.refuse(&place("identifier"), "taken", "is the identifier of another section");
            } else if !used.contains(identifier) {
                self.refuse(&place("identifier"), "unused", "must be the section_identifier of at least one item");
            }
            if sections.len() > 1 && !has_title {
                self.refuse(&place("title"), "blank", "must not be empty where there are several sections");
            }
        }
        for (at, identifier) in used.iter().enumerate() {
            let place = format!("{ROOT}[items][{at}][section_identifier]");
            if identifier.is_empty() {
                self.refuse(&place, "blank", "must not be empty where there are sections");
            } else if !sections.iter().any(|(known, _)| known == identifier) {
                self.refuse(&place, "unknown", "is the identifier of no section");
            }
        }
    }

    /// Pages lead to pages that there are.
    fn check_pages(&mut self, fields: &Map<String, Value>) {
        let pages: Vec<&Map<String, Value>> = objects(fields, "pages").collect();
        let mut known = HashSet::new();
        for (at, page) in pages.iter().enumerate() {
            if !known.insert(text_of(page, "page_id")) {
                self.refuse(&format!("{ROOT}[pages][{at}][page_id]"), "taken", "is the id of another page");
            }
        }
        let mut leads = |holder: &Map<String, Value>, name: &str, place: String| {
            if is_given(holder, name) && !known.contains(&text_of(holder, name)) {
                self.refuse(&format!("{place}[{name}]"), "unknown", "is the page_id of no page");
            }
        };
        leads(fields, "first_page_id", ROOT.into());
        for (at, page) in pages.iter().enumerate() {
            leads(page, "next_page_id", format!("{ROOT}[pages][{at}]"));
            for (item_at, item) in objects(page, "items").enumerate() {
                leads(item, "next_page_id", format!("{ROOT}[pages][{at}][items][{item_at}]"));
            }
        }
        let is_on = |page: &Map<String, Value>, name: &str| page.get(name) == Some(&Value::Bool(true));
        if !pages.is_empty() && !is_given(fields, "first_page_id") {
            self.refuse("structured_content[first_page_id]", "blank", "must not be empty where there are pages");
        }
        for (at, page) in pages.iter().enumerate() {
            let place = format!("{ROOT}[pages][{at}]");
            if is_on(page, "submit_form") {
                continue;
            }
            if text_of(page, "type") == "select" && !is_on(page, "multiple_selection") {
                for (item_at, item) in objects(page, "items").enumerate() {
                    if !is_given(item, "next_page_id") {
                        let place = format!("{place}[items][{item_at}][next_page_id]");
                        self.refuse(&place, "blank", "must not be empty where one item is selected");
                    }
                }
            } else if !is_given(page, "next_page_id") {
                let why = "must not be empty, or submit_form must be true";
                self.refuse(&format!("{place}[next_page_id]"), "blank", why);
            }
            let index = page.get("selected_item_index").and_then(Value::as_u64);
            if index.is_some_and(|index| index >= objects(page, "items").count() as u64) {
                self.refuse(&format!("{place}[selected_item_index]"), "invalid", "is the index of no item");
            }
        }
    }
}

fn objects<'f>(fields: &'f Map<String, Value>, name: &str) -> impl Iterator<Item = &'f Map<String, Value>> + use<'f> {
    fields.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn text_of(fields: &Map<String, Value>, name: &str) -> String {
    fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn invalid<T>(why: impl Into<String>) -> Result<T, Misfit> {
    Err(("invalid", why.into()))
}

fn text(value: &Value, characters_max: usize) -> Result<String, Misfit> {
    let Value::String(text) = value else { return invalid("must be a text") };
    if text.chars().count() > characters_max {
        return Err(("too_long", format!("has at most {characters_max} characters")));
    }
    // PostgreSQL cannot keep it in a text, and no writing system needs it.
    if text.contains('\0') {
        return invalid("must not hold the character U+0000");
    }
    Ok(text.clone())
}

/// An address of a message: of at most so many characters, and without a user.
fn address(value: &Value) -> Result<String, Misfit> {
    let url = text(value, URL_CHARACTERS_MAX)?;
    if names_a_user(&url) { invalid("must not name a user or a password") } else { Ok(url) }
}

fn link(value: &Value, may_be_data: bool) -> Result<Value, Misfit> {
    let url = address(value)?;
    let is_data = may_be_data && url.starts_with('?') && !url.chars().any(char::is_control);
    if is_data || is_link(&url) { Ok(url.into()) } else { invalid("must be a complete address") }
}

fn web_url(value: &Value) -> Result<Value, Misfit> {
    let url = address(value)?;
    if is_web_url(&url) { Ok(url.into()) } else { invalid("must be a complete http or https address") }
}

fn simple(shape: &Shape, value: &Value) -> Result<Value, Misfit> {
    match shape {
        Shape::Ascii(max) => match text(value, *max)? {
            text if text.is_ascii() => Ok(text.into()),
            _ => invalid("may only hold ASCII characters"),
        },
        Shape::Word(words) => match value.as_str() {
            Some(word) if words.contains(&word) => Ok(word.into()),
            _ => invalid(format!("must be one of {}", words.join(", "))),
        },
        Shape::File => match value.as_str().and_then(|text| text.parse::<Id>().ok()) {
            Some(id) => Ok(id.hex().into()),
            None => Err(("unknown", "must be the id of an attachment".into())),
        },
        Shape::Flag => match value {
            Value::Bool(flag) => Ok((*flag).into()),
            Value::String(text) => {
                query::boolean(text).map_or_else(|| invalid("must be true or false"), |flag| Ok(flag.into()))
            }
            _ => invalid("must be true or false"),
        },
        Shape::Whole(min, max) => match whole(value).filter(|number| (*min..=*max).contains(number)) {
            Some(number) => Ok(number.into()),
            None => invalid(format!("must be a whole number from {min} to {max}")),
        },
        Shape::Number(min, max) => {
            let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok());
            match number.filter(|number: &f64| (*min as f64..=*max as f64).contains(number)) {
                Some(number) => Ok(number.into()),
                None => invalid(format!("must be a number from {min} to {max}")),
            }
        }
        Shape::Time => match value.as_str().filter(|text| is_time(text)) {
            Some(text) => Ok(text.into()),
            None => invalid("must be a time such as 2020-04-26T08:00+0200"),
        },
        Shape::Date => match value.as_str().filter(|text| is_date(text)) {
            Some(text) => Ok(text.into()),
            None => invalid("must be a date such as 2020-04-26"),
        },
        Shape::Amount => match value.as_str().filter(|text| is_amount(text)) {
            Some(text) => Ok(text.into()),
            None => invalid("must be a text with an amount such as \"5.00\""),
        },
        Shape::Code(length) => {
            let fits = |text: &&str| text.len() == *length && text.bytes().all(|byte| byte.is_ascii_uppercase());
            match value.as_str().filter(fits) {
                Some(text) => Ok(text.into()),
                None => invalid(format!("must be {length} capital letters")),
            }
        }
        Shape::Texts(items_max, characters_max) => match value {
            Value::Array(list) if list.len() > *items_max => {
                Err(("too_many", format!("has at most {items_max} items")))
            }
            Value::Array(list) => {
                let texts = list.iter().map(|value| text(value, *characters_max).map(Value::from));
                texts.collect::<Result<Vec<_>, Misfit>>().map(Value::Array)
            }
            _ => invalid("must be a list of texts"),
        },
        Shape::Opaque(bytes_max) => match value {
            Value::Object(_) if value.to_string().len() > *bytes_max => {
                Err(("too_long", format!("has at most {bytes_max} bytes as JSON")))
            }
            Value::Object(_) if holds_nul(value) => invalid("must not hold the character U+0000"),
            Value::Object(_) => Ok(value.clone()),
            _ => invalid("must be an object"),
        },
        // Read by the reader itself.
        Shape::Text(_) | Shape::Link | Shape::WebUrl | Shape::Object(_) | Shape::List(..) => invalid("cannot be read"),
    }
}

fn whole(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

fn is_amount(text: &str) -> bool {
    let number = text.strip_prefix('-').unwrap_or(text);
    let (whole, cents) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str, max: usize| (1..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole, 12) && digits(cents, 4)
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<civil::Date>().is_ok()
}

/// `2020-04-26T08:00+0200`, also with seconds, with a colon in the offset, or with Z.
fn is_time(text: &str) -> bool {
    let Some((date, time)) = text.split_once('T') else { return false };
    let Some(at) = time.find(['Z', '+', '-']) else { return false };
    let (clock, offset) = time.split_at(at);
    let two = |text: &str, max: u8| text.len() == 2 && text.parse::<u8>().is_ok_and(|number| number <= max);
    let mut parts = clock.split(':');
    let is_clock = parts.next().is_some_and(|hour| two(hour, 23))
        && parts.next().is_some_and(|minute| two(minute, 59))
        && parts.next().is_none_or(|second| two(second, 59))
        && parts.next().is_none();
    let is_offset = offset == "Z" || {
        let digits = offset[1..].replacen(':', "", 1);
        digits.len() == 4 && digits.is_ascii() && two(&digits[..2], 15) && two(&digits[2..], 59)
    };
    is_date(date) && is_clock && is_offset
}

/// Whether U+0000 stands in any key or text. The parser of the request has bounded the depth.
fn holds_nul(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains('\0'),
        Value::Array(list) => list.iter().any(holds_nul),
        Value::Object(fields) => fields.iter().any(|(key, value)| key.contains('\0') || holds_nul(value)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}
