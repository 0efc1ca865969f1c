//! Identity lists, and the export of identities.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, Source};
use serde_json::{Value, json};

on_both_engines![
    a_list_holds_the_identities_that_people_put_in,
    a_wrong_list_is_refused,
    a_forgotten_or_hidden_identity_is_in_no_list,
    identities_are_exported_as_text,
    an_export_holds_what_people_know_of_a_customer,
    a_long_export_comes_in_pieces,
    an_export_holds_what_the_caller_may_see,
];

fn customer(cast: &Cast, source: &Source, name: &str) -> String {
    let thread = unique("thread-");
    source.says(name, &thread, "Hello?");
    source.contents(&cast.otto, &thread)[0]["author_id"].as_str().unwrap().to_owned()
}

fn a_list_holds_the_identities_that_people_put_in(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    let [vera, marc, yuki] = ["vera", "marc", "yuki"].map(|name| customer(&cast, &source, name));
    let name = unique("Spring ");
    let list = otto.post("/1.0/identity_lists", &json!({ "name": format!("  {name} ") })).ok();
    assert_eq!(list["name"], json!(name));
    let own = format!("/1.0/identity_lists/{}", id(&list));
    let change = |verb: &str, who: &[&str]| otto.put(&format!("{own}/{verb}"), &json!({ "identity_ids": who })).ok();
    let members = || ids(&otto.get(&format!("{own}/identities")).ok());
    assert_eq!(members(), [""; 0]);
    change("add", &[&vera, &yuki, &vera]);
    assert_eq!(members(), [yuki.as_str(), &vera], "newest first, each once");
    let found = otto.get(&format!("/1.0/identities?identity_list_id={}", id(&list))).ok();
    assert_eq!(ids(&found), members());
    let narrower = format!("/1.0/identities?identity_list_id={}&foreign_id=vera", id(&list));
    assert_eq!(ids(&otto.get(&narrower).ok()), [vera.as_str()]);
    assert_eq!(ids(&otto.get("/1.0/identities?identity_list_id=nonsense").ok()), [""; 0]);
    change("add", &[&marc, &vera]);
    change("remove", &[&yuki, &yuki]);
    assert_eq!(members(), [marc.as_str(), &vera]);
    assert_eq!(ids(&otto.get(&format!("{own}/identities?limit=1&offset=1")).ok()), [vera.as_str()]);
    let before = otto.get(&own).ok();
    assert_eq!((change("add", &[&vera]), change("remove", &[&yuki])), (before.clone(), before));

    let renamed = unique("Summer ");
    assert_eq!(otto.put(&own, &json!({ "name": renamed })).ok()["name"], json!(renamed));
    assert!(ids(&otto.get("/1.0/identity_lists?limit=150").ok()).contains(&id(&list)));
    otto.delete(&own).ok();
    otto.get(&own).refused(404);
    otto.get(&format!("/1.0/identities/{vera}")).ok();
    for (name, count) in [("created", 1), ("updated", 4), ("destroyed", 1)] {
        let found = otto.search("/1.0/events", &format!("name_in:identity_list.{name}"));
        assert_eq!(found["count"], count, "{name}: {found}");
    }
}

fn a_wrong_list_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let name = unique("Autumn ");
    let list = otto.post("/1.0/identity_lists", &json!({ "name": name })).ok();
    for wrong in [json!(""), json!("  "), json!("x".repeat(256)), json!(name.to_uppercase())] {
        assert_eq!(otto.post("/1.0/identity_lists", &json!({ "name": wrong })).invalid(), ["name"], "{wrong}");
    }
    assert_eq!(otto.post("/1.0/identity_lists", &json!({})).invalid(), ["name"]);
    let add = format!("/1.0/identity_lists/{}/add", id(&list));
    for nobody in [json!(["0123456789abcdef01234567"]), json!(vec!["0123456789abcdef01234567"; 151])] {
        assert_eq!(otto.put(&add, &json!({ "identity_ids": nobody })).invalid(), ["identity_ids"]);
    }
    otto.put(&add, &json!({ "identity_ids": ["nonsense"] })).refused(400);
    otto.put("/1.0/identity_lists/nonsense/add", &json!({ "identity_ids": [] })).refused(404);
}

fn a_forgotten_or_hidden_identity_is_in_no_list(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    let [vera, marc] = ["vera", "marc"].map(|name| customer(&cast, &source, name));
    let list = id(&otto.post("/1.0/identity_lists", &json!({ "name": unique("Winter ") })).ok());
    let members = format!("/1.0/identity_lists/{list}/identities");
    otto.put(&format!("/1.0/identity_lists/{list}/add"), &json!({ "identity_ids": [vera, marc] })).ok();
    // Ada cannot read that source: she sees the list and nobody in it.
    assert_eq!(cast.ada.get(&members).ok()["count"], 0);
    otto.put(&format!("/1.0/identities/{vera}/anonymize"), &json!({})).ok();
    assert_eq!(ids(&otto.get(&members).ok()), [marc.as_str()]);
}

fn exported(cast: &Cast, body: &Value) -> Value {
    cast.otto.post("/1.0/identities/export", body).ok()
}

