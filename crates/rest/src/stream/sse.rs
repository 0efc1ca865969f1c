//! Server-sent events (the HTML standard, section 9.2). A reader that reads nothing is cut by the listener: what it does
//! not take stays in the socket, and a write may stand still only for so long.

use std::collections::VecDeque;
use std::convert::Infallible;

use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Response};
use bytes::Bytes;
use futures_util::stream;

use super::{Message, Next, Running};
use crate::answer::REQUEST_ID;

/// About this much is handed to the connection at once.
const CHUNK_BYTES: usize = 16 * 1024;
/// A browser that lost its connection comes back after this long.
const RETRY: &[u8] = b"retry: 1000\n";

pub(super) fn answer(running: Running) -> Response<Body> {
    let request_id = running.request_id;
    let body = Body::from_stream(stream::unfold(Some(Telling::new(running)), |telling| async {
        let mut telling = telling?;
        let (chunk, goes_on) = telling.chunk().await;
        Some((Ok::<_, Infallible>(chunk), goes_on.then_some(telling)))
    }));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Proxies that gather answers before they pass them on would hold every message back.
    headers.insert(HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no"));
    if let Ok(value) = HeaderValue::from_str(&request_id.hex()) {
        headers.insert(REQUEST_ID, value);
    }
    response
}

struct Telling {
    running: Running,
    waiting: VecDeque<Message>,
    begun: bool,
}

impl Telling {
    fn new(running: Running) -> Telling {
        Telling { running, waiting: VecDeque::new(), begun: false }
    }

    /// The next bytes, and whether others will follow.
    async fn chunk(&mut self) -> (Bytes, bool) {
        let mut chunk = Vec::new();
        if !self.begun {
            self.begun = true;
            chunk.extend_from_slice(RETRY);
        }
        if self.waiting.is_empty() {
            match self.running.next().await {
                Next::Messages(messages) => self.waiting = messages.into(),
                // Named, so that nobody has to tell it from events.
                Next::Heartbeat(text) => {
                    frame(&mut chunk, Some("heartbeat"), self.running.feed.passed(), &text);
                    return (chunk.into(), true);
                }
                Next::End(text) => {
                    frame(&mut chunk, None, self.running.feed.passed(), &text);
                    return (chunk.into(), false);
                }
                Next::Stop => return (chunk.into(), false),
            }
        }
        while chunk.len() < CHUNK_BYTES
            && let Some(message) = self.waiting.pop_front()
        {
            frame(&mut chunk, None, message.seq, &message.text);
        }
        if self.waiting.is_empty() {
            self.waiting = VecDeque::new();
        }
        (chunk.into(), true)
    }
}

/// `text` is one line.
fn frame(out: &mut Vec<u8>, name: Option<&str>, seq: i64, text: &str) {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"id: ");
    out.extend_from_slice(seq.to_string().as_bytes());
    out.extend_from_slice(b"\ndata: ");
    out.extend_from_slice(text.as_bytes());
    out.extend_from_slice(b"\n\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_what_the_standard_says() {
        let mut out = Vec::new();
        frame(&mut out, Some("heartbeat"), 7, "{}");
        frame(&mut out, None, -1, r#"{"a":"ü"}"#);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "event: heartbeat\nid: 7\ndata: {}\n\nid: -1\ndata: {\"a\":\"ü\"}\n\n"
        );
    }
}
