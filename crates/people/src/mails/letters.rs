//! The consumer of the log that turns events into mails: invitations, and what becomes of somebody's webhook.

use std::sync::Arc;

use frontdesk_model::{Env, Event, Id, Result, hex};
use frontdesk_store::consumer::Consumer;
use frontdesk_store::{Tx, args};
use ring::digest;
use serde_json::Value;
use tokio::sync::Notify;

use super::texts::{self, Language, Letter, Person};
use super::{NewMail, queue};
use crate::password_links::{self, Links, Purpose};
use crate::settings;

/// Nobody wants to hear now what happened long ago: older events are passed over, for example when a new version meets an
/// old log.
const AGE_SECONDS_MAX: i64 = 86_400;
/// Between two mails about one webhook, or two invitations to one address (T17). What happens meanwhile waits, and of it
/// only the last is told.
const PAUSE_SECONDS: i64 = 3_600;

/// The consumer.
pub struct Letters {
    env: Env,
    links: Links,
    wake: Arc<Notify>,
}

impl Letters {
    /// It starts where it was before. `wake`: told when mails were queued.
    pub fn new(env: &Env, links: Links, wake: &Arc<Notify>) -> Arc<Letters> {
        Arc::new(Letters { env: env.clone(), links, wake: wake.clone() })
    }
}

impl Consumer for Letters {
    fn name(&self) -> &'static str {
        "mails"
    }

    fn wants(&self, kind: &str) -> bool {
        matches!(kind, "user.invited" | "webhook.suspended" | "webhook.disabled" | "webhook.restored")
    }

    fn is_choosy(&self) -> bool {
        true
    }

    fn choose(&self, _: &mut dyn Tx, events: Vec<Event>) -> Result<Vec<Event>> {
        let oldest = self.env.now().plus_seconds(-AGE_SECONDS_MAX);
        Ok(events.into_iter().filter(|event| event.at >= oldest).collect())
    }

    fn handle(&self, tx: &mut dyn Tx, events: &[Event]) -> Result<()> {
        for event in events {
            let addressed = match event.kind.as_str() {
                "user.invited" => self.invitation(tx, event)?,
                _ => self.webhook(tx, event)?,
            };
            let Some(Addressed { key, user_id, letter: Letter { subject, text } }) = addressed else { continue };
            let mail = NewMail::plain(&key, user_id, &subject, &text, PAUSE_SECONDS);
            if !queue(tx, &self.env, &mail)? {
                tracing::warn!(%user_id, "too many mails wait: one more was not queued");
            }
        }
        Ok(())
    }

    fn handled(&self) {
        self.wake.notify_one();
    }
}

/// Under which key an invitation waits: by the address, so that inviting one again and again does not fill their mailbox;
/// hashed, as the row outlives the mail.
pub(crate) fn invitation_key(email: &str) -> String {
    let hash = digest::digest(&digest::SHA256, email.to_lowercase().as_bytes());
    format!("{INVITATION}{}", hex::encode(&hash.as_ref()[..12]))
}

const INVITATION: &str = "invitation ";

/// Whether the mail of this key invites a user who has still not chosen a password.
pub(super) fn invites(tx: &mut dyn Tx, key: &str, user_id: Id) -> Result<bool> {
    Ok(key.starts_with(INVITATION) && known(tx, user_id)?.is_some_and(|user| user.invitation_pending))
}

/// A letter, and who gets it.
struct Addressed {
    key: String,
    user_id: Id,
    letter: Letter,
}

/// A user as far as letters need them; None when they are gone.
struct Known {
    name: String,
    email: String,
    language: Language,
    invitation_pending: bool,
}

fn known(tx: &mut dyn Tx, user_id: Id) -> Result<Option<Known>> {
    let row = tx.first(
        "SELECT firstname, lastname, email, locale, invitation_pending FROM users
         WHERE id = $1 AND enabled AND deleted_at IS NULL",
        args![&user_id],
    )?;
    let Some(row) = row else { return Ok(None) };
    let locale = match row.get::<Option<String>>(3)? {
        Some(locale) => locale,
        None => settings::load(tx)?.locale,
    };
    Ok(Some(Known {
        name: format!("{} {}", row.get::<String>(0)?, row.get::<String>(1)?),
        email: row.get(2)?,
        language: Language::of(&locale),
        invitation_pending: row.get(4)?,
    }))
}

impl Letters {
    fn invitation(&self, tx: &mut dyn Tx, event: &Event) -> Result<Option<Addressed>> {
        let Some(invited) = known(tx, event.object_id)?.filter(|user| user.invitation_pending) else { return Ok(None) };
        let link = self.links.create(tx, &self.env, event.object_id, Purpose::Invitation, None)?;
        let link = password_links::mark(link);
        let inviter = match event.user_id {
            Some(user_id) => known(tx, user_id)?,
            None => None,
        };
        let inviter = inviter.as_ref().map(|user| Person { name: &user.name, email: &user.email });
        Ok(Some(Addressed {
            key: invitation_key(&invited.email),
            user_id: event.object_id,
            letter: texts::invitation(invited.language, inviter, password_links::HOME, &link),
        }))
    }

    fn webhook(&self, tx: &mut dyn Tx, event: &Event) -> Result<Option<Addressed>> {
        let payload: Value = serde_json::from_str(&event.payload).unwrap_or_default();
        let text = |name: &str| payload[name].as_str().unwrap_or_default();
        let Ok(user_id) = text("user_id").parse::<Id>() else { return Ok(None) };
        let Some(owner) = known(tx, user_id)? else { return Ok(None) };
        let webhook = texts::Webhook {
            id: event.object_id,
            name: text("name"),
            host: text("url_host"),
            reason: text("reason"),
            reason_code: text("reason_code"),
            reason_status: payload["reason_status"].as_u64().unwrap_or_default(),
            public_url: password_links::HOME,
        };
        let letter = match event.kind.as_str() {
            "webhook.suspended" => texts::suspended(owner.language, &webhook),
            "webhook.disabled" => texts::disabled(owner.language, &webhook),
            "webhook.restored" => texts::restored(owner.language, &webhook),
            _ => return Ok(None),
        };
        Ok(Some(Addressed { key: format!("webhook {}", event.object_id), user_id, letter }))
    }
}
