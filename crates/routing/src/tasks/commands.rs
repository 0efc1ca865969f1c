//! What people do with tasks: one function, one transaction, its events.

use std::cmp::Reverse;

use frontdesk_conversations::{pace, work};
use frontdesk_model::{Env, Id, Permission, Result, SourceRight, Timestamp, error};
use frontdesk_people::presence;
use frontdesk_rest::Call;
use frontdesk_store::Tx;
use serde_json::{Value, json};

use super::store::{self, by_id, save, tell};
use super::{sight, trace};
use crate::engine::{Agent, Demand, Life, Plan, Refusal, Task, Why, Wishes};
use crate::{agents, channels, topologies};

/// The topology that is followed now.
pub(crate) fn plan(tx: &mut dyn Tx) -> Result<Plan> {
    Ok(topologies::active(tx)?.unwrap_or_else(Plan::built_in))
}

fn refused(refusal: Refusal) -> error::Error {
    match refusal {
        Refusal::NotOffered => error::conflict("The task is not offered to you, or no longer."),
        Refusal::Over => error::conflict("The task is over already."),
        Refusal::NotOver => error::conflict("The task is not over: there is nothing to resume."),
        Refusal::NotTheirs => error::forbidden("The task is not in your workbin."),
        Refusal::InNoWorkbin => error::forbidden("The task is in nobody's workbin."),
    }
}

