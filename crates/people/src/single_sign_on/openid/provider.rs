//! The provider: what it says of itself, its keys, and what it is asked. What it says is kept for an hour; keys are asked for
//! again as soon as a token names one that is not known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use frontdesk_model::{Env, Result, Secret, Timestamp};
use frontdesk_net::{Outbound, OutboundRequest};
use jsonwebtoken::jwk::Jwk;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::form_urlencoded;

use super::token::{self, Expected, Person, Wrong};
use super::{OpenId, after_logout, is_secure};
use crate::single_sign_on::redirect::with_parameters;

/// For each answer of the provider.
const DEADLINE: Duration = Duration::from_secs(10);
/// An answer of the provider has at most this many bytes.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
const KEYS_MAX: usize = 100;
/// What a provider says of itself is believed for so long.
const KEPT_SECONDS: i64 = 3_600;

/// A provider that could not be asked is left alone for so long: anybody may open the address that asks it.
const FAILED_SECONDS: i64 = 5;

/// Why the provider is of no help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// It cannot be asked, or does not answer as it should.
    Unreachable,
    /// It does not take the code, or us.
    Refused,
    /// Its token is not to be believed.
    Token,
    /// Its token is too old.
    Expired,
}

/// What a provider says of itself (Discovery 1.0, section 3): as much as is needed.
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    pub(super) authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    end_session_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    /// Whether it says in every answer who it is (RFC 9207).
    #[serde(default)]
    pub(super) authorization_response_iss_parameter_supported: bool,
}

impl Metadata {
    /// Whether it is the provider's own, with addresses that may be used.
    fn is_of(&self, issuer: &str) -> bool {
        let optional = [&self.userinfo_endpoint, &self.end_session_endpoint];
        self.issuer == issuer
            && [&self.authorization_endpoint, &self.token_endpoint, &self.jwks_uri]
                .into_iter()
                .chain(optional.into_iter().flatten())
                // Parameters of its own are fine here.
                .all(|address| is_secure(address.split('?').next().unwrap_or_default()))
    }
}

#[derive(Clone)]
struct Kept {
    metadata: Arc<Metadata>,
    keys: Option<Arc<[Jwk]>>,
    read_at: Timestamp,
}

/// What is known of the provider. Every node asks for itself.
pub(crate) struct Provider {
    outbound: Outbound,
    kept: Mutex<Option<Kept>>,
    /// Held while it is asked what it says of itself, so that all who wait share one answer.
    asking: tokio::sync::Mutex<Option<Failed>>,
}

/// The issuer that could not be asked, and when.
struct Failed {
    issuer: String,
    at: Timestamp,
}

/// A code, and what shows that it was given to us.
pub(super) struct Exchange<'a> {
    pub(super) client_id: &'a str,
    pub(super) client_secret: Option<&'a Secret>,
    pub(super) code: &'a str,
    pub(super) verifier: &'a str,
    pub(super) redirect_uri: &'a str,
    pub(super) nonce: &'a str,
}

impl Exchange<'_> {
    /// What the provider is sent.
    fn request(&self, metadata: &Metadata) -> Result<(Vec<(HeaderName, HeaderValue)>, String), Fault> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", self.code)
            .append_pair("redirect_uri", self.redirect_uri)
            .append_pair("code_verifier", self.verifier);
        let mut headers = vec![(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"))];
        // Without a word of theirs it is the header (Discovery 1.0, section 3).
        let methods = metadata.token_endpoint_auth_methods_supported.as_ref();
        let takes_header = methods.is_none_or(|methods| methods.iter().any(|one| one == "client_secret_basic"));
        match self.client_secret {
            Some(secret) if takes_header => {
                let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
                let pair = format!("{}:{}", encode(self.client_id), encode(secret.reveal()));
                headers.push((AUTHORIZATION, secret_header(&format!("Basic {}", STANDARD.encode(pair)))?));
            }
            Some(secret) => {
                form.append_pair("client_id", self.client_id).append_pair("client_secret", secret.reveal());
            }
            None => {
                form.append_pair("client_id", self.client_id);
            }
        }
        Ok((headers, form.finish()))
    }
}

/// What is given for a code.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    #[serde(default)]
    access_token: Option<String>,
}

impl Provider {
    pub(crate) fn new(outbound: &Outbound) -> Provider {
        Provider { outbound: outbound.clone(), kept: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// What the provider with this issuer says of itself.
    pub(super) async fn metadata(&self, issuer: &str, env: &Env) -> Result<Arc<Metadata>, Fault> {
        if let Some(kept) = self.kept(issuer, env.now()) {
            return Ok(kept.metadata);
        }
        let mut failed = self.asking.lock().await;
        let now = env.now();
        if let Some(kept) = self.kept(issuer, now) {
            return Ok(kept.metadata);
        }
        let is_recent = |failed: &Failed| (0..FAILED_SECONDS).contains(&now.seconds_since(failed.at));
        if failed.as_ref().is_some_and(|failed| failed.issuer == issuer && is_recent(failed)) {
            return Err(Fault::Unreachable);
        }
        let asked = self.discover(issuer, now).await;
        *failed = asked.is_err().then(|| Failed { issuer: issuer.to_owned(), at: env.now() });
        asked
    }

    async fn discover(&self, issuer: &str, now: Timestamp) -> Result<Arc<Metadata>, Fault> {
        let address = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let metadata: Metadata = self.ask(Method::GET, &address, Vec::new(), String::new()).await?;
        if !metadata.is_of(issuer) {
            tracing::warn!(
                host = super::host(issuer),
                "the provider says that it is another, or names addresses without https"
            );
            return Err(Fault::Unreachable);
        }
        let metadata = Arc::new(metadata);
        self.keep(Kept { metadata: metadata.clone(), keys: None, read_at: now });
        Ok(metadata)
    }

    fn kept(&self, issuer: &str, now: Timestamp) -> Option<Kept> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kept.filter(|kept| kept.metadata.issuer == issuer && now.seconds_since(kept.read_at) < KEPT_SECONDS)
    }

    fn keep(&self, kept: Kept) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
    }

