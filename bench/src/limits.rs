//! The limits of the machine, and what the product takes of each.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::client::{self, End, Requests, Round, drive};
use crate::messages::{BUSY_CUSTOMERS, Dice, Message, Signer, bodies, first_authors};
use crate::server::{self, Process, Server, rest, shown_token};
use crate::store_loop::{StoreLoop, Sync};
use crate::table::{Line, Sample, table};
use crate::{CONNECTIONS, Limits, disk, fresh, machine};

/// Between two rounds, so that background checkpoints of the one are over before the next begins.
const PAUSE: Duration = Duration::from_secs(1);
const IDLE: Duration = Duration::from_secs(10);
const MEGABYTE: f64 = 1_000_000.0;

/// Measures everything and prints the table. Whether every bar is met.
pub(crate) fn measure(settings: &Limits) -> Result<bool, String> {
    let machine = machine();
    fresh(&settings.dir)?;
    let binary_bytes =
        std::fs::metadata(&settings.server).map_err(|error| format!("{}: {error}", settings.server.display()))?.len();
    let sync_times = disk::sync_times(&settings.dir.join("sync"), Duration::from_secs(settings.seconds))?;

    let data = settings.dir.join("data");
    let mut first = server::start(&settings.server, &data)?;
    let token = shown_token(&mut first)?;
    std::thread::sleep(IDLE);
    let idle_bytes = first.process.resident_bytes()?;
    let first_start = first.start;
    first.process.stop()?;
    let server = server::start(&settings.server, &data)?;
    let second_start = server.start;

    let store = ingest(settings, &server, &token)?;
    let loaded_bytes = server.process.resident_bytes()?;
    let reads = reads(settings, &server, &token)?;
    server.process.stop()?;
    fresh(&settings.dir)?;
    std::fs::remove_dir(&settings.dir).map_err(|error| error.to_string())?;

    let micros = |time: Duration| format!("{} us", time.as_micros());
    let lines = [
        Line::ratio("durable ingest over HTTP / bare store loop", &store.durable, &store.product, 0.6),
        Line::note("  its p50, p99", String::new(), store.latencies),
        Line::ratio("bare store loop, durable / without sync", &store.unsynced, &store.durable, 0.6),
        Line::ratio(&reads.one.what, &reads.one.reference, &reads.one.product, 0.4),
        Line::ratio(&reads.contents.what, &reads.contents.reference, &reads.contents.product, 0.15),
        Line::ratio(&reads.threads.what, &reads.threads.reference, &reads.threads.product, 0.15),
        Line::below("idle memory, resident after 10 s", idle_bytes as f64 / MEGABYTE, 60.0, "MB"),
        Line::note("  after the ingest", String::new(), format!("{:.2} MB", loaded_bytes as f64 / MEGABYTE)),
        Line::below("first start to ready", first_start.as_secs_f64(), 1.0, "s"),
        Line::below("second start to ready", second_start.as_secs_f64(), 1.0, "s"),
        Line::below("binary", binary_bytes as f64 / MEGABYTE, 60.0, "MB"),
        Line::note(
            "append 4 KiB + fdatasync every 2 ms: p50, p99",
            format!("{}, {}", micros(sync_times.p50), micros(sync_times.p99)),
            String::new(),
        ),
    ];
    println!("{machine}; {} rounds of {} s, {CONNECTIONS} connections", settings.rounds, settings.seconds);
    println!();
    print!("{}", table(&lines));
    Ok(!lines.iter().any(Line::is_missed))
}

/// Rates of the three stores.
struct Ingest {
    durable: Sample,
    unsynced: Sample,
    product: Sample,
    latencies: String,
}

fn ingest(settings: &Limits, server: &Server, token: &str) -> Result<Ingest, String> {
    let signer = make_source(server.address, token)?;
    let bodies = Arc::new(bodies());
    fill(server.address, &signer, &bodies)?;
    let durable_loop = StoreLoop::start(&settings.dir.join("durable.db"), Sync::Full, &bodies)?;
    let unsynced_loop = StoreLoop::start(&settings.dir.join("unsynced.db"), Sync::Off, &bodies)?;

    let duration = Duration::from_secs(settings.seconds);
    let (mut durable, mut unsynced, mut product) = (Sample::default(), Sample::default(), Sample::default());
    let mut rounds = Vec::new();
    for round in 1..=settings.rounds {
        std::thread::sleep(PAUSE);
        durable.0.push(durable_loop.round(CONNECTIONS, duration, round, &bodies)?);
        std::thread::sleep(PAUSE);
        let load = (0..CONNECTIONS).map(|number| writer(&signer, &bodies, round * 1_000 + number as u64)).collect();
        let outcome = drive(server.address, load, End::After(duration))?;
        product.0.push(outcome.rate);
        rounds.push(outcome);
        std::thread::sleep(PAUSE);
        unsynced.0.push(unsynced_loop.round(CONNECTIONS, duration, round, &bodies)?);
    }
    durable_loop.stop();
    unsynced_loop.stop();
    let at =
        |share: f64| Sample(rounds.iter().map(|round: &Round| f64::from(round.percentile(share))).collect()).median();
    let latencies = format!("{:.1} ms, {:.1} ms", at(0.5) / 1e3, at(0.99) / 1e3);
    Ok(Ingest { durable, unsynced, product, latencies })
}

