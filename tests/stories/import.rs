//! Importing identities: by e-mail address or phone number.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Answer, Cast, Engine, Request};
use serde_json::{Value, json};

on_both_engines![
    a_phone_number_is_cleaned_and_kept,
    an_e_mail_identity_takes_more,
    what_exists_changes_only_with_upsert,
    what_cannot_be_imported_is_refused,
    an_import_fills_its_group_and_is_found_by_uuid,
];

fn community(cast: &Cast, kind: &str) -> String {
    id(&cast.otto.post("/1.0/communities", &json!({ "type": kind, "name": unique("Imported ") })).ok())
}

fn import(cast: &Cast, community: &str, fields: Value) -> Answer {
    let mut body = json!({ "community_id": community });
    for (name, value) in fields.as_object().unwrap() {
        body[name] = value.clone();
    }
    cast.otto.post("/1.0/identities/import", &body)
}

#[track_caller]
fn created(answer: &Answer) -> Value {
    assert_eq!(answer.status, 201, "{}", answer.text());
    answer.json()
}

fn a_phone_number_is_cleaned_and_kept(engine: Engine) {
    let cast = Cast::shared(engine);
    let community = community(&cast, "sms");
    let fields = json!({
        "identifier": "+336.23.45.67.89", "screenname": "x", "mobile_phone": "1", "home_phone": "2", "company": "Kettles",
        "firstname": "Vera", "lastname": "Visitor", "gender": "woman", "extra_values": { "tier": "=gold" },
    });
    let vera = created(&import(&cast, &community, fields));
    for name in ["foreign_id", "screenname", "mobile_phone"] {
        assert_eq!(vera[name], "33623456789", "{name}");
    }
    assert_eq!(
        (&vera["home_phone"], &vera["email"], &vera["company"]),
        (&json!(null), &json!(null), &json!("Kettles"))
    );
    assert_eq!((&vera["gender"], &vera["extra_values"]), (&json!("woman"), &json!({ "tier": "=gold" })));
    assert_eq!((&vera["type"], &vera["display_name"]), (&json!("sms"), &json!("Vera Visitor")));
    assert_eq!(cast.otto.get(&format!("/1.0/identities/{}", id(&vera))).ok(), vera);
    assert_eq!(ids(&cast.otto.get(&format!("/1.0/identities?community_id={community}")).ok()), [id(&vera)]);
    // Who manages no identities does not see those of a community without sources.
    cast.ada.get(&format!("/1.0/identities/{}", id(&vera))).refused(404);
    assert_eq!(cast.ada.get(&format!("/1.0/identities?community_id={community}")).ok()["count"], 0);
}

fn an_e_mail_identity_takes_more(engine: Engine) {
    let cast = Cast::shared(engine);
    let community = community(&cast, "emails");
    // As a form writes it.
    let form = Request::new("POST", "/1.0/identities/import").form(&[
        ("community_id", &community),
        ("identifier", "Vera@Example.com"),
        ("screenname", "vv"),
        ("home_phone", "01"),
        ("mobile_phone", "06"),
        ("gender", ""),
        ("extra_values[customer]", "7"),
    ]);
    let vera = created(&cast.otto.send(form));
    assert_eq!((&vera["email"], &vera["screenname"]), (&json!("Vera@Example.com"), &json!("vv")));
    assert_eq!(
        (&vera["home_phone"], &vera["mobile_phone"], &vera["gender"]),
        (&json!("01"), &json!("06"), &json!(null))
    );
    assert_eq!(vera["extra_values"], json!({ "customer": "7" }));
    // An address is one person's, however it is written.
    assert_eq!(id(&created(&import(&cast, &community, json!({ "identifier": "vera@example.COM" })))), id(&vera));
}

