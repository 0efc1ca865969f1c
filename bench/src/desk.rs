//! Agents at work while messages arrive: what a console asks for, as often as people ask for it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use frontdesk_tests::postgres::Cluster;
use serde_json::{Value, json};

use crate::client::{self, Connection};
use crate::messages::{Dice, Message, Signer, bodies};
use crate::server::rest;
use crate::stores::{self, Store};
use crate::table::Line;
use crate::{Stores, disk};

const AGENTS: usize = 50;
pub(crate) const MESSAGES_PER_SECOND: u64 = 500;
/// Connections over which they arrive.
pub(crate) const CHANNELS: u64 = 20;
/// An agent thinks this long between two requests.
const THOUGHT: std::ops::Range<u64> = 500..1_500;
/// The p99 of each list over that of a sync.
const SYNCS_MAX: f64 = 8.0;
/// What agents read.
const LOOKS: [&str; 8] = [
    "threads",
    "threads without an intervention",
    "threads of mine",
    "contents of a thread",
    "open interventions of mine",
    "search: rare word",
    "search: common word",
    "search: 3 keywords",
];

/// Lines about the agents' lists.
pub(crate) fn work(settings: &Stores, store: &Store, cluster: Option<&Cluster>) -> Result<Vec<Line>, String> {
    let copy = store.copy(settings, cluster)?;
    let server = copy.serve()?;
    let administrator = copy.administrator()?;
    let signer = own_source(server.address, &administrator)?;
    let tokens: Vec<String> = (1..=AGENTS)
        .map(|number| copy.token(&format!("agent{number:02}@simulated.example")))
        .collect::<Result<_, _>>()?;
    let time = Duration::from_secs(settings.seconds);
    let synced = settings.dir.join("sync");
    let disk = std::thread::spawn(move || disk::sync_times(&synced, time));
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let (address, ends) = (server.address, Instant::now() + time);
    let (looked, replies, arrived) = runtime.block_on(async {
        let bodies = Arc::new(bodies());
        let arriving = tokio::spawn(messages(address, signer, bodies, move |due| due < ends, drop));
        let agents: Vec<_> = tokens
            .into_iter()
            .enumerate()
            .map(|(number, token)| tokio::spawn(agent(address, token, number as u64, ends)))
            .collect();
        let mut looked: Vec<Vec<f64>> = vec![Vec::new(); LOOKS.len()];
        let mut replies = Replies::default();
        for agent in agents {
            let (times, own) = agent.await.map_err(|error| error.to_string())??;
            looked.iter_mut().zip(times).for_each(|(all, own)| all.extend(own));
            replies.times.extend(own.times);
            replies.refused += own.refused;
        }
        let arrived = arriving.await.map_err(|error| error.to_string())??;
        Ok::<_, String>((looked, replies, arrived))
    })?;
    let syncs = disk.join().map_err(|_| "the thread of the disk panicked")??;
    server.process.stop()?;
    stores::remove(&settings.dir.join("copy"))?;

    let sync_p99 = syncs.p99.as_secs_f64() * 1e6;
    let mut lines: Vec<Line> = LOOKS
        .iter()
        .zip(looked)
        .map(|(what, times)| {
            let what = format!("at work: {what} ({})", times.len());
            Line::syncs(&what, sync_p99, percentile(&times, 0.5), percentile(&times, 0.99), SYNCS_MAX)
        })
        .collect();
    let both =
        |times: &[f64]| format!("{:.1} ms, {:.1} ms", percentile(times, 0.5) / 1e3, percentile(times, 0.99) / 1e3);
    let rate = arrived.len() as f64 / time.as_secs_f64();
    let refused = format!("{} refused", replies.refused);
    lines.push(Line::note(
        &format!("at work: replies ({}): p50, p99", replies.times.len()),
        refused,
        both(&replies.times),
    ));
    lines.push(Line::note("at work: messages: p50, p99", format!("{rate:.0}/s"), both(&arrived)));
    lines.push(Line::note(
        "at work: append 4 KiB + fdatasync every 2 ms: p50, p99",
        format!("{} us, {} us", syncs.p50.as_micros(), syncs.p99.as_micros()),
        String::new(),
    ));
    Ok(lines)
}

pub(crate) fn percentile(times: &[f64], share: f64) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.get((sorted.len().saturating_sub(1) as f64 * share) as usize).copied().unwrap_or(f64::NAN)
}

/// Gives a source of the store a secret that is known here.
fn own_source(address: SocketAddr, token: &str) -> Result<Signer, String> {
    let sources = rest(address, "GET", "/1.0/content_sources?limit=150", token, &Value::Null)?;
    let found = sources["records"].as_array().into_iter().flatten().find(|source| source["name"] == "Shop messages");
    let id = found.and_then(|source| source["id"].as_str()).ok_or("there are no Shop messages")?;
    let secret = "a secret that both sides of the bench know";
    let values = json!({ "access_token": secret, "base_uri": "http://127.0.0.1:9/" });
    rest(address, "PUT", &format!("/1.0/content_sources/{id}"), token, &values)?;
    Ok(Signer::new(id, secret))
}

