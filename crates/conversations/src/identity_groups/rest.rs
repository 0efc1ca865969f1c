//! The operations on identity groups. A group is for those who may see one of its identities; they see those of its
//! identities that they may see.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_people::custom_fields;
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Filter, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{COLUMNS, Group, IDENTITIES_MAX, commands, find, groups};
use crate::Conversations;
use crate::identities::{self, Gender};

/// An identity group as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IdentityGroup")]
pub(crate) struct Answer {
    pub(crate) id: Id,
    pub(crate) firstname: Option<String>,
    pub(crate) lastname: Option<String>,
    pub(crate) company: Option<String>,
    /// man or woman.
    pub(crate) gender: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) home_phones: Vec<String>,
    pub(crate) mobile_phones: Vec<String>,
    /// Of the first of its identities that has one.
    pub(crate) avatar_url: Option<String>,
    /// By the field's key; those that are not set are left out.
    pub(crate) custom_field_values: Map<String, Value>,
    pub(crate) tag_ids: Vec<Id>,
    /// Those of its identities that the caller may see, oldest first.
    pub(crate) identity_ids: Vec<Id>,
    /// Whether it stays as it is until somebody unlocks it (`extended=true`).
    #[schemars(extend("x-frontdesk-extension" = true))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) locked: Option<bool>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

fn answers(call: &Call, groups: Vec<Group>, tx: &mut dyn Tx) -> Result<Vec<Answer>> {
    let ids: Vec<Id> = groups.iter().map(|group| group.id).collect();
    let readable = identities::readable_communities(tx, &call.caller, None)?;
    let sql = format!(
        "SELECT identity_group_id, id, avatar_url FROM identities WHERE {} AND {} ORDER BY id LIMIT $3",
        tx.in_list("identity_group_id", 1),
        tx.in_list("community_id", 2)
    );
    let limit = (ids.len() * IDENTITIES_MAX) as i64;
    let mut members: HashMap<Id, (Vec<Id>, Option<String>)> = HashMap::new();
    for row in tx.query(&sql, args![&ids, &readable, limit])? {
        let (identity_ids, avatar_url) = members.entry(row.get(0)?).or_default();
        identity_ids.push(row.get(1)?);
        if avatar_url.is_none() {
            *avatar_url = row.get(2)?;
        }
    }
    let fields = match groups.iter().any(|group| group.custom_fields != "{}") {
        true => custom_fields::of(tx, custom_fields::Owner::IdentityGroup)?,
        false => Vec::new(),
    };
    groups
        .into_iter()
        .map(|group| {
            let (identity_ids, avatar_url) = members.remove(&group.id).unwrap_or_default();
            Ok(Answer {
                id: group.id,
                custom_field_values: custom_fields::shown(&fields, &group.custom_fields)?,
                firstname: group.firstname,
                lastname: group.lastname,
                company: group.company,
                gender: group.gender,
                notes: group.notes,
                emails: group.emails,
                home_phones: group.home_phones,
                mobile_phones: group.mobile_phones,
                avatar_url,
                tag_ids: group.tag_ids,
                identity_ids,
                locked: call.extended.then_some(group.locked),
                created_at: group.created_at,
                updated_at: group.updated_at,
            })
        })
        .collect()
}

/// The groups with these ids, as whoever may see one of their identities is shown them.
pub(crate) fn shown(call: &Call, mut ids: Vec<Id>, tx: &mut dyn Tx) -> Result<HashMap<Id, Answer>> {
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows =
        tx.query(&format!("SELECT {COLUMNS} FROM identity_groups WHERE {}", tx.in_list("id", 1)), args![&ids])?;
    let groups = groups(tx, &rows)?;
    Ok(answers(call, groups, tx)?.into_iter().map(|answer| (answer.id, answer)).collect())
}

fn answer(call: &Call, group: Group, tx: &mut dyn Tx) -> Result<Answer> {
    answers(call, vec![group], tx)?.pop().ok_or_else(|| error::not_found("identity group"))
}

