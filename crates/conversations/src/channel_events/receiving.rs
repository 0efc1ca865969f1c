//! The address at which services tell us what happens. A body is verified as it came, cut into events, and kept; then the
//! service gets its 200, within the time that it allows, and a worker reads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use frontdesk_model::{Error, Id, Result, error};
use frontdesk_rest::{BodyRoom, ClientAddress};
use frontdesk_sources::ingress::{BODY_BYTES_MAX, Ingress, Received};
use frontdesk_store::{Tx, args};
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{count, keep, signing_in};
use crate::Conversations;
use crate::ingest;
use crate::sources::Channel;

/// A source that changes at every try is refused in the end.
const STALE_TRIES_MAX: usize = 5;
/// For the whole body of a request.
const BODY_DEADLINE: Duration = Duration::from_secs(20);
/// Bytes of bodies that are in memory at once; a service tells again what would go past it.
const BODIES_BYTES_MAX: usize = 128 << 20;
/// Seconds between two notes that a service asked.
const ASKED_SECONDS_MIN: i64 = 60;
/// What people read of an event that is nobody's.
pub(super) const NOBODYS: &str =
    "It is about an account that no active source with this app's secret is connected with.";

#[derive(Clone)]
struct Receiving {
    app: Arc<Conversations>,
    bodies: BodyRoom,
}

/// The routes.
pub fn router(app: &Arc<Conversations>) -> Router {
    let receiving = Receiving { app: app.clone(), bodies: BodyRoom::new(BODIES_BYTES_MAX) };
    Router::new()
        .route("/channels/return", get(signing_in::back))
        .route("/channels/{kind}/{source_id}", get(answer).post(answer))
        .with_state(receiving)
}

async fn answer(
    State(Receiving { app, bodies }): State<Receiving>,
    path: Result<Path<(String, String)>, axum::extract::rejection::PathRejection>,
    request: Request,
) -> Response {
    let (started, request_id) = (Instant::now(), app.env.id());
    let (head, body) = request.into_parts();
    let (kind, source_id) = path.map(|Path(names)| names).unwrap_or_default();
    let outcome = match channel(&app, &kind, &source_id).await {
        Ok(channel) if head.method == Method::POST => {
            receive(&app, &bodies, channel, ClientAddress::of(&head), head.headers, body).await
        }
        Ok(channel) => challenge(&app, &channel, head.uri.query().unwrap_or_default()).await,
        Err(trouble) => Err(trouble),
    };
    let mut response = outcome.unwrap_or_else(|trouble| frontdesk_rest::refuse(&trouble, request_id));
    tracing::info!(
        %request_id,
        kind,
        source_id = source_id.parse::<Id>().ok().map(|id| id.hex()),
        status = response.status().as_u16(),
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        client = head.extensions.get::<ClientAddress>().map(|client| tracing::field::display(client.0)),
        "channel event"
    );
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// The source that an address names; one that no service tells of anything is missing.
async fn channel(app: &Conversations, kind: &str, source_id: &str) -> Result<Arc<Channel>> {
    let missing = || error::not_found("source");
    let source_id: Id = source_id.parse().map_err(|_| missing())?;
    let channel = app.channels.get(&app.store, &app.seal, source_id).await?.ok_or_else(missing)?;
    let is_told = channel.kind.type_name == kind && channel.kind.ingress.is_some();
    if is_told { Ok(channel) } else { Err(missing()) }
}

fn ingress(channel: &Channel) -> Result<&'static Ingress> {
    channel.kind.ingress.as_ref().ok_or_else(|| error::not_found("source"))
}

/// Answers the question whether the address is ours.
async fn challenge(app: &Conversations, channel: &Channel, query: &str) -> Result<Response> {
    let query: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .take(20)
        .map(|(name, value)| (name.into(), value.into()))
        .collect();
    let answer = (ingress(channel)?.challenge)(&channel.settings, &query);
    let answer = answer.ok_or_else(|| error::forbidden("This is not the question that the source's service asks."))?;
    if answer.asker_is_known {
        note_asked(app, channel.source_id).await?;
    }
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, answer.content_type)], answer.body).into_response())
}

/// Notes that the service asked; the same question again soon after is not written anew.
async fn note_asked(app: &Conversations, source_id: Id) -> Result<()> {
    let now = app.env.now();
    let since = now.plus_seconds(-ASKED_SECONDS_MIN);
    let noted = move |tx: &mut dyn Tx| {
        let sql = "SELECT 1 FROM channel_health WHERE source_id = $1 AND asked_at BETWEEN $2 AND $3";
        tx.first(sql, args![&source_id, since, now])
    };
    if app.store.read(noted).await?.is_some() {
        return Ok(());
    }
    let noting = move |tx: &mut dyn Tx| {
        count(tx, source_id, 0, 0, 0, None)?;
        tx.execute("UPDATE channel_health SET asked_at = $2 WHERE source_id = $1", args![&source_id, now]).map(drop)
    };
    app.store.write(noting).await
}

