//! The operations on threads; the wire calls them `content_threads`.

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, Timestamp, error, query};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Searched, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::glance::{self, Glance};
use super::{SELECT, Thread, commands, find, search, thread};
use crate::sources::Reach;
use crate::stream::{Does, Hint};
use crate::{Conversations, categories, search_dates, service_levels, typing_calls, visitors};

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
    /// Whether what customers write in it arrives ignored (`extended=true`, and in the answers of our own operations).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    muted: Option<bool>,
    /// Whether the customer may not type, on messaging sources (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    text_input_disabled: Option<bool>,
    /// Whether its customers are answered in time: none, ok, warning or expired (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    sla_state: Option<&'static str>,
    /// When the first of them is to be answered; absent when nobody waits to whom something was promised
    /// (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    sla_due_at: Option<Timestamp>,
    /// What a list of threads shows of it (`extended=true`).
    #[serde(flatten)]
    glance: Option<Glance>,
}

/// A thread of a messaging source, after its text input was switched.
#[derive(Serialize, JsonSchema)]
struct MessagingThread {
    #[serde(flatten)]
    thread: Answer,
    /// Whether the customer may not type.
    disable_text_input: bool,
}

/// `extended`: with our own properties, as they are at this moment.
fn answers(tx: &mut dyn Tx, threads: Vec<Thread>, extended: Option<Timestamp>) -> Result<Vec<Answer>> {
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
    let mut glances = match extended {
        Some(_) => glance::of(tx, &threads)?,
        None => HashMap::new(),
    };
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
            let is_silenceable = extended.is_some() && thread.is_messaging()?;
            Ok(Answer {
                glance: glances.remove(&thread.id),
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
                muted: extended.map(|_| thread.muted),
                text_input_disabled: is_silenceable.then_some(thread.text_input_disabled),
                sla_state: extended.map(|now| service_levels::state(thread.promise, now)),
                sla_due_at: thread.promise.filter(|_| extended.is_some()).map(|promise| promise.due_at),
            })
        })
        .collect()
}

fn answer(call: &Call, tx: &mut dyn Tx, thread: Thread) -> Result<Answer> {
    shown(tx, thread, extended(call))
}

fn extended(call: &Call) -> Option<Timestamp> {
    call.extended.then(|| call.env.now())
}

