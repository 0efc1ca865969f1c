//! Answers on their way to the channel: tried, failed, tried again, in order.

use std::time::{Duration, Instant};

use frontdesk_tests::pages::id;
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Reply, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_fatal_error_is_shown_and_not_tried_again,
    an_error_is_shown_while_the_next_try_is_pending,
    any_success_counts_whatever_its_body,
    a_channel_that_verifies_escaped_text_gets_it_so_after_its_refusal,
    what_failed_is_sent_again_by_hand,
    within_a_thread_the_order_is_kept,
    a_slow_channel_delays_no_other,
    pending_answers_go_out_after_a_crash_and_say_that_they_are_a_repeat,
    private_addresses_are_not_called_unless_allowed,
    an_inactive_source_sends_nothing,
    a_foreign_id_that_is_taken_is_not_given_to_another_content,
];

/// Vera asks, and Otto answers with this text.
fn answered(otto: &Person, source: &Source, thread: &str, text: &str) -> String {
    source.says("vera", thread, "Hello?");
    id(&otto.reply(&id(&source.contents(otto, thread)[0]), text))
}

fn wait_for_status(otto: &Person, content_id: &str, status: &str) -> Value {
    eventually(&format!("{content_id} is {status}"), || {
        Some(otto.content(content_id)).filter(|content| content["synchronization_status"] == status)
    })
}

fn a_fatal_error_is_shown_and_not_tried_again(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    channel.answer(|_| Reply::json(&json!({ "error": { "fatal": true, "message": "The customer has blocked you" } })));
    let reply = answered(&cast.otto, &source, "t", "Hello");
    let content = wait_for_status(&cast.otto, &reply, "export_failure");
    assert_eq!(content["synchronization_error"], "The customer has blocked you");
    assert_eq!(content["foreign_id"], Value::Null);
    assert_eq!(source.shown(&cast.otto)["error_message"], "The customer has blocked you");
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(channel.pushes().len(), 1);
}

fn an_error_is_shown_while_the_next_try_is_pending(engine: Engine) {
    let cast = Cast::shared(engine);
    for (answer, told) in [
        (Reply::status(500, "out of order"), "out of order"),
        (Reply::status(400, "<html>Bad</html>"), "<html>Bad</html>"),
        (Reply::status(401, ""), "401"),
        (Reply::status(403, "Not you"), "Not you"),
        (Reply::status(404, ""), "404"),
        (Reply::status(422, "Invalid signature"), "Invalid signature"),
        (Reply::status(429, "Later"), "Later"),
        (Reply::json(&json!({ "error": "Out of paper" })), "Out of paper"),
        (Reply::status(302, ""), "302"),
        (Reply::json(&json!({ "error": { "fatal": false, "message": "Busy" } })), "Busy"),
    ] {
        let (source, channel) = cast.new_source();
        channel.answer(move |_| answer.clone());
        let reply = answered(&cast.otto, &source, "t", "Hello");
        let content = eventually("the error is shown", || {
            Some(cast.otto.content(&reply)).filter(|content| content["synchronization_error"].is_string())
        });
        assert_eq!(content["synchronization_status"], "export_pending");
        assert!(content["synchronization_error"].as_str().unwrap().contains(told), "{content}");
        // When it is tried again is told who asks for more than the documented answer.
        let more = cast.otto.get(&format!("/1.0/contents/{reply}?extended=true")).ok();
        assert!(
            content.get("next_attempt_at").is_none() && more["next_attempt_at"].as_str() > more["updated_at"].as_str()
        );
        let shown = source.shown(&cast.otto);
        assert_eq!(shown["status"], "error");
        assert!(shown["error_message"].as_str().unwrap().contains(told), "{shown}");
        // What is still pending is not sent by hand.
        cast.otto.put(&format!("/1.0/contents/{reply}/export"), &json!({})).refused(403);
    }
}

