//! The visitors' stream: what happens in their conversations, on all their devices.
//!
//! One task follows the log and hands each visitor's messages to those who listen; whoever is behind reads the log for
//! themselves until they are there. A listener is entered, and what was passed so far is noted, under one lock, so that
//! nothing is heard twice or not at all.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::visitors::{self, Hint, Told};
use frontdesk_model::{Error, Id, Result, Timestamp, error};
use frontdesk_rest::{Coming, Feed, Message, Text};
use serde_json::json;
use tokio::sync::{broadcast, watch};

use crate::sessions::{self, LEEWAY_SECONDS, refused, unknown_session};

/// Events that are looked at once.
const PAGE_EVENTS: usize = 64;
/// So many messages wait for a visitor's listeners; who misses one reads the log.
const WAITING_MAX: usize = 16;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// Ends are looked for this long after they should have come.
const SECOND: Duration = Duration::from_secs(1);

/// A visitor at a source.
type Key = (Id, String);

/// What listeners hear.
#[derive(Clone)]
enum Said {
    /// Something of the log.
    Message(Message),
    /// Something of the moment.
    Hint(Arc<Hint>),
    /// A session has ended.
    End(Id),
    /// Sessions may have ended.
    LookAgain,
}

/// Everybody who listens at this node.
#[derive(Default)]
pub(crate) struct Hub {
    listening: Mutex<Listening>,
}

#[derive(Default)]
struct Listening {
    by_visitor: HashMap<Key, Listeners>,
    /// How many streams each session has.
    sessions: HashMap<Id, usize>,
    /// What is up to here was told.
    last: i64,
}

struct Listeners {
    voice: broadcast::Sender<Said>,
    count: usize,
}

impl Hub {
    fn lock(&self) -> std::sync::MutexGuard<'_, Listening> {
        self.listening.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn say(&self, key: &Key, said: Said) {
        if let Some(listeners) = self.lock().by_visitor.get(key) {
            // The last one may just have gone.
            let _ = listeners.voice.send(said);
        }
    }

    /// Ends the streams of a session.
    pub(crate) fn end(&self, source_id: Id, uuid: &str, session_id: Id) {
        self.say(&(source_id, uuid.to_owned()), Said::End(session_id));
    }

    /// Has the streams of a visitor, or all, find out whether their sessions go on.
    pub(crate) fn look_again(&self, key: Option<&Key>) {
        match key {
            Some(key) => self.say(key, Said::LookAgain),
            None => {
                for listeners in self.lock().by_visitor.values() {
                    let _ = listeners.voice.send(Said::LookAgain);
                }
            }
        }
    }

    /// Whether a visitor listens at this node.
    pub(crate) fn hears(&self, source_id: Id, uuid: &str) -> bool {
        self.lock().by_visitor.contains_key(&(source_id, uuid.to_owned()))
    }

    /// Whether a session has a stream here. On another node it may have one, too.
    pub(crate) fn is_listening(&self, session_id: Id) -> bool {
        self.lock().sessions.contains_key(&session_id)
    }

    fn enter(&self, key: &Key, session_id: Id) -> (broadcast::Receiver<Said>, i64) {
        let mut listening = self.lock();
        *listening.sessions.entry(session_id).or_default() += 1;
        let last = listening.last;
        let listeners = listening
            .by_visitor
            .entry(key.clone())
            .or_insert_with(|| Listeners { voice: broadcast::Sender::new(WAITING_MAX), count: 0 });
        listeners.count += 1;
        (listeners.voice.subscribe(), last)
    }

    /// What was told so far, for who missed something and listens anew.
    fn again(&self, key: &Key) -> Option<(broadcast::Receiver<Said>, i64)> {
        let listening = self.lock();
        let listeners = listening.by_visitor.get(key)?;
        Some((listeners.voice.subscribe(), listening.last))
    }

    fn leave(&self, key: &Key, session_id: Id) {
        let mut listening = self.lock();
        if let Some(count) = listening.sessions.get_mut(&session_id) {
            *count -= 1;
            if *count == 0 {
                listening.sessions.remove(&session_id);
            }
        }
        let Some(listeners) = listening.by_visitor.get_mut(key) else { return };
        listeners.count -= 1;
        if listeners.count == 0 {
            listening.by_visitor.remove(key);
        }
    }

    fn pass(&self, told: Vec<Told>, last: i64) {
        let mut listening = self.lock();
        for one in told {
            if let Some(listeners) = listening.by_visitor.get(&(one.source_id, one.uuid)) {
                let _ = listeners.voice.send(Said::Message(Message { seq: one.seq, text: Text::from(one.text) }));
            }
        }
        listening.last = last;
    }

    /// Moves on without looking where nobody listens; otherwise where it is.
    fn place(&self, end: i64) -> Option<i64> {
        let mut listening = self.lock();
        if listening.by_visitor.is_empty() {
            listening.last = listening.last.max(end);
            return None;
        }
        Some(listening.last)
    }
}

/// Follows the log until `stop` changes.
pub(crate) async fn run(app: Arc<Conversations>, hub: Arc<Hub>, mut stop: watch::Receiver<bool>) {
    let mut changed = app.tail.changed();
    let mut hints = app.visitor_hints.listen();
    loop {
        if *stop.borrow() {
            return;
        }
        changed.mark_unchanged();
        let failed = advance(&app, &hub).await.inspect_err(|trouble| {
            tracing::error!(?trouble, "visitors could not be told and will be again");
        });
        tokio::select! {
            _ = stop.changed() => return,
            changed = changed.changed(), if failed.is_ok() => if changed.is_err() { return },
            hint = hints.recv() => if let Ok(hint) = hint {
                hub.say(&(hint.source_id, hint.uuid.clone()), Said::Hint(hint.clone()));
            },
            () = tokio::time::sleep(PAUSE_AFTER_FAILURE), if failed.is_err() => {}
        }
    }
}

