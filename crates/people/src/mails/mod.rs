//! Mails to users, such as an invitation, and to visitors, about what they have not read. Whoever wants one queues it in the transaction of what it tells of; a worker
//! ([`sending`]) sends it, tries again for a day, and gives up visibly.
//!
//! A mail goes out once, but for the unavoidable: when the mail server took it and its answer was not heard or not written
//! down (a crash at that moment, a broken connection), it goes out again, with the same Message-ID. Its text is erased
//! when it was sent or given up.

pub mod letters;
pub mod sending;
#[cfg(test)]
mod tests;
mod texts;

use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_store::{Tx, args};

use crate::{password_links, user_notifications};

pub use letters::Letters;
pub use sending::Sending;
pub(crate) use texts::Letter;
pub use texts::words;

/// How long a mail is tried.
const TRIED_SECONDS: i64 = 86_400;
/// At most this many mails of each [`Whose`] wait. One more is not queued.
const WAITING_MAX: i64 = 10_000;
/// At most this many mails are shown to an operator.
const LISTED_MAX: i64 = 150;

/// Who gets a mail.
#[derive(Clone, Copy)]
pub enum To<'a> {
    /// A user, at the address that they have when it is sent; who is gone or disabled by then gets nothing.
    User(Id),
    /// Somebody else, at this address.
    Address(&'a str),
}

impl<'a> NewMail<'a> {
    /// A plain one.
    pub fn plain(key: &'a str, user_id: Id, subject: &'a str, text: &'a str, pause_seconds: i64) -> NewMail<'a> {
        NewMail { key, to: To::User(user_id), subject, text, html: None, unsubscribe_url: None, pause_seconds }
    }
}

/// A mail to be sent.
pub struct NewMail<'a> {
    /// What it tells about, such as `webhook` and its id. Of one key only the newest mail waits, and takes the place of an
    /// older one.
    pub key: &'a str,
    /// Who gets it.
    pub to: To<'a>,
    /// What it is about.
    pub subject: &'a str,
    /// Plain text; a link to choose a password is only a mark in it ([`crate::password_links::mark`]).
    pub text: &'a str,
    /// The same for programs that show HTML.
    pub html: Option<&'a str>,
    /// Where the reader can say that they want no more of these.
    pub unsubscribe_url: Option<&'a str>,
    /// At least this long after the last mail of the same key was tried.
    pub pause_seconds: i64,
}

/// The mail for who has forgotten their password, in a language of `/locales`. `link`: the address, or its mark.
pub(crate) fn recovery(locale: &str, link: &str) -> Letter {
    texts::recovery(texts::Language::of(locale), link)
}

/// Queues a mail in the transaction of what it tells of. False when too many wait already.
pub fn queue(tx: &mut dyn Tx, env: &Env, mail: &NewMail) -> Result<bool> {
    let whose = match mail.to {
        To::User(_) if mail.key.starts_with(user_notifications::MAIL_KEY) => Whose::Notified,
        To::User(_) => Whose::Users,
        To::Address(_) => Whose::Visitors,
    };
    if !has_room_for(tx, whose)? {
        return Ok(false);
    }
    let now = env.now();
    let before = tx.first("SELECT tried_at FROM mails WHERE key = $1", args![mail.key])?;
    let tried_at: Option<Timestamp> = before.map(|row| row.get(0)).transpose()?.flatten();
    let due_at = tried_at.map_or(now, |tried| now.max(tried.plus_seconds(mail.pause_seconds)));
    let (user_id, address) = match mail.to {
        To::User(user_id) => (Some(user_id), None),
        To::Address(address) => (None, Some(address)),
    };
    tx.execute(
        "INSERT INTO mails (key, id, user_id, subject, body, status, attempts, claim, created_at, due_at, give_up_at,
           address, html, unsubscribe_url)
         VALUES ($1, $2, $3, $4, $5, 'waiting', 0, 0, $6, $7, $8, $9, $10, $11)
         ON CONFLICT (key) DO UPDATE SET id = excluded.id, user_id = excluded.user_id, subject = excluded.subject,
           body = excluded.body, address = excluded.address, html = excluded.html,
           unsubscribe_url = excluded.unsubscribe_url, status = excluded.status, attempts = 0, claim = mails.claim + 1, error = NULL,
           created_at = excluded.created_at, due_at = excluded.due_at, give_up_at = excluded.give_up_at",
        args![
            mail.key,
            &env.id(),
            &user_id,
            mail.subject,
            mail.text,
            now,
            due_at,
            due_at.plus_seconds(TRIED_SECONDS),
            address,
            mail.html,
            mail.unsubscribe_url
        ],
    )?;
    Ok(true)
}

