//! A small blocking HTTP/1.1 client that can also send what no proper client would.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// An answer that takes longer is a failure.
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// Path and query, as they go over the wire.
    pub target: String,
    /// Headers; `Host` and `Content-Length` are added when they are missing.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, target: &str) -> Request {
        Request { method: method.into(), target: target.into(), headers: Vec::new(), body: Vec::new() }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Adds a body and its media type.
    pub fn body(self, content_type: &str, body: impl Into<Vec<u8>>) -> Request {
        Request { body: body.into(), ..self.header("Content-Type", content_type) }
    }

    /// Adds a JSON body.
    pub fn json(self, body: &Value) -> Request {
        self.body("application/json", body.to_string())
    }

    /// Adds a body of form fields.
    pub fn form(self, fields: &[(&str, &str)]) -> Request {
        self.body("application/x-www-form-urlencoded", query(fields))
    }

    /// Adds a bearer token.
    pub fn token(self, token: &str) -> Request {
        self.header("Authorization", &format!("Bearer {token}"))
    }

    fn has(&self, name: &str) -> bool {
        self.headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name))
    }

    /// The bytes that go over the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.has("host") {
            head += "Host: desk.example\r\n";
        }
        let announced = !self.body.is_empty() || matches!(self.method.as_str(), "POST" | "PUT");
        if announced && !self.has("content-length") && !self.has("transfer-encoding") {
            head += &format!("Content-Length: {}\r\n", self.body.len());
        }
        for (name, value) in &self.headers {
            head += &format!("{name}: {value}\r\n");
        }
        head += "\r\n";
        let mut bytes = head.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }

    /// Sends it over a connection of its own.
    pub fn send(&self, to: SocketAddr) -> Result<Answer> {
        Connection::open(to)?.send(self)
    }
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(String, String)>,
    /// The body, whole.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON; fails the story when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|trouble| panic!("{trouble}: {} {}", self.status, self.text()))
    }

    /// The body of a success; fails the story when it is not 200 with JSON.
    #[track_caller]
    pub fn ok(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"));
        self.json()
    }

    /// The body of a refusal; fails the story when the status is another or the body is not of the documented shape.
    #[track_caller]
    pub fn refused(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("content-type"), Some("application/json; charset=utf-8"), "{}", self.text());
        let body = self.json();
        assert_eq!(body["status"], status, "{body}");
        assert!(body["error"].as_str().is_some_and(|error| !error.is_empty()), "{body}");
        assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{body}");
        assert_eq!(body.get("errors").is_some(), body["errors"].is_array(), "{body}");
        body
    }

    /// The attributes that a 422 names, in order.
    #[track_caller]
    pub fn invalid(&self) -> Vec<String> {
        let body = self.refused(422);
        let errors = body["errors"].as_array().unwrap_or_else(|| panic!("no errors in {body}"));
        let attribute = |error: &Value| {
            let text = |name: &str| error[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned);
            assert!(text("type").is_some() && text("message").is_some(), "{body}");
            text("attribute").unwrap_or_else(|| panic!("no attribute in {body}"))
        };
        errors.iter().map(attribute).collect()
    }
}

/// A connection that stays open between requests.
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects.
    pub fn open(to: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect_timeout(&to, ANSWER_DEADLINE)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_DEADLINE))?;
        stream.set_write_timeout(Some(ANSWER_DEADLINE))?;
        Ok(Connection { stream: BufReader::new(stream) })
    }

    /// Sends a request and reads its answer.
    pub fn send(&mut self, request: &Request) -> Result<Answer> {
        // A server that has seen enough answers and closes while we are still sending: its answer is worth reading.
        let sent = self.write(&request.bytes());
        let answer = if request.method == "HEAD" { self.head() } else { self.answer() };
        match (answer, sent) {
            (Ok(answer), _) => Ok(answer),
            (Err(_), Err(trouble)) | (Err(trouble), Ok(())) => Err(trouble),
        }
    }

    /// Sends any bytes.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Reads one answer.
    pub fn answer(&mut self) -> Result<Answer> {
        let head = self.head()?;
        if head.status == 100 { self.answer() } else { self.body(head) }
    }

    /// Reads the rest of an answer.
    pub fn body(&mut self, mut answer: Answer) -> Result<Answer> {
        let malformed = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
        if answer.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            loop {
                let size = self.line()?;
                let size = u64::from_str_radix(size.split(';').next().unwrap_or("").trim(), 16);
                let size = size.map_err(|_| malformed("a chunk's size"))?;
                (&mut self.stream).take(size).read_to_end(&mut answer.body)?;
                self.line()?;
                if size == 0 {
                    return Ok(answer);
                }
            }
        }
        match answer.header("content-length").and_then(|length| length.parse::<usize>().ok()) {
            Some(length) => {
                answer.body.resize(length, 0);
                self.stream.read_exact(&mut answer.body)?;
            }
            None if matches!(answer.status, 204 | 304) => {}
            None => {
                self.stream.read_to_end(&mut answer.body)?;
            }
        }
        Ok(answer)
    }

    /// The socket, and what came over it and has not been read.
    pub fn into_parts(self) -> (TcpStream, Vec<u8>) {
        let unread = self.stream.buffer().to_vec();
        (self.stream.into_inner(), unread)
    }

    /// Reads the start line and the headers: all that there is of an answer to HEAD.
    pub fn head(&mut self) -> Result<Answer> {
        let line = self.line()?;
        let malformed = |what: &str| Error::new(ErrorKind::InvalidData, what.to_owned());
        let status = line.strip_prefix("HTTP/1.").and_then(|rest| rest.get(2..5)?.parse().ok());
        let status = status.ok_or_else(|| malformed(&line))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?;
            if line.is_empty() {
                return Ok(Answer { status, headers, body: Vec::new() });
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed(&line))?;
            headers.push((name.trim().to_owned(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> Result<String> {
        let mut line = String::new();
        if self.stream.read_line(&mut line)? == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end_matches(['\r', '\n']).to_owned())
    }
}

/// Percent-encodes everything but letters, digits and `-._~`.
pub fn encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded += &format!("%{byte:02X}");
        }
    }
    encoded
}

/// The fields of a query string or a form.
pub fn decode_pairs(text: &str) -> Vec<(String, String)> {
    let decode = |text: &str| {
        let bytes = text.replace('+', " ").into_bytes();
        let mut decoded = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some((byte, after)) = rest.split_first() {
            let pair = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
            match pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).filter(|_| *byte == b'%') {
                Some(escaped) => {
                    decoded.push(escaped);
                    rest = &after[2..];
                }
                None => {
                    decoded.push(*byte);
                    rest = after;
                }
            }
        }
        String::from_utf8_lossy(&decoded).into_owned()
    };
    let pairs = text.split('&').filter_map(|pair| pair.split_once('='));
    pairs.map(|(name, value)| (decode(name), decode(value))).collect()
}

/// Fields as a query string.
pub fn query(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = fields.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.join("&")
}
