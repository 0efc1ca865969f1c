//! Rehearsals: recorded traffic led by another topology. The same engine is told who came and who was there, in the times
//! of the record, and what it would have done is compared with what happened. Pure and deterministic: the same record and
//! the same topology give the same report.
//!
//! What a record cannot tell is assumed: whoever a task rings at accepts after [`ANSWER_SECONDS`]; a conversation takes
//! as long as it took, and if it never ended, the median of the others. Who refused a task, or let it ring, does so again
//! when it rings at them; what was transferred is transferred again, after as long a time and to the same. What was released
//! or taken back, and conversations that people took without a task, are left out. Agents have the rights, skills and limits
//! that they have now.

mod recorded;
mod rest;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use frontdesk_model::{Id, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use crate::engine::{Agent, Change, Life, Plan, State, Task, Wishes};

pub use recorded::{asked, record};
pub(crate) use rest::operations;

/// Agents accept what rings at them after so many seconds.
pub const ANSWER_SECONDS: i64 = 5;
/// How long a conversation takes where none has ended, in seconds.
const HANDLING_SECONDS_DEFAULT: i64 = 300;
/// The engine is asked at most so many times for each thing that is recorded; whatever is left by then goes on waiting.
const TURNS_PER_RECORD_MAX: usize = 100;

/// What happened in a time.
#[derive(Clone, Debug, Default)]
pub struct Traffic {
    /// From then on.
    pub since: Timestamp,
    /// Up to then.
    pub until: Timestamp,
    /// Who might have answered, as they were when it began.
    pub agents: Vec<Agent>,
    /// Who came, went, or changed what they take, in order.
    pub presences: Vec<Presence>,
    /// What customers wrote, in order.
    pub tasks: Vec<Recorded>,
}

/// How an agent was from a moment on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Presence {
    /// From then on.
    pub at: Timestamp,
    /// The agent.
    pub agent_id: Id,
    /// Whether they were there.
    pub connected: bool,
    /// The channels of which they took tasks.
    pub channel_ids: Vec<Id>,
}

/// A task, and what became of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// As it came up.
    pub task: Task,
    /// How long it took from its acceptance to its end, in seconds.
    pub handling_seconds: Option<i64>,
    /// How long the customer had waited when it was accepted, in seconds.
    pub waited_seconds: Option<i64>,
    /// Who accepted it.
    pub agent_id: Option<Id>,
    /// Whether it ended in the undelivered queue.
    pub undelivered: bool,
    /// Who did not want it.
    pub refusals: Vec<Refusal>,
    /// How it was handed on, in order.
    pub transfers: Vec<Transfer>,
    /// What transfers add to its priority.
    pub boost: i64,
}

/// Somebody at whom a task rang did not want it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Who.
    pub agent_id: Id,
    /// Whether they said so; otherwise they let it ring.
    pub said: bool,
}

/// A task was handed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Out of a workbin; otherwise out of a queue.
    pub from_workbin: bool,
    /// So long after it was accepted, or came up, in seconds.
    pub after_seconds: i64,
    /// To whom.
    pub wishes: Wishes,
    /// Straight into the workbin of the first of them.
    pub bypass: bool,
}

/// What would have become of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "Rehearsal")]
pub struct Report {
    since: Timestamp,
    until: Timestamp,
    /// How many tasks came up.
    tasks: i64,
    /// What happened.
    happened: Figures,
    /// What would have happened.
    rehearsed: Figures,
    /// Tasks that would have been accepted by somebody else.
    by_others: i64,
    /// Whom they went to, and whom they would have gone to; only who had, or would have had, any.
    agents: Vec<Load>,
}

/// Waits are from the message to its acceptance, in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RehearsalFigures")]
pub struct Figures {
    accepted: i64,
    undelivered: i64,
    /// Neither, when the time was over.
    waiting: i64,
    /// Half of those who were accepted waited no longer; null when none was.
    wait_p50: Option<i64>,
    wait_p90: Option<i64>,
    wait_p99: Option<i64>,
    wait_longest: Option<i64>,
}

