//! The live stream: `GET /1.0/stream` tells of events as they happen, to whoever may read what they are about.
//!
//! One task follows the log and makes every message once ([`run`]); readers wake when it has. Whoever is behind reads the
//! log by themselves until they are there. What a reader may see is decided event by event with the rights that they
//! have now: events that can change rights pass here like all others, and before anything after one is decided, rights
//! are loaded again. Streams of one token share them.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;

use frontdesk_model::error::AttributeError;
use frontdesk_model::{Caller, Id, Permission, Result, SourceRight, Timestamp, error, journal};
use frontdesk_rest::{Call, Coming, Feed, Message, Operation, Reader, Text};
use frontdesk_store::{Store, Tx, args};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::{broadcast, watch};

use crate::audience::Listener;
use crate::notifications::{self, Notification};
use crate::{Conversations, sources, threads};

/// Names of events in one filter.
const TYPES_MAX: usize = 100;
/// Sources, and threads, in one filter.
const IDS_MAX: usize = 100;
/// So many of the latest messages are kept for those who read along.
const KEPT_MAX: usize = 512;
/// Together they take at most this much.
const KEPT_BYTES_MAX: usize = 8 * 1024 * 1024;
/// They are told for so long.
const KEPT_SECONDS: i64 = 10;
/// Events that are made into messages at once.
const PAGE_EVENTS: usize = 64;
/// About this much is held in memory for one reader.
const PAGE_BYTES: usize = 64 * 1024;
/// Hints that are not in the log: what happens at the moment and means nothing later.
const HINTS: [&str; 5] =
    ["typing.started", "typing.stopped", "colleague.reading", "colleague.writing", "colleague.left"];
/// So many hints wait for a reader; of more they miss the oldest.
const HINTS_MAX: usize = 64;
/// Characters of what somebody types that are shown.
const PREVIEW_CHARACTERS_MAX: usize = 1_000;
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A message of the stream.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "StreamMessage")]
#[allow(dead_code, reason = "only its schema is used: the messages are those of notifications")]
struct Told {
    /// The event's name, such as `content.imported`; or `heartbeat`, `resync`, `rights` or `end`.
    r#type: String,
    /// The place in the log. Whoever has applied all messages so far may resume after this number.
    seq: i64,
    /// The event's id, the same as in webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Id>,
    /// When it happened, to the millisecond.
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<String>,
    /// The agent who caused it; absent when a customer or the system did.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Id>,
    /// What it is about: `{type, id, metadata}`, as in webhooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    resource: Option<Map<String, Value>>,
    /// In `resync`: the oldest place that the log still holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    oldest: Option<i64>,
    /// In `end`: why, as a stable word, such as `invalid_access_token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// In `end`: why, for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

/// Parameters of `openStream`.
#[derive(Deserialize, JsonSchema)]
struct Listen {
    /// Only events with these names, such as `content.imported`, or of these families, such as `content.*`.
    #[schemars(length(max = TYPES_MAX))]
    types: Option<Vec<String>>,
    /// Only events of these sources.
    #[schemars(length(max = IDS_MAX))]
    source_ids: Option<Vec<Id>>,
    /// Only events of these threads.
    #[schemars(length(max = IDS_MAX))]
    thread_ids: Option<Vec<Id>>,
    /// Goes on after this `seq`; without it, the stream begins with what happens next. When the log no longer reaches
    /// back so far, a message of the type `resync` says from where it goes on.
    #[schemars(range(min = 0))]
    after: Option<i64>,
}

const NOTES: &str = "\
Server-sent events, or a WebSocket for whoever asks to upgrade to one. Messages come in the order of the log, each with \
its `seq`; those of webhooks' events look as they do there. `heartbeat` comes at once and every 15 seconds, with the last \
place that was passed, also where a filter let nothing through. `resync` says that events were missed: fetch afresh what \
you show; the stream goes on after its `seq`. `end` says why the stream ends. You are told of what you may read at \
that moment, by the rights that you have then.";

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let app = app.clone();
    let open = move |call: &Call, reader, listen, tx: &mut dyn Tx| open(&app, call, reader, listen, tx);
    vec![
        Operation::stream::<Listen, Told>("openStream", "/stream", open)
            .tag("Stream")
            .summary("Tells of events as they happen.")
            .notes(NOTES)
            .extension(),
    ]
}

