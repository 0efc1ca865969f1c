//! Carrying out what the engine decides. One loop holds the engine's index in memory, made from the rows at start and kept
//! up by the log; each decision is a transaction of its own that takes effect only if the task is still as the engine saw
//! it and the agents still have room. So nothing is lost by a kill, and of several nodes that decide the same, one wins.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_conversations::{Conversations, work};
use frontdesk_model::{Env, Event, Id, Result, Timestamp};
use frontdesk_people::{presence, settings};
use frontdesk_store::{Tx, args, log};
use futures_util::future::join_all;
use serde_json::json;
use tokio::sync::watch;

use super::commands::{note, plan};
use super::store::{self, SELECT, by_id, save, task, tell};
use super::trace;
use crate::agents;
use crate::engine::{Agent, Change, Decision, Life, Outcome, Plan, State, Task};

/// So many entries of the log are read at once.
const READ_EVENTS_MAX: i64 = 1_000;
/// So many decisions are on their way to the writer at once: it commits them together.
const WRITES_MAX: usize = 64;
/// Other nodes give no hints: the log is looked at this often anyway.
const POLL_PERIOD: Duration = Duration::from_millis(500);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// The clock was set back by more than this: times in the engine are of another clock.
const SET_BACK_SECONDS: i64 = 2;
/// After so many rounds in a row in which nothing could be carried out, the engine begins anew.
const LOST_ROUNDS_MAX: u32 = 5;
/// So many tasks of sources that are routed no more are swept in one transaction.
const SWEPT_MAX: i64 = 100;

/// The engine and how far it has read the log.
struct Follower {
    engine: State,
    seq: i64,
    /// `push_enabled`.
    is_on: bool,
    /// How often in a row nothing that was decided could be carried out.
    lost_rounds: u32,
}

/// What was read from the log: what has to be read again.
#[derive(Default)]
struct News {
    tasks: BTreeSet<Id>,
    agents: BTreeSet<Id>,
    /// Rights, teams, limits or the topology: everybody is read again.
    everybody: bool,
    /// Sources, channels or the topology: where tasks are may be there no more.
    places: bool,
}

impl News {
    fn note(&mut self, event: &Event) {
        let (family, _) = event.kind.split_once('.').unwrap_or((&event.kind, ""));
        match family {
            "task" => drop(self.tasks.insert(event.object_id)),
            "push_agent" | "user" => drop(self.agents.insert(event.object_id)),
            "content_source" => self.places = true,
            "channel" | "topology" => (self.places, self.everybody) = (true, true),
            "role" | "team" | "settings" | "capability_scheme" | "category" => self.everybody = true,
            _ => {}
        }
    }
}

