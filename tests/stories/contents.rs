//! Contents: listed, searched, read, answered, ignored, categorised.

use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_custom_score_has_nowhere_to_go,
    contents_are_searched_by_every_keyword,
    a_search_that_means_nothing_is_refused,
    a_content_shows_its_own_categories_or_those_around_it,
    a_content_is_ignored,
    bodies_are_shown_as_text_and_as_safe_html,
    what_the_channel_told_is_shown_where_it_applies,
    a_reply_needs_words_and_something_to_answer,
    addressing_of_another_kind_of_source_is_refused,
    an_agent_writes_as_an_identity_that_is_theirs_or_shared,
    where_the_account_allows_it_agents_write_as_each_other,
    a_private_message_is_answered_privately,
    a_reply_waits_until_what_it_answers_is_on_its_channel,
];

fn contents_are_searched_by_every_keyword(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let otto = &cast.otto;
    source.says("vera", "t", "The blue kettle leaks");
    source.says("marc", "t", "Mine is green, and does not");
    source.says("vera", "u", "Crème brûlée, 100 % — naïve façade; O'Neil's kettles");
    let [first, second] = [0, 1].map(|at: usize| source.contents(otto, "t")[at].clone());
    let third = source.contents(otto, "u").remove(0);
    let engaged = otto.engage(&id(&second));
    let [a, b, c] = [&first, &second, &third].map(id);
    let (thread, author) = (first["thread_id"].as_str().unwrap(), first["author_id"].as_str().unwrap());
    for (q, expected) in [
        ("", vec![&c, &b, &a]),
        ("order:created_at.asc", vec![&a, &b, &c]),
        ("order:created_at.desc", vec![&c, &b, &a]),
        (&format!("id:{a}"), vec![&a]),
        (&format!("id:{a} id:\"{b}\""), vec![&b, &a]),
        (&format!("-id:{a}"), vec![&c, &b]),
        (&format!("thread:\"{thread}\""), vec![&b, &a]),
        (&format!("-thread:{thread}"), vec![&c]),
        (&format!("identity:{author}"), vec![&c, &a]),
        (&format!("identity:{author} thread:{thread}"), vec![&a]),
        (&format!("intervention:{}", id(&engaged)), vec![&b]),
        (&format!("-intervention:{}", id(&engaged)), vec![&c, &a]),
        ("status_in:new", vec![&c, &a]),
        ("status_in:new status_in:assigned", vec![&c, &b, &a]),
        ("-status_in:new", vec![&b]),
        ("identity_group:0123456789abcdef01234567", vec![]),
        ("text:kettle", vec![&a]),
        ("kettle blue", vec![&a]),
        ("\"blue kettle\"", vec![&a]),
        ("kettle green", vec![]),
        ("brûlée", vec![&c]),
        ("BRULEE o'neil", vec![&c]),
        ("GREEN", vec![&b]),
        ("brulee,", vec![&c]),
        ("kettles facade", vec![&c]),
    ] {
        let page = otto.search("/1.0/contents", &format!("source:{} {q}", source.id));
        assert_eq!(ids(&page).iter().collect::<Vec<_>>(), expected, "{q}");
        assert_eq!(page["count"], expected.len(), "{q}");
    }
    let page = otto.get(&format!("/1.0/contents?q={}&limit=1&offset=2", encode(&format!("source:{}", source.id)))).ok();
    assert_eq!((&page["count"], &page["offset"], &page["limit"]), (&json!(3), &json!(2), &json!(1)));
    assert_eq!(ids(&page), [a]);
    assert_eq!(otto.search("/1.0/contents", &format!("thread:{thread}"))["count"], 2);
}

fn a_search_that_means_nothing_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    for q in [
        "assigned_to_me:true",
        "status_in:sleeping",
        "order:id.asc",
        "-text:kettle",
        "-kettle",
        "-\"blue kettle\"",
        "text:\"blue kettle",
        "foreign:x",
        "colour:blue",
        "thread:nonsense",
    ] {
        let refused = cast.otto.get(&format!("/1.0/contents?q={}", encode(q))).refused(400);
        assert!(refused["message"].as_str().unwrap().contains("character 1"), "{q}: {refused}");
    }
    cast.otto.get(&format!("/1.0/contents?q={}", "a".repeat(8_001))).refused(400);
    cast.otto.get("/1.0/contents?q[]=a&q[]=b").refused(400);
}

