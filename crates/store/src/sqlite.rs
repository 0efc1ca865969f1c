//! The embedded engine: one writer thread with group commit, a few reader threads, a background checkpointer.
//!
//! A commit costs one fsync whatever it holds, so the writer takes what is queued, runs each job in a savepoint of its
//! own, commits once and answers all. Measured: 64 clients get eight times the messages of a commit each.

use std::collections::{HashMap, HashSet};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Error, Result, error};
use rusqlite::config::DbConfig;
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement, StatementStatus, ToSql, ffi};
use tokio::sync::watch;

use crate::Migration;
use crate::engine::{self, BATCH_JOBS_MAX, CACHED_SQL_BYTES_MAX, Job, READ_SECONDS_MAX, attempt};
use crate::lanes::{self, Entries, First, Hold, Lanes};
use crate::mapping;
use crate::search::{self, Words};
use crate::turns::Turns;
use crate::tx::{Dialect, Tx};
use crate::value::{Arg, Row, Value};

/// Older libraries can corrupt a database when two connections checkpoint at once (fixed in 3.51.3).
const LIBRARY_VERSION_MIN: i32 = 3_051_003;
/// The log file is grown to this size at start, so that commits overwrite instead of allocating.
const WAL_BYTES_GROWN: u64 = 16 << 20;
/// How often the background connection moves pages from the log into the database.
const CHECKPOINT_PERIOD: Duration = Duration::from_millis(500);
/// It goes again at once while more pages than this were written meanwhile: the writer stands still for what is left.
const CHECKPOINT_PAGES_LEFT: i64 = 200;
/// But only so often.
const CHECKPOINT_PASSES_MAX: usize = 8;
/// Before the log starts again, what can wait is held while no more than this is left or after so many passes, so that
/// nearly nothing is left for the writer to move.
const HOLD_PAGES_LEFT: i64 = 1_000;
const HOLD_AFTER_PASSES: usize = 4;
/// What the writer moves by itself, with a write to the database that it waits for.
const WRITER_PAGES_LEFT: i64 = 20;
/// From this length on, in pages, the log is to start again at its head. Sooner, the writer would stand still more often than
/// it has to.
const LOG_PAGES: i64 = 8_000;
/// One more than a small machine has processors; more cost the short reads a tenth of their rate.
const READERS: usize = 3;
/// Readers see the file as memory up to this size, without a call to the system for each page: half the time of a search
/// in a store of gigabytes. `.cargo/config.toml` lets SQLite map more than its usual 2 GB.
const MAPPED_BYTES_MAX: u64 = 64 << 30;
/// So many steps of a statement pass between two looks at the clock: some milliseconds.
const DEADLINE_STEPS: i32 = 100_000;
/// Writes come one after the other. One whose statement takes more steps than this, some ten milliseconds, holds up all
/// others: the operator is told. Tests have small stores, so they ask for less.
const WRITE_STEPS_TOLD: usize = if cfg!(debug_assertions) { 50_000 } else { 1_000_000 };
const STEPS_PER_ROW: usize = 50;
const CACHED_STATEMENTS: usize = 256;
/// The pointer type under which the `rarray` table-valued function takes its list.
const ARRAY_POINTER: &std::ffi::CStr = c"rarray";

/// Where the writer and the readers of one database take their jobs.
pub(crate) struct Sqlite {
    pub(crate) writes: Entries,
    pub(crate) reads: Arc<Turns>,
    threads: Vec<JoinHandle<()>>,
    stop: Arc<AtomicBool>,
}

