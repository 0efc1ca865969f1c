//! Queue updates: channels that want to know are told how long a customer still waits. Routing knows the
//! queue and calls [`queue_update`] whenever a customer's place in it may have changed. They are hints: nothing of them
//! is stored or logged, what comes too often or too much at once is left out, and nobody waits for an answer that fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_sources::Queues;
use frontdesk_sources::sdk::QueuePlace;
use frontdesk_store::{Tx, args};
use tokio::sync::Semaphore;

use crate::sources::Channel;
use crate::{Conversations, visitors};

/// Of one thread a channel is told at most once in so many seconds.
const PERIOD_SECONDS: i64 = 5;
/// What has not changed is told again after so many seconds.
const REPEAT_SECONDS: i64 = 60;
/// At most so many threads are remembered; more are let through unremembered.
const THREADS_MAX: usize = 10_000;
/// At most so many channels are being told at once.
const RUNNING_MAX: usize = 16;
/// For one request.
const DEADLINE: Duration = Duration::from_secs(10);
/// Nothing that a channel answers to it is read.
const ANSWER_BYTES_MAX: usize = 1024;

/// What became of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueUpdate {
    /// The channel took it: any 2xx.
    Told,
    /// The thread's channel does not ask for it, or cannot be told.
    NotWanted,
    /// It is too soon for this thread, or too much is going out.
    LeftOut,
    /// The channel did not take it: why.
    Failed(String),
}

/// What was told last, and how much is going out now.
pub struct QueueUpdates {
    told: Mutex<HashMap<Id, Last>>,
    running: Semaphore,
}

#[derive(Clone, Copy)]
struct Last {
    at: Timestamp,
    position: u32,
    wait_seconds: u32,
}

impl Default for QueueUpdates {
    fn default() -> QueueUpdates {
        QueueUpdates { told: Mutex::default(), running: Semaphore::new(RUNNING_MAX) }
    }
}

impl QueueUpdates {
    /// Whether a place is to be told now.
    fn admit(&self, thread_id: Id, position: u32, wait_seconds: u32, now: Timestamp) -> bool {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(last) = told.get(&thread_id) {
            let is_same = (last.position, last.wait_seconds) == (position, wait_seconds);
            let pause = if is_same { REPEAT_SECONDS } else { PERIOD_SECONDS };
            // What was told later than now was told before the clock was set back.
            if last.at <= now && last.at.plus_seconds(pause) > now {
                return false;
            }
        }
        if told.len() >= THREADS_MAX {
            told.retain(|_, last| last.at <= now && last.at.plus_seconds(REPEAT_SECONDS) > now);
        }
        if told.len() < THREADS_MAX || told.contains_key(&thread_id) {
            told.insert(thread_id, Last { at: now, position, wait_seconds });
        }
        true
    }
}

/// Tells a thread's channel that its customer is at this position, 1 being next, and waits about so many seconds more.
/// Errors are those of the store; what a channel does is told in the answer.
pub async fn queue_update(
    app: &Arc<Conversations>,
    thread_id: Id,
    position: u32,
    wait_seconds: u32,
) -> Result<QueueUpdate> {
    let finding = app.clone();
    let found = app.store.read(move |tx| find(&finding, tx, thread_id)).await?;
    let Some((channel, thread_foreign_id, in_reply_to)) = found else { return Ok(QueueUpdate::NotWanted) };
    let place = QueuePlace { wait_seconds, position, thread_foreign_id, in_reply_to };
    let now = app.env.now();
    let request = wanted(&channel).and_then(|updates| (updates.request)(&channel.settings, &place, now));
    let Some(request) = request else { return Ok(QueueUpdate::NotWanted) };
    let Ok(_running) = app.queue_updates.running.try_acquire() else { return Ok(QueueUpdate::LeftOut) };
    if !app.queue_updates.admit(thread_id, position, wait_seconds, now) {
        return Ok(QueueUpdate::LeftOut);
    }
    Ok(match app.outbound.send(app.outbound_request(request, DEADLINE, ANSWER_BYTES_MAX)?).await {
        Ok(answer) if answer.status.is_success() => QueueUpdate::Told,
        Ok(answer) => QueueUpdate::Failed(format!("The channel answered {}.", answer.status.as_u16())),
        Err(trouble) => QueueUpdate::Failed(trouble.to_string()),
    })
}

