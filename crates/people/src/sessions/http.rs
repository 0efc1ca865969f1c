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
use axum::routing::any;
use frontdesk_model::{Caller, Error, Result, Secret, error};
use frontdesk_rest::{Authenticator, ClientAddress, Credential, json as answer, read_body, refuse};
use frontdesk_store::{Tx, args};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::sign_in::{Given, refused};
use super::{COLUMNS, Session, SignIn, browser, end_by_secret, session};
use crate::{settings, users};

/// A body has at most this many bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// For a whole body.
const BODY_DEADLINE: Duration = Duration::from_secs(10);

/// Paths, and the methods that they serve.
const OPERATIONS: [(&str, &[&str]); 2] = [("/session", &["GET", "POST", "DELETE"]), ("/session/options", &["GET"])];

impl SignIn {
    /// Serves `/session`. It has no fallback, so that it can be merged with other routers.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().route("/session", any(serve)).route("/session/{*rest}", any(serve)).with_state(self.clone())
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
}

/// Who is signed in.
#[derive(Serialize)]
struct SignedIn {
    user: users::Signed,
    session: Session,
}

/// What the page needs to know on which somebody signs in.
#[derive(Serialize)]
struct Options {
    /// What the account is called.
    name: String,
    /// The language of the account.
    locale: String,
    /// Whether a password can be given.
    password: bool,
    password_rules: Rules,
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
        let settings = self.sign_in.store.read(settings::load).await?;
        Outcome::of(Options {
            name: settings.name,
            locale: settings.locale,
            password: true,
            password_rules: Rules {
                min_length: settings.password_min_length,
                digits: settings.password_numbers,
                symbols: settings.password_non_word,
                no_autocomplete: settings.disable_password_autocomplete,
            },
        })
    }

    async fn begin(&self) -> Result<Outcome> {
        let SignInBody { email, password } = self.given()?;
        let browser = self.parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        let given = Given {
            email,
            password: Secret::new(password),
            address: client(self.parts),
            browser: browser.unwrap_or_default().to_owned(),
            before: self.secret(),
        };
        let (_, secret) = self.sign_in.by_password(given).await?;
        self.signed_in(secret).await
    }

    /// Tells who is signed in by a fresh secret, and gives it to the browser.
    async fn signed_in(&self, secret: Secret) -> Result<Outcome> {
        let (told, lifetime) = self.told(secret.reveal().to_owned()).await?;
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
            Ok((SignedIn { user, session }, settings.session_lifetime.saturating_mul(60)))
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

    async fn end(&self) -> Result<Outcome> {
        if let Some(secret) = self.secret() {
            let env = self.sign_in.env.clone();
            self.sign_in.store.write(move |tx| end_by_secret(tx, &env, &secret)).await?;
        }
        Ok(Outcome { cookie: self.sign_in.cookies.take(), body: json!({ "logout_url": null }) })
    }
}

fn is_unauthorized(error: &Error) -> bool {
    matches!(error, Error::Refused(refusal) if refusal.status == 401)
}

/// 401 where nobody is signed in.
fn nobody() -> Error {
    refused(StatusCode::UNAUTHORIZED, "not_signed_in", "Nobody is signed in here.")
}
