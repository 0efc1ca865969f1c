//! The main job, from the customer's message to the closed intervention.

use frontdesk_tests::cast::secret_text;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_customers_message_reaches_an_agent_and_the_answer_reaches_the_customer,
    our_own_answer_that_comes_back_is_recognised,
    a_reply_to_what_nobody_engaged_opens_an_intervention,
    an_agent_writes_first,
    the_example_conversations_are_there_at_once,
];

fn a_customers_message_reaches_an_agent_and_the_answer_reaches_the_customer(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let otto = &cast.otto;
    let question = secret_text("Where is my kettle?");
    let foreign_id = source.says("vera", "order-1", &question);

    // The message became an identity, a thread and a content.
    let thread = source.thread(otto, "order-1");
    assert_eq!((&thread["contents_count"], &thread["interventions_count"]), (&json!(1), &json!(0)));
    let content = source.contents(otto, "order-1").remove(0);
    assert_eq!(content["foreign_id"], foreign_id.as_str());
    assert_eq!((&content["body"], &content["status"]), (&json!(question), &json!("new")));
    assert_eq!((&content["first_in_thread"], &content["created_from"]), (&json!(true), &json!("synchronizer")));
    assert_eq!((&content["type"], &content["source_type"]), (&json!("message"), &json!("sdk")));
    assert_eq!(content["synchronization_status"], "success");
    let identity = otto.get(&format!("/1.0/identities/{}", content["author_id"].as_str().unwrap())).ok();
    assert_eq!((&identity["foreign_id"], &identity["screenname"]), (&json!("vera"), &json!("vera")));
    assert_eq!(identity["community_id"], source.community_id.as_str());

    // An agent engages it.
    let intervention = otto.engage(&id(&content));
    assert_eq!((&intervention["status"], &intervention["closed"]), (&json!("Opened"), &json!(false)));
    assert_eq!(intervention["user_id"], otto.user_id.as_str());
    assert_eq!((&intervention["content_id"], &intervention["thread_id"]), (&content["id"], &thread["id"]));
    assert_eq!((&intervention["identity_id"], &intervention["source_id"]), (&identity["id"], &json!(source.id)));
    assert_eq!((&intervention["user_replies_count"], &intervention["first_user_reply_in"]), (&json!(0), &Value::Null));
    assert_eq!(otto.content(&id(&content))["status"], "assigned");
    assert_eq!(source.thread(otto, "order-1")["interventions_count"], 1);

    // The answer is there at once and is pushed afterwards.
    let text = secret_text("It leaves today / for you, \"Véra\" <b>&co</b> \u{1f600}.");
    let reply = otto.reply(&id(&content), &text);
    assert_eq!((&reply["thread_id"], &reply["in_reply_to_id"]), (&thread["id"], &content["id"]));
    assert_eq!((&reply["status"], &reply["creator_id"]), (&json!("user_reply"), &json!(otto.user_id)));
    assert_eq!((&reply["in_reply_to_author_id"], &reply["intervention_id"]), (&identity["id"], &intervention["id"]));
    assert_eq!(reply["created_from"], "api");
    let push = channel.push_of(&text);
    assert_eq!((push.method.as_str(), push.target.as_str()), ("POST", "/sdk"));
    assert_eq!(push.header("content-type"), Some("application/json"));
    assert!(push.is_signed_by(&source.secret), "{:?}", push.headers);
    let body = push.json();
    assert_eq!(push.body, body.to_string().into_bytes(), "the body is compact");
    assert!(push.body.starts_with(br#"{"action":"messages.create","params":{"#));
    assert!(body["time"].as_str().is_some_and(|time| time.len() == 20 && time.ends_with('Z')), "{body}");
    let params = push.params();
    let mut keys: Vec<&str> = params.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let documented = [
        "author_id",
        "body",
        "content_id",
        "created_at",
        "format",
        "in_reply_to_id",
        "retry",
        "sender_name",
        "thread_id",
        "updated_at",
    ];
    assert_eq!(keys, documented);
    assert_eq!((&params["content_id"], &params["retry"]), (&reply["id"], &json!(false)));
    assert_eq!((&params["in_reply_to_id"], &params["thread_id"]), (&json!(foreign_id), &json!("order-1")));
    assert_eq!((&params["format"], &params["sender_name"]), (&json!("text"), &json!("Otto Operator")));
    assert_eq!((&params["created_at"], &params["updated_at"]), (&reply["created_at"], &reply["updated_at"]));
    let author = otto.get(&format!("/1.0/identities/{}", reply["author_id"].as_str().unwrap())).ok();
    assert_eq!(params["author_id"], author["foreign_id"]);
    assert_eq!(author["user_ids"], json!([otto.user_id]));

    // Its id on the channel is taken from the answer.
    let sent = eventually("the reply is on its channel", || {
        Some(otto.content(&id(&reply))).filter(|content| content["synchronization_status"] == "success")
    });
    assert_eq!(sent["foreign_id"], format!("foreign-{}", push.number));
    assert_eq!(sent["synchronization_error"], Value::Null);
    assert_eq!(otto.content(&id(&content))["status"], "replied");
    assert_eq!(source.shown(otto)["status"], "ok");

    // It is resolved, with its disposition.
    let disposition = otto.create_category(&json!({ "post_qualification": true }));
    let path = format!("/1.0/interventions/{}", id(&intervention));
    otto.put(&format!("{path}/update_categories"), &json!({ "category_ids": [disposition["id"]] })).ok();
    let closed = otto.put(&format!("{path}/close"), &json!({})).ok();
    assert_eq!((&closed["status"], &closed["closed"]), (&json!("Closed"), &json!(true)));
    assert!(closed["closed_at"].is_string());
    assert_eq!(closed["category_ids"], json!([disposition["id"]]));
    assert_eq!((&closed["user_replies_count"], &closed["first_user_reply_id"]), (&json!(1), &reply["id"]));
    for figure in [
        "first_user_reply_in",
        "first_user_reply_in_bh",
        "last_user_reply_in",
        "last_user_reply_in_bh",
        "user_reply_in_average",
        "user_reply_in_average_bh",
    ] {
        assert!(closed[figure].as_i64().is_some_and(|seconds| (0..120).contains(&seconds)), "{figure}: {closed}");
    }
    assert_eq!(closed["user_reply_in_average_count"], 1);
    assert_eq!(otto.get(&path).ok(), closed);
}

fn our_own_answer_that_comes_back_is_recognised(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = source.contents(&cast.otto, "t").remove(0);
    let reply = cast.otto.reply(&id(&content), "Hello Vera");
    channel.push_of("Hello Vera");
    let sent = eventually("the reply is on its channel", || {
        Some(cast.otto.content(&id(&reply))).filter(|content| content["foreign_id"].is_string())
    });
    let foreign_id = sent["foreign_id"].as_str().unwrap();
    source.tells("messages.create", &source.message(foreign_id, "t", "desk", "Hello Vera"));
    let contents = source.contents(&cast.otto, "t");
    assert_eq!(contents.len(), 2, "{contents:?}");
    assert_eq!(contents[1], cast.otto.content(&id(&reply)));
}

fn a_reply_to_what_nobody_engaged_opens_an_intervention(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = source.contents(&cast.otto, "t").remove(0);
    let reply = cast.otto.reply(&id(&content), "Hello Vera");
    let intervention =
        cast.otto.get(&format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap())).ok();
    assert_eq!(intervention["user_id"], cast.otto.user_id.as_str());
    assert_eq!((&intervention["closed"], &intervention["user_replies_count"]), (&json!(false), &json!(1)));
    assert_eq!(cast.otto.content(&id(&content))["intervention_id"], intervention["id"]);
}

fn an_agent_writes_first(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    // To one person: a private message. To everybody: a thread, where the channel has threads.
    let private = json!({ "source_id": source.id, "body": "A word between us", "to": "vera" });
    let private = cast.otto.post("/1.0/contents", &private).ok();
    assert_eq!((&private["type"], &private["private_message"]), (&json!("private_message"), &json!(true)));
    assert_eq!((&private["status"], &private["first_in_thread"]), (&json!("user_initiated"), &json!(true)));
    let push = channel.push_of("A word between us");
    assert_eq!((push.action().as_str(), &push.params()["recipient_id"]), ("private_messages.create", &json!("vera")));
    assert!(push.params().get("thread_id").is_none());

    let open = json!({ "source_id": source.id, "body": "News for all", "title": "New lids" });
    let open = cast.otto.post("/1.0/contents", &open).ok();
    assert_eq!((&open["type"], &open["title"]), (&json!("thread"), &json!("New lids")));
    let push = channel.push_of("News for all");
    assert_eq!((push.action().as_str(), &push.params()["title"]), ("threads.create", &json!("New lids")));
    for absent in ["thread_id", "in_reply_to_id", "recipient_id", "updated_at"] {
        assert!(push.params().get(absent).is_none(), "{absent}");
    }

    // The channel's id of the thread is that of the content, so answers to it come into the same thread.
    let foreign_id = eventually("the thread is on its channel", || {
        cast.otto.content(&id(&open))["foreign_id"].as_str().map(str::to_owned)
    });
    source.says("vera", &foreign_id, "Do they fit mine?");
    let thread = source.thread(&cast.otto, &foreign_id);
    assert_eq!((&thread["id"], &thread["contents_count"]), (&open["thread_id"], &json!(2)));
    assert_eq!(thread["title"], "New lids");

    // Nobody can be written to who has never been heard of.
    let stranger = json!({ "source_id": source.id, "body": "Hello", "to": "nobody" });
    assert_eq!(cast.otto.post("/1.0/contents", &stranger).invalid(), ["to"]);
    let aimless = json!({ "body": "Hello" });
    assert_eq!(cast.otto.post("/1.0/contents", &aimless).invalid(), ["source_id"]);
}

fn the_example_conversations_are_there_at_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let threads = cast.ada.search("/1.0/content_threads", &format!("source:{}", cast.shop.id));
    assert!(ids(&threads).len() >= 5, "{threads}");
    let mine = cast.ada.search("/1.0/content_threads", "active_and_assigned_to_me:true");
    assert!(!ids(&mine).is_empty());
    let new = cast.ada.search("/1.0/contents", "status_in:new");
    assert!(!ids(&new).is_empty());
}
