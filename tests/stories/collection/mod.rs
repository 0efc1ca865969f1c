//! The collection that the platform publishes for Postman, sent as its users send it: every parameter stands in the
//! query, named as there. Each request goes three times: as it is imported, with nothing chosen; with every parameter
//! chosen and a value for each; and with the placeholders that stand there before somebody has written a value.

mod values;

use std::path::PathBuf;

use frontdesk_tests::description::Description;
use frontdesk_tests::http::{Request, query};
use frontdesk_tests::{Cast, Engine};
use serde_json::{Value, json};

use crate::objects::{Ids, Places};
use values::{Row, row_of, value_of};

on_both_engines![every_request_of_the_public_collection_is_answered];

/// What the collection asks: a request a line, its method, its path and its parameters with their placeholders. Facts of
/// the public file, in our own form and without any of its texts.
const REQUESTS: &str = include_str!("requests.txt");

/// Operations that are still to come: docs/compatibility.md lists them.
const TO_COME: [&str; 3] = ["/survey_responses/{surveyResponseId}", "/surveys", "/surveys/{surveyId}"];

/// A parameter and its placeholder, such as `string`; none has an empty one.
type Parameter<'r> = (&'r str, &'r str);

struct Asked<'r> {
    /// Method and path.
    name: &'r str,
    method: &'r str,
    path: &'r str,
    parameters: Vec<Parameter<'r>>,
}

impl<'r> Asked<'r> {
    fn read(line: &'r str) -> Asked<'r> {
        let mut words = line.split(' ');
        let (method, path) = (words.next().expect("a method"), words.next().expect("a path"));
        let parameters = words.map(|word| word.split_once(':').unwrap_or((word, ""))).collect();
        Asked { name: &line[..method.len() + 1 + path.len()], method, path, parameters }
    }

    /// The request about new objects, with these parameters.
    fn request(&self, ids: &mut Ids<'_>, row: &Row, parameters: &[(String, String)]) -> Request {
        let parameters: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (&**name, &**value)).collect();
        let sign = if parameters.is_empty() { "" } else { "?" };
        let target = ids.target(self.path, row.object);
        Request::new(self.method, &format!("{target}{sign}{}", query(&parameters)))
    }

    fn filled(&self, ids: &mut Ids<'_>, row: &Row) -> Vec<(String, String)> {
        let chosen = self.parameters.iter().filter(|(name, _)| row.has(name));
        chosen
            .map(|parameter| (ids.filled(values::name_of(parameter.0)), ids.filled(value_of(row, *parameter))))
            .collect()
    }

    fn placeholders(&self) -> Vec<(String, String)> {
        let placeholder = |(name, value): &Parameter<'_>| ((*name).to_owned(), format!("<{value}>"));
        self.parameters.iter().map(placeholder).collect()
    }
}

fn every_request_of_the_public_collection_is_answered(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let description = Description::of(cast.server.address());
    let places = Places::new(&cast);
    // The names of fields in the collection stand for keys of one's own.
    for object in ["Intervention", "IdentityGroup"] {
        let field = json!({ "associated_type_name": object, "label": "Key", "key": "custom_field_key" });
        cast.otto.post("/1.0/custom_fields", &field).ok();
    }
    let mut faults = Vec::new();
    let mut ask = |how: &str, asked: &Asked<'_>, request: Request, wanted: &dyn Fn(u16) -> bool| {
        let request = request.token(&cast.otto.token);
        let answer = cast.server.send(&request);
        let fault = description.fault(&request, &answer);
        if fault.is_some() || answer.status >= 500 || !wanted(answer.status) {
            let text: String = answer.text().chars().take(400).collect();
            let fault = fault.unwrap_or_default();
            faults.push(format!("{} {how}: {} {text} {fault}\n    {}", asked.name, answer.status, request.target));
        }
    };
    for asked in REQUESTS.lines().map(Asked::read) {
        let row = row_of(&asked);
        let ids = || places.ids(0, &cast.otto);
        if TO_COME.contains(&asked.path) {
            let request = Request::new(asked.method, &format!("/1.0{}", asked.path.replace(['{', '}'], "")));
            ask("is still to come", &asked, request, &|status| status == 404);
            continue;
        }
        let is_served = description.operations().iter().any(|one| one.method == asked.method && one.path == asked.path);
        assert!(is_served, "{}: no such route", asked.name);

        ask("with nothing chosen", &asked, asked.request(&mut ids(), &row, &[]), &|_| true);
        let mut chosen = ids();
        let parameters = asked.filled(&mut chosen, &row);
        ask("with everything chosen", &asked, asked.request(&mut chosen, &row, &parameters), &|status| {
            row.refused.map_or((200..300).contains(&status), |refused| status == refused)
        });
        ask("with placeholders", &asked, asked.request(&mut ids(), &row, &asked.placeholders()), &|_| true);
        let unset = Request::new(asked.method, &format!("/1.0{}", asked.path.replace('{', ":").replace('}', "")));
        if asked.path.contains('{') {
            ask("without an id", &asked, unset, &|status| (400..500).contains(&status));
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
    assert!(cast.server.log().iter().all(|line| !line.contains("ERROR")), "{:?}", cast.server.log());
}

/// The committed requests are those of the collection, where the setting `PUBLIC_COLLECTION` says where that lies.
/// `PUBLIC_FACTS=write` writes them anew.
#[test]
fn the_requests_of_the_public_collection_are_its_requests() {
    let Some(place) = std::env::var_os("PUBLIC_COLLECTION").map(PathBuf::from) else {
        println!("not run: the public collection is not here; its requests are still sent");
        return;
    };
    let collection: Value = serde_json::from_slice(&std::fs::read(place).expect("the collection")).expect("JSON");
    let mut lines = String::new();
    write_requests(&collection, &mut lines);
    if std::env::var("PUBLIC_FACTS").is_ok_and(|what| what == "write") {
        let here = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("stories/collection/requests.txt");
        std::fs::write(here, &lines).expect("the requests are written");
        return;
    }
    assert!(lines == REQUESTS, "tests/stories/collection/requests.txt is not what the collection says");
}

fn write_requests(folder: &Value, lines: &mut String) {
    for item in folder["item"].as_array().expect("items") {
        let Some(request) = item.get("request") else {
            write_requests(item, lines);
            continue;
        };
        *lines += request["method"].as_str().expect("a method");
        lines.push(' ');
        // The first part is the version.
        for part in request["url"]["path"].as_array().expect("a path").iter().skip(1) {
            let part = part.as_str().expect("a part");
            *lines += &part.strip_prefix(':').map_or_else(|| format!("/{part}"), |name| format!("/{{{name}}}"));
        }
        for parameter in request["url"]["query"].as_array().into_iter().flatten() {
            *lines += &format!(" {}", parameter["key"].as_str().expect("a name"));
            if let Some(placeholder) = parameter["value"].as_str() {
                *lines += &format!(":{}", placeholder.trim_matches(['<', '>']));
            }
        }
        lines.push('\n');
    }
}
