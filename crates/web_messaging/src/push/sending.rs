//! The worker of one push service.
//!
//! An attempt is written down before it begins, with the time of the next one, so that what a killed server was at is
//! begun again, by itself at its next start or by another node later, and given up after as many attempts as any other.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_conversations::visitors::{self, Place, Visitor};
use frontdesk_conversations::{Conversations, sources};
use frontdesk_model::{Error, Id, Result, Timestamp, error};
use frontdesk_net::{OutboundAnswer, OutboundError, OutboundRequest};
use frontdesk_sources::push::{Access, KEPT_SECONDS, Notification, Outcome, Request, Service};
use frontdesk_store::{Due, Tx, args};
use futures_util::FutureExt;
use http::{HeaderName, HeaderValue, Method, header};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;

use super::signing_in::Tokens;
use super::text;
use crate::settings;

/// Seconds from the end of an attempt to the next; after the last the notification is given up.
const PAUSES_SECONDS: [i64; 6] = [5, 15, 60, 300, 900, 3_600];
/// A service that asks for a longer pause gets this one.
const PAUSE_SECONDS_MAX: i64 = 3_600;
/// For one request, answer included; an attempt makes at most four.
const ASK_DEADLINE: Duration = Duration::from_secs(10);
/// After so long the attempt of who was killed is made again.
const CLAIM_SECONDS: i64 = 60;
/// At most this many attempts run at once.
const ATTEMPTS_MAX: usize = 32;
/// At most this many of them for one source.
const ATTEMPTS_PER_SOURCE_MAX: usize = 8;
/// Of an answer this much is read.
const ANSWER_BYTES_MAX: usize = 16 * 1024;
/// Notifications that become due while nothing else happens are found this often.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// How long a stopping server waits for the attempts that run.
const STOP_DEADLINE: Duration = Duration::from_secs(5);

/// The worker.
pub(crate) struct Sending {
    desk: Arc<Conversations>,
    service: Service,
    tokens: Tokens,
    wake: Arc<Notify>,
}

/// An attempt that was begun.
#[derive(Clone, Debug)]
struct Claim {
    device_id: Id,
    content_id: Id,
    source_id: Id,
    /// Its number: a later one makes this one's outcome void.
    attempt: i64,
}

/// What an attempt needs to know.
struct Prepared {
    access: Box<dyn Access>,
    version: i64,
    push_token: String,
    notification: Notification,
}

/// How an attempt went, and the pause that the service asked for.
struct Ended {
    outcome: Outcome,
    push_token: String,
    pause_seconds: Option<i64>,
}

impl Sending {
    pub(crate) fn new(desk: &Arc<Conversations>, service: Service, wake: Arc<Notify>) -> Arc<Sending> {
        Arc::new(Sending { desk: desk.clone(), service, tokens: Tokens::default(), wake })
    }

