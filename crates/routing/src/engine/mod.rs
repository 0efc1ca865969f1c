//! Which task goes to whom: pure and deterministic. An index of all that waits and of everybody who might answer is told
//! what changed ([`State::apply`]) and takes turns ([`State::turn`]); what it decides is carried out by others, from rows,
//! and comes back as changes. The same changes and times give the same decisions, on any machine.
//!
//! Tasks that ask for the same kind of agent stand in one line, the most urgent first and among equals the longest
//! waiting. Agents who have room stand in order of how much of their room is used, then of how long nothing came to them.
//! A line for which nobody is free is put aside until somebody who fits it becomes free, so that a turn looks at what can
//! move and at nothing else: a decision costs the logarithm of what waits, and a look at the lines or agents of one
//! channel.

mod agent;
mod outcome;
pub mod plan;
pub mod priority;
mod task;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use frontdesk_model::{Id, Timestamp};

use outcome::{Turn, note};

pub(crate) use agent::shares;
pub use agent::{Agent, Demand, Seat, Why};
pub use outcome::{Considered, Decision, NAMED_MAX, Outcome, consider};
pub use plan::{Offer, Plan, Queue, Step, When, Who};
pub use task::{ASKED_MAX, ASKED_SECONDS, RINGING_MAX, Refusal, State as Life, TRANSFER_SECONDS, Task, Wishes};

/// What the engine is told.
#[derive(Clone, Debug)]
pub enum Change {
    /// A task is like this now.
    Task(Box<Task>),
    /// There is no such task any more.
    NoTask(Id),
    /// An agent is like this now.
    Agent(Box<Agent>),
    /// There is no such agent any more.
    NoAgent(Id),
    /// Another topology is active.
    Plan(Plan),
}

/// Where a task stands in its line.
type Rank = (Reverse<i64>, Timestamp, Id);
/// Where an agent stands among those who have room: the used share in millionths, since when nothing came, who.
type Place = (i64, Timestamp, Id);

#[derive(Debug)]
struct Line {
    demand: Demand,
    tasks: BTreeSet<Rank>,
    /// Whether anybody that there is could answer; none: not looked at since somebody changed.
    could: Option<bool>,
    /// Under which rank it is among the lines to look at; none: nobody is free for it.
    ready: Option<Rank>,
}

/// Everything that the engine knows.
#[derive(Debug)]
pub struct State {
    plan: Plan,
    tasks: HashMap<Id, Task>,
    agents: BTreeMap<Id, Agent>,
    /// How many tasks an agent has of a channel.
    loads: HashMap<(Id, Id), i64>,
    /// By channel: who has room.
    free: HashMap<Id, BTreeSet<Place>>,
    /// By agent and channel: where they stand there.
    places: HashMap<(Id, Id), Place>,
    lines: BTreeMap<usize, Line>,
    line_of: HashMap<Demand, usize>,
    next_line: usize,
    /// By task: the line that it stands in, and where.
    stands: HashMap<Id, (usize, Rank)>,
    ready: BTreeSet<(Rank, usize)>,
    /// By channel: lines for which nobody is free.
    blocked: HashMap<Id, BTreeSet<usize>>,
    unsure: BTreeSet<usize>,
    /// Tasks in no step.
    fresh: BTreeSet<(Timestamp, Id)>,
    due: BTreeSet<(Timestamp, Id)>,
    dues: HashMap<Id, Timestamp>,
    now: Timestamp,
}

impl State {
    /// Nothing yet.
    pub fn new(plan: Plan) -> State {
        State {
            plan,
            tasks: HashMap::new(),
            agents: BTreeMap::new(),
            loads: HashMap::new(),
            free: HashMap::new(),
            places: HashMap::new(),
            lines: BTreeMap::new(),
            line_of: HashMap::new(),
            next_line: 0,
            stands: HashMap::new(),
            ready: BTreeSet::new(),
            blocked: HashMap::new(),
            unsure: BTreeSet::new(),
            fresh: BTreeSet::new(),
            due: BTreeSet::new(),
            dues: HashMap::new(),
            now: Timestamp::default(),
        }
    }

    /// When there is something to do by itself.
    pub fn next_due(&self) -> Option<Timestamp> {
        self.due.first().map(|(at, _)| *at)
    }

