//! Tasks: a customer's content on its way to one agent (area 8). A consumer of the log makes and ends them
//! (`following`), the engine's decisions are carried out (`dispatching`), and agents and supervisors act on them
//! (`commands`).

mod commands;
mod dispatching;
mod following;
pub mod positions;
mod rest;
mod sight;
pub(crate) mod store;
mod trace;

pub use dispatching::run;
pub use following::Following;
pub(crate) use rest::operations;
pub use store::forget;