    /// Sends what is due until `stop` changes; attempts that run then get a moment to end.
    pub(crate) async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        if let Err(trouble) = self.release_claims().await {
            tracing::error!(?trouble, "notifications of an earlier process wait until their time");
        }
        let mut attempts: JoinSet<Id> = JoinSet::new();
        let mut running: HashMap<Id, usize> = HashMap::new();
        while !*stop.borrow() {
            let claims = self.claim(&running, ATTEMPTS_MAX.saturating_sub(attempts.len())).await;
            let claims = claims.unwrap_or_else(|trouble| {
                tracing::error!(?trouble, "notifications cannot be looked for");
                Vec::new()
            });
            let some = !claims.is_empty();
            for claim in claims {
                *running.entry(claim.source_id).or_default() += 1;
                let this = self.clone();
                attempts.spawn(async move {
                    let source_id = claim.source_id;
                    this.attempt(claim).await;
                    source_id
                });
            }
            if some {
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = self.wake.notified() => {}
                Some(ended) = attempts.join_next() => if let Ok(source_id) = ended {
                    if let Some(count) = running.get_mut(&source_id) {
                        *count -= 1;
                    }
                    running.retain(|_, count| *count > 0);
                },
                () = tokio::time::sleep(POLL_PERIOD) => {}
            }
        }
        let ended = async { while attempts.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_DEADLINE, ended).await;
    }

    /// What an earlier process of this node was at is due again: it is gone, this one took its place.
    async fn release_claims(&self) -> Result<()> {
        let (node, now, service) = (self.desk.node_id, self.desk.env.now(), self.service.as_str());
        let releasing = move |tx: &mut dyn Tx| {
            tx.execute(
                "UPDATE pushes SET claimed_by = NULL, due_at = $3 WHERE service = $1 AND claimed_by = $2",
                args![service, &node, now],
            )?;
            Ok(())
        };
        self.desk.store.write(releasing).await
    }

    /// Begins at most `free` attempts, and of one source no more than it takes beside those that run.
    async fn claim(&self, running: &HashMap<Id, usize>, free: usize) -> Result<Vec<Claim>> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let (now, service, running) = (self.desk.env.now(), self.service.as_str(), running.clone());
        // Most looks find nothing and need not bother the writer.
        let occupied = busy(&running);
        let any = move |tx: &mut dyn Tx| {
            Ok(!due(tx, service, now, &occupied, 1)?.is_empty() || sent(service, |pushes| pushes.any_astray(tx, now))?)
        };
        if !self.desk.store.read(any).await? {
            return Ok(Vec::new());
        }
        let node = self.desk.node_id;
        let claiming = move |tx: &mut dyn Tx| {
            sent(service, |pushes| pushes.bring_back(tx, now))?;
            let mut running = running.clone();
            let mut claims = due(tx, service, now, &busy(&running), free)?;
            claims.retain(|claim| {
                let of_source = running.entry(claim.source_id).or_default();
                *of_source += 1;
                *of_source <= ATTEMPTS_PER_SOURCE_MAX
            });
            for claim in &claims {
                tx.execute(
                    "UPDATE pushes SET attempts = $3, due_at = $4, claimed_by = $5
                     WHERE device_id = $1 AND content_id = $2",
                    args![&claim.device_id, &claim.content_id, claim.attempt, now.plus_seconds(CLAIM_SECONDS), &node],
                )?;
            }
            Ok(claims)
        };
        self.desk.store.write(claiming).await
    }

    async fn attempt(&self, claim: Claim) {
        // A fault of ours leaves the attempt as it was written down: it is made again, and given up in the end.
        let told = AssertUnwindSafe(self.tell(&claim)).catch_unwind().await;
        let ended = match told.unwrap_or_else(|_| Err(error::broken("an attempt to notify panicked"))) {
            Ok(ended) => ended,
            Err(trouble) => {
                return tracing::error!(source_id = %claim.source_id, ?trouble, "a notification was not made");
            }
        };
        let (desk, service) = (self.desk.clone(), self.service);
        let finishing = self.desk.store.write(move |tx| match &ended {
            Some(ended) => finish(tx, service, &claim, ended, desk.env.now()),
            None => drop_push(tx, &claim),
        });
        if let Err(trouble) = finishing.await {
            tracing::error!(?trouble, "what became of a notification was not written");
        }
    }

    /// One attempt; none when there is nothing to tell any more.
    async fn tell(&self, claim: &Claim) -> Result<Option<Ended>> {
        let (desk, service, prepared) = (self.desk.clone(), self.service, claim.clone());
        let prepared = self.desk.store.read(move |tx| prepare(tx, &desk, service, &prepared)).await?;
        let Some(prepared) = prepared else { return Ok(None) };
        let (outcome, pause_seconds) = self.send(claim.source_id, &prepared).await;
        Ok(Some(Ended { outcome, push_token: prepared.push_token, pause_seconds }))
    }

    async fn send(&self, source_id: Id, prepared: &Prepared) -> (Outcome, Option<i64>) {
        let Prepared { access, version, push_token, notification } = prepared;
        let mut worn = None;
        loop {
            let token = self.tokens.get(&self.desk, access.as_ref(), (source_id, *version), worn.as_ref()).await;
            let token = match token {
                Ok(token) => token,
                Err(outcome) => return (outcome, None),
            };
            let answer = match ask(&self.desk, access.request(&token, push_token, notification)).await {
                Ok(answer) => answer,
                Err(outcome) => return (outcome, None),
            };
            let outcome = access.read_answer(answer.status.as_u16(), &answer.body);
            match (outcome, worn.is_some()) {
                (Outcome::SignedOut(_), false) => worn = Some(token),
                (Outcome::SignedOut(why), true) => return (Outcome::Misconfigured(why), None),
                (outcome, _) => return (outcome, pause_asked_for(&answer)),
            }
        }
    }
}

