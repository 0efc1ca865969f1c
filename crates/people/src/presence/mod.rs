//! Presence: which agents are there to take tasks, on which channels, and how much they have.
//!
//! An agent connects, sends a heartbeat every 20 seconds or so, and disconnects; who is silent for a minute is taken to
//! have gone. While connected they are available or away, channel by channel, and away for a reason if they choose one.
//! They are on a channel if they may reply on one of its sources.
//!
//! All of it is rows, so that every node sees the same. How much an agent may have on a channel is worked out when it is
//! read: it is what the agent's capacity profile says of the channel, or what the channel says.

mod availability;
mod commands;
mod rest;
pub mod statuses;

use std::collections::{BTreeSet, HashMap, HashSet};

use frontdesk_model::languages::speaks;
use frontdesk_model::{Id, Result, SourceRight, Timestamp};
use frontdesk_store::{FromValue, Tx, args};
use schemars::JsonSchema;
use serde::Serialize;

pub use availability::{Availability, Wanted, availability};
pub use commands::{announce, any_silent, disconnect_silent, forgive_silence, set_loads};
pub(crate) use rest::operations;

/// An agent as routing sees them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agent {
    /// The user.
    pub user_id: Id,
    /// Whether they are there.
    pub connected: bool,
    /// Since when the number of their tasks has not changed: who has waited longest for work goes first.
    pub idle_since: Timestamp,
    /// Every channel, oldest first.
    pub channels: Vec<AgentChannel>,
    custom_status_id: Option<Id>,
}

/// An agent on one channel.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AgentChannel {
    /// The channel.
    pub channel_id: Id,
    /// Whether they take tasks of it: connected, on the channel, and not away.
    pub available: bool,
    /// Tasks that ring at them or that they have accepted.
    pub load: i64,
    /// Tasks at which they are busy.
    pub soft: i64,
    /// Tasks at which they are full.
    pub hard: i64,
    name: String,
    /// Whether they may reply on one of its sources.
    is_on_it: bool,
}

impl AgentChannel {
    /// How busy they are on the channel.
    pub fn busyness(&self) -> Busyness {
        Busyness::of(self.load, self.soft, self.hard)
    }
}

/// How busy an agent is on a channel (public documentation: Transferring to a human agent).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Busyness {
    /// No task.
    Unoccupied,
    /// Fewer than the soft limit.
    Ok,
    /// The soft limit or more: offered none, may ask for one.
    Busy,
    /// The hard limit or more.
    Full,
}

impl Busyness {
    /// For so many tasks under these limits.
    pub fn of(load: i64, soft: i64, hard: i64) -> Busyness {
        match load {
            ..=0 => Busyness::Unoccupied,
            load if load >= hard => Busyness::Full,
            load if load >= soft => Busyness::Busy,
            _ => Busyness::Ok,
        }
    }
}

/// These users as agents, or all who are connected; in the order of their ids. Costs five statements, however many there
/// are.
pub fn agents(tx: &mut dyn Tx, user_ids: Option<&[Id]>) -> Result<Vec<Agent>> {
    const SELECT: &str = "SELECT users.id, coalesce(connected, FALSE), coalesce(idle_since, 0), custom_status_id
        FROM users LEFT JOIN agent_presences ON agent_presences.user_id = users.id";
    let rows = match user_ids {
        Some(ids) => {
            let sql = format!("{SELECT} WHERE {} ORDER BY users.id", tx.in_list("users.id", 1));
            tx.query(&sql, args![ids])?
        }
        None => {
            let sql = format!("{SELECT} WHERE connected AND users.enabled AND deleted_at IS NULL ORDER BY users.id");
            tx.query(&sql, args![])?
        }
    };
    let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let channels =
        tx.query("SELECT id, name, soft_capability, hard_capability FROM channels ORDER BY created_at, id", args![])?;
    let on = on_channels(tx, &ids)?;
    let set: HashMap<(Id, Id), (bool, i64)> =
        by_channel(tx, "SELECT user_id, channel_id, available, load FROM agent_channels", "user_id", &ids)?;
    let limits: HashMap<(Id, Id), (i64, i64)> = by_channel(
        tx,
        "SELECT users.id, channel_id, default_capacity, max_capacity FROM users
         JOIN user_capacity_channels USING (user_capacity_id)",
        "users.id",
        &ids,
    )?;
    let mut agents = Vec::with_capacity(rows.len());
    for (user_id, row) in ids.into_iter().zip(&rows) {
        let connected: bool = row.get(1)?;
        let mut on_them = Vec::with_capacity(channels.len());
        for row in &channels {
            let place = (user_id, row.get(0)?);
            let (is_available, load): (bool, i64) = set.get(&place).copied().unwrap_or((true, 0));
            let (soft, hard) = match limits.get(&place) {
                Some(limits) => *limits,
                None => (row.get(2)?, row.get(3)?),
            };
            let is_on_it = on.contains(&place);
            on_them.push(AgentChannel {
                channel_id: place.1,
                available: connected && is_on_it && is_available,
                load,
                soft,
                hard,
                name: row.get(1)?,
                is_on_it,
            });
        }
        agents.push(Agent {
            user_id,
            connected,
            idle_since: row.get(2)?,
            channels: on_them,
            custom_status_id: row.get(3)?,
        });
    }
    Ok(agents)
}

