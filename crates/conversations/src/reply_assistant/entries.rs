//! Entries: answers that are kept ready, each under a name and shortcuts.

use std::collections::HashMap;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_people::checked::{self, NAME_CHARACTERS_MAX};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{ENTRIES_MAX, IDS_MAX, groups, sources, stored};
use crate::{attachments, categories, events};

/// At most this many shortcuts of one entry.
const SHORTCUTS_MAX: usize = 20;
const SHORTCUT_CHARACTERS_MAX: usize = 50;

/// An entry as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReplyAssistantEntry")]
pub(super) struct Entry {
    pub(super) id: Id,
    label: String,
    /// By what another system knows it.
    foreign_id: Option<String>,
    /// It is offered for contents with one of these categories; empty: for all.
    category_ids: Vec<Id>,
    /// Separated by commas.
    #[serde(serialize_with = "joined")]
    #[schemars(with = "String")]
    shortcuts: Vec<String>,
    entry_group_id: Option<Id>,
    /// Where it is offered; empty: everywhere.
    source_ids: Vec<Id>,
    version_ids: Vec<Id>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// The published schema says that it is one text.
fn joined<S: serde::Serializer>(shortcuts: &[String], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&shortcuts.join(","))
}

const COLUMNS: &str = "id, label, foreign_id, category_ids, shortcuts, group_id, source_ids, created_at, updated_at";

fn entry(row: &Row) -> Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        label: row.get(1)?,
        foreign_id: row.get(2)?,
        category_ids: stored(&row.get::<String>(3)?)?,
        shortcuts: stored(&row.get::<String>(4)?)?,
        entry_group_id: row.get(5)?,
        source_ids: stored(&row.get::<String>(6)?)?,
        version_ids: Vec::new(),
        created_at: row.get(7)?,
        updated_at: row.get(8)?,
    })
}

/// Parameters of `createReplyAssistantEntry`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    label: String,
}

/// Parameters of `updateReplyAssistantEntry`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    label: Option<String>,
    /// By what another system knows it, such as KB042; empty: nothing.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    foreign_id: Option<String>,
    /// The categories for which it is offered; empty: for all.
    category_ids: Option<Vec<Id>>,
    /// What agents type behind a slash to get it: words without spaces and commas.
    shortcuts: Option<Vec<String>>,
    /// The group that it is in; empty: none.
    #[serde(default, deserialize_with = "given::or_empty")]
    entry_group_id: Option<Option<Id>>,
    /// The sources where it is offered, of those that the caller may read; empty: everywhere.
    source_ids: Option<Vec<Id>>,
}

pub(super) fn operations() -> Vec<Operation> {
    let (all, one) = ("/reply_assistant/entries", "/reply_assistant/entries/{replyAssistantEntryId}");
    [
        Operation::read("getAllReplyAssistantEntries", Method::GET, all, list)
            .summary("Lists the reply assistant's entries, oldest first."),
        Operation::read("getReplyAssistantEntry", Method::GET, one, |call, _: NoParameters, tx| find(tx, id(call)?))
            .summary("Reads an entry."),
        Operation::write("createReplyAssistantEntry", Method::POST, all, create)
            .summary("Creates an entry, for versions to be added to."),
        Operation::write("updateReplyAssistantEntry", Method::PUT, one, update).summary("Updates an entry."),
        Operation::write("deleteReplyAssistantEntry", Method::DELETE, one, delete)
            .summary("Deletes an entry with its versions."),
    ]
    .into_iter()
    .map(|operation| operation.tag("Reply Assistant Entries").permissions(&[Permission::ManageReplyAssistant]))
    .collect()
}

fn id(call: &Call) -> Result<Id> {
    call.id("replyAssistantEntryId", "entry")
}

/// An entry with the ids of its versions; 404 when there is none.
pub(super) fn find(tx: &mut dyn Tx, id: Id) -> Result<Entry> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM reply_assistant_entries WHERE id = $1"), args![&id])?;
    let found = entry(&row.ok_or_else(|| error::not_found("entry"))?)?;
    with_versions(tx, vec![found])?.pop().ok_or_else(|| error::not_found("entry"))
}

