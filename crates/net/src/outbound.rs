//! The one client for calls that leave the server. Every address is checked when the connection is made, so that no
//! name, redirect or answer of a name server leads it to a place that [`AddressPolicy`] forbids. It takes no proxy from
//! the environment, keeps no cookies and follows redirects only for downloads, where each hop is checked again.

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use frontdesk_model::invisible::is_invisible;
use futures_util::future::BoxFuture;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use percent_encoding::percent_decode_str;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, SignatureScheme};
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;
use url::{Host, Url};

use crate::guard::{AddressPolicy, Forbidden};

/// A connection that is not made by then is given up, so that a name's next address still gets its turn.
pub const CONNECT_SECONDS_MAX: u64 = 10;
/// A kept connection is closed when it was idle for this long.
pub const POOL_IDLE_SECONDS_MAX: u64 = 30;
/// At most so many look-ups of one name run at once: where its name server does not answer, each holds a thread of this
/// program for as long as the system waits, which is longer than whoever asked does.
pub const LOOK_UPS_PER_NAME_MAX: usize = 4;
/// At most this many idle connections are kept to one host.
pub const POOL_IDLE_PER_HOST_MAX: usize = 8;
/// A download follows at most this many redirects.
pub const DOWNLOAD_REDIRECTS_MAX: usize = 3;
/// A download's name hint is cut to this many bytes: what common file systems take.
pub const NAME_BYTES_MAX: usize = 255;

/// Headers that belong to the connection and not to the caller; a caller's own would let him smuggle requests.
const CONNECTION_HEADERS: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The guarded client; cheap to clone, clones share their connections.
#[derive(Clone)]
pub struct Outbound {
    client: reqwest::Client,
    /// For receivers whose owners asked that nobody look at their certificates.
    trusting: reqwest::Client,
    /// For those who speak HTTP/2 and nothing else.
    http2: reqwest::Client,
    policy: Arc<AddressPolicy>,
}

/// One call to make. It has no `Debug`, because its headers may hold secrets.
pub struct OutboundRequest {
    /// The method.
    pub method: Method,
    /// An absolute http or https URL, without user and password.
    pub url: String,
    /// Headers to send. Those that belong to the connection (`Host`, `Content-Length`, `Connection` …) are left out.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body; may be empty.
    pub body: Bytes,
    /// For the whole attempt by the wall clock: name, connection, answer, body.
    pub deadline: Duration,
    /// Reading stops after this many bytes of the answer's body.
    pub answer_bytes_max: usize,
    /// Whether the other side has to prove who it is. Without, the connection is secret and nothing more: for tests with
    /// certificates of one's own making.
    pub verify_tls: bool,
    /// Whether the other side speaks HTTP/2 and nothing else: then nothing else is offered, and without TLS it is taken
    /// for granted.
    pub http2: bool,
}

/// What the other side answered, whatever its status.
#[derive(Debug)]
pub struct OutboundAnswer {
    /// The status; redirects are answers like any other.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, up to the limit asked for.
    pub body: Bytes,
    /// Whether there was more body than the limit.
    pub truncated: bool,
}

/// A file to fetch. It has no `Debug`, because its headers may hold secrets.
pub struct DownloadRequest {
    /// An absolute http or https URL, without user and password.
    pub url: String,
    /// Headers to send; a redirect to another origin does not get them.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Where to write. The file must not exist. It is removed again on any error, but not when the caller drops the
    /// future half-way: give a path in a directory that is swept.
    pub path: PathBuf,
    /// For everything by the wall clock, redirects and writing included.
    pub deadline: Duration,
    /// A file of more bytes is refused.
    pub bytes_max: u64,
}

/// A file that was fetched; its contents are on disk and synced.
#[derive(Debug, PartialEq, Eq)]
pub struct Download {
    /// The media type as the other side claims it.
    pub content_type: Option<String>,
    /// What the file may be called, from Content-Disposition or the URL's path: one path segment without control or
    /// invisible characters, at most [`NAME_BYTES_MAX`] bytes. A hint to show; never use it as a path.
    pub name: Option<String>,
    /// The size.
    pub bytes: u64,
}

