//! What happens to interventions: one function, one transaction, its events.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Permission, Result, SourceRight, Timestamp, error};
use frontdesk_people::{custom_fields, settings, time_sheets};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use super::{Intervention, by_id, find, handing, of_customer, payload, reopen};
use crate::categories::{self, Object};
use crate::contents::{self, Content, states};
use crate::threads::Ending;
use crate::{events, pace, threads, timing};

/// Opens an intervention on a customer's content for the caller, re-opens the closed one of that customer in that
/// thread, or takes the open one that was handed over. 422 when one is somebody's already, there is no such content, or
/// it cannot have one.
pub fn open(call: &Call, content_id: &str, tx: &mut dyn Tx) -> Result<Intervention> {
    let unknown = || {
        let message = "content_id: there is no such content, or you may not read it.";
        error::invalid("content_id", "unknown", message)
    };
    let content_id = content_id.parse().map_err(|_| unknown())?;
    let content = contents::find(tx, &call.caller, content_id).map_err(|e| e.or_missing(unknown))?;
    if content.creator_id.is_some()
        || !matches!(content.status.as_str(), "new" | "assigned" | "replied" | "ignored" | "forwarded")
    {
        let message = "content_id: this content was written by an agent; engage a customer's content.";
        return Err(error::invalid("content_id", "invalid", message));
    }
    engage(call, &content, tx)
}

/// The intervention under which a reply to `content` is sent. A content never engaged is engaged for the caller, unless
/// the account asks for an open intervention, and one that was handed over becomes theirs; under a closed one a reply is
/// refused.
pub(crate) fn open_for_reply(call: &Call, content: &Content, tx: &mut dyn Tx) -> Result<Option<Intervention>> {
    let known = match (content.intervention_id, content.author_id, content.creator_id) {
        (Some(id), _, _) => by_id(tx, id)?,
        (None, Some(author_id), None) => of_customer(tx, content.thread_id, author_id)?,
        (None, ..) => None,
    };
    if let Some(intervention) = known {
        let open = require_open(intervention)?;
        return if open.user_id.is_some() { Ok(Some(open)) } else { handing::take(call, &open, tx).map(Some) };
    }
    // What an agent wrote first has no customer to engage until one answers.
    let can_be_engaged = content.author_id.is_some()
        && content.creator_id.is_none()
        && !matches!(content.status.as_str(), "user_initiated" | "user_reply");
    if settings::load(tx)?.reply_requires_intervention {
        let message = match can_be_engaged {
            true => {
                "in_reply_to_id: this account answers under an open intervention only. Open one first (POST \
                     /interventions with this content_id)."
            }
            false => {
                "in_reply_to_id: this account answers under an open intervention only, and what an agent wrote \
                      first has none. Answer what a customer wrote, once it is engaged."
            }
        };
        return Err(error::invalid("in_reply_to_id", "intervention_required", message));
    }
    if can_be_engaged { engage(call, content, tx).map(Some) } else { Ok(None) }
}

fn require_open(intervention: Intervention) -> Result<Intervention> {
    if intervention.closed_at.is_some() {
        let message = "in_reply_to_id: its intervention is closed. Open it again (POST /interventions) to reply.";
        return Err(error::invalid("in_reply_to_id", "intervention_closed", message));
    }
    Ok(intervention)
}

