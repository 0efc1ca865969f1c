//! Every event that webhooks are told of: which command causes it, and that a subscriber gets every documented key.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use frontdesk_tests::cast::unique;
use frontdesk_tests::pages::{id, records};
use frontdesk_tests::{Cast, Engine, FakeChannel, Person, Source, eventually};
use serde_json::{Value, json};

on_both_engines![every_event_arrives_with_every_documented_key];

#[test]
fn all_45_names_are_either_told_or_listed_as_pending() {
    let told: BTreeSet<&str> = EVENTS.iter().map(|event| event.name).collect();
    let page = include_str!("../../docs/integrator/webhooks.md");
    let (_, section) = page.split_once("## Events that are still to come").expect("the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let pending: BTreeSet<&str> = section.split('`').skip(1).step_by(2).filter(|name| name.contains('.')).collect();
    assert_eq!(told.intersection(&pending).count(), 0);
    let all: Vec<&str> = told.union(&pending).copied().collect();
    assert_eq!(all.len(), 45, "{all:?}");
    // What is to come, nothing in the program causes.
    for (path, text) in program() {
        let caused = pending.iter().find(|name| text.contains(&format!("\"{name}\"")));
        assert!(path.ends_with("model/src/journal.rs") || caused.is_none(), "{path:?} knows of {caused:?}");
    }
    // Each can be registered, and so is known to the product.
    let cast = Cast::shared(Engine::Sqlite);
    let receiver = FakeChannel::start();
    let webhook = json!({ "url": receiver.hook_url(), "registered_events": all });
    cast.otto.post("/1.0/webhooks", &webhook).ok();
    // The told ones are in the page too.
    for name in told {
        assert!(page.contains(&format!("`{name}`")), "the page lacks {name}");
    }
}

/// The files that the program is made of, with their texts.
fn program() -> Vec<(PathBuf, String)> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates")];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        for path in std::fs::read_dir(&folder).expect("a folder").flatten().map(|entry| entry.path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                files.push((path.clone(), std::fs::read_to_string(&path).expect("a text")));
            }
        }
    }
    files
}

const CONTENT: &[&str] = &[
    "id",
    "approval_required",
    "author_id",
    "body",
    "body_input_format",
    "created_from",
    "creator_id",
    "date",
    "first_in_thread",
    "foreign_categories",
    "foreign_id",
    "has_attachment",
    "intervention_id",
    "language",
    "type",
    "in_reply_to_author_id",
    "in_reply_to_id",
    "private",
    "source_id",
    "source_type",
    "status",
    "thread_id",
    "thread_title",
    "capabilities_supported",
    "category_ids",
    "context_data",
    "structured_content_supported",
];
const INTERVENTION: &[&str] = &[
    "source_id",
    "thread_id",
    "user_id",
    "identity_id",
    "category_ids",
    "closed_at",
    "deferred_at",
    "custom_field_values",
];
const TASK: &[&str] = &[
    "created_at",
    "channel_id",
    "source_id",
    "priority",
    "content_id",
    "intervention_id",
    "agent_ids",
    "identity_id",
    "queue",
    "thread_id",
    "language",
    "segment_index",
];
const IDENTITY: &[&str] = &["new_identity_group_id", "old_identity_group_id"];
const AGENT: &[&str] = &["channels"];

/// An event, how it comes about, and what is told of it.
struct Event {
    name: &'static str,
    /// Causes it; returns the id of the resource.
    cause: fn(&Scene) -> String,
    keys: &'static [&'static str],
    /// What some of the keys hold.
    values: &'static [(&'static str, &'static str)],
    /// Whether an agent caused it.
    by_agent: bool,
}

