//! What happens to agents: one function, one transaction, its events.

use std::collections::BTreeMap;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::json;

use super::rest::shown;
use super::{Agent, Busyness, HARD, PROFILE, SOFT, agent, statuses};

/// An agent who is not heard of for so long has gone: two heartbeats may get lost.
const SILENCE_SECONDS: i64 = 60;
/// Who comes back within this time after they were last heard of has only lost the connection.
const GRACE_SECONDS: i64 = 5 * 60;
/// Heartbeats are noted this often: they change nothing that anybody is told of.
const NOTED_SECONDS: i64 = 10;

/// What an agent set.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Change {
    /// Channel by channel: available or away.
    Channels(Vec<(Id, bool)>),
    /// Away from all of them, for this reason.
    Custom(Id),
}

/// The caller is there. Coming back after the connection was lost, everything is as they had set it; otherwise they are
/// available on every channel.
pub(super) fn connect(call: &Call, tx: &mut dyn Tx) -> Result<Agent> {
    let (user_id, now) = (call.caller.user_id, call.env.now());
    let sql = "SELECT connected, lost, last_seen_at FROM agent_presences WHERE user_id = $1";
    let (is_connected, is_back) = match tx.first(sql, args![&user_id])? {
        None => (false, false),
        Some(row) => {
            let is_recent = now.seconds_since(row.get(2)?) < GRACE_SECONDS;
            (row.get(0)?, row.get::<bool>(1)? && is_recent)
        }
    };
    if is_connected {
        note_heartbeat(tx, user_id, now)?;
        return required(tx, user_id);
    }
    if !is_back {
        tx.execute("UPDATE agent_channels SET available = TRUE WHERE user_id = $1", args![&user_id])?;
        tx.execute("UPDATE agent_presences SET custom_status_id = NULL WHERE user_id = $1", args![&user_id])?;
    }
    tx.execute(
        "INSERT INTO agent_presences (user_id, connected, lost, connected_at, last_seen_at, idle_since)
         VALUES ($1, TRUE, FALSE, $2, $2, $2)
         ON CONFLICT (user_id) DO UPDATE
         SET connected = TRUE, lost = FALSE, connected_at = $2, last_seen_at = $2, idle_since = $2",
        args![&user_id, now],
    )?;
    let kind = if is_back { "push_agent.reconnected" } else { "push_agent.connected" };
    tell(tx, &call.env, Some(user_id), kind, user_id)
}

/// The caller is still there.
pub(super) fn heartbeat(call: &Call, tx: &mut dyn Tx) -> Result<Agent> {
    let agent = connected(tx, call.caller.user_id)?;
    note_heartbeat(tx, agent.user_id, call.env.now())?;
    Ok(agent)
}

fn note_heartbeat(tx: &mut dyn Tx, user_id: Id, now: Timestamp) -> Result<()> {
    tx.execute(
        "UPDATE agent_presences SET last_seen_at = $2
         WHERE user_id = $1 AND (last_seen_at <= $3 OR last_seen_at > $2)",
        args![&user_id, now, now.plus_seconds(-NOTED_SECONDS)],
    )?;
    Ok(())
}

/// The caller goes. Whoever is not there stays so.
pub(super) fn disconnect(call: &Call, tx: &mut dyn Tx) -> Result<Agent> {
    let user_id = call.caller.user_id;
    let agent = required(tx, user_id)?;
    if !agent.connected {
        return Ok(agent);
    }
    end(tx, &call.env, Some(user_id), user_id, false)
}

/// The agent is not there any more; their tasks go back by themselves, from the log.
fn end(tx: &mut dyn Tx, env: &Env, by: Option<Id>, user_id: Id, is_lost: bool) -> Result<Agent> {
    let sql = "UPDATE agent_presences SET connected = FALSE, lost = $2 WHERE user_id = $1";
    tx.execute(sql, args![&user_id, is_lost])?;
    tell(tx, env, by, "push_agent.disconnected", user_id)
}

/// Whose time is up: silent for a minute, or no longer allowed to sign in.
const GONE: &str = "FROM agent_presences JOIN users ON users.id = user_id
    WHERE connected AND (last_seen_at <= $1 OR NOT users.enabled OR users.deleted_at IS NOT NULL)";

/// Whether somebody is to be disconnected.
pub fn any_silent(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    let last = now.plus_seconds(-SILENCE_SECONDS);
    Ok(tx.first(&format!("SELECT 1 {GONE} LIMIT 1"), args![last])?.is_some())
}

