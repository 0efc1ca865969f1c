//! Signing in: from an e-mail and a password to a session, and from a session to a caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::request::Parts;
use frontdesk_model::{Caller, Env, Error, Id, Refusal, Result, Secret, Timestamp, error};
use frontdesk_rest::{Authenticator, Credential};
use frontdesk_store::{Store, Tx, args};
use serde_json::json;
use tokio::sync::Semaphore;

use super::attempts::Attempt;
use super::browser::{self, Cookies};
use super::{Method, NewSession, caller, create, end_by_secret};
use crate::access_tokens::hash;
use crate::{events, password};

/// So many passwords are looked at at once: each takes a processor and 19 MiB.
const HASHES_AT_ONCE_MAX: usize = 2;
/// Whoever has to wait longer than this for their turn is asked to come again.
const TURN_DEADLINE: Duration = Duration::from_secs(10);
const RETRY_SECONDS: u64 = 5;

/// Who somebody is: tokens and sessions become callers, and people get sessions.
pub struct SignIn {
    pub(super) store: Store,
    pub(super) env: Env,
    /// Where browsers reach this server, without a slash at the end.
    pub(super) public_url: String,
    pub(super) cookies: Cookies,
    /// When sessions were used, by their hashes, until it is written down.
    seen: Mutex<HashMap<[u8; 32], Timestamp>>,
    hashing: Semaphore,
}

impl Authenticator for SignIn {
    fn caller(&self, tx: &mut dyn Tx, credential: &Credential, impersonated_user_id: Option<&str>) -> Result<Caller> {
        let owner = match credential {
            Credential::Token(token) => crate::sign_in::token_owner(tx, token)?,
            Credential::Session(secret) => self.session_owner(tx, secret)?,
        };
        match impersonated_user_id {
            None => Ok(owner),
            Some(id) => crate::sign_in::impersonated(tx, &owner, id),
        }
    }

    fn session(&self, parts: &Parts) -> Option<Credential> {
        let secret = self.cookies.secret(&parts.headers)?;
        browser::is_console(parts, &self.public_url).then(|| Credential::Session(secret.to_owned()))
    }

    fn seen(&self, credential: &Credential) {
        if let Credential::Session(secret) = credential {
            let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
            seen.insert(hash(secret), self.env.now());
        }
    }
}

/// What somebody gives to sign in.
pub(super) struct Given {
    pub(super) email: String,
    pub(super) password: Secret,
    /// The address that they come from; empty when it is not known.
    pub(super) address: String,
    pub(super) browser: String,
    /// The secret of the session that the browser has already, which ends.
    pub(super) before: Option<String>,
}

/// Somebody who may be who they say, as far as the store knows them.
#[derive(Clone)]
struct Candidate {
    user_id: Id,
    /// None: they have no password, or may not sign in at all.
    password_hash: Option<String>,
}

impl SignIn {
    /// `public_url`: where browsers reach this server, without a slash at the end.
    pub fn new(store: &Store, env: &Env, public_url: &str) -> Arc<SignIn> {
        Arc::new(SignIn {
            store: store.clone(),
            env: env.clone(),
            public_url: public_url.to_owned(),
            cookies: Cookies::of(public_url),
            seen: Mutex::default(),
            hashing: Semaphore::new(HASHES_AT_ONCE_MAX),
        })
    }

    /// What was used since this was last asked.
    pub(super) fn take_seen(&self) -> HashMap<[u8; 32], Timestamp> {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whom a session's secret stands for.
    pub(super) fn session_owner(&self, tx: &mut dyn Tx, secret: &str) -> Result<Caller> {
        caller(tx, self.env.now(), secret, self.seen_at(secret))
    }

    /// When a session was used last, as far as it is not written down yet.
    pub(super) fn seen_at(&self, secret: &str) -> Option<Timestamp> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(&hash(secret)).copied()
    }

    /// Signs somebody in by their password; returns the session and its secret. All that is wrong with the account or the
    /// password is one 401, and takes the same time.
    pub(super) async fn by_password(&self, given: Given) -> Result<(Id, Secret)> {
        let attempt = Attempt::new(&given.email, &given.address);
        let (counted, env, email) = (attempt.clone(), self.env.clone(), given.email.clone());
        let candidate = move |tx: &mut dyn Tx| {
            counted.count(tx, env.now())?;
            candidate(tx, &email)
        };
        let candidate = self.store.write(candidate).await?;
        let password_hash = candidate.as_ref().and_then(|candidate| candidate.password_hash.clone());
        let is_right = self.is_password(given.password, password_hash.clone()).await?;
        let env = self.env.clone();
        let begin = move |tx: &mut dyn Tx| {
            let Some(candidate) = &candidate else { return Ok(None) };
            let unchanged = self::candidate_hash(tx, candidate.user_id)? == password_hash;
            if !is_right || !unchanged {
                let told = json!({ "user_id": candidate.user_id, "reason": "password" });
                tx.append(events::of(None, &env, "session.refused", candidate.user_id, told));
                return Ok(None);
            }
            attempt.succeed(tx)?;
            if let Some(before) = &given.before {
                end_by_secret(tx, &env, before)?;
            }
            let new = NewSession {
                user_id: candidate.user_id,
                method: Method::Password,
                address: &given.address,
                browser: &given.browser,
            };
            create(tx, &env, &new).map(Some)
        };
        self.store.write(begin).await?.ok_or_else(|| {
            let message = "The e-mail or the password is not right, or this account may not sign in this way.";
            refused(StatusCode::UNAUTHORIZED, "sign_in_failed", message)
        })
    }

    /// Whether this is the password of this hash. Without a hash it never is, and takes as long.
    pub(super) async fn is_password(&self, given: Secret, hash: Option<String>) -> Result<bool> {
        let _turn = self.turn().await?;
        let look = move || password::matches_or_none(&given, hash.as_deref());
        tokio::task::spawn_blocking(look).await.map_err(|_| error::broken("looking at a password ended early"))
    }

    async fn turn(&self) -> Result<tokio::sync::SemaphorePermit<'_>> {
        let turn = tokio::time::timeout(TURN_DEADLINE, self.hashing.acquire()).await;
        let busy = || error::too_many("Many people sign in at this moment. Try again soon.", RETRY_SECONDS);
        turn.map_err(|_| busy())?.map_err(|_| error::broken("the turns were closed"))
    }
}

/// The user with this e-mail.
fn candidate(tx: &mut dyn Tx, email: &str) -> Result<Option<Candidate>> {
    let email = email.trim().to_lowercase();
    if email.contains('\0') {
        return Ok(None);
    }
    let sql = "SELECT id FROM users WHERE email_key = $1 AND deleted_at IS NULL";
    let Some(row) = tx.first(sql, args![&email])? else { return Ok(None) };
    let user_id = row.get(0)?;
    Ok(Some(Candidate { user_id, password_hash: candidate_hash(tx, user_id)? }))
}

/// The hash of a password that somebody may sign in by.
fn candidate_hash(tx: &mut dyn Tx, user_id: Id) -> Result<Option<String>> {
    let sql = "SELECT password_hash FROM users WHERE id = $1 AND enabled AND NOT no_password";
    Ok(tx.first(sql, args![&user_id])?.map(|row| row.get(0)).transpose()?.flatten())
}

/// A refusal of this protocol.
pub(super) fn refused(status: StatusCode, code: &'static str, message: &str) -> Error {
    let (status, message) = (status.as_u16(), message.to_owned());
    Refusal { status, code: code.into(), message, errors: Vec::new(), retry_after_seconds: None }.into()
}
