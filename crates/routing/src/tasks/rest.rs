//! The operations on tasks.

use frontdesk_conversations::service_levels::{self, Target};
use frontdesk_model::lists::each_once;
use frontdesk_model::{Id, Permission, Result, SourceRight, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Filter, Tx};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::commands::{self, Transfer};
use super::sight::{self, Sight};
use super::{positions, store, trace};
use crate::agents;
use crate::engine::{Life, Task, Wishes, consider};

/// At most so many agents, teams or categories in one transfer.
const WISHES_MAX: usize = 100;
const COMMENT_CHARACTERS_MAX: usize = 2_000;
const LANGUAGE_CHARACTERS_MAX: usize = 35;

/// A task as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Task")]
struct Answer {
    id: Id,
    /// When somebody accepted it last.
    accepted_at: Option<Timestamp>,
    /// At whom it rings, or whose workbin it is in.
    agent_ids: Vec<Id>,
    channel_id: Id,
    /// When it was completed or destroyed.
    completed_at: Option<Timestamp>,
    content_id: Id,
    created_at: Timestamp,
    /// When the ringing ends, or it is taken back from the workbin.
    expire_at: Option<Timestamp>,
    intervention_id: Option<Id>,
    /// Since when it rings.
    locked_at: Option<Timestamp>,
    priority: i64,
    /// The step of the topology that it is in.
    step: Option<String>,
    thread_id: Id,
    transfered_at: Option<Timestamp>,
    updated_at: Timestamp,
    /// Whether the customer is answered in time: none, ok, warning or expired (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    sla_state: Option<&'static str>,
    /// When they are to be answered (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    sla_due_at: Option<Timestamp>,
    /// The same of the agent in whose workbin it is (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    agent_sla_state: Option<&'static str>,
    /// When that agent is to answer (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    agent_sla_due_at: Option<Timestamp>,
    /// Which handling of the customer's case it is, from 1: one more each time the task is completed, deferred or moved to
    /// another workbin (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    segment_index: Option<i64>,
}

/// Tasks as REST shows them, with our own properties if the caller asks for them.
fn shown(call: &Call, tx: &mut dyn Tx, tasks: Vec<Task>) -> Result<Vec<Answer>> {
    if !call.extended {
        return Ok(tasks.into_iter().map(Answer::from).collect());
    }
    let thread_ids: Vec<Id> = tasks.iter().map(|task| task.thread_id).collect();
    let promises = service_levels::of_threads(tx, &thread_ids)?;
    let now = call.env.now();
    let answers = tasks.into_iter().map(|task| {
        let promise = |target| promises.get(&(task.thread_id, task.identity_id, target)).copied();
        let is_over = task.state.is_over();
        let customer = promise(Target::Customer).filter(|_| !is_over);
        let agent = promise(Target::Agent).filter(|_| task.state == Life::Accepted);
        Answer {
            sla_state: Some(service_levels::state(customer, now)),
            sla_due_at: customer.map(|promise| promise.due_at),
            agent_sla_state: Some(service_levels::state(agent, now)),
            agent_sla_due_at: agent.map(|promise| promise.due_at),
            segment_index: Some(task.segment_index),
            ..Answer::from(task)
        }
    });
    Ok(answers.collect())
}

fn show(call: &Call, tx: &mut dyn Tx, task: Task) -> Result<Answer> {
    shown(call, tx, vec![task])?.pop().ok_or_else(|| error::not_found("task"))
}

impl From<Task> for Answer {
    fn from(task: Task) -> Answer {
        let agent_ids = match task.state {
            // The history tells whose it was.
            Life::Completed => task.owner_id.into_iter().collect(),
            _ => task.holders(),
        };
        Answer {
            id: task.id,
            accepted_at: task.accepted_at,
            agent_ids,
            channel_id: task.channel_id,
            completed_at: task.completed_at,
            content_id: task.content_id,
            created_at: task.created_at,
            expire_at: task.expires_at,
            intervention_id: task.intervention_id,
            locked_at: task.locked_at,
            priority: task.priority,
            step: task.step,
            thread_id: task.thread_id,
            transfered_at: task.transferred_at,
            updated_at: task.updated_at,
            sla_state: None,
            sla_due_at: None,
            agent_sla_state: None,
            agent_sla_due_at: None,
            segment_index: None,
        }
    }
}

