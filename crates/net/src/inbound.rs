//! The one listener. It accepts connections itself, because what protects a server from slow and idle clients (a
//! deadline for the first byte and the headers, a cap on connections, limits of HTTP/2) is not in `axum::serve`.
//!
//! Deadlines are kept per connection by one sleeping timer that is moved only when a deadline comes nearer, so that a
//! request on a kept connection touches no timer at all.

mod activity;
mod bodies;
mod places;
mod socket;

use std::convert::Infallible;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::FutureExt;
use http::{HeaderValue, Request, Response, StatusCode, Version, header};
use hyper::body::{Body as _, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use ipnet::IpNet;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use tower::Service;

use activity::{Activity, Busy};
use bodies::{AnswerBody, RequestBody, Unread};
use places::{Entering, Places};
use socket::Socket;

/// Open connections, upgraded ones included; for one more another goes that never made a request, or it is closed at once.
/// One network of the internet has a quarter of them at most.
pub const CONNECTIONS_MAX: u32 = 10_000;
/// From the first byte of a request (on a new connection: from its start) to the end of its headers.
pub const HEADER_READ_SECONDS_MAX: u64 = 10;
/// A kept connection without a request is closed after this long.
pub const IDLE_SECONDS_MAX: u64 = 60;
/// A request's body may pause for this long.
pub const BODY_STALL_SECONDS_MAX: u64 = 30;
/// A client may leave what it is sent unread for this long.
pub const WRITE_STALL_SECONDS_MAX: u64 = 60;
/// Requests under way may take this long to end once shutdown began.
pub const SHUTDOWN_SECONDS_MAX: u64 = 10;
/// Request line and headers of HTTP/1; more is answered with 431.
pub const HTTP1_HEADER_BYTES_MAX: usize = 32 * 1024;
/// Headers of one HTTP/2 request, unpacked.
pub const HTTP2_HEADER_BYTES_MAX: u32 = 16 * 1024;
/// Requests at the same time on one HTTP/2 connection.
pub const HTTP2_STREAMS_MAX: u32 = 100;
/// An HTTP/2 connection is pinged this often, and closed when a ping is not answered for as long again.
pub const HTTP2_PING_SECONDS: u64 = 20;

/// After an error that may last, such as too many open files, accepting pauses for this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Refused connections and accept errors are logged at most this often.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// The limits that an operator or a test may set.
#[derive(Clone, Copy, Debug)]
pub struct InboundLimits {
    /// See [`CONNECTIONS_MAX`].
    pub connections_max: u32,
    /// See [`HEADER_READ_SECONDS_MAX`].
    pub header_read: Duration,
    /// See [`IDLE_SECONDS_MAX`].
    pub idle: Duration,
    /// See [`BODY_STALL_SECONDS_MAX`].
    pub body_stall: Duration,
    /// See [`WRITE_STALL_SECONDS_MAX`].
    pub write_stall: Duration,
    /// See [`SHUTDOWN_SECONDS_MAX`].
    pub shutdown: Duration,
}

impl Default for InboundLimits {
    fn default() -> InboundLimits {
        InboundLimits {
            connections_max: CONNECTIONS_MAX,
            header_read: Duration::from_secs(HEADER_READ_SECONDS_MAX),
            idle: Duration::from_secs(IDLE_SECONDS_MAX),
            body_stall: Duration::from_secs(BODY_STALL_SECONDS_MAX),
            write_stall: Duration::from_secs(WRITE_STALL_SECONDS_MAX),
            shutdown: Duration::from_secs(SHUTDOWN_SECONDS_MAX),
        }
    }
}

/// Who is at the other end of the connection; every request carries it as an extension. IPv4 is never shown as IPv6.
/// Behind a reverse proxy this is the proxy: see [`crate::client_address`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerAddress(pub SocketAddr);

/// How far the end of the server has come.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Stage {
    Running,
    /// Requests under way are finished, no others are taken.
    Draining,
    /// Whatever is left is dropped.
    Over,
}

/// Serves `router` on `listener` until `shutdown` completes; then finishes the requests under way, for at most
/// `limits.shutdown`, and returns. A connection that was upgraded (WebSocket) is waited for as long, but told nothing:
/// its handler should watch for the shutdown itself. A panic in a handler becomes a 500. `proxies`: whose connections are
/// those of everybody, so that no share bounds them; nor does one bound this machine's and private networks'.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: InboundLimits,
    proxies: Vec<IpNet>,
    shutdown: impl Future<Output = ()>,
) {
    let places = Places::new(limits.connections_max, proxies);
    let (stage, stage_seen) = watch::channel(Stage::Running);
    let builder = builder();
    let mut complaints = Complaints::default();
    let mut shutdown = pin!(shutdown);
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.as_mut() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match places.enter(peer.ip()) {
                Ok(entering) => {
                    let connection = Connection { stream, peer, entering, limits, stage: stage_seen.clone() };
                    tokio::spawn(connection.run(builder.clone(), router.clone()));
                }
                Err(why) => complaints.log(why, None),
            },
            // These concern one client that is gone already.
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                complaints.log("connections cannot be accepted", Some(&error));
                tokio::select! {
                    () = shutdown.as_mut() => break,
                    () = tokio::time::sleep(ACCEPT_PAUSE) => {}
                }
            }
        }
    }
    // New clients are refused from here on and go to another node.
    drop(listener);
    stage.send_replace(Stage::Draining);
    if tokio::time::timeout(limits.shutdown, places.all()).await.is_err() {
        tracing::warn!(connections = places.taken(), "connections were cut at the end of the shutdown's deadline");
    }
    stage.send_replace(Stage::Over);
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Our own timer tells idle from half-sent; hyper's would count a kept connection's rest as a slow header.
    builder.http1().header_read_timeout(None).max_buf_size(HTTP1_HEADER_BYTES_MAX);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS_MAX)
        .max_header_list_size(HTTP2_HEADER_BYTES_MAX)
        .keep_alive_interval(Duration::from_secs(HTTP2_PING_SECONDS))
        .keep_alive_timeout(Duration::from_secs(HTTP2_PING_SECONDS));
    builder
}

fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}

/// Logs at a bounded rate, and says how often it kept silent: a flood must not fill the disk as well.
#[derive(Default)]
struct Complaints {
    last: Option<Instant>,
    silent: u64,
}

impl Complaints {
    fn log(&mut self, what: &'static str, error: Option<&io::Error>) {
        if self.last.is_some_and(|last| last.elapsed() < LOG_EVERY) {
            self.silent += 1;
            return;
        }
        tracing::warn!(error = error.map(tracing::field::display), not_logged = self.silent, "{what}");
        *self = Complaints { last: Some(Instant::now()), silent: 0 };
    }
}

struct Connection {
    stream: TcpStream,
    peer: SocketAddr,
    entering: Entering,
    limits: InboundLimits,
    stage: watch::Receiver<Stage>,
}

impl Connection {
    async fn run(self, builder: auto::Builder<TokioExecutor>, router: Router) {
        let Connection { stream, peer, entering, limits, mut stage } = self;
        let Some((place, newcomer)) = entering.place().await else { return };
        // Only a connection that is gone already refuses this.
        let _ = stream.set_nodelay(true);
        let peer = PeerAddress(SocketAddr::new(peer.ip().to_canonical(), peer.port()));
        let activity = Arc::new(Activity::new(&limits));
        let io = TokioIo::new(Socket::new(stream, place, activity.clone(), limits.write_stall));
        let service = service_fn(|request| {
            newcomer.asks();
            answer(router.clone(), request, peer, activity.clone(), limits.body_stall)
        });
        let mut connection = pin!(builder.serve_connection_with_upgrades(io, service));
        let mut alarm = pin!(tokio::time::sleep(limits.header_read));
        let mut ending = false;
        loop {
            let awaited = if ending { Stage::Over } else { Stage::Draining };
            tokio::select! {
                biased;
                result = connection.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(%error, "a connection ended badly");
                    }
                    return;
                }
                () = newcomer.has_to_leave() => return,
                () = activity.overdue(alarm.as_mut()) => {
                    // A half-sent request or an ending that drags on: nothing to wait for.
                    if ending || !activity.is_idle() {
                        return;
                    }
                }
                _ = stage.wait_for(|stage| *stage >= awaited) => {
                    if ending {
                        return;
                    }
                }
            }
            // Idle for too long, or the server ends: this closes HTTP/1 at rest at once, and tells HTTP/2.
            connection.as_mut().graceful_shutdown();
            activity.hurry();
            ending = true;
        }
    }
}

/// Runs one request. It is `Ok` always: the router has an answer to everything.
async fn answer(
    mut router: Router,
    request: Request<Incoming>,
    peer: PeerAddress,
    activity: Arc<Activity>,
    body_stall: Duration,
) -> Result<Response<AnswerBody>, Infallible> {
    let busy = Busy::begin(activity);
    // An empty body, the common case, costs no allocation.
    let unread = (!request.body().is_end_stream()).then(Unread::default);
    // Who waits to be asked for their body (100 Continue) is not asked for the sake of throwing it away.
    let (waits, is_http1) = (request.headers().contains_key(header::EXPECT), request.version() < Version::HTTP_2);
    let mut request = request.map(|body| match &unread {
        None => Body::empty(),
        Some(unread) => Body::new(RequestBody::new(body, unread.clone(), body_stall)),
    });
    request.extensions_mut().insert(peer);
    let answered = AssertUnwindSafe(router.call(request)).catch_unwind().await;
    let mut response = answered.map_or_else(|_| after_panic(), |Ok(response)| response);
    // A connection that cannot be used again says so: a client's next request would get no answer.
    if let Some(unread) = unread
        && is_http1
        && (waits && unread.is_left() || !unread.is_gone().await)
    {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| AnswerBody::new(body, busy)))
}

/// The panic itself was told by the panic hook; here it only must not take the connection's other requests along.
fn after_panic() -> Response<Body> {
    tracing::error!("a handler panicked; its request was answered with 500");
    let text = r#"{"error":"internal_error","message":"The server failed; the fault is in its log.","status":500}"#;
    let mut response = Response::new(Body::from(text));
    *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    let json = http::HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}

#[cfg(test)]
mod tests;
