//! What the loop writes down: how attempts ended, and how far a webhook has been told, in one transaction.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp};
use frontdesk_people::access_tokens;
use frontdesk_store::{Tx, args, consumer};

use crate::deliveries::{self, Delivery};
use crate::subscriptions::{self, Reason, Status};

/// What is written for one webhook, in one go.
pub(super) struct Note {
    pub(super) webhook_id: Id,
    pub(super) lease: i64,
    pub(super) place: Option<i64>,
    pub(super) deliveries: Vec<Delivery>,
    /// Rows that turned out to have nothing to tell.
    pub(super) gone: Vec<Id>,
    /// A new status, with what went wrong.
    pub(super) status: Option<(Status, Option<Reason>)>,
    /// What was put in line before is given up.
    pub(super) give_up_before: Option<Timestamp>,
    pub(super) trim: bool,
}

impl Note {
    /// Nothing yet.
    pub(super) fn empty(webhook_id: Id, lease: i64) -> Note {
        Note {
            webhook_id,
            lease,
            place: None,
            deliveries: Vec::new(),
            gone: Vec::new(),
            status: None,
            give_up_before: None,
            trim: false,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.place.is_none()
            && self.deliveries.is_empty()
            && self.gone.is_empty()
            && self.status.is_none()
            && self.give_up_before.is_none()
            && !self.trim
    }

    /// Whether it says something newer of this request, or of one before it in a thread that keeps its order.
    pub(super) fn is_about(&self, delivery: &Delivery) -> bool {
        let same_thread = |other: &Delivery| delivery.thread_id.is_some() && other.thread_id == delivery.thread_id;
        self.gone.contains(&delivery.id)
            || self.deliveries.iter().any(|other| other.id == delivery.id || same_thread(other))
    }
}

/// Returns the webhooks that another node has taken over, or that are gone, with the lease that is void: nothing was
/// written for those.
pub(super) fn write(tx: &mut dyn Tx, env: &Env, batch: &[Note], kept_since: Timestamp) -> Result<Vec<(Id, i64)>> {
    let mut overtaken = Vec::new();
    for note in batch {
        let id = note.webhook_id;
        // Also of one that has been switched off meanwhile: how what was on its way arrived is worth knowing.
        let row = tx.first("SELECT lease FROM webhooks WHERE id = $1", args![&id])?;
        if row.map(|row| row.get::<i64>(0)).transpose()? != Some(note.lease) {
            overtaken.push((id, note.lease));
            continue;
        }
        deliveries::save_all(tx, &note.deliveries)?;
        for gone in &note.gone {
            deliveries::remove(tx, *gone)?;
        }
        if let Some(place) = note.place {
            consumer::advance(tx, &subscriptions::reader(id), place)?;
        }
        if let Some((status, reason)) = &note.status {
            set_status(tx, env, id, *status, reason.as_ref())?;
        }
        if let Some(before) = note.give_up_before {
            deliveries::give_up(tx, id, before)?;
        }
        if note.trim {
            deliveries::trim(tx, id, kept_since)?;
        }
    }
    Ok(overtaken)
}

/// Says how a webhook is doing; in the journal and to its owner, when it is suspended and when it is well again.
fn set_status(tx: &mut dyn Tx, env: &Env, id: Id, status: Status, reason: Option<&Reason>) -> Result<()> {
    let Some(webhook) = subscriptions::by_id(tx, id)? else { return Ok(()) };
    if !matches!(webhook.status, Status::Enabled | Status::Failing | Status::Suspended) {
        return Ok(());
    }
    let error = reason.map(|reason| reason.text.as_str());
    tx.execute("UPDATE webhooks SET status = $2, error = $3 WHERE id = $1", args![&id, status.name(), error])?;
    let kind = match (webhook.status, status) {
        (before, Status::Suspended) if before != Status::Suspended => "webhook.suspended",
        (Status::Suspended, Status::Enabled) => "webhook.restored",
        _ => return Ok(()),
    };
    let owner = access_tokens::known(tx, webhook.access_token_id)?;
    let mut told = webhook.told(owner.map(|token| token.user_id));
    Reason::tell(reason, &mut told);
    tx.append(NewEvent::new(env, None, kind, id, None, told));
    Ok(())
}