const fn event(name: &'static str, keys: &'static [&'static str], cause: fn(&Scene) -> String) -> Event {
    Event { name, cause, keys, values: &[], by_agent: true }
}

impl Event {
    const fn by_nobody(self) -> Event {
        Event { by_agent: false, ..self }
    }

    const fn with(self, values: &'static [(&'static str, &'static str)]) -> Event {
        Event { values, ..self }
    }
}

const EVENTS: &[Event] = &[
    event("content.imported", CONTENT, |scene| id(&scene.question())).by_nobody().with(&[
        ("status", "\"new\""),
        ("body", "\"Hello?\""),
        ("created_from", "\"synchronizer\""),
        ("first_in_thread", "true"),
        ("creator_id", "null"),
        ("intervention_id", "null"),
        ("foreign_categories", "[]"),
        ("source_type", "\"sdk\""),
    ]),
    event("content.replied", CONTENT, |scene| id(&scene.reply())).with(&[
        ("status", "\"user_reply\""),
        ("body", "\"Hello!\""),
        ("first_in_thread", "false"),
    ]),
    event("content.exported", CONTENT, |scene| id(&scene.reply()))
        .by_nobody()
        .with(&[("synchronization_status", "\"success\""), ("status", "\"user_reply\"")]),
    event("content.update_exported", CONTENT, |scene| {
        scene.source.has_described_itself(&scene.cast.otto);
        let (message, thread) = (unique("message-"), unique("thread-"));
        scene.source.tells("messages.create", &scene.source.public_message(&message, &thread));
        let content = id(&scene.source.contents(&scene.cast.otto, &thread)[0]);
        scene.cast.otto.put(&format!("/1.0/contents/{content}/unpublish"), &json!({})).ok();
        content
    })
    .by_nobody()
    .with(&[("synchronization_status", "\"success\""), ("status", "\"new\"")]),
    event("content.discussion_initiated", CONTENT, |scene| {
        let content = json!({ "source_id": scene.messaging, "to": unique("visitor-"), "body": "Hello!" });
        id(&scene.cast.otto.post("/1.0/contents", &content).ok())
    })
    .with(&[("status", "\"user_initiated\""), ("first_in_thread", "true")]),
    event("content.approved", CONTENT, |scene| {
        let waiting =
            scene.cast.ada.post("/1.0/contents", &json!({ "in_reply_to_id": id(&scene.question()), "body": "Hello!" }));
        let waiting = id(&waiting.ok());
        scene.cast.otto.put(&format!("/1.0/contents/{waiting}/approve"), &json!({})).ok();
        waiting
    })
    .with(&[("approval_required", "false"), ("body", "\"Hello!\"")]),
    event("content.thread_closed", CONTENT, |scene| scene.thread_put("close")).with(&[("body", "\"First\"")]),
    event("content.thread_opened", CONTENT, |scene| {
        scene.thread_put("close");
        scene.thread_put("open")
    }),
    event("content.thread_auto_closed", CONTENT, |scene| {
        let (thread, content) = scene.discussion();
        let five_days = 5_i64 * 24 * 60 * 60 * 1_000_000;
        let thread = scene.hex(&thread);
        let sql = format!("UPDATE threads SET last_content_at = last_content_at - {five_days} WHERE id = {thread}");
        scene.cast.server.sql(&sql);
        content
    })
    .by_nobody(),
    event("intervention.opened", INTERVENTION, |scene| scene.intervention()).with(&[
        ("closed_at", "null"),
        ("deferred_at", "null"),
        ("category_ids", "[]"),
    ]),
    event("intervention.assigned", INTERVENTION, |scene| scene.intervention()),
    event("intervention.canceled", INTERVENTION, |scene| {
        let intervention = scene.intervention();
        scene.cast.otto.delete(&format!("/1.0/interventions/{intervention}/cancel")).ok();
        intervention
    }),
    event("intervention.closed", INTERVENTION, |scene| scene.closed().0),
    event("intervention.reopened", INTERVENTION, |scene| {
        let (intervention, thread) = scene.closed();
        scene.source.says("vera", &thread, "One more thing");
        intervention
    })
    .by_nobody()
    .with(&[("closed_at", "null")]),
    event("intervention.custom_fields_updated", INTERVENTION, |scene| {
        let intervention = scene.intervention();
        let field = json!({ "associated_type_name": "Intervention", "label": unique("Order ") });
        let field = scene.cast.otto.post("/1.0/custom_fields", &field).ok();
        let key = field["key"].as_str().expect("a key");
        let path = format!("/1.0/interventions/{intervention}");
        scene.cast.otto.put(&path, &json!({ "custom_field_values": { key: "4711" } })).ok();
        intervention
    }),
    event("intervention.deferred", INTERVENTION, |scene| scene.intervention_put("defer", &json!({ "rate": 3_600 }))),
    event("intervention.reactivated", INTERVENTION, |scene| {
        let intervention = scene.intervention_put("defer", &json!({ "rate": 3_600 }));
        scene.cast.otto.put(&format!("/1.0/interventions/{intervention}/reactivate"), &json!({})).ok();
        intervention
    })
    .with(&[("deferred_at", "null")]),
    event("intervention.recategorized", INTERVENTION, |scene| {
        let category = id(&scene.cast.otto.create_category(&json!({})));
        scene.intervention_put("update_categories", &json!({ "category_ids": [category] }))
    }),
    event("intervention.user_updated", INTERVENTION, |scene| {
        scene.intervention_put("reassign", &json!({ "user_id": scene.cast.ada.user_id }))
    }),
    event("identity.merged", IDENTITY, |scene| scene.merged().1),
    event("identity.unmerged", IDENTITY, |scene| {
        let (_, other) = scene.merged();
        scene.cast.otto.put(&format!("/1.0/identities/{other}/unmerge"), &json!({})).ok();
        other
    })
    .with(&[("new_identity_group_id", "null")]),
    event("push_agent.connected", AGENT, |scene| scene.agent(&["connect"])),
    event("push_agent.disconnected", AGENT, |scene| scene.agent(&["connect", "disconnect"])),
    event("push_agent.availability_change", AGENT, |scene| {
        let agent = scene.agent(&["disconnect", "connect"]);
        let own = format!("/1.0/status/{agent}");
        let status = scene.cast.otto.get(&own).ok();
        let channels = status["channels"].as_array().expect("channels");
        let away: serde_json::Map<_, _> = channels.iter().map(|channel| (id(channel), json!("away"))).collect();
        scene.cast.otto.put(&own, &json!({ "status": away })).ok();
        agent
    }),
    event("push_agent.accept_task", AGENT, |scene| {
        let work = scene.work();
        work.accepted();
        work.agent.user_id
    }),
    event("push_agent.request_task", AGENT, |scene| {
        let work = scene.work();
        let limits = json!({ "soft_capability": 1, "hard_capability": 2 });
        scene.cast.otto.put(&format!("/1.0/channels/{}", work.channel_id), &limits).ok();
        work.accepted();
        // It is not offered: they have as many as are.
        work.source.says("yuki", &unique("thread-"), "And I?");
        eventually("they get one more", || {
            (work.agent.post("/1.0/tasks/request", &json!({})).status == 200).then_some(())
        });
        work.agent.user_id
    }),
    event("push_agent.busyness_change", AGENT, |scene| {
        let work = scene.work();
        work.ringing();
        work.agent.user_id
    })
    .by_nobody(),
    event("push_agent.missed_task", AGENT, |scene| scene.silent_agent.clone()).by_nobody(),
    event("push_agent.reconnected", AGENT, |scene| {
        let agent = scene.agent(&["connect"]);
        scene.cast.server.sql("UPDATE agent_presences SET last_seen_at = last_seen_at - 61000000");
        eventually("they are taken to have gone", || {
            (scene.cast.otto.get(&format!("/1.0/status/{agent}")).status == 404).then_some(())
        });
        scene.agent(&["connect"])
    }),
    event("task.created", TASK, |scene| scene.work().task()).by_nobody().with(&[
        ("queue", "\"global\""),
        ("priority", "0.0"),
        ("agent_ids", "[]"),
        ("intervention_id", "null"),
        ("segment_index", "1"),
    ]),
    event("task.assigned", TASK, |scene| scene.work().ringing()).by_nobody().with(&[("queue", "\"global\"")]),
    event("task.taken", TASK_TAKEN, |scene| scene.work().accepted()).with(&[("type", "\"ring\"")]),
    event("task.completed", TASK_COMPLETED, |scene| {
        let work = scene.work();
        let task = work.accepted();
        work.agent.post(&format!("/1.0/tasks/{task}/complete"), &json!({})).ok();
        task
    })
    .with(&[("action", "\"closed\""), ("queue", "\"history\""), ("segment_index", "2")]),
    event("task.destroyed", TASK, |scene| {
        let work = scene.work();
        let task = work.ringing();
        let content = work.read(&task)["content_id"].as_str().expect("a content").to_owned();
        scene.cast.otto.put(&format!("/1.0/contents/{content}/ignore"), &json!({})).ok();
        task
    })
    .with(&[("queue", "\"history\"")]),
    event("task.recategorized", TASK, |scene| {
        let work = scene.work();
        let task = work.ringing();
        let thread = work.read(&task)["thread_id"].as_str().expect("a thread").to_owned();
        let category = id(&scene.cast.otto.create_category(&json!({})));
        let body = json!({ "thread_category_ids": [category] });
        scene.cast.otto.put(&format!("/1.0/content_threads/{thread}/update_categories"), &body).ok();
        task
    })
    .by_nobody(),
    event("task.transferred", TASK, |scene| {
        let task = scene.work().accepted();
        scene.cast.otto.post(&format!("/1.0/tasks/{task}/transfer"), &json!({})).ok();
        task
    }),
    event("task.supervisor_assigned", TASK, |scene| {
        let work = scene.work();
        let task = work.ringing();
        let body = json!({ "bypass": "true", "agent_ids": [work.agent.user_id] });
        scene.cast.otto.post(&format!("/1.0/tasks/{task}/transfer"), &body).ok();
        task
    }),
    event("task.resume", TASK, |scene| {
        let work = scene.work();
        let task = work.accepted();
        work.agent.post(&format!("/1.0/tasks/{task}/complete"), &json!({})).ok();
        work.agent.post(&format!("/1.0/tasks/{task}/resume"), &json!({})).ok();
        task
    }),
    event("task.expired_from_workbin", TASK, |scene| {
        let work = scene.work();
        let task = work.accepted();
        work.agent.post("/1.0/status/me/disconnect", &json!({})).ok();
        task
    })
    .by_nobody(),
    event("task.expired_from_step", TASK, |scene| scene.undelivered()).by_nobody(),
    event("task.undelivered", TASK, |scene| scene.undelivered()).by_nobody().with(&[("queue", "\"undelivered\"")]),
];

const TASK_TAKEN: &[&str] = &["type", "queue", "agent_ids"];
const TASK_COMPLETED: &[&str] = &["action", "queue", "agent_ids"];

/// A source in a channel of its own, and an agent who is at work there.
struct Work<'s> {
    scene: &'s Scene,
    source: Source,
    channel_id: String,
    agent: Person,
}

