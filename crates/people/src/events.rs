//! Making entries for the log.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id};
use frontdesk_rest::Call;
use serde_json::Value;

/// An event about a person or what belongs to them; no user caused it when an operator or the first start did.
pub(crate) fn caused_by(user_id: Option<Id>, env: &Env, kind: &'static str, object_id: Id) -> NewEvent {
    NewEvent { id: env.id(), kind, at: env.now(), thread_id: None, object_id, user_id, payload: "{}".into() }
}

/// An event that the caller caused.
pub(crate) fn by(call: &Call, kind: &'static str, object_id: Id, payload: Value) -> NewEvent {
    let event = caused_by(Some(call.caller.user_id), &call.env, kind, object_id);
    NewEvent { payload: payload.to_string(), ..event }
}
