//! Access tokens: a label, an owner, an enabled flag. The token itself is shown once, at creation; only its hash is kept.

use frontdesk_model::{Env, Id, Result, Secret, Timestamp, hex};
use frontdesk_store::{Row, Tx, args};
use ring::digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{callers, checked, events};

/// The hash under which a token is looked up. A token is 256 random bits, so a fast hash reveals nothing.
pub fn hash(token: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, token.as_bytes()).as_ref());
    hash
}

/// An access token as its administrator sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AccessToken {
    id: Id,
    label: String,
    /// Every effect of the token is attributed to this user and bounded by their role.
    user_id: Id,
    /// A disabled token is refused with 401.
    enabled: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
    /// The token itself; only in the answer that created it.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

const COLUMNS: &str = "id, label, user_id, enabled, created_at, updated_at";

fn access_token(row: &Row) -> Result<AccessToken> {
    Ok(AccessToken {
        id: row.get(0)?,
        label: row.get(1)?,
        user_id: row.get(2)?,
        enabled: row.get(3)?,
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        token: None,
    })
}

/// What others need to know of a token.
#[derive(Clone, Debug)]
pub struct Known {
    /// The token's id.
    pub id: Id,
    /// What it is for.
    pub label: String,
    /// Its owner.
    pub user_id: Id,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// A token by its id.
pub fn known(tx: &mut dyn Tx, id: Id) -> Result<Option<Known>> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM access_tokens WHERE id = $1"), args![&id])?;
    let token = row.map(|row| access_token(&row)).transpose()?;
    Ok(token.map(|token| Known {
        id: token.id,
        label: token.label,
        user_id: token.user_id,
        created_at: token.created_at,
        updated_at: token.updated_at,
    }))
}

/// The oldest token of a user that is enabled.
pub fn first_of(tx: &mut dyn Tx, user_id: Id) -> Result<Option<Id>> {
    let sql = "SELECT id FROM access_tokens WHERE user_id = $1 AND enabled ORDER BY created_at, id LIMIT 1";
    tx.first(sql, args![&user_id])?.map(|row| row.get(0)).transpose()
}

/// Creates a token and returns it. The only place where a token is made.
/// `creator_id` is the user who makes it; none when an operator does.
pub fn create(tx: &mut dyn Tx, env: &Env, creator_id: Option<Id>, user_id: Id, label: &str) -> Result<(Id, Secret)> {
    let label = checked::name("label", label)?;
    let token = hex::encode(env.random::<32>());
    let (id, now) = (env.id(), env.now());
    tx.execute(
        "INSERT INTO access_tokens (id, hash, user_id, label, enabled, created_at, updated_at, made_by)
         VALUES ($1, $2, $3, $4, TRUE, $5, $5, $6)",
        args![&id, &hash(&token)[..], &user_id, &label, now, &creator_id.filter(|id| *id != user_id)],
    )?;
    tx.append(events::caused_by(creator_id, env, "api_access_token.created", id));
    Ok((id, Secret::new(token)))
}

/// Disables the tokens of a user, or of all users of a role, that others made who could not make them now: call it when
/// a role has come to allow more. Whoever made them may know them still. `of`: the id of the user or of the role.
pub(crate) fn disable_outgrown(tx: &mut dyn Tx, env: &Env, by: Id, of: Id) -> Result<()> {
    let sql = "SELECT access_tokens.id, users.id, access_tokens.made_by FROM access_tokens
         JOIN users ON users.id = access_tokens.user_id
         WHERE access_tokens.enabled AND access_tokens.made_by IS NOT NULL AND (users.id = $1 OR users.role_id = $1)";
    for row in tx.query(sql, args![&of])? {
        let (id, owner, maker): (Id, Id, Id) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if !callers::is_covered(tx, owner, maker)? {
            let sql = "UPDATE access_tokens SET enabled = FALSE, updated_at = $2 WHERE id = $1";
            tx.execute(sql, args![&id, env.now()])?;
            tx.append(events::caused_by(Some(by), env, "api_access_token.updated", id));
        }
    }
    Ok(())
}

pub(crate) mod rest {
    use frontdesk_model::{Permission, Result, error};
    use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
    use frontdesk_store::{Tx, args};
    use http::Method;

    use super::*;

