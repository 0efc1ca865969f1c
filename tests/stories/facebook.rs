//! A Facebook page and its Messenger as sources, against their stand-in: what is told by the webhook, answers, what is done
//! with comments, echoes, the time to answer, and everything that others might send.

use std::sync::OnceLock;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Answer, Cast, Engine, Fake, Person, clock, eventually, signature};
use serde_json::{Value, json};

on_both_engines![
    a_comment_comes_in_and_its_answer_goes_out,
    comments_are_hidden_shown_liked_and_deleted,
    what_is_edited_hidden_or_removed_there_is_followed,
    a_comment_is_answered_in_private,
    a_post_and_a_review_are_answered_with_comments,
    messages_come_in_and_are_answered_in_parts,
    an_echo_is_the_same_message_in_either_order,
    an_answer_that_got_lost_is_not_sent_twice,
    what_was_written_elsewhere_is_the_pages,
    read_marks_reactions_and_unsent_messages_are_followed,
    structured_messages_are_told_in_messengers_words,
    who_types_is_shown_to_the_customer,
    after_a_day_only_who_may_answers,
    a_thousand_repeats_at_once_are_one_content,
    of_a_batch_only_what_cannot_be_read_is_missing_and_shown,
    what_was_taken_outlives_a_kill,
    what_is_told_in_any_order_is_here_in_the_end,
    nobody_else_tells_anything,
    faults_are_told_in_words_and_pass,
    a_connection_is_tried_and_says_what_is_missing,
    who_began_lets_the_source_in_and_nobody_else,
    a_bot_and_agents_hand_a_conversation_over,
    an_agent_who_interrupts_a_bot_gets_the_conversation,
    what_a_bot_is_told_is_kept_and_waits_for_nobody,
    what_a_bot_hands_over_finds_an_agent_at_once,
    where_no_app_is_primary_a_secondary_receiver_answers_too,
    customers_have_the_names_and_pictures_of_their_profiles,
];

/// A server that is led to the stand-in.
struct World {
    fake: Fake,
    cast: Cast,
}

impl World {
    fn shared(engine: Engine) -> &'static World {
        static WORLDS: [OnceLock<World>; 2] = [OnceLock::new(), OnceLock::new()];
        WORLDS[engine as usize].get_or_init(|| {
            let fake = Fake::start("facebook");
            World { cast: fake.cast(engine), fake }
        })
    }

    fn otto(&self) -> &Person {
        &self.cast.otto
    }

    /// A page with both kinds of source.
    fn page(&self, settings: &Value) -> Page<'_> {
        let page = unique("1000").replace('-', "");
        let source = |kind: &str| {
            let name = unique("Community ");
            let community = self.otto().post("/1.0/communities", &json!({ "type": kind, "name": name })).ok();
            let mut source = json!({
                "type": kind, "name": unique("Page "), "community_id": community["id"], "facebook_page_id": page,
                "facebook_app_id": "77", "facebook_app_secret": format!("secret-{page}"),
                "facebook_page_token": format!("page-{page}"),
            });
            for (name, value) in settings.as_object().into_iter().flatten() {
                if kind == "messenger" || !name.starts_with("messenger") {
                    source[name] = value.clone();
                }
            }
            self.otto().post("/1.0/content_sources", &source).ok()
        };
        let (facebook, messenger) = (source("facebook"), source("messenger"));
        let page = Page { world: self, facebook: id(&facebook), messenger: id(&messenger), id: page };
        let callback = format!("http://{}{}", self.otto().address(), page.hook());
        page.set(&json!({ "callback": callback, "secret": format!("secret-{}", page.id), "app_id": "77" }));
        page
    }
}

/// A page on the stand-in, and the sources that it is here.
struct Page<'w> {
    world: &'w World,
    facebook: String,
    messenger: String,
    id: String,
}

