//! Consumers of the log. Each has a durable position; it handles events and moves on in one transaction, so that after
//! a kill at any moment it resumes after the last event that it finished, and finishes each event once.

use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk_model::{Event, Result, error};

use crate::tx::Tx;
use crate::{Store, Tail, args};

/// At most this many entries are looked at at once.
const READ_EVENTS_MAX: usize = 1000;
/// At most this many entries are handled in one transaction: everybody else waits behind it.
const HANDLE_EVENTS_MAX: usize = 64;
/// Its position is looked at this often, whether or not the log has grown.
const POLL_PERIOD: Duration = Duration::from_millis(500);
/// Whoever asked the store and found nothing to do asks again after this at the earliest: under load, one question then
/// serves many commits.
const PAUSE_AFTER_NOTHING: Duration = Duration::from_millis(5);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// A position that only passed over events is saved this often: it costs a write.
const SAVE_PERIOD: Duration = Duration::from_secs(2);

/// Something that reads the log.
pub trait Consumer: Send + Sync + 'static {
    /// Unique and stable: its position is stored under it.
    fn name(&self) -> &'static str;

    /// Whether an event of this kind concerns it; the others are passed over without a write.
    fn wants(&self, kind: &str) -> bool;

    /// Whether it chooses among the events that it wants.
    fn is_choosy(&self) -> bool {
        false
    }

    /// Which of the wanted events are worth a write. A consumer that wants a frequent kind and seldom does anything about
    /// it is choosy and chooses here, in a transaction that only reads.
    fn choose(&self, tx: &mut dyn Tx, events: Vec<Event>) -> Result<Vec<Event>> {
        let _ = tx;
        Ok(events)
    }

    /// Handles events in order, in the transaction that also moves its position. It only writes rows; what leaves the
    /// house is sent later, from those rows.
    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()>;

    /// Called after a commit that handled something: rows may be waiting.
    fn handled(&self) {}
}

