//! What the sender knows of one webhook's receiver: how far it has been told, what is on its way, how it has answered.
//! No input or output: the loop acts on what this says. How it does, and what follows from that, is in `health.rs`.

mod health;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

use frontdesk_conversations::audience::Listener;
use frontdesk_model::{Event, Id, Timestamp};

use super::attempt::{Done, Sent};
use super::leases::Loaded;
use super::notes::Note;
use super::schedule::{self, Breaker, GIVE_UP_SECONDS};
use super::{SAVE_SECONDS, SLOW, TRIM_AFTER};
use crate::deliveries::{Delivery, State};
use crate::subscriptions::{Secrets, Status, Webhook};

/// At most so many requests are on their way to one receiver; to one that has not acknowledged the last, fewer.
pub(super) const SLOTS_MAX: usize = 16;
const SLOTS_UNPROVEN: usize = 4;
/// While so many outcomes are not written down, nothing new is sent: a kill repeats no more than these and what is on its
/// way.
pub(super) const UNWRITTEN_MAX: usize = 64;
/// While so many rows wait for a receiver, nothing new is taken for it: the log is a cheaper queue.
pub(super) const WAITING_MAX: usize = 2_000;
/// What others put in line is found this often.
const LOOK_MICROS: i64 = 400_000;

/// Which rows are to be looked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Ask {
    /// At most so many that are due.
    Due(usize),
    /// Those that somebody sends by hand, although the receiver is left alone.
    ByHand,
    /// The one that was not tried for the longest time, to see whether the receiver is there.
    Probe,
    /// The receiver is there again: at most so many that were last tried before.
    Drain(Timestamp, usize),
}

impl Ask {
    /// Whether the attempt is beside the plan: it uses up no retry.
    pub(super) fn is_extra(self) -> bool {
        matches!(self, Ask::Probe | Ask::Drain(..))
    }
}

/// An event, or several that go together, on the way for the first time.
struct Open {
    since: Instant,
    delivery: Delivery,
}

/// The receiver of one webhook.
pub(super) struct Receiver {
    pub(super) webhook: Arc<Webhook>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) listener: Option<Arc<Listener>>,
    pub(super) lease: i64,
    status: Status,
    /// The last event that was looked at.
    pub(super) next: i64,
    /// What was read of the log after `next`. Room becomes free for one or a few at a time: to read a page for each would
    /// be to read the log hundreds of times.
    pub(super) ahead: Vec<Arc<Event>>,
    /// Where the store has its place.
    saved: i64,
    saved_at: Timestamp,
    /// Sent for the first time and not written down, by the first event.
    open: BTreeMap<i64, Open>,
    /// Everything that is on its way.
    busy: HashSet<Id>,
    /// Where order is kept: the deliveries of a thread that have not ended. The next ones wait behind them.
    threads: HashMap<Id, HashSet<Id>>,
    /// How many rows waited when they were last looked for.
    waiting: usize,
    /// When to look for rows that are due; none while there are none.
    rows_at: Option<Timestamp>,
    /// What was last tried before this is being sent again, although it is not due.
    draining: Option<Timestamp>,
    /// Others put rows in line too: when they were last looked for.
    looked_at: Timestamp,
    verifying: bool,
    breaker: Breaker,
    /// Of the attempts that the plan knows.
    failures_in_row: u32,
    /// Of those beside it.
    extra_failures: u32,
    /// Whether the last probe was a row that waits, so that the next one is something new.
    probed_row: bool,
    /// When it was last asked what is too old to be told.
    tidied_at: Timestamp,
    proven: bool,
    tried_at: Timestamp,
    /// How many requests arrived or were given up.
    ended_since_trim: u32,
    note: Note,
    /// How many outcomes the page holds that is being written.
    being_written: usize,
}

impl Receiver {
    pub(super) fn new(loaded: Loaded, now: Timestamp) -> Receiver {
        let webhook = Arc::new(loaded.webhook);
        Receiver {
            secrets: Arc::new(loaded.secrets),
            listener: loaded.listener.map(Arc::new),
            lease: loaded.lease,
            status: webhook.status,
            next: loaded.place,
            ahead: Vec::new(),
            saved: loaded.place,
            saved_at: now,
            open: BTreeMap::new(),
            busy: HashSet::new(),
            threads: by_thread(loaded.waiting_threads),
            waiting: 0,
            rows_at: Some(now),
            draining: None,
            looked_at: now,
            verifying: false,
            breaker: Breaker::default(),
            // Nobody remembers how it last answered: the first success sends what waits.
            failures_in_row: 1,
            extra_failures: 0,
            probed_row: false,
            tidied_at: now,
            proven: false,
            tried_at: Timestamp::default(),
            ended_since_trim: 0,
            note: Note::empty(webhook.id, loaded.lease),
            being_written: 0,
            webhook,
        }
    }

