//! Languages and time zones to choose from.

use std::collections::BTreeSet;

use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

on_both_engines![languages_and_time_zones_are_listed, what_is_listed_can_be_chosen];

fn list(cast: &Cast, path: &str) -> Vec<Value> {
    let list = cast.rita.get(path).ok();
    list.as_array().unwrap_or_else(|| panic!("{path} is no bare array: {list}")).clone()
}

fn languages_and_time_zones_are_listed(engine: Engine) {
    let cast = Cast::shared(engine);
    let spoken = list(&cast, "/1.0/interface_locales");
    assert_eq!(spoken, [json!({ "code": "en", "name": "English" }), json!({ "code": "fr", "name": "French" })]);
    let locales = list(&cast, "/1.0/locales");
    let marked: Vec<_> =
        locales.iter().filter(|locale| locale["interface"] == true).map(|l| l["code"].clone()).collect();
    assert_eq!(marked, [json!("en"), json!("fr")]);
    let codes: BTreeSet<_> = locales.iter().map(|locale| locale["code"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), locales.len());
    let zones = list(&cast, "/1.0/timezones");
    assert!(zones.len() > 400);
    let offset = |name: &str| zones.iter().find(|zone| zone["name"] == name).unwrap()["utc_offset"].as_i64().unwrap();
    assert_eq!(offset("UTC"), 0);
    assert_eq!(offset("Asia/Kolkata"), 19_800, "in seconds");
    assert!([3_600, 7_200].contains(&offset("Europe/Paris")));
    for zone in &zones {
        assert_eq!(zone.as_object().unwrap().len(), 2, "{zone}");
    }
}

fn what_is_listed_can_be_chosen(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    for (name, value) in [
        ("locale", list(&cast, "/1.0/locales").last().unwrap()["code"].clone()),
        ("timezone", list(&cast, "/1.0/timezones")[0]["name"].clone()),
    ] {
        assert_eq!(cast.otto.put("/1.0/settings", &json!({ name: value })).ok()[name], value);
    }
}
