//! A stand-in for Facebook: the Graph API of any number of pages with their Messenger, and webhooks signed as Facebook signs
//! them. A page is there once somebody has asked for it: `page-ID` is its token, and so is `page-ID.anything`.
//!
//! `PUT /_fake/pages/ID` says where its webhooks go and how it echoes; `POST /_fake/pages/ID/events` sends some, once or
//! more often, in order or against it, with a right or a wrong signature.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, post, put};
use frontdesk_net::{AddressPolicy, Outbound, OutboundRequest};
use frontdesk_sources::ingress::hmac_sha256_hex;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, answer, lock, nothing};

/// Facebook's own places, which this one stands in for.
pub(super) const ORIGINS: [&str; 1] = [frontdesk_sources::FACEBOOK_API];
/// For one webhook.
const HOOK_DEADLINE: Duration = Duration::from_secs(20);
/// Webhooks of one order that are sent at once.
const AT_ONCE_MAX: usize = 64;

struct Facebook {
    desk: Arc<Desk>,
    pages: Mutex<HashMap<String, Page>>,
    outbound: Outbound,
}

#[derive(Clone, Default)]
struct Page {
    callback: String,
    secret: String,
    app_id: String,
    echo: Echo,
    /// How many things were made.
    made: u64,
    /// Which app has which customer's conversation; ours where none is named.
    owners: HashMap<String, String>,
    /// Who customers are, as their profiles say.
    profiles: HashMap<String, Value>,
    subscribed: bool,
}

/// When a message that was sent is told back.
#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
#[serde(rename_all = "snake_case")]
enum Echo {
    #[default]
    Never,
    Before,
    After,
}

pub(super) fn router(desk: &Arc<Desk>) -> Result<Router, String> {
    let outbound = Outbound::new(AddressPolicy::everywhere())?;
    let facebook = Arc::new(Facebook { desk: desk.clone(), pages: Mutex::default(), outbound });
    Ok(Router::new()
        .route("/_fake/pages/{page}", put(set))
        .route("/_fake/pages/{page}/events", post(send))
        .route("/_fake/pages/{page}/owners", put(own))
        .route("/_fake/pages/{page}/profiles/{customer}", put(known))
        .route("/{version}/oauth/access_token", post(token))
        .route("/{version}/me/accounts", any(accounts))
        .route("/{version}/{id}", any(object))
        .route("/{version}/{id}/{edge}", any(edge))
        .fallback(|method: Method, uri: http::Uri| async move { nothing(&method, uri.path()) })
        .with_state(facebook))
}

/// An error as the Graph API tells it.
fn refuse(status: u16, code: i64, subcode: i64, message: &str) -> Response {
    let error = json!({ "message": format!("(#{code}) {message}"), "type": "OAuthException", "code": code,
                        "error_subcode": subcode, "fbtrace_id": "stand-in" });
    answer(status, &json!({ "error": error }))
}

impl Facebook {
    fn with<T>(&self, page: &str, act: impl FnOnce(&mut Page) -> T) -> T {
        act(lock(&self.pages).entry(page.to_owned()).or_default())
    }

