//! Taking in what a channel tells: find or create the identity, find or create the thread, insert the content, count it,
//! re-open its intervention, and say so in the log; all in one transaction. A repeat changes nothing.
//!
//! The hottest command: every statement here is paid for by every message.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_sources::inbound::{ContentObject, InboundAuthor, InboundContent};
use frontdesk_store::{Row, Tx, args};
use serde_json::{Map, Value, json};

use crate::attachments::StoredInbound;
use crate::categories::{self, Object};
use crate::contents::{self, NewContent};
use crate::sources::Channel;
use crate::{attachments, delivery, identities, interventions, threads};

/// What became of an inbound content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ingested {
    /// It is stored now.
    Created,
    /// It was stored before; nothing was written.
    Repeat,
    /// The source has changed since its settings were read: read them and try again.
    Stale,
}

/// Which thread a content joins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Joins {
    /// The one that the channel tells, or that the source's rule finds.
    AsTold,
    /// This one, which whoever calls has found to be right.
    This(Id),
    /// One of its own.
    New,
}

/// Why a well-formed content cannot be stored: told to the channel.
pub(crate) const UNKNOWN_PARENT: &str = "unknown_parent";

/// Stores a content. `files` are its attachments, already on disk where they came with it.
pub(crate) fn content(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    inbound: &InboundContent,
    files: &[StoredInbound],
) -> Result<Ingested> {
    if !is_current(tx, channel)? {
        return Ok(Ingested::Stale);
    }
    content_into(tx, env, channel, inbound, files, Joins::AsTold)
}

/// The same, for whoever has read the source in this transaction, and into a thread of their choice.
pub(crate) fn content_into(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    inbound: &InboundContent,
    files: &[StoredInbound],
    joins: Joins,
) -> Result<Ingested> {
    if find_by_foreign_id(tx, channel.source_id, inbound.object.as_str(), &inbound.foreign_id)?.is_some() {
        return Ok(Ingested::Repeat);
    }
    let now = env.now();
    let Some(author) = &inbound.author else { return title_only(tx, env, channel, inbound, now) };
    let author = store(tx, env, channel, author)?;
    if author.controlled && delivery::is_ours(tx, env, channel, inbound, author.id, files.len())? {
        return Ok(Ingested::Repeat);
    }
    let recipient_id = match &inbound.recipient {
        Some(recipient) => Some(store(tx, env, channel, recipient)?.id),
        None => None,
    };
    // An agent who wrote on the channel itself speaks as a controlled identity; the customer is then the other one.
    let customer_id = if author.controlled { recipient_id.unwrap_or(author.id) } else { author.id };
    let parent = parent(tx, channel, inbound)?;
    let thread = match (joins, thread_key(inbound)) {
        (Joins::This(id), _) => known_thread(&tx.one(THREAD_BY_ID, args![&id])?)?,
        (Joins::New, _) => create_thread(tx, env, channel, None, None, Some(customer_id), now)?,
        (Joins::AsTold, Some(key)) => thread_by_foreign_id(tx, env, channel, inbound, key, Some(customer_id), now)?,
        (Joins::AsTold, None) => thread_by_author(tx, env, channel, parent.as_ref(), customer_id, now)?,
    };
    let place = Place { author, recipient_id, in_reply_to_id: parent.map(|parent| parent.content_id), thread };
    insert(tx, env, channel, inbound, files, place, now)?;
    Ok(Ingested::Created)
}

/// Where a new content belongs.
struct Place {
    author: identities::Stored,
    recipient_id: Option<Id>,
    in_reply_to_id: Option<Id>,
    thread: Thread,
}