impl Sqlite {
    /// Opens or creates the database, brings its schema up to date and starts its threads.
    pub(crate) fn open(path: &Path, migrations: &[Migration], committed: watch::Sender<i64>) -> Result<Sqlite> {
        if rusqlite::version_number() < LIBRARY_VERSION_MIN {
            return Err(error::broken(format!("SQLite {} is too old: 3.51.3 or newer is needed", rusqlite::version())));
        }
        #[cfg(feature = "power-loss")]
        crate::power_loss::register_when_asked()?;
        let mut connection = connect(path)?;
        crate::migrate::sqlite(&mut connection, migrations)?;
        grow_wal(path)
            .map_err(|trouble| error::broken(format!("the log of {} cannot grow: {trouble}", path.display())))?;
        let last = last_seq(&connection)?;
        committed.send_replace(last);

        let (writes, lanes) = lanes::open();
        let reads = Arc::new(Turns::default());
        let checkpoint_due = Arc::new(AtomicBool::new(false));
        let stop = Arc::new(AtomicBool::new(false));
        let mut threads = Vec::new();
        for number in 0..READERS {
            let reader = Connected::new(read_only(path)?);
            let queue = reads.clone();
            threads.push(spawn(&format!("store-read-{number}"), move || reader.serve_reads(&queue))?);
        }
        let (due, hold, stopping, file) = (checkpoint_due.clone(), lanes.hold().clone(), stop.clone(), path.to_owned());
        threads.push(spawn("store-checkpoint", move || checkpoint(&file, &due, &hold, &stopping))?);
        let writer = Writer {
            connected: Connected::new(connection),
            last_seq: last,
            committed,
            checkpoint_due,
            stopping: false,
        };
        threads.push(spawn("store-write", move || writer.serve(lanes))?);
        Ok(Sqlite { writes, reads, threads, stop })
    }

    /// Finishes what is queued and closes the database.
    pub(crate) fn close(self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = self.writes.now.send(None);
        self.reads.close();
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map_err(|trouble| error::broken(format!("thread {name}: {trouble}")))
}

fn connect(path: &Path) -> Result<Connection> {
    let connection = Connection::open(path).map_err(failure)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(failure)?;
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;
             PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -32768; PRAGMA temp_store = MEMORY;",
        )
        .map_err(failure)?;
    // A fault-injection build proves that the crash tests notice a store that does not wait for the disk.
    #[cfg(feature = "weak-sync")]
    connection.execute_batch("PRAGMA synchronous = NORMAL").map_err(failure)?;
    #[cfg(not(feature = "weak-sync"))]
    assert_durable(&connection)?;
    keep_plans(&connection)?;
    rusqlite::vtab::array::load_module(&connection).map_err(failure)?;
    teach_words(&connection)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

/// Without this SQLite prepares many statements again whenever a bound value changes: 41 % of the time of a read.
fn keep_plans(connection: &Connection) -> Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map_err(failure)?;
    Ok(())
}

/// Lets statements ask whether a text has the words of a search.
fn teach_words(connection: &Connection) -> Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC | FunctionFlags::SQLITE_DIRECTONLY;
    let has_words = |context: &Context| {
        let words = context.get_or_create_aux(3, |sought| sought.as_str().map(Words::parse))?;
        let title = context.get_raw(0).as_str_or_null()?;
        Ok(words.are_in(&search::text(title, context.get_raw(1).as_str()?, context.get_raw(2).as_str()?)))
    };
    connection.create_scalar_function(search::HAS_WORDS, 4, flags, has_words).map_err(failure)
}

/// What was acknowledged must be on disk: refuse to run if the settings did not take.
#[cfg(not(feature = "weak-sync"))]
fn assert_durable(connection: &Connection) -> Result<()> {
    let journal: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).map_err(failure)?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).map_err(failure)?;
    if journal != "wal" || synchronous != 2 {
        return Err(error::broken(format!("SQLite runs with journal_mode={journal}, synchronous={synchronous}")));
    }
    Ok(())
}

fn read_only(path: &Path) -> Result<Connection> {
    // Readers write too, into the index of the log beside the file: where they read. `query_only` keeps them from the rest.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failure)?;
    connection
        .execute_batch(&format!(
            "PRAGMA query_only = ON; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;
             PRAGMA mmap_size = {MAPPED_BYTES_MAX};"
        ))
        .map_err(failure)?;
    mapping::keep(&connection)?;
    connection.busy_timeout(Duration::from_secs(5)).map_err(failure)?;
    keep_plans(&connection)?;
    rusqlite::vtab::array::load_module(&connection).map_err(failure)?;
    teach_words(&connection)?;
    connection.set_prepared_statement_cache_capacity(CACHED_STATEMENTS);
    Ok(connection)
}

