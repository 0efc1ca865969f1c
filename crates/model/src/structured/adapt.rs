//! Fits a structured message to its channel. What was fitted stays as it is when it is fitted again.

use serde_json::{Map, Value};
use url::Url;

use super::channels::{ANY_FILES, Files, Limit, Rule, Unit};
use super::schema::{self, Attribute, Shape};
use super::{Channel, FILE, FILE_FALLBACK, File, Kind, Structured, is_given};
use crate::urls::is_web_url;
use crate::{Error, Id, Result, error};

/// What stands at the end of a text that was cut.
const ELLIPSIS: char = '…';

/// What fitting needs from outside.
pub struct Surroundings<'s> {
    /// What is known of an attachment; none for one that may not be used.
    pub file: &'s dyn Fn(Id) -> Option<File>,
    /// Hex digits that nobody guesses, for payloads that the channel demands.
    pub payload: &'s dyn Fn() -> String,
}

impl Structured {
    /// This structured message as the channel takes it. 422 when it lacks a fallback that it needs,
    /// and for a type that the channel does not take.
    pub fn adapt(&self, channel: Channel, surroundings: &Surroundings) -> Result<Structured> {
        if !channel.takes(self.kind) {
            let message = "structured_content[type]: Source doesn't support this type of structured content.";
            return Err(error::invalid("structured_content[type]", "not_supported", message));
        }
        let mut fields = self.fields.clone();
        let limits = || channel.limits(self.kind).filter(|limit| limit.when.holds(&self.fields));
        // What is ignored needs no fallback.
        for limit in limits().filter(|limit| limit.rule == Rule::Ignore) {
            apply(limit, &mut fields, surroundings)?;
        }
        // Nor do buttons that are dropped.
        for limit in limits().filter(|limit| matches!(limit.rule, Rule::Only(_) | Rule::Keep(_))) {
            apply(limit, &mut fields, surroundings)?;
        }
        Fitting { channel, kind: self.kind, surroundings }.object(
            schema::of(self.kind),
            &mut fields,
            "structured_content",
        )?;
        for limit in limits() {
            apply(limit, &mut fields, surroundings)?;
        }
        Ok(Structured { kind: self.kind, fields })
    }
}

/// What the table of attributes decides: which ones the channel knows, addresses, files.
struct Fitting<'a> {
    channel: Channel,
    kind: Kind,
    surroundings: &'a Surroundings<'a>,
}

