//! The consumer: every content that an agent wrote becomes a delivery.

use std::sync::Arc;

use frontdesk_model::{Env, Event, Result};
use frontdesk_sources::outbound::ContentAction;
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Tx, args};
use tokio::sync::Notify;

use super::SHOW;
use crate::handover;

/// The consumer: every content that an agent wrote becomes a delivery.
pub struct Outbox {
    pub(super) env: Env,
    pub(super) wake: Arc<Notify>,
}

impl Consumer for Outbox {
    fn name(&self) -> &'static str {
        "delivery"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(
            kind,
            "content.replied"
                | "content.discussion_initiated"
                | "content.approved"
                | "content.auto_answered"
                | "content.retried_synchronization"
                | "content.published"
                | "content.unpublished"
                | "content.destroyed"
                | "content.action_requested"
                | "content.refresh_requested"
                | "intervention.closed"
        )
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        for event in events {
            if event.kind == "intervention.closed" {
                handover::closed(tx, &self.env, event)?;
                continue;
            }
            // What has been tried before may have arrived: the channel is told so.
            let tried_before = event.kind == "content.retried_synchronization";
            let task = match event.kind.as_str() {
                "content.published" => Task::Act(ContentAction::Publish),
                "content.unpublished" => Task::Act(ContentAction::Unpublish),
                "content.destroyed" => Task::Act(ContentAction::Delete),
                "content.action_requested" => Task::Custom,
                "content.refresh_requested" => Task::Show,
                _ => Task::Create,
            };
            tx.execute(
                "INSERT INTO deliveries (content_id, source_id, thread_id, seq, attempts, started, claim, due_at, action)
                 SELECT id, source_id, thread_id, $4, 0, $2, 0, $3, $5 FROM contents
                 WHERE id = $1 AND synchronization_status = 'export_pending' AND NOT approval_required
                   AND scheduled_at IS NULL
                 ON CONFLICT (content_id) DO NOTHING",
                args![&event.object_id, tried_before, self.env.now(), event.seq, task.as_str()],
            )?;
        }
        Ok(())
    }

    fn handled(&self) {
        self.wake.notify_one();
    }
}

/// What a delivery is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Task {
    /// Create a content that the channel does not have.
    Create,
    /// Publish, unpublish or delete one that it has.
    Act(ContentAction),
    /// Ask for one once more.
    Show,
    /// An action that only the channel knows; the event says which, and in whose name. It is tried once: doing it
    /// twice may be worse than not at all, and the pages promise repeats of the standard actions only.
    Custom,
}

impl Task {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Task::Create => "create",
            Task::Act(action) => action.as_str(),
            Task::Show => SHOW,
            Task::Custom => "custom",
        }
    }

    pub(super) fn named(name: &str) -> Task {
        let others = [Task::Show, Task::Custom].into_iter().find(|task| task.as_str() == name);
        others.or_else(|| ContentAction::named(name).map(Task::Act)).unwrap_or(Task::Create)
    }
}
