//! What an open stream costs: memory while nothing happens, and the time until everybody was told of a message.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use crate::arrivals::{Times, watch};
use crate::client::{self, End, drive};
use crate::desk::messages;
use crate::limits::{make_source, text, writer};
use crate::messages::{Signer, bodies};
use crate::server::{self, Server, rest, shown_token};
use crate::table::{Line, table};
use crate::{disk, fresh, machine, visitors};

/// The bar of the design for a WebSocket; server-sent events are only reported.
pub(crate) const IDLE_KIBIBYTES_MAX: f64 = 12.0;
/// So many streams are opened with one token, which may have a hundred.
const STREAMS_PER_TOKEN: usize = 100;
/// So many are being opened at the same time.
pub(crate) const OPENING_AT_ONCE: usize = 64;
/// Longer than the 15 seconds between two heartbeats: every stream has said something after it began.
pub(crate) const IDLE: Duration = Duration::from_secs(20);
/// Before the first stream: what a start leaves behind is given back.
pub(crate) const CALM: Duration = Duration::from_secs(5);
/// Agents who watch while messages arrive.
const AGENTS: usize = 10;
const BROADCASTS: usize = 10;
const BURST_MESSAGES: usize = 20;
const PAUSE: Duration = Duration::from_millis(500);
/// A broadcast that has not reached everybody by then has failed.
const DEADLINE: Duration = Duration::from_secs(60);

#[derive(Args)]
pub(crate) struct Streams {
    /// How many streams are open at once
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    connections: usize,
    /// Which transports
    #[arg(long, value_delimiter = ',', default_values_t = [Transport::Websocket, Transport::Sse])]
    transports: Vec<Transport>,
    /// How long agents watch while messages arrive
    #[arg(long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The server to measure
    #[arg(long, value_name = "FILE", default_value = "target/release/frontdesk")]
    server: PathBuf,
    /// Where the database lies while it runs; what is in it is removed
    #[arg(long, value_name = "DIR", default_value = "target/bench")]
    dir: PathBuf,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Transport {
    Websocket,
    Sse,
}

impl std::fmt::Display for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if *self == Transport::Websocket { "websocket" } else { "sse" })
    }
}

/// Measures each transport with a server of its own, and prints the table. Whether the bar is met.
pub(crate) fn measure(settings: &Streams) -> Result<bool, String> {
    let machine = machine();
    let mut lines = Vec::new();
    for transport in &settings.transports {
        lines.extend(measure_one(settings, *transport)?);
    }
    lines.extend(at_work(settings)?);
    lines.extend(visitors::measure(&settings.server, &settings.dir, settings.connections, settings.seconds)?);
    fresh(&settings.dir)?;
    std::fs::remove_dir(&settings.dir).map_err(|error| error.to_string())?;
    println!("{machine}; {} streams", settings.connections);
    println!();
    print!("{}", table(&lines));
    Ok(!lines.iter().any(Line::is_missed))
}

