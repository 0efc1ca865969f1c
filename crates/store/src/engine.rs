//! What both engines share: jobs, running one safely, and the translation of placeholders.

use std::panic::{AssertUnwindSafe, catch_unwind};

use frontdesk_model::{Error, Result, error};
use tokio::sync::oneshot;

use crate::tx::Tx;

/// At most this many jobs share a commit: 64 reach 0.7 of what the processor allows; more cost latency.
pub(crate) const BATCH_JOBS_MAX: usize = 64;

/// Statements up to this length are kept prepared. Longer ones come from long searches: they differ each time, and their
/// plans would fill the memory of the database's sessions.
pub(crate) const CACHED_SQL_BYTES_MAX: usize = 3_000;

/// A statement of a reader may take this long; then it is ended and its caller told to ask for less.
pub(crate) const READ_SECONDS_MAX: u64 = 10;

/// What a reader that took too long is told.
pub(crate) fn too_broad() -> Error {
    error::unprocessable("too_broad", "This takes too long: narrow the search or the list.")
}

/// A piece of work for a database thread, and the place where its caller waits.
pub(crate) trait Job: Send {
    /// Runs the work and keeps its result. It may be called again after a rollback.
    fn run(&mut self, tx: &mut dyn Tx);
    /// Keeps a failure in place of a result.
    fn fail(&mut self, trouble: Error);
    /// The error that the last run ended with.
    fn error(&self) -> Option<&Error>;
    /// Tells the caller: the kept result, or why the commit failed.
    fn finish(self: Box<Self>, commit: Result<()>);
}

/// Runs a job; a panic in it becomes its failure and harms nobody else. Returns whether it succeeded.
pub(crate) fn attempt(job: &mut dyn Job, tx: &mut dyn Tx) -> bool {
    if catch_unwind(AssertUnwindSafe(|| job.run(tx))).is_err() {
        job.fail(error::broken("a database job panicked"));
    }
    job.error().is_none()
}

/// What a database thread takes from its queue: a job, or the word to stop.
pub(crate) type Queued = Option<Box<dyn Job>>;

/// A closure as a job.
pub(crate) struct Task<T, F> {
    work: F,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Task<T, F>
where
    T: Send + 'static,
    F: Fn(&mut dyn Tx) -> Result<T> + Send + 'static,
{
    /// The job, and where its answer will be.
    pub(crate) fn with_answer(work: F) -> (Box<dyn Job>, oneshot::Receiver<Result<T>>) {
        let (reply, answer) = oneshot::channel();
        (Box::new(Task { work, result: None, reply }), answer)
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send,
    F: Fn(&mut dyn Tx) -> Result<T> + Send,
{
    fn run(&mut self, tx: &mut dyn Tx) {
        self.result = Some((self.work)(tx));
    }

    fn fail(&mut self, trouble: Error) {
        self.result = Some(Err(trouble));
    }

    fn error(&self) -> Option<&Error> {
        self.result.as_ref().and_then(|result| result.as_ref().err())
    }

    fn finish(self: Box<Self>, commit: Result<()>) {
        let result = match (self.result, commit) {
            (Some(Err(refused)), _) => Err(refused),
            (_, Err(trouble)) => Err(trouble),
            (Some(result), Ok(())) => result,
            (None, Ok(())) => Err(error::broken("a database job did not run")),
        };
        // The caller may have gone away; what it asked for has happened all the same.
        let _ = self.reply.send(result);
    }
}

/// `$1` → `?1`, outside of quotes.
pub(crate) fn question_marks(sql: &str) -> String {
    let mut translated = String::with_capacity(sql.len());
    let mut quote = None;
    let mut characters = sql.chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, '$') if characters.peek().is_some_and(char::is_ascii_digit) => {
                translated.push('?');
                continue;
            }
            _ => {}
        }
        translated.push(character);
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::question_marks;

    #[test]
    fn placeholders_are_translated_outside_of_quotes() {
        assert_eq!(question_marks("a = $1 AND b = '$2' AND c = $12"), "a = ?1 AND b = '$2' AND c = ?12");
        assert_eq!(question_marks("x = 'it''s $1' OR \"$2\" = $3"), "x = 'it''s $1' OR \"$2\" = ?3");
    }
}
