//! Identity groups: one person over several identities.

use std::thread;

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, Person, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_first_edit_makes_a_group,
    a_group_is_edited_and_found,
    what_cannot_be_is_refused_by_name,
    a_merge_keeps_what_the_group_knows,
    the_last_identity_takes_its_group_along,
    merges_at_once_leave_one_consistent_state,
    a_group_is_for_those_who_may_see_one_of_its_identities,
    a_locked_group_stays_as_it_is,
    merging_can_be_switched_off,
    extra_values_fill_groups_as_their_community_maps_them,
    a_channels_id_is_the_uuid_that_a_mapping_can_use,
    an_anonymised_identity_is_nobody,
    a_group_forgets_what_it_has_from_an_anonymised_identity,
    what_is_anonymised_says_nothing,
];

/// The identity under which a source's channel knows an author.
fn identity(cast: &Cast, source: &Source, author: &str) -> Value {
    let found = cast.otto.get(&format!("/1.0/identities?source_id={}&foreign_id={author}", source.id)).ok();
    records(&found)[0].clone()
}

fn author(cast: &Cast, source: &Source, details: Value) -> Value {
    let name = unique("author-");
    let mut message = source.message(&unique("m"), &unique("t"), &name, "Hello?");
    for (key, value) in details.as_object().unwrap() {
        message["author"][key] = value.clone();
    }
    source.tells("messages.create", &message);
    identity(cast, source, &name)
}

/// The group of an identity, made by editing it.
fn group(who: &Person, identity: &Value, edit: Value) -> Value {
    who.put(&format!("/1.0/identities/{}/identity_group", id(identity)), &edit).ok()
}

fn path(group: &Value) -> String {
    format!("/1.0/identity_groups/{}", id(group))
}

fn merge(who: &Person, group: &Value, identity: &Value) -> Value {
    who.put(&format!("{}/merge", path(group)), &json!({ "associated_identity_id": id(identity) })).ok()
}

fn a_first_edit_makes_a_group(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let details =
        json!({ "firstname": "Vera", "email": "vera@example.com", "avatar_url": "https://example.com/v.png" });
    let vera = author(&cast, &source, details);
    assert_eq!(vera["identity_group_id"], json!(null));
    let made = group(&cast.otto, &vera, json!({ "company": "Kettles" }));
    assert_eq!((&made["firstname"], &made["company"]), (&json!("Vera"), &json!("Kettles")));
    assert_eq!(
        (&made["emails"], &made["avatar_url"]),
        (&json!(["vera@example.com"]), &json!("https://example.com/v.png"))
    );
    assert_eq!((&made["identity_ids"], &made["custom_field_values"]), (&json!([id(&vera)]), &json!({})));
    assert_eq!(made.as_object().unwrap().len(), 15);
    assert_eq!(cast.otto.get(&path(&made)).ok(), made);
    assert_eq!(id(&group(&cast.otto, &vera, json!({}))), id(&made), "a second edit makes no second group");

    // It is told wherever it is documented, and found by.
    let thread = cast.otto.search("/1.0/contents", &format!("identity:{}", id(&vera)));
    let content = &records(&thread)[0];
    assert_eq!(content["identity_group_id"], made["id"]);
    assert_eq!(cast.otto.content(&id(content))["identity_group_id"], made["id"]);
    for list in ["contents", "content_threads"] {
        let found = cast.otto.search(&format!("/1.0/{list}"), &format!("identity_group:{}", id(&made)));
        assert_eq!(records(&found).len(), 1, "{list}");
    }
    let intervention = cast.otto.engage(&id(content));
    assert_eq!(intervention["identity_group_id"], made["id"]);
    let found = |list: &str| ids(&cast.otto.get(list).ok());
    assert_eq!(found(&format!("/1.0/interventions?identity_group_id={}", id(&made))), [id(&intervention)]);
    assert_eq!(found(&format!("/1.0/identities?identity_group_id={}", id(&made))), [id(&vera)]);
    assert_eq!(found(&format!("/1.0/identities?identity_group_ids=x,{}", id(&made))), [id(&vera)]);
    assert_eq!(found(&format!("/1.0/identities?identity_group_id={}", id(&vera))), [""; 0]);
    assert_eq!(found("/1.0/interventions?identity_group_id=nonsense"), [""; 0]);
    for wrong in ["nonsense", "0123456789abcdef01234567"] {
        cast.otto.get(&format!("/1.0/identity_groups/{wrong}")).refused(404);
        cast.otto.put(&format!("/1.0/identities/{wrong}/identity_group"), &json!({})).refused(404);
    }
}

