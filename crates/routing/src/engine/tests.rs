//! Random histories: agents come and go, customers come in bursts, people refuse, transfer and give back, and the engine
//! is thrown away and built anew from what is stored. What must hold, holds after every turn.

use std::collections::{BTreeMap, HashMap};

use frontdesk_model::{Id, Timestamp};
use proptest::prelude::*;

use super::priority::{Missed, Urgency};
use super::*;

const AGENTS: u64 = 6;
const CHANNELS: u64 = 2;
const SOURCES: u64 = 3;
const CATEGORIES: u64 = 3;
const SOFT: i64 = 2;
const HARD: i64 = 3;

fn id(family: u64, number: u64) -> Id {
    Id::from_parts(family, number)
}

fn agent_id(number: u64) -> Id {
    id(1, number % AGENTS)
}

fn category_id(number: u64) -> Id {
    id(4, number % CATEGORIES)
}

fn plans() -> Vec<Plan> {
    let step = |name: &str, agents: Who, for_seconds, next| Step {
        name: name.into(),
        when: When::default(),
        agents,
        offer: Offer::One,
        ring_seconds: 10,
        for_seconds,
        next,
    };
    let last = step("last", Who { last_agent: true, ..Who::default() }, Some(15), Some(1));
    let team =
        step("team", Who { team_ids: vec![id(5, 0)], category_match: true, ..Who::default() }, Some(40), Some(2));
    let all = Step { offer: Offer::All, ..step("all", Who { language_match: true, ..Who::default() }, Some(90), None) };
    let english = When { languages: vec!["en".into()], ..When::default() };
    vec![
        Plan::built_in(),
        Plan { start: 0, steps: vec![last.clone(), team.clone(), all.clone()], queues: Vec::new() },
        Plan {
            start: 0,
            steps: vec![last, Step { when: english, ..team }, Step { for_seconds: None, ..all }],
            queues: vec![Queue { name: "triage".into(), next: None }],
        },
    ]
}

#[derive(Clone, Debug)]
enum Event {
    Arrives { channel: u64, source: u64, categories: u8, language: u8, priority: i64, timed: bool },
    Connects(u64),
    Leaves(u64),
    Switches(u64),
    Learns(u64, u64),
    Accepts(u64),
    Refuses(u64),
    Requests(u64),
    Completes(u64),
    Reopens(u64),
    Releases(u64),
    Transfers(u64, u64),
    Recategorises(u64, u8),
    SetsAside(u64),
    Passes(u8),
    Replans(u64),
    Restarts,
}

fn event() -> impl Strategy<Value = Event> {
    let number = 0_u64..1_000;
    prop_oneof![
        6 => (0..CHANNELS, 0..SOURCES, 0_u8..8, 0_u8..3, -3_i64..3, any::<bool>()).prop_map(
            |(channel, source, categories, language, priority, timed)| Event::Arrives {
                channel, source, categories, language, priority, timed
            }
        ),
        4 => number.clone().prop_map(Event::Connects),
        2 => number.clone().prop_map(Event::Leaves),
        1 => number.clone().prop_map(Event::Switches),
        1 => (number.clone(), number.clone()).prop_map(|(agent, what)| Event::Learns(agent, what)),
        6 => number.clone().prop_map(Event::Accepts),
        2 => number.clone().prop_map(Event::Refuses),
        2 => number.clone().prop_map(Event::Requests),
        4 => number.clone().prop_map(Event::Completes),
        1 => number.clone().prop_map(Event::Reopens),
        1 => number.clone().prop_map(Event::Releases),
        2 => (number.clone(), number.clone()).prop_map(|(task, to)| Event::Transfers(task, to)),
        1 => (number.clone(), 0_u8..8).prop_map(|(task, categories)| Event::Recategorises(task, categories)),
        1 => number.clone().prop_map(Event::SetsAside),
        4 => (1_u8..70).prop_map(Event::Passes),
        1 => number.prop_map(Event::Replans),
        1 => Just(Event::Restarts),
    ]
}

