//! The engine alone, in its own time: agents at several channels, categories, steps that end, more work than agents. New
//! tasks come in, agents who finish one become free, and each gets the most urgent that fits them.

use std::time::Instant;

use frontdesk_model::{Id, Timestamp};
use frontdesk_routing::engine::priority::{Missed, Urgency};
use frontdesk_routing::engine::{Agent, Change, Decision, Life, Offer, Plan, Seat, State, Step, Task, When, Who};

use super::Routing;
use crate::messages::Dice;
use crate::table::{Line, Sample};

pub(crate) const TASKS_PER_SECOND: usize = 200;
/// How often the engine takes a turn, in its own time.
const TURNS_PER_SECOND: usize = 20;
/// A decision costs at most so many milliseconds of one core.
const DECISION_MILLISECONDS_MAX: f64 = 1.0;
const CHANNELS: u64 = 4;
const SOURCES: u64 = 20;
const CATEGORIES: u64 = 40;
const TEAMS: u64 = 10;
const SOFT: i64 = 3;
const LANGUAGES: [&str; 5] = ["en", "fr", "de", "es", "it"];

/// Microseconds of a core.
struct Costs {
    /// Of each task that was offered, while new ones come in.
    decision: f64,
    /// Of building the index from rows.
    start: f64,
    /// Decisions in all, and offers among them.
    decisions: usize,
    offers: usize,
    /// How many waited at the end.
    waiting: usize,
}

pub(super) fn measure(settings: &Routing) -> Result<Vec<Line>, String> {
    let waiting = settings.waiting as usize;
    let sizes = [waiting / 4, waiting / 2, waiting, waiting * 2];
    let mut decisions: [Sample; 4] = Default::default();
    let mut starts: [Sample; 4] = Default::default();
    let mut counted = Vec::new();
    for _ in 0..settings.rounds {
        for (at, size) in sizes.iter().enumerate() {
            let costs = round(settings, *size)?;
            decisions[at].0.push(costs.decision);
            starts[at].0.push(costs.start);
            if at == 2 {
                counted.push(costs);
            }
        }
    }
    let mut lines = vec![Line::below(
        &format!("a decision with {waiting} waiting, of one core"),
        decisions[2].median() / 1e3,
        DECISION_MILLISECONDS_MAX,
        "ms",
    )];
    if let Some(costs) = counted.first() {
        let Costs { decisions, offers, waiting, .. } = costs;
        lines.push(Line::note(
            "  offers, all decisions, waiting in the end",
            String::new(),
            format!("{offers}, {decisions}, {waiting}"),
        ));
    }
    for (at, pair) in sizes.windows(2).enumerate() {
        let weight = |count: usize| count as f64 * (count as f64).ln();
        let most = weight(pair[1]) / weight(pair[0]);
        let what = format!("  a decision with {} waiting / with {}", pair[1], pair[0]);
        lines.push(Line::growth(&what, &decisions[at], &decisions[at + 1], Some((most * 100.0).round() / 100.0)));
    }
    lines.push(Line::note(
        &format!("  the index of {waiting} made from rows, of one core"),
        String::new(),
        format!("{:.0} ms", starts[2].median() / 1e3),
    ));
    Ok(lines)
}

fn id(family: u64, number: u64) -> Id {
    Id::from_parts(family, number)
}

fn plan() -> Plan {
    let step = |name: &str, agents: Who, for_seconds, next| Step {
        name: name.into(),
        when: When::default(),
        agents,
        offer: Offer::One,
        ring_seconds: 30,
        for_seconds,
        next,
    };
    let of_team = Who { team_ids: (0..TEAMS / 2).map(|team| id(5, team)).collect(), ..Who::default() };
    let skilled = Who { category_match: true, language_match: true, ..Who::default() };
    let all = Who { category_match: true, ..Who::default() };
    Plan {
        start: 0,
        steps: vec![
            step("last agent", Who { last_agent: true, ..Who::default() }, Some(20), Some(1)),
            step("team", Who { category_match: true, ..of_team }, Some(120), Some(2)),
            step("skilled", skilled, Some(600), Some(3)),
            step("all", all, None, None),
        ],
        queues: Vec::new(),
    }
}

fn agent(number: u64, dice: &mut Dice) -> Agent {
    let mut some = |of: u64, family: u64, count: u64| {
        let first = dice.below(of as usize) as u64;
        let mut ids: Vec<Id> = (0..count).map(|next| id(family, (first + next * 7) % of)).collect();
        ids.sort_unstable();
        ids.dedup();
        ids
    };
    let source_ids = some(SOURCES, 3, SOURCES / 2);
    let (category_ids, team_ids) = (some(CATEGORIES, 4, 6), some(TEAMS, 5, 1));
    let languages = vec!["en".to_owned(), LANGUAGES[dice.below(LANGUAGES.len())].to_owned()];
    let seats = (0..CHANNELS)
        .filter(|channel| (channel + number).is_multiple_of(2))
        .map(|channel| Seat { channel_id: id(2, channel), available: true, soft: SOFT, hard: SOFT + 2 })
        .collect();
    Agent {
        id: id(1, number),
        connected: true,
        source_ids,
        category_ids,
        team_ids,
        languages,
        idle_since: Timestamp::default(),
        seats,
    }
}

