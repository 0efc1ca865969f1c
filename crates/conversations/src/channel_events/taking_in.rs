//! Reading what was kept, event by event, each in a transaction of its own: one that cannot be read takes no other with it.
//! Services promise no order: what is about something that is not here yet waits for it for a moment.

use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Error, Id, Result, Timestamp};
use frontdesk_sources::inbound::{InboundAttachment, InboundContent};
use frontdesk_sources::ingress::Happening;
use frontdesk_store::{Due, Tx, args};
use futures_util::future;
use serde_json::json;
use tokio::sync::watch;

use super::{count, trying};
use crate::contents::refreshing;
use crate::ingest::{self, Joins};
use crate::sources::Channel;
use crate::{Conversations, attachments, delivery, handover, polling};

/// At most this many events are read at once.
const EVENTS_MAX: i64 = 64;
/// Events that become due while nothing else happens are found this often.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long an event waits for the one before it, seconds, and how often.
const WAIT_SECONDS: i64 = 2;
const WAITS_MAX: i64 = 2;
/// Events of a source that is inactive are looked at again so much later, seconds.
const INACTIVE_SECONDS: i64 = 60;
const READ: Due<'static> =
    Due { table: "channel_events", column: "due_at", condition: "TRUE", ahead_seconds_max: 2 * INACTIVE_SECONDS };
/// A store that cannot serve is asked again after this long.
const PAUSE: Duration = Duration::from_secs(1);
/// Of one read mark, so many contents are marked.
const READ_MAX: i64 = 100;
/// What people read when the fault is ours.
const BROKEN: &str = "It could not be taken in; the server's log says why.";

/// Reads what is due until `stop` changes.
pub async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    let trying = tokio::spawn(trying::run(app.clone(), stop.clone()));
    while !*stop.borrow() {
        let found = look(&app).await.unwrap_or_else(|trouble| {
            tracing::error!(?trouble, "channel events cannot be read");
            Vec::new()
        });
        if found.is_empty() {
            tokio::select! {
                _ = stop.changed() => {}
                () = app.channel_events.notified() => {}
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
            continue;
        }
        // Handed over in order, they are written in order; each is rolled back alone.
        let done = future::join_all(found.into_iter().map(|id| take_in(app.clone(), id))).await;
        if done.contains(&false) {
            tokio::time::sleep(PAUSE).await;
        }
    }
    if trying.await.is_err() {
        tracing::error!("trying out connections ended early");
    }
}

async fn look(app: &Conversations) -> Result<Vec<Id>> {
    let now = app.env.now();
    if app.store.read(move |tx| READ.any_astray(tx, now)).await? {
        app.store.write(move |tx| READ.bring_back(tx, now)).await?;
    }
    app.store.read(move |tx| due(tx, now)).await
}

