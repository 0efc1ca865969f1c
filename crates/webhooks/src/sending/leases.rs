//! Who sends for which webhook: one node at a time, which holds a lease on it with a number. Who was overtaken may not
//! write (`notes.rs`).

use std::collections::HashMap;

use frontdesk_conversations::Conversations;
use frontdesk_conversations::audience::Listener;
use frontdesk_model::{Id, Result, Timestamp};
use frontdesk_people::callers;
use frontdesk_store::{Tx, args, consumer};

use super::schedule;
use crate::deliveries;
use crate::subscriptions::{self, Secrets, Webhook};

/// A lease is good for so long, and renewed so often.
const LEASE_SECONDS: i64 = 20;
pub(super) const RENEW_SECONDS: i64 = 5;

/// Whether such an event may change who is sent what: webhooks themselves, and what their owners may see.
pub(super) fn changes_receivers(kind: &str) -> bool {
    let family = kind.split('.').next().unwrap_or_default();
    matches!(family, "webhook" | "user" | "role" | "team" | "api_access_token" | "content_source" | "community")
}

/// A webhook that this node sends for.
pub(super) struct Loaded {
    pub(super) webhook: Webhook,
    pub(super) secrets: Secrets,
    /// Who is told; none while the token or its owner is disabled.
    pub(super) listener: Option<Listener>,
    pub(super) lease: i64,
    pub(super) place: i64,
    /// Thread and delivery, where order is kept.
    pub(super) waiting_threads: Vec<(Id, Id)>,
}

/// The active webhooks that this node sends for: those that it holds, and those that nobody does any more.
pub(super) fn take(
    app: &Conversations,
    tx: &mut dyn Tx,
    node: Id,
    held: &HashMap<Id, i64>,
    now: Timestamp,
) -> Result<Vec<Loaded>> {
    let mut loaded = Vec::new();
    subscriptions::remove_of_lost_tokens(tx, &app.env)?;
    subscriptions::leave_the_unmended(tx, now.plus_seconds(-schedule::GIVE_UP_SECONDS))?;
    for webhook in subscriptions::all(tx)? {
        let Some(place) = consumer::place(tx, &webhook.reader())?.filter(|_| webhook.active) else { continue };
        let row = tx.one("SELECT lease, leased_by, leased_until FROM webhooks WHERE id = $1", args![&webhook.id])?;
        let (number, holder, until): (i64, Option<Id>, Timestamp) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let secrets = match webhook.secrets(&app.seal) {
            Ok(secrets) => secrets,
            // The others are told all the same.
            Err(trouble) => {
                tracing::error!(?trouble, webhook_id = %webhook.id, "a webhook's secrets cannot be opened: it waits");
                continue;
            }
        };
        let is_held = holder == Some(node) && held.get(&webhook.id) == Some(&number);
        let is_free = holder.is_none() || holder == Some(node) || until <= now;
        if !is_held && !is_free {
            continue;
        }
        deliveries::bring_back(tx, webhook.id, now.plus_seconds(2 * schedule::PAUSE_SECONDS_MAX), now)?;
        let lease = if is_held { number } else { number + 1 };
        tx.execute(
            "UPDATE webhooks SET lease = $2, leased_by = $3, leased_until = $4 WHERE id = $1",
            args![&webhook.id, lease, &node, now.plus_seconds(LEASE_SECONDS)],
        )?;
        let owner = callers::by_token(tx, webhook.access_token_id)?;
        loaded.push(Loaded {
            secrets,
            listener: owner.map(|owner| Listener::load(tx, owner)).transpose()?,
            waiting_threads: deliveries::waiting_threads(tx, webhook.id)?,
            webhook,
            lease,
            place,
        });
    }
    Ok(loaded)
}

/// Keeps what is held; false when there is more to it: a webhook that nobody sends for, or one that is held no more.
pub(super) async fn renew(app: &Conversations, held: u64, now: Timestamp) -> Result<bool> {
    let (store, node) = (&app.store, app.node_id);
    let free =
        "SELECT 1 FROM webhooks WHERE active AND (leased_by IS NULL OR (leased_by <> $1 AND leased_until <= $2))";
    if store.read(move |tx| Ok(tx.first(free, args![&node, now])?.is_some())).await? {
        return Ok(false);
    }
    if held == 0 {
        return Ok(true);
    }
    let renew = "UPDATE webhooks SET leased_until = $2 WHERE leased_by = $1 AND active";
    let until = now.plus_seconds(LEASE_SECONDS);
    Ok(store.write(move |tx| tx.execute(renew, args![&node, until])).await? == held)
}

/// Gives back what this node holds, so that another need not wait.
pub(super) async fn release(app: &Conversations) -> Result<()> {
    let (sql, node) = ("UPDATE webhooks SET leased_by = NULL, leased_until = 0 WHERE leased_by = $1", app.node_id);
    app.store.write(move |tx| tx.execute(sql, args![&node]).map(drop)).await
}
