//! What a console asks before and while somebody is signed in: `/session` (docs/integrator/signing-in.md). It is outside
//! of `/1.0` because nobody has a token here, and because cookies come and go.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, SET_COOKIE, USER_AGENT, WWW_AUTHENTICATE};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::{any, get};
use frontdesk_model::{Caller, Error, Id, Result, Secret, error};
use frontdesk_rest::{Authenticator, ClientAddress, Credential, json as answer, read_body, refuse};
use frontdesk_store::{Tx, args};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::sign_in::{Begun, Given, refused};
use super::{COLUMNS, Session, SignIn, attempts, browser, end_by_secret, page, session};
use crate::mails::{self, NewMail};
use crate::password_links::{self, Purpose};
use crate::second_factor::{self, Standing};
use crate::single_sign_on::{self, Way};
use crate::{events, password_changes, sessions, settings, users};

/// A body has at most this many bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// For a whole body.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Paths, and the methods that they serve.
const OPERATIONS: [(&str, &[&str]); 6] = [
    ("/session", &["GET", "POST", "DELETE"]),
    ("/session/options", &["GET"]),
    ("/session/password", &["PUT"]),
    ("/session/password_links", &["POST"]),
    ("/session/password_link", &["POST", "PUT"]),
    ("/session/second_factor", &["GET", "POST", "PUT", "DELETE"]),
];
/// Within a quarter of an hour: mails for a forgotten password that one account gets.
const MAILS_MAX: i64 = 3;
/// And how many one address may ask for.
const MAILS_OF_ADDRESS_MAX: i64 = 20;
/// Between two such mails.
const MAIL_PAUSE_SECONDS: i64 = 60;

impl SignIn {
    /// Serves `/session`. It has no fallback, so that it can be merged with other routers.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new()
            .route("/session", any(serve))
            .route("/session/{*rest}", any(serve))
            .route("/password", get(page::show))
            .with_state(self.clone())
            .merge(single_sign_on::router(self))
    }
}

/// One request.
struct Visit<'s> {
    sign_in: &'s SignIn,
    parts: &'s Parts,
    body: Vec<u8>,
}

/// What is answered, and what becomes of the cookie.
struct Outcome {
    body: Value,
    cookie: Option<HeaderValue>,
}

impl Outcome {
    fn of(body: impl Serialize) -> Result<Outcome> {
        let body = serde_json::to_value(body).map_err(|trouble| error::broken(trouble.to_string()))?;
        Ok(Outcome { body, cookie: None })
    }
}

async fn serve(State(sign_in): State<Arc<SignIn>>, request: Request) -> Response<Body> {
    let (started, request_id) = (Instant::now(), sign_in.env.id());
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let mut visit = Visit { sign_in: &sign_in, parts: &parts, body: Vec::new() };
    let (operation, outcome) = match visit.admit(&path) {
        Ok(operation) => (operation, visit.take(body, operation).await),
        Err(error) => ("none", Err(error)),
    };
    let mut response = match outcome {
        Ok(outcome) => {
            let mut response = answer(StatusCode::OK, outcome.body.to_string().into_bytes(), request_id);
            if let Some(cookie) = outcome.cookie {
                response.headers_mut().insert(SET_COOKIE, cookie);
            }
            response
        }
        Err(error) => refuse(&error, request_id),
    };
    // There is no token to be had here.
    response.headers_mut().remove(WWW_AUTHENTICATE);
    tracing::info!(
        %request_id,
        operation,
        method = %parts.method,
        path = operation,
        status = response.status().as_u16(),
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        client = client(&parts),
        "request"
    );
    response
}

fn client(parts: &Parts) -> String {
    parts.extensions.get::<ClientAddress>().map_or_else(String::new, |client| client.0.to_string())
}

/// Parameters of signing in.
#[derive(Deserialize)]
struct SignInBody {
    email: String,
    password: String,
    code: Option<String>,
    new_password: Option<String>,
}

/// Parameters of choosing another password.
#[derive(Deserialize)]
struct ChangeBody {
    password: String,
    new_password: String,
}

/// Parameters of asking for a link.
#[derive(Deserialize)]
struct ForgottenBody {
    email: String,
}

/// Parameters of a link: its secret, and what is chosen by it.
#[derive(Deserialize)]
struct LinkBody {
    token: String,
    password: Option<String>,
}