impl Page<'_> {
    fn otto(&self) -> &Person {
        self.world.otto()
    }

    fn hook(&self) -> String {
        format!("/channels/facebook/{}", self.facebook)
    }

    fn set(&self, how: &Value) {
        self.world.fake.send("PUT", &format!("/_fake/pages/{}", self.id), how);
    }

    fn fault(&self, mut fault: Value) {
        fault["account"] = json!(self.id);
        self.world.fake.fault(&fault);
    }

    /// What the stand-in was asked in this page's name, with these words in it.
    fn asked(&self, words: &str) -> Vec<Value> {
        let token = json!(["authorization", format!("Bearer page-{}", self.id)]);
        let is_ours = |request: &Value| request["headers"].as_array().is_some_and(|headers| headers.contains(&token));
        self.world.fake.asked(words).into_iter().filter(is_ours).collect()
    }

    fn bodies(&self, words: &str) -> Vec<Value> {
        let body = |request: &Value| serde_json::from_str(request["body"].as_str().unwrap_or("")).unwrap_or_default();
        self.asked(words).iter().map(body).collect()
    }

    /// Has the stand-in send something, and returns how it was answered.
    fn sends(&self, order: &Value) -> Vec<u64> {
        let answer = self.world.fake.send("POST", &format!("/_fake/pages/{}/events", self.id), order).json();
        answer["statuses"].as_array().expect("statuses").iter().map(|status| status.as_u64().unwrap_or(0)).collect()
    }

    fn tells(&self, body: &Value) {
        assert_eq!(self.sends(&json!({ "bodies": [body] })), [200], "{body}");
    }

    fn feed_body(&self, values: &[Value]) -> Value {
        let changes: Vec<Value> = values.iter().map(|value| json!({ "field": "feed", "value": value })).collect();
        json!({ "object": "page", "entry": [{ "id": self.id, "time": 1_700_000_000, "changes": changes }] })
    }

    fn feed(&self, value: Value) {
        self.tells(&self.feed_body(&[value]));
    }

    fn comment_value(&self, comment: &str, text: &str) -> Value {
        json!({ "item": "comment", "verb": "add", "comment_id": comment, "post_id": format!("{}_5", self.id),
                "parent_id": format!("{}_5", self.id), "from": { "id": "900", "name": "Vera <b>V</b>" },
                "created_time": 1_700_000_000, "message": text })
    }

    fn message_body(&self, customer: &str, part: &Value) -> Value {
        let mut item =
            json!({ "sender": { "id": customer }, "recipient": { "id": self.id }, "timestamp": now() * 1_000 });
        for (name, value) in part.as_object().into_iter().flatten() {
            item[name] = value.clone();
        }
        json!({ "object": "page", "entry": [{ "id": self.id, "time": 1_700_000_000_000_i64, "messaging": [item] }] })
    }

    fn messaging(&self, customer: &str, part: &Value) {
        self.tells(&self.message_body(customer, part));
    }

    /// A message of a customer, once it is here.
    fn says(&self, customer: &str, text: &str) -> Value {
        let mid = unique("m_");
        self.messaging(customer, &json!({ "message": { "mid": mid, "text": text } }));
        self.here(&mid)
    }

    fn contents(&self) -> Vec<Value> {
        [&self.facebook, &self.messenger].into_iter().flat_map(|source| self.contents_of(source)).collect()
    }

    fn contents_of(&self, source: &str) -> Vec<Value> {
        let q = encode(&format!("source:{source} order:created_at.asc"));
        records(&self.otto().get(&format!("/1.0/contents?extended=true&limit=150&q={q}")).ok()).to_vec()
    }

    fn content(&self, foreign_id: &str) -> Option<Value> {
        self.contents().into_iter().find(|content| content["foreign_id"] == foreign_id)
    }

    fn here(&self, foreign_id: &str) -> Value {
        eventually(&format!("{foreign_id} is here"), || self.content(foreign_id))
    }

    fn becomes(&self, content: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        eventually(what, || {
            let content = self.otto().get(&format!("/1.0/contents/{content}?extended=true")).ok();
            is(&content).then_some(content)
        })
    }

    fn settled(&self, content: &str) -> Value {
        self.becomes(content, "it has settled", |content| content["synchronization_status"] != "export_pending")
    }

    fn reply(&self, content: &Value, more: &Value) -> Value {
        let mut reply = json!({ "in_reply_to_id": content["id"], "body": "Thank you" });
        for (name, value) in more.as_object().into_iter().flatten() {
            reply[name] = value.clone();
        }
        self.otto().post("/1.0/contents", &reply).ok()
    }

    fn connection(&self, source: &str) -> Value {
        self.otto().get(&format!("/1.0/content_sources/{source}/connection")).ok()
    }

    fn events(&self, source: &str, state: &str) -> Value {
        self.otto().get(&format!("/1.0/content_sources/{source}/channel_events?state={state}")).ok()
    }
}

fn now() -> i64 {
    clock::seconds_after(0)
}

fn a_comment_comes_in_and_its_answer_goes_out(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    page.feed(page.comment_value("5_7", "Is it <i>open</i>?"));
    let comment = page.here("5_7");
    assert_eq!((&comment["type"], &comment["source_type"]), (&json!("comment"), &json!("facebook")));
    assert_eq!((&comment["body"], &comment["status"]), (&json!("Is it <i>open</i>?"), &json!("new")));
    let author = page.otto().get(&format!("/1.0/identities/{}", comment["author_id"].as_str().unwrap())).ok();
    assert_eq!(author["screenname"], "Vera <b>V</b>");
    let answer = page.settled(&id(&page.reply(&comment, &json!({}))));
    assert_eq!((&answer["synchronization_status"], &answer["type"]), (&json!("success"), &json!("comment")));
    let sent = page.bodies("POST /v25.0/5_7/comments");
    assert_eq!(sent, [json!({ "message": "Thank you" })]);
    // Facebook tells of it, too: it is the same.
    let foreign_id = answer["foreign_id"].as_str().unwrap();
    let mut echo = page.comment_value(foreign_id, "Thank you");
    echo["from"] = json!({ "id": page.id, "name": "The page" });
    echo["parent_id"] = json!("5_7");
    page.feed(echo);
    page.feed(page.comment_value("5_8", "Later"));
    page.here("5_8");
    assert_eq!(page.contents().len(), 3);
}

