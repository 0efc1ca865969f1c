//! How urgent a task is: the published formula.
//!
//! The base is the source's `default_task_priority`, plus its `intervention_messages_boost` when the customer has an
//! intervention, plus its `transferred_tasks_boost` when the task was transferred, cut to ±[`PRIORITY_MAX`]. Where the
//! source has an `sla_response` that holds for the task's categories, waiting raises it: when `sla_threshold` percent of
//! that time, in the source's business hours, are over, half way from the base to [`PRIORITY_MAX`]; when it is over, `sla_expired_strategy` says whether to
//! [`PRIORITY_MAX`], half way, or back to the base. Among equals, who has waited longer goes first.
//!
//! So a priority changes at most twice by itself, which keeps queues sorted without touching them all the time.

use frontdesk_model::Timestamp;
use serde::{Deserialize, Serialize};

/// The highest priority.
pub const PRIORITY_MAX: i64 = 1_000;

/// What a priority is made of; kept with the task as it was when the task came up.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Urgency {
    /// `default_task_priority` of the source.
    pub default: i64,
    /// `intervention_messages_boost`, where the customer has an intervention; 0 otherwise.
    pub intervention: i64,
    /// `transferred_tasks_boost`, once it was transferred; 0 before.
    pub transfer: i64,
    /// When `sla_threshold` percent of `sla_response` are over, where the source's settings hold for this task.
    #[serde(with = "moment")]
    pub warns_at: Option<Timestamp>,
    /// When all of it is over.
    #[serde(with = "moment")]
    pub due_at: Option<Timestamp>,
    /// What becomes of it when the target is missed.
    pub missed: Missed,
}

/// `sla_expired_strategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Missed {
    /// It goes first.
    #[default]
    Max,
    /// It stays half way.
    Half,
    /// It is too late anyway: those who can still be answered in time go first.
    Base,
}

impl Urgency {
    fn base(&self) -> i64 {
        let sum = self.default.saturating_add(self.intervention).saturating_add(self.transfer);
        sum.clamp(-PRIORITY_MAX, PRIORITY_MAX)
    }

    fn half(&self) -> i64 {
        let base = self.base();
        base + (PRIORITY_MAX - base) / 2
    }

    /// The priority at a moment.
    pub fn priority(&self, now: Timestamp) -> i64 {
        let is_past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        if is_past(self.due_at) {
            return match self.missed {
                Missed::Max => PRIORITY_MAX,
                Missed::Half => self.half(),
                Missed::Base => self.base(),
            };
        }
        if is_past(self.warns_at) { self.half() } else { self.base() }
    }

    /// When it changes next.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        [self.warns_at, self.due_at].into_iter().flatten().find(|at| *at > now)
    }
}

/// Moments as the store keeps them, in microseconds.
mod moment {
    use frontdesk_model::Timestamp;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(at: &Option<Timestamp>, to: S) -> Result<S::Ok, S::Error> {
        at.map(Timestamp::micros).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Timestamp>, D::Error> {
        Ok(Option::<i64>::deserialize(from)?.map(Timestamp::from_micros))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_formula() {
        let at = |seconds| Timestamp::from_micros(0).plus_seconds(seconds);
        let plain = Urgency { default: 5, ..Urgency::default() };
        let boosted = Urgency { intervention: 10, transfer: 20, ..plain.clone() };
        let timed = Urgency { warns_at: Some(at(80)), due_at: Some(at(100)), ..plain.clone() };
        let silent = Urgency { warns_at: None, ..timed.clone() };
        let half = Urgency { missed: Missed::Half, ..timed.clone() };
        let base = Urgency { missed: Missed::Base, ..timed.clone() };
        for (urgency, seconds, priority) in [
            (&plain, 0, 5),
            (&plain, 1_000_000, 5),
            (&boosted, 0, 35),
            (&Urgency { default: i64::MAX, intervention: 5, ..Urgency::default() }, 0, PRIORITY_MAX),
            (&Urgency { default: i64::MIN, ..Urgency::default() }, 0, -PRIORITY_MAX),
            (&timed, 79, 5),
            (&timed, 80, 502),
            (&timed, 99, 502),
            (&timed, 100, PRIORITY_MAX),
            (&silent, 99, 5),
            (&silent, 100, PRIORITY_MAX),
            (&half, 100, 502),
            (&base, 100, 5),
        ] {
            assert_eq!(urgency.priority(at(seconds)), priority, "{urgency:?} after {seconds} s");
        }
        assert_eq!(timed.next_change(at(0)), Some(at(80)));
        assert_eq!(timed.next_change(at(80)), Some(at(100)));
        assert_eq!(timed.next_change(at(100)), None);
        assert_eq!(plain.next_change(at(0)), None);
        let kept = serde_json::to_string(&timed).expect("JSON");
        assert_eq!(serde_json::from_str::<Urgency>(&kept).expect("an urgency"), timed);
    }
}
