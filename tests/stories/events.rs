//! The journal: what happened, and who may look it up.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![
    what_happened_is_in_the_journal,
    the_journal_is_searched_by_its_keywords,
    a_search_that_means_nothing_is_refused_with_its_place,
    what_is_hidden_from_somebody_is_not_in_their_journal,
];

fn names(page: &Value) -> Vec<&str> {
    records(page).iter().map(|event| event["name"].as_str().unwrap()).collect()
}

fn what_happened_is_in_the_journal(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "journal", "Hello?");
    let content = source.contents(&cast.otto, "journal").remove(0);
    let thread = content["thread_id"].as_str().unwrap();
    let reply = cast.otto.reply(&id(&content), "Hello");
    channel.push_of("Hello");
    let page = cast.otto.search("/1.0/events", &format!("content_thread:{thread} order:created_at.asc"));
    // A delivery is told to webhooks only.
    assert_eq!(names(&page), ["content.imported", "intervention.opened", "intervention.assigned", "content.replied"]);
    let [imported, opened, _, replied] = records(&page) else { panic!("{page}") };
    assert_eq!(imported["user_id"], json!(null));
    assert_eq!(imported["extra_infos"]["content_id"], content["id"]);
    assert_eq!(imported["extra_infos"]["content_source_id"], source.id.as_str());
    assert_eq!(imported["extra_infos"]["content_thread_id"], thread);
    assert_eq!(opened["extra_infos"]["intervention_id"], reply["intervention_id"]);
    assert_eq!((&replied["user_id"], &replied["extra_infos"]["content_id"]), (&json!(cast.otto.user_id), &reply["id"]));
    assert_eq!(replied["created_at"], replied["updated_at"]);
    for event in records(&page) {
        assert_eq!(&cast.otto.get(&format!("/1.0/events/{}", id(event))).ok(), event);
    }
    assert!(!page.to_string().contains("Hello"), "the journal never tells what was said");
    cast.otto.get("/1.0/events/0123456789abcdef01234567").refused(404);
    // A thread that has gone leaves its trace.
    cast.otto.delete(&format!("/1.0/content_threads/{thread}")).ok();
    let after = cast.otto.search("/1.0/events", &format!("content_thread:{thread}"));
    assert_eq!(names(&after)[0], "content_thread.destroyed");
}

fn the_journal_is_searched_by_its_keywords(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "first", "One");
    source.says("vera", "second", "Two");
    let only = |thread: &str| source.contents(&cast.otto, thread).remove(0);
    let (first, second) = (only("first"), only("second"));
    cast.otto.put(&format!("/1.0/contents/{}/ignore", id(&first)), &json!({})).ok();
    let thread = |content: &Value| content["thread_id"].as_str().unwrap().to_owned();
    let both = format!("content_thread:{} content_thread:{}", thread(&first), thread(&second));
    let (imported, ignored) = ("content.imported", "content.ignored");
    for (q, expected) in [
        (both.clone(), vec![ignored, imported, imported]),
        (format!("{both} order:created_at.asc"), vec![imported, imported, ignored]),
        (format!("{both} name_in:{imported}"), vec![imported, imported]),
        (format!("{both} name_in:{imported} name_in:{ignored}"), vec![ignored, imported, imported]),
        (format!("{both} -name_in:{imported}"), vec![ignored]),
        (format!("{both} user:{}", cast.otto.user_id), vec![ignored]),
        (format!("{both} -user:{}", cast.otto.user_id), vec![imported, imported]),
        (format!("content:{}", id(&first)), vec![ignored, imported]),
        (format!("content:{} -content_thread:{}", id(&first), thread(&first)), vec![]),
        (format!("{both} created_after:yesterday"), vec![ignored, imported, imported]),
        (format!("{both} created_before:\"1 hour ago\""), vec![]),
        (format!("{both} created_after:2999-01-01"), vec![]),
        (format!("{both} created_before:2999-01-01T00:00:00Z"), vec![ignored, imported, imported]),
    ] {
        let page = cast.otto.search("/1.0/events", &q);
        assert_eq!(names(&page), expected, "{q}");
        assert_eq!(page["count"], expected.len(), "{q}");
    }
    cast.otto.create_category(&json!({}));
    let created = cast.otto.search("/1.0/events", &format!("name_in:category.created user:{}", cast.otto.user_id));
    assert!(!records(&created).is_empty() && names(&created).iter().all(|name| *name == "category.created"));
    let page = cast.otto.get(&format!("/1.0/events?limit=1&offset=1&q={}", encode(&both))).ok();
    assert_eq!((names(&page), &page["count"]), (vec![imported], &json!(3)));
}

