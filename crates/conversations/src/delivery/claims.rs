//! Which deliveries are whose turn: an attempt is claimed for a while, so that several nodes do not make the same.

use std::collections::HashMap;

use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_store::{Due, Row, Tx, args};

use super::outbox::Task;
use super::outcomes::PAUSES_SECONDS;
use crate::quotas;

/// How long a worker may hold a delivery: a call in both spellings and the time to write down how it went. One of several
/// calls holds it anew before each.
pub(super) const CLAIM_SECONDS: i64 = 60;
pub(super) const DUE: Due<'static> =
    Due { table: "deliveries", column: "due_at", condition: "TRUE", ahead_seconds_max: 2 * PAUSES_SECONDS[1] };
/// At most this many attempts at once to one source.
const ATTEMPTS_PER_SOURCE_MAX: usize = 8;

/// How many attempts run now, by source; none is not counted.
pub(super) type Running = HashMap<Id, usize>;

/// A delivery that this process is at. Content, event and number tell it from every other claim.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) content_id: Id,
    pub(super) source_id: Id,
    /// The number of the event that asked for it: sending again is another delivery, whose claims count from 1.
    pub(super) seq: i64,
    /// Attempts that have failed.
    pub(super) attempts: i64,
    /// Whether an attempt was begun before this one.
    pub(super) started_before: bool,
    /// What is to be done.
    pub(super) task: Task,
    /// How many of its parts are there.
    pub(super) parts_done: i64,
    /// The claim's number: a later claim makes this one's outcome void.
    pub(super) number: i64,
}

/// The sources that take no more attempts now.
pub(super) fn busy(running: &Running) -> Vec<Id> {
    running.iter().filter(|(_, count)| **count >= ATTEMPTS_PER_SOURCE_MAX).map(|(id, _)| *id).collect()
}

pub(super) fn due(tx: &mut dyn Tx, now: Timestamp, busy_sources: &[Id], limit: usize) -> Result<Vec<Row>> {
    let busy = tx.in_list("source_id", 2);
    tx.query(
        &format!(
            "SELECT content_id, source_id, seq, attempts, started, claim, action, parts_done FROM deliveries
             WHERE due_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1 OR claimed_until > $4) AND NOT {busy}
               AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier
                               WHERE earlier.thread_id = deliveries.thread_id
                                 AND earlier.seq < deliveries.seq)
               AND NOT EXISTS (SELECT 1 FROM channel_quotas
                               WHERE channel_quotas.source_id = deliveries.source_id
                                 AND paused_until > $1 AND paused_until <= $5)
             ORDER BY due_at, seq LIMIT $3"
        ),
        args![
            now,
            busy_sources,
            limit as i64,
            now.plus_seconds(2 * CLAIM_SECONDS),
            now.plus_seconds(quotas::PAUSE_SECONDS_MAX)
        ],
    )
}

/// Claims at most `free` due deliveries, and of one source no more than it takes beside those that run.
pub(super) fn claim(tx: &mut dyn Tx, node: Id, now: Timestamp, running: &Running, free: usize) -> Result<Vec<Claim>> {
    let mut running = running.clone();
    let mut claims = Vec::new();
    for row in due(tx, now, &busy(&running), free)? {
        let claim = Claim {
            content_id: row.get(0)?,
            source_id: row.get(1)?,
            seq: row.get(2)?,
            attempts: row.get(3)?,
            started_before: row.get(4)?,
            number: row.get::<i64>(5)? + 1,
            task: Task::named(&row.get::<String>(6)?),
            parts_done: row.get(7)?,
        };
        let of_source = running.entry(claim.source_id).or_default();
        if *of_source >= ATTEMPTS_PER_SOURCE_MAX {
            continue;
        }
        *of_source += 1;
        tx.execute(
            "UPDATE deliveries SET claim = $2, claimed_by = $3, claimed_until = $4, started = TRUE WHERE content_id = $1",
            args![&claim.content_id, claim.number, &node, now.plus_seconds(CLAIM_SECONDS)],
        )?;
        claims.push(claim);
    }
    Ok(claims)
}

/// There is nothing left to send, such as after an erasure.
pub(super) fn forget(tx: &mut dyn Tx, claim: &Claim) -> Result<()> {
    tx.execute(
        "DELETE FROM deliveries WHERE content_id = $1 AND seq = $2 AND claim = $3",
        args![&claim.content_id, claim.seq, claim.number],
    )?;
    Ok(())
}

/// When each of these contents is tried again that wait for it; a source that pauses tries nothing before its pause ends.
pub(crate) fn next_attempts(tx: &mut dyn Tx, content_ids: &[Id], now: Timestamp) -> Result<HashMap<Id, Timestamp>> {
    if content_ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "SELECT deliveries.content_id, deliveries.due_at, channel_quotas.paused_until FROM deliveries
         LEFT JOIN channel_quotas ON channel_quotas.source_id = deliveries.source_id
           AND channel_quotas.paused_until > $2 AND channel_quotas.paused_until <= $3
         WHERE {}",
        tx.in_list("deliveries.content_id", 1)
    );
    let latest = now.plus_seconds(quotas::PAUSE_SECONDS_MAX);
    let rows = tx.query(&sql, args![content_ids, now, latest])?;
    rows.iter()
        .map(|row| {
            let (due_at, paused_until): (Timestamp, Option<Timestamp>) = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, paused_until.map_or(due_at, |until| due_at.max(until))))
        })
        .collect()
}
