//! Threads: listed, searched, closed, opened, categorised.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Source, clock, eventually};
use serde_json::{Value, json};

on_both_engines![
    threads_are_listed_by_their_latest_content,
    threads_are_searched_by_every_keyword,
    threads_are_searched_by_who_works_on_them,
    threads_are_searched_by_what_waits_in_them,
    a_search_that_means_nothing_is_refused_with_its_place,
    threads_of_a_channel_that_cannot_close_them_are_not_closed,
    a_messaging_thread_is_closed_and_opened,
    a_thread_is_read_with_its_documented_counters,
    a_list_of_threads_shows_who_wrote_what_and_who_waits,
    threads_get_categories,
    a_thread_that_is_only_a_title_has_no_contents,
    a_first_content_with_a_title_names_the_thread,
    an_archived_thread_waits_for_nobody,
    text_input_is_switched_on_messaging_threads,
    a_deleted_thread_takes_everything_with_it,
    a_long_thread_is_archived_and_deleted_step_by_step,
    deleting_takes_its_permission,
];

fn three_threads(cast: &Cast) -> (Source, FakeChannel) {
    let (source, channel) = cast.new_source();
    for name in ["a", "b", "c"] {
        source.says(&format!("author-{name}"), name, &format!("Kettle number {name}{name}{name}"));
    }
    (source, channel)
}

