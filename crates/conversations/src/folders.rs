//! Folders: kept searches of threads, in a tree. A shared folder is seen by everybody whom its restrictions let through;
//! one's own is seen by nobody else.

use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_people::checked::{self, NAME_CHARACTERS_MAX};
use frontdesk_people::teams;
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Conversations, events, threads};

/// At most this many shared folders.
const SHARED_MAX: i64 = 500;
/// At most this many folders of one's own.
const OWN_MAX: i64 = 100;
/// At most this many folders above each other.
const LEVELS_MAX: usize = 10;
/// At most this many roles, teams or users in one restriction.
const RESTRICTED_TO_MAX: usize = 100;
const POSITION_MIN: i64 = i32::MIN as i64;
const POSITION_MAX: i64 = i32::MAX as i64;

/// Whom a folder is for; an empty list is everybody.
#[derive(Clone, PartialEq, Default, Debug, Serialize, JsonSchema)]
struct Restriction {
    /// Their ids.
    only: Vec<Id>,
}

/// A folder as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
struct Folder {
    id: Id,
    label: String,
    /// The folder above; null for one at the top.
    parent_id: Option<Id>,
    /// Smaller ones come first.
    position: i64,
    /// What it finds, in the search language.
    query: String,
    /// Whether screens show how many threads it holds.
    render_threads_count: bool,
    role_restriction: Restriction,
    team_restriction: Restriction,
    user_restriction: Restriction,
    /// Whose own folder it is; null for a shared one.
    user_id: Option<Id>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const COLUMNS: &str =
    "id, label, parent_id, position, query, render_threads_count, role_ids, team_ids, user_ids, user_id,
    created_at, updated_at";

fn folder(row: &Row) -> Result<Folder> {
    let restriction = |index| -> Result<Restriction> {
        let only = serde_json::from_str(&row.get::<String>(index)?);
        Ok(Restriction { only: only.map_err(|trouble| error::broken(format!("a folder's restriction: {trouble}")))? })
    };
    Ok(Folder {
        id: row.get(0)?,
        label: row.get(1)?,
        parent_id: row.get(2)?,
        position: row.get(3)?,
        query: row.get(4)?,
        render_threads_count: row.get(5)?,
        role_restriction: restriction(6)?,
        team_restriction: restriction(7)?,
        user_restriction: restriction(8)?,
        user_id: row.get(9)?,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
    })
}

/// How many threads a folder holds for the caller.
#[derive(Serialize, JsonSchema)]
struct FolderCount {
    id: Id,
    /// Exact while it is small; more is a lower bound, as in lists.
    count: i64,
}

/// Parameters of `createFolder`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    label: String,
    /// Whether it is the caller's own, which takes no permission, and not a shared one.
    own: Option<bool>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Parameters of `updateFolder`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    label: Option<String>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// What a folder is made of beside its label.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// The folder above; empty puts it at the top.
    #[serde(default, deserialize_with = "given::or_empty")]
    parent_id: Option<Option<Id>>,
    /// Smaller ones come first; a new one is the last when it is absent.
    #[schemars(range(min = POSITION_MIN, max = POSITION_MAX))]
    position: Option<i64>,
    /// What it finds, in the search language of threads: active_and_assigned_to_me:true.
    query: Option<String>,
    /// Whether screens show how many threads it holds.
    render_threads_count: Option<bool>,
    /// Only users with one of these roles see it.
    role_restriction: Option<GivenRestriction>,
    /// Only members and leaders of one of these teams see it.
    team_restriction: Option<GivenRestriction>,
    /// Only these users see it.
    user_restriction: Option<GivenRestriction>,
}

/// A restriction as it is given: a hash with the key `only`.
#[derive(Deserialize, JsonSchema)]
struct GivenRestriction {
    /// Their ids; an empty list lifts the restriction.
    only: Option<Vec<Id>>,
}

