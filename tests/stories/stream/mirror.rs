//! A state rebuilt from an interrupted stream equals a fresh fetch (P11).
//!
//! The mirror does what a screen does: it fetches what an event is about, when the event comes. So it is right in the
//! end only if every change is told, in time, to a reader whose connections break, whose server is killed, and who may
//! find that a part of the log has gone.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Connection, Request};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::random::Random;
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, FakeChannel, Heard, Reply, SOON, Source, Stream, TRANSPORTS, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_state_rebuilt_from_an_interrupted_stream_is_what_a_fetch_shows,
    many_readers_who_lose_their_connections_miss_nothing,
];

/// What happens while the stream is interrupted.
const COMMANDS: usize = 25;
/// So often the mirror is compared: the fewer commands lie between, the less a later one can make good what was missed.
const ROUNDS: usize = 10;
/// At least so often in a round.
const INTERRUPTIONS_MIN: usize = 3;
const THREADS_MAX: usize = 12;

/// Sends with a token; none when the server is away.
struct Api {
    address: SocketAddr,
    token: String,
    connection: Option<Connection>,
}

impl Api {
    fn new(cast: &Cast) -> Api {
        Api { address: cast.server.address(), token: cast.otto.token.clone(), connection: None }
    }

    fn send(&mut self, request: Request) -> Option<(u16, Value)> {
        self.raw(request.token(&self.token))
            .map(|(status, body)| (status, serde_json::from_slice(&body).expect("JSON")))
    }

    fn raw(&mut self, request: Request) -> Option<(u16, Vec<u8>)> {
        let mut connection = self.connection.take().or_else(|| Connection::open(self.address).ok())?;
        let answer = connection.send(&request).ok()?;
        self.connection = Some(connection);
        assert!(answer.status < 500 || answer.status == 503, "{request:?}: {}", answer.text());
        Some((answer.status, answer.body))
    }

    fn get(&mut self, target: &str) -> Option<Value> {
        match self.send(Request::new("GET", target))? {
            (200, page) => Some(page),
            (404, _) => Some(Value::Null),
            (status, body) => panic!("{target}: {status} {body}"),
        }
    }

    /// A thread with all that is in it; null when it is not there. None when the server is away.
    fn thread(&mut self, thread_id: &str) -> Option<Value> {
        let thread = self.get(&format!("/1.0/content_threads/{thread_id}"))?;
        if thread.is_null() {
            return Some(thread);
        }
        let contents = self.get(&format!("/1.0/contents?limit=150&q=thread:{thread_id}%20order:created_at.asc"))?;
        let interventions = self.get(&format!("/1.0/interventions?limit=150&thread_id={thread_id}"))?;
        Some(json!({ "thread": thread, "contents": contents, "interventions": interventions }))
    }

    fn thread_ids(&mut self, source: &Source) -> Option<Vec<String>> {
        let page = self.get(&format!("/1.0/content_threads?limit=150&q=source:{}", source.id))?;
        Some(records(&page).iter().map(id).collect())
    }
}

/// What a reader knows.
struct Mirror {
    api: Api,
    source: Source,
    threads: BTreeMap<String, Value>,
    /// What is still to be fetched.
    stale: BTreeSet<String>,
    events: BTreeSet<String>,
    after: i64,
    resyncs: usize,
}

impl Mirror {
    fn take(&mut self, message: &Value) {
        let seq = message["seq"].as_i64().expect("a place");
        assert!(seq >= self.after, "{message} after {}", self.after);
        let before = std::mem::replace(&mut self.after, seq);
        match message["type"].as_str().expect("a type") {
            "heartbeat" => {}
            "resync" => {
                self.resyncs += 1;
                self.start_over();
            }
            "end" => panic!("{message}"),
            _ => {
                assert!(self.events.insert(id(message)), "told twice: {message}");
                // Otto may see everything.
                assert_eq!(seq, before + 1, "told after {before}: {message}");
                let resource = &message["resource"];
                let thread = if resource["type"] == "content_thread" {
                    &resource["id"]
                } else {
                    &resource["metadata"]["thread_id"]
                };
                self.stale.extend(thread.as_str().map(str::to_owned));
            }
        }
        self.refresh();
    }