fn a_group_is_edited_and_found(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let made = group(&cast.otto, &author(&cast, &source, json!({})), json!({}));
    let tag = cast.otto.post("/1.0/tags", &json!({ "name": unique("VIP ") })).ok();
    let field = json!({ "associated_type_name": "IdentityGroup", "label": unique("Size "), "type": "integer" });
    let field = cast.otto.post("/1.0/custom_fields", &field).ok();
    let key = field["key"].as_str().unwrap();
    let (first, last, mail) = (unique("First"), unique("Last"), unique("Mail."));
    let edit = json!({
        "firstname": first, "lastname": last, "company": "=1+1", "gender": "woman", "notes": "Two\nlines",
        "emails": [format!("{mail}@Example.com"), "b@example.com"], "home_phones": ["+33 1 23"],
        "mobile_phones": ["06"], "tag_ids": [id(&tag)], "custom_field_values": { key: "7" },
        "id": "0123456789abcdef01234567", "identity_ids": [], "created_at": "2000-01-01T00:00:00Z", "avatar_url": "x",
    });
    let edited = cast.otto.put(&path(&made), &edit).ok();
    for name in
        ["firstname", "lastname", "company", "gender", "notes", "emails", "home_phones", "mobile_phones", "tag_ids"]
    {
        assert_eq!(edited[name], edit[name], "{name}");
    }
    assert_eq!(edited["custom_field_values"], json!({ key: 7 }));
    for name in ["id", "identity_ids", "created_at", "avatar_url"] {
        assert_eq!(edited[name], made[name], "{name} is not to be written");
    }
    let found = |filter: String| ids(&cast.otto.get(&format!("/1.0/identity_groups?{filter}")).ok());
    assert_eq!(found(format!("firstname={first}")), [id(&made)]);
    assert_eq!(found(format!("lastname={last}&firstname={first}")), [id(&made)]);
    assert_eq!(found(format!("lastname={last}&firstname=Somebody")), [""; 0]);
    assert_eq!(found(format!("email={}", encode(&format!("{mail}@example.com").to_lowercase()))), [id(&made)]);
    assert_eq!(found("uuid=nobody".into()), [""; 0]);
    let other = group(&cast.otto, &author(&cast, &source, json!({})), json!({}));
    let both = format!("{},{},x", id(&made), id(&other));
    assert_eq!(found(format!("ids={both}")), [id(&other), id(&made)], "newest first");
    cast.otto.put(&path(&made), &json!({ "notes": "New" })).ok();
    assert_eq!(found(format!("sort=updated_at&ids={both}")), [id(&made), id(&other)]);
    assert_eq!(found(format!("limit=1&offset=1&ids={both}")), [id(&made)]);
    cast.otto.get("/1.0/identity_groups?sort=colour").refused(400);
    // What is absent stays, what is empty goes.
    let emptied =
        json!({ "firstname": "", "gender": "", "emails": [], "tag_ids": [], "custom_field_values": { key: "" } });
    let emptied = cast.otto.put(&path(&made), &emptied).ok();
    assert_eq!(
        (&emptied["firstname"], &emptied["gender"], &emptied["emails"]),
        (&json!(null), &json!(null), &json!([]))
    );
    assert_eq!((&emptied["lastname"], &emptied["tag_ids"]), (&json!(last), &json!([])));
    assert_eq!(emptied["custom_field_values"], json!({}));
    // A tag that goes comes off.
    cast.otto.put(&path(&made), &json!({ "tag_ids": [id(&tag)] })).ok();
    cast.otto.delete(&format!("/1.0/tags/{}", id(&tag))).ok();
    assert_eq!(cast.otto.get(&path(&made)).ok()["tag_ids"], json!([]));
}

