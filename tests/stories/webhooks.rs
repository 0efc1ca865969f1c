//! Programs that are told what happens: registered, asked, told, told again.

use std::time::Duration;

use frontdesk_tests::pages::{id, records};
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Reply, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_bot_registers_and_is_told_of_a_new_message,
    a_receiver_that_does_not_answer_the_challenge_is_switched_off,
    a_new_secret_is_followed_by_a_new_challenge,
    a_webhook_that_is_off_is_neither_asked_nor_told,
    what_cannot_be_is_refused_with_the_reason,
    everybody_reaches_their_own_webhooks_and_no_others,
    a_webhook_is_told_only_what_its_owner_may_see,
    sources_are_chosen_by_a_filter,
    only_200_acknowledges,
    what_failed_is_told_again_under_the_same_ids,
    a_missed_range_is_replayed_exactly,
    a_range_takes_its_part_of_what_was_given_up_together,
    what_the_log_has_forgotten_is_not_sent_again,
    a_change_that_changes_nothing_tells_nothing,
    a_user_has_fifty_webhooks_at_most,
    no_redirect_is_followed,
    a_receiver_without_tls_is_shown_as_such,
    a_test_shows_what_arrives,
    a_webhook_is_tested_ten_times_a_minute,
    what_a_receiver_repeats_is_shown_without_its_secrets,
    signatures_of_both_secrets_are_sent_after_a_rotation,
    while_a_secret_is_changed_no_request_fails_with_either,
    no_name_leads_a_webhook_to_a_forbidden_address,
    events_of_one_thread_keep_their_order_where_that_is_asked_for,
    a_receiver_that_failed_is_told_when_it_is_there_again,
    what_was_sent_and_not_written_down_is_sent_again_after_a_crash,
    answers_that_are_no_answers_are_shown_as_such,
    a_token_that_goes_takes_its_webhooks_along,
    categories_are_told_as_they_were,
    what_was_erased_is_not_told,
    what_is_broken_is_passed_over,
];

/// Otto registers a webhook for these events at a receiver of its own.
fn registered(otto: &Person, events: &[&str], fields: &Value) -> (FakeChannel, String) {
    let receiver = FakeChannel::start();
    let webhook = register(otto, &receiver, events, fields).ok();
    let webhook_id = id(&webhook);
    wait_for_status(otto, &webhook_id, "enabled");
    (receiver, webhook_id)
}

fn register(person: &Person, receiver: &FakeChannel, events: &[&str], fields: &Value) -> frontdesk_tests::Answer {
    let mut webhook = json!({ "url": receiver.hook_url(), "registered_events": events });
    for (name, value) in fields.as_object().into_iter().flatten() {
        webhook[name] = value.clone();
    }
    person.post("/1.0/webhooks", &webhook)
}

fn wait_for_status(person: &Person, webhook_id: &str, status: &str) -> Value {
    eventually(&format!("the webhook is {status}"), || {
        let webhook = person.get(&format!("/1.0/webhooks/{webhook_id}?extended=true")).ok();
        Some(webhook).filter(|webhook| webhook["webhook_status"] == status)
    })
}

fn deliveries(person: &Person, webhook_id: &str, state: &str) -> Vec<Value> {
    records(&person.get(&format!("/1.0/webhooks/{webhook_id}/deliveries?limit=150&state={state}")).ok()).to_vec()
}

fn only(source: &Source) -> Value {
    json!({ "source_filter": "only", "source_ids": [source.id] })
}

fn bodies(events: &[Value]) -> Vec<String> {
    let body = |event: &Value| event["resource"]["metadata"]["body"].as_str().unwrap_or_default().to_owned();
    events.iter().map(body).collect()
}

fn a_bot_registers_and_is_told_of_a_new_message(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let receiver = FakeChannel::start();
    let webhook = cast
        .otto
        .post(
            "/1.0/webhooks",
            &json!({
                "url": format!("{}?key=a%20b", receiver.hook_url()), "verify_token": "are you there?",
                "secret": "open sesame", "registered_events": ["content.imported", "intervention.opened"],
                "source_filter": "only", "source_ids": [source.id],
            }),
        )
        .ok();
    // The documented properties and no others.
    let mut names: Vec<&str> = webhook.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    let documented = [
        "active",
        "api_access_token",
        "id",
        "registered_events",
        "staging_use",
        "url",
        "verify_token",
        "webhook_status",
    ];
    assert_eq!(names, documented);
    assert_eq!((&webhook["active"], &webhook["webhook_status"]), (&json!(true), &json!("verifying")));
    let shown = wait_for_status(&cast.otto, &id(&webhook), "enabled");
    assert!(shown["name"].as_str().unwrap().starts_with("127.0.0.1 "), "host and token: {shown}");
    let challenge = receiver.challenges().remove(0);
    let (_, asked) = challenge.target.split_once('?').unwrap();
    assert!(asked.starts_with("key=a%20b&hub.mode=subscribe&hub.challenge="), "{}", challenge.target);
    assert!(challenge.target.ends_with("&hub.verify_token=are+you+there%3F"), "{}", challenge.target);
    assert_eq!(challenge.header("content-type"), Some("application/json"));
    assert_eq!(challenge.header("x-dimelo-secret"), Some("open sesame"));

    source.says("vera", "t", "Hello?");
    let event = receiver.wait_for_events("content.imported", 1).remove(0);
    let push = receiver.pushes().remove(0);
    assert_eq!(push.header("x-dimelo-secret"), Some("open sesame"));
    assert_eq!(push.header("content-type"), Some("application/json"));
    assert!(push.header("webhook-signature").unwrap().starts_with("v1,"));
    assert_eq!(push.header("webhook-id"), push.json()["id"].as_str());
    assert_eq!(push.json()["domain_id"].as_str().unwrap().len(), 24);
    let content = source.contents(&cast.otto, "t").remove(0);
    assert_eq!(event["resource"]["type"], "sdk/message");
    assert_eq!(event["resource"]["id"], content["id"]);
    assert_eq!(event["user_id"], Value::Null);
    let issued_at = event["issued_at"].as_str().unwrap();
    assert_eq!((issued_at.len(), &issued_at[23..]), (24, "Z"), "{issued_at}");
    let metadata = &event["resource"]["metadata"];
    assert_eq!((&metadata["status"], &metadata["body"]), (&json!("new"), &json!("Hello?")));

    let intervention = cast.otto.engage(&id(&content));
    let event = receiver.wait_for_events("intervention.opened", 1).remove(0);
    assert_eq!(event["user_id"], json!(cast.otto.user_id));
    assert_eq!(event["resource"]["id"], intervention["id"]);
    assert_eq!(event["resource"]["metadata"]["identity_id"], intervention["identity_id"]);
    // What was told of the message when it came stays as it was: new.
    let told = receiver.wait_for_events("content.imported", 1);
    assert_eq!((told.len(), &told[0]["resource"]["metadata"]["status"]), (1, &json!("new")));
}

