//! The document of a topology: read, checked in itself, and turned into a plan. Pure: what only the store knows is
//! `check.rs`.
//!
//! A document that is wrong is refused with every fault, each with its place and its reason, so that nobody hunts for them
//! one by one.

use std::collections::HashSet;
use std::fmt;

use frontdesk_model::Id;
use frontdesk_people::locales;
use serde_json::{Map, Value};

use crate::engine::plan::{Offer, Plan, Queue, RING_SECONDS_DEFAULT, Step, When, Who};

/// The version of the documents that this program reads.
pub const VERSION: i64 = 1;
/// Nobody follows more.
pub const STEPS_MAX: usize = 100;
/// Special queues.
pub const QUEUES_MAX: usize = 50;
const NAME_CHARACTERS_MAX: usize = 100;
/// Ids or languages in one list.
const LIST_MAX: usize = 500;
/// A task rings at least so many seconds: nobody accepts faster, counting the network.
const RING_SECONDS_MIN: i64 = 5;
const RING_SECONDS_MAX: i64 = 600;
/// A task stays in a step at most so many seconds: a week.
const FOR_SECONDS_MAX: i64 = 7 * 24 * 60 * 60;
/// Who gets more wrong sees the rest after mending these.
pub const FAULTS_MAX: usize = 20;

/// Names that queues cannot have, because lists of tasks use them.
const RESERVED: [&str; 4] = ["global", "workbins", "history", "undelivered"];
const RESERVED_PREFIX: &str = "workbin_";

/// What is wrong with a document.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fault {
    /// Where, such as `steps[2].next`; empty for the whole document.
    pub place: String,
    /// A stable word, such as `unknown` or `loop`.
    pub kind: &'static str,
    /// Why, as the end of a sentence that begins with the place.
    pub reason: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place.is_empty() {
            true => write!(f, "{}", self.reason),
            false => write!(f, "{} {}", self.place, self.reason),
        }
    }
}

/// All that was found so far.
#[derive(Default)]
pub(super) struct Faults(pub(super) Vec<Fault>);

impl Faults {
    pub(super) fn add(&mut self, place: impl Into<String>, kind: &'static str, reason: impl Into<String>) {
        if self.0.len() < FAULTS_MAX {
            self.0.push(Fault { place: place.into(), kind, reason: reason.into() });
        }
    }
}

/// Reads a document.
///
/// # Errors
///
/// All that is wrong with it, at most twenty faults.
pub fn parse(document: &Value) -> Result<Plan, Vec<Fault>> {
    let mut faults = Faults::default();
    let plan = read(document, &mut faults);
    match plan {
        Some(plan) if faults.0.is_empty() => Ok(plan),
        _ => Err(faults.0),
    }
}

