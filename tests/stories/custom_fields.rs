//! Custom fields: what an installation wants to know beyond what there is.

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, Request};
use serde_json::{Value, json};

on_both_engines![
    a_custom_field_is_made_changed_and_deleted,
    keys_are_unique_for_what_they_belong_to,
    fields_are_ordered_by_position,
    what_cannot_be_is_refused_by_name,
    interventions_carry_values_of_every_type,
    a_deleted_fields_values_never_come_back,
    read_only_fields_are_for_those_who_manage_them,
];

fn field(cast: &Cast, fields: Value) -> Value {
    let mut field = json!({ "associated_type_name": "Intervention", "label": unique("Field ") });
    for (name, value) in fields.as_object().unwrap() {
        field[name] = value.clone();
    }
    cast.otto.post("/1.0/custom_fields", &field).ok()
}

fn key(field: &Value) -> &str {
    field["key"].as_str().unwrap()
}

fn a_custom_field_is_made_changed_and_deleted(engine: Engine) {
    let cast = Cast::shared(engine);
    let label = unique("Customer Number ");
    let made = field(&cast, json!({ "label": label, "choices": ["a", " b ", "a"], "type": "single_choice" }));
    assert_eq!((&made["label"], &made["type"]), (&json!(label), &json!("single_choice")));
    assert_eq!(made["key"], json!(label.to_lowercase().replace(' ', "_")));
    assert_eq!((&made["associated_type_name"], &made["multiple"]), (&json!("Intervention"), &json!(false)));
    let path = format!("/1.0/custom_fields/{}", id(&made));
    assert_eq!(cast.otto.get(&path).ok(), made);
    let extended = cast.otto.get(&format!("{path}?extended=true")).ok();
    assert_eq!((&extended["choices"], &extended["read_only"]), (&json!(["a", "b"]), &json!(false)));
    // Key and type are for ever; what may change does.
    let change = json!({ "label": "Other", "key": "other", "type": "text", "multiple": true, "read_only": "yes" });
    let changed = cast.otto.put(&path, &change).ok();
    assert_eq!((&changed["label"], &changed["key"], &changed["type"]), (&json!("Other"), &made["key"], &made["type"]));
    assert_eq!(cast.otto.get(&format!("{path}?extended=true")).ok()["read_only"], true);
    assert_eq!(cast.otto.put(&path, &json!({ "choices": [] })).invalid(), ["choices"]);
    assert_eq!(id(&cast.otto.delete(&path).ok()), id(&made));
    cast.otto.get(&path).refused(404);
    for answer in [cast.ada.get("/1.0/custom_fields"), cast.ada.get(&path), cast.ada.delete(&path)] {
        answer.refused(403);
    }
    cast.ada.post("/1.0/custom_fields", &json!({})).refused(403);
    // Who manages none reads what to fill in.
    let other = field(&cast, json!({ "label": unique("Colour "), "choices": ["red"], "type": "single_choice" }));
    let list = cast.ada.get("/1.0/custom_fields/descriptions?extended=true&limit=150").ok();
    let described = records(&list).iter().find(|one| one["id"] == other["id"]).expect("it is described");
    assert_eq!((&described["label"], &described["choices"]), (&other["label"], &json!(["red"])));
}

fn keys_are_unique_for_what_they_belong_to(engine: Engine) {
    let cast = Cast::shared(engine);
    let name = unique("key_");
    let make = |object: &str, fields: Value| {
        let mut field = json!({ "associated_type_name": object, "label": name });
        for (name, value) in fields.as_object().unwrap() {
            field[name] = value.clone();
        }
        cast.otto.post("/1.0/custom_fields", &field)
    };
    assert_eq!(make("Intervention", json!({})).ok()["key"], json!(name));
    assert_eq!(make("IdentityGroup", json!({ "key": name })).ok()["key"], json!(name));
    assert_eq!(make("Intervention", json!({ "key": name })).invalid(), ["key"]);
    // One that is made from the label steps aside.
    assert_eq!(make("Intervention", json!({ "key": "" })).ok()["key"], json!(format!("{name}_2")));
}

