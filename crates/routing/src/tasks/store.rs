//! The rows of tasks. Every change of a task is written here, with its version, with who has it on their hands, and with
//! an event, so that whoever follows the log sees it.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::str::FromStr;

use frontdesk_conversations::audience::CONCERNED;
use frontdesk_conversations::service_levels::{self, Promise, Target};
use frontdesk_conversations::work;
use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_people::presence;
use frontdesk_store::{Row, Tx, args};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use crate::channels;
use crate::engine::{Life, Plan, Task};

pub(crate) const SELECT: &str = "SELECT id, content_id, thread_id, source_id, channel_id, identity_id, intervention_id,
    state, queue, held, step, step_entered_at, agent_ids, owner_id, category_ids, language, last_agent_id, wishes,
    wishes_until, asked, urgency, priority, segment_index, waiting_since, created_at, updated_at, accepted_at,
    completed_at, expires_at, locked_at, transferred_at, completes_at, version FROM tasks";

pub(crate) fn task(row: &Row) -> Result<Task> {
    let state: String = row.get(7)?;
    let wishes: Option<String> = row.get(17)?;
    Ok(Task {
        id: row.get(0)?,
        content_id: row.get(1)?,
        thread_id: row.get(2)?,
        source_id: row.get(3)?,
        channel_id: row.get(4)?,
        identity_id: row.get(5)?,
        intervention_id: row.get(6)?,
        state: Life::parse(&state).ok_or_else(|| error::broken(format!("tasks.state: {state}")))?,
        queue: row.get(8)?,
        held: row.get(9)?,
        step: row.get(10)?,
        step_entered_at: row.get(11)?,
        agent_ids: parse("agent_ids", &row.get::<String>(12)?)?,
        owner_id: row.get(13)?,
        category_ids: parse("category_ids", &row.get::<String>(14)?)?,
        language: row.get(15)?,
        last_agent_id: row.get(16)?,
        wishes: wishes.map(|text| parse("wishes", &text)).transpose()?,
        wishes_until: row.get(18)?,
        asked: asked(&row.get::<String>(19)?)?,
        urgency: parse("urgency", &row.get::<String>(20)?)?,
        priority: row.get(21)?,
        segment_index: row.get(22)?,
        waiting_since: row.get(23)?,
        created_at: row.get(24)?,
        updated_at: row.get(25)?,
        accepted_at: row.get(26)?,
        completed_at: row.get(27)?,
        expires_at: row.get(28)?,
        locked_at: row.get(29)?,
        transferred_at: row.get(30)?,
        completes_at: row.get(31)?,
        version: row.get(32)?,
    })
}

fn parse<T: DeserializeOwned>(column: &str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|trouble| broken(column, trouble))
}

fn broken(column: &str, trouble: impl Display) -> error::Error {
    error::broken(format!("tasks.{column}: {trouble}"))
}

fn write<T: Serialize>(value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|trouble| error::broken(trouble.to_string()))
}

fn asked(text: &str) -> Result<Vec<(Id, frontdesk_model::Timestamp)>> {
    let pairs: Vec<(Id, i64)> = parse("asked", text)?;
    Ok(pairs.into_iter().map(|(id, until)| (id, frontdesk_model::Timestamp::from_micros(until))).collect())
}

/// The list that shows a task.
fn place(task: &Task) -> &str {
    match (task.state, &task.queue) {
        (Life::Waiting, Some(queue)) => queue,
        (Life::Waiting | Life::Ringing, _) => "global",
        (Life::Accepted, _) => "workbins",
        (Life::Undelivered, _) => "undelivered",
        (Life::Completed | Life::Destroyed, _) => "history",
    }
}

/// A task, for whoever it is.
pub(crate) fn by_id(tx: &mut dyn Tx, id: Id) -> Result<Option<Task>> {
    let row = tx.first(&format!("{SELECT} WHERE id = $1"), args![&id])?;
    row.map(|row| task(&row)).transpose()
}

