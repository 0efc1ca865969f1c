//! Access tokens: made, shown once, disabled, deleted.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, Person};
use serde_json::json;

on_both_engines![
    a_token_is_shown_once_and_acts_for_its_owner,
    a_disabled_or_deleted_token_is_refused,
    tokens_need_a_label_and_an_owner,
    a_token_of_another_is_disabled_when_its_owner_rises_above_them,
    an_unknown_token_is_a_stranger,
    a_change_that_changes_nothing_is_no_event,
];

fn a_token_is_shown_once_and_acts_for_its_owner(engine: Engine) {
    let cast = Cast::shared(engine);
    let label = unique("For a bot ");
    let made = cast.otto.post("/1.0/access_tokens", &json!({ "label": label, "user_id": cast.bo.user_id })).ok();
    let token = made["token"].as_str().expect("the token").to_owned();
    assert_eq!(
        (&made["label"], &made["enabled"], &made["user_id"]),
        (&json!(label), &json!(true), &json!(cast.bo.user_id))
    );
    assert_eq!(Person::with_token(&cast.server, &token).user_id, cast.bo.user_id);
    let page = cast.otto.get("/1.0/access_tokens?limit=150").ok();
    let listed = records(&page).iter().find(|one| one["id"] == made["id"]).expect("the token in the list");
    assert!(listed.get("token").is_none());
    assert!(!cast.otto.get("/1.0/access_tokens?limit=150").text().contains(&token));
    let own = cast.otto.post("/1.0/access_tokens", &json!({ "label": unique("Mine ") })).ok();
    assert_eq!(own["user_id"], cast.otto.user_id.as_str());
}

fn a_disabled_or_deleted_token_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let made = cast.otto.post("/1.0/access_tokens", &json!({ "label": unique("x"), "user_id": cast.bo.user_id })).ok();
    let path = format!("/1.0/access_tokens/{}", id(&made));
    let bo = cast.bo.but_with(made["token"].as_str().unwrap());
    bo.get("/1.0/users/me").ok();
    let renamed = cast.otto.put(&path, &json!({ "enabled": false, "label": "Renamed" })).ok();
    assert_eq!((&renamed["enabled"], &renamed["label"]), (&json!(false), &json!("Renamed")));
    let refused = bo.get("/1.0/users/me");
    refused.refused(401);
    assert!(refused.header("www-authenticate").is_some_and(|scheme| scheme.starts_with("Bearer")));
    cast.otto.put(&path, &json!({ "enabled": true })).ok();
    bo.get("/1.0/users/me").ok();
    assert_eq!(cast.otto.delete(&path).ok()["id"], made["id"]);
    bo.get("/1.0/users/me").refused(401);
    cast.otto.delete(&path).refused(404);
    cast.otto.put(&path, &json!({ "enabled": true })).refused(404);
}

fn tokens_need_a_label_and_an_owner(engine: Engine) {
    let cast = Cast::shared(engine);
    for (body, wrong) in [
        (json!({}), "label"),
        (json!({ "label": " " }), "label"),
        (json!({ "label": "x".repeat(256) }), "label"),
        (json!({ "label": "x", "user_id": "0123456789abcdef01234567" }), "user_id"),
    ] {
        assert_eq!(cast.otto.post("/1.0/access_tokens", &body).invalid(), [wrong], "{body}");
    }
    let made = cast.otto.post("/1.0/access_tokens", &json!({ "label": unique("x") })).ok();
    let path = format!("/1.0/access_tokens/{}", id(&made));
    assert_eq!(cast.otto.put(&path, &json!({ "label": "" })).invalid(), ["label"]);
}

fn a_token_of_another_is_disabled_when_its_owner_rises_above_them(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let mallory = cast.hire(&["manage_api_access_tokens"]);
    let role_of = |user: &str| cast.otto.get(&format!("/1.0/users/{user}")).ok()["role_id"].clone();
    let administrator = role_of(&cast.otto.user_id);
    let of = |maker: &Person, owner: &Person| {
        let made = maker.post("/1.0/access_tokens", &json!({ "label": "x", "user_id": owner.user_id })).ok();
        (owner.but_with(made["token"].as_str().unwrap()), format!("/1.0/access_tokens/{}", id(&made)))
    };
    let promoted = cast.hire(&[]);
    let (by_mallory, path) = of(&mallory, &promoted);
    let (by_otto, _) = of(&cast.otto, &promoted);
    // Another role that allows no more changes nothing.
    let (lesser, wider) = (role_of(&cast.hire(&[]).user_id), cast.hire(&[]));
    cast.otto.put(&format!("/1.0/users/{}", promoted.user_id), &json!({ "role_id": lesser })).ok();
    by_mallory.get("/1.0/users/me").ok();
    cast.otto.put(&format!("/1.0/users/{}", promoted.user_id), &json!({ "role_id": administrator })).ok();
    by_mallory.get("/1.0/users/me").refused(401);
    by_otto.get("/1.0/users/me").ok();
    promoted.get("/1.0/users/me").ok();
    // Nor does it help to enable it again, for whom it is too much.
    mallory.put(&path, &json!({ "enabled": true })).refused(403);
    cast.otto.put(&path, &json!({ "enabled": true })).ok();
    by_mallory.get("/1.0/users/me").ok();
    // The same when the role itself comes to allow more.
    let (of_wider, _) = of(&mallory, &wider);
    let role = format!("/1.0/roles/{}", role_of(&wider.user_id).as_str().unwrap());
    cast.otto.put(&role, &json!({ "manage_api_access_tokens": true })).ok();
    of_wider.get("/1.0/users/me").ok();
    cast.otto.put(&role, &json!({ "update_settings": true })).ok();
    of_wider.get("/1.0/users/me").refused(401);
}

fn an_unknown_token_is_a_stranger(engine: Engine) {
    let cast = Cast::shared(engine);
    let request = |header: &str| Request::new("GET", "/1.0/users/me").header("Authorization", header);
    let token = &cast.otto.token;
    for wrong in [
        "Bearer nonsense".to_owned(),
        format!("Bearer {}", "0".repeat(64)),
        format!("Bearer {}", token.to_uppercase()),
        format!("Bearer {token}x"),
        format!("Basic {token}"),
        token.clone(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
    ] {
        let answer = cast.server.send(&request(&wrong));
        answer.refused(401);
        assert!(answer.header("www-authenticate").is_some(), "{wrong}");
    }
    cast.server.send(&request(&format!("bearer {token}"))).ok();
    cast.server.send(&Request::new("GET", "/1.0/users/me")).refused(401);
    // A stranger learns nothing about what exists.
    let stranger = |target: &str| cast.server.send(&Request::new("GET", target)).refused(401);
    assert_eq!(stranger(&format!("/1.0/users/{}", cast.ada.user_id)), stranger("/1.0/users/0123456789abcdef01234567"));
    stranger("/1.0/contents?q=colour:blue");
}

fn a_change_that_changes_nothing_is_no_event(engine: Engine) {
    let cast = Cast::shared(engine);
    let keeper = cast.hire(&["manage_api_access_tokens"]);
    let made = keeper.post("/1.0/access_tokens", &json!({ "label": "Bot" })).ok();
    let path = format!("/1.0/access_tokens/{}", id(&made));
    for same in [json!({ "label": "Robot" }), json!({ "label": " Robot " }), json!({ "enabled": true }), json!({})] {
        assert_eq!(keeper.put(&path, &same).ok()["label"], "Robot");
    }
    let q = format!("user:{} name_in:api_access_token.updated", keeper.user_id);
    assert_eq!(records(&cast.otto.search("/1.0/events", &q)).len(), 1);
}
