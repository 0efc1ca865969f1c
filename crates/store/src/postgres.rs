//! PostgreSQL: the same queue and closures as the embedded engine.
//!
//! Every batch first locks the one row of `log_head` and holds it to its commit. So the log's numbers become visible
//! in order and without gaps on any number of nodes, and no two batches ever run at once: commands may read, decide
//! and write without further locks, exactly as on SQLite.

use std::collections::HashMap;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use ::postgres::config::Host;
use ::postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use ::postgres::{Client, Config, SimpleQueryMessage, Statement, fallible_iterator::FallibleIterator};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Error, Result, error};
use tokio::sync::watch;

use crate::Migration;
use crate::engine::{self, BATCH_JOBS_MAX, CACHED_SQL_BYTES_MAX, Job, READ_SECONDS_MAX, attempt};
use crate::lanes::{self, Entries, First, Lanes};
use crate::turns::Turns;
use crate::tx::{Dialect, Tx};
use crate::value::{Arg, Row, Value};

const READERS: usize = 4;
/// How often a batch that lost against another session is run again before its callers are told.
const BATCH_ATTEMPTS_MAX: usize = 5;
/// The writer looks at its queue this often even if nothing comes.
const IDLE: Duration = Duration::from_secs(60);
const RECONNECT_PAUSE: Duration = Duration::from_millis(500);
const CACHED_STATEMENTS: usize = 256;

/// Where the writer and the readers take their jobs.
pub(crate) struct Postgres {
    pub(crate) writes: Entries,
    pub(crate) reads: Arc<Turns>,
    threads: Vec<JoinHandle<()>>,
}

impl Postgres {
    /// Connects, brings the schema up to date and starts the threads.
    pub(crate) fn open(url: &str, migrations: &[Migration], committed: watch::Sender<i64>) -> Result<Postgres> {
        let config: Config = url.parse().map_err(|trouble| error::broken(format!("the database URL: {trouble}")))?;
        let mut client = connect(&config)?;
        crate::migrate::postgres(&mut client, migrations)?;
        let last: i64 = client.query_one("SELECT seq FROM log_head", &[]).map_err(failure)?.get(0);
        committed.send_replace(last);

        let (writes, lanes) = lanes::open();
        let reads = Arc::new(Turns::default());
        let mut threads = Vec::new();
        for number in 0..READERS {
            let mut reader = Connected { config: config.clone(), session: None };
            let queue = reads.clone();
            threads.push(spawn(&format!("store-read-{number}"), move || reader.serve_reads(&queue))?);
        }
        let mut writer = Connected { config, session: Some(Session::new(client)) };
        threads.push(spawn("store-write", move || writer.serve_writes(lanes, &committed))?);
        Ok(Postgres { writes, reads, threads })
    }

    /// Finishes what is queued and disconnects.
    pub(crate) fn close(self) {
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

fn connect(config: &Config) -> Result<Client> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|trouble| error::broken(format!("TLS: {trouble}")))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut config = config.clone();
    config.application_name("frontdesk").connect_timeout(Duration::from_secs(10));
    let connected = config.connect(tokio_postgres_rustls::MakeRustlsConnect::new(tls));
    let mut client = connected.map_err(|trouble| match trouble.code() {
        Some(_) => failure(trouble),
        None => Error::Unavailable(unreachable(&config, &trouble)),
    })?;
    // A paused node must not hold the log's lock for ever; its batch is refused when it wakes.
    client
        .batch_execute(
            "SET idle_in_transaction_session_timeout = '10s'; SET lock_timeout = '30s'; SET statement_timeout = '60s';
             SET client_min_messages = warning; SET synchronous_commit = on;",
        )
        .map_err(failure)?;
    Ok(client)
}

struct Session {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Session {
    fn new(client: Client) -> Session {
        Session { client, statements: HashMap::new() }
    }

    fn statement(&mut self, sql: &str) -> Result<Statement> {
        if let Some(known) = self.statements.get(sql) {
            return Ok(known.clone());
        }
        let statement = self.client.prepare(sql).map_err(|trouble| failed(trouble, sql))?;
        if self.statements.len() < CACHED_STATEMENTS && sql.len() <= CACHED_SQL_BYTES_MAX {
            self.statements.insert(sql.to_owned(), statement.clone());
        }
        Ok(statement)
    }

