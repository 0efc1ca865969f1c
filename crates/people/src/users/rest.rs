//! The operations on users.

use frontdesk_model::{Id, Permission, Result, Secret};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Filter, Tx};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{COLUMNS, Reach, User, commands, find, reach, with_links};
use crate::password;

/// Parameters of `getAllUsers`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only the user with this e-mail, without regard to case.
    email: Option<String>,
    /// Only users with this category.
    category_id: Option<String>,
    /// Only users who may write as this identity.
    identity_id: Option<String>,
    /// Only the user with this external id.
    external_id: Option<String>,
    /// Only users with this role.
    role_id: Option<String>,
    /// Only users of this team.
    team_id: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Parameters of `createUser`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// The e-mail, which no other user may have.
    email: String,
    /// First name.
    firstname: String,
    /// Last name.
    lastname: String,
    /// The password, needed unless no_password is true; it follows the account's rules and is kept as a hash only.
    password: Option<String>,
    /// The role, which may hold nothing that the caller's lacks.
    role_id: Id,
    /// Whether the user signs in without a password of ours; a password given beside it is not kept.
    no_password: Option<bool>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Parameters of `inviteUser`.
#[derive(Deserialize, JsonSchema)]
struct Invite {
    /// The e-mail, which no other user may have.
    email: String,
    /// First name.
    firstname: String,
    /// Last name.
    lastname: String,
    /// The role, which may hold nothing that the caller's lacks.
    role_id: Id,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Parameters of `updateUser`, and what the others are turned into.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Given {
    /// The e-mail, which no other user may have.
    pub(super) email: Option<String>,
    /// First name.
    pub(super) firstname: Option<String>,
    /// Last name.
    pub(super) lastname: Option<String>,
    /// A new password; it follows the account's rules and is kept as a hash only.
    pub(super) password: Option<String>,
    /// The role, which may hold nothing that the caller's lacks.
    pub(super) role_id: Option<Id>,
    /// Whether the user signs in without a password of ours; a password given beside it is not kept.
    pub(super) no_password: Option<bool>,
    #[serde(flatten)]
    pub(super) attributes: Attributes,
}

/// What else is known of a user.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Attributes {
    /// The categories whose threads the user answers; given, they replace the ones before.
    pub(super) category_ids: Option<Vec<Id>>,
    /// Whether the user can do anything at all; true for a new one.
    pub(super) enabled: Option<bool>,
    /// The id in another system, which no other user may have; empty: none.
    pub(super) external_id: Option<String>,
    /// "man" or "woman"; empty: not known.
    #[serde(default, deserialize_with = "given::or_empty")]
    pub(super) gender: Option<Option<Gender>>,
    /// The identities that the user writes as, the default ones first; given, they replace the ones before.
    pub(super) identity_ids: Option<Vec<Id>>,
    /// The language of the user interface, a code of `/locales`; empty: the account's.
    pub(super) locale: Option<String>,
    /// What customers see in place of the name; empty: none.
    pub(super) nickname: Option<String>,
    /// The teams that the user belongs to; given, they replace the ones before.
    pub(super) team_ids: Option<Vec<Id>>,
    /// A name of `/timezones`; empty: the account's time zone.
    pub(super) timezone: Option<String>,
    /// The languages that the user speaks, codes of `/locales`; given, they replace the ones before.
    pub(super) spoken_languages: Option<Vec<String>>,
    /// A capacity profile of `/user_capacities`; empty: the limits of the channels hold.
    pub(super) user_capacity_id: Option<String>,
}

/// A user's gender, as far as the platform tells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Gender {
    Man,
    Woman,
}

