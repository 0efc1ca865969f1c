//! What grows old: contents are archived, and silent threads of messaging sources are closed.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::json;

on_both_engines![
    what_nobody_answered_is_archived_after_a_while,
    a_silent_messaging_thread_is_closed,
    a_server_killed_while_it_closes_threads_closes_each_once,
    a_messaging_thread_says_why_it_ended,
];

fn what_nobody_answered_is_archived_after_a_while(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    source.says("vera", "old", "Hello?");
    source.says("rita", "answered", "Hello?");
    source.says("rita", "assigned", "Hello?");
    let dropped = id(&cast.otto.engage(&id(&source.contents(&cast.otto, "assigned")[0])));
    cast.otto.reply(&id(&source.contents(&cast.otto, "answered")[0]), "Hello");
    let own = format!("/1.0/content_sources/{}", source.id);
    // Without the switch the period alone does nothing.
    cast.otto.put(&own, &json!({ "content_archiving_period": 1 })).ok();
    std::thread::sleep(std::time::Duration::from_millis(3_500));
    assert_eq!(source.contents(&cast.otto, "old")[0]["status"], "new");
    cast.otto.put(&own, &json!({ "content_archiving": true })).ok();
    cast.server.kill();
    cast.server.restart();
    eventually("it is archived", || (source.contents(&cast.otto, "old")[0]["status"] == "ignored").then_some(()));
    assert_eq!(source.contents(&cast.otto, "answered")[0]["status"], "replied");
    assert_ne!(cast.shop.all_contents(&cast.otto).iter().filter(|content| content["status"] == "new").count(), 0);
    let events = cast.otto.search("/1.0/events", "name_in:content.auto_ignored");
    assert_eq!((records(&events).len(), &records(&events)[0]["user_id"]), (1, &json!(null)));
    // It goes on with what comes later.
    source.says("vera", "later", "Hello?");
    eventually("the next one is archived", || {
        (source.contents(&cast.otto, "later")[0]["status"] == "ignored").then_some(())
    });
    // What was somebody's and is nobody's again is found the next time that it walks from the beginning.
    assert_eq!(source.contents(&cast.otto, "assigned")[0]["status"], "assigned");
    cast.otto.delete(&format!("/1.0/interventions/{dropped}/cancel")).ok();
    let hour = 3_600_i64 * 1_000_000;
    cast.server.sql(&format!("UPDATE sweeps SET at = at - {hour} WHERE name = 'archiving began'"));
    eventually("it is archived too", || {
        (source.contents(&cast.otto, "assigned")[0]["status"] == "ignored").then_some(())
    });
}

fn a_silent_messaging_thread_is_closed(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let community = otto.post("/1.0/communities", &json!({ "type": "mobile_messaging", "name": "App" })).ok();
    let source = json!({ "type": "mobile_messaging", "name": "App", "community_id": community["id"] });
    let source = id(&otto.post("/1.0/content_sources", &source).ok());
    let write = |visitor: &str| {
        let content = json!({ "source_id": source, "to": visitor, "body": "Hello" });
        otto.post("/1.0/contents", &content).ok()["thread_id"].as_str().unwrap().to_owned()
    };
    let (silent, lively) = (write(&unique("visitor-")), write(&unique("visitor-")));
    let closed = |thread: &str| otto.get(&format!("/1.0/content_threads/{thread}")).ok()["closed"] == true;
    let five_days = 5_i64 * 24 * 60 * 60 * 1_000_000;
    let hex = match engine {
        Engine::Sqlite => format!("x'{silent}'"),
        Engine::Postgres => format!("decode('{silent}', 'hex')"),
    };
    cast.server.sql(&format!("UPDATE threads SET last_content_at = last_content_at - {five_days} WHERE id = {hex}"));
    eventually("the silent one is closed", || closed(&silent).then_some(()));
    assert!(!closed(&lively));
    let data = otto.get(&format!("/1.0/content_threads/{silent}")).ok()["extra_data"].clone();
    assert_eq!(data["close_cause"], "intervention_auto_closed");
    assert!(data["closed_at"].as_str().unwrap().ends_with('Z'), "{data}");
    let events = otto.search("/1.0/events", &format!("content_thread:{silent} name_in:content.thread_auto_closed"));
    assert_eq!(records(&events).len(), 1);
    // A source that was swept can still be deleted.
    let other = json!({ "type": "mobile_messaging", "name": "Unused", "community_id": community["id"] });
    let other = id(&otto.post("/1.0/content_sources", &other).ok());
    std::thread::sleep(std::time::Duration::from_millis(3_500));
    otto.delete(&format!("/1.0/content_sources/{other}")).ok();
    // Opened again by hand, it stays open.
    otto.put(&format!("/1.0/content_threads/{silent}/open"), &json!({})).ok();
    assert_eq!(otto.get(&format!("/1.0/content_threads/{silent}")).ok()["extra_data"], json!({}));
    std::thread::sleep(std::time::Duration::from_millis(3_500));
    assert!(!closed(&silent));
}

