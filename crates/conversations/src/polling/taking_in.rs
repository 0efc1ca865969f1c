//! Taking in what a list told: in short transactions, one import at a time, with pauses, so that nobody waits long behind
//! it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk_model::{Env, Error, Result};
use frontdesk_sources::inbound::InboundContent;
use frontdesk_store::{Tx, args};

use super::store::{Claim, hold, skip};
use super::{Polling, Stop};
use crate::attachments::{self, StoredInbound};
use crate::ingest::{self, Ingested};
use crate::ingest_many;
use crate::sources::Channel;

/// Contents in one transaction at most.
const CONTENTS_PER_WRITE: usize = 32;
/// No content is begun in a transaction that has lasted so long: everybody else waits behind it.
const WRITE_TIME_MAX: Duration = Duration::from_millis(2);
/// Where one statement takes in many, it is given so many that it takes no longer than this; but never fewer than these.
const BULK_TIME_MAX: Duration = Duration::from_millis(4);
const BULK_MIN: usize = 16;
/// For what its transactions took, an import pauses this part: the processors and the disk are everybody's.
const PAUSE_DIVISOR: u32 = 3;
/// Shorter pauses are put together: a timer is no finer than a millisecond.
const PAUSE_MIN: Duration = Duration::from_millis(5);

/// A content with its files.
type WithFiles = (InboundContent, Vec<StoredInbound>);

/// Contents that are taken in together.
type Part = Vec<WithFiles>;

/// How imports share the writer with everybody else.
pub(super) struct Pace {
    /// Contents that one statement takes in within [`BULK_TIME_MAX`], as far as is known.
    in_bulk: usize,
    /// A pause that is still to be made.
    owed: Duration,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace { in_bulk: CONTENTS_PER_WRITE, owed: Duration::ZERO }
    }
}

impl Pace {
    /// Takes note of how long one statement took for so many contents. Only half of the way is gone: one that was slow is
    /// no rule.
    fn note_bulk(&mut self, contents: usize, ran: Duration) {
        if ran > BULK_TIME_MAX {
            let fitting = contents as f64 * BULK_TIME_MAX.as_secs_f64() / ran.as_secs_f64();
            self.in_bulk = usize::midpoint(self.in_bulk, fitting as usize).max(BULK_MIN);
        } else if contents >= self.in_bulk {
            self.in_bulk = (self.in_bulk + 1).min(CONTENTS_PER_WRITE);
        }
    }

    /// The pause that is to be made now, after a transaction that took so long with its commit.
    fn pause(&mut self, took: Duration) -> Duration {
        self.owed += took / PAUSE_DIVISOR;
        if self.owed < PAUSE_MIN { Duration::ZERO } else { std::mem::take(&mut self.owed) }
    }
}

/// What one transaction took in.
#[derive(Clone, Copy)]
pub(super) enum Written {
    /// It is here.
    Done,
    /// The source is not as it was.
    Stale,
    /// The claim is void.
    Overtaken,
}

impl Polling {
    /// Takes in what a slice holds, the oldest first.
    pub(super) async fn take_in(
        &self,
        channel: &Arc<Channel>,
        claim: &Claim,
        contents: Vec<InboundContent>,
    ) -> Result<Written, Stop> {
        let mut contents = contents.into_iter().peekable();
        while contents.peek().is_some() {
            let mut part = Vec::new();
            for mut content in contents.by_ref().take(CONTENTS_PER_WRITE) {
                let files = self.store_files(channel, &mut content).await?;
                part.push((content, files));
            }
            match self.write(channel, claim, Arc::new(part)).await? {
                Written::Done => {}
                other => return Ok(other),
            }
        }
        Ok(Written::Done)
    }

    /// Puts files that came along on disk, unless their content is known.
    async fn store_files(&self, channel: &Arc<Channel>, content: &mut InboundContent) -> Result<Vec<StoredInbound>> {
        if content.attachments.is_empty() {
            return Ok(Vec::new());
        }
        let (source_id, object, foreign_id) = (channel.source_id, content.object, content.foreign_id.clone());
        let known = move |tx: &mut dyn Tx| ingest::find_by_foreign_id(tx, source_id, object.as_str(), &foreign_id);
        let attachments = std::mem::take(&mut content.attachments);
        if self.app.store.read(known).await?.is_some() {
            return Ok(Vec::new());
        }
        attachments::store_contents(&self.app.files, attachments).await
    }

    /// Takes in contents in as many transactions as they take.
    async fn write(&self, channel: &Arc<Channel>, claim: &Claim, part: Arc<Part>) -> Result<Written> {
        let in_bulk = self.app.gathering.is_some();
        let mut left: Vec<usize> = (0..part.len()).collect();
        while !left.is_empty() {
            let (env, to, held, many) = (self.app.env.clone(), channel.clone(), claim.clone(), part.clone());
            let mut pace = self.writing.lock().await;
            let most = if in_bulk { pace.in_bulk } else { CONTENTS_PER_WRITE };
            let wanted: Vec<usize> = left.iter().copied().take(most).collect();
            let count = wanted.len();
            let job = move |tx: &mut dyn Tx| {
                let began = Instant::now();
                let contents: Vec<_> = wanted.iter().map(|at| &many[*at]).collect();
                let (written, taken) = write(tx, &env, &to, &held, &contents, in_bulk)?;
                let done: Vec<usize> =
                    wanted.iter().zip(taken).filter(|(_, taken)| *taken).map(|(at, _)| *at).collect();
                Ok((written, done, began.elapsed()))
            };
            let began = Instant::now();
            let written = self.app.store.write_later(job).await;
            if in_bulk && let Ok((.., ran)) = &written {
                pace.note_bulk(count, *ran);
            }
            tokio::time::sleep(pace.pause(began.elapsed())).await;
            drop(pace);
            match written {
                Ok((Written::Done, done, _)) => left.retain(|at| !done.contains(at)),
                Ok((other, ..)) => return Ok(other),
                Err(Error::Refused(_)) => return self.write_each(channel, claim, &part, &left).await,
                Err(trouble) => return Err(trouble),
            };
        }
        Ok(Written::Done)
    }

