//! What a channel tells twice happens once, for ever.

use std::sync::Barrier;

use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, Source};
use serde_json::{Value, json};

on_both_engines![
    a_repeat_changes_nothing_and_gets_the_same_answer,
    fifty_copies_at_once_are_one_content,
    two_first_messages_of_a_new_author_at_once_make_one_identity,
    two_first_private_messages_at_once_make_one_thread,
    the_same_id_on_two_sources_is_two_contents,
    one_author_on_two_sources_of_a_community_is_one_identity,
    a_repeat_after_a_restart_is_still_a_repeat,
    a_creating_request_with_a_key_happens_once,
    an_answer_is_not_told_again_to_who_may_not_see_it_any_more,
];

/// Sends all requests at the same moment; returns status and body of each answer.
fn at_once(cast: &Cast, requests: &[Request]) -> Vec<(u16, String)> {
    let start = Barrier::new(requests.len());
    std::thread::scope(|scope| {
        let send = |request: &Request| {
            let mut connection = frontdesk_tests::Connection::open(cast.server.address()).expect("a connection");
            start.wait();
            let answer = connection.send(request).expect("an answer");
            (answer.status, answer.text())
        };
        let sending: Vec<_> = requests.iter().map(|request| scope.spawn(move || send(request))).collect();
        sending.into_iter().map(|sending| sending.join().expect("a sender")).collect()
    })
}

fn identities(cast: &Cast, source: &Source, foreign_id: &str) -> Vec<Value> {
    let query = format!("/1.0/identities?community_id={}&foreign_id={foreign_id}", source.community_id);
    records(&cast.otto.get(&query).ok()).to_vec()
}

fn a_repeat_changes_nothing_and_gets_the_same_answer(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let message = source.message("m1", "t", "vera", "Hello?");
    source.tells("messages.create", &message);
    let before = (source.thread(&cast.otto, "t"), source.contents(&cast.otto, "t"), identities(&cast, &source, "vera"));
    source.tells("messages.create", &message);
    // Not even where the rest of it is different.
    source.tells("messages.create", &source.message("m1", "another", "marc", "Something else"));
    let after = (source.thread(&cast.otto, "t"), source.contents(&cast.otto, "t"), identities(&cast, &source, "vera"));
    assert_eq!(after, before);
    assert!(source.threads(&cast.otto, "another").is_empty());
    assert!(identities(&cast, &source, "marc").is_empty());
}

fn fifty_copies_at_once_are_one_content(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let request = source.request("messages.create", &source.message("m1", "t", "vera", "Hello?"));
    let answers = at_once(&cast, &vec![request; 50]);
    assert!(answers.iter().all(|answer| *answer == (200, "ok".to_owned())), "{answers:?}");
    assert_eq!(source.contents(&cast.otto, "t").len(), 1);
    assert_eq!(source.thread(&cast.otto, "t")["contents_count"], 1);
    let count = cast.otto.search("/1.0/contents", &format!("source:{}", source.id))["count"].clone();
    assert_eq!(count, 1);
}

fn two_first_messages_of_a_new_author_at_once_make_one_identity(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for round in 0..10 {
        let author = format!("author-{round}");
        let requests: Vec<Request> = (0..4)
            .map(|number| {
                let message = source.message(&format!("{round}-{number}"), &format!("t{round}"), &author, "Hello?");
                source.request("messages.create", &message)
            })
            .collect();
        assert!(at_once(&cast, &requests).iter().all(|(status, _)| *status == 200));
        assert_eq!(identities(&cast, &source, &author).len(), 1);
        let contents = source.contents(&cast.otto, &format!("t{round}"));
        assert_eq!(contents.len(), 4);
        assert_eq!(contents.iter().filter(|content| content["first_in_thread"] == true).count(), 1);
        assert!(contents.iter().all(|content| content["author_id"] == contents[0]["author_id"]));
    }
}

fn two_first_private_messages_at_once_make_one_thread(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for round in 0..10 {
        let requests: Vec<Request> = (0..4)
            .map(|number| {
                let mut message =
                    source.message(&format!("{round}-{number}"), "", &format!("author-{round}"), "Hello?");
                message.as_object_mut().unwrap().remove("thread_id");
                message["recipient"] =
                    json!({ "id": "desk", "screenname": "desk", "created_at": "2026-01-15", "puppetizable": true });
                source.request("private_messages.create", &message)
            })
            .collect();
        assert!(at_once(&cast, &requests).iter().all(|(status, _)| *status == 200));
        let author = id(&identities(&cast, &source, &format!("author-{round}"))[0]);
        let contents = cast.otto.search("/1.0/contents", &format!("identity:{author}"));
        let contents = records(&contents);
        assert_eq!(contents.len(), 4);
        assert!(contents.iter().all(|content| content["thread_id"] == contents[0]["thread_id"]), "{contents:?}");
    }
    assert_eq!(cast.otto.search("/1.0/content_threads", &format!("source:{}", source.id))["count"], 10);
}

fn the_same_id_on_two_sources_is_two_contents(engine: Engine) {
    let cast = Cast::shared(engine);
    let ((one, _a), (two, _b)) = (cast.new_source(), cast.new_source());
    for source in [&one, &two] {
        source.tells("messages.create", &source.message("m1", "t", "vera", "Hello?"));
    }
    let (first, second) = (one.contents(&cast.otto, "t").remove(0), two.contents(&cast.otto, "t").remove(0));
    assert_ne!(first["id"], second["id"]);
    assert_ne!(first["author_id"], second["author_id"], "two communities, two identities");
    // A message and a thread are different things even under one id.
    let mut thread = one.message("m1", "", "vera", "A thread");
    thread.as_object_mut().unwrap().remove("thread_id");
    one.tells("threads.create", &thread);
    assert_eq!(one.all_contents(&cast.otto).len(), 2);
}

