//! What a visitor writes, and the files that they send.

use std::sync::Arc;

use axum::body::Body;
use axum::response::Response;
use frontdesk_conversations::visitors::{self, Claims, Message};
use frontdesk_model::{Result, error};
use frontdesk_store::Tx;
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::Visit;
use crate::fields::Fields;
use crate::sessions::{self, Context};
use crate::{attachments, catalogue};

/// Characters of a message.
const MESSAGE_CHARACTERS_MAX: usize = 10_000;
/// Characters of what a choice stands for.
const PAYLOAD_CHARACTERS_MAX: usize = 2_000;

impl Visit {
    pub(super) async fn write_content(&self, body: Body) -> Result<Response> {
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

    pub(super) async fn upload(&self, body: Body) -> Result<Response> {
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

/// What a new conversation has of where it began.
fn thread_context(context: &Context) -> Map<String, Value> {
    let mut facts = context.custom.clone();
    for (name, value) in [("page_url", &context.url), ("page_title", &context.title)] {
        if let Some(value) = value {
            facts.insert(name.into(), value.as_str().into());
        }
    }
    facts
}
