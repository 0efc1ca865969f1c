//! Drafts: what an agent has begun to write in a thread and has not sent. Each agent has one in a thread, which nobody else
//! reads; that there is one is in the log, as the platform's journal has it.

use frontdesk_model::{Id, Result, Timestamp, error};
use frontdesk_rest::{Call, NoParameters, Operation};
use frontdesk_sources::inbound::BodyFormat;
use frontdesk_store::{Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::find;
use crate::contents::WrittenAs;
use crate::events;

/// As many as a content may have (Channel SDK, objects page), and room for the marks of HTML.
const BODY_CHARACTERS_MAX: usize = 40_000;
/// Of one agent so many are kept, the latest ones.
const DRAFTS_MAX: i64 = 500;

/// What the caller has begun to write in a thread.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ThreadDraft")]
struct Draft {
    thread_id: Id,
    /// Empty while there is none.
    body: String,
    /// text or html.
    #[schemars(extend("enum" = ["text", "html"]))]
    body_format: String,
    /// Which state of it this is: sent back with a change, it keeps another tab's from being lost. 0 while there is none.
    version: i64,
    /// Null while there is none.
    updated_at: Option<Timestamp>,
}

/// Parameters of `updateThreadDraft`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// The text as it is now; empty or absent: there is no draft any longer.
    #[schemars(length(max = BODY_CHARACTERS_MAX))]
    body: Option<String>,
    /// text (when absent) or html.
    body_format: Option<WrittenAs>,
    /// The version that this one follows: 409 when another one is there by now. When absent, it takes the place of
    /// whatever is there.
    #[schemars(range(min = 0))]
    version: Option<i64>,
}

pub(super) fn operations() -> Vec<Operation> {
    let (tag, path) = ("Threads", "/content_threads/{threadId}/draft");
    vec![
        Operation::read("getThreadDraft", Method::GET, path, |call, _: NoParameters, tx| {
            let thread_id = thread(call, tx)?.0;
            Ok(shown(thread_id, read(call, thread_id, tx)?))
        })
        .tag(tag)
        .summary("Reads what the caller has begun to write in a thread.")
        .extension(),
        Operation::write("updateThreadDraft", Method::PUT, path, update)
            .tag(tag)
            .summary("Keeps what the caller has begun to write in a thread; an empty body forgets it.")
            .notes("Nobody else reads it. Of each agent the latest 500 are kept.")
            .extension(),
    ]
}

/// The thread of the path and its source.
fn thread(call: &Call, tx: &mut dyn Tx) -> Result<(Id, Id)> {
    let found = find(tx, &call.caller, call.id("threadId", "thread")?)?;
    Ok((found.id, found.source_id))
}

/// As it is kept.
struct Kept {
    id: Id,
    body: String,
    body_format: String,
    updated_at: Timestamp,
}

fn read(call: &Call, thread_id: Id, tx: &mut dyn Tx) -> Result<Option<Kept>> {
    let row = tx.first(
        "SELECT id, body, body_format, updated_at FROM thread_drafts WHERE user_id = $1 AND thread_id = $2",
        args![&call.caller.user_id, &thread_id],
    )?;
    row.map(|row| Ok(Kept { id: row.get(0)?, body: row.get(1)?, body_format: row.get(2)?, updated_at: row.get(3)? }))
        .transpose()
}

fn shown(thread_id: Id, kept: Option<Kept>) -> Draft {
    match kept {
        Some(kept) => Draft {
            thread_id,
            body: kept.body,
            body_format: kept.body_format,
            version: kept.updated_at.micros(),
            updated_at: Some(kept.updated_at),
        },
        None => Draft {
            thread_id,
            body: String::new(),
            body_format: BodyFormat::Text.as_str().into(),
            version: 0,
            updated_at: None,
        },
    }
}

fn update(call: &Call, given: Update, tx: &mut dyn Tx) -> Result<Draft> {
    let (thread_id, source_id) = thread(call, tx)?;
    let body_format = BodyFormat::from(given.body_format.unwrap_or_default());
    let body = given.body.unwrap_or_default();
    let before = read(call, thread_id, tx)?;
    let version = before.as_ref().map_or(0, |kept| kept.updated_at.micros());
    if given.version.is_some_and(|seen| seen != version) {
        return Err(error::conflict("The draft has changed since: read it again."));
    }
    let payload = json!({ "source_id": source_id });
    let user_id = call.caller.user_id;
    match before {
        None if body.is_empty() => {}
        Some(kept) if body.is_empty() => {
            tx.execute("DELETE FROM thread_drafts WHERE id = $1", args![&kept.id])?;
            tx.append(events::by(call, "content.draft_discarded", kept.id, Some(thread_id), payload));
        }
        Some(kept) if kept.body == body && kept.body_format == body_format.as_str() => {}
        Some(kept) => {
            // Two changes within a microsecond are two versions all the same.
            let now = call.env.now().max(Timestamp::from_micros(version + 1));
            tx.execute(
                "UPDATE thread_drafts SET body = $2, body_format = $3, updated_at = $4 WHERE id = $1",
                args![&kept.id, &body, body_format.as_str(), now],
            )?;
            tx.append(events::by(call, "content.draft_updated", kept.id, Some(thread_id), payload));
        }
        None => {
            let (id, now) = (call.env.id(), call.env.now());
            tx.execute(
                "INSERT INTO thread_drafts (id, user_id, thread_id, body, body_format, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $6)",
                args![&id, &user_id, &thread_id, &body, body_format.as_str(), now],
            )?;
            tx.execute(
                "DELETE FROM thread_drafts WHERE user_id = $1 AND id NOT IN
                   (SELECT id FROM thread_drafts WHERE user_id = $1 ORDER BY updated_at DESC, id DESC LIMIT $2)",
                args![&user_id, DRAFTS_MAX],
            )?;
            tx.append(events::by(call, "content.draft_created", id, Some(thread_id), payload));
        }
    }
    Ok(shown(thread_id, read(call, thread_id, tx)?))
}