fn comments_are_hidden_shown_liked_and_deleted(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    page.feed(page.comment_value("5_7", "Buy pills"));
    let comment = id(&page.here("5_7"));
    let act = |path: &str, body: &Value| page.otto().put(&format!("/1.0/contents/{comment}/{path}"), body).ok();
    act("unpublish", &json!({}));
    page.becomes(&comment, "hidden", |content| {
        content["published"] == false && content["synchronization_status"] == "success"
    });
    act("publish", &json!({}));
    page.becomes(&comment, "shown", |content| {
        content["published"] == true && content["synchronization_status"] == "success"
    });
    page.otto().post(&format!("/1.0/contents/{comment}/actions"), &json!({ "name": "like" })).ok();
    page.settled(&comment);
    page.otto().delete(&format!("/1.0/contents/{comment}")).ok();
    page.becomes(&comment, "deleted", |content| content["remotely_deleted"] == true);
    assert_eq!(
        page.bodies("POST /v25.0/5_7"),
        [json!({ "is_hidden": true }), json!({ "is_hidden": false }), Value::Null]
    );
    assert_eq!((page.asked("POST /v25.0/5_7/likes").len(), page.asked("DELETE /v25.0/5_7").len()), (1, 1));
}

fn what_is_edited_hidden_or_removed_there_is_followed(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    page.feed(page.comment_value("5_7", "Frist"));
    let comment = id(&page.here("5_7"));
    let change = |verb: &str, text: &str| {
        let mut value = page.comment_value("5_7", text);
        value["verb"] = json!(verb);
        page.feed(value);
    };
    change("edited", "First");
    page.becomes(&comment, "edited", |content| content["body"] == "First");
    change("hide", "");
    page.becomes(&comment, "hidden", |content| content["published"] == false);
    change("unhide", "");
    page.becomes(&comment, "shown", |content| content["published"] == true);
    change("remove", "");
    let gone = page.becomes(&comment, "removed", |content| content["remotely_deleted"] == true);
    assert_eq!((&gone["body"], &gone["status"]), (&json!("First"), &json!("ignored")));
    // What is not here is no matter.
    page.feed(json!({ "item": "comment", "verb": "remove", "comment_id": "5_999", "post_id": "5_9" }));
}

fn a_comment_is_answered_in_private(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    page.feed(page.comment_value("5_7", "Where is my order?"));
    let answer = page.settled(&id(&page.reply(&page.here("5_7"), &json!({ "private": true }))));
    assert_eq!((&answer["type"], &answer["private_message"]), (&json!("private_message"), &json!(true)));
    let sent = page.bodies(&format!("POST /v25.0/{}/messages", page.id));
    assert_eq!(
        (&sent[0]["recipient"]["comment_id"], &sent[0]["message"]["text"]),
        (&json!("5_7"), &json!("Thank you"))
    );
}

fn a_post_and_a_review_are_answered_with_comments(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let post = format!("{}_5", page.id);
    page.feed(json!({ "item": "post", "verb": "add", "post_id": post, "from": { "id": "900" }, "message": "Hello" }));
    for (story, verdict, told) in [("77", "recommendation_type", json!("POSITIVE")), ("78", "rating", json!(4))] {
        let mut value = json!({
            "item": "rating", "verb": "add", "reviewer_id": 901, "reviewer_name": "Rita", "review_text": "Fine",
            "open_graph_story_id": story,
        });
        value[verdict] = told;
        let change = json!({ "field": "ratings", "value": value });
        page.tells(&json!({ "object": "page", "entry": [{ "id": page.id, "time": 1, "changes": [change] }] }));
    }
    let (hello, review) = (page.here(&post), page.here("77"));
    assert_eq!((&hello["type"], &review["type"]), (&json!("post"), &json!("review")));
    assert_eq!((&review["body"], review.get("rating")), (&json!("👍 Fine"), None));
    let stars = page.here("78");
    assert_eq!((&stars["body"], &stars["rating"]), (&json!("4/5 Fine"), &json!(4)));
    for content in [&hello, &review] {
        let answer = page.settled(&id(&page.reply(content, &json!({}))));
        assert_eq!((&answer["type"], &answer["synchronization_status"]), (&json!("comment"), &json!("success")));
        assert_eq!(answer["thread_id"], content["thread_id"]);
    }
    assert_eq!(page.asked("/comments").len(), 2);
}

fn messages_come_in_and_are_answered_in_parts(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    page.messaging("900", &json!({ "message": { "mid": "m_1", "text": "Red", "quick_reply": { "payload": "RED" } } }));
    let message = page.here("m_1");
    assert_eq!((&message["type"], &message["structured_reply"]["payload"]), (&json!("message"), &json!("RED")));
    page.messaging("900", &json!({ "postback": { "mid": "m_2", "title": "Start", "payload": "GO" } }));
    assert_eq!(page.here("m_2")["thread_id"], message["thread_id"]);
    page.messaging("900", &json!({ "message": { "mid": "m_3", "sticker_id": 369_239_263_222_822_i64 } }));
    assert_eq!(page.here("m_3")["body"], "👍");
    let file = |name: &str| {
        let upload = Request::new("POST", "/1.0/attachments").body(
            "multipart/form-data; boundary=b",
            format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\nbytes of {name}\r\n--b--\r\n"),
        );
        id(&page.otto().send(upload).ok())
    };
    let reply = page.reply(&message, &json!({ "attachment_ids": [file("a.png"), file("b.txt")] }));
    let answer = page.settled(&id(&reply));
    assert_eq!(answer["synchronization_status"], "success", "{answer}");
    let sent = page.bodies(&format!("POST /v25.0/{}/messages", page.id));
    let kinds: Vec<_> = sent.iter().map(|body| body["message"]["attachment"]["type"].clone()).collect();
    assert_eq!(kinds, [Value::Null, json!("image"), json!("file")]);
    assert_eq!((&sent[0]["recipient"]["id"], &sent[0]["messaging_type"]), (&json!("900"), &json!("RESPONSE")));
}

