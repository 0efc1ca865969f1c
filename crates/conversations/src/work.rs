//! What routing needs to know of conversations, and what it does to them: whose work a content is.

use std::collections::HashMap;

use frontdesk_model::{Error, Id, Result, Timestamp};
use frontdesk_rest::Call;
use frontdesk_store::{Row, Tx, args};
use serde_json::json;

use crate::service_levels::{self, Moments};
use crate::sources::{self, CommonSettings};
use crate::{categories, events, interventions};

pub use crate::interventions::{finish, give_to, take_up};

/// What of a source decides how urgent its tasks are.
#[derive(Clone, Debug)]
pub struct SourceWork {
    /// The source.
    pub id: Id,
    /// The channel that it belongs to.
    pub channel_id: Id,
    common: CommonSettings,
}

impl SourceWork {
    /// The priority of its tasks to begin with.
    pub fn default_priority(&self) -> i64 {
        self.common.default_task_priority.unwrap_or(0)
    }

    /// What an intervention adds.
    pub fn intervention_boost(&self) -> i64 {
        self.common.intervention_messages_boost
    }

    /// What a transfer adds.
    pub fn transfer_boost(&self) -> i64 {
        self.common.transferred_tasks_boost
    }

    /// By when a customer with these categories who has waited since then is to be answered; none: nobody promised.
    pub fn promise(&self, tx: &mut dyn Tx, category_ids: &[Id], since: Timestamp) -> Result<Option<Moments>> {
        let Some(seconds) = service_levels::target_seconds(&self.common, category_ids) else { return Ok(None) };
        service_levels::moments(tx, self.id, since, seconds, self.common.sla_threshold)
    }

    /// What becomes of the priority when it is over: max, half or base.
    pub fn expired_strategy(&self) -> &str {
        &self.common.sla_expired_strategy
    }
}

/// The sources of which something is routed: active ones that belong to a channel.
pub fn routed_sources(tx: &mut dyn Tx) -> Result<HashMap<Id, Id>> {
    let rows = tx.query("SELECT id, channel_id FROM sources WHERE channel_id IS NOT NULL AND active", args![])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Puts a source into a channel, or into none. Who may is the caller's affair.
pub fn put_into_channel(call: &Call, tx: &mut dyn Tx, source_id: Id, channel_id: Option<Id>) -> Result<()> {
    let sql = "UPDATE sources SET channel_id = $2, version = version + 1, updated_at = $3 WHERE id = $1";
    tx.execute(sql, args![&source_id, &channel_id, call.env.now()])?;
    tx.append(events::by(call, "content_source.updated", source_id, None, json!({ "source_id": source_id })));
    Ok(())
}

/// Whether a thread is there and closed: nobody can answer in it.
pub fn is_closed(tx: &mut dyn Tx, thread_id: Id) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM threads WHERE id = $1 AND closed", args![&thread_id])?.is_some())
}

/// A source that belongs to a channel.
pub fn source(tx: &mut dyn Tx, id: Id) -> Result<Option<SourceWork>> {
    let found = sources::by_id(tx, id)?.filter(|source| source.active);
    Ok(found.and_then(|source| Some(SourceWork { id, channel_id: source.channel_id?, common: source.stored.common })))
}

/// What of a customer's content decides what becomes of it.
#[derive(Clone, Debug)]
pub struct ContentWork {
    /// The content.
    pub id: Id,
    /// Its thread.
    pub thread_id: Id,
    /// Its source.
    pub source_id: Id,
    /// Who wrote it.
    pub identity_id: Option<Id>,
    /// Its state.
    pub status: String,
    /// The intervention that it is under.
    pub intervention_id: Option<Id>,
    /// What it is written in.
    pub language: Option<String>,
}

impl ContentWork {
    /// Whether it waits for an answer.
    pub fn waits(&self) -> bool {
        matches!(self.status.as_str(), "new" | "assigned")
    }
}

const CONTENT: &str = "SELECT id, thread_id, source_id, author_id, status, intervention_id, language FROM contents";