fn read(document: &Value, faults: &mut Faults) -> Option<Plan> {
    let Some(document) = document.as_object() else {
        faults.add("", "invalid", "It must be an object with version, steps and, if you like, start and queues.");
        return None;
    };
    only(document, "", &["version", "start", "steps", "queues"], "document", faults);
    if document.get("version").and_then(Value::as_i64) != Some(VERSION) {
        faults.add("version", "inclusion", format!("must be {VERSION}."));
    }
    let raw_steps = list(document, "", "steps", STEPS_MAX, faults);
    let raw_queues = list(document, "", "queues", QUEUES_MAX, faults);
    if raw_steps.is_empty() {
        faults.add("steps", "blank", "needs at least one step.");
        return None;
    }
    let names: Vec<Option<String>> = named(&raw_steps, "steps", faults);
    let queue_names: Vec<Option<String>> = named(&raw_queues, "queues", faults);
    for (place, name) in queue_names.iter().enumerate() {
        if let Some(name) = name.as_deref().filter(|name| RESERVED.contains(name) || name.starts_with(RESERVED_PREFIX))
        {
            faults.add(format!("queues[{place}].name"), "taken", format!("is {name}, which lists of tasks use."));
        }
    }
    let step_named = |value: Option<&Value>, place: String, faults: &mut Faults| -> Option<usize> {
        let name = match value {
            None | Some(Value::Null) => return None,
            Some(Value::String(name)) => name,
            Some(_) => {
                faults.add(place, "invalid", "must be the name of a step.");
                return None;
            }
        };
        let found = names.iter().position(|known| known.as_deref() == Some(name.trim()));
        if found.is_none() {
            faults.add(place, "unknown", format!("names no step: {}.", short(name)));
        }
        found
    };
    let start = step_named(document.get("start"), "start".into(), faults).unwrap_or(0);
    let mut steps = Vec::with_capacity(raw_steps.len());
    for (number, (raw, name)) in raw_steps.iter().zip(&names).enumerate() {
        let place = format!("steps[{number}]");
        let Some(raw) = raw.as_object() else { continue };
        only(raw, &place, &["name", "when", "agents", "offer", "ring", "for", "next"], "step", faults);
        let ring = seconds(raw, &place, "ring", RING_SECONDS_MIN, RING_SECONDS_MAX, faults);
        let stay = seconds(raw, &place, "for", 1, FOR_SECONDS_MAX, faults);
        if let (Some(ring), Some(stay)) = (ring, stay)
            && ring > stay
        {
            faults.add(format!("{place}.ring"), "out_of_range", "must not be longer than the step itself (for).");
        }
        steps.push(Step {
            name: name.clone().unwrap_or_default(),
            when: when(raw, &place, faults),
            agents: who(raw, &place, faults),
            offer: offer(raw, &place, faults),
            ring_seconds: ring.or(stay.map(|stay| stay.min(RING_SECONDS_DEFAULT))).unwrap_or(RING_SECONDS_DEFAULT),
            for_seconds: stay,
            next: step_named(raw.get("next"), format!("{place}.next"), faults),
        });
    }
    let mut queues = Vec::with_capacity(raw_queues.len());
    for (number, (raw, name)) in raw_queues.iter().zip(queue_names).enumerate() {
        let place = format!("queues[{number}]");
        let Some(raw) = raw.as_object() else { continue };
        only(raw, &place, &["name", "next"], "queue", faults);
        let next = step_named(raw.get("next"), format!("{place}.next"), faults);
        queues.push(Queue { name: name.unwrap_or_default(), next });
    }
    // Ways are looked at only where every step could be read.
    if steps.len() == raw_steps.len() && faults.0.is_empty() {
        let plan = Plan { start, steps, queues };
        ways(&plan, faults);
        return Some(plan);
    }
    None
}

/// Ways lead forward: no task goes round in circles, every step is on a way, and none is behind one that keeps all.
fn ways(plan: &Plan, faults: &mut Faults) {
    for number in 0..plan.steps.len() {
        let (mut at, mut passed) = (number, HashSet::from([number]));
        while let Some(next) = plan.steps[at].next {
            if next == number {
                let reason = "leads back to the step itself: tasks would go round in a loop.";
                faults.add(format!("steps[{number}].next"), "loop", reason);
                break;
            }
            if !passed.insert(next) {
                // Of a loop further on, the steps of that one tell.
                break;
            }
            at = next;
        }
    }
    if !faults.0.is_empty() {
        return;
    }
    let beginnings = std::iter::once(plan.start).chain(plan.queues.iter().filter_map(|queue| queue.next));
    let (mut on_a_way, mut reached) = (HashSet::new(), HashSet::new());
    for beginning in beginnings {
        let (mut at, mut is_reached) = (Some(beginning), true);
        while let Some(number) = at {
            on_a_way.insert(number);
            if is_reached {
                reached.insert(number);
            }
            let step = &plan.steps[number];
            is_reached = is_reached && !keeps_all(step);
            at = step.next;
        }
    }
    for (number, step) in plan.steps.iter().enumerate() {
        let place = format!("steps[{number}]");
        if !on_a_way.contains(&number) {
            let reason =
                format!("is unreachable: no way leads to {} from the start or from a queue.", short(&step.name));
            faults.add(place, "unreachable", reason);
        } else if !reached.contains(&number) {
            let reason = format!(
                "is starved: a step before {} keeps every task until somebody takes it. Say there how long (for).",
                short(&step.name)
            );
            faults.add(place, "starving", reason);
        }
    }
}