/// Those of these tasks that there are.
pub(crate) fn some(tx: &mut dyn Tx, ids: &[Id]) -> Result<Vec<Task>> {
    let sql = format!("{SELECT} WHERE {}", tx.in_list("id", 1));
    tx.query(&sql, args![ids])?.iter().map(task).collect()
}

/// Every task that is in queues, rings or is in a workbin.
pub(crate) fn live(tx: &mut dyn Tx) -> Result<Vec<Task>> {
    let mut tasks = Vec::new();
    let sql = format!("{SELECT} WHERE completed_at IS NULL AND state <> 'undelivered'");
    tx.each(&sql, args![], &mut |row| {
        tasks.push(task(&row)?);
        Ok(())
    })?;
    Ok(tasks)
}

/// What a customer waits with in a thread.
pub(super) fn active(tx: &mut dyn Tx, thread_id: Id, identity_id: Id) -> Result<Option<Task>> {
    let sql = format!("{SELECT} WHERE thread_id = $1 AND identity_id = $2 AND completed_at IS NULL");
    tx.first(&sql, args![&thread_id, &identity_id])?.map(|row| task(&row)).transpose()
}

/// Whether there ever was a task in a thread.
pub(super) fn any_in(tx: &mut dyn Tx, thread_id: Id) -> Result<bool> {
    Ok(tx.first("SELECT 1 FROM tasks WHERE thread_id = $1 LIMIT 1", args![&thread_id])?.is_some())
}

/// The latest task of a customer in a thread, whatever became of it.
pub(super) fn latest(tx: &mut dyn Tx, thread_id: Id, identity_id: Id) -> Result<Option<Task>> {
    let sql = format!("{SELECT} WHERE thread_id = $1 AND identity_id = $2 ORDER BY id DESC LIMIT 1");
    tx.first(&sql, args![&thread_id, &identity_id])?.map(|row| task(&row)).transpose()
}

/// Waiting tasks of special queues that a topology does not have, at most `limit`.
pub(super) fn of_lost_queues(tx: &mut dyn Tx, plan: &Plan, limit: i64) -> Result<Vec<Task>> {
    let rows = tx.query("SELECT DISTINCT queue FROM tasks WHERE queue IS NOT NULL", args![])?;
    let names = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<String>>>()?;
    let Some(lost) = names.into_iter().find(|name| plan.queue(name).is_none()) else { return Ok(Vec::new()) };
    let sql = format!("{SELECT} WHERE queue = $1 ORDER BY id LIMIT $2");
    tx.query(&sql, args![&lost, limit])?.iter().map(task).collect()
}

/// Forgets tasks that were over before a moment, the oldest first, at most `limit`, and why they went where they went.
/// Returns how many.
pub fn forget(tx: &mut dyn Tx, before: Timestamp, limit: i64) -> Result<u64> {
    let sql = "SELECT id FROM tasks WHERE completed_at IS NOT NULL AND completed_at < $1
               ORDER BY completed_at, id LIMIT $2";
    let rows = tx.query(sql, args![before, limit])?;
    let ids = rows.iter().map(|row| row.get(0)).collect::<Result<Vec<Id>>>()?;
    if ids.is_empty() {
        return Ok(0);
    }
    for (table, column) in [("task_traces", "task_id"), ("tasks", "id")] {
        tx.execute(&format!("DELETE FROM {table} WHERE {}", tx.in_list(column, 1)), args![&ids])?;
    }
    Ok(ids.len() as u64)
}

/// What waits on a channel, as an index has it.
pub(super) const WAITS: &str = "place = 'global' AND state = 'waiting' AND NOT held AND channel_id = $1";

/// The line that a task stands in: tasks that ask for the same, but for who had the customer last and who was asked.
fn line(task: &Task) -> Result<Option<Id>> {
    let asks = write(&(task.source_id, &task.step, &task.category_ids, &task.language, &task.wishes))?;
    let hash = ring::digest::digest(&ring::digest::SHA256, asks.as_bytes());
    Ok(hash.as_ref().first_chunk::<12>().and_then(|bytes| Id::from_bytes(bytes)))
}

