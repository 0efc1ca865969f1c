//! The operations on identities. Who may read a source may see the identities of its community.

use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Filter, Piece, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    anonymise, are_all_communities, display_name, export, import, muting, readable_communities, require_readable,
};
use crate::Conversations;

/// An identity as REST shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Identity {
    pub(super) id: Id,
    pub(super) community_id: Id,
    /// Where the community shows this person; no community tells.
    community_url: Option<String>,
    /// The group of identities that are the same person; null while it is in none.
    pub(super) identity_group_id: Option<Id>,
    pub(super) foreign_id: String,
    pub(super) r#type: String,
    display_name: Option<String>,
    pub(super) screenname: Option<String>,
    pub(super) firstname: Option<String>,
    pub(super) lastname: Option<String>,
    pub(super) company: Option<String>,
    pub(super) email: Option<String>,
    pub(super) home_phone: Option<String>,
    pub(super) mobile_phone: Option<String>,
    pub(super) gender: Option<String>,
    avatar_url: Option<String>,
    pub(super) uuid: Option<String>,
    /// What the channel told about this person beyond the other attributes.
    pub(super) extra_values: Map<String, Value>,
    /// The users who may write as it.
    user_ids: Vec<Id>,
    /// Whether what this person writes arrives ignored (`extended=true`, and in the answers of our own operations).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    muted: Option<bool>,
    pub(super) created_at: Timestamp,
    pub(super) updated_at: Timestamp,
}

const COLUMNS: &str = "id, community_id, foreign_id, type, screenname, firstname, lastname, company, email, home_phone,
    mobile_phone, gender, avatar_url, uuid, extra_values, created_at, updated_at, identity_group_id, muted";

fn identity(row: &Row, extended: bool) -> Result<Identity> {
    let (screenname, firstname, lastname): (Option<String>, Option<String>, Option<String>) =
        (row.get(4)?, row.get(5)?, row.get(6)?);
    let extra_values: String = row.get(14)?;
    Ok(Identity {
        id: row.get(0)?,
        community_id: row.get(1)?,
        community_url: None,
        identity_group_id: row.get(17)?,
        foreign_id: row.get(2)?,
        r#type: row.get(3)?,
        display_name: display_name(firstname.as_deref(), lastname.as_deref(), screenname.as_deref()),
        screenname,
        firstname,
        lastname,
        company: row.get(7)?,
        email: row.get(8)?,
        home_phone: row.get(9)?,
        mobile_phone: row.get(10)?,
        gender: row.get(11)?,
        avatar_url: row.get(12)?,
        uuid: row.get(13)?,
        extra_values: serde_json::from_str(&extra_values)
            .map_err(|trouble| error::broken(format!("identities.extra_values: {trouble}")))?,
        user_ids: Vec::new(),
        muted: Some(row.get(18)?).filter(|_| extended),
        created_at: row.get(15)?,
        updated_at: row.get(16)?,
    })
}

fn with_users(tx: &mut dyn Tx, mut identities: Vec<Identity>) -> Result<Vec<Identity>> {
    let ids: Vec<Id> = identities.iter().map(|identity| identity.id).collect();
    let sql = format!(
        "SELECT identity_id, user_id FROM identity_users WHERE {} ORDER BY user_id",
        tx.in_list("identity_id", 1)
    );
    for row in tx.query(&sql, args![&ids])? {
        let owner: Id = row.get(0)?;
        if let Some(identity) = identities.iter_mut().find(|identity| identity.id == owner) {
            identity.user_ids.push(row.get(1)?);
        }
    }
    Ok(identities)
}

/// Parameters of `getAllIdentities`.
#[derive(Deserialize, JsonSchema)]
struct List {
    #[serde(flatten)]
    search: Search,
    /// What decides the order, newest first; created_at when absent.
    sort: Option<Sort>,
    #[serde(flatten)]
    paging: Paging,
}

