//! Single sign-on: whoever another system vouches for comes in without a password of ours. By JWT, as the public platform
//! documents it, and by OpenID Connect.

mod jwt;
mod openid;
mod redirect;

use std::sync::Arc;

use axum::Router;
use frontdesk_model::error::AttributeError;
use frontdesk_model::{Caller, Env, Id, Permissions, Result, error};
use frontdesk_net::Outbound;
use frontdesk_rest::{Call, Operation};
use frontdesk_store::{Seal, Tx, args};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use url::Url;

use crate::events;
use crate::sessions::{Method, SignIn, end_begun_by};

pub(crate) use openid::Provider;

const URL_CHARACTERS_MAX: usize = 2_000;

/// The addresses that browsers are sent to.
pub(crate) fn router(sign_in: &Arc<SignIn>) -> Router {
    jwt::router(sign_in).merge(openid::router(sign_in))
}

/// `public_url`: where browsers reach this server, without a slash at the end.
pub(crate) fn operations(seal: &Seal, outbound: &Outbound, public_url: &str) -> Vec<Operation> {
    let mut operations = jwt::operations(seal, public_url);
    operations.extend(openid::operations(seal, outbound, public_url));
    operations
}

/// A way in by another system.
pub(crate) struct Way {
    pub(crate) kind: &'static str,
    /// What people know the other system by.
    pub(crate) name: String,
    /// Where a browser goes.
    pub(crate) start: &'static str,
    /// Whether who is not signed in is sent there at once.
    pub(crate) is_default: bool,
}

/// The ways in by other systems.
pub(crate) fn ways(tx: &mut dyn Tx) -> Result<Vec<Way>> {
    Ok(jwt::jwt(tx)?.way().into_iter().chain(openid::openid(tx)?.way()).collect())
}

/// Whether a password of ours lets people in: one system alone can say that none does.
pub(crate) fn lets_passwords_in(tx: &mut dyn Tx) -> Result<bool> {
    Ok(jwt::jwt(tx)?.lets_passwords_in() && openid::openid(tx)?.lets_passwords_in())
}

/// Where who leaves goes next, by how their session began.
pub(crate) async fn logout_url(sign_in: &SignIn, came_by: &str) -> Result<Option<String>> {
    let (jwt, openid) = sign_in.store.read(|tx| Ok((jwt::jwt(tx)?, openid::openid(tx)?))).await?;
    match came_by {
        "jwt" => Ok(jwt.remote_logout_url.filter(|_| jwt.enabled)),
        "openid" => sign_in.provider.logout_url(&openid, &sign_in.env, &sign_in.public_url).await,
        _ => Ok(None),
    }
}

/// How a kind is set, and its sealed secret.
fn stored<T: Default + DeserializeOwned>(tx: &mut dyn Tx, kind: &str) -> Result<(T, Option<Vec<u8>>)> {
    let row = tx.first("SELECT settings, secret FROM single_sign_on WHERE kind = $1", args![kind])?;
    let Some(row) = row else { return Ok((T::default(), None)) };
    let settings = serde_json::from_str(&row.get::<String>(0)?)
        .map_err(|trouble| error::broken(format!("single_sign_on.settings: {trouble}")))?;
    Ok((settings, row.get(1)?))
}

/// Keeps how a kind is set, and its sealed secret. Whoever came in by a password is out as soon as none lets anybody in, but
/// for who has just decided it, and has to see that the other way works.
fn save(tx: &mut dyn Tx, call: &Call, kind: &str, settings: &impl Serialize, sealed: Option<&[u8]>) -> Result<()> {
    let text = serde_json::to_string(settings).map_err(|trouble| error::broken(trouble.to_string()))?;
    tx.execute("DELETE FROM single_sign_on WHERE kind = $1", args![kind])?;
    let now = call.env.now();
    match sealed {
        Some(sealed) => tx.execute(
            "INSERT INTO single_sign_on (kind, settings, secret, updated_at) VALUES ($1, $2, $3, $4)",
            args![kind, &text, sealed, now],
        ),
        None => tx.execute(
            "INSERT INTO single_sign_on (kind, settings, updated_at) VALUES ($1, $2, $3)",
            args![kind, &text, now],
        ),
    }?;
    let account: Id = tx.one("SELECT id FROM settings", args![])?.get(0)?;
    tx.append(events::by(call, "security.updated", account, json!({ "changed": ["single_sign_on"] })));
    if !lets_passwords_in(tx)? {
        let Caller { user_id, session_id, .. } = call.caller;
        end_begun_by(tx, &call.env, user_id, Method::Password, session_id)?;
    }
    Ok(())
}

/// 403 unless the caller's role holds every permission: whoever says which system is believed can become anybody.
fn require_everything(call: &Call) -> Result<()> {
    if call.caller.permissions == Permissions::ALL {
        return Ok(());
    }
    Err(error::forbidden("Whoever sets this can sign in as anybody: your role must hold every permission."))
}

/// 403 while people come in by JWT and the caller's role does not hold every permission: whoever says who an external id
/// is could have somebody else come in as them, or keep a way in to somebody who rises later.
pub(crate) fn require_may_name(tx: &mut dyn Tx, caller: &Caller) -> Result<()> {
    if caller.permissions == Permissions::ALL || !jwt::jwt(tx)?.enabled {
        return Ok(());
    }
    let message =
        "external_id: single sign-on lets people in by it, so your role must hold every permission to set it.";
    Err(error::forbidden(message))
}

/// Whether single sign-on by JWT knows another user by this id, in whichever of the two places.
pub(crate) fn is_name_of_another(tx: &mut dyn Tx, user_id: Id, text: &str) -> Result<bool> {
    let sql = "SELECT 1 FROM users WHERE external_id = $1 AND id <> $2
         UNION ALL SELECT 1 FROM users WHERE jwt_external_id = $1 AND id <> $2";
    Ok(tx.first(sql, args![text, &user_id])?.is_some())
}

/// What people know another system by: the host of its address.
fn host(address: &str) -> String {
    Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

fn wrong(attribute: &str, kind: &str, message: &str) -> AttributeError {
    AttributeError { attribute: attribute.into(), kind: kind.into(), message: format!("{attribute} {message}") }
}

/// Where browsers may be sent.
fn is_address(text: &str) -> bool {
    text.len() <= URL_CHARACTERS_MAX
        && Url::parse(text).is_ok_and(|url| {
            matches!(url.scheme(), "http" | "https")
                && url.has_host()
                && url.username().is_empty()
                && url.password().is_none()
        })
}

/// Takes what may be taken once; false when it was taken before.
fn take(tx: &mut dyn Tx, env: &Env, kind: &str, id: &str, lasts_seconds: i64) -> Result<bool> {
    let (hash, now) = (crate::access_tokens::hash(&format!("{kind}\0{id}")), env.now());
    tx.execute("DELETE FROM single_sign_on_tokens WHERE ends_at <= $1", args![now])?;
    let sql = "INSERT INTO single_sign_on_tokens (hash, ends_at) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING";
    Ok(tx.execute(sql, args![&hash[..], now.plus_seconds(lasts_seconds)])? > 0)
}
