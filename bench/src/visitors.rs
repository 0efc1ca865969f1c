//! Visitors of a website who are connected, by the published protocol: memory of each, and the time from an agent's answer
//! to the visitor's screen.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::arrivals::Times;
use crate::client::Connection;
use crate::desk::{CHANNELS, MESSAGES_PER_SECOND};
use crate::limits::text;
use crate::server::{self, Process, rest, shown_token};
use crate::streams::{CALM, IDLE, IDLE_KIBIBYTES_MAX, OPENING_AT_ONCE, Reader, Transport};
use crate::table::Line;
use crate::{disk, fresh};

/// So many of the visitors have written, and are answered.
const WRITERS: usize = 500;
const ADDED: &[u8] = br#""type":"content""#;

/// A visitor: their session, and what they wrote.
#[derive(Default)]
struct Visitor {
    session: String,
    content_id: String,
}

/// A website's chat.
struct Site {
    address: SocketAddr,
    token: String,
    path: String,
}

/// Measures with a server of its own.
pub(crate) fn measure(binary: &Path, dir: &Path, count: usize, seconds: u64) -> Result<Vec<Line>, String> {
    fresh(dir)?;
    let mut command = Command::new(binary);
    command.arg("serve").arg("--data").arg(dir.join("data"));
    command.args(["--connections-max", &(count + 1_000).to_string(), "--streams-max", &count.to_string()]);
    // Every visitor comes from an address of their own.
    command.args(["--trusted-proxy", "127.0.0.1/32"]);
    let mut server = server::start_with(command)?;
    let (address, token) = (server.address, shown_token(&mut server)?);
    let community = json!({ "type": "mobile_messaging", "name": "Visitors" });
    let community = rest(address, "POST", "/1.0/communities", &token, &community)?;
    let source = json!({ "type": "mobile_messaging", "name": "Website", "community_id": community["id"] });
    let source = rest(address, "POST", "/1.0/content_sources", &token, &source)?;
    let site = Arc::new(Site { address, token, path: format!("/chat/{}", text(&source, "widget_token")?) });
    std::thread::sleep(CALM);
    let before = server.process.resident_bytes()?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let times = Arc::new(Times::default());
    let began = Instant::now();
    let visitors = runtime.block_on(come(&site, count, &times))?;
    let opening = began.elapsed();
    std::thread::sleep(IDLE);
    let each = |process: &Process| -> Result<f64, String> {
        Ok(process.resident_bytes()?.saturating_sub(before) as f64 / count as f64 / 1024.0)
    };
    let idle = each(&server.process)?;

    let time = Duration::from_secs(seconds);
    let synced = dir.join("sync");
    let disk = std::thread::spawn(move || disk::sync_times(&synced, time));
    runtime.block_on(answer_all(&site, &visitors, Instant::now() + time, &times))?;
    let syncs = disk.join().map_err(|_| "the thread of the disk panicked")??;
    let after = each(&server.process)?;
    drop(runtime);
    server.process.stop()?;

    let rate = count as f64 / opening.as_secs_f64();
    let mut lines = vec![
        Line::below("visitors: resident for each who is connected", idle, IDLE_KIBIBYTES_MAX, "KiB"),
        Line::note("visitors:   after the answers", String::new(), format!("{after:.2} KiB")),
        Line::note("visitors: came", String::new(), format!("{rate:.0}/s")),
    ];
    // What is told of it again, once it is changed, is no arrival.
    lines.extend(times.take(1).lines("an answer on a visitor's screen", &syncs));
    Ok(lines)
}

