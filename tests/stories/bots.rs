//! Programs that talk to customers: what the operations for bots do, how a conversation goes to people and back, and
//! that programs which answer each other come to an end.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Reply, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_bot_engages_answers_and_resolves,
    a_bot_engages_what_it_may_read_and_nobody_has,
    what_cannot_be_resolved_is_told_and_left_as_it_was,
    a_thread_is_closed_and_categorised_with_its_intervention,
    after_a_handover_the_customer_waits_for_a_person,
    who_answers_after_a_handover_takes_it,
    what_comes_after_a_handover_waits_too,
    an_agent_hands_a_conversation_to_a_bot,
    a_handover_says_what_is_wrong_with_it,
    nobody_hands_over_what_is_anothers,
    two_bots_that_answer_each_other_come_to_an_end,
    a_thread_takes_no_flood,
    programs_that_react_to_each_other_come_to_an_end,
    a_bot_does_not_hear_itself,
    a_bot_that_hears_an_echo_comes_to_an_end,
];

/// Somebody whose token is a bot's, with a role that allows nothing, and rights on a source.
fn hire_bot(cast: &Cast, source: &Source, permissions: &[&str]) -> Person {
    let bot = cast.hire(permissions);
    let rights = json!({ &source.id: "read,reply" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", bot.user_id), &rights).ok();
    bot
}

/// A source with a bot and a customer's question.
fn asked(cast: &Cast, permissions: &[&str]) -> (Source, FakeChannel, Person, String) {
    let (source, channel) = cast.new_source();
    let bot = hire_bot(cast, &source, permissions);
    source.says("vera", "t", "When do you open?");
    let content = id(&source.contents(&bot, "t")[0]);
    (source, channel, bot, content)
}

fn engage(bot: &Person, content: &str) -> Value {
    bot.post("/1.0/bots/engage", &json!({ "content_id": content })).ok()
}

fn handover(intervention: &Value) -> Value {
    json!({ "from": "bot", "to": "agent", "type": "engage_virtual_agent", "intervention_id": intervention["id"] })
}

fn back(intervention: &Value) -> Value {
    json!({ "from": "agent", "to": "bot", "type": "engage_virtual_agent", "intervention_id": intervention["id"] })
}

fn path(intervention: &Value) -> String {
    format!("/1.0/interventions/{}", id(intervention))
}

fn statuses(source: &Source, reader: &Person) -> Vec<String> {
    let contents = source.contents(reader, "t");
    contents.iter().map(|content| content["status"].as_str().expect("a status").to_owned()).collect()
}

/// The threads of a source that a search finds.
fn found(source: &Source, reader: &Person, q: &str) -> usize {
    records(&reader.search("/1.0/content_threads", &format!("source:{} {q}", source.id))).len()
}

/// The names of what happened in a thread, oldest first, without the contents' own.
fn story(cast: &Cast, source: &Source) -> Vec<String> {
    let thread = id(&source.thread(&cast.otto, "t"));
    let events = cast.otto.search("/1.0/events", &format!("content_thread:{thread} order:created_at.asc"));
    let names = records(&events).iter().map(|event| event["name"].as_str().expect("a name").to_owned());
    names.filter(|name| !name.starts_with("content.")).collect()
}

const DONE: (u64, &str) = (200, "Success");

fn done(answer: &Value) -> (u64, &str) {
    (answer["status"].as_u64().expect("a number"), answer["message"].as_str().expect("a message"))
}

fn a_bot_engages_answers_and_resolves(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, bot, content) = asked(&cast, &[]);
    let intervention = engage(&bot, &content);
    assert_eq!((&intervention["user_id"], &intervention["closed"]), (&json!(bot.user_id), &json!(false)));
    bot.reply(&content, "At nine.");
    channel.push_of("At nine.");
    let answer = bot.post("/1.0/bots/complete", &json!({ "intervention_id": intervention["id"] })).ok();
    assert_eq!(done(&answer), DONE);
    let closed = bot.get(&path(&intervention)).ok();
    assert_eq!((&closed["closed"], &closed["user_id"]), (&json!(true), &json!(bot.user_id)));
    assert_eq!(story(&cast, &source), ["intervention.opened", "intervention.assigned", "intervention.closed"]);
    // The customer comes back: the bot engages again, and it is the same intervention.
    let again = engage(&bot, &content);
    assert_eq!((&again["id"], &again["closed"]), (&intervention["id"], &json!(false)));
}

fn a_bot_engages_what_it_may_read_and_nobody_has(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_source, _channel, bot, content) = asked(&cast, &[]);
    let (elsewhere, _channel) = cast.new_source();
    elsewhere.says("vera", "t", "Hello?");
    let hidden = id(&elsewhere.contents(&cast.otto, "t")[0]);
    for nothing in [hidden.as_str(), "nonsense", "0123456789abcdef01234567"] {
        let refused = bot.post("/1.0/bots/engage", &json!({ "content_id": nothing }));
        assert_eq!(refused.invalid(), ["content_id"], "{nothing}");
    }
    engage(&bot, &content);
    for somebody in [&bot, &cast.otto] {
        let refused = somebody.post("/1.0/bots/engage", &json!({ "content_id": content }));
        assert_eq!(refused.invalid(), ["content_id"]);
    }
}

