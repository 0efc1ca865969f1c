//! What the server itself says to Vera: who has come and gone, that nobody is there, that it is over.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, Stream, Transport, eventually};
use serde_json::{Value, json};

use crate::web_messaging::{Site, Vera, shared, thread_of};

on_both_engines![
    a_live_chat_tells_who_comes_and_goes,
    who_leaves_a_live_chat_is_seen_to_leave,
    nobody_comes_and_it_is_over,
    a_conversation_that_is_closed_says_so,
    an_address_is_asked_for_once,
    an_agent_has_read_what_they_answer,
    notices_survive_a_kill_in_their_order,
    who_waits_for_a_chat_is_told_where_they_stand,
    a_message_joins_the_last_conversation_within_its_time,
    agents_see_where_a_visitor_is_and_was,
    who_missed_too_much_fetches_afresh,
];

/// What stands in a conversation, the oldest first: a message's text, or a notice's name and of whom it is.
fn lines(vera: &Vera, thread_id: &str) -> Vec<String> {
    let page = vera.send("GET", &format!("threads/{thread_id}/contents"), &Value::Null).ok();
    let contents = page["contents"].as_array().expect("contents").iter().rev();
    let line = |content: &Value| match content["notice"].as_str() {
        None => content["body"].as_str().expect("a text").to_owned(),
        Some(notice) => {
            assert_eq!((&content["from"], &content["body"]), (&json!("system"), &json!("")));
            match content["values"]["screenname"].as_str() {
                Some(name) => format!("{notice} {name}"),
                None => notice.to_owned(),
            }
        }
    };
    contents.map(line).collect()
}

fn say(vera: &Vera, thread_id: &str, expected: &[&str]) {
    eventually(&format!("{expected:?}"), || (lines(vera, thread_id) == expected).then_some(()));
}

/// The next of these among what a stream tells.
fn notice(stream: &mut Stream, name: &str) -> Value {
    loop {
        let told = stream.event_named("content");
        if told["content"]["notice"] == name {
            return told["content"].clone();
        }
    }
}

fn close_intervention(cast: &Cast, content_id: &str) {
    let intervention = cast.otto.content(content_id)["intervention_id"].as_str().expect("one").to_owned();
    cast.otto.put(&format!("/1.0/interventions/{intervention}/close"), &json!({})).ok();
}

fn thread(cast: &Cast, thread_id: &str) -> Value {
    cast.otto.get(&format!("/1.0/content_threads/{thread_id}")).ok()
}

fn a_live_chat_tells_who_comes_and_goes(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "chat");
    cast.otto
        .put(&format!("/1.0/content_sources/{}", site.source_id), &json!({ "from_name": "{{firstname}} of the shop" }))
        .ok();
    let otto = cast.otto.get(&format!("/1.0/users/{}", cast.otto.user_id)).ok();
    let name = format!("{} of the shop", otto["firstname"].as_str().expect("a name"));
    let vera = site.vera(&json!({}));
    let mut stream = vera.listens(Transport::Events, None);
    stream.heartbeat();
    let first = vera.writes(None, "Hello");
    let thread_id = thread_of(&first);
    cast.otto.engage(&id(&first));
    let told = notice(&mut stream, "connection");
    assert_eq!((&told["values"]["screenname"], &told["thread_id"]), (&json!(name), &json!(thread_id)));
    cast.otto.reply(&id(&first), "Good day");
    vera.writes(Some(&thread_id), "And bye");
    close_intervention(cast, &id(&first));
    assert_eq!(notice(&mut stream, "disconnection")["values"]["screenname"], json!(name));
    assert_eq!(stream.event_named("thread")["thread"]["opened"], false);
    let (connection, disconnection) = (format!("connection {name}"), format!("disconnection {name}"));
    let expected = ["Hello", connection.as_str(), "Good day", "And bye", disconnection.as_str()];
    say(&vera, &thread_id, &expected);
    let seen = thread(cast, &thread_id);
    assert_eq!((&seen["closed"], &seen["contents_count"]), (&json!(true), &json!(3)), "agents have the messages only");
    assert_eq!(seen["extra_data"]["close_cause"], "intervention_closed");
    let contents = cast.otto.search("/1.0/contents", &format!("thread:{thread_id}"));
    assert_eq!(records(&contents).len(), 3);
    assert_eq!(vera.threads()[0]["last_content"]["body"], "And bye");

    // Page by page it is the same.
    let mut pages = Vec::new();
    let mut before = String::new();
    loop {
        let path = format!("threads/{thread_id}/contents?limit=2&before={before}");
        let page = vera.send("GET", &path, &Value::Null).ok();
        let contents = page["contents"].as_array().expect("contents").clone();
        before = id(contents.last().expect("one at least"));
        pages.extend(contents);
        if page["more"] == false {
            break;
        }
    }
    let whole = vera.send("GET", &format!("threads/{thread_id}/contents"), &Value::Null).ok();
    assert_eq!(whole["contents"], json!(pages));
    assert_ne!(thread_of(&vera.writes(None, "Me again")), thread_id, "it is over");

    // Another agent takes over.
    let second = vera.writes(None, "Again");
    cast.otto.engage(&id(&second));
    let ada = cast.hire(&["update_own_intervention"]);
    cast.otto
        .put(&format!("/1.0/users/{}/sources_permissions", ada.user_id), &json!({ &site.source_id: "read,reply" }))
        .ok();
    let intervention = cast.otto.content(&id(&second))["intervention_id"].as_str().expect("one").to_owned();
    cast.otto.put(&format!("/1.0/interventions/{intervention}/reassign"), &json!({ "user_id": ada.user_id })).ok();
    let ada = cast.otto.get(&format!("/1.0/users/{}", ada.user_id)).ok();
    let other = format!("connection {} of the shop", ada["firstname"].as_str().expect("a name"));
    let expected = ["Me again", "Again", connection.as_str(), disconnection.as_str(), other.as_str()];
    say(&vera, &thread_of(&second), &expected);
}

