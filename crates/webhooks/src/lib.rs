//! Programs of others that take part: webhooks that tell them what happened, the operations of bots, and the MCP server.

mod bots;
pub mod deliveries;
pub mod mcp;
pub mod replay;
mod request;
mod sending;
mod subscriptions;

use std::sync::Arc;

use frontdesk_conversations::Conversations;
use frontdesk_rest::Operation;

pub use sending::{Sender, domain_id};

/// The operations of this crate.
pub fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let mut operations = subscriptions::operations(app);
    operations.extend(deliveries::operations());
    operations.extend(replay::operations());
    operations.extend(bots::operations());
    operations
}