pub(super) fn operations() -> Vec<Operation> {
    let tag = "Users";
    let path = "/users/{userId}";
    let teams = "Who holds manage_users_of_my_teams (and not manage_teams) reaches the members of the teams that they \
                 lead, and nobody else; of teams they add and remove only those.";
    vec![
        Operation::read("getAllUsers", Method::GET, "/users", list)
            .tag(tag)
            .summary("Lists users, newest first.")
            .notes(teams)
            .permissions(&[Permission::ReadUser, Permission::ManageUsersOfMyTeams]),
        Operation::read("getCurrentUser", Method::GET, "/users/me", me)
            .tag(tag)
            .summary("Reads the user on whose behalf the request acts.")
            .extension(),
        Operation::read("getUser", Method::GET, path, show)
            .tag(tag)
            .summary("Reads a user.")
            .notes("Everybody may read themselves; others need read_user, or lead a team of theirs."),
        Operation::write("createUser", Method::POST, "/users", create)
            .tag(tag)
            .summary("Creates a user.")
            .notes(teams)
            .permissions(&[Permission::CreateUser, Permission::ManageUsersOfMyTeams])
            .prepare("password", hash),
        Operation::write("inviteUser", Method::POST, "/users/invite", invite)
            .tag(tag)
            .summary("Creates a user who has not chosen a password yet.")
            .notes(teams)
            .permissions(&[Permission::InviteUser, Permission::ManageUsersOfMyTeams]),
        Operation::write("updateUser", Method::PUT, path, update)
            .tag(tag)
            .summary("Updates a user whose role holds nothing that the caller's lacks.")
            .notes(teams)
            .permissions(&[Permission::UpdateUser, Permission::ManageUsersOfMyTeams])
            .prepare("password", hash),
        Operation::write("deleteUser", Method::DELETE, path, delete)
            .tag(tag)
            .summary("Deletes a user whose role holds nothing that the caller's lacks.")
            .notes(
                "What they wrote and handled stays, and so do their open interventions, which the search keyword \
                 opened_and_assigned_to_disabled_agents finds. Their tokens, rights, signatures and links go, and \
                 their e-mail is free again.",
            )
            .permissions(&[Permission::UpdateUser, Permission::ManageUsersOfMyTeams]),
    ]
}

fn hash(env: &frontdesk_model::Env, text: &str) -> Result<String> {
    password::hash(env, &Secret::new(text))
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<User>> {
    let paging = parameters.paging;
    let email = given::text(parameters.email).map(|email| email.to_lowercase());
    let external_id = given::text(parameters.external_id);
    let id = |text: &Option<String>| given::id(text.as_deref());
    let (Ok(identity_id), Ok(role_id), Ok(team_id), Ok(category_id)) =
        (id(&parameters.identity_id), id(&parameters.role_id), id(&parameters.team_id), id(&parameters.category_id))
    else {
        return Ok(Page::new(0, paging, Vec::new()));
    };
    let mut filter = Filter::default();
    filter.and("users.deleted_at IS NULL");
    if let Some(email) = &email {
        filter.and_equal("email_key", email);
    }
    if let Some(external_id) = &external_id {
        filter.and_equal("external_id", external_id);
    }
    if let Some(role_id) = &role_id {
        filter.and_equal("role_id", role_id);
    }
    if let Some(identity_id) = &identity_id {
        let identity = filter.bind(identity_id);
        filter.and(format!("users.id IN (SELECT user_id FROM identity_users WHERE identity_id = {identity})"));
    }
    if let Some(team_id) = &team_id {
        let team = filter.bind(team_id);
        filter.and(format!("users.id IN (SELECT user_id FROM team_users WHERE team_id = {team})"));
    }
    if let Some(category_id) = &category_id {
        let category = filter.bind(category_id);
        filter.and(format!("users.id IN (SELECT user_id FROM user_categories WHERE category_id = {category})"));
    }
    if reach(&call.caller, Permission::ReadUser) == Reach::Led {
        let leader = filter.bind(&call.caller.user_id);
        filter.and(format!(
            "users.id IN (SELECT team_users.user_id FROM team_leaders
               JOIN team_users ON team_users.team_id = team_leaders.team_id
               WHERE team_leaders.user_id = {leader})"
        ));
    }
    let (offset, limit) = (paging.offset, paging.limit);
    let count = filter.count(tx, "users", offset, limit)?;
    let rows = filter.page(tx, &format!("SELECT {COLUMNS} FROM users"), "created_at DESC, id DESC", offset, limit)?;
    let users = rows.iter().map(super::user).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, with_links(tx, users)?))
}

fn me(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<User> {
    find(tx, &call.caller, call.caller.user_id)
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<User> {
    find(tx, &call.caller, call.id("userId", "user")?)
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<User> {
    let given = Given {
        email: Some(parameters.email),
        firstname: Some(parameters.firstname),
        lastname: Some(parameters.lastname),
        password: parameters.password,
        role_id: Some(parameters.role_id),
        no_password: parameters.no_password,
        attributes: parameters.attributes,
    };
    commands::create(call, given, tx)
}

fn invite(call: &Call, parameters: Invite, tx: &mut dyn Tx) -> Result<User> {
    let given = Given {
        email: Some(parameters.email),
        firstname: Some(parameters.firstname),
        lastname: Some(parameters.lastname),
        password: None,
        role_id: Some(parameters.role_id),
        no_password: None,
        attributes: parameters.attributes,
    };
    commands::invite(call, given, tx)
}

fn update(call: &Call, given: Given, tx: &mut dyn Tx) -> Result<User> {
    commands::update(call, call.id("userId", "user")?, given, tx)
}

fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<User> {
    commands::delete(call, call.id("userId", "user")?, tx)
}
