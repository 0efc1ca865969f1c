//! Triggers: when to offer the chat, how, and what a conversation that begins so gets.

use frontdesk_conversations::categories;
use frontdesk_model::error::AttributeError;
use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_people::locales;
use frontdesk_rest::{Call, NoParameters, Operation, Paging};
use frontdesk_store::Tx;
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::conditions::{self, CONDITIONS_MAX, Condition};
use super::items::{self, Type};
use super::objects::{self, Kind, Object};
use super::{TAG, checked_label, variables, window_of};
use crate::settings::{self, Channel, FACTOR_MAX, PERMISSIONS};

/// Triggers of one source.
pub(crate) const TRIGGERS_MAX: usize = 100;
/// Categories of one trigger.
const CATEGORIES_MAX: usize = 20;

/// What is done once the conditions are met.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "TriggerActions")]
pub(crate) struct Actions {
    /// minimized or open: the window is shown.
    pub(crate) show: Option<String>,
    /// The button of the catalogue that is shown.
    pub(crate) button: Option<Id>,
    /// The invitation of the catalogue that is shown.
    pub(crate) invitation: Option<Id>,
    /// The automatic message of the catalogue that is written into the window.
    pub(crate) message: Option<Id>,
    /// Items that are shown already go.
    pub(crate) hide_items: bool,
}

/// A trigger as it is stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct Definition {
    /// What people call it; agents see it in conversations that it began.
    pub(crate) label: String,
    /// Whether it is switched on.
    pub(crate) active: bool,
    /// All have to be met; none: always.
    pub(crate) conditions: Vec<Condition>,
    /// Only if somebody would be there.
    pub(crate) only_if_available: bool,
    /// How many more conversations may wait than agents can hold; null: as the source says.
    pub(crate) queuing_factor: Option<f64>,
    pub(crate) actions: Actions,
    /// No other trigger after it in this visit.
    pub(crate) stops_others: bool,
    /// Only once in a visit.
    pub(crate) once_per_visit: bool,
    /// What a conversation that begins so is categorised with.
    pub(crate) category_ids: Vec<Id>,
    /// Language of the conversation and of the window's texts.
    pub(crate) language: Option<String>,
}

