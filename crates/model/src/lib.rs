//! The words that every part of Frontdesk shares, and nothing that touches a disk or a network:
//! ids, times, errors, permissions, callers, events and the search language.

pub mod addresses;
pub mod business_time;
pub mod caller;
pub mod dates;
pub mod env;
pub mod error;
pub mod event;
pub mod hex;
pub mod holidays;
pub mod id;
pub mod invisible;
pub mod journal;
pub mod languages;
pub mod lists;
pub mod permissions;
pub mod query;
pub mod secret;
pub mod structured;
pub mod time;
pub mod time_zones;
pub mod urls;

pub use caller::Caller;
pub use env::Env;
pub use error::{Error, Refusal, Result};
pub use event::Event;
pub use id::Id;
pub use permissions::{Permission, Permissions, SourceRight, SourceRights};
pub use secret::Secret;
pub use time::Timestamp;
