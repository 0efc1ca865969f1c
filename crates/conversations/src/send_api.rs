//! The Send API of Channel SDK sources: `POST /realtime/sdk/{source_id}`, signed over the raw bytes, answered `ok` once
//! what it told is durable (public page sdks/source-sdk/send-api).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use frontdesk_model::{Error, Id, Result, Timestamp};
use frontdesk_rest::{BodyRoom, ClientAddress, parse_pairs};
use frontdesk_sources::inbound::Inbound;
use frontdesk_sources::sdk::{self, SendApiError, limits};
use frontdesk_store::Tx;
use http::request::Parts;
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use crate::ingest::{self, Ingested};
use crate::ingest_many::Gathering;
use crate::sources::Channel;
use crate::stream::Hint;
use crate::{Conversations, attachments};

/// A source that changes at every try is refused in the end.
const STALE_TRIES_MAX: usize = 5;
/// At most this many threads are remembered as being typed in; more are let through unremembered.
const TYPING_THREADS_MAX: usize = 10_000;
/// For the whole body of a request.
const BODY_DEADLINE: Duration = Duration::from_secs(60);

/// Bytes of bodies that are in memory at once; a request that would go past it is told to come again.
const BODIES_BYTES_MAX: usize = 512 << 20;

/// What the route needs.
#[derive(Clone)]
struct SendApi {
    app: Arc<Conversations>,
    bodies: BodyRoom,
}

/// The route.
pub fn router(app: &Arc<Conversations>) -> Router {
    let bodies = BodyRoom::new(BODIES_BYTES_MAX);
    Router::new().route("/realtime/sdk/{source_id}", post(receive)).with_state(SendApi { app: app.clone(), bodies })
}

async fn receive(
    State(SendApi { app, bodies }): State<SendApi>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response {
    let (started, request_id) = (Instant::now(), app.env.id());
    let (head, body) = request.into_parts();
    // What cannot be decoded names no source, and is told so like any other unknown one.
    let source_id = path.ok().and_then(|path| path.iter().next().map(|(_, id)| id.to_owned())).unwrap_or_default();
    let query = parse_pairs(head.uri.query().unwrap_or_default().as_bytes()).unwrap_or_default();
    let signature = head.headers.get(sdk::SIGNATURE_HEADER).and_then(|value| value.to_str().ok());
    let signature = signature.or_else(|| query.get("signature").and_then(|value| value.as_str())).unwrap_or("");
    let outcome = serve(&app, &bodies, &source_id, signature, &head, body).await;
    let refused = outcome.as_ref().err();
    tracing::info!(
        %request_id,
        source_id = source_id.parse::<Id>().ok().map(|id| id.hex()),
        status = refused.map_or(200, |refusal| refusal.status),
        refused = refused.map(|refusal| &refusal.message),
        detail = refused.map(|refusal| &refusal.detail),
        trouble = refused.and_then(|refusal| refusal.trouble.as_ref()),
        duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX),
        client = head.extensions.get::<ClientAddress>().map(|client| tracing::field::display(client.0)),
        "send api"
    );
    let mut response = match outcome {
        Ok(()) => (StatusCode::OK, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], "ok").into_response(),
        Err(refusal) => refusal.into_response(),
    };
    if let Ok(value) = HeaderValue::from_str(&request_id.hex()) {
        response.headers_mut().insert(frontdesk_rest::REQUEST_ID, value);
    }
    response
}

/// Finds the source, then reads the body: that of who knows no source, or shows no signature, is not even read.
async fn serve(
    app: &Arc<Conversations>,
    bodies: &BodyRoom,
    source_id: &str,
    signature: &str,
    head: &Parts,
    body: Body,
) -> Result<(), Refusal> {
    let source_id: Id = source_id.parse().map_err(|_| SendApiError::SourceNotFound)?;
    let channel = app.channels.get(&app.store, &app.seal, source_id).await?.ok_or(SendApiError::SourceNotFound)?;
    if channel.settings.secret(sdk::ACCESS_TOKEN).is_none() {
        return Err(SendApiError::SourceNotFound.into());
    }
    if !frontdesk_net::is_sdk_signature(signature) {
        return Err(SendApiError::InvalidSignature.into());
    }
    let whole =
        bodies.read(ClientAddress::of(head), body, &head.headers, limits::REQUEST_BYTES_MAX, BODY_DEADLINE).await;
    let (body, _place) = whole.map_err(|trouble| match trouble {
        Error::Refused(refusal) if refusal.status == 413 => SendApiError::TooLarge.into(),
        Error::Refused(refusal) => Refusal::told(SendApiError::BadRequest(String::new()), &refusal.message),
        other => Refusal::from(other),
    })?;
    accept(app, channel, signature, &body).await
}

