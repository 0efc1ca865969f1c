//! What subscribers are told of an event: the one shape of webhooks and of the live stream (public documentation: Webhooks,
//! Event types).
//!
//! What a subscriber is told of states, users and categories is what the log froze when it happened: a bot must see `new`
//! where it was new. Texts, titles and values of custom fields are read from their rows, so that what was erased is not
//! told any more: what is kept at hand is forgotten when the log tells of an erasure.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use frontdesk_model::error::Error;
use frontdesk_model::event::id_in;
use frontdesk_model::{Event, Id, Result, Timestamp, error};
use frontdesk_people::custom_fields::{self, Field};
use frontdesk_store::{Row, Tx, args};
use serde_json::{Map, Value, json};

use crate::audience::{self, Audience, family_of};
use crate::sources::Channel;
use crate::{Conversations, categories};

/// Of a time as REST shows it: `2026-01-31`.
const DAY_LENGTH: usize = 10;

/// An event as subscribers are told of it.
#[derive(Clone, Debug)]
pub struct Notification {
    /// Its place in the log.
    pub seq: i64,
    /// Its name, such as `content.imported`.
    pub kind: String,
    /// When it happened.
    pub at: Timestamp,
    /// The thread that it belongs to: events of one thread can be put in order by `seq`.
    pub thread_id: Option<Id>,
    /// The source that it happened on; none for what belongs to no source.
    pub source_id: Option<Id>,
    /// Who may be told.
    pub audience: Audience,
    /// `{type, id, seq, issued_at, user_id?, resource}`. `seq` is ours.
    pub body: Map<String, Value>,
}

/// Tells of events, in their order. Costs a few statements for all of them together.
fn render(app: &Conversations, tx: &mut dyn Tx, events: &[Arc<Event>]) -> Result<Vec<Notification>> {
    let told = Told::gather(app, tx, events)?;
    events.iter().map(|event| told.notification(event)).collect()
}

/// At most so many notifications are kept at hand.
const KEPT_MAX: usize = 1_024;
/// And not for longer than this.
const KEPT_SECONDS: i64 = 10;
/// So much of the log is looked through at once for erasures.
const LOOK_EVENTS: usize = 256;

/// Whether what subscribers were going to be told of other events may be gone or other since such an event.
pub(crate) fn erases(kind: &str) -> bool {
    let (_, verb) = kind.split_once('.').unwrap_or_default();
    matches!(verb, "anonymized" | "destroyed") || kind == "content.updated"
}

/// Notifications made once for all who are told: webhooks and readers of the stream.
#[derive(Default)]
pub struct Notifications {
    kept: Mutex<Kept>,
    untold: AtomicU64,
}

#[derive(Default)]
struct Kept {
    made: BTreeMap<i64, (Timestamp, Arc<Notification>)>,
    /// How far the log has been looked through for erasures.
    seen: i64,
    /// How many times everything was forgotten.
    erasures: u64,
}

impl Notifications {
    /// The notifications of these events, in their order, one for each. One that cannot be made is told to nobody, so
    /// that a broken row is missed and everything else is not.
    pub async fn of(&self, app: &Arc<Conversations>, events: &[Arc<Event>]) -> Result<Vec<Arc<Notification>>> {
        self.forget_the_erased(app).await?;
        let now = app.env.now();
        let (mut found, missing, erasures) = self.look_up(events, now);
        if !missing.is_empty() {
            let made = self.make(app, missing).await?;
            let mut kept = self.kept();
            // What was read before something was erased is told this once, and not kept.
            let may_stay = kept.erasures == erasures;
            for notification in made {
                let notification = Arc::new(notification);
                if may_stay {
                    kept.made.insert(notification.seq, (now, notification.clone()));
                }
                found.insert(notification.seq, notification);
            }
            while kept.made.len() > KEPT_MAX {
                kept.made.pop_first();
            }
        }
        Ok(events.iter().filter_map(|event| found.get(&event.seq).cloned()).collect())
    }

