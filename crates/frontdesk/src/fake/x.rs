//! A stand-in for X: tokens that are good for once, posts and direct messages of any number of accounts, and webhooks that
//! are checked and signed as X does. An account is there once somebody has asked for it: `refresh-ID` is its first refresh
//! token.
//!
//! `PUT /_fake/accounts/ID` says where its webhooks go and with which secret; `POST /_fake/accounts/ID/check` asks the address
//! for its proof, and `POST /_fake/accounts/ID/events` sends deliveries there.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use base64::Engine;
use frontdesk_net::{AddressPolicy, Outbound, OutboundRequest};
use frontdesk_sources::x;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, answer, lock, nothing};

/// The service's own place, which this one stands in for.
pub(super) const ORIGINS: [&str; 2] = [x::API, x::FILES];
/// What the check asks.
const CHECK: &str = "stand-in";
/// For one delivery.
const HOOK_DEADLINE: Duration = Duration::from_secs(20);
/// The same delivery is sent so many times at most.
const TIMES_MAX: usize = 1_000;
/// Deliveries that are under way at once.
const AT_ONCE_MAX: usize = 64;

struct X {
    desk: Arc<Desk>,
    accounts: Mutex<HashMap<String, Account>>,
    outbound: Outbound,
}

#[derive(Default)]
struct Account {
    callback: String,
    secret: String,
    /// How many tokens were given out; only the last are good.
    tokens: u32,
    made: u64,
    posts: Vec<Value>,
    messages: Vec<Value>,
}

pub(super) fn router(desk: &Arc<Desk>) -> Result<Router, String> {
    let outbound = Outbound::new(AddressPolicy::everywhere())?;
    let state = Arc::new(X { desk: desk.clone(), accounts: Mutex::default(), outbound });
    Ok(Router::new()
        .route("/2/oauth2/token", post(token))
        .route("/2/users/me", get(me))
        .route("/2/tweets", post(write))
        .route("/2/tweets/{id}", delete(remove))
        .route("/2/tweets/{id}/hidden", put(hide))
        .route("/2/dm_conversations/with/{id}/messages", post(message))
        .route("/2/media/upload", post(upload))
        .route("/1.1/ton/data/dm/{message}/{file}", get(file))
        .route("/_fake/accounts/{account}", get(shown).put(set))
        .route("/_fake/accounts/{account}/check", post(check))
        .route("/_fake/accounts/{account}/events", post(send))
        .fallback(any(|method: Method, uri: http::Uri| async move { nothing(&method, uri.path()) }))
        .with_state(state))
}

/// A problem as the service tells it.
fn problem(status: u16, title: &str, detail: &str) -> Response {
    answer(status, &json!({ "type": "about:blank", "title": title, "detail": detail, "status": status }))
}

impl X {
    fn with<T>(&self, id: &str, work: impl FnOnce(&mut Account) -> T) -> T {
        work(lock(&self.accounts).entry(id.to_owned()).or_default())
    }

    /// Whose token it is; else the refusal.
    async fn admit(&self, operation: &str, headers: &HeaderMap) -> Result<String, Response> {
        let unauthorized = || problem(401, "Unauthorized", "Unauthorized");
        let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let parts = token.strip_prefix("Bearer access-").and_then(|rest| rest.rsplit_once('-'));
        let Some((id, number)) = parts else { return Err(unauthorized()) };
        let fault = self.desk.fault(operation, id).await;
        if self.with(id, |account| number != account.tokens.to_string()) {
            return Err(unauthorized());
        }
        let Some(fault) = fault else { return Ok(id.to_owned()) };
        Err(match fault.fault.as_str() {
            "rate_limited" => {
                let mut refused = problem(429, "Too Many Requests", "Too Many Requests");
                let reset = self.desk.env.now().plus_seconds(fault.seconds.ceil() as i64).micros() / 1_000_000;
                if let Ok(reset) = HeaderValue::from_str(&reset.to_string()) {
                    refused.headers_mut().insert("x-rate-limit-reset", reset);
                }
                refused
            }
            "expired_token" => {
                self.with(id, |account| account.tokens += 1000);
                unauthorized()
            }
            "not_mentioned" => problem(
                403,
                "Forbidden",
                "Reply to this conversation is not allowed because you have not been mentioned or otherwise engaged.",
            ),
            "recipient_gone" => problem(403, "Forbidden", "You cannot send messages to this user."),
            "hidden_error" => answer(200, &json!({ "errors": [{ "detail": "Could not find post." }] })),
            _ => problem(503, "Service Unavailable", "Over capacity."),
        })
    }