fn categories(bits: u8) -> Vec<Id> {
    (0..CATEGORIES).filter(|bit| bits & 1 << bit != 0).map(category_id).collect()
}

/// What is stored, and the engine beside it.
struct World {
    tasks: BTreeMap<Id, Task>,
    agents: BTreeMap<Id, Agent>,
    plan: Plan,
    engine: State,
    now: Timestamp,
    made: u64,
    told: Vec<Outcome>,
}

impl World {
    fn new(plan: Plan) -> World {
        let mut world = World {
            tasks: BTreeMap::new(),
            agents: BTreeMap::new(),
            engine: State::new(plan.clone()),
            plan,
            now: Timestamp::from_micros(1_000_000_000),
            made: 0,
            told: Vec::new(),
        };
        for number in 0..AGENTS {
            let mut source_ids: Vec<Id> =
                (0..SOURCES).filter(|source| (number + source) % 4 != 3).map(|n| id(3, n)).collect();
            source_ids.sort_unstable();
            world.agents.insert(
                agent_id(number),
                Agent {
                    id: agent_id(number),
                    source_ids,
                    category_ids: categories(number as u8 + 1),
                    team_ids: if number.is_multiple_of(2) { vec![id(5, 0)] } else { Vec::new() },
                    languages: vec![if number.is_multiple_of(3) { "fr" } else { "en" }.into()],
                    seats: (0..CHANNELS)
                        .map(|channel| Seat { channel_id: id(2, channel), available: true, soft: SOFT, hard: HARD })
                        .collect(),
                    ..Agent::default()
                },
            );
        }
        world.rebuild();
        world
    }

    /// The engine as after a start: from what is stored.
    fn rebuild(&mut self) {
        self.engine = State::new(self.plan.clone());
        for agent in self.agents.values() {
            self.engine.apply(Change::Agent(Box::new(agent.clone())));
        }
        for task in self.tasks.values() {
            self.engine.apply(Change::Task(Box::new(task.clone())));
        }
    }

    fn pick(&self, number: u64, wanted: impl Fn(&Task) -> bool) -> Option<Id> {
        let found: Vec<Id> = self.tasks.values().filter(|task| wanted(task)).map(|task| task.id).collect();
        if found.is_empty() { None } else { Some(found[number as usize % found.len()]) }
    }

    fn load(&self, agent_id: Id, channel_id: Id) -> i64 {
        let holds = |task: &&Task| task.channel_id == channel_id && task.holders().contains(&agent_id);
        self.tasks.values().filter(holds).count() as i64
    }

    /// A command: the row changes, and the engine is told.
    fn command<E>(&mut self, id: Id, change: impl FnOnce(&mut Task, Timestamp) -> Result<(), E>) -> bool {
        let mut task = self.tasks[&id].clone();
        if change(&mut task, self.now).is_err() {
            return false;
        }
        task.version += 1;
        self.engine.apply(Change::Task(Box::new(task.clone())));
        self.tasks.insert(id, task);
        true
    }

    fn change_agent(&mut self, number: u64, change: impl FnOnce(&mut Agent)) {
        let agent = self.agents.get_mut(&agent_id(number)).unwrap();
        change(agent);
        self.engine.apply(Change::Agent(Box::new(agent.clone())));
    }