/// Everybody begins a session and listens; some write.
async fn come(site: &Arc<Site>, count: usize, times: &Arc<Times>) -> Result<Vec<Visitor>, String> {
    let turns = Arc::new(Semaphore::new(OPENING_AT_ONCE));
    let visitors = Arc::new(Mutex::new(Vec::new()));
    let mut coming = Vec::with_capacity(count);
    for number in 0..count {
        let (site, turns, times, visitors) = (site.clone(), turns.clone(), times.clone(), visitors.clone());
        coming.push(tokio::spawn(async move {
            let _turn = turns.acquire().await.map_err(|error| error.to_string())?;
            let mut visitor = Visitor::default();
            let mut connection = Connection::open(site.address).await?;
            let begun = site.post(&mut connection, number, "session", "", &json!({})).await?;
            visitor.session = text(&begun, "session")?.to_owned();
            let seq = begun["seq"].as_i64().unwrap_or_default();
            if number < WRITERS {
                let message = json!({ "client_id": format!("m{number}"), "body": "Is the blue one back?" });
                let written = site.post(&mut connection, number, "contents", &visitor.session, &message).await?;
                visitor.content_id = text(&written, "id")?.to_owned();
            }
            drop(connection);
            let mut reader =
                Reader::open(site.address, Transport::Websocket, &site.stream(seq, &visitor.session)).await?;
            reader.begun().await?;
            visitors.lock().unwrap_or_else(PoisonError::into_inner).push(visitor);
            tokio::spawn(reader.read(ADDED, move |message| {
                let told: Value = serde_json::from_slice(message).unwrap_or_default();
                if let ("agent", Some(id)) =
                    (told["content"]["from"].as_str().unwrap_or(""), told["content"]["id"].as_str())
                {
                    times.arrived(id, Instant::now());
                }
            }));
            Ok::<(), String>(())
        }));
    }
    for one in coming {
        one.await.map_err(|error| error.to_string())??;
    }
    Ok(std::mem::take(&mut *visitors.lock().unwrap_or_else(PoisonError::into_inner)))
}

/// Answers those who wrote, at even intervals.
async fn answer_all(site: &Arc<Site>, visitors: &[Visitor], ends: Instant, times: &Arc<Times>) -> Result<(), String> {
    let asked: Arc<Vec<String>> =
        Arc::new(visitors.iter().filter(|one| !one.content_id.is_empty()).map(|one| one.content_id.clone()).collect());
    let period = Duration::from_micros(1_000_000 * CHANNELS / MESSAGES_PER_SECOND);
    let agents: Vec<_> = (0..CHANNELS)
        .map(|agent| {
            let (site, asked, times) = (site.clone(), asked.clone(), times.clone());
            tokio::spawn(async move {
                let mut connection = Connection::open(site.address).await?;
                let mut due = Instant::now() + period.mul_f64(agent as f64 / CHANNELS as f64);
                let own: Vec<&String> = asked.iter().skip(agent as usize).step_by(CHANNELS as usize).collect();
                for content_id in own.into_iter().cycle() {
                    if due >= ends {
                        break;
                    }
                    tokio::time::sleep_until(due.into()).await;
                    let answer = json!({ "in_reply_to_id": content_id, "body": "Yes, since this morning." });
                    let request = request("POST", "/1.0/contents", "", &site.token, &answer.to_string());
                    let status = connection.exchange(&request).await?;
                    if !matches!(status, 200 | 201) {
                        return Err(format!("an answer: {status}: {}", connection.text()));
                    }
                    let told: Value = serde_json::from_str(&connection.text()).map_err(|error| error.to_string())?;
                    times.accepted(text(&told, "id")?.to_owned());
                    due += period;
                }
                Ok::<(), String>(())
            })
        })
        .collect();
    for agent in agents {
        agent.await.map_err(|error| error.to_string())??;
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

fn request(method: &str, path: &str, more: &str, token: &str, body: &str) -> Vec<u8> {
    let authorization = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
    format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\n{authorization}{more}content-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

impl Site {
    async fn post(
        &self,
        connection: &mut Connection,
        number: usize,
        name: &str,
        session: &str,
        body: &Value,
    ) -> Result<Value, String> {
        let from = format!("x-forwarded-for: 10.{}.{}.{}\r\n", number >> 16 & 255, number >> 8 & 255, number & 255);
        let path = format!("{}/{name}", self.path);
        let status = connection.exchange(&request("POST", &path, &from, session, &body.to_string())).await?;
        if status != 201 {
            return Err(format!("{name}: {status}: {}", connection.text()));
        }
        serde_json::from_str(&connection.text()).map_err(|error| error.to_string())
    }

    fn stream(&self, after: i64, session: &str) -> Vec<u8> {
        format!(
            "GET {}/stream?after={after} HTTP/1.1\r\nhost: localhost\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             sec-websocket-protocol: frontdesk, session.{session}\r\n\r\n",
            self.path
        )
        .into_bytes()
    }
}