/// An agent's share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "RehearsalLoad")]
pub struct Load {
    user_id: Id,
    /// Tasks that they accepted.
    happened_tasks: i64,
    /// Tasks that they would have accepted.
    rehearsed_tasks: i64,
    /// Seconds that these took, within the time.
    happened_seconds: i64,
    rehearsed_seconds: i64,
}

impl Figures {
    fn of(mut waits: Vec<i64>, undelivered: i64, tasks: usize) -> Figures {
        waits.sort_unstable();
        let at = |percent: usize| waits.get((waits.len() * percent).div_ceil(100).saturating_sub(1)).copied();
        let accepted = waits.len() as i64;
        Figures {
            accepted,
            undelivered,
            waiting: tasks as i64 - accepted - undelivered,
            wait_p50: at(50),
            wait_p90: at(90),
            wait_p99: at(99),
            wait_longest: waits.last().copied(),
        }
    }
}

/// What comes next in the time of the record; in this order within one moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Next {
    /// Somebody comes, goes or changes: by their place in the record.
    Presence(usize),
    /// A conversation that was accepted then is over.
    Ends(Id, Timestamp),
    /// A customer writes: by their place in the record.
    Comes(usize),
    /// An agent answers what rings at them since then.
    Answers(Id, Id, Timestamp),
    /// It is handed on: by its place in the record, and since when it has been in that workbin; none: out of a queue.
    Transfers(Id, usize, Option<Timestamp>),
}

/// What became of one task.
#[derive(Clone, Default)]
struct Fate {
    waited_seconds: Option<i64>,
    /// Who accepted it last.
    agent_id: Option<Id>,
    undelivered: bool,
    /// Who still will not want it.
    refusals: Vec<Refusal>,
    /// How many transfers have been.
    transfers: usize,
}

struct Rehearsal<'t> {
    traffic: &'t Traffic,
    engine: State,
    agents: BTreeMap<Id, Agent>,
    /// What is waiting, rings or is in a workbin.
    tasks: BTreeMap<Id, Task>,
    places: BTreeMap<Id, usize>,
    next: BTreeSet<(Timestamp, Next)>,
    fates: Vec<Fate>,
    worked: BTreeMap<Id, i64>,
    handling_seconds: i64,
}

/// Leads recorded traffic by a plan.
pub fn rehearse(plan: &Plan, traffic: &Traffic) -> Report {
    let mut known: Vec<i64> = traffic.tasks.iter().filter_map(|recorded| recorded.handling_seconds).collect();
    known.sort_unstable();
    let mut rehearsal = Rehearsal {
        traffic,
        engine: State::new(plan.clone()),
        agents: traffic.agents.iter().map(|agent| (agent.id, agent.clone())).collect(),
        tasks: BTreeMap::new(),
        places: traffic.tasks.iter().enumerate().map(|(place, recorded)| (recorded.task.id, place)).collect(),
        next: BTreeSet::new(),
        fates: traffic
            .tasks
            .iter()
            .map(|recorded| Fate { refusals: recorded.refusals.clone(), ..Fate::default() })
            .collect(),
        worked: BTreeMap::new(),
        handling_seconds: known.get(known.len() / 2).copied().unwrap_or(HANDLING_SECONDS_DEFAULT),
    };
    for agent in &traffic.agents {
        rehearsal.engine.apply(Change::Agent(Box::new(agent.clone())));
    }
    for (place, presence) in traffic.presences.iter().enumerate() {
        rehearsal.next.insert((presence.at, Next::Presence(place)));
    }
    for (place, recorded) in traffic.tasks.iter().enumerate() {
        rehearsal.next.insert((recorded.task.created_at, Next::Comes(place)));
        for (number, transfer) in recorded.transfers.iter().enumerate().filter(|(_, transfer)| !transfer.from_workbin) {
            let at = recorded.task.created_at.plus_seconds(transfer.after_seconds.max(0));
            rehearsal.next.insert((at, Next::Transfers(recorded.task.id, number, None)));
        }
    }
    rehearsal.run();
    rehearsal.report()
}