/// The lines of what waits on a channel, each with its first task.
pub(super) fn lines(tx: &mut dyn Tx, channel_id: Id) -> Result<Vec<(Id, Task)>> {
    // From line to line: PostgreSQL and SQLite would read all of each for a GROUP BY.
    let sql = format!(
        "WITH RECURSIVE lines (line) AS (
           SELECT (SELECT line FROM tasks WHERE {WAITS} AND line IS NOT NULL ORDER BY line LIMIT 1)
           UNION ALL
           SELECT (SELECT line FROM tasks WHERE {WAITS} AND line > lines.line ORDER BY line LIMIT 1) FROM lines
           WHERE lines.line IS NOT NULL)
         SELECT line, (SELECT id FROM tasks WHERE {WAITS} AND line = lines.line
                       ORDER BY priority DESC, waiting_since, id LIMIT 1)
         FROM lines WHERE line IS NOT NULL"
    );
    let rows = tx.query(&sql, args![&channel_id])?;
    let firsts = rows.iter().map(|row| Ok((row.get(1)?, row.get(0)?))).collect::<Result<BTreeMap<Id, Id>>>()?;
    let ids: Vec<Id> = firsts.keys().copied().collect();
    let found = some(tx, &ids)?;
    Ok(found.into_iter().filter_map(|task| Some((*firsts.get(&task.id)?, task))).collect())
}

/// The first task of these lines of a channel whose customer an agent had last.
pub(super) fn first_of_last(tx: &mut dyn Tx, channel_id: Id, lines: &[Id], agent_id: Id) -> Result<Option<Task>> {
    if lines.is_empty() {
        return Ok(None);
    }
    let condition = tx.in_list("line", 3);
    let sql = format!(
        "{SELECT} WHERE {WAITS} AND last_agent_id = $2 AND {condition} ORDER BY priority DESC, waiting_since, id LIMIT 1"
    );
    tx.first(&sql, args![&channel_id, &agent_id, lines])?.map(|row| task(&row)).transpose()
}

/// Who has any task on their hands.
pub(super) fn holders(tx: &mut dyn Tx) -> Result<Vec<Id>> {
    tx.query("SELECT DISTINCT user_id FROM task_agents ORDER BY user_id", args![])?
        .iter()
        .map(|row| row.get(0))
        .collect()
}

/// The tasks that somebody has on their hands.
pub(super) fn held_by(tx: &mut dyn Tx, user_id: Id) -> Result<Vec<Task>> {
    let sql = format!("{SELECT} WHERE id IN (SELECT task_id FROM task_agents WHERE user_id = $1) ORDER BY id");
    tx.query(&sql, args![&user_id])?.iter().map(task).collect()
}

/// How many tasks of a channel somebody has on their hands.
pub(super) fn load(tx: &mut dyn Tx, user_id: Id, channel_id: Id) -> Result<i64> {
    let sql = "SELECT count(*) FROM task_agents WHERE user_id = $1 AND channel_id = $2";
    tx.one(sql, args![&user_id, &channel_id])?.get(0)
}

/// The same of each of these.
pub(super) fn loads(tx: &mut dyn Tx, user_ids: &[Id], channel_id: Id) -> Result<BTreeMap<Id, i64>> {
    let condition = tx.in_list("user_id", 1);
    let sql =
        format!("SELECT user_id, count(*) FROM task_agents WHERE {condition} AND channel_id = $2 GROUP BY user_id");
    let mut loads: BTreeMap<Id, i64> = user_ids.iter().map(|id| (*id, 0)).collect();
    for row in tx.query(&sql, args![user_ids, &channel_id])? {
        loads.insert(row.get(0)?, row.get(1)?);
    }
    Ok(loads)
}

/// Writes a new task.
pub(super) fn insert(tx: &mut dyn Tx, task: &Task) -> Result<()> {
    tx.execute(
        "INSERT INTO tasks (id, thread_id, identity_id, created_at, content_id, source_id, channel_id, state, place, held,
           step_entered_at, agent_ids, category_ids, asked, urgency, priority, segment_index, waiting_since, updated_at,
           version)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'waiting', 'global', FALSE, $4, '[]', '[]', '[]', '{}', 0, 1, $4, $4, -1)",
        args![
            &task.id,
            &task.thread_id,
            &task.identity_id,
            task.created_at,
            &task.content_id,
            &task.source_id,
            &task.channel_id
        ],
    )?;
    update(tx, task, -1).map(drop)
}

