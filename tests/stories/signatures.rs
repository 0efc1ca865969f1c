//! Signatures: what users put below their answers.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![a_signature_is_made_changed_and_deleted, a_signature_has_a_text, signatures_are_ones_own];

fn a_signature_is_made_changed_and_deleted(engine: Engine) {
    let cast = Cast::shared(engine);
    let person = cast.hire(&[]);
    let all = format!("/1.0/users/{}/signatures", person.user_id);
    let first = person.post(&all, &json!({ "body": "Kind regards" })).ok();
    assert_eq!(
        first,
        json!({ "id": id(&first), "body": "Kind regards", "name": null, "language": null, "source_ids": [] })
    );
    let given = json!({ "body": "Cordialement", "name": "French", "language": "fr" });
    let second = cast.otto.post(&all, &given).ok();
    assert_eq!((&second["name"], &second["language"]), (&json!("French"), &json!("fr")));
    let page = person.get(&all).ok();
    assert_eq!((ids(&page), &page["count"]), (vec![id(&second), id(&first)], &json!(2)), "newest first");
    let one = format!("{all}/{}", id(&first));
    assert_eq!(person.get(&one).ok(), first);
    let otto = format!("/1.0/users/{}/signatures", cast.otto.user_id);
    let (source, _channel) = cast.new_source();
    let own = cast.otto.post(&otto, &json!({ "body": "Otto", "source_ids": [source.id, source.id] })).ok();
    assert_eq!(own["source_ids"], json!([source.id]));
    let own = cast.otto.put(&format!("{otto}/{}", id(&own)), &json!({ "source_ids": [""], "name": "" })).ok();
    assert_eq!((&own["source_ids"], &own["body"]), (&json!([]), &json!("Otto")));
    assert_eq!(person.put(&one, &json!({ "body": "Regards", "language": "en" })).ok()["body"], "Regards");
    let changed = person.get(&one).ok();
    assert_eq!(person.delete(&one).ok(), changed);
    person.get(&one).refused(404);
    person.delete(&one).refused(404);
    assert_eq!(records(&person.get(&all).ok()).len(), 1);
}

fn a_signature_has_a_text(engine: Engine) {
    let cast = Cast::shared(engine);
    let all = format!("/1.0/users/{}/signatures", cast.ada.user_id);
    for (fields, wrong) in [
        (json!({}), "body"),
        (json!({ "body": " " }), "body"),
        (json!({ "body": "x".repeat(10_001) }), "body"),
        (json!({ "body": "x", "language": "english" }), "language"),
        (json!({ "body": "x", "name": "x".repeat(256) }), "name"),
        (json!({ "body": "x", "source_ids": ["0123456789abcdef01234567"] }), "source_ids"),
    ] {
        assert_eq!(cast.ada.post(&all, &fields).invalid(), [wrong], "{fields}");
    }
    let one = cast.ada.post(&all, &json!({ "body": "x" })).ok();
    let one = format!("{all}/{}", id(&one));
    assert_eq!(cast.ada.put(&one, &json!({ "body": "" })).invalid(), ["body"]);
    let (hidden, _channel) = cast.new_source();
    assert_eq!(cast.ada.put(&one, &json!({ "source_ids": [hidden.id] })).invalid(), ["source_ids"]);
    cast.ada.put(&one, &json!({ "source_ids": [cast.shop.id] })).ok();
    cast.ada.delete(&one).ok();
}

fn signatures_are_ones_own(engine: Engine) {
    let cast = Cast::shared(engine);
    let owner = cast.hire(&[]);
    let all = format!("/1.0/users/{}/signatures", owner.user_id);
    let one = owner.post(&all, &json!({ "body": unique("Mine ") })).ok();
    let path = format!("{all}/{}", id(&one));
    // Ada may read users, and so their signatures.
    assert_eq!(cast.ada.get(&path).ok(), one);
    cast.ada.post(&all, &json!({ "body": "x" })).refused(403);
    cast.ada.put(&path, &json!({ "body": "x" })).refused(403);
    cast.ada.delete(&path).refused(403);
    let stranger = cast.hire(&[]);
    stranger.get(&all).refused(403);
    stranger.get(&path).refused(403);
    // Nobody finds it under another user.
    cast.otto.get(&format!("/1.0/users/{}/signatures/{}", cast.ada.user_id, id(&one))).refused(404);
    cast.otto.get("/1.0/users/0123456789abcdef01234567/signatures").refused(404);
}
