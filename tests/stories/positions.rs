//! Where waiting customers stand in their queue, and what channels are told of it.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::{Value, json};

on_both_engines![who_waits_is_told_where_they_stand];

fn who_waits_is_told_where_they_stand(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, channel) = cast.new_source();
    otto.put(
        &format!("/1.0/content_sources/{}", source.id),
        &json!({ "options": ["view.messaging", "messaging.queuing_update"] }),
    )
    .ok();
    let group = json!({
        "name": unique("Group "), "source_ids": [source.id], "soft_capability": 1, "hard_capability": 1,
    });
    let channel_id = id(&otto.post("/1.0/channels", &group).ok());
    let asks = || {
        let name = unique("thread-");
        source.says(&unique("vera"), &name, "Hello?");
        let thread_id = id(&source.thread(otto, &name));
        let task = eventually("a task", || {
            let found = otto.get(&format!("/1.0/tasks?limit=150&channel_id={channel_id}")).ok();
            records(&found).iter().find(|task| task["thread_id"] == thread_id.as_str()).cloned()
        });
        (name, format!("/1.0/tasks/{}", id(&task)))
    };
    let place = |path: &str| otto.get(&format!("{path}/position")).ok();
    let (_, first) = asks();
    // Nobody is there: who knows how long it takes?
    let alone = place(&first);
    assert_eq!((&alone["position"], &alone["waiting"], &alone["slots"]), (&json!(1), &json!(1), &json!(0)));
    assert_eq!(alone["estimated_wait_time"], Value::Null);

    let agent = cast.hire(&["receive_tasks", "update_own_intervention"]);
    let rights = json!({ &source.id: "read,reply" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
    agent.post("/1.0/status/me/connect", &json!({})).ok();
    eventually("it rings", || (!otto.get(&first).ok()["locked_at"].is_null()).then_some(()));
    assert_eq!(place(&first)["estimated_wait_time"], 0);
    agent.post(&format!("{first}/accept"), &json!({})).ok();
    assert_eq!(place(&first)["position"], Value::Null, "it waits no more");

    let (second_name, second) = asks();
    let (third_name, third) = asks();
    for (path, position, seconds) in [(&second, 1, 300), (&third, 2, 600)] {
        let shown = place(path);
        assert_eq!((&shown["position"], &shown["estimated_wait_time"]), (&json!(position), &json!(seconds)), "{shown}");
        assert_eq!((&shown["waiting"], &shown["slots"], &shown["free"]), (&json!(2), &json!(1), &json!(0)));
    }
    for (name, position, seconds) in [(second_name, 1, 300), (third_name, 2, 600)] {
        eventually("the channel is told", || {
            channel.asked().into_iter().chain(channel.pushes()).find(|push| {
                let told = push.params();
                push.action() == "messaging.queuing_update"
                    && told["thread_id"] == name.as_str()
                    && told["position"] == position
                    && told["estimated_wait_time"] == seconds
            })
        });
    }
    // Another's task, and none.
    let other = cast.hire(&["receive_tasks"]);
    other.get(&format!("{second}/position")).refused(404);
    otto.get("/1.0/tasks/000000000000000000000001/position").refused(404);
}
