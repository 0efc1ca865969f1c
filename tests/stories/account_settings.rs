//! The account's settings.

use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![
    settings_are_read_and_changed,
    a_wrong_setting_is_refused,
    only_who_may_change_settings_sees_them,
    a_strict_account_answers_under_an_open_intervention_only,
    labels_are_in_the_accounts_language,
];

fn settings_are_read_and_changed(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let first = otto.get("/1.0/settings").ok();
    assert_eq!(
        (&first["locale"], &first["timezone"], &first["type"]),
        (&json!("en"), &json!("UTC"), &json!("production"))
    );
    assert_eq!(first.as_object().unwrap().len(), 43);
    let form = "name=Shop&locale=fr&timezone=Europe/Paris&type=demo&identity_merge=0&beginning_of_week=sunday\
                &content_languages=fr,en&intervention_rates[]=60&intervention_rates[]=3600&password_min_length=12\
                &category_tagging=1&track_js=true";
    let request = Request::new("PUT", "/1.0/settings").body("application/x-www-form-urlencoded", form.as_bytes());
    let changed = otto.send(request).ok();
    for (name, value) in [
        ("name", json!("Shop")),
        ("locale", json!("fr")),
        ("timezone", json!("Europe/Paris")),
        ("type", json!("demo")),
        ("identity_merge", json!(false)),
        ("beginning_of_week", json!("sunday")),
        ("content_languages[]", json!(["fr", "en"])),
        ("intervention_rates", json!([60, 3600])),
        ("password_min_length", json!(12)),
        // What was not given stays.
        ("push_enabled", first["push_enabled"].clone()),
        ("id", first["id"].clone()),
        ("created_at", first["created_at"].clone()),
    ] {
        assert_eq!(changed[name], value, "{name}");
    }
    assert_eq!(otto.get("/1.0/settings").ok(), changed);
    // Six can be written and are shown, with the one of ours, only when all is asked for.
    let all = otto.get("/1.0/settings?extended=true").ok();
    assert_eq!(all.as_object().unwrap().len(), 52);
    assert_eq!(
        (&all["category_tagging"], &all["track_js"], &all["dashboard"]),
        (&json!(true), &json!(true), &json!(true))
    );
    // What can only be read is not written, and nothing else either.
    let cheat = json!({ "id": "0123456789abcdef01234567", "sharding_key": "x", "created_at": "2020-01-01", "dump_in_preprod": true });
    assert_eq!(otto.put("/1.0/settings", &cheat).ok(), changed, "and a change of nothing changes no time");
    assert_eq!(
        otto.put("/1.0/settings", &json!({ "content_languages": [], "intervention_rates": "" })).ok()["content_languages[]"],
        json!([])
    );
    assert_eq!(otto.get("/1.0/settings").ok()["intervention_rates"], json!([]));
}

fn a_wrong_setting_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    for (name, value) in [
        ("locale", json!("xx")),
        ("locale", json!("")),
        ("timezone", json!("Paris")),
        ("timezone", json!("../../etc/localtime")),
        ("name", json!("  ")),
        ("name", json!("x".repeat(256))),
        ("style", json!("")),
        ("session_timeout", json!(0)),
        ("password_min_length", json!(129)),
        ("expire_password_after", json!(-1)),
        ("fte_duration", json!("9223372036854775808")),
        ("intervention_rates", json!([60, 0])),
        ("intervention_defer_rates", json!(vec![60; 51])),
        ("content_languages", json!(["en", "xx"])),
        ("content_languages", json!("en,".repeat(51))),
    ] {
        assert_eq!(cast.otto.put("/1.0/settings", &json!({ name: value })).invalid(), [name], "{name}: {value}");
    }
    for (name, value) in [
        ("type", json!("test")),
        ("beginning_of_week", json!("someday")),
        ("push_enabled", json!("perhaps")),
        ("session_timeout", json!("long")),
        ("intervention_rates", json!({ "a": 1 })),
    ] {
        cast.otto.put("/1.0/settings", &json!({ name: value })).refused(400);
    }
}

