//! Items of the catalogue: buttons, invitations and automatic messages, which triggers show.

use frontdesk_conversations::contents::fragment;
use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Paging};
use frontdesk_store::Tx;
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::objects::{self, Kind, Object};
use super::{TAG, checked_label, triggers, window_of};
use crate::settings::{self, Channel, PERMISSIONS};
use crate::styles::{self, SCSS_BYTES_MAX};
use crate::theme::{self, Prepared};

/// Items of one source.
pub(crate) const ITEMS_MAX: usize = 200;
/// Bytes of an item's HTML.
const HTML_BYTES_MAX: usize = 32 * 1024;
/// Characters of an automatic message.
const TEXT_CHARACTERS_MAX: usize = 1_000;
/// Bytes of all items of a source, which every page may load.
const CATALOGUE_BYTES_MAX: usize = 512 * 1024;

/// What an item is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CatalogItemType")]
pub(crate) enum Type {
    Button,
    Invitation,
    AutomaticMessage,
}

impl Type {
    fn named(name: &str) -> Option<Type> {
        match name {
            "button" => Some(Type::Button),
            "invitation" => Some(Type::Invitation),
            "automatic_message" => Some(Type::AutomaticMessage),
            _ => None,
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        match self {
            Type::Button => "button",
            Type::Invitation => "invitation",
            Type::AutomaticMessage => "automatic_message",
        }
    }

    pub(super) fn subject(self) -> &'static str {
        match self {
            Type::Button => "catalog.button",
            Type::Invitation => "catalog.invitation",
            Type::AutomaticMessage => "catalog.automatic_message",
        }
    }
}

/// Where a button is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "CatalogItemPosition")]
pub(crate) enum Position {
    Floating,
    Fixed,
}

/// An item as it is stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Definition {
    /// What people call it.
    pub(crate) label: String,
    /// button, invitation or automatic_message.
    pub(crate) r#type: Type,
    /// Of a button: floating in a corner of the page, or fixed where the page has its place.
    pub(crate) position: Option<Position>,
    /// What visitors see, as it was made safe.
    pub(crate) html: Option<String>,
    /// Its style sheet, as it was written.
    pub(crate) css: Option<String>,
    /// What an automatic message says.
    pub(crate) text: Option<String>,
    /// Its style sheet as browsers take it.
    pub(crate) compiled_css: Option<String>,
}

impl Definition {
    /// Whether it has something to show while no agent is there.
    fn works_offline(&self) -> bool {
        let (html, css) = (self.html.as_deref().unwrap_or_default(), self.css.as_deref().unwrap_or_default());
        html.contains("dimelo_chat_show_when_offline")
            || html.contains("dimelo_chat_hide_when_online")
            || css.contains("dimelo_chat_mode_offline")
    }

    /// As the page gets it.
    pub(super) fn served(&self, id: Id) -> Value {
        let mut told = json!({
            "id": id,
            "label": self.label,
            "type": self.r#type.as_str(),
            "html": self.html,
            "css": self.compiled_css,
            "offline": self.works_offline(),
        });
        if let Some(position) = self.position {
            told["position"] = json!(position);
        }
        told
    }

    fn bytes(&self) -> usize {
        [&self.html, &self.text, &self.compiled_css].into_iter().flatten().map(String::len).sum()
    }
}

/// An item as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "CatalogItem")]
struct Answer {
    id: Id,
    source_id: Id,
    /// As events of the page call it: the label and the id.
    human_id: String,
    /// The place of a fixed button in a page.
    markup: Option<String>,
    #[serde(flatten)]
    definition: Definition,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn answer(channel: Channel, object: Object<Definition>) -> Answer {
    let Object { id, definition, created_at, updated_at } = object;
    let human_id = format!("{} #{id}", definition.label);
    let markup = (definition.position == Some(Position::Fixed))
        .then(|| format!("<div id=\"dimelo_chat_item_markup_{id}\" class=\"dimelo_chat_item_markup\"></div>"));
    Answer { id, source_id: channel.source_id, human_id, markup, definition, created_at, updated_at }
}

/// Parameters of `createCatalogItem`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// button, invitation or automatic_message.
    r#type: String,
    #[serde(flatten)]
    given: Given,
}

/// Parameters of `updateCatalogItem`: what is left out stays.
#[derive(Deserialize, JsonSchema)]
struct Given {
    /// What people call it.
    #[schemars(length(max = super::LABEL_CHARACTERS_MAX))]
    label: Option<String>,
    /// Of a button: floating in a corner of the page, or fixed where the page has the element that markup in the answer
    /// shows.
    position: Option<String>,
    /// What visitors see of a button or an invitation. Scripts, handlers, forms and frames are taken out; classes, ids,
    /// pictures and inline SVG stay. What has the class dimelo_chat_item_action starts the chat, dimelo_chat_item_dismiss
    /// puts the item away; dimelo_chat_show_when_online, _hide_when_online, _show_when_offline and _hide_when_offline
    /// follow the mode.
    html: Option<String>,
    /// Its style sheet, as SCSS, with the variables of the source's custom_css. It fetches nothing: no @import, and url()
    /// holds data:image only.
    css: Option<String>,
    /// What an automatic message says.
    #[schemars(length(max = TEXT_CHARACTERS_MAX))]
    text: Option<String>,
}

