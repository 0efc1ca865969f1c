//! Stand-ins for services, as `frontdesk fake` makes them.

use std::net::SocketAddr;
use std::process::Child;

use serde_json::{Value, json};

use crate::cast::Cast;
use crate::http::{Answer, Request};
use crate::server::{Engine, Lines, collect, frontdesk};
use crate::{eventually, processes};

/// A running stand-in.
pub struct Fake {
    process: Child,
    /// Where it is.
    pub address: SocketAddr,
    flags: Vec<String>,
    _log: Lines,
}

impl Fake {
    /// Starts one for this service.
    pub fn start(service: &str) -> Fake {
        let mut command = frontdesk();
        command.args(["fake", service]);
        let mut process = processes::spawn_bound(&command, "KILL").expect("frontdesk starts");
        let out = collect(process.stdout.take().expect("a pipe"));
        let log = collect(process.stderr.take().expect("a pipe"));
        let line = |words: &str| {
            eventually(&format!("{service}: {words} ({})", log.text()), || {
                out.all().into_iter().find_map(|line| line.split_once(words).map(|(_, rest)| rest.to_owned()))
            })
        };
        let address = line("is at http://").parse().expect("an address");
        let flags = line("Lead a server to it with: ").split(' ').map(str::to_owned).collect();
        Fake { process, address, flags, _log: log }
    }

    /// The flags that lead a server to it.
    pub fn flags(&self) -> Vec<&str> {
        self.flags.iter().map(String::as_str).collect()
    }

    /// The cast at a server that is led to it.
    pub fn cast(&self, engine: Engine) -> Cast {
        Cast::start(engine, &self.flags())
    }

    /// Sends it something.
    #[track_caller]
    pub fn send(&self, method: &str, target: &str, body: &Value) -> Answer {
        let answer = Request::new(method, target).json(body).send(self.address).expect("the stand-in answers");
        assert!(answer.status < 300, "{method} {target}: {} {}", answer.status, answer.text());
        answer
    }

    /// Makes it fail.
    pub fn fault(&self, fault: &Value) {
        self.send("POST", "/_fake/faults", fault);
    }

    /// What it was asked, as `METHOD target`, with these words in it.
    pub fn asked(&self, words: &str) -> Vec<Value> {
        let all = self.send("GET", "/_fake/requests", &json!({})).json();
        let said = |request: &Value| {
            let text = |name: &str| request[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", text("method"), text("target")).contains(words)
        };
        all.as_array().expect("a list").iter().filter(|request| said(request)).cloned().collect()
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