fn measure_one(settings: &Streams, transport: Transport) -> Result<Vec<Line>, String> {
    fresh(&settings.dir)?;
    let count = settings.connections;
    let mut command = Command::new(&settings.server);
    command.arg("serve").arg("--data").arg(settings.dir.join("data"));
    command.args(["--connections-max", &(count + 1_000).to_string(), "--streams-max", &count.to_string()]);
    let mut server = server::start_with(command)?;
    let token = shown_token(&mut server)?;
    let source = make_source(server.address, &token)?;
    let mut tokens = Vec::new();
    for number in 0..count.div_ceil(STREAMS_PER_TOKEN) {
        let made =
            rest(server.address, "POST", "/1.0/access_tokens", &token, &json!({ "label": format!("{number}") }))?;
        tokens.push(text(&made, "token")?.to_owned());
    }
    let load = Load { source, bodies: Arc::new(bodies()) };
    load.send(server.address, 1, 0)?;
    std::thread::sleep(CALM);
    let before = server.process.resident_bytes()?;

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let heard = Arc::new(Heard::default());
    let began = Instant::now();
    runtime.block_on(open_all(server.address, transport, count, &tokens, &heard))?;
    let opening = began.elapsed();
    std::thread::sleep(IDLE);
    let each = |server: &Server| -> Result<f64, String> {
        Ok(server.process.resident_bytes()?.saturating_sub(before) as f64 / count as f64 / 1024.0)
    };
    let idle = each(&server)?;

    let mut times = Vec::new();
    for round in 0..BROADCASTS {
        std::thread::sleep(PAUSE);
        heard.begin();
        load.send(server.address, 1, 1 + round)?;
        times.extend(heard.wait(count)?);
    }
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize] as f64 / 1e3;
    let after_broadcasts = each(&server)?;
    std::thread::sleep(PAUSE);
    heard.begin();
    load.send(server.address, BURST_MESSAGES, 100)?;
    let burst = heard.wait(count * BURST_MESSAGES)?;
    let slowest = burst.iter().max().copied().unwrap_or(0) as f64 / 1e6;
    let after_burst = each(&server)?;
    drop(runtime);
    server.process.stop()?;

    let named = |what: &str| format!("{transport}: {what}");
    let memory = named("resident for each idle stream");
    let idle = match transport {
        Transport::Websocket => Line::below(&memory, idle, IDLE_KIBIBYTES_MAX, "KiB"),
        Transport::Sse => Line::note(&memory, String::new(), format!("{idle:.2} KiB")),
    };
    let told = format!("{after_broadcasts:.2} KiB, {after_burst:.2} KiB");
    let rate = (count * BURST_MESSAGES) as f64 / slowest;
    Ok(vec![
        idle,
        Line::note(&named("  after the broadcasts, after the burst"), String::new(), told),
        Line::note(&named("opened"), String::new(), format!("{:.0}/s", count as f64 / opening.as_secs_f64())),
        Line::note(
            &named("one message to everybody: p50, p99"),
            String::new(),
            format!("{:.1} ms, {:.1} ms", at(0.5), at(0.99)),
        ),
        Line::note(&named("a burst of 20 messages to everybody"), String::new(), format!("{rate:.0} deliveries/s")),
    ])
}

/// How soon agents see what customers write, while many do.
fn at_work(settings: &Streams) -> Result<Vec<Line>, String> {
    fresh(&settings.dir)?;
    let mut server = server::start(&settings.server, &settings.dir.join("data"))?;
    let token = shown_token(&mut server)?;
    let source = make_source(server.address, &token)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let times = Arc::new(Times::default());
    let time = Duration::from_secs(settings.seconds);
    let synced = settings.dir.join("sync");
    let disk = std::thread::spawn(move || disk::sync_times(&synced, time));
    let (address, ends, bodies) = (server.address, Instant::now() + time, Arc::new(bodies()));
    runtime.block_on(async {
        watch(address, &token, AGENTS, &times).await?;
        let taken = times.clone();
        messages(address, source, bodies, move |due| due < ends, move |id| taken.accepted(id)).await?;
        tokio::time::sleep(Duration::from_secs(1)).await;
        Ok::<_, String>(())
    })?;
    let syncs = disk.join().map_err(|_| "the thread of the disk panicked")??;
    server.process.stop()?;
    Ok(times.take(AGENTS).lines("a message on agents' screens", &syncs).into())
}

struct Load {
    source: Signer,
    bodies: Arc<Vec<String>>,
}

impl Load {
    /// Sends this many messages at once and waits until they were taken.
    fn send(&self, address: SocketAddr, count: usize, seed: usize) -> Result<(), String> {
        let each = (0..count).map(|number| writer(&self.source, &self.bodies, (seed * 1_000 + number) as u64));
        drive(address, each.collect(), End::Requests(1)).map(drop)
    }
}

/// When messages arrived, in microseconds after a moment.
#[derive(Default)]
struct Heard {
    times: Mutex<(Option<Instant>, Vec<u64>)>,
    open: AtomicUsize,
}

impl Heard {
    fn begin(&self) {
        *self.times.lock().unwrap_or_else(PoisonError::into_inner) = (Some(Instant::now()), Vec::new());
    }

    fn note(&self) {
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(began) = times.0 {
            let time = began.elapsed().as_micros() as u64;
            times.1.push(time);
        }
    }

