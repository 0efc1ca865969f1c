//! The consumer: answers become notifications to be sent.

use std::sync::Arc;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::visitors;
use frontdesk_model::{Event, Id, Result};
use frontdesk_sources::push::KEPT_SECONDS;
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Tx, args};
use tokio::sync::Notify;

use crate::stream::Hub;

/// So long a person whose app has a stream open is given to see the answer there.
const SEEN_SECONDS: i64 = 20;

pub(crate) struct Noting {
    pub(crate) desk: Arc<Conversations>,
    pub(crate) hub: Arc<Hub>,
    /// The workers'.
    pub(crate) wake: Vec<Arc<Notify>>,
}

impl Consumer for Noting {
    fn name(&self) -> &'static str {
        "push"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(
            kind,
            "content.replied" | "content.discussion_initiated" | "content.auto_answered" | "content.exported"
        )
    }

    fn is_choosy(&self) -> bool {
        true
    }

    /// Answers to people who have a device: most have none. One that waits for its time or for approval cannot be seen
    /// yet, and is heard of again as exported.
    fn choose(&self, tx: &mut dyn Tx, events: Vec<Event>) -> Result<Vec<Event>> {
        let oldest = self.desk.env.now().plus_seconds(-KEPT_SECONDS);
        let mut chosen = Vec::new();
        for event in events.into_iter().filter(|event| event.at >= oldest) {
            if !devices(tx, event.object_id)?.is_empty() {
                chosen.push(event);
            }
        }
        Ok(chosen)
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        for event in events {
            for Told { device_id, source_id, session_id, service } in devices(tx, event.object_id)? {
                let now = self.desk.env.now();
                let due_at = if self.hub.is_listening(session_id) { now.plus_seconds(SEEN_SECONDS) } else { now };
                tx.execute(
                    "INSERT INTO pushes (device_id, content_id, source_id, service, seq, attempts, due_at)
                     VALUES ($1, $2, $3, $4, $5, 0, $6) ON CONFLICT (device_id, content_id) DO NOTHING",
                    args![&device_id, &event.object_id, &source_id, &service, event.seq, due_at],
                )?;
            }
        }
        Ok(())
    }

    fn handled(&self) {
        for wake in &self.wake {
            wake.notify_one();
        }
    }
}

/// A device to be told.
struct Told {
    device_id: Id,
    source_id: Id,
    session_id: Id,
    service: String,
}

/// The devices of whom an answer is for.
fn devices(tx: &mut dyn Tx, content_id: Id) -> Result<Vec<Told>> {
    let Some((source_id, uuid)) = visitors::answered(tx, content_id)? else { return Ok(Vec::new()) };
    let rows = tx.query(
        "SELECT id, session_id, service FROM visitor_devices WHERE source_id = $1 AND uuid = $2 ORDER BY id",
        args![&source_id, &uuid],
    )?;
    let told = rows
        .iter()
        .map(|row| Ok(Told { device_id: row.get(0)?, source_id, session_id: row.get(1)?, service: row.get(2)? }));
    told.collect()
}
