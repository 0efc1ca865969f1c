//! Contents that wait before they go out: for another person's approval, or for their time. Until
//! then they are `export_pending`, no channel gets them, and they count as nobody's reply.

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Caller, Env, Id, Permission, Result, SourceRight, Timestamp, error};
use frontdesk_people::{callers, settings};
use frontdesk_rest::Call;
use frontdesk_store::{Seal, Tx, args};
use serde_json::{Map, Value, json};

use super::commands::check_body;
use super::{Content, find, indexing, structured};
use crate::{categories, events, interventions, moments};

/// At most this far ahead: a year.
const SCHEDULE_SECONDS_MAX: i64 = 366 * 24 * 60 * 60;
const REASON_CHARACTERS_MAX: usize = 1_000;
/// What people read on a content that was not approved, when nobody gave a reason.
const NOT_APPROVED: &str = "It was not approved.";
const WITHDRAWN: &str = "It was withdrawn before it went out.";
const THREAD_CLOSED: &str = "The thread was closed before its time came.";
const AUTHOR_GONE: &str = "Its author was deleted or disabled before its time came.";
const RIGHT_LOST: &str = "Its author may not write on this source any more.";

/// What a content waits for; nothing by default.
#[derive(Clone, Copy, Default)]
pub(super) struct Hold {
    pub(super) approval: bool,
    pub(super) until: Option<Timestamp>,
}

/// What decides whether a new content waits for approval, beside its author's rights, which may always ask for it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Approval {
    /// Nothing else.
    #[default]
    ByRights,
    /// The author asks for it: where the setting `self_approval_required` lets authors choose.
    Asked,
    /// It is a draft: it waits in any case. Nobody chooses, so the setting has no say, and no right lets it through.
    Draft,
}

