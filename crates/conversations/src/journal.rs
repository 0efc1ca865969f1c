//! The journal: the log as people read it, `/events` (rows 7.16, 18.11). It shows what the public platform's journal
//! names (`model/src/journal.rs`), of threads on sources that the caller may read.

use std::sync::LazyLock;

use frontdesk_model::query::{self, Condition, Keyword, Language, Query, Takes, Value};
use frontdesk_model::{Caller, Id, Permission, Result, SourceRight, Timestamp, error, journal};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Dialect, Filter, Piece, Route, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// An entry of the journal as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Event")]
struct Answer {
    id: Id,
    /// What happened, such as content.replied.
    name: String,
    /// Who caused it; null: a customer or the system.
    user_id: Option<Id>,
    extra_infos: ExtraInfo,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// What the event is about; only what applies is there.
#[derive(Default, Serialize, JsonSchema)]
#[schemars(rename = "EventExtraInfo")]
struct ExtraInfo {
    #[serde(skip_serializing_if = "Option::is_none")]
    authentication_strategy: Option<String>,
    #[serde(rename = "business/time_sheet_id", skip_serializing_if = "Option::is_none")]
    time_sheet_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    category_ids: Option<Vec<Id>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    closed_automatically: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_source_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content_thread_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deferred_duration: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletions: Option<Map<String, Json>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    foreign_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    intervention_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    request_ip: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<Id>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<Id>,
}

const SELECT: &str = "SELECT log.id, log.kind, log.at, log.thread_id, log.object_id, log.user_id, log.payload FROM log";

fn answer(row: &Row) -> Result<Answer> {
    let (name, at, object_id): (String, Timestamp, Id) = (row.get(1)?, row.get(2)?, row.get(4)?);
    let payload: Map<String, Json> = serde_json::from_str(&row.get::<String>(6)?)
        .map_err(|trouble| error::broken(format!("log.payload: {trouble}")))?;
    Ok(Answer {
        id: row.get(0)?,
        extra_infos: extra_infos(&name, object_id, row.get(3)?, payload),
        name,
        user_id: row.get(5)?,
        created_at: at,
        updated_at: at,
    })
}

/// The documented properties, from what the event is about and what it says.
fn extra_infos(name: &str, object_id: Id, thread_id: Option<Id>, mut payload: Map<String, Json>) -> ExtraInfo {
    let id = |name: &str| payload.get(name).and_then(|value| value.as_str()?.parse().ok());
    let text = |name: &str| match payload.get(name)? {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let family = name.split('.').next().unwrap_or_default();
    let is_about = |noun| (family == noun).then_some(object_id);
    // The events of opening and closing a thread have the content's family.
    let content_id = is_about("content").filter(|id| thread_id != Some(*id));
    let ids = |value: &Json| value.as_array()?.iter().map(|id| id.as_str()?.parse().ok()).collect();
    ExtraInfo {
        authentication_strategy: text("authentication_strategy"),
        time_sheet_id: is_about("time_sheet").or_else(|| id("time_sheet_id")),
        category_ids: payload.get("category_ids").and_then(ids),
        closed_automatically: text("closed_automatically"),
        content_id: content_id.or_else(|| id("content_id")),
        content_source_id: is_about("content_source").or_else(|| id("source_id")),
        content_thread_id: thread_id,
        deferred_duration: text("deferred_duration"),
        foreign_id: text("foreign_id"),
        intervention_id: is_about("intervention").or_else(|| id("intervention_id")),
        request_ip: text("request_ip"),
        task_id: is_about("task").or_else(|| id("task_id")),
        user_id: is_about("user").or_else(|| id("user_id")),
        deletions: match payload.remove("deletions") {
            Some(Json::Object(deletions)) => Some(deletions),
            _ => None,
        },
    }
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
        Keyword::new("content_thread", Takes::Id, Means::Thread, "About this thread or something in it."),
        Keyword::new("name_in", Takes::Name(journal::JOURNAL), Means::Name, "Of this name, such as content.replied."),
        Keyword::positive("created_before", Takes::Date, Means::Before, "Older than this ISO 8601 moment."),
        Keyword::positive("created_after", Takes::Date, Means::After, "Of this ISO 8601 moment or later."),
        Keyword::new("user", Takes::Id, Means::User, "Caused by this user."),
    ],
};

static DESCRIPTION: LazyLock<String> = LazyLock::new(|| LANGUAGE.describe());

/// Parameters of `getAllEvents`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// A search, such as `name_in:content.replied name_in:content.ignored created_after:2026-03-20`: see above.
    q: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub(crate) fn operations() -> Vec<Operation> {
    let tag = "Events";
    vec![
        Operation::read("getAllEvents", Method::GET, "/events", list)
            .tag(tag)
            .summary("Lists what happened, newest first.")
            .notes(&DESCRIPTION)
            .permissions(&[Permission::SearchEvent]),
        Operation::read("getEvent", Method::GET, "/events/{eventId}", show)
            .tag(tag)
            .summary("Reads an event.")
            .notes("Without the permission search_event there is no such event: 404."),
    ]
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let terms = query::parse(parameters.q.as_deref().unwrap_or(""))?;
    let query: Query<Means> = LANGUAGE.read(&terms, Timestamp::parse_iso)?;
    let Paging { offset, limit } = parameters.paging;
    let mut filter = visible(tx, &call.caller)?;
    for condition in &query.conditions {
        add(condition, tx.dialect(), &mut filter);
    }
    let rows: i64 = tx.one("SELECT seq FROM log_head", args![])?.get(0)?;
    filter.choose_way(tx, "log", rows, offset.saturating_add(limit))?;
    let count = filter.count(tx, "log", offset, limit)?;
    // Ids are in time order.
    let order = if query.ascending { "log.id" } else { "log.id DESC" };
    let rows = filter.page(tx, SELECT, order, offset, limit)?;
    Ok(Page::new(count, parameters.paging, rows.iter().map(answer).collect::<Result<_>>()?))
}

fn show(call: &Call, _: NoParameters, tx: &mut dyn Tx) -> Result<Answer> {
    let missing = || error::not_found("event");
    if !call.caller.may(Permission::SearchEvent) {
        return Err(missing());
    }
    let id = call.id("eventId", "event")?;
    let mut filter = visible(tx, &call.caller)?;
    filter.and_piece(Piece::new("log.id = ?", vec![id.into()]));
    let rows = filter.page(tx, SELECT, "log.id", 0, 1)?;
    answer(rows.first().ok_or_else(missing)?)
}

/// The events that the caller may see: those that the journal names; of threads only those on readable sources. Of a
/// thread that has gone nobody knows the source: who may read every source may see its events.
fn visible(tx: &mut dyn Tx, caller: &Caller) -> Result<Filter<'static>> {
    let mut filter = Filter::default();
    filter.and_piece(one_of_names("NOT IN", journal::UNTOLD));
    let readable = caller.sources_with(SourceRight::Read);
    let is_ours = tx.in_list("id", 1);
    let unreadable = tx.first(&format!("SELECT id FROM sources WHERE NOT ({is_ours}) LIMIT 1"), args![&readable])?;
    if unreadable.is_some() {
        filter.and_piece(Piece::one_of(tx.dialect(), "threads.source_id", &readable).within(
            "(log.thread_id IS NULL OR
              coalesce((SELECT TRUE FROM threads WHERE threads.id = log.thread_id AND {} LIMIT 1), FALSE))",
        ));
    }
    Ok(filter)
}

