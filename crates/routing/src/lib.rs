//! Routing: how work finds an agent. Channels group the sources whose work is shared out together.

mod agents;
pub mod channels;
pub mod engine;
mod events;
pub mod rehearsal;
pub mod tasks;
pub mod topologies;
mod user_capacities;

use frontdesk_rest::Operation;

/// The operations of this crate.
pub fn operations() -> Vec<Operation> {
    let mut operations = channels::operations();
    operations.extend(tasks::operations());
    operations.extend(rehearsal::operations());
    operations.extend(topologies::operations());
    operations.extend(user_capacities::operations());
    operations
}
