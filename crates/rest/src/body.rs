//! Bodies as they arrive: bounded in bytes and in time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, HttpBody};
use axum::http::HeaderMap;
use axum::http::header::{CONTENT_ENCODING, CONTENT_LENGTH};
use bytes::{Bytes, BytesMut};
use frontdesk_model::addresses::one_customer;
use frontdesk_model::{Error, Result, error};
use http_body_util::BodyExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::ClientAddress;

/// The whole body. 413 past `bytes_max`, 400 when it does not arrive in time, ends early or is compressed.
pub async fn read_body(body: Body, headers: &HeaderMap, bytes_max: usize, timeout: Duration) -> Result<Bytes> {
    gather(body, headers, bytes_max, timeout, |_| Ok(())).await
}

/// Room in memory for the bodies of strangers. What has not arrived takes none of it: whoever sends slowly keeps nobody out.
/// Nor does whoever sends much from one network, which has a share of it.
#[derive(Clone)]
pub struct BodyRoom {
    free: Arc<Semaphore>,
    blocks: usize,
    by_network: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

/// One network has at most one of so many bytes of a room.
const NETWORK_SHARE: usize = 4;

/// Bodies are counted in blocks of this many bytes.
const BLOCK_BYTES: usize = 4096;

impl BodyRoom {
    /// Room for so many bytes at once.
    pub fn new(bytes: usize) -> BodyRoom {
        let blocks = bytes.div_ceil(BLOCK_BYTES);
        BodyRoom { free: Arc::new(Semaphore::new(blocks)), blocks, by_network: Arc::default() }
    }

    /// As [`read_body`], and the place that the body takes until it is dealt with; unavailable where there is no more room,
    /// in all or for the network that it comes from.
    pub async fn read(
        &self,
        from: Option<ClientAddress>,
        body: Body,
        headers: &HeaderMap,
        bytes_max: usize,
        timeout: Duration,
    ) -> Result<(Bytes, impl Drop + use<>)> {
        let full = || Error::Unavailable("too many large requests at once".into());
        let network = from.and_then(|client| one_customer(client.0));
        let mut place = Place { room: self.clone(), network, taken: None };
        let whole =
            gather(body, headers, bytes_max, timeout, |bytes| place.grow(bytes.div_ceil(BLOCK_BYTES)).ok_or_else(full))
                .await?;
        Ok((whole, place))
    }

    fn networks(&self) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        self.by_network.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a body takes of a room.
struct Place {
    room: BodyRoom,
    network: Option<IpAddr>,
    taken: Option<OwnedSemaphorePermit>,
}

impl Place {
    fn blocks(&self) -> usize {
        self.taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// So many blocks in all; none when there is no room for them, and then it stays as it was.
    fn grow(&mut self, blocks: usize) -> Option<()> {
        let missing = blocks - self.blocks();
        let mut networks = self.room.networks();
        let of_network = self.network.map(|network| networks.entry(network).or_default());
        let is_within = of_network.as_ref().is_none_or(|held| **held + missing <= self.room.blocks / NETWORK_SHARE);
        let more = is_within.then(|| self.room.free.clone().try_acquire_many_owned(u32::try_from(missing).ok()?).ok());
        let Some(more) = more.flatten() else {
            if let Some(network) = self.network.filter(|network| networks.get(network) == Some(&0)) {
                networks.remove(&network);
            }
            return None;
        };
        if let Some(held) = of_network {
            *held += missing;
        }
        drop(networks);
        match &mut self.taken {
            Some(taken) => taken.merge(more),
            None => self.taken = Some(more),
        }
        Some(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let (blocks, Some(network)) = (self.blocks(), self.network) else { return };
        let mut networks = self.room.networks();
        if let Some(held) = networks.get_mut(&network) {
            *held -= blocks;
            if *held == 0 {
                networks.remove(&network);
            }
        }
    }
}

/// The whole body; `hold` is told how many bytes it has so far, before they are kept.
async fn gather(
    mut body: Body,
    headers: &HeaderMap,
    bytes_max: usize,
    timeout: Duration,
    mut hold: impl FnMut(usize) -> Result<()>,
) -> Result<Bytes> {
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    check(headers, bytes_max as u64)?;
    let read = async {
        let mut first = Bytes::new();
        let mut all = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| error::bad_request("The body ended early."))?;
            let Ok(data) = frame.into_data() else { continue };
            let bytes = first.len() + all.len() + data.len();
            if bytes > bytes_max {
                return Err(too_large(bytes_max as u64));
            }
            hold(bytes)?;
            // Most bodies come in one piece, which is then not copied.
            if first.is_empty() && all.is_empty() {
                first = data;
            } else {
                if all.is_empty() {
                    all.extend_from_slice(&std::mem::take(&mut first));
                }
                all.extend_from_slice(&data);
            }
        }
        Ok(if all.is_empty() { first } else { all.freeze() })
    };
    tokio::time::timeout(timeout, read).await.map_err(|_| too_slow(timeout))?
}

/// What the headers alone already forbid.
pub(crate) fn check(headers: &HeaderMap, bytes_max: u64) -> Result<()> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    if length.is_some_and(|length| length > bytes_max) {
        return Err(too_large(bytes_max));
    }
    if headers.get(CONTENT_ENCODING).is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
        return Err(error::bad_request("Content-Encoding: send the body uncompressed."));
    }
    Ok(())
}