    fn run(&mut self, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).map_err(failure)
    }
}

struct Connected {
    config: Config,
    session: Option<Session>,
}

impl Connected {
    fn session(&mut self) -> Result<&mut Session> {
        if self.session.as_ref().is_none_or(|session| session.client.is_closed()) {
            self.session = None;
            self.session = Some(Session::new(connect(&self.config)?));
        }
        self.session.as_mut().ok_or_else(|| error::broken("no database session"))
    }

    fn serve_reads(&mut self, queue: &Turns) {
        while let Some(mut job) = queue.next() {
            let outcome = self.read(&mut *job);
            job.finish(outcome);
        }
    }

    fn read(&mut self, job: &mut dyn Job) -> Result<()> {
        let begin = format!(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '{READ_SECONDS_MAX}s'"
        );
        // A connection that was lost while it was idle is found out here, before anything depends on it.
        if self.session()?.run(&begin).is_err() {
            self.session = None;
            self.session()?.run(&begin)?;
        }
        let session = self.session()?;
        let succeeded = attempt(job, &mut PostgresTx { session, events: Vec::new() });
        session.run(if succeeded { "COMMIT" } else { "ROLLBACK" })
    }

    fn serve_writes(&mut self, mut queue: Lanes, committed: &watch::Sender<i64>) {
        let mut stopping = false;
        while !stopping {
            let first = match queue.first(IDLE) {
                First::Job(job) => job,
                First::Nothing => continue,
                First::Stop => return,
            };
            let mut jobs = vec![first];
            for queued in std::iter::from_fn(|| queue.next()).take(BATCH_JOBS_MAX - 1) {
                match queued {
                    Some(job) => jobs.push(job),
                    None => stopping = true,
                }
            }
            let outcome = self.batch_with_retries(&mut jobs);
            let commit = outcome.as_ref().map(|_| ()).map_err(ToString::to_string);
            for job in jobs {
                job.finish(commit.clone().map_err(Error::Unavailable));
            }
            match outcome {
                Ok(seq) => {
                    committed.send_if_modified(|seen| std::mem::replace(seen, seq.max(*seen)) < seq);
                }
                Err(trouble) => {
                    tracing::error!(%trouble, "a batch was rolled back");
                    std::thread::sleep(RECONNECT_PAUSE);
                }
            }
        }
    }

    fn batch_with_retries(&mut self, jobs: &mut [Box<dyn Job>]) -> Result<i64> {
        let mut attempts = 1;
        loop {
            let outcome = match self.session() {
                Ok(session) => batch(session, jobs),
                Err(trouble) => Err(Lost { trouble, in_commit: false }),
            };
            let Lost { trouble, in_commit } = match outcome {
                Ok(seq) => return Ok(seq),
                Err(lost) => lost,
            };
            let disconnected = match &mut self.session {
                Some(session) => session.client.is_closed() || session.run("ROLLBACK").is_err(),
                None => true,
            };
            if disconnected {
                self.session = None;
            }
            // What was lost before COMMIT was sent may be tried again; what was lost in COMMIT may not: whether it took
            // effect is unknown, and the caller must be told so.
            let worth_it = matches!(trouble, Error::Conflict(_)) || (disconnected && !in_commit);
            if attempts == BATCH_ATTEMPTS_MAX || !worth_it {
                return Err(trouble);
            }
            attempts += 1;
        }
    }
}

/// Why a batch did not come about, and whether it may have all the same.
struct Lost {
    trouble: Error,
    in_commit: bool,
}

impl From<Error> for Lost {
    fn from(trouble: Error) -> Lost {
        Lost { trouble, in_commit: false }
    }
}

/// Runs the jobs, each in its own savepoint, and commits once. Releasing a savepoint also proves that the transaction is
/// still alive: PostgreSQL would answer the COMMIT of a failed one with a quiet rollback.
fn batch(session: &mut Session, jobs: &mut [Box<dyn Job>]) -> Result<i64, Lost> {
    let last = begin(session)?;
    let mut events = Vec::new();
    let count = jobs.len();
    for (number, job) in jobs.iter_mut().enumerate() {
        let mut tx = PostgresTx { session, events: Vec::new() };
        let succeeded = attempt(&mut **job, &mut tx);
        let appended = std::mem::take(&mut tx.events);
        match job.error() {
            Some(Error::Conflict(text)) => return Err(Error::Conflict(text.clone()).into()),
            _ if session.client.is_closed() => {
                return Err(Error::Unavailable("the database connection was lost".into()).into());
            }
            _ => {}
        }
        session.run(match (succeeded, number + 1 < count) {
            (true, true) => "RELEASE job; SAVEPOINT job",
            (true, false) => "RELEASE job",
            (false, true) => "ROLLBACK TO job",
            (false, false) => "ROLLBACK TO job; RELEASE job",
        })?;
        if succeeded {
            events.extend(appended);
        }
    }
    let seq = append(session, last, &events)?;
    session.run("COMMIT").map_err(|trouble| Lost { trouble, in_commit: true })?;
    Ok(seq)
}