fn one_author_on_two_sources_of_a_community_is_one_identity(engine: Engine) {
    let cast = Cast::shared(engine);
    let (one, channel) = cast.new_source();
    let two = Source::create(&cast.otto, &channel.base_uri(), &json!({ "community_id": one.community_id }));
    assert_eq!(two.community_id, one.community_id);
    one.says("vera", "t", "Hello?");
    let before = identities(&cast, &one, "vera").remove(0);
    let mut message = two.message("m", "t", "vera", "Hello here, too");
    message["author"]["screenname"] = json!("Vera V.");
    message["author"]["email"] = json!("vera@example.com");
    two.tells("messages.create", &message);
    let after = identities(&cast, &one, "vera");
    assert_eq!((after.len(), &after[0]["id"]), (1, &before["id"]));
    assert_eq!((&after[0]["screenname"], &after[0]["email"]), (&json!("Vera V."), &json!("vera@example.com")));
    // What is told no more is not forgotten.
    two.says("vera", "t", "Me again");
    assert_eq!(identities(&cast, &one, "vera")[0]["email"], "vera@example.com");
    assert_eq!(two.contents(&cast.otto, "t").len(), 2);
}

fn a_repeat_after_a_restart_is_still_a_repeat(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let message = source.message("m1", "t", "vera", "Hello?");
    source.tells("messages.create", &message);
    cast.server.kill();
    cast.server.restart();
    source.tells("messages.create", &message);
    assert_eq!(source.contents(&cast.otto, "t").len(), 1);
}

fn a_creating_request_with_a_key_happens_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let key = frontdesk_tests::cast::unique("key-");
    let request = |text: &str, key: &str| {
        let body = json!({ "in_reply_to_id": content, "body": text });
        Request::new("POST", "/1.0/contents").json(&body).header("Idempotency-Key", key).token(&cast.otto.token)
    };
    let answers = at_once(&cast, &vec![request("Once", &key); 8]);
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    let replayed = cast.server.send(&request("Once", &key));
    assert_eq!((replayed.status, replayed.text()), answers[0]);
    assert_eq!(replayed.header("idempotency-replayed"), Some("true"));
    assert_eq!(source.contents(&cast.otto, "t").len(), 2);
    channel.push_of("Once");
    // The key stands for that request and no other, for that user and no other.
    cast.server.send(&request("Something else", &key)).refused(422);
    let other = Request { headers: Vec::new(), ..request("Once", &key) };
    let other = other.header("Content-Type", "application/json").header("Idempotency-Key", &key).token(&cast.bo.token);
    assert_eq!(cast.server.send(&other).invalid(), ["in_reply_to_id"]);
    // What was refused may be corrected under the same key.
    let second = frontdesk_tests::cast::unique("key-");
    cast.server.send(&request("", &second)).refused(422);
    cast.server.send(&request("Better", &second)).ok();
    for wrong in ["", &"k".repeat(256), "caf\u{e9}"] {
        cast.server.send(&request("x", wrong)).refused(400);
    }
    assert_eq!(source.contents(&cast.otto, "t").len(), 3);
    // A record that other keys made is untouched by all this.
    let category = |key: &str| {
        let body = json!({ "name": "Under a key" });
        let request = Request::new("POST", "/1.0/categories").json(&body).header("Idempotency-Key", key);
        id(&cast.otto.send(request).ok())
    };
    assert_eq!(category(&key), category(&key), "the same key on another operation is another key");
}

fn an_answer_is_not_told_again_to_who_may_not_see_it_any_more(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let mallory = cast.hire(&["create_content_source"]);
    let give = |source_id: &str, words: &str| {
        let path = format!("/1.0/users/{}/sources_permissions", mallory.user_id);
        cast.otto.put(&path, &json!({ source_id: words })).ok();
    };
    give(&source.id, "read,reply");
    let key = frontdesk_tests::cast::unique("key-");
    let send =
        |path: &str, body: &Value| mallory.send(Request::new("POST", path).json(body).header("Idempotency-Key", &key));
    let engaged = send("/1.0/interventions", &json!({ "content_id": content })).ok();
    let new =
        json!({ "type": "sdk", "name": "Mine", "community_id": source.community_id, "base_uri": "https://c.example" });
    let made = send("/1.0/content_sources", &new).ok();
    let requests = [
        ("/1.0/interventions", json!({ "content_id": content })),
        ("/1.0/contents", json!({ "in_reply_to_id": content, "body": "Once" })),
        ("/1.0/intervention_comments", json!({ "intervention_id": engaged["id"], "body": "Known" })),
        ("/1.0/content_sources", new),
    ];
    for (path, body) in &requests {
        send(path, body).ok();
        assert_eq!(send(path, body).header("idempotency-replayed"), Some("true"), "{path}");
    }
    give(&source.id, "");
    give(&id(&made), "");
    for (path, body) in &requests {
        let answer = send(path, body);
        assert!(!answer.text().contains("access_token"), "{path}");
        answer.refused(404);
    }
    give(&source.id, "read");
    assert_eq!(send(requests[1].0, &requests[1].1).header("idempotency-replayed"), Some("true"));
}