fn fields_are_ordered_by_position(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let make = |label: &str, position: Value| {
        field(&cast, json!({ "associated_type_name": "IdentityGroup", "label": label, "position": position }))
    };
    let labels = || -> Vec<String> {
        let page = cast.otto.get("/1.0/custom_fields").ok();
        let numbered = records(&page).iter().enumerate().all(|(index, field)| field["position"] == index);
        assert!(numbered, "{page}");
        // The examples have one of their own.
        let ours = records(&page).iter().filter(|field| field["label"] != "Last topic");
        ours.map(|field| field["label"].as_str().unwrap().to_owned()).collect()
    };
    let a = make("a", json!(null));
    make("b", json!(-1));
    make("c", json!(0));
    make("d", json!(99));
    assert_eq!(labels(), ["c", "a", "b", "d"]);
    let path = format!("/1.0/custom_fields/{}", id(&a));
    cast.otto.put(&path, &json!({ "position": -1 })).ok();
    assert_eq!(labels(), ["c", "b", "d", "a"]);
    cast.otto.put(&path, &json!({ "position": "1" })).ok();
    assert_eq!(labels(), ["c", "a", "b", "d"]);
    cast.otto.delete(&path).ok();
    assert_eq!(labels(), ["c", "b", "d"]);
    assert_eq!(
        cast.otto
            .put(&format!("/1.0/custom_fields/{}", id(&make("e", json!(1)))), &json!({ "position": -2 }))
            .invalid(),
        ["position"]
    );
}

fn what_cannot_be_is_refused_by_name(engine: Engine) {
    let cast = Cast::shared(engine);
    let refused = |fields: Value| {
        let mut field = json!({ "associated_type_name": "Intervention", "label": "x" });
        for (name, value) in fields.as_object().unwrap() {
            field[name] = value.clone();
        }
        cast.otto.post("/1.0/custom_fields", &field)
    };
    for (fields, attribute) in [
        (json!({ "label": " " }), "label"),
        (json!({ "label": "x".repeat(256) }), "label"),
        (json!({ "key": "a b" }), "key"),
        (json!({ "key": "k".repeat(101) }), "key"),
        (json!({ "type": "single_choice" }), "choices"),
        (json!({ "type": "multiple_choice", "choices": ["", " "] }), "choices"),
        (json!({ "type": "integer", "choices": ["1"] }), "choices"),
        (json!({ "type": "single_choice", "choices": ["x".repeat(256)] }), "choices"),
        (json!({ "type": "single_choice", "choices": vec!["x"; 501] }), "choices"),
        (json!({ "position": -2 }), "position"),
        (json!({ "regex": "(" }), "regex"),
        (json!({ "regex": "((a{100}){100}){100}" }), "regex"),
        (json!({ "regex": "a", "type": "boolean" }), "regex"),
    ] {
        assert_eq!(refused(fields.clone()).invalid(), [attribute], "{fields}");
    }
    for fields in
        [json!({ "type": "colour" }), json!({ "associated_type_name": "User" }), json!({ "read_only": "maybe" })]
    {
        refused(fields).refused(400);
    }
}

/// An intervention on a source of its own.
fn intervention(cast: &Cast) -> String {
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    id(&cast.otto.engage(&id(&source.contents(&cast.otto, "t")[0])))
}