    /// The tasks that it knows: all that are in queues, ring or are in workbins.
    pub fn tasks(&self) -> impl Iterator<Item = &Task> {
        self.tasks.values()
    }

    /// The agents that it knows.
    pub fn agent_ids(&self) -> impl Iterator<Item = Id> {
        self.agents.keys().copied()
    }

    /// A task that it knows.
    pub fn task(&self, id: Id) -> Option<&Task> {
        self.tasks.get(&id)
    }

    /// The time of its last turn.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Takes note of a change.
    pub fn apply(&mut self, change: Change) {
        match change {
            Change::Task(task) => {
                self.remove(task.id);
                if matches!(task.state, Life::Waiting | Life::Ringing | Life::Accepted) {
                    self.insert(*task);
                }
            }
            Change::NoTask(id) => {
                self.remove(id);
            }
            Change::Agent(agent) => self.put_agent(*agent),
            Change::NoAgent(id) => {
                if let Some(gone) = self.agents.remove(&id) {
                    self.lift(&gone);
                    self.doubt();
                }
            }
            Change::Plan(plan) => {
                if plan != self.plan {
                    self.plan = plan;
                    let mut ids: Vec<Id> = self.tasks.keys().copied().collect();
                    ids.sort_unstable();
                    for id in ids {
                        if let Some(task) = self.remove(id) {
                            self.insert(task);
                        }
                    }
                }
            }
        }
    }

    /// Decides all that can be decided now. What it answers has happened as far as it knows.
    pub fn turn(&mut self, now: Timestamp) -> Vec<Outcome> {
        self.now = self.now.max(now);
        let mut turn = Turn::default();
        while let Some((_, id)) = self.due.first().copied().filter(|(at, _)| *at <= self.now) {
            self.mature(id, &mut turn);
        }
        loop {
            self.enter_all(&mut turn);
            self.settle(&mut turn);
            if self.fresh.is_empty() && !self.dispatch(&mut turn) {
                return turn.outcomes;
            }
        }
    }

    fn put_agent(&mut self, mut agent: Agent) {
        let before = self.agents.remove(&agent.id);
        if let Some(before) = &before {
            self.lift(before);
            agent.idle_since = agent.idle_since.max(before.idle_since);
        }
        let rights = |agent: &Agent| {
            let Agent { source_ids, category_ids, team_ids, languages, .. } = agent.clone();
            (source_ids, category_ids, team_ids, languages)
        };
        let is_same = before.is_some_and(|before| rights(&before) == rights(&agent));
        let id = agent.id;
        let channels: Vec<Id> = agent.seats.iter().map(|seat| seat.channel_id).collect();
        self.agents.insert(id, agent);
        if !is_same {
            self.doubt();
        }
        for channel_id in channels {
            self.seat(id, channel_id);
            self.unblock(id, channel_id);
        }
    }

    /// Takes an agent out of all places.
    fn lift(&mut self, agent: &Agent) {
        for seat in &agent.seats {
            if let Some(place) = self.places.remove(&(agent.id, seat.channel_id))
                && let Some(free) = self.free.get_mut(&seat.channel_id)
            {
                free.remove(&place);
            }
        }
    }

    /// Who can answer has changed: every line must be looked at again.
    fn doubt(&mut self) {
        for (index, line) in &mut self.lines {
            line.could = None;
            self.unsure.insert(*index);
        }
    }

    /// Puts an agent where they belong at a channel. Whether they have room now and had none before.
    fn seat(&mut self, agent_id: Id, channel_id: Id) -> bool {
        let key = (agent_id, channel_id);
        let had = self.places.remove(&key);
        if let (Some(place), Some(free)) = (had, self.free.get_mut(&channel_id)) {
            free.remove(&place);
        }
        let Some(agent) = self.agents.get(&agent_id).filter(|agent| agent.connected) else { return false };
        let Some(seat) = agent.seat(channel_id).filter(|seat| seat.available) else { return false };
        let load = self.loads.get(&key).copied().unwrap_or(0);
        if load >= seat.soft {
            return false;
        }
        let place = (load.saturating_mul(1_000_000) / seat.soft, agent.idle_since, agent_id);
        self.free.entry(channel_id).or_default().insert(place);
        self.places.insert(key, place);
        had.is_none()
    }

