//! Sign-on by JWT: the other system signs who somebody is with a secret that it shares with us.

mod http;
mod token;

use axum::http::Method;
use frontdesk_model::{Id, Permission, Result, Secret, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_store::{Seal, Tx, args};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Way, is_address, require_everything, save, wrong};
use crate::{checked, events, users};

pub(super) use http::router;

/// A secret that can be guessed signs anybody in.
const SECRET_CHARACTERS_MIN: usize = 16;
const SECRET_CHARACTERS_MAX: usize = 1_000;

/// How the JWT kind is set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Jwt {
    pub(super) enabled: bool,
    pub(super) remote_login_url: Option<String>,
    pub(super) remote_logout_url: Option<String>,
    pub(super) non_sso_login: bool,
    pub(super) default_authentication: bool,
}

impl Default for Jwt {
    fn default() -> Jwt {
        Jwt {
            enabled: false,
            remote_login_url: None,
            remote_logout_url: None,
            non_sso_login: true,
            default_authentication: false,
        }
    }
}

impl Jwt {
    /// What is offered to who is not signed in.
    pub(super) fn way(&self) -> Option<Way> {
        let login = self.remote_login_url.as_deref().filter(|_| self.enabled)?;
        Some(Way { kind: KIND, name: super::host(login), start: http::START, is_default: self.default_authentication })
    }

    /// Whether a password of ours still lets people in.
    pub(super) fn lets_passwords_in(&self) -> bool {
        !self.enabled || self.non_sso_login
    }
}

/// How the JWT kind is set now.
pub(super) fn jwt(tx: &mut dyn Tx) -> Result<Jwt> {
    Ok(stored(tx)?.0)
}

/// Whether who is not signed in is sent to the remote login.
pub(super) fn is_default(tx: &mut dyn Tx) -> Result<bool> {
    Ok(jwt(tx)?.default_authentication)
}

fn stored(tx: &mut dyn Tx) -> Result<(Jwt, Option<Vec<u8>>)> {
    super::stored(tx, KIND)
}

/// The secret that the other system signs with.
fn secret(tx: &mut dyn Tx, seal: &Seal) -> Result<Option<Secret>> {
    stored(tx)?.1.map(|sealed| seal.open(PURPOSE, &sealed)).transpose()
}

const KIND: &str = "jwt";
const PURPOSE: &str = "single sign-on:jwt";

/// Single sign-on by JWT, as an administrator sees it.
#[derive(Serialize, JsonSchema)]
struct Shown {
    /// Whether it lets anybody in.
    enabled: bool,
    /// Where people sign in at the other system; with `return_to`, the address that they wanted.
    remote_login_url: Option<String>,
    /// Where people go who sign out here.
    remote_logout_url: Option<String>,
    /// Whether a password of this account still lets people in.
    non_sso_login: bool,
    /// Whether who is not signed in goes to the remote login at once.
    default_authentication: bool,
    /// Whether there is a shared secret; it is never shown.
    has_shared_secret: bool,
    /// Where the other system sends people back to, with `jwt`, and `return_to` if it likes.
    endpoint_url: String,
}

/// Parameters of `updateJwtSingleSignOn`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// Whether it lets anybody in; it needs a shared secret.
    enabled: Option<bool>,
    /// What the other system signs its tokens with: 16 to 1,000 characters; empty: none, which is refused while it is
    /// enabled.
    shared_secret: Option<String>,
    /// Where people sign in at the other system; empty: nowhere, they come by themselves.
    remote_login_url: Option<String>,
    /// Where people go who sign out here; empty: nowhere.
    remote_logout_url: Option<String>,
    /// Whether a password of this account still lets people in; false needs a remote_login_url.
    non_sso_login: Option<bool>,
    /// Whether who is not signed in goes to the remote login at once; it needs a remote_login_url.
    default_authentication: Option<bool>,
}

/// Parameters of `updateUserJwtExternalId`.
#[derive(Deserialize, JsonSchema)]
struct UpdateUser {
    /// By what the other system knows the user, looked for before their external_id; no other user may have it. Empty: none.
    jwt_external_id: Option<String>,
}

/// By what other systems know a user.
#[derive(Serialize, JsonSchema)]
struct Known {
    user_id: Id,
    jwt_external_id: Option<String>,
    external_id: Option<String>,
}

/// `public_url`: where browsers reach this server, without a slash at the end.
pub(super) fn operations(seal: &Seal, public_url: &str) -> Vec<Operation> {
    let tag = "Single sign-on";
    let permissions = &[Permission::UpdateSettings];
    let path = "/single_sign_on/jwt";
    let users = "/users/{userId}/jwt_external_id";
    let (place, seal) = (public_url.to_owned(), seal.clone());
    let shown = place.clone();
    vec![
        Operation::read("getJwtSingleSignOn", Method::GET, path, move |_, _: NoParameters, tx| show(tx, &shown))
            .tag(tag)
            .summary("Reads how single sign-on by JWT is set.")
            .permissions(permissions)
            .extension(),
        Operation::write("updateJwtSingleSignOn", Method::PUT, path, move |call, given, tx| {
            update(call, given, tx, &seal, &place)
        })
        .tag(tag)
        .summary("Sets single sign-on by JWT; what is not given stays as it is.")
        .notes("Whoever holds the shared secret can sign in as anybody: only who holds every permission may set it.")
        .permissions(permissions)
        .extension(),
        Operation::read("getUserJwtExternalId", Method::GET, users, |call, _: NoParameters, tx| {
            let user_id = call.id("userId", "user")?;
            users::require_may_sign_in_as(call, user_id, tx)?;
            known(tx, user_id)
        })
        .tag(tag)
        .summary("Reads by what other systems know a user.")
        .permissions(&[Permission::UpdateUser, Permission::ManageUsersOfMyTeams])
        .extension(),
        Operation::write("updateUserJwtExternalId", Method::PUT, users, update_user)
            .tag(tag)
            .summary("Sets by what the system of single sign-on knows a user.")
            .notes(
                "Whoever says who people are can have anybody come in as somebody: only who holds every permission may \
                 change it. No other user may have it as either of their external ids.",
            )
            .permissions(&[Permission::UpdateUser, Permission::ManageUsersOfMyTeams])
            .extension(),
    ]
}