fn a_content_shows_its_own_categories_or_those_around_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let otto = &cast.otto;
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(otto, "t")[0]);
    let thread = id(&source.thread(otto, "t"));
    let intervention = id(&otto.engage(&content));
    let [of_thread, of_intervention, own] = [(); 3].map(|()| id(&otto.create_category(&json!({}))));
    let shown = || otto.content(&content)["category_ids"].clone();
    assert_eq!(shown(), json!([]));
    let set = |path: String, name: &str, ids: Value| otto.put(&path, &json!({ name: ids })).ok();
    set(format!("/1.0/content_threads/{thread}/update_categories"), "thread_category_ids", json!([of_thread]));
    assert_eq!(shown(), json!([of_thread]));
    set(format!("/1.0/interventions/{intervention}/update_categories"), "category_ids", json!([of_intervention]));
    assert_eq!(shown(), json!([of_intervention]));
    set(format!("/1.0/contents/{content}/update_categories"), "category_ids", json!([own]));
    assert_eq!(shown(), json!([own]));
    set(format!("/1.0/contents/{content}/update_categories"), "category_ids", json!([]));
    assert_eq!(shown(), json!([of_intervention]));
    let path = format!("/1.0/contents/{content}/update_categories");
    assert_eq!(otto.put(&path, &json!({})).invalid(), ["category_ids"]);
    assert_eq!(otto.put(&path, &json!({ "category_ids": ["0123456789abcdef01234567"] })).invalid(), ["category_ids"]);
}

fn a_content_is_ignored(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Spam spam spam");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let ignored = cast.otto.put(&format!("/1.0/contents/{content}/ignore"), &json!({})).ok();
    assert_eq!(ignored["status"], "ignored");
    assert_eq!(cast.otto.put(&format!("/1.0/contents/{content}/ignore"), &json!({})).ok()["status"], "ignored");
    for wrong in ["nonsense", "0123456789abcdef01234567"] {
        cast.otto.put(&format!("/1.0/contents/{wrong}/ignore"), &json!({})).refused(404);
        cast.otto.get(&format!("/1.0/contents/{wrong}")).refused(404);
    }
    source.says("vera", "u", "Hello?");
    let reply = cast.otto.reply(&id(&source.contents(&cast.otto, "u")[0]), "Hello");
    cast.otto.put(&format!("/1.0/contents/{}/ignore", id(&reply)), &json!({})).refused(403);
}

fn bodies_are_shown_as_text_and_as_safe_html(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mut html = source.message(
        "html",
        "t",
        "vera",
        "<p>Hello <b>there</b></p><script>alert(1)</script>\
        <a href=\"javascript:alert(2)\" onclick=\"alert(3)\">x</a><img src=x onerror=alert(4)>",
    );
    html["format"] = json!("html");
    source.tells("messages.create", &html);
    source.says("marc", "t", "1 < 2 & \"quotes\"\nnext line");
    let contents = source.contents(&cast.otto, "t");
    assert_eq!(
        (&contents[0]["body_input_format"], &contents[1]["body_input_format"]),
        (&json!("html"), &json!("text"))
    );
    let formatted = |at: usize, kind: &str| contents[at]["body_formatted"][kind].as_str().unwrap().to_owned();
    let shown = formatted(0, "html");
    assert!(shown.contains("<b>there</b>"), "{shown}");
    for danger in ["script", "javascript:", "onclick", "onerror", "alert"] {
        assert!(!shown.contains(danger), "{shown}");
    }
    assert!(
        formatted(0, "text").starts_with("Hello ") && !formatted(0, "text").contains("<b>"),
        "{}",
        formatted(0, "text")
    );
    assert_eq!(formatted(1, "text"), "1 < 2 & \"quotes\"\nnext line");
    assert!(formatted(1, "html").contains("1 &lt; 2 &amp; "), "{}", formatted(1, "html"));
    assert_eq!(contents[1]["body"], "1 < 2 & \"quotes\"\nnext line");
}

fn what_the_channel_told_is_shown_where_it_applies(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mut message = source.message("rich", "t", "vera", "Hello?");
    for (name, value) in [
        ("language", json!("fr")),
        ("display_url", json!("https://shop.example/t/1")),
        ("categories", json!(["Delivery", "VIP"])),
        ("context_data", json!({ "order_id": 7, "vip": true, "tags": ["a", "b"] })),
        ("structured_reply", json!({ "payload": "yes" })),
        ("created_at", json!("2021-05-21T01:15:28Z")),
        ("unknown_field", json!("is ignored")),
    ] {
        message[name] = value;
    }
    source.tells("messages.create", &message);
    let content = source.contents(&cast.otto, "t").remove(0);
    assert_eq!((&content["language"], &content["source_url"]), (&json!("fr"), &json!("https://shop.example/t/1")));
    assert_eq!(content["foreign_categories"], json!(["Delivery", "VIP"]));
    assert_eq!(content["context_data"], json!({ "order_id": 7, "vip": true, "tags": ["a", "b"] }));
    assert_eq!(content["structured_reply"], json!({ "payload": "yes" }));
    assert_eq!(content["created_at"], "2021-05-21T01:15:28Z");
    source.says("vera", "t", "Plain");
    let plain = source.contents(&cast.otto, "t").pop().unwrap();
    // What nothing fills has its place all the same.
    for empty in [
        "original_body",
        "source_language",
        "target_language",
        "translated_body",
        "translation_error",
        "translation_status",
        "rated_with",
        "rating_reason",
    ] {
        assert_eq!(plain.get(empty), Some(&Value::Null), "{empty}: {plain}");
    }
    for absent in ["foreign_categories", "context_data", "structured_reply", "structured_content", "unknown_field"] {
        assert!(plain.get(absent).is_none(), "{absent}: {plain}");
    }
}