    /// What `resync` asks for. The server may be away in the meantime.
    fn start_over(&mut self) {
        let listed = eventually("the server is there", || self.api.thread_ids(&self.source));
        self.stale = self.threads.keys().cloned().chain(listed).collect();
    }

    fn refresh(&mut self) {
        while let Some(thread_id) = self.stale.first().cloned() {
            let Some(fetched) = self.api.thread(&thread_id) else { return };
            // Of other sources, where other events come from, nothing is kept.
            if fetched.is_null() || fetched["thread"]["source_id"] != self.source.id.as_str() {
                self.threads.remove(&thread_id);
            } else {
                self.threads.insert(thread_id.clone(), fetched);
            }
            self.stale.remove(&thread_id);
        }
    }
}

/// Somebody works meanwhile.
struct Walk {
    api: Api,
    source: Source,
    random: Random,
    category: String,
}

impl Walk {
    /// A request that may come too early, too late, or to a server that is away: what becomes of it is not asked.
    fn run(&mut self) {
        for number in 0..COMMANDS {
            let request = if self.random.below(3) == 0 { Some(self.message(number)) } else { self.work() };
            let Some(request) = request else {
                std::thread::sleep(Duration::from_millis(10));
                continue;
            };
            match request.headers.iter().any(|(name, _)| name == "X-SMCCSDK-SIGNATURE") {
                true => drop(self.api.raw(request)),
                false => drop(self.api.send(request)),
            }
            std::thread::sleep(Duration::from_millis(self.random.below(25) as u64));
        }
    }

    fn message(&mut self, number: usize) -> Request {
        let (thread, author) = (self.random.below(THREADS_MAX), self.random.below(5));
        let text = format!("message {number}");
        let message = self.source.message(&unique("said-"), &format!("t{thread}"), &format!("vera {author}"), &text);
        self.source.request("messages.create", &message)
    }

    fn work(&mut self) -> Option<Request> {
        let threads = self.api.thread_ids(&self.source)?;
        if threads.is_empty() {
            return None;
        }
        let thread_id = self.random.pick(&threads).clone();
        let known = self.api.thread(&thread_id).filter(|thread| !thread.is_null())?;
        let of_thread = |verb: &str| Request::new("PUT", &format!("/1.0/content_threads/{thread_id}/{verb}"));
        let categories =
            json!({ "category_ids": if self.random.below(2) == 0 { vec![] } else { vec![&self.category] } });
        match self.random.below(20) {
            0 => return Some(of_thread("close")),
            1 => return Some(of_thread("open")),
            2 => return Some(of_thread("update_categories").json(&categories)),
            3 => return Some(of_thread("ignore")),
            4 => return Some(of_thread(if self.random.below(2) == 0 { "mute" } else { "unmute" })),
            5 => return Some(Request::new("DELETE", &format!("/1.0/content_threads/{thread_id}"))),
            _ => {}
        }
        let interventions = records(&known["interventions"]);
        if !interventions.is_empty() && self.random.below(2) == 0 {
            let intervention_id = id(self.random.pick(interventions));
            let of_it = |verb: &str| Request::new("PUT", &format!("/1.0/interventions/{intervention_id}/{verb}"));
            return Some(match self.random.below(6) {
                0 => of_it("close"),
                1 => of_it("update_categories").json(&categories),
                2 => of_it("defer").json(&json!({ "until_next_message": true })),
                3 => of_it("reactivate"),
                4 => Request::new("DELETE", &format!("/1.0/interventions/{intervention_id}/cancel")),
                _ => of_it("reassign").json(&json!({ "user_id": Value::Null })),
            });
        }
        let content_id = id(self.random.pick(records(&known["contents"])));
        let of_it = |verb: &str| Request::new("PUT", &format!("/1.0/contents/{content_id}/{verb}"));
        Some(match self.random.below(7) {
            0 => of_it("ignore"),
            1 => of_it("update_categories").json(&categories),
            2 => of_it("anonymize"),
            3 => Request::new("POST", "/1.0/interventions").json(&json!({ "content_id": content_id })),
            _ => {
                Request::new("POST", "/1.0/contents").json(&json!({ "in_reply_to_id": content_id, "body": "Good day" }))
            }
        })
    }
}