fn who_leaves_a_live_chat_is_seen_to_leave(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "chat");
    site.mode("reject");
    let vera = site.vera(&json!({ "identity": { "screenname": "Vera V." } }));
    let first = vera.writes(None, "Hello");
    let thread_id = thread_of(&first);
    let close = format!("threads/{thread_id}/close");
    for _ in 0..2 {
        assert_eq!(vera.send("POST", &close, &json!({})).status, 204);
    }
    assert_eq!(lines(&vera, &thread_id), ["Hello", "disconnection Vera V."]);
    assert_eq!(thread(cast, &thread_id)["extra_data"]["close_cause"], "visitor_closed");
}

fn nobody_comes_and_it_is_over(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "chat");
    assert_eq!(site.configure(&json!({}))["impossible_delay"], "8m");
    let path = format!("/1.0/content_sources/{}/messaging", site.source_id);
    for wrong in ["soon", "", "8x", "8d", "-1m", "2m 25"] {
        cast.otto.put(&path, &json!({ "impossible_delay": wrong })).refused(422);
    }
    site.configure(&json!({ "impossible_delay": "2s" }));
    let (vera, lucky) = (site.vera(&json!({})), site.vera(&json!({})));
    let mut stream = vera.listens(Transport::Events, None);
    let first = lucky.writes(None, "Hello");
    cast.otto.engage(&id(&first));
    let thread_id = thread_of(&vera.writes(None, "Anybody?"));
    assert_eq!(notice(&mut stream, "impossible")["thread_id"], json!(thread_id));
    assert_eq!(stream.event_named("thread")["thread"]["opened"], false);
    assert_eq!(lines(&vera, &thread_id), ["Anybody?", "impossible"]);
    let seen = thread(cast, &thread_id);
    assert_eq!(
        (&seen["closed"], &seen["extra_data"]["close_cause"]),
        (&json!(true), &json!("client_impossible_delay"))
    );
    let late = json!({ "client_id": unique("m"), "thread_id": thread_id, "body": "Hello?" });
    assert_eq!(vera.send("POST", "contents", &late).refused(409)["error"], "thread_closed");
    assert_eq!(thread(cast, &thread_of(&first))["closed"], false, "somebody came");
}