fn show(tx: &mut dyn Tx, public_url: &str) -> Result<Shown> {
    let (jwt, secret) = stored(tx)?;
    Ok(Shown {
        enabled: jwt.enabled,
        remote_login_url: jwt.remote_login_url,
        remote_logout_url: jwt.remote_logout_url,
        non_sso_login: jwt.non_sso_login,
        default_authentication: jwt.default_authentication,
        has_shared_secret: secret.is_some(),
        endpoint_url: format!("{public_url}{}", http::CALLBACK),
    })
}

fn update(call: &Call, given: Update, tx: &mut dyn Tx, seal: &Seal, public_url: &str) -> Result<Shown> {
    let (before, sealed) = stored(tx)?;
    let mut jwt = before.clone();
    let mut errors = Vec::new();
    for (name, given, place) in [
        ("remote_login_url", given.remote_login_url, &mut jwt.remote_login_url),
        ("remote_logout_url", given.remote_logout_url, &mut jwt.remote_logout_url),
    ] {
        match given.as_deref().map(str::trim) {
            None => {}
            Some("") => *place = None,
            Some(text) if is_address(text) => *place = Some(text.to_owned()),
            Some(_) => errors.push(wrong(name, "invalid", "must be an http or https address, without a user.")),
        }
    }
    jwt.enabled = given.enabled.unwrap_or(jwt.enabled);
    jwt.non_sso_login = given.non_sso_login.unwrap_or(jwt.non_sso_login);
    jwt.default_authentication = given.default_authentication.unwrap_or(jwt.default_authentication);
    let new_secret = given.shared_secret;
    if let Some(secret) = new_secret.as_ref().filter(|secret| !secret.is_empty())
        && !(SECRET_CHARACTERS_MIN..=SECRET_CHARACTERS_MAX).contains(&secret.chars().count())
    {
        let message = format!("must have {SECRET_CHARACTERS_MIN} to {SECRET_CHARACTERS_MAX} characters.");
        errors.push(wrong("shared_secret", "invalid", &message));
    }
    if jwt.enabled && new_secret.as_ref().map_or(sealed.is_none(), String::is_empty) {
        errors.push(wrong("shared_secret", "blank", "can't be blank while this is enabled."));
    }
    if jwt.remote_login_url.is_none() {
        for (name, needs) in
            [("non_sso_login", !jwt.non_sso_login), ("default_authentication", jwt.default_authentication)]
        {
            if needs {
                errors.push(wrong(name, "invalid", "needs a remote_login_url."));
            }
        }
    }
    if jwt.default_authentication && super::openid::is_default(tx)? {
        let message = "is what OpenID Connect has already: one kind can have it.";
        errors.push(wrong("default_authentication", "taken", message));
    }
    if !errors.is_empty() {
        return Err(error::invalid_all(errors));
    }
    if jwt != before || new_secret.is_some() {
        require_everything(call)?;
        let sealed = match new_secret {
            Some(secret) if secret.is_empty() => None,
            Some(secret) => Some(seal.seal(PURPOSE, &Secret::new(secret))?),
            None => sealed,
        };
        save(tx, call, KIND, &jwt, sealed.as_deref())?;
    }
    show(tx, public_url)
}

fn known(tx: &mut dyn Tx, user_id: Id) -> Result<Known> {
    let row = tx.one("SELECT jwt_external_id, external_id FROM users WHERE id = $1", args![&user_id])?;
    Ok(Known { user_id, jwt_external_id: row.get(0)?, external_id: row.get(1)? })
}

fn update_user(call: &Call, given: UpdateUser, tx: &mut dyn Tx) -> Result<Known> {
    let user_id = call.id("userId", "user")?;
    users::require_may_sign_in_as(call, user_id, tx)?;
    let before = known(tx, user_id)?;
    let Some(text) = given.jwt_external_id else { return Ok(before) };
    let id = checked::optional("jwt_external_id", &text)?;
    if before.jwt_external_id == id {
        return Ok(before);
    }
    require_everything(call)?;
    if let Some(text) = &id
        && super::is_name_of_another(tx, user_id, text)?
    {
        return Err(error::invalid("jwt_external_id", "taken", "jwt_external_id: another user has this one."));
    }
    let sql = "UPDATE users SET jwt_external_id = $2, updated_at = $3 WHERE id = $1";
    tx.execute(sql, args![&user_id, &id, call.env.now()])?;
    tx.append(events::by(call, "user.updated", user_id, json!({ "changed": ["jwt_external_id"] })));
    known(tx, user_id)
}

/// The user whom a token names, first by their JWT external id, then by their external id.
fn user(tx: &mut dyn Tx, external_id: &str) -> Result<Option<Id>> {
    for column in ["jwt_external_id", "external_id"] {
        let sql = format!("SELECT id FROM users WHERE {column} = $1 AND enabled AND deleted_at IS NULL");
        if let Some(row) = tx.first(&sql, args![external_id])? {
            return row.get(0).map(Some);
        }
    }
    Ok(None)
}
