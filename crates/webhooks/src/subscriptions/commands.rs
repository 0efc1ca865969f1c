//! What happens to webhooks: one function, one transaction, its event.

use frontdesk_conversations::Conversations;
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Permission, Result, Timestamp, error};
use frontdesk_people::checked::NAME_CHARACTERS_MAX;
use frontdesk_people::{access_tokens, callers};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args, consumer};
use serde_json::json;

use super::secrets::SigningSecret;
use super::wish::{Wish, fulfil};
use super::{Reason, Secrets, Status, Webhook, by_id, find, host_of};

/// In the whole account: each reads the log.
const WEBHOOKS_MAX: i64 = 200;
/// Of one user, so that nobody can use up the account's.
const OWN_WEBHOOKS_MAX: i64 = 50;
/// How long a signing secret that was replaced still signs beside the new one.
const OLD_SECRET_SECONDS: i64 = 24 * 60 * 60;

/// Registers a webhook and has its receiver asked.
pub(super) fn create(app: &Conversations, call: &Call, wish: Wish, tx: &mut dyn Tx) -> Result<(Id, String)> {
    let token = token_for(call, wish.access_token_id, tx)?;
    if tx.one("SELECT count(*) FROM webhooks", args![])?.get::<i64>(0)? >= WEBHOOKS_MAX {
        let message = format!("There are {WEBHOOKS_MAX} webhooks, and there can be no more: delete one first.");
        return Err(error::unprocessable("too_many_webhooks", message));
    }
    let own = "SELECT count(*) FROM webhooks
               WHERE access_token_id IN (SELECT id FROM access_tokens WHERE user_id = $1)";
    if tx.one(own, args![&token.user_id])?.get::<i64>(0)? >= OWN_WEBHOOKS_MAX {
        let message = format!("A user has at most {OWN_WEBHOOKS_MAX} webhooks: delete one first.");
        return Err(error::unprocessable("too_many_webhooks", message));
    }
    let Some(url) = wish.url.as_deref().filter(|url| !url.trim().is_empty()) else {
        return Err(error::invalid("url", "blank", "url can't be blank."));
    };
    let signing = SigningSecret::new(&call.env);
    let shown = signing.text.clone();
    let now = call.env.now();
    let mut webhook = Webhook {
        id: call.env.id(),
        access_token_id: token.id,
        name: format!("{} {}", host_of(url.trim()), token.label).chars().take(NAME_CHARACTERS_MAX).collect(),
        url: String::new(),
        active: wish.active.unwrap_or(true),
        staging_use: false,
        sealed: Vec::new(),
        registered_events: Vec::new(),
        source_filter: "except".into(),
        source_ids: Vec::new(),
        ignore_tls_validity: false,
        ordering: "none".into(),
        events_per_request: 1,
        status: Status::Inactive,
        error: None,
        created_at: now,
        updated_at: now,
    };
    let mut secrets = Secrets { signing: vec![signing], ..Secrets::default() };
    if wish.registered_events.is_none() {
        return Err(error::invalid("registered_events", "blank", "registered_events: choose at least one event."));
    }
    fulfil(app, call, &mut webhook, &mut secrets, wish, tx)?;
    webhook.sealed = secrets.sealed(&app.seal, webhook.id)?;
    start_or_stop(&mut webhook, false, tx)?;
    save(&webhook, tx)?;
    tell(call, "webhook.created", &webhook, Some(token.user_id), tx);
    Ok((webhook.id, shown))
}

/// Changes a webhook, if anything is to be other than it is. One that is active is asked again where its URL or one of its
/// secrets changes: a receiver that is away must not be switched off because somebody renames its webhook.
pub(super) fn update(app: &Conversations, call: &Call, wish: Wish, tx: &mut dyn Tx) -> Result<Webhook> {
    let mut webhook = find(call, tx)?;
    let before = webhook.clone();
    let owner_id = require_covered(call, webhook.access_token_id, tx)?;
    if let Some(token_id) = wish.access_token_id.filter(|id| *id != webhook.access_token_id) {
        webhook.access_token_id = token_for(call, Some(token_id), tx)?.id;
    }
    let mut secrets = webhook.secrets(&app.seal)?;
    let secrets_before = secrets.clone();
    fulfil(app, call, &mut webhook, &mut secrets, wish, tx)?;
    if webhook == before && secrets == secrets_before {
        return Ok(webhook);
    }
    webhook.sealed = secrets.sealed(&app.seal, webhook.id)?;
    // A new place is asked with the same secret: the documentation sends it with every request, the challenge included,
    // and by it a receiver knows who asks. Who changes the URL may see all that the webhook is told (`require_covered`).
    let is_another = webhook.url != before.url
        || secrets.secret != secrets_before.secret
        || secrets.verify_token != secrets_before.verify_token;
    if is_another || webhook.active != before.active {
        start_or_stop(&mut webhook, before.active, tx)?;
    }
    webhook.updated_at = call.env.now();
    save(&webhook, tx)?;
    tell(call, "webhook.updated", &webhook, owner_id, tx);
    by_id(tx, webhook.id)?.ok_or_else(|| error::not_found("webhook"))
}

