//! What only a channel knows and can do with a content: buttons. And contents that are asked for once more.

use std::time::Duration;

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Push, Reply, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_channels_own_actions_are_buttons_in_the_readers_language,
    a_button_asks_the_channel_in_the_agents_name_and_shows_what_it_made_of_it,
    only_what_the_channel_offers_of_this_content_is_done,
    what_the_channel_refuses_is_shown_and_not_tried_again,
    a_button_pressed_before_a_crash_is_not_pressed_twice,
    a_content_is_asked_for_once_more,
    what_was_erased_or_written_here_stays_as_it_is,
];

/// A source whose channel can do more than others, and one public content with these actions.
fn with_actions(cast: &Cast, actions: &[&str]) -> (Source, FakeChannel, String, Value) {
    let channel = FakeChannel::start();
    channel.describe(Reply::json(&json!({
        "objects": { "messages": ["create", "reply", "show", "warn", "mark_as_spam", "delete"] },
        "options": ["messages.text"],
        "locales": { "default": { "warn": "Warn the author" }, "fr": { "warn": "Avertir l’auteur" } },
    })));
    let source = Source::create(&cast.otto, &channel.base_uri(), &json!({}));
    source.has_voice("desk");
    source.has_described_itself(&cast.otto);
    let mut message = source.message(&unique("message-"), &unique("thread-"), "vera", "For all to see");
    message["actions"] = json!(actions);
    message["format"] = "text".into();
    source.tells("messages.create", &message);
    let content = id(&source.all_contents(&cast.otto)[0]);
    (source, channel, content, message)
}

fn buttons(person: &Person, content: &str) -> Value {
    person.get(&format!("/1.0/contents/{content}?extended=true")).ok()["custom_actions"].clone()
}

fn press(person: &Person, content: &str, name: &str) -> frontdesk_tests::Answer {
    person.post(&format!("/1.0/contents/{content}/actions"), &json!({ "name": name }))
}

fn settled(otto: &Person, content: &str) -> Value {
    eventually("it has been pushed", || {
        Some(otto.content(content)).filter(|content| content["synchronization_status"] == "success")
    })
}

fn pushes_of(channel: &FakeChannel, action: &str) -> Vec<Push> {
    channel.pushes().into_iter().filter(|push| push.action() == action).collect()
}

fn updates(otto: &Person, content: &str) -> usize {
    let thread = otto.content(content)["thread_id"].as_str().unwrap().to_owned();
    let journal = otto.search("/1.0/events", &format!("content_thread:{thread}"));
    records(&journal).iter().filter(|event| event["name"] == "content.updated").count()
}

