//! A third party's server: it takes what Frontdesk pushes, writes everything down, and answers as it is told.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::cast::unique;
use crate::signature::sign;

/// One request that the channel received.
#[derive(Clone, Debug)]
pub struct Push {
    /// Its number, from 0.
    pub number: usize,
    /// Method, such as `POST`.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// Headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// When it had arrived.
    pub at: Instant,
}

impl Push {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// The parameters of the action.
    pub fn params(&self) -> Value {
        self.json()["params"].clone()
    }

    /// The action, such as `messages.create`.
    pub fn action(&self) -> String {
        self.json()["action"].as_str().unwrap_or("").to_owned()
    }

    /// The text of the content that was pushed.
    pub fn text(&self) -> String {
        self.params()["body"].as_str().unwrap_or("").to_owned()
    }

    /// Whether the signature is that of the body with this secret.
    pub fn is_signed_by(&self, secret: &str) -> bool {
        self.header("X-SMCCSDK-SIGNATURE") == Some(&sign(secret, &self.body))
    }
}

/// What the channel answers.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The HTTP status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// How long it takes to answer.
    pub delay: Duration,
    /// The signature that is sent with it.
    pub signature: Option<String>,
    /// Seconds after which it wants to be asked again.
    pub retry_after: Option<u64>,
}

impl Reply {
    /// 200 with this JSON.
    pub fn json(body: &Value) -> Reply {
        Reply { status: 200, body: body.to_string().into(), delay: Duration::ZERO, signature: None, retry_after: None }
    }

    /// A status with this text.
    pub fn status(status: u16, body: &str) -> Reply {
        Reply { status, body: body.into(), delay: Duration::ZERO, signature: None, retry_after: None }
    }

    /// The same with a signature.
    pub fn signed(self, secret: &str) -> Reply {
        Reply { signature: Some(sign(secret, &self.body)), ..self }
    }

    /// The same, which wants to be asked again after so many seconds.
    pub fn retry_after(self, seconds: u64) -> Reply {
        Reply { retry_after: Some(seconds), ..self }
    }

    /// The same, later.
    pub fn after(self, delay: Duration) -> Reply {
        Reply { delay, ..self }
    }
}

type Script = Box<dyn Fn(&Push) -> Reply + Send + Sync>;

/// Bodies as they were written, and files.
const TAKES_ALL: [&str; 9] = [
    "messages.text",
    "messages.html",
    "messages.attachments",
    "private_messages.text",
    "private_messages.html",
    "private_messages.attachments",
    "threads.text",
    "threads.html",
    "threads.attachments",
];

