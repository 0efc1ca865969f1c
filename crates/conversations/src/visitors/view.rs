//! What visitors see of their conversations.

use std::collections::HashMap;

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_store::{Row, Tx, args, visible_text};
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Visitor, notices};
use crate::sources::StoredSettings;
use crate::{Conversations, attachments, delivery};

/// What is on its way, or waits for somebody's approval or its time, is not there yet.
pub(super) const SHOWN: &str = "(contents.creator_id IS NULL OR (contents.synchronization_status = 'success'
    AND NOT contents.approval_required AND contents.scheduled_at IS NULL)) AND NOT contents.private";
/// Written by agents, or by the desk by itself.
pub(super) const OURS: &str =
    "(contents.creator_id IS NOT NULL OR contents.status IN ('user_reply', 'user_initiated'))";

/// A conversation.
#[derive(Clone, Debug, Serialize)]
pub struct Thread {
    /// Its id.
    pub id: Id,
    opened: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    pub(super) text_input: bool,
    unread: i64,
    last_content: Option<Content>,
    #[serde(skip)]
    pub(super) closed: bool,
    #[serde(skip)]
    pub(super) text_input_disabled: bool,
}

/// One message.
#[derive(Clone, Debug, Serialize)]
pub struct Content {
    /// Its id.
    pub id: Id,
    client_id: Option<String>,
    pub(super) thread_id: Id,
    from: &'static str,
    pub(super) author: Author,
    pub(super) body: String,
    created_at: Timestamp,
    attachments: Vec<Value>,
    pub(super) structured_content: Option<Value>,
    structured_reply: Option<Value>,
    automated: bool,
    pub(super) anonymized: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    values: Option<Value>,
}

impl Content {
    /// Where it stands.
    pub(super) fn place(&self) -> (Timestamp, Id) {
        (self.created_at, self.id)
    }

    /// As it is told elsewhere: its text, or the names of its files.
    pub(super) fn told(&self) -> super::Unread {
        let title = self.structured_content.as_ref().and_then(|content| content["title"].as_str());
        let files = self.attachments.iter().filter_map(|file| file["name"].as_str());
        let lines: Vec<&str> = match self.body.trim() {
            "" => title.into_iter().chain(files).collect(),
            body => std::iter::once(body).chain(files).collect(),
        };
        let author = self.author.screenname.clone().unwrap_or_default();
        super::Unread { id: self.id, at: self.created_at, author, text: lines.join("\n") }
    }

    /// What the server itself says.
    pub(super) fn notice(
        id: Id,
        thread_id: Id,
        notice: &'static str,
        values: Option<Value>,
        created_at: Timestamp,
    ) -> Content {
        Content {
            id,
            client_id: None,
            thread_id,
            from: "system",
            author: Author { screenname: None, avatar_url: None },
            body: String::new(),
            created_at,
            attachments: Vec::new(),
            structured_content: None,
            structured_reply: None,
            automated: true,
            anonymized: false,
            notice: Some(notice),
            values,
        }
    }
}

#[derive(Clone, Debug, Serialize)]
pub(super) struct Author {
    pub(super) screenname: Option<String>,
    avatar_url: Option<String>,
}

const THREAD: &str = "SELECT id, closed, text_input_disabled, created_at, updated_at FROM threads";

/// A conversation of this visitor on this source; any other is missing.
pub(super) fn own_thread(tx: &mut dyn Tx, visitor: Visitor<'_>, id: Id) -> Result<Thread> {
    let missing = || error::not_found("thread");
    let identity_id = visitor.identity_id(tx)?.ok_or_else(missing)?;
    let row = tx.first(
        &format!("{THREAD} WHERE id = $1 AND source_id = $2 AND author_id = $3"),
        args![&id, &visitor.place.source_id(), &identity_id],
    )?;
    bare(&row.ok_or_else(missing)?)
}

fn bare(row: &Row) -> Result<Thread> {
    let (closed, text_input_disabled): (bool, bool) = (row.get(1)?, row.get(2)?);
    Ok(Thread {
        id: row.get(0)?,
        opened: !closed,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
        text_input: !closed && !text_input_disabled,
        unread: 0,
        last_content: None,
        closed,
        text_input_disabled,
    })
}

fn filled(tx: &mut dyn Tx, app: &Conversations, mut thread: Thread) -> Result<Thread> {
    let unread =
        format!("SELECT count(*) FROM contents WHERE thread_id = $1 AND read_at IS NULL AND {OURS} AND {SHOWN}");
    thread.unread = tx.one(&unread, args![&thread.id])?.get(0)?;
    let last = format!(
        "{CONTENT} WHERE contents.thread_id = $1 AND {SHOWN} ORDER BY contents.created_at DESC, contents.id DESC LIMIT 1"
    );
    let rows = tx.query(&last, args![&thread.id])?;
    thread.last_content = read(tx, app, &rows)?.pop();
    Ok(thread)
}

