//! Contents that wait before they go out: for another person's approval (row 4.25), or for their time (row 4.26). Until
//! then they are `export_pending`, no channel gets them, and they count as nobody's reply.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Permission, Result, SourceRight, Timestamp, error};
use frontdesk_people::settings;
use frontdesk_rest::Call;
use frontdesk_store::{Tx, args};
use serde_json::{Map, Value, json};

use super::commands::check_body;
use super::{Content, find, indexing};
use crate::{events, interventions, moments};

/// At most this far ahead: a year.
const SCHEDULE_SECONDS_MAX: i64 = 366 * 24 * 60 * 60;
const REASON_CHARACTERS_MAX: usize = 1_000;
/// What people read on a content that was not approved, when nobody gave a reason.
const NOT_APPROVED: &str = "It was not approved.";
const WITHDRAWN: &str = "It was withdrawn before it went out.";
const THREAD_CLOSED: &str = "The thread was closed before its time came.";

/// What a content waits for; nothing by default.
#[derive(Clone, Copy, Default)]
pub(super) struct Hold {
    pub(super) approval: bool,
    pub(super) until: Option<Timestamp>,
}

impl Hold {
    /// What a new content of the caller on a source waits for: approval when their rights say so or when they ask for
    /// it, and the time that they tell.
    pub(super) fn of(call: &Call, source_id: Id, asks: bool, at: Option<&str>, tx: &mut dyn Tx) -> Result<Hold> {
        if asks && !settings::load(tx)?.self_approval_required {
            let message = "approval_required: authors may not ask for approval here (setting self_approval_required).";
            return Err(error::forbidden(message));
        }
        Ok(Hold {
            approval: asks || needs_approval(call, source_id),
            until: at.map(|text| time(call, text)).transpose()?,
        })
    }

    pub(super) fn is_on(self) -> bool {
        self.approval || self.until.is_some()
    }
}

fn time(call: &Call, text: &str) -> Result<Timestamp> {
    call.caller.require_any(&[Permission::DelayExportContent])?;
    moments::future("scheduled_at", text, call.env.now(), SCHEDULE_SECONDS_MAX)
}

/// A threshold is the share of contents that is drawn for approval; without one, the right alone decides (reading U15).
fn needs_approval(call: &Call, source_id: Id) -> bool {
    let rights = call.caller.rights(source_id);
    match rights.approval_threshold() {
        Some(percent) => i64::from(u16::from_be_bytes(call.env.random())) % 100 < percent,
        None => rights.has(SourceRight::ApprovalRequired),
    }
}

/// Whether any of the caller's contents on a source may need approval.
fn is_subject_to_approval(call: &Call, source_id: Id) -> bool {
    let rights = call.caller.rights(source_id);
    rights.approval_threshold().map_or(rights.has(SourceRight::ApprovalRequired), |percent| percent > 0)
}

/// A content that waits.
struct Waiting {
    id: Id,
    source_id: Id,
    thread_id: Id,
    author_id: Option<Id>,
    creator_id: Option<Id>,
    intervention_id: Option<Id>,
    in_reply_to_id: Option<Id>,
    r#type: String,
    status: String,
    body: String,
    private: bool,
    first_in_thread: bool,
    attachments_count: i64,
    approval_required: bool,
    scheduled_at: Option<Timestamp>,
    thread_closed: bool,
    title: Option<String>,
    extras: Map<String, Value>,
}

/// The content if it waits.
fn load(tx: &mut dyn Tx, id: Id) -> Result<Option<Waiting>> {
    let row = tx.first(
        "SELECT contents.id, contents.source_id, contents.thread_id, contents.author_id, contents.creator_id,
                contents.intervention_id, contents.in_reply_to_id, contents.type, contents.status, contents.body,
                contents.private, contents.first_in_thread, contents.attachments_count, contents.approval_required,
                contents.scheduled_at, threads.closed, contents.title, contents.extras
         FROM contents JOIN threads ON threads.id = contents.thread_id
         WHERE contents.id = $1 AND contents.synchronization_status = 'export_pending'
           AND (contents.approval_required OR contents.scheduled_at IS NOT NULL)",
        args![&id],
    )?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Waiting {
        id: row.get(0)?,
        source_id: row.get(1)?,
        thread_id: row.get(2)?,
        author_id: row.get(3)?,
        creator_id: row.get(4)?,
        intervention_id: row.get(5)?,
        in_reply_to_id: row.get(6)?,
        r#type: row.get(7)?,
        status: row.get(8)?,
        body: row.get(9)?,
        private: row.get(10)?,
        first_in_thread: row.get(11)?,
        attachments_count: row.get(12)?,
        approval_required: row.get(13)?,
        scheduled_at: row.get(14)?,
        thread_closed: row.get(15)?,
        title: row.get(16)?,
        extras: read_extras(row.get(17)?)?,
    }))
}