fn an_echo_is_the_same_message_in_either_order(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let message = page.says("900", "Hello?");
    for echo in ["before", "after"] {
        page.set(&json!({ "echo": echo }));
        let answer = page.settled(&id(&page.reply(&message, &json!({ "body": format!("Echoed {echo}") }))));
        assert_eq!(answer["synchronization_status"], "success");
        page.becomes(&id(&answer), "it has its id", |content| content["foreign_id"].is_string());
    }
    page.says("900", "Thanks");
    assert_eq!(page.contents_of(&page.messenger).len(), 4);
}

fn an_answer_that_got_lost_is_not_sent_twice(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let message = page.says("900", "Hello?");
    page.set(&json!({ "echo": "before" }));
    page.fault(json!({ "fault": "lost_answer", "operation": "messages" }));
    let answer = page.settled(&id(&page.reply(&message, &json!({}))));
    assert_eq!(answer["synchronization_status"], "success", "{answer}");
    assert_eq!(page.asked("/messages").len(), 1);
}

fn what_was_written_elsewhere_is_the_pages(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let message = page.says("900", "Hello?");
    page.messaging(&page.id, &json!({ "sender": { "id": page.id }, "recipient": { "id": "900" },
        "message": { "mid": "m_e", "is_echo": true, "app_id": 263_902_037_430_900_i64, "text": "From the page's inbox" } }));
    let written = page.here("m_e");
    assert_eq!((&written["thread_id"], &written["status"]), (&message["thread_id"], &json!("user_reply")));
}

fn read_marks_reactions_and_unsent_messages_are_followed(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let message = page.says("900", "Hello?");
    let answer = page.settled(&id(&page.reply(&message, &json!({}))));
    page.messaging("900", &json!({ "delivery": { "mids": [answer["foreign_id"]], "watermark": now() * 1_000 } }));
    page.messaging("900", &json!({ "reaction": { "mid": answer["foreign_id"], "action": "react", "emoji": "❤" } }));
    page.becomes(&id(&answer), "reacted", |content| content["context_data"]["reaction"] == "❤");
    page.messaging("900", &json!({ "read": { "watermark": (now() + 60) * 1_000 } }));
    page.becomes(&id(&answer), "it is read", |content| content["read_at"].is_string());
    let mid = message["foreign_id"].as_str().unwrap();
    page.messaging("900", &json!({ "message_edit": { "mid": mid, "text": "Hello!" } }));
    page.becomes(&id(&message), "edited", |content| content["body"] == "Hello!");
    page.messaging("900", &json!({ "message": { "mid": mid, "is_deleted": true } }));
    page.becomes(&id(&message), "unsent", |content| content["remotely_deleted"] == true);
    assert_eq!(page.connection(&page.messenger)["events_failed"], 0);
}

fn structured_messages_are_told_in_messengers_words(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let message = page.says("900", "Which are there?");
    let select =
        json!({ "type": "select", "items": [{ "title": "A very long title that has no room", "payload": "R" }] });
    page.settled(&id(&page.reply(&message, &json!({ "body": "Which?", "structured_content": select }))));
    let template =
        json!({ "type": "template", "title": "Order", "items": [{ "type": "reply", "title": "Yes", "payload": "Y" }] });
    page.settled(&id(&page.reply(&message, &json!({ "body": null, "structured_content": template }))));
    let sent = page.bodies("/messages");
    assert_eq!(sent[0]["message"]["quick_replies"][0]["payload"], "R");
    assert!(sent[0]["message"]["quick_replies"][0]["title"].as_str().unwrap().chars().count() <= 20);
    assert_eq!(sent[1]["message"]["attachment"]["payload"]["template_type"], "button", "{}", sent[1]);
}

fn who_types_is_shown_to_the_customer(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let thread = page.says("900", "Hello?")["thread_id"].as_str().unwrap().to_owned();
    for (typing, action) in [(true, "typing_on"), (false, "typing_off")] {
        page.otto().post(&format!("/1.0/content_threads/{thread}/typing"), &json!({ "typing": typing })).ok();
        let shown = |body: &Value| body["sender_action"] == action && body["recipient"]["id"] == "900";
        eventually("it is shown", || page.bodies("/messages").iter().any(shown).then_some(()));
    }
    page.feed(page.comment_value("5_7", "A comment"));
    let thread = page.here("5_7")["thread_id"].as_str().unwrap().to_owned();
    page.otto().post(&format!("/1.0/content_threads/{thread}/typing"), &json!({})).refused(404);
}

fn after_a_day_only_who_may_answers(engine: Engine) {
    for (settings, hours, status, tag) in [
        (json!({}), 30, "export_failure", None),
        (json!({ "messenger_human_agent": true }), 30, "success", Some("HUMAN_AGENT")),
        (json!({ "messenger_human_agent": true }), 24 * 8, "export_failure", None),
    ] {
        let page = World::shared(engine).page(&settings);
        page.messaging(
            "900",
            &json!({ "timestamp": (now() - hours * 3_600) * 1_000, "message": { "mid": "m_1", "text": "Hi" } }),
        );
        let answer = page.settled(&id(&page.reply(&page.here("m_1"), &json!({}))));
        assert_eq!(answer["synchronization_status"], status, "{hours}");
        let sent = page.bodies("/messages");
        assert_eq!(sent.first().and_then(|body| body["tag"].as_str()), tag);
        assert_eq!(
            answer["synchronization_error"].as_str().is_some_and(|why| why.contains("wrote")),
            tag.is_none(),
            "{answer}"
        );
    }
}