/// Appends zeros to the write-ahead log. SQLite finds the end of the log by checksums, so zeros past it mean nothing.
fn grow_wal(path: &Path) -> std::io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    let mut file = OpenOptions::new().append(true).create(true).open(PathBuf::from(name))?;
    let missing = WAL_BYTES_GROWN.saturating_sub(file.metadata()?.len());
    let zeros = vec![0; 1 << 20];
    for _ in 0..missing.div_ceil(1 << 20) {
        file.write_all(&zeros)?;
    }
    file.sync_all()
}

fn last_seq(connection: &Connection) -> Result<i64> {
    connection.query_row("SELECT seq FROM log_head", [], |row| row.get(0)).map_err(failure)
}

/// Copies pages from the log into the database beside the writer, so that no commit pays for it. When the log is long, it
/// holds what can wait for the last of these passes: the writer then finds next to nothing left to copy and starts the log
/// again at its head, where it stood still for 10 to 30 ms.
fn checkpoint(path: &Path, due: &AtomicBool, hold: &Hold, stop: &AtomicBool) {
    let Ok(connection) = connect(path) else {
        tracing::error!("the checkpoint connection cannot be opened: the log will grow");
        return;
    };
    let mut moved = 0;
    while !stop.load(Ordering::Relaxed) {
        std::thread::sleep(CHECKPOINT_PERIOD);
        for pass in 1..=CHECKPOINT_PASSES_MAX {
            let pages = |row: &rusqlite::Row| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
            let checkpoint = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], pages);
            let Ok((written, now_moved)) = checkpoint else {
                hold.set(false);
                break;
            };
            // A shorter log has started again.
            let before = if written < moved { 0 } else { moved };
            let fresh = written - before;
            // A reader may hold pages back: there is no use in going again.
            let is_stuck = now_moved <= before;
            moved = now_moved;
            let is_last = is_stuck || pass == CHECKPOINT_PASSES_MAX;
            if written <= LOG_PAGES {
                hold.set(false);
                if fresh <= CHECKPOINT_PAGES_LEFT || is_last {
                    break;
                }
            } else if is_last || (hold.is_set() && fresh <= WRITER_PAGES_LEFT) {
                // The writer ends the hold.
                due.store(true, Ordering::Relaxed);
                break;
            } else if fresh <= HOLD_PAGES_LEFT || pass >= HOLD_AFTER_PASSES {
                hold.set(true);
            }
        }
    }
}

/// A connection with the statements that it has translated.
struct Connected {
    connection: Connection,
    translations: HashMap<String, Arc<str>>,
    deadline: Deadline,
    /// The writer's statements that have walked far.
    told: HashSet<Arc<str>>,
}

/// When the statements of a reader's job are to be ended. SQLite asks every so many steps of a statement.
#[derive(Clone, Default)]
struct Deadline(Arc<Mutex<Option<Instant>>>);

impl Deadline {
    fn set(&self, at: Option<Instant>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = at;
    }

    fn watch(&self, connection: &mut Connection) -> Result<()> {
        let deadline = self.0.clone();
        let is_over = move || {
            let at = *deadline.lock().unwrap_or_else(PoisonError::into_inner);
            at.is_some_and(|at| Instant::now() > at)
        };
        connection.progress_handler(DEADLINE_STEPS, Some(is_over)).map_err(failure)
    }
}

impl Connected {
    fn new(connection: Connection) -> Connected {
        Connected { connection, translations: HashMap::new(), deadline: Deadline::default(), told: HashSet::new() }
    }

    fn run(&mut self, sql: &str) -> Result<()> {
        self.connection.prepare_cached(sql).and_then(|mut statement| statement.execute([])).map_err(failure)?;
        Ok(())
    }

