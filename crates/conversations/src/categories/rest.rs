//! The operations on categories.

use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, SourceRight, Timestamp, error};
use frontdesk_people::checked::{self, NAME_CHARACTERS_MAX};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Branches, jobs};
use crate::{Conversations, events, reply_assistant, sources};

const COLOR_MAX: i64 = 6;

/// A category as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
struct Category {
    id: Id,
    name: String,
    /// The category above; null for a root.
    parent_id: Option<Id>,
    color: i64,
    /// Whether closing asks for a category below this root.
    mandatory: bool,
    /// Whether an object may carry several categories below this root.
    multiple: bool,
    post_qualification: bool,
    /// Whether this root itself cannot be chosen.
    unselectable: bool,
    /// Where this root and what is below it are offered; empty: everywhere.
    source_ids: Vec<Id>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const COLUMNS: &str = "id, name, parent_id, color, mandatory, multiple, post_qualification, unselectable, source_ids,
    created_at, updated_at";

fn category(row: &Row) -> Result<Category> {
    let source_ids: String = row.get(8)?;
    Ok(Category {
        id: row.get(0)?,
        name: row.get(1)?,
        parent_id: row.get(2)?,
        color: row.get(3)?,
        mandatory: row.get(4)?,
        multiple: row.get(5)?,
        post_qualification: row.get(6)?,
        unselectable: row.get(7)?,
        source_ids: super::parse_sources(&source_ids)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

/// Parameters of `getAllCategories`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only these categories: ids, separated by commas.
    ids: Option<String>,
    /// Only the categories right below this one.
    parent_id: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Parameters of `createCategory`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: String,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Parameters of `updateCategory`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: Option<String>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// What a category is made of beside its name.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// The category above; empty makes it a root.
    #[serde(default, deserialize_with = "given::or_empty")]
    parent_id: Option<Option<Id>>,
    /// The colour it is shown in, 0 to 6.
    #[schemars(range(min = 0, max = COLOR_MAX))]
    color: Option<i64>,
    /// Whether closing asks for a category below it; roots only.
    mandatory: Option<bool>,
    /// Whether an object may carry several categories below it; roots only.
    multiple: Option<bool>,
    /// Whether it is asked for after the conversation; roots only.
    post_qualification: Option<bool>,
    /// Whether it cannot be chosen itself; roots only.
    unselectable: Option<bool>,
    /// The sources where it and what is below it can be chosen, of those that the caller may read; empty: everywhere. What
    /// carries it elsewhere may keep it. Roots only.
    source_ids: Option<Vec<Id>>,
}

/// Parameters of `deleteCategory`.
#[derive(Deserialize, JsonSchema)]
struct Delete {
    /// The category that takes its place on everything that carries it; nothing does when absent.
    take_over_category_id: Option<Id>,
}

pub(crate) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Categories";
    let permissions = &[Permission::ManageCategories];
    let path = "/categories/{categoryId}";
    let roots = "mandatory, multiple, post_qualification, unselectable and source_ids count on roots only; below a \
                 parent they are false and empty.";
    vec![
        Operation::read("getAllCategories", Method::GET, "/categories", list)
            .tag(tag)
            .summary("Lists categories, oldest first."),
        Operation::read("getCategory", Method::GET, path, |call, _: NoParameters, tx| show(call, tx))
            .tag(tag)
            .summary("Reads a category."),
        Operation::write("createCategory", Method::POST, "/categories", create)
            .tag(tag)
            .summary("Creates a category.")
            .notes(roots)
            .permissions(permissions),
        Operation::write("updateCategory", Method::PUT, path, update)
            .tag(tag)
            .summary("Updates a category.")
            .notes(roots)
            .permissions(permissions),
        Operation::write("deleteCategory", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a category that has none below it.")
            .notes("What carried it carries take_over_category_id from then on, or one category less.")
            .permissions(permissions),
    ]
}

fn list(_: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Category>> {
    let mut filter = Filter::default();
    filter.and(jobs::IS_THERE);
    let ids = given::text(parameters.ids).map(|ids| given::ids(&ids));
    if let Some(ids) = &ids {
        filter.and_in(tx, "id", ids);
    }
    let Ok(parent_id) = given::id(parameters.parent_id.as_deref()) else {
        return Ok(Page::new(0, parameters.paging, Vec::new()));
    };
    if let Some(parent_id) = &parent_id {
        filter.and_equal("parent_id", parent_id);
    }
    let Paging { offset, limit } = parameters.paging;
    let count = filter.count(tx, "categories", offset, limit)?;
    let rows = filter.page(tx, &format!("SELECT {COLUMNS} FROM categories"), "created_at, id", offset, limit)?;
    Ok(Page::new(count, parameters.paging, rows.iter().map(category).collect::<Result<_>>()?))
}

fn show(call: &Call, tx: &mut dyn Tx) -> Result<Category> {
    let row = tx.first(
        &format!("SELECT {COLUMNS} FROM categories WHERE id = $1 AND {}", jobs::IS_THERE),
        args![&call.id("categoryId", "category")?],
    )?;
    category(&row.ok_or_else(|| error::not_found("category"))?)
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Category> {
    let now = call.env.now();
    let blank = Category {
        id: call.env.id(),
        name: String::new(),
        parent_id: None,
        color: 0,
        mandatory: false,
        multiple: false,
        post_qualification: false,
        unselectable: false,
        source_ids: Vec::new(),
        created_at: now,
        updated_at: now,
    };
    let category = changed(tx, call, &blank, Some(&parameters.name), parameters.attributes)?;
    tx.execute(
        &format!("INSERT INTO categories ({COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10)"),
        args![
            &category.id,
            &category.name,
            &category.parent_id,
            category.color,
            category.mandatory,
            category.multiple,
            category.post_qualification,
            category.unselectable,
            &json!(category.source_ids).to_string(),
            now
        ],
    )?;
    let payload = json!({ "parent_id": category.parent_id });
    tx.append(events::by(call, "category.created", category.id, None, payload));
    Ok(category)
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Category> {
    let before = show(call, tx)?;
    let after = changed(tx, call, &before, parameters.name.as_deref(), parameters.attributes)?;
    let fields = changed_fields(&before, &after);
    if fields.is_empty() {
        return Ok(before);
    }
    let category = Category { updated_at: call.env.now(), ..after };
    tx.execute(
        "UPDATE categories SET name = $2, parent_id = $3, color = $4, mandatory = $5, multiple = $6,
           post_qualification = $7, unselectable = $8, source_ids = $9, updated_at = $10
         WHERE id = $1",
        args![
            &category.id,
            &category.name,
            &category.parent_id,
            category.color,
            category.mandatory,
            category.multiple,
            category.post_qualification,
            category.unselectable,
            &json!(category.source_ids).to_string(),
            category.updated_at
        ],
    )?;
    tx.append(events::by(call, "category.updated", category.id, None, json!({ "changed": fields })));
    Ok(category)
}

fn delete(call: &Call, parameters: Delete, tx: &mut dyn Tx) -> Result<Category> {
    let category = show(call, tx)?;
    if tx.first("SELECT 1 FROM categories WHERE parent_id = $1 LIMIT 1", args![&category.id])?.is_some() {
        let message = "The category has others below it: delete or move those first.";
        return Err(error::unprocessable("category_has_children", message));
    }
    if let Some(heir_id) = parameters.take_over_category_id {
        require_heir(tx, category.id, heir_id)?;
        tx.execute(
            "UPDATE user_categories SET category_id = $2
             WHERE category_id = $1 AND user_id NOT IN (SELECT user_id FROM user_categories WHERE category_id = $2)",
            args![&category.id, &heir_id],
        )?;
    }
    sources::replace_category(call, category.id, parameters.take_over_category_id, tx)?;
    reply_assistant::replace_category(call, category.id, parameters.take_over_category_id, tx)?;
    tx.execute("DELETE FROM user_categories WHERE category_id = $1", args![&category.id])?;
    jobs::begin(tx, &call.env, category.id, parameters.take_over_category_id)?;
    let payload = json!({ "take_over_category_id": parameters.take_over_category_id });
    tx.append(events::by(call, "category.destroyed", category.id, None, payload));
    Ok(category)
}

/// It cannot be below the category that goes, which has none below it by then.
fn require_heir(tx: &mut dyn Tx, id: Id, heir_id: Id) -> Result<()> {
    let refuse = |kind, reason: &str| {
        Err(error::invalid("take_over_category_id", kind, format!("take_over_category_id: {reason}.")))
    };
    if heir_id == id {
        return refuse("invalid", "a category cannot take over from itself");
    }
    let branches = Branches::load(tx, &[heir_id, id])?;
    match branches.0.get(&heir_id) {
        None => refuse("unknown", "there is no such category"),
        Some(heir) if heir.unselectable => refuse("unselectable", "this category cannot be chosen itself"),
        Some(_) if !branches.covers(heir_id, id) => {
            refuse("not_offered", "this category is not offered on all sources where the other one is")
        }
        Some(_) => Ok(()),
    }
}

/// The category with what was given; 422 for what cannot be.
fn changed(tx: &mut dyn Tx, call: &Call, before: &Category, name: Option<&str>, given: Attributes) -> Result<Category> {
    let mut category = before.clone();
    if let Some(name) = name {
        category.name = checked::name("name", name)?;
    }
    if let Some(color) = given.color {
        if !(0..=COLOR_MAX).contains(&color) {
            return Err(error::invalid("color", "inclusion", format!("color is a number from 0 to {COLOR_MAX}.")));
        }
        category.color = color;
    }
    if let Some(parent_id) = given.parent_id {
        if let Some(parent_id) = parent_id {
            require_parent(tx, category.id, parent_id)?;
        }
        category.parent_id = parent_id;
    }
    if category.parent_id.is_some() {
        return Ok(Category {
            mandatory: false,
            multiple: false,
            post_qualification: false,
            unselectable: false,
            source_ids: Vec::new(),
            ..category
        });
    }
    category.mandatory = given.mandatory.unwrap_or(category.mandatory);
    category.multiple = given.multiple.unwrap_or(category.multiple);
    category.post_qualification = given.post_qualification.unwrap_or(category.post_qualification);
    category.unselectable = given.unselectable.unwrap_or(category.unselectable);
    if let Some(mut source_ids) = given.source_ids {
        source_ids.sort_unstable();
        source_ids.dedup();
        // Who may not read a source may still keep it where somebody else put it.
        let may_name = |id: &Id| before.source_ids.contains(id) || call.caller.may_on(*id, SourceRight::Read);
        checked::nameable_sources(&source_ids, may_name)?;
        category.source_ids = source_ids;
    }
    Ok(category)
}

fn require_parent(tx: &mut dyn Tx, id: Id, parent_id: Id) -> Result<()> {
    let above = Branches::load(tx, &[parent_id])?;
    if !above.0.contains_key(&parent_id) {
        return Err(error::invalid("parent_id", "unknown", "parent_id: there is no such category."));
    }
    if above.0.contains_key(&id) {
        let message = "parent_id: a category cannot be below itself or below one of its own.";
        return Err(error::invalid("parent_id", "invalid", message));
    }
    Ok(())
}

/// The names of the attributes that differ.
fn changed_fields(before: &Category, after: &Category) -> Vec<&'static str> {
    [
        ("name", before.name != after.name),
        ("parent_id", before.parent_id != after.parent_id),
        ("color", before.color != after.color),
        ("mandatory", before.mandatory != after.mandatory),
        ("multiple", before.multiple != after.multiple),
        ("post_qualification", before.post_qualification != after.post_qualification),
        ("unselectable", before.unselectable != after.unselectable),
        ("source_ids", before.source_ids != after.source_ids),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}