fn what_cannot_be_resolved_is_told_and_left_as_it_was(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, bot, content) = asked(&cast, &[]);
    let category = cast.otto.create_category(&json!({}));
    let intervention = engage(&bot, &content);
    let complete = |more: Value| {
        let mut body = json!({ "intervention_id": intervention["id"], "thread_category_ids": [category["id"]] });
        for (name, value) in more.as_object().expect("parameters") {
            body[name] = value.clone();
        }
        bot.post("/1.0/bots/complete", &body)
    };
    // Nobody has answered.
    assert_eq!(complete(json!({})).invalid(), ["intervention_id"]);
    bot.reply(&content, "At nine.");
    // Threads of these sources cannot be closed.
    assert_eq!(complete(json!({ "close_thread": true })).invalid(), ["close_thread"]);
    assert_eq!(complete(json!({ "intervention_id": "nonsense" })).invalid(), ["intervention_id"]);
    assert_eq!(source.thread(&bot, "t")["thread_category_ids"], json!([]));
    assert_eq!(bot.get(&path(&intervention)).ok()["closed"], false);
    // Another bot's business it is not.
    let other = hire_bot(&cast, &source, &[]);
    other.post("/1.0/bots/complete", &json!({ "intervention_id": intervention["id"] })).refused(403);
    assert_eq!(done(&complete(json!({})).ok()), DONE);
    assert_eq!(source.thread(&bot, "t")["thread_category_ids"], json!([category["id"]]));
    assert_eq!(complete(json!({})).invalid(), ["intervention_id"]);
}

