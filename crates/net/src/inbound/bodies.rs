//! The bodies of a request and of its answer, each with the one thing that the connection must know about it.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::activity::Busy;

/// A body of which nobody wanted the rest.
#[derive(Clone, Default)]
pub(super) struct Unread(Arc<Mutex<Option<Incoming>>>);

/// A rest that is no longer than this, and arrives this fast, is read and thrown away.
const REST_BYTES_MAX: usize = 64 * 1024;
const REST_MAX: Duration = Duration::from_millis(100);

impl Unread {
    /// Whether something was left.
    pub(super) fn is_left(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Reads the rest that was left, if it is short. Whether another request can follow on this connection: what is left is
    /// in its way.
    pub(super) async fn is_gone(&self) -> bool {
        let body = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut body) = body else { return true };
        let reading = async {
            let mut bytes = 0;
            while bytes <= REST_BYTES_MAX {
                match std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
                    Some(Ok(frame)) => bytes += frame.data_ref().map_or(0, Bytes::len),
                    Some(Err(_)) => return false,
                    None => return true,
                }
            }
            false
        };
        tokio::time::timeout(REST_MAX, reading).await.unwrap_or(false)
    }
}

/// A request's body that fails when it stops arriving.
pub(super) struct RequestBody {
    /// None once it has ended, or failed.
    body: Option<Incoming>,
    unread: Unread,
    stall: Duration,
    /// Made when the body pauses for the first time; most arrive whole.
    alarm: Option<Pin<Box<Sleep>>>,
    paused: bool,
}

/// Why a body could not be read.
#[derive(Debug)]
pub(super) enum BodyError {
    Stalled,
    Broken(hyper::Error),
}

impl fmt::Display for BodyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BodyError::Stalled => f.write_str("the request's body stopped arriving"),
            BodyError::Broken(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BodyError {}

impl RequestBody {
    /// What is left of it when it is dropped goes to `unread`.
    pub(super) fn new(body: Incoming, unread: Unread, stall: Duration) -> RequestBody {
        RequestBody { body: Some(body), unread, stall, alarm: None, paused: false }
    }

    fn poll_alarm(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let stall = self.stall;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        if !self.paused {
            self.paused = true;
            alarm.as_mut().reset(Instant::now() + stall);
        }
        alarm.as_mut().poll(context)
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        match Pin::new(body).poll_frame(context) {
            Poll::Ready(frame) => {
                self.paused = false;
                if !matches!(frame, Some(Ok(_))) {
                    self.body = None;
                }
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
            }
            Poll::Pending => self.poll_alarm(context).map(|()| Some(Err(BodyError::Stalled))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.is_end_stream() {
            *self.unread.0.lock().unwrap_or_else(PoisonError::into_inner) = self.body.take();
        }
    }
}

/// An answer's body that keeps its request counted as under way.
pub(super) struct AnswerBody {
    body: Body,
    _busy: Busy,
}

impl AnswerBody {
    pub(super) fn new(body: Body, busy: Busy) -> AnswerBody {
        AnswerBody { body, _busy: busy }
    }
}

impl HttpBody for AnswerBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