/// Which identities.
#[derive(Default, Deserialize, JsonSchema)]
pub(crate) struct Search {
    /// Only identities of this community.
    community_id: Option<String>,
    /// Only identities of this source's community; ignored beside community_id.
    source_id: Option<String>,
    /// Only identities of this group.
    identity_group_id: Option<String>,
    /// Only identities of these groups: ids, separated by commas.
    identity_group_ids: Option<String>,
    /// Only identities that this user may write as.
    user_id: Option<String>,
    /// Only identities that their channel knows under this id.
    foreign_id: Option<String>,
    /// Only the identity with this UUID.
    uuid: Option<String>,
    /// Only identities of this identity list.
    identity_list_id: Option<String>,
    /// Only identities that agents may write as, or only those of customers. Ours.
    controlled: Option<bool>,
}

impl Search {
    /// Finds the identities of a list.
    pub(crate) fn of_list(id: Id) -> Search {
        Search { identity_list_id: Some(id.hex()), ..Search::default() }
    }
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    CreatedAt,
    UpdatedAt,
}

pub(crate) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Identities";
    let whose = "Only identities of communities with a source that the caller may read; those of communities without \
                 sources need manage_identities.";
    vec![
        Operation::read("getAllIdentities", Method::GET, "/identities", list)
            .tag(tag)
            .summary("Lists identities, newest first.")
            .notes(whose),
        Operation::read("getIdentity", Method::GET, "/identities/{identityId}", |call, _: NoParameters, tx| {
            show(call, tx)
        })
        .tag(tag)
        .summary("Reads an identity.")
        .notes(whose),
        Operation::write("muteIdentity", Method::PUT, "/identities/{identityId}/mute", |call, _: NoParameters, tx| {
            set_muted(call, true, tx)
        })
        .tag(tag)
        .summary("Mutes a customer: what they write from now on arrives ignored.")
        .notes(whose)
        .permissions(&[Permission::MuteContent])
        .extension(),
        Operation::write(
            "unmuteIdentity",
            Method::PUT,
            "/identities/{identityId}/unmute",
            |call, _: NoParameters, tx| set_muted(call, false, tx),
        )
        .tag(tag)
        .summary("Ends the muting of a customer; what was ignored stays so.")
        .notes(whose)
        .permissions(&[Permission::MuteContent])
        .extension(),
        import::operation(),
        export::operation(),
        Operation::write(
            "anonymizeIdentity",
            Method::PUT,
            "/identities/{identityId}/anonymize",
            |call, _: NoParameters, tx| {
                let id = call.id("identityId", "identity")?;
                anonymise::anonymise(call, id, tx)?;
                answer(tx, id, true)
            },
        )
        .tag(tag)
        .summary("Forgets who an identity is; there is no way back.")
        .notes(
            "Names, addresses, numbers, picture, extra values and the channel's id go, and it leaves its group; a later \
             message of the same person makes a new identity. What it wrote is erased by and by.",
        )
        .permissions(&[Permission::AnonymizeIdentity])
        .extension(),
    ]
}

