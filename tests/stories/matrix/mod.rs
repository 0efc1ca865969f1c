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
use frontdesk_tests::{Answer, Cast, Engine, FakeChannel, Person, Reply, Source, eventually};
use serde_json::{Value, json};

use table::{Row, TABLE};

on_both_engines![every_operation_lets_in_whom_it_should_and_nobody_else];

/// The rights on a source, with their bits in the store.
const RIGHTS: [(&str, i64); 5] =
    [("read", 1), ("reply", 2), ("reply_with_html", 4), ("initiate_discussion", 8), ("destroy", 16)];
const FULL: i64 = 31;

/// What the channels take from nobody.
const REFUSED: &str = "Refuse this";

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
    cast: &'c Cast,
    /// Where everybody has their rights, and where nobody but the administrator has any.
    sources: [(Source, FakeChannel); 2],
    /// The same of a kind whose threads can be closed.
    messaging: [String; 2],
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

impl World<'_> {
    fn new(cast: &Cast) -> World<'_> {
        let roles = cast.otto.get("/1.0/roles?extended=true").ok();
        let flags = records(&roles)[0].as_object().expect("a role").iter().filter(|(_, value)| value.is_boolean());
        let all: BTreeSet<String> = flags.map(|(name, _)| name.clone()).collect();
        assert_eq!(all.len(), 74);
        let sources = [cast.new_source(), cast.new_source()];
        for (_, channel) in &sources {
            channel.answer(|push| match push.text().as_str() {
                REFUSED => Reply::json(&json!({ "error": { "fatal": true, "message": "No." } })),
                _ => Reply::json(&json!({ "id": unique("pushed-") })),
            });
        }
        let wanted: BTreeSet<Kind> = TABLE.iter().flat_map(|row| kinds(row, &all)).map(|(kind, _)| kind).collect();
        let messaging = [messaging_source(&cast.otto), messaging_source(&cast.otto)];
        let people = hire(cast, &[&sources[0].0.id, &messaging[0]], &wanted);
        let token = cast.otto.post("/1.0/access_tokens", &json!({ "label": unique("disabled") })).ok();
        let disabled = token["token"].as_str().expect("a token").to_owned();
        cast.otto.put(&format!("/1.0/access_tokens/{}", id(&token)), &json!({ "enabled": false })).ok();
        World {
            cast,
            sources,
            messaging,
            kinds: wanted.into_iter().zip(people).collect(),
            disabled,
            lists_with_hidden: Cell::new(0),
        }
    }

    /// Something of everything, new and so on the first page of any list, on the source that nobody may see; by its ids.
    fn hide(&self) -> Vec<String> {
        let mut ids = Ids { world: self, place: 1, me: &self.cast.otto, known: BTreeMap::new() };
        for kind in ["source", "thread", "intervention", "attachment", "intervention_comment", "identity_group"] {
            ids.of(kind);
        }
        ids.known.into_values().collect()
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
        let here = |me: &Person| self.request(row, method, path, 0, me);
        let there = |me: &Person| self.request(row, method, path, 1, me);

        // Whoever is nobody learns nothing.
        expect(faults, "without a token", &self.cast.server.send(&here(administrator)), &[401]);
        let disabled = administrator.but_with(&self.disabled);
        expect(faults, "with a disabled token", &disabled.send(here(administrator)), &[401]);

        // No list shows anything of the other source.
        if method == "GET" && !path.contains('{') {
            let hidden = self.hide();
            let list = |person: &Person| person.get(&format!("/1.0{path}?limit=150")).text();
            let seen_in = |list: &str| hidden.iter().find(|hidden| list.contains(*hidden)).cloned();
            if seen_in(&list(&self.cast.otto)).is_some() {
                self.lists_with_hidden.set(self.lists_with_hidden.get() + 1);
            }
            let list = list(administrator);
            if let Some(seen) = seen_in(&list) {
                faults.push(format!("{} shows {seen}, which is on another source: {list}", row.id));
            }
        }

        // What is not a parameter is not written, whatever it is called.
        if method != "GET" && row.id != "createAttachment" {
            let otto = &self.cast.otto;
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
            let answer = otto.send(request.json(&body));
            expect(faults, "with more than its parameters", &answer, &[row.may]);
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
            expect(faults, &format!("{who}, impersonated"), &self.cast.otto.send(request), statuses);
        }
        // To who leads a team, whoever is in another one is not there.
        if needed.contains(&"manage_users_of_my_teams") && path.contains("{userId}") {
            let leader = &self.kinds[&(set(&["manage_users_of_my_teams"]), FULL)];
            let elsewhere = here(&self.cast.otto);
            expect(faults, "a leader on a member of another team", &leader.send(elsewhere), &[404]);
        }
        // What is unknown is not there, and neither is what has no proper id.
        let mut unknown = Vec::new();
        for nothing in ["0123456789abcdef01234567", "nonsense"] {
            let Some(place) = path.rfind('{') else { continue };
            let mut request = here(&self.cast.otto);
            let depth = path[..place].matches('/').count() + 1;
            let mut parts: Vec<&str> = request.target.split('/').collect();
            parts[depth] = nothing;
            request.target = parts.join("/");
            let answer = self.cast.otto.send(request);
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
            let otto = &self.cast.otto;
            let answer = otto.send(there(otto));
            expect(faults, "the administrator on the other source", &answer, &[row.may]);
        }
    }

    /// A request with fresh objects on one of the sources, which should succeed for whoever may.
    fn request(&self, row: &Row, method: &str, path: &str, place: usize, me: &Person) -> Request {
        let mut ids = Ids { world: self, place, me, known: BTreeMap::new() };
        let mut target = "/1.0".to_owned();
        // One object for every id of the path, or one for each.
        let mut objects = row.object.split(',').peekable();
        for part in path.split('/').skip(1) {
            target.push('/');
            match part.strip_prefix('{').and_then(|part| part.strip_suffix("Id}")) {
                Some(_) if !row.object.is_empty() => {
                    let object = objects.next().expect("an object for each id");
                    if objects.peek().is_none() {
                        objects = object.split(',').peekable();
                    }
                    target += &ids.of(object);
                }
                Some(name) => target += &ids.of(&snake(name)),
                None => target += part,
            }
        }
        let request = Request::new(method, &target);
        if row.id == "createAttachment" {
            let file =
                "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.txt\"\r\n\r\nHello\r\n--XX--\r\n";
            return request.body("multipart/form-data; boundary=XX", file);
        }
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

/// The objects of one request, made by the administrator as they are named.
struct Ids<'w> {
    world: &'w World<'w>,
    place: usize,
    me: &'w Person,
    known: BTreeMap<String, String>,
}

