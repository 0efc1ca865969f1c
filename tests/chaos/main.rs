//! The crash tests: the real server is killed at random instants under load; then what its clients were told is compared
//! with what is there. README.md in this folder tells what that proves.

mod check;
mod ledger;
mod load;
mod options;
mod tasks;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use frontdesk_tests::pages::id;
use frontdesk_tests::postgres::Cluster;
use frontdesk_tests::random::Random;
use frontdesk_tests::server::Launch;
use frontdesk_tests::{Engine, FakeChannel, Person, Reply, Server, Source, eventually, processes};
use serde_json::json;

use check::{Findings, Pushed, Told};
use ledger::{Ledger, Outcome};
use load::World;
use options::{Mode, Options, USAGE};
use tasks::Floor;

const CUSTOMERS: usize = 10;
const AGENTS: usize = 6;
/// Who is who among the clients: customers, agents, one who asks for tasks, and who takes them.
const FIRST_AGENT: usize = CUSTOMERS;
const ASKING: usize = CUSTOMERS + AGENTS;
/// One kill in this many is followed by one while the server starts.
const START_KILLS_ONE_IN: usize = 5;
/// Such a start lives this many milliseconds at most.
const START_LIFE_MILLISECONDS_MAX: usize = 250;
/// How long the load goes on after the last kill.
const CALM: Duration = Duration::from_millis(400);
/// The promise: ready again in less.
const READY_MAX: Duration = Duration::from_secs(5);
/// The database is examined after every so many kills.
const KILLS_PER_EXAMINATION: usize = 10;
/// After the load, something of what waits is pushed and told within this time, again and again until nothing waits: a claim
/// that a killed process held lasts a minute at most. How long all of it takes is the machine's affair.
const STANDSTILL_MAX: Duration = Duration::from_secs(100);
/// A channel that takes longer to read what was sent before a kill is broken.
const READING_MAX: Duration = Duration::from_secs(20);
/// States of a connection in /proc/net/tcp: both sides talk, and the other side has ended.
const ESTABLISHED: &str = "01";
const CLOSE_WAIT: &str = "08";
/// Milliseconds: what is on its way at a kill is a small part only of what is told in a longer life.
const LIFE_FOR_SHARES: usize = 1_000;
/// Of each list of findings so many are printed.
const PRINTED_MAX: usize = 10;

fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(wrong) => {
            eprintln!("chaos: {wrong}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    println!("chaos: {}, {} kills, seed {}", options.title(), options.kills, options.seed);
    let run = run(&options);
    run.print(&options);
    let verdicts = run.verdicts(&options);
    let failed = verdicts.iter().filter(|(_, holds)| !holds).count();
    for (promise, holds) in &verdicts {
        println!("{} {promise}", if *holds { "ok    " } else { "FAILED" });
    }
    println!("chaos: {} passed, {failed} failed", verdicts.len() - failed);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Everything that a run has shown.
struct Run {
    kills: Vec<(Instant, Instant)>,
    kills_while_starting: usize,
    slowest_start: Duration,
    examinations: usize,
    damage: Vec<String>,
    acknowledged: usize,
    unknown: usize,
    contents: usize,
    tasks: usize,
    jobs: usize,
    pushed: Pushed,
    told: Told,
    findings: Findings,
    problems: Vec<String>,
    took: Duration,
}

fn run(options: &Options) -> Run {
    let started = Instant::now();
    let (mut server, channel, receiver, world) = set_up(options);
    let clients: Vec<_> = (0..CUSTOMERS + AGENTS + 1 + tasks::WORKERS)
        .map(|number| {
            let world = world.clone();
            std::thread::spawn(move || match number {
                0..FIRST_AGENT => load::customer(&world, number),
                FIRST_AGENT..ASKING => load::agent(&world, number),
                ASKING => tasks::customer(&world),
                _ => tasks::worker(&world, number - ASKING - 1),
            })
        })
        .collect();

    let random = Random::new(options.seed);
    let mut killer =
        Killer { random, life: options.life, channel: channel.address(), kills: Vec::new(), while_starting: 0 };
    let (mut slowest_start, mut examinations, mut damage) = (Duration::ZERO, 0, Vec::new());
    let mut examined_at = 0;
    while killer.kills.len() < options.kills {
        killer.kill(&mut server);
        if killer.kills.len() < options.kills && killer.random.below(START_KILLS_ONE_IN) == 0 {
            killer.kill_while_starting(&server, options.mode);
        }
        if options.engine == Engine::Sqlite && killer.kills.len() >= examined_at + KILLS_PER_EXAMINATION {
            examined_at = killer.kills.len();
            examinations += 1;
            damage.extend(check::database(server.data()));
            println!("chaos: {examined_at} kills, {} messages", world.ledger.messages_count());
        }
        slowest_start = slowest_start.max(server.restart());
    }
    std::thread::sleep(CALM);
    world.stop.store(true, Ordering::Relaxed);
    for client in clients {
        client.join().expect("a client ended early");
    }

    let reader = Person::with_token(&server, &world.token);
    let mut findings = Findings::default();
    // First: the agents are gone, and after a while their work goes back to its queue.
    let routed = tasks::check(&reader, &world, &mut findings);
    let desk = check::settled(&reader, &world.desk, STANDSTILL_MAX);
    let crowd = check::read(&reader, &world.crowd);
    let (messages, stories) = (world.ledger.messages(), world.ledger.stories());
    check::messages(messages.iter(), &crowd, &mut findings);
    check::messages(stories.iter().map(|story| &story.message), &desk, &mut findings);
    check::stories(&stories, &desk, &mut findings);
    let received = channel.pushes();
    let pushed = check::pushes(&received, &stories, &killer.kills, &desk, &world.desk.secret, &mut findings);
    let told = check::settled_events(&receiver, &[&crowd, &desk], STANDSTILL_MAX, &mut findings);
    server.kill();
    if options.engine == Engine::Sqlite {
        examinations += 1;
        damage.extend(check::database(server.data()));
    }

    let of_stories =
        |story: &ledger::Story| [story.message.outcome, story.intervention.outcome, story.reply.outcome, story.closing];
    let outcomes = messages.iter().map(|message| message.outcome).chain(stories.iter().flat_map(of_stories));
    let jobs = world.ledger.jobs();
    let outcomes = outcomes.chain(jobs.iter().flat_map(tasks::Job::outcomes));
    Run {
        kills: killer.kills,
        kills_while_starting: killer.while_starting,
        slowest_start,
        examinations,
        damage,
        acknowledged: outcomes.filter(|outcome| *outcome == Outcome::Acknowledged).count(),
        unknown: world.ledger.unknown(),
        contents: crowd.contents_count() + desk.contents_count(),
        tasks: routed,
        jobs: jobs.len(),
        pushed,
        told,
        findings,
        problems: world.ledger.problems(),
        took: started.elapsed(),
    }
}

/// Starts the server, a channel that is sometimes slow and the receiver of a webhook, and makes the sources.
fn set_up(options: &Options) -> (Server, FakeChannel, FakeChannel, Arc<World>) {
    let mut launch = Launch::new(Engine::Sqlite);
    if options.engine == Engine::Postgres {
        // It lives as long as this process. It waits for the disk, as a real one does.
        let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start(&[])));
        launch = launch.database(Some(cluster.database()));
    }
    if options.mode == Mode::PowerLoss {
        launch = launch.env("FRONTDESK_POWER_LOSS", "1");
    }
    let mut server = launch.start();
    let forgets = server.log().iter().any(|line| line.contains("FRONTDESK_POWER_LOSS=1"));
    assert_eq!(forgets, options.mode == Mode::PowerLoss, "the binary was built for another mode");

    let channel = FakeChannel::start();
    channel.answer(|push| {
        let id = push.params()["content_id"].as_str().unwrap_or_default().to_owned();
        let delay = if push.number.is_multiple_of(4) { 40 } else { 0 };
        Reply::json(&json!({ "id": format!("pushed-{id}") })).after(Duration::from_millis(delay))
    });
    let token = server.token().to_owned();
    let administrator = Person::with_token(&server, &token);
    let crowd = Source::create(&administrator, &channel.base_uri(), &json!({}));
    let desk = Source::create(&administrator, &channel.base_uri(), &json!({}));
    let floor = Floor::open(&administrator, &channel.base_uri());
    let receiver = FakeChannel::start();
    let webhook = json!({ "url": receiver.hook_url(), "registered_events": ["content.imported"], "source_filter": "except", "source_ids": [floor.source.id] });
    let webhook = id(&administrator.post("/1.0/webhooks", &webhook).ok());
    eventually("the webhook works", || {
        // A control that answers early may not have it yet.
        let found = administrator.get(&format!("/1.0/webhooks/{webhook}"));
        (found.status == 200 && found.json()["webhook_status"] == "enabled").then_some(())
    });
    // Whatever a control forgets later, this much it has: a stop in good order writes everything to the disk.
    server.stop();
    server.restart();
    let (address, ledger, stop) = (server.address(), Ledger::default(), AtomicBool::new(false));
    let world = World { address, token, crowd, desk, floor, ledger, stop, seed: options.seed };
    (server, channel, receiver, Arc::new(world))
}

/// Who kills, and when.
struct Killer {
    random: Random,
    life: usize,
    channel: SocketAddr,
    kills: Vec<(Instant, Instant)>,
    while_starting: usize,
}

impl Killer {
    fn sleep(&mut self, least: usize, most: usize) {
        let life = least * 1000 + self.random.below((most - least) * 1000);
        std::thread::sleep(Duration::from_micros(life as u64));
    }

    fn kill(&mut self, server: &mut Server) {
        self.sleep(self.life / 6, self.life * 11 / 6);
        let start = Instant::now();
        server.kill();
        self.note(start);
    }

