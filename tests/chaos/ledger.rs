//! What the clients know: every request that matters, and how it went.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::tasks::Job;

/// How it went, over all tries of the same request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It never left.
    #[default]
    Unsent,
    /// It left and no answer came: it may have happened or not, but not twice.
    Unknown,
    /// The server refused it: it must not have happened.
    Refused,
    /// The server said that it is done: it must be there.
    Acknowledged,
}

impl Outcome {
    /// Adds what a further try has shown.
    pub(crate) fn hear(&mut self, new: Outcome) {
        let settled = *self == Outcome::Acknowledged || new == Outcome::Unsent;
        if !settled && (*self != Outcome::Unknown || new == Outcome::Acknowledged) {
            *self = new;
        }
    }
}

/// A customer's content.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// `message`, `private_message` or `thread`: each kind has ids of its own.
    pub(crate) object: &'static str,
    /// The channel's id.
    pub(crate) id: String,
    pub(crate) params: Value,
    pub(crate) outcome: Outcome,
}

impl Message {
    /// The Send API's action.
    pub(crate) fn action(&self) -> String {
        format!("{}s.create", self.object)
    }

    pub(crate) fn text(&self) -> &str {
        self.params["body"].as_str().unwrap_or_default()
    }
}

/// Something that an agent asked for, and the id that the answer named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Step {
    pub(crate) outcome: Outcome,
    pub(crate) id: Option<String>,
}

/// One conversation from the first message to the closed intervention, as far as it came.
#[derive(Clone, Debug)]
pub(crate) struct Story {
    pub(crate) message: Message,
    pub(crate) intervention: Step,
    pub(crate) reply: Step,
    pub(crate) reply_text: String,
    /// When the reply was first sent.
    pub(crate) reply_began: Option<Instant>,
    pub(crate) closing: Outcome,
}

/// Everything that all clients know.
#[derive(Default)]
pub(crate) struct Ledger {
    messages: Mutex<Vec<Message>>,
    stories: Mutex<Vec<Story>>,
    questions: Mutex<Vec<Message>>,
    jobs: Mutex<Vec<Job>>,
    problems: Mutex<Vec<String>>,
    unknown: AtomicUsize,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Ledger {
    /// Notes a message before it is sent; `make` gets its number.
    pub(crate) fn add(&self, make: impl FnOnce(usize) -> Message) -> usize {
        let mut messages = lock(&self.messages);
        let number = messages.len();
        messages.push(make(number));
        number
    }

    pub(crate) fn message(&self, number: usize) -> Message {
        lock(&self.messages)[number].clone()
    }

    pub(crate) fn messages_count(&self) -> usize {
        lock(&self.messages).len()
    }

    pub(crate) fn hear(&self, number: usize, outcome: Outcome) {
        lock(&self.messages)[number].outcome.hear(outcome);
    }

    pub(crate) fn add_story(&self, story: Story) {
        lock(&self.stories).push(story);
    }

    /// Notes what a customer asked who waits for a task to be taken.
    pub(crate) fn add_question(&self, question: Message) {
        lock(&self.questions).push(question);
    }

    pub(crate) fn questions(&self) -> Vec<Message> {
        lock(&self.questions).clone()
    }

    /// Notes what an agent did with a task.
    pub(crate) fn add_job(&self, job: Job) {
        lock(&self.jobs).push(job);
    }

    pub(crate) fn jobs(&self) -> Vec<Job> {
        lock(&self.jobs).clone()
    }

    /// Notes something that must not happen.
    pub(crate) fn add_problem(&self, problem: String) {
        lock(&self.problems).push(problem);
    }

    /// Counts a request whose answer never came.
    pub(crate) fn count_unknown(&self) {
        self.unknown.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn unknown(&self) -> usize {
        self.unknown.load(Ordering::Relaxed)
    }

    pub(crate) fn messages(&self) -> Vec<Message> {
        lock(&self.messages).clone()
    }

    pub(crate) fn stories(&self) -> Vec<Story> {
        lock(&self.stories).clone()
    }

    pub(crate) fn problems(&self) -> Vec<String> {
        lock(&self.problems).clone()
    }
}