/// 413.
pub(crate) fn too_large(bytes_max: u64) -> error::Error {
    error::too_large(format!("The request is larger than {bytes_max} bytes."))
}

/// 400: the vocabulary of statuses has no word of its own for it.
pub(crate) fn too_slow(timeout: Duration) -> error::Error {
    error::bad_request(format!("The request did not arrive within {} seconds.", timeout.as_secs_f32()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use futures_util::{FutureExt, StreamExt, stream};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn pieces(pieces: &[&'static str]) -> Body {
        Body::from_stream(stream::iter(pieces.to_vec()).map(Ok::<_, std::io::Error>))
    }

    fn status(result: Result<Bytes>) -> u16 {
        match result {
            Err(error::Error::Refused(refusal)) => refusal.status,
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn bodies_are_put_together() {
        for (body, expected) in [
            (Body::empty(), ""),
            (Body::from("one"), "one"),
            (pieces(&[]), ""),
            (pieces(&["on", "", "e t", "wo"]), "one two"),
        ] {
            assert_eq!(read_body(body, &HeaderMap::new(), 7, SECOND).await.unwrap(), expected);
        }
    }

    #[tokio::test]
    async fn a_room_is_full_of_what_is_there_and_has_place_again_when_that_is_gone() {
        let (room, none) = (BodyRoom::new(2 * BLOCK_BYTES), HeaderMap::new());
        let read = |body: Body| room.read(None, body, &none, 4 * BLOCK_BYTES, SECOND);
        let begun = stream::iter([Ok::<_, std::io::Error>("x")]).chain(stream::pending());
        let mut slow = std::pin::pin!(read(Body::from_stream(begun)));
        assert!(slow.as_mut().now_or_never().is_none(), "it sends one byte and then nothing");
        let kept = read(Body::from("one")).await.unwrap();
        assert_eq!(kept.0, "one");
        assert!(matches!(read(Body::from("two")).await, Err(Error::Unavailable(_))));
        drop(kept);
        let large = |blocks: usize| Body::from(vec![b'x'; blocks * BLOCK_BYTES]);
        assert!(read(large(1)).await.is_ok());
        assert!(matches!(read(large(2)).await, Err(Error::Unavailable(_))), "one byte takes a block");
        assert!(read(large(1)).await.is_ok(), "what was refused left nothing");
    }

    #[tokio::test]
    async fn one_network_has_a_share_of_a_room() {
        let (room, none) = (BodyRoom::new(8 * BLOCK_BYTES), HeaderMap::new());
        let read = |from: &str, blocks: usize| {
            let from = Some(ClientAddress(from.parse().unwrap()));
            room.read(from, Body::from(vec![b'x'; blocks * BLOCK_BYTES]), &none, 8 * BLOCK_BYTES, SECOND)
        };
        let kept = read("192.0.2.1", 2).await.unwrap();
        assert!(matches!(read("192.0.2.1", 1).await, Err(Error::Unavailable(_))));
        assert!(matches!(read("192.0.2.2", 3).await, Err(Error::Unavailable(_))));
        let other = read("192.0.2.2", 2).await.unwrap();
        // What may be a proxy's is anybody's.
        let proxied = read("10.0.0.1", 4).await.unwrap();
        assert!(matches!(read("192.0.2.3", 1).await, Err(Error::Unavailable(_))), "the room is full");
        drop(kept);
        assert!(read("192.0.2.1", 2).await.is_ok());
        drop((other, proxied));
        assert!(room.networks().is_empty());
    }

    #[tokio::test]
    async fn large_slow_broken_and_compressed_bodies_are_refused() {
        let headers = |name, value| HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        let read = |body, headers| async move { status(read_body(body, &headers, 7, Duration::from_millis(20)).await) };
        assert_eq!(read(pieces(&["one", " two!"]), HeaderMap::new()).await, 413);
        assert_eq!(read(Body::from("x"), headers(CONTENT_LENGTH, "8")).await, 413);
        assert_eq!(read(Body::from("x"), headers(CONTENT_ENCODING, "gzip")).await, 400);
        let endless = Body::from_stream(stream::pending::<Result<Bytes, std::io::Error>>());
        assert_eq!(read(endless, HeaderMap::new()).await, 400);
        let broken = Body::from_stream(stream::iter([Err::<Bytes, _>(std::io::Error::other("gone"))]));
        assert_eq!(read(broken, HeaderMap::new()).await, 400);
        assert!(read_body(Body::empty(), &HeaderMap::new(), 0, SECOND).now_or_never().is_some());
    }
}