impl Ids<'_> {
    fn fill(&mut self, value: &mut Value) {
        match value {
            Value::String(text) => {
                if let Some(name) = text.strip_prefix('$') {
                    *text = self.of(name);
                }
            }
            Value::Array(list) => list.iter_mut().for_each(|value| self.fill(value)),
            Value::Object(map) => {
                for (name, mut value) in std::mem::take(map) {
                    self.fill(&mut value);
                    let name = name.strip_prefix('$').map_or(name.clone(), |object| self.of(object));
                    map.insert(name, value);
                }
            }
            _ => {}
        }
    }

    fn of(&mut self, name: &str) -> String {
        if let Some(known) = self.known.get(name) {
            return known.clone();
        }
        let made = self.make(name);
        self.known.insert(name.into(), made.clone());
        made
    }

    fn make(&mut self, name: &str) -> String {
        let otto = &self.world.cast.otto;
        let source = &self.world.sources[self.place].0;
        let created = |path: &str, body: Value| id(&otto.post(&format!("/1.0/{path}"), &body).ok());
        match name {
            "me" => self.me.user_id.clone(),
            "word" => unique("Word "),
            "variable_name" => unique("custom_"),
            "source" => source.id.clone(),
            "source_community" => source.community_id.clone(),
            "empty_source" => {
                let channel = &self.world.sources[self.place].1;
                let source = Source::create(otto, &channel.base_uri(), &json!({})).id;
                // Some get rights on whatever is new.
                if self.me.user_id != otto.user_id {
                    let bits = if self.place == 0 { FULL } else { 0 };
                    self.world.cast.server.sql(&rights(self.world.cast, &self.me.user_id, &source, bits));
                }
                source
            }
            // One that could not be read.
            "failed_event" => {
                let event =
                    format!("{:024x}", 0x7300_0000_0000_0000_u64 + unique("").parse::<u64>().expect("a number"));
                let (cast, key) = (self.world.cast, unique("key-"));
                let (event_id, source_id) = (blob(cast, &event), blob(cast, &source.id));
                cast.server.sql(&format!(
                    "INSERT INTO channel_events (id, source_id, key, name, state, attempts, received_at)
                     VALUES ({event_id}, {source_id}, '{key}', 'feed', 'failed', 0, 0);"
                ));
                event
            }
            "community" => created("communities", json!({ "type": "sdk", "name": unique("Community ") })),
            "content" | "thread" | "identity" => {
                let thread = unique("thread-");
                source.says(&unique("author-"), &thread, "Hello?");
                let content = source.contents(otto, &thread).remove(0);
                let of = |name: &str| content[name].as_str().expect("an id").to_owned();
                self.known.extend([
                    ("thread".into(), of("thread_id")),
                    ("identity".into(), of("author_id")),
                    ("content".into(), of("id")),
                ]);
                self.known[name].clone()
            }
            "messaging_source" => self.world.messaging[self.place].clone(),
            "trigger" => {
                let path = format!("content_sources/{}/triggers", self.of("messaging_source"));
                created(&path, json!({ "label": unique("Trigger "), "actions": { "show": "open" } }))
            }
            "catalog_item" => {
                let path = format!("content_sources/{}/catalog_items", self.of("messaging_source"));
                created(&path, json!({ "type": "invitation", "label": unique("Item "), "html": "<b>Hello</b>" }))
            }
            "custom_variable" => {
                let path = format!("content_sources/{}/custom_variables", self.of("messaging_source"));
                created(&path, json!({ "name": unique("custom_") }))
            }
            "messaging_community" => {
                created("communities", json!({ "type": "mobile_messaging", "name": unique("Shop ") }))
            }
            "mail_template" => {
                let made = created("messaging_mail_templates", json!({ "name": unique("Mail ") }));
                // There are not to be too many.
                let all = otto.get("/1.0/messaging_mail_templates?limit=150").ok();
                for old in records(&all).iter().rev().skip(20) {
                    otto.delete(&format!("/1.0/messaging_mail_templates/{}", id(old)));
                }
                made
            }
            // Its key has its name.
            "keyed_community" => {
                let community = self.of("messaging_community");
                let key = json!({ "key_id": community, "algorithm": "HS256", "key": "0123456789abcdef01234567" });
                otto.post(&format!("/1.0/communities/{community}/jwt_keys"), &key).ok();
                community
            }
            "messaging_thread" => {
                let source = &self.world.messaging[self.place];
                let content = json!({ "source_id": source, "body": "News", "to": unique("visitor-") });
                otto.post("/1.0/contents", &content).ok()["thread_id"].as_str().expect("a thread").to_owned()
            }
            "closed_thread" => {
                let thread = self.of("messaging_thread");
                otto.put(&format!("/1.0/content_threads/{thread}/close"), &json!({})).ok();
                thread
            }
            "speechless_thread" => {
                let thread = self.of("messaging_thread");
                otto.put(&format!("/1.0/content_threads/{thread}/disable_text_input"), &json!({})).ok();
                thread
            }
            "own_session" => {
                let session = unique("").parse::<u64>().expect("a number");
                let session = format!("{:024x}", 0x7100_0000_0000_0000_u64 + session);
                let [own, user] = [&session, &self.me.user_id].map(|id| blob(self.world.cast, id));
                self.world.cast.server.sql(&format!(
                    "INSERT INTO sessions (id, hash, user_id, method, address, browser, created_at, seen_at)
                     VALUES ({own}, {own}, {user}, 'password', '', '', 9000000000000000, 9000000000000000)"
                ));
                session
            }
            // What an agent wrote whose answers need approval.
            "waiting_content" => {
                let (content, ada) = (self.of("content"), &self.world.cast.ada);
                let rights = json!({ &source.id: "read,reply,approval_required" });
                otto.put(&format!("/1.0/users/{}/sources_permissions", ada.user_id), &rights).ok();
                id(&ada.reply(&content, "Please"))
            }
            "own_waiting_content" => {
                let (own, author) = (self.of("waiting_content"), &self.me.user_id);
                let [own_id, author] = [&own, author].map(|id| blob(self.world.cast, id));
                self.world.cast.server.sql(&format!("UPDATE contents SET creator_id = {author} WHERE id = {own_id}"));
                own
            }
            "failed_content" => {
                let content = self.of("content");
                let reply = id(&otto.reply(&content, REFUSED));
                eventually("the channel's refusal", || {
                    (otto.content(&reply)["synchronization_status"] == "export_failure").then_some(reply.clone())
                })
            }
            "publishable_content" => {
                source.has_described_itself(otto);
                let (message, thread) = (unique("message-"), unique("thread-"));
                source.tells("messages.create", &source.public_message(&message, &thread));
                id(&source.contents(otto, &thread)[0])
            }
            "intervention" => id(&otto.engage(&self.of("content"))),
            "intervention_comment" => {
                created("intervention_comments", json!({ "intervention_id": self.of("intervention"), "body": "Hm" }))
            }
            // In a workbin: the administrator's, or one's own.
            "task" | "own_task" => {
                let owner = if name == "task" { otto.user_id.clone() } else { self.me.user_id.clone() };
                let (content, task) = (self.of("content"), unique("").parse::<u64>().expect("a number"));
                let task = format!("{:024x}", 0x7000_0000_0000_0000_u64 + task);
                let (thread, identity) = (self.of("thread"), self.of("identity"));
                let ids = [&task, &content, &thread, &source.id, &identity, &owner];
                let [own, content, thread, source, identity, owner] = ids.map(|id| blob(self.world.cast, id));
                self.world.cast.server.sql(&format!(
                    "INSERT INTO tasks (id, content_id, thread_id, source_id, channel_id, identity_id, owner_id, state,
                       place, held, step_entered_at, agent_ids, category_ids, asked, urgency, priority, segment_index,
                       waiting_since, created_at, updated_at, version)
                     VALUES ({own}, {content}, {thread}, {source}, {source}, {identity}, {owner}, 'accepted',
                       'workbins', FALSE, 0, '[]', '[]', '[]', '{{}}', 0, 1, 0, 0, 0, 0)"
                ));
                task
            }
            "folder" => created("folders", json!({ "label": unique("Folder ") })),
            "answered_intervention" => {
                let content = self.of("content");
                otto.reply(&content, "Yes")["intervention_id"].as_str().expect("an intervention").to_owned()
            }
            "deferred_intervention" => {
                let intervention = self.of("intervention");
                let until = json!({ "rate": 3600 });
                otto.put(&format!("/1.0/interventions/{intervention}/defer"), &until).ok();
                intervention
            }
            "attachment" => {
                let thread = unique("thread-");
                let mut message = source.message(&unique("message-"), &thread, &unique("author-"), "See");
                message["attachments"] = json!([{ "content": "aGVsbG8=", "filename": "a.txt" }]);
                source.tells("messages.create", &message);
                id(&source.contents(otto, &thread).remove(0)["attachments"][0])
            }
            "identity_group" => {
                let identity = self.of("identity");
                id(&otto.put(&format!("/1.0/identities/{identity}/identity_group"), &json!({})).ok())
            }
            "identity_list" => created("identity_lists", json!({ "name": unique("List ") })),
            "grouped_identity" => {
                self.of("identity_group");
                self.of("identity")
            }
            "category" => created("categories", json!({ "name": unique("Category ") })),
            "team" => created("teams", json!({ "name": unique("Team ") })),
            "channel" => created("channels", json!({ "name": unique("Channel ") })),
            "topology_document" => {
                json!({ "version": 1, "steps": [{ "name": "all", "agents": { "everyone": true } }] }).to_string()
            }
            "topology" => {
                let document = self.of("topology_document");
                created("topologies", json!({ "name": unique("Topology "), "json_config": document }))
            }
            "user_capacity" => created("user_capacities", json!({ "name": unique("Capacity ") })),
            "presence_status" => created("presence_status", json!({ "name": unique("Reason ") })),
            "agent" => {
                let user = self.of("user");
                self.connected(user)
            }
            "connected_me" => self.connected(self.me.user_id.clone()),
            "tag" => created("tags", json!({ "name": unique("Tag ") })),
            "reply_assistant_entry" => created("reply_assistant/entries", json!({ "label": unique("Entry ") })),
            "reply_assistant_group" => created("reply_assistant/groups", json!({ "name": unique("Group ") })),
            "reply_assistant_version" => {
                let entry = self.of("reply_assistant_entry");
                created("reply_assistant/versions", json!({ "body": "Yes", "entry_id": entry }))
            }
            "time_sheet" => created("time_sheets", json!({ "label": unique("Sheet ") })),
            "custom_field" => {
                created("custom_fields", json!({ "associated_type_name": "Intervention", "label": unique("Field ") }))
            }
            "event" => {
                let thread = self.of("thread");
                let found = self.world.cast.otto.search("/1.0/events", &format!("content_thread:{thread}"));
                id(&records(&found)[0])
            }
            "email" => format!("{}@example.com", unique("word")),
            "empty_role" => created("roles", json!({ "label": unique("Role ") })),
            "led_team" => created("teams", json!({ "name": unique("Team "), "leader_ids": [self.me.user_id] })),
            // Somebody who may do nothing, in a team of the caller's.
            "user" => {
                let (role, team) = (self.of("empty_role"), self.of("led_team"));
                let user = json!({
                    "email": self.of("email"), "firstname": "Una", "lastname": "User", "no_password": true,
                    "role_id": role, "team_ids": [team],
                });
                created("users", user)
            }
            "signature" => {
                let user = self.of("user");
                created(&format!("users/{user}/signatures"), json!({ "body": "Yours" }))
            }
            "role" => id(&records(&otto.get("/1.0/roles").ok())[0]),
            "own_access_token" => {
                created("access_tokens", json!({ "label": unique("Token "), "user_id": self.me.user_id }))
            }
            "hook" => format!("{}/{}", self.world.sources[0].1.hook_url(), unique("hook-")),
            "own_webhook" | "webhook" => {
                let hook = json!({
                    "url": self.of("hook"), "registered_events": ["task.created"],
                    "access_token_id": self.of("own_access_token"),
                });
                created("webhooks", hook)
            }
            "delivery" => {
                let webhook = self.of("webhook");
                created(&format!("webhooks/{webhook}/test"), json!({}))
            }
            _ => panic!("teach the matrix to make a {name}"),
        }
    }
}

