//! Programs that react to each other come to an end, whatever they do: what can be told to a program, and so can make it
//! act, is caused by users only so often. People and programs that do their work do not meet these limits. How often
//! contents are written, and in answer to what, is limited in `contents/automation.rs`.

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_rest::Call;
use frontdesk_store::{Row, Tx, args};

/// At most so many events of one kind are caused by users in one thread within [`PACE_SECONDS`]; and as many discussions
/// begun with one identity, or by one user with nobody in particular.
const PACE_MAX: i64 = 60;
const PACE_SECONDS: i64 = 60;

/// 429 when there have been too many events of this kind in this thread.
pub fn check(call: &Call, thread_id: Id, kind: &str, tx: &mut dyn Tx) -> Result<()> {
    let since = call.env.now().plus_seconds(-PACE_SECONDS);
    // Written so that the index of a thread's events serves it.
    let row = tx.one(
        "SELECT count(*), min(at) FROM
           (SELECT at FROM log WHERE thread_id = $1 AND kind <> 'content.imported' AND id >= $2 AND kind = $3 AND at > $4
              AND user_id IS NOT NULL
            ORDER BY id DESC LIMIT $5) AS caused",
        args![&thread_id, &Id::first_of(since), kind, since, PACE_MAX],
    )?;
    judge(call, &row, kind, || format!("events {kind} a minute are caused in one thread"))
}

/// 429 when too many discussions have begun: with this customer, or of this user's with nobody.
pub(crate) fn check_discussion(call: &Call, source_id: Id, recipient: Option<Id>, tx: &mut dyn Tx) -> Result<()> {
    let kind = "content.discussion_initiated";
    let since = call.env.now().plus_seconds(-PACE_SECONDS);
    let row = match recipient {
        Some(identity_id) => tx.one(
            "SELECT count(*), min(created_at) FROM
               (SELECT created_at FROM threads
                WHERE author_id = $1 AND source_id = $2 AND last_content_at > $3 AND created_at > $3
                ORDER BY last_content_at DESC LIMIT $4) AS begun",
            args![&identity_id, &source_id, since, PACE_MAX],
        )?,
        None => tx.one(
            "SELECT count(*), min(at) FROM
               (SELECT at FROM log WHERE user_id = $1 AND id >= $2 AND kind = $3 AND at > $4
                ORDER BY id DESC LIMIT $5) AS begun",
            args![&call.caller.user_id, &Id::first_of(since), kind, since, PACE_MAX],
        )?,
    };
    judge(call, &row, kind, || match recipient {
        Some(_) => "discussions a minute are begun with one customer".to_owned(),
        None => "discussions a minute are begun by one user".to_owned(),
    })
}

/// Of a row that says how many there have been, and when the first of them was.
fn judge(call: &Call, row: &Row, kind: &str, what: impl Fn() -> String) -> Result<()> {
    let (count, first): (i64, Option<Timestamp>) = (row.get(0)?, row.get(1)?);
    if count < PACE_MAX {
        return Ok(());
    }
    tracing::warn!(kind, user_id = %call.caller.user_id, "programs seem to react to each other");
    let passed = first.map_or(0, |first| call.env.now().seconds_since(first));
    let message = format!("At most {PACE_MAX} {}: try again later.", what());
    Err(error::too_many(message, u64::try_from(PACE_SECONDS - passed).unwrap_or(0).max(1)))
}