fn a_receiver_that_does_not_answer_the_challenge_is_switched_off(engine: Engine) {
    let cast = Cast::shared(engine);
    for (reply, told) in [
        (Reply::status(200, "yes"), "\"yes\""),
        (Reply::status(204, ""), "204"),
        (Reply::status(302, ""), "302"),
        (Reply::status(500, "out of order"), "500"),
    ] {
        let receiver = FakeChannel::start();
        receiver.refuse_challenges(Some(reply));
        let webhook_id = id(&register(&cast.otto, &receiver, &["content.imported"], &json!({})).ok());
        let webhook = wait_for_status(&cast.otto, &webhook_id, "verification_failed");
        assert_eq!(webhook["active"], false);
        assert!(webhook["error"].as_str().unwrap().contains(told), "{webhook}");
        let events = cast.otto.search("/1.0/events", "name_in:webhook.disabled");
        assert!(records(&events).iter().any(|event| event["name"] == "webhook.disabled"), "{events}");
        // Mended and saved again, it is asked again.
        receiver.refuse_challenges(None);
        cast.otto.put(&format!("/1.0/webhooks/{webhook_id}"), &json!({ "active": true })).ok();
        wait_for_status(&cast.otto, &webhook_id, "enabled");
    }
}

fn a_new_secret_is_followed_by_a_new_challenge(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &only(&source));
    assert_eq!(receiver.challenges()[0].header("x-dimelo-secret"), None);
    cast.otto.put(&format!("/1.0/webhooks/{webhook_id}"), &json!({ "secret": "new one" })).ok();
    let challenge = eventually("a second challenge", || receiver.challenges().into_iter().nth(1));
    assert_eq!(challenge.header("x-dimelo-secret"), Some("new one"));
    wait_for_status(&cast.otto, &webhook_id, "enabled");
    source.says("vera", "t", "Hello?");
    receiver.wait_for_events("content.imported", 1);
    assert_eq!(receiver.pushes()[0].header("x-dimelo-secret"), Some("new one"));
    // Empty: no header any more.
    cast.otto.put(&format!("/1.0/webhooks/{webhook_id}"), &json!({ "secret": "" })).ok();
    let challenge = eventually("a third challenge", || receiver.challenges().into_iter().nth(2));
    assert_eq!(challenge.header("x-dimelo-secret"), None);
}

fn a_webhook_that_is_off_is_neither_asked_nor_told(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let receiver = FakeChannel::start();
    let mut fields = only(&source);
    fields["active"] = json!(false);
    let webhook = register(&cast.otto, &receiver, &["content.imported"], &fields).ok();
    assert_eq!(webhook["webhook_status"], "inactive");
    source.says("vera", "t", "Nobody hears this");
    cast.otto.put(&format!("/1.0/webhooks/{}", id(&webhook)), &json!({ "active": true })).ok();
    wait_for_status(&cast.otto, &id(&webhook), "enabled");
    source.says("vera", "t", "But this");
    assert_eq!(bodies(&receiver.wait_for_events("content.imported", 1)), ["But this"]);
    assert_eq!(receiver.challenges().len(), 1);
}

fn what_cannot_be_is_refused_with_the_reason(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let receiver = FakeChannel::start();
    let webhook = |name: &str, value: Value| {
        let mut webhook = json!({ "url": receiver.hook_url(), "registered_events": ["content.imported"] });
        webhook[name] = value;
        webhook
    };
    for (name, value) in [
        ("url", json!("")),
        ("url", json!("hook")),
        ("url", json!("ftp://example.com/")),
        ("url", json!("https://user:word@example.com/")),
        ("url", json!("http://10.0.0.1/")),
        ("url", json!("http://169.254.169.254/latest/meta-data")),
        ("url", json!("http://[::ffff:10.0.0.1]/")),
        ("url", json!("http://0x0a.1/")),
        ("url", json!("https://example.com/\r\nHost: evil.example")),
        ("url", json!("https://exam\tple.com/")),
        ("url", json!(format!("https://example.com/{}", "a".repeat(2_048)))),
        ("registered_events", json!([])),
        ("registered_events", json!(["content.eaten"])),
        ("registered_events", json!(["role.created"])),
        ("secret", json!("sésame")),
        ("secret", json!("a\nb")),
        ("secret", json!("x".repeat(256))),
        ("secret", json!(" open sesame")),
        ("secret", json!("open sesame ")),
        ("source_filter", json!("some")),
        ("source_ids", json!(["0123456789abcdef01234567"])),
        ("ordering", json!("strict")),
        ("events_per_request", json!(0)),
        ("events_per_request", json!(101)),
        ("access_token_id", json!("0123456789abcdef01234567")),
        ("name", json!("n".repeat(256))),
        ("name", json!("Bot\r\nBcc: x@example.com")),
        ("name", json!("Bot\u{202e}toB")),
    ] {
        let invalid = otto.post("/1.0/webhooks", &webhook(name, value.clone())).invalid();
        assert_eq!(invalid, [name], "{name} {value}");
    }
    let mut batches = webhook("ordering", json!("thread"));
    batches["events_per_request"] = json!(2);
    assert_eq!(otto.post("/1.0/webhooks", &batches).invalid(), ["events_per_request"]);
    assert!(receiver.challenges().is_empty());
    // One URL once a token.
    otto.post("/1.0/webhooks", &webhook("name", json!("first"))).ok();
    assert_eq!(otto.post("/1.0/webhooks", &webhook("name", json!("second"))).invalid(), ["url"]);
    // All that the documentation names can be registered.
    let events = [
        "content.thread_auto_closed",
        "intervention_segment.summary_generated",
        "push_agent.missed_task",
        "survey_response.imported",
        "task.undelivered",
    ];
    let other = FakeChannel::start();
    assert_eq!(register(otto, &other, &events, &json!({})).ok()["registered_events"], json!(events));
}

