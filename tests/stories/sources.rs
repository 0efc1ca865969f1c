//! Sources and communities: created, set up, read, removed.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::{Cast, Engine, Source};
use serde_json::{Value, json};

on_both_engines![
    only_email_sources_have_email_credentials,
    a_community_and_a_source_are_created_and_removed,
    a_wrong_source_is_refused_attribute_by_attribute,
    the_secret_is_made_when_it_is_not_given_and_is_nobody_elses,
    a_source_is_updated_and_keeps_the_rest,
    what_was_promised_or_limited_can_be_taken_back,
    a_setting_of_another_kind_of_source_is_refused,
    sources_are_listed_by_right_and_state,
    what_is_in_use_is_not_deleted,
    a_messaging_source_is_there_to_be_looked_at,
    new_threads_get_the_categories_of_their_source,
    the_source_says_what_customers_see_as_the_sender,
    nobody_gets_at_customers_by_a_source_of_their_own,
];

fn a_community_and_a_source_are_created_and_removed(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let name = unique("Community ");
    let community = otto.post("/1.0/communities", &json!({ "type": "sdk", "name": format!("  {name} ") })).ok();
    assert_eq!(
        (&community["name"], &community["type"], &community["active"]),
        (&json!(name), &json!("sdk"), &json!(true))
    );
    let path = format!("/1.0/communities/{}", id(&community));
    assert_eq!(otto.get(&path).ok(), community);
    // The newest come last.
    let last = |path: &str| {
        let count = otto.get(&format!("{path}limit=1")).ok()["count"].as_u64().unwrap();
        ids(&otto.get(&format!("{path}limit=150&offset={}", count.saturating_sub(50))).ok())
    };
    assert!(last("/1.0/communities?").contains(&id(&community)));
    let source =
        json!({ "type": "sdk", "name": "Shop", "community_id": community["id"], "base_uri": "https://c.example/sdk" });
    let source = otto.post("/1.0/content_sources", &source).ok();
    assert_eq!((&source["type"], &source["status"], &source["active"]), (&json!("sdk"), &json!("ok"), &json!(true)));
    assert_eq!((&source["community_id"], &source["channel_id"]), (&community["id"], &Value::Null));
    assert_eq!(source["base_uri"], "https://c.example/sdk");
    // Whoever administrates has every right on it at once.
    for permission in ["read", "initiate_discussion"] {
        let listed = last(&format!("/1.0/content_sources?permission={permission}&"));
        assert!(listed.contains(&id(&source)), "{permission}");
    }
    otto.delete(&path).refused(422);
    let source_path = format!("/1.0/content_sources/{}", id(&source));
    assert_eq!(otto.delete(&source_path).ok()["id"], source["id"]);
    otto.get(&source_path).refused(404);
    assert_eq!(otto.delete(&path).ok(), community);
    otto.get(&path).refused(404);
    otto.delete(&path).refused(404);
}

fn a_wrong_source_is_refused_attribute_by_attribute(engine: Engine) {
    let cast = Cast::shared(engine);
    let other = json!({ "type": "mobile_messaging", "name": unique("Community ") });
    let other = cast.otto.post("/1.0/communities", &other).ok();
    let good = json!({ "type": "sdk", "name": "Shop", "community_id": cast.shop.community_id, "base_uri": "https://c.example" });
    for (name, value) in [
        ("type", json!("carrier_pigeon")),
        ("type", json!("")),
        ("name", json!("")),
        ("name", json!("x".repeat(256))),
        ("community_id", json!("0123456789abcdef01234567")),
        ("community_id", other["id"].clone()),
        ("base_uri", json!("ftp://c.example")),
        ("base_uri", json!("c.example")),
        ("options", json!(["messages.colour"])),
    ] {
        let mut source = good.clone();
        source[name] = value.clone();
        assert_eq!(cast.otto.post("/1.0/content_sources", &source).invalid(), [name], "{name}: {value}");
    }
    let mut errors = cast.otto.post("/1.0/content_sources", &json!({})).invalid();
    errors.sort_unstable();
    assert_eq!(errors, ["community_id", "name", "type"]);
    for (name, value) in [("type", json!("pigeons")), ("name", json!(" "))] {
        let mut community = json!({ "type": "sdk", "name": "x" });
        community[name] = value;
        assert_eq!(cast.otto.post("/1.0/communities", &community).invalid(), [name]);
    }
}

