//! Reading the log.

use frontdesk_model::{Event, Id, Result, Timestamp};

use crate::args;
use crate::tx::Tx;
use crate::value::Row;

/// At most `limit` entries after `seq`, in order. No number after `seq` can appear later: numbers are given out under
/// one lock that is held to the commit.
pub fn read(tx: &mut dyn Tx, after_seq: i64, limit: i64) -> Result<Vec<Event>> {
    let rows = tx.query(
        "SELECT seq, id, kind, at, thread_id, object_id, user_id, payload FROM log
         WHERE seq > $1 ORDER BY seq LIMIT $2",
        args![after_seq, limit],
    )?;
    rows.iter().map(event).collect()
}

/// Those of these entries that are still kept, in order.
pub fn some(tx: &mut dyn Tx, seqs: &[i64]) -> Result<Vec<Event>> {
    let mut found = Vec::with_capacity(seqs.len());
    for seq in seqs {
        let sql = "SELECT seq, id, kind, at, thread_id, object_id, user_id, payload FROM log WHERE seq = $1";
        found.extend(tx.first(sql, args![*seq])?.map(|row| event(&row)).transpose()?);
    }
    Ok(found)
}

fn event(row: &Row) -> Result<Event> {
    Ok(Event {
        seq: row.get(0)?,
        id: row.get(1)?,
        kind: row.get(2)?,
        at: row.get(3)?,
        thread_id: row.get(4)?,
        object_id: row.get(5)?,
        user_id: row.get(6)?,
        payload: row.get(7)?,
    })
}

/// Removes entries older than `before` that every consumer has passed; at most `limit` of them, so that nobody waits
/// long behind it. Returns how many went.
pub fn forget(tx: &mut dyn Tx, before: Timestamp, limit: i64) -> Result<u64> {
    // By their ids, which are in time order: by the moment itself it would look at the whole log when nothing is due.
    tx.execute(
        "DELETE FROM log WHERE seq IN (
           SELECT seq FROM log
           WHERE id < $1 AND seq <= (SELECT min(position) FROM consumers) ORDER BY id LIMIT $2)",
        args![&Id::first_of(before), limit],
    )
}
