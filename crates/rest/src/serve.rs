//! The way of a request: route, token or session, rate, body, parameters, then one transaction that authenticates, checks
//! permissions, and runs the operation.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use frontdesk_model::error::{AttributeError, Error};
use frontdesk_model::{Caller, Id, Refusal, Result, error};
use frontdesk_store::{Seal, Tx};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;

use crate::answer::{json, refuse};
use crate::body::{check, read_body, too_slow};
use crate::call::{Call, Upload};
use crate::idempotency::{Attempt, key_of};
use crate::operation::{Kind, Operation, Prepare};
use crate::parameters::{BodyKind, boolean, parse_pairs, refuse_zeros, with_body};
use crate::rate_limit::RateLimiter;
use crate::routes::{Found, Lost, Routes};
use crate::stream::{self, Feed, Reader};
use crate::upload::{Bounds, receive};
use crate::{Api, ClientAddress, Credential};

const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const NO_TOKEN: &str = "Give an access token: the header \"Authorization: Bearer …\", or the parameter access_token.";

/// Everything that serving needs, built once.
pub(crate) struct Server {
    pub(crate) api: Api,
    routes: Routes,
    limiter: RateLimiter,
    /// Makes a number of each token, by which those who ask take turns.
    askers: RandomState,
    preparations: Semaphore,
}

/// So many slow preparations run at once: each takes a processor, and some take 19 MiB.
const PREPARATIONS_AT_ONCE_MAX: usize = 2;

impl Server {
    pub(crate) fn new(api: Api) -> Server {
        let (routes, faults) = Routes::new(&api.operations);
        for fault in faults {
            tracing::error!(fault, "an operation cannot be reached");
        }
        let limiter = RateLimiter::new(api.limits.requests_per_minute);
        Server {
            routes,
            limiter,
            askers: RandomState::new(),
            preparations: Semaphore::new(PREPARATIONS_AT_ONCE_MAX),
            api,
        }
    }
}

/// Serves one request, and leaves one line in the log and one observation about it.
pub(crate) async fn serve(State(server): State<Arc<Server>>, request: Request) -> Response<Body> {
    let started = Instant::now();
    let request_id = server.api.env.id();
    let user = Arc::new(OnceLock::new());
    let (mut parts, body) = request.into_parts();
    let found = server.routes.find(&parts.method, parts.uri.path());
    let (operation, pattern) = match &found {
        Ok(found) => (server.api.operations[found.operation].id, found.pattern),
        Err(_) => ("none", "none"),
    };

    let answer = match found {
        Ok(found) => answer(&server, found, &parts, body, request_id, &user).await,
        Err(lost) => Err(no_route(lost, &parts)),
    };
    let response = match answer {
        Ok(Reply::Answer(answer)) => Ok(answer.response(request_id)),
        Ok(Reply::Stream(feed, token)) => stream::begin(&server.api.streams, feed, token, &mut parts, request_id).await,
        Err(error) => Err(error),
    };
    let mut response = response.unwrap_or_else(|error| refuse(&error, request_id));
    if parts.method == Method::HEAD {
        let length = response.body().size_hint().exact().unwrap_or_default();
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
        *response.body_mut() = Body::empty();
    }

    let duration = started.elapsed();
    let status = response.status().as_u16();
    tracing::info!(
        %request_id,
        operation,
        method = %parts.method,
        path = pattern,
        status,
        duration_us = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX),
        user_id = user.get().map(Id::hex),
        client = parts.extensions.get::<ClientAddress>().map(|client| tracing::field::display(client.0)),
        "request"
    );
    (server.api.observer)(operation, status, duration);
    response
}

/// Where the public operations stand that are still to come; `docs/compatibility.md` names each.
const TO_COME: [&str; 2] = ["survey_responses", "surveys"];

fn no_route(lost: Lost, parts: &Parts) -> Error {
    let method = &parts.method;
    let area = parts.uri.path().trim_start_matches("/1.0/").split('/').next().unwrap_or_default();
    let message = match lost {
        Lost::Path if TO_COME.contains(&area) => {
            format!("This version does not serve {area} yet; docs/compatibility.md lists what is still to come.")
        }
        Lost::Path => "There is no operation under this path; GET /docs lists what there is.".to_owned(),
        Lost::Method(others) => {
            let mut others: Vec<_> = others.iter().map(Method::as_str).collect();
            others.sort_unstable();
            others.dedup();
            format!("This path does not serve {method}; it serves {}.", others.join(" and "))
        }
    };
    Refusal { status: 404, code: "not_found".into(), message, errors: Vec::new(), retry_after_seconds: None }.into()
}