pub(super) fn operations() -> Vec<Operation> {
    let path = "/content_sources/{sourceId}/catalog_items";
    let one = "/content_sources/{sourceId}/catalog_items/{catalogItemId}";
    vec![
        Operation::read("getAllCatalogItems", Method::GET, path, |call, paging: Paging, tx| {
            let channel = settings::source(call, tx, "source")?;
            let all = objects::all(tx, channel.source_id, Kind::Item)?;
            Ok(window_of(all, paging, |object| answer(channel, object)))
        })
        .tag(TAG)
        .summary("Lists the buttons, invitations and automatic messages of a messaging source, oldest first.")
        .permissions(PERMISSIONS)
        .extension(),
        Operation::read("getCatalogItem", Method::GET, one, |call, _: NoParameters, tx| {
            let channel = settings::source(call, tx, "catalog item")?;
            Ok(answer(channel, find(call, tx, channel)?))
        })
        .tag(TAG)
        .summary("Reads an item of the catalogue.")
        .permissions(PERMISSIONS)
        .extension(),
        Operation::write("createCatalogItem", Method::POST, path, create)
            .tag(TAG)
            .summary("Makes a button, an invitation or an automatic message, for triggers to show.")
            .permissions(PERMISSIONS)
            .prepare_from("css", gather_for_new, theme::work)
            .extension(),
        Operation::write("updateCatalogItem", Method::PUT, one, update)
            .tag(TAG)
            .summary("Changes an item of the catalogue.")
            .permissions(PERMISSIONS)
            .prepare_from("css", gather_for_known, theme::work)
            .extension(),
        Operation::write("deleteCatalogItem", Method::DELETE, one, delete)
            .tag(TAG)
            .summary("Deletes an item that no trigger shows.")
            .permissions(PERMISSIONS)
            .extension(),
    ]
}

fn gather_for_new(call: &Call, css: &str, tx: &mut dyn Tx) -> Result<String> {
    let channel = settings::source(call, tx, "source")?;
    gather(channel, css, tx)
}

fn gather_for_known(call: &Call, css: &str, tx: &mut dyn Tx) -> Result<String> {
    let channel = settings::source(call, tx, "catalog item")?;
    find(call, tx, channel)?;
    gather(channel, css, tx)
}

fn gather(channel: Channel, css: &str, tx: &mut dyn Tx) -> Result<String> {
    if css.len() > SCSS_BYTES_MAX {
        return Err(error::invalid("css", "too_long", format!("css has at most {SCSS_BYTES_MAX} bytes.")));
    }
    let theme = theme::of(tx, channel.source_id)?.custom_css;
    let sheets = if css.trim().is_empty() { Vec::new() } else { vec![styles::item(&theme, css)] };
    theme::gathered(theme, Vec::new(), sheets)
}

fn find(call: &Call, tx: &mut dyn Tx, channel: Channel) -> Result<Object<Definition>> {
    objects::find(call, tx, channel, Kind::Item, "catalogItemId")
}

/// The compiled style sheet of an item that is about to be saved.
fn compiled(call: &Call, tx: &mut dyn Tx, channel: Channel) -> Result<Option<String>> {
    let prepared = Prepared::of(call)?;
    if prepared.theme != theme::of(tx, channel.source_id)?.custom_css {
        return Err(theme::changed_meanwhile());
    }
    match prepared.compiled.into_iter().next() {
        None => Ok(None),
        Some(styles::Compiled::Css(css)) => Ok(Some(css)),
        Some(styles::Compiled::Wrong(fault)) => Err(fault.of("css")),
    }
}