fn a_thread_is_closed_and_categorised_with_its_intervention(engine: Engine) {
    let cast = Cast::shared(engine);
    let community = json!({ "type": "mobile_messaging", "name": unique("Visitors ") });
    let community = cast.otto.post("/1.0/communities", &community).ok();
    let source = json!({ "type": "mobile_messaging", "name": unique("Window "), "community_id": community["id"] });
    let source = cast.otto.post("/1.0/content_sources", &source).ok();
    let bot = cast.hire(&["close_content_thread"]);
    let rights = json!({ id(&source): "read,reply,initiate_discussion" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", bot.user_id), &rights).ok();
    // What an agent writes first stands for what a visitor would.
    let first =
        bot.post("/1.0/contents", &json!({ "source_id": source["id"], "body": "Hello", "to": unique("v") })).ok();
    let thread = format!("/1.0/content_threads/{}", first["thread_id"].as_str().expect("a thread"));
    cast.server.sql(&format!(
        "UPDATE contents SET creator_id = NULL, status = 'new', author_id = recipient_id WHERE thread_id = {}",
        blob(engine, first["thread_id"].as_str().expect("a thread"))
    ));
    let [kept, added] = [(); 2].map(|()| cast.otto.create_category(&json!({})));
    cast.otto.put(&format!("{thread}/update_categories"), &json!({ "thread_category_ids": [kept["id"]] })).ok();
    let intervention = engage(&bot, &id(&first));
    bot.reply(&id(&first), "Good bye.");
    let body = json!({
        "intervention_id": intervention["id"], "close_thread": true, "thread_category_ids": [added["id"], kept["id"]],
    });
    bot.post("/1.0/bots/complete", &body).ok();
    let thread = bot.get(&thread).ok();
    assert_eq!((&thread["closed"], &thread["thread_category_ids"]), (&json!(true), &json!([kept["id"], added["id"]])));
}

/// An id as the store's own statements write it.
fn blob(engine: Engine, id: &str) -> String {
    match engine {
        Engine::Sqlite => format!("X'{id}'"),
        Engine::Postgres => format!("'\\x{id}'"),
    }
}

fn after_a_handover_the_customer_waits_for_a_person(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, bot, content) = asked(&cast, &[]);
    let category = cast.otto.create_category(&json!({}));
    let intervention = engage(&bot, &content);
    bot.reply(&content, "I shall ask somebody.");
    assert_eq!(statuses(&source, &bot), ["replied", "user_reply"]);
    assert_eq!(found(&source, &cast.otto, "active_and_assigned:true"), 1);
    let mut body = handover(&intervention);
    body["thread_category_ids"] = json!([category["id"]]);
    for _ in 0..2 {
        assert_eq!(done(&bot.post("/1.0/bots/handover", &body).ok()), DONE);
    }
    // It is open, nobody's, and has its history; the customer waits.
    let waiting = cast.otto.get(&path(&intervention)).ok();
    assert_eq!((&waiting["user_id"], &waiting["closed"]), (&Value::Null, &json!(false)));
    assert_eq!(waiting["user_replies_count"], 1);
    assert_eq!(statuses(&source, &bot), ["new", "user_reply"]);
    let contents = source.contents(&bot, "t");
    assert!(contents.iter().all(|content| content["intervention_id"] == intervention["id"]));
    assert_eq!(source.thread(&bot, "t")["thread_category_ids"], json!([category["id"]]));
    for (q, count) in [
        ("status_in:new", 1),
        ("active_and_assigned:true", 0),
        ("active_and_assigned:false", 1),
        ("opened_and_assigned:true", 0),
    ] {
        assert_eq!(found(&source, &cast.otto, q), count, "{q}");
    }
    // A person takes it.
    let taken = cast.otto.engage(&content);
    assert_eq!((&taken["id"], &taken["user_id"]), (&intervention["id"], &json!(cast.otto.user_id)));
    assert_eq!(statuses(&source, &bot), ["assigned", "user_reply"]);
    assert_eq!(found(&source, &cast.otto, "active_and_assigned_to_me:true"), 1);
    cast.otto.reply(&content, "Here I am.");
    assert_eq!(statuses(&source, &bot), ["replied", "user_reply", "user_reply"]);
    assert_eq!(
        story(&cast, &source),
        [
            "intervention.opened",
            "intervention.assigned",
            "content_thread.recategorized",
            "virtual_agent.handover",
            "intervention.user_updated",
            "intervention.assigned",
        ]
    );
    let thread = id(&source.thread(&bot, "t"));
    let told = cast.otto.search("/1.0/events", &format!("content_thread:{thread} name_in:virtual_agent.handover"));
    let infos = &records(&told)[0]["extra_infos"];
    assert_eq!((&infos["intervention_id"], &infos["user_id"]), (&intervention["id"], &json!(bot.user_id)));
}

fn who_answers_after_a_handover_takes_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, bot, content) = asked(&cast, &[]);
    let intervention = engage(&bot, &content);
    // The bot says nothing, and puts it off first.
    cast.otto.put(&format!("{}/defer", path(&intervention)), &json!({ "rate": 3600 })).ok();
    bot.post("/1.0/bots/handover", &handover(&intervention)).ok();
    assert_eq!(statuses(&source, &bot), ["new"]);
    assert_eq!(bot.get(&path(&intervention)).ok()["deferred_at"], Value::Null);
    cast.otto.reply(&content, "At nine.");
    assert_eq!(statuses(&source, &bot), ["replied", "user_reply"]);
    let taken = cast.otto.get(&path(&intervention)).ok();
    assert_eq!((&taken["user_id"], &taken["user_replies_count"]), (&json!(cast.otto.user_id), &json!(1)));
    // Whoever assigns others' may also give it to somebody.
    cast.otto.post("/1.0/bots/handover", &handover(&intervention)).ok();
    assert_eq!(statuses(&source, &bot), ["new", "user_reply"]);
    let given = cast.otto.put(&format!("{}/reassign", path(&intervention)), &json!({ "user_id": bot.user_id })).ok();
    assert_eq!(given["user_id"], json!(bot.user_id));
    assert_eq!(statuses(&source, &bot), ["assigned", "user_reply"]);
}

