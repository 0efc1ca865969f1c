//! Delivery to channels: a consumer of the log that notes what has to go out, and workers that push it.
//!
//! A content is pushed at once, after 30 seconds and after 5 minutes; then it has failed and can be sent again by hand.
//! Every push carries the content's id, so that the channel can recognise a repeat, and says whether it is one. Within a
//! thread the order is kept; a slow channel holds up nobody else.

use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Error, Event, Id, Result, Timestamp, error, structured as messages};
use frontdesk_sources::inbound::{BodyFormat, ContentObject, InboundContent};
use frontdesk_sources::outbound::{
    Class, ContentAction, Deed, Failure, Formats, OutboundAttachment, OutboundContent, Outcome, Request,
};
use frontdesk_sources::quota::Purpose;
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Row, Text, Tx, args};
use futures_util::FutureExt;
use serde_json::{Value, json};
use tokio::sync::{Notify, watch};

use crate::contents::{body, refreshing, structured};
use crate::quotas;
use crate::sources::{self, Channel};
use crate::{Conversations, attachments, calling, categories, handover, ingest};

/// Seconds before the second and the third attempt; there is no fourth.
const PAUSES_SECONDS: [i64; 2] = [30, 300];
/// The channel's action that tells a content once more.
pub(crate) const SHOW: &str = "show";
/// For one attempt, answer included.
const ATTEMPT_DEADLINE: Duration = Duration::from_secs(30);
const NO_ADDRESS: &str = "The source has no address to send to: set base_uri.";
/// The same where an account is connected.
const NOT_CONNECTED: &str = "The source is not connected: go through the steps of its connection.";
/// For sending it once more in another spelling, within the same attempt.
const RESPELLED_DEADLINE: Duration = Duration::from_secs(15);
/// How long a stopping server waits for the attempts that run.
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// How long a worker may hold a delivery: a call in both spellings and the time to write down how it went. One of several
/// calls holds it anew before each.
const CLAIM_SECONDS: i64 = 60;
/// At most this many attempts run at once, so that memory stays bounded.
const ATTEMPTS_MAX: usize = 64;
/// At most this many of them to one source.
const ATTEMPTS_PER_SOURCE_MAX: usize = 8;
/// Of a channel's answer this much is read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;
/// What is due later than this, in seconds, was to be due sooner: the clock was set back since.
const DUE_SECONDS_MAX: i64 = 2 * PAUSES_SECONDS[1];
/// Deliveries that become due while nothing else happens are found this often.
const POLL_PERIOD: Duration = Duration::from_secs(1);
/// What people read when a server was killed at a deed that is tried once.
const UNCERTAIN: &str = "The server was stopped while it asked the channel for this: whether it was done is not known.";
/// What people read when the fault is ours.
const UNPREPARED: &str = "The content could not be prepared for its channel; the server's log says why.";

/// The consumer: every content that an agent wrote becomes a delivery.
pub struct Outbox {
    env: Env,
    wake: Arc<Notify>,
}

impl Consumer for Outbox {
    fn name(&self) -> &'static str {
        "delivery"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(
            kind,
            "content.replied"
                | "content.discussion_initiated"
                | "content.approved"
                | "content.auto_answered"
                | "content.retried_synchronization"
                | "content.published"
                | "content.unpublished"
                | "content.destroyed"
                | "content.action_requested"
                | "content.refresh_requested"
                | "intervention.closed"
        )
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        for event in events {
            if event.kind == "intervention.closed" {
                handover::closed(tx, &self.env, event)?;
                continue;
            }
            // What has been tried before may have arrived: the channel is told so.
            let tried_before = event.kind == "content.retried_synchronization";
            let task = match event.kind.as_str() {
                "content.published" => Task::Act(ContentAction::Publish),
                "content.unpublished" => Task::Act(ContentAction::Unpublish),
                "content.destroyed" => Task::Act(ContentAction::Delete),
                "content.action_requested" => Task::Custom,
                "content.refresh_requested" => Task::Show,
                _ => Task::Create,
            };
            tx.execute(
                "INSERT INTO deliveries (content_id, source_id, thread_id, seq, attempts, started, claim, due_at, action)
                 SELECT id, source_id, thread_id, $4, 0, $2, 0, $3, $5 FROM contents
                 WHERE id = $1 AND synchronization_status = 'export_pending' AND NOT approval_required
                   AND scheduled_at IS NULL
                 ON CONFLICT (content_id) DO NOTHING",
                args![&event.object_id, tried_before, self.env.now(), event.seq, task.as_str()],
            )?;
        }
        Ok(())
    }

    fn handled(&self) {
        self.wake.notify_one();
    }
}

/// The workers.
pub struct Delivery {
    app: Arc<Conversations>,
    wake: Arc<Notify>,
    running: Mutex<Running>,
}

/// How many attempts run now, by source; none is not counted.
type Running = HashMap<Id, usize>;

/// An attempt's place among those that run. It is free again however the attempt ends, also by a panic.
struct Place {
    delivery: Arc<Delivery>,
    source_id: Id,
}

impl Place {
    fn take(delivery: &Arc<Delivery>, source_id: Id) -> Place {
        *delivery.running().entry(source_id).or_default() += 1;
        Place { delivery: delivery.clone(), source_id }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut running = self.delivery.running();
        if let Some(count) = running.get_mut(&self.source_id) {
            *count -= 1;
            if *count == 0 {
                running.remove(&self.source_id);
            }
        }
        drop(running);
        self.delivery.wake.notify_one();
    }
}

