//! What became of an attempt is written down; what a channel tells of our contents by itself, too.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_sources::inbound::{ContentObject, InboundContent};
use frontdesk_sources::outbound::{Class, ContentAction, Failure, Outcome};
use frontdesk_store::{Tx, args};
use serde_json::json;

use super::claims::Claim;
use super::outbox::Task;
use super::preparing::body_of;
use super::pushing::Pushed;
use crate::contents::refreshing;
use crate::sources::{self, Channel};
use crate::{categories, handover, ingest, quotas};

/// Seconds before the second and the third attempt; there is no fourth.
pub(super) const PAUSES_SECONDS: [i64; 2] = [30, 300];

/// Writes down how an attempt went, unless somebody else has taken over meanwhile.
pub(super) fn finish(tx: &mut dyn Tx, env: &Env, claim: &Claim, pushed: &Pushed) -> Result<()> {
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
pub(super) fn note_part(
    tx: &mut dyn Tx,
    source_id: Id,
    content_id: Id,
    part: usize,
    foreign_id: Option<&str>,
) -> Result<bool> {
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

/// The contents of a source ($1), an author ($2) and a type ($3) whose push has begun. From what is under way to its
/// contents: a page or a shop has written hundreds of thousands.
pub(super) fn begun_by(tx: &dyn Tx) -> String {
    format!(
        "SELECT contents.id, contents.body, contents.body_format, contents.attachments_count, threads.foreign_id,
                recipients.foreign_id
         FROM deliveries
         CROSS JOIN contents
         JOIN threads ON threads.id = contents.thread_id
         LEFT JOIN identities AS recipients ON recipients.id = contents.recipient_id
         WHERE deliveries.source_id = $1 AND deliveries.started AND deliveries.action = 'create'
           AND contents.id = deliveries.content_id AND {} = $2 AND contents.type = $3
         ORDER BY deliveries.seq",
        tx.unindexed("contents.author_id")
    )
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
    let sql = begun_by(tx);
    let begun = tx.query(&sql, args![&channel.source_id, &author_id, told.object.as_str()])?;
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
