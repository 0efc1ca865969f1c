//! `frontdesk mcp`: the stdio transport of the Model Context Protocol, for programs that start their tools as processes.
//! It carries lines between its own input and output and the `/mcp` of a running server, and knows no tool itself.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use frontdesk_net::{AddressPolicy, Outbound, OutboundRequest};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// What the server reads of one request at most.
const LINE_BYTES_MAX: u64 = 1024 * 1024;
const ANSWER_BYTES_MAX: usize = 8 * 1024 * 1024;
const DEADLINE: Duration = Duration::from_secs(60);
/// Requests that are under way at once.
const REQUESTS_MAX: u32 = 8;
const TOKEN_BYTES_MAX: usize = 4_096;

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// Where newer messages say of which version they are.
const VERSION_IN_META: &str = "/params/_meta/io.modelcontextprotocol~1protocolVersion";

/// Codes of JSON-RPC.
const PARSE_ERROR: i64 = -32700;
const INVALID_REQUEST: i64 = -32600;
const SERVER_ERROR: i64 = -32000;

/// The way to a server.
pub(crate) struct Bridge {
    client: Outbound,
    url: String,
    authorization: HeaderValue,
    /// Agreed at the beginning, by clients that agree on one.
    version: Mutex<Option<HeaderValue>>,
}

impl Bridge {
    /// To the server at an address, with the token of whoever it acts for.
    pub(crate) fn new(url: &str, token: &str) -> Result<Bridge, String> {
        // Whoever runs this command named the address; there is nobody whom it would have to be refused to.
        let client = Outbound::new(AddressPolicy::everywhere())?;
        let url = url.trim_end_matches('/');
        let url = if url.ends_with("/mcp") { url.to_owned() } else { format!("{url}/mcp") };
        client.check_url(&url).map_err(|error| format!("url: {error}"))?;
        let token = token.trim();
        if token.is_empty() || token.len() > TOKEN_BYTES_MAX {
            return Err("token: it is empty or too long; make one with frontdesk token create".into());
        }
        let mut authorization = HeaderValue::try_from(format!("Bearer {token}"))
            .map_err(|_| "token: it holds characters that no token has".to_owned())?;
        authorization.set_sensitive(true);
        Ok(Bridge { client, url, authorization, version: Mutex::default() })
    }

    /// Carries lines until the input ends and everything has been answered.
    pub(crate) async fn run(
        self,
        input: impl AsyncBufRead + Unpin,
        output: impl AsyncWrite + Unpin + Send + 'static,
    ) -> Result<(), String> {
        let (bridge, output) = (Arc::new(self), Arc::new(tokio::sync::Mutex::new(output)));
        let turns = Arc::new(Semaphore::new(REQUESTS_MAX as usize));
        let mut input = input;
        let mut under_way = JoinSet::new();
        while let Some(line) = next_line(&mut input).await.map_err(|error| format!("standard input: {error}"))? {
            let turn = turns.clone().acquire_owned().await.map_err(|error| error.to_string())?;
            let (bridge, output) = (bridge.clone(), output.clone());
            under_way.spawn(async move {
                let _turn = turn;
                let answer = match line {
                    Line::Whole(line) => bridge.answer(&line).await,
                    Line::TooLong => {
                        let reason = format!("A message has at most {LINE_BYTES_MAX} bytes.");
                        Some(failure(&Value::Null, INVALID_REQUEST, &reason))
                    }
                };
                let Some(answer) = answer else { return };
                let mut output = output.lock().await;
                // A reader that has gone will close our input too.
                let _ = output.write_all(format!("{answer}\n").as_bytes()).await;
                let _ = output.flush().await;
            });
            while under_way.try_join_next().is_some() {}
        }
        while under_way.join_next().await.is_some() {}
        Ok(())
    }

    /// What the server says to one message; nothing to a notification that it took.
    async fn answer(&self, line: &[u8]) -> Option<Value> {
        if line.trim_ascii().is_empty() {
            return None;
        }
        let message: Value = match serde_json::from_slice(line) {
            Ok(message) => message,
            Err(reason) => return Some(failure(&Value::Null, PARSE_ERROR, &format!("This is no JSON: {reason}."))),
        };
        let id = message.get("id").cloned();
        let failed = |reason: &str| id.as_ref().map(|id| failure(id, SERVER_ERROR, reason));
        let request = OutboundRequest {
            method: Method::POST,
            url: self.url.clone(),
            headers: self.headers(&message),
            body: message.to_string().into(),
            deadline: DEADLINE,
            answer_bytes_max: ANSWER_BYTES_MAX,
            verify_tls: true,
            http2: false,
        };
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(error) => return failed(&format!("The server cannot be reached: {error}.")),
        };
        if answer.status == StatusCode::ACCEPTED {
            return None;
        }
        let told: Option<Value> = serde_json::from_slice(&answer.body).ok().filter(|_| !answer.truncated);
        match told {
            Some(told) if told.get("jsonrpc").is_some() => {
                if let Some(version) = told.pointer("/result/protocolVersion").and_then(Value::as_str) {
                    let version = HeaderValue::from_str(version).ok();
                    *self.version.lock().unwrap_or_else(PoisonError::into_inner) = version;
                }
                Some(told)
            }
            // Refused before the protocol began, as REST refuses.
            Some(told) if told.get("message").is_some_and(Value::is_string) => {
                failed(&format!("{} ({})", told["message"].as_str().unwrap_or_default(), answer.status))
            }
            _ => failed(&format!("The server answered {}, which is no answer of this protocol.", answer.status)),
        }
    }

    /// What a message says inside, newer versions want to see outside too.
    fn headers(&self, message: &Value) -> Vec<(HeaderName, HeaderValue)> {
        let mut headers = vec![
            (AUTHORIZATION, self.authorization.clone()),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (ACCEPT, HeaderValue::from_static("application/json, text/event-stream")),
        ];
        let own = message.pointer(VERSION_IN_META).and_then(Value::as_str).and_then(|text| text.parse().ok());
        let agreed = || self.version.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let version: Option<HeaderValue> = own.or_else(agreed);
        headers.extend(version.map(|version| (VERSION, version)));
        let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str).and_then(carried);
        headers.extend(text("/method").map(|method| (METHOD, method)));
        let has_name = message.get("method").is_some_and(|method| method == "tools/call" || method == "prompts/get");
        headers.extend(text("/params/name").filter(|_| has_name).map(|name| (NAME, name)));
        headers
    }
}