impl Delivery {
    /// The consumer and its workers.
    pub fn new(app: &Arc<Conversations>) -> (Arc<Outbox>, Arc<Delivery>) {
        let wake = Arc::new(Notify::new());
        let outbox = Arc::new(Outbox { env: app.env.clone(), wake: wake.clone() });
        (outbox, Arc::new(Delivery { app: app.clone(), wake, running: Mutex::default() }))
    }

    /// Claims that an earlier process of this node held are free again: it is gone, this one took its place.
    pub async fn release_claims(&self) -> Result<()> {
        let node = self.app.node_id;
        self.app
            .store
            .write(move |tx| {
                tx.execute(
                    "UPDATE deliveries SET claimed_by = NULL, claimed_until = NULL WHERE claimed_by = $1",
                    args![&node],
                )?;
                Ok(())
            })
            .await
    }

    /// Pushes what is due until `stop` changes; attempts that run then get a moment to end.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut attempts = tokio::task::JoinSet::new();
        while !*stop.borrow() {
            let found = match self.claim(ATTEMPTS_MAX.saturating_sub(attempts.len())).await {
                Ok(claims) => claims,
                Err(trouble) => {
                    tracing::error!(?trouble, "deliveries cannot be claimed");
                    Vec::new()
                }
            };
            let some = !found.is_empty();
            for (claim, place) in found {
                let this = self.clone();
                attempts.spawn(async move { this.attempt(claim, place).await });
            }
            if some {
                continue;
            }
            tokio::select! {
                _ = stop.changed() => {}
                () = self.wake.notified() => {}
                Some(_) = attempts.join_next() => {}
                () = tokio::time::sleep(POLL_PERIOD) => {}
            }
        }
        // What does not end in time is tried again at the next start, as a repeat.
        let ended = async { while attempts.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(STOP_DEADLINE, ended).await;
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes at most `free` due deliveries for this process. Only the oldest of a thread: order matters in a
    /// conversation.
    async fn claim(self: &Arc<Self>, free: usize) -> Result<Vec<(Claim, Place)>> {
        if free == 0 {
            return Ok(Vec::new());
        }
        let (node, now) = (self.app.node_id, self.app.env.now());
        let running = self.running().clone();
        // Most looks find nothing and need not bother the writer.
        let busy = busy(&running);
        let any = move |tx: &mut dyn Tx| Ok(!due(tx, now, &busy, 1)?.is_empty() || is_clock_back(tx, now)?);
        if !self.app.store.read(any).await? {
            return Ok(Vec::new());
        }
        let claims = self.app.store.write(move |tx| {
            mend_clock(tx, now)?;
            claim(tx, node, now, &running, free)
        });
        let claims = claims.await?;
        let placed = claims.into_iter().map(|claim| {
            let place = Place::take(self, claim.source_id);
            (claim, place)
        });
        Ok(placed.collect())
    }

    async fn attempt(&self, claim: Claim, _place: Place) {
        let content_id = claim.content_id;
        let pushed = AssertUnwindSafe(self.push(&claim)).catch_unwind().await;
        let outcome = match pushed.unwrap_or_else(|_| Err(error::broken("an attempt to push panicked"))) {
            Ok(outcome) => outcome,
            Err(Error::Unavailable(trouble)) => {
                // Nothing can be written down either: the claim runs out and the push is tried again.
                tracing::warn!(%content_id, trouble, "a delivery waits for the store");
                return;
            }
            Err(trouble) => {
                tracing::error!(%content_id, ?trouble, "a delivery could not be prepared");
                Some(failed(UNPREPARED).into())
            }
        };
        let env = self.app.env.clone();
        let finishing = self.app.store.write(move |tx| match &outcome {
            Some(pushed) => finish(tx, &env, &claim, pushed),
            None => forget(tx, &claim),
        });
        if let Err(trouble) = finishing.await {
            tracing::error!(%content_id, ?trouble, "a delivery's outcome was not written");
        }
    }

    /// One attempt. None when there is nothing left to send.
    async fn push(&self, claim: &Claim) -> Result<Option<Pushed>> {
        let fail = |message: &str| Ok(Some(failed(message).into()));
        if claim.task == Task::Custom && claim.started_before {
            return fail(UNCERTAIN);
        }
        let (app, prepared) = (self.app.clone(), claim.clone());
        let Some((channel, mut outgoing)) = self.app.store.read(move |tx| prepare(&app, tx, &prepared)).await? else {
            return Ok(None);
        };
        if !channel.active {
            return fail("The source is inactive: activate it, then send again.");
        }
        let Some(delivery) = &channel.kind.delivery else {
            return Ok(Some(Outcome::Delivered { foreign_id: None }.into()));
        };
        if let Outgoing::Create(content) = &mut outgoing
            && let Some(outcome) = self.push_all_but_last(claim, &channel, delivery, content).await?
        {
            return Ok(Some(outcome.into()));
        }
        let request = match outgoing.request(&channel, delivery, self.app.env.now()) {
            Ok(request) => request,
            Err(outcome) => return Ok(Some(outcome.into())),
        };
        if let Some(failure) = quotas::pay(&self.app, &channel, Purpose::Answers).await? {
            return Ok(Some(Outcome::Failed(failure).into()));
        }
        let needs_no_other_spelling = request.body.is_ascii();
        let sent = self.app.call(&channel, request, ATTEMPT_DEADLINE, ANSWER_BYTES_MAX).await?;
        let refused = sent.as_ref().is_ok_and(|answer| answer.status == http::StatusCode::UNPROCESSABLE_ENTITY);
        let sent = match delivery.respelled.filter(|_| refused && !needs_no_other_spelling) {
            // Some channels verify signatures over another spelling of the same JSON.
            Some(respelled) => {
                outgoing.is_repeat();
                let mut request = match outgoing.request(&channel, delivery, self.app.env.now()) {
                    Ok(request) => request,
                    Err(outcome) => return Ok(Some(outcome.into())),
                };
                request.body = respelled(&request.body);
                self.app.call(&channel, request, RESPELLED_DEADLINE, ANSWER_BYTES_MAX).await?
            }
            None => sent,
        };
        let answer = match sent {
            Ok(answer) => answer,
            Err(failure) => return Ok(Some(Outcome::Failed(failure).into())),
        };
        let outcome = (delivery.read_answer)(&calling::answer_of(&answer, self.app.env.now()));
        let content = match (&outgoing, &outcome) {
            (Outgoing::Ask { object, foreign_id, .. }, Outcome::Delivered { .. }) if !answer.truncated => {
                (delivery.read_content)(*object, foreign_id, &answer.body, channel.options())
            }
            _ => None,
        };
        let actions = match (&outgoing, &outcome) {
            (Outgoing::Act { foreign_id, .. }, Outcome::Delivered { .. })
            | (Outgoing::Create(_), Outcome::Delivered { foreign_id: Some(foreign_id) })
                if !answer.truncated =>
            {
                (delivery.read_actions)(foreign_id, &answer.body)
            }
            _ => Vec::new(),
        };
        let elsewhere = match (&outgoing, &channel.kind.handover) {
            (Outgoing::Create(content), Some(handover)) => content
                .customer_foreign_id
                .clone()
                .filter(|_| (handover.is_elsewhere)(&calling::answer_of(&answer, self.app.env.now()))),
            _ => None,
        };
        Ok(Some(Pushed { outcome, content, actions, elsewhere }))
    }

    /// Sends all parts of a content but its last, from the first that is not there yet on; what was sent is written down
    /// part by part, so that it is not sent again. Ends with what became of the whole, if that is known then.
    async fn push_all_but_last(
        &self,
        claim: &Claim,
        channel: &Channel,
        delivery: &frontdesk_sources::Delivery,
        content: &mut OutboundContent,
    ) -> Result<Option<Outcome>> {
        let (began, env) = (std::time::Instant::now(), &self.app.env);
        if let Some(failure) = (delivery.refuse)(&channel.settings, content, env.now()) {
            return Ok(Some(Outcome::Failed(failure)));
        }
        let parts = (delivery.parts)(content);
        if content.part >= parts {
            return Ok(Some(Outcome::Delivered { foreign_id: None }));
        }
        if let Some(failure) = self.upload(claim, channel, delivery, content).await? {
            return Ok(Some(Outcome::Failed(failure)));
        }
        while content.part + 1 < parts {
            if content.part > 0 {
                self.hold(claim).await?;
            }
            let Some(request) = (delivery.request)(&channel.settings, content, env.now()) else {
                return Ok(Some(Outcome::failed(Class::Invalid, nowhere(channel))));
            };
            let left = ATTEMPT_DEADLINE.saturating_sub(began.elapsed());
            let answer = match self.app.call(channel, request, left, ANSWER_BYTES_MAX).await? {
                Ok(answer) => answer,
                Err(failure) => return Ok(Some(Outcome::Failed(failure))),
            };
            let foreign_id = match (delivery.read_answer)(&calling::answer_of(&answer, env.now())) {
                Outcome::Delivered { foreign_id } => foreign_id,
                failed => return Ok(Some(failed)),
            };
            let (source_id, content_id, part) = (channel.source_id, claim.content_id, content.part);
            let noting = move |tx: &mut dyn Tx| note_part(tx, source_id, content_id, part, foreign_id.as_deref());
            self.app.store.write(noting).await?;
            content.part += 1;
        }
        if parts > 1 {
            self.hold(claim).await?;
        }
        Ok(None)
    }
}

impl Delivery {
    /// Gives the channel the files of a content that are not there yet, where it wants them first. Why it does not have
    /// them, if it does not.
    async fn upload(
        &self,
        claim: &Claim,
        channel: &Channel,
        delivery: &frontdesk_sources::Delivery,
        content: &mut OutboundContent,
    ) -> Result<Option<Failure>> {
        let Some(uploading) = &delivery.uploading else { return Ok(None) };
        // What belongs to parts that were sent need not be given again.
        for place in content.part..content.attachments.len() {
            self.hold(claim).await?;
            let bytes = attachments::bytes_of(&self.app, claim.content_id, place).await?;
            let request = (uploading.request)(content, &content.attachments[place], &bytes);
            let answer = match self.app.call(channel, request, ATTEMPT_DEADLINE, ANSWER_BYTES_MAX).await? {
                Ok(answer) => answer,
                Err(failure) => return Ok(Some(failure)),
            };
            match (uploading.read)(&calling::answer_of(&answer, self.app.env.now())) {
                Ok(foreign_id) => content.attachments[place].foreign_id = Some(foreign_id),
                Err(failure) => return Ok(Some(failure)),
            }
        }
        if content.part < content.attachments.len() {
            self.hold(claim).await?;
        }
        Ok(None)
    }