impl Ids<'_> {
    /// Connected to tasks, and never silent.
    fn connected(&self, user_id: String) -> String {
        let cast = self.world.cast;
        cast.server.sql(&format!(
            "INSERT INTO agent_presences (user_id, connected, lost, connected_at, last_seen_at, idle_since)
             VALUES ({}, TRUE, FALSE, 0, 4102444800000000, 0)
             ON CONFLICT (user_id) DO UPDATE SET connected = TRUE, last_seen_at = 4102444800000000",
            blob(cast, &user_id)
        ));
        user_id
    }
}

/// `customField` as `custom_field`.
fn snake(name: &str) -> String {
    name.chars().fold(String::new(), |mut text, letter| {
        if letter.is_uppercase() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
        text
    })
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

fn messaging_source(otto: &Person) -> String {
    let community = json!({ "type": "mobile_messaging", "name": unique("Messaging ") });
    let community = otto.post("/1.0/communities", &community).ok();
    let source = json!({ "type": "mobile_messaging", "name": unique("App "), "community_id": community["id"] });
    id(&otto.post("/1.0/content_sources", &source).ok())
}

/// One user for each kind, straight into the store: no role may be made that holds more than its maker's.
fn hire(cast: &Cast, source_ids: &[&str], kinds: &BTreeSet<Kind>) -> Vec<Person> {
    let mut sql = String::new();
    let mut ids = Vec::new();
    for (number, (permissions, rights)) in kinds.iter().enumerate() {
        let hex = format!("{:024x}", 0xaa_0000 + number);
        let (own, permissions) = (blob(cast, &hex), permissions.iter().cloned().collect::<Vec<_>>().join(","));
        sql += &format!(
            "INSERT INTO roles (id, label, permissions, created_at, updated_at) VALUES ({own}, 'Kind {number}', '{permissions}', 0, 0);\n"
        );
        sql += &format!(
            "INSERT INTO users (id, email, email_key, firstname, lastname, spoken_languages, role_id, enabled, created_at, updated_at)
             VALUES ({own}, 'kind{number}@frontdesk.local', 'kind{number}@frontdesk.local', 'Kind', '{number}', '[]', {own}, TRUE, 0, 0);\n"
        );
        sql.extend(source_ids.iter().map(|source_id| self::rights(cast, &hex, source_id, *rights)));
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

fn rights(cast: &Cast, user_id: &str, source_id: &str, rights: i64) -> String {
    let (user, source) = (blob(cast, user_id), blob(cast, source_id));
    format!(
        "INSERT INTO source_permissions (user_id, source_id, rights) VALUES ({user}, {source}, {rights})
         ON CONFLICT (user_id, source_id) DO UPDATE SET rights = excluded.rights;\n"
    )
}

fn blob(cast: &Cast, hex: &str) -> String {
    match cast.server.database_url() {
        Some(_) => format!("'\\x{hex}'::bytea"),
        None => format!("x'{hex}'"),
    }
}
