//! The account's settings.

use frontdesk_tests::http::Request;
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![settings_are_read_and_changed, a_wrong_setting_is_refused, only_who_may_change_settings_sees_them];

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
    // Six can be written and are shown only when all is asked for.
    let all = otto.get("/1.0/settings?extended=true").ok();
    assert_eq!(all.as_object().unwrap().len(), 49);
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
    }
}
