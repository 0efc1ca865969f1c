//! The comparison: what the clients were told against what is there.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::time::{Duration, Instant};

use frontdesk_tests::http::encode;
use frontdesk_tests::pages::records;
use frontdesk_tests::{FakeChannel, Person, Push, Source};
use serde_json::Value;

use crate::ledger::{Message, Outcome, Story};

/// At most this many records in a list's window.
const PAGE_RECORDS: usize = 150;
/// Threads whose contents are asked for in one request.
const THREADS_AT_ONCE_MAX: usize = 40;

/// What is wrong, each with its id.
#[derive(Default)]
pub(crate) struct Findings {
    /// Acknowledged and not there, or there with another body.
    pub(crate) lost: Vec<String>,
    /// There more often than once.
    pub(crate) doubled: Vec<String>,
    /// There although it was refused or never sent, or counted wrongly.
    pub(crate) wrong: Vec<String>,
    /// Pushes that break their promise.
    pub(crate) pushes: Vec<String>,
    /// Messages of which a webhook was not told, and repeats that cannot be recognised.
    pub(crate) events: Vec<String>,
}

/// A source as REST shows it.
pub(crate) struct Shown {
    contents: Vec<Value>,
    interventions: Vec<Value>,
    threads: Vec<Value>,
}

pub(crate) fn text<'v>(record: &'v Value, name: &str) -> &'v str {
    record[name].as_str().unwrap_or_default()
}

/// Every record of a list, page by page, until one is not full.
pub(crate) fn list(reader: &Person, target: &str) -> Vec<Value> {
    let mut all = Vec::new();
    loop {
        let page = reader.get(&format!("{target}&limit={PAGE_RECORDS}&offset={}", all.len())).ok();
        let some = records(&page);
        all.extend_from_slice(some);
        if some.len() < PAGE_RECORDS {
            return all;
        }
    }
}

/// Reads everything on a source: its threads, and their contents thread by thread.
pub(crate) fn read(reader: &Person, source: &Source) -> Shown {
    let q = encode(&format!("source:{} order:created_at.asc", source.id));
    let threads = list(reader, &format!("/1.0/content_threads?q={q}"));
    let mut contents = Vec::new();
    for some in threads.chunks(THREADS_AT_ONCE_MAX) {
        let q: String = some.iter().map(|thread| format!("thread:{} ", text(thread, "id"))).collect();
        contents.extend(list(reader, &format!("/1.0/contents?q={}", encode(&format!("{q}order:created_at.asc")))));
    }
    let mut interventions = list(reader, "/1.0/interventions?sort=created_at");
    interventions.retain(|intervention| text(intervention, "source_id") == source.id);
    Shown { contents, interventions, threads }
}

impl Shown {
    /// What agents wrote.
    fn replies(&self) -> impl Iterator<Item = &Value> {
        self.contents.iter().filter(|content| !content["creator_id"].is_null())
    }

    /// What customers wrote.
    pub(crate) fn customers(&self) -> impl Iterator<Item = &Value> {
        self.contents.iter().filter(|content| content["creator_id"].is_null())
    }

    /// How much of what agents wrote is not on its channel.
    pub(crate) fn waiting_count(&self) -> usize {
        self.replies().filter(|reply| text(reply, "synchronization_status") != "success").count()
    }

    pub(crate) fn contents_count(&self) -> usize {
        self.contents.len()
    }
}

/// Compares customers' messages with what is there.
pub(crate) fn messages<'m>(told: impl Iterator<Item = &'m Message>, shown: &Shown, findings: &mut Findings) {
    let mut found: HashMap<(&str, &str), Vec<&str>> = HashMap::new();
    for content in shown.contents.iter().filter(|content| content["creator_id"].is_null()) {
        found.entry((text(content, "type"), text(content, "foreign_id"))).or_default().push(text(content, "body"));
    }
    for message in told {
        let name = format!("{} {}", message.object, message.id);
        let bodies = found.remove(&(message.object, message.id.as_str())).unwrap_or_default();
        match (message.outcome, bodies.len()) {
            (_, 2..) => findings.doubled.push(format!("{name}: {} times", bodies.len())),
            (Outcome::Acknowledged, 0) => findings.lost.push(name),
            (Outcome::Refused | Outcome::Unsent, 1) => {
                findings.wrong.push(format!("{name}: there, but {:?}", message.outcome))
            }
            (_, 1) if bodies[0] != message.text() => {
                findings.lost.push(format!("{name}: its body became {}", bodies[0]))
            }
            (_, _) => {}
        }
    }
    findings.wrong.extend(found.keys().map(|(object, id)| format!("{object} {id}: nobody sent it")));
    counters(shown, findings);
}