fn what_cannot_be_is_refused_by_name(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let made = group(&cast.otto, &author(&cast, &source, json!({})), json!({}));
    for (edit, attribute) in [
        (json!({ "firstname": "x".repeat(256) }), "firstname"),
        (json!({ "notes": "x".repeat(20_001) }), "notes"),
        (json!({ "emails": ["nonsense"] }), "emails"),
        (json!({ "emails": vec!["a@example.com"; 51] }), "emails"),
        (json!({ "home_phones": ["none"] }), "home_phones"),
        (json!({ "tag_ids": ["0123456789abcdef01234567"] }), "tag_ids"),
        (json!({ "custom_field_values": { "nothing": 1 } }), "custom_field_values[nothing]"),
    ] {
        assert_eq!(cast.otto.put(&path(&made), &edit).invalid(), [attribute], "{edit}");
    }
    for edit in [json!({ "gender": "both" }), json!({ "tag_ids": ["x"] }), json!({ "custom_field_values": "x" })] {
        cast.otto.put(&path(&made), &edit).refused(400);
    }
    let merge = format!("{}/merge", path(&made));
    for wrong in [json!({}), json!({ "associated_identity_id": "x" }), json!({ "associated_identity_id": id(&made) })] {
        assert_eq!(cast.otto.put(&merge, &wrong).invalid(), ["associated_identity_id"]);
    }
    cast.otto
        .put("/1.0/identity_groups/0123456789abcdef01234567/merge", &json!({ "associated_identity_id": "x" }))
        .refused(404);
    assert_eq!(cast.otto.get(&path(&made)).ok(), made, "nothing of this has happened");
}

fn a_merge_keeps_what_the_group_knows(engine: Engine) {
    let cast = Cast::shared(engine);
    let (one, _one) = cast.new_source();
    let (two, _two) = cast.new_source();
    let vera = author(&cast, &one, json!({ "firstname": "Vera", "email": "vera@example.com" }));
    let details = json!({ "firstname": "V.", "lastname": "Visitor", "email": "v@example.com", "mobile_phone": "06" });
    let other = author(&cast, &two, details);
    let made = group(&cast.otto, &vera, json!({}));
    let merged = merge(&cast.otto, &made, &other);
    assert_eq!((&merged["firstname"], &merged["lastname"]), (&json!("Vera"), &json!("Visitor")));
    assert_eq!(
        (&merged["emails"], &merged["mobile_phones"]),
        (&json!(["vera@example.com", "v@example.com"]), &json!(["06"]))
    );
    assert_eq!(merged["identity_ids"], json!([id(&vera), id(&other)]));
    assert_eq!(merge(&cast.otto, &made, &other), merged, "a repeat changes nothing");
    // An identity that others stay behind of leaves their notes to them; the last one brings them along.
    let third = author(&cast, &one, json!({}));
    let old = group(&cast.otto, &third, json!({ "notes": "Likes tea" }));
    let fourth = author(&cast, &two, json!({}));
    merge(&cast.otto, &old, &fourth);
    assert_eq!(merge(&cast.otto, &made, &fourth)["notes"], json!(null));
    assert_eq!(cast.otto.get(&path(&old)).ok()["identity_ids"], json!([id(&third)]));
    assert_eq!(merge(&cast.otto, &made, &third)["notes"], "Likes tea");
    cast.otto.get(&path(&old)).refused(404);
}

fn the_last_identity_takes_its_group_along(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (vera, marc) = (author(&cast, &source, json!({})), author(&cast, &source, json!({})));
    let made = group(&cast.otto, &vera, json!({ "notes": "Both" }));
    merge(&cast.otto, &made, &marc);
    let unmerge = |identity: &Value| cast.otto.put(&format!("/1.0/identities/{}/unmerge", id(identity)), &json!({}));
    assert_eq!(unmerge(&vera).ok()["identity_group_id"], json!(null));
    assert_eq!(cast.otto.get(&path(&made)).ok()["identity_ids"], json!([id(&marc)]));
    unmerge(&vera).refused(403);
    unmerge(&marc).ok();
    cast.otto.get(&path(&made)).refused(404);
    // A later edit begins anew.
    assert_eq!(group(&cast.otto, &vera, json!({}))["notes"], json!(null));
}

fn merges_at_once_leave_one_consistent_state(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let people: Vec<Value> = (0..4).map(|_| author(&cast, &source, json!({}))).collect();
    let groups: Vec<Value> = people.iter().map(|person| group(&cast.otto, person, json!({}))).collect();
    // Everybody is merged into every group at once.
    thread::scope(|scope| {
        for group in &groups {
            for person in &people {
                let otto = &cast.otto;
                scope.spawn(move || {
                    let body = json!({ "associated_identity_id": id(person) });
                    let answer = otto.put(&format!("{}/merge", path(group)), &body);
                    assert!(matches!(answer.status, 200 | 404), "{}", answer.text());
                });
            }
        }
    });
    // Each identity is in one group, each group there is has identities, and both say the same.
    let mut members = 0;
    for group in &groups {
        let answer = cast.otto.get(&path(group));
        if answer.status == 404 {
            continue;
        }
        let shown = answer.ok();
        let of_group = shown["identity_ids"].as_array().unwrap();
        assert!(!of_group.is_empty());
        for identity in of_group {
            let identity = cast.otto.get(&format!("/1.0/identities/{}", identity.as_str().unwrap())).ok();
            assert_eq!(identity["identity_group_id"], shown["id"]);
        }
        members += of_group.len();
    }
    assert_eq!(members, people.len());
}

