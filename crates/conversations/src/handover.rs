//! Whose a conversation is, where several apps take part in it (public page
//! interactions/bots-api). A row of `conversation_control` says what the service told last, and what is still to be asked
//! of it; a worker asks.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Event, Id, Result, SourceRight, Timestamp, error};
use frontdesk_rest::Call;
use frontdesk_sources::ingress::Control;
use frontdesk_sources::outbound::{Failure, Request};
use frontdesk_store::{Row, Tx, args};
use serde_json::json;
use tokio::sync::watch;

use crate::questions::{ANSWER_BYTES_MAX, DEADLINE, Questions};
use crate::sources::Channel;
use crate::{Conversations, calling};

/// A question that was not answered is asked again after so many seconds, and so often in all.
const PAUSE_SECONDS: i64 = 20;
const ATTEMPTS_MAX: i64 = 4;
const QUESTIONS: Questions = Questions {
    table: "conversation_control",
    columns: "wanted, wanted_app_id, attempts",
    pause_seconds: PAUSE_SECONDS,
    ahead_seconds_max: 2 * PAUSE_SECONDS,
    look_every: Duration::from_millis(500),
};

/// What is asked of a service.
#[derive(Clone, Copy)]
enum Wanted {
    /// The conversation is to be ours.
    Ask,
    /// It is to be another app's, or the service's to give.
    Give,
}

impl Wanted {
    fn as_str(self) -> &'static str {
        match self {
            Wanted::Ask => "ask",
            Wanted::Give => "give",
        }
    }
}

/// Writes down what a service tells of a conversation. Answers that waited for it go out when it is ours.
pub(crate) fn told(tx: &mut dyn Tx, env: &Env, channel: &Channel, customer: &str, change: &Control) -> Result<()> {
    let Some(handover) = &channel.kind.handover else { return Ok(()) };
    let own = (handover.app_id)(&channel.settings);
    let is_own = |app: &Option<String>| match (app.as_deref(), own) {
        (Some(app), Some(own)) => app == own,
        // The service tells those whom it gives a conversation to.
        (_, None) | (None, _) => true,
    };
    let (elsewhere, app_id) = match change {
        Control::Passed { to_app_id } => (!is_own(to_app_id), to_app_id.as_deref()),
        // It is told to the one from whom it was taken.
        Control::Taken { by_app_id } => (by_app_id.is_none() || !is_own(by_app_id), by_app_id.as_deref()),
        Control::Elsewhere => (true, None),
        // Whose it is does not change: people decide.
        Control::Requested { .. } => return Ok(()),
    };
    set(tx, env, channel.source_id, customer, elsewhere, app_id)?;
    if elsewhere { Ok(()) } else { ours(tx, env, channel, customer) }
}

fn set(tx: &mut dyn Tx, env: &Env, source_id: Id, customer: &str, elsewhere: bool, app_id: Option<&str>) -> Result<()> {
    tx.execute(
        "INSERT INTO conversation_control (source_id, foreign_id, elsewhere, app_id, attempts, updated_at)
         VALUES ($1, $2, $3, $4, 0, $5)
         ON CONFLICT (source_id, foreign_id) DO UPDATE SET elsewhere = $3,
           app_id = COALESCE($4, conversation_control.app_id), error = NULL, updated_at = $5",
        args![&source_id, customer, elsewhere, app_id, env.now()],
    )?;
    Ok(())
}

/// A conversation is ours: what waited for it goes out, and what its customer wrote last waits for an agent.
fn ours(tx: &mut dyn Tx, env: &Env, channel: &Channel, customer: &str) -> Result<()> {
    let now = env.now();
    let threads = "SELECT threads.id FROM identities
                   JOIN threads ON threads.author_id = identities.id AND threads.source_id = $1
                   WHERE identities.community_id = $2 AND identities.foreign_id = $3";
    tx.execute(
        &format!(
            "UPDATE deliveries SET due_at = $4
             WHERE thread_id IN ({threads}) AND action = 'create' AND claimed_until IS NULL AND due_at > $4"
        ),
        args![&channel.source_id, &channel.community_id, customer, now],
    )?;
    let last = tx.first(
        &format!(
            "SELECT contents.id, contents.status, contents.thread_id FROM contents
             WHERE contents.thread_id IN ({threads}) ORDER BY contents.created_at DESC, contents.id DESC LIMIT 1"
        ),
        args![&channel.source_id, &channel.community_id, customer],
    )?;
    if let Some(last) = last.filter(|row| row.get::<String>(1).is_ok_and(|status| status == "ignored")) {
        let (id, thread_id): (Id, Id) = (last.get(0)?, last.get(2)?);
        let sql = "UPDATE contents SET status = 'new', updated_at = $2 WHERE id = $1 AND intervention_id IS NULL";
        if tx.execute(sql, args![&id, now])? == 1 {
            let payload = json!({ "source_id": channel.source_id, "status": "new" });
            tx.append(NewEvent::new(env, None, "content.handed_over", id, Some(thread_id), payload));
        }
    }
    Ok(())
}

