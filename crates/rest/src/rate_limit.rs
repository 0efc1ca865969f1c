//! Requests per token in a sliding minute. Tokens are kept as digests, in bounded memory.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use frontdesk_model::{Result, Timestamp, error};

/// At most about this many tokens are remembered; the ones not used for longest are forgotten first.
pub const TOKENS_MAX: usize = 20_000;

const WINDOW_SECONDS: i64 = 60;
const SLOTS: usize = WINDOW_SECONDS as usize;

/// The limiter of one node.
pub struct RateLimiter {
    requests_per_minute: u32,
    tokens_max: usize,
    windows: Mutex<Generations>,
}

/// Two generations make forgetting cheap: when the newer one is half of what may be kept, the older one is dropped.
#[derive(Default)]
struct Generations {
    newer: HashMap<[u8; 16], Window>,
    older: HashMap<[u8; 16], Window>,
}

/// The requests of the last minute, second by second.
struct Window {
    counts: [u32; SLOTS],
    /// The second that was counted last.
    second: i64,
    total: u32,
}

impl RateLimiter {
    /// 0 requests per minute means no limit.
    pub fn new(requests_per_minute: u32) -> RateLimiter {
        RateLimiter { requests_per_minute, tokens_max: TOKENS_MAX, windows: Mutex::default() }
    }

    /// Counts one request, or answers 429 with the seconds after which the next one passes.
    pub fn admit(&self, token: &str, now: Timestamp) -> Result<()> {
        if self.requests_per_minute == 0 {
            return Ok(());
        }
        let digest = ring::digest::digest(&ring::digest::SHA256, token.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&digest.as_ref()[..16]);
        let second = now.micros().div_euclid(1_000_000);

        let mut generations = self.windows.lock().unwrap_or_else(PoisonError::into_inner);
        let window = generations.window(key, second, self.tokens_max);
        window.advance(second);
        if window.total >= self.requests_per_minute {
            return Err(error::rate_limited(window.seconds_until_below(self.requests_per_minute)));
        }
        window.counts[slot(window.second)] += 1;
        window.total += 1;
        Ok(())
    }
}

impl Generations {
    fn window(&mut self, key: [u8; 16], second: i64, tokens_max: usize) -> &mut Window {
        if !self.newer.contains_key(&key) && self.newer.len() >= tokens_max / 2 {
            self.older = std::mem::take(&mut self.newer);
        }
        let older = &mut self.older;
        self.newer
            .entry(key)
            .or_insert_with(|| older.remove(&key).unwrap_or(Window { counts: [0; SLOTS], second, total: 0 }))
    }
}

impl Window {
    /// Forgets what is a minute old. A clock that steps back counts into the last second.
    fn advance(&mut self, second: i64) {
        if second - self.second >= WINDOW_SECONDS {
            (self.counts, self.second, self.total) = ([0; SLOTS], second, 0);
        }
        while self.second < second {
            self.second += 1;
            let count = &mut self.counts[slot(self.second)];
            self.total -= *count;
            *count = 0;
        }
    }

    fn seconds_until_below(&self, limit: u32) -> u64 {
        let mut left = self.total;
        // The oldest second leaves the window one second from now, the next one after two.
        for wait in 1..=WINDOW_SECONDS {
            left -= self.counts[slot(self.second + wait)];
            if left < limit {
                return wait.unsigned_abs();
            }
        }
        WINDOW_SECONDS.unsigned_abs()
    }
}

fn slot(second: i64) -> usize {
    usize::try_from(second.rem_euclid(WINDOW_SECONDS)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000).plus_seconds(seconds)
    }

    fn retry_after(limiter: &RateLimiter, token: &str, seconds: i64) -> Option<u64> {
        match limiter.admit(token, at(seconds)) {
            Ok(()) => None,
            Err(error::Error::Refused(refusal)) => {
                assert_eq!((refusal.status, refusal.code.as_ref()), (429, "rate_limit_exceeded"));
                refusal.retry_after_seconds
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_request_past_the_limit_waits_for_the_minute_to_slide() {
        let limiter = RateLimiter::new(3);
        for second in [0, 10, 10] {
            assert_eq!(retry_after(&limiter, "t", second), None);
        }
        assert_eq!(retry_after(&limiter, "t", 20), Some(40));
        assert_eq!(retry_after(&limiter, "t", 59), Some(1));
        assert_eq!(retry_after(&limiter, "t", 60), None);
        assert_eq!(retry_after(&limiter, "t", 60), Some(10));
        assert_eq!(retry_after(&limiter, "t", 300), None);
    }

    #[test]
    fn waiting_as_long_as_told_always_helps() {
        let limiter = RateLimiter::new(5);
        let mut second = 0;
        for step in [0, 0, 7, 1, 30, 0, 0, 2, 0, 0, 0, 55, 0, 0, 3, 0] {
            second += step;
            if let Some(wait) = retry_after(&limiter, "t", second) {
                second += i64::try_from(wait).unwrap();
                assert_eq!(retry_after(&limiter, "t", second), None, "second {second}");
            }
        }
    }

    #[test]
    fn tokens_do_not_share_a_window_and_refused_requests_do_not_count() {
        let limiter = RateLimiter::new(1);
        assert_eq!(retry_after(&limiter, "a", 0), None);
        assert_eq!(retry_after(&limiter, "b", 0), None);
        assert_eq!(retry_after(&limiter, "a", 30), Some(30));
        assert_eq!(retry_after(&limiter, "a", 60), None);
    }

    #[test]
    fn a_clock_that_steps_back_does_no_harm() {
        let limiter = RateLimiter::new(2);
        assert_eq!(retry_after(&limiter, "t", 100), None);
        assert_eq!(retry_after(&limiter, "t", 0), None);
        assert_eq!(retry_after(&limiter, "t", 0), Some(60));
    }

    #[test]
    fn zero_means_no_limit() {
        let limiter = RateLimiter::new(0);
        assert!((0..1000).all(|_| limiter.admit("t", at(0)).is_ok()));
    }

    #[test]
    fn a_flood_of_tokens_stays_within_bounds_and_spares_the_one_in_use() {
        let limiter = RateLimiter { tokens_max: 100, ..RateLimiter::new(50) };
        for number in 0..1_000 {
            assert_eq!(retry_after(&limiter, &format!("stranger {number}"), 0), None);
            if number % 25 == 0 {
                retry_after(&limiter, "mine", 0);
            }
        }
        {
            let generations = limiter.windows.lock().unwrap();
            assert!(generations.newer.len() + generations.older.len() <= 100);
        }
        assert!((0..50).any(|_| retry_after(&limiter, "mine", 0).is_some()), "the count of a token in use is kept");
    }
}