fn shown(tx: &mut dyn Tx, thread: Thread, extended: Option<Timestamp>) -> Result<Answer> {
    answers(tx, vec![thread], extended)?.pop().ok_or_else(|| error::not_found("thread"))
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

/// Parameters of `archiveThread`.
#[derive(Deserialize, JsonSchema)]
struct Archive {
    /// Ours: the last content that the caller has seen. Where a customer wrote after it what nobody has answered, nothing
    /// is archived: 409 `unseen_content`.
    seen_content_id: Option<String>,
}

pub(super) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let (app, for_presence) = (app.clone(), app.clone());
    let tag = "Threads";
    let switching = "Other threads are 404; 403 when it is so already, or without the right reply on the source.";
    vec![
        Operation::read("getAllThreads", Method::GET, "/content_threads", list)
            .tag(tag)
            .summary("Lists the threads of sources that the caller may read, latest activity first.")
            .notes(&search::DESCRIPTION),
        Operation::read("typeInThread", Method::POST, "/content_threads/{threadId}/typing", move |call, given, tx| {
            type_in(&app, call, &given, tx)
        })
        .tag(tag)
        .summary("Shows a visitor, or a customer in Messenger, that an agent types in their thread, or has stopped.")
        .notes("A hint for the moment, over after six seconds: repeat it while somebody types. Nothing is kept of it.")
        .extension(),
        Operation::read(
            "tellPresenceInThread",
            Method::POST,
            "/content_threads/{threadId}/presence",
            move |call, given, tx| tell_presence(&for_presence, call, &given, tx),
        )
        .tag(tag)
        .summary("Shows colleagues that an agent looks at a thread or writes in it, or has gone from it.")
        .notes(
            "A hint for the moment, told on the live stream to who may read the thread: repeat it every 20 seconds while \
             it holds. Nothing is kept of it.",
        )
        .extension(),
        Operation::read("getThread", Method::GET, "/content_threads/{threadId}", |call, _: NoParameters, tx| {
            let thread = find(tx, &call.caller, id(call)?)?;
            answer(call, tx, thread)
        })
        .tag(tag)
        .summary("Reads a thread."),
        Operation::write(
            "closeThread",
            Method::PUT,
            "/content_threads/{threadId}/close",
            |call, _: NoParameters, tx| {
                let thread = commands::close(call, id(call)?, tx)?;
                answer(call, tx, thread)
            },
        )
        .tag(tag)
        .summary("Closes a thread: agents can no longer reply in it.")
        .notes(
            "Answers the thread as it was before. Threads of some kinds of sources cannot be closed: 403. \
             Needs close_content_thread.",
        ),
        Operation::write("openThread", Method::GET, "/content_threads/{threadId}/open", |call, _: NoParameters, tx| {
            let thread = commands::open(call, id(call)?, tx)?;
            answer(call, tx, thread)
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
                let id = id(call)?;
                let thread = commands::categorise(call, id, &parameters.thread_category_ids, tx)?;
                answer(call, tx, thread)
            },
        )
        .tag(tag)
        .summary("Replaces the categories of a thread."),
        Operation::write(
            "archiveThread",
            Method::PUT,
            "/content_threads/{threadId}/ignore",
            |call, parameters: Archive, tx| {
                let thread = commands::archive(call, id(call)?, parameters.seen_content_id.as_deref(), tx)?;
                answer(call, tx, thread)
            },
        )
        .tag(tag)
        .summary("Archives a thread: what customers wrote in it and waits for an answer becomes ignored.")
        .notes(
            "Up to 1,000 contents are done with the answer, the rest of a longer thread soon after; until then the \
             thread can neither be archived again nor deleted: 409.",
        ),
        Operation::write(
            "disableThreadTextInput",
            Method::PUT,
            "/content_threads/{threadId}/disable_text_input",
            |call, _: NoParameters, tx| switch_text_input(call, true, tx),
        )
        .tag(tag)
        .summary("Stops the customer of a messaging thread from typing.")
        .notes(switching),
        Operation::write(
            "enableThreadTextInput",
            Method::PUT,
            "/content_threads/{threadId}/enable_text_input",
            |call, _: NoParameters, tx| switch_text_input(call, false, tx),
        )
        .tag(tag)
        .summary("Lets the customer of a messaging thread type again.")
        .notes(switching),
        Operation::write("muteThread", Method::PUT, "/content_threads/{threadId}/mute", |call, _: NoParameters, tx| {
            let thread = commands::set_muted(call, id(call)?, true, tx)?;
            shown(tx, thread, Some(call.env.now()))
        })
        .tag(tag)
        .summary("Mutes a thread: what customers write in it from now on arrives ignored.")
        .permissions(&[Permission::MuteContent])
        .extension(),
        Operation::write(
            "unmuteThread",
            Method::PUT,
            "/content_threads/{threadId}/unmute",
            |call, _: NoParameters, tx| {
                let thread = commands::set_muted(call, id(call)?, false, tx)?;
                shown(tx, thread, Some(call.env.now()))
            },
        )
        .tag(tag)
        .summary("Ends the muting of a thread; what was ignored stays so.")
        .permissions(&[Permission::MuteContent])
        .extension(),
        Operation::write("deleteThread", Method::DELETE, "/content_threads/{threadId}", |call, _: NoParameters, tx| {
            let thread = find(tx, &call.caller, id(call)?)?;
            let before = shown(tx, thread, Some(call.env.now()))?;
            commands::delete(call, before.id, tx)?;
            Ok(before)
        })
        .tag(tag)
        .summary("Deletes a thread with its contents, attachments and interventions. Answers it as it was.")
        .notes(
            "Nothing is deleted on the channel, and what it sends again stays away. Up to 1,000 contents go with the \
             answer, the rest of a longer thread soon after; until then the thread is still there, and deleting it \
             again is 409.",
        )
        .permissions(&[Permission::DeleteContentThread])
        .extension(),
    ]
}

fn id(call: &Call) -> Result<Id> {
    call.id("threadId", "thread")
}

