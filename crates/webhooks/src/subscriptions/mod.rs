//! Webhooks: who is to be told what, and where (public documentation: Webhooks, Registering a Webhook).

mod commands;
mod reason;
mod rest;
mod secrets;
pub(crate) mod verification;
mod wish;

use frontdesk_conversations::notifications;
use frontdesk_model::{Event, Id, Result, Timestamp, error};
use frontdesk_store::{Row, Tx, args};
use serde_json::json;

pub(crate) use commands::{disable, leave_the_unmended, remove_of_lost_tokens, require_covered};
pub(crate) use reason::Reason;
pub(crate) use secrets::Secrets;

/// How a webhook is doing, as `webhook_status` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Status {
    /// Switched off.
    Inactive,
    /// Saved; its receiver is being asked whether it wants this.
    Verifying,
    /// Told of everything as it happens.
    Enabled,
    /// Its last attempts failed.
    Failing,
    /// Too many failed: it is only probed until one succeeds.
    Suspended,
    /// Its receiver did not answer the challenge: switched off.
    VerificationFailed,
}

impl Status {
    const ALL: [Status; 6] = [
        Status::Inactive,
        Status::Verifying,
        Status::Enabled,
        Status::Failing,
        Status::Suspended,
        Status::VerificationFailed,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Status::Inactive => "inactive",
            Status::Verifying => "verifying",
            Status::Enabled => "enabled",
            Status::Failing => "failing",
            Status::Suspended => "suspended",
            Status::VerificationFailed => "verification_failed",
        }
    }

    fn read(name: &str) -> Result<Status> {
        let found = Status::ALL.into_iter().find(|status| status.name() == name);
        found.ok_or_else(|| error::broken(format!("webhooks.status: {name}")))
    }
}

/// A webhook as the store keeps it.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Webhook {
    pub(crate) id: Id,
    pub(crate) access_token_id: Id,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) active: bool,
    pub(crate) staging_use: bool,
    sealed: Vec<u8>,
    pub(crate) registered_events: Vec<String>,
    pub(crate) source_filter: String,
    pub(crate) source_ids: Vec<Id>,
    pub(crate) ignore_tls_validity: bool,
    pub(crate) ordering: String,
    pub(crate) events_per_request: i64,
    pub(crate) status: Status,
    pub(crate) error: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

const COLUMNS: &str = "webhooks.id, webhooks.access_token_id, webhooks.name, webhooks.url, webhooks.active,
    webhooks.staging_use, webhooks.secrets, webhooks.registered_events, webhooks.source_filter, webhooks.source_ids,
    webhooks.ignore_tls_validity, webhooks.ordering, webhooks.events_per_request, webhooks.status, webhooks.error,
    webhooks.created_at, webhooks.updated_at";

fn webhook(row: &Row) -> Result<Webhook> {
    let lists = |place: usize| -> Result<String> { row.get(place) };
    Ok(Webhook {
        id: row.get(0)?,
        access_token_id: row.get(1)?,
        name: row.get(2)?,
        url: row.get(3)?,
        active: row.get(4)?,
        staging_use: row.get(5)?,
        sealed: row.get(6)?,
        registered_events: list(&lists(7)?)?,
        source_filter: row.get(8)?,
        source_ids: list(&lists(9)?)?,
        ignore_tls_validity: row.get(10)?,
        ordering: row.get(11)?,
        events_per_request: row.get(12)?,
        status: Status::read(&row.get::<String>(13)?)?,
        error: row.get(14)?,
        created_at: row.get(15)?,
        updated_at: row.get(16)?,
    })
}

fn list<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    serde_json::from_str(text).map_err(|trouble| error::broken(format!("a list of webhooks: {trouble}")))
}

impl Webhook {
    /// Whether it keeps the order of events within a thread.
    pub(crate) fn is_ordered(&self) -> bool {
        self.ordering == "thread"
    }

    /// Whether an event may concern it, as far as the event itself tells.
    pub(crate) fn may_concern(&self, event: &Event) -> bool {
        if !self.registered_events.contains(&event.kind) {
            return false;
        }
        let has_filter = self.source_filter == "only" || !self.source_ids.is_empty();
        !has_filter || self.takes_source(notifications::named_source(event))
    }

    /// So many events go in one request.
    pub(crate) fn events_together(&self) -> usize {
        // A request that holds several threads could keep the order of none.
        if self.is_ordered() { 1 } else { usize::try_from(self.events_per_request).unwrap_or(1) }
    }

    /// 403 for one to which nothing is sent.
    pub(crate) fn require_active(&self) -> Result<()> {
        if self.active {
            return Ok(());
        }
        Err(error::forbidden("The webhook is not active: activate it first."))
    }

    /// Whether events of this source are told; those of no source always are.
    pub(crate) fn takes_source(&self, source_id: Option<Id>) -> bool {
        let Some(source_id) = source_id else { return true };
        self.source_ids.contains(&source_id) == (self.source_filter == "only")
    }

    /// The name under which it has its place in the log.
    pub(crate) fn reader(&self) -> String {
        reader(self.id)
    }

    /// What the journal and its owner's mails say of it; never the whole URL, which may hold a secret.
    pub(crate) fn told(&self, owner_id: Option<Id>) -> serde_json::Value {
        json!({ "user_id": owner_id, "name": self.name, "url_host": host_of(&self.url) })
    }
}

/// The name under which a webhook has its place in the log.
pub(crate) fn reader(id: Id) -> String {
    format!("webhook:{id}")
}

/// The host of a URL that has been checked.
pub(crate) fn host_of(url: &str) -> String {
    let parsed = url::Url::parse(url).ok();
    parsed.and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

/// One that exists, whoever asks.
pub(crate) fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Webhook>> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM webhooks WHERE id = $1"), args![&id])?;
    row.map(|row| webhook(&row)).transpose()
}

/// All that there are.
pub(crate) fn all(tx: &mut dyn Tx) -> Result<Vec<Webhook>> {
    let rows = tx.query(&format!("SELECT {COLUMNS} FROM webhooks ORDER BY id"), args![])?;
    rows.iter().map(webhook).collect()
}

pub(crate) use rest::{find, operations};