fn engage(call: &Call, content: &Content, tx: &mut dyn Tx) -> Result<Intervention> {
    let author_id = content
        .author_id
        .ok_or_else(|| error::invalid("content_id", "invalid", "content_id: this content has no author."))?;
    let now = call.env.now();
    let known = of_customer(tx, content.thread_id, author_id)?;
    let (id, kind) = match known {
        Some(open) if open.closed_at.is_none() && open.user_id.is_none() => return handing::take(call, &open, tx),
        Some(open) if open.closed_at.is_none() => {
            let message = "content_id: an intervention is open on this content already.";
            return Err(error::invalid("content_id", "already_open", message));
        }
        Some(closed) => {
            reopen(tx, &closed, now)?;
            let sql = "UPDATE interventions SET user_id = $2 WHERE id = $1";
            tx.execute(sql, args![&closed.id, &call.caller.user_id])?;
            (closed.id, "intervention.reopened")
        }
        None => (insert(call, content, author_id, tx)?, "intervention.opened"),
    };
    pace::check(call, content.thread_id, "intervention.assigned", tx)?;
    // Everything of this customer that waits in the thread is now somebody's.
    states::assign(tx, content.thread_id, author_id, id, now)?;
    let intervention = by_id(tx, id)?.ok_or_else(|| error::broken("an intervention vanished while it was opened"))?;
    let told = payload(tx, &intervention)?;
    tx.append(events::by(call, kind, id, Some(content.thread_id), told.clone()));
    tx.append(events::by(call, "intervention.assigned", id, Some(content.thread_id), told));
    Ok(intervention)
}

fn insert(call: &Call, content: &Content, author_id: Id, tx: &mut dyn Tx) -> Result<Id> {
    let (id, now) = (call.env.id(), call.env.now());
    tx.execute(
        "INSERT INTO interventions (id, source_id, thread_id, content_id, identity_id, user_id, reopened, custom_fields,
           comments_count, user_replies_count, reply_seconds, reply_seconds_bh, replies_timed, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, FALSE, '{}', 0, 0, 0, 0, 0, $7, $7)",
        args![&id, &content.source_id, &content.thread_id, &content.id, &author_id, &call.caller.user_id, now],
    )?;
    threads::count_interventions(tx, content.thread_id, 1, now)?;
    Ok(id)
}

/// Counts an agent's reply, sent at `at`, and times how long the customer had waited for it: from their first content
/// that nobody had answered yet. All of those count as replied from now on.
pub(crate) fn count_reply(tx: &mut dyn Tx, intervention: &Intervention, reply_id: Id, at: Timestamp) -> Result<()> {
    let waiting: Option<Timestamp> = tx
        .one(
            "SELECT min(created_at) FROM contents WHERE intervention_id = $1 AND status = 'assigned'",
            args![&intervention.id],
        )?
        .get(0)?;
    states::answer(tx, intervention.id, at)?;
    let engaged_at: Timestamp =
        tx.one("SELECT created_at FROM contents WHERE id = $1", args![&intervention.content_id])?.get(0)?;
    let hours = time_sheets::of_source(tx, intervention.source_id)?;
    let whole = timing::wait(engaged_at, at, hours.as_ref());
    let answered = waiting.map(|since| timing::wait(since, at, hours.as_ref()));
    let first = intervention.first_user_reply_id.is_none();
    tx.execute(
        "UPDATE interventions SET user_replies_count = user_replies_count + 1,
           first_user_reply_id = coalesce(first_user_reply_id, $2),
           first_user_reply_in = CASE WHEN $3 THEN $4 ELSE first_user_reply_in END,
           first_user_reply_in_bh = CASE WHEN $3 THEN $5 ELSE first_user_reply_in_bh END,
           last_user_reply_in = $4, last_user_reply_in_bh = $5,
           reply_seconds = reply_seconds + $6, reply_seconds_bh = reply_seconds_bh + $7,
           replies_timed = replies_timed + $8, updated_at = $9
         WHERE id = $1",
        args![
            &intervention.id,
            &reply_id,
            first,
            whole.seconds,
            whole.seconds_in_business_hours,
            answered.map_or(0, |wait| wait.seconds),
            answered.map_or(0, |wait| wait.seconds_in_business_hours),
            i64::from(answered.is_some()),
            at
        ],
    )?;
    Ok(())
}

/// 403 unless an intervention is in a state in which it can be closed: open, with an agent's reply, and
/// without one that waits.
pub fn require_closable(tx: &mut dyn Tx, intervention: &Intervention) -> Result<()> {
    if intervention.closed_at.is_some() {
        return Err(error::forbidden("The intervention is closed already."));
    }
    if intervention.user_replies_count == 0 {
        return Err(error::forbidden("The intervention has no agent's reply yet: reply, or cancel it."));
    }
    require_nothing_waits(tx, intervention.id)
}