/// Parameters of `getAllTasks`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// global (every task that waits or rings; the default), workbin_{agent_id}, workbins (all of them), history,
    /// undelivered, or a special queue of the topology.
    queue: Option<String>,
    /// Only those of this channel.
    channel_id: Option<String>,
    /// Only those in this step of the topology.
    step: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Parameters of `moveTask`.
#[derive(Deserialize, JsonSchema)]
struct Move {
    /// undelivered, or a special queue of the active topology.
    queue: String,
}

/// Parameters of `completeTask`.
#[derive(Deserialize, JsonSchema)]
struct Complete {
    /// Of no effect: the public description copied it from moving.
    #[serde(rename = "queue")]
    _queue: Option<String>,
}

/// Parameters of `transferTask`.
#[derive(Deserialize, JsonSchema)]
struct TransferTo {
    /// Only to these agents.
    #[schemars(length(max = WISHES_MAX))]
    agent_ids: Option<Vec<Id>>,
    /// true: straight into the workbin of the first of agent_ids, who must be connected and below their hard limit.
    bypass: Option<String>,
    /// Only to agents with one of these categories.
    #[schemars(length(max = WISHES_MAX))]
    category_ids: Option<Vec<Id>>,
    /// Only to agents who speak this.
    #[schemars(length(max = LANGUAGE_CHARACTERS_MAX))]
    language: Option<String>,
    /// Only to members of one of these teams.
    #[schemars(length(max = WISHES_MAX))]
    team_ids: Option<Vec<Id>>,
    /// A remark: kept with the task's trace, and with the intervention if there is one.
    #[schemars(length(max = COMMENT_CHARACTERS_MAX))]
    comment: Option<String>,
}

/// Parameters of `requestTask`.
#[derive(Deserialize, JsonSchema)]
struct Request {
    /// Only of this channel.
    channel_id: Option<String>,
}

/// Why a task went where it went.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "TaskTrace")]
struct Trace {
    id: Id,
    /// waiting, ringing, accepted, undelivered, completed or destroyed.
    state: &'static str,
    /// The queue that it is in, as `queue` of `/tasks` names it.
    queue: String,
    /// The latest 100 entries, oldest first.
    entries: Vec<trace::Entry>,
    /// Of a task that waits: how many agents cannot have it now for which reason, and some of them.
    now: Option<Value>,
}

