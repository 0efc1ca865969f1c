//! Extra values that fill fields of identity groups, as a community maps them. What a group knows stays. For a
//! value that has a place to go an identity without a group gets one.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, error};
use frontdesk_people::custom_fields;
use frontdesk_store::{Tx, args};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Group, TEXT_CHARACTERS_MAX, changed, of_identity, of_identity_or_new, save};

/// A community maps at most this many values.
pub(crate) const MAPPINGS_MAX: usize = 100;
/// The key that stands for the identity's UUID.
const UUID: &str = "uuid";

/// Where the value under a key goes: into a field or into a custom field.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Mapping {
    /// The key of the extra value; `uuid` is the identity's UUID.
    pub(crate) key: String,
    /// The field of the identity group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) field: Option<GroupField>,
    /// Or the key of a custom field of identity groups; its regex, if it has one, must match.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) custom_field_key: Option<String>,
}

/// A field of an identity group that an extra value may fill.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GroupField {
    Firstname,
    Lastname,
    Company,
    Gender,
    Notes,
    Emails,
    HomePhones,
    MobilePhones,
}

/// The mappings of a community.
pub(crate) fn of_community(tx: &mut dyn Tx, community_id: Id) -> Result<Vec<Mapping>> {
    let row = tx.one("SELECT extra_value_mappings FROM communities WHERE id = $1", args![&community_id])?;
    parse(&row.get::<String>(0)?)
}

pub(crate) fn parse(stored: &str) -> Result<Vec<Mapping>> {
    serde_json::from_str(stored)
        .map_err(|trouble| error::broken(format!("communities.extra_value_mappings: {trouble}")))
}

/// Fills the group of an identity with what was told of it. Without mappings it does nothing and asks nothing.
pub(crate) fn apply(
    tx: &mut dyn Tx,
    env: &Env,
    mappings: &[Mapping],
    identity_id: Id,
    told: &Map<String, Value>,
) -> Result<()> {
    if mappings.is_empty() {
        return Ok(());
    }
    let uuid: Option<String> = match mappings.iter().any(|mapping| mapping.key == UUID) {
        true => tx.one("SELECT uuid FROM identities WHERE id = $1", args![&identity_id])?.get(0)?,
        false => None,
    };
    let uuid = uuid.map(Value::String);
    let value_of = |key: &str| if key == UUID { uuid.as_ref() } else { told.get(key) };
    let values: Vec<(&Mapping, &Value)> =
        mappings.iter().filter_map(|mapping| Some((mapping, value_of(&mapping.key)?))).collect();
    let custom: Vec<(&str, &Value)> =
        values.iter().filter_map(|(mapping, value)| Some((mapping.custom_field_key.as_deref()?, *value))).collect();
    let fields = match custom.is_empty() {
        true => Vec::new(),
        false => custom_fields::of(tx, custom_fields::Owner::IdentityGroup)?,
    };
    let texts: Vec<(GroupField, String)> =
        values.iter().filter_map(|(mapping, value)| Some((mapping.field?, text(value)?))).collect();
    // Nothing that fits: no group for it.
    if texts.is_empty() && custom_fields::fill(&fields, "{}", &custom)?.is_none() {
        return Ok(());
    }
    let before = of_identity_or_new(tx, env, None, identity_id)?;
    if before.locked {
        return Ok(());
    }
    let mut after = before.clone();
    for (field, text) in &texts {
        fill(&mut after, *field, text);
    }
    if let Some(stored) = custom_fields::fill(&fields, &after.custom_fields, &custom)? {
        after.custom_fields = stored;
    }
    if save(tx, env, &before, &after)? {
        let told = json!({ "changed": changed(&before, &after) });
        tx.append(NewEvent::new(env, None, "identity_group.updated", after.id, None, told));
    }
    Ok(())
}

/// What an identity tells of its person: by itself, and by its extra values where its community maps them. Not stored.
pub(super) fn told_by(tx: &mut dyn Tx, env: &Env, identity_id: Id) -> Result<[Group; 2]> {
    let own = of_identity(tx, env, identity_id)?;
    let sql = "SELECT community_id, extra_values, uuid FROM identities WHERE id = $1";
    let row = tx.one(sql, args![&identity_id])?;
    let told: Map<String, Value> = serde_json::from_str(&row.get::<String>(1)?)
        .map_err(|trouble| error::broken(format!("identities.extra_values: {trouble}")))?;
    let uuid = row.get::<Option<String>>(2)?.map(Value::String);
    let mut mapped = Group {
        firstname: None,
        lastname: None,
        company: None,
        gender: None,
        emails: Vec::new(),
        home_phones: Vec::new(),
        mobile_phones: Vec::new(),
        ..own.clone()
    };
    let mappings = of_community(tx, row.get(0)?)?;
    if mappings.is_empty() {
        return Ok([own, mapped]);
    }
    let fields = custom_fields::of(tx, custom_fields::Owner::IdentityGroup)?;
    for mapping in &mappings {
        let value = if mapping.key == UUID { uuid.as_ref() } else { told.get(&mapping.key) };
        let Some(value) = value else { continue };
        if let (Some(field), Some(text)) = (mapping.field, text(value)) {
            fill(&mut mapped, field, &text);
        }
        if let Some(key) = &mapping.custom_field_key
            && let Some(stored) = custom_fields::fill(&fields, &mapped.custom_fields, &[(key.as_str(), value)])?
        {
            mapped.custom_fields = stored;
        }
    }
    Ok([own, mapped])
}

/// A plain value as text, where it is short enough to be a field's.
fn text(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        Value::Bool(bool) => bool.to_string(),
        Value::Null | Value::Array(_) | Value::Object(_) => return None,
    };
    (!text.is_empty() && text.chars().count() <= TEXT_CHARACTERS_MAX).then_some(text)
}

fn fill(group: &mut Group, field: GroupField, text: &str) {
    let one = match field {
        GroupField::Firstname => &mut group.firstname,
        GroupField::Lastname => &mut group.lastname,
        GroupField::Company => &mut group.company,
        GroupField::Notes => &mut group.notes,
        GroupField::Gender if matches!(text, "man" | "woman") => &mut group.gender,
        GroupField::Gender => return,
        GroupField::Emails | GroupField::HomePhones | GroupField::MobilePhones => {
            let list = match field {
                GroupField::Emails => &mut group.emails,
                GroupField::HomePhones => &mut group.home_phones,
                _ => &mut group.mobile_phones,
            };
            if list.is_empty() {
                list.push(text.to_owned());
            }
            return;
        }
    };
    if one.is_none() {
        *one = Some(text.to_owned());
    }
}
