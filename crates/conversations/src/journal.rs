//! The journal: what happened in the account, as `/events` shows it. It is the log itself (`model/src/journal.rs` says
//! which of its entries are shown), so it goes back as far as the log is kept.

use std::sync::{Arc, LazyLock};

use frontdesk_model::journal::{JOURNAL, UNTOLD};
use frontdesk_model::query::{self, Condition, Keyword, Language, Query, Takes, Value};
use frontdesk_model::{Caller, Id, Permission, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Dialect, Filter, Owned, Piece, Row, Tx};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::audience::{Listener, quoted};
use crate::{Conversations, search_dates};

/// An event as REST shows it.
#[derive(Serialize, JsonSchema)]
struct Event {
    id: Id,
    name: String,
    /// Who caused it; null when a customer or the system did.
    user_id: Option<Id>,
    extra_infos: ExtraInfos,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What an event is about, as far as that applies.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "EventExtraInfo")]
struct ExtraInfos {
    /// How somebody signed in or tried to: `password`, `jwt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_strategy: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category_ids: Option<Vec<String>>,
    /// Why an intervention was closed by nobody: task_auto_complete, when the channel's time for its task was over.
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_automatically: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_source_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_thread_id: Option<String>,
    /// For how many seconds an intervention was deferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    deferred_duration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intervention_id: Option<String>,
    /// The address that somebody signed in from, or tried to.
    #[serde(skip_serializing_if = "Option::is_none")]
    request_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(rename = "business/time_sheet_id", skip_serializing_if = "Option::is_none")]
    time_sheet_id: Option<String>,
    /// The user whom it is about, or to whom an intervention belongs.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<String>,
    /// The reply assistant's entry that was used, and its version (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    entry_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    version_id: Option<String>,
}

const SELECT: &str = "SELECT id, kind, at, thread_id, object_id, user_id, payload FROM log";

fn event(row: &Row, extended: bool) -> Result<Event> {
    let (name, at): (String, Timestamp) = (row.get(1)?, row.get(2)?);
    let (thread_id, object_id): (Option<Id>, Id) = (row.get(3)?, row.get(4)?);
    let payload: Map<String, Json> = serde_json::from_str(&row.get::<String>(6)?)
        .map_err(|trouble| error::broken(format!("log.payload: {trouble}")))?;
    let told = |name: &str| payload.get(name).and_then(Json::as_str).map(str::to_owned);
    let family = name.split('.').next().unwrap_or_default().to_owned();
    let is_session = family == "session";
    let object = |of: &str| (family == of).then(|| object_id.hex());
    let category_ids = payload.get("category_ids").and_then(Json::as_array);
    // Those of a thread itself have the content's family and the thread for an object.
    let content = object("content").filter(|_| thread_id != Some(object_id));
    let user_id: Option<Id> = row.get(5)?;
    Ok(Event {
        id: row.get(0)?,
        user_id,
        extra_infos: ExtraInfos {
            authentication_strategy: told("method").filter(|_| is_session),
            category_ids: category_ids.map(|ids| ids.iter().filter_map(|id| Some(id.as_str()?.to_owned())).collect()),
            // Whoever closes one is in the event; only tasks that complete by themselves leave it empty.
            closed_automatically: (name == "intervention.closed" && user_id.is_none()).then_some("task_auto_complete"),
            content_id: content.or_else(|| told("content_id")),
            content_source_id: object("content_source").or_else(|| told("source_id")),
            content_thread_id: thread_id.map(|id| id.hex()),
            deferred_duration: payload
                .get("deferred_duration")
                .and_then(Json::as_i64)
                .map(|seconds| seconds.to_string()),
            intervention_id: object("intervention").or_else(|| told("intervention_id")),
            request_ip: told("address").filter(|address| is_session && !address.is_empty()),
            task_id: object("task").or_else(|| told("task_id")),
            time_sheet_id: object("time_sheet"),
            user_id: object("user").or_else(|| told("user_id")),
            entry_id: told("entry_id").filter(|_| extended),
            version_id: told("version_id").filter(|_| extended),
        },
        name,
        created_at: at,
        updated_at: at,
    })
}

/// What a keyword asks of an event.
#[derive(Clone, Copy, PartialEq)]
enum Means {
    Content,
    Thread,
    Name,
    Before,
    After,
    User,
}

const LANGUAGE: Language<Means> = Language {
    noun: "events",
    has_text: false,
    orders: &["created_at"],
    keywords: &[
        Keyword::new("content", Takes::Id, Means::Content, "About this content."),
        Keyword::new("content_thread", Takes::Id, Means::Thread, "About this thread or what is in it."),
        Keyword::new("name_in", Takes::Name(JOURNAL), Means::Name, "With this name, such as content.replied."),
        Keyword::positive("created_before", Takes::Date, Means::Before, "Older than this moment."),
        Keyword::positive("created_after", Takes::Date, Means::After, "Of this moment or later."),
        Keyword::new("user", Takes::Id, Means::User, "Caused by this user."),
    ],
};

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| LANGUAGE.describe());

