//! A stream over a WebSocket (RFC 6455). What the reader sends is not looked at, but for closing and for the answers to
//! pings, by which the server knows that somebody is still there.
//!
//! Nothing here needs to ask where a page comes from: a token is in the address or in a header that pages cannot send by
//! themselves, and whether a cookie counts, which a browser adds to what any page asks for, was decided before by
//! [`crate::Authenticator::session`].

use std::time::Duration;

use axum::body::Body;
use axum::extract::ws::{CloseFrame, Message as Frame, WebSocket, WebSocketUpgrade, close_code};
use axum::http::Response;
use bytes::Bytes;
use futures_util::SinkExt;
use tokio::time::{Instant, timeout};

use super::{Next, Running, Text};
use crate::answer::REQUEST_ID;

/// What the reader sends is read in pieces of this size: there is only little of it, and every stream has such a buffer.
const READ_BUFFER_BYTES: usize = 256;
/// Messages are gathered up to this size before they are written. Each stream keeps as much for the next ones.
const WRITE_BUFFER_BYTES: usize = 2 * 1024;
/// The longest frame that a reader may send.
const RECEIVED_BYTES_MAX: usize = 4 * 1024;
/// How long a reader may take to hear that the stream ends.
const GOODBYE: Duration = Duration::from_secs(1);

pub(super) fn answer(upgrade: WebSocketUpgrade, running: Running) -> Response<Body> {
    let request_id = running.request_id;
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(WRITE_BUFFER_BYTES)
        .max_message_size(RECEIVED_BYTES_MAX)
        .max_frame_size(RECEIVED_BYTES_MAX);
    let mut response = upgrade.on_upgrade(move |socket| tell(socket, running));
    if let Ok(value) = request_id.hex().parse() {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// How a stream came to its end.
enum End {
    /// The reader went, or broke the protocol.
    Left,
    /// The reader takes nothing, or answers nothing.
    Cut,
}

async fn tell(mut socket: WebSocket, mut running: Running) {
    let mut heard = Instant::now();
    let patience = running.place.streams.patience;
    let end = loop {
        let next = tokio::select! {
            next = running.next() => next,
            received = socket.recv() => match received {
                Some(Ok(Frame::Close(_)) | Err(_)) | None => break End::Left,
                Some(Ok(_)) => {
                    heard = Instant::now();
                    continue;
                }
            },
        };
        let sent = match next {
            Next::Messages(messages) => {
                send(&mut socket, messages.into_iter().map(|message| Frame::Text(message.text)), patience.send).await
            }
            Next::Heartbeat(_) if heard.elapsed() >= patience.silence() => Err(End::Cut),
            Next::Heartbeat(text) => {
                send(&mut socket, [Frame::Text(text), Frame::Ping(Bytes::new())], patience.send).await
            }
            Next::End(text) => return close(socket, Some(text), close_code::POLICY).await,
            Next::Stop => return close(socket, None, close_code::AWAY).await,
        };
        if let Err(end) = sent {
            break end;
        }
    };
    if matches!(end, End::Cut) {
        running.place.streams.cut.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        tracing::info!(request_id = %running.request_id, seq = running.feed.passed(), "a reader that did not read was cut");
    }
}

/// Sends frames in few writes; each must find room in time.
async fn send(socket: &mut WebSocket, frames: impl IntoIterator<Item = Frame>, limit: Duration) -> Result<(), End> {
    for frame in frames {
        in_time(timeout(limit, socket.feed(frame)).await)?;
    }
    in_time(timeout(limit, socket.flush()).await)
}

fn in_time(sent: Result<Result<(), axum::Error>, tokio::time::error::Elapsed>) -> Result<(), End> {
    match sent {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Left),
        Err(_) => Err(End::Cut),
    }
}

/// The last words.
async fn close(mut socket: WebSocket, text: Option<Text>, code: u16) {
    let frame = Frame::Close(Some(CloseFrame { code, reason: Text::default() }));
    let goodbye = send(&mut socket, text.map(Frame::Text).into_iter().chain([frame]), GOODBYE);
    // Whoever does not take it finds the connection closed.
    let _ = timeout(GOODBYE, goodbye).await;
}
