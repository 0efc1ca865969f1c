//! The REST face: a table of operations, and the one way in which requests reach them: routing, parameters, tokens,
//! the throttle, permissions, transactions, idempotency, errors, and the document that describes it all. It knows no
//! resource.

mod answer;
mod body;
mod call;
mod docs;
mod idempotency;
mod openapi;
mod operation;
mod paging;
mod parameters;
mod rate_limit;
mod routes;
mod serve;
mod stream;
#[cfg(test)]
mod tests;
mod unfilled;
mod upload;

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::routing::any;
use bytes::Bytes;
use frontdesk_model::{Caller, Env, Id, Result};
use frontdesk_store::{Seal, Store, Tx};
use serde_json::{Map, Value};

pub use answer::{REQUEST_ID, json, refusal, refuse};
pub use body::{BodyRoom, read_body};
pub use call::{Call, Upload};
pub use idempotency::{KEY_CHARACTERS_MAX, KEY_KEPT_SECONDS, forget_idempotency_keys};
pub use openapi::{OURS, openapi};
pub use operation::{Kind, NoParameters, Operation, faults, list};
pub use paging::{OFFSET_MAX, Page, Paging, RECORDS_DEFAULT, RECORDS_MAX};
pub use parameters::{NAME_BYTES_MAX, NAME_LEVELS_MAX, PAIRS_MAX, given, parameters, parse_pairs};
pub use rate_limit::{RateLimiter, TOKENS_MAX};
pub use serve::bearer;
pub use stream::{
    Coming, Feed, HEARTBEAT_SECONDS, Message, Patience, Reader, SEND_SECONDS_MAX, STREAMS_MAX, STREAMS_PER_TOKEN_MAX,
    StreamFigures, Streams, Text,
};
pub use unfilled::Unfilled;
pub use upload::{Bounds, receive, sweep_uploads};

/// Turns a token or a session into a caller.
pub trait Authenticator: Send + Sync {
    /// Whose credential it is, or the user they act as. 401 for a token that is unknown or disabled and for a
    /// session that has ended, 400 when acting as that user is not allowed. It may run more than once per request.
    fn caller(&self, tx: &mut dyn Tx, credential: &Credential, impersonated_user_id: Option<&str>) -> Result<Caller>;

    /// Notes, in its transaction, that a request of a caller who acts as somebody else was carried out.
    fn acted(&self, _: &mut dyn Tx, _: &Caller) -> Result<()> {
        Ok(())
    }

    /// The session that a request without a token comes with, if it may count: a browser adds its cookie to whatever any
    /// page asks for.
    fn session(&self, _: &Parts) -> Option<Credential> {
        None
    }

    /// Is told of every credential by which something was done.
    fn seen(&self, _: &Credential) {}
}

/// By what a request says who asks. It has no `Debug`, because it is a secret.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Credential {
    /// An access token.
    Token(String),
    /// The secret of a console's session.
    Session(String),
}

impl Credential {
    /// The secret itself.
    pub fn secret(&self) -> &str {
        match self {
            Credential::Token(secret) | Credential::Session(secret) => secret,
        }
    }
}

/// Whose request it is, put into a request's extensions by whoever knows the proxies in front; the access log shows it.
#[derive(Clone, Copy, Debug)]
pub struct ClientAddress(pub IpAddr);

impl ClientAddress {
    /// That of a request, if anybody knows.
    pub fn of(parts: &Parts) -> Option<ClientAddress> {
        parts.extensions.get::<ClientAddress>().copied()
    }

    /// What limits count: one customer of a provider has a whole /64 of IPv6.
    pub fn network(self) -> String {
        match self.0.to_canonical() {
            IpAddr::V6(address) => format!("{:?}", &address.segments()[..4]),
            address => address.to_string(),
        }
    }

    /// Who takes turns with others in [`Store::read_as`].
    pub fn asker(self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.network().hash(&mut hasher);
        hasher.finish()
    }
}