/// Closes an intervention: it must be closable, and the caller own it or may edit all.
pub fn close(call: &Call, id: Id, seen: Option<&str>, tx: &mut dyn Tx) -> Result<Intervention> {
    let intervention = find(tx, &call.caller, id)?;
    require_closable(tx, &intervention)?;
    contents::require_seen(tx, &call.caller, intervention.thread_id, seen)?;
    if intervention.user_id != Some(call.caller.user_id) && !call.caller.may(Permission::UpdateIntervention) {
        return Err(error::forbidden("The intervention is somebody else's, and your role lacks update_intervention."));
    }
    end(tx, &call.env, Some(call.caller.user_id), &intervention)
}

/// Closes an intervention that can be closed.
pub(super) fn end(tx: &mut dyn Tx, env: &Env, by: Option<Id>, intervention: &Intervention) -> Result<Intervention> {
    let (id, now) = (intervention.id, env.now());
    tx.execute(
        "UPDATE interventions SET closed_at = $2, deferred_at = NULL, updated_at = $2 WHERE id = $1",
        args![&id, now],
    )?;
    threads::set_ending(tx, intervention.thread_id, Some(Ending::InterventionClosed), now)?;
    tell(tx, env, by, id, "intervention.closed")
}

/// 403 while a reply waits: it would go out under an intervention that is over.
fn require_nothing_waits(tx: &mut dyn Tx, id: Id) -> Result<()> {
    let waits = "SELECT 1 FROM contents WHERE intervention_id = $1 AND synchronization_status = 'export_pending'
                   AND (approval_required OR scheduled_at IS NOT NULL) LIMIT 1";
    match tx.first(waits, args![&id])? {
        Some(_) => Err(error::forbidden("A reply waits for approval or for its time: withdraw it first.")),
        None => Ok(()),
    }
}

