//! When to offer the chat, and with what: triggers, items and custom variables, as the loader's configuration has them.

use frontdesk_conversations::visitors::Message;
use frontdesk_model::{Id, Result};
use frontdesk_store::Tx;
use serde_json::{Map, Value, json};

/// What the loader of a source is told.
pub(crate) fn configuration(_: &mut dyn Tx, _: Id) -> Result<Map<String, Value>> {
    let empty = json!({ "variables": [], "triggers": [], "items": [] });
    Ok(empty.as_object().cloned().unwrap_or_default())
}

/// What a trigger has decided about the conversation that it began.
pub(crate) fn apply(_: &mut dyn Tx, _: Id, _: Option<Id>, _: &mut Message) -> Result<()> {
    Ok(())
}

/// The queuing factor of a trigger, if it has one of its own; none when there is no such trigger.
pub(crate) fn factor(_: &mut dyn Tx, _: Id, _: Id) -> Result<Option<Option<f64>>> {
    Ok(None)
}
