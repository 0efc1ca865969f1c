//! Presence statuses: the reasons to be away that agents choose from.

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::commands;
use crate::{checked, events};

/// Nobody chooses from more.
const STATUSES_MAX: i64 = 500;

/// A presence status as REST shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PresenceStatus {
    id: Id,
    name: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str = "SELECT id, name, created_at, updated_at FROM presence_statuses";

fn status(row: &Row) -> Result<PresenceStatus> {
    Ok(PresenceStatus { id: row.get(0)?, name: row.get(1)?, created_at: row.get(2)?, updated_at: row.get(3)? })
}

/// Parameters of `createPresenceStatus` and `updatePresenceStatus`.
#[derive(Deserialize, JsonSchema)]
struct Named {
    /// What agents choose; unique without regard to case.
    #[schemars(length(max = checked::NAME_CHARACTERS_MAX))]
    name: String,
}

pub(super) fn operations() -> Vec<Operation> {
    let (tag, path) = ("Presence Status", "/presence_status/{presenceStatusId}");
    let permissions = &[Permission::MonitorTasks];
    vec![
        Operation::read("getAllPresenceStatus", Method::GET, "/presence_status", list)
            .tag(tag)
            .summary("Lists presence statuses by name."),
        Operation::read("getPresenceStatus", Method::GET, path, |call, _: NoParameters, tx| find(tx, id(call)?))
            .tag(tag)
            .summary("Reads a presence status.")
            .permissions(permissions),
        Operation::write("createPresenceStatus", Method::POST, "/presence_status", create)
            .tag(tag)
            .summary("Creates a presence status: a reason to be away.")
            .permissions(permissions),
        Operation::write("updatePresenceStatus", Method::PUT, path, rename)
            .tag(tag)
            .summary("Renames a presence status.")
            .permissions(permissions),
        Operation::write("deletePresenceStatus", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a presence status; who is away for it stays away.")
            .permissions(permissions),
    ]
}

fn id(call: &Call) -> Result<Id> {
    call.id("presenceStatusId", "presence status")
}

/// A presence status; everybody may know of each.
pub(super) fn find(tx: &mut dyn Tx, id: Id) -> Result<PresenceStatus> {
    let row = tx.first(&format!("{SELECT} WHERE id = $1"), args![&id])?;
    status(&row.ok_or_else(|| error::not_found("presence status"))?)
}

fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<PresenceStatus>> {
    let filter = Filter::default();
    let count = filter.count(tx, "presence_statuses", paging.offset, paging.limit)?;
    let rows = filter.page(tx, SELECT, "name_key", paging.offset, paging.limit)?;
    Ok(Page::new(count, paging, rows.iter().map(status).collect::<Result<_>>()?))
}

fn create(call: &Call, parameters: Named, tx: &mut dyn Tx) -> Result<PresenceStatus> {
    let id = call.env.id();
    let name = free_name(tx, id, &parameters.name)?;
    if tx.one("SELECT count(*) FROM presence_statuses", args![])?.get::<i64>(0)? >= STATUSES_MAX {
        let message =
            format!("There are {STATUSES_MAX} presence statuses, and there can be no more: delete one first.");
        return Err(error::unprocessable("too_many_presence_statuses", message));
    }
    tx.execute(
        "INSERT INTO presence_statuses (id, name, name_key, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
        args![&id, &name, name.to_lowercase().as_bytes(), call.env.now()],
    )?;
    tx.append(events::by(call, "presence_status.created", id, json!({})));
    find(tx, id)
}

fn rename(call: &Call, parameters: Named, tx: &mut dyn Tx) -> Result<PresenceStatus> {
    let before = find(tx, id(call)?)?;
    let name = free_name(tx, before.id, &parameters.name)?;
    if name == before.name {
        return Ok(before);
    }
    tx.execute(
        "UPDATE presence_statuses SET name = $2, name_key = $3, updated_at = $4 WHERE id = $1",
        args![&before.id, &name, name.to_lowercase().as_bytes(), call.env.now()],
    )?;
    tx.append(events::by(call, "presence_status.updated", before.id, json!({ "changed": ["name"] })));
    find(tx, before.id)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<PresenceStatus> {
    let gone = find(tx, id(call)?)?;
    commands::forget_reason(call, gone.id, tx)?;
    tx.execute("DELETE FROM presence_statuses WHERE id = $1", args![&gone.id])?;
    tx.append(events::by(call, "presence_status.destroyed", gone.id, json!({})));
    Ok(gone)
}

fn free_name(tx: &mut dyn Tx, id: Id, name: &str) -> Result<String> {
    let name = checked::name("name", name)?;
    let sql = "SELECT 1 FROM presence_statuses WHERE name_key = $1 AND id <> $2";
    if tx.first(sql, args![name.to_lowercase().as_bytes(), &id])?.is_some() {
        return Err(error::invalid("name", "taken", "name: there is a presence status with this name already."));
    }
    Ok(name)
}
