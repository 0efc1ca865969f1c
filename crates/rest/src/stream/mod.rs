//! Streams: answers without an end, as server-sent events or over a WebSocket. This is the transport: framing,
//! heartbeats, limits, readers that do not read. What is told comes from a [`Feed`].
//!
//! A stream pulls: nothing is made for a reader before the last of theirs is on its way. So a reader that is slow costs
//! no memory; it falls behind in the log, and goes on from there.

mod sse;
mod websocket;

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::http::header::UPGRADE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Response};
use frontdesk_model::addresses::one_customer;
use frontdesk_model::{Caller, Error, Id, Refusal, Result, error};
use frontdesk_store::Tx;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, Interval, MissedTickBehavior};

use crate::serve::Server;
use crate::{ClientAddress, Credential};

pub use axum::extract::ws::Utf8Bytes as Text;

/// Streams at once, unless the operator sets another number.
pub const STREAMS_MAX: u32 = 5_000;
/// Streams at once with one token.
pub const STREAMS_PER_TOKEN_MAX: u32 = 100;
/// A reader hears at least this often where the stream is.
pub const HEARTBEAT_SECONDS: u64 = 15;
/// What a WebSocket's reader is sent must leave within this time.
pub const SEND_SECONDS_MAX: u64 = 20;

/// How long streams wait for their readers. An operator sets it for proxies that cut what is silent.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// See [`HEARTBEAT_SECONDS`].
    pub heartbeat: Duration,
    /// See [`SEND_SECONDS_MAX`].
    pub send: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { heartbeat: Duration::from_secs(HEARTBEAT_SECONDS), send: Duration::from_secs(SEND_SECONDS_MAX) }
    }
}

impl Patience {
    /// A WebSocket's reader who has not answered a ping for this long is gone: 40 seconds, where a heartbeat comes every
    /// 15.
    fn silence(self) -> Duration {
        self.heartbeat * 8 / 3
    }
}

/// A reader who is over a limit may try again after this many seconds.
const RETRY_SECONDS: u64 = 30;
/// By this header a browser says which message it saw last.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// One message, ready to be sent.
#[derive(Clone, Debug)]
pub struct Message {
    /// Its place: whoever has seen it goes on after this number.
    pub seq: i64,
    /// JSON on one line.
    pub text: Text,
}

/// A piece of work that gives messages.
pub type Coming<'f> = Pin<Box<dyn Future<Output = Result<Vec<Message>>> + Send + 'f>>;

/// What a stream tells.
pub trait Feed: Send + 'static {
    /// The next messages, in order, as soon as there are some; few enough to be held in memory for one reader. A failure
    /// ends the stream. Dropping the work loses nothing.
    fn next(&mut self) -> Coming<'_>;

    /// The last place that was passed, told or not: whoever has seen what was told goes on after this number.
    fn passed(&self) -> i64;
}

/// Who reads a stream. Streams are long and rights change: a feed asks again when they may have.
#[derive(Clone)]
pub struct Reader {
    pub(crate) server: Arc<Server>,
    pub(crate) operation: usize,
    pub(crate) credential: Credential,
    pub(crate) impersonated_user_id: Option<Box<str>>,
}

impl Reader {
    /// The caller with their present rights; refused as their requests now would be.
    pub fn caller(&self, tx: &mut dyn Tx) -> Result<Caller> {
        self.server.caller(self.operation, tx, &self.credential, self.impersonated_user_id.as_deref())
    }
}

/// How a stream travels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Transport {
    ServerSentEvents,
    WebSocket,
}

impl Transport {
    /// A WebSocket for whoever asks to upgrade to one.
    pub(crate) fn of(headers: &HeaderMap) -> Transport {
        let asked = headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"));
        if asked { Transport::WebSocket } else { Transport::ServerSentEvents }
    }
}

/// The place after which a browser goes on that has lost its connection. It comes with the address of before, so it wins
/// over the parameter `after`.
pub(crate) fn last_event_id(headers: &HeaderMap) -> Result<Option<String>> {
    let Some(value) = headers.get(LAST_EVENT_ID).filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.to_str().map_err(|_| error::bad_request("Last-Event-ID: must be a number."))?;
    Ok(Some(text.to_owned()))
}

