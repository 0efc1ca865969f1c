//! Threads of a visitor, and what they do in one beside writing.

use axum::body::Body;
use axum::response::Response;
use frontdesk_conversations::visitors;
use frontdesk_model::{Id, Result};
use http::StatusCode;
use serde_json::json;

use super::Visit;
use super::visit::counted;

impl Visit {
    pub(super) async fn threads(&self) -> Result<Response> {
        let (before, limit) = self.page_of()?;
        let desk = self.app.desk.clone();
        let (threads, more) = self
            .reading(move |tx, place, session| visitors::threads(tx, &desk, session.visitor(place), before, limit))
            .await?;
        Ok(self.ok(StatusCode::OK, &json!({ "threads": threads, "more": more })))
    }

    pub(super) async fn contents(&self, thread_id: Id) -> Result<Response> {
        let (before, limit) = self.page_of()?;
        let desk = self.app.desk.clone();
        let (contents, more) = self
            .reading(move |tx, place, session| {
                visitors::contents(tx, &desk, session.visitor(place), thread_id, before, limit)
            })
            .await?;
        Ok(self.ok(StatusCode::OK, &json!({ "contents": contents, "more": more })))
    }

    pub(super) async fn mark_read(&self, thread_id: Id, body: Body) -> Result<Response> {
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

    pub(super) async fn typing(&self, thread_id: Id, body: Body) -> Result<Response> {
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

    pub(super) async fn close(&self, thread_id: Id, body: Body) -> Result<Response> {
        self.pass_over(body).await?;
        self.admit_visitor(&self.app.limits.commands).await?;
        let env = self.app.desk.env.clone();
        self.as_visitor(move |tx, place, session| visitors::close(tx, &env, session.visitor(place), thread_id)).await?;
        Ok(self.done())
    }
}
