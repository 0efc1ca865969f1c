//! What has to go after a while: old log entries, idempotency keys of yesterday.

use std::time::Duration;

use frontdesk_model::Env;
use frontdesk_store::{Store, log};
use tokio::sync::watch;

const PERIOD: Duration = Duration::from_secs(600);
/// At most this many rows go at once: everybody else waits behind it.
const ROWS_MAX: i64 = 1_000;
const SECONDS_PER_DAY: i64 = 86_400;

/// Tidies up every ten minutes until `stop` changes.
pub(crate) async fn run(store: Store, env: Env, log_days: u32, mut stop: watch::Receiver<bool>) {
    loop {
        if let Err(trouble) = tidy(&store, &env, log_days).await {
            tracing::warn!(?trouble, "housekeeping");
        }
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(PERIOD) => {}
        }
    }
}

async fn tidy(store: &Store, env: &Env, log_days: u32) -> frontdesk_model::Result<()> {
    let now = env.now();
    let keys_before = now.plus_seconds(-frontdesk_rest::KEY_KEPT_SECONDS);
    while store.write(move |tx| frontdesk_rest::forget_idempotency_keys(tx, keys_before, ROWS_MAX)).await? > 0 {}
    let log_before = now.plus_seconds(-i64::from(log_days) * SECONDS_PER_DAY);
    while store.write(move |tx| log::forget(tx, log_before, ROWS_MAX)).await? > 0 {}
    Ok(())
}
