//! Telling a range of the log again: what was missed, or everything (peers.md, theme 2).

use std::sync::Arc;
use std::time::Duration;

use frontdesk_conversations::Conversations;
use frontdesk_model::{Event, Id, Result, Timestamp, error};
use frontdesk_rest::{Call, Operation, Page, Paging};
use frontdesk_store::{Row, Tx, args, log};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use crate::deliveries::{self, Delivery};
use crate::subscriptions::{self, Webhook};

/// At most so many entries of the log are looked at in one transaction.
const STEP_EVENTS: i64 = 500;
/// No more are put in line while so many wait: the receiver sets the pace.
const IN_LINE_MAX: i64 = 1_000;
/// Replays that have not come to their end, for one webhook.
const REPLAYS_MAX: i64 = 10;
/// So far apart at most are, in the order of commits, events of the same moment: what many batches commit.
const DISORDER_EVENTS: i64 = 1_000;
const LOOK_PERIOD: Duration = Duration::from_millis(500);

/// A replay as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookReplay")]
struct Replay {
    id: Id,
    webhook_id: Id,
    /// The number of the event that comes next.
    next_seq: i64,
    /// The number of the last event that belongs to it.
    last_seq: i64,
    /// Whether only that is sent which failed for good.
    only_failed: bool,
    /// How many requests were put in line so far.
    deliveries: i64,
    /// Whether everything has been put in line.
    finished: bool,
    created_at: Timestamp,
}

const COLUMNS: &str = "id, webhook_id, next_seq, last_seq, only_failed, deliveries, created_at";

fn replay(row: &Row) -> Result<Replay> {
    let (next_seq, last_seq): (i64, i64) = (row.get(2)?, row.get(3)?);
    Ok(Replay {
        id: row.get(0)?,
        webhook_id: row.get(1)?,
        next_seq,
        last_seq,
        only_failed: row.get(4)?,
        deliveries: row.get(5)?,
        finished: next_seq > last_seq,
        created_at: row.get(6)?,
    })
}

/// Parameters of `replayWebhook`. A range needs a beginning: from_seq or from_time.
#[derive(Deserialize, JsonSchema)]
struct Range {
    /// The number of the first event: at least 0, and none that is still to come.
    from_seq: Option<i64>,
    /// The number of the last event, not before from_seq; the newest when absent or beyond it.
    to_seq: Option<i64>,
    /// Events of this moment or later, in place of from_seq.
    from_time: Option<String>,
    /// Events up to this moment, in place of to_seq; not before from_time.
    to_time: Option<String>,
    /// Whether only that is sent which failed for good; false when absent: everything that the webhook is registered for.
    only_failed: Option<bool>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Webhooks";
    vec![
        Operation::write("replayWebhook", Method::POST, "/webhooks/{webhookId}/replay", begin)
            .tag(tag)
            .summary("Sends a range of time or of event numbers again, under the same ids.")
            .notes(
                "The range may reach back as far as the log is kept: `next_seq` of the answer tells where it really \
                 begins. It is put in line step by step; the list of replays shows how far it has come.",
            )
            .extension(),
        Operation::read("getAllWebhookReplays", Method::GET, "/webhooks/{webhookId}/replays", list)
            .tag(tag)
            .summary("Lists the replays of a webhook, newest first.")
            .extension(),
    ]
}

fn begin(call: &Call, range: Range, tx: &mut dyn Tx) -> Result<Replay> {
    let webhook = subscriptions::find(call, tx)?;
    subscriptions::require_covered(call, webhook.access_token_id, tx)?;
    webhook.require_active()?;
    let unfinished = "SELECT count(*) FROM webhook_replays WHERE webhook_id = $1 AND next_seq <= last_seq";
    if tx.one(unfinished, args![&webhook.id])?.get::<i64>(0)? >= REPLAYS_MAX {
        let message = format!("{REPLAYS_MAX} replays of this webhook have not come to their end yet: wait for one.");
        return Err(error::unprocessable("too_many_replays", message));
    }
    let (first, last) = range.bounds(tx)?;
    let only_failed = range.only_failed.unwrap_or(false);
    if only_failed {
        deliveries::cut(tx, webhook.id, first, STEP_EVENTS)?;
    }
    let (id, now) = (call.env.id(), call.env.now());
    tx.execute(
        "INSERT INTO webhook_replays (id, webhook_id, next_seq, last_seq, only_failed, deliveries, created_at)
         VALUES ($1, $2, $3, $4, $5, 0, $6)",
        args![&id, &webhook.id, first, last, only_failed, now],
    )?;
    // Old ones are of no interest.
    tx.execute(
        "DELETE FROM webhook_replays WHERE webhook_id = $1 AND next_seq > last_seq AND id NOT IN (
           SELECT id FROM webhook_replays WHERE webhook_id = $1 ORDER BY id DESC LIMIT 20)",
        args![&webhook.id],
    )?;
    replay(&tx.one(&format!("SELECT {COLUMNS} FROM webhook_replays WHERE id = $1"), args![&id])?)
}