fn a_group_is_for_those_who_may_see_one_of_its_identities(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let (hidden, _channel) = cast.new_source();
    let (seen, unseen) = (author(&cast, borrowed.shop, json!({})), author(&cast, &hidden, json!({})));
    let made = group(&cast.otto, &unseen, json!({}));
    let merge_seen = json!({ "associated_identity_id": id(&seen) });
    let merge_path = format!("{}/merge", path(&made));
    for answer in
        [cast.ada.get(&path(&made)), cast.ada.put(&path(&made), &json!({})), cast.ada.put(&merge_path, &merge_seen)]
    {
        answer.refused(404);
    }
    let list = format!("/1.0/identity_groups?ids={}", id(&made));
    assert_eq!(cast.ada.get(&list).ok()["count"], 0);
    assert_eq!(cast.otto.get(&list).ok()["count"], 1);
    let own = group(&cast.ada, &seen, json!({}));
    let steal = json!({ "associated_identity_id": id(&unseen) });
    assert_eq!(cast.ada.put(&format!("{}/merge", path(&own)), &steal).invalid(), ["associated_identity_id"]);
    cast.ada.put(&format!("/1.0/identities/{}/unmerge", id(&unseen)), &json!({})).refused(404);
    merge(&cast.otto, &made, &seen);
    assert_eq!(cast.ada.get(&path(&made)).ok()["identity_ids"], json!([id(&seen)]), "the others are not shown");
    assert_eq!(ids(&cast.ada.get(&list).ok()), [id(&made)]);
    cast.ada.put(&format!("{}/lock", path(&made)), &json!({})).refused(403);
    cast.ada.put(&format!("/1.0/identities/{}/anonymize", id(&seen)), &json!({})).refused(403);
}

fn a_locked_group_stays_as_it_is(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (vera, marc) = (author(&cast, &source, json!({})), author(&cast, &source, json!({})));
    let made = group(&cast.otto, &vera, json!({}));
    let lock = |verb: &str| cast.otto.put(&format!("{}/{verb}?extended=true", path(&made)), &json!({})).ok();
    assert_eq!(lock("lock")["locked"], true);
    cast.otto.put(&path(&made), &json!({ "notes": "x" })).refused(409);
    cast.otto.put(&format!("{}/merge", path(&made)), &json!({ "associated_identity_id": id(&marc) })).refused(409);
    cast.otto.put(&format!("/1.0/identities/{}/unmerge", id(&vera)), &json!({})).refused(409);
    assert_eq!(lock("unlock")["locked"], false);
    cast.otto.put(&path(&made), &json!({ "notes": "x" })).ok();
}

fn merging_can_be_switched_off(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let (vera, marc) = (author(&cast, &source, json!({})), author(&cast, &source, json!({})));
    let made = group(&cast.otto, &vera, json!({}));
    cast.otto.put("/1.0/settings", &json!({ "identity_merge": false })).ok();
    let body = json!({ "associated_identity_id": id(&marc) });
    cast.otto.put(&format!("{}/merge", path(&made)), &body).refused(403);
    cast.otto.put("/1.0/settings", &json!({ "identity_merge": true })).ok();
    merge(&cast.otto, &made, &marc);
}

