//! Identities: one author in one community.

use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine};
use serde_json::json;

on_both_engines![identities_are_listed_and_filtered, an_identity_is_read, an_author_who_changes_is_updated];

fn identities_are_listed_and_filtered(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    for author in ["vera", "marc", "yuki"] {
        source.says(author, "t", "Hello?");
    }
    let list = |filter: &str| {
        let page = cast.otto.get(&format!("/1.0/identities?source_id={}&{filter}", source.id)).ok();
        let names: Vec<String> =
            records(&page).iter().map(|identity| identity["foreign_id"].as_str().unwrap().to_owned()).collect();
        names
    };
    assert_eq!(list(""), ["yuki", "marc", "vera", "desk"], "newest first");
    assert_eq!(list("limit=1&offset=1"), ["marc"]);
    assert_eq!((list("controlled=true"), list("controlled=false")), (vec!["desk".into()], list("limit=3")));
    // Also without a source: those that agents may write as are few.
    let everywhere = cast.otto.get("/1.0/identities?controlled=true&limit=150").ok();
    assert!(records(&everywhere).iter().all(|identity| identity["foreign_id"] != "vera"));
    assert!(records(&everywhere).iter().any(|identity| identity["community_id"] == source.community_id.as_str()));
    assert_eq!(list("foreign_id=vera"), ["vera"]);
    assert_eq!(list("uuid=x"), [""; 0]);
    assert_eq!(list("identity_group_id=0123456789abcdef01234567"), [""; 0]);
    assert_eq!(list("identity_group_ids=0123456789abcdef01234567,x"), [""; 0]);
    let mut message = source.message("changed", "t", "vera", "I moved");
    message["author"]["email"] = json!("vera@example.com");
    source.tells("messages.create", &message);
    assert_eq!(list("sort=updated_at")[0], "vera");
    // The community wins over the source.
    let (other, _channel) = cast.new_source();
    assert_eq!(list(&format!("community_id={}", other.community_id)), ["desk"]);
    assert_eq!(list("community_id=nonsense"), [""; 0]);
    cast.otto.get("/1.0/identities?sort=colour").refused(400);
    cast.otto.get("/1.0/identities?controlled=perhaps").refused(400);
    // Those that a user writes as.
    source.says("vera", "u", "Hello?");
    let reply = cast.otto.reply(&id(&source.contents(&cast.otto, "u")[0]), "Hello");
    let mine = cast.otto.get(&format!("/1.0/identities?source_id={}&user_id={}", source.id, cast.otto.user_id)).ok();
    assert_eq!(ids(&mine), [reply["author_id"].as_str().unwrap()]);
}

fn an_identity_is_read(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let author = source.contents(&cast.otto, "t")[0]["author_id"].as_str().unwrap().to_owned();
    let identity = cast.otto.get(&format!("/1.0/identities/{author}")).ok();
    assert_eq!((&identity["display_name"], &identity["identity_group_id"]), (&json!("vera"), &json!(null)));
    assert_eq!((&identity["user_ids"], &identity["extra_values"]), (&json!([]), &json!({})));
    for wrong in ["nonsense", "0123456789abcdef01234567"] {
        cast.otto.get(&format!("/1.0/identities/{wrong}")).refused(404);
    }
}

fn an_author_who_changes_is_updated(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let mut message = source.message("two", "t", "vera", "Me again");
    message["author"]["screenname"] = json!("vera.v");
    message["author"]["firstname"] = json!("Vera");
    message["author"]["context_data"] = json!({ "tier": "gold" });
    source.tells("messages.create", &message);
    let found = cast.otto.get(&format!("/1.0/identities?source_id={}&foreign_id=vera", source.id)).ok();
    let identity = &records(&found)[0];
    assert_eq!((&found["count"], &identity["screenname"]), (&json!(1), &json!("vera.v")));
    assert_eq!((&identity["firstname"], &identity["extra_values"]), (&json!("Vera"), &json!({ "tier": "gold" })));
    // The journal does not say of which one: other stories' customers change too.
    let told = cast.otto.search("/1.0/events", "name_in:identity.updated");
    assert!(told["count"].as_i64().unwrap() > 0, "{told}");
    // A repeat tells nothing new, even about its author.
    message["author"]["firstname"] = json!("Somebody");
    source.tells("messages.create", &message);
    let found = cast.otto.get(&format!("/1.0/identities?source_id={}&foreign_id=vera", source.id)).ok();
    assert_eq!(records(&found)[0]["firstname"], "Vera");
}
