//! Groups of entries, in an order of their own. An entry is in at most one.

use std::collections::HashMap;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_people::checked::{self, NAME_CHARACTERS_MAX};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ENTRIES_MAX, GROUPS_MAX};
use crate::events;

const POSITION_MAX: i64 = 1_000_000;

/// A group as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReplyAssistantGroup")]
struct Group {
    id: Id,
    name: String,
    /// Whether its entries are completed by their names while an agent writes, and not by their shortcuts alone.
    autocomplete: bool,
    /// Groups are shown in this order, the lowest first.
    position: i64,
    entry_ids: Vec<Id>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, autocomplete, position, created_at, updated_at";

fn group(row: &Row) -> Result<Group> {
    Ok(Group {
        id: row.get(0)?,
        name: row.get(1)?,
        autocomplete: row.get(2)?,
        position: row.get(3)?,
        entry_ids: Vec::new(),
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
    })
}

/// Parameters of `createReplyAssistantGroup`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: String,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Parameters of `updateReplyAssistantGroup`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: Option<String>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// What a group is made of beside its name.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// All its entries, in place of those before; they leave the groups that they were in.
    entry_ids: Option<Vec<Id>>,
    /// Whether its entries are completed by their names while an agent writes, and not by their shortcuts alone.
    autocomplete: Option<bool>,
    /// Groups are shown in this order, the lowest first; behind the others when absent.
    #[schemars(range(min = 0, max = POSITION_MAX))]
    position: Option<i64>,
}

pub(super) fn operations() -> Vec<Operation> {
    let (all, one) = ("/reply_assistant/groups", "/reply_assistant/groups/{replyAssistantGroupId}");
    [
        Operation::read("getAllReplyAssistantGroups", Method::GET, all, list)
            .summary("Lists the reply assistant's groups, oldest first."),
        Operation::read("getReplyAssistantGroup", Method::GET, one, |call, _: NoParameters, tx| find(tx, id(call)?))
            .summary("Reads a group."),
        Operation::write("createReplyAssistantGroup", Method::POST, all, create).summary("Creates a group of entries."),
        Operation::write("updateReplyAssistantGroup", Method::PUT, one, update).summary("Updates a group of entries."),
        Operation::write("deleteReplyAssistantGroup", Method::DELETE, one, delete)
            .summary("Deletes a group; its entries stay, and are in none."),
    ]
    .into_iter()
    .map(|operation| operation.tag("Reply Assistant Groups").permissions(&[Permission::ManageReplyAssistant]))
    .collect()
}

fn id(call: &Call) -> Result<Id> {
    call.id("replyAssistantGroupId", "group")
}

/// 422 unless there is such a group.
pub(super) fn require(tx: &mut dyn Tx, id: Id) -> Result<()> {
    checked::known(tx, "reply_assistant_groups", &[id], "entry_group_id", "group")
}

fn find(tx: &mut dyn Tx, id: Id) -> Result<Group> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM reply_assistant_groups WHERE id = $1"), args![&id])?;
    let found = group(&row.ok_or_else(|| error::not_found("group"))?)?;
    with_entries(tx, vec![found])?.pop().ok_or_else(|| error::not_found("group"))
}