    async fn call(&self, method: Method, url: String, signature: Option<String>, body: Bytes) -> Option<(u16, Bytes)> {
        let mut headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_static("application/json"))];
        if let Some(signature) = signature.and_then(|text| HeaderValue::from_str(&text).ok()) {
            headers.push((HeaderName::from_static(x::SIGNATURE_HEADER), signature));
        }
        let request = OutboundRequest {
            method,
            url,
            headers,
            body,
            deadline: HOOK_DEADLINE,
            answer_bytes_max: 64 * 1024,
            verify_tls: true,
            http2: false,
        };
        let answer = self.outbound.send(request).await.ok()?;
        Some((answer.status.as_u16(), answer.body))
    }
}

async fn token(State(state): State<Arc<X>>, body: Bytes) -> Response {
    let pairs = frontdesk_rest::parse_pairs(&body).unwrap_or_default();
    let field = |name: &str| pairs.get(name).and_then(Value::as_str).unwrap_or_default();
    let refuse = |what: &str| {
        let told = format!("Value passed for the {what} was invalid.");
        answer(400, &json!({ "error": "invalid_request", "error_description": told }))
    };
    let is_code = field("grant_type") == "authorization_code";
    let told = match is_code {
        // The code names the account, and what the way to the service told of its verifier.
        true => field("code").strip_prefix("code-").and_then(|rest| rest.split_once('.')),
        false => {
            field("refresh_token").strip_prefix("refresh-").map(|rest| rest.split_once('.').unwrap_or((rest, "0")))
        }
    };
    let Some((id, rest)) = told else { return refuse("token") };
    if is_code {
        let hash = ring::digest::digest(&ring::digest::SHA256, field("code_verifier").as_bytes());
        if base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(hash) != rest || field("redirect_uri").is_empty() {
            return refuse("code verifier");
        }
    }
    if let Some(fault) = state.desk.fault("token", id).await {
        return match fault.fault.as_str() {
            "revoked" => answer(400, &json!({ "error": "invalid_request", "error_description": "Token was revoked." })),
            _ => answer(503, &json!({})),
        };
    }
    let given = state.with(id, |account| {
        // Each is good for once, and the access token may have been ended since.
        let is_last = account.tokens % 1000 == rest.parse::<u32>().unwrap_or(u32::MAX);
        (is_code || is_last).then(|| {
            account.tokens = account.tokens % 1000 + 1;
            account.tokens
        })
    });
    match given {
        Some(number) => answer(
            200,
            &json!({ "token_type": "bearer", "expires_in": 7200,
            "access_token": format!("access-{id}-{number}"), "refresh_token": format!("refresh-{id}.{number}") }),
        ),
        None => refuse("token"),
    }
}

async fn me(State(state): State<Arc<X>>, headers: HeaderMap) -> Response {
    match state.admit("users.me", &headers).await {
        Ok(id) => answer(
            200,
            &json!({ "data": { "id": id, "name": format!("Account {id}"), "username": format!("account{id}") } }),
        ),
        Err(refusal) => refusal,
    }
}