fn open(
    app: &Arc<Conversations>,
    call: &Call,
    reader: Reader,
    listen: Listen,
    tx: &mut dyn Tx,
) -> Result<Box<dyn Feed>> {
    let end = end_of_log(tx)?;
    let position = listen.after.unwrap_or(end);
    if position > end {
        let message = format!("after: the log ends at {end}; nothing has happened after that yet.");
        return Err(error::invalid("after", "invalid", message));
    }
    let filter = Filter::checked(listen, &call.caller, tx)?;
    let listener = Listener::load(tx, call.caller.clone())?;
    let rights = app.stream.rights_of(listener, end);
    let held = rights.get().1;
    app.stream.readers.fetch_add(1, SeqCst);
    let (changed, hints) = (app.stream.last.subscribe(), app.stream.hints.subscribe());
    Ok(Box::new(Reading { app: app.clone(), changed, hints, rights, held, reader, filter, position }))
}

fn end_of_log(tx: &mut dyn Tx) -> Result<i64> {
    tx.one("SELECT seq FROM log_head", args![])?.get(0)
}

/// What a reader wants of what they may see; an empty list wants all.
struct Filter {
    kinds: Box<[String]>,
    source_ids: Box<[Id]>,
    thread_ids: Box<[Id]>,
}

impl Filter {
    fn checked(listen: Listen, caller: &Caller, tx: &mut dyn Tx) -> Result<Filter> {
        let kinds = listen.types.unwrap_or_default();
        let unknown = kinds.iter().filter(|kind| !is_known(kind)).map(|kind| AttributeError {
            attribute: "types".into(),
            kind: "invalid".into(),
            message: format!("types: there are no events named {kind:?}."),
        });
        let unknown: Vec<_> = unknown.collect();
        if !unknown.is_empty() {
            return Err(error::invalid_all(unknown));
        }
        let (source_ids, thread_ids) = (listen.source_ids.unwrap_or_default(), listen.thread_ids.unwrap_or_default());
        for id in &source_ids {
            sources::find(tx, caller, *id)?;
        }
        for id in &thread_ids {
            threads::find(tx, caller, *id)?;
        }
        Ok(Filter { kinds: kinds.into(), source_ids: source_ids.into(), thread_ids: thread_ids.into() })
    }

    fn passes(&self, told: &Notification) -> bool {
        let one_of = |ids: &[Id], id: Option<Id>| ids.is_empty() || id.is_some_and(|id| ids.contains(&id));
        (self.kinds.is_empty() || self.kinds.iter().any(|wanted| names(wanted, &told.kind)))
            && one_of(&self.source_ids, told.source_id)
            && one_of(&self.thread_ids, told.thread_id)
    }
}

/// Whether what a filter says, a name or a family such as `content.*`, means an event.
fn names(wanted: &str, kind: &str) -> bool {
    match wanted.strip_suffix('*') {
        Some(family) => family.ends_with('.') && kind.starts_with(family),
        None => wanted == kind,
    }
}

fn is_known(wanted: &str) -> bool {
    [journal::BOTH, journal::JOURNAL_ONLY, journal::WEBHOOKS_ONLY, journal::OURS]
        .iter()
        .any(|kinds| kinds.iter().any(|kind| names(wanted, kind)))
        || HINTS.iter().any(|kind| names(wanted, kind))
}

/// The messages that all readers share, and the rights of those who do.
pub struct Stream {
    kept: RwLock<Kept>,
    last: watch::Sender<i64>,
    readers: AtomicUsize,
    rights: Mutex<SharedRights>,
    hints: broadcast::Sender<Arc<Hint>>,
}

/// Something that happens at the moment: told to who listens now, never kept.
pub(crate) struct Hint {
    kind: &'static str,
    source_id: Id,
    thread_id: Id,
    preview: Option<String>,
    /// The agent whom it is about; none: the customer.
    user_id: Option<Id>,
}

impl Hint {
    /// A customer types this in a thread, or has stopped.
    pub(crate) fn typing(source_id: Id, thread_id: Id, preview: Option<&str>) -> Hint {
        let kind = if preview.is_some() { HINTS[0] } else { HINTS[1] };
        let preview = preview.map(|text| text.chars().take(PREVIEW_CHARACTERS_MAX).collect());
        Hint { kind, source_id, thread_id, preview, user_id: None }
    }

