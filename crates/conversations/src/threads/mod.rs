//! Threads: conversations as their source keeps them.

mod commands;
mod drafts;
mod glance;
pub(crate) mod jobs;
mod rest;
mod search;

use std::sync::Arc;

use frontdesk_model::{Caller, Env, Id, Result, SourceRight, Timestamp, error};
use frontdesk_rest::Operation;
use frontdesk_store::{Row, Tx, args};
use serde_json::{Map, Value, json};

use crate::Conversations;
use crate::service_levels::{Moments, NEVER};
use crate::sources::kind_of;

/// A thread as the store keeps it.
pub struct Thread {
    pub(crate) id: Id,
    pub(crate) source_id: Id,
    pub(crate) source_type: String,
    pub(crate) foreign_id: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) closed: bool,
    /// Messaging: the customer may not type.
    pub(crate) text_input_disabled: bool,
    /// What customers write in it arrives ignored.
    pub(crate) muted: bool,
    pub(crate) extra_data: String,
    pub(crate) contents_count: i64,
    pub(crate) interventions_count: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// When the first of its customers is to be answered; none: nobody promised, or nobody waits.
    pub(crate) promise: Option<Moments>,
}

impl Thread {
    /// Whether threads of this source can be closed at all.
    pub fn can_be_closed(&self) -> Result<bool> {
        Ok(kind_of(&self.source_type)?.threads_can_be_closed)
    }

    /// Whether its customer can be shown by a call that somebody types.
    fn shows_typing(&self) -> Result<bool> {
        Ok(kind_of(&self.source_type)?.typing.is_some())
    }

    /// Whether its customer's text input can be switched.
    fn is_messaging(&self) -> Result<bool> {
        Ok(kind_of(&self.source_type)?.is_messaging)
    }
}

const SELECT: &str =
    "SELECT threads.id, threads.source_id, sources.type, threads.foreign_id, threads.title, threads.closed,
    threads.extra_data, threads.contents_count, threads.interventions_count, threads.created_at, threads.updated_at,
    threads.text_input_disabled, threads.muted, threads.sla_warns_at, threads.sla_due_at
    FROM threads JOIN sources ON sources.id = threads.source_id";

fn thread(row: &Row) -> Result<Thread> {
    Ok(Thread {
        id: row.get(0)?,
        source_id: row.get(1)?,
        source_type: row.get(2)?,
        foreign_id: row.get(3)?,
        title: row.get(4)?,
        closed: row.get(5)?,
        extra_data: row.get(6)?,
        contents_count: row.get(7)?,
        interventions_count: row.get(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        text_input_disabled: row.get(11)?,
        muted: row.get(12)?,
        promise: Some(Moments { warns_at: row.get(13)?, due_at: row.get(14)? })
            .filter(|promise| promise.due_at < NEVER),
    })
}

/// A thread on a source that the caller may read; anything else is missing.
pub fn find(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<Thread> {
    let row = tx.first(&format!("{SELECT} WHERE threads.id = $1"), args![&id])?;
    let found = row.map(|row| thread(&row)).transpose()?;
    found.filter(|thread| caller.may_on(thread.source_id, SourceRight::Read)).ok_or_else(|| error::not_found("thread"))
}

/// What a new thread is made of.
pub(crate) struct NewThread<'a> {
    pub(crate) source_id: Id,
    /// The channel's id of it.
    pub(crate) foreign_id: Option<&'a str>,
    pub(crate) title: Option<&'a str>,
    /// The customer, in threads that belong to one.
    pub(crate) author_id: Option<Id>,
}

/// Inserts a thread without contents.
pub(crate) fn create(tx: &mut dyn Tx, env: &Env, new: &NewThread, now: Timestamp) -> Result<Id> {
    let id = env.id();
    tx.execute(
        "INSERT INTO threads (id, source_id, foreign_id, title, closed, author_id, text_input_disabled, extra_data, contents_count,
                              interventions_count, first_content_at, last_content_at, created_at, updated_at)
         VALUES ($1, $2, $3, $4, FALSE, $5, FALSE, '{}', 0, 0, $6, $6, $6, $6)",
        args![&id, &new.source_id, new.foreign_id, new.title, &new.author_id, now],
    )?;
    Ok(id)
}

