//! The matrix: every operation, as every kind of user, on an object that they may touch and on one that they may not.
//!
//! What is expected comes from [`table::TABLE`] and from nowhere else: an operation without a row fails, and so does one
//! that asks for another permission than its row says.

mod table;

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};

use frontdesk_tests::cast::unique;
use frontdesk_tests::description::Description;
use frontdesk_tests::http::Request;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Answer, Cast, Engine, Person};
use serde_json::{Value, json};

use crate::objects::{FULL, Places, blob, rights, upload};
use table::{Beyond, Row, SHARED, SILENT, TABLE};

on_both_engines![every_operation_lets_in_whom_it_should_and_nobody_else];

/// The rights on a source, with their bits in the store.
const RIGHTS: [(&str, i64); 5] =
    [("read", 1), ("reply", 2), ("reply_with_html", 4), ("initiate_discussion", 8), ("destroy", 16)];

/// A kind of user: the permissions of their role, and their rights on the first source. On the second they have none.
type Kind = (BTreeSet<String>, i64);

fn every_operation_lets_in_whom_it_should_and_nobody_else(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let description = Description::of(cast.server.address());
    let operations: Vec<(String, String, String)> = description
        .operations()
        .iter()
        .map(|operation| {
            (
                operation.id().trim_end_matches("ByPut").trim_end_matches("ByDelete").to_owned(),
                operation.method.to_owned(),
                operation.path.to_owned(),
            )
        })
        .collect();
    let rows: BTreeMap<&str, &Row> = TABLE.iter().map(|row| (row.id, row)).collect();
    let served: BTreeSet<&str> = operations.iter().map(|(id, ..)| id.as_str()).collect();
    let told: BTreeSet<&str> = rows.keys().copied().collect();
    let without_row = served.difference(&told).map(|id| format!("{id} has no row in tests/stories/matrix/table.rs"));
    let without_operation = told.difference(&served).map(|id| format!("{id} has a row and is not served"));
    let mut faults: Vec<String> = without_row.chain(without_operation).collect();

    // Whatever an operation is about, there is something of it that not everybody may touch, or the table says why not.
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for (id, _, path) in &operations {
        let Some(row) = rows.get(id.as_str()) else { continue };
        let shared = SHARED.iter().find(|shared| path.starts_with(**shared));
        match (path.contains('{'), is_tried_on_the_forbidden(row, path), shared) {
            (true, false, None) => faults.push(format!("{id} never meets an object that is forbidden")),
            (true, false, Some(shared)) => _ = open.insert(shared),
            _ => {}
        }
    }
    let idle = SHARED.iter().filter(|shared| !open.contains(**shared));
    faults.extend(idle.map(|shared| format!("{shared} stands for no operation")));

    let world = World::new(&cast);
    for (id, method, path) in &operations {
        let Some(row) = rows.get(id.as_str()) else { continue };
        world.walk(&description, row, method, path, &mut faults);
    }
    let lists = world.lists_with_hidden.get();
    assert!(lists > 8, "of {lists} lists is anything hidden: that proves nothing");
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

struct World<'c> {
    places: Places<'c>,
    kinds: BTreeMap<Kind, Person>,
    disabled: String,
    /// How many lists show the administrator everywhere something that is hidden from the others.
    lists_with_hidden: Cell<usize>,
}

fn set(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The kinds of users that a row is tried with, and whether they should be let in.
fn kinds(row: &Row, all: &BTreeSet<String>) -> Vec<(Kind, bool)> {
    let needed: Vec<&str> = [row.first, row.then].concat();
    let mut kinds = Vec::new();
    if needed.is_empty() {
        kinds.push(((BTreeSet::new(), FULL), true));
    } else {
        kinds.push(((BTreeSet::new(), FULL), false));
        kinds.push(((all - &set(&needed), FULL), false));
        kinds.extend(needed.iter().map(|one| ((set(&[one]), FULL), true)));
    }
    if let Some(right) = row.right {
        let bit = RIGHTS.iter().find(|(name, _)| *name == right).expect("a right").1;
        kinds.push(((all.clone(), FULL & !bit), false));
        kinds.push(((all.clone(), 1 | bit), true));
    } else if row.on_source && needed.is_empty() {
        kinds.push(((BTreeSet::new(), 1), true));
    }
    kinds.push(((all.clone(), FULL), true));
    kinds
}

/// The permission by which leaders of teams have the row's object, which is a person.
fn led(row: &Row, path: &str) -> Option<&'static str> {
    let leads = row.first.iter().chain(row.then).find(|name| name.contains("_team"));
    leads.copied().filter(|_| path.contains("{userId}") || path.contains("{agentId}"))
}