fn task(number: u64, agents: u64, dice: &mut Dice, now: Timestamp) -> Task {
    let source = dice.below(SOURCES as usize) as u64;
    let categories = if dice.below(10) < 8 { vec![id(4, dice.below(CATEGORIES as usize) as u64)] } else { Vec::new() };
    let is_timed = dice.below(2) == 0;
    let mut task = Task {
        content_id: id(7, number),
        thread_id: id(8, number),
        identity_id: id(9, number),
        category_ids: categories,
        language: Some(LANGUAGES[dice.below(LANGUAGES.len())].into()),
        last_agent_id: (dice.below(4) == 0).then(|| id(1, dice.below(agents as usize) as u64)),
        urgency: Urgency {
            default: dice.below(5) as i64,
            warns_at: is_timed.then(|| now.plus_seconds(480)),
            due_at: is_timed.then(|| now.plus_seconds(600)),
            missed: Missed::Max,
            ..Urgency::default()
        },
        ..Task::new(id(6, number), id(3, source), id(2, source % CHANNELS), now)
    };
    task.update_priority(now);
    task
}

/// Seconds that this thread has worked, however busy the machine is.
fn worked() -> Option<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(text.split_whitespace().next()?.parse::<f64>().ok()? / 1e9)
}

/// Measures what a piece of work takes, in seconds of a core.
fn timed<T>(spent: &mut f64, work: impl FnOnce() -> T) -> T {
    let (began, clock) = (worked(), Instant::now());
    let done = work();
    *spent += match (began, worked()) {
        (Some(began), Some(ended)) => ended - began,
        _ => clock.elapsed().as_secs_f64(),
    };
    done
}

fn round(settings: &Routing, waiting: usize) -> Result<Costs, String> {
    let mut dice = Dice::new(waiting as u64);
    let mut now = Timestamp::from_micros(1_000_000_000_000);
    let agents: Vec<Agent> = (0..settings.agents).map(|number| agent(number, &mut dice)).collect();
    // As many as all agents take, and those that wait behind them: they came in over the last ten minutes.
    let capacity = agents.iter().map(|agent| agent.seats.len() * SOFT as usize).sum::<usize>();
    let mut made = 0;
    let mut rows = Vec::new();
    for _ in 0..capacity + waiting {
        let age = dice.below(600) as i64;
        rows.push(task(made, settings.agents, &mut dice, now.plus_seconds(-age)));
        made += 1;
    }
    let mut start = 0.0;
    let mut state = timed(&mut start, || {
        let mut state = State::new(plan());
        agents.into_iter().for_each(|agent| state.apply(Change::Agent(Box::new(agent))));
        rows.into_iter().for_each(|task| state.apply(Change::Task(Box::new(task))));
        state
    });
    // Nobody hesitates: what rings is accepted.
    let mut taken = Vec::new();
    let take = |state: &mut State, outcomes: Vec<frontdesk_routing::engine::Outcome>, now, taken: &mut Vec<Id>| {
        let (mut offers, mut decisions) = (0, 0);
        for outcome in outcomes {
            decisions += outcome.decisions.len();
            if outcome.task.state != Life::Ringing {
                continue;
            }
            offers += outcome.decisions.iter().filter(|one| matches!(one, Decision::Offered { .. })).count();
            let mut task = outcome.task;
            let Some(agent_id) = task.agent_ids.first().copied() else { continue };
            task.give(agent_id, now, None);
            task.version += 1;
            taken.push(task.id);
            state.apply(Change::Task(Box::new(task)));
        }
        (offers, decisions)
    };
    let outcomes = state.turn(now);
    take(&mut state, outcomes, now, &mut taken);

    let (mut spent, mut offers, mut decisions) = (0.0, 0, 0);
    let each = TASKS_PER_SECOND / TURNS_PER_SECOND;
    for _ in 0..settings.seconds as usize * TURNS_PER_SECOND {
        now = Timestamp::from_micros(now.micros() + 1_000_000 / TURNS_PER_SECOND as i64);
        let new: Vec<Task> = (made..made + each as u64).map(|n| task(n, settings.agents, &mut dice, now)).collect();
        made += each as u64;
        let done: Vec<Id> = (0..each.min(taken.len())).map(|_| taken.swap_remove(dice.below(taken.len()))).collect();
        timed(&mut spent, || {
            done.into_iter().for_each(|id| state.apply(Change::NoTask(id)));
            new.into_iter().for_each(|task| state.apply(Change::Task(Box::new(task))));
            let outcomes = state.turn(now);
            let (offered, decided) = take(&mut state, outcomes, now, &mut taken);
            offers += offered;
            decisions += decided;
        });
    }
    let waiting = state.tasks().filter(|task| task.state == Life::Waiting).count();
    if offers == 0 {
        return Err("the engine offered nothing".into());
    }
    Ok(Costs { decision: spent * 1e6 / offers as f64, start: start * 1e6, decisions, offers, waiting })
}
