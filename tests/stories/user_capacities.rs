//! Capacity profiles: how much an agent takes, in place of what a channel says.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, ids};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![a_profile_overrides_what_channels_say, a_wrong_profile_is_refused,];

const NOBODY: &str = "0123456789abcdef01234567";

fn a_profile_overrides_what_channels_say(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let (source, _channel) = cast.new_source();
    let group = |sources: Value| {
        let channel = json!({
            "name": unique("Group "), "source_ids": sources, "soft_capability": 2, "hard_capability": 4,
        });
        id(&otto.post("/1.0/channels", &channel).ok())
    };
    let (first, second) = (group(json!([source.id])), group(json!([])));
    // As a form, where the order says what belongs to which channel.
    let name = unique("Trainee ");
    let form = [
        ("name", name.as_str()),
        ("channels[][channel_id]", &second),
        ("channels[][max_capacity]", "9"),
        ("channels[][channel_id]", &first),
        ("channels[][default_capacity]", "1"),
        ("channels[][max_capacity]", "1"),
    ];
    let made = otto.send(Request::new("POST", "/1.0/user_capacities").form(&form)).ok();
    let expected = json!([
        { "id": second, "default_capacity": 2, "max_capacity": 9 },
        { "id": first, "default_capacity": 1, "max_capacity": 1 },
    ]);
    assert_eq!((&made["name"], &made["channels"]), (&json!(name), &expected));
    let own = format!("/1.0/user_capacities/{}", id(&made));
    assert_eq!(otto.get(&own).ok(), made);
    assert!(ids(&otto.get("/1.0/user_capacities?limit=150").ok()).contains(&id(&made)));

    // What an agent takes follows.
    let mia = cast.hire(&["receive_tasks"]);
    let rights = json!({ (source.id.as_str()): "read,reply" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", mia.user_id), &rights).ok();
    mia.post("/1.0/status/me/connect", &json!({})).ok();
    let slots = || otto.get(&format!("/1.0/availability?source_id={}", source.id)).ok()["slots"].clone();
    assert_eq!(slots(), 2);
    let user = format!("/1.0/users/{}", mia.user_id);
    let given = otto.put(&user, &json!({ "user_capacity_id": id(&made) })).ok();
    assert_eq!((&given["user_capacity_id"], slots()), (&made["id"], json!(1)));
    let three = json!({ "channels": [{ "channel_id": first, "default_capacity": 3, "max_capacity": 3 }] });
    let changed = otto.put(&own, &three).ok();
    assert_eq!(changed["channels"], json!([{ "id": first, "default_capacity": 3, "max_capacity": 3 }]));
    assert_eq!((otto.put(&own, &three).ok(), slots()), (changed, json!(3)));
    let renamed = unique("Expert ");
    assert_eq!(otto.put(&own, &json!({ "name": renamed })).ok()["name"], json!(renamed));
    assert_eq!(otto.put(&user, &json!({ "user_capacity_id": "" })).ok()["user_capacity_id"], Value::Null);
    assert_eq!(slots(), 2);
    otto.put(&user, &json!({ "user_capacity_id": id(&made) })).ok();
    otto.delete(&own).ok();
    otto.get(&own).refused(404);
    assert_eq!((&otto.get(&user).ok()["user_capacity_id"], slots()), (&Value::Null, json!(2)));
    // A channel that goes leaves the profiles.
    let brief =
        otto.post("/1.0/user_capacities", &json!({ "name": unique("Brief "), "channels": [{ "channel_id": second }] }));
    let brief = format!("/1.0/user_capacities/{}", id(&brief.ok()));
    otto.delete(&format!("/1.0/channels/{second}")).ok();
    assert_eq!(otto.get(&brief).ok()["channels"], json!([]));
}

fn a_wrong_profile_is_refused(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let name = unique("Profile ");
    otto.post("/1.0/user_capacities", &json!({ "name": name })).ok();
    let channel = id(&otto.post("/1.0/channels", &json!({ "name": unique("Group ") })).ok());
    let with = |channels: Value| json!({ "name": unique("Wrong "), "channels": channels });
    for (wrong, attribute) in [
        (json!({}), "name"),
        (json!({ "name": name.to_uppercase() }), "name"),
        (with(json!([{ "channel_id": NOBODY }])), "channels"),
        (with(json!([{ "channel_id": channel }, { "channel_id": channel }])), "channels"),
        (with(json!([{ "channel_id": channel, "default_capacity": 0 }])), "channels"),
        (with(json!([{ "channel_id": channel, "max_capacity": 0 }])), "channels"),
        (with(json!([{ "channel_id": channel, "max_capacity": 1001 }])), "channels"),
        (with(json!([{ "channel_id": channel, "default_capacity": 5, "max_capacity": 4 }])), "channels"),
        (with(json!([{ "default_capacity": 5 }])), "channels[0][channel_id]"),
    ] {
        assert_eq!(otto.post("/1.0/user_capacities", &wrong).invalid(), [attribute], "{wrong}");
    }
    cast.ada.get("/1.0/user_capacities").refused(403);
}
