//! Service levels: by when customers and agents were promised an answer (`agent_sla` of 8.09).
//!
//! A promise begins with what a customer writes and ends with an answer; at its warning and at its end an event is told.
//! It is kept as it was made: other settings count for what comes next. Whether it is well, in danger or broken is never
//! stored, it follows from its moments and the clock; the first moment of a thread's customers is kept with the thread, so
//! that lists sort by an index.

mod following;

use std::collections::HashMap;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_people::time_sheets;
use frontdesk_store::{Tx, args};
use serde_json::json;

use crate::sources::CommonSettings;

pub use following::Watching;

/// What is due then is due never.
pub(crate) const NEVER: Timestamp = Timestamp::from_micros(i64::MAX);
/// What was due longer ago than this is no news any more: nothing is told of it. For old contents that are imported, and
/// for a server that was down for long.
const OLD_SECONDS: i64 = 24 * 3_600;

/// Who is to answer by then.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// Somebody, to the customer: `sla_response` of the source.
    Customer,
    /// The agent in whose workbin the task is: `agent_sla` of the channel.
    Agent,
}

impl Target {
    fn as_str(self) -> &'static str {
        match self {
            Target::Customer => "customer",
            Target::Agent => "agent",
        }
    }
}

/// How a promise stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// There is time.
    Ok,
    /// There is little.
    Warning,
    /// It is broken.
    Expired,
}

impl State {
    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Warning => "warning",
            State::Expired => "expired",
        }
    }
}

/// The moments of a promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moments {
    /// When to warn; `due_at` where there is no warning.
    pub warns_at: Timestamp,
    /// When it is broken.
    pub due_at: Timestamp,
}

impl Moments {
    /// How it stands at a moment.
    pub fn state(&self, now: Timestamp) -> State {
        if self.due_at <= now {
            State::Expired
        } else if self.warns_at <= now {
            State::Warning
        } else {
            State::Ok
        }
    }

    fn next(&self, after: Timestamp) -> Option<Timestamp> {
        [self.warns_at, self.due_at].into_iter().find(|at| *at > after)
    }
}

/// How it stands, on the wire; none where nothing was promised.
pub fn state(promise: Option<Moments>, now: Timestamp) -> &'static str {
    promise.map_or("none", |promise| promise.state(now).as_str())
}

/// When a promise made at `since` is to be warned of and due: so many seconds of the source's business hours later, the
/// warning after so many percent of them (1 to 99; else none). None: it is never due, as when the source never opens.
pub fn moments(
    tx: &mut dyn Tx,
    source_id: Id,
    since: Timestamp,
    seconds: i64,
    warning_percent: i64,
) -> Result<Option<Moments>> {
    let hours = time_sheets::of_source(tx, source_id)?;
    let after = |seconds: i64| match &hours {
        Some(hours) => hours.plus_seconds(since, seconds),
        None => Some(since.plus_seconds(seconds)),
    };
    let Some(due_at) = after(seconds) else { return Ok(None) };
    let warns = (1..100).contains(&warning_percent);
    let warns_at = warns.then(|| after(seconds.saturating_mul(warning_percent) / 100)).flatten();
    Ok(Some(Moments { warns_at: warns_at.map_or(due_at, |at| at.min(due_at)), due_at }))
}

/// Within how many seconds a customer with these categories is to be answered; none: nobody promised.
pub(crate) fn target_seconds(settings: &CommonSettings, category_ids: &[Id]) -> Option<i64> {
    let named = category_ids.iter().any(|id| settings.sla_filtering_category_ids.contains(id));
    let counts = match settings.sla_filtering_categories_strategy.as_str() {
        "selected_categories" => named,
        _ => !named,
    };
    settings.sla_response.filter(|seconds| *seconds > 0 && counts)
}

/// Whom a promise was made to, and who has to keep it.
#[derive(Clone, Copy, Debug)]
pub struct Promise {
    /// The customer's thread.
    pub thread_id: Id,
    /// The customer.
    pub identity_id: Id,
    /// The source.
    pub source_id: Id,
    /// Of an agent's: the task.
    pub task_id: Option<Id>,
    /// Of an agent's: the agent.
    pub user_id: Option<Id>,
    /// Since when it runs.
    pub since: Timestamp,
}

