//! Structured messages that agents and bots write: checked, fitted to the channel, and kept with their files.

use std::collections::HashMap;

use frontdesk_model::structured::{self, Kind, Surroundings};
use frontdesk_model::{Id, Result, error, hex};
use frontdesk_rest::Call;
use frontdesk_sources::inbound::ContentObject;
use frontdesk_store::Tx;
use serde_json::{Map, Value};

use super::commands::Route;
use crate::attachments;

/// Among the extras of a content: its structured message.
pub(crate) const KEY: &str = "structured_content";
/// Bytes of a payload that is made because the channel demands one.
const PAYLOAD_BYTES: usize = 8;

/// What becomes of a structured message on its channel.
pub(super) enum Fitted {
    /// The channel takes it, in this form.
    Message {
        content: Value,
        /// How many files it has.
        files: i64,
    },
    /// The channel has no such type: this text is sent in its place.
    Text(String),
}

/// Fits what a caller gave to where it goes, and puts the attachments that it names on the new content.
pub(super) fn fit(
    call: &Call,
    route: &Route,
    given: &Map<String, Value>,
    body: &str,
    content_id: Id,
    tx: &mut dyn Tx,
) -> Result<Fitted> {
    let Some(channel) = route.channel.structured() else {
        let message = "structured_content: Source doesn't support structured contents.";
        return Err(error::invalid(KEY, "not_supported", message));
    };
    let mut message = structured::parse(given, Some(channel))?;
    let has_body = !body.trim().is_empty();
    if message.kind().needs_body() && !has_body {
        let message = format!("body must not be empty: a {} stands beneath a text.", message.kind().as_str());
        return Err(error::invalid("body", "blank", message));
    }
    if !channel.takes(message.kind()) {
        return Ok(Fitted::Text(if has_body { body.to_owned() } else { message.text() }));
    }
    if route.object == ContentObject::Thread {
        let message = "structured_content: the first words of a thread are a text; answer it, or write to somebody.";
        return Err(error::invalid(KEY, "not_supported", message));
    }
    let mut files = HashMap::new();
    for id in message.files() {
        if let Some(file) = attachments::usable(tx, &call.caller, id)? {
            files.insert(id, file);
        }
    }
    let payload = || hex::encode(call.env.random::<PAYLOAD_BYTES>());
    message = message.adapt(channel, &Surroundings { file: &|id| files.get(&id).cloned(), payload: &payload })?;
    let mut names = HashMap::new();
    for (at, id) in (0_i64..).zip(message.files()) {
        names.insert(id, attachments::put_on(tx, call, content_id, id, at)?);
    }
    let used = names.values().filter(|put| put.is_new).count() as i64;
    message.rename_files(&|id| names.get(&id).map_or(id, |put| put.id));
    Ok(Fitted::Message { content: message.into_value(), files: used })
}

/// Whether a kept structured message stands beneath a text, which must not be taken away.
pub(super) fn needs_body(content: &Value) -> bool {
    content["type"].as_str().and_then(Kind::named).is_some_and(Kind::needs_body)
}
