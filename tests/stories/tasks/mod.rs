//! Work finds the right agent: what customers write rings at who fits, is accepted, done, handed on or given back, and
//! nothing is lost on the way.

mod changes;
mod history;
mod nodes;
mod races;
mod steps;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_message_finds_an_agent_and_is_done_when_the_case_closes,
    whoever_refuses_is_passed_over,
    what_nobody_takes_goes_from_step_to_step_and_is_undelivered,
    an_agent_who_leaves_gives_work_back,
    an_abandoned_task_is_taken_back_and_an_answered_one_completes_by_itself,
    supervisors_hand_tasks_on,
    other_categories_are_other_agents,
    a_bot_keeps_a_task_from_ringing_until_it_hands_over,
    a_bot_looks_who_is_there_and_recategorises,
    who_waits_takes_a_slot,
    what_is_ignored_deferred_or_reopened,
    more_on_request_up_to_the_hard_limit,
    an_agent_releases_and_resumes,
    whose_task_it_was_goes_on_with_it_without_the_button,
    who_sees_and_touches_which_tasks,
    what_cannot_be_is_refused_and_changes_nothing,
    sources_of_no_channel_and_accounts_without_push_make_no_tasks,
    whenever_it_is_killed_every_task_is_where_it_was_or_in_its_queue,
];

/// What an agent's role allows.
const AGENT: &[&str] = &["receive_tasks", "update_own_intervention"];

/// A source in a channel of its own.
struct Desk<'c> {
    cast: &'c Cast,
    source: Source,
    channel: FakeChannel,
    channel_id: String,
}