    fn wait(&self, count: usize) -> Result<Vec<u64>, String> {
        let began = Instant::now();
        while began.elapsed() < DEADLINE {
            {
                let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
                if times.1.len() >= count {
                    return Ok(std::mem::take(&mut times.1));
                }
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let reached = self.times.lock().unwrap_or_else(PoisonError::into_inner).1.len();
        Err(format!("{reached} of {count} were told; {} streams are open", self.open.load(SeqCst)))
    }
}

async fn open_all(
    address: SocketAddr,
    transport: Transport,
    count: usize,
    tokens: &[String],
    heard: &Arc<Heard>,
) -> Result<(), String> {
    let turns = Arc::new(Semaphore::new(OPENING_AT_ONCE));
    let mut opening = Vec::with_capacity(count);
    for number in 0..count {
        let (turns, heard) = (turns.clone(), heard.clone());
        let request = request(transport, &tokens[number / STREAMS_PER_TOKEN]);
        opening.push(tokio::spawn(async move {
            let _turn = turns.acquire().await.map_err(|error| error.to_string())?;
            let mut reader = Reader::open(address, transport, &request).await?;
            reader.begun().await?;
            heard.open.fetch_add(1, SeqCst);
            tokio::spawn(async move {
                reader.read(MESSAGE, |_| heard.note()).await;
                heard.open.fetch_sub(1, SeqCst);
            });
            Ok::<(), String>(())
        }));
    }
    for one in opening {
        one.await.map_err(|error| error.to_string())??;
    }
    Ok(())
}

pub(crate) fn request(transport: Transport, token: &str) -> Vec<u8> {
    let mut request = client::get("/1.0/stream?types[]=content.imported", token);
    if transport == Transport::Websocket {
        request.truncate(request.len() - 2);
        request.extend_from_slice(
            b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
              sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        );
    }
    request
}

/// A reader that counts messages and answers pings.
pub(crate) struct Reader {
    stream: TcpStream,
    transport: Transport,
    unread: Vec<u8>,
}

pub(crate) const MESSAGE: &[u8] = br#""type":"content.imported""#;
const HEARTBEAT: &[u8] = br#""type":"heartbeat""#;
/// Frame kinds of a WebSocket.
const TEXT: u8 = 1;
const PING: u8 = 9;
/// An empty answer to a ping.
const PONG: &[u8] = &[0x8a, 0x80, 0, 0, 0, 0];

impl Reader {
    pub(crate) async fn open(address: SocketAddr, transport: Transport, request: &[u8]) -> Result<Reader, String> {
        let mut stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.write_all(request).await.map_err(|error| error.to_string())?;
        Ok(Reader { stream, transport, unread: Vec::new() })
    }

    /// Reads the head of the answer and the first heartbeat.
    pub(crate) async fn begun(&mut self) -> Result<(), String> {
        let end = loop {
            if let Some(end) = find(&self.unread, b"\r\n\r\n") {
                break end + 4;
            }
            if self.more().await == 0 {
                return Err("a stream was closed before it began".into());
            }
        };
        let head = String::from_utf8_lossy(&self.unread[..end]).into_owned();
        if !(head.starts_with("HTTP/1.1 200") || head.starts_with("HTTP/1.1 101")) {
            return Err(head);
        }
        while find(&self.unread[end..], HEARTBEAT).is_none() {
            if self.more().await == 0 {
                return Err("a stream was closed before its first heartbeat".into());
            }
        }
        self.unread.drain(..end);
        Ok(())
    }

    /// Hands over each message that has these bytes, as it is complete, until the stream ends.
    pub(crate) async fn read(mut self, wanted: &'static [u8], mut told: impl FnMut(&[u8])) {
        loop {
            let mut pings = 0;
            match self.transport {
                Transport::Sse => {
                    while let Some(end) = find(&self.unread, b"\n\n") {
                        let block: Vec<u8> = self.unread.drain(..end + 2).collect();
                        if find(&block, wanted).is_some() {
                            told(&block);
                        }
                    }
                }
                Transport::Websocket => {
                    while let Some((kind, start, end)) = frame(&self.unread) {
                        let message = &self.unread[start..end];
                        if kind == TEXT && find(message, wanted).is_some() {
                            told(message);
                        }
                        pings += usize::from(kind == PING);
                        self.unread.drain(..end);
                    }
                }
            }
            for _ in 0..pings {
                // A stream that has ended shows when it is read.
                let _ = self.stream.write_all(PONG).await;
            }
            if self.more().await == 0 {
                return;
            }
        }
    }

    async fn more(&mut self) -> usize {
        self.unread.reserve(4096);
        self.stream.read_buf(&mut self.unread).await.unwrap_or(0)
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// The kind of the first frame, and where what it says begins and ends; none while it is not complete.
fn frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (start, size) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        size => (2, usize::from(size)),
    };
    (bytes.len() >= start + size).then(|| (bytes[0] & 0x0f, start, start + size))
}
