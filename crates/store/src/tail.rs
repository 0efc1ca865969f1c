//! The end of the log in memory. One task reads the log once for all who follow it, so that a hundred readers cost the
//! store one.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use frontdesk_model::{Event, Result};
use tokio::sync::watch;

use crate::{Store, args, log};

/// So many of the latest events are kept in memory.
pub const EVENTS_MAX: usize = 4096;
/// Their payloads take at most this much together; the oldest events go first.
pub const PAYLOAD_BYTES_MAX: usize = 16 * 1024 * 1024;

/// At most this many entries are read from the store at once.
const READ_EVENTS_MAX: usize = 1000;
/// Hints may be lost and other nodes give none, so the log is looked at this often anyway; hardly ever where tests show that
/// hints are enough.
const POLL_PERIOD: Duration = if cfg!(test) { Duration::from_secs(3_600) } else { Duration::from_millis(500) };
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A handle on the end of the log, cheap to clone. It moves while [`Tail::run`] does.
#[derive(Clone)]
pub struct Tail {
    store: Store,
    kept: Arc<RwLock<Kept>>,
    last: Arc<watch::Sender<i64>>,
}

/// The events from `after` (exclusive) to the end, without a gap.
struct Kept {
    after: i64,
    events: VecDeque<Arc<Event>>,
    payload_bytes: usize,
}

impl Tail {
    /// The tail of a store's log, as long as it is when the store was opened or wrote last.
    pub fn new(store: Store) -> Tail {
        let end = *store.committed().borrow();
        let kept = Kept { after: end, events: VecDeque::new(), payload_bytes: 0 };
        Tail { store, kept: Arc::new(RwLock::new(kept)), last: Arc::new(watch::Sender::new(end)) }
    }

    /// Follows the log until `stop` changes. Run it once.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut committed = self.store.committed();
        let mut is_filled = false;
        loop {
            if *stop.borrow() {
                return;
            }
            let pause = match self.catch_up(&mut is_filled).await {
                Ok(()) => POLL_PERIOD,
                Err(trouble) => {
                    tracing::error!(?trouble, "the end of the log could not be read and will be again");
                    PAUSE_AFTER_FAILURE
                }
            };
            tokio::select! {
                _ = stop.changed() => return,
                changed = committed.changed(), if pause == POLL_PERIOD => if changed.is_err() { return },
                () = tokio::time::sleep(pause) => {}
            }
        }
    }

    /// The number of the last event that is in memory, or was at the end of the log when this began.
    pub fn last(&self) -> i64 {
        *self.last.borrow()
    }

    /// Tells of the last number whenever new events are in memory.
    pub fn changed(&self) -> watch::Receiver<i64> {
        self.last.subscribe()
    }

    /// The next events after `seq`, in order, at most `limit`: from memory when it reaches back far enough, else a page
    /// of at most 1,000 from the store. The log's numbers have no gaps, so a first event other than `seq + 1` says that
    /// what was between is no longer kept; so does an empty answer where `seq` is below [`Tail::last`].
    pub async fn after(&self, seq: i64, limit: usize) -> Result<Vec<Arc<Event>>> {
        if let Some(events) = self.kept_after(seq, limit) {
            return Ok(events);
        }
        let page = i64::try_from(limit.min(READ_EVENTS_MAX)).unwrap_or_default();
        let events = self.store.read(move |tx| log::read(tx, seq, page)).await?;
        Ok(events.into_iter().map(Arc::new).collect())
    }

    /// The number of the oldest event that the log still holds; none when it holds none.
    pub async fn oldest(&self) -> Result<Option<i64>> {
        self.store.read(|tx| tx.one("SELECT min(seq) FROM log", args![])?.get(0)).await
    }

    /// None when memory does not reach back to `seq`.
    fn kept_after(&self, seq: i64, limit: usize) -> Option<Vec<Arc<Event>>> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let passed = usize::try_from(seq.saturating_sub(kept.after)).ok()?;
        Some(kept.events.iter().skip(passed).take(limit).cloned().collect())
    }

    /// Reads what is new. The first time it also reads back, so that those who come again after a restart find the
    /// events that they missed in memory.
    async fn catch_up(&self, is_filled: &mut bool) -> Result<()> {
        if !*is_filled {
            let end = self.last();
            let from = end.saturating_sub(i64::try_from(EVENTS_MAX).unwrap_or(i64::MAX)).max(0);
            let limit = end - from;
            let events = self.store.read(move |tx| log::read(tx, from, limit)).await?;
            self.keep(events);
            *is_filled = true;
        }
        loop {
            let (after, page) = (self.last(), i64::try_from(READ_EVENTS_MAX).unwrap_or(i64::MAX));
            let events = self.store.read(move |tx| log::read(tx, after, page)).await?;
            let is_end = events.len() < READ_EVENTS_MAX;
            self.keep(events);
            if is_end {
                return Ok(());
            }
        }
    }

    /// Keeps events that follow one another. What memory holds of before stays only if they go on from there.
    fn keep(&self, events: Vec<Event>) {
        let (Some(first), Some(last)) = (events.first().map(|first| first.seq), events.last().map(|last| last.seq))
        else {
            return;
        };
        {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if kept.after + kept.events.len() as i64 + 1 != first {
                *kept = Kept { after: first - 1, events: VecDeque::new(), payload_bytes: 0 };
            }
            for event in events {
                kept.push(Arc::new(event));
            }
        }
        self.last.send_if_modified(|seen| std::mem::replace(seen, last) < last);
    }
}