/// Is told about every request: the operation's id ("none" for unknown paths), the status, and how long it took.
pub type Observer = Arc<dyn Fn(&'static str, u16, Duration) + Send + Sync>;

/// Is given every received file before the transaction of its operation begins: there it is put into its place, so that
/// nobody waits for a disk inside a transaction.
pub type KeepUpload = Arc<dyn Fn(&Upload) -> Result<()> + Send + Sync>;

/// What a request may cost.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Requests per token in a sliding minute; 0 switches the throttle off.
    pub requests_per_minute: u32,
    /// Bytes of a body that is no upload, and of the parameters beside an uploaded file.
    pub body_bytes_max: usize,
    /// Bytes of an uploaded file.
    pub upload_bytes_max: u64,
    /// How long a whole body may take, and how long an upload may stand still.
    pub body_timeout: Duration,
    /// How long a whole upload may take.
    pub upload_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            requests_per_minute: 500,
            body_bytes_max: 1024 * 1024,
            upload_bytes_max: 25 * 1024 * 1024,
            body_timeout: Duration::from_secs(30),
            upload_timeout: Duration::from_secs(600),
        }
    }
}

/// Everything that REST is made of.
pub struct Api {
    /// The table.
    pub operations: Vec<Operation>,
    /// Where operations run.
    pub store: Store,
    /// Clock, chance and ids.
    pub env: Env,
    /// Seals what is kept of answers.
    pub seal: Seal,
    /// Who a token stands for.
    pub authenticator: Arc<dyn Authenticator>,
    /// What a request may cost.
    pub limits: Limits,
    /// Folder for files while they are received; made when it is missing.
    pub uploads_dir: PathBuf,
    /// Keeps what was received.
    pub keep_upload: KeepUpload,
    /// The address that the OpenAPI document names, such as `https://desk.example.com`; empty for a relative one.
    pub public_url: String,
    /// Is told about every request.
    pub observer: Observer,
    /// The streams that are open, and their limits.
    pub streams: Arc<Streams>,
}

/// The operations, served: over HTTP by [`Rest::router`], and to what speaks another protocol by [`Rest::run`]. Cheap to
/// clone.
#[derive(Clone)]
pub struct Rest(Arc<serve::Server>);

impl Rest {
    /// Makes everything ready that the table needs to be served.
    pub fn new(api: Api) -> Rest {
        Rest(Arc::new(serve::Server::new(api)))
    }

    /// Serves `/1.0`, `/openapi.json` and `/docs`. It has no fallback, so that it can be merged with other routers;
    /// whoever answers other paths can do so with [`refuse`].
    pub fn router(&self) -> Router {
        let docs = docs::router(&openapi(&self.0.api.operations, &self.0.api.public_url));
        let mut operations = Router::new();
        // Client libraries join a base address that ends in a slash with a path that begins with one.
        for path in ["/1.0", "/1.0/", "/1.0/{*path}", "//1.0", "//1.0/", "//1.0/{*path}"] {
            operations = operations.route(path, any(serve::serve));
        }
        operations.with_state(self.0.clone()).merge(docs)
    }

    /// A row of the table.
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.0.api.operations.iter().find(|operation| operation.id == id)
    }

    /// Clock, chance and ids.
    pub fn env(&self) -> &Env {
        &self.0.api.env
    }

    /// Counts one request of a token that comes another way, as the throttle counts those of REST, and says who asks. 401
    /// and 429 as there.
    pub async fn admit(&self, token: &str) -> Result<Caller> {
        serve::admit(&self.0, token).await
    }

    /// Runs an operation as whoever a token stands for, with all that REST checks: their permissions, the types of the
    /// parameters, and what the operation itself refuses. `path` holds the parameters of its path, undecoded. It takes no
    /// files, and counts as no request.
    pub async fn run(
        &self,
        token: &str,
        request_id: Id,
        operation: &str,
        path: &[(&'static str, String)],
        parameters: Map<String, Value>,
    ) -> Result<Value> {
        serve::run(&self.0, token, request_id, operation, path, parameters).await
    }

    /// Reads a body within the limits of REST: its bytes, or 413, or 400 for one that comes too slowly.
    pub async fn read(&self, body: Body, headers: &HeaderMap) -> Result<Bytes> {
        let limits = &self.0.api.limits;
        body::read_body(body, headers, limits.body_bytes_max, limits.body_timeout).await
    }

    /// Leaves the observation about a request that came another way.
    pub fn observe(&self, operation: &'static str, status: u16, duration: Duration) {
        (self.0.api.observer)(operation, status, duration);
    }
}
