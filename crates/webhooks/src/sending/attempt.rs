//! One attempt to send one request.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Instant;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::audience::Listener;
use frontdesk_model::{Event, Id, Result};
use futures_util::FutureExt;
use http::StatusCode;
use tokio::sync::mpsc;

use crate::deliveries::{Delivery, Try};
use crate::request::{body, events_request, shown, test_body};
use crate::subscriptions::{Reason, Secrets, Webhook};

const NOT_MADE: &str = "The request could not be made; the server's log says why.";
const NOTHING_LEFT: &str =
    "Nothing is left to tell: the log no longer holds it, or the owner of the webhook's token may not see it any more.";

/// What it takes.
pub(super) struct Attempt {
    pub(super) app: Arc<Conversations>,
    pub(super) domain_id: String,
    pub(super) webhook: Arc<Webhook>,
    pub(super) secrets: Arc<Secrets>,
    pub(super) listener: Option<Arc<Listener>>,
    pub(super) lease: i64,
    pub(super) delivery: Delivery,
    pub(super) events: Vec<Arc<Event>>,
    pub(super) probe: bool,
}

/// How it ended.
pub(super) struct Done {
    pub(super) webhook_id: Id,
    pub(super) lease: i64,
    pub(super) delivery: Option<Delivery>,
    pub(super) sent: Sent,
}

impl Done {
    /// The receiver was asked whether it wants this.
    pub(super) fn verified(webhook_id: Id) -> Done {
        Done { webhook_id, lease: 0, delivery: None, sent: Sent::Verified }
    }
}

/// What became of it.
pub(super) enum Sent {
    /// The receiver answered 200.
    Acknowledged(Try),
    /// It did not; the text says what went wrong.
    Refused(Try, Reason),
    /// There is nothing to tell: the owner may not see it, or the log has forgotten it.
    Nothing,
    /// No attempt but a verification.
    Verified,
}

impl Attempt {
    pub(super) async fn run(self, done: mpsc::UnboundedSender<Done>) {
        let (webhook_id, lease, probe) = (self.webhook.id, self.lease, self.probe);
        let started = Instant::now();
        let sent = match AssertUnwindSafe(self.send(started)).catch_unwind().await {
            Ok(Ok(sent)) => sent,
            Ok(Err(trouble)) => {
                tracing::error!(?trouble, %webhook_id, "an event could not be told");
                self.refused(started, Reason::trouble(NOT_MADE))
            }
            Err(_) => {
                tracing::error!(%webhook_id, "telling an event panicked");
                self.refused(started, Reason::trouble(NOT_MADE))
            }
        };
        let nothing = self.attempt(started, None, Some(NOTHING_LEFT.into()), None);
        let mut delivery = self.delivery;
        match &sent {
            Sent::Acknowledged(attempt) | Sent::Refused(attempt, _) => {
                delivery.note(Try { probe, ..attempt.clone() });
            }
            // What was once sent is not to vanish before the eyes of who sends it again.
            Sent::Nothing if !delivery.tries.is_empty() => delivery.note(nothing),
            Sent::Nothing | Sent::Verified => {}
        }
        // The loop is gone when the server stops; then the place says what is to be sent again.
        let _ = done.send(Done { webhook_id, lease, delivery: Some(delivery), sent });
    }

    async fn send(&self, started: Instant) -> Result<Sent> {
        let (id, now) = (self.delivery.id, self.app.env.now());
        let body = if self.delivery.seqs.is_empty() {
            test_body(id, &self.domain_id, &self.webhook, now)
        } else {
            let Some(listener) = &self.listener else { return Ok(Sent::Nothing) };
            let mut told = self.app.notifications.of(&self.app, &self.events).await?;
            told.retain(|event| self.webhook.takes_source(event.source_id) && listener.may_see(event));
            if told.is_empty() {
                return Ok(Sent::Nothing);
            }
            body(id, &self.domain_id, &told)
        };
        let request = events_request(&self.webhook, &self.secrets, id, body, now)?;
        Ok(match self.app.outbound.send(request).await {
            Ok(answer) => {
                let attempt =
                    self.attempt(started, Some(answer.status.as_u16()), None, Some(shown(&answer, &self.secrets)));
                match answer.status {
                    StatusCode::OK => Sent::Acknowledged(attempt),
                    status => {
                        let status = status.as_u16();
                        let text = format!("The receiver answered with the status {status}.");
                        Sent::Refused(attempt, Reason::status(text, status))
                    }
                }
            }
            Err(trouble) => {
                // What a server says when it does not speak HTTP, or as its certificate, is its own words too.
                self.refused(started, Reason::outbound(self.secrets.hide(&trouble.to_string()), &trouble))
            }
        })
    }

    fn refused(&self, started: Instant, reason: Reason) -> Sent {
        Sent::Refused(self.attempt(started, None, Some(reason.text.clone()), None), reason)
    }

    fn attempt(&self, started: Instant, status: Option<u16>, error: Option<String>, answer: Option<String>) -> Try {
        Try {
            at: self.app.env.now().with_milliseconds(),
            status,
            milliseconds: i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX),
            error,
            answer: answer.filter(|answer| !answer.is_empty()),
            probe: self.probe,
        }
    }
}
