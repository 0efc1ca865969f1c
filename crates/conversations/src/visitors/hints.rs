//! What visitors are told of the moment: that an agent types, where they are in the queue. Never kept.

use std::sync::Arc;

use frontdesk_model::{Id, Result};
use frontdesk_store::{Tx, args};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use super::view;
use crate::sources::IS_MESSAGING;
use crate::{Conversations, delivery};

/// So many wait for whoever passes them on; of more the oldest are lost.
const WAITING_MAX: usize = 256;

/// A hint for the visitor of a thread.
#[derive(Clone, Debug)]
pub struct Hint {
    /// The source.
    pub source_id: Id,
    /// The visitor.
    pub uuid: String,
    /// What they are told.
    pub body: Value,
}

/// The way of hints to those who pass them on.
pub struct Hints {
    voice: broadcast::Sender<Arc<Hint>>,
}

impl Default for Hints {
    fn default() -> Hints {
        Hints { voice: broadcast::Sender::new(WAITING_MAX) }
    }
}

impl Hints {
    /// Hears those of this node from now on.
    pub fn listen(&self) -> broadcast::Receiver<Arc<Hint>> {
        self.voice.subscribe()
    }

    fn give(&self, hint: Hint) {
        // Nobody passes it on: nobody is told.
        let _ = self.voice.send(Arc::new(hint));
    }
}

/// The visitor to whom a thread belongs; none for threads of other kinds of sources.
fn owner(tx: &mut dyn Tx, thread_id: Id) -> Result<Option<(Id, String)>> {
    let row = tx.first(
        &format!(
            "SELECT threads.source_id, identities.foreign_id FROM threads
             JOIN identities ON identities.id = threads.author_id JOIN sources ON sources.id = threads.source_id
             WHERE threads.id = $1 AND {IS_MESSAGING}"
        ),
        args![&thread_id],
    )?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// An agent types in a thread, or has stopped.
pub(crate) fn agent_types(
    app: &Conversations,
    tx: &mut dyn Tx,
    thread_id: Id,
    typing: bool,
    user_id: Id,
) -> Result<()> {
    let row = tx.one(
        "SELECT users.firstname, users.lastname, sources.settings FROM users, threads
         JOIN sources ON sources.id = threads.source_id WHERE users.id = $1 AND threads.id = $2",
        args![&user_id, &thread_id],
    )?;
    // As their messages are signed: a source may speak with one name for all.
    let template = view::template(&row.get::<String>(2)?)?;
    let screenname = delivery::sender_name_by(template.as_deref(), row.get(0)?, row.get(1)?);
    let body = json!({ "type": "typing", "thread_id": thread_id, "typing": typing, "screenname": screenname });
    if let Some((source_id, uuid)) = owner(tx, thread_id)? {
        app.visitor_hints.give(Hint { source_id, uuid, body });
    }
    Ok(())
}

/// Where a visitor is in the queue and how many seconds they still wait; without, that they wait no more. Whether there is
/// such a visitor.
pub(crate) fn queued(app: &Conversations, tx: &mut dyn Tx, thread_id: Id, place: Option<(u32, u32)>) -> Result<bool> {
    let Some((source_id, uuid)) = owner(tx, thread_id)? else { return Ok(false) };
    let (position, wait_seconds) = place.unzip();
    let body = json!({
        "type": "queue", "thread_id": thread_id, "state": if place.is_some() { "queued" } else { "done" },
        "position": position, "estimated_wait_seconds": wait_seconds,
    });
    app.visitor_hints.give(Hint { source_id, uuid, body });
    Ok(true)
}
