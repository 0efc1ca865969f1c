//! Social channels: how soon agents see what a service tells by its webhook, and whether a year of comments is imported within
//! the units of a day without anybody else noticing.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::time::{Duration, Instant};

use clap::Args;
use frontdesk_model::hex;
use ring::hmac;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::arrivals::{Times, watch};
use crate::client::Connection;
use crate::desk::{CHANNELS, MESSAGES_PER_SECOND, messages, percentile};
use crate::limits::{fill, make_source, text};
use crate::messages::{Dice, Message, bodies};
use crate::server::{self, Process, Server, rest, shown_token};
use crate::table::{Line, Sample, table};
use crate::{disk, fresh, machine};

/// The page whose webhook tells.
const PAGE: &str = "100200300";
const SECRET: &str = "a-secret-that-both-sides-of-the-bench-know";
/// Agents who watch while messages arrive.
const AGENTS: usize = 10;
/// The channel whose comments are imported.
const COMMENTED: &str = "UCbench";
const YEAR_SECONDS: u64 = 365 * 86_400;
/// A day's units for reading, with the settings that a new source has.
const UNITS_MAX: f64 = 6_000.0;
/// The p99 of another source during an import over that before.
const OTHERS_GROWTH_MAX: f64 = 2.0;
const PAUSE: Duration = Duration::from_secs(1);
const DEADLINE: Duration = Duration::from_secs(1_200);

#[derive(Args)]
pub(crate) struct Social {
    /// How many comments were written in a year
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(500..=1_000_000))]
    comments: u64,
    /// How long messages arrive, for each of the two measurements
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(2..=600))]
    seconds: u64,
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/frontdesk")]
    server: PathBuf,
    /// Where the databases lie while it runs: a directory on the disk to measure; what is in it is removed
    #[arg(long, value_name = "DIR", default_value = "target/bench-social")]
    dir: PathBuf,
}

/// Measures and prints the table. Whether every bar is met.
pub(crate) fn measure(settings: &Social) -> Result<bool, String> {
    println!("{}; {} s each, {MESSAGES_PER_SECOND}/s; {} comments\n", machine(), settings.seconds, settings.comments);
    fresh(&settings.dir)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let mut lines = told(settings, &runtime)?;
    lines.extend(imported(settings, &runtime)?);
    crate::stores::remove(&settings.dir)?;
    println!("{}", table(&lines));
    Ok(!lines.iter().any(Line::is_missed))
}

fn serve(settings: &Social, name: &str, flags: &[String]) -> Result<Server, String> {
    let data = settings.dir.join(name);
    fresh(&data)?;
    let mut command = Command::new(&settings.server);
    command.arg("serve").arg("--data").arg(&data).args(flags);
    server::start_with(command)
}

fn source(address: SocketAddr, token: &str, kind: &str, more: &Value) -> Result<String, String> {
    let community = rest(address, "POST", "/1.0/communities", token, &json!({ "type": kind, "name": "Bench" }))?;
    let mut source = json!({ "type": kind, "name": "Bench", "community_id": community["id"] });
    for (name, value) in more.as_object().into_iter().flatten() {
        source[name] = value.clone();
    }
    text(&rest(address, "POST", "/1.0/content_sources", token, &source)?, "id").map(str::to_owned)
}

/// From the 200 that a webhook gets to the message on agents' screens.
fn told(settings: &Social, runtime: &Runtime) -> Result<Vec<Line>, String> {
    let mut server = serve(settings, "webhook", &[])?;
    let token = shown_token(&mut server)?;
    let page = json!({ "facebook_page_id": PAGE, "facebook_app_secret": SECRET });
    let path = format!("/channels/messenger/{}", source(server.address, &token, "messenger", &page)?);
    let times = Arc::new(Times::default());
    let time = Duration::from_secs(settings.seconds);
    let synced = settings.dir.join("sync");
    let disk = std::thread::spawn(move || disk::sync_times(&synced, time));
    let (address, ends, bodies) = (server.address, Instant::now() + time, Arc::new(bodies()));
    runtime.block_on(async {
        watch(address, &token, AGENTS, &times).await?;
        let hooks: Vec<_> = (0..CHANNELS)
            .map(|number| tokio::spawn(hook(address, path.clone(), bodies.clone(), number, ends, times.clone())))
            .collect();
        for hook in hooks {
            hook.await.map_err(|error| error.to_string())??;
        }
        tokio::time::sleep(2 * PAUSE).await;
        Ok::<_, String>(())
    })?;
    let syncs = disk.join().map_err(|_| "the thread of the disk panicked")??;
    server.process.stop()?;
    let arrivals = times.take(AGENTS);
    let mut lines = Vec::from(arrivals.lines("a webhook's message on agents' screens", &syncs));
    lines.push(Line::below("  of those accepted, did not arrive", arrivals.missing() as f64, 1.0, ""));
    Ok(lines)
}