fn interventions_carry_values_of_every_type(engine: Engine) {
    let cast = Cast::shared(engine);
    let path = format!("/1.0/interventions/{}", intervention(&cast));
    let choices = json!(["red", "blue"]);
    for (made, given, shown, wrong) in [
        (json!({}), json!("=1+1"), json!("=1+1"), json!("two\nlines")),
        (json!({ "type": "text" }), json!("two\nlines"), json!("two\nlines"), json!("x".repeat(20_001))),
        (json!({ "type": "boolean" }), json!("on"), json!(true), json!("maybe")),
        (json!({ "type": "integer" }), json!("-7"), json!(-7), json!("7.5")),
        (json!({ "type": "float" }), json!("7.5"), json!(7.5), json!("NaN")),
        (json!({ "type": "single_choice", "choices": choices }), json!("red"), json!("red"), json!("pink")),
        (
            json!({ "type": "multiple_choice", "choices": choices }),
            json!(["red", "blue"]),
            json!(["red", "blue"]),
            json!(["pink"]),
        ),
        (json!({ "type": "integer", "multiple": true }), json!(["1", 2]), json!([1, 2]), json!(vec![1; 101])),
        (json!({ "regex": "[A-Z]{2}[0-9]+" }), json!("AB12"), json!("AB12"), json!("AB12 ")),
    ] {
        let made = field(&cast, made);
        let key = key(&made);
        let with = |value: &Value| json!({ "custom_field_values": { key: value } });
        let before = cast.otto.get(&path).ok()["custom_fields"].clone();
        assert_eq!(cast.otto.put(&path, &with(&wrong)).invalid(), [format!("custom_field_values[{key}]")], "{wrong}");
        assert_eq!(cast.otto.get(&path).ok()["custom_fields"], before);
        assert_eq!(cast.otto.put(&path, &with(&given)).ok()["custom_fields"][key], shown, "{given}");
        assert_eq!(cast.otto.get(&path).ok()["custom_fields"][key], shown);
        assert!(cast.otto.put(&path, &with(&json!(""))).ok()["custom_fields"].get(key).is_none());
    }
    // As a form writes it.
    let many = field(&cast, json!({ "multiple": true }));
    let name = format!("custom_field_values[{}][]", key(&many));
    let form = Request::new("PUT", &path).form(&[(&name, "value1"), (&name, "value2")]);
    assert_eq!(cast.otto.send(form).ok()["custom_fields"][key(&many)], json!(["value1", "value2"]));
    // Those of customers are no fields of interventions.
    let other = field(&cast, json!({ "associated_type_name": "IdentityGroup" }));
    let name = format!("custom_field_values[{}]", key(&other));
    assert_eq!(cast.otto.put(&path, &json!({ "custom_field_values": { key(&other): "x" } })).invalid(), [name]);
    let hostile = json!({ "custom_field_values": { key(&many): [["x"], {}] } });
    assert_eq!(cast.otto.put(&path, &hostile).invalid().len(), 1);
    let keys: serde_json::Map<String, Value> = (0..5_000).map(|number| (number.to_string(), json!(1))).collect();
    assert_eq!(cast.otto.put(&path, &json!({ "custom_field_values": keys })).invalid(), ["custom_field_values"]);
}

fn a_deleted_fields_values_never_come_back(engine: Engine) {
    let cast = Cast::shared(engine);
    let path = format!("/1.0/interventions/{}", intervention(&cast));
    let label = unique("gone ");
    let made = field(&cast, json!({ "label": label }));
    let key = key(&made);
    cast.otto.put(&path, &json!({ "custom_field_values": { key: "secret" } })).ok();
    cast.otto.delete(&format!("/1.0/custom_fields/{}", id(&made))).ok();
    assert!(cast.otto.get(&path).ok()["custom_fields"].get(key).is_none());
    let again = field(&cast, json!({ "label": label, "type": "integer" }));
    assert_eq!(again["key"], key);
    assert!(cast.otto.get(&path).ok()["custom_fields"].get(key).is_none());
    assert_eq!(cast.otto.put(&path, &json!({ "custom_field_values": { key: 5 } })).ok()["custom_fields"][key], 5);
}

fn read_only_fields_are_for_those_who_manage_them(engine: Engine) {
    let cast = Cast::shared(engine);
    let borrowed = cast.borrow_shop();
    let thread = unique("read-only-");
    borrowed.shop.says("vera", &thread, "Hello?");
    let intervention = cast.ada.engage(&id(&borrowed.shop.contents(&cast.otto, &thread)[0]));
    let path = format!("/1.0/interventions/{}", id(&intervention));
    let (open, closed) = (field(&cast, json!({})), field(&cast, json!({ "read_only": true })));
    let with = |field: &Value| json!({ "custom_field_values": { key(field): "x" } });
    cast.ada.put(&path, &with(&open)).ok();
    assert_eq!(cast.ada.put(&path, &with(&closed)).invalid(), [format!("custom_field_values[{}]", key(&closed))]);
    assert_eq!(cast.otto.put(&path, &with(&closed)).ok()["custom_fields"][key(&closed)], "x");
    // Somebody else's is for those who may change all.
    cast.bo.put(&path, &with(&open)).refused(403);
}
