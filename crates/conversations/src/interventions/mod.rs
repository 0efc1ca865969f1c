//! Interventions: the ticket, opened by engaging a customer's content, open until resolved. There is at most one for a
//! customer in a thread; a new message of theirs re-opens it, with its id and its figures.

mod commands;
pub(crate) mod comments;
pub(crate) mod deferring;
mod handing;
mod rest;
mod routed;

use std::sync::Arc;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Caller, Env, Id, Result, SourceRight, Timestamp, error};
use frontdesk_rest::Operation;
use frontdesk_store::{Row, Tx, args};
use serde_json::json;

use crate::{Conversations, categories, threads};

pub use commands::{close, open, require_closable};
pub(crate) use commands::{count_reply, open_for_reply};
pub use handing::{hand_to_agents, hand_to_caller};
pub use rest::{Answer, answer};
pub use routed::{finish, give_to, take_up};

/// An intervention as the store keeps it.
#[derive(Clone)]
pub struct Intervention {
    /// Its id.
    pub id: Id,
    pub(crate) source_id: Id,
    /// The thread it is in.
    pub thread_id: Id,
    pub(crate) content_id: Id,
    /// The customer.
    pub identity_id: Id,
    /// Whose it is; none when it was handed over and waits for somebody to take it.
    pub user_id: Option<Id>,
    pub(crate) reopened: bool,
    pub(crate) deferred_at: Option<Timestamp>,
    /// When it was closed; none while it is open.
    pub closed_at: Option<Timestamp>,
    pub(crate) custom_fields: String,
    pub(crate) comments_count: i64,
    pub(crate) user_replies_count: i64,
    pub(crate) first_user_reply_id: Option<Id>,
    pub(crate) first_user_reply_in: Option<i64>,
    pub(crate) first_user_reply_in_bh: Option<i64>,
    pub(crate) last_user_reply_in: Option<i64>,
    pub(crate) last_user_reply_in_bh: Option<i64>,
    pub(crate) reply_seconds: i64,
    pub(crate) reply_seconds_bh: i64,
    pub(crate) replies_timed: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// The group of the customer's identity.
    pub(crate) identity_group_id: Option<Id>,
}

/// Where an intervention is in its life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    Opened,
    Reopened,
    Deferred,
    Closed,
}

impl State {
    /// What people call it, in the account's language.
    pub(crate) fn label(self, french: bool) -> &'static str {
        match (self, french) {
            (State::Opened, false) => "Opened",
            (State::Opened, true) => "Ouverte",
            (State::Reopened, false) => "Reopened",
            (State::Reopened, true) => "Rouverte",
            (State::Deferred, false) => "Deferred",
            (State::Deferred, true) => "Reportée",
            (State::Closed, false) => "Closed",
            (State::Closed, true) => "Fermée",
        }
    }
}

impl Intervention {
    pub(crate) fn state(&self) -> State {
        match (self.closed_at, self.deferred_at, self.reopened) {
            (Some(_), _, _) => State::Closed,
            (None, Some(_), _) => State::Deferred,
            (None, None, true) => State::Reopened,
            (None, None, false) => State::Opened,
        }
    }
}

const SELECT: &str =
    "SELECT id, source_id, thread_id, content_id, identity_id, user_id, reopened, deferred_at, closed_at,
    custom_fields, comments_count, user_replies_count, first_user_reply_id, first_user_reply_in,
    first_user_reply_in_bh, last_user_reply_in, last_user_reply_in_bh, reply_seconds, reply_seconds_bh, replies_timed,
    created_at, updated_at,
    (SELECT identity_group_id FROM identities WHERE identities.id = interventions.identity_id) FROM interventions";

fn intervention(row: &Row) -> Result<Intervention> {
    Ok(Intervention {
        id: row.get(0)?,
        source_id: row.get(1)?,
        thread_id: row.get(2)?,
        content_id: row.get(3)?,
        identity_id: row.get(4)?,
        user_id: row.get(5)?,
        reopened: row.get(6)?,
        deferred_at: row.get(7)?,
        closed_at: row.get(8)?,
        custom_fields: row.get(9)?,
        comments_count: row.get(10)?,
        user_replies_count: row.get(11)?,
        first_user_reply_id: row.get(12)?,
        first_user_reply_in: row.get(13)?,
        first_user_reply_in_bh: row.get(14)?,
        last_user_reply_in: row.get(15)?,
        last_user_reply_in_bh: row.get(16)?,
        reply_seconds: row.get(17)?,
        reply_seconds_bh: row.get(18)?,
        replies_timed: row.get(19)?,
        created_at: row.get(20)?,
        updated_at: row.get(21)?,
        identity_group_id: row.get(22)?,
    })
}

/// An intervention on a source that the caller may read; anything else is missing.
pub fn find(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<Intervention> {
    by_id(tx, id)?
        .filter(|intervention| caller.may_on(intervention.source_id, SourceRight::Read))
        .ok_or_else(|| error::not_found("intervention"))
}

/// Removes interventions whose thread goes, and nothing else of theirs.
pub(crate) fn remove_rows(tx: &mut dyn Tx, ids: &[Id]) -> Result<()> {
    let sql = format!("DELETE FROM interventions WHERE {}", tx.in_list("id", 1));
    tx.execute(&sql, args![ids])?;
    Ok(())
}

pub(crate) fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Intervention>> {
    let row = tx.first(&format!("{SELECT} WHERE id = $1"), args![&id])?;
    row.map(|row| intervention(&row)).transpose()
}

/// The customer's intervention in a thread, if there ever was one.
pub(crate) fn of_customer(tx: &mut dyn Tx, thread_id: Id, identity_id: Id) -> Result<Option<Intervention>> {
    let row = tx.first(
        &format!("{SELECT} WHERE thread_id = $1 AND identity_id = $2 ORDER BY created_at DESC, id DESC LIMIT 1"),
        args![&thread_id, &identity_id],
    )?;
    row.map(|row| intervention(&row)).transpose()
}

/// A customer has written: their intervention in the thread, if there is one, is open and active from now on. Returns
/// it as it was.
pub(crate) fn on_customer_content(
    tx: &mut dyn Tx,
    env: &Env,
    thread_id: Id,
    identity_id: Id,
) -> Result<Option<Intervention>> {
    let Some(intervention) = of_customer(tx, thread_id, identity_id)? else { return Ok(None) };
    if intervention.closed_at.is_some() {
        reopen(tx, &intervention, env.now())?;
        let payload = payload(tx, &Intervention { closed_at: None, ..intervention.clone() })?;
        tx.append(NewEvent::new(env, None, "intervention.reopened", intervention.id, Some(thread_id), payload));
    } else if intervention.deferred_at.is_some() {
        deferring::end(tx, env, None, &intervention)?;
    }
    Ok(Some(intervention))
}

fn reopen(tx: &mut dyn Tx, intervention: &Intervention, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE interventions SET closed_at = NULL, deferred_at = NULL, reopened = TRUE, updated_at = $2 WHERE id = $1",
        args![&intervention.id, now],
    )?;
    threads::set_ending(tx, intervention.thread_id, None, now)
}

/// What subscribers are told about an intervention, as it is now.
pub(crate) fn payload(tx: &mut dyn Tx, intervention: &Intervention) -> Result<serde_json::Value> {
    Ok(json!({
        "source_id": intervention.source_id,
        "user_id": intervention.user_id,
        "identity_id": intervention.identity_id,
        "category_ids": categories::of(tx, intervention.id)?,
        "closed_at": intervention.closed_at,
        "deferred_at": intervention.deferred_at,
    }))
}

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    rest::operations(app)
}