/// Webhooks with a message each, at even intervals, signed as Facebook signs them.
async fn hook(
    address: SocketAddr,
    path: String,
    bodies: Arc<Vec<String>>,
    number: u64,
    ends: Instant,
    times: Arc<Times>,
) -> Result<(), String> {
    let mut connection = Connection::open(address).await?;
    let mut dice = Dice::new(19_000 + number);
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let period = Duration::from_micros(1_000_000 * CHANNELS / MESSAGES_PER_SECOND);
    let mut due = Instant::now() + period.mul_f64(number as f64 / CHANNELS as f64);
    while due < ends {
        tokio::time::sleep_until(due.into()).await;
        let message = Message::from_anybody(&mut dice, &bodies);
        let item = json!({
            "sender": { "id": format!("7{:06}", message.customer) }, "recipient": { "id": PAGE },
            "message": { "mid": message.foreign_id, "text": message.body },
        });
        let body = json!({ "object": "page", "entry": [{ "id": PAGE, "messaging": [item] }] }).to_string();
        let signed = hmac::sign(&key, body.as_bytes());
        let signed = hex::encode(signed);
        let request = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
             x-hub-signature-256: sha256={signed}\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let status = connection.exchange(request.as_bytes()).await?;
        if status != 200 {
            return Err(format!("a webhook: {status}: {}", connection.text()));
        }
        times.accepted(message.foreign_id);
        due += period;
    }
    Ok(())
}

/// A year of comments, and another source meanwhile.
fn imported(settings: &Social, runtime: &Runtime) -> Result<Vec<Line>, String> {
    let mut fake = Process::start(Command::new(&settings.server).args(["fake", "youtube"]))?;
    let flags = fake.line(|line| line.strip_prefix("Lead a server to it with: ").map(str::to_owned))?;
    let flags: Vec<String> = flags.split(' ').map(str::to_owned).collect();
    let there = flags.last().and_then(|flag| flag.rsplit_once("http://")).and_then(|(_, place)| place.parse().ok());
    let there: SocketAddr = there.ok_or("the stand-in does not say where it is")?;
    let apart = YEAR_SECONDS / settings.comments;
    let written = json!({ "text": "A comment of the year", "count": settings.comments, "seconds_apart": apart });
    rest(there, "POST", &format!("/_fake/channels/{COMMENTED}/comments"), "", &written)?;

    let mut server = serve(settings, "comments", &flags)?;
    let (address, token) = (server.address, shown_token(&mut server)?);
    let (other, bodies) = (make_source(address, &token)?, Arc::new(bodies()));
    fill(address, &other, &bodies)?;
    std::thread::sleep(PAUSE);
    let ends = Instant::now() + Duration::from_secs(settings.seconds);
    let before = runtime.block_on(messages(address, other.clone(), bodies.clone(), move |due| due < ends, drop))?;
    let commented = json!({
        "youtube_channel_id": COMMENTED, "youtube_client_id": "bench", "youtube_client_secret": SECRET,
        "youtube_refresh_token": format!("refresh-{COMMENTED}"), "youtube_history_days": 366,
    });
    let began = Instant::now();
    let source = source(address, &token, "youtube", &commented)?;
    let is_over = Arc::new(AtomicBool::new(false));
    let seen = is_over.clone();
    let (path, count) = (format!("/1.0/content_sources/{source}?extended=true"), settings.comments);
    // Whoever looks has a thread of their own: these calls bring a runtime with them.
    let looking = std::thread::spawn(move || {
        let outcome = loop {
            let shown = match rest(address, "GET", &path, &token, &Value::Null) {
                Ok(shown) => shown,
                Err(trouble) => break Err(trouble),
            };
            if shown["synchronization"]["imported"].as_u64().unwrap_or(0) >= count {
                break Ok((shown, began.elapsed()));
            }
            if began.elapsed() > DEADLINE {
                break Err(format!("the comments were not imported in time: {}", shown["synchronization"]));
            }
            std::thread::sleep(Duration::from_millis(100));
        };
        is_over.store(true, SeqCst);
        outcome
    });
    let during = runtime.block_on(messages(address, other, bodies, move |_| !seen.load(SeqCst), drop))?;
    let (shown, took) = looking.join().map_err(|_| "the thread that looks panicked")??;
    server.process.stop()?;
    drop(fake);
    let units = shown["quota"]["used_by_reading"].as_f64().unwrap_or(f64::NAN);
    let at = |times: &[f64], share: f64| Sample(vec![percentile(times, share)]);
    let millis = |times: &[f64]| format!("{:.2} ms", percentile(times, 0.5) / 1e3);
    let what = "another source's messages, p99: before / while comments are imported";
    Ok(vec![
        Line::growth(what, &at(&before, 0.99), &at(&during, 0.99), Some(OTHERS_GROWTH_MAX)),
        Line::note("  their median", millis(&before), millis(&during)),
        Line::below("  units of the day that the import took", units, UNITS_MAX, ""),
        Line::note(
            "  comments imported",
            format!("{count} of a year"),
            format!("{:.0} s, {:.0}/s", took.as_secs_f64(), count as f64 / took.as_secs_f64()),
        ),
    ])
}