pub(crate) fn operations() -> Vec<Operation> {
    let (tag, path) = ("Tasks", "/tasks/{taskId}");
    let readers = &[Permission::ReceiveTasks, Permission::MonitorTasks, Permission::MonitorTeamTasks];
    let agents = &[Permission::ReceiveTasks];
    let id = |call: &Call| call.id("taskId", "task");
    vec![
        Operation::read("getAllTasks", Method::GET, "/tasks", list)
            .tag(tag)
            .summary("Lists tasks of a queue, those of the highest priority first, then the latest.")
            .notes(
                "Of sources that the caller may read. With monitor_tasks all of them, with monitor_team_tasks those of \
                 members of the teams that the caller leads or belongs to, else the caller's own.",
            )
            .permissions(readers),
        Operation::read("getTask", Method::GET, path, move |call, _: NoParameters, tx| {
            let task = sight::find(call, id(call)?, tx)?;
            show(call, tx, task)
        })
        .tag(tag)
        .summary("Reads a task.")
        .permissions(readers),
        Operation::write("moveTask", Method::POST, "/tasks/{taskId}/move", move |call, parameters: Move, tx| {
            let task = commands::set_aside(call, id(call)?, &parameters.queue, tx)?;
            show(call, tx, task)
        })
        .alias(Method::DELETE, "/tasks/{taskId}/move")
        .tag(tag)
        .summary("Moves a task into the undelivered queue, or into a special queue of the topology.")
        .permissions(&[Permission::MonitorTasks]),
        Operation::write("completeTask", Method::POST, "/tasks/{taskId}/complete", move |call, _: Complete, tx| {
            let task = commands::complete(call, id(call)?, tx)?;
            show(call, tx, task)
        })
        .tag(tag)
        .summary("Completes a task that is in a workbin, and closes its intervention.")
        .notes(
            "Its owner may, who monitors all tasks, and who monitors those of the owner's team. 403 while the \
             intervention cannot be closed: without a reply, or while one waits.",
        )
        .permissions(readers),
        Operation::write("transferTask", Method::POST, "/tasks/{taskId}/transfer", move |call, to: TransferTo, tx| {
            let task = commands::transfer(call, id(call)?, to.checked()?, tx)?;
            show(call, tx, task)
        })
        .alias(Method::PUT, "/tasks/{taskId}/transfer")
        .tag(tag)
        .summary("Hands a task on: to agents of a kind, to anybody, or with bypass straight to one agent.")
        .notes(
            "Who monitors tasks may; its owner may without bypass. If nobody of those whom it is for takes it within \
             five minutes, it is routed like any other.",
        )
        .permissions(readers),
        Operation::write("acceptTask", Method::POST, "/tasks/{taskId}/accept", move |call, _: NoParameters, tx| {
            let task = commands::accept(call, id(call)?, tx)?;
            show(call, tx, task)
        })
        .tag(tag)
        .summary("Takes a task that rings at the caller into their workbin. 409 when somebody else was first.")
        .permissions(agents)
        .extension(),
        Operation::write("refuseTask", Method::POST, "/tasks/{taskId}/refuse", move |call, _: NoParameters, tx| {
            let task = commands::refuse(call, id(call)?, tx)?;
            show(call, tx, task)
        })
        .tag(tag)
        .summary("Refuses a task that rings at the caller; it is not offered to them again for a minute.")
        .permissions(agents)
        .extension(),
        Operation::write("releaseTask", Method::POST, "/tasks/{taskId}/release", move |call, _: NoParameters, tx| {
            let task = commands::release(call, id(call)?, tx)?;
            show(call, tx, task)
        })
        .tag(tag)
        .summary("Gives a task of the caller's workbin back to the queue, where it keeps its place.")
        .permissions(agents)
        .extension(),
        Operation::write("resumeTask", Method::POST, "/tasks/{taskId}/resume", move |call, _: NoParameters, tx| {
            let task = commands::resume(call, id(call)?, tx)?;
            show(call, tx, task)
        })
        .tag(tag)
        .summary("Takes a completed task of the caller's history up again, and its intervention.")
        .permissions(agents)
        .extension(),
        Operation::write("requestTask", Method::POST, "/tasks/request", |call, parameters: Request, tx| {
            let channel_id = given::id(parameters.channel_id.as_deref()).map_err(|_| error::not_found("channel"))?;
            let task = commands::request(call, channel_id, tx)?;
            show(call, tx, task)
        })
        .tag(tag)
        .summary("Takes the most urgent waiting task that fits the caller, up to their hard limit.")
        .notes(
            "Only of channels on which they are available: 403 if there are none. 404 when nothing waits for them, 409 \
             when they have as many as they may.",
        )
        .permissions(agents)
        .extension(),
        Operation::read(
            "getTaskPosition",
            Method::GET,
            "/tasks/{taskId}/position",
            move |call, _: NoParameters, tx| {
                let task = sight::find(call, id(call)?, tx)?;
                positions::of(tx, &task, call.env.now())
            },
        )
        .tag(tag)
        .summary("Tells where a waiting task stands among those of its channel, and about how long it still waits.")
        .permissions(readers)
        .extension(),
        Operation::read("getTaskTrace", Method::GET, "/tasks/{taskId}/trace", move |call, _: NoParameters, tx| {
            show_trace(call, id(call)?, tx)
        })
        .tag(tag)
        .summary("Tells why a task went where it went: what was decided, and who was passed over for which reason.")
        .permissions(&[Permission::MonitorTasks, Permission::MonitorTeamTasks])
        .extension(),
    ]
}

