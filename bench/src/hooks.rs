//! Webhooks: how soon a customer's message is at the receiver, and whether bad receivers hold up the good ones.

use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::arrivals::Times;
use crate::client::{End, drive};
use crate::desk::{MESSAGES_PER_SECOND, messages};
use crate::limits::writer;
use crate::messages::{Signer, bodies};
use crate::server::{self, Server, rest};
use crate::table::{Line, Sample, table};
use crate::{CONNECTIONS, Webhooks, disk};

const HEALTHY: usize = 5;
const HOSTILE: usize = 45;
/// What the healthy wait for at most, beside hostile ones.
const HEALTHY_SECONDS_MAX: f64 = 2.0;
const GROWTH_MEGABYTES_MAX: f64 = 50.0;
const MEGABYTE: f64 = 1024.0 * 1024.0;
/// What a receiver that answers at once is told a second, one event a request, over what is taken in a second at most.
const TOLD_SHARE_MIN: f64 = 0.5;
/// The same while that is taken in, which leaves the processors little time.
const TOLD_MEANWHILE_SHARE_MIN: f64 = 0.3;
/// Seconds in which messages come in as fast as they can.
const CROWDED: Duration = Duration::from_secs(4);
const TOLD_DEADLINE: Duration = Duration::from_secs(120);
const SECRET: &str = "a secret that both sides of the bench know";

/// Measures and prints the table. Whether every bar is met.
pub(crate) fn measure(settings: &Webhooks) -> Result<bool, String> {
    println!("{}; {} s each, {MESSAGES_PER_SECOND} messages/s\n", crate::machine(), settings.seconds);
    crate::fresh(&settings.dir)?;
    let mut lines = Vec::new();
    for hostile in [0, HOSTILE] {
        lines.extend(part(settings, if hostile == 0 { 1 } else { HEALTHY }, hostile)?);
    }
    lines.extend(backlog(settings)?);
    crate::stores::remove(&settings.dir)?;
    println!("{}", table(&lines));
    Ok(!lines.iter().any(Line::is_missed))
}

fn serve(settings: &Webhooks) -> Result<Server, String> {
    let data = settings.dir.join("data");
    crate::fresh(&data)?;
    let mut command = Command::new(&settings.server);
    command.arg("serve").arg("--data").arg(&data).args(["--allow-outbound", "127.0.0.0/8"]);
    server::start_with(command)
}

/// How fast one receiver is told while as much comes in as can, and of what is left when no more comes in.
fn backlog(settings: &Webhooks) -> Result<[Line; 2], String> {
    let mut server = serve(settings)?;
    let token = server::shown_token(&mut server)?;
    let signer = source(server.address, &token)?;
    let runtime = runtime()?;
    let times = Arc::new(Times::default());
    let address = runtime.block_on(receiver(Manner::Healthy(times.clone())))?;
    let webhook = json!({ "url": format!("http://{address}/hook"), "registered_events": ["content.imported"] });
    rest(server.address, "POST", "/1.0/webhooks", &token, &webhook)?;
    wait_until_enabled(server.address, &token)?;
    let bodies = Arc::new(bodies());
    let load = (0..CONNECTIONS as u64).map(|number| writer(&signer, &bodies, number)).collect();
    let taken_in = drive(server.address, load, End::After(CROWDED))?;
    let ended = Instant::now();
    let told_meanwhile = times.count();
    while times.count() < taken_in.count() {
        if ended.elapsed() > TOLD_DEADLINE {
            return Err(format!("{} of {} messages were told in time", times.count(), taken_in.count()));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let rest = (taken_in.count() - told_meanwhile) as f64 / ended.elapsed().as_secs_f64();
    server.process.stop()?;
    let [reference, meanwhile, rest] =
        [taken_in.rate, told_meanwhile as f64 / CROWDED.as_secs_f64(), rest].map(|rate| Sample(vec![rate]));
    let what = "one receiver told / taken in at the same time, as fast as it goes";
    Ok([
        Line::ratio(what, &reference, &meanwhile, TOLD_MEANWHILE_SHARE_MIN),
        Line::ratio("  told of what was left / taken in", &reference, &rest, TOLD_SHARE_MIN),
    ])
}

fn runtime() -> Result<Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())
}

