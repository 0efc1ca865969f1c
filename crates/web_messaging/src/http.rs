//! The published protocol over HTTP: `/chat/{token}/…` (docs/integrator/web-messaging-protocol.md).

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use frontdesk_conversations::visitors::{self, Claims, Message, Place, Seen};
use frontdesk_model::{Error, Id, Result, error};
use frontdesk_rest::{ClientAddress, bearer, json as answer, parse_pairs, read_body, refuse};
use frontdesk_store::Tx;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use serde_json::{Map, Value, json};

use crate::devices::{self, Device};
use crate::fields::{Fields, is_email};
use crate::sessions::{self, Begun, Context, Given, Session, refused};
use crate::stream::Reading;
use crate::unread::{self, unsubscribing};
use crate::{WebMessaging, attachments, availability, catalogue, pages, settings, theme};

/// A body that is no file's has at most this many bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// For a whole body.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// Records of a page of a list.
const RECORDS_MAX: i64 = 50;
const RECORDS_DEFAULT: i64 = 30;
/// Characters of a message.
const MESSAGE_CHARACTERS_MAX: usize = 10_000;
/// Characters of what a choice stands for.
const PAYLOAD_CHARACTERS_MAX: usize = 2_000;
/// Characters of an address of a page.
const URL_CHARACTERS_MAX: usize = 2_000;
/// Streams of one visitor at once.
const STREAMS_MAX: u32 = 10;
/// The protocol that a WebSocket speaks.
const PROTOCOL: &str = "frontdesk";
/// Seconds for which the answer to a preflight holds.
const PREFLIGHT_SECONDS: &str = "600";

/// The routes.
pub(crate) fn router(app: &Arc<WebMessaging>) -> Router {
    Router::new()
        .route("/chat/{token}/unsubscribe", any(unsubscribe))
        .route("/chat/{token}/{*rest}", any(serve))
        .route("/webview/sdk.js", any(webview))
        .with_state(app.clone())
}

