//! What somebody wants a webhook to be, and whether it can be.

use frontdesk_conversations::Conversations;
use frontdesk_model::lists::each_once;
use frontdesk_model::{Id, Result, SourceRight, error, journal};
use frontdesk_net::OutboundError;
use frontdesk_people::checked;
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};

use super::{Secrets, Webhook};

const URL_BYTES_MAX: usize = 2_048;
const VERIFY_TOKEN_CHARACTERS_MAX: usize = 255;
/// "Less than 256 characters", as documented.
const SECRET_CHARACTERS_MAX: usize = 255;
const SOURCES_MAX: usize = 1_000;
pub(super) const EVENTS_PER_REQUEST_MAX: i64 = 100;

/// What somebody wants of a webhook; none leaves it as it is.
#[derive(Default)]
pub(super) struct Wish {
    pub(super) access_token_id: Option<Id>,
    pub(super) name: Option<String>,
    pub(super) active: Option<bool>,
    pub(super) staging_use: Option<bool>,
    pub(super) url: Option<String>,
    pub(super) verify_token: Option<String>,
    pub(super) secret: Option<String>,
    pub(super) registered_events: Option<Vec<String>>,
    pub(super) source_filter: Option<String>,
    pub(super) source_ids: Option<Vec<Id>>,
    pub(super) ignore_tls_validity: Option<bool>,
    pub(super) ordering: Option<String>,
    pub(super) events_per_request: Option<i64>,
}

/// Puts the wish into the webhook: 422 for what cannot be.
pub(super) fn fulfil(
    app: &Conversations,
    call: &Call,
    webhook: &mut Webhook,
    secrets: &mut Secrets,
    wish: Wish,
    tx: &mut dyn Tx,
) -> Result<()> {
    if let Some(name) = wish.name.as_deref().map(|name| checked::optional("name", name)).transpose()?.flatten() {
        webhook.name = name;
    }
    if let Some(url) = wish.url {
        webhook.url = checked_url(app, url.trim())?;
    }
    if let Some(token) = wish.verify_token {
        too_long("verify_token", &token, VERIFY_TOKEN_CHARACTERS_MAX)?;
        secrets.verify_token = token;
    }
    if let Some(secret) = wish.secret {
        secrets.secret = checked_secret(secret)?;
    }
    if let Some(events) = wish.registered_events {
        webhook.registered_events = checked_events(events)?;
    }
    if let Some(filter) = wish.source_filter {
        webhook.source_filter = one_of("source_filter", filter, &["except", "only"])?;
    }
    if let Some(ids) = wish.source_ids {
        webhook.source_ids = checked_sources(call, webhook, ids, tx)?;
    }
    let is_about_batches = wish.ordering.is_some() || wish.events_per_request.is_some();
    if let Some(ordering) = wish.ordering {
        webhook.ordering = one_of("ordering", ordering, &["none", "thread"])?;
    }
    if let Some(count) = wish.events_per_request {
        if !(1..=EVENTS_PER_REQUEST_MAX).contains(&count) {
            let message = format!("events_per_request: must be from 1 to {EVENTS_PER_REQUEST_MAX}.");
            return Err(error::invalid("events_per_request", "inclusion", message));
        }
        webhook.events_per_request = count;
    }
    if is_about_batches && webhook.is_ordered() && webhook.events_per_request > 1 {
        let message = "events_per_request: must be 1 where ordering is thread, as a request that holds several threads \
                       could keep the order of none.";
        return Err(error::invalid("events_per_request", "inclusion", message));
    }
    webhook.ignore_tls_validity = wish.ignore_tls_validity.unwrap_or(webhook.ignore_tls_validity);
    webhook.staging_use = wish.staging_use.unwrap_or(webhook.staging_use);
    webhook.active = wish.active.unwrap_or(webhook.active);
    let sql = "SELECT 1 FROM webhooks WHERE access_token_id = $1 AND url = $2 AND id <> $3";
    if tx.first(sql, args![&webhook.access_token_id, &webhook.url, &webhook.id])?.is_some() {
        return Err(error::invalid("url", "taken", "url: this access token has a webhook with this URL already."));
    }
    Ok(())
}

