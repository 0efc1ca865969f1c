//! Making entries for the log.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id};
use frontdesk_rest::Call;
use serde_json::{Value, json};

/// An event about a person or what belongs to them; no user caused it when an operator or the first start did.
pub(crate) fn caused_by(user_id: Option<Id>, env: &Env, kind: &'static str, object_id: Id) -> NewEvent {
    NewEvent::new(env, user_id, kind, object_id, None, json!({}))
}

/// The same with references and changed fields.
pub(crate) fn of(user_id: Option<Id>, env: &Env, kind: &'static str, object_id: Id, payload: Value) -> NewEvent {
    NewEvent::new(env, user_id, kind, object_id, None, payload)
}

/// An event that the caller caused.
pub(crate) fn by(call: &Call, kind: &'static str, object_id: Id, payload: Value) -> NewEvent {
    NewEvent::new(&call.env, Some(call.caller.user_id), kind, object_id, None, payload)
}