impl Fitting<'_> {
    fn object(&self, attributes: &[Attribute], fields: &mut Map<String, Value>, place: &str) -> Result<()> {
        for attribute in attributes {
            if attribute.only.is_some_and(|channels| !channels.contains(&self.channel)) {
                fields.shift_remove(attribute.name);
            }
        }
        self.link(attributes, fields, place)?;
        self.file(fields, place)?;
        for attribute in attributes {
            let Some(value) = fields.get_mut(attribute.name) else { continue };
            let place = format!("{place}[{}]", attribute.name);
            match (&attribute.shape, value) {
                (Shape::Object(attributes), Value::Object(inner)) => self.object(attributes, inner, &place)?,
                (Shape::List(_, attributes), Value::Array(items)) => {
                    for (at, item) in items.iter_mut().enumerate() {
                        if let Value::Object(inner) = item {
                            self.object(attributes, inner, &format!("{place}[{at}]"))?;
                        }
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A link that the channel cannot open gives way to its fallback; one without a text shows its host.
    fn link(&self, attributes: &[Attribute], fields: &mut Map<String, Value>, place: &str) -> Result<()> {
        let fallback = fields.shift_remove("url_fallback");
        let Some(url) = fields.get("url").and_then(Value::as_str).map(str::to_owned) else {
            for name in ["url_text", "target", "webview_height"] {
                fields.shift_remove(name);
            }
            return Ok(());
        };
        let opens = is_web_url(&url)
            || self.channel.opens_apps() && !url.starts_with('?')
            || self.channel == Channel::Apple && is_given(fields, "bid");
        let url = match fallback {
            _ if opens => url,
            Some(Value::String(fallback)) => {
                fields.insert("url".into(), fallback.as_str().into());
                fallback
            }
            _ => {
                let message =
                    format!("{place}[url] must be an http or https address on this source, or have a url_fallback.");
                return Err(error::invalid(&format!("{place}[url]"), "not_supported", message));
            }
        };
        let shows_text = attributes.iter().any(|attribute| attribute.name == "url_text");
        if shows_text && !is_given(fields, "url_text") {
            let host =
                Url::parse(&url).ok().and_then(|url| Some(url.host_str()?.to_owned())).filter(|host| !host.is_empty());
            if let Some(host) = host {
                fields.insert("url_text".into(), cut(&host, 80, Unit::Characters).into());
            }
        }
        Ok(())
    }

    /// A file that the channel does not take gives way to its fallback.
    fn file(&self, fields: &mut Map<String, Value>, place: &str) -> Result<()> {
        let id = |value: Option<Value>| value.as_ref().and_then(Value::as_str).and_then(|text| text.parse::<Id>().ok());
        let fallback = id(fields.shift_remove(FILE_FALLBACK));
        let Some(own) = id(fields.get(FILE).cloned()) else { return Ok(()) };
        // A fallback has to be good whether it is needed or not.
        if let Some(fallback) = fallback {
            self.check(fallback, &ANY_FILES, &format!("{place}[{FILE_FALLBACK}]"))?;
        }
        let refusal = self.check(own, self.channel.files(self.kind), &format!("{place}[{FILE}]")).err();
        match (refusal, fallback) {
            (None, _) => Ok(()),
            (Some(_), Some(fallback)) => {
                fields.insert(FILE.into(), fallback.hex().into());
                Ok(())
            }
            (Some(refusal), None) => Err(refusal),
        }
    }

    fn check(&self, id: Id, files: &Files, place: &str) -> Result<()> {
        let Some(file) = (self.surroundings.file)(id) else {
            let message = format!("{place}: {id} is no attachment that you may use.");
            return Err(error::invalid(place, "unknown", message));
        };
        let refuse = |why: String| -> Result<(), Error> {
            Err(error::invalid(place, "not_allowed", format!("{place}: on this source {why}.")))
        };
        if !files.extensions.contains(&file.extension.as_str()) {
            return refuse(format!("a file has to be one of {}", files.extensions.join(", ")));
        }
        if file.bytes > files.bytes_max {
            return refuse(format!("a file has at most {} bytes", files.bytes_max));
        }
        if !file.public && !files.private {
            return refuse("a file has to be public".into());
        }
        Ok(())
    }
}

/// Does what the table of limits says.
fn apply(limit: &Limit, fields: &mut Map<String, Value>, surroundings: &Surroundings) -> Result<()> {
    let mut refusal = None;
    each(fields, limit.path, "structured_content", &mut |holder, name, place| {
        if let Err(error) = limit.rule.apply(holder, name, place, surroundings) {
            refusal = Some(error);
        }
    });
    refusal.map_or(Ok(()), Err)
}

impl Rule {
    fn apply(
        self,
        holder: &mut Map<String, Value>,
        name: &str,
        place: &str,
        surroundings: &Surroundings,
    ) -> Result<()> {
        let blank = !is_given(holder, name);
        match self {
            Rule::Ignore => {
                holder.shift_remove(name);
            }
            Rule::Payload if blank && holder.get("type").and_then(Value::as_str) != Some("url") => {
                holder.insert(name.into(), (surroundings.payload)().into());
            }
            Rule::Default(text) if blank => {
                holder.insert(name.into(), text.into());
            }
            Rule::Payload | Rule::Default(_) => {}
            Rule::Cut(max, unit) => {
                if let Some(Value::String(text)) = holder.get_mut(name)
                    && unit.length(text) > max
                {
                    *text = cut(text, max, unit);
                }
            }
            Rule::Refuse(max) => {
                let text = holder.get(name).and_then(Value::as_str).unwrap_or_default();
                if text.chars().count() > max {
                    let message = format!("{place} has at most {max} characters on this source.");
                    return Err(error::invalid(place, "too_long", message));
                }
            }
            Rule::Keep(max) => {
                if let Some(Value::Array(items)) = holder.get_mut(name) {
                    items.truncate(max);
                }
            }
            Rule::Only(kind) => {
                let Some(Value::Array(items)) = holder.get_mut(name) else { return Ok(()) };
                items.retain(|item| item.get("type").and_then(Value::as_str) == Some(kind));
                if items.is_empty() {
                    let message = format!("{place} must hold at least one item of type {kind} on this source.");
                    return Err(error::invalid(place, "not_supported", message));
                }
            }
        }
        Ok(())
    }
}

impl Unit {
    /// How long a text is.
    pub(super) fn length(self, text: &str) -> usize {
        match self {
            Unit::Characters => text.chars().count(),
            Unit::Utf16 => text.encode_utf16().count(),
        }
    }
}

/// The beginning of a text with an ellipsis, together as long as may be. No character is cut in two.
pub(super) fn cut(text: &str, max: usize, unit: Unit) -> String {
    if unit.length(text) <= max {
        return text.to_owned();
    }
    let mut left = max.saturating_sub(1);
    let mut short = String::new();
    for character in text.chars() {
        let takes = match unit {
            Unit::Characters => 1,
            Unit::Utf16 => character.len_utf16(),
        };
        if takes > left {
            break;
        }
        left -= takes;
        short.push(character);
    }
    short.push(ELLIPSIS);
    short
}

/// What is done with an object, the name of an attribute that it may hold, and the attribute's place.
type Visit<'v> = dyn FnMut(&mut Map<String, Value>, &str, &str) + 'v;

/// Every object that may hold the attribute at a path such as `items.title`, with its name and place.
pub(super) fn each(fields: &mut Map<String, Value>, path: &str, place: &str, found: &mut Visit) {
    let Some((list, rest)) = path.split_once('.') else { return found(fields, path, &format!("{place}[{path}]")) };
    for (at, item) in fields.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten().enumerate() {
        if let Value::Object(inner) = item {
            each(inner, rest, &format!("{place}[{list}][{at}]"), found);
        }
    }
}
