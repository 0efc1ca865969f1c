//! Users and roles, read.

use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![
    everybody_may_read_themselves,
    users_are_listed_and_filtered,
    roles_are_listed_and_say_what_they_allow,
];

fn everybody_may_read_themselves(engine: Engine) {
    let cast = Cast::shared(engine);
    for person in [&cast.otto, &cast.ada, &cast.bo, &cast.rita] {
        let me = person.get("/1.0/users/me").ok();
        assert_eq!(person.get(&format!("/1.0/users/{}", id(&me))).ok(), me);
        assert_eq!(me["enabled"], true);
    }
    cast.otto.get("/1.0/users/0123456789abcdef01234567").refused(404);
    cast.otto.get("/1.0/users/nonsense").refused(404);
}

fn users_are_listed_and_filtered(engine: Engine) {
    let cast = Cast::shared(engine);
    let list = |filter: &str| ids(&cast.otto.get(&format!("/1.0/users?{filter}")).ok());
    let all = list("");
    assert_eq!(all.len(), 4);
    assert_eq!(all.last(), Some(&cast.otto.user_id), "newest first");
    assert_eq!(list("email=ADA@frontdesk.local"), [cast.ada.user_id.as_str()]);
    assert_eq!(list("email=nobody@frontdesk.local"), [""; 0]);
    let role = cast.ada.get("/1.0/users/me").ok()["role_id"].as_str().unwrap().to_owned();
    assert_eq!(list(&format!("role_id={role}")).len(), 3);
    assert_eq!(list("role_id=nonsense"), [""; 0]);
    assert_eq!(list("team_id=0123456789abcdef01234567"), [""; 0]);
    assert_eq!(list("external_id=x"), [""; 0]);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let reply = cast.otto.reply(&id(&source.contents(&cast.otto, "t")[0]), "Hello");
    let author = reply["author_id"].as_str().unwrap();
    assert_eq!(list(&format!("identity_id={author}")), [cast.otto.user_id.as_str()]);
    let identities = cast.otto.get("/1.0/users/me").ok()["identity_ids"].clone();
    assert!(identities.as_array().unwrap().contains(&json!(author)));
}

fn roles_are_listed_and_say_what_they_allow(engine: Engine) {
    let cast = Cast::shared(engine);
    let page = cast.otto.get("/1.0/roles").ok();
    let labels: Vec<_> = records(&page).iter().map(|role| role["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["Administrator", "Agent"]);
    for role in records(&page) {
        assert_eq!(&cast.otto.get(&format!("/1.0/roles/{}", id(role))).ok(), role);
    }
    assert_eq!(records(&page)[0]["impersonate_user"], true);
    assert_eq!(records(&page)[1]["impersonate_user"], false);
    cast.otto.get("/1.0/roles/0123456789abcdef01234567").refused(404);
    cast.ada.get("/1.0/roles").ok();
}