/// Tells the visitor of a thread of our own where they stand, at this position with about so many seconds
/// to wait; or, without, that they wait no more. Whether there is such a visitor; only who listens on this node hears it.
pub async fn visitor_update(app: &Arc<Conversations>, thread_id: Id, place: Option<(u32, u32)>) -> Result<bool> {
    let telling = app.clone();
    app.store.read(move |tx| visitors::queued(&telling, tx, thread_id, place)).await
}

/// Who is told of a source's queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ear {
    /// Its channel, which passes it on.
    Channel,
    /// The visitors themselves, by their streams.
    Visitor,
}

/// The sources of whose queues somebody is told, each with the routing channel that it belongs to.
pub fn wanting(app: &Conversations, tx: &mut dyn Tx) -> Result<HashMap<Id, (Id, Ear)>> {
    let routed = crate::work::routed_sources(tx)?;
    let ids: Vec<Id> = routed.keys().copied().collect();
    let channels = app.channels.current(tx, &app.seal, &ids)?;
    let ear = |id: &Id| {
        let channel = channels.get(id)?;
        if channel.active && channel.kind.is_live_chat {
            return Some(Ear::Visitor);
        }
        wanted(channel).map(|_| Ear::Channel)
    };
    Ok(routed.into_iter().filter_map(|(id, channel_id)| Some((id, (channel_id, ear(&id)?)))).collect())
}

/// How a channel is told, if it wants to be.
fn wanted(channel: &Channel) -> Option<&'static Queues> {
    let updates = channel.kind.queues.as_ref()?;
    (channel.active && (updates.wanted)(channel.options().unwrap_or_default())).then_some(updates)
}

/// The channel of a thread, its id of the thread, and its id of the customer's last content there.
type Found = (Arc<Channel>, Option<String>, Option<String>);

fn find(app: &Conversations, tx: &mut dyn Tx, thread_id: Id) -> Result<Option<Found>> {
    let row = tx.first("SELECT source_id, foreign_id FROM threads WHERE id = $1", args![&thread_id])?;
    let Some(row) = row else { return Ok(None) };
    let source_id: Id = row.get(0)?;
    let channel = app.channels.current(tx, &app.seal, &[source_id])?.remove(&source_id);
    let Some(channel) = channel.filter(|channel| channel.kind.queues.is_some()) else { return Ok(None) };
    let last = tx.first(
        "SELECT foreign_id FROM contents
         WHERE thread_id = $1 AND creator_id IS NULL AND foreign_id IS NOT NULL
           AND status NOT IN ('user_reply', 'user_initiated')
         ORDER BY created_at DESC, id DESC LIMIT 1",
        args![&thread_id],
    )?;
    let last = last.map(|row| row.get(0)).transpose()?;
    Ok(Some((channel, row.get(1)?, last)))
}

#[cfg(test)]
mod tests {
    use frontdesk_sources::validate_settings;
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio::sync::mpsc;

    use super::*;
    use crate::delivery::tests::{Desk, id};
    use crate::sources::StoredSettings;

