//! What visitors do.

use std::borrow::Cow;
use std::sync::Arc;

use frontdesk_model::error::{Error, Refusal};
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, error};
use frontdesk_sources::inbound::{BodyFormat, ContentObject, InboundContent};
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use super::notices::{self, Notice, Saying};
use super::view::{self, SHOWN};
use super::{Claims, Visitor, hint_typing};
use crate::attachments::{InboundFile, StoredInbound};
use crate::ingest::{self, Ingested, Joins};
use crate::threads::Ending;
use crate::{Conversations, identities};

/// A file of a message, on disk.
#[derive(Clone, Debug)]
pub struct File {
    /// Its name.
    pub filename: String,
    /// What names it on disk.
    pub sha256: [u8; 32],
    /// In bytes.
    pub size: u64,
}

/// What a visitor writes.
#[derive(Clone, Debug, Default)]
pub struct Message {
    /// The client's own name for it: the same one again is the same message.
    pub client_id: String,
    /// The conversation; without it, a new one, or the last.
    pub thread_id: Option<Id>,
    /// Without `thread_id`: joins the last conversation if that is open and, by the source's rule, recent enough.
    pub joins_last: bool,
    /// The text.
    pub body: String,
    /// What was picked from a structured message: in which content, and what that choice stands for.
    pub structured_reply: Option<(Id, String)>,
    /// Files.
    pub files: Vec<File>,
    /// A new conversation's facts: its page, custom variables, trigger.
    pub context: Map<String, Value>,
    /// Language of the message, if it is known.
    pub language: Option<String>,
    /// Categories of a new conversation.
    pub category_ids: Vec<Id>,
    /// The page wrote it in the name of the desk: it is no visitor's word.
    pub from_agent: bool,
    /// The page wrote it.
    pub automated: bool,
    /// The visitor's network address.
    pub ip: Option<String>,
}

/// A message that is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Written {
    /// The content.
    pub content_id: Id,
    /// Whether it was stored before: nothing was written.
    pub is_repeat: bool,
}

fn conflict(code: &'static str, message: &str) -> Error {
    let message = message.to_owned();
    Refusal { status: 409, code: code.into(), message, errors: Vec::new(), retry_after_seconds: None }.into()
}

/// The name under which a content is kept for ever: each visitor has names of their own.
fn foreign_id(uuid: &str, client_id: &str) -> String {
    format!("{uuid}:{client_id}")
}

/// Stores a message, as every other channel's: webhooks, routing and automatic answers see it.
pub fn write(
    tx: &mut dyn Tx,
    env: &Env,
    visitor: Visitor<'_>,
    claims: &Claims,
    message: &Message,
    files: impl FnOnce(&mut dyn Tx) -> Result<Vec<File>>,
) -> Result<Written> {
    let channel = &visitor.place.channel;
    let object = ContentObject::Message.as_str();
    let foreign_id = foreign_id(visitor.uuid, &message.client_id);
    let find = |tx: &mut dyn Tx| ingest::find_by_foreign_id(tx, channel.source_id, object, &foreign_id);
    if let Some(content_id) = find(tx)? {
        return Ok(Written { content_id, is_repeat: true });
    }
    let joins = joins(tx, visitor, message)?;
    if let Some((content_id, _)) = &message.structured_reply {
        require_shown(tx, *content_id, joins)?;
    }
    let files = files(tx)?;
    let files: Vec<_> = files
        .into_iter()
        .map(|File { filename, sha256, size }| StoredInbound {
            filename,
            kind_hint: None,
            file: InboundFile::Stored { sha256, size },
        })
        .collect();
    let inbound = inbound(tx, env, visitor, claims, message, joins)?;
    // From the beginning: the first event of a conversation tells its categories, and routing goes by them.
    let mut of_trigger = Cow::Borrowed(channel);
    if !message.category_ids.is_empty() {
        of_trigger.to_mut().common.default_category_ids.extend(&message.category_ids);
    }
    match ingest::content_into(tx, env, &of_trigger, &inbound, &files, joins)? {
        Ingested::Created => {}
        other => return Err(error::broken(format!("a visitor's message became {other:?}"))),
    }
    let content_id = find(tx)?.ok_or_else(|| error::broken("a visitor's message vanished"))?;
    complete(tx, env, visitor, claims)?;
    let row = tx.one("SELECT thread_id, first_in_thread FROM contents WHERE id = $1", args![&content_id])?;
    if row.get(1)? {
        begin(tx, row.get(0)?, message)?;
    }
    Ok(Written { content_id, is_repeat: false })
}

