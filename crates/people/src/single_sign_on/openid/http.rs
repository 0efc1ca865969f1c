//! The addresses of OpenID Connect that browsers are sent to. What a sign-in has to bring back (state, nonce, the verifier of
//! PKCE, the page that was wanted) is in a sealed cookie of its own: so it counts in the browser that began it, for ten
//! minutes, and once.

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk_model::{Env, Result, Secret, error};
use frontdesk_store::{Seal, Tx};
use ring::digest;
use serde::{Deserialize, Serialize};

use super::provider::{Exchange, Fault};
use super::{accounts, redirect_uri};
use crate::sessions::{Method, SignIn, attempts};
use crate::settings;
use crate::single_sign_on::redirect::{Redirect, Visitor, own_path, parameter, route, with_parameters};
use crate::single_sign_on::take;

/// Where the provider sends people back to.
pub(super) const CALLBACK: &str = "/users/auth/openid/callback";
/// Where people begin.
pub(super) const START: &str = "/session/openid";
/// A sign-in takes at most this long.
const BEGUN_SECONDS_MAX: i64 = 600;
/// A longer address of ours is not come back to: a cookie has 4 KiB.
const WANTED_BYTES_MAX: usize = 1_500;
/// Within a quarter of an hour, from one address: each has us ask the provider.
const FROM_ADDRESS_MAX: i64 = 200;
/// So much of the state names its cookie: several pages of one browser may sign in at once.
const NAME_CHARACTERS: usize = 8;
const PURPOSE: &str = "single sign-on:openid begun";

/// The routes.
pub(in super::super) fn router(sign_in: &Arc<SignIn>) -> Router {
    route(sign_in, START, send_away).merge(route(sign_in, CALLBACK, let_in))
}

/// A sign-in that has begun.
#[derive(Serialize, Deserialize)]
struct Begun {
    state: String,
    nonce: String,
    verifier: String,
    /// The provider that was asked.
    issuer: String,
    /// The page that was wanted.
    to: String,
    /// Seconds since 1970.
    at: i64,
}

impl Begun {
    fn new(env: &Env, issuer: &str, to: String) -> Begun {
        let text = || URL_SAFE_NO_PAD.encode(env.random::<32>());
        Begun { state: text(), nonce: text(), verifier: text(), issuer: issuer.to_owned(), to, at: now(env) }
    }

    fn sealed(&self, seal: &Seal) -> Result<String> {
        let text = serde_json::to_string(self).map_err(|trouble| error::broken(trouble.to_string()))?;
        Ok(URL_SAFE_NO_PAD.encode(seal.seal(PURPOSE, &Secret::new(text))?))
    }

    /// What a cookie holds, if it is this sign-in and not too old.
    fn open(seal: &Seal, cookie: &str, state: &str, now: i64) -> Option<Begun> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let begun: Begun = serde_json::from_str(seal.open(PURPOSE, &sealed).ok()?.reveal()).ok()?;
        (begun.state == state && (0..BEGUN_SECONDS_MAX).contains(&(now - begun.at))).then_some(begun)
    }
}

fn now(env: &Env) -> i64 {
    env.now().micros().div_euclid(1_000_000)
}

/// The name of a sign-in's cookie; none for what can be no state of ours.
fn name_of(state: &str) -> Option<&str> {
    state
        .get(..NAME_CHARACTERS)
        .filter(|name| name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'))
}

/// To the provider.
async fn send_away(sign_in: Arc<SignIn>, parts: Arc<Parts>) -> Result<Redirect> {
    let openid = sign_in.store.read(super::openid).await?;
    let (issuer, client_id) = openid.client().ok_or_else(|| error::not_found("page"))?;
    let wanted = own_path(&parameter(&parts, "return_to")?, &sign_in.public_url);
    let wanted = wanted.filter(|path| path.len() <= WANTED_BYTES_MAX).unwrap_or_else(|| "/".into());
    let Ok(metadata) = sign_in.provider.metadata(&issuer, &sign_in.env).await else {
        return Ok(Redirect::with_fault("provider_unreachable"));
    };
    let begun = Begun::new(&sign_in.env, &issuer, wanted);
    let challenge = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, begun.verifier.as_bytes()));
    let to = with_parameters(
        &metadata.authorization_endpoint,
        &[
            ("response_type", "code"),
            ("client_id", &client_id),
            ("redirect_uri", &redirect_uri(&sign_in.public_url)),
            ("scope", "openid email profile"),
            ("state", &begun.state),
            ("nonce", &begun.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ],
    )?;
    let name = name_of(&begun.state).ok_or_else(|| error::broken("a state without a name"))?;
    let cookie = sign_in.cookies.keep_for(CALLBACK, name, &begun.sealed(&sign_in.seal)?, BEGUN_SECONDS_MAX);
    Ok(Redirect { to, cookies: cookie.into_iter().collect() })
}