/// Feeds a consumer from the end of the log until `stop` changes.
pub async fn run(store: Store, tail: Tail, consumer: Arc<dyn Consumer>, mut stop: tokio::sync::watch::Receiver<bool>) {
    let mut changed = tail.changed();
    let mut position = None;
    loop {
        if *stop.borrow() {
            return;
        }
        let pause = match catch_up(&store, &tail, &consumer, &mut position).await {
            Ok(Progress::CaughtUp) => POLL_PERIOD,
            Ok(Progress::FoundNothing) => PAUSE_AFTER_NOTHING,
            Ok(Progress::MovedElsewhere) => {
                tracing::debug!(consumer = consumer.name(), "another node moved this consumer on");
                position = None;
                continue;
            }
            Err(trouble) => {
                tracing::error!(consumer = consumer.name(), ?trouble, "a consumer failed and will try again");
                position = None;
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            _ = stop.changed() => return,
            changed = changed.changed(), if pause == POLL_PERIOD => if changed.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// The consumer's place: what is stored, and how far it has read without finding anything for it.
#[derive(Clone, Copy)]
struct Position {
    stored: i64,
    read: i64,
    saved_at: Instant,
}

/// What came of reading on.
enum Progress {
    CaughtUp,
    /// The same, but the store was asked and nothing was chosen.
    FoundNothing,
    /// Another node handled what this one was about to: its place is read again.
    MovedElsewhere,
}

async fn catch_up(
    store: &Store,
    tail: &Tail,
    consumer: &Arc<dyn Consumer>,
    position: &mut Option<Position>,
) -> Result<Progress> {
    let mut place = match *position {
        Some(place) => place,
        None => {
            let name = consumer.name();
            let stored = store.write(move |tx| stored_position(tx, name)).await?;
            Position { stored, read: stored, saved_at: Instant::now() }
        }
    };
    let mut progress = Progress::CaughtUp;
    loop {
        let events = tail.after(place.read, READ_EVENTS_MAX).await?;
        let (is_end, Some(last)) = (events.len() < READ_EVENTS_MAX, events.last().map(|event| event.seq)) else {
            break;
        };
        let wanted = events.iter().filter(|event| consumer.wants(&event.kind));
        let mut wanted: Vec<Event> = wanted.map(|event| Event::clone(event)).collect();
        if consumer.is_choosy() && !wanted.is_empty() {
            let chooser = consumer.clone();
            wanted = store.read(move |tx| chooser.choose(tx, wanted.clone())).await?;
            progress = if wanted.is_empty() { Progress::FoundNothing } else { Progress::CaughtUp };
        }
        for some in wanted.chunks(HANDLE_EVENTS_MAX) {
            let end = some.last().map_or(last, |event| event.seq);
            if !handle(store, consumer, place.stored, end, some.to_vec()).await? {
                return Ok(Progress::MovedElsewhere);
            }
            place.stored = end;
        }
        place.read = last;
        *position = Some(place);
        if is_end {
            break;
        }
    }
    if place.read > place.stored && place.saved_at.elapsed() >= SAVE_PERIOD {
        if !handle(store, consumer, place.stored, place.read, Vec::new()).await? {
            return Ok(Progress::MovedElsewhere);
        }
        place = Position { stored: place.read, read: place.read, saved_at: Instant::now() };
    }
    *position = Some(place);
    Ok(progress)
}

fn stored_position(tx: &mut dyn Tx, name: &str) -> Result<i64> {
    tx.execute("INSERT INTO consumers (name, position) VALUES ($1, 0) ON CONFLICT (name) DO NOTHING", args![name])?;
    tx.one("SELECT position FROM consumers WHERE name = $1", args![name])?.get(0)
}

/// Handles events and moves the stored position in one transaction. False, with nothing done, if another node moved it
/// first: no lease, no clock, and still each event is handled once.
async fn handle(store: &Store, consumer: &Arc<dyn Consumer>, from: i64, to: i64, events: Vec<Event>) -> Result<bool> {
    let handler = consumer.clone();
    let found_any = !events.is_empty();
    let is_ours = store
        .write(move |tx| {
            let moved = tx.execute(
                "UPDATE consumers SET position = $3 WHERE name = $1 AND position = $2",
                args![handler.name(), from, to],
            )?;
            if moved != 1 {
                return Ok(false);
            }
            if !events.is_empty() {
                handler.handle(tx, &events)?;
            }
            Ok(true)
        })
        .await?;
    if found_any && is_ours {
        consumer.handled();
    }
    Ok(is_ours)
}

/// Whether events wait in the log that this consumer has not handled and wants to.
pub fn is_waiting(tx: &mut dyn Tx, consumer: &dyn Consumer) -> Result<bool> {
    let position = stored_position(tx, consumer.name())?;
    let kinds = tx.query("SELECT DISTINCT kind FROM log WHERE seq > $1", args![position])?;
    for kind in kinds {
        if consumer.wants(&kind.get::<String>(0)?) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Moves a consumer past everything that the log holds: for events of which nothing is to follow.
pub fn skip(tx: &mut dyn Tx, consumer: &dyn Consumer) -> Result<()> {
    stored_position(tx, consumer.name())?;
    tx.execute("UPDATE consumers SET position = (SELECT seq FROM log_head) WHERE name = $1", args![consumer.name()])?;
    Ok(())
}

/// Gives a reader of the log that is no [`Consumer`] a place at its end. The log is kept for it until [`leave`].
pub fn join(tx: &mut dyn Tx, name: &str) -> Result<()> {
    tx.execute(
        "INSERT INTO consumers (name, position) SELECT $1, seq FROM log_head WHERE TRUE
         ON CONFLICT (name) DO UPDATE SET position = excluded.position",
        args![name],
    )?;
    Ok(())
}

/// Where such a reader is; none when it has no place.
pub fn place(tx: &mut dyn Tx, name: &str) -> Result<Option<i64>> {
    tx.first("SELECT position FROM consumers WHERE name = $1", args![name])?.map(|row| row.get(0)).transpose()
}

/// Moves such a reader on; never back.
pub fn advance(tx: &mut dyn Tx, name: &str, position: i64) -> Result<()> {
    let sql = "UPDATE consumers SET position = $2 WHERE name = $1 AND position < $2";
    tx.execute(sql, args![name, position])?;
    Ok(())
}

/// Ends such a reader.
pub fn leave(tx: &mut dyn Tx, name: &str) -> Result<()> {
    tx.execute("DELETE FROM consumers WHERE name = $1", args![name])?;
    Ok(())
}

/// How far each consumer is behind the end of the log, in entries.
pub fn lags(tx: &mut dyn Tx) -> Result<Vec<(String, i64)>> {
    let rows = tx.query("SELECT name, (SELECT seq FROM log_head) - position FROM consumers ORDER BY name", args![])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// Refuses a name that two consumers share: they would steal each other's events.
pub fn require_distinct(consumers: &[Arc<dyn Consumer>]) -> Result<()> {
    for (index, consumer) in consumers.iter().enumerate() {
        if consumers[..index].iter().any(|other| other.name() == consumer.name()) {
            return Err(error::broken(format!("two consumers are named {}", consumer.name())));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::Migration;

    const TABLES: &str = "
        CREATE TABLE log (seq INTEGER PRIMARY KEY, id TEXT, kind TEXT, at BIGINT, thread_id BLOB, object_id BLOB DEFAULT x'0123456789abcdef01234567', user_id BLOB, payload TEXT, source_id BLOB);
        CREATE TABLE log_head (id INTEGER PRIMARY KEY, seq BIGINT NOT NULL);
        INSERT INTO log_head (id, seq) VALUES (1, 1);
        CREATE TABLE consumers (name TEXT PRIMARY KEY, position BIGINT NOT NULL);
        INSERT INTO log (seq, id, kind, at, payload) VALUES (1, x'0123456789abcdef01234567', 'content.imported', 0, '{}');";

    /// Refuses what it is given, as a command does that it calls.
    #[derive(Default)]
    struct Refusing(AtomicUsize);

    impl Consumer for Refusing {
        fn name(&self) -> &'static str {
            "refusing"
        }
        fn wants(&self, _: &str) -> bool {
            true
        }
        fn handle(&self, _: &mut dyn Tx, _: &[Event]) -> Result<()> {
            self.0.fetch_add(1, Ordering::Relaxed);
            Err(error::conflict("not now"))
        }
    }

    #[tokio::test]
    async fn what_a_consumer_refuses_is_tried_again_after_a_pause() {
        let folder = tempfile::tempdir().unwrap();
        let tables = Migration { number: 1, name: "tables", sqlite: TABLES, postgres: "" };
        let store = Store::open_sqlite(&folder.path().join("db"), &[tables]).unwrap();
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let consumer = Arc::new(Refusing::default());
        let tail = Tail::new(store.clone());
        let following = tokio::spawn(tail.clone().run(stopped.clone()));
        let running = tokio::spawn(run(store.clone(), tail, consumer.clone(), stopped));
        for _ in 0..10_000 {
            tokio::time::sleep(Duration::from_millis(1)).await;
            if consumer.0.load(Ordering::Relaxed) > 0 {
                break;
            }
        }
        tokio::time::sleep(PAUSE_AFTER_FAILURE / 4).await;
        assert!((1..=2).contains(&consumer.0.load(Ordering::Relaxed)), "{}", consumer.0.load(Ordering::Relaxed));
        stop.send(true).unwrap();
        running.await.unwrap();
        following.await.unwrap();
        tokio::task::spawn_blocking(move || store.close()).await.unwrap();
    }
}