    /// Makes sure that the notifications of these events are at hand. Where some have to be made, those of `soon` are made
    /// with them, which costs little more.
    pub async fn prepare(
        &self,
        app: &Arc<Conversations>,
        events: &[Arc<Event>],
        soon: impl FnOnce() -> Vec<Arc<Event>>,
    ) -> Result<()> {
        let (_, missing, _) = self.look_up(events, app.env.now());
        if missing.is_empty() {
            return Ok(());
        }
        self.of(app, &soon()).await.map(drop)
    }

    /// How many events could not be told since the start.
    pub fn untold(&self) -> u64 {
        self.untold.load(Ordering::Relaxed)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Looks through what is new in the log, on whichever node it happened.
    async fn forget_the_erased(&self, app: &Conversations) -> Result<()> {
        let end = app.tail.last();
        loop {
            let seen = {
                let mut kept = self.kept();
                if kept.made.is_empty() {
                    kept.seen = kept.seen.max(end);
                }
                kept.seen
            };
            if seen >= end {
                return Ok(());
            }
            let events = app.tail.after(seen, LOOK_EVENTS).await?;
            let mut kept = self.kept();
            // What is not known any more may have been an erasure.
            if events.first().is_none_or(|event| event.seq != seen + 1) || events.iter().any(|e| erases(&e.kind)) {
                kept.made.clear();
                kept.erasures += 1;
            }
            kept.seen = kept.seen.max(events.last().map_or(end, |event| event.seq));
        }
    }

    async fn make(&self, app: &Arc<Conversations>, events: Vec<Arc<Event>>) -> Result<Vec<Notification>> {
        let (maker, all) = (app.clone(), events.clone());
        let trouble = match app.store.read(move |tx| render(&maker, tx, &all)).await {
            Err(trouble @ Error::Broken(_)) => trouble,
            made => return made,
        };
        // Each by itself, in a transaction of its own: most will be fine.
        tracing::warn!(?trouble, events = events.len(), "some event cannot be told");
        let mut made = Vec::with_capacity(events.len());
        for event in events {
            let (maker, one) = (app.clone(), event.clone());
            match app.store.read(move |tx| render(&maker, tx, std::slice::from_ref(&one))).await {
                Ok(one) => made.extend(one),
                Err(Error::Broken(reason)) => {
                    self.untold.fetch_add(1, Ordering::Relaxed);
                    tracing::error!(reason, seq = event.seq, kind = event.kind, "an event is told to nobody");
                    made.push(Notification::untold(&event));
                }
                Err(trouble) => return Err(trouble),
            }
        }
        Ok(made)
    }

    fn look_up(
        &self,
        events: &[Arc<Event>],
        now: Timestamp,
    ) -> (HashMap<i64, Arc<Notification>>, Vec<Arc<Event>>, u64) {
        let kept = self.kept();
        let (mut found, mut missing) = (HashMap::with_capacity(events.len()), Vec::new());
        for event in events {
            match kept.made.get(&event.seq) {
                Some((at, notification)) if now.seconds_since(*at) < KEPT_SECONDS => {
                    found.insert(event.seq, notification.clone());
                }
                _ => missing.push(event.clone()),
            }
        }
        (found, missing, kept.erasures)
    }
}

impl Notification {
    /// In the place of one that cannot be made.
    fn untold(event: &Event) -> Notification {
        Notification {
            seq: event.seq,
            kind: event.kind.clone(),
            at: event.at,
            thread_id: event.thread_id,
            source_id: None,
            audience: Audience::Nobody,
            body: Map::new(),
        }
    }
}

/// What the rows say that the events are about.
struct Told {
    contents: HashMap<Id, Map<String, Value>>,
    /// The first content of a thread, by the thread.
    firsts: HashMap<Id, Id>,
    types: HashMap<Id, String>,
    custom_fields: HashMap<Id, String>,
    fields: Vec<Field>,
    communities: HashMap<Id, Id>,
    thread_sources: HashMap<Id, Id>,
}

impl Told {
    fn gather(app: &Conversations, tx: &mut dyn Tx, events: &[Arc<Event>]) -> Result<Told> {
        let of = |family: &str| -> Vec<Id> {
            let of_family = events.iter().filter(|event| family_of(&event.kind) == family);
            unique(of_family.map(|event| event.object_id))
        };
        let of_threads = events.iter().filter(|event| is_about_thread(event));
        let firsts = first_contents(tx, &unique(of_threads.map(|event| event.object_id)))?;
        let wanted = unique(of("content").into_iter().chain(firsts.values().copied()));
        let mut types = HashMap::new();
        let contents = contents(app, tx, &wanted, &mut types)?;
        let interventions = of("intervention");
        let custom_fields: HashMap<Id, String> = match interventions.is_empty() {
            true => HashMap::new(),
            false => by_id(tx, "SELECT id, custom_fields FROM interventions", &interventions)?,
        };
        let fields = match interventions.is_empty() {
            true => Vec::new(),
            false => custom_fields::of(tx, custom_fields::Owner::Intervention)?,
        };
        let communities = by_id(tx, "SELECT id, community_id FROM identities", &of("identity"))?;
        let placeless = events.iter().filter(|event| source_in(&event.told()).is_none());
        let threads = unique(placeless.filter_map(|event| event.thread_id));
        let thread_sources = by_id(tx, "SELECT id, source_id FROM threads", &threads)?;
        Ok(Told { contents, firsts, types, custom_fields, fields, communities, thread_sources })
    }

