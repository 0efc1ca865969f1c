//! Requests to receivers, as rows: what waits for another attempt, what failed for good, and the last that arrived. What
//! arrives at the first attempt becomes a row only then, and only so many of those are kept.

mod rest;

use std::collections::HashMap;

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_store::{Arg, Row, Tx, args, log};
use ring::digest;
use serde::{Deserialize, Serialize};

use crate::subscriptions::Webhook;

pub(crate) use rest::operations;

/// So many of the latest that arrived are kept for each webhook.
const DELIVERED_KEPT: i64 = 1_000;
/// So many of the latest attempts of one are kept.
const TRIES_KEPT: usize = 12;
/// So many are sent at once to a receiver that is left alone otherwise.
const BY_HAND_MAX: i64 = 4;
/// So many are written by one statement, which has so many columns for each.
const SAVED_TOGETHER: usize = 16;
const SAVED_COLUMNS: usize = 13;
/// At most so many rows are removed at once.
const REMOVED_MAX: i64 = 1_000;

/// Where it stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum State {
    /// It will be tried, for the first time or again.
    Waiting,
    /// Its receiver answered 200.
    Delivered,
    /// It was given up.
    Failed,
}

impl State {
    pub(crate) fn name(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Delivered => "delivered",
            State::Failed => "failed",
        }
    }

    pub(crate) fn read(name: &str) -> Option<State> {
        [State::Waiting, State::Delivered, State::Failed].into_iter().find(|state| state.name() == name)
    }
}

