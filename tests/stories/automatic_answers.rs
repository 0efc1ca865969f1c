//! Automatic answers: what a source says by itself.

use frontdesk_tests::cast::{Source, unique};
use frontdesk_tests::pages::id;
use frontdesk_tests::{Cast, Engine, FakeChannel, eventually};
use serde_json::{Value, json};

use crate::objects::blob;

on_both_engines![
    a_first_message_is_answered_in_its_language_once,
    an_absurd_pause_holds_up_no_source,
    outside_business_hours_the_customer_is_told_so,
    what_is_no_customers_message_is_not_answered,
    an_answer_that_comes_back_is_not_answered,
    two_machines_do_not_talk_for_ever,
    an_answer_is_given_once_also_after_a_crash,
    a_source_speaks_as_itself,
    a_closed_source_without_a_text_for_it_still_greets,
];

/// How long an answer would have taken if one came.
const AWHILE: std::time::Duration = std::time::Duration::from_millis(900);

fn answering(cast: &Cast, settings: Value) -> (Source, FakeChannel) {
    let (source, channel) = cast.new_source();
    let texts = json!([
        { "language": "en", "created_from_trigger": "first_message_from_user", "body": "We have it." },
        { "language": "fr", "created_from_trigger": "first_message_from_user", "body": "Nous l'avons." },
        { "language": "en", "created_from_trigger": "out_of_office_hours_message", "body": "We sleep." },
    ]);
    let mut update = json!({ "auto_response_triggers": texts });
    for (name, value) in settings.as_object().unwrap() {
        update[name] = value.clone();
    }
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &update).ok();
    (source, channel)
}

fn a_first_message_is_answered_in_its_language_once(engine: Engine) {
    let cast = Cast::shared(engine);
    let on = json!({ "auto_response_trigger_enabled": { "first_message_from_user": true } });
    let (source, channel) = answering(&cast, on);
    source.says("vera", "t", "Hello?");
    let push = channel.push_of("We have it.");
    assert_eq!(push.params()["thread_id"], "t");
    let [question, answer] = &source.contents(&cast.otto, "t")[..] else { panic!("two contents") };
    assert_eq!((&question["status"], &question["intervention_id"]), (&json!("new"), &json!(null)));
    assert_eq!((&answer["auto_submitted"], &answer["creator_id"]), (&json!(true), &json!(null)));
    assert_eq!((&answer["in_reply_to_id"], &answer["status"]), (&question["id"], &json!("user_reply")));
    assert_eq!(answer["created_from"], "auto_response");
    // It is no customer's.
    cast.otto.put(&format!("/1.0/contents/{}/ignore", id(answer)), &json!({})).refused(403);
    // Neither the next message nor a new thread within the grace period is answered again.
    source.says("vera", "t", "Anybody?");
    source.says("vera", "u", "Hello there?");
    let mut french = source.message("m-fr", "f", "valerie", "Bonjour ?");
    french["language"] = json!("fr-CH");
    source.tells("messages.create", &french);
    channel.push_of("Nous l'avons.");
    std::thread::sleep(AWHILE);
    assert_eq!(channel.pushes().len(), 2, "{:?}", channel.pushes());
    // It is nobody's reply: the customer still waits for a person.
    let reply = cast.otto.reply(&id(question), "I am here");
    channel.push_of("I am here");
    let intervention = reply["intervention_id"].as_str().unwrap();
    assert_eq!(cast.otto.get(&format!("/1.0/interventions/{intervention}")).ok()["user_replies_count"], 1);
}

/// What an earlier version took as a pause.
fn an_absurd_pause_holds_up_no_source(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let on = json!({
        "auto_response_trigger_enabled": { "first_message_from_user": true },
        "auto_response_trigger_grace_periods": { "first_message_from_user": 60 },
    });
    let ((absurd, absurd_channel), (other, channel)) = (answering(&cast, on.clone()), answering(&cast, on));
    let source = blob(&cast, &absurd.id);
    let mut before = 60;
    for (seconds, answers) in [(i64::MIN, 1), (i64::MAX, 2)] {
        cast.server.sql(&format!(
            "UPDATE sources SET version = version + 1, settings = replace(settings,
               '\"first_message_from_user\":{before}', '\"first_message_from_user\":{seconds}') WHERE id = {source}"
        ));
        before = seconds;
        let shown = absurd.shown(&cast.otto);
        assert_eq!(shown["auto_response_trigger_grace_periods"]["first_message_from_user"], seconds);
        absurd.says(&unique("vera-"), &unique("thread-"), "Hello?");
        other.says(&unique("valerie-"), &unique("thread-"), "Hello?");
        absurd_channel.wait_for_text("We have it.", answers);
        channel.wait_for_text("We have it.", answers);
    }
}

fn outside_business_hours_the_customer_is_told_so(engine: Engine) {
    let cast = Cast::shared(engine);
    let on = json!({
        "auto_response_trigger_enabled": { "first_message_from_user": true, "out_of_office_hours_message": true },
        "auto_response_trigger_grace_periods": { "out_of_office_hours_message": 0 },
    });
    let (source, channel) = answering(&cast, on);
    source.says("vera", "open", "Hello?");
    channel.push_of("We have it.");
    // A sheet without hours is closed all day.
    let sheet = json!({ "label": "Closed", "active": true, "source_ids": [source.id] });
    cast.otto.post("/1.0/time_sheets", &sheet).ok();
    source.says("vera", "closed", "Hello?");
    source.says("vera", "closed", "Still there?");
    eventually("both are told", || {
        let told = channel.pushes().iter().filter(|push| push.text() == "We sleep.").count();
        (told == 2).then_some(())
    });
}

