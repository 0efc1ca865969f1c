//! The operations on webhooks.

use std::sync::Arc;

use frontdesk_conversations::Conversations;
use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_people::access_tokens;
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Seal, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wish::Wish;
use super::{COLUMNS, Webhook, by_id, commands, webhook};

/// A webhook as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
struct Answer {
    id: Id,
    active: bool,
    api_access_token: WebhookAccessToken,
    registered_events: Vec<String>,
    staging_use: bool,
    url: String,
    verify_token: String,
    /// inactive, verifying, enabled, failing, suspended or verification_failed.
    webhook_status: &'static str,
    #[serde(flatten)]
    own: Option<Own>,
}

/// The token that a webhook belongs to.
#[derive(Serialize, JsonSchema)]
struct WebhookAccessToken {
    id: Id,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What Frontdesk adds, with `extended=true`.
#[derive(Serialize, JsonSchema)]
struct Own {
    /// What people call it.
    #[schemars(extend("x-frontdesk-extension" = true))]
    name: String,
    /// except: every source but source_ids; only: no source but those.
    #[schemars(extend("x-frontdesk-extension" = true))]
    source_filter: String,
    /// The sources of the filter.
    #[schemars(extend("x-frontdesk-extension" = true))]
    source_ids: Vec<Id>,
    /// Whether its receiver's certificate is not looked at.
    #[schemars(extend("x-frontdesk-extension" = true))]
    ignore_tls_validity: bool,
    /// none, or thread: events of one thread arrive one after the other, in order.
    #[schemars(extend("x-frontdesk-extension" = true))]
    ordering: String,
    /// At most so many events come in one request.
    #[schemars(extend("x-frontdesk-extension" = true))]
    events_per_request: i64,
    /// What went wrong last, while that matters.
    #[schemars(extend("x-frontdesk-extension" = true))]
    error: Option<String>,
    /// Whether there is a secret; it is never shown.
    #[schemars(extend("x-frontdesk-extension" = true))]
    has_secret: bool,
    /// What signs its requests; only in the answer that made it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    signing_secret: Option<String>,
    #[schemars(extend("x-frontdesk-extension" = true))]
    created_at: Timestamp,
    #[schemars(extend("x-frontdesk-extension" = true))]
    updated_at: Timestamp,
}

/// Parameters of `createWebhook`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// Where events are sent: http or https, without user and password; unique among the token's webhooks.
    url: String,
    /// The names of the events to tell of; at least one.
    registered_events: Vec<String>,
    #[serde(flatten)]
    common: Common,
}

/// Parameters of `updateWebhook`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// Another place.
    url: Option<String>,
    /// The names of the events to tell of from now on; at least one.
    registered_events: Option<Vec<String>>,
    #[serde(flatten)]
    common: Common,
}

/// What both take.
#[derive(Deserialize, JsonSchema)]
struct Common {
    /// Whether events are sent; true for a new one when absent.
    active: Option<bool>,
    /// What people call it; host and the token's label when absent.
    name: Option<String>,
    /// A mark of yours: whether the receiver is a staging one. There is one environment here, so it changes nothing else.
    staging_use: Option<bool>,
    /// Sent along with the challenge, so that the receiver knows who asks.
    verify_token: Option<String>,
    /// Sent as the header X-Dimelo-Secret with every request; ASCII, less than 256 characters, no space at either end.
    /// Empty: no header.
    secret: Option<String>,
    /// Ours: the access token that it belongs to, and whose owner's rights decide what it is told; the caller's when
    /// absent.
    access_token_id: Option<Id>,
    /// Ours: except (every source but source_ids, the default) or only (no source but those). Events of no source, such as
    /// those of agents, are told in any case.
    source_filter: Option<String>,
    /// Ours: the sources of the filter.
    source_ids: Option<Vec<Id>>,
    /// Ours: whether the certificate of the receiver is not looked at; for tests.
    ignore_tls_validity: Option<bool>,
    /// Ours: none (the default), or thread: events of one thread are sent one after the other, in order.
    ordering: Option<String>,
    /// Ours: at most so many events in one request while it lags behind, from 1 (the default) to 100. Many receivers
    /// only look at the first. 1 where ordering is thread.
    events_per_request: Option<i64>,
}