/// A task on a source on which the caller may reply: whoever could be offered it. 404 for who may not read the source.
fn answerable(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Task> {
    let found = by_id(tx, id)?.filter(|task| call.caller.may_on(task.source_id, SourceRight::Read));
    let task = found.ok_or_else(|| error::not_found("task"))?;
    match call.caller.may_on(task.source_id, SourceRight::Reply) {
        true => Ok(task),
        false => Err(error::forbidden("You may not reply on the task's source.")),
    }
}

/// Changes a task, and writes it.
fn change(
    tx: &mut dyn Tx,
    env: &Env,
    before: &Task,
    make: impl FnOnce(&mut Task, Timestamp) -> Result<(), Refusal>,
) -> Result<Task> {
    let mut task = before.clone();
    make(&mut task, env.now()).map_err(refused)?;
    match save(tx, env, before, &mut task)? {
        true => Ok(task),
        false => Err(error::conflict("The task has changed meanwhile: try again.")),
    }
}

/// How long somebody may keep a task of a channel without a sign of life, in seconds.
pub(super) fn hold_seconds(tx: &mut dyn Tx, channel_id: Id) -> Result<Option<i64>> {
    Ok(channels::find(tx, channel_id)?.and_then(|channel| channel.task_timeout_seconds))
}

/// The open intervention of a task's customer.
fn open_case(tx: &mut dyn Tx, task: &Task) -> Result<Option<Id>> {
    let found = work::intervention_of(tx, task.thread_id, task.identity_id)?;
    Ok(found.filter(|found| found.closed_at.is_none()).map(|found| found.id))
}

/// Puts a task into a workbin: who has it has the customer.
fn give(
    tx: &mut dyn Tx,
    env: &Env,
    by: Id,
    agent_id: Id,
    before: &Task,
    make: impl FnOnce(&mut Task, Timestamp, Option<i64>) -> Result<(), Refusal>,
) -> Result<Task> {
    let hold = hold_seconds(tx, before.channel_id)?;
    let case = open_case(tx, before)?;
    let task = change(tx, env, before, |task, now| {
        make(task, now, hold)?;
        task.intervention_id = case.or(task.intervention_id);
        Ok(())
    })?;
    if let Some(case) = case {
        work::give_to(tx, env, Some(by), case, agent_id)?;
    }
    Ok(task)
}

/// The caller takes what rings at them. 409 when it is not, or no longer, offered to them.
pub(super) fn accept(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Task> {
    let before = answerable(call, id, tx)?;
    let agent_id = call.caller.user_id;
    let accept = |task: &mut Task, now, hold| task.accept(agent_id, now, hold);
    let task = give(tx, &call.env, agent_id, agent_id, &before, accept)?;
    tell(tx, &call.env, Some(agent_id), "task.taken", &before, &task, json!({ "type": "ring" }));
    presence::announce(tx, &call.env, Some(agent_id), "push_agent.accept_task", agent_id)?;
    trace::note(tx, &call.env, id, &json!({ "what": "accepted", "agent_id": agent_id }))?;
    Ok(task)
}

/// The caller does not want what rings at them.
pub(super) fn refuse(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Task> {
    let before = answerable(call, id, tx)?;
    let agent_id = call.caller.user_id;
    pace::check(call, before.thread_id, "task.updated", tx)?;
    let task = change(tx, &call.env, &before, |task, now| task.refuse(agent_id, now))?;
    tell(tx, &call.env, Some(agent_id), "task.updated", &before, &task, json!({}));
    trace::note(tx, &call.env, id, &json!({ "what": "refused", "agent_id": agent_id }))?;
    Ok(task)
}

/// An agent who is at work, with room for one more task of a channel: 403 or 409 otherwise.
fn with_room(tx: &mut dyn Tx, agent_id: Id, channel_id: Id) -> Result<()> {
    let found = presence::agent(tx, agent_id)?.filter(|agent| agent.connected);
    let Some(agent) = found else {
        return Err(error::forbidden("The agent is not connected (POST /status/me/connect)."));
    };
    let seat = agent.channels.iter().find(|seat| seat.channel_id == channel_id);
    let hard = seat.map_or(0, |seat| seat.hard);
    match store::load(tx, agent_id, channel_id)? < hard {
        true => Ok(()),
        false => Err(error::conflict("The agent has as many tasks of this channel as they may have.")),
    }
}

/// The caller asks for one more: the most urgent that fits them, also when they have as many as are offered to them, up to
/// their hard limit. 404 when nothing fits.
pub(super) fn request(call: &Call, channel_id: Option<Id>, tx: &mut dyn Tx) -> Result<Task> {
    let agent_id = call.caller.user_id;
    let Some(agent) = agents::one(tx, agent_id)?.filter(|agent| agent.connected) else {
        return Err(error::forbidden("You are not connected: connect first (POST /status/me/connect)."));
    };
    let wanted = |id: Id| channel_id.is_none_or(|only| only == id);
    let seats: Vec<_> = agent.seats.iter().filter(|seat| seat.available && wanted(seat.channel_id)).collect();
    if seats.is_empty() {
        return Err(error::forbidden("You are on no such channel, or away from it."));
    }
    let mut open = Vec::new();
    for seat in seats {
        if store::load(tx, agent_id, seat.channel_id)? < seat.hard {
            open.push(seat.channel_id);
        }
    }
    if open.is_empty() {
        return Err(error::conflict("You have as many tasks as you may have."));
    }
    let plan = plan(tx)?;
    let Some(before) = first_for(tx, &plan, &agent, &open, call.env.now())? else {
        return Err(error::not_found("waiting task for you"));
    };
    let task = give(tx, &call.env, agent_id, agent_id, &before, |task, now, hold| {
        task.give(agent_id, now, hold);
        Ok(())
    })?;
    tell(tx, &call.env, Some(agent_id), "task.taken", &before, &task, json!({ "type": "request" }));
    presence::announce(tx, &call.env, Some(agent_id), "push_agent.request_task", agent_id)?;
    trace::note(tx, &call.env, task.id, &json!({ "what": "requested", "agent_id": agent_id }))?;
    Ok(task)
}

/// The most urgent waiting task of these channels that fits an agent.
fn first_for(tx: &mut dyn Tx, plan: &Plan, agent: &Agent, channel_ids: &[Id], now: Timestamp) -> Result<Option<Task>> {
    let mut best = None;
    for channel_id in channel_ids {
        if let Some(task) = first_of_channel(tx, plan, agent, *channel_id, now)? {
            best = more_urgent(best, task);
        }
    }
    Ok(best)
}

/// The same of one channel. Tasks that ask for the same stand in one line, of which the first is looked at: it costs what
/// there are lines, however many tasks wait.
fn first_of_channel(
    tx: &mut dyn Tx,
    plan: &Plan,
    agent: &Agent,
    channel_id: Id,
    now: Timestamp,
) -> Result<Option<Task>> {
    let mut best = None;
    // Lines in which only who had the customer last may answer: others in the line may be theirs.
    let mut lines_of_last = Vec::new();
    for (line, first) in store::lines(tx, channel_id)? {
        match demand(plan, &first, now).map(|demand| demand.bars(agent, plan)) {
            Some(None) => best = more_urgent(best, first),
            Some(Some(Why::NotLast)) => lines_of_last.push(line),
            Some(Some(_)) | None => {}
        }
    }
    if let Some(own) = store::first_of_last(tx, channel_id, &lines_of_last, agent.id)?
        && demand(plan, &own, now).is_some_and(|demand| demand.bars(agent, plan).is_none())
    {
        best = more_urgent(best, own);
    }
    Ok(best)
}

fn more_urgent(best: Option<Task>, other: Task) -> Option<Task> {
    let rank = |task: &Task| (Reverse(task.priority), task.waiting_since, task.id);
    match best {
        Some(best) if rank(&best) < rank(&other) => Some(best),
        _ => Some(other),
    }
}

/// What a task asks of agents where it stands; none when no step is for it.
pub(super) fn demand(plan: &Plan, task: &Task, now: Timestamp) -> Option<Demand> {
    let step = task.step.as_ref().and_then(|name| plan.step(name));
    let step = step.or_else(|| plan.first_for(task, Some(plan.start)));
    let step = step.or(task.wishes.is_some().then_some(0))?;
    Some(Demand::of(task, plan, step, now))
}

/// The caller gives back what is in their workbin.
pub(super) fn release(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Task> {
    let before = answerable(call, id, tx)?;
    let agent_id = call.caller.user_id;
    pace::check(call, before.thread_id, "task.enqueued", tx)?;
    let task = change(tx, &call.env, &before, |task, now| task.release(agent_id, now))?;
    tell(tx, &call.env, Some(agent_id), "task.enqueued", &before, &task, json!({}));
    trace::note(tx, &call.env, id, &json!({ "what": "released", "agent_id": agent_id }))?;
    Ok(task)
}

/// Puts a task into the undelivered queue or a special one.
pub(super) fn set_aside(call: &Call, id: Id, queue: &str, tx: &mut dyn Tx) -> Result<Task> {
    let before = sight::find(call, id, tx)?;
    let is_special = plan(tx)?.queue(queue).is_some();
    if queue != "undelivered" && !is_special {
        let message = "queue must be undelivered, or a special queue of the active topology.";
        return Err(error::invalid("queue", "inclusion", message));
    }
    if before.state.is_over() {
        return Err(refused(Refusal::Over));
    }
    let kind = if is_special { "task.enqueued" } else { "task.undelivered" };
    pace::check(call, before.thread_id, kind, tx)?;
    let task = change(tx, &call.env, &before, |task, now| {
        if is_special {
            task.set_aside(queue, now)
        } else {
            task.undeliver()
        };
        Ok(())
    })?;
    tell(tx, &call.env, Some(call.caller.user_id), kind, &before, &task, json!({}));
    trace::note(tx, &call.env, id, &json!({ "what": "moved", "user_id": call.caller.user_id, "queue": queue }))?;
    Ok(task)
}

/// Completes a task that is in a workbin, and closes its intervention, which must have an agent's reply and none that
/// waits (403).
pub(super) fn complete(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Task> {
    let before = sight::find(call, id, tx)?;
    if before.state.is_over() {
        return Err(refused(Refusal::Over));
    }
    let Some(owner_id) = before.owner_id.filter(|_| before.state == Life::Accepted) else {
        return Err(refused(Refusal::InNoWorkbin));
    };
    let caller = &call.caller;
    if owner_id != caller.user_id && !sight::monitors(call, owner_id, tx)? {
        return Err(error::forbidden("The task is somebody else's, and you may not monitor their tasks."));
    }
    let case = open_case(tx, &before)?;
    if let Some(case) = case {
        work::finish(tx, &call.env, Some(caller.user_id), case)?;
    }
    let task = change(tx, &call.env, &before, |task, now| {
        task.intervention_id = case.or(task.intervention_id);
        task.complete(now)
    })?;
    tell(tx, &call.env, Some(caller.user_id), "task.completed", &before, &task, json!({ "action": "closed" }));
    trace::note(tx, &call.env, id, &json!({ "what": "completed", "user_id": caller.user_id, "action": "closed" }))?;
    Ok(task)
}

/// Where a task is to go on.
pub(super) struct Transfer {
    pub(super) wishes: Wishes,
    /// To the first agent that is named, at once.
    pub(super) bypass: bool,
    pub(super) comment: Option<String>,
}

/// Hands a task on: to whoever fits first, or with `bypass` straight into one agent's workbin. Who monitors it may, and
/// whose it is may without `bypass`.
pub(super) fn transfer(call: &Call, id: Id, transfer: Transfer, tx: &mut dyn Tx) -> Result<Task> {
    let before = sight::find(call, id, tx)?;
    let caller = &call.caller;
    let own = before.state == Life::Accepted && before.owner_id == Some(caller.user_id);
    let monitors = match before.owner_id.filter(|_| before.state == Life::Accepted) {
        Some(owner_id) => sight::monitors(call, owner_id, tx)?,
        None => caller.may(Permission::MonitorTasks),
    };
    let may = monitors || own && !transfer.bypass;
    if !may {
        let message = "Only who may monitor tasks can do that; their owner can transfer them without bypass.";
        return Err(error::forbidden(message));
    }
    let boost = work::source(tx, before.source_id)?.map_or(0, |source| source.transfer_boost());
    let Transfer { wishes, bypass, comment } = transfer;
    let note = json!({
        "what": "transferred", "user_id": caller.user_id, "agent_ids": wishes.agent_ids, "team_ids": wishes.team_ids,
        "category_ids": wishes.category_ids, "language": wishes.language, "bypass": bypass, "comment": comment,
    });
    let task = match (bypass, wishes.agent_ids.first().copied()) {
        (true, Some(agent_id)) => assign(call, &before, agent_id, boost, tx)?,
        (true, None) => {
            let message = "agent_ids must name the agent to whom bypass hands the task.";
            return Err(error::invalid("agent_ids", "blank", message));
        }
        (false, _) => {
            pace::check(call, before.thread_id, "task.transferred", tx)?;
            require_somebody(tx, &before, &wishes)?;
            let next = plan(tx)?.queue_next(&before);
            let task = change(tx, &call.env, &before, |task, now| {
                task.transfer(wishes, boost, now)?;
                task.step = next;
                Ok(())
            })?;
            tell(tx, &call.env, Some(caller.user_id), "task.transferred", &before, &task, json!({}));
            task
        }
    };
    trace::note(tx, &call.env, id, &note)?;
    if let Some(text) = comment.filter(|text| !text.is_empty())
        && let Some(found) = work::intervention_of(tx, task.thread_id, task.identity_id)?
    {
        work::comment(call, found.id, &text, tx)?;
    }
    Ok(task)
}

/// 422 when nobody that there is could answer what is wished for.
fn require_somebody(tx: &mut dyn Tx, task: &Task, wishes: &Wishes) -> Result<()> {
    if wishes.is_empty() {
        return Ok(());
    }
    let wished = Task { wishes: Some(wishes.clone()), ..task.clone() };
    let plan = plan(tx)?;
    let demand = Demand::of(&wished, &plan, 0, task.updated_at);
    if agents::facts(tx, None)?.iter().any(|agent| demand.bars(agent, &plan).is_none()) {
        return Ok(());
    }
    let attribute = match wishes {
        Wishes { agent_ids, .. } if !agent_ids.is_empty() => "agent_ids",
        Wishes { team_ids, .. } if !team_ids.is_empty() => "team_ids",
        Wishes { category_ids, .. } if !category_ids.is_empty() => "category_ids",
        _ => "language",
    };
    let message = format!("{attribute}: nobody who may answer on the task's source fits.");
    Err(error::invalid(attribute, "nobody", message))
}

/// Straight into a workbin. The agent must be at work and within their hard limit.
fn assign(call: &Call, before: &Task, agent_id: Id, boost: i64, tx: &mut dyn Tx) -> Result<Task> {
    let could =
        agents::one(tx, agent_id)?.is_some_and(|agent| agent.source_ids.binary_search(&before.source_id).is_ok());
    if !could {
        let message = "agent_ids: there is no such agent, or they may not answer on the task's source.";
        return Err(error::invalid("agent_ids", "unknown", message));
    }
    if before.state.is_over() {
        return Err(refused(Refusal::Over));
    }
    if !before.holders().contains(&agent_id) {
        with_room(tx, agent_id, before.channel_id)?;
    }
    pace::check(call, before.thread_id, "task.supervisor_assigned", tx)?;
    let task = give(tx, &call.env, call.caller.user_id, agent_id, before, |task, now, hold| {
        task.give(agent_id, now, hold);
        task.mark_transferred(boost, now);
        Ok(())
    })?;
    tell(tx, &call.env, Some(call.caller.user_id), "task.supervisor_assigned", before, &task, json!({}));
    Ok(task)
}

/// The caller goes on with a task of their history.
pub(super) fn resume(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Task> {
    let before = answerable(call, id, tx)?;
    let agent_id = call.caller.user_id;
    if before.owner_id != Some(agent_id) {
        return Err(error::forbidden("The task is not of your history."));
    }
    if before.state.is_over() && store::active(tx, before.thread_id, before.identity_id)?.is_some() {
        return Err(error::conflict("Another task of this customer is in the queues or with somebody already."));
    }
    if before.state == Life::Completed {
        with_room(tx, agent_id, before.channel_id)?;
    }
    pace::check(call, before.thread_id, "task.resume", tx)?;
    let hold = hold_seconds(tx, before.channel_id)?;
    let task = change(tx, &call.env, &before, |task, now| task.resume(agent_id, now, hold))?;
    if let Some(found) = work::intervention_of(tx, task.thread_id, task.identity_id)? {
        work::take_up(call, found.id, tx)?;
    }
    tell(tx, &call.env, Some(agent_id), "task.resume", &before, &task, json!({}));
    trace::note(tx, &call.env, id, &json!({ "what": "resumed", "agent_id": agent_id }))?;
    Ok(task)
}

/// Notes in the trace what happened by the log.
pub(super) fn note(tx: &mut dyn Tx, env: &Env, id: Id, what: &str, more: Value) -> Result<()> {
    let mut entry = json!({ "what": what });
    if let (Some(entry), Value::Object(more)) = (entry.as_object_mut(), more) {
        entry.extend(more);
    }
    trace::note(tx, env, id, &entry)
}
