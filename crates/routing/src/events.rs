//! Making entries for the log.

use frontdesk_model::Id;
use frontdesk_model::event::NewEvent;
use frontdesk_rest::Call;
use serde_json::Value;

/// An event that the caller caused.
pub(crate) fn by(call: &Call, kind: &'static str, object_id: Id, payload: Value) -> NewEvent {
    NewEvent::new(&call.env, Some(call.caller.user_id), kind, object_id, None, payload)
}
