//! The example channels of `examples/channel/`, as real sources: programs that know nothing of these tests.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::server::{Lines, collect};
use crate::signature::sign;
use crate::{eventually, processes};

/// What a guest book is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `guestbook.mjs`.
    Node,
    /// `guestbook.py`.
    Python,
}

/// Every language that there is a guest book in.
pub const LANGUAGES: [Language; 2] = [Language::Node, Language::Python];

/// A guest book that is running.
pub struct Guestbook {
    language: Language,
    address: SocketAddr,
    folder: PathBuf,
    environment: Vec<(String, String)>,
    process: Child,
    out: Lines,
    err: Lines,
}

impl Guestbook {
    /// Opens a new one with these settings.
    pub fn open(language: Language, settings: &[(&str, &str)]) -> Guestbook {
        let address = SocketAddr::from(([127, 0, 0, 1], processes::free_port()));
        let folder = processes::folder("guestbook");
        let environment = settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let (process, out, err) = start(language, address, &folder, &environment);
        let book = Guestbook { language, address, folder, environment, process, out, err };
        book.is_open();
        book
    }

    /// Where Frontdesk posts to.
    pub fn base_uri(&self) -> String {
        format!("http://{}/frontdesk", self.address)
    }

    /// What it wrote to its standard error.
    pub fn complaints(&self) -> String {
        self.err.text()
    }

    /// Kills it and opens it again.
    pub fn is_killed_and_opened(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        (self.process, self.out, self.err) = start(self.language, self.address, &self.folder, &self.environment);
        self.is_open();
    }

    #[track_caller]
    fn is_open(&self) {
        eventually(&format!("the guest book opens: {}", self.err.text()), || {
            self.out.text().contains("The guest book is open").then_some(())
        });
    }

    /// Anything, as a visitor whose cookie this is.
    #[track_caller]
    pub fn send(&self, request: Request, visitor: &str) -> Answer {
        let request = request.header("Cookie", &format!("visitor={visitor:0>32}"));
        request.send(self.address).expect("the guest book answers")
    }

    /// A visitor writes; the entry's id.
    #[track_caller]
    pub fn writes(&self, visitor: &str, body: &str, more: &Value) -> String {
        let mut entry = json!({ "name": visitor, "body": body });
        for (name, value) in more.as_object().into_iter().flatten() {
            entry[name] = value.clone();
        }
        let answer = read(&self.send(Request::new("POST", "/book").json(&entry), visitor));
        answer["id"].as_str().expect("an id").to_owned()
    }

    /// All that the page is told.
    #[track_caller]
    pub fn view(&self, visitor: &str) -> Value {
        read(&self.send(Request::new("GET", "/book?version=none"), visitor))
    }

    /// What a visitor sees: the threads.
    #[track_caller]
    pub fn threads(&self, visitor: &str) -> Vec<Value> {
        self.view(visitor)["threads"].as_array().cloned().unwrap_or_default()
    }

    /// All entries of all threads that a visitor sees.
    #[track_caller]
    pub fn entries(&self, visitor: &str) -> Vec<Value> {
        self.threads(visitor)
            .into_iter()
            .flat_map(|thread| thread["entries"].as_array().cloned().unwrap_or_default())
            .collect()
    }

    /// The entry with this text, once a visitor sees it.
    #[track_caller]
    pub fn shows(&self, visitor: &str, body: &str) -> Value {
        eventually(&format!("the guest book shows \"{body}\""), || {
            self.entries(visitor).into_iter().find(|entry| entry["body"] == body)
        })
    }

    /// The answer to a signed request, as Frontdesk would make it.
    #[track_caller]
    pub fn asked(&self, secret: &str, action: &str, params: &Value) -> Value {
        let body = json!({ "action": action, "params": params, "time": "2026-01-15T10:00:00Z" }).to_string();
        let request = Request::new("POST", "/frontdesk").header("X-SMCCSDK-SIGNATURE", &sign(secret, body.as_bytes()));
        read(&request.body("application/json", body).send(self.address).expect("the guest book answers"))
    }
}

impl Drop for Guestbook {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[track_caller]
fn read(answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn start(
    language: Language,
    address: SocketAddr,
    folder: &Path,
    environment: &Vec<(String, String)>,
) -> (Child, Lines, Lines) {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").join("examples/channel");
    let mut command = match language {
        Language::Node => {
            let mut node = Command::new("node");
            node.arg(examples.join("guestbook.mjs"));
            node
        }
        Language::Python => {
            let mut python = Command::new("python3");
            python.arg("-B").arg(examples.join("guestbook.py"));
            python
        }
    };
    command.env("GUESTBOOK_PORT", address.port().to_string()).env("GUESTBOOK_FILE", folder.join("book.jsonl"));
    for (name, value) in environment {
        command.env(name, value);
    }
    let mut process = processes::spawn_bound(&command, "KILL").expect("the guest book starts");
    let out = collect(process.stdout.take().expect("a pipe"));
    let err = collect(process.stderr.take().expect("a pipe"));
    (process, out, err)
}
