//! How much of the store one token may take: whoever asks for much at once waits for their own requests, not everybody
//! for theirs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use frontdesk_model::{Result, error};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Reads of one token that run at once; the store runs a few more. The others wait.
const READS_AT_ONCE_MAX: usize = 4;

type Key = [u8; 32];

/// The shares of all tokens that are reading now.
#[derive(Default)]
pub(crate) struct Shares {
    reading: Mutex<HashMap<Key, Arc<Semaphore>>>,
}

/// A place among the reads of a token, until it is let go.
pub(crate) struct Share<'s> {
    shares: &'s Shares,
    key: Key,
    place: Option<OwnedSemaphorePermit>,
}

impl Shares {
    /// Waits for a place.
    pub(crate) async fn take(&self, token: &str) -> Result<Share<'_>> {
        let mut key = [0; 32];
        key.copy_from_slice(ring::digest::digest(&ring::digest::SHA256, token.as_bytes()).as_ref());
        let places = {
            let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
            reading.entry(key).or_insert_with(|| Arc::new(Semaphore::new(READS_AT_ONCE_MAX))).clone()
        };
        // Made before waiting: a request that is given up while it waits tidies up too.
        let mut share = Share { shares: self, key, place: None };
        share.place = Some(places.acquire_owned().await.map_err(|closed| error::broken(closed.to_string()))?);
        Ok(share)
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        let mut reading = self.shares.reading.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.place.take());
        // Everybody who reads or waits holds one more; they come by only under this lock.
        if reading.get(&self.key).is_some_and(|places| Arc::strong_count(places) == 1) {
            reading.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn one_token_waits_for_itself_alone() {
        let shares = Shares::default();
        let mut taken = Vec::new();
        for _ in 0..READS_AT_ONCE_MAX {
            taken.push(shares.take("busy").await.unwrap());
        }
        let waiting = tokio::time::timeout(Duration::from_millis(20), shares.take("busy"));
        assert!(waiting.await.is_err(), "there is no place left");
        let other = shares.take("other").await.unwrap();
        taken.pop();
        taken.push(shares.take("busy").await.unwrap());
        drop((taken, other));
        assert!(shares.reading.lock().unwrap().is_empty(), "nothing is kept of those who are gone");
    }
}