/// Inserts threads without contents and titles with one statement, for PostgreSQL.
pub(crate) fn create_many(tx: &mut dyn Tx, new: &[(Id, NewThread)], now: Timestamp) -> Result<()> {
    if new.is_empty() {
        return Ok(());
    }
    let row = |(id, new): &(Id, NewThread)| {
        json!({
            "id": id, "source_id": new.source_id, "foreign_id": new.foreign_id, "title": new.title,
            "author_id": new.author_id,
        })
    };
    let rows: Value = new.iter().map(row).collect();
    tx.execute(
        "INSERT INTO threads (id, source_id, foreign_id, title, closed, author_id, text_input_disabled, extra_data, contents_count,
                              interventions_count, first_content_at, last_content_at, created_at, updated_at)
         SELECT decode(id, 'hex'), decode(source_id, 'hex'), foreign_id, title, FALSE, decode(author_id, 'hex'), FALSE,
                '{}', 0, 0, $2, $2, $2, $2
         FROM json_to_recordset(CAST(CAST($1 AS text) AS json)) AS given
           (id TEXT, source_id TEXT, foreign_id TEXT, title TEXT, author_id TEXT)",
        args![&rows.to_string(), now],
    )?;
    Ok(())
}

/// Counts a content of the thread, written at `at`.
pub(crate) fn count_content(tx: &mut dyn Tx, id: Id, at: Timestamp, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE threads SET contents_count = contents_count + 1, updated_at = $3,
           first_content_at = CASE WHEN contents_count > 0 AND first_content_at <= $2 THEN first_content_at ELSE $2 END,
           last_content_at = CASE WHEN contents_count > 0 AND last_content_at >= $2 THEN last_content_at ELSE $2 END
         WHERE id = $1",
        args![&id, at, now],
    )?;
    Ok(())
}

/// Closes a thread in which nobody has written for long.
pub(crate) fn close_silent(tx: &mut dyn Tx, id: Id, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE threads SET closed = TRUE, updated_at = $2 WHERE id = $1", args![&id, now])?;
    set_ending(tx, id, Some(Ending::InterventionAutoClosed), now)
}

/// Why a messaging conversation has ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Ending {
    /// An agent closed the customer's intervention.
    InterventionClosed,
    /// Nobody wrote for long.
    InterventionAutoClosed,
    /// The visitor left.
    VisitorLeft,
    /// Live Chat: nobody came in time.
    NobodyCame,
}

const CLOSE_CAUSE: &str = "close_cause";
const CLOSED_AT: &str = "closed_at";

/// Writes down in the extra data of a messaging thread why and when it ended, or that it goes on. Threads of
/// other kinds of sources keep what they have.
pub(crate) fn set_ending(tx: &mut dyn Tx, id: Id, ending: Option<Ending>, now: Timestamp) -> Result<()> {
    let row = tx.one(
        "SELECT sources.type, threads.extra_data FROM threads JOIN sources ON sources.id = threads.source_id
         WHERE threads.id = $1",
        args![&id],
    )?;
    let (kind, stored): (String, String) = (row.get(0)?, row.get(1)?);
    if !kind_of(&kind)?.is_messaging {
        return Ok(());
    }
    let mut data: Map<String, Value> =
        serde_json::from_str(&stored).map_err(|trouble| error::broken(format!("threads.extra_data: {trouble}")))?;
    match ending {
        None => {
            data.remove(CLOSE_CAUSE);
            data.remove(CLOSED_AT);
        }
        Some(ending) => {
            let cause = match ending {
                Ending::InterventionClosed => "intervention_closed",
                Ending::InterventionAutoClosed => "intervention_auto_closed",
                Ending::VisitorLeft => "visitor_closed",
                Ending::NobodyCame => "client_impossible_delay",
            };
            data.insert(CLOSE_CAUSE.into(), cause.into());
            data.insert(CLOSED_AT.into(), json!(now));
        }
    }
    let data = Value::Object(data).to_string();
    if data != stored {
        tx.execute("UPDATE threads SET extra_data = $2, updated_at = $3 WHERE id = $1", args![&id, &data, now])?;
    }
    Ok(())
}

/// Adds to the number of interventions, which may be negative.
pub(crate) fn count_interventions(tx: &mut dyn Tx, id: Id, change: i64, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE threads SET interventions_count = interventions_count + $2, updated_at = $3 WHERE id = $1",
        args![&id, change, now],
    )?;
    Ok(())
}

pub(crate) use commands::switch_text_input;
pub use commands::{categorise, close};
pub(crate) use rest::{check_query, count};

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let mut operations = rest::operations(app);
    operations.extend(drafts::operations());
    operations
}