/// Writes a task whose row has this version; whether it had.
fn update(tx: &mut dyn Tx, task: &Task, version: i64) -> Result<bool> {
    let asked: Vec<(Id, i64)> = task.asked.iter().map(|(id, until)| (*id, until.micros())).collect();
    let changed = tx.execute(
        "UPDATE tasks SET content_id = $3, channel_id = $4, intervention_id = $5, state = $6, place = $7, queue = $8,
           held = $9, step = $10, step_entered_at = $11, agent_ids = $12, owner_id = $13, category_ids = $14,
           language = $15, last_agent_id = $16, wishes = $17, wishes_until = $18, asked = $19, urgency = $20,
           priority = $21, segment_index = $22, waiting_since = $23, updated_at = $24, accepted_at = $25,
           completed_at = $26, expires_at = $27, locked_at = $28, transferred_at = $29, completes_at = $30,
           version = $31, line = $32
         WHERE id = $1 AND version = $2",
        args![
            &task.id,
            version,
            &task.content_id,
            &task.channel_id,
            &task.intervention_id,
            task.state.as_str(),
            place(task),
            &task.queue,
            task.held,
            &task.step,
            task.step_entered_at,
            &write(&task.agent_ids)?,
            &task.owner_id,
            &write(&task.category_ids)?,
            &task.language,
            &task.last_agent_id,
            &task.wishes.as_ref().map(write).transpose()?,
            task.wishes_until,
            &write(&asked)?,
            &write(&task.urgency)?,
            task.priority,
            task.segment_index,
            task.waiting_since,
            task.updated_at,
            task.accepted_at,
            task.completed_at,
            task.expires_at,
            task.locked_at,
            task.transferred_at,
            task.completes_at,
            task.version,
            &line(task)?
        ],
    )?;
    Ok(changed == 1)
}

/// Writes what became of a task, and who has it on their hands now. Whether it was still as it is in `before`. One that
/// comes out of a workbin goes where its source is by then; where that is routed no more, it ends.
pub(super) fn save(tx: &mut dyn Tx, env: &Env, before: &Task, task: &mut Task) -> Result<bool> {
    if before.state == Life::Accepted && matches!(task.state, Life::Waiting | Life::Ringing | Life::Undelivered) {
        let is_undelivered = task.state == Life::Undelivered;
        follow_source(tx, task, env.now())?;
        // Who put it there wants nobody to be asked.
        if is_undelivered && !task.state.is_over() {
            task.undeliver();
        }
    }
    task.version = before.version + 1;
    task.updated_at = env.now();
    if !update(tx, task, before.version)? {
        return Ok(false);
    }
    // Who has it has promised an answer.
    if owner(before) != owner(task) {
        match owner(task) {
            Some(_) => promise(tx, env, task, env.now())?,
            None => service_levels::end(tx, Target::Agent, task.thread_id, task.identity_id)?,
        }
    }
    let (had, have) = (before.holders(), task.holders());
    let gone: Vec<Id> = had.iter().filter(|id| !have.contains(id)).copied().collect();
    let new: Vec<Id> = have.iter().filter(|id| !had.contains(id)).copied().collect();
    if !gone.is_empty() {
        let sql = format!("DELETE FROM task_agents WHERE task_id = $2 AND {}", tx.in_list("user_id", 1));
        tx.execute(&sql, args![&gone, &task.id])?;
        count(tx, env, &gone, before.channel_id)?;
    }
    if !new.is_empty() {
        let sql = format!(
            "INSERT INTO task_agents (user_id, task_id, channel_id) SELECT id, $2, $3 FROM users WHERE {}",
            tx.in_list("id", 1)
        );
        tx.execute(&sql, args![&new, &task.id, &task.channel_id])?;
        count(tx, env, &new, task.channel_id)?;
    }
    Ok(true)
}