impl<'c> Desk<'c> {
    fn open(cast: &'c Cast, limits: Value) -> Desk<'c> {
        let (source, channel) = cast.new_source();
        let mut group = json!({ "name": unique("Group "), "source_ids": [source.id] });
        for (name, value) in limits.as_object().unwrap() {
            group[name] = value.clone();
        }
        let channel_id = id(&cast.otto.post("/1.0/channels", &group).ok());
        Desk { cast, source, channel, channel_id }
    }

    /// Somebody new who may answer here, and is not at work yet.
    fn hires(&self, permissions: &[&str]) -> Person {
        let person = self.cast.hire(permissions);
        self.may_answer(&person);
        person
    }

    fn may_answer(&self, person: &Person) {
        let rights = json!({ &self.source.id: "read,reply" });
        self.cast.otto.put(&format!("/1.0/users/{}/sources_permissions", person.user_id), &rights).ok();
    }

    /// Somebody new who is at work.
    fn agent(&self) -> Person {
        let agent = self.hires(AGENT);
        connects(&agent);
        agent
    }

    /// A customer writes; the task, once there is one.
    fn asked(&self, customer: &str) -> Value {
        let thread = unique("thread-");
        self.source.says(customer, &thread, "Hello?");
        let content = id(&self.source.contents(&self.cast.otto, &thread)[0]);
        eventually("a task", || self.queue("global").into_iter().find(|task| task["content_id"] == content.as_str()))
    }

    /// The customer of a task writes again, in the same thread.
    fn writes_again(&self, task: &Value, text: &str) {
        let of = |path: &str, id: &Value| self.cast.otto.get(&format!("/1.0/{path}/{}", id.as_str().unwrap())).ok();
        let content = of("contents", &task["content_id"]);
        let (thread, author) = (of("content_threads", &task["thread_id"]), of("identities", &content["author_id"]));
        let foreign_id = |object: &Value| object["foreign_id"].as_str().unwrap().to_owned();
        self.source.says(&foreign_id(&author), &foreign_id(&thread), text);
    }

    fn queue(&self, name: &str) -> Vec<Value> {
        let target = format!("/1.0/tasks?limit=150&queue={name}&channel_id={}", self.channel_id);
        records(&self.cast.otto.get(&target).ok()).to_vec()
    }

    fn task(&self, task: &Value) -> Value {
        self.cast.otto.get(&path(task)).ok()
    }

    fn trace(&self, task: &Value) -> Value {
        self.cast.otto.get(&format!("{}/trace", path(task))).ok()
    }

    /// Waits until a task is in a queue.
    #[track_caller]
    fn is_in(&self, task: &Value, queue: &str) -> Value {
        eventually(&format!("{} in {queue}", id(task)), || {
            self.queue(queue).into_iter().find(|other| other["id"] == task["id"])
        })
    }

    /// Waits until a task rings at somebody.
    #[track_caller]
    fn rings_at(&self, task: &Value, agent: &Person) -> Value {
        eventually("it rings", || {
            let task = self.task(task);
            (task["agent_ids"] == json!([agent.user_id]) && !task["locked_at"].is_null()).then_some(task)
        })
    }

    /// An agent has a new customer.
    fn accepted_by(&self, agent: &Person) -> Value {
        let task = self.asked(&unique("vera"));
        self.rings_at(&task, agent);
        agent.post(&format!("{}/accept", path(&task)), &json!({})).ok()
    }

    fn whats(&self, task: &Value) -> Vec<String> {
        let trace = self.trace(task);
        trace["entries"].as_array().unwrap().iter().map(|entry| entry["what"].as_str().unwrap().to_owned()).collect()
    }

    /// The journal's names of what happened to a task, oldest first.
    fn events(&self, task: &Value) -> Vec<String> {
        let q = encode(&format!("content_thread:{}", task["thread_id"].as_str().unwrap()));
        let found = self.cast.otto.get(&format!("/1.0/events?limit=150&q={q}")).ok();
        let names = records(&found).iter().map(|event| event["name"].as_str().unwrap().to_owned());
        let mut names: Vec<String> = names.filter(|name| name.starts_with("task.")).collect();
        names.reverse();
        names
    }
}

fn path(task: &Value) -> String {
    format!("/1.0/tasks/{}", id(task))
}

fn connects(agent: &Person) {
    agent.post("/1.0/status/me/connect", &json!({})).ok();
}

fn workbin(agent: &Person) -> String {
    format!("workbin_{}", agent.user_id)
}

fn a_message_finds_an_agent_and_is_done_when_the_case_closes(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let ada = desk.hires(AGENT);
    let task = desk.asked("vera");
    assert_eq!(
        (&task["agent_ids"], &task["locked_at"], &task["accepted_at"]),
        (&json!([]), &Value::Null, &Value::Null)
    );
    eventually("it waits in a step", || (desk.task(&task)["step"] == "everyone").then_some(()));
    let now = &desk.trace(&task)["now"];
    // She, and the administrator.
    assert_eq!(now["counts"]["disconnected"], 2, "{now}");

    connects(&ada);
    let ringing = desk.rings_at(&task, &ada);
    assert!(!ringing["expire_at"].is_null());
    let taken = ada.post(&format!("{}/accept", path(&task)), &json!({})).ok();
    assert_eq!((&taken["agent_ids"], &taken["locked_at"]), (&json!([ada.user_id]), &Value::Null));
    assert!(!taken["accepted_at"].is_null());
    assert_eq!(ids(&ada.get(&format!("/1.0/tasks?queue={}", workbin(&ada))).ok()), [id(&task)]);
    assert_eq!(desk.queue("workbins").len(), 1);
    assert!(desk.queue("global").is_empty());
    let status = ada.get(&format!("/1.0/status/{}", ada.user_id)).ok();
    let on_channel = status["channels"].as_array().unwrap().iter().find(|one| one["id"] == desk.channel_id.as_str());
    assert_eq!(on_channel.unwrap()["busyness"], "ok", "{status}");

    let reply = ada.reply(task["content_id"].as_str().unwrap(), "We are here.");
    desk.channel.push_of("We are here.");
    let intervention = reply["intervention_id"].as_str().unwrap().to_owned();
    eventually("the task knows its intervention", || {
        (desk.task(&task)["intervention_id"] == intervention.as_str()).then_some(())
    });
    ada.put(&format!("/1.0/interventions/{intervention}/close"), &json!({})).ok();
    let done = desk.is_in(&task, "history");
    assert!(!done["completed_at"].is_null());
    assert_eq!(done["agent_ids"], json!([ada.user_id]));
    assert_eq!(desk.whats(&task), ["created", "entered", "offered", "accepted", "completed"]);
    assert_eq!(desk.events(&task), ["task.created", "task.assigned", "task.taken", "task.completed"]);
    let q = encode(&format!("content_thread:{} name_in:task.taken", task["thread_id"].as_str().unwrap()));
    let taken = cast.otto.get(&format!("/1.0/events?q={q}")).ok();
    assert_eq!(records(&taken)[0]["extra_infos"]["task_id"], task["id"]);

    // What completing does by itself.
    let other = desk.accepted_by(&ada);
    let completing = format!("{}/complete", path(&other));
    ada.reply(other["content_id"].as_str().unwrap(), "And here.");
    eventually("it can be completed", || (ada.post(&completing, &json!({})).status == 200).then_some(()));
    let other = desk.task(&other);
    let intervention =
        cast.otto.get(&format!("/1.0/interventions/{}", other["intervention_id"].as_str().unwrap())).ok();
    assert_eq!(intervention["closed"], true);
    ada.post(&completing, &json!({})).refused(409);
}

fn whoever_refuses_is_passed_over(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let (ada, bo) = (desk.agent(), desk.hires(AGENT));
    let task = desk.asked("vera");
    desk.rings_at(&task, &ada);
    bo.post(&format!("{}/refuse", path(&task)), &json!({})).refused(409);
    ada.post(&format!("{}/refuse", path(&task)), &json!({})).ok();
    ada.post(&format!("{}/refuse", path(&task)), &json!({})).refused(409);
    ada.post(&format!("{}/accept", path(&task)), &json!({})).refused(409);
    connects(&bo);
    desk.rings_at(&task, &bo);
    let offered = desk.trace(&task)["entries"].as_array().unwrap().last().unwrap().clone();
    assert_eq!(offered["passed_over"]["agents"], json!([{ "agent_id": ada.user_id, "reason": "asked_before" }]));
    bo.post(&format!("{}/accept", path(&task)), &json!({})).ok();
    ada.post(&format!("{}/accept", path(&task)), &json!({})).refused(409);
    bo.post(&format!("{}/accept", path(&task)), &json!({})).refused(409);
    assert_eq!(desk.task(&task)["agent_ids"], json!([bo.user_id]));
}

/// Makes a topology the active one.
fn follow(cast: &Cast, config: &Value) {
    let topology = json!({ "name": unique("Topology "), "json_config": config.to_string() });
    let topology = cast.otto.post("/1.0/topologies", &topology).ok();
    cast.otto.put(&format!("/1.0/topologies/{}/activate", id(&topology)), &json!({})).ok();
}

fn what_nobody_takes_goes_from_step_to_step_and_is_undelivered(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let desk = Desk::open(&cast, json!({}));
    let (ada, bo, carl) = (desk.agent(), desk.agent(), desk.hires(AGENT));
    follow(
        &cast,
        &json!({
            "version": 1, "start": "carl",
            "steps": [
                { "name": "carl", "agents": { "agent_ids": [carl.user_id] }, "for": "1h", "next": "first" },
                { "name": "first", "agents": { "agent_ids": [ada.user_id] }, "ring": 5, "for": 8, "next": "second" },
                { "name": "second", "agents": { "agent_ids": [bo.user_id] }, "for": 2 },
            ],
            "queues": [{ "name": "triage" }],
        }),
    );
    // Nobody is left whom the first step is for.
    cast.otto.put(&format!("/1.0/users/{}", carl.user_id), &json!({ "enabled": false })).ok();
    let task = desk.asked("vera");
    eventually("it rings at the first", || desk.whats(&task).contains(&"offered".to_owned()).then_some(()));
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while desk.queue("undelivered").is_empty() {
        assert!(std::time::Instant::now() < deadline, "{:?}", desk.whats(&task));
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let task = desk.is_in(&task, "undelivered");
    assert_eq!((&task["agent_ids"], &task["step"]), (&json!([]), &json!("second")));
    let whats = desk.whats(&task);
    for what in ["nobody_could", "missed", "expired_from_step", "undelivered"] {
        assert!(whats.iter().any(|one| one == what), "{what} in {whats:?}");
    }
    let events = desk.events(&task);
    assert_eq!(events.iter().filter(|name| *name == "task.expired_from_step").count(), 2, "{events:?}");
    assert!(!whats.iter().any(|one| one == "accepted"));
    // That is the end of its way, but people can move it.
    let moved = cast.otto.post(&format!("{}/move", path(&task)), &json!({ "queue": "triage" })).ok();
    assert_eq!(desk.queue("triage")[0]["id"], moved["id"]);
    let wrong = cast.otto.post(&format!("{}/move", path(&task)), &json!({ "queue": "global" })).invalid();
    assert_eq!(wrong, ["queue"]);
    cast.otto.delete(&format!("{}/move?queue=undelivered", path(&task))).ok();
    desk.is_in(&task, "undelivered");
    cast.otto.put(&format!("{}/transfer", path(&task)), &json!({})).ok();
    let task = desk.rings_at(&task, &ada);
    assert_eq!(task["step"], "first");
    assert!(!task["transfered_at"].is_null());
    // So can the customer.
    cast.otto.post(&format!("{}/move", path(&task)), &json!({ "queue": "undelivered" })).ok();
    desk.writes_again(&task, "Is anybody there?");
    desk.rings_at(&task, &ada);
    // Another topology without that step: the task begins anew.
    follow(
        &cast,
        &json!({ "version": 1, "start": "bo", "steps": [{ "name": "bo", "agents": { "agent_ids": [bo.user_id] } }] }),
    );
    desk.rings_at(&task, &bo);
    cast.server.look_through_the_log();
}

fn an_agent_who_leaves_gives_work_back(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let ada = desk.agent();
    let accepted = desk.accepted_by(&ada);
    let ringing = desk.asked("valerie");
    desk.rings_at(&ringing, &ada);
    let bo = desk.agent();
    ada.post("/1.0/status/me/disconnect", &json!({})).ok();
    for task in [&accepted, &ringing] {
        desk.rings_at(task, &bo);
        bo.post(&format!("{}/accept", path(task)), &json!({})).ok();
    }
    assert!(desk.events(&accepted).contains(&"task.expired_from_workbin".to_owned()));
    // Who may not receive tasks any more has none.
    cast.otto.put(&format!("/1.0/users/{}", bo.user_id), &json!({ "enabled": false })).ok();
    eventually("they are given back", || (desk.queue("global").len() == 2).then_some(()));
}

fn an_abandoned_task_is_taken_back_and_an_answered_one_completes_by_itself(engine: Engine) {
    let cast = Cast::shared(engine);
    let category = id(&cast.otto.create_category(&json!({ "post_qualification": true })));
    let desk = Desk::open(&cast, json!({ "task_timeout_seconds": 2 }));
    let ada = desk.agent();
    let task = desk.accepted_by(&ada);
    assert!(!task["expire_at"].is_null());
    eventually("it is taken back", || {
        desk.events(&task).contains(&"task.expired_from_workbin".to_owned()).then_some(())
    });
    let limits = json!({ "task_auto_complete_seconds": 1, "auto_complete_category_ids": [category] });
    let desk = Desk::open(&cast, limits);
    let bo = desk.agent();
    let task = desk.accepted_by(&bo);
    bo.reply(task["content_id"].as_str().unwrap(), "Anything else?");
    let task = desk.is_in(&task, "history");
    let intervention = cast.otto.get(&format!("/1.0/interventions/{}", task["intervention_id"].as_str().unwrap())).ok();
    assert_eq!((&intervention["closed"], &intervention["category_ids"]), (&json!(true), &json!([category])));
    let q = format!("content_thread:{} name_in:intervention.closed", task["thread_id"].as_str().unwrap());
    let closed = cast.otto.search("/1.0/events", &q);
    assert_eq!(closed["records"][0]["extra_infos"]["closed_automatically"], "task_auto_complete", "{closed}");
}

fn supervisors_hand_tasks_on(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({ "soft_capability": 1, "hard_capability": 1 }));
    let (ada, bo) = (desk.agent(), desk.hires(AGENT));
    cast.otto.put(&format!("/1.0/users/{}", bo.user_id), &json!({ "spoken_languages": ["fr"] })).ok();
    let task = desk.accepted_by(&ada);
    ada.reply(task["content_id"].as_str().unwrap(), "One moment.");
    let transfer = format!("{}/transfer", path(&task));
    // Nobody like that may answer here.
    for (wishes, name) in [
        (json!({ "agent_ids": [cast.rita.user_id] }), "agent_ids"),
        (json!({ "language": "eo" }), "language"),
        (json!({ "bypass": true }), "agent_ids"),
        (json!({ "bypass": "true", "agent_ids": [cast.rita.user_id] }), "agent_ids"),
    ] {
        assert_eq!(cast.otto.post(&transfer, &wishes).invalid(), [name], "{wishes}");
    }
    ada.post(&transfer, &json!({ "bypass": true, "agent_ids": [bo.user_id] })).refused(403);
    let handed = ada.post(&transfer, &json!({ "language": "fr", "comment": "Speaks French" })).ok();
    assert_eq!((&handed["agent_ids"], &handed["accepted_at"].is_null()), (&json!([]), &false));
    connects(&bo);
    desk.rings_at(&task, &bo);
    bo.post(&format!("{}/accept", path(&task)), &json!({})).ok();
    // The case is theirs, with what was remarked.
    let task = desk.task(&task);
    let intervention = task["intervention_id"].as_str().unwrap();
    assert_eq!(cast.otto.get(&format!("/1.0/interventions/{intervention}")).ok()["user_id"], bo.user_id.as_str());
    let comments = cast.otto.get(&format!("/1.0/intervention_comments?intervention_id={intervention}")).ok();
    assert_eq!(records(&comments)[0]["body"], "Speaks French");
    // Straight into a workbin, by a supervisor, to somebody who has room.
    let given = cast.otto.post(&transfer, &json!({ "bypass": "1", "agent_ids": [ada.user_id] })).ok();
    assert_eq!(given["agent_ids"], json!([ada.user_id]));
    let other = desk.accepted_by(&bo);
    let full = json!({ "bypass": true, "agent_ids": [bo.user_id] });
    cast.otto.post(&transfer, &full).refused(409);
    ada.post("/1.0/status/me/disconnect", &json!({})).ok();
    let gone = json!({ "bypass": true, "agent_ids": [ada.user_id] });
    cast.otto.post(&format!("{}/transfer", path(&other)), &gone).refused(403);
    let events = desk.events(&task);
    for name in ["task.transferred", "task.supervisor_assigned"] {
        assert!(events.iter().any(|one| one == name), "{name} in {events:?}");
    }
}

fn other_categories_are_other_agents(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let [robots, people] = [(); 2].map(|()| id(&cast.otto.create_category(&json!({ "multiple": true }))));
    let (ada, bo) = (desk.agent(), desk.agent());
    for (agent, category) in [(&ada, &robots), (&bo, &people)] {
        cast.otto.put(&format!("/1.0/users/{}", agent.user_id), &json!({ "category_ids": [category] })).ok();
    }
    let default = json!({ "default_category_ids": [robots] });
    cast.otto.put(&format!("/1.0/content_sources/{}", desk.source.id), &default).ok();
    let task = desk.asked("vera");
    desk.rings_at(&task, &ada);
    let thread = format!("/1.0/content_threads/{}/update_categories", task["thread_id"].as_str().unwrap());
    cast.otto.put(&thread, &json!({ "thread_category_ids": [people] })).ok();
    desk.rings_at(&task, &bo);
    assert!(desk.whats(&task).contains(&"recategorized".to_owned()));
    // Once somebody has it, it stays theirs.
    bo.post(&format!("{}/accept", path(&task)), &json!({})).ok();
    cast.otto.put(&thread, &json!({ "thread_category_ids": [robots] })).ok();
    eventually("it is told", || {
        (desk.whats(&task).iter().filter(|what| *what == "recategorized").count() == 2).then_some(())
    });
    assert_eq!(desk.queue(&workbin(&bo)).len(), 1);
}

fn a_bot_keeps_a_task_from_ringing_until_it_hands_over(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let bot = desk.hires(&[]);
    let task = desk.asked("vera");
    let engaged = bot.post("/1.0/bots/engage", &json!({ "content_id": task["content_id"] })).ok();
    eventually("it is held", || desk.whats(&task).contains(&"held".to_owned()).then_some(()));
    let ada = desk.agent();
    bot.reply(task["content_id"].as_str().unwrap(), "I am a bot.");
    let handover =
        json!({ "from": "bot", "to": "agent", "type": "engage_virtual_agent", "intervention_id": engaged["id"] });
    bot.post("/1.0/bots/handover", &handover).ok();
    desk.rings_at(&task, &ada);
    let whats = desk.whats(&task);
    let at = |what: &str| whats.iter().position(|one| one == what).unwrap();
    assert!(at("held") < at("handed_over") && at("handed_over") < at("offered"), "{whats:?}");
    ada.post(&format!("{}/accept", path(&task)), &json!({})).ok();
    assert_eq!(cast.otto.get(&format!("/1.0/interventions/{}", id(&engaged))).ok()["user_id"], ada.user_id.as_str());

    // What a bot resolves rings at nobody.
    let task = desk.asked("valerie");
    let content = task["content_id"].as_str().unwrap();
    let engaged = eventually("it is the bot's", || {
        let answer = bot.post("/1.0/bots/engage", &json!({ "content_id": content }));
        (answer.status == 200).then(|| answer.ok())
    });
    bot.reply(content, "We open at nine.");
    bot.post("/1.0/bots/complete", &json!({ "intervention_id": engaged["id"] })).ok();
    desk.is_in(&task, "history");
    assert!(desk.events(&task).contains(&"task.destroyed".to_owned()));
}

/// The public platform's way: the bot has a category of its own, looks at the agents, and moves the thread into theirs.
fn a_bot_looks_who_is_there_and_recategorises(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let [robots, people] = [(); 2].map(|()| id(&cast.otto.create_category(&json!({ "multiple": true }))));
    let (bot, bo) = (desk.hires(&["monitor_tasks"]), desk.hires(AGENT));
    for (user, category) in [(&bot, &robots), (&bo, &people)] {
        cast.otto.put(&format!("/1.0/users/{}", user.user_id), &json!({ "category_ids": [category] })).ok();
    }
    let default = json!({ "default_category_ids": [robots] });
    cast.otto.put(&format!("/1.0/content_sources/{}", desk.source.id), &default).ok();
    let asked = |customer: &str| {
        let thread = unique("thread-");
        desk.source.says(customer, &thread, "Hello?");
        let content = id(&desk.source.contents(&cast.otto, &thread)[0]);
        eventually("nobody could answer a bot's category", || {
            desk.queue("undelivered").into_iter().find(|task| task["content_id"] == content.as_str())
        })
    };
    let engages = |bot: &Person, task: &Value| {
        let engaged = bot.post("/1.0/bots/engage", &json!({ "content_id": task["content_id"] })).ok();
        eventually("it is held", || desk.whats(task).contains(&"held".to_owned()).then_some(()));
        engaged
    };
    let moves = |bot: &Person, task: &Value, category: &str| {
        let thread = format!("/1.0/content_threads/{}/update_categories", task["thread_id"].as_str().unwrap());
        bot.put(&thread, &json!({ "thread_category_ids": [category] })).ok();
        eventually("it is told", || desk.whats(task).contains(&"recategorized".to_owned()).then_some(()));
    };

    let task = asked("vera");
    let engaged = engages(&bot, &task);
    bot.reply(task["content_id"].as_str().unwrap(), "I am a bot.");
    let ask = format!("/1.0/status?source_ids[]={}&category_ids[]={people}", desk.source.id);
    assert_eq!(bot.get(&ask).ok(), json!([]), "nobody yet");
    connects(&bo);
    let there = bot.get(&ask).ok();
    assert_eq!((&there[0]["agent_id"], there.as_array().unwrap().len()), (&json!(bo.user_id), 1));
    let channel = there[0]["channels"].as_array().unwrap().iter().find(|one| one["id"] == json!(desk.channel_id));
    let (status, busyness) = channel.map(|one| (&one["status"], &one["busyness"])).unwrap();
    assert_eq!((status, busyness), (&json!("available"), &json!("unoccupied")));
    moves(&bot, &task, &people);
    desk.rings_at(&task, &bo);
    let whats = desk.whats(&task);
    assert!(whats.contains(&"handed_over".to_owned()), "{whats:?}");
    bo.post(&format!("{}/accept", path(&task)), &json!({})).ok();
    assert_eq!(cast.otto.get(&format!("/1.0/interventions/{}", id(&engaged))).ok()["user_id"], bo.user_id.as_str());

    // A bot that only sorts, with no category of its own, goes on; what it resolves is over.
    let sorter = desk.hires(&[]);
    let task = asked("valerie");
    let engaged = engages(&sorter, &task);
    moves(&sorter, &task, &people);
    let whats = desk.whats(&task);
    assert!(!whats.contains(&"handed_over".to_owned()), "{whats:?}");
    assert_eq!(desk.task(&task)["agent_ids"], json!([]), "its own");
    sorter.reply(task["content_id"].as_str().unwrap(), "We open at nine.");
    sorter.post("/1.0/bots/complete", &json!({ "intervention_id": engaged["id"] })).ok();
    desk.is_in(&task, "history");

    // What nobody could answer is routed anew once it is of another category.
    let task = asked("viola");
    moves(&cast.otto, &task, &people);
    desk.rings_at(&task, &bo);
}

fn who_waits_takes_a_slot(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({ "soft_capability": 2, "hard_capability": 2 }));
    let bot = desk.hires(&[]);
    let ask = |factor: &str| {
        let shown = bot.get(&format!("/1.0/availability?source_id={}&queue_factor={factor}", desk.source.id)).ok();
        ["available", "agents", "slots", "taken", "waiting"].map(|name| shown[name].clone())
    };
    let told = |available: bool, numbers: [i64; 4]| {
        let [agents, slots, taken, waiting] = numbers;
        [json!(available), json!(agents), json!(slots), json!(taken), json!(waiting)]
    };
    let ada = desk.agent();
    desk.accepted_by(&ada);
    let ringing = desk.asked("wanda");
    desk.rings_at(&ringing, &ada);
    assert_eq!(ask("0"), told(false, [0, 2, 2, 0]));
    assert_eq!(ask("0.5"), told(true, [0, 3, 2, 0]), "one may wait");
    let waiting = desk.asked("walter");
    assert_eq!(ask("0.5"), told(false, [0, 3, 2, 1]), "and does");
    assert_eq!(ask("1"), told(true, [0, 4, 2, 1]));
    // Whom a bot serves waits for no agent; whom it hands over does.
    let engaged = bot.post("/1.0/bots/engage", &json!({ "content_id": waiting["content_id"] })).ok();
    eventually("it is the bot's", || (ask("0.5") == told(true, [0, 3, 2, 0])).then_some(()));
    let handover =
        json!({ "from": "bot", "to": "agent", "type": "engage_virtual_agent", "intervention_id": engaged["id"] });
    bot.post("/1.0/bots/handover", &handover).ok();
    eventually("it waits again", || (ask("0.5") == told(false, [0, 3, 2, 1])).then_some(()));
    cast.otto.post(&format!("{}/move", path(&waiting)), &json!({ "queue": "undelivered" })).ok();
    assert_eq!(ask("0.5"), told(true, [0, 3, 2, 0]), "set aside");
}

