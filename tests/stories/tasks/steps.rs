//! Who a step asks, and how urgent a task is: each part of a topology and of the formula, from the message to the ringing.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, Person, eventually};
use serde_json::{Value, json};

use super::{AGENT, Desk, connects, follow, path};

on_both_engines![
    each_step_asks_whom_it_names_of_the_tasks_that_it_is_for,
    how_urgent_a_task_is_follows_the_published_formula,
];

fn each_step_asks_whom_it_names_of_the_tasks_that_it_is_for(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (desk, other) = (Desk::open(&cast, json!({})), Desk::open(&cast, json!({})));
    let [eve, lea, fay, kim, tim] = [(); 5].map(|()| desk.hires(AGENT));
    let user = |person: &Person| format!("/1.0/users/{}", person.user_id);
    let category = id(&cast.otto.create_category(&json!({ "multiple": true })));
    cast.otto.put(&user(&fay), &json!({ "spoken_languages": ["fr"] })).ok();
    cast.otto.put(&user(&kim), &json!({ "category_ids": [category] })).ok();
    let team = id(&cast.otto.post("/1.0/teams", &json!({ "name": "Team", "user_ids": [tim.user_id] })).ok());
    let both = json!({ &desk.source.id: "read,reply", &other.source.id: "read,reply" });
    cast.otto.put(&format!("{}/sources_permissions", user(&eve)), &both).ok();
    let step = |name: &str, when: Value, agents: Value, next: &str| json!({ "name": name, "when": when, "agents": agents, "for": "1h", "next": next });
    let everyone = |kind: &str| json!({ "everyone": true, kind: true });
    follow(
        &cast,
        &json!({ "version": 1, "steps": [
            step("urgent", json!({ "priority_over": 100 }), json!({ "agent_ids": [eve.user_id] }), "elsewhere"),
            step("elsewhere", json!({ "channel_ids": [other.channel_id] }), json!({ "everyone": true }), "last"),
            step("last", json!({}), json!({ "last_agent": true }), "french"),
            step("french", json!({ "languages": ["fr"] }), everyone("language_match"), "skilled"),
            step("skilled", json!({ "category_ids": [category] }), everyone("category_match"), "team"),
            { "name": "team", "agents": { "team_ids": [team] } },
        ] }),
    );
    [&eve, &lea, &fay, &kim, &tim].into_iter().for_each(connects);
    let rings = |desk: &Desk, task: &Value, agent: &Person, step: &str| {
        let task = desk.rings_at(task, agent);
        assert_eq!(task["step"], step);
        task
    };

    // Nobody had her before, she writes no French, and her message has no category.
    let plain = desk.asked(&unique("vera"));
    rings(&desk, &plain, &tim, "team");
    let whats = desk.trace(&plain)["entries"].to_string();
    assert!(whats.contains("not_last_agent"), "{whats}");

    let thread = unique("thread-");
    let mut message = desk.source.message(&unique("message-"), &thread, &unique("vera"), "Bonjour !");
    message["language"] = json!("fr");
    desk.source.tells("messages.create", &message);
    let content = id(&desk.source.contents(&cast.otto, &thread)[0]);
    let french =
        eventually("a task", || desk.queue("global").into_iter().find(|task| task["content_id"] == content.as_str()));
    rings(&desk, &french, &fay, "french");

    let source = format!("/1.0/content_sources/{}", desk.source.id);
    cast.otto.put(&source, &json!({ "default_category_ids": [category] })).ok();
    rings(&desk, &desk.asked(&unique("vera")), &kim, "skilled");

    // Whoever had her last is asked first, whatever else they can do.
    let give = json!({ "bypass": true, "agent_ids": [lea.user_id] });
    let hers = cast.otto.post(&format!("{}/transfer", path(&plain)), &give).ok();
    lea.reply(hers["content_id"].as_str().unwrap(), "Done.");
    eventually("it is completed", || {
        (lea.post(&format!("{}/complete", path(&hers)), &json!({})).status == 200).then_some(())
    });
    desk.writes_again(&hers, "One more thing");
    rings(&desk, &hers, &lea, "last");

    cast.otto.put(&source, &json!({ "default_task_priority": 101 })).ok();
    rings(&desk, &desk.asked(&unique("vera")), &eve, "urgent");
    rings(&other, &other.asked(&unique("vera")), &eve, "elsewhere");
    cast.server.look_through_the_log();
}

fn how_urgent_a_task_is_follows_the_published_formula(engine: Engine) {
    let cast = Cast::shared(engine);
    let desk = Desk::open(&cast, json!({}));
    let source = format!("/1.0/content_sources/{}", desk.source.id);
    let settings =
        json!({ "default_task_priority": 5, "intervention_messages_boost": 10, "transferred_tasks_boost": 20 });
    cast.otto.put(&source, &settings).ok();
    let ada = desk.agent();
    let task = desk.accepted_by(&ada);
    assert_eq!(task["priority"], 5);
    ada.reply(task["content_id"].as_str().unwrap(), "Done.");
    eventually("it is completed", || {
        (ada.post(&format!("{}/complete", path(&task)), &json!({})).status == 200).then_some(())
    });
    // Now they have an intervention.
    desk.writes_again(&task, "One more thing");
    desk.rings_at(&task, &ada);
    assert_eq!(desk.task(&task)["priority"], 15);
    let handed = cast.otto.post(&format!("{}/transfer", path(&task)), &json!({})).ok();
    assert_eq!(handed["priority"], 35);

    // Waiting makes urgent: half way when half of the time is over, then all the way, half, or back.
    let promised = |strategy: &str| {
        let settings = json!({ "sla_response": 2, "sla_threshold": 50, "sla_expired_strategy": strategy });
        cast.otto.put(&source, &settings).ok();
        desk.asked(&unique("vera"))
    };
    let waiting = ["max", "half", "base"].map(promised);
    for (task, expected) in waiting.iter().zip([1_000, 502, 5]) {
        let priorities = || {
            let trace = desk.trace(task);
            let entries = trace["entries"].as_array().unwrap();
            let told = entries.iter().filter_map(|entry| match entry["what"].as_str() {
                Some("created") => entry["priority"].as_i64(),
                Some("reprioritised") => entry["to"].as_i64(),
                _ => None,
            });
            told.collect::<Vec<_>>()
        };
        let mut all = vec![5, 502, expected];
        all.dedup();
        eventually("it has become as urgent as it becomes", || (priorities().len() >= all.len()).then_some(()));
        assert_eq!(priorities(), all);
        let thread = task["thread_id"].as_str().unwrap();
        let told = cast.otto.search("/1.0/events", &format!("content_thread:{thread} name_in:task.priority_updated"));
        assert_eq!(told["count"], all.len() - 1, "the journal tells each time");
        assert_eq!(desk.task(task)["priority"], expected);
    }
    let first = cast.otto.get(&format!("/1.0/tasks?limit=1&channel_id={}", desk.channel_id)).ok();
    assert_eq!(records(&first)[0]["id"], waiting[0]["id"]);
}
