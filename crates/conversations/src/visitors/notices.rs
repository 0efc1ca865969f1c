//! What the server itself says in a visitor's conversation: that an agent is there, that nobody is, that it is over. These
//! notices stand among the messages that the visitor sees, and nowhere where an agent would answer them. They name people
//! by reference, so that nothing of anybody is in them.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_store::{Row, Tx, args};
use serde_json::json;

use super::{EMAIL, view};
use crate::threads::{self, Ending};
use crate::{categories, delivery};

/// What is said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Live Chat: an agent is there.
    Connection,
    /// Live Chat: the agent, or the visitor, has gone.
    Disconnection,
    /// Live Chat: nobody came in time; it is over.
    Impossible,
    /// Messaging: an agent closed the conversation, or it was silent for too long.
    ThreadClosure,
    /// Messaging: the visitor is asked for their e-mail address.
    RequestEmail,
}

impl Notice {
    /// On the wire, and in the store.
    pub fn as_str(self) -> &'static str {
        match self {
            Notice::Connection => "connection",
            Notice::Disconnection => "disconnection",
            Notice::Impossible => "impossible",
            Notice::ThreadClosure => "thread_closure",
            Notice::RequestEmail => "request_email",
        }
    }

    fn of(name: &str) -> Result<Notice> {
        let all = [
            Notice::Connection,
            Notice::Disconnection,
            Notice::Impossible,
            Notice::ThreadClosure,
            Notice::RequestEmail,
        ];
        let found = all.into_iter().find(|notice| notice.as_str() == name);
        found.ok_or_else(|| error::broken(format!("visitor_notices.notice: {name}")))
    }
}

/// A conversation in which something is said.
#[derive(Clone, Copy, Debug)]
pub struct Saying {
    /// The thread.
    pub thread_id: Id,
    /// Its source.
    pub source_id: Id,
    /// When that happened of which it is said.
    pub at: Timestamp,
}

/// Says something. `user_id`: the agent whom it is about; none: the visitor, or nobody.
pub fn add(tx: &mut dyn Tx, env: &Env, saying: Saying, notice: Notice, user_id: Option<Id>) -> Result<()> {
    let (id, Saying { thread_id, source_id, at }) = (env.id(), saying);
    tx.execute(
        "INSERT INTO visitor_notices (id, thread_id, notice, user_id, created_at) VALUES ($1, $2, $3, $4, $5)",
        args![&id, &thread_id, notice.as_str(), &user_id, at],
    )?;
    let payload = json!({ "source_id": source_id, "notice": notice.as_str(), "notice_id": id });
    tx.append(NewEvent::new(env, None, "content_thread.noticed", thread_id, Some(thread_id), payload));
    Ok(())
}

/// Who is there: what of the two was said last, and of whom.
fn connected(tx: &mut dyn Tx, thread_id: Id) -> Result<Option<(Notice, Option<Id>)>> {
    let row = tx.first(
        "SELECT notice, user_id FROM visitor_notices
         WHERE thread_id = $1 AND notice IN ('connection', 'disconnection') ORDER BY created_at DESC, id DESC LIMIT 1",
        args![&thread_id],
    )?;
    row.map(|row| Ok((Notice::of(&row.get::<String>(0)?)?, row.get(1)?))).transpose()
}

/// An agent takes part in a live chat: who was there before has gone. Nothing is said twice, or of a conversation that is
/// over.
pub fn connect(tx: &mut dyn Tx, env: &Env, saying: Saying, user_id: Id) -> Result<()> {
    let row = tx.first("SELECT closed FROM threads WHERE id = $1", args![&saying.thread_id])?;
    if row.map(|row| row.get(0)).transpose()?.unwrap_or(true) {
        return Ok(());
    }
    tx.execute("DELETE FROM visitor_waits WHERE thread_id = $1", args![&saying.thread_id])?;
    match connected(tx, saying.thread_id)? {
        Some((Notice::Connection, Some(there))) if there == user_id => return Ok(()),
        Some((Notice::Connection, there)) => add(tx, env, saying, Notice::Disconnection, there)?,
        _ => {}
    }
    add(tx, env, saying, Notice::Connection, Some(user_id))
}

/// The agent of a live chat has gone, if one was there.
pub fn disconnect(tx: &mut dyn Tx, env: &Env, saying: Saying) -> Result<()> {
    match connected(tx, saying.thread_id)? {
        Some((Notice::Connection, there)) => add(tx, env, saying, Notice::Disconnection, there),
        _ => Ok(()),
    }
}

/// An agent has closed what they did for the visitor of a live chat: that ends it, unless the visitor has written since.
/// `user_id`: who closed it.
pub fn end_chat(tx: &mut dyn Tx, env: &Env, saying: Saying, user_id: Option<Id>) -> Result<()> {
    let open = "SELECT 1 FROM interventions WHERE thread_id = $1 AND closed_at IS NULL LIMIT 1";
    if tx.first(open, args![&saying.thread_id])?.is_some() {
        return Ok(());
    }
    disconnect(tx, env, saying)?;
    close(tx, env, saying, user_id, None)
}

