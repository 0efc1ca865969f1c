//! Polling: asking the channels of Channel SDK sources what they can do and what is new.
//!
//! A row of `polls` says when a source is asked next. One node claims it, asks `implementation.info`, then each list from
//! where it was read to, slice after slice until there is nothing new. What a slice holds is taken in by the same
//! command as the real-time half, in short transactions, so that nobody waits long behind an import; the place in the
//! list moves with the last of them. Whatever is killed, the next run goes on there, and what it is told again is known.

mod store;
mod taking_in;
mod youtube;

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk_model::{Error, Id, Result, Secret, Timestamp, error};
use frontdesk_net::OutboundAnswer;
use frontdesk_rest::Call;
use frontdesk_sources::Polling as Manner;
use frontdesk_sources::inbound::ContentObject;
use frontdesk_sources::outbound::Request;
use frontdesk_sources::sdk::{self, Implementation, Info, PolledAnswer, Slice};
use frontdesk_store::{Tx, args};
use futures_util::FutureExt;
use serde_json::{Map, Value, json};
use tokio::sync::{Mutex, Semaphore, watch};
use tokio::task::JoinSet;

use self::store::{CLAIM_SECONDS, Claim, claim, due, explain, finish, move_on, note, since_id};
use self::taking_in::{Pace, Written};
use crate::Conversations;
use crate::sources::{Channel, Source};

/// Seconds between two runs, unless the operator says otherwise.
pub const INTERVAL_SECONDS: u32 = 60;
/// A channel without a list is asked so many times less often what it can do.
const WITHOUT_LIST_FACTOR: i64 = 3;
/// The pauses after failures double up to so many seconds, or to the interval where that is longer.
const PAUSE_SECONDS_MAX: i64 = 900;
/// For one answer.
pub const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// A run that takes longer makes room for others and goes on when it is its turn again.
const RUN_SECONDS_MAX: i64 = 300;
/// At most this many runs at once: those of slow channels must not hold up the others.
const RUNS_MAX: usize = 48;
/// At most this many answers are read at once, which takes several times their size in memory.
const READINGS_MAX: usize = 2;
/// Sources that are due are looked for this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// What people read when the fault is ours.
const BROKEN: &str = "what the channel told could not be taken in; the server's log says why";

/// Whether sources like this are asked.
pub(crate) fn is_polled(source: &Source) -> bool {
    source.kind.polling.is_some()
}

/// Asks a source as soon as a worker is free: at its creation, at each save, and when somebody wants it.
pub(crate) fn ask_soon(tx: &mut dyn Tx, source_id: Id, now: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO polls (source_id, failures, imported, skipped, claim, due_at) VALUES ($1, 0, 0, 0, 0, $2)
         ON CONFLICT (source_id) DO UPDATE SET due_at = $2",
        args![&source_id, now],
    )?;
    Ok(())
}

/// Asks a source now: an operation of people.
pub(crate) fn synchronize(call: &Call, source: &Source, tx: &mut dyn Tx) -> Result<()> {
    if !is_polled(source) {
        let message = format!("Sources of type {} are not asked: what is new comes by itself.", source.kind.type_name);
        return Err(error::unprocessable("not_polled", message));
    }
    if !source.active {
        return Err(error::unprocessable("inactive", "The source is inactive: activate it to synchronize it."));
    }
    ask_soon(tx, source.id, call.env.now())
}

/// Forgets a source that goes.
pub(crate) fn forget(tx: &mut dyn Tx, source_id: Id) -> Result<()> {
    for table in ["polls", "poll_cursors", "watched_threads"] {
        tx.execute(&format!("DELETE FROM {table} WHERE source_id = $1"), args![&source_id])?;
    }
    Ok(())
}

/// What people see of it beside the source's settings: `implementation` and `synchronization`.
pub(crate) fn shown(tx: &mut dyn Tx, source_id: Id) -> Result<Map<String, Value>> {
    let row = tx.first(
        "SELECT implementation, error, failures, imported, skipped, skipped_last, ended_at, due_at, claimed_until
         FROM polls WHERE source_id = $1",
        args![&source_id],
    )?;
    let mut shown = Map::new();
    let Some(row) = row else { return Ok(shown) };
    let implementation = read_implementation(row.get(0)?)?;
    let remarks = implementation.as_ref().map(Implementation::remarks).unwrap_or_default();
    shown.insert("implementation".into(), implementation.map_or(Value::Null, |known| known.json()));
    let running = row.get::<Option<i64>>(8)?.is_some();
    let synchronization = json!({
        "running": running, "error": row.get::<Option<String>>(1)?, "failures": row.get::<i64>(2)?,
        "imported": row.get::<i64>(3)?, "skipped": row.get::<i64>(4)?, "last_skipped": row.get::<Option<String>>(5)?,
        "remarks": remarks,
        "last_run_at": row.get::<Option<Timestamp>>(6)?, "next_run_at": row.get::<Timestamp>(7)?,
    });
    shown.insert("synchronization".into(), synchronization);
    Ok(shown)
}

