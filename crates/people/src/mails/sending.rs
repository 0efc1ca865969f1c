//! The worker that sends what waits.
//!
//! An attempt is written down before it begins, with the time of the next one: whatever happens to it, and also when its
//! outcome cannot be written, the mail is not sent more often than the pauses allow.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_net::{Mail, MailError, Mailer};
use frontdesk_store::{Due, Store, Tx, args};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::{Whose, letters, waiting};
use crate::password_links::{self, Links, Purpose};
use crate::user_notifications;

/// From the beginning of an attempt to that of the next one, then always the last; the first is longer than an attempt
/// may take.
const PAUSES_SECONDS: [i64; 7] = [120, 300, 900, 1_800, 3_600, 7_200, 14_400];
/// At most this many attempts run at once.
const ATTEMPTS_MAX: usize = 4;
/// At most this many mails go out to users within an hour, so that nobody can make this server bombard others.
const MAILS_PER_HOUR_MAX: i64 = 500;
/// The same of mails to visitors, which do not keep users' waiting.
const VISITORS_MAILS_PER_HOUR_MAX: i64 = 5_000;
const HOUR_SECONDS: i64 = 3_600;
/// That a mail was sent is known for so long: it keeps the next one of its key at a distance.
const SENT_KEPT_SECONDS: i64 = 86_400;
const WAITING: Due<'static> =
    Due { table: "mails", column: "due_at", condition: "status = 'waiting'", ahead_seconds_max: SENT_KEPT_SECONDS };
/// A mail that was given up is shown for so long.
const FAILED_KEPT_SECONDS: i64 = 30 * 86_400;
/// Mails that become due while nothing else happens are found this often.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// How long a stopping server waits for the attempts that run.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// At most this many rows go at once: everybody else waits behind it.
const ROWS_MAX: i64 = 1_000;
/// Why a mail was given up that nobody tried to send.
const NO_SERVER: &str = "No mail server is set: set smtp-url.";

/// The worker.
pub struct Sending {
    store: Store,
    env: Env,
    mailer: Option<Mailer>,
    links: Links,
    wake: Arc<Notify>,
}

/// An attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) key: String,
    /// The claim's number: a later one makes this one's outcome void.
    pub(super) number: i64,
}

/// What a turn found.
#[derive(Default)]
pub(super) struct Turn {
    /// To be tried now.
    pub(super) claims: Vec<Claim>,
    /// Given up: whose they were; none: a visitor's.
    pub(super) given_up: Vec<Option<Id>>,
}

impl Sending {
    /// Without a mailer mails wait, and are given up when they have waited too long. `wake`: tells that there are more.
    pub fn new(store: Store, env: Env, mailer: Option<Mailer>, links: Links, wake: Arc<Notify>) -> Arc<Sending> {
        Arc::new(Sending { store, env, mailer, links, wake })
    }

    /// Sends what is due until `stop` changes; attempts that run then get a moment to end.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        self.tell_what_waits().await;
        let mut attempts = JoinSet::new();
        while !*stop.borrow() {
            let free = ATTEMPTS_MAX.saturating_sub(attempts.len());
            let claims = self.turn(free).await.unwrap_or_else(|trouble| {
                tracing::error!(?trouble, "mails cannot be looked for");
                Vec::new()
            });
            for claim in claims {
                let this = self.clone();
                attempts.spawn(async move { this.attempt(claim).await });
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = self.wake.notified() => {}
                Some(_) = attempts.join_next() => {}
                () = tokio::time::sleep(POLL_PERIOD) => {}
            }
        }
        let ended = async { while attempts.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_DEADLINE, ended).await;
    }

    /// An operator who has not set a mail server should know that it is missed.
    async fn tell_what_waits(&self) {
        if self.mailer.is_some() {
            return;
        }
        match self.store.read(waiting).await {
            Ok(0) => {}
            Ok(count) => tracing::warn!("{count} mails wait: set --smtp-url"),
            Err(trouble) => tracing::error!(?trouble, "mails cannot be counted"),
        }
    }

    async fn turn(&self, free: usize) -> Result<Vec<Claim>> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let (now, sends) = (self.env.now(), self.mailer.is_some());
        // Most looks find nothing and need not bother the writer.
        if !self.store.read(move |tx| is_any_due(tx, now, sends)).await? {
            return Ok(Vec::new());
        }
        let turn = self.store.write(move |tx| turn(tx, now, sends, free)).await?;
        for user_id in turn.given_up {
            tracing::warn!(
                user_id = user_id.map(tracing::field::display),
                "a mail was given up: it could not be sent within a day"
            );
        }
        Ok(turn.claims)
    }

    async fn attempt(&self, claim: Claim) {
        let Some(mailer) = &self.mailer else { return };
        let found = match self.found(&claim).await {
            // What customers and agents write to each other is told as it is.
            Ok(Some(waiting)) if waiting.user_id.is_some() => {
                Some(Waiting { text: self.links.fill(&waiting.text), ..waiting })
            }
            Ok(found) => found,
            // It is tried again after the pause, as after any other failure.
            Err(trouble) => return tracing::error!(?trouble, "a mail cannot be prepared"),
        };
        let outcome = match &found {
            Some(waiting) => Some(mailer.send(&waiting.mail()).await),
            None => None,
        };
        let user_id = found.and_then(|waiting| waiting.user_id);
        if let Some(Err(error)) = &outcome {
            tracing::warn!(user_id = user_id.map(tracing::field::display), %error, "a mail was not sent");
        }
        let env = self.env.clone();
        let finishing = self.store.write(move |tx| match &outcome {
            Some(outcome) => finish(tx, &env, &claim, outcome),
            None => forget(tx, &claim),
        });
        if let Err(trouble) = finishing.await {
            tracing::error!(?trouble, "a mail's outcome was not written");
        }
    }
}

