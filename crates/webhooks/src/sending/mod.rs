//! Sending: one loop that reads the log for every webhook, and attempts that run beside it.
//!
//! A webhook has a place in the log. What comes after it and concerns the webhook is sent at once; the place moves past
//! what arrived, in the transaction that writes down how. What fails becomes a row that waits for its next attempt, and
//! what takes long becomes one too, so that nobody waits for it. While a receiver takes nothing, its place stays where it
//! is: the log itself is its queue, and costs nothing. So a process may be killed at any moment: what it had sent and
//! not written down is sent again, under the same ids.
//!
//! Each webhook is sent for by one node, which holds a lease on it; who was overtaken may not write.

mod attempt;
mod leases;
mod notes;
mod receiver;
mod schedule;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk_conversations::Conversations;
use frontdesk_model::{Env, Event, Id, Result, Timestamp, error};
use frontdesk_store::{Tail, Tx, args, log};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::deliveries::{self, Delivery};
use crate::subscriptions::{self, Reason, Webhook};
use attempt::{Done, Sent};
use leases::RENEW_SECONDS;
use receiver::{Ask, Receiver, SLOTS_MAX};

/// What becomes due while nothing else happens is found this often.
const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// A place that only moved past what does not concern its webhook is saved this often.
const SAVE_SECONDS: i64 = 2;
/// What has no answer by then is written down, so that the place can move on.
const SLOW: Duration = Duration::from_secs(1);
/// So many events are looked at for a webhook before the others get their turn.
const TURN_EVENTS: usize = 256;
/// How long a stopping server waits for the attempts that run.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Rows are tidied after so many that arrived.
const TRIM_AFTER: u32 = 200;
const SECONDS_PER_DAY: i64 = 86_400;

/// The sender of all webhooks.
pub struct Sender {
    app: Arc<Conversations>,
    domain_id: String,
    log_days: i64,
    /// How often to look for what becomes due while nothing else happens.
    look: Duration,
}

impl Sender {
    /// For `domain_id`, the name of this account in requests. `log_days` is how long the log is kept.
    pub fn new(app: &Arc<Conversations>, domain_id: String, log_days: u32) -> Arc<Sender> {
        Arc::new(Sender { app: app.clone(), domain_id, log_days: log_days.into(), look: LOOK_PERIOD })
    }

    /// Sends until `stop` changes; attempts that run then get a moment to end.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let (sent, mut results) = mpsc::unbounded_channel();
        let mut sending = Sending {
            env: self.app.env.clone(),
            sender: self,
            receivers: HashMap::new(),
            attempts: JoinSet::new(),
            sent,
            seen: 0,
            loaded_at: None,
        };
        let mut grown = sending.sender.app.tail.changed();
        while !*stop.borrow() {
            while sending.attempts.try_join_next().is_some() {}
            if let Err(trouble) = sending.turn().await {
                tracing::error!(?trouble, "webhooks wait");
                // What is in memory may differ from what is written: begin again from that.
                sending.receivers.clear();
                sending.loaded_at = None;
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            if sending.has_more() {
                while let Ok(done) = results.try_recv() {
                    sending.note(done);
                }
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                _ = grown.changed() => {}
                done = results.recv() => {
                    done.into_iter().for_each(|done| sending.note(done));
                    while let Ok(done) = results.try_recv() {
                        sending.note(done);
                    }
                }
                () = tokio::time::sleep(sending.sender.look) => {}
            }
        }
        sending.stop(results).await;
    }
}

/// The loop's own.
struct Sending {
    env: Env,
    sender: Arc<Sender>,
    receivers: HashMap<Id, Receiver>,
    attempts: JoinSet<()>,
    sent: mpsc::UnboundedSender<Done>,
    /// How far the log has been looked through for changes of webhooks and rights.
    seen: i64,
    loaded_at: Option<Timestamp>,
}

impl Sending {
    async fn turn(&mut self) -> Result<()> {
        self.reload_if_needed().await?;
        let now = self.env.now();
        self.send_new(now).await?;
        self.tidy(now).await?;
        self.write(now).await?;
        self.send_due(now).await
    }

    fn has_more(&self) -> bool {
        self.receivers.values().any(|receiver| receiver.has_more(self.sender.app.tail.last()) || receiver.has_notes())
    }

    /// Reads the webhooks again when the log says that they or their owners' rights changed, and now and then for leases.
    async fn reload_if_needed(&mut self) -> Result<()> {
        let tail = &self.sender.app.tail;
        let mut changed = self.loaded_at.is_none();
        if changed {
            self.seen = tail.last();
        }
        while self.seen < tail.last() {
            let events = tail.after(self.seen, TURN_EVENTS).await?;
            let Some(last) = events.last() else { break };
            self.seen = last.seq;
            for event in events.iter() {
                changed |= leases::changes_receivers(&event.kind);
            }
        }
        let now = self.env.now();
        let is_time = self.loaded_at.is_some_and(|at| now.seconds_since(at) >= RENEW_SECONDS);
        if changed || (is_time && !leases::renew(&self.sender.app, self.receivers.len() as u64, now).await?) {
            self.reload(now).await?;
        }
        if changed || is_time {
            self.loaded_at = Some(now);
        }
        Ok(())
    }