fn extra_values_fill_groups_as_their_community_maps_them(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let field = json!({ "associated_type_name": "IdentityGroup", "label": unique("Number "), "regex": "C[0-9]+" });
    let field = cast.otto.post("/1.0/custom_fields", &field).ok();
    let key = field["key"].as_str().unwrap();
    let community = format!("/1.0/communities/{}", source.community_id);
    let mappings = json!([{ "key": "shop", "field": "company" }, { "key": "number", "custom_field_key": key }]);
    // Before there is a mapping nothing is filled.
    assert_eq!(
        author(&cast, &source, json!({ "context_data": { "shop": "Kettles" } }))["identity_group_id"],
        json!(null)
    );
    let updated = cast.otto.put(&community, &json!({ "extra_value_mappings": mappings })).ok();
    assert_eq!(updated["extra_value_mappings"], mappings);
    assert!(cast.otto.get(&community).ok().get("extra_value_mappings").is_none());
    assert_eq!(cast.otto.get(&format!("{community}?extended=true")).ok()["extra_value_mappings"], mappings);
    let told = json!({ "context_data": { "shop": "Kettles", "number": "C12", "other": "x" } });
    let vera = author(&cast, &source, told);
    let filled = cast.otto.get(&format!("/1.0/identity_groups/{}", vera["identity_group_id"].as_str().unwrap())).ok();
    assert_eq!((&filled["company"], &filled["custom_field_values"]), (&json!("Kettles"), &json!({ key: "C12" })));
    // What the group knows stays; a value that does not fit makes nothing.
    let name = vera["foreign_id"].as_str().unwrap();
    let mut message = source.message(&unique("m"), &unique("t"), name, "Again");
    message["author"]["context_data"] = json!({ "shop": "Teapots", "number": "C13" });
    source.tells("messages.create", &message);
    let again = cast.otto.get(&path(&filled)).ok();
    assert_eq!((&again["company"], &again["custom_field_values"]), (&json!("Kettles"), &json!({ key: "C12" })));
    for nothing in
        [json!({ "number": "nonsense" }), json!({ "shop": ["a", "b"] }), json!({ "shop": "x".repeat(300) }), json!({})]
    {
        assert_eq!(author(&cast, &source, json!({ "context_data": nothing }))["identity_group_id"], json!(null));
    }
    for wrong in [
        json!([{ "key": "", "field": "company" }]),
        json!([{ "key": "a" }]),
        json!([{ "key": "a", "field": "company", "custom_field_key": "b" }]),
        json!(vec![json!({ "key": "a", "field": "notes" }); 101]),
    ] {
        assert_eq!(cast.otto.put(&community, &json!({ "extra_value_mappings": wrong })).invalid().len(), 1);
    }
    cast.otto.put(&community, &json!({ "extra_value_mappings": [{ "key": "a", "field": "id" }] })).refused(400);
    cast.ada.put(&community, &json!({ "name": "Mine" })).refused(403);
    assert_eq!(
        cast.otto.put(&community, &json!({ "name": "Renamed", "extra_value_mappings": [] })).ok()["name"],
        "Renamed"
    );
}

fn an_anonymised_identity_is_nobody(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let details = json!({ "firstname": "Vera", "email": "vera@example.com", "context_data": { "shop": "Kettles" } });
    let vera = author(&cast, &source, details);
    let made = group(&cast.otto, &vera, json!({}));
    let anonymise = format!("/1.0/identities/{}/anonymize", id(&vera));
    let nobody = cast.otto.put(&anonymise, &json!({})).ok();
    for name in
        ["firstname", "lastname", "email", "home_phone", "mobile_phone", "avatar_url", "uuid", "identity_group_id"]
    {
        assert_eq!(nobody[name], json!(null), "{name}");
    }
    assert_eq!((&nobody["extra_values"], &nobody["display_name"]), (&json!({}), &json!("Anonymized")));
    assert_ne!(nobody["foreign_id"], vera["foreign_id"]);
    assert_eq!(cast.otto.put(&anonymise, &json!({})).ok(), nobody, "a repeat changes nothing");
    cast.otto.get(&path(&made)).refused(404);
    // The same person later is somebody new.
    let name = vera["foreign_id"].as_str().unwrap();
    source.says(name, "later", "Me again");
    assert_ne!(id(&identity(&cast, &source, name)), id(&vera));
}