/// A promise is made, in place of the one of the same kind that runs for this customer in this thread. The same one again
/// changes nothing.
pub fn begin(tx: &mut dyn Tx, env: &Env, target: Target, promise: &Promise, moments: Moments) -> Result<()> {
    let Promise { thread_id, identity_id, source_id, task_id, user_id, since } = promise;
    let key = args![thread_id, identity_id, target.as_str()];
    let sql = "SELECT since, warns_at, due_at, user_id FROM service_levels
               WHERE thread_id = $1 AND identity_id = $2 AND target = $3";
    if let Some(row) = tx.first(sql, key)? {
        let known = Moments { warns_at: row.get(1)?, due_at: row.get(2)? };
        if (row.get::<Timestamp>(0)?, known, row.get::<Option<Id>>(3)?) == (*since, moments, *user_id) {
            return Ok(());
        }
    }
    // What should have been told while nobody listened is told at once, unless it is long ago.
    let next = moments.next(env.now().plus_seconds(-OLD_SECONDS));
    tx.execute(
        "INSERT INTO service_levels (thread_id, identity_id, target, source_id, task_id, user_id, since, warns_at, due_at,
           next_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
         ON CONFLICT (thread_id, identity_id, target) DO UPDATE SET source_id = excluded.source_id,
           task_id = excluded.task_id, user_id = excluded.user_id, since = excluded.since, warns_at = excluded.warns_at,
           due_at = excluded.due_at, next_at = excluded.next_at",
        args![
            thread_id,
            identity_id,
            target.as_str(),
            source_id,
            task_id,
            user_id,
            *since,
            moments.warns_at,
            moments.due_at,
            next
        ],
    )?;
    if target == Target::Customer { note_thread(tx, *thread_id) } else { Ok(()) }
}

/// A promise is kept, or of no use any more.
pub fn end(tx: &mut dyn Tx, target: Target, thread_id: Id, identity_id: Id) -> Result<()> {
    let sql = "DELETE FROM service_levels WHERE thread_id = $1 AND identity_id = $2 AND target = $3";
    let ended = tx.execute(sql, args![&thread_id, &identity_id, target.as_str()])?;
    if ended > 0 && target == Target::Customer { note_thread(tx, thread_id) } else { Ok(()) }
}

/// Who has promised to answer a customer, if anybody has.
pub fn agent(tx: &mut dyn Tx, thread_id: Id, identity_id: Id) -> Result<Option<Id>> {
    let sql = "SELECT user_id FROM service_levels WHERE thread_id = $1 AND identity_id = $2 AND target = 'agent'";
    Ok(tx.first(sql, args![&thread_id, &identity_id])?.map(|row| row.get(0)).transpose()?.flatten())
}

/// Everything of a thread that has gone.
fn end_all(tx: &mut dyn Tx, thread_id: Id) -> Result<()> {
    tx.execute("DELETE FROM service_levels WHERE thread_id = $1", args![&thread_id])?;
    note_thread(tx, thread_id)
}

/// Keeps the first moments of a thread's customers with the thread.
fn note_thread(tx: &mut dyn Tx, thread_id: Id) -> Result<()> {
    let row = tx.one(
        "SELECT min(warns_at), min(due_at) FROM service_levels WHERE thread_id = $1 AND target = 'customer'",
        args![&thread_id],
    )?;
    let or_never = |at: Option<Timestamp>| at.unwrap_or(NEVER);
    tx.execute(
        "UPDATE threads SET sla_warns_at = $2, sla_due_at = $3 WHERE id = $1",
        args![&thread_id, or_never(row.get(0)?), or_never(row.get(1)?)],
    )?;
    Ok(())
}

/// The customers of a thread to whom something is promised.
fn customers(tx: &mut dyn Tx, thread_id: Id) -> Result<Vec<Id>> {
    let sql =
        "SELECT identity_id FROM service_levels WHERE thread_id = $1 AND target = 'customer' ORDER BY identity_id";
    tx.query(sql, args![&thread_id])?.iter().map(|row| row.get(0)).collect()
}

