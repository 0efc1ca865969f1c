//! Scheduled sending: a content goes out when its time comes, unless it is withdrawn before.

use std::time::Duration;

use frontdesk_tests::clock::after;
use frontdesk_tests::pages::id;
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_scheduled_answer_goes_out_at_its_time_and_not_before,
    a_scheduled_answer_goes_out_after_a_crash,
    a_scheduled_answer_is_withdrawn_or_moved,
    a_scheduled_answer_that_needs_approval_waits_for_both,
    a_time_is_refused_where_it_makes_no_sense,
    a_closed_thread_gets_no_scheduled_answer,
    an_intervention_is_not_closed_over_an_answer_that_waits,
    an_answer_that_was_withdrawn_opens_its_intervention_anew,
    an_answer_goes_out_only_if_its_author_may_still_write_it,
];

fn question(cast: &Cast) -> (FakeChannel, String) {
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let question = id(&source.contents(&cast.otto, "t")[0]);
    (channel, question)
}

fn schedule(person: &Person, question: &str, text: &str, seconds: i64) -> Value {
    let draft = json!({ "in_reply_to_id": question, "body": text, "scheduled_at": after(seconds) });
    person.post("/1.0/contents?extended=true", &draft).ok()
}

fn replies(person: &Person, content: &Value) -> Value {
    person.get(&format!("/1.0/interventions/{}", content["intervention_id"].as_str().unwrap())).ok()
        ["user_replies_count"]
        .clone()
}

fn a_scheduled_answer_goes_out_at_its_time_and_not_before(engine: Engine) {
    let cast = Cast::shared(engine);
    let (channel, question) = question(&cast);
    let started = std::time::Instant::now();
    let reply = schedule(&cast.otto, &question, "Later", 2);
    assert!(reply["scheduled_at"].is_string(), "{reply}");
    assert_eq!(reply["synchronization_status"], "export_pending");
    assert_eq!(replies(&cast.otto, &reply), 0);
    let shown = cast.otto.content(&id(&reply));
    assert!(shown.get("scheduled_at").is_none(), "a documented answer has nothing of ours");
    let q = format!("content_thread:{} name_in:content.discussion_planned", shown["thread_id"].as_str().unwrap());
    assert_eq!(cast.otto.search("/1.0/events", &q)["count"], 1, "the journal tells that it is planned");
    channel.push_of("Later");
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
    eventually("it is sent", || (cast.otto.content(&id(&reply))["synchronization_status"] == "success").then_some(()));
    assert_eq!(replies(&cast.otto, &reply), 1);
    let shown = cast.otto.get(&format!("/1.0/contents/{}?extended=true", id(&reply))).ok();
    assert!(shown.get("scheduled_at").is_none(), "{shown}");
    assert_eq!(channel.pushes().len(), 1);
}

fn a_scheduled_answer_goes_out_after_a_crash(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (channel, question) = question(&cast);
    let reply = schedule(&cast.otto, &question, "Later", 1);
    cast.server.kill();
    std::thread::sleep(Duration::from_millis(1_500));
    cast.server.restart();
    assert_eq!(channel.push_of("Later").params()["content_id"], reply["id"]);
    eventually("it is sent", || (cast.otto.content(&id(&reply))["synchronization_status"] == "success").then_some(()));
    assert_eq!((channel.pushes().len(), replies(&cast.otto, &reply)), (1, json!(1)));
}

fn a_scheduled_answer_is_withdrawn_or_moved(engine: Engine) {
    let cast = Cast::shared(engine);
    let (channel, question) = question(&cast);
    let undone = schedule(&cast.otto, &question, "Undone", 2);
    let path = |content: &Value| format!("/1.0/contents/{}", id(content));
    let withdrawn = cast.otto.put(&format!("{}/withdraw", path(&undone)), &json!({})).ok();
    assert_eq!(withdrawn["synchronization_status"], "export_aborted");
    let earlier = schedule(&cast.otto, &question, "Earlier", 3_600);
    cast.otto.put(&path(&earlier), &json!({ "scheduled_at": after(1) })).ok();
    channel.push_of("Earlier");
    let now = schedule(&cast.otto, &question, "Now", 3_600);
    cast.otto.put(&path(&now), &json!({ "scheduled_at": "" })).ok();
    channel.push_of("Now");
    std::thread::sleep(Duration::from_millis(1_500));
    assert!(channel.pushes().iter().all(|push| push.text() != "Undone"));
    // What was withdrawn can go out after all, and then it counts.
    assert_eq!(replies(&cast.otto, &undone), 2);
    cast.otto.put(&format!("{}/export", path(&undone)), &json!({})).ok();
    channel.push_of("Undone");
    assert_eq!(replies(&cast.otto, &undone), 3);
}