fn what_is_ignored_deferred_or_reopened(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let task = desk.asked("vera");
    cast.otto.put(&format!("/1.0/contents/{}/ignore", task["content_id"].as_str().unwrap()), &json!({})).ok();
    desk.is_in(&task, "history");
    assert_eq!(desk.events(&task).last().unwrap(), "task.destroyed");

    let ada = desk.agent();
    let task = desk.accepted_by(&ada);
    let reply = ada.reply(task["content_id"].as_str().unwrap(), "Tomorrow.");
    let intervention = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
    ada.put(&format!("{intervention}/defer"), &json!({ "rate": 3600 })).ok();
    desk.is_in(&task, "history");
    assert_eq!(desk.events(&task).last().unwrap(), "task.completed");
    assert!(desk.trace(&task)["entries"].as_array().unwrap().iter().any(|entry| entry["action"] == "deferred"));
    // Its time has come: there is a new task, of the next segment.
    ada.put(&format!("{intervention}/reactivate"), &json!({})).ok();
    let next = eventually("another task", || desk.queue("global").into_iter().next());
    assert_ne!(next["id"], task["id"]);
    desk.rings_at(&next, &ada);
    ada.post(&format!("{}/accept", path(&next)), &json!({})).ok();
    ada.put(&format!("{intervention}/close"), &json!({})).ok();
    desk.is_in(&next, "history");
    // They write again: the case is open again, and its task waits again.
    desk.writes_again(&next, "One more thing");
    let again = desk.rings_at(&next, &ada);
    assert_ne!(again["content_id"], next["content_id"]);
    // Three lines are one task.
    for line in ["and", "another"] {
        desk.writes_again(&next, line);
    }
    desk.asked("somebody");
    assert_eq!(desk.queue("global").len(), 2);
}