/// Writes a content where it belongs, and tells of it.
fn insert(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    inbound: &InboundContent,
    files: &[StoredInbound],
    Place { author, recipient_id, in_reply_to_id, thread }: Place,
    now: Timestamp,
) -> Result<()> {
    let id = env.id();
    let first_in_thread = thread.contents_count == 0;
    let Standing { status, intervention_id, muted } = match author.controlled {
        true => Standing::ours(first_in_thread),
        false => Standing::of_customer(tx, env, inbound, &author, &thread)?,
    };
    let category_ids = match thread.is_new {
        true => thread.category_ids,
        false => categories::told(tx, None, intervention_id, thread.id)?,
    };
    let title = inbound.title.as_ref().or(thread.title.as_ref()).filter(|_| inbound.object == ContentObject::Thread);
    let extras = extras(inbound);
    let new = NewContent {
        id,
        source_id: channel.source_id,
        thread_id: thread.id,
        is_new_thread: thread.is_new,
        first_in_thread,
        author_id: author.id,
        creator_id: None,
        recipient_id,
        intervention_id,
        in_reply_to_id,
        foreign_id: Some(&inbound.foreign_id),
        object: inbound.object,
        private: inbound.object == ContentObject::PrivateMessage,
        status,
        title: title.map(String::as_str),
        body: &inbound.body,
        format: inbound.format,
        language: language(channel, inbound),
        created_from: "synchronizer",
        source_url: inbound.source_url.as_deref(),
        approval_required: false,
        auto_submitted: false,
        published: inbound.published != Some(false),
        attachments_count: files.len() as i64,
        synchronization_status: "success",
        scheduled_at: None,
        extras: extras.as_deref(),
        created_at: inbound.created_at.filter(|at| *at <= now).unwrap_or(now),
    };
    contents::insert(tx, &new, now)?;
    remember_foreign_id(tx, channel.source_id, inbound.object.as_str(), &inbound.foreign_id, id)?;
    if !files.is_empty() {
        attachments::insert_inbound(tx, env, id, files)?;
    }
    let told = Imported {
        id,
        thread_id: thread.id,
        author_id: author.id,
        in_reply_to_id,
        intervention_id,
        status,
        first_in_thread,
        category_ids: &category_ids,
    };
    tx.append(imported(env, channel, inbound.object, &told));
    if let Some(kind) = muted {
        let payload = json!({ "source_id": channel.source_id, "author_id": author.id, "status": status });
        tx.append(NewEvent::new(env, None, kind, id, Some(thread.id), payload));
    }
    Ok(())
}

/// A thread that is only a title: nothing to show but the thread itself.
fn title_only(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    inbound: &InboundContent,
    now: Timestamp,
) -> Result<Ingested> {
    let thread = thread_by_foreign_id(tx, env, channel, inbound, &inbound.foreign_id, None, now)?;
    remember_foreign_id(tx, channel.source_id, inbound.object.as_str(), &inbound.foreign_id, thread.id)?;
    let payload = json!({ "source_id": channel.source_id });
    tx.append(NewEvent::new(env, None, "content_thread.created", thread.id, Some(thread.id), payload));
    Ok(Ingested::Created)
}

/// Who is to do something about a new content.
struct Standing {
    status: &'static str,
    intervention_id: Option<Id>,
    /// What is told of one that nobody waits for: what the muted write is kept and counted like the rest.
    muted: Option<&'static str>,
}

impl Standing {
    /// An agent wrote it on the channel itself.
    fn ours(first_in_thread: bool) -> Standing {
        let status = if first_in_thread { "user_initiated" } else { "user_reply" };
        Standing { status, intervention_id: None, muted: None }
    }

    fn of_customer(
        tx: &mut dyn Tx,
        env: &Env,
        inbound: &InboundContent,
        customer: &identities::Stored,
        thread: &Thread,
    ) -> Result<Standing> {
        let muted = match (inbound.elsewhere, thread.muted, customer.muted) {
            (true, ..) => Some("content.ignored"),
            (_, true, _) => Some("content.thread_muted_ignored"),
            (.., true) => Some("content.author_muted_ignored"),
            _ => None,
        };
        if muted.is_some() {
            return Ok(Standing { status: "ignored", intervention_id: None, muted });
        }
        let intervention = match thread.interventions_count {
            0 => None,
            _ => interventions::on_customer_content(tx, env, thread.id, customer.id)?,
        };
        // An intervention that was handed over is nobody's yet.
        let is_somebodys = intervention.as_ref().is_some_and(|intervention| intervention.user_id.is_some());
        let status = if is_somebodys { "assigned" } else { "new" };
        Ok(Standing { status, intervention_id: intervention.map(|intervention| intervention.id), muted: None })
    }
}

