//! The bare store loop: one writer thread, group commit, the product's statements and nothing around them.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender};
use rusqlite::Connection;
use tokio::sync::oneshot;

use crate::messages::{Dice, Message, first_authors};
use crate::statements::{Inbound, Writer, create};

// These are the product's: see `crates/store/src/sqlite.rs`.
const BATCH_JOBS_MAX: usize = 64;
const WAL_BYTES_GROWN: u64 = 16 << 20;
const CHECKPOINT_PERIOD: Duration = Duration::from_millis(500);
const CHECKPOINT_PAGES_MIN: i64 = 1000;
const CACHED_STATEMENTS: usize = 256;

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sync {
    /// As the product: `synchronous=FULL`, checkpoints in the background.
    Full,
    /// What the processor allows: no sync and no checkpoints.
    Off,
}

struct Job {
    inbound: Inbound,
    reply: oneshot::Sender<()>,
}

/// A running loop.
pub(crate) struct StoreLoop {
    path: PathBuf,
    sync: Sync,
    jobs: Sender<Job>,
    writer: JoinHandle<()>,
    checkpointer: Option<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl StoreLoop {
    /// Makes a database and fills it with one message of every customer.
    pub(crate) fn start(path: &Path, sync: Sync, bodies: &[String]) -> Result<StoreLoop, String> {
        let connection = connect(path, sync).map_err(|error| error.to_string())?;
        create(&connection).map_err(|error| error.to_string())?;
        let mut writer = Writer::new(connection);
        fill(&mut writer, bodies).map_err(|error| error.to_string())?;
        grow_wal(path).map_err(|error| error.to_string())?;

        let (jobs, queue) = crossbeam_channel::unbounded();
        let (stop, due) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let checkpointer = (sync == Sync::Full).then(|| {
            let (path, stop, due) = (path.to_owned(), stop.clone(), due.clone());
            std::thread::spawn(move || checkpoint(&path, &due, &stop))
        });
        let writer = std::thread::spawn(move || write(writer, &queue, &due));
        Ok(StoreLoop { path: path.to_owned(), sync, jobs, writer, checkpointer, stop })
    }

    /// Messages a second of `producers` tasks, each of which waits for its answer before it sends the next.
    pub(crate) fn round(
        &self,
        producers: usize,
        duration: Duration,
        seed: u64,
        bodies: &Arc<Vec<String>>,
    ) -> Result<f64, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread().build().map_err(|error| error.to_string())?;
        let began = Instant::now();
        let done = runtime.block_on(async {
            let tasks: Vec<_> = (0..producers)
                .map(|producer| {
                    let (jobs, bodies) = (self.jobs.clone(), bodies.clone());
                    let mut dice = Dice::new(seed * 1_000 + producer as u64);
                    tokio::spawn(async move {
                        let mut done = 0_u64;
                        while began.elapsed() < duration {
                            let (reply, answer) = oneshot::channel();
                            let inbound = Inbound::from(&Message::from_anybody(&mut dice, &bodies));
                            if jobs.send(Job { inbound, reply }).is_err() || answer.await.is_err() {
                                return Err("the reference loop ended");
                            }
                            done += 1;
                        }
                        Ok(done)
                    })
                })
                .collect();
            let mut done = 0;
            for task in tasks {
                done += task.await.map_err(|error| error.to_string())??;
            }
            Ok::<u64, String>(done)
        })?;
        let rate = done as f64 / began.elapsed().as_secs_f64();
        if self.sync == Sync::Off {
            self.settle().map_err(|error| error.to_string())?;
        }
        Ok(rate)
    }

    /// Empties a log that nobody checkpoints, so that no later round pays for it.
    fn settle(&self) -> Result<(), Box<dyn std::error::Error>> {
        let connection = connect(&self.path, Sync::Off)?;
        connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        File::open(&self.path)?.sync_all()?;
        Ok(())
    }

    /// Ends the threads.
    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        drop(self.jobs);
        let _ = self.writer.join();
        if let Some(checkpointer) = self.checkpointer {
            let _ = checkpointer.join();
        }
    }
}

fn fill(writer: &mut Writer, bodies: &[String]) -> rusqlite::Result<()> {
    let mut dice = Dice::new(0);
    let mut authors = first_authors().peekable();
    while authors.peek().is_some() {
        writer.begin()?;
        for customer in authors.by_ref().take(BATCH_JOBS_MAX) {
            writer.ingest(&Inbound::from(&Message::from(customer, &mut dice, bodies)))?;
        }
        writer.commit()?;
    }
    writer.connection().query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
}

/// As the product's writer: takes a job, drains what is queued, commits once, answers all.
fn write(mut writer: Writer, queue: &Receiver<Job>, due: &AtomicBool) {
    let mut done = Vec::with_capacity(BATCH_JOBS_MAX);
    while let Ok(first) = queue.recv() {
        let outcome: rusqlite::Result<()> = batch(&mut writer, first, queue, due, &mut done);
        if let Err(error) = outcome {
            // Whoever waits learns it from the answers that do not come.
            eprintln!("the reference loop: {error}");
            return;
        }
        for reply in done.drain(..) {
            let _ = reply.send(());
        }
    }
}

fn batch(
    writer: &mut Writer,
    first: Job,
    queue: &Receiver<Job>,
    due: &AtomicBool,
    done: &mut Vec<oneshot::Sender<()>>,
) -> rusqlite::Result<()> {
    if due.swap(false, Ordering::Relaxed) {
        writer.connection().query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()))?;
    }
    writer.begin()?;
    let mut next = Some(first);
    while let Some(job) = next {
        writer.ingest(&job.inbound)?;
        done.push(job.reply);
        next = if done.len() < BATCH_JOBS_MAX { queue.try_recv().ok() } else { None };
    }
    writer.commit()
}

fn connect(path: &Path, sync: Sync) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;",
    )?;
    if sync == Sync::Off {
        connection.execute_batch("PRAGMA synchronous = OFF")?;
    }
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

fn grow_wal(path: &Path) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let mut file = OpenOptions::new().append(true).create(true).open(name)?;
    let missing = WAL_BYTES_GROWN.saturating_sub(file.metadata()?.len());
    let zeros = vec![0; 1 << 20];
    for _ in 0..missing.div_ceil(1 << 20) {
        file.write_all(&zeros)?;
    }
    file.sync_all()
}

fn checkpoint(path: &Path, due: &AtomicBool, stop: &AtomicBool) {
    let Ok(connection) = connect(path, Sync::Full) else { return };
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(CHECKPOINT_PERIOD);
        let pages = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(1));
        if pages.is_ok_and(|pages| pages > CHECKPOINT_PAGES_MIN) {
            due.store(true, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_reference_has_the_settings_of_the_product() {
        let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
        let product = words(concat!(
            include_str!("../../crates/store/src/sqlite.rs"),
            include_str!("../../crates/store/src/engine.rs")
        ));
        let reference = include_str!("store_loop.rs");
        for name in ["BATCH_JOBS_MAX", "WAL_BYTES_GROWN", "CHECKPOINT_PERIOD", "CACHED_STATEMENTS"] {
            let line = reference.lines().find(|line| line.starts_with(&format!("const {name}:")));
            assert!(product.contains(line.unwrap()), "{name}");
        }
        let (_, pragmas) = reference.split_once("execute_batch(").unwrap();
        let (pragmas, _) = pragmas.split_once(",\n    )?").unwrap();
        assert!(product.contains(&words(pragmas)), "{pragmas}");
    }
}