/// Which conversation a message goes into; 409 for one that takes none.
fn joins(tx: &mut dyn Tx, visitor: Visitor<'_>, message: &Message) -> Result<Joins> {
    let channel = &visitor.place.channel;
    // Refuses who may not write as a visitor any more, whatever the conversation.
    let identity_id = visitor.identity_id(tx)?;
    let thread_id = match message.thread_id {
        Some(id) => Some(id),
        // A live chat is one conversation.
        None if channel.kind.is_live_chat => open_chat(tx, channel.source_id, identity_id)?,
        None => None,
    };
    let Some(id) = thread_id else {
        return Ok(if message.joins_last { Joins::AsTold } else { Joins::New });
    };
    let thread = view::own_thread(tx, visitor, id)?;
    if thread.closed {
        return Err(conflict("thread_closed", "This conversation is closed."));
    }
    if thread.text_input_disabled && message.structured_reply.is_none() && !message.from_agent {
        return Err(conflict("text_input_disabled", "Choose one of the answers: this conversation takes no text now."));
    }
    Ok(Joins::This(id))
}

/// 422 when somebody picked from what the conversation does not show.
fn require_shown(tx: &mut dyn Tx, content_id: Id, joins: Joins) -> Result<()> {
    let thread_id = match joins {
        Joins::This(id) => Some(id),
        Joins::AsTold | Joins::New => None,
    };
    let known = tx.first(
        &format!("SELECT 1 FROM contents WHERE id = $1 AND thread_id = $2 AND {SHOWN}"),
        args![&content_id, &thread_id],
    )?;
    if known.is_none() {
        let text = "structured_reply[content_id]: there is no such content in this conversation.";
        return Err(error::invalid("structured_reply[content_id]", "unknown", text));
    }
    Ok(())
}

/// A message as other channels tell theirs.
fn inbound(
    tx: &mut dyn Tx,
    env: &Env,
    visitor: Visitor<'_>,
    claims: &Claims,
    message: &Message,
    joins: Joins,
) -> Result<InboundContent> {
    let author = claims.author(visitor.uuid);
    let mut inbound = InboundContent {
        body: message.body.clone(),
        format: BodyFormat::Text,
        language: message.language.clone(),
        ip: message.ip.clone(),
        structured_reply: message.structured_reply.as_ref().map(|(_, payload)| json!({ "payload": payload })),
        ..InboundContent::new(ContentObject::Message, foreign_id(visitor.uuid, &message.client_id))
    };
    if message.automated {
        inbound.context_data.insert("automated".into(), true.into());
    }
    if message.from_agent {
        let desk = identities::source_author(tx, env, &visitor.place.channel)?;
        (inbound.author, inbound.recipient) = (Some(desk), Some(author));
    } else {
        if joins == Joins::New {
            inbound.context_data.insert("identity_initiated_thread".into(), true.into());
        }
        inbound.author = Some(author);
    }
    Ok(inbound)
}

/// The conversation of a live chat that goes on.
fn open_chat(tx: &mut dyn Tx, source_id: Id, identity_id: Option<Id>) -> Result<Option<Id>> {
    let Some(identity_id) = identity_id else { return Ok(None) };
    let row = tx.first(
        "SELECT id FROM threads WHERE author_id = $1 AND source_id = $2 AND NOT closed ORDER BY last_content_at DESC LIMIT 1",
        args![&identity_id, &source_id],
    )?;
    row.map(|row| row.get(0)).transpose()
}

/// What a new conversation has from the page on which it began.
fn begin(tx: &mut dyn Tx, thread_id: Id, message: &Message) -> Result<()> {
    let mut data = message.context.clone();
    data.insert("identity_initiated_thread".into(), (!message.from_agent).into());
    let data = Value::Object(data).to_string();
    tx.execute("UPDATE threads SET extra_data = $2 WHERE id = $1", args![&thread_id, &data])?;
    Ok(())
}

/// What an author of other channels has no word for.
fn complete(tx: &mut dyn Tx, env: &Env, visitor: Visitor<'_>, claims: &Claims) -> Result<()> {
    if let Some(company) = claims.company.as_deref().filter(|company| !company.is_empty()) {
        tx.execute(
            "UPDATE identities SET company = $3, updated_at = $4
             WHERE community_id = $1 AND foreign_id = $2 AND (company IS NULL OR company <> $3)",
            args![&visitor.place.channel.community_id, visitor.uuid, company, env.now()],
        )?;
    }
    Ok(())
}

/// Takes over what is newly known of a visitor, if they have an identity.
pub fn identify(tx: &mut dyn Tx, env: &Env, visitor: Visitor<'_>, claims: &Claims) -> Result<Option<Id>> {
    if visitor.identity_id(tx)?.is_none() {
        return Ok(None);
    }
    store(tx, env, visitor, claims).map(Some)
}

fn store(tx: &mut dyn Tx, env: &Env, visitor: Visitor<'_>, claims: &Claims) -> Result<Id> {
    let channel = &visitor.place.channel;
    let (author, kind) = (claims.author(visitor.uuid), channel.kind.community_type);
    let stored = identities::store_author(tx, env, channel.community_id, kind, &author, &channel.mappings)?;
    complete(tx, env, visitor, claims)?;
    Ok(stored.id)
}