/// The link of a mail, also of a source that is off by now.
async fn unsubscribe(State(app): State<Arc<WebMessaging>>, Path(token): Path<String>, request: Request) -> Response {
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

/// The script for pages above a conversation (row 13.20): under a published name, so browsers ask again now and then.
async fn webview(request: Request) -> Response {
    match *request.method() {
        Method::GET | Method::HEAD => pages::webview(request.headers()),
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

/// One request.
struct Visit {
    app: Arc<WebMessaging>,
    token: String,
    parts: Parts,
    request_id: Id,
    /// Whose request it is, as far as the network tells.
    client: Option<ClientAddress>,
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
    let open = matches!(named(&operation), "loader.js" | "window" | "web" | "demo" | "style");
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
    const KNOWN: [&str; 14] = [
        "loader.js",
        "window",
        "web",
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
    async fn read<T: Send + 'static>(
        &self,
        job: impl Fn(&mut dyn Tx, &Place) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (desk, token) = (self.app.desk.clone(), self.token.clone());
        let run = move |tx: &mut dyn Tx| {
            let place = Place::of_token(tx, &desk, &token)?;
            job(tx, &place)
        };
        self.app.desk.store.read_as(self.client.map_or(0, ClientAddress::asker), run).await
    }

    async fn write<T: Send + 'static>(
        &self,
        job: impl Fn(&mut dyn Tx, &Place) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (desk, token) = (self.app.desk.clone(), self.token.clone());
        let run = move |tx: &mut dyn Tx| {
            let place = Place::of_token(tx, &desk, &token)?;
            job(tx, &place)
        };
        self.app.desk.store.write(run).await
    }

    /// The origin that may hear the answer, if a page asks. Pages of other sites are sent away, and so is everybody from
    /// a source that is off.
    async fn enter(&self) -> Result<Option<String>> {
        let origin = self.parts.headers.get(header::ORIGIN).map(|value| value.to_str().unwrap_or("null").to_owned());
        let is_ours = origin.as_ref().is_some_and(|origin| self.is_own(origin));
        let allowed = match origin {
            Some(origin) if !is_ours => {
                let allows = move |tx: &mut dyn Tx, place: &Place| {
                    Ok(settings::of(tx, place.source_id())?.allows(&origin).then(|| origin.clone()))
                };
                let allowed = self.read(allows).await?;
                Some(
                    allowed
                        .ok_or_else(|| refused(403, "site_not_allowed", "Pages of this site may not use the chat."))?,
                )
            }
            other => other,
        };
        Ok(allowed)
    }

    /// Whether an origin is this server itself.
    fn is_own(&self, origin: &str) -> bool {
        let host = origin.split_once("://").map(|(_, host)| host);
        let asked = self.parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let asked = asked.or_else(|| self.parts.uri.authority().map(http::uri::Authority::as_str));
        origin == self.app.desk.public_url || (host.is_some() && host == asked)
    }

    async fn page(&self, name: &str) -> Result<Response> {
        if !matches!(self.parts.method, Method::GET | Method::HEAD) {
            return Err(no_such_page());
        }
        let token = self.token.clone();
        if name == "loader.js" {
            let config = self
                .read(move |tx, place| {
                    let config = pages::configuration(place, &token, catalogue::configuration(tx, place.source_id())?);
                    let settings = settings::of(tx, place.source_id())?;
                    Ok(Some((config, settings)).filter(|_| place.serves_web()))
                })
                .await;
            let config = match config {
                Err(Error::Refused(_)) => None,
                other => other?,
            };
            return pages::loader(config.as_ref(), &self.parts.headers);
        }
        if let Some(hash) = theme_hash(name) {
            let theme = self.read(|tx, place| theme::of(tx, place.source_id())).await?;
            return Ok(theme::served(theme, hash));
        }
        if name == "demo" {
            let fresh = self.request_id;
            return self
                .read(move |tx, place| {
                    let settings = settings::of(tx, place.source_id())?;
                    Ok(pages::demo(&token, &settings.locale, place.serves_web(), fresh))
                })
                .await;
        }
        let query = self.query()?;
        let is_frame = name == "web";
        let (env, seal) = sessions::store_of(&self.app.desk);
        let public_url = self.app.desk.public_url.clone();
        self.read(move |tx, place| {
            let settings = settings::of(tx, place.source_id())?;
            let theme = theme::address(&theme::of(tx, place.source_id())?, &token);
            if !is_frame {
                return Ok(pages::window(place, &token, &settings, &public_url, None, theme.as_deref()));
            }
            let jwt = query.get("jwt_identity").and_then(Value::as_str).unwrap_or_default();
            match sessions::check(tx, &env, &seal, place, jwt) {
                Ok(()) => {}
                Err(Error::Refused(why)) => {
                    return Ok(pages::refusal(why.status, &settings, &public_url, &why.message));
                }
                Err(other) => return Err(other),
            }
            let custom: Map<String, Value> = query
                .clone()
                .into_iter()
                .filter(|(name, value)| name.starts_with("custom_") && value.is_string())
                .collect();
            let standalone = Some(json!({ "jwt": jwt, "custom": custom }));
            Ok(pages::window(place, &token, &settings, &public_url, standalone, theme.as_deref()))
        })
        .await
    }

    fn query(&self) -> Result<Map<String, Value>> {
        let pairs = parse_pairs(self.parts.uri.query().unwrap_or_default().as_bytes())?;
        let value = Value::Object(pairs);
        match value.to_string().contains("\\u0000") {
            true => Err(error::bad_request("The address holds U+0000.")),
            false => Ok(value.as_object().cloned().unwrap_or_default()),
        }
    }

    fn number(&self, query: &Map<String, Value>, name: &str) -> Result<Option<i64>> {
        let Some(text) = query.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let wrong = || error::invalid(name, "invalid", format!("{name} must be a whole number."));
        text.parse().ok().filter(|number| *number >= 0).map(Some).ok_or_else(wrong)
    }

    async fn fields(&self, body: Body) -> Result<Fields> {
        Fields::read(&read_body(body, &self.parts.headers, BODY_BYTES_MAX, BODY_DEADLINE).await?)
    }

    /// Reads a body in which nothing matters: one that is left would end the connection.
    async fn pass_over(&self, body: Body) -> Result<()> {
        read_body(body, &self.parts.headers, BODY_BYTES_MAX, BODY_DEADLINE).await.map(drop)
    }

    fn admit(&self, limiter: &frontdesk_rest::RateLimiter, who: &str) -> Result<()> {
        limiter.admit(who, self.app.desk.env.now())
    }

    /// What limits of strangers count.
    fn network(&self) -> String {
        self.client.map_or_else(String::new, ClientAddress::network)
    }

    /// Counts against the visitor, whatever sessions they have. Who knows none costs a read, in the turn of their network.
    async fn admit_visitor(&self, limiter: &frontdesk_rest::RateLimiter) -> Result<()> {
        let who = self.reading(|_, place, session| Ok(counted(place, &session.uuid))).await?;
        self.admit(limiter, &who)
    }

    fn secret(&self) -> Result<String> {
        bearer(&self.parts.headers).map(str::to_owned).ok_or_else(sessions::unknown_session)
    }

    /// Runs a command of whoever the session stands for.
    async fn as_visitor<T: Send + 'static>(
        &self,
        job: impl Fn(&mut dyn Tx, &Place, Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (env, secret) = (self.app.desk.env.clone(), self.secret()?);
        let run = move |tx: &mut dyn Tx, place: &Place| {
            let session = sessions::find(tx, &env, place, &secret)?;
            job(tx, place, session)
        };
        self.write(run).await
    }

    /// The same for what only reads.
    async fn reading<T: Send + 'static>(
        &self,
        job: impl Fn(&mut dyn Tx, &Place, Session) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (env, secret) = (self.app.desk.env.clone(), self.secret()?);
        let run = move |tx: &mut dyn Tx, place: &Place| {
            let session = sessions::find(tx, &env, place, &secret)?;
            job(tx, place, session)
        };
        self.read(run).await
    }

    fn ok(&self, status: StatusCode, value: &Value) -> Response {
        answer(status, value.to_string().into_bytes(), self.request_id)
    }

    fn done(&self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }

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

    async fn given(&self, body: Body) -> Result<Given> {
        let fields = self.fields(body).await?;
        let identity = fields.object("identity")?.map(|identity| identity.claims()).transpose()?;
        // What says nothing asks for nothing.
        let identity = identity.filter(|told| *told != (Claims::default(), None));
        Ok(Given {
            session: fields.text("session", 200)?,
            jwt: fields.text("jwt", crate::jwt::TOKEN_BYTES_MAX)?,
            identity,
            context: context(&fields)?,
        })
    }

    async fn begin(&self, body: Body) -> Result<Response> {
        let given = self.given(body).await?;
        let (env, seal) = sessions::store_of(&self.app.desk);
        // Who is known begins anew with every page; who is not is one of their network.
        let (proof, known_env, known_seal) = (given.proof(), env.clone(), seal.clone());
        let known = self.read(move |tx, place| {
            let uuid = sessions::guess(tx, &known_env, &known_seal, place, &proof)?;
            Ok(uuid.map(|uuid| counted(place, &uuid)))
        });
        match known.await? {
            Some(who) => self.admit(&self.app.limits.commands, &who)?,
            None => self.admit(&self.app.limits.of_network.sessions, &self.network())?,
        }
        let (desk, secret) = (self.app.desk.clone(), given.session.clone());
        // What happened before this is in the answer; what comes later has a higher number.
        let seq = self.app.desk.tail.last();
        let begun = self.write(move |tx, place| {
            let begun = sessions::begin(tx, &env, &seal, place, &given)?;
            let told = told(tx, &desk, place, &begun.session)?;
            Ok((begun, told, place.source_id()))
        });
        let (Begun { session, secret: new, ended }, mut told, source_id) = begun.await?;
        told["session"] = new.or(secret).into();
        told["seq"] = seq.into();
        if session.signed {
            // Whoever has said so without a signature is not heard any more.
            self.app.hub.look_again(Some(&(source_id, session.uuid.clone())));
        }
        if let Some(ended) = ended {
            self.app.hub.end(source_id, &session.uuid, ended);
        }
        Ok(self.ok(StatusCode::CREATED, &told))
    }

    async fn identify(&self, body: Body) -> Result<Response> {
        let given = self.given(body).await?;
        self.admit_visitor(&self.app.limits.commands).await?;
        let (env, seal) = sessions::store_of(&self.app.desk);
        self.as_visitor(move |tx, place, old| sessions::update(tx, &env, &seal, place, old, &given).map(drop)).await?;
        Ok(self.done())
    }

    async fn leave(&self, body: Body) -> Result<Response> {
        self.pass_over(body).await?;
        let secret = self.secret()?;
        let (source_id, session) = self
            .write(move |tx, place| {
                let session = sessions::find_ended(tx, place, &secret)?;
                devices::forget_of(tx, session.id)?;
                sessions::end(tx, session.id)?;
                Ok((place.source_id(), session))
            })
            .await?;
        self.app.hub.end(source_id, &session.uuid, session.id);
        Ok(self.done())
    }

    /// `before` and `limit` of a list.
    fn page_of(&self) -> Result<(Option<Id>, i64)> {
        let query = self.query()?;
        let limit = self.number(&query, "limit")?.unwrap_or(RECORDS_DEFAULT).clamp(1, RECORDS_MAX);
        let before = query.get("before").and_then(Value::as_str).filter(|text| !text.is_empty());
        let before = before.map(|text| text.parse().map_err(|_| error::not_found("record"))).transpose()?;
        Ok((before, limit))
    }

    async fn threads(&self) -> Result<Response> {
        let (before, limit) = self.page_of()?;
        let desk = self.app.desk.clone();
        let (threads, more) = self
            .reading(move |tx, place, session| visitors::threads(tx, &desk, session.visitor(place), before, limit))
            .await?;
        Ok(self.ok(StatusCode::OK, &json!({ "threads": threads, "more": more })))
    }

    async fn contents(&self, thread_id: Id) -> Result<Response> {
        let (before, limit) = self.page_of()?;
        let desk = self.app.desk.clone();
        let (contents, more) = self
            .reading(move |tx, place, session| {
                visitors::contents(tx, &desk, session.visitor(place), thread_id, before, limit)
            })
            .await?;
        Ok(self.ok(StatusCode::OK, &json!({ "contents": contents, "more": more })))
    }

    async fn write_content(&self, body: Body) -> Result<Response> {
        self.secret()?;
        let fields = self.fields(body).await?;
        let message = message(&fields, self.client.map(|client| client.0.to_string()))?;
        let trigger_id = fields.id("trigger_id")?;
        let attachment_ids = fields.ids("attachment_ids", attachments::FILES_MAX)?;
        if message.body.trim().is_empty() && attachment_ids.is_empty() {
            return fields.wrong("body", "blank", "must not be empty unless there are files.");
        }
        self.admit_visitor(&self.app.limits.messages).await?;
        self.admit(&self.app.limits.of_network.messages, &self.network())?;
        let (env, desk) = (self.app.desk.env.clone(), self.app.desk.clone());
        let (content, is_repeat) = self
            .as_visitor(move |tx, place, session| {
                let mut message = message.clone();
                let trigger_id = trigger_id.or(session.context.trigger_id);
                message.context = thread_context(&session.context);
                catalogue::apply(tx, place.source_id(), trigger_id, &mut message)?;
                let (source_id, uuid, ids) = (place.source_id(), session.uuid.clone(), attachment_ids.clone());
                let files = move |tx: &mut dyn Tx| attachments::used(tx, source_id, &uuid, &ids);
                let visitor = session.visitor(place);
                let written = visitors::write(tx, &env, visitor, &session.claims, &message, files)?;
                let content = visitors::content(tx, &desk, visitor, written.content_id)?;
                sessions::note(tx, &env, place, session, Claims::default(), &Context::default())?;
                Ok((content, written.is_repeat))
            })
            .await?;
        let status = if is_repeat { StatusCode::OK } else { StatusCode::CREATED };
        Ok(self.ok(status, &json!(content)))
    }

    async fn upload(&self, body: Body) -> Result<Response> {
        self.admit_visitor(&self.app.limits.files).await?;
        self.admit(&self.app.limits.of_network.files, &self.network())?;
        self.read(|tx, place| attachments::require_room(tx, place.source_id())).await?;
        let room = self.app.uploading.try_acquire();
        let _room = room.map_err(|_| error::too_many("Too many files are being sent: try again in a moment.", 5))?;
        let let_in = || async { Ok(()) };
        let (upload, client_id) = attachments::take(&self.app.desk, &self.parts.headers, body, let_in).await?;
        let upload = Arc::new(attachments::keep(&self.app.desk, upload).await?);
        let desk = self.app.desk.clone();
        let told = self
            .as_visitor(move |tx, place, session| {
                attachments::note(tx, &desk, place.source_id(), &session, &client_id, &upload)
            })
            .await?;
        Ok(self.ok(StatusCode::CREATED, &told))
    }

    async fn mark_read(&self, thread_id: Id, body: Body) -> Result<Response> {
        let fields = self.fields(body).await?;
        let content_id = fields.id("content_id")?;
        let Some(content_id) = content_id else { return fields.wrong("content_id", "blank", "must not be empty.") };
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| {
            visitors::mark_read(tx, &env, session.visitor(place), thread_id, content_id)
        })
        .await?;
        Ok(self.done())
    }

    async fn typing(&self, thread_id: Id, body: Body) -> Result<Response> {
        let fields = self.fields(body).await?;
        let typing = fields.flag("typing")?.unwrap_or(true);
        let desk = self.app.desk.clone();
        let (source_id, who) = self
            .reading(move |tx, place, session| {
                visitors::thread(tx, &desk, session.visitor(place), thread_id)?;
                Ok((place.source_id(), counted(place, &session.uuid)))
            })
            .await?;
        if typing {
            self.admit(&self.app.limits.typing, &who)?;
        }
        visitors::types_in(&self.app.desk, source_id, thread_id, typing);
        Ok(self.done())
    }

    async fn close(&self, thread_id: Id, body: Body) -> Result<Response> {
        self.pass_over(body).await?;
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| visitors::close(tx, &env, session.visitor(place), thread_id)).await?;
        Ok(self.done())
    }

    async fn note_page(&self, body: Body) -> Result<Response> {
        let context = context(&self.fields(body).await?)?;
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| {
            let seen = Seen {
                url: context.url.clone(),
                title: context.title.clone(),
                custom: context.custom.clone(),
                keep: settings::of(tx, place.source_id())?.navigation_contents,
            };
            visitors::visit(tx, &env, session.visitor(place), &seen)?;
            sessions::note(tx, &env, place, session, Claims::default(), &context).map(drop)
        })
        .await?;
        Ok(self.done())
    }

    async fn note_email(&self, body: Body) -> Result<Response> {
        let fields = self.fields(body).await?;
        let email = fields.email("email")?.filter(|email| is_email(email));
        let Some(email) = email else { return fields.wrong("email", "invalid", "must be an e-mail address.") };
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| {
            let told = Claims { email: Some(email.clone()), ..Claims::default() };
            let session = sessions::note(tx, &env, place, session, told, &Context::default())?;
            match session.visitor(place).identity_id(tx)? {
                Some(identity_id) => unread::arm_all(tx, place.source_id(), identity_id, env.now()),
                None => Ok(()),
            }
        })
        .await?;
        Ok(self.done())
    }

    async fn register_device(&self, id: &str, body: Body) -> Result<Response> {
        let device = Device::read(id, &self.fields(body).await?)?;
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| devices::register(tx, &env, place, &session, &device)).await?;
        Ok(self.done())
    }

    async fn forget_device(&self, id: &str, body: Body) -> Result<Response> {
        self.pass_over(body).await?;
        let id = devices::id(id)?.to_owned();
        self.admit_visitor(&self.app.limits.commands).await?;
        self.as_visitor(move |tx, place, session| devices::forget(tx, place, &session, &id)).await?;
        Ok(self.done())
    }

    async fn stream(&mut self) -> Result<Response> {
        let secret = match socket_session(&self.parts.headers) {
            Some(secret) => secret,
            None => self.secret()?,
        };
        let query = self.query()?;
        let after = self.number(&query, "after")?;
        let env = self.app.desk.env.clone();
        let find = secret.clone();
        let (session, source_id, end) = self
            .read(move |tx, place| {
                let end: i64 = tx.one("SELECT seq FROM log_head", &[])?.get(0)?;
                Ok((sessions::find(tx, &env, place, &find)?, place.source_id(), end))
            })
            .await?;
        if after.is_some_and(|after| after > end) {
            let message = format!("after: the log ends at {end}; nothing has happened after that yet.");
            return Err(error::invalid("after", "invalid", message));
        }
        let feed = Reading::new(&self.app.desk, &self.app.hub, source_id, &session, after.unwrap_or(end));
        let mut key = DefaultHasher::new();
        (source_id, &session.uuid).hash(&mut key);
        let protocol = Some(PROTOCOL).filter(|_| self.parts.headers.contains_key(header::SEC_WEBSOCKET_PROTOCOL));
        let streams = self.app.streams.clone();
        let request_id = self.request_id;
        streams.answer(Box::new(feed), key.finish(), STREAMS_MAX, protocol, &mut self.parts, request_id).await
    }

    async fn availability(&self) -> Result<Response> {
        self.admit(&self.app.limits.of_network.questions, &self.network())?;
        let query = self.query()?;
        let ids = query.get("trigger_ids").and_then(Value::as_str).unwrap_or_default().to_owned();
        let told = self.read(move |tx, place| availability::of(tx, place, &ids)).await?;
        let mut response = self.ok(StatusCode::OK, &told);
        let kept = HeaderValue::from_static("private, max-age=5");
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
        Ok(response)
    }

    async fn status(&self, body: Body) -> Result<Response> {
        self.admit(&self.app.limits.of_network.questions, &self.network())?;
        let fields = self.fields(body).await?;
        let uuid = fields.text("uuid", 255)?;
        let given = Given {
            session: fields.text("session", 200)?,
            jwt: fields.text("jwt", crate::jwt::TOKEN_BYTES_MAX)?,
            identity: uuid.map(|uuid| (Claims::default(), Some(uuid))),
            context: Context::default(),
        };
        let (env, seal) = sessions::store_of(&self.app.desk);
        let (open, unread) = self
            .read(move |tx, place| {
                let Some(uuid) = sessions::guess(tx, &env, &seal, place, &given)? else { return Ok((0, 0)) };
                match visitors::unread(tx, visitors::Visitor { place, uuid: &uuid }) {
                    Err(Error::Refused(_)) => Ok((0, 0)),
                    other => other,
                }
            })
            .await?;
        Ok(self.ok(StatusCode::OK, &json!({ "open_threads": open, "unread": unread })))
    }
}