fn due(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<Id>> {
    let sql = "SELECT id FROM channel_events WHERE due_at <= $1 ORDER BY due_at, id LIMIT $2";
    tx.query(sql, args![now, EVENTS_MAX])?.iter().map(|row| row.get(0)).collect()
}

/// Reads one event. False when the store could not serve, so that it is still to be done.
async fn take_in(app: Arc<Conversations>, id: Id) -> bool {
    let (reader, noter) = (app.clone(), app.clone());
    let trouble = match app.store.write(move |tx| read(tx, &reader, id)).await {
        Ok(()) => return true,
        Err(Error::Unavailable(trouble)) => {
            tracing::warn!(event_id = %id, trouble, "a channel event waits for the store");
            return false;
        }
        Err(trouble) => trouble,
    };
    let why = match &trouble {
        Error::Refused(refusal) => refusal.message.clone(),
        trouble => {
            tracing::error!(event_id = %id, ?trouble, "a channel event could not be taken in");
            BROKEN.into()
        }
    };
    let noted = app.store.write(move |tx| fail(tx, &noter, id, &why)).await;
    noted
        .inspect_err(|trouble| tracing::error!(event_id = %id, ?trouble, "a channel event's failure was not noted"))
        .is_ok()
}

fn fail(tx: &mut dyn Tx, app: &Conversations, id: Id, why: &str) -> Result<()> {
    let Some(row) = tx.first("SELECT source_id FROM channel_events WHERE id = $1 AND state = 'waiting'", args![&id])?
    else {
        return Ok(());
    };
    end(tx, id, "failed", Some(why))?;
    count(tx, row.get(0)?, 0, 0, 1, Some(app.env.now()))
}

/// What was read keeps no words.
fn end(tx: &mut dyn Tx, id: Id, state: &str, error: Option<&str>) -> Result<()> {
    let kept = if state == "done" { "NULL" } else { "payload" };
    let sql =
        format!("UPDATE channel_events SET state = $2, error = $3, due_at = NULL, payload = {kept} WHERE id = $1");
    tx.execute(&sql, args![&id, state, error]).map(drop)
}

fn later(tx: &mut dyn Tx, id: Id, due_at: Timestamp, waits: i64) -> Result<()> {
    let sql = "UPDATE channel_events SET due_at = $2, attempts = attempts + $3 WHERE id = $1";
    tx.execute(sql, args![&id, due_at, waits]).map(drop)
}

fn read(tx: &mut dyn Tx, app: &Conversations, id: Id) -> Result<()> {
    let row = tx.first(
        "SELECT source_id, payload, attempts FROM channel_events WHERE id = $1 AND state = 'waiting'",
        args![&id],
    )?;
    // Another node was faster.
    let Some(row) = row else { return Ok(()) };
    let (source_id, payload, waits): (Id, Option<String>, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let now = app.env.now();
    let channel = app.channels.current(tx, &app.seal, &[source_id])?.remove(&source_id);
    let Some((channel, ingress)) = channel.as_ref().and_then(|known| Some((known, known.kind.ingress.as_ref()?)))
    else {
        return end(tx, id, "failed", Some("Its source is gone."));
    };
    if !channel.active {
        return later(tx, id, now.plus_seconds(INACTIVE_SECONDS), 0);
    }
    match (ingress.read)(&channel.settings, payload.as_deref().unwrap_or_default()) {
        Ok(Some(happenings)) => {
            for happening in happenings {
                if let Applied::TooEarly = apply(tx, app, channel, happening, waits >= WAITS_MAX)? {
                    return later(tx, id, now.plus_seconds(WAIT_SECONDS), 1);
                }
            }
            end(tx, id, "done", None)
        }
        Ok(None) => {
            end(tx, id, "unknown", None)?;
            count(tx, source_id, 0, 1, 0, None)
        }
        Err(why) => {
            end(tx, id, "failed", Some(&why))?;
            count(tx, source_id, 0, 0, 1, None)
        }
    }
}

/// What became of a happening.
enum Applied {
    Done,
    /// What it is about is not here: it may still come.
    TooEarly,
}

/// `is_last`: what is not here now will not come.
fn apply(
    tx: &mut dyn Tx,
    app: &Conversations,
    channel: &Channel,
    happening: Happening,
    is_last: bool,
) -> Result<Applied> {
    let (env, source_id) = (&app.env, channel.source_id);
    let missing = if is_last { Applied::Done } else { Applied::TooEarly };
    let known = |tx: &mut dyn Tx, foreign_id: &str| ingest::content_by_foreign_id(tx, source_id, foreign_id);
    match happening {
        Happening::Content(content) => return take_in_content(tx, app, channel, *content, is_last),
        Happening::Echo { content_id, part, foreign_id } => {
            delivery::echoed(tx, env, source_id, content_id, part, &foreign_id)?;
        }
        Happening::Edited(content) => match known(tx, &content.foreign_id)? {
            Some((id, _)) => refreshing::edited(tx, env, id, &content)?,
            None => return Ok(missing),
        },
        Happening::Removed { foreign_id } => match known(tx, &foreign_id)? {
            Some((id, _)) => refreshing::removed(tx, env, id)?,
            None => return Ok(missing),
        },
        Happening::Shown { foreign_id, published } => match known(tx, &foreign_id)? {
            Some((id, _)) => refreshing::shown(tx, env, id, published)?,
            None => return Ok(missing),
        },
        Happening::Reaction { foreign_id, reaction } => match known(tx, &foreign_id)? {
            Some((id, _)) => refreshing::reacted(tx, env, id, reaction.as_deref())?,
            None => return Ok(missing),
        },
        Happening::ReadUpTo { author_foreign_id, at } => read_up_to(tx, app, channel, &author_foreign_id, at)?,
        // Nobody is shown it, and what was sent is known to be there by its id.
        Happening::Arrived { .. } => {}
        Happening::Control { author_foreign_id, change } => {
            handover::told(tx, env, channel, &author_foreign_id, &change)?;
        }
        Happening::AskSoon => polling::ask_soon(tx, source_id, env.now())?,
    }
    Ok(Applied::Done)
}

fn take_in_content(
    tx: &mut dyn Tx,
    app: &Conversations,
    channel: &Channel,
    mut content: InboundContent,
    is_last: bool,
) -> Result<Applied> {
    if let Some(parent) = &content.in_reply_to
        && ingest::content_by_foreign_id(tx, channel.source_id, parent)?.is_none()
    {
        // The first of a thread may be older than the source.
        let is_first = content.thread_foreign_id.as_ref() == Some(parent);
        if !is_last && !is_first {
            return Ok(Applied::TooEarly);
        }
        content.in_reply_to = None;
    }
    let files: Vec<InboundAttachment> = std::mem::take(&mut content.attachments);
    let files = attachments::remote(files)?;
    ingest::content_into(tx, &app.env, channel, &content, &files, Joins::AsTold)?;
    if let Some(profiles) = &channel.kind.profiles
        && let Some(customer) = content.author.iter().chain(&content.recipient).find(|person| !person.puppetizable)
        && (profiles.request)(&channel.settings, &customer.foreign_id).is_some()
    {
        crate::profiles::want(tx, channel.source_id, &customer.foreign_id, app.env.now())?;
    }
    Ok(Applied::Done)
}

/// What we wrote to somebody up to then is read.
fn read_up_to(tx: &mut dyn Tx, app: &Conversations, channel: &Channel, customer: &str, at: Timestamp) -> Result<()> {
    let now = app.env.now();
    let rows = tx.query(
        "SELECT contents.id, contents.thread_id FROM identities
         JOIN threads ON threads.author_id = identities.id AND threads.source_id = $3
         JOIN contents ON contents.thread_id = threads.id
         WHERE identities.community_id = $1 AND identities.foreign_id = $2
           AND contents.creator_id IS NOT NULL AND contents.read_at IS NULL AND contents.created_at <= $4
           AND contents.synchronization_status = 'success'
         ORDER BY contents.id DESC LIMIT $5",
        args![&channel.community_id, customer, &channel.source_id, at, READ_MAX],
    )?;
    for row in rows {
        let (content_id, thread_id): (Id, Id) = (row.get(0)?, row.get(1)?);
        let sql = "UPDATE contents SET read_at = $2, updated_at = $2 WHERE id = $1";
        tx.execute(sql, args![&content_id, now])?;
        let payload = json!({ "source_id": channel.source_id });
        tx.append(NewEvent::new(&app.env, None, "content.read", content_id, Some(thread_id), payload));
    }
    Ok(())
}
