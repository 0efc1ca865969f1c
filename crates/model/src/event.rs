//! Entries of the log: what happened, to what, by whom.

use crate::{Id, Timestamp};

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
    /// The object it is about.
    pub object_id: Id,
    /// The user who caused it; none when a customer or the system did.
    pub user_id: Option<Id>,
    /// References and changed fields as JSON; never a message's body, so that erasure holds.
    pub payload: String,
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