    /// Whose token it is, and whether the answer gets lost on its way; else the fault that the call meets.
    async fn admit(&self, operation: &str, headers: &HeaderMap) -> Result<(String, bool), Response> {
        let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let page = token.and_then(|token| token.strip_prefix("Bearer page-"));
        let Some(page) = page.map(|page| page.split('.').next().unwrap_or(page).to_owned()) else {
            return Err(refuse(401, 190, 0, "Invalid OAuth access token."));
        };
        let Some(fault) = self.desk.fault(operation, &page).await else { return Ok((page, false)) };
        Err(match fault.fault.as_str() {
            "rate_limit" => {
                let mut refused = refuse(400, 613, 0, "Calls to this api have exceeded the rate limit.");
                let seconds = HeaderValue::from_str(&format!("{:.0}", fault.seconds.max(1.0)));
                seconds
                    .into_iter()
                    .for_each(|seconds| drop(refused.headers_mut().insert(header::RETRY_AFTER, seconds)));
                refused
            }
            "expired_token" => refuse(401, 190, 463, "Session has expired."),
            "missing_right" => refuse(403, 200, 0, "Requires pages_messaging permission."),
            "window_closed" => refuse(400, 10, 2_018_278, "This message is sent outside of allowed window."),
            "recipient_gone" => refuse(400, 551, 0, "This person isn't available right now."),
            "invalid" => refuse(400, 100, 0, "Param message must be a string."),
            // It was done, and nobody says so.
            "lost_answer" => return Ok((page, true)),
            _ => refuse(500, 2, 0, "Service temporarily unavailable."),
        })
    }

    async fn tell(&self, page: &Page, body: &Value, signature: Signed) -> Option<u16> {
        if page.callback.is_empty() {
            return None;
        }
        // As Facebook writes it: everything beyond ASCII escaped, and signed like that.
        let body: String = body.to_string().chars().fold(String::new(), |mut text, c| {
            if c.is_ascii() {
                text.push(c);
            } else {
                let mut units = [0; 2];
                text.extend(c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")));
            }
            text
        });
        let (name, value) = match signature {
            Signed::Right => {
                ("x-hub-signature-256", format!("sha256={}", hmac_sha256_hex(page.secret.as_bytes(), body.as_bytes())))
            }
            Signed::Wrong => ("x-hub-signature-256", format!("sha256={}", hmac_sha256_hex(b"wrong", body.as_bytes()))),
            Signed::Sha1 => ("x-hub-signature", "sha1=2fd4e1c67a2d28fced849ee1bb76e7391b93eb12".into()),
            Signed::Not => ("x-unsigned", "1".into()),
        };
        let headers = vec![
            (header::CONTENT_TYPE, HeaderValue::from_static("application/json")),
            (HeaderName::from_static(name), HeaderValue::try_from(value).ok()?),
        ];
        let request = OutboundRequest {
            method: Method::POST,
            url: page.callback.clone(),
            headers,
            body: body.into(),
            deadline: HOOK_DEADLINE,
            answer_bytes_max: 64 * 1024,
            verify_tls: true,
            http2: false,
        };
        Some(self.outbound.send(request).await.ok()?.status.as_u16())
    }

    fn messaging(&self, page_id: &str, item: &Value) -> Value {
        let time = self.desk.env.now().micros() / 1_000;
        json!({ "object": "page", "entry": [{ "id": page_id, "time": time, "messaging": [item] }] })
    }
}

/// A code, or a token that is to last, for a token of the person.
async fn token(body: Bytes) -> Response {
    let fields: HashMap<String, String> = form_urlencoded(&body);
    let field = |name: &str| fields.get(name).map_or("", String::as_str);
    let page = field("code").strip_prefix("code-").or_else(|| field("fb_exchange_token").strip_prefix("user-"));
    match page {
        Some(page) if !field("client_id").is_empty() && !field("client_secret").is_empty() => {
            answer(200, &json!({ "access_token": format!("user-{page}"), "token_type": "bearer" }))
        }
        _ => refuse(400, 100, 36_009, "This authorization code has been used or is wrong."),
    }
}

fn form_urlencoded(body: &[u8]) -> HashMap<String, String> {
    let pairs = frontdesk_rest::parse_pairs(body).unwrap_or_default();
    pairs.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned()))).collect()
}

async fn accounts(headers: HeaderMap) -> Response {
    let token = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match token.and_then(|token| token.strip_prefix("Bearer user-")) {
        Some(page) => {
            answer(200, &json!({ "data": [{ "id": page, "access_token": format!("page-{page}.connected") }] }))
        }
        None => refuse(401, 190, 0, "Invalid OAuth access token."),
    }
}