/// What somebody did while they were not known becomes theirs: conversations, and what agents do about them.
/// `from` was anonymous, so nobody else can have been meant.
pub fn merge(tx: &mut dyn Tx, env: &Env, from: Visitor<'_>, to: Visitor<'_>, claims: &Claims) -> Result<()> {
    let Some(old) = from.identity_id(tx)? else { return Ok(()) };
    let prefix = from.uuid.len() + 1;
    let renamed = format!("$2 || substr(foreign_id, {prefix})");
    let keys = format!(
        "UPDATE content_keys SET foreign_id = {renamed}
         WHERE content_id IN (SELECT id FROM contents WHERE author_id = $1 AND created_from = 'synchronizer')
           AND NOT EXISTS (SELECT 1 FROM content_keys AS other WHERE other.source_id = content_keys.source_id
             AND other.object = content_keys.object AND other.foreign_id = $2 || substr(content_keys.foreign_id, {prefix}))"
    );
    tx.execute(&keys, args![&old, to.uuid])?;
    let contents =
        format!("UPDATE contents SET foreign_id = {renamed} WHERE author_id = $1 AND created_from = 'synchronizer'");
    tx.execute(&contents, args![&old, to.uuid])?;
    let new = match to.identity_id(tx)? {
        Some(new) => new,
        None => {
            // Nobody is known under the new name: the identity gets it, and all stays where it is.
            tx.execute(
                "UPDATE identities SET foreign_id = $2, uuid = $2, updated_at = $3 WHERE id = $1",
                args![&old, to.uuid, env.now()],
            )?;
            store(tx, env, to, claims)?;
            return Ok(());
        }
    };
    store(tx, env, to, claims)?;
    for (table, column) in [
        ("threads", "author_id"),
        ("contents", "author_id"),
        ("contents", "recipient_id"),
        ("interventions", "identity_id"),
        ("intervention_comments", "identity_id"),
    ] {
        tx.execute(&format!("UPDATE {table} SET {column} = $2 WHERE {column} = $1"), args![&old, &new])?;
    }
    // What is promised and what waits is one customer's in one thread; whoever holds a task in memory reads it again.
    for (table, more) in [("tasks", ", version = version + 1"), ("service_levels", "")] {
        let sql = format!(
            "UPDATE {table} SET identity_id = $2{more}
             WHERE identity_id = $1 AND thread_id IN (SELECT id FROM threads WHERE author_id = $2)"
        );
        tx.execute(&sql, args![&old, &new])?;
    }
    for table in ["automatic_answers", "erasures", "identity_list_members"] {
        tx.execute(&format!("DELETE FROM {table} WHERE identity_id = $1"), args![&old])?;
    }
    // An agent may have put it into a group: then it stays, and says nothing.
    tx.execute("DELETE FROM identities WHERE id = $1 AND identity_group_id IS NULL", args![&old])?;
    let payload = json!({ "community_id": to.place.channel.community_id });
    tx.append(NewEvent::new(env, None, "identity.updated", new, None, payload));
    Ok(())
}

/// The visitor has seen what agents wrote, up to this content.
pub fn mark_read(tx: &mut dyn Tx, env: &Env, visitor: Visitor<'_>, thread_id: Id, content_id: Id) -> Result<()> {
    view::own_thread(tx, visitor, thread_id)?;
    let row = tx.first(
        &format!("SELECT created_at FROM contents WHERE id = $1 AND thread_id = $2 AND {SHOWN}"),
        args![&content_id, &thread_id],
    )?;
    let at: i64 = row.ok_or_else(|| error::not_found("content"))?.get(0)?;
    let changed = tx.query(
        &format!(
            "UPDATE contents SET read_at = $4, updated_at = $4
             WHERE thread_id = $1 AND (created_at < $2 OR (created_at = $2 AND id <= $3)) AND read_at IS NULL
               AND {} AND {SHOWN} RETURNING id",
            view::OURS
        ),
        args![&thread_id, at, &content_id, env.now()],
    )?;
    let mut ids = changed.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    ids.sort_unstable();
    // One entry says it for all before.
    if let Some(last) = ids.last() {
        let payload = json!({ "source_id": visitor.place.channel.source_id });
        tx.append(NewEvent::new(env, None, "content.read", *last, Some(thread_id), payload));
    }
    Ok(())
}

/// The visitor ends a live chat.
pub fn close(tx: &mut dyn Tx, env: &Env, visitor: Visitor<'_>, thread_id: Id) -> Result<()> {
    let thread = view::own_thread(tx, visitor, thread_id)?;
    if !visitor.place.is_live_chat() {
        return Err(error::forbidden("Only a live chat is ended by its visitor."));
    }
    if thread.closed {
        return Ok(());
    }
    let saying = Saying { thread_id, source_id: visitor.place.source_id(), at: env.now() };
    notices::add(tx, env, saying, Notice::Disconnection, None)?;
    notices::close(tx, env, saying, None, Some(Ending::VisitorLeft))
}

/// Shows agents that a visitor types in a thread that was found to be theirs.
pub fn types_in(app: &Arc<Conversations>, source_id: Id, thread_id: Id, typing: bool) {
    hint_typing(app, source_id, thread_id, typing.then_some(""));
}