/// Parameters of `getAllEvents`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// A search, such as `name_in:content.replied created_after:2026-01-31`: see above.
    q: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub(crate) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Events";
    vec![
        Operation::read("getAllEvents", Method::GET, "/events", list)
            .tag(tag)
            .summary("Lists what happened, newest first, but for what is on sources that the caller may not read.")
            .notes(DESCRIPTION.as_str())
            .permissions(&[Permission::SearchEvent]),
        Operation::read("getEvent", Method::GET, "/events/{eventId}", |call, _: NoParameters, tx| show(call, tx))
            .tag(tag)
            .summary("Reads an event.")
            .notes("Without search_event there is none: 404."),
    ]
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Event>> {
    let terms = query::parse(parameters.q.as_deref().unwrap_or(""))?;
    let query = LANGUAGE.read(&terms, search_dates::reader(tx, call, LANGUAGE.takes_dates(&terms), None)?)?;
    let Paging { offset, limit } = parameters.paging;
    let mut filter = Filter::default();
    limit_to(&call.caller, tx, &mut filter)?;
    for condition in &query.conditions {
        filter.and_piece(piece(condition, tx.dialect()));
    }
    let count = filter.count(tx, "log", offset, limit)?;
    let rows = filter.page(tx, SELECT, order(&query), offset, limit)?;
    Ok(Page::new(count, parameters.paging, rows.iter().map(|row| event(row, call.extended)).collect::<Result<_>>()?))
}

fn show(call: &Call, tx: &mut dyn Tx) -> Result<Event> {
    let id = call.id("eventId", "event")?;
    if !call.caller.may(Permission::SearchEvent) {
        return Err(error::not_found("event"));
    }
    let mut filter = Filter::default();
    filter.and_equal("log.id", &id);
    limit_to(&call.caller, tx, &mut filter)?;
    let rows = filter.page(tx, SELECT, "log.id", 0, 1)?;
    event(rows.first().ok_or_else(|| error::not_found("event"))?, call.extended)
}

/// Ids are made in the order of time, and indexed.
fn order(query: &Query<Means>) -> &'static str {
    if query.ascending { "log.id" } else { "log.id DESC" }
}

/// Only what the journal shows, and of that what the caller may see. Of a thread that has gone its events tell where it was;
/// those of earlier versions may not, and are for who reads every source.
fn limit_to(caller: &Caller, tx: &mut dyn Tx, filter: &mut Filter) -> Result<()> {
    filter.and(format!("log.kind NOT IN ({})", quoted(UNTOLD.iter().copied())));
    Listener::load(tx, caller.clone())?.limit(tx, filter)
}

fn piece(condition: &Condition<Means>, dialect: Dialect) -> Piece {
    let ids = condition.ids();
    let piece = match condition.means {
        Means::Content => Piece::one_of(dialect, "log.object_id", &ids),
        Means::User => Piece::one_of(dialect, "log.user_id", &ids).within("log.user_id IS NOT NULL AND {}"),
        Means::Thread => thread(dialect, &ids),
        Means::Name => {
            let names = condition.texts();
            let is_rare = !names.contains(&"content.imported");
            // The index of names leaves the commonest out.
            let rare = if is_rare { " AND log.kind <> 'content.imported'" } else { "" };
            Piece::new(format!("log.kind IN ({}){rare}", quoted(names)), Vec::new())
        }
        Means::Before | Means::After => moments(condition),
    };
    if condition.negated { piece.within("NOT ({})") } else { piece.within("({})") }
}

/// Imported messages are found by their contents, everything else by the index of threads.
fn thread(dialect: Dialect, ids: &[Id]) -> Piece {
    let own = Piece::one_of(dialect, "log.thread_id", ids).within(
        "log.id IN (SELECT id FROM log WHERE log.kind <> 'content.imported' AND log.thread_id IS NOT NULL AND {}",
    );
    let imported = Piece::one_of(dialect, "contents.thread_id", ids).within(
        " UNION ALL SELECT log.id FROM contents CROSS JOIN log
            WHERE log.object_id = contents.id AND log.kind = 'content.imported' AND {})",
    );
    own.followed_by(imported)
}

/// Any of several moments is the widest of them.
fn moments(condition: &Condition<Means>) -> Piece {
    let moments = condition.values.iter().filter_map(|value| match value {
        Value::Date(at) => Some(at.micros()),
        _ => None,
    });
    let (comparison, bound) = match condition.means {
        Means::Before => ("<", moments.max()),
        _ => (">=", moments.min()),
    };
    let bound = bound.unwrap_or_default();
    // Ids carry the millisecond: within it, the exact time decides.
    let first = Id::from_parts(u64::try_from(bound.div_euclid(1_000)).unwrap_or(0), 0);
    let (edge, id) = match comparison {
        "<" => ("<", Id::from_parts(u64::try_from(bound.div_euclid(1_000) + 1).unwrap_or(0), 0)),
        _ => (">=", first),
    };
    Piece::new(format!("log.id {edge} ? AND log.at {comparison} ?"), vec![Owned::Id(id), Owned::Int(bound)])
}