fn too_long(attribute: &'static str, text: &str, characters_max: usize) -> Result<()> {
    if text.chars().count() > characters_max {
        let message = format!("{attribute} has at most {characters_max} characters.");
        return Err(error::invalid(attribute, "too_long", message));
    }
    Ok(())
}

fn one_of(attribute: &'static str, given: String, choices: &[&str]) -> Result<String> {
    if choices.contains(&given.as_str()) {
        return Ok(given);
    }
    let message = format!("{attribute}: must be {}.", choices.join(" or "));
    Err(error::invalid(attribute, "inclusion", message))
}

fn checked_url(app: &Conversations, url: &str) -> Result<String> {
    if url.len() > URL_BYTES_MAX {
        let message = format!("url has at most {URL_BYTES_MAX} bytes.");
        return Err(error::invalid("url", "too_long", message));
    }
    // They would be left out, and it would be another URL than was asked for.
    if url.contains(char::is_control) {
        return Err(error::invalid("url", "invalid", "url: line breaks and control characters are not allowed."));
    }
    match app.outbound.check_url(url) {
        Ok(parsed) => Ok(parsed.to_string()),
        Err(OutboundError::Forbidden(reason)) => {
            let message = format!("url: {reason}; the server calls public addresses only.");
            Err(error::invalid("url", "forbidden", message))
        }
        Err(reason) => Err(error::invalid("url", "invalid", format!("url: {reason}."))),
    }
}

/// It goes into a header.
fn checked_secret(secret: String) -> Result<Option<String>> {
    too_long("secret", &secret, SECRET_CHARACTERS_MAX)?;
    if !secret.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic()) {
        let message = "secret: may hold ASCII letters, digits, punctuation and spaces only.";
        return Err(error::invalid("secret", "invalid", message));
    }
    if secret.trim() != secret {
        let message = "secret: must not begin or end with a space, as headers lose those.";
        return Err(error::invalid("secret", "invalid", message));
    }
    Ok(Some(secret).filter(|secret| !secret.is_empty()))
}

fn checked_events(events: Vec<String>) -> Result<Vec<String>> {
    let chosen = each_once(events.into_iter().filter(|event| !event.is_empty()));
    if let Some(unknown) = chosen.iter().find(|event| !is_registrable(event)) {
        let shown: String = unknown.chars().take(60).collect();
        let message = format!("registered_events: there is no event {shown}.");
        return Err(error::invalid("registered_events", "inclusion", message));
    }
    if chosen.is_empty() {
        return Err(error::invalid("registered_events", "blank", "registered_events: choose at least one event."));
    }
    Ok(chosen)
}

/// Whether a webhook can be told of events with this name.
fn is_registrable(name: &str) -> bool {
    journal::BOTH.binary_search(&name).is_ok() || journal::WEBHOOKS_ONLY.binary_search(&name).is_ok()
}

fn checked_sources(call: &Call, webhook: &Webhook, ids: Vec<Id>, tx: &mut dyn Tx) -> Result<Vec<Id>> {
    if ids.len() > SOURCES_MAX {
        let message = format!("source_ids has at most {SOURCES_MAX} elements.");
        return Err(error::invalid("source_ids", "too_long", message));
    }
    let sql = format!("SELECT id FROM sources WHERE {}", tx.in_list("id", 1));
    let known = tx.query(&sql, args![&ids])?.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    let may_name =
        |id: &Id| known.contains(id) && (webhook.source_ids.contains(id) || call.caller.may_on(*id, SourceRight::Read));
    checked::nameable_sources(&ids, may_name)?;
    Ok(ids)
}
