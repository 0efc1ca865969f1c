//! Mails about messages that a visitor of a Messaging source has not read: a quarter of an hour after an agent
//! has written, unless the visitor is there.
//!
//! A row of `visitor_unread` says when to look at a conversation, so a restart forgets nothing. What is mailed is decided,
//! written and queued in one transaction, which also notes up to which message the mail tells: no message is mailed twice.

pub(crate) mod letter;
pub(crate) mod templates;
pub(crate) mod unsubscribing;

use std::sync::Arc;
use std::time::Duration;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::visitors::{self, Correspondent};
use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_people::mails::{self, NewMail, To};
use frontdesk_store::{Due, Tx, args};
use tokio::sync::{Notify, watch};
use url::Url;

use crate::fields::is_email;
use crate::sessions;
use crate::settings::{self, Settings, is_web};
use crate::signing;
use crate::stream::Hub;
use letter::Letter;

/// So long a message may stay unread before a mail tells of it (public page "Configuring the Source").
const UNREAD_SECONDS: i64 = 15 * 60;
const WAITING: Due<'static> =
    Due { table: "visitor_unread", column: "due_at", condition: "TRUE", ahead_seconds_max: 2 * UNREAD_SECONDS };
/// Who is there is asked again after so long.
const PRESENT_SECONDS: i64 = 60;
/// A visitor who is there at this node is kept from a mail so long before it is due: other nodes do not see them.
const AHEAD_SECONDS: i64 = 20;
/// What should have been mailed longer ago is not mailed any more: nothing was sent for so long.
const LATE_SECONDS_MAX: i64 = 24 * 3_600;
/// One mail tells of at most so many messages; the rest comes with the next.
const MESSAGES_MAX: i64 = 20;
/// The address of somebody whom their website has signed gets at most so many mails an hour.
const MAILS_AN_HOUR_MAX: i64 = 10;
const HOUR_SECONDS: i64 = 3_600;
/// Any other is only what a stranger has said: it gets at most so many a day, whoever has given it.
const MAILS_A_DAY_MAX: i64 = 4;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
/// At most so many conversations in one transaction.
const ROWS_MAX: i64 = 50;
/// How often to look.
const PERIOD: Duration = Duration::from_secs(1);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// An agent has written: a mail is due in a while, or has been since an earlier message.
pub(crate) fn arm(tx: &mut dyn Tx, thread_id: Id, at: Timestamp) -> Result<()> {
    tx.execute(
        "INSERT INTO visitor_unread (thread_id, due_at, told_at, told_id) VALUES ($1, $2, 0, $3)
         ON CONFLICT (thread_id) DO UPDATE SET due_at = coalesce(visitor_unread.due_at, excluded.due_at)",
        args![&thread_id, at.plus_seconds(UNREAD_SECONDS), &Id::default()],
    )?;
    Ok(())
}

/// A visitor has told their address: what they have not read is looked at again.
pub(crate) fn arm_all(tx: &mut dyn Tx, source_id: Id, identity_id: Id, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE visitor_unread SET due_at = $3 WHERE due_at IS NULL
           AND thread_id IN (SELECT id FROM threads WHERE author_id = $1 AND source_id = $2)",
        args![&identity_id, &source_id, now.plus_seconds(UNREAD_SECONDS)],
    )?;
    Ok(())
}

/// What a mail about a conversation is kept under while it waits.
fn key(thread_id: Id) -> String {
    format!("unread {thread_id}")
}

/// Something of a conversation was erased: what waits to be mailed of it goes.
pub(crate) fn forget(tx: &mut dyn Tx, thread_id: Id) -> Result<()> {
    mails::forget(tx, &key(thread_id))
}