    /// An agent looks at a thread or writes in it, or has gone from it.
    pub(crate) fn colleague(source_id: Id, thread_id: Id, user_id: Id, does: Does) -> Hint {
        let kind = match does {
            Does::Read => HINTS[2],
            Does::Write => HINTS[3],
            Does::Leave => HINTS[4],
        };
        Hint { kind, source_id, thread_id, preview: None, user_id: Some(user_id) }
    }

    /// It as a message for a reader who is at this place: it takes up none of its own.
    fn message(&self, seq: i64) -> Message {
        let mut metadata = json!({ "source_id": self.source_id, "thread_id": self.thread_id });
        if let Some(preview) = &self.preview {
            metadata["preview"] = preview.as_str().into();
        }
        let resource = json!({ "type": "content_thread", "id": self.thread_id, "metadata": metadata });
        let mut told = json!({ "type": self.kind, "seq": seq, "resource": resource });
        if let Some(user_id) = self.user_id {
            told["user_id"] = json!(user_id);
        }
        Message { seq, text: Text::from(told.to_string()) }
    }
}

/// What an agent does in a thread at the moment.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    Read,
    Write,
    Leave,
}

impl Default for Stream {
    fn default() -> Stream {
        Stream {
            kept: RwLock::default(),
            last: watch::Sender::new(0),
            readers: AtomicUsize::new(0),
            rights: Mutex::default(),
            hints: broadcast::Sender::new(HINTS_MAX),
        }
    }
}

/// Messages from `after` (exclusive) to the last, without a gap.
#[derive(Default)]
struct Kept {
    after: i64,
    made: VecDeque<Arc<Made>>,
    bytes: usize,
}

/// An event made into a message.
struct Made {
    notification: Arc<Notification>,
    message: Message,
    at: Timestamp,
}

impl Made {
    fn of(notification: Arc<Notification>, at: Timestamp) -> Result<Made> {
        let text = serde_json::to_string(&notification.body)
            .map_err(|trouble| error::broken(format!("a message was not written: {trouble}")))?;
        Ok(Made { message: Message { seq: notification.seq, text: Text::from(text) }, notification, at })
    }
}

/// What memory has for a reader.
enum Found {
    /// The next messages.
    Some(Vec<Arc<Made>>),
    /// They are at the end.
    End,
    /// They are behind what is kept.
    Behind,
}

impl Stream {
    fn after(&self, seq: i64, now: Timestamp) -> Found {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let Ok(passed) = usize::try_from(seq.saturating_sub(kept.after)) else { return Found::Behind };
        let next: Vec<_> = kept.made.iter().skip(passed).take(PAGE_EVENTS).cloned().collect();
        match next.first() {
            None => Found::End,
            Some(first) if now.seconds_since(first.at) >= KEPT_SECONDS => Found::Behind,
            Some(_) => Found::Some(next),
        }
    }

    /// Tells everybody who listens at this node and may see it.
    pub(crate) fn hint(&self, hint: Hint) {
        // Nobody listens: nobody is told.
        let _ = self.hints.send(Arc::new(hint));
    }

    fn keep(&self, made: Vec<Arc<Made>>) {
        let (Some(first), Some(last)) = (made.first(), made.last()) else { return };
        let (first, last) = (first.message.seq, last.message.seq);
        {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if kept.after + kept.made.len() as i64 + 1 != first {
                *kept = Kept { after: first - 1, ..Kept::default() };
            }
            for one in made {
                kept.bytes += one.message.text.len();
                kept.made.push_back(one);
                while kept.made.len() > KEPT_MAX || kept.bytes > KEPT_BYTES_MAX {
                    let Some(oldest) = kept.made.pop_front() else { break };
                    kept.bytes -= oldest.message.text.len();
                    kept.after = oldest.message.seq;
                }
            }
        }
        self.last.send_replace(last);
    }