/// A community and a source of the Channel SDK, as an administrator makes them.
pub(crate) fn make_source(address: SocketAddr, token: &str) -> Result<Signer, String> {
    let community = rest(address, "POST", "/1.0/communities", token, &json!({ "type": "sdk", "name": "Bench" }))?;
    let secret = "a secret that both sides of the bench know";
    let source = json!({
        "type": "sdk", "name": "Bench", "community_id": community["id"],
        "base_uri": "http://127.0.0.1:9/", "access_token": secret,
    });
    let source = rest(address, "POST", "/1.0/content_sources", token, &source)?;
    Ok(Signer::new(text(&source, "id")?, secret))
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Result<&'a str, String> {
    value[name].as_str().ok_or_else(|| format!("an answer without {name}: {value}"))
}

/// Sends what both stores hold before the measurements.
pub(crate) fn fill(address: SocketAddr, signer: &Signer, bodies: &Arc<Vec<String>>) -> Result<(), String> {
    let authors: Vec<usize> = first_authors().collect();
    let each = authors.len().div_ceil(CONNECTIONS);
    let load = authors
        .chunks(each)
        .enumerate()
        .map(|(number, customers)| {
            let (signer, bodies) = (signer.clone(), bodies.clone());
            let mut dice = Dice::new(1_000_000 + number as u64);
            // The last share is shorter: some of its customers write again.
            let customers = customers.to_vec();
            let mut next = 0;
            let requests = move |request: &mut Vec<u8>| {
                let customer = customers[next % customers.len()];
                next += 1;
                signer.request(&Message::from(customer, &mut dice, &bodies), request);
            };
            Box::new(requests) as Requests
        })
        .collect();
    drive(address, load, End::Requests(each)).map(drop)
}

/// A connection over which anybody writes.
pub(crate) fn writer(signer: &Signer, bodies: &Arc<Vec<String>>, seed: u64) -> Requests {
    let (signer, bodies) = (signer.clone(), bodies.clone());
    let mut dice = Dice::new(seed);
    Box::new(move |request| signer.request(&Message::from_anybody(&mut dice, &bodies), request))
}

/// One operation against the bare answer of its size.
struct Read {
    what: String,
    paths: Arc<Vec<String>>,
    reference: Sample,
    product: Sample,
}

struct Reads {
    one: Read,
    contents: Read,
    threads: Read,
}

fn reads(settings: &Limits, server: &Server, token: &str) -> Result<Reads, String> {
    let address = server.address;
    let one: Vec<String> = content_ids(address, token)?.iter().map(|id| format!("/1.0/contents/{id}")).collect();
    let threads = busy_threads(address, token)?;
    let contents: Vec<String> = threads.iter().map(|id| format!("/1.0/contents?q=thread:%22{id}%22")).collect();
    let read = |what: &str, paths: Vec<String>| {
        let (status, answer) = client::call(address, "GET", paths.first().ok_or("nothing to read")?, token, "")?;
        let records = serde_json::from_str::<Value>(&answer).map_err(|error| error.to_string())?;
        if status != 200 || records["records"].as_array().is_some_and(|records| records.len() != 30) {
            return Err(format!("{}: {status}: {answer}", paths[0]));
        }
        let what = format!("{what} / bare answer of {} bytes", answer.len());
        Ok((
            Read { what, paths: Arc::new(paths), reference: Sample::default(), product: Sample::default() },
            answer.len(),
        ))
    };
    let (mut one, one_bytes) = read("GET a content by id", one)?;
    let (mut contents, contents_bytes) = read("GET 30 contents of a thread", contents)?;
    let (mut threads, threads_bytes) = read("GET 30 threads", vec!["/1.0/content_threads?limit=30".into()])?;

    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let sizes = format!("{one_bytes},{contents_bytes},{threads_bytes}");
    let mut bare = Process::start(Command::new(program).args(["answers", &sizes]))?;
    let bare_address: SocketAddr = bare.line(|line| line.parse().ok())?;
    let duration = Duration::from_secs(settings.seconds);
    for round in 0..settings.rounds {
        for (number, read) in [&mut one, &mut contents, &mut threads].into_iter().enumerate() {
            let bare_path = Arc::new(vec![format!("/{number}")]);
            for (address, paths, sample) in
                [(bare_address, &bare_path, &mut read.reference), (address, &read.paths, &mut read.product)]
            {
                let load = (0..CONNECTIONS).map(|number| reader(paths, token, round * 1_000 + number as u64)).collect();
                sample.0.push(drive(address, load, End::After(duration))?.rate);
            }
        }
    }
    Ok(Reads { one, contents, threads })
}

/// A connection over which an agent reads one of these, at random.
fn reader(paths: &Arc<Vec<String>>, token: &str, seed: u64) -> Requests {
    let requests: Vec<Vec<u8>> = paths.iter().map(|path| client::get(path, token)).collect();
    let mut dice = Dice::new(seed);
    Box::new(move |request| request.extend_from_slice(&requests[dice.below(requests.len())]))
}

/// Contents from all over the store.
fn content_ids(address: SocketAddr, token: &str) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    for window in 0..20 {
        let path = format!("/1.0/contents?limit=50&offset={}", window * 450);
        ids.extend(ids_of(&rest(address, "GET", &path, token, &Value::Null)?));
    }
    Ok(ids)
}

/// Threads with more than 30 contents.
fn busy_threads(address: SocketAddr, token: &str) -> Result<Vec<String>, String> {
    let mut ids = Vec::new();
    for customer in 0..BUSY_CUSTOMERS {
        let path = format!("/1.0/content_threads?q=foreign:thread-{customer}&limit=1");
        ids.extend(ids_of(&rest(address, "GET", &path, token, &Value::Null)?));
    }
    Ok(ids)
}

fn ids_of(list: &Value) -> Vec<String> {
    let records = list["records"].as_array().map(Vec::as_slice).unwrap_or_default();
    records.iter().filter_map(|record| record["id"].as_str().map(str::to_owned)).collect()
}
