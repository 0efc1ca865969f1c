//! Contents: messages, in both directions.

pub(crate) mod anonymise;
mod automation;
pub(crate) mod body;
mod commands;
pub mod indexing;
pub(crate) mod refreshing;
mod remote;
mod rest;
mod search;
pub(crate) mod states;
pub(crate) mod structured;
pub mod waiting;
mod writing;

use std::sync::Arc;

use frontdesk_model::{Caller, Id, Result, SourceRight, Timestamp, error};
use frontdesk_rest::Operation;
use frontdesk_sources::inbound::BodyFormat;
use frontdesk_store::{Row, Tx, args};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::Conversations;
pub use body::fragment;
pub(crate) use search::words;
pub(crate) use writing::{NewContent, insert};

/// The states of a content, under their wire names.
pub(crate) const STATUSES: &[&str] =
    &["new", "assigned", "forwarded", "replied", "user_reply", "user_initiated", "ignored"];

/// How somebody says that a text is written.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WrittenAs {
    #[default]
    Text,
    Html,
}

impl From<WrittenAs> for BodyFormat {
    fn from(written: WrittenAs) -> BodyFormat {
        match written {
            WrittenAs::Text => BodyFormat::Text,
            WrittenAs::Html => BodyFormat::Html,
        }
    }
}

/// What of a content decides about commands on it.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) id: Id,
    pub(crate) source_id: Id,
    pub(crate) thread_id: Id,
    pub(crate) author_id: Option<Id>,
    pub(crate) creator_id: Option<Id>,
    pub(crate) recipient_id: Option<Id>,
    pub(crate) intervention_id: Option<Id>,
    pub(crate) status: String,
    pub(crate) private: bool,
    pub(crate) synchronization_status: String,
    pub(crate) in_reply_to_id: Option<Id>,
    pub(crate) created_from: String,
    pub(crate) created_at: Timestamp,
}

impl Content {
    /// Whether an agent wrote it, here or on the channel, or the source itself: it is no customer's.
    pub(crate) fn is_ours(&self) -> bool {
        is_ours(self.creator_id, &self.status)
    }
}

fn is_ours(creator_id: Option<Id>, status: &str) -> bool {
    creator_id.is_some() || matches!(status, "user_reply" | "user_initiated")
}

const SELECT: &str =
    "SELECT id, source_id, thread_id, author_id, creator_id, recipient_id, intervention_id, status, private,
    synchronization_status, in_reply_to_id, created_from, created_at FROM contents";

fn content(row: &Row) -> Result<Content> {
    Ok(Content {
        id: row.get(0)?,
        source_id: row.get(1)?,
        thread_id: row.get(2)?,
        author_id: row.get(3)?,
        creator_id: row.get(4)?,
        recipient_id: row.get(5)?,
        intervention_id: row.get(6)?,
        status: row.get(7)?,
        private: row.get(8)?,
        synchronization_status: row.get(9)?,
        in_reply_to_id: row.get(10)?,
        created_from: row.get(11)?,
        created_at: row.get(12)?,
    })
}

/// A content on a source that the caller may read; anything else is missing.
pub(crate) fn find(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<Content> {
    let row = tx.first(&format!("{SELECT} WHERE id = $1"), args![&id])?;
    let found = row.map(|row| content(&row)).transpose()?;
    found
        .filter(|content| caller.may_on(content.source_id, SourceRight::Read))
        .ok_or_else(|| error::not_found("content"))
}

/// Refuses what would end a thread over words that nobody has read: 409 where a customer wrote, after the content that the
/// caller says to have `seen` last, what waits for an answer. Who says nothing of it is not asked.
pub(crate) fn require_seen(tx: &mut dyn Tx, caller: &Caller, thread_id: Id, seen: Option<&str>) -> Result<()> {
    let Some(seen) = seen.filter(|text| !text.is_empty()) else { return Ok(()) };
    let unknown = || {
        let message = "seen_content_id: there is no such content in this thread, or you may not read it.";
        error::invalid("seen_content_id", "unknown", message)
    };
    let seen = find(tx, caller, seen.parse().map_err(|_| unknown())?).map_err(|e| e.or_missing(unknown))?;
    if seen.thread_id != thread_id {
        return Err(unknown());
    }
    let later = "SELECT 1 FROM contents WHERE thread_id = $1 AND creator_id IS NULL
                   AND status IN ('new', 'assigned', 'forwarded')
                   AND (created_at > $2 OR (created_at = $2 AND id > $3)) LIMIT 1";
    match tx.first(later, args![&thread_id, seen.created_at, &seen.id])? {
        Some(_) => Err(error::unseen("The customer wrote after seen_content_id: read it first.")),
        None => Ok(()),
    }
}

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    rest::operations(app)
}