/// Why a call failed. The texts are for operators: they name the host at most, never the rest of the URL.
#[derive(Debug, PartialEq, Eq)]
pub enum OutboundError {
    /// The address may not be called; trying again will not help.
    Forbidden(String),
    /// The URL cannot be called; trying again will not help.
    Url(String),
    /// The deadline passed.
    Timeout,
    /// No connection: unknown name, refused, unreachable.
    Connect(String),
    /// A connection, but no trust: certificate or handshake.
    Tls(String),
    /// The other side does not speak HTTP, or broke off.
    Protocol(String),
    /// A download's last answer was not a success.
    Status(StatusCode),
    /// A download is larger than this many bytes.
    TooLarge(u64),
    /// A download could not be written.
    File(String),
}

impl fmt::Display for OutboundError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutboundError::Forbidden(reason) => {
                write!(
                    f,
                    "{reason}; only public addresses are called, unless --allow-outbound names the network, as \
                     --allow-outbound 127.0.0.0/8 does for this machine"
                )
            }
            OutboundError::Url(reason) => write!(f, "the URL cannot be called: {reason}"),
            OutboundError::Timeout => f.write_str("no complete answer in time"),
            OutboundError::Connect(reason) => write!(f, "no connection: {reason}"),
            OutboundError::Tls(reason) => write!(f, "no secure connection: {reason}"),
            OutboundError::Protocol(reason) => write!(f, "no valid answer: {reason}"),
            OutboundError::Status(status) => write!(f, "the answer was {status}"),
            OutboundError::TooLarge(bytes) => write!(f, "the file is larger than {bytes} bytes"),
            OutboundError::File(reason) => write!(f, "the file cannot be written: {reason}"),
        }
    }
}

impl Error for OutboundError {}

impl Outbound {
    /// Makes the client; fails only when the TLS set-up is broken.
    pub fn new(policy: AddressPolicy) -> Result<Outbound, String> {
        Outbound::with_lookup(policy, Arc::new(|name| Box::pin(look_up(name))))
    }

    /// The same with another way to find the addresses of a name.
    fn with_lookup(policy: AddressPolicy, lookup: Lookup) -> Result<Outbound, String> {
        let (policy, lookup) = (Arc::new(policy), in_turns(lookup));
        let mut unverified = tls_config()?;
        unverified.dangerous().set_certificate_verifier(Arc::new(AnyCertificate));
        let client = |tls, http2| self::client(tls, &policy, &lookup, http2);
        Ok(Outbound {
            client: client(tls_config()?, false)?,
            trusting: client(unverified, false)?,
            http2: client(tls_config()?, true)?,
            policy: policy.clone(),
        })
    }

    /// Makes one call. It is tried once: retrying is the caller's decision.
    pub async fn send(&self, request: OutboundRequest) -> Result<OutboundAnswer, OutboundError> {
        let deadline = request.deadline;
        tokio::time::timeout(deadline, self.attempt(request)).await.unwrap_or(Err(OutboundError::Timeout))
    }

    /// Fetches a file to disk, through at most [`DOWNLOAD_REDIRECTS_MAX`] redirects.
    pub async fn download(&self, request: DownloadRequest) -> Result<Download, OutboundError> {
        let file = tokio::fs::OpenOptions::new().write(true).create_new(true).open(&request.path).await;
        let file = file.map_err(|error| OutboundError::File(error.to_string()))?;
        let fetched = tokio::time::timeout(request.deadline, self.fetch(&request, file)).await;
        let fetched = fetched.unwrap_or(Err(OutboundError::Timeout));
        if fetched.is_err() {
            remove(&request.path).await;
        }
        fetched
    }