/// The reader's connection, and what happens to it.
struct Reading {
    stream: Option<Stream>,
    random: Random,
    interruptions: usize,
}

impl Reading {
    /// Hears a few messages, from a stream that goes on where the last one was.
    fn read(&mut self, mirror: &mut Mirror) {
        let Some(stream) = &mut self.stream else {
            let (token, query) = (format!("Bearer {}", mirror.api.token), format!("after={}", mirror.after));
            let headers = [("Authorization", token.as_str())];
            let opened = Stream::open(mirror.api.address, *self.random.pick(&TRANSPORTS), &query, &headers);
            self.stream = opened.ok().map(|opened| opened.unwrap_or_else(|refusal| panic!("{}", refusal.text())));
            return;
        };
        for _ in 0..self.random.below(8) {
            match stream.hear(Duration::from_millis(self.random.below(15) as u64 + 1)) {
                Heard::Message(message) => mirror.take(&message),
                Heard::Silence => break,
                Heard::Closed(_) => {
                    self.stream = None;
                    return;
                }
            }
        }
    }

    /// Reads on until the mirror shows what a fresh fetch shows.
    fn become_current(&mut self, mirror: &mut Mirror) {
        let mut fresh = Api { connection: None, token: mirror.api.token.clone(), ..mirror.api };
        let started = Instant::now();
        loop {
            self.read(mirror);
            let ids = fresh.thread_ids(&mirror.source).expect("the server is there");
            let thread = |id: String| {
                let thread = fresh.thread(&id).expect("the server is there");
                (id, thread)
            };
            let fetched: BTreeMap<String, Value> = ids.into_iter().map(thread).collect();
            if fetched == mirror.threads {
                return;
            }
            let differs = |id: &&String| fetched.get(*id) != mirror.threads.get(*id);
            let apart: Vec<&String> = fetched.keys().chain(mirror.threads.keys()).filter(differs).collect();
            assert!(
                started.elapsed() < SOON,
                "{apart:?}: {:?} is shown and {:?} is there",
                mirror.threads.get(apart[0]).map(Value::to_string),
                fetched.get(apart[0]).map(Value::to_string)
            );
        }
    }

    /// Every second round the first interruption is a kill.
    fn interrupt(&mut self, cast: &mut Cast, round: usize) {
        match self.random.below(20) {
            0 if round.is_multiple_of(2) && self.interruptions == 0 => {
                cast.server.kill();
                cast.server.restart();
            }
            0..=2 => self.stream = None,
            _ => return,
        }
        self.interruptions += 1;
    }
}

fn a_state_rebuilt_from_an_interrupted_stream_is_what_a_fetch_shows(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let channel = FakeChannel::start();
    channel.answer(|_| Reply::json(&json!({ "id": unique("pushed-") })));
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({}));
    source.has_voice("desk");
    let category = id(&cast.otto.create_category(&json!({})));
    let mut mirror = Mirror {
        api: Api::new(&cast),
        source: source.clone(),
        threads: BTreeMap::new(),
        stale: BTreeSet::new(),
        events: BTreeSet::new(),
        after: cast.otto.stream(TRANSPORTS[0], "").heartbeat(),
        resyncs: 0,
    };
    let mut walk = Walk { api: Api::new(&cast), source: source.clone(), random: Random::new(7), category };
    let mut reading = Reading { stream: None, random: Random::new(11), interruptions: 0 };
    for round in 0..ROUNDS {
        let done = AtomicBool::new(false);
        reading.interruptions = 0;
        std::thread::scope(|scope| {
            scope.spawn(|| {
                walk.run();
                done.store(true, Ordering::SeqCst);
            });
            while !done.load(Ordering::SeqCst) || reading.interruptions < INTERRUPTIONS_MIN {
                reading.read(&mut mirror);
                reading.interrupt(&mut cast, round);
            }
        });
        reading.become_current(&mut mirror);
    }
    assert_eq!(mirror.resyncs, 0);
    assert!(mirror.threads.len() > 3, "{}", mirror.threads.len());
    assert!(mirror.events.len() > ROUNDS * COMMANDS / 2, "{}", mirror.events.len());

    // Nobody reads for so long that the log forgets what came meanwhile.
    reading.stream = None;
    let thread = unique("thread-");
    source.says("Vera", &thread, "Is anybody there?");
    let first = id(&source.contents(&cast.otto, &thread)[0]);
    cast.otto.reply(&first, "Not yet.");
    let end = cast.otto.stream(TRANSPORTS[0], "").heartbeat();
    assert!(end > mirror.after);
    cast.server.stop();
    cast.server.sql(&format!("DELETE FROM log WHERE seq <= {}", end - 1));
    cast.server.restart();
    reading.become_current(&mut mirror);
    assert_eq!(mirror.resyncs, 1);
}

