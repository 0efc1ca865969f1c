//! What users may do on sources.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::id;
use frontdesk_tests::{Cast, Engine, Person};
use serde_json::{Value, json};

on_both_engines![
    nobody_becomes_somebody_with_wider_rights,
    nobody_weakens_somebody_to_become_them,
    rights_are_given_and_taken_source_by_source,
    rights_that_are_none_are_refused,
    nobody_gives_rights_that_they_lack,
    what_one_may_not_read_is_not_named,
];

fn path(person: &Person) -> String {
    format!("/1.0/users/{}/sources_permissions", person.user_id)
}

fn sorted(list: &Value) -> Vec<String> {
    let mut words: Vec<_> = list.as_array().unwrap().iter().map(|word| word.as_str().unwrap().to_owned()).collect();
    words.sort_unstable();
    words
}

fn rights_are_given_and_taken_source_by_source(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (other, _other_channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let content = id(&source.contents(&cast.otto, "t")[0]);
    let person = cast.hire(&["read_user"]);
    assert_eq!(cast.otto.get(&path(&person)).ok()[&source.id], json!([]));
    person.get(&format!("/1.0/contents/{content}")).refused(404);

    let after = cast.otto.put(&path(&person), &json!({ &source.id: "read" })).ok();
    assert_eq!((&after[&source.id], &after[&other.id]), (&json!(["read"]), &json!([])));
    person.get(&format!("/1.0/contents/{content}")).ok();
    person.post("/1.0/contents", &json!({ "in_reply_to_id": content, "body": "Hello" })).refused(403);

    let given = json!({ &source.id: "reply, read,approval_threshold_50", &other.id: "read,reply,reply_with_html,initiate_discussion,destroy,approval_required" });
    let after = cast.otto.put(&path(&person), &given).ok();
    assert_eq!(sorted(&after[&source.id]), ["approval_threshold_50", "read", "reply"]);
    assert_eq!(after[&other.id].as_array().unwrap().len(), 6);
    // Other stories make sources meanwhile, which are shown too.
    let own = |shown: Value| (sorted(&shown[&source.id]), sorted(&shown[&other.id]));
    assert_eq!(own(cast.otto.get(&path(&person)).ok()), own(after.clone()));
    assert_eq!(own(cast.otto.put(&path(&person), &json!({})).ok()), own(after), "what is not named stays");
    cast.otto.put(&path(&person), &json!({ &source.id: "read,reply" })).ok();
    person.reply(&content, "Hello");
    cast.otto.put(&path(&person), &json!({ &source.id: "" })).ok();
    person.get(&format!("/1.0/contents/{content}")).refused(404);
    assert_eq!(person.get(&path(&person)).ok()[&other.id].as_array().unwrap().len(), 6, "everybody reads their own");
    // In the query too, as the public description has it, with the token beside them.
    let query = format!("{}?{}=read&access_token={}&impersonated_user_id=", path(&person), source.id, cast.otto.token);
    assert_eq!(cast.otto.put(&query, &json!({})).ok()[&source.id], json!(["read"]));
    // What is read can be sent back.
    let list = json!({ &source.id: ["reply", "read"] });
    assert_eq!(cast.otto.put(&path(&person), &list).ok()[&source.id], json!(["read", "reply"]));
}

fn rights_that_are_none_are_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let person = cast.hire(&[]);
    // Other stories make sources meanwhile.
    let held = || {
        let rights = cast.otto.get(&path(&person)).ok();
        let held = rights.as_object().unwrap().iter().filter(|(_, words)| !words.as_array().unwrap().is_empty());
        held.map(|(source, words)| (source.clone(), words.clone())).collect::<Vec<_>>()
    };
    let before = held();
    for words in ["write", "read;reply", "approval_threshold_15", "approval_required,approval_threshold_10"] {
        let answer = cast.otto.put(&path(&person), &json!({ &source.id: words }));
        assert_eq!(answer.invalid(), [source.id.as_str()], "{words}");
    }
    let nobody = "0123456789abcdef01234567";
    assert_eq!(cast.otto.put(&path(&person), &json!({ &source.id: "read", nobody: "read" })).invalid(), [nobody]);
    cast.otto.put(&path(&person), &json!({ "source": "read" })).refused(400);
    assert_eq!(cast.otto.put(&path(&person), &json!({ &source.id: ["write"] })).invalid(), [source.id.as_str()]);
    for value in [json!(5), json!([5]), json!({ "read": true })] {
        cast.otto.put(&path(&person), &json!({ &source.id: value })).refused(400);
    }
    cast.otto.put(&format!("/1.0/users/{nobody}/sources_permissions"), &json!({})).refused(404);
    assert_eq!(held(), before);
}

