//! Closing, opening, categorising, muting, archiving and deleting threads, and switching their text input.

use frontdesk_model::{Id, Permission, Result, error};
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::json;

use super::jobs::{self, Verb};
use super::{Thread, find, set_ending};
use crate::categories::{self, Object};
use crate::{contents, events, pace};

/// Closes a thread: agents can no longer reply in it. The answer is the thread as it was, because elsewhere this is a
/// job that ends later; closing a closed one changes nothing.
pub fn close(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Thread> {
    set_closed(call, id, tx, true)
}

/// Opens a closed thread, with the same answer rule.
pub(super) fn open(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Thread> {
    set_closed(call, id, tx, false)
}

fn set_closed(call: &Call, id: Id, tx: &mut dyn Tx, closed: bool) -> Result<Thread> {
    let thread = find(tx, &call.caller, id)?;
    let (permission, verb) = match closed {
        true => (Permission::CloseContentThread, "closed"),
        false => (Permission::OpenContentThread, "opened"),
    };
    call.caller.require_any(&[permission])?;
    if !thread.can_be_closed()? {
        return Err(error::forbidden(format!("Threads of sources of type {} cannot be {verb}.", thread.source_type)));
    }
    if thread.closed != closed {
        let now = call.env.now();
        tx.execute("UPDATE threads SET closed = $2, updated_at = $3 WHERE id = $1", args![&id, closed, now])?;
        if !closed {
            set_ending(tx, id, None, now)?;
        }
        let kind = if closed { "content.thread_closed" } else { "content.thread_opened" };
        pace::check(call, id, kind, tx)?;
        let payload = json!({ "source_id": thread.source_id, "category_ids": categories::told_of_first(tx, id)? });
        tx.append(events::by(call, kind, id, Some(id), payload));
    }
    Ok(thread)
}

/// Replaces a thread's categories.
pub fn categorise(call: &Call, id: Id, category_ids: &[Id], tx: &mut dyn Tx) -> Result<Thread> {
    let thread = find(tx, &call.caller, id)?;
    if categories::set(tx, Object::Thread, id, thread.source_id, category_ids, "thread_category_ids")? {
        pace::check(call, id, "content_thread.recategorized", tx)?;
        tx.execute("UPDATE threads SET updated_at = $2 WHERE id = $1", args![&id, call.env.now()])?;
        let payload = json!({ "source_id": thread.source_id, "category_ids": category_ids });
        tx.append(events::by(call, "content_thread.recategorized", id, Some(id), payload));
    }
    find(tx, &call.caller, id)
}

/// Lets the customer type, or stops them.
pub(super) fn set_text_input(call: &Call, id: Id, disabled: bool, tx: &mut dyn Tx) -> Result<Thread> {
    let thread = find(tx, &call.caller, id)?;
    if !thread.is_messaging()? {
        return Err(error::not_found("messaging thread"));
    }
    call.caller.require_to_reply(thread.source_id)?;
    if !switch_text_input(call, id, thread.source_id, disabled, tx)? {
        let state = if disabled { "disabled" } else { "enabled" };
        return Err(error::forbidden(format!("The thread's text input is {state} already.")));
    }
    find(tx, &call.caller, id)
}

/// Switches the text input of a thread that has one; whether that changed anything.
pub(crate) fn switch_text_input(call: &Call, id: Id, source_id: Id, disabled: bool, tx: &mut dyn Tx) -> Result<bool> {
    let changed = tx.execute(
        "UPDATE threads SET text_input_disabled = $2, updated_at = $3 WHERE id = $1 AND text_input_disabled <> $2",
        args![&id, disabled, call.env.now()],
    )?;
    if changed > 0 {
        let kind = if disabled { "content_thread.text_input_disabled" } else { "content_thread.text_input_enabled" };
        tx.append(events::by(call, kind, id, Some(id), json!({ "source_id": source_id })));
    }
    Ok(changed > 0)
}

/// What customers write in a muted thread arrives ignored.
pub(super) fn set_muted(call: &Call, id: Id, muted: bool, tx: &mut dyn Tx) -> Result<Thread> {
    let thread = find(tx, &call.caller, id)?;
    if thread.muted != muted {
        let sql = "UPDATE threads SET muted = $2, updated_at = $3 WHERE id = $1";
        tx.execute(sql, args![&id, muted, call.env.now()])?;
        let kind = if muted { "content_thread.muted" } else { "content_thread.unmuted" };
        tx.append(events::by(call, kind, id, Some(id), json!({ "source_id": thread.source_id })));
    }
    find(tx, &call.caller, id)
}

/// Ignores what waits in a thread for an answer, unless a customer wrote something after what the caller has `seen`.
pub(super) fn archive(call: &Call, id: Id, seen: Option<&str>, tx: &mut dyn Tx) -> Result<Thread> {
    let thread = find(tx, &call.caller, id)?;
    contents::require_seen(tx, &call.caller, id, seen)?;
    jobs::begin(call, &thread, Verb::Ignore, tx)?;
    find(tx, &call.caller, id)
}

/// Deletes a thread and all that is in it.
pub(super) fn delete(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let thread = find(tx, &call.caller, id)?;
    jobs::begin(call, &thread, Verb::Delete, tx)
}