    /// Takes in contents of which one is refused: each alone, so that it takes nothing else with it.
    async fn write_each(
        &self,
        channel: &Arc<Channel>,
        claim: &Claim,
        part: &Arc<Part>,
        left: &[usize],
    ) -> Result<Written> {
        for index in left.iter().copied() {
            let (env, to, held, one) = (self.app.env.clone(), channel.clone(), claim.clone(), part.clone());
            let alone = move |tx: &mut dyn Tx| write(tx, &env, &to, &held, &[&one[index]], false);
            match self.app.store.write(alone).await.map(|(written, _)| written) {
                Ok(Written::Done) => {}
                Ok(other) => return Ok(other),
                Err(Error::Refused(refusal)) => {
                    let (env, to, held, one) = (self.app.env.clone(), channel.clone(), claim.clone(), part.clone());
                    let orphan = move |tx: &mut dyn Tx| {
                        // What it answers was never told to us: better without its place than not at all.
                        let (content, files) = &one[index];
                        let content = InboundContent { in_reply_to: None, ..content.clone() };
                        write(tx, &env, &to, &held, &[&(content, files.clone())], false)
                    };
                    match self.app.store.write(orphan).await {
                        Ok((Written::Done, _)) => {}
                        Ok((other, _)) => return Ok(other),
                        Err(Error::Refused(_)) => {
                            let (held, why) = (claim.clone(), [refusal.message]);
                            self.app.store.write(move |tx| skip(tx, &held, &why)).await?;
                        }
                        Err(trouble) => return Err(trouble),
                    }
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(Written::Done)
    }
}

/// Takes in contents, as many as there is time for; says which. In bulk, those that can go with one statement go first.
fn write(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Arc<Channel>,
    claim: &Claim,
    contents: &[&WithFiles],
    in_bulk: bool,
) -> Result<(Written, Vec<bool>)> {
    let mut taken = vec![false; contents.len()];
    if !hold(tx, claim, env.now())? {
        return Ok((Written::Overtaken, taken));
    }
    let mut new = 0;
    if in_bulk {
        let suited = suited(contents);
        let messages: Vec<_> = suited.iter().map(|at| (channel.clone(), Arc::new(contents[*at].0.clone()))).collect();
        for (at, ingested) in suited.into_iter().zip(ingest_many::write(tx, env, &messages)?) {
            taken[at] = ingested.is_some();
            new += i64::from(ingested == Some(Ingested::Created));
        }
    }
    let (began, mut is_first) = (Instant::now(), true);
    for ((content, files), is_taken) in contents.iter().zip(&mut taken).filter(|(_, is_taken)| !**is_taken) {
        if !std::mem::take(&mut is_first) && (began.elapsed() >= WRITE_TIME_MAX || tx.is_awaited()) {
            break;
        }
        *is_taken = true;
        match ingest::content(tx, env, channel, content, files)? {
            Ingested::Created => new += 1,
            Ingested::Repeat => {}
            Ingested::Stale => return Ok((Written::Stale, taken)),
        }
    }
    if new > 0 {
        tx.execute("UPDATE polls SET imported = imported + $2 WHERE source_id = $1", args![&claim.source_id, new])?;
    }
    Ok((Written::Done, taken))
}

/// Those that one statement may take in: none that follows, in its thread, one that it cannot.
fn suited(contents: &[&WithFiles]) -> Vec<usize> {
    let mut passed_over = HashSet::new();
    let mut suited = Vec::with_capacity(contents.len());
    for (at, (content, files)) in contents.iter().enumerate() {
        let thread = content.thread_foreign_id.as_deref();
        let suits = files.is_empty() && ingest_many::Gathering::suits(content);
        if suits && !passed_over.contains(&thread) {
            suited.push(at);
        } else {
            passed_over.insert(thread);
        }
    }
    suited
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bulk_becomes_as_large_as_there_is_time_for() {
        let mut pace = Pace::default();
        // A tenth of a millisecond for each, and two for all.
        let took = |contents: usize| Duration::from_micros(1_000 + 120 * contents as u64);
        for _ in 0..50 {
            pace.note_bulk(pace.in_bulk, took(pace.in_bulk));
        }
        assert!((23..=27).contains(&pace.in_bulk), "{}", pace.in_bulk);
        pace.note_bulk(pace.in_bulk, Duration::from_secs(1));
        pace.note_bulk(pace.in_bulk, Duration::from_secs(1));
        pace.note_bulk(pace.in_bulk, Duration::from_secs(1));
        assert_eq!(pace.in_bulk, BULK_MIN);
        for _ in 0..50 {
            pace.note_bulk(pace.in_bulk, Duration::ZERO);
        }
        assert_eq!(pace.in_bulk, CONTENTS_PER_WRITE);
    }

    #[test]
    fn short_pauses_are_put_together() {
        let mut pace = Pace::default();
        let pauses: Vec<u64> = (0..8).map(|_| pace.pause(Duration::from_millis(8)).as_millis() as u64).collect();
        assert_eq!(pauses, [0, 5, 0, 5, 0, 5, 0, 5], "a third of what they took");
    }
}