/// Counts everybody's silence from now on: while nobody was listening, or where a clock was ahead, it says nothing about
/// them. Returns how many.
pub fn forgive_silence(tx: &mut dyn Tx, now: Timestamp) -> Result<u64> {
    tx.execute("UPDATE agent_presences SET last_seen_at = $1 WHERE connected AND last_seen_at <> $1", args![now])
}

/// Disconnects who has gone, the longest silent first, at most `limit`. Returns how many.
pub fn disconnect_silent(tx: &mut dyn Tx, env: &Env, limit: i64) -> Result<u64> {
    let sql = format!("SELECT user_id {GONE} ORDER BY last_seen_at, user_id LIMIT $2");
    let rows = tx.query(&sql, args![env.now().plus_seconds(-SILENCE_SECONDS), limit])?;
    for row in &rows {
        end(tx, env, None, row.get(0)?, true)?;
    }
    Ok(rows.len() as u64)
}

/// Sets where an agent is available. Setting channels ends a reason to be away.
pub(super) fn change(call: &Call, agent: Agent, change: &Change, tx: &mut dyn Tx) -> Result<Agent> {
    let set: Vec<(Id, bool)> = match change {
        Change::Channels(set) => set.clone(),
        Change::Custom(_) => agent.channels.iter().map(|channel| (channel.channel_id, false)).collect(),
    };
    let custom_status_id = match change {
        Change::Channels(_) => None,
        Change::Custom(id) => Some(*id),
    };
    for (channel_id, is_available) in set {
        tx.execute(
            "INSERT INTO agent_channels (user_id, channel_id, available, load) VALUES ($1, $2, $3, 0)
             ON CONFLICT (user_id, channel_id) DO UPDATE SET available = $3",
            args![&agent.user_id, &channel_id, is_available],
        )?;
    }
    tx.execute(
        "UPDATE agent_presences SET custom_status_id = $2 WHERE user_id = $1",
        args![&agent.user_id, &custom_status_id],
    )?;
    let after = required(tx, agent.user_id)?;
    if after != agent {
        announce(tx, &call.env, Some(call.caller.user_id), "push_agent.availability_change", agent.user_id)?;
    }
    Ok(after)
}

/// Takes a reason to be away from those who gave it; they stay away.
pub(super) fn forget_reason(call: &Call, status_id: Id, tx: &mut dyn Tx) -> Result<()> {
    let sql = "SELECT user_id, connected FROM agent_presences WHERE custom_status_id = $1 ORDER BY user_id";
    for row in tx.query(sql, args![&status_id])? {
        let user_id: Id = row.get(0)?;
        tx.execute("UPDATE agent_presences SET custom_status_id = NULL WHERE user_id = $1", args![&user_id])?;
        if row.get(1)? {
            announce(tx, &call.env, Some(call.caller.user_id), "push_agent.availability_change", user_id)?;
        }
    }
    Ok(())
}

/// Writes how many tasks of a channel these agents have. Call it in the transaction that changes the tasks, so that limits
/// hold whatever happens at once. It is called often, and when a task rings at all, for many: it costs a statement for
/// each different number of tasks and two more, and others only where the busyness changes.
pub fn set_loads(tx: &mut dyn Tx, env: &Env, channel_id: Id, loads: &BTreeMap<Id, i64>) -> Result<()> {
    let ids: Vec<Id> = loads.keys().copied().collect();
    let condition = tx.in_list("users.id", 1);
    let sql = format!(
        "SELECT users.id, coalesce(load, 0), {SOFT}, {HARD}, coalesce(connected, FALSE)
         FROM channels JOIN users ON {condition}
         LEFT JOIN agent_channels ON agent_channels.user_id = users.id AND agent_channels.channel_id = channels.id
         {PROFILE}
         LEFT JOIN agent_presences ON agent_presences.user_id = users.id
         WHERE channels.id = $2 ORDER BY users.id"
    );
    let mut changed: BTreeMap<i64, Vec<Id>> = BTreeMap::new();
    let mut told = Vec::new();
    // Of a channel that has gone there are no rows, and no loads.
    for row in tx.query(&sql, args![&ids, &channel_id])? {
        let user_id: Id = row.get(0)?;
        let (before, soft, hard): (i64, i64, i64) = (row.get(1)?, row.get(2)?, row.get(3)?);
        let load = loads.get(&user_id).copied().unwrap_or(0);
        if load == before {
            continue;
        }
        changed.entry(load).or_default().push(user_id);
        if row.get(4)? && Busyness::of(before, soft, hard) != Busyness::of(load, soft, hard) {
            told.push(user_id);
        }
    }
    for (load, ids) in &changed {
        let sql = format!(
            "INSERT INTO agent_channels (user_id, channel_id, available, load)
             SELECT id, $2, TRUE, $3 FROM users WHERE {}
             ON CONFLICT (user_id, channel_id) DO UPDATE SET load = $3",
            tx.in_list("id", 1)
        );
        tx.execute(&sql, args![ids, &channel_id, *load])?;
    }
    let ids: Vec<Id> = changed.into_values().flatten().collect();
    if !ids.is_empty() {
        let sql = format!("UPDATE agent_presences SET idle_since = $2 WHERE {}", tx.in_list("user_id", 1));
        tx.execute(&sql, args![&ids, env.now()])?;
    }
    for user_id in told {
        announce(tx, env, None, "push_agent.busyness_change", user_id)?;
    }
    Ok(())
}

