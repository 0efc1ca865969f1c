//! Records made by hand, and what another topology makes of them.

use frontdesk_model::{Id, Timestamp};

use super::*;
use crate::engine::{Offer, Seat, Step, When, Who};

pub(super) fn id(family: u64, number: u64) -> Id {
    Id::from_parts(family, number)
}

pub(super) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_micros(1_000_000_000_000).plus_seconds(seconds)
}

fn agent(number: u64) -> Agent {
    let seat = Seat { channel_id: id(2, 0), available: true, soft: 1, hard: 1 };
    Agent {
        id: id(1, number),
        connected: true,
        source_ids: vec![id(3, 0)],
        team_ids: vec![id(5, number)],
        idle_since: at(0),
        seats: vec![seat],
        ..Agent::default()
    }
}

pub(super) fn recorded(
    number: u64,
    seconds: i64,
    handling: Option<i64>,
    waited: Option<i64>,
    by: Option<u64>,
) -> Recorded {
    let task = Task {
        content_id: id(7, number),
        thread_id: id(8, number),
        identity_id: id(9, number),
        ..Task::new(id(6, number), id(3, 0), id(2, 0), at(seconds))
    };
    let agent_id = by.map(|number| id(1, number));
    Recorded {
        task,
        handling_seconds: handling,
        waited_seconds: waited,
        agent_id,
        undelivered: false,
        refusals: Vec::new(),
        transfers: Vec::new(),
        boost: 0,
    }
}

/// Four customers at once and two agents who each take one at a time, for 60 seconds.
fn traffic() -> Traffic {
    Traffic {
        since: at(0),
        until: at(1_000),
        agents: vec![agent(0), agent(1)],
        presences: Vec::new(),
        tasks: (0..4).map(|number| recorded(number, 0, Some(60), Some(10), Some(number % 2))).collect(),
    }
}

/// Only one team answers.
fn team(number: u64, for_seconds: Option<i64>) -> Plan {
    let step = Step {
        name: "team".into(),
        when: When::default(),
        agents: Who { team_ids: vec![id(5, number)], ..Who::default() },
        offer: Offer::One,
        ring_seconds: 30,
        for_seconds,
        next: None,
    };
    Plan { start: 0, steps: vec![step], queues: Vec::new() }
}

fn presence(seconds: i64, number: u64, connected: bool) -> Presence {
    let channel_ids = if connected { vec![id(2, 0)] } else { Vec::new() };
    Presence { at: at(seconds), agent_id: id(1, number), connected, channel_ids }
}

#[test]
fn what_another_topology_makes_of_a_record() {
    let traffic = traffic();
    // Two by two: after 5 s, and after 60 s more and another 5.
    let both = rehearse(&Plan::built_in(), &traffic);
    let waits = |p50, p90, p99, longest| (Some(p50), Some(p90), Some(p99), Some(longest));
    let shown = |figures: &Figures| (figures.wait_p50, figures.wait_p90, figures.wait_p99, figures.wait_longest);
    assert_eq!((both.happened.accepted, shown(&both.happened)), (4, waits(10, 10, 10, 10)));
    assert_eq!((both.rehearsed.accepted, shown(&both.rehearsed)), (4, waits(5, 70, 70, 70)));
    assert_eq!(both.by_others, 0);
    let loads: Vec<_> = both.agents.iter().map(|load| (load.rehearsed_tasks, load.rehearsed_seconds)).collect();
    assert_eq!(loads, [(2, 120), (2, 120)]);

    // One does all: every 65 s.
    let one = rehearse(&team(1, None), &traffic);
    assert_eq!(shown(&one.rehearsed), waits(70, 200, 200, 200));
    assert_eq!(one.by_others, 2);
    let loads: Vec<_> = one.agents.iter().map(|load| (load.happened_tasks, load.rehearsed_tasks)).collect();
    assert_eq!(loads, [(2, 0), (2, 4)]);

    // Nobody waits in the step for longer than 90 s.
    let strict = rehearse(&team(1, Some(90)), &traffic).rehearsed;
    assert_eq!((strict.accepted, strict.undelivered, strict.waiting), (2, 2, 0));

    // Nobody could answer: nobody waits either.
    let nobody = rehearse(&team(7, None), &traffic).rehearsed;
    assert_eq!((nobody.accepted, nobody.undelivered, nobody.wait_p50), (0, 4, None));
}

#[test]
fn who_comes_and_goes_is_in_the_record() {
    let mut traffic = traffic();
    traffic.tasks.truncate(1);
    for agent in &mut traffic.agents {
        agent.connected = false;
    }
    let waiting = rehearse(&Plan::built_in(), &traffic).rehearsed;
    assert_eq!((waiting.accepted, waiting.waiting), (0, 1));
    // One comes, begins, and leaves; the other takes it over and finishes.
    traffic.presences = vec![presence(100, 0, true), presence(120, 0, false), presence(150, 1, true)];
    let handed = rehearse(&Plan::built_in(), &traffic);
    assert_eq!((handed.rehearsed.accepted, handed.rehearsed.wait_p50), (1, Some(105)));
    let loads: Vec<_> = handed.agents.iter().map(|load| load.rehearsed_seconds).collect();
    assert_eq!(loads, [15, 60]);
    // Who has an end of the ringing with nobody there rings at the next one.
    traffic.presences = vec![presence(100, 0, true), presence(102, 0, false), presence(150, 1, true)];
    let missed = rehearse(&Plan::built_in(), &traffic).rehearsed;
    assert_eq!((missed.accepted, missed.wait_p50), (1, Some(155)));
}