fn everybody_reaches_their_own_webhooks_and_no_others(engine: Engine) {
    let cast = Cast::shared(engine);
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &json!({ "staging_use": true }));
    let path = format!("/1.0/webhooks/{webhook_id}");
    cast.ada.get(&path).refused(404);
    cast.ada.put(&path, &json!({ "url": "https://example.com/" })).refused(404);
    cast.ada.delete(&path).refused(404);
    cast.ada.get(&format!("{path}/deliveries")).refused(404);
    cast.ada.post(&format!("{path}/replay"), &json!({ "from_seq": 1 })).refused(404);
    let own = FakeChannel::start();
    let of_ada = id(&register(&cast.ada, &own, &["content.imported"], &json!({})).ok());
    let listed = cast.ada.get("/1.0/webhooks?limit=150").ok();
    assert!(records(&listed).iter().any(|webhook| webhook["id"] == json!(of_ada)));
    assert!(records(&listed).iter().all(|webhook| webhook["id"] != json!(webhook_id)));
    // Who manages tokens sees all, the active ones first.
    let listed = cast.otto.get("/1.0/webhooks?limit=150").ok();
    let all = records(&listed);
    assert!(all.iter().any(|webhook| webhook["id"] == json!(of_ada)));
    let ranks: Vec<(bool, bool)> =
        all.iter().map(|webhook| (webhook["active"] == true, webhook["staging_use"] == true)).collect();
    assert!(ranks.is_sorted_by(|a, b| a >= b), "{ranks:?}");
    // Whoever may manage tokens, but may see less than the owner, must not lead what they see elsewhere.
    let manager = cast.hire(&["manage_api_access_tokens"]);
    manager.get(&path).ok();
    manager.put(&path, &json!({ "url": "https://example.com/" })).refused(403);
    manager.post(&format!("{path}/test"), &json!({})).refused(403);
    manager.post(&format!("{path}/replay"), &json!({ "from_seq": 1 })).refused(403);
    // Also while the owner is disabled: they will not always be.
    let boss = cast.hire(&["manage_api_access_tokens", "read_community"]);
    let of_boss = id(&register(&boss, &FakeChannel::start(), &["content.imported"], &json!({})).ok());
    cast.otto.put(&format!("/1.0/users/{}", boss.user_id), &json!({ "enabled": false })).ok();
    let elsewhere = json!({ "url": "https://example.com/" });
    manager.put(&format!("/1.0/webhooks/{of_boss}"), &elsewhere).refused(403);
    let deleted = cast.otto.delete(&path).ok();
    assert_eq!(deleted["url"], json!(receiver.hook_url()));
    cast.otto.get(&path).refused(404);
}

fn a_webhook_is_told_only_what_its_owner_may_see(engine: Engine) {
    let cast = Cast::shared(engine);
    let (hidden, _channel) = cast.new_source();
    let receiver = FakeChannel::start();
    let webhook_id = id(&register(&cast.ada, &receiver, &["content.imported"], &json!({})).ok());
    wait_for_status(&cast.ada, &webhook_id, "enabled");
    let (control, _) = registered(&cast.otto, &["content.imported"], &only(&hidden));
    hidden.says("vera", "t", "Not for Ada");
    cast.shop.says("vera", "ada-listens", "For Ada and others");
    // Whoever may see it is told.
    assert_eq!(bodies(&control.wait_for_events("content.imported", 1)), ["Not for Ada"]);
    let told = eventually("Ada's program hears of the shop", || {
        Some(bodies(&receiver.events())).filter(|told| told.contains(&"For Ada and others".to_owned()))
    });
    assert!(!told.contains(&"Not for Ada".to_owned()), "{told:?}");
}

fn sources_are_chosen_by_a_filter(engine: Engine) {
    let cast = Cast::shared(engine);
    let ((one, _c1), (two, _c2)) = (cast.new_source(), cast.new_source());
    let (but_one, _) =
        registered(&cast.otto, &["content.imported"], &json!({ "source_filter": "except", "source_ids": [one.id] }));
    let (only_one, _) = registered(&cast.otto, &["content.imported"], &only(&one));
    one.says("vera", "t", "On the first source");
    two.says("vera", "t", "On the second source");
    eventually("the second source is told", || {
        bodies(&but_one.events()).contains(&"On the second source".to_owned()).then_some(())
    });
    assert!(!bodies(&but_one.events()).contains(&"On the first source".to_owned()));
    assert_eq!(bodies(&only_one.wait_for_events("content.imported", 1)), ["On the first source"]);
}

fn only_200_acknowledges(engine: Engine) {
    let cast = Cast::shared(engine);
    for status in [201, 204, 301, 400, 410, 500] {
        let (source, _channel) = cast.new_source();
        let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &only(&source));
        receiver.answer(move |_| Reply::status(status, "not so"));
        source.says("vera", "t", "Hello?");
        let waiting = eventually("the attempt is shown", || deliveries(&cast.otto, &webhook_id, "waiting").pop());
        assert_eq!(waiting["tries"][0]["status"], status);
        if status != 204 {
            assert_eq!(waiting["tries"][0]["answer"], "not so");
        }
        assert_eq!((&waiting["attempts"], &waiting["state"]), (&json!(1), &json!("waiting")));
        assert!(waiting["due_at"].is_string());
    }
}

fn what_failed_is_told_again_under_the_same_ids(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &only(&source));
    receiver.answer(|_| Reply::status(500, "out of order"));
    source.says("vera", "t", "Hello?");
    let waiting = eventually("a failure", || deliveries(&cast.otto, &webhook_id, "waiting").pop());
    receiver.answer(|_| Reply::status(200, "thanks"));
    let path = format!("/1.0/webhooks/{webhook_id}/deliveries/{}", id(&waiting));
    cast.otto.post(&format!("{path}/resend"), &json!({})).ok();
    let delivered = eventually("it is delivered", || {
        Some(cast.otto.get(&path).ok()).filter(|delivery| delivery["state"] == "delivered")
    });
    let tries: Vec<_> = delivered["tries"].as_array().unwrap().iter().map(|one| one["status"].clone()).collect();
    assert_eq!(tries, [500, 200]);
    let pushes = receiver.pushes();
    assert_eq!(pushes.len(), 2);
    assert_eq!(pushes[0].json()["id"], pushes[1].json()["id"]);
    assert_eq!(pushes[0].json()["events"][0]["id"], pushes[1].json()["events"][0]["id"]);
    assert_eq!(pushes[0].json()["id"], delivered["id"]);
    // Also what arrived can be sent again.
    cast.otto.post(&format!("{path}/resend"), &json!({})).ok();
    eventually("it arrives a third time", || (receiver.pushes().len() == 3).then_some(()));
}

