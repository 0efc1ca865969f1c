//! Who might ever answer: what the store says of them, as the engine sees it. Everybody with `receive_tasks`, at work or
//! not: whether anybody could answer decides whether a task waits.

use std::collections::HashMap;

use frontdesk_model::{Id, Permission, Permissions, Result, SourceRight, SourceRights, error};
use frontdesk_people::presence;
use frontdesk_store::{Tx, args};

use crate::engine::{Agent, Seat};

/// Those of these users who may receive tasks; of all, when none are named. Who is missing may not.
pub(crate) fn facts(tx: &mut dyn Tx, ids: Option<&[Id]>) -> Result<Vec<Agent>> {
    let users = "SELECT users.id, users.spoken_languages, roles.permissions FROM users
         JOIN roles ON roles.id = users.role_id WHERE users.enabled AND users.deleted_at IS NULL";
    let rows = match ids {
        Some(ids) => {
            let sql = format!("{users} AND {} ORDER BY users.id", tx.in_list("users.id", 1));
            tx.query(&sql, args![ids])?
        }
        None => tx.query(&format!("{users} ORDER BY users.id"), args![])?,
    };
    let mut agents = Vec::new();
    for row in rows {
        let permissions: String = row.get(2)?;
        if !Permissions::from_text(&permissions).has(Permission::ReceiveTasks) {
            continue;
        }
        let languages: String = row.get(1)?;
        agents.push(Agent {
            id: row.get(0)?,
            languages: serde_json::from_str(&languages)
                .map_err(|trouble| error::broken(format!("users.spoken_languages: {trouble}")))?,
            ..Agent::default()
        });
    }
    let ids: Vec<Id> = agents.iter().map(|agent| agent.id).collect();
    let mut sources = sources(tx, &ids)?;
    let mut categories = links(tx, "user_categories", "category_id", &ids)?;
    let mut teams = links(tx, "team_users", "team_id", &ids)?;
    let mut present: HashMap<Id, presence::Agent> =
        presence::agents(tx, Some(&ids))?.into_iter().map(|agent| (agent.user_id, agent)).collect();
    for agent in &mut agents {
        agent.source_ids = sources.remove(&agent.id).unwrap_or_default();
        agent.category_ids = categories.remove(&agent.id).unwrap_or_default();
        agent.team_ids = teams.remove(&agent.id).unwrap_or_default();
        let Some(here) = present.remove(&agent.id) else { continue };
        agent.connected = here.connected;
        agent.idle_since = here.idle_since;
        agent.seats = here
            .channels
            .into_iter()
            .map(|seat| Seat {
                channel_id: seat.channel_id,
                available: seat.available,
                soft: seat.soft,
                hard: seat.hard,
            })
            .collect();
    }
    Ok(agents)
}

/// One of them.
pub(crate) fn one(tx: &mut dyn Tx, id: Id) -> Result<Option<Agent>> {
    Ok(facts(tx, Some(&[id]))?.pop())
}

/// How many tasks of a channel each agent has on their hands.
pub(crate) fn loads(tx: &mut dyn Tx, channel_id: Id) -> Result<HashMap<Id, i64>> {
    let sql = "SELECT user_id, count(*) FROM task_agents WHERE channel_id = $1 GROUP BY user_id";
    tx.query(sql, args![&channel_id])?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// By user: the sources on which they may reply, in order.
fn sources(tx: &mut dyn Tx, ids: &[Id]) -> Result<HashMap<Id, Vec<Id>>> {
    let condition = tx.in_list("user_id", 1);
    let sql = format!("SELECT user_id, source_id, rights FROM source_permissions WHERE {condition} ORDER BY source_id");
    let mut found: HashMap<Id, Vec<Id>> = HashMap::new();
    for row in tx.query(&sql, args![ids])? {
        if SourceRights::from_bits(row.get(2)?).has(SourceRight::Reply) {
            found.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
    }
    Ok(found)
}

fn links(tx: &mut dyn Tx, table: &str, column: &str, ids: &[Id]) -> Result<HashMap<Id, Vec<Id>>> {
    let condition = tx.in_list("user_id", 1);
    let sql = format!("SELECT user_id, {column} FROM {table} WHERE {condition} ORDER BY {column}");
    let mut found: HashMap<Id, Vec<Id>> = HashMap::new();
    for row in tx.query(&sql, args![ids])? {
        found.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(found)
}
