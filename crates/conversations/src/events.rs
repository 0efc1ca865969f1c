//! Making entries for the log.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id};
use frontdesk_rest::Call;
use serde_json::Value;

/// An event that the caller caused.
pub(crate) fn by(call: &Call, kind: &'static str, object_id: Id, thread_id: Option<Id>, payload: Value) -> NewEvent {
    NewEvent { user_id: Some(call.caller.user_id), ..caused_by_nobody(&call.env, kind, object_id, thread_id, payload) }
}

/// An event that a customer, a channel or the system caused.
pub(crate) fn caused_by_nobody(
    env: &Env,
    kind: &'static str,
    object_id: Id,
    thread_id: Option<Id>,
    payload: Value,
) -> NewEvent {
    NewEvent { id: env.id(), kind, at: env.now(), thread_id, object_id, user_id: None, payload: payload.to_string() }
}