    /// A kill is over when the channel has read the last words of the dead.
    fn note(&mut self, start: Instant) {
        while is_still_reading(self.channel) {
            assert!(start.elapsed() < READING_MAX, "the channel does not come to an end");
            std::thread::sleep(Duration::from_millis(2));
        }
        self.kills.push((start, Instant::now()));
    }

    /// Starts the killed server and kills it again before or just after it is ready.
    fn kill_while_starting(&mut self, server: &Server, mode: Mode) {
        let mut command = server.command(&["serve"]);
        command.args(["--listen", &server.address().to_string(), "--log", "error", "--rate-limit", "0"]);
        command.args(["--allow-outbound", "127.0.0.0/8"]);
        if mode == Mode::PowerLoss {
            command.env("FRONTDESK_POWER_LOSS", "1");
        }
        let mut process = processes::spawn_bound(&command, "KILL").expect("frontdesk starts");
        self.sleep(0, START_LIFE_MILLISECONDS_MAX);
        let start = Instant::now();
        process.kill().expect("a kill");
        process.wait().expect("a process");
        self.note(start);
        self.while_starting += 1;
    }
}

/// Whether the kernel still holds a connection to this listener: one that nobody has accepted, read to its end or closed.
fn is_still_reading(listener: SocketAddr) -> bool {
    let port = format!(":{:04X}", listener.port());
    let connections = std::fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp");
    connections.lines().any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let is_here = fields.next().is_some_and(|local| local.ends_with(&port));
        let state = fields.nth(1);
        is_here && matches!(state, Some(ESTABLISHED | CLOSE_WAIT))
    })
}

impl Run {
    fn print(&self, options: &Options) {
        // What a control forgets draws all else after it; only the loss itself says something.
        let shown = if options.control.is_some() { 1 } else { usize::MAX };
        let lists = [
            ("lost", &self.findings.lost),
            ("doubled", &self.findings.doubled),
            ("wrong", &self.findings.wrong),
            ("push", &self.findings.pushes),
            ("webhook", &self.findings.events),
            ("damage", &self.damage),
            ("unexpected", &self.problems),
        ];
        for (what, list) in lists.into_iter().take(shown) {
            for line in list.iter().take(PRINTED_MAX) {
                println!("{what}: {line}");
            }
            if list.len() > PRINTED_MAX {
                println!("{what}: and {} more", list.len() - PRINTED_MAX);
            }
        }
        println!("| {} | |", options.title());
        println!("| --- | ---: |");
        for (name, value) in [
            ("kills", self.kills.len().to_string()),
            ("of them while starting", self.kills_while_starting.to_string()),
            ("requests acknowledged", self.acknowledged.to_string()),
            ("requests without an answer", self.unknown.to_string()),
            ("contents read back", self.contents.to_string()),
            ("tasks read back", self.tasks.to_string()),
            ("of them taken by agents", self.jobs.to_string()),
            ("lost", self.findings.lost.len().to_string()),
            ("doubled", self.findings.doubled.len().to_string()),
            ("pushes to the channel", self.pushed.pushes.to_string()),
            ("of them repeats", self.pushed.repeats.to_string()),
            ("events told to the webhook", self.told.events.to_string()),
            ("of them repeats", self.told.repeats.to_string()),
            ("examinations of the database", self.examinations.to_string()),
            ("slowest start until ready", format!("{:.2} s", self.slowest_start.as_secs_f64())),
            ("whole run", format!("{:.0} s", self.took.as_secs_f64())),
            ("seed", options.seed.to_string()),
        ] {
            println!("| {name} | {value} |");
        }
    }

    /// Each promise, and whether it was kept. Of a control only one thing is asked.
    fn verdicts(&self, options: &Options) -> Vec<(&'static str, bool)> {
        if options.control.is_some() {
            return vec![("this build loses something, and it is noticed", !self.findings.lost.is_empty())];
        }
        let mut verdicts = vec![
            ("nothing that was acknowledged is lost", self.findings.lost.is_empty()),
            ("nothing is doubled", self.findings.doubled.is_empty()),
            ("nothing is there that was refused or never sent, and counters are right", self.findings.wrong.is_empty()),
            ("every answer was pushed, repeats say so, and a kill explains each", self.findings.pushes.is_empty()),
            ("every message was told to the webhook, and repeats under the same ids", self.findings.events.is_empty()),
            ("no unexpected answers", self.problems.is_empty()),
            ("ready again in under 5 s", self.slowest_start < READY_MAX),
            ("the load met the kills", self.unknown >= self.kills.len() / 2 && self.acknowledged > self.kills.len()),
        ];
        if options.life >= LIFE_FOR_SHARES {
            let few = self.told.repeats * 100 < self.told.events;
            verdicts.push(("less than one event in a hundred was repeated", few));
        }
        if options.engine == Engine::Sqlite {
            verdicts.push(("integrity and foreign keys are clean", self.damage.is_empty()));
        }
        verdicts
    }
}
