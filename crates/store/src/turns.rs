//! The queue of reads. Whoever asks for much at once waits for their own requests, not everybody for theirs: those who
//! wait take turns, however many jobs each has waiting.

use std::collections::{HashMap, VecDeque};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use crate::engine::Job;

/// What readers take their jobs from.
#[derive(Default)]
pub(crate) struct Turns {
    waiting: Mutex<Waiting>,
    changed: Condvar,
}

#[derive(Default)]
struct Waiting {
    /// The jobs of each asker who has some, in order.
    jobs: HashMap<u64, VecDeque<Box<dyn Job>>>,
    /// Those askers, in the order of their turns.
    askers: VecDeque<u64>,
    is_closed: bool,
}

impl Turns {
    /// Adds a job of an asker. False when the queue is closed.
    pub(crate) fn add(&self, asker: u64, job: Box<dyn Job>) -> bool {
        let mut waiting = self.lock();
        if waiting.is_closed {
            return false;
        }
        let jobs = waiting.jobs.entry(asker).or_default();
        jobs.push_back(job);
        if jobs.len() == 1 {
            waiting.askers.push_back(asker);
        }
        drop(waiting);
        self.changed.notify_one();
        true
    }

    /// The next job, once there is one. None when the queue is closed and empty.
    pub(crate) fn next(&self) -> Option<Box<dyn Job>> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.take() {
                return Some(job);
            }
            if waiting.is_closed {
                return None;
            }
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes no more jobs; those that wait are still given out.
    pub(crate) fn close(&self) {
        self.lock().is_closed = true;
        self.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn take(&mut self) -> Option<Box<dyn Job>> {
        let asker = self.askers.pop_front()?;
        let jobs = self.jobs.get_mut(&asker)?;
        let job = jobs.pop_front();
        if jobs.is_empty() {
            self.jobs.remove(&asker);
        } else {
            self.askers.push_back(asker);
        }
        job
    }
}

#[cfg(test)]
mod tests {
    use frontdesk_model::{Error, Result};

    use super::*;
    use crate::Tx;

    struct Named(&'static str, std::sync::mpsc::Sender<&'static str>);

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
    fn askers_take_turns_and_nobody_is_forgotten() {
        let (told, heard) = std::sync::mpsc::channel();
        let turns = Turns::default();
        for (asker, name) in [(1, "a1"), (1, "a2"), (1, "a3"), (2, "b1"), (3, "c1"), (2, "b2")] {
            assert!(turns.add(asker, Box::new(Named(name, told.clone()))));
        }
        turns.close();
        assert!(!turns.add(4, Box::new(Named("late", told))));
        while let Some(job) = turns.next() {
            job.finish(Ok(()));
        }
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["a1", "b1", "c1", "a2", "b2", "a3"]);
        assert!(turns.lock().jobs.is_empty() && turns.lock().askers.is_empty());
    }
}