fn a_scheduled_answer_that_needs_approval_waits_for_both(engine: Engine) {
    let cast = Cast::shared(engine);
    let (channel, question) = question(&cast);
    let source = cast.otto.content(&question)["source_id"].as_str().unwrap().to_owned();
    let nina = cast.hire(&["delay_export_content"]);
    for person in [&nina, &cast.ada] {
        let rights = json!({ (source.as_str()): "read,reply,approval_required" });
        cast.otto.put(&format!("/1.0/users/{}/sources_permissions", person.user_id), &rights).ok();
    }
    let approve = |content: &Value| cast.otto.put(&format!("/1.0/contents/{}/approve", id(content)), &json!({})).ok();
    // Ada's role cannot delay.
    let draft = json!({ "in_reply_to_id": question, "body": "Never", "scheduled_at": after(1) });
    cast.ada.post("/1.0/contents", &draft).refused(403);
    // Its time comes first, then the approval; and the other way round.
    let late = schedule(&nina, &question, "Approved late", 1);
    let early = schedule(&nina, &question, "Approved early", 3);
    assert_eq!((&late["approval_required"], &early["approval_required"]), (&json!(true), &json!(true)));
    let approved = approve(&early);
    assert_eq!(
        (&approved["approval_required"], &approved["synchronization_status"]),
        (&json!(false), &json!("export_pending"))
    );
    std::thread::sleep(Duration::from_millis(1_800));
    assert!(channel.pushes().is_empty(), "{:?}", channel.pushes());
    approve(&late);
    channel.push_of("Approved late");
    channel.push_of("Approved early");
    assert_eq!(channel.pushes().len(), 2);
    assert_eq!(replies(&cast.otto, &late), 2);
}

fn a_time_is_refused_where_it_makes_no_sense(engine: Engine) {
    let cast = Cast::shared(engine);
    let (channel, question) = question(&cast);
    for (at, status) in [("2012-01-01", 422), ("2999-01-01", 422), ("whenever", 400), ("\u{0}", 400)] {
        let draft = json!({ "in_reply_to_id": question, "body": "Never", "scheduled_at": at });
        cast.otto.post("/1.0/contents", &draft).refused(status);
    }
    assert_eq!(cast.otto.content(&question)["intervention_id"], Value::Null, "a refused answer engages nobody");
    assert!(channel.pushes().is_empty());
}

fn a_closed_thread_gets_no_scheduled_answer(engine: Engine) {
    let cast = Cast::shared(engine);
    // Only messaging threads can be closed; an agent writes first there.
    let community = json!({ "type": "mobile_messaging", "name": frontdesk_tests::cast::unique("Community ") });
    let community = cast.otto.post("/1.0/communities", &community).ok();
    let source = json!({
        "type": "mobile_messaging", "name": frontdesk_tests::cast::unique("Source "), "community_id": community["id"]
    });
    let source = cast.otto.post("/1.0/content_sources", &source).ok();
    let draft = |text: &str, seconds| json!({ "source_id": source["id"], "to": "visitor", "body": text, "scheduled_at": after(seconds) });
    let first = cast.otto.post("/1.0/contents", &draft("To a closed thread", 2)).ok();
    assert_eq!(first["synchronization_status"], "export_pending");
    cast.otto.put(&format!("/1.0/content_threads/{}/close", first["thread_id"].as_str().unwrap()), &json!({})).ok();
    // Neither at once, nor when it is taken up again.
    let path = |content: &Value| format!("/1.0/contents/{}", id(content));
    cast.otto.put(&path(&first), &json!({ "scheduled_at": "" })).refused(403);
    let undone = cast.otto.post("/1.0/contents", &draft("Taken back", 3_600)).ok();
    cast.otto.put(&format!("{}/withdraw", path(&undone)), &json!({})).ok();
    let thread = format!("/1.0/content_threads/{}", undone["thread_id"].as_str().unwrap());
    cast.otto.put(&format!("{thread}/close"), &json!({})).ok();
    cast.otto.put(&format!("{}/export", path(&undone)), &json!({})).refused(403);
    cast.otto.put(&format!("{thread}/open"), &json!({})).ok();
    cast.otto.put(&format!("{}/export", path(&undone)), &json!({})).ok();
    let second = cast.otto.post("/1.0/contents", &draft("To an open thread", 1)).ok();
    let wait_for = |content: &Value, status: &str| {
        eventually(status, || {
            Some(cast.otto.content(&id(content))).filter(|shown| shown["synchronization_status"] == status)
        })
    };
    wait_for(&second, "success");
    let aborted = wait_for(&first, "export_aborted");
    assert!(aborted["synchronization_error"].as_str().unwrap().contains("closed"), "{aborted}");
}

