//! Live chats in which nobody has answered: after their source's time it is said that nobody is there, and they are over.
//! A timer.

use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_store::{Tx, args};

use super::notices::{self, Saying};

/// Somebody has taken part in a thread.
const ANSWERED: &str = "SELECT 1 FROM interventions WHERE thread_id = $1
    UNION ALL SELECT 1 FROM contents WHERE thread_id = $1 AND creator_id IS NOT NULL LIMIT 1";

/// A visitor has written: they wait from their first message on, at most until `due_at`.
pub fn wait(tx: &mut dyn Tx, thread_id: Id, due_at: Timestamp) -> Result<()> {
    let row = tx.first("SELECT closed FROM threads WHERE id = $1", args![&thread_id])?;
    let is_over = row.map(|row| row.get(0)).transpose()?.unwrap_or(true);
    if is_over || tx.first(ANSWERED, args![&thread_id])?.is_some() {
        return Ok(());
    }
    let sql = "INSERT INTO visitor_waits (thread_id, due_at) VALUES ($1, $2) ON CONFLICT (thread_id) DO NOTHING";
    tx.execute(sql, args![&thread_id, due_at])?;
    Ok(())
}

const DUE: &str = "SELECT visitor_waits.thread_id, threads.source_id, threads.closed FROM visitor_waits
    JOIN threads ON threads.id = visitor_waits.thread_id WHERE due_at <= $1 ORDER BY due_at LIMIT $2";

/// Whether somebody has waited long enough.
pub(crate) fn any_due(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    Ok(tx.first(DUE, args![now, 1])?.is_some())
}

/// Ends what nobody has answered in time; returns how many were looked at.
pub(crate) fn end_due(tx: &mut dyn Tx, env: &Env, limit: i64) -> Result<u64> {
    let now = env.now();
    let rows = tx.query(DUE, args![now, limit])?;
    for row in &rows {
        let (thread_id, source_id, closed): (Id, Id, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
        tx.execute("DELETE FROM visitor_waits WHERE thread_id = $1", args![&thread_id])?;
        if !closed && tx.first(ANSWERED, args![&thread_id])?.is_none() {
            notices::give_up(tx, env, Saying { thread_id, source_id, at: now })?;
        }
    }
    Ok(rows.len() as u64)
}