/// Makes a request of a push service.
pub(super) async fn ask(desk: &Conversations, request: Request) -> Result<OutboundAnswer, Outcome> {
    let header = |(name, value): &(&'static str, frontdesk_model::Secret)| {
        Some((HeaderName::from_static(name), HeaderValue::try_from(value.reveal()).ok()?))
    };
    let headers = request.headers.iter().map(header).collect::<Option<Vec<_>>>();
    let headers = headers.ok_or_else(|| Outcome::Misconfigured("a setting cannot stand in a request".into()))?;
    let request = OutboundRequest {
        method: Method::POST,
        url: request.url,
        headers,
        body: request.body.into(),
        deadline: ASK_DEADLINE,
        answer_bytes_max: ANSWER_BYTES_MAX,
        verify_tls: true,
        http2: request.http2,
    };
    desk.outbound.send(request).await.map_err(|trouble| match trouble {
        OutboundError::Forbidden(_) | OutboundError::Url(_) => Outcome::Misconfigured(trouble.to_string()),
        other => Outcome::Later(other.to_string()),
    })
}

/// Seconds of a `Retry-After`.
fn pause_asked_for(answer: &OutboundAnswer) -> Option<i64> {
    let seconds: i64 = answer.headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    (seconds > 0).then(|| seconds.min(PAUSE_SECONDS_MAX))
}

/// What is to be sent by a service, as rows that are due.
fn sent<T>(service: &str, look: impl FnOnce(&Due) -> T) -> T {
    let condition = format!("service = '{service}'");
    look(&Due { table: "pushes", column: "due_at", condition: &condition, ahead_seconds_max: 2 * PAUSE_SECONDS_MAX })
}

/// The sources that take no more attempts now.
fn busy(running: &HashMap<Id, usize>) -> Vec<Id> {
    running.iter().filter(|(_, count)| **count >= ATTEMPTS_PER_SOURCE_MAX).map(|(id, _)| *id).collect()
}

fn due(tx: &mut dyn Tx, service: &str, now: Timestamp, busy: &[Id], limit: usize) -> Result<Vec<Claim>> {
    let busy_sources = tx.in_list("source_id", 3);
    let rows = tx.query(
        &format!(
            "SELECT device_id, content_id, source_id, attempts FROM pushes
             WHERE service = $1 AND due_at <= $2 AND NOT {busy_sources} ORDER BY due_at, seq LIMIT $4"
        ),
        args![service, now, busy, limit as i64],
    )?;
    let claims = rows.iter().map(|row| {
        let attempt = row.get::<i64>(3)? + 1;
        Ok(Claim { device_id: row.get(0)?, content_id: row.get(1)?, source_id: row.get(2)?, attempt })
    });
    claims.collect()
}

