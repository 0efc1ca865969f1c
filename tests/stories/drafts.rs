//! Drafts: what an agent has begun to write in a thread, kept for them alone.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![
    a_draft_is_kept_for_its_agent_until_it_is_emptied,
    a_draft_is_not_overwritten_unseen,
    a_draft_goes_with_its_thread,
];

fn a_draft_is_kept_for_its_agent_until_it_is_emptied(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let name = unique("thread-");
    source.says("vera", &name, "Hello?");
    let thread = id(&source.thread(&cast.otto, &name));
    let path = format!("/1.0/content_threads/{thread}/draft");
    let none = json!({ "thread_id": thread, "body": "", "body_format": "text", "version": 0, "updated_at": null });
    assert_eq!(cast.otto.get(&path).ok(), none);
    let kept = cast.otto.put(&path, &json!({ "body": "Dear Vera" })).ok();
    assert_eq!((&kept["body"], &kept["body_format"]), (&json!("Dear Vera"), &json!("text")));
    assert_eq!(cast.otto.get(&path).ok(), kept);
    let html = json!({ "body": "<b>Dear</b>", "body_format": "html" });
    assert_eq!(cast.otto.put(&path, &html).ok()["body_format"], "html");
    // A colleague has their own, and who may not read the thread has none.
    let ada = cast.hire(&[]);
    ada.get(&path).refused(404);
    ada.put(&path, &json!({ "body": "x" })).refused(404);
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", ada.user_id), &json!({ &source.id: "read" })).ok();
    assert_eq!(ada.get(&path).ok(), none);
    assert_eq!(cast.otto.put(&path, &json!({ "body": "" })).ok(), none);
    assert_eq!(cast.otto.put(&path, &json!({ "body": "" })).ok(), none);
    let events = cast.otto.search("/1.0/events", &format!("content_thread:{thread} order:created_at.asc"));
    let kinds: Vec<_> = records(&events).iter().map(|event| event["name"].as_str().unwrap().to_owned()).collect();
    let drafts: Vec<_> = kinds.iter().filter(|kind| kind.contains("draft")).collect();
    assert_eq!(drafts, ["content.draft_created", "content.draft_updated", "content.draft_discarded"]);
    let events = events.to_string();
    assert!(!events.contains("Dear"), "{events}");
    cast.otto.put(&path, &json!({ "body": "x".repeat(40_001) })).refused(422);
    cast.otto.put(&path, &json!({ "body": "x", "body_format": "wax" })).refused(400);
}

fn a_draft_is_not_overwritten_unseen(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let name = unique("thread-");
    source.says("vera", &name, "Hello?");
    let path = format!("/1.0/content_threads/{}/draft", id(&source.thread(&cast.otto, &name)));
    let first = cast.otto.put(&path, &json!({ "body": "one", "version": 0 })).ok();
    cast.otto.put(&path, &json!({ "body": "two", "version": 0 })).refused(409);
    let second = cast.otto.put(&path, &json!({ "body": "two", "version": first["version"] })).ok();
    assert!(second["version"].as_i64() > first["version"].as_i64());
    cast.otto.put(&path, &json!({ "body": "three", "version": first["version"] })).refused(409);
    assert_eq!(cast.otto.get(&path).ok()["body"], "two");
    // Who names no version means it.
    assert_eq!(cast.otto.put(&path, &json!({ "body": "three" })).ok()["body"], "three");
}

fn a_draft_goes_with_its_thread(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let name = unique("thread-");
    source.says("vera", &name, "Hello?");
    let thread = format!("/1.0/content_threads/{}", id(&source.thread(&cast.otto, &name)));
    cast.otto.put(&format!("{thread}/draft"), &json!({ "body": "Dear Vera" })).ok();
    cast.otto.delete(&thread).ok();
    cast.otto.get(&format!("{thread}/draft")).refused(404);
}