/// Signs with a new secret from now on; the one before is good for another day.
pub(super) fn rotate(app: &Conversations, call: &Call, tx: &mut dyn Tx) -> Result<(Webhook, String)> {
    let mut webhook = find(call, tx)?;
    let owner_id = require_covered(call, webhook.access_token_id, tx)?;
    let (mut secrets, now) = (webhook.secrets(&app.seal)?, call.env.now());
    let until = now.plus_seconds(OLD_SECRET_SECONDS).micros();
    secrets.signing.retain(|secret| secret.until.is_none());
    for secret in &mut secrets.signing {
        secret.until = Some(until);
    }
    let fresh = SigningSecret::new(&call.env);
    let shown = fresh.text.clone();
    secrets.signing.insert(0, fresh);
    webhook.sealed = secrets.sealed(&app.seal, webhook.id)?;
    webhook.updated_at = now;
    save(&webhook, tx)?;
    tell(call, "webhook.updated", &webhook, owner_id, tx);
    Ok((webhook, shown))
}

pub(super) fn delete(call: &Call, tx: &mut dyn Tx) -> Result<Webhook> {
    let webhook = find(call, tx)?;
    let owner_id = require_covered(call, webhook.access_token_id, tx)?;
    remove(tx, webhook.id)?;
    tell(call, "webhook.destroyed", &webhook, owner_id, tx);
    Ok(webhook)
}

/// Removes the rows of a webhook.
fn remove(tx: &mut dyn Tx, id: Id) -> Result<()> {
    tx.execute("DELETE FROM webhook_deliveries WHERE webhook_id = $1", args![&id])?;
    tx.execute("DELETE FROM webhook_replays WHERE webhook_id = $1", args![&id])?;
    tx.execute("DELETE FROM webhooks WHERE id = $1", args![&id])?;
    consumer::leave(tx, &super::reader(id))
}

/// Removes the webhooks of access tokens that there are no more.
pub(crate) fn remove_of_lost_tokens(tx: &mut dyn Tx, env: &Env) -> Result<()> {
    for webhook in super::all(tx)? {
        if access_tokens::known(tx, webhook.access_token_id)?.is_none() {
            remove(tx, webhook.id)?;
            tx.append(NewEvent::new(env, None, "webhook.destroyed", webhook.id, None, webhook.told(None)));
        }
    }
    Ok(())
}

/// Switches a webhook off because its receiver did not answer as it must. Says so in the journal and to its owner. What
/// it has not been told waits for a day: it goes on from there if it is mended by then.
pub(crate) fn disable(tx: &mut dyn Tx, env: &Env, webhook: &Webhook, reason: &Reason) -> Result<()> {
    tx.execute(
        "UPDATE webhooks SET active = FALSE, status = $2, error = $3, updated_at = $4 WHERE id = $1",
        args![&webhook.id, Status::VerificationFailed.name(), &reason.text, env.now()],
    )?;
    let owner = access_tokens::known(tx, webhook.access_token_id)?;
    let mut told = webhook.told(owner.map(|token| token.user_id));
    Reason::tell(Some(reason), &mut told);
    tx.append(NewEvent::new(env, None, "webhook.disabled", webhook.id, None, told));
    Ok(())
}

fn tell(call: &Call, kind: &'static str, webhook: &Webhook, owner_id: Option<Id>, tx: &mut dyn Tx) {
    let told = webhook.told(owner_id);
    tx.append(NewEvent::new(&call.env, Some(call.caller.user_id), kind, webhook.id, None, told));
}

/// One that becomes active is told of what happens from now on, or what waits since it failed its challenge; one that
/// somebody switches off, of nothing more.
fn start_or_stop(webhook: &mut Webhook, was_active: bool, tx: &mut dyn Tx) -> Result<()> {
    webhook.error = None;
    webhook.status = if webhook.active { Status::Verifying } else { Status::Inactive };
    if webhook.active && !was_active && consumer::place(tx, &webhook.reader())?.is_none() {
        consumer::join(tx, &webhook.reader())?;
    } else if !webhook.active {
        leave(tx, webhook)?;
    }
    Ok(())
}

