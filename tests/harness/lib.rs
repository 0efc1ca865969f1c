//! What the suites stand on: the real binary over real sockets, on both engines, and a cast that talks to it.
//!
//! Nothing here knows the product's code: what a story proves holds for whoever is on the other side of the network.

pub mod browser;
pub mod cast;
pub mod channel;
pub mod clock;
pub mod description;
pub mod fake;
pub mod guestbook;
pub mod http;
pub mod mail;
pub mod pages;
pub mod postgres;
pub mod processes;
pub mod provider;
pub mod push;
pub mod random;
pub mod server;
pub mod signature;
pub mod stream;
pub mod totp;

pub use browser::Browser;
pub use cast::{Cast, Person, Source};
pub use channel::{FakeChannel, Push, Reply};
pub use fake::Fake;
pub use guestbook::{Guestbook, LANGUAGES};
pub use http::{Answer, Connection, Request};
pub use provider::FakeProvider;
pub use push::{Answered, FakePush, Notified};
pub use server::{Engine, Server};
pub use stream::{Heard, Stream, TRANSPORTS, Transport};

use std::time::{Duration, Instant};

/// A word that stories put into message bodies and that must never be seen in a log.
pub const CANARY: &str = "zeisigvogel";

/// How long a story waits for something that should happen at once.
pub const SOON: Duration = Duration::from_secs(20);

/// Looks until `look` finds something; fails the story with `what` after [`SOON`].
pub fn eventually<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < SOON, "it never came to be: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}
