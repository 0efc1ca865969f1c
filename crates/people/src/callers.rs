//! From a token to the user on whose behalf a request acts.

use std::sync::Arc;

use frontdesk_model::{Caller, Env, Id, Permission, Permissions, Result, error};
use frontdesk_store::{Tx, args};

use crate::{access_tokens, events, sources_permissions, teams};

/// Between two entries of the journal about the same two people.
const ACTING_SECONDS: i64 = 3_600;

/// 401 unless the token is known and enabled and so is its owner.
pub(crate) fn token_owner(tx: &mut dyn Tx, token: &str) -> Result<Caller> {
    let hash = access_tokens::hash(token);
    let row = tx.first(
        "SELECT users.id, roles.permissions, access_tokens.id FROM access_tokens
         JOIN users ON users.id = access_tokens.user_id JOIN roles ON roles.id = users.role_id
         WHERE access_tokens.hash = $1 AND access_tokens.enabled AND users.enabled",
        args![&hash[..]],
    )?;
    let row = row.ok_or_else(|| error::unauthorized("The access token is unknown or disabled."))?;
    let owner = caller(tx, row.get(0)?, &row.get::<String>(1)?)?;
    Ok(Caller { token_id: Some(row.get(2)?), ..owner })
}

/// The caller that somebody with this token is now; none when it is unknown or disabled, or its owner is.
pub fn by_token(tx: &mut dyn Tx, token_id: Id) -> Result<Option<Caller>> {
    let sql = "SELECT user_id FROM access_tokens WHERE id = $1 AND enabled";
    let Some(row) = tx.first(sql, args![&token_id])? else { return Ok(None) };
    let owner = enabled(tx, row.get(0)?)?;
    Ok(owner.map(|owner| Caller { token_id: Some(token_id), ..owner }))
}

/// Acting as somebody else is 400 where it is not allowed, and never a way to more permissions or rights.
pub(crate) fn impersonated(tx: &mut dyn Tx, owner: &Caller, user_id: &str) -> Result<Caller> {
    let refused = || error::bad_request("impersonated_user_id: you may not act as this user.");
    acting_as(tx, owner, user_id)?.ok_or_else(refused)
}

/// The caller that somebody becomes when they act as this user; none where that is not allowed.
pub fn acting_as(tx: &mut dyn Tx, owner: &Caller, user_id: &str) -> Result<Option<Caller>> {
    let Ok(user_id) = user_id.parse::<Id>() else { return Ok(None) };
    if user_id == owner.user_id {
        return Ok(Some(owner.clone()));
    }
    if !owner.may(Permission::ImpersonateUser) {
        return Ok(None);
    }
    let Some(other) = enabled(tx, user_id)?.filter(|other| owner.covers(other)) else { return Ok(None) };
    if owner.permissions.are_limited_to_teams() && !teams::leads(tx, owner.user_id, user_id)? {
        return Ok(None);
    }
    Ok(Some(Caller { owner_id: owner.owner_id, token_id: owner.token_id, session_id: owner.session_id, ..other }))
}

/// Tells the journal that somebody acts as a user; of the same two once an hour.
pub(crate) fn note_acting(tx: &mut dyn Tx, env: &Env, caller: &Caller) -> Result<()> {
    let lately = Id::first_of(env.now().plus_seconds(-ACTING_SECONDS));
    let told = tx.first(
        "SELECT 1 FROM log WHERE object_id = $1 AND id >= $2 AND kind = 'user.impersonated' AND user_id = $3 LIMIT 1",
        args![&caller.user_id, &lately, &caller.owner_id],
    )?;
    if told.is_none() {
        tx.append(events::caused_by(Some(caller.owner_id), env, "user.impersonated", caller.user_id));
    }
    Ok(())
}

/// The caller that an enabled user is, without a token: for what the program does in their name.
pub fn user(tx: &mut dyn Tx, user_id: Id) -> Result<Caller> {
    enabled(tx, user_id)?.ok_or_else(|| error::not_found("user"))
}

/// The same; none for somebody who is disabled or has been deleted.
pub fn enabled(tx: &mut dyn Tx, user_id: Id) -> Result<Option<Caller>> {
    powers(tx, user_id, "users.enabled")
}

/// What a user may do while they are enabled; none for one who has been deleted.
pub fn potential(tx: &mut dyn Tx, user_id: Id) -> Result<Option<Caller>> {
    powers(tx, user_id, "users.deleted_at IS NULL")
}

/// Whether `by` is a user who may sign in and would gain nothing by being the other.
pub(crate) fn is_covered(tx: &mut dyn Tx, user_id: Id, by: Id) -> Result<bool> {
    let (Some(user), Some(by)) = (potential(tx, user_id)?, enabled(tx, by)?) else { return Ok(false) };
    Ok(by.covers(&user))
}

fn powers(tx: &mut dyn Tx, user_id: Id, condition: &str) -> Result<Option<Caller>> {
    let row = tx.first(
        &format!(
            "SELECT roles.permissions FROM users JOIN roles ON roles.id = users.role_id
             WHERE users.id = $1 AND {condition}"
        ),
        args![&user_id],
    )?;
    row.map(|row| caller(tx, user_id, &row.get::<String>(0)?)).transpose()
}

fn caller(tx: &mut dyn Tx, user_id: Id, permissions: &str) -> Result<Caller> {
    let sources = Arc::new(sources_permissions::of_user(tx, user_id)?);
    Ok(Caller {
        user_id,
        owner_id: user_id,
        token_id: None,
        session_id: None,
        permissions: Permissions::from_text(permissions),
        sources,
    })
}