/// One attempt.
#[derive(Clone, Debug, Serialize, Deserialize, schemars::JsonSchema)]
pub(crate) struct Try {
    /// When it ended.
    pub(crate) at: String,
    /// The status of the answer, if there was one.
    pub(crate) status: Option<u16>,
    /// How long it took.
    pub(crate) milliseconds: i64,
    /// What went wrong, if there was no whole answer.
    pub(crate) error: Option<String>,
    /// How the answer began.
    pub(crate) answer: Option<String>,
    /// Whether it was one of those that only ask whether the receiver is there again: they use up no retry.
    pub(crate) probe: bool,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Delivery {
    /// The same whenever it is sent again.
    pub(crate) id: Id,
    pub(crate) webhook_id: Id,
    /// The events that it tells; none: a test.
    pub(crate) seqs: Vec<i64>,
    /// The thread within which it keeps its place, where the webhook asks for that.
    pub(crate) thread_id: Option<Id>,
    pub(crate) state: State,
    pub(crate) attempts: i64,
    pub(crate) tries: Vec<Try>,
    pub(crate) due_at: Option<Timestamp>,
    /// When it was put in line, for the first time or again.
    pub(crate) waiting_since: Timestamp,
    /// When the first of its events happened.
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

impl Delivery {
    /// The first sending of these events.
    pub(crate) fn of(webhook_id: Id, seqs: Vec<i64>, thread_id: Option<Id>, at: Timestamp, now: Timestamp) -> Delivery {
        Delivery {
            id: id_of(webhook_id, &seqs, at),
            webhook_id,
            seqs,
            thread_id,
            state: State::Waiting,
            attempts: 0,
            tries: Vec::new(),
            due_at: Some(now),
            waiting_since: now,
            created_at: at,
            updated_at: now,
        }
    }

    /// Notes an attempt.
    pub(crate) fn note(&mut self, attempt: Try) {
        self.tries.push(attempt);
        let excess = self.tries.len().saturating_sub(TRIES_KEPT);
        self.tries.drain(..excess);
    }

    /// Puts it in line again, with all its retries before it.
    pub(crate) fn wait_again(&mut self, now: Timestamp) {
        self.state = State::Waiting;
        self.attempts = 0;
        self.due_at = Some(now);
        self.waiting_since = now;
    }

    fn first_seq(&self) -> i64 {
        self.seqs.first().copied().unwrap_or(0)
    }
}

/// Made of what is sent, so that it is the same after a restart in which nobody remembers the first sending; and of the
/// time, so that ids grow with it.
fn id_of(webhook_id: Id, seqs: &[i64], at: Timestamp) -> Id {
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(&webhook_id.0);
    for seq in seqs {
        context.update(&seq.to_be_bytes());
    }
    let hash = context.finish();
    let tail = hash.as_ref().iter().take(6).fold(0_u64, |tail, byte| tail << 8 | u64::from(*byte));
    Id::from_parts(u64::try_from(at.micros() / 1_000).unwrap_or(0), tail)
}

const COLUMNS: &str = "webhook_deliveries.id, webhook_deliveries.webhook_id, webhook_deliveries.seqs,
    webhook_deliveries.thread_id, webhook_deliveries.state, webhook_deliveries.attempts, webhook_deliveries.tries,
    webhook_deliveries.due_at, webhook_deliveries.waiting_since, webhook_deliveries.created_at,
    webhook_deliveries.updated_at";

fn delivery(row: &Row) -> Result<Delivery> {
    let broken = |trouble: serde_json::Error| error::broken(format!("webhook_deliveries: {trouble}"));
    let state: String = row.get(4)?;
    Ok(Delivery {
        id: row.get(0)?,
        webhook_id: row.get(1)?,
        seqs: serde_json::from_str(&row.get::<String>(2)?).map_err(broken)?,
        thread_id: row.get(3)?,
        state: State::read(&state).ok_or_else(|| error::broken(format!("webhook_deliveries.state: {state}")))?,
        attempts: row.get(5)?,
        tries: serde_json::from_str(&row.get::<String>(6)?).map_err(broken)?,
        due_at: row.get(7)?,
        waiting_since: row.get(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

/// Writes a delivery down as it is now.
pub(crate) fn save(tx: &mut dyn Tx, delivery: &Delivery) -> Result<()> {
    save_some(tx, &[delivery])
}

/// Writes deliveries down as they are now; of several states of one the last.
pub(crate) fn save_all(tx: &mut dyn Tx, deliveries: &[Delivery]) -> Result<()> {
    let mut last: HashMap<Id, usize> = HashMap::with_capacity(deliveries.len());
    last.extend(deliveries.iter().enumerate().map(|(at, delivery)| (delivery.id, at)));
    let current: Vec<&Delivery> =
        deliveries.iter().enumerate().filter(|(at, one)| last.get(&one.id) == Some(at)).map(|(_, one)| one).collect();
    let (together, rest) = current.as_chunks::<SAVED_TOGETHER>();
    for some in together {
        save_some(tx, some)?;
    }
    rest.iter().try_for_each(|one| save(tx, one))
}

/// One statement for all of them: on PostgreSQL a statement is a journey, and everybody who writes waits for it.
fn save_some(tx: &mut dyn Tx, deliveries: &[&Delivery]) -> Result<()> {
    let json = |trouble: serde_json::Error| error::broken(trouble.to_string());
    let texts: Vec<(String, String)> = deliveries
        .iter()
        .map(|one| Ok((serde_json::to_string(&one.seqs)?, serde_json::to_string(&one.tries)?)))
        .collect::<serde_json::Result<_>>()
        .map_err(json)?;
    let mut args: Vec<Arg> = Vec::with_capacity(deliveries.len() * SAVED_COLUMNS);
    for (delivery, (seqs, tries)) in deliveries.iter().zip(&texts) {
        args.extend(args![
            &delivery.id,
            &delivery.webhook_id,
            seqs,
            delivery.first_seq(),
            &delivery.thread_id,
            delivery.state.name(),
            delivery.attempts,
            tries,
            delivery.due_at,
            delivery.updated_at,
            delivery.waiting_since,
            delivery.created_at,
            delivery.updated_at
        ]);
    }
    let row = |number: usize| {
        let places: Vec<String> = (1..=SAVED_COLUMNS).map(|at| format!("${}", number * SAVED_COLUMNS + at)).collect();
        format!("({})", places.join(", "))
    };
    let rows: Vec<String> = (0..deliveries.len()).map(row).collect();
    let sql = format!(
        "INSERT INTO webhook_deliveries (id, webhook_id, seqs, first_seq, thread_id, state, attempts, tries, due_at,
           tried_at, waiting_since, created_at, updated_at)
         VALUES {}
         ON CONFLICT (id) DO UPDATE SET state = excluded.state, attempts = excluded.attempts, tries = excluded.tries,
           due_at = excluded.due_at, tried_at = excluded.tried_at, waiting_since = excluded.waiting_since,
           updated_at = excluded.updated_at",
        rows.join(", ")
    );
    tx.execute(&sql, &args)?;
    Ok(())
}

/// What is due for a webhook, the longest due first; of a thread that keeps its order, only the earliest.
pub(crate) fn due(tx: &mut dyn Tx, webhook_id: Id, now: Timestamp, limit: usize) -> Result<Vec<Delivery>> {
    rows(tx, "due_at <= $2", "due_at", args![&webhook_id, now, limit as i64])
}

/// What waits and was last tried before, the longest ago first; of a thread that keeps its order, only the earliest.
pub(crate) fn tried_before(tx: &mut dyn Tx, webhook_id: Id, before: Timestamp, limit: usize) -> Result<Vec<Delivery>> {
    rows(tx, "due_at IS NOT NULL AND tried_at < $2", "tried_at", args![&webhook_id, before, limit as i64])
}

/// What somebody has just sent again by hand, or as a test.
pub(crate) fn by_hand(tx: &mut dyn Tx, webhook_id: Id, now: Timestamp) -> Result<Vec<Delivery>> {
    let condition = "due_at <= $2 AND (waiting_since > tried_at OR seqs = '[]')";
    rows(tx, condition, "due_at", args![&webhook_id, now, BY_HAND_MAX])
}

/// How many tests of a webhook were made since, and when the first of them was. Only those of the last minute or so are
/// looked at: the ids of tests begin with the time.
pub(crate) fn tests_since(tx: &mut dyn Tx, webhook_id: Id, since: Timestamp) -> Result<(i64, Option<Timestamp>)> {
    let row = tx.one(
        "SELECT count(*), min(created_at) FROM webhook_deliveries
         WHERE webhook_id = $1 AND id >= $2 AND seqs = '[]' AND created_at > $3",
        args![&webhook_id, &Id::first_of(since), since],
    )?;
    Ok((row.get(0)?, row.get(1)?))
}

fn rows(tx: &mut dyn Tx, condition: &str, order: &str, args: &[frontdesk_store::Arg]) -> Result<Vec<Delivery>> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM webhook_deliveries
             WHERE webhook_id = $1 AND {condition}
               AND (thread_id IS NULL OR NOT EXISTS (
                 SELECT 1 FROM webhook_deliveries AS earlier
                 WHERE earlier.webhook_id = webhook_deliveries.webhook_id
                   AND earlier.thread_id = webhook_deliveries.thread_id
                   AND earlier.first_seq < webhook_deliveries.first_seq AND earlier.due_at IS NOT NULL))
             ORDER BY {order} LIMIT $3"
        ),
        args,
    )?;
    rows.iter().map(delivery).collect()
}

/// Makes due now what waits for a clock that was set back: no pause is so long.
pub(crate) fn bring_back(tx: &mut dyn Tx, webhook_id: Id, furthest: Timestamp, now: Timestamp) -> Result<()> {
    let sql = "UPDATE webhook_deliveries SET due_at = $3 WHERE webhook_id = $1 AND due_at > $2";
    tx.execute(sql, args![&webhook_id, furthest, now]).map(drop)
}

/// When the next one is due.
pub(crate) fn next_due(tx: &mut dyn Tx, webhook_id: Id) -> Result<Option<Timestamp>> {
    let sql = "SELECT min(due_at) FROM webhook_deliveries WHERE webhook_id = $1 AND due_at IS NOT NULL";
    tx.one(sql, args![&webhook_id])?.get(0)
}

/// What waits in threads that keep their order: thread and delivery.
pub(crate) fn waiting_threads(tx: &mut dyn Tx, webhook_id: Id) -> Result<Vec<(Id, Id)>> {
    let sql = "SELECT thread_id, id FROM webhook_deliveries
               WHERE webhook_id = $1 AND due_at IS NOT NULL AND thread_id IS NOT NULL";
    tx.query(sql, args![&webhook_id])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Puts what has ended in line again, with all its retries before it. What was given up together is sent in the
/// receiver's measure: returns the first of the requests, and how many they are.
pub(crate) fn again(
    tx: &mut dyn Tx,
    webhook: &Webhook,
    mut ended: Delivery,
    now: Timestamp,
) -> Result<(Delivery, i64)> {
    let most = webhook.events_together();
    if ended.seqs.len() <= most {
        ended.wait_again(now);
        save(tx, &ended)?;
        return Ok((ended, 1));
    }
    remove(tx, ended.id)?;
    let events = log::some(tx, &ended.seqs)?;
    let (mut first, mut count) = (None, 0);
    for some in events.chunks(most) {
        let Some(one) = some.first() else { continue };
        let thread_id = one.thread_id.filter(|_| webhook.is_ordered());
        let seqs = some.iter().map(|event| event.seq).collect();
        let request = Delivery::of(webhook.id, seqs, thread_id, one.at, now);
        put_in_line(tx, &request)?;
        first.get_or_insert(request);
        count += 1;
    }
    // The log has forgotten all of it.
    Ok((first.unwrap_or(ended), count))
}

/// Puts a request in line; one that was sent before keeps its history.
pub(crate) fn put_in_line(tx: &mut dyn Tx, delivery: &Delivery) -> Result<()> {
    let sql = format!("SELECT {COLUMNS} FROM webhook_deliveries WHERE id = $1");
    match tx.first(&sql, args![&delivery.id])? {
        None => save(tx, delivery),
        Some(row) => {
            let mut known = self::delivery(&row)?;
            known.wait_again(delivery.waiting_since);
            save(tx, &known)
        }
    }
}

/// How many wait for a webhook; no more than `limit` are counted.
pub(crate) fn in_line(tx: &mut dyn Tx, webhook_id: Id, limit: i64) -> Result<i64> {
    let sql = "SELECT count(*) FROM (
                 SELECT 1 FROM webhook_deliveries WHERE webhook_id = $1 AND due_at IS NOT NULL LIMIT $2) AS waiting";
    tx.one(sql, args![&webhook_id, limit])?.get(0)
}

/// What failed for good in a range of the log, in its order.
pub(crate) fn failed(tx: &mut dyn Tx, webhook_id: Id, first: i64, last: i64, limit: i64) -> Result<Vec<Delivery>> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM webhook_deliveries
             WHERE webhook_id = $1 AND state = 'failed' AND first_seq BETWEEN $2 AND $3 ORDER BY first_seq LIMIT $4"
        ),
        args![&webhook_id, first, last, limit],
    )?;
    rows.iter().map(delivery).collect()
}

