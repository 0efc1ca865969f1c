//! Deferring: an intervention is out of sight until its time comes, or until the customer writes again.

use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine, Person, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_deferred_intervention_is_not_active_and_comes_back_at_its_time,
    a_deferred_intervention_comes_back_after_a_crash,
    the_customers_next_message_brings_it_back,
    it_is_brought_back_by_hand,
    deferring_is_refused_where_it_makes_no_sense,
    who_may_not_edit_an_intervention_does_not_defer_it,
    agents_are_offered_what_the_account_says,
];

fn path(intervention: &Value) -> String {
    format!("/1.0/interventions/{}", id(intervention))
}

fn engaged(otto: &Person, source: &Source) -> Value {
    source.says("vera", "t", "Hello?");
    otto.engage(&id(&source.contents(otto, "t")[0]))
}

#[track_caller]
fn defer(person: &Person, intervention: &Value, seconds: i64) -> Value {
    person.put(&format!("{}/defer", path(intervention)), &json!({ "rate": seconds })).ok()
}

fn wait_until_active(otto: &Person, intervention: &Value) -> Value {
    eventually("the intervention is active again", || {
        Some(otto.get(&path(intervention)).ok()).filter(|shown| shown["status"] != "Deferred")
    })
}

/// Whether the thread is found as one with an active intervention.
fn is_active(otto: &Person, source: &Source) -> bool {
    let found = otto.search("/1.0/content_threads", &format!("source:{} active_and_assigned:true", source.id));
    !ids(&found).is_empty()
}

fn a_deferred_intervention_is_not_active_and_comes_back_at_its_time(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let intervention = engaged(&cast.otto, &source);
    assert!(is_active(&cast.otto, &source));
    let far = defer(&cast.otto, &intervention, 3_600);
    assert_eq!((&far["status"], &far["closed"]), (&json!("Deferred"), &json!(false)));
    assert!(far["deferred_at"].as_str().unwrap() > far["updated_at"].as_str().unwrap(), "{far}");
    assert!(!is_active(&cast.otto, &source));
    let listed = |status: &str| {
        let thread = id(&source.thread(&cast.otto, "t"));
        ids(&cast.otto.get(&format!("/1.0/interventions?thread_id={thread}&status={status}")).ok()).len()
    };
    assert_eq!((listed("deferred"), listed("active")), (1, 0));
    let thread = id(&source.thread(&cast.otto, "t"));
    let told = cast.otto.search("/1.0/events", &format!("content_thread:{thread} name_in:intervention.deferred"));
    assert_eq!(told["records"][0]["extra_infos"]["deferred_duration"], "3600", "{told}");
    // Another time takes the place of the first.
    defer(&cast.otto, &intervention, 1);
    let back = wait_until_active(&cast.otto, &intervention);
    assert_eq!((&back["status"], &back["deferred_at"]), (&json!("Opened"), &Value::Null));
    assert_eq!(back["user_id"], intervention["user_id"]);
    assert!(is_active(&cast.otto, &source));
    assert_eq!((listed("deferred"), listed("active")), (0, 1));
}

fn a_deferred_intervention_comes_back_after_a_crash(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let intervention = engaged(&cast.otto, &source);
    defer(&cast.otto, &intervention, 1);
    cast.server.kill();
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    cast.server.restart();
    wait_until_active(&cast.otto, &intervention);
}

fn the_customers_next_message_brings_it_back(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let intervention = engaged(&cast.otto, &source);
    defer(&cast.otto, &intervention, 3_600);
    source.says("marc", "t", "I am somebody else");
    assert_eq!(cast.otto.get(&path(&intervention)).ok()["status"], "Deferred");
    source.says("vera", "t", "Still there?");
    let shown = cast.otto.get(&path(&intervention)).ok();
    assert_eq!((&shown["status"], &shown["deferred_at"]), (&json!("Opened"), &Value::Null));
}

