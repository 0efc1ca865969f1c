//! When to offer the chat, and with what: triggers, items and custom variables of a source. Here is what pages and
//! conversations get of them; each noun has its operations.

mod conditions;
pub(crate) mod defaults;
pub(crate) mod items;
pub(crate) mod objects;
pub(crate) mod triggers;
pub(crate) mod variables;

use std::collections::BTreeSet;

use frontdesk_conversations::visitors::Message;
use frontdesk_model::{Id, Result, error};
use frontdesk_rest::{Operation, Page, Paging};
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use items::Type;
use objects::{Kind, Object};

/// The heading of the operations.
const TAG: &str = "Web Messaging";
/// Characters of what people call something.
const LABEL_CHARACTERS_MAX: usize = 255;

pub(crate) fn operations() -> Vec<Operation> {
    let mut operations = triggers::operations();
    operations.extend(items::operations());
    operations.extend(variables::operations());
    operations
}

fn checked_label(label: &str) -> Result<String> {
    let label = label.trim();
    if label.is_empty() {
        return Err(error::invalid("label", "blank", "label can't be blank."));
    }
    if label.chars().count() > LABEL_CHARACTERS_MAX {
        let message = format!("label has at most {LABEL_CHARACTERS_MAX} characters.");
        return Err(error::invalid("label", "too_long", message));
    }
    Ok(label.to_owned())
}

/// One window of a list that is short as a whole.
fn window_of<D, A>(all: Vec<Object<D>>, paging: Paging, answer: impl Fn(Object<D>) -> A) -> Page<A> {
    let count = i64::try_from(all.len()).unwrap_or(i64::MAX);
    let skipped = usize::try_from(paging.offset).unwrap_or(usize::MAX);
    let most = usize::try_from(paging.limit).unwrap_or(0);
    Page::new(count, paging, all.into_iter().skip(skipped).take(most).map(answer).collect())
}

/// What the loader of a source is told: triggers that are switched on, and the items that these show.
pub(crate) fn configuration(tx: &mut dyn Tx, source_id: Id) -> Result<Map<String, Value>> {
    let mut triggers = triggers::all(tx, source_id)?;
    triggers.retain(|trigger| trigger.definition.active);
    let items: Vec<Object<items::Definition>> = objects::all(tx, source_id, Kind::Item)?;
    let variables: Vec<Object<variables::Definition>> = objects::all(tx, source_id, Kind::Variable)?;
    let text = |id: Id| items.iter().find(|item| item.id == id).and_then(|item| item.definition.text.clone());
    let shown: BTreeSet<Id> = triggers
        .iter()
        .flat_map(|trigger| [trigger.definition.actions.button, trigger.definition.actions.invitation])
        .flatten()
        .collect();
    let served: Vec<Value> = triggers.iter().map(|trigger| trigger.definition.served(trigger.id, text)).collect();
    let shown = items
        .iter()
        .filter(|item| item.definition.r#type != Type::AutomaticMessage && shown.contains(&item.id))
        .map(|item| item.definition.served(item.id));
    let variables = variables.iter().map(|variable| {
        let variables::Definition { name, r#type, selector, .. } = &variable.definition;
        json!({ "name": name, "type": r#type, "selector": selector })
    });
    let parts = [
        ("variables", Value::from(variables.collect::<Vec<_>>())),
        ("triggers", served.into()),
        ("items", shown.collect::<Vec<_>>().into()),
    ];
    Ok(parts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

/// What the trigger of a conversation decides about a message of it: language of every message, categories of a new
/// conversation, and that agents see which it was. Unknown and foreign triggers decide nothing.
pub(crate) fn apply(tx: &mut dyn Tx, source_id: Id, trigger_id: Option<Id>, message: &mut Message) -> Result<()> {
    variables::typed(tx, source_id, &mut message.context)?;
    // A conversation keeps the trigger that it began with, whatever the page has executed since.
    let trigger_id = match message.thread_id {
        Some(thread_id) => began_with(tx, source_id, thread_id)?,
        None => trigger_id,
    };
    let Some(id) = trigger_id else { return Ok(()) };
    let trigger: Option<Object<triggers::Definition>> = objects::get(tx, source_id, Kind::Trigger, id)?;
    let Some(trigger) = trigger else { return Ok(()) };
    message.language = trigger.definition.language;
    message.category_ids = trigger.definition.category_ids;
    message.context.insert("trigger_id".into(), json!(trigger.id));
    message.context.insert("trigger_name".into(), trigger.definition.label.into());
    // What the visitor was asked, which may be all that their answer makes sense with.
    if let Some(asked) = trigger.definition.actions.message {
        let asked: Option<Object<items::Definition>> = objects::get(tx, source_id, Kind::Item, asked)?;
        if let Some(text) = asked.and_then(|item| item.definition.text) {
            message.context.insert("trigger_message".into(), text.into());
        }
    }
    Ok(())
}

fn began_with(tx: &mut dyn Tx, source_id: Id, thread_id: Id) -> Result<Option<Id>> {
    let sql = "SELECT extra_data FROM threads WHERE id = $1 AND source_id = $2";
    let Some(row) = tx.first(sql, args![&thread_id, &source_id])? else { return Ok(None) };
    let known: Option<Value> = serde_json::from_str(&row.get::<String>(0)?).ok();
    Ok(known.and_then(|known| known.get("trigger_id")?.as_str()?.parse().ok()))
}

/// The queuing factor of a trigger, if it has one of its own; none when there is no such trigger.
pub(crate) fn factor(tx: &mut dyn Tx, source_id: Id, id: Id) -> Result<Option<Option<f64>>> {
    let trigger: Option<Object<triggers::Definition>> = objects::get(tx, source_id, Kind::Trigger, id)?;
    Ok(trigger.filter(|trigger| trigger.definition.active).map(|trigger| trigger.definition.queuing_factor))
}