/// What to tell; none when nobody waits for it any more.
fn prepare(tx: &mut dyn Tx, desk: &Conversations, service: Service, claim: &Claim) -> Result<Option<Prepared>> {
    let row = tx.first(
        "SELECT push_token, locale, uuid FROM visitor_devices WHERE id = $1 AND service = $2",
        args![&claim.device_id, service.as_str()],
    )?;
    let Some(row) = row else { return Ok(None) };
    let (push_token, locale, uuid): (String, Option<String>, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let place = match Place::find(tx, desk, claim.source_id) {
        Ok(place) => place,
        // It is switched off.
        Err(Error::Refused(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let Some(access) = service.access(place.settings()).filter(|_| place.notifies(service)) else { return Ok(None) };
    let visitor = Visitor { place: &place, uuid: &uuid };
    let notice = match visitors::unread_answer(tx, desk, visitor, claim.content_id) {
        Ok(Some(notice)) => notice,
        Ok(None) | Err(Error::Refused(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let (title, body) = text::of(&notice, locale.as_deref(), place.settings(), &settings::of(tx, claim.source_id)?);
    let notification = Notification {
        title,
        body,
        unread: notice.unread,
        content_id: claim.content_id,
        thread_id: notice.thread_id,
        may_reply: notice.may_reply,
        until: desk.env.now().plus_seconds(KEPT_SECONDS),
    };
    Ok(Some(Prepared { access, version: place.version(), push_token, notification }))
}

/// There is nothing to tell any more.
fn drop_push(tx: &mut dyn Tx, claim: &Claim) -> Result<()> {
    tx.execute(
        "DELETE FROM pushes WHERE device_id = $1 AND content_id = $2",
        args![&claim.device_id, &claim.content_id],
    )?;
    Ok(())
}

/// Writes down how an attempt went, unless a later one was begun meanwhile.
fn finish(tx: &mut dyn Tx, service: Service, claim: &Claim, ended: &Ended, now: Timestamp) -> Result<()> {
    let held = tx.first(
        "SELECT 1 FROM pushes WHERE device_id = $1 AND content_id = $2 AND attempts = $3",
        args![&claim.device_id, &claim.content_id, claim.attempt],
    )?;
    if held.is_none() {
        return Ok(());
    }
    let (source_id, part) = (claim.source_id, service.as_str());
    let pause = usize::try_from(claim.attempt - 1).ok().and_then(|made| PAUSES_SECONDS.get(made));
    let trouble = match &ended.outcome {
        Outcome::Taken => {
            drop_push(tx, claim)?;
            sources::set_trouble(tx, source_id, part, None, now)?;
            return Ok(());
        }
        Outcome::Gone(since) => {
            // Unless the app has registered it anew meanwhile.
            let until = since.unwrap_or(Timestamp::from_micros(i64::MAX));
            tx.execute(
                "DELETE FROM visitor_devices WHERE id = $1 AND push_token = $2 AND registered_at <= $3",
                args![&claim.device_id, &ended.push_token, until],
            )?;
            return drop_push(tx, claim);
        }
        Outcome::Refused(why) => {
            tracing::warn!(%source_id, service = part, why, "a notification was refused");
            return drop_push(tx, claim);
        }
        // One that passes is worth a word when it did not.
        Outcome::Later(why) => pause.is_none().then_some(why),
        Outcome::Misconfigured(why) | Outcome::SignedOut(why) => Some(why),
    };
    if let Some(why) = trouble {
        let message = format!("Apps are not notified by {}: {why}", service.title());
        if sources::set_trouble(tx, source_id, part, Some(&message), now)? {
            tracing::warn!(%source_id, service = part, why, "apps are not notified");
        }
    }
    match pause {
        Some(seconds) => {
            let seconds = ended.pause_seconds.unwrap_or(0).max(*seconds);
            tx.execute(
                "UPDATE pushes SET due_at = $3, claimed_by = NULL WHERE device_id = $1 AND content_id = $2",
                args![&claim.device_id, &claim.content_id, now.plus_seconds(seconds)],
            )?;
            Ok(())
        }
        None => drop_push(tx, claim),
    }
}
