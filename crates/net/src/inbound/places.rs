//! Who has the places under the listener's cap. One network of the internet has a share of them at most, so that it shuts
//! nobody else out. When all are taken, a connection that has never made a request goes for a new one, the oldest first.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use frontdesk_model::addresses::one_customer;
use ipnet::IpNet;
use tokio::sync::{AcquireError, Notify, OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// One network has at most one of so many places …
const SHARE: u32 = 4;
/// … and always these: a browser opens several connections, and an office has several browsers.
const SHARE_MIN: u32 = 16;
/// A connection that goes for another has this long to be gone.
const LEAVING: Duration = Duration::from_secs(1);

pub(super) struct Places {
    free: Arc<Semaphore>,
    max: u32,
    /// Proxies, which are no one customer whatever their address.
    trusted: Vec<IpNet>,
    table: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    by_network: HashMap<IpAddr, u32>,
    /// Those that have not made a request, in the order in which they came.
    newcomers: BTreeMap<u64, Arc<Notify>>,
    came: u64,
}

impl Places {
    pub(super) fn new(max: u32, trusted: Vec<IpNet>) -> Arc<Places> {
        let free = Arc::new(Semaphore::new(max as usize));
        Arc::new(Places { free, max, trusted, table: Mutex::default() })
    }

    /// A place for a connection from this address, or why there is none.
    pub(super) fn enter(self: &Arc<Self>, peer: IpAddr) -> Result<Entering, &'static str> {
        let peer = peer.to_canonical();
        let is_proxy = self.trusted.iter().any(|network| network.contains(&peer));
        let network = one_customer(peer).filter(|_| !is_proxy);
        let mut table = self.table();
        if let Some(network) = network {
            let held = table.by_network.get(&network).copied().unwrap_or(0);
            if held >= (self.max / SHARE).max(SHARE_MIN) {
                return Err("too many connections from one network: a new one was closed");
            }
        }
        let permit = self.free.clone().try_acquire_owned().ok();
        if permit.is_none() {
            let (_, oldest) = table.newcomers.pop_first().ok_or("too many connections: a new one was closed")?;
            oldest.notify_one();
        }
        if let Some(network) = network {
            *table.by_network.entry(network).or_default() += 1;
        }
        table.came += 1;
        let (number, leave) = (table.came, Arc::new(Notify::new()));
        table.newcomers.insert(number, leave.clone());
        drop(table);
        let newcomer = Newcomer { places: self.clone(), number, leave, has_asked: AtomicBool::new(false) };
        Ok(Entering { permit, share: Share { places: self.clone(), network }, newcomer: Arc::new(newcomer) })
    }

    /// Every place, once all connections are gone.
    pub(super) async fn all(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.free.acquire_many(self.max).await
    }

    /// How many places are taken.
    pub(super) fn taken(&self) -> usize {
        self.max as usize - self.free.available_permits()
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that has a place, or gets that of another which goes.
pub(super) struct Entering {
    permit: Option<OwnedSemaphorePermit>,
    share: Share,
    newcomer: Arc<Newcomer>,
}

impl Entering {
    /// The place; none when the other does not go in time, or this one has to go for a third.
    pub(super) async fn place(self) -> Option<(Place, Arc<Newcomer>)> {
        let Entering { permit, share, newcomer } = self;
        let permit = match permit {
            Some(permit) => permit,
            None => tokio::select! {
                permit = share.places.free.clone().acquire_owned() => permit.ok()?,
                () = newcomer.leave.notified() => return None,
                () = tokio::time::sleep(LEAVING) => return None,
            },
        };
        Some((Place { _permit: permit, _share: share }, newcomer))
    }
}

/// The place of one connection, for as long as its socket is open.
pub(super) struct Place {
    _permit: OwnedSemaphorePermit,
    _share: Share,
}

/// What a network has of the places.
struct Share {
    places: Arc<Places>,
    network: Option<IpAddr>,
}

impl Drop for Share {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut table = self.places.table();
        if let Some(held) = table.by_network.get_mut(&network) {
            *held -= 1;
            if *held == 0 {
                table.by_network.remove(&network);
            }
        }
    }
}

/// A connection until its first request.
pub(super) struct Newcomer {
    places: Arc<Places>,
    number: u64,
    leave: Arc<Notify>,
    has_asked: AtomicBool,
}

impl Newcomer {
    /// A request has come: from now on nobody takes the connection's place.
    pub(super) fn asks(&self) {
        if !self.has_asked.swap(true, Relaxed) {
            self.places.table().newcomers.remove(&self.number);
        }
    }

    /// Completes when the connection has to go for another.
    pub(super) async fn has_to_leave(&self) {
        loop {
            self.leave.notified().await;
            // Its first request may have come at this moment.
            if !self.has_asked.load(Relaxed) {
                return;
            }
        }
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        self.asks();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[tokio::test]
    async fn one_network_has_a_share_and_gives_it_back_and_proxies_have_none() {
        let places = Places::new(100, vec!["198.51.100.0/24".parse().expect("a network")]);
        let mut held = Vec::new();
        for number in 0..25 {
            held.push(places.enter(address(&format!("2001:db8::{number}"))).expect("a place").place().await);
        }
        assert!(places.enter(address("2001:db8:0:0:ffff::1")).is_err_and(|why| why.contains("one network")));
        assert!(places.enter(address("2001:db8:0:1::1")).is_ok() && places.enter(address("192.0.2.1")).is_ok());
        held.pop();
        assert!(places.enter(address("2001:db8::1")).is_ok());
        drop(held);
        assert!(places.table().by_network.is_empty() && places.table().newcomers.is_empty());
        for shared in ["127.0.0.1", "10.0.0.7", "198.51.100.7"] {
            let mut held = Vec::new();
            for _ in 0..100 {
                held.push(places.enter(address(shared)).expect("a place").place().await);
            }
            assert_eq!(places.taken(), 100, "{shared}");
        }
    }

    #[tokio::test]
    async fn who_never_asked_goes_for_a_new_one_and_who_did_stays() {
        let places = Places::new(2, Vec::new());
        let from = |number: u8| places.enter(IpAddr::from([192, 0, 2, number]));
        let (_asked, first) = from(1).expect("a place").place().await.expect("a place");
        first.asks();
        let (silent, second) = from(2).expect("a place").place().await.expect("a place");
        let third = from(3).expect("the silent one's place");
        second.has_to_leave().await;
        drop((silent, second));
        let (_third, asks) = third.place().await.expect("the silent one's place");
        asks.asks();
        assert!(from(4).is_err_and(|why| why.contains("too many connections")));
        assert_eq!(places.taken(), 2);
    }
}
