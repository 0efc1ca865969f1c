//! Reading the record: tasks from their rows and traces, who was there from the log.

use std::collections::{BTreeMap, HashMap};

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_store::{Row, Tx, args};
use serde_json::Value;

use super::{Presence, Recorded, Refusal, Traffic, Transfer};
use crate::engine::{Life, Task, Wishes};
use crate::tasks::store;
use crate::{agents, topologies};

/// So long a time is rehearsed at once, in seconds: the log is not kept for longer either.
const RANGE_SECONDS_MAX: i64 = 31 * 24 * 3_600;
/// So many tasks are rehearsed at once.
const TASKS_MAX: i64 = 10_000;
/// The traces of so many tasks are read at once.
const TRACES_AT_ONCE: usize = 200;
/// So many changes of who was there.
const PRESENCES_MAX: i64 = 100_000;

/// What somebody wants to know: the topology, and the time. 422 with the reason when it cannot be told.
pub fn asked(
    tx: &mut dyn Tx,
    config: &str,
    since: &str,
    until: Option<&str>,
    now: Timestamp,
) -> Result<(crate::engine::Plan, Timestamp, Timestamp)> {
    let moment = |name: &str, text: &str| {
        Timestamp::parse_iso(text).ok_or_else(|| {
            error::invalid(name, "invalid", format!("{name}: a time such as 2026-01-31T17:00:00Z is needed."))
        })
    };
    let since = moment("since", since)?;
    let until = until.filter(|text| !text.is_empty()).map(|text| moment("until", text)).transpose()?;
    let until = until.unwrap_or(now).min(now);
    if since >= until {
        return Err(error::invalid("since", "invalid", "since must be in the past, and before until."));
    }
    if until.seconds_since(since) > RANGE_SECONDS_MAX {
        let message = format!("since must be at most {RANGE_SECONDS_MAX} seconds before until.");
        return Err(error::invalid("since", "too_early", message));
    }
    Ok((topologies::plan_of(tx, config)?, since, until))
}

/// What happened in a time. 422 when it was too much.
pub fn record(tx: &mut dyn Tx, since: Timestamp, until: Timestamp) -> Result<Traffic> {
    let mut traffic = Traffic { since, until, agents: agents::facts(tx, None)?, ..Traffic::default() };
    let (before, presences) = presences(tx, since, until)?;
    for agent in &mut traffic.agents {
        agent.idle_since = since;
        let nowhere = Presence { at: since, agent_id: agent.id, connected: false, channel_ids: Vec::new() };
        agent.is_now(before.get(&agent.id).unwrap_or(&nowhere));
    }
    traffic.presences = presences;
    traffic.tasks = tasks(tx, since, until)?;
    Ok(traffic)
}

fn too_much(what: &str, most: i64) -> error::Error {
    error::invalid("since", "too_much", format!("since: there were more than {most} {what}: choose a shorter time."))
}

/// How agents were when the time began, and what changed during it.
fn presences(tx: &mut dyn Tx, since: Timestamp, until: Timestamp) -> Result<(HashMap<Id, Presence>, Vec<Presence>)> {
    // What customers wrote is said to be something else for the index: it has no place for that.
    let rows = tx.query(
        "SELECT at, kind, object_id, payload FROM log
         WHERE kind <> 'content.imported' AND kind IN ('push_agent.availability_change', 'push_agent.connected', 'push_agent.disconnected',
                        'push_agent.reconnected') AND at < $1 ORDER BY seq LIMIT $2",
        args![until, PRESENCES_MAX + 1],
    )?;
    if rows.len() as i64 > PRESENCES_MAX {
        return Err(too_much("changes of who is there", PRESENCES_MAX));
    }
    let (mut before, mut during) = (HashMap::new(), Vec::new());
    for row in &rows {
        let presence = presence(row)?;
        if presence.at < since {
            before.insert(presence.agent_id, presence);
        } else {
            during.push(presence);
        }
    }
    Ok((before, during))
}