/// A trigger as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Trigger")]
struct Answer {
    id: Id,
    source_id: Id,
    /// As events of the page call it: the label and the id.
    human_id: String,
    #[serde(flatten)]
    definition: Definition,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn answer(channel: Channel, object: Object<Definition>) -> Answer {
    let Object { id, definition, created_at, updated_at } = object;
    let human_id = format!("{} #{id}", definition.label);
    Answer { id, source_id: channel.source_id, human_id, definition, created_at, updated_at }
}

/// What is done, as it is given: all of it, in place of what was done before.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(rename = "TriggerActionsParameters")]
struct GivenActions {
    /// minimized or open: shows the window. Empty: it stays as it is.
    show: Option<String>,
    /// The id of a button of the source's catalogue, to be shown.
    button: Option<String>,
    /// The id of an invitation, to be shown.
    invitation: Option<String>,
    /// The id of an automatic message, for when the window is shown: only beside one of the three above.
    message: Option<String>,
    /// Takes away the items that are shown already.
    hide_items: bool,
}

/// Parameters of `createTrigger` and `updateTrigger`: what is left out stays.
#[derive(Deserialize, JsonSchema)]
struct Given {
    /// What people call it; agents see it in conversations that it began.
    #[schemars(length(max = super::LABEL_CHARACTERS_MAX))]
    label: Option<String>,
    /// Whether it is switched on; true when absent.
    active: Option<bool>,
    /// All have to be met, and none is always met. All of them, in place of those before.
    #[schemars(length(max = CONDITIONS_MAX))]
    conditions: Option<Vec<conditions::Given>>,
    /// Executes it only if somebody would be there.
    only_if_available: Option<bool>,
    /// How many more conversations may wait than agents can hold, 0 to 10; empty: as the source says.
    queuing_factor: Option<String>,
    /// What is done; one thing at least.
    actions: Option<GivenActions>,
    /// Executes no other trigger after it in this visit.
    stops_others: Option<bool>,
    /// Executes it only once in a visit.
    once_per_visit: Option<bool>,
    /// What a conversation that begins so is categorised with.
    #[schemars(length(max = CATEGORIES_MAX))]
    category_ids: Option<Vec<Id>>,
    /// A code of /locales: language of the conversation and of the window's texts; empty: none of its own.
    language: Option<String>,
}

/// Parameters of `moveTrigger`.
#[derive(Deserialize, JsonSchema)]
struct Move {
    /// Its place among the triggers of the source, from 1; beyond the last it is the last.
    position: i64,
}

pub(super) fn operations() -> Vec<Operation> {
    let path = "/content_sources/{sourceId}/triggers";
    let one = "/content_sources/{sourceId}/triggers/{triggerId}";
    vec![
        Operation::read("getAllTriggers", Method::GET, path, |call, paging: Paging, tx| {
            let channel = settings::source(call, tx, "source")?;
            let all = objects::all(tx, channel.source_id, Kind::Trigger)?;
            Ok(window_of(all, paging, |object| answer(channel, object)))
        })
        .tag(TAG)
        .summary("Lists the triggers of a messaging source, in the order in which they are executed.")
        .permissions(PERMISSIONS)
        .extension(),
        Operation::read("getTrigger", Method::GET, one, |call, _: NoParameters, tx| {
            let channel = settings::source(call, tx, "trigger")?;
            Ok(answer(channel, find(call, tx, channel)?))
        })
        .tag(TAG)
        .summary("Reads a trigger.")
        .permissions(PERMISSIONS)
        .extension(),
        Operation::write("createTrigger", Method::POST, path, create)
            .tag(TAG)
            .summary("Makes a trigger, behind the others: when a page offers the chat, and how.")
            .notes("Pages know it within a minute.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::write("updateTrigger", Method::PUT, one, update)
            .tag(TAG)
            .summary("Changes a trigger.")
            .permissions(PERMISSIONS)
            .extension(),
        Operation::write(
            "moveTrigger",
            Method::PUT,
            "/content_sources/{sourceId}/triggers/{triggerId}/move",
            |call, to: Move, tx| {
                let channel = settings::source(call, tx, "trigger")?;
                let object: Object<Definition> = find(call, tx, channel)?;
                let position = usize::try_from(to.position).ok().filter(|position| *position >= 1);
                let position =
                    position.ok_or_else(|| error::invalid("position", "out_of_range", "position is 1 or more."))?;
                if objects::place(tx, channel.source_id, Kind::Trigger, object.id, position)? {
                    objects::tell(call, tx, channel, "trigger", "updated", object.id)?;
                }
                Ok(answer(channel, object))
            },
        )
        .tag(TAG)
        .summary("Moves a trigger among the others.")
        .permissions(PERMISSIONS)
        .extension(),
        Operation::write("deleteTrigger", Method::DELETE, one, |call, _: NoParameters, tx| {
            let channel = settings::source(call, tx, "trigger")?;
            let gone = find(call, tx, channel)?;
            objects::remove(tx, gone.id)?;
            objects::tell(call, tx, channel, "trigger", "destroyed", gone.id)?;
            Ok(answer(channel, gone))
        })
        .tag(TAG)
        .summary("Deletes a trigger.")
        .permissions(PERMISSIONS)
        .extension(),
    ]
}

fn find(call: &Call, tx: &mut dyn Tx, channel: Channel) -> Result<Object<Definition>> {
    objects::find(call, tx, channel, Kind::Trigger, "triggerId")
}

/// All of a source.
pub(super) fn all(tx: &mut dyn Tx, source_id: Id) -> Result<Vec<Object<Definition>>> {
    objects::all(tx, source_id, Kind::Trigger)
}

/// The label of a trigger that shows an item.
pub(super) fn showing(tx: &mut dyn Tx, source_id: Id, item_id: Id) -> Result<Option<String>> {
    let shows = |actions: &Actions| {
        [actions.button, actions.invitation, actions.message].into_iter().flatten().any(|id| id == item_id)
    };
    let found = all(tx, source_id)?.into_iter().find(|trigger| shows(&trigger.definition.actions));
    Ok(found.map(|trigger| trigger.definition.label))
}

/// The label of a trigger with a condition about a variable.
pub(super) fn asking_about(tx: &mut dyn Tx, source_id: Id, name: &str) -> Result<Option<String>> {
    let asks = |conditions: &[Condition]| conditions.iter().any(|condition| condition.criterion == name);
    let found = all(tx, source_id)?.into_iter().find(|trigger| asks(&trigger.definition.conditions));
    Ok(found.map(|trigger| trigger.definition.label))
}

impl Definition {
    /// As the page gets it; `text` finds what an automatic message says.
    pub(super) fn served(&self, id: Id, text: impl Fn(Id) -> Option<String>) -> Value {
        let mut actions = Map::new();
        let Actions { show, button, invitation, message, hide_items } = &self.actions;
        for (name, value) in [
            ("show", show.as_ref().map(|show| json!(show))),
            ("button", button.map(|id| json!(id))),
            ("invitation", invitation.map(|id| json!(id))),
            ("message", message.and_then(text).map(Value::from)),
            ("hide_items", hide_items.then_some(Value::Bool(true))),
        ] {
            if let Some(value) = value {
                actions.insert(name.into(), value);
            }
        }
        json!({
            "id": id,
            "label": self.label,
            "conditions": self.conditions,
            "only_if_available": self.only_if_available,
            "actions": actions,
            "stops_others": self.stops_others,
            "once_per_visit": self.once_per_visit,
            "language": self.language,
        })
    }
}

/// Collects what is wrong.
struct Faults(Vec<AttributeError>);

impl Faults {
    fn add(&mut self, attribute: &str, kind: &str, what: &str) {
        let message = format!("{attribute} {what}");
        self.0.push(AttributeError { attribute: attribute.into(), kind: kind.into(), message });
    }
}

impl Given {
    fn applied(self, tx: &mut dyn Tx, source_id: Id, before: Definition) -> Result<Definition> {
        let mut faults = Faults(Vec::new());
        let label = checked_label(self.label.as_deref().unwrap_or(&before.label))?;
        let conditions = match self.conditions {
            None => before.conditions,
            Some(given) if given.len() > CONDITIONS_MAX => {
                faults.add("conditions", "too_long", &format!("has at most {CONDITIONS_MAX} conditions."));
                Vec::new()
            }
            Some(given) => {
                let known = variables::types(tx, source_id)?;
                let read = given.iter().enumerate();
                read.filter_map(|(number, one)| conditions::read(one, number, &known, &mut faults.0)).collect()
            }
        };
        let queuing_factor = match self.queuing_factor.as_deref().map(str::trim) {
            None => before.queuing_factor,
            Some("") => None,
            Some(text) => {
                let factor = text.parse().ok().filter(|factor| (0.0..=FACTOR_MAX).contains(factor));
                if factor.is_none() {
                    faults.add("queuing_factor", "out_of_range", &format!("is 0 to {FACTOR_MAX}, or empty."));
                }
                factor
            }
        };
        let language = match self.language.as_deref().map(str::trim) {
            None => before.language,
            Some("") => None,
            Some(code) if locales::is_known(code) => Some(code.to_owned()),
            Some(_) => {
                faults.add("language", "inclusion", "must be a code of /locales, such as en or fr.");
                None
            }
        };
        let actions = match self.actions {
            None => before.actions,
            Some(given) => given.read(tx, source_id, &mut faults)?,
        };
        let displays = actions.show.is_some() || actions.button.is_some() || actions.invitation.is_some();
        if faults.0.is_empty() && !displays && actions.message.is_some() {
            let what = "needs something that shows the window: show, button or invitation.";
            faults.add("actions.message", "alone", what);
        } else if faults.0.is_empty() && !displays && !actions.hide_items {
            let what = "holds at least one of show, button, invitation and hide_items.";
            faults.add("actions", "blank", what);
        }
        let category_ids = match self.category_ids {
            None => before.category_ids,
            Some(ids) if ids.len() > CATEGORIES_MAX => {
                faults.add("category_ids", "too_long", &format!("has at most {CATEGORIES_MAX} categories."));
                Vec::new()
            }
            Some(ids) => ids,
        };
        if !faults.0.is_empty() {
            return Err(error::invalid_all(faults.0));
        }
        categories::require_offered(tx, source_id, &category_ids, "category_ids")?;
        Ok(Definition {
            label,
            active: self.active.unwrap_or(before.active),
            conditions,
            only_if_available: self.only_if_available.unwrap_or(before.only_if_available),
            queuing_factor,
            actions,
            stops_others: self.stops_others.unwrap_or(before.stops_others),
            once_per_visit: self.once_per_visit.unwrap_or(before.once_per_visit),
            category_ids,
            language,
        })
    }
}

impl GivenActions {
    fn read(self, tx: &mut dyn Tx, source_id: Id, faults: &mut Faults) -> Result<Actions> {
        let given = |text: &Option<String>| text.as_deref().map(str::trim).map(str::to_owned).filter(|t| !t.is_empty());
        let show = given(&self.show);
        if show.as_deref().is_some_and(|show| !matches!(show, "minimized" | "open")) {
            faults.add("actions.show", "inclusion", "must be minimized or open.");
        }
        let mut item = |name: &str, text: &Option<String>, kind: Type| -> Result<Option<Id>> {
            let Some(text) = given(text) else { return Ok(None) };
            let found: Option<Object<items::Definition>> = match text.parse::<Id>() {
                Ok(id) => objects::get(tx, source_id, Kind::Item, id)?,
                Err(_) => None,
            };
            let found = found.filter(|item| item.definition.r#type == kind).map(|item| item.id);
            if found.is_none() {
                let what = format!("names no {} of this source.", kind.as_str().replace('_', " "));
                faults.add(&format!("actions.{name}"), "unknown", &what);
            }
            Ok(found)
        };
        let button = item("button", &self.button, Type::Button)?;
        let invitation = item("invitation", &self.invitation, Type::Invitation)?;
        let message = item("message", &self.message, Type::AutomaticMessage)?;
        Ok(Actions { show, button, invitation, message, hide_items: self.hide_items })
    }
}

fn create(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = settings::source(call, tx, "source")?;
    let blank = Definition { active: true, ..Definition::default() };
    let definition = given.applied(tx, channel.source_id, blank)?;
    let id = objects::insert(tx, &call.env, channel.source_id, Kind::Trigger, &definition)?;
    objects::tell(call, tx, channel, "trigger", "created", id)?;
    shown(tx, channel, id)
}

fn update(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<Answer> {
    let channel = settings::source(call, tx, "trigger")?;
    let before = find(call, tx, channel)?;
    let after = given.applied(tx, channel.source_id, before.definition.clone())?;
    if after == before.definition {
        return Ok(answer(channel, before));
    }
    objects::save(tx, &call.env, before.id, &after)?;
    objects::tell(call, tx, channel, "trigger", "updated", before.id)?;
    shown(tx, channel, before.id)
}

fn shown(tx: &mut dyn Tx, channel: Channel, id: Id) -> Result<Answer> {
    let object = objects::get(tx, channel.source_id, Kind::Trigger, id)?;
    Ok(answer(channel, object.ok_or_else(|| error::broken("a trigger vanished"))?))
}