impl Rehearsal<'_> {
    fn run(&mut self) {
        let recorded = self.traffic.tasks.len() + self.traffic.presences.len();
        let mut now = self.traffic.since;
        for _ in 0..recorded.saturating_mul(TURNS_PER_RECORD_MAX) {
            let coming = self.next.first().map(|(at, _)| *at);
            let Some(at) = coming.into_iter().chain(self.engine.next_due()).min() else { return };
            now = now.max(at);
            if now >= self.traffic.until {
                return;
            }
            while let Some((at, next)) = self.next.pop_first() {
                if at > now {
                    self.next.insert((at, next));
                    break;
                }
                self.happens(next, now);
            }
            for outcome in self.engine.turn(now) {
                let task = outcome.task;
                match task.state {
                    Life::Ringing => {
                        if let Some(agent_id) = task.agent_ids.first() {
                            let at = now.plus_seconds(ANSWER_SECONDS);
                            self.next.insert((at, Next::Answers(task.id, *agent_id, now)));
                        }
                        self.tasks.insert(task.id, task);
                    }
                    Life::Waiting => drop(self.tasks.insert(task.id, task)),
                    Life::Undelivered => {
                        self.tasks.remove(&task.id);
                        if let Some(fate) = self.places.get(&task.id).and_then(|place| self.fates.get_mut(*place)) {
                            fate.undelivered = true;
                        }
                    }
                    _ => drop(self.tasks.remove(&task.id)),
                }
            }
        }
    }

    fn happens(&mut self, next: Next, now: Timestamp) {
        match next {
            Next::Presence(place) => self.changes(&self.traffic.presences[place].clone(), now),
            Next::Comes(place) => self.put(self.traffic.tasks[place].task.clone()),
            Next::Answers(id, agent_id, since) => self.answers(id, agent_id, since, now),
            Next::Transfers(id, number, since) => self.transfers(id, number, since, now),
            Next::Ends(id, accepted_at) => {
                let is_same = self.tasks.get(&id).is_some_and(|task| task.accepted_at == Some(accepted_at));
                if is_same && let Some(task) = self.tasks.remove(&id).filter(|task| task.state == Life::Accepted) {
                    self.works(&task, now);
                    self.engine.apply(Change::NoTask(id));
                }
            }
        }
    }

    /// An agent answers what rings at them: they take it, unless they did not want it.
    fn answers(&mut self, id: Id, agent_id: Id, since: Timestamp, now: Timestamp) {
        let (Some(task), Some(place)) = (self.tasks.get(&id), self.places.get(&id).copied()) else { return };
        if task.state != Life::Ringing || task.locked_at != Some(since) || !task.agent_ids.contains(&agent_id) {
            return;
        }
        let mut task = task.clone();
        let refusals = &mut self.fates[place].refusals;
        let Some(refusal) = refusals.iter().position(|refusal| refusal.agent_id == agent_id) else {
            if task.accept(agent_id, now, None).is_ok() {
                self.accepted(place, task, agent_id, now);
            }
            return;
        };
        let others = task.agent_ids.iter().copied().skip_while(|id| *id != agent_id).nth(1);
        if refusals.remove(refusal).said && task.refuse(agent_id, now).is_ok() {
            self.put(task);
        }
        if let Some(other) = others {
            self.next.insert((now.plus_seconds(ANSWER_SECONDS), Next::Answers(id, other, since)));
        }
    }

    /// A task has come into a workbin: it stays for as long as it did.
    fn accepted(&mut self, place: usize, task: Task, agent_id: Id, now: Timestamp) {
        let recorded = &self.traffic.tasks[place];
        let fate = &mut self.fates[place];
        fate.waited_seconds.get_or_insert(now.seconds_since(recorded.task.waiting_since));
        fate.agent_id = Some(agent_id);
        let transfers = recorded.transfers.iter().enumerate().skip(fate.transfers);
        let next = match transfers.into_iter().find(|(_, transfer)| transfer.from_workbin) {
            Some((number, transfer)) => {
                let at = now.plus_seconds(transfer.after_seconds.max(1));
                (at, Next::Transfers(task.id, number, Some(now)))
            }
            None => {
                let seconds = recorded.handling_seconds.unwrap_or(self.handling_seconds).max(1);
                (now.plus_seconds(seconds), Next::Ends(task.id, now))
            }
        };
        self.next.insert(next);
        self.put(task);
    }

    /// A task is handed on, if it is where it was when that happened: in the same kind of place.
    fn transfers(&mut self, id: Id, number: usize, since: Option<Timestamp>, now: Timestamp) {
        let Some(place) = self.places.get(&id).copied() else { return };
        let recorded = &self.traffic.tasks[place];
        let Some(transfer) = recorded.transfers.get(number) else { return };
        let fate = &mut self.fates[place];
        // What nobody took here is where a supervisor would have found it.
        let undelivered = fate.undelivered && since.is_none();
        let found = self.tasks.get(&id).or_else(|| Some(&recorded.task).filter(|_| undelivered));
        let Some(mut task) = found.cloned() else { return };
        let is_there = match since {
            Some(since) => task.state == Life::Accepted && task.accepted_at == Some(since),
            None => matches!(task.state, Life::Waiting | Life::Ringing),
        };
        if !is_there {
            return;
        }
        fate.transfers = fate.transfers.max(number + 1);
        if since.is_some() {
            self.works(&task, now);
        }
        let boost = recorded.boost;
        let straight = transfer.wishes.agent_ids.first().copied().filter(|_| transfer.bypass);
        match straight.filter(|agent_id| self.agents.get(agent_id).is_some_and(|agent| agent.connected)) {
            Some(agent_id) => {
                task.give(agent_id, now, None);
                task.mark_transferred(boost, now);
                self.accepted(place, task, agent_id, now);
            }
            None => {
                if task.transfer(transfer.wishes.clone(), boost, now).is_ok() {
                    self.put(task);
                }
            }
        }
    }

    fn put(&mut self, mut task: Task) {
        task.version += 1;
        self.engine.apply(Change::Task(Box::new(task.clone())));
        self.tasks.insert(task.id, task);
    }

    /// Somebody has had a task in their workbin until now.
    fn works(&mut self, task: &Task, now: Timestamp) {
        if let (Some(agent_id), Some(accepted_at)) = (task.owner_id, task.accepted_at) {
            *self.worked.entry(agent_id).or_default() += now.seconds_since(accepted_at);
        }
    }

    fn changes(&mut self, presence: &Presence, now: Timestamp) {
        let Some(agent) = self.agents.get_mut(&presence.agent_id) else { return };
        agent.is_now(presence);
        self.engine.apply(Change::Agent(Box::new(agent.clone())));
        if presence.connected {
            return;
        }
        let left = |task: &&Task| task.holders().contains(&presence.agent_id);
        let held: Vec<Task> = self.tasks.values().filter(left).cloned().collect();
        for mut task in held {
            match task.state {
                Life::Accepted => {
                    self.works(&task, now);
                    task.give_back(now);
                }
                _ => task.hush(presence.agent_id),
            }
            self.put(task);
        }
    }

    fn report(mut self) -> Report {
        let traffic = self.traffic;
        let until = traffic.until;
        let open: Vec<Task> = self.tasks.values().filter(|task| task.state == Life::Accepted).cloned().collect();
        open.iter().for_each(|task| self.works(task, until));
        let mut loads: BTreeMap<Id, Load> = BTreeMap::new();
        let load = |loads: &mut BTreeMap<Id, Load>, user_id: Id, change: &dyn Fn(&mut Load)| {
            change(loads.entry(user_id).or_insert(Load {
                user_id,
                happened_tasks: 0,
                rehearsed_tasks: 0,
                happened_seconds: 0,
                rehearsed_seconds: 0,
            }));
        };
        let mut by_others = 0;
        for (recorded, fate) in traffic.tasks.iter().zip(&self.fates) {
            if let Some(agent_id) = recorded.agent_id {
                load(&mut loads, agent_id, &|load| {
                    load.happened_tasks += 1;
                    load.happened_seconds += recorded.handling_seconds.unwrap_or(0);
                });
            }
            if let Some(agent_id) = fate.agent_id {
                load(&mut loads, agent_id, &|load| load.rehearsed_tasks += 1);
                by_others += i64::from(recorded.agent_id.is_some_and(|other| other != agent_id));
            }
        }
        for (agent_id, seconds) in &self.worked {
            load(&mut loads, *agent_id, &|load| load.rehearsed_seconds += seconds);
        }
        let count = |undelivered: &mut dyn Iterator<Item = bool>| undelivered.filter(|is| *is).count() as i64;
        let tasks = traffic.tasks.len();
        let happened = traffic.tasks.iter().filter_map(|recorded| recorded.waited_seconds).collect();
        let lost = |recorded: &Recorded| recorded.undelivered && recorded.waited_seconds.is_none();
        let rehearsed = self.fates.iter().filter_map(|fate| fate.waited_seconds).collect();
        let fell = |fate: &Fate| fate.undelivered && fate.waited_seconds.is_none();
        Report {
            since: traffic.since,
            until,
            tasks: tasks as i64,
            happened: Figures::of(happened, count(&mut traffic.tasks.iter().map(lost)), tasks),
            rehearsed: Figures::of(rehearsed, count(&mut self.fates.iter().map(fell)), tasks),
            by_others,
            agents: loads.into_values().collect(),
        }
    }
}

