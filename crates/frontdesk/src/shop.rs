//! The shop of `examples/shop`: a website with the chat in it, served beside the example conversations. What is here is its
//! own small server: it knows two customers, remembers who has signed in, and signs who they are for the chat. It uses
//! nothing but what any website has: a source's token, and a key of its community.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use frontdesk_conversations::Conversations;
use frontdesk_model::{Error, Result, error, hex};
use frontdesk_rest::{parse_pairs, refuse};
use frontdesk_store::{Seal, args};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use ring::hmac;
use serde_json::{Value, json};

/// What the source of the shop's chat is called.
pub(crate) const SOURCE: &str = "Kettle shop website";
/// By which the community knows the shop's key.
pub(crate) const KEY_ID: &str = "shop";
/// For how long a signature holds; the chat asks for more than an hour.
const SIGNED_SECONDS: i64 = 2 * 60 * 60;
const FORM_BYTES_MAX: usize = 1_024;
/// Far more than what an agent writes takes.
const PUSH_BYTES_MAX: usize = 1 << 20;
const COOKIE: &str = "kettle_customer";

const PAGE: &str = include_str!("../../../examples/shop/page.html");
const SIGNED_IN: &str = "<!-- The shop's server writes here who has signed in. -->";
const FILES: [(&str, &str, &str); 3] = [
    ("shop.js", "text/javascript; charset=utf-8", include_str!("../../../examples/shop/shop.js")),
    ("shop.css", "text/css; charset=utf-8", include_str!("../../../examples/shop/shop.css")),
    ("icon.svg", "image/svg+xml", include_str!("../../../examples/shop/icon.svg")),
];
/// The snippet stands in the page, and pictures say their colours.
const POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; base-uri 'none'; object-src 'none'; form-action 'self'; frame-ancestors 'self'";

/// A customer of the shop. Nobody has a password: it is a demonstration.
struct Customer {
    id: &'static str,
    firstname: &'static str,
    lastname: &'static str,
    email: &'static str,
}

const CUSTOMERS: [Customer; 2] = [
    Customer { id: "vera", firstname: "Vera", lastname: "Visitor", email: "vera@example.com" },
    Customer { id: "marc", firstname: "Marc", lastname: "Martin", email: "marc@example.com" },
];

/// The key that the shop shares with the community: 24 hexadecimal digits, the same after every start.
pub(crate) fn key(seal: &Seal) -> String {
    hex::encode(&seal.derive("demo shop")[..12])
}

/// The routes.
pub(crate) fn router(app: &Arc<Conversations>) -> Router {
    Router::new()
        .route("/shop", get(|| async { Redirect::permanent("/shop/") }))
        .route("/shop/", get(home))
        .route("/shop/messages", post(messages))
        .route("/shop/{*path}", get(serve).post(sign_in))
        .with_state(app.clone())
}

async fn home(State(app): State<Arc<Conversations>>, headers: HeaderMap) -> Response {
    answer(&app, page(&app, &headers).await)
}

async fn serve(State(app): State<Arc<Conversations>>, Path(path): Path<String>, headers: HeaderMap) -> Response {
    match FILES.into_iter().find(|(name, _, _)| *name == path) {
        Some((_, kind, text)) => {
            ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "public, max-age=60")], text).into_response()
        }
        None => answer(&app, page(&app, &headers).await),
    }
}

fn answer(app: &Conversations, outcome: Result<Response>) -> Response {
    outcome.unwrap_or_else(|trouble: Error| refuse(&trouble, app.env.id()))
}

/// Every page is the same document: its script shows what its address says.
async fn page(app: &Conversations, headers: &HeaderMap) -> Result<Response> {
    let token: Option<String> = app
        .store
        .read(|tx| {
            let sql =
                "SELECT widget_token FROM sources WHERE name = $1 AND type = 'mobile_messaging' ORDER BY id LIMIT 1";
            tx.first(sql, args![SOURCE])?.map(|row| row.get(0)).transpose()
        })
        .await?;
    let customer = customer(headers).map_or(String::new(), |customer| {
        let Customer { firstname, lastname, .. } = customer;
        let shown = json!({ "firstname": firstname, "lastname": lastname });
        let jwt = sign(&key(&app.seal), customer, app.env.now().plus_seconds(SIGNED_SECONDS).micros() / 1_000_000);
        format!("<script>window.customer = {shown}; _chatq.push(['_setSignedIdentity', '{jwt}']);</script>")
    });
    let text = PAGE.replace("WIDGET_TOKEN", token.as_deref().unwrap_or("none")).replace(SIGNED_IN, &customer);
    let told = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    Ok((told, text).into_response())
}