fn a_channels_own_actions_are_buttons_in_the_readers_language(engine: Engine) {
    let cast = Cast::shared(engine);
    // Neither what is standard, nor what it told of no object, nor what it did not tell of this one.
    let actions = ["reply", "show", "delete", "mark_as_spam", "warn", "unheard_of"];
    let (source, channel, content, _) = with_actions(&cast, &actions);
    let spam = json!({ "name": "mark_as_spam", "label": "Mark as spam" });
    let warn = |label: &str| json!({ "name": "warn", "label": label });
    assert_eq!(buttons(&cast.otto, &content), json!([spam, warn("Warn the author")]));
    assert!(cast.otto.content(&content).get("custom_actions").is_none(), "only when they are asked for");
    let marie = cast.hire(&["read_content_source"]);
    cast.otto.put(&format!("/1.0/users/{}", marie.user_id), &json!({ "locale": "fr-CA" })).ok();
    let rights = json!({ (source.id.as_str()): "read" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", marie.user_id), &rights).ok();
    assert_eq!(buttons(&marie, &content), json!([spam, warn("Avertir l’auteur")]));
    press(&marie, &content, "warn").refused(403);
    // What has a meaning for everybody is told apart from it.
    let standard =
        |content: &str| marie.get(&format!("/1.0/contents/{content}?extended=true")).ok()["channel_actions"].clone();
    assert_eq!(standard(&content), json!(["reply", "show", "delete"]));
    let silent = source.says("vera", "t", "Not to be answered");
    let silent = source.all_contents(&cast.otto).into_iter().find(|content| content["foreign_id"] == silent.as_str());
    assert_eq!(standard(&id(&silent.unwrap())), json!(["show"]));
    // What the channel no longer can is no button any more.
    channel.describe(Reply::json(&json!({ "objects": { "messages": ["create", "warn"] } })));
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({})).ok();
    eventually("there is one button", || {
        (buttons(&cast.otto, &content) == json!([{ "name": "warn", "label": "Warn" }])).then_some(())
    });
    press(&cast.otto, &content, "mark_as_spam").refused(422);
}

fn a_button_asks_the_channel_in_the_agents_name_and_shows_what_it_made_of_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, content, message) = with_actions(&cast, &["warn", "mark_as_spam"]);
    let mut changed = message.clone();
    changed["body"] = "Moderated".into();
    changed["actions"] = json!(["mark_as_spam"]);
    changed["categories"] = json!(["rude"]);
    channel.answer(move |_| Reply::json(&changed));
    let asked = press(&cast.otto, &content, "warn").ok();
    assert_eq!(asked["synchronization_status"], "export_pending");
    press(&cast.otto, &content, "warn").refused(409);
    let shown = settled(&cast.otto, &content);
    let pushed = pushes_of(&channel, "messages.warn");
    assert_eq!(pushed.len(), 1);
    assert!(pushed[0].is_signed_by(&source.secret));
    assert_eq!(pushed[0].params()["id"], message["id"]);
    // The user is one of the channel's: whom the agent also writes as.
    channel.answer(|_| Reply::json(&json!({ "id": unique("ours-") })));
    cast.otto.reply(&content, "Please be polite");
    assert_eq!(pushed[0].params()["user_id"], channel.push_of("Please be polite").params()["author_id"]);
    assert_eq!(pushed[0].params().as_object().unwrap().len(), 2);
    assert_eq!((&shown["body"], &shown["foreign_categories"]), (&json!("Moderated"), &json!(["rude"])));
    assert_eq!(shown["synchronization_error"], Value::Null);
    assert_eq!(buttons(&cast.otto, &content), json!([{ "name": "mark_as_spam", "label": "Mark as spam" }]));
    let found = cast.otto.search("/1.0/contents", &format!("source:{} text:Moderated", source.id));
    assert_eq!(found["count"], 1, "the new text is found");
    assert_eq!(updates(&cast.otto, &content), 1);
}

fn only_what_the_channel_offers_of_this_content_is_done(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_source, channel, content, _) = with_actions(&cast, &["reply", "delete", "warn", "unheard_of"]);
    for name in ["", "mark_as_spam", "unheard_of", "delete", "reply", "show", "create", "messages.warn", "\u{0}"] {
        let refused = press(&cast.otto, &content, name);
        assert!(matches!(refused.status, 400 | 422), "{name}: {}", refused.status);
    }
    cast.otto.post(&format!("/1.0/contents/{content}/actions"), &json!({})).refused(422);
    assert_eq!(cast.otto.content(&content)["synchronization_status"], "success");
    press(&cast.otto, &content, "warn").ok();
    settled(&cast.otto, &content);
    assert_eq!(channel.pushes().len(), 1);
}

fn what_the_channel_refuses_is_shown_and_not_tried_again(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_source, channel, content, _) = with_actions(&cast, &["warn"]);
    channel.answer(|_| Reply::status(503, "The moderators are asleep"));
    press(&cast.otto, &content, "warn").ok();
    let shown = settled(&cast.otto, &content);
    assert_eq!(shown["synchronization_error"], "The channel answered 503: The moderators are asleep");
    assert_eq!(pushes_of(&channel, "messages.warn").len(), 1);
    channel.answer(|_| Reply::json(&json!({})));
    press(&cast.otto, &content, "warn").ok();
    let shown = settled(&cast.otto, &content);
    assert_eq!((&shown["synchronization_error"], &shown["body"]), (&Value::Null, &json!("For all to see")));
    assert_eq!((pushes_of(&channel, "messages.warn").len(), updates(&cast.otto, &content)), (2, 0));
}