async fn write(State(state): State<Arc<X>>, headers: HeaderMap, body: Bytes) -> Response {
    let id = match state.admit("tweets.create", &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = asked["text"].as_str().unwrap_or_default();
    if text.is_empty() && !asked["media"].is_object() {
        return problem(400, "Invalid Request", "One or more parameters to your request was invalid.");
    }
    let told = state.with(&id, |account| {
        account.made += 1;
        let mut post = json!({ "id": format!("9000{}", account.made), "text": text });
        for name in ["reply", "media"] {
            if asked[name].is_object() {
                post[name] = asked[name].clone();
            }
        }
        account.posts.push(post.clone());
        post
    });
    answer(201, &json!({ "data": { "id": told["id"], "text": told["text"] } }))
}

/// Takes a picture.
async fn upload(State(state): State<Arc<X>>, headers: HeaderMap, body: Bytes) -> Response {
    let id = match state.admit("media.upload", &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let media = asked["media"].as_str().and_then(|text| base64::engine::general_purpose::STANDARD.decode(text).ok());
    let Some(media) = media.filter(|media| !media.is_empty() && asked["media_category"].is_string()) else {
        return problem(400, "Invalid Request", "One or more parameters to your request was invalid.");
    };
    let media_id = state.with(&id, |account| {
        account.made += 1;
        format!("7000{}", account.made)
    });
    answer(200, &json!({ "data": { "id": media_id, "media_key": format!("3_{media_id}"), "size": media.len() } }))
}

/// A file of a direct message, which only the account itself may see.
async fn file(State(state): State<Arc<X>>, headers: HeaderMap) -> Response {
    match state.admit("files.get", &headers).await {
        Ok(_) => ([(http::header::CONTENT_TYPE, "image/png")], &b"\x89PNG\r\n\x1a\n"[..]).into_response(),
        Err(refusal) => refusal,
    }
}

async fn remove(State(state): State<Arc<X>>, Path(post): Path<String>, headers: HeaderMap) -> Response {
    let id = match state.admit("tweets.delete", &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let was_there = state.with(&id, |account| {
        let before = account.posts.len();
        account.posts.retain(|known| known["id"] != json!(post));
        before != account.posts.len()
    });
    match was_there {
        true => answer(200, &json!({ "data": { "deleted": true } })),
        false => problem(404, "Not Found", "There is no such post of yours."),
    }
}

async fn hide(State(state): State<Arc<X>>, Path(_): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    match state.admit("tweets.hide", &headers).await {
        Ok(_) => {
            let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
            answer(200, &json!({ "data": { "hidden": asked["hidden"] } }))
        }
        Err(refusal) => refusal,
    }
}

async fn message(State(state): State<Arc<X>>, Path(to): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    let id = match state.admit("dm.create", &headers).await {
        Ok(id) => id,
        Err(refusal) => return refusal,
    };
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let event_id = state.with(&id, |account| {
        account.made += 1;
        let event_id = format!("8000{}", account.made);
        let mut message = json!({ "id": event_id, "to": to, "text": asked["text"] });
        if asked["attachments"].is_array() {
            message["attachments"] = asked["attachments"].clone();
        }
        account.messages.push(message);
        event_id
    });
    answer(201, &json!({ "data": { "dm_conversation_id": format!("{id}-{to}"), "dm_event_id": event_id } }))
}

/// Where an account's webhooks go.
#[derive(Deserialize)]
struct Set {
    callback: Option<String>,
    secret: Option<String>,
}

async fn set(State(state): State<Arc<X>>, Path(id): Path<String>, axum::Json(set): axum::Json<Set>) -> Response {
    state.with(&id, |account| {
        account.callback = set.callback.unwrap_or_else(|| std::mem::take(&mut account.callback));
        account.secret = set.secret.unwrap_or_else(|| std::mem::take(&mut account.secret));
    });
    StatusCode::NO_CONTENT.into_response()
}

async fn shown(State(state): State<Arc<X>>, Path(id): Path<String>) -> Response {
    let told = state.with(&id, |account| json!({ "posts": account.posts, "messages": account.messages }));
    answer(200, &told)
}

/// Asks the address for the proof that it knows the secret, as X does when a webhook is registered and ever after.
async fn check(State(state): State<Arc<X>>, Path(id): Path<String>) -> Response {
    let (callback, secret) = state.with(&id, |account| (account.callback.clone(), account.secret.clone()));
    let url = format!("{callback}?crc_token={CHECK}&nonce=1");
    let Some((status, body)) = state.call(Method::GET, url, None, Bytes::new()).await else {
        return answer(200, &json!({ "valid": false }));
    };
    let told: Value = serde_json::from_slice(&body).unwrap_or_default();
    let valid = status == 200 && told["response_token"] == json!(x::signature(&secret, CHECK.as_bytes()));
    answer(200, &json!({ "valid": valid, "status": status }))
}

/// Deliveries to be sent.
#[derive(Deserialize)]
struct Send {
    /// Each is a body as X would send it.
    deliveries: Vec<Value>,
    /// `right`, `wrong`, `sha1` or `none`.
    #[serde(default = "right")]
    signature: String,
    /// How many times each is sent, at once.
    #[serde(default = "once")]
    times: usize,
    /// The last one first.
    #[serde(default)]
    reversed: bool,
}

fn right() -> String {
    "right".into()
}

fn once() -> usize {
    1
}

async fn send(State(state): State<Arc<X>>, Path(id): Path<String>, axum::Json(send): axum::Json<Send>) -> Response {
    let (callback, secret) = state.with(&id, |account| (account.callback.clone(), account.secret.clone()));
    let mut deliveries = send.deliveries;
    if send.reversed {
        deliveries.reverse();
    }
    let mut statuses = Vec::new();
    for delivery in deliveries {
        let body = Bytes::from(delivery.to_string());
        let signature = match send.signature.as_str() {
            "right" => Some(x::signature(&secret, &body)),
            "wrong" => Some(x::signature("somebody else's", &body)),
            "sha1" => {
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
                let signed = ring::hmac::sign(&key, &body);
                Some(format!("sha1={}", base64::engine::general_purpose::STANDARD.encode(signed)))
            }
            _ => None,
        };
        let mut left = send.times.min(TIMES_MAX);
        while left > 0 {
            let now = left.min(AT_ONCE_MAX);
            left -= now;
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..now {
                let (state, callback, signature, body) =
                    (state.clone(), callback.clone(), signature.clone(), body.clone());
                tasks.spawn(async move { state.call(Method::POST, callback, signature, body).await });
            }
            while let Some(sent) = tasks.join_next().await {
                statuses.push(sent.ok().flatten().map_or(0, |(status, _)| status));
            }
        }
    }
    answer(200, &json!({ "statuses": statuses }))
}
