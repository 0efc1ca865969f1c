//! Roles: named sets of permissions that nobody makes stronger than their own.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![
    roles_are_listed_and_say_what_they_allow,
    a_role_takes_all_74_permissions,
    a_role_needs_a_label_of_its_own,
    nobody_decides_about_what_they_lack,
    who_is_limited_to_their_teams_frees_no_role_from_that,
];

fn roles_are_listed_and_say_what_they_allow(engine: Engine) {
    let cast = Cast::shared(engine);
    let page = cast.otto.get("/1.0/roles?limit=150").ok();
    let labels: Vec<_> = records(&page).iter().map(|role| role["label"].as_str().unwrap()).collect();
    assert_eq!(labels[..2], ["Administrator", "Agent"]);
    for role in records(&page) {
        assert_eq!(cast.otto.get(&format!("/1.0/roles/{}", id(role))).ok()["id"], role["id"]);
    }
    assert_eq!(records(&page)[0]["impersonate_user"], true);
    assert_eq!(records(&page)[1]["impersonate_user"], false);
    cast.otto.get("/1.0/roles/0123456789abcdef01234567").refused(404);
    cast.ada.get("/1.0/roles").ok();
}

fn held(role: &Value) -> usize {
    role.as_object().unwrap().values().filter(|value| **value == true).count()
}

fn a_role_takes_all_74_permissions(engine: Engine) {
    let cast = Cast::shared(engine);
    let all = cast.otto.get("/1.0/roles?extended=true").ok();
    let mut fields = records(&all)[0].clone();
    assert_eq!(held(&fields), 74);
    fields["label"] = unique("All ").into();
    let role = cast.otto.post("/1.0/roles?extended=true", &fields).ok();
    assert_eq!(held(&role), 74, "{role}");
    assert_ne!(role["id"], fields["id"]);
    let path = format!("/1.0/roles/{}", id(&role));
    assert_eq!(cast.otto.get(&format!("{path}?extended=true")).ok(), role);
    let fewer = cast.otto.put(&path, &json!({ "use_emoji": "0", "manage_surveys": false, "read_event": "" })).ok();
    assert_eq!((&fewer["use_emoji"], &fewer["read_event"]), (&json!(false), &json!(true)));
    assert_eq!(held(&cast.otto.get(&format!("{path}?extended=true")).ok()), 72);
    cast.otto.put(&path, &json!({ "use_emoji": "maybe" })).refused(400);
    cast.otto.delete(&path).refused(404);
}

fn a_role_needs_a_label_of_its_own(engine: Engine) {
    let cast = Cast::shared(engine);
    let label = unique("Role ");
    let role = cast.otto.post("/1.0/roles", &json!({ "label": format!(" {label} ") })).ok();
    assert_eq!((&role["label"], held(&role)), (&json!(label), 0));
    for wrong in [
        json!({}),
        json!({ "label": " " }),
        json!({ "label": label.to_uppercase() }),
        json!({ "label": "x".repeat(256) }),
    ] {
        assert_eq!(cast.otto.post("/1.0/roles", &wrong).invalid(), ["label"], "{wrong}");
    }
    let path = format!("/1.0/roles/{}", id(&role));
    assert_eq!(cast.otto.put(&path, &json!({ "label": "agent" })).invalid(), ["label"]);
    assert_eq!(cast.otto.put(&path, &json!({ "label": "" })).invalid(), ["label"]);
    assert_eq!(cast.otto.put(&path, &json!({ "label": label.to_uppercase() })).ok()["label"], label.to_uppercase());
    cast.ada.post("/1.0/roles", &json!({ "label": "Mine" })).refused(403);
    cast.ada.put(&path, &json!({ "label": "Mine" })).refused(403);
    cast.otto.put("/1.0/roles/0123456789abcdef01234567", &json!({})).refused(404);
}

fn nobody_decides_about_what_they_lack(engine: Engine) {
    let cast = Cast::shared(engine);
    let mallory = cast.hire(&["manage_roles", "read_user"]);
    let weak =
        mallory.post("/1.0/roles", &json!({ "label": unique("Weak "), "read_user": true, "read_event": true })).ok();
    assert_eq!((&weak["read_user"], &weak["read_event"]), (&json!(true), &json!(false)));
    let path = format!("/1.0/roles/{}", id(&weak));
    let changed =
        mallory.put(&path, &json!({ "read_user": false, "read_event": true, "label": unique("Weaker ") })).ok();
    assert_eq!((&changed["read_user"], &changed["read_event"]), (&json!(false), &json!(false)));
    // What is stronger is out of reach, whatever is asked for.
    let strong = cast.otto.post("/1.0/roles", &json!({ "label": unique("Strong "), "read_event": true })).ok();
    let path = format!("/1.0/roles/{}", id(&strong));
    for fields in [json!({ "label": "Mine" }), json!({ "read_event": false }), json!({})] {
        mallory.put(&path, &fields).refused(403);
    }
    assert_eq!(cast.otto.get(&path).ok(), strong);
}

fn who_is_limited_to_their_teams_frees_no_role_from_that(engine: Engine) {
    let cast = Cast::shared(engine);
    let leader = cast.hire(&["manage_roles", "read_user", "manage_users_of_my_teams"]);
    let role = leader.get("/1.0/users/me").ok()["role_id"].as_str().unwrap().to_owned();
    let path = format!("/1.0/roles/{role}");
    assert_eq!(leader.put(&path, &json!({ "manage_users_of_my_teams": false })).ok()["manage_users_of_my_teams"], true);
    leader.post("/1.0/roles", &json!({ "label": unique("Free "), "read_user": true })).refused(403);
    let limited = json!({ "label": unique("Limited "), "read_user": true, "manage_users_of_my_teams": true });
    leader.post("/1.0/roles", &limited).ok();
}
