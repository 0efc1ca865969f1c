//! What a channel tells of a content that is here already, in answer to a question about it (public page
//! sdks/source-sdk/action-details: the answer shows the entire content, so that its changes are seen).

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, error};
use frontdesk_sources::inbound::{ContentObject, InboundContent};
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use super::{indexing, states};
use crate::ingest;

/// Writes down what has changed: the text, the title, the address, the language, whether everybody sees it, and what the
/// channel tells beside them. Its place, author, recipient, time and files stay. Of what was written here only the actions
/// change, and what was erased stays so. Nothing changes, nothing is written.
pub(crate) fn apply(tx: &mut dyn Tx, env: &Env, id: Id, told: &InboundContent) -> Result<()> {
    let Some(Change { source_id, thread_id, is_thread, before, after }) = change(tx, id, told)? else { return Ok(()) };
    let extras = Some(&after.extras).filter(|extras| !extras.is_empty());
    let extras = extras.map(|extras| Value::from(extras.clone()).to_string());
    tx.execute(
        "UPDATE contents SET title = $2, body = $3, body_format = $4, language = $5, source_url = $6, extras = $7,
                             updated_at = $8, published = $9, remotely_deleted = FALSE
         WHERE id = $1",
        args![
            &id,
            &after.title,
            &after.body,
            &after.format,
            &after.language,
            &after.source_url,
            &extras,
            env.now(),
            after.published
        ],
    )?;
    if (&after.title, &after.body, &after.format) != (&before.title, &before.body, &before.format) {
        if is_thread {
            tx.execute("UPDATE threads SET title = $2 WHERE id = $1", args![&thread_id, &after.title])?;
        }
        indexing::index(tx, id, after.title.as_deref(), &after.body, &after.format)?;
    }
    let payload = json!({ "source_id": source_id, "approval_required": false });
    tx.append(NewEvent::new(env, None, "content.updated", id, Some(thread_id), payload));
    Ok(())
}

/// The same for a channel that tells of an edit and not of all the rest, which stays. What is gone there stays gone: the
/// edit was told too late.
pub(crate) fn edited(tx: &mut dyn Tx, env: &Env, id: Id, told: &InboundContent) -> Result<()> {
    let row = tx.first("SELECT extras FROM contents WHERE id = $1 AND NOT remotely_deleted", args![&id])?;
    let Some(row) = row else { return Ok(()) };
    let known = read_extras(row.get(0)?)?;
    let mut told = told.clone();
    if let Some(Value::Object(context)) = known.get("context_data").filter(|_| told.context_data.is_empty()) {
        told.context_data = context.clone();
    }
    if let Some(Value::Array(actions)) = known.get("actions").filter(|_| told.actions.is_empty()) {
        told.actions = actions.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    }
    told.structured_reply = told.structured_reply.or_else(|| known.get("structured_reply").cloned());
    told.structured_content = told.structured_content.or_else(|| known.get("structured_content").cloned());
    apply(tx, env, id, &told)
}

/// A channel shows a content to everybody again, or to nobody any more. Nothing while something of it is on its way.
pub(crate) fn shown(tx: &mut dyn Tx, env: &Env, id: Id, published: bool) -> Result<()> {
    let changed = tx.execute(
        "UPDATE contents SET published = $2, updated_at = $3
         WHERE id = $1 AND published <> $2 AND synchronization_status = 'success'",
        args![&id, published, env.now()],
    )?;
    if changed > 0 { tell(tx, env, id) } else { Ok(()) }
}

/// Somebody reacted to a content, or takes that back: a fact of the conversation.
pub(crate) fn reacted(tx: &mut dyn Tx, env: &Env, id: Id, reaction: Option<&str>) -> Result<()> {
    let row = tx.first("SELECT extras FROM contents WHERE id = $1 AND anonymized_at IS NULL", args![&id])?;
    let Some(row) = row else { return Ok(()) };
    let before = read_extras(row.get(0)?)?;
    let mut extras = before.clone();
    let mut context = extras.get("context_data").and_then(Value::as_object).cloned().unwrap_or_default();
    match reaction {
        Some(reaction) => context.insert("reaction".into(), reaction.into()),
        None => context.remove("reaction"),
    };
    match context.is_empty() {
        true => extras.remove("context_data"),
        false => extras.insert("context_data".into(), context.into()),
    };
    if extras == before {
        return Ok(());
    }
    let extras = Some(extras).filter(|extras| !extras.is_empty()).map(|extras| Value::from(extras).to_string());
    tx.execute("UPDATE contents SET extras = $2, updated_at = $3 WHERE id = $1", args![&id, &extras, env.now()])?;
    tell(tx, env, id)
}

/// The event of a content that its channel changed.
fn tell(tx: &mut dyn Tx, env: &Env, id: Id) -> Result<()> {
    let row = tx.one("SELECT source_id, thread_id FROM contents WHERE id = $1", args![&id])?;
    let payload = json!({ "source_id": row.get::<Id>(0)?, "approval_required": false });
    tx.append(NewEvent::new(env, None, "content.updated", id, Some(row.get(1)?), payload));
    Ok(())
}

/// Whether a channel tells something else of a content than what is here.
pub(crate) fn differs(tx: &mut dyn Tx, id: Id, told: &InboundContent) -> Result<bool> {
    Ok(change(tx, id, told)?.is_some())
}

