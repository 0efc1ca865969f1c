//! The operations on threads; the wire calls them `content_threads`.

use std::sync::Arc;

use frontdesk_model::{Id, Result, Timestamp, error, query};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{SELECT, Thread, commands, find, search, thread};
use crate::sources::Reach;
use crate::{Conversations, categories};

/// A thread as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Thread")]
struct Answer {
    id: Id,
    source_id: Id,
    foreign_id: Option<String>,
    title: Option<String>,
    /// Whether agents can no longer reply.
    closed: bool,
    contents_count: i64,
    interventions_count: i64,
    /// Those of the thread and of its interventions.
    category_ids: Vec<Id>,
    thread_category_ids: Vec<Id>,
    extra_data: serde_json::Map<String, serde_json::Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

fn answers(tx: &mut dyn Tx, threads: Vec<Thread>) -> Result<Vec<Answer>> {
    let mut interventions: Vec<(Id, Id)> = Vec::new();
    let with_interventions: Vec<Id> =
        threads.iter().filter(|thread| thread.interventions_count > 0).map(|thread| thread.id).collect();
    if !with_interventions.is_empty() {
        let sql = format!("SELECT thread_id, id FROM interventions WHERE {}", tx.in_list("thread_id", 1));
        for row in tx.query(&sql, args![&with_interventions])? {
            interventions.push((row.get(0)?, row.get(1)?));
        }
    }
    let ids: Vec<Id> = threads.iter().map(|thread| thread.id).chain(interventions.iter().map(|(_, id)| *id)).collect();
    let categories = categories::of_many(tx, &ids)?;
    let of = |id: &Id| categories.get(id).cloned().unwrap_or_default();
    threads
        .into_iter()
        .map(|thread| {
            let thread_category_ids = of(&thread.id);
            let mut category_ids = thread_category_ids.clone();
            for (_, intervention) in interventions.iter().filter(|(of_thread, _)| *of_thread == thread.id) {
                category_ids.extend(of(intervention));
            }
            category_ids.sort_unstable();
            category_ids.dedup();
            Ok(Answer {
                id: thread.id,
                source_id: thread.source_id,
                foreign_id: thread.foreign_id,
                title: thread.title,
                closed: thread.closed,
                contents_count: thread.contents_count,
                interventions_count: thread.interventions_count,
                category_ids,
                thread_category_ids,
                extra_data: serde_json::from_str(&thread.extra_data)
                    .map_err(|trouble| error::broken(format!("threads.extra_data: {trouble}")))?,
                created_at: thread.created_at,
                updated_at: thread.updated_at,
            })
        })
        .collect()
}

fn answer(tx: &mut dyn Tx, thread: Thread) -> Result<Answer> {
    answers(tx, vec![thread])?.pop().ok_or_else(|| error::not_found("thread"))
}

/// Parameters of `getAllThreads`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// A search, such as `source:"id" status_in:new text:words order:created_at.asc`: see above.
    q: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Parameters of `categorizeThread`.
#[derive(Deserialize, JsonSchema)]
struct Categorise {
    /// The thread's new categories; none when absent or empty.
    #[serde(default)]
    thread_category_ids: Vec<Id>,
}

pub(super) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Threads";
    vec![
        Operation::read("getAllThreads", Method::GET, "/content_threads", list)
            .tag(tag)
            .summary("Lists the threads of sources that the caller may read, latest activity first.")
            .notes(&search::DESCRIPTION),
        Operation::read("getThread", Method::GET, "/content_threads/{threadId}", |call, _: NoParameters, tx| {
            let thread = find(tx, &call.caller, call.id("threadId", "thread")?)?;
            answer(tx, thread)
        })
        .tag(tag)
        .summary("Reads a thread."),
        Operation::write(
            "closeThread",
            Method::PUT,
            "/content_threads/{threadId}/close",
            |call, _: NoParameters, tx| {
                let thread = commands::close(call, call.id("threadId", "thread")?, tx)?;
                answer(tx, thread)
            },
        )
        .tag(tag)
        .summary("Closes a thread: agents can no longer reply in it.")
        .notes(
            "Answers the thread as it was before. Threads of some kinds of sources cannot be closed: 403. \
             Needs close_content_thread.",
        ),
        Operation::write("openThread", Method::GET, "/content_threads/{threadId}/open", |call, _: NoParameters, tx| {
            let thread = commands::open(call, call.id("threadId", "thread")?, tx)?;
            answer(tx, thread)
        })
        .alias(Method::PUT, "/content_threads/{threadId}/open")
        .tag(tag)
        .summary("Opens a closed thread.")
        .notes("Answers the thread as it was before. Needs open_content_thread."),
        Operation::write(
            "categorizeThread",
            Method::PUT,
            "/content_threads/{threadId}/update_categories",
            |call, parameters: Categorise, tx| {
                let id = call.id("threadId", "thread")?;
                let thread = commands::categorise(call, id, &parameters.thread_category_ids, tx)?;
                answer(tx, thread)
            },
        )
        .tag(tag)
        .summary("Replaces the categories of a thread."),
    ]
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let terms = query::parse(parameters.q.as_deref().unwrap_or(""))?;
    let query = search::LANGUAGE.read(&terms, Timestamp::parse_iso)?;
    let Paging { offset, limit } = parameters.paging;
    let asked = query.conditions.iter().filter(|condition| condition.means == search::Means::Source);
    let reach = Reach::of(tx, &call.caller, asked.map(|condition| (condition.ids(), condition.negated)))?;
    let mut filter = Filter::default();
    reach.limit_threads(tx, &mut filter);
    let is_filtered = search::apply(&query, call.caller.user_id, tx, &mut filter);
    filter.choose_way(tx, "threads", reach.all_threads, offset.saturating_add(limit))?;
    let count = match is_filtered {
        // Maintained counters tell the commonest counts.
        false => reach.threads,
        true => filter.count(tx, "threads", offset, limit)?,
    };
    let rows = filter.page(tx, SELECT, search::order(&query), offset, limit)?;
    let threads = rows.iter().map(thread).collect::<Result<Vec<_>>>()?;
    Ok(Page::new(count, parameters.paging, answers(tx, threads)?))
}
