//! Routing: how work finds an agent. Channels group the sources whose work is shared out together.

pub mod channels;
pub mod engine;
mod events;

use frontdesk_rest::Operation;

/// The operations of this crate.
pub fn operations() -> Vec<Operation> {
    channels::operations()
}