/// What the beginning of a session answers, but for the secret and the place.
fn told(
    tx: &mut dyn Tx,
    desk: &frontdesk_conversations::Conversations,
    place: &Place,
    session: &Session,
) -> Result<Value> {
    let visitor = session.visitor(place);
    let identity_id = visitor.identity_id(tx)?;
    let (threads, _) = visitors::threads(tx, desk, visitor, None, RECORDS_MAX)?;
    let claims = &session.claims;
    Ok(json!({
        "session": null,
        "expires_at": session.signed.then_some(session.expires_at),
        "identity": {
            "id": identity_id, "uuid": session.uuid, "screenname": claims.screenname, "signed": session.signed,
            "email": claims.email,
        },
        "threads": threads,
        "seq": null,
    }))
}

fn context(fields: &Fields) -> Result<Context> {
    let page = fields.object("page")?;
    let text = |name: &str, most: usize| match &page {
        Some(page) => page.text(name, most),
        None => Ok(None),
    };
    Ok(Context {
        locale: fields.text("locale", 20)?,
        trigger_id: fields.id("trigger_id")?,
        url: text("url", URL_CHARACTERS_MAX)?,
        title: text("title", crate::fields::TEXT_CHARACTERS_MAX)?,
        custom: fields.facts("custom", "custom_")?,
    })
}

