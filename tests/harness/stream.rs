//! A reader of the live stream, over both transports. It checks what every reader may rely on: places only ever grow.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::http::{Answer, Connection, Request};
use crate::{Person, SOON};

/// How a stream travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// Server-sent events.
    Events,
    /// WebSocket.
    WebSocket,
}

/// Both of them.
pub const TRANSPORTS: [Transport; 2] = [Transport::Events, Transport::WebSocket];

/// What a reader hears.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// A message.
    Message(Value),
    /// Nothing in the time that was given.
    Silence,
    /// The server closed; with the code of a WebSocket.
    Closed(Option<u16>),
}

/// An open stream.
pub struct Stream {
    socket: TcpStream,
    transport: Transport,
    /// Bytes as they came, from which the transport's framing is still to be taken.
    raw: Vec<u8>,
    /// What chunks of server-sent events held.
    text: Vec<u8>,
    messages: VecDeque<Value>,
    closed: Option<Option<u16>>,
    passed: i64,
    answers_pings: bool,
}

impl Stream {
    /// Opens a stream, or returns the refusal.
    pub fn open(
        to: SocketAddr,
        transport: Transport,
        query: &str,
        headers: &[(&str, &str)],
    ) -> Result<std::result::Result<Stream, Answer>> {
        Stream::open_at(to, transport, &format!("/1.0/stream?{query}"), headers)
    }

    /// The same at any path.
    pub fn open_at(
        to: SocketAddr,
        transport: Transport,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<std::result::Result<Stream, Answer>> {
        let mut request = Request::new("GET", target);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request = match transport {
            Transport::Events => request.header("Accept", "text/event-stream"),
            Transport::WebSocket => request
                .header("Connection", "Upgrade")
                .header("Upgrade", "websocket")
                .header("Sec-WebSocket-Version", "13")
                .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        };
        let mut connection = Connection::open(to)?;
        connection.write(&request.bytes())?;
        let head = connection.head()?;
        let opened = match transport {
            Transport::Events => head.header("content-type") == Some("text/event-stream"),
            Transport::WebSocket => head.header("sec-websocket-accept") == Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
        };
        if !opened {
            return Ok(Err(connection.body(head)?));
        }
        let (socket, raw) = connection.into_parts();
        Ok(Ok(Stream {
            socket,
            transport,
            raw,
            text: Vec::new(),
            messages: VecDeque::new(),
            closed: None,
            passed: -1,
            answers_pings: true,
        }))
    }

    /// From now on pings are not answered.
    pub fn ignore_pings(&mut self) {
        self.answers_pings = false;
    }

    /// The last place that was told.
    pub fn passed(&self) -> i64 {
        self.passed
    }

    /// The next message of any kind.
    pub fn hear(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        loop {
            self.take_apart();
            if let Some(message) = self.messages.pop_front() {
                return Heard::Message(message);
            }
            if let Some(code) = self.closed {
                return Heard::Closed(code);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Heard::Silence;
            }
            self.socket.set_read_timeout(Some(left)).expect("a timeout");
            let mut bytes = [0; 16 * 1024];
            match self.socket.read(&mut bytes) {
                Ok(0) => self.closed = Some(None),
                Ok(count) => self.raw.extend_from_slice(&bytes[..count]),
                Err(trouble) if matches!(trouble.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(trouble) if trouble.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.closed = Some(None),
            }
        }
    }

    /// The next message that is no heartbeat.
    pub fn next(&mut self, within: Duration) -> Heard {
        let deadline = Instant::now() + within;
        loop {
            match self.hear(deadline.saturating_duration_since(Instant::now())) {
                Heard::Message(message) if message["type"] == "heartbeat" => {}
                other => return other,
            }
        }
    }

    /// The next event; fails the story when none comes soon.
    #[track_caller]
    pub fn event(&mut self) -> Value {
        match self.next(SOON) {
            Heard::Message(message) => message,
            other => panic!("no event came: {other:?}"),
        }
    }

    /// The next event of this name; others are passed over.
    #[track_caller]
    pub fn event_named(&mut self, name: &str) -> Value {
        let started = Instant::now();
        loop {
            match self.next(SOON.saturating_sub(started.elapsed())) {
                Heard::Message(message) if message["type"] == name => return message,
                Heard::Message(_) => {}
                other => panic!("no {name} came: {other:?}"),
            }
        }
    }

    /// Waits for a heartbeat, which says where the stream is.
    #[track_caller]
    pub fn heartbeat(&mut self) -> i64 {
        match self.hear(SOON) {
            Heard::Message(message) if message["type"] == "heartbeat" => message["seq"].as_i64().expect("a place"),
            other => panic!("no heartbeat came: {other:?}"),
        }
    }

    /// Sends any bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.socket.write_all(bytes)
    }

    fn take_apart(&mut self) {
        match self.transport {
            Transport::Events => {
                while let Some(()) = self.take_chunk() {}
                while let Some(end) = self.text.windows(2).position(|two| two == b"\n\n") {
                    let block: Vec<u8> = self.text.drain(..end + 2).collect();
                    self.take_block(std::str::from_utf8(&block).expect("UTF-8"));
                }
            }
            Transport::WebSocket => while let Some(()) = self.take_frame() {},
        }
    }

    fn take_chunk(&mut self) -> Option<()> {
        let line = self.raw.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&self.raw[..line]).expect("a chunk's size");
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        if self.raw.len() < line + 2 + size + 2 {
            return None;
        }
        self.text.extend_from_slice(&self.raw[line + 2..line + 2 + size]);
        self.raw.drain(..line + 2 + size + 2);
        if size == 0 {
            self.closed = Some(None);
        }
        Some(())
    }

