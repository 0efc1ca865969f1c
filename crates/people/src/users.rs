//! Users: agents, administrators and bots.

use frontdesk_model::{Env, Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::events;

/// A user as REST shows it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct User {
    id: Id,
    email: String,
    firstname: String,
    lastname: String,
    nickname: Option<String>,
    gender: Option<String>,
    enabled: bool,
    role_id: Id,
    category_ids: Vec<Id>,
    identity_ids: Vec<Id>,
    team_ids: Vec<Id>,
    external_id: Option<String>,
    invitation_pending: bool,
    no_password: bool,
    locale: Option<String>,
    timezone: Option<String>,
    spoken_languages: Vec<String>,
    rc_user_id: Option<String>,
    user_capacity_id: Option<Id>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What a new user is made of.
pub struct NewUser<'a> {
    /// Unique without regard to case.
    pub email: &'a str,
    /// First name.
    pub firstname: &'a str,
    /// Last name.
    pub lastname: &'a str,
    /// Their role.
    pub role_id: Id,
    /// From [`crate::password::hash`].
    pub password_hash: Option<&'a str>,
}

/// Creates a user.
pub fn create(tx: &mut dyn Tx, env: &Env, user: &NewUser) -> Result<Id> {
    let (id, now) = (env.id(), env.now());
    tx.execute(
        "INSERT INTO users (id, email, email_key, firstname, lastname, spoken_languages, role_id, password_hash,
                            enabled, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, '[]', $6, $7, TRUE, $8, $8)",
        args![
            &id,
            user.email,
            &user.email.to_lowercase(),
            user.firstname,
            user.lastname,
            &user.role_id,
            user.password_hash,
            now
        ],
    )?;
    tx.append(events::caused_by(None, env, "user.created", id));
    Ok(id)
}

/// The id of the user with this e-mail, without regard to case.
pub fn id_by_email(tx: &mut dyn Tx, email: &str) -> Result<Option<Id>> {
    let row = tx.first("SELECT id FROM users WHERE email_key = $1", args![&email.to_lowercase()])?;
    row.map(|row| row.get(0)).transpose()
}

const COLUMNS: &str = "users.id, email, firstname, lastname, nickname, gender, enabled, role_id, external_id,
    password_hash IS NULL, locale, timezone, spoken_languages, created_at, updated_at";

fn user(row: &Row) -> Result<User> {
    let spoken_languages: String = row.get(12)?;
    Ok(User {
        id: row.get(0)?,
        email: row.get(1)?,
        firstname: row.get(2)?,
        lastname: row.get(3)?,
        nickname: row.get(4)?,
        gender: row.get(5)?,
        enabled: row.get(6)?,
        role_id: row.get(7)?,
        category_ids: Vec::new(),
        identity_ids: Vec::new(),
        team_ids: Vec::new(),
        external_id: row.get(8)?,
        invitation_pending: false,
        no_password: row.get(9)?,
        locale: row.get(10)?,
        timezone: row.get(11)?,
        spoken_languages: serde_json::from_str(&spoken_languages)
            .map_err(|trouble| error::broken(format!("users.spoken_languages: {trouble}")))?,
        rc_user_id: None,
        user_capacity_id: None,
        created_at: row.get(13)?,
        updated_at: row.get(14)?,
    })
}

fn with_identities(tx: &mut dyn Tx, mut users: Vec<User>) -> Result<Vec<User>> {
    let ids: Vec<Id> = users.iter().map(|user| user.id).collect();
    let sql =
        format!("SELECT user_id, identity_id FROM identity_users WHERE {} ORDER BY position", tx.in_list("user_id", 1));
    for row in tx.query(&sql, args![&ids])? {
        let owner: Id = row.get(0)?;
        if let Some(user) = users.iter_mut().find(|user| user.id == owner) {
            user.identity_ids.push(row.get(1)?);
        }
    }
    Ok(users)
}

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

pub(crate) fn operations() -> Vec<Operation> {
    vec![
        Operation::read("getAllUsers", Method::GET, "/users", list)
            .tag("Users")
            .summary("Lists users, newest first.")
            .permissions(&[Permission::ReadUser]),
        Operation::read("getCurrentUser", Method::GET, "/users/me", me)
            .tag("Users")
            .summary("Reads the user on whose behalf the request acts.")
            .extension(),
        Operation::read("getUser", Method::GET, "/users/{userId}", show)
            .tag("Users")
            .summary("Reads a user.")
            .notes("Everybody may read themselves; others need read_user."),
    ]
}

fn list(_: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<User>> {
    let paging = parameters.paging;
    // No user has a category or a team yet, so a filter on either matches nobody.
    if parameters.category_id.is_some() || parameters.team_id.is_some() {
        return Ok(Page::new(0, paging, Vec::new()));
    }
    let (email, external_id) = (parameters.email.map(|email| email.to_lowercase()), parameters.external_id);
    let (Ok(identity_id), Ok(role_id)) = (parse(&parameters.identity_id), parse(&parameters.role_id)) else {
        return Ok(Page::new(0, paging, Vec::new()));
    };
    let mut filter = Filter::default();
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
    let (offset, limit) = (paging.offset, paging.limit);
    let count = filter.count(tx, "users", offset, limit)?;
    let rows = filter.page(tx, &format!("SELECT {COLUMNS} FROM users"), "created_at DESC, id DESC", offset, limit)?;
    let users = rows.iter().map(user).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, with_identities(tx, users)?))
}

fn parse(text: &Option<String>) -> std::result::Result<Option<Id>, frontdesk_model::id::MalformedId> {
    text.as_deref().map(str::parse).transpose()
}

fn me(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<User> {
    find(tx, call.caller.user_id)
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<User> {
    let id = call.id("userId", "user")?;
    if id != call.caller.user_id {
        call.caller.require_any(&[Permission::ReadUser])?;
    }
    find(tx, id)
}

fn find(tx: &mut dyn Tx, id: Id) -> Result<User> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM users WHERE id = $1"), args![&id])?;
    let user = user(&row.ok_or_else(|| error::not_found("user"))?)?;
    with_identities(tx, vec![user])?.pop().ok_or_else(|| error::not_found("user"))
}
