//! What a program otherwise takes from thin air: the time, chance, and fresh ids. The binary hands in the real ones,
//! tests hand in their own; a lint forbids the global ones everywhere else.

use std::sync::{Arc, Mutex};

use crate::{Id, Timestamp};

type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
type Chance = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// The clock, the source of randomness and the maker of ids.
#[derive(Clone)]
pub struct Env {
    clock: Clock,
    chance: Chance,
    last_id: Arc<Mutex<(u64, u64)>>,
}

impl Env {
    /// `chance` must fill its argument with unpredictable bytes: keys and tokens are made of them.
    pub fn new(
        clock: impl Fn() -> Timestamp + Send + Sync + 'static,
        chance: impl Fn(&mut [u8]) + Send + Sync + 'static,
    ) -> Env {
        Env { clock: Arc::new(clock), chance: Arc::new(chance), last_id: Arc::default() }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// `N` unpredictable bytes.
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        (self.chance)(&mut bytes);
        bytes
    }

    /// A fresh id, greater than every id that this `Env` made before, also when the clock steps back.
    pub fn id(&self) -> Id {
        let now = u64::try_from(self.now().micros() / 1000).unwrap_or(0);
        let mut last = self.last_id.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if now > last.0 {
            // A random start keeps ids of several nodes apart; the cleared top bit leaves room to count up.
            let random = u64::from_be_bytes(self.random::<8>());
            *last = (now, random & 0x7fff_ffff_ffff);
        } else {
            last.1 += 1;
        }
        Id::from_parts(last.0, last.1)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    #[test]
    fn ids_grow_even_when_the_clock_steps_back() {
        let time = Arc::new(AtomicI64::new(5_000_000));
        let clock = time.clone();
        let env = Env::new(move || Timestamp::from_micros(clock.load(Ordering::Relaxed)), |bytes| bytes.fill(7));
        let first = env.id();
        let second = env.id();
        time.store(1_000_000, Ordering::Relaxed);
        let third = env.id();
        assert!(first < second && second < third);
    }
}
