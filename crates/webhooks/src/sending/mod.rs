//! Sending: one loop that reads the log for every webhook, and attempts that run beside it.
//!
//! A webhook has a place in the log. What comes after it and concerns the webhook is sent at once; the place moves past
//! what arrived, in the transaction that writes down how. What fails becomes a row that waits for its next attempt, and
//! what takes long becomes one too, so that nobody waits for it. While a receiver takes nothing, its place stays where it
//! is: the log itself is its queue, and costs nothing. So a process may be killed at any moment: what it had sent and
//! not written down is sent again, under the same ids.
//!
//! While a page of outcomes is being written, the next requests go out: a receiver that answers at once is told as fast as
//! it answers, and not a few events for each sync of the disk. Only one page is written at a time, so that no place can
//! move past what an earlier page failed to write; and only so much may be unwritten as a kill may repeat.
//!
//! Each webhook is sent for by one node, which holds a lease on it; who was overtaken may not write.

mod attempt;
mod leases;
mod notes;
mod receiver;
mod schedule;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk_conversations::Conversations;
use frontdesk_model::{Env, Error, Event, Id, Result, Timestamp, error};
use frontdesk_store::{Tail, Tx, args, log};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinHandle, JoinSet};

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
/// What comes next for those who are behind is made together with what goes out now, up to so many events: a read of the
/// store for a few at a time would take longer than telling them.
const MADE_TOGETHER_MAX: usize = 64;
/// How long a stopping server waits for the attempts that run.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Rows are tidied after so many that arrived or were given up.
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
            writing: None,
            seen: 0,
            loaded_at: None,
        };
        let mut grown = sending.sender.app.tail.changed();
        while !*stop.borrow() {
            while sending.attempts.try_join_next().is_some() {}
            if let Err(trouble) = sending.turn().await {
                sending.begin_again(&trouble).await;
            }
            if sending.has_more() {
                while let Ok(done) = results.try_recv() {
                    sending.note(done);
                }
                // What was just spawned gets its turn.
                tokio::task::yield_now().await;
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
                written = ended(&mut sending.writing) => {
                    if let Err(trouble) = sending.settle(written).await {
                        sending.begin_again(&trouble).await;
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
    /// The page of notes that is being written down.
    writing: Option<JoinHandle<Result<Written>>>,
    /// How far the log has been looked through for changes of webhooks and rights.
    seen: i64,
    loaded_at: Option<Timestamp>,
}

/// Rows that were found for a webhook, and what they were looked for with.
struct Found {
    webhook_id: Id,
    lease: i64,
    ask: Ask,
    rows: Vec<(Delivery, Vec<Arc<Event>>)>,
    next_due: Option<Timestamp>,
    waiting: i64,
}

/// A page of notes that has been written down.
struct Written {
    /// Webhooks that another node has taken over, with the lease that is void.
    overtaken: Vec<(Id, i64)>,
    found: Vec<Found>,
}

impl Sending {
    async fn turn(&mut self) -> Result<()> {
        if self.writing.as_ref().is_some_and(JoinHandle::is_finished) {
            let written = ended(&mut self.writing).await;
            self.settle(written).await?;
        }
        self.reload_if_needed().await?;
        let now = self.env.now();
        self.send_new(now).await?;
        self.tidy(now).await?;
        self.begin_writing(now, true);
        Ok(())
    }

    fn has_more(&self) -> bool {
        let last = self.sender.app.tail.last();
        self.receivers
            .values()
            .any(|receiver| receiver.has_more(last) || (self.writing.is_none() && receiver.has_notes()))
    }

    /// After a failure what is in memory may differ from what is written: begins again from that.
    async fn begin_again(&mut self, trouble: &Error) {
        tracing::error!(?trouble, "webhooks wait");
        self.receivers.clear();
        self.loaded_at = None;
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    /// Reads the webhooks again when the log says that they or their owners' rights changed, and now and then for leases.
    async fn reload_if_needed(&mut self) -> Result<()> {
        let now = self.env.now();
        if self.loaded_at.is_some_and(|at| at.seconds_since(now) > RENEW_SECONDS) {
            // The clock was set back: times in memory are of another clock.
            self.write_all(now).await?;
            self.receivers.clear();
            self.loaded_at = None;
        }
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
        // What is read is to hold all that is known here.
        self.write_all(now).await?;
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
        let begun = all_begun.iter().flat_map(|(_, (_, events))| events.iter().cloned());
        let mut events: BTreeMap<i64, Arc<Event>> = begun.map(|event| (event.seq, event)).collect();
        if !events.is_empty() {
            let app = &self.sender.app;
            let now: Vec<Arc<Event>> = events.values().cloned().collect();
            for id in all_begun.iter().map(|(id, _)| id) {
                let Some(receiver) = self.receivers.get(id) else { continue };
                for event in receiver.soon() {
                    if events.len() >= MADE_TOGETHER_MAX {
                        break;
                    }
                    events.entry(event.seq).or_insert_with(|| event.clone());
                }
            }
            app.notifications.prepare(app, &now, || events.into_values().collect()).await?;
        }
        for (id, (delivery, events)) in all_begun {
            self.spawn(id, delivery, events, false);
        }
        Ok(())
    }

    /// Begins to write down what the attempts came to and to move places on, and then to look for what is due, unless a
    /// page is still being written. Whether there was anything to do.
    fn begin_writing(&mut self, now: Timestamp, with_rows: bool) -> bool {
        if self.writing.is_some() {
            return false;
        }
        let (mut batch, mut asking) = (Vec::new(), Vec::new());
        for (id, receiver) in &mut self.receivers {
            let note = receiver.take_note(now, Instant::now());
            if !note.is_empty() {
                batch.push(note);
            }
            if with_rows && let Some(ask) = receiver.asks(now) {
                asking.push((*id, receiver.lease, ask));
            }
        }
        if batch.is_empty() && asking.is_empty() {
            return false;
        }
        let (env, kept_since) = (self.env.clone(), now.plus_seconds(-self.sender.log_days * SECONDS_PER_DAY));
        let store = self.sender.app.store.clone();
        self.writing = Some(tokio::spawn(async move {
            let overtaken = match batch.is_empty() {
                true => Vec::new(),
                false => store.write(move |tx| notes::write(tx, &env, &batch, kept_since)).await?,
            };
            let found = match asking.is_empty() {
                true => Vec::new(),
                false => store.read(move |tx| asking.iter().map(|asked| look_for(tx, asked, now)).collect()).await?,
            };
            Ok(Written { overtaken, found })
        }));
        true
    }

    /// A page has been written: sends what is due, and probes receivers that have been failing.
    async fn settle(&mut self, written: Result<Written>) -> Result<()> {
        let Written { overtaken, found } = written?;
        for (id, lease) in overtaken {
            if self.receivers.get(&id).is_some_and(|receiver| receiver.lease == lease) {
                self.receivers.remove(&id);
            }
        }
        self.receivers.values_mut().for_each(Receiver::was_written);
        let now = self.env.now();
        for Found { webhook_id: id, lease, ask, rows, next_due, waiting } in found {
            let Some(receiver) = self.receivers.get_mut(&id).filter(|receiver| receiver.lease == lease) else {
                continue;
            };
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

    /// Until everything that was noted is written down.
    async fn write_all(&mut self, now: Timestamp) -> Result<()> {
        loop {
            if self.writing.is_some() {
                let written = ended(&mut self.writing).await;
                self.settle(written).await?;
            }
            if !self.begin_writing(now, false) {
                return Ok(());
            }
        }
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

    async fn stop(mut self, mut results: mpsc::UnboundedReceiver<Done>) {
        // What is due is not begun any more.
        let last = match self.writing.take() {
            Some(writing) => ended(&mut Some(writing)).await.map(drop),
            None => Ok(()),
        };
        let ended = async { while self.attempts.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_DEADLINE, ended).await;
        while let Ok(done) = results.try_recv() {
            self.note(done);
        }
        // After a page that failed, the place must not move on.
        let written = match last {
            Ok(()) => self.write_all(self.env.now()).await,
            Err(trouble) => Err(trouble),
        };
        let released = match self.receivers.is_empty() {
            true => Ok(()),
            false => leases::release(&self.sender.app).await,
        };
        if let Err(trouble) = written.and(released) {
            tracing::warn!(?trouble, "webhooks at the stop");
        }
    }
}

/// How writing a page ended, once it has; for ever when none is being written.
async fn ended(writing: &mut Option<JoinHandle<Result<Written>>>) -> Result<Written> {
    let Some(task) = writing else { return std::future::pending().await };
    let written = task.await;
    *writing = None;
    written.unwrap_or_else(|panicked| Err(error::broken(format!("notes of webhooks: {panicked}"))))
}

/// Looks for rows of a webhook.
fn look_for(tx: &mut dyn Tx, (id, lease, ask): &(Id, i64, Ask), now: Timestamp) -> Result<Found> {
    // Those that are on their way are among them.
    let deliveries = match *ask {
        Ask::ByHand => deliveries::by_hand(tx, *id, now)?,
        Ask::Probe => deliveries::tried_before(tx, *id, now, 1)?,
        Ask::Drain(before, limit) => deliveries::tried_before(tx, *id, before, limit + SLOTS_MAX)?,
        Ask::Due(limit) => deliveries::due(tx, *id, now, limit + SLOTS_MAX)?,
    };
    let mut rows = Vec::with_capacity(deliveries.len());
    for delivery in deliveries {
        let events = log::some(tx, &delivery.seqs)?;
        rows.push((delivery, events.into_iter().map(Arc::new).collect()));
    }
    let next_due = deliveries::next_due(tx, *id)?;
    let waiting = match next_due {
        Some(_) => deliveries::in_line(tx, *id, receiver::WAITING_MAX as i64)?,
        None => 0,
    };
    Ok(Found { webhook_id: *id, lease: *lease, ask: *ask, rows, next_due, waiting })
}

/// The next events as far as the log has been looked through. What came after that may follow a right that was given or
/// a secret that was changed, which nobody here knows of yet: it would be passed over, or sent as nobody expects it.
async fn known_after(tail: &Tail, seq: i64, seen: i64) -> Result<Vec<Arc<Event>>> {
    let mut events = tail.after(seq, TURN_EVENTS).await?;
    events.retain(|event| event.seq <= seen);
    Ok(events)
}

#[cfg(test)]
mod tests;