fn more_on_request_up_to_the_hard_limit(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({ "soft_capability": 1, "hard_capability": 2 }));
    let ada = desk.hires(AGENT);
    let request = |body: Value| ada.post("/1.0/tasks/request", &body);
    request(json!({})).refused(403);
    connects(&ada);
    request(json!({})).refused(404);
    desk.accepted_by(&ada);
    let [oldest, _newest] = [desk.asked("v1"), desk.asked("v2")];
    request(json!({ "channel_id": "no" })).refused(404);
    let taken = request(json!({ "channel_id": desk.channel_id })).ok();
    assert_eq!(taken["id"], oldest["id"]);
    request(json!({})).refused(409);
    assert_eq!(desk.queue(&workbin(&ada)).len(), 2);
    assert_eq!(desk.queue("global").len(), 1);
}

fn an_agent_releases_and_resumes(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let (ada, bo) = (desk.agent(), desk.hires(AGENT));
    let task = desk.accepted_by(&ada);
    bo.post(&format!("{}/release", path(&task)), &json!({})).refused(403);
    ada.post(&format!("{}/release", path(&task)), &json!({})).ok();
    connects(&bo);
    desk.rings_at(&task, &bo);
    bo.post(&format!("{}/accept", path(&task)), &json!({})).ok();
    bo.post(&format!("{}/resume", path(&task)), &json!({})).refused(409);
    let reply = bo.reply(task["content_id"].as_str().unwrap(), "Done.");
    let intervention = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
    eventually("it is completed", || {
        (bo.post(&format!("{}/complete", path(&task)), &json!({})).status == 200).then_some(())
    });
    ada.post(&format!("{}/resume", path(&task)), &json!({})).refused(403);
    bo.post(&format!("{}/resume", path(&task)), &json!({})).ok();
    eventually("it is in the workbin", || (desk.queue(&workbin(&bo)).len() == 1).then_some(()));
    assert_eq!(cast.otto.get(&intervention).ok()["closed"], false);
    assert!(desk.events(&task).contains(&"task.resume".to_owned()));
}