/// Threads are unique by the channel's id, and their counters tell what is in them.
fn counters(shown: &Shown, findings: &mut Findings) {
    let mut counts: HashMap<&str, i64> = HashMap::new();
    for content in &shown.contents {
        *counts.entry(text(content, "thread_id")).or_default() += 1;
    }
    let mut seen = HashSet::new();
    for thread in &shown.threads {
        let (id, foreign_id) = (text(thread, "id"), text(thread, "foreign_id"));
        let (counted, there) = (thread["contents_count"].as_i64(), counts.get(id).copied().unwrap_or(0));
        if counted != Some(there) {
            findings.wrong.push(format!("thread {id}: it holds {there} contents and counts {counted:?}"));
        }
        if !foreign_id.is_empty() && !seen.insert(foreign_id) {
            findings.doubled.push(format!("thread {foreign_id}"));
        }
    }
}

/// Compares what agents did with what is there.
pub(crate) fn stories(told: &[Story], shown: &Shown, findings: &mut Findings) {
    let mut replies: HashMap<&str, Vec<&Value>> = HashMap::new();
    for reply in shown.replies() {
        replies.entry(text(reply, "body")).or_default().push(reply);
    }
    let ids: HashSet<&str> = shown.contents.iter().map(|content| text(content, "id")).collect();
    let interventions: HashMap<&str, &Value> =
        shown.interventions.iter().map(|intervention| (text(intervention, "id"), intervention)).collect();
    let mut per_thread: HashMap<&str, usize> = HashMap::new();
    for intervention in &shown.interventions {
        *per_thread.entry(text(intervention, "thread_id")).or_default() += 1;
    }
    for (thread, count) in per_thread.iter().filter(|(_, count)| **count > 1) {
        findings.doubled.push(format!("intervention: thread {thread} of one customer has {count}"));
    }
    for story in told {
        let name = &story.message.id;
        match replies.remove(story.reply_text.as_str()).as_deref() {
            Some([_, _, ..]) => findings.doubled.push(format!("reply of {name}")),
            Some([_]) if matches!(story.reply.outcome, Outcome::Unsent | Outcome::Refused) => {
                findings.wrong.push(format!("reply of {name}: there, but {:?}", story.reply.outcome));
            }
            _ => {}
        }
        let missing = |step: &crate::ledger::Step, is_there: &dyn Fn(&str) -> bool| {
            step.outcome == Outcome::Acknowledged && !step.id.as_deref().is_some_and(is_there)
        };
        if missing(&story.reply, &|id| ids.contains(id)) {
            findings.lost.push(format!("reply of {name}"));
        }
        if missing(&story.intervention, &|id| interventions.contains_key(id)) {
            findings.lost.push(format!("intervention of {name}"));
        }
        let intervention = story.intervention.id.as_deref().and_then(|id| interventions.get(id));
        if story.closing == Outcome::Acknowledged && intervention.is_none_or(|found| found["closed"] != true) {
            findings.lost.push(format!("closing of {name}"));
        }
    }
    findings.wrong.extend(replies.keys().map(|body| format!("reply \"{body}\": nobody sent it")));
}

/// Numbers about pushes.
#[derive(Default)]
pub(crate) struct Pushed {
    pub(crate) pushes: usize,
    pub(crate) repeats: usize,
}