impl Range {
    /// The first and the last number that it means, as far as the log is kept. Nothing lies between them where the last
    /// comes before the first.
    fn bounds(&self, tx: &mut dyn Tx) -> Result<(i64, i64)> {
        let (from_time, to_time) = (time("from_time", &self.from_time)?, time("to_time", &self.to_time)?);
        let wrong = |attribute: &'static str, kind, reason: &str| {
            Err(error::invalid(attribute, kind, format!("{attribute}: {reason}")))
        };
        let head: i64 = tx.one("SELECT seq FROM log_head", args![])?.get(0)?;
        let first = match (self.from_seq, from_time) {
            (None, None) => return wrong("from_seq", "blank", "say where to begin, by from_seq or from_time."),
            (Some(_), Some(_)) => return wrong("from_time", "invalid", "give from_seq or from_time, not both."),
            (Some(seq), None) if seq < 0 => return wrong("from_seq", "invalid", "must be at least 0."),
            (Some(seq), None) if seq > head => {
                let reason = format!("the log ends at {head}; nothing has happened after that yet.");
                return wrong("from_seq", "invalid", &reason);
            }
            (Some(seq), None) => seq,
            (None, Some(at)) => first_since(tx, at)?.unwrap_or(head + 1),
        };
        let last = match (self.to_seq, to_time) {
            (None, None) => head,
            (Some(_), Some(_)) => return wrong("to_time", "invalid", "give to_seq or to_time, not both."),
            (Some(seq), None) if seq < self.from_seq.unwrap_or(0) => {
                return wrong("to_seq", "invalid", "must not lie before from_seq.");
            }
            (Some(seq), None) => seq.min(head),
            (None, Some(at)) if from_time.is_some_and(|from| at < from) => {
                return wrong("to_time", "invalid", "must not lie before from_time.");
            }
            (None, Some(at)) => last_until(tx, at)?.unwrap_or(0),
        };
        let oldest = tx.one("SELECT min(seq) FROM log", args![])?.get::<Option<i64>>(0)?;
        Ok((first.max(oldest.unwrap_or(head + 1)), last))
    }
}

/// The number of the first event of a moment or later. Numbers are given in the order of commits, moments are those of the
/// commands: nearly the same order, and so what lies near the first that is found is looked at as well.
fn first_since(tx: &mut dyn Tx, at: Timestamp) -> Result<Option<i64>> {
    let id = Id::first_of(at);
    let row = tx.first("SELECT seq FROM log WHERE id >= $1 ORDER BY id LIMIT 1", args![&id])?;
    let Some(near) = row.map(|row| row.get::<i64>(0)).transpose()? else { return Ok(None) };
    let sql = "SELECT min(seq) FROM log WHERE seq BETWEEN $2 AND $3 AND id >= $1";
    tx.one(sql, args![&id, near - DISORDER_EVENTS, near])?.get(0)
}

/// The number of the last event of a moment or before.
fn last_until(tx: &mut dyn Tx, at: Timestamp) -> Result<Option<i64>> {
    let after = Id::first_of(Timestamp::from_micros(at.micros().saturating_add(1_000)));
    let row = tx.first("SELECT seq FROM log WHERE id < $1 ORDER BY id DESC LIMIT 1", args![&after])?;
    let Some(near) = row.map(|row| row.get::<i64>(0)).transpose()? else { return Ok(None) };
    let sql = "SELECT max(seq) FROM log WHERE seq BETWEEN $2 AND $3 AND id < $1";
    tx.one(sql, args![&after, near, near + DISORDER_EVENTS])?.get(0)
}