fn only_who_may_change_settings_sees_them(engine: Engine) {
    let cast = Cast::shared(engine);
    cast.otto.get("/1.0/settings").ok();
    for person in [&cast.ada, &cast.rita] {
        person.get("/1.0/settings").refused(403);
        person.put("/1.0/settings", &json!({ "name": "Mine" })).refused(403);
        // What their own screens follow they read, and nothing else.
        let screen = person.get("/1.0/settings/screen").ok();
        assert_eq!((screen["spellchecking"].clone(), screen.as_object().unwrap().len()), (json!(true), 6));
    }
}

fn a_strict_account_answers_under_an_open_intervention_only(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    let say = |thread: &str| {
        source.says("vera", thread, "Hello?");
        id(&source.contents(otto, thread)[0])
    };
    // Off at first: a reply engages.
    assert_eq!(otto.get("/1.0/settings?extended=true").ok()["reply_requires_intervention"], false);
    assert!(otto.reply(&say("easy"), "Hello")["intervention_id"].is_string());

    let strict = otto.put("/1.0/settings?extended=true", &json!({ "reply_requires_intervention": true })).ok();
    assert_eq!(strict["reply_requires_intervention"], true);
    let content = say("strict");
    let answer = json!({ "in_reply_to_id": content, "body": "Hello" });
    let refused = otto.post("/1.0/contents", &answer);
    assert_eq!(refused.invalid(), ["in_reply_to_id"]);
    let why = refused.refused(422);
    assert_eq!(why["errors"][0]["type"], "intervention_required");
    assert!(why["message"].as_str().unwrap().contains("POST /interventions"), "{why}");
    assert_eq!(otto.content(&content)["intervention_id"], json!(null));
    assert_eq!(source.contents(otto, "strict").len(), 1);
    // What it says to do helps, until the intervention is closed.
    let intervention = id(&otto.engage(&content));
    let reply = id(&otto.reply(&content, "Hello"));
    frontdesk_tests::eventually("it is sent", || {
        (otto.content(&reply)["synchronization_status"] == "success").then_some(())
    });
    otto.reply(&reply, "And another thing");
    otto.put(&format!("/1.0/interventions/{intervention}/close"), &json!({})).ok();
    assert_eq!(otto.post("/1.0/contents", &answer).refused(422)["errors"][0]["type"], "intervention_closed");

    otto.put("/1.0/settings", &json!({ "reply_requires_intervention": false })).ok();
    assert!(otto.reply(&say("easy again"), "Hello")["intervention_id"].is_string());
}

fn labels_are_in_the_accounts_language(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Bonjour ?");
    let content = id(&source.contents(otto, "t")[0]);
    let intervention = id(&otto.engage(&content));
    otto.reply(&content, "Bonjour");
    let own = format!("/1.0/interventions/{intervention}");
    let status = || otto.get(&own).ok()["status"].clone();
    let listed = |word: &str| {
        let list = format!("/1.0/interventions?thread_id={}&status={word}", id(&source.thread(otto, "t")));
        ids(&otto.get(&list).ok())
    };
    let speak = |locale: &str| otto.put("/1.0/settings", &json!({ "locale": locale })).ok();
    let states: [(&str, &str, &str, &dyn Fn()); 4] = [
        ("opened", "Opened", "Ouverte", &|| {}),
        ("deferred", "Deferred", "Reportée", &|| {
            otto.put(&format!("{own}/defer"), &json!({ "rate": 3600 })).ok();
        }),
        ("closed", "Closed", "Fermée", &|| {
            otto.put(&format!("{own}/close"), &json!({})).ok();
        }),
        ("reopened", "Reopened", "Rouverte", &|| {
            otto.engage(&content);
        }),
    ];
    for (word, english, french, reach) in states {
        reach();
        for (locale, label) in [("fr", french), ("fr-CA", french), ("de", english), ("en-GB", english)] {
            speak(locale);
            assert_eq!(status(), label, "{locale}");
            // Filters take the machine's words whatever the language is.
            assert_eq!(listed(word), [intervention.as_str()], "{locale} {word}");
        }
    }
    otto.get("/1.0/interventions?status=Ouverte").refused(400);
}
