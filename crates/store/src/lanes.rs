//! The two lanes of the writer: what somebody waits for, and what can wait. The second has its turn when the first is
//! empty, and does not stand still: it has a turn after a few batches in any case, unless it is held for a moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, select};

use crate::engine::{Job, Queued};

/// After so many batches of what somebody waits for, something that can wait goes first.
const PASSED_OVER_MAX: usize = 2;
/// How soon the end of a hold is noticed.
const HELD_PERIOD: Duration = Duration::from_millis(1);

/// Where jobs are put.
#[derive(Clone)]
pub(crate) struct Entries {
    pub(crate) now: Sender<Queued>,
    pub(crate) later: Sender<Box<dyn Job>>,
}

/// Where the writer takes them.
pub(crate) struct Lanes {
    now: Receiver<Queued>,
    later: Receiver<Box<dyn Job>>,
    passed_over: usize,
    hold: Hold,
}

/// Whether what can wait is held: nothing of it begins.
#[derive(Clone, Default)]
pub(crate) struct Hold(Arc<AtomicBool>);

impl Hold {
    pub(crate) fn set(&self, is_held: bool) {
        self.0.store(is_held, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// What the writer does next.
pub(crate) enum First {
    /// A batch that begins with this.
    Job(Box<dyn Job>),
    /// Nothing came in time.
    Nothing,
    /// It ends.
    Stop,
}

/// Both ends of new lanes.
pub(crate) fn open() -> (Entries, Lanes) {
    let ((now, take_now), (later, take_later)) = (crossbeam_channel::unbounded(), crossbeam_channel::unbounded());
    (Entries { now, later }, Lanes { now: take_now, later: take_later, passed_over: 0, hold: Hold::default() })
}

impl Lanes {
    /// What holds the second lane.
    pub(crate) fn hold(&self) -> &Hold {
        &self.hold
    }

    /// What a batch begins with; waits for it, but while the second lane is held not for long.
    pub(crate) fn first(&mut self, timeout: Duration) -> First {
        if self.hold.is_set() {
            return match self.now.recv_timeout(HELD_PERIOD) {
                Ok(queued) => self.of_now(queued),
                Err(RecvTimeoutError::Timeout) => First::Nothing,
                Err(RecvTimeoutError::Disconnected) => First::Stop,
            };
        }
        if self.passed_over >= PASSED_OVER_MAX
            && let Ok(job) = self.later.try_recv()
        {
            self.passed_over = 0;
            return First::Job(job);
        }
        match self.now.try_recv() {
            Ok(queued) => return self.of_now(queued),
            Err(TryRecvError::Disconnected) => return First::Stop,
            Err(TryRecvError::Empty) => {}
        }
        select! {
            recv(self.now) -> queued => match queued {
                Ok(queued) => self.of_now(queued),
                Err(_) => First::Stop,
            },
            recv(self.later) -> job => match job {
                Ok(job) => {
                    self.passed_over = 0;
                    First::Job(job)
                }
                Err(_) => First::Stop,
            },
            default(timeout) => First::Nothing,
        }
    }

    fn of_now(&mut self, queued: Queued) -> First {
        self.passed_over = if self.later.is_empty() { 0 } else { self.passed_over + 1 };
        queued.map_or(First::Stop, First::Job)
    }

    /// Whether there is something that somebody waits for.
    pub(crate) fn is_awaited(&self) -> bool {
        !self.now.is_empty()
    }

    /// What goes into the same batch, if it is there: only what somebody waits for.
    pub(crate) fn next(&self) -> Option<Queued> {
        self.now.try_recv().ok()
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::{Error, Result};

    use super::*;
    use crate::Tx;

    struct Named(&'static str, Sender<&'static str>);

    impl Job for Named {
        fn run(&mut self, _: &mut dyn Tx) {}
        fn fail(&mut self, _: Error) {}
        fn error(&self) -> Option<&Error> {
            None
        }
        fn finish(self: Box<Self>, _: Result<()>) {
            self.1.send(self.0).unwrap();
        }
    }

    #[test]
    fn what_can_wait_waits_for_what_is_waited_for_but_not_for_ever() {
        let (entries, mut lanes) = open();
        let (told, heard) = crossbeam_channel::unbounded();
        let job = |name| Box::new(Named(name, told.clone())) as Box<dyn Job>;
        for name in ["later 1", "later 2", "later 3"] {
            entries.later.send(job(name)).unwrap();
        }
        for _ in 0..5 {
            entries.now.send(Some(job("now"))).unwrap();
        }
        let mut order = Vec::new();
        while let First::Job(job) = lanes.first(Duration::ZERO) {
            job.finish(Ok(()));
            order.extend(heard.try_recv());
        }
        assert_eq!(order, ["now", "now", "later 1", "now", "now", "later 2", "now", "later 3"]);
        entries.later.send(job("later 4")).unwrap();
        assert!(lanes.next().is_none(), "nothing that can wait joins a batch");
        entries.now.send(None).unwrap();
        assert!(matches!(lanes.first(Duration::ZERO), First::Stop));
    }

    #[test]
    fn what_is_held_does_not_begin_and_what_is_waited_for_does() {
        let (entries, mut lanes) = open();
        let (told, _heard) = crossbeam_channel::unbounded();
        lanes.hold().set(true);
        entries.later.send(Box::new(Named("later", told.clone()))).unwrap();
        assert!(matches!(lanes.first(Duration::MAX), First::Nothing), "it waits, but not long");
        for _ in 0..=PASSED_OVER_MAX {
            entries.now.send(Some(Box::new(Named("now", told.clone())))).unwrap();
            assert!(matches!(lanes.first(Duration::ZERO), First::Job(_)));
        }
        assert!(matches!(lanes.first(Duration::ZERO), First::Nothing));
        lanes.hold().set(false);
        assert!(matches!(lanes.first(Duration::ZERO), First::Job(_)));
    }
}
