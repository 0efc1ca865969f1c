//! Signing in: from an e-mail and a password to a session, and from a session to a caller.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::http::request::Parts;
use frontdesk_model::{Caller, Env, Error, Id, Refusal, Result, Secret, Timestamp, error};
use frontdesk_net::Outbound;
use frontdesk_rest::{Authenticator, Credential};
use frontdesk_store::{Seal, Store, Tx, args};
use serde_json::json;
use tokio::sync::Semaphore;

use super::attempts::Attempt;
use super::browser::{self, Cookies};
use super::{Method, NewSession, caller, create, end_by_secret};
use crate::access_tokens::hash;
use crate::password_links::Links;
use crate::second_factor::{self, Keys, Standing};
use crate::single_sign_on::{self, Provider};
use crate::{events, password, password_changes, settings};

/// So many passwords are looked at at once: each takes a processor and 19 MiB.
const HASHES_AT_ONCE_MAX: usize = 2;
/// Whoever has to wait longer than this for their turn is asked to come again.
const TURN_DEADLINE: Duration = Duration::from_secs(10);
const RETRY_SECONDS: u64 = 5;

/// Who somebody is: tokens and sessions become callers, and people get sessions.
pub struct SignIn {
    pub(crate) store: Store,
    pub(crate) env: Env,
    pub(crate) seal: Seal,
    /// Where browsers reach this server, without a slash at the end.
    pub(crate) public_url: String,
    /// Whether there is a mail server.
    pub(super) sends_mails: bool,
    pub(crate) cookies: Cookies,
    pub(super) links: Links,
    pub(super) keys: Keys,
    /// Of OpenID Connect.
    pub(crate) provider: Provider,
    /// When sessions were used, by their hashes, until it is written down.
    seen: Mutex<HashMap<[u8; 32], Timestamp>>,
    hashing: Semaphore,
}

impl Authenticator for SignIn {
    fn caller(&self, tx: &mut dyn Tx, credential: &Credential, impersonated_user_id: Option<&str>) -> Result<Caller> {
        let owner = match credential {
            Credential::Token(token) => crate::callers::token_owner(tx, token)?,
            Credential::Session(secret) => self.session_owner(tx, secret)?,
        };
        match impersonated_user_id {
            None => Ok(owner),
            Some(id) => crate::callers::impersonated(tx, &owner, id),
        }
    }