fn the_secret_is_made_when_it_is_not_given_and_is_nobody_elses(engine: Engine) {
    let cast = Cast::shared(engine);
    let (one, channel) = cast.new_source();
    assert!(one.secret.len() >= 32);
    let taken = json!({
        "type": "sdk", "name": "Twin", "community_id": one.community_id, "base_uri": channel.base_uri(),
        "access_token": one.secret,
    });
    assert_eq!(cast.otto.post("/1.0/content_sources", &taken).invalid(), ["access_token"]);
    // A parameter of that name is also how tokens travel: the header says who asks.
    let path = format!("/1.0/content_sources/{}", one.id);
    let secret = unique("a-secret-of-our-own-");
    cast.otto.put(&path, &json!({ "access_token": secret })).ok();
    assert_eq!(cast.otto.get(&format!("{path}?extended=true")).ok()["access_token"], secret);
    assert!(cast.otto.get(&path).ok().get("access_token").is_none());
    assert_eq!(cast.otto.put(&path, &json!({ "access_token": "short" })).invalid(), ["access_token"]);
    // Changing something else keeps it, and so does a form that is sent back with its field empty.
    cast.otto.put(&path, &json!({ "name": "Renamed", "access_token": "" })).ok();
    cast.otto.put(&path, &json!({ "name": "Renamed" })).ok();
    assert_eq!(cast.otto.get(&format!("{path}?extended=true")).ok()["access_token"], secret);
}

fn a_source_is_updated_and_keeps_the_rest(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/content_sources/{}", source.id);
    let before = source.shown(&cast.otto);
    let answer = |language: &str| json!({ "language": language, "created_from_trigger": "first_message_from_user", "body": "Soon." });
    let form = [
        ("name", "Renamed"),
        ("color", "3"),
        ("sla_response", "3600"),
        ("sla_threshold", "80"),
        ("sla_expired_strategy", "half"),
        ("content_languages[]", "en"),
        ("content_languages[]", "fr"),
        ("hidden_from_stats", "true"),
        ("from_name", "{{firstname}} of Kettle"),
        ("default_content_language", "en"),
        ("signatures[][language]", "en"),
        ("signatures[][body]", "Yours"),
        ("auto_response_trigger_enabled[first_message_from_user]", "true"),
        ("unknown", "is ignored"),
    ];
    let updated = cast.otto.send(Request::new("PUT", &path).form(&form)).ok();
    assert_eq!(
        (&updated["name"], &updated["color"], &updated["sla_response"]),
        (&json!("Renamed"), &json!(3), &json!(3600))
    );
    assert_eq!((&updated["sla_threshold"], &updated["sla_expired_strategy"]), (&json!(80), &json!("half")));
    assert_eq!(updated["content_languages"], json!(["en", "fr"]));
    assert_eq!(
        (&updated["hidden_from_stats"], &updated["from_name"]),
        (&json!(true), &json!("{{firstname}} of Kettle"))
    );
    assert_eq!(updated["signatures"][0]["body"], "Yours");
    assert_eq!(updated["auto_response_trigger_enabled"]["first_message_from_user"], true);
    assert_ne!(updated["color_hex"], before["color_hex"]);
    assert_eq!(source.shown(&cast.otto), updated);
    assert_eq!(updated["community_id"], before["community_id"]);
    for (name, value) in [
        ("color", json!(10)),
        ("sla_threshold", json!(100)),
        ("sla_expired_strategy", json!("never")),
        ("name", json!("")),
        ("attachments_security_level", json!("lax")),
        ("default_category_ids", json!(["0123456789abcdef01234567"])),
        ("base_uri", json!("nowhere")),
        ("time_sheet_ids", json!(["0123456789abcdef01234567"])),
        ("sla_response", json!(-1)),
        ("content_archiving_period", json!(i64::MAX)),
        ("time_for_thread_inclusion", json!(i64::MIN)),
        ("default_content_language", json!("klingon")),
        ("content_languages", json!(["en", "xx"])),
        ("content_languages", json!(vec!["en"; 101])),
        ("signatures", json!([{ "language": "english", "body": "Yours" }])),
        ("signatures", json!(vec![json!({ "language": "en", "body": "Yours" }); 101])),
        ("auto_response_triggers", json!([answer("e")])),
        ("auto_response_triggers", json!(vec![answer("en"); 101])),
    ] {
        assert_eq!(cast.otto.put(&path, &json!({ name: value })).invalid(), [name], "{name}");
    }
    for (seconds, is_fine) in [(0, true), (31_536_000, true), (-1, false), (31_536_001, false), (i64::MIN, false)] {
        for occasion in ["first_message_from_user", "out_of_office_hours_message"] {
            let answered =
                cast.otto.put(&path, &json!({ "auto_response_trigger_grace_periods": { occasion: seconds } }));
            match is_fine {
                true => assert_eq!(answered.ok()["auto_response_trigger_grace_periods"][occasion], seconds),
                false => assert_eq!(answered.invalid(), [format!("auto_response_trigger_grace_periods[{occasion}]")]),
            }
        }
    }
    let unset = json!({
        "auto_response_trigger_grace_periods": { "first_message_from_user": null, "out_of_office_hours_message": "" },
    });
    cast.otto.put(&path, &unset).ok();
    let mut shown = source.shown(&cast.otto);
    shown["updated_at"] = updated["updated_at"].clone();
    assert_eq!(shown, updated, "a refused update changes nothing");
    cast.otto.put(&path, &json!({ "color": "blue" })).refused(400);
    cast.otto.put(&path, &json!({ "hidden_from_stats": "perhaps" })).refused(400);
}