impl Sending {
    /// The mail that is to be sent, with a link that works if it brings one. None when it is of no use any more.
    async fn found(&self, claim: &Claim) -> Result<Option<Waiting>> {
        let looked_up = claim.clone();
        let found = self.store.read(move |tx| prepare(tx, &looked_up)).await?;
        let Some(waiting) = found else { return Ok(None) };
        let (Some(user_id), Some(link)) = (waiting.user_id, password_links::marked(&waiting.text)) else {
            return Ok(Some(waiting));
        };
        let (env, links, claim) = (self.env.clone(), self.links.clone(), claim.clone());
        let link = self.store.write(move |tx| working(tx, &env, &links, &claim, user_id, link)).await?;
        Ok(link.map(|(old, new)| Waiting { text: waiting.text.replace(&old, &new), ..waiting }))
    }
}

/// The mark of a mail's link, and of the one that takes its place: itself while it works. One that was used, replaced or is
/// too old helps nobody, and the mail is over; but an invitation that is still open gets another one, as when it could not
/// be sent before its address was corrected.
fn working(
    tx: &mut dyn Tx,
    env: &Env,
    links: &Links,
    claim: &Claim,
    user_id: Id,
    link: Id,
) -> Result<Option<(String, String)>> {
    let old = password_links::mark(link);
    if password_links::works(tx, env, link)? {
        return Ok(Some((old.clone(), old)));
    }
    if !letters::invites(tx, &claim.key, user_id)? {
        return Ok(None);
    }
    let new = password_links::mark(links.create(tx, env, user_id, Purpose::Invitation, None)?);
    tx.execute(
        "UPDATE mails SET body = replace(body, $3, $4) WHERE key = $1 AND claim = $2",
        args![&claim.key, claim.number, &old, &new],
    )?;
    Ok(Some((old, new)))
}

fn is_any_due(tx: &mut dyn Tx, now: Timestamp, sends: bool) -> Result<bool> {
    let over = "SELECT 1 FROM mails WHERE status IN ('sent', 'failed') AND due_at <= $1 LIMIT 1";
    Ok(tx.first(&due("SELECT 1 FROM mails", "TRUE", sends), args![now, 1])?.is_some()
        || tx.first(over, args![now])?.is_some()
        || WAITING.any_astray(tx, now)?)
}

/// Waiting mails that something is to be done about: who cannot send only gives up.
fn due(select: &str, whose: &str, sends: bool) -> String {
    let column = if sends { "due_at" } else { "give_up_at" };
    format!("{select} WHERE status = 'waiting' AND {whose} AND {column} <= $1 ORDER BY {column}, key LIMIT $2")
}

/// Takes at most `free` mails for this process, gives up what has waited too long, and removes what is long over.
pub(super) fn turn(tx: &mut dyn Tx, now: Timestamp, sends: bool, free: usize) -> Result<Turn> {
    WAITING.bring_back(tx, now)?;
    tx.execute(
        "DELETE FROM mails WHERE key IN (
           SELECT key FROM mails WHERE status IN ('sent', 'failed') AND due_at <= $1 LIMIT $2)",
        args![now, ROWS_MAX],
    )?;
    let mut turn = Turn::default();
    for (whose, most) in [
        (Whose::Users, MAILS_PER_HOUR_MAX),
        (Whose::Notified, MAILS_PER_HOUR_MAX),
        (Whose::Visitors, VISITORS_MAILS_PER_HOUR_MAX),
    ] {
        let whose = whose.condition();
        let lately = format!("SELECT count(*) FROM mails WHERE tried_at > $1 AND tried_at <= $2 AND {whose}");
        let lately: i64 = tx.one(&lately, args![now.plus_seconds(-HOUR_SECONDS), now])?.get(0)?;
        let free = free as i64 - turn.claims.len() as i64;
        let allowed = if sends { (most - lately).clamp(0, free) } else { ROWS_MAX };
        let found = due("SELECT key, user_id, attempts, claim, give_up_at FROM mails", whose, sends);
        for row in tx.query(&found, args![now, allowed])? {
            let (key, attempts): (String, i64) = (row.get(0)?, row.get(2)?);
            let number = row.get::<i64>(3)? + 1;
            if row.get::<Timestamp>(4)? <= now {
                give_up(tx, &key, now, (attempts == 0).then_some(NO_SERVER))?;
                turn.given_up.push(row.get(1)?);
                continue;
            }
            tx.execute(
                "UPDATE mails SET attempts = attempts + 1, claim = $2, tried_at = $3, due_at = $4 WHERE key = $1",
                args![&key, number, now, now.plus_seconds(pause(attempts))],
            )?;
            turn.claims.push(Claim { key, number });
        }
    }
    Ok(turn)
}