fn part(settings: &Webhooks, healthy: usize, hostile: usize) -> Result<Vec<Line>, String> {
    let mut server = serve(settings)?;
    let token = server::shown_token(&mut server)?;
    let signer = source(server.address, &token)?;
    let runtime = runtime()?;
    let times = Arc::new(Times::default());
    for number in 0..healthy + hostile {
        let manner = match number.checked_sub(healthy) {
            None => Manner::Healthy(times.clone()),
            Some(number) => [Manner::Hangs, Manner::Drips, Manner::Floods][number % 3].clone(),
        };
        let address = runtime.block_on(receiver(manner))?;
        let webhook = json!({ "url": format!("http://{address}/hook"), "registered_events": ["content.imported"] });
        rest(server.address, "POST", "/1.0/webhooks", &token, &webhook)?;
    }
    wait_until_enabled(server.address, &token)?;
    let before = server.process.resident_bytes()?;

    let time = Duration::from_secs(settings.seconds);
    let synced = settings.dir.join("sync");
    let disk = std::thread::spawn(move || disk::sync_times(&synced, time));
    let (address, ends) = (server.address, Instant::now() + time);
    let mut greatest = 0;
    runtime.block_on(async {
        let bodies = Arc::new(bodies());
        let taken = times.clone();
        let accepted = move |id| taken.accepted(id);
        let arriving = tokio::spawn(messages(address, signer, bodies, move |due| due < ends, accepted));
        while Instant::now() < ends {
            tokio::time::sleep(Duration::from_millis(200)).await;
            greatest = greatest.max(server.process.resident_bytes()?);
        }
        arriving.await.map_err(|error| error.to_string())??;
        // What is on its way.
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok::<_, String>(())
    })?;
    let syncs = disk.join().map_err(|_| "the thread of the disk panicked")??;
    server.process.stop()?;

    let arrivals = times.take(healthy);
    let mut lines = Vec::new();
    if hostile == 0 {
        lines.extend(arrivals.lines("a message at the receiver", &syncs));
        lines.push(Line::below("  messages that did not arrive", arrivals.lost as f64, 1.0, ""));
    } else {
        let what = format!("{healthy} receivers beside {hostile} that hang, drip or flood: p99");
        lines.push(Line::below(&what, arrivals.at(0.99) / 1e6, HEALTHY_SECONDS_MAX, "s"));
        lines.push(Line::note("  arrived; p50", arrivals.whole(), format!("{:.1} ms", arrivals.at(0.5) / 1e3)));
        lines.push(Line::below("  messages that no receiver got", arrivals.lost as f64, 1.0, ""));
        let growth = greatest.saturating_sub(before) as f64 / MEGABYTE;
        lines.push(Line::below("  memory that the server grew by", growth, GROWTH_MEGABYTES_MAX, "MB"));
    }
    Ok(lines)
}

fn source(address: SocketAddr, token: &str) -> Result<Signer, String> {
    let community = rest(address, "POST", "/1.0/communities", token, &json!({ "type": "sdk", "name": "Shop" }))?;
    let source = json!({
        "type": "sdk", "name": "Shop", "community_id": community["id"], "access_token": SECRET,
        "base_uri": "http://127.0.0.1:9/",
    });
    let source = rest(address, "POST", "/1.0/content_sources", token, &source)?;
    Ok(Signer::new(source["id"].as_str().ok_or("a source without an id")?, SECRET))
}

fn wait_until_enabled(address: SocketAddr, token: &str) -> Result<(), String> {
    for _ in 0..200 {
        let list = rest(address, "GET", "/1.0/webhooks?limit=150", token, &Value::Null)?;
        let mut records = list["records"].as_array().into_iter().flatten();
        if records.all(|webhook| webhook["webhook_status"] == "enabled") {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("the webhooks were not enabled".into())
}

/// How a receiver treats events; all answer their challenge.
#[derive(Clone)]
enum Manner {
    Healthy(Arc<Times>),
    Hangs,
    /// A byte of its answer every second.
    Drips,
    /// A gigabyte of it.
    Floods,
}

async fn receiver(manner: Manner) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(hear(stream, manner.clone()));
        }
    });
    Ok(address)
}

/// Serves a connection until it ends.
async fn hear(mut stream: TcpStream, manner: Manner) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let mut first = None;
        let head = loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            first.get_or_insert_with(Instant::now);
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        if let Some(challenge) = text.split(['?', '&', ' ']).find_map(|pair| pair.strip_prefix("hub.challenge=")) {
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{challenge}", challenge.len());
            stream.write_all(answer.as_bytes()).await?;
            continue;
        }
        let length = text
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        let whole = head + length.unwrap_or(0);
        while bytes.len() < whole {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        match &manner {
            Manner::Healthy(times) => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
                let told: Value = serde_json::from_slice(&bytes[head..]).unwrap_or_default();
                let at = first.unwrap_or_else(Instant::now);
                for event in told["events"].as_array().into_iter().flatten() {
                    times.told(event, at);
                }
            }
            Manner::Hangs => std::future::pending().await,
            Manner::Drips => {
                stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
                loop {
                    stream.write_all(b"x").await?;
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
            Manner::Floods => {
                stream.write_all(b"HTTP/1.1 500 No\r\ncontent-length: 1073741824\r\n\r\n").await?;
                loop {
                    stream.write_all(&[b'x'; 65_536]).await?;
                }
            }
        }
    }
}