fn identities_are_exported_as_text(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (vera, marc) =
        (customer(&cast, &source, "=HYPERLINK(\"http://x\",\"y\")"), customer(&cast, &source, "marc, the 2nd"));
    let csv = exported(&cast, &json!({ "source_id": source.id }));
    assert_eq!((&csv["format"], &csv["count"], &csv["next"]), (&json!("csv"), &json!(3), &json!(null)), "{csv}");
    let text = csv["text"].as_str().unwrap();
    let lines: Vec<&str> = text.split_terminator("\r\n").collect();
    assert!(
        lines[0].starts_with("created_at,updated_at,community_type,community,id,uuid,foreign_id,screenname,"),
        "{text}"
    );
    assert_eq!(lines.len(), 4);
    assert!(lines[1].contains(",sdk,") && lines[1].contains(&marc) && lines[1].contains("\"marc, the 2nd\""), "{text}");
    // No spreadsheet runs what a stranger calls themselves.
    assert!(lines[2].contains(&vera) && lines[2].contains("\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""), "{text}");

    let json_lines = exported(&cast, &json!({ "source_id": source.id, "format": "json_lines" }));
    let read: Vec<Value> =
        json_lines["text"].as_str().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(read[0], cast.otto.get(&format!("/1.0/identities/{marc}")).ok());
    assert_eq!(read.len(), 3);
    let one = exported(&cast, &json!({ "source_id": source.id, "foreign_id": "nobody" }));
    assert_eq!((&one["count"], one["text"].as_str().unwrap().lines().count()), (&json!(0), 1));
    cast.otto.post("/1.0/identities/export", &json!({ "format": "xls" })).refused(400);
    assert_eq!(cast.otto.post("/1.0/identities/export", &json!({ "after": "x" })).invalid(), ["after"]);
    let events =
        cast.otto.search("/1.0/events", &format!("name_in:identity.export_created user:{}", cast.otto.user_id));
    assert!(records(&events).len() >= 3, "{events}");
}

fn an_export_holds_what_people_know_of_a_customer(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let vera = customer(&cast, &source, "vera");
    let key = unique("tea_");
    let field = json!({ "associated_type_name": "IdentityGroup", "label": &key, "key": &key });
    cast.otto.post("/1.0/custom_fields", &field).ok();
    let tag = cast.otto.post("/1.0/tags", &json!({ "name": unique("VIP ") })).ok();
    let known = json!({
        "company": "Kettles, Ltd", "emails": ["vera@example.com", "second@example.com"], "notes": "=likes green tea",
        "tag_ids": [tag["id"]], "custom_field_values": { (key.as_str()): "green" },
    });
    let group = cast.otto.put(&format!("/1.0/identities/{vera}/identity_group"), &known).ok();
    let of_group = json!({ "identity_group_id": group["id"] });
    let mut as_json = of_group.clone();
    as_json["format"] = json!("json_lines");
    let line: Value = serde_json::from_str(exported(&cast, &as_json)["text"].as_str().unwrap()).unwrap();
    assert_eq!(line["identity_group"], cast.otto.get(&format!("/1.0/identity_groups/{}", id(&group))).ok());
    assert_eq!(line["id"], vera.as_str());
    let csv = exported(&cast, &of_group);
    let csv = csv["text"].as_str().unwrap();
    assert!(csv.lines().next().unwrap().contains(",group_company,group_emails,"), "{csv}");
    for cell in ["\"Kettles, Ltd\"", "\"vera@example.com, second@example.com\"", "'=likes green tea", "\"\"green\"\""] {
        assert!(csv.contains(cell), "{cell} is not in {csv}");
    }
    assert!(csv.contains(tag["name"].as_str().unwrap()), "{csv}");
}

fn a_long_export_comes_in_pieces(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let hex = &source.community_id;
    let (community, bytes) = match engine {
        Engine::Sqlite => (format!("x'{hex}'"), "randomblob(12)"),
        Engine::Postgres => {
            (format!("decode('{hex}', 'hex')"), "substring(decode(md5(random()::text), 'hex') from 1 for 12)")
        }
    };
    cast.server.sql(&format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < 2300)
         INSERT INTO identities (id, community_id, foreign_id, type, extra_values, controlled, fingerprint, created_at, updated_at)
         SELECT {bytes}, {community}, 'many-' || n, 'sdk', '{{}}', FALSE, 0, n, n FROM numbers"
    ));
    let mut seen = std::collections::BTreeSet::new();
    let mut headings = 0;
    let (mut after, mut pieces) = (json!(null), 0);
    loop {
        let mut body = json!({ "community_id": hex });
        if after != json!(null) {
            body["after"] = after;
        }
        let piece = exported(&cast, &body);
        pieces += 1;
        for line in piece["text"].as_str().unwrap().split_terminator("\r\n") {
            match line.starts_with("created_at,") {
                true => headings += 1,
                false => assert!(seen.insert(line.split(',').nth(4).unwrap().to_owned()), "{line}"),
            }
        }
        after = piece["next"].clone();
        if after == json!(null) {
            break;
        }
    }
    // The desk's own voice is one of them.
    assert_eq!((seen.len(), headings, pieces), (2_301, 1, 3));
}

fn an_export_holds_what_the_caller_may_see(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    customer(&cast, &source, "vera");
    cast.ada.post("/1.0/identities/export", &json!({})).refused(403);
    let clerk = cast.hire(&["export_identity"]);
    let body = json!({ "community_id": source.community_id });
    assert_eq!(clerk.post("/1.0/identities/export", &body).ok()["count"], 0);
    let rights = json!({ &source.id: "read" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", clerk.user_id), &rights).ok();
    assert_eq!(clerk.post("/1.0/identities/export", &body).ok()["count"], 2);
}