/// All streams of one server: their limits, and when they are to end.
pub struct Streams {
    streams_max: u32,
    patience: Patience,
    closing: watch::Receiver<bool>,
    open: Mutex<Open>,
    figures: [AtomicI64; 2],
    messages: AtomicU64,
    cut: AtomicU64,
}

/// One of so many places is kept for readers whom a token or a session has let in: visitors, who need none, have the others.
const KEPT_SHARE: u32 = 4;
/// Visitors of one network have at most one of so many places …
const NETWORK_SHARE: u32 = 10;
/// … and always these: an office or a school has one address.
const NETWORK_MIN: u32 = 20;

/// Who wants a place.
#[derive(Clone, Copy)]
enum Who {
    /// Somebody with a token or a session.
    Known,
    /// Anybody: the network that they come from, if it is one customer's.
    Visitor(Option<IpAddr>),
}

#[derive(Default)]
struct Open {
    all: u32,
    visitors: u32,
    visitors_by_network: HashMap<IpAddr, u32>,
    /// By a number that stands for the token.
    by_token: HashMap<u64, u32>,
}

/// What streams do, for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamFigures {
    /// Open as server-sent events.
    pub server_sent_events: i64,
    /// Open over a WebSocket.
    pub websockets: i64,
    /// Messages sent so far.
    pub messages: u64,
    /// WebSockets whose readers did not read or answer, so far.
    pub cut: u64,
}

impl Streams {
    /// At most `streams_max` at once; all of them end when `closing` becomes true.
    pub fn new(streams_max: u32, patience: Patience, closing: watch::Receiver<bool>) -> Arc<Streams> {
        Arc::new(Streams {
            streams_max,
            patience,
            closing,
            open: Mutex::default(),
            figures: Default::default(),
            messages: AtomicU64::new(0),
            cut: AtomicU64::new(0),
        })
    }

    /// What they do now.
    pub fn figures(&self) -> StreamFigures {
        StreamFigures {
            server_sent_events: self.figures[Transport::ServerSentEvents as usize].load(Relaxed),
            websockets: self.figures[Transport::WebSocket as usize].load(Relaxed),
            messages: self.messages.load(Relaxed),
            cut: self.cut.load(Relaxed),
        }
    }

    /// Answers a visitor with a stream that is no operation's. `key` stands for the reader, who may have `most` at once;
    /// all visitors leave a part of the places to others, and those of one network leave some to all. `protocol` is what is taken of the protocols that a WebSocket offers.
    pub async fn answer(
        self: &Arc<Self>,
        feed: Box<dyn Feed>,
        key: u64,
        most: u32,
        protocol: Option<&'static str>,
        parts: &mut Parts,
        request_id: Id,
    ) -> Result<Response<Body>> {
        let transport = Transport::of(&parts.headers);
        let network = ClientAddress::of(parts).and_then(|client| one_customer(client.0));
        let place = self.enter_at_most(key, most, Who::Visitor(network), transport)?;
        respond(transport, Running::new(feed, place, request_id), protocol, parts).await
    }

    /// A place for one more stream, or 429.
    fn enter(self: &Arc<Self>, token: u64, transport: Transport) -> Result<Place> {
        self.enter_at_most(token, STREAMS_PER_TOKEN_MAX, Who::Known, transport)
    }