/// Cuts what was given up together in two where it reaches over this number, so that a range that begins here finds what
/// belongs to it. Of what lies before, at most `limit` are looked at: such a request holds events that follow each other.
pub(crate) fn cut(tx: &mut dyn Tx, webhook_id: Id, at: i64, limit: i64) -> Result<()> {
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM webhook_deliveries
             WHERE webhook_id = $1 AND state = 'failed' AND first_seq < $2 ORDER BY first_seq DESC LIMIT $3"
        ),
        args![&webhook_id, at, limit],
    )?;
    for row in &rows {
        let failed = delivery(row)?;
        if failed.seqs.iter().any(|seq| *seq >= at) {
            let (before, rest) = parts(tx, &failed, at)?;
            remove(tx, failed.id)?;
            save(tx, &before)?;
            save(tx, &rest)?;
        }
    }
    Ok(())
}

/// The events of what was given up that lie before this number, and the others: two requests of their own, with the
/// history of the one that they were.
pub(crate) fn parts(tx: &mut dyn Tx, failed: &Delivery, at: i64) -> Result<(Delivery, Delivery)> {
    let (before, rest): (Vec<i64>, Vec<i64>) = failed.seqs.iter().partition(|seq| **seq < at);
    let first = rest.first().map(|seq| log::some(tx, &[*seq])).transpose()?.unwrap_or_default();
    let rest_at = first.first().map_or(failed.created_at, |event| event.at);
    let part = |seqs: Vec<i64>, created_at| Delivery {
        id: id_of(failed.webhook_id, &seqs, created_at),
        seqs,
        created_at,
        ..failed.clone()
    };
    Ok((part(before, failed.created_at), part(rest, rest_at)))
}