    fn take_block(&mut self, block: &str) {
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        let Some(data) = field("data") else { return };
        let message: Value = serde_json::from_str(data).expect("JSON");
        assert_eq!(field("id"), Some(message["seq"].to_string().as_str()), "{block}");
        assert_eq!(field("event"), (message["type"] == "heartbeat").then_some("heartbeat"), "{block}");
        self.keep(message);
    }

    fn take_frame(&mut self) -> Option<()> {
        let (first, second) = (*self.raw.first()?, *self.raw.get(1)?);
        assert!(first & 0x80 != 0 && second & 0x80 == 0, "whole frames without a mask");
        let (start, size) = match second {
            126 => (4, u64::from(u16::from_be_bytes(self.raw.get(2..4)?.try_into().ok()?))),
            127 => (10, u64::from_be_bytes(self.raw.get(2..10)?.try_into().ok()?)),
            size => (2, u64::from(size)),
        };
        let size = usize::try_from(size).expect("a size");
        let payload = self.raw.get(start..start + size)?.to_vec();
        self.raw.drain(..start + size);
        match first & 0x0f {
            1 => self.keep(serde_json::from_slice(&payload).expect("JSON")),
            8 => self.closed = Some(payload.get(..2).map(|code| u16::from_be_bytes([code[0], code[1]]))),
            9 if self.answers_pings => {
                let mut pong = vec![0x8a, 0x80 | payload.len() as u8, 0, 0, 0, 0];
                pong.extend_from_slice(&payload);
                let _ = self.write(&pong);
            }
            9 => {}
            code => panic!("a frame of kind {code}"),
        }
        Some(())
    }

    fn keep(&mut self, message: Value) {
        let seq = message["seq"].as_i64().expect("a place");
        let told = !matches!(
            message["type"].as_str(),
            Some("heartbeat" | "end" | "rights" | "typing" | "queue" | "thread" | "typing.started" | "typing.stopped")
        ) && !message["type"].as_str().is_some_and(|kind| kind.starts_with("colleague."));
        assert!(if told { seq > self.passed } else { seq >= self.passed }, "after {}: {message}", self.passed);
        self.passed = seq;
        self.messages.push_back(message);
    }
}

impl Person {
    /// Opens the stream with their token in the header; fails the story when it is refused.
    #[track_caller]
    pub fn stream(&self, transport: Transport, query: &str) -> Stream {
        match self.try_stream(transport, query) {
            Ok(stream) => stream,
            Err(refusal) => panic!("{} {}", refusal.status, refusal.text()),
        }
    }

    /// The same; a refusal is returned.
    #[track_caller]
    pub fn try_stream(&self, transport: Transport, query: &str) -> std::result::Result<Stream, Answer> {
        let token = format!("Bearer {}", self.token);
        Stream::open(self.address(), transport, query, &[("Authorization", &token)]).expect("an answer")
    }
}
