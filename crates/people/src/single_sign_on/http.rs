//! The addresses that browsers are sent to. They are opened, not asked by a script: so each answers with a redirect, and
//! what came in by one is told to no other page.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::get;
use frontdesk_model::{Result, error};
use frontdesk_rest::{ClientAddress, parse_pairs, refuse};
use frontdesk_store::Tx;
use url::Url;

use super::jwt::{self, AGE_SECONDS_MAX, Fault};
use crate::sessions::{Method, NewSession, SignIn, create, end_by_secret};
use crate::settings;

/// Where the other system sends people back to, as documented (row 9.10).
pub(super) const CALLBACK: &str = "/users/auth/jwt/callback";
/// Where people begin who come here first.
pub(crate) const START: &str = "/session/jwt";

/// The routes. They have no fallback, so that they can be merged with others.
pub(crate) fn router(sign_in: &Arc<SignIn>) -> Router {
    Router::new().route(CALLBACK, get(callback)).route(START, get(start)).with_state(sign_in.clone())
}

/// Where a browser goes next, and what it takes along.
struct Redirect {
    to: String,
    cookie: Option<HeaderValue>,
}

async fn start(State(sign_in): State<Arc<SignIn>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let outcome = send_away(&sign_in, &parts).await;
    answer(&sign_in, &parts, START, outcome)
}

async fn callback(State(sign_in): State<Arc<SignIn>>, request: Request) -> Response<Body> {
    let (parts, _) = request.into_parts();
    let outcome = let_in(&sign_in, &parts).await;
    answer(&sign_in, &parts, CALLBACK, outcome)
}

fn answer(sign_in: &SignIn, parts: &Parts, path: &'static str, outcome: Result<Redirect>) -> Response<Body> {
    let request_id = sign_in.env.id();
    let response = outcome.and_then(|Redirect { to, cookie }| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let to = HeaderValue::from_str(&to).map_err(|_| error::broken("an address that cannot be sent"))?;
        let headers = response.headers_mut();
        headers.insert(LOCATION, to);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(cookie) = cookie {
            headers.insert(SET_COOKIE, cookie);
        }
        Ok(response)
    });
    let response = response.unwrap_or_else(|error| refuse(&error, request_id));
    tracing::info!(%request_id, operation = path, method = %parts.method, path, status = response.status().as_u16(), "request");
    response
}

/// A parameter of the address.
fn parameter(parts: &Parts, name: &str) -> Result<String> {
    let pairs = parse_pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
    Ok(pairs.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned())
}

/// The page of ours that somebody wanted, as a path. Other addresses are no pages of ours: nobody is sent there.
fn own_path(wanted: &str, public_url: &str) -> Option<String> {
    let path = wanted.strip_prefix(public_url).unwrap_or(wanted);
    // What a browser reads as another host: //host, /\host, and control characters that it leaves out.
    let is_path = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    is_path.then(|| path.to_owned())
}

/// To the other system, with the page that was wanted.
async fn send_away(sign_in: &SignIn, parts: &Parts) -> Result<Redirect> {
    let jwt = sign_in.store.read(super::jwt).await?;
    let login = jwt.remote_login_url.filter(|_| jwt.enabled).ok_or_else(|| error::not_found("page"))?;
    let wanted = own_path(&parameter(parts, "return_to")?, &sign_in.public_url).unwrap_or_else(|| "/".into());
    let to = with_parameters(&login, &[("return_to", &format!("{}{wanted}", sign_in.public_url))])?;
    Ok(Redirect { to, cookie: None })
}

fn with_parameters(address: &str, parameters: &[(&str, &str)]) -> Result<String> {
    let mut url = Url::parse(address).map_err(|trouble| error::broken(format!("remote_login_url: {trouble}")))?;
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(url.into())
}

