//! Teams: people who work together, and who leads them.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![
    a_team_has_leaders_and_members,
    a_team_needs_a_name_and_people_who_exist,
    only_who_manages_teams_changes_them
];

const NOBODY: &str = "0123456789abcdef01234567";

fn a_team_has_leaders_and_members(engine: Engine) {
    let cast = Cast::shared(engine);
    let name = unique("Team ");
    let fields = json!({ "name": format!(" {name} "), "leader_ids": [cast.ada.user_id], "user_ids": [cast.bo.user_id, cast.ada.user_id, cast.bo.user_id] });
    let team = cast.otto.post("/1.0/teams", &fields).ok();
    assert_eq!(team["name"], name.as_str());
    assert_eq!(team["leader_ids"], json!([cast.ada.user_id]));
    assert_eq!(team["user_ids"].as_array().unwrap().len(), 2, "{team}");
    let path = format!("/1.0/teams/{}", id(&team));
    // Everybody may look.
    assert_eq!(cast.ada.get(&path).ok(), team);
    assert!(records(&cast.ada.get("/1.0/teams?limit=150").ok()).contains(&team));
    let of_bo = cast.otto.get(&format!("/1.0/users/{}", cast.bo.user_id)).ok();
    assert!(of_bo["team_ids"].as_array().unwrap().contains(&team["id"]), "{of_bo}");
    let members = cast.otto.get(&format!("/1.0/users?team_id={}", id(&team))).ok();
    assert_eq!(ids(&members).len(), 2);
    assert_eq!(cast.otto.put(&path, &json!({ "name": name })).ok(), team, "nothing changed");

    let smaller = cast.otto.put(&path, &json!({ "user_ids": [cast.rita.user_id], "leader_ids": [] })).ok();
    assert_eq!((&smaller["user_ids"], &smaller["leader_ids"]), (&json!([cast.rita.user_id]), &json!([])));
    assert_eq!(smaller["name"], name.as_str());
    assert_eq!(ids(&cast.otto.get(&format!("/1.0/users?team_id={}", id(&team))).ok()), [cast.rita.user_id.as_str()]);
    // A parameter that the public description copied from categories.
    assert_eq!(cast.otto.delete(&format!("{path}?take_over_category_id=nonsense")).ok(), smaller);
    cast.otto.get(&path).refused(404);
    cast.otto.delete(&path).refused(404);
    cast.otto.put(&path, &json!({})).refused(404);
    assert_eq!(ids(&cast.otto.get(&format!("/1.0/users?team_id={}", id(&team))).ok()), [""; 0]);
}

fn a_team_needs_a_name_and_people_who_exist(engine: Engine) {
    let cast = Cast::shared(engine);
    assert_eq!(cast.otto.post("/1.0/teams", &json!({})).invalid(), ["name"]);
    assert_eq!(cast.otto.post("/1.0/teams", &json!({ "name": " " })).invalid(), ["name"]);
    assert_eq!(cast.otto.post("/1.0/teams", &json!({ "name": "x".repeat(256) })).invalid(), ["name"]);
    for list in ["leader_ids", "user_ids"] {
        let mut fields = json!({ "name": "Team" });
        fields[list] = json!([cast.ada.user_id, NOBODY]);
        assert_eq!(cast.otto.post("/1.0/teams", &fields).invalid(), [list]);
        fields[list] = json!(["nonsense"]);
        cast.otto.post("/1.0/teams", &fields).refused(400);
    }
    let many: Vec<String> = (0..2_001).map(|number| format!("{number:024x}")).collect();
    assert_eq!(cast.otto.post("/1.0/teams", &json!({ "name": "Team", "user_ids": many })).invalid(), ["user_ids"]);
    let team = cast.otto.post("/1.0/teams", &json!({ "name": unique("Team ") })).ok();
    let path = format!("/1.0/teams/{}", id(&team));
    assert_eq!(cast.otto.put(&path, &json!({ "name": "" })).invalid(), ["name"]);
    assert_eq!(cast.otto.put(&path, &json!({ "user_ids": [NOBODY] })).invalid(), ["user_ids"]);
    assert_eq!(cast.otto.get(&path).ok(), team);
    cast.otto.delete(&path).ok();
}

fn only_who_manages_teams_changes_them(engine: Engine) {
    let cast = Cast::shared(engine);
    let team = cast.otto.post("/1.0/teams", &json!({ "name": unique("Team ") })).ok();
    let path = format!("/1.0/teams/{}", id(&team));
    cast.ada.post("/1.0/teams", &json!({ "name": "Mine", "leader_ids": [cast.ada.user_id] })).refused(403);
    cast.ada.put(&path, &json!({ "leader_ids": [cast.ada.user_id] })).refused(403);
    cast.ada.delete(&path).refused(403);
    assert_eq!(cast.otto.delete(&path).ok(), team);
}
