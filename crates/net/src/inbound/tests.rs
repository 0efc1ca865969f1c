use std::net::Ipv4Addr;

use axum::extract::Extension;
use axum::routing::{get, post};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";

/// Short enough for tests, far enough apart to tell which limit struck.
fn limits() -> InboundLimits {
    InboundLimits {
        connections_max: 100,
        header_read: Duration::from_millis(300),
        idle: Duration::from_secs(3),
        body_stall: Duration::from_secs(1),
        write_stall: Duration::from_millis(300),
        shutdown: Duration::from_secs(3),
    }
}

struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    running: JoinHandle<()>,
}

impl Server {
    async fn start(router: Router, limits: InboundLimits) -> Server {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (stop, stopped) = oneshot::channel::<()>();
        let shutdown = async { stopped.await.unwrap_or(()) };
        let running = tokio::spawn(serve(listener, router, limits, Vec::new(), shutdown));
        Server { address, stop, running }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.expect("a connection")
    }
}

fn router() -> Router {
    let slow = || async {
        tokio::time::sleep(Duration::from_millis(600)).await;
        "slow"
    };
    let panics = || async {
        if true {
            panic!("a test's panic");
        }
    };
    let read = |body: Result<Bytes, axum::extract::rejection::BytesRejection>| async move {
        match body {
            Ok(body) => format!("read {} bytes", body.len()),
            Err(rejection) => rejection.body_text(),
        }
    };
    let large = || async { vec![7_u8; 64 << 20] };
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/slow", get(slow))
        .route("/panics", get(panics))
        .route("/read", post(read))
        .route("/large", get(large))
        .route("/peer", get(|Extension(PeerAddress(peer)): Extension<PeerAddress>| async move { peer.to_string() }))
}

/// What the server sends until it has sent `end`; fails when it closes before.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut text = String::new();
    while !text.ends_with(end) {
        let mut bytes = [0; 4096];
        let count = stream.read(&mut bytes).await.expect("bytes");
        assert!(count > 0, "closed after {text:?}");
        text.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    text
}

/// Waits for the server to close and gives how long that took. A reset is a close as well.
async fn closed_after(stream: &mut TcpStream) -> Duration {
    let began = Instant::now();
    let _ = stream.read_to_end(&mut Vec::new()).await;
    began.elapsed()
}

/// Leaves room for a busy machine, but less than lies between two limits.
fn is_about(took: Duration, limit: Duration) -> bool {
    took > limit.mul_f32(0.9) && took < limit + Duration::from_secs(2)
}

