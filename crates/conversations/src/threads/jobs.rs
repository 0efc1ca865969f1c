//! Archiving and deleting whole threads. What a step can hold is done within the request; the rest of a longer thread
//! follows in transactions of its own (a timer), so that nobody waits long behind it, and goes on after a restart.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_rest::Call;
use frontdesk_store::{Row, Tx, args, search};
use serde_json::json;

use super::Thread;
use crate::contents::states;
use crate::{attachments, ingest, interventions};

/// At most this many contents, comments or interventions in one transaction.
const STEP_ROWS_MAX: usize = 1_000;

/// What happens to a thread.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verb {
    /// Customers' contents that wait for an answer are ignored.
    Ignore,
    /// The thread goes, with all that is in it.
    Delete,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Verb::Ignore => "ignore",
            Verb::Delete => "delete",
        }
    }

    fn of(name: &str) -> Result<Verb> {
        match name {
            "ignore" => Ok(Verb::Ignore),
            "delete" => Ok(Verb::Delete),
            _ => Err(error::broken(format!("thread_jobs.verb: {name}"))),
        }
    }
}

struct Job {
    thread_id: Id,
    source_id: Id,
    verb: Verb,
    user_id: Id,
    /// The last content that is done.
    done: (Timestamp, Id),
    /// When it was asked for.
    created_at: Timestamp,
}

/// What is left after a step.
#[derive(PartialEq, Eq, Debug)]
enum Left {
    Nothing,
    /// What comes after this content.
    After(Timestamp, Id),
}

// SQLite keeps the order of a cross join: of itself it would pass over every thread, each time that anybody looks.
const SELECT: &str = "SELECT thread_jobs.thread_id, threads.source_id, verb, user_id, done_at, done_id,
      thread_jobs.created_at
    FROM thread_jobs CROSS JOIN threads WHERE threads.id = thread_jobs.thread_id
    ORDER BY thread_jobs.created_at LIMIT 1";

fn job(row: &Row) -> Result<Job> {
    Ok(Job {
        thread_id: row.get(0)?,
        source_id: row.get(1)?,
        verb: Verb::of(&row.get::<String>(2)?)?,
        user_id: row.get(3)?,
        done: (row.get(4)?, row.get(5)?),
        created_at: row.get(6)?,
    })
}

/// Begins, and for most threads ends. 409 while another one is at work on the thread.
pub(super) fn begin(call: &Call, thread: &Thread, verb: Verb, tx: &mut dyn Tx) -> Result<()> {
    if tx.first("SELECT 1 FROM thread_jobs WHERE thread_id = $1", args![&thread.id])?.is_some() {
        return Err(error::conflict("The thread is being archived or deleted; wait until that is done."));
    }
    let job = Job {
        thread_id: thread.id,
        source_id: thread.source_id,
        verb,
        user_id: call.caller.user_id,
        done: (Timestamp::from_micros(i64::MIN), Id::default()),
        created_at: call.env.now(),
    };
    if let Left::After(at, id) = step(tx, &call.env, &job)? {
        tx.execute(
            "INSERT INTO thread_jobs (thread_id, verb, user_id, done_at, done_id, created_at)
             VALUES ($1, $2, $3, $4, $5, $6)",
            args![&job.thread_id, verb.as_str(), &job.user_id, at, &id, job.created_at],
        )?;
    }
    Ok(())
}

/// Whether [`begin`] has left anything.
pub(crate) fn any_due(tx: &mut dyn Tx, _: Timestamp) -> Result<bool> {
    Ok(tx.first(SELECT, args![])?.is_some())
}

/// One step of the oldest job, which has its own measure; returns how many there were.
pub(crate) fn advance(tx: &mut dyn Tx, env: &Env, _: i64) -> Result<u64> {
    let Some(row) = tx.first(SELECT, args![])? else { return Ok(0) };
    let job = job(&row)?;
    match step(tx, env, &job)? {
        Left::Nothing => tx.execute("DELETE FROM thread_jobs WHERE thread_id = $1", args![&job.thread_id])?,
        Left::After(at, id) => tx.execute(
            "UPDATE thread_jobs SET done_at = $2, done_id = $3 WHERE thread_id = $1",
            args![&job.thread_id, at, &id],
        )?,
    };
    Ok(1)
}

fn step(tx: &mut dyn Tx, env: &Env, job: &Job) -> Result<Left> {
    match job.verb {
        Verb::Ignore => ignore(tx, env, job),
        Verb::Delete => Ok(match delete(tx, env, job)? {
            true => Left::Nothing,
            false => Left::After(job.done.0, job.done.1),
        }),
    }
}

