//! Users: agents, administrators and bots.
//!
//! A deleted user stays as a row that history refers to: their contents, interventions and events keep them, and nobody
//! finds, sees or becomes them any more.

mod commands;
mod invitations;
mod rest;

use std::collections::HashMap;

use frontdesk_model::{Caller, Env, Error, Id, Permission, Permissions, Result, Timestamp, error};
use frontdesk_store::{Row, Tx, args};
use schemars::JsonSchema;
use serde::Serialize;

use crate::password_links::Links;
use crate::{checked, events, roles, teams};

pub(crate) use commands::require_may_sign_in_as;

/// The operations on users. `sends_mails`: whether there is a mail server.
pub(crate) fn operations(links: Links, sends_mails: bool) -> Vec<frontdesk_rest::Operation> {
    let mut operations = rest::operations();
    operations.extend(invitations::operations(links, sends_mails));
    operations
}

/// A user as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
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

/// Somebody who is signed in, as a console greets them.
#[derive(Debug, Serialize)]
pub(crate) struct Signed {
    id: Id,
    email: String,
    firstname: String,
    lastname: String,
    /// The language that they read.
    locale: String,
}

/// Somebody who is signed in.
pub(crate) fn signed(tx: &mut dyn Tx, id: Id) -> Result<Signed> {
    let row = tx.one("SELECT email, firstname, lastname FROM users WHERE id = $1", args![&id])?;
    let (email, firstname, lastname) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(Signed { id, email, firstname, lastname, locale: language(tx, id)? })
}

/// The language that a user reads, a code of `/locales`: their own, else the account's.
pub fn language(tx: &mut dyn Tx, id: Id) -> Result<String> {
    let row = tx.first("SELECT locale FROM users WHERE id = $1", args![&id])?;
    match row.map(|row| row.get::<Option<String>>(0)).transpose()?.flatten() {
        Some(locale) => Ok(locale),
        None => Ok(crate::settings::load(tx)?.locale),
    }
}

/// The id of the user with this e-mail, without regard to case.
pub fn id_by_email(tx: &mut dyn Tx, email: &str) -> Result<Option<Id>> {
    let row =
        tx.first("SELECT id FROM users WHERE email_key = $1 AND deleted_at IS NULL", args![&email.to_lowercase()])?;
    row.map(|row| row.get(0)).transpose()
}

/// Lets a user sign in with a password from now on, if they did without until now. False for one who is disabled.
pub fn take_password(tx: &mut dyn Tx, env: &Env, id: Id) -> Result<bool> {
    let row = tx.first("SELECT no_password FROM users WHERE id = $1 AND enabled", args![&id])?;
    let Some(row) = row else { return Ok(false) };
    if row.get(0)? {
        let sql = "UPDATE users SET no_password = FALSE, updated_at = $2 WHERE id = $1";
        tx.execute(sql, args![&id, env.now()])?;
        tx.append(events::of(None, env, "user.updated", id, serde_json::json!({ "changed": ["no_password"] })));
    }
    Ok(true)
}

/// Takes a user's password away; whoever came in by it is out.
pub fn take_password_away(tx: &mut dyn Tx, env: &Env, id: Id) -> Result<()> {
    let sql = "UPDATE users SET password_hash = NULL, no_password = TRUE, updated_at = $2
         WHERE id = $1 AND password_hash IS NOT NULL";
    if tx.execute(sql, args![&id, env.now()])? > 0 {
        tx.append(events::of(None, env, "user.updated", id, serde_json::json!({ "changed": ["no_password"] })));
        crate::password_links::forget(tx, id)?;
        crate::sessions::end_all(tx, env, None, id, None)?;
    }
    Ok(())
}

const COLUMNS: &str = "users.id, email, firstname, lastname, nickname, gender, enabled, role_id, external_id,
    no_password, locale, timezone, spoken_languages, created_at, updated_at, invitation_pending, user_capacity_id";

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
        invitation_pending: row.get(15)?,
        no_password: row.get(9)?,
        locale: row.get(10)?,
        timezone: row.get(11)?,
        spoken_languages: serde_json::from_str(&spoken_languages)
            .map_err(|trouble| error::broken(format!("users.spoken_languages: {trouble}")))?,
        rc_user_id: None,
        user_capacity_id: row.get(16)?,
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

/// 422 on `attribute` unless all of these users exist.
pub fn require_known(tx: &mut dyn Tx, ids: &[Id], attribute: &str) -> Result<()> {
    let live = "(SELECT id FROM users WHERE deleted_at IS NULL) AS live";
    checked::known(tx, live, ids, attribute, "user")
}

/// A user whom the caller may read; anybody else is missing. Everybody may read themselves. 403 when the caller's role
/// lets them read nobody else.
pub(crate) fn find(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<User> {
    if id != caller.user_id {
        match reach(caller, Permission::ReadUser) {
            Reach::Everybody => {}
            Reach::Led if teams::leads(tx, caller.user_id, id)? => {}
            Reach::Led => return Err(error::not_found("user")),
            Reach::Nobody => return Err(lacks(Permission::ReadUser)),
        }
    }
    by_id(tx, id)
}

/// A user whom the caller may change, and who may do nothing that the caller may not: who can change an e-mail or a
/// password can become that user. 403 otherwise; 404 for whom they may not even read.
pub(crate) fn find_to_change(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<User> {
    let user = match reach(caller, Permission::UpdateUser) {
        Reach::Everybody => by_id(tx, id)?,
        Reach::Led if teams::leads(tx, caller.user_id, id)? => by_id(tx, id)?,
        Reach::Led => {
            find(tx, caller, id)?;
            return Err(error::forbidden("You may only change users of the teams that you lead."));
        }
        Reach::Nobody => return Err(lacks(Permission::UpdateUser)),
    };
    if !caller.permissions.covers(roles::permissions(tx, user.role_id)?) {
        return Err(error::forbidden("The user's role holds permissions that yours lacks."));
    }
    Ok(user)
}

fn by_id(tx: &mut dyn Tx, id: Id) -> Result<User> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM users WHERE id = $1 AND deleted_at IS NULL"), args![&id])?;
    let user = user(&row.ok_or_else(|| error::not_found("user"))?)?;
    with_links(tx, vec![user])?.pop().ok_or_else(|| error::not_found("user"))
}

/// Which users a permission reaches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    Everybody,
    /// The members of the teams that the caller leads.
    Led,
    Nobody,
}

/// How far a permission over users reaches: manage_users_of_my_teams gives it for the members of the teams
/// that one leads, and limits it to them.
pub(crate) fn reach(caller: &Caller, permission: Permission) -> Reach {
    if caller.may(permission) && !caller.permissions.are_limited_to_teams() {
        Reach::Everybody
    } else if caller.may(Permission::ManageUsersOfMyTeams) {
        Reach::Led
    } else {
        Reach::Nobody
    }
}

fn lacks(permission: Permission) -> Error {
    error::forbidden(format!("Your role lacks the permission {}.", permission.name()))
}

/// 403 when nobody is left whose role holds every permission: an account without an administrator cannot be repaired
/// from within. Call it after a change that took one away.
pub(crate) fn require_an_administrator(tx: &mut dyn Tx) -> Result<()> {
    let sql = "SELECT permissions FROM roles
         WHERE EXISTS (SELECT 1 FROM users WHERE users.role_id = roles.id AND users.enabled)";
    for row in tx.query(sql, &[])? {
        if Permissions::from_text(&row.get::<String>(0)?) == Permissions::ALL {
            return Ok(());
        }
    }
    Err(error::forbidden(
        "This would leave nobody whose role holds every permission: make another administrator first.",
    ))
}