    fn notification(&self, event: &Arc<Event>) -> Result<Notification> {
        let mut frozen = event.told();
        let source_id = self.source_of(event, &frozen);
        let audience = audience::of(event, &mut frozen, source_id, &self.communities);
        let resource = match family_of(&event.kind) {
            "content" => self.content(event, frozen),
            "intervention" => self.intervention(event, frozen)?,
            family => resource(family, event.object_id, frozen),
        };
        let mut body = Map::new();
        body.insert("type".into(), json!(event.kind));
        body.insert("id".into(), json!(event.id));
        body.insert("seq".into(), json!(event.seq));
        body.insert("issued_at".into(), json!(event.at.with_milliseconds()));
        // Only where an agent caused it, as documented.
        if let Some(user_id) = event.user_id {
            body.insert("user_id".into(), json!(user_id));
        }
        // Documented at both places.
        if let Some(action) = resource["metadata"].get("action").filter(|_| event.kind == "task.completed") {
            body.insert("action".into(), action.clone());
        }
        body.insert("resource".into(), resource);
        Ok(Notification {
            seq: event.seq,
            kind: event.kind.clone(),
            at: event.at,
            thread_id: event.thread_id,
            source_id,
            audience,
            body,
        })
    }

    fn source_of(&self, event: &Event, frozen: &Map<String, Value>) -> Option<Id> {
        if family_of(&event.kind) == "content_source" {
            return Some(event.object_id);
        }
        source_in(frozen).or_else(|| event.thread_id.and_then(|id| self.thread_sources.get(&id).copied()))
    }

