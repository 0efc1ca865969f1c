//! What routing does to interventions: who accepts a task has the customer, and who completes it closes the case. What
//! they may do is decided by the task that they hold, not by rights over others' interventions.

use frontdesk_model::{Env, Id, Result, error};
use frontdesk_rest::Call;
use frontdesk_store::Tx;

use super::{Intervention, by_id, commands, deferring, find, handing};

/// Makes an open intervention somebody's. Nothing happens to one that is theirs already, or closed.
pub fn give_to(tx: &mut dyn Tx, env: &Env, by: Option<Id>, id: Id, user_id: Id) -> Result<()> {
    let Some(found) = by_id(tx, id)?.filter(|found| found.closed_at.is_none()) else { return Ok(()) };
    if found.user_id == Some(user_id) {
        return Ok(());
    }
    handing::write_user(tx, id, Some(user_id), env.now())?;
    let kind = if found.user_id.is_some() { "intervention.user_updated" } else { "intervention.assigned" };
    commands::tell(tx, env, by, id, kind).map(drop)
}

/// Closes an open intervention: it must have an agent's reply and none that waits, 403 otherwise. Nothing happens to one
/// that is closed.
pub fn finish(tx: &mut dyn Tx, env: &Env, by: Option<Id>, id: Id) -> Result<()> {
    let Some(found) = by_id(tx, id)?.filter(|found| found.closed_at.is_none()) else { return Ok(()) };
    commands::require_closable(tx, &found)?;
    commands::end(tx, env, by, &found).map(drop)
}

/// Goes on with an intervention for the caller: a closed one is open again, a deferred one active, and it is theirs.
pub fn take_up(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let found: Intervention = find(tx, &call.caller, id)?;
    if found.closed_at.is_some() {
        return commands::open(call, &found.content_id.hex(), tx).map(drop);
    }
    if found.deferred_at.is_some() {
        deferring::end(tx, &call.env, Some(call.caller.user_id), &found)?;
    }
    let found = by_id(tx, id)?.ok_or_else(|| error::not_found("intervention"))?;
    give_to(tx, &call.env, Some(call.caller.user_id), found.id, call.caller.user_id)
}
