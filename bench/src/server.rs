//! The measured server: a release build in a process of its own, with a fresh data directory.

use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client;

/// A server that is not ready by then will not be.
const READY_DEADLINE: Duration = Duration::from_secs(30);
/// How often a starting server is asked whether it is ready.
const READY_PERIOD: Duration = Duration::from_millis(2);

/// In which Linux tells times of processes.
const TICKS_PER_SECOND: f64 = 100.0;

/// A running process that is killed when it is let go.
pub(crate) struct Process(Child);

impl Process {
    /// Starts a program that says something on its standard output.
    pub(crate) fn start(command: &mut Command) -> Result<Process, String> {
        let child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        child.map(Process).map_err(|error| format!("{}: {error}", command.get_program().display()))
    }

    /// The lines of its standard output, up to the end of it or to the one that `wanted` takes.
    pub(crate) fn line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> Result<T, String> {
        let output = self.0.stdout.as_mut().ok_or("no standard output")?;
        for line in BufReader::new(output).lines() {
            if let Some(found) = wanted(&line.map_err(|error| error.to_string())?) {
                return Ok(found);
            }
        }
        Err("the process ended before it said what was expected".into())
    }

    /// Bytes that it holds in memory.
    pub(crate) fn resident_bytes(&self) -> Result<u64, String> {
        let status =
            std::fs::read_to_string(format!("/proc/{}/status", self.0.id())).map_err(|error| error.to_string())?;
        let kilobytes =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.split_whitespace().next()?.parse::<u64>().ok());
        Ok(kilobytes.ok_or("no VmRSS")? * 1024)
    }

    /// Seconds that it has worked on all cores together.
    pub(crate) fn cpu_seconds(&self) -> Result<f64, String> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).map_err(|error| error.to_string())?;
        // The name of the program may hold spaces: what follows it does not.
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let ticks =
            |at: usize| fields.get(at).and_then(|field| field.parse::<f64>().ok()).ok_or("no times in its stat");
        Ok((ticks(11)? + ticks(12)?) / TICKS_PER_SECOND)
    }

    /// Tells it to stop, and waits until it has.
    pub(crate) fn stop(mut self) -> Result<(), String> {
        let told = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status();
        if !told.is_ok_and(|status| status.success()) {
            return Err("the process cannot be told to stop".into());
        }
        let status = self.0.wait().map_err(|error| error.to_string())?;
        if status.success() { Ok(()) } else { Err(format!("the process ended with {status}")) }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A started server.
pub(crate) struct Server {
    pub(crate) process: Process,
    pub(crate) address: SocketAddr,
    /// From the start of the process to the first ready answer.
    pub(crate) start: Duration,
}

/// Starts the server and waits until it can serve.
pub(crate) fn start(program: &Path, data: &Path) -> Result<Server, String> {
    let mut command = Command::new(program);
    command.arg("serve").arg("--data").arg(data);
    start_with(command)
}

/// The same with this command, which tells where the data is.
pub(crate) fn start_with(mut command: Command) -> Result<Server, String> {
    let address = free_address()?;
    command.arg("--listen").arg(address.to_string());
    command.args(["--rate-limit", "0", "--log", "error"]);
    let began = Instant::now();
    let process = Process::start(&mut command)?;
    while began.elapsed() < READY_DEADLINE {
        if client::call(address, "GET", "/readyz", "", "").is_ok_and(|(status, _)| status == 200) {
            return Ok(Server { process, address, start: began.elapsed() });
        }
        std::thread::sleep(READY_PERIOD);
    }
    Err("the server did not become ready".into())
}

/// An address that nobody listens on now.
fn free_address() -> Result<SocketAddr, String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| error.to_string())?;
    listener.local_addr().map_err(|error| error.to_string())
}

/// The token that a first start shows.
pub(crate) fn shown_token(server: &mut Server) -> Result<String, String> {
    server.process.line(|line| line.trim().strip_prefix("Access token").map(|token| token.trim().to_owned()))
}

/// A REST call that must succeed; its answer.
pub(crate) fn rest(address: SocketAddr, method: &str, path: &str, token: &str, body: &Value) -> Result<Value, String> {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let (status, answer) = client::call(address, method, path, token, &body)?;
    if status != 200 && status != 201 {
        return Err(format!("{method} {path}: {status}: {answer}"));
    }
    serde_json::from_str(&answer).map_err(|error| format!("{method} {path}: {error}"))
}