async fn accept(
    app: &Arc<Conversations>,
    mut channel: Arc<Channel>,
    signature: &str,
    body: &Bytes,
) -> Result<(), Refusal> {
    let source_id = channel.source_id;
    for _ in 0..STALE_TRIES_MAX {
        match take(app, &channel, signature, body).await {
            Ok(Ingested::Created | Ingested::Repeat) => return Ok(()),
            Ok(Ingested::Stale) => {}
            // A copy in memory may be out of date: what that one refuses is looked at again with a fresh one.
            Err(refusal) => {
                let known = channel.clone();
                if app.store.read(move |tx| ingest::is_current(tx, &known)).await? {
                    return Err(refusal);
                }
            }
        }
        let fresh = app.channels.reload(&app.store, &app.seal, source_id).await?;
        channel = fresh.ok_or(SendApiError::SourceNotFound)?;
    }
    Err(Error::Unavailable(format!("source {source_id} kept changing")).into())
}

/// Checks and stores one request against one state of the source.
async fn take(
    app: &Arc<Conversations>,
    channel: &Arc<Channel>,
    signature: &str,
    body: &Bytes,
) -> Result<Ingested, Refusal> {
    let secret = channel.settings.secret(sdk::ACCESS_TOKEN).ok_or(SendApiError::SourceNotFound)?;
    if !frontdesk_net::verify_sdk_signature(secret.reveal().as_bytes(), body, signature) {
        return Err(SendApiError::InvalidSignature.into());
    }
    if !channel.active {
        return Err(Refusal::told(SendApiError::SourceNotFound, "the source is inactive"));
    }
    let (env, to) = (app.env.clone(), channel.clone());
    match sdk::parse_send_api(body, channel.options())? {
        Inbound::Content(mut content) => {
            if let Some(gathering) = app.gathering.as_ref().filter(|_| Gathering::suits(&content)) {
                return Ok(gathering.store(to, Arc::from(content)).await?);
            }
            if !content.attachments.is_empty() {
                let (foreseen, from) = (content.clone(), to.clone());
                match app.store.read(move |tx| ingest::foresee(tx, &from, &foreseen)).await? {
                    Ingested::Created => {}
                    other => return Ok(other),
                }
            }
            let files = attachments::store_contents(&app.files, std::mem::take(&mut content.attachments)).await?;
            Ok(app.store.write(move |tx| ingest::content(tx, &env, &to, &content, &files)).await?)
        }
        Inbound::Identity(author) => Ok(app.store.write(move |tx| ingest::identity(tx, &env, &to, &author)).await?),
        Inbound::ReadMark { foreign_id } => {
            Ok(app.store.write(move |tx| ingest::read_mark(tx, &env, &to, &foreign_id)).await?)
        }
        Inbound::TypingStart { thread_foreign_id, in_reply_to, preview } => {
            let Some(thread) = typing_thread(app, to, thread_foreign_id, in_reply_to).await? else {
                return Ok(Ingested::Stale);
            };
            if !app.typing.start(thread, app.env.now()) {
                return Err(SendApiError::TooManyTyping.into());
            }
            app.stream.hint(Hint::typing(channel.source_id, thread, Some(&preview)));
            Ok(Ingested::Created)
        }
        Inbound::TypingStop { thread_foreign_id, in_reply_to } => {
            let Some(thread) = typing_thread(app, to, thread_foreign_id, in_reply_to).await? else {
                return Ok(Ingested::Stale);
            };
            if app.typing.stop(thread) {
                app.stream.hint(Hint::typing(channel.source_id, thread, None));
            }
            Ok(Ingested::Created)
        }
    }
}