/// Seconds from the beginning of an attempt to the next one, after so many earlier ones.
fn pause(attempts: i64) -> i64 {
    let last = PAUSES_SECONDS.len() - 1;
    PAUSES_SECONDS[usize::try_from(attempts).map_or(last, |attempts| attempts.min(last))]
}

/// A mail that is being tried.
struct Waiting {
    id: String,
    /// None: a visitor's.
    user_id: Option<Id>,
    to: String,
    subject: String,
    text: String,
    html: Option<String>,
    unsubscribe_url: Option<String>,
    at: Timestamp,
}

impl Waiting {
    fn mail(&self) -> Mail<'_> {
        Mail {
            id: &self.id,
            at: self.at,
            to: &self.to,
            subject: &self.subject,
            text: &self.text,
            html: self.html.as_deref(),
            unsubscribe_url: self.unsubscribe_url.as_deref(),
        }
    }
}

/// None when there is nobody left to write to, or a newer mail took this one's place.
fn prepare(tx: &mut dyn Tx, claim: &Claim) -> Result<Option<Waiting>> {
    let row = tx.first(
        "SELECT mails.id, users.id, coalesce(users.email, mails.address, ''), mails.subject, mails.body, mails.created_at,
           mails.html, mails.unsubscribe_url
         FROM mails LEFT JOIN users ON users.id = mails.user_id
         WHERE mails.key = $1 AND mails.claim = $2
           AND (mails.user_id IS NULL OR (users.enabled AND users.deleted_at IS NULL))",
        args![&claim.key, claim.number],
    )?;
    let waiting = row.map(|row| {
        Ok(Waiting {
            id: row.get::<Id>(0)?.hex(),
            user_id: row.get(1)?,
            to: row.get(2)?,
            subject: row.get(3)?,
            text: row.get(4)?,
            at: row.get(5)?,
            html: row.get(6)?,
            unsubscribe_url: row.get(7)?,
        })
    });
    waiting.transpose()
}

/// Writes down how an attempt went, unless a newer mail or another attempt has taken over meanwhile.
pub(super) fn finish(tx: &mut dyn Tx, env: &Env, claim: &Claim, outcome: &Result<(), MailError>) -> Result<()> {
    let now = env.now();
    let held = tx.first(
        "SELECT due_at >= give_up_at, user_id FROM mails WHERE key = $1 AND claim = $2 AND status = 'waiting'",
        args![&claim.key, claim.number],
    )?;
    let Some(held) = held else { return Ok(()) };
    let is_last: bool = held.get(0)?;
    match outcome {
        Ok(()) => {
            tx.execute(
                "UPDATE mails SET status = 'sent', subject = '', body = '', html = NULL, unsubscribe_url = NULL,
                   address = CASE WHEN address IS NULL THEN NULL ELSE '' END, error = NULL, due_at = $2 WHERE key = $1",
                args![&claim.key, now.plus_seconds(SENT_KEPT_SECONDS)],
            )?;
        }
        Err(MailError::Failed(reason)) if !is_last => {
            tx.execute("UPDATE mails SET error = $2 WHERE key = $1", args![&claim.key, reason])?;
        }
        Err(MailError::Failed(reason)) => give_up(tx, &claim.key, now, Some(reason))?,
        Err(MailError::Refused(reason)) => {
            give_up(tx, &claim.key, now, Some(reason))?;
            let user_id: Option<Id> = held.get(1)?;
            if let Some(user_id) = user_id.filter(|_| claim.key.starts_with(user_notifications::MAIL_KEY)) {
                user_notifications::give_up(tx, env, user_id)?;
            }
        }
    }
    Ok(())
}

fn give_up(tx: &mut dyn Tx, key: &str, now: Timestamp, reason: Option<&str>) -> Result<()> {
    tx.execute(
        "UPDATE mails SET status = 'failed', body = '', html = NULL, unsubscribe_url = NULL, error = coalesce($2, error), due_at = $3 WHERE key = $1",
        args![key, reason, now.plus_seconds(FAILED_KEPT_SECONDS)],
    )?;
    Ok(())
}

/// There is nobody left to write to.
fn forget(tx: &mut dyn Tx, claim: &Claim) -> Result<()> {
    tx.execute("DELETE FROM mails WHERE key = $1 AND claim = $2", args![&claim.key, claim.number])?;
    Ok(())
}
