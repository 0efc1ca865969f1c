//! Bad input: whatever comes, it is a 4xx with a reason; never a 5xx, never a panic.

use std::io::Read;
use std::time::{Duration, Instant};

use frontdesk_tests::cast::Source;
use frontdesk_tests::cast::unique;
use frontdesk_tests::description::Description;
use frontdesk_tests::http::{Request, encode};
use frontdesk_tests::pages::id;
use frontdesk_tests::random::Random;
use frontdesk_tests::server::frontdesk;
use frontdesk_tests::{Cast, Connection, Engine, description, processes};
use serde_json::{Value, json};

on_both_engines![
    a_random_walk_over_every_operation_meets_no_5xx,
    random_bodies_at_the_send_api_meet_no_5xx,
    malformed_http_is_refused_or_cut_off,
    a_request_that_never_ends_is_cut_off_and_holds_up_nobody,
    a_strangers_endless_upload_is_cut_off_before_it_costs_memory,
];

/// JSON values that no parameter wants, as they stand in a body: wrong types, too much, too deep, no text at all.
fn hostile_values(hidden: &str) -> Vec<(&'static str, Vec<u8>)> {
    let text = |text: &str| json!(text).to_string().into_bytes();
    vec![
        ("null", b"null".to_vec()),
        ("true", b"true".to_vec()),
        ("a number", b"-7".to_vec()),
        ("a fraction", b"0.5".to_vec()),
        ("a number beyond all", b"1e400".to_vec()),
        ("the least integer", i64::MIN.to_string().into_bytes()),
        ("a number of many digits", "9".repeat(400).into_bytes()),
        ("no text", text("")),
        ("a text", text("mallory")),
        ("a long text", text(&"x".repeat(300_000))),
        ("NUL", br#""a\u0000b""#.to_vec()),
        ("half a surrogate pair", br#""\ud800""#.to_vec()),
        ("the wrong half first", br#""\udc00\ud800""#.to_vec()),
        ("invalid UTF-8", b"\"\xff\xfe\"".to_vec()),
        ("a formula", text("=HYPERLINK(\"http://x.example\")")),
        ("another formula", text("@SUM(1+1)*cmd|' /C calc'!A0")),
        ("an id of nothing", text("0123456789abcdef01234567")),
        ("an id of what is hidden", text(hidden)),
        ("a list", br#"["mallory", null, 1, {}]"#.to_vec()),
        ("a list of hidden ids", json!([hidden, hidden]).to_string().into_bytes()),
        ("a huge list", json!(vec!["x"; 20_000]).to_string().into_bytes()),
        ("a hash", br#"{"mallory": "x", "": [], "id": {}}"#.to_vec()),
        ("a deep list", [vec![b'['; 2_000], vec![b']'; 2_000]].concat()),
        ("a deep hash", [br#"{"a":"#.repeat(100), b"1".to_vec(), vec![b'}'; 100]].concat()),
    ]
}

/// How many of the hostile values each parameter meets, beside those that every one meets: they take turns, so that all of
/// them come to every kind of parameter many times. All of them to every one would take minutes and find nothing more:
/// parameters of a kind are read by the same code.
const VALUES_OF_A_PARAMETER: usize = 6;
/// The same of one within another, of which there are many: topologies alone have some hundred.
const VALUES_OF_A_NESTED_ONE: usize = 2;
/// So deep parameters are looked for: `steps[][conditions][][value]`.
const DEPTH_MAX: usize = 4;

/// Every operation, every parameter, and every hostile value in its turn. Both stores answer the same, and nobody sees
/// more than they may.
#[test]
fn hostile_values_meet_the_same_refusal_on_both_stores() {
    let [sqlite, postgres] =
        [Engine::Sqlite, Engine::Postgres].map(|engine| std::thread::spawn(move || try_hostile_values(engine)));
    let (sqlite, postgres) = (sqlite.join().expect("SQLite"), postgres.join().expect("PostgreSQL"));
    let apart: Vec<String> = sqlite
        .iter()
        .filter(|(what, status)| postgres.get(*what) != Some(status))
        .map(|(what, status)| format!("{what}: {status} on SQLite, {:?} on PostgreSQL", postgres.get(what)))
        .collect();
    assert!(apart.is_empty() && sqlite.len() > 2_000, "of {}:\n{}", sqlite.len(), apart.join("\n"));
}

/// What Ada may not see, by what it is.
struct Hidden {
    ids: std::collections::BTreeMap<&'static str, String>,
}

impl Hidden {
    fn on(cast: &Cast, source: &Source) -> Hidden {
        let content = source.contents(&cast.otto, "t").remove(0);
        let of = |value: &Value, name: &str| value[name].as_str().expect(name).to_owned();
        let intervention = of(&cast.otto.engage(&of(&content, "id")), "id");
        let comment = json!({ "intervention_id": intervention, "body": "Hm" });
        let comment = cast.otto.post("/1.0/intervention_comments", &comment).ok();
        let identity = of(&content, "author_id");
        let group = cast.otto.put(&format!("/1.0/identities/{identity}/identity_group"), &json!({})).ok();
        let mut message = source.message("with-a-file", "t", "vera", "See");
        message["attachments"] = json!([{ "content": "aGVsbG8=", "filename": "a.txt" }]);
        source.tells("messages.create", &message);
        let file = source.contents(&cast.otto, "t").remove(1);
        let ids = [
            ("group", of(&group, "id")),
            ("identit", identity.clone()),
            ("author", identity),
            ("thread", of(&content, "thread_id")),
            ("comment", of(&comment, "id")),
            ("intervention", intervention),
            ("attachment", of(&file["attachments"][0], "id")),
            ("source", source.id.clone()),
            ("content", of(&content, "id")),
            ("reply", of(&content, "id")),
        ];
        Hidden { ids: ids.into() }
    }

    /// The one that a parameter of this name could mean.
    fn named(&self, parameter: &str) -> &String {
        let order = [
            "group",
            "identit",
            "author",
            "thread",
            "comment",
            "intervention",
            "attachment",
            "source",
            "content",
            "reply",
        ];
        let what = order.into_iter().find(|what| parameter.contains(what)).unwrap_or("source");
        &self.ids[what]
    }
}

fn try_hostile_values(engine: Engine) -> std::collections::BTreeMap<String, u16> {
    let cast = Cast::start(engine, &[]);
    // What Ada may not see: a source of its own, with something of everything on it.
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let hidden = Hidden::on(&cast, &source);
    let description = Description::of(cast.server.address());
    let mut connection = Connection::open(cast.server.address()).unwrap();
    let mut statuses = std::collections::BTreeMap::new();
    let mut turn = 0;
    for operation in description.operations() {
        // One that exists, and so different from run to run, but the same on both stores: the first of its list.
        let mut target = "/1.0".to_owned();
        for part in operation.path.split('/').skip(1) {
            target.push('/');
            if !part.starts_with('{') {
                target += part;
                continue;
            }
            let list = cast.otto.get(target.trim_end_matches('/'));
            let first =
                if list.status == 200 { list.json()["records"][0]["id"].as_str().map(str::to_owned) } else { None };
            target += &first.unwrap_or_else(|| "0123456789abcdef01234567".to_owned());
        }
        for Parameter { name, is_integer } in parameters_of(&description, operation.entry) {
            let hidden_id = hidden.named(&name);
            let values = hostile_values(hidden_id);
            let is_nested = name.contains('[');
            let count = if is_nested { VALUES_OF_A_NESTED_ONE } else { VALUES_OF_A_PARAMETER };
            turn += count;
            for (number, (label, value)) in values.iter().enumerate() {
                let is_for_all = match is_nested {
                    true => *label == "an id of what is hidden",
                    false => label.contains("hidden") || matches!(*label, "a text" | "null"),
                };
                let is_extreme = is_integer && matches!(*label, "the least integer" | "a number of many digits");
                if !is_for_all && !is_extreme && (number + turn) % values.len() >= count {
                    continue;
                }
                let request = if matches!(operation.method, "POST" | "PUT") {
                    Request::new(operation.method, &target).body("application/json", body_of(&name, value))
                } else {
                    let text = serde_json::from_slice::<Value>(value).ok();
                    let text = text.map_or_else(
                        || "%ff%00%ud800".to_owned(),
                        |value| match value {
                            Value::String(text) => encode(&text),
                            value => encode(&value.to_string()),
                        },
                    );
                    // An address has its own limit.
                    let text: String = text.chars().take(4_000).collect();
                    Request::new(operation.method, &format!("{target}?{}={text}", encode(&name)))
                };
                for (who, person) in [("the administrator", &cast.otto), ("an agent", &cast.ada)] {
                    // Reading is the same for everybody, and what matters about an agent is what they find.
                    // The administrator may write what is hidden from others into any text, which would look like a leak.
                    let of_administrators = !label.contains("hidden");
                    if !(if who == "an agent" { is_for_all } else { of_administrators }) {
                        continue;
                    }
                    let mut request = request.clone().token(&person.token);
                    if operation.method == "DELETE" && who == "the administrator" {
                        request.target = request.target.replacen(&target, &to_delete(&cast, operation.path), 1);
                    }
                    let answer = connection.send(&request).or_else(|_| {
                        connection = Connection::open(cast.server.address())?;
                        connection.send(&request)
                    });
                    let what = format!("{} as {who}, {name} is {label}", operation.id());
                    let answer = answer.unwrap_or_else(|trouble| panic!("{what}: {trouble}"));
                    assert!(answer.status < 500, "{what}: {}", answer.text());
                    description::check(cast.server.address(), &request, &answer);
                    // A refusal may name the id that it was given.
                    let is_seen = |id: &&String| *id != hidden_id && answer.text().contains(id.as_str());
                    let seen = hidden.ids.values().find(is_seen).filter(|_| person.user_id == cast.ada.user_id);
                    assert!(seen.is_none(), "{what} shows {seen:?}: {}", answer.text());
                    // Whether what was asked of a channel is still on its way is a matter of time, not of the store.
                    let is_on_its_way = answer.status == 409 && operation.id() == "refreshContent";
                    statuses.insert(what, if is_on_its_way { 200 } else { answer.status });
                }
            }
        }
    }
    source.says("vera", "after", "Still there?");
    assert!(cast.server.log().iter().all(|line| !line.contains("ERROR")), "{:?}", cast.server.log());
    statuses
}

/// What an administrator may delete: a fresh one where the operation has parameters of its own, else nothing, because what
/// is gone for good leaves nothing to try the rest on.
fn to_delete(cast: &Cast, path: &str) -> String {
    let collection = match path {
        "/categories/{categoryId}" | "/teams/{teamId}" => path.split('/').nth(1).expect("a collection"),
        _ => {
            let parts =
                path.split('/').map(|part| if part.starts_with('{') { "0123456789abcdef01234567" } else { part });
            return format!("/1.0{}", parts.collect::<Vec<_>>().join("/"));
        }
    };
    let made = cast.otto.post(&format!("/1.0/{collection}"), &json!({ "name": unique("Gone ") })).ok();
    format!("/1.0/{collection}/{}", id(&made))
}

/// Somewhere to put a value.
struct Parameter {
    /// Its name, as in a form: `signatures[][language]`.
    name: String,
    /// Whether it is a whole number.
    is_integer: bool,
}

/// The parameters of an operation, in its body and beside it, with those within others, and one that it does not know.
fn parameters_of(description: &Description, entry: &Value) -> Vec<Parameter> {
    let mut found = vec![Parameter { name: "surprise".to_owned(), is_integer: false }];
    let body = resolved(description, &entry["requestBody"]["content"]["application/json"]["schema"]);
    nested(description, &body, "", 0, &mut found);
    let beside = entry["parameters"].as_array().into_iter().flatten().map(|one| resolved(description, one));
    for parameter in beside.filter(|parameter| parameter["in"] == "query") {
        let name = parameter["name"].as_str().expect("a name").trim_end_matches("[]").to_owned();
        if found.iter().any(|known| known.name == name) {
            continue;
        }
        let schema = resolved(description, &parameter["schema"]);
        found.push(Parameter { name: name.clone(), is_integer: is_integer(&schema) });
        nested(description, &schema, &name, 1, &mut found);
    }
    found
}

fn resolved(description: &Description, value: &Value) -> Value {
    let pointer = value["$ref"].as_str().map(|reference| reference.trim_start_matches('#').to_owned());
    pointer.and_then(|pointer| description.document().pointer(&pointer)).unwrap_or(value).clone()
}

fn is_integer(schema: &Value) -> bool {
    schema["type"] == "integer" || schema["type"].as_array().is_some_and(|types| types.contains(&json!("integer")))
}

/// What may stand within a value of this schema, whose own name is `within`.
fn nested(description: &Description, schema: &Value, within: &str, depth: usize, found: &mut Vec<Parameter>) {
    if depth > DEPTH_MAX {
        return;
    }
    for variants in ["anyOf", "oneOf", "allOf"] {
        for variant in schema[variants].as_array().into_iter().flatten() {
            nested(description, &resolved(description, variant), within, depth, found);
        }
    }
    if schema["items"].is_object() {
        nested(description, &resolved(description, &schema["items"]), &format!("{within}[]"), depth, found);
    }
    let named = schema["properties"].as_object().into_iter().flatten().map(|(name, schema)| (name.as_str(), schema));
    let free = schema["additionalProperties"].is_object().then_some(("mallory", &schema["additionalProperties"]));
    for (name, schema) in named.chain(free.filter(|_| depth > 0)) {
        let name = if within.is_empty() { name.to_owned() } else { format!("{within}[{name}]") };
        let schema = resolved(description, schema);
        if found.iter().all(|known| known.name != name) {
            found.push(Parameter { name: name.clone(), is_integer: is_integer(&schema) });
            nested(description, &schema, &name, depth + 1, found);
        }
    }
}

/// The JSON that holds a value under a name such as `signatures[][language]`.
fn body_of(name: &str, value: &[u8]) -> Vec<u8> {
    let mut steps = name.split('[').map(|step| step.trim_end_matches(']'));
    let first = steps.next().expect("a name");
    let within = steps.rev().fold(value.to_vec(), |value, step| match step {
        "" => [b"[".to_vec(), value, b"]".to_vec()].concat(),
        name => [format!("{{{}:", json!(name)).into_bytes(), value, b"}".to_vec()].concat(),
    });
    [format!("{{{}:", json!(first)).into_bytes(), within, b"}".to_vec()].concat()
}

/// Texts that have hurt somebody somewhere.
const TEXTS: [&str; 40] = [
    "",
    " ",
    "0",
    "-1",
    "1",
    "true",
    "null",
    "NaN",
    "1e999",
    "9223372036854775808",
    "-9223372036854775809",
    "0x10",
    "x",
    "0123456789abcdef01234567",
    "ffffffffffffffffffffffff",
    "000000000000000000000000",
    "g123456789abcdef01234567",
    "'",
    "\"",
    "' OR 1=1 --",
    "'; DROP TABLE users; --",
    "$1",
    "?",
    "%",
    "\\",
    "../../etc/passwd",
    "\u{0}",
    "a\u{0}b",
    "\u{202e}",
    "\u{fffd}",
    "\u{1f600}",
    "e\u{301}\u{301}",
    "\r\nSet-Cookie: x",
    "<script>",
    "{{firstname}}",
    "[]",
    "{}",
    "2026-02-30T25:61:61Z",
    "order:created_at.asc",
    "-\"\"\"a:b:c",
];

struct Walk<'c> {
    cast: &'c Cast,
    random: Random,
    /// Ids that exist, so that hostile parameters get past the look-up.
    ids: Vec<String>,
    /// Names of parameters that operations know.
    names: Vec<String>,
}

impl Walk<'_> {
    fn text(&mut self) -> String {
        match self.random.below(12) {
            0..=5 => (*self.random.pick(&TEXTS)).to_owned(),
            6..=8 => self.random.pick(&self.ids).clone(),
            9 => TEXTS[self.random.below(TEXTS.len())].repeat(1 + self.random.below(300)),
            10 => {
                let length = self.random.below(12);
                (0..length).filter_map(|_| char::from_u32(self.random.below(0x11_0000) as u32)).collect()
            }
            _ => {
                let key =
                    *self.random.pick(&["source", "thread", "status_in", "identity", "order", "text", "-assigned"]);
                format!("{key}:{} {}", self.random.pick(&TEXTS), self.random.pick(&TEXTS))
            }
        }
    }

    fn value(&mut self, depth: usize) -> Value {
        match self.random.below(if depth == 0 { 6 } else { 9 }) {
            0..=3 => self.text().into(),
            4 => [json!(0), json!(-1), json!(1.5), json!(1e300), json!(i64::MAX), json!(u64::MAX)]
                [self.random.below(6)]
            .clone(),
            5 => [json!(null), json!(true), json!(false)][self.random.below(3)].clone(),
            6 => (0..self.random.below(4)).map(|_| self.value(depth - 1)).collect::<Vec<_>>().into(),
            _ => {
                let count = self.random.below(4);
                (0..count).map(|_| (self.name(), self.value(depth - 1))).collect::<serde_json::Map<_, _>>().into()
            }
        }
    }

    fn name(&mut self) -> String {
        match self.random.below(8) {
            0 => self.text(),
            _ => self.random.pick(&self.names).clone(),
        }
    }

    fn path(&mut self, pattern: &str) -> String {
        let mut path = "/1.0".to_owned();
        for part in pattern.split('/').skip(1) {
            path.push('/');
            if !part.starts_with('{') {
                path += part;
            } else if self.random.below(4) == 0 {
                path += &encode(&self.text());
            } else {
                path += self.random.pick(&self.ids).as_str();
            }
        }
        path
    }

    fn pairs(&mut self) -> String {
        let mut pairs = Vec::new();
        for _ in 0..self.random.below(6) {
            let name = self.name();
            let brackets = *self.random.pick(&["", "", "", "[]", "[x]", "[][a]", "[", "]", "[[]]", "[x][]"]);
            let value = self.text();
            pairs.push(format!("{}{}={}", encode(&name), brackets, encode(&value)));
        }
        pairs.join("&")
    }

    fn request(&mut self, method: &str, pattern: &str) -> Request {
        let mut target = self.path(pattern);
        if self.random.below(2) == 0 {
            target += &format!("?{}", self.pairs());
        }
        let request = Request::new(method, &target);
        let request = match self.random.below(6) {
            0 => request,
            1 => request.body("application/x-www-form-urlencoded", self.pairs()),
            2 => {
                let junk: Vec<u8> = (0..self.random.below(60)).map(|_| self.random.bits() as u8).collect();
                let kinds = [
                    "application/json",
                    "multipart/form-data; boundary=X",
                    "text/plain",
                    "application/x-www-form-urlencoded",
                ];
                request.body(kinds[self.random.below(4)], junk)
            }
            _ => {
                let count = self.random.below(6);
                let body: serde_json::Map<_, _> = (0..count).map(|_| (self.name(), self.value(3))).collect();
                request.json(&body.into())
            }
        };
        let request = match self.random.below(10) {
            0 => request.header("Idempotency-Key", &self.text().replace(['\r', '\n', '\0'], "")),
            _ => request,
        };
        match self.random.below(20) {
            0 => request,
            1 => request.token("nonsense"),
            2..=5 => request.token(&self.cast.rita.token),
            _ => request.token(&self.cast.otto.token),
        }
    }
}

fn a_random_walk_over_every_operation_meets_no_5xx(engine: Engine) {
    // A server of its own: the walk changes whatever it can.
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    source.says("vera", "t", "Hello?");
    let description = Description::of(cast.server.address());
    let mut ids = Vec::new();
    let needs_some = |entry: &Value| {
        entry["parameters"].as_array().into_iter().flatten().any(|parameter| parameter["required"] == true)
    };
    for list in description.operations().iter().filter(|one| one.method == "GET" && !needs_some(one.entry)) {
        let page = cast.otto.get(&format!("/1.0{}?limit=5", list.path)).ok();
        let records = page["records"].as_array().into_iter().flatten();
        ids.extend(records.filter_map(|record| record["id"].as_str().map(str::to_owned)));
    }
    // The tokens of the walkers stay, and so do the walkers.
    ids.retain(|id| ![&cast.otto.user_id, &cast.rita.user_id].contains(&id));
    let names = parameter_names(description.document());
    assert!(names.len() > 50, "{names:?}");
    let operations: Vec<(String, String)> = processes::run(frontdesk().arg("operations"))
        .lines()
        .map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .map(|words| (words[0].clone(), words[1].clone()))
        // A stream has no end to wait for.
        .filter(|(_, path)| path != "/stream")
        // Deleting one's own token ends the walk early.
        .filter(|(method, path)| !(path.starts_with("/access_tokens/") && method != "GET"))
        .collect();
    let mut walk = Walk { cast: &cast, random: Random::new(42), ids, names };
    let mut connection = Connection::open(cast.server.address()).unwrap();
    let mut statuses = std::collections::BTreeMap::<u16, u32>::new();
    for step in 0..4_000 {
        let (method, path) = walk.random.pick(&operations).clone();
        let request = walk.request(&method, &path);
        let answer = match connection.send(&request) {
            Ok(answer) => answer,
            // The server may close after what it could not read: a new connection must work.
            Err(_) => {
                connection = Connection::open(cast.server.address()).unwrap();
                connection.send(&request).unwrap_or_else(|trouble| panic!("step {step}: {trouble}: {request:?}"))
            }
        };
        *statuses.entry(answer.status).or_default() += 1;
        let told = || format!("step {step}: {request:?}: {}", answer.text());
        assert!(answer.status < 500, "{}", told());
        description::check(cast.server.address(), &request, &answer);
        if answer.status == 200 {
            answer.ok();
            continue;
        }
        assert!(matches!(answer.status, 400 | 401 | 403 | 404 | 409 | 413 | 422), "{}", told());
        let body = answer.refused(answer.status);
        assert!(body["message"].as_str().unwrap().len() < 2_000, "{}", told());
    }
    assert!(statuses[&200] > 300 && statuses.len() >= 5, "the walk gets everywhere: {statuses:?}");
    // It still works afterwards, on a source that the walk could not delete.
    let (after, _channel) = cast.new_source();
    after.says("vera", "after", "Still there?");
    assert_eq!(cast.otto.get("/1.0/users/me").status, 200);
    assert!(cast.server.log().iter().all(|line| !line.contains("ERROR")), "{:?}", cast.server.log());
}

fn parameter_names(document: &Value) -> Vec<String> {
    let mut names = std::collections::BTreeSet::new();
    collect_names(document, &mut names);
    names.into_iter().collect()
}

fn collect_names(value: &Value, names: &mut std::collections::BTreeSet<String>) {
    match value {
        Value::Object(map) => {
            if let Some(Value::Object(properties)) = map.get("properties") {
                names.extend(properties.keys().cloned());
            }
            if let (Some(Value::String(name)), Some(_)) = (map.get("name"), map.get("in")) {
                names.insert(name.trim_end_matches("[]").to_owned());
            }
            map.values().for_each(|value| collect_names(value, names));
        }
        Value::Array(list) => list.iter().for_each(|value| collect_names(value, names)),
        _ => {}
    }
}

fn random_bodies_at_the_send_api_meet_no_5xx(engine: Engine) {
    let cast = Cast::shared(engine);
    let options = json!({ "options": ["view.messaging", "messaging.typing_indicator"] });
    let source = frontdesk_tests::Source::create(&cast.otto, "http://127.0.0.1:9/", &options);
    source.says("vera", "t", "Hello?");
    let names = [
        "id",
        "thread_id",
        "author",
        "recipient",
        "screenname",
        "created_at",
        "updated_at",
        "body",
        "format",
        "title",
        "attachments",
        "url",
        "content",
        "filename",
        "type",
        "categories",
        "context_data",
        "in_reply_to_id",
        "language",
        "display_url",
        "structured_content",
        "structured_reply",
        "items",
        "puppetizable",
        "email",
        "preview",
        "actions",
        "ip",
    ];
    let actions = [
        "messages.create",
        "private_messages.create",
        "threads.create",
        "users.create",
        "status.mark_as_read",
        "typing.start",
        "typing.stop",
        "message.create",
        "nonsense",
    ];
    let mut walk = Walk {
        cast: &cast,
        random: Random::new(7),
        ids: vec!["t".into(), "vera".into()],
        names: names.map(String::from).to_vec(),
    };
    let mut connection = Connection::open(cast.server.address()).unwrap();
    let mut taken = 0;
    for step in 0..1_500 {
        // A good message with something in it exchanged gets further than pure noise.
        let mut params = source.message(&format!("fuzz-{step}"), "t", "vera", "Hello?");
        for _ in 0..walk.random.below(4) {
            let (name, value) = (walk.name(), walk.value(3));
            let place = if walk.random.below(3) == 0 { &mut params["author"] } else { &mut params };
            if place.is_object() {
                place[name] = value;
            }
        }
        let mut body = json!({ "action": *walk.random.pick(&actions), "params": params }).to_string().into_bytes();
        if walk.random.below(10) == 0 && !body.is_empty() {
            let at = walk.random.below(body.len());
            body[at] = walk.random.bits() as u8;
        }
        let request = source.request_of(&body);
        let answer = match connection.send(&request) {
            Ok(answer) => answer,
            Err(_) => {
                connection = Connection::open(cast.server.address()).unwrap();
                connection.send(&request).unwrap()
            }
        };
        let told = || format!("step {step}: {}: {}", String::from_utf8_lossy(&body), answer.text());
        match answer.status {
            200 => taken += 1,
            400 | 413 | 422 | 429 => {
                answer.refused(answer.status);
            }
            _ => panic!("{}", told()),
        }
        assert!(answer.body.len() < 4_000, "{}", told());
    }
    assert!(taken > 200, "{taken}");
}

fn malformed_http_is_refused_or_cut_off(engine: Engine) {
    let cast = Cast::shared(engine);
    let token = &cast.otto.token;
    let long_header = format!("GET /1.0/users/me HTTP/1.1\r\nHost: x\r\nX: {}\r\n\r\n", "x".repeat(200_000));
    let many_headers = format!("GET /1.0/users/me HTTP/1.1\r\nHost: x\r\n{}\r\n", "X: y\r\n".repeat(2_000));
    for bytes in [
        &b"\r\n\r\n\r\n\r\n"[..],
        b"nonsense\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x00 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /1.0/contents HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /1.0/contents HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /1.0/contents HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
        b"POST /1.0/contents HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /1.0/contents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nxx\r\n",
        b"POST /1.0/contents HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"GET /1.0/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer \xff\xff\r\n\r\n",
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        long_header.as_bytes(),
        many_headers.as_bytes(),
    ] {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned();
        let mut connection = Connection::open(cast.server.address()).unwrap();
        // The server may have hung up before it has all.
        let _ = connection.write(bytes);
        if bytes.starts_with(b"\x16") {
            continue;
        }
        if let Ok(answer) = connection.answer() {
            assert!((400..500).contains(&answer.status), "{shown:?}: {}", answer.status);
        }
    }
    // Two requests in one: the second is not smuggled past the first.
    let mut connection = Connection::open(cast.server.address()).unwrap();
    let both = format!(
        "GET /1.0/users/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n\
         GET /1.0/users/me HTTP/1.1\r\nHost: x\r\n\r\n"
    );
    connection.write(both.as_bytes()).unwrap();
    assert_eq!(connection.answer().unwrap().status, 200);
    assert_eq!(connection.answer().unwrap().status, 401);
    assert_eq!(cast.otto.get("/1.0/users/me").status, 200);
}

fn a_request_that_never_ends_is_cut_off_and_holds_up_nobody(engine: Engine) {
    let cast = Cast::shared(engine);
    let started = Instant::now();
    let mut slow: Vec<std::net::TcpStream> = (0..50)
        .map(|_| {
            let mut stream = std::net::TcpStream::connect(cast.server.address()).unwrap();
            std::io::Write::write_all(&mut stream, b"GET /1.0/users/me HTTP/1.1\r\nHost: x\r\nX-Slow").unwrap();
            stream
        })
        .collect();
    cast.otto.get("/1.0/users/me").ok();
    // A header has seconds, not minutes.
    let mut first = slow.swap_remove(0);
    first.set_read_timeout(Some(Duration::from_secs(45))).unwrap();
    let mut rest = Vec::new();
    let ended = first.read_to_end(&mut rest);
    assert!(ended.is_ok() || started.elapsed() < Duration::from_secs(44), "the connection is still open: {ended:?}");
}

fn a_strangers_endless_upload_is_cut_off_before_it_costs_memory(engine: Engine) {
    const PIECE_BYTES: usize = 1024 * 1024;
    const PIECES_MAX: usize = 96;
    let cast = Cast::start(engine, &[]);
    let resident = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", cast.server.process_id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("VmRSS").to_owned();
        line.split_whitespace().nth(1).and_then(|kilobytes| kilobytes.parse::<usize>().ok()).expect("a number") / 1024
    };
    let before = resident();
    let head = "POST /1.0/attachments HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\
                Content-Type: multipart/form-data; boundary=XX\r\n\r\n";
    // Neither a preamble that never ends nor a part's header that never ends is worth keeping.
    for beginning in ["", "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\nX: "] {
        let mut connection = Connection::open(cast.server.address()).unwrap();
        connection.write(head.as_bytes()).unwrap();
        if !beginning.is_empty() {
            connection.write(format!("{:x}\r\n{beginning}\r\n", beginning.len()).as_bytes()).unwrap();
        }
        let piece = [format!("{PIECE_BYTES:x}\r\n").into_bytes(), vec![b'y'; PIECE_BYTES], b"\r\n".to_vec()].concat();
        let sent = (0..PIECES_MAX).take_while(|_| connection.write(&piece).is_ok()).count();
        assert!(sent < PIECES_MAX, "the server took {PIECES_MAX} MiB from a stranger");
        if let Ok(answer) = connection.answer() {
            assert!(matches!(answer.status, 400 | 401 | 413), "{}", answer.status);
        }
    }
    assert!(resident() < before + 64, "{before} MiB became {} MiB", resident());
    cast.otto.get("/1.0/users/me").ok();
}