/// A channel no longer has a content: here it stays, and does not wait for an answer any more. Nothing while something of
/// it is on its way, or where that is known.
pub(crate) fn removed(tx: &mut dyn Tx, env: &Env, id: Id) -> Result<()> {
    let row = tx.first(
        "SELECT source_id, thread_id, status FROM contents
         WHERE id = $1 AND NOT remotely_deleted AND synchronization_status = 'success'",
        args![&id],
    )?;
    let Some(row) = row else { return Ok(()) };
    let (source_id, thread_id, now): (Id, Id, _) = (row.get(0)?, row.get(1)?, env.now());
    let sql = "UPDATE contents SET remotely_deleted = TRUE, updated_at = $2 WHERE id = $1";
    tx.execute(sql, args![&id, now])?;
    let payload = json!({ "source_id": source_id, "approval_required": false });
    tx.append(NewEvent::new(env, None, "content.updated", id, Some(thread_id), payload));
    if row.get::<String>(2)? == "new" {
        states::ignore(tx, &[id], now)?;
        let payload = json!({ "source_id": source_id, "status": "ignored" });
        tx.append(NewEvent::new(env, None, "content.ignored", id, Some(thread_id), payload));
    }
    Ok(())
}

/// What is here of a content, and what is to be.
struct Change {
    source_id: Id,
    thread_id: Id,
    is_thread: bool,
    before: Told,
    after: Told,
}

/// What a channel tells anew; none when it is nothing.
fn change(tx: &mut dyn Tx, id: Id, told: &InboundContent) -> Result<Option<Change>> {
    let row = tx.first(
        "SELECT source_id, thread_id, creator_id, title, body, body_format, language, source_url, extras, type,
                published, remotely_deleted, synchronization_status
         FROM contents WHERE id = $1 AND anonymized_at IS NULL",
        args![&id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let is_ours = row.get::<Option<Id>>(2)?.is_some();
    // What we are about to change there is not told yet.
    let is_changing = row.get::<String>(12)? != "success";
    let before = Told {
        title: row.get(3)?,
        body: row.get(4)?,
        format: row.get(5)?,
        language: row.get(6)?,
        source_url: row.get(7)?,
        extras: read_extras(row.get(8)?)?,
        published: row.get(10)?,
    };
    let now_told = read_extras(ingest::extras(told))?;
    let mut after = before.clone();
    let names: &[&str] = if is_ours { &["actions", "unanswerable"] } else { &ingest::EXTRAS };
    for name in names {
        match now_told.get(*name) {
            Some(value) => after.extras.insert((*name).into(), value.clone()),
            None => after.extras.remove(*name),
        };
    }
    if !is_ours {
        after.body = told.body.clone();
        after.format = told.format.as_str().into();
        // A message has none, and one that is not told of is not taken away.
        after.title = told.title.clone().or(after.title);
        after.language = told.language.clone().or(after.language);
        after.source_url = told.source_url.clone().or(after.source_url);
    }
    after.published = told.published.unwrap_or(before.published);
    // What was said to be gone is here again.
    let is_back = row.get::<bool>(11)?;
    if is_changing || (after == before && !is_back) {
        return Ok(None);
    }
    let is_thread = row.get::<String>(9)? == ContentObject::Thread.as_str();
    Ok(Some(Change { source_id: row.get(0)?, thread_id: row.get(1)?, is_thread, before, after }))
}

/// Writes down what may be done with a content from now on, as its channel told when something was done with it. It is
/// part of that change: nobody is told of it apart.
pub(crate) fn take_actions(tx: &mut dyn Tx, id: Id, actions: &[String]) -> Result<()> {
    let row = tx.first("SELECT extras FROM contents WHERE id = $1 AND anonymized_at IS NULL", args![&id])?;
    let Some(row) = row else { return Ok(()) };
    let mut extras = read_extras(row.get(0)?)?;
    extras.insert("actions".into(), actions.into());
    if actions.iter().any(|action| action == "reply") {
        extras.remove("unanswerable");
    }
    tx.execute("UPDATE contents SET extras = $2 WHERE id = $1", args![&id, &Value::from(extras).to_string()])?;
    Ok(())
}

/// What of a content its channel tells.
#[derive(Clone, PartialEq)]
struct Told {
    title: Option<String>,
    body: String,
    format: String,
    language: Option<String>,
    source_url: Option<String>,
    extras: Map<String, Value>,
    published: bool,
}

/// Why a content cannot be answered, as its channel told; none where it can.
pub(crate) fn unanswerable(tx: &mut dyn Tx, id: Id) -> Result<Option<String>> {
    let row = tx.first("SELECT extras, remotely_deleted FROM contents WHERE id = $1", args![&id])?;
    let Some(row) = row else { return Ok(None) };
    if row.get(1)? {
        return Ok(Some("This content is no longer on its channel.".into()));
    }
    let extras = read_extras(row.get(0)?)?;
    Ok(extras.get("unanswerable").and_then(Value::as_str).map(str::to_owned))
}

fn read_extras(extras: Option<String>) -> Result<Map<String, Value>> {
    let Some(extras) = extras else { return Ok(Map::new()) };
    serde_json::from_str(&extras).map_err(|trouble| error::broken(format!("contents.extras: {trouble}")))
}