fn a_search_that_means_nothing_is_refused_with_its_place(engine: Engine) {
    let cast = Cast::shared(engine);
    for (q, place) in [
        ("hello", "character 1"),
        ("text:hello", "character 1"),
        ("name_in:content.lost", "character 1"),
        ("name_in:content.exported", "character 1"),
        ("user:nobody", "character 1"),
        ("content:x", "character 1"),
        ("created_after:soonish", "character 1"),
        ("name_in:content.replied -created_after:yesterday", "character 25"),
        ("order:name", "character 1"),
    ] {
        let refused = cast.otto.get(&format!("/1.0/events?q={}", encode(q))).refused(400);
        assert!(refused["message"].as_str().unwrap().contains(place), "{q}: {refused}");
    }
}

fn what_is_hidden_from_somebody_is_not_in_their_journal(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let role = json!({ "label": unique("Auditor "), "search_event": true });
    let role = id(&cast.otto.post("/1.0/roles", &role).ok());
    cast.otto.put(&format!("/1.0/users/{}", cast.rita.user_id), &json!({ "role_id": role })).ok();
    let (source, _channel) = cast.new_source();
    source.says("vera", "hidden", "Hello?");
    let content = source.contents(&cast.otto, "hidden").remove(0);
    cast.shop.says("vera", "seen", "Hello?");
    let q = format!("content_thread:{}", content["thread_id"].as_str().unwrap());
    let event = id(&records(&cast.otto.search("/1.0/events", &q))[0]);
    cast.rita.get(&format!("/1.0/events/{event}")).refused(404);
    assert_eq!(cast.rita.search("/1.0/events", &q)["count"], 0);
    assert_eq!(cast.rita.search("/1.0/events", &format!("content:{}", id(&content)))["count"], 0);
    let all = cast.rita.get("/1.0/events?limit=150").ok();
    assert!(!ids(&all).contains(&event) && names(&all).contains(&"content.imported"), "{all}");
    // Neither when it has gone, nor what happens to the source itself.
    cast.otto.delete(&format!("/1.0/content_threads/{}", content["thread_id"].as_str().unwrap())).ok();
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "color": 3 })).ok();
    cast.otto.put(&format!("/1.0/content_sources/{}", cast.shop.id), &json!({ "color": 3 })).ok();
    let of_sources = |source_id: &str| {
        let found = cast.otto.search("/1.0/events", "name_in:content_source.updated");
        let about = |event: &&Value| event["extra_infos"]["content_source_id"] == source_id;
        id(records(&found).iter().find(about).expect("an event about the source"))
    };
    let (about_hidden, about_seen) = (of_sources(&source.id), of_sources(&cast.shop.id));
    for hidden in [&event, &about_hidden] {
        cast.otto.get(&format!("/1.0/events/{hidden}")).ok();
        cast.rita.get(&format!("/1.0/events/{hidden}")).refused(404);
    }
    cast.rita.get(&format!("/1.0/events/{about_seen}")).ok();
    let all = cast.rita.get("/1.0/events?limit=150").ok();
    for record in records(&all) {
        let told = &record["extra_infos"];
        assert!(told["content_thread_id"] != content["thread_id"] && told["content_source_id"] != source.id.as_str());
    }
    cast.ada.get("/1.0/events").refused(403);
    cast.ada.get(&format!("/1.0/events/{event}")).refused(404);
}
