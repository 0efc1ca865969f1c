//! The journal: what happened, told to who may know.

use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![
    the_journal_tells_what_happened_in_a_thread,
    the_journal_is_searched_by_every_keyword,
    a_search_that_means_nothing_is_refused_with_its_place,
    who_may_not_search_events_sees_none,
    events_of_threads_on_other_sources_are_not_shown,
];

fn names(page: &Value) -> Vec<&str> {
    records(page).iter().map(|event| event["name"].as_str().unwrap()).collect()
}

fn the_journal_tells_what_happened_in_a_thread(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let otto = &cast.otto;
    source.says("vera", "t", "Is anybody there?");
    let content = id(&source.contents(otto, "t")[0]);
    let thread = id(&source.thread(otto, "t"));
    let intervention = id(&otto.engage(&content));
    let reply = otto.reply(&content, "Here we are");
    channel.push_of("Here we are");
    let page = otto.search("/1.0/events", &format!("content_thread:{thread}"));
    // That a content was pushed to its channel is told by webhooks only.
    assert_eq!(names(&page), ["content.replied", "intervention.assigned", "content.imported"]);
    assert_eq!(page["count"], 3);
    let [replied, assigned, imported] = records(&page) else { panic!("{page}") };
    assert_eq!(replied["user_id"], json!(otto.user_id));
    let about = &replied["extra_infos"];
    assert_eq!((&about["content_id"], &about["content_thread_id"]), (&reply["id"], &json!(thread)));
    assert_eq!((&about["content_source_id"], &about["intervention_id"]), (&json!(source.id), &json!(intervention)));
    assert_eq!(assigned["extra_infos"]["intervention_id"], json!(intervention));
    assert_eq!((&imported["user_id"], &imported["extra_infos"]["content_id"]), (&Value::Null, &json!(content)));
    assert_eq!(imported["created_at"], imported["updated_at"]);
    assert_eq!(&otto.get(&format!("/1.0/events/{}", id(replied))).ok(), replied);
    otto.get("/1.0/events/0123456789abcdef01234567").refused(404);
    otto.get("/1.0/events/nonsense").refused(404);
    let again = format!("content_thread:{thread} order:created_at.asc");
    assert_eq!(
        names(&otto.search("/1.0/events", &again)),
        ["content.imported", "intervention.assigned", "content.replied"]
    );
}

fn the_journal_is_searched_by_every_keyword(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let otto = &cast.otto;
    source.says("vera", "t", "One");
    source.says("vera", "t", "Two");
    let [one, two] = [0, 1].map(|at: usize| id(&source.contents(otto, "t")[at]));
    let thread = id(&source.thread(otto, "t"));
    otto.put(&format!("/1.0/contents/{one}/ignore"), &json!({})).ok();
    let user = &otto.user_id;
    let other = &cast.ada.user_id;
    for (q, expected) in [
        ("", vec!["content.ignored", "content.imported", "content.imported"]),
        ("name_in:content.ignored", vec!["content.ignored"]),
        ("name_in:content.imported", vec!["content.imported", "content.imported"]),
        ("name_in:content.ignored name_in:\"content.imported\"", vec!["content.ignored", "content.imported", "content.imported"]),
        ("-name_in:content.imported", vec!["content.ignored"]),
        ("name_in:role.created", vec![]),
        (&format!("content:{one}"), vec!["content.ignored", "content.imported"]),
        (&format!("content:{one} content:{two}"), vec!["content.ignored", "content.imported", "content.imported"]),
        (&format!("-content:{one}"), vec!["content.imported"]),
        (&format!("user:{user}"), vec!["content.ignored"]),
        (&format!("-user:{user}"), vec!["content.imported", "content.imported"]),
        (&format!("user:{other}"), vec![]),
        ("created_after:2020-01-01", vec!["content.ignored", "content.imported", "content.imported"]),
        ("created_after:2020-01-01T00:00:00+02:00 created_before:2999-12-31", vec!["content.ignored", "content.imported", "content.imported"]),
        ("created_before:2020-01-01", vec![]),
        ("created_after:2999-01-01", vec![]),
    ] {
        let page = otto.search("/1.0/events", &format!("content_thread:{thread} {q}"));
        assert_eq!(names(&page), expected, "{q}");
        assert_eq!(page["count"], expected.len(), "{q}");
    }
    let category = id(&otto.create_category(&json!({})));
    let page = otto.search("/1.0/events", &format!("name_in:category.created user:{user} -content_thread:{thread}"));
    assert!(records(&page).iter().any(|event| event["name"] == "category.created"), "{category}: {page}");
    let page = otto.get("/1.0/events?limit=2&offset=1").ok();
    assert_eq!((records(&page).len(), &page["offset"]), (2, &json!(1)));
    let page = otto.get("/1.0/events?limit=150").ok();
    let names = names(&page);
    for untold in ["content.exported", "identity.created", "content.read"] {
        assert!(!names.contains(&untold), "{untold}");
    }
}

fn a_search_that_means_nothing_is_refused_with_its_place(engine: Engine) {
    let cast = Cast::shared(engine);
    for (q, place) in [
        ("hello", "1"),
        ("name_in:content.exported", "1"),
        ("name_in:content.lost", "1"),
        ("created_after:yesterday", "1"),
        ("-created_after:2026-01-01", "1"),
        ("user:nobody", "1"),
        ("user:0123456789abcdef01234567 status_in:new", "31"),
        ("order:name", "1"),
    ] {
        let refused = cast.otto.get(&format!("/1.0/events?q={}", encode(q))).refused(400);
        assert!(refused["message"].as_str().unwrap().contains(&format!("character {place}")), "{refused}");
    }
}

fn who_may_not_search_events_sees_none(engine: Engine) {
    let cast = Cast::shared(engine);
    let event = ids(&cast.otto.get("/1.0/events?limit=1").ok()).remove(0);
    cast.otto.get(&format!("/1.0/events/{event}")).ok();
    cast.rita.get("/1.0/events").refused(403);
    cast.rita.get(&format!("/1.0/events/{event}")).refused(404);
}

fn events_of_threads_on_other_sources_are_not_shown(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "A secret");
    let thread = id(&source.thread(&cast.otto, "t"));
    let q = format!("content_thread:{thread}");
    let event = ids(&cast.otto.search("/1.0/events", &q)).remove(0);
    let role = json!({ "label": frontdesk_tests::cast::unique("Auditors "), "search_event": true });
    let auditor = cast.worker_with(&role);
    assert_eq!(auditor.search("/1.0/events", &q)["count"], 0);
    auditor.get(&format!("/1.0/events/{event}")).refused(404);
    // What is about no thread needs the permission only.
    assert_ne!(auditor.get("/1.0/events").ok()["count"], 0);
}