/// Whether every task stays in this step until somebody takes it, so that nothing comes to the next one.
fn keeps_all(step: &Step) -> bool {
    let who = &step.agents;
    // Who nobody can be is passed over, and that depends on the task.
    let is_for_whom_it_may_concern = who.last_agent || who.category_match || who.language_match;
    step.when == When::default() && step.for_seconds.is_none() && !is_for_whom_it_may_concern
}

fn when(step: &Map<String, Value>, place: &str, faults: &mut Faults) -> When {
    let place = format!("{place}.when");
    let Some(when) = part(step, "when", &place, faults) else { return When::default() };
    only(
        when,
        &place,
        &["channel_ids", "source_ids", "category_ids", "languages", "priority_over"],
        "condition",
        faults,
    );
    let priority_over = match when.get("priority_over") {
        None | Some(Value::Null) => None,
        Some(value) => {
            let number = value.as_i64();
            if number.is_none() {
                faults.add(format!("{place}.priority_over"), "invalid", "must be a whole number.");
            }
            number
        }
    };
    When {
        channel_ids: id_list(when, &place, "channel_ids", faults),
        source_ids: id_list(when, &place, "source_ids", faults),
        category_ids: id_list(when, &place, "category_ids", faults),
        languages: languages(when, &place, faults),
        priority_over,
    }
}

fn who(step: &Map<String, Value>, place: &str, faults: &mut Faults) -> Who {
    const KEYS: [&str; 6] = ["everyone", "last_agent", "team_ids", "agent_ids", "category_match", "language_match"];
    let place = format!("{place}.agents");
    let Some(agents) = part(step, "agents", &place, faults) else {
        faults.add(place, "blank", "must say who may answer; everyone: true, if nobody in particular.");
        return Who::default();
    };
    only(agents, &place, &KEYS, "choice of agents", faults);
    let mut flag = |name: &str| match agents.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::Bool(flag)) => *flag,
        Some(_) => {
            faults.add(format!("{place}.{name}"), "invalid", "must be true or false.");
            false
        }
    };
    let everyone = flag("everyone");
    let who = Who {
        last_agent: flag("last_agent"),
        category_match: flag("category_match"),
        language_match: flag("language_match"),
        team_ids: id_list(agents, &place, "team_ids", faults),
        agent_ids: id_list(agents, &place, "agent_ids", faults),
    };
    let is_chosen = who.last_agent || !who.team_ids.is_empty() || !who.agent_ids.is_empty();
    if everyone && is_chosen {
        faults.add(place, "invalid", "names everyone and some: leave out everyone.");
    } else if !everyone && who == Who::default() {
        faults.add(place, "blank", "must say who may answer; everyone: true, if nobody in particular.");
    }
    who
}

fn offer(step: &Map<String, Value>, place: &str, faults: &mut Faults) -> Offer {
    match step.get("offer") {
        None | Some(Value::Null) => Offer::One,
        Some(Value::String(word)) if word == "one" => Offer::One,
        Some(Value::String(word)) if word == "all" => Offer::All,
        Some(_) => {
            faults.add(format!("{place}.offer"), "inclusion", "must be one or all.");
            Offer::One
        }
    }
}

/// A time span: seconds, or a text such as `30s`, `5m`, `2h`, `1d`.
fn seconds(
    step: &Map<String, Value>,
    place: &str,
    name: &str,
    least: i64,
    most: i64,
    faults: &mut Faults,
) -> Option<i64> {
    let value = step.get(name).filter(|value| !value.is_null())?;
    let seconds = match value {
        Value::String(text) => span(text.trim()),
        value => value.as_i64(),
    };
    match seconds {
        Some(seconds) if (least..=most).contains(&seconds) => Some(seconds),
        Some(_) => {
            faults.add(format!("{place}.{name}"), "out_of_range", format!("must be {least} to {most} seconds."));
            None
        }
        None => {
            faults.add(format!("{place}.{name}"), "invalid", "must be seconds, or a span such as 30s, 5m, 2h or 1d.");
            None
        }
    }
}

