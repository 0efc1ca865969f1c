//! Leases: what one node at a time does, where two would do no harm but twice the work.
//!
//! Nothing may depend on a lease for being right: clocks of nodes differ, and who was overtaken learns of it late.

use frontdesk_model::{Id, Result, Timestamp};

use crate::args;
use crate::tx::Tx;

/// Takes or renews a lease for some seconds from now on. Whether this node has it: nobody else did, or their time is over,
/// or ends so late that the clock was set back since.
pub fn take(tx: &mut dyn Tx, name: &str, node: Id, now: Timestamp, seconds: i64) -> Result<bool> {
    let taken = tx.execute(
        "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3)
         ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until
           WHERE leases.holder = excluded.holder OR leases.until <= $4 OR leases.until > $5",
        args![name, &node, now.plus_seconds(seconds), now, now.plus_seconds(2 * seconds)],
    )?;
    Ok(taken == 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Migration, Store};

    #[tokio::test]
    async fn one_node_at_a_time_has_it_until_it_is_silent() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = "CREATE TABLE log_head (seq BIGINT NOT NULL); INSERT INTO log_head (seq) VALUES (0);
            CREATE TABLE leases (name TEXT PRIMARY KEY, holder BYTEA NOT NULL, until BIGINT NOT NULL);";
        let migrations = [Migration { number: 1, name: "leases", sqlite, postgres: "" }];
        let store = Store::open_sqlite(&folder.path().join("leases.db"), &migrations).unwrap();
        let (one, other) = (Id::from_parts(1, 1), Id::from_parts(1, 2));
        for (second, name, node, expected) in [
            (0, "work", one, true),
            (0, "work", other, false),
            (0, "other work", other, true),
            (9, "work", other, false),
            (9, "work", one, true),
            // Renewed by then.
            (10, "work", other, false),
            (18, "work", other, false),
            (19, "work", other, true),
            (19, "work", one, false),
            // Until 29, as the clock said then.
            (8, "work", one, true),
        ] {
            let now = Timestamp::from_micros(0).plus_seconds(second);
            let taken = store.write(move |tx| take(tx, name, node, now, 10)).await.unwrap();
            assert_eq!(taken, expected, "{name} at {second}");
        }
    }
}