    fn happens(&mut self, event: &Event) {
        let done = |_: ()| Ok::<(), Refusal>(());
        match *event {
            Event::Arrives { channel, source, categories: bits, language, priority, timed } => {
                self.made += 1;
                let urgency = Urgency {
                    default: priority,
                    warns_at: timed.then(|| self.now.plus_seconds(30)),
                    due_at: timed.then(|| self.now.plus_seconds(50)),
                    missed: [Missed::Max, Missed::Half, Missed::Base][self.made as usize % 3],
                    ..Urgency::default()
                };
                let task = Task {
                    category_ids: categories(bits),
                    language: [None, Some("en".into()), Some("fr-CH".into())][usize::from(language)].clone(),
                    last_agent_id: self.made.is_multiple_of(2).then(|| agent_id(self.made)),
                    priority: urgency.priority(self.now),
                    urgency,
                    ..blank(id(6, self.made), id(2, channel), id(3, source), self.now)
                };
                self.engine.apply(Change::Task(Box::new(task.clone())));
                self.tasks.insert(task.id, task);
            }
            Event::Connects(number) => {
                let now = self.now;
                self.change_agent(number, |agent| {
                    agent.connected = true;
                    agent.idle_since = now;
                });
            }
            Event::Leaves(number) => {
                self.change_agent(number, |agent| agent.connected = false);
                let gone = agent_id(number);
                let held: Vec<Id> = self.tasks.values().filter(|t| t.holders().contains(&gone)).map(|t| t.id).collect();
                for id in held {
                    self.command(id, |task, now| {
                        if task.state == Life::Accepted {
                            task.give_back(now)
                        } else {
                            task.hush(gone)
                        };
                        done(())
                    });
                }
            }
            Event::Switches(number) => {
                let channel = number as usize % CHANNELS as usize;
                self.change_agent(number, |agent| agent.seats[channel].available ^= true);
            }
            Event::Learns(number, what) => self.change_agent(number, |agent| {
                agent.category_ids = categories(what as u8);
                agent.languages = vec![if what.is_multiple_of(2) { "en" } else { "fr" }.into()];
            }),
            Event::Accepts(number) => {
                let Some(id) = self.pick(number, |task| task.state == Life::Ringing) else { return };
                let agents = self.tasks[&id].agent_ids.clone();
                let winner = agents[number as usize % agents.len()];
                assert!(self.command(id, |task, now| task.accept(winner, now, Some(60))));
                for other in agents {
                    assert!(!self.command(id, |task, now| task.accept(other, now, None)), "two owners");
                }
            }
            Event::Refuses(number) => {
                let Some(id) = self.pick(number, |task| task.state == Life::Ringing) else { return };
                let agents = self.tasks[&id].agent_ids.clone();
                self.command(id, |task, now| task.refuse(agents[0], now));
            }
            Event::Requests(number) => {
                let agent = self.agents[&agent_id(number)].clone();
                let channel_id = id(2, number % CHANNELS);
                if !agent.connected || self.load(agent.id, channel_id) >= HARD {
                    return;
                }
                let Some(id) = self.pick(number, |task| task.is_on_offer() && task.channel_id == channel_id) else {
                    return;
                };
                self.command(id, |task, now| {
                    task.give(agent.id, now, None);
                    done(())
                });
            }
            Event::Completes(number) => {
                let Some(id) = self.pick(number, |task| task.state == Life::Accepted) else { return };
                assert!(self.command(id, Task::complete));
            }
            Event::Reopens(number) => {
                let Some(id) = self.pick(number, |task| task.state == Life::Completed) else { return };
                self.command(id, |task, now| {
                    task.reopen(task.content_id, now);
                    done(())
                });
            }
            Event::Releases(number) => {
                let Some(id) = self.pick(number, |task| task.state == Life::Accepted) else { return };
                self.command(id, |task, now| {
                    task.give_back(now);
                    done(())
                });
            }
            Event::Transfers(number, to) => {
                let Some(id) = self.pick(number, |task| !task.state.is_over()) else { return };
                let wishes = match to % 3 {
                    0 => Wishes { agent_ids: vec![agent_id(to)], ..Wishes::default() },
                    1 => {
                        Wishes { category_ids: vec![category_id(to)], language: Some("fr".into()), ..Wishes::default() }
                    }
                    _ => Wishes::default(),
                };
                self.command(id, |task, now| task.transfer(wishes, 1, now));
            }
            Event::Recategorises(number, bits) => {
                let Some(id) = self.pick(number, |task| !task.state.is_over()) else { return };
                self.command(id, |task, now| {
                    task.recategorise(categories(bits), now);
                    done(())
                });
            }
            Event::SetsAside(number) => {
                let Some(id) = self.pick(number, |task| task.state == Life::Waiting) else { return };
                self.command(id, |task, now| {
                    if number % 2 == 0 {
                        task.set_aside("triage", now)
                    } else {
                        task.hold_off(now)
                    };
                    done(())
                });
            }
            Event::Passes(seconds) => self.now = self.now.plus_seconds(i64::from(seconds)),
            Event::Replans(number) => {
                let plans = plans();
                self.plan = plans[number as usize % plans.len()].clone();
                self.engine.apply(Change::Plan(self.plan.clone()));
            }
            Event::Restarts => self.rebuild(),
        }
    }

