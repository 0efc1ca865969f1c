//! Publishing, unpublishing and deleting contents on the channel that has them.

use std::time::Duration;

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Answer, Cast, Engine, FakeChannel, Person, Push, Reply, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_content_is_unpublished_published_and_deleted_on_its_channel,
    only_what_the_channel_offers_can_be_done,
    a_channel_that_knows_destroy_is_sent_that,
    a_refusal_leaves_the_content_as_it_was,
    one_thing_at_a_time_and_a_customer_can_be_answered_meanwhile,
    the_wish_to_delete_survives_a_crash,
];

fn public_content(otto: &Person, source: &Source) -> String {
    source.has_described_itself(otto);
    let (message, thread) = (unique("message-"), unique("thread-"));
    source.tells("messages.create", &source.public_message(&message, &thread));
    id(&source.contents(otto, &thread)[0])
}

fn act(person: &Person, content: &str, action: &str) -> Answer {
    match action {
        "delete" => person.delete(&format!("/1.0/contents/{content}")),
        action => person.put(&format!("/1.0/contents/{content}/{action}"), &json!({})),
    }
}

fn settled(otto: &Person, content: &str) -> Value {
    eventually("it has been pushed", || {
        Some(otto.content(content)).filter(|content| content["synchronization_status"] == "success")
    })
}

fn pushes_of(channel: &FakeChannel, action: &str) -> Vec<Push> {
    channel.pushes().into_iter().filter(|push| push.action() == action).collect()
}

fn a_content_is_unpublished_published_and_deleted_on_its_channel(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let content = public_content(&cast.otto, &source);
    let foreign_id = cast.otto.content(&content)["foreign_id"].clone();
    for (action, published, deleted) in [("unpublish", false, false), ("publish", true, false), ("delete", true, true)]
    {
        let before = act(&cast.otto, &content, action).ok();
        assert_eq!(before["synchronization_status"], "export_pending", "{action}");
        let shown = settled(&cast.otto, &content);
        assert_eq!((&shown["published"], &shown["remotely_deleted"]), (&json!(published), &json!(deleted)), "{action}");
        let pushed = pushes_of(&channel, &format!("messages.{action}"));
        assert_eq!(pushed.len(), 1, "{action}");
        assert_eq!(pushed[0].params(), json!({ "id": foreign_id }));
        assert!(pushed[0].is_signed_by(&source.secret));
        // Again is nothing new.
        act(&cast.otto, &content, action).ok();
        assert_eq!(cast.otto.content(&content)["synchronization_status"], "success");
    }
    // What is gone there cannot be shown there, and the journal tells who wanted what.
    act(&cast.otto, &content, "publish").refused(422);
    let thread = cast.otto.content(&content)["thread_id"].as_str().unwrap().to_owned();
    let journal = cast.otto.search("/1.0/events", &format!("content_thread:{thread}"));
    let mut names: Vec<&str> = records(&journal).iter().filter_map(|event| event["name"].as_str()).collect();
    names.retain(|name| ["content.unpublished", "content.published", "content.destroyed"].contains(name));
    names.sort_unstable();
    assert_eq!(names, ["content.destroyed", "content.published", "content.unpublished"], "{journal}");
}

fn only_what_the_channel_offers_can_be_done(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let content = public_content(&cast.otto, &source);
    // The channel did not tell that anything can be done with this one.
    let thread = unique("thread-");
    source.says("vera", &thread, "Hello?");
    let plain = id(&source.contents(&cast.otto, &thread)[0]);
    for action in ["unpublish", "delete"] {
        act(&cast.otto, &plain, action).refused(422);
    }
    // Of our own answers it need not.
    let reply = id(&cast.otto.reply(&plain, "Hello"));
    settled(&cast.otto, &reply);
    act(&cast.otto, &reply, "delete").ok();
    assert_eq!(settled(&cast.otto, &reply)["remotely_deleted"], true);
    assert_eq!(pushes_of(&channel, "messages.delete").len(), 1);
    // And then it cannot do anything any more.
    channel.describe(Reply::json(&json!({ "objects": { "messages": ["create"] } })));
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({})).ok();
    eventually("the channel has told so", || {
        let shown = cast.otto.get(&format!("/1.0/content_sources/{}?extended=true", source.id)).ok();
        (shown["implementation"]["objects"] == json!({ "messages": ["create"] })).then_some(())
    });
    for action in ["unpublish", "delete"] {
        act(&cast.otto, &content, action).refused(422);
    }
    assert_eq!(cast.otto.content(&content)["synchronization_status"], "success");
}

fn a_channel_that_knows_destroy_is_sent_that(engine: Engine) {
    let cast = Cast::shared(engine);
    let channel = FakeChannel::start();
    channel.describe(Reply::json(&json!({ "objects": { "messages": ["create", "destroy"] } })));
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({}));
    let content = public_content(&cast.otto, &source);
    act(&cast.otto, &content, "delete").ok();
    assert_eq!(settled(&cast.otto, &content)["remotely_deleted"], true);
    assert_eq!(pushes_of(&channel, "messages.destroy").len(), 1);
}

fn a_refusal_leaves_the_content_as_it_was(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let content = public_content(&cast.otto, &source);
    channel.answer(|_| Reply::json(&json!({ "error": { "fatal": true, "message": "It is too late for that" } })));
    act(&cast.otto, &content, "unpublish").ok();
    let shown = settled(&cast.otto, &content);
    assert_eq!(
        (&shown["published"], &shown["synchronization_error"]),
        (&json!(true), &json!("It is too late for that"))
    );
    // By hand it can be tried again.
    channel.answer(|_| Reply::status(200, ""));
    act(&cast.otto, &content, "unpublish").ok();
    let shown = settled(&cast.otto, &content);
    assert_eq!((&shown["published"], &shown["synchronization_error"]), (&json!(false), &Value::Null));
}

fn one_thing_at_a_time_and_a_customer_can_be_answered_meanwhile(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let content = public_content(&cast.otto, &source);
    channel.answer(|push| match push.action().as_str() {
        "messages.create" => Reply::json(&json!({ "id": unique("ours-") })),
        _ => Reply::status(200, "{}").after(Duration::from_secs(2)),
    });
    act(&cast.otto, &content, "unpublish").ok();
    act(&cast.otto, &content, "delete").refused(409);
    let reply = id(&cast.otto.reply(&content, "Thank you"));
    settled(&cast.otto, &content);
    settled(&cast.otto, &reply);
    act(&cast.otto, &content, "delete").ok();
    assert_eq!(settled(&cast.otto, &content)["remotely_deleted"], true);
}

fn the_wish_to_delete_survives_a_crash(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (source, channel) = cast.new_source();
    let content = public_content(&cast.otto, &source);
    channel.answer(|_| Reply::status(200, "").after(Duration::from_secs(10)));
    act(&cast.otto, &content, "delete").ok();
    eventually("it is being pushed", || (!pushes_of(&channel, "messages.delete").is_empty()).then_some(()));
    cast.server.kill();
    channel.answer(|_| Reply::status(200, ""));
    cast.server.restart();
    assert_eq!(settled(&cast.otto, &content)["remotely_deleted"], true);
}
