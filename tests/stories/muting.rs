//! Muting: what a muted thread or customer writes is kept, and asks for nobody's attention.

use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![
    in_a_muted_thread_everything_arrives_ignored,
    a_muted_customer_is_ignored_in_every_thread,
    a_muted_customer_does_not_open_their_intervention_again,
    muting_takes_its_permission_and_a_readable_object,
];

fn in_a_muted_thread_everything_arrives_ignored(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Before");
    let thread = format!("/1.0/content_threads/{}", id(&source.thread(&cast.otto, "t")));
    let muted = cast.otto.put(&format!("{thread}/mute"), &json!({})).ok();
    assert_eq!((&muted["muted"], &muted["contents_count"]), (&json!(true), &json!(1)));
    // Known and new authors, one after the other and at once: the ways in are several.
    source.says("vera", "t", "Muted");
    source.says("marc", "t", "Muted");
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| source.says("vera", "t", "Muted"));
        }
    });
    let contents = source.contents(&cast.otto, "t");
    assert_eq!(contents.len(), 9);
    for content in &contents {
        let expected = if content["body"] == "Before" { "new" } else { "ignored" };
        assert_eq!(content["status"], expected, "{content}");
    }
    assert_eq!(cast.otto.get(&thread).ok().get("muted"), None, "it is not a documented property");
    assert_eq!(cast.otto.get(&format!("{thread}?extended=true")).ok()["muted"], true);
    let told = |name: &str| {
        let q = format!("content_thread:{} name_in:{name}", contents[0]["thread_id"].as_str().unwrap());
        cast.otto.search("/1.0/events", &q)["count"].clone()
    };
    assert_eq!((told("content.thread_muted_ignored"), told("content.author_muted_ignored")), (json!(8), json!(0)));
    // Other threads of the same people are not concerned.
    source.says("vera", "other", "Hello?");
    assert_eq!(source.contents(&cast.otto, "other")[0]["status"], "new");
    // Muting twice is muting.
    cast.otto.put(&format!("{thread}/mute"), &json!({})).ok();
    assert_eq!(cast.otto.put(&format!("{thread}/unmute"), &json!({})).ok()["muted"], false);
    source.says("vera", "t", "After");
    assert_eq!(source.contents(&cast.otto, "t")[9]["status"], "new");
}

fn a_muted_customer_is_ignored_in_every_thread(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("mallory", "t", "Before");
    source.says("vera", "t", "Before");
    let author = source.contents(&cast.otto, "t")[0]["author_id"].as_str().unwrap().to_owned();
    let path = format!("/1.0/identities/{author}");
    assert_eq!(cast.otto.put(&format!("{path}/mute"), &json!({})).ok()["muted"], true);
    std::thread::scope(|scope| {
        for thread in ["t", "t", "t", "u", "v"] {
            let source = &source;
            scope.spawn(move || source.says("mallory", thread, "Buy this"));
        }
        scope.spawn(|| source.says("vera", "t", "A question"));
    });
    for content in source.all_contents(&cast.otto) {
        let expected = if content["body"] == "Buy this" { "ignored" } else { "new" };
        assert_eq!(content["status"], expected, "{content}");
    }
    let told = cast.otto.search("/1.0/events", "name_in:content.author_muted_ignored");
    let of_source = |event: &&Value| event["extra_infos"]["content_source_id"] == source.id.as_str();
    assert_eq!(records(&told).iter().filter(of_source).count(), 5, "{told}");
    let changed = source.message("changed", "t", "mallory", "Buy this");
    let mut changed = changed;
    changed["author"]["firstname"] = json!("Mallory");
    source.tells("messages.create", &changed);
    assert_eq!(source.contents(&cast.otto, "t").last().unwrap()["status"], "ignored", "a new name changes nothing");
    assert_eq!(cast.otto.get(&path).ok().get("muted"), None);
    assert_eq!(cast.otto.get(&format!("{path}?extended=true")).ok()["muted"], true);
    assert_eq!(cast.otto.put(&format!("{path}/unmute"), &json!({})).ok()["muted"], false);
    source.says("mallory", "t", "Sorry");
    assert_eq!(source.contents(&cast.otto, "t").last().unwrap()["status"], "new");
}

fn a_muted_customer_does_not_open_their_intervention_again(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = source.contents(&cast.otto, "t").remove(0);
    let reply = cast.otto.reply(&id(&content), "Hello");
    channel.push_of("Hello");
    let intervention = format!("/1.0/interventions/{}", reply["intervention_id"].as_str().unwrap());
    cast.otto.put(&format!("{intervention}/close"), &json!({})).ok();
    let thread = format!("/1.0/content_threads/{}", id(&source.thread(&cast.otto, "t")));
    cast.otto.put(&format!("{thread}/mute"), &json!({})).ok();
    source.says("vera", "t", "And another thing");
    assert_eq!(cast.otto.get(&intervention).ok()["closed"], true);
    assert_eq!(source.contents(&cast.otto, "t").last().unwrap()["status"], "ignored");
    cast.otto.put(&format!("{thread}/unmute"), &json!({})).ok();
    source.says("vera", "t", "Hello?");
    assert_eq!(cast.otto.get(&intervention).ok()["closed"], false);
}

fn muting_takes_its_permission_and_a_readable_object(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let author = frontdesk_tests::cast::unique("muted-");
    borrowed.shop.says(&author, &author, "Hello?");
    let content = borrowed.shop.contents(&cast.otto, &author).remove(0);
    let thread = format!("/1.0/content_threads/{}", content["thread_id"].as_str().unwrap());
    let identity = format!("/1.0/identities/{}", content["author_id"].as_str().unwrap());
    for path in [&thread, &identity] {
        for verb in ["mute", "unmute"] {
            cast.rita.put(&format!("{path}/{verb}"), &json!({})).refused(403);
            cast.otto.put(&format!("{path}/{verb}"), &json!({})).ok();
        }
    }
    for noun in ["content_threads", "identities"] {
        for wrong in ["nonsense", "0123456789abcdef01234567"] {
            cast.otto.put(&format!("/1.0/{noun}/{wrong}/mute"), &json!({})).refused(404);
            cast.otto.put(&format!("/1.0/{noun}/{wrong}/unmute"), &json!({})).refused(404);
        }
    }
}