impl Given {
    fn applied(self, kind: Type, before: Option<&Definition>, css: Option<Option<String>>) -> Result<Definition> {
        let label = self.label.or(before.map(|before| before.label.clone())).unwrap_or_default();
        let label = checked_label(&label)?;
        let is_given = |text: &Option<String>| text.as_deref().is_some_and(|text| !text.is_empty());
        let foreign = |name: &str| {
            let message = format!("{name}: an item of the type {} has none.", kind.as_str());
            Err(error::invalid(name, "present", message))
        };
        if kind != Type::Button && is_given(&self.position) {
            return foreign("position");
        }
        if kind == Type::AutomaticMessage {
            for (name, text) in [("html", &self.html), ("css", &self.css)] {
                if is_given(text) {
                    return foreign(name);
                }
            }
            let text = self.text.or(before.and_then(|before| before.text.clone())).unwrap_or_default();
            if text.trim().is_empty() || text.chars().count() > TEXT_CHARACTERS_MAX {
                let message = format!("text is what the message says: 1 to {TEXT_CHARACTERS_MAX} characters.");
                return Err(error::invalid("text", "invalid", message));
            }
            let text = Some(text);
            return Ok(Definition {
                label,
                r#type: kind,
                position: None,
                html: None,
                css: None,
                text,
                compiled_css: None,
            });
        }
        if is_given(&self.text) {
            return foreign("text");
        }
        let position = match (kind, self.position.as_deref().filter(|text| !text.is_empty())) {
            (Type::Button, None) => before.and_then(|before| before.position).or(Some(Position::Floating)),
            (Type::Button, Some("floating")) => Some(Position::Floating),
            (Type::Button, Some("fixed")) => Some(Position::Fixed),
            (Type::Button, Some(_)) => {
                return Err(error::invalid("position", "inclusion", "position must be floating or fixed."));
            }
            _ => None,
        };
        let html = match self.html {
            Some(html) => safe_html(&html)?,
            None => before.and_then(|before| before.html.clone()).unwrap_or_default(),
        };
        if html.trim().is_empty() {
            let message = "html can't be blank: it is what visitors see. Scripts and the like are taken out of it.";
            return Err(error::invalid("html", "blank", message));
        }
        let (css, compiled_css) = match (css, before) {
            (Some(compiled), _) => (self.css.filter(|css| !css.trim().is_empty()), compiled),
            (None, Some(before)) => (before.css.clone(), before.compiled_css.clone()),
            (None, None) => (None, None),
        };
        Ok(Definition { label, r#type: kind, position, html: Some(html), css, text: None, compiled_css })
    }
}

fn safe_html(html: &str) -> Result<String> {
    if html.len() > HTML_BYTES_MAX {
        return Err(error::invalid("html", "too_long", format!("html has at most {HTML_BYTES_MAX} bytes.")));
    }
    fragment(html).ok_or_else(|| error::invalid("html", "invalid", "html is nested too deeply, or has too many tags."))
}

/// 422 when all items of a source together are more than a page should load.
pub(crate) fn require_light(tx: &mut dyn Tx, source_id: Id, attribute: &str) -> Result<()> {
    let all: Vec<Object<Definition>> = objects::all(tx, source_id, Kind::Item)?;
    if all.iter().map(|item| item.definition.bytes()).sum::<usize>() > CATALOGUE_BYTES_MAX {
        let most = CATALOGUE_BYTES_MAX / 1024;
        let message =
            format!("{attribute}: the items of a source have together at most {most} KiB; shorten or delete some.");
        return Err(error::invalid(attribute, "too_long", message));
    }
    Ok(())
}

fn create(call: &Call, create: Create, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = settings::source(call, tx, "source")?;
    let kind = Type::named(create.r#type.trim())
        .ok_or_else(|| error::invalid("type", "inclusion", "type must be button, invitation or automatic_message."))?;
    let css = create.given.css.is_some().then(|| compiled(call, tx, channel)).transpose()?;
    let definition = create.given.applied(kind, None, css)?;
    let id = objects::insert(tx, &call.env, channel.source_id, Kind::Item, &definition)?;
    require_light(tx, channel.source_id, "html")?;
    objects::tell(call, tx, channel, kind.subject(), "created", id)?;
    shown(tx, channel, id)
}

fn update(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = settings::source(call, tx, "catalog item")?;
    let before = find(call, tx, channel)?;
    let css = given.css.is_some().then(|| compiled(call, tx, channel)).transpose()?;
    let kind = before.definition.r#type;
    let after = given.applied(kind, Some(&before.definition), css)?;
    if after == before.definition {
        return Ok(answer(channel, before));
    }
    objects::save(tx, &call.env, before.id, &after)?;
    require_light(tx, channel.source_id, "html")?;
    objects::tell(call, tx, channel, kind.subject(), "updated", before.id)?;
    shown(tx, channel, before.id)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = settings::source(call, tx, "catalog item")?;
    let gone = find(call, tx, channel)?;
    if let Some(label) = triggers::showing(tx, channel.source_id, gone.id)? {
        let message = format!("The trigger \"{label}\" shows this item: change or delete that trigger first.");
        return Err(error::conflict(message));
    }
    objects::remove(tx, gone.id)?;
    objects::tell(call, tx, channel, gone.definition.r#type.subject(), "destroyed", gone.id)?;
    Ok(answer(channel, gone))
}

fn shown(tx: &mut dyn Tx, channel: Channel, id: Id) -> Result<Answer> {
    let object = objects::get(tx, channel.source_id, Kind::Item, id)?;
    Ok(answer(channel, object.ok_or_else(|| error::broken("a catalog item vanished"))?))
}
