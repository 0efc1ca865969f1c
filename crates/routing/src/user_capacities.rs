//! Capacity profiles: how many tasks of a channel an agent takes, in place of what the channel says. A user has
//! one or none (`user_capacity_id`); of channels that it does not name, the channel's own limits hold.

use std::collections::HashMap;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_people::checked;
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::channels::{self, CAPABILITY_MAX};
use crate::events;

/// Nobody chooses from more.
const CAPACITIES_MAX: i64 = 500;
/// Channels of one profile: as many as there can be.
const CHANNELS_MAX: usize = 300;

/// A capacity profile as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
struct UserCapacity {
    id: Id,
    name: String,
    /// In the order in which they were given.
    channels: Vec<ChannelCapacity>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What holds on one channel.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
struct ChannelCapacity {
    /// The channel.
    id: Id,
    /// In place of its `soft_capability`.
    default_capacity: i64,
    /// In place of its `hard_capability`.
    max_capacity: i64,
}

const COLUMNS: &str = "id, name, created_at, updated_at";

fn capacity(row: &Row) -> Result<UserCapacity> {
    Ok(UserCapacity {
        id: row.get(0)?,
        name: row.get(1)?,
        channels: Vec::new(),
        created_at: row.get(2)?,
        updated_at: row.get(3)?,
    })
}

/// Parameters of `createUserCapacity`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What people call it; unique without regard to case.
    #[schemars(length(max = checked::NAME_CHARACTERS_MAX))]
    name: String,
    /// What holds on which channel; the order of the parameters is important in forms, as a capacity belongs to the
    /// channel_id above it.
    channels: Option<Vec<Given>>,
}

/// Parameters of `updateUserCapacity`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it; unique without regard to case.
    #[schemars(length(max = checked::NAME_CHARACTERS_MAX))]
    name: Option<String>,
    /// Given, it replaces all that was there.
    channels: Option<Vec<Given>>,
}

/// What holds on one channel.
#[derive(Deserialize, JsonSchema)]
struct Given {
    /// The channel.
    channel_id: Id,
    /// Tasks at which the agent is busy, at least 1; as the channel says when absent.
    default_capacity: Option<i64>,
    /// Tasks at which the agent is full, at most 1,000; as the channel says when absent.
    max_capacity: Option<i64>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let (tag, path) = ("User Capacities", "/user_capacities/{userCapacityId}");
    let permissions = &[Permission::ManageTopologies];
    vec![
        Operation::read("getAllUserCapacities", Method::GET, "/user_capacities", list)
            .tag(tag)
            .summary("Lists capacity profiles, oldest first.")
            .permissions(permissions),
        Operation::read("getUserCapacity", Method::GET, path, |call, _: NoParameters, tx| find(call, tx))
            .tag(tag)
            .summary("Reads a capacity profile.")
            .permissions(permissions),
        Operation::write("createUserCapacity", Method::POST, "/user_capacities", create)
            .tag(tag)
            .summary("Creates a capacity profile; users get it by user_capacity_id.")
            .permissions(permissions),
        Operation::write("updateUserCapacity", Method::PUT, path, update)
            .tag(tag)
            .summary("Changes a capacity profile, for all who have it.")
            .permissions(permissions),
        Operation::write("deleteUserCapacity", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a capacity profile; for who had it the limits of the channels hold.")
            .permissions(permissions),
    ]
}

fn find(call: &Call, tx: &mut dyn Tx) -> Result<UserCapacity> {
    by_id(tx, call.id("userCapacityId", "user capacity")?)
}

fn by_id(tx: &mut dyn Tx, id: Id) -> Result<UserCapacity> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM user_capacities WHERE id = $1"), args![&id])?;
    let found = capacity(&row.ok_or_else(|| error::not_found("user capacity"))?)?;
    Ok(with_channels(tx, vec![found])?.remove(0))
}

fn with_channels(tx: &mut dyn Tx, mut capacities: Vec<UserCapacity>) -> Result<Vec<UserCapacity>> {
    let ids: Vec<Id> = capacities.iter().map(|capacity| capacity.id).collect();
    let sql = format!(
        "SELECT user_capacity_id, channel_id, default_capacity, max_capacity FROM user_capacity_channels
         WHERE {} ORDER BY user_capacity_id, position",
        tx.in_list("user_capacity_id", 1)
    );
    let mut channels: HashMap<Id, Vec<ChannelCapacity>> = HashMap::new();
    for row in tx.query(&sql, args![&ids])? {
        channels.entry(row.get(0)?).or_default().push(ChannelCapacity {
            id: row.get(1)?,
            default_capacity: row.get(2)?,
            max_capacity: row.get(3)?,
        });
    }
    for capacity in &mut capacities {
        capacity.channels = channels.remove(&capacity.id).unwrap_or_default();
    }
    Ok(capacities)
}

fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<UserCapacity>> {
    let filter = Filter::default();
    let count = filter.count(tx, "user_capacities", paging.offset, paging.limit)?;
    let sql = format!("SELECT {COLUMNS} FROM user_capacities");
    let rows = filter.page(tx, &sql, "created_at, id", paging.offset, paging.limit)?;
    let capacities = rows.iter().map(capacity).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, with_channels(tx, capacities)?))
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<UserCapacity> {
    let (id, now) = (call.env.id(), call.env.now());
    let name = free_name(tx, id, &parameters.name)?;
    let channels = checked_channels(tx, parameters.channels.unwrap_or_default())?;
    if tx.one("SELECT count(*) FROM user_capacities", args![])?.get::<i64>(0)? >= CAPACITIES_MAX {
        let message =
            format!("There are {CAPACITIES_MAX} user capacities, and there can be no more: delete one first.");
        return Err(error::unprocessable("too_many_user_capacities", message));
    }
    tx.execute(
        &format!("INSERT INTO user_capacities ({COLUMNS}, name_key) VALUES ($1, $2, $3, $3, $4)"),
        args![&id, &name, now, name.to_lowercase().as_bytes()],
    )?;
    write_channels(tx, id, &channels)?;
    tx.append(events::by(call, "capability_scheme.created", id, json!({})));
    by_id(tx, id)
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<UserCapacity> {
    let before = find(call, tx)?;
    let name = match parameters.name {
        Some(name) => free_name(tx, before.id, &name)?,
        None => before.name.clone(),
    };
    let channels = match parameters.channels {
        Some(given) => checked_channels(tx, given)?,
        None => before.channels.clone(),
    };
    let fields = [("name", name != before.name), ("channels", channels != before.channels)];
    let fields: Vec<&str> = fields.iter().filter_map(|(field, is_changed)| is_changed.then_some(*field)).collect();
    if fields.is_empty() {
        return Ok(before);
    }
    tx.execute(
        "UPDATE user_capacities SET name = $2, name_key = $3, updated_at = $4 WHERE id = $1",
        args![&before.id, &name, name.to_lowercase().as_bytes(), call.env.now()],
    )?;
    write_channels(tx, before.id, &channels)?;
    tx.append(events::by(call, "capability_scheme.updated", before.id, json!({ "changed": fields })));
    by_id(tx, before.id)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<UserCapacity> {
    let gone = find(call, tx)?;
    tx.execute("UPDATE users SET user_capacity_id = NULL WHERE user_capacity_id = $1", args![&gone.id])?;
    // Its channels go by the reference that they hold.
    tx.execute("DELETE FROM user_capacities WHERE id = $1", args![&gone.id])?;
    tx.append(events::by(call, "capability_scheme.destroyed", gone.id, json!({})));
    Ok(gone)
}

fn write_channels(tx: &mut dyn Tx, id: Id, channels: &[ChannelCapacity]) -> Result<()> {
    tx.execute("DELETE FROM user_capacity_channels WHERE user_capacity_id = $1", args![&id])?;
    for (position, channel) in channels.iter().enumerate() {
        tx.execute(
            "INSERT INTO user_capacity_channels
               (user_capacity_id, channel_id, position, default_capacity, max_capacity)
             VALUES ($1, $2, $3, $4, $5)",
            args![&id, &channel.id, position as i64, channel.default_capacity, channel.max_capacity],
        )?;
    }
    Ok(())
}

/// The limits that were given, completed by those of the channels; 422 for what cannot be.
fn checked_channels(tx: &mut dyn Tx, given: Vec<Given>) -> Result<Vec<ChannelCapacity>> {
    let wrong = |kind: &str, message: String| Err(error::invalid("channels", kind, message));
    if given.len() > CHANNELS_MAX {
        return wrong("too_long", format!("channels has at most {CHANNELS_MAX} elements."));
    }
    let mut channels: Vec<ChannelCapacity> = Vec::with_capacity(given.len());
    for given in given {
        let id = given.channel_id;
        let Some(channel) = channels::find(tx, id)? else {
            return wrong("unknown", format!("channels: there is no channel {id}."));
        };
        if channels.iter().any(|other| other.id == id) {
            return wrong("taken", format!("channels names the channel {id} twice."));
        }
        // What is absent is the channel's, as far as it goes with what was given.
        let default_capacity = given.default_capacity.unwrap_or_else(|| {
            given.max_capacity.map_or(channel.soft_capability, |max| max.min(channel.soft_capability))
        });
        let max_capacity = given.max_capacity.unwrap_or(channel.hard_capability.max(default_capacity));
        if default_capacity < 1 || max_capacity < default_capacity || max_capacity > CAPABILITY_MAX {
            let message = format!(
                "channels: of {id}, default_capacity must be at least 1, and max_capacity at least as much and at most \
                 {CAPABILITY_MAX}."
            );
            return wrong("out_of_range", message);
        }
        channels.push(ChannelCapacity { id, default_capacity, max_capacity });
    }
    Ok(channels)
}

fn free_name(tx: &mut dyn Tx, id: Id, name: &str) -> Result<String> {
    let name = checked::name("name", name)?;
    let sql = "SELECT 1 FROM user_capacities WHERE name_key = $1 AND id <> $2";
    if tx.first(sql, args![name.to_lowercase().as_bytes(), &id])?.is_some() {
        return Err(error::invalid("name", "taken", "name: there is a user capacity with this name already."));
    }
    Ok(name)
}