/// Signs in whom the provider vouches for; what goes wrong is told on our own page.
async fn let_in(sign_in: Arc<SignIn>, parts: Arc<Parts>) -> Result<Redirect> {
    let (state, code) = (parameter(&parts, "state")?, parameter(&parts, "code")?);
    let (refusal, by) = (parameter(&parts, "error")?, parameter(&parts, "iss")?);
    let kept = name_of(&state).and_then(|name| Some((name, sign_in.cookies.kept_for(&parts.headers, name)?)));
    let begun = kept.and_then(|(_, cookie)| Begun::open(&sign_in.seal, cookie, &state, now(&sign_in.env)));
    let done = kept.and_then(|(name, _)| sign_in.cookies.keep_for(CALLBACK, name, "", 0));
    let outcome = match begun {
        Some(begun) => finish(&sign_in, Visitor::of(&sign_in, &parts), begun, &code, &refusal, &by).await?,
        None => Err("sign_in_expired"),
    };
    let mut redirect = match outcome {
        Ok(redirect) => redirect,
        Err(fault) => Redirect::with_fault(fault),
    };
    redirect.cookies.extend(done);
    Ok(redirect)
}

async fn finish(
    sign_in: &SignIn,
    visitor: Visitor,
    begun: Begun,
    code: &str,
    refusal: &str,
    by: &str,
) -> Result<Result<Redirect, &'static str>> {
    let (env, seal, state, address) =
        (sign_in.env.clone(), sign_in.seal.clone(), begun.state.clone(), visitor.address.clone());
    let take = move |tx: &mut dyn Tx| {
        let (openid, secret) = super::with_secret(tx, &seal)?;
        let client = openid.client().ok_or_else(|| error::not_found("page"))?;
        attempts::count_as(tx, env.now(), "openid", &attempts::network(&address), FROM_ADDRESS_MAX)?;
        let is_first = take(tx, &env, "openid", &state, BEGUN_SECONDS_MAX)?;
        Ok((client, secret, is_first))
    };
    let ((issuer, client_id), client_secret, is_first) = sign_in.store.write(take).await?;
    if !is_first || issuer != begun.issuer {
        return Ok(Err("sign_in_expired"));
    }
    let Ok(metadata) = sign_in.provider.metadata(&issuer, &sign_in.env).await else {
        return Ok(Err("provider_unreachable"));
    };
    // Of two providers one could hand on the other's codes (RFC 9207).
    if by != issuer && (!by.is_empty() || metadata.authorization_response_iss_parameter_supported) {
        return Ok(Err("token_invalid"));
    }
    if !refusal.is_empty() || code.is_empty() {
        return Ok(Err("sign_in_refused"));
    }
    let exchange = Exchange {
        client_id: &client_id,
        client_secret: client_secret.as_ref(),
        code,
        verifier: &begun.verifier,
        redirect_uri: &redirect_uri(&sign_in.public_url),
        nonce: &begun.nonce,
    };
    let person = match sign_in.provider.redeem(&issuer, &exchange, &sign_in.env).await {
        Ok(person) => person,
        Err(Fault::Unreachable) => return Ok(Err("provider_unreachable")),
        Err(Fault::Refused) => return Ok(Err("sign_in_refused")),
        Err(Fault::Token) => return Ok(Err("token_invalid")),
        Err(Fault::Expired) => return Ok(Err("token_expired")),
    };
    let env = sign_in.env.clone();
    let enter = move |tx: &mut dyn Tx| {
        let openid = super::openid(tx)?;
        // It may have been switched off, or become another provider, while that one was asked.
        if openid.client() != Some((issuer.clone(), client_id.clone())) {
            return Err(error::not_found("page"));
        }
        let Some(user_id) = accounts::user(tx, &env, &openid, &issuer, &person)? else { return Ok(None) };
        let secret = visitor.enter(tx, &env, user_id, Method::OpenId)?;
        Ok(Some((secret, settings::load(tx)?.session_lifetime)))
    };
    let Some((secret, lifetime)) = sign_in.store.write(enter).await? else { return Ok(Err("user_not_found")) };
    let cookie = sign_in.cookies.give(secret.reveal(), lifetime.saturating_mul(60));
    Ok(Ok(Redirect { to: begun.to, cookies: cookie.into_iter().collect() }))
}
