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
use frontdesk_model::{Result, error};
use frontdesk_rest::Operation;
use frontdesk_store::{Tx, args};

pub use sending::Sender;

/// The name of this account in requests.
pub fn domain_id(tx: &mut dyn Tx) -> Result<String> {
    let row = tx.first("SELECT value FROM meta WHERE name = 'domain_id'", args![])?;
    row.ok_or_else(|| error::broken("the store has no domain_id"))?.get(0)
}

/// The operations of this crate.
pub fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let mut operations = subscriptions::operations(app);
    operations.extend(deliveries::operations());
    operations.extend(replay::operations());
    operations.extend(bots::operations());
    operations
}
