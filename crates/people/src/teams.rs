//! Teams: people who work together. A leader sees and manages the members, if their role lets them.

use std::collections::HashMap;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{checked, events, users};

/// At most this many members of one team.
const MEMBERS_MAX: usize = 2_000;
/// At most this many leaders of one team.
const LEADERS_MAX: usize = 200;

/// A team as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
struct Team {
    id: Id,
    name: String,
    leader_ids: Vec<Id>,
    user_ids: Vec<Id>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn team(row: &Row) -> Result<Team> {
    Ok(Team {
        id: row.get(0)?,
        name: row.get(1)?,
        leader_ids: Vec::new(),
        user_ids: Vec::new(),
        created_at: row.get(2)?,
        updated_at: row.get(3)?,
    })
}

const COLUMNS: &str = "id, name, created_at, updated_at";

/// The teams that a user belongs to, oldest first.
pub fn of_user(tx: &mut dyn Tx, user_id: Id) -> Result<Vec<Id>> {
    let sql = "SELECT team_id FROM team_users WHERE user_id = $1 ORDER BY team_id";
    tx.query(sql, args![&user_id])?.iter().map(|row| row.get(0)).collect()
}

/// The teams that a user leads, oldest first.
pub fn led_by(tx: &mut dyn Tx, user_id: Id) -> Result<Vec<Id>> {
    let sql = "SELECT team_id FROM team_leaders WHERE user_id = $1 ORDER BY team_id";
    tx.query(sql, args![&user_id])?.iter().map(|row| row.get(0)).collect()
}

/// The members of the teams that a user leads or belongs to.
pub fn mates(tx: &mut dyn Tx, user_id: Id) -> Result<Vec<Id>> {
    let mut team_ids = led_by(tx, user_id)?;
    team_ids.extend(of_user(tx, user_id)?);
    let sql = format!("SELECT DISTINCT user_id FROM team_users WHERE {}", tx.in_list("team_id", 1));
    tx.query(&sql, args![&team_ids])?.iter().map(|row| row.get(0)).collect()
}

/// The members of the teams that a user leads.
pub fn led_members(tx: &mut dyn Tx, leader_id: Id) -> Result<Vec<Id>> {
    let sql = "SELECT DISTINCT team_users.user_id FROM team_leaders
         JOIN team_users ON team_users.team_id = team_leaders.team_id
         WHERE team_leaders.user_id = $1 ORDER BY team_users.user_id";
    tx.query(sql, args![&leader_id])?.iter().map(|row| row.get(0)).collect()
}

/// Whether a user belongs to a team that `leader_id` leads.
pub fn leads(tx: &mut dyn Tx, leader_id: Id, user_id: Id) -> Result<bool> {
    let sql = "SELECT 1 FROM team_leaders JOIN team_users ON team_users.team_id = team_leaders.team_id
         WHERE team_leaders.user_id = $1 AND team_users.user_id = $2 LIMIT 1";
    Ok(tx.first(sql, args![&leader_id, &user_id])?.is_some())
}

/// 422 unless each of these teams can take one more member.
pub(crate) fn require_room(tx: &mut dyn Tx, ids: &[Id]) -> Result<()> {
    let condition = tx.in_list("team_id", 1);
    let sql = format!("SELECT team_id FROM team_users WHERE {condition} GROUP BY team_id HAVING count(*) >= $2");
    if tx.first(&sql, args![ids, MEMBERS_MAX as i64])?.is_some() {
        let message = format!("team_ids: a team has at most {MEMBERS_MAX} members.");
        return Err(error::invalid("team_ids", "too_long", message));
    }
    Ok(())
}

/// Parameters of `createTeam` and `updateTeam`.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// What people call it; needed when it is created.
    name: Option<String>,
    /// The users who lead it; given, it replaces all of them.
    leader_ids: Option<Vec<Id>>,
    /// The users who belong to it; given, it replaces all of them.
    user_ids: Option<Vec<Id>>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Teams";
    let permissions = &[Permission::ManageTeams];
    let path = "/teams/{teamId}";
    vec![
        Operation::read("getAllTeams", Method::GET, "/teams", list).tag(tag).summary("Lists teams, oldest first."),
        Operation::read("getTeam", Method::GET, path, |call, _: NoParameters, tx| find(tx, call.id("teamId", "team")?))
            .tag(tag)
            .summary("Reads a team."),
        Operation::write("createTeam", Method::POST, "/teams", create)
            .tag(tag)
            .summary("Creates a team.")
            .permissions(permissions),
        Operation::write("updateTeam", Method::PUT, path, update)
            .tag(tag)
            .summary("Renames a team, and replaces its leaders or members.")
            .permissions(permissions),
        Operation::write("deleteTeam", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a team; its users stay.")
            .permissions(permissions),
    ]
}

fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Team>> {
    let count = tx.one("SELECT count(*) FROM teams", args![])?.get(0)?;
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM teams ORDER BY created_at, id LIMIT $1 OFFSET $2"),
        args![paging.limit, paging.offset],
    )?;
    let teams = rows.iter().map(team).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, with_people(tx, teams)?))
}