/// Compares what the channel received with what agents wrote. Every answer arrives; a repeat says so and carries the
/// same id; only a kill explains a repeat, or a first arrival that says that it is one.
pub(crate) fn pushes(
    received: &[Push],
    told: &[Story],
    kills: &[(Instant, Instant)],
    shown: &Shown,
    secret: &str,
    findings: &mut Findings,
) -> Pushed {
    let mut by_content: BTreeMap<String, Vec<(&Push, Value)>> = BTreeMap::new();
    for push in received {
        let params = push.params();
        if !push.is_signed_by(secret) {
            findings.pushes.push(format!("push {} is not signed", push.number));
        }
        by_content.entry(text(&params, "content_id").to_owned()).or_default().push((push, params));
    }
    let began: HashMap<&str, Instant> =
        told.iter().filter_map(|story| Some((story.reply_text.as_str(), story.reply_began?))).collect();
    let killed_between = |from: Instant, to: Instant| kills.iter().any(|(start, end)| *end >= from && *start <= to);
    let mut repeats = 0;
    for reply in shown.replies() {
        let (id, body) = (text(reply, "id"), text(reply, "body"));
        let Some(arrivals) = by_content.remove(id) else {
            findings.pushes.push(format!("{body} ({id}) was never pushed"));
            continue;
        };
        if text(reply, "foreign_id") != format!("pushed-{id}") {
            findings.pushes.push(format!("{body} ({id}) has the id {} on its channel", reply["foreign_id"]));
        }
        repeats += arrivals.len() - 1;
        let mut earlier = began.get(body).copied();
        let timeline = timeline(earlier, &arrivals, kills);
        for (number, (push, params)) in arrivals.iter().enumerate() {
            let explained = earlier.is_some_and(|earlier| killed_between(earlier, push.at));
            let retry = params["retry"] == true;
            if text(params, "body") != body {
                findings.pushes.push(format!("{body} ({id}) was pushed as {}", params["body"]));
            }
            if number > 0 && !retry {
                findings.pushes.push(format!("{body} ({id}) was repeated without retry: {timeline}"));
            }
            if retry && !explained {
                findings
                    .pushes
                    .push(format!("{body} ({id}): push {number} says retry, and no kill explains it: {timeline}"));
            }
            earlier = Some(push.at);
        }
    }
    // Told to the outside and then forgotten.
    findings.lost.extend(by_content.keys().map(|id| format!("reply {id}: it was pushed and is not there")));
    Pushed { pushes: received.len(), repeats }
}

/// What a webhook was told.
pub(crate) struct Told {
    pub(crate) events: usize,
    pub(crate) repeats: usize,
}

/// Waits until a webhook has been told of every message that is there, or of none more for so long, and compares. The load
/// sends more than may be told beside it: what counts is that nothing is missing in the end. A repeat carries the ids of the
/// first sending.
pub(crate) fn settled_events(
    receiver: &FakeChannel,
    shown: &[&Shown],
    standstill: Duration,
    findings: &mut Findings,
) -> Told {
    let imported = shown
        .iter()
        .flat_map(|shown| &shown.contents)
        .filter(|content| text(content, "created_from") == "synchronizer");
    let expected: HashSet<&str> = imported.map(|content| text(content, "id")).collect();
    let (mut moved_at, mut left) = (Instant::now(), expected.len());
    let mut ids: HashMap<String, HashSet<String>> = HashMap::new();
    let mut told: HashSet<String> = HashSet::new();
    let (mut events, mut passed) = (0, 0);
    loop {
        // Only what is new: whoever looks through everything each time is what the receiver waits for.
        for push in receiver.pushes_after(passed) {
            passed += 1;
            let request = push.json();
            for event in request["events"].as_array().into_iter().flatten() {
                events += 1;
                told.insert(text(&event["resource"], "id").to_owned());
                let request_id = text(&request, "id").to_owned();
                ids.entry(text(event, "id").to_owned()).or_default().insert(request_id);
            }
        }
        let missing: Vec<&&str> = expected.iter().filter(|id| !told.contains(**id)).collect();
        if missing.len() < left {
            (moved_at, left) = (Instant::now(), missing.len());
        }
        if !missing.is_empty() && moved_at.elapsed() < standstill {
            std::thread::sleep(Duration::from_millis(200));
            continue;
        }
        findings.events.extend(missing.iter().map(|id| format!("{id} was never told")));
        let changed = ids.iter().filter(|(_, requests)| requests.len() > 1);
        findings.events.extend(changed.map(|(id, _)| format!("event {id} came in requests of different ids")));
        let unknown = told.iter().filter(|id| !expected.contains(id.as_str()));
        findings.lost.extend(unknown.map(|id| format!("message {id}: it was told and is not there")));
        return Told { events, repeats: events - ids.len() };
    }
}