    /// The same receiver with what was changed about it.
    pub(super) fn renew(&mut self, loaded: Loaded) {
        let was_changed = loaded.webhook.updated_at != self.webhook.updated_at;
        // Its own findings are newer than what is written, unless somebody saved it or it was verified.
        if was_changed || self.status == Status::Verifying {
            self.status = loaded.webhook.status;
            self.breaker.reset();
            self.note.status = None;
        }
        // Rows may have been put in line and given up by others.
        self.threads = by_thread(loaded.waiting_threads);
        for open in self.open.values() {
            if let Some(thread_id) = open.delivery.thread_id {
                self.threads.entry(thread_id).or_default().insert(open.delivery.id);
            }
        }
        // Switched off and on again: what happened in between is not told.
        self.next = self.next.max(loaded.place);
        self.saved = self.saved.max(loaded.place);
        self.webhook = Arc::new(loaded.webhook);
        self.secrets = Arc::new(loaded.secrets);
        self.listener = loaded.listener.map(Arc::new);
        if was_changed {
            self.rows_at = Some(Timestamp::default());
        }
    }

    pub(super) fn wants_verification(&self) -> bool {
        self.status == Status::Verifying && !self.verifying
    }

    pub(super) fn begin_verification(&mut self) -> Arc<Webhook> {
        self.verifying = true;
        self.webhook.clone()
    }

    pub(super) fn end_verification(&mut self) {
        self.verifying = false;
    }

    /// While the token or its owner is disabled, nobody is told; what happens waits.
    fn is_sending(&self) -> bool {
        self.listener.is_some() && matches!(self.status, Status::Enabled | Status::Failing)
    }

    fn slots(&self) -> usize {
        if self.proven { SLOTS_MAX } else { SLOTS_UNPROVEN }
    }

    fn free(&self) -> usize {
        self.slots().saturating_sub(self.busy.len())
    }

    /// Whether something new may be sent to it.
    pub(super) fn takes_new(&self) -> bool {
        let unwritten = self.note.deliveries.len() + self.being_written;
        self.is_sending() && self.free() > 0 && self.waiting < WAITING_MAX && unwritten < UNWRITTEN_MAX
    }

    pub(super) fn has_more(&self, last: i64) -> bool {
        self.takes_new() && self.next < last
    }

    pub(super) fn has_notes(&self) -> bool {
        !self.note.is_empty()
    }

    /// What will concern it next, as far as it is known.
    pub(super) fn soon(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.ahead.iter().filter(|event| event.seq > self.next && self.webhook.may_concern(event))
    }

    /// The page that was being written has been.
    pub(super) fn was_written(&mut self) {
        self.being_written = 0;
    }

    /// Takes what concerns it from the next events, as far as there is room, and passes over the rest. `since` is the
    /// same moment as `now` by the clock that nobody sets.
    pub(super) fn take(
        &mut self,
        events: &[Arc<Event>],
        last: i64,
        now: Timestamp,
        since: Instant,
    ) -> Vec<(Delivery, Vec<Arc<Event>>)> {
        let mut begun: Vec<(Delivery, Vec<Arc<Event>>)> = Vec::new();
        if events.is_empty() {
            // What was between is no longer kept.
            self.next = last;
            return begun;
        }
        let mut together: Vec<Arc<Event>> = Vec::new();
        let most = self.webhook.events_together();
        for event in events {
            if !self.webhook.may_concern(event) {
                self.next = event.seq;
                continue;
            }
            let thread_id = event.thread_id.filter(|_| self.webhook.is_ordered());
            if let Some(thread_id) = thread_id
                && self.threads.contains_key(&thread_id)
            {
                // It has to wait for the ones before it; others need not wait for it.
                let delivery = self.delivery(std::slice::from_ref(event), Some(thread_id), now);
                self.threads.entry(thread_id).or_default().insert(delivery.id);
                self.note.deliveries.push(delivery);
                self.next = event.seq;
                continue;
            }
            if together.is_empty() && self.free() == 0 {
                break;
            }
            together.push(event.clone());
            self.next = event.seq;
            if together.len() >= most {
                begun.push(self.begin(std::mem::take(&mut together), thread_id, now, since));
            }
        }
        if !together.is_empty() {
            begun.push(self.begin(together, None, now, since));
        }
        begun
    }