/// How much of a channel an agent takes, in a statement on `users` and `channels`: what their capacity profile says of it,
/// or else the channel.
pub(super) const PROFILE: &str =
    "LEFT JOIN user_capacity_channels ON user_capacity_channels.user_capacity_id = users.user_capacity_id
       AND user_capacity_channels.channel_id = channels.id";
pub(super) const SOFT: &str = "coalesce(default_capacity, soft_capability)";
pub(super) const HARD: &str = "coalesce(max_capacity, hard_capability)";

/// How many tasks of a channel are offered to each of these agents at most, now; none for who is not there, or away.
pub fn rooms(tx: &mut dyn Tx, user_ids: &[Id], channel_id: Id) -> Result<HashMap<Id, i64>> {
    let condition = tx.in_list("users.id", 1);
    let sql = format!(
        "SELECT users.id, {SOFT} FROM channels JOIN users ON {condition}
         JOIN agent_presences ON agent_presences.user_id = users.id
         LEFT JOIN agent_channels ON agent_channels.user_id = users.id AND agent_channels.channel_id = channels.id
         {PROFILE}
         WHERE channels.id = $2 AND connected AND coalesce(available, TRUE) AND users.enabled"
    );
    tx.query(&sql, args![user_ids, &channel_id])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// A user as an agent.
pub fn agent(tx: &mut dyn Tx, user_id: Id) -> Result<Option<Agent>> {
    Ok(agents(tx, Some(&[user_id]))?.pop())
}

/// Who may reply on which channel.
fn on_channels(tx: &mut dyn Tx, user_ids: &[Id]) -> Result<HashSet<(Id, Id)>> {
    let sql = format!(
        "SELECT DISTINCT user_id, channel_id FROM source_permissions JOIN sources ON sources.id = source_id
         WHERE channel_id IS NOT NULL AND rights & {} <> 0 AND {}",
        SourceRight::Reply as i64,
        tx.in_list("user_id", 1)
    );
    tx.query(&sql, args![user_ids])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// What `select` finds of these users, by user and channel: its columns are the two, and two values.
fn by_channel<A: FromValue, B: FromValue>(
    tx: &mut dyn Tx,
    select: &str,
    user_column: &str,
    user_ids: &[Id],
) -> Result<HashMap<(Id, Id), (A, B)>> {
    let sql = format!("{select} WHERE {}", tx.in_list(user_column, 1));
    let rows = tx.query(&sql, args![user_ids])?;
    rows.iter().map(|row| Ok(((row.get(0)?, row.get(1)?), (row.get(2)?, row.get(3)?)))).collect()
}

/// The users of rows that name one of these in a column.
fn matching(tx: &mut dyn Tx, table: &str, column: &str, wanted: &[Id]) -> Result<BTreeSet<Id>> {
    let sql = format!("SELECT DISTINCT user_id FROM {table} WHERE {}", tx.in_list(column, 1));
    tx.query(&sql, args![wanted])?.iter().map(|row| row.get(0)).collect()
}

/// Who may reply on one of these sources.
fn repliers(tx: &mut dyn Tx, source_ids: &[Id]) -> Result<BTreeSet<Id>> {
    let sql = format!(
        "SELECT DISTINCT user_id FROM source_permissions WHERE rights & {} <> 0 AND {}",
        SourceRight::Reply as i64,
        tx.in_list("source_id", 1)
    );
    tx.query(&sql, args![source_ids])?.iter().map(|row| row.get(0)).collect()
}

/// Who, of all who are connected, speaks one of these languages, as routing takes it.
fn speakers(tx: &mut dyn Tx, languages: &[String]) -> Result<BTreeSet<Id>> {
    let sql = "SELECT users.id, spoken_languages FROM agent_presences JOIN users ON users.id = user_id WHERE connected";
    let mut found = BTreeSet::new();
    for row in tx.query(sql, args![])? {
        let spoken: String = row.get(1)?;
        let spoken: Vec<String> = serde_json::from_str(&spoken).unwrap_or_default();
        if spoken.iter().any(|spoken| languages.iter().any(|language| speaks(spoken, language))) {
            found.insert(row.get(0)?);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_is_as_busy_as_their_tasks_and_limits_say() {
        for (load, soft, hard, expected) in [
            (0, 1, 1, Busyness::Unoccupied),
            (0, 2, 4, Busyness::Unoccupied),
            (1, 2, 4, Busyness::Ok),
            (2, 2, 4, Busyness::Busy),
            (3, 2, 4, Busyness::Busy),
            (4, 2, 4, Busyness::Full),
            (9, 2, 4, Busyness::Full),
            (1, 1, 1, Busyness::Full),
        ] {
            assert_eq!(Busyness::of(load, soft, hard), expected, "{load} of {soft} and {hard}");
        }
    }
}
