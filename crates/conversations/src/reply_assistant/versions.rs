//! Versions: what an entry says, in one language, on some sources or on all.

use std::sync::Arc;

use frontdesk_model::{Id, Permission, Result, Timestamp, error};
use frontdesk_people::checked;
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_sources::inbound::BodyFormat;
use frontdesk_store::search::fold;
use frontdesk_store::{Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{VERSIONS_MAX, VERSIONS_PER_ENTRY_MAX, entries, is_offered, sources, stored};
use crate::attachments::{self, ContentAttachment};
use crate::contents::{WrittenAs, body};
use crate::{Conversations, events};

/// As many as a content may have (Channel SDK, objects page).
const BODY_CHARACTERS_MAX: usize = 20_000;
/// Characters of a body's words that are searched.
const WORDS_CHARACTERS_MAX: usize = 2_000;

/// A version as REST shows it.
#[derive(Clone, PartialEq, Debug, Serialize, JsonSchema)]
#[schemars(rename = "ReplyAssistantVersion")]
struct Version {
    id: Id,
    entry_id: Id,
    body: String,
    /// text or html.
    #[schemars(extend("enum" = ["text", "html"]))]
    format: String,
    language: Option<String>,
    /// Where it is offered; empty: everywhere where its entry is.
    source_ids: Vec<Id>,
    attachments_count: i64,
    /// The files that go out with it, in order (`extended=true`).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-frontdesk-extension" = true))]
    attachments: Option<Vec<ContentAttachment>>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const COLUMNS: &str = "id, entry_id, body, body_format, language, source_ids, created_at, updated_at";

fn version(row: &Row) -> Result<Version> {
    Ok(Version {
        id: row.get(0)?,
        entry_id: row.get(1)?,
        body: row.get(2)?,
        format: row.get(3)?,
        language: row.get(4)?,
        source_ids: stored(&row.get::<String>(5)?)?,
        attachments_count: 0,
        attachments: None,
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

/// Parameters of `createReplyAssistantVersion`.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// What it says. `{{name}}` stands for a value: customer_name, customer_firstname, customer_lastname, customer_email,
    /// agent_name, agent_firstname, agent_lastname, source_name, thread_title; behind a bar is what stands there when there
    /// is no value, as in `{{customer_firstname|there}}`.
    #[schemars(length(max = BODY_CHARACTERS_MAX))]
    body: String,
    /// The entry that it is a version of.
    entry_id: String,
    #[serde(flatten)]
    attributes: Attributes,
}

/// Parameters of `updateReplyAssistantVersion`.
#[derive(Deserialize, JsonSchema)]
struct Update {
    /// What it says, as in createReplyAssistantVersion.
    #[schemars(length(max = BODY_CHARACTERS_MAX))]
    body: Option<String>,
    /// The entry that it is a version of.
    entry_id: Option<String>,
    #[serde(flatten)]
    attributes: Attributes,
}

/// What a version is made of beside its text and its entry.
#[derive(Deserialize, JsonSchema)]
struct Attributes {
    /// The sources where it is offered, of those that the caller may read; empty: everywhere where its entry is.
    source_ids: Option<Vec<Id>>,
    /// text (when absent) or html.
    format: Option<WrittenAs>,
    /// The two-letter code of its language; empty: none.
    language: Option<String>,
    /// Ours: the files that go out with it, in this order: those that it has, and uploads of the caller's that are not used
    /// yet. Empty: none.
    attachment_ids: Option<Vec<Id>>,
}

pub(super) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let [for_list, for_show, for_create, for_update, for_delete] = std::array::from_fn(|_| app.clone());
    let (all, one) = ("/reply_assistant/versions", "/reply_assistant/versions/{replyAssistantVersionId}");
    [
        Operation::read("getAllReplyAssistantVersions", Method::GET, all, move |call, paging, tx| {
            list(&for_list, call, paging, tx)
        })
        .summary("Lists the versions of the reply assistant's entries, oldest first."),
        Operation::read("getReplyAssistantVersion", Method::GET, one, move |call, _: NoParameters, tx| {
            find(&for_show, call, id(call)?, tx)
        })
        .summary("Reads a version."),
        Operation::write("createReplyAssistantVersion", Method::POST, all, move |call, parameters, tx| {
            create(&for_create, call, parameters, tx)
        })
        .summary("Adds a version to an entry.")
        .notes("404 when there is no such entry."),
        Operation::write("updateReplyAssistantVersion", Method::PUT, one, move |call, parameters, tx| {
            update(&for_update, call, parameters, tx)
        })
        .summary("Updates a version.")
        .notes("404 when there is no such entry."),
        Operation::write("deleteReplyAssistantVersion", Method::DELETE, one, move |call, _: NoParameters, tx| {
            delete(&for_delete, call, tx)
        })
        .summary("Deletes a version."),
    ]
    .into_iter()
    .map(|operation| operation.tag("Reply Assistant Versions").permissions(&[Permission::ManageReplyAssistant]))
    .collect()
}

fn id(call: &Call) -> Result<Id> {
    call.id("replyAssistantVersionId", "version")
}

fn find(app: &Conversations, call: &Call, id: Id, tx: &mut dyn Tx) -> Result<Version> {
    let row = tx.first(&format!("SELECT {COLUMNS} FROM reply_assistant_versions WHERE id = $1"), args![&id])?;
    let found = version(&row.ok_or_else(|| error::not_found("version"))?)?;
    with_files(app, call, vec![found], tx)?.pop().ok_or_else(|| error::not_found("version"))
}

fn with_files(app: &Conversations, call: &Call, mut versions: Vec<Version>, tx: &mut dyn Tx) -> Result<Vec<Version>> {
    let ids: Vec<Id> = versions.iter().map(|version| version.id).collect();
    let mut files = attachments::of_versions(tx, &app.public_url, &ids)?;
    for version in &mut versions {
        let files = files.remove(&version.id).unwrap_or_default();
        version.attachments_count = files.len() as i64;
        version.attachments = Some(files).filter(|_| call.extended);
    }
    Ok(versions)
}

/// Whether a version, if there is such, is offered on one of these sources, to whichever contents.
pub(crate) fn is_offered_on(tx: &mut dyn Tx, id: Id, source_ids: &[Id]) -> Result<bool> {
    let sql = "SELECT versions.source_ids, entries.source_ids FROM reply_assistant_versions AS versions
               JOIN reply_assistant_entries AS entries ON entries.id = versions.entry_id WHERE versions.id = $1";
    let Some(row) = tx.first(sql, args![&id])? else { return Ok(false) };
    let (own, of_entry): (Vec<Id>, Vec<Id>) = (stored(&row.get::<String>(0)?)?, stored(&row.get::<String>(1)?)?);
    Ok(source_ids.iter().any(|id| is_offered(&own, *id) && is_offered(&of_entry, *id)))
}

fn list(app: &Conversations, call: &Call, paging: Paging, tx: &mut dyn Tx) -> Result<Page<Version>> {
    let count = tx.one("SELECT count(*) FROM reply_assistant_versions", args![])?.get(0)?;
    let rows = tx.query(
        &format!("SELECT {COLUMNS} FROM reply_assistant_versions ORDER BY created_at, id LIMIT $1 OFFSET $2"),
        args![paging.limit, paging.offset],
    )?;
    let versions = rows.iter().map(version).collect::<Result<_>>()?;
    Ok(Page::new(count, paging, with_files(app, call, versions, tx)?))
}

fn create(app: &Conversations, call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Version> {
    let now = call.env.now();
    let blank = Version {
        id: call.env.id(),
        entry_id: entry(tx, &parameters.entry_id)?,
        body: String::new(),
        format: BodyFormat::Text.as_str().into(),
        language: None,
        source_ids: Vec::new(),
        attachments_count: 0,
        attachments: None,
        created_at: now,
        updated_at: now,
    };
    let attachment_ids = parameters.attributes.attachment_ids.clone();
    let made = changed(call, &blank, Some(parameters.body), parameters.attributes)?;
    super::require_room(tx, "reply_assistant_versions", VERSIONS_MAX, "versions")?;
    require_room_in(tx, made.entry_id)?;
    tx.execute(
        &format!("INSERT INTO reply_assistant_versions ({COLUMNS}, words) VALUES ($1, $2, $3, $4, $5, $6, $7, $7, $8)"),
        args![
            &made.id,
            &made.entry_id,
            &made.body,
            &made.format,
            &made.language,
            &json!(made.source_ids).to_string(),
            now,
            &words(&made)
        ],
    )?;
    if let Some(ids) = attachment_ids {
        attachments::put_on_version(tx, call, made.id, &ids)?;
    }
    announce(call, "reply_assistant_knowledge_base_version.created", &made, tx);
    find(app, call, made.id, tx)
}

fn update(app: &Conversations, call: &Call, parameters: Update, tx: &mut dyn Tx) -> Result<Version> {
    let before = find(app, call, id(call)?, tx)?;
    let files_changed = match &parameters.attributes.attachment_ids {
        Some(ids) => attachments::put_on_version(tx, call, before.id, ids)?,
        None => false,
    };
    let mut after = changed(call, &before, parameters.body, parameters.attributes)?;
    if let Some(entry_id) = &parameters.entry_id {
        after.entry_id = entry(tx, entry_id)?;
    }
    if after == before && !files_changed {
        return Ok(before);
    }
    if after.entry_id != before.entry_id {
        require_room_in(tx, after.entry_id)?;
    }
    tx.execute(
        "UPDATE reply_assistant_versions SET entry_id = $2, body = $3, body_format = $4, language = $5, source_ids = $6,
           words = $7, updated_at = $8
         WHERE id = $1",
        args![
            &after.id,
            &after.entry_id,
            &after.body,
            &after.format,
            &after.language,
            &json!(after.source_ids).to_string(),
            &words(&after),
            call.env.now()
        ],
    )?;
    announce(call, "reply_assistant_knowledge_base_version.updated", &after, tx);
    find(app, call, after.id, tx)
}

fn delete(app: &Conversations, call: &Call, tx: &mut dyn Tx) -> Result<Version> {
    let found = find(app, call, id(call)?, tx)?;
    attachments::remove_of_versions(tx, &[found.id])?;
    tx.execute("DELETE FROM reply_assistant_versions WHERE id = $1", args![&found.id])?;
    announce(call, "reply_assistant_knowledge_base_version.destroyed", &found, tx);
    Ok(found)
}

fn announce(call: &Call, kind: &'static str, version: &Version, tx: &mut dyn Tx) {
    tx.append(events::by(call, kind, version.id, None, json!({ "entry_id": version.entry_id })));
}

/// As documented, an unknown entry is missing rather than wrong; a malformed id names nothing.
fn entry(tx: &mut dyn Tx, id: &str) -> Result<Id> {
    if id.is_empty() {
        return Err(error::invalid("entry_id", "blank", "entry_id can't be blank."));
    }
    let id = id.parse().map_err(|_| error::not_found("entry"))?;
    Ok(entries::find(tx, id)?.id)
}

fn require_room_in(tx: &mut dyn Tx, entry_id: Id) -> Result<()> {
    let sql = "SELECT count(*) FROM reply_assistant_versions WHERE entry_id = $1";
    if tx.one(sql, args![&entry_id])?.get::<i64>(0)? >= VERSIONS_PER_ENTRY_MAX {
        let message = format!("An entry has at most {VERSIONS_PER_ENTRY_MAX} versions.");
        return Err(error::unprocessable("too_many", message));
    }
    Ok(())
}

/// What of it is searched.
fn words(version: &Version) -> String {
    fold(&body::text(&version.body, &version.format)).chars().take(WORDS_CHARACTERS_MAX).collect()
}

fn changed(call: &Call, before: &Version, given_body: Option<String>, given: Attributes) -> Result<Version> {
    let mut version = before.clone();
    if let Some(format) = given.format {
        version.format = BodyFormat::from(format).as_str().into();
    }
    if let Some(body) = given_body {
        if body.chars().count() > BODY_CHARACTERS_MAX {
            let message = format!("body has at most {BODY_CHARACTERS_MAX} characters.");
            return Err(error::invalid("body", "too_long", message));
        }
        version.body = body;
    }
    if body::text(&version.body, &version.format).trim().is_empty() {
        return Err(error::invalid("body", "blank", "body can't be blank."));
    }
    if let Some(language) = given.language {
        version.language = checked::language("language", &language)?;
    }
    if let Some(ids) = given.source_ids {
        version.source_ids = sources(call, &before.source_ids, ids)?;
    }
    Ok(version)
}