    fn serve_reads(mut self, queue: &Turns) {
        if let Err(trouble) = self.deadline.clone().watch(&mut self.connection) {
            tracing::error!(%trouble, "reads have no time limit");
        }
        while let Some(mut job) = queue.next() {
            self.deadline.set(Some(Instant::now() + Duration::from_secs(READ_SECONDS_MAX)));
            let outcome = self.run("BEGIN").and_then(|()| {
                let mut tx = SqliteTx { connected: &mut self, events: Vec::new(), queue: None };
                attempt(&mut *job, &mut tx);
                self.run("COMMIT")
            });
            if outcome.is_err() && !self.connection.is_autocommit() {
                let _ = self.run("ROLLBACK");
            }
            job.finish(outcome);
        }
    }

    /// `$1` becomes `?1`: SQLite counts `$1` as a name, in order of appearance.
    fn translate(&mut self, sql: &str) -> Arc<str> {
        if let Some(known) = self.translations.get(sql) {
            return known.clone();
        }
        let translated: Arc<str> = crate::engine::question_marks(sql).into();
        if self.translations.len() < 4 * CACHED_STATEMENTS && sql.len() <= CACHED_SQL_BYTES_MAX {
            self.translations.insert(sql.to_owned(), translated.clone());
        }
        translated
    }
}

struct Writer {
    connected: Connected,
    last_seq: i64,
    committed: watch::Sender<i64>,
    checkpoint_due: Arc<AtomicBool>,
    stopping: bool,
}

impl Writer {
    fn serve(mut self, mut queue: Lanes) {
        let mut done = Vec::with_capacity(BATCH_JOBS_MAX);
        loop {
            let first = match queue.first(CHECKPOINT_PERIOD) {
                First::Job(job) => Some(job),
                First::Nothing => None,
                First::Stop => return,
            };
            if self.checkpoint_due.swap(false, Ordering::Relaxed) {
                // The little that is left after the background passes; then the log starts again at its head.
                let checkpoint = "PRAGMA wal_checkpoint(PASSIVE)";
                if let Err(trouble) = self.connected.connection.query_row(checkpoint, [], |_| Ok(())) {
                    tracing::warn!(%trouble, "checkpoint");
                }
                queue.hold().set(false);
            }
            let Some(first) = first else { continue };
            let outcome = self.batch(first, &queue, &mut done);
            let outcome = match outcome {
                Ok(seq) => {
                    self.last_seq = seq;
                    Ok(())
                }
                Err(trouble) => {
                    if !self.connected.connection.is_autocommit() {
                        let _ = self.connected.run("ROLLBACK");
                    }
                    tracing::error!(%trouble, jobs = done.len(), "a batch was rolled back");
                    Err(trouble.to_string())
                }
            };
            for job in done.drain(..) {
                job.finish(outcome.clone().map_err(Error::Unavailable));
            }
            if self.stopping {
                return;
            }
            if outcome.is_ok() {
                self.committed.send_if_modified(|seen| std::mem::replace(seen, self.last_seq) != self.last_seq);
            }
        }
    }

    /// Runs what is queued, at most [`BATCH_JOBS_MAX`], and commits once. Returns the log's new end.
    fn batch(&mut self, first: Box<dyn Job>, queue: &Lanes, done: &mut Vec<Box<dyn Job>>) -> Result<i64> {
        let mut next = Some(first);
        let mut events = Vec::new();
        if let Err(trouble) = self.connected.run("BEGIN IMMEDIATE") {
            done.extend(next);
            return Err(trouble);
        }
        while let Some(mut job) = next {
            let outcome = self.job(&mut *job, queue, &mut events);
            done.push(job);
            outcome?;
            next = None;
            if done.len() < BATCH_JOBS_MAX {
                match queue.next() {
                    Some(Some(job)) => next = Some(job),
                    Some(None) => self.stopping = true,
                    None => {}
                }
            }
        }
        let seq = self.append(&events)?;
        #[cfg(feature = "early-answer")]
        answer_early(done);
        self.connected.run("COMMIT")?;
        Ok(seq)
    }