/// What happened to one answer, in milliseconds after it was first asked for.
fn timeline(began: Option<Instant>, arrivals: &[(&Push, Value)], kills: &[(Instant, Instant)]) -> String {
    let Some(began) = began else { return "nobody asked for it".into() };
    let milliseconds = |at: &Instant| at.saturating_duration_since(began).as_millis();
    let last = arrivals.iter().map(|(push, _)| push.at).max().unwrap_or(began);
    let mut events: Vec<(u128, String)> = arrivals
        .iter()
        .map(|(push, params)| (milliseconds(&push.at), format!("push {} with retry {}", push.number, params["retry"])))
        .collect();
    let near = kills.iter().filter(|(start, end)| *end >= began && *start <= last);
    events.extend(
        near.flat_map(|(start, end)| [(milliseconds(start), "kill".into()), (milliseconds(end), "dead".into())]),
    );
    events.sort();
    events.iter().map(|(at, what)| format!("{at} {what}")).collect::<Vec<_>>().join(", ")
}

/// What the database says of itself. A copy is looked at, so that the server has to recover on its own.
pub(crate) fn database(data: &Path) -> Vec<String> {
    let copy = frontdesk_tests::processes::folder("copy");
    for name in ["frontdesk.db", "frontdesk.db-wal"] {
        if data.join(name).exists() {
            std::fs::copy(data.join(name), copy.join(name)).expect("a copy of the database");
        }
    }
    let connection = rusqlite::Connection::open(copy.join("frontdesk.db")).expect("the copy opens");
    let mut problems = Vec::new();
    for pragma in ["PRAGMA integrity_check", "PRAGMA foreign_key_check"] {
        let outcome = connection.prepare(pragma).and_then(|mut statement| {
            let rows = statement.query_map([], |row| row.get::<_, String>(0))?;
            rows.collect::<rusqlite::Result<Vec<String>>>()
        });
        match outcome {
            Ok(lines) => problems.extend(lines.into_iter().filter(|line| line != "ok")),
            Err(trouble) => problems.push(format!("{pragma}: {trouble}")),
        }
    }
    drop(connection);
    let _ = std::fs::remove_dir_all(copy);
    problems
}

