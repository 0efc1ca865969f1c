//! The load: kept connections that each send a request, wait for the whole answer, and send the next. The same client
//! drives the server and the reference.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Threads of the client; each serves its share of the connections.
const THREADS: usize = 2;
/// A server whose answers take this long beyond the round is not measured any further.
const ANSWER_DEADLINE: Duration = Duration::from_secs(30);
/// A round of a fixed number of requests must be over by then.
const REQUESTS_DEADLINE: Duration = Duration::from_secs(300);
/// No answer that is measured is larger.
const ANSWER_BYTES_MAX: usize = 16 << 20;

/// Writes the requests of one connection, one at each call.
pub(crate) type Requests = Box<dyn FnMut(&mut Vec<u8>) + Send>;

/// What a round has shown.
pub(crate) struct Round {
    /// Answers a second.
    pub(crate) rate: f64,
    /// How long each took, in microseconds, shortest first.
    latencies: Vec<u32>,
}

impl Round {
    /// How many answers.
    pub(crate) fn count(&self) -> usize {
        self.latencies.len()
    }

    /// A percentile of the latencies in microseconds; `share` from 0 to 1.
    pub(crate) fn percentile(&self, share: f64) -> u32 {
        let last = self.latencies.len().saturating_sub(1);
        self.latencies.get((last as f64 * share) as usize).copied().unwrap_or(0)
    }
}

/// How long a round lasts.
#[derive(Clone, Copy)]
pub(crate) enum End {
    /// Each connection begins no request after this time.
    After(Duration),
    /// Each connection sends this many requests.
    Requests(usize),
}

/// Sends requests over one connection each, all at once. Any answer but 200 ends the round with an error.
pub(crate) fn drive(address: SocketAddr, connections: Vec<Requests>, end: End) -> Result<Round, String> {
    let mut shares: Vec<Vec<Requests>> = (0..THREADS).map(|_| Vec::new()).collect();
    for (number, connection) in connections.into_iter().enumerate() {
        shares[number % THREADS].push(connection);
    }
    let began = Instant::now();
    let threads: Vec<_> =
        shares.into_iter().map(|share| std::thread::spawn(move || drive_share(address, share, began, end))).collect();
    let mut latencies = Vec::new();
    for thread in threads {
        latencies.extend(thread.join().map_err(|_| "a thread of the client panicked")??);
    }
    let rate = latencies.len() as f64 / began.elapsed().as_secs_f64();
    latencies.sort_unstable();
    Ok(Round { rate, latencies })
}

fn drive_share(address: SocketAddr, share: Vec<Requests>, began: Instant, end: End) -> Result<Vec<u32>, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    runtime.block_on(async {
        let tasks: Vec<_> =
            share.into_iter().map(|requests| tokio::spawn(repeat(address, requests, began, end))).collect();
        // One deadline for all: a timer at every request would cost the measured machine something.
        let deadline = match end {
            End::After(duration) => duration + ANSWER_DEADLINE,
            End::Requests(_) => REQUESTS_DEADLINE,
        };
        let all = async {
            let mut latencies = Vec::new();
            for task in tasks {
                latencies.extend(task.await.map_err(|error| error.to_string())??);
            }
            Ok(latencies)
        };
        tokio::time::timeout(deadline, all).await.map_err(|_| "the server did not answer in time".to_owned())?
    })
}

async fn repeat(address: SocketAddr, mut requests: Requests, began: Instant, end: End) -> Result<Vec<u32>, String> {
    let mut connection = Connection::open(address).await?;
    let mut latencies = Vec::new();
    let mut request = Vec::new();
    let goes_on = |done: usize| match end {
        End::After(duration) => began.elapsed() < duration,
        End::Requests(count) => done < count,
    };
    while goes_on(latencies.len()) {
        request.clear();
        requests(&mut request);
        let sent = Instant::now();
        let status = connection.exchange(&request).await?;
        latencies.push(u32::try_from(sent.elapsed().as_micros()).unwrap_or(u32::MAX));
        if status != 200 {
            return Err(format!("{}: {}", first_line(&request), connection.text()));
        }
    }
    Ok(latencies)
}

fn first_line(request: &[u8]) -> String {
    String::from_utf8_lossy(request).lines().next().unwrap_or_default().to_owned()
}

/// One request on a connection of its own, for setting up. Returns status and body.
pub(crate) fn call(
    address: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> Result<(u16, String), String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| error.to_string())?;
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        let status = tokio::time::timeout(ANSWER_DEADLINE, connection.exchange(request.as_bytes()))
            .await
            .map_err(|_| "the server did not answer in time".to_owned())??;
        Ok((status, connection.text()))
    })
}

/// The request of a reader with this token.
pub(crate) fn get(path: &str, token: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {token}\r\n\r\n").into_bytes()
}

/// A kept connection and the last answer.
pub(crate) struct Connection {
    stream: TcpStream,
    answer: Vec<u8>,
    head: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Result<Connection, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).map_err(|error| error.to_string())?;
        Ok(Connection { stream, answer: Vec::with_capacity(64 << 10), head: 0 })
    }

    /// Sends a request and reads the answer whole. Returns its status.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<u16, String> {
        self.stream.write_all(request).await.map_err(|error| error.to_string())?;
        self.read().await
    }

    async fn read(&mut self) -> Result<u16, String> {
        self.answer.clear();
        let mut whole = None;
        while whole.is_none_or(|whole| self.answer.len() < whole) {
            if self.stream.read_buf(&mut self.answer).await.map_err(|error| error.to_string())? == 0 {
                return Err("the server closed the connection".into());
            }
            if whole.is_none()
                && let Some(end) = self.answer.windows(4).position(|four| four == b"\r\n\r\n")
            {
                self.head = end + 4;
                let length = content_length(&self.answer[..end]).ok_or("an answer without a length")?;
                whole = Some(self.head + length.min(ANSWER_BYTES_MAX));
            }
        }
        let status = self.answer.get(9..12).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        status.ok_or_else(|| "not an answer of HTTP/1.1".into())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.answer[self.head..]).into_owned()
    }
}

fn content_length(head: &[u8]) -> Option<usize> {
    const NAME: &[u8] = b"content-length:";
    head.split(|byte| *byte == b'\n')
        .find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_an_answer_is_found_in_any_case() {
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nContent-Length: 12\r\nx: y"), Some(12));
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nx: y\r\ncontent-length:7"), Some(7));
        assert_eq!(content_length(b"HTTP/1.1 200 OK\r\nx: y"), None);
    }

    #[test]
    fn percentiles_are_read_from_the_sorted_times() {
        let round = Round { rate: 1.0, latencies: (1..=101).collect() };
        assert_eq!((round.percentile(0.0), round.percentile(0.5), round.percentile(1.0)), (1, 51, 101));
        assert_eq!(Round { rate: 0.0, latencies: Vec::new() }.percentile(0.5), 0);
    }
}