    /// One job in its own savepoint: a refused one leaves no trace, its neighbours commit.
    fn job(&mut self, job: &mut dyn Job, queue: &Lanes, events: &mut Vec<NewEvent>) -> Result<()> {
        self.connected.run("SAVEPOINT job")?;
        let mut tx = SqliteTx { connected: &mut self.connected, events: Vec::new(), queue: Some(queue) };
        let succeeded = attempt(job, &mut tx);
        let appended = std::mem::take(&mut tx.events);
        if self.connected.connection.is_autocommit() {
            // A full disk or a failing one ends the whole transaction, not just the statement.
            return Err(error::broken("the disk refused a write: it may be full"));
        }
        if succeeded {
            events.extend(appended);
        } else {
            self.connected.run("ROLLBACK TO job")?;
        }
        self.connected.run("RELEASE job")
    }

    fn append(&mut self, events: &[NewEvent]) -> Result<i64> {
        if events.is_empty() {
            return Ok(self.last_seq);
        }
        let mut seq = self.last_seq;
        let mut tx = SqliteTx { connected: &mut self.connected, events: Vec::new(), queue: None };
        for event in events {
            seq += 1;
            tx.execute(
                "INSERT INTO log (seq, id, kind, at, thread_id, object_id, user_id, payload, source_id)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                crate::args![
                    seq,
                    &event.id,
                    event.kind,
                    event.at,
                    &event.thread_id,
                    &event.object_id,
                    &event.user_id,
                    &event.payload,
                    &event.source_id
                ],
            )?;
        }
        tx.execute("UPDATE log_head SET seq = $1", crate::args![seq])?;
        Ok(seq)
    }
}

/// A fault-injection build answers before COMMIT, and leaves the answers time to arrive: a crash test that kills the
/// process then must find acknowledged messages missing.
#[cfg(feature = "early-answer")]
fn answer_early(done: &mut Vec<Box<dyn Job>>) {
    for job in done.drain(..) {
        job.finish(Ok(()));
    }
    std::thread::sleep(Duration::from_millis(20));
}

struct SqliteTx<'c> {
    connected: &'c mut Connected,
    events: Vec<NewEvent>,
    /// What waits for the writer, if this is it.
    queue: Option<&'c Lanes>,
}

impl Tx for SqliteTx<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Sqlite
    }

    fn query(&mut self, sql: &str, args: &[Arg]) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        self.each(sql, args, &mut |row| {
            rows.push(row);
            Ok(())
        })?;
        Ok(rows)
    }

    fn execute(&mut self, sql: &str, args: &[Arg]) -> Result<u64> {
        let sql = self.connected.translate(sql);
        let mut statement = self.connected.connection.prepare_cached(&sql).map_err(|e| failed(e, &sql))?;
        let changed = statement.execute(rusqlite::params_from_iter(args)).map_err(|e| failed(e, &sql))?;
        if self.queue.is_some() {
            tell_of_walk(&statement, &sql, changed, &mut self.connected.told);
        }
        Ok(changed as u64)
    }

    fn each(&mut self, sql: &str, args: &[Arg], row: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        let sql = self.connected.translate(sql);
        let mut statement = self.connected.connection.prepare_cached(&sql).map_err(|e| failed(e, &sql))?;
        let columns = statement.column_count();
        let mut rows = statement.query(rusqlite::params_from_iter(args)).map_err(|e| failed(e, &sql))?;
        let mut count = 0;
        while let Some(found) = rows.next().map_err(|e| failed(e, &sql))? {
            let mut values = Vec::with_capacity(columns);
            for column in 0..columns {
                values.push(value(found.get_ref(column).map_err(|e| failed(e, &sql))?));
            }
            row(Row(values))?;
            count += 1;
        }
        drop(rows);
        if self.queue.is_some() {
            tell_of_walk(&statement, &sql, count, &mut self.connected.told);
        }
        Ok(())
    }

    fn lift_time_limit(&mut self) -> Result<()> {
        self.connected.deadline.set(None);
        Ok(())
    }

    fn append(&mut self, event: NewEvent) {
        self.events.push(event);
    }

    fn is_awaited(&self) -> bool {
        self.queue.is_some_and(Lanes::is_awaited)
    }
}