/// What an operation answers.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    body: Vec<u8>,
    replayed: bool,
}

impl Answer {
    fn response(self, request_id: Id) -> Response<Body> {
        let mut response = json(self.status, self.body, request_id);
        if self.replayed {
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// What a request leads to: an answer, or a stream with a number that stands for its token.
enum Reply {
    Answer(Answer),
    Stream(Box<dyn Feed>, u64),
}

async fn answer(
    server: &Arc<Server>,
    found: Found,
    parts: &Parts,
    body: Body,
    request_id: Id,
    user: &Arc<OnceLock<Id>>,
) -> Result<Reply> {
    let operation = &server.api.operations[found.operation];
    let mut asker = Asker::new(server, parts);
    let query = parse_pairs(parts.uri.query().unwrap_or_default().as_bytes());
    if let Ok(query) = &query {
        asker.learn(query)?;
    }
    // Before the body is read, where the token is known: the throttle costs the store nothing.
    asker.throttle(server)?;
    let (bag, upload) = gather(server, found.operation, query, parts, body, &mut asker).await?;
    asker.throttle(server)?;
    let credential = asker.credential.ok_or_else(|| error::unauthorized(NO_TOKEN))?;

    let seal = &server.api.seal;
    let bag = if operation.kind == Kind::Stream { bag.and_then(|bag| resumed(bag, &parts.headers)) } else { bag };
    let given = bag.and_then(|bag| Given::read(operation, bag, upload, &found.values, &parts.headers, seal));
    let prepared = match &given {
        Ok(given) => {
            let asked = Asked { operation: found.operation, request_id, path: found.values.clone().into() };
            prepare(server, asked, &credential, &asker.impersonated_user_id, &given.values).await?
        }
        Err(_) => None,
    };
    let job = Job {
        server: server.clone(),
        operation: found.operation,
        request_id,
        path: found.values.into(),
        credential: credential.clone(),
        impersonated_user_id: asker.impersonated_user_id,
        given,
        prepared,
        user: user.clone(),
    };
    let reply = job.go().await?;
    server.api.authenticator.seen(&credential);
    Ok(reply)
}

/// Counts a request of a token, and says who it stands for.
pub(crate) async fn admit(server: &Arc<Server>, token: &str) -> Result<Caller> {
    server.limiter.admit(token, server.api.env.now())?;
    let (authenticator, credential) = (server.api.authenticator.clone(), Credential::Token(token.to_owned()));
    let asker = server.askers.hash_one(&credential);
    server.api.store.read_as(asker, move |tx| authenticator.caller(tx, &credential, None)).await
}

/// Runs an operation that is named, not routed to.
pub(crate) async fn run(
    server: &Arc<Server>,
    token: &str,
    request_id: Id,
    id: &str,
    path: &[(&'static str, String)],
    parameters: Map<String, Value>,
) -> Result<Value> {
    let index = server.api.operations.iter().position(|operation| operation.id == id);
    let index = index.ok_or_else(|| error::broken(format!("there is no operation {id}")))?;
    let operation = &server.api.operations[index];
    let given = refuse_zeros(&parameters)
        .and_then(|()| Given::read(operation, parameters, None, path, &HeaderMap::new(), &server.api.seal));
    let credential = Credential::Token(token.to_owned());
    let prepared = match &given {
        Ok(given) => {
            let asked = Asked { operation: index, request_id, path: path.into() };
            prepare(server, asked, &credential, &None, &given.values).await?
        }
        Err(_) => None,
    };
    let job = Job {
        server: server.clone(),
        operation: index,
        request_id,
        path: path.into(),
        credential,
        impersonated_user_id: None,
        given,
        prepared,
        user: Arc::default(),
    };
    let Reply::Answer(answer) = job.go().await? else {
        return Err(error::broken(format!("{id} is a stream")));
    };
    serde_json::from_slice(&answer.body).map_err(|trouble| error::broken(format!("the answer of {id}: {trouble}")))
}

/// A stream that its reader has lost goes on where the header says.
fn resumed(mut bag: Map<String, Value>, headers: &HeaderMap) -> Result<Map<String, Value>> {
    if let Some(seq) = stream::last_event_id(headers)? {
        bag.insert("after".to_owned(), Value::String(seq));
    }
    Ok(bag)
}

/// The bag, or why it cannot be read, and the file. Only what stops the reading itself (too large, too slow, a file from
/// a stranger) ends the request here: everything else waits until the caller is known.
async fn gather(
    server: &Arc<Server>,
    index: usize,
    query: Result<Map<String, Value>>,
    parts: &Parts,
    body: Body,
    asker: &mut Asker,
) -> Result<(Result<Map<String, Value>>, Option<Upload>)> {
    let limits = &server.api.limits;
    let content_type = parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if server.api.operations[index].kind == Kind::Upload
        && let Ok(BodyKind::Multipart { boundary }) = BodyKind::of(content_type)
        && !body.is_end_stream()
    {
        let (bag, upload) = gather_upload(server, index, query?, parts, body, &boundary, asker).await?;
        return Ok((Ok(bag), upload));
    }
    let body = read_body(body, &parts.headers, limits.body_bytes_max, limits.body_timeout).await?;
    let bag = query.and_then(|query| with_body(query, content_type, &body));
    if let Ok(bag) = &bag {
        asker.learn(bag)?;
    }
    Ok((bag, None))
}

async fn gather_upload(
    server: &Arc<Server>,
    index: usize,
    mut bag: Map<String, Value>,
    parts: &Parts,
    body: Body,
    boundary: &str,
    asker: &mut Asker,
) -> Result<(Map<String, Value>, Option<Upload>)> {
    let limits = &server.api.limits;
    check(&parts.headers, limits.upload_bytes_max.saturating_add(limits.body_bytes_max as u64))?;
    let bounds = Bounds {
        dir: &server.api.uploads_dir,
        file_bytes_max: limits.upload_bytes_max,
        fields_bytes_max: limits.body_bytes_max,
        idle_timeout: limits.body_timeout,
    };
    let told_who = asker.credential.is_some();
    let mut admit = |fields: &Map<String, Value>| {
        let known = asker.learn(fields).and_then(|()| asker.throttle(server));
        let (credential, impersonated_user_id) = (asker.credential.clone(), asker.impersonated_user_id.clone());
        let server = server.clone();
        async move {
            known?;
            let credential = credential.ok_or_else(|| error::unauthorized(NO_TOKEN))?;
            let store = server.api.store.clone();
            store.read(move |tx| server.caller(index, tx, &credential, impersonated_user_id.as_deref()).map(drop)).await
        }
    };
    // Strangers are turned away before their first byte, where the request's head says who asks.
    if told_who {
        admit(&bag).await?;
    }
    let receiving = receive(body, boundary, &server.api.env, &bounds, admit);
    let received = tokio::time::timeout(limits.upload_timeout, receiving).await;
    let (fields, upload) = received.map_err(|_| too_slow(limits.upload_timeout))??;
    asker.learn(&fields)?;
    bag.extend(fields);
    let upload = match upload {
        Some(upload) => Some(keep(server, upload).await?),
        None => None,
    };
    Ok((bag, upload))
}

/// Puts a received file into its place, away from the threads that serve.
async fn keep(server: &Arc<Server>, upload: Upload) -> Result<Upload> {
    let keep = server.api.keep_upload.clone();
    let kept = tokio::task::spawn_blocking(move || keep(&upload).map(|()| upload)).await;
    kept.map_err(|_| error::broken("keeping an upload ended early"))?
}

/// What is asked for.
struct Asked {
    operation: usize,
    request_id: Id,
    path: Arc<[(&'static str, String)]>,
}

/// Does an operation's slow work, for a caller who may run it.
async fn prepare(
    server: &Arc<Server>,
    asked: Asked,
    credential: &Credential,
    impersonated_user_id: &Option<String>,
    values: &Map<String, Value>,
) -> Result<Option<String>> {
    let Some(Prepare { parameter, gather, work }) = server.api.operations[asked.operation].prepare else {
        return Ok(None);
    };
    let Some(text) = values.get(parameter).and_then(Value::as_str) else { return Ok(None) };
    if text.is_empty() && gather.is_none() {
        return Ok(None);
    }
    let (own, credential, impersonated_user_id) = (server.clone(), credential.clone(), impersonated_user_id.clone());
    let text = text.to_owned();
    let gathering = move |tx: &mut dyn Tx| {
        let caller = own.caller(asked.operation, tx, &credential, impersonated_user_id.as_deref())?;
        let Some(gather) = gather else { return Ok(text.clone()) };
        let (env, path) = (own.api.env.clone(), asked.path.clone());
        let call =
            Call { caller, env, request_id: asked.request_id, extended: false, upload: None, prepared: None, path };
        gather(&call, &text, tx)
    };
    let text = server.api.store.read(gathering).await?;
    let turn = server.preparations.acquire().await;
    let _turn = turn.map_err(|_| error::broken("the preparations were closed"))?;
    let env = server.api.env.clone();
    let prepared = tokio::task::spawn_blocking(move || work(&env, &text)).await;
    prepared.map_err(|_| error::broken("a preparation ended early"))?.map(Some)
}

/// Who asks, as far as the request has said so far. The header wins over the parameter, and a token over a session.
struct Asker {
    credential: Option<Credential>,
    token_in_header: bool,
    impersonated_user_id: Option<String>,
    throttled: bool,
}

impl Asker {
    fn new(server: &Server, parts: &Parts) -> Asker {
        let token = bearer(&parts.headers).map(|token| Credential::Token(token.to_owned()));
        let token_in_header = token.is_some();
        let credential = token.or_else(|| server.api.authenticator.session(parts));
        Asker { token_in_header, credential, impersonated_user_id: None, throttled: false }
    }

    /// Takes token and acting user from parameters; the later carrier wins.
    fn learn(&mut self, bag: &Map<String, Value>) -> Result<()> {
        if !self.token_in_header
            && let Some(Value::String(token)) = bag.get("access_token")
            && !token.is_empty()
        {
            let token = Some(Credential::Token(token.clone()));
            if self.credential != token {
                self.credential = token;
                self.throttled = false;
            }
        }
        match bag.get("impersonated_user_id") {
            None => {}
            Some(Value::Null) => self.impersonated_user_id = None,
            Some(Value::String(id)) => self.impersonated_user_id = Some(id.clone()).filter(|id| !id.is_empty()),
            Some(_) => return Err(error::bad_request("impersonated_user_id: must be an id of 24 hex digits.")),
        }
        Ok(())
    }

    /// 429 past the limit; counts a request once per token.
    fn throttle(&mut self, server: &Server) -> Result<()> {
        match &self.credential {
            Some(credential) if !self.throttled => {
                self.throttled = true;
                server.limiter.admit(credential.secret(), server.api.env.now())
            }
            _ => Ok(()),
        }
    }
}

/// The token of `Authorization: Bearer …`; the scheme's case does not matter.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// What the caller gave, ready for the operation.
struct Given {
    values: Map<String, Value>,
    extended: bool,
    upload: Option<Arc<Upload>>,
    attempt: Option<Attempt>,
}

impl Given {
    fn read(
        operation: &Operation,
        mut bag: Map<String, Value>,
        upload: Option<Upload>,
        path: &[(&'static str, String)],
        headers: &HeaderMap,
        seal: &Seal,
    ) -> Result<Given> {
        if operation.record.takes_any() {
            // They say who asks, and are no parameters of an operation that names none.
            bag.remove("access_token");
            bag.remove("impersonated_user_id");
        }
        let extended = match bag.remove("extended") {
            None | Some(Value::Null) => false,
            Some(Value::String(text)) if text.is_empty() => false,
            Some(value) => boolean(&value).ok_or_else(|| error::bad_request("extended: must be true or false."))?,
        };
        let mut errors = Vec::new();
        if operation.kind == Kind::Upload && upload.is_none() {
            let message = "file can't be blank: send a multipart/form-data body with a part named file.".to_owned();
            errors.push(AttributeError { attribute: "file".into(), kind: "blank".into(), message });
        }
        let values = operation.record.coerce(bag, errors)?;
        let creates = operation.method == Method::POST && operation.kind != Kind::Read && operation.is_kept;
        let key = if creates { key_of(headers)? } else { None };
        let sha256 = upload.as_ref().map(|upload| &upload.sha256);
        let attempt = key.map(|key| {
            let attempt = Attempt::new(key, path, &values, extended, sha256);
            // What holds a secret must not be guessed at from what the store keeps of it.
            if operation.prepare.is_some() { attempt.keyed(seal) } else { attempt }
        });
        Ok(Given { values, extended, upload: upload.map(Arc::new), attempt })
    }
}

impl Server {
    /// The caller, if they may run an operation: 401, 400 for a refused impersonation, 403.
    pub(crate) fn caller(
        &self,
        index: usize,
        tx: &mut dyn Tx,
        credential: &Credential,
        impersonated_user_id: Option<&str>,
    ) -> Result<Caller> {
        let caller = self.api.authenticator.caller(tx, credential, impersonated_user_id)?;
        let permissions = self.api.operations[index].permissions;
        if !permissions.is_empty() {
            caller.require_any(permissions)?;
        }
        Ok(caller)
    }
}

/// A request on its way through the store. It may run more than once; only its last run counts.
struct Job {
    server: Arc<Server>,
    operation: usize,
    request_id: Id,
    path: Arc<[(&'static str, String)]>,
    credential: Credential,
    impersonated_user_id: Option<String>,
    given: Result<Given>,
    prepared: Option<String>,
    /// Tells the log who it was, also when the request is refused.
    user: Arc<OnceLock<Id>>,
}

impl Job {
    /// To the threads of the store.
    async fn go(self) -> Result<Reply> {
        let server = self.server.clone();
        let (asker, store) = (server.askers.hash_one(&self.credential), &server.api.store);
        match server.api.operations[self.operation].kind {
            Kind::Read => store.read_as(asker, move |tx| self.run(tx)).await.map(Reply::Answer),
            Kind::Write | Kind::Upload => store.write(move |tx| self.run(tx)).await.map(Reply::Answer),
            Kind::Stream => {
                let feed = store.read_as(asker, move |tx| self.open(tx)).await?;
                Ok(Reply::Stream(feed, asker))
            }
        }
    }

    /// The call, by a caller who may make it, and what it gives.
    fn begin(&self, tx: &mut dyn Tx) -> Result<(Call, &Given)> {
        let caller = self.server.caller(self.operation, tx, &self.credential, self.impersonated_user_id.as_deref())?;
        let user_id = caller.user_id;
        self.user.get_or_init(|| user_id);
        let given = self.given.as_ref().map_err(Clone::clone)?;

        let env = &self.server.api.env;
        let call = Call {
            caller,
            env: env.clone(),
            request_id: self.request_id,
            extended: given.extended,
            upload: given.upload.clone(),
            prepared: self.prepared.clone(),
            path: self.path.clone(),
        };
        Ok((call, given))
    }

    fn open(&self, tx: &mut dyn Tx) -> Result<Box<dyn Feed>> {
        let (call, given) = self.begin(tx)?;
        let reader = Reader {
            server: self.server.clone(),
            operation: self.operation,
            credential: self.credential.clone(),
            impersonated_user_id: self.impersonated_user_id.as_deref().map(Into::into),
        };
        let open = self.server.api.operations[self.operation].open.as_ref();
        open.ok_or_else(|| error::broken("a stream that nothing opens"))?(&call, reader, &given.values, tx)
    }

    fn run(&self, tx: &mut dyn Tx) -> Result<Answer> {
        let operation = &self.server.api.operations[self.operation];
        let (call, given) = self.begin(tx)?;
        let user_id = call.caller.user_id;
        if let Some(attempt) = &given.attempt
            && let Some(stored) = attempt.begin(tx, user_id, operation.id, call.env.now(), &self.server.api.seal)?
        {
            if let Some(may_see) = operation.replay {
                let answer = serde_json::from_slice(&stored.body)
                    .map_err(|trouble| error::broken(format!("a kept answer: {trouble}")))?;
                may_see(&call, &answer, tx)?;
            }
            return Ok(Answer { status: stored.status, body: stored.body, replayed: true });
        }
        let body = (operation.run)(&call, &given.values, tx)?;
        if call.caller.owner_id != user_id && operation.kind != Kind::Read {
            self.server.api.authenticator.acted(tx, &call.caller)?;
        }
        if let Some(attempt) = &given.attempt {
            attempt.finish(tx, user_id, operation.id, operation.success, &body, &self.server.api.seal)?;
        }
        Ok(Answer { status: operation.success, body, replayed: false })
    }
}
