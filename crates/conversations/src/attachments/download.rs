//! The bytes of attachments, for whoever has an access token, a session or a signed link. Whatever a file is, browsers save it and
//! never show it: it could be a page that runs as one of ours.

use std::io;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{RawPathParams, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use axum::routing::get;
use bytes::BytesMut;
use frontdesk_model::{Error, Id, Refusal, Result, error, hex};
use frontdesk_rest::{Authenticator, ClientAddress, Credential, parse_pairs, refuse};
use frontdesk_store::{Row, Tx, args};
use futures_util::stream;
use tokio::io::AsyncReadExt;

use super::{links, names, rest};
use crate::Conversations;
use crate::sources::StoredSettings;

/// How much of a file is in memory while it is sent.
const CHUNK_BYTES: usize = 64 * 1024;

struct Server {
    app: Arc<Conversations>,
    authenticator: Arc<dyn Authenticator>,
}

/// Serves `/attachments/{id}`, with or without the file's name behind it. It has no fallback, so that it can be merged
/// with other routers.
pub fn router(app: &Arc<Conversations>, authenticator: Arc<dyn Authenticator>) -> Router {
    Router::new()
        .route("/attachments/{id}", get(serve))
        .route("/attachments/{id}/{filename}", get(serve))
        .with_state(Arc::new(Server { app: app.clone(), authenticator }))
}

async fn serve(
    State(server): State<Arc<Server>>,
    path: Result<RawPathParams, RawPathParamsRejection>,
    request: Request,
) -> Response<Body> {
    // A path that is not UTF-8 names nothing, as an empty id does.
    let id = path.as_ref().ok().and_then(|path| path.iter().find(|(name, _)| *name == "id"));
    let id = id.map_or_else(String::new, |(_, value)| value.to_owned());
    let (parts, _) = request.into_parts();
    match answer(&server, &id, &parts).await {
        Ok(response) => response,
        Err(error) => refuse(&error, server.app.env.id()),
    }
}

async fn answer(server: &Arc<Server>, id: &str, parts: &Parts) -> Result<Response<Body>> {
    let id: Id = id.parse().map_err(|_| error::not_found("attachment"))?;
    let (pass, headers) = (pass(server, id, parts)?, &parts.headers);
    let (app, authenticator) = (&server.app, server.authenticator.clone());
    let asker = ClientAddress::of(parts).map_or(0, ClientAddress::asker);
    let found = app.store.read_as(asker, move |tx| {
        let row = match &pass {
            Pass::Link => {
                let sql = format!("SELECT {COLUMNS} FROM attachments WHERE id = $1");
                tx.first(&sql, args![&id])?.ok_or_else(|| error::not_found("attachment"))?
            }
            Pass::Token { token, impersonated_user_id } => {
                let caller = authenticator.caller(tx, token, impersonated_user_id.as_deref())?;
                rest::find(tx, &caller, id, COLUMNS)?
            }
        };
        let stored = Stored::read(&row)?;
        require_let_through(tx, id, &stored)?;
        Ok(stored)
    });
    let stored = found.await?;
    let etag = format!("\"{}\"", hex::encode(stored.sha256));
    if is_same(headers, &etag) {
        return response(StatusCode::NOT_MODIFIED, &stored, &etag, Body::empty());
    }
    let (files, sha256) = (app.files.clone(), stored.sha256);
    let opened = tokio::task::spawn_blocking(move || files.open_verified(&sha256)).await;
    let opened = opened.map_err(|_| error::broken("opening an attachment ended early"))?;
    let (file, length) = opened.map_err(|trouble| lost(id, &trouble))?;
    let mut response = response(StatusCode::OK, &stored, &etag, body(file))?;
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// 403 for a customer's file of a kind that the source's attachments_security_level keeps out.
fn require_let_through(tx: &mut dyn Tx, id: Id, stored: &Stored) -> Result<()> {
    let row = tx.first(
        "SELECT sources.settings FROM attachments JOIN contents ON contents.id = attachments.content_id
         JOIN sources ON sources.id = contents.source_id WHERE attachments.id = $1",
        args![&id],
    )?;
    let Some(row) = row else { return Ok(()) };
    let settings: StoredSettings = serde_json::from_str(&row.get::<String>(0)?)
        .map_err(|trouble| error::broken(format!("sources.settings: {trouble}")))?;
    let level = settings.common.attachments_security_level;
    if names::is_allowed(&level, &stored.content_type) {
        return Ok(());
    }
    Err(error::forbidden(format!("The source's attachments_security_level is {level}, which keeps this file out.")))
}

/// What lets a request in.
enum Pass {
    Link,
    Token { token: Credential, impersonated_user_id: Option<String> },
}

fn pass(server: &Server, id: Id, parts: &Parts) -> Result<Pass> {
    let (app, headers) = (&server.app, &parts.headers);
    let query = parse_pairs(parts.uri.query().unwrap_or_default().as_bytes())?;
    let text = |name: &str| query.get(name).and_then(|value| value.as_str()).filter(|text| !text.is_empty());
    if let Some(signature) = text("signature") {
        let expires = text("expires").unwrap_or_default();
        if links::is_valid(app, id, expires, signature, app.env.now()) {
            return Ok(Pass::Link);
        }
        return Err(error::forbidden("This link has expired, or it is not one of ours."));
    }
    let token = bearer(headers).or(text("access_token")).map(|token| Credential::Token(token.to_owned()));
    match token.or_else(|| server.authenticator.session(parts)) {
        Some(token) => Ok(Pass::Token { token, impersonated_user_id: text("impersonated_user_id").map(str::to_owned) }),
        None => Err(error::unauthorized(
            "Give an access token: the header \"Authorization: Bearer …\", or the parameter access_token.",
        )),
    }
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    Some(token.trim()).filter(|token| scheme.eq_ignore_ascii_case("bearer") && !token.is_empty())
}

const COLUMNS: &str = "filename, content_type, sha256, fetch_at IS NULL";

struct Stored {
    filename: String,
    content_type: String,
    sha256: [u8; 32],
}

impl Stored {
    /// 404 while the file is not here.
    fn read(row: &Row) -> Result<Stored> {
        let Some(sha256) = row.get::<Option<Vec<u8>>>(2)? else {
            let given_up: bool = row.get(3)?;
            return Err(absent(if given_up {
                "The file could not be fetched from its channel."
            } else {
                "The file has not been fetched from its channel yet. Try again in a minute."
            }));
        };
        let sha256 = sha256.try_into().map_err(|_| error::broken("attachments.sha256 is no SHA-256"))?;
        Ok(Stored { filename: row.get(0)?, content_type: row.get(1)?, sha256 })
    }
}

fn absent(message: &str) -> Error {
    let (code, message) = ("not_found".into(), message.into());
    Refusal { status: 404, code, message, errors: Vec::new(), retry_after_seconds: None }.into()
}

/// What a row names and the disk does not give: gone is a 404, which the operator is told of; anything else is ours.
fn lost(id: Id, trouble: &io::Error) -> Error {
    if trouble.kind() != io::ErrorKind::NotFound {
        return error::broken(format!("attachment {id}: {trouble}"));
    }
    tracing::error!(%id, "the file of an attachment is missing: bring the folder attachments back from a backup");
    absent("The file is missing on the server. Its operator can bring it back from a backup.")
}

/// Whether the other side has this very file already.
fn is_same(headers: &HeaderMap, etag: &str) -> bool {
    let known = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    known.flat_map(|list| list.split(',')).any(|one| {
        let one = one.trim();
        one == "*" || one.strip_prefix("W/").unwrap_or(one) == etag
    })
}

fn response(status: StatusCode, stored: &Stored, etag: &str, body: Body) -> Result<Response<Body>> {
    let value = |text: &str| HeaderValue::from_str(text).map_err(|_| error::broken("a header cannot be written"));
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, value(&stored.content_type)?);
    headers.insert(header::CONTENT_DISPOSITION, value(&disposition(&stored.filename))?);
    headers.insert(header::ETAG, value(etag)?);
    for (name, text) in [
        (header::CACHE_CONTROL, "private"),
        (header::CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] as [(HeaderName, &'static str); 4]
    {
        headers.insert(name, HeaderValue::from_static(text));
    }
    Ok(response)
}

/// Content-Disposition (RFC 6266): a plain name for old readers, and the exact one in UTF-8 where that differs.
fn disposition(filename: &str) -> String {
    let is_plain = |c: char| (c.is_ascii_graphic() || c == ' ') && !matches!(c, '"' | '\\' | '%');
    if filename.chars().all(is_plain) {
        return format!("attachment; filename=\"{filename}\"");
    }
    let plain: String = filename.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{}", links::percent_encoded(filename))
}

fn body(file: std::fs::File) -> Body {
    let chunks = stream::try_unfold(tokio::fs::File::from_std(file), |mut file| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
        let length = file.read_buf(&mut chunk).await?;
        Ok::<_, io::Error>((length > 0).then(|| (chunk.freeze(), file)))
    });
    Body::from_stream(chunks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_for_old_and_new_readers() {
        for (filename, expected) in [
            ("a b.pdf", "attachment; filename=\"a b.pdf\""),
            ("été.pdf", "attachment; filename=\"_t_.pdf\"; filename*=UTF-8''%C3%A9t%C3%A9.pdf"),
            ("a\"b%.pdf", "attachment; filename=\"a_b_.pdf\"; filename*=UTF-8''a%22b%25.pdf"),
        ] {
            assert_eq!(disposition(filename), expected);
            assert!(HeaderValue::from_str(expected).is_ok());
        }
    }

    #[test]
    fn a_known_file_is_recognised() {
        let headers =
            |text: &'static str| HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_static(text))]);
        for (text, expected) in [("\"x\"", true), ("\"y\", W/\"x\"", true), ("*", true), ("\"y\"", false), ("x", false)]
        {
            assert_eq!(is_same(&headers(text), "\"x\""), expected, "{text}");
        }
        assert!(!is_same(&HeaderMap::new(), "\"x\""));
    }

    #[test]
    fn tokens_are_read_from_the_header() {
        let headers =
            |text: &'static str| HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_static(text))]);
        assert_eq!(bearer(&headers("bearer  abc ")), Some("abc"));
        assert_eq!(bearer(&headers("Basic abc")), None);
        assert_eq!(bearer(&headers("Bearer ")), None);
    }
}
