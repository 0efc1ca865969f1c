//! Entries of the log: what happened, to what, by whom.

use serde_json::{Map, Value};

use crate::{Env, Id, Timestamp, journal};

/// A new entry for the log. The store numbers it when its transaction commits.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// Stable id: subscribers recognise a repeat by it.
    pub id: Id,
    /// The name, such as `content.imported`; a noun and a past participle.
    pub kind: &'static str,
    /// When it happened.
    pub at: Timestamp,
    /// The thread it belongs to, so that order within a thread is always recoverable.
    pub thread_id: Option<Id>,
    /// The source that it happened on; none for what belongs to no source. It decides who may see it.
    pub source_id: Option<Id>,
    /// The object it is about.
    pub object_id: Id,
    /// The user who caused it; none when a customer or the system did.
    pub user_id: Option<Id>,
    /// References and changed fields as JSON; never a message's body, so that erasure holds.
    pub payload: String,
}

impl NewEvent {
    /// An event that happens now, on the source that its payload tells as `source_id`. `user_id`: who caused it; none when a customer, a channel, an operator or the system did.
    pub fn new(
        env: &Env,
        user_id: Option<Id>,
        kind: &'static str,
        object_id: Id,
        thread_id: Option<Id>,
        payload: Value,
    ) -> NewEvent {
        debug_assert!(journal::is_known(kind), "{kind} is in no row of the table of events");
        let source_id = payload.as_object().and_then(|told| id_in(told, "source_id"));
        let (id, at, payload) = (env.id(), env.now(), payload.to_string());
        NewEvent { id, kind, at, thread_id, source_id, object_id, user_id, payload }
    }
}

/// An entry of the log as consumers read it.
#[derive(Clone, Debug)]
pub struct Event {
    /// Position in the log: total order, no gaps become visible later.
    pub seq: i64,
    /// Stable id.
    pub id: Id,
    /// The name, such as `content.imported`.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// The thread it belongs to.
    pub thread_id: Option<Id>,
    /// The object it is about.
    pub object_id: Id,
    /// The user who caused it.
    pub user_id: Option<Id>,
    /// References and changed fields as JSON.
    pub payload: String,
}

impl Event {
    /// What it tells: references and changed fields. What cannot be read tells nothing: this program wrote it.
    pub fn told(&self) -> Map<String, Value> {
        serde_json::from_str(&self.payload).unwrap_or_default()
    }
}

/// The id of this name in what an event tells.
pub fn id_in(told: &Map<String, Value>, name: &str) -> Option<Id> {
    told.get(name)?.as_str()?.parse().ok()
}