impl TransferTo {
    fn checked(self) -> Result<Transfer> {
        let list = |name: &str, ids: Option<Vec<Id>>| -> Result<Vec<Id>> {
            let wanted = each_once(ids.unwrap_or_default());
            if wanted.len() > WISHES_MAX {
                let message = format!("{name} has too many elements (at most {WISHES_MAX}).");
                return Err(error::invalid(name, "too_long", message));
            }
            Ok(wanted)
        };
        let text = |name: &str, text: Option<String>, most: usize| -> Result<Option<String>> {
            let text = text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
            match text {
                Some(text) if text.chars().count() > most => {
                    Err(error::invalid(name, "too_long", format!("{name} has at most {most} characters.")))
                }
                text => Ok(text),
            }
        };
        let bypass = self.bypass.as_deref().map(str::trim).unwrap_or_default();
        Ok(Transfer {
            wishes: Wishes {
                agent_ids: list("agent_ids", self.agent_ids)?,
                team_ids: list("team_ids", self.team_ids)?,
                category_ids: list("category_ids", self.category_ids)?,
                language: text("language", self.language, LANGUAGE_CHARACTERS_MAX)?,
            },
            bypass: !matches!(bypass.to_ascii_lowercase().as_str(), "" | "0" | "false" | "no" | "off"),
            comment: text("comment", self.comment, COMMENT_CHARACTERS_MAX)?,
        })
    }
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Answer>> {
    let paging = parameters.paging;
    let nothing = Page::new(0, paging, Vec::new());
    let queue = parameters.queue.filter(|name| !name.is_empty()).unwrap_or_else(|| "global".into());
    let Ok(channel_id) = given::id(parameters.channel_id.as_deref()) else { return Ok(nothing) };
    let (place, owner_id) = match store::workbin(&queue) {
        None => (queue, None),
        Some(Some(owner_id)) => ("workbins".to_owned(), Some(owner_id)),
        Some(None) => return Ok(nothing),
    };
    let step = parameters.step.filter(|step| !step.is_empty());
    let readable = call.caller.sources_with(SourceRight::Read);
    let sight = sight::sight(call, tx)?;
    let mut filter = Filter::default();
    filter.and_equal("place", &place);
    if place == "history" {
        // Said again, for the index of what is over.
        filter.and("completed_at IS NOT NULL");
    }
    if let Some(owner_id) = &owner_id {
        filter.and_equal("owner_id", owner_id);
    }
    if let Some(channel_id) = &channel_id {
        filter.and_equal("channel_id", channel_id);
    }
    if let Some(step) = &step {
        filter.and_equal("step", step);
    }
    filter.and_in(tx, "source_id", &readable);
    if let Sight::Of(ids) = &sight {
        let owned = filter.list(tx, "owner_id", ids);
        match place.as_str() {
            // Nobody holds what is over: the index leads to those of an owner, in the order of the list.
            "history" => filter.and(owned),
            _ => {
                let held = filter.list(tx, "user_id", ids);
                filter.and(format!(
                    "(state = 'accepted' AND {owned} OR id IN (SELECT task_id FROM task_agents WHERE {held}))"
                ));
            }
        }
    }
    let count = filter.count(tx, "tasks", paging.offset, paging.limit)?;
    let order = "priority DESC, created_at DESC, id DESC";
    let rows = filter.page(tx, store::SELECT, order, paging.offset, paging.limit)?;
    let tasks = rows.iter().map(store::task).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, shown(call, tx, tasks)?))
}

fn show_trace(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Trace> {
    let task = sight::find(call, id, tx)?;
    let now = match task.state {
        Life::Waiting => {
            let (plan, loads) = (commands::plan(tx)?, agents::loads(tx, task.channel_id)?);
            let all = agents::facts(tx, None)?;
            let demand = commands::demand(&plan, &task, call.env.now());
            let load = |agent_id: Id| loads.get(&agent_id).copied().unwrap_or(0);
            demand.map(|demand| trace::considered(&consider(&plan, &demand, all.iter(), &load, &[])))
        }
        _ => None,
    };
    let entries = trace::of(tx, id)?;
    Ok(Trace { id, state: task.state.as_str(), queue: task.queue_name(), entries, now })
}
