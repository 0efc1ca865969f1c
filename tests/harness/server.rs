//! The product, started as an operator starts it.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::http::{Answer, Request};
use crate::{CANARY, SOON, description, postgres, processes};

/// A start that takes longer has failed; a busy machine may need some of it.
const START_DEADLINE: Duration = Duration::from_secs(60);

/// So much of a log is shown when a story fails.
const LOG_LINES_SHOWN: usize = 30;

/// Where the data live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// The embedded database.
    Sqlite,
    /// A fresh database of the suite's private PostgreSQL.
    Postgres,
}

/// The binary under test: `FRONTDESK_BIN`, or the one beside the test's own.
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("FRONTDESK_BIN") {
        return path.into();
    }
    let own = std::env::current_exe().expect("the test's own path");
    let found = own.ancestors().skip(1).map(|folder| folder.join("frontdesk")).find(|path| path.is_file());
    found.expect("build the binary first: cargo build -p frontdesk")
}

/// The command `frontdesk` without the settings that the suite's own environment may hold.
pub fn frontdesk() -> Command {
    clean(&binary())
}

fn clean(binary: &Path) -> Command {
    let mut command = Command::new(binary);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("FRONTDESK_")) {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// What a fresh installation shows once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FirstSignIn {
    /// The administrator's e-mail.
    pub email: String,
    /// Their password.
    pub password: String,
    /// Their access token.
    pub token: String,
}

/// Lines that a process has written so far.
#[derive(Clone, Default)]
pub struct Lines(Arc<Mutex<Vec<String>>>);

impl Lines {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All lines.
    pub fn all(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// All lines as one text.
    pub fn text(&self) -> String {
        self.lock().join("\n")
    }
}

/// Reads a pipe to its end on a thread of its own.
pub fn collect(pipe: impl Read + Send + 'static) -> Lines {
    let lines = Lines::default();
    let written = lines.clone();
    std::thread::spawn(move || {
        for line in BufReader::new(pipe).split(b'\n').map_while(Result::ok) {
            written.lock().push(String::from_utf8_lossy(&line).into_owned());
        }
    });
    lines
}

/// How a server is to be started.
#[derive(Clone, Debug)]
pub struct Launch {
    binary: PathBuf,
    data: PathBuf,
    database_url: Option<String>,
    port: u16,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    log: String,
}

impl Launch {
    /// A fresh installation on a port of its own: no throttle, callbacks to this machine allowed, warnings logged.
    pub fn new(engine: Engine) -> Launch {
        let database_url = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(postgres::shared().database()),
        };
        Launch {
            binary: binary(),
            data: processes::folder("installation").join("data"),
            database_url,
            port: processes::free_port(),
            flags: ["--rate-limit", "0", "--allow-outbound", "127.0.0.0/8"].map(String::from).to_vec(),
            environment: Vec::new(),
            log: "warn".into(),
        }
    }

    /// Other flags instead of the suite's usual ones.
    pub fn only(self, flags: &[&str]) -> Launch {
        Launch { flags: flags.iter().map(|flag| (*flag).to_owned()).collect(), ..self }
    }

    /// More flags.
    pub fn with(mut self, flags: &[&str]) -> Launch {
        self.flags.extend(flags.iter().map(|flag| (*flag).to_owned()));
        self
    }

    /// An environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Launch {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Another binary, such as a negative control.
    pub fn binary(self, binary: impl Into<PathBuf>) -> Launch {
        Launch { binary: binary.into(), ..self }
    }

    /// Another filter of log lines.
    pub fn log(self, log: &str) -> Launch {
        Launch { log: log.into(), ..self }
    }

    /// Another data directory.
    pub fn data(self, data: impl Into<PathBuf>) -> Launch {
        Launch { data: data.into(), ..self }
    }

    /// Another database.
    pub fn database(self, url: Option<String>) -> Launch {
        Launch { database_url: url, ..self }
    }

    /// Its PostgreSQL database; none when it will use the embedded one.
    pub fn database_url(&self) -> Option<String> {
        self.database_url.clone()
    }

    /// Where its data will be.
    pub fn data_path(&self) -> &Path {
        &self.data
    }