/// Reads back what a channel told of itself.
pub(crate) fn read_implementation(stored: Option<String>) -> Result<Option<Implementation>> {
    let Some(stored) = stored else { return Ok(None) };
    let read = serde_json::from_str(&stored).map_err(|trouble| trouble.to_string());
    let read = read.and_then(|json| Implementation::read(&json));
    read.map(Some).map_err(|trouble| error::broken(format!("polls.implementation: {trouble}")))
}

/// What the workers share.
struct Polling {
    app: Arc<Conversations>,
    interval_seconds: i64,
    readings: Semaphore,
    /// One import writes at a time, so that nobody waits behind more than one of them.
    writing: Mutex<Pace>,
    observer: Observer,
}

/// Told of every run that has ended: how (`ok`, `channel_failed`, `own_failure` or `overtaken`), and how long it took.
pub type Observer = Arc<dyn Fn(&'static str, Duration) + Send + Sync>;

/// Asks what is due until `stop` changes. A run that is cut off then goes on at the next start.
pub async fn run(app: Arc<Conversations>, interval_seconds: u32, observer: Observer, mut stop: watch::Receiver<bool>) {
    let readings = Semaphore::new(READINGS_MAX);
    let (interval_seconds, writing) = (interval_seconds.into(), Mutex::new(Pace::default()));
    let polling = Arc::new(Polling { app, interval_seconds, readings, writing, observer });
    if let Err(trouble) = polling.release_claims().await {
        tracing::warn!(?trouble, "sources that an earlier process was asking wait until its claims run out");
    }
    let mut runs = JoinSet::new();
    while !*stop.borrow() {
        match polling.claim(RUNS_MAX.saturating_sub(runs.len())).await {
            Ok(claims) => {
                for claim in claims {
                    runs.spawn(polling.clone().attempt(claim));
                }
            }
            Err(trouble) => tracing::error!(?trouble, "sources to be asked cannot be claimed"),
        }
        while runs.try_join_next().is_some() {}
        tokio::select! {
            _ = stop.changed() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// How a run ended, if not by a failure of the channel.
enum Ended {
    /// There is nothing new. It is asked again after so many seconds.
    UpToDate { next_seconds: i64 },
    /// Its service takes no more calls now, as people are told; it is asked again after so many seconds.
    Waits { why: String, next_seconds: i64 },
    /// The source changed, or it was a long run: go on at once.
    Unfinished,
    /// Somebody else has taken over, or the source is gone.
    Overtaken,
}

/// What stops a run.
enum Stop {
    /// The channel: what it did, for people.
    Channel(String),
    /// We ourselves.
    Own(Error),
}

impl From<Error> for Stop {
    fn from(trouble: Error) -> Stop {
        Stop::Own(trouble)
    }
}

impl Polling {
    async fn release_claims(&self) -> Result<()> {
        let node = self.app.node_id;
        let release = move |tx: &mut dyn Tx| {
            let sql = "UPDATE polls SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1";
            tx.execute(sql, args![&node]).map(drop)
        };
        self.app.store.write(release).await
    }

    async fn claim(&self, free: usize) -> Result<Vec<Claim>> {
        let (node, now, free) = (self.app.node_id, self.app.env.now(), i64::try_from(free).unwrap_or(0));
        let furthest = now.plus_seconds(self.furthest_seconds());
        // Most looks find nothing and need not bother the writer.
        if free == 0 || self.app.store.read(move |tx| due(tx, now, furthest, 1)).await?.is_empty() {
            return Ok(Vec::new());
        }
        self.app.store.write(move |tx| claim(tx, node, now, furthest, free)).await
    }

    /// One run, and the note of how it went. When even that cannot be noted, the claim runs out.
    async fn attempt(self: Arc<Self>, claim: Claim) {
        let (source_id, started) = (claim.source_id, Instant::now());
        let ran = AssertUnwindSafe(self.ask(&claim)).catch_unwind().await;
        let ran = ran.unwrap_or_else(|_| Err(Stop::Own(error::broken("a run panicked"))));
        let result = match &ran {
            Ok(Ended::Overtaken) => "overtaken",
            Ok(Ended::Unfinished | Ended::UpToDate { .. } | Ended::Waits { .. }) => "ok",
            Err(Stop::Channel(_)) => "channel_failed",
            Err(Stop::Own(_)) => "own_failure",
        };
        (self.observer)(result, started.elapsed());
        let (failure, next) = match ran {
            Ok(Ended::Overtaken) => return,
            Ok(Ended::Unfinished) => (None, 0),
            Ok(Ended::UpToDate { next_seconds }) => (None, next_seconds.min(self.pause_seconds_max())),
            Ok(Ended::Waits { why, next_seconds }) => (Some(why), next_seconds.min(self.pause_seconds_max())),
            Err(Stop::Own(Error::Unavailable(trouble))) => {
                tracing::warn!(%source_id, trouble, "a source is asked again when the store can be written");
                return;
            }
            Err(Stop::Own(trouble)) => {
                tracing::error!(%source_id, ?trouble, "what a channel told could not be taken in");
                (Some(BROKEN.to_owned()), self.pause_seconds(claim.failures))
            }
            Err(Stop::Channel(message)) => {
                tracing::info!(%source_id, why = message, "a channel was not asked to the end");
                (Some(message), self.pause_seconds(claim.failures))
            }
        };
        let env = self.app.env.clone();
        let finishing = self.app.store.write(move |tx| finish(tx, &env, &claim, failure.as_deref(), next));
        if let Err(trouble) = finishing.await {
            tracing::error!(%source_id, ?trouble, "the end of a run was not written");
        }
    }

    /// No run is due later than this: what says so was written before the clock was set back, or the interval was longer.
    fn furthest_seconds(&self) -> i64 {
        self.pause_seconds_max() + CLAIM_SECONDS
    }

    fn pause_seconds_max(&self) -> i64 {
        PAUSE_SECONDS_MAX.max(self.without_list_seconds())
    }

    fn without_list_seconds(&self) -> i64 {
        self.interval_seconds * WITHOUT_LIST_FACTOR
    }

    fn pause_seconds(&self, failures: i64) -> i64 {
        pause_seconds(self.interval_seconds, failures)
    }

    async fn ask(&self, claim: &Claim) -> Result<Ended, Stop> {
        let app = &self.app;
        let Some(mut channel) = app.channels.reload(&app.store, &app.seal, claim.source_id).await? else {
            return Ok(Ended::Overtaken);
        };
        if channel.kind.polling == Some(Manner::YouTube) {
            return youtube::ask(self, claim, &channel).await;
        }
        if channel.settings.text(sdk::BASE_URI).is_none() {
            // It only posts to us.
            return Ok(Ended::UpToDate { next_seconds: self.without_list_seconds() });
        }
        let until = app.env.now().plus_seconds(RUN_SECONDS_MAX);
        let request = sdk::info_request(&channel.settings, app.env.now());
        let read = |answer: &PolledAnswer| sdk::read_info(answer);
        let implementation = match self.post(&channel, "implementation.info", request, read).await? {
            Info::NotImplemented => None,
            Info::Told(implementation) => Some(implementation),
        };
        if implementation != channel.implementation {
            let (told, to) = (implementation.as_ref().map(|told| told.json().to_string()), claim.clone());
            if !app.store.write(move |tx| note(tx, &to, told.as_deref())).await? {
                return Ok(Ended::Overtaken);
            }
            match app.channels.reload(&app.store, &app.seal, claim.source_id).await? {
                Some(fresh) => channel = fresh,
                None => return Ok(Ended::Overtaken),
            }
        }
        let lists = implementation.map(|told| told.lists(channel.options().unwrap_or_default())).unwrap_or_default();
        for object in &lists {
            match self.read_list(&channel, claim, *object, until).await? {
                Written::Done => {}
                Written::Stale => return Ok(Ended::Unfinished),
                Written::Overtaken => return Ok(Ended::Overtaken),
            }
        }
        if app.env.now() >= until {
            return Ok(Ended::Unfinished);
        }
        let next_seconds = if lists.is_empty() { self.without_list_seconds() } else { self.interval_seconds };
        Ok(Ended::UpToDate { next_seconds })
    }

    /// Reads a list from where it was read to, until there is nothing new or the time is up.
    async fn read_list(
        &self,
        channel: &Arc<Channel>,
        claim: &Claim,
        object: ContentObject,
        until: Timestamp,
    ) -> Result<Written, Stop> {
        let (app, source_id) = (&self.app, claim.source_id);
        let mut since_id = app.store.read(move |tx| since_id(tx, source_id, object)).await?;
        let mut asked = HashSet::new();
        let action = sdk::list_action(object);
        while app.env.now() < until {
            let request = sdk::list_request(&channel.settings, object, since_id.as_deref(), app.env.now());
            let options = channel.options().unwrap_or_default();
            let read = |answer: &PolledAnswer| sdk::read_list(answer, object, options);
            let Slice { newest_id, contents, skipped } = self.post(channel, &action, request, read).await?;
            let Some(newest_id) = newest_id else {
                // Without an id there is no place to go on from: what was left out is told for ever, and counted never.
                if let Some(last) = skipped.into_iter().next_back() {
                    let held = claim.clone();
                    app.store.write(move |tx| explain(tx, &held, 0, &last)).await?;
                }
                break;
            };
            let is_new_place = since_id.as_ref() != Some(&newest_id);
            let told = !contents.is_empty();
            match self.take_in(channel, claim, contents).await? {
                Written::Done => {}
                other => return Ok(other),
            }
            if is_new_place {
                let (to, place) = (claim.clone(), newest_id.clone());
                let moved = move |tx: &mut dyn Tx| move_on(tx, &to, object, &place, &skipped);
                if !app.store.write(moved).await? {
                    return Ok(Written::Overtaken);
                }
            }
            // A channel that begins anew, or tells the same whatever it is asked, is asked again in the next run.
            if !told || !is_new_place || !asked.insert(newest_id.clone()) {
                break;
            }
            since_id = Some(newest_id);
        }
        Ok(Written::Done)
    }

    /// Posts an action and reads the answer.
    async fn post<T>(
        &self,
        channel: &Channel,
        action: &str,
        request: Option<Request>,
        read: impl Fn(&PolledAnswer) -> Result<T, String>,
    ) -> Result<T, Stop> {
        let told = |why: String| Stop::Channel(format!("{action}: {why}."));
        let request = request.ok_or_else(|| told("the source has no address to ask: set base_uri".into()))?;
        let request = self.app.outbound_request(request, ANSWER_DEADLINE, sdk::limits::LIST_BYTES_MAX)?;
        let answer = self.app.outbound.send(request).await.map_err(|trouble| told(trouble.to_string()))?;
        let _turn = self.readings.acquire().await;
        let answer = polled_answer(&answer, channel.settings.secret(sdk::ACCESS_TOKEN));
        // Reading a large answer takes long enough for others to notice.
        tokio::task::block_in_place(|| read(&answer)).map_err(told)
    }
}

/// An answer as the channel's words; its signature is judged with the source's secret.
pub fn polled_answer<'a>(answer: &'a OutboundAnswer, secret: Option<&Secret>) -> PolledAnswer<'a> {
    let signature = answer.headers.get(sdk::SIGNATURE_HEADER).map(|value| value.to_str().unwrap_or("?"));
    // Only what says something is signed alike by all: some sign nothing, or the empty text, for other answers.
    let says_something = matches!(answer.body.trim_ascii_start().first(), Some(b'{' | b'['));
    let signature_fits = signature.filter(|text| !text.is_empty() && says_something).map(|signature| {
        secret.is_some_and(|secret| {
            frontdesk_net::verify_sdk_signature(secret.reveal().as_bytes(), &answer.body, signature)
        })
    });
    PolledAnswer { status: answer.status.as_u16(), body: &answer.body, truncated: answer.truncated, signature_fits }
}

/// The pause after another failure: it doubles.
fn pause_seconds(interval_seconds: i64, failures: i64) -> i64 {
    let doubled = interval_seconds.saturating_mul(1 << failures.clamp(0, 20));
    doubled.min(PAUSE_SECONDS_MAX.max(interval_seconds))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::{Desk, id};

    #[test]
    fn pauses_double_up_to_their_limit() {
        let pauses = |interval| [0, 1, 2, 3, 4, 50].map(|failures| pause_seconds(interval, failures));
        assert_eq!(pauses(60), [60, 120, 240, 480, 900, 900]);
        assert_eq!(pauses(1), [1, 2, 4, 8, 16, 900]);
        assert_eq!(pauses(3_600), [3_600; 6]);
    }

    /// What the store says is due, as one node after the other would claim it.
    #[tokio::test]
    async fn a_clock_that_is_set_back_stops_nothing() {
        let (desk, source_id) = (Desk::open().await, id(100));
        let (app, observer) = (desk.app.clone(), Arc::new(|_: &'static str, _: Duration| {}));
        let polling =
            Polling { app, interval_seconds: 60, readings: Semaphore::new(1), writing: Mutex::default(), observer };
        let now = desk.app.env.now();
        desk.app.store.write(move |tx| ask_soon(tx, source_id, now)).await.unwrap();
        let first = polling.claim(1).await.unwrap().remove(0);
        assert!(polling.claim(1).await.unwrap().is_empty(), "it is being asked");
        desk.pass(-86_400);
        let second = polling.claim(1).await.unwrap().remove(0);
        assert_eq!((first.number, second.number), (1, 2));
        let (env, ended) = (desk.app.env.clone(), second);
        desk.app.store.write(move |tx| finish(tx, &env, &ended, Some("Busy"), 900)).await.unwrap();
        assert!(polling.claim(1).await.unwrap().is_empty(), "it pauses");
        desk.pass(-3_600);
        assert_eq!(polling.claim(1).await.unwrap().remove(0).number, 3);
    }
}