fn nobody_gives_rights_that_they_lack(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mallory = cast.hire(&["read_user", "update_user"]);
    let friend = cast.hire(&[]);
    cast.otto.put(&path(&mallory), &json!({ &source.id: "read,reply,approval_threshold_50" })).ok();
    mallory.put(&path(&friend), &json!({ &source.id: "read,approval_threshold_50" })).ok();
    for words in ["read,reply", "read,reply,approval_threshold_40", "read,reply,destroy,approval_required"] {
        mallory.put(&path(&friend), &json!({ &source.id: words })).refused(403);
        mallory.put(&path(&mallory), &json!({ &source.id: words })).refused(403);
    }
    let given = mallory.put(&path(&friend), &json!({ &source.id: "read,reply,approval_required" })).ok();
    assert_eq!(given[&source.id].as_array().unwrap().len(), 3);
    // What somebody else gave stays: nobody takes away what they could not give back.
    cast.otto.put(&path(&friend), &json!({ &source.id: "read,destroy,approval_required" })).ok();
    mallory.put(&path(&friend), &json!({ &source.id: "read,destroy,reply,approval_required" })).ok();
    mallory.put(&path(&friend), &json!({ &source.id: "" })).refused(403);
    mallory.put(&path(&friend), &json!({ &source.id: "read,destroy,approval_required" })).ok();
    // Who only reads users changes nothing.
    cast.ada.put(&path(&friend), &json!({ &cast.shop.id: "read" })).refused(403);
    cast.ada.put(&path(&cast.ada), &json!({ &cast.shop.id: "read" })).refused(403);
    cast.ada.get(&path(&friend)).ok();
    // Whose role holds every permission puts right what nobody else could.
    let roles = cast.otto.get("/1.0/users/me").ok();
    let second = cast.hire_as(roles["role_id"].as_str().unwrap());
    second.put(&path(&second), &json!({ &source.id: "read,reply" })).ok();
    cast.otto.delete(&format!("/1.0/users/{}", second.user_id)).ok();
}

fn what_one_may_not_read_is_not_named(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mallory = cast.hire(&["read_user", "update_user"]);
    let friend = cast.hire(&[]);
    cast.otto.put(&path(&friend), &json!({ &source.id: "read" })).ok();
    assert_eq!(mallory.get(&path(&friend)).ok(), json!({}));
    assert_eq!(mallory.put(&path(&friend), &json!({ &source.id: "" })).invalid(), [source.id.as_str()]);
    assert_eq!(cast.otto.get(&path(&friend)).ok()[&source.id], json!(["read"]));
    cast.bo.get(&format!("/1.0/users/{}/sources_permissions", unique("x"))).refused(404);
}

/// A role is not all that a user may do: who could change a password, make a token or act as somebody would gain their
/// rights on sources too.
fn nobody_becomes_somebody_with_wider_rights(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mallory = cast.hire(&["read_user", "update_user", "impersonate_user", "manage_api_access_tokens"]);
    let victim = cast.hire(&["read_user"]);
    cast.otto.put(&path(&victim), &json!({ &source.id: "read,reply" })).ok();
    let user = format!("/1.0/users/{}", victim.user_id);
    let token = json!({ "label": "theirs", "user_id": victim.user_id });
    let theirs = format!("/1.0/access_tokens/{}", id(&cast.otto.post("/1.0/access_tokens", &token).ok()));
    cast.otto.put(&theirs, &json!({ "enabled": false })).ok();
    let me_as_victim = format!("/1.0/users/me?impersonated_user_id={}", victim.user_id);
    for takeover in [
        json!({ "password": "mallory knows 7" }),
        json!({ "email": "mallory@evil.example" }),
        json!({ "external_id": "mallory" }),
    ] {
        mallory.put(&user, &takeover).refused(403);
    }
    mallory.post("/1.0/access_tokens", &token).refused(403);
    mallory.put(&theirs, &json!({ "enabled": true })).refused(403);
    mallory.get(&me_as_victim).refused(400);
    // What gives nothing away is still theirs to change.
    mallory.put(&user, &json!({ "nickname": "V." })).ok();

    // Less supervision is more power as well.
    cast.otto.put(&path(&mallory), &json!({ &source.id: "read,reply,approval_required" })).ok();
    mallory.get(&me_as_victim).refused(400);
    mallory.put(&user, &json!({ "password": "mallory knows 7" })).refused(403);
    // With the same rights there is nothing to gain.
    cast.otto.put(&path(&mallory), &json!({ &source.id: "read,reply" })).ok();
    mallory.get(&me_as_victim).ok();
    mallory.post("/1.0/access_tokens", &token).ok();
    mallory.put(&theirs, &json!({ "enabled": true })).ok();
    mallory.put(&user, &json!({ "password": "mallory knows 7" })).ok();
}

fn nobody_weakens_somebody_to_become_them(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let mallory = cast.hire(&["read_user", "update_user", "manage_api_access_tokens"]);
    let victim = cast.hire(&[]);
    let token = json!({ "label": unique("token "), "user_id": victim.user_id });
    let give = |person: &Person, words: &str| cast.otto.put(&path(person), &json!({ &source.id: words })).ok();
    give(&mallory, "read,reply,approval_required");
    for held in ["read,reply", "read,destroy,approval_required", "read,reply,approval_threshold_50"] {
        give(&victim, held);
        for words in ["", "read", "read,reply,approval_required"] {
            mallory.put(&path(&victim), &json!({ &source.id: words })).refused(403);
        }
        mallory.post("/1.0/access_tokens", &token).refused(403);
    }
    // Who is no stronger may be weakened, and put right again.
    give(&victim, "read,reply,approval_required");
    mallory.put(&path(&victim), &json!({ &source.id: "" })).ok();
    mallory.put(&path(&victim), &json!({ &source.id: "read,reply,approval_required" })).ok();
    mallory.post("/1.0/access_tokens", &token).ok();
}
