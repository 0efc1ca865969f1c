//! Identity lists: customers that people put together by hand, such as those of a campaign.

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::events;
use crate::identities::{self, Identity, Search, readable_communities};

const NAME_CHARACTERS_MAX: usize = 255;
const LISTS_MAX: i64 = 1_000;
/// Identities in one list.
const MEMBERS_MAX: i64 = 10_000;
/// Identities in one request.
const CHANGED_MAX: usize = 150;

/// An identity list as REST shows it.
#[derive(Debug, Serialize, JsonSchema)]
struct IdentityList {
    id: Id,
    name: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str = "SELECT id, name, created_at, updated_at FROM identity_lists";

fn identity_list(row: &Row) -> Result<IdentityList> {
    Ok(IdentityList { id: row.get(0)?, name: row.get(1)?, created_at: row.get(2)?, updated_at: row.get(3)? })
}

/// Parameters of `createIdentityList` and `updateIdentityList`.
#[derive(Deserialize, JsonSchema)]
struct Named {
    /// What people call it; unique without regard to case.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: String,
}

/// Parameters of `addToIdentityList` and `removeFromIdentityList`.
#[derive(Deserialize, JsonSchema)]
struct Members {
    /// The identities; those that are in the list already, or are not, change nothing.
    #[schemars(length(max = CHANGED_MAX))]
    identity_ids: Vec<Id>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Identity Lists";
    let (read, write) = (&[Permission::ReadIdentity, Permission::ManageIdentities], &[Permission::ManageIdentities]);
    let path = "/identity_lists/{identityListId}";
    vec![
        Operation::read("getAllIdentityLists", Method::GET, "/identity_lists", list)
            .tag(tag)
            .summary("Lists identity lists by name.")
            .permissions(read)
            .extension(),
        Operation::read("getIdentityList", Method::GET, path, |call, _: NoParameters, tx| find(call, tx))
            .tag(tag)
            .summary("Reads an identity list.")
            .permissions(read)
            .extension(),
        Operation::write("createIdentityList", Method::POST, "/identity_lists", create)
            .tag(tag)
            .summary("Creates an identity list.")
            .permissions(write)
            .extension(),
        Operation::write("updateIdentityList", Method::PUT, path, rename)
            .tag(tag)
            .summary("Renames an identity list.")
            .permissions(write)
            .extension(),
        Operation::write("deleteIdentityList", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes an identity list; its identities stay.")
            .permissions(write)
            .extension(),
        Operation::read(
            "getIdentitiesOfIdentityList",
            Method::GET,
            "/identity_lists/{identityListId}/identities",
            members,
        )
        .tag(tag)
        .summary("Lists the identities of a list, newest first.")
        .notes("Only those that the caller may see, as of all identities.")
        .permissions(read)
        .extension(),
        Operation::write(
            "addToIdentityList",
            Method::PUT,
            "/identity_lists/{identityListId}/add",
            |call, members: Members, tx| change(call, &members.identity_ids, true, tx),
        )
        .tag(tag)
        .summary("Puts identities into a list.")
        .permissions(write)
        .extension(),
        Operation::write(
            "removeFromIdentityList",
            Method::PUT,
            "/identity_lists/{identityListId}/remove",
            |call, members: Members, tx| change(call, &members.identity_ids, false, tx),
        )
        .tag(tag)
        .summary("Takes identities out of a list.")
        .permissions(write)
        .extension(),
    ]
}

fn find(call: &Call, tx: &mut dyn Tx) -> Result<IdentityList> {
    by_id(tx, call.id("identityListId", "identity list")?)
}

fn by_id(tx: &mut dyn Tx, id: Id) -> Result<IdentityList> {
    let row = tx.first(&format!("{SELECT} WHERE id = $1"), args![&id])?;
    identity_list(&row.ok_or_else(|| error::not_found("identity list"))?)
}

fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<IdentityList>> {
    let filter = Filter::default();
    let count = filter.count(tx, "identity_lists", paging.offset, paging.limit)?;
    let rows = filter.page(tx, SELECT, "name_key", paging.offset, paging.limit)?;
    Ok(Page::new(count, paging, rows.iter().map(identity_list).collect::<Result<_>>()?))
}

fn members(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Identity>> {
    let search = Search::of_list(find(call, tx)?.id);
    identities::page(call, &search, "id DESC", paging, tx)
}

fn create(call: &Call, parameters: Named, tx: &mut dyn Tx) -> Result<IdentityList> {
    let id = call.env.id();
    let name = checked_name(tx, id, &parameters.name)?;
    if tx.one("SELECT count(*) FROM identity_lists", args![])?.get::<i64>(0)? >= LISTS_MAX {
        let message = format!("There are {LISTS_MAX} identity lists, and there can be no more: delete one first.");
        return Err(error::unprocessable("too_many_identity_lists", message));
    }
    tx.execute(
        "INSERT INTO identity_lists (id, name, name_key, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
        args![&id, name, key(name).as_bytes(), call.env.now()],
    )?;
    tx.append(events::by(call, "identity_list.created", id, None, json!({})));
    by_id(tx, id)
}

fn rename(call: &Call, parameters: Named, tx: &mut dyn Tx) -> Result<IdentityList> {
    let before = find(call, tx)?;
    let name = checked_name(tx, before.id, &parameters.name)?;
    if name == before.name {
        return Ok(before);
    }
    tx.execute(
        "UPDATE identity_lists SET name = $2, name_key = $3 WHERE id = $1",
        args![&before.id, name, key(name).as_bytes()],
    )?;
    updated(call, before.id, json!({ "changed": ["name"] }), tx)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<IdentityList> {
    let gone = find(call, tx)?;
    // Its members go by the reference that they hold.
    tx.execute("DELETE FROM identity_lists WHERE id = $1", args![&gone.id])?;
    tx.append(events::by(call, "identity_list.destroyed", gone.id, None, json!({})));
    Ok(gone)
}

fn change(call: &Call, identity_ids: &[Id], put_in: bool, tx: &mut dyn Tx) -> Result<IdentityList> {
    let before = find(call, tx)?;
    if identity_ids.len() > CHANGED_MAX {
        let message = format!("identity_ids has too many elements (at most {CHANGED_MAX}).");
        return Err(error::invalid("identity_ids", "too_long", message));
    }
    require_visible(call, identity_ids, tx)?;
    let mut changed: Vec<Id> = Vec::new();
    for identity_id in identity_ids {
        let rows = match put_in {
            true => tx.execute(
                "INSERT INTO identity_list_members (identity_list_id, identity_id, added_at) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
                args![&before.id, identity_id, call.env.now()],
            )?,
            false => tx.execute(
                "DELETE FROM identity_list_members WHERE identity_list_id = $1 AND identity_id = $2",
                args![&before.id, identity_id],
            )?,
        };
        if rows > 0 {
            changed.push(*identity_id);
        }
    }
    if changed.is_empty() {
        return Ok(before);
    }
    let sql = "SELECT count(*) FROM identity_list_members WHERE identity_list_id = $1";
    if put_in && tx.one(sql, args![&before.id])?.get::<i64>(0)? > MEMBERS_MAX {
        let message = format!("identity_ids: a list holds at most {MEMBERS_MAX} identities.");
        return Err(error::invalid("identity_ids", "too_many", message));
    }
    let verb = if put_in { "added" } else { "removed" };
    updated(call, before.id, json!({ "changed": ["identity_ids"], verb: changed }), tx)
}

/// 422 unless the caller may see all of these.
fn require_visible(call: &Call, identity_ids: &[Id], tx: &mut dyn Tx) -> Result<()> {
    let readable = readable_communities(tx, &call.caller, None)?;
    let sql = format!("SELECT id, community_id FROM identities WHERE {}", tx.in_list("id", 1));
    let mut visible = Vec::new();
    for row in tx.query(&sql, args![identity_ids])? {
        if readable.binary_search(&row.get(1)?).is_ok() {
            visible.push(row.get::<Id>(0)?);
        }
    }
    match identity_ids.iter().find(|id| !visible.contains(id)) {
        None => Ok(()),
        Some(unknown) => {
            let message = format!("identity_ids: there is no identity {unknown}, or you may not see it.");
            Err(error::invalid("identity_ids", "unknown", message))
        }
    }
}

fn updated(call: &Call, id: Id, told: Value, tx: &mut dyn Tx) -> Result<IdentityList> {
    tx.execute("UPDATE identity_lists SET updated_at = $2 WHERE id = $1", args![&id, call.env.now()])?;
    tx.append(events::by(call, "identity_list.updated", id, None, told));
    by_id(tx, id)
}

fn key(name: &str) -> String {
    name.to_lowercase()
}

fn checked_name<'n>(tx: &mut dyn Tx, id: Id, name: &'n str) -> Result<&'n str> {
    let name = name.trim();
    if name.is_empty() {
        return Err(error::invalid("name", "blank", "name can't be blank."));
    }
    if name.chars().count() > NAME_CHARACTERS_MAX {
        return Err(error::invalid("name", "too_long", format!("name has at most {NAME_CHARACTERS_MAX} characters.")));
    }
    let sql = "SELECT 1 FROM identity_lists WHERE name_key = $1 AND id <> $2";
    if tx.first(sql, args![key(name).as_bytes(), &id])?.is_some() {
        return Err(error::invalid("name", "taken", "name: there is an identity list with this name already."));
    }
    Ok(name)
}