fn any_success_counts_whatever_its_body(engine: Engine) {
    let cast = Cast::shared(engine);
    for (answer, foreign_id) in [
        (Reply::status(200, ""), Value::Null),
        (Reply::status(201, "{}"), Value::Null),
        (Reply::status(202, "\"\""), Value::Null),
        (Reply::status(200, "<html>thanks</html>"), Value::Null),
        (Reply::status(200, r#"{"id":12345}"#), json!("12345")),
        (Reply::status(204, r#""#), Value::Null),
        (Reply::status(200, &"[".repeat(300_000)), Value::Null),
        (Reply::status(200, &format!("{{\"id\":\"{}\"}}", "x".repeat(2_000_000))), Value::Null),
        (Reply::json(&json!({ "id": "signed-by-another" })).signed("another secret"), json!("signed-by-another")),
        (Reply::status(200, r#"{"id":"abc","error":null}"#), json!("abc")),
        (Reply::status(200, r#"{"id":{"no":"id"}}"#), Value::Null),
    ] {
        let (source, channel) = cast.new_source();
        let shown = format!("{answer:?}");
        channel.answer(move |_| answer.clone());
        let reply = answered(&cast.otto, &source, "t", "Hello");
        let content = wait_for_status(&cast.otto, &reply, "success");
        assert_eq!(content["foreign_id"], foreign_id, "{shown}");
    }
}

/// Some SDKs sign the text with everything but ASCII escaped, so that ours does not match for them: their 422 is answered
/// with the same content in their spelling, at once.
fn a_channel_that_verifies_escaped_text_gets_it_so_after_its_refusal(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    channel.answer(|push| match push.body.is_ascii() {
        true => Reply::json(&json!({ "id": "understood" })),
        false => Reply::status(422, "Invalid signature"),
    });
    let reply = answered(&cast.otto, &source, "t", "Déjà vu 😀");
    let content = wait_for_status(&cast.otto, &reply, "success");
    assert_eq!(content["foreign_id"], "understood");
    let pushes = channel.pushes();
    assert_eq!(pushes.len(), 2);
    let params = |number: usize| serde_json::from_slice::<Value>(&pushes[number].body).unwrap()["params"].clone();
    assert_eq!((&params(0)["body"], &params(1)["body"]), (&json!("Déjà vu 😀"), &json!("Déjà vu 😀")));
    assert_eq!((&params(0)["retry"], &params(1)["retry"]), (&json!(false), &json!(true)));
    assert_eq!(params(0)["content_id"], params(1)["content_id"]);
    assert!(pushes[1].is_signed_by(&source.secret));
}

fn what_failed_is_sent_again_by_hand(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    channel.answer(|_| Reply::json(&json!({ "error": { "fatal": true, "message": "no" } })));
    let reply = answered(&cast.otto, &source, "t", "Hello");
    wait_for_status(&cast.otto, &reply, "export_failure");
    channel.answer(|_| Reply::json(&json!({ "id": "at-last" })));
    let again = cast.otto.put(&format!("/1.0/contents/{reply}/export"), &json!({})).ok();
    assert_eq!((&again["id"], &again["synchronization_error"]), (&json!(reply), &Value::Null));
    let sent = wait_for_status(&cast.otto, &reply, "success");
    assert_eq!(sent["foreign_id"], "at-last");
    assert_eq!(source.shown(&cast.otto)["error_message"], Value::Null);
    // The same content, and the channel is told that it may have had it.
    let pushes = channel.wait_for_text("Hello", 2);
    let flags: Vec<_> = pushes.iter().map(|push| push.params()["retry"].clone()).collect();
    assert_eq!(flags, [json!(false), json!(true)]);
    assert!(
        pushes.iter().all(|push| push.params()["content_id"] == reply.as_str() && push.is_signed_by(&source.secret))
    );
    cast.otto.put(&format!("/1.0/contents/{reply}/export"), &json!({})).refused(403);
    cast.otto.put("/1.0/contents/0123456789abcdef01234567/export", &json!({})).refused(404);
}

fn within_a_thread_the_order_is_kept(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    // The earlier a push, the longer it takes: without an order, the last would be first.
    channel.answer(|push| {
        let delay = Duration::from_millis(if push.text().ends_with("0") { 300 } else { 10 });
        Reply::json(&json!({ "id": format!("f{}", push.number) })).after(delay)
    });
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let texts: Vec<String> = (0..6).map(|number| format!("Part {number}")).collect();
    for text in &texts {
        cast.otto.reply(&content, text);
    }
    channel.wait_for_text("Part 5", 1);
    let pushed: Vec<String> = channel.pushes().iter().map(frontdesk_tests::Push::text).collect();
    assert_eq!(pushed, texts);
    assert!(channel.pushes().iter().all(|push| push.params()["retry"] == false));
}

fn a_slow_channel_delays_no_other(engine: Engine) {
    let cast = Cast::shared(engine);
    let (slow, slow_channel) = cast.new_source();
    let (fast, fast_channel) = cast.new_source();
    slow_channel.answer(|_| Reply::json(&json!({})).after(Duration::from_secs(4)));
    // More conversations than the slow channel may be busy with at once.
    let waiting: Vec<String> =
        (0..12).map(|number| answered(&cast.otto, &slow, &format!("t{number}"), &format!("Slow {number}"))).collect();
    eventually("the slow channel is busy", || (slow_channel.pushes().len() >= 4).then_some(()));
    let started = Instant::now();
    let reply = answered(&cast.otto, &fast, "t", "Fast");
    fast_channel.push_of("Fast");
    wait_for_status(&cast.otto, &reply, "success");
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    for content in waiting {
        wait_for_status(&cast.otto, &content, "success");
    }
    assert_eq!(slow_channel.pushes().len(), 12);
}

fn pending_answers_go_out_after_a_crash_and_say_that_they_are_a_repeat(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, channel) = cast.new_source();
    // The channel takes its time; the server dies before it hears the answer.
    channel.answer(|_| Reply::json(&json!({ "id": "too-late" })).after(Duration::from_secs(5)));
    let started = answered(&cast.otto, &source, "t", "Begun before the crash");
    channel.push_of("Begun before the crash");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let waiting = id(&cast.otto.reply(&content, "Not begun before the crash"));
    cast.server.kill();
    channel.answer(|push| {
        Reply::json(&json!({ "id": format!("after-{}", push.params()["content_id"].as_str().unwrap()) }))
    });
    cast.server.restart();
    wait_for_status(&cast.otto, &started, "success");
    wait_for_status(&cast.otto, &waiting, "success");
    let pushes = channel.wait_for_text("Begun before the crash", 2);
    let told: Vec<_> =
        pushes.iter().map(|push| (push.params()["content_id"].clone(), push.params()["retry"].clone())).collect();
    assert_eq!(told, [(json!(started), json!(false)), (json!(started), json!(true))]);
    let other = channel.wait_for_text("Not begun before the crash", 1);
    assert_eq!((other.len(), &other[0].params()["retry"]), (1, &json!(false)));
    assert!(other[0].number > pushes[1].number, "the order within the thread holds");
    assert_eq!(cast.otto.content(&started)["foreign_id"], format!("after-{started}"));
}

fn private_addresses_are_not_called_unless_allowed(engine: Engine) {
    let cast = Cast::at(Launch::new(engine).only(&["--demo", "--rate-limit", "0"]).start());
    let channel = FakeChannel::start();
    let port = channel.address().port();
    for address in [
        channel.base_uri(),
        format!("http://localhost:{port}/sdk"),
        format!("http://[::ffff:127.0.0.1]:{port}/sdk"),
        format!("http://0.0.0.0:{port}/sdk"),
        format!("http://2130706433:{port}/sdk"),
        "http://169.254.169.254/latest".to_owned(),
    ] {
        let source = Source::create(&cast.otto, &address, &json!({}));
        let reply = answered(&cast.otto, &source, "t", "Hello");
        let content = eventually("the refusal is shown", || {
            Some(cast.otto.content(&reply)).filter(|content| content["synchronization_error"].is_string())
        });
        let told = content["synchronization_error"].as_str().unwrap();
        assert!(told.contains("allow-outbound") || told.contains("address"), "{address}: {told}");
        let shown = source.shown(&cast.otto);
        // The question of what it can do is refused, too: either may be the last.
        let last = shown["error_message"].as_str().unwrap();
        assert!(shown["status"] == "error" && last.contains(told), "{last}: {told}");
    }
    assert!(channel.pushes().is_empty(), "{:?}", channel.pushes());
}

fn an_inactive_source_sends_nothing(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "active": false })).ok();
    cast.otto.post("/1.0/contents", &json!({ "in_reply_to_id": content, "body": "Hello" })).refused(422);
    assert_eq!(source.post("messages.create", &source.message("m", "t", "vera", "x")).status, 422);
    assert!(channel.pushes().is_empty());
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "active": true })).ok();
    cast.otto.reply(&content, "Hello again");
    channel.push_of("Hello again");
}

fn a_foreign_id_that_is_taken_is_not_given_to_another_content(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let taken = source.says("vera", "t", "Hello?");
    let asked = source.contents(&cast.otto, "t").remove(0);
    // Some channels mirror the id that was answered.
    let mirrored = taken.clone();
    channel.answer(move |_| Reply::json(&json!({ "id": mirrored })));
    let reply = cast.otto.reply(&id(&asked), "Hello");
    let reply = wait_for_status(&cast.otto, &id(&reply), "success");
    assert_ne!(reply["foreign_id"], taken.as_str());
    assert_eq!(cast.otto.content(&id(&asked))["foreign_id"], taken.as_str());
    // The id still means Vera's message.
    source.tells("messages.create", &source.message(&taken, "t", "vera", "Hello?"));
    assert_eq!(source.contents(&cast.otto, "t").len(), 2);
}