fn threads_are_listed_by_their_latest_content(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = three_threads(&cast);
    let foreign_ids = |q: &str| -> Vec<String> {
        let page = cast.otto.search("/1.0/content_threads", &format!("source:{} {q}", source.id));
        records(&page).iter().map(|thread| thread["foreign_id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(foreign_ids(""), ["c", "b", "a"]);
    source.says("author-a", "a", "It is still broken");
    assert_eq!(foreign_ids(""), ["a", "c", "b"]);
    assert_eq!(foreign_ids("order:last_content_at.asc"), ["b", "c", "a"]);
    assert_eq!(foreign_ids("order:created_at.asc"), ["a", "b", "c"]);
    assert_eq!(foreign_ids("order:created_at.desc"), ["c", "b", "a"]);
    let q = encode(&format!("source:{}", source.id));
    let page = cast.otto.get(&format!("/1.0/content_threads?q={q}&offset=1&limit=1")).ok();
    assert_eq!((&page["count"], &page["offset"], &page["limit"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!(records(&page)[0]["foreign_id"], "c");
    let page = cast.otto.get(&format!("/1.0/content_threads?q={q}&offset=3")).ok();
    assert_eq!((&page["count"], records(&page).len()), (&json!(3), 0));
}

fn threads_are_searched_by_every_keyword(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = three_threads(&cast);
    let otto = &cast.otto;
    let [a, b, c] = ["a", "b", "c"].map(|name| id(&source.thread(otto, name)));
    let category = otto.create_category(&json!({}));
    let put = json!({ "thread_category_ids": [category["id"]] });
    otto.put(&format!("/1.0/content_threads/{a}/update_categories"), &put).ok();
    let of_b = source.contents(otto, "b").remove(0);
    let engaged = otto.engage(&id(&of_b));
    let outcome = otto.create_category(&json!({}));
    let put = json!({ "category_ids": [outcome["id"]] });
    otto.put(&format!("/1.0/interventions/{}/update_categories", id(&engaged)), &put).ok();
    otto.put(&format!("/1.0/contents/{}/ignore", id(&source.contents(otto, "c")[0])), &json!({})).ok();

    let user = &cast.otto.user_id;
    let author = of_b["author_id"].as_str().unwrap();
    let (category, disposition) = (id(&category), id(&outcome));
    for (q, expected) in [
        ("", vec![&c, &b, &a]),
        ("foreign:a", vec![&a]),
        ("foreign:a foreign:\"c\"", vec![&c, &a]),
        ("status_in:assigned", vec![&b]),
        ("status_in:new status_in:assigned", vec![&b, &a]),
        ("-status_in:ignored", vec![&b, &a]),
        (&format!("identity:{author}"), vec![&b]),
        (&format!("categorized_in:{category}"), vec![&a]),
        (&format!("categorized_in:{disposition}"), vec![&b]),
        (&format!("not_categorized_in:{category}"), vec![&c, &b]),
        ("categorized:true", vec![&b, &a]),
        ("categorized:no", vec![&c]),
        ("assigned:true", vec![&b]),
        ("-assigned:true", vec![&c, &a]),
        ("opened_and_assigned:1", vec![&b]),
        ("active_and_assigned:off", vec![&c, &a]),
        ("assigned_to_me:true", vec![&b]),
        ("active_and_assigned_to_me:true", vec![&b]),
        (&format!("assigned_to:{user}"), vec![&b]),
        (&format!("opened_and_assigned_to:{user}"), vec![&b]),
        (&format!("-active_and_assigned_to:{user}"), vec![&c, &a]),
        ("last_content_after:2020-01-01", vec![&c, &b, &a]),
        ("last_content_before:2020-01-01T00:00:00Z", vec![]),
        ("first_content_after:2020-01-01 first_content_before:2999-12-31", vec![&c, &b, &a]),
        ("text:bbb", vec![&b]),
        ("bbb kettle", vec![&b]),
        ("KETTLE", vec![&c, &b, &a]),
        ("\"number ccc\"", vec![&c]),
        ("teapot", vec![]),
        ("foreign:nothing", vec![]),
        ("assigned:true assigned:false", vec![&c, &b, &a]),
        ("assigned:true -assigned:false", vec![&b]),
        ("assigned:true assigned:false -assigned:true", vec![&c, &a]),
        ("assigned:true -assigned:true", vec![]),
        ("-assigned:true -assigned:false", vec![]),
        ("-opened_and_assigned:true -opened_and_assigned:false", vec![]),
        ("-status_in:ignored -status_in:new", vec![&b]),
        (&format!("-not_categorized_in:{category}"), vec![&a]),
        (&format!("not_categorized_in:{category} not_categorized_in:{disposition}"), vec![&c]),
        ("last_content_after:yesterday", vec![&c, &b, &a]),
        ("last_content_after:\"2 hours ago\" first_content_after:\"il y a 2 heures\"", vec![&c, &b, &a]),
        ("last_content_before:\"6 business hours ago\"", vec![]),
        ("first_content_before:\"last friday at 20:00\"", vec![]),
        ("last_content_before:2999-01-31", vec![&c, &b, &a]),
        ("scheduled:true", vec![]),
        ("approval_required:false", vec![&c, &b, &a]),
    ] {
        let page = otto.search("/1.0/content_threads", &format!("source:{} {q}", source.id));
        assert_eq!(ids(&page).iter().collect::<Vec<_>>(), expected, "{q}");
        assert_eq!(page["count"], expected.len(), "{q}");
    }
    let other = format!("-source:{} kettle", source.id);
    let found = ids(&otto.search("/1.0/content_threads", &other));
    assert!([a, b, c].iter().all(|thread| !found.contains(thread)));
}

/// The threads that somebody finds, by their foreign ids, in order of these.
fn found(reader: &Person, source: &Source, q: &str) -> String {
    let page = reader.search("/1.0/content_threads", &format!("source:{} {q}", source.id));
    let mut names: Vec<&str> = records(&page).iter().map(|thread| thread["foreign_id"].as_str().unwrap()).collect();
    assert_eq!(page["count"], names.len(), "{q}");
    names.sort_unstable();
    names.concat()
}

/// Nina reads and answers on a source with three threads, has a skill and a team.
fn nina_works(cast: &Cast, rights: &str) -> (Person, Source, FakeChannel) {
    let (source, channel) = three_threads(cast);
    let nina = cast.hire(&["delay_export_content", "update_own_intervention"]);
    let path = format!("/1.0/users/{}/sources_permissions", nina.user_id);
    cast.otto.put(&path, &json!({ &source.id: rights })).ok();
    (nina, source, channel)
}

fn threads_are_searched_by_who_works_on_them(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let (nina, source, _channel) = nina_works(&cast, "read,reply");
    let root = id(&otto.create_category(&json!({})));
    let skill = id(&otto.create_category(&json!({ "parent_id": root })));
    let other = id(&otto.create_category(&json!({})));
    let user = format!("/1.0/users/{}", nina.user_id);
    otto.put(&user, &json!({ "category_ids": [skill] })).ok();
    let team = json!({ "name": "Nina's", "user_ids": [nina.user_id] });
    let team = id(&otto.post("/1.0/teams", &team).ok());
    let nobodys = id(&otto.post("/1.0/teams", &json!({ "name": "Nobody's" })).ok());
    let put = json!({ "thread_category_ids": [skill] });
    otto.put(&format!("/1.0/content_threads/{}/update_categories", id(&source.thread(otto, "a"))), &put).ok();
    let engaged = id(&nina.engage(&id(&source.contents(otto, "b")[0])));
    let author = source.contents(otto, "a")[0]["author_id"].as_str().unwrap().to_owned();
    let group = otto.put(&format!("/1.0/identities/{author}/identity_group"), &json!({ "company": "Kettles" })).ok();
    let group = id(&group);
    let who = &nina.user_id;
    let all = "abc";
    let mut asked: Vec<(String, &str)> = vec![
        ("categorized_in_mine:true".into(), "a"),
        ("categorized_in_mine:off".into(), "bc"),
        ("-categorized_in_mine:1".into(), "bc"),
        (format!("categorized_in_mine_of:{root}"), "a"),
        (format!("categorized_in_mine_of:{skill}"), "a"),
        (format!("categorized_in_mine_of:{other}"), ""),
        (format!("-categorized_in:{skill}"), "bc"),
        (format!("identity_group:{group}"), "a"),
        ("identity_group:0123456789abcdef01234567".into(), ""),
        ("needs_manual_categorization:true".into(), ""),
        ("needs_manual_categorization:false".into(), all),
    ];
    for which in ["", "opened_and_", "active_and_"] {
        asked.extend([
            (format!("{which}assigned:yes"), "b"),
            (format!("-{which}assigned:yes"), "ac"),
            (format!("{which}assigned_to:{who}"), "b"),
            (format!("-{which}assigned_to:{who}"), "ac"),
            (format!("{which}assigned_to_me:on"), "b"),
            (format!("{which}assigned_to_me:no"), "ac"),
            (format!("{which}assigned_to_team:{team}"), "b"),
            (format!("-{which}assigned_to_team:{team}"), "ac"),
            (format!("{which}assigned_to_team:{nobodys}"), ""),
            (format!("{which}assigned_to_team:{nobodys} {which}assigned_to_team:{team}"), "b"),
        ]);
    }
    for (q, expected) in &asked {
        assert_eq!(&found(&nina, &source, q), expected, "{q}");
    }
    assert_eq!(found(otto, &source, "assigned_to_me:true"), "", "it is about who asks");
    assert_eq!(found(otto, &source, "categorized_in_mine:true"), "");

    // Deferred, it is opened and not active.
    nina.put(&format!("/1.0/interventions/{engaged}/defer"), &json!({ "rate": 3600 })).ok();
    for (q, expected) in [
        ("opened_and_assigned_to_me:true", "b"),
        ("active_and_assigned_to_me:true", ""),
        ("active_and_assigned:false", all),
        (&format!("active_and_assigned_to_team:{team}"), ""),
        (&format!("opened_and_assigned_to_team:{team}"), "b"),
    ] {
        assert_eq!(found(&nina, &source, q), expected, "{q}");
    }
    nina.put(&format!("/1.0/interventions/{engaged}/reactivate"), &json!({})).ok();

    // Who cannot work any more leaves work behind.
    for which in ["opened_and_", "active_and_"] {
        assert_eq!(found(otto, &source, &format!("{which}assigned_to_disabled_agents:true")), "");
    }
    otto.put(&user, &json!({ "enabled": false })).ok();
    for which in ["opened_and_", "active_and_"] {
        assert_eq!(found(otto, &source, &format!("{which}assigned_to_disabled_agents:true")), "b");
        assert_eq!(found(otto, &source, &format!("-{which}assigned_to_disabled_agents:true")), "ac");
    }
}

fn threads_are_searched_by_what_waits_in_them(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let (nina, source, _channel) = nina_works(&cast, "read,reply,approval_required");
    let first = |thread: &str| id(&source.contents(otto, thread)[0]);
    let root = id(&otto.create_category(&json!({})));
    let skill = id(&otto.create_category(&json!({ "parent_id": root })));
    otto.put(&format!("/1.0/users/{}", nina.user_id), &json!({ "category_ids": [skill] })).ok();
    let mut french = source.message("french", "c", "author-c", "Bonjour");
    french["language"] = json!("fr");
    source.tells("messages.create", &french);
    nina.reply(&first("a"), "Please approve");
    let later = json!({ "in_reply_to_id": first("b"), "body": "Later", "scheduled_at": clock::after(86_400) });
    otto.post("/1.0/contents", &later).ok();
    otto.put(&format!("/1.0/contents/{}/update_categories", first("c")), &json!({ "category_ids": [skill] })).ok();
    // Nothing forwards in this version, and this channel offers no unpublishing: the row is as both would leave it.
    let c = match engine {
        Engine::Sqlite => format!("x'{}'", first("c")),
        Engine::Postgres => format!("decode('{}', 'hex')", first("c")),
    };
    cast.server.sql(&format!("UPDATE contents SET status = 'forwarded', published = FALSE WHERE id = {c}"));
    for (q, expected) in [
        ("language:fr", "c"),
        ("-language:fr", "ab"),
        ("language:en", ""),
        ("approval_required:true", "a"),
        ("-approval_required:true", "bc"),
        ("scheduled:true", "b"),
        ("scheduled:false", "ac"),
        ("scheduled:true scheduled:false", "abc"),
        ("not_published:true", "c"),
        ("-not_published:yes", "ab"),
        ("status_in:forwarded", "c"),
        (&format!("forwarded_into:{skill}"), "c"),
        (&format!("-forwarded_into:{skill}"), "ab"),
        ("forwarded_into_mine:true", "c"),
        ("-forwarded_into_mine:true", "ab"),
        (&format!("forwarded_into_mine_of:{root}"), "c"),
    ] {
        assert_eq!(found(&nina, &source, q), expected, "{q}");
    }
    assert_eq!(found(otto, &source, "forwarded_into_mine:true"), "");
}

fn a_search_that_means_nothing_is_refused_with_its_place(engine: Engine) {
    let cast = Cast::shared(engine);
    for (q, place) in [
        ("colour:blue", "1"),
        ("hello status_in:sleeping", "7"),
        ("assigned:perhaps", "1"),
        ("last_content_after:soonish", "1"),
        ("a -last_content_after:yesterday", "3"),
        ("order:title", "1"),
        ("-identity:0123456789abcdef01234567", "1"),
        ("a identity:nonsense", "3"),
    ] {
        let refused = cast.otto.get(&format!("/1.0/content_threads?q={}", encode(q))).refused(400);
        assert!(refused["message"].as_str().unwrap().contains(&format!("character {place}")), "{refused}");
    }
}

fn threads_of_a_channel_that_cannot_close_them_are_not_closed(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = three_threads(&cast);
    let path = format!("/1.0/content_threads/{}", id(&source.thread(&cast.otto, "a")));
    cast.otto.put(&format!("{path}/close"), &json!({})).refused(403);
    cast.otto.get(&format!("{path}/open")).refused(403);
    cast.otto.put(&format!("{path}/open"), &json!({})).refused(403);
    assert_eq!(cast.otto.get(&path).ok()["closed"], false);
    for wrong in ["nonsense", "0123456789abcdef01234567"] {
        cast.otto.put(&format!("/1.0/content_threads/{wrong}/close"), &json!({})).refused(404);
        cast.otto.get(&format!("/1.0/content_threads/{wrong}/open")).refused(404);
        cast.otto.get(&format!("/1.0/content_threads/{wrong}")).refused(404);
    }
}

/// The first content of a new messaging source.
fn messaging_content(otto: &Person) -> Value {
    let community = json!({ "type": "mobile_messaging", "name": unique("Messaging ") });
    let community = otto.post("/1.0/communities", &community).ok();
    let source = json!({ "type": "mobile_messaging", "name": "App", "community_id": community["id"] });
    let source = otto.post("/1.0/content_sources", &source).ok();
    let content = json!({ "source_id": source["id"], "body": "Your kettle is on its way", "to": "visitor-1" });
    otto.post("/1.0/contents", &content).ok()
}

fn a_messaging_thread_is_closed_and_opened(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let content = messaging_content(otto);
    assert_eq!((&content["source_type"], &content["type"]), (&json!("mobile_messaging"), &json!("message")));
    let path = format!("/1.0/content_threads/{}", content["thread_id"].as_str().unwrap());
    // The answer shows the thread as it was before; later reads show what it is.
    assert_eq!(otto.put(&format!("{path}/close"), &json!({})).ok()["closed"], false);
    assert_eq!(otto.get(&path).ok()["closed"], true);
    assert_eq!(otto.put(&format!("{path}/close"), &json!({})).ok()["closed"], true);
    let reply = json!({ "in_reply_to_id": content["id"], "body": "One more thing" });
    otto.post("/1.0/contents", &reply).refused(403);
    assert_eq!(otto.get(&path).ok()["contents_count"], 1);
    // Opening is a GET as documented, and a PUT as one would expect.
    assert_eq!(otto.get(&format!("{path}/open")).ok()["closed"], true);
    assert_eq!(otto.get(&path).ok()["closed"], false);
    otto.put(&format!("{path}/close"), &json!({})).ok();
    otto.put(&format!("{path}/open"), &json!({})).ok();
    assert_eq!(otto.get(&path).ok()["closed"], false);
    assert_eq!(otto.post("/1.0/contents", &reply).ok()["thread_id"], content["thread_id"]);
}

fn a_thread_is_read_with_its_documented_counters(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = three_threads(&cast);
    source.says("author-a", "a", "Two");
    let thread = source.thread(&cast.otto, "a");
    assert_eq!(cast.otto.get(&format!("/1.0/content_threads/{}", id(&thread))).ok(), thread);
    assert_eq!((&thread["contents_count"], &thread["source_id"]), (&json!(2), &json!(source.id)));
    assert_eq!((&thread["closed"], &thread["extra_data"]), (&json!(false), &json!({})));
    assert_eq!(thread["title"], Value::Null);
    let time = thread["created_at"].as_str().unwrap();
    assert!(time.len() == 20 && time.ends_with('Z'), "{time}");
}

fn threads_get_categories(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = three_threads(&cast);
    let thread = source.thread(&cast.otto, "a");
    let path = format!("/1.0/content_threads/{}/update_categories", id(&thread));
    let (one, two) = (cast.otto.create_category(&json!({})), cast.otto.create_category(&json!({})));
    let set = |ids: Value| cast.otto.put(&path, &json!({ "thread_category_ids": ids }));
    let both = set(json!([one["id"], two["id"]])).ok();
    assert_eq!(both["thread_category_ids"], json!([one["id"], two["id"]]));
    assert_eq!(both["category_ids"], json!([one["id"], two["id"]]));
    assert_eq!(set(json!([two["id"]])).ok()["thread_category_ids"], json!([two["id"]]));
    assert_eq!(set(json!([])).ok()["thread_category_ids"], json!([]));
    assert_eq!(set(json!(["0123456789abcdef01234567"])).invalid(), ["thread_category_ids"]);
    assert_eq!(set(json!([one["id"], "0123456789abcdef01234567"])).invalid(), ["thread_category_ids"]);
    assert_eq!(source.thread(&cast.otto, "a")["thread_category_ids"], json!([]));
    // What an intervention is about is what its thread is about, too.
    let engaged = cast.otto.engage(&id(&source.contents(&cast.otto, "a")[0]));
    set(json!([one["id"]])).ok();
    let disposition = json!({ "category_ids": [two["id"]] });
    cast.otto.put(&format!("/1.0/interventions/{}/update_categories", id(&engaged)), &disposition).ok();
    let thread = source.thread(&cast.otto, "a");
    assert_eq!(thread["thread_category_ids"], json!([one["id"]]));
    assert_eq!(thread["category_ids"], json!([one["id"], two["id"]]));
}

fn a_thread_that_is_only_a_title_has_no_contents(engine: Engine) {
    let cast = Cast::shared(engine);
    let options = json!({ "options": ["threads.no_content"] });
    let source = Source::create(&cast.otto, "http://127.0.0.1:9/", &options);
    source.tells("threads.create", &json!({ "id": "bare", "title": "A place to talk" }));
    let thread = source.thread(&cast.otto, "bare");
    assert_eq!((&thread["title"], &thread["contents_count"]), (&json!("A place to talk"), &json!(0)));
    source.tells("threads.create", &json!({ "id": "bare", "title": "A place to talk" }));
    assert_eq!(source.threads(&cast.otto, "bare").len(), 1);
    let told =
        cast.otto.search("/1.0/events", &format!("content_thread:{} name_in:content_thread.created", id(&thread)));
    assert_eq!(told["count"], 1, "the journal tells it once");
    let count = |path: &str| cast.otto.search(path, &format!("source:{}", source.id))["count"].clone();
    assert_eq!((count("/1.0/content_threads"), count("/1.0/contents")), (json!(1), json!(0)));
    source.says("vera", "bare", "Hello");
    let content = source.contents(&cast.otto, "bare").remove(0);
    assert_eq!(content["first_in_thread"], true);
    cast.otto.reply(&id(&content), "Hello Vera");
    assert_eq!(source.thread(&cast.otto, "bare")["contents_count"], 2);
}

fn a_first_content_with_a_title_names_the_thread(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mut thread = source.message("question-1", "", "vera", "Does it whistle?");
    thread.as_object_mut().unwrap().remove("thread_id");
    thread["title"] = json!("Whistling");
    source.tells("threads.create", &thread);
    let shown = source.thread(&cast.otto, "question-1");
    assert_eq!((&shown["title"], &shown["contents_count"]), (&json!("Whistling"), &json!(1)));
    let content = source.contents(&cast.otto, "question-1").remove(0);
    assert_eq!((&content["type"], &content["title"]), (&json!("thread"), &json!("Whistling")));
    source.says("marc", "question-1", "Mine does");
    assert_eq!(source.thread(&cast.otto, "question-1")["contents_count"], 2);
}

fn an_archived_thread_waits_for_nobody(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "One");
    let first = source.contents(&cast.otto, "t").remove(0);
    cast.otto.reply(&id(&first), "An answer");
    channel.push_of("An answer");
    source.says("vera", "t", "Two");
    source.says("marc", "t", "Three");
    let path = format!("/1.0/content_threads/{}", id(&source.thread(&cast.otto, "t")));
    let archived = cast.otto.put(&format!("{path}/ignore"), &json!({})).ok();
    assert_eq!((&archived["id"], &archived["contents_count"]), (&first["thread_id"], &json!(4)));
    let states: Vec<_> = source.contents(&cast.otto, "t").iter().map(|content| content["status"].clone()).collect();
    assert_eq!(states, ["replied", "user_reply", "ignored", "ignored"], "what was answered is not undone");
    cast.otto.put(&format!("{path}/ignore"), &json!({})).ok();
    source.says("marc", "t", "Four");
    assert_eq!(source.contents(&cast.otto, "t")[4]["status"], "new");
    for wrong in ["nonsense", "0123456789abcdef01234567"] {
        cast.otto.put(&format!("/1.0/content_threads/{wrong}/ignore"), &json!({})).refused(404);
    }
    cast.ada.put(&format!("{path}/ignore"), &json!({})).refused(404);
}

fn text_input_is_switched_on_messaging_threads(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let content = messaging_content(otto);
    let path = format!("/1.0/content_threads/{}", content["thread_id"].as_str().unwrap());
    let switch = |verb: &str| otto.put(&format!("{path}/{verb}_text_input"), &json!({}));
    switch("enable").refused(403);
    let disabled = switch("disable").ok();
    assert_eq!((&disabled["disable_text_input"], &disabled["id"]), (&json!(true), &content["thread_id"]));
    assert_eq!(otto.get(&path).ok().get("disable_text_input"), None);
    switch("disable").refused(403);
    assert_eq!(switch("enable").ok()["disable_text_input"], false);
    // A reply can switch it as well; one that says nothing about it keeps it.
    for (given, after) in [(json!(true), true), (json!(null), true), (json!(false), false)] {
        let mut reply = json!({ "in_reply_to_id": content["id"], "body": "More" });
        if !given.is_null() {
            reply["disable_text_input_on_thread"] = given;
        }
        otto.post("/1.0/contents", &reply).ok();
        switch(if after { "disable" } else { "enable" }).refused(403);
    }
    // It is there on messaging threads only.
    let (source, _channel) = three_threads(&cast);
    let other = format!("/1.0/content_threads/{}", id(&source.thread(otto, "a")));
    for verb in ["disable", "enable"] {
        otto.put(&format!("{other}/{verb}_text_input"), &json!({})).refused(404);
        otto.put(&format!("/1.0/content_threads/nonsense/{verb}_text_input"), &json!({})).refused(404);
        cast.ada.put(&format!("{path}/{verb}_text_input"), &json!({})).refused(404);
    }
}

fn a_deleted_thread_takes_everything_with_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = three_threads(&cast);
    let otto = &cast.otto;
    let mut message = source.message("with-file", "a", "author-a", "Here is the zanzibar invoice");
    message["attachments"] = json!([{ "content": "aGVsbG8=", "filename": "invoice.txt" }]);
    source.tells("messages.create", &message);
    let content = source.contents(otto, "a").remove(1);
    let file = content["attachments"][0]["id"].as_str().unwrap().to_owned();
    let category = otto.create_category(&json!({}));
    let thread = source.thread(otto, "a");
    let path = format!("/1.0/content_threads/{}", id(&thread));
    otto.put(&format!("{path}/update_categories"), &json!({ "thread_category_ids": [category["id"]] })).ok();
    let reply = otto.reply(&id(&content), "Thank you");
    channel.push_of("Thank you");
    let intervention = reply["intervention_id"].as_str().unwrap().to_owned();
    otto.put(
        &format!("/1.0/contents/{}/update_categories", id(&content)),
        &json!({ "category_ids": [category["id"]] }),
    )
    .ok();

    let deleted = otto.delete(&path).ok();
    assert_eq!((&deleted["id"], &deleted["contents_count"]), (&thread["id"], &json!(3)));
    for gone in [
        path.clone(),
        format!("/1.0/contents/{}", id(&content)),
        format!("/1.0/contents/{}", id(&reply)),
        format!("/1.0/interventions/{intervention}"),
        format!("/1.0/attachments/{file}"),
    ] {
        otto.get(&gone).refused(404);
    }
    otto.delete(&path).refused(404);
    let count = |path: &str, q: &str| otto.search(path, &format!("source:{} {q}", source.id))["count"].clone();
    assert_eq!(count("/1.0/content_threads", ""), 2);
    assert_eq!(count("/1.0/contents", ""), 2);
    assert_eq!(count("/1.0/contents", "zanzibar"), 0);
    assert_eq!(count("/1.0/content_threads", "zanzibar"), 0);
    // What the channel sends again stays away; what is new begins a new thread.
    source.tells("messages.create", &message);
    assert_eq!(source.threads(otto, "a").len(), 0);
    source.says("author-a", "a", "Hello again");
    let again = source.thread(otto, "a");
    assert_eq!((again["id"] == thread["id"], &again["contents_count"]), (false, &json!(1)));
    assert_eq!(source.contents(otto, "a")[0]["first_in_thread"], true);
}

fn a_long_thread_is_archived_and_deleted_step_by_step(engine: Engine) {
    const WRITERS: usize = 16;
    const MESSAGES: usize = 66;
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "First");
    std::thread::scope(|scope| {
        for _ in 0..WRITERS {
            scope.spawn(|| (0..MESSAGES).for_each(|_| drop(source.says("vera", "t", "More"))));
        }
    });
    let path = format!("/1.0/content_threads/{}", id(&source.thread(&cast.otto, "t")));
    let count = |q: &str| cast.otto.search("/1.0/contents", &format!("source:{} {q}", source.id))["count"].clone();
    let all = WRITERS * MESSAGES + 1;
    assert_eq!(count(""), all);
    cast.otto.put(&format!("{path}/ignore"), &json!({})).ok();
    // Before the last step: nobody has seen this when they archived the thread.
    source.says("vera", "t", "And now?");
    eventually("all are ignored", || (count("status_in:ignored") == all).then_some(()));
    assert_eq!(count("status_in:new"), 1);
    // Until the last step has ended the next job has to wait.
    let before = eventually("the thread can be deleted", || {
        let answer = cast.otto.delete(&path);
        if answer.status == 409 { None } else { Some(answer.ok()) }
    });
    assert_eq!(before["contents_count"], all + 1);
    eventually("the thread is gone", || (cast.otto.get(&path).status == 404).then_some(()));
    assert_eq!(count(""), 0);
    assert_eq!(cast.otto.search("/1.0/content_threads", &format!("source:{}", source.id))["count"], 0);
}

fn deleting_takes_its_permission(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = unique("deleted-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let path = format!("/1.0/content_threads/{}", id(&borrowed.shop.thread(&cast.otto, &thread)));
    cast.ada.delete(&path).refused(403);
    cast.otto.delete(&path).ok();
    for wrong in ["nonsense", "0123456789abcdef01234567"] {
        cast.otto.delete(&format!("/1.0/content_threads/{wrong}")).refused(404);
    }
}

fn a_list_of_threads_shows_who_wrote_what_and_who_waits(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = three_threads(&cast);
    let shown = || {
        let q = encode(&format!("source:{} order:created_at.asc", source.id));
        records(&cast.otto.get(&format!("/1.0/content_threads?extended=true&q={q}")).ok())[0].clone()
    };
    let first = shown();
    assert_eq!(first["customer"]["display_name"], "author-a", "{first}");
    assert_eq!(first["last_content"]["excerpt"], "Kettle number aaa");
    assert_eq!((&first["last_content"]["status"], &first["last_content"]["creator_id"]), (&json!("new"), &Value::Null));
    assert_eq!(first["waiting_since"], first["last_content"]["created_at"]);
    assert!(first.get("intervention").is_none(), "{first}");
    // A second question does not make the first one younger.
    source.says("author-a", "a", "Are you there?");
    let again = shown();
    assert_eq!(again["waiting_since"], first["waiting_since"]);
    assert_eq!(again["last_content"]["excerpt"], "Are you there?");
    // Who is answered does not wait, and the thread is somebody's.
    let question =
        id(source.contents(&cast.otto, "a").iter().find(|content| content["body"] == "Are you there?").unwrap());
    cast.otto.reply(&question, "We are.");
    let answered = shown();
    assert!(answered.get("waiting_since").is_none(), "{answered}");
    assert_eq!(answered["intervention"]["user_id"], json!(cast.otto.user_id));
    assert_eq!(answered["intervention"]["closed_at"], Value::Null);
    assert_eq!(answered["last_content"]["excerpt"], "We are.");
    assert_eq!(answered["last_content"]["creator_id"], json!(cast.otto.user_id));
    // The documented answer has none of it.
    let plain = cast.otto.get(&format!("/1.0/content_threads/{}", id(&answered))).ok();
    for ours in ["customer", "last_content", "intervention", "waiting_since"] {
        assert!(plain.get(ours).is_none(), "{ours}: {plain}");
    }
}