    /// Reads a URL and refuses what no connection may be made to as far as the text alone tells: names are judged by
    /// their addresses when the call is made. Use it to refuse a URL when it is saved.
    pub fn check_url(&self, text: &str) -> Result<Url, OutboundError> {
        let url = Url::parse(text).map_err(|error| OutboundError::Url(error.to_string()))?;
        self.check(&url)?;
        Ok(url)
    }

    fn check(&self, url: &Url) -> Result<(), OutboundError> {
        let refuse = |reason: &str| Err(OutboundError::Url(reason.to_owned()));
        if !matches!(url.scheme(), "http" | "https") {
            return refuse("it must begin with http:// or https://");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("it must not hold a user name or a password");
        }
        // The client connects to a literal address without asking the resolver, so it is judged here.
        let verdict = match url.host() {
            None => return refuse("it names no host"),
            Some(Host::Domain(_)) => Ok(()),
            Some(Host::Ipv4(address)) => self.policy.verdict(address.into()),
            Some(Host::Ipv6(address)) => self.policy.verdict(address.into()),
        };
        verdict.map_err(|forbidden| OutboundError::Forbidden(forbidden.to_string()))
    }

    async fn attempt(&self, request: OutboundRequest) -> Result<OutboundAnswer, OutboundError> {
        let url = self.check_url(&request.url)?;
        let client = match (request.http2, request.verify_tls) {
            (true, _) => &self.http2,
            (false, true) => &self.client,
            (false, false) => &self.trusting,
        };
        let call = client.request(request.method, url).headers(own_headers(request.headers)).body(request.body);
        let mut response = call.send().await.map_err(explain)?;
        let mut body = BytesMut::new();
        let mut truncated = false;
        while let Some(chunk) = response.chunk().await.map_err(explain)? {
            let room = request.answer_bytes_max - body.len();
            truncated = chunk.len() > room;
            body.extend_from_slice(&chunk[..chunk.len().min(room)]);
            if truncated {
                break;
            }
        }
        let (status, headers) = (response.status(), std::mem::take(response.headers_mut()));
        Ok(OutboundAnswer { status, headers, body: body.freeze(), truncated })
    }

    async fn fetch(&self, request: &DownloadRequest, mut file: tokio::fs::File) -> Result<Download, OutboundError> {
        let mut response = self.follow(request).await?;
        let bytes_max = request.bytes_max;
        if response.content_length().is_some_and(|length| length > bytes_max) {
            return Err(OutboundError::TooLarge(bytes_max));
        }
        let not_written = |error: io::Error| OutboundError::File(error.to_string());
        let mut bytes = 0_u64;
        while let Some(chunk) = response.chunk().await.map_err(explain)? {
            bytes = bytes.saturating_add(chunk.len() as u64);
            if bytes > bytes_max {
                return Err(OutboundError::TooLarge(bytes_max));
            }
            file.write_all(&chunk).await.map_err(not_written)?;
        }
        // A row that names the file may be committed right after this, so the contents must be durable first.
        file.sync_all().await.map_err(not_written)?;
        let text = |name| response.headers().get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let content_type = text(header::CONTENT_TYPE).map(|value| value.trim().to_owned());
        let name = text(header::CONTENT_DISPOSITION).and_then(|value| disposition_name(&value));
        Ok(Download { content_type, name: name.or_else(|| path_name(response.url())), bytes })
    }

    /// The first answer that is not a redirect, if it is a success.
    async fn follow(&self, request: &DownloadRequest) -> Result<reqwest::Response, OutboundError> {
        let mut url = self.check_url(&request.url)?;
        let mut headers = own_headers(request.headers.clone());
        for _ in 0..=DOWNLOAD_REDIRECTS_MAX {
            let response = self.client.get(url.clone()).headers(headers.clone()).send().await.map_err(explain)?;
            let status = response.status();
            if status.is_success() {
                return Ok(response);
            }
            let location = response.headers().get(header::LOCATION).filter(|_| status.is_redirection());
            let Some(location) = location else { return Err(OutboundError::Status(status)) };
            let next = location.to_str().ok().and_then(|location| url.join(location).ok());
            let next = next.ok_or_else(|| OutboundError::Protocol("a redirect to no URL".into()))?;
            self.check(&next)?;
            // What authorises the caller at one origin is not for another.
            if next.origin() != url.origin() {
                headers.clear();
            }
            url = next;
        }
        Err(OutboundError::Protocol(format!("more than {DOWNLOAD_REDIRECTS_MAX} redirects")))
    }
}