impl Work<'_> {
    fn read(&self, task: &str) -> Value {
        self.scene.cast.otto.get(&format!("/1.0/tasks/{task}")).ok()
    }

    fn task(&self) -> String {
        self.source.says("vera", &unique("thread-"), "Hello?");
        let target = format!("/1.0/tasks?channel_id={}", self.channel_id);
        eventually("a task", || records(&self.scene.cast.otto.get(&target).ok()).first().map(id))
    }

    fn ringing(&self) -> String {
        let task = self.task();
        eventually("it rings", || self.read(&task)["locked_at"].is_string().then_some(()));
        task
    }

    fn accepted(&self) -> String {
        let task = self.ringing();
        self.agent.post(&format!("/1.0/tasks/{task}/accept"), &json!({})).ok();
        task
    }
}

struct Scene {
    cast: Cast,
    source: Source,
    _channel: FakeChannel,
    messaging: String,
    receiver: FakeChannel,
    /// Somebody at whom a task rings, and who does not take it.
    silent_agent: String,
}

impl Scene {
    /// A server, a source on which Ada's answers need approval, and a webhook for all that is told.
    fn new(engine: Engine) -> Scene {
        let cast = Cast::start(engine, &[]);
        let (source, channel) = cast.new_source();
        let path = format!("/1.0/users/{}/sources_permissions", cast.ada.user_id);
        cast.otto.put(&path, &json!({ (source.id.as_str()): "read,reply,approval_required" })).ok();
        let community = json!({ "type": "mobile_messaging", "name": unique("Messaging ") });
        let community = cast.otto.post("/1.0/communities", &community).ok();
        let messaging = json!({ "type": "mobile_messaging", "name": unique("App "), "community_id": community["id"] });
        let messaging = id(&cast.otto.post("/1.0/content_sources", &messaging).ok());
        let receiver = FakeChannel::start();
        let names: Vec<&str> = EVENTS.iter().map(|event| event.name).collect();
        let webhook = json!({ "url": receiver.hook_url(), "registered_events": names });
        let webhook = id(&cast.otto.post("/1.0/webhooks", &webhook).ok());
        eventually("the webhook works", || {
            let webhook = cast.otto.get(&format!("/1.0/webhooks/{webhook}")).ok();
            (webhook["webhook_status"] == "enabled").then_some(())
        });
        let mut scene = Scene { cast, source, _channel: channel, messaging, receiver, silent_agent: String::new() };
        // It takes as long as the shortest ringing; meanwhile the others come about.
        scene.follow(&json!({ "name": "everybody", "agents": { "everyone": true }, "ring": 5 }));
        let work = scene.work();
        work.ringing();
        let silent_agent = work.agent.user_id.clone();
        scene.follow(&json!({ "name": "everybody", "agents": { "everyone": true } }));
        scene.silent_agent = silent_agent;
        scene
    }

