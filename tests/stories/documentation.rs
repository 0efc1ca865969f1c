//! The published description of the API, and the page to browse and try it.

use std::collections::BTreeSet;

use frontdesk_tests::http::Request;
use frontdesk_tests::server::frontdesk;
use frontdesk_tests::{Cast, Engine, processes};
use serde_json::Value;

on_both_engines![the_description_lists_every_operation, the_page_to_browse_and_try_is_served];

fn the_description_lists_every_operation(engine: Engine) {
    let cast = Cast::shared(engine);
    let answer = cast.server.send(&Request::new("GET", "/openapi.json"));
    assert_eq!(answer.status, 200);
    let document = answer.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["info"]["title"].is_string() && document["info"]["version"].is_string());
    let server = document["servers"][0]["url"].as_str().unwrap();
    assert_eq!(server, format!("http://localhost:{}/1.0", cast.server.address().port()));

    let listed = processes::run(frontdesk().arg("operations"));
    let mut expected = BTreeSet::new();
    for line in listed.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        expected.insert((words[0].to_lowercase(), words[1].to_owned()));
        let operation = &document["paths"][words[1]][words[0].to_lowercase()];
        assert!(operation.is_object(), "{line}");
        assert_eq!(operation["x-frontdesk-extension"] == true, words.contains(&"extension"), "{line}");
    }
    let mut described = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            described.insert((method.clone(), path.clone()));
            let told = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().expect(&told).to_owned()), "{told}: its id is taken");
            assert!(operation["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{told}");
            assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{told}");
            let succeeds = |status: &str| operation["responses"][status].is_object();
            assert!(succeeds("200") || succeeds("201"), "{told}");
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            for place in path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
                let is_it = |parameter: &Value| parameter["name"] == place && parameter["in"] == "path";
                let parameter = parameters.iter().find(|parameter| is_it(parameter)).expect(&told);
                assert_eq!(parameter["required"], true, "{told}");
            }
        }
    }
    assert_eq!(described, expected);
    check_references(&document, &document);
}

/// Every reference leads somewhere.
fn check_references(document: &Value, value: &Value) {
    match value {
        Value::Object(map) => {
            if let Some(Value::String(reference)) = map.get("$ref") {
                let pointer = reference.strip_prefix('#').expect("a reference into the document");
                assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            }
            map.values().for_each(|value| check_references(document, value));
        }
        Value::Array(list) => list.iter().for_each(|value| check_references(document, value)),
        _ => {}
    }
}

fn the_page_to_browse_and_try_is_served(engine: Engine) {
    let cast = Cast::shared(engine);
    let page = cast.server.send(&Request::new("GET", "/docs"));
    assert_eq!(page.status, 200);
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    let html = page.text();
    // Everything that the page needs is served here: it works without the internet.
    for attribute in ["src=\"", "href=\""] {
        for place in html.split(attribute).skip(1) {
            let place = place.split('"').next().unwrap();
            assert!(!place.starts_with("http") && !place.starts_with("//"), "{place}");
            if place.starts_with('/') {
                assert_eq!(cast.server.send(&Request::new("GET", place)).status, 200, "{place}");
            }
        }
    }
    assert!(page.header("content-security-policy").is_some(), "{:?}", page.headers);
}