/// A conversation of the visitor, whole.
pub fn thread(tx: &mut dyn Tx, app: &Conversations, visitor: Visitor<'_>, id: Id) -> Result<Thread> {
    let thread = own_thread(tx, visitor, id)?;
    filled(tx, app, thread)
}

/// A conversation, whosever it is: the caller knows.
pub(super) fn any_thread(tx: &mut dyn Tx, app: &Conversations, id: Id) -> Result<Option<Thread>> {
    let row = tx.first(&format!("{THREAD} WHERE id = $1"), args![&id])?;
    row.map(|row| bare(&row).and_then(|thread| filled(tx, app, thread))).transpose()
}

/// The visitor's conversations, the one with the latest message first, and whether there are more.
pub fn threads(
    tx: &mut dyn Tx,
    app: &Conversations,
    visitor: Visitor<'_>,
    before: Option<Id>,
    limit: i64,
) -> Result<(Vec<Thread>, bool)> {
    let Some(identity_id) = visitor.identity_id(tx)? else { return Ok((Vec::new(), false)) };
    let source_id = visitor.place.source_id();
    let mut end = (i64::MAX, Id([0xff; 12]));
    if let Some(id) = before {
        own_thread(tx, visitor, id)?;
        end = (tx.one("SELECT last_content_at FROM threads WHERE id = $1", args![&id])?.get(0)?, id);
    }
    let rows = tx.query(
        &format!(
            "{THREAD} WHERE author_id = $1 AND source_id = $2
               AND (last_content_at < $3 OR (last_content_at = $3 AND id < $4))
             ORDER BY last_content_at DESC, id DESC LIMIT $5"
        ),
        args![&identity_id, &source_id, end.0, &end.1, limit + 1],
    )?;
    let more = rows.len() as i64 > limit;
    let shown = rows.iter().take(usize::try_from(limit).unwrap_or_default());
    let threads = shown.map(bare).collect::<Result<Vec<_>>>()?;
    let threads = threads.into_iter().map(|thread| filled(tx, app, thread)).collect::<Result<_>>()?;
    Ok((threads, more))
}

/// How many conversations are open, and how many messages are unread.
pub fn unread(tx: &mut dyn Tx, visitor: Visitor<'_>) -> Result<(i64, i64)> {
    let Some(identity_id) = visitor.identity_id(tx)? else { return Ok((0, 0)) };
    let source_id = visitor.place.source_id();
    let open = tx.one(
        "SELECT count(*) FROM threads WHERE author_id = $1 AND source_id = $2 AND NOT closed",
        args![&identity_id, &source_id],
    )?;
    let unread = tx.one(
        &format!(
            "SELECT count(*) FROM threads JOIN contents ON contents.thread_id = threads.id
             WHERE threads.author_id = $1 AND threads.source_id = $2 AND read_at IS NULL AND {OURS} AND {SHOWN}"
        ),
        args![&identity_id, &source_id],
    )?;
    Ok((open.get(0)?, unread.get(0)?))
}

const CONTENT: &str = "SELECT contents.id, contents.thread_id, contents.foreign_id, contents.body, contents.body_format,
    contents.created_at, contents.extras, contents.creator_id, contents.status, contents.anonymized_at,
    contents.auto_submitted, identities.screenname, identities.firstname, identities.lastname, identities.avatar_url,
    users.firstname, users.lastname, sources.settings, contents.attachments_count
    FROM contents JOIN sources ON sources.id = contents.source_id LEFT JOIN identities ON identities.id = contents.author_id
    LEFT JOIN users ON users.id = contents.creator_id";

/// Messages and notices of a conversation, the newest first, and whether there are more.
pub fn contents(
    tx: &mut dyn Tx,
    app: &Conversations,
    visitor: Visitor<'_>,
    thread_id: Id,
    before: Option<Id>,
    limit: i64,
) -> Result<(Vec<Content>, bool)> {
    own_thread(tx, visitor, thread_id)?;
    let mut end = (i64::MAX, Id([0xff; 12]));
    if let Some(id) = before {
        let sql = "SELECT created_at FROM contents WHERE id = $1 AND thread_id = $2";
        let at = match tx.first(sql, args![&id, &thread_id])? {
            Some(row) => Some(row.get(0)?),
            None => notices::place(tx, thread_id, id)?,
        };
        end = (at.ok_or_else(|| error::not_found("content"))?, id);
    }
    let rows = tx.query(
        &format!(
            "{CONTENT} WHERE contents.thread_id = $1 AND {SHOWN}
               AND (contents.created_at < $2 OR (contents.created_at = $2 AND contents.id < $3))
             ORDER BY contents.created_at DESC, contents.id DESC LIMIT $4"
        ),
        args![&thread_id, end.0, &end.1, limit + 1],
    )?;
    let mut page = read(tx, app, &rows)?;
    page.extend(notices::before(tx, thread_id, end, limit + 1)?);
    page.sort_by_key(|content| std::cmp::Reverse((content.created_at, content.id)));
    let more = page.len() as i64 > limit;
    page.truncate(usize::try_from(limit).unwrap_or_default());
    Ok((page, more))
}