fn span(text: &str) -> Option<i64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let unit = match &text[split..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 60 * 60,
        "d" => 24 * 60 * 60,
        _ => return None,
    };
    text[..split].parse::<i64>().ok()?.checked_mul(unit)
}

/// Unknown keys are mostly misspelt ones, which would silently do nothing.
fn only(object: &Map<String, Value>, place: &str, known: &[&str], what: &str, faults: &mut Faults) {
    for key in object.keys().filter(|key| !known.contains(&key.as_str())) {
        let reason = format!("{} is no part of a {what}: it has {}.", short(key), known.join(", "));
        faults.add(place, "unknown", reason);
    }
}

fn part<'o>(
    object: &'o Map<String, Value>,
    name: &str,
    place: &str,
    faults: &mut Faults,
) -> Option<&'o Map<String, Value>> {
    match object.get(name)? {
        Value::Null => None,
        Value::Object(part) => Some(part),
        _ => {
            faults.add(place, "invalid", "must be an object.");
            None
        }
    }
}

/// A list that may be absent.
fn list<'o>(
    object: &'o Map<String, Value>,
    place: &str,
    name: &str,
    most: usize,
    faults: &mut Faults,
) -> Vec<&'o Value> {
    let place = if place.is_empty() { name.to_owned() } else { format!("{place}.{name}") };
    match object.get(name) {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(elements)) if elements.len() <= most => elements.iter().collect(),
        Some(Value::Array(_)) => {
            faults.add(place, "too_long", format!("has at most {most} elements."));
            Vec::new()
        }
        Some(_) => {
            faults.add(place, "invalid", "must be a list.");
            Vec::new()
        }
    }
}

fn id_list(object: &Map<String, Value>, place: &str, name: &str, faults: &mut Faults) -> Vec<Id> {
    let mut ids = Vec::new();
    for (number, value) in list(object, place, name, LIST_MAX, faults).into_iter().enumerate() {
        match value.as_str().and_then(|text| text.parse().ok()) {
            Some(id) => ids.push(id),
            None => faults.add(format!("{place}.{name}[{number}]"), "invalid", "must be an id."),
        }
    }
    ids
}

fn languages(when: &Map<String, Value>, place: &str, faults: &mut Faults) -> Vec<String> {
    let mut codes = Vec::new();
    for (number, value) in list(when, place, "languages", LIST_MAX, faults).into_iter().enumerate() {
        match value.as_str().filter(|code| locales::is_known(code)) {
            Some(code) => codes.push(code.to_owned()),
            None => {
                faults.add(
                    format!("{place}.languages[{number}]"),
                    "inclusion",
                    "must be a code that GET /locales lists.",
                );
            }
        }
    }
    codes
}

/// The names of steps or queues; all differ.
fn named(objects: &[&Value], what: &str, faults: &mut Faults) -> Vec<Option<String>> {
    let mut names: Vec<Option<String>> = Vec::new();
    for (number, object) in objects.iter().enumerate() {
        let place = format!("{what}[{number}]");
        let Some(object) = object.as_object() else {
            faults.add(place, "invalid", "must be an object.");
            names.push(None);
            continue;
        };
        let name = object.get("name").and_then(Value::as_str).map(str::trim).filter(|name| !name.is_empty());
        match name {
            None => faults.add(format!("{place}.name"), "blank", "can't be blank."),
            Some(name) if name.chars().count() > NAME_CHARACTERS_MAX => {
                faults.add(
                    format!("{place}.name"),
                    "too_long",
                    format!("has at most {NAME_CHARACTERS_MAX} characters."),
                );
            }
            Some(name) if names.iter().any(|other| other.as_deref() == Some(name)) => {
                faults.add(format!("{place}.name"), "taken", format!("is {} as another one's.", short(name)));
            }
            Some(_) => {}
        }
        names.push(name.map(str::to_owned));
    }
    names
}