fn what_is_no_customers_message_is_not_answered(engine: Engine) {
    let cast = Cast::shared(engine);
    let on = json!({ "auto_response_trigger_enabled": { "first_message_from_user": true } });
    let (source, channel) = answering(&cast, on);
    // What an agent wrote on the channel itself.
    source.says("desk", "own", "Welcome to our new shop.");
    let (silent, quiet) = answering(&cast, json!({}));
    silent.says("vera", "t", "Hello?");
    cast.otto
        .put(
            &format!("/1.0/identities/{}/mute", {
                source
                    .tells("users.create", &json!({ "id": "mallory", "screenname": "m", "created_at": "2026-01-15" }));
                let found = cast.otto.get(&format!("/1.0/identities?source_id={}&foreign_id=mallory", source.id)).ok();
                id(&found["records"][0])
            }),
            &json!({}),
        )
        .ok();
    source.says("mallory", "spam", "Buy!");
    std::thread::sleep(AWHILE);
    assert!(channel.pushes().is_empty() && quiet.pushes().is_empty(), "{:?}", channel.pushes());
}

fn a_closed_source_without_a_text_for_it_still_greets(engine: Engine) {
    let cast = Cast::shared(engine);
    let on = json!({
        "auto_response_trigger_enabled": { "first_message_from_user": true, "out_of_office_hours_message": true },
        "auto_response_triggers": [
            { "language": "en", "created_from_trigger": "first_message_from_user", "body": "We have it." },
        ],
    });
    let (source, channel) = answering(&cast, on);
    let sheet = json!({ "label": "Closed", "active": true, "source_ids": [source.id] });
    cast.otto.post("/1.0/time_sheets", &sheet).ok();
    source.says("vera", "t", "Hello?");
    channel.push_of("We have it.");
}

/// A source that is closed and would answer every message.
fn closed(cast: &Cast) -> (Source, FakeChannel) {
    let on = json!({
        "auto_response_trigger_enabled": { "out_of_office_hours_message": true },
        "auto_response_trigger_grace_periods": { "out_of_office_hours_message": 0 },
    });
    let (source, channel) = answering(cast, on);
    let sheet = json!({ "label": "Closed", "active": true, "source_ids": [source.id] });
    cast.otto.post("/1.0/time_sheets", &sheet).ok();
    (source, channel)
}

fn told(channel: &FakeChannel) -> usize {
    channel.pushes().iter().filter(|push| push.text() == "We sleep.").count()
}

fn an_answer_that_comes_back_is_not_answered(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = closed(&cast);
    source.says("vera", "t", "Hello?");
    channel.push_of("We sleep.");
    // Under an author whom nobody writes as, and an id that is new to us.
    source.says("the-channels-own-bot", "t", "We sleep.");
    std::thread::sleep(AWHILE);
    assert_eq!(told(&channel), 1, "{:?}", channel.pushes());
}

fn two_machines_do_not_talk_for_ever(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = closed(&cast);
    for number in 0..15 {
        source.says("autoresponder", "t", &format!("I am on holiday ({number})."));
    }
    eventually("it is answered for a while", || (told(&channel) == 10).then_some(()));
    std::thread::sleep(AWHILE);
    assert_eq!(told(&channel), 10);
    // Other customers are none the worse for it.
    source.says("vera", "another", "Hello?");
    eventually("Vera is told", || (told(&channel) == 11).then_some(()));
}

fn an_answer_is_given_once_also_after_a_crash(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let on = json!({ "auto_response_trigger_enabled": { "first_message_from_user": true } });
    let (source, channel) = answering(&cast, on);
    for number in 0..20 {
        source.says(&format!("vera-{number}"), &format!("t-{number}"), "Hello?");
    }
    cast.server.kill();
    cast.server.restart();
    eventually("everybody is answered", || {
        let all = source.all_contents(&cast.otto);
        (all.iter().filter(|content| content["auto_submitted"] == true).count() >= 20).then_some(())
    });
    std::thread::sleep(AWHILE);
    let all = source.all_contents(&cast.otto);
    assert_eq!(all.len(), 40, "each is answered once");
    drop(channel);
}

/// Neither as the agent who happened to write first, nor as a customer who took the source's id for a name.
fn a_source_speaks_as_itself(engine: Engine) {
    let cast = Cast::shared(engine);
    let channel = FakeChannel::start();
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({}));
    source.says("vera", "before", "Hello?");
    let by_otto = cast.otto.reply(&id(&source.contents(&cast.otto, "before")[0]), "It is me");
    source.says(&source.id, "named", "I am the shop");
    let texts = json!([
        { "language": "en", "created_from_trigger": "first_message_from_user", "body": "We have it." },
    ]);
    let on = json!({
        "auto_response_triggers": texts, "auto_response_trigger_enabled": { "first_message_from_user": true },
        "auto_response_trigger_grace_periods": { "first_message_from_user": 0 },
    });
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &on).ok();
    let voice = |thread: &str| {
        source.says("vera", thread, "Anybody there?");
        let contents = eventually("it is answered", || {
            Some(source.contents(&cast.otto, thread)).filter(|contents| contents.len() == 2)
        });
        contents[1]["author_id"].as_str().unwrap().to_owned()
    };
    let first = voice("after");
    assert_ne!(first, by_otto["author_id"].as_str().unwrap());
    let identity = |id: &str| cast.otto.get(&format!("/1.0/identities/{id}")).ok();
    let customer = source.contents(&cast.otto, "named")[0]["author_id"].as_str().unwrap().to_owned();
    assert_ne!(first, customer);
    assert_eq!(identity(&customer)["screenname"], source.id.as_str());
    assert_eq!(identity(&first)["screenname"], source.shown(&cast.otto)["name"]);
    assert_eq!(voice("again"), first, "it keeps its voice");
}
