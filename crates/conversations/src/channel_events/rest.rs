//! What people see of what services sent: what could not be read, with the reason, and how to have it read again.

use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::receiving::NOBODYS;
use super::trying::{self, Finding};
use super::{signing_in, unknown};
use crate::sources::{self, Channel, Source};
use crate::{Conversations, events};

/// An event that a service sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ChannelEvent")]
struct Answer {
    id: Id,
    source_id: Id,
    /// What it says it is, such as `feed comment add`.
    name: String,
    /// `waiting`, `done`, `unknown` or `failed`.
    #[schemars(extend("enum" = ["waiting", "done", "unknown", "failed"]))]
    state: String,
    /// Why it could not be read.
    error: Option<String>,
    /// What was sent; null once it was read.
    payload: Option<String>,
    received_at: Timestamp,
}

const COLUMNS: &str = "SELECT id, source_id, name, state, error, payload, received_at FROM channel_events";

fn answer(row: &Row) -> Result<Answer> {
    Ok(Answer {
        id: row.get(0)?,
        source_id: row.get(1)?,
        name: row.get(2)?,
        state: row.get(3)?,
        error: row.get(4)?,
        payload: row.get(5)?,
        received_at: row.get(6)?,
    })
}

/// Parameters of `getSourceEvents`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only events in this state; failed when absent.
    state: Option<State>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Waiting,
    Done,
    Unknown,
    Failed,
}

impl State {
    fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Done => "done",
            State::Unknown => "unknown",
            State::Failed => "failed",
        }
    }
}

/// How a source is connected with its service.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SourceConnection")]
struct Connection {
    source_id: Id,
    /// Where the service sends what happens: to be entered there.
    callback_url: String,
    /// How many events came, without repeats.
    events_received: i64,
    /// How many of them were of no known kind.
    events_unknown: i64,
    /// How many of them could not be read.
    events_failed: i64,
    /// When the last one came.
    last_event_at: Option<Timestamp>,
    /// What is to be done to connect the account, in order.
    steps: Vec<StepAnswer>,
    /// Whether Frontdesk can be let in at the service's own page.
    can_authorize: bool,
    /// Whether the connection is being tried now.
    trying: bool,
    /// When it was tried last.
    tried_at: Option<Timestamp>,
    /// What was found then, in the order in which it was tried.
    findings: Vec<Finding>,
}

/// Where to let Frontdesk in.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SourceAuthorization")]
struct Authorization {
    /// The service's own page, to be opened in a browser.
    url: String,
    /// Where the service sends back to.
    redirect_uri: String,
    /// Until when it can be completed.
    expires_at: Timestamp,
}

/// Parameters of `completeSourceConnection`.
#[derive(Deserialize, JsonSchema)]
struct Complete {
    /// What the service sent back as state.
    state: String,
    /// What the service sent back as code.
    code: String,
}

/// A step on the way to a connection.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SourceConnectionStep")]
struct StepAnswer {
    /// One word.
    name: &'static str,
    /// What to do.
    instruction: &'static str,
    /// Whether it was done.
    done: bool,
}

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let [for_connection, for_test, for_retry, for_begin, for_end] = std::array::from_fn(|_| app.clone());
    let tag = "Sources";
    vec![
        Operation::read(
            "getSourceConnection",
            Method::GET,
            "/content_sources/{sourceId}/connection",
            move |call, _: NoParameters, tx| {
                let source = find(call, tx)?;
                connection(&for_connection, &source, tx)
            },
        )
        .tag(tag)
        .summary("Tells how a source is connected with its service: where the service calls, and what came from it.")
        .notes("422 for kinds of sources that no service tells of anything.")
        .permissions(&[Permission::UpdateContentSource])
        .extension(),
        Operation::write(
            "testSourceConnection",
            Method::POST,
            "/content_sources/{sourceId}/connection/test",
            move |call, _: NoParameters, tx| {
                let source = find(call, tx)?;
                trying::ask(tx, source.id, call.env.now())?;
                connection(&for_test, &source, tx)
            },
        )
        .tag(tag)
        .summary("Tries a source's connection, and has its account tell the app of what happens.")
        .notes(
            "The answer does not wait for that: read the connection until trying is false. findings then says what works, \
             and of the first thing that does not, what is wrong.",
        )
        .permissions(&[Permission::UpdateContentSource])
        .extension(),
        Operation::write(
            "authorizeSourceConnection",
            Method::POST,
            "/content_sources/{sourceId}/connection/authorize",
            move |call, _: NoParameters, tx| {
                let source = find(call, tx)?;
                let (url, expires_at) = signing_in::begin(&for_begin, call, &source, tx)?;
                Ok(Authorization { url, redirect_uri: signing_in::redirect_uri(&for_begin), expires_at })
            },
        )
        .tag(tag)
        .summary("Begins to let Frontdesk in at a source's service: tells where to go.")
        .notes(
            "Enter redirect_uri at the service as an allowed one, and open url in a browser. The service sends back to a \
             page that shows state and code: complete the connection with them, by the same session or token.",
        )
        .permissions(&[Permission::UpdateContentSource])
        .extension()
        .unkept(),
        Operation::write(
            "completeSourceConnection",
            Method::POST,
            "/content_sources/{sourceId}/connection/complete",
            move |call, parameters: Complete, tx| {
                let source = find(call, tx)?;
                signing_in::end(&for_end, call, &source, &parameters.state, &parameters.code, tx)?;
                connection(&for_end, &source, tx)
            },
        )
        .tag(tag)
        .summary("Hands on what a service sent back, by which the source gets its token; then the connection is tried.")
        .notes("The answer does not wait for that: read the connection until trying is false.")
        .permissions(&[Permission::UpdateContentSource])
        .extension()
        .unkept(),
        Operation::read("getSourceEvents", Method::GET, "/content_sources/{sourceId}/channel_events", list)
            .tag(tag)
            .summary("Lists what a source's service sent and what could not be read, the newest first.")
            .notes(
                "Events are kept for 8 days after they were read, without what they held; those that could not be read, \
                 or whose kind nobody knows, for 30 days.",
            )
            .permissions(&[Permission::UpdateContentSource])
            .extension(),
        Operation::write(
            "retrySourceEvent",
            Method::POST,
            "/content_sources/{sourceId}/channel_events/{eventId}/retry",
            move |call, _: NoParameters, tx| retry(&for_retry, call, tx),
        )
        .tag(tag)
        .summary("Has an event read again that could not be read, such as after an update of the server.")
        .notes("Nothing happens to one that waits. 422 for one that was read: it holds nothing any more.")
        .permissions(&[Permission::UpdateContentSource])
        .extension(),
    ]
}