/// The kind of the events of which there are most: the index of names leaves them out, and so does that of threads.
const MESSAGE: &str = "content.imported";

fn add(condition: &Condition<Means>, dialect: Dialect, filter: &mut Filter) {
    let ids = condition.ids();
    let nullable = |column: &str| {
        let piece = Piece::one_of(dialect, column, &ids);
        if condition.negated { piece.within(&format!("({column} IS NULL OR NOT ({{}}))")) } else { piece }
    };
    match condition.means {
        Means::Content => filter.and_piece(nullable("log.object_id")),
        Means::User => filter.and_piece(nullable("log.user_id")),
        Means::Thread if condition.negated => filter.and_piece(nullable("log.thread_id")),
        Means::Thread => {
            let of_thread = |column, around: &str| {
                Route::plain(
                    Piece::one_of(dialect, column, &ids).within(around),
                    Piece::one_of(dialect, "log.thread_id", &ids),
                )
            };
            let others = "SELECT id FROM log WHERE {} AND kind <> 'content.imported'";
            let messages = "SELECT log.id AS id FROM contents JOIN log ON log.object_id = contents.id
                            WHERE {} AND log.kind = 'content.imported'";
            filter.and_any(vec![of_thread("thread_id", others), of_thread("contents.thread_id", messages)], true);
        }
        Means::Name => {
            let names = condition.texts();
            if condition.negated {
                return filter.and_piece(one_of_names("NOT IN", &names));
            }
            filter.and_piece(one_of_names("IN", &names));
            if !names.contains(&MESSAGE) {
                filter.and("log.kind <> 'content.imported'");
            }
        }
        Means::Before | Means::After => filter.and_piece(moments(condition)),
    }
}

fn one_of_names(is_in: &str, names: &[&str]) -> Piece {
    let places = vec!["?"; names.len()].join(", ");
    Piece::new(
        format!("log.kind {is_in} ({places})"),
        names.iter().map(|name| (*name).to_owned().into()).collect(),
    )
}

/// An event's id is made within this time of its moment, so that the index of ids finds moments.
const ID_SECONDS_OFF_MAX: i64 = 60;

/// Any of the moments.
fn moments(condition: &Condition<Means>) -> Piece {
    let (comparison, off) = match condition.means {
        Means::Before => ("<", ID_SECONDS_OFF_MAX),
        _ => (">=", -ID_SECONDS_OFF_MAX),
    };
    let mut values = Vec::new();
    for value in &condition.values {
        if let Value::Date(at) = value {
            let milliseconds = at.plus_seconds(off).micros().div_euclid(1_000).max(0);
            values.push(at.micros().into());
            values.push(Id::from_parts(milliseconds.unsigned_abs(), 0).into());
        }
    }
    let one = format!("(log.at {comparison} ? AND log.id {comparison} ?)");
    Piece::new(format!("({})", vec![one; values.len() / 2].join(" OR ")), values)
}