/// Whether one more mail to a user is queued.
pub(crate) fn has_room(tx: &mut dyn Tx) -> Result<bool> {
    has_room_for(tx, Whose::Users)
}

/// Mails that take no room and no turn from others: what strangers cause keeps no user from theirs.
#[derive(Clone, Copy)]
enum Whose {
    /// To users, about themselves: an invitation.
    Users,
    /// To users, because they asked to hear of such things.
    Notified,
    /// To visitors.
    Visitors,
}

impl Whose {
    /// As a condition in SQL.
    fn condition(self) -> &'static str {
        match self {
            Whose::Users => "user_id IS NOT NULL AND key NOT LIKE 'notification %'",
            Whose::Notified => "user_id IS NOT NULL AND key LIKE 'notification %'",
            Whose::Visitors => "user_id IS NULL",
        }
    }
}

fn has_room_for(tx: &mut dyn Tx, whose: Whose) -> Result<bool> {
    let sql = format!("SELECT count(*) FROM mails WHERE status = 'waiting' AND {}", whose.condition());
    Ok(tx.one(&sql, args![])?.get::<i64>(0)? < WAITING_MAX)
}

/// Whether a mail of this key waits.
pub fn is_waiting(tx: &mut dyn Tx, key: &str) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM mails WHERE key = $1 AND status = 'waiting'", args![key])?.is_some())
}

/// Why the mail of this key could not be sent, the last time that it was tried.
pub(crate) fn error(tx: &mut dyn Tx, key: &str) -> Result<Option<String>> {
    let row = tx.first("SELECT error FROM mails WHERE key = $1 AND status IN ('waiting', 'failed')", args![key])?;
    row.map_or(Ok(None), |row| row.get(0))
}

/// Forgets what is under a key, whatever has become of it.
pub fn forget(tx: &mut dyn Tx, key: &str) -> Result<()> {
    tx.execute("DELETE FROM mails WHERE key = $1", args![key])?;
    Ok(())
}

/// Ends the waiting mails that would bring a user a link: they have a password now.
pub(crate) fn end_links(tx: &mut dyn Tx, user_id: Id) -> Result<()> {
    let links = format!("%{}%", password_links::MARK);
    let sql = "DELETE FROM mails WHERE user_id = $1 AND status = 'waiting' AND body LIKE $2";
    tx.execute(sql, args![&user_id, &links])?;
    Ok(())
}

/// How many mails wait for a user.
pub fn waiting_for(tx: &mut dyn Tx, user_id: Id) -> Result<i64> {
    tx.one("SELECT count(*) FROM mails WHERE user_id = $1 AND status = 'waiting'", args![&user_id])?.get(0)
}

/// How many mails wait.
pub fn waiting(tx: &mut dyn Tx) -> Result<i64> {
    count(tx, "waiting")
}

/// How many mails were given up; they are forgotten after 30 days.
pub fn failed(tx: &mut dyn Tx) -> Result<i64> {
    count(tx, "failed")
}

fn count(tx: &mut dyn Tx, status: &str) -> Result<i64> {
    tx.one("SELECT count(*) FROM mails WHERE status = $1", args![status])?.get(0)
}

/// A mail that waits or was given up, as an operator sees it.
pub struct Listed {
    /// Whether it was given up.
    pub failed: bool,
    /// When it was queued.
    pub created_at: Timestamp,
    /// The address of its user, or of who is none.
    pub to: String,
    /// What it is about.
    pub subject: String,
    /// How often it was tried.
    pub attempts: i64,
    /// How the last attempt failed.
    pub error: Option<String>,
}

/// The mails that wait or were given up, the newest first; at most 150.
pub fn list(tx: &mut dyn Tx) -> Result<Vec<Listed>> {
    let rows = tx.query(
        "SELECT mails.status, mails.created_at, coalesce(users.email, mails.address, ''), mails.subject,
           mails.attempts, mails.error
         FROM mails LEFT JOIN users ON users.id = mails.user_id
         WHERE mails.status IN ('waiting', 'failed') ORDER BY mails.created_at DESC LIMIT $1",
        args![LISTED_MAX],
    )?;
    let listed = rows.iter().map(|row| {
        Ok(Listed {
            failed: row.get::<String>(0)? == "failed",
            created_at: row.get(1)?,
            to: row.get(2)?,
            subject: row.get(3)?,
            attempts: row.get(4)?,
            error: row.get(5)?,
        })
    });
    listed.collect()
}