fn find(tx: &mut dyn Tx, id: Id) -> Result<Team> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM teams WHERE id = $1"), args![&id])?;
    let team = team(&row.ok_or_else(|| error::not_found("team"))?)?;
    with_people(tx, vec![team])?.pop().ok_or_else(|| error::not_found("team"))
}

fn with_people(tx: &mut dyn Tx, mut teams: Vec<Team>) -> Result<Vec<Team>> {
    let ids: Vec<Id> = teams.iter().map(|team| team.id).collect();
    let mut leaders = people(tx, "team_leaders", &ids)?;
    let mut members = people(tx, "team_users", &ids)?;
    for team in &mut teams {
        team.leader_ids = leaders.remove(&team.id).unwrap_or_default();
        team.user_ids = members.remove(&team.id).unwrap_or_default();
    }
    Ok(teams)
}

fn people(tx: &mut dyn Tx, table: &str, team_ids: &[Id]) -> Result<HashMap<Id, Vec<Id>>> {
    let condition = tx.in_list("team_id", 1);
    let sql = format!("SELECT team_id, user_id FROM {table} WHERE {condition} ORDER BY team_id, user_id");
    let mut found: HashMap<Id, Vec<Id>> = HashMap::new();
    for row in tx.query(&sql, args![team_ids])? {
        found.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(found)
}

fn create(call: &Call, parameters: Attributes, tx: &mut dyn Tx) -> Result<Team> {
    let now = call.env.now();
    let id = call.env.id();
    let blank = Team {
        id,
        name: String::new(),
        leader_ids: Vec::new(),
        user_ids: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    let given = Attributes { name: Some(parameters.name.unwrap_or_default()), ..parameters };
    let team = changed(tx, &blank, given)?;
    tx.execute(&format!("INSERT INTO teams ({COLUMNS}) VALUES ($1, $2, $3, $3)"), args![&id, &team.name, now])?;
    write_people(tx, "team_leaders", id, &team.leader_ids)?;
    write_people(tx, "team_users", id, &team.user_ids)?;
    tx.append(events::by(call, "team.created", id, json!({})));
    Ok(team)
}

fn update(call: &Call, parameters: Attributes, tx: &mut dyn Tx) -> Result<Team> {
    let before = find(tx, call.id("teamId", "team")?)?;
    let after = changed(tx, &before, parameters)?;
    let mut fields = Vec::new();
    if before.name != after.name {
        fields.push("name");
    }
    if before.leader_ids != after.leader_ids {
        fields.push("leader_ids");
        write_people(tx, "team_leaders", before.id, &after.leader_ids)?;
    }
    if before.user_ids != after.user_ids {
        fields.push("user_ids");
        write_people(tx, "team_users", before.id, &after.user_ids)?;
    }
    if fields.is_empty() {
        return Ok(before);
    }
    let team = Team { updated_at: call.env.now(), ..after };
    let sql = "UPDATE teams SET name = $2, updated_at = $3 WHERE id = $1";
    tx.execute(sql, args![&team.id, &team.name, team.updated_at])?;
    tx.append(events::by(call, "team.updated", team.id, json!({ "changed": fields })));
    Ok(team)
}

fn changed(tx: &mut dyn Tx, before: &Team, given: Attributes) -> Result<Team> {
    let mut team = before.clone();
    if let Some(name) = given.name {
        team.name = checked::name("name", &name)?;
    }
    if let Some(ids) = given.leader_ids {
        team.leader_ids = checked::distinct("leader_ids", ids, LEADERS_MAX)?;
        users::require_known(tx, &team.leader_ids, "leader_ids")?;
    }
    if let Some(ids) = given.user_ids {
        team.user_ids = checked::distinct("user_ids", ids, MEMBERS_MAX)?;
        users::require_known(tx, &team.user_ids, "user_ids")?;
    }
    Ok(team)
}

/// Replaces the leaders or members of a team.
fn write_people(tx: &mut dyn Tx, table: &str, team_id: Id, user_ids: &[Id]) -> Result<()> {
    tx.execute(&format!("DELETE FROM {table} WHERE team_id = $1"), args![&team_id])?;
    let condition = tx.in_list("id", 2);
    let sql = format!("INSERT INTO {table} (team_id, user_id) SELECT $1, id FROM users WHERE {condition}");
    tx.execute(&sql, args![&team_id, user_ids])?;
    Ok(())
}

/// Parameters of `deleteTeam`.
#[derive(Deserialize, JsonSchema)]
struct Delete {
    /// Of no effect: the public description copied it from categories.
    #[serde(rename = "take_over_category_id")]
    _take_over_category_id: Option<String>,
}

fn delete(call: &Call, _: Delete, tx: &mut dyn Tx) -> Result<Team> {
    let team = find(tx, call.id("teamId", "team")?)?;
    tx.execute("DELETE FROM team_leaders WHERE team_id = $1", args![&team.id])?;
    tx.execute("DELETE FROM team_users WHERE team_id = $1", args![&team.id])?;
    tx.execute("DELETE FROM teams WHERE id = $1", args![&team.id])?;
    tx.append(events::by(call, "team.destroyed", team.id, json!({})));
    Ok(team)
}