/// Messages that arrive at even intervals, as long as the moment when the next is due is one of those wanted; how long
/// each took, from the moment when it was due. `accepted` is told of each by its foreign id.
pub(crate) async fn messages(
    address: SocketAddr,
    signer: Signer,
    bodies: Arc<Vec<String>>,
    is_wanted: impl Fn(Instant) -> bool + Clone + Send + 'static,
    accepted: impl Fn(String) + Clone + Send + 'static,
) -> Result<Vec<f64>, String> {
    let channel = |number| {
        tokio::spawn(channel(address, signer.clone(), bodies.clone(), number, is_wanted.clone(), accepted.clone()))
    };
    let channels: Vec<_> = (0..CHANNELS).map(channel).collect();
    let mut times = Vec::new();
    for channel in channels {
        times.extend(channel.await.map_err(|error| error.to_string())??);
    }
    Ok(times)
}

async fn channel(
    address: SocketAddr,
    signer: Signer,
    bodies: Arc<Vec<String>>,
    number: u64,
    is_wanted: impl Fn(Instant) -> bool,
    accepted: impl Fn(String),
) -> Result<Vec<f64>, String> {
    let mut connection = Connection::open(address).await?;
    let mut dice = Dice::new(9_000 + number);
    let period = Duration::from_micros(1_000_000 * CHANNELS / MESSAGES_PER_SECOND);
    let mut due = Instant::now() + period.mul_f64(number as f64 / CHANNELS as f64);
    let (mut times, mut request) = (Vec::new(), Vec::new());
    while is_wanted(due) {
        tokio::time::sleep_until(due.into()).await;
        request.clear();
        let message = Message::from_anybody(&mut dice, &bodies);
        signer.request(&message, &mut request);
        let status = connection.exchange(&request).await?;
        if status != 200 {
            return Err(format!("a message: {status}: {}", connection.text()));
        }
        times.push(due.elapsed().as_micros() as f64);
        accepted(message.foreign_id);
        due += period;
    }
    Ok(times)
}

/// Answers that an agent gave.
#[derive(Default)]
struct Replies {
    times: Vec<f64>,
    /// Another agent was faster.
    refused: usize,
}

/// An agent who looks around, reads and answers until the time is over.
async fn agent(
    address: SocketAddr,
    token: String,
    number: u64,
    ends: Instant,
) -> Result<(Vec<Vec<f64>>, Replies), String> {
    let mut connection = Connection::open(address).await?;
    let mut dice = Dice::new(number);
    let mut times = vec![Vec::new(); LOOKS.len()];
    let mut replies = Replies::default();
    let mut threads: Vec<String> = Vec::new();
    let think = |dice: &mut Dice| {
        let millis = THOUGHT.start + dice.below((THOUGHT.end - THOUGHT.start) as usize) as u64;
        tokio::time::sleep(Duration::from_millis(millis))
    };
    tokio::time::sleep(Duration::from_millis(20 * number)).await;
    while Instant::now() < ends {
        let (look, path) = match dice.below(100) {
            0..20 => (0, "/1.0/content_threads?limit=30".to_owned()),
            20..35 => (1, "/1.0/content_threads?q=-assigned:true".to_owned()),
            35..50 => (2, "/1.0/content_threads?q=opened_and_assigned_to_me:true".to_owned()),
            50..70 if !threads.is_empty() => {
                (3, format!("/1.0/contents?q=thread:%22{}%22", threads[dice.below(threads.len())]))
            }
            50..80 => (4, "/1.0/interventions?status=opened".to_owned()),
            80..85 => (5, format!("/1.0/contents?q=SAVE{:05}", dice.below(50))),
            85..90 => (6, "/1.0/content_threads?q=delivery".to_owned()),
            90..95 => (7, "/1.0/content_threads?q=refund+status_in:new+language:en".to_owned()),
            _ => {
                answer(&mut connection, &token, &mut dice, &mut replies).await?;
                think(&mut dice).await;
                continue;
            }
        };
        let sent = Instant::now();
        let status = connection.exchange(&client::get(&path, &token)).await?;
        times[look].push(sent.elapsed().as_micros() as f64);
        if status != 200 {
            return Err(format!("{path}: {status}: {}", connection.text()));
        }
        if look < 3 {
            threads = ids(&connection)?;
        }
        think(&mut dice).await;
    }
    Ok((times, replies))
}

/// Answers one of the contents that came last.
async fn answer(
    connection: &mut Connection,
    token: &str,
    dice: &mut Dice,
    replies: &mut Replies,
) -> Result<(), String> {
    connection.exchange(&client::get("/1.0/contents?q=status_in:new&limit=100", token)).await?;
    let waiting = ids(connection)?;
    let Some(id) = waiting.get(dice.below(waiting.len().max(1))) else { return Ok(()) };
    let body = json!({ "in_reply_to_id": id, "body": "Thank you, we look into it at once." }).to_string();
    let request = format!(
        "POST /1.0/contents HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let sent = Instant::now();
    match connection.exchange(request.as_bytes()).await? {
        200 | 201 => replies.times.push(sent.elapsed().as_micros() as f64),
        status @ 400..500 if status != 429 => replies.refused += 1,
        status => return Err(format!("a reply: {status}: {}", connection.text())),
    }
    Ok(())
}

fn ids(connection: &Connection) -> Result<Vec<String>, String> {
    let answer: Value = serde_json::from_str(&connection.text()).map_err(|error| error.to_string())?;
    let records = answer["records"].as_array().cloned().unwrap_or_default();
    Ok(records.iter().filter_map(|record| record["id"].as_str().map(str::to_owned)).collect())
}