/// Trusts the public certificate authorities only, with one crypto provider for the whole program.
fn tls_config() -> Result<rustls::ClientConfig, String> {
    let roots = rustls::RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = rustls::ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let builder = versions.map_err(|error| format!("TLS cannot be set up: {error}"))?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that makes clients")]
fn client(
    mut tls: rustls::ClientConfig,
    policy: &Arc<AddressPolicy>,
    lookup: &Lookup,
    http2: bool,
) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder();
    if http2 {
        tls.alpn_protocols = vec![b"h2".to_vec()];
        builder = builder.http2_prior_knowledge();
    }
    builder
        .tls_backend_preconfigured(tls)
        .dns_resolver(GuardedResolver { policy: policy.clone(), lookup: lookup.clone() })
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .user_agent(concat!("Frontdesk/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(Duration::from_secs(CONNECT_SECONDS_MAX))
        .pool_idle_timeout(Duration::from_secs(POOL_IDLE_SECONDS_MAX))
        .pool_max_idle_per_host(POOL_IDLE_PER_HOST_MAX)
        .build()
        .map_err(|error| format!("the outbound client cannot be made: {}", deepest(&error)))
}

/// Takes any certificate. Signatures are still checked, so that the connection is with whoever holds it.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = rustls::crypto::ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Finds the addresses of a name.
type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync>;

/// As the system does.
async fn look_up(name: String) -> io::Result<Vec<SocketAddr>> {
    Ok(tokio::net::lookup_host((name.as_str(), 0)).await?.collect())
}

/// The same for each name only [`LOOK_UPS_PER_NAME_MAX`] times at once, whoever has stopped waiting for it.
fn in_turns(lookup: Lookup) -> Lookup {
    let names: Mutex<HashMap<String, Weak<Semaphore>>> = Mutex::default();
    Arc::new(move |name| {
        let turns = {
            let mut names = names.lock().unwrap_or_else(PoisonError::into_inner);
            names.retain(|_, turns| turns.strong_count() > 0);
            names.get(&name).and_then(Weak::upgrade).unwrap_or_else(|| {
                let turns = Arc::new(Semaphore::new(LOOK_UPS_PER_NAME_MAX));
                names.insert(name.clone(), Arc::downgrade(&turns));
                turns
            })
        };
        let lookup = lookup.clone();
        Box::pin(async move {
            let turn = turns.acquire_owned().await.map_err(io::Error::other)?;
            let looking = tokio::spawn(async move {
                let found = lookup(name).await;
                drop(turn);
                found
            });
            looking.await.map_err(io::Error::other)?
        })
    })
}

/// Resolves names and keeps the addresses that may be called. It runs for each new connection, and the connection goes
/// to the very addresses that it returns: a name server that changes its answer gains nothing.
struct GuardedResolver {
    policy: Arc<AddressPolicy>,
    lookup: Lookup,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (policy, found) = (self.policy.clone(), (self.lookup)(name.as_str().to_owned()));
        Box::pin(async move {
            let mut forbidden = None;
            let mut addresses: Vec<SocketAddr> = Vec::new();
            for address in found.await? {
                match policy.verdict(address.ip()) {
                    Ok(()) => addresses.push(address),
                    Err(reason) => forbidden = Some(reason),
                }
            }
            match forbidden {
                Some(reason) if addresses.is_empty() => {
                    Err(Box::new(ForbiddenHost { host: name.as_str().to_owned(), reason }) as _)
                }
                _ => Ok(Box::new(addresses.into_iter()) as Addrs),
            }
        })
    }
}

/// A name that leads to forbidden addresses only; travels through the client's error and is found again there.
#[derive(Debug)]
struct ForbiddenHost {
    host: String,
    reason: Forbidden,
}

impl fmt::Display for ForbiddenHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} leads to no address that may be called: {}", self.host, self.reason)
    }
}