impl Waiting {
    /// A waiting content that the caller may read: 403 for one that does not wait.
    fn find(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Waiting> {
        let content = find(tx, &call.caller, id)?;
        load(tx, id)?.ok_or_else(|| {
            let state = content.synchronization_status;
            error::forbidden(format!("The content waits for nothing: its synchronization_status is {state}."))
        })
    }

    fn is_by(&self, call: &Call) -> bool {
        self.creator_id == Some(call.caller.user_id)
    }

    /// Whether the caller may decide about it in place of its author.
    fn is_judged_by(&self, call: &Call) -> bool {
        !self.is_by(call)
            && self.approval_required
            && call.caller.may(Permission::ApproveContent)
            && call.caller.may_on(self.source_id, SourceRight::Reply)
    }

    fn payload(&self) -> Value {
        json!({
            "source_id": self.source_id, "author_id": self.author_id, "intervention_id": self.intervention_id,
            "in_reply_to_id": self.in_reply_to_id, "status": self.status, "type": self.r#type,
            "first_in_thread": self.first_in_thread, "private": self.private, "approval_required": false,
        })
    }
}

/// 403 unless the caller may decide about this content: it waits for that, and somebody else wrote it.
fn require_judge(call: &Call, waiting: &Waiting) -> Result<()> {
    call.caller.require_any(&[Permission::ApproveContent])?;
    if !waiting.approval_required {
        return Err(error::forbidden("The content waits for its time, not for approval."));
    }
    if waiting.is_by(call) {
        return Err(error::forbidden("You wrote this content: somebody else has to approve it."));
    }
    if !waiting.is_judged_by(call) {
        return Err(error::forbidden("You may not reply on this source."));
    }
    Ok(())
}

/// Lets a content go out that waited for approval; one that is scheduled waits for its time from now on.
pub(super) fn approve(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let waiting = Waiting::find(call, id, tx)?;
    require_judge(call, &waiting)?;
    // Else who approves could send anything that nobody else has seen.
    if waiting.extras.get(EDITED_BY) == Some(&json!(call.caller.user_id)) {
        return Err(error::forbidden("You changed this content last: somebody else has to approve it."));
    }
    if waiting.thread_closed {
        return Err(error::forbidden("The thread is closed: open it to approve the content."));
    }
    let now = call.env.now();
    let sql = "UPDATE contents SET approval_required = FALSE, updated_at = $2 WHERE id = $1";
    tx.execute(sql, args![&id, now])?;
    tx.append(events::by(call, "content.approved", id, Some(waiting.thread_id), waiting.payload()));
    if waiting.scheduled_at.is_none_or(|at| at <= now) {
        release(tx, &call.env, &waiting)?;
    }
    Ok(())
}

/// Refuses a content that waited for approval: it does not go out, and `reason` is shown on it.
pub(super) fn reject(call: &Call, id: Id, reason: Option<&str>, tx: &mut dyn Tx) -> Result<()> {
    let waiting = Waiting::find(call, id, tx)?;
    require_judge(call, &waiting)?;
    let reason = reason.map(str::trim).filter(|reason| !reason.is_empty()).unwrap_or(NOT_APPROVED);
    if reason.chars().count() > REASON_CHARACTERS_MAX {
        let message = format!("reason has at most {REASON_CHARACTERS_MAX} characters.");
        return Err(error::invalid("reason", "too_long", message));
    }
    abort(tx, &call.env, &waiting, Some(call.caller.user_id), reason)
}

/// Takes a content back that has not gone out yet.
pub(super) fn withdraw(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let waiting = Waiting::find(call, id, tx)?;
    if !waiting.is_by(call) {
        return Err(error::forbidden("Only its author can withdraw this content."));
    }
    abort(tx, &call.env, &waiting, Some(call.caller.user_id), WITHDRAWN)
}

/// Among the extras of a content that was taken back before it went out: it was never a reply. Holds whether it waited
/// for approval.
const WITHHELD: &str = "withheld";
/// Among the extras of a content that waits: who changed its text last, if that was not its author.
const EDITED_BY: &str = "edited_by";

fn read_extras(text: Option<String>) -> Result<Map<String, Value>> {
    let read = serde_json::from_str(text.as_deref().unwrap_or("{}"));
    read.map_err(|trouble| error::broken(format!("contents.extras: {trouble}")))
}

fn abort(tx: &mut dyn Tx, env: &Env, waiting: &Waiting, user_id: Option<Id>, reason: &str) -> Result<()> {
    let mut extras = waiting.extras.clone();
    extras.insert(WITHHELD.into(), json!({ "approval": waiting.approval_required }));
    tx.execute(
        "UPDATE contents SET synchronization_status = 'export_aborted', synchronization_error = $2,
           approval_required = FALSE, scheduled_at = NULL, extras = $4, updated_at = $3
         WHERE id = $1",
        args![&waiting.id, reason, env.now(), &Value::Object(extras).to_string()],
    )?;
    let told = json!({ "source_id": waiting.source_id, "synchronization_status": "export_aborted" });
    tx.append(NewEvent::new(env, user_id, "content.draft_discarded", waiting.id, Some(waiting.thread_id), told));
    Ok(())
}

/// What changes on a content that waits.
pub(super) struct Edit {
    pub(super) body: Option<String>,
    /// Empty: as soon as it may.
    pub(super) scheduled_at: Option<String>,
}

/// Changes a content that has not gone out yet: its author may, and who may approve it.
pub(super) fn edit(call: &Call, id: Id, edit: &Edit, tx: &mut dyn Tx) -> Result<()> {
    let mut waiting = Waiting::find(call, id, tx)?;
    if !waiting.is_by(call) && !waiting.is_judged_by(call) {
        return Err(error::forbidden("Only its author, and who may approve it, can change this content."));
    }
    let scheduled_at = match edit.scheduled_at.as_deref() {
        None => waiting.scheduled_at,
        Some("") => None,
        Some(text) => Some(time(call, text)?),
    };
    let body = edit.body.as_deref().filter(|body| *body != waiting.body);
    if let Some(body) = body {
        check_body(body, waiting.attachments_count > 0)?;
        indexing::index(tx, id, waiting.title.as_deref(), body, "text")?;
    }
    // An approval was given for another text.
    let asks_again = body.is_some()
        && waiting.is_by(call)
        && !waiting.approval_required
        && is_subject_to_approval(call, waiting.source_id);
    if body.is_none() && scheduled_at == waiting.scheduled_at {
        return Ok(());
    }
    waiting.approval_required |= asks_again;
    if body.is_some() {
        match waiting.is_by(call) {
            true => waiting.extras.remove(EDITED_BY),
            false => waiting.extras.insert(EDITED_BY.into(), json!(call.caller.user_id)),
        };
    }
    let extras = Value::Object(waiting.extras.clone()).to_string();
    tx.execute(
        "UPDATE contents SET body = coalesce($2, body), scheduled_at = $3, approval_required = $4, extras = $5,
           updated_at = $6
         WHERE id = $1",
        args![&id, body, scheduled_at, waiting.approval_required, &extras, call.env.now()],
    )?;
    let told = json!({ "source_id": waiting.source_id, "approval_required": waiting.approval_required });
    tx.append(events::by(call, "content.updated", id, Some(waiting.thread_id), told.clone()));
    if asks_again {
        tx.append(events::by(call, "content.approval_requested", id, Some(waiting.thread_id), told));
    }
    if scheduled_at.is_none() && !waiting.approval_required {
        release(tx, &call.env, &waiting)?;
    }
    Ok(())
}

/// A content that was taken back before it went out is to go out after all: its author may ask for that, and who
/// approves. It counts now; or it waits for approval, as it did before or as the caller's contents do. Returns whether
/// it waits; nothing happens to a content that was not taken back.
pub(super) fn resume(call: &Call, content: &Content, tx: &mut dyn Tx) -> Result<bool> {
    let id = content.id;
    let row = tx.one(
        "SELECT contents.extras, parents.id FROM contents LEFT JOIN contents AS parents ON parents.id = contents.in_reply_to_id
         WHERE contents.id = $1",
        args![&id],
    )?;
    let (mut extras, parent_id) = (read_extras(row.get(0)?)?, row.get::<Option<Id>>(1)?);
    let Some(withheld) = extras.remove(WITHHELD) else { return Ok(false) };
    if content.creator_id != Some(call.caller.user_id) && !call.caller.may(Permission::ApproveContent) {
        let message = "Only its author, and who may approve it, can send a content that was taken back.";
        return Err(error::forbidden(message));
    }
    // Its intervention may have been closed or cancelled since: it is answered anew.
    let parent = match (content.intervention_id, parent_id) {
        (None, Some(parent_id)) => Some(find(tx, &call.caller, parent_id)?),
        _ => None,
    };
    let intervention = interventions::open_for_reply(call, parent.as_ref().unwrap_or(content), tx)?;
    let intervention_id = intervention.map(|intervention| intervention.id);
    let waits = withheld["approval"] != json!(false) || is_subject_to_approval(call, content.source_id);
    tx.execute(
        "UPDATE contents SET extras = $2, intervention_id = $3, approval_required = $4 WHERE id = $1",
        args![&id, &Value::Object(extras).to_string(), &intervention_id, waits],
    )?;
    if waits {
        let told = json!({ "source_id": content.source_id, "approval_required": true });
        tx.append(events::by(call, "content.approval_requested", id, Some(content.thread_id), told));
    } else {
        count(tx, &call.env, id, intervention_id)?;
    }
    Ok(waits)
}

/// Nothing holds a content any more: from now on it is a reply, and the delivery takes it. 403 if its thread is closed.
fn release(tx: &mut dyn Tx, env: &Env, waiting: &Waiting) -> Result<()> {
    if waiting.thread_closed {
        return Err(error::forbidden("The thread is closed: open it to send the content."));
    }
    count(tx, env, waiting.id, waiting.intervention_id)?;
    if waiting.scheduled_at.is_some() {
        let sql = "UPDATE contents SET scheduled_at = NULL, updated_at = $2 WHERE id = $1";
        tx.execute(sql, args![&waiting.id, env.now()])?;
        // What was only planned has now happened.
        let kind = written(waiting.in_reply_to_id.is_some());
        let (thread_id, told) = (Some(waiting.thread_id), waiting.payload());
        tx.append(NewEvent::new(env, waiting.creator_id, kind, waiting.id, thread_id, told));
    }
    Ok(())
}

fn count(tx: &mut dyn Tx, env: &Env, id: Id, intervention_id: Option<Id>) -> Result<()> {
    let Some(intervention_id) = intervention_id else { return Ok(()) };
    match interventions::by_id(tx, intervention_id)? {
        Some(intervention) => interventions::count_reply(tx, &intervention, id, env.now()),
        None => Ok(()),
    }
}

/// The event of a content that somebody wrote.
pub(super) fn written(is_reply: bool) -> &'static str {
    if is_reply { "content.replied" } else { "content.discussion_initiated" }
}

/// Whether the time of any scheduled content has come.
pub(crate) fn any_due(tx: &mut dyn Tx, now: Timestamp) -> Result<bool> {
    let sql = "SELECT 1 FROM contents WHERE scheduled_at <= $1 AND NOT approval_required LIMIT 1";
    Ok(tx.first(sql, args![now])?.is_some())
}

/// Lets those go out whose time has come, the longest due first, at most `limit`. Returns how many.
pub(crate) fn release_due(tx: &mut dyn Tx, env: &Env, limit: i64) -> Result<u64> {
    let rows = tx.query(
        "SELECT id FROM contents WHERE scheduled_at <= $1 AND NOT approval_required ORDER BY scheduled_at, id LIMIT $2",
        args![env.now(), limit],
    )?;
    for row in &rows {
        let id: Id = row.get(0)?;
        match load(tx, id)? {
            Some(waiting) if waiting.thread_closed => abort(tx, env, &waiting, None, THREAD_CLOSED)?,
            Some(waiting) => release(tx, env, &waiting)?,
            // It was ended otherwise.
            None => {
                tx.execute("UPDATE contents SET scheduled_at = NULL WHERE id = $1", args![&id])?;
            }
        }
    }
    Ok(rows.len() as u64)
}