/// Looks for what is due until `stop` changes. `wake`: told when mails were queued.
pub(crate) async fn run(app: Arc<Conversations>, hub: Arc<Hub>, wake: Arc<Notify>, mut stop: watch::Receiver<bool>) {
    while !*stop.borrow() {
        let pause = match look(&app, &hub).await {
            Ok(0) => PERIOD,
            Ok(_) => {
                wake.notify_one();
                continue;
            }
            Err(trouble) => {
                tracing::error!(?trouble, "what visitors have not read cannot be looked at and will be again");
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            _ = stop.changed() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// One transaction's worth of conversations. 0: nothing is left for now.
async fn look(app: &Arc<Conversations>, hub: &Arc<Hub>) -> Result<u64> {
    let now = app.env.now();
    if app.store.read(move |tx| WAITING.any_astray(tx, now)).await? {
        app.store.write(move |tx| WAITING.bring_back(tx, now)).await?;
    }
    let found = app.store.read(move |tx| soon(tx, now)).await?;
    let (present, absent): (Vec<_>, Vec<_>) = found.into_iter().partition(|one| hub.hears(one.source_id, &one.uuid));
    let due: Vec<Id> = absent.iter().filter(|one| one.due_at <= now).map(|one| one.thread_id).collect();
    let present: Vec<Id> = present.iter().map(|one| one.thread_id).collect();
    if due.is_empty() && present.is_empty() {
        return Ok(0);
    }
    let count = (due.len() + present.len()) as u64;
    let app_in = app.clone();
    let write = move |tx: &mut dyn Tx| {
        for thread_id in &present {
            put_off(tx, *thread_id, now.plus_seconds(PRESENT_SECONDS))?;
        }
        for thread_id in &due {
            tell(tx, &app_in, *thread_id, now)?;
        }
        Ok(())
    };
    app.store.write(write).await?;
    Ok(count)
}

struct Soon {
    thread_id: Id,
    source_id: Id,
    uuid: String,
    due_at: Timestamp,
}

fn soon(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<Soon>> {
    let rows = tx.query(
        "SELECT visitor_unread.thread_id, threads.source_id, identities.foreign_id, due_at FROM visitor_unread
         JOIN threads ON threads.id = visitor_unread.thread_id JOIN identities ON identities.id = threads.author_id
         WHERE due_at <= $1 ORDER BY due_at LIMIT $2",
        args![now.plus_seconds(AHEAD_SECONDS), ROWS_MAX],
    )?;
    let read = rows
        .iter()
        .map(|row| Ok(Soon { thread_id: row.get(0)?, source_id: row.get(1)?, uuid: row.get(2)?, due_at: row.get(3)? }));
    read.collect()
}

fn put_off(tx: &mut dyn Tx, thread_id: Id, until: Timestamp) -> Result<()> {
    let sql = "UPDATE visitor_unread SET due_at = $2 WHERE thread_id = $1 AND due_at < $2";
    tx.execute(sql, args![&thread_id, until])?;
    Ok(())
}

/// Mails what is unread in a conversation, if somebody wants it.
fn tell(tx: &mut dyn Tx, app: &Conversations, thread_id: Id, now: Timestamp) -> Result<()> {
    let row = tx.first(
        "SELECT told_at, told_id, due_at FROM visitor_unread WHERE thread_id = $1 AND due_at <= $2",
        args![&thread_id, now],
    )?;
    // Another node was faster.
    let Some(row) = row else { return Ok(()) };
    let (after, due_at): ((Timestamp, Id), Timestamp) = ((row.get(0)?, row.get(1)?), row.get(2)?);
    tx.execute("UPDATE visitor_unread SET due_at = NULL WHERE thread_id = $1", args![&thread_id])?;
    let later = |tx: &mut dyn Tx| {
        let sql = "UPDATE visitor_unread SET due_at = $2 WHERE thread_id = $1";
        tx.execute(sql, args![&thread_id, now.plus_seconds(UNREAD_SECONDS)]).map(drop)
    };
    let messages = visitors::unread_messages(tx, app, thread_id, after, MESSAGES_MAX)?;
    let (Some(last), false) = (messages.last(), due_at.plus_seconds(LATE_SECONDS_MAX) < now) else { return Ok(()) };
    let Some(visitor) = visitors::correspondent(tx, thread_id)?.filter(|visitor| visitor.is_served) else {
        return Ok(());
    };
    let Some(email) = visitor.email.as_deref().filter(|email| is_email(email)) else { return Ok(()) };
    let hash = unsubscribing::hash(email);
    if unsubscribing::is_unsubscribed(tx, visitor.source_id, &hash)? {
        return Ok(());
    }
    let settings = settings::of(tx, visitor.source_id)?;
    let Some(back_url) = back_url(&settings, &visitor) else { return Ok(()) };
    let (most, seconds) = match signing::was_signed(tx, visitor.community_id, &visitor.uuid)? {
        true => (MAILS_AN_HOUR_MAX, HOUR_SECONDS),
        false => (MAILS_A_DAY_MAX, DAY_SECONDS),
    };
    let lately: i64 = tx
        .one(
            "SELECT count(*) FROM visitor_mails WHERE address_hash = $1 AND mailed_at > $2",
            args![&hash[..], now.plus_seconds(-seconds)],
        )?
        .get(0)?;
    // A mail that waits would be replaced, and what it tells be lost.
    if lately >= most || mails::is_waiting(tx, &key(thread_id))? {
        return later(tx);
    }
    let locale = sessions::locale(tx, visitor.source_id, &visitor.uuid)?.unwrap_or(settings.locale);
    let template = templates::matching(tx, visitor.source_id, &visitor.category_ids, &locale)?;
    let letter = Letter {
        locale: &locale,
        source_name: &visitor.source_name,
        screenname: greeted(&visitor.screenname),
        messages: &messages,
        back_url: &back_url,
        unsubscribe_url: &unsubscribing::link(tx, app, visitor.source_id, &hash)?,
    };
    let written = letter.written(template.as_ref());
    let mail = NewMail {
        key: &key(thread_id),
        to: To::Address(email),
        subject: &written.subject,
        text: &written.text,
        html: Some(&written.html),
        unsubscribe_url: Some(letter.unsubscribe_url),
        pause_seconds: 0,
    };
    if !mails::queue(tx, &app.env, &mail)? {
        tracing::warn!(%thread_id, "too many mails wait: one more was not queued");
        return later(tx);
    }
    let sql = "INSERT INTO visitor_mails (id, address_hash, mailed_at) VALUES ($1, $2, $3)";
    tx.execute(sql, args![&app.env.id(), &hash[..], now])?;
    let rest = (messages.len() as i64 == MESSAGES_MAX).then(|| now.plus_seconds(UNREAD_SECONDS));
    tx.execute(
        "UPDATE visitor_unread SET told_at = $2, told_id = $3, mailed_at = $4, address_hash = $5, due_at = $6
         WHERE thread_id = $1",
        args![&thread_id, last.at, &last.id, now, &hash[..], rest.map_or(frontdesk_store::Arg::Null, Into::into)],
    )?;
    Ok(())
}

/// Forgets what counts no more, at most so much.
pub(crate) fn sweep(tx: &mut dyn Tx, now: Timestamp, most: i64) -> Result<()> {
    tx.execute(
        "DELETE FROM visitor_mails WHERE id IN (SELECT id FROM visitor_mails WHERE mailed_at < $1 LIMIT $2)",
        args![now.plus_seconds(-DAY_SECONDS), most],
    )?;
    Ok(())
}

/// How a mail calls somebody. Visitors name themselves: what mail programs would make a link of is nobody's name.
fn greeted(screenname: &str) -> &str {
    let is_host = |word: &str| {
        word.split('.').zip(word.split('.').skip(1)).any(|(before, after)| {
            before.chars().next_back().is_some_and(char::is_alphanumeric)
                && after.chars().take_while(|c| c.is_alphanumeric()).count() >= 2
        })
    };
    let is_odd = screenname.contains(['@', '/', '\\']) || screenname.split_whitespace().any(is_host);
    if is_odd { "Visitor" } else { screenname }
}

/// Where the mail leads: to the source's own address, or the page that the visitor saw last, if that is of one of the
/// source's sites. None: neither is known, as in apps, which have notifications of their own.
fn back_url(settings: &Settings, visitor: &Correspondent) -> Option<String> {
    if let Some(url) = &settings.back_to_chat_url {
        return plain(url);
    }
    let url = visitor.page_url.as_deref().filter(|url| is_web(url))?;
    // Visitors say where they are: only pages of the source's sites are led to.
    let origin = Url::parse(url).ok()?.origin().ascii_serialization();
    if !settings.allowed_sites.is_empty() && settings.allows(&origin) { plain(url) } else { None }
}

/// An address as it may stand in a text and in HTML.
fn plain(url: &str) -> Option<String> {
    Some(
        Url::parse(url).ok()?.as_str().replace('\'', "%27").replace('"', "%22").replace('<', "%3C").replace('>', "%3E"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_by_an_address() {
        for (name, expected) in [
            ("Vera Visitor", "Vera Visitor"),
            ("J.R. Smith", "J.R. Smith"),
            ("Dr. Vera", "Dr. Vera"),
            ("evil.example", "Visitor"),
            ("Win now at www.evil.example!", "Visitor"),
            ("https://evil", "Visitor"),
            ("vera@example.com", "Visitor"),
        ] {
            assert_eq!(greeted(name), expected, "{name}");
        }
    }
}