/// Forgets one.
pub(crate) fn remove(tx: &mut dyn Tx, id: Id) -> Result<()> {
    tx.execute("DELETE FROM webhook_deliveries WHERE id = $1", args![&id])?;
    Ok(())
}

/// Gives up what was put in line before `before` and has not arrived.
pub(crate) fn give_up(tx: &mut dyn Tx, webhook_id: Id, before: Timestamp) -> Result<u64> {
    tx.execute(
        "UPDATE webhook_deliveries SET state = 'failed', due_at = NULL
         WHERE webhook_id = $1 AND due_at IS NOT NULL AND waiting_since < $2",
        args![&webhook_id, before],
    )
}

/// Forgets what arrived but for the latest, and what the log does not know any more.
pub(crate) fn trim(tx: &mut dyn Tx, webhook_id: Id, log_kept_since: Timestamp) -> Result<()> {
    tx.execute(
        "DELETE FROM webhook_deliveries WHERE id IN (
           SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'delivered'
           ORDER BY first_seq DESC LIMIT $3 OFFSET $2)",
        args![&webhook_id, DELIVERED_KEPT, REMOVED_MAX],
    )?;
    tx.execute(
        "DELETE FROM webhook_deliveries WHERE id IN (
           SELECT id FROM webhook_deliveries WHERE webhook_id = $1 AND state = 'failed' AND created_at < $2 LIMIT $3)",
        args![&webhook_id, log_kept_since, REMOVED_MAX],
    )?;
    Ok(())
}

/// How many wait, for the metrics.
pub fn waiting(tx: &mut dyn Tx) -> Result<i64> {
    tx.one("SELECT count(*) FROM webhook_deliveries WHERE due_at IS NOT NULL", args![])?.get(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_the_same_id_whenever_it_is_made() {
        let (webhook, at) = (Id::from_parts(1, 2), Timestamp::from_micros(1_700_000_000_123_456));
        let first = Delivery::of(webhook, vec![7, 9], None, at, at);
        assert_eq!(first.id, Delivery::of(webhook, vec![7, 9], None, at, at).id);
        for other in [
            Delivery::of(webhook, vec![7], None, at, at),
            Delivery::of(webhook, vec![9, 7], None, at, at),
            Delivery::of(Id::from_parts(1, 3), vec![7, 9], None, at, at),
        ] {
            assert_ne!(first.id, other.id);
        }
        assert!(first.id < Delivery::of(webhook, vec![7], None, at.plus_seconds(1), at).id);
    }
}