fn a_missed_range_is_replayed_exactly(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &only(&source));
    receiver.answer(|push| match bodies(push.json()["events"].as_array().unwrap())[0].as_str() {
        "refuse me" => Reply::status(500, ""),
        _ => Reply::status(200, ""),
    });
    for text in ["one", "refuse me", "two", "refuse me", "three"] {
        source.says("vera", "t", text);
    }
    let started = source.contents(&cast.otto, "t")[0]["created_at"].clone();
    eventually("everything was tried", || (receiver.events().len() >= 5).then_some(()));
    eventually("two wait", || (deliveries(&cast.otto, &webhook_id, "waiting").len() == 2).then_some(()));
    // Switching off gives up what waits; and afterwards the receiver takes everything.
    let path = format!("/1.0/webhooks/{webhook_id}");
    cast.otto.put(&path, &json!({ "active": false })).ok();
    cast.otto.post(&format!("{path}/replay"), &json!({ "from_seq": 1 })).refused(403);
    receiver.answer(|_| Reply::status(200, ""));
    cast.otto.put(&path, &json!({ "active": true })).ok();
    wait_for_status(&cast.otto, &webhook_id, "enabled");
    let failed = deliveries(&cast.otto, &webhook_id, "failed");
    assert_eq!(failed.len(), 2);
    let before = receiver.pushes().len();
    let replay = cast.otto.post(&format!("{path}/replay"), &json!({ "from_seq": 1, "only_failed": true })).ok();
    eventually("what failed arrives", || (receiver.pushes().len() == before + 2).then_some(()));
    let mut ids: Vec<Value> = receiver.pushes()[before..].iter().map(|push| push.json()["id"].clone()).collect();
    ids.sort_by_key(ToString::to_string);
    let mut expected: Vec<Value> = failed.iter().map(|delivery| delivery["id"].clone()).collect();
    expected.sort_by_key(ToString::to_string);
    assert_eq!(ids, expected);
    let shown = cast.otto.get(&format!("{path}/replays")).ok();
    assert_eq!(records(&shown)[0]["id"], replay["id"]);
    eventually("the replay ends", || {
        (records(&cast.otto.get(&format!("{path}/replays")).ok())[0]["finished"] == true).then_some(())
    });
    // By number from the first that failed, and by time (not of all time: others write to this server too): what is in
    // the range, and nothing else.
    let first = failed.iter().map(|delivery| delivery["seqs"][0].as_i64().unwrap()).min().unwrap();
    for (range, count) in [(json!({ "from_seq": first }), 4), (json!({ "from_time": started }), 5)] {
        let before = receiver.pushes().len();
        cast.otto.post(&format!("{path}/replay"), &range).ok();
        eventually("the range arrives", || (receiver.pushes().len() == before + count).then_some(()));
        std::thread::sleep(Duration::from_millis(200));
        assert_eq!(receiver.pushes().len(), before + count);
    }
    for (range, attribute) in [
        (json!({}), "from_seq"),
        (json!({ "from_seq": 1, "from_time": "2026-01-01" }), "from_time"),
        (json!({ "from_seq": 1, "to_seq": 2, "to_time": "2026-01-01" }), "to_time"),
        (json!({ "from_seq": -1 }), "from_seq"),
        (json!({ "from_seq": 9_007_199_254_740_990_i64 }), "from_seq"),
        (json!({ "from_seq": first, "to_seq": first - 1 }), "to_seq"),
        (json!({ "from_time": started, "to_seq": -1 }), "to_seq"),
        (json!({ "from_time": "2026-02-01", "to_time": "2026-01-01" }), "to_time"),
    ] {
        assert_eq!(cast.otto.post(&format!("{path}/replay"), &range).invalid(), [attribute], "{range}");
    }
    // Nothing has happened in these, which is no fault.
    for range in [json!({ "from_time": "2999-01-01" }), json!({ "from_seq": first, "to_time": "2001-01-01" })] {
        let nothing = cast.otto.post(&format!("{path}/replay"), &range).ok();
        assert_eq!((&nothing["finished"], &nothing["deliveries"]), (&json!(true), &json!(0)), "{range}");
    }
    cast.otto.post(&format!("{path}/replay"), &json!({ "from_time": "yesterday" })).refused(400);
}

fn a_range_takes_its_part_of_what_was_given_up_together(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mut fields = only(&source);
    fields["events_per_request"] = json!(100);
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &fields);
    let path = format!("/1.0/webhooks/{webhook_id}");
    // While it is asked again, everything waits; then it goes in one request.
    receiver.refuse_challenges(Some(Reply::status(500, "")));
    cast.otto.put(&path, &json!({ "secret": "another" })).ok();
    wait_for_status(&cast.otto, &webhook_id, "verification_failed");
    for number in 0..6 {
        source.says("vera", "t", &format!("message {number}"));
    }
    receiver.answer(|_| Reply::status(500, ""));
    goes_on(&cast, &receiver, &webhook_id);
    let waiting = eventually("all are refused together", || deliveries(&cast.otto, &webhook_id, "waiting").pop());
    let seqs: Vec<i64> = waiting["seqs"].as_array().unwrap().iter().map(|seq| seq.as_i64().unwrap()).collect();
    assert_eq!(seqs.len(), 6);
    cast.otto.put(&path, &json!({ "active": false })).ok();
    receiver.answer(|_| Reply::status(200, ""));
    cast.otto.put(&path, &json!({ "active": true })).ok();
    wait_for_status(&cast.otto, &webhook_id, "enabled");
    let before = receiver.events().len();
    let range = json!({ "from_seq": seqs[2], "to_seq": seqs[3], "only_failed": true });
    cast.otto.post(&format!("{path}/replay"), &range).ok();
    let told = eventually("they arrive", || {
        let told = receiver.events().split_off(before);
        (told.len() >= 2).then_some(told)
    });
    assert_eq!(bodies(&told), ["message 2", "message 3"]);
    let mut left: Vec<Value> =
        deliveries(&cast.otto, &webhook_id, "failed").iter().map(|failed| failed["seqs"].clone()).collect();
    left.sort_by_key(|seqs| seqs[0].as_i64());
    assert_eq!(left, [json!(seqs[..2]), json!(seqs[4..])]);
    // The rest can be sent as well.
    cast.otto.post(&format!("{path}/replay"), &json!({ "from_seq": 0, "only_failed": true })).ok();
    eventually("the rest arrives", || (receiver.events().len() >= before + 6).then_some(()));
    eventually("nothing is left", || deliveries(&cast.otto, &webhook_id, "failed").is_empty().then_some(()));
}