    fn enter_at_most(self: &Arc<Self>, token: u64, most: u32, who: Who, transport: Transport) -> Result<Place> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let of_token = open.by_token.get(&token).copied().unwrap_or(0);
        if of_token >= most {
            return Err(too_many(format!("This token has {most} streams open, the most it may have.")));
        }
        if open.all >= self.streams_max {
            return Err(too_many("This server has as many streams open as it may have.".to_owned()));
        }
        if let Who::Visitor(network) = who {
            if open.visitors >= self.streams_max - self.streams_max / KEPT_SHARE {
                return Err(too_many("This server has as many streams of visitors open as it may have.".to_owned()));
            }
            if let Some(network) = network {
                let of_network = open.visitors_by_network.entry(network).or_default();
                if *of_network >= (self.streams_max / NETWORK_SHARE).max(NETWORK_MIN) {
                    return Err(too_many("Your network has as many streams open as it may have.".to_owned()));
                }
                *of_network += 1;
            }
            open.visitors += 1;
        }
        open.all += 1;
        open.by_token.insert(token, of_token + 1);
        self.figures[transport as usize].fetch_add(1, Relaxed);
        Ok(Place { streams: self.clone(), token, who, transport })
    }
}

fn too_many(message: String) -> Error {
    Refusal {
        status: 429,
        code: "too_many_streams".into(),
        message,
        errors: vec![],
        retry_after_seconds: Some(RETRY_SECONDS),
    }
    .into()
}

/// One stream's place among the others; dropped with it.
struct Place {
    streams: Arc<Streams>,
    token: u64,
    who: Who,
    transport: Transport,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.streams.figures[self.transport as usize].fetch_sub(1, Relaxed);
        let mut open = self.streams.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.all -= 1;
        if let Who::Visitor(network) = self.who {
            open.visitors -= 1;
            let of_network =
                network.and_then(|network| open.visitors_by_network.get_mut(&network).map(|n| (network, n)));
            if let Some((network, of_network)) = of_network {
                *of_network -= 1;
                if *of_network == 0 {
                    open.visitors_by_network.remove(&network);
                }
            }
        }
        if let Some(count) = open.by_token.get_mut(&self.token) {
            *count -= 1;
            if *count == 0 {
                open.by_token.remove(&self.token);
                // A map does not shrink by itself, and strangers' tokens never get here.
                if open.by_token.is_empty() {
                    open.by_token = HashMap::new();
                }
            }
        }
    }
}

/// Begins the answer: from here on the feed is told to its reader.
pub(crate) async fn begin(
    streams: &Arc<Streams>,
    feed: Box<dyn Feed>,
    token: u64,
    parts: &mut Parts,
    request_id: Id,
) -> Result<Response<Body>> {
    let transport = Transport::of(&parts.headers);
    let running = Running::new(feed, streams.enter(token, transport)?, request_id);
    respond(transport, running, None, parts).await
}

async fn respond(
    transport: Transport,
    running: Running,
    protocol: Option<&'static str>,
    parts: &mut Parts,
) -> Result<Response<Body>> {
    match transport {
        Transport::ServerSentEvents => Ok(sse::answer(running)),
        Transport::WebSocket => {
            let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
            let upgrade = upgrade.map_err(|reason| error::bad_request(reason.body_text()))?;
            let upgrade = upgrade.protocols(protocol);
            Ok(websocket::answer(upgrade, running))
        }
    }
}

/// What comes next on a stream.
enum Next {
    Messages(Vec<Message>),
    /// Where the stream is.
    Heartbeat(Text),
    /// Why it ends; the last message.
    End(Text),
    /// The server stops: another one, or the same in a moment, goes on.
    Stop,
}

/// A stream under way.
struct Running {
    feed: Box<dyn Feed>,
    place: Place,
    heartbeat: Interval,
    has_begun: bool,
    closing: watch::Receiver<bool>,
    request_id: Id,
}

impl Running {
    fn new(feed: Box<dyn Feed>, place: Place, request_id: Id) -> Running {
        let period = place.streams.patience.heartbeat;
        let mut heartbeat = tokio::time::interval_at(Instant::now() + period, period);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let closing = place.streams.closing.clone();
        Running { feed, place, heartbeat, has_begun: false, closing, request_id }
    }

