//! The pages that a visitor looks at while they are in a conversation: agents see where they are now and, where the
//! source wants that, where they have been.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Visitor;
use crate::threads;

/// Of one conversation so many pages are kept, the last ones.
const PAGES_MAX: i64 = 100;
/// What a page says of itself in a thread's extra data.
const URL: &str = "page_url";
const TITLE: &str = "page_title";

/// Where a visitor is.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// The page's address.
    pub url: Option<String>,
    /// Its title.
    pub title: Option<String>,
    /// Custom variables, whose names begin with `custom_`.
    pub custom: Map<String, Value>,
    /// Whether the page is to be kept among those that were seen.
    pub keep: bool,
}

/// Notes where a visitor is, in the open conversation that they were in last. Who is in none is not followed.
pub fn visit(tx: &mut dyn Tx, env: &Env, visitor: Visitor<'_>, seen: &Seen) -> Result<()> {
    let Some(identity_id) = visitor.identity_id(tx)? else { return Ok(()) };
    let source_id = visitor.place.source_id();
    let row = tx.first(
        "SELECT id, extra_data FROM threads WHERE author_id = $1 AND source_id = $2 AND NOT closed
         ORDER BY last_content_at DESC, id DESC LIMIT 1",
        args![&identity_id, &source_id],
    )?;
    let Some(row) = row else { return Ok(()) };
    let (thread_id, stored): (Id, String) = (row.get(0)?, row.get(1)?);
    let mut data = extra(&stored)?;
    let before = data.clone();
    for (name, value) in [(URL, &seen.url), (TITLE, &seen.title)] {
        if let Some(value) = value {
            data.insert(name.into(), value.as_str().into());
        }
    }
    data.extend(seen.custom.clone());
    if data == before {
        return Ok(());
    }
    let now = env.now();
    let sql = "UPDATE threads SET extra_data = $2, updated_at = $3 WHERE id = $1";
    tx.execute(sql, args![&thread_id, &Value::Object(data.clone()).to_string(), now])?;
    if let Some(url) =
        seen.url.as_deref().filter(|url| seen.keep && before.get(URL).and_then(Value::as_str) != Some(url))
    {
        tx.execute(
            "INSERT INTO visitor_pages (id, thread_id, url, title, created_at) VALUES ($1, $2, $3, $4, $5)",
            args![&env.id(), &thread_id, url, seen.title.as_deref(), now],
        )?;
        tx.execute(
            "DELETE FROM visitor_pages WHERE thread_id = $1 AND id NOT IN
               (SELECT id FROM visitor_pages WHERE thread_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2)",
            args![&thread_id, PAGES_MAX],
        )?;
    }
    let payload = json!({ "source_id": source_id });
    tx.append(NewEvent::new(env, None, "content_thread.visited", thread_id, Some(thread_id), payload));
    Ok(())
}

fn extra(stored: &str) -> Result<Map<String, Value>> {
    serde_json::from_str(stored).map_err(|trouble| error::broken(format!("threads.extra_data: {trouble}")))
}

/// Forgets where somebody has been, in at most so many conversations at once; returns in how many.
pub(crate) fn forget(tx: &mut dyn Tx, identity_id: Id, limit: i64) -> Result<u64> {
    let rows = tx.query(
        "SELECT id, extra_data FROM threads WHERE author_id = $1 AND (extra_data LIKE '%\"page_%' OR extra_data LIKE '%\"custom_%')
         LIMIT $2",
        args![&identity_id, limit],
    )?;
    for row in &rows {
        let thread_id: Id = row.get(0)?;
        let mut data = extra(&row.get::<String>(1)?)?;
        data.retain(|name, _| !name.starts_with("page_") && !name.starts_with("custom_"));
        let data = Value::Object(data).to_string();
        // What is within a value is none of these names.
        let data = if data.contains("\"page_") || data.contains("\"custom_") { "{}".to_owned() } else { data };
        tx.execute("UPDATE threads SET extra_data = $2 WHERE id = $1", args![&thread_id, &data])?;
        tx.execute("DELETE FROM visitor_pages WHERE thread_id = $1", args![&thread_id])?;
    }
    Ok(rows.len() as u64)
}

/// A page that was seen.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VisitorPage")]
struct Page {
    url: String,
    title: Option<String>,
    /// When the visitor came there.
    at: Timestamp,
}

/// What the server itself has said in the conversation.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "VisitorNotice")]
struct Said {
    /// connection, disconnection, impossible, thread_closure or request_email.
    notice: String,
    /// The agent whom it is about; null for the visitor, or nobody.
    user_id: Option<Id>,
    at: Timestamp,
}

/// Where the visitor of a thread is and was.
#[derive(Serialize, JsonSchema)]
struct ThreadVisitor {
    thread_id: Id,
    /// The page on which they are, or were last.
    page_url: Option<String>,
    page_title: Option<String>,
    /// Custom variables of the page, by name.
    custom: Map<String, Value>,
    /// The pages that they saw during the conversation, the last one first, at most 100. Empty on sources without
    /// navigation contents.
    pages: Vec<Page>,
    /// What the server itself has said there, the last first, at most 100.
    notices: Vec<Said>,
}

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::read("getThreadVisitor", Method::GET, "/content_threads/{threadId}/visitor", read)
            .tag("Threads")
            .summary("Reads where the visitor of a messaging thread is and was, and what the server has told them.")
            .extension(),
    ]
}

fn read(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<ThreadVisitor> {
    let thread = threads::find(tx, &call.caller, call.id("threadId", "thread")?)?;
    if !crate::sources::kind_of(&thread.source_type)?.is_messaging {
        return Err(error::not_found("messaging thread"));
    }
    let data = extra(&thread.extra_data)?;
    let text = |name: &str| data.get(name).and_then(Value::as_str).map(str::to_owned);
    let pages = tx.query(
        "SELECT url, title, created_at FROM visitor_pages WHERE thread_id = $1 ORDER BY created_at DESC, id DESC LIMIT $2",
        args![&thread.id, PAGES_MAX],
    )?;
    let notices = tx.query(
        "SELECT notice, user_id, created_at FROM visitor_notices WHERE thread_id = $1
         ORDER BY created_at DESC, id DESC LIMIT $2",
        args![&thread.id, PAGES_MAX],
    )?;
    Ok(ThreadVisitor {
        thread_id: thread.id,
        page_url: text(URL),
        page_title: text(TITLE),
        custom: data
            .iter()
            .filter(|(name, _)| name.starts_with("custom_"))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect(),
        pages: pages
            .iter()
            .map(|row| Ok(Page { url: row.get(0)?, title: row.get(1)?, at: row.get(2)? }))
            .collect::<Result<_>>()?,
        notices: notices
            .iter()
            .map(|row| Ok(Said { notice: row.get(0)?, user_id: row.get(1)?, at: row.get(2)? }))
            .collect::<Result<_>>()?,
    })
}