/// Parameters of the second factor: as much as each request needs.
#[derive(Deserialize)]
struct FactorBody {
    email: Option<String>,
    password: Option<String>,
    code: Option<String>,
}

/// Who is signed in.
#[derive(Serialize)]
struct SignedIn {
    user: users::Signed,
    session: Session,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    recovery_codes: Vec<String>,
}

/// What the page needs to know on which somebody signs in.
#[derive(Serialize)]
struct Options {
    /// What the account is called.
    name: String,
    /// The language of the account.
    locale: String,
    /// Whether this browser has a session, so that nobody has to ask what is refused to who has none.
    signed_in: bool,
    /// Whether a password can be given.
    password: bool,
    /// Whether a forgotten password is replaced by mail: the account wants it, and the server sends mails.
    password_recovery: bool,
    password_rules: Rules,
    /// Other ways in.
    single_sign_on: Vec<OtherWay>,
    /// The kind of the one that is taken at once; null: this page is shown.
    default: Option<&'static str>,
}

#[derive(Serialize)]
struct OtherWay {
    kind: &'static str,
    /// What people know the other system by.
    name: String,
    /// Where a browser goes, with `return_to`.
    start: &'static str,
}

#[derive(Serialize)]
struct Rules {
    min_length: i64,
    digits: bool,
    symbols: bool,
    /// Whether browsers are asked not to fill passwords in.
    no_autocomplete: bool,
}

