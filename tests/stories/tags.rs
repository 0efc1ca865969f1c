//! Tags: labels on customers.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![tags_are_made_renamed_and_deleted, tags_are_listed_by_name, tags_are_for_those_who_manage_them];

fn tags_are_made_renamed_and_deleted(engine: Engine) {
    let cast = Cast::shared(engine);
    let name = unique("Tag ");
    let tag = cast.otto.post("/1.0/tags", &json!({ "name": format!("  {name} ") })).ok();
    assert_eq!((&tag["name"], tag.as_object().unwrap().len()), (&json!(name), 4));
    let path = format!("/1.0/tags/{}", id(&tag));
    assert_eq!(cast.rita.get(&path).ok(), tag);
    // A name is one tag's, however it is written.
    assert_eq!(cast.otto.post("/1.0/tags", &json!({ "name": name.to_uppercase() })).invalid(), ["name"]);
    assert_eq!(cast.otto.post("/1.0/tags", &json!({ "name": " " })).invalid(), ["name"]);
    assert_eq!(cast.otto.post("/1.0/tags", &json!({})).invalid(), ["name"]);
    assert_eq!(cast.otto.post("/1.0/tags", &json!({ "name": "n".repeat(256) })).invalid(), ["name"]);
    // Its own name is free for itself.
    let louder = name.to_uppercase();
    assert_eq!(cast.otto.put(&path, &json!({ "name": louder })).ok()["name"], json!(louder));
    assert_eq!(cast.otto.put(&path, &json!({ "name": "=HYPERLINK(1)\tx" })).invalid(), ["name"]);
    let formula = unique("=HYPERLINK(1)");
    assert_eq!(cast.otto.put(&path, &json!({ "name": formula })).ok()["name"], json!(formula));
    let deleted = cast.otto.delete(&path).ok();
    assert_eq!(id(&deleted), id(&tag));
    cast.otto.get(&path).refused(404);
    cast.otto.delete(&path).refused(404);
    cast.otto.get("/1.0/tags/nonsense").refused(404);
}

fn tags_are_listed_by_name(engine: Engine) {
    let cast = Cast::shared(engine);
    let prefix = unique("list ");
    let made: Vec<Value> = ["b", "A", "c"]
        .iter()
        .map(|name| cast.otto.post("/1.0/tags", &json!({ "name": format!("{prefix}{name}") })).ok())
        .collect();
    let wanted: Vec<String> = made.iter().map(id).collect();
    let page = cast.otto.get(&format!("/1.0/tags?ids={},x", wanted.join(","))).ok();
    assert_eq!(
        (&page["count"], ids(&page)),
        (&json!(3), vec![wanted[1].clone(), wanted[0].clone(), wanted[2].clone()])
    );
    let page = cast.otto.get(&format!("/1.0/tags?offset=1&limit=1&ids={}", wanted.join(","))).ok();
    assert_eq!((&page["count"], ids(&page)), (&json!(3), vec![wanted[0].clone()]));
    assert_eq!(cast.otto.get("/1.0/tags?ids=nonsense").ok()["count"], 0);
    let all = cast.otto.get("/1.0/tags?limit=150&ids=").ok();
    assert!(records(&all).len() >= 3);
}

fn tags_are_for_those_who_manage_them(engine: Engine) {
    let cast = Cast::shared(engine);
    let tag = cast.otto.post("/1.0/tags", &json!({ "name": unique("Tag ") })).ok();
    let path = format!("/1.0/tags/{}", id(&tag));
    cast.ada.get("/1.0/tags").ok();
    cast.ada.post("/1.0/tags", &json!({ "name": unique("Tag ") })).refused(403);
    cast.ada.put(&path, &json!({ "name": "x" })).refused(403);
    cast.ada.delete(&path).refused(403);
}