/// Parameters of `getAllIdentityGroups`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only groups with this first name.
    firstname: Option<String>,
    /// Only groups with this last name.
    lastname: Option<String>,
    /// Only groups that have this e-mail, without regard to case.
    email: Option<String>,
    /// Only groups with an identity that has this UUID.
    uuid: Option<String>,
    /// Only these groups: ids, separated by commas.
    ids: Option<String>,
    /// What decides the order, newest first; created_at when absent.
    sort: Option<identities::Sort>,
    #[serde(flatten)]
    paging: Paging,
}

/// What can be edited; what is absent stays, what is empty is unset.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// First name.
    firstname: Option<String>,
    /// Last name.
    lastname: Option<String>,
    /// Company.
    company: Option<String>,
    /// man, woman or empty.
    gender: Option<Gender>,
    /// What agents should know.
    notes: Option<String>,
    /// All e-mails, in place of those known.
    emails: Option<Vec<String>>,
    /// All home phones, in place of those known.
    home_phones: Option<Vec<String>>,
    /// All mobile phones, in place of those known.
    mobile_phones: Option<Vec<String>>,
    /// All tags, in place of those carried.
    tag_ids: Option<Vec<Id>>,
    /// Values of custom fields, by key: a list where the field is multiple or multiple_choice; empty unsets.
    #[serde(default)]
    custom_field_values: Map<String, Value>,
}

impl From<Update> for commands::Edit {
    fn from(given: Update) -> commands::Edit {
        commands::Edit {
            firstname: given.firstname,
            lastname: given.lastname,
            company: given.company,
            gender: given.gender.map(Gender::as_str),
            notes: given.notes,
            emails: given.emails,
            home_phones: given.home_phones,
            mobile_phones: given.mobile_phones,
            tag_ids: given.tag_ids,
            custom_field_values: given.custom_field_values,
        }
    }
}

/// Parameters of `mergeIdentityGroup`.
#[derive(Deserialize, JsonSchema)]
struct Merge {
    /// The identity that joins the group.
    associated_identity_id: String,
}

