//! Who appears in the stories: Otto the operator, the agents Ada and Bo, Rita who may only read, Vera the customer, and
//! the sources that they meet on.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::{Value, json};

use crate::http::{Answer, Request, encode};
use crate::pages::{id, records};
use crate::server::{Engine, Server};
use crate::signature::sign;
use crate::{CANARY, FakeChannel, description};

/// A word that nothing else in this process has.
pub fn unique(word: &str) -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    format!("{word}{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// Somebody with an access token.
#[derive(Clone, Debug)]
pub struct Person {
    address: SocketAddr,
    /// Their token.
    pub token: String,
    /// Their user's id.
    pub user_id: String,
}

impl Person {
    /// The person that a token acts for.
    pub fn with_token(server: &Server, token: &str) -> Person {
        let mut person = Person { address: server.address(), token: token.into(), user_id: String::new() };
        person.user_id = id(&person.get("/1.0/users/me").ok());
        person
    }

    /// Where their server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same person at another node.
    pub fn at(&self, server: &Server) -> Person {
        Person { address: server.address(), ..self.clone() }
    }

    /// The same person with another token.
    pub fn but_with(&self, token: &str) -> Person {
        Person { token: token.into(), ..self.clone() }
    }

    /// Sends a request with their token; the answer must be as the server describes it.
    #[track_caller]
    pub fn send(&self, request: Request) -> Answer {
        let request = request.token(&self.token);
        match request.send(self.address) {
            Ok(answer) => {
                description::check(self.address, &request, &answer);
                answer
            }
            Err(trouble) => panic!("{} {}: {trouble}", request.method, request.target),
        }
    }

    /// GET.
    #[track_caller]
    pub fn get(&self, target: &str) -> Answer {
        self.send(Request::new("GET", target))
    }

    /// POST with a JSON body.
    #[track_caller]
    pub fn post(&self, target: &str, body: &Value) -> Answer {
        self.send(Request::new("POST", target).json(body))
    }

    /// PUT with a JSON body.
    #[track_caller]
    pub fn put(&self, target: &str, body: &Value) -> Answer {
        self.send(Request::new("PUT", target).json(body))
    }

    /// DELETE.
    #[track_caller]
    pub fn delete(&self, target: &str) -> Answer {
        self.send(Request::new("DELETE", target))
    }

    /// A list, searched with `q`.
    #[track_caller]
    pub fn search(&self, path: &str, q: &str) -> Value {
        self.get(&format!("{path}?q={}", encode(q))).ok()
    }

    /// Answers a content; returns the answer as it is told.
    #[track_caller]
    pub fn reply(&self, content_id: &str, text: &str) -> Value {
        self.post("/1.0/contents", &json!({ "in_reply_to_id": content_id, "body": text })).ok()
    }

    /// Engages a content; returns the intervention.
    #[track_caller]
    pub fn engage(&self, content_id: &str) -> Value {
        self.post("/1.0/interventions", &json!({ "content_id": content_id })).ok()
    }

    /// Reads a content.
    #[track_caller]
    pub fn content(&self, content_id: &str) -> Value {
        self.get(&format!("/1.0/contents/{content_id}")).ok()
    }

    /// Creates a category under a name of its own and returns it.
    #[track_caller]
    pub fn create_category(&self, fields: &Value) -> Value {
        let mut category = json!({ "name": unique("Category ") });
        for (name, value) in fields.as_object().into_iter().flatten() {
            category[name] = value.clone();
        }
        self.post("/1.0/categories", &category).ok()
    }
}

/// A Channel SDK source, and the side of its channel that writes to us.
#[derive(Clone, Debug)]
pub struct Source {
    address: SocketAddr,
    /// Its id.
    pub id: String,
    /// Its community's id.
    pub community_id: String,
    /// The shared secret.
    pub secret: String,
}

impl Source {
    /// Creates a community and a source in it. `settings` are added to those of the source.
    #[track_caller]
    pub fn create(otto: &Person, base_uri: &str, settings: &Value) -> Source {
        let community = json!({ "type": "sdk", "name": unique("Community ") });
        let community = otto.post("/1.0/communities", &community).ok();
        let mut source =
            json!({ "type": "sdk", "name": unique("Source "), "community_id": community["id"], "base_uri": base_uri });
        for (name, value) in settings.as_object().into_iter().flatten() {
            source[name] = value.clone();
        }
        Source::shown_as(otto, &otto.post("/1.0/content_sources", &source).ok())
    }

    /// A source as its administrator was shown it.
    pub fn shown_as(otto: &Person, source: &Value) -> Source {
        let text = |name: &str| source[name].as_str().unwrap_or_else(|| panic!("no {name} in {source}")).to_owned();
        Source {
            address: otto.address,
            id: id(source),
            community_id: text("community_id"),
            secret: text("access_token"),
        }
    }

    /// The same source, whose channel signs with another secret.
    pub fn but_signed_with(&self, secret: &str) -> Source {
        Source { secret: secret.into(), ..self.clone() }
    }

    /// Where its channel posts to.
    pub fn path(&self) -> String {
        format!("/realtime/sdk/{}", self.id)
    }

    /// The signed request of an action.
    pub fn request(&self, action: &str, params: &Value) -> Request {
        self.request_of(json!({ "action": action, "params": params }).to_string().as_bytes())
    }

    /// The signed request with this body.
    pub fn request_of(&self, body: &[u8]) -> Request {
        let signature = sign(&self.secret, body);
        Request::new("POST", &self.path()).header("X-SMCCSDK-SIGNATURE", &signature).body("application/json", body)
    }

    /// Posts an action, signed.
    #[track_caller]
    pub fn post(&self, action: &str, params: &Value) -> Answer {
        self.request(action, params).send(self.address).expect("the Send API answers")
    }

    /// Posts an action that must be taken.
    #[track_caller]
    pub fn tells(&self, action: &str, params: &Value) {
        let answer = self.post(action, params);
        assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{action} {params}");
    }

    /// The same source at another node.
    pub fn at(&self, server: &Server) -> Source {
        Source { address: server.address(), ..self.clone() }
    }

    /// A message's parameters.
    pub fn message(&self, message_id: &str, thread: &str, author: &str, text: &str) -> Value {
        json!({
            "id": message_id, "thread_id": thread, "body": text, "format": "text",
            "author": { "id": author, "screenname": author, "created_at": "2026-01-15" },
        })
    }

    /// The parameters of a message of Vera's with which the channel lets everything be done.
    pub fn public_message(&self, message_id: &str, thread: &str) -> Value {
        let mut message = self.message(message_id, thread, "vera", "For all to see");
        message["actions"] = json!(["publish", "unpublish", "delete", "warn"]);
        message
    }

    /// Waits until its channel has told what it can do.
    #[track_caller]
    pub fn has_described_itself(&self, otto: &Person) {
        let target = format!("/1.0/content_sources/{}?extended=true", self.id);
        crate::eventually("the channel has told what it can do", || {
            otto.get(&target).ok()["implementation"].is_object().then_some(())
        });
    }

    /// An author writes a message into a thread; returns the message's foreign id.
    #[track_caller]
    pub fn says(&self, author: &str, thread: &str, text: &str) -> String {
        let message_id = unique("message-");
        self.tells("messages.create", &self.message(&message_id, thread, author, text));
        message_id
    }

    /// Makes an identity that agents write as.
    #[track_caller]
    pub fn has_voice(&self, author: &str) {
        self.tells(
            "users.create",
            &json!({ "id": author, "screenname": author, "created_at": "2026-01-15", "puppetizable": true }),
        );
    }

    /// Its threads with this foreign id, as somebody sees them.
    #[track_caller]
    pub fn threads(&self, reader: &Person, foreign_id: &str) -> Vec<Value> {
        let page = reader.search("/1.0/content_threads", &format!("source:{} foreign:\"{foreign_id}\"", self.id));
        records(&page).to_vec()
    }

    /// Its only thread with this foreign id.
    #[track_caller]
    pub fn thread(&self, reader: &Person, foreign_id: &str) -> Value {
        let mut threads = self.threads(reader, foreign_id);
        assert_eq!(threads.len(), 1, "threads {foreign_id}");
        threads.remove(0)
    }

    /// The contents of its thread with this foreign id, oldest first.
    #[track_caller]
    pub fn contents(&self, reader: &Person, thread: &str) -> Vec<Value> {
        let thread_id = id(&self.thread(reader, thread));
        records(&reader.search("/1.0/contents", &format!("thread:{thread_id} order:created_at.asc"))).to_vec()
    }

    /// Everything on it, oldest first: at most 150 contents.
    #[track_caller]
    pub fn all_contents(&self, reader: &Person) -> Vec<Value> {
        let q = encode(&format!("source:{} order:created_at.asc", self.id));
        records(&reader.get(&format!("/1.0/contents?limit=150&q={q}")).ok()).to_vec()
    }

    /// The source as its administrator sees it.
    #[track_caller]
    pub fn shown(&self, reader: &Person) -> Value {
        reader.get(&format!("/1.0/content_sources/{}", self.id)).ok()
    }
}

/// A server with the example conversations, and everybody who works there.
pub struct Cast {
    /// The server.
    pub server: Server,
    /// Administrates.
    pub otto: Person,
    /// May read, answer and write first on the example source, and nothing on any other.
    pub ada: Person,
    /// May read and answer on the example source.
    pub bo: Person,
    /// May only read the example source.
    pub rita: Person,
    /// The source of the example conversations. Its own channel answers nobody.
    pub shop: Source,
}

impl Cast {
    /// Starts a server for one story, with these flags beside the usual ones.
    pub fn start(engine: Engine, flags: &[&str]) -> Cast {
        Cast::at(Server::start(engine, &[&["--demo"], flags].concat()))
    }

    /// The cast at a server that was started with `--demo`.
    pub fn at(server: Server) -> Cast {
        let otto = Person::with_token(&server, server.token());
        let worker = |name: &str| {
            let email = format!("{name}@frontdesk.local");
            let found = otto.get(&format!("/1.0/users?email={email}")).ok();
            let user = records(&found).first().unwrap_or_else(|| panic!("there is no {email}")).clone();
            let token = json!({ "label": unique(name), "user_id": user["id"] });
            let token = otto.post("/1.0/access_tokens", &token).ok();
            Person {
                address: server.address(),
                token: token["token"].as_str().expect("a token").into(),
                user_id: id(&user),
            }
        };
        let (ada, bo, rita) = (worker("ada"), worker("bo"), worker("rita"));
        let sources = otto.get("/1.0/content_sources?extended=true").ok();
        let shop = Source::shown_as(&otto, &records(&sources)[0]);
        Cast { server, otto, ada, bo, rita, shop }
    }

    /// The server that stories share when they do not disturb each other. Every story makes its own sources.
    pub fn shared(engine: Engine) -> SharedCast {
        static CASTS: [OnceLock<Cast>; 2] = [OnceLock::new(), OnceLock::new()];
        SharedCast(CASTS[engine as usize].get_or_init(|| Cast::start(engine, &[])))
    }

    /// Somebody new, in a role of their own with these permissions, and their token.
    #[track_caller]
    pub fn hire(&self, permissions: &[&str]) -> Person {
        let mut role = json!({ "label": unique("Role ") });
        for permission in permissions {
            role[*permission] = true.into();
        }
        let role = self.otto.post("/1.0/roles", &role).ok();
        self.hire_as(&id(&role))
    }

    /// Somebody new in a role, and their token.
    #[track_caller]
    pub fn hire_as(&self, role_id: &str) -> Person {
        let name = unique("mallory");
        let user = json!({
            "email": format!("{name}@frontdesk.local"), "firstname": "Mallory", "lastname": name, "role_id": role_id,
            "no_password": true,
        });
        let user = self.otto.post("/1.0/users", &user).ok();
        let token = json!({ "label": name, "user_id": user["id"] });
        let token = self.otto.post("/1.0/access_tokens", &token).ok();
        let token = token["token"].as_str().expect("a token").into();
        Person { address: self.server.address(), token, user_id: id(&user) }
    }

    /// A new source, with a channel that answers.
    pub fn new_source(&self) -> (Source, FakeChannel) {
        let channel = FakeChannel::start();
        let source = Source::create(&self.otto, &channel.base_uri(), &json!({}));
        source.has_voice("desk");
        (source, channel)
    }

    /// Points the example source at a channel for as long as the guard lives: one story at a time.
    pub fn borrow_shop(&self) -> Borrowed<'_> {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let channel = FakeChannel::start();
        let path = format!("/1.0/content_sources/{}", self.shop.id);
        self.otto.put(&path, &json!({ "base_uri": channel.base_uri() })).ok();
        Borrowed { shop: &self.shop, channel, _turn: turn }
    }
}

/// The example source with a channel that answers.
pub struct Borrowed<'c> {
    /// The source.
    pub shop: &'c Source,
    /// Its channel.
    pub channel: FakeChannel,
    _turn: std::sync::MutexGuard<'static, ()>,
}

/// One story's use of the shared server: looks through the log when the story ends.
pub struct SharedCast(&'static Cast);

impl std::ops::Deref for SharedCast {
    type Target = Cast;

    fn deref(&self) -> &Cast {
        self.0
    }
}

impl Drop for SharedCast {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.server.look_through_the_log();
        }
    }
}

/// A customer's text that must never be seen in a log.
pub fn secret_text(text: &str) -> String {
    format!("{text} {CANARY}")
}
