//! Listing categories.

use std::fmt::Write;

use frontdesk_model::{Id, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::window;
use crate::mcp::text::{Fence, row};
use crate::mcp::tools::{Desk, Page, Told};

const CATEGORIES_MAX: i64 = 150;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Categories {
    /// Only the categories right below this one.
    parent_id: Option<String>,
    /// How many to skip.
    #[schemars(range(min = 0))]
    offset: Option<i64>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct CategoryList {
    /// How many there are.
    count: i64,
    offset: i64,
    /// At most 150.
    categories: Vec<Category>,
}

/// Something into which threads and interventions are sorted.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Category {
    id: Id,
    name: String,
    /// The category above.
    parent_id: Option<Id>,
    /// Whether an object may carry several categories below this root.
    multiple: bool,
    /// Whether this root itself cannot be chosen.
    unselectable: bool,
    /// Where this root and what is below it are offered; empty: everywhere.
    source_ids: Vec<Id>,
}

pub(super) async fn list_categories(desk: Desk, asked: Categories) -> Result<CategoryList> {
    let (offset, limit) = window(asked.offset, None, CATEGORIES_MAX, CATEGORIES_MAX);
    let mut parameters = json!({ "offset": offset, "limit": limit });
    if let Some(parent_id) = asked.parent_id.filter(|id| !id.is_empty()) {
        parameters["parent_id"] = parent_id.into();
    }
    let page: Page<Category> = desk.run("getAllCategories", &[], parameters).await?;
    Ok(CategoryList { count: page.count, offset, categories: page.records })
}

impl Told for CategoryList {
    fn tell(&self, _: &Fence) -> String {
        let mut text = format!("{} categories in all, shown from number {}.\n", self.count, self.offset);
        for Category { id, name, parent_id, unselectable, source_ids, .. } in &self.categories {
            let _ = write!(text, "{id}: {name}");
            if let Some(parent_id) = parent_id {
                let _ = write!(text, ", below {parent_id}");
            }
            if *unselectable {
                text.push_str(", cannot be chosen itself");
            }
            if !source_ids.is_empty() {
                let _ = write!(text, ", on sources {}", row(source_ids));
            }
            text.push('\n');
        }
        text
    }
}