fn with_versions(tx: &mut dyn Tx, mut entries: Vec<Entry>) -> Result<Vec<Entry>> {
    let ids: Vec<Id> = entries.iter().map(|entry| entry.id).collect();
    let sql = format!(
        "SELECT entry_id, id FROM reply_assistant_versions WHERE {} ORDER BY created_at, id",
        tx.in_list("entry_id", 1)
    );
    let mut versions: HashMap<Id, Vec<Id>> = HashMap::new();
    for row in tx.query(&sql, args![&ids])? {
        versions.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    for entry in &mut entries {
        entry.version_ids = versions.remove(&entry.id).unwrap_or_default();
    }
    Ok(entries)
}

fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Entry>> {
    let count = tx.one("SELECT count(*) FROM reply_assistant_entries", args![])?.get(0)?;
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM reply_assistant_entries ORDER BY created_at, id LIMIT $1 OFFSET $2"),
        args![paging.limit, paging.offset],
    )?;
    let entries = rows.iter().map(entry).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, with_versions(tx, entries)?))
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Entry> {
    let label = checked::name("label", &parameters.label)?;
    super::require_room(tx, "reply_assistant_entries", ENTRIES_MAX, "entries")?;
    let (id, now) = (call.env.id(), call.env.now());
    tx.execute(
        "INSERT INTO reply_assistant_entries (id, label, category_ids, shortcuts, source_ids, created_at, updated_at)
         VALUES ($1, $2, '[]', '[]', '[]', $3, $3)",
        args![&id, &label, now],
    )?;
    tx.append(events::by(call, "reply_assistant_knowledge_base_entry.created", id, None, json!({})));
    find(tx, id)
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Entry> {
    let before = find(tx, id(call)?)?;
    let mut after = before.clone();
    if let Some(label) = &parameters.label {
        after.label = checked::name("label", label)?;
    }
    if let Some(foreign_id) = &parameters.foreign_id {
        after.foreign_id = checked::optional("foreign_id", foreign_id)?;
    }
    if let Some(ids) = parameters.category_ids {
        let ids = checked::distinct("category_ids", ids, IDS_MAX)?;
        let new: Vec<Id> = ids.iter().copied().filter(|id| !before.category_ids.contains(id)).collect();
        categories::require_known(tx, &new, "category_ids")?;
        after.category_ids = ids;
    }
    if let Some(shortcuts) = &parameters.shortcuts {
        after.shortcuts = checked_shortcuts(shortcuts)?;
    }
    if let Some(group_id) = parameters.entry_group_id {
        if let Some(group_id) = group_id {
            groups::require(tx, group_id)?;
        }
        after.entry_group_id = group_id;
    }
    if let Some(ids) = parameters.source_ids {
        after.source_ids = sources(call, &before.source_ids, ids)?;
    }
    let changed = changed_fields(&before, &after);
    if changed.is_empty() {
        return Ok(before);
    }
    tx.execute(
        "UPDATE reply_assistant_entries SET label = $2, foreign_id = $3, category_ids = $4, shortcuts = $5, group_id = $6,
           source_ids = $7, updated_at = $8
         WHERE id = $1",
        args![
            &after.id,
            &after.label,
            &after.foreign_id,
            &json!(after.category_ids).to_string(),
            &json!(after.shortcuts).to_string(),
            &after.entry_group_id,
            &json!(after.source_ids).to_string(),
            call.env.now()
        ],
    )?;
    let payload = json!({ "changed": changed });
    tx.append(events::by(call, "reply_assistant_knowledge_base_entry.updated", after.id, None, payload));
    find(tx, after.id)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Entry> {
    let found = find(tx, id(call)?)?;
    attachments::remove_of_versions(tx, &found.version_ids)?;
    tx.execute("DELETE FROM reply_assistant_versions WHERE entry_id = $1", args![&found.id])?;
    tx.execute("DELETE FROM reply_assistant_entries WHERE id = $1", args![&found.id])?;
    for version_id in &found.version_ids {
        let payload = json!({ "entry_id": found.id });
        tx.append(events::by(call, "reply_assistant_knowledge_base_version.destroyed", *version_id, None, payload));
    }
    tx.append(events::by(call, "reply_assistant_knowledge_base_entry.destroyed", found.id, None, json!({})));
    Ok(found)
}

/// Entries that were offered for a category are offered for the one that takes its place, or for one less.
pub(crate) fn replace_category(call: &Call, id: Id, heir_id: Option<Id>, tx: &mut dyn Tx) -> Result<()> {
    // Hexadecimal: nothing in it means more to LIKE.
    let sql = format!("SELECT {COLUMNS} FROM reply_assistant_entries WHERE category_ids LIKE $1");
    for row in tx.query(&sql, args![&format!("%{id}%")])? {
        let mut found = entry(&row)?;
        let heir_id = heir_id.filter(|heir_id| !found.category_ids.contains(heir_id));
        found.category_ids.retain(|one| *one != id);
        found.category_ids.extend(heir_id);
        found.category_ids.sort_unstable();
        tx.execute(
            "UPDATE reply_assistant_entries SET category_ids = $2, updated_at = $3 WHERE id = $1",
            args![&found.id, &json!(found.category_ids).to_string(), call.env.now()],
        )?;
        let payload = json!({ "changed": ["category_ids"] });
        tx.append(events::by(call, "reply_assistant_knowledge_base_entry.updated", found.id, None, payload));
    }
    Ok(())
}

/// What is typed behind a slash, so a slash before it is not part of it.
fn checked_shortcuts(given: &[String]) -> Result<Vec<String>> {
    let mut shortcuts: Vec<String> = Vec::with_capacity(given.len());
    let refuse = |kind, message: String| Err(error::invalid("shortcuts", kind, message));
    for text in given {
        let text = text.trim();
        let shortcut = text.strip_prefix('/').unwrap_or(text);
        if shortcut.is_empty() {
            continue;
        }
        if shortcut.chars().any(|c| c.is_whitespace() || c.is_control() || c == ',' || c == '/') {
            return refuse("invalid", "shortcuts: words without spaces, commas and slashes.".into());
        }
        if shortcut.chars().count() > SHORTCUT_CHARACTERS_MAX {
            return refuse("too_long", format!("shortcuts have at most {SHORTCUT_CHARACTERS_MAX} characters."));
        }
        if !shortcuts.iter().any(|known| known.eq_ignore_ascii_case(shortcut)) {
            shortcuts.push(shortcut.to_owned());
        }
    }
    if shortcuts.len() > SHORTCUTS_MAX {
        return refuse("too_long", format!("shortcuts has at most {SHORTCUTS_MAX} elements."));
    }
    Ok(shortcuts)
}

/// The names of the attributes that differ.
fn changed_fields(before: &Entry, after: &Entry) -> Vec<&'static str> {
    [
        ("label", before.label != after.label),
        ("foreign_id", before.foreign_id != after.foreign_id),
        ("category_ids", before.category_ids != after.category_ids),
        ("shortcuts", before.shortcuts != after.shortcuts),
        ("entry_group_id", before.entry_group_id != after.entry_group_id),
        ("source_ids", before.source_ids != after.source_ids),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::{SHORTCUT_CHARACTERS_MAX, SHORTCUTS_MAX, checked_shortcuts};

    #[test]
    fn shortcuts_are_single_words() {
        let check =
            |given: &[&str]| checked_shortcuts(&given.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(check(&["hello", " /Bye ", "HELLO", "", "été"]).unwrap(), ["hello", "Bye", "été"]);
        assert!(check(&[&"é".repeat(SHORTCUT_CHARACTERS_MAX)]).is_ok());
        for wrong in ["two words", "a,b", "a/b", "a\u{0}", &"é".repeat(SHORTCUT_CHARACTERS_MAX + 1)] {
            assert!(check(&[wrong]).is_err(), "{wrong:?}");
        }
        let many: Vec<String> = (0..=SHORTCUTS_MAX).map(|number| number.to_string()).collect();
        assert!(checked_shortcuts(&many).is_err() && checked_shortcuts(&many[1..]).is_ok());
    }
}