    /// Holds a claim for another while, so that nobody else begins what has several calls and takes long.
    async fn hold(&self, claim: &Claim) -> Result<()> {
        let (held, until) = (claim.clone(), self.app.env.now().plus_seconds(CLAIM_SECONDS));
        let holding = self.app.store.write(move |tx| {
            tx.execute(
                "UPDATE deliveries SET claimed_until = $4 WHERE content_id = $1 AND seq = $2 AND claim = $3",
                args![&held.content_id, held.seq, held.number, until],
            )
        });
        match holding.await? {
            1 => Ok(()),
            _ => Err(Error::Unavailable("somebody else has taken over this delivery".into())),
        }
    }
}

/// How an attempt went.
struct Pushed {
    outcome: Outcome,
    /// The content as the channel told it in its answer.
    content: Option<InboundContent>,
    /// What may be done with it, as the answer to its creation, publication or deletion tells.
    actions: Vec<String>,
    /// The customer whose conversation another app has.
    elsewhere: Option<String>,
}

impl From<Outcome> for Pushed {
    fn from(outcome: Outcome) -> Pushed {
        Pushed { outcome, content: None, actions: Vec::new(), elsewhere: None }
    }
}

/// What a delivery is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Task {
    /// Create a content that the channel does not have.
    Create,
    /// Publish, unpublish or delete one that it has.
    Act(ContentAction),
    /// Ask for one once more.
    Show,
    /// An action that only the channel knows; the event says which, and in whose name. It is tried once: doing it
    /// twice may be worse than not at all, and the pages promise repeats of the standard actions only.
    Custom,
}