fn a_conversation_that_is_closed_says_so(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let vera = site.vera(&json!({}));
    let mut stream = vera.listens(Transport::WebSocket, None);
    let first = vera.writes(None, "Hello");
    let thread_id = thread_of(&first);
    cast.otto.reply(&id(&first), "Good day");
    close_intervention(cast, &id(&first));
    vera.writes(Some(&thread_id), "It goes on");
    cast.otto.put(&format!("/1.0/content_threads/{thread_id}/close"), &json!({})).ok();
    notice(&mut stream, "thread_closure");
    say(&vera, &thread_id, &["Hello", "Good day", "It goes on", "thread_closure"]);
    cast.otto.put(&format!("/1.0/content_threads/{thread_id}/open"), &json!({})).ok();
    vera.writes(Some(&thread_id), "Once more");
    // Where nobody writes for long it ends by itself.
    let old = "UPDATE threads SET last_content_at = last_content_at - 400000000000";
    cast.server.sql(&format!("{old} WHERE id = {}", bytes(engine, &thread_id)));
    notice(&mut stream, "thread_closure");
    let expected = ["Hello", "Good day", "It goes on", "thread_closure", "Once more", "thread_closure"];
    say(&vera, &thread_id, &expected);
    assert_eq!(thread(cast, &thread_id)["extra_data"]["close_cause"], "intervention_auto_closed");
}

/// An id as the engine writes it.
fn bytes(engine: Engine, id: &str) -> String {
    match engine {
        Engine::Sqlite => format!("x'{id}'"),
        Engine::Postgres => format!("'\\x{id}'::bytea"),
    }
}

fn an_address_is_asked_for_once(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    site.mode("reject");
    let other = Site::new(cast, "mobile_messaging");
    let unasked = other.vera(&json!({}));
    let quiet = thread_of(&unasked.writes(None, "Hello"));
    site.configure(&json!({ "email_request": true }));
    let known = site.vera(&json!({ "identity": { "email": "known@example.com" } }));
    let silent = thread_of(&known.writes(None, "Hello"));
    let vera = site.vera(&json!({}));
    let mut stream = vera.listens(Transport::Events, None);
    stream.heartbeat();
    // What the page says in the desk's name is no first message of hers.
    let said = json!({ "client_id": unique("m"), "body": "Need help?", "from": "agent", "automated": true });
    let thread_id = thread_of(&vera.send("POST", "contents", &said).json());
    vera.writes(Some(&thread_id), "Yes");
    let asked = notice(&mut stream, "request_email");
    assert_eq!(asked["values"]["submitted"], "false");
    vera.writes(Some(&thread_id), "Please");
    let second = thread_of(&vera.writes(None, "Something else"));
    say(&vera, &thread_id, &["Need help?", "Yes", "request_email", "Please"]);
    for wrong in ["", "vera", "vera@", "a b@example.com", "<b>@example.com"] {
        vera.send("PUT", "email", &json!({ "email": wrong, "thread_id": thread_id })).refused(422);
    }
    assert_eq!(vera.send("PUT", "email", &json!({ "email": "vera@example.com", "thread_id": thread_id })).status, 204);
    let told = stream.event_named("identity");
    assert_eq!(told["identity"]["email"], "vera@example.com", "her other devices hear of it");
    let page = vera.send("GET", &format!("threads/{thread_id}/contents"), &Value::Null).ok();
    let answered =
        page["contents"].as_array().expect("contents").iter().find(|content| content["notice"] == "request_email");
    assert_eq!(answered.expect("it is still there")["values"]["submitted"], "true");
    let identity = told["identity"]["id"].as_str().expect("an id");
    assert_eq!(cast.otto.get(&format!("/1.0/identities/{identity}")).ok()["email"], "vera@example.com");
    assert_eq!(
        vera.send("POST", "session", &json!({ "session": vera.session })).json()["identity"]["email"],
        "vera@example.com"
    );
    // Long enough for what should not come.
    let third = thread_of(&vera.writes(None, "And another"));
    for (vera, thread_id) in [(&vera, &second), (&vera, &third), (&known, &silent), (&unasked, &quiet)] {
        assert!(!lines(vera, thread_id).contains(&"request_email".to_owned()), "{thread_id}");
    }
}

fn an_agent_has_read_what_they_answer(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let vera = site.vera(&json!({}));
    let mut stream = vera.listens(Transport::Events, None);
    stream.heartbeat();
    let first = vera.writes(None, "Hello");
    cast.otto.engage(&id(&first));
    let told = stream.event_named("read");
    assert_eq!((&told["content_id"], &told["from"]), (&first["id"], &json!("agent")));
    let second = vera.writes(Some(&thread_of(&first)), "And this");
    let answer = cast.otto.reply(&id(&first), "Good day");
    let told = stream.event_named("read");
    assert_eq!((&told["content_id"], &told["from"]), (&second["id"], &json!("agent")));
    assert_eq!(stream.event_named("content")["content"]["id"], answer["id"]);
}