/// What runs in these threads, by thread, customer and target.
pub fn of_threads(tx: &mut dyn Tx, thread_ids: &[Id]) -> Result<HashMap<(Id, Id, Target), Moments>> {
    let condition = tx.in_list("thread_id", 1);
    let sql = format!("SELECT thread_id, identity_id, target, warns_at, due_at FROM service_levels WHERE {condition}");
    let read = |row: &frontdesk_store::Row| {
        let target = if row.get::<String>(2)? == "agent" { Target::Agent } else { Target::Customer };
        Ok(((row.get(0)?, row.get(1)?, target), Moments { warns_at: row.get(3)?, due_at: row.get(4)? }))
    };
    tx.query(&sql, args![thread_ids])?.iter().map(read).collect()
}

/// Whether something is to be told now.
pub(crate) fn any_due(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM service_levels WHERE next_at <= $1 LIMIT 1", args![now])?.is_some())
}

/// Tells of warnings and of promises that were broken; returns how many there were.
pub(crate) fn tell_due(tx: &mut dyn Tx, env: &Env, limit: i64) -> Result<u64> {
    let now = env.now();
    let rows = tx.query(
        "SELECT thread_id, identity_id, target, source_id, task_id, user_id, since, warns_at, due_at FROM service_levels
         WHERE next_at <= $1 ORDER BY next_at, thread_id, identity_id, target LIMIT $2",
        args![now, limit],
    )?;
    for row in &rows {
        let (thread_id, identity_id, target): (Id, Id, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let moments = Moments { warns_at: row.get(7)?, due_at: row.get(8)? };
        let told = json!({
            "target": target, "source_id": row.get::<Id>(3)?, "identity_id": identity_id,
            "task_id": row.get::<Option<Id>>(4)?, "user_id": row.get::<Option<Id>>(5)?,
            "since": row.get::<Timestamp>(6)?, "due_at": moments.due_at,
        });
        let is_broken = moments.due_at <= now;
        let kind = if is_broken { "service_level.expired" } else { "service_level.warning" };
        tx.append(NewEvent::new(env, None, kind, thread_id, Some(thread_id), told));
        tx.execute(
            "UPDATE service_levels SET next_at = $4 WHERE thread_id = $1 AND identity_id = $2 AND target = $3",
            args![&thread_id, &identity_id, &target, moments.next(now)],
        )?;
    }
    Ok(rows.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_well_then_in_danger_then_broken() {
        let at = |seconds| Timestamp::from_micros(0).plus_seconds(seconds);
        let both = Moments { warns_at: at(80), due_at: at(100) };
        let silent = Moments { warns_at: at(100), due_at: at(100) };
        for (moments, seconds, state, next) in [
            (both, 0, State::Ok, Some(80)),
            (both, 80, State::Warning, Some(100)),
            (both, 99, State::Warning, Some(100)),
            (both, 100, State::Expired, None),
            (silent, 99, State::Ok, Some(100)),
            (silent, 100, State::Expired, None),
        ] {
            assert_eq!(moments.state(at(seconds)), state, "{moments:?} at {seconds}");
            assert_eq!(moments.next(at(seconds)), next.map(at), "{moments:?} at {seconds}");
        }
    }

    #[test]
    fn categories_decide_whether_anything_was_promised() {
        let (one, other) = (Id::from_parts(1, 1), Id::from_parts(1, 2));
        let settings = |strategy: &str, ids: &[Id]| CommonSettings {
            sla_response: Some(60),
            sla_filtering_categories_strategy: strategy.into(),
            sla_filtering_category_ids: ids.to_vec(),
            ..CommonSettings::default()
        };
        for (strategy, named, has, expected) in [
            ("ignored_categories", vec![], vec![], Some(60)),
            ("ignored_categories", vec![one], vec![], Some(60)),
            ("ignored_categories", vec![one], vec![other], Some(60)),
            ("ignored_categories", vec![one], vec![other, one], None),
            ("selected_categories", vec![one], vec![], None),
            ("selected_categories", vec![one], vec![other], None),
            ("selected_categories", vec![one], vec![other, one], Some(60)),
        ] {
            assert_eq!(target_seconds(&settings(strategy, &named), &has), expected, "{strategy} {named:?} {has:?}");
        }
        let zero = CommonSettings { sla_response: Some(0), ..settings("ignored_categories", &[]) };
        assert_eq!(target_seconds(&zero, &[]), None);
    }
}
