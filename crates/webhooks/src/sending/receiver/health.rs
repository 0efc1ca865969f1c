//! How a receiver does: whether it is there, when to leave it alone, when to ask whether it is there again, and what is given
//! up when it was away for too long.

use std::sync::Arc;

use frontdesk_model::{Event, Timestamp};

use super::super::schedule::{FAILING_AFTER, GIVE_UP_SECONDS, OUTAGE_SECONDS, PROBE_SECONDS};
use super::Receiver;
use crate::deliveries::{Delivery, State};
use crate::subscriptions::{Reason, Status};

/// So many attempts beside the plan may fail one after the other; then the receiver is away again.
const EXTRA_FAILURES_MAX: u32 = 5;
/// A row of events that are given up unsent holds at most so many of them.
const GIVEN_UP_TOGETHER_MAX: usize = 100;

impl Receiver {
    /// The last attempt failed a while ago, and nothing is on its way.
    pub(super) fn is_time_to_probe(&self, now: Timestamp) -> bool {
        self.failures_in_row > 0
            && self.listener.is_some()
            && matches!(self.status, Status::Failing | Status::Suspended | Status::Enabled)
            && self.busy.is_empty()
            && now.seconds_since(self.tried_at) >= PROBE_SECONDS
    }

    /// It acknowledged something.
    pub(super) fn succeeded(&mut self, now: Timestamp) {
        self.tried_at = now;
        self.proven = true;
        self.extra_failures = 0;
        self.breaker.note(false, now);
        if self.failures_in_row == 0 && self.status == Status::Enabled {
            return;
        }
        // After a single failure it may be what was sent that is at fault.
        let was_away = self.failures_in_row >= FAILING_AFTER || self.status != Status::Enabled;
        self.draining = Some(if was_away { now } else { now.plus_seconds(-OUTAGE_SECONDS) });
        self.failures_in_row = 0;
        if self.status != Status::Enabled && self.status != Status::Verifying {
            if self.status == Status::Suspended {
                self.breaker.reset();
            }
            self.set_status(Status::Enabled, None);
        }
    }

    /// It did not; `is_extra`: an attempt beside the plan.
    pub(super) fn failed(&mut self, reason: Reason, is_extra: bool, now: Timestamp) {
        self.tried_at = now;
        if is_extra {
            // What waits may be refused for itself, which says nothing about the receiver. If all of it is, it does.
            self.extra_failures += 1;
            if self.extra_failures >= EXTRA_FAILURES_MAX && self.draining.take().is_some() {
                self.proven = false;
                self.failures_in_row = self.failures_in_row.max(1);
            }
            return;
        }
        self.proven = false;
        self.draining = None;
        self.failures_in_row = self.failures_in_row.saturating_add(1);
        let tripped = self.breaker.note(true, now);
        match self.status {
            Status::Enabled | Status::Failing if tripped => self.set_status(Status::Suspended, Some(reason)),
            Status::Enabled if self.failures_in_row >= FAILING_AFTER => self.set_status(Status::Failing, Some(reason)),
            _ => {}
        }
    }

    fn set_status(&mut self, status: Status, reason: Option<Reason>) {
        self.status = status;
        self.note.status = Some((status, reason));
    }

    /// Whether it is told nothing for now, so that what waits for it grows old.
    fn is_left_alone(&self) -> bool {
        self.status == Status::Suspended || self.listener.is_none()
    }

    /// Whether it is time to give up what has grown too old.
    pub(in crate::sending) fn is_to_be_tidied(&mut self, now: Timestamp) -> bool {
        let is_due = self.is_left_alone() && now.seconds_since(self.tidied_at) >= PROBE_SECONDS;
        if is_due {
            self.tidied_at = now;
            self.note.give_up_before = Some(now.plus_seconds(-GIVE_UP_SECONDS));
            // Nothing arrives that would have the rows tidied.
            self.note.trim = true;
        }
        is_due
    }

    /// Gives up what a receiver that is left alone has not been told within a day. Each becomes part of a row, so that it
    /// can be seen and told later. Whether there may be more.
    pub(in crate::sending) fn forget_stale(&mut self, events: &[Arc<Event>], now: Timestamp) -> bool {
        let before = now.plus_seconds(-GIVE_UP_SECONDS);
        let stale: Vec<Arc<Event>> = events.iter().take_while(|event| event.at < before).cloned().collect();
        let Some(last) = stale.last() else { return false };
        self.next = last.seq;
        let wanted: Vec<Arc<Event>> = stale.into_iter().filter(|event| self.webhook.may_concern(event)).collect();
        for some in wanted.chunks(GIVEN_UP_TOGETHER_MAX) {
            let delivery = self.delivery(some, None, now);
            self.note.deliveries.push(Delivery { state: State::Failed, due_at: None, ..delivery });
        }
        true
    }
}