fn what_comes_after_a_handover_waits_too(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, bot, content) = asked(&cast, &[]);
    let intervention = engage(&bot, &content);
    source.says("vera", "t", "Hello?");
    assert_eq!(statuses(&source, &bot), ["assigned", "assigned"]);
    bot.reply(&content, "I shall ask somebody.");
    bot.post("/1.0/bots/handover", &handover(&intervention)).ok();
    source.says("vera", "t", "Anybody?");
    // Of what was answered the latest is enough.
    assert_eq!(statuses(&source, &bot), ["replied", "new", "user_reply", "new"]);
    let latest = source.contents(&bot, "t").pop().expect("a content");
    assert_eq!(latest["intervention_id"], intervention["id"]);
    cast.otto.engage(&id(&latest));
    assert_eq!(statuses(&source, &bot), ["replied", "assigned", "user_reply", "assigned"]);
}

fn an_agent_hands_a_conversation_to_a_bot(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, bot, content) = asked(&cast, &[]);
    let intervention = cast.otto.engage(&content);
    // A bot may not take what is a person's.
    bot.post("/1.0/bots/handover", &back(&intervention)).refused(403);
    // But what waits for somebody.
    cast.otto.post("/1.0/bots/handover", &handover(&intervention)).ok();
    for _ in 0..2 {
        assert_eq!(done(&bot.post("/1.0/bots/handover", &back(&intervention)).ok()), DONE);
    }
    assert_eq!(bot.get(&path(&intervention)).ok()["user_id"], json!(bot.user_id));
    assert_eq!(statuses(&source, &bot), ["assigned"]);
    let strong = hire_bot(&cast, &source, &["assign_intervention"]);
    strong.post("/1.0/bots/handover", &back(&intervention)).ok();
    assert_eq!(bot.get(&path(&intervention)).ok()["user_id"], json!(strong.user_id));
    let handovers = story(&cast, &source).into_iter().filter(|name| name == "virtual_agent.handover").count();
    assert_eq!(handovers, 3);
}

fn a_handover_says_what_is_wrong_with_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, bot, content) = asked(&cast, &[]);
    let intervention = engage(&bot, &content);
    let with = |name: &str, value: Value| {
        let mut body = handover(&intervention);
        body[name] = value;
        bot.post("/1.0/bots/handover", &body)
    };
    for (name, value, wrong) in [
        ("to", json!("bot"), vec!["to"]),
        ("intervention_id", json!(""), vec!["intervention_id"]),
        ("intervention_id", Value::Null, vec!["intervention_id"]),
        ("intervention_id", json!("nonsense"), vec!["intervention_id"]),
        ("app_id", json!("12"), vec!["app_id"]),
        ("trigger", json!("billing"), vec!["trigger"]),
        ("identity_foreign_id", json!("marc"), vec!["identity_foreign_id"]),
        ("thread_category_ids", json!(["0123456789abcdef01234567"]), vec!["thread_category_ids"]),
        ("type", json!("messenger"), vec!["identity_foreign_id", "intervention_id"]),
    ] {
        assert_eq!(with(name, value.clone()).invalid(), wrong, "{name}: {value}");
    }
    for (name, value) in [("from", "customer"), ("type", "whatsapp")] {
        with(name, json!(value)).refused(400);
    }
    let messenger = json!({ "from": "agent", "to": "bot", "type": "messenger", "identity_foreign_id": "vera" });
    assert_eq!(bot.post("/1.0/bots/handover", &messenger).invalid(), ["app_id"]);
    let messenger = json!({ "from": "bot", "to": "agent", "type": "messenger", "identity_foreign_id": "vera" });
    assert_eq!(bot.post("/1.0/bots/handover", &messenger).invalid(), ["identity_foreign_id"]);
    assert_eq!(bot.get(&path(&intervention)).ok()["user_id"], json!(bot.user_id));
    // As some clients must, it names the customer too.
    bot.reply(&content, "At nine.");
    with("identity_foreign_id", json!("vera")).ok();
    // What is closed is nobody's business any more.
    cast.otto.put(&format!("{}/close", path(&intervention)), &json!({})).ok();
    assert_eq!(with("trigger", json!("")).invalid(), ["intervention_id"]);
    assert_eq!(statuses(&source, &bot), ["new", "user_reply"]);
}

fn nobody_hands_over_what_is_anothers(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel, bot, content) = asked(&cast, &[]);
    let intervention = engage(&bot, &content);
    let other = hire_bot(&cast, &source, &[]);
    other.post("/1.0/bots/handover", &handover(&intervention)).refused(403);
    let stranger = cast.hire(&["update_intervention"]);
    let refused = stranger.post("/1.0/bots/handover", &handover(&intervention));
    assert_eq!(refused.invalid(), ["intervention_id"]);
    let strong = hire_bot(&cast, &source, &["update_intervention"]);
    strong.post("/1.0/bots/handover", &handover(&intervention)).ok();
    assert_eq!(bot.get(&path(&intervention)).ok()["user_id"], Value::Null);
}