fn a_reply_needs_words_and_something_to_answer(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let write = |body: Value| cast.otto.post("/1.0/contents", &body);
    assert_eq!(write(json!({ "in_reply_to_id": content })).invalid(), ["body"]);
    assert_eq!(write(json!({ "in_reply_to_id": content, "body": " \n" })).invalid(), ["body"]);
    assert_eq!(write(json!({ "in_reply_to_id": content, "body": "x".repeat(20_001) })).invalid(), ["body"]);
    assert_eq!(write(json!({ "in_reply_to_id": "nonsense", "body": "x" })).invalid(), ["in_reply_to_id"]);
    let unknown = "0123456789abcdef01234567";
    assert_eq!(write(json!({ "in_reply_to_id": unknown, "body": "x" })).invalid(), ["in_reply_to_id"]);
    assert_eq!(write(json!({ "in_reply_to_id": content, "body": "x", "author_id": unknown })).invalid(), ["author_id"]);
    assert_eq!(
        write(json!({ "in_reply_to_id": content, "body": "x", "attachment_ids": [unknown] })).invalid(),
        ["attachment_ids"]
    );
    assert_eq!(write(json!({ "in_reply_to_id": content, "body": "x", "to": "marc" })).invalid(), ["to"]);
    assert_eq!(write(json!({ "source_id": unknown, "body": "x" })).invalid(), ["source_id"]);
    // None of this has left a trace.
    assert_eq!(source.all_contents(&cast.otto).len(), 1);
    assert_eq!(cast.otto.content(&content)["status"], "new");
    let longest = write(json!({ "in_reply_to_id": content, "body": "x".repeat(20_000), "auto_submitted": "1" })).ok();
    assert_eq!((&longest["status"], &longest["auto_submitted"]), (&json!("user_reply"), &json!(true)));
}

fn addressing_of_another_kind_of_source_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let question = id(&source.contents(&cast.otto, "t")[0]);
    let reply = |more: &Value| {
        let mut body = json!({ "in_reply_to_id": question, "body": "Hello" });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        cast.otto.post("/1.0/contents", &body)
    };
    for (name, value, takers) in [
        ("cc", json!(["marc@example.com"]), "e-mail sources"),
        ("bcc", json!(["marc@example.com"]), "e-mail sources"),
        ("template_name", json!("order_sent"), "WhatsApp sources"),
        ("template_language", json!("fr"), "WhatsApp sources"),
        ("disable_text_input_on_thread", json!(true), "messaging sources"),
        ("disable_text_input_on_thread", json!(false), "messaging sources"),
    ] {
        let refused = reply(&json!({ name: value }));
        assert_eq!(refused.invalid(), [name], "{value}");
        let message = refused.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(&format!("only {takers} take it")) && message.ends_with("of type sdk."), "{message}");
    }
    // A message of its own goes to one customer; an answer to who asked.
    for to in [json!(["vera", "marc"]), json!([]), json!({ "id": "vera" }), json!(7)] {
        let first = json!({ "source_id": source.id, "body": "News", "private": true, "to": to });
        assert_eq!(cast.otto.post("/1.0/contents", &first).invalid(), ["to"], "{to}");
        assert_eq!(reply(&json!({ "to": to })).invalid(), ["to"], "{to}");
    }
    assert!(channel.pushes().is_empty());
    // What is empty asks for nothing.
    let empty = json!({ "cc": [], "bcc": [], "template_name": "", "template_language": "", "to": "" });
    assert_eq!(reply(&empty).ok()["body"], "Hello");
}

