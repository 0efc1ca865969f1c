//! What has to go after a while: old log entries, tasks of last year, idempotency keys of yesterday.

use std::time::Duration;

use frontdesk_conversations::channel_events;
use frontdesk_model::Env;
use frontdesk_routing::tasks;
use frontdesk_store::{Store, log};
use tokio::sync::watch;

const PERIOD: Duration = Duration::from_secs(600);
/// At most this many rows go at once: everybody else waits behind it.
const ROWS_MAX: i64 = 1_000;
/// A task goes with up to a hundred entries of its trace.
const TASKS_MAX: i64 = 50;
const SECONDS_PER_DAY: i64 = 86_400;

/// How many days what is kept.
#[derive(Clone, Copy)]
pub(crate) struct Days {
    /// The log of events.
    pub(crate) log: u32,
    /// Tasks, from their end on.
    pub(crate) tasks: u32,
}

/// Tidies up every ten minutes until `stop` changes.
pub(crate) async fn run(store: Store, env: Env, days: Days, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(trouble) = tidy(&store, &env, days).await {
            tracing::warn!(?trouble, "housekeeping");
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn tidy(store: &Store, env: &Env, days: Days) -> frontdesk_model::Result<()> {
    let now = env.now();
    let keys_before = now.plus_seconds(-frontdesk_rest::KEY_KEPT_SECONDS);
    while store.write(move |tx| frontdesk_rest::forget_idempotency_keys(tx, keys_before, ROWS_MAX)).await? > 0 {}
    let before = |days: u32| now.plus_seconds(-i64::from(days) * SECONDS_PER_DAY);
    let (log_before, tasks_before) = (before(days.log), before(days.tasks));
    while store.write(move |tx| log::forget(tx, log_before, ROWS_MAX)).await? > 0 {}
    while store.write(move |tx| tasks::forget(tx, tasks_before, TASKS_MAX)).await? > 0 {}
    while store.write(move |tx| channel_events::forget_old(tx, now, ROWS_MAX)).await? > 0 {}
    Ok(())
}