    /// Lines that waited for somebody like this agent are looked at again.
    fn unblock(&mut self, agent_id: Id, channel_id: Id) {
        if !self.places.contains_key(&(agent_id, channel_id)) {
            return;
        }
        let (Some(agent), Some(blocked)) = (self.agents.get(&agent_id), self.blocked.get_mut(&channel_id)) else {
            return;
        };
        let (lines, plan, ready) = (&mut self.lines, &self.plan, &mut self.ready);
        blocked.retain(|index| {
            let Some(line) = lines.get_mut(index) else { return false };
            if line.demand.was_asked(agent_id) || line.demand.bars(agent, plan).is_some() {
                return true;
            }
            line.ready = line.tasks.first().copied();
            if let Some(rank) = line.ready {
                ready.insert((rank, *index));
            }
            false
        });
    }

    fn insert(&mut self, task: Task) {
        for agent_id in task.holders() {
            *self.loads.entry((agent_id, task.channel_id)).or_default() += 1;
            self.seat(agent_id, task.channel_id);
        }
        if let Some(at) = self.due_of(&task) {
            self.due.insert((at, task.id));
            self.dues.insert(task.id, at);
        }
        if task.is_on_offer() {
            let step = task.step.as_ref().and_then(|name| self.plan.step(name));
            match step.or((task.wishes.is_some()).then_some(0)) {
                Some(step) => self.line_up(&task, step),
                None => {
                    self.fresh.insert((task.waiting_since, task.id));
                }
            }
        }
        self.tasks.insert(task.id, task);
    }

    fn line_up(&mut self, task: &Task, step: usize) {
        let step = if task.wishes.is_some() { 0 } else { step };
        let demand = Demand::of(task, &self.plan, step, self.now);
        let rank = (Reverse(task.priority), task.waiting_since, task.id);
        let index = match self.line_of.get(&demand) {
            Some(index) => *index,
            None => {
                let index = self.next_line;
                self.next_line += 1;
                let line = Line { demand: demand.clone(), tasks: BTreeSet::new(), could: None, ready: None };
                self.lines.insert(index, line);
                self.line_of.insert(demand.clone(), index);
                self.unsure.insert(index);
                index
            }
        };
        let Some(line) = self.lines.get_mut(&index) else { return };
        let is_new = line.tasks.is_empty();
        line.tasks.insert(rank);
        self.stands.insert(task.id, (index, rank));
        let is_blocked = self.blocked.get(&demand.channel_id).is_some_and(|blocked| blocked.contains(&index));
        if is_new || !is_blocked {
            self.make_ready(index);
        }
    }

    /// Puts a line among those to look at, under the rank of its first task.
    fn make_ready(&mut self, index: usize) {
        let Some(line) = self.lines.get_mut(&index) else { return };
        if let Some(rank) = line.ready.take() {
            self.ready.remove(&(rank, index));
        }
        if let Some(rank) = line.tasks.first().copied() {
            line.ready = Some(rank);
            self.ready.insert((rank, index));
        }
    }

    fn remove(&mut self, id: Id) -> Option<Task> {
        let task = self.tasks.remove(&id)?;
        if let Some(at) = self.dues.remove(&id) {
            self.due.remove(&(at, id));
        }
        self.fresh.remove(&(task.waiting_since, id));
        if let Some((index, rank)) = self.stands.remove(&id)
            && let Some(line) = self.lines.get_mut(&index)
        {
            line.tasks.remove(&rank);
            if line.tasks.is_empty() {
                if let Some(rank) = line.ready {
                    self.ready.remove(&(rank, index));
                }
                if let Some(blocked) = self.blocked.get_mut(&line.demand.channel_id) {
                    blocked.remove(&index);
                }
                self.line_of.remove(&line.demand);
                self.unsure.remove(&index);
                self.lines.remove(&index);
            } else if line.ready == Some(rank) {
                self.make_ready(index);
            }
        }
        for agent_id in task.holders() {
            let key = (agent_id, task.channel_id);
            if let Some(load) = self.loads.get_mut(&key) {
                *load -= 1;
                if *load <= 0 {
                    self.loads.remove(&key);
                }
            }
            if self.seat(agent_id, task.channel_id) {
                self.unblock(agent_id, task.channel_id);
            }
        }
        Some(task)
    }