    fn acted(&self, tx: &mut dyn Tx, caller: &Caller) -> Result<()> {
        crate::callers::note_acting(tx, &self.env, caller)
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
    /// Of the second factor.
    pub(super) code: Option<String>,
    /// In place of one that has expired.
    pub(super) new_password: Option<Secret>,
    /// The address that they come from; empty when it is not known.
    pub(super) address: String,
    pub(super) browser: String,
    /// The secret of the session that the browser has already, which ends.
    pub(super) before: Option<String>,
}

/// A session that has begun.
pub(super) struct Begun {
    pub(super) secret: Secret,
    /// When a second factor was confirmed on the way; shown this once.
    pub(super) recovery_codes: Vec<String>,
}

/// What somebody lacks to come in.
enum Missing {
    /// The right e-mail and password.
    Password,
    /// Another password: theirs has expired.
    NewPassword,
    /// A code.
    Code,
    /// A code that is right.
    RightCode,
    /// A second factor, which the account asks of everybody.
    SecondFactor,
    /// Another system's word: this account takes no passwords.
    OtherSystem,
}

impl Missing {
    fn told(self) -> Error {
        let (status, code, message) = match self {
            Missing::Password => (
                StatusCode::UNAUTHORIZED,
                "sign_in_failed",
                "The e-mail or the password is not right, or this account may not sign in this way.",
            ),
            Missing::NewPassword => {
                (StatusCode::FORBIDDEN, "password_expired", "Your password has expired: send new_password too.")
            }
            Missing::Code => (
                StatusCode::UNAUTHORIZED,
                "second_factor_needed",
                "Send code too: the six digits of your app, or a recovery code.",
            ),
            Missing::RightCode => {
                (StatusCode::UNAUTHORIZED, "second_factor_wrong", "The code is not right, or it was used before.")
            }
            Missing::OtherSystem => (
                StatusCode::FORBIDDEN,
                "single_sign_on_only",
                "People of this account sign in at another system: GET /session/options says where.",
            ),
            Missing::SecondFactor => (
                StatusCode::FORBIDDEN,
                "second_factor_enrolment_needed",
                "This account asks for a second factor: set yours up with POST /session/second_factor.",
            ),
        };
        refused(status, code, message)
    }
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
    pub fn new(
        store: &Store,
        env: &Env,
        seal: &Seal,
        outbound: &Outbound,
        public_url: &str,
        sends_mails: bool,
    ) -> Arc<SignIn> {
        Arc::new(SignIn {
            sends_mails,
            store: store.clone(),
            env: env.clone(),
            seal: seal.clone(),
            public_url: public_url.to_owned(),
            cookies: Cookies::of(public_url),
            links: Links::new(seal, public_url),
            keys: Keys::new(seal),
            provider: Provider::new(outbound),
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

    /// Signs somebody in by their password. All that is wrong with the account or the password is one 401, and takes the
    /// same time; what else is missing is told to who knows the password.
    pub(super) async fn by_password(&self, given: Given) -> Result<Begun> {
        let attempt = Attempt::new(&given.email, &given.address);
        let (counted, env, email) = (attempt.clone(), self.env.clone(), given.email.clone());
        let candidate = move |tx: &mut dyn Tx| {
            if !single_sign_on::lets_passwords_in(tx)? {
                return Err(Missing::OtherSystem.told());
            }
            counted.count(tx, env.now())?;
            candidate(tx, &email)
        };
        let candidate = self.store.write(candidate).await?;
        let password_hash = candidate.as_ref().and_then(|candidate| candidate.password_hash.clone());
        let is_right = self.is_password(given.password.clone(), password_hash.clone()).await?;
        let new_hash = match (&candidate, &given.new_password) {
            (Some(candidate), Some(new)) if is_right && self.is_expired(candidate.user_id).await? => {
                Some(self.new_hash("new_password", new.clone(), candidate.user_id).await?)
            }
            _ => None,
        };
        let (env, keys) = (self.env.clone(), self.keys.clone());
        let begin = move |tx: &mut dyn Tx| {
            let Some(candidate) = &candidate else { return Ok(Err(Missing::Password)) };
            let user_id = candidate.user_id;
            if !is_right || candidate_hash(tx, user_id)? != password_hash {
                refuse(tx, &env, user_id, "password", &given.address);
                return Ok(Err(Missing::Password));
            }
            let mut recovery_codes = Vec::new();
            let missing = missing(tx, &env, &keys, user_id, &given, new_hash.is_some(), &mut recovery_codes)?;
            match missing {
                None => attempt.succeed(tx)?,
                Some(Missing::RightCode) => {
                    refuse(tx, &env, user_id, "second_factor", &given.address);
                    return Ok(Err(Missing::RightCode));
                }
                Some(missing) => {
                    attempt.take_back(tx)?;
                    return Ok(Err(missing));
                }
            }
            if let Some(new_hash) = &new_hash {
                password_changes::set(tx, &env, user_id, new_hash, None)?;
            }
            if let Some(before) = &given.before {
                end_by_secret(tx, &env, before)?;
            }
            let new =
                NewSession { user_id, method: Method::Password, address: &given.address, browser: &given.browser };
            let (_, secret) = create(tx, &env, &new)?;
            Ok(Ok(Begun { secret, recovery_codes }))
        };
        self.store.write(begin).await?.map_err(Missing::told)
    }

    /// Whether somebody who may not be signed in gave the password of an account that may: as much as signing in by it,
    /// limits included, but for the session.
    pub(super) async fn knows_password(&self, email: &str, password: Secret, address: &str) -> Result<Id> {
        let attempt = Attempt::new(email, address);
        let (counted, env, asked) = (attempt.clone(), self.env.clone(), email.to_owned());
        let candidate = move |tx: &mut dyn Tx| {
            counted.count(tx, env.now())?;
            candidate(tx, &asked)
        };
        let candidate = self.store.write(candidate).await?;
        let password_hash = candidate.as_ref().and_then(|candidate| candidate.password_hash.clone());
        let is_right = self.is_password(password, password_hash).await?;
        let (env, from) = (self.env.clone(), address.to_owned());
        let settle = move |tx: &mut dyn Tx| match &candidate {
            Some(candidate) if is_right => attempt.take_back(tx).map(|()| Some(candidate.user_id)),
            Some(candidate) => {
                refuse(tx, &env, candidate.user_id, "password", &from);
                Ok(None)
            }
            None => Ok(None),
        };
        self.store.write(settle).await?.ok_or_else(|| Missing::Password.told())
    }

    /// Refuses where people sign in at another system only: whether a password is right is told to nobody there.
    pub(super) async fn require_passwords(&self) -> Result<()> {
        let let_in = self.store.read(single_sign_on::lets_passwords_in).await?;
        if let_in { Ok(()) } else { Err(Missing::OtherSystem.told()) }
    }

    async fn is_expired(&self, user_id: Id) -> Result<bool> {
        let env = self.env.clone();
        let look = move |tx: &mut dyn Tx| {
            let settings = settings::load(tx)?;
            password_changes::is_expired(tx, &env, &settings, user_id)
        };
        self.store.read(look).await
    }

    /// The hash of a user's new password, which follows the account's rules; `attribute` names it in refusals.
    pub(super) async fn new_hash(&self, attribute: &'static str, new: Secret, user_id: Id) -> Result<String> {
        let looked_at = new.clone();
        let former = self.store.read(move |tx| {
            let settings = settings::load(tx)?;
            password::check_as(attribute, &looked_at, &settings)?;
            password_changes::former(tx, &settings, user_id)
        });
        let former = former.await?;
        let _turn = self.turn().await?;
        let env = self.env.clone();
        let work = move || {
            if former.iter().any(|hash| password::matches(&new, hash)) {
                let message = format!("{attribute}: you had this password before.");
                return Err(error::invalid(attribute, "taken", message));
            }
            password::hash(&env, &new)
        };
        tokio::task::spawn_blocking(work).await.map_err(|_| error::broken("hashing a password ended early"))?
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

/// What is still needed of somebody who knows the password; none when they may come in.
fn missing(
    tx: &mut dyn Tx,
    env: &Env,
    keys: &Keys,
    user_id: Id,
    given: &Given,
    chose_password: bool,
    recovery_codes: &mut Vec<String>,
) -> Result<Option<Missing>> {
    let settings = settings::load(tx)?;
    if !chose_password && password_changes::is_expired(tx, env, &settings, user_id)? {
        return Ok(Some(Missing::NewPassword));
    }
    let standing = second_factor::standing(tx, user_id)?;
    if standing != Standing::Confirmed && !settings.second_factor_required {
        return Ok(None);
    }
    let code = given.code.as_deref().filter(|code| !code.trim().is_empty());
    match (standing, code) {
        (Standing::None, _) | (Standing::Begun, None) => Ok(Some(Missing::SecondFactor)),
        (Standing::Confirmed, None) => Ok(Some(Missing::Code)),
        (_, Some(code)) => {
            if !second_factor::take(tx, env, keys, user_id, code)? {
                return Ok(Some(Missing::RightCode));
            }
            if standing == Standing::Begun {
                *recovery_codes = second_factor::confirm(tx, env, keys, user_id)?;
            }
            Ok(None)
        }
    }
}

/// Leaves a line about a failure, for who looks for attacks.
fn refuse(tx: &mut dyn Tx, env: &Env, user_id: Id, reason: &str, address: &str) {
    let told = json!({ "user_id": user_id, "method": Method::Password.as_str(), "reason": reason, "address": address });
    tx.append(events::of(None, env, "session.refused", user_id, told));
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
pub(crate) fn refused(status: StatusCode, code: &'static str, message: &str) -> Error {
    let (status, message) = (status.as_u16(), message.to_owned());
    Refusal { status, code: code.into(), message, errors: Vec::new(), retry_after_seconds: None }.into()
}