    /// Its keys; `fresh`: as they are at this moment. Keys that cannot be read are left out: they may be for others.
    async fn keys(&self, metadata: &Arc<Metadata>, now: Timestamp, fresh: bool) -> Result<Arc<[Jwk]>, Fault> {
        let kept = self.kept(&metadata.issuer, now).and_then(|kept| kept.keys);
        if let Some(keys) = kept.filter(|_| !fresh) {
            return Ok(keys);
        }
        #[derive(Deserialize)]
        struct Set {
            keys: Vec<Value>,
        }
        let set: Set = self.ask(Method::GET, &metadata.jwks_uri, Vec::new(), String::new()).await?;
        let keys = set.keys.into_iter().take(KEYS_MAX).filter_map(|key| serde_json::from_value(key).ok());
        let keys: Arc<[Jwk]> = keys.collect();
        self.keep(Kept { metadata: metadata.clone(), keys: Some(keys.clone()), read_at: now });
        Ok(keys)
    }

    /// Whom a code stands for.
    pub(super) async fn redeem(&self, issuer: &str, exchange: &Exchange<'_>, env: &Env) -> Result<Person, Fault> {
        let metadata = self.metadata(issuer, env).await?;
        let tokens = self.tokens(&metadata, exchange).await?;
        let now = env.now();
        let expected = Expected {
            issuer,
            client_id: exchange.client_id,
            nonce: exchange.nonce,
            now: now.micros().div_euclid(1_000_000),
        };
        let mut checked = token::check(&tokens.id_token, &self.keys(&metadata, now, false).await?, &expected);
        if checked == Err(Wrong::Key) {
            checked = token::check(&tokens.id_token, &self.keys(&metadata, now, true).await?, &expected);
        }
        let person = checked.map_err(|wrong| {
            tracing::warn!(host = super::host(issuer), ?wrong, "the provider's token is not believed");
            if wrong == Wrong::Expired { Fault::Expired } else { Fault::Token }
        })?;
        // Some tell who somebody is only so; whoever is known already does not need it.
        let (Some(address), Some(access_token), None) =
            (&metadata.userinfo_endpoint, &tokens.access_token, &person.email)
        else {
            return Ok(person);
        };
        match self.more(address, access_token).await {
            Ok(more) if more.subject == person.subject => Ok(more),
            // It may be about another (Core 1.0, section 5.3.2).
            Ok(_) => Err(Fault::Token),
            Err(_) => Ok(person),
        }
    }

    async fn tokens(&self, metadata: &Metadata, exchange: &Exchange<'_>) -> Result<Tokens, Fault> {
        let (headers, body) = exchange.request(metadata)?;
        self.ask(Method::POST, &metadata.token_endpoint, headers, body).await
    }

    async fn more(&self, address: &str, access_token: &str) -> Result<Person, Fault> {
        let header = (AUTHORIZATION, secret_header(&format!("Bearer {access_token}"))?);
        self.ask(Method::GET, address, vec![header], String::new()).await
    }

    /// Where who leaves goes, when they are to leave there as well; none when it cannot be found out.
    pub(in super::super) async fn logout_url(
        &self,
        openid: &OpenId,
        env: &Env,
        public_url: &str,
    ) -> Result<Option<String>> {
        let Some((issuer, client_id)) = openid.client().filter(|_| openid.sign_out_there) else { return Ok(None) };
        let Ok(metadata) = self.metadata(&issuer, env).await else { return Ok(None) };
        let Some(address) = &metadata.end_session_endpoint else { return Ok(None) };
        let back = after_logout(public_url);
        with_parameters(address, &[("client_id", &client_id), ("post_logout_redirect_uri", &back)]).map(Some)
    }

    /// Asks, and reads the JSON that is answered.
    async fn ask<T: DeserializeOwned>(
        &self,
        method: Method,
        address: &str,
        mut headers: Vec<(HeaderName, HeaderValue)>,
        body: String,
    ) -> Result<T, Fault> {
        headers.push((ACCEPT, HeaderValue::from_static("application/json")));
        let is_read = method == Method::GET;
        let request = OutboundRequest {
            method,
            url: address.to_owned(),
            headers,
            body: body.into(),
            deadline: DEADLINE,
            answer_bytes_max: ANSWER_BYTES_MAX,
            verify_tls: true,
            http2: false,
        };
        let host = super::host(address);
        let answer = self.outbound.send(request).await.map_err(|trouble| {
            tracing::warn!(host, %trouble, "the provider cannot be asked");
            Fault::Unreachable
        })?;
        if answer.status != StatusCode::OK {
            tracing::warn!(host, status = answer.status.as_u16(), "the provider refuses");
            return Err(if is_read || answer.status.is_server_error() { Fault::Unreachable } else { Fault::Refused });
        }
        // What is wrong with it is not told: it may hold tokens.
        serde_json::from_slice(&answer.body).map_err(|_| {
            tracing::warn!(host, truncated = answer.truncated, "the provider's answer cannot be read");
            Fault::Unreachable
        })
    }
}

fn secret_header(text: &str) -> Result<HeaderValue, Fault> {
    let mut value = HeaderValue::from_str(text).map_err(|_| Fault::Unreachable)?;
    value.set_sensitive(true);
    Ok(value)
}
