//! The journal: what happened, and who may look it up.

use std::collections::{BTreeMap, BTreeSet};

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, Person, Transport};
use serde_json::{Value, json};

use crate::objects::messaging_source;

on_both_engines![
    what_happened_is_in_the_journal,
    the_journal_is_searched_by_its_keywords,
    a_search_that_means_nothing_is_refused_with_its_place,
    what_is_hidden_from_somebody_is_not_in_their_journal,
    the_journal_and_the_stream_tell_everybody_the_same,
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

/// All that somebody's journal shows: the id and the name of each event.
fn journal(person: &Person) -> BTreeMap<String, String> {
    let mut shown = BTreeMap::new();
    loop {
        let page = person.get(&format!("/1.0/events?limit=150&offset={}", shown.len())).ok();
        assert!(page["count"].as_u64().unwrap() >= shown.len() as u64);
        shown.extend(records(&page).iter().map(|event| (id(event), event["name"].as_str().unwrap().to_owned())));
        if records(&page).len() < 150 {
            assert_eq!(page["count"], shown.len(), "the count tells of no more than the list");
            return shown;
        }
    }
}

/// All that somebody's stream has told of since the beginning, up to a message that they see.
fn told(person: &Person, last: &str) -> BTreeSet<String> {
    let mut stream = person.stream(Transport::Events, "after=0");
    let mut told = BTreeSet::new();
    loop {
        let event = stream.event();
        told.extend(event["id"].as_str().map(str::to_owned));
        if event["resource"]["metadata"]["body"] == last {
            return told;
        }
    }
}

fn the_journal_and_the_stream_tell_everybody_the_same(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let role = json!({ "label": unique("Auditor "), "search_event": true });
    let role = id(&otto.post("/1.0/roles", &role).ok());
    // Rita reads the shop alone; Zoe every source, which lets her see no customer of a community that has none.
    otto.put(&format!("/1.0/users/{}", cast.rita.user_id), &json!({ "role_id": role })).ok();
    let (rita, zoe) = (&cast.rita, &cast.hire_as(&role));
    let (hidden, _channel) = cast.new_source();
    let (app, own_app) = (messaging_source(otto), messaging_source(otto));
    otto.put(&format!("/1.0/users/{}/sources_permissions", rita.user_id), &json!({ &own_app: "read" })).ok();
    let sources = otto.get("/1.0/content_sources?limit=150").ok();
    let everywhere: Value = ids(&sources).into_iter().map(|source| (source, json!("read"))).collect();
    otto.put(&format!("/1.0/users/{}/sources_permissions", zoe.user_id), &everywhere).ok();

    let found = |person: &Person, name: &str| {
        let page = person.get(&format!("/1.0/events?limit=150&q=name_in:{name}")).ok();
        assert_eq!(page["count"], records(&page).len(), "{name}: {page}");
        records(&page).len()
    };
    let new = [
        ("mobile_messaging.trigger.created", [4, 4, 2]),
        ("mobile_messaging.trigger.updated", [2, 2, 1]),
        ("mobile_messaging.trigger.destroyed", [2, 2, 1]),
        ("content_thread.destroyed", [2, 2, 1]),
        ("identity.muted", [3, 2, 1]),
        ("identity_group.updated", [2, 2, 0]),
        ("category.created", [1, 1, 1]),
    ];
    let before = new.map(|(name, _)| [otto, zoe, rita].map(|person| found(person, name)));

    for source in [&app, &own_app] {
        let path = format!("/1.0/content_sources/{source}/triggers");
        let trigger =
            |label: &str| id(&otto.post(&path, &json!({ "label": label, "actions": { "show": "open" } })).ok());
        let (kept, gone) = (trigger("Kept"), trigger("Gone"));
        otto.put(&format!("{path}/{kept}"), &json!({ "label": "Still kept" })).ok();
        otto.delete(&format!("{path}/{gone}")).ok();
    }
    for source in [&hidden, &cast.shop] {
        let (stays, goes) = (unique("thread-"), unique("thread-"));
        for thread in [&stays, &goes] {
            source.says(&unique("author-"), thread, "Hello?");
        }
        let content = source.contents(otto, &stays).remove(0);
        let identity = content["author_id"].as_str().unwrap();
        otto.put(&format!("/1.0/identities/{identity}/mute"), &json!({})).ok();
        otto.put(&format!("/1.0/identities/{identity}/identity_group"), &json!({ "company": "Kettles" })).ok();
        otto.delete(&format!("/1.0/content_threads/{}", id(&source.thread(otto, &goes)))).ok();
    }
    let nowhere = json!({ "type": "emails", "name": unique("Imported ") });
    let nowhere = id(&otto.post("/1.0/communities", &nowhere).ok());
    let imported = json!({ "community_id": nowhere, "identifier": "vera@shop.example" });
    let imported = id(&otto.post("/1.0/identities/import", &imported).json());
    otto.put(&format!("/1.0/identities/{imported}/mute"), &json!({})).ok();
    otto.create_category(&json!({}));

    let (last, thread) = (unique("The last word "), unique("thread-"));
    cast.shop.says("vera", &thread, &last);
    let all = journal(otto);
    // What follows from that by itself is left out: ids are in the order of the log.
    let end = otto.search("/1.0/events", &format!("content:{}", id(&cast.shop.contents(otto, &thread)[0])));
    let end = records(&end).iter().map(id).min().expect("the last message's event");
    let compared = |event: &String| all.contains_key(event) && *event <= end;
    for ((name, expected), before) in new.into_iter().zip(before) {
        let after = [otto, zoe, rita].map(|person| found(person, name));
        let more: Vec<usize> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        assert_eq!(more, expected, "{name}");
    }
    for person in [otto, zoe, rita] {
        let shown: BTreeSet<String> = journal(person).into_keys().filter(compared).collect();
        let told: BTreeSet<String> = told(person, &last).into_iter().filter(compared).collect();
        let names = |events: Vec<&String>| events.iter().map(|event| all[*event].as_str()).collect::<Vec<_>>();
        let (more, less) = (shown.difference(&told).collect(), told.difference(&shown).collect());
        assert_eq!((names(more), names(less)), (vec![], vec![]), "only in the journal, only in the stream");
    }
    // Of what an earlier version wrote not everything is known: it is for who reads every source.
    cast.server.sql("UPDATE log SET source_id = NULL");
    for name in ["mobile_messaging.trigger.destroyed", "content_thread.destroyed"] {
        assert_eq!([otto, zoe, rita].map(|person| found(person, name)), [2, 2, 0], "{name}");
    }
    let imported = [otto, rita].map(|person| found(person, "content.imported"));
    assert!(imported[0] > imported[1] && imported[1] > 1, "a thread says where it is: {imported:?}");
}