/// Whether a content would be stored, before its files are put on disk: a refused one must leave none behind.
pub(crate) fn foresee(tx: &mut dyn Tx, channel: &Channel, inbound: &InboundContent) -> Result<Ingested> {
    if !is_current(tx, channel)? {
        return Ok(Ingested::Stale);
    }
    if find_by_foreign_id(tx, channel.source_id, inbound.object.as_str(), &inbound.foreign_id)?.is_some() {
        return Ok(Ingested::Repeat);
    }
    parent(tx, channel, inbound)?;
    Ok(Ingested::Created)
}

/// What the event of a new content says of it.
pub(crate) struct Imported<'a> {
    pub(crate) id: Id,
    pub(crate) thread_id: Id,
    pub(crate) author_id: Id,
    pub(crate) in_reply_to_id: Option<Id>,
    pub(crate) intervention_id: Option<Id>,
    pub(crate) status: &'a str,
    pub(crate) first_in_thread: bool,
    pub(crate) category_ids: &'a [Id],
}

/// The event of a new content: what subscribers are told freezes here.
pub(crate) fn imported(env: &Env, channel: &Channel, object: ContentObject, content: &Imported) -> NewEvent {
    let payload = json!({
        "source_id": channel.source_id, "author_id": content.author_id, "intervention_id": content.intervention_id,
        "in_reply_to_id": content.in_reply_to_id, "status": content.status, "type": object.as_str(),
        "first_in_thread": content.first_in_thread, "private": object == ContentObject::PrivateMessage,
        "category_ids": content.category_ids,
    });
    NewEvent::new(env, None, "content.imported", content.id, Some(content.thread_id), payload)
}

/// Stores an identity alone.
pub(crate) fn identity(tx: &mut dyn Tx, env: &Env, channel: &Channel, author: &InboundAuthor) -> Result<Ingested> {
    if !is_current(tx, channel)? {
        return Ok(Ingested::Stale);
    }
    store(tx, env, channel, author)?;
    Ok(Ingested::Created)
}

/// Notes that the customer's side has read one of our contents. 422 when there is none with this id.
pub(crate) fn read_mark(tx: &mut dyn Tx, env: &Env, channel: &Channel, foreign_id: &str) -> Result<Ingested> {
    if !is_current(tx, channel)? {
        return Ok(Ingested::Stale);
    }
    let Some((content_id, thread_id)) = content_by_foreign_id(tx, channel.source_id, foreign_id)? else {
        return Err(error::unprocessable(UNKNOWN_PARENT, "params.id: the source has no content with this id"));
    };
    let now = env.now();
    let changed = tx.execute(
        "UPDATE contents SET read_at = $2, updated_at = $2
         WHERE id = $1 AND read_at IS NULL AND creator_id IS NOT NULL",
        args![&content_id, now],
    )?;
    if changed > 0 {
        let payload = json!({ "source_id": channel.source_id });
        tx.append(NewEvent::new(env, None, "content.read", content_id, Some(thread_id), payload));
    }
    Ok(Ingested::Created)
}

/// Whether the source is as it was when its settings were read.
pub(crate) fn is_current(tx: &mut dyn Tx, channel: &Channel) -> Result<bool> {
    let row = tx.first("SELECT version FROM sources WHERE id = $1", args![&channel.source_id])?;
    Ok(row.map(|row| row.get::<i64>(0)).transpose()? == Some(channel.version))
}

fn store(tx: &mut dyn Tx, env: &Env, channel: &Channel, author: &InboundAuthor) -> Result<identities::Stored> {
    identities::store_author(tx, env, channel.community_id, channel.kind.community_type, author, &channel.mappings)
}