struct Shared {
    pushes: Mutex<Vec<Push>>,
    script: Mutex<Arc<Script>>,
    /// What a webhook's challenge is answered with; none: as it should be.
    refusal: Mutex<Option<Reply>>,
    /// What it says of itself.
    info: Mutex<Reply>,
    /// How often it was asked what it can do, and for lists.
    asked: Mutex<Vec<Push>>,
    files: Mutex<HashMap<String, (String, Vec<u8>)>>,
    received: AtomicUsize,
    stopped: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A channel's server on a port of its own.
pub struct FakeChannel {
    address: SocketAddr,
    /// Another for each: ports come back, and a webhook's URL is its owner's once.
    hook: String,
    shared: Arc<Shared>,
}

impl FakeChannel {
    /// A channel that takes everything and answers an id of its own, `foreign-` and the number of the request.
    pub fn start() -> FakeChannel {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let script: Script = Box::new(|push| Reply::json(&json!({ "id": format!("foreign-{}", push.number) })));
        let shared = Arc::new(Shared {
            pushes: Mutex::default(),
            script: Mutex::new(Arc::new(script)),
            refusal: Mutex::default(),
            info: Mutex::new(Reply::json(&json!({
                "objects": { "messages": ["create", "show", "publish", "unpublish", "delete", "warn"] }, "options": TAKES_ALL
            }))),
            asked: Mutex::default(),
            files: Mutex::default(),
            received: AtomicUsize::new(0),
            stopped: AtomicBool::new(false),
        });
        let accepting = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.stopped.load(Ordering::SeqCst) {
                    return;
                }
                let shared = accepting.clone();
                if let Ok(stream) = stream {
                    std::thread::spawn(move || serve(&shared, stream));
                }
            }
        });
        FakeChannel { address, hook: unique("hook-"), shared }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its address for the setting `base_uri`.
    pub fn base_uri(&self) -> String {
        format!("http://{}/sdk", self.address)
    }

    /// Answers as this says from now on.
    pub fn answer(&self, script: impl Fn(&Push) -> Reply + Send + Sync + 'static) {
        *lock(&self.shared.script) = Arc::new(Box::new(script));
    }

    /// Says this of itself from now on, when it is asked for `implementation.info`. At first it has no lists.
    pub fn describe(&self, info: Reply) {
        *lock(&self.shared.info) = info;
    }

    /// Every question so far, for `implementation.info` or a list.
    pub fn asked(&self) -> Vec<Push> {
        lock(&self.shared.asked).clone()
    }

    /// Its address as a webhook's receiver.
    pub fn hook_url(&self) -> String {
        format!("http://{}/{}", self.address, self.hook)
    }

    /// Answers the challenges of webhooks with this from now on, or as it should.
    pub fn refuse_challenges(&self, reply: Option<Reply>) {
        *lock(&self.shared.refusal) = reply;
    }

    /// The challenges that it was asked.
    pub fn challenges(&self) -> Vec<Push> {
        let all = lock(&self.shared.pushes);
        all.iter().filter(|push| push.target.contains("hub.challenge=")).cloned().collect()
    }

    /// Every event that it was told of, in the order of their arrival.
    pub fn events(&self) -> Vec<Value> {
        self.pushes().iter().flat_map(|push| push.json()["events"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// Every event of this type, once there are `count`.
    #[track_caller]
    pub fn wait_for_events(&self, kind: &str, count: usize) -> Vec<Value> {
        crate::eventually(&format!("{count} events {kind}"), || {
            let found: Vec<Value> = self.events().into_iter().filter(|event| event["type"] == kind).collect();
            (found.len() >= count).then_some(found)
        })
    }

    /// Offers a file for GET requests and returns its address.
    pub fn offer(&self, path: &str, content_type: &str, bytes: &[u8]) -> String {
        lock(&self.shared.files).insert(path.into(), (content_type.into(), bytes.to_vec()));
        format!("http://{}{path}", self.address)
    }

    /// Every request so far that was no GET and no question.
    pub fn pushes(&self) -> Vec<Push> {
        lock(&self.shared.pushes).iter().filter(|push| push.method != "GET").cloned().collect()
    }

    /// The requests after the first `passed`, GETs too: for those who look again and again and need not see all of it.
    pub fn pushes_after(&self, passed: usize) -> Vec<Push> {
        lock(&self.shared.pushes).get(passed..).unwrap_or_default().to_vec()
    }

    /// Every request of any kind, as `GET /path`.
    pub fn touches(&self) -> Vec<String> {
        let (pushes, asked) = (lock(&self.shared.pushes), lock(&self.shared.asked));
        pushes.iter().chain(asked.iter()).map(|push| format!("{} {}", push.method, push.target)).collect()
    }

    /// Those that carry this text, once there are `count`.
    #[track_caller]
    pub fn wait_for_text(&self, text: &str, count: usize) -> Vec<Push> {
        crate::eventually(&format!("{count} pushes of \"{text}\""), || {
            let found: Vec<Push> = self.pushes().into_iter().filter(|push| push.text() == text).collect();
            (found.len() >= count).then_some(found)
        })
    }

    /// The first push that carries this text.
    #[track_caller]
    pub fn push_of(&self, text: &str) -> Push {
        self.wait_for_text(text, 1).remove(0)
    }
}

impl Drop for FakeChannel {
    fn drop(&mut self) {
        self.shared.stopped.store(true, Ordering::SeqCst);
        // Wakes the accepting thread, which then closes the port.
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(shared: &Shared, stream: TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_secs(120)));
    let mut reader = BufReader::new(stream);
    while let Some(push) = read(shared, &mut reader) {
        let reply = match push.method.as_str() {
            "GET" => {
                let file = lock(&shared.files).get(&push.target).cloned();
                match file {
                    Some((kind, bytes)) => (
                        Reply { status: 200, body: bytes, delay: Duration::ZERO, signature: None, retry_after: None },
                        kind,
                    ),
                    None => (challenged(shared, &push), "text/plain".to_owned()),
                }
            }
            _ if push.action() == "implementation.info" => (lock(&shared.info).clone(), "application/json".to_owned()),
            _ => {
                let script = lock(&shared.script).clone();
                (script(&push), "application/json".to_owned())
            }
        };
        let (Reply { status, body, delay, signature, retry_after }, kind) = reply;
        let signature = signature.map(|signature| format!("X-SMCCSDK-SIGNATURE: {signature}\r\n")).unwrap_or_default();
        let again = retry_after.map(|seconds| format!("Retry-After: {seconds}\r\n")).unwrap_or_default();
        std::thread::sleep(delay);
        let length = body.len();
        let head = format!(
            "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\n{signature}{again}Content-Length: {length}\r\n\r\n"
        );
        let stream = reader.get_mut();
        if stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body)).is_err() {
            return;
        }
    }
}

/// The answer to a webhook's challenge.
fn challenged(shared: &Shared, push: &Push) -> Reply {
    let challenge = push.target.split(['?', '&']).find_map(|pair| pair.strip_prefix("hub.challenge="));
    match (challenge, lock(&shared.refusal).clone()) {
        (None, _) => Reply::status(404, "no such file"),
        (Some(_), Some(refusal)) => refusal,
        (Some(challenge), None) => Reply::status(200, challenge),
    }
}

fn read(shared: &Shared, reader: &mut BufReader<TcpStream>) -> Option<Push> {
    let mut line = String::new();
    let mut next_line = |reader: &mut BufReader<TcpStream>| {
        line.clear();
        let read = reader.read_line(&mut line).ok()?;
        (read > 0).then(|| line.trim_end().to_owned())
    };
    let first = next_line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = next_line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    let length = length.and_then(|(_, value)| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let mut push = Push { number: 0, method, target, headers, body, at: Instant::now() };
    let action = push.action();
    if action == "implementation.info" || action.ends_with(".list") {
        let mut asked = lock(&shared.asked);
        push.number = asked.len();
        asked.push(push.clone());
        return Some(push);
    }
    push.number = shared.received.fetch_add(1, Ordering::SeqCst);
    lock(&shared.pushes).push(push.clone());
    Some(push)
}
