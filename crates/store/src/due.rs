//! Rows with a time at which something is to be done about them. Where the clock is set back they would wait until it has
//! come so far again. So each kind of row says how far ahead it is ever made to be due: what is further was written
//! before the clock was set back.

use frontdesk_model::{Result, Timestamp};

use crate::args;
use crate::tx::Tx;

/// Rows of one kind.
#[derive(Clone, Copy)]
pub struct Due<'a> {
    /// Their table.
    pub table: &'a str,
    /// Its column of times.
    pub column: &'a str,
    /// Which rows of the table they are, in SQL.
    pub condition: &'a str,
    /// None is made to be due further ahead, in seconds.
    pub ahead_seconds_max: i64,
}

impl Due<'_> {
    /// Whether some wait for a clock that was set back.
    pub fn any_astray(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
        let Due { table, column, condition, .. } = self;
        let sql = format!("SELECT 1 FROM {table} WHERE {condition} AND {column} > $1 LIMIT 1");
        Ok(tx.first(&sql, args![self.furthest(now)])?.is_some())
    }

    /// Makes those due now.
    pub fn bring_back(&self, tx: &mut dyn Tx, now: Timestamp) -> Result<()> {
        let Due { table, column, condition, .. } = self;
        let sql = format!("UPDATE {table} SET {column} = $2 WHERE {condition} AND {column} > $1");
        tx.execute(&sql, args![self.furthest(now), now]).map(drop)
    }

    /// What is due later than this is astray.
    fn furthest(&self, now: Timestamp) -> Timestamp {
        now.plus_seconds(self.ahead_seconds_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Migration, Store};

    #[tokio::test]
    async fn what_was_written_before_the_clock_was_set_back_is_due_now() {
        let folder = tempfile::tempdir().unwrap();
        let sqlite = "CREATE TABLE log_head (seq BIGINT NOT NULL); INSERT INTO log_head (seq) VALUES (0);
            CREATE TABLE letters (kind TEXT NOT NULL, at BIGINT);
            INSERT INTO letters (kind, at) VALUES ('red', 5000000), ('red', 60000000), ('red', 60000001), ('red', NULL),
              ('blue', 99000000);";
        let migrations = [Migration { number: 1, name: "letters", sqlite, postgres: "" }];
        let store = Store::open_sqlite(&folder.path().join("due.db"), &migrations).unwrap();
        let (now, letters) = (Timestamp::from_micros(0), "SELECT at FROM letters ORDER BY kind, at");
        let writing = store.write(move |tx| {
            let due = Due { table: "letters", column: "at", condition: "kind = 'red'", ahead_seconds_max: 60 };
            let mut found = vec![due.any_astray(tx, now)?];
            due.bring_back(tx, now)?;
            found.push(due.any_astray(tx, now)?);
            let times: Vec<Option<i64>> =
                tx.query(letters, args![])?.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
            Ok((found, times))
        });
        let (found, mut times) = writing.await.unwrap();
        assert_eq!(found, [true, false]);
        times.sort_unstable();
        assert_eq!(times, [None, Some(0), Some(5_000_000), Some(60_000_000), Some(99_000_000)]);
    }
}