fn a_button_pressed_before_a_crash_is_not_pressed_twice(engine: Engine) {
    let mut cast = Cast::start(engine, &[]);
    let (_source, channel, content, _) = with_actions(&cast, &["warn"]);
    channel.answer(|_| Reply::json(&json!({})).after(Duration::from_secs(10)));
    press(&cast.otto, &content, "warn").ok();
    eventually("it is being pushed", || (!pushes_of(&channel, "messages.warn").is_empty()).then_some(()));
    cast.server.kill();
    cast.server.restart();
    let shown = settled(&cast.otto, &content);
    assert!(shown["synchronization_error"].as_str().is_some_and(|error| error.contains("not known")), "{shown}");
    assert_eq!(pushes_of(&channel, "messages.warn").len(), 1);
}

fn a_content_is_asked_for_once_more(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel, content, message) = with_actions(&cast, &["warn"]);
    let refresh = || cast.otto.put(&format!("/1.0/contents/{content}/refresh"), &json!({}));
    let mut changed = message.clone();
    changed["body"] = "Edited".into();
    changed["display_url"] = "https://forum.example/1".into();
    changed["context_data"] = json!({ "page": "kettles" });
    let mut another = changed.clone();
    another["id"] = "another".into();
    another["body"] = "Somebody else's".into();
    let (told, elsewhere) = (Reply::json(&changed), Reply::json(&another));
    // What tells no content, or another one, changes nothing; nor does the same once more.
    let answers = [
        (Reply::json(&json!({})), "For all to see", 0),
        (elsewhere, "For all to see", 0),
        (Reply::status(200, "<html>"), "For all to see", 0),
        (told.clone(), "Edited", 1),
        (told, "Edited", 1),
    ];
    for (asked, (reply, body, changes)) in answers.into_iter().enumerate() {
        channel.answer(move |_| reply.clone());
        assert_eq!(refresh().ok()["synchronization_status"], "export_pending");
        let shown = settled(&cast.otto, &content);
        assert_eq!((&shown["body"], &shown["synchronization_error"]), (&json!(body), &Value::Null));
        assert_eq!(updates(&cast.otto, &content), changes);
        let pushed = pushes_of(&channel, "messages.show");
        assert_eq!((pushed.len(), pushed[asked].params()), (asked + 1, json!({ "id": message["id"] })));
    }
    let shown = cast.otto.content(&content);
    assert_eq!((&shown["source_url"], &shown["context_data"]), (&changed["display_url"], &changed["context_data"]));
    assert_eq!(source.all_contents(&cast.otto).len(), 1);
    channel.describe(Reply::json(&json!({ "objects": { "messages": ["create"] } })));
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({})).ok();
    eventually("it shows no single contents any more", || (refresh().status == 422).then_some(()));
}

fn what_was_erased_or_written_here_stays_as_it_is(engine: Engine) {
    let cast = Cast::shared(engine);
    let (_source, channel, content, message) = with_actions(&cast, &["warn"]);
    channel.answer(|_| Reply::json(&json!({ "id": "ours" })));
    let reply = id(&cast.otto.reply(&content, "Written here"));
    settled(&cast.otto, &reply);
    let mut echo = message.clone();
    echo["id"] = "ours".into();
    echo["body"] = "<p>Written here</p>".into();
    channel.answer(move |_| Reply::json(&echo));
    cast.otto.put(&format!("/1.0/contents/{reply}/refresh"), &json!({})).ok();
    assert_eq!(settled(&cast.otto, &reply)["body"], "Written here");
    assert_eq!(buttons(&cast.otto, &reply), json!([{ "name": "warn", "label": "Warn the author" }]));
    cast.otto.put(&format!("/1.0/contents/{content}/anonymize"), &json!({})).ok();
    channel.answer(move |_| Reply::json(&message));
    cast.otto.put(&format!("/1.0/contents/{content}/refresh"), &json!({})).ok();
    assert_eq!(settled(&cast.otto, &content)["body"], "Anonymized");
}
