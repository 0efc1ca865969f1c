//! A task's whole way: a customer's message over the signed Send API, the consumer that makes a task of it, the engine,
//! the transaction in which it rings, and the webhook that tells of it.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::Routing;
use crate::client::Connection;
use crate::desk::percentile;
use crate::limits::make_source;
use crate::messages::{Dice, Message, Signer, bodies};
use crate::server::{self, Server, rest};
use crate::table::Line;

const AGENTS: usize = 50;
const MESSAGES: usize = 1_000;
const MESSAGES_PER_SECOND: usize = 100;
/// All tasks of the measurement ring at once; nobody accepts.
const SOFT: usize = MESSAGES / AGENTS + 10;
/// The last ones are told by then.
const REST: Duration = Duration::from_secs(20);

/// When each content's events were told, by their kind and the content.
type Told = Arc<Mutex<HashMap<(bool, String), Instant>>>;

pub(super) fn measure(settings: &Routing) -> Result<Vec<Line>, String> {
    let data = settings.dir.join("data");
    crate::fresh(&data)?;
    let mut command = Command::new(&settings.server);
    command.arg("serve").arg("--data").arg(&data).args(["--allow-outbound", "127.0.0.0/8"]);
    let mut server = server::start_with(command)?;
    let token = server::shown_token(&mut server)?;
    let address = server.address;
    let signer = make_source(address, &token)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let told = Told::default();
    let receiver = runtime.block_on(receive(told.clone()))?;
    let webhook =
        json!({ "url": format!("http://{receiver}/hook"), "registered_events": ["content.imported", "task.assigned"] });
    rest(address, "POST", "/1.0/webhooks", &token, &webhook)?;

    // The same messages twice, the second time on a source of a channel.
    let plain = runtime.block_on(messages(&server, &signer, 0))?;
    let source = first(rest(address, "GET", "/1.0/content_sources?limit=1", &token, &Value::Null)?)?;
    let channel = json!({ "name": "Bench", "source_ids": [source], "soft_capability": SOFT, "hard_capability": SOFT });
    rest(address, "POST", "/1.0/channels", &token, &channel)?;
    hire(address, &token, &source)?;
    let routed = runtime.block_on(messages(&server, &signer, MESSAGES))?;
    let deadline = Instant::now() + REST;
    let assigned = |told: &Told| told.lock().expect("no panic").keys().filter(|(is_task, _)| *is_task).count();
    while assigned(&told) < MESSAGES && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(100));
    }
    server.process.stop()?;
    crate::stores::remove(&settings.dir)?;

    let told = told.lock().expect("no panic");
    let waits: Vec<f64> = told
        .iter()
        .filter(|((is_task, _), _)| *is_task)
        .filter_map(|((_, content), at)| {
            let came = told.get(&(false, content.clone()))?;
            Some(at.saturating_duration_since(*came).as_secs_f64() * 1e3)
        })
        .collect();
    let each = |cores: f64| cores * 1e3 / MESSAGES as f64;
    Ok(vec![
        Line::note(
            &format!("the whole way, {AGENTS} agents, {MESSAGES_PER_SECOND} messages/s: of one core for each"),
            format!("{:.2} ms without routing", each(plain)),
            format!("{:.2} ms", each(routed)),
        ),
        Line::note(
            "  from the message told to its ringing told: p50, p99",
            String::new(),
            format!("{:.0} ms, {:.0} ms", percentile(&waits, 0.5), percentile(&waits, 0.99)),
        ),
        Line::below("  messages that did not ring", (MESSAGES - waits.len()) as f64, 1.0, ""),
    ])
}

fn first(page: Value) -> Result<String, String> {
    page["records"][0]["id"].as_str().map(str::to_owned).ok_or_else(|| "an empty list".into())
}

/// Agents who may answer on the source, and are at work.
fn hire(address: SocketAddr, token: &str, source_id: &str) -> Result<(), String> {
    let role = json!({ "label": "Bench", "receive_tasks": true, "update_own_intervention": true });
    let role = rest(address, "POST", "/1.0/roles", token, &role)?;
    for number in 0..AGENTS {
        let user = json!({
            "email": format!("agent{number}@bench.example"), "firstname": "Ada", "lastname": number.to_string(),
            "role_id": role["id"], "no_password": true,
        });
        let user = rest(address, "POST", "/1.0/users", token, &user)?;
        let user_id = user["id"].as_str().ok_or("a user without an id")?;
        let rights = json!({ source_id: "read,reply" });
        rest(address, "PUT", &format!("/1.0/users/{user_id}/sources_permissions"), token, &rights)?;
        let own = json!({ "label": "bench", "user_id": user_id });
        let own = rest(address, "POST", "/1.0/access_tokens", token, &own)?;
        let own = own["token"].as_str().ok_or("a token that is not shown")?;
        rest(address, "POST", "/1.0/status/me/connect", own, &json!({}))?;
    }
    Ok(())
}

/// Sends messages of different customers at even intervals. What the server has worked meanwhile, in seconds of a core.
async fn messages(server: &Server, signer: &Signer, from: usize) -> Result<f64, String> {
    let (mut dice, bodies) = (Dice::new(from as u64), bodies());
    let mut connection = Connection::open(server.address).await?;
    let before = server.process.cpu_seconds()?;
    let period = Duration::from_micros(1_000_000 / MESSAGES_PER_SECOND as u64);
    let mut due = Instant::now();
    let mut request = Vec::new();
    for customer in from..from + MESSAGES {
        tokio::time::sleep_until(due.into()).await;
        request.clear();
        signer.request(&Message::from(customer, &mut dice, &bodies), &mut request);
        let status = connection.exchange(&request).await?;
        if status != 200 {
            return Err(format!("a message: {status}: {}", connection.text()));
        }
        due += period;
    }
    // What is still on its way belongs to it.
    tokio::time::sleep(Duration::from_secs(2)).await;
    Ok(server.process.cpu_seconds()? - before)
}

async fn receive(told: Told) -> Result<SocketAddr, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(|error| error.to_string())?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(serve(stream, told.clone()));
        }
    });
    Ok(address)
}

/// Serves a connection until it ends.
async fn serve(mut stream: TcpStream, told: Told) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let head = loop {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
            if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let at = Instant::now();
        let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
        if let Some(challenge) = text.split(['?', '&', ' ']).find_map(|pair| pair.strip_prefix("hub.challenge=")) {
            let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{challenge}", challenge.len());
            stream.write_all(answer.as_bytes()).await?;
            continue;
        }
        let length = text
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse::<usize>().ok());
        while bytes.len() < head + length.unwrap_or(0) {
            if stream.read_buf(&mut bytes).await? == 0 {
                return Ok(());
            }
        }
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
        let events: Value = serde_json::from_slice(&bytes[head..]).unwrap_or_default();
        let mut told = told.lock().expect("no panic");
        for event in events["events"].as_array().into_iter().flatten() {
            let resource = &event["resource"];
            let is_task = event["type"] == "task.assigned";
            let content = if is_task { &resource["metadata"]["content_id"] } else { &resource["id"] };
            if let Some(content) = content.as_str() {
                told.entry((is_task, content.to_owned())).or_insert(at);
            }
        }
    }
}
