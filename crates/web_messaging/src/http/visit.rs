//! One request of a visitor, or of a page: who asks, what they send, and the transactions about their source.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use frontdesk_conversations::visitors::Place;
use frontdesk_model::{Id, Result, error};
use frontdesk_rest::{ClientAddress, RateLimiter, bearer, json as answer, parse_pairs, read_body};
use frontdesk_store::Tx;
use http::request::Parts;
use http::{StatusCode, header};
use serde_json::{Map, Value};

use crate::fields::Fields;
use crate::sessions::{self, Session, refused};
use crate::{WebMessaging, settings};

/// A body that is no file's has at most this many bytes.
pub(super) const BODY_BYTES_MAX: usize = 64 * 1024;
/// For a whole body.
pub(super) const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// Records of a page of a list.
pub(super) const RECORDS_MAX: i64 = 50;
const RECORDS_DEFAULT: i64 = 30;

/// One request.
pub(super) struct Visit {
    pub(super) app: Arc<WebMessaging>,
    pub(super) token: String,
    pub(super) parts: Parts,
    pub(super) request_id: Id,
    /// Whose request it is, as far as the network tells.
    pub(super) client: Option<ClientAddress>,
}

impl Visit {
    pub(super) async fn read<T: Send + 'static>(
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

    pub(super) async fn write<T: Send + 'static>(
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
    pub(super) async fn enter(&self) -> Result<Option<String>> {
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

    pub(super) fn query(&self) -> Result<Map<String, Value>> {
        let pairs = parse_pairs(self.parts.uri.query().unwrap_or_default().as_bytes())?;
        let value = Value::Object(pairs);
        match value.to_string().contains("\\u0000") {
            true => Err(error::bad_request("The address holds U+0000.")),
            false => Ok(value.as_object().cloned().unwrap_or_default()),
        }
    }

    pub(super) fn number(&self, query: &Map<String, Value>, name: &str) -> Result<Option<i64>> {
        let Some(text) = query.get(name).and_then(Value::as_str).filter(|text| !text.is_empty()) else {
            return Ok(None);
        };
        let wrong = || error::invalid(name, "invalid", format!("{name} must be a whole number."));
        text.parse().ok().filter(|number| *number >= 0).map(Some).ok_or_else(wrong)
    }

    /// `before` and `limit` of a list.
    pub(super) fn page_of(&self) -> Result<(Option<Id>, i64)> {
        let query = self.query()?;
        let limit = self.number(&query, "limit")?.unwrap_or(RECORDS_DEFAULT).clamp(1, RECORDS_MAX);
        let before = query.get("before").and_then(Value::as_str).filter(|text| !text.is_empty());
        let before = before.map(|text| text.parse().map_err(|_| error::not_found("record"))).transpose()?;
        Ok((before, limit))
    }

    pub(super) async fn fields(&self, body: Body) -> Result<Fields> {
        Fields::read(&read_body(body, &self.parts.headers, BODY_BYTES_MAX, BODY_DEADLINE).await?)
    }

    /// Reads a body in which nothing matters: one that is left would end the connection.
    pub(super) async fn pass_over(&self, body: Body) -> Result<()> {
        read_body(body, &self.parts.headers, BODY_BYTES_MAX, BODY_DEADLINE).await.map(drop)
    }

    pub(super) fn admit(&self, limiter: &RateLimiter, who: &str) -> Result<()> {
        limiter.admit(who, self.app.desk.env.now())
    }

    /// What limits of strangers count.
    pub(super) fn network(&self) -> String {
        self.client.map_or_else(String::new, ClientAddress::network)
    }

    /// Counts against the visitor, whatever sessions they have. Who knows none costs a read, in the turn of their network.
    pub(super) async fn admit_visitor(&self, limiter: &RateLimiter) -> Result<()> {
        let who = self.reading(|_, place, session| Ok(counted(place, &session.uuid))).await?;
        self.admit(limiter, &who)
    }

    pub(super) fn secret(&self) -> Result<String> {
        bearer(&self.parts.headers).map(str::to_owned).ok_or_else(sessions::unknown_session)
    }

    /// Runs a command of whoever the session stands for.
    pub(super) async fn as_visitor<T: Send + 'static>(
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
    pub(super) async fn reading<T: Send + 'static>(
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

    pub(super) fn ok(&self, status: StatusCode, value: &Value) -> Response {
        answer(status, value.to_string().into_bytes(), self.request_id)
    }

    pub(super) fn done(&self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}

/// A visitor, as limits count them.
pub(super) fn counted(place: &Place, uuid: &str) -> String {
    format!("{} {uuid}", place.source_id())
}