async fn receive(
    app: &Arc<Conversations>,
    bodies: &BodyRoom,
    mut channel: Arc<Channel>,
    client: Option<ClientAddress>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response> {
    let (body, _place) = bodies.read(client, body, &headers, BODY_BYTES_MAX, BODY_DEADLINE).await?;
    let headers = Arc::new(headers);
    for _ in 0..STALE_TRIES_MAX {
        let ingress = ingress(&channel)?;
        // A copy in memory may be out of date: what that one refuses is looked at again with a fresh one.
        let is_signed = (ingress.verify)(&channel.settings, &|name| header_of(&headers, name), &body);
        let from = channel.clone();
        let kept = if is_signed {
            let events = (ingress.split)(&body);
            let (app_then, headers, body) = (app.clone(), headers.clone(), body.clone());
            let keep = move |tx: &mut dyn Tx| match ingest::is_current(tx, &from)? {
                true => keep_all(tx, &app_then, &from, &events, &headers, &body).map(Some),
                false => Ok(None),
            };
            app.store.write(keep).await?
        } else if app.store.read(move |tx| ingest::is_current(tx, &from)).await? {
            return Err(error::forbidden("The signature is missing, is no SHA-256 one, or does not fit the body."));
        } else {
            None
        };
        match kept {
            Some(new) => {
                if new > 0 {
                    app.channel_events.notify_one();
                }
                return Ok(
                    (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok").into_response()
                );
            }
            None => {
                let fresh = app.channels.reload(&app.store, &app.seal, channel.source_id).await?;
                channel = fresh.ok_or_else(|| error::not_found("source"))?;
            }
        }
    }
    Err(Error::Unavailable(format!("source {} kept changing", channel.source_id)))
}

fn header_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

/// Keeps the events of a verified body, each for the source whose it is. Returns how many are new.
fn keep_all(
    tx: &mut dyn Tx,
    app: &Conversations,
    addressed: &Arc<Channel>,
    events: &[Received],
    headers: &HeaderMap,
    body: &Bytes,
) -> Result<usize> {
    let family = family(tx, app, addressed)?;
    let is_signed_for = |channel: &Channel| {
        let verify = channel.kind.ingress.as_ref().map(|ingress| ingress.verify);
        verify.is_some_and(|verify| verify(&channel.settings, &|name| header_of(headers, name), body))
    };
    let mut known: Vec<(&str, &[String], Option<Id>)> = Vec::new();
    let mut new = 0;
    let mut counted: Vec<(Id, i64, i64)> = Vec::new();
    for event in events {
        let found =
            known.iter().find(|(kind, accounts, _)| *kind == event.kind && *accounts == event.accounts.as_slice());
        let target = match found {
            Some((.., target)) => *target,
            None => {
                let target = event.accounts.iter().find_map(|account| {
                    let is_its = |channel: &&Arc<Channel>| {
                        channel.kind.type_name == event.kind
                            && (channel.kind.account)(&channel.settings) == Some(account)
                            && is_signed_for(channel)
                    };
                    family.iter().find(is_its).map(|channel| channel.source_id)
                });
                known.push((event.kind, &event.accounts, target));
                target
            }
        };
        let fault = match (target, event.name.as_str()) {
            (None, "unreadable") => Some("The body is not what the service sends."),
            (None, _) => Some(NOBODYS),
            _ => None,
        };
        let source_id = target.unwrap_or(addressed.source_id);
        if keep(tx, &app.env, source_id, event, fault)? {
            new += 1;
            let failed = i64::from(fault.is_some());
            match counted.iter_mut().find(|(id, ..)| *id == source_id) {
                Some((_, received, wrong)) => (*received, *wrong) = (*received + 1, *wrong + failed),
                None => counted.push((source_id, 1, failed)),
            }
        }
    }
    for (source_id, received, failed) in counted {
        count(tx, source_id, received, 0, failed, Some(app.env.now()))?;
    }
    Ok(new)
}

/// The active sources that share an address with this one.
fn family(tx: &mut dyn Tx, app: &Conversations, addressed: &Arc<Channel>) -> Result<Vec<Arc<Channel>>> {
    let mut ids = Vec::new();
    for kind in ingress(addressed)?.family {
        for row in tx.query("SELECT id FROM sources WHERE type = $1 AND active ORDER BY id", args![*kind])? {
            ids.push(row.get(0)?);
        }
    }
    let mut found: Vec<_> = app.channels.current(tx, &app.seal, &ids)?.into_values().collect();
    // The one that was addressed first, then in the order in which they were made.
    found.sort_by_key(|channel| (channel.source_id != addressed.source_id, channel.source_id));
    Ok(found)
}
