//! Lists as REST shows them.

use serde_json::Value;

/// The records of a list.
#[track_caller]
pub fn records(page: &Value) -> &[Value] {
    page["records"].as_array().unwrap_or_else(|| panic!("not a list: {page}"))
}

/// The ids of a list's records, in order.
#[track_caller]
pub fn ids(page: &Value) -> Vec<String> {
    records(page).iter().map(id).collect()
}

/// A record's id.
#[track_caller]
pub fn id(record: &Value) -> String {
    record["id"].as_str().unwrap_or_else(|| panic!("no id in {record}")).to_owned()
}