fn by_user(env: &Env, job: &Job, kind: &'static str, object_id: Id, payload: serde_json::Value) -> NewEvent {
    NewEvent::new(env, Some(job.user_id), kind, object_id, Some(job.thread_id), payload)
}

/// Ignores the next contents that wait for an answer; what is answered, and what agents wrote, stays as it is, and so does
/// what arrives after the request: nobody has seen that yet.
fn ignore(tx: &mut dyn Tx, env: &Env, job: &Job) -> Result<Left> {
    let end = Id::first_of(Timestamp::from_micros(job.created_at.micros().saturating_add(1_000)));
    let rows = tx.query(
        "SELECT id, created_at, creator_id IS NULL AND status IN ('new', 'assigned', 'forwarded') FROM contents
         WHERE thread_id = $1 AND (created_at, id) > ($2, $3) AND id < $4 ORDER BY created_at, id LIMIT $5",
        args![&job.thread_id, job.done.0, &job.done.1, &end, STEP_ROWS_MAX as i64],
    )?;
    let mut waiting: Vec<Id> = Vec::new();
    for row in &rows {
        if row.get(2)? {
            waiting.push(row.get(0)?);
        }
    }
    if !waiting.is_empty() {
        let now = env.now();
        states::ignore(tx, &waiting, now)?;
        tx.execute("UPDATE threads SET updated_at = $2 WHERE id = $1", args![&job.thread_id, now])?;
        for id in waiting {
            let payload = json!({ "source_id": job.source_id, "status": "ignored" });
            tx.append(by_user(env, job, "content.ignored", id, payload));
        }
    }
    match rows.last() {
        Some(last) if rows.len() == STEP_ROWS_MAX => Ok(Left::After(last.get(1)?, last.get(0)?)),
        _ => Ok(Left::Nothing),
    }
}

/// Deletes the next rows of a thread; whether that was all. The channel's ids of its contents stay (`content_keys`), so
/// that a repeat does not bring one back. Interventions go before the contents that they refer to.
fn delete(tx: &mut dyn Tx, env: &Env, job: &Job) -> Result<bool> {
    let thread_id = job.thread_id;
    let next = |tx: &mut dyn Tx, table: &str| -> Result<Vec<Id>> {
        let sql = format!("SELECT id FROM {table} WHERE thread_id = $1 LIMIT $2");
        tx.query(&sql, args![&thread_id, STEP_ROWS_MAX as i64])?.iter().map(|row| row.get(0)).collect()
    };
    let comments = next(tx, "intervention_comments")?;
    remove(tx, "intervention_comments", "id", &comments)?;
    if comments.len() == STEP_ROWS_MAX {
        return Ok(false);
    }
    let of_thread = next(tx, "interventions")?;
    remove(tx, "categorisations", "object_id", &of_thread)?;
    interventions::remove_rows(tx, &of_thread)?;
    super::count_interventions(tx, thread_id, -(of_thread.len() as i64), env.now())?;
    if of_thread.len() == STEP_ROWS_MAX {
        return Ok(false);
    }
    let contents = next(tx, "contents")?;
    attachments::remove_of_contents(tx, &contents)?;
    remove(tx, "categorisations", "object_id", &contents)?;
    remove(tx, "deliveries", "content_id", &contents)?;
    for id in &contents {
        search::forget(tx, "contents", *id)?;
    }
    remove(tx, "contents", "id", &contents)?;
    let count = contents.len() as i64;
    ingest::count(tx, job.source_id, 0, -count)?;
    if contents.len() == STEP_ROWS_MAX {
        tx.execute(
            "UPDATE threads SET contents_count = contents_count - $2, updated_at = $3 WHERE id = $1",
            args![&thread_id, count, env.now()],
        )?;
        return Ok(false);
    }
    remove(tx, "categorisations", "object_id", &[thread_id])?;
    remove(tx, "thread_jobs", "thread_id", &[thread_id])?;
    remove(tx, "threads", "id", &[thread_id])?;
    ingest::count(tx, job.source_id, -1, 0)?;
    let payload = json!({ "source_id": job.source_id });
    tx.append(by_user(env, job, "content_thread.destroyed", thread_id, payload));
    Ok(true)
}

fn remove(tx: &mut dyn Tx, table: &str, column: &str, ids: &[Id]) -> Result<()> {
    if !ids.is_empty() {
        let sql = format!("DELETE FROM {table} WHERE {}", tx.in_list(column, 1));
        tx.execute(&sql, args![ids])?;
    }
    Ok(())
}