/// Begins a batch and locks the log's head, in one journey. Returns the last number given out.
fn begin(session: &mut Session) -> Result<i64> {
    let answers =
        session.client.simple_query("BEGIN; SELECT seq FROM log_head FOR UPDATE; SAVEPOINT job").map_err(failure)?;
    let seq = answers.iter().find_map(|answer| match answer {
        SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    });
    seq.ok_or_else(|| error::broken("log_head holds no row"))
}

/// Writes a batch's events with one statement: a round trip each would cost more than the rows.
fn append(session: &mut Session, last: i64, events: &[NewEvent]) -> Result<i64> {
    if events.is_empty() {
        return Ok(last);
    }
    let base64 = |id: &frontdesk_model::Id| BASE64.encode(id.0);
    let rows: Vec<_> = events
        .iter()
        .zip(last + 1..)
        .map(|(event, seq)| {
            serde_json::json!({
                "seq": seq, "id": base64(&event.id), "kind": event.kind, "at": event.at.micros(),
                "thread_id": event.thread_id.as_ref().map(base64), "object_id": base64(&event.object_id),
                "user_id": event.user_id.as_ref().map(base64), "payload": event.payload,
                "source_id": event.source_id.as_ref().map(base64),
            })
        })
        .collect();
    let rows = serde_json::Value::Array(rows).to_string();
    let insert = session.statement(
        "WITH head AS (UPDATE log_head SET seq = $2)
         INSERT INTO log (seq, id, kind, at, thread_id, object_id, user_id, payload, source_id)
         SELECT seq, decode(id, 'base64'), kind, at, decode(thread_id, 'base64'), decode(object_id, 'base64'),
                decode(user_id, 'base64'), payload, decode(source_id, 'base64')
         FROM json_to_recordset($1::text::json)
           AS e(seq BIGINT, id TEXT, kind TEXT, at BIGINT, thread_id TEXT, object_id TEXT, user_id TEXT, payload TEXT,
                source_id TEXT)",
    )?;
    let seq = last + events.len() as i64;
    session.client.execute(&insert, &[&rows, &seq]).map_err(failure)?;
    Ok(seq)
}

struct PostgresTx<'s> {
    session: &'s mut Session,
    events: Vec<NewEvent>,
}

impl Tx for PostgresTx<'_> {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn query(&mut self, sql: &str, args: &[Arg]) -> Result<Vec<Row>> {
        let statement = self.session.statement(sql)?;
        let args: Vec<&(dyn ToSql + Sync)> = args.iter().map(|arg| arg as &(dyn ToSql + Sync)).collect();
        let rows = self.session.client.query(&statement, &args).map_err(|trouble| failed(trouble, sql))?;
        rows.iter().map(row).collect()
    }

    fn execute(&mut self, sql: &str, args: &[Arg]) -> Result<u64> {
        let statement = self.session.statement(sql)?;
        let args: Vec<&(dyn ToSql + Sync)> = args.iter().map(|arg| arg as &(dyn ToSql + Sync)).collect();
        self.session.client.execute(&statement, &args).map_err(|trouble| failed(trouble, sql))
    }

    fn each(&mut self, sql: &str, args: &[Arg], take: &mut dyn FnMut(Row) -> Result<()>) -> Result<()> {
        let statement = self.session.statement(sql)?;
        let mut rows = self.session.client.query_raw(&statement, args).map_err(|trouble| failed(trouble, sql))?;
        while let Some(found) = rows.next().map_err(|trouble| failed(trouble, sql))? {
            take(row(&found)?)?;
        }
        Ok(())
    }

    fn lift_time_limit(&mut self) -> Result<()> {
        self.session.run("SET LOCAL statement_timeout = 0")
    }

    fn append(&mut self, event: NewEvent) {
        self.events.push(event);
    }
}