fn a_server_killed_while_it_closes_threads_closes_each_once(engine: Engine) {
    const THREADS: i64 = 5_000;
    let mut cast = Cast::start(engine, &[]);
    let community = cast.otto.post("/1.0/communities", &json!({ "type": "mobile_messaging", "name": "App" })).ok();
    let source = json!({ "type": "mobile_messaging", "name": "App", "community_id": community["id"] });
    let source = id(&cast.otto.post("/1.0/content_sources", &source).ok());
    let (hex, bytes) = match engine {
        Engine::Sqlite => (format!("x'{source}'"), "randomblob(12)"),
        Engine::Postgres => {
            (format!("decode('{source}', 'hex')"), "substring(decode(md5(random()::text), 'hex') from 1 for 12)")
        }
    };
    let insert = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {THREADS})
         INSERT INTO threads (id, source_id, closed, text_input_disabled, extra_data, contents_count,
           interventions_count, first_content_at, last_content_at, created_at, updated_at)
         SELECT {bytes}, {hex}, FALSE, FALSE, '{{}}', 0, 0, n, n, n, n FROM numbers"
    );
    cast.server.sql(&insert);
    let closings = |cast: &Cast| {
        let found = cast.otto.search("/1.0/events", "name_in:content.thread_auto_closed");
        found["count"].as_i64().unwrap()
    };
    // Killed again and again on the way.
    let mut kills = 0;
    let mut seen = 0;
    while seen < THREADS && kills < 4 {
        seen = eventually("more threads are closed", || Some(closings(&cast)).filter(|count| *count > seen));
        cast.server.kill();
        cast.server.restart();
        kills += 1;
    }
    eventually("all are closed", || (closings(&cast) == THREADS).then_some(()));
    std::thread::sleep(std::time::Duration::from_millis(3_000));
    assert_eq!(closings(&cast), THREADS, "nothing is closed twice");
    // One closing each: as many different threads as events, and none left open.
    let mut closed = std::collections::BTreeSet::new();
    for offset in (0..THREADS).step_by(150) {
        let page = format!("/1.0/content_threads?limit=150&offset={offset}&q={}", encode(&format!("source:{source}")));
        for thread in records(&cast.otto.get(&page).ok()) {
            assert_eq!(
                (&thread["closed"], &thread["extra_data"]["close_cause"]),
                (&json!(true), &json!("intervention_auto_closed")),
                "{thread}"
            );
            closed.insert(id(thread));
        }
    }
    assert_eq!(closed.len() as i64, THREADS);
}

fn a_messaging_thread_says_why_it_ended(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    // A visitor's message cannot come in without their window: one of another kind of source becomes theirs.
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(otto, "t")[0]);
    let reply = otto.reply(&content, "Hello");
    eventually("it is sent", || (otto.content(&id(&reply))["synchronization_status"] == "success").then_some(()));
    let thread = source.thread(otto, "t");
    let thread = format!("/1.0/content_threads/{}", id(&thread));
    let intervention = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
    let data = || otto.get(&thread).ok()["extra_data"].clone();
    // Other threads do not end with an intervention.
    otto.put(&format!("{intervention}/close"), &json!({})).ok();
    assert_eq!(data(), json!({}));
    otto.engage(&content);
    let hex = match engine {
        Engine::Sqlite => format!("x'{}'", source.id),
        Engine::Postgres => format!("decode('{}', 'hex')", source.id),
    };
    cast.server.sql(&format!("UPDATE sources SET type = 'mobile_messaging' WHERE id = {hex}"));
    let closed = otto.put(&format!("{intervention}/close"), &json!({})).ok();
    assert_eq!(data(), json!({ "close_cause": "intervention_closed", "closed_at": closed["closed_at"] }));
    assert_eq!(otto.get(&thread).ok()["closed"], false, "an agent's closing ends the work, not the thread");
    otto.engage(&content);
    assert_eq!(data(), json!({}));
}
