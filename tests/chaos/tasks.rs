//! Tasks under kills: what customers ask is shared out among agents who accept and complete it. What an agent was told that
//! they have, they have; what they were told is done, is done; and nothing is anybody else's meanwhile.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::{Duration, Instant};

use frontdesk_tests::pages::id;
use frontdesk_tests::random::Random;
use frontdesk_tests::{Person, Request, Source};
use serde_json::{Value, json};

use crate::check::{self, Findings, text};
use crate::ledger::{Message, Outcome};
use crate::load::{Client, Heard, World, outcome, person};

/// Who answers.
pub(crate) const WORKERS: usize = 3;
/// Customers ask this often: about as fast as the agents of a development build answer.
const PAUSE_BETWEEN_QUESTIONS: Duration = Duration::from_millis(25);
/// Agents with nothing to do look again after this long.
const PAUSE_WITHOUT_WORK: Duration = Duration::from_millis(10);
const HEARTBEAT_PERIOD: Duration = Duration::from_secs(3);
/// Every question has its task within this time after the load.
const ROUTED_MAX: Duration = Duration::from_secs(60);
/// Where tasks can be.
const QUEUES: [&str; 4] = ["global", "workbins", "history", "undelivered"];

/// Where the questions come in, and who answers them.
pub(crate) struct Floor {
    pub(crate) source: Source,
    channel_id: String,
    workers: Vec<Person>,
}

/// A task in an agent's hands, as far as they know.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    task_id: String,
    agent_id: String,
    accepting: Outcome,
    completing: Outcome,
}

impl Job {
    pub(crate) fn outcomes(&self) -> [Outcome; 2] {
        [self.accepting, self.completing]
    }
}

impl Floor {
    /// A source in a channel of its own, and agents who may answer there.
    pub(crate) fn open(administrator: &Person, base_uri: &str) -> Floor {
        let source = Source::create(administrator, base_uri, &json!({}));
        let channel = json!({
            "name": "Floor", "source_ids": [source.id], "soft_capability": 2, "hard_capability": 2,
        });
        let channel_id = id(&administrator.post("/1.0/channels", &channel).ok());
        let role = id(&administrator.post("/1.0/roles", &json!({ "label": "Floor", "receive_tasks": true })).ok());
        let workers = (0..WORKERS).map(|number| {
            let user = json!({
                "email": format!("worker{number}@frontdesk.local"), "firstname": "Worker",
                "lastname": number.to_string(), "role_id": role, "no_password": true,
            });
            let user = id(&administrator.post("/1.0/users", &user).ok());
            let rights = json!({ &source.id: "read,reply" });
            administrator.put(&format!("/1.0/users/{user}/sources_permissions"), &rights).ok();
            let token = json!({ "label": format!("worker {number}"), "user_id": user });
            let token = administrator.post("/1.0/access_tokens", &token).ok();
            let mut worker = administrator.but_with(token["token"].as_str().expect("a token"));
            worker.user_id = user;
            worker
        });
        Floor { workers: workers.collect(), source, channel_id }
    }
}

/// Asks one question after the other, each as another customer.
pub(crate) fn customer(world: &World) {
    let mut client = Client::new(world);
    let mut number = 0;
    while world.goes_on() {
        let word = format!("question{number}");
        let params = json!({
            "id": word, "author": person(&word), "thread_id": word, "body": format!("This is {word}."), "format": "text",
        });
        let mut message = Message { object: "message", id: word, params, outcome: Outcome::Unsent };
        message.outcome = match client.send(&world.floor.source.request(&message.action(), &message.params)) {
            Heard::Nobody => Outcome::Unsent,
            Heard::Nothing => Outcome::Unknown,
            Heard::Answer(answer) => outcome(&answer),
        };
        world.ledger.add_question(message);
        number += 1;
        std::thread::sleep(PAUSE_BETWEEN_QUESTIONS);
    }
}

