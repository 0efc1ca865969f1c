//! Users: agents, administrators and bots.

use std::collections::HashMap;

use frontdesk_model::{Env, Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{checked, events};

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
                            no_password, enabled, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, '[]', $6, $7, $8, TRUE, $9, $9)",
        args![
            &id,
            user.email,
            &user.email.to_lowercase(),
            user.firstname,
            user.lastname,
            &user.role_id,
            user.password_hash,
            user.password_hash.is_none(),
            now
        ],
    )?;
    tx.append(events::caused_by(None, env, "user.created", id));
    Ok(id)
}

/// The id of the user with this e-mail, without regard to case.
pub fn id_by_email(tx: &mut dyn Tx, email: &str) -> Result<Option<Id>> {
    let row =
        tx.first("SELECT id FROM users WHERE email_key = $1 AND deleted_at IS NULL", args![&email.to_lowercase()])?;
    row.map(|row| row.get(0)).transpose()
}

const COLUMNS: &str = "users.id, email, firstname, lastname, nickname, gender, enabled, role_id, external_id,
    no_password, locale, timezone, spoken_languages, created_at, updated_at";

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

/// Adds what users are linked to.
fn with_links(tx: &mut dyn Tx, mut users: Vec<User>) -> Result<Vec<User>> {
    let ids: Vec<Id> = users.iter().map(|user| user.id).collect();
    let mut identities = links(tx, "identity_users", "identity_id", "position", &ids)?;
    let mut teams = links(tx, "team_users", "team_id", "team_id", &ids)?;
    let mut categories = links(tx, "user_categories", "category_id", "category_id", &ids)?;
    for user in &mut users {
        user.identity_ids = identities.remove(&user.id).unwrap_or_default();
        user.team_ids = teams.remove(&user.id).unwrap_or_default();
        user.category_ids = categories.remove(&user.id).unwrap_or_default();
    }
    Ok(users)
}

fn links(tx: &mut dyn Tx, table: &str, column: &str, order: &str, user_ids: &[Id]) -> Result<HashMap<Id, Vec<Id>>> {
    let condition = tx.in_list("user_id", 1);
    let sql = format!("SELECT user_id, {column} FROM {table} WHERE {condition} ORDER BY user_id, {order}");
    let mut found: HashMap<Id, Vec<Id>> = HashMap::new();
    for row in tx.query(&sql, args![user_ids])? {
        found.entry(row.get(0)?).or_default().push(row.get(1)?);
    }
    Ok(found)
}

/// A user's skills: the categories whose threads they answer.
pub fn category_ids(tx: &mut dyn Tx, user_id: Id) -> Result<Vec<Id>> {
    let sql = "SELECT category_id FROM user_categories WHERE user_id = $1 ORDER BY category_id";
    tx.query(sql, args![&user_id])?.iter().map(|row| row.get(0)).collect()
}

/// 422 on `attribute` unless all of these users exist.
pub fn require_known(tx: &mut dyn Tx, ids: &[Id], attribute: &str) -> Result<()> {
    let live = "(SELECT id FROM users WHERE deleted_at IS NULL) AS live";
    checked::known(tx, live, ids, attribute, "user")
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
    let (email, external_id) = (parameters.email.map(|email| email.to_lowercase()), parameters.external_id);
    let (Ok(identity_id), Ok(role_id)) = (parse(&parameters.identity_id), parse(&parameters.role_id)) else {
        return Ok(Page::new(0, paging, Vec::new()));
    };
    let (Ok(team_id), Ok(category_id)) = (parse(&parameters.team_id), parse(&parameters.category_id)) else {
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
    let (offset, limit) = (paging.offset, paging.limit);
    let count = filter.count(tx, "users", offset, limit)?;
    let rows = filter.page(tx, &format!("SELECT {COLUMNS} FROM users"), "created_at DESC, id DESC", offset, limit)?;
    let users = rows.iter().map(user).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, with_links(tx, users)?))
}

fn parse(text: &Option<String>) -> std::result::Result<Option<Id>, frontdesk_model::id::MalformedId> {
    text.as_deref().filter(|text| !text.is_empty()).map(str::parse).transpose()
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
    let row = tx.first(&format!("SELECT {COLUMNS} FROM users WHERE id = $1 AND deleted_at IS NULL"), args![&id])?;
    let user = user(&row.ok_or_else(|| error::not_found("user"))?)?;
    with_links(tx, vec![user])?.pop().ok_or_else(|| error::not_found("user"))
}
