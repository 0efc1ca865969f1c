//! Comments: remarks of agents on an intervention, which customers never see. Whoever may read the intervention's source
//! may read, write and delete them.

use std::sync::Arc;

use frontdesk_model::{Id, Result, SourceRight, Timestamp, error};
use frontdesk_people::callers;
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging, given};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Intervention, find};
use crate::sources::told_id;
use crate::{Conversations, events, pace};

const BODY_CHARACTERS_MAX: usize = 20_000;
/// At most this many comments on one intervention.
const COMMENTS_MAX: i64 = 1_000;

/// A comment as REST shows it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "InterventionComment")]
struct Comment {
    id: Id,
    intervention_id: Id,
    thread_id: Id,
    /// Who wrote it.
    user_id: Id,
    /// The customer whose intervention it is. The public description spells the name so.
    #[serde(rename = "videntity_id")]
    customer_id: Id,
    /// The same under its plain name (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    identity_id: Option<Id>,
    body: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT id, intervention_id, thread_id, user_id, identity_id, body, created_at, updated_at, source_id
    FROM intervention_comments";

fn comment(row: &Row, extended: bool) -> Result<Comment> {
    let customer_id: Id = row.get(4)?;
    Ok(Comment {
        id: row.get(0)?,
        intervention_id: row.get(1)?,
        thread_id: row.get(2)?,
        user_id: row.get(3)?,
        customer_id,
        identity_id: extended.then_some(customer_id),
        body: row.get(5)?,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

/// Parameters of `getAllInterventionComments`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only those on this intervention.
    intervention_id: Option<String>,
    /// Only those on interventions of this thread.
    thread_id: Option<String>,
    /// Only those that this user wrote.
    user_id: Option<String>,
    /// Only those on interventions of this identity.
    identity_id: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Parameters of `createInterventionComment`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// The text.
    #[schemars(length(max = BODY_CHARACTERS_MAX))]
    body: String,
    /// The intervention that it is about.
    intervention_id: String,
    /// Who writes it: the caller when absent, or somebody as whom the caller may act.
    user_id: Option<String>,
}

pub(crate) fn operations(_: &Arc<Conversations>) -> Vec<Operation> {
    let tag = "Intervention Comments";
    let (all, one) = ("/intervention_comments", "/intervention_comments/{interventionCommentId}");
    vec![
        Operation::read("getAllInterventionComments", Method::GET, all, list)
            .tag(tag)
            .summary("Lists the comments on interventions of sources that the caller may read, newest first."),
        Operation::write("createInterventionComment", Method::POST, all, create)
            .tag(tag)
            .summary("Comments on an intervention.")
            .notes("An intervention on a source that the caller may not read is 404.")
            .replay(|call, answer, tx| find(tx, &call.caller, told_id(answer, "intervention_id")?).map(drop)),
        Operation::read("getInterventionComment", Method::GET, one, |call, _: NoParameters, tx| show(call, tx))
            .tag(tag)
            .summary("Reads a comment."),
        Operation::write("deleteInterventionComment", Method::DELETE, one, |call, _: NoParameters, tx| {
            delete(call, tx)
        })
        .tag(tag)
        .summary("Deletes a comment."),
    ]
}

fn list(call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Comment>> {
    let readable = call.caller.sources_with(SourceRight::Read);
    let paging = parameters.paging;
    let mut wanted: Vec<(&str, Id)> = Vec::new();
    for (column, text) in [
        ("intervention_id", &parameters.intervention_id),
        ("thread_id", &parameters.thread_id),
        ("user_id", &parameters.user_id),
        ("identity_id", &parameters.identity_id),
    ] {
        let Ok(id) = given::id(text.as_deref()) else { return Ok(Page::new(0, paging, Vec::new())) };
        wanted.extend(id.map(|id| (column, id)));
    }
    let mut filter = Filter::default();
    filter.and_in(tx, "source_id", &readable);
    for (column, id) in &wanted {
        filter.and_equal(column, id);
    }
    let Paging { offset, limit } = paging;
    let count = filter.count(tx, "intervention_comments", offset, limit)?;
    let rows = filter.page(tx, SELECT, "created_at DESC, id DESC", offset, limit)?;
    let records = rows.iter().map(|row| comment(row, call.extended)).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, records))
}

fn show(call: &Call, tx: &mut dyn Tx) -> Result<Comment> {
    by_id(call, call.id("interventionCommentId", "comment")?, tx)
}

fn by_id(call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Comment> {
    let row = tx.first(&format!("{SELECT} WHERE id = $1"), args![&id])?.ok_or_else(|| error::not_found("comment"))?;
    if !call.caller.may_on(row.get(8)?, SourceRight::Read) {
        return Err(error::not_found("comment"));
    }
    comment(&row, call.extended)
}

fn create(call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Comment> {
    let intervention_id = parameters.intervention_id.parse().map_err(|_| error::not_found("intervention"))?;
    let intervention = find(tx, &call.caller, intervention_id)?;
    let user_id = author(call, parameters.user_id.as_deref(), intervention.source_id, tx)?;
    let id = insert(call, &intervention, user_id, &parameters.body, tx)?;
    by_id(call, id, tx)
}

/// Writes a remark of the caller.
pub(crate) fn write(call: &Call, intervention_id: Id, body: &str, tx: &mut dyn Tx) -> Result<()> {
    let intervention = find(tx, &call.caller, intervention_id)?;
    insert(call, &intervention, call.caller.user_id, body, tx).map(drop)
}

fn insert(call: &Call, intervention: &Intervention, user_id: Id, body: &str, tx: &mut dyn Tx) -> Result<Id> {
    if intervention.comments_count >= COMMENTS_MAX {
        let message = format!("An intervention has at most {COMMENTS_MAX} comments.");
        return Err(error::invalid("intervention_id", "too_many", message));
    }
    pace::check(call, intervention.thread_id, "intervention_comment.created", tx)?;
    let (id, now) = (call.env.id(), call.env.now());
    tx.execute(
        "INSERT INTO intervention_comments (id, intervention_id, source_id, thread_id, identity_id, user_id, body,
           created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)",
        args![
            &id,
            &intervention.id,
            &intervention.source_id,
            &intervention.thread_id,
            &intervention.identity_id,
            &user_id,
            body,
            now
        ],
    )?;
    tx.execute(
        "UPDATE interventions SET comments_count = comments_count + 1, updated_at = $2 WHERE id = $1",
        args![&intervention.id, now],
    )?;
    let payload = json!({
        "source_id": intervention.source_id, "intervention_id": intervention.id, "user_id": user_id,
    });
    tx.append(events::by(call, "intervention_comment.created", id, Some(intervention.thread_id), payload));
    Ok(id)
}

/// Writing for somebody else is as acting as them, and they must be able to read the intervention.
fn author(call: &Call, user_id: Option<&str>, source_id: Id, tx: &mut dyn Tx) -> Result<Id> {
    let Some(text) = user_id.filter(|text| !text.is_empty()) else { return Ok(call.caller.user_id) };
    match callers::acting_as(tx, &call.caller, text)? {
        Some(user) if user.may_on(source_id, SourceRight::Read) => Ok(user.user_id),
        _ => {
            let message = "user_id: you may not act as this user, or they may not read the intervention's source.";
            Err(error::invalid("user_id", "invalid", message))
        }
    }
}

fn delete(call: &Call, tx: &mut dyn Tx) -> Result<Comment> {
    let comment = show(call, tx)?;
    tx.execute("DELETE FROM intervention_comments WHERE id = $1", args![&comment.id])?;
    tx.execute(
        "UPDATE interventions SET comments_count = comments_count - 1, updated_at = $2 WHERE id = $1",
        args![&comment.intervention_id, call.env.now()],
    )?;
    let payload = json!({ "intervention_id": comment.intervention_id, "user_id": comment.user_id });
    tx.append(events::by(call, "intervention_comment.destroyed", comment.id, Some(comment.thread_id), payload));
    Ok(comment)
}
