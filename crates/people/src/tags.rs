//! Tags: labels that agents put on identity groups.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::checked::{self, NAME_CHARACTERS_MAX};
use crate::events;

/// A tag as REST shows it.
#[derive(Debug, Serialize, JsonSchema)]
struct Tag {
    id: Id,
    name: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, created_at, updated_at";

fn tag(row: &Row) -> Result<Tag> {
    Ok(Tag { id: row.get(0)?, name: row.get(1)?, created_at: row.get(2)?, updated_at: row.get(3)? })
}

/// Parameters of `getAllTags`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only these tags: ids, separated by commas.
    ids: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Parameters of `createTag` and `updateTag`.
#[derive(Deserialize, JsonSchema)]
struct Named {
    /// What people call it; unique without regard to case.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: String,
}

pub(crate) fn operations() -> Vec<Operation> {
    let heading = "Tags";
    let permissions = &[Permission::ManageTags];
    let path = "/tags/{tagId}";
    vec![
        Operation::read("getAllTags", Method::GET, "/tags", list).tag(heading).summary("Lists tags by name."),
        Operation::read("getTag", Method::GET, path, |call, _: NoParameters, tx| find(tx, id(call)?))
            .tag(heading)
            .summary("Reads a tag."),
        Operation::write("createTag", Method::POST, "/tags", create)
            .tag(heading)
            .summary("Creates a tag.")
            .permissions(permissions),
        Operation::write("updateTag", Method::PUT, path, update)
            .tag(heading)
            .summary("Renames a tag.")
            .permissions(permissions),
        Operation::write("deleteTag", Method::DELETE, path, delete)
            .tag(heading)
            .summary("Deletes a tag, and takes it off every identity group that carries it.")
            .permissions(permissions),
    ]
}

fn id(call: &Call) -> Result<Id> {
    call.id("tagId", "tag")
}

fn find(tx: &mut dyn Tx, id: Id) -> Result<Tag> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM tags WHERE id = $1"), args![&id])?;
    tag(&row.ok_or_else(|| error::not_found("tag"))?)
}

fn list(_: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Tag>> {
    let wanted = given::text(parameters.ids).map(|ids| given::ids(&ids));
    let mut filter = Filter::default();
    if let Some(ids) = &wanted {
        filter.and_in(tx, "id", ids);
    }
    let Paging { offset, limit } = parameters.paging;
    let count = filter.count(tx, "tags", offset, limit)?;
    let rows = filter.page(tx, &format!("SELECT {COLUMNS} FROM tags"), "name_key", offset, limit)?;
    Ok(Page::new(count, parameters.paging, rows.iter().map(tag).collect::<Result<_>>()?))
}

fn create(call: &Call, parameters: Named, tx: &mut dyn Tx) -> Result<Tag> {
    let id = call.env.id();
    let name = checked_name(tx, id, &parameters.name)?;
    tx.execute(
        "INSERT INTO tags (id, name, name_key, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)",
        args![&id, &name, key(&name).as_bytes(), call.env.now()],
    )?;
    tx.append(event(call, "tag.created", id));
    find(tx, id)
}

fn update(call: &Call, parameters: Named, tx: &mut dyn Tx) -> Result<Tag> {
    let tag = find(tx, id(call)?)?;
    let name = checked_name(tx, tag.id, &parameters.name)?;
    if name == tag.name {
        return Ok(tag);
    }
    tx.execute(
        "UPDATE tags SET name = $2, name_key = $3, updated_at = $4 WHERE id = $1",
        args![&tag.id, &name, key(&name).as_bytes(), call.env.now()],
    )?;
    tx.append(event(call, "tag.updated", tag.id));
    find(tx, tag.id)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Tag> {
    let tag = find(tx, id(call)?)?;
    // Groups lose it by the reference that they hold.
    tx.execute("DELETE FROM tags WHERE id = $1", args![&tag.id])?;
    tx.append(event(call, "tag.destroyed", tag.id));
    Ok(tag)
}

fn event(call: &Call, kind: &'static str, id: Id) -> NewEvent {
    events::caused_by(Some(call.caller.user_id), &call.env, kind, id)
}

fn key(name: &str) -> String {
    name.to_lowercase()
}

fn checked_name(tx: &mut dyn Tx, id: Id, name: &str) -> Result<String> {
    let name = checked::name("name", name)?;
    let taken = tx.first("SELECT 1 FROM tags WHERE name_key = $1 AND id <> $2", args![key(&name).as_bytes(), &id])?;
    if taken.is_some() {
        return Err(error::invalid("name", "taken", "name: there is a tag with this name already."));
    }
    Ok(name)
}