fn what_was_promised_or_limited_can_be_taken_back(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/content_sources/{}", source.id);
    let names = ["sla_response", "content_archiving_period", "default_task_priority", "time_for_thread_inclusion"];
    for name in names {
        for nothing in [json!(null), json!("")] {
            assert_eq!(cast.otto.put(&path, &json!({ name: 3600 })).ok()[name], 3600);
            assert_eq!(cast.otto.put(&path, &json!({ "color": 1 })).ok()[name], 3600, "what is not named stays");
            assert_eq!(cast.otto.put(&path, &json!({ name: nothing })).ok()[name], Value::Null, "{name}");
        }
    }
    // As forms have it.
    cast.otto.put(&path, &json!({ "time_for_thread_inclusion": 60 })).ok();
    let form =
        [("time_for_thread_inclusion", ""), ("auto_response_trigger_grace_periods[first_message_from_user]", "")];
    let shown = cast.otto.send(Request::new("PUT", &path).form(&form)).ok();
    assert_eq!(shown["time_for_thread_inclusion"], Value::Null);
}

fn a_setting_of_another_kind_of_source_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/content_sources/{}", source.id);
    for name in ["enable_web", "imap_address", "smtp_port", "threading_heuristics"] {
        let value = if name == "smtp_port" {
            json!(25)
        } else if name == "imap_address" {
            json!("x")
        } else {
            json!(true)
        };
        assert_eq!(cast.otto.put(&path, &json!({ name: value })).invalid(), [name]);
    }
}

fn sources_are_listed_by_right_and_state(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let list = |filter: &str| {
        let page =
            |offset: i64| cast.otto.get(&format!("/1.0/content_sources?limit=150&offset={offset}&{filter}")).ok();
        let count = page(0)["count"].as_i64().unwrap();
        (0..=count / 150).flat_map(|number| ids(&page(number * 150))).collect::<Vec<_>>()
    };
    assert!(list("").contains(&source.id) && list("active=true").contains(&source.id));
    assert!(!list("active=false").contains(&source.id));
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "active": false })).ok();
    assert!(!list("active=true").contains(&source.id) && list("active=0").contains(&source.id));
    assert_eq!(list("")[0], cast.shop.id, "oldest first");
    let rights = |permission: &str| ids(&cast.bo.get(&format!("/1.0/content_sources?permission={permission}")).ok());
    // Other stories let Bo read more.
    assert!(rights("read").contains(&cast.shop.id) && !rights("read").contains(&source.id));
    assert_eq!(rights("initiate_discussion"), [""; 0]);
    cast.otto.get("/1.0/content_sources?permission=everything").refused(400);
    cast.otto.get("/1.0/content_sources?active=perhaps").refused(400);
}

fn what_is_in_use_is_not_deleted(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    cast.otto.delete(&format!("/1.0/content_sources/{}", source.id)).refused(422);
    cast.otto.delete(&format!("/1.0/communities/{}", source.community_id)).refused(422);
    assert_eq!(source.contents(&cast.otto, "t").len(), 1);
    for noun in ["content_sources", "communities"] {
        cast.otto.delete(&format!("/1.0/{noun}/0123456789abcdef01234567")).refused(404);
        cast.otto.delete(&format!("/1.0/{noun}/nonsense")).refused(404);
    }
}