fn set_muted(call: &Call, muted: bool, tx: &mut dyn Tx) -> Result<Identity> {
    let before = show(call, tx)?;
    muting::set_muted(call, before.id, before.community_id, muted, tx)?;
    shown(call, true, tx)
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Identity>> {
    let order = match parameters.sort.unwrap_or(Sort::CreatedAt) {
        // Ids are made in the order of creation, and are indexed.
        Sort::CreatedAt => "id DESC",
        Sort::UpdatedAt => "updated_at DESC, id DESC",
    };
    page(call, &parameters.search, order, parameters.paging, tx)
}

/// A page of the identities that a search finds.
pub(crate) fn page(
    call: &Call,
    search: &Search,
    order: &str,
    paging: Paging,
    tx: &mut dyn Tx,
) -> Result<Page<Identity>> {
    let Some(mut filter) = matching(call, search, tx)? else { return Ok(Page::new(0, paging, Vec::new())) };
    let Paging { offset, limit } = paging;
    let count = filter.count(tx, "identities", offset, limit)?;
    Ok(Page::new(count, paging, read(call, &mut filter, order, offset, limit, tx)?))
}

/// Reads what a filter finds.
pub(super) fn read(
    call: &Call,
    filter: &mut Filter,
    order: &str,
    offset: i64,
    limit: i64,
    tx: &mut dyn Tx,
) -> Result<Vec<Identity>> {
    let rows = filter.page(tx, &format!("SELECT {COLUMNS} FROM identities"), order, offset, limit)?;
    with_users(tx, rows.iter().map(|row| identity(row, call.extended)).collect::<Result<_>>()?)
}

/// The conditions of a search, for what the caller may see; none when it cannot find anything.
pub(super) fn matching(call: &Call, search: &Search, tx: &mut dyn Tx) -> Result<Option<Filter<'static>>> {
    let (Ok(community_id), Ok(source_id), Ok(user_id), Ok(group_id), Ok(list_id)) = (
        given::id(search.community_id.as_deref()),
        given::id(search.source_id.as_deref()),
        given::id(search.user_id.as_deref()),
        given::id(search.identity_group_id.as_deref()),
        given::id(search.identity_list_id.as_deref()),
    ) else {
        return Ok(None);
    };
    let (foreign_id, uuid) = (given::text(search.foreign_id.clone()), given::text(search.uuid.clone()));
    let mut communities = readable_communities(tx, &call.caller, source_id.filter(|_| community_id.is_none()))?;
    if let Some(community_id) = community_id {
        communities.retain(|id| *id == community_id);
    }
    if communities.is_empty() {
        return Ok(None);
    }
    let mut filter = Filter::default();
    // Those that agents may write as are few, and an index of their communities leads to them.
    let is_narrowed =
        foreign_id.is_some() || community_id.is_some() || source_id.is_some() || search.controlled == Some(true);
    if is_narrowed || !are_all_communities(tx, &communities)? {
        filter.and_piece(Piece::one_of(tx.dialect(), "community_id", &communities));
    }
    if let Some(controlled) = search.controlled {
        filter.and_piece(Piece::new(if controlled { "controlled" } else { "NOT controlled" }, Vec::new()));
    }
    if let Some(group_id) = group_id {
        filter.and_piece(Piece::new("identity_group_id = ?", vec![group_id.into()]));
    }
    if let Some(group_ids) = given::text(search.identity_group_ids.clone()) {
        filter.and_piece(Piece::one_of(tx.dialect(), "identity_group_id", &given::ids(&group_ids)));
    }
    for (column, text) in [("foreign_id", foreign_id), ("uuid", uuid)] {
        if let Some(text) = text {
            filter.and_piece(Piece::new(format!("{column} = ?"), vec![text.into()]));
        }
    }
    let routes = [("identity_users", "user_id", user_id), ("identity_list_members", "identity_list_id", list_id)];
    for (table, column, wanted) in routes {
        if let Some(wanted) = wanted {
            let sql = format!("id IN (SELECT identity_id FROM {table} WHERE {column} = ?)");
            filter.and_piece(Piece::new(sql, vec![wanted.into()]));
        }
    }
    Ok(Some(filter))
}

fn show(call: &Call, tx: &mut dyn Tx) -> Result<Identity> {
    shown(call, call.extended, tx)
}

fn shown(call: &Call, extended: bool, tx: &mut dyn Tx) -> Result<Identity> {
    let id = call.id("identityId", "identity")?;
    require_readable(tx, &call.caller, id)?;
    answer(tx, id, extended)
}

/// An identity that was found before, as it is told.
pub(crate) fn answer(tx: &mut dyn Tx, id: Id, extended: bool) -> Result<Identity> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM identities WHERE id = $1"), args![&id])?;
    let row = row.ok_or_else(|| error::not_found("identity"))?;
    with_users(tx, vec![identity(&row, extended)?])?.pop().ok_or_else(|| error::not_found("identity"))
}
