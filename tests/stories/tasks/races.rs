//! Many at once: one winner each, and no more than anybody may have.

use std::time::{Duration, Instant};

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Connection, Engine, Person, Request, eventually};
use serde_json::{Value, json};

use super::{Desk, connects, follow, path, workbin};

on_both_engines![of_all_who_accept_at_once_one_has_it, nobody_has_more_than_they_may_however_they_ask_at_once,];

fn of_all_who_accept_at_once_one_has_it(engine: Engine) {
    race(engine, 25, 80);
}

/// As many as the bar says. It takes minutes: `cargo test -p frontdesk-tests fifty_agents -- --ignored`.
#[test]
#[ignore = "takes minutes; the smaller race runs always"]
fn fifty_agents_accept_a_thousand_tasks_at_once() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        race(engine, 50, 1_000);
    }
}

/// Each of the agents accepts each of the tasks, which ring at all of them.
fn race(engine: Engine, agents: usize, tasks: usize) {
    let cast = Cast::start(engine, &[]);
    let desk = Desk::open(&cast, json!({ "soft_capability": 1_000, "hard_capability": 1_000 }));
    let all = json!({ "name": "all", "agents": { "everyone": true }, "offer": "all", "ring": 600 });
    follow(&cast, &json!({ "version": 1, "steps": [all] }));
    let role = json!({ "label": unique("Role "), "receive_tasks": true });
    let role = id(&cast.otto.post("/1.0/roles", &role).ok());
    let agents: Vec<Person> = (0..agents)
        .map(|_| {
            let agent = cast.hire_as(&role);
            desk.may_answer(&agent);
            connects(&agent);
            agent
        })
        .collect();
    for _ in 0..tasks {
        desk.source.says(&unique("vera"), &unique("thread-"), "Hello?");
    }
    let ringing = || {
        let mut found = Vec::new();
        for offset in (0..tasks).step_by(150) {
            let target = format!("/1.0/tasks?limit=150&offset={offset}&channel_id={}", desk.channel_id);
            let page = cast.otto.get(&target).ok();
            let rings = |task: &&Value| task["agent_ids"].as_array().is_some_and(|ids| ids.len() == agents.len());
            found.extend(records(&page).iter().filter(rings).map(id));
        }
        found.sort_unstable();
        found.dedup();
        found
    };
    // On a busy machine this may take longer than a silent agent is waited for.
    let (deadline, mut heard) = (Instant::now() + Duration::from_secs(300), Instant::now());
    let tasks = loop {
        let found = ringing();
        if found.len() == tasks {
            break found;
        }
        assert!(Instant::now() < deadline, "{} ring", found.len());
        if heard.elapsed() > Duration::from_secs(10) {
            agents.iter().for_each(|agent| drop(agent.post("/1.0/status/me/heartbeat", &json!({})).ok()));
            heard = Instant::now();
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    let won: Vec<Vec<usize>> = std::thread::scope(|scope| {
        let accepting = agents.iter().map(|agent| scope.spawn(|| accepts_all(agent, &tasks)));
        let accepting: Vec<_> = accepting.collect();
        accepting.into_iter().map(|agent| agent.join().expect("an agent")).collect()
    });
    let mut winners = vec![0; tasks.len()];
    won.iter().flatten().for_each(|task| winners[*task] += 1);
    assert!(winners.iter().all(|count| *count == 1), "not one winner each: {winners:?}");
    assert_eq!(cast.otto.get("/1.0/tasks?queue=workbins").ok()["count"], tasks.len());
    for (agent, own) in agents.iter().zip(&won) {
        let shown = cast.otto.get(&format!("/1.0/tasks?limit=0&queue={}", workbin(agent))).ok();
        assert_eq!(shown["count"], own.len(), "who was told that they have it has it");
    }
    assert!(desk.queue("global").is_empty());
    cast.server.look_through_the_log();
}

/// Which of the tasks an agent gets, who tries to accept all; of the others they hear that they are not offered to them.
fn accepts_all(agent: &Person, tasks: &[String]) -> Vec<usize> {
    let mut connection = Connection::open(agent.address()).unwrap();
    let mut post = |target: &str| {
        let request = Request::new("POST", target).json(&json!({})).token(&agent.token);
        connection.send(&request).unwrap()
    };
    let (mut won, mut heard) = (Vec::new(), Instant::now());
    for (number, task) in tasks.iter().enumerate() {
        if heard.elapsed() > Duration::from_secs(10) {
            post("/1.0/status/me/heartbeat").ok();
            heard = Instant::now();
        }
        let answer = post(&format!("/1.0/tasks/{task}/accept"));
        match answer.status {
            200 => won.push(number),
            status => assert_eq!(status, 409, "{}", answer.text()),
        }
    }
    won
}

fn nobody_has_more_than_they_may_however_they_ask_at_once(engine: Engine) {
    const ASKING: usize = 8;
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({ "soft_capability": 1, "hard_capability": 3 }));
    let ada = desk.agent();
    let ringing = desk.asked("vera");
    desk.rings_at(&ringing, &ada);
    for _ in 0..ASKING {
        desk.source.says(&unique("vera"), &unique("thread-"), "Hello?");
    }
    eventually("they wait", || (desk.queue("global").len() == ASKING + 1).then_some(()));
    let at_once = |targets: &[String]| -> Vec<u16> {
        std::thread::scope(|scope| {
            let asking = targets.iter().map(|target| scope.spawn(|| ada.post(target, &json!({})).status));
            let asking: Vec<_> = asking.collect();
            asking.into_iter().map(|answer| answer.join().expect("an answer")).collect()
        })
    };
    // What rings counts: two more are hers, and the same one is not hers twice.
    let mut targets = vec!["/1.0/tasks/request".to_owned(); ASKING];
    targets.extend([(); 3].map(|()| format!("{}/accept", path(&ringing))));
    let answers = at_once(&targets);
    let of = |answers: &[u16], status: u16| answers.iter().filter(|answer| **answer == status).count();
    let (requests, accepts) = answers.split_at(ASKING);
    assert_eq!((of(requests, 200), of(requests, 409)), (2, ASKING - 2), "{answers:?}");
    assert_eq!((of(accepts, 200), of(accepts, 409)), (1, 2), "{answers:?}");
    assert_eq!(desk.queue(&workbin(&ada)).len(), 3);
    // A supervisor cannot give her more either.
    let bo = desk.hires(&["monitor_tasks"]);
    let waiting = ids(&bo.get(&format!("/1.0/tasks?channel_id={}", desk.channel_id)).ok());
    for task in waiting.iter().take(2) {
        let give = json!({ "bypass": true, "agent_ids": [ada.user_id] });
        bo.post(&format!("/1.0/tasks/{task}/transfer"), &give).refused(409);
    }
    assert_eq!(desk.queue(&workbin(&ada)).len(), 3);
}
