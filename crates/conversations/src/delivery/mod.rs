//! Delivery to channels: a consumer of the log that notes what has to go out, and workers that push it.
//!
//! A content is pushed at once, after 30 seconds and after 5 minutes; then it has failed and can be sent again by hand.
//! Every push carries the content's id, so that the channel can recognise a repeat, and says whether it is one. Within a
//! thread the order is kept; a slow channel holds up nobody else.

mod claims;
mod outbox;
mod outcomes;
mod preparing;
mod pushing;

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_model::{Error, Id, Result, error};
use frontdesk_store::{Tx, args};
use futures_util::FutureExt;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use crate::Conversations;
pub(crate) use claims::next_attempts;
use claims::{Claim, DUE, Running, busy, claim, due, forget};
pub use outbox::Outbox;
use outcomes::finish;
pub(crate) use outcomes::{echoed, is_ours, succeed};
pub(crate) use preparing::{SHOW, offered, sender_name_by, structured_content};
use pushing::failed;

/// How long a stopping server waits for the attempts that run.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// At most this many attempts run at once, so that memory stays bounded.
const ATTEMPTS_MAX: usize = 64;
/// Deliveries that become due while nothing else happens are found this often.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// What people read when the fault is ours.
const UNPREPARED: &str = "The content could not be prepared for its channel; the server's log says why.";

/// The workers.
pub struct Delivery {
    app: Arc<Conversations>,
    wake: Arc<Notify>,
    running: Mutex<Running>,
}

/// An attempt's place among those that run. It is free again however the attempt ends, also by a panic.
struct Place {
    delivery: Arc<Delivery>,
    source_id: Id,
}

impl Place {
    fn take(delivery: &Arc<Delivery>, source_id: Id) -> Place {
        *delivery.running().entry(source_id).or_default() += 1;
        Place { delivery: delivery.clone(), source_id }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.delivery.running();
        if let Some(count) = running.get_mut(&self.source_id) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.source_id);
            }
        }
        drop(running);
        self.delivery.wake.notify_one();
    }
}

impl Delivery {
    /// The consumer and its workers.
    pub fn new(app: &Arc<Conversations>) -> (Arc<Outbox>, Arc<Delivery>) {
        let wake = Arc::new(Notify::new());
        let outbox = Arc::new(Outbox { env: app.env.clone(), wake: wake.clone() });
        (outbox, Arc::new(Delivery { app: app.clone(), wake, running: Mutex::default() }))
    }

    /// Claims that an earlier process of this node held are free again: it is gone, this one took its place.
    pub async fn release_claims(&self) -> Result<()> {
        let node = self.app.node_id;
        self.app
            .store
            .write(move |tx| {
                tx.execute(
                    "UPDATE deliveries SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1",
                    args![&node],
                )?;
                Ok(())
            })
            .await
    }

    /// Pushes what is due until `stop` changes; attempts that run then get a moment to end.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut attempts = JoinSet::new();
        while !*stop.borrow() {
            let found = match self.claim(ATTEMPTS_MAX.saturating_sub(attempts.len())).await {
                Ok(claims) => claims,
                Err(trouble) => {
                    tracing::error!(?trouble, "deliveries cannot be claimed");
                    Vec::new()
                }
            };
            let some = !found.is_empty();
            for (claim, place) in found {
                let this = self.clone();
                attempts.spawn(async move { this.attempt(claim, place).await });
            }
            if some {
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = self.wake.notified() => {}
                Some(_) = attempts.join_next() => {}
                () = tokio::time::sleep(POLL_PERIOD) => {}
            }
        }
        // What does not end in time is tried again at the next start, as a repeat.
        let ended = async { while attempts.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_DEADLINE, ended).await;
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes at most `free` due deliveries for this process. Only the oldest of a thread: order matters in a
    /// conversation.
    async fn claim(self: &Arc<Self>, free: usize) -> Result<Vec<(Claim, Place)>> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let (node, now) = (self.app.node_id, self.app.env.now());
        let running = self.running().clone();
        // Most looks find nothing and need not bother the writer.
        let busy = busy(&running);
        let any = move |tx: &mut dyn Tx| Ok(!due(tx, now, &busy, 1)?.is_empty() || DUE.any_astray(tx, now)?);
        if !self.app.store.read(any).await? {
            return Ok(Vec::new());
        }
        let claims = self.app.store.write(move |tx| {
            DUE.bring_back(tx, now)?;
            claim(tx, node, now, &running, free)
        });
        let claims = claims.await?;
        let placed = claims.into_iter().map(|claim| {
            let place = Place::take(self, claim.source_id);
            (claim, place)
        });
        Ok(placed.collect())
    }

    async fn attempt(&self, claim: Claim, _place: Place) {
        let content_id = claim.content_id;
        let pushed = AssertUnwindSafe(self.push(&claim)).catch_unwind().await;
        let outcome = match pushed.unwrap_or_else(|_| Err(error::broken("an attempt to push panicked"))) {
            Ok(outcome) => outcome,
            Err(Error::Unavailable(trouble)) => {
                // Nothing can be written down either: the claim runs out and the push is tried again.
                tracing::warn!(%content_id, trouble, "a delivery waits for the store");
                return;
            }
            Err(trouble) => {
                tracing::error!(%content_id, ?trouble, "a delivery could not be prepared");
                Some(failed(UNPREPARED).into())
            }
        };
        let env = self.app.env.clone();
        let finishing = self.app.store.write(move |tx| match &outcome {
            Some(pushed) => finish(tx, &env, &claim, pushed),
            None => forget(tx, &claim),
        });
        if let Err(trouble) = finishing.await {
            tracing::error!(%content_id, ?trouble, "a delivery's outcome was not written");
        }
    }
}

/// How many deliveries wait, for the metrics.
pub fn waiting(tx: &mut dyn Tx) -> Result<i64, Error> {
    tx.one("SELECT count(*) FROM deliveries", args![])?.get(0)
}

#[cfg(test)]
pub(crate) mod tests;
