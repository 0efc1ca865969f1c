//! What happens to tasks when something else changes: rights, sources, channels, topologies; and who is told of it.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::id;
use frontdesk_tests::{Cast, Connection, Engine, FakeChannel, Person, Request, Stream, Transport, eventually};
use serde_json::{Value, json};

use super::{AGENT, Desk, connects, follow, path, workbin};

on_both_engines![
    who_sees_a_task_is_told_of_it_and_nobody_else,
    who_is_late_is_told_and_who_sees_their_tasks,
    who_may_not_answer_any_more_gives_back_what_they_hold,
    what_leaves_a_workbin_goes_where_its_source_is,
    tasks_of_a_special_queue_that_goes_start_anew,
    a_late_closing_ends_no_task_that_was_resumed,
];

/// Somebody's stream of tasks and of what customers write, once it is open.
fn listens(person: &Person) -> Stream {
    let mut stream = person.stream(Transport::Events, "types[]=task.*&types[]=content.imported");
    stream.heartbeat();
    stream
}

/// The names of a task's events that a stream tells before a customer's next message.
fn told_before(stream: &mut Stream, text: &str, task: &Value) -> Vec<String> {
    let mut names = Vec::new();
    loop {
        let message = stream.event();
        assert!(!message.to_string().contains("concerned"), "{message}");
        if message["resource"]["metadata"]["body"] == text {
            return names;
        }
        if message["resource"]["id"] == task["id"] {
            names.push(message["type"].as_str().unwrap().to_owned());
        }
    }
}