fn with_entries(tx: &mut dyn Tx, mut groups: Vec<Group>) -> Result<Vec<Group>> {
    let ids: Vec<Id> = groups.iter().map(|group| group.id).collect();
    let sql = format!(
        "SELECT group_id, id FROM reply_assistant_entries WHERE {} ORDER BY created_at, id",
        tx.in_list("group_id", 1)
    );
    let mut entries: HashMap<Id, Vec<Id>> = HashMap::new();
    for row in tx.query(&sql, args![&ids])? {
        entries.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    for group in &mut groups {
        group.entry_ids = entries.remove(&group.id).unwrap_or_default();
    }
    Ok(groups)
}

fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Group>> {
    let count = tx.one("SELECT count(*) FROM reply_assistant_groups", args![])?.get(0)?;
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM reply_assistant_groups ORDER BY created_at, id LIMIT $1 OFFSET $2"),
        args![paging.limit, paging.offset],
    )?;
    let groups = rows.iter().map(group).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, with_entries(tx, groups)?))
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Group> {
    let name = checked::name("name", &parameters.name)?;
    super::require_room(tx, "reply_assistant_groups", GROUPS_MAX, "groups")?;
    let position = match parameters.attributes.position {
        Some(position) => checked_position(position)?,
        None => {
            let last: Option<i64> = tx.one("SELECT max(position) FROM reply_assistant_groups", args![])?.get(0)?;
            last.map_or(0, |last| (last + 1).min(POSITION_MAX))
        }
    };
    let (id, now) = (call.env.id(), call.env.now());
    let autocomplete = parameters.attributes.autocomplete.unwrap_or(false);
    tx.execute(
        &format!("INSERT INTO reply_assistant_groups ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $5)"),
        args![&id, &name, autocomplete, position, now],
    )?;
    if let Some(entry_ids) = parameters.attributes.entry_ids {
        gather(call, id, entry_ids, tx)?;
    }
    tx.append(events::by(call, "reply_assistant_knowledge_base_group.created", id, None, json!({})));
    find(tx, id)
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Group> {
    let before = find(tx, id(call)?)?;
    let mut after = before.clone();
    if let Some(name) = &parameters.name {
        after.name = checked::name("name", name)?;
    }
    let Attributes { entry_ids, autocomplete, position } = parameters.attributes;
    after.autocomplete = autocomplete.unwrap_or(after.autocomplete);
    after.position = position.map(checked_position).transpose()?.unwrap_or(after.position);
    let mut changed = Vec::new();
    if let Some(entry_ids) = entry_ids
        && gather(call, after.id, entry_ids, tx)?
    {
        changed.push("entry_ids");
    }
    let differing = [
        ("name", before.name != after.name),
        ("autocomplete", before.autocomplete != after.autocomplete),
        ("position", before.position != after.position),
    ];
    changed.extend(differing.into_iter().filter_map(|(name, differs)| differs.then_some(name)));
    if changed.is_empty() {
        return Ok(before);
    }
    tx.execute(
        "UPDATE reply_assistant_groups SET name = $2, autocomplete = $3, position = $4, updated_at = $5 WHERE id = $1",
        args![&after.id, &after.name, after.autocomplete, after.position, call.env.now()],
    )?;
    let payload = json!({ "changed": changed });
    tx.append(events::by(call, "reply_assistant_knowledge_base_group.updated", after.id, None, payload));
    find(tx, after.id)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Group> {
    let found = find(tx, id(call)?)?;
    gather(call, found.id, Vec::new(), tx)?;
    tx.execute("DELETE FROM reply_assistant_groups WHERE id = $1", args![&found.id])?;
    tx.append(events::by(call, "reply_assistant_knowledge_base_group.destroyed", found.id, None, json!({})));
    Ok(found)
}

fn checked_position(position: i64) -> Result<i64> {
    if (0..=POSITION_MAX).contains(&position) {
        return Ok(position);
    }
    let message = format!("position is a number from 0 to {POSITION_MAX}.");
    Err(error::invalid("position", "inclusion", message))
}

/// Puts these entries and no others into a group; whether that changed anything.
fn gather(call: &Call, group_id: Id, entry_ids: Vec<Id>, tx: &mut dyn Tx) -> Result<bool> {
    let wanted = checked::distinct("entry_ids", entry_ids, usize::try_from(ENTRIES_MAX).unwrap_or(usize::MAX))?;
    checked::known(tx, "reply_assistant_entries", &wanted, "entry_ids", "entry")?;
    let rows = tx.query("SELECT id FROM reply_assistant_entries WHERE group_id = $1", args![&group_id])?;
    let there = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    let gone = there.iter().filter(|id| !wanted.contains(id)).map(|id| (*id, None));
    let come = wanted.iter().filter(|id| !there.contains(id)).map(|id| (*id, Some(group_id)));
    let moves: Vec<(Id, Option<Id>)> = gone.chain(come).collect();
    for (entry_id, group_id) in &moves {
        tx.execute(
            "UPDATE reply_assistant_entries SET group_id = $2, updated_at = $3 WHERE id = $1",
            args![entry_id, group_id, call.env.now()],
        )?;
        let payload = json!({ "changed": ["entry_group_id"] });
        tx.append(events::by(call, "reply_assistant_knowledge_base_entry.updated", *entry_id, None, payload));
    }
    Ok(!moves.is_empty())
}