fn whose_task_it_was_goes_on_with_it_without_the_button(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let (ada, bo) = (desk.agent(), desk.hires(AGENT));
    let content = |task: &Value| task["content_id"].as_str().unwrap().to_owned();
    let is_held = |task: &Value| {
        eventually("it is held", || (desk.whats(task).last().unwrap() == "held").then_some(()));
    };

    // She gave them back, then takes one up from a folder and answers the other: nobody else is asked.
    let [engaged, answered] = [desk.accepted_by(&ada), desk.accepted_by(&ada)];
    ada.reply(&content(&answered), "A moment, please.");
    for task in [&engaged, &answered] {
        ada.post(&format!("{}/release", path(task)), &json!({})).ok();
    }
    ada.post("/1.0/interventions", &json!({ "content_id": content(&engaged) })).ok();
    ada.reply(&content(&answered), "Here I am.");
    [&engaged, &answered].into_iter().for_each(is_held);
    connects(&bo);
    let other = desk.asked(&unique("vera"));
    ada.post("/1.0/status/me/disconnect", &json!({})).ok();
    desk.rings_at(&other, &bo);
    for task in [&engaged, &answered] {
        assert_eq!(desk.task(task)["agent_ids"], json!([]));
    }
    bo.post("/1.0/status/me/disconnect", &json!({})).ok();

    // The customer of a closed case comes back and it rings: her answer is her yes.
    let carl = desk.agent();
    let task = eventually("it rings at him", || {
        desk.queue("global").into_iter().find(|task| task["agent_ids"] == json!([carl.user_id]))
    });
    carl.post(&format!("{}/accept", path(&task)), &json!({})).ok();
    let reply = carl.reply(&content(&task), "Done.");
    let intervention = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
    carl.put(&format!("{intervention}/close"), &json!({})).ok();
    desk.is_in(&task, "history");
    desk.writes_again(&task, "One more thing");
    let again = desk.rings_at(&task, &carl);
    carl.reply(&content(&again), "Yes?");
    desk.is_in(&task, &workbin(&carl));
}