    /// Lets the engine decide, and carries it out.
    fn turn(&mut self) {
        let outcomes = self.engine.turn(self.now);
        for outcome in &outcomes {
            let row = &self.tasks[&outcome.task.id];
            assert_eq!((outcome.base_version, outcome.task.version), (row.version, row.version + 1));
            self.tasks.insert(outcome.task.id, outcome.task.clone());
        }
        self.check(&outcomes);
        self.told.extend(outcomes);
    }

    fn check(&self, outcomes: &[Outcome]) {
        assert_eq!(self.tasks.len() as u64, self.made, "a task was lost");
        let known: HashMap<Id, &Task> = self.engine.tasks().map(|task| (task.id, task)).collect();
        for task in self.tasks.values() {
            let is_live = matches!(task.state, Life::Waiting | Life::Ringing | Life::Accepted);
            assert_eq!(known.get(&task.id).copied(), is_live.then_some(task), "the engine lost sight of a task");
            match task.state {
                Life::Ringing => assert!(!task.agent_ids.is_empty()),
                Life::Accepted => assert!(task.owner_id.is_some() && task.agent_ids.is_empty()),
                _ => assert!(task.holders().is_empty() && task.agent_ids.is_empty(), "{task:?}"),
            }
            let is_late = |at: Option<Timestamp>| at.is_some_and(|at| at <= self.now);
            if is_live {
                assert!(!is_late(task.expires_at), "it should have ended: {task:?}");
                assert!(task.wishes.is_none() || !is_late(task.wishes_until), "still for some: {task:?}");
            }
            if matches!(task.state, Life::Waiting | Life::Ringing) {
                let priority = task.urgency.priority(self.now);
                assert_eq!(task.priority, priority, "{task:?}");
            }
            if task.wishes.is_none() && (task.is_on_offer() || task.state == Life::Ringing) {
                let step = task.step.as_ref().and_then(|step| self.plan.step(step)).map(|step| &self.plan.steps[step]);
                let ends = step.and_then(|step| step.for_seconds).map(|stay| task.step_entered_at.plus_seconds(stay));
                assert!(!is_late(ends), "its step has ended: {task:?}");
            }
            if task.is_on_offer() && task.wishes.is_none() {
                assert!(task.step.as_ref().is_some_and(|step| self.plan.step(step).is_some()), "in no step: {task:?}");
            }
        }
        for agent in self.agents.values() {
            for seat in &agent.seats {
                let load = self.load(agent.id, seat.channel_id);
                assert!(load <= seat.hard, "{:?} has {load}", agent.id);
            }
        }
        let offered: Vec<(&Task, Id)> = outcomes
            .iter()
            .filter(|outcome| matches!(outcome.decisions.last(), Some(Decision::Offered { .. })))
            .flat_map(|outcome| outcome.task.agent_ids.iter().map(move |agent_id| (&outcome.task, *agent_id)))
            .collect();
        for (task, to) in &offered {
            assert!(self.load(*to, task.channel_id) <= SOFT, "offered beyond the soft limit");
        }
        let rank = |task: &Task| (Reverse(task.priority), task.waiting_since, task.id);
        for task in self.tasks.values().filter(|task| task.is_on_offer()) {
            let step = task.step.as_ref().and_then(|step| self.plan.step(step)).unwrap_or(0);
            let demand = Demand::of(task, &self.plan, step, self.now);
            let fits = |agent: &Agent| demand.bars(agent, &self.plan).is_none() && !demand.was_asked(agent.id);
            for agent in self.agents.values().filter(|agent| fits(agent)) {
                let seat = agent.seat(task.channel_id).unwrap();
                let is_idle = agent.connected && seat.available && self.load(agent.id, task.channel_id) < seat.soft;
                assert!(!is_idle, "{:?} is idle while {task:?} waits", agent.id);
                for (other, to) in offered.iter().filter(|(other, _)| other.channel_id == task.channel_id) {
                    assert!(*to != agent.id || rank(other) < rank(task), "{other:?} was served before {task:?}");
                }
            }
        }
        if let Some(at) = self.engine.next_due() {
            assert!(at > self.now, "something was left undone");
        }
    }
}