/// Makes a conversation that another app has ours: what was to be sent waits for that.
pub(crate) fn ask(tx: &mut dyn Tx, env: &Env, source_id: Id, customer: &str) -> Result<()> {
    set(tx, env, source_id, customer, true, None)?;
    want(tx, env, source_id, customer, Wanted::Ask, None)
}

fn want(tx: &mut dyn Tx, env: &Env, source_id: Id, customer: &str, wanted: Wanted, app_id: Option<&str>) -> Result<()> {
    tx.execute(
        "UPDATE conversation_control SET wanted = $3, wanted_app_id = $4, attempts = 0, due_at = $5, error = NULL
         WHERE source_id = $1 AND foreign_id = $2",
        args![&source_id, customer, wanted.as_str(), app_id, env.now()],
    )?;
    Ok(())
}

/// An intervention was closed: a conversation that is ours and that an app took part in is given back.
pub(crate) fn closed(tx: &mut dyn Tx, env: &Env, event: &Event) -> Result<()> {
    let Some(thread_id) = event.thread_id else { return Ok(()) };
    let row = tx.first(
        "SELECT conversation_control.source_id, conversation_control.foreign_id FROM threads
         JOIN identities ON identities.id = threads.author_id
         JOIN conversation_control ON conversation_control.source_id = threads.source_id
                                  AND conversation_control.foreign_id = identities.foreign_id
         WHERE threads.id = $1 AND NOT elsewhere",
        args![&thread_id],
    )?;
    match row {
        Some(row) => want(tx, env, row.get(0)?, &row.get::<String>(1)?, Wanted::Give, None),
        None => Ok(()),
    }
}

/// Where a customer's conversation is, for those who may answer there.
struct Place {
    source_id: Id,
    identity_id: Id,
}

fn find(call: &Call, customer: &str, tx: &mut dyn Tx) -> Result<Place> {
    let unknown = || {
        let message = "identity_foreign_id: there is no such customer on a Messenger source that you may answer on.";
        error::invalid("identity_foreign_id", "unknown", message)
    };
    let rows = tx.query(
        "SELECT sources.id, identities.id FROM identities
         JOIN sources ON sources.community_id = identities.community_id AND sources.type = 'messenger' AND sources.active
         WHERE identities.foreign_id = $1 AND NOT identities.controlled ORDER BY sources.id",
        args![customer],
    )?;
    for row in rows {
        let place = Place { source_id: row.get(0)?, identity_id: row.get(1)? };
        if call.caller.may_on(place.source_id, SourceRight::Read)
            && call.caller.may_on(place.source_id, SourceRight::Reply)
        {
            return Ok(place);
        }
    }
    Err(unknown())
}

/// A bot gives its conversation with this customer to agents: the service is asked for it.
pub fn to_agent(call: &Call, customer: &str, tx: &mut dyn Tx) -> Result<()> {
    let place = find(call, customer, tx)?;
    ask(tx, &call.env, place.source_id, customer)
}

/// Agents give their conversation with this customer to the app of a bot. 422 while somebody is at it.
pub fn to_bot(call: &Call, customer: &str, app_id: &str, tx: &mut dyn Tx) -> Result<()> {
    let is_id = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if app_id.len() > 100 || !app_id.bytes().all(is_id) {
        return Err(error::invalid("app_id", "invalid", "app_id: this is no app's id."));
    }
    let place = find(call, customer, tx)?;
    let engaged = "SELECT 1 FROM interventions WHERE identity_id = $1 AND source_id = $2 AND closed_at IS NULL";
    if tx.first(engaged, args![&place.identity_id, &place.source_id])?.is_some() {
        let message = "identity_foreign_id: an intervention with this customer is open; close it first.";
        return Err(error::invalid("identity_foreign_id", "engaged", message));
    }
    set(tx, &call.env, place.source_id, customer, false, None)?;
    want(tx, &call.env, place.source_id, customer, Wanted::Give, Some(app_id))
}

