//! What the addresses of single sign-on have in common. Browsers are sent to them, no script asks: so each answers with a
//! redirect, and what came in by one is told to no other page.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, LOCATION, REFERRER_POLICY, SET_COOKIE, USER_AGENT};
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response, StatusCode};
use axum::routing::get;
use frontdesk_model::{Env, Id, Result, Secret, error};
use frontdesk_rest::{ClientAddress, parse_pairs, refuse};
use frontdesk_store::Tx;
use url::Url;

use crate::sessions::{Method, NewSession, SignIn, create, end_by_secret};

/// Where a browser goes next, and what it takes along.
pub(super) struct Redirect {
    pub(super) to: String,
    pub(super) cookies: Vec<HeaderValue>,
}

impl Redirect {
    /// There, with nothing.
    pub(super) fn to(to: String) -> Redirect {
        Redirect { to, cookies: Vec::new() }
    }

    /// To our own page on which people sign in, with what went wrong.
    pub(super) fn with_fault(fault: &str) -> Redirect {
        Redirect::to(format!("/?error={fault}"))
    }
}

/// The route of an address, which answers with where the browser goes next. It has no fallback, so that it can be merged
/// with others.
pub(super) fn route<Visit, Going>(sign_in: &Arc<SignIn>, path: &'static str, visit: Visit) -> Router
where
    Visit: Fn(Arc<SignIn>, Arc<Parts>) -> Going + Clone + Send + Sync + 'static,
    Going: Future<Output = Result<Redirect>> + Send,
{
    let visited = move |State(sign_in): State<Arc<SignIn>>, request: Request| async move {
        let parts = Arc::new(request.into_parts().0);
        let outcome = visit(sign_in.clone(), parts.clone()).await;
        answer(&sign_in, &parts, path, outcome)
    };
    Router::new().route(path, get(visited)).with_state(sign_in.clone())
}

fn answer(sign_in: &SignIn, parts: &Parts, path: &'static str, outcome: Result<Redirect>) -> Response<Body> {
    let request_id = sign_in.env.id();
    let response = outcome.and_then(|Redirect { to, cookies }| {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::SEE_OTHER;
        let to = HeaderValue::from_str(&to).map_err(|_| error::broken("an address that cannot be sent"))?;
        let headers = response.headers_mut();
        headers.insert(LOCATION, to);
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie);
        }
        Ok(response)
    });
    let response = response.unwrap_or_else(|error| refuse(&error, request_id));
    tracing::info!(%request_id, operation = path, method = %parts.method, path, status = response.status().as_u16(), "request");
    response
}

/// A parameter of the address; empty when it is not there.
pub(super) fn parameter(parts: &Parts, name: &str) -> Result<String> {
    let pairs = parse_pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
    Ok(pairs.get(name).and_then(|value| value.as_str()).unwrap_or_default().to_owned())
}

/// The page of ours that somebody wanted, as a path. Other addresses are no pages of ours: nobody is sent there.
pub(super) fn own_path(wanted: &str, public_url: &str) -> Option<String> {
    let path = wanted.strip_prefix(public_url).unwrap_or(wanted);
    // What a browser reads as another host: //host, /\host, and control characters that it leaves out.
    let is_path = path.starts_with('/')
        && !path[1..].starts_with(['/', '\\'])
        && path.chars().all(|c| c.is_ascii_graphic() && c != '\\');
    is_path.then(|| path.to_owned())
}

/// An address of another system, with more parameters.
pub(super) fn with_parameters(address: &str, parameters: &[(&str, &str)]) -> Result<String> {
    let mut url = Url::parse(address).map_err(|trouble| error::broken(format!("an address to go to: {trouble}")))?;
    url.query_pairs_mut().extend_pairs(parameters);
    Ok(url.into())
}

/// The browser that came.
#[derive(Clone)]
pub(super) struct Visitor {
    pub(super) address: String,
    browser: String,
    /// The secret of the session that it has already.
    before: Option<String>,
}

impl Visitor {
    pub(super) fn of(sign_in: &SignIn, parts: &Parts) -> Visitor {
        let browser = parts.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
        Visitor {
            address: parts.extensions.get::<ClientAddress>().map_or_else(String::new, |client| client.0.to_string()),
            browser: browser.unwrap_or_default().to_owned(),
            before: sign_in.cookies.secret(&parts.headers).map(str::to_owned),
        }
    }

    /// Begins a session in it; the one that it had ends.
    pub(super) fn enter(&self, tx: &mut dyn Tx, env: &Env, user_id: Id, method: Method) -> Result<Secret> {
        if let Some(before) = &self.before {
            end_by_secret(tx, env, before)?;
        }
        let new = NewSession { user_id, method, address: &self.address, browser: &self.browser };
        Ok(create(tx, env, &new)?.1)
    }
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
