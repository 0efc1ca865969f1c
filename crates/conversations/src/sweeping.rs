//! What grows old: contents that nobody answered are archived (row 2.13), and threads of messaging sources that have been
//! silent are closed (row 3.12). A sweep walks in the order of age and keeps its place, so that nothing is looked at
//! twice and nobody waits behind it. Both are timers.

use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_store::{Tx, args};
use serde_json::json;

use crate::sources::{CommonSettings, StoredSettings, kind_of};
use crate::{events, threads};

/// A silent thread is closed after its source's time for thread inclusion, and never sooner.
const SILENT_SECONDS_MIN: i64 = 4 * 24 * 60 * 60;

/// A source that has something to sweep, and how far that has come.
struct Sweep {
    source_id: Id,
    name: &'static str,
    /// Older than this is old.
    before: Timestamp,
    at: Timestamp,
    id: Id,
}

const ARCHIVING: &str = "archiving";
const CLOSING: &str = "closing";

/// The sweeps of all sources that want one.
fn sweeps(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<Sweep>> {
    // The text is looked through first: few sources want one, and reading settings takes longer.
    let rows = tx.query(
        "SELECT id, type, settings FROM sources
         WHERE settings LIKE '%\"content_archiving\":true%' OR type = 'mobile_messaging' ORDER BY id",
        args![],
    )?;
    let mut found = Vec::new();
    for row in rows {
        let (source_id, kind): (Id, String) = (row.get(0)?, row.get(1)?);
        let stored: StoredSettings = serde_json::from_str(&row.get::<String>(2)?)
            .map_err(|trouble| error::broken(format!("sources.settings: {trouble}")))?;
        for (name, seconds) in wanted(&stored.common, kind_of(&kind)?.is_messaging) {
            let place =
                tx.first("SELECT at, id FROM sweeps WHERE source_id = $1 AND name = $2", args![&source_id, name])?;
            let (at, id) = match place {
                Some(place) => (place.get(0)?, place.get(1)?),
                None => (Timestamp::from_micros(i64::MIN), Id::default()),
            };
            found.push(Sweep { source_id, name, before: now.plus_seconds(-seconds), at, id });
        }
    }
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

/// The next rows of a sweep: id, when, and the thread, source and state.
fn rows(tx: &mut dyn Tx, sweep: &Sweep, limit: i64) -> Result<Vec<frontdesk_store::Row>> {
    match sweep.name {
        // In the order of arrival, which ids tell: so messages pay for no index.
        ARCHIVING => {
            let millis = u64::try_from(sweep.before.micros().div_euclid(1_000)).unwrap_or(0);
            let end = Id::from_parts(millis, 0);
            tx.query(
                "SELECT id, created_at, thread_id, source_id, status = 'new' AND creator_id IS NULL FROM contents
                 WHERE id > $1 AND id < $2 ORDER BY id LIMIT $3",
                args![&sweep.id, &end, limit],
            )
        }
        _ => tx.query(
            "SELECT id, last_content_at, id, source_id, NOT closed FROM threads
             WHERE (last_content_at, id) > ($1, $2) AND last_content_at < $3 ORDER BY last_content_at, id LIMIT $4",
            args![sweep.at, &sweep.id, sweep.before, limit],
        ),
    }
}

/// Whether anything has grown old.
pub(crate) fn any_due(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    for sweep in sweeps(tx, now)? {
        if !rows(tx, &sweep, 1)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Looks at the next `limit` rows of the first sweep that has any. Returns how many there were.
pub(crate) fn advance(tx: &mut dyn Tx, env: &Env, limit: i64) -> Result<u64> {
    let now = env.now();
    for sweep in sweeps(tx, now)? {
        let rows = rows(tx, &sweep, limit)?;
        let Some(last) = rows.last() else { continue };
        for row in &rows {
            let (id, thread_id): (Id, Id) = (row.get(0)?, row.get(2)?);
            if row.get::<Id>(3)? != sweep.source_id || !row.get::<bool>(4)? {
                continue;
            }
            let payload = json!({ "source_id": sweep.source_id });
            let kind = if sweep.name == ARCHIVING {
                let sql = "UPDATE contents SET status = 'ignored', updated_at = $2 WHERE id = $1";
                tx.execute(sql, args![&id, now])?;
                "content.auto_ignored"
            } else {
                threads::close_silent(tx, id, now)?;
                "content.thread_auto_closed"
            };
            tx.append(events::caused_by_nobody(env, kind, id, Some(thread_id), payload));
        }
        tx.execute(
            "INSERT INTO sweeps (source_id, name, at, id) VALUES ($1, $2, $3, $4)
             ON CONFLICT (source_id, name) DO UPDATE SET at = excluded.at, id = excluded.id",
            args![&sweep.source_id, sweep.name, last.get::<Timestamp>(1)?, &last.get::<Id>(0)?],
        )?;
        return Ok(rows.len() as u64);
    }
    Ok(0)
}