    async fn reload(&mut self, now: Timestamp) -> Result<()> {
        let app = self.sender.app.clone();
        let held: HashMap<Id, i64> = self.receivers.iter().map(|(id, receiver)| (*id, receiver.lease)).collect();
        // A server without webhooks writes nothing.
        let any = app.store.read(|tx| Ok(tx.first("SELECT 1 FROM webhooks LIMIT 1", args![])?.is_some())).await?;
        let found = match any {
            true => {
                let (store, node) = (app.store.clone(), app.node_id);
                store.write(move |tx| leases::take(&app, tx, node, &held, now)).await?
            }
            false => Vec::new(),
        };
        let mut receivers = std::mem::take(&mut self.receivers);
        for loaded in found {
            let receiver = match receivers.remove(&loaded.webhook.id) {
                Some(mut known) if known.lease == loaded.lease => {
                    known.renew(loaded);
                    known
                }
                _ => Receiver::new(loaded, now),
            };
            self.receivers.insert(receiver.webhook.id, receiver);
        }
        Ok(())
    }

    /// Sends what is new in the log.
    async fn send_new(&mut self, now: Timestamp) -> Result<()> {
        let tail = self.sender.app.tail.clone();
        let ids: Vec<Id> = self.receivers.keys().copied().collect();
        let mut all_begun = Vec::new();
        for id in ids {
            let Some(receiver) = self.receivers.get_mut(&id) else { continue };
            if receiver.wants_verification() {
                let webhook = receiver.begin_verification();
                self.spawn_verification(webhook);
                continue;
            }
            if !receiver.takes_new() || receiver.next >= self.seen {
                continue;
            }
            let mut ahead = std::mem::take(&mut receiver.ahead);
            ahead.retain(|event| event.seq > receiver.next);
            if ahead.is_empty() {
                ahead = known_after(&tail, receiver.next, self.seen).await?;
            }
            all_begun
                .extend(receiver.take(&ahead, self.seen, now, Instant::now()).into_iter().map(|begun| (id, begun)));
            receiver.ahead = ahead;
        }
        // Made here once for all, and found there by every attempt.
        let mut events: Vec<Arc<Event>> =
            all_begun.iter().flat_map(|(_, (_, events))| events.iter().cloned()).collect();
        events.sort_unstable_by_key(|event| event.seq);
        events.dedup_by_key(|event| event.seq);
        if !events.is_empty() {
            let app = &self.sender.app;
            app.notifications.of(app, &events).await?;
        }
        for (id, (delivery, events)) in all_begun {
            self.spawn(id, delivery, events, false);
        }
        Ok(())
    }

    /// Sends what is due, and probes receivers that have been failing.
    async fn send_due(&mut self, now: Timestamp) -> Result<()> {
        let asking: Vec<(Id, Ask)> =
            self.receivers.iter().filter_map(|(id, receiver)| Some((*id, receiver.asks(now)?))).collect();
        if asking.is_empty() {
            return Ok(());
        }
        let found = self.sender.app.store.read(move |tx| {
            let mut found = Vec::new();
            for (id, ask) in &asking {
                // Those that are on their way are among them.
                let rows = match *ask {
                    Ask::ByHand => deliveries::by_hand(tx, *id, now)?,
                    Ask::Probe => deliveries::tried_before(tx, *id, now, 1)?,
                    Ask::Drain(before, limit) => deliveries::tried_before(tx, *id, before, limit + SLOTS_MAX)?,
                    Ask::Due(limit) => deliveries::due(tx, *id, now, limit + SLOTS_MAX)?,
                };
                let mut with_events = Vec::with_capacity(rows.len());
                for row in rows {
                    let events = log::some(tx, &row.seqs)?;
                    with_events.push((row, events.into_iter().map(Arc::new).collect::<Vec<_>>()));
                }
                let next_due = deliveries::next_due(tx, *id)?;
                let waiting = match next_due {
                    Some(_) => deliveries::in_line(tx, *id, receiver::WAITING_MAX as i64)?,
                    None => 0,
                };
                found.push((*id, *ask, with_events, next_due, waiting));
            }
            Ok(found)
        });
        for (id, ask, rows, next_due, waiting) in found.await? {
            let Some(receiver) = self.receivers.get_mut(&id) else { continue };
            let begun = receiver.begin_rows(rows, ask, next_due, waiting as usize, now);
            for (delivery, events) in begun {
                self.spawn(id, delivery, events, ask.is_extra());
            }
            if matches!(ask, Ask::Probe) {
                self.probe_with_new(id, now).await?;
            }
        }
        Ok(())
    }

