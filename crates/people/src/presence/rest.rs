//! The operations on agents' presence.

use std::collections::{BTreeMap, BTreeSet};

use frontdesk_model::{Id, Permission, Result, SourceRight, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::commands::{self, connected};
use super::{Agent, Busyness, agents, availability, matching, repliers, speakers, statuses};
use crate::teams;

/// An agent and how they are, as REST shows it.
#[derive(PartialEq, Debug, Serialize, JsonSchema)]
pub(super) struct AgentStatus {
    agent_id: Id,
    /// Every channel, oldest first.
    pub(super) channels: Vec<AgentStatusChannel>,
    /// Why they are away, if they say so.
    custom_status: Option<AgentCustomStatus>,
}

/// An agent on one channel.
#[derive(PartialEq, Debug, Serialize, JsonSchema)]
pub(super) struct AgentStatusChannel {
    pub(super) id: Id,
    pub(super) name: String,
    /// `available` or `away`; null: not connected, or not on this channel.
    pub(super) status: Option<&'static str>,
    pub(super) busyness: Busyness,
}

/// A reason to be away.
#[derive(PartialEq, Debug, Serialize, JsonSchema)]
struct AgentCustomStatus {
    id: Id,
}

/// Of an agent what the wire shows.
pub(super) fn shown(agent: &Agent) -> AgentStatus {
    let channels = agent.channels.iter().map(|channel| AgentStatusChannel {
        id: channel.channel_id,
        name: channel.name.clone(),
        status: match agent.connected && channel.is_on_it {
            true if channel.available => Some("available"),
            true => Some("away"),
            false => None,
        },
        busyness: channel.busyness(),
    });
    AgentStatus {
        agent_id: agent.user_id,
        channels: channels.collect(),
        custom_status: agent.custom_status_id.filter(|_| agent.connected).map(|id| AgentCustomStatus { id }),
    }
}

/// Parameters of `getAllAgentStatus`. Several values of one are alternatives; several parameters all hold.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only who may reply on one of these sources.
    source_ids: Option<Vec<Id>>,
    /// Only who has one of these categories.
    category_ids: Option<Vec<Id>>,
    /// Only who is in one of these teams.
    team_ids: Option<Vec<Id>>,
    /// Only who speaks one of these languages.
    spoken_languages: Option<Vec<String>>,
}

/// Parameters of `changeAgentStatus`.
#[derive(Deserialize, JsonSchema)]
struct ChangeStatus {
    /// By the id of a channel: `available` or `away`. Every channel that the agent is on must be named.
    status: Option<BTreeMap<String, String>>,
    /// The id of a presence status: away from every channel for this reason. Ignored when `status` is given.
    custom_status_id: Option<String>,
}

/// Who sees others' status.
const MONITORS: &[Permission] = &[Permission::MonitorTasks, Permission::MonitorTeamTasks];

pub(crate) fn operations() -> Vec<Operation> {
    let (tag, path) = ("Agent Status", "/status/{agentId}");
    let mut operations = vec![
        Operation::read("getAllAgentStatus", Method::GET, "/status", list)
            .tag(tag)
            .summary("Lists the agents who are connected, and how they are.")
            .notes("Who may only monitor the tasks of their teams sees the members of the teams that they lead.")
            .permissions(MONITORS),
        Operation::read("getAgentStatus", Method::GET, path, |call, _: NoParameters, tx| {
            find(call, tx).map(|agent| shown(&agent))
        })
        .tag(tag)
        .summary("Reads the status of a connected agent: one's own, or with the right to monitor tasks another's.")
        .notes("404 is `not_found` when there is no such user, `disconnected` when they are not connected."),
        Operation::write("changeAgentStatus", Method::PUT, path, change)
            .tag(tag)
            .summary("Sets where a connected agent is available: one's own, or with the right to monitor tasks another's.")
            .notes("404 as when it is read."),
        Operation::write("connectToTasks", Method::POST, "/status/me/connect", |call, _: NoParameters, tx| {
            commands::connect(call, tx).map(|agent| shown(&agent))
        })
        .tag(tag)
        .summary("Connects the caller: they are there to take tasks.")
        .notes(
            "They are available on every channel whose sources they may reply on; who comes back within five minutes \
             after a lost connection finds everything as they had set it. Once connected, it changes nothing.",
        )
        .permissions(&[Permission::ReceiveTasks])
        .extension(),
        Operation::write("sendHeartbeat", Method::POST, "/status/me/heartbeat", |call, _: NoParameters, tx| {
            commands::heartbeat(call, tx).map(|agent| shown(&agent))
        })
        .tag(tag)
        .summary("Says that the caller is still there: send it every 20 seconds.")
        .notes("After a minute of silence they are disconnected and their tasks go to others; then it is 404 `disconnected`.")
        .permissions(&[Permission::ReceiveTasks])
        .unkept()
        .extension(),
        Operation::write("disconnectFromTasks", Method::POST, "/status/me/disconnect", |call, _: NoParameters, tx| {
            commands::disconnect(call, tx).map(|agent| shown(&agent))
        })
        .tag(tag)
        .summary("Disconnects the caller; their tasks go to others.")
        .extension(),
    ];
    operations.extend(availability::operations());
    operations.extend(statuses::operations());
    operations
}

fn list(call: &Call, filters: List, tx: &mut dyn Tx) -> Result<Vec<AgentStatus>> {
    let mut allowed: Vec<BTreeSet<Id>> = Vec::new();
    if !call.caller.may(Permission::MonitorTasks) {
        allowed.push(teams::led_members(tx, call.caller.user_id)?.into_iter().collect());
    }
    if let Some(mut ids) = filters.source_ids {
        ids.retain(|id| call.caller.may_on(*id, SourceRight::Read));
        allowed.push(repliers(tx, &ids)?);
    }
    if let Some(ids) = filters.category_ids {
        allowed.push(matching(tx, "user_categories", "category_id", &ids)?);
    }
    if let Some(ids) = filters.team_ids {
        allowed.push(matching(tx, "team_users", "team_id", &ids)?);
    }
    if let Some(languages) = filters.spoken_languages {
        allowed.push(speakers(tx, &languages)?);
    }
    let agents = agents(tx, None)?;
    let found = agents.iter().filter(|agent| allowed.iter().all(|allowed| allowed.contains(&agent.user_id)));
    Ok(found.map(shown).collect())
}

/// A connected agent whom the caller may see: themselves, or somebody whose tasks they monitor.
fn find(call: &Call, tx: &mut dyn Tx) -> Result<Agent> {
    let caller = &call.caller;
    let is_own = call.path("agentId")? == caller.user_id.hex();
    if !is_own {
        caller.require_any(MONITORS)?;
    }
    let id = call.id("agentId", "agent")?;
    let sql = "SELECT 1 FROM users WHERE id = $1 AND deleted_at IS NULL";
    let may_see = is_own || caller.may(Permission::MonitorTasks) || teams::leads(tx, caller.user_id, id)?;
    if !may_see || tx.first(sql, args![&id])?.is_none() {
        return Err(error::not_found("agent"));
    }
    connected(tx, id)
}

fn change(call: &Call, parameters: ChangeStatus, tx: &mut dyn Tx) -> Result<AgentStatus> {
    let agent = find(call, tx)?;
    let change = commands::wanted(tx, &agent, parameters.status, parameters.custom_status_id.as_deref())?;
    commands::change(call, agent, &change, tx).map(|agent| shown(&agent))
}
