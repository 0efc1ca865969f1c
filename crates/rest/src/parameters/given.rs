//! Optional parameters: what an empty one means.

use frontdesk_model::Id;
use frontdesk_model::id::MalformedId;
use serde::{Deserialize, Deserializer};

/// A text to filter by; an empty one is not given.
pub fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// An id to filter by; an empty one is not given. Nothing has a malformed one, so then nothing is found.
pub fn id(text: Option<&str>) -> Result<Option<Id>, MalformedId> {
    text.filter(|text| !text.is_empty()).map(str::parse).transpose()
}

/// Ids separated by commas; a malformed one stands for nothing.
pub fn ids(text: &str) -> Vec<Id> {
    text.split(',').filter_map(|id| id.trim().parse().ok()).collect()
}

/// Tells an attribute that was given empty (`Some(None)`) from one that was not given: for serde's `deserialize_with`,
/// beside `default`.
pub fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}
