//! Service levels: by when customers and agents were promised an answer, what is told of it, and who is due first.

use frontdesk_tests::cast::unique;
use frontdesk_tests::http::encode;
use frontdesk_tests::pages::{id, ids, records};
use frontdesk_tests::stream::Transport;
use frontdesk_tests::{Cast, Engine, Person, Source, eventually};
use serde_json::{Value, json};

on_both_engines![
    what_was_promised_to_a_customer_ends_with_an_answer,
    who_waits_too_long_is_told_of_twice,
    who_is_due_first_comes_first,
    hours_and_categories_decide_what_is_promised,
    an_agent_promises_an_answer_too,
];

/// A source with these settings.
fn source(cast: &Cast, settings: &Value) -> Source {
    let (source, _) = cast.new_source();
    cast.otto.put(&source.path_of(), settings).ok();
    source
}

trait PathOf {
    fn path_of(&self) -> String;
}

impl PathOf for Source {
    fn path_of(&self) -> String {
        format!("/1.0/content_sources/{}", self.id)
    }
}

/// A thread of the source with our own properties, once it is promised what is expected.
#[track_caller]
fn thread_that_is(reader: &Person, source: &Source, thread: &str, state: &str) -> Value {
    let path = format!("/1.0/content_threads/{}?extended=true", id(&source.thread(reader, thread)));
    eventually(&format!("{thread} is {state}"), || {
        let shown = reader.get(&path).ok();
        (shown["sla_state"] == state).then_some(shown)
    })
}

/// Waits until all that was written before has been looked at.
fn is_followed(cast: &Cast) {
    let (other, name) = (source(cast, &json!({ "sla_response": 3600 })), unique("thread-"));
    other.says(&unique("vera"), &name, "Hello?");
    thread_that_is(&cast.otto, &other, &name, "ok");
}

fn threads(reader: &Person, q: &str) -> Vec<String> {
    ids(&reader.get(&format!("/1.0/content_threads?limit=150&q={}", encode(q))).ok())
}

fn what_was_promised_to_a_customer_ends_with_an_answer(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let source = source(&cast, &json!({ "sla_response": 3600, "sla_threshold": 50 }));
    let (vera, name) = (unique("vera"), unique("thread-"));
    source.says(&vera, &name, "Hello?");
    let thread = thread_that_is(otto, &source, &name, "ok");
    assert!(thread["sla_due_at"].as_str() > thread["created_at"].as_str(), "{thread}");
    let plain = source.thread(otto, &name);
    assert!(plain.get("sla_state").is_none() && plain.get("sla_due_at").is_none(), "{plain}");
    let due_at = thread["sla_due_at"].clone();
    // What they write next was not promised sooner or later: the first one counts.
    source.says(&vera, &name, "Is anybody there?");
    let content = id(&source.contents(otto, &name)[0]);
    let intervention = otto.engage(&content);
    let path = format!("/1.0/interventions/{}", id(&intervention));
    let shown = otto.get(&format!("{path}?extended=true")).ok();
    assert_eq!((&shown["sla_state"], &shown["sla_due_at"]), (&json!("ok"), &due_at));
    assert!(otto.get(&path).ok().get("sla_state").is_none());
    otto.reply(&content, "Here I am.");
    let answered = thread_that_is(otto, &source, &name, "none");
    assert!(answered.get("sla_due_at").is_none());
    let shown = otto.get(&format!("/1.0/interventions?extended=true&thread_id={}", id(&answered))).ok();
    assert_eq!(records(&shown)[0]["sla_state"], "none");

    // It begins anew with what they write next, and ends with the case.
    source.says(&vera, &name, "One more thing.");
    thread_that_is(otto, &source, &name, "ok");
    otto.put(&format!("{path}/close"), &json!({})).ok();
    thread_that_is(otto, &source, &name, "none");
    source.says(&vera, &name, "And another.");
    thread_that_is(otto, &source, &name, "ok");
    otto.put(&format!("/1.0/content_threads/{}/ignore", id(&answered)), &json!({})).ok();
    thread_that_is(otto, &source, &name, "none");
}

fn who_waits_too_long_is_told_of_twice(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let source = source(&cast, &json!({ "sla_response": 2, "sla_threshold": 50 }));
    let query = format!("types[]=service_level.*&source_ids[]={}", source.id);
    let mut stream = otto.stream(Transport::Events, &query);
    stream.heartbeat();
    let (vera, name) = (unique("vera"), unique("thread-"));
    source.says(&vera, &name, "Hello?");
    let this = [id(&source.thread(otto, &name))];
    for kind in ["service_level.warning", "service_level.expired"] {
        let told = stream.event_named(kind);
        assert!(told.to_string().contains(&this[0]), "{told}");
    }
    thread_that_is(otto, &source, &name, "expired");
    let of_source = |q: &str| threads(otto, &format!("source:{} {q}", source.id));
    assert_eq!(of_source("sla:expired"), this);
    assert_eq!(of_source("sla:ok sla:warning sla:none"), [""; 0]);
    assert_eq!(of_source("-sla:ok"), this);
    assert_eq!(of_source("-sla:expired"), [""; 0]);
    // Late is better than never.
    otto.reply(&id(&source.contents(otto, &name)[0]), "Sorry!");
    thread_that_is(otto, &source, &name, "none");
    assert_eq!(of_source("sla:none"), this);
}

