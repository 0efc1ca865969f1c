//! What one connection is doing, and by when it must do something else.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

use super::InboundLimits;

/// The first bytes of every HTTP/2 connection.
const HTTP2_PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// A connection that is ending has this long to say what it still has to say.
const ENDING: Duration = Duration::from_secs(1);

/// Shared by the socket, the requests and the loop of one connection. They run in one task, apart from bodies that a
/// handler gave away; a deadline that is read a moment too early is only looked at again.
pub(super) struct Activity {
    began: Instant,
    header_read: Duration,
    idle: Duration,
    /// Requests whose answer is not complete.
    requests: AtomicU32,
    /// Whether nothing of a next request has come yet; meaningless while requests run.
    at_rest: AtomicBool,
    /// When the present state began, or moved last: milliseconds after `began`.
    since: AtomicU64,
    /// Whether the connection is to end when its requests have.
    ending: AtomicBool,
    /// How much of [`HTTP2_PREFACE`] has come; 255 when something else did.
    preface: AtomicU8,
}

impl Activity {
    pub(super) fn new(limits: &InboundLimits) -> Activity {
        Activity {
            began: Instant::now(),
            header_read: limits.header_read,
            idle: limits.idle,
            requests: AtomicU32::new(0),
            at_rest: AtomicBool::new(false),
            since: AtomicU64::new(0),
            ending: AtomicBool::new(false),
            preface: AtomicU8::new(0),
        }
    }

    /// Whether the connection rests between requests.
    pub(super) fn is_idle(&self) -> bool {
        self.requests.load(Relaxed) == 0 && self.at_rest.load(Relaxed)
    }

    /// The connection is to end soon: what does not run yet gets no more than a moment.
    pub(super) fn hurry(&self) {
        self.ending.store(true, Relaxed);
        self.touch();
    }

    /// Bytes came from the client.
    pub(super) fn received(&self, bytes: &[u8]) {
        if self.requests.load(Relaxed) > 0 || bytes.is_empty() {
            return;
        }
        if self.completes_preface(bytes) {
            // Frames may come at any time and mean nothing by themselves: HTTP/2 has only the limit for idle ones.
            if !self.at_rest.swap(true, Relaxed) {
                self.touch();
            }
        } else if self.at_rest.swap(false, Relaxed) {
            self.touch();
        }
    }

    /// Bytes went to the client: the rest of an answer that a slow client takes is not idleness. HTTP/2 does not count,
    /// because answers to pings would keep it open for ever.
    pub(super) fn sent(&self) {
        if self.is_idle() && usize::from(self.preface.load(Relaxed)) != HTTP2_PREFACE.len() {
            self.touch();
        }
    }

    /// Completes when the connection is past its deadline. Call it after the connection was polled: what happened there
    /// may have brought the deadline nearer than `alarm` is set.
    pub(super) async fn overdue(&self, mut alarm: Pin<&mut Sleep>) {
        poll_fn(|context| self.poll_overdue(alarm.as_mut(), context)).await;
    }

    fn poll_overdue(&self, mut alarm: Pin<&mut Sleep>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            if let Some(deadline) = self.deadline().filter(|deadline| *deadline < alarm.deadline()) {
                alarm.as_mut().reset(deadline);
            }
            ready!(alarm.as_mut().poll(context));
            let now = Instant::now();
            // While requests run there is no deadline; look again when the next could be at the earliest.
            match self.deadline().unwrap_or(now + self.idle) {
                deadline if deadline <= now => return Poll::Ready(()),
                deadline => alarm.as_mut().reset(deadline),
            }
        }
    }

    fn deadline(&self) -> Option<Instant> {
        if self.requests.load(Relaxed) > 0 {
            return None;
        }
        let state = if self.at_rest.load(Relaxed) { self.idle } else { self.header_read };
        let allowed = if self.ending.load(Relaxed) { state.min(ENDING) } else { state };
        Some(self.began + Duration::from_millis(self.since.load(Relaxed)) + allowed)
    }

    fn touch(&self) {
        self.since.store(self.began.elapsed().as_millis() as u64, Relaxed);
    }

    /// Whether this is an HTTP/2 connection as far as these bytes and those before tell.
    fn completes_preface(&self, bytes: &[u8]) -> bool {
        let seen = usize::from(self.preface.load(Relaxed));
        let Some(awaited) = HTTP2_PREFACE.get(seen..) else { return false };
        let fresh = awaited.len().min(bytes.len());
        let matches = bytes[..fresh] == awaited[..fresh];
        self.preface.store(if matches { (seen + fresh) as u8 } else { u8::MAX }, Relaxed);
        matches && fresh == awaited.len()
    }
}

/// A request under way; dropped with the last piece of its answer.
pub(super) struct Busy(Arc<Activity>);

impl Busy {
    pub(super) fn begin(activity: Arc<Activity>) -> Busy {
        activity.requests.fetch_add(1, Relaxed);
        Busy(activity)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        // In this order the deadline is never computed from an older time.
        self.0.at_rest.store(true, Relaxed);
        self.0.touch();
        self.0.requests.fetch_sub(1, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn activity() -> Arc<Activity> {
        Arc::new(Activity::new(&InboundLimits::default()))
    }

    #[test]
    fn a_connection_rests_only_between_requests() {
        let activity = activity();
        assert!(!activity.is_idle(), "nothing came yet: the first byte has a deadline of its own");
        activity.received(b"GET / HT");
        assert!(!activity.is_idle());
        let first = Busy::begin(activity.clone());
        let second = Busy::begin(activity.clone());
        assert_eq!(activity.deadline(), None);
        drop(first);
        assert!(!activity.is_idle());
        drop(second);
        assert!(activity.is_idle());
        activity.received(b"G");
        assert!(!activity.is_idle());
    }

    #[test]
    fn http2_is_told_from_its_first_bytes_however_they_are_cut() {
        for cut in 1..HTTP2_PREFACE.len() {
            let activity = activity();
            activity.received(&HTTP2_PREFACE[..cut]);
            assert!(!activity.is_idle(), "cut at {cut}");
            activity.received(&HTTP2_PREFACE[cut..]);
            assert!(activity.is_idle(), "cut at {cut}");
            activity.received(b"any frame");
            assert!(activity.is_idle(), "cut at {cut}");
        }
        for other in ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.1\r\n", "PROPFIND / HTTP/1.1\r\n", "P"] {
            let activity = activity();
            activity.received(other.as_bytes());
            activity.received(HTTP2_PREFACE);
            assert!(!activity.is_idle(), "{other}");
        }
    }
}