fn it_is_brought_back_by_hand(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let intervention = engaged(&cast.otto, &source);
    let reactivate = format!("{}/reactivate", path(&intervention));
    cast.otto.put(&reactivate, &json!({})).refused(403);
    defer(&cast.otto, &intervention, 3_600);
    assert_eq!(cast.otto.put(&reactivate, &json!({})).ok()["status"], "Opened");
    // A closed one is not deferred any more.
    defer(&cast.otto, &intervention, 3_600);
    cast.otto.reply(intervention["content_id"].as_str().unwrap(), "Hello");
    let closed = cast.otto.put(&format!("{}/close", path(&intervention)), &json!({})).ok();
    assert_eq!((&closed["status"], &closed["deferred_at"]), (&json!("Closed"), &Value::Null));
    cast.otto.put(&reactivate, &json!({})).refused(403);
    cast.otto.put(&format!("{}/defer", path(&intervention)), &json!({ "rate": 60 })).refused(403);
}

fn deferring_is_refused_where_it_makes_no_sense(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let intervention = engaged(&cast.otto, &source);
    let defer = format!("{}/defer", path(&intervention));
    for (body, attribute) in [
        (json!({}), "deferred_at"),
        (json!({ "deferred_at": "" }), "deferred_at"),
        (json!({ "deferred_at": "2012-02-10T10:00:00Z" }), "deferred_at"),
        (json!({ "deferred_at": "2999-01-01" }), "deferred_at"),
        (json!({ "rate": 0 }), "rate"),
        (json!({ "rate": -5 }), "rate"),
        (json!({ "rate": i64::MAX }), "rate"),
        (json!({ "rate": 60, "deferred_at": "2027-01-01" }), "rate"),
    ] {
        assert_eq!(cast.otto.put(&defer, &body).invalid(), [attribute], "{body}");
    }
    for body in [json!({ "deferred_at": "whenever\u{0}" }), json!({ "rate": "x" })] {
        cast.otto.put(&defer, &body).refused(400);
    }
    assert_eq!(cast.otto.get(&path(&intervention)).ok()["status"], "Opened");
    cast.otto.put("/1.0/interventions/0123456789abcdef01234567/defer", &json!({ "rate": 60 })).refused(404);
}

fn who_may_not_edit_an_intervention_does_not_defer_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = frontdesk_tests::cast::unique("deferring-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let intervention = cast.ada.engage(&id(&borrowed.shop.contents(&cast.ada, &thread)[0]));
    let request = json!({ "rate": 3_600 });
    // Bo may read it, yet it is Ada's and his role may not edit all.
    cast.bo.put(&format!("{}/defer", path(&intervention)), &request).refused(403);
    defer(&cast.ada, &intervention, 3_600);
    cast.bo.put(&format!("{}/reactivate", path(&intervention)), &json!({})).refused(403);
    cast.ada.put(&format!("{}/reactivate", path(&intervention)), &json!({})).ok();
    let (hidden, _channel) = cast.new_source();
    let other = engaged(&cast.otto, &hidden);
    cast.ada.put(&format!("{}/defer", path(&other)), &request).refused(404);
}

fn agents_are_offered_what_the_account_says(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let thread = "deferring";
    cast.shop.says("vera", thread, "Hello?");
    let intervention = cast.ada.engage(&id(&cast.shop.contents(&cast.ada, thread)[0]));
    let offered = || cast.ada.get(&format!("{}?extended=true", path(&intervention))).ok()["defer_rates"].clone();
    assert_eq!(offered(), json!([3_600, 14_400, 86_400, 172_800, 604_800]));
    let settings = |settings: Value| cast.otto.put("/1.0/settings", &settings).ok();
    settings(json!({ "intervention_defer_rates": [7_200, 600, 600, 90_000] }));
    assert_eq!(offered(), json!([600, 7_200, 90_000]));
    // Nothing is offered that would be refused.
    settings(json!({ "intervention_defer_threshold": 7_200 }));
    assert_eq!(offered(), json!([600, 7_200]));
    let defer = |seconds: i64| cast.ada.put(&format!("{}/defer", path(&intervention)), &json!({ "rate": seconds }));
    assert_eq!(defer(90_000).invalid(), ["rate"]);
    defer(7_200).ok();
    // What is closed is not deferred; and who does not ask is told what is documented.
    cast.ada.reply(intervention["content_id"].as_str().unwrap(), "Hello");
    cast.ada.put(&format!("{}/close", path(&intervention)), &json!({})).ok();
    assert_eq!(offered(), Value::Null);
}