impl Task {
    fn as_str(self) -> &'static str {
        match self {
            Task::Create => "create",
            Task::Act(action) => action.as_str(),
            Task::Show => SHOW,
            Task::Custom => "custom",
        }
    }

    fn named(name: &str) -> Task {
        let others = [Task::Show, Task::Custom].into_iter().find(|task| task.as_str() == name);
        others.or_else(|| ContentAction::named(name).map(Task::Act)).unwrap_or(Task::Create)
    }
}

/// What leaves.
enum Outgoing {
    /// A content that the channel does not have.
    Create(Box<OutboundContent>),
    /// What is done with one that it has, under the channel's id.
    Act { object: ContentObject, action: ContentAction, foreign_id: String, is_own: bool },
    /// What the channel is asked about one that it has, perhaps in the name of one of its users; it answers with the
    /// content.
    Ask { object: ContentObject, name: String, foreign_id: String, user_id: Option<String> },
}

impl Outgoing {
    /// It goes out once more.
    fn is_repeat(&mut self) {
        if let Outgoing::Create(content) = self {
            content.retry = true;
        }
    }

    fn request(
        &self,
        channel: &Channel,
        delivery: &frontdesk_sources::Delivery,
        now: Timestamp,
    ) -> Result<Request, Outcome> {
        let request = match self {
            Outgoing::Create(content) => (delivery.request)(&channel.settings, content, now),
            Outgoing::Act { object, action, foreign_id, is_own } => {
                let Some(name) = offered(channel, *object, *action) else {
                    let message = format!("The channel no longer says that it can {} it.", action.as_str());
                    return Err(Outcome::failed(Class::Invalid, message));
                };
                let deed = Deed { object: *object, name, foreign_id, user_id: None, is_own: *is_own };
                (delivery.act)(&channel.settings, &deed, now)
            }
            Outgoing::Ask { object, name, foreign_id, user_id } => {
                let user_id = user_id.as_deref();
                let deed = Deed { object: *object, name, foreign_id, user_id, is_own: false };
                (delivery.act)(&channel.settings, &deed, now)
            }
        };
        request.ok_or_else(|| Outcome::failed(Class::Invalid, nowhere(channel)))
    }
}

/// The channel's own name for something that it says it can do with a content of this kind.
pub(crate) fn offered(channel: &Channel, object: ContentObject, action: ContentAction) -> Option<&'static str> {
    channel.kind.delivery.as_ref()?;
    channel.implementation.as_ref()?.act(object, action, channel.options().unwrap_or_default())
}

/// Why there is nowhere to send something.
fn nowhere(channel: &Channel) -> &'static str {
    if channel.kind.connecting.is_some() { NOT_CONNECTED } else { NO_ADDRESS }
}

fn failed(message: &str) -> Outcome {
    Outcome::failed(Class::Retry, message)
}

/// A delivery that this process is at. Content, event and number tell it from every other claim.
#[derive(Clone, Debug)]
struct Claim {
    content_id: Id,
    source_id: Id,
    /// The number of the event that asked for it: sending again is another delivery, whose claims count from 1.
    seq: i64,
    /// Attempts that have failed.
    attempts: i64,
    /// Whether an attempt was begun before this one.
    started_before: bool,
    /// What is to be done.
    task: Task,
    /// How many of its parts are there.
    parts_done: i64,
    /// The claim's number: a later claim makes this one's outcome void.
    number: i64,
}

/// The sources that take no more attempts now.
fn busy(running: &Running) -> Vec<Id> {
    running.iter().filter(|(_, count)| **count >= ATTEMPTS_PER_SOURCE_MAX).map(|(id, _)| *id).collect()
}