    /// An event of a thread is told with the thread's first content, as the documentation lists it among those of
    /// contents.
    fn content(&self, event: &Event, frozen: Map<String, Value>) -> Value {
        let id = match is_about_thread(event) {
            true => self.firsts.get(&event.object_id).copied(),
            false => Some(event.object_id),
        };
        let Some(id) = id else { return resource("content_thread", event.object_id, frozen) };
        let mut metadata = match self.contents.get(&id) {
            Some(found) => found.clone(),
            // What has been deleted is told as far as the log knows it.
            None => nothing_known(id, event.thread_id),
        };
        for (key, value) in frozen {
            if FROZEN.contains(&key.as_str()) || metadata.get(&key).is_some_and(Value::is_null) {
                metadata.insert(key, value);
            }
        }
        let told_of_exports = matches!(event.kind.as_str(), "content.exported" | "content.update_exported");
        if !told_of_exports {
            metadata.remove("synchronization_status");
        }
        let r#type = self.types.get(&id).map_or("content", String::as_str);
        json!({ "type": r#type, "id": id, "metadata": metadata })
    }

    fn intervention(&self, event: &Event, frozen: Map<String, Value>) -> Result<Value> {
        let mut metadata = Map::new();
        for key in ["source_id", "user_id", "identity_id", "category_ids", "closed_at", "deferred_at"] {
            metadata.insert(key.into(), frozen.get(key).cloned().unwrap_or(Value::Null));
        }
        metadata.insert("thread_id".into(), json!(event.thread_id));
        let stored = self.custom_fields.get(&event.object_id).map_or("{}", String::as_str);
        let mut values: Map<String, Value> = self.fields.iter().map(|field| (field.key.clone(), Value::Null)).collect();
        values.extend(custom_fields::shown(&self.fields, stored)?);
        metadata.insert("custom_field_values".into(), Value::Object(values));
        Ok(resource("intervention", event.object_id, metadata))
    }
}

/// What of a content is told as it was when the event happened.
const FROZEN: [&str; 5] = ["status", "intervention_id", "approval_required", "category_ids", "synchronization_status"];

fn resource(r#type: &str, id: Id, metadata: Map<String, Value>) -> Value {
    json!({ "type": r#type, "id": id, "metadata": metadata })
}

/// Events of threads have the name of contents, and the thread for an object.
fn is_about_thread(event: &Event) -> bool {
    family_of(&event.kind) == "content" && event.thread_id == Some(event.object_id)
}

/// The source that an event tells of itself; events of threads may not.
pub fn named_source(event: &Event) -> Option<Id> {
    // Most who ask have no need of the rest.
    event.payload.contains("\"source_id\"").then(|| source_in(&event.told())).flatten()
}

fn source_in(frozen: &Map<String, Value>) -> Option<Id> {
    id_in(frozen, "source_id")
}

fn unique(ids: impl Iterator<Item = Id>) -> Vec<Id> {
    let mut ids: Vec<Id> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

fn by_id<T: frontdesk_store::FromValue>(tx: &mut dyn Tx, select: &str, ids: &[Id]) -> Result<HashMap<Id, T>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!("{select} WHERE {}", tx.in_list("id", 1));
    tx.query(&sql, args![ids])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

fn first_contents(tx: &mut dyn Tx, threads: &[Id]) -> Result<HashMap<Id, Id>> {
    let mut firsts = HashMap::new();
    for thread_id in threads {
        let sql = "SELECT id FROM contents WHERE thread_id = $1 ORDER BY created_at, id LIMIT 1";
        if let Some(row) = tx.first(sql, args![thread_id])? {
            firsts.insert(*thread_id, row.get(0)?);
        }
    }
    Ok(firsts)
}

const CONTENTS: &str = "SELECT contents.id, contents.approval_required, contents.author_id, contents.body,
    contents.body_format, contents.created_from, contents.creator_id, contents.created_at, contents.first_in_thread,
    contents.foreign_id, contents.attachments_count, contents.intervention_id, contents.language, contents.type,
    parents.author_id, contents.in_reply_to_id, contents.private, contents.source_id, contents.status,
    contents.synchronization_status, contents.thread_id, threads.title, contents.extras
    FROM contents JOIN threads ON threads.id = contents.thread_id
    LEFT JOIN contents AS parents ON parents.id = contents.in_reply_to_id";

/// The documented metadata of contents, and in `types` what their resources are called.
fn contents(
    app: &Conversations,
    tx: &mut dyn Tx,
    ids: &[Id],
    types: &mut HashMap<Id, String>,
) -> Result<HashMap<Id, Map<String, Value>>> {
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!("{CONTENTS} WHERE {}", tx.in_list("contents.id", 1));
    let rows = tx.query(&sql, args![ids])?;
    let mut objects = Vec::with_capacity(rows.len() * 3);
    for row in &rows {
        objects.extend([row.get::<Id>(0)?, row.get::<Id>(20)?]);
        objects.extend(row.get::<Option<Id>>(11)?);
    }
    let categories = categories::of_many(tx, &unique(objects.into_iter()))?;
    let source_ids = rows.iter().map(|row| row.get::<Id>(17)).collect::<Result<Vec<_>>>()?;
    let channels = app.channels.current(tx, &app.seal, &unique(source_ids.into_iter()))?;
    let mut found = HashMap::with_capacity(rows.len());
    for row in &rows {
        let source_id: Id = row.get(17)?;
        let channel = channels.get(&source_id).ok_or_else(|| error::broken("the source of a content has gone"))?;
        let (id, metadata) = (row.get::<Id>(0)?, metadata(row, channel, &categories)?);
        types.insert(id, channel.kind.resource_type(&row.get::<String>(13)?));
        found.insert(id, metadata);
    }
    Ok(found)
}

fn metadata(row: &Row, channel: &Channel, categories: &HashMap<Id, Vec<Id>>) -> Result<Map<String, Value>> {
    let mut extras: Map<String, Value> = match row.get::<Option<String>>(22)? {
        Some(text) => {
            serde_json::from_str(&text).map_err(|trouble| error::broken(format!("contents.extras: {trouble}")))?
        }
        None => Map::new(),
    };
    let mut take = |key: &str| extras.remove(key);
    // As REST shows them: its own; if it has none, its intervention's; if that has none, its thread's.
    let of = [Some(row.get::<Id>(0)?), row.get(11)?, Some(row.get::<Id>(20)?)];
    let category_ids = of.into_iter().flatten().find_map(|id| categories.get(&id));
    let mut metadata = Map::new();
    let mut tell = |key: &str, value: Value| metadata.insert(key.to_owned(), value);
    tell("id", json!(row.get::<Id>(0)?));
    tell("approval_required", json!(row.get::<bool>(1)?));
    tell("author_id", json!(row.get::<Option<Id>>(2)?));
    tell("body", json!(row.get::<String>(3)?));
    tell("body_input_format", json!(row.get::<String>(4)?));
    let capabilities = channel.capabilities();
    tell("capabilities_supported", json!(capabilities));
    tell("category_ids", json!(category_ids.map_or(&[][..], Vec::as_slice)));
    tell("context_data", take("context_data").unwrap_or(Value::Null));
    tell("created_from", json!(row.get::<String>(5)?));
    tell("creator_id", json!(row.get::<Option<Id>>(6)?));
    tell("date", json!(&row.get::<Timestamp>(7)?.rest()[..DAY_LENGTH]));
    tell("first_in_thread", json!(row.get::<bool>(8)?));
    tell("foreign_categories", take("foreign_categories").unwrap_or_else(|| json!([])));
    tell("foreign_id", json!(row.get::<Option<String>>(9)?));
    tell("has_attachment", json!(row.get::<i64>(10)? > 0));
    tell("in_reply_to_author_id", json!(row.get::<Option<Id>>(14)?));
    tell("in_reply_to_id", json!(row.get::<Option<Id>>(15)?));
    tell("intervention_id", json!(row.get::<Option<Id>>(11)?));
    tell("language", json!(row.get::<Option<String>>(12)?));
    tell("private", json!(row.get::<bool>(16)?));
    tell("source_id", json!(row.get::<Id>(17)?));
    tell("source_type", json!(channel.kind.type_name));
    tell("status", json!(row.get::<String>(18)?));
    tell("structured_content_supported", json!(!capabilities.is_empty()));
    tell("synchronization_status", json!(row.get::<String>(19)?));
    tell("thread_id", json!(row.get::<Id>(20)?));
    tell("thread_title", json!(row.get::<Option<String>>(21)?));
    tell("type", json!(row.get::<String>(13)?));
    for key in ["structured_content", "structured_reply", "foreign_origin"] {
        if let Some(value) = take(key) {
            tell(key, value);
        }
    }
    Ok(metadata)
}

/// Every key of a content's metadata that is always there.
const KEYS: [&str; 28] = [
    "id",
    "approval_required",
    "author_id",
    "body",
    "body_input_format",
    "capabilities_supported",
    "category_ids",
    "context_data",
    "created_from",
    "creator_id",
    "date",
    "first_in_thread",
    "foreign_categories",
    "foreign_id",
    "has_attachment",
    "in_reply_to_author_id",
    "in_reply_to_id",
    "intervention_id",
    "language",
    "private",
    "source_id",
    "source_type",
    "status",
    "structured_content_supported",
    "synchronization_status",
    "thread_id",
    "thread_title",
    "type",
];

fn nothing_known(id: Id, thread_id: Option<Id>) -> Map<String, Value> {
    let mut metadata: Map<String, Value> = KEYS.iter().map(|key| ((*key).to_owned(), Value::Null)).collect();
    metadata.insert("id".into(), json!(id));
    metadata.insert("thread_id".into(), json!(thread_id));
    metadata
}