fn what_the_log_has_forgotten_is_not_sent_again(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &only(&source));
    let path = |delivery: &Value| format!("/1.0/webhooks/{webhook_id}/deliveries/{}", id(delivery));
    source.says("vera", "t", "Taken");
    let taken = eventually("it arrives", || deliveries(&cast.otto, &webhook_id, "delivered").pop());
    receiver.answer(|_| Reply::status(500, ""));
    source.says("vera", "t", "Refused");
    let refused = eventually("it fails", || deliveries(&cast.otto, &webhook_id, "waiting").pop());
    cast.server.sql("DELETE FROM log WHERE kind = 'content.imported'");
    for delivery in [&taken, &refused] {
        let answer = cast.otto.post(&format!("{}/resend", path(delivery)), &json!({}));
        assert_eq!(answer.refused(422)["error"], "events_forgotten");
        // It is still to be seen.
        assert_eq!(cast.otto.get(&path(delivery)).ok()["tries"], delivery["tries"]);
    }
    // What waited says why it waits no more.
    cast.server.sql("UPDATE webhook_deliveries SET due_at = 0 WHERE due_at IS NOT NULL");
    let failed = eventually("it is given up", || deliveries(&cast.otto, &webhook_id, "failed").pop());
    assert_eq!(failed["id"], refused["id"]);
    let error = failed["tries"].as_array().unwrap().last().unwrap()["error"].as_str().unwrap();
    assert!(error.starts_with("Nothing is left to tell"), "{error}");
    assert_eq!(receiver.pushes().len(), 2);
    // A replay says where it really begins.
    source.says("vera", "t", "Another");
    let oldest = cast.otto.post(&format!("/1.0/webhooks/{webhook_id}/replay"), &json!({ "from_seq": 0 })).ok();
    assert!(oldest["next_seq"].as_i64().unwrap() >= 1, "{oldest}");
}

fn a_change_that_changes_nothing_tells_nothing(engine: Engine) {
    let cast = Cast::shared(engine);
    let (receiver, webhook_id) =
        registered(&cast.otto, &["content.imported"], &json!({ "secret": "open sesame", "name": "Same" }));
    let mut stream = cast.otto.stream(frontdesk_tests::TRANSPORTS[0], "types[]=webhook.updated");
    stream.heartbeat();
    let path = format!("/1.0/webhooks/{webhook_id}");
    let same = json!({
        "url": receiver.hook_url(), "registered_events": ["content.imported"], "secret": "open sesame", "name": "Same",
        "active": true, "source_ids": [], "ordering": "none",
    });
    assert_eq!(cast.otto.put(&path, &same).ok()["webhook_status"], "enabled");
    cast.otto.put(&path, &json!({ "name": "Other" })).ok();
    let told = loop {
        let told = stream.event();
        if told["resource"]["id"] == json!(webhook_id) {
            break told;
        }
    };
    assert_eq!(told["resource"]["metadata"]["name"], "Other");
    assert_eq!(receiver.challenges().len(), 1);
}

fn a_user_has_fifty_webhooks_at_most(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let bot = cast.hire(&[]);
    let webhook = |number: usize| {
        let url = format!("https://example.com/{number}");
        bot.post("/1.0/webhooks", &json!({ "url": url, "registered_events": ["content.imported"], "active": false }))
    };
    let first = webhook(0).ok();
    (1..50).for_each(|number| drop(webhook(number).ok()));
    assert_eq!(webhook(50).refused(422)["error"], "too_many_webhooks");
    bot.delete(&format!("/1.0/webhooks/{}", id(&first))).ok();
    webhook(50).ok();
}

/// A receiver that takes the challenge, and answers everything else with these bytes. Returns its address.
fn raw_receiver(answer: String) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, mut bytes) = (stream.unwrap(), vec![0; 65_536]);
            let read = stream.read(&mut bytes).unwrap_or(0);
            let text = String::from_utf8_lossy(&bytes[..read]).into_owned();
            let reply = match text.split(['?', '&', ' ']).find_map(|pair| pair.strip_prefix("hub.challenge=")) {
                Some(challenge) => format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{challenge}", challenge.len()),
                None => answer.clone(),
            };
            let _ = stream.write_all(reply.as_bytes());
        }
    });
    url
}

