//! Reading what is known about a customer.

use std::fmt::Write;

use frontdesk_model::{Id, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::NOTES_CHARACTERS_MAX;
use crate::mcp::text::{Fence, cut, row};
use crate::mcp::tools::{Desk, Page, Told, id};

const TAGS_MAX: usize = 50;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Who {
    /// The identity, such as the identity_id of a customer's content.
    identity_id: String,
}

/// What is known about a customer.
#[derive(Serialize, JsonSchema)]
pub(super) struct Customer {
    identity_id: Id,
    community_id: Id,
    /// What the customer and their channel tell about them, and what colleagues noted: fields that are not set are absent.
    untrusted_identity: Map<String, Value>,
    /// All their identities together; absent while nobody has joined this one with others.
    identity_group_id: Option<Id>,
    /// What is known about the person, beyond this identity.
    untrusted_group: Map<String, Value>,
    /// Names of the group's tags.
    tags: Vec<String>,
    /// Values of the group's custom fields, by key.
    untrusted_custom_fields: Map<String, Value>,
}

const OF_IDENTITY: [&str; 12] = [
    "type",
    "foreign_id",
    "display_name",
    "screenname",
    "firstname",
    "lastname",
    "company",
    "email",
    "home_phone",
    "mobile_phone",
    "gender",
    "extra_values",
];
const OF_GROUP: [&str; 9] =
    ["firstname", "lastname", "company", "gender", "notes", "emails", "home_phones", "mobile_phones", "identity_ids"];

#[derive(Deserialize)]
struct Tag {
    name: String,
}

pub(super) async fn read_identity(desk: Desk, asked: Who) -> Result<Customer> {
    let identity_id = id(&asked.identity_id, "identity")?;
    let path = identity_id.to_string();
    let mut identity: Map<String, Value> = desk.run("getIdentity", &[("identityId", &path)], json!({})).await?;
    let read_id = |value: Option<&Value>| value.and_then(Value::as_str).and_then(|text| text.parse::<Id>().ok());
    let identity_group_id = read_id(identity.get("identity_group_id"));
    let community_id = read_id(identity.get("community_id")).unwrap_or_default();
    let mut group = Map::new();
    if let Some(id) = identity_group_id {
        group = desk.run("getIdentityGroup", &[("identityGroupId", &id.to_string())], json!({})).await?;
    }
    let tag_ids = group.get("tag_ids").and_then(Value::as_array).into_iter().flatten();
    let tag_ids: Vec<&str> = tag_ids.filter_map(Value::as_str).take(TAGS_MAX).collect();
    let mut tags = Vec::new();
    if !tag_ids.is_empty() {
        let page: Page<Tag> =
            desk.run("getAllTags", &[], json!({ "ids": tag_ids.join(","), "limit": TAGS_MAX })).await?;
        tags = page.records.into_iter().map(|tag| tag.name).collect();
    }
    let untrusted_custom_fields = match group.remove("custom_field_values").map(shorten) {
        Some(Value::Object(values)) => values,
        Some(cut) => Map::from_iter([("cut".into(), cut)]),
        None => Map::new(),
    };
    Ok(Customer {
        identity_id,
        community_id,
        untrusted_identity: chosen(&mut identity, &OF_IDENTITY),
        identity_group_id,
        untrusted_group: chosen(&mut group, &OF_GROUP),
        tags,
        untrusted_custom_fields,
    })
}

/// The named values that say something.
fn chosen(all: &mut Map<String, Value>, names: &[&str]) -> Map<String, Value> {
    let says = |value: &Value| match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    };
    let take = |name: &&str| all.remove(*name).filter(says).map(|value| ((*name).to_owned(), shorten(value)));
    names.iter().filter_map(take).collect()
}

/// A value, or the beginning of its text when that is long.
fn shorten(value: Value) -> Value {
    let text = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match cut(&text, NOTES_CHARACTERS_MAX) {
        (_, 0) => value,
        (begun, left) => format!("{begun} ({left} more characters are left out)").into(),
    }
}

impl Told for Customer {
    fn tell(&self, fence: &Fence) -> String {
        let list = |values: &Map<String, Value>| {
            let line = |(name, value): (&String, &Value)| match value {
                Value::String(text) => format!("{name}: {text}\n"),
                other => format!("{name}: {other}\n"),
            };
            values.iter().map(line).collect::<String>().trim_end().to_owned()
        };
        let mut text = fence.explain();
        let _ = writeln!(text, "Identity {} in community {}:", self.identity_id, self.community_id);
        text.push_str(&fence.around(&list(&self.untrusted_identity)));
        let Some(id) = self.identity_group_id else { return text };
        let _ = writeln!(text, "Identity group {id}, tags {}:", row(&self.tags));
        text.push_str(&fence.around(&list(&self.untrusted_group)));
        if !self.untrusted_custom_fields.is_empty() {
            text.push_str("Its custom fields:\n");
            text.push_str(&fence.around(&list(&self.untrusted_custom_fields)));
        }
        text
    }
}
