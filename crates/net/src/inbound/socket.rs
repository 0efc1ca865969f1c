//! The socket of one connection: it reports what moves, holds the connection's place under the cap (also after an
//! upgrade), and gives up on a client that reads nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::activity::Activity;
use super::places::Place;

pub(super) struct Socket {
    stream: TcpStream,
    _place: Place,
    activity: Arc<Activity>,
    write_stall: Duration,
    /// Made when a write has to wait for the first time; most never do.
    alarm: Option<Pin<Box<Sleep>>>,
    waiting: bool,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, place: Place, activity: Arc<Activity>, write_stall: Duration) -> Socket {
        Socket { stream, _place: place, activity, write_stall, alarm: None, waiting: false }
    }

    fn written(&mut self, result: Poll<io::Result<usize>>, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if result.is_ready() {
            self.waiting = false;
            self.activity.sent();
            return result;
        }
        let stall = self.write_stall;
        let alarm = self.alarm.get_or_insert_with(|| Box::pin(tokio::time::sleep(stall)));
        if !self.waiting {
            self.waiting = true;
            alarm.as_mut().reset(Instant::now() + stall);
        }
        let gave_up = || io::Error::new(io::ErrorKind::TimedOut, "the client reads nothing");
        alarm.as_mut().poll(context).map(|()| Err(gave_up()))
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.activity.received(&buffer.filled()[before..]);
        result
    }
}

impl AsyncWrite for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(result, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(result, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