pub(crate) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Folders";
    let path = "/folders/{folderId}";
    let whose = "A shared folder needs manage_folders; one's own does not, and nobody else sees it.";
    vec![
        Operation::read("getAllFolders", Method::GET, "/folders", list)
            .tag(tag)
            .summary("Lists the caller's own folders and the shared ones that they may see, by position.")
            .notes("Who holds manage_folders sees every shared folder; others those whose restrictions all let them through."),
        Operation::write("createFolder", Method::POST, "/folders", create)
            .tag(tag)
            .summary("Creates a folder.")
            .notes(whose),
        Operation::read("getFolder", Method::GET, path, |call, _: NoParameters, tx| find(call, tx))
            .tag(tag)
            .summary("Reads a folder."),
        Operation::write("updateFolder", Method::PUT, path, update).tag(tag).summary("Updates a folder.").notes(whose),
        Operation::write("deleteFolder", Method::DELETE, path, |call, _: NoParameters, tx| delete(call, tx))
            .tag(tag)
            .summary("Deletes a folder. Those below it move up to where it was.")
            .notes(whose),
        Operation::read("countFolder", Method::GET, "/folders/{folderId}/count", |call, _: NoParameters, tx| {
            let folder = find(call, tx)?;
            Ok(FolderCount { id: folder.id, count: threads::count(call, &folder.query, tx)? })
        })
        .tag(tag)
        .summary("Counts the threads that a folder holds for the caller.")
        .extension(),
    ]
}

/// What decides which folders a caller sees.
struct Viewer {
    user_id: Id,
    role_id: Id,
    team_ids: Vec<Id>,
    manages: bool,
}

impl Viewer {
    fn of(call: &Call, tx: &mut dyn Tx) -> Result<Viewer> {
        let user_id = call.caller.user_id;
        let role_id = tx.one("SELECT role_id FROM users WHERE id = $1", args![&user_id])?.get(0)?;
        let mut team_ids = teams::of_user(tx, user_id)?;
        team_ids.extend(teams::led_by(tx, user_id)?);
        Ok(Viewer { user_id, role_id, team_ids, manages: call.caller.may(Permission::ManageFolders) })
    }

    /// Every restriction has to let the viewer through.
    fn sees(&self, folder: &Folder) -> bool {
        if let Some(owner) = folder.user_id {
            return owner == self.user_id;
        }
        let lets = |restriction: &Restriction, own: &[Id]| {
            restriction.only.is_empty() || own.iter().any(|id| restriction.only.contains(id))
        };
        self.manages
            || (lets(&folder.role_restriction, &[self.role_id])
                && lets(&folder.team_restriction, &self.team_ids)
                && lets(&folder.user_restriction, &[self.user_id]))
    }
}

fn list(call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Folder>> {
    let viewer = Viewer::of(call, tx)?;
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM folders WHERE user_id IS NULL OR user_id = $1 ORDER BY position, created_at, id"
        ),
        args![&viewer.user_id],
    )?;
    let mut seen = rows.iter().map(folder).collect::<Result<Vec<_>>>()?;
    seen.retain(|folder| viewer.sees(folder));
    let count = seen.len() as i64;
    let (offset, limit) = (usize::try_from(paging.offset), usize::try_from(paging.limit));
    let window = seen.into_iter().skip(offset.unwrap_or(usize::MAX)).take(limit.unwrap_or(0)).collect();
    Ok(Page::new(count, paging, window))
}

/// A folder that the caller sees; anything else is missing.
fn find(call: &Call, tx: &mut dyn Tx) -> Result<Folder> {
    let id = call.id("folderId", "folder")?;
    visible(&Viewer::of(call, tx)?, id, tx)?.ok_or_else(|| error::not_found("folder"))
}

fn visible(viewer: &Viewer, id: Id, tx: &mut dyn Tx) -> Result<Option<Folder>> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM folders WHERE id = $1"), args![&id])?;
    Ok(row.map(|row| folder(&row)).transpose()?.filter(|folder| viewer.sees(folder)))
}