fn no_redirect_is_followed(engine: Engine) {
    let cast = Cast::shared(engine);
    let canary = FakeChannel::start();
    for status in [301, 302, 303, 307, 308] {
        let (source, _channel) = cast.new_source();
        let to = format!("http://{}/away", canary.address());
        let mut webhook = only(&source);
        let answer = format!("HTTP/1.1 {status} X\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        webhook["url"] = json!(raw_receiver(answer));
        webhook["registered_events"] = json!(["content.imported"]);
        let webhook_id = id(&cast.otto.post("/1.0/webhooks", &webhook).ok());
        wait_for_status(&cast.otto, &webhook_id, "enabled");
        source.says("vera", "t", "Hello?");
        let waiting = eventually("the attempt is shown", || deliveries(&cast.otto, &webhook_id, "waiting").pop());
        assert_eq!(waiting["tries"][0]["status"], status);
    }
    assert!(canary.touches().is_empty(), "{:?}", canary.touches());
}

fn a_receiver_without_tls_is_shown_as_such(engine: Engine) {
    let cast = Cast::shared(engine);
    let receiver = FakeChannel::start();
    for ignore_tls_validity in [false, true] {
        let url = format!("https://{}/{ignore_tls_validity}", receiver.address());
        let webhook = json!({
            "url": url, "registered_events": ["content.imported"], "ignore_tls_validity": ignore_tls_validity,
        });
        let webhook_id = id(&cast.otto.post("/1.0/webhooks", &webhook).ok());
        let failed = wait_for_status(&cast.otto, &webhook_id, "verification_failed");
        let error = failed["error"].as_str().unwrap();
        assert!(error.contains("no secure connection"), "{error}");
    }
}

fn a_test_shows_what_arrives(engine: Engine) {
    let cast = Cast::shared(engine);
    let (receiver, webhook_id) = registered(&cast.otto, &["task.created"], &json!({}));
    receiver.answer(|_| Reply::status(200, "fine"));
    let path = format!("/1.0/webhooks/{webhook_id}");
    let test = cast.otto.post(&format!("{path}/test"), &json!({})).ok();
    receiver.wait_for_events("webhook.test", 1);
    let shown = eventually("it is shown", || {
        let shown = cast.otto.get(&format!("{path}/deliveries/{}", id(&test))).ok();
        Some(shown).filter(|shown| shown["state"] == "delivered")
    });
    assert_eq!((&shown["tries"][0]["answer"], &shown["tries"][0]["status"]), (&json!("fine"), &json!(200)));
}

fn a_webhook_is_tested_ten_times_a_minute(engine: Engine) {
    let cast = Cast::shared(engine);
    let (receiver, webhook_id) = registered(&cast.otto, &["task.created"], &json!({}));
    let path = format!("/1.0/webhooks/{webhook_id}/test");
    for _ in 0..10 {
        cast.otto.post(&path, &json!({})).ok();
    }
    let refused = cast.otto.post(&path, &json!({}));
    assert_eq!(refused.status, 429, "{}", refused.text());
    let seconds: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    receiver.wait_for_events("webhook.test", 10);
    // Others are not concerned.
    let (_, other) = registered(&cast.otto, &["task.created"], &json!({}));
    cast.otto.post(&format!("/1.0/webhooks/{other}/test"), &json!({})).ok();
}

fn what_a_receiver_repeats_is_shown_without_its_secrets(engine: Engine) {
    let cast = Cast::shared(engine);
    let receiver = FakeChannel::start();
    let (token, secret) = ("a word for the challenge", "open \"sesame\" & close");
    let mut webhook = json!({ "url": receiver.hook_url(), "registered_events": ["task.created"] });
    webhook["verify_token"] = json!(token);
    webhook["secret"] = json!(secret);
    let created = cast.otto.post("/1.0/webhooks?extended=true", &webhook).ok();
    let (path, signing) = (format!("/1.0/webhooks/{}", id(&created)), created["signing_secret"].as_str().unwrap());
    wait_for_status(&cast.otto, &id(&created), "enabled");
    let echo = json!({ "token": token, "signing": signing, "key": signing.trim_start_matches("whsec_") });
    for status in [200, 400] {
        let echo = echo.clone();
        receiver.answer(move |push| {
            let header = push.header("x-dimelo-secret").unwrap_or_default();
            Reply::status(status, &format!("you sent {header}, {echo}"))
        });
        let test = cast.otto.post(&format!("{path}/test"), &json!({})).ok();
        let shown = eventually("the attempt is shown", || {
            let shown = cast.otto.get(&format!("{path}/deliveries/{}", id(&test))).ok();
            shown["tries"][0]["answer"].as_str().map(str::to_owned)
        });
        let expected = r#"you sent [secret], {"token":"[secret]","signing":"[secret]","key":"[secret]"}"#;
        assert_eq!(shown, expected);
    }
    // Neither when it is the challenge that is answered so.
    let target = receiver.challenges()[0].target.clone();
    receiver.refuse_challenges(Some(Reply::status(200, &format!("{target} {secret}"))));
    cast.otto.put(&path, &json!({ "active": false })).ok();
    cast.otto.put(&path, &json!({ "active": true })).ok();
    let failed = wait_for_status(&cast.otto, &id(&created), "verification_failed");
    let error = failed["error"].as_str().unwrap();
    assert!(error.contains("hub.verify_token=[secret] [secret]"), "{error}");
    assert!(!failed["error"].to_string().contains("sesame"), "{error}");
    // That there is one is told, and an empty one removes it.
    assert_eq!(failed["has_secret"], true);
    cast.otto.put(&path, &json!({ "secret": "", "active": false })).ok();
    assert_eq!(cast.otto.get(&format!("{path}?extended=true")).ok()["has_secret"], false);
}

/// As a receiver checks it with a library of the Standard Webhooks specification.
fn verified_signatures(push: &frontdesk_tests::Push, secret: &str) -> bool {
    let header = |name: &str| push.header(name).unwrap_or_default().to_owned();
    frontdesk_tests::signature::standard_webhook(
        secret,
        &header("webhook-id"),
        &header("webhook-timestamp"),
        &push.body,
    )
    .is_some_and(|expected| header("webhook-signature").split(' ').any(|given| given == expected))
}

fn signatures_of_both_secrets_are_sent_after_a_rotation(engine: Engine) {
    let cast = Cast::shared(engine);
    let receiver = FakeChannel::start();
    let webhook = json!({ "url": receiver.hook_url(), "registered_events": ["task.created"] });
    let created = cast.otto.post("/1.0/webhooks?extended=true", &webhook).ok();
    let old = created["signing_secret"].as_str().unwrap().to_owned();
    let path = format!("/1.0/webhooks/{}", id(&created));
    wait_for_status(&cast.otto, &id(&created), "enabled");
    let tested = |count: usize| {
        cast.otto.post(&format!("{path}/test"), &json!({})).ok();
        eventually("a test arrives", || receiver.pushes().into_iter().nth(count))
    };
    let push = tested(0);
    assert!(verified_signatures(&push, &old));
    assert_eq!(cast.otto.get(&format!("{path}?extended=true")).ok()["signing_secret"], Value::Null);
    let rotated = cast.otto.post(&format!("{path}/rotate_signing_secret"), &json!({})).ok();
    let new = rotated["signing_secret"].as_str().unwrap().to_owned();
    assert_ne!(old, new);
    std::thread::sleep(Duration::from_millis(300));
    let push = tested(1);
    assert!(verified_signatures(&push, &old) && verified_signatures(&push, &new));
}

fn while_a_secret_is_changed_no_request_fails_with_either(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let receiver = FakeChannel::start();
    let mut webhook = only(&source);
    webhook["url"] = json!(receiver.hook_url());
    webhook["registered_events"] = json!(["content.imported"]);
    let created = cast.otto.post("/1.0/webhooks?extended=true", &webhook).ok();
    let old = created["signing_secret"].as_str().unwrap().to_owned();
    wait_for_status(&cast.otto, &id(&created), "enabled");
    let mut new = None;
    for number in 0..100 {
        source.says("vera", "t", &format!("message {number}"));
        if number == 40 {
            let rotate = format!("/1.0/webhooks/{}/rotate_signing_secret", id(&created));
            let rotated = cast.otto.post(&rotate, &json!({})).ok();
            new = rotated["signing_secret"].as_str().map(str::to_owned);
        }
    }
    let new = new.unwrap();
    eventually("all arrive", || (receiver.pushes().len() >= 100).then_some(()));
    let pushes = receiver.pushes();
    // Whoever still has the old secret can verify everything; whoever has the new one, everything since.
    assert!(pushes.iter().all(|push| verified_signatures(push, &old)));
    let with_new = pushes.iter().filter(|push| verified_signatures(push, &new)).count();
    assert!(with_new > 0, "the new one is used");
}

fn no_name_leads_a_webhook_to_a_forbidden_address(engine: Engine) {
    // A server that may call nothing but public addresses, and a name that leads home.
    let cast = Cast::at(Launch::new(engine).only(&["--rate-limit", "0", "--demo"]).start());
    let canary = FakeChannel::start();
    let port = canary.address().port();
    for host in ["localhost", "localhost.", "LOCALHOST"] {
        let webhook = json!({ "url": format!("http://{host}:{port}/hook"), "registered_events": ["content.imported"] });
        let webhook_id = id(&cast.otto.post("/1.0/webhooks", &webhook).ok());
        let webhook = wait_for_status(&cast.otto, &webhook_id, "verification_failed");
        // Some machines do not know the name with a dot.
        let error = webhook["error"].as_str().unwrap();
        assert!(error.contains("loopback") || host.ends_with('.'), "{error}");
        cast.otto.delete(&format!("/1.0/webhooks/{webhook_id}")).ok();
    }
    assert!(canary.challenges().is_empty() && canary.pushes().is_empty());
}

fn events_of_one_thread_keep_their_order_where_that_is_asked_for(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mut fields = only(&source);
    fields["ordering"] = json!("thread");
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &fields);
    // The first message of one thread takes long, and is refused; the other thread does not wait for it.
    receiver.answer(|push| match bodies(push.json()["events"].as_array().unwrap())[0].as_str() {
        "slow 0" => Reply::status(500, "").after(Duration::from_millis(1_500)),
        _ => Reply::status(200, ""),
    });
    for number in 0..4 {
        source.says("vera", "slow", &format!("slow {number}"));
        source.says("paul", "fast", &format!("fast {number}"));
    }
    eventually("the fast thread is told", || bodies(&receiver.events()).contains(&"fast 3".to_owned()).then_some(()));
    eventually("the slow one fails", || {
        deliveries(&cast.otto, &webhook_id, "waiting").into_iter().find(|one| one["attempts"] == 1)
    });
    let slow =
        |texts: &[String]| -> Vec<String> { texts.iter().filter(|text| text.starts_with("slow")).cloned().collect() };
    assert_eq!(slow(&bodies(&receiver.events())), ["slow 0"]);
    receiver.answer(|_| Reply::status(200, ""));
    let failed = deliveries(&cast.otto, &webhook_id, "waiting");
    let first = failed.iter().find(|one| one["attempts"] == 1).unwrap();
    cast.otto.post(&format!("/1.0/webhooks/{webhook_id}/deliveries/{}/resend", id(first)), &json!({})).ok();
    let texts =
        eventually("everything is told", || Some(slow(&bodies(&receiver.events()))).filter(|texts| texts.len() == 5));
    assert_eq!(texts, ["slow 0", "slow 0", "slow 1", "slow 2", "slow 3"]);
}

