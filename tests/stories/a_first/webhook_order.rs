//! Whoever is told of events in any order, and of some more than once, can put them in order by `seq` and know how things
//! are (P7).

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use frontdesk_tests::pages::{id, records};
use frontdesk_tests::random::Random;
use frontdesk_tests::{Cast, Engine, FakeChannel, Source, eventually};
use serde_json::{Value, json};

on_both_engines![what_is_told_in_any_order_and_repeatedly_rebuilds_what_there_is];

/// On SQLite. What is told is made by the same code on both engines: on PostgreSQL, where everything takes longer, a part
/// of them are lived through.
const HISTORIES: usize = 1_000;
const HISTORIES_ON_POSTGRES: usize = 200;
/// Of every history.
const SHUFFLES: usize = 3;
const COMMANDS: usize = 8;
/// Histories that happen at the same time.
const AT_ONCE: usize = 4;
/// How long it may take until everything has been told.
const TOLD: Duration = Duration::from_secs(120);

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

/// A thread in which things happen, as far as whoever acts in it knows.
struct Thread<'a> {
    cast: &'a Cast,
    source: &'a Source,
    name: String,
    id: String,
    contents: Vec<String>,
    interventions: Vec<String>,
}

impl Thread<'_> {
    fn begin<'a>(cast: &'a Cast, source: &'a Source, name: String) -> Thread<'a> {
        source.says("vera 0", &name, "Hello?");
        let first = source.contents(&cast.otto, &name).remove(0);
        let thread_id = first["thread_id"].as_str().expect("a thread").to_owned();
        Thread { cast, source, name, id: thread_id, contents: vec![id(&first)], interventions: Vec::new() }
    }

    /// Something happens; what cannot be is refused and changes nothing.
    fn act(&mut self, categories: &[String], random: &mut Random) {
        let otto = &self.cast.otto;
        let content = random.pick(&self.contents).clone();
        let change = |random: &mut Random, verb: &str, body: &Value| {
            if !self.interventions.is_empty() {
                otto.put(&format!("/1.0/interventions/{}/{verb}", random.pick(&self.interventions)), body);
            }
        };
        match random.below(9) {
            0 | 1 => {
                let author = format!("vera {}", random.below(2));
                self.source.says(&author, &self.name, "Is anybody there?");
            }
            2 => {
                let opened = otto.post("/1.0/interventions", &json!({ "content_id": content }));
                if opened.status == 200 {
                    self.interventions.push(id(&opened.json()));
                }
            }
            3 => {
                let replied = otto.post("/1.0/contents", &json!({ "in_reply_to_id": content, "body": "Yes." }));
                if replied.status == 200 {
                    let reply = replied.json();
                    self.contents.push(id(&reply));
                    let intervention = reply["intervention_id"].as_str().map(str::to_owned);
                    self.interventions.extend(intervention.filter(|id| !self.interventions.contains(id)));
                }
            }
            4 => change(random, "close", &json!({})),
            5 => {
                let category = random.pick(categories).clone();
                change(random, "update_categories", &json!({ "category_ids": [category] }));
            }
            6 => change(random, "defer", &json!({ "rate": 3_600 })),
            7 => change(random, "reassign", &json!({ "user_id": self.cast.ada.user_id })),
            _ if self.interventions.is_empty() => {}
            _ => drop(otto.delete(&format!("/1.0/interventions/{}/cancel", random.pick(&self.interventions)))),
        }
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

    let histories = if engine == Engine::Sqlite { HISTORIES } else { HISTORIES_ON_POSTGRES };
    let live = |share: usize| -> Vec<String> {
        let mut random = Random::new(7 + share as u64);
        let mine = (share..histories).step_by(AT_ONCE);
        mine.map(|history| {
            let mut thread = Thread::begin(&cast, &source, format!("t{history}"));
            (0..COMMANDS).for_each(|_| thread.act(&categories, &mut random));
            thread.id
        })
        .collect()
    };
    let live = &live;
    let thread_ids: Vec<String> = std::thread::scope(|scope| {
        let shares: Vec<_> = (0..AT_ONCE).map(|share| scope.spawn(move || live(share))).collect();
        shares.into_iter().flat_map(|share| share.join().expect("a share of the histories")).collect()
    });
    // Everything is told twice: what is replayed while it still waits to be told would be told once.
    let waiting = format!("{webhook}/deliveries?state=waiting&limit=1");
    let began = Instant::now();
    while cast.otto.get(&waiting).ok()["count"] != 0 {
        assert!(began.elapsed() < TOLD, "some are never told");
        std::thread::sleep(Duration::from_millis(50));
    }
    cast.otto.post(&format!("{webhook}/replay"), &json!({ "from_seq": 1 })).ok();
    let mut told: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let (mut different, mut count, mut passed) = (BTreeSet::new(), 0, 0);
    let began = Instant::now();
    loop {
        for push in receiver.pushes_after(passed) {
            passed += 1;
            if push.method == "GET" {
                continue;
            }
            for event in push.json()["events"].as_array().into_iter().flatten() {
                count += 1;
                different.insert(id(event));
                let thread_id = event["resource"]["metadata"]["thread_id"].as_str().expect("a thread").to_owned();
                told.entry(thread_id).or_default().push(event.clone());
            }
        }
        let is_over = records(&cast.otto.get(&format!("{webhook}/replays")).ok())[0]["finished"] == true;
        if is_over && count >= 2 * different.len() {
            break;
        }
        assert!(began.elapsed() < TOLD, "{count} of twice {} were told", different.len());
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut random = Random::new(11);
    let mut changes = 0;
    for thread_id in &thread_ids {
        let mut events = told.remove(thread_id).expect("its events");
        let truth = truth(&cast, thread_id);
        changes += events.len();
        for _ in 0..SHUFFLES {
            for place in (1..events.len()).rev() {
                events.swap(place, random.below(place + 1));
            }
            let mut subscriber = Subscriber::default();
            events.iter().for_each(|event| subscriber.hears(event));
            assert_eq!(subscriber.knows(), truth, "{thread_id}");
        }
    }
    assert!(changes > histories * COMMANDS, "{changes}");
}