/// Ends the telling. What waits would come as a surprise later; it can be replayed.
fn leave(tx: &mut dyn Tx, webhook: &Webhook) -> Result<()> {
    consumer::leave(tx, &webhook.reader())?;
    tx.execute(
        "UPDATE webhook_deliveries SET state = 'failed', due_at = NULL WHERE webhook_id = $1 AND due_at IS NOT NULL",
        args![&webhook.id],
    )?;
    tx.execute("DELETE FROM webhook_replays WHERE webhook_id = $1 AND next_seq <= last_seq", args![&webhook.id])?;
    Ok(())
}

/// Ends the telling of those that failed their challenge and were not mended by `before`: the log is not kept for them.
pub(crate) fn leave_the_unmended(tx: &mut dyn Tx, before: Timestamp) -> Result<()> {
    for webhook in super::all(tx)? {
        let has_failed = webhook.status == Status::VerificationFailed && webhook.updated_at < before;
        if has_failed && consumer::place(tx, &webhook.reader())?.is_some() {
            leave(tx, &webhook)?;
        }
    }
    Ok(())
}

/// Writes a webhook down, new or changed. Its lease is the sender's business.
fn save(webhook: &Webhook, tx: &mut dyn Tx) -> Result<()> {
    tx.execute(
        "INSERT INTO webhooks (id, access_token_id, name, url, active, staging_use, secrets, registered_events,
           source_filter, source_ids, ignore_tls_validity, ordering, events_per_request, status, error, lease,
           leased_until, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, 0, 0, $16, $17)
         ON CONFLICT (id) DO UPDATE SET access_token_id = excluded.access_token_id, name = excluded.name,
           url = excluded.url, active = excluded.active, staging_use = excluded.staging_use,
           secrets = excluded.secrets, registered_events = excluded.registered_events,
           source_filter = excluded.source_filter, source_ids = excluded.source_ids,
           ignore_tls_validity = excluded.ignore_tls_validity, ordering = excluded.ordering,
           events_per_request = excluded.events_per_request, status = excluded.status, error = excluded.error,
           updated_at = excluded.updated_at",
        args![
            &webhook.id,
            &webhook.access_token_id,
            &webhook.name,
            &webhook.url,
            webhook.active,
            webhook.staging_use,
            &webhook.sealed,
            &json!(webhook.registered_events).to_string(),
            &webhook.source_filter,
            &json!(webhook.source_ids).to_string(),
            webhook.ignore_tls_validity,
            &webhook.ordering,
            webhook.events_per_request,
            webhook.status.name(),
            &webhook.error,
            webhook.created_at,
            webhook.updated_at
        ],
    )?;
    Ok(())
}

/// The token that a webhook is to belong to: the caller's, or another that they may use.
fn token_for(call: &Call, wanted: Option<Id>, tx: &mut dyn Tx) -> Result<access_tokens::Known> {
    let caller = &call.caller;
    // Who acts as somebody else came by a token that is not theirs.
    let own = match caller.token_id.filter(|_| caller.user_id == caller.owner_id) {
        Some(own) => Some(own),
        None => access_tokens::first_of(tx, caller.user_id)?,
    };
    let Some(id) = wanted.or(own) else {
        let message = "access_token_id: the user has no access token; make one first.";
        return Err(error::invalid("access_token_id", "blank", message));
    };
    let known = access_tokens::known(tx, id)?;
    let visible =
        |token: &access_tokens::Known| token.user_id == caller.user_id || caller.may(Permission::ManageApiAccessTokens);
    let token = known.filter(visible).ok_or_else(|| {
        error::invalid("access_token_id", "unknown", "access_token_id: there is no such access token.")
    })?;
    require_covered(call, token.id, tx)?;
    Ok(token)
}

/// A webhook is told what the owner of its token may see: nobody changes where it goes who may see less. Returns the
/// owner.
pub(crate) fn require_covered(call: &Call, token_id: Id, tx: &mut dyn Tx) -> Result<Option<Id>> {
    let Some(token) = access_tokens::known(tx, token_id)? else { return Ok(None) };
    if token.user_id != call.caller.user_id
        && let Some(owner) = callers::potential(tx, token.user_id)?
        && !call.caller.covers(&owner)
    {
        return Err(error::forbidden(
            "The owner of the webhook's token holds permissions that your role lacks, or rights on sources that you \
             lack.",
        ));
    }
    Ok(Some(token.user_id))
}
