//! Sessions: who is signed in at a console. A browser holds a random secret in a cookie that no script can read; the
//! store keeps its hash. A session acts as its user, as a token would, and ends when nobody has used it for a while, when
//! it has lasted too long (settings `session_timeout` and `session_lifetime`), when its user signs out, is disabled or
//! gets another password.

pub(crate) mod attempts;
mod browser;
mod http;
mod page;
pub(crate) mod rest;
mod sign_in;
mod sweep;

use frontdesk_model::{Caller, Env, Id, Result, Secret, Timestamp, error, hex};
use frontdesk_store::{Row, Tx, args};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::access_tokens::hash;
use crate::events;
use crate::settings::{self, Settings};

pub use sign_in::SignIn;
pub(crate) use sign_in::refused;

/// Sessions of one user at once; another one ends the oldest.
const SESSIONS_MAX: usize = 20;
/// So much is kept of what a browser calls itself.
const BROWSER_CHARACTERS_MAX: usize = 255;

/// How somebody showed who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// With their password, and the second factor if they have one.
    Password,
    /// Another system vouched for them.
    Jwt,
    /// A provider of OpenID Connect vouched for them.
    #[serde(rename = "openid")]
    OpenId,
}

impl Method {
    fn as_str(self) -> &'static str {
        match self {
            Method::Password => "password",
            Method::Jwt => "jwt",
            Method::OpenId => "openid",
        }
    }
}

/// A session as its user sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Session {
    id: Id,
    /// How its user signed in: `password`, `jwt`, `openid`.
    method: String,
    /// The address of the browser at sign-in; empty when it is not known.
    address: String,
    /// What the browser calls itself.
    browser: String,
    created_at: Timestamp,
    /// When it was last used, some seconds late.
    seen_at: Timestamp,
    /// When it ends unless it is used before.
    ends_at: Timestamp,
    /// Whether it is the one that asks.
    current: bool,
}

const COLUMNS: &str = "id, method, address, browser, created_at, seen_at";

fn session(row: &Row, settings: &Settings, current: Option<Id>) -> Result<Session> {
    let (id, created_at, seen_at) = (row.get(0)?, row.get(4)?, row.get(5)?);
    Ok(Session {
        id,
        method: row.get(1)?,
        address: row.get(2)?,
        browser: row.get(3)?,
        created_at,
        seen_at,
        ends_at: ends_at(settings, created_at, seen_at),
        current: current == Some(id),
    })
}

/// When a session is over.
fn ends_at(settings: &Settings, created_at: Timestamp, seen_at: Timestamp) -> Timestamp {
    let idle = seen_at.plus_seconds(settings.session_timeout.saturating_mul(60));
    idle.min(created_at.plus_seconds(settings.session_lifetime.saturating_mul(60)))
}

/// Who begins a session, and from where.
pub(crate) struct NewSession<'a> {
    pub(crate) user_id: Id,
    pub(crate) method: Method,
    pub(crate) address: &'a str,
    pub(crate) browser: &'a str,
}

/// Begins a session, always with a secret of its own: what the browser had before counts no more.
pub(crate) fn create(tx: &mut dyn Tx, env: &Env, new: &NewSession) -> Result<(Id, Secret)> {
    let mine = "SELECT id FROM sessions WHERE user_id = $1 ORDER BY created_at, id";
    let mine: Vec<Id> = tx.query(mine, args![&new.user_id])?.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
    let too_many = (mine.len() + 1).saturating_sub(SESSIONS_MAX);
    for id in &mine[..too_many] {
        end(tx, env, Some(new.user_id), *id, new.user_id)?;
    }
    let secret = hex::encode(env.random::<32>());
    let browser: String = new.browser.chars().filter(|c| !c.is_control()).take(BROWSER_CHARACTERS_MAX).collect();
    let (id, now) = (env.id(), env.now());
    tx.execute(
        "INSERT INTO sessions (id, hash, user_id, method, address, browser, created_at, seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
        args![&id, &hash(&secret)[..], &new.user_id, new.method.as_str(), new.address, &browser, now],
    )?;
    let told = json!({ "user_id": new.user_id, "method": new.method.as_str(), "address": new.address });
    tx.append(events::of(Some(new.user_id), env, "session.created", id, told));
    Ok((id, Secret::new(secret)))
}

/// Ends a session. `by`: who wants it; none when its time is over.
pub(crate) fn end(tx: &mut dyn Tx, env: &Env, by: Option<Id>, id: Id, user_id: Id) -> Result<()> {
    if tx.execute("DELETE FROM sessions WHERE id = $1", args![&id])? > 0 {
        tx.append(events::of(by, env, "session.destroyed", id, json!({ "user_id": user_id })));
    }
    Ok(())
}

/// Ends the sessions of a user, but for one.
pub(crate) fn end_all(tx: &mut dyn Tx, env: &Env, by: Option<Id>, user_id: Id, but: Option<Id>) -> Result<()> {
    for row in tx.query("SELECT id FROM sessions WHERE user_id = $1", args![&user_id])? {
        let id = row.get(0)?;
        if Some(id) != but {
            end(tx, env, by, id, user_id)?;
        }
    }
    Ok(())
}

/// Ends all sessions that began so, but for one.
pub(crate) fn end_begun_by(tx: &mut dyn Tx, env: &Env, by: Id, method: Method, but: Option<Id>) -> Result<()> {
    for row in tx.query("SELECT id, user_id FROM sessions WHERE method = $1", args![method.as_str()])? {
        let id = row.get(0)?;
        if Some(id) != but {
            end(tx, env, Some(by), id, row.get(1)?)?;
        }
    }
    Ok(())
}

/// Ends the session that a secret belongs to, and returns how it began; none when there is no such session.
pub(crate) fn end_by_secret(tx: &mut dyn Tx, env: &Env, secret: &str) -> Result<Option<String>> {
    let row = tx.first("SELECT id, user_id, method FROM sessions WHERE hash = $1", args![&hash(secret)[..]])?;
    let Some(row) = row else { return Ok(None) };
    let user_id = row.get(1)?;
    end(tx, env, Some(user_id), row.get(0)?, user_id)?;
    row.get(2).map(Some)
}

/// Whom a session's secret stands for now. `seen_at`: when it was used last, as far as the store does not know yet. 401
/// when it has ended, and when its user is disabled.
fn caller(tx: &mut dyn Tx, now: Timestamp, secret: &str, seen_at: Option<Timestamp>) -> Result<Caller> {
    let over = || error::unauthorized("The session has ended: sign in again.");
    let sql = "SELECT id, user_id, created_at, seen_at FROM sessions WHERE hash = $1";
    let row = tx.first(sql, args![&hash(secret)[..]])?.ok_or_else(over)?;
    let seen_at =
        seen_at.map_or(row.get(3)?, |seen_at| row.get::<Timestamp>(3).map_or(seen_at, |kept| kept.max(seen_at)));
    if ends_at(&settings::load(tx)?, row.get(2)?, seen_at) <= now {
        return Err(over());
    }
    let owner = crate::callers::enabled(tx, row.get(1)?)?.ok_or_else(over)?;
    Ok(Caller { session_id: Some(row.get(0)?), ..owner })
}