fn two_bots_that_answer_each_other_come_to_an_end(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel, ping, content) = asked(&cast, &[]);
    let pong = hire_bot(&cast, &source, &[]);
    let mut last = content;
    let mut written = 0;
    let refused = loop {
        let bot = if written % 2 == 0 { &ping } else { &pong };
        let answer = bot.post("/1.0/contents", &json!({ "in_reply_to_id": last, "body": format!("Word {written}") }));
        if answer.status != 200 || written > 20 {
            break answer;
        }
        written += 1;
        last = id(&answer.json());
        // Nobody answers what has not gone out yet.
        eventually("it goes out", || (ping.content(&last)["synchronization_status"] == "success").then_some(()));
    };
    assert_eq!((written, refused.invalid()), (10, vec!["in_reply_to_id".to_owned()]));
    assert_eq!(refused.json()["errors"][0]["type"], "automation_limit");
    assert_eq!(source.contents(&cast.otto, "t").len(), 11);
    cast.server.logged("answers to answers");
    // A customer is answered all the same, and so is what was written a while ago.
    source.says("vera", "t", "And on Sundays?");
    let question = source.contents(&ping, "t").pop().expect("a content");
    ping.reply(&id(&question), "Closed.");
    let id_of_last = blob(engine, &last);
    cast.server.sql(&format!("UPDATE contents SET created_at = created_at - 61000000 WHERE id = {id_of_last}"));
    pong.reply(&last, "Word 11");
}

fn a_thread_takes_no_flood(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel, bot, content) = asked(&cast, &[]);
    for number in 0..60 {
        bot.reply(&content, &format!("Word {number}"));
    }
    let refused = bot.post("/1.0/contents", &json!({ "in_reply_to_id": content, "body": "Word 60" }));
    assert_eq!((refused.status, refused.json()["error"].as_str()), (429, Some("rate_limit_exceeded")));
    let pause: u64 = refused.header("retry-after").expect("a pause").parse().expect("seconds");
    assert!((1..=60).contains(&pause), "{pause}");
    cast.server.logged("too much is written");
    assert_eq!(source.thread(&bot, "t")["contents_count"], 61);
    // Elsewhere it may speak.
    source.says("vera", "u", "Hello?");
    let other = id(&source.contents(&bot, "u")[0]);
    bot.reply(&other, "Hello.");
    cast.server.sql("UPDATE contents SET created_at = created_at - 61000000");
    bot.reply(&content, "Word 61");
}

/// Sends the same again and again until it is refused for the pace; says how often it was taken.
fn until_refused(mut send: impl FnMut() -> frontdesk_tests::Answer) -> usize {
    for taken in 0..100 {
        let answer = send();
        if answer.status == 429 {
            let pause: u64 = answer.header("retry-after").expect("a pause").parse().expect("seconds");
            assert!((1..=60).contains(&pause), "{pause}");
            return taken;
        }
        answer.ok();
    }
    panic!("there is no end");
}