    /// A channel that answers each request with the next of these statuses, and hands its body on.
    async fn channel(statuses: Vec<u16>) -> (String, mpsc::UnboundedReceiver<Value>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (hand_on, handed_on) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            for status in statuses {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut request = Vec::new();
                let body = loop {
                    let mut some = [0; 4096];
                    let read = stream.read(&mut some).await.unwrap();
                    request.extend_from_slice(&some[..read]);
                    let end = request.windows(4).position(|four| four == b"\r\n\r\n");
                    if let Some(body) = end.and_then(|end| serde_json::from_slice(&request[end + 4..]).ok()) {
                        break body;
                    }
                    assert_ne!(read, 0, "the request ended before its body did");
                };
                hand_on.send(body).unwrap();
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (format!("http://{address}/"), handed_on)
    }

    /// A desk whose source has this address and these options, with a customer's content in thread 50.
    async fn desk(base_uri: &str, options: &[&str]) -> Desk {
        let desk = Desk::open().await;
        let given = json!({ "base_uri": base_uri, "access_token": "open sesame", "options": options });
        let kind = frontdesk_sources::kind("sdk").unwrap();
        let settings = validate_settings(kind, given.as_object().unwrap()).unwrap();
        let stored = StoredSettings { own: settings.public(), ..StoredSettings::default() };
        let stored = serde_json::to_string(&stored).unwrap();
        let secrets = serde_json::json!({ "access_token": "open sesame" }).to_string();
        let app = desk.app.clone();
        let filling = desk.app.store.write(move |tx| {
            let purpose = format!("source:{}", id(100));
            let sealed = app.seal.seal(&purpose, &frontdesk_model::Secret::new(secrets.clone()))?;
            tx.execute("UPDATE sources SET settings = $1, secrets = $2", args![&stored, &sealed])?;
            Desk::insert_content(tx, id(1), id(50))?;
            tx.execute("UPDATE contents SET foreign_id = 'm1', status = 'new'", args![])?;
            tx.execute("UPDATE threads SET foreign_id = 't1'", args![])
        });
        filling.await.unwrap();
        desk
    }

    #[tokio::test]
    async fn a_queue_that_moves_is_told_to_who_asks_for_it_now_and_then() {
        let (base_uri, mut told) = channel(vec![204, 200, 200, 500]).await;
        let desk = desk(&base_uri, &["view.messaging", "messaging.queuing_update"]).await;
        // Seconds that pass before it, position, wait, and what becomes of it.
        let failed = QueueUpdate::Failed("The channel answered 500.".into());
        for (seconds, position, wait_seconds, expected) in [
            (0, 3, 90, QueueUpdate::Told),
            (0, 2, 60, QueueUpdate::LeftOut),
            (4, 2, 60, QueueUpdate::LeftOut),
            (1, 2, 60, QueueUpdate::Told),
            (30, 2, 60, QueueUpdate::LeftOut),
            (30, 2, 60, QueueUpdate::Told),
            (60, 1, 0, failed),
        ] {
            desk.pass(seconds);
            let became = queue_update(&desk.app, id(50), position, wait_seconds).await.unwrap();
            assert_eq!(became, expected, "{position} {wait_seconds}");
            if expected != QueueUpdate::LeftOut {
                let request = told.recv().await.unwrap();
                assert_eq!(request["action"], "messaging.queuing_update");
                let params = json!({ "estimated_wait_time": wait_seconds, "position": position, "thread_id": "t1",
                                     "in_reply_to_id": "m1" });
                assert_eq!(request["params"], params);
            }
        }
        assert!(desk.events().await.is_empty(), "hints are not logged");
    }

    #[tokio::test]
    async fn who_does_not_ask_is_not_told() {
        for options in [&["view.messaging"][..], &[]] {
            let desk = desk("http://127.0.0.1:9/", options).await;
            assert_eq!(queue_update(&desk.app, id(50), 1, 1).await.unwrap(), QueueUpdate::NotWanted);
            assert_eq!(queue_update(&desk.app, id(51), 1, 1).await.unwrap(), QueueUpdate::NotWanted, "no such thread");
        }
        let desk = desk("http://127.0.0.1:9/", &["messaging.queuing_update"]).await;
        desk.app.store.write(|tx| tx.execute("UPDATE sources SET active = FALSE", args![])).await.unwrap();
        desk.app.store.write(|tx| tx.execute("UPDATE sources SET version = 2", args![])).await.unwrap();
        assert_eq!(queue_update(&desk.app, id(50), 1, 1).await.unwrap(), QueueUpdate::NotWanted);
    }

    #[test]
    fn a_clock_that_is_set_back_silences_nobody() {
        let updates = QueueUpdates::default();
        let now = Timestamp::from_micros(0).plus_seconds(86_400);
        assert!(updates.admit(id(1), 3, 90, now));
        assert!(!updates.admit(id(1), 2, 60, now.plus_seconds(1)));
        assert!(updates.admit(id(1), 2, 60, now.plus_seconds(-3_600)));
        assert!(!updates.admit(id(1), 1, 30, now.plus_seconds(-3_599)));
    }

    #[test]
    fn memory_is_bounded() {
        let updates = QueueUpdates::default();
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        for thread in 0..THREADS_MAX as u64 + 10 {
            assert!(updates.admit(id(thread), 1, 1, at(0)));
        }
        assert_eq!(updates.told.lock().unwrap().len(), THREADS_MAX);
        assert!(updates.admit(id(20_000), 1, 1, at(REPEAT_SECONDS)));
        assert_eq!(updates.told.lock().unwrap().len(), 1);
    }
}