/// One message of the visitor's conversations.
pub fn content(tx: &mut dyn Tx, app: &Conversations, visitor: Visitor<'_>, id: Id) -> Result<Content> {
    let found = some(tx, app, &[id])?.remove(&id).ok_or_else(|| error::not_found("content"))?;
    own_thread(tx, visitor, found.thread_id)?;
    Ok(found)
}

/// Those of these contents that visitors may see.
pub(super) fn some(tx: &mut dyn Tx, app: &Conversations, ids: &[Id]) -> Result<HashMap<Id, Content>> {
    let rows = tx.query(&format!("{CONTENT} WHERE {} AND {SHOWN}", tx.in_list("contents.id", 1)), args![ids])?;
    Ok(read(tx, app, &rows)?.into_iter().map(|content| (content.id, content)).collect())
}

/// These notices.
pub(super) fn some_notices(tx: &mut dyn Tx, ids: &[Id]) -> Result<HashMap<Id, Content>> {
    Ok(notices::some(tx, ids)?.into_iter().map(|content| (content.id, content)).collect())
}

/// One content of the visitor's.
pub(super) fn read(tx: &mut dyn Tx, app: &Conversations, rows: &[Row]) -> Result<Vec<Content>> {
    rows.iter().map(|row| one(tx, app, row)).collect()
}

/// How the source shows its agents' names.
pub(super) fn template(settings: &str) -> Result<Option<String>> {
    let stored: StoredSettings =
        serde_json::from_str(settings).map_err(|trouble| error::broken(format!("sources.settings: {trouble}")))?;
    Ok(stored.common.from_name)
}

fn one(tx: &mut dyn Tx, app: &Conversations, row: &Row) -> Result<Content> {
    let id: Id = row.get(0)?;
    let (creator_id, status): (Option<Id>, String) = (row.get(7)?, row.get(8)?);
    let is_ours = creator_id.is_some() || matches!(status.as_str(), "user_reply" | "user_initiated");
    let mut files = match row.get::<i64>(18)? {
        0 => Vec::new(),
        _ => attachments::outbound_of(tx, app, id, app.env.now())?,
    };
    let extras: Option<String> = row.get(6)?;
    let structured_content = delivery::structured_content(extras.clone(), &mut files)?;
    let extras: Map<String, Value> = match extras {
        Some(text) => serde_json::from_str(&text).map_err(|e| error::broken(format!("contents.extras: {e}")))?,
        None => Map::new(),
    };
    let sizes = if files.is_empty() { HashMap::new() } else { attachments::sizes(tx, id)? };
    let attachments = files.into_iter().map(|(file_id, file)| {
        let known = sizes.get(&file_id);
        serde_json::json!({
            "id": file_id, "name": file.filename, "url": file.url,
            "content_type": known.map(|(kind, _)| kind), "size": known.map(|(_, size)| size),
        })
    });
    let attachments = attachments.collect();
    let (body, format): (String, String) = (row.get(3)?, row.get(4)?);
    let foreign_id: Option<String> = row.get(2)?;
    let client_id = foreign_id.filter(|_| creator_id.is_none());
    let author = match creator_id {
        Some(_) => {
            let name =
                delivery::sender_name_by(template(&row.get::<String>(17)?)?.as_deref(), row.get(15)?, row.get(16)?);
            Author { screenname: Some(name), avatar_url: row.get(14)? }
        }
        None => {
            let (screenname, first, last): (Option<String>, Option<String>, Option<String>) =
                (row.get(11)?, row.get(12)?, row.get(13)?);
            let name = match (is_ours, first, last) {
                (false, Some(first), Some(last)) => Some(format!("{first} {last}")),
                (false, Some(one), None) | (false, None, Some(one)) => Some(one),
                _ => screenname,
            };
            Author { screenname: name, avatar_url: row.get(14)? }
        }
    };
    Ok(Content {
        id,
        client_id: client_id.and_then(|id| id.rsplit_once(':').map(|(_, client)| client.to_owned())),
        thread_id: row.get(1)?,
        from: if is_ours { "agent" } else { "visitor" },
        author,
        body: visible_text(None, &body, &format).into_owned(),
        created_at: row.get(5)?,
        attachments,
        structured_content,
        structured_reply: extras.get("structured_reply").cloned(),
        automated: row.get(10)? || extras.get("context_data").is_some_and(|data| data["automated"] == true),
        anonymized: row.get::<Option<Timestamp>>(9)?.is_some(),
        notice: None,
        values: None,
    })
}