fn wish(url: Option<String>, registered_events: Option<Vec<String>>, common: Common) -> Wish {
    Wish {
        access_token_id: common.access_token_id,
        name: common.name,
        active: common.active,
        staging_use: common.staging_use,
        url,
        verify_token: common.verify_token,
        secret: common.secret,
        registered_events,
        source_filter: common.source_filter,
        source_ids: common.source_ids,
        ignore_tls_validity: common.ignore_tls_validity,
        ordering: common.ordering,
        events_per_request: common.events_per_request,
    }
}

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Webhooks";
    let path = "/webhooks/{webhookId}";
    let [for_list, for_show, for_create, for_update, for_rotate, for_delete] = std::array::from_fn(|_| app.clone());
    vec![
        Operation::read("getAllWebhooks", Method::GET, "/webhooks", move |call, paging, tx| {
            list(&for_list.seal, call, paging, tx)
        })
        .tag(tag)
        .summary("Lists webhooks, the active ones first.")
        .notes(VISIBLE),
        Operation::read("getWebhook", Method::GET, path, move |call, _: NoParameters, tx| {
            answer(&for_show.seal, call.extended, find(call, tx)?, None, tx)
        })
        .tag(tag)
        .summary("Reads a webhook.")
        .notes(VISIBLE),
        Operation::write("createWebhook", Method::POST, "/webhooks", move |call, parameters: Create, tx| {
            let wish = wish(Some(parameters.url), Some(parameters.registered_events), parameters.common);
            let (id, signing_secret) = commands::create(&for_create, call, wish, tx)?;
            let created = by_id(tx, id)?.ok_or_else(|| error::not_found("webhook"))?;
            answer(&for_create.seal, call.extended, created, Some(signing_secret), tx)
        })
        .tag(tag)
        .summary("Registers a webhook and has its receiver asked whether it wants this.")
        .notes(
            "The receiver is asked after the answer: a GET with hub.mode=subscribe, hub.challenge and hub.verify_token, \
             to be answered with 200 and exactly the challenge. webhook_status tells how that went. What happens in the \
             meantime is sent afterwards. With extended=true the answer holds signing_secret, this once.",
        ),
        Operation::write("updateWebhook", Method::PUT, path, move |call, parameters: Update, tx| {
            let wish = wish(parameters.url, parameters.registered_events, parameters.common);
            let updated = commands::update(&for_update, call, wish, tx)?;
            answer(&for_update.seal, call.extended, updated, None, tx)
        })
        .tag(tag)
        .summary("Changes a webhook; a new URL or secret has its receiver asked again.")
        .notes(VISIBLE),
        Operation::write("deleteWebhook", Method::DELETE, path, move |call, _: NoParameters, tx| {
            let deleted = find(call, tx)?;
            let shown = answer(&for_delete.seal, call.extended, deleted, None, tx)?;
            commands::delete(call, tx)?;
            Ok(shown)
        })
        .tag(tag)
        .summary("Deletes a webhook: it is told of nothing more.")
        .notes(VISIBLE),
        Operation::write(
            "rotateWebhookSigningSecret",
            Method::POST,
            "/webhooks/{webhookId}/rotate_signing_secret",
            move |call, _: NoParameters, tx| {
                let (rotated, signing_secret) = commands::rotate(&for_rotate, call, tx)?;
                // An operation of ours shows what is ours.
                answer(&for_rotate.seal, true, rotated, Some(signing_secret), tx)
            },
        )
        .tag(tag)
        .summary("Signs with a new secret, which only this answer shows; for a day requests carry both signatures.")
        .notes(VISIBLE)
        .extension(),
    ]
}

const VISIBLE: &str =
    "Everybody reaches the webhooks of their own access tokens; who holds manage_api_access_tokens, all.";

fn sees_all(call: &Call) -> bool {
    call.caller.may(Permission::ManageApiAccessTokens)
}

/// A webhook that the caller may see; anything else is missing.
pub(crate) fn find(call: &Call, tx: &mut dyn Tx) -> Result<Webhook> {
    let id = call.id("webhookId", "webhook")?;
    let missing = || error::not_found("webhook");
    let found = by_id(tx, id)?.ok_or_else(missing)?;
    let owner = access_tokens::known(tx, found.access_token_id)?;
    let is_own = owner.is_some_and(|token| token.user_id == call.caller.user_id);
    if is_own || sees_all(call) { Ok(found) } else { Err(missing()) }
}

fn list(seal: &Seal, call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let condition = "$1 OR access_token_id IN (SELECT id FROM access_tokens WHERE user_id = $2)";
    let (all, user_id) = (sees_all(call), call.caller.user_id);
    let count = tx.one(&format!("SELECT count(*) FROM webhooks WHERE {condition}"), args![all, &user_id])?.get(0)?;
    let rows = tx.query(
        &format!(
            "SELECT {COLUMNS} FROM webhooks WHERE {condition}
             ORDER BY active DESC, staging_use DESC, id LIMIT $3 OFFSET $4"
        ),
        args![all, &user_id, paging.limit, paging.offset],
    )?;
    let found = rows.iter().map(webhook).collect::<Result<Vec<_>>>()?;
    let answers =
        found.into_iter().map(|webhook| answer(seal, call.extended, webhook, None, tx)).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, answers))
}

fn answer(
    seal: &Seal,
    extended: bool,
    webhook: Webhook,
    signing_secret: Option<String>,
    tx: &mut dyn Tx,
) -> Result<Answer> {
    let token = access_tokens::known(tx, webhook.access_token_id)?;
    let (created_at, updated_at) =
        token.map_or((webhook.created_at, webhook.created_at), |token| (token.created_at, token.updated_at));
    let secrets = webhook.secrets(seal)?;
    Ok(Answer {
        id: webhook.id,
        active: webhook.active,
        api_access_token: WebhookAccessToken { id: webhook.access_token_id, created_at, updated_at },
        registered_events: webhook.registered_events,
        staging_use: webhook.staging_use,
        url: webhook.url,
        verify_token: secrets.verify_token,
        webhook_status: webhook.status.name(),
        own: extended.then_some(Own {
            name: webhook.name,
            source_filter: webhook.source_filter,
            source_ids: webhook.source_ids,
            ignore_tls_validity: webhook.ignore_tls_validity,
            ordering: webhook.ordering,
            events_per_request: webhook.events_per_request,
            error: webhook.error,
            has_secret: secrets.secret.is_some(),
            signing_secret,
            created_at: webhook.created_at,
            updated_at: webhook.updated_at,
        }),
    })
}