fn a_thousand_repeats_at_once_are_one_content(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let body = page.message_body("900", &json!({ "message": { "mid": "m_1", "text": "Once" } }));
    let statuses = page.sends(&json!({ "bodies": [body], "times": 1_000 }));
    assert_eq!((statuses.len(), statuses.iter().all(|status| *status == 200)), (1_000, true));
    page.here("m_1");
    page.says("900", "And then");
    assert_eq!(page.contents_of(&page.messenger).len(), 2);
    assert_eq!(page.connection(&page.messenger)["events_received"], 2);
}

fn of_a_batch_only_what_cannot_be_read_is_missing_and_shown(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let values: Vec<Value> = (0..1_000)
        .map(|number| match number % 100 {
            50 => json!({ "item": "comment", "verb": "add", "number": number }),
            _ => page.comment_value(&format!("5_{number}"), "One of many"),
        })
        .collect();
    page.tells(&page.feed_body(&values));
    let all = || {
        let q = encode(&format!("source:{}", page.facebook));
        page.otto().get(&format!("/1.0/contents?limit=1&q={q}")).ok()["count"].as_i64()
    };
    eventually("990 are here", || (all() == Some(990)).then_some(()));
    let failed = page.events(&page.facebook, "failed");
    assert_eq!((records(&failed).len(), &failed["count"]), (10, &json!(10)));
    assert_eq!(records(&failed)[0]["error"], "The comment has no id.");
    assert_eq!(page.connection(&page.facebook)["events_failed"], 10);
    // What nobody knows is counted, and no failure.
    page.feed(json!({ "item": "hologram", "verb": "add" }));
    eventually("it is counted", || (page.connection(&page.facebook)["events_unknown"] == 1).then_some(()));
    let event = id(&records(&page.events(&page.facebook, "failed"))[0]);
    let again = format!("/1.0/content_sources/{}/channel_events/{event}/retry", page.facebook);
    assert_eq!(page.otto().post(&again, &json!({})).ok()["state"], "waiting");
    eventually("it has failed again", || (page.events(&page.facebook, "failed")["count"] == 10).then_some(()));
}

fn what_was_taken_outlives_a_kill(engine: Engine) {
    let fake = Fake::start("facebook");
    let mut world = World { cast: fake.cast(engine), fake };
    let page = world.page(&json!({}));
    let values: Vec<Value> = (0..500).map(|number| page.comment_value(&format!("5_{number}"), "One of many")).collect();
    page.tells(&page.feed_body(&values));
    let q = encode(&format!("source:{}", page.facebook));
    // It was answered 200 a moment ago, and hardly any of it was read.
    world.cast.server.kill();
    world.cast.server.restart();
    eventually("all of it is here", || {
        (world.otto().get(&format!("/1.0/contents?limit=1&q={q}")).ok()["count"] == 500).then_some(())
    });
    world.cast.server.look_through_the_log();
}

fn what_is_told_in_any_order_is_here_in_the_end(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let mut answer = page.comment_value("5_8", "An answer");
    answer["parent_id"] = json!("5_7");
    let mut edit = page.comment_value("5_8", "A better answer");
    edit["verb"] = json!("edited");
    let bodies = [page.comment_value("5_7", "First"), answer, edit].map(|value| page.feed_body(&[value]));
    assert_eq!(page.sends(&json!({ "bodies": bodies, "reversed": true })), [200, 200, 200]);
    let first = page.here("5_7");
    let answer =
        eventually("the edit is here", || page.content("5_8").filter(|found| found["body"] == "A better answer"));
    assert_eq!((&answer["in_reply_to_id"], &answer["thread_id"]), (&first["id"], &first["thread_id"]));
}

