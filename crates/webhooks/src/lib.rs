//! Programs of others that take part: webhooks that tell them what happened, and the operations of bots.

mod bots;

use std::sync::Arc;

use frontdesk_conversations::Conversations;
use frontdesk_rest::Operation;

/// The operations of this crate.
pub fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    bots::operations(app)
}