fn many_readers_who_lose_their_connections_miss_nothing(engine: Engine) {
    const READERS: u64 = 20;
    const WRITERS: usize = 4;
    const MESSAGES: usize = 100;
    const LOSSES: usize = 10;
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let began = cast.otto.stream(TRANSPORTS[0], "").heartbeat();
    let written = AtomicBool::new(false);
    let read = |number: u64| {
        let (mut random, mut losses, mut passed, mut texts) = (Random::new(number), 0, began, BTreeSet::new());
        let mut stream = cast.otto.stream(*random.pick(&TRANSPORTS), &format!("after={passed}"));
        loop {
            let is_over = written.load(Ordering::SeqCst) && losses >= LOSSES;
            match stream.next(Duration::from_millis(50)) {
                Heard::Message(message) => {
                    assert_eq!(message["seq"], passed + 1, "{message}");
                    passed += 1;
                    if message["type"] == "content.imported" {
                        texts.insert(message["resource"]["metadata"]["body"].to_string());
                    }
                }
                Heard::Silence if is_over && texts.len() == WRITERS * MESSAGES => return texts,
                Heard::Silence => {}
                Heard::Closed(_) => panic!("closed after {passed}"),
            }
            if random.below(30) == 0 || (written.load(Ordering::SeqCst) && losses < LOSSES) {
                losses += 1;
                stream = cast.otto.stream(*random.pick(&TRANSPORTS), &format!("after={passed}"));
            }
        }
    };
    let write = |number: usize| {
        let thread = unique("thread-");
        for message in 0..MESSAGES {
            source.says("Vera", &thread, &format!("{number}: {message}"));
        }
    };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..READERS).map(|number| scope.spawn(move || read(number))).collect();
        let writers: Vec<_> = (0..WRITERS).map(|number| scope.spawn(move || write(number))).collect();
        writers.into_iter().for_each(|writer| writer.join().expect("a writer"));
        written.store(true, Ordering::SeqCst);
        readers.into_iter().for_each(|reader| assert_eq!(reader.join().expect("a reader").len(), WRITERS * MESSAGES));
    });
}

/// What another node commits is told as well: no node says anything to another, so each looks.
#[test]
fn a_stream_of_one_node_tells_of_what_another_commits() {
    let cast = Cast::start(Engine::Postgres, &[]);
    let key = cast.server.data().join("secret.key");
    let flags = ["--secret-key-file", key.to_str().expect("a path")];
    let launch = Launch::new(Engine::Postgres).database(cast.server.database_url().map(str::to_owned));
    let other = launch.with(&flags).start();
    for transport in TRANSPORTS {
        let token = format!("Bearer {}", cast.otto.token);
        let headers = [("Authorization", token.as_str())];
        let query = "types[]=content.imported";
        let mut stream = Stream::open(other.address(), transport, query, &headers).unwrap().expect("a stream");
        let began = stream.heartbeat();
        cast.shop.says("Vera", &unique("thread-"), "From one node to the other");
        let told = stream.event();
        assert_eq!(told["resource"]["metadata"]["body"], "From one node to the other");
        // A reader who moves to the node that is behind is not taken for one from another server.
        cast.shop.says("Vera", &unique("thread-"), "Once more");
        let place = cast.otto.stream(transport, "").heartbeat();
        assert!(place > began);
        let query = format!("{query}&after={place}");
        let mut moved = Stream::open(other.address(), transport, &query, &headers).unwrap().expect("a stream");
        assert_eq!(moved.heartbeat(), place);
        cast.shop.says("Vera", &unique("thread-"), "And after that");
        assert_eq!(moved.event()["resource"]["metadata"]["body"], "And after that");
    }
}
