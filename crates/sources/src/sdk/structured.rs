//! Structured contents of the channel: select, rich link, template and carousel. Only the attributes of the public
//! page are kept, so that what is stored is bounded whatever was sent.

use serde_json::{Map, Value};

use super::errors::SendApiError;
use super::fields::{Fields, Read};
use frontdesk_model::structured::limits::{
    BUTTON_TITLE_CHARACTERS_MAX, BUTTONS_MAX, CAROUSEL_ITEMS_MAX, PAYLOAD_CHARACTERS_MAX, SELECT_ITEMS_MAX,
    SUBTITLE_CHARACTERS_MAX, TITLE_CHARACTERS_MAX,
};
use frontdesk_model::urls::{URL_CHARACTERS_MAX, is_link};

/// Reads a structured content. `has_body` says whether the message has a body: a select cannot do without.
pub(super) fn read(mut fields: Fields, has_body: bool) -> Read<Value> {
    let Some(kind) = fields.take("type") else { return Err(SendApiError::StructuredTypeMissing) };
    let mut content = Map::new();
    content.insert("type".into(), kind.clone());
    match kind.as_str() {
        Some("select") if !has_body => {
            return Err(SendApiError::InvalidResourceFormat("params.body is missing: a select needs one".into()));
        }
        Some("select") => {
            let items = items(&mut fields, SELECT_ITEMS_MAX, |item| {
                let mut kept = Map::new();
                keep_text(&mut kept, item, "title", BUTTON_TITLE_CHARACTERS_MAX, Presence::Mandatory)?;
                keep_text(&mut kept, item, "payload", PAYLOAD_CHARACTERS_MAX, Presence::Optional)?;
                Ok(kept)
            })?;
            content.insert("items".into(), items);
        }
        Some("rich_link") => {
            keep_link(&mut content, &mut fields, "url", Presence::Mandatory)?;
            keep_card(&mut content, &mut fields)?;
        }
        Some("template") => keep_template(&mut content, &mut fields)?,
        Some("carousel") => {
            let items = items(&mut fields, CAROUSEL_ITEMS_MAX, |item| {
                let mut kept = Map::new();
                keep_template(&mut kept, item)?;
                Ok(kept)
            })?;
            content.insert("items".into(), items);
        }
        _ => return Err(SendApiError::StructuredTypeUnsupported),
    }
    Ok(Value::Object(content))
}

#[derive(Clone, Copy, PartialEq)]
enum Presence {
    Mandatory,
    Optional,
}

/// A template: a card with buttons and perhaps a link.
fn keep_template(kept: &mut Map<String, Value>, fields: &mut Fields) -> Read<()> {
    keep_link(kept, fields, "url", Presence::Optional)?;
    keep_card(kept, fields)?;
    let buttons = items(fields, BUTTONS_MAX, |button| {
        let mut kept = Map::new();
        keep_text(&mut kept, button, "type", BUTTON_TITLE_CHARACTERS_MAX, Presence::Mandatory)?;
        keep_text(&mut kept, button, "title", BUTTON_TITLE_CHARACTERS_MAX, Presence::Mandatory)?;
        match kept.get("type").and_then(Value::as_str) {
            Some("url") => {
                keep_link(&mut kept, button, "url", Presence::Mandatory)?;
                keep_web_url(&mut kept, button, "url_fallback")?;
            }
            Some("reply") => keep_text(&mut kept, button, "payload", PAYLOAD_CHARACTERS_MAX, Presence::Optional)?,
            _ => return Err(button.refuse("type", "must be url or reply")),
        }
        Ok(kept)
    })?;
    kept.insert("items".into(), buttons);
    Ok(())
}

/// What a rich link and a template share.
fn keep_card(kept: &mut Map<String, Value>, fields: &mut Fields) -> Read<()> {
    keep_text(kept, fields, "title", TITLE_CHARACTERS_MAX, Presence::Mandatory)?;
    keep_text(kept, fields, "subtitle", SUBTITLE_CHARACTERS_MAX, Presence::Optional)?;
    keep_web_url(kept, fields, "url_fallback")?;
    keep_text(kept, fields, "url_text", BUTTON_TITLE_CHARACTERS_MAX, Presence::Optional)?;
    keep_web_url(kept, fields, "attachment_url")?;
    if let Some(id) = fields.id("attachment_fallback_id")? {
        kept.insert("attachment_fallback_id".into(), id.into());
    }
    Ok(())
}

fn items(fields: &mut Fields, items_max: usize, read: impl Fn(&mut Fields) -> Read<Map<String, Value>>) -> Read<Value> {
    let items = fields.objects("items", items_max)?;
    if items.is_empty() {
        return Err(empty(fields, "items"));
    }
    items.into_iter().map(|mut item| read(&mut item).map(Value::Object)).collect()
}

fn keep_text(
    kept: &mut Map<String, Value>,
    fields: &mut Fields,
    name: &'static str,
    characters_max: usize,
    presence: Presence,
) -> Read<()> {
    let text = fields.text(name, characters_max)?;
    keep(kept, fields, name, text, presence)
}

/// The page says that addresses should be on the web, while its own examples open apps: both are taken.
fn keep_link(kept: &mut Map<String, Value>, fields: &mut Fields, name: &'static str, presence: Presence) -> Read<()> {
    let url = fields.text(name, URL_CHARACTERS_MAX)?;
    if url.as_deref().is_some_and(|url| !is_link(url)) {
        return Err(fields.refuse(name, "must be a complete address"));
    }
    keep(kept, fields, name, url, presence)
}

fn keep_web_url(kept: &mut Map<String, Value>, fields: &mut Fields, name: &'static str) -> Read<()> {
    let url = fields.web_url(name)?;
    keep(kept, fields, name, url, Presence::Optional)
}

fn keep(
    kept: &mut Map<String, Value>,
    fields: &Fields,
    name: &'static str,
    text: Option<String>,
    presence: Presence,
) -> Read<()> {
    match text {
        Some(text) => {
            kept.insert(name.into(), text.into());
            Ok(())
        }
        None if presence == Presence::Mandatory => Err(empty(fields, name)),
        None => Ok(()),
    }
}

fn empty(fields: &Fields, attribute: &'static str) -> SendApiError {
    SendApiError::StructuredAttributeEmpty { attribute, place: fields.path().to_owned() }
}
