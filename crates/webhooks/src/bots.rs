//! What bots do beside what everybody does.

use std::sync::Arc;

use frontdesk_conversations::Conversations;
use frontdesk_rest::Operation;

pub(crate) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    Vec::new()
}