/// The content that a channel's id stands for.
pub(crate) fn find_by_foreign_id(tx: &mut dyn Tx, source_id: Id, object: &str, foreign_id: &str) -> Result<Option<Id>> {
    let row = tx.first(
        "SELECT content_id FROM content_keys WHERE source_id = $1 AND object = $2 AND foreign_id = $3",
        args![&source_id, object, foreign_id],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// Keeps a channel's id for ever. Returns whether it was free: an id never comes to mean another content.
pub(crate) fn remember_foreign_id(
    tx: &mut dyn Tx,
    source_id: Id,
    object: &str,
    foreign_id: &str,
    content_id: Id,
) -> Result<bool> {
    let inserted = tx.execute(
        "INSERT INTO content_keys (source_id, object, foreign_id, content_id) VALUES ($1, $2, $3, $4)
         ON CONFLICT (source_id, object, foreign_id) DO NOTHING",
        args![&source_id, object, foreign_id, &content_id],
    )?;
    Ok(inserted == 1)
}

/// The content that a channel's id stands for, whichever kind it is, and its thread.
pub(crate) fn content_by_foreign_id(tx: &mut dyn Tx, source_id: Id, foreign_id: &str) -> Result<Option<(Id, Id)>> {
    for object in ContentObject::ALL {
        let row = tx.first(
            "SELECT contents.id, contents.thread_id FROM content_keys
             JOIN contents ON contents.id = content_keys.content_id
             WHERE content_keys.source_id = $1 AND object = $2 AND content_keys.foreign_id = $3",
            args![&source_id, object.as_str(), foreign_id],
        )?;
        if let Some(row) = row {
            return Ok(Some((row.get(0)?, row.get(1)?)));
        }
    }
    Ok(None)
}

struct Parent {
    content_id: Id,
    thread_id: Id,
}

/// The content that this one answers. Naming one that the source does not have is refused: the order of a
/// conversation is part of it.
fn parent(tx: &mut dyn Tx, channel: &Channel, inbound: &InboundContent) -> Result<Option<Parent>> {
    let Some(foreign_id) = &inbound.in_reply_to else { return Ok(None) };
    match content_by_foreign_id(tx, channel.source_id, foreign_id)? {
        Some((content_id, thread_id)) => Ok(Some(Parent { content_id, thread_id })),
        None => {
            let message = "params.in_reply_to_id: the source has no content with this id; send that one first";
            Err(error::unprocessable(UNKNOWN_PARENT, message))
        }
    }
}

/// The channel's id of the thread, where the channel has threads.
fn thread_key(inbound: &InboundContent) -> Option<&str> {
    match inbound.object {
        ContentObject::Thread => Some(&inbound.foreign_id),
        _ => inbound.thread_foreign_id.as_deref(),
    }
}

struct Thread {
    id: Id,
    title: Option<String>,
    contents_count: i64,
    interventions_count: i64,
    muted: bool,
    is_new: bool,
    /// Of a new one; those of others are read when they are needed.
    category_ids: Vec<Id>,
}

const THREAD_BY_ID: &str = "SELECT id, title, contents_count, interventions_count, muted FROM threads WHERE id = $1";

/// One that was there before.
fn known_thread(row: &Row) -> Result<Thread> {
    Ok(Thread {
        id: row.get(0)?,
        title: row.get(1)?,
        contents_count: row.get(2)?,
        interventions_count: row.get(3)?,
        muted: row.get(4)?,
        is_new: false,
        category_ids: Vec::new(),
    })
}

fn thread_by_foreign_id(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    inbound: &InboundContent,
    key: &str,
    customer_id: Option<Id>,
    now: Timestamp,
) -> Result<Thread> {
    let row = tx.first(
        "SELECT id, title, contents_count, interventions_count, muted FROM threads WHERE source_id = $1 AND foreign_id = $2",
        args![&channel.source_id, key],
    )?;
    let title = (inbound.object == ContentObject::Thread).then(|| inbound.title.clone()).flatten();
    if let Some(row) = row {
        let thread = known_thread(&row)?;
        if title.is_some() && title != thread.title {
            tx.execute("UPDATE threads SET title = $2, updated_at = $3 WHERE id = $1", args![&thread.id, &title, now])?;
        }
        return Ok(thread);
    }
    create_thread(tx, env, channel, Some(key), title, customer_id, now)
}

/// Where a channel has no threads, an answer joins the thread of what it answers; anything else joins the customer's
/// latest thread if that is open and recent enough, or starts one.
fn thread_by_author(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    parent: Option<&Parent>,
    customer_id: Id,
    now: Timestamp,
) -> Result<Thread> {
    let row = match parent {
        Some(parent) => tx.first(THREAD_BY_ID, args![&parent.thread_id])?,
        None => {
            let since = match channel.common.time_for_thread_inclusion {
                Some(seconds) => now.minus_seconds(seconds),
                None => Timestamp::from_micros(i64::MIN),
            };
            tx.first(
                "SELECT id, title, contents_count, interventions_count, muted FROM threads
                 WHERE author_id = $1 AND source_id = $2 AND last_content_at >= $3 AND NOT closed
                   AND foreign_id IS NULL
                 ORDER BY last_content_at DESC LIMIT 1",
                args![&customer_id, &channel.source_id, since],
            )?
        }
    };
    match row {
        Some(row) => known_thread(&row),
        None => create_thread(tx, env, channel, None, None, Some(customer_id), now),
    }
}

fn create_thread(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    foreign_id: Option<&str>,
    title: Option<String>,
    customer_id: Option<Id>,
    now: Timestamp,
) -> Result<Thread> {
    let new = threads::NewThread {
        source_id: channel.source_id,
        foreign_id,
        title: title.as_deref(),
        author_id: customer_id,
    };
    let id = threads::create(tx, env, &new, now)?;
    let mut category_ids = Vec::new();
    if !channel.common.default_category_ids.is_empty() {
        let defaults = &channel.common.default_category_ids;
        categories::assign_defaults(tx, Object::Thread, id, channel.source_id, defaults)?;
        category_ids = categories::of(tx, id)?;
    }
    if customer_id.is_none() {
        count(tx, channel.source_id, 1, 0)?;
    }
    Ok(Thread { id, title, contents_count: 0, interventions_count: 0, muted: false, is_new: true, category_ids })
}

/// Adds to a source's counters.
pub(crate) fn count(tx: &mut dyn Tx, source_id: Id, threads: i64, contents: i64) -> Result<()> {
    tx.execute(
        "UPDATE source_counters SET threads = threads + $2, contents = contents + $3 WHERE source_id = $1",
        args![&source_id, threads, contents],
    )?;
    Ok(())
}

/// The language that the channel tells, else the source's default.
pub(crate) fn language<'a>(channel: &'a Channel, inbound: &'a InboundContent) -> Option<&'a str> {
    inbound.language.as_deref().or(channel.common.default_content_language.as_deref())
}

/// The names of the attributes that few contents have.
pub(crate) const EXTRAS: [&str; 8] = [
    "context_data",
    "foreign_categories",
    "actions",
    "structured_content",
    "structured_reply",
    "ip",
    "rating",
    "unanswerable",
];

/// The attributes that few contents have, as one JSON object.
pub(crate) fn extras(inbound: &InboundContent) -> Option<String> {
    let mut extras = Map::new();
    if !inbound.context_data.is_empty() {
        extras.insert("context_data".into(), inbound.context_data.clone().into());
    }
    if !inbound.foreign_categories.is_empty() {
        extras.insert("foreign_categories".into(), inbound.foreign_categories.clone().into());
    }
    if !inbound.actions.is_empty() {
        extras.insert("actions".into(), inbound.actions.clone().into());
    }
    for (name, value) in [
        ("structured_content", &inbound.structured_content),
        ("structured_reply", &inbound.structured_reply),
        ("ip", &inbound.ip.clone().map(Value::from)),
        ("rating", &inbound.rating.map(Value::from)),
        ("unanswerable", &inbound.unanswerable.clone().map(Value::from)),
    ] {
        if let Some(value) = value {
            extras.insert(name.into(), value.clone());
        }
    }
    if extras.is_empty() { None } else { Some(Value::Object(extras).to_string()) }
}
