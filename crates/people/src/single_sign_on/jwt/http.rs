//! The addresses of sign-on by JWT that browsers are sent to.

use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use frontdesk_model::{Result, error};
use frontdesk_store::Tx;

use super::super::redirect::{Redirect, Visitor, own_path, parameter, route, with_parameters};
use super::super::take;
use super::token::{self, AGE_SECONDS_MAX, Fault};
use crate::sessions::{Method, SignIn};
use crate::settings;

/// Where the other system sends people back to, as documented.
pub(super) const CALLBACK: &str = "/users/auth/jwt/callback";
/// Where people begin who come here first.
pub(super) const START: &str = "/session/jwt";

/// The routes.
pub(in super::super) fn router(sign_in: &Arc<SignIn>) -> Router {
    route(sign_in, START, send_away).merge(route(sign_in, CALLBACK, let_in))
}

/// To the other system, with the page that was wanted.
async fn send_away(sign_in: Arc<SignIn>, parts: Arc<Parts>) -> Result<Redirect> {
    let jwt = sign_in.store.read(super::jwt).await?;
    let login = jwt.remote_login_url.filter(|_| jwt.enabled).ok_or_else(|| error::not_found("page"))?;
    let wanted = own_path(&parameter(&parts, "return_to")?, &sign_in.public_url).unwrap_or_else(|| "/".into());
    let to = with_parameters(&login, &[("return_to", &format!("{}{wanted}", sign_in.public_url))])?;
    Ok(Redirect::to(to))
}

/// Signs in whom a token names; anything wrong with it is told to the other system.
async fn let_in(sign_in: Arc<SignIn>, parts: Arc<Parts>) -> Result<Redirect> {
    let (token, wanted) = (parameter(&parts, "jwt")?, parameter(&parts, "return_to")?);
    let visitor = Visitor::of(&sign_in, &parts);
    // What is no token of theirs costs no turn of the writer.
    let (env, seal, asked) = (sign_in.env.clone(), sign_in.seal.clone(), token.clone());
    let look = move |tx: &mut dyn Tx| {
        let settings = super::jwt(tx)?;
        let secret = super::secret(tx, &seal)?.filter(|_| settings.enabled);
        let secret = secret.ok_or_else(|| error::not_found("page"))?;
        let fault = token::read(&asked, secret.reveal(), env.now().micros().div_euclid(1_000_000)).err();
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
        let outcome = match token::read(&token, secret.reveal(), env.now().micros().div_euclid(1_000_000)) {
            // A token from a little ahead lasts a little longer.
            Ok(claims) if !take(tx, &env, "jwt", &claims.token_id, 2 * AGE_SECONDS_MAX)? => Err(Fault::Replay),
            Ok(claims) => match super::user(tx, &claims.external_id)? {
                Some(user_id) => Ok(visitor.enter(tx, &env, user_id, Method::Jwt)?),
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
            let to = own_path(&wanted, &sign_in.public_url).unwrap_or_else(|| "/".into());
            Ok(Redirect { to, cookies: cookie.into_iter().collect() })
        }
        Err(fault) => refused(fault, login),
    }
}

/// Back to the other system, or to our own page where there is no such address, with what is wrong.
fn refused(fault: Fault, login: Option<String>) -> Result<Redirect> {
    match login {
        Some(login) => Ok(Redirect::to(with_parameters(&login, &[("error", fault.as_str())])?)),
        None => Ok(Redirect::with_fault(fault.as_str())),
    }
}
