//! Channels: groups of sources whose work is shared out together.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine, eventually};
use serde_json::{Value, json};

on_both_engines![
    a_channel_groups_sources_and_says_how_much_an_agent_takes,
    a_category_that_goes_leaves_channels,
    a_source_is_in_one_channel_at_most,
    what_a_channel_cannot_be_is_refused,
    who_may_not_read_a_source_neither_sees_nor_moves_it,
];

fn a_channel_groups_sources_and_says_how_much_an_agent_takes(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let otto = &cast.otto;
    let (name, other) = (unique("Live "), unique("Slow "));
    let channel = otto.post("/1.0/channels", &json!({ "name": format!(" {name} ") })).ok();
    let own = format!("/1.0/channels/{}", id(&channel));
    assert_eq!((&channel["name"], &channel["label"]), (&json!(name), &json!(name)));
    assert_eq!((&channel["soft_capability"], &channel["hard_capability"]), (&json!(3), &json!(5)));
    for none in ["task_timeout_seconds", "agent_sla", "agent_sla_threshold", "task_auto_complete_seconds"] {
        assert_eq!(channel[none], 0, "{none}");
    }
    assert_eq!((&channel["source_ids"], &channel["auto_complete_category_ids"]), (&json!([]), &json!([])));
    let slow = otto.post("/1.0/channels", &json!({ "name": other, "soft_capability": 8 })).ok();
    assert_eq!((&slow["soft_capability"], &slow["hard_capability"]), (&json!(8), &json!(8)));
    let all = ids(&otto.get("/1.0/channels").ok());
    assert!(all.ends_with(&[id(&channel), id(&slow)]), "oldest first: {all:?}");

    let category = id(&otto.create_category(&json!({ "name": unique("Done ") })));
    let change = json!({
        "name": unique("Chat "), "source_ids": [cast.shop.id], "soft_capability": 2, "hard_capability": 4,
        "task_timeout_seconds": 600, "agent_sla": 120, "agent_sla_threshold": 75, "task_auto_complete_seconds": 3600,
        "auto_complete_category_ids": [category],
    });
    let changed = otto.put(&own, &change).ok();
    for (name, value) in change.as_object().unwrap() {
        assert_eq!(&changed[name], value, "{name}");
    }
    assert_eq!(otto.get(&own).ok(), changed);
    assert_eq!(otto.put(&own, &change).ok(), changed, "nothing changed");
    otto.delete(&own).ok();
    otto.get(&own).refused(404);
    assert_eq!(cast.shop.shown(otto)["channel_id"], Value::Null);
    // One is the example's.
    for (kind, count) in [("created", 3), ("updated", 1), ("destroyed", 1)] {
        let found = otto.search("/1.0/events", &format!("name_in:channel.{kind}"));
        assert_eq!(found["count"], count, "{kind}: {found}");
    }
}

fn a_category_that_goes_leaves_channels(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let [first, second, third] = [(); 3].map(|()| id(&otto.create_category(&json!({}))));
    let parameters = json!({ "name": unique("Live "), "auto_complete_category_ids": [first, second] });
    let own = format!("/1.0/channels/{}", id(&otto.post("/1.0/channels", &parameters).ok()));
    let has = |wanted: Value| {
        eventually("they are", || (otto.get(&own).ok()["auto_complete_category_ids"] == wanted).then_some(()));
    };
    let gone = |category: &str, heir: &Value| {
        otto.send(Request::new("DELETE", &format!("/1.0/categories/{category}")).json(heir)).ok();
    };
    gone(&first, &json!({ "take_over_category_id": third }));
    has(json!([third, second]));
    gone(&third, &json!({ "take_over_category_id": second }));
    has(json!([second]));
    gone(&second, &json!({}));
    has(json!([]));
}

fn a_source_is_in_one_channel_at_most(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    let create = |sources: Value| {
        id(&otto.post("/1.0/channels", &json!({ "name": unique("Group "), "source_ids": sources })).ok())
    };
    let of = |channel: &str| otto.get(&format!("/1.0/channels/{channel}")).ok()["source_ids"].clone();
    let (first, second) = (create(json!([source.id])), create(json!([])));
    assert_eq!(source.shown(otto)["channel_id"], json!(first));
    otto.put(&format!("/1.0/channels/{second}"), &json!({ "source_ids": [source.id, source.id] })).ok();
    assert_eq!((of(&first), of(&second)), (json!([]), json!([source.id])));
    // The source may be put into a channel as well.
    let own = format!("/1.0/content_sources/{}", source.id);
    assert_eq!(otto.put(&own, &json!({ "channel_id": first })).ok()["channel_id"], json!(first));
    assert_eq!((of(&first), of(&second)), (json!([source.id]), json!([])));
    assert_eq!(otto.put(&own, &json!({ "channel_id": "" })).ok()["channel_id"], Value::Null);
    assert_eq!(of(&first), json!([]));
    for wrong in ["nonsense", "0123456789abcdef01234567"] {
        assert_eq!(otto.put(&own, &json!({ "channel_id": wrong })).invalid(), ["channel_id"], "{wrong}");
    }
    otto.put(&own, &json!({ "channel_id": second })).ok();
    otto.delete(&format!("/1.0/channels/{second}")).ok();
    assert_eq!(source.shown(otto)["channel_id"], Value::Null);
}

fn what_a_channel_cannot_be_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let name = unique("Queue ");
    let channel = otto.post("/1.0/channels", &json!({ "name": name })).ok();
    let own = format!("/1.0/channels/{}", id(&channel));
    assert_eq!(otto.post("/1.0/channels", &json!({})).invalid(), ["name"]);
    assert_eq!(otto.post("/1.0/channels", &json!({ "name": name.to_uppercase() })).invalid(), ["name"]);
    let unknown = "0123456789abcdef01234567";
    for (change, attribute) in [
        (json!({ "name": " " }), "name"),
        (json!({ "soft_capability": 6 }), "hard_capability"),
        (json!({ "soft_capability": 0 }), "soft_capability"),
        (json!({ "hard_capability": 1001 }), "hard_capability"),
        (json!({ "task_timeout_seconds": -1 }), "task_timeout_seconds"),
        (json!({ "agent_sla_threshold": 100 }), "agent_sla_threshold"),
        (json!({ "source_ids": [unknown] }), "source_ids"),
        (json!({ "auto_complete_category_ids": [unknown] }), "auto_complete_category_ids"),
    ] {
        assert_eq!(otto.put(&own, &change).invalid(), [attribute], "{change}");
    }
    otto.put(&own, &json!({ "soft_capability": "many" })).refused(400);
    assert_eq!(otto.get(&own).ok(), channel);
}

fn who_may_not_read_a_source_neither_sees_nor_moves_it(engine: Engine) {
    let cast = Cast::shared(engine);
    let (source, _channel) = cast.new_source();
    let parameters = json!({ "name": unique("Hidden "), "source_ids": [source.id] });
    let own = format!("/1.0/channels/{}", id(&cast.otto.post("/1.0/channels", &parameters).ok()));
    let manager = cast.hire(&["manage_topologies"]);
    assert_eq!(manager.get(&own).ok()["source_ids"], json!([]));
    assert_eq!(manager.put(&own, &json!({ "source_ids": [source.id] })).invalid(), ["source_ids"]);
    manager.put(&own, &json!({ "source_ids": [] })).ok();
    assert_eq!(cast.otto.get(&own).ok()["source_ids"], json!([source.id]));
    cast.ada.put(&own, &json!({ "agent_sla": 5 })).refused(403);
}