    fn delivery(&self, events: &[Arc<Event>], thread_id: Option<Id>, now: Timestamp) -> Delivery {
        let seqs = events.iter().map(|event| event.seq).collect();
        let at = events.first().map_or(now, |event| event.at);
        Delivery::of(self.webhook.id, seqs, thread_id, at, now)
    }

    fn begin(
        &mut self,
        events: Vec<Arc<Event>>,
        thread_id: Option<Id>,
        now: Timestamp,
        since: Instant,
    ) -> (Delivery, Vec<Arc<Event>>) {
        let delivery = self.delivery(&events, thread_id, now);
        if let Some(thread_id) = thread_id {
            self.threads.entry(thread_id).or_default().insert(delivery.id);
        }
        self.busy.insert(delivery.id);
        let first = delivery.seqs.first().copied().unwrap_or(self.next);
        self.open.insert(first, Open { since, delivery: delivery.clone() });
        (delivery, events)
    }

    /// Whether rows are to be looked for. What is noted from now on asks anew.
    pub(super) fn asks(&mut self, now: Timestamp) -> Option<Ask> {
        let ask = self.asks_for(now);
        if ask.is_some() {
            self.rows_at = None;
        }
        ask
    }

    fn asks_for(&self, now: Timestamp) -> Option<Ask> {
        if self.is_time_to_probe(now) {
            return Some(Ask::Probe);
        }
        let is_time = now.micros() - self.looked_at.micros() >= LOOK_MICROS;
        if self.status == Status::Suspended && self.listener.is_some() && is_time {
            return Some(Ask::ByHand);
        }
        if !self.is_sending() || self.free() == 0 {
            return None;
        }
        match self.draining {
            Some(before) => Some(Ask::Drain(before, self.free())),
            None => (is_time || self.rows_at.is_some_and(|at| at <= now)).then_some(Ask::Due(self.free())),
        }
    }

    /// Begins with rows that were found.
    pub(super) fn begin_rows(
        &mut self,
        rows: Vec<(Delivery, Vec<Arc<Event>>)>,
        ask: Ask,
        next_due: Option<Timestamp>,
        waiting: usize,
        now: Timestamp,
    ) -> Vec<(Delivery, Vec<Arc<Event>>)> {
        let mut begun = Vec::new();
        let (mut has_older, mut is_full) = (false, false);
        // One that refuses a certain thing may take another: every other probe is something new.
        let is_for_new = matches!(ask, Ask::Probe) && self.status == Status::Suspended && self.probed_row;
        for (delivery, events) in rows.into_iter().filter(|_| !is_for_new) {
            let is_behind = delivery
                .thread_id
                .is_some_and(|thread_id| self.open.values().any(|open| open.delivery.thread_id == Some(thread_id)));
            if is_behind || self.busy.contains(&delivery.id) {
                continue;
            }
            // Since the rows were asked for, something new has taken the room.
            if self.free() == 0 {
                is_full = true;
                continue;
            }
            // What has been noted since the rows were read is newer than they are.
            if self.note.is_about(&delivery) {
                has_older = true;
                continue;
            }
            if let Some(thread_id) = delivery.thread_id {
                self.threads.entry(thread_id).or_default().insert(delivery.id);
            }
            self.busy.insert(delivery.id);
            begun.push((delivery, events));
        }
        self.looked_at = now;
        self.waiting = waiting;
        match ask {
            Ask::Probe => {
                self.tried_at = now;
                self.probed_row = !begun.is_empty();
            }
            Ask::Drain(..) if begun.is_empty() && !has_older && !is_full => self.draining = None,
            _ => {}
        }
        // Those that are on their way are due too; they say themselves when they end.
        let found_at = next_due.map(|due| due.max(now.plus_seconds(i64::from(begun.is_empty()))));
        let again_at = has_older.then(Timestamp::default);
        self.rows_at = [self.rows_at, found_at, again_at].into_iter().flatten().min();
        begun
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.status == Status::Suspended
    }

    pub(super) fn is_suspended_and_idle(&self) -> bool {
        self.is_suspended() && self.busy.is_empty()
    }