fn what_is_anonymised_says_nothing(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (name, word) = (unique("author-"), unique("kettlefish"));
    let mut message = source.message("m1", "t", &name, &format!("My {word}"));
    message["attachments"] = json!([{ "content": "aGVsbG8=", "filename": "a.txt" }]);
    message["context_data"] = json!({ "order": 7 });
    source.tells("messages.create", &message);
    source.says(&name, "t", &format!("Another {word}"));
    source.says("somebody", "t", &format!("A third {word}"));
    let found = |word: &str| records(&cast.otto.search("/1.0/contents", word)).len();
    assert_eq!(found(&word), 3);
    let one = source.contents(&cast.otto, "t").remove(0);
    let path = format!("/1.0/contents/{}/anonymize", id(&one));
    cast.ada.put(&path, &json!({})).refused(403);
    let erased = cast.otto.put(&path, &json!({})).ok();
    assert_eq!((&erased["body"], &erased["attachments"]), (&json!("Anonymized"), &json!([])));
    assert!(erased.get("context_data").is_none() && erased["author_id"] == one["author_id"]);
    assert_eq!(cast.otto.put(&path, &json!({})).ok(), erased, "a repeat changes nothing");
    assert_eq!(found(&word), 2);
    let author = one["author_id"].as_str().unwrap();
    cast.otto.put(&format!("/1.0/identities/{author}/anonymize"), &json!({})).ok();
    eventually("all that they wrote is erased", || (found(&word) == 1).then_some(()));
    let bodies: Vec<Value> = source.contents(&cast.otto, "t").iter().map(|content| content["body"].clone()).collect();
    assert_eq!(bodies, [json!("Anonymized"), json!("Anonymized"), json!(format!("A third {word}"))]);
    // The channel's ids are known for ever: a repeat brings nothing back.
    source.tells("messages.create", &message);
    assert_eq!(source.contents(&cast.otto, "t").len(), 3);
}

fn a_channels_id_is_the_uuid_that_a_mapping_can_use(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let field = json!({ "associated_type_name": "IdentityGroup", "label": unique("Client "), "regex": "C-[0-9]+" });
    let key = cast.otto.post("/1.0/custom_fields", &field).ok()["key"].as_str().unwrap().to_owned();
    let mappings = json!([{ "key": "uuid", "custom_field_key": key }]);
    let community = format!("/1.0/communities/{}", source.community_id);
    cast.otto.put(&community, &json!({ "extra_value_mappings": mappings })).ok();
    source.says("C-12", "t", "Hello?");
    let known = cast.otto.get(&format!("/1.0/identities?community_id={}&uuid=C-12", source.community_id)).ok();
    let known = records(&known)[0].clone();
    assert_eq!((&known["uuid"], &known["foreign_id"]), (&json!("C-12"), &json!("C-12")));
    let group = cast.otto.get(&format!("/1.0/identity_groups/{}", known["identity_group_id"].as_str().unwrap())).ok();
    assert_eq!(group["custom_field_values"], json!({ key: "C-12" }));
    // An id that the field's regex does not know fills nothing.
    source.says("anonymous-7", "t", "Hello?");
    let other = cast.otto.get(&format!("/1.0/identities?community_id={}&uuid=anonymous-7", source.community_id)).ok();
    assert_eq!(records(&other)[0]["identity_group_id"], json!(null));
}

fn a_group_forgets_what_it_has_from_an_anonymised_identity(engine: Engine) {
    let cast = Cast::shared(engine);
    let [(shop, _), (app, _)] = [cast.new_source(), cast.new_source()];
    let community = format!("/1.0/communities/{}", app.community_id);
    let mappings = json!([{ "key": "remark", "field": "notes" }]);
    cast.otto.put(&community, &json!({ "extra_value_mappings": mappings })).ok();
    let details = json!({ "firstname": "Vera", "email": "vera@shop.example", "home_phone": "+33123456789" });
    let stays = author(&cast, &shop, details);
    let known = group(&cast.otto, &stays, json!({ "company": "Written by an agent" }));
    let details = json!({
        "firstname": "Vera", "lastname": "Visitor", "email": "vera@app.example", "mobile_phone": "+33612345678",
        "home_phone": "+33123456789", "context_data": { "remark": "Has a dog" },
    });
    let goes = author(&cast, &app, details);
    let merged = merge(&cast.otto, &known, &goes);
    assert_eq!(merged["emails"].as_array().unwrap().len(), 2, "{merged}");
    assert_eq!((&merged["lastname"], &merged["notes"]), (&json!("Visitor"), &json!("Has a dog")), "{merged}");
    cast.otto.put(&format!("/1.0/identities/{}/anonymize", id(&goes)), &json!({})).ok();
    let after = cast.otto.get(&path(&known)).ok();
    for told in ["Visitor", "vera@app.example", "+33612345678", "Has a dog"] {
        assert!(!after.to_string().contains(told), "{told} in {after}");
    }
    // What the other identity tells too stays, and what an agent wrote.
    assert_eq!((&after["firstname"], &after["company"]), (&json!("Vera"), &json!("Written by an agent")));
    assert_eq!((&after["emails"], &after["home_phones"]), (&json!(["vera@shop.example"]), &json!(["+33123456789"])));
}
