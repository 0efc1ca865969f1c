//! A browser at the console: it keeps its cookie, and says that a page of the console asks.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http::{Answer, Request};
use crate::{Cast, Server};

/// The header by which a page of the console is known.
pub const CONSOLE: (&str, &str) = ("X-Frontdesk-Console", "1");

/// A browser.
#[derive(Clone, Debug)]
pub struct Browser {
    address: SocketAddr,
    /// What it sends as `Cookie`; empty when it has none.
    pub cookie: String,
}

impl Browser {
    /// A fresh one.
    pub fn at(server: &Server) -> Browser {
        Browser { address: server.address(), cookie: String::new() }
    }

    /// Sends a request of the console's, with the cookie, and keeps what it is given.
    #[track_caller]
    pub fn send(&mut self, request: Request) -> Answer {
        let request = request.header(CONSOLE.0, CONSOLE.1);
        let answer = self.send_as_any_page(request);
        for (name, value) in &answer.headers {
            if name.eq_ignore_ascii_case("set-cookie") {
                let pair = value.split(';').next().unwrap_or_default().to_owned();
                self.cookie = if pair.ends_with('=') { String::new() } else { pair };
            }
        }
        answer
    }

    /// Sends a request as a page of any site may have it sent: the cookie comes along.
    #[track_caller]
    pub fn send_as_any_page(&self, request: Request) -> Answer {
        let request = if self.cookie.is_empty() { request } else { request.header("Cookie", &self.cookie) };
        request.send(self.address).unwrap_or_else(|trouble| panic!("{} {}: {trouble}", request.method, request.target))
    }

    /// GET.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Answer {
        self.send(Request::new("GET", target))
    }

    /// POST with a JSON body.
    #[track_caller]
    pub fn post(&mut self, target: &str, body: &Value) -> Answer {
        self.send(Request::new("POST", target).json(body))
    }

    /// PUT with a JSON body.
    #[track_caller]
    pub fn put(&mut self, target: &str, body: &Value) -> Answer {
        self.send(Request::new("PUT", target).json(body))
    }

    /// DELETE.
    #[track_caller]
    pub fn delete(&mut self, target: &str) -> Answer {
        self.send(Request::new("DELETE", target))
    }

    /// Tries to sign in.
    #[track_caller]
    pub fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("/session", &json!({ "email": email, "password": password }))
    }
}

/// Somebody new with a password: their id and e-mail.
#[track_caller]
pub fn somebody(cast: &Cast, permissions: &[&str], password: &str) -> (String, String) {
    let person = cast.hire(permissions);
    let path = format!("/1.0/users/{}", person.user_id);
    let user = cast.otto.put(&path, &json!({ "password": password })).ok();
    (person.user_id, user["email"].as_str().expect("an e-mail").to_owned())
}