fn who_is_due_first_comes_first(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let source = source(&cast, &json!({ "sla_response": 7200 }));
    let name = |word: &str| unique(word);
    let (patient, hasty, none) = (name("patient-"), name("hasty-"), name("none-"));
    source.says(&unique("vera"), &patient, "No hurry.");
    thread_that_is(otto, &source, &patient, "ok");
    otto.put(&source.path_of(), &json!({ "sla_response": 3600 })).ok();
    source.says(&unique("vera"), &hasty, "Quick!");
    thread_that_is(otto, &source, &hasty, "ok");
    otto.put(&source.path_of(), &json!({ "sla_response": 0 })).ok();
    source.says(&unique("vera"), &none, "Whenever you like.");
    is_followed(&cast);
    let all: Vec<String> = [&hasty, &patient, &none].map(|name| id(&source.thread(otto, name))).to_vec();
    let sorted = |order: &str| threads(otto, &format!("source:{} order:sla_due_at.{order}", source.id));
    assert_eq!(sorted("asc"), all);
    assert_eq!(sorted("desc"), all.iter().rev().cloned().collect::<Vec<_>>());
    otto.get("/1.0/content_threads?q=sla:soon").refused(400);
    otto.get("/1.0/content_threads?q=order:sla").refused(400);
}

fn hours_and_categories_decide_what_is_promised(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let category = id(&otto.create_category(&json!({})));
    let settings = json!({ "sla_response": 3600, "sla_filtering_category_ids": [category] });
    let source = source(&cast, &settings);
    let name = unique("thread-");
    source.says(&unique("vera"), &name, "Hello?");
    let thread = thread_that_is(otto, &source, &name, "ok");
    let categorise = |ids: &Value| {
        let path = format!("/1.0/content_threads/{}/update_categories", id(&thread));
        otto.put(&path, &json!({ "thread_category_ids": ids })).ok();
    };
    categorise(&json!([category]));
    thread_that_is(otto, &source, &name, "none");
    otto.put(&source.path_of(), &json!({ "sla_filtering_categories_strategy": "selected_categories" })).ok();
    categorise(&json!([]));
    categorise(&json!([category]));
    thread_that_is(otto, &source, &name, "ok");

    // Open for four hours on one day of the week: due on that day, whichever it is.
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let due = |name: &str| thread_that_is(otto, &source, name, "ok")["sla_due_at"].as_str().unwrap().to_owned();
    otto.put(&source.path_of(), &json!({ "sla_filtering_categories_strategy": "ignored_categories" })).ok();
    let sheet =
        id(&otto.post("/1.0/time_sheets", &json!({ "label": unique("Sheet "), "source_ids": [source.id] })).ok());
    let mut dues = std::collections::BTreeSet::new();
    for day in days {
        let mut hours = json!({});
        for other in days {
            hours[format!("{other}_hours")] = json!(if other == day { "36000-50400" } else { "" });
        }
        otto.put(&format!("/1.0/time_sheets/{sheet}"), &hours).ok();
        let name = unique("thread-");
        source.says(&unique("vera"), &name, "Hello?");
        dues.insert(due(&name));
    }
    // Each of the seven weekdays has its own.
    assert_eq!(dues.len(), 7, "{dues:?}");
    assert!(dues.iter().filter(|due| due.ends_with("T11:00:00Z")).count() >= 6, "{dues:?}");
    let mut closed = json!({});
    for day in days {
        closed[format!("{day}_hours")] = json!("");
    }
    otto.put(&format!("/1.0/time_sheets/{sheet}"), &closed).ok();
    let never = unique("thread-");
    source.says(&unique("vera"), &never, "Hello?");
    is_followed(&cast);
    thread_that_is(otto, &source, &never, "none");
}

fn an_agent_promises_an_answer_too(engine: Engine) {
    let cast = Cast::shared(engine);
    let otto = &cast.otto;
    let source = source(&cast, &json!({ "sla_response": 3600 }));
    let group =
        json!({ "name": unique("Group "), "source_ids": [source.id], "agent_sla": 1800, "agent_sla_threshold": 50 });
    otto.post("/1.0/channels", &group).ok();
    let agent = cast.hire(&["receive_tasks", "update_own_intervention"]);
    let rights = json!({ &source.id: "read,reply" });
    otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
    agent.post("/1.0/status/me/connect", &json!({})).ok();
    let (vera, name) = (unique("vera"), unique("thread-"));
    source.says(&vera, &name, "Hello?");
    let content = id(&source.contents(otto, &name)[0]);
    let task = eventually("it rings", || {
        let found = agent.get("/1.0/tasks?extended=true").ok();
        let rings = |task: &&Value| task["content_id"] == content.as_str() && task["sla_state"] == "ok";
        records(&found).iter().find(rings).cloned()
    });
    assert_eq!((&task["agent_sla_state"], task.get("agent_sla_due_at")), (&json!("none"), None));
    assert_eq!(task["segment_index"], 1);
    let path = format!("/1.0/tasks/{}", id(&task));
    let documented = agent.get(&path).ok();
    assert_eq!((documented.get("sla_state"), documented.get("segment_index")), (None, None));
    let states = |customer: &str, of_agent: &str| {
        eventually(&format!("{customer} and {of_agent}"), || {
            let task = agent.get(&format!("{path}?extended=true")).ok();
            (task["sla_state"] == customer && task["agent_sla_state"] == of_agent).then_some(task)
        })
    };
    agent.post(&format!("{path}/accept"), &json!({})).ok();
    let accepted = states("ok", "ok");
    assert!(accepted["agent_sla_due_at"].as_str() < accepted["sla_due_at"].as_str(), "{accepted}");
    agent.reply(&content, "Here I am.");
    states("none", "none");
    source.says(&vera, &name, "Fine, then:");
    states("ok", "ok");
    agent.post(&format!("{path}/release"), &json!({})).ok();
    states("ok", "none");
}