/// A source that a service tells of something.
fn find(call: &Call, tx: &mut dyn Tx) -> Result<Source> {
    let source = sources::find(tx, &call.caller, call.id("sourceId", "source")?)?;
    if source.kind.ingress.is_none() {
        let message = format!("No service tells sources of type {} of anything here.", source.kind.type_name);
        return Err(error::unprocessable("no_connection", message));
    }
    Ok(source)
}

fn connection(app: &Conversations, source: &Source, tx: &mut dyn Tx) -> Result<Connection> {
    let row = tx.first(
        "SELECT received, unknown, failed, last_at, asked_at, test_due_at, tested_at, findings FROM channel_health
         WHERE source_id = $1",
        args![&source.id],
    )?;
    let channel = Channel::load(tx, &app.seal, source.id)?.ok_or_else(|| error::not_found("source"))?;
    let time = |at: usize| row.as_ref().map_or(Ok(None), |row| row.get::<Option<Timestamp>>(at));
    // Signed events prove it as well as a question that only the service can ask.
    let number = |at: usize| row.as_ref().map_or(Ok(0), |row| row.get(at));
    let is_registered = time(4)?.is_some() || number(0)? > 0;
    let steps = source.kind.connecting.map_or(&[][..], |connecting| connecting.steps).iter().map(|step| StepAnswer {
        name: step.name,
        instruction: step.doc,
        done: step.is_done(&channel.settings) && (!step.settings.is_empty() || is_registered),
    });
    let findings: Option<String> = row.as_ref().map_or(Ok(None), |row| row.get(7))?;
    let findings = findings.and_then(|told| serde_json::from_str(&told).ok()).unwrap_or_default();
    Ok(Connection {
        source_id: source.id,
        callback_url: format!("{}/channels/{}/{}", app.public_url, source.kind.type_name, source.id),
        events_received: number(0)?,
        events_unknown: number(1)?,
        events_failed: number(2)?,
        last_event_at: time(3)?,
        steps: steps.collect(),
        can_authorize: source.kind.connecting.is_some_and(|connecting| connecting.sign_in.is_some()),
        trying: time(5)?.is_some(),
        tried_at: time(6)?,
        findings,
    })
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let source = find(call, tx)?;
    let mut filter = Filter::default();
    filter.and_equal("source_id", &source.id);
    filter.and_equal("state", parameters.state.unwrap_or(State::Failed).as_str());
    let Paging { offset, limit } = parameters.paging;
    let count = filter.count(tx, "channel_events", offset, limit)?;
    let rows = filter.page(tx, COLUMNS, "id DESC", offset, limit)?;
    Ok(Page::new(count, parameters.paging, rows.iter().map(answer).collect::<Result<_>>()?))
}

fn retry(app: &Conversations, call: &Call, tx: &mut dyn Tx) -> Result<Answer> {
    let (source_id, id) = (call.id("sourceId", "channel event")?, call.id("eventId", "channel event")?);
    let one = format!("{COLUMNS} WHERE id = $1 AND source_id = $2");
    sources::find(tx, &call.caller, source_id).map_err(|trouble| trouble.or_missing(unknown))?;
    let before = answer(&tx.first(&one, args![&id, &source_id])?.ok_or_else(unknown)?)?;
    let source = find(call, tx)?;
    match before.state.as_str() {
        "waiting" => return Ok(before),
        "done" => {
            return Err(error::unprocessable("already_read", "The event was read: there is nothing to read again."));
        }
        _ if before.error.as_deref() == Some(NOBODYS) => {
            let message = "The event is another account's: connect that one, and its service sends what follows.";
            return Err(error::unprocessable("other_account", message));
        }
        _ => {}
    }
    let sql = "UPDATE channel_events SET state = 'waiting', error = NULL, attempts = 0, due_at = $2 WHERE id = $1";
    tx.execute(sql, args![&id, app.env.now()])?;
    let payload: Value = json!({ "source_id": source.id, "channel_event_id": id });
    tx.append(events::by(call, "content_source.updated", source.id, None, payload));
    answer(&tx.one(&one, args![&id, &source.id])?)
}