fn programs_that_react_to_each_other_come_to_an_end(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel, ping, content) = asked(&cast, &[]);
    let pong = hire_bot(&cast, &source, &[]);
    let intervention = engage(&ping, &content);
    // Each takes what the other hands over: the first was engaged, 59 more are taken.
    let mut taken = 0;
    let handed = until_refused(|| {
        let (giver, taker) = if taken % 2 == 0 { (&ping, &pong) } else { (&pong, &ping) };
        giver.post("/1.0/bots/handover", &handover(&intervention)).ok();
        taken += 1;
        taker.post("/1.0/bots/handover", &back(&intervention))
    });
    assert_eq!(handed, 59);
    let comment = json!({ "intervention_id": intervention["id"], "body": "Noted." });
    assert_eq!(until_refused(|| ping.post("/1.0/intervention_comments", &comment)), 60);
    let categories = [(); 2].map(|()| id(&cast.otto.create_category(&json!({}))));
    let mut number = 0;
    let sorted = until_refused(|| {
        number += 1;
        let sort = json!({ "category_ids": [categories[number % 2]] });
        ping.put(&format!("{}/update_categories", path(&intervention)), &sort)
    });
    assert_eq!(sorted, 60);
    // Tasks as well.
    cast.otto.post("/1.0/channels", &json!({ "name": unique("Group "), "source_ids": [source.id] })).ok();
    source.says("vera", "w", "Hello?");
    let thread = id(&source.thread(&cast.otto, "w"));
    let task = eventually("a task", || {
        let tasks = cast.otto.get("/1.0/tasks?queue=global&limit=150").ok();
        records(&tasks).iter().find(|task| task["thread_id"] == json!(thread)).map(id)
    });
    assert_eq!(until_refused(|| cast.otto.post(&format!("/1.0/tasks/{task}/transfer"), &json!({}))), 60);
    cast.server.logged("react to each other");
    // Discussions, with one customer; with another it may be begun.
    let community = json!({ "type": "mobile_messaging", "name": unique("Messaging ") });
    let community = cast.otto.post("/1.0/communities", &community).ok();
    let messaging = json!({ "type": "mobile_messaging", "name": unique("App "), "community_id": community["id"] });
    let messaging = id(&cast.otto.post("/1.0/content_sources", &messaging).ok());
    let discussion = |to: &str| json!({ "source_id": messaging, "to": to, "body": "Hello!" });
    assert_eq!(until_refused(|| cast.otto.post("/1.0/contents", &discussion("one"))), 60);
    cast.otto.post("/1.0/contents", &discussion("other")).ok();
    // Elsewhere, and a minute later, everything goes on.
    source.says("vera", "u", "Hello?");
    let other = engage(&ping, &id(&source.contents(&ping, "u")[0]));
    ping.post("/1.0/bots/handover", &handover(&other)).ok();
    cast.server.sql("UPDATE log SET at = at - 61000000");
    ping.post("/1.0/intervention_comments", &comment).ok();
}

fn a_bot_does_not_hear_itself(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, bot, content) = asked(&cast, &[]);
    let receiver = FakeChannel::start();
    let webhook = json!({ "url": receiver.hook_url(), "registered_events": ["content.imported"] });
    let webhook = id(&bot.post("/1.0/webhooks", &webhook).ok());
    eventually("the bot is told", || {
        (bot.get(&format!("/1.0/webhooks/{webhook}")).ok()["webhook_status"] == "enabled").then_some(())
    });
    channel.answer(|_| Reply::json(&json!({ "id": "echo-1" })));
    let reply = bot.reply(&content, "At nine.");
    channel.push_of("At nine.");
    eventually("it goes out", || (bot.content(&id(&reply))["synchronization_status"] == "success").then_some(()));
    let imported = || {
        let thread = id(&source.thread(&cast.otto, "t"));
        ids(&cast.otto.search("/1.0/events", &format!("content_thread:{thread} name_in:content.imported")))
    };
    let before = imported();
    // The channel tells of everything that is written on it, this too; under whatever author.
    for author in ["desk", "the-channels-own-bot"] {
        source.tells("messages.create", &source.message("echo-1", "t", author, "At nine."));
    }
    assert_eq!(imported(), before);
    assert_eq!(statuses(&source, &bot), ["replied", "user_reply"]);
    // The next that it hears is the customer.
    source.says("vera", "t", "Thank you!");
    let heard = eventually("the bot hears", || receiver.pushes().first().cloned()).json();
    assert_eq!(heard["events"][0]["resource"]["metadata"]["body"], "Thank you!");
    assert_eq!(receiver.pushes().len(), 1);
}

/// A channel that tells of everything at once, before it answers, and as its own account: nobody can know whose it is.
fn a_bot_that_hears_an_echo_comes_to_an_end(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, channel, bot, content) = asked(&cast, &[]);
    let echoing = source.clone();
    channel.answer(move |push| {
        let message_id = unique("echo-");
        echoing.tells("messages.create", &echoing.message(&message_id, "t", "the-bridge", &push.text()));
        Reply::json(&json!({ "id": message_id }))
    });
    let (mut last, mut written) = (content, 0);
    let refused = loop {
        let answer = bot.post("/1.0/contents", &json!({ "in_reply_to_id": last, "body": format!("Word {written}") }));
        if answer.status != 200 || written > 20 {
            break answer;
        }
        last = eventually("the echo", || {
            let contents = source.contents(&bot, "t");
            let echo =
                contents.iter().find(|said| said["body"] == format!("Word {written}") && said["creator_id"].is_null());
            echo.map(id)
        });
        written += 1;
    };
    assert_eq!((written, refused.invalid()), (10, vec!["in_reply_to_id".to_owned()]));
    assert_eq!(refused.json()["errors"][0]["type"], "automation_limit");
}