/// For a message.
fn short(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ID: &str = "0123456789abcdef01234567";

    fn faults(document: &Value) -> Vec<(String, &'static str)> {
        parse(document).err().unwrap_or_default().into_iter().map(|fault| (fault.place, fault.kind)).collect()
    }

    fn with_steps(steps: Value) -> Value {
        json!({ "version": 1, "steps": steps })
    }

    #[test]
    fn a_document_becomes_a_plan() {
        let plan = parse(&json!({
            "version": 1,
            "start": "last",
            "steps": [
                { "name": "everybody", "agents": { "everyone": true, "language_match": true }, "offer": "all" },
                { "name": " last ", "agents": { "last_agent": true }, "for": "30s", "next": "team" },
                {
                    "name": "team", "ring": 20, "for": 300, "next": "everybody",
                    "when": { "channel_ids": [ID], "languages": ["fr"], "priority_over": -5 },
                    "agents": { "team_ids": [ID], "category_match": true },
                },
            ],
            "queues": [{ "name": "triage", "next": "team" }, { "name": "parked" }],
        }))
        .unwrap();
        assert_eq!(plan.start, 1);
        let [everybody, last, team] = &plan.steps[..] else { panic!("{plan:?}") };
        assert_eq!((everybody.offer, everybody.next, everybody.for_seconds), (Offer::All, None, None));
        assert_eq!((everybody.ring_seconds, everybody.agents.language_match), (RING_SECONDS_DEFAULT, true));
        assert_eq!(
            (last.name.as_str(), last.next, last.for_seconds, last.ring_seconds),
            ("last", Some(2), Some(30), 30)
        );
        assert_eq!((team.next, team.ring_seconds, team.for_seconds), (Some(0), 20, Some(300)));
        assert_eq!((team.when.priority_over, team.when.languages.len(), team.agents.team_ids.len()), (Some(-5), 1, 1));
        let queues: Vec<_> = plan.queues.iter().map(|queue| (queue.name.as_str(), queue.next)).collect();
        assert_eq!(queues, [("triage", Some(2)), ("parked", None)]);
    }

    #[test]
    fn every_refusal_has_its_place_and_kind() {
        let all = json!({ "everyone": true });
        let step = |more: Value| {
            let mut step = json!({ "name": "one", "agents": { "everyone": true } });
            step.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            with_steps(json!([step]))
        };
        let chain = |first: Value| {
            let mut first = first;
            first["name"] = json!("one");
            first["next"] = json!("two");
            with_steps(json!([first, { "name": "two", "agents": { "everyone": true } }]))
        };
        let long = "n".repeat(101);
        for (document, expected) in [
            // The document.
            (json!([]), vec![("", "invalid")]),
            (json!("steps"), vec![("", "invalid")]),
            (json!({}), vec![("version", "inclusion"), ("steps", "blank")]),
            (json!({ "version": 2, "steps": [{ "name": "a", "agents": all }] }), vec![("version", "inclusion")]),
            (json!({ "version": 1, "steps": [] }), vec![("steps", "blank")]),
            (json!({ "version": 1, "steps": {} }), vec![("steps", "invalid"), ("steps", "blank")]),
            (json!({ "version": 1, "steps": [{ "name": "a", "agents": all }], "stepz": 1 }), vec![("", "unknown")]),
            (
                with_steps(Value::Array(vec![json!({ "name": "a", "agents": all }); STEPS_MAX + 1])),
                vec![("steps", "too_long"), ("steps", "blank")],
            ),
            // Names.
            (with_steps(json!([7])), vec![("steps[0]", "invalid")]),
            (with_steps(json!([{ "agents": all }])), vec![("steps[0].name", "blank")]),
            (with_steps(json!([{ "name": " ", "agents": all }])), vec![("steps[0].name", "blank")]),
            (with_steps(json!([{ "name": long, "agents": all }])), vec![("steps[0].name", "too_long")]),
            (
                with_steps(json!([{ "name": "a", "agents": all }, { "name": "a ", "agents": all }])),
                vec![("steps[1].name", "taken")],
            ),
            (step(json!({ "colour": "red" })), vec![("steps[0]", "unknown")]),
            // Who.
            (with_steps(json!([{ "name": "a" }])), vec![("steps[0].agents", "blank")]),
            (step(json!({ "agents": {} })), vec![("steps[0].agents", "blank")]),
            (step(json!({ "agents": { "everyone": false } })), vec![("steps[0].agents", "blank")]),
            (step(json!({ "agents": "all" })), vec![("steps[0].agents", "invalid"), ("steps[0].agents", "blank")]),
            (step(json!({ "agents": { "everyone": true, "last_agent": true } })), vec![("steps[0].agents", "invalid")]),
            (step(json!({ "agents": { "everyone": true, "teams": [] } })), vec![("steps[0].agents", "unknown")]),
            (
                step(json!({ "agents": { "last_agent": "yes", "everyone": true } })),
                vec![("steps[0].agents.last_agent", "invalid")],
            ),
            (
                step(json!({ "agents": { "team_ids": ["x"], "everyone": true } })),
                vec![("steps[0].agents.team_ids[0]", "invalid")],
            ),
            // When.
            (step(json!({ "when": [] })), vec![("steps[0].when", "invalid")]),
            (step(json!({ "when": { "channels": [] } })), vec![("steps[0].when", "unknown")]),
            (step(json!({ "when": { "channel_ids": ID } })), vec![("steps[0].when.channel_ids", "invalid")]),
            (step(json!({ "when": { "category_ids": [ID, 5] } })), vec![("steps[0].when.category_ids[1]", "invalid")]),
            (step(json!({ "when": { "languages": ["xx"] } })), vec![("steps[0].when.languages[0]", "inclusion")]),
            (step(json!({ "when": { "priority_over": 1.5 } })), vec![("steps[0].when.priority_over", "invalid")]),
            // Times.
            (step(json!({ "offer": "some" })), vec![("steps[0].offer", "inclusion")]),
            (step(json!({ "ring": 4 })), vec![("steps[0].ring", "out_of_range")]),
            (step(json!({ "ring": 601 })), vec![("steps[0].ring", "out_of_range")]),
            (step(json!({ "ring": "soon" })), vec![("steps[0].ring", "invalid")]),
            (step(json!({ "for": 0 })), vec![("steps[0].for", "out_of_range")]),
            (step(json!({ "for": "8d" })), vec![("steps[0].for", "out_of_range")]),
            (step(json!({ "for": "99999999999999999999d" })), vec![("steps[0].for", "invalid")]),
            (step(json!({ "for": [] })), vec![("steps[0].for", "invalid")]),
            (step(json!({ "ring": 60, "for": 30 })), vec![("steps[0].ring", "out_of_range")]),
            // Ways.
            (step(json!({ "next": "two" })), vec![("steps[0].next", "unknown")]),
            (step(json!({ "next": 2 })), vec![("steps[0].next", "invalid")]),
            (step(json!({ "next": "one", "for": 5 })), vec![("steps[0].next", "loop")]),
            (
                with_steps(json!([
                    { "name": "a", "agents": all, "for": 5, "next": "b" },
                    { "name": "b", "agents": all, "for": 5, "next": "c" },
                    { "name": "c", "agents": all, "for": 5, "next": "b" },
                ])),
                vec![("steps[1].next", "loop"), ("steps[2].next", "loop")],
            ),
            (
                with_steps(json!([{ "name": "a", "agents": all }, { "name": "b", "agents": all }])),
                vec![("steps[1]", "unreachable")],
            ),
            (
                json!({ "version": 1, "start": "b", "steps": [
                    { "name": "a", "agents": all, "for": 5, "next": "b" }, { "name": "b", "agents": all },
                ] }),
                vec![("steps[0]", "unreachable")],
            ),
            (
                json!({ "version": 1, "start": "z", "steps": [{ "name": "a", "agents": all }] }),
                vec![("start", "unknown")],
            ),
            // A step that keeps all starves the next one.
            (chain(json!({ "agents": { "everyone": true } })), vec![("steps[1]", "starving")]),
            (chain(json!({ "agents": { "team_ids": [ID] } })), vec![("steps[1]", "starving")]),
            (chain(json!({ "agents": { "everyone": true }, "for": 5 })), vec![]),
            (chain(json!({ "agents": { "last_agent": true } })), vec![]),
            (chain(json!({ "agents": { "everyone": true, "category_match": true } })), vec![]),
            (chain(json!({ "agents": { "everyone": true }, "when": { "channel_ids": [ID] } })), vec![]),
            // Queues.
            (
                json!({ "version": 1, "steps": [{ "name": "a", "agents": all }], "queues": [{ "name": "q", "next": "b" }] }),
                vec![("queues[0].next", "unknown")],
            ),
            (
                json!({ "version": 1, "steps": [{ "name": "a", "agents": all }], "queues": [{ "name": "q" }, { "name": "q" }] }),
                vec![("queues[1].name", "taken")],
            ),
            (
                json!({ "version": 1, "steps": [{ "name": "a", "agents": all }], "queues": [
                    { "name": "undelivered" }, { "name": "workbin_7" }, { "name": "q", "for": 5 }, {},
                ] }),
                vec![
                    ("queues[3].name", "blank"),
                    ("queues[0].name", "taken"),
                    ("queues[1].name", "taken"),
                    ("queues[2]", "unknown"),
                ],
            ),
        ] {
            let expected: Vec<_> = expected.into_iter().map(|(place, kind)| (place.to_owned(), kind)).collect();
            assert_eq!(faults(&document), expected, "{document}");
        }
    }

    #[test]
    fn a_fault_reads_as_a_sentence() {
        let told = |document: &Value| parse(document).unwrap_err()[0].to_string();
        let step = json!([{ "name": "one", "agents": { "everyone": true }, "next": "two" }]);
        assert_eq!(told(&with_steps(step)), "steps[0].next names no step: \"two\".");
        assert!(told(&json!(5)).starts_with("It must be an object"));
    }

    #[test]
    fn faults_end_somewhere() {
        let steps: Vec<Value> = (0..STEPS_MAX).map(|_| json!({})).collect();
        assert_eq!(faults(&with_steps(json!(steps))).len(), FAULTS_MAX);
    }

    proptest! {
        /// Whatever way steps lead, a plan that is taken has no loop and leaves no step out.
        #[test]
        fn a_plan_that_is_taken_leads_forward(nexts in prop::collection::vec(prop::option::of(0_usize..8), 1..8)) {
            let steps: Vec<Value> = nexts.iter().enumerate().map(|(number, next)| json!({
                "name": number.to_string(), "agents": { "everyone": true }, "for": 60,
                "next": next.map(|next| next.to_string()),
            })).collect();
            if let Ok(plan) = parse(&with_steps(json!(steps))) {
                let (mut at, mut seen) = (Some(plan.start), HashSet::new());
                while let Some(number) = at {
                    prop_assert!(seen.insert(number));
                    at = plan.steps[number].next;
                }
                prop_assert_eq!(seen.len(), plan.steps.len());
            }
        }

        #[test]
        fn no_document_makes_it_panic(text in r#"[\{\}\[\]:,"a-z0-9 ]{0,60}"#, word in "\\PC{0,20}") {
            if let Ok(document) = serde_json::from_str::<Value>(&text) {
                let _ = parse(&document);
            }
            for key in ["name", "when", "agents", "offer", "ring", "for", "next"] {
                let _ = parse(&with_steps(json!([{ "name": word, "agents": { "everyone": true }, key: word }])));
            }
        }
    }
}
