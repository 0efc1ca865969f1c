//! Seeing what was sent, and sending it again: operations of our own.

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Tx, args, log};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{COLUMNS, Delivery, State, Try, delivery, save};
use crate::subscriptions::{self, Webhook};

/// A webhook is tested at most this often within [`TEST_SECONDS`]: a test goes out also to a receiver that is left alone,
/// and whoever registers a webhook chose where to.
const TESTS_MAX: i64 = 10;
const TEST_SECONDS: i64 = 60;

/// A delivery as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "WebhookDelivery")]
struct Answer {
    /// The id of the request, the same whenever it is sent.
    id: Id,
    webhook_id: Id,
    /// waiting, delivered or failed.
    state: &'static str,
    /// The numbers of the events that it tells, as the stream shows them; none: a test.
    seqs: Vec<i64>,
    /// How many attempts used up one of the five retries or were the first.
    attempts: i64,
    /// When it is tried next.
    due_at: Option<Timestamp>,
    /// The latest attempts, the oldest first.
    tries: Vec<Try>,
    /// When its first event happened.
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn answer(delivery: Delivery) -> Answer {
    Answer {
        id: delivery.id,
        webhook_id: delivery.webhook_id,
        state: delivery.state.name(),
        seqs: delivery.seqs,
        attempts: delivery.attempts,
        due_at: delivery.due_at,
        tries: delivery.tries,
        created_at: delivery.created_at,
        updated_at: delivery.updated_at,
    }
}

/// Parameters of `getAllWebhookDeliveries`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only those: waiting, delivered or failed.
    state: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Webhooks";
    vec![
        Operation::read("getAllWebhookDeliveries", Method::GET, "/webhooks/{webhookId}/deliveries", list)
            .tag(tag)
            .summary("Lists the requests of a webhook, newest first, with their attempts.")
            .notes(
                "What waits for another attempt, what failed for good as long as the log is kept, and the last 1,000 that \
                 arrived.",
            )
            .extension(),
        Operation::read(
            "getWebhookDelivery",
            Method::GET,
            "/webhooks/{webhookId}/deliveries/{deliveryId}",
            |call, _: NoParameters, tx| find(call, tx).map(|(_, found)| answer(found)),
        )
        .tag(tag)
        .summary("Reads a request of a webhook.")
        .extension(),
        Operation::write(
            "resendWebhookDelivery",
            Method::POST,
            "/webhooks/{webhookId}/deliveries/{deliveryId}/resend",
            |call, _: NoParameters, tx| resend(call, tx),
        )
        .tag(tag)
        .summary("Sends a request again, under the same ids.")
        .notes(
            "What was given up together is sent in as many requests as it needs; the answer is the first of them. 422 \
             when the log no longer holds its events.",
        )
        .extension(),
        Operation::write("testWebhook", Method::POST, "/webhooks/{webhookId}/test", |call, _: NoParameters, tx| {
            test(call, tx)
        })
        .tag(tag)
        .summary("Sends an event of type webhook.test; the answer's id leads to how that goes.")
        .notes("At most ten a minute; beyond, 429 says when to try again.")
        .extension(),
    ]
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let webhook = subscriptions::find(call, tx)?;
    let Paging { offset, limit } = parameters.paging;
    let mut filter = Filter::default();
    filter.and_equal("webhook_id", &webhook.id);
    if let Some(name) = parameters.state.filter(|name| !name.is_empty()) {
        let state =
            State::read(&name).ok_or_else(|| error::bad_request("state: must be waiting, delivered or failed."))?;
        filter.and(format!("state = '{}'", state.name()));
    }
    let count = filter.count(tx, "webhook_deliveries", offset, limit)?;
    let select = format!("SELECT {COLUMNS} FROM webhook_deliveries");
    let rows = filter.page(tx, &select, "id DESC", offset, limit)?;
    let found = rows.iter().map(|row| delivery(row).map(answer)).collect::<Result<_>>()?;
    Ok(Page::new(count, parameters.paging, found))
}

fn find(call: &Call, tx: &mut dyn Tx) -> Result<(Webhook, Delivery)> {
    let webhook = subscriptions::find(call, tx)?;
    let id = call.id("deliveryId", "delivery")?;
    let sql = format!("SELECT {COLUMNS} FROM webhook_deliveries WHERE id = $1 AND webhook_id = $2");
    let row = tx.first(&sql, args![&id, &webhook.id])?;
    Ok((webhook, delivery(&row.ok_or_else(|| error::not_found("delivery"))?)?))
}

fn resend(call: &Call, tx: &mut dyn Tx) -> Result<Answer> {
    let (webhook, mut found) = find(call, tx)?;
    subscriptions::require_covered(call, webhook.access_token_id, tx)?;
    webhook.require_active()?;
    if !found.seqs.is_empty() && log::some(tx, &found.seqs)?.is_empty() {
        let message = "The log no longer holds what this request told: nothing is left to send.";
        return Err(error::unprocessable("events_forgotten", message));
    }
    let now = call.env.now();
    if found.state != State::Waiting {
        return Ok(answer(super::again(tx, &webhook, found, now)?.0));
    }
    // It goes out by itself; now rather than later.
    found.due_at = Some(now);
    found.waiting_since = now;
    save(tx, &found)?;
    Ok(answer(found))
}

fn test(call: &Call, tx: &mut dyn Tx) -> Result<Answer> {
    let webhook = subscriptions::find(call, tx)?;
    subscriptions::require_covered(call, webhook.access_token_id, tx)?;
    webhook.require_active()?;
    let now = call.env.now();
    let (tests, oldest) = super::tests_since(tx, webhook.id, now.plus_seconds(-TEST_SECONDS))?;
    if tests >= TESTS_MAX {
        let passed = oldest.map_or(0, |oldest| now.seconds_since(oldest));
        let message =
            format!("A webhook is tested at most {TESTS_MAX} times in {TEST_SECONDS} seconds: try again later.");
        return Err(error::too_many(message, u64::try_from(TEST_SECONDS - passed).unwrap_or(0).max(1)));
    }
    let test = Delivery { id: call.env.id(), ..Delivery::of(webhook.id, Vec::new(), None, now, now) };
    save(tx, &test)?;
    Ok(answer(test))
}
