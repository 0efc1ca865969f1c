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
mod receiver;
pub(crate) mod request;
mod schedule;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::notifications::Listener;
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Event, Id, Result, Timestamp, error};
use frontdesk_people::{access_tokens, sign_in};
use frontdesk_store::{Tail, Tx, args, consumer, log};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::deliveries::{self, Delivery};
use crate::subscriptions::{self, Reason, Status, Webhook};
use attempt::{Done, Sent};
use receiver::{Ask, Receiver, SLOTS_MAX};

/// What becomes due while nothing else happens is found this often.
const LOOK_PERIOD: Duration = Duration::from_millis(500);
/// A place that only moved past what does not concern its webhook is saved this often.
const SAVE_SECONDS: i64 = 2;
/// A lease is good for so long, and renewed so often.
const LEASE_SECONDS: i64 = 20;
const RENEW_SECONDS: i64 = 5;
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

/// What one turn of the loop has to write down.
#[derive(Default)]
struct Batch {
    notes: Vec<Note>,
}

/// What is written for one webhook, in one go.
struct Note {
    webhook_id: Id,
    lease: i64,
    place: Option<i64>,
    deliveries: Vec<Delivery>,
    /// Rows that turned out to have nothing to tell.
    gone: Vec<Id>,
    /// A new status, with what went wrong.
    status: Option<(Status, Option<Reason>)>,
    /// What was put in line before is given up.
    give_up_before: Option<Timestamp>,
    trim: bool,
}

