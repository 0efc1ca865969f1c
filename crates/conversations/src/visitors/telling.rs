//! What visitors are told of the log.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::event::id_in;
use frontdesk_model::{Event, Id, Result};
use frontdesk_store::{Tx, args};
use serde_json::{Value, json};

use super::view;
use crate::Conversations;
use crate::sources::IS_MESSAGING;

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
    let events: Vec<&Event> = events.iter().map(Arc::as_ref).filter(|event| concerns(&event.kind)).collect();
    let identities = identities(tx, &events, only)?;
    let owners = owners(tx, &events, only)?;
    if owners.is_empty() && identities.is_empty() {
        return Ok(Vec::new());
    }
    let contents = contents(tx, app, &events, &owners)?;
    let mut told = Vec::new();
    for event in events {
        for (visitor, identity) in identities.get(&event.object_id).into_iter().flatten() {
            told.push(Told::new(visitor, event.seq, json!({ "type": "identity", "identity": identity })));
        }
        let Some((thread_id, visitor)) = owned(event, &owners) else { continue };
        for (seq, body) in of_thread(tx, app, event, thread_id, &contents)? {
            told.push(Told::new(visitor, seq, body));
        }
    }
    Ok(told)
}

/// A visitor: at a source, by their name there.
type Owner = (Id, String);

impl Told {
    fn new((source_id, uuid): &Owner, seq: i64, mut body: Value) -> Told {
        body["seq"] = seq.into();
        Told { source_id: *source_id, uuid: uuid.clone(), seq, text: body.to_string() }
    }
}

/// Whose the threads of these events are, where they are visitors'.
fn owners(tx: &mut dyn Tx, events: &[&Event], only: Option<(Id, &str)>) -> Result<HashMap<Id, Owner>> {
    let mut threads: Vec<Id> = events.iter().filter_map(|event| event.thread_id).collect();
    threads.sort_unstable();
    threads.dedup();
    let mut owners = HashMap::new();
    if threads.is_empty() {
        return Ok(owners);
    }
    let sql = format!(
        "SELECT threads.id, threads.source_id, identities.foreign_id FROM threads
         JOIN identities ON identities.id = threads.author_id JOIN sources ON sources.id = threads.source_id
         WHERE {} AND {IS_MESSAGING}",
        tx.in_list("threads.id", 1)
    );
    for row in tx.query(&sql, args![&threads])? {
        let owner: Owner = (row.get(1)?, row.get(2)?);
        if only.is_none_or(|(source_id, uuid)| (source_id, uuid) == (owner.0, owner.1.as_str())) {
            owners.insert(row.get(0)?, owner);
        }
    }
    Ok(owners)
}

/// The thread of an event, and whose it is; none when it is none of theirs.
fn owned<'o>(event: &Event, owners: &'o HashMap<Id, Owner>) -> Option<(Id, &'o Owner)> {
    let thread_id = event.thread_id?;
    Some((thread_id, owners.get(&thread_id)?))
}

/// The contents and the notices of which these events tell, as visitors see them.
fn contents(
    tx: &mut dyn Tx,
    app: &Conversations,
    events: &[&Event],
    owners: &HashMap<Id, Owner>,
) -> Result<HashMap<Id, view::Content>> {
    let theirs = || events.iter().filter(|event| owned(event, owners).is_some());
    let ids: Vec<Id> =
        theirs().filter(|event| event.kind.starts_with("content.")).map(|event| event.object_id).collect();
    let notices: Vec<Id> =
        theirs().filter(|event| event.kind == NOTICED).filter_map(|event| notice_in(event)).collect();
    let mut contents = view::some(tx, app, &ids)?;
    contents.extend(view::some_notices(tx, &notices)?);
    Ok(contents)
}

/// What an event says to the visitor whose thread it is about, each with its place in the log.
fn of_thread(
    tx: &mut dyn Tx,
    app: &Conversations,
    event: &Event,
    thread_id: Id,
    contents: &HashMap<Id, view::Content>,
) -> Result<Vec<(i64, Value)>> {
    let body = match event.kind.as_str() {
        "content.read" => {
            Some(json!({ "type": "read", "thread_id": thread_id, "content_id": event.object_id, "from": "visitor" }))
        }
        "content.thread_closed"
        | "content.thread_opened"
        | "content.thread_auto_closed"
        | "content_thread.text_input_disabled"
        | "content_thread.text_input_enabled" => thread(tx, app, thread_id)?,
        "intervention.opened" => agent_read(tx, thread_id, event)?,
        "task.taken" => Some(out_of_queue(thread_id, "done")),
        "task.transferred" => Some(out_of_queue(thread_id, "transfered")),
        _ => return of_content(tx, app, event, thread_id, contents),
    };
    Ok(body.map(|body| (event.seq, body)).into_iter().collect())
}

/// What an event says of a content or a notice. What must be known first is at the place before it: who is cut off in
/// between hears both again.
fn of_content(
    tx: &mut dyn Tx,
    app: &Conversations,
    event: &Event,
    thread_id: Id,
    contents: &HashMap<Id, view::Content>,
) -> Result<Vec<(i64, Value)>> {
    let id = if event.kind == NOTICED { notice_in(event) } else { Some(event.object_id) };
    let Some(content) = id.and_then(|id| contents.get(&id)) else { return Ok(Vec::new()) };
    let mut said = Vec::new();
    if is_first(&event.payload) {
        said.extend(thread(tx, app, thread_id)?.map(|body| (event.seq - 1, body)));
    }
    if event.kind == "content.replied" {
        said.extend(agent_read(tx, thread_id, event)?.map(|body| (event.seq - 1, body)));
    }
    said.push((event.seq, json!({ "type": "content", "content": content })));
    Ok(said)
}

/// A thread as it is now.
fn thread(tx: &mut dyn Tx, app: &Conversations, id: Id) -> Result<Option<Value>> {
    Ok(view::any_thread(tx, app, id)?.map(|thread| json!({ "type": "thread", "thread": thread })))
}

/// That a visitor's place in a queue is no longer theirs.
fn out_of_queue(thread_id: Id, state: &str) -> Value {
    json!({ "type": "queue", "thread_id": thread_id, "state": state, "position": null, "estimated_wait_seconds": null })
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

/// A visitor, and what is known of them.
type Known = (Owner, Value);

/// What is known now of the identities of which these events tell, where they visit.
fn identities(tx: &mut dyn Tx, events: &[&Event], only: Option<(Id, &str)>) -> Result<HashMap<Id, Vec<Known>>> {
    let updated = events.iter().filter(|event| event.kind == "identity.updated");
    let ids: Vec<Id> = updated.map(|event| event.object_id).collect();
    let mut found: HashMap<Id, Vec<Known>> = HashMap::new();
    if ids.is_empty() {
        return Ok(found);
    }
    let sql = format!(
        "SELECT identities.id, sources.id, identities.foreign_id, identities.screenname, identities.email
         FROM identities JOIN sources ON sources.community_id = identities.community_id
         WHERE {} AND {IS_MESSAGING}",
        tx.in_list("identities.id", 1)
    );
    for row in tx.query(&sql, args![&ids])? {
        let (id, source_id, uuid): (Id, Id, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if only.is_some_and(|only| only != (source_id, uuid.as_str())) {
            continue;
        }
        let (screenname, email): (Option<String>, Option<String>) = (row.get(3)?, row.get(4)?);
        let identity = json!({ "id": id, "uuid": uuid, "screenname": screenname, "email": email });
        found.entry(id).or_default().push(((source_id, uuid), identity));
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