/// What a new conversation has of where it began (row 3.10).
fn thread_context(context: &Context) -> Map<String, Value> {
    let mut facts = context.custom.clone();
    for (name, value) in [("page_url", &context.url), ("page_title", &context.title)] {
        if let Some(value) = value {
            facts.insert(name.into(), value.as_str().into());
        }
    }
    facts
}

/// A visitor, as limits count them.
fn counted(place: &Place, uuid: &str) -> String {
    format!("{} {uuid}", place.source_id())
}

fn message(fields: &Fields, ip: Option<String>) -> Result<Message> {
    let client_id = fields.text("client_id", 64)?.unwrap_or_default();
    attachments::require_client_id(&client_id)?;
    let from_agent = match fields.text("from", 20)?.as_deref() {
        None | Some("visitor") => false,
        Some("agent") => true,
        Some(_) => return fields.wrong("from", "inclusion", "must be visitor or agent."),
    };
    let automated = fields.flag("automated")?.unwrap_or(false);
    if from_agent && !automated {
        return fields.wrong("from", "invalid", "may be agent for automated messages only.");
    }
    let structured_reply = match fields.object("structured_reply")? {
        None => None,
        Some(reply) => match (reply.id("content_id")?, reply.text("payload", PAYLOAD_CHARACTERS_MAX)?) {
            (Some(content_id), Some(payload)) => Some((content_id, payload)),
            _ => return fields.wrong("structured_reply", "invalid", "must have content_id and payload."),
        },
    };
    Ok(Message {
        client_id,
        thread_id: fields.id("thread_id")?,
        joins_last: fields.flag("single_thread")?.unwrap_or(false),
        body: fields.text("body", MESSAGE_CHARACTERS_MAX)?.unwrap_or_default(),
        structured_reply,
        from_agent,
        automated,
        ip,
        ..Message::default()
    })
}

/// The session among the protocols that a WebSocket offers: pages can send no other header with it.
fn socket_session(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    offered.split(',').find_map(|one| one.trim().strip_prefix("session.")).map(str::to_owned)
}
