//! What grows old: contents that nobody answered are archived, and threads of messaging sources that have been
//! silent are closed. Both are timers.
//!
//! A sweep walks in the order of age and keeps its place, so that nobody waits behind it: a step looks at no more than
//! [`LOOKS_PER_STEP_MAX`] rows in one transaction, and changes fewer.
//!
//! Archiving walks through the index of what is new and leaves out all that was answered. It begins with the creation of
//! its source, not of the store: what a channel dates before that is history. What it has passed may be due after all: an
//! intervention is cancelled, and its contents are new again; a channel comes back and delivers what was written before. So
//! it walks again, but not more than once in [`AGAIN_SECONDS`]: in that time its work is bounded by the contents that are
//! new on other sources since its source was created, a thousand of them in one step.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_store::{Row, Tx, args};
use serde_json::json;

use crate::contents::states;
use crate::sources::{self, CommonSettings};
use crate::{categories, threads};

/// A silent thread is closed after its source's time for thread inclusion, and never sooner.
const SILENT_SECONDS_MIN: i64 = 4 * 24 * 60 * 60;
/// At most this many rows are looked at in one transaction.
const LOOKS_PER_STEP_MAX: i64 = 1_000;
/// Archiving begins anew after so long.
const AGAIN_SECONDS: i64 = 3_600;

const ARCHIVING: &str = "archiving";
const CLOSING: &str = "closing";
/// The row of `sweeps` that says when archiving began to walk.
const ARCHIVING_BEGAN: &str = "archiving began";

/// A source that has something to sweep, and how far that has come.
struct Sweep {
    source_id: Id,
    name: &'static str,
    /// Older than this is old.
    before: Timestamp,
    /// Up to this row it has come.
    at: Timestamp,
    id: Id,
    /// Whether it begins now, for the first time or anew.
    begins: bool,
}

/// The sweeps of all sources that want one; what has come least far is first, so that none waits for the end of another.
fn sweeps(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<Sweep>> {
    let mut found = Vec::new();
    for source in sources::with_settings(tx, &["\"content_archiving\":true"], |kind| kind.is_messaging)? {
        let mut places = [None; 3];
        for row in tx.query("SELECT name, at, id FROM sweeps WHERE source_id = $1", args![&source.id])? {
            let name: String = row.get(0)?;
            let names = [ARCHIVING, CLOSING, ARCHIVING_BEGAN];
            if let Some(index) = names.iter().position(|known| *known == name) {
                places[index] = Some((row.get::<Timestamp>(1)?, row.get::<Id>(2)?));
            }
        }
        let [archiving, closing, began] = places;
        let begins = began.is_none_or(|(at, _)| at <= now.plus_seconds(-AGAIN_SECONDS));
        let archiving = archiving.filter(|_| !begins);
        for (name, seconds) in wanted(&source.stored.common, source.kind.is_messaging) {
            let (place, begins, first) = match name {
                ARCHIVING => (archiving, begins, source.created_at),
                _ => (closing, false, Timestamp::from_micros(i64::MIN)),
            };
            let (at, id) = place.unwrap_or((first, Id::default()));
            found.push(Sweep { source_id: source.id, name, before: now.minus_seconds(seconds), at, id, begins });
        }
    }
    found.sort_by_key(|sweep| sweep.at);
    Ok(found)
}

/// What a source wants swept, and after how many seconds.
fn wanted(settings: &CommonSettings, is_messaging: bool) -> Vec<(&'static str, i64)> {
    let mut wanted = Vec::new();
    if let Some(seconds) = settings.content_archiving_period.filter(|_| settings.content_archiving) {
        wanted.push((ARCHIVING, seconds));
    }
    if is_messaging {
        wanted.push((CLOSING, settings.time_for_thread_inclusion.unwrap_or(0).max(SILENT_SECONDS_MIN)));
    }
    wanted
}

/// The next rows of a sweep: id, when, thread, and whether it is one to change.
fn rows(tx: &mut dyn Tx, sweep: &Sweep, limit: i64) -> Result<Vec<Row>> {
    let sql = match sweep.name {
        ARCHIVING => {
            "SELECT id, created_at, thread_id, source_id = $5 AND creator_id IS NULL FROM contents
             WHERE status = 'new' AND (created_at, id) > ($1, $2) AND created_at < $3 ORDER BY created_at, id LIMIT $4"
        }
        _ => {
            "SELECT id, last_content_at, id, source_id = $5 AND NOT closed FROM threads
             WHERE (last_content_at, id) > ($1, $2) AND last_content_at < $3 ORDER BY last_content_at, id LIMIT $4"
        }
    };
    tx.query(sql, args![sweep.at, &sweep.id, sweep.before, limit, &sweep.source_id])
}

/// Whether anything has grown old.
pub(crate) fn any_due(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    for sweep in sweeps(tx, now)? {
        if sweep.begins || !rows(tx, &sweep, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One step of the sweep that has come least far; changes at most `limit` rows. Returns how many it looked at.
pub(crate) fn advance(tx: &mut dyn Tx, env: &Env, limit: i64) -> Result<u64> {
    let now = env.now();
    for sweep in sweeps(tx, now)? {
        let rows = rows(tx, &sweep, LOOKS_PER_STEP_MAX)?;
        if sweep.begins {
            keep(tx, sweep.source_id, ARCHIVING_BEGAN, now, Id::default())?;
        } else if rows.is_empty() {
            continue;
        }
        let (mut looked, mut changed) = (0, 0);
        let mut place = (sweep.at, sweep.id);
        for row in &rows {
            looked += 1;
            place = (row.get(1)?, row.get(0)?);
            if row.get(3)? {
                change(tx, env, &sweep, row.get(0)?, row.get(2)?)?;
                changed += 1;
                if changed == limit {
                    break;
                }
            }
        }
        keep(tx, sweep.source_id, sweep.name, place.0, place.1)?;
        return Ok(looked);
    }
    Ok(0)
}

fn change(tx: &mut dyn Tx, env: &Env, sweep: &Sweep, id: Id, thread_id: Id) -> Result<()> {
    let mut payload = json!({ "source_id": sweep.source_id });
    let kind = if sweep.name == ARCHIVING {
        states::ignore(tx, &[id], env.now())?;
        "content.auto_ignored"
    } else {
        threads::close_silent(tx, id, env.now())?;
        payload["category_ids"] = json!(categories::told_of_first(tx, id)?);
        "content.thread_auto_closed"
    };
    tx.append(NewEvent::new(env, None, kind, id, Some(thread_id), payload));
    Ok(())
}

fn keep(tx: &mut dyn Tx, source_id: Id, name: &str, at: Timestamp, id: Id) -> Result<()> {
    tx.execute(
        "INSERT INTO sweeps (source_id, name, at, id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (source_id, name) DO UPDATE SET at = excluded.at, id = excluded.id",
        args![&source_id, name, at, &id],
    )?;
    Ok(())
}