fn what_exists_changes_only_with_upsert(engine: Engine) {
    let cast = Cast::shared(engine);
    let community = community(&cast, "emails");
    let first =
        json!({ "identifier": "v@example.com", "firstname": "Vera", "company": "Kettles", "extra_values": { "a": 1 } });
    let first = created(&import(&cast, &community, first));
    let change = json!({ "identifier": "v@example.com", "firstname": "V.", "company": "", "extra_values": { "b": 2 } });
    assert_eq!(created(&import(&cast, &community, change.clone())), first, "nothing without upsert");
    let mut upsert = change;
    upsert["upsert"] = json!(true);
    let second = created(&import(&cast, &community, upsert));
    assert_eq!((&second["firstname"], &second["company"]), (&json!("V."), &json!(null)));
    assert_eq!((&second["extra_values"], id(&second)), (&json!({ "a": 1, "b": 2 }), id(&first)));
    let third = json!({ "identifier": "w@example.com", "upsert": "true", "firstname": "W." });
    assert_eq!(created(&import(&cast, &community, third))["firstname"], "W.", "upsert makes what there is none of");
}

fn what_cannot_be_imported_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let (emails, phones) = (community(&cast, "emails"), community(&cast, "sms"));
    for (community, identifier) in [
        (&emails, "vera"),
        (&emails, "+33623456789"),
        (&emails, "a@b\n.com"),
        (&phones, "0623456789"),
        (&phones, "vera@example.com"),
        (&phones, "+33"),
    ] {
        assert_eq!(
            import(&cast, community, json!({ "identifier": identifier })).invalid(),
            ["identifier"],
            "{identifier}"
        );
    }
    assert_eq!(import(&cast, &emails, json!({})).invalid(), ["identifier"]);
    let (source, _channel) = cast.new_source();
    let valid = json!({ "identifier": "v@example.com" });
    assert_eq!(import(&cast, &source.community_id, valid.clone()).invalid(), ["community_id"], "not an sdk community");
    for unknown in ["0123456789abcdef01234567", "nonsense", ""] {
        assert_eq!(import(&cast, unknown, valid.clone()).invalid(), ["community_id"], "{unknown}");
    }
    let by_source = json!({ "source_id": source.id, "identifier": "v@example.com" });
    assert_eq!(cast.otto.post("/1.0/identities/import", &by_source).invalid(), ["community_id"]);
    let by_source = json!({ "source_id": "nonsense", "identifier": "v@example.com" });
    assert_eq!(cast.otto.post("/1.0/identities/import", &by_source).invalid(), ["source_id"]);
    let long = json!({ "identifier": "v@example.com", "firstname": "x".repeat(256) });
    assert_eq!(import(&cast, &emails, long).invalid(), ["firstname"]);
    let huge = json!({ "identifier": "v@example.com", "extra_values": { "x": "x".repeat(70_000) } });
    assert_eq!(import(&cast, &emails, huge).invalid(), ["extra_values"]);
    import(&cast, &emails, json!({ "identifier": "v@example.com", "gender": "both" })).refused(400);
    cast.rita.get(&format!("/1.0/identities?community_id={emails}")).ok();
    let hidden = json!({ "community_id": emails, "identifier": "v@example.com" });
    assert_eq!(cast.ada.post("/1.0/identities/import", &hidden).invalid(), ["community_id"]);
}

fn an_import_fills_its_group_and_is_found_by_uuid(engine: Engine) {
    let cast = Cast::shared(engine);
    let community = community(&cast, "emails");
    let mappings = json!([{ "key": "uuid", "field": "notes" }, { "key": "firm", "field": "company" }]);
    cast.otto.put(&format!("/1.0/communities/{community}"), &json!({ "extra_value_mappings": mappings })).ok();
    let address = format!("{}@example.com", unique("uuid"));
    let vera =
        created(&import(&cast, &community, json!({ "identifier": address, "extra_values": { "firm": "Kettles" } })));
    assert_eq!(vera["uuid"], json!(address));
    let found = cast.otto.get(&format!("/1.0/identity_groups?uuid={address}")).ok();
    assert_eq!(ids(&found), [vera["identity_group_id"].as_str().unwrap()]);
    let group = &found["records"][0];
    assert_eq!(
        (&group["notes"], &group["company"], &group["emails"]),
        (&json!(address), &json!("Kettles"), &json!([address]))
    );
    // The community goes with its identities, and those take their groups along.
    // Nobody deletes customers whom they may not even see.
    cast.hire(&["create_community"]).delete(&format!("/1.0/communities/{community}")).refused(403);
    cast.otto.delete(&format!("/1.0/communities/{community}")).ok();
    cast.otto.get(&format!("/1.0/identity_groups/{}", id(group))).refused(404);
}