fn is_tried_on_the_forbidden(row: &Row, path: &str) -> bool {
    row.on_source || row.of_another.is_some() || row.beyond.is_some() || led(row, path).is_some()
}

impl World<'_> {
    fn new(cast: &Cast) -> World<'_> {
        let roles = cast.otto.get("/1.0/roles?extended=true").ok();
        let flags = records(&roles)[0].as_object().expect("a role").iter().filter(|(_, value)| value.is_boolean());
        let all: BTreeSet<String> = flags.map(|(name, _)| name.clone()).collect();
        assert_eq!(all.len(), 74);
        let wanted: BTreeSet<Kind> = TABLE.iter().flat_map(|row| kinds(row, &all)).map(|(kind, _)| kind).collect();
        let places = Places::new(cast);
        let people = hire(cast, &[&places.sources[0].0.id, &places.messaging[0]], &wanted);
        let token = cast.otto.post("/1.0/access_tokens", &json!({ "label": unique("disabled") })).ok();
        let disabled = token["token"].as_str().expect("a token").to_owned();
        cast.otto.put(&format!("/1.0/access_tokens/{}", id(&token)), &json!({ "enabled": false })).ok();
        World { places, kinds: wanted.into_iter().zip(people).collect(), disabled, lists_with_hidden: Cell::new(0) }
    }

    /// Something of everything, new and so on the first page of any list, on the source that nobody may see; by its ids.
    fn hide(&self) -> Vec<String> {
        let mut ids = self.places.ids(1, &self.places.cast.otto);
        for kind in ["source", "thread", "intervention", "attachment", "intervention_comment", "identity_group"] {
            ids.of(kind);
        }
        // What happens to windows tells of no thread.
        let messaging = ids.of("messaging_source");
        let otto = &self.places.cast.otto;
        let path = format!("/1.0/content_sources/{messaging}/custom_variables");
        let variable = id(&otto.post(&path, &json!({ "name": unique("custom_") })).ok());
        otto.delete(&format!("{path}/{variable}")).ok();
        ids.known.into_values().collect()
    }

    /// What the administrator did last, as the journal shows it: ids and names.
    fn journal(&self) -> Vec<(String, String)> {
        let otto = &self.places.cast.otto;
        let page = otto.get(&format!("/1.0/events?limit=60&q=user:{}", otto.user_id)).ok();
        let event = |event: &Value| (id(event), event["name"].as_str().expect("a name").to_owned());
        records(&page).iter().map(event).collect()
    }

    fn walk(&self, description: &Description, row: &Row, method: &str, path: &str, faults: &mut Vec<String>) {
        let expect = |faults: &mut Vec<String>, who: &str, answer: &Answer, statuses: &[u16]| {
            if !statuses.contains(&answer.status) {
                let text: String = answer.text().chars().take(300).collect();
                faults.push(format!("{} {method}, {who}: {} and not {statuses:?}: {text}", row.id, answer.status));
            }
        };
        let all = self.kinds.keys().map(|(permissions, _)| permissions).max_by_key(|permissions| permissions.len());
        let all = all.expect("the administrator's permissions").clone();
        let administrator = &self.kinds[&(all.clone(), FULL)];
        let here = |me: &Person| self.request(row, row.object, method, path, 0, me);
        let there = |me: &Person| self.request(row, row.object, method, path, 1, me);

        // Whoever is nobody learns nothing.
        expect(faults, "without a token", &self.places.cast.server.send(&here(administrator)), &[401]);
        let disabled = administrator.but_with(&self.disabled);
        expect(faults, "with a disabled token", &disabled.send(here(administrator)), &[401]);

        // No list shows anything of the other source.
        if method == "GET" && !path.contains('{') {
            let hidden = self.hide();
            let list = |person: &Person| person.get(&format!("/1.0{path}?limit=150")).text();
            let seen_in = |list: &str| hidden.iter().find(|hidden| list.contains(*hidden)).cloned();
            if seen_in(&list(&self.places.cast.otto)).is_some() {
                self.lists_with_hidden.set(self.lists_with_hidden.get() + 1);
            }
            let list = list(administrator);
            if let Some(seen) = seen_in(&list) {
                faults.push(format!("{} shows {seen}, which is on another source: {list}", row.id));
            }
        }

        // What is not a parameter is not written, whatever it is called.
        if method != "GET" && row.id != "createAttachment" {
            let otto = &self.places.cast.otto;
            let mut request = here(otto);
            let body = if row.body.is_empty() { "{}" } else { std::str::from_utf8(&request.body).expect("JSON") };
            let mut body: Value = serde_json::from_str(body).expect("JSON");
            let mut markers = Vec::new();
            for (name, marker) in foreign_properties(description, row.id) {
                // Digits alone may stand in an id.
                markers.push(if marker.is_number() { format!(":{marker}") } else { marker.to_string() });
                body[name] = marker;
            }
            request.headers.retain(|(name, _)| name != "Content-Type");
            let before = self.journal();
            let answer = otto.send(request.json(&body));
            expect(faults, "with more than its parameters", &answer, &[row.may]);
            let told: Vec<String> =
                self.journal().into_iter().filter(|event| !before.contains(event)).map(|(_, name)| name).collect();
            let missing = row.tells.iter().filter(|name| !told.iter().any(|told| told == *name));
            faults.extend(missing.map(|name| format!("{} does not tell {name}, only {told:?}", row.id)));
            if row.tells.is_empty() && answer.status < 300 && !SILENT.iter().any(|(id, _)| *id == row.id) {
                faults.push(format!("{}: its row does not say what it tells: {told:?}", row.id));
            }
            if let Some(marker) = markers.iter().find(|marker| answer.text().contains(*marker)) {
                faults.push(format!("{} takes what is no parameter: {marker}: {}", row.id, answer.text()));
            }
        }

        let needed = [row.first, row.then].concat();
        for (kind, may) in kinds(row, &all) {
            let person = &self.kinds[&kind];
            let who = format!("with {} and the rights {}", named(&kind.0, &all, &needed), kind.1);
            let statuses: &[u16] = if may { &[row.may] } else { &[row.denied] };
            expect(faults, &who, &person.send(here(person)), statuses);
            // Acting as somebody gives what they may, and no more.
            let mut request = here(person);
            let sign = if request.target.contains('?') { '&' } else { '?' };
            request.target += &format!("{sign}impersonated_user_id={}", person.user_id);
            expect(faults, &format!("{who}, impersonated"), &self.places.cast.otto.send(request), statuses);
        }
        // To who leads a team, whoever is in another one is not there.
        if let Some(leads) = led(row, path) {
            let leader = &self.kinds[&(set(&[leads]), FULL)];
            let elsewhere = here(&self.places.cast.otto);
            expect(faults, "a leader on a member of another team", &leader.send(elsewhere), &[404]);
        }
        // What is somebody's own is nobody else's, whatever the role allows.
        if let Some(refused) = row.of_another {
            let ada = &self.places.cast.ada;
            for (kind, _) in kinds(row, &all).iter().filter(|(_, may)| *may) {
                let who = format!("on another's, with {}", named(&kind.0, &all, &needed));
                expect(faults, &who, &self.kinds[kind].send(here(ada)), &[refused]);
            }
            expect(faults, "on one's own", &ada.send(here(ada)), &[row.may]);
        }
        // What is beyond who may do less is so for all of them.
        if let Some(Beyond { object, refused, unless }) = row.beyond {
            let beyond = |me: &Person| self.request(row, object, method, path, 0, me);
            let few = |(kind, _): &(Kind, bool)| kind.0 != all && !kind.0.contains(unless);
            for (kind, _) in kinds(row, &all).iter().filter(|kind| few(kind)) {
                let person = &self.kinds[kind];
                let who = format!("on a {object}, with {}", named(&kind.0, &all, &needed));
                expect(faults, &who, &person.send(beyond(person)), &[refused]);
            }
            let otto = &self.places.cast.otto;
            expect(faults, &format!("the administrator on a {object}"), &otto.send(beyond(otto)), &[row.may]);
        }
        // What is unknown is not there, and neither is what has no proper id.
        let mut unknown = Vec::new();
        for nothing in ["0123456789abcdef01234567", "nonsense"] {
            let Some(place) = path.rfind('{') else { continue };
            let mut request = here(&self.places.cast.otto);
            let depth = path[..place].matches('/').count() + 1;
            let mut parts: Vec<&str> = request.target.split('/').collect();
            parts[depth] = nothing;
            request.target = parts.join("/");
            let answer = self.places.cast.otto.send(request);
            expect(faults, &format!("with the id {nothing}"), &answer, &[404]);
            unknown.push(answer.text());
        }
        if row.on_source {
            // What is on a source that one may not read is not there either, whatever the role allows.
            let hidden = administrator.send(there(administrator));
            expect(faults, "on another source", &hidden, &[row.hidden]);
            if row.hidden == 404 && unknown.iter().any(|unknown| *unknown != hidden.text()) {
                faults.push(format!("{}: what is hidden differs from what is unknown: {}", row.id, hidden.text()));
            }
            let otto = &self.places.cast.otto;
            let answer = otto.send(there(otto));
            expect(faults, "the administrator on the other source", &answer, &[row.may]);
        }
    }

    /// A request with fresh objects on one of the sources, which should succeed for whoever may.
    fn request(&self, row: &Row, object: &str, method: &str, path: &str, place: usize, me: &Person) -> Request {
        let mut ids = self.places.ids(place, me);
        let target = ids.target(path, object);
        if row.id == "createAttachment" {
            return upload(&target);
        }
        let request = Request::new(method, &target);
        if row.body.is_empty() {
            return request;
        }
        let mut body: Value = serde_json::from_str(row.body).expect(row.id);
        ids.fill(&mut body);
        request.json(&body)
    }
}