async fn advance(app: &Arc<Conversations>, hub: &Arc<Hub>) -> Result<()> {
    while let Some(last) = hub.place(app.tail.last()) {
        let events = app.tail.after(last, PAGE_EVENTS).await?;
        let Some(end) = events.last().map(|event| event.seq) else { return Ok(()) };
        // Keys, and whether there have to be signatures.
        if events.iter().any(|event| event.kind == "community.updated") {
            hub.look_again(None);
        }
        let from = app.clone();
        let told = app.store.read(move |tx| visitors::tell(tx, &from, &events, None)).await?;
        hub.pass(told, end);
    }
    Ok(())
}

/// One stream of a visitor.
pub(crate) struct Reading {
    app: Arc<Conversations>,
    hub: Arc<Hub>,
    key: Key,
    session_id: Id,
    /// When what signed them ends.
    until: Option<Timestamp>,
    voice: broadcast::Receiver<Said>,
    position: i64,
    /// The log is read up to here; what is later is heard.
    behind: i64,
}

impl Reading {
    /// `after`: where to begin; none: with what happens next.
    pub(crate) fn new(
        app: &Arc<Conversations>,
        hub: &Arc<Hub>,
        source_id: Id,
        session: &crate::sessions::Session,
        after: i64,
    ) -> Reading {
        let key = (source_id, session.uuid.clone());
        let (voice, last) = hub.enter(&key, session.id);
        Reading {
            app: app.clone(),
            hub: hub.clone(),
            key,
            session_id: session.id,
            until: session.signed.then(|| session.expires_at.plus_seconds(LEEWAY_SECONDS)),
            voice,
            position: after,
            behind: last,
        }
    }

    async fn advance(&mut self) -> Result<Vec<Message>> {
        loop {
            self.require_valid()?;
            if self.position < self.behind {
                let told = self.catch_up().await?;
                if !told.is_empty() {
                    return Ok(told);
                }
                continue;
            }
            let wait = self.wait();
            let said = tokio::select! {
                said = self.voice.recv() => said,
                () = tokio::time::sleep(wait), if self.until.is_some() => continue,
            };
            match said {
                Ok(Said::Message(message)) if message.seq + i64::from(is_before(&message)) > self.position => {
                    // What comes before a content's place stands at the place before.
                    self.position = self.position.max(message.seq);
                    return Ok(vec![message]);
                }
                Ok(Said::Hint(hint)) => {
                    let mut hint = hint.body.clone();
                    hint["seq"] = self.position.into();
                    return Ok(vec![Message { seq: self.position, text: Text::from(hint.to_string()) }]);
                }
                Ok(Said::End(session_id)) if session_id == self.session_id => return Err(unknown_session()),
                Ok(Said::LookAgain) => {
                    let session_id = self.session_id;
                    self.app.store.read(move |tx| sessions::require_going_on(tx, session_id)).await?;
                }
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(_)) => match self.hub.again(&self.key) {
                    Some((voice, last)) => (self.voice, self.behind) = (voice, last),
                    None => return Err(error::broken("a listener was forgotten")),
                },
                Err(broadcast::error::RecvError::Closed) => return Err(error::broken("a listener was forgotten")),
            }
        }
    }

    fn wait(&self) -> Duration {
        let left = self.until.map_or(0, |until| until.seconds_since(self.app.env.now()));
        Duration::from_secs(left.unsigned_abs()) + SECOND
    }

    fn require_valid(&self) -> Result<(), Error> {
        match self.until {
            Some(until) if self.app.env.now() > until => {
                Err(refused(401, "identity_expired", "What signed this visitor has expired: load the page again."))
            }
            _ => Ok(()),
        }
    }

    /// Reads a page of the log.
    async fn catch_up(&mut self) -> Result<Vec<Message>> {
        let events = self.app.tail.after(self.position, PAGE_EVENTS).await?;
        let next = events.first().map(|event| event.seq);
        if next != Some(self.position + 1) {
            // The log's numbers have no gaps: what was here is no longer kept.
            self.position = self.behind;
            let resync = json!({ "type": "resync", "seq": self.position });
            return Ok(vec![Message { seq: self.position, text: Text::from(resync.to_string()) }]);
        }
        let (app, key) = (self.app.clone(), self.key.clone());
        let page = events.clone();
        let told = self.app.store.read(move |tx| visitors::tell(tx, &app, &page, Some((key.0, &key.1)))).await?;
        self.position = events.last().map_or(self.position, |event| event.seq);
        Ok(told.into_iter().map(|one| Message { seq: one.seq, text: Text::from(one.text) }).collect())
    }
}

/// A thread's message may stand at the place before its first content's, and what an agent has read at that before their
/// answer's.
fn is_before(message: &Message) -> bool {
    [r#"{"type":"thread""#, r#"{"type":"read""#].iter().any(|before| message.text.starts_with(before))
}

impl Feed for Reading {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(self.advance())
    }

    fn passed(&self) -> i64 {
        self.position
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.hub.leave(&self.key, self.session_id);
    }
}
