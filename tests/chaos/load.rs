//! The load: customers who write through the Send API and agents who answer through REST, both without pause, so that
//! every kill meets writes under way.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use frontdesk_tests::random::Random;
use frontdesk_tests::{Answer, Connection, Request, Source};
use serde_json::{Value, json};

use crate::ledger::{Ledger, Message, Outcome, Step, Story};
use crate::tasks::Floor;

/// While the server is down it is tried again this often.
const PAUSE_WHILE_DOWN: Duration = Duration::from_millis(10);
/// Messages of which this many are between a repeat and its first copy count as just sent.
const RECENT_MESSAGES: usize = 32;

/// What all clients share.
pub(crate) struct World {
    pub(crate) address: SocketAddr,
    pub(crate) token: String,
    /// Where the customers write.
    pub(crate) crowd: Source,
    /// Where the agents answer.
    pub(crate) desk: Source,
    /// Where questions are shared out as tasks.
    pub(crate) floor: Floor,
    pub(crate) ledger: Ledger,
    pub(crate) stop: AtomicBool,
    pub(crate) seed: u64,
}

impl World {
    pub(crate) fn goes_on(&self) -> bool {
        !self.stop.load(Ordering::Relaxed)
    }
}

/// What a client hears of one request.
pub(crate) enum Heard {
    /// Nobody listened: the request never left.
    Nobody,
    /// It left, and no answer came.
    Nothing,
    Answer(Answer),
}

/// A client with one connection, which every kill breaks.
pub(crate) struct Client<'w> {
    pub(crate) world: &'w World,
    connection: Option<Connection>,
}