/// The properties of an operation's answer that are no parameters of it, each with a value that nothing else has.
fn foreign_properties(description: &Description, id: &str) -> Vec<(String, Value)> {
    let document = description.document();
    let resolve = |value: &Value| -> Value {
        let pointer = value["$ref"].as_str().map(|reference| reference.trim_start_matches('#').to_owned());
        pointer.and_then(|pointer| document.pointer(&pointer)).unwrap_or(value).clone()
    };
    let operation = description.operations().into_iter().find(|operation| operation.id() == id).expect(id);
    let responses = operation.entry["responses"].as_object().expect("responses");
    let success = responses.iter().find(|(status, _)| status.starts_with('2')).expect("a success").1;
    let answer = resolve(&success["content"]["application/json"]["schema"]);
    let body = resolve(&operation.entry["requestBody"]["content"]["application/json"]["schema"]);
    let taken = |name: &str| {
        let in_query = operation.entry["parameters"].as_array().into_iter().flatten();
        body["properties"].get(name).is_some()
            || in_query
                .filter_map(|parameter| parameter["name"].as_str())
                .any(|known| known.trim_end_matches("[]") == name)
    };
    let properties = answer["properties"].as_object().into_iter().flatten().filter(|(name, _)| !taken(name));
    let marker = |schema: &Value| match (schema["type"].as_str(), schema["format"].as_str()) {
        (Some("boolean"), _) => None,
        (Some("integer" | "number"), _) => Some(json!(777_777)),
        (_, Some("date-time")) => Some(json!("1999-09-09T09:09:09Z")),
        _ if schema["pattern"].is_string() => Some(json!("eeeeeeeeeeeeeeeeeeeeeeee")),
        _ => Some(json!("written-by-mallory")),
    };
    properties.filter_map(|(name, schema)| Some((name.clone(), marker(schema)?))).collect()
}