fn nobody_else_tells_anything(engine: Engine) {
    let world = World::shared(engine);
    let page = world.page(&json!({}));
    let body = page.feed_body(&[page.comment_value("5_7", "Forged")]);
    for signature in ["wrong", "sha1", "not"] {
        assert_eq!(page.sends(&json!({ "bodies": [body], "signature": signature })), [403], "{signature}");
    }
    let post = |path: &str, bytes: &[u8], secret: &str| -> Answer {
        let signed = format!("sha256={}", signature::sha256(secret, bytes));
        let request = Request::new("POST", path).body("application/json", bytes).header("X-Hub-Signature-256", &signed);
        request.send(page.otto().address()).expect("an answer")
    };
    let secret = format!("secret-{}", page.id);
    for path in [
        "/channels/facebook/x",
        "/channels/sdk/013a1d5e4e80000000000001",
        &page.hook().replace("facebook", "messenger"),
    ] {
        post(path, b"{}", &secret).refused(404);
    }
    // Signed, and nonsense: kept, shown, and no failure of the server.
    for nonsense in [&b"not JSON"[..], b"[]", b"{\"object\":\"page\",\"entry\":[5,{\"id\":{}}]}", &[0xff, 0, 1]] {
        assert_eq!(post(&page.hook(), nonsense, &secret).status, 200);
    }
    post(&page.hook(), &vec![b' '; (1 << 20) + 1], &secret).refused(413);
    // Another page's events, signed by this one's app, are nobody's; signed by its own app they are its.
    let other = world.page(&json!({}));
    let foreign = other.feed_body(&[other.comment_value("5_9", "Foreign")]);
    assert_eq!(post(&page.hook(), foreign.to_string().as_bytes(), &secret).status, 200);
    eventually("they are shown", || (records(&page.events(&page.facebook, "failed")).len() >= 4).then_some(()));
    // Media inside, times to come, ids that do not fit.
    let mut odd = page.comment_value("5_10", "Odd");
    odd["photo"] = json!("http://169.254.169.254/latest/meta-data");
    odd["created_time"] = json!(99_999_999_999_i64);
    page.feed(odd);
    page.feed(page.comment_value(&"x".repeat(5_000), "Too long an id"));
    let here = page.here("5_10");
    assert!(here["created_at"].as_str().unwrap() < "2100", "{here}");
    page.says("900", "Still here");
    assert_eq!((page.contents().len(), other.contents().len()), (2, 0));
    // Only who knows the token gets the challenge back.
    let shown = page.otto().get(&format!("/1.0/content_sources/{}?extended=true", page.facebook)).ok();
    let ask = |token: &str| {
        let query = format!("hub.mode=subscribe&hub.challenge=42&hub.verify_token={}", encode(token));
        Request::new("GET", &format!("{}?{query}", page.hook())).send(page.otto().address()).expect("an answer")
    };
    let token = shown["facebook_verify_token"].as_str().expect("who may change it sees it");
    // Whoever sends the question once more learns what they sent.
    assert_eq!((ask(token).status, ask(token).text()), (200, "42".to_owned()));
    let author = here["author_id"].as_str().unwrap();
    assert_eq!(page.otto().get(&format!("/1.0/identities/{author}")).ok()["screenname"], "Vera <b>V</b>");
    ask("guessed").refused(403);
    assert!(shown.get("facebook_app_secret").is_none() && shown.get("facebook_page_token").is_none());
}

fn faults_are_told_in_words_and_pass(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let message = page.says("900", "Hello?");
    for (fault, words) in [
        ("expired_token", "connect the page again"),
        ("missing_right", "lacks a right"),
        ("window_closed", "write again"),
        ("recipient_gone", "takes no messages"),
        ("invalid", "Param message"),
    ] {
        page.fault(json!({ "fault": fault, "operation": "messages" }));
        let answer = page.settled(&id(&page.reply(&message, &json!({}))));
        let told = (&answer["synchronization_status"], answer["synchronization_error"].as_str().unwrap_or_default());
        assert!(told.0 == "export_failure" && told.1.contains(words), "{fault}: {told:?}");
    }
    let shown = page.otto().get(&format!("/1.0/content_sources/{}", page.messenger)).ok();
    assert_eq!(shown["status"], "error");
    page.fault(json!({ "fault": "rate_limit", "operation": "messages", "seconds": 1 }));
    let answer = page.settled(&id(&page.reply(&message, &json!({}))));
    assert_eq!(answer["synchronization_status"], "success");
    let shown = page.otto().get(&format!("/1.0/content_sources/{}", page.messenger)).ok();
    assert_eq!(shown["status"], "ok");
}

