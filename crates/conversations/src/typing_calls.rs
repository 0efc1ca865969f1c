//! Showing customers of services that an agent types: a hint of the moment. It is kept in memory, bounded, and sent once; what
//! is lost is made good by the next one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_model::{Id, Result};
use frontdesk_store::{Tx, args};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::Conversations;

/// At most this many customers wait to be shown something; more are not.
const WAITING_MAX: usize = 1_000;
/// At most this many calls at once.
const CALLS_MAX: usize = 16;
/// For one call: what takes longer is over before it is shown.
const DEADLINE: Duration = Duration::from_secs(5);
/// Of its answer, this much is read.
const ANSWER_BYTES_MAX: usize = 16 * 1024;

/// What is to be shown: of each customer the latest.
#[derive(Default)]
pub struct TypingCalls {
    waiting: Mutex<HashMap<(Id, String), bool>>,
    wake: Notify,
}

impl TypingCalls {
    fn add(&self, source_id: Id, customer: String, typing: bool) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (source_id, customer);
        if waiting.len() < WAITING_MAX || waiting.contains_key(&key) {
            waiting.insert(key, typing);
            self.wake.notify_one();
        }
    }

    fn take(&self) -> Option<(Id, String, bool)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let key = waiting.keys().next()?.clone();
        let typing = waiting.remove(&key)?;
        Some((key.0, key.1, typing))
    }
}

/// Has the customer of a thread shown that an agent types, or has stopped.
pub(crate) fn show(app: &Conversations, tx: &mut dyn Tx, thread_id: Id, typing: bool) -> Result<()> {
    let row = tx.first(
        "SELECT threads.source_id, identities.foreign_id FROM threads
         JOIN identities ON identities.id = threads.author_id WHERE threads.id = $1",
        args![&thread_id],
    )?;
    let Some(row) = row else { return Ok(()) };
    if let Some(customer) = row.get::<Option<String>>(1)? {
        app.typing_calls.add(row.get(0)?, customer, typing);
    }
    Ok(())
}

/// Shows what is to be shown until `stop` changes.
pub async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    let mut calls = JoinSet::new();
    while !*stop.borrow() {
        while calls.len() < CALLS_MAX
            && let Some((source_id, customer, typing)) = app.typing_calls.take()
        {
            let app = app.clone();
            calls.spawn(async move {
                if let Err(trouble) = call(&app, source_id, &customer, typing).await {
                    tracing::debug!(%source_id, ?trouble, "typing was not shown");
                }
            });
        }
        tokio::select! {
            _ = stop.changed() => {}
            () = app.typing_calls.wake.notified() => {}
            Some(_) = calls.join_next() => {}
        }
    }
}

async fn call(app: &Conversations, source_id: Id, customer: &str, typing: bool) -> Result<()> {
    let channel = app.channels.get(&app.store, &app.seal, source_id).await?.filter(|channel| channel.active);
    let request = channel.as_ref().and_then(|channel| (channel.kind.typing?)(&channel.settings, customer, typing));
    if let Some((channel, request)) = channel.zip(request) {
        // Whether it was shown matters to nobody.
        let _ = app.call(&channel, request, DEADLINE, ANSWER_BYTES_MAX).await?;
    }
    Ok(())
}