    /// A command of the operator on this installation, such as `["token", "create"]`.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = frontdesk();
        command.args(words).arg("--data").arg(&self.data);
        if let Some(url) = &self.database_url {
            command.env("FRONTDESK_DATABASE_URL", url);
        }
        command
    }

    /// Starts it and waits until it can serve.
    pub fn start(self) -> Server {
        let (process, out, log) = self.spawn();
        let mut server = Server { launch: self, process: Some(process), out, log, first: None, seen: Mutex::new(0) };
        server.wait_until_ready();
        server.first = first_sign_in(&server.out);
        server
    }

    fn spawn(&self) -> (Child, Lines, Lines) {
        let mut command = clean(&self.binary);
        command.arg("serve").arg("--data").arg(&self.data);
        command.arg("--listen").arg(format!("127.0.0.1:{}", self.port)).arg("--log").arg(&self.log).args(&self.flags);
        if let Some(url) = &self.database_url {
            command.env("FRONTDESK_DATABASE_URL", url);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let mut process = processes::spawn_bound(&command, "KILL").expect("frontdesk starts");
        let out = collect(process.stdout.take().expect("a pipe"));
        let log = collect(process.stderr.take().expect("a pipe"));
        (process, out, log)
    }
}

/// A running server. Dropping it kills the process and looks through what it logged.
pub struct Server {
    launch: Launch,
    process: Option<Child>,
    out: Lines,
    log: Lines,
    first: Option<FirstSignIn>,
    seen: Mutex<usize>,
}