/// Signs in whom a token names; anything wrong with it is told to the other system (row 9.11).
async fn let_in(sign_in: &SignIn, parts: &Parts) -> Result<Redirect> {
    let (token, wanted) = (parameter(parts, "jwt")?, parameter(parts, "return_to")?);
    let address = parts.extensions.get::<ClientAddress>().map_or_else(String::new, |client| client.0.to_string());
    let browser = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    let before = sign_in.cookies.secret(&parts.headers).map(str::to_owned);
    // What is no token of theirs costs no turn of the writer.
    let (env, seal, asked) = (sign_in.env.clone(), sign_in.seal.clone(), token.clone());
    let look = move |tx: &mut dyn Tx| {
        let settings = super::jwt(tx)?;
        let secret = super::secret(tx, &seal)?.filter(|_| settings.enabled);
        let secret = secret.ok_or_else(|| error::not_found("page"))?;
        let fault = jwt::read(&asked, secret.reveal(), env.now().micros().div_euclid(1_000_000)).err();
        Ok(fault.map(|fault| (fault, settings.remote_login_url)))
    };
    if let Some((fault, login)) = sign_in.store.read(look).await? {
        return refused(fault, login);
    }
    let (env, seal) = (sign_in.env.clone(), sign_in.seal.clone());
    let begin = move |tx: &mut dyn Tx| {
        let settings = super::jwt(tx)?;
        let secret = super::secret(tx, &seal)?.filter(|_| settings.enabled);
        let secret = secret.ok_or_else(|| error::not_found("page"))?;
        let outcome = match jwt::read(&token, secret.reveal(), env.now().micros().div_euclid(1_000_000)) {
            // A token from a little ahead lasts a little longer.
            Ok(claims) if !super::take(tx, &env, &claims.token_id, 2 * AGE_SECONDS_MAX)? => Err(Fault::Replay),
            Ok(claims) => match super::user(tx, &claims.external_id)? {
                Some(user_id) => {
                    if let Some(before) = &before {
                        end_by_secret(tx, &env, before)?;
                    }
                    let new = NewSession { user_id, method: Method::Jwt, address: &address, browser: &browser };
                    Ok(create(tx, &env, &new)?.1)
                }
                None => Err(Fault::UserNotFound),
            },
            Err(fault) => Err(fault),
        };
        Ok((outcome, settings.remote_login_url, settings::load(tx)?.session_lifetime))
    };
    let (outcome, login, lifetime) = sign_in.store.write(begin).await?;
    match outcome {
        Ok(secret) => {
            let cookie = sign_in.cookies.give(secret.reveal(), lifetime.saturating_mul(60));
            Ok(Redirect { to: own_path(&wanted, &sign_in.public_url).unwrap_or_else(|| "/".into()), cookie })
        }
        Err(fault) => refused(fault, login),
    }
}

/// Back to the other system, or to our own page where there is no such address, with what is wrong.
fn refused(fault: Fault, login: Option<String>) -> Result<Redirect> {
    let to = match login {
        Some(login) => with_parameters(&login, &[("error", fault.as_str())])?,
        None => format!("/?error={}", fault.as_str()),
    };
    Ok(Redirect { to, cookie: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_other_places() {
        let ours = "https://desk.example.com";
        for (wanted, path) in [
            ("/", Some("/")),
            ("/threads/1?q=a%20b#c", Some("/threads/1?q=a%20b#c")),
            ("https://desk.example.com/threads/1", Some("/threads/1")),
            ("https://desk.example.com", None),
            ("https://desk.example.com.evil.net/", None),
            ("https://desk.example.com@evil.net/", None),
            ("https://evil.net/", None),
            ("//evil.net/", None),
            ("/\\evil.net/", None),
            ("/a\\b", None),
            ("https://desk.example.com//evil.net", None),
            ("/\t/evil.net", None),
            ("/\n", None),
            ("/é", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(own_path(wanted, ours).as_deref(), path, "{wanted:?}");
        }
    }
}