fn an_agent_writes_as_an_identity_that_is_theirs_or_shared(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = source.contents(&cast.otto, "t").remove(0);
    let identity = |foreign_id: &str| {
        let query = format!("/1.0/identities?community_id={}&foreign_id={foreign_id}", source.community_id);
        id(&records(&cast.otto.get(&query).ok())[0])
    };
    let as_desk = json!({ "in_reply_to_id": content["id"], "body": "From the desk", "author_id": identity("desk") });
    let reply = cast.otto.post("/1.0/contents", &as_desk).ok();
    assert_eq!(reply["author_id"], identity("desk").as_str());
    assert_eq!(channel.push_of("From the desk").params()["author_id"], "desk");
    // Nobody writes as a customer.
    let as_vera = json!({ "in_reply_to_id": content["id"], "body": "I am Vera", "author_id": content["author_id"] });
    assert_eq!(cast.otto.post("/1.0/contents", &as_vera).invalid(), ["author_id"]);
}

fn where_the_account_allows_it_agents_write_as_each_other(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = source.contents(&cast.otto, "t").remove(0);
    let rights = format!("/1.0/users/{}/sources_permissions", cast.ada.user_id);
    cast.otto.put(&rights, &json!({ (source.id.as_str()): "read,reply" })).ok();
    // Otto's own voice is there once he has written.
    let own = cast.otto.reply(&id(&content), "From Otto")["author_id"].clone();
    let as_otto = json!({ "in_reply_to_id": content["id"], "body": "As Otto", "author_id": own });
    assert_eq!(cast.ada.post("/1.0/contents", &as_otto).invalid(), ["author_id"]);
    cast.otto.put("/1.0/settings", &json!({ "reply_as_any_identity": true })).ok();
    let reply = cast.ada.post("/1.0/contents", &as_otto).ok();
    assert_eq!((&reply["author_id"], &reply["creator_id"]), (&own, &json!(cast.ada.user_id)));
    channel.push_of("As Otto");
    // Never as a customer.
    let as_vera = json!({ "in_reply_to_id": content["id"], "body": "I am Vera", "author_id": content["author_id"] });
    assert_eq!(cast.ada.post("/1.0/contents", &as_vera).invalid(), ["author_id"]);
}

fn a_private_message_is_answered_privately(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let mut message = source.message("secret-1", "", "vera", "Just between us");
    message.as_object_mut().unwrap().remove("thread_id");
    message["recipient"] =
        json!({ "id": "desk", "screenname": "desk", "created_at": "2026-01-15", "puppetizable": true });
    source.tells("private_messages.create", &message);
    let content = source.all_contents(&cast.otto).remove(0);
    assert_eq!((&content["private_message"], &content["type"]), (&json!(true), &json!("private_message")));
    let reply = cast.otto.reply(&id(&content), "Of course");
    assert_eq!((&reply["private_message"], &reply["thread_id"]), (&json!(true), &content["thread_id"]));
    let push = channel.push_of("Of course");
    let params = push.params();
    assert_eq!(push.action(), "private_messages.create");
    assert_eq!((&params["recipient_id"], &params["in_reply_to_id"]), (&json!("vera"), &json!("secret-1")));
    assert!(params.get("thread_id").is_none());
    // The next private message of the same customer joins the thread.
    let mut next = message.clone();
    (next["id"], next["body"]) = (json!("secret-2"), json!("Thank you"));
    source.tells("private_messages.create", &next);
    let next = source.all_contents(&cast.otto).pop().unwrap();
    assert_eq!((&next["thread_id"], &next["status"]), (&content["thread_id"], &json!("assigned")));
}

fn a_reply_waits_until_what_it_answers_is_on_its_channel(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let fatal = json!({ "error": { "fatal": true, "message": "no" } });
    channel.answer(move |_| frontdesk_tests::Reply::json(&fatal));
    let reply = cast.otto.reply(&id(&source.contents(&cast.otto, "t")[0]), "Hello");
    eventually("the reply has failed", || {
        (cast.otto.content(&id(&reply))["synchronization_status"] == "export_failure").then_some(())
    });
    let more = json!({ "in_reply_to_id": reply["id"], "body": "And another thing" });
    assert_eq!(cast.otto.post("/1.0/contents", &more).invalid(), ["in_reply_to_id"]);
}

fn a_custom_score_has_nowhere_to_go(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let path = format!("/1.0/contents/{}/update_custom_score", id(&source.contents(&cast.otto, "t")[0]));
    for wrong in
        [json!({}), json!({ "custom_score": "" }), json!({ "custom_score": "high" }), json!({ "custom_score": [1] })]
    {
        cast.otto.put(&path, &wrong).refused(400);
    }
    for score in [json!(0.5), json!("-3"), json!(1e300)] {
        cast.otto.put(&path, &json!({ "custom_score": score })).refused(404);
    }
    cast.ada.put(&path, &json!({ "custom_score": 1 })).refused(404);
}