/// Takes what rings and completes it.
pub(crate) fn worker(world: &World, number: usize) {
    let mut random = Random::new(world.seed ^ (3000 + number as u64));
    let mut client = Client::new(world);
    let worker = &world.floor.workers[number];
    let mut heard_of: Option<Instant> = None;
    while world.goes_on() {
        if heard_of.is_none_or(|at| at.elapsed() > HEARTBEAT_PERIOD) {
            heard_of = is_there(&mut client, worker).then(Instant::now);
        }
        let mine = Request::new("GET", "/1.0/tasks").token(&worker.token);
        let Heard::Answer(answer) = client.send(&mine) else { continue };
        let tasks = answer.json()["records"].as_array().cloned().unwrap_or_default();
        for task in &tasks {
            if task["agent_ids"].as_array().is_none_or(|ids| ids.len() != 1) {
                world.ledger.add_problem(format!("a task is offered to others, too: {task}"));
            }
        }
        match tasks.first() {
            Some(task) => take(&mut client, &mut random, worker, &id(task)),
            None => std::thread::sleep(PAUSE_WITHOUT_WORK),
        }
    }
}

/// Says that the agent is there.
fn is_there(client: &mut Client, worker: &Person) -> bool {
    ["heartbeat", "connect"].iter().any(|verb| {
        let request = Request::new("POST", &format!("/1.0/status/me/{verb}")).token(&worker.token).json(&json!({}));
        matches!(client.send(&request), Heard::Answer(answer) if answer.status == 200)
    })
}

fn take(client: &mut Client, random: &mut Random, worker: &Person, task_id: &str) {
    let world = client.world;
    let mut job = Job {
        task_id: task_id.into(),
        agent_id: worker.user_id.clone(),
        accepting: Outcome::Unsent,
        completing: Outcome::Unsent,
    };
    let post = |verb: &str| {
        Request::new("POST", &format!("/1.0/tasks/{task_id}/{verb}")).token(&worker.token).json(&json!({}))
    };
    job.accepting = hear(world, &client.send(&post("accept")), "accepting");
    if job.accepting == Outcome::Acknowledged {
        // A kill may come in between: it is theirs all the same.
        std::thread::sleep(Duration::from_millis(random.below(40) as u64));
        let look = Request::new("GET", &format!("/1.0/tasks/{task_id}")).token(&worker.token);
        if let Some(answer) = client.insist(&look, random) {
            let found = answer.json();
            if answer.status != 200 || found["agent_ids"] != json!([worker.user_id]) || found["accepted_at"].is_null() {
                let problem = format!("task {task_id} was accepted and is not theirs: {}", answer.text());
                world.ledger.add_problem(problem);
            }
        }
        // Some are left, so that workbins are not empty in the end.
        if random.below(40) != 0 || !world.goes_on() {
            job.completing = hear(world, &client.send(&post("complete")), "completing");
        }
    }
    let is_settled = job.accepting != Outcome::Unsent;
    if is_settled {
        world.ledger.add_job(job);
    }
}

fn hear(world: &World, heard: &Heard, what: &str) -> Outcome {
    match heard {
        Heard::Nobody => Outcome::Unsent,
        Heard::Nothing => Outcome::Unknown,
        Heard::Answer(answer) => {
            // It rings no more, or an earlier try of ours has done it.
            if answer.status != 200 && answer.status != 409 {
                world.ledger.add_problem(format!("{what} a task: {} {}", answer.status, answer.text()));
            }
            outcome(answer)
        }
    }
}