impl Server {
    /// A fresh installation with these flags beside the usual ones.
    pub fn start(engine: Engine, flags: &[&str]) -> Server {
        Launch::new(engine).with(flags).start()
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.launch.port).into()
    }

    /// Its data directory.
    pub fn data(&self) -> &Path {
        &self.launch.data
    }

    /// Its PostgreSQL database; none when it uses the embedded one.
    pub fn database_url(&self) -> Option<&str> {
        self.launch.database_url.as_deref()
    }

    /// The id of the process.
    pub fn process_id(&self) -> u32 {
        self.process.as_ref().expect("the server runs").id()
    }

    /// What it printed.
    pub fn output(&self) -> String {
        self.out.text()
    }

    /// What it logged since it was last started.
    pub fn log(&self) -> Vec<String> {
        self.log.all()
    }

    /// A line of the log with these words. It is read from a pipe and may come after the answer that it is about.
    #[track_caller]
    pub fn logged(&self, words: &str) -> String {
        let logged = || self.log().into_iter().find(|line| line.contains(words));
        crate::eventually(&format!("the log says {words:?}"), logged)
    }

    /// How to sign in, shown at the first start of its data.
    pub fn first_sign_in(&self) -> &FirstSignIn {
        self.first.as_ref().expect("a first start")
    }

    /// The administrator's token.
    pub fn token(&self) -> &str {
        &self.first_sign_in().token
    }

    /// Sends a request on a connection of its own; what is below `/1.0` must be answered as described.
    #[track_caller]
    pub fn send(&self, request: &Request) -> Answer {
        match request.send(self.address()) {
            Ok(answer) => {
                description::check(self.address(), request, &answer);
                answer
            }
            Err(trouble) => {
                panic!("{} {}: {trouble}\n{}", request.method, request.target, self.log.text())
            }
        }
    }

    /// Kills it as a crash would: nothing is finished.
    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("a kill");
            process.wait().expect("a process");
        }
        self.look_through_the_log();
    }

    /// Asks it to stop and waits until it has.
    pub fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            processes::signal(&process, "TERM");
            let stopped = crate::eventually("the server stops", || process.try_wait().expect("a process"));
            assert!(stopped.success(), "{stopped}\n{}", self.log.text());
        }
        self.look_through_the_log();
    }

    /// Starts it again on the same data and port, and returns how long it took to be ready.
    pub fn restart(&mut self) -> Duration {
        let started = Instant::now();
        assert!(self.process.is_none(), "stop or kill it first");
        let (process, out, log) = self.launch.spawn();
        (self.process, self.out, self.log) = (Some(process), out, log);
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = 0;
        self.wait_until_ready();
        started.elapsed()
    }

    /// Changes how it will be started the next time.
    pub fn relaunch(&mut self, change: impl FnOnce(Launch) -> Launch) {
        self.launch = change(self.launch.clone());
    }

    /// A command of the operator on this installation, such as `["token", "create"]`.
    pub fn command(&self, words: &[&str]) -> Command {
        self.launch.command(words)
    }

    /// Makes a token with the command line.
    pub fn make_token(&self, email: &str, label: &str) -> String {
        let printed = processes::run(self.command(&["token", "create"]).args(["--user", email, "--label", label]));
        printed.trim().to_owned()
    }

    /// Changes its data behind its back, as no user of the product can.
    pub fn sql(&self, sql: &str) {
        match self.database_url() {
            Some(url) => drop(postgres::shared().sql(url, sql)),
            None => {
                let connection = rusqlite::Connection::open(self.data().join("frontdesk.db")).expect("the data open");
                connection.busy_timeout(SOON).and_then(|()| connection.execute_batch(sql)).expect("the statements run");
            }
        }
    }

    /// Which way its database takes to answer this: the plan, where reading a whole table and sorting are last resorts.
    pub fn plan(&self, sql: &str) -> String {
        match self.database_url() {
            Some(url) => postgres::shared().sql(
                url,
                &format!("SET enable_seqscan = off; SET enable_bitmapscan = off; SET enable_sort = off; EXPLAIN {sql}"),
            ),
            None => {
                let connection = rusqlite::Connection::open(self.data().join("frontdesk.db")).expect("the data open");
                let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a statement");
                let steps = statement.query_map([], |row| row.get::<_, String>(3)).expect("a plan");
                steps.collect::<Result<Vec<_>, _>>().expect("a plan").join("\n")
            }
        }
    }

    fn wait_until_ready(&mut self) {
        let started = Instant::now();
        let request = Request::new("GET", "/readyz");
        loop {
            if request.send(self.address()).is_ok_and(|answer| answer.status == 200) {
                break;
            }
            let ended = self.process.as_mut().and_then(|process| process.try_wait().expect("a process"));
            assert!(ended.is_none(), "the server ended: {ended:?}\n{}\n{}", self.output(), self.log.text());
            assert!(started.elapsed() < START_DEADLINE, "the server is not ready:\n{}", self.log.text());
            std::thread::sleep(Duration::from_millis(5));
        }
        // What it prints comes before it serves, but through another pipe.
        while !self.out.all().iter().any(|line| line.starts_with("Frontdesk is at ")) {
            assert!(started.elapsed() < SOON, "the server does not say where it is");
            std::thread::sleep(Duration::from_millis(2));
        }
        std::thread::sleep(Duration::from_millis(10));
    }

    /// Fails the story when the log tells of a panic, a token or a message body. Looks only at what is new.
    #[track_caller]
    pub fn look_through_the_log(&self) {
        let lines = self.log.all();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let new = lines.get(*seen..).unwrap_or_default().to_vec();
        *seen = lines.len();
        drop(seen);
        let token = self.first.as_ref().map(|first| first.token.as_str()).filter(|token| !token.is_empty());
        for line in &new {
            let wrong = line.contains("panicked") || line.contains(CANARY) || token.is_some_and(|t| line.contains(t));
            assert!(!wrong, "the log must not hold this: {line}");
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if std::thread::panicking() {
            if let Some(mut process) = self.process.take() {
                let _ = process.kill();
                let _ = process.wait();
            }
            let lines = self.log.all();
            let last = lines.len().saturating_sub(LOG_LINES_SHOWN);
            eprintln!("what the server logged last:\n{}", lines[last..].join("\n"));
            return;
        }
        self.kill();
        let _ = std::fs::remove_dir_all(&self.launch.data);
    }
}

fn first_sign_in(out: &Lines) -> Option<FirstSignIn> {
    let lines = out.all();
    let value = |label: &str| lines.iter().find_map(|line| Some(line.trim().strip_prefix(label)?.trim().to_owned()));
    Some(FirstSignIn { email: value("Administrator")?, password: value("Password")?, token: value("Access token")? })
}

/// Runs a command that should fail and returns its output.
#[track_caller]
pub fn fails(command: &mut Command) -> Output {
    let output = command.output().expect("frontdesk runs");
    assert!(!output.status.success(), "{command:?} should have failed: {}", String::from_utf8_lossy(&output.stdout));
    output
}
