//! The rows of polling: when a source is asked next and by whom, and where each of its lists was read to.

use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_sources::inbound::ContentObject;
use frontdesk_store::{Row, Tx, args};

/// How long a worker may hold a source without writing: an answer, and the time to take in a part of it.
pub(super) const CLAIM_SECONDS: i64 = 120;
/// Characters that are kept of what is wrong with an object.
const EXPLANATION_CHARACTERS_MAX: usize = 500;

/// A source that this process is asking.
#[derive(Clone, Debug)]
pub(super) struct Claim {
    pub(super) source_id: Id,
    /// The claim's number: a later one makes this one void.
    pub(super) number: i64,
    /// When the run was due: who wanted another one meanwhile has changed it.
    pub(super) due_at: Timestamp,
    pub(super) failures: i64,
}

pub(super) fn due(tx: &mut dyn Tx, now: Timestamp, furthest: Timestamp, limit: i64) -> Result<Vec<Row>> {
    tx.query(
        "SELECT polls.source_id, polls.claim, polls.due_at, polls.failures FROM polls
         JOIN sources ON sources.id = polls.source_id
         WHERE (polls.due_at <= $1 OR polls.due_at > $3) AND sources.active
           AND (polls.claimed_until IS NULL OR polls.claimed_until <= $1 OR polls.claimed_until > $4)
         ORDER BY polls.due_at LIMIT $2",
        args![now, limit, furthest, now.plus_seconds(2 * CLAIM_SECONDS)],
    )
}

pub(super) fn claim(tx: &mut dyn Tx, node: Id, now: Timestamp, furthest: Timestamp, free: i64) -> Result<Vec<Claim>> {
    let mut claims = Vec::new();
    for row in due(tx, now, furthest, free)? {
        let number = row.get::<i64>(1)? + 1;
        let claim = Claim { source_id: row.get(0)?, number, due_at: row.get(2)?, failures: row.get(3)? };
        tx.execute(
            "UPDATE polls SET claim = $2, claimed_by = $3, claimed_until = $4 WHERE source_id = $1",
            args![&claim.source_id, claim.number, &node, now.plus_seconds(CLAIM_SECONDS)],
        )?;
        claims.push(claim);
    }
    Ok(claims)
}

/// Keeps the source for a while longer; whether it is still held.
pub(super) fn hold(tx: &mut dyn Tx, claim: &Claim, now: Timestamp) -> Result<bool> {
    let sql = "UPDATE polls SET claimed_until = $3 WHERE source_id = $1 AND claim = $2";
    Ok(tx.execute(sql, args![&claim.source_id, claim.number, now.plus_seconds(CLAIM_SECONDS)])? == 1)
}

/// Writes down what a channel told of itself. Copies of the source notice that it holds something else now.
pub(super) fn note(tx: &mut dyn Tx, claim: &Claim, implementation: Option<&str>) -> Result<bool> {
    let sql = "UPDATE polls SET implementation = $3 WHERE source_id = $1 AND claim = $2";
    if tx.execute(sql, args![&claim.source_id, claim.number, implementation])? == 0 {
        return Ok(false);
    }
    tx.execute("UPDATE sources SET version = version + 1 WHERE id = $1", args![&claim.source_id])?;
    Ok(true)
}

pub(super) fn since_id(tx: &mut dyn Tx, source_id: Id, object: ContentObject) -> Result<Option<String>> {
    let sql = "SELECT since_id FROM poll_cursors WHERE source_id = $1 AND object = $2";
    tx.first(sql, args![&source_id, object.as_str()])?.map(|row| row.get(0)).transpose()
}

/// The slice is taken in: the next one begins after this object.
pub(super) fn move_on(
    tx: &mut dyn Tx,
    claim: &Claim,
    object: ContentObject,
    since_id: &str,
    skipped: &[String],
) -> Result<bool> {
    if !is_held(tx, claim)? {
        return Ok(false);
    }
    tx.execute(
        "INSERT INTO poll_cursors (source_id, object, since_id) VALUES ($1, $2, $3)
         ON CONFLICT (source_id, object) DO UPDATE SET since_id = $3",
        args![&claim.source_id, object.as_str(), since_id],
    )?;
    skip(tx, claim, skipped)?;
    Ok(true)
}

fn is_held(tx: &mut dyn Tx, claim: &Claim) -> Result<bool> {
    let sql = "SELECT 1 FROM polls WHERE source_id = $1 AND claim = $2";
    Ok(tx.first(sql, args![&claim.source_id, claim.number])?.is_some())
}

/// Counts what was left out, and keeps what was wrong with the last.
pub(super) fn skip(tx: &mut dyn Tx, claim: &Claim, skipped: &[String]) -> Result<()> {
    let Some(last) = skipped.last() else { return Ok(()) };
    explain(tx, claim, skipped.len() as i64, last)
}

/// Keeps what was wrong with an object that was left out, and counts so many more.
pub(super) fn explain(tx: &mut dyn Tx, claim: &Claim, more: i64, why: &str) -> Result<()> {
    let why: String = why.chars().filter(|c| *c != '\0').take(EXPLANATION_CHARACTERS_MAX).collect();
    tx.execute(
        "UPDATE polls SET skipped = skipped + $3, skipped_last = $4 WHERE source_id = $1 AND claim = $2",
        args![&claim.source_id, claim.number, more, &why],
    )?;
    Ok(())
}

/// Writes down how a run went, and when the next one may begin unless somebody has asked for one meanwhile.
pub(super) fn finish(
    tx: &mut dyn Tx,
    env: &Env,
    claim: &Claim,
    failure: Option<&str>,
    next_seconds: i64,
) -> Result<()> {
    let now = env.now();
    tx.execute(
        "UPDATE polls SET claimed_by = NULL, claimed_until = NULL, error = $3, failures = $4, ended_at = $5,
                          due_at = CASE WHEN due_at = $6 THEN $7 ELSE due_at END
         WHERE source_id = $1 AND claim = $2",
        args![
            &claim.source_id,
            claim.number,
            failure,
            if failure.is_some() { claim.failures + 1 } else { 0 },
            now,
            claim.due_at,
            now.plus_seconds(next_seconds)
        ],
    )?;
    Ok(())
}
