//! What visitors are told of the log.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::{Event, Id, Result};
use frontdesk_store::{Tx, args};
use serde_json::{Value, json};

use super::view;
use crate::Conversations;

/// A message for one visitor.
#[derive(Clone, Debug)]
pub struct Told {
    /// At this source.
    pub source_id: Id,
    /// To whom.
    pub uuid: String,
    /// Its place in the log.
    pub seq: i64,
    /// As it is sent.
    pub text: String,
}

/// Whether an event of this kind may concern visitors.
fn concerns(kind: &str) -> bool {
    matches!(
        kind,
        "content.imported"
            | "content.replied"
            | "content.discussion_initiated"
            | "content.approved"
            | "content.published"
            | "content.exported"
            | "content.auto_answered"
            | "content.anonymized"
            | "content.updated"
            | "content.read"
            | "content.thread_closed"
            | "content.thread_opened"
            | "content.thread_auto_closed"
            | "content_thread.text_input_disabled"
            | "content_thread.text_input_enabled"
    )
}

/// What visitors are told of these events, in their order. `only`: of the events of this visitor at this source. Texts are
/// read now, so that what was erased is not told.
pub fn tell(
    tx: &mut dyn Tx,
    app: &Conversations,
    events: &[Arc<Event>],
    only: Option<(Id, &str)>,
) -> Result<Vec<Told>> {
    let events: Vec<_> =
        events.iter().filter_map(|event| Some((event, event.thread_id.filter(|_| concerns(&event.kind))?))).collect();
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let mut threads: Vec<Id> = events.iter().map(|(_, thread_id)| *thread_id).collect();
    threads.sort_unstable();
    threads.dedup();
    let sql = format!(
        "SELECT threads.id, threads.source_id, identities.foreign_id FROM threads
         JOIN identities ON identities.id = threads.author_id JOIN sources ON sources.id = threads.source_id
         WHERE {} AND sources.type IN ('chat', 'mobile_messaging')",
        tx.in_list("threads.id", 1)
    );
    let mut owners: HashMap<Id, (Id, String)> = HashMap::new();
    for row in tx.query(&sql, args![&threads])? {
        let owner: (Id, String) = (row.get(1)?, row.get(2)?);
        if only.is_none_or(|(source_id, uuid)| (source_id, uuid) == (owner.0, owner.1.as_str())) {
            owners.insert(row.get(0)?, owner);
        }
    }
    if owners.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Id> = events
        .iter()
        .filter(|(event, thread_id)| event.kind.starts_with("content.") && owners.contains_key(thread_id))
        .map(|(event, _)| event.object_id)
        .collect();
    let contents = view::some(tx, app, &ids)?;
    let mut told = Vec::new();
    for (event, thread_id) in events {
        let Some((source_id, uuid)) = owners.get(&thread_id) else { continue };
        let mut say = |seq: i64, mut body: Value| {
            body["seq"] = seq.into();
            told.push(Told { source_id: *source_id, uuid: uuid.clone(), seq, text: body.to_string() });
        };
        match event.kind.as_str() {
            "content.read" => {
                let body =
                    json!({ "type": "read", "thread_id": thread_id, "content_id": event.object_id, "from": "visitor" });
                say(event.seq, body);
            }
            "content.thread_closed" | "content.thread_opened" | "content.thread_auto_closed" => {
                if let Some(thread) = view::any_thread(tx, app, thread_id)? {
                    say(event.seq, json!({ "type": "thread", "thread": thread }));
                }
            }
            kind if kind.starts_with("content_thread.") => {
                if let Some(thread) = view::any_thread(tx, app, thread_id)? {
                    say(event.seq, json!({ "type": "thread", "thread": thread }));
                }
            }
            _ => {
                let Some(content) = contents.get(&event.object_id) else { continue };
                if is_first(&event.payload)
                    && let Some(thread) = view::any_thread(tx, app, thread_id)?
                {
                    // Before its content, and at the place before: who is cut off in between hears both again.
                    say(event.seq - 1, json!({ "type": "thread", "thread": thread }));
                }
                say(event.seq, json!({ "type": "content", "content": content }));
            }
        }
    }
    Ok(told)
}

fn is_first(payload: &str) -> bool {
    payload.contains(r#""first_in_thread":true"#)
}