fn a_receiver_that_failed_is_told_when_it_is_there_again(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &only(&source));
    receiver.answer(|_| Reply::status(503, "down"));
    for number in 0..40 {
        source.says("vera", &format!("t{number}"), &format!("message {number}"));
    }
    let webhook = wait_for_status(&cast.otto, &webhook_id, "suspended");
    assert!(webhook["error"].as_str().unwrap().contains("503"), "{webhook}");
    // It is left alone: the rest waits in the log.
    std::thread::sleep(Duration::from_millis(300));
    let tried = receiver.pushes().len();
    assert!(tried < 30, "{tried}");
    // More than go out at once: what is new is not to crowd out what failed.
    for number in 40..140 {
        source.says("vera", &format!("t{number}"), &format!("message {number}"));
    }
    assert_eq!(receiver.pushes().len(), tried);
    receiver.answer(|_| Reply::status(200, ""));
    // Somebody who does not want to wait for the probe sends one again.
    let waiting = deliveries(&cast.otto, &webhook_id, "waiting");
    cast.otto.post(&format!("/1.0/webhooks/{webhook_id}/deliveries/{}/resend", id(&waiting[0])), &json!({})).ok();
    wait_for_status(&cast.otto, &webhook_id, "enabled");
    let mut told = eventually("everything is told", || {
        let mut told = bodies(&receiver.events());
        told.sort_unstable();
        told.dedup();
        (told.len() == 140 && deliveries(&cast.otto, &webhook_id, "waiting").is_empty()).then_some(told)
    });
    told.sort_unstable();
    let journal = cast.otto.search("/1.0/events", "name_in:webhook.suspended name_in:webhook.restored");
    let names: Vec<&str> = records(&journal).iter().map(|event| event["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["webhook.restored", "webhook.suspended"]);
}

fn what_was_sent_and_not_written_down_is_sent_again_after_a_crash(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let (receiver, _) = registered(&cast.otto, &["content.imported"], &only(&source));
    receiver.answer(|_| Reply::status(200, "").after(Duration::from_millis(300)));
    for number in 0..30 {
        source.says("vera", "t", &format!("message {number}"));
    }
    cast.server.kill();
    receiver.answer(|_| Reply::status(200, ""));
    cast.server.restart();
    let mut ids = std::collections::BTreeMap::<String, std::collections::BTreeSet<String>>::new();
    eventually("everything is told", || {
        ids.clear();
        for push in receiver.pushes() {
            let (request, body) = (push.json(), bodies(push.json()["events"].as_array().unwrap()).remove(0));
            ids.entry(body).or_default().insert(format!("{} {}", request["id"], request["events"][0]["id"]));
        }
        (ids.len() == 30).then_some(())
    });
    // Whatever came twice came under the same ids.
    assert!(ids.values().all(|ids| ids.len() == 1), "{ids:?}");
}

fn answers_that_are_no_answers_are_shown_as_such(engine: Engine) {
    let cast = Cast::shared(engine);
    let endless = "X-Filler: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(20_000);
    for (answer, told) in [
        ("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nshort".to_owned(), "no valid answer"),
        (format!("HTTP/1.1 200 OK\r\n{endless}\r\n"), "no valid answer"),
        ("SSH-2.0-OpenSSH_9.2\r\n".to_owned(), "no valid answer"),
    ] {
        let (source, _channel) = cast.new_source();
        let mut webhook = only(&source);
        webhook["url"] = json!(raw_receiver(answer));
        webhook["registered_events"] = json!(["content.imported"]);
        let webhook_id = id(&cast.otto.post("/1.0/webhooks", &webhook).ok());
        wait_for_status(&cast.otto, &webhook_id, "enabled");
        source.says("vera", "t", "Hello?");
        let waiting = eventually("the attempt is shown", || deliveries(&cast.otto, &webhook_id, "waiting").pop());
        let error = waiting["tries"][0]["error"].as_str().unwrap_or_default();
        assert!(error.contains(told), "{error}");
    }
}

fn a_token_that_goes_takes_its_webhooks_along(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let token = cast.otto.post("/1.0/access_tokens", &json!({ "label": "for a bot" })).ok();
    let bot = cast.otto.but_with(token["token"].as_str().unwrap());
    let (receiver, webhook_id) = registered(&bot, &["content.imported"], &only(&source));
    let path = format!("/1.0/access_tokens/{}", id(&token));
    cast.otto.put(&path, &json!({ "enabled": false })).ok();
    std::thread::sleep(Duration::from_millis(300));
    source.says("vera", "t", "While the token is disabled");
    std::thread::sleep(Duration::from_millis(300));
    assert!(receiver.events().is_empty());
    cast.otto.delete(&path).ok();
    eventually("the webhook is gone", || {
        (cast.otto.get(&format!("/1.0/webhooks/{webhook_id}")).status == 404).then_some(())
    });
}

/// A server of its own with a webhook for messages, which nobody tells anything until [`goes_on`].
fn held_back(engine: Engine) -> (Cast, Source, FakeChannel, FakeChannel, String) {
    let cast = Cast::start(engine, &[]);
    let (source, channel) = cast.new_source();
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported", "content.replied"], &only(&source));
    receiver.refuse_challenges(Some(Reply::status(500, "")));
    cast.otto.put(&format!("/1.0/webhooks/{webhook_id}"), &json!({ "secret": "another" })).ok();
    wait_for_status(&cast.otto, &webhook_id, "verification_failed");
    (cast, source, channel, receiver, webhook_id)
}

fn goes_on(cast: &Cast, receiver: &FakeChannel, webhook_id: &str) {
    receiver.refuse_challenges(None);
    cast.otto.put(&format!("/1.0/webhooks/{webhook_id}"), &json!({ "active": true })).ok();
}

fn categories_are_told_as_they_were(engine: Engine) {
    let (cast, source, _channel, receiver, webhook_id) = held_back(engine);
    let [first, second] = [(); 2].map(|()| id(&cast.otto.create_category(&json!({}))));
    source.says("vera", "t", "Before");
    let path = format!("/1.0/content_threads/{}/update_categories", id(&source.thread(&cast.otto, "t")));
    let sort = |category: &str| cast.otto.put(&path, &json!({ "thread_category_ids": [category] })).ok();
    sort(&first);
    source.says("vera", "t", "Then");
    let question = source.contents(&cast.otto, "t").pop().expect("a content");
    cast.otto.reply(&id(&question), "Answer");
    sort(&second);
    // Many at once are written in another way.
    std::thread::scope(|scope| {
        for number in 0..24 {
            let source = &source;
            scope.spawn(move || source.says("vera", "t", &format!("After {number}")));
        }
    });
    goes_on(&cast, &receiver, &webhook_id);
    receiver.wait_for_events("content.imported", 26);
    receiver.wait_for_events("content.replied", 1);
    for event in receiver.events() {
        let metadata = &event["resource"]["metadata"];
        let expected = match metadata["body"].as_str().expect("a body") {
            "Before" => json!([]),
            "Then" | "Answer" => json!([first]),
            _ => json!([second]),
        };
        assert_eq!(metadata["category_ids"], expected, "{}", metadata["body"]);
    }
}

fn what_was_erased_is_not_told(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let (receiver, webhook_id) = registered(&cast.otto, &["content.imported"], &only(&source));
    receiver.answer(|_| Reply::status(500, ""));
    let mut stream = cast.otto.stream(frontdesk_tests::TRANSPORTS[0], "types[]=content.imported");
    let place = stream.heartbeat();
    source.says("vera", "t", "Forget me");
    let told = stream.event();
    assert_eq!(told["resource"]["metadata"]["body"], "Forget me");
    let waiting = eventually("it waits", || deliveries(&cast.otto, &webhook_id, "waiting").pop());
    assert_eq!(bodies(&receiver.events()), ["Forget me"]);
    cast.otto.put(&format!("/1.0/contents/{}/anonymize", id(&told["resource"])), &json!({})).ok();
    // At once, while what was made for the first attempt would still be at hand.
    receiver.answer(|_| Reply::status(200, ""));
    cast.otto.post(&format!("/1.0/webhooks/{webhook_id}/deliveries/{}/resend", id(&waiting)), &json!({})).ok();
    let again = eventually("it arrives", || receiver.events().into_iter().nth(1));
    assert_eq!((&again["id"], &again["resource"]["metadata"]["body"]), (&told["id"], &json!("Anonymized")));
    let mut other =
        cast.otto.stream(frontdesk_tests::TRANSPORTS[0], &format!("types[]=content.imported&after={place}"));
    assert_eq!(other.event()["resource"]["metadata"]["body"], "Anonymized");
}

fn what_is_broken_is_passed_over(engine: Engine) {
    let (cast, source, _channel, receiver, webhook_id) = held_back(engine);
    for text in ["One", "Two", "Three"] {
        source.says("vera", "t", text);
    }
    cast.server.sql("UPDATE contents SET extras = 'no JSON' WHERE body = 'Two'");
    goes_on(&cast, &receiver, &webhook_id);
    receiver.wait_for_events("content.imported", 2);
    source.says("vera", "t", "Four");
    let mut told = bodies(&receiver.wait_for_events("content.imported", 3));
    told.sort_unstable();
    assert_eq!(told, ["Four", "One", "Three"]);
    cast.server.logged("an event is told to nobody");
    let metrics = cast.server.send(&frontdesk_tests::Request::new("GET", "/metrics")).text();
    assert!(metrics.contains("frontdesk_untold_events_total 1\n"), "{metrics}");
}
