//! The stream of events.

use std::hash::{DefaultHasher, Hash, Hasher};

use axum::response::Response;
use frontdesk_model::{Result, error};
use http::{HeaderMap, header};

use super::Visit;
use crate::sessions;
use crate::stream::Reading;

/// Streams of one visitor at once.
const STREAMS_MAX: u32 = 10;
/// The protocol that a WebSocket speaks.
const PROTOCOL: &str = "frontdesk";

impl Visit {
    pub(super) async fn stream(&mut self) -> Result<Response> {
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
}

/// The session among the protocols that a WebSocket offers: pages can send no other header with it.
fn socket_session(headers: &HeaderMap) -> Option<String> {
    let offered = headers.get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    offered.split(',').find_map(|one| one.trim().strip_prefix("session.")).map(str::to_owned)
}
