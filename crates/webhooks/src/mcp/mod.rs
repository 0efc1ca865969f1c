//! The MCP server: tools by which a language model takes part in conversations, with exactly the rights of the user
//! whose access token it was given. Model Context Protocol, streamable HTTP at `/mcp`, without sessions.
//!
//! Every tool runs rows of the operation table as that user (`Rest::run`), so there is nothing here that could let
//! through what REST would not. A model is easily talked into things by what customers write: it can read, note, sort
//! and suggest, and nothing that it writes reaches a customer unless a person has approved it.

mod acting;
mod reading;
mod server;
mod text;
mod tools;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::CACHE_CONTROL;
use axum::http::request::Parts;
use axum::http::{HeaderValue, Response};
use axum::routing::any;
use bytes::Bytes;
use frontdesk_model::{Caller, Id, Result, error};
use frontdesk_rest::{ClientAddress, REQUEST_ID, Rest, bearer, refuse};

const NO_TOKEN: &str = "Give an access token: the header \"Authorization: Bearer …\".";

/// One request, as the tools need to know it.
struct Visit {
    rest: Rest,
    token: String,
    caller: Caller,
    request_id: Id,
    /// Which tool it called, for the log.
    tool: OnceLock<&'static str>,
}

struct Door {
    rest: Rest,
    server: server::Server,
}

/// Serves `/mcp`. Browsers may call it from the pages of `public_url` only. It has no fallback, so that it can be merged
/// with other routers.
pub fn router(rest: &Rest, public_url: &str) -> Router {
    let door = Door { rest: rest.clone(), server: server::Server::new(tools::all(rest), public_url) };
    Router::new().route("/mcp", any(serve)).with_state(Arc::new(door))
}

/// Serves one request, and leaves one line in the log and one observation about it, as REST does.
async fn serve(State(door): State<Arc<Door>>, request: Request) -> Response<Body> {
    let started = Instant::now();
    let request_id = door.rest.env().id();
    let method = request.method().clone();
    let client = request.extensions().get::<ClientAddress>().copied();
    let (visit, mut response) = match enter(&door, request, request_id).await {
        Ok((visit, parts, body)) => {
            let response = door.server.answer(parts, body).await;
            (Some(visit), response)
        }
        Err(error) => (None, refuse(&error, request_id)),
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Ok(value) = HeaderValue::from_str(&request_id.hex()) {
        headers.insert(REQUEST_ID, value);
    }
    let duration = started.elapsed();
    let status = response.status().as_u16();
    tracing::info!(
        %request_id,
        operation = "mcp",
        tool = visit.as_ref().and_then(|visit| visit.tool.get()),
        %method,
        path = "/mcp",
        status,
        duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        user_id = visit.as_ref().map(|visit| visit.caller.user_id.hex()),
        client = client.map(|client| tracing::field::display(client.0)),
        "request"
    );
    door.rest.observe("mcp", status, duration);
    response
}

/// Who is not known, or asks too often, gets no further, and their body is not read.
async fn enter(door: &Door, request: Request, request_id: Id) -> Result<(Arc<Visit>, Parts, Bytes)> {
    let token = bearer(request.headers()).ok_or_else(|| error::unauthorized(NO_TOKEN))?.to_owned();
    let caller = door.rest.admit(&token).await?;
    let visit = Arc::new(Visit { rest: door.rest.clone(), token, caller, request_id, tool: OnceLock::new() });
    let (mut parts, body) = request.into_parts();
    let body = door.rest.read(body, &parts.headers).await?;
    parts.extensions.insert(visit.clone());
    Ok((visit, parts, body))
}