fn who_sees_and_touches_which_tasks(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let ada = desk.agent();
    let task = desk.accepted_by(&ada);
    let waiting = desk.asked("vera");
    let target = |query: &str| format!("/1.0/tasks?channel_id={}{query}", desk.channel_id);
    let sees = |person: &Person, query: &str| person.get(&target(query)).ok()["count"].clone();
    let bo = desk.hires(AGENT);
    let monitor = desk.hires(&["monitor_tasks"]);
    let elsewhere = cast.hire(&["monitor_tasks"]);
    let lead = desk.hires(&["monitor_team_tasks"]);
    let team = json!({ "name": unique("Team "), "leader_ids": [lead.user_id], "user_ids": [ada.user_id] });
    desk.rings_at(&waiting, &ada);
    assert_eq!((sees(&monitor, ""), sees(&monitor, "&queue=workbins")), (json!(1), json!(1)));
    assert_eq!((sees(&bo, ""), sees(&bo, "&queue=workbins")), (json!(0), json!(0)));
    assert_eq!((sees(&ada, ""), sees(&ada, "&queue=workbins")), (json!(1), json!(1)));
    assert_eq!((sees(&elsewhere, ""), sees(&lead, "&queue=workbins")), (json!(0), json!(0)));
    for person in [&bo, &elsewhere, &lead] {
        person.get(&path(&task)).refused(404);
        person.post(&format!("{}/complete", path(&task)), &json!({})).refused(404);
    }
    cast.otto.post("/1.0/teams", &team).ok();
    assert_eq!((sees(&lead, ""), sees(&lead, "&queue=workbins")), (json!(1), json!(1)));
    lead.get(&path(&task)).ok();
    desk.hires(&[]).get("/1.0/tasks").refused(403);
    bo.post(&format!("{}/move", path(&task)), &json!({ "queue": "undelivered" })).refused(403);
    bo.get(&format!("{}/trace", path(&task))).refused(403);
    for (query, count) in [
        ("&queue=nowhere", 0),
        ("&queue=workbin_x", 0),
        ("&queue=workbin_", 0),
        ("&step=everyone", 1),
        ("&step=elsewhere", 0),
        ("&offset=1", 1),
    ] {
        assert_eq!(sees(&monitor, query), count, "{query}");
    }
    assert_eq!(monitor.get("/1.0/tasks?channel_id=x").ok()["count"], 0);
    // The highest priority first, then the latest.
    let urgent = json!({ "default_task_priority": 500 });
    cast.otto.put(&format!("/1.0/content_sources/{}", desk.source.id), &urgent).ok();
    ada.post("/1.0/status/me/disconnect", &json!({})).ok();
    eventually("both wait", || (desk.queue("global").len() == 2).then_some(()));
    let urgent = desk.asked("valerie");
    assert_eq!(urgent["priority"], 500);
    let queue = desk.queue("global");
    assert_eq!(queue.iter().map(id).collect::<Vec<_>>(), [id(&urgent), id(&waiting), id(&task)]);
}

