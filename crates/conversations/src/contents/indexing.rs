//! Puts contents into the index: their titles, and the words of their bodies that people see.

use std::time::Duration;

use frontdesk_model::{Id, Result, error};
use frontdesk_store::{Store, Tx, args, search};
use tokio::sync::watch;

/// At most this many contents are indexed in one transaction: everybody else waits behind it.
const CONTENTS_PER_STEP_MAX: i64 = 200;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// The row of `meta` that says how far back the contents have been indexed: a migration leaves it, the end removes it.
const MARK: &str = "contents_to_index";

/// Indexes a content, in the transaction that writes it.
pub fn index(tx: &mut dyn Tx, id: Id, title: Option<&str>, body: &str, format: &str) -> Result<()> {
    search::index(tx, "contents", id, &search::text(title, body, format))
}

/// Indexes what was written before the index was made anew, newest first, until all is or `stop` changes. Killed at any
/// moment, it goes on where it was.
pub async fn catch_up(store: Store, mut stop: watch::Receiver<bool>) {
    loop {
        let pause = match store.write(step).await {
            Ok(true) => Duration::ZERO,
            Ok(false) => return,
            Err(trouble) => {
                tracing::warn!(?trouble, "indexing contents");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Whether there is more to do.
fn step(tx: &mut dyn Tx) -> Result<bool> {
    let Some(mark) = tx.first("SELECT value FROM meta WHERE name = $1", args![MARK])? else { return Ok(false) };
    let before: Id = mark.get::<String>(0)?.parse().map_err(|_| error::broken("meta: contents_to_index is no id"))?;
    let rows = tx.query(
        "SELECT id, title, body, body_format FROM contents WHERE id < $1 ORDER BY id DESC LIMIT $2",
        args![&before, CONTENTS_PER_STEP_MAX],
    )?;
    let mut last = None;
    for row in &rows {
        let (id, title, body, format): (Id, Option<String>, String, String) =
            (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        index(tx, id, title.as_deref(), &body, &format)?;
        last = Some(id);
    }
    match last {
        Some(last) => tx.execute("UPDATE meta SET value = $2 WHERE name = $1", args![MARK, &last.hex()])?,
        None => tx.execute("DELETE FROM meta WHERE name = $1", args![MARK])?,
    };
    Ok(last.is_some())
}
