//! Programs that answer each other end: what is written through the API has limits that
//! people do not meet. Beyond them nothing is written, and so the other side has nothing to answer.
//!
//! An ordinary reply pays nothing for the first rule, as what it answers is a customer's; and for the second only in a
//! thread that is long enough.

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_rest::Call;
use frontdesk_store::{Row, Tx, args};

use super::Content;
use crate::threads::Thread;

/// At most this many contents in a row, each written through the API in answer to the one before.
const CHAIN_MAX: usize = 10;
/// An answer later than this after what it answers begins a new chain: somebody has thought meanwhile.
const CHAIN_SECONDS: i64 = 60;
/// At most this many contents are written through the API in one thread within [`THREAD_SECONDS`].
const PER_THREAD_MAX: i64 = 60;
const THREAD_SECONDS: i64 = 60;

/// 422 when an answer to `parent` would make a chain too long, 429 when too much is written in the thread.
pub(super) fn check(call: &Call, thread: &Thread, parent: &Content, tx: &mut dyn Tx) -> Result<()> {
    let now = call.env.now();
    if chain_before(parent, now, tx)? >= CHAIN_MAX {
        tracing::warn!(thread_id = %thread.id, user_id = %call.caller.user_id, "answers to answers went on for too long");
        let message = format!(
            "in_reply_to_id: {CHAIN_MAX} contents in a row were written through the API, each in answer to the one before \
             and within {CHAIN_SECONDS} seconds: programs that answer each other. Answer what a customer wrote, or wait \
             {CHAIN_SECONDS} seconds."
        );
        return Err(error::invalid("in_reply_to_id", "automation_limit", message));
    }
    if thread.contents_count < PER_THREAD_MAX {
        return Ok(());
    }
    // As many as are allowed, the newest first: how many there are, and which one goes out of sight next.
    let row = tx.one(
        "SELECT count(*), min(created_at) FROM
           (SELECT created_at FROM contents WHERE thread_id = $1 AND created_at > $2 AND created_from = 'api'
            ORDER BY created_at DESC LIMIT $3) AS written",
        args![&thread.id, now.plus_seconds(-THREAD_SECONDS), PER_THREAD_MAX],
    )?;
    let (written, oldest): (i64, Option<Timestamp>) = (row.get(0)?, row.get(1)?);
    if written < PER_THREAD_MAX {
        return Ok(());
    }
    tracing::warn!(thread_id = %thread.id, user_id = %call.caller.user_id, "too much is written in one thread");
    let passed = oldest.map_or(0, |oldest| now.seconds_since(oldest));
    let message = format!(
        "At most {PER_THREAD_MAX} contents a minute are written through the API in one thread: try again later."
    );
    Err(error::too_many(message, u64::try_from(THREAD_SECONDS - passed).unwrap_or(0).max(1)))
}

/// How many contents were written before one that is written `at` in answer to `parent`, without a pause; at most
/// [`CHAIN_MAX`].
fn chain_before(parent: &Content, at: Timestamp, tx: &mut dyn Tx) -> Result<usize> {
    let mut link = Some((parent.in_reply_to_id, parent.created_from == "api", parent.created_at));
    let (mut length, mut next_at) = (0, at);
    while let Some((parent_id, true, written_at)) = link {
        if next_at.seconds_since(written_at) > CHAIN_SECONDS {
            break;
        }
        length += 1;
        next_at = written_at;
        link = match parent_id {
            Some(id) if length < CHAIN_MAX => read_link(id, tx)?,
            _ => None,
        };
    }
    Ok(length)
}

type Link = (Option<Id>, bool, Timestamp);

fn read_link(id: Id, tx: &mut dyn Tx) -> Result<Option<Link>> {
    let row =
        tx.first("SELECT in_reply_to_id, created_from = 'api', created_at FROM contents WHERE id = $1", args![&id])?;
    let link = |row: Row| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
    row.map(link).transpose()
}
