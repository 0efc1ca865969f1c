//! What has to happen to sessions while nobody asks: when they were used is written down, and those whose time is over
//! end, which their streams hear.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_store::{Tx, args};
use tokio::sync::watch;

use super::{SignIn, attempts, end};
use crate::settings;

const PERIOD: Duration = Duration::from_secs(PERIOD_SECONDS.unsigned_abs());
/// Another node knows as late as this that a session is in use.
const PERIOD_SECONDS: i64 = 15;
/// At most this many rows go at once: everybody else waits behind it.
const ROWS_MAX: i64 = 500;

impl SignIn {
    /// Runs until `stop` changes.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        loop {
            let stops = *stop.borrow();
            if let Err(trouble) = self.tidy().await {
                tracing::warn!(?trouble, "sessions could not be tidied up");
            }
            if stops {
                return;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = tokio::time::sleep(PERIOD) => {}
            }
        }
    }

    async fn tidy(&self) -> Result<()> {
        let (seen, now, env) = (self.take_seen(), self.env.now(), self.env.clone());
        // Most looks find nothing and need not bother the writer.
        if seen.is_empty() && !self.store.read(move |tx| is_any_over(tx, now)).await? {
            return Ok(());
        }
        let write = move |tx: &mut dyn Tx| {
            for (hash, seen_at) in &seen {
                let sql = "UPDATE sessions SET seen_at = $2 WHERE hash = $1 AND seen_at < $2";
                tx.execute(sql, args![&hash[..], *seen_at])?;
            }
            for (id, user_id) in over(tx, now)? {
                end(tx, &env, None, id, user_id)?;
            }
            tx.execute(
                "DELETE FROM sign_in_attempts WHERE key IN
                   (SELECT key FROM sign_in_attempts WHERE since <= $1 ORDER BY since LIMIT $2)",
                args![now.plus_seconds(-attempts::WINDOW_SECONDS), ROWS_MAX],
            )?;
            Ok(())
        };
        self.store.write(write).await
    }
}

fn is_any_over(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    let attempts = "SELECT 1 FROM sign_in_attempts WHERE since <= $1 LIMIT 1";
    let attempts = tx.first(attempts, args![now.plus_seconds(-attempts::WINDOW_SECONDS)])?.is_some();
    Ok(attempts || !over(tx, now)?.is_empty())
}

/// Sessions that have ended, with their users.
fn over(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<(Id, Id)>> {
    let settings = settings::load(tx)?;
    let idle = now.minus_seconds(settings.session_timeout.saturating_mul(60).saturating_add(PERIOD_SECONDS));
    let aged = now.minus_seconds(settings.session_lifetime.saturating_mul(60));
    let rows = tx.query(
        "SELECT id, user_id FROM sessions WHERE seen_at <= $1 OR created_at <= $2 LIMIT $3",
        args![idle, aged, ROWS_MAX],
    )?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}