    /// What those who are left alone have not been told for a day is given up.
    async fn tidy(&mut self, now: Timestamp) -> Result<()> {
        let tail = self.sender.app.tail.clone();
        for receiver in self.receivers.values_mut() {
            if !receiver.is_to_be_tidied(now) {
                continue;
            }
            loop {
                let events = tail.after(receiver.next, TURN_EVENTS).await?;
                if !receiver.forget_stale(&events, now) {
                    break;
                }
            }
            // The rows that were given up are nobody's predecessors any more.
            self.loaded_at = None;
        }
        Ok(())
    }

    /// Where no row waits for a suspended receiver, one of the events that do asks whether it is there again.
    async fn probe_with_new(&mut self, id: Id, now: Timestamp) -> Result<()> {
        let tail = self.sender.app.tail.clone();
        while let Some(receiver) = self.receivers.get_mut(&id).filter(|receiver| receiver.is_suspended_and_idle()) {
            let events = known_after(&tail, receiver.next, self.seen).await?;
            if events.is_empty() {
                break;
            }
            if let Some((delivery, events)) = receiver.take_one(&events, now, Instant::now()) {
                self.spawn(id, delivery, events, false);
            }
        }
        Ok(())
    }

    fn spawn(&mut self, id: Id, delivery: Delivery, events: Vec<Arc<Event>>, probe: bool) {
        let Some(receiver) = self.receivers.get(&id) else { return };
        let attempt = attempt::Attempt {
            app: self.sender.app.clone(),
            domain_id: self.sender.domain_id.clone(),
            webhook: receiver.webhook.clone(),
            secrets: receiver.secrets.clone(),
            listener: receiver.listener.clone(),
            lease: receiver.lease,
            delivery,
            events,
            probe,
        };
        let sent = self.sent.clone();
        self.attempts.spawn(attempt.run(sent));
    }

    fn spawn_verification(&mut self, webhook: Arc<Webhook>) {
        let (app, sent) = (self.sender.app.clone(), self.sent.clone());
        self.attempts.spawn(async move {
            let asked_of = webhook.updated_at;
            let refusal = match subscriptions::verification::ask(&app, &webhook).await {
                Ok(refusal) => refusal,
                Err(trouble) => {
                    tracing::error!(?trouble, "a webhook could not be verified");
                    Some(Reason::trouble("The challenge could not be sent; the server's log says why."))
                }
            };
            let (env, id) = (app.env.clone(), webhook.id);
            let concluded = app
                .store
                .write(move |tx| subscriptions::verification::conclude(tx, &env, id, asked_of, refusal.as_ref()))
                .await;
            if let Err(trouble) = concluded {
                tracing::error!(?trouble, "a verification was not written");
            }
            let _ = sent.send(Done::verified(id));
        });
    }

    fn note(&mut self, done: Done) {
        let now = self.env.now();
        let Some(receiver) = self.receivers.get_mut(&done.webhook_id) else { return };
        if matches!(done.sent, Sent::Verified) {
            receiver.end_verification();
            // How it went is in the store.
            self.loaded_at = None;
        } else if receiver.lease == done.lease {
            receiver.note(done, now);
        }
    }

    /// Writes down what the attempts came to, and moves places on.
    async fn write(&mut self, now: Timestamp) -> Result<()> {
        let mut batch = Vec::new();
        for receiver in self.receivers.values_mut() {
            let note = receiver.take_note(now, Instant::now());
            if !note.is_empty() {
                batch.push(note);
            }
        }
        if batch.is_empty() {
            return Ok(());
        }
        let (env, kept_since) = (self.env.clone(), now.plus_seconds(-self.sender.log_days * SECONDS_PER_DAY));
        let overtaken = self.sender.app.store.write(move |tx| notes::write(tx, &env, &batch, kept_since)).await?;
        for id in overtaken {
            self.receivers.remove(&id);
        }
        Ok(())
    }

    async fn stop(mut self, mut results: mpsc::UnboundedReceiver<Done>) {
        let ended = async { while self.attempts.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_DEADLINE, ended).await;
        while let Ok(done) = results.try_recv() {
            self.note(done);
        }
        let now = self.env.now();
        let written = self.write(now).await;
        let released = match self.receivers.is_empty() {
            true => Ok(()),
            false => leases::release(&self.sender.app).await,
        };
        if let Err(trouble) = written.and(released) {
            tracing::warn!(?trouble, "webhooks at the stop");
        }
    }
}

/// The next events as far as the log has been looked through. What came after that may follow a right that was given or
/// a secret that was changed, which nobody here knows of yet: it would be passed over, or sent as nobody expects it.
async fn known_after(tail: &Tail, seq: i64, seen: i64) -> Result<Vec<Arc<Event>>> {
    let mut events = tail.after(seq, TURN_EVENTS).await?;
    events.retain(|event| event.seq <= seen);
    Ok(events)
}

/// The name of this account in requests.
pub fn domain_id(tx: &mut dyn Tx) -> Result<String> {
    let row = tx.first("SELECT value FROM meta WHERE name = 'domain_id'", args![])?;
    row.ok_or_else(|| error::broken("the store has no domain_id"))?.get(0)
}

#[cfg(test)]
mod tests;