fn due(tx: &mut dyn Tx, now: Timestamp, busy_sources: &[Id], limit: usize) -> Result<Vec<Row>> {
    let busy = tx.in_list("source_id", 2);
    tx.query(
        &format!(
            "SELECT content_id, source_id, seq, attempts, started, claim, action, parts_done FROM deliveries
             WHERE due_at <= $1 AND (claimed_until IS NULL OR claimed_until <= $1 OR claimed_until > $4) AND NOT {busy}
               AND NOT EXISTS (SELECT 1 FROM deliveries AS earlier
                               WHERE earlier.thread_id = deliveries.thread_id
                                 AND earlier.seq < deliveries.seq)
               AND NOT EXISTS (SELECT 1 FROM channel_quotas
                               WHERE channel_quotas.source_id = deliveries.source_id
                                 AND paused_until > $1 AND paused_until <= $5)
             ORDER BY due_at, seq LIMIT $3"
        ),
        args![
            now,
            busy_sources,
            limit as i64,
            now.plus_seconds(2 * CLAIM_SECONDS),
            now.plus_seconds(quotas::PAUSE_SECONDS_MAX)
        ],
    )
}

/// Whether the clock was set back so far that deliveries would wait for it.
fn is_clock_back(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    let sql = "SELECT 1 FROM deliveries WHERE due_at > $1 LIMIT 1";
    Ok(tx.first(sql, args![now.plus_seconds(DUE_SECONDS_MAX)])?.is_some())
}

fn mend_clock(tx: &mut dyn Tx, now: Timestamp) -> Result<()> {
    let sql = "UPDATE deliveries SET due_at = $2 WHERE due_at > $1";
    tx.execute(sql, args![now.plus_seconds(DUE_SECONDS_MAX), now])?;
    Ok(())
}

/// Claims at most `free` due deliveries, and of one source no more than it takes beside those that run.
fn claim(tx: &mut dyn Tx, node: Id, now: Timestamp, running: &Running, free: usize) -> Result<Vec<Claim>> {
    let mut running = running.clone();
    let mut claims = Vec::new();
    for row in due(tx, now, &busy(&running), free)? {
        let claim = Claim {
            content_id: row.get(0)?,
            source_id: row.get(1)?,
            seq: row.get(2)?,
            attempts: row.get(3)?,
            started_before: row.get(4)?,
            number: row.get::<i64>(5)? + 1,
            task: Task::named(&row.get::<String>(6)?),
            parts_done: row.get(7)?,
        };
        let of_source = running.entry(claim.source_id).or_default();
        if *of_source >= ATTEMPTS_PER_SOURCE_MAX {
            continue;
        }
        *of_source += 1;
        tx.execute(
            "UPDATE deliveries SET claim = $2, claimed_by = $3, claimed_until = $4, started = TRUE WHERE content_id = $1",
            args![&claim.content_id, claim.number, &node, now.plus_seconds(CLAIM_SECONDS)],
        )?;
        claims.push(claim);
    }
    Ok(claims)
}

