//! What services are asked about their customers: rows of a table, by source and customer, each due at its time. A worker
//! asks; nothing else waits for the answer.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::{Id, Result};
use frontdesk_store::{Due, Row, Tx, args};
use tokio::sync::watch;

use crate::Conversations;

/// For one question.
pub(crate) const DEADLINE: Duration = Duration::from_secs(15);
/// Of its answer, this much is read.
pub(crate) const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// At most so many questions in one go.
const ASKED_MAX: i64 = 16;

/// Questions of one kind.
pub(crate) struct Questions {
    /// Where they are: with `source_id`, `foreign_id`, `due_at` and `attempts`.
    pub(crate) table: &'static str,
    /// What else is read of each, behind the source and the customer.
    pub(crate) columns: &'static str,
    /// A question that was not answered is asked again after so many seconds.
    pub(crate) pause_seconds: i64,
    /// None is made to be due further ahead, in seconds.
    pub(crate) ahead_seconds_max: i64,
    /// Those that become due while nothing else happens are found this often.
    pub(crate) look_every: Duration,
}

impl Questions {
    /// Asks what is due until `stop` changes.
    pub(crate) async fn run<Asked: Future<Output = Result<()>>>(
        &self,
        app: Arc<Conversations>,
        mut stop: watch::Receiver<bool>,
        ask: impl Fn(Arc<Conversations>, Row) -> Asked,
    ) {
        while !*stop.borrow() {
            let found = self.take(&app).await.unwrap_or_else(|trouble| {
                tracing::error!(?trouble, questions = self.table, "questions cannot be read");
                Vec::new()
            });
            let is_idle = found.is_empty();
            for question in found {
                if let Err(trouble) = ask(app.clone(), question).await {
                    tracing::error!(?trouble, questions = self.table, "a question");
                }
            }
            if is_idle {
                tokio::select! {
                    _ = stop.changed() => {}
                    () = tokio::time::sleep(self.look_every) => {}
                }
            }
        }
    }

    /// Those that are due. Each is due again later, should nobody write down its answer.
    async fn take(&self, app: &Conversations) -> Result<Vec<Row>> {
        let (now, again) = (app.env.now(), app.env.now().plus_seconds(self.pause_seconds));
        let Questions { table, columns, ahead_seconds_max, .. } = *self;
        let astray = Due { table, column: "due_at", condition: "TRUE", ahead_seconds_max };
        let due =
            format!("SELECT source_id, foreign_id, {columns} FROM {table} WHERE due_at <= $1 ORDER BY due_at LIMIT $2");
        let look = due.clone();
        let any =
            move |tx: &mut dyn Tx| Ok(tx.first(&look, args![now, 1_i64])?.is_some() || astray.any_astray(tx, now)?);
        if !app.store.read(any).await? {
            return Ok(Vec::new());
        }
        let later =
            format!("UPDATE {table} SET attempts = attempts + 1, due_at = $3 WHERE source_id = $1 AND foreign_id = $2");
        let taking = move |tx: &mut dyn Tx| {
            astray.bring_back(tx, now)?;
            let found = tx.query(&due, args![now, ASKED_MAX])?;
            for row in &found {
                tx.execute(&later, args![&row.get::<Id>(0)?, &row.get::<String>(1)?, again])?;
            }
            Ok(found)
        };
        app.store.write(taking).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::{Desk, id};

    #[tokio::test]
    async fn a_clock_that_is_set_back_stops_nothing() {
        let desk = Desk::open().await;
        let filling = desk.app.store.write(|tx| {
            let sql =
                "INSERT INTO conversation_control (source_id, foreign_id, elsewhere, wanted, attempts, due_at, updated_at)
                 VALUES ($1, 'vera', TRUE, 'ask', 0, 0, 0)";
            tx.execute(sql, args![&id(100)])
        });
        filling.await.unwrap();
        let questions = Questions {
            table: "conversation_control",
            columns: "attempts",
            pause_seconds: 20,
            ahead_seconds_max: 40,
            look_every: Duration::from_secs(1),
        };
        for seconds in [0, -86_400] {
            desk.pass(seconds);
            assert_eq!(questions.take(&desk.app).await.unwrap().len(), 1);
            assert!(questions.take(&desk.app).await.unwrap().is_empty(), "it is being asked");
        }
    }
}