/// Who has signed in with this browser.
fn customer(headers: &HeaderMap) -> Option<&'static Customer> {
    let cookies = headers.get(header::COOKIE)?.to_str().ok()?;
    let id = cookies.split(';').find_map(|cookie| cookie.trim().strip_prefix(COOKIE)?.strip_prefix('='))?;
    CUSTOMERS.iter().find(|customer| customer.id == id)
}

/// What the chat takes as a proof of who somebody is: a JSON Web Token.
fn sign(key: &str, customer: &Customer, expires_at: i64) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let Customer { id, firstname, lastname, email } = customer;
    let head = part(json!({ "alg": "HS256", "typ": "JWT", "kid": KEY_ID }));
    let claims = json!({
        "uuid": id, "exp": expires_at, "firstname": firstname, "lastname": lastname, "email": email,
    });
    let signed = format!("{head}.{}", part(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()), signed.as_bytes());
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

async fn sign_in(State(app): State<Arc<Conversations>>, Path(path): Path<String>, request: Request<Body>) -> Response {
    let body = Limited::new(request.into_body(), FORM_BYTES_MAX).collect().await;
    let outcome = match (path.as_str(), body) {
        ("account", Ok(body)) => parse_pairs(&body.to_bytes()).map(|form| {
            let id = form.get("customer").and_then(Value::as_str).unwrap_or_default();
            let known = CUSTOMERS.iter().find(|customer| customer.id == id);
            let (id, seconds) = known.map_or(("", 0), |customer| (customer.id, 86_400));
            let cookie = format!("{COOKIE}={id}; Path=/shop; Max-Age={seconds}; HttpOnly; SameSite=Lax");
            let told = [(header::SET_COOKIE, cookie), (header::LOCATION, "/shop/account".to_owned())];
            (StatusCode::SEE_OTHER, told).into_response()
        }),
        ("account", Err(_)) => Err(error::bad_request("The form cannot be read.")),
        _ => Err(error::not_found("page")),
    };
    answer(&app, outcome)
}

/// Where the answers go that agents write to the example messages, by the Channel SDK. The shop keeps none of them, so it does
/// not ask who sends.
async fn messages(State(app): State<Arc<Conversations>>, request: Request<Body>) -> Response {
    let body = Limited::new(request.into_body(), PUSH_BYTES_MAX).collect().await;
    let asked: Value = body.ok().and_then(|body| serde_json::from_slice(&body.to_bytes()).ok()).unwrap_or_default();
    let answered = match (asked["action"].as_str(), asked["params"]["content_id"].as_str()) {
        (Some("implementation.info"), _) => {
            let nouns = ["messages", "private_messages", "threads"];
            let objects: serde_json::Map<_, _> =
                nouns.map(|noun| (noun.to_owned(), json!(["create"]))).into_iter().collect();
            let options = nouns.map(|noun| [format!("{noun}.text"), format!("{noun}.attachments")]).concat();
            Ok(json!({ "objects": objects, "options": options }))
        }
        (Some(action), Some(content_id)) if action.ends_with(".create") => {
            Ok(json!({ "id": format!("shop-{content_id}") }))
        }
        _ => Err(error::bad_request("The shop takes what is created.")),
    };
    answer(&app, answered.map(|value| axum::Json(value).into_response()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_the_places_that_are_filled_in() {
        assert!(PAGE.contains(SIGNED_IN) && PAGE.contains("/chat/WIDGET_TOKEN/loader.js"));
        let headers = |cookie: &str| HeaderMap::from_iter([(header::COOKIE, cookie.parse().unwrap())]);
        for (cookie, expected) in [
            ("kettle_customer=vera", Some("vera")),
            ("a=b; kettle_customer=marc", Some("marc")),
            ("kettle_customer=", None),
            ("kettle_customer=mallory", None),
            ("not_kettle_customer=vera", None),
        ] {
            assert_eq!(customer(&headers(cookie)).map(|customer| customer.id), expected, "{cookie}");
        }
    }
}
