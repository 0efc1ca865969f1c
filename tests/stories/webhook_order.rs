//! Whoever is told of events in any order, and of some more than once, can put them in order by `seq` and know how things
//! are (P7).

use std::collections::{BTreeMap, BTreeSet};

use frontdesk_tests::pages::{id, records};
use frontdesk_tests::random::Random;
use frontdesk_tests::{Cast, Engine, FakeChannel, Source, eventually};
use serde_json::{Value, json};

on_both_engines![what_is_told_in_any_order_and_repeatedly_rebuilds_what_there_is];

const HISTORIES: usize = 50;
/// Of every history: 1,000 in all.
const SHUFFLES: usize = 20;
const COMMANDS: usize = 8;

/// What a subscriber keeps: of everything what the newest event told, and which event that was.
#[derive(Default)]
struct Subscriber {
    heard: BTreeSet<String>,
    newest: BTreeMap<String, (i64, Value)>,
    contents: BTreeMap<i64, String>,
}

impl Subscriber {
    fn hears(&mut self, event: &Value) {
        if !self.heard.insert(id(event)) {
            return;
        }
        let (seq, kind) = (event["seq"].as_i64().expect("a place"), event["type"].as_str().expect("a type"));
        let resource = &event["resource"];
        if matches!(kind, "content.imported" | "content.replied") {
            self.contents.insert(seq, id(resource));
        } else if kind.starts_with("intervention.") {
            let newest = self.newest.entry(id(resource)).or_default();
            if newest.0 < seq {
                let state = match kind {
                    "intervention.canceled" => Value::Null,
                    _ => state(&resource["metadata"]),
                };
                *newest = (seq, state);
            }
        }
    }

    /// Contents in their order, and the interventions that there are.
    fn knows(self) -> (Vec<String>, BTreeMap<String, Value>) {
        let there = self.newest.into_iter().filter(|(_, (_, state))| !state.is_null());
        (self.contents.into_values().collect(), there.map(|(id, (_, state))| (id, state)).collect())
    }
}

fn state(of: &Value) -> Value {
    json!({
        "user_id": of["user_id"], "category_ids": of["category_ids"], "closed": !of["closed_at"].is_null(),
        "deferred": !of["deferred_at"].is_null(),
    })
}

/// What REST shows of a thread.
fn truth(cast: &Cast, thread_id: &str) -> (Vec<String>, BTreeMap<String, Value>) {
    let contents = cast.otto.search("/1.0/contents", &format!("thread:{thread_id} order:created_at.asc"));
    let interventions = cast.otto.get(&format!("/1.0/interventions?limit=150&thread_id={thread_id}")).ok();
    let mut contents: Vec<String> = records(&contents).iter().map(id).collect();
    // Ids are made in time order.
    contents.sort_unstable();
    (contents, records(&interventions).iter().map(|one| (id(one), state(one))).collect())
}

/// Something happens in a thread; what cannot be is refused and changes nothing.
fn act(cast: &Cast, source: &Source, thread: &str, categories: &[String], random: &mut Random) {
    let author = format!("vera {}", random.below(2));
    let contents = source.contents(&cast.otto, thread);
    let thread_id = contents[0]["thread_id"].as_str().expect("a thread").to_owned();
    let content = id(random.pick(&contents));
    let interventions = cast.otto.get(&format!("/1.0/interventions?limit=150&thread_id={thread_id}")).ok();
    let some = records(&interventions).iter().map(id).collect::<Vec<_>>();
    let put = |random: &mut Random, verb: &str, body: &Value| {
        if !some.is_empty() {
            cast.otto.put(&format!("/1.0/interventions/{}/{verb}", random.pick(&some)), body);
        }
    };
    match random.below(9) {
        0 | 1 => drop(source.says(&author, thread, "Is anybody there?")),
        2 => drop(cast.otto.post("/1.0/interventions", &json!({ "content_id": content }))),
        3 => drop(cast.otto.post("/1.0/contents", &json!({ "in_reply_to_id": content, "body": "Yes." }))),
        4 => put(random, "close", &json!({})),
        5 => {
            let category = random.pick(categories).clone();
            put(random, "update_categories", &json!({ "category_ids": [category] }));
        }
        6 => put(random, "defer", &json!({ "rate": 3_600 })),
        7 => put(random, "reassign", &json!({ "user_id": cast.ada.user_id })),
        _ if some.is_empty() => {}
        _ => drop(cast.otto.delete(&format!("/1.0/interventions/{}/cancel", random.pick(&some)))),
    }
}

fn what_is_told_in_any_order_and_repeatedly_rebuilds_what_there_is(engine: Engine) {
    let cast = Cast::start(engine, &[]);
    let (source, _channel) = cast.new_source();
    let path = format!("/1.0/users/{}/sources_permissions", cast.ada.user_id);
    cast.otto.put(&path, &json!({ (source.id.as_str()): "read,reply" })).ok();
    let categories: Vec<String> = (0..3).map(|_| id(&cast.otto.create_category(&json!({})))).collect();
    let receiver = FakeChannel::start();
    let verbs = [
        "opened",
        "closed",
        "canceled",
        "reopened",
        "deferred",
        "reactivated",
        "recategorized",
        "assigned",
        "user_updated",
    ];
    let mut names: Vec<String> = verbs.iter().map(|verb| format!("intervention.{verb}")).collect();
    names.extend(["content.imported".to_owned(), "content.replied".to_owned()]);
    let webhook = json!({
        "url": receiver.hook_url(), "registered_events": names, "source_filter": "only", "source_ids": [source.id],
    });
    let webhook = format!("/1.0/webhooks/{}", id(&cast.otto.post("/1.0/webhooks", &webhook).ok()));
    eventually("it listens", || (cast.otto.get(&webhook).ok()["webhook_status"] == "enabled").then_some(()));

    let mut random = Random::new(7);
    for history in 0..HISTORIES {
        let thread = format!("t{history}");
        source.says("vera 0", &thread, "Hello?");
        for _ in 0..COMMANDS {
            act(&cast, &source, &thread, &categories, &mut random);
        }
    }
    // Everything is told twice.
    cast.otto.post(&format!("{webhook}/replay"), &json!({ "from_seq": 1 })).ok();
    let thread_ids: Vec<String> =
        (0..HISTORIES).map(|history| id(&source.thread(&cast.otto, &format!("t{history}")))).collect();
    let truths: Vec<_> = thread_ids.iter().map(|thread_id| truth(&cast, thread_id)).collect();
    let of_thread = |thread_id: &str| -> Vec<Value> {
        let is_of = |event: &Value| event["resource"]["metadata"]["thread_id"] == thread_id;
        receiver.events().into_iter().filter(is_of).collect()
    };
    eventually("everything is told twice", || {
        let events = receiver.events();
        let different: BTreeSet<String> = events.iter().map(id).collect();
        let open = records(&cast.otto.get(&format!("{webhook}/replays")).ok())[0]["finished"] != true;
        (!open && events.len() >= 2 * different.len()).then_some(())
    });
    let mut changes = 0;
    for (thread_id, truth) in thread_ids.iter().zip(&truths) {
        let mut events = of_thread(thread_id);
        changes += events.len();
        for _ in 0..SHUFFLES {
            for place in (1..events.len()).rev() {
                events.swap(place, random.below(place + 1));
            }
            let mut subscriber = Subscriber::default();
            events.iter().for_each(|event| subscriber.hears(event));
            assert_eq!(&subscriber.knows(), truth, "{thread_id}");
        }
    }
    assert!(changes > HISTORIES * COMMANDS, "{changes}");
}