/// The thread that is typed in; one that the source does not have is refused. None when the source has changed since
/// its settings were read.
async fn typing_thread(
    app: &Arc<Conversations>,
    channel: Arc<Channel>,
    thread_foreign_id: Option<String>,
    in_reply_to: Option<String>,
) -> Result<Option<Id>, Refusal> {
    let find = move |tx: &mut dyn Tx| {
        if !ingest::is_current(tx, &channel)? {
            return Ok(None);
        }
        let source_id = channel.source_id;
        let found = match (&thread_foreign_id, &in_reply_to) {
            (Some(foreign_id), _) => {
                let sql = "SELECT id FROM threads WHERE source_id = $1 AND foreign_id = $2";
                tx.first(sql, frontdesk_store::args![&source_id, foreign_id])?.map(|row| row.get(0)).transpose()?
            }
            (None, Some(foreign_id)) => {
                ingest::content_by_foreign_id(tx, source_id, foreign_id)?.map(|(_, thread_id)| thread_id)
            }
            (None, None) => None,
        };
        Ok(Some(found))
    };
    let detail = "the source has no thread or content with this id";
    match app.store.read(find).await? {
        Some(None) => Err(Refusal::told(SendApiError::InvalidResourceFormat(String::new()), detail)),
        Some(Some(thread_id)) => Ok(Some(thread_id)),
        None => Ok(None),
    }
}

/// Who types now: a hint for the moment, bounded and never stored.
#[derive(Default)]
pub struct Typing {
    threads: Mutex<HashMap<Id, Timestamp>>,
}

impl Typing {
    /// Whether the thread may start typing now: once in two seconds, unless it stopped meanwhile.
    fn start(&self, thread_id: Id, now: Timestamp) -> bool {
        let since = now.plus_seconds(-limits::TYPING_SECONDS_MIN);
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        // A time to come was noted before the clock was set back.
        if threads.get(&thread_id).is_some_and(|last| *last > since && *last <= now) {
            return false;
        }
        if threads.len() >= TYPING_THREADS_MAX {
            threads.retain(|_, last| *last > since && *last <= now);
        }
        if threads.len() < TYPING_THREADS_MAX {
            threads.insert(thread_id, now);
        }
        true
    }

    /// Whether it was known to be typed in.
    fn stop(&self, thread_id: Id) -> bool {
        self.threads.lock().unwrap_or_else(PoisonError::into_inner).remove(&thread_id).is_some()
    }
}

/// What the channel is told: the documented text, and what to change.
struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
    detail: String,
    trouble: Option<String>,
}

impl Refusal {
    fn told(error: SendApiError, detail: &str) -> Refusal {
        Refusal { detail: detail.into(), ..Refusal::from(error) }
    }
}

impl From<SendApiError> for Refusal {
    fn from(error: SendApiError) -> Refusal {
        let status = error.status();
        let code = match status {
            400 => "bad_request",
            413 => "request_too_large",
            429 => "rate_limit_exceeded",
            _ => "validation_error",
        };
        Refusal {
            status,
            code,
            message: error.message().to_string(),
            detail: error.detail().to_string(),
            trouble: None,
        }
    }
}

impl From<Error> for Refusal {
    fn from(trouble: Error) -> Refusal {
        let unable = |status, message: &str, text| Refusal {
            status,
            code: if status == 503 { "unavailable" } else { "internal_error" },
            message: message.into(),
            detail: String::new(),
            trouble: Some(text),
        };
        match trouble {
            Error::Refused(refusal) if refusal.code == ingest::UNKNOWN_PARENT => {
                Refusal::told(SendApiError::InvalidResourceFormat(String::new()), &refusal.message)
            }
            Error::Refused(refusal) => Refusal {
                status: refusal.status,
                code: "validation_error",
                message: refusal.message,
                detail: String::new(),
                trouble: None,
            },
            Error::Unavailable(text) | Error::Conflict(text) => {
                unable(503, "The server cannot take this now; send it again later.", text)
            }
            Error::Broken(text) => unable(500, "Something went wrong on our side.", text),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let mut answer = json!({ "error": self.code, "message": self.message, "status": self.status });
        if !self.detail.is_empty() {
            answer["detail"] = self.detail.into();
        }
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let kind = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        let mut response = (status, kind, answer.to_string()).into_response();
        let wait = match status.as_u16() {
            429 => "2",
            503 => "5",
            _ => return response,
        };
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static(wait));
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_goes_on_after_the_clock_was_set_back() {
        let (typing, thread, now) =
            (Typing::default(), Id::from_parts(1, 1), Timestamp::from_micros(1_700_000_000_000_000));
        assert!(typing.start(thread, now) && !typing.start(thread, now.plus_seconds(1)));
        let earlier = now.plus_seconds(-86_400);
        assert!(typing.start(thread, earlier) && !typing.start(thread, earlier.plus_seconds(1)));
        assert!(typing.start(thread, earlier.plus_seconds(limits::TYPING_SECONDS_MIN)));
    }
}