fn time(attribute: &'static str, text: &Option<String>) -> Result<Option<Timestamp>> {
    let Some(text) = text.as_deref().filter(|text| !text.is_empty()) else { return Ok(None) };
    let read = Timestamp::parse_iso(text);
    read.map(Some)
        .ok_or_else(|| error::bad_request(format!("{attribute}: must be a time such as 2026-01-31T12:00:00Z.")))
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Replay>> {
    let webhook = subscriptions::find(call, tx)?;
    let count = tx.one("SELECT count(*) FROM webhook_replays WHERE webhook_id = $1", args![&webhook.id])?.get(0)?;
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM webhook_replays WHERE webhook_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3"),
        args![&webhook.id, paging.limit, paging.offset],
    )?;
    Ok(Page::new(count, paging, rows.iter().map(replay).collect::<Result<_>>()?))
}

/// Puts replays in line until `stop` changes.
pub async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    loop {
        match step_all(&app).await {
            Ok(true) => continue,
            Ok(false) => {}
            Err(trouble) => tracing::error!(?trouble, "replays of webhooks wait"),
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(LOOK_PERIOD) => {}
        }
    }
}

/// One step of each; whether one has more to do at once.
async fn step_all(app: &Arc<Conversations>) -> Result<bool> {
    let sql = format!("SELECT {COLUMNS} FROM webhook_replays WHERE next_seq <= last_seq ORDER BY id");
    let waiting =
        app.store.read(move |tx| tx.query(&sql, args![])?.iter().map(replay).collect::<Result<Vec<_>>>()).await?;
    let mut more = false;
    for replay in waiting {
        let (env, replay) = (app.env.clone(), Arc::new(replay));
        more |= app.store.write(move |tx| step(tx, &replay, env.now())).await?;
    }
    Ok(more)
}

fn step(tx: &mut dyn Tx, replay: &Replay, now: Timestamp) -> Result<bool> {
    let Some(webhook) = subscriptions::by_id(tx, replay.webhook_id)? else { return Ok(false) };
    if deliveries::in_line(tx, webhook.id, IN_LINE_MAX)? >= IN_LINE_MAX {
        return Ok(false);
    }
    let (put, next) = match replay.only_failed {
        true => failed_again(tx, &webhook, replay, now)?,
        false => events_again(tx, &webhook, replay, now)?,
    };
    // Two nodes may be at it: the second finds that the first has moved it on.
    let moved = tx.execute(
        "UPDATE webhook_replays SET next_seq = $3, deliveries = deliveries + $4 WHERE id = $1 AND next_seq = $2",
        args![&replay.id, replay.next_seq, next, put],
    )?;
    if moved != 1 {
        return Err(error::conflict("another node moved this replay on"));
    }
    Ok(next <= replay.last_seq)
}

fn events_again(tx: &mut dyn Tx, webhook: &Webhook, replay: &Replay, now: Timestamp) -> Result<(i64, i64)> {
    let events = log::read(tx, replay.next_seq - 1, STEP_EVENTS)?;
    let within: Vec<Event> = events.into_iter().filter(|event| event.seq <= replay.last_seq).collect();
    let Some(last) = within.last().map(|event| event.seq) else { return Ok((0, replay.last_seq + 1)) };
    let mut put = 0;
    for event in within.iter().filter(|event| webhook.may_concern(event)) {
        let thread_id = event.thread_id.filter(|_| webhook.is_ordered());
        deliveries::put_in_line(tx, &Delivery::of(webhook.id, vec![event.seq], thread_id, event.at, now))?;
        put += 1;
    }
    Ok((put, last + 1))
}

fn failed_again(tx: &mut dyn Tx, webhook: &Webhook, replay: &Replay, now: Timestamp) -> Result<(i64, i64)> {
    let (mut put, mut looked_at, mut next) = (0, 0, replay.last_seq + 1);
    for mut failed in deliveries::failed(tx, webhook.id, replay.next_seq, replay.last_seq, STEP_EVENTS)? {
        let Some(first) = failed.seqs.first().copied() else { continue };
        if looked_at >= STEP_EVENTS {
            next = first;
            break;
        }
        looked_at += failed.seqs.len() as i64;
        // Of what was given up together, what lies beyond the range stays as it is.
        if failed.seqs.iter().any(|seq| *seq > replay.last_seq) {
            let (within, beyond) = deliveries::parts(tx, &failed, replay.last_seq + 1)?;
            deliveries::remove(tx, failed.id)?;
            deliveries::save(tx, &beyond)?;
            failed = within;
        }
        put += deliveries::again(tx, webhook, failed, now)?.1;
        next = first + 1;
    }
    // Whatever is left has been looked at.
    Ok((put, if looked_at < STEP_EVENTS { replay.last_seq + 1 } else { next }))
}