/// Waits until everything that agents wrote is on its channel, or nothing more of it came there for so long, and returns the
/// source as it then is.
pub(crate) fn settled(reader: &Person, source: &Source, standstill: Duration) -> Shown {
    let (mut moved_at, mut left) = (Instant::now(), usize::MAX);
    loop {
        let shown = read(reader, source);
        let waiting = shown.waiting_count();
        if waiting < left {
            (moved_at, left) = (Instant::now(), waiting);
        }
        if waiting == 0 || moved_at.elapsed() > standstill {
            return shown;
        }
        std::thread::sleep(Duration::from_millis(500));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::ledger::Step;

    fn told(outcome: Outcome) -> Message {
        let params = json!({ "id": "m1", "body": "Hello." });
        Message { object: "message", id: "m1".into(), params, outcome }
    }

    fn shown(contents: Vec<Value>) -> Shown {
        let threads = vec![json!({ "id": "t", "foreign_id": "thread", "contents_count": contents.len() })];
        Shown { contents, interventions: Vec::new(), threads }
    }

    fn content(body: &str) -> Value {
        json!({ "type": "message", "foreign_id": "m1", "body": body, "thread_id": "t", "creator_id": null })
    }

    /// How many are lost, doubled and wrong.
    fn counts(outcome: Outcome, shown: &Shown) -> (usize, usize, usize) {
        let mut findings = Findings::default();
        messages([told(outcome)].iter(), shown, &mut findings);
        (findings.lost.len(), findings.doubled.len(), findings.wrong.len())
    }

    #[test]
    fn a_message_that_is_lost_altered_doubled_or_invented_is_noticed() {
        let (none, once, twice) = (shown(vec![]), shown(vec![content("Hello.")]), shown(vec![content("Hello."); 2]));
        assert_eq!(counts(Outcome::Acknowledged, &once), (0, 0, 0));
        assert_eq!(counts(Outcome::Acknowledged, &none), (1, 0, 0));
        assert_eq!(counts(Outcome::Acknowledged, &twice), (0, 1, 0));
        assert_eq!(counts(Outcome::Acknowledged, &shown(vec![content("Hell")])), (1, 0, 0));
        assert_eq!(counts(Outcome::Unknown, &none), (0, 0, 0));
        assert_eq!(counts(Outcome::Unknown, &once), (0, 0, 0));
        assert_eq!(counts(Outcome::Unknown, &twice), (0, 1, 0));
        assert_eq!(counts(Outcome::Refused, &once), (0, 0, 1));
        assert_eq!(counts(Outcome::Unsent, &once), (0, 0, 1));
        let mut findings = Findings::default();
        messages(std::iter::empty(), &once, &mut findings);
        assert_eq!(findings.wrong, ["message m1: nobody sent it"]);
    }

    #[test]
    fn a_counter_that_is_off_and_a_thread_that_is_there_twice_are_noticed() {
        let mut off = shown(vec![content("Hello.")]);
        off.threads[0]["contents_count"] = 2.into();
        assert_eq!(counts(Outcome::Acknowledged, &off), (0, 0, 1));
        let mut twice = shown(vec![content("Hello.")]);
        twice.threads.push(json!({ "id": "u", "foreign_id": "thread", "contents_count": 0 }));
        assert_eq!(counts(Outcome::Acknowledged, &twice), (0, 1, 0));
    }

    fn story(began: Instant) -> Story {
        let done = |id: &str| Step { outcome: Outcome::Acknowledged, id: Some(id.into()) };
        Story {
            message: told(Outcome::Acknowledged),
            intervention: done("i"),
            reply: done("r"),
            reply_text: "Yes.".into(),
            reply_began: Some(began),
            closing: Outcome::Acknowledged,
        }
    }

    fn reply() -> Value {
        json!({ "id": "r", "body": "Yes.", "creator_id": "u", "foreign_id": "pushed-r", "thread_id": "t" })
    }

    #[test]
    fn an_agents_work_that_is_lost_or_doubled_is_noticed() {
        let intervention = |closed: bool| json!({ "id": "i", "thread_id": "t", "closed": closed });
        let counts = |contents: Vec<Value>, interventions: Vec<Value>| {
            let mut findings = Findings::default();
            let shown = Shown { interventions, ..shown(contents) };
            stories(&[story(Instant::now())], &shown, &mut findings);
            (findings.lost.len(), findings.doubled.len(), findings.wrong.len())
        };
        assert_eq!(counts(vec![reply()], vec![intervention(true)]), (0, 0, 0));
        assert_eq!(counts(vec![], vec![intervention(true)]), (1, 0, 0));
        assert_eq!(counts(vec![reply()], vec![intervention(false)]), (1, 0, 0));
        assert_eq!(counts(vec![reply()], vec![]), (2, 0, 0), "the intervention and its closing");
        assert_eq!(counts(vec![reply(), reply()], vec![intervention(true)]), (0, 1, 0));
        assert_eq!(counts(vec![reply()], vec![intervention(true), intervention(true)]), (0, 1, 0));
    }

    #[test]
    fn a_push_that_breaks_its_promise_is_noticed() {
        let began = Instant::now();
        let at = |milliseconds| began + Duration::from_millis(milliseconds);
        let push = |number: usize, milliseconds: u64, retry: bool| {
            let params = json!({ "content_id": "r", "body": "Yes.", "retry": retry });
            let body = json!({ "action": "messages.create", "params": params }).to_string().into_bytes();
            let signature = frontdesk_tests::signature::sign("secret", &body);
            let headers = vec![("X-SMCCSDK-SIGNATURE".to_owned(), signature)];
            let (method, target) = ("POST".to_owned(), "/sdk".to_owned());
            Push { number, method, target, headers, body, at: at(milliseconds) }
        };
        let problems = |received: &[Push], kills: &[(Instant, Instant)]| {
            let mut findings = Findings::default();
            pushes(received, &[story(began)], kills, &shown(vec![reply()]), "secret", &mut findings);
            (findings.pushes.len(), findings.lost.len())
        };
        let kill = [(at(20), at(25))];
        assert_eq!(problems(&[push(0, 10, false)], &[]), (0, 0));
        assert_eq!(problems(&[push(0, 10, false), push(1, 30, true)], &kill), (0, 0));
        assert_eq!(problems(&[push(0, 30, true)], &kill), (0, 0), "the first try may have died on its way");
        assert_eq!(problems(&[], &[]), (1, 0), "never pushed");
        assert_eq!(problems(&[push(0, 10, true)], &kill), (1, 0), "nothing had been tried");
        assert_eq!(problems(&[push(0, 10, false), push(1, 30, false)], &kill), (1, 0), "a repeat that does not say so");
        assert_eq!(problems(&[push(0, 10, false), push(1, 15, true)], &kill), (1, 0), "no kill in between");
        let mut findings = Findings::default();
        pushes(&[push(0, 10, false)], &[], &[], &shown(vec![]), "secret", &mut findings);
        assert_eq!(findings.lost.len(), 1, "told to the outside and forgotten");
    }
}