/// A task as REST shows it, and the queue that shows it.
type Shown = (&'static str, Value);

/// Waits until every question that is there has its task, and compares.
pub(crate) fn check(reader: &Person, world: &World, findings: &mut Findings) -> usize {
    let floor = &world.floor;
    let began = Instant::now();
    let questions = world.ledger.questions();
    let shown = check::read(reader, &floor.source);
    check::messages(questions.iter(), &shown, findings);
    let content_ids: Vec<String> = shown.customers().map(|content| text(content, "id").to_owned()).collect();
    loop {
        let tasks: Vec<Shown> = QUEUES
            .into_iter()
            .flat_map(|queue| {
                let target = format!("/1.0/tasks?queue={queue}&channel_id={}", floor.channel_id);
                check::list(reader, &target).into_iter().map(move |task| (queue, task))
            })
            .collect();
        let known: BTreeSet<&str> = tasks.iter().map(|(_, task)| text(task, "content_id")).collect();
        let is_complete = content_ids.iter().all(|id| known.contains(id.as_str()));
        if is_complete || began.elapsed() > ROUTED_MAX {
            compare(&content_ids, &tasks, &world.ledger.jobs(), findings);
            return tasks.len();
        }
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// Compares what agents know with what is there.
fn compare(content_ids: &[String], tasks: &[Shown], jobs: &[Job], findings: &mut Findings) {
    let mut of_content: HashMap<&str, usize> = HashMap::new();
    // A task may move on while the queues are read one after the other; it is the same one.
    let by_id: BTreeMap<String, &Shown> = tasks.iter().map(|shown| (id(&shown.1), shown)).collect();
    for (_, task) in by_id.values() {
        *of_content.entry(text(task, "content_id")).or_default() += 1;
    }
    for content_id in content_ids {
        match of_content.get(content_id.as_str()).copied().unwrap_or(0) {
            0 => findings.lost.push(format!("the task of content {content_id}")),
            1 => {}
            many => findings.doubled.push(format!("content {content_id} has {many} tasks")),
        }
    }
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for job in jobs.iter().filter(|job| job.accepting == Outcome::Acknowledged) {
        let (task_id, agent_id) = (job.task_id.as_str(), job.agent_id.as_str());
        owners.entry(task_id).or_default().insert(agent_id);
        let found = by_id.get(task_id);
        let is_theirs = found.is_some_and(|(_, task)| task["agent_ids"] == json!([agent_id]));
        let queue = found.map_or("nowhere", |(queue, _)| *queue);
        let is_right = match job.completing {
            Outcome::Acknowledged => is_theirs && queue == "history",
            // The last look may have come before or after it, and so may the kill.
            Outcome::Unknown => is_theirs && (queue == "history" || queue == "workbins"),
            // Later looks find it in the workbin, and complete it then.
            Outcome::Unsent | Outcome::Refused => is_theirs && (queue == "history" || queue == "workbins"),
        };
        if !is_right {
            findings.lost.push(format!("task {task_id}: {job:?}, and it is in {queue}"));
        }
    }
    for (task_id, agents) in owners.iter().filter(|(_, agents)| agents.len() > 1) {
        findings.doubled.push(format!("task {task_id} was accepted by {agents:?}"));
    }
    for (queue, task) in by_id.values() {
        if *queue == "global" && task["agent_ids"].as_array().is_some_and(|ids| ids.len() > 1) {
            findings.doubled.push(format!("task {} rings at several", id(task)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(agent_id: &str, accepting: Outcome, completing: Outcome) -> Job {
        Job { task_id: "t".into(), agent_id: agent_id.into(), accepting, completing }
    }

    fn task(id: &str, queue: &'static str, agents: &[&str]) -> Shown {
        (queue, json!({ "id": id, "content_id": "c", "agent_ids": agents }))
    }

    /// How many are lost, and how many doubled.
    fn counts(tasks: &[Shown], jobs: &[Job]) -> (usize, usize) {
        let mut findings = Findings::default();
        compare(&["c".to_owned()], tasks, jobs, &mut findings);
        (findings.lost.len(), findings.doubled.len())
    }

    #[test]
    fn a_task_that_is_lost_doubled_or_somebody_elses_is_noticed() {
        use Outcome::{Acknowledged, Unknown, Unsent};
        let kept = job("a", Acknowledged, Unsent);
        let done = job("a", Acknowledged, Acknowledged);
        for (tasks, jobs, expected) in [
            (vec![task("t", "global", &[])], vec![], (0, 0)),
            (vec![], vec![], (1, 0)),
            (vec![task("t", "global", &[]), task("u", "global", &[])], vec![], (0, 1)),
            (vec![task("t", "global", &["a", "b"])], vec![], (0, 1)),
            (vec![task("t", "workbins", &["a"])], vec![kept.clone()], (0, 0)),
            (vec![task("t", "global", &[])], vec![kept.clone()], (1, 0)),
            (vec![task("t", "workbins", &["b"])], vec![kept.clone()], (1, 0)),
            (vec![task("t", "history", &["a"])], vec![done.clone()], (0, 0)),
            (vec![task("t", "workbins", &["a"])], vec![done], (1, 0)),
            (vec![task("t", "workbins", &["a"])], vec![job("a", Acknowledged, Unknown)], (0, 0)),
            (vec![task("t", "global", &[])], vec![job("a", Unknown, Unsent)], (0, 0)),
            (vec![task("t", "workbins", &["a"])], vec![kept, job("b", Acknowledged, Unsent)], (1, 1)),
        ] {
            assert_eq!(counts(&tasks, &jobs), expected, "{tasks:?} {jobs:?}");
        }
    }
}