/// What to send where; None when the content is gone. A content that lacks something is broken, and so becomes visible.
fn prepare(app: &Conversations, tx: &mut dyn Tx, claim: &Claim) -> Result<Option<(Channel, Outgoing)>> {
    let row = tx.first(
        "SELECT contents.type, contents.body, contents.body_format, contents.title, contents.created_at,
                contents.updated_at, authors.foreign_id, parents.foreign_id, threads.foreign_id, recipients.foreign_id,
                users.firstname, users.lastname, contents.foreign_id, contents.extras,
                COALESCE(authors.controlled, FALSE), customers.foreign_id, threads.id, threads.author_id
         FROM contents
         LEFT JOIN identities AS authors ON authors.id = contents.author_id
         JOIN threads ON threads.id = contents.thread_id
         LEFT JOIN identities AS customers ON customers.id = threads.author_id
         LEFT JOIN contents AS parents ON parents.id = contents.in_reply_to_id
         LEFT JOIN identities AS recipients ON recipients.id = contents.recipient_id
         LEFT JOIN users ON users.id = contents.creator_id
         WHERE contents.id = $1",
        args![&claim.content_id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let Some(channel) = Channel::load(tx, &app.seal, claim.source_id)? else { return Ok(None) };
    let (r#type, format): (String, String) = (row.get(0)?, row.get(2)?);
    let object = ContentObject::named(&r#type)
        .ok_or_else(|| error::broken(format!("a content has the unknown type {type}", r#type = r#type)))?;
    let foreign_id = |row: &Row| row.get::<String>(12);
    match claim.task {
        Task::Create => {}
        Task::Act(action) => {
            let is_own = row.get::<bool>(14)?;
            return Ok(Some((channel, Outgoing::Act { object, action, foreign_id: foreign_id(&row)?, is_own })));
        }
        Task::Show => {
            let ask = Outgoing::Ask { object, name: SHOW.into(), foreign_id: foreign_id(&row)?, user_id: None };
            return Ok(Some((channel, ask)));
        }
        Task::Custom => {
            let (name, user_id) = custom_action(tx, claim)?;
            let ask = Outgoing::Ask { object, name, foreign_id: foreign_id(&row)?, user_id: Some(user_id) };
            return Ok(Some((channel, ask)));
        }
    }
    let mut files = attachments::outbound_of(tx, app, claim.content_id, app.env.now())?;
    let structured = structured_content(row.get(13)?, &mut files)?;
    let (body, format) = body_of(&channel, object, row.get(1)?, &format);
    let customer_wrote_at = match channel.kind.ingress {
        Some(_) => wrote_at(tx, row.get(16)?, row.get(17)?)?,
        None => None,
    };
    let content = OutboundContent {
        object,
        content_id: claim.content_id,
        author_foreign_id: row.get(6)?,
        body,
        format,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        in_reply_to_foreign_id: row.get(7)?,
        thread_foreign_id: row.get(8)?,
        recipient_foreign_id: row.get(9)?,
        title: row.get(3)?,
        sender_name: Some(sender_name(&channel, row.get(10)?, row.get(11)?)).filter(|name| !name.is_empty()),
        retry: claim.started_before,
        attachments: files.into_iter().map(|(_, file)| file).collect(),
        structured_content: structured,
        customer_foreign_id: row.get(15)?,
        customer_wrote_at,
        part: usize::try_from(claim.parts_done).unwrap_or(0),
    };
    Ok(Some((channel, Outgoing::Create(Box::new(content)))))
}

/// When somebody wrote last in a thread.
fn wrote_at(tx: &mut dyn Tx, thread_id: Id, author_id: Option<Id>) -> Result<Option<Timestamp>> {
    let sql =
        "SELECT created_at FROM contents WHERE thread_id = $1 AND author_id = $2 ORDER BY created_at DESC LIMIT 1";
    let row = tx.first(sql, args![&thread_id, &author_id])?;
    row.map(|row| row.get(0)).transpose()
}

/// A body that was written in `format` (text or html) as it is sent to this channel.
pub(crate) fn body_of(channel: &Channel, object: ContentObject, body: Text, format: &str) -> (String, BodyFormat) {
    let formats = channel.kind.delivery.as_ref().map(|delivery| (delivery.formats)(object, channel.options()));
    body::outgoing(body, format, formats.unwrap_or(Formats::Both))
}

/// The custom action that was asked for, and the channel's id of the identity in whose name.
fn custom_action(tx: &mut dyn Tx, claim: &Claim) -> Result<(String, String)> {
    let gone = || error::broken(format!("the log no longer says which action was asked for in {}", claim.seq));
    let event = frontdesk_store::log::some(tx, &[claim.seq])?.pop().ok_or_else(gone)?;
    let payload: Value = serde_json::from_str(&event.payload).unwrap_or_default();
    let name = payload["action"].as_str().ok_or_else(gone)?;
    let author_id: Id = payload["author_id"].as_str().and_then(|id| id.parse().ok()).ok_or_else(gone)?;
    let row = tx.one("SELECT foreign_id FROM identities WHERE id = $1", args![&author_id])?;
    Ok((name.to_owned(), row.get(0)?))
}

/// A content's structured message, with links to its files, which are sent in it and not beside it.
pub(crate) fn structured_content(
    extras: Option<String>,
    files: &mut Vec<(Id, OutboundAttachment)>,
) -> Result<Option<Value>> {
    let Some(extras) = extras else { return Ok(None) };
    let extras: Value =
        serde_json::from_str(&extras).map_err(|trouble| error::broken(format!("contents.extras: {trouble}")))?;
    let Some(content) = extras.get(structured::KEY) else { return Ok(None) };
    let link = |id: Id| files.iter().find(|(file_id, _)| *file_id == id).map(|(_, file)| file.url.clone());
    let linked = messages::with_links(content, &link);
    let used = messages::files_of(content);
    files.retain(|(id, _)| !used.contains(id));
    Ok(Some(linked))
}

/// What customers see as the sender: the source's template, or the agent's name.
fn sender_name(channel: &Channel, firstname: Option<String>, lastname: Option<String>) -> String {
    sender_name_by(channel.common.from_name.as_deref(), firstname, lastname)
}

/// The same for readers that come to us.
pub(crate) fn sender_name_by(template: Option<&str>, firstname: Option<String>, lastname: Option<String>) -> String {
    let (firstname, lastname) = (firstname.unwrap_or_default(), lastname.unwrap_or_default());
    let template = template.unwrap_or("{{firstname}} {{lastname}}");
    template.replace("{{firstname}}", &firstname).replace("{{lastname}}", &lastname).trim().to_owned()
}

/// Writes down how an attempt went, unless somebody else has taken over meanwhile.
fn finish(tx: &mut dyn Tx, env: &Env, claim: &Claim, pushed: &Pushed) -> Result<()> {
    let now = env.now();
    let held = tx.first(
        "SELECT 1 FROM deliveries WHERE content_id = $1 AND seq = $2 AND claim = $3",
        args![&claim.content_id, claim.seq, claim.number],
    )?;
    if held.is_none() {
        return Ok(());
    }
    match &pushed.outcome {
        Outcome::Delivered { foreign_id } => {
            match claim.task {
                Task::Create => delivered(tx, claim, foreign_id.as_deref(), now)?,
                Task::Act(action) => done(tx, claim, Some(action), now)?,
                Task::Show | Task::Custom => {
                    done(tx, claim, None, now)?;
                    if let Some(content) = &pushed.content {
                        refreshing::apply(tx, env, claim.content_id, content)?;
                    }
                }
            }
            if !pushed.actions.is_empty() {
                refreshing::take_actions(tx, claim.content_id, &pushed.actions)?;
            }
            sources::set_error(tx, claim.source_id, None)?;
            conclude(tx, env, claim, "success")
        }
        Outcome::Failed(Failure { class, message }) => {
            tx.execute(
                "UPDATE contents SET synchronization_error = $2, updated_at = $3 WHERE id = $1",
                args![&claim.content_id, message, now],
            )?;
            if let Some(customer) = &pushed.elsewhere {
                handover::ask(tx, env, claim.source_id, customer)?;
            } else {
                sources::set_error(tx, claim.source_id, Some(message))?;
            }
            if let Class::Throttled { until } = class {
                quotas::pause(tx, claim.source_id, *until, now)?;
                tx.execute(
                    "UPDATE deliveries SET claimed_by = NULL, claimed_until = NULL, started = $2 WHERE content_id = $1",
                    args![&claim.content_id, claim.started_before],
                )?;
                return Ok(());
            }
            let pause = usize::try_from(claim.attempts).ok().and_then(|made| PAUSES_SECONDS.get(made));
            match pause {
                Some(seconds) if !class.is_final() && claim.task != Task::Custom => {
                    tx.execute(
                        // What its channel has told of meanwhile need not wait.
                        "UPDATE deliveries SET attempts = attempts + 1, claimed_by = NULL, claimed_until = NULL,
                           due_at = CASE WHEN parts_done > $3 THEN CAST($4 AS BIGINT) ELSE CAST($2 AS BIGINT) END
                         WHERE content_id = $1",
                        args![&claim.content_id, now.plus_seconds(*seconds), claim.parts_done, now],
                    )?;
                    Ok(())
                }
                _ => {
                    // What could not be done with a content leaves it as it is: on its channel.
                    let status = if claim.task == Task::Create { "export_failure" } else { "success" };
                    let sql = "UPDATE contents SET synchronization_status = $2 WHERE id = $1";
                    tx.execute(sql, args![&claim.content_id, status])?;
                    conclude(tx, env, claim, "export_failure")
                }
            }
        }
    }
}

fn delivered(tx: &mut dyn Tx, claim: &Claim, foreign_id: Option<&str>, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE contents SET synchronization_status = 'success', synchronization_error = NULL, updated_at = $2
         WHERE id = $1",
        args![&claim.content_id, now],
    )?;
    let Some(foreign_id) = foreign_id else { return Ok(()) };
    let row = tx.one("SELECT type, thread_id FROM contents WHERE id = $1", args![&claim.content_id])?;
    let (r#type, thread_id): (String, Id) = (row.get(0)?, row.get(1)?);
    if !ingest::remember_foreign_id(tx, claim.source_id, &r#type, foreign_id, claim.content_id)? {
        return Ok(());
    }
    tx.execute("UPDATE contents SET foreign_id = $2 WHERE id = $1", args![&claim.content_id, foreign_id])?;
    // A thread is called after its first content there, and so are conversations on X.
    if [ContentObject::Thread, ContentObject::Tweet].iter().any(|object| object.as_str() == r#type) {
        tx.execute(
            "UPDATE threads SET foreign_id = $2 WHERE id = $1 AND foreign_id IS NULL
               AND EXISTS (SELECT 1 FROM contents WHERE contents.id = $3 AND first_in_thread)
               AND NOT EXISTS (SELECT 1 FROM threads AS others WHERE others.source_id = threads.source_id
                                                                 AND others.foreign_id = $2)",
            args![&thread_id, foreign_id, &claim.content_id],
        )?;
    }
    Ok(())
}

/// A part of a content is on its channel, under this id. Returns whether a delivery of it goes on.
fn note_part(tx: &mut dyn Tx, source_id: Id, content_id: Id, part: usize, foreign_id: Option<&str>) -> Result<bool> {
    let Some(row) = tx.first("SELECT type FROM contents WHERE id = $1", args![&content_id])? else { return Ok(false) };
    if let Some(foreign_id) = foreign_id
        && ingest::remember_foreign_id(tx, source_id, &row.get::<String>(0)?, foreign_id, content_id)?
    {
        let sql = "UPDATE contents SET foreign_id = $2 WHERE id = $1 AND foreign_id IS NULL";
        tx.execute(sql, args![&content_id, foreign_id])?;
    }
    let done = i64::try_from(part).unwrap_or(0) + 1;
    let sql = "UPDATE deliveries SET parts_done = $2 WHERE content_id = $1 AND action = 'create' AND parts_done < $2";
    tx.execute(sql, args![&content_id, done])?;
    Ok(tx.first("SELECT 1 FROM deliveries WHERE content_id = $1 AND action = 'create'", args![&content_id])?.is_some())
}

/// A channel tells that it has a part of a content that we sent: perhaps before it answers, perhaps where no answer came.
/// What it has is not sent again; a push that was given up has succeeded after all.
pub(crate) fn echoed(
    tx: &mut dyn Tx,
    env: &Env,
    source_id: Id,
    content_id: Id,
    part: usize,
    foreign_id: &str,
) -> Result<()> {
    let sql = "SELECT synchronization_status FROM contents WHERE id = $1 AND source_id = $2";
    let Some(row) = tx.first(sql, args![&content_id, &source_id])? else { return Ok(()) };
    let goes_on = note_part(tx, source_id, content_id, part, Some(foreign_id))?;
    if goes_on {
        let sql = "UPDATE deliveries SET due_at = $2 WHERE content_id = $1 AND claimed_until IS NULL AND due_at > $2";
        tx.execute(sql, args![&content_id, env.now()])?;
    } else if row.get::<String>(0)? == "export_failure" {
        succeed(tx, env, content_id, source_id, foreign_id)?;
    }
    Ok(())
}

/// The channel did with a content what it was asked for.
fn done(tx: &mut dyn Tx, claim: &Claim, action: Option<ContentAction>, now: Timestamp) -> Result<()> {
    let change = match action {
        Some(ContentAction::Publish) => "published = TRUE,",
        Some(ContentAction::Unpublish) => "published = FALSE,",
        Some(ContentAction::Delete) => "remotely_deleted = TRUE,",
        None => "",
    };
    tx.execute(
        &format!(
            "UPDATE contents SET {change} synchronization_status = 'success', synchronization_error = NULL,
                                 updated_at = $2
             WHERE id = $1"
        ),
        args![&claim.content_id, now],
    )?;
    Ok(())
}

/// The push is over, well or not.
fn conclude(tx: &mut dyn Tx, env: &Env, claim: &Claim, status: &str) -> Result<()> {
    tx.execute("DELETE FROM deliveries WHERE content_id = $1", args![&claim.content_id])?;
    let sql = "SELECT thread_id, status, intervention_id FROM contents WHERE id = $1";
    let row = tx.one(sql, args![&claim.content_id])?;
    let (thread_id, intervention_id): (Id, Option<Id>) = (row.get(0)?, row.get(2)?);
    let payload = json!({
        "source_id": claim.source_id, "synchronization_status": status, "status": row.get::<String>(1)?,
        "intervention_id": intervention_id, "approval_required": false,
        "category_ids": categories::told(tx, Some(claim.content_id), intervention_id, thread_id)?,
    });
    let kind = if claim.task == Task::Create { "content.exported" } else { "content.update_exported" };
    tx.append(NewEvent::new(env, None, kind, claim.content_id, Some(thread_id), payload));
    Ok(())
}

/// A push that needs no attempt, or no other one: its content is on the channel under this id.
pub(crate) fn succeed(tx: &mut dyn Tx, env: &Env, content_id: Id, source_id: Id, foreign_id: &str) -> Result<()> {
    let claim = Claim {
        content_id,
        source_id,
        seq: 0,
        attempts: 0,
        started_before: false,
        task: Task::Create,
        parts_done: 0,
        number: 0,
    };
    delivered(tx, &claim, Some(foreign_id), env.now())?;
    conclude(tx, env, &claim, "success")
}

/// Whether what a channel tells is a content of ours whose push has begun and not ended: the channel has it then, whatever
/// becomes of the push, and would tell it as somebody else's. `files` is how many come with it.
pub(crate) fn is_ours(
    tx: &mut dyn Tx,
    env: &Env,
    channel: &Channel,
    told: &InboundContent,
    author_id: Id,
    files: usize,
) -> Result<bool> {
    let begun = tx.query(
        "SELECT contents.id, contents.body, contents.body_format, contents.attachments_count, threads.foreign_id,
                recipients.foreign_id
         FROM deliveries
         JOIN contents ON contents.id = deliveries.content_id
         JOIN threads ON threads.id = contents.thread_id
         LEFT JOIN identities AS recipients ON recipients.id = contents.recipient_id
         WHERE deliveries.source_id = $1 AND deliveries.started AND deliveries.action = 'create'
           AND contents.author_id = $2 AND contents.type = $3
         ORDER BY deliveries.seq",
        args![&channel.source_id, &author_id, told.object.as_str()],
    )?;
    let fits = |known: Option<String>, told: Option<&String>| match (&known, told) {
        (Some(known), Some(told)) => known == told,
        _ => true,
    };
    for row in begun {
        let (format, attachments): (String, i64) = (row.get(2)?, row.get(3)?);
        let (body, _) = body_of(channel, told.object, row.get(1)?, &format);
        let is_same = body.trim() == told.body.trim()
            && (!body.trim().is_empty() || usize::try_from(attachments) == Ok(files))
            && fits(row.get(4)?, told.thread_foreign_id.as_ref())
            && fits(row.get(5)?, told.recipient.as_ref().map(|recipient| &recipient.foreign_id));
        if is_same {
            let content_id = row.get(0)?;
            succeed(tx, env, content_id, channel.source_id, &told.foreign_id)?;
            sources::set_error(tx, channel.source_id, None)?;
            if !told.actions.is_empty() {
                refreshing::take_actions(tx, content_id, &told.actions)?;
            }
            return Ok(true);
        }
    }
    Ok(false)
}

/// There is nothing left to send, such as after an erasure.
fn forget(tx: &mut dyn Tx, claim: &Claim) -> Result<()> {
    tx.execute(
        "DELETE FROM deliveries WHERE content_id = $1 AND seq = $2 AND claim = $3",
        args![&claim.content_id, claim.seq, claim.number],
    )?;
    Ok(())
}

/// How many deliveries wait, for the metrics.
pub fn waiting(tx: &mut dyn Tx) -> Result<i64, Error> {
    tx.one("SELECT count(*) FROM deliveries", args![])?.get(0)
}

#[cfg(test)]
pub(crate) mod tests;