    /// Makes a topology of one step the active one.
    fn follow(&self, step: &Value) {
        let config = json!({ "version": 1, "steps": [step] });
        let topology = json!({ "name": unique("Topology "), "json_config": config.to_string() });
        let topology = id(&self.cast.otto.post("/1.0/topologies", &topology).ok());
        self.cast.otto.put(&format!("/1.0/topologies/{topology}/activate"), &json!({})).ok();
    }

    fn hex(&self, id: &str) -> String {
        match self.cast.server.database_url() {
            None => format!("x'{id}'"),
            Some(_) => format!("decode('{id}', 'hex')"),
        }
    }

    fn work(&self) -> Work<'_> {
        let otto = &self.cast.otto;
        let source = Source::create(otto, &self._channel.base_uri(), &json!({}));
        let group = json!({ "name": unique("Group "), "source_ids": [source.id] });
        let channel_id = id(&otto.post("/1.0/channels", &group).ok());
        let agent = self.cast.hire(&["receive_tasks"]);
        let rights = json!({ &source.id: "read,reply" });
        otto.put(&format!("/1.0/users/{}/sources_permissions", agent.user_id), &rights).ok();
        agent.post("/1.0/status/me/connect", &json!({})).ok();
        // Nobody else may answer here.
        for other in [otto, &self.cast.ada, &self.cast.bo] {
            other.post("/1.0/status/me/disconnect", &json!({})).ok();
        }
        Work { scene: self, source, channel_id, agent }
    }

    /// A task that nobody took in time. The topology is another one from now on.
    fn undelivered(&self) -> String {
        let work = self.work();
        self.follow(&json!({ "name": "brief", "agents": { "everyone": true }, "for": 1 }));
        work.task()
    }

    fn question(&self) -> Value {
        let thread = unique("thread-");
        self.source.says("vera", &thread, "Hello?");
        self.source.contents(&self.cast.otto, &thread).remove(0)
    }

    fn reply(&self) -> Value {
        self.cast.otto.reply(&id(&self.question()), "Hello!")
    }

    fn intervention(&self) -> String {
        id(&self.cast.otto.engage(&id(&self.question())))
    }

    fn intervention_put(&self, verb: &str, body: &Value) -> String {
        let intervention = self.intervention();
        self.cast.otto.put(&format!("/1.0/interventions/{intervention}/{verb}"), body).ok();
        intervention
    }

    /// A closed intervention, and its thread's foreign id.
    fn closed(&self) -> (String, String) {
        let thread = unique("thread-");
        self.source.says("vera", &thread, "Hello?");
        let question = self.source.contents(&self.cast.otto, &thread).remove(0);
        let reply = self.cast.otto.reply(&id(&question), "Hello!");
        let intervention = reply["intervention_id"].as_str().expect("an intervention").to_owned();
        self.cast.otto.put(&format!("/1.0/interventions/{intervention}/close"), &json!({})).ok();
        (intervention, thread)
    }

    /// A thread that can be closed, and its first content.
    fn discussion(&self) -> (String, String) {
        let content = json!({ "source_id": self.messaging, "to": unique("visitor-"), "body": "First" });
        let content = self.cast.otto.post("/1.0/contents", &content).ok();
        (content["thread_id"].as_str().expect("a thread").to_owned(), id(&content))
    }

    fn thread_put(&self, verb: &str) -> String {
        let (thread, content) = self.discussion();
        if verb == "open" {
            self.cast.otto.put(&format!("/1.0/content_threads/{thread}/close"), &json!({})).ok();
        }
        self.cast.otto.put(&format!("/1.0/content_threads/{thread}/{verb}"), &json!({})).ok();
        content
    }

    /// Otto comes and goes.
    fn agent(&self, verbs: &[&str]) -> String {
        for verb in verbs {
            self.cast.otto.post(&format!("/1.0/status/me/{verb}"), &json!({})).ok();
        }
        self.cast.otto.user_id.clone()
    }

    /// Two identities of one group.
    fn merged(&self) -> (String, String) {
        let otto = &self.cast.otto;
        let identity = || {
            let (author, thread) = (unique("author-"), unique("thread-"));
            self.source.says(&author, &thread, "Hello?");
            let found = otto.get(&format!("/1.0/identities?source_id={}&foreign_id={author}", self.source.id)).ok();
            id(&records(&found)[0])
        };
        let (one, other) = (identity(), identity());
        let group = id(&otto.put(&format!("/1.0/identities/{one}/identity_group"), &json!({})).ok());
        let merge = json!({ "associated_identity_id": other });
        otto.put(&format!("/1.0/identity_groups/{group}/merge"), &merge).ok();
        (one, other)
    }
}