fn content_work(row: &Row) -> Result<ContentWork> {
    Ok(ContentWork {
        id: row.get(0)?,
        thread_id: row.get(1)?,
        source_id: row.get(2)?,
        identity_id: row.get(3)?,
        status: row.get(4)?,
        intervention_id: row.get(5)?,
        language: row.get(6)?,
    })
}

/// A content; none when it has gone.
pub fn content(tx: &mut dyn Tx, id: Id) -> Result<Option<ContentWork>> {
    tx.first(&format!("{CONTENT} WHERE id = $1"), args![&id])?.map(|row| content_work(&row)).transpose()
}

/// The latest content of a customer in a thread; of those that wait for an answer, if any does.
pub fn latest_content(tx: &mut dyn Tx, thread_id: Id, identity_id: Id) -> Result<Option<ContentWork>> {
    let sql = format!(
        "{CONTENT} WHERE thread_id = $1 AND author_id = $2 AND creator_id IS NULL
         ORDER BY CASE WHEN status IN ('new', 'assigned') THEN 0 ELSE 1 END, created_at DESC, id DESC LIMIT 1"
    );
    tx.first(&sql, args![&thread_id, &identity_id])?.map(|row| content_work(&row)).transpose()
}

/// The categories by which a content is routed: its own, and those of its thread.
pub fn categories_of(tx: &mut dyn Tx, thread_id: Id, content_id: Id) -> Result<Vec<Id>> {
    let mut ids = categories::of(tx, thread_id)?;
    ids.extend(categories::of(tx, content_id)?);
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}

/// Who answers a customer in a thread, and where that stands.
#[derive(Clone, Debug)]
pub struct InterventionWork {
    /// The intervention.
    pub id: Id,
    /// Its thread.
    pub thread_id: Id,
    /// The customer.
    pub identity_id: Id,
    /// Whose it is.
    pub user_id: Option<Id>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// Until when it is put off.
    pub deferred_at: Option<Timestamp>,
}

impl From<interventions::Intervention> for InterventionWork {
    fn from(found: interventions::Intervention) -> InterventionWork {
        InterventionWork {
            id: found.id,
            thread_id: found.thread_id,
            identity_id: found.identity_id,
            user_id: found.user_id,
            closed_at: found.closed_at,
            deferred_at: found.deferred_at,
        }
    }
}

/// An intervention, for whoever it is; none when it has gone.
pub fn intervention(tx: &mut dyn Tx, id: Id) -> Result<Option<InterventionWork>> {
    Ok(interventions::by_id(tx, id)?.map(InterventionWork::from))
}

/// A customer's intervention in a thread, if there ever was one.
pub fn intervention_of(tx: &mut dyn Tx, thread_id: Id, identity_id: Id) -> Result<Option<InterventionWork>> {
    Ok(interventions::of_customer(tx, thread_id, identity_id)?.map(InterventionWork::from))
}

/// Whether an intervention can be closed now.
pub fn may_finish(tx: &mut dyn Tx, id: Id) -> Result<bool> {
    let Some(found) = interventions::by_id(tx, id)? else { return Ok(false) };
    match interventions::require_closable(tx, &found) {
        Ok(()) => Ok(true),
        Err(Error::Refused(_)) => Ok(false),
        Err(trouble) => Err(trouble),
    }
}

/// Adds categories to an intervention, those that are there and go together: what happens by itself refuses nothing.
pub fn add_categories(tx: &mut dyn Tx, id: Id, category_ids: &[Id]) -> Result<()> {
    let Some(found) = interventions::by_id(tx, id)? else { return Ok(()) };
    categories::assign_defaults(tx, categories::Object::Intervention, id, found.source_id, category_ids)
}

/// Writes a remark of the caller on an intervention.
pub fn comment(call: &frontdesk_rest::Call, id: Id, body: &str, tx: &mut dyn Tx) -> Result<()> {
    interventions::comments::write(call, id, body, tx)
}