impl Agent {
    /// As a record says that they are.
    fn is_now(&mut self, presence: &Presence) {
        self.connected = presence.connected;
        for seat in &mut self.seats {
            seat.available = presence.connected && presence.channel_ids.contains(&seat.channel_id);
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} tasks from {} to {}\n", self.tasks, self.since.rest(), self.until.rest())?;
        writeln!(f, "{:<24}{:>12}{:>12}{:>12}", "", "happened", "rehearsed", "difference")?;
        let (before, after) = (&self.happened, &self.rehearsed);
        for (name, before, after) in [
            ("accepted", Some(before.accepted), Some(after.accepted)),
            ("undelivered", Some(before.undelivered), Some(after.undelivered)),
            ("waiting in the end", Some(before.waiting), Some(after.waiting)),
            ("wait p50, seconds", before.wait_p50, after.wait_p50),
            ("wait p90, seconds", before.wait_p90, after.wait_p90),
            ("wait p99, seconds", before.wait_p99, after.wait_p99),
            ("longest wait, seconds", before.wait_longest, after.wait_longest),
        ] {
            let shown = |figure: Option<i64>| figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string());
            let difference = before.zip(after).map(|(before, after)| format!("{:+}", after - before));
            let difference = difference.unwrap_or_else(|| "-".into());
            writeln!(f, "{name:<24}{:>12}{:>12}{difference:>12}", shown(before), shown(after))?;
        }
        writeln!(f, "\naccepted by somebody else: {}\n", self.by_others)?;
        writeln!(f, "{:<28}{:>12}{:>12}{:>14}{:>14}", "agent", "tasks", "rehearsed", "seconds", "rehearsed")?;
        for load in &self.agents {
            writeln!(
                f,
                "{:<28}{:>12}{:>12}{:>14}{:>14}",
                load.user_id.to_string(),
                load.happened_tasks,
                load.rehearsed_tasks,
                load.happened_seconds,
                load.rehearsed_seconds
            )?;
        }
        Ok(())
    }
}
