//! The consumer of the log that lets the server speak to visitors by itself: who has come and gone, that it is over, that an
//! e-mail address is wanted.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::sources::IS_MESSAGING;
use frontdesk_conversations::visitors;
use frontdesk_conversations::visitors::notices::{self, Notice, Saying};
use frontdesk_model::event::id_in;
use frontdesk_model::{Event, Id, Result};
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Tx, args};
use serde_json::Value;

use crate::settings::{self, Settings};
use crate::unread;

/// Nobody wants to hear now what happened long ago: older events are passed over, for example when a new version meets an
/// old log.
const AGE_SECONDS_MAX: i64 = 3_600;
/// A visitor is not asked for their address again within this time (public page "Configuring the Source").
const EMAIL_GRACE_SECONDS: i64 = 2 * 3_600;

/// The consumer.
pub struct Following {
    app: Arc<Conversations>,
}

/// A messaging source.
struct Source {
    is_live_chat: bool,
    settings: Settings,
}

impl Following {
    /// It starts where it was before.
    pub fn new(app: &Arc<Conversations>) -> Arc<Following> {
        Arc::new(Following { app: app.clone() })
    }

    fn imported(&self, tx: &mut dyn Tx, event: &Event, source: &Source, saying: Saying) -> Result<()> {
        let payload = event.told();
        let is_customers = matches!(payload.get("status").and_then(Value::as_str), Some("new" | "assigned"));
        let Some(identity_id) = id_in(&payload, "author_id").filter(|_| is_customers) else { return Ok(()) };
        if source.is_live_chat {
            let seconds = source.settings.impossible_seconds();
            if seconds > 0 {
                visitors::wait(tx, saying.thread_id, event.at.plus_seconds(seconds))?;
            }
            return Ok(());
        }
        if !source.settings.email_request {
            return Ok(());
        }
        // What the page said before is no message of theirs.
        let earlier = tx.first(
            "SELECT 1 FROM contents WHERE thread_id = $1 AND author_id = $2 AND id < $3 LIMIT 1",
            args![&saying.thread_id, &identity_id, &event.object_id],
        )?;
        match earlier {
            Some(_) => Ok(()),
            None => notices::ask_email(tx, &self.app.env, saying, identity_id, EMAIL_GRACE_SECONDS),
        }
    }
}

impl Consumer for Following {
    fn name(&self) -> &'static str {
        "visitors"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(
            kind,
            "content.imported"
                | "content.replied"
                | "content.discussion_initiated"
                | "content.approved"
                | "content.published"
                | "content.anonymized"
                | "content_thread.destroyed"
                | "content.thread_closed"
                | "content.thread_auto_closed"
                | "intervention.opened"
                | "intervention.reopened"
                | "intervention.assigned"
                | "intervention.user_updated"
                | "intervention.closed"
        )
    }

    fn is_choosy(&self) -> bool {
        true
    }

    fn choose(&self, tx: &mut dyn Tx, events: Vec<Event>) -> Result<Vec<Event>> {
        let sources = sources(tx)?;
        let oldest = self.app.env.now().plus_seconds(-AGE_SECONDS_MAX);
        let concerns = |event: &Event| {
            let Some(source) = id_in(&event.told(), "source_id").and_then(|id| sources.get(&id)) else { return false };
            // Most messages are nothing to speak of.
            let speaks = match event.kind.as_str() {
                "content.imported" if source.is_live_chat => source.settings.impossible_seconds() > 0,
                "content.imported" => source.settings.email_request,
                "content.thread_closed" | "content.thread_auto_closed" => true,
                "content.replied"
                | "content.discussion_initiated"
                | "content.approved"
                | "content.published"
                | "content.anonymized"
                | "content_thread.destroyed" => true,
                _ => source.is_live_chat,
            };
            speaks && event.at >= oldest
        };
        Ok(events.into_iter().filter(concerns).collect())
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        let (sources, env) = (sources(tx)?, &self.app.env);
        for event in events {
            let payload = event.told();
            let known = id_in(&payload, "source_id").and_then(|id| Some((id, sources.get(&id)?)));
            let (Some((source_id, source)), Some(thread_id)) = (known, event.thread_id) else { continue };
            if matches!(event.kind.as_str(), "content.anonymized" | "content_thread.destroyed") {
                unread::forget(tx, thread_id)?;
                continue;
            }
            // It may have been deleted since.
            if tx.first("SELECT 1 FROM threads WHERE id = $1", args![&thread_id])?.is_none() {
                continue;
            }
            let saying = Saying { thread_id, source_id, at: event.at };
            match event.kind.as_str() {
                "content.imported" => self.imported(tx, event, source, saying)?,
                "content.thread_closed" | "content.thread_auto_closed" if !source.is_live_chat => {
                    notices::add(tx, env, saying, Notice::ThreadClosure, None)?;
                }
                "content.thread_closed" | "content.thread_auto_closed" => {
                    // Whatever else ends one has said so.
                    if event.user_id.is_some() || event.kind == "content.thread_auto_closed" {
                        notices::disconnect(tx, env, saying)?;
                    }
                }
                kind if kind.starts_with("content.") && !source.is_live_chat => {
                    unread::arm(tx, thread_id, event.at)?;
                }
                "intervention.closed" => notices::end_chat(tx, env, saying, event.user_id)?,
                _ => {
                    let agent = match event.kind.starts_with("content.") {
                        true => event.user_id,
                        false => id_in(&payload, "user_id"),
                    };
                    if let Some(user_id) = agent {
                        notices::connect(tx, env, saying, user_id)?;
                    }
                }
            }
        }
        Ok(())
    }
}

/// Every messaging source with what is set of it.
fn sources(tx: &mut dyn Tx) -> Result<HashMap<Id, Source>> {
    let rows = tx.query(
        &format!(
            "SELECT sources.id, sources.type, messaging_settings.settings FROM sources
             LEFT JOIN messaging_settings ON messaging_settings.source_id = sources.id WHERE {IS_MESSAGING}"
        ),
        args![],
    )?;
    let read = rows.iter().map(|row| {
        let settings = settings::parse(row.get::<Option<String>>(2)?.as_deref())?;
        Ok((row.get(0)?, Source { is_live_chat: settings::is_live_chat(&row.get::<String>(1)?), settings }))
    });
    read.collect()
}