fn what_cannot_be_is_refused_and_changes_nothing(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let (ada, bo) = (desk.agent(), desk.hires(AGENT));
    let task = desk.accepted_by(&ada);
    let before = desk.task(&task);
    for verb in ["accept", "refuse", "release", "complete", "transfer", "resume", "move"] {
        for wrong in ["no-id", "000000000000000000000000"] {
            let answer = cast.otto.post(&format!("/1.0/tasks/{wrong}/{verb}"), &json!({ "queue": "undelivered" }));
            assert_eq!(answer.status, 404, "{verb}: {}", answer.text());
        }
    }
    bo.post(&format!("{}/accept", path(&task)), &json!({})).refused(409);
    bo.post(&format!("{}/release", path(&task)), &json!({})).refused(403);
    bo.post(&format!("{}/transfer", path(&task)), &json!({})).refused(404);
    assert_eq!(cast.otto.post(&format!("{}/move", path(&task)), &json!({})).invalid(), ["queue"]);
    let many: Vec<String> = (0..101).map(|number| format!("{number:024x}")).collect();
    let transfer = format!("{}/transfer", path(&task));
    for (name, value) in [
        ("agent_ids", json!(many)),
        ("category_ids", json!(many)),
        ("team_ids", json!(many)),
        ("comment", json!("x".repeat(2_001))),
        ("language", json!("x".repeat(36))),
    ] {
        let answer = cast.otto.post(&transfer, &json!({ name: value }));
        assert!(matches!(answer.status, 400 | 422), "{name}: {}", answer.status);
    }
    // Somebody who waits is in no workbin.
    let waiting = desk.asked("vera");
    cast.otto.post(&format!("{}/complete", path(&waiting)), &json!({})).refused(403);
    assert_eq!(desk.task(&task), before);
}