impl Error for ForbiddenHost {}

fn own_headers(headers: Vec<(HeaderName, HeaderValue)>) -> HeaderMap {
    let mut own = HeaderMap::with_capacity(headers.len());
    for (name, value) in headers {
        if !CONNECTION_HEADERS.contains(&name) {
            own.append(name, value);
        }
    }
    own
}

/// What the client says, as of a connection that ended, when the other side closed it during the handshake.
const HANDSHAKE_BROKEN_OFF: &str = "tls handshake eof";

/// Sorts the client's error into ours. Its own text holds the URL, so only its causes are told.
fn explain(error: reqwest::Error) -> OutboundError {
    if error.is_timeout() {
        return OutboundError::Timeout;
    }
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if let Some(forbidden) = current.downcast_ref::<ForbiddenHost>() {
            return OutboundError::Forbidden(forbidden.to_string());
        }
        if let Some(tls) = current.downcast_ref::<rustls::Error>() {
            return OutboundError::Tls(tls.to_string());
        }
        // An I/O error hides the error it wraps from the chain of causes.
        let wrapped = current.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| current.source());
    }
    let text = deepest(&error);
    if error.is_builder() {
        OutboundError::Url(text)
    } else if text == HANDSHAKE_BROKEN_OFF {
        OutboundError::Tls("the other side broke off, as one that speaks no TLS does".into())
    } else if error.is_connect() {
        OutboundError::Connect(text)
    } else {
        OutboundError::Protocol(text)
    }
}

/// The text of the innermost cause: the outer ones repeat it or name the URL.
fn deepest(error: &reqwest::Error) -> String {
    let Some(mut cause) = error.source() else { return "the request failed".into() };
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A file that stays behind costs space and nothing else, so a failure is logged and not told.
async fn remove(path: &Path) {
    if let Err(error) = tokio::fs::remove_file(path).await {
        tracing::warn!(%error, "a broken download stays on disk");
    }
}

/// The file name of a Content-Disposition header (RFC 6266); the form with a character set wins.
fn disposition_name(value: &str) -> Option<String> {
    let mut plain = None;
    let mut rest = Some(value);
    while let Some((before, after)) = rest.and_then(|rest| rest.split_once('=')) {
        let key = before.rsplit(';').next().unwrap_or_default().trim();
        let (value, next) = parameter_value(after.trim_start());
        if key.eq_ignore_ascii_case("filename*") {
            // charset'language'percent-encoded; all charsets but UTF-8 died out.
            let encoded = value.splitn(3, '\'').nth(2).unwrap_or(&value);
            return clean_name(&percent_decode_str(encoded).decode_utf8_lossy());
        }
        if key.eq_ignore_ascii_case("filename") {
            plain = clean_name(&value);
        }
        rest = next;
    }
    plain
}

/// Reads a token or a quoted string, and what follows the next semicolon.
fn parameter_value(text: &str) -> (String, Option<&str>) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, next) = text.split_once(';').map_or((text, None), |(value, next)| (value, Some(next)));
        return (value.trim().to_owned(), next);
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, quoted[at..].split_once(';').map(|(_, next)| next)),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    (value, None)
}

fn path_name(url: &Url) -> Option<String> {
    let segment = url.path_segments()?.next_back()?;
    clean_name(&percent_decode_str(segment).decode_utf8_lossy())
}

/// One path segment that shows as it is: no folders, no control characters, none that are invisible or turn the
/// direction of the text.
fn clean_name(name: &str) -> Option<String> {
    let segment = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let shown: String = segment.chars().filter(|c| !is_invisible(*c)).collect();
    let mut name = shown.trim_matches([' ', '.']).to_owned();
    name.truncate(name.floor_char_boundary(NAME_BYTES_MAX));
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests;
