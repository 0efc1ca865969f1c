//! Programs that answer each other end: what is written through the API has limits that
//! people do not meet. Beyond them nothing is written, and so the other side has nothing to answer.
//!
//! An ordinary reply pays little: one look at the minute before what it answers, if that is fresh, and one at the minute
//! before now, if the thread is long.

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
    let mut link = Some(Link::of(parent));
    let (mut length, mut next_at) = (0, at);
    while let Some(said) = link.take().filter(|said| next_at.seconds_since(said.at) <= CHAIN_SECONDS) {
        let Some(written) = said.written(tx)? else { break };
        length += 1;
        next_at = written.at;
        if let (Some(id), true) = (written.in_reply_to_id, length < CHAIN_MAX) {
            link = Link::load(id, tx)?;
        }
    }
    Ok(length)
}

/// What of a content matters here.
struct Link {
    id: Id,
    in_reply_to_id: Option<Id>,
    is_by_api: bool,
    at: Timestamp,
}

impl Link {
    fn of(content: &Content) -> Link {
        let is_by_api = content.created_from == "api";
        Link { id: content.id, in_reply_to_id: content.in_reply_to_id, is_by_api, at: content.created_at }
    }

    fn load(id: Id, tx: &mut dyn Tx) -> Result<Option<Link>> {
        let row = tx.first(
            "SELECT id, in_reply_to_id, created_from = 'api', created_at FROM contents WHERE id = $1",
            args![&id],
        )?;
        row.map(|row| Link::read(&row)).transpose()
    }

    fn read(row: &Row) -> Result<Link> {
        Ok(Link { id: row.get(0)?, in_reply_to_id: row.get(1)?, is_by_api: row.get(2)?, at: row.get(3)? })
    }

    /// The content itself when it was written through the API. Otherwise the one just before it that says the same: a
    /// channel that tells of what is written on it may do so before it has answered the push, and as whomever, so that
    /// nobody knows whose it is. Customers who repeat what they hear lose nothing by it: they can be answered, too.
    fn written(self, tx: &mut dyn Tx) -> Result<Option<Link>> {
        if self.is_by_api {
            return Ok(Some(self));
        }
        let row = tx.first(
            "SELECT ours.id, ours.in_reply_to_id, TRUE, ours.created_at FROM contents AS said
             JOIN contents AS ours ON ours.thread_id = said.thread_id AND ours.body = said.body
             WHERE said.id = $1 AND ours.created_from = 'api' AND ours.created_at > $2 AND ours.created_at <= $3
             ORDER BY ours.created_at DESC LIMIT 1",
            args![&self.id, self.at.plus_seconds(-CHAIN_SECONDS), self.at],
        )?;
        row.map(|row| Link::read(&row)).transpose()
    }
}