fn a_messaging_source_is_there_to_be_looked_at(engine: Engine) {
    let cast = Cast::shared(engine);
    let community = json!({ "type": "mobile_messaging", "name": unique("Messaging ") });
    let community = cast.otto.post("/1.0/communities", &community).ok();
    let source = json!({ "type": "mobile_messaging", "name": "App", "community_id": community["id"] });
    let source = cast.otto.post("/1.0/content_sources", &source).ok();
    let path = format!("/1.0/content_sources/{}", id(&source));
    assert_eq!((&source["enable_web"], &source["live_chat"]), (&json!(true), &json!(false)));
    assert_eq!(cast.otto.put(&path, &json!({ "enable_web": false })).ok()["enable_web"], false);
    // Its channel is not the Channel SDK's, and a message goes to somebody.
    let aimless = json!({ "source_id": source["id"], "body": "Hello" });
    assert_eq!(cast.otto.post("/1.0/contents", &aimless).invalid(), ["to"]);
    let knock = Request::new("POST", &format!("/realtime/sdk/{}", id(&source))).body("application/json", "{}");
    assert_eq!(cast.server.send(&knock).refused(422)["message"], "Source not found");
    cast.otto.delete(&path).ok();
}

fn new_threads_get_the_categories_of_their_source(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let (customers, agents) = (cast.otto.create_category(&json!({})), cast.otto.create_category(&json!({})));
    let settings =
        json!({ "default_category_ids": [customers["id"]], "user_thread_default_category_ids": [agents["id"]] });
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &settings).ok();
    source.says("vera", "t", "Hello?");
    assert_eq!(source.thread(&cast.otto, "t")["thread_category_ids"], json!([customers["id"]]));
    let first = cast.otto.post("/1.0/contents", &json!({ "source_id": source.id, "body": "News" })).ok();
    let thread = cast.otto.get(&format!("/1.0/content_threads/{}", first["thread_id"].as_str().unwrap())).ok();
    assert_eq!(thread["thread_category_ids"], json!([agents["id"]]));
    // A category that goes away stops no message.
    cast.otto.delete(&format!("/1.0/categories/{}", id(&customers))).ok();
    source.says("marc", "u", "Hello?");
    assert_eq!(source.thread(&cast.otto, "u")["thread_category_ids"], json!([]));
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &json!({ "name": "Still editable" })).ok();
}

fn the_source_says_what_customers_see_as_the_sender(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, channel) = cast.new_source();
    let settings = json!({ "from_name": "{{firstname}} at Kettle & Co." });
    cast.otto.put(&format!("/1.0/content_sources/{}", source.id), &settings).ok();
    source.says("vera", "t", "Hello?");
    cast.otto.reply(&id(&source.contents(&cast.otto, "t")[0]), "Hello");
    assert_eq!(channel.push_of("Hello").params()["sender_name"], "Otto at Kettle & Co.");
    let listed = cast.otto.get("/1.0/content_sources?limit=150").ok();
    assert!(records(&listed).iter().all(|source| source.get("base_uri").is_none()));
    let _: &Source = &source;
}

fn only_email_sources_have_email_credentials(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/content_sources/{}/email_credentials", source.id);
    let credentials = json!({ "imap": { "username": "u", "password": "p" }, "smtp": { "username": "u" } });
    let refused = cast.otto.put(&path, &credentials).refused(422);
    assert!(refused["message"].as_str().unwrap().contains("e-mail"), "{refused}");
    cast.otto.put(&path, &json!({ "imap": "u" })).refused(400);
    cast.ada.put(&path, &credentials).refused(403);
    cast.otto.put("/1.0/content_sources/nonsense/email_credentials", &credentials).refused(404);
}

fn nobody_gets_at_customers_by_a_source_of_their_own(engine: Engine) {
    let cast = Cast::shared(engine);
    let [(own, _), (other, _)] = [cast.new_source(), cast.new_source()];
    other.says("vera", "t", "Hello?");
    let mallory = cast.hire(&["create_content_source", "create_community", "read_identity"]);
    let rights = json!({ (own.id.as_str()): "read" });
    cast.otto.put(&format!("/1.0/users/{}/sources_permissions", mallory.user_id), &rights).ok();
    let source = |community: &str| json!({ "type": "sdk", "name": "Mine", "community_id": community, "base_uri": "https://c.example" });
    let create =
        |person: &frontdesk_tests::Person, community: &str| person.post("/1.0/content_sources", &source(community));
    let community = |person: &frontdesk_tests::Person| {
        id(&person.post("/1.0/communities", &json!({ "type": "sdk", "name": unique("Community ") })).ok())
    };
    create(&mallory, &own.community_id).ok();
    create(&mallory, &community(&mallory)).ok();
    assert_eq!(create(&mallory, &other.community_id).invalid(), ["community_id"]);
    let seen = mallory.get(&format!("/1.0/identities?community_id={}", other.community_id)).ok();
    assert!(records(&seen).is_empty(), "{seen}");
    // Nor do they wait in somebody else's for customers to come.
    let empty = community(&cast.otto);
    assert_eq!(create(&mallory, &empty).invalid(), ["community_id"]);
    create(&cast.hire(&["create_content_source", "manage_identities"]), &empty).ok();
}