/// Removes an intervention without replies; its contents are new again.
pub(super) fn cancel(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Intervention> {
    let intervention = find(tx, &call.caller, id)?;
    if intervention.closed_at.is_some() {
        return Err(error::forbidden("The intervention is closed; a closed one cannot be cancelled."));
    }
    if intervention.user_replies_count > 0 {
        return Err(error::forbidden("The intervention has an agent's reply: close it instead."));
    }
    require_nothing_waits(tx, id)?;
    let now = call.env.now();
    let told = payload(tx, &intervention)?;
    states::release(tx, id, now)?;
    categories::remove_all(tx, id)?;
    tx.execute("DELETE FROM intervention_comments WHERE intervention_id = $1", args![&id])?;
    tx.execute("DELETE FROM interventions WHERE id = $1", args![&id])?;
    threads::count_interventions(tx, intervention.thread_id, -1, now)?;
    tx.append(events::by(call, "intervention.canceled", id, Some(intervention.thread_id), told));
    Ok(intervention)
}

/// Gives an intervention to another user.
pub(super) fn reassign(call: &Call, id: Id, user_id: Id, tx: &mut dyn Tx) -> Result<Intervention> {
    let intervention = find(tx, &call.caller, id)?;
    require_reassigning(call, &intervention)?;
    require_able(tx, user_id, intervention.source_id)?;
    if intervention.user_id == Some(user_id) {
        return Ok(intervention);
    }
    handing::set_user(call, id, Some(user_id), tx)?;
    announce(call, id, "intervention.user_updated", tx)
}

/// 403 unless the caller may decide whose it is: of their own with update_own_intervention.
pub(super) fn require_reassigning(call: &Call, intervention: &Intervention) -> Result<()> {
    let caller = &call.caller;
    match intervention.user_id == Some(caller.user_id) && caller.may(Permission::UpdateOwnIntervention) {
        true => Ok(()),
        false => require_assigning(call),
    }
}

/// 403 unless the caller may decide whose others' interventions are.
pub(super) fn require_assigning(call: &Call) -> Result<()> {
    call.caller.require_any(&[Permission::UpdateIntervention, Permission::AssignIntervention])
}

/// An intervention goes to somebody who can see it: 422 otherwise.
fn require_able(tx: &mut dyn Tx, user_id: Id, source_id: Id) -> Result<()> {
    let row = tx.first(
        "SELECT rights FROM source_permissions JOIN users ON users.id = source_permissions.user_id
         WHERE users.id = $1 AND users.enabled AND source_id = $2",
        args![&user_id, &source_id],
    )?;
    let rights = row.map(|row| row.get(0)).transpose()?.map(frontdesk_model::SourceRights::from_bits);
    if rights.is_some_and(|rights| rights.has(SourceRight::Read)) {
        return Ok(());
    }
    let message = "user_id: there is no such enabled user, or they may not read the intervention's source.";
    Err(error::invalid("user_id", "invalid", message))
}

/// Replaces the categories, the disposition among them.
pub(super) fn categorise(call: &Call, id: Id, category_ids: &[Id], tx: &mut dyn Tx) -> Result<Intervention> {
    let intervention = find(tx, &call.caller, id)?;
    if !categories::set(tx, Object::Intervention, id, intervention.source_id, category_ids, "category_ids")? {
        return Ok(intervention);
    }
    tx.execute("UPDATE interventions SET updated_at = $2 WHERE id = $1", args![&id, call.env.now()])?;
    announce(call, id, "intervention.recategorized", tx)
}

/// Sets values of custom fields, by key.
pub(super) fn set_custom_fields(
    call: &Call,
    id: Id,
    given: &Map<String, Value>,
    tx: &mut dyn Tx,
) -> Result<Intervention> {
    let intervention = find(tx, &call.caller, id)?;
    if intervention.user_id == Some(call.caller.user_id) {
        call.caller.require_any(&[Permission::UpdateOwnIntervention, Permission::UpdateIntervention])?;
    } else {
        call.caller.require_any(&[Permission::UpdateIntervention])?;
    }
    if given.is_empty() {
        return Ok(intervention);
    }
    let fields = custom_fields::of(tx, custom_fields::Owner::Intervention)?;
    let change = custom_fields::change(&call.caller, &fields, &intervention.custom_fields, given)?;
    if change.keys.is_empty() {
        return Ok(intervention);
    }
    tx.execute(
        "UPDATE interventions SET custom_fields = $2, updated_at = $3 WHERE id = $1",
        args![&id, &change.stored, call.env.now()],
    )?;
    let intervention = by_id(tx, id)?.ok_or_else(|| error::not_found("intervention"))?;
    let mut told = payload(tx, &intervention)?;
    pace::check(call, intervention.thread_id, "intervention.custom_fields_updated", tx)?;
    // Which, not what: values go with their object.
    told["changed"] = json!(change.keys);
    tx.append(events::by(call, "intervention.custom_fields_updated", id, Some(intervention.thread_id), told));
    Ok(intervention)
}

pub(super) fn announce(call: &Call, id: Id, kind: &'static str, tx: &mut dyn Tx) -> Result<Intervention> {
    let told = tell(tx, &call.env, Some(call.caller.user_id), id, kind)?;
    pace::check(call, told.thread_id, kind, tx)?;
    Ok(told)
}

/// Appends an event with what subscribers are told of an intervention. `by`: none when it happens by itself.
pub(super) fn tell(tx: &mut dyn Tx, env: &Env, by: Option<Id>, id: Id, kind: &'static str) -> Result<Intervention> {
    let intervention = by_id(tx, id)?.ok_or_else(|| error::not_found("intervention"))?;
    let told = payload(tx, &intervention)?;
    tx.append(NewEvent::new(env, by, kind, id, Some(intervention.thread_id), told));
    Ok(intervention)
}
