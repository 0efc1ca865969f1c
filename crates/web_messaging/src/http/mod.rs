//! The published protocol over HTTP: `/chat/{token}/…` (docs/integrator/web-messaging-protocol.md). Here are its addresses;
//! what each does is in a file for each thing that it is about.

mod contents;
mod pages;
mod questions;
mod sessions;
mod stream;
mod threads;
mod unsubscribing;
mod visit;
mod whereabouts;

use std::sync::Arc;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use frontdesk_model::{Error, Id, Result, error};
use frontdesk_rest::{ClientAddress, refuse};
use http::{HeaderValue, Method, StatusCode, header};

use crate::WebMessaging;
use visit::Visit;

/// Seconds for which the answer to a preflight holds.
const PREFLIGHT_SECONDS: &str = "600";

/// The routes.
pub(crate) fn router(app: &Arc<WebMessaging>) -> Router {
    Router::new()
        .route("/chat/{token}/unsubscribe", any(unsubscribing::unsubscribe))
        .route("/chat/{token}/{*rest}", any(serve))
        .route("/webview/sdk.js", any(pages::webview))
        .with_state(app.clone())
}

async fn serve(State(app): State<Arc<WebMessaging>>, request: Request) -> Response {
    let (started, request_id) = (Instant::now(), app.desk.env.id());
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let mut segments: Vec<&str> = path.split('/').skip(2).collect();
    let token = if segments.is_empty() { String::new() } else { segments.remove(0).to_owned() };
    let client = ClientAddress::of(&parts);
    let (method, headers) = (parts.method.clone(), parts.headers.clone());
    let mut visit = Visit { app, token, parts, request_id, client };
    let operation = segments.first().copied().unwrap_or_default().to_owned();
    let open = matches!(named(&operation), "loader.js" | "window" | "web" | "try" | "demo" | "style");
    let (allowed, outcome) = if let Err(refusal) = visit.admit(&visit.app.limits.of_network.requests, &visit.network())
    {
        (None, Err(refusal))
    } else if open {
        (None, visit.page(&operation).await)
    } else {
        match visit.enter().await {
            Ok(origin) if method == Method::OPTIONS => (origin, Ok(preflight())),
            Ok(origin) => (origin, visit.command(&segments, body).await),
            Err(refusal) => (None, Err(refusal)),
        }
    };
    let mut response = outcome.unwrap_or_else(|error| refuse(&error, request_id));
    // By the token alone nobody is told about: it names no visitor.
    response.headers_mut().remove(header::WWW_AUTHENTICATE);
    if let Some(origin) = allowed.and_then(|origin| HeaderValue::from_str(&origin).ok()) {
        response.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    if !open {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("Origin"));
    }
    tracing::info!(
        %request_id,
        operation = named(&operation),
        %method,
        path = "/chat/{token}",
        status = response.status().as_u16(),
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        client = visit.client.map(|client| tracing::field::display(client.0)),
        upgrade = headers.contains_key(header::UPGRADE),
        "request"
    );
    response
}

/// What strangers make up does not get into the log.
fn named(operation: &str) -> &'static str {
    const KNOWN: [&str; 15] = [
        "loader.js",
        "window",
        "web",
        "try",
        "demo",
        "session",
        "contents",
        "threads",
        "attachments",
        "stream",
        "availability",
        "status",
        "page",
        "email",
        "devices",
    ];
    if theme_hash(operation).is_some() {
        return "style";
    }
    KNOWN.into_iter().find(|known| *known == operation).unwrap_or("none")
}

/// The hash in the address of a source's style sheet.
fn theme_hash(operation: &str) -> Option<&str> {
    operation.strip_prefix("style-")?.strip_suffix(".css")
}

fn preflight() -> Response {
    let headers = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT, DELETE"),
        (header::ACCESS_CONTROL_ALLOW_HEADERS, "Authorization, Content-Type"),
        (header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_SECONDS),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn no_such_page() -> Error {
    error::not_found("page")
}

impl Visit {
    async fn command(&mut self, segments: &[&str], body: Body) -> Result<Response> {
        let method = self.parts.method.as_str().to_owned();
        let id = |text: &str| text.parse::<Id>().map_err(|_| error::not_found("thread"));
        match (method.as_str(), segments) {
            ("POST", ["session"]) => self.begin(body).await,
            ("PUT", ["session"]) => self.identify(body).await,
            ("DELETE", ["session"]) => self.leave(body).await,
            ("GET", ["threads"]) => self.threads().await,
            ("GET", ["threads", thread, "contents"]) => self.contents(id(thread)?).await,
            ("POST", ["contents"]) => self.write_content(body).await,
            ("POST", ["attachments"]) => self.upload(body).await,
            ("POST", ["threads", thread, "read"]) => self.mark_read(id(thread)?, body).await,
            ("POST", ["threads", thread, "typing"]) => self.typing(id(thread)?, body).await,
            ("POST", ["threads", thread, "close"]) => self.close(id(thread)?, body).await,
            ("PUT", ["page"]) => self.note_page(body).await,
            ("PUT", ["email"]) => self.note_email(body).await,
            ("PUT", ["devices", device]) => self.register_device(device, body).await,
            ("DELETE", ["devices", device]) => self.forget_device(device, body).await,
            ("GET", ["stream"]) => self.stream().await,
            ("GET", ["availability"]) => self.availability().await,
            ("POST", ["status"]) => self.status(body).await,
            _ => Err(no_such_page()),
        }
    }
}