impl Kept {
    fn push(&mut self, event: Arc<Event>) {
        self.payload_bytes += event.payload.len();
        self.events.push_back(event);
        while self.events.len() > EVENTS_MAX || self.payload_bytes > PAYLOAD_BYTES_MAX {
            let Some(oldest) = self.events.pop_front() else { return };
            self.payload_bytes -= oldest.payload.len();
            self.after = oldest.seq;
        }
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::event::NewEvent;
    use frontdesk_model::{Id, Timestamp};
    use tokio::task::JoinHandle;

    use super::*;
    use crate::Migration;

    struct Log {
        store: Store,
        _folder: tempfile::TempDir,
    }

    impl Log {
        fn open() -> Log {
            let folder = tempfile::tempdir().unwrap();
            let sqlite = concat!(
                include_str!("../../../migrations/0001_log.sql"),
                "ALTER TABLE log ADD COLUMN source_id BYTEA;"
            );
            let migrations = [Migration { number: 1, name: "log", sqlite, postgres: sqlite }];
            let store = Store::open_sqlite(&folder.path().join("log.sqlite"), &migrations).unwrap();
            Log { store, _folder: folder }
        }

        async fn append(&self, count: usize, payload_bytes: usize) {
            let write = self.store.write(move |tx| {
                for number in 0..count {
                    tx.append(NewEvent {
                        id: Id::from_parts(1, number as u64),
                        kind: "content.imported",
                        at: Timestamp::from_micros(1),
                        thread_id: None,
                        source_id: None,
                        object_id: Id::default(),
                        user_id: None,
                        payload: "x".repeat(payload_bytes),
                    });
                }
                Ok(())
            });
            write.await.unwrap();
        }

        async fn forget_up_to(&self, seq: i64) {
            let write = self.store.write(move |tx| tx.execute("DELETE FROM log WHERE seq <= $1", args![seq]));
            write.await.unwrap();
        }

        fn follow(&self) -> Following {
            let tail = Tail::new(self.store.clone());
            let (stop, stopping) = watch::channel(false);
            Following { running: tokio::spawn(tail.clone().run(stopping)), changed: tail.changed(), tail, stop }
        }
    }

    struct Following {
        tail: Tail,
        changed: watch::Receiver<i64>,
        stop: watch::Sender<bool>,
        running: JoinHandle<()>,
    }

    impl Following {
        async fn reach(&mut self, seq: i64) {
            let reached = tokio::time::timeout(Duration::from_secs(20), self.changed.wait_for(|last| *last >= seq));
            reached.await.expect("the tail moves").unwrap();
        }

        async fn seqs(&self, after: i64, limit: usize) -> Vec<i64> {
            self.tail.after(after, limit).await.unwrap().iter().map(|event| event.seq).collect()
        }

        fn in_memory(&self) -> Option<(i64, i64)> {
            let kept = self.tail.kept.read().unwrap();
            Some((kept.events.front()?.seq, kept.events.back()?.seq))
        }
    }

    #[tokio::test]
    async fn events_are_in_memory_when_it_is_told_and_shared() {
        let log = Log::open();
        let mut following = log.follow();
        assert_eq!((following.tail.last(), following.seqs(0, 10).await), (0, vec![]));
        log.append(3, 1).await;
        following.reach(3).await;
        assert_eq!(following.in_memory(), Some((1, 3)));
        assert_eq!(following.seqs(0, 10).await, [1, 2, 3]);
        assert_eq!(following.seqs(1, 1).await, [2]);
        assert_eq!(following.seqs(3, 10).await, [0; 0]);
        assert_eq!(following.seqs(9, 10).await, [0; 0], "past the end there is nothing");
        let (one, other) = (following.tail.after(0, 1).await.unwrap(), following.tail.after(0, 1).await.unwrap());
        assert!(Arc::ptr_eq(&one[0], &other[0]));
        following.stop.send(true).unwrap();
        following.running.await.unwrap();
    }

    #[tokio::test]
    async fn a_commit_wakes_without_waiting_for_the_poll() {
        let log = Log::open();
        let mut following = log.follow();
        log.append(1, 1).await;
        following.reach(1).await;
        for seq in 2..=40 {
            log.append(1, 1).await;
            following.reach(seq).await;
        }
    }

    #[tokio::test]
    async fn memory_is_bounded_and_what_is_older_comes_from_the_store() {
        let log = Log::open();
        let mut following = log.follow();
        let count = EVENTS_MAX + 1_500;
        log.append(count, 1).await;
        following.reach(count as i64).await;
        assert_eq!(following.in_memory(), Some((1_501, count as i64)));
        assert_eq!(following.seqs(0, 2_000).await, (1..=1_000).collect::<Vec<_>>(), "a page of the store");
        assert_eq!(following.seqs(1_499, 3).await, [1_500, 1_501, 1_502]);
        assert_eq!(following.seqs(1_500, 2).await, [1_501, 1_502]);

        log.append(20, PAYLOAD_BYTES_MAX / 10).await;
        following.reach(count as i64 + 20).await;
        let (oldest, _) = following.in_memory().unwrap();
        assert_eq!(oldest, count as i64 + 11, "ten of these fill it");
        assert_eq!(following.seqs(1_500, 1).await, [1_501]);
    }

    #[tokio::test]
    async fn a_later_start_has_the_latest_in_memory_and_tells_what_is_gone() {
        let log = Log::open();
        log.append(EVENTS_MAX + 100, 1).await;
        let end = EVENTS_MAX as i64 + 100;
        let mut following = log.follow();
        // Whoever wrote is answered a moment before the others are told.
        following.reach(end).await;
        log.append(1, 1).await;
        following.reach(end + 1).await;
        assert_eq!(following.in_memory(), Some((102, end + 1)));

        log.forget_up_to(50).await;
        assert_eq!(following.tail.oldest().await.unwrap(), Some(51));
        assert_eq!(following.seqs(7, 1).await, [51], "the gap shows in the number");
        log.forget_up_to(end + 1).await;
        assert_eq!(following.tail.oldest().await.unwrap(), None);
        assert_eq!(following.seqs(7, 1).await, [0; 0]);
        assert_eq!(following.seqs(200, 1).await, [201], "memory still has it");
    }
}