impl<'w> Client<'w> {
    pub(crate) fn new(world: &'w World) -> Client<'w> {
        Client { world, connection: None }
    }

    pub(crate) fn send(&mut self, request: &Request) -> Heard {
        let mut connection = match self.connection.take() {
            Some(open) => open,
            None => match Connection::open(self.world.address) {
                Ok(open) => open,
                Err(_) => {
                    std::thread::sleep(PAUSE_WHILE_DOWN);
                    return Heard::Nobody;
                }
            },
        };
        match connection.send(request) {
            Ok(answer) => {
                if answer.status >= 500 {
                    let (method, target) = (&request.method, &request.target);
                    let problem = format!("{method} {target} got {}: {}", answer.status, answer.text());
                    self.world.ledger.add_problem(problem);
                }
                self.connection = Some(connection);
                Heard::Answer(answer)
            }
            Err(_) => {
                self.world.ledger.count_unknown();
                Heard::Nothing
            }
        }
    }

    /// Sends until there is an answer; none when the client gives up, which it does after one unknown outcome in five.
    pub(crate) fn insist(&mut self, request: &Request, random: &mut Random) -> Option<Answer> {
        loop {
            match self.send(request) {
                Heard::Answer(answer) if answer.status < 500 => return Some(answer),
                Heard::Nothing if random.below(5) == 0 => return None,
                Heard::Nobody | Heard::Nothing => {}
                Heard::Answer(_) => std::thread::sleep(PAUSE_WHILE_DOWN),
            }
        }
    }
}

/// A server's failure may have happened after the commit: only a refusal says that nothing did.
pub(crate) fn outcome(answer: &Answer) -> Outcome {
    match answer.status {
        200 => Outcome::Acknowledged,
        500.. => Outcome::Unknown,
        _ => Outcome::Refused,
    }
}

/// Writes messages of many authors into many threads, and sends earlier ones again: its own after an unknown outcome,
/// anybody's at any time.
pub(crate) fn customer(world: &World, number: usize) {
    let mut random = Random::new(world.seed ^ (1000 + number as u64));
    let mut client = Client::new(world);
    let mut again = Vec::new();
    while world.goes_on() {
        let known = world.ledger.messages_count();
        let message = match (again.pop(), random.below(10)) {
            (Some(mine), _) => mine,
            (None, 0) if known > RECENT_MESSAGES => match random.below(2) {
                0 => random.below(known),
                _ => known - 1 - random.below(RECENT_MESSAGES),
            },
            _ => world.ledger.add(|number| message(&mut random, number)),
        };
        let told = world.ledger.message(message);
        match client.send(&world.crowd.request(&told.action(), &told.params)) {
            Heard::Nobody => again.push(message),
            Heard::Nothing => {
                world.ledger.hear(message, Outcome::Unknown);
                if random.below(2) == 0 {
                    again.push(message);
                }
            }
            Heard::Answer(answer) => {
                world.ledger.hear(message, outcome(&answer));
                if (400..500).contains(&answer.status) {
                    world.ledger.add_problem(format!("{} got {}: {}", told.id, answer.status, answer.text()));
                }
            }
        }
    }
}

pub(crate) fn person(name: &str) -> Value {
    json!({ "id": name, "screenname": name, "created_at": "2026-01-15" })
}

/// Authors and threads come and go, and each begins with several first messages at about the same moment.
fn message(random: &mut Random, number: usize) -> Message {
    let id = format!("m{number}");
    let author = person(&format!("author-{}", number / 30 + random.below(2)));
    let mut params = json!({ "id": id, "author": author, "body": format!("This is {id}."), "format": "text" });
    let object = match random.below(100) {
        0..70 => {
            params["thread_id"] = format!("thread-{}", number / 60 + random.below(2)).into();
            "message"
        }
        70..96 => {
            params["recipient"] = person("front-desk");
            "private_message"
        }
        _ => {
            params["title"] = format!("About {id}").into();
            "thread"
        }
    };
    Message { object, id, params, outcome: Outcome::Unsent }
}

/// Lives through one conversation after the other.
pub(crate) fn agent(world: &World, number: usize) {
    let mut random = Random::new(world.seed ^ (2000 + number as u64));
    let mut client = Client::new(world);
    let mut count = 0;
    while world.goes_on() {
        let word = format!("story{number}x{count}");
        let mut story = Story {
            message: first_message(&mut random, &word),
            intervention: Step::default(),
            reply: Step::default(),
            reply_text: format!("An answer to {word}."),
            reply_began: None,
            closing: Outcome::Unsent,
        };
        live_through(&mut client, &mut random, &word, &mut story);
        world.ledger.add_story(story);
        count += 1;
    }
}

fn first_message(random: &mut Random, word: &str) -> Message {
    let text = format!("A question about {word}.");
    let mut params = json!({ "id": word, "author": person(word), "body": text, "format": "text" });
    let object = if random.below(3) == 0 { "private_message" } else { "message" };
    match object {
        "message" => params["thread_id"] = word.into(),
        _ => params["recipient"] = person("front-desk"),
    }
    Message { object, id: word.into(), params, outcome: Outcome::Unsent }
}

/// A customer asks, the agent finds the question, engages it, answers it and closes. None: it ended before that.
fn live_through(client: &mut Client, random: &mut Random, word: &str, story: &mut Story) -> Option<()> {
    let world = client.world;
    let asked = world.desk.request(&story.message.action(), &story.message.params);
    let heard = client.insist(&asked, random);
    story.message.outcome = heard.as_ref().map_or(Outcome::Unknown, outcome);
    if story.message.outcome != Outcome::Acknowledged {
        return None;
    }
    let content_id = find(client, random, word)?;

    let request = json!({ "content_id": content_id });
    create(client, random, "/1.0/interventions", &request, &format!("engage-{word}"), &mut story.intervention)?;
    let request = json!({ "in_reply_to_id": content_id, "body": story.reply_text });
    story.reply_began = Some(Instant::now());
    create(client, random, "/1.0/contents", &request, &format!("reply-{word}"), &mut story.reply)?;

    let target = format!("/1.0/interventions/{}/close", story.intervention.id.as_ref()?);
    let answer = client.insist(&Request::new("PUT", &target).token(&world.token), random);
    story.closing = match &answer {
        None => Outcome::Unknown,
        // An earlier try of ours has closed it.
        Some(answer) if answer.status == 403 && answer.text().contains("closed already") => Outcome::Acknowledged,
        Some(answer) => outcome(answer),
    };
    note_refusal(world, "closing", word, answer.as_ref()?);
    Some(())
}

/// What was acknowledged can be found at once.
fn find(client: &mut Client, random: &mut Random, word: &str) -> Option<String> {
    let world = client.world;
    let q = frontdesk_tests::http::encode(&format!("source:{} text:\"{word}\"", world.desk.id));
    let request = Request::new("GET", &format!("/1.0/contents?q={q}")).token(&world.token);
    let answer = client.insist(&request, random)?;
    note_refusal(world, "finding", word, &answer);
    let records = answer.json()["records"].as_array().cloned().unwrap_or_default();
    match &records[..] {
        [found] => found["id"].as_str().map(str::to_owned),
        others => {
            world.ledger.add_problem(format!("{} contents tell of {word} after it was acknowledged", others.len()));
            None
        }
    }
}

/// A creating request with its idempotency key; now and then it is sent again although it was answered.
fn create(
    client: &mut Client,
    random: &mut Random,
    target: &str,
    body: &Value,
    key: &str,
    step: &mut Step,
) -> Option<()> {
    let world = client.world;
    let request = Request::new("POST", target).token(&world.token).header("Idempotency-Key", key).json(body);
    let tries = if random.below(4) == 0 { 2 } else { 1 };
    for _ in 0..tries {
        let Some(answer) = client.insist(&request, random) else {
            step.outcome.hear(Outcome::Unknown);
            return None;
        };
        note_refusal(world, target, key, &answer);
        step.outcome.hear(outcome(&answer));
        if answer.status != 200 {
            return None;
        }
        let id = answer.json()["id"].as_str().map(str::to_owned);
        if step.id.is_some() && step.id != id {
            world.ledger.add_problem(format!("{key}: the same key made {:?} and {id:?}", step.id));
        }
        step.id = id;
    }
    Some(())
}

fn note_refusal(world: &World, what: &str, which: &str, answer: &Answer) {
    if answer.status != 200 && !answer.text().contains("closed already") {
        world.ledger.add_problem(format!("{what} {which}: {} {}", answer.status, answer.text()));
    }
}