/// Parameters of `typeInThread`.
#[derive(Deserialize, JsonSchema)]
struct Typing {
    /// Whether somebody types; true when absent.
    typing: Option<bool>,
}

/// It only speaks to who listens now: run again, it says the same.
fn type_in(app: &Conversations, call: &Call, given: &Typing, tx: &mut dyn Tx) -> Result<Answer> {
    let thread = find(tx, &call.caller, id(call)?)?;
    let (is_messaging, typing) = (thread.is_messaging()?, given.typing.unwrap_or(true));
    if !is_messaging && !thread.shows_typing()? {
        return Err(error::not_found("messaging thread"));
    }
    call.caller.require_to_reply(thread.source_id)?;
    match is_messaging {
        true => visitors::agent_types(app, tx, thread.id, typing, call.caller.user_id)?,
        false => typing_calls::show(app, tx, thread.id, typing)?,
    }
    answer(call, tx, thread)
}

/// Parameters of `tellPresenceInThread`.
#[derive(Deserialize, JsonSchema)]
struct Presence {
    /// reading (when absent), writing or left.
    state: Option<State>,
}

#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum State {
    Reading,
    Writing,
    Left,
}

fn tell_presence(app: &Conversations, call: &Call, given: &Presence, tx: &mut dyn Tx) -> Result<Answer> {
    let thread = find(tx, &call.caller, id(call)?)?;
    let does = match given.state.unwrap_or(State::Reading) {
        State::Reading => Does::Read,
        State::Writing => Does::Write,
        State::Left => Does::Leave,
    };
    app.stream.hint(Hint::colleague(thread.source_id, thread.id, call.caller.user_id, does));
    answer(call, tx, thread)
}

fn switch_text_input(call: &Call, disabled: bool, tx: &mut dyn Tx) -> Result<MessagingThread> {
    let thread = commands::set_text_input(call, id(call)?, disabled, tx)?;
    Ok(MessagingThread { disable_text_input: thread.text_input_disabled, thread: answer(call, tx, thread)? })
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let terms = query::parse(parameters.q.as_deref().unwrap_or(""))?;
    let query = read_query(call, &terms, tx)?;
    let Paging { offset, limit } = parameters.paging;
    let asked = query.conditions.iter().filter(|condition| condition.means == search::Means::Source);
    let reach = Reach::of(tx, &call.caller, asked.map(|condition| (condition.ids(), condition.negated)))?;
    let mut filter = Filter::default();
    reach.limit_threads(tx, &mut filter);
    let is_filtered = search::apply(&query, call.caller.user_id, call.env.now(), tx, &mut filter)?;
    // A maintained counter tells the commonest count.
    let count = (!is_filtered).then_some(reach.threads);
    let (order, rows) = (search::order(&query), reach.all_threads);
    let list = Searched { table: "threads", select: SELECT, order, rows, count };
    let (count, rows) = filter.search(tx, &list, offset, limit)?;
    let threads = rows.iter().map(thread).collect::<Result<Vec<_>>>()?;
    Ok(Page::new(count, parameters.paging, answers(tx, threads, extended(call))?))
}

/// 400 with the place when a query means nothing.
pub(crate) fn check_query(call: &Call, query: &str, tx: &mut dyn Tx) -> Result<()> {
    read_query(call, &query::parse(query)?, tx).map(drop)
}

fn read_query(call: &Call, terms: &[query::Term], tx: &mut dyn Tx) -> Result<query::Query<search::Means>> {
    let mut sources = terms.iter().filter(|term| term.key == "source");
    let only = match (sources.next(), sources.next()) {
        (Some(source), None) if !source.negated => source.value.parse().ok(),
        _ => None,
    };
    let date = search_dates::reader(tx, call, search::LANGUAGE.takes_dates(terms), only)?;
    search::LANGUAGE.read(terms, date)
}

/// How many threads the caller finds with a query, as the list counts them.
pub(crate) fn count(call: &Call, query: &str, tx: &mut dyn Tx) -> Result<i64> {
    let paging = Paging { offset: 0, limit: 0 };
    Ok(list(call, List { q: Some(query.to_owned()), paging }, tx)?.count)
}