    /// Moves on without messages.
    fn skip(&self, last: i64) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Kept { after: last, ..Kept::default() };
        self.last.send_replace(last);
    }

    async fn advance(&self, app: &Arc<Conversations>) -> Result<()> {
        loop {
            let last = *self.last.borrow();
            if self.readers.load(SeqCst) == 0 {
                let end = app.tail.last();
                if end > last {
                    self.skip(end);
                }
                return Ok(());
            }
            let events = app.tail.after(last, PAGE_EVENTS).await?;
            if events.is_empty() {
                return Ok(());
            }
            let now = app.env.now();
            let told = app.notifications.of(app, &events).await?;
            let made: Result<Vec<_>> = told.into_iter().map(|one| Made::of(one, now).map(Arc::new)).collect();
            if events.iter().any(|event| notifications::erases(&event.kind)) {
                // What was made before holds texts that are gone. Who has not read it yet reads the log.
                self.skip(last);
            }
            self.keep(made?);
        }
    }

    /// The rights of a caller, shared with their other streams. `listener` was loaded when the log ended at `seq`.
    fn rights_of(&self, listener: Listener, seq: i64) -> Arc<Rights> {
        let credential_id = listener.caller.token_id.or(listener.caller.session_id);
        let key = (credential_id.unwrap_or_default(), listener.caller.user_id);
        let mut shared = self.rights.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(rights) = shared.by_caller.get(&key).and_then(Weak::upgrade) {
            rights.renew(listener, seq);
            return rights;
        }
        if shared.by_caller.len() >= shared.swept_at {
            shared.by_caller.retain(|_, rights| rights.strong_count() > 0);
            shared.swept_at = 2 * shared.by_caller.len() + 16;
        }
        let rights = Arc::new(Rights { now: RwLock::new((seq, Arc::new(listener))), loading: Default::default() });
        shared.by_caller.insert(key, Arc::downgrade(&rights));
        rights
    }
}

/// Makes messages for all readers until `stop` changes.
pub async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    let mut changed = app.tail.changed();
    app.stream.skip(app.tail.last());
    loop {
        if *stop.borrow() {
            return;
        }
        changed.mark_unchanged();
        let failed = app.stream.advance(&app).await.inspect_err(|trouble| {
            tracing::error!(?trouble, "messages of the stream could not be made and will be again");
        });
        tokio::select! {
            _ = stop.changed() => return,
            changed = changed.changed(), if failed.is_ok() => if changed.is_err() { return },
            () = tokio::time::sleep(PAUSE_AFTER_FAILURE), if failed.is_err() => {}
        }
    }
}

/// By token or session, and user.
#[derive(Default)]
struct SharedRights {
    by_caller: HashMap<(Id, Id), Weak<Rights>>,
    /// At this size those are forgotten who have gone.
    swept_at: usize,
}

/// What somebody may see, as of a place in the log.
struct Rights {
    now: RwLock<(i64, Arc<Listener>)>,
    loading: tokio::sync::Mutex<()>,
}

impl Rights {
    fn get(&self) -> (i64, Arc<Listener>) {
        self.now.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn renew(&self, listener: Listener, seq: i64) -> Arc<Listener> {
        let mut now = self.now.write().unwrap_or_else(PoisonError::into_inner);
        if seq >= now.0 {
            *now = (seq, Arc::new(listener));
        }
        now.1.clone()
    }

    /// As they are at `seq` or later. One stream of a caller loads them for all.
    async fn at_least(&self, seq: i64, reader: &Reader, store: &Store) -> Result<Arc<Listener>> {
        let _loading = self.loading.lock().await;
        let (known, listener) = self.get();
        if known >= seq {
            return Ok(listener);
        }
        let reader = reader.clone();
        let load = move |tx: &mut dyn Tx| {
            let caller = reader.caller(tx)?;
            Ok((end_of_log(tx)?, Listener::load(tx, caller)?))
        };
        let (end, listener) = store.read(load).await?;
        Ok(self.renew(listener, end))
    }
}

/// Whether an event can change what somebody may see. Their own account, their token or session, and what many share.
fn concerns_rights(told: &Notification, caller: &Caller) -> bool {
    let object_id = || told.body.get("resource")?.get("id")?.as_str()?.parse::<Id>().ok();
    match told.kind.split('.').next().unwrap_or_default() {
        "role" | "team" | "content_source" | "community" => true,
        // Who watches the tasks of their teams sees others when somebody joins one of them or leaves it.
        "user" if caller.may(Permission::MonitorTeamTasks) => true,
        "user" => object_id().is_none_or(|id| id == caller.user_id || id == caller.owner_id),
        "api_access_token" => object_id() == caller.token_id,
        "session" => object_id() == caller.session_id,
        _ => false,
    }
}

/// One reader of the stream.
struct Reading {
    app: Arc<Conversations>,
    changed: watch::Receiver<i64>,
    hints: broadcast::Receiver<Arc<Hint>>,
    rights: Arc<Rights>,
    /// Those that the reader knows to have.
    held: Arc<Listener>,
    reader: Reader,
    filter: Filter,
    position: i64,
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.app.stream.readers.fetch_sub(1, SeqCst);
    }
}