fn require_right(call: &Call, folder: &Folder) -> Result<()> {
    if folder.user_id.is_some() { Ok(()) } else { call.caller.require_any(&[Permission::ManageFolders]) }
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Folder> {
    let now = call.env.now();
    let owner = parameters.own.unwrap_or(false).then_some(call.caller.user_id);
    let blank = Folder {
        id: call.env.id(),
        label: String::new(),
        parent_id: None,
        position: 0,
        query: String::new(),
        render_threads_count: false,
        role_restriction: Restriction::default(),
        team_restriction: Restriction::default(),
        user_restriction: Restriction::default(),
        user_id: owner,
        created_at: now,
        updated_at: now,
    };
    require_right(call, &blank)?;
    let (has, max) = match &owner {
        Some(owner) => (tx.one("SELECT count(*) FROM folders WHERE user_id = $1", args![owner])?, OWN_MAX),
        None => (tx.one("SELECT count(*) FROM folders WHERE user_id IS NULL", args![])?, SHARED_MAX),
    };
    if has.get::<i64>(0)? >= max {
        return Err(error::unprocessable("too_many_folders", format!("There are {max} folders already; delete one.")));
    }
    let is_placed = parameters.attributes.position.is_some();
    let mut folder = changed(tx, call, &blank, Some(&parameters.label), parameters.attributes)?;
    if !is_placed {
        let last: Option<i64> = match &folder.parent_id {
            Some(above) => tx.one("SELECT max(position) FROM folders WHERE parent_id = $1", args![above])?.get(0)?,
            None => tx.one("SELECT max(position) FROM folders WHERE parent_id IS NULL", args![])?.get(0)?,
        };
        folder.position = last.map_or(0, |last| (last + 1).min(POSITION_MAX));
    }
    tx.execute(
        &format!("INSERT INTO folders ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)"),
        args![
            &folder.id,
            &folder.label,
            &folder.parent_id,
            folder.position,
            &folder.query,
            folder.render_threads_count,
            &json!(folder.role_restriction.only).to_string(),
            &json!(folder.team_restriction.only).to_string(),
            &json!(folder.user_restriction.only).to_string(),
            &folder.user_id,
            now
        ],
    )?;
    tx.append(events::by(call, "folder.created", folder.id, None, json!({ "parent_id": folder.parent_id })));
    Ok(folder)
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Folder> {
    let before = find(call, tx)?;
    require_right(call, &before)?;
    let after = changed(tx, call, &before, parameters.label.as_deref(), parameters.attributes)?;
    if after == before {
        return Ok(before);
    }
    let folder = Folder { updated_at: call.env.now(), ..after };
    tx.execute(
        "UPDATE folders SET label = $2, parent_id = $3, position = $4, query = $5, render_threads_count = $6,
           role_ids = $7, team_ids = $8, user_ids = $9, updated_at = $10
         WHERE id = $1",
        args![
            &folder.id,
            &folder.label,
            &folder.parent_id,
            folder.position,
            &folder.query,
            folder.render_threads_count,
            &json!(folder.role_restriction.only).to_string(),
            &json!(folder.team_restriction.only).to_string(),
            &json!(folder.user_restriction.only).to_string(),
            folder.updated_at
        ],
    )?;
    tx.append(events::by(call, "folder.updated", folder.id, None, json!({ "parent_id": folder.parent_id })));
    Ok(folder)
}

fn delete(call: &Call, tx: &mut dyn Tx) -> Result<Folder> {
    let folder = find(call, tx)?;
    require_right(call, &folder)?;
    let parent_id = folder.parent_id;
    tx.execute("UPDATE folders SET parent_id = $2 WHERE parent_id = $1", args![&folder.id, &parent_id])?;
    tx.execute("DELETE FROM folders WHERE id = $1", args![&folder.id])?;
    tx.append(events::by(call, "folder.destroyed", folder.id, None, json!({ "parent_id": parent_id })));
    Ok(folder)
}

/// The folder with what was given; 400 and 422 for what cannot be.
fn changed(tx: &mut dyn Tx, call: &Call, before: &Folder, label: Option<&str>, given: Attributes) -> Result<Folder> {
    let mut folder = before.clone();
    if let Some(label) = label {
        folder.label = checked::name("label", label)?;
    }
    if let Some(parent_id) = given.parent_id {
        if let Some(parent_id) = parent_id {
            require_parent(tx, call, &folder, parent_id)?;
        }
        folder.parent_id = parent_id;
    }
    if let Some(query) = given.query {
        threads::check_query(call, &query, tx).map_err(as_invalid_query)?;
        folder.query = query;
    }
    folder.position = given.position.unwrap_or(folder.position);
    folder.render_threads_count = given.render_threads_count.unwrap_or(folder.render_threads_count);
    for (name, table, given, kept) in [
        ("role_restriction", "roles", given.role_restriction, &mut folder.role_restriction),
        ("team_restriction", "teams", given.team_restriction, &mut folder.team_restriction),
        ("user_restriction", "users", given.user_restriction, &mut folder.user_restriction),
    ] {
        if let Some(given) = given {
            let only = restricted_to(tx, name, table, given, &kept.only)?;
            kept.only = only;
        }
    }
    Ok(folder)
}

/// The parser refuses a search with a 400 and its place; what is to be kept is refused as an attribute.
fn as_invalid_query(refused: error::Error) -> error::Error {
    match refused {
        error::Error::Refused(refusal) if refusal.status == 400 => {
            let message = refusal.message.strip_prefix("q: ").unwrap_or(&refusal.message);
            error::invalid("query", "invalid", format!("query: {message}"))
        }
        other => other,
    }
}

/// Those that were there may stay, also when they have gone meanwhile.
fn restricted_to(tx: &mut dyn Tx, name: &str, table: &str, given: GivenRestriction, before: &[Id]) -> Result<Vec<Id>> {
    let Some(only) = given.only else {
        return Err(error::bad_request(format!(
            "{name}: must be a hash with the key only, such as {name}[only][]=ID."
        )));
    };
    let only = checked::distinct(name, only, RESTRICTED_TO_MAX)?;
    let new: Vec<Id> = only.iter().filter(|id| !before.contains(id)).copied().collect();
    checked::known(tx, table, &new, name, table.trim_end_matches('s'))?;
    Ok(only)
}

/// A folder stands below one that its keeper sees, never below itself, and a shared one not below somebody's own.
fn require_parent(tx: &mut dyn Tx, call: &Call, folder: &Folder, parent_id: Id) -> Result<()> {
    let refuse = |kind, reason: &str| Err(error::invalid("parent_id", kind, format!("parent_id: {reason}.")));
    let Some(parent) = visible(&Viewer::of(call, tx)?, parent_id, tx)? else {
        return refuse("unknown", "there is no such folder");
    };
    if folder.user_id.is_none() && parent.user_id.is_some() {
        return refuse("invalid", "a shared folder cannot be below somebody's own");
    }
    let mut above = Some(parent_id);
    let mut levels = height(tx, folder.id)?;
    while let Some(id) = above {
        if id == folder.id {
            return refuse("invalid", "a folder cannot be below itself or below one of its own");
        }
        levels += 1;
        if levels > LEVELS_MAX {
            return refuse("too_deep", "at most 10 folders can be above each other");
        }
        above = tx.one("SELECT parent_id FROM folders WHERE id = $1", args![&id])?.get(0)?;
    }
    Ok(())
}

/// How many levels a folder has, its own among them.
fn height(tx: &mut dyn Tx, id: Id) -> Result<usize> {
    let mut level = vec![id];
    let mut levels = 0;
    while !level.is_empty() && levels <= LEVELS_MAX {
        levels += 1;
        let sql = format!("SELECT id FROM folders WHERE {}", tx.in_list("parent_id", 1));
        level = tx.query(&sql, args![&level])?.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
    }
    Ok(levels)
}