fn presence(row: &Row) -> Result<Presence> {
    let (kind, payload): (String, String) = (row.get(1)?, row.get(3)?);
    let told: Value = serde_json::from_str(&payload).unwrap_or_default();
    let available = |channel: &Value| {
        let is_available = channel["status"] == "available";
        is_available.then(|| channel["id"].as_str()?.parse().ok()).flatten()
    };
    let channel_ids = told["channels"].as_array().into_iter().flatten().filter_map(available).collect();
    Ok(Presence { at: row.get(0)?, agent_id: row.get(2)?, connected: kind != "push_agent.disconnected", channel_ids })
}

/// The tasks that came up, as they did.
fn tasks(tx: &mut dyn Tx, since: Timestamp, until: Timestamp) -> Result<Vec<Recorded>> {
    let sql = format!(
        "{} WHERE id >= $1 AND id < $2 AND created_at >= $3 AND created_at < $4 ORDER BY id LIMIT $5",
        store::SELECT
    );
    let (first, last) = (Id::first_of(since), Id::first_of(until.plus_seconds(1)));
    let rows = tx.query(&sql, args![&first, &last, since, until, TASKS_MAX + 1])?;
    if rows.len() as i64 > TASKS_MAX {
        return Err(too_much("tasks", TASKS_MAX));
    }
    let mut latest: BTreeMap<(Id, Id), Id> = BTreeMap::new();
    let mut found = Vec::new();
    for row in &rows {
        let task = store::task(row)?;
        let customer = (task.thread_id, task.identity_id);
        // Who had them before the record began.
        if !latest.contains_key(&customer)
            && let Some(earlier) = owner_before(tx, &task)?
        {
            latest.insert(customer, earlier);
        }
        let last_agent_id = latest.get(&customer).copied();
        if let Some(owner_id) = task.owner_id {
            latest.insert(customer, owner_id);
        }
        found.push(recorded(task, last_agent_id));
    }
    for some in found.chunks_mut(TRACES_AT_ONCE) {
        remember(tx, some)?;
    }
    Ok(found)
}

/// What people did with these tasks in their first life, from their traces.
fn remember(tx: &mut dyn Tx, tasks: &mut [Recorded]) -> Result<()> {
    let ids: Vec<Id> = tasks.iter().map(|recorded| recorded.task.id).collect();
    let sql = format!(
        "SELECT task_id, at, entry FROM task_traces WHERE {} ORDER BY task_id, position",
        tx.in_list("task_id", 1)
    );
    let mut traces: HashMap<Id, Vec<(Timestamp, Value)>> = HashMap::new();
    for row in tx.query(&sql, args![&ids])? {
        let entry: Value = serde_json::from_str(&row.get::<String>(2)?)
            .map_err(|trouble| error::broken(format!("task_traces.entry: {trouble}")))?;
        traces.entry(row.get(0)?).or_default().push((row.get(1)?, entry));
    }
    for recorded in tasks {
        recorded.remember(traces.remove(&recorded.task.id).unwrap_or_default());
    }
    Ok(())
}

fn id_of(value: &Value) -> Option<Id> {
    value.as_str()?.parse().ok()
}

fn ids_of(value: &Value) -> Vec<Id> {
    value.as_array().into_iter().flatten().filter_map(id_of).collect()
}

impl Recorded {
    /// Takes in a trace, oldest entry first.
    fn remember(&mut self, trace: Vec<(Timestamp, Value)>) {
        let came_up = self.task.created_at;
        let mut accepted_at = None;
        let mut first_accepted_at = None;
        for (at, entry) in trace {
            match entry["what"].as_str().unwrap_or_default() {
                "accepted" | "requested" => {
                    accepted_at = Some(at);
                    first_accepted_at.get_or_insert(at);
                }
                "refused" => {
                    let refusal = id_of(&entry["agent_id"]).map(|agent_id| Refusal { agent_id, said: true });
                    self.refusals.extend(refusal);
                }
                "missed" => {
                    let silent = ids_of(&entry["agent_ids"]).into_iter();
                    self.refusals.extend(silent.map(|agent_id| Refusal { agent_id, said: false }));
                }
                "transferred" => {
                    let bypass = entry["bypass"] == true;
                    self.transfers.push(Transfer {
                        from_workbin: accepted_at.is_some(),
                        after_seconds: at.seconds_since(accepted_at.unwrap_or(came_up)),
                        wishes: Wishes {
                            agent_ids: ids_of(&entry["agent_ids"]),
                            team_ids: ids_of(&entry["team_ids"]),
                            category_ids: ids_of(&entry["category_ids"]),
                            language: entry["language"].as_str().map(str::to_owned),
                        },
                        bypass,
                    });
                    accepted_at = bypass.then_some(at);
                    if bypass {
                        first_accepted_at.get_or_insert(at);
                    }
                }
                // What comes after that is another life.
                "completed" | "destroyed" => break,
                "released" | "given_back" | "taken_back" | "moved" | "held" | "handed_over" => accepted_at = None,
                _ => {}
            }
        }
        if let Some(at) = first_accepted_at {
            self.waited_seconds = Some(at.seconds_since(came_up));
        }
    }
}

