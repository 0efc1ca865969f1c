//! Stand-ins for services that sources connect to: each speaks its service's wire format at a local address, remembers what
//! it was asked and fails on demand. They prove sources in tests, and serve integrators who have no account to try with;
//! they prove nothing about the services themselves.

mod facebook;
mod x;
mod youtube;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use frontdesk_model::Env;
use frontdesk_net::InboundLimits;
use http::{Method, StatusCode};
use http_body_util::{BodyExt, Limited};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// Requests that are remembered; older ones are forgotten.
const REQUESTS_MAX: usize = 2_000;
/// Bytes of a request.
const BODY_BYTES_MAX: usize = 4 << 20;
/// Where people and tests say what is to happen; everything else is the service's.
const CONTROL: &str = "/_fake/";

/// A service that can be stood in for.
#[derive(clap::ValueEnum, Clone, Copy, Debug)]
pub(crate) enum Service {
    /// Facebook: the Graph API of pages and Messenger, and their webhooks
    Facebook,
    /// X: tokens, posts, direct messages, and their webhooks
    X,
    /// YouTube: Data API, tokens and news of videos
    Youtube,
}

/// Stands in for a service until the process is stopped.
pub(crate) async fn run(service: Service, listen: SocketAddr, env: Env) -> Result<(), String> {
    let listener = TcpListener::bind(listen).await.map_err(|error| format!("listen: {listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("listen: {error}"))?;
    let desk = Arc::new(Desk { env, ..Desk::new() });
    let (name, origins, router) = match service {
        Service::Facebook => ("Facebook", &facebook::ORIGINS[..], facebook::router(&desk)?),
        Service::X => ("X", &x::ORIGINS[..], x::router(&desk)?),
        Service::Youtube => ("YouTube", &youtube::ORIGINS[..], youtube::router(&desk)),
    };
    let flags: Vec<String> = origins.iter().map(|origin| format!("--stand-in {origin}=http://{address}")).collect();
    crate::print(&format!(
        "The stand-in for {name} is at http://{address}\nLead a server to it with: --allow-outbound 127.0.0.0/8 {}\n",
        flags.join(" ")
    ))?;
    let router = router.merge(desk.router()).layer(axum::middleware::from_fn_with_state(desk.clone(), remember));
    frontdesk_net::serve(listener, router, InboundLimits::default(), Vec::new(), std::future::pending()).await;
    Ok(())
}

/// What every stand-in has: what it was asked, and how it is to fail.
struct Desk {
    env: Env,
    asked: Mutex<VecDeque<Asked>>,
    faults: Mutex<Vec<Fault>>,
}

/// A request as it came.
#[derive(Clone, Serialize)]
struct Asked {
    method: String,
    /// Path and query.
    target: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// How the service is to fail.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Fault {
    /// What: a word that the service's stand-in knows; `slow` and `server_error` all know.
    fault: String,
    /// Only calls of this operation, such as `comments.insert`; all when absent.
    #[serde(default)]
    operation: Option<String>,
    /// Only calls of this account; of all when absent.
    #[serde(default)]
    account: Option<String>,
    /// How many times; once when absent.
    #[serde(default = "once")]
    times: u32,
    /// Seconds: how slow, or when to come again.
    #[serde(default)]
    seconds: f64,
    /// What is answered, where the fault is `answer`.
    #[serde(default)]
    body: Value,
}

fn once() -> u32 {
    1
}

impl Desk {
    fn new() -> Desk {
        let env = Env::new(|| frontdesk_model::Timestamp::from_micros(0), |_| ());
        Desk { env, asked: Mutex::default(), faults: Mutex::default() }
    }

    fn router(self: &Arc<Desk>) -> Router {
        Router::new()
            .route("/_fake/requests", get(requests).delete(forget))
            .route("/_fake/faults", get(faults).post(add_fault).delete(mend))
            .with_state(self.clone())
    }

    /// The fault that this call meets; it is used up by it. Slowness is spent here.
    async fn fault(&self, operation: &str, account: &str) -> Option<Fault> {
        let met = {
            let mut faults = lock(&self.faults);
            let fits = |fault: &Fault| {
                fault.operation.as_deref().is_none_or(|wanted| wanted == operation)
                    && fault.account.as_deref().is_none_or(|wanted| wanted == account)
            };
            let at = faults.iter().position(fits)?;
            let met = faults[at].clone();
            faults[at].times -= 1;
            faults.retain(|fault| fault.times > 0);
            met
        };
        if met.fault == "slow" {
            tokio::time::sleep(Duration::from_secs_f64(met.seconds.clamp(0.0, 600.0))).await;
            return None;
        }
        Some(met)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Remembers what came, except what people and tests say.
async fn remember(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    if request.uri().path().starts_with(CONTROL) {
        return next.run(request).await;
    }
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES_MAX).collect().await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let body: Bytes = body.to_bytes();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let asked = Asked {
        method: head.method.to_string(),
        target: head.uri.to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect(),
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    {
        let mut all = lock(&desk.asked);
        all.push_back(asked);
        if all.len() > REQUESTS_MAX {
            all.pop_front();
        }
    }
    next.run(Request::from_parts(head, Body::from(body))).await
}

async fn requests(State(desk): State<Arc<Desk>>) -> Response {
    let all: Vec<Asked> = lock(&desk.asked).iter().cloned().collect();
    axum::Json(all).into_response()
}

async fn forget(State(desk): State<Arc<Desk>>) -> Response {
    lock(&desk.asked).clear();
    StatusCode::NO_CONTENT.into_response()
}

async fn faults(State(desk): State<Arc<Desk>>) -> Response {
    let all: Vec<Fault> = lock(&desk.faults).clone();
    axum::Json(all).into_response()
}

async fn add_fault(State(desk): State<Arc<Desk>>, axum::Json(fault): axum::Json<Fault>) -> Response {
    if fault.times > 0 {
        lock(&desk.faults).push(fault);
    }
    StatusCode::NO_CONTENT.into_response()
}

async fn mend(State(desk): State<Arc<Desk>>) -> Response {
    lock(&desk.faults).clear();
    StatusCode::NO_CONTENT.into_response()
}

/// An answer in JSON.
fn answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, axum::Json(body.clone())).into_response()
}

/// What is not a service's.
fn nothing(method: &Method, path: &str) -> Response {
    answer(404, &json!({ "error": { "code": 404, "message": format!("{method} {path} is not stood in for") } }))
}