    /// One event, although the receiver is suspended.
    pub(super) fn take_one(
        &mut self,
        events: &[Arc<Event>],
        now: Timestamp,
        since: Instant,
    ) -> Option<(Delivery, Vec<Arc<Event>>)> {
        for event in events {
            self.next = event.seq;
            if self.webhook.may_concern(event) {
                let thread_id = event.thread_id.filter(|_| self.webhook.is_ordered());
                return Some(self.begin(vec![event.clone()], thread_id, now, since));
            }
        }
        None
    }

    /// Notes how an attempt ended.
    pub(super) fn note(&mut self, done: Done, now: Timestamp) {
        let Some(mut delivery) = done.delivery else { return };
        self.busy.remove(&delivery.id);
        let first = delivery.seqs.first().copied().unwrap_or(0);
        let is_open = self.open.get(&first).is_some_and(|open| open.delivery.id == delivery.id);
        if is_open {
            self.open.remove(&first);
        }
        let is_probe = delivery.tries.last().is_some_and(|attempt| attempt.probe);
        delivery.updated_at = now;
        let ended = match done.sent {
            Sent::Acknowledged(_) => {
                delivery.state = State::Delivered;
                delivery.due_at = None;
                self.succeeded(now);
                true
            }
            Sent::Refused(_, reason) => {
                if !is_probe {
                    delivery.attempts += 1;
                    delivery.due_at = schedule::next(delivery.attempts, now);
                } else if now.seconds_since(delivery.waiting_since) > GIVE_UP_SECONDS {
                    delivery.due_at = None;
                }
                if delivery.due_at.is_none() {
                    delivery.state = State::Failed;
                }
                if let Some(due) = delivery.due_at {
                    self.rows_at = Some(self.rows_at.map_or(due, |at| at.min(due)));
                }
                self.failed(reason, is_probe, now);
                delivery.due_at.is_none()
            }
            Sent::Nothing if !delivery.tries.is_empty() => {
                delivery.state = State::Failed;
                delivery.due_at = None;
                true
            }
            Sent::Nothing | Sent::Verified => {
                // Nothing was ever sent: there is nothing to show.
                self.end(&delivery);
                if !is_open {
                    self.note.gone.push(delivery.id);
                }
                return;
            }
        };
        if ended {
            self.ended_since_trim += 1;
            self.end(&delivery);
        }
        self.note.deliveries.push(delivery);
    }

    /// Lets the next of the thread go.
    fn end(&mut self, delivery: &Delivery) {
        let Some(thread_id) = delivery.thread_id else { return };
        if let Some(waiting) = self.threads.get_mut(&thread_id) {
            waiting.remove(&delivery.id);
            if waiting.is_empty() {
                self.threads.remove(&thread_id);
            } else {
                self.rows_at = Some(Timestamp::default());
            }
        }
    }

    /// What is to be written down now. `instant` is the same moment by the clock that nobody sets.
    pub(super) fn take_note(&mut self, now: Timestamp, instant: Instant) -> Note {
        // What takes long is written down, so that the place can move on; it is still on its way.
        let is_slow = |open: &Open| instant.saturating_duration_since(open.since) >= SLOW;
        let slow: Vec<i64> = self.open.iter().filter(|(_, open)| is_slow(open)).map(|(first, _)| *first).collect();
        for first in slow {
            if let Some(open) = self.open.remove(&first) {
                self.note.deliveries.push(Delivery { updated_at: now, ..open.delivery });
                self.rows_at = Some(self.rows_at.unwrap_or(now));
            }
        }
        let place = self.open.keys().next().map_or(self.next, |first| first - 1);
        let is_worth_it = !self.note.is_empty() || now.seconds_since(self.saved_at) >= SAVE_SECONDS;
        if place > self.saved && is_worth_it {
            self.note.place = Some(place);
            self.saved = place;
            self.saved_at = now;
        }
        if self.ended_since_trim >= TRIM_AFTER {
            self.ended_since_trim = 0;
            self.note.trim = true;
        }
        self.being_written = self.note.deliveries.len();
        std::mem::replace(&mut self.note, Note::empty(self.webhook.id, self.lease))
    }
}

fn by_thread(waiting: Vec<(Id, Id)>) -> HashMap<Id, HashSet<Id>> {
    let mut threads: HashMap<Id, HashSet<Id>> = HashMap::new();
    for (thread_id, delivery_id) in waiting {
        threads.entry(thread_id).or_default().insert(delivery_id);
    }
    threads
}