fn named(permissions: &BTreeSet<String>, all: &BTreeSet<String>, needed: &[&str]) -> String {
    if permissions == all {
        return "every permission".into();
    }
    match permissions.len() {
        0 => "no permission".into(),
        1 => permissions.iter().next().cloned().unwrap_or_default(),
        _ => format!("every permission but {}", needed.join(", ")),
    }
}

/// One user for each kind, straight into the store: no role may be made that holds more than its maker's.
fn hire(cast: &Cast, source_ids: &[&str], kinds: &BTreeSet<Kind>) -> Vec<Person> {
    let mut sql = String::new();
    let mut ids = Vec::new();
    for (number, (permissions, bits)) in kinds.iter().enumerate() {
        let hex = format!("{:024x}", 0xaa_0000 + number);
        let (own, permissions) = (blob(cast, &hex), permissions.iter().cloned().collect::<Vec<_>>().join(","));
        sql += &format!(
            "INSERT INTO roles (id, label, permissions, created_at, updated_at) VALUES ({own}, 'Kind {number}', '{permissions}', 0, 0);\n"
        );
        sql += &format!(
            "INSERT INTO users (id, email, email_key, firstname, lastname, spoken_languages, role_id, enabled, created_at, updated_at)
             VALUES ({own}, 'kind{number}@frontdesk.local', 'kind{number}@frontdesk.local', 'Kind', '{number}', '[]', {own}, TRUE, 0, 0);\n"
        );
        sql.extend(source_ids.iter().map(|source_id| rights(cast, &hex, source_id, *bits)));
        ids.push(hex);
        // An argument of a program is at most 128 KiB.
        if sql.len() > 100_000 {
            cast.server.sql(&std::mem::take(&mut sql));
        }
    }
    cast.server.sql(&sql);
    let token = |user_id: String| {
        let token = cast.otto.post("/1.0/access_tokens", &json!({ "label": unique("kind"), "user_id": user_id })).ok();
        let mut person = cast.otto.but_with(token["token"].as_str().expect("a token"));
        person.user_id = user_id;
        person
    };
    ids.into_iter().map(token).collect()
}