fn notices_survive_a_kill_in_their_order(engine: Engine) {
    let mut cast = Cast::start(engine, &["--trusted-proxy", "127.0.0.1/32"]);
    let (session, thread_id, token, source) = {
        let site = Site::new(&cast, "chat");
        let vera = site.vera(&json!({}));
        let first = vera.writes(None, "Hello");
        cast.otto.reply(&id(&first), "Good day");
        close_intervention(&cast, &id(&first));
        (vera.session.clone(), thread_of(&first), site.token.clone(), site.source_id.clone())
    };
    // What was not said yet is said by the next one.
    cast.server.kill();
    cast.server.restart();
    let site = Site { cast: &cast, source_id: source, community_id: String::new(), token };
    let vera = site.vera(&json!({ "session": session }));
    let seen = || lines(&vera, &thread_id);
    eventually("all is said", || (seen().len() == 4).then_some(()));
    let told = seen();
    assert!(told[1].starts_with("connection ") && told[3].starts_with("disconnection "), "{told:?}");
    assert_eq!((told[0].as_str(), told[2].as_str()), ("Hello", "Good day"));
}

fn who_waits_for_a_chat_is_told_where_they_stand(engine: Engine) {
    let cast = shared(engine);
    let otto = &cast.otto;
    let site = Site::new(cast, "chat");
    let group = json!({
        "name": unique("Group "), "source_ids": [site.source_id], "soft_capability": 1, "hard_capability": 1,
    });
    otto.post("/1.0/channels", &group).ok();
    let agent = cast.hire(&["receive_tasks", "update_own_intervention"]);
    let rights = json!({ &site.source_id: "read,reply" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
    agent.post("/1.0/status/me/connect", &json!({})).ok();
    let taken = |vera: &Vera| {
        let thread_id = thread_of(&vera.writes(None, "Hello"));
        eventually("a task", || {
            let found = otto.get(&format!("/1.0/tasks?limit=150&source_id={}", site.source_id)).ok();
            records(&found).iter().find(|task| task["thread_id"] == thread_id.as_str()).map(id)
        })
    };
    let first = taken(&site.vera(&json!({})));
    eventually("it rings", || (!otto.get(&format!("/1.0/tasks/{first}")).ok()["locked_at"].is_null()).then_some(()));
    agent.post(&format!("/1.0/tasks/{first}/accept"), &json!({})).ok();
    let vera = site.vera(&json!({}));
    let mut stream = vera.listens(Transport::Events, None);
    stream.heartbeat();
    let second = taken(&vera);
    let told = stream.event_named("queue");
    assert_eq!((&told["state"], &told["position"]), (&json!("queued"), &json!(1)));
    assert_eq!(told["estimated_wait_seconds"], 300);
    agent.post(&format!("/1.0/tasks/{first}/complete"), &json!({})).ok();
    eventually("it rings", || (!otto.get(&format!("/1.0/tasks/{second}")).ok()["locked_at"].is_null()).then_some(()));
    agent.post(&format!("/1.0/tasks/{second}/accept"), &json!({})).ok();
    loop {
        let told = stream.event_named("queue");
        if told["state"] == "done" {
            break;
        }
    }
    agent.post("/1.0/status/me/disconnect", &json!({}));
}

fn a_message_joins_the_last_conversation_within_its_time(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let path = format!("/1.0/content_sources/{}", site.source_id);
    cast.otto.put(&path, &json!({ "time_for_thread_inclusion": 3600 })).ok();
    let vera = site.vera(&json!({}));
    let says = |text: &str| {
        let message = json!({ "client_id": unique("m"), "body": text, "single_thread": true });
        thread_of(&vera.send("POST", "contents", &message).json())
    };
    let first = says("Hello");
    assert_eq!(says("Me again"), first);
    let old = "UPDATE threads SET last_content_at = last_content_at - 3700000000";
    cast.server.sql(&format!("{old} WHERE id = {}", bytes(engine, &first)));
    let second = says("The next day");
    assert_ne!(second, first);
    assert_eq!(says("And more"), second);
}

fn agents_see_where_a_visitor_is_and_was(engine: Engine) {
    let cast = shared(engine);
    let site = Site::new(cast, "mobile_messaging");
    let place = |path: &str| json!({ "page": { "url": format!("https://shop.example/{path}"), "title": path } });
    let vera = site.vera(&place("home"));
    // Who has not written is not followed.
    assert_eq!(vera.send("PUT", "page", &place("before")).status, 204);
    let first = vera.writes(None, "Hello");
    let thread_id = thread_of(&first);
    let visitor = || cast.otto.get(&format!("/1.0/content_threads/{thread_id}/visitor")).ok();
    let seen = visitor();
    assert_eq!((&seen["page_url"], &seen["pages"]), (&json!("https://shop.example/before"), &json!([])));
    let mut desk = cast.otto.stream(Transport::Events, "types[]=content_thread.visited");
    desk.heartbeat();
    let mut cart = place("cart");
    cart["custom"] = json!({ "custom_cart_amount": 12 });
    for page in [&cart, &cart, &place("pay")] {
        assert_eq!(vera.send("PUT", "page", page).status, 204);
    }
    assert_eq!(desk.event_named("content_thread.visited")["resource"]["id"], json!(thread_id));
    let seen = visitor();
    assert_eq!((&seen["page_url"], &seen["page_title"]), (&json!("https://shop.example/pay"), &json!("pay")));
    assert_eq!(seen["custom"], json!({ "custom_cart_amount": 12 }));
    let titles: Vec<&str> =
        seen["pages"].as_array().expect("pages").iter().map(|page| page["title"].as_str().expect("one")).collect();
    assert_eq!(titles, ["pay", "cart"], "the same page again is no other");
    assert_eq!(thread(cast, &thread_id)["extra_data"]["page_url"], "https://shop.example/pay");
    let contents = cast.otto.search("/1.0/contents", &format!("thread:{thread_id}"));
    assert_eq!(records(&contents).len(), 1, "pages are nothing to answer");
    // Without navigation contents only the page of now is known.
    site.configure(&json!({ "navigation_contents": false }));
    assert_eq!(vera.send("PUT", "page", &place("done")).status, 204);
    let seen = visitor();
    assert_eq!(seen["page_title"], "done");
    assert_eq!(seen["pages"].as_array().expect("pages").len(), 2);
    // What is forgotten of a person is forgotten here, too.
    let identity = cast.otto.content(&id(&first))["author_id"].as_str().expect("one").to_owned();
    cast.otto.put(&format!("/1.0/identities/{identity}/anonymize"), &json!({})).ok();
    eventually("it is forgotten", || {
        (visitor()["pages"] == json!([]) && visitor()["page_url"] == Value::Null).then_some(())
    });
    // Threads of other sources have no visitor.
    let told = unique("t");
    cast.shop.says(&unique("vera"), &told, "Hello");
    let other = id(&cast.shop.thread(&cast.otto, &told));
    cast.otto.get(&format!("/1.0/content_threads/{other}/visitor")).refused(404);
}

fn who_missed_too_much_fetches_afresh(engine: Engine) {
    let mut cast = Cast::start(engine, &["--trusted-proxy", "127.0.0.1/32"]);
    let (token, session, place, thread_id) = {
        let site = Site::new(&cast, "mobile_messaging");
        let vera = site.vera(&json!({}));
        let thread_id = thread_of(&vera.writes(None, "Hello"));
        vera.writes(Some(&thread_id), "Hello?");
        (site.token.clone(), vera.session.clone(), vera.begun["seq"].as_i64().expect("a place"), thread_id)
    };
    // The log is kept for some time only; memory must not help out.
    cast.server.sql(&format!("DELETE FROM log WHERE seq <= {}", place + 3));
    cast.server.kill();
    cast.server.restart();
    let site = Site { cast: &cast, source_id: String::new(), community_id: String::new(), token };
    let vera = site.vera(&json!({ "session": session }));
    let mut stream = vera.listens(Transport::Events, Some(place));
    stream.event_named("resync");
    assert_eq!(vera.bodies(&thread_id), ["Hello", "Hello?"]);
    vera.writes(Some(&thread_id), "And on");
    assert_eq!(stream.event_named("content")["content"]["body"], "And on");
}