/// Whether this is neither the page whose token it is nor whoever that is.
fn is_customers(token: &HeaderValue, id: &str) -> bool {
    let page = token.to_str().ok().and_then(|token| token.strip_prefix("Bearer page-")).unwrap_or_default();
    id != "me" && page.split('.').next() != Some(id)
}

async fn object(
    State(state): State<Arc<Facebook>>,
    Path((_, id)): Path<(String, String)>,
    method: Method,
    headers: HeaderMap,
) -> Response {
    let operation = match method {
        Method::GET if headers.get(header::AUTHORIZATION).is_some_and(|token| is_customers(token, &id)) => "profile",
        Method::GET => "read",
        Method::DELETE => "delete",
        _ => "update",
    };
    let page = match state.admit(operation, &headers).await {
        Ok((page, _)) => page,
        Err(refused) => return refused,
    };
    match method {
        Method::GET if id == page || id == "me" => answer(200, &json!({ "id": page, "name": format!("Page {page}") })),
        Method::GET => match state.with(&page, |page| page.profiles.get(&id).cloned()) {
            Some(profile) => answer(200, &profile),
            None => refuse(400, 100, 33, "Object does not exist."),
        },
        _ => answer(200, &json!({ "success": true })),
    }
}

async fn edge(
    State(state): State<Arc<Facebook>>,
    Path((_, id, edge)): Path<(String, String, String)>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (page, is_lost) = match state.admit(&edge, &headers).await {
        Ok(admitted) => admitted,
        Err(refused) => return refused,
    };
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let customer = told["recipient"]["id"].as_str().unwrap_or_default().to_owned();
    let answered = match (method, edge.as_str()) {
        (Method::POST, "comments") => {
            let made = state.with(&page, next);
            answer(200, &json!({ "id": format!("{}_9{made}", id.rsplit('_').next().unwrap_or(&id)) }))
        }
        (Method::POST, "likes") => answer(200, &json!({ "success": true })),
        (Method::POST, "messages") if id == page => message(state, page, customer, told).await,
        (Method::POST, "take_thread_control") => {
            state.with(&page, |page| page.owners.remove(&customer));
            answer(200, &json!({ "success": true }))
        }
        (Method::POST, "pass_thread_control") => {
            let app = told["target_app_id"].as_str().unwrap_or_default().to_owned();
            state.with(&page, |page| page.owners.insert(customer, app));
            answer(200, &json!({ "success": true }))
        }
        (Method::POST, "request_thread_control" | "release_thread_control") => answer(200, &json!({ "success": true })),
        (Method::GET, "subscribed_apps") => {
            let apps = state.with(&page, |page| {
                let app = json!({ "id": page.app_id, "subscribed_fields": ["feed", "messages"] });
                if page.subscribed { vec![app] } else { Vec::new() }
            });
            answer(200, &json!({ "data": apps }))
        }
        (Method::POST, "subscribed_apps") => {
            state.with(&page, |page| page.subscribed = true);
            answer(200, &json!({ "success": true }))
        }
        (method, _) => nothing(&method, &edge),
    };
    if is_lost { refuse(500, 2, 0, "Service temporarily unavailable.") } else { answered }
}

fn next(page: &mut Page) -> u64 {
    page.made += 1;
    page.made
}