fn who_sees_a_task_is_told_of_it_and_nobody_else(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let ada = desk.agent();
    let bo = desk.hires(AGENT);
    let (lead, monitor) = (desk.hires(&["monitor_team_tasks"]), desk.hires(&["monitor_tasks"]));
    let other_lead = desk.hires(&["monitor_team_tasks"]);
    for (leader, member) in [(&lead, &ada), (&other_lead, &bo)] {
        let team = json!({ "name": unique("Team "), "leader_ids": [leader.user_id], "user_ids": [member.user_id] });
        cast.otto.post("/1.0/teams", &team).ok();
    }
    let hooks: Vec<FakeChannel> = [&ada, &bo]
        .into_iter()
        .map(|owner| {
            let receiver = FakeChannel::start();
            let wanted = json!({
                "url": receiver.hook_url(), "registered_events": ["task.assigned", "task.taken", "content.imported"],
            });
            let webhook = format!("/1.0/webhooks/{}", id(&owner.post("/1.0/webhooks", &wanted).ok()));
            eventually("the webhook works", || (owner.get(&webhook).ok()["webhook_status"] == "enabled").then_some(()));
            receiver
        })
        .collect();
    let mut streams = [&ada, &lead, &monitor, &bo, &other_lead].map(listens);

    let task = desk.accepted_by(&ada);
    desk.writes_again(&task, "Still there?");
    let told = streams.each_mut().map(|stream| told_before(stream, "Still there?", &task));
    let [ada_heard, lead_heard, monitor_heard, bo_heard, other_lead_heard] = told;
    assert_eq!(ada_heard, ["task.assigned", "task.taken"]);
    assert_eq!(lead_heard, ada_heard);
    assert_eq!(monitor_heard, ["task.created", "task.assigned", "task.taken"]);
    assert_eq!((bo_heard, other_lead_heard), (Vec::new(), Vec::new()), "it is none of theirs");

    let of_hook = |hook: &FakeChannel| {
        let last = |event: &Value| event["resource"]["metadata"]["body"] == "Still there?";
        let events = eventually("the program hears the customer", || {
            Some(hook.events()).filter(|events| events.iter().any(last))
        });
        let of_task = events.iter().filter(|event| event["resource"]["id"] == task["id"]);
        assert!(events.iter().all(|event| !event.to_string().contains("concerned")));
        of_task.map(|event| event["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(of_hook(&hooks[0]), ["task.assigned", "task.taken"]);
    assert_eq!(of_hook(&hooks[1]), [""; 0]);
    // Whose it was is told that it goes.
    ada.post(&format!("{}/release", path(&task)), &json!({})).ok();
    assert_eq!(streams[0].event_named("task.enqueued")["resource"]["id"], task["id"]);
}

fn who_is_late_is_told_and_who_sees_their_tasks(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({ "agent_sla": 1 }));
    let ada = desk.agent();
    let (bo, monitor) = (desk.hires(AGENT), desk.hires(&["monitor_tasks"]));
    let mut streams = [&ada, &monitor, &bo].map(|person| {
        let mut stream = person.stream(Transport::Events, "types[]=service_level.*&types[]=content.imported");
        stream.heartbeat();
        stream
    });
    let task = desk.accepted_by(&ada);
    let [ada_hears, monitor_hears, bo_hears] = &mut streams;
    for stream in [ada_hears, monitor_hears] {
        let told = stream.event_named("service_level.expired");
        let told = &told["resource"]["metadata"];
        assert_eq!((&told["target"], &told["user_id"]), (&json!("agent"), &json!(ada.user_id)));
        assert_eq!(told["task_id"], task["id"]);
    }
    desk.writes_again(&task, "Still there?");
    loop {
        let message = bo_hears.event();
        assert_eq!(message["type"], "content.imported", "what she is late with is none of his business: {message}");
        if message["resource"]["metadata"]["body"] == "Still there?" {
            break;
        }
    }
}

fn who_may_not_answer_any_more_gives_back_what_they_hold(engine: Engine) {
    let cast = Cast::shared(engine);
    let (desk, elsewhere) = (Desk::open(&cast, json!({})), Desk::open(&cast, json!({})));
    let (ada, bo) = (desk.hires(AGENT), desk.hires(AGENT));
    let rights = |person: &Person, here: &str, there: &str| {
        let rights = json!({ &desk.source.id: here, &elsewhere.source.id: there });
        cast.otto.put(&format!("/1.0/users/{}/sources_permissions", person.user_id), &rights).ok();
    };
    rights(&ada, "read,reply", "read,reply");
    connects(&ada);
    let (here, there) = (desk.accepted_by(&ada), elsewhere.accepted_by(&ada));
    let ringing = desk.asked("vera");
    desk.rings_at(&ringing, &ada);

    // She may read here, but not answer any more.
    rights(&ada, "read", "read,reply");
    for task in [&here, &ringing] {
        eventually("it is given back", || (desk.task(task)["agent_ids"] == json!([])).then_some(()));
    }
    assert!(desk.events(&here).contains(&"task.expired_from_workbin".to_owned()));
    assert_eq!(elsewhere.queue(&workbin(&ada)).len(), 1, "where she may, it stays hers");

    connects(&bo);
    for task in [&here, &ringing] {
        desk.rings_at(task, &bo);
        bo.post(&format!("{}/accept", path(task)), &json!({})).ok();
    }
    let role = |person: &Person| {
        let user = cast.otto.get(&format!("/1.0/users/{}", person.user_id)).ok();
        format!("/1.0/roles/{}", user["role_id"].as_str().unwrap())
    };
    // Another name of a role takes nothing from anybody; without the right to tasks all is given back.
    cast.otto.put(&role(&bo), &json!({ "label": unique("Renamed ") })).ok();
    cast.otto.put(&role(&ada), &json!({ "receive_tasks": false })).ok();
    elsewhere.is_in(&there, "global");
    assert_eq!(desk.queue(&workbin(&bo)).len(), 2, "whose rights are as they were keeps theirs");
}

fn what_leaves_a_workbin_goes_where_its_source_is(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({ "soft_capability": 4, "hard_capability": 4 }));
    let ada = desk.agent();
    let [moved, aside, ended, ended_aside] = [(); 4].map(|()| desk.accepted_by(&ada));
    let other = json!({ "name": unique("Other "), "source_ids": [desk.source.id] });
    let other = id(&cast.otto.post("/1.0/channels", &other).ok());
    assert_eq!(desk.queue(&workbin(&ada)).len(), 4, "what is in a workbin stays there");
    ada.post("/1.0/status/me/heartbeat", &json!({})).ok();
    let released = ada.post(&format!("{}/release", path(&moved)), &json!({})).ok();
    assert_eq!((&released["channel_id"], &released["agent_ids"]), (&json!(other), &json!([])));
    let undelivered =
        |task: &Value| cast.otto.post(&format!("{}/move", path(task)), &json!({ "queue": "undelivered" })).ok();
    assert_eq!(undelivered(&aside)["channel_id"], json!(other), "also where nobody is asked");
    assert_eq!(desk.trace(&aside)["state"], "undelivered");
    let bo = desk.agent();
    desk.rings_at(&moved, &bo);

    // Where nothing is routed any more, there is nobody to give it back to.
    let none = json!({ "source_ids": [] });
    cast.otto.put(&format!("/1.0/channels/{other}"), &none).ok();
    let released = ada.post(&format!("{}/release", path(&ended)), &json!({})).ok();
    assert!(!released["completed_at"].is_null(), "{released}");
    assert_eq!(desk.trace(&ended)["state"], "destroyed");
    undelivered(&ended_aside);
    for task in [&ended, &ended_aside] {
        assert_eq!(desk.events(task).last().unwrap(), "task.destroyed");
    }
    // So ends what rang, of which there is no queue any more either.
    eventually("it is destroyed", || (desk.events(&moved).last().unwrap() == "task.destroyed").then_some(()));
}

fn tasks_of_a_special_queue_that_goes_start_anew(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let desk = Desk::open(&cast, json!({}));
    let ada = desk.hires(AGENT);
    let plan = |queue: &str| {
        json!({
            "version": 1, "steps": [{ "name": "all", "agents": { "everyone": true } }], "queues": [{ "name": queue }],
        })
    };
    follow(&cast, &plan("triage"));
    let tasks = [desk.asked("vera"), desk.asked("valerie")];
    for task in &tasks {
        cast.otto.post(&format!("{}/move", path(task)), &json!({ "queue": "triage" })).ok();
    }
    assert_eq!(desk.queue("triage").len(), 2);
    // A topology that has the queue as well keeps them there.
    follow(&cast, &plan("triage"));
    std::thread::sleep(std::time::Duration::from_millis(300));
    assert_eq!(desk.queue("triage").len(), 2);
    follow(&cast, &plan("hospital"));
    for task in &tasks {
        let task = desk.is_in(task, "global");
        eventually("it begins anew", || (desk.task(&task)["step"] == "all").then_some(()));
        let whats = desk.trace(&task);
        let entries = whats["entries"].as_array().unwrap();
        assert!(entries.iter().any(|entry| entry["action"] == "queue_gone"), "{whats}");
    }
    connects(&ada);
    desk.rings_at(&tasks[0], &ada);
    cast.server.look_through_the_log();
}

/// Completing and resuming so close together that routing hears of the closing after both.
fn a_late_closing_ends_no_task_that_was_resumed(engine: Engine) {
    const ROUNDS: usize = 12;
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let ada = desk.agent();
    let task = desk.accepted_by(&ada);
    ada.reply(task["content_id"].as_str().unwrap(), "Done.");
    eventually("the task knows its intervention", || (!desk.task(&task)["intervention_id"].is_null()).then_some(()));
    let mut connection = Connection::open(ada.address()).unwrap();
    for round in 0..ROUNDS {
        for verb in ["complete", "resume"] {
            let request = Request::new("POST", &format!("{}/{verb}", path(&task)));
            let answer = connection.send(&request.json(&json!({})).token(&ada.token)).unwrap();
            assert_eq!(answer.status, 200, "{verb} of round {round}: {}", answer.text());
        }
    }
    // What comes later in the log shows that all of that has been followed.
    desk.asked("somebody");
    assert_eq!(desk.queue(&workbin(&ada)).len(), 1, "{:?}", desk.events(&task));
    assert_eq!(desk.task(&task)["completed_at"], Value::Null);
}
