//! The store: transactions with group commit on SQLite and PostgreSQL, migrations, the log and its consumers.
//! It knows no product table.

pub mod consumer;
mod due;
pub mod dump;
mod engine;
mod filter;
mod lanes;
pub mod lease;
pub mod log;
mod mapping;
mod migrate;
mod postgres;
#[cfg(feature = "power-loss")]
mod power_loss;
pub mod seal;
pub mod search;
mod sqlite;
pub mod tail;
mod turns;
mod tx;
mod value;
mod visible;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use frontdesk_model::{Error, Result, error};
use tokio::sync::{oneshot, watch};

pub use due::Due;
pub use filter::{COUNT_EXACT_MAX, Filter, Order, Owned, Piece, Route, Searched};
pub use migrate::Migration;
pub use seal::Seal;
pub use tail::Tail;
pub use tx::{Dialect, Tx};
pub use value::{Arg, FromValue, Row, Text, Value};
pub use visible::text as visible_text;

use engine::Task;
use lanes::Entries;
use turns::Turns;

/// At most so many writes wait; one more is told so instead of waiting ever longer. Some seconds' worth of them.
const WAITING_WRITES_MAX: usize = 20_000;

/// A handle on the store, cheap to clone.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Mutex<Option<Open>>>,
    writes: Entries,
    reads: Arc<Turns>,
    committed: watch::Receiver<i64>,
    dialect: Dialect,
}

enum Open {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

impl Store {
    /// Opens the embedded store; creates it when the file is not there. One process at a time: the caller sees to it.
    pub fn open_sqlite(path: &Path, migrations: &[Migration]) -> Result<Store> {
        let (sender, committed) = watch::channel(0);
        let open = sqlite::Sqlite::open(path, migrations, sender)?;
        let (writes, reads) = (open.writes.clone(), open.reads.clone());
        let inner = Arc::new(Mutex::new(Some(Open::Sqlite(open))));
        Ok(Store { inner, writes, reads, committed, dialect: Dialect::Sqlite })
    }

    /// Connects to PostgreSQL. Blocks: call it outside of the asynchronous runtime.
    pub fn open_postgres(url: &str, migrations: &[Migration]) -> Result<Store> {
        let (sender, committed) = watch::channel(0);
        let open = postgres::Postgres::open(url, migrations, sender)?;
        let (writes, reads) = (open.writes.clone(), open.reads.clone());
        let inner = Arc::new(Mutex::new(Some(Open::Postgres(open))));
        Ok(Store { inner, writes, reads, committed, dialect: Dialect::Postgres })
    }

    /// Which engine this is.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// Runs `job` in a transaction that may write. It returns once the commit is durable (or `job` refused).
    /// `job` may run more than once (PostgreSQL serialisation failures), so it must not act outside `tx`.
    /// [`Error::Unavailable`] when 20,000 wait already.
    pub async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        if self.writes.now.len() >= WAITING_WRITES_MAX {
            return Err(Error::Unavailable("too many writes wait: try again in a moment".into()));
        }
        let (job, answer) = Task::with_answer(job);
        self.writes.now.send(Some(job)).map_err(|_| closed())?;
        answered(answer).await
    }

    /// The same for work for which nobody waits, such as an import: it begins when no other write waits, or after a few
    /// batches of those. What is queued here when the store is closed is not run any more, and its caller told so.
    pub async fn write_later<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let (job, answer) = Task::with_answer(job);
        self.writes.later.send(job).map_err(|_| closed())?;
        answered(answer).await
    }

    /// Runs `job` in a read-only transaction: one consistent view.
    pub async fn read<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        self.read_as(0, job).await
    }

    /// The same for one of many askers: those who wait take turns, so that nobody waits for all that another asks.
    pub async fn read_as<T, F>(&self, asker: u64, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
    {
        let (job, answer) = Task::with_answer(job);
        if !self.reads.add(asker, job) {
            return Err(closed());
        }
        answered(answer).await
    }

    /// Tells whenever the log has grown. Only a hint: other nodes' commits are found by reading.
    pub fn committed(&self) -> watch::Receiver<i64> {
        self.committed.clone()
    }

    /// How many writes wait for the writer now.
    pub fn waiting_writes(&self) -> usize {
        self.writes.now.len() + self.writes.later.len()
    }

    /// Finishes what is queued and closes the store. The other handles' calls fail from now on. Blocks.
    pub fn close(self) {
        let open = self.inner.lock().unwrap_or_else(PoisonError::into_inner).take();
        match open {
            Some(Open::Sqlite(sqlite)) => sqlite.close(),
            Some(Open::Postgres(postgres)) => postgres.close(),
            None => {}
        }
    }
}

fn closed() -> Error {
    Error::Unavailable("the store is closed".into())
}

async fn answered<T>(answer: oneshot::Receiver<Result<T>>) -> Result<T> {
    answer.await.map_err(|_| error::broken("a database thread ended"))?
}
