//! What services tell us by themselves, by a request to `/channels/{kind}/{source_id}`: taken in event by event, before
//! anybody reads it, and read by a worker, each by itself. A repeat is known by its key. What cannot be read is kept and
//! shown with its reason; what is of no known kind is kept and counted.

mod receiving;
mod rest;
mod signing_in;
mod taking_in;
mod trying;

use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_sources::ingress::Received;
use frontdesk_store::{Tx, args};

pub use receiving::router;
pub(crate) use rest::operations;
pub use taking_in::run;

/// How long an event's key is remembered once it was read, seconds. Services repeat for a day and a half, some for a week;
/// what was taken in is known by its own id for ever.
const KEPT_SECONDS: i64 = 8 * 86_400;
/// How long what was not read is kept, seconds.
const UNREAD_KEPT_SECONDS: i64 = 30 * 86_400;

/// Keeps an event of a source, unless it came before. Returns whether it is new.
fn keep(tx: &mut dyn Tx, env: &Env, source_id: Id, event: &Received, fault: Option<&str>) -> Result<bool> {
    let now = env.now();
    let (state, due_at) = if fault.is_some() { ("failed", None) } else { ("waiting", Some(now)) };
    let inserted = tx.execute(
        "INSERT INTO channel_events (id, source_id, key, name, state, payload, error, attempts, received_at, due_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $9)
         ON CONFLICT (source_id, key) DO NOTHING",
        args![&env.id(), &source_id, &event.key, &event.name, state, &event.payload, fault, now, due_at],
    )?;
    Ok(inserted == 1)
}

/// Counts what a source has got.
fn count(
    tx: &mut dyn Tx,
    source_id: Id,
    received: i64,
    unknown: i64,
    failed: i64,
    at: Option<Timestamp>,
) -> Result<()> {
    tx.execute(
        "INSERT INTO channel_health (source_id, received, unknown, failed, last_at) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (source_id) DO UPDATE SET received = channel_health.received + $2,
           unknown = channel_health.unknown + $3, failed = channel_health.failed + $4,
           last_at = COALESCE($5, channel_health.last_at)",
        args![&source_id, received, unknown, failed, at],
    )?;
    Ok(())
}

/// Forgets what is too old, at most so many. Returns how many there were.
pub fn forget_old(tx: &mut dyn Tx, now: Timestamp, limit: i64) -> Result<u64> {
    // Ids grow with time, so the oldest are found first.
    let mut gone = 0;
    for (states, seconds) in [("state = 'done'", KEPT_SECONDS), ("state IN ('unknown', 'failed')", UNREAD_KEPT_SECONDS)]
    {
        let sql = format!(
            "DELETE FROM channel_events WHERE id IN
               (SELECT id FROM channel_events WHERE id < $1 AND {states} ORDER BY id LIMIT $2)"
        );
        gone += tx.execute(&sql, args![&Id::first_of(now.plus_seconds(-seconds)), limit])?;
    }
    Ok(gone)
}

/// Forgets a source that goes.
pub(crate) fn forget(tx: &mut dyn Tx, source_id: Id) -> Result<()> {
    for table in [
        "channel_events",
        "channel_health",
        "conversation_control",
        "channel_sign_ins",
        "channel_tokens",
        "channel_profiles",
    ] {
        tx.execute(&format!("DELETE FROM {table} WHERE source_id = $1"), args![&source_id])?;
    }
    Ok(())
}

/// 404 for an event that is not there.
fn unknown() -> error::Error {
    error::not_found("channel event")
}
