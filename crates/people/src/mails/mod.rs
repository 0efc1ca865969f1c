//! Mails to users, such as an invitation. Whoever wants one queues it in the transaction of what it tells of; a worker
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

pub use letters::Letters;
pub use sending::Sending;

/// How long a mail is tried.
const TRIED_SECONDS: i64 = 86_400;
/// At most this many mails wait; one more is not queued.
const WAITING_MAX: i64 = 10_000;
/// At most this many mails are shown to an operator.
const LISTED_MAX: i64 = 150;

/// A mail to be sent.
pub struct NewMail<'a> {
    /// What it tells about, such as `webhook` and its id. Of one key only the newest mail waits, and takes the place of an
    /// older one.
    pub key: &'a str,
    /// Who gets it, at the address that they have when it is sent; a user who is gone or disabled by then gets nothing.
    pub user_id: Id,
    /// What it is about.
    pub subject: &'a str,
    /// Plain text.
    pub text: &'a str,
    /// At least this long after the last mail of the same key was tried.
    pub pause_seconds: i64,
}

/// Queues a mail in the transaction of what it tells of. False when too many wait already.
pub fn queue(tx: &mut dyn Tx, env: &Env, mail: &NewMail) -> Result<bool> {
    if waiting(tx)? >= WAITING_MAX {
        return Ok(false);
    }
    let now = env.now();
    let before = tx.first("SELECT tried_at FROM mails WHERE key = $1", args![mail.key])?;
    let tried_at: Option<Timestamp> = before.map(|row| row.get(0)).transpose()?.flatten();
    let due_at = tried_at.map_or(now, |tried| now.max(tried.plus_seconds(mail.pause_seconds)));
    tx.execute(
        "INSERT INTO mails (key, id, user_id, subject, body, status, attempts, claim, created_at, due_at, give_up_at)
         VALUES ($1, $2, $3, $4, $5, 'waiting', 0, 0, $6, $7, $8)
         ON CONFLICT (key) DO UPDATE SET id = excluded.id, user_id = excluded.user_id, subject = excluded.subject,
           body = excluded.body, status = excluded.status, attempts = 0, claim = mails.claim + 1, error = NULL,
           created_at = excluded.created_at, due_at = excluded.due_at, give_up_at = excluded.give_up_at",
        args![
            mail.key,
            &env.id(),
            &mail.user_id,
            mail.subject,
            mail.text,
            now,
            due_at,
            due_at.plus_seconds(TRIED_SECONDS)
        ],
    )?;
    Ok(true)
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
    /// The address of its user.
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
        "SELECT mails.status, mails.created_at, users.email, mails.subject, mails.attempts, mails.error
         FROM mails JOIN users ON users.id = mails.user_id
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