    /// The first is a heartbeat: it tells where the stream begins. Dropping this loses nothing.
    async fn next(&mut self) -> Next {
        if !std::mem::replace(&mut self.has_begun, true) {
            return Next::Heartbeat(self.beat());
        }
        let told = tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => return Next::Stop,
            _ = self.heartbeat.tick() => None,
            told = self.feed.next() => Some(told),
        };
        match told {
            None => Next::Heartbeat(self.beat()),
            Some(Ok(messages)) => {
                self.place.streams.messages.fetch_add(messages.len() as u64, Relaxed);
                Next::Messages(messages)
            }
            Some(Err(reason)) => Next::End(self.end(&reason)),
        }
    }

    fn beat(&self) -> Text {
        json!({ "type": "heartbeat", "seq": self.feed.passed() }).to_string().into()
    }

    /// Refusals are told; troubles of ours are logged.
    fn end(&self, reason: &Error) -> Text {
        let (code, message) = match reason {
            Error::Refused(refusal) => (refusal.code.as_ref(), refusal.message.as_str()),
            trouble => {
                tracing::error!(request_id = %self.request_id, ?trouble, "a stream failed");
                ("unavailable", "The server cannot go on with this now. Resume in a few seconds.")
            }
        };
        let seq = self.feed.passed();
        json!({ "type": "end", "seq": seq, "error": code, "message": message }).to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_limited_in_all_and_per_token_and_given_back() {
        let (_closing, closed) = watch::channel(false);
        let streams = Streams::new(STREAMS_PER_TOKEN_MAX + 2, Patience::default(), closed);
        let enter = |token| streams.enter(token, Transport::WebSocket);
        let status = |refused: Result<Place>| match refused.err() {
            Some(Error::Refused(refusal)) => (refusal.status, refusal.message),
            other => panic!("{other:?}"),
        };
        let mut mine: Vec<_> = (0..STREAMS_PER_TOKEN_MAX).map(|_| enter(1).unwrap()).collect();
        let (refused, message) = status(enter(1));
        assert!(refused == 429 && message.contains("This token"), "{message}");
        let other = streams.enter(2, Transport::ServerSentEvents).unwrap();
        let _another = enter(3).unwrap();
        let (refused, message) = status(enter(4));
        assert!(refused == 429 && message.contains("This server"), "{message}");
        let figures = streams.figures();
        assert_eq!((figures.server_sent_events, figures.websockets), (1, i64::from(STREAMS_PER_TOKEN_MAX) + 1));
        drop(other);
        mine.pop();
        assert!(enter(1).is_ok() && enter(4).is_ok());
        drop(mine);
        drop(_another);
        let open = streams.open.lock().unwrap();
        assert!(open.all == 0 && open.by_token.is_empty());
    }

    #[test]
    fn visitors_leave_places_to_who_signed_in_and_a_network_leaves_some_to_other_visitors() {
        let (_closing, closed) = watch::channel(false);
        let streams = Streams::new(100, Patience::default(), closed);
        let network = |number: u8| Some(IpAddr::from([192, 0, 2, number]));
        let visit = |key, network| streams.enter_at_most(key, 5, Who::Visitor(network), Transport::WebSocket);
        let said = |refused: Result<Place>| match refused.err() {
            Some(Error::Refused(refusal)) => (refusal.status, refusal.message),
            other => panic!("{other:?}"),
        };
        let mut visitors: Vec<_> = (0..20).map(|key| visit(key, network(1)).unwrap()).collect();
        let (status, message) = said(visit(20, network(1)));
        assert!(status == 429 && message.contains("Your network"), "{message}");
        visitors.extend((0..20).map(|key| visit(100 + key, network(2)).unwrap()));
        // Behind a proxy that nobody named everybody seems to be one.
        visitors.extend((0..35).map(|key| visit(200 + key, None).unwrap()));
        let (status, message) = said(visit(300, network(3)));
        assert!(status == 429 && message.contains("of visitors"), "{message}");
        let known: Vec<_> = (0..25).map(|key| streams.enter(400 + key, Transport::WebSocket).unwrap()).collect();
        assert!(streams.enter(500, Transport::WebSocket).is_err());
        drop(known);
        visitors.remove(0);
        assert!(visit(20, network(1)).is_ok());
        drop(visitors);
        let open = streams.open.lock().unwrap();
        assert!(open.all == 0 && open.visitors == 0 && open.visitors_by_network.is_empty());
    }
}