/// A question that is to be asked.
struct Question {
    source_id: Id,
    customer: String,
    is_ask: bool,
    app_id: Option<String>,
    attempts: i64,
}

impl Question {
    fn read(row: &Row) -> Result<Question> {
        let wanted: Option<String> = row.get(2)?;
        Ok(Question {
            source_id: row.get(0)?,
            customer: row.get(1)?,
            is_ask: wanted.as_deref() == Some(Wanted::Ask.as_str()),
            app_id: row.get(3)?,
            attempts: row.get(4)?,
        })
    }
}

/// Asks services what is to be asked until `stop` changes.
pub async fn run(app: Arc<Conversations>, stop: watch::Receiver<bool>) {
    QUESTIONS.run(app, stop, put).await;
}

async fn put(app: Arc<Conversations>, row: Row) -> Result<()> {
    let question = Question::read(&row)?;
    let channel = app.channels.reload(&app.store, &app.seal, question.source_id).await?;
    let outcome = match channel.as_ref().and_then(|channel| Some((channel, channel.kind.handover.as_ref()?))) {
        Some((channel, handover)) if channel.active => {
            let request = match question.is_ask {
                true => (handover.ask)(&channel.settings, &question.customer),
                false => (handover.give)(&channel.settings, &question.customer, question.app_id.as_deref()),
            };
            match request {
                Some(request) => send(&app, channel, handover.read, request).await?,
                None => Err(Failure::new(frontdesk_sources::outbound::Class::Invalid, "The source has no token.")),
            }
        }
        _ => Ok(()),
    };
    let (env, now) = (app.env.clone(), app.env.now());
    let noting = move |tx: &mut dyn Tx| {
        let key = args![&question.source_id, &question.customer];
        let leads = channel.as_ref().is_some_and(|channel| {
            channel.kind.handover.as_ref().is_some_and(|handover| (handover.leads)(&channel.settings))
        });
        match (&outcome, &channel) {
            (Ok(()), channel) => {
                let done =
                    "UPDATE conversation_control SET wanted = NULL, wanted_app_id = NULL, due_at = NULL, error = NULL
                            WHERE source_id = $1 AND foreign_id = $2";
                tx.execute(done, key)?;
                match (channel, question.is_ask) {
                    // What was taken is ours; what was asked for is when we are told so.
                    (Some(channel), true) if leads => {
                        set(tx, &env, question.source_id, &question.customer, false, None)?;
                        ours(tx, &env, channel, &question.customer)
                    }
                    (_, true) => Ok(()),
                    (_, false) => {
                        let app_id = question.app_id.as_deref();
                        set(tx, &env, question.source_id, &question.customer, true, app_id)
                    }
                }
            }
            (Err(failure), _) => {
                let is_over = failure.class.is_final() || question.attempts + 1 >= ATTEMPTS_MAX;
                let due_at: Option<Timestamp> = (!is_over).then(|| now.plus_seconds(PAUSE_SECONDS));
                let sql = "UPDATE conversation_control SET error = $3, due_at = $4
                           WHERE source_id = $1 AND foreign_id = $2";
                tx.execute(sql, args![&question.source_id, &question.customer, &failure.message, due_at])?;
                crate::sources::set_error(tx, question.source_id, Some(&failure.message))
            }
        }
    };
    app.store.write(noting).await
}

type Read = fn(&frontdesk_sources::outbound::Answer) -> Option<Failure>;

async fn send(app: &Conversations, channel: &Channel, read: Read, request: Request) -> Result<Result<(), Failure>> {
    let answer = match app.call(channel, request, DEADLINE, ANSWER_BYTES_MAX).await? {
        Ok(answer) => answer,
        Err(failure) => return Ok(Err(failure)),
    };
    let failure = read(&calling::answer_of(&answer, app.env.now()));
    Ok(failure.map_or(Ok(()), Err))
}