fn a_connection_is_tried_and_says_what_is_missing(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let path = format!("/1.0/content_sources/{}/connection", page.facebook);
    let tried = || {
        page.otto().post(&format!("{path}/test"), &json!({})).ok();
        eventually("it was tried", || Some(page.otto().get(&path).ok()).filter(|told| told["trying"] == false))
    };
    let steps = |told: &Value| -> Vec<(String, bool)> {
        let step = |step: &Value| (step["name"].as_str().unwrap().to_owned(), step["done"] == true);
        told["steps"].as_array().unwrap().iter().map(step).collect()
    };
    let told = tried();
    assert!(told["findings"].as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{told}");
    assert!(told["callback_url"].as_str().unwrap().ends_with(&page.hook()));
    assert_eq!(steps(&told).last(), Some(&("webhook".to_owned(), false)));
    page.fault(json!({ "fault": "expired_token", "operation": "read" }));
    let told = tried();
    assert_eq!(told["findings"][0]["ok"], false);
    assert!(told["findings"][0]["message"].as_str().unwrap().contains("connect the page again"), "{told}");
    let source = format!("/1.0/content_sources/{}", page.facebook);
    assert_eq!(page.otto().get(&source).ok()["status"], "error");
    page.otto().put(&source, &json!({ "facebook_page_token": "page-other" })).ok();
    assert!(tried()["findings"][0]["message"].as_str().unwrap().contains("another page"));
    page.otto().put(&source, &json!({ "facebook_page_token": "" })).ok();
    let told = tried();
    assert!(told["findings"][0]["message"].as_str().unwrap().contains("missing"), "{told}");
    assert_eq!(steps(&told)[2], ("token".to_owned(), false));
}

fn who_began_lets_the_source_in_and_nobody_else(engine: Engine) {
    let page = World::shared(engine).page(&json!({ "facebook_page_token": null }));
    let path = format!("/1.0/content_sources/{}/connection", page.facebook);
    let begin = || page.otto().post(&format!("{path}/authorize"), &json!({})).ok();
    let state = |begun: &Value| {
        let url = begun["url"].as_str().unwrap();
        assert!(url.starts_with("https://www.facebook.com/v25.0/dialog/oauth?client_id=77&"), "{url}");
        url.split("state=").nth(1).unwrap().split('&').next().unwrap().to_owned()
    };
    let begun = state(&begin());
    let end = |person: &Person, state: &str, code: &str| {
        person.post(&format!("{path}/complete"), &json!({ "state": state, "code": code }))
    };
    let tried =
        || eventually("it was tried", || Some(page.otto().get(&path).ok()).filter(|told| told["trying"] == false));
    // Somebody else with every right on it did not begin, and a guess did not either.
    let other = page.world.cast.hire(&["update_content_source"]);
    let rights = json!({ (page.facebook.as_str()): "read" });
    page.otto().put(&format!("/1.0/users/{}/sources_permissions", other.user_id), &rights).ok();
    let code = format!("code-{}", page.id);
    assert_eq!(end(&other, &begun, &code).invalid(), ["state"]);
    assert_eq!(end(page.otto(), "guessed", &code).invalid(), ["state"]);
    end(page.otto(), &begun, &code).ok();
    let told = tried();
    assert!(told["findings"].as_array().unwrap().iter().all(|finding| finding["ok"] == true), "{told}");
    assert_eq!(told["findings"][0]["name"], "sign_in");
    assert_eq!(end(page.otto(), &begun, &code).invalid(), ["state"], "it is good for once");
    page.feed(page.comment_value("5_7", "Open?"));
    let answer = page.settled(&id(&page.reply(&page.here("5_7"), &json!({}))));
    assert_eq!(answer["synchronization_status"], "success");
    end(page.otto(), &state(&begin()), "code-of-another").ok();
    assert!(tried()["findings"][0]["message"].as_str().unwrap().contains("no page with the id"));
    let back = Request::new("GET", "/channels/return?state=s&code=%3Cscript%3E").send(page.otto().address()).unwrap();
    assert!(back.status == 200 && back.text().contains("&lt;script&gt;") && !back.text().contains("<code><script>"));
}

fn a_bot_and_agents_hand_a_conversation_over(engine: Engine) {
    for (settings, call) in
        [(json!({}), "request_thread_control"), (json!({ "messenger_is_primary": true }), "take_thread_control")]
    {
        let page = World::shared(engine).page(&settings);
        let customer = unique("900").replace('-', "");
        let message = page.says(&customer, "A person, please");
        let hand = |more: &Value| {
            let mut body = json!({ "type": "messenger", "identity_foreign_id": customer });
            for (name, value) in more.as_object().unwrap() {
                body[name] = value.clone();
            }
            page.otto().post("/1.0/bots/handover", &body)
        };
        let told = hand(&json!({ "from": "bot", "to": "agent" })).ok();
        assert_eq!((&told["status"], &told["message"]), (&json!(200), &json!("Success")));
        eventually("it is asked for", || (page.bodies(call).len() == 1).then_some(()));
        assert_eq!(page.bodies(call)[0]["recipient"]["id"], json!(customer));
        page.messaging(
            &customer,
            &json!({ "pass_thread_control": { "new_owner_app_id": "77", "previous_owner_app_id": "88" } }),
        );
        let reply = page.reply(&message, &json!({}));
        page.settled(&id(&reply));
        // Not while somebody is at it; afterwards it goes to the bot's app, and at the end of each case by itself.
        let to_bot = json!({ "from": "agent", "to": "bot", "app_id": "88" });
        assert_eq!(hand(&to_bot).invalid(), ["identity_foreign_id"]);
        let intervention = reply["intervention_id"].as_str().unwrap();
        page.otto().put(&format!("/1.0/interventions/{intervention}/close"), &json!({})).ok();
        eventually("it is released", || (page.bodies("release_thread_control").len() == 1).then_some(()));
        hand(&to_bot).ok();
        eventually("it is passed", || (page.bodies("pass_thread_control").len() == 1).then_some(()));
        assert_eq!(page.bodies("pass_thread_control")[0]["target_app_id"], "88");
        assert_eq!(hand(&json!({ "from": "agent", "to": "bot", "app_id": "8/8" })).invalid(), ["app_id"]);
    }
}

fn an_agent_who_interrupts_a_bot_gets_the_conversation(engine: Engine) {
    for primary in [true, false] {
        let page = World::shared(engine).page(&json!({ "messenger_is_primary": primary }));
        let message = page.says("900", "Hello, bot");
        page.world.fake.send(
            "PUT",
            &format!("/_fake/pages/{}/owners", page.id),
            &json!({ "customer": "900", "app_id": "88" }),
        );
        let reply = id(&page.reply(&message, &json!({})));
        let call = if primary { "take_thread_control" } else { "request_thread_control" };
        eventually("it is asked for", || (page.bodies(call).len() == 1).then_some(()));
        if !primary {
            // The bot gives it.
            page.world.fake.send(
                "PUT",
                &format!("/_fake/pages/{}/owners", page.id),
                &json!({ "customer": "900", "app_id": "77" }),
            );
            page.messaging("900", &json!({ "pass_thread_control": { "new_owner_app_id": "77" } }));
        }
        let answer = page.settled(&reply);
        assert_eq!(answer["synchronization_status"], "success", "{answer}");
    }
}

fn what_a_bot_is_told_is_kept_and_waits_for_nobody(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let mut body = page.message_body("900", &json!({ "message": { "mid": "m_1", "text": "To the bot" } }));
    let entry = body["entry"][0].as_object_mut().unwrap();
    let items = entry.remove("messaging").unwrap();
    entry.insert("standby".into(), items);
    page.tells(&body);
    let told = page.here("m_1");
    assert_eq!(told["status"], "ignored");
    page.messaging("900", &json!({ "pass_thread_control": { "new_owner_app_id": "77" } }));
    page.becomes(&id(&told), "it waits for an agent", |content| content["status"] == "new");
}

fn what_a_bot_hands_over_finds_an_agent_at_once(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let group = json!({ "name": unique("Group "), "source_ids": [page.messenger] });
    let group = id(&page.otto().post("/1.0/channels", &group).ok());
    let tasks = || {
        let queue = page.otto().get(&format!("/1.0/tasks?limit=150&queue=global&channel_id={group}")).ok();
        records(&queue).to_vec()
    };
    let mut body = page.message_body("900", &json!({ "message": { "mid": "m_1", "text": "A person, please" } }));
    let entry = body["entry"][0].as_object_mut().unwrap();
    let items = entry.remove("messaging").unwrap();
    entry.insert("standby".into(), items);
    page.tells(&body);
    let told = page.here("m_1");
    // Another customer, whom no bot has, comes to the agents in the same moment; of the bot's there is nothing then.
    let other = page.says("901", "Hello");
    let of = |content: &Value| tasks().into_iter().find(|task| task["content_id"] == content["id"]);
    eventually("a task", || of(&other));
    assert_eq!(of(&told), None);
    page.messaging("900", &json!({ "pass_thread_control": { "new_owner_app_id": "77" } }));
    let task = eventually("a task without another word", || of(&told));
    assert_eq!(task["thread_id"], told["thread_id"]);
}

fn where_no_app_is_primary_a_secondary_receiver_answers_too(engine: Engine) {
    // Nothing says who leads, and Facebook tells no owner: whoever is told answers, and asks for nothing.
    let page = World::shared(engine).page(&json!({ "facebook_app_id": null }));
    let message = page.says("900", "Hello?");
    let answer = page.settled(&id(&page.reply(&message, &json!({}))));
    assert_eq!(answer["synchronization_status"], "success", "{answer}");
    assert!(page.asked("thread_control").is_empty());
    // An app that takes the lead later says so by refusing: then it is asked, since this one does not lead.
    page.set(&json!({ "app_id": "77" }));
    let owner = json!({ "customer": "900", "app_id": "88" });
    page.world.fake.send("PUT", &format!("/_fake/pages/{}/owners", page.id), &owner);
    let waiting = id(&page.reply(&page.says("900", "Still there?"), &json!({})));
    eventually("it is asked for", || (page.bodies("request_thread_control").len() == 1).then_some(()));
    let waits = page.becomes(&waiting, "it says why", |content| content["synchronization_error"].is_string());
    assert_ne!(waits["synchronization_status"], "success");
    let ours = json!({ "customer": "900", "app_id": "77" });
    page.world.fake.send("PUT", &format!("/_fake/pages/{}/owners", page.id), &ours);
    // Without an id of ours, being told that it was passed means that it was passed to us.
    page.messaging("900", &json!({ "pass_thread_control": { "new_owner_app_id": "77" } }));
    assert_eq!(page.settled(&waiting)["synchronization_status"], "success");
    assert!(page.asked("take_thread_control").is_empty());
}

fn customers_have_the_names_and_pictures_of_their_profiles(engine: Engine) {
    let page = World::shared(engine).page(&json!({}));
    let profile = |customer: &str, profile: &Value| {
        page.world.fake.send("PUT", &format!("/_fake/pages/{}/profiles/{customer}", page.id), profile);
    };
    let picture = "https://platform-lookaside.fbsbx.com/vera.jpg";
    profile("910", &json!({ "first_name": "Vera <b>", "last_name": "Visitor", "profile_pic": picture, "id": "910" }));
    profile("911", &json!({ "first_name": "Odd", "profile_pic": "http://169.254.169.254/x\u{0}" }));
    // A busy service is asked again; an unknown person and an app without the right do no harm.
    page.fault(json!({ "fault": "missing_right", "operation": "profile", "times": 1 }));
    let first = page.says("912", "Who am I?");
    eventually("it was asked", || (page.asked("/912?fields=").len() == 1).then_some(()));
    let [vera, odd] = ["910", "911"].map(|customer| page.says(customer, "Hello"));
    let author =
        |content: &Value| page.otto().get(&format!("/1.0/identities/{}", content["author_id"].as_str().unwrap())).ok();
    let named = eventually("she is known", || Some(author(&vera)).filter(|author| author["firstname"].is_string()));
    assert_eq!((&named["screenname"], &named["firstname"]), (&json!("Vera <b> Visitor"), &json!("Vera <b>")));
    assert_eq!((&named["lastname"], &named["avatar_url"]), (&json!("Visitor"), &json!(picture)));
    let named = eventually("he is known", || Some(author(&odd)).filter(|author| author["screenname"] == "Odd"));
    assert_eq!(named["lastname"], Value::Null);
    assert_eq!(author(&first)["screenname"], "Facebook user");
    assert_eq!(page.otto().get(&format!("/1.0/content_sources/{}", page.messenger)).ok()["status"], "ok");
    // What is known is not asked for with every message, and stays.
    page.says("910", "And another thing");
    assert_eq!(author(&vera)["screenname"], "Vera <b> Visitor");
    assert_eq!(page.asked("/910?fields=").len(), 1);
}