    /// When something happens to a task by itself.
    fn due_of(&self, task: &Task) -> Option<Timestamp> {
        let rises = task.urgency.next_change(self.now);
        let outdated = task.priority != task.urgency.priority(self.now);
        let rises = if outdated { Some(self.now) } else { rises };
        let times = match task.state {
            Life::Accepted => [task.expires_at, task.completes_at, None, None],
            Life::Waiting if !task.is_on_offer() => [rises, None, None, None],
            Life::Waiting | Life::Ringing => {
                let asked = task.asked.iter().map(|(_, until)| *until).filter(|until| *until > self.now).min();
                let ringing = task.expires_at.filter(|_| task.state == Life::Ringing);
                [rises, asked, ringing, self.ends(task)]
            }
            _ => [None; 4],
        };
        times.into_iter().flatten().min()
    }

    /// When its step, or what it was transferred for, is over.
    fn ends(&self, task: &Task) -> Option<Timestamp> {
        if task.wishes.is_some() {
            return task.wishes_until;
        }
        let step = self.plan.steps.get(self.plan.step(task.step.as_ref()?)?)?;
        Some(task.step_entered_at.plus_seconds(step.for_seconds?))
    }

    /// Changes a task and takes note of why.
    fn change(&mut self, turn: &mut Turn, id: Id, decision: Option<Decision>, make: impl FnOnce(&mut Task, Timestamp)) {
        let Some(mut task) = self.remove(id) else { return };
        let now = self.now;
        make(&mut task, now);
        if let Some(decision) = decision {
            let at = *turn.places.entry(id).or_insert_with(|| {
                let base_version = task.version;
                task.version += 1;
                task.updated_at = now;
                turn.outcomes.push(Outcome { base_version, task: task.clone(), decisions: Vec::new() });
                turn.outcomes.len() - 1
            });
            note(&mut turn.outcomes[at].decisions, decision);
        }
        if let Some(at) = turn.places.get(&id) {
            task.updated_at = now;
            turn.outcomes[*at].task = task.clone();
        }
        if matches!(task.state, Life::Waiting | Life::Ringing | Life::Accepted) {
            self.insert(task);
        }
    }

    /// A task's time has come.
    fn mature(&mut self, id: Id, turn: &mut Turn) {
        let Some(task) = self.tasks.get(&id) else { return };
        let now = self.now;
        let is_past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let priority = task.urgency.priority(now);
        let (state, over) = (task.state, is_past(self.ends(task)));
        if state == Life::Accepted {
            match (is_past(task.completes_at), task.owner_id) {
                (true, _) => self.change(turn, id, Some(Decision::Completed), |task, now| {
                    let _ = task.complete(now);
                }),
                (false, Some(agent_id)) => {
                    let decision = Some(Decision::TakenBack { agent_id });
                    self.change(turn, id, decision, |task, now| task.give_back(now));
                }
                (false, None) => self.change(turn, id, None, |task, _| task.expires_at = None),
            }
        } else if priority != task.priority {
            let decision = Some(Decision::Reprioritised { from: task.priority });
            self.change(turn, id, decision, |task, now| {
                task.update_priority(now);
            });
        } else if state == Life::Ringing && is_past(task.expires_at) {
            // Also when its step ends with the ringing: who let it ring is told so, and not asked at once by the next one.
            let decision = Some(Decision::Missed { agent_ids: task.agent_ids.clone() });
            self.change(turn, id, decision, |task, now| {
                task.miss(now);
            });
        } else if over && task.wishes.is_some() {
            self.change(turn, id, Some(Decision::TransferOver), |task, now| task.forget_wishes(now));
        } else if over {
            let step = task.step.clone().unwrap_or_default();
            self.go_on(turn, id, Decision::StepExpired { step });
        } else {
            // Who was asked may be asked again: it stands in another line now.
            self.change(turn, id, None, |_, _| {});
        }
    }

    /// From its step to the next one that is for it, or to the undelivered queue.
    fn go_on(&mut self, turn: &mut Turn, id: Id, why: Decision) {
        self.change(turn, id, Some(why), |_, _| {});
        let Some(task) = self.tasks.get(&id) else { return };
        let next = task.step.as_ref().and_then(|name| self.plan.steps.get(self.plan.step(name)?)?.next);
        let next = self.plan.first_for(task, next);
        self.enter(turn, id, next);
    }

