//! Who sees which tasks: on sources that they may read, and of those, who holds `monitor_tasks` all, who holds
//! `monitor_team_tasks` those that their teams' members have or had, and everybody else their own.

use frontdesk_model::{Id, Permission, Result, SourceRight, error};
use frontdesk_people::teams;
use frontdesk_rest::Call;
use frontdesk_store::Tx;

use super::store::by_id;
use crate::engine::Task;

/// Whose tasks somebody sees.
pub(super) enum Sight {
    /// Everybody's, and those that are nobody's.
    All,
    /// Those of these users.
    Of(Vec<Id>),
}

/// Whose tasks the caller sees.
pub(super) fn sight(call: &Call, tx: &mut dyn Tx) -> Result<Sight> {
    if call.caller.may(Permission::MonitorTasks) {
        return Ok(Sight::All);
    }
    let mut ids = vec![call.caller.user_id];
    if call.caller.may(Permission::MonitorTeamTasks) {
        ids.extend(teams::mates(tx, call.caller.user_id)?);
    }
    ids.sort_unstable();
    ids.dedup();
    Ok(Sight::Of(ids))
}

/// Whether the caller may watch over this agent's tasks.
pub(super) fn monitors(call: &Call, owner_id: Id, tx: &mut dyn Tx) -> Result<bool> {
    let caller = &call.caller;
    Ok(caller.may(Permission::MonitorTasks)
        || caller.may(Permission::MonitorTeamTasks) && teams::mates(tx, call.caller.user_id)?.contains(&owner_id))
}

/// A task that the caller sees; anything else is missing.
pub(super) fn find(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Task> {
    let found = by_id(tx, id)?.filter(|task| call.caller.may_on(task.source_id, SourceRight::Read));
    let task = found.ok_or_else(|| error::not_found("task"))?;
    let sees = match sight(call, tx)? {
        Sight::All => true,
        Sight::Of(ids) => task.agent_ids.iter().chain(&task.owner_id).any(|id| ids.binary_search(id).is_ok()),
    };
    if sees { Ok(task) } else { Err(error::not_found("task")) }
}