async fn message(state: Arc<Facebook>, page_id: String, customer: String, told: Value) -> Response {
    if told["sender_action"].is_string() {
        return answer(200, &json!({ "recipient_id": customer }));
    }
    let (page, mid, is_elsewhere) = state.with(&page_id, |page| {
        let is_elsewhere = page.owners.get(&customer).is_some_and(|owner| *owner != page.app_id);
        let made = next(page);
        (page.clone(), format!("m_{page_id}_{made}"), is_elsewhere)
    });
    if is_elsewhere {
        return refuse(403, 10, 2_018_300, "Another app is controlling this thread now.");
    }
    let mut message = json!({ "mid": mid, "is_echo": true, "app_id": page.app_id });
    for name in ["text", "metadata"] {
        if told["message"][name].is_string() {
            message[name] = told["message"][name].clone();
        }
    }
    let item = json!({
        "sender": { "id": page_id }, "recipient": { "id": customer }, "message": message,
        "timestamp": state.desk.env.now().micros() / 1_000,
    });
    let echo = state.messaging(&page_id, &item);
    match page.echo {
        Echo::Never => {}
        Echo::Before => drop(state.tell(&page, &echo, Signed::Right).await),
        Echo::After => {
            let state = state.clone();
            tokio::spawn(async move { state.tell(&page, &echo, Signed::Right).await });
        }
    }
    answer(200, &json!({ "recipient_id": customer, "message_id": mid }))
}

/// How a page is to be: what is absent stays.
#[derive(Deserialize)]
struct Set {
    callback: Option<String>,
    secret: Option<String>,
    app_id: Option<String>,
    echo: Option<Echo>,
}

async fn set(State(state): State<Arc<Facebook>>, Path(id): Path<String>, axum::Json(set): axum::Json<Set>) -> Response {
    state.with(&id, |page| {
        page.callback = set.callback.unwrap_or_else(|| page.callback.clone());
        page.secret = set.secret.unwrap_or_else(|| page.secret.clone());
        page.app_id = set.app_id.unwrap_or_else(|| page.app_id.clone());
        page.echo = set.echo.unwrap_or(page.echo);
    });
    StatusCode::NO_CONTENT.into_response()
}

/// Who has a customer's conversation.
#[derive(Deserialize)]
struct Owner {
    customer: String,
    app_id: String,
}

async fn own(
    State(state): State<Arc<Facebook>>,
    Path(id): Path<String>,
    axum::Json(owner): axum::Json<Owner>,
) -> Response {
    state.with(&id, |page| page.owners.insert(owner.customer, owner.app_id));
    StatusCode::NO_CONTENT.into_response()
}

/// Says who a customer is: what is asked for of them is answered with this.
async fn known(
    State(state): State<Arc<Facebook>>,
    Path((id, customer)): Path<(String, String)>,
    axum::Json(profile): axum::Json<Value>,
) -> Response {
    state.with(&id, |page| page.profiles.insert(customer, profile));
    StatusCode::NO_CONTENT.into_response()
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Signed {
    #[default]
    Right,
    Wrong,
    Sha1,
    Not,
}

/// Webhooks to send.
#[derive(Deserialize)]
struct Events {
    /// Their bodies, each as Facebook's.
    bodies: Vec<Value>,
    #[serde(default)]
    signature: Signed,
    /// How often each, at once.
    #[serde(default = "one")]
    times: usize,
    /// The last first.
    #[serde(default)]
    reversed: bool,
}

fn one() -> usize {
    1
}

/// Sends webhooks and tells how each was answered; 0 where no answer came.
async fn send(
    State(state): State<Arc<Facebook>>,
    Path(id): Path<String>,
    axum::Json(events): axum::Json<Events>,
) -> Response {
    let page = state.with(&id, |page| page.clone());
    let mut bodies = events.bodies;
    if events.reversed {
        bodies.reverse();
    }
    let mut statuses = Vec::new();
    for body in &bodies {
        let mut left = events.times.min(10_000);
        while left > 0 {
            let some = left.min(AT_ONCE_MAX);
            let mut sent = tokio::task::JoinSet::new();
            for _ in 0..some {
                let (state, page, body, signature) = (state.clone(), page.clone(), body.clone(), events.signature);
                sent.spawn(async move { state.tell(&page, &body, signature).await });
            }
            statuses.extend(sent.join_all().await.into_iter().map(|status| status.unwrap_or(0)));
            left -= some;
        }
    }
    answer(200, &json!({ "statuses": statuses }))
}