fn an_intervention_is_not_closed_over_an_answer_that_waits(engine: Engine) {
    let cast = Cast::shared(engine);
    let (channel, question) = question(&cast);
    let intervention = cast.otto.reply(&question, "Now")["intervention_id"].as_str().unwrap().to_owned();
    let reply = schedule(&cast.otto, &question, "Later", 3_600);
    let close = format!("/1.0/interventions/{intervention}/close");
    cast.otto.put(&close, &json!({})).refused(403);
    let path = format!("/1.0/contents/{}", id(&reply));
    cast.otto.put(&format!("{path}/withdraw"), &json!({})).ok();
    cast.otto.put(&close, &json!({})).ok();
    // Under a closed one nothing is answered, old or new.
    cast.otto.put(&format!("{path}/export"), &json!({})).refused(422);
    cast.otto.engage(&question);
    cast.otto.put(&format!("{path}/export"), &json!({})).ok();
    channel.push_of("Later");
    assert_eq!(replies(&cast.otto, &reply), 2);
}

fn an_answer_that_was_withdrawn_opens_its_intervention_anew(engine: Engine) {
    let cast = Cast::shared(engine);
    let (channel, question) = question(&cast);
    let reply = schedule(&cast.otto, &question, "After all", 3_600);
    let path = format!("/1.0/contents/{}", id(&reply));
    cast.otto.put(&format!("{path}/withdraw"), &json!({})).ok();
    let intervention = reply["intervention_id"].as_str().unwrap();
    cast.otto.delete(&format!("/1.0/interventions/{intervention}/cancel")).ok();
    assert_eq!(cast.otto.content(&question)["status"], "new");
    let sent = cast.otto.put(&format!("{path}/export"), &json!({})).ok();
    channel.push_of("After all");
    assert_eq!(cast.otto.content(&question)["status"], "replied");
    assert_eq!(replies(&cast.otto, &sent), 1);
}

fn an_answer_goes_out_only_if_its_author_may_still_write_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (channel, question) = question(&cast);
    let source = cast.otto.content(&question)["source_id"].as_str().unwrap().to_owned();
    let give = |person: &Person, rights: &str| {
        let path = format!("/1.0/users/{}/sources_permissions", person.user_id);
        cast.otto.put(&path, &json!({ (source.as_str()): rights })).ok();
    };
    let [stays, silenced, watched, disabled, deleted] =
        ["stays", "silenced", "watched", "disabled", "deleted"].map(|text| {
            let person = cast.hire(&["delay_export_content"]);
            give(&person, "read,reply");
            let reply = schedule(&person, &question, text, 3);
            (person, id(&reply))
        });
    give(&silenced.0, "read");
    give(&watched.0, "read,reply,approval_required");
    cast.otto.put(&format!("/1.0/users/{}", disabled.0.user_id), &json!({ "enabled": false })).ok();
    cast.otto.delete(&format!("/1.0/users/{}", deleted.0.user_id)).ok();
    channel.push_of("stays");
    eventually("it is sent", || (cast.otto.content(&stays.1)["synchronization_status"] == "success").then_some(()));
    for (_, content) in [&silenced, &disabled, &deleted] {
        let content = eventually("it is aborted", || {
            Some(cast.otto.content(content)).filter(|content| content["synchronization_status"] == "export_aborted")
        });
        assert!(content["synchronization_error"].as_str().unwrap().contains("author"), "{content}");
    }
    eventually("it waits", || (cast.otto.content(&watched.1)["approval_required"] == true).then_some(()));
    assert_eq!(channel.pushes().len(), 1);
    cast.otto.put(&format!("/1.0/contents/{}/approve", watched.1), &json!({})).ok();
    channel.push_of("watched");
}