    /// Parameters of `createAccessToken`.
    #[derive(Deserialize, JsonSchema)]
    struct Create {
        /// What the token is for.
        label: String,
        /// The user it acts for; the caller when absent. Their role may hold nothing that the caller's lacks.
        user_id: Option<Id>,
    }

    /// Parameters of `updateAccessToken`.
    #[derive(Deserialize, JsonSchema)]
    struct Update {
        /// A new label.
        label: Option<String>,
        /// Whether the token is accepted.
        enabled: Option<bool>,
    }

    pub(crate) fn operations() -> Vec<Operation> {
        let tag = "Access tokens";
        let permissions = &[Permission::ManageApiAccessTokens];
        let path = "/access_tokens/{accessTokenId}";
        vec![
            Operation::read("getAllAccessTokens", Method::GET, "/access_tokens", list)
                .tag(tag)
                .summary("Lists access tokens, oldest first, without the tokens themselves.")
                .permissions(permissions)
                .extension(),
            Operation::write("createAccessToken", Method::POST, "/access_tokens", create_for)
                .tag(tag)
                .summary("Creates an access token. Its answer is the only place where the token is shown.")
                .permissions(permissions)
                .extension(),
            Operation::write("updateAccessToken", Method::PUT, path, update)
                .tag(tag)
                .summary("Renames, enables or disables an access token.")
                .permissions(permissions)
                .extension(),
            Operation::write("deleteAccessToken", Method::DELETE, path, delete)
                .tag(tag)
                .summary("Deletes an access token: it is refused from now on.")
                .permissions(permissions)
                .extension(),
        ]
    }

    fn list(_: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<AccessToken>> {
        let count = tx.one("SELECT count(*) FROM access_tokens", args![])?.get(0)?;
        let rows = tx.query(
            &format!("SELECT {COLUMNS} FROM access_tokens ORDER BY created_at, id LIMIT $1 OFFSET $2"),
            args![paging.limit, paging.offset],
        )?;
        Ok(Page::new(count, paging, rows.iter().map(access_token).collect::<Result<_>>()?))
    }

    fn create_for(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<AccessToken> {
        let user_id = parameters.user_id.unwrap_or(call.caller.user_id);
        require_covered(call, user_id, tx)?;
        let (id, token) = create(tx, &call.env, Some(call.caller.user_id), user_id, &parameters.label)?;
        Ok(AccessToken { token: Some(token.reveal().to_owned()), ..find(tx, id)? })
    }

    fn update(call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<AccessToken> {
        let token = find(tx, call.id("accessTokenId", "access token")?)?;
        require_covered(call, token.user_id, tx)?;
        let label = checked::name("label", parameters.label.as_deref().unwrap_or(&token.label))?;
        let enabled = parameters.enabled.unwrap_or(token.enabled);
        if (&label, enabled) == (&token.label, token.enabled) {
            return Ok(token);
        }
        tx.execute(
            "UPDATE access_tokens SET label = $2, enabled = $3, updated_at = $4 WHERE id = $1",
            args![&token.id, &label, enabled, call.env.now()],
        )?;
        tx.append(events::caused_by(Some(call.caller.user_id), &call.env, "api_access_token.updated", token.id));
        find(tx, token.id)
    }

    fn delete(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<AccessToken> {
        let token = find(tx, call.id("accessTokenId", "access token")?)?;
        require_covered(call, token.user_id, tx)?;
        tx.execute("DELETE FROM access_tokens WHERE id = $1", args![&token.id])?;
        tx.append(events::caused_by(Some(call.caller.user_id), &call.env, "api_access_token.destroyed", token.id));
        Ok(token)
    }

    /// Nobody makes or enables a token that can do more than they can.
    fn require_covered(call: &Call, owner_id: Id, tx: &mut dyn Tx) -> Result<()> {
        let unknown = || error::invalid("user_id", "unknown", "user_id: there is no such user.");
        let owner = callers::potential(tx, owner_id)?.ok_or_else(unknown)?;
        if call.caller.covers(&owner) {
            return Ok(());
        }
        Err(error::forbidden(
            "The token's owner holds permissions that your role lacks, or rights on sources that you lack.",
        ))
    }

    fn find(tx: &mut dyn Tx, id: Id) -> Result<AccessToken> {
        let row = tx.first(&format!("SELECT {COLUMNS} FROM access_tokens WHERE id = $1"), args![&id])?;
        access_token(&row.ok_or_else(|| error::not_found("access token"))?)
    }
}
