//! Making entries for the log.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id};

/// An event about a person or what belongs to them; no user caused it when an operator or the first start did.
pub(crate) fn caused_by(user_id: Option<Id>, env: &Env, kind: &'static str, object_id: Id) -> NewEvent {
    NewEvent { id: env.id(), kind, at: env.now(), thread_id: None, object_id, user_id, payload: "{}".into() }
}