/// Tells the operator, once, of a statement of the writer that looks at so much that everybody else waits for it: it
/// lacks an index, and gets slower as the store grows.
/// Of `rows`, which it gave or changed, each is worth some steps.
fn tell_of_walk(statement: &Statement, sql: &Arc<str>, rows: usize, told: &mut HashSet<Arc<str>>) {
    let steps = statement.reset_status(StatementStatus::VmStep);
    if steps as usize > WRITE_STEPS_TOLD + rows.saturating_mul(STEPS_PER_ROW) && told.insert(sql.clone()) {
        tracing::warn!(steps, %sql, "a statement walked far while all writes wait");
    }
}

fn value(value: ValueRef) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(int) => Value::Int(int),
        // No column is a float; a computed one is read as its whole part.
        ValueRef::Real(real) => Value::Int(real as i64),
        ValueRef::Text(text) => Value::Text(match std::str::from_utf8(text) {
            Ok(text) => text.into(),
            Err(_) => String::from_utf8_lossy(text).into(),
        }),
        ValueRef::Blob(bytes) => Value::from_bytes(bytes),
    }
}

impl ToSql for Arg<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Arg::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Arg::Bool(bool) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*bool))),
            Arg::Int(int) => ToSqlOutput::Borrowed(ValueRef::Integer(*int)),
            Arg::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Arg::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Arg::Ids(ids) => {
                let values: Vec<SqlValue> = ids.iter().map(|id| SqlValue::Blob(id.0.to_vec())).collect();
                ToSqlOutput::from_rc(Rc::new(values), ARRAY_POINTER)
            }
        })
    }
}

pub(crate) fn failure(trouble: rusqlite::Error) -> Error {
    failed(trouble, "")
}

fn failed(trouble: rusqlite::Error, sql: &str) -> Error {
    match trouble.sqlite_error().map(|e| e.extended_code & 0xff) {
        Some(ffi::SQLITE_INTERRUPT) => engine::too_broad(),
        Some(ffi::SQLITE_FULL | ffi::SQLITE_IOERR | ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED) => {
            Error::Unavailable(format!("SQLite: {trouble}"))
        }
        _ => Error::Broken(format!("SQLite: {trouble}; in: {sql}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";

    #[test]
    fn a_statement_past_its_deadline_is_ended_and_the_next_one_runs() {
        let mut connected = Connected::new(Connection::open_in_memory().unwrap());
        connected.deadline.clone().watch(&mut connected.connection).unwrap();
        connected.deadline.set(Some(Instant::now()));
        let mut tx = SqliteTx { connected: &mut connected, events: Vec::new(), queue: None };
        let Err(Error::Refused(refusal)) = tx.query(ENDLESS, &[]) else { panic!("it ended by itself") };
        assert_eq!((refusal.status, refusal.code.as_ref()), (422, "too_broad"));
        tx.connected.deadline.set(Some(Instant::now() + Duration::from_secs(READ_SECONDS_MAX)));
        assert_eq!(tx.one("SELECT 1", &[]).and_then(|row| row.get::<i64>(0)).ok(), Some(1));
    }

    #[test]
    fn a_statement_that_walks_far_is_told_once() {
        let connection = Connection::open_in_memory().unwrap();
        let mut told = HashSet::new();
        let walk = |rows: i64, told: &mut HashSet<Arc<str>>| {
            let sql: Arc<str> =
                format!("{}, (SELECT 1)", ENDLESS.replace("FROM n)", &format!("FROM n LIMIT {rows})"))).into();
            let mut statement = connection.prepare_cached(&sql).unwrap();
            statement.query_row([], |_| Ok(())).unwrap();
            tell_of_walk(&statement, &sql, 1, told);
        };
        walk(1_000, &mut told);
        assert!(told.is_empty());
        walk(WRITE_STEPS_TOLD as i64, &mut told);
        walk(WRITE_STEPS_TOLD as i64, &mut told);
        walk(1_000, &mut told);
        assert_eq!(told.len(), 1);
    }
}