pub(crate) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Identity groups";
    let path = "/identity_groups/{identityGroupId}";
    let id = |call: &Call| call.id("identityGroupId", "identity group");
    let identity_id = |call: &Call| call.id("identityId", "identity");
    let lock = move |locked| {
        move |call: &Call, _: NoParameters, tx: &mut dyn Tx| {
            let group = commands::lock(call, id(call)?, locked, tx)?;
            answer(call, group, tx)
        }
    };
    vec![
        Operation::read("getAllIdentityGroups", Method::GET, "/identity_groups", list)
            .tag(tag)
            .summary("Lists identity groups, newest first.")
            .notes(
                "Only groups with an identity that the caller may read. An identity that nobody edited has no group.",
            ),
        Operation::read("getIdentityGroup", Method::GET, path, move |call, _: NoParameters, tx| {
            let group = find(tx, &call.caller, id(call)?)?;
            answer(call, group, tx)
        })
        .tag(tag)
        .summary("Reads an identity group."),
        Operation::write("updateIdentityGroup", Method::PUT, path, move |call, parameters: Update, tx| {
            let group = commands::edit(call, id(call)?, parameters.into(), tx)?;
            answer(call, group, tx)
        })
        .tag(tag)
        .summary("Edits an identity group.")
        .notes("409 while it is locked."),
        Operation::write(
            "mergeIdentityGroup",
            Method::PUT,
            "/identity_groups/{identityGroupId}/merge",
            move |call, parameters: Merge, tx| {
                let group = commands::merge(call, id(call)?, &parameters.associated_identity_id, tx)?;
                answer(call, group, tx)
            },
        )
        .tag(tag)
        .summary("Merges an identity into a group: both are the same person.")
        .notes(
            "What the group knows stays; what it does not know comes from the identity. 403 while the setting \
             identity_merge is off, 409 while one of the groups is locked.",
        )
        .permissions(&[Permission::UpdateIdentity]),
        Operation::write(
            "updateIdentityGroupOfIdentity",
            Method::PUT,
            "/identities/{identityId}/identity_group",
            move |call, parameters: Update, tx| {
                let group = commands::edit_of_identity(call, identity_id(call)?, parameters.into(), tx)?;
                answer(call, group, tx)
            },
        )
        .tag(tag)
        .summary("Edits the group of an identity; makes one, with what the identity knows, when it has none.")
        .notes("How a program comes to a first group: without parameters nothing but the group is made.")
        .permissions(&[Permission::UpdateIdentity])
        .extension(),
        Operation::write(
            "unmergeIdentity",
            Method::PUT,
            "/identities/{identityId}/unmerge",
            move |call, _: NoParameters, tx| {
                commands::unmerge(call, identity_id(call)?, tx)?;
                identities::answer(tx, identity_id(call)?, true)
            },
        )
        .tag(tag)
        .summary("Takes an identity out of its group.")
        .notes("The identity has no group then; a group without identities is gone. 403 when it is in none.")
        .permissions(&[Permission::UpdateIdentity])
        .extension(),
        Operation::write("lockIdentityGroup", Method::PUT, "/identity_groups/{identityGroupId}/lock", lock(true))
            .tag(tag)
            .summary("Locks an identity group: it can be neither edited nor merged.")
            .permissions(&[Permission::LockIdentity])
            .extension(),
        Operation::write("unlockIdentityGroup", Method::PUT, "/identity_groups/{identityGroupId}/unlock", lock(false))
            .tag(tag)
            .summary("Unlocks an identity group.")
            .permissions(&[Permission::LockIdentity])
            .extension(),
    ]
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let Paging { offset, limit } = parameters.paging;
    let (firstname, lastname) = (given::text(parameters.firstname), given::text(parameters.lastname));
    let email = given::text(parameters.email).map(|email| email.to_lowercase());
    let uuid = given::text(parameters.uuid);
    let ids = given::text(parameters.ids).map(|ids| given::ids(&ids));
    let readable = identities::readable_communities(tx, &call.caller, None)?;
    let sees_all = identities::are_all_communities(tx, &readable)?;

    let mut filter = Filter::default();
    if !sees_all {
        let community = filter.list(tx, "identities.community_id", &readable);
        filter.and(format!(
            "EXISTS (SELECT 1 FROM identities WHERE identities.identity_group_id = identity_groups.id AND {community})"
        ));
    }
    if let Some(ids) = &ids {
        filter.and_in(tx, "id", ids);
    }
    if let Some(firstname) = &firstname {
        filter.and_equal("firstname", firstname);
    }
    if let Some(lastname) = &lastname {
        filter.and_equal("lastname", lastname);
    }
    if let Some(email) = &email {
        let email = filter.bind(email);
        filter.and(format!(
            "id IN (SELECT group_id FROM identity_group_contacts WHERE value_key = {email} AND kind = 'email')"
        ));
    }
    if let Some(uuid) = &uuid {
        let uuid = filter.bind(uuid);
        let community = filter.list(tx, "community_id", &readable);
        filter.and(format!("id IN (SELECT identity_group_id FROM identities WHERE uuid = {uuid} AND {community})"));
    }
    let order = match parameters.sort.unwrap_or(identities::Sort::CreatedAt) {
        // Ids are made in the order of creation, and are indexed.
        identities::Sort::CreatedAt => "id DESC",
        identities::Sort::UpdatedAt => "updated_at DESC, id DESC",
    };
    let count = filter.count(tx, "identity_groups", offset, limit)?;
    let rows = filter.page(tx, &format!("SELECT {COLUMNS} FROM identity_groups"), order, offset, limit)?;
    let found = groups(tx, &rows)?;
    Ok(Page::new(count, parameters.paging, answers(call, found, tx)?))
}