fn every_event_arrives_with_every_documented_key(engine: Engine) {
    let scene = Scene::new(engine);
    let mut faults = Vec::new();
    for expected in EVENTS {
        let resource_id = (expected.cause)(&scene);
        let told = eventually(&format!("{} of {resource_id}", expected.name), || {
            scene
                .receiver
                .events()
                .into_iter()
                .find(|event| event["type"] == expected.name && event["resource"]["id"] == json!(resource_id))
        });
        let metadata = told["resource"]["metadata"].as_object().expect("metadata");
        let missing: Vec<_> = expected.keys.iter().filter(|key| !metadata.contains_key(**key)).collect();
        if !missing.is_empty() {
            faults.push(format!("{} lacks {missing:?}", expected.name));
        }
        for (key, value) in expected.values {
            let value: Value = serde_json::from_str(value).expect("JSON");
            if metadata[*key] != value {
                faults.push(format!("{}: {key} is {} and not {value}", expected.name, metadata[*key]));
            }
        }
        for channel in metadata.get("channels").and_then(Value::as_array).into_iter().flatten() {
            let missing = ["id", "name", "status", "busyness", "custom_status"].map(|key| channel.get(key).is_none());
            if missing != [false; 5] {
                faults.push(format!("{}: {channel}", expected.name));
            }
        }
        if told.get("user_id").is_some() != expected.by_agent {
            faults.push(format!("{}: the user is {:?}", expected.name, told.get("user_id")));
        }
        let family = expected.name.split('.').next().expect("a family");
        let is_named = match told["resource"]["type"].as_str().expect("a type") {
            "sdk/message" | "message" => family == "content",
            other => other == family,
        };
        if !is_named || told["id"].as_str().is_none_or(|id| id.len() != 24) || !told["seq"].is_number() {
            faults.push(format!("{}: {}", expected.name, told));
        }
        if (expected.name == "task.completed") != told.get("action").is_some() {
            faults.push(format!("{}: the action is {:?}", expected.name, told.get("action")));
        }
        // Only exports tell how the export went.
        let has_status = metadata.contains_key("synchronization_status");
        if has_status != matches!(expected.name, "content.exported" | "content.update_exported") {
            faults.push(format!("{}: synchronization_status", expected.name));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
