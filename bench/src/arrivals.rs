//! When messages were accepted, when they were where they had to go, and what lies between.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use serde_json::Value;

use crate::desk::percentile;
use crate::disk::SyncTimes;
use crate::streams::{MESSAGE, Reader, Transport, request};
use crate::table::Line;

/// From acceptance to arrival, over a sync: both for the median and for the 99th percentile.
const SYNCS_MAX: f64 = 8.0;

/// Noted while it happens.
#[derive(Default)]
pub(crate) struct Times(Mutex<Noted>);

#[derive(Default)]
struct Noted {
    accepted: HashMap<String, Instant>,
    arrived: Vec<(String, Instant)>,
}

impl Times {
    fn noted(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The server has just taken a message.
    pub(crate) fn accepted(&self, id: String) {
        let at = Instant::now();
        self.noted().accepted.insert(id, at);
    }

    pub(crate) fn arrived(&self, id: &str, at: Instant) {
        self.noted().arrived.push((id.to_owned(), at));
    }

    /// An event of the stream or of a webhook tells of a message.
    pub(crate) fn told(&self, event: &Value, at: Instant) {
        if let Some(id) = event["resource"]["metadata"]["foreign_id"].as_str() {
            self.arrived(id, at);
        }
    }

    /// How many have arrived so far.
    pub(crate) fn count(&self) -> usize {
        self.noted().arrived.len()
    }

    /// What was noted. Each message should arrive so many times; what is told of it once more is no arrival.
    pub(crate) fn take(&self, times: usize) -> Arrivals {
        let Noted { accepted, arrived } = std::mem::take(&mut *self.noted());
        let mut seen: HashMap<&String, usize> = HashMap::new();
        let mut waits = Vec::with_capacity(arrived.len());
        for (id, at) in &arrived {
            let Some(sent) = accepted.get(id) else { continue };
            let seen = seen.entry(id).or_default();
            if *seen < times {
                *seen += 1;
                waits.push(at.saturating_duration_since(*sent).as_secs_f64() * 1e6);
            }
        }
        Arrivals { waits, wanted: accepted.len() * times, lost: accepted.len() - seen.len() }
    }
}

pub(crate) struct Arrivals {
    /// Microseconds from acceptance to arrival.
    waits: Vec<f64>,
    /// How many there should be.
    wanted: usize,
    /// Accepted, and nowhere arrived.
    pub(crate) lost: usize,
}

impl Arrivals {
    /// A percentile of the waits, in microseconds.
    pub(crate) fn at(&self, share: f64) -> f64 {
        percentile(&self.waits, share)
    }

    /// Of all that should arrive.
    pub(crate) fn missing(&self) -> usize {
        self.wanted - self.waits.len()
    }

    pub(crate) fn whole(&self) -> String {
        format!("{} of {}", self.waits.len(), self.wanted)
    }

    /// Both bars, and the syncs beside which they were measured.
    pub(crate) fn lines(&self, what: &str, syncs: &SyncTimes) -> [Line; 3] {
        let (p50, p99) = (self.at(0.5), self.at(0.99));
        let [sync_p50, sync_p99] = [syncs.p50, syncs.p99].map(|time| time.as_secs_f64() * 1e6);
        [
            Line::syncs(&format!("{what}: p50 over p50 of a sync"), sync_p50, p50, p50, SYNCS_MAX),
            Line::syncs(&format!("{what}: p99 over p99 of a sync"), sync_p99, p50, p99, SYNCS_MAX),
            Line::note(
                "  append 4 KiB + fdatasync every 2 ms, beside: p50, p99; arrived",
                format!("{} us, {} us", syncs.p50.as_micros(), syncs.p99.as_micros()),
                self.whole(),
            ),
        ]
    }
}

/// Agents who watch from now on.
pub(crate) async fn watch(address: SocketAddr, token: &str, agents: usize, times: &Arc<Times>) -> Result<(), String> {
    for _ in 0..agents {
        let mut reader = Reader::open(address, Transport::Websocket, &request(Transport::Websocket, token)).await?;
        reader.begun().await?;
        let times = times.clone();
        tokio::spawn(reader.read(MESSAGE, move |message| {
            times.told(&serde_json::from_slice(message).unwrap_or_default(), Instant::now());
        }));
    }
    Ok(())
}