impl Feed for Reading {
    fn next(&mut self) -> Coming<'_> {
        Box::pin(self.advance())
    }

    fn passed(&self) -> i64 {
        self.position
    }
}

impl Reading {
    async fn advance(&mut self) -> Result<Vec<Message>> {
        loop {
            let page = match self.app.stream.after(self.position, self.app.env.now()) {
                Found::Some(page) => page,
                Found::Behind => match self.catch_up().await? {
                    Caught::Page(page) => page,
                    Caught::Gap(resync) => return Ok(vec![resync]),
                },
                Found::End => {
                    let position = self.position;
                    let moved = async { self.changed.wait_for(|last| *last > position).await.map(drop) };
                    tokio::select! {
                        moved = moved => {
                            moved.map_err(|_| error::broken("the stream's messages are not made any more"))?;
                        }
                        hint = self.hints.recv() => match hint {
                            Ok(hint) if self.may_see(&hint) => return Ok(vec![hint.message(position)]),
                            // Not theirs, or they were too slow for some: hints are not worth waiting for.
                            Ok(_) | Err(_) => {}
                        }
                    }
                    continue;
                }
            };
            let messages = self.told(&page).await?;
            if !messages.is_empty() {
                return Ok(messages);
            }
        }
    }

    fn may_see(&self, hint: &Hint) -> bool {
        let wanted = |ids: &[Id], id: Id| ids.is_empty() || ids.contains(&id);
        let Filter { kinds, source_ids, thread_ids } = &self.filter;
        (kinds.is_empty() || kinds.iter().any(|wanted| names(wanted, hint.kind)))
            && wanted(source_ids, hint.source_id)
            && wanted(thread_ids, hint.thread_id)
            && self.rights.get().1.caller.may_on(hint.source_id, SourceRight::Read)
    }

    /// What of a page the reader is told; moves on.
    async fn told(&mut self, page: &[Arc<Made>]) -> Result<Vec<Message>> {
        let (mut known, mut listener) = self.rights.get();
        let (mut messages, mut bytes, mut passed) = (Vec::new(), 0, self.position);
        for made in page {
            let (told, seq) = (&made.notification, made.message.seq);
            let mut may_see = listener.may_see(told);
            if seq > known && concerns_rights(told, &listener.caller) {
                // What has gone took the rights on it along: that it went is told to who had them.
                let saw_it_go = may_see && told.kind.ends_with(".destroyed");
                listener = self.rights.at_least(seq, &self.reader, &self.app.store).await?;
                (known, may_see) = (seq, saw_it_go || listener.may_see(told));
            }
            if may_see && self.filter.passes(told) {
                bytes += made.message.text.len();
                messages.push(made.message.clone());
            }
            passed = seq;
            if bytes >= PAGE_BYTES {
                break;
            }
        }
        self.position = passed;
        if !Arc::ptr_eq(&self.held, &listener) {
            // Also to whom another stream of theirs has loaded them.
            if self.filter.kinds.is_empty() && !listener.sees_the_same(&self.held) {
                let told = json!({ "type": "rights", "seq": passed });
                messages.push(Message { seq: passed, text: Text::from(told.to_string()) });
            }
            self.held = listener;
        }
        Ok(messages)
    }