fn row(found: &::postgres::Row) -> Result<Row> {
    let mut values = Vec::with_capacity(found.len());
    for (index, column) in found.columns().iter().enumerate() {
        let value = match *column.type_() {
            Type::BOOL => found.get::<_, Option<bool>>(index).map(Value::Bool),
            Type::INT8 => found.get::<_, Option<i64>>(index).map(Value::Int),
            Type::INT4 => found.get::<_, Option<i32>>(index).map(|int| Value::Int(int.into())),
            Type::TEXT | Type::VARCHAR | Type::NAME => {
                found.get::<_, Option<&str>>(index).map(|text| Value::Text(text.into()))
            }
            Type::BYTEA => found.get::<_, Option<&[u8]>>(index).map(Value::from_bytes),
            ref other => {
                return Err(error::broken(format!("column {} has the type {other}", column.name())));
            }
        };
        values.push(value.unwrap_or(Value::Null));
    }
    Ok(Row(values))
}

impl ToSql for Arg<'_> {
    fn to_sql(
        &self,
        ty: &Type,
        out: &mut ::postgres::types::private::BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match self {
            Arg::Null => Ok(IsNull::Yes),
            Arg::Bool(bool) => bool.to_sql(ty, out),
            Arg::Int(int) if *ty == Type::INT4 => i32::try_from(*int)?.to_sql(ty, out),
            Arg::Int(int) => int.to_sql(ty, out),
            Arg::Text(text) => text.to_sql(ty, out),
            Arg::Bytes(bytes) => bytes.to_sql(ty, out),
            Arg::Ids(ids) => ids.iter().map(|id| &id.0[..]).collect::<Vec<_>>().to_sql(ty, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// Where no connection could be made, and why: the library's own words leave out both.
fn unreachable(config: &Config, trouble: &::postgres::Error) -> String {
    let ports = config.get_ports();
    let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let places = config.get_hosts().iter().enumerate().map(|(index, host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(index)),
        Host::Unix(path) => path.display().to_string(),
    });
    let places = places.collect::<Vec<_>>().join(", ");
    let reason = std::error::Error::source(trouble).map_or_else(|| trouble.to_string(), ToString::to_string);
    format!("PostgreSQL at {places}: {reason}")
}

pub(crate) fn failure(trouble: ::postgres::Error) -> Error {
    failed(trouble, "")
}

fn failed(trouble: ::postgres::Error, sql: &str) -> Error {
    let Some(code) = trouble.code() else {
        return Error::Unavailable(format!("PostgreSQL: {trouble}"));
    };
    let text = match trouble.as_db_error() {
        Some(details) => format!("PostgreSQL: {} ({}); in: {sql}", details.message(), code.code()),
        None => format!("PostgreSQL: {trouble}; in: {sql}"),
    };
    of_code(code.code(), text)
}

/// What a failure of PostgreSQL's means for whoever asked, by its SQLSTATE.
fn of_code(code: &str, text: String) -> Error {
    match code {
        // Only a reader's statements have a limit that people can meet.
        "57014" => engine::too_broad(),
        "40001" | "40P01" => Error::Conflict(text),
        // Connections, resources, operators and shutdowns: later tries may succeed.
        other if matches!(&other[..2], "08" | "53" | "55" | "57" | "58") => Error::Unavailable(text),
        _ => Error::Broken(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_is_told_by_its_code() {
        for (code, told) in [
            // The statement took longer than it may.
            ("57014", "422 too_broad"),
            // It lost against another session; both waited for each other.
            ("40001", "again"),
            ("40P01", "again"),
            // The server goes down; it has no connection left; a lock was not to be had.
            ("57P01", "later"),
            ("53300", "later"),
            ("55P03", "later"),
            // Ours is wrong.
            ("42601", "broken"),
        ] {
            let seen = match of_code(code, code.to_owned()) {
                Error::Refused(refusal) => format!("{} {}", refusal.status, refusal.code),
                Error::Conflict(_) => "again".to_owned(),
                Error::Unavailable(_) => "later".to_owned(),
                Error::Broken(_) => "broken".to_owned(),
            };
            assert_eq!(seen, told, "{code}");
        }
    }
}
