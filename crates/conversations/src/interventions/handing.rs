//! Whose an intervention is, between programs and people, and nobody's. A program that is done hands
//! it over, and people let it go: then it is open and nobody's, with all that was written under it, and who engages the
//! customer or answers takes it.

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::json;

use super::{Intervention, commands, deferring, find};
use crate::contents::states;
use crate::events;

/// Makes an open intervention wait for an agent: it is nobody's, active, and its customer's contents are new again.
/// Whose it was may do that, and who may assign others'. Nothing happens to one that waits already. 403 when it is closed.
pub fn hand_to_agents(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Intervention> {
    let intervention = open(call, id, tx)?;
    let Some(user_id) = intervention.user_id else { return Ok(intervention) };
    if user_id != call.caller.user_id {
        commands::require_assigning(call)?;
    }
    tell(call, &intervention, user_id, ("bot", "agent"), tx);
    let_go(call, &intervention, tx)
}

/// Makes an open intervention nobody's, so that it waits for an agent as one that was never anybody's. Nothing happens to one
/// that waits already. 403 when it is closed, or for who may not reassign it.
pub(super) fn release(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Intervention> {
    let intervention = open(call, id, tx)?;
    commands::require_reassigning(call, &intervention)?;
    match intervention.user_id {
        Some(_) => let_go(call, &intervention, tx),
        None => Ok(intervention),
    }
}

fn let_go(call: &Call, intervention: &Intervention, tx: &mut dyn Tx) -> Result<Intervention> {
    if intervention.deferred_at.is_some() {
        deferring::end(tx, &call.env, Some(call.caller.user_id), intervention)?;
    }
    set_user(call, intervention.id, None, tx)?;
    states::hand_over(tx, intervention.id, call.env.now())?;
    commands::announce(call, intervention.id, "intervention.user_updated", tx)
}

/// Gives an open intervention to the caller. One that waits for somebody anybody may take; of others', who may assign
/// those. Nothing happens to the caller's own. 403 when it is closed.
pub fn hand_to_caller(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Intervention> {
    let intervention = open(call, id, tx)?;
    let own_id = call.caller.user_id;
    if intervention.user_id == Some(own_id) {
        return Ok(intervention);
    }
    tell(call, &intervention, own_id, ("agent", "bot"), tx);
    match intervention.user_id {
        Some(_) => commands::reassign(call, id, own_id, tx),
        None => take(call, &intervention, tx),
    }
}

fn open(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Intervention> {
    let intervention = find(tx, &call.caller, id)?;
    match intervention.closed_at {
        Some(_) => Err(error::forbidden("The intervention is closed: engage its customer to open it again.")),
        None => Ok(intervention),
    }
}

/// What the journal tells of it.
fn tell(call: &Call, intervention: &Intervention, bot_id: Id, (from, to): (&str, &str), tx: &mut dyn Tx) {
    let told = json!({
        "source_id": intervention.source_id, "intervention_id": intervention.id, "user_id": bot_id, "from": from,
        "to": to,
    });
    tx.append(events::by(call, "virtual_agent.handover", bot_id, Some(intervention.thread_id), told));
}

/// Makes an open intervention that is nobody's the caller's.
pub(super) fn take(call: &Call, intervention: &Intervention, tx: &mut dyn Tx) -> Result<Intervention> {
    set_user(call, intervention.id, Some(call.caller.user_id), tx)?;
    commands::announce(call, intervention.id, "intervention.assigned", tx)
}

/// Writes down whose an intervention is, and that what waits under it is somebody's.
pub(super) fn set_user(call: &Call, id: Id, user_id: Option<Id>, tx: &mut dyn Tx) -> Result<()> {
    write_user(tx, id, user_id, call.env.now())
}

/// The same, whoever wants it.
pub(super) fn write_user(tx: &mut dyn Tx, id: Id, user_id: Option<Id>, now: Timestamp) -> Result<()> {
    tx.execute("UPDATE interventions SET user_id = $2, updated_at = $3 WHERE id = $1", args![&id, &user_id, now])?;
    match user_id {
        Some(_) => states::take(tx, id, now),
        None => Ok(()),
    }
}