/// Nobody came for the visitor of a live chat, who has waited long enough.
pub(super) fn give_up(tx: &mut dyn Tx, env: &Env, saying: Saying) -> Result<()> {
    add(tx, env, saying, Notice::Impossible, None)?;
    close(tx, env, saying, None, Some(Ending::NobodyCame))
}

/// Closes a live chat, unless it is closed.
pub(super) fn close(
    tx: &mut dyn Tx,
    env: &Env,
    saying: Saying,
    user_id: Option<Id>,
    ending: Option<Ending>,
) -> Result<()> {
    let (Saying { thread_id, source_id, .. }, now) = (saying, env.now());
    let sql = "UPDATE threads SET closed = TRUE, updated_at = $2 WHERE id = $1 AND NOT closed";
    if tx.execute(sql, args![&thread_id, now])? == 0 {
        return Ok(());
    }
    if ending.is_some() {
        threads::set_ending(tx, thread_id, ending, now)?;
    }
    let payload = json!({ "source_id": source_id, "category_ids": categories::told_of_first(tx, thread_id)? });
    tx.append(NewEvent::new(env, user_id, "content.thread_closed", thread_id, Some(thread_id), payload));
    Ok(())
}

/// Asks for the visitor's e-mail address, unless it is known or was asked for on this source in the last `grace_seconds`.
pub fn ask_email(tx: &mut dyn Tx, env: &Env, saying: Saying, identity_id: Id, grace_seconds: i64) -> Result<()> {
    let row = tx.first(&format!("SELECT {EMAIL} FROM identities WHERE id = $1"), args![&identity_id])?;
    let Some(row) = row else { return Ok(()) };
    if row.get::<Option<String>>(0)?.is_some_and(|email| !email.is_empty()) {
        return Ok(());
    }
    let asked = tx.first(
        "SELECT 1 FROM threads JOIN visitor_notices ON visitor_notices.thread_id = threads.id
         WHERE threads.author_id = $1 AND threads.source_id = $2 AND notice = 'request_email'
           AND visitor_notices.created_at > $3 LIMIT 1",
        args![&identity_id, &saying.source_id, saying.at.minus_seconds(grace_seconds)],
    )?;
    if asked.is_some() { Ok(()) } else { add(tx, env, saying, Notice::RequestEmail, None) }
}

fn select() -> String {
    format!(
        "SELECT visitor_notices.id, visitor_notices.thread_id, visitor_notices.notice,
           visitor_notices.created_at, visitor_notices.user_id, users.firstname, users.lastname, sources.settings,
           identities.screenname, {EMAIL}
         FROM visitor_notices JOIN threads ON threads.id = visitor_notices.thread_id
         JOIN sources ON sources.id = threads.source_id LEFT JOIN identities ON identities.id = threads.author_id
         LEFT JOIN users ON users.id = visitor_notices.user_id"
    )
}

/// Those of a conversation before a place, the newest first.
pub(super) fn before(tx: &mut dyn Tx, thread_id: Id, before: (i64, Id), limit: i64) -> Result<Vec<view::Content>> {
    let rows = tx.query(
        &format!(
            "{} WHERE visitor_notices.thread_id = $1 AND (visitor_notices.created_at < $2
               OR (visitor_notices.created_at = $2 AND visitor_notices.id < $3))
             ORDER BY visitor_notices.created_at DESC, visitor_notices.id DESC LIMIT $4",
            select()
        ),
        args![&thread_id, before.0, &before.1, limit],
    )?;
    rows.iter().map(content).collect()
}

/// These, by their ids.
pub(super) fn some(tx: &mut dyn Tx, ids: &[Id]) -> Result<Vec<view::Content>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = format!("{} WHERE {}", select(), tx.in_list("visitor_notices.id", 1));
    tx.query(&sql, args![ids])?.iter().map(content).collect()
}

/// Where one stands in its conversation.
pub(super) fn place(tx: &mut dyn Tx, thread_id: Id, id: Id) -> Result<Option<i64>> {
    let sql = "SELECT created_at FROM visitor_notices WHERE id = $1 AND thread_id = $2";
    tx.first(sql, args![&id, &thread_id])?.map(|row| row.get(0)).transpose()
}

fn content(row: &Row) -> Result<view::Content> {
    let notice = Notice::of(&row.get::<String>(2)?)?;
    let values = match notice {
        Notice::Connection | Notice::Disconnection => {
            // As their messages are signed: a source may speak with one name for all.
            let screenname = match (row.get::<Option<Id>>(4)?, row.get::<Option<String>>(5)?) {
                (Some(_), Some(firstname)) => {
                    let template = view::template(&row.get::<String>(7)?)?;
                    delivery::sender_name_by(template.as_deref(), Some(firstname), row.get(6)?)
                }
                _ => row.get::<Option<String>>(8)?.unwrap_or_else(|| super::NAMELESS.to_owned()),
            };
            Some(json!({ "screenname": screenname }))
        }
        // What was answered is not asked again, on whatever device.
        Notice::RequestEmail => {
            let is_known = row.get::<Option<String>>(9)?.is_some_and(|email| !email.is_empty());
            Some(json!({ "submitted": is_known.to_string() }))
        }
        Notice::Impossible | Notice::ThreadClosure => None,
    };
    Ok(view::Content::notice(row.get(0)?, row.get(1)?, notice.as_str(), values, row.get(3)?))
}
