//! The link of a mail about unread messages.

use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::Response;
use frontdesk_model::Result;
use frontdesk_rest::{ClientAddress, parse_pairs, read_body, refuse};
use frontdesk_store::Tx;
use http::Method;
use serde_json::Value;

use super::no_such_page;
use super::visit::{BODY_BYTES_MAX, BODY_DEADLINE};
use crate::WebMessaging;
use crate::unread::unsubscribing;

/// The link of a mail, also of a source that is off by now.
pub(super) async fn unsubscribe(
    State(app): State<Arc<WebMessaging>>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    let request_id = app.desk.env.id();
    let (parts, body) = request.into_parts();
    let answered = async {
        let network = ClientAddress::of(&parts).map_or_else(String::new, ClientAddress::network);
        app.limits.of_network.questions.admit(&network, app.desk.env.now())?;
        let query = parse_pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
        let text = |name: &str| query.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (address, signature) = (text("address"), text("signature"));
        let desk = app.desk.clone();
        let linked = move |tx: &mut dyn Tx| unsubscribing::linked(tx, &desk, &token, &address, &signature);
        match parts.method {
            Method::GET | Method::HEAD => {
                let state = move |tx: &mut dyn Tx| {
                    let (source_id, hash) = linked(tx)?;
                    unsubscribing::is_unsubscribed(tx, source_id, &hash)
                };
                Ok(unsubscribing::page(&parts.headers, app.desk.store.read(state).await?))
            }
            Method::POST => {
                // Mail programs send `List-Unsubscribe=One-Click`, as a form or multipart; only the page's button takes it back.
                let body = read_body(body, &parts.headers, BODY_BYTES_MAX, BODY_DEADLINE).await?;
                let unsubscribed = body.trim_ascii() != b"again=1";
                let now = app.desk.env.now();
                let set = move |tx: &mut dyn Tx| {
                    let (source_id, hash) = linked(tx)?;
                    unsubscribing::set(tx, source_id, &hash, unsubscribed, now)
                };
                app.desk.store.write(set).await?;
                Ok(unsubscribing::page(&parts.headers, unsubscribed))
            }
            _ => Err(no_such_page()),
        }
    };
    let outcome: Result<Response> = answered.await;
    outcome.unwrap_or_else(|error| refuse(&error, request_id))
}