    fn enter(&mut self, turn: &mut Turn, id: Id, step: Option<usize>) {
        match step.and_then(|step| self.plan.steps.get(step)).map(|step| step.name.clone()) {
            Some(name) => {
                let decision = Some(Decision::Entered { step: name.clone() });
                self.change(turn, id, decision, |task, now| task.enter(&name, now));
            }
            None => self.change(turn, id, Some(Decision::Undelivered), |task, _| task.undeliver()),
        }
    }

    /// Tasks that are in no step enter their first one.
    fn enter_all(&mut self, turn: &mut Turn) {
        while let Some((_, id)) = self.fresh.first().copied() {
            let first = self.tasks.get(&id).and_then(|task| self.plan.first_for(task, Some(self.plan.start)));
            self.enter(turn, id, first);
        }
    }

    /// Lines that nobody could ever answer do not wait: their tasks go on.
    fn settle(&mut self, turn: &mut Turn) {
        while let Some(index) = self.unsure.pop_first() {
            let Some(line) = self.lines.get_mut(&index) else { continue };
            let plan = &self.plan;
            let could = self.agents.values().any(|agent| line.demand.bars(agent, plan).is_none());
            line.could = Some(could);
            if could {
                continue;
            }
            let ids: Vec<Id> = line.tasks.iter().map(|(_, _, id)| *id).collect();
            for id in ids {
                let Some(task) = self.tasks.get(&id) else { continue };
                if task.wishes.is_some() {
                    self.change(turn, id, Some(Decision::TransferOver), |task, now| task.forget_wishes(now));
                } else {
                    let place = self.plan.step(task.step.as_deref().unwrap_or_default()).unwrap_or(0);
                    let considered = self.considered(&Demand::of(task, &self.plan, place, self.now), &[]);
                    let step = task.step.clone().unwrap_or_default();
                    self.go_on(turn, id, Decision::NobodyCould { steps: vec![(step, considered)] });
                }
            }
        }
    }

    /// Offers the most urgent tasks that anybody free fits. Whether anything was offered.
    fn dispatch(&mut self, turn: &mut Turn) -> bool {
        let mut any = false;
        while let Some((rank, index)) = self.ready.pop_first() {
            let Some(line) = self.lines.get_mut(&index) else { continue };
            line.ready = None;
            let channel_id = line.demand.channel_id;
            let step = self.plan.steps.get(line.demand.step);
            // What is transferred rings at one after the other, for the usual time.
            let is_wished = self.tasks.get(&rank.2).is_some_and(|task| task.wishes.is_some());
            let (offer, seconds) = match step.filter(|_| !is_wished) {
                Some(step) => (step.offer, step.ring_seconds),
                None => (Offer::One, plan::RING_SECONDS_DEFAULT),
            };
            let wanted = if offer == Offer::All { RINGING_MAX } else { 1 };
            let (agents, plan, demand) = (&self.agents, &self.plan, &line.demand);
            let fits = |place: &&Place| {
                let agent = agents.get(&place.2);
                !demand.was_asked(place.2) && agent.is_some_and(|agent| demand.bars(agent, plan).is_none())
            };
            let free = self.free.get(&channel_id).into_iter().flatten();
            let agent_ids: Vec<Id> = free.filter(fits).take(wanted).map(|place| place.2).collect();
            if agent_ids.is_empty() {
                self.blocked.entry(channel_id).or_default().insert(index);
                continue;
            }
            any = true;
            let considered = self.considered(&self.lines[&index].demand, &agent_ids);
            let until = self.now.plus_seconds(seconds);
            let decision = Decision::Offered { agent_ids: agent_ids.clone(), until, considered };
            for agent_id in &agent_ids {
                let now = self.now;
                if let Some(agent) = self.agents.get_mut(agent_id) {
                    agent.idle_since = now;
                }
            }
            self.change(turn, rank.2, Some(decision), |task, now| task.offer(agent_ids, until, now));
            // The rest of the line, if there is any, is looked at again in its turn.
            if self.lines.contains_key(&index) {
                self.make_ready(index);
            }
        }
        any
    }

    fn considered(&self, demand: &Demand, chosen: &[Id]) -> Considered {
        let load = |agent_id| self.loads.get(&(agent_id, demand.channel_id)).copied().unwrap_or(0);
        consider(&self.plan, demand, self.agents.values(), &load, chosen)
    }
}