/// A text as the protocol carries it in a header: wrapped if a header would change or refuse it.
fn carried(text: &str) -> Option<HeaderValue> {
    let is_plain = text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) && text.trim() == text;
    let is_plain = is_plain && !text.starts_with("=?base64?");
    let value = if is_plain { text.to_owned() } else { format!("=?base64?{}?=", BASE64_STANDARD.encode(text)) };
    HeaderValue::from_str(&value).ok()
}

fn failure(id: &Value, code: i64, reason: &str) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": reason } })
}

enum Line {
    Whole(Vec<u8>),
    /// Read over.
    TooLong,
}

async fn next_line(input: &mut (impl AsyncBufRead + Unpin)) -> std::io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut is_too_long = false;
    loop {
        let read = (&mut *input).take(LINE_BYTES_MAX + 1).read_until(b'\n', &mut line).await?;
        let has_ended = read == 0 || line.ends_with(b"\n");
        is_too_long |= line.len() as u64 > LINE_BYTES_MAX;
        match (has_ended, is_too_long) {
            // The end of the input ends the last line too.
            (false, false) => {}
            (false, true) => line.clear(),
            (true, true) => return Ok(Some(Line::TooLong)),
            (true, false) if line.is_empty() => return Ok(None),
            (true, false) => return Ok(Some(Line::Whole(line))),
        }
    }
}

/// The bridge between standard input and output and a server.
pub(crate) async fn run(url: &str, token: Option<String>, token_file: Option<&Path>) -> Result<(), String> {
    let token = match (token, token_file) {
        (_, Some(path)) => {
            std::fs::read_to_string(path).map_err(|error| format!("token-file: {}: {error}", path.display()))?
        }
        (Some(token), None) => token,
        (None, None) => return Err("token: give it with FRONTDESK_TOKEN, --token-file or --token".into()),
    };
    Bridge::new(url, &token)?.run(BufReader::new(tokio::io::stdin()), tokio::io::stdout()).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn lines_are_bounded() {
        let long = "x".repeat(LINE_BYTES_MAX as usize);
        let text = format!("one\n{long}\n{long}{long}{long}y\n\ntwo");
        let mut input = BufReader::new(text.as_bytes());
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut input).await.unwrap() {
            lines.push(match line {
                Line::Whole(line) => String::from_utf8(line).unwrap().trim_end().to_owned(),
                Line::TooLong => "too long".into(),
            });
        }
        assert_eq!(lines, ["one", "too long", "too long", "", "two"]);
    }

    #[test]
    fn texts_travel_in_headers() {
        for (text, header) in [
            ("read_identity", "read_identity"),
            (" x", "=?base64?IHg=?="),
            ("é", "=?base64?w6k=?="),
            ("a\r\nb", "=?base64?YQ0KYg==?="),
            ("=?base64?x?=", "=?base64?PT9iYXNlNjQ/eD89?="),
        ] {
            assert_eq!(carried(text).unwrap(), header, "{text}");
        }
    }

    #[test]
    fn the_way_to_a_server_is_checked_before_it_is_gone() {
        for (url, token, wrong) in [
            ("ftp://desk", "t", "url"),
            ("desk", "t", "url"),
            ("http://a:b@desk", "t", "url"),
            ("http://desk", " \n", "token"),
            ("http://desk", "a\u{7f}b", "token"),
        ] {
            let refused = Bridge::new(url, token).err().unwrap_or_default();
            assert!(refused.starts_with(wrong), "{url} {token:?}: {refused}");
        }
        for url in ["http://127.0.0.1:8080", "http://127.0.0.1:8080/", "http://127.0.0.1:8080/mcp"] {
            assert_eq!(Bridge::new(url, "t\n").unwrap().url, "http://127.0.0.1:8080/mcp");
        }
    }
}
