//! What visitors are told of the log.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::event::id_in;
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

const NOTICED: &str = "content_thread.noticed";

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
            | "content_thread.noticed"
            | "content_thread.text_input_disabled"
            | "content_thread.text_input_enabled"
            | "identity.updated"
            | "intervention.opened"
            | "task.taken"
            | "task.transferred"
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
    let events: Vec<_> = events.iter().filter(|event| concerns(&event.kind)).collect();
    let of_identities: Vec<Id> =
        events.iter().filter(|event| event.kind == "identity.updated").map(|event| event.object_id).collect();
    let identities = identities(tx, &of_identities, only)?;
    let events: Vec<_> = events
        .into_iter()
        .filter_map(|event| match identities.contains_key(&event.object_id) {
            true => Some((event, Id::default())),
            false => Some((event, event.thread_id?)),
        })
        .collect();
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
    if owners.is_empty() && identities.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Id> = events
        .iter()
        .filter(|(event, thread_id)| event.kind.starts_with("content.") && owners.contains_key(thread_id))
        .map(|(event, _)| event.object_id)
        .collect();
    let mut contents = view::some(tx, app, &ids)?;
    let noticed: Vec<Id> = events
        .iter()
        .filter(|(event, thread_id)| event.kind == NOTICED && owners.contains_key(thread_id))
        .filter_map(|(event, _)| notice_in(event))
        .collect();
    contents.extend(view::some_notices(tx, &noticed)?);
    let mut told = Vec::new();
    for (event, thread_id) in events {
        for (source_id, uuid, identity) in identities.get(&event.object_id).into_iter().flatten() {
            let body = json!({ "type": "identity", "identity": identity, "seq": event.seq });
            let text = body.to_string();
            told.push(Told { source_id: *source_id, uuid: uuid.clone(), seq: event.seq, text });
        }
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
            "intervention.opened" => {
                if let Some(body) = agent_read(tx, thread_id, event)? {
                    say(event.seq, body);
                }
            }
            "task.taken" | "task.transferred" => {
                let state = if event.kind == "task.taken" { "done" } else { "transfered" };
                say(
                    event.seq,
                    json!({
                        "type": "queue", "thread_id": thread_id, "state": state, "position": null,
                        "estimated_wait_seconds": null,
                    }),
                );
            }
            kind if kind != NOTICED && kind.starts_with("content_thread.") => {
                if let Some(thread) = view::any_thread(tx, app, thread_id)? {
                    say(event.seq, json!({ "type": "thread", "thread": thread }));
                }
            }
            _ => {
                let id = if event.kind == NOTICED { notice_in(event) } else { Some(event.object_id) };
                let Some(content) = id.and_then(|id| contents.get(&id)) else { continue };
                if is_first(&event.payload)
                    && let Some(thread) = view::any_thread(tx, app, thread_id)?
                {
                    // Before its content, and at the place before: who is cut off in between hears both again.
                    say(event.seq - 1, json!({ "type": "thread", "thread": thread }));
                }
                if event.kind == "content.replied"
                    && let Some(body) = agent_read(tx, thread_id, event)?
                {
                    say(event.seq - 1, body);
                }
                say(event.seq, json!({ "type": "content", "content": content }));
            }
        }
    }
    Ok(told)
}

/// Whose answer is about a message has read it, and all before.
fn agent_read(tx: &mut dyn Tx, thread_id: Id, event: &Event) -> Result<Option<Value>> {
    let row = tx.first(
        "SELECT contents.id FROM contents JOIN threads ON threads.id = contents.thread_id
         WHERE contents.thread_id = $1 AND contents.author_id = threads.author_id AND contents.creator_id IS NULL
           AND contents.created_at <= $2 ORDER BY contents.created_at DESC, contents.id DESC LIMIT 1",
        args![&thread_id, event.at],
    )?;
    let Some(row) = row else { return Ok(None) };
    let content_id: Id = row.get(0)?;
    Ok(Some(json!({ "type": "read", "thread_id": thread_id, "content_id": content_id, "from": "agent" })))
}

/// A visitor at a source, and what is known of them.
type Known = (Id, String, Value);

/// What is known now of these identities, where they visit.
fn identities(tx: &mut dyn Tx, ids: &[Id], only: Option<(Id, &str)>) -> Result<HashMap<Id, Vec<Known>>> {
    let mut found: HashMap<Id, Vec<Known>> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let sql = format!(
        "SELECT identities.id, sources.id, identities.foreign_id, identities.screenname, identities.email
         FROM identities JOIN sources ON sources.community_id = identities.community_id
         WHERE {} AND sources.type IN ('chat', 'mobile_messaging')",
        tx.in_list("identities.id", 1)
    );
    for row in tx.query(&sql, args![ids])? {
        let (id, source_id, uuid): (Id, Id, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if only.is_some_and(|only| only != (source_id, uuid.as_str())) {
            continue;
        }
        let (screenname, email): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        let identity = json!({ "id": id, "uuid": uuid, "screenname": screenname, "email": email });
        found.entry(id).or_default().push((source_id, uuid, identity));
    }
    Ok(found)
}

/// The notice of which an event tells.
fn notice_in(event: &Event) -> Option<Id> {
    id_in(&event.told(), "notice_id")
}

fn is_first(payload: &str) -> bool {
    payload.contains(r#""first_in_thread":true"#)
}