impl Visit<'_> {
    /// The operation's name, which is its path; the log tells no other paths.
    fn admit(&self, path: &str) -> Result<&'static str> {
        let path = path.trim_end_matches('/');
        let known = OPERATIONS.iter().find(|(known, _)| *known == path);
        let (name, methods) = known.ok_or_else(|| error::not_found("page"))?;
        if !methods.contains(&self.parts.method.as_str()) {
            let message = format!("This path serves {}.", methods.join(" and "));
            return Err(refused(StatusCode::NOT_FOUND, "not_found", &message));
        }
        // No page of another site signs anybody in, out, or as somebody else.
        if !browser::is_console(self.parts, &self.sign_in.public_url) {
            let message = "Send the header X-Frontdesk-Console: 1, from a page of this server or from no page at all.";
            return Err(refused(StatusCode::FORBIDDEN, "not_a_console", message));
        }
        Ok(name)
    }

    async fn take(&mut self, body: Body, operation: &str) -> Result<Outcome> {
        self.body = read_body(body, &self.parts.headers, BODY_BYTES_MAX, BODY_DEADLINE).await?.to_vec();
        match (operation, self.parts.method.as_str()) {
            ("/session", "POST") => self.begin().await,
            ("/session", "DELETE") => self.end().await,
            ("/session", _) => self.show().await,
            ("/session/password", _) => self.change_password().await,
            ("/session/password_links", _) => self.send_link().await,
            ("/session/password_link", "POST") => self.look_at_link().await,
            ("/session/password_link", _) => self.use_link().await,
            ("/session/second_factor", "POST") => self.begin_second_factor().await,
            ("/session/second_factor", "PUT") => self.confirm_second_factor().await,
            ("/session/second_factor", "DELETE") => self.remove_second_factor().await,
            ("/session/second_factor", _) => self.second_factor().await,
            _ => self.options().await,
        }
    }

    /// The body as JSON.
    fn given<T: DeserializeOwned>(&self) -> Result<T> {
        let content_type = self.parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        if !essence.eq_ignore_ascii_case("application/json") {
            return Err(error::unsupported_media_type("Send JSON, with Content-Type: application/json."));
        }
        serde_json::from_slice(&self.body).map_err(|wrong| {
            // What is wrong is told without what was given: it may be a password.
            let what = if wrong.is_data() { wrong.to_string() } else { "no JSON".to_owned() };
            let what = if what.contains("missing field") { what } else { "it is not as documented".to_owned() };
            error::bad_request(format!("The body cannot be read: {what}."))
        })
    }

    fn secret(&self) -> Option<String> {
        self.sign_in.cookies.secret(&self.parts.headers).map(str::to_owned)
    }

    async fn options(&self) -> Result<Outcome> {
        let look = |tx: &mut dyn Tx| {
            Ok((settings::load(tx)?, single_sign_on::ways(tx)?, single_sign_on::lets_passwords_in(tx)?))
        };
        let (settings, ways, password) = self.sign_in.store.read(look).await?;
        let signed_in = match self.secret() {
            None => false,
            Some(secret) => match self.as_caller(secret, |_, _| Ok(())).await {
                Err(error) if is_unauthorized(&error) => false,
                known => known.map(|()| true)?,
            },
        };
        let default = ways.iter().find(|way| way.is_default).map(|way| way.kind);
        let ways = ways.into_iter().map(|Way { kind, name, start, .. }| OtherWay { kind, name, start });
        Outcome::of(Options {
            name: settings.name,
            locale: settings.locale,
            signed_in,
            password,
            single_sign_on: ways.collect(),
            default,
            password_recovery: self.sign_in.sends_mails && !settings.password_recovery_disabled,
            password_rules: Rules {
                min_length: settings.password_min_length,
                digits: settings.password_numbers,
                symbols: settings.password_non_word,
                no_autocomplete: settings.disable_password_autocomplete,
            },
        })
    }

    async fn begin(&self) -> Result<Outcome> {
        let SignInBody { email, password, code, new_password } = self.given()?;
        let browser = self.parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let given = Given {
            email,
            password: Secret::new(password),
            code,
            new_password: new_password.filter(|new| !new.is_empty()).map(Secret::new),
            address: client(self.parts),
            browser: browser.unwrap_or_default().to_owned(),
            before: self.secret(),
        };
        let Begun { secret, recovery_codes } = self.sign_in.by_password(given).await?;
        self.signed_in(secret, recovery_codes).await
    }

    /// Tells who is signed in by a fresh secret, and gives it to the browser.
    async fn signed_in(&self, secret: Secret, recovery_codes: Vec<String>) -> Result<Outcome> {
        let (told, lifetime) = self.told(secret.reveal().to_owned()).await?;
        let told = SignedIn { recovery_codes, ..told };
        let cookie = self.sign_in.cookies.give(secret.reveal(), lifetime);
        Ok(Outcome { cookie, ..Outcome::of(told)? })
    }

    async fn show(&self) -> Result<Outcome> {
        let secret = self.secret().ok_or_else(nobody)?;
        let (told, _) = self.told(secret.clone()).await?;
        self.sign_in.seen(&Credential::Session(secret));
        Outcome::of(told)
    }

    /// Who is signed in, and for how many seconds at most.
    async fn told(&self, secret: String) -> Result<(SignedIn, i64)> {
        self.as_caller(secret, |tx, caller| {
            let settings = settings::load(tx)?;
            let sql = format!("SELECT {COLUMNS} FROM sessions WHERE id = $1");
            let row = tx.one(&sql, args![&caller.session_id.unwrap_or_default()])?;
            let session = session(&row, &settings, caller.session_id)?;
            let user = users::signed(tx, caller.user_id)?;
            Ok((SignedIn { user, session, recovery_codes: Vec::new() }, settings.session_lifetime.saturating_mul(60)))
        })
        .await
    }

    /// Reads as whoever is signed in.
    async fn as_caller<T: Send + 'static>(
        &self,
        secret: String,
        read: impl Fn(&mut dyn Tx, &Caller) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let seen = self.sign_in.seen_at(&secret);
        let env = self.sign_in.env.clone();
        let found = self.sign_in.store.read(move |tx| {
            let caller = super::caller(tx, env.now(), &secret, seen)?;
            read(tx, &caller)
        });
        found.await.map_err(|error| if is_unauthorized(&error) { nobody() } else { error })
    }

    /// Who is signed in: their id, their session's, and their e-mail.
    async fn owner(&self) -> Result<(Id, Option<Id>, String)> {
        let secret = self.secret().ok_or_else(nobody)?;
        self.as_caller(secret, |tx, caller| {
            let email = tx.one("SELECT email FROM users WHERE id = $1", args![&caller.user_id])?.get(0)?;
            Ok((caller.user_id, caller.session_id, email))
        })
        .await
    }

    /// The same, once they have shown that they know their password: a session may be somebody else's by now.
    async fn owner_with_password(&self, password: Option<String>) -> Result<(Id, Option<Id>)> {
        let (user_id, session_id, email) = self.owner().await?;
        let password = Secret::new(password.unwrap_or_default());
        let known = self.sign_in.knows_password(&email, password, &client(self.parts)).await;
        if known.map_err(|error| if is_unauthorized(&error) { wrong_password() } else { error })? == user_id {
            Ok((user_id, session_id))
        } else {
            Err(wrong_password())
        }
    }

    async fn change_password(&self) -> Result<Outcome> {
        let ChangeBody { password, new_password } = self.given()?;
        let (user_id, session_id) = self.owner_with_password(Some(password)).await?;
        let hash = self.sign_in.new_hash("new_password", Secret::new(new_password), user_id).await?;
        let env = self.sign_in.env.clone();
        let set = move |tx: &mut dyn Tx| password_changes::set(tx, &env, user_id, &hash, session_id);
        self.sign_in.store.write(set).await?;
        Outcome::of(json!({}))
    }

    /// Sends a link to who has forgotten their password. Whether there is such an account is not told.
    async fn send_link(&self) -> Result<Outcome> {
        let ForgottenBody { email } = self.given()?;
        let (env, links, address) = (self.sign_in.env.clone(), self.sign_in.links.clone(), client(self.parts));
        let sends_mails = self.sign_in.sends_mails;
        let send = move |tx: &mut dyn Tx| {
            if !sends_mails || settings::load(tx)?.password_recovery_disabled {
                let message = "Nobody gets a new password by mail here: ask an administrator.";
                return Err(refused(StatusCode::FORBIDDEN, "recovery_disabled", message));
            }
            let email = email.trim().to_lowercase();
            attempts::count_as(tx, env.now(), "mails of address", &attempts::network(&address), MAILS_OF_ADDRESS_MAX)?;
            if email.contains('\0') || !attempts::is_within(tx, env.now(), "mails to account", &email, MAILS_MAX)? {
                return Ok(());
            }
            let sql = "SELECT id FROM users WHERE email_key = $1 AND enabled AND NOT no_password";
            let Some(row) = tx.first(sql, args![&email])? else { return Ok(()) };
            let user_id = row.get(0)?;
            if !mails::has_room(tx)? {
                return Ok(());
            }
            let link = links.create(tx, &env, user_id, Purpose::Recovery, None)?;
            let letter = mails::recovery(&users::language(tx, user_id)?, &password_links::mark(link));
            let key = format!("recovery {user_id}");
            let mail = NewMail::plain(&key, user_id, &letter.subject, &letter.text, MAIL_PAUSE_SECONDS);
            if mails::queue(tx, &env, &mail)? {
                let kind = "user.password_recovery_instructions_sent";
                tx.append(events::of(None, &env, kind, user_id, json!({})));
            }
            Ok(())
        };
        self.sign_in.store.write(send).await?;
        Outcome::of(json!({}))
    }

    async fn look_at_link(&self) -> Result<Outcome> {
        let LinkBody { token, .. } = self.given()?;
        let env = self.sign_in.env.clone();
        let link = self.sign_in.store.read(move |tx| password_links::find(tx, &env, &token)).await?;
        let link = link.ok_or_else(link_over)?;
        Outcome::of(json!({ "email": link.email, "purpose": link.purpose }))
    }

    async fn use_link(&self) -> Result<Outcome> {
        let LinkBody { token, password } = self.given()?;
        let (env, asked) = (self.sign_in.env.clone(), token.clone());
        let link = self.sign_in.store.read(move |tx| password_links::find(tx, &env, &asked)).await?;
        let link = link.ok_or_else(link_over)?;
        let password = Secret::new(password.unwrap_or_default());
        let hash = self.sign_in.new_hash("password", password, link.user_id).await?;
        let env = self.sign_in.env.clone();
        let set = move |tx: &mut dyn Tx| {
            // Of two at once only the first finds it.
            let link = password_links::find(tx, &env, &token)?.ok_or_else(link_over)?;
            password_changes::set(tx, &env, link.user_id, &hash, None)
        };
        self.sign_in.store.write(set).await?;
        Outcome::of(json!({ "email": link.email }))
    }

    async fn second_factor(&self) -> Result<Outcome> {
        let secret = self.secret().ok_or_else(nobody)?;
        let told = self.as_caller(secret, |tx, caller| {
            let enabled = second_factor::standing(tx, caller.user_id)? == Standing::Confirmed;
            let left = if enabled { second_factor::recovery_codes_left(tx, caller.user_id)? } else { 0 };
            let required = settings::load(tx)?.second_factor_required;
            Ok(json!({ "enabled": enabled, "required": required, "recovery_codes_left": left }))
        });
        Outcome::of(told.await?)
    }

    /// For who is signed in; and for who cannot without, where the account asks for it.
    async fn begin_second_factor(&self) -> Result<Outcome> {
        let FactorBody { email, password, .. } = self.given()?;
        let is_stranger = email.is_some();
        let user_id = match email {
            Some(email) => {
                self.sign_in.require_passwords().await?;
                let password = Secret::new(password.unwrap_or_default());
                self.sign_in.knows_password(&email, password, &client(self.parts)).await?
            }
            None => self.owner_with_password(password).await?.0,
        };
        let (env, keys) = (self.sign_in.env.clone(), self.sign_in.keys.clone());
        let begin = move |tx: &mut dyn Tx| {
            let settings = settings::load(tx)?;
            if is_stranger && !settings.second_factor_required {
                let message = "This account asks nobody for a second factor: sign in, then set yours up.";
                return Err(error::forbidden(message));
            }
            second_factor::begin(tx, &env, &keys, &settings, user_id)
        };
        Outcome::of(self.sign_in.store.write(begin).await?)
    }

    async fn confirm_second_factor(&self) -> Result<Outcome> {
        let code = self.given::<FactorBody>()?.code.unwrap_or_default();
        let (user_id, session_id, _) = self.owner().await?;
        let (env, keys) = (self.sign_in.env.clone(), self.sign_in.keys.clone());
        let confirm = move |tx: &mut dyn Tx| {
            if second_factor::standing(tx, user_id)? != Standing::Begun {
                return Err(error::conflict("Begin with POST /session/second_factor."));
            }
            if !second_factor::take(tx, &env, &keys, user_id, &code)? {
                return Ok(None);
            }
            sessions::end_all(tx, &env, Some(user_id), user_id, session_id)?;
            second_factor::confirm(tx, &env, &keys, user_id).map(Some)
        };
        let codes = self.sign_in.store.write(confirm).await?.ok_or_else(wrong_code)?;
        Outcome::of(json!({ "recovery_codes": codes }))
    }

    async fn remove_second_factor(&self) -> Result<Outcome> {
        let FactorBody { password, code, .. } = self.given()?;
        let (user_id, session_id) = self.owner_with_password(password).await?;
        let (env, keys, code) = (self.sign_in.env.clone(), self.sign_in.keys.clone(), code.unwrap_or_default());
        let remove = move |tx: &mut dyn Tx| {
            if settings::load(tx)?.second_factor_required {
                let message = "This account asks everybody for a second factor.";
                return Err(refused(StatusCode::FORBIDDEN, "second_factor_required", message));
            }
            if second_factor::standing(tx, user_id)? == Standing::Confirmed
                && !second_factor::take(tx, &env, &keys, user_id, &code)?
            {
                return Ok(false);
            }
            second_factor::remove(tx, &env, Some(user_id), user_id)?;
            sessions::end_all(tx, &env, Some(user_id), user_id, session_id)?;
            Ok(true)
        };
        if self.sign_in.store.write(remove).await? { Outcome::of(json!({})) } else { Err(wrong_code()) }
    }

    async fn end(&self) -> Result<Outcome> {
        let mut logout_url = None;
        if let Some(secret) = self.secret() {
            let env = self.sign_in.env.clone();
            let ended = self.sign_in.store.write(move |tx| end_by_secret(tx, &env, &secret)).await?;
            if let Some(came_by) = ended {
                logout_url = single_sign_on::logout_url(self.sign_in, &came_by).await?;
            }
        }
        Ok(Outcome { cookie: self.sign_in.cookies.take(), body: json!({ "logout_url": logout_url }) })
    }
}

fn is_unauthorized(error: &Error) -> bool {
    matches!(error, Error::Refused(refusal) if refusal.status == 401)
}

fn wrong_password() -> Error {
    error::invalid("password", "invalid", "password: this is not your password.")
}

fn wrong_code() -> Error {
    error::invalid("code", "invalid", "code: it is not right, or it was used before.")
}

fn link_over() -> Error {
    refused(
        StatusCode::NOT_FOUND,
        "link_over",
        "This link was used before, has expired, or was replaced by a newer one.",
    )
}

/// 401 where nobody is signed in.
fn nobody() -> Error {
    refused(StatusCode::UNAUTHORIZED, "not_signed_in", "Nobody is signed in here.")
}