fn blank(id: Id, channel_id: Id, source_id: Id, now: Timestamp) -> Task {
    Task { content_id: id, thread_id: id, identity_id: id, ..Task::new(id, source_id, channel_id, now) }
}

fn run(plan: &Plan, history: &[Event]) -> World {
    let mut world = World::new(plan.clone());
    for event in history {
        world.happens(event);
        world.turn();
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// No task is lost, none has two owners, no limit is exceeded, nobody who fits is idle while a task waits, the most
    /// urgent and oldest goes first, and the same history ends the same.
    #[test]
    fn whatever_happens_every_task_is_in_one_right_place(
        plan in 0_usize..3,
        history in prop::collection::vec(event(), 1..120),
    ) {
        let plan = &plans()[plan];
        let (one, other) = (run(plan, &history), run(plan, &history));
        prop_assert_eq!(one.told, other.told);
    }

    /// When everybody is there and takes what rings, whatever waits is answered in the end.
    #[test]
    fn with_agents_at_work_every_queue_empties(history in prop::collection::vec(event(), 1..60)) {
        let mut world = run(&Plan::built_in(), &history);
        world.happens(&Event::Replans(0));
        for number in 0..AGENTS {
            world.happens(&Event::Connects(number));
            world.change_agent(number, |agent| {
                agent.category_ids = categories(7);
                agent.source_ids = (0..SOURCES).map(|n| id(3, n)).collect();
                agent.seats.iter_mut().for_each(|seat| seat.available = true);
            });
        }
        let waits = |task: &Task| task.is_on_offer() || matches!(task.state, Life::Ringing | Life::Accepted);
        for _ in 0..1_000 {
            world.turn();
            if !world.tasks.values().any(waits) {
                return Ok(());
            }
            world.happens(&Event::Accepts(0));
            world.happens(&Event::Completes(0));
            world.happens(&Event::Passes(1));
        }
        prop_assert!(false, "{:?}", world.tasks.values().filter(|task| waits(task)).collect::<Vec<_>>());
    }
}

#[test]
fn an_offer_says_who_was_passed_over_and_why() {
    let mut world = World::new(Plan::built_in());
    for number in 0..3 {
        world.happens(&Event::Connects(number));
    }
    world.happens(&Event::Switches(2));
    world.happens(&Event::Arrives { channel: 0, source: 0, categories: 1, language: 0, priority: 0, timed: false });
    world.turn();
    let [outcome] = &world.told[..] else { panic!("{:?}", world.told) };
    let [Decision::Entered { .. }, Decision::Offered { agent_ids, considered, .. }] = &outcome.decisions[..] else {
        panic!("{:?}", outcome.decisions)
    };
    // Agent 0 has category 0; 1 has category 1 only; 2 has both and is away on channel 0; 3 may not reply; 4 and 5 are out.
    assert_eq!(agent_ids, &[agent_id(0)]);
    assert_eq!(considered.named, [(agent_id(1), Why::Category), (agent_id(2), Why::Away)]);
    assert_eq!(considered.counts.values().sum::<usize>(), 5);
    assert_eq!(considered.counts[&Why::NoRight], 1);
}

#[test]
fn a_step_that_nobody_could_answer_is_passed_over_and_the_end_is_undelivered() {
    let mut world = World::new(plans()[1].clone());
    // Nobody has had this customer, and nobody of the team has no category... so it goes to the team; then it rings out.
    world.happens(&Event::Arrives { channel: 0, source: 1, categories: 0, language: 0, priority: 0, timed: false });
    world.turn();
    let task = world.tasks.values().next().unwrap().clone();
    assert_eq!(task.step.as_deref(), Some("team"));
    for (seconds, step, state) in [(40, "all", Life::Waiting), (90, "all", Life::Undelivered)] {
        world.happens(&Event::Passes(seconds));
        world.turn();
        let task = world.tasks.values().next().unwrap();
        assert_eq!((task.step.as_deref(), task.state), (Some(step), state));
    }
}

/// A step that ends with the ringing: who let it ring has missed it, and the next step asks another.
#[test]
fn who_let_it_ring_to_the_end_of_a_step_is_not_asked_by_the_next_one() {
    let step = |name: &str, next| Step {
        name: name.into(),
        when: When::default(),
        agents: Who::default(),
        offer: Offer::One,
        ring_seconds: 30,
        for_seconds: Some(30),
        next,
    };
    let mut world =
        World::new(Plan { start: 0, steps: vec![step("one", Some(1)), step("two", None)], queues: Vec::new() });
    [0, 1].into_iter().for_each(|number| world.happens(&Event::Connects(number)));
    world.happens(&Event::Arrives { channel: 0, source: 0, categories: 0, language: 0, priority: 0, timed: false });
    world.turn();
    let first = world.tasks.values().next().unwrap().agent_ids.clone();
    world.happens(&Event::Passes(30));
    world.turn();
    let task = world.tasks.values().next().unwrap().clone();
    assert_eq!((task.step.as_deref(), task.state), (Some("two"), Life::Ringing));
    assert!(first.len() == 1 && task.agent_ids.len() == 1 && task.agent_ids != first);
    let decisions: Vec<&Decision> = world.told.iter().flat_map(|outcome| &outcome.decisions).collect();
    assert!(decisions.contains(&&Decision::Missed { agent_ids: first }), "{decisions:?}");
}

/// Clocks that were ahead: what is left of each time is as long as it was to last, and what is right is left alone.
#[test]
fn what_began_in_the_future_lasts_no_longer_than_it_was_to_last() {
    let now = Timestamp::from_micros(0).plus_seconds(1_000_000);
    let at = |seconds: i64| now.plus_seconds(seconds);
    let task = |state: Life, change: &dyn Fn(&mut Task)| {
        let mut task = Task { state, ..blank(id(6, 1), id(2, 0), id(3, 0), now) };
        change(&mut task);
        task
    };
    // An hour ahead it began to ring for 30 s, was accepted for 60 s, and completes 90 s after that.
    let ringing = |ahead: i64| {
        task(Life::Ringing, &|task| (task.locked_at, task.expires_at) = (Some(at(ahead)), Some(at(ahead + 30))))
    };
    let accepted = |ahead: i64| {
        task(Life::Accepted, &|task| {
            task.accepted_at = Some(at(ahead));
            (task.expires_at, task.completes_at) = (Some(at(ahead + 60)), Some(at(ahead + 90)));
        })
    };
    for (before, expires, completes) in [
        (ringing(3_600), Some(at(30)), None),
        (ringing(0), Some(at(30)), None),
        (ringing(-20), Some(at(10)), None),
        (accepted(3_600), Some(at(60)), Some(at(90))),
        (accepted(0), Some(at(60)), Some(at(90))),
        (accepted(-30), Some(at(30)), Some(at(60))),
    ] {
        let mut task = before.clone();
        task.forget_future(now);
        assert_eq!((task.expires_at, task.completes_at), (expires, completes), "{before:?}");
    }
    let mut waiting = task(Life::Waiting, &|task| {
        task.step_entered_at = at(3_600);
        (task.wishes, task.wishes_until) = (Some(Wishes::default()), Some(at(3_900)));
        task.asked = vec![(agent_id(1), at(3_660)), (agent_id(2), at(5)), (agent_id(3), at(-5))];
    });
    waiting.forget_future(now);
    assert_eq!((waiting.step_entered_at, waiting.wishes_until), (now, Some(at(TRANSFER_SECONDS))));
    assert_eq!(waiting.asked, [(agent_id(1), at(ASKED_SECONDS)), (agent_id(2), at(5)), (agent_id(3), at(-5))]);
}

#[test]
fn out_of_a_queue_that_there_is_no_more_a_task_begins_anew_with_its_age() {
    let mut world = World::new(plans()[1].clone());
    world.happens(&Event::Arrives { channel: 0, source: 1, categories: 0, language: 0, priority: 0, timed: false });
    world.turn();
    let task_id = *world.tasks.keys().next().unwrap();
    world.command(task_id, |task, now| {
        task.set_aside("triage", now);
        Ok::<(), Refusal>(())
    });
    let waited_since = world.tasks[&task_id].waiting_since;
    world.happens(&Event::Passes(100));
    world.turn();
    assert_eq!((world.tasks[&task_id].step.clone(), world.tasks[&task_id].is_on_offer()), (None, false));
    world.command(task_id, |task, now| {
        task.leave_queue(now);
        Ok::<(), Refusal>(())
    });
    let task = &world.tasks[&task_id];
    assert_eq!((&task.queue, task.step_entered_at, task.waiting_since), (&None, world.now, waited_since));
    world.turn();
    assert_eq!(world.tasks[&task_id].step.as_deref(), Some("team"));
}

/// A hundred steps in which nobody can answer are one decision, and so one entry of the trace.
#[test]
fn steps_that_are_passed_over_at_once_are_one_decision() {
    const STEPS: usize = 100;
    let step = |number: usize| Step {
        name: format!("step {number}"),
        when: When::default(),
        agents: Who { team_ids: vec![id(5, 9)], ..Who::default() },
        offer: Offer::One,
        ring_seconds: 10,
        for_seconds: Some(60),
        next: (number + 1 < STEPS).then_some(number + 1),
    };
    let mut world = World::new(Plan { start: 0, steps: (0..STEPS).map(step).collect(), queues: Vec::new() });
    world.happens(&Event::Connects(0));
    world.happens(&Event::Arrives { channel: 0, source: 0, categories: 0, language: 0, priority: 0, timed: false });
    world.turn();
    let [outcome] = &world.told[..] else { panic!("{:?}", world.told) };
    let [Decision::Entered { step: first }, Decision::NobodyCould { steps }, Decision::Undelivered] =
        &outcome.decisions[..]
    else {
        panic!("{:?}", outcome.decisions)
    };
    assert_eq!((first.as_str(), steps.len()), ("step 0", STEPS));
    let reasons: Vec<&Considered> = steps.iter().map(|(_, considered)| considered).collect();
    assert!(reasons.iter().all(|considered| considered.counts[&Why::Team] > 0), "each says why");
    assert!(!reasons[0].named.is_empty() && reasons[1].named.is_empty(), "the first one names some");
    // A step that somebody could answer in between ends the run.
    let mut steps: Vec<Step> = (0..5).map(step).collect();
    steps[2].agents = Who::default();
    steps[4].next = None;
    let mut world = World::new(Plan { start: 0, steps, queues: Vec::new() });
    world.happens(&Event::Arrives { channel: 0, source: 0, categories: 0, language: 0, priority: 0, timed: false });
    world.turn();
    world.happens(&Event::Passes(60));
    world.turn();
    let decisions: Vec<&Decision> = world.told.iter().flat_map(|outcome| &outcome.decisions).collect();
    let runs = decisions.iter().filter_map(|decision| match decision {
        Decision::NobodyCould { steps } => Some(steps.len()),
        _ => None,
    });
    assert_eq!(runs.collect::<Vec<_>>(), [2, 2], "{decisions:?}");
}
