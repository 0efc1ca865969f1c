//! Why a task went where it went: what was decided, who was thought of, and why not they. The latest entries are kept.

use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_store::{Tx, args};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::engine::{Considered, Decision, Task};

/// At most so many entries of one task are kept.
const ENTRIES_MAX: i64 = 100;

/// One entry as REST shows it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Entry {
    at: Timestamp,
    /// What happened, and what it was decided by.
    #[serde(flatten)]
    what: Value,
}

/// Adds an entry.
pub(super) fn note(tx: &mut dyn Tx, env: &Env, task_id: Id, entry: &Value) -> Result<()> {
    let last: Option<i64> =
        tx.one("SELECT max(position) FROM task_traces WHERE task_id = $1", args![&task_id])?.get(0)?;
    let position = last.map_or(0, |last| last + 1);
    tx.execute(
        "INSERT INTO task_traces (task_id, position, at, entry) VALUES ($1, $2, $3, $4)",
        args![&task_id, position, env.now(), &entry.to_string()],
    )?;
    if position >= ENTRIES_MAX {
        let sql = "DELETE FROM task_traces WHERE task_id = $1 AND position <= $2";
        tx.execute(sql, args![&task_id, position - ENTRIES_MAX])?;
    }
    Ok(())
}

/// Forgets those of the tasks of a thread.
pub(super) fn forget(tx: &mut dyn Tx, thread_id: Id) -> Result<()> {
    let sql = "DELETE FROM task_traces WHERE task_id IN (SELECT id FROM tasks WHERE thread_id = $1)";
    tx.execute(sql, args![&thread_id])?;
    Ok(())
}

/// The entries, oldest first.
pub(super) fn of(tx: &mut dyn Tx, task_id: Id) -> Result<Vec<Entry>> {
    let sql = "SELECT at, entry FROM task_traces WHERE task_id = $1 ORDER BY position";
    let read = |row: &frontdesk_store::Row| {
        let text: String = row.get(1)?;
        let what = serde_json::from_str(&text).map_err(|trouble| error::broken(format!("task_traces: {trouble}")))?;
        Ok(Entry { at: row.get(0)?, what })
    };
    tx.query(sql, args![&task_id])?.iter().map(read).collect()
}

/// Who was thought of.
pub(super) fn considered(considered: &Considered) -> Value {
    let counts: serde_json::Map<String, Value> =
        considered.counts.iter().map(|(why, count)| (why.as_str().into(), json!(count))).collect();
    let named: Vec<Value> =
        considered.named.iter().map(|(id, why)| json!({ "agent_id": id, "reason": why.as_str() })).collect();
    json!({ "counts": counts, "agents": named })
}

/// The first step that nobody could answer, and what came after it at once.
fn nobody_could(steps: &[(String, Considered)]) -> Value {
    let Some(((step, passed), more)) = steps.split_first() else { return json!({ "what": "nobody_could" }) };
    let mut entry = json!({ "what": "nobody_could", "step": step, "passed_over": considered(passed) });
    if !more.is_empty() {
        let more = more.iter().map(|(step, passed)| json!({ "step": step, "counts": considered(passed)["counts"] }));
        entry["then"] = more.collect();
    }
    entry
}

/// A decision of the engine as an entry.
pub(super) fn decision(decision: &Decision, task: &Task) -> Value {
    match decision {
        Decision::Entered { step } => json!({ "what": "entered", "step": step }),
        Decision::Offered { agent_ids, until, considered: passed } => json!({
            "what": "offered", "step": task.step, "agent_ids": agent_ids, "until": until, "priority": task.priority,
            "passed_over": considered(passed),
        }),
        Decision::Missed { agent_ids } => json!({ "what": "missed", "agent_ids": agent_ids }),
        Decision::StepExpired { step } => json!({ "what": "expired_from_step", "step": step }),
        Decision::NobodyCould { steps } => nobody_could(steps),
        Decision::Undelivered => json!({ "what": "undelivered" }),
        Decision::TakenBack { agent_id } => json!({ "what": "taken_back", "agent_id": agent_id }),
        Decision::TransferOver => json!({ "what": "transfer_over" }),
        Decision::Reprioritised { from } => json!({ "what": "reprioritised", "from": from, "to": task.priority }),
        Decision::Completed => json!({ "what": "completed", "action": "closed" }),
    }
}