fn sources_of_no_channel_and_accounts_without_push_make_no_tasks(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (loose, _channel) = cast.new_source();
    let desk = Desk::open(&cast, json!({}));
    loose.says("vera", "t", "Hello?");
    cast.otto.put("/1.0/settings", &json!({ "push_enabled": false })).ok();
    desk.source.says("vera", "off", "Hello?");
    let all = || {
        let tasks = cast.otto.get("/1.0/tasks?limit=150").ok();
        let contents = records(&tasks).iter().map(|task| cast.otto.content(task["content_id"].as_str().unwrap()));
        contents.filter(|content| content["source_id"] != cast.shop.id.as_str()).count()
    };
    std::thread::sleep(std::time::Duration::from_millis(900));
    assert_eq!(all(), 0);
    cast.otto.put("/1.0/settings", &json!({ "push_enabled": true })).ok();
    let task = desk.asked("valerie");
    assert_eq!(all(), 1);
    // A source that leaves its channel takes its tasks along.
    cast.otto.delete(&format!("/1.0/channels/{}", desk.channel_id)).ok();
    eventually("it is destroyed", || {
        let history = cast.otto.get("/1.0/tasks?queue=history").ok();
        ids(&history).contains(&id(&task)).then_some(())
    });
}

fn whenever_it_is_killed_every_task_is_where_it_was_or_in_its_queue(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, channel_id, agents) = {
        let desk = Desk::open(&cast, json!({ "soft_capability": 2, "hard_capability": 3 }));
        let agents: Vec<Person> = (0..3).map(|_| desk.agent()).collect();
        (desk.source.clone(), desk.channel_id.clone(), agents)
    };
    let mut asked = 0;
    for round in 0..6_u64 {
        let mut owned = Vec::new();
        for _ in 0..4 {
            source.says(&unique("vera"), &unique("thread-"), "Hello?");
            asked += 1;
        }
        // Somebody is in the middle of something when it is killed.
        std::thread::sleep(std::time::Duration::from_millis(40 * round));
        for agent in &agents {
            let rings = agent.get(&format!("/1.0/tasks?channel_id={channel_id}")).ok();
            for task in ids(&rings) {
                if agent.post(&format!("/1.0/tasks/{task}/accept"), &json!({})).status == 200 {
                    owned.push((task, agent));
                    break;
                }
            }
        }
        cast.server.kill();
        cast.server.restart();
        // What was acknowledged is true: it is in that workbin.
        for (task, agent) in owned {
            let bin = cast.otto.get(&format!("/1.0/tasks?queue=workbin_{}", agent.user_id)).ok();
            assert!(ids(&bin).contains(&task), "{task} is not {}'s any more", agent.user_id);
        }
        eventually("every message has its task", || {
            let count = |queue: &str| {
                let page = cast.otto.get(&format!("/1.0/tasks?queue={queue}&channel_id={channel_id}")).ok();
                page["count"].as_u64().unwrap()
            };
            (count("global") + count("workbins") == asked).then_some(())
        });
        // Room for the next round.
        for agent in &agents {
            agent.post("/1.0/status/me/heartbeat", &json!({}));
        }
    }
    // It goes on: who has room is offered what waits longest.
    let agent = &agents[0];
    for task in ids(&agent.get(&format!("/1.0/tasks?queue=workbin_{}", agent.user_id)).ok()) {
        agent.post(&format!("/1.0/tasks/{task}/complete"), &json!({})).ok();
    }
    eventually("it rings at who has room", || {
        let rings = agent.get(&format!("/1.0/tasks?channel_id={channel_id}")).ok();
        (!ids(&rings).is_empty()).then_some(())
    });
    cast.server.look_through_the_log();
}