/// Moves a task to the channel that its source is in now, or ends it where there is none.
pub(super) fn follow_source(tx: &mut dyn Tx, task: &mut Task, now: Timestamp) -> Result<()> {
    match work::source(tx, task.source_id)? {
        Some(source) if source.channel_id == task.channel_id => {}
        Some(source) => {
            task.give_back(now);
            task.restart(now);
            task.channel_id = source.channel_id;
        }
        None => task.destroy(now),
    }
    Ok(())
}

/// In whose workbin it is.
fn owner(task: &Task) -> Option<Id> {
    task.owner_id.filter(|_| task.state == Life::Accepted)
}

/// The agent who has a task is to answer it within `agent_sla` of its channel, from `since` on. An earlier promise to
/// answer the same stays.
pub(super) fn promise(tx: &mut dyn Tx, env: &Env, task: &Task, since: Timestamp) -> Result<()> {
    let Some(user_id) = owner(task) else { return Ok(()) };
    if service_levels::agent(tx, task.thread_id, task.identity_id)? == Some(user_id) {
        return Ok(());
    }
    let Some(channel) = channels::find(tx, task.channel_id)? else { return Ok(()) };
    let Some(seconds) = channel.agent_sla_seconds else {
        return service_levels::end(tx, Target::Agent, task.thread_id, task.identity_id);
    };
    let moments = service_levels::moments(tx, task.source_id, since, seconds, channel.agent_sla_warning_percent)?;
    let Some(moments) = moments else { return Ok(()) };
    let promise = Promise {
        thread_id: task.thread_id,
        identity_id: task.identity_id,
        source_id: task.source_id,
        task_id: Some(task.id),
        user_id: Some(user_id),
        since,
    };
    service_levels::begin(tx, env, Target::Agent, &promise, moments)
}

fn count(tx: &mut dyn Tx, env: &Env, user_ids: &[Id], channel_id: Id) -> Result<()> {
    let loads = loads(tx, user_ids, channel_id)?;
    presence::set_loads(tx, env, channel_id, &loads)
}

/// Appends an event of a task with its documented metadata, what else it tells, and whom it concerns: who had
/// the task, before or now, is told of it.
pub(super) fn tell(
    tx: &mut dyn Tx,
    env: &Env,
    by: Option<Id>,
    kind: &'static str,
    before: &Task,
    task: &Task,
    more: Value,
) {
    // Its source is routed no more: see `save`.
    let kind = if task.state == Life::Destroyed { "task.destroyed" } else { kind };
    let mut concerned: Vec<Id> =
        [before, task].iter().flat_map(|task| task.agent_ids.iter().chain(&task.owner_id)).copied().collect();
    concerned.sort_unstable();
    concerned.dedup();
    let agent_ids = match task.state {
        Life::Ringing => task.agent_ids.clone(),
        Life::Accepted | Life::Completed => task.owner_id.into_iter().collect(),
        _ => Vec::new(),
    };
    let told = json!({
        "created_at": task.created_at,
        "channel_id": task.channel_id,
        "source_id": task.source_id,
        // Documented as a float.
        "priority": task.priority as f64,
        "content_id": task.content_id,
        "intervention_id": task.intervention_id,
        "agent_ids": agent_ids,
        "identity_id": task.identity_id,
        "queue": task.queue_name(),
        "thread_id": task.thread_id,
        "language": task.language,
        "segment_index": task.segment_index,
        CONCERNED: concerned,
    });
    let (Value::Object(mut told), Value::Object(more)) = (told, more) else { return };
    told.extend::<Map<String, Value>>(more);
    tx.append(NewEvent::new(env, by, kind, task.id, Some(task.thread_id), Value::Object(told)));
}

/// What follows a dash in the name of a workbin's queue.
pub(super) fn workbin(queue: &str) -> Option<Option<Id>> {
    queue.strip_prefix("workbin_").map(|id| Id::from_str(id).ok())
}