impl Hold {
    /// What a new content of the caller on a source waits for: approval, and the time that they tell.
    pub(super) fn of(
        call: &Call,
        seal: &Seal,
        matter: Matter,
        approval: Approval,
        at: Option<&str>,
        tx: &mut dyn Tx,
    ) -> Result<Hold> {
        if approval == Approval::Asked && !settings::load(tx)?.self_approval_required {
            let message = "approval_required: authors may not ask for approval here (setting self_approval_required).";
            return Err(error::forbidden(message));
        }
        Ok(Hold {
            approval: approval != Approval::ByRights || needs_approval(seal, &call.caller, matter),
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

/// What somebody writes about, as far as it decides whether they need approval.
#[derive(Clone, Copy)]
pub(super) struct Matter {
    pub(super) source_id: Id,
    /// The thread in which they answer; none when they write first.
    pub(super) thread_id: Option<Id>,
    pub(super) recipient_id: Option<Id>,
    pub(super) at: Timestamp,
}

/// A threshold is the share of what somebody writes that is drawn for approval; without one, the right alone decides.
/// To try again changes nothing: one draw holds for all that a person answers in a thread, for every
/// discussion with somebody that they begin, and for a day's discussions with nobody in particular.
fn needs_approval(seal: &Seal, author: &Caller, matter: Matter) -> bool {
    let rights = author.rights(matter.source_id);
    let Some(percent) = rights.approval_threshold() else { return rights.has(SourceRight::ApprovalRequired) };
    let drawn = match (matter.thread_id, matter.recipient_id) {
        (Some(thread_id), _) => format!("{} in {thread_id}", author.user_id),
        (None, Some(recipient_id)) => format!("{} on {} to {recipient_id}", author.user_id, matter.source_id),
        (None, None) => format!("{} on {} {}", author.user_id, matter.source_id, &matter.at.rest()[..DAY_LENGTH]),
    };
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &seal.derive("draws for approval"));
    let hash = ring::hmac::sign(&key, drawn.as_bytes());
    let number = hash.as_ref().iter().take(4).fold(0_i64, |number, byte| number << 8 | i64::from(*byte));
    number % 100 < percent
}

/// Of a time as REST shows it: `2026-01-31`.
const DAY_LENGTH: usize = 10;

/// What somebody needs on a source to write there.
fn right_to_write(is_reply: bool) -> SourceRight {
    if is_reply { SourceRight::Reply } else { SourceRight::InitiateDiscussion }
}

/// 403 unless the caller may write now what goes out now.
pub(super) fn require_right(call: &Call, source_id: Id, is_reply: bool) -> Result<()> {
    if call.caller.may_on(source_id, right_to_write(is_reply)) {
        return Ok(());
    }
    let what = if is_reply { "reply" } else { "initiate discussions" };
    Err(error::forbidden(format!("You may not {what} on this source.")))
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
    recipient_id: Option<Id>,
    created_at: Timestamp,
    updated_at: Timestamp,
    title: Option<String>,
    extras: Map<String, Value>,
}

/// The content if it waits.
fn load(tx: &mut dyn Tx, id: Id) -> Result<Option<Waiting>> {
    let row = tx.first(
        "SELECT contents.id, contents.source_id, contents.thread_id, contents.author_id, contents.creator_id,
                contents.intervention_id, contents.in_reply_to_id, contents.type, contents.status, contents.body,
                contents.private, contents.first_in_thread, contents.attachments_count, contents.approval_required,
                contents.scheduled_at, threads.closed, contents.title, contents.extras,
                contents.recipient_id, contents.created_at, contents.updated_at
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
        recipient_id: row.get(18)?,
        created_at: row.get(19)?,
        updated_at: row.get(20)?,
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

    /// Whether the caller, or who acts as them, wrote it or changed its text last.
    fn is_from(&self, call: &Call) -> bool {
        let hand = self.extras.get(EDITED_BY);
        [call.caller.user_id, call.caller.owner_id]
            .into_iter()
            .any(|id| self.creator_id == Some(id) || hand == Some(&json!(id)))
    }

    fn matter(&self) -> Matter {
        Matter {
            source_id: self.source_id,
            thread_id: self.in_reply_to_id.map(|_| self.thread_id),
            recipient_id: self.recipient_id,
            at: self.created_at,
        }
    }

    /// Whether the caller may decide about it in place of its author.
    fn is_judged_by(&self, call: &Call) -> bool {
        !self.is_by(call)
            && self.approval_required
            && call.caller.may(Permission::ApproveContent)
            && call.caller.may_on(self.source_id, SourceRight::Reply)
    }

    /// Whether it may not go out unless its author, with the rights that they have now, gets it approved first.
    fn lacks_approval(&self, seal: &Seal, author: &Caller) -> bool {
        !self.approval_required && !self.extras.contains_key(APPROVED) && needs_approval(seal, author, self.matter())
    }

    fn payload(&self, tx: &mut dyn Tx) -> Result<Value> {
        let category_ids = categories::told(tx, Some(self.id), self.intervention_id, self.thread_id)?;
        Ok(json!({
            "source_id": self.source_id, "author_id": self.author_id, "intervention_id": self.intervention_id,
            "in_reply_to_id": self.in_reply_to_id, "status": self.status, "type": self.r#type,
            "first_in_thread": self.first_in_thread, "private": self.private, "approval_required": false,
            "category_ids": category_ids,
        }))
    }
}

/// 403 unless the caller may decide about this content: it waits for that, and somebody else wrote it.
fn require_judge(call: &Call, waiting: &Waiting) -> Result<()> {
    call.caller.require_any(&[Permission::ApproveContent])?;
    if !waiting.approval_required {
        return Err(error::forbidden("The content waits for its time, not for approval."));
    }
    if waiting.is_by(call) || waiting.creator_id == Some(call.caller.owner_id) {
        return Err(error::forbidden("You wrote this content: somebody else has to approve it."));
    }
    if !waiting.is_judged_by(call) {
        return Err(error::forbidden("You may not reply on this source."));
    }
    Ok(())
}

/// Lets a content go out that waited for approval; one that is scheduled waits for its time from now on. 409 when it is
/// not as it was at `seen_at`, the updated_at that was shown to who approves.
pub(super) fn approve(call: &Call, id: Id, seen_at: Option<Timestamp>, tx: &mut dyn Tx) -> Result<()> {
    let waiting = Waiting::find(call, id, tx)?;
    require_judge(call, &waiting)?;
    // Else who approves could send anything that nobody else has seen.
    if waiting.is_from(call) {
        return Err(error::forbidden("You changed this content last: somebody else has to approve it."));
    }
    if seen_at.is_some_and(|at| at.rest() != waiting.updated_at.rest()) {
        let message = "The content has changed since: read it again, and approve it with its new updated_at.";
        return Err(error::conflict(message));
    }
    if waiting.thread_closed {
        return Err(error::forbidden("The thread is closed: open it to approve the content."));
    }
    let now = call.env.now();
    let mut extras = waiting.extras.clone();
    extras.insert(APPROVED.into(), json!(true));
    let sql = "UPDATE contents SET approval_required = FALSE, extras = $3, updated_at = $2 WHERE id = $1";
    tx.execute(sql, args![&id, now, &Value::Object(extras).to_string()])?;
    let told = waiting.payload(tx)?;
    tx.append(events::by(call, "content.approved", id, Some(waiting.thread_id), told));
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

/// Takes a content back that has not gone out yet: its author may, and who looks after others' work.
pub(super) fn withdraw(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<()> {
    let waiting = Waiting::find(call, id, tx)?;
    if !waiting.is_by(call) {
        call.caller.require_any(&[Permission::UpdateIntervention, Permission::ApproveContent])?;
    }
    abort(tx, &call.env, &waiting, Some(call.caller.user_id), WITHDRAWN)
}

/// Among the extras of a content that was taken back before it went out: it was never a reply. Holds whether it waited
/// for approval.
const WITHHELD: &str = "withheld";
/// Among the extras of a content that waits: whose hand its text is from, if not its author's own.
const EDITED_BY: &str = "edited_by";
/// Among the extras of a content that waits for its time: its text has been approved.
const APPROVED: &str = "approved";

/// What is noted of who acts as the author of a new content that waits for approval: it is not for them to give it.
pub(super) fn hand(call: &Call) -> Option<(String, Value)> {
    let owner_id = call.caller.owner_id;
    (owner_id != call.caller.user_id).then(|| (EDITED_BY.into(), json!(owner_id)))
}

fn read_extras(text: Option<String>) -> Result<Map<String, Value>> {
    let read = serde_json::from_str(text.as_deref().unwrap_or("{}"));
    read.map_err(|trouble| error::broken(format!("contents.extras: {trouble}")))
}

fn abort(tx: &mut dyn Tx, env: &Env, waiting: &Waiting, user_id: Option<Id>, reason: &str) -> Result<()> {
    let mut extras = waiting.extras.clone();
    extras.remove(APPROVED);
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

/// Changes a content that has not gone out yet: its author may who still may write such a one, and who may approve it.
pub(super) fn edit(call: &Call, seal: &Seal, id: Id, edit: &Edit, tx: &mut dyn Tx) -> Result<()> {
    let mut waiting = Waiting::find(call, id, tx)?;
    if !waiting.is_by(call) && !waiting.is_judged_by(call) {
        return Err(error::forbidden("Only its author, and who may approve it, can change this content."));
    }
    if waiting.is_by(call) {
        require_right(call, waiting.source_id, waiting.in_reply_to_id.is_some())?;
    }
    let scheduled_at = match edit.scheduled_at.as_deref() {
        None => waiting.scheduled_at,
        Some("") => None,
        Some(text) => Some(time(call, text)?),
    };
    let body = edit.body.as_deref().filter(|body| *body != waiting.body);
    if let Some(body) = body {
        let stands_alone = waiting.extras.get(structured::KEY).is_some_and(|content| !structured::needs_body(content));
        check_body(body, waiting.attachments_count > 0 || stands_alone)?;
        indexing::index(tx, id, waiting.title.as_deref(), body, "text")?;
    }
    if body.is_none() && scheduled_at == waiting.scheduled_at {
        return Ok(());
    }
    if body.is_some() {
        // An approval was given for another text.
        waiting.extras.remove(APPROVED);
        match waiting.creator_id == Some(call.caller.owner_id) {
            true => waiting.extras.remove(EDITED_BY),
            false => waiting.extras.insert(EDITED_BY.into(), json!(call.caller.owner_id)),
        };
    }
    let asks_again = waiting.is_by(call) && waiting.lacks_approval(seal, &call.caller);
    waiting.approval_required |= asks_again;
    let extras = Value::Object(waiting.extras.clone()).to_string();
    tx.execute(
        "UPDATE contents SET body = coalesce($2, body), scheduled_at = $3, approval_required = $4, extras = $5,
           updated_at = $6
         WHERE id = $1",
        // Each state is shown with a time of its own, which is told in seconds.
        args![
            &id,
            body,
            scheduled_at,
            waiting.approval_required,
            &extras,
            call.env.now().max(waiting.updated_at.plus_seconds(1))
        ],
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
pub(super) fn resume(call: &Call, seal: &Seal, content: &Content, tx: &mut dyn Tx) -> Result<bool> {
    let id = content.id;
    let row = tx.one(
        "SELECT contents.extras, parents.id, contents.in_reply_to_id, contents.recipient_id, contents.created_at
         FROM contents LEFT JOIN contents AS parents ON parents.id = contents.in_reply_to_id
         WHERE contents.id = $1",
        args![&id],
    )?;
    let (mut extras, parent_id) = (read_extras(row.get(0)?)?, row.get::<Option<Id>>(1)?);
    let in_reply_to_id: Option<Id> = row.get(2)?;
    let matter = Matter {
        source_id: content.source_id,
        thread_id: in_reply_to_id.map(|_| content.thread_id),
        recipient_id: row.get(3)?,
        at: row.get(4)?,
    };
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
    let waits = withheld["approval"] != json!(false) || needs_approval(seal, &call.caller, matter);
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
        let (thread_id, told) = (Some(waiting.thread_id), waiting.payload(tx)?);
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
pub(crate) fn release_due(tx: &mut dyn Tx, env: &Env, seal: &Seal, limit: i64) -> Result<u64> {
    let rows = tx.query(
        "SELECT id FROM contents WHERE scheduled_at <= $1 AND NOT approval_required ORDER BY scheduled_at, id LIMIT $2",
        args![env.now(), limit],
    )?;
    for row in &rows {
        let id: Id = row.get(0)?;
        match load(tx, id)? {
            Some(waiting) => release_one(tx, env, seal, &waiting)?,
            // It was ended otherwise.
            None => {
                tx.execute("UPDATE contents SET scheduled_at = NULL WHERE id = $1", args![&id])?;
            }
        }
    }
    Ok(rows.len() as u64)
}

/// What counts is what its author may do now, not when they wrote it.
fn release_one(tx: &mut dyn Tx, env: &Env, seal: &Seal, waiting: &Waiting) -> Result<()> {
    if waiting.thread_closed {
        return abort(tx, env, waiting, None, THREAD_CLOSED);
    }
    let author = match waiting.creator_id {
        Some(creator_id) => callers::enabled(tx, creator_id)?,
        None => None,
    };
    let Some(author) = author else { return abort(tx, env, waiting, None, AUTHOR_GONE) };
    if !author.may_on(waiting.source_id, right_to_write(waiting.in_reply_to_id.is_some())) {
        return abort(tx, env, waiting, None, RIGHT_LOST);
    }
    if waiting.lacks_approval(seal, &author) {
        let sql = "UPDATE contents SET approval_required = TRUE, updated_at = $2 WHERE id = $1";
        tx.execute(sql, args![&waiting.id, env.now()])?;
        let told = json!({ "source_id": waiting.source_id, "approval_required": true });
        let thread_id = Some(waiting.thread_id);
        tx.append(NewEvent::new(env, None, "content.approval_requested", waiting.id, thread_id, told));
        return Ok(());
    }
    release(tx, env, waiting)
}