fn owner_before(tx: &mut dyn Tx, task: &Task) -> Result<Option<Id>> {
    let sql =
        "SELECT owner_id FROM tasks WHERE thread_id = $1 AND identity_id = $2 AND id < $3 AND owner_id IS NOT NULL
               ORDER BY id DESC LIMIT 1";
    tx.first(sql, args![&task.thread_id, &task.identity_id, &task.id])?.map(|row| row.get(0)).transpose()
}

fn recorded(row: Task, last_agent_id: Option<Id>) -> Recorded {
    let accepted_at = row.accepted_at.filter(|at| *at >= row.waiting_since);
    let completed_at = row.completed_at.filter(|_| row.state == Life::Completed);
    let handled = accepted_at.zip(completed_at).map(|(from, to)| to.seconds_since(from));
    let mut task = Task {
        content_id: row.content_id,
        thread_id: row.thread_id,
        identity_id: row.identity_id,
        intervention_id: row.intervention_id,
        category_ids: row.category_ids,
        language: row.language,
        last_agent_id,
        urgency: row.urgency,
        ..Task::new(row.id, row.source_id, row.channel_id, row.created_at)
    };
    let boost = task.urgency.transfer;
    task.urgency.transfer = 0;
    task.update_priority(row.created_at);
    Recorded {
        task,
        handling_seconds: handled,
        waited_seconds: accepted_at.map(|at| at.seconds_since(row.waiting_since)),
        agent_id: accepted_at.and(row.owner_id),
        undelivered: row.state == Life::Undelivered,
        refusals: Vec::new(),
        transfers: Vec::new(),
        boost,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tests::{at, id, recorded};
    use super::*;

    #[test]
    fn a_trace_tells_what_people_did() {
        let mut task = recorded(1, 100, Some(60), Some(900), Some(2));
        let [ada, bo] = [id(1, 1), id(1, 2)];
        let trace = [
            (100, json!({ "what": "created", "priority": 0 })),
            (101, json!({ "what": "offered", "agent_ids": [ada, bo] })),
            (103, json!({ "what": "refused", "agent_id": ada })),
            (131, json!({ "what": "missed", "agent_ids": [bo] })),
            (
                150,
                json!({ "what": "transferred", "agent_ids": [], "team_ids": [id(5, 1)], "bypass": false, "language": null }),
            ),
            (160, json!({ "what": "accepted", "agent_id": bo })),
            (200, json!({ "what": "transferred", "agent_ids": [ada], "bypass": true, "comment": "Yours" })),
            (240, json!({ "what": "completed", "action": "closed" })),
            (500, json!({ "what": "reopened" })),
            (501, json!({ "what": "refused", "agent_id": bo })),
        ];
        task.remember(trace.into_iter().map(|(seconds, entry)| (at(seconds), entry)).collect());
        assert_eq!(task.waited_seconds, Some(60));
        assert_eq!(task.refusals, [Refusal { agent_id: ada, said: true }, Refusal { agent_id: bo, said: false }]);
        let teams = Wishes { team_ids: vec![id(5, 1)], ..Wishes::default() };
        let agents = Wishes { agent_ids: vec![ada], ..Wishes::default() };
        assert_eq!(
            task.transfers,
            [
                Transfer { from_workbin: false, after_seconds: 50, wishes: teams, bypass: false },
                Transfer { from_workbin: true, after_seconds: 40, wishes: agents, bypass: true },
            ]
        );
    }
}