/// Whether a new connection gets an answer, now or soon.
async fn has_a_free_place(server: &Server) -> bool {
    for _ in 0..50 {
        let mut stream = server.connect().await;
        let mut start = [0; 12];
        if stream.write_all(GET).await.is_ok() && stream.read_exact(&mut start).await.is_ok() {
            return &start == b"HTTP/1.1 200";
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

#[tokio::test]
async fn a_silent_connection_is_closed_after_the_header_timeout() {
    let server = Server::start(router(), limits()).await;
    let took = closed_after(&mut server.connect().await).await;
    assert!(is_about(took, limits().header_read), "{took:?}");
}

#[tokio::test]
async fn half_sent_headers_are_closed_after_the_header_timeout_however_they_drip() {
    let server = Server::start(router(), limits()).await;
    for start in [&GET[..1], &GET[..GET.len() - 1], b"PRI * HTTP/2.0\r\n"] {
        let mut stream = server.connect().await;
        stream.write_all(start).await.expect("a write");
        let took = closed_after(&mut stream).await;
        assert!(is_about(took, limits().header_read), "{start:?} {took:?}");
    }
    let (mut reads, mut writes) = server.connect().await.into_split();
    tokio::spawn(async move {
        writes.write_all(b"GET / HTTP/1.1\r\nX: ").await.expect("a write");
        while writes.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let began = Instant::now();
    let _ = reads.read_to_end(&mut Vec::new()).await;
    assert!(is_about(began.elapsed(), limits().header_read), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_kept_connection_may_rest_longer_than_a_header_may_take() {
    let server = Server::start(router(), limits()).await;
    let mut stream = server.connect().await;
    for _ in 0..3 {
        stream.write_all(GET).await.expect("a write");
        read_until(&mut stream, "hello").await;
        tokio::time::sleep(limits().header_read * 2).await;
    }
    stream.write_all(GET).await.expect("a write");
    read_until(&mut stream, "hello").await;
    let took = closed_after(&mut stream).await;
    assert!(is_about(took, limits().idle), "{took:?}");
}

#[tokio::test]
async fn a_half_sent_second_request_is_closed_after_the_header_timeout() {
    let server = Server::start(router(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.expect("a write");
    read_until(&mut stream, "hello").await;
    stream.write_all(&GET[..5]).await.expect("a write");
    let took = closed_after(&mut stream).await;
    assert!(is_about(took, limits().header_read), "{took:?}");
}

#[tokio::test]
async fn a_slow_answer_is_no_idle_connection() {
    let server = Server::start(router(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a write");
    read_until(&mut stream, "slow").await;
}

#[tokio::test]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(router(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(&[GET, b"GET /missing HTTP/1.1\r\nHost: x\r\n\r\n", GET].concat()).await.expect("a write");
    let mut text = read_until(&mut stream, "hello").await;
    while text.matches("HTTP/1.1").count() < 3 {
        text.push_str(&read_until(&mut stream, "hello").await);
    }
    let statuses: Vec<_> = text.lines().filter_map(|line| line.split("HTTP/1.1 ").nth(1)).collect();
    assert_eq!(statuses, ["200 OK", "404 Not Found", "200 OK"]);
}

#[tokio::test]
async fn a_body_that_stops_arriving_fails() {
    let server = Server::start(router(), limits()).await;
    let mut stream = server.connect().await;
    let head = b"POST /read HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n";
    stream.write_all(&[&head[..], b"one"].concat()).await.expect("a write");
    let mut text = String::new();
    stream.read_to_string(&mut text).await.expect("an answer");
    assert!(text.contains("the request's body stopped arriving"), "{text}");

    // One that only pauses arrives.
    let mut stream = server.connect().await;
    stream.write_all(head).await.expect("a write");
    for byte in b"12345678" {
        tokio::time::sleep(limits().body_stall / 6).await;
        stream.write_all(&[*byte]).await.expect("a write");
    }
    read_until(&mut stream, "read 8 bytes").await;
}

#[tokio::test]
async fn a_connection_with_an_unread_body_goes_on_or_says_that_it_does_not() {
    let server = Server::start(router(), limits()).await;
    let head = |length: usize, more: &str| {
        format!("POST /missing HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {length}\r\n\r\n")
    };
    // A short body that comes after its headers: nobody reads it, and the next request is answered.
    let mut stream = server.connect().await;
    stream.write_all(head(5, "").as_bytes()).await.expect("a write");
    stream.flush().await.expect("sent");
    tokio::time::sleep(Duration::from_millis(20)).await;
    stream.write_all(b"12345").await.expect("a write");
    let answer = read_until(&mut stream, "\r\n\r\n").await.to_lowercase();
    assert!(answer.starts_with("http/1.1 404") && !answer.contains("connection: close"), "{answer}");
    stream.write_all(GET).await.expect("a write");
    read_until(&mut stream, "hello").await;
    // A long one, one that does not come, and one that waits to be asked for: the answer says that it is the last.
    for (head, body) in [(head(1 << 20, ""), 200_000), (head(5, ""), 0), (head(5, "Expect: 100-continue\r\n"), 0)] {
        let mut stream = server.connect().await;
        stream.write_all(head.as_bytes()).await.expect("a write");
        let _ = stream.write_all(&vec![b'x'; body]).await;
        let answer = read_until(&mut stream, "\r\n\r\n").await.to_lowercase();
        assert!(answer.starts_with("http/1.1 404") && answer.contains("connection: close"), "{answer}");
    }
}

#[tokio::test]
async fn a_client_that_reads_nothing_is_cut() {
    let one = InboundLimits { connections_max: 1, ..limits() };
    let server = Server::start(router(), one).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a write");
    assert!(has_a_free_place(&server).await);
    let mut received = Vec::new();
    let _ = stream.read_to_end(&mut received).await;
    assert!(received.len() < 64 << 20, "{}", received.len());
}

#[tokio::test]
async fn a_connection_over_the_cap_is_closed_at_once() {
    let server = Server::start(router(), InboundLimits { connections_max: 2, ..limits() }).await;
    let mut kept = Vec::new();
    for _ in 0..2 {
        let mut stream = server.connect().await;
        stream.write_all(GET).await.expect("a write");
        read_until(&mut stream, "hello").await;
        kept.push(stream);
    }
    let took = closed_after(&mut server.connect().await).await;
    assert!(took < limits().header_read, "{took:?}");
    // The others did not suffer, and a place that gets free is given away.
    kept[0].write_all(GET).await.expect("a write");
    read_until(&mut kept[0], "hello").await;
    kept.pop();
    assert!(has_a_free_place(&server).await);
}

#[tokio::test]
async fn connections_that_never_ask_keep_nobody_out() {
    let patient = InboundLimits { header_read: Duration::from_secs(60), connections_max: 3, ..limits() };
    let server = Server::start(router(), patient).await;
    let mut kept = server.connect().await;
    kept.write_all(GET).await.expect("a write");
    read_until(&mut kept, "hello").await;
    let mut silent = Vec::new();
    for _ in 0..20 {
        let mut stream = server.connect().await;
        stream.write_all(&GET[..GET.len() - 1]).await.expect("a write");
        silent.push(stream);
    }
    assert!(has_a_free_place(&server).await);
    // Whoever has asked stays, however many come.
    kept.write_all(GET).await.expect("a write");
    read_until(&mut kept, "hello").await;
}

#[tokio::test]
async fn an_upgraded_connection_has_no_deadline_and_keeps_its_place() {
    let echo = |mut request: axum::extract::Request| async move {
        let upgrade = hyper::upgrade::on(&mut request);
        tokio::spawn(async move {
            let (mut reads, mut writes) = tokio::io::split(TokioIo::new(upgrade.await.expect("an upgrade")));
            let _ = tokio::io::copy(&mut reads, &mut writes).await;
        });
        (StatusCode::SWITCHING_PROTOCOLS, [(header::CONNECTION, "upgrade"), (header::UPGRADE, "echo")])
    };
    let quick = InboundLimits { connections_max: 1, idle: Duration::from_millis(300), ..limits() };
    let server = Server::start(Router::new().route("/", get(echo)), quick).await;
    let mut stream = server.connect().await;
    let head = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: echo\r\n\r\n";
    stream.write_all(head).await.expect("a write");
    read_until(&mut stream, "\r\n\r\n").await;
    tokio::time::sleep(quick.idle * 4).await;
    stream.write_all(b"still there").await.expect("a write");
    read_until(&mut stream, "still there").await;
    closed_after(&mut server.connect().await).await;
    drop(stream);
    let mut next = server.connect().await;
    while next.write_all(head).await.is_err() || next.read_exact(&mut [0; 12]).await.is_err() {
        next = server.connect().await;
    }
}

#[tokio::test]
async fn headers_past_the_limit_are_refused() {
    let server = Server::start(router(), limits()).await;
    for (bytes, status) in [(HTTP1_HEADER_BYTES_MAX - 100, "200"), (HTTP1_HEADER_BYTES_MAX * 2, "431")] {
        let mut stream = server.connect().await;
        let head = format!("GET / HTTP/1.1\r\nConnection: close\r\nX: {}\r\n\r\n", "x".repeat(bytes));
        let _ = stream.write_all(head.as_bytes()).await;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.expect("an answer");
        assert_eq!(&answer[9..], status.as_bytes());
    }
}

#[tokio::test]
async fn a_panic_costs_one_request() {
    let server = Server::start(router(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /panics HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a write");
    let text = read_until(&mut stream, "}").await;
    assert!(text.starts_with("HTTP/1.1 500") && text.contains("internal_error"), "{text}");
    stream.write_all(GET).await.expect("a write");
    read_until(&mut stream, "hello").await;
}

#[tokio::test]
async fn a_handler_is_told_the_peer() {
    let server = Server::start(router(), limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(b"GET /peer HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a write");
    let own = stream.local_addr().expect("an address").to_string();
    read_until(&mut stream, &own).await;
}

#[tokio::test]
async fn shutdown_finishes_a_running_request_and_closes_the_rest() {
    // So patient with headers that only the shutdown can be what closes the silent connection.
    let patient = InboundLimits { header_read: Duration::from_secs(60), ..limits() };
    let server = Server::start(router(), patient).await;
    let mut resting = server.connect().await;
    resting.write_all(GET).await.expect("a write");
    read_until(&mut resting, "hello").await;
    let mut silent = server.connect().await;
    let mut running = server.connect().await;
    running.write_all(b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n").await.expect("a write");
    tokio::time::sleep(Duration::from_millis(100)).await;

    let began = Instant::now();
    server.stop.send(()).expect("a running server");
    let (resting_took, silent_took) = tokio::join!(closed_after(&mut resting), closed_after(&mut silent));
    assert!(resting_took < limits().shutdown / 2, "{resting_took:?}");
    assert!(silent_took < limits().shutdown / 2, "{silent_took:?}");
    let text = read_until(&mut running, "slow").await;
    assert!(text.contains("connection: close"), "{text}");
    server.running.await.expect("a clean end");
    assert!(began.elapsed() < limits().shutdown, "{:?}", began.elapsed());
    assert!(TcpStream::connect(server.address).await.is_err(), "the listener is closed");
}

#[tokio::test]
async fn shutdown_does_not_wait_past_its_deadline() {
    let router = Router::new().route("/", get(|| async { std::future::pending::<()>().await }));
    let server = Server::start(router, limits()).await;
    let mut stream = server.connect().await;
    stream.write_all(GET).await.expect("a write");
    tokio::time::sleep(Duration::from_millis(100)).await;
    let began = Instant::now();
    server.stop.send(()).expect("a running server");
    server.running.await.expect("a clean end");
    assert!(is_about(began.elapsed(), limits().shutdown), "{:?}", began.elapsed());
    let took = closed_after(&mut stream).await;
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// The HTTP/2 client of the library that the outbound client uses as well, over a plain socket.
async fn http2(
    server: &Server,
) -> (hyper::client::conn::http2::SendRequest<Body>, JoinHandle<Result<(), hyper::Error>>) {
    let io = TokioIo::new(server.connect().await);
    let made = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await;
    let (sender, connection) = made.expect("a handshake");
    (sender, tokio::spawn(connection))
}

fn http2_request(path: &str) -> Request<Body> {
    let request = Request::builder().uri(format!("http://x{path}")).version(http::Version::HTTP_2);
    request.body(Body::empty()).expect("a request")
}

#[tokio::test]
async fn http2_is_served_and_closed_when_idle() {
    let server = Server::start(router(), limits()).await;
    let (mut sender, connection) = http2(&server).await;
    // Before the first request it may rest as well.
    tokio::time::sleep(limits().header_read * 2).await;
    let (slow, panics) =
        (sender.send_request(http2_request("/slow")), sender.clone().send_request(http2_request("/panics")));
    let (slow, panics) = tokio::join!(slow, panics);
    assert_eq!(slow.expect("an answer").status(), StatusCode::OK);
    assert_eq!(panics.expect("an answer").status(), StatusCode::INTERNAL_SERVER_ERROR);
    let began = Instant::now();
    connection.await.expect("a task").expect("a clean end");
    assert!(is_about(began.elapsed(), limits().idle), "{:?}", began.elapsed());
}

#[tokio::test]
async fn http2_requests_are_finished_at_shutdown() {
    let server = Server::start(router(), limits()).await;
    let (mut sender, connection) = http2(&server).await;
    let slow = tokio::spawn(sender.send_request(http2_request("/slow")));
    tokio::time::sleep(Duration::from_millis(200)).await;
    server.stop.send(()).expect("a running server");
    assert_eq!(slow.await.expect("a task").expect("an answer").status(), StatusCode::OK);
    server.running.await.expect("a clean end");
    connection.await.expect("a task").expect("a clean end");
}