impl Note {
    fn is_empty(&self) -> bool {
        self.place.is_none()
            && self.deliveries.is_empty()
            && self.gone.is_empty()
            && self.status.is_none()
            && self.give_up_before.is_none()
            && !self.trim
    }
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
                changed |= changes_receivers(&event.kind);
            }
        }
        let now = self.env.now();
        let is_time = self.loaded_at.is_some_and(|at| now.seconds_since(at) >= RENEW_SECONDS);
        if changed || (is_time && !self.renew(now).await?) {
            self.reload(now).await?;
        }
        if changed || is_time {
            self.loaded_at = Some(now);
        }
        Ok(())
    }

    /// Keeps what is held; false when there is more to it: a webhook that nobody sends for, or one that is held no more.
    async fn renew(&self, now: Timestamp) -> Result<bool> {
        let (node, held) = (self.sender.app.node_id, self.receivers.len() as u64);
        let free =
            "SELECT 1 FROM webhooks WHERE active AND (leased_by IS NULL OR (leased_by <> $1 AND leased_until <= $2))";
        let store = &self.sender.app.store;
        if store.read(move |tx| Ok(tx.first(free, args![&node, now])?.is_some())).await? {
            return Ok(false);
        }
        if held == 0 {
            return Ok(true);
        }
        let renew = "UPDATE webhooks SET leased_until = $2 WHERE leased_by = $1 AND active";
        let until = now.plus_seconds(LEASE_SECONDS);
        Ok(store.write(move |tx| tx.execute(renew, args![&node, until])).await? == held)
    }

    async fn reload(&mut self, now: Timestamp) -> Result<()> {
        let app = self.sender.app.clone();
        let held: HashMap<Id, i64> = self.receivers.iter().map(|(id, receiver)| (*id, receiver.lease)).collect();
        // A server without webhooks writes nothing.
        let any = app.store.read(|tx| Ok(tx.first("SELECT 1 FROM webhooks LIMIT 1", args![])?.is_some())).await?;
        let found = match any {
            true => {
                let (store, node) = (app.store.clone(), app.node_id);
                store.write(move |tx| take_leases(&app, tx, node, &held, now)).await?
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
            let events = known_after(&tail, receiver.next, self.seen).await?;
            all_begun.extend(receiver.take(&events, self.seen, now).into_iter().map(|begun| (id, begun)));
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
            if let Some((delivery, events)) = receiver.take_one(&events, now) {
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
        let mut batch = Batch::default();
        for receiver in self.receivers.values_mut() {
            let note = receiver.take_note(now);
            if !note.is_empty() {
                batch.notes.push(note);
            }
        }
        if batch.notes.is_empty() {
            return Ok(());
        }
        let (env, kept_since) = (self.env.clone(), now.plus_seconds(-self.sender.log_days * SECONDS_PER_DAY));
        let overtaken = self.sender.app.store.write(move |tx| write(tx, &env, &batch, kept_since)).await?;
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
        let node = self.sender.app.node_id;
        let held = !self.receivers.is_empty();
        let released = match held {
            true => {
                let sql = "UPDATE webhooks SET leased_by = NULL, leased_until = 0 WHERE leased_by = $1";
                self.sender.app.store.write(move |tx| tx.execute(sql, args![&node]).map(drop)).await
            }
            false => Ok(()),
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

/// Whether such an event may change who is sent what: webhooks themselves, and what their owners may see.
fn changes_receivers(kind: &str) -> bool {
    let family = kind.split('.').next().unwrap_or_default();
    matches!(family, "webhook" | "user" | "role" | "team" | "api_access_token" | "content_source" | "community")
}

/// A webhook that this node sends for.
struct Loaded {
    webhook: Webhook,
    secrets: subscriptions::Secrets,
    /// Who is told; none while the token or its owner is disabled.
    listener: Option<Listener>,
    lease: i64,
    place: i64,
    /// Thread and delivery, where order is kept.
    waiting_threads: Vec<(Id, Id)>,
}

/// The active webhooks that this node sends for: those that it holds, and those that nobody does any more.
fn take_leases(
    app: &Conversations,
    tx: &mut dyn Tx,
    node: Id,
    held: &HashMap<Id, i64>,
    now: Timestamp,
) -> Result<Vec<Loaded>> {
    let mut loaded = Vec::new();
    subscriptions::remove_of_lost_tokens(tx, &app.env)?;
    subscriptions::leave_the_unmended(tx, now.plus_seconds(-schedule::GIVE_UP_SECONDS))?;
    for webhook in subscriptions::all(tx)? {
        let Some(place) = consumer::place(tx, &webhook.reader())?.filter(|_| webhook.active) else { continue };
        let row = tx.one("SELECT lease, leased_by, leased_until FROM webhooks WHERE id = $1", args![&webhook.id])?;
        let (number, holder, until): (i64, Option<Id>, Timestamp) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let secrets = match webhook.secrets(&app.seal) {
            Ok(secrets) => secrets,
            // The others are told all the same.
            Err(trouble) => {
                tracing::error!(?trouble, webhook_id = %webhook.id, "a webhook's secrets cannot be opened: it waits");
                continue;
            }
        };
        let is_held = holder == Some(node) && held.get(&webhook.id) == Some(&number);
        let is_free = holder.is_none() || holder == Some(node) || until <= now;
        if !is_held && !is_free {
            continue;
        }
        let lease = if is_held { number } else { number + 1 };
        tx.execute(
            "UPDATE webhooks SET lease = $2, leased_by = $3, leased_until = $4 WHERE id = $1",
            args![&webhook.id, lease, &node, now.plus_seconds(LEASE_SECONDS)],
        )?;
        let owner = sign_in::by_token(tx, webhook.access_token_id)?;
        loaded.push(Loaded {
            secrets,
            listener: owner.map(|owner| Listener::load(tx, owner)).transpose()?,
            waiting_threads: deliveries::waiting_threads(tx, webhook.id)?,
            webhook,
            lease,
            place,
        });
    }
    Ok(loaded)
}

/// Returns the webhooks that another node has taken over, or that are gone: nothing was written for those.
fn write(tx: &mut dyn Tx, env: &Env, batch: &Batch, kept_since: Timestamp) -> Result<Vec<Id>> {
    let mut overtaken = Vec::new();
    for note in &batch.notes {
        let id = note.webhook_id;
        // Also of one that has been switched off meanwhile: how what was on its way arrived is worth knowing.
        let row = tx.first("SELECT lease FROM webhooks WHERE id = $1", args![&id])?;
        if row.map(|row| row.get::<i64>(0)).transpose()? != Some(note.lease) {
            overtaken.push(id);
            continue;
        }
        for delivery in &note.deliveries {
            deliveries::save(tx, delivery)?;
        }
        for gone in &note.gone {
            deliveries::remove(tx, *gone)?;
        }
        if let Some(place) = note.place {
            consumer::advance(tx, &subscriptions::reader(id), place)?;
        }
        if let Some((status, reason)) = &note.status {
            set_status(tx, env, id, *status, reason.as_ref())?;
        }
        if let Some(before) = note.give_up_before {
            deliveries::give_up(tx, id, before)?;
        }
        if note.trim {
            deliveries::trim(tx, id, kept_since)?;
        }
    }
    Ok(overtaken)
}

/// Says how a webhook is doing; in the journal and to its owner, when it is suspended and when it is well again.
fn set_status(tx: &mut dyn Tx, env: &Env, id: Id, status: Status, reason: Option<&Reason>) -> Result<()> {
    let Some(webhook) = subscriptions::by_id(tx, id)? else { return Ok(()) };
    if !matches!(webhook.status, Status::Enabled | Status::Failing | Status::Suspended) {
        return Ok(());
    }
    let error = reason.map(|reason| reason.text.as_str());
    tx.execute("UPDATE webhooks SET status = $2, error = $3 WHERE id = $1", args![&id, status.name(), error])?;
    let kind = match (webhook.status, status) {
        (before, Status::Suspended) if before != Status::Suspended => "webhook.suspended",
        (Status::Suspended, Status::Enabled) => "webhook.restored",
        _ => return Ok(()),
    };
    let owner = access_tokens::known(tx, webhook.access_token_id)?;
    let mut told = webhook.told(owner.map(|token| token.user_id));
    Reason::tell(reason, &mut told);
    tx.append(NewEvent::new(env, None, kind, id, None, told));
    Ok(())
}

/// The name of this account in requests.
pub fn domain_id(tx: &mut dyn Tx) -> Result<String> {
    let row = tx.first("SELECT value FROM meta WHERE name = 'domain_id'", args![])?;
    row.ok_or_else(|| error::broken("the store has no domain_id"))?.get(0)
}

#[cfg(test)]
mod tests;