#[test]
fn the_same_record_gives_the_same_report() {
    let mut traffic = traffic();
    traffic.tasks = (0..200)
        .map(|number| {
            let (comes, takes) =
                (i64::try_from(number * 7 % 90).unwrap(), i64::try_from(number * 31 % 40 + 1).unwrap());
            recorded(number, comes, (!number.is_multiple_of(5)).then_some(takes), None, None)
        })
        .collect();
    traffic.presences = (0..50).map(|number| presence(number * 13, number as u64 % 2, number % 3 != 0)).collect();
    let first = rehearse(&Plan::built_in(), &traffic);
    assert_eq!(first, rehearse(&Plan::built_in(), &traffic));
    assert_eq!(first.to_string(), rehearse(&Plan::built_in(), &traffic).to_string());
    assert!(first.rehearsed.accepted > 10 && first.rehearsed.waiting > 10, "{first}");
    assert!(first.to_string().contains("accepted by somebody else: 0"), "{first}");
}

#[test]
fn who_did_not_want_it_does_not_want_it_again() {
    let mut traffic = traffic();
    traffic.tasks.truncate(1);
    let refused = |said| Refusal { agent_id: id(1, 0), said };
    let became = |refusals: Vec<Refusal>, traffic: &Traffic, plan: &Plan| {
        let mut traffic = traffic.clone();
        traffic.tasks[0].refusals = refusals;
        let report = rehearse(plan, &traffic);
        let who: Vec<_> =
            report.agents.iter().filter(|load| load.rehearsed_tasks > 0).map(|load| load.user_id).collect();
        (report.rehearsed.wait_p50, who)
    };
    let one = Plan::built_in();
    assert_eq!(became(vec![], &traffic, &one), (Some(5), vec![id(1, 0)]));
    // They say so after five seconds, and the other accepts after five more.
    assert_eq!(became(vec![refused(true)], &traffic, &one), (Some(10), vec![id(1, 1)]));
    // They let it ring for its thirty seconds.
    assert_eq!(became(vec![refused(false)], &traffic, &one), (Some(35), vec![id(1, 1)]));
    // What rings at all is answered by the next one.
    let mut all = Plan::built_in();
    all.steps[0].offer = Offer::All;
    for said in [true, false] {
        assert_eq!(became(vec![refused(said)], &traffic, &all), (Some(10), vec![id(1, 1)]));
    }
    // Once: a minute later they are asked again, and take it.
    traffic.agents.truncate(1);
    assert_eq!(became(vec![refused(true)], &traffic, &one), (Some(70), vec![id(1, 0)]));
}

#[test]
fn what_was_handed_on_is_handed_on_again() {
    let mut traffic = traffic();
    traffic.tasks.truncate(1);
    traffic.agents[1].source_ids = Vec::new();
    traffic.agents.push(agent(2));
    let [ada, cleo] = [id(1, 0), id(1, 2)];
    let to = |after_seconds, from_workbin, bypass| {
        let wishes = Wishes { agent_ids: vec![cleo], ..Wishes::default() };
        vec![Transfer { from_workbin, after_seconds, wishes, bypass }]
    };
    let became = |transfers: Vec<Transfer>, traffic: &Traffic, plan: &Plan| {
        let mut traffic = traffic.clone();
        traffic.tasks[0].transfers = transfers;
        let report = rehearse(plan, &traffic);
        let seconds: Vec<_> = report.agents.iter().map(|load| (load.user_id, load.rehearsed_seconds)).collect();
        (report.rehearsed.wait_p50, seconds.into_iter().filter(|(_, seconds)| *seconds > 0).collect::<Vec<_>>())
    };
    let only = |number| team(number, None);
    // Accepted after 5 s, handed on after 40 more; it rings at the other for 5 s, who takes a minute.
    assert_eq!(became(to(40, true, false), &traffic, &only(0)), (Some(5), vec![(ada, 40), (cleo, 60)]));
    assert_eq!(became(to(40, true, true), &traffic, &only(0)), (Some(5), vec![(ada, 40), (cleo, 60)]));
    // Out of the queue, where nobody of the step is there.
    traffic.agents[0].connected = false;
    assert_eq!(became(to(100, false, false), &traffic, &only(0)), (Some(105), vec![(cleo, 60)]));
    assert_eq!(became(to(100, false, true), &traffic, &only(0)), (Some(100), vec![(cleo, 60)]));
    // And out of the undelivered queue, where nobody could answer.
    assert_eq!(became(to(100, false, false), &traffic, &only(7)), (Some(105), vec![(cleo, 60)]));
    // Under a plan where they have it already, nothing is to be handed on.
    assert_eq!(became(to(100, false, false), &traffic, &only(2)), (Some(5), vec![(cleo, 60)]));
}
