//! What pages ask before anybody writes.

use axum::body::Body;
use axum::response::Response;
use frontdesk_conversations::visitors::{self, Claims};
use frontdesk_model::{Error, Result};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};

use super::Visit;
use crate::availability;
use crate::sessions::{self, Context, Given};

impl Visit {
    pub(super) async fn availability(&self) -> Result<Response> {
        self.admit(&self.app.limits.of_network.questions, &self.network())?;
        let query = self.query()?;
        let ids = query.get("trigger_ids").and_then(Value::as_str).unwrap_or_default().to_owned();
        let told = self.read(move |tx, place| availability::of(tx, place, &ids)).await?;
        let mut response = self.ok(StatusCode::OK, &told);
        let kept = HeaderValue::from_static("private, max-age=5");
        response.headers_mut().insert(header::CACHE_CONTROL, kept);
        Ok(response)
    }

    pub(super) async fn status(&self, body: Body) -> Result<Response> {
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