/// Decides and carries out until `stop` changes.
pub async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    let mut committed = app.store.committed();
    let mut follower = None;
    while !*stop.borrow() {
        let pause = match turn(&app, &mut follower).await {
            Ok(Some(due)) => {
                let micros = due.micros().saturating_sub(app.env.now().micros()).max(0);
                Duration::from_micros(micros.unsigned_abs()).min(POLL_PERIOD)
            }
            Ok(None) => POLL_PERIOD,
            Err(trouble) => {
                tracing::warn!(?trouble, "routing failed and will begin anew");
                follower = None;
                tokio::select! {
                    _ = stop.changed() => return,
                    () = tokio::time::sleep(PAUSE_AFTER_FAILURE) => continue,
                }
            }
        };
        tokio::select! {
            _ = stop.changed() => return,
            _ = committed.changed() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Takes in what is new, decides, and carries out, until nothing is left to decide. Returns when something is due.
async fn turn(app: &Arc<Conversations>, kept: &mut Option<Follower>) -> Result<Option<Timestamp>> {
    let now = app.env.now();
    // Where the clock was set back, what is due would be so late: the engine begins anew.
    let mut follower = match kept.take().filter(|kept| kept.engine.now().seconds_since(now) <= SET_BACK_SECONDS) {
        Some(follower) => follower,
        None => {
            sweep(app).await?;
            app.store.read(move |tx| load(tx, now)).await?
        }
    };
    loop {
        catch_up(app, &mut follower).await?;
        let outcomes = match follower.is_on {
            true => follower.engine.turn(app.env.now()),
            false => Vec::new(),
        };
        if outcomes.is_empty() {
            let due = follower.engine.next_due().filter(|_| follower.is_on);
            *kept = Some(follower);
            return Ok(due);
        }
        let mut failed = BTreeSet::new();
        let mut agent_ids = BTreeSet::new();
        for some in outcomes.chunks(WRITES_MAX) {
            let writes = some.iter().map(|outcome| {
                let (env, outcome) = (app.env.clone(), outcome.clone());
                app.store.write(move |tx| carry_out(tx, &env, &outcome))
            });
            for (outcome, done) in some.iter().zip(join_all(writes).await) {
                if !done? {
                    failed.insert(outcome.task.id);
                    agent_ids.extend(&outcome.task.agent_ids);
                }
            }
        }
        // Where nothing agrees any more, the rows are right.
        follower.lost_rounds = if failed.len() < outcomes.len() { 0 } else { follower.lost_rounds + 1 };
        if follower.lost_rounds > LOST_ROUNDS_MAX {
            return Ok(None);
        }
        // Somebody was faster: what is in the rows is true.
        if !failed.is_empty() {
            let news = News { tasks: failed, agents: agent_ids, ..News::default() };
            take_in(app, &mut follower, news).await?;
        }
    }
}

/// The engine as the rows are.
fn load(tx: &mut dyn Tx, now: Timestamp) -> Result<Follower> {
    // The place first: what changes while the rows are read is read again.
    let seq = tx.one("SELECT seq FROM log_head", args![])?.get(0)?;
    let mut engine = State::new(plan(tx)?);
    for agent in agents::facts(tx, None)? {
        engine.apply(Change::Agent(Box::new(agent)));
    }
    for mut task in store::live(tx)? {
        task.forget_future(now);
        engine.apply(Change::Task(Box::new(task)));
    }
    Ok(Follower { engine, seq, is_on: settings::load(tx)?.push_enabled, lost_rounds: 0 })
}

async fn catch_up(app: &Arc<Conversations>, follower: &mut Follower) -> Result<()> {
    loop {
        let after = follower.seq;
        let events = app.store.read(move |tx| log::read(tx, after, READ_EVENTS_MAX)).await?;
        let Some(last) = events.last() else { return Ok(()) };
        let mut news = News::default();
        events.iter().for_each(|event| news.note(event));
        follower.seq = last.seq;
        if news.places {
            sweep(app).await?;
        }
        take_in(app, follower, news).await?;
    }
}

/// What the rows say of what the news are about.
struct Rows {
    tasks: Vec<Task>,
    agents: Vec<Agent>,
    plan: Option<(Plan, bool)>,
}

async fn take_in(app: &Arc<Conversations>, follower: &mut Follower, news: News) -> Result<()> {
    let News { tasks, agents: named, everybody, .. } = news;
    if tasks.is_empty() && named.is_empty() && !everybody {
        return Ok(());
    }
    let task_ids: Vec<Id> = tasks.iter().copied().collect();
    let agent_ids: Vec<Id> = named.iter().copied().collect();
    let read = move |tx: &mut dyn Tx| {
        Ok(Rows {
            tasks: store::some(tx, &task_ids)?,
            agents: agents::facts(tx, Some(&agent_ids).filter(|_| !everybody).map(Vec::as_slice))?,
            plan: if everybody { Some((plan(tx)?, settings::load(tx)?.push_enabled)) } else { None },
        })
    };
    let rows = app.store.read(read).await?;
    let engine = &mut follower.engine;
    if let Some((plan, is_on)) = rows.plan {
        engine.apply(Change::Plan(plan));
        follower.is_on = is_on;
    }
    let known: BTreeSet<Id> = if everybody { engine.agent_ids().collect() } else { named };
    let found: BTreeSet<Id> = rows.agents.iter().map(|agent| agent.id).collect();
    for agent in rows.agents {
        engine.apply(Change::Agent(Box::new(agent)));
    }
    for gone in known.difference(&found) {
        engine.apply(Change::NoAgent(*gone));
    }
    let found: BTreeSet<Id> = rows.tasks.iter().map(|task| task.id).collect();
    let now = app.env.now();
    for mut task in rows.tasks {
        task.forget_future(now);
        engine.apply(Change::Task(Box::new(task)));
    }
    for gone in tasks.difference(&found) {
        engine.apply(Change::NoTask(*gone));
    }
    Ok(())
}

/// Writes a decision, if everything is still as the engine saw it. Whether it was.
fn carry_out(tx: &mut dyn Tx, env: &Env, outcome: &Outcome) -> Result<bool> {
    let Some(before) = by_id(tx, outcome.task.id)? else { return Ok(false) };
    if before.version != outcome.base_version {
        return Ok(false);
    }
    let mut task = outcome.task.clone();
    if task.state == Life::Ringing {
        let new: Vec<Id> = task.agent_ids.iter().filter(|id| !before.agent_ids.contains(id)).copied().collect();
        let rooms = presence::rooms(tx, &new, task.channel_id)?;
        let loads = store::loads(tx, &new, task.channel_id)?;
        if loads.iter().any(|(id, load)| *load >= rooms.get(id).copied().unwrap_or(0)) {
            return Ok(false);
        }
    }
    let completes = outcome.decisions.contains(&Decision::Completed);
    if completes && !finish(tx, env, &before)? {
        // It cannot be closed, as when a reply waits for approval: the owner decides.
        let mut task = Task { completes_at: None, ..before.clone() };
        save(tx, env, &before, &mut task)?;
        tell(tx, env, None, "task.updated", &before, &task, json!({}));
        return Ok(false);
    }
    if !save(tx, env, &before, &mut task)? {
        return Ok(false);
    }
    let mut is_told = false;
    for decision in &outcome.decisions {
        trace::note(tx, env, task.id, &trace::decision(decision, &task))?;
        let (kind, more) = match decision {
            Decision::Offered { .. } => ("task.assigned", json!({})),
            Decision::StepExpired { .. } => ("task.expired_from_step", json!({})),
            Decision::Undelivered => ("task.undelivered", json!({})),
            Decision::TakenBack { agent_id } => ("task.expired_from_workbin", json!({ "agent_ids": [agent_id] })),
            Decision::Reprioritised { .. } => ("task.priority_updated", json!({})),
            Decision::Completed => ("task.completed", json!({ "action": "closed" })),
            Decision::Missed { agent_ids } => {
                for agent_id in agent_ids {
                    presence::announce(tx, env, None, "push_agent.missed_task", *agent_id)?;
                }
                continue;
            }
            Decision::Entered { .. } | Decision::NobodyCould { .. } | Decision::TransferOver => continue,
        };
        is_told = true;
        tell(tx, env, None, kind, &before, &task, more);
    }
    if !is_told {
        tell(tx, env, None, "task.updated", &before, &task, json!({}));
    }
    Ok(true)
}

/// Closes the intervention of a task that completes by itself, with the categories that its channel gives it then.
/// Whether it could be.
fn finish(tx: &mut dyn Tx, env: &Env, task: &Task) -> Result<bool> {
    let Some(found) = work::intervention_of(tx, task.thread_id, task.identity_id)? else { return Ok(true) };
    if found.closed_at.is_some() {
        return Ok(true);
    }
    if !work::may_finish(tx, found.id)? {
        return Ok(false);
    }
    if let Some(channel) = crate::channels::find(tx, task.channel_id)? {
        work::add_categories(tx, found.id, &channel.auto_complete_category_ids)?;
    }
    work::finish(tx, env, None, found.id)?;
    Ok(true)
}

/// Tasks in queues of sources that belong to no channel any more are of no use; those of sources that have moved to
/// another channel follow them. What is in a workbin stays there. What is in a special queue that the topology does not
/// have, where nobody would find it, begins the topology anew.
async fn sweep(app: &Arc<Conversations>) -> Result<()> {
    loop {
        let env = app.env.clone();
        let any = app.store.read(|tx| {
            let plan = plan(tx)?;
            Ok(!strays(tx, 1)?.is_empty() || !store::of_lost_queues(tx, &plan, 1)?.is_empty())
        });
        if !any.await? || app.store.write(move |tx| sweep_some(tx, &env)).await? == 0 {
            return Ok(());
        }
    }
}

fn strays(tx: &mut dyn Tx, limit: i64) -> Result<Vec<Task>> {
    let sql = format!(
        "{SELECT} WHERE completed_at IS NULL AND state <> 'accepted' AND NOT EXISTS
           (SELECT 1 FROM sources WHERE sources.id = tasks.source_id AND sources.active
              AND sources.channel_id = tasks.channel_id)
         ORDER BY source_id, id LIMIT $1"
    );
    tx.query(&sql, args![limit])?.iter().map(task).collect()
}

fn sweep_some(tx: &mut dyn Tx, env: &Env) -> Result<usize> {
    let strays = strays(tx, SWEPT_MAX)?;
    for before in &strays {
        let mut task = before.clone();
        store::follow_source(tx, &mut task, env.now())?;
        write_swept(tx, env, before, task, "source_moved")?;
    }
    let plan = plan(tx)?;
    let lost = store::of_lost_queues(tx, &plan, SWEPT_MAX)?;
    for before in &lost {
        let mut task = before.clone();
        task.leave_queue(env.now());
        write_swept(tx, env, before, task, "queue_gone")?;
    }
    Ok(strays.len() + lost.len())
}

fn write_swept(tx: &mut dyn Tx, env: &Env, before: &Task, mut task: Task, action: &str) -> Result<()> {
    let is_over = task.state.is_over();
    note(tx, env, task.id, if is_over { "destroyed" } else { "enqueued" }, json!({ "action": action }))?;
    if save(tx, env, before, &mut task)? {
        tell(tx, env, None, "task.enqueued", before, &task, json!({}));
    }
    Ok(())
}
