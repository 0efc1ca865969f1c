//! The bodies of a request and of its answer, each with the one thing that the connection must know about it.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Body as HttpBody, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep};

use super::activity::Busy;

/// A request's body that fails when it stops arriving.
pub(super) struct RequestBody {
    body: Incoming,
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
    pub(super) fn new(body: Incoming, stall: Duration) -> RequestBody {
        RequestBody { body, stall, alarm: None, paused: false }
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
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(frame) => {
                self.paused = false;
                Poll::Ready(frame.map(|frame| frame.map_err(BodyError::Broken)))
            }
            Poll::Pending => self.poll_alarm(context).map(|()| Some(Err(BodyError::Stalled))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
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