/// Appends an event about an agent, with how they are now. `kind` is one of the `push_agent` events; `by` is
/// who caused it.
pub fn announce(tx: &mut dyn Tx, env: &Env, by: Option<Id>, kind: &'static str, user_id: Id) -> Result<()> {
    tell(tx, env, by, kind, user_id).map(drop)
}

fn tell(tx: &mut dyn Tx, env: &Env, by: Option<Id>, kind: &'static str, user_id: Id) -> Result<Agent> {
    let agent = required(tx, user_id)?;
    let custom_status = agent.custom_status_id.map(|id| json!({ "id": id }));
    let channels: Vec<_> = shown(&agent)
        .channels
        .into_iter()
        .map(|channel| {
            json!({
                "id": channel.id, "name": channel.name, "status": channel.status, "busyness": channel.busyness,
                "custom_status": custom_status,
            })
        })
        .collect();
    tx.append(NewEvent::new(env, by, kind, agent.user_id, None, json!({ "channels": channels })));
    Ok(agent)
}

fn required(tx: &mut dyn Tx, user_id: Id) -> Result<Agent> {
    agent(tx, user_id)?.ok_or_else(|| error::broken("an agent is no user"))
}

/// An agent who is connected; 404 `disconnected` otherwise.
pub(super) fn connected(tx: &mut dyn Tx, user_id: Id) -> Result<Agent> {
    let agent = agent(tx, user_id)?.ok_or_else(|| error::not_found("agent"))?;
    if agent.connected { Ok(agent) } else { Err(disconnected()) }
}

fn disconnected() -> error::Error {
    error::Refusal {
        status: 404,
        code: "disconnected".into(),
        message: "The agent is not connected.".into(),
        errors: Vec::new(),
        retry_after_seconds: None,
    }
    .into()
}

/// What the parameters of a change ask for; 422 names what is wrong with them. Channels that the agent is on must all be
/// there, as documented; of both, the channels count.
pub(super) fn wanted(
    tx: &mut dyn Tx,
    agent: &Agent,
    status: Option<impl IntoIterator<Item = (String, String)>>,
    custom_status_id: Option<&str>,
) -> Result<Change> {
    let Some(status) = status else {
        let Some(id) = custom_status_id.filter(|id| !id.is_empty()) else {
            return Err(error::invalid("status", "blank", "Give status or custom_status_id."));
        };
        let unknown = || error::invalid("custom_status_id", "unknown", "custom_status_id: there is no such status.");
        let id: Id = id.parse().map_err(|_| unknown())?;
        statuses::find(tx, id).map_err(|trouble| trouble.or_missing(unknown))?;
        return Ok(Change::Custom(id));
    };
    let mut set = Vec::new();
    for (id, word) in status {
        let is_available = match word.as_str() {
            "available" => true,
            "away" => false,
            _ => {
                let message = "status: every channel is available or away.";
                return Err(error::invalid("status", "inclusion", message));
            }
        };
        let known = id.parse().ok().filter(|id| agent.channels.iter().any(|channel| channel.channel_id == *id));
        match known {
            Some(id) => set.push((id, is_available)),
            None => return Err(error::invalid("status", "unknown", "status: names no channel that there is.")),
        }
    }
    let is_named = |channel_id: Id| set.iter().any(|(id, _)| *id == channel_id);
    match agent.channels.iter().find(|channel| channel.is_on_it && !is_named(channel.channel_id)) {
        Some(missing) => {
            let message = format!("status must name all channels of the agent: {} is missing.", missing.channel_id);
            Err(error::invalid("status", "incomplete", message))
        }
        None => Ok(Change::Channels(set)),
    }
}
