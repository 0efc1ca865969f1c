//! Communities: namespaces of identities, shared by the sources of one place.

use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, SourceRight, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::identities::{import, readable_communities};
use crate::identity_groups::mapping::{self, Mapping};
use crate::{Conversations, events};
use frontdesk_people::checked::{self, NAME_CHARACTERS_MAX};

/// A community as REST shows it.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub(crate) struct Community {
    pub(crate) id: Id,
    pub(crate) r#type: String,
    pub(crate) name: String,
    pub(crate) active: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// Which extra values of identities fill which fields of their groups (`extended=true`, and where it is changed).
    #[schemars(extend("x-frontdesk-extension" = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) extra_value_mappings: Option<Vec<Mapping>>,
}

const COLUMNS: &str = "id, type, name, active, created_at, updated_at";

fn community(row: &Row) -> Result<Community> {
    Ok(Community {
        id: row.get(0)?,
        r#type: row.get(1)?,
        name: row.get(2)?,
        active: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        extra_value_mappings: None,
    })
}

/// A community; 404 when there is none with this id. Communities hold nothing that a right on a source protects.
pub(crate) fn find(tx: &mut dyn Tx, id: Id) -> Result<Community> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM communities WHERE id = $1"), args![&id])?;
    community(&row.ok_or_else(|| error::not_found("community"))?)
}

/// Parameters of `createCommunity`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// The kind of the sources that it is for, such as sdk.
    r#type: String,
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: String,
}

/// Parameters of `updateCommunity`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What people call it.
    #[schemars(length(max = NAME_CHARACTERS_MAX))]
    name: Option<String>,
    /// All mappings, in place of those before; an empty list removes them.
    #[schemars(length(max = mapping::MAPPINGS_MAX))]
    extra_value_mappings: Option<Vec<Mapping>>,
}

pub(crate) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Communities";
    let path = "/communities/{communityId}";
    vec![
        Operation::read("getAllCommunities", Method::GET, "/communities", list)
            .tag(tag)
            .summary("Lists communities, oldest first.")
            .permissions(&[Permission::ReadCommunity]),
        Operation::read("getCommunity", Method::GET, path, |call, _: NoParameters, tx| {
            let community = find(tx, call.id("communityId", "community")?)?;
            if call.extended { with_mappings(tx, community) } else { Ok(community) }
        })
        .tag(tag)
        .summary("Reads a community.")
        .permissions(&[Permission::ReadCommunity]),
        Operation::write("createCommunity", Method::POST, "/communities", create)
            .tag(tag)
            .summary("Creates a community, for sources to be put into.")
            .permissions(&[Permission::CreateCommunity])
            .extension(),
        Operation::write("updateCommunity", Method::PUT, path, update)
            .tag(tag)
            .summary("Renames a community, or maps extra values of its identities to fields of their groups.")
            .notes(
                "A mapping fills what a group does not know, when a value comes in: with a new or changed identity, or \
                 with an import. It names either field or custom_field_key; the key uuid stands for the identity's UUID.",
            )
            .permissions(&[Permission::UpdateCommunity])
            .extension(),
        Operation::write("deleteCommunity", Method::DELETE, path, |call, _: NoParameters, tx| delete(call, tx))
            .tag(tag)
            .summary("Deletes a community without sources, and its identities.")
            .notes(
                "Refused while one of its identities has written something or is in an intervention, and to who may not \
                 see its identities.",
            )
            .permissions(&[Permission::CreateCommunity])
            .extension(),
    ]
}

fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Community>> {
    let count = tx.one("SELECT count(*) FROM communities", args![])?.get(0)?;
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM communities ORDER BY created_at, id LIMIT $1 OFFSET $2"),
        args![paging.limit, paging.offset],
    )?;
    Ok(Page::new(count, paging, rows.iter().map(community).collect::<Result<_>>()?))
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Community> {
    let name = checked::name("name", &parameters.name)?;
    let mut types: Vec<_> = frontdesk_sources::kinds().iter().map(|kind| kind.community_type).collect();
    // Customers can be imported into these before there are sources of the kind.
    types.extend([import::EMAILS, import::PHONES]);
    types.sort_unstable();
    types.dedup();
    if !types.contains(&parameters.r#type.as_str()) {
        return Err(error::invalid("type", "inclusion", format!("type must be one of {}.", types.join(", "))));
    }
    let (id, now) = (call.env.id(), call.env.now());
    tx.execute(
        &format!("INSERT INTO communities ({COLUMNS}) VALUES ($1, $2, $3, TRUE, $4, $4)"),
        args![&id, &parameters.r#type, &name, now],
    )?;
    tx.append(events::by(call, "community.created", id, None, json!({ "type": parameters.r#type })));
    find(tx, id)
}

fn with_mappings(tx: &mut dyn Tx, community: Community) -> Result<Community> {
    let mappings = mapping::of_community(tx, community.id)?;
    Ok(Community { extra_value_mappings: Some(mappings), ..community })
}

/// 403 unless the caller may read on every source of this community: what is changed concerns all who write there.
pub fn require_to_read(call: &Call, tx: &mut dyn Tx, community_id: Id) -> Result<()> {
    let sources = tx.query("SELECT id FROM sources WHERE community_id = $1", args![&community_id])?;
    for row in &sources {
        if !call.caller.may_on(row.get(0)?, SourceRight::Read) {
            let message = "You may not read on every source of this community: this is for somebody who may.";
            return Err(error::forbidden(message));
        }
    }
    Ok(())
}

fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Community> {
    let found = find(tx, call.id("communityId", "community")?)?;
    let before = with_mappings(tx, found)?;
    let mut after = before.clone();
    if let Some(name) = &parameters.name {
        after.name = checked::name("name", name)?;
    }
    if let Some(mappings) = parameters.extra_value_mappings {
        check_mappings(&mappings)?;
        after.extra_value_mappings = Some(mappings);
    }
    let mut changed = Vec::new();
    if before.name != after.name {
        changed.push("name");
    }
    if before.extra_value_mappings != after.extra_value_mappings {
        require_to_read(call, tx, after.id)?;
        changed.push("extra_value_mappings");
        // Copies in memory hold the old ones.
        let sql = "UPDATE sources SET version = version + 1 WHERE community_id = $1";
        tx.execute(sql, args![&after.id])?;
    }
    if changed.is_empty() {
        return Ok(before);
    }
    tx.execute(
        "UPDATE communities SET name = $2, extra_value_mappings = $3, updated_at = $4 WHERE id = $1",
        args![&after.id, &after.name, &json!(after.extra_value_mappings).to_string(), call.env.now()],
    )?;
    tx.append(events::by(call, "community.updated", after.id, None, json!({ "changed": changed })));
    let found = find(tx, after.id)?;
    with_mappings(tx, found)
}

fn check_mappings(mappings: &[Mapping]) -> Result<()> {
    for (index, mapping) in mappings.iter().enumerate() {
        let attribute = |name: &str| format!("extra_value_mappings[{index}][{name}]");
        let length = mapping.key.chars().count();
        if mapping.key.trim().is_empty() || length > NAME_CHARACTERS_MAX {
            let attribute = attribute("key");
            let message = format!("{attribute} has 1 to {NAME_CHARACTERS_MAX} characters.");
            return Err(error::invalid(&attribute, "invalid", message));
        }
        let custom = mapping.custom_field_key.as_ref();
        let is_bounded = custom.is_none_or(|key| (1..=NAME_CHARACTERS_MAX).contains(&key.len()));
        if mapping.field.is_some() == custom.is_some() || !is_bounded {
            let attribute = attribute("field");
            let message = format!("{attribute}: name either a field or a custom_field_key.");
            return Err(error::invalid(&attribute, "invalid", message));
        }
    }
    Ok(())
}

fn delete(call: &Call, tx: &mut dyn Tx) -> Result<Community> {
    let community = find(tx, call.id("communityId", "community")?)?;
    if tx.first("SELECT 1 FROM sources WHERE community_id = $1 LIMIT 1", args![&community.id])?.is_some() {
        let message = "The community has sources: delete those first.";
        return Err(error::unprocessable("community_has_sources", message));
    }
    let holds = tx.first("SELECT 1 FROM identities WHERE community_id = $1 LIMIT 1", args![&community.id])?.is_some();
    if holds && !readable_communities(tx, &call.caller, None)?.contains(&community.id) {
        let message = "The community holds identities that you may not see: who manages identities may delete it.";
        return Err(error::forbidden(message));
    }
    let in_use = tx.first(
        "SELECT 1 FROM identities
         WHERE community_id = $1 AND (
           EXISTS (SELECT 1 FROM contents WHERE contents.author_id = identities.id)
           OR EXISTS (SELECT 1 FROM interventions WHERE interventions.identity_id = identities.id))
         LIMIT 1",
        args![&community.id],
    )?;
    if in_use.is_some() {
        let message = "Identities of the community have written contents: those would lose their authors.";
        return Err(error::unprocessable("community_has_contents", message));
    }
    for table in ["identity_users", "automatic_answers", "erasures"] {
        tx.execute(
            &format!("DELETE FROM {table} WHERE identity_id IN (SELECT id FROM identities WHERE community_id = $1)"),
            args![&community.id],
        )?;
    }
    let groups = tx.query(
        "SELECT DISTINCT identity_group_id FROM identities
         WHERE community_id = $1 AND identity_group_id IS NOT NULL",
        args![&community.id],
    )?;
    let groups = groups.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    tx.execute("DELETE FROM identities WHERE community_id = $1", args![&community.id])?;
    // A group goes with its last identity.
    let sql = format!(
        "DELETE FROM identity_groups WHERE {}
         AND NOT EXISTS (SELECT 1 FROM identities WHERE identity_group_id = identity_groups.id)",
        tx.in_list("id", 1)
    );
    tx.execute(&sql, args![&groups])?;
    tx.execute("DELETE FROM communities WHERE id = $1", args![&community.id])?;
    tx.append(events::by(call, "community.destroyed", community.id, None, json!({ "type": community.r#type })));
    Ok(community)
}