    /// Reads the log for this reader alone.
    async fn catch_up(&mut self) -> Result<Caught> {
        let events = self.app.tail.after(self.position, PAGE_EVENTS).await?;
        let next = events.first().map(|event| event.seq);
        if next != Some(self.position + 1) {
            // The log's numbers have no gaps: what was here is no longer kept.
            let (missed, seq) = (self.position, self.app.tail.last());
            if seq > missed {
                self.position = seq;
                let resync = json!({ "type": "resync", "seq": seq, "after": missed, "oldest": next });
                return Ok(Caught::Gap(Message { seq, text: Text::from(resync.to_string()) }));
            }
        }
        let now = self.app.env.now();
        let mut page = Vec::with_capacity(events.len());
        for told in self.app.notifications.of(&self.app, &events).await? {
            page.push(Arc::new(Made::of(told, now)?));
        }
        Ok(Caught::Page(page))
    }
}

enum Caught {
    Page(Vec<Arc<Made>>),
    Gap(Message),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audience::Audience;

    #[test]
    fn a_filter_names_events_and_families() {
        for (wanted, kind, fits) in [
            ("content.imported", "content.imported", true),
            ("content.imported", "content.replied", false),
            ("content.*", "content.replied", true),
            ("content.*", "content_thread.muted", false),
            ("content*", "content.replied", false),
            ("*", "content.replied", false),
            (".*", "content.replied", false),
            ("", "content.replied", false),
        ] {
            assert_eq!(names(wanted, kind), fits, "{wanted} {kind}");
        }
        for known in ["content.imported", "content.*", "user.*", "webhook.*", "api_access_token.updated", "typing.*"] {
            assert!(is_known(known), "{known}");
        }
        for unknown in ["content", "content.", "content.boiled", "boiled.*", "*", ".*", "", "content.*.*"] {
            assert!(!is_known(unknown), "{unknown}");
        }
    }

    fn made(seq: i64, bytes: usize, seconds: i64) -> Arc<Made> {
        let at = Timestamp::from_micros(seconds * 1_000_000);
        let notification = Notification {
            seq,
            kind: "content.imported".into(),
            at,
            thread_id: None,
            source_id: None,
            audience: Audience::Account,
            body: Map::new(),
        };
        let text = Text::from("x".repeat(bytes));
        Arc::new(Made { notification: Arc::new(notification), message: Message { seq, text }, at })
    }

    fn found(stream: &Stream, seq: i64, seconds: i64) -> Option<Vec<i64>> {
        match stream.after(seq, Timestamp::from_micros(seconds * 1_000_000)) {
            Found::Some(made) => Some(made.iter().map(|made| made.message.seq).collect()),
            Found::End => Some(Vec::new()),
            Found::Behind => None,
        }
    }

    #[test]
    fn messages_are_kept_without_a_gap_for_a_while_and_within_bounds() {
        let stream = Stream::default();
        stream.skip(10);
        assert_eq!(found(&stream, 9, 0), None, "what was before is not here");
        assert_eq!(found(&stream, 10, 0), Some(vec![]));
        assert_eq!(found(&stream, 99, 0), Some(vec![]), "who is ahead waits");
        stream.keep(vec![made(11, 1, 100), made(12, 1, 100)]);
        stream.keep(vec![made(13, 1, 105)]);
        assert_eq!(found(&stream, 10, 105), Some(vec![11, 12, 13]));
        assert_eq!(found(&stream, 12, 105), Some(vec![13]));
        assert_eq!(found(&stream, 10, 110), None, "texts may have been erased since");
        assert_eq!(found(&stream, 12, 110), Some(vec![13]));
        assert_eq!(*stream.last.borrow(), 13);

        stream.keep((14..14 + KEPT_MAX as i64).map(|seq| made(seq, 1, 110)).collect());
        assert_eq!(found(&stream, 12, 110), None);
        assert_eq!(found(&stream, 13, 110).map(|seqs| (seqs[0], seqs.len())), Some((14, PAGE_EVENTS)));
        let end = 13 + KEPT_MAX as i64;
        stream.keep((end + 1..end + 4).map(|seq| made(seq, KEPT_BYTES_MAX / 2, 110)).collect());
        assert_eq!(found(&stream, end, 110), None);
        assert_eq!(found(&stream, end + 1, 110), Some(vec![end + 2, end + 3]));
        stream.keep(vec![made(end + 9, 1, 110)]);
        assert_eq!(found(&stream, end + 3, 110), None, "nothing is passed over");
    }
}
