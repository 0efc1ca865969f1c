//! The operations on attachments.

use std::sync::Arc;

use frontdesk_model::{Caller, Id, Permission, Result, SourceRight, Timestamp, error, query};
use frontdesk_rest::{Call, NoParameters, Operation, Page, Paging};
use frontdesk_store::{Filter, Row, Tx, args};
use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{COLUMNS, ContentAttachment, attachment, bytes, names};
use crate::{Conversations, reply_assistant};

/// An attachment as REST shows it.
#[derive(Debug, Serialize, JsonSchema)]
struct Attachment {
    #[serde(flatten)]
    attachment: ContentAttachment,
    /// Empty: videos are kept as they are.
    video_metadata: Vec<String>,
}

fn answer(row: &Row, app: &Conversations) -> Result<Attachment> {
    Ok(Attachment { attachment: attachment(row, &app.public_url)?, video_metadata: Vec::new() })
}

/// Parameters of `getAllAttachments`.
#[derive(Deserialize, JsonSchema)]
struct List {
    /// Only files with this extension, such as pdf.
    extension: Option<String>,
    /// Only attachments created until this ISO 8601 time, which is included.
    created_before: Option<String>,
    /// Only attachments created since this ISO 8601 time, which is included.
    created_after: Option<String>,
    #[serde(flatten)]
    paging: Paging,
}

/// Parameters of `createAttachment`, beside the file.
#[derive(Deserialize, JsonSchema)]
struct Create {
    /// Whether the attachment is not public.
    private: Option<String>,
}

pub(crate) fn operations(app: &Arc<Conversations>) -> Vec<Operation> {
    let [for_list, for_show, for_create] = std::array::from_fn(|_| app.clone());
    let tag = "Attachments";
    let whose = "The caller's own unused uploads, the attachments of contents on sources that they may read, and files of \
                 the reply assistant's versions: all for who manages it, one by one also for who answers where they are \
                 offered.";
    vec![
        Operation::read("getAllAttachments", Method::GET, "/attachments", move |call, parameters, tx| {
            list(&for_list, call, parameters, tx)
        })
        .tag(tag)
        .summary("Lists attachments, newest first.")
        .notes(whose),
        Operation::read(
            "getAttachment",
            Method::GET,
            "/attachments/{attachmentId}",
            move |call, _: NoParameters, tx| {
                let id = call.id("attachmentId", "attachment")?;
                answer(&find(tx, &call.caller, id, COLUMNS)?, &for_show)
            },
        )
        .tag(tag)
        .summary("Reads an attachment.")
        .notes(whose),
        Operation::upload("createAttachment", Method::POST, "/attachments", move |call, parameters, tx| {
            create(&for_create, call, parameters, tx)
        })
        .tag(tag)
        .summary("Uploads a file, to be used once by createContent.")
        .notes("The file's type is taken from its name."),
    ]
}

fn list(app: &Conversations, call: &Call, parameters: List, tx: &mut dyn Tx) -> Result<Page<Attachment>> {
    let extension = parameters.extension.map(|text| text.trim_start_matches('.').to_ascii_lowercase());
    let before = time("created_before", parameters.created_before.as_deref())?;
    let after = time("created_after", parameters.created_after.as_deref())?;
    let readable = call.caller.sources_with(SourceRight::Read);
    let mut filter = Filter::default();
    and_visible(&mut filter, tx, &call.caller, &readable);
    if let Some(extension) = extension.as_ref().filter(|text| !text.is_empty()) {
        filter.and_equal("extension", extension);
    }
    if let Some(before) = before {
        let bound = filter.bind(end_of_second(before));
        filter.and(format!("created_at <= {bound}"));
    }
    if let Some(after) = after {
        let bound = filter.bind(after);
        filter.and(format!("created_at >= {bound}"));
    }
    let Paging { offset, limit } = parameters.paging;
    let count = filter.count(tx, "attachments", offset, limit)?;
    let select = format!("SELECT {COLUMNS} FROM attachments");
    let rows = filter.page(tx, &select, "created_at DESC, id DESC", offset, limit)?;
    Ok(Page::new(count, parameters.paging, rows.iter().map(|row| answer(row, app)).collect::<Result<_>>()?))
}

/// At most this many uploads of one user wait to be used: nobody fills the disk.
const UNUSED_UPLOADS_MAX: i64 = 200;

fn create(app: &Conversations, call: &Call, parameters: Create, tx: &mut dyn Tx) -> Result<Attachment> {
    let private = is_private(parameters.private.as_deref())?;
    let upload = call.file()?;
    let waiting: i64 = tx
        .one(
            "SELECT count(*) FROM (SELECT 1 FROM attachments WHERE user_id = $1 AND content_id IS NULL LIMIT $2) AS unused",
            args![&call.caller.user_id, UNUSED_UPLOADS_MAX],
        )?
        .get(0)?;
    if waiting >= UNUSED_UPLOADS_MAX {
        let message =
            format!("file: {UNUSED_UPLOADS_MAX} uploads of yours are on no content yet; use some of them first.");
        return Err(error::invalid("file", "too_many", message));
    }
    let (id, now) = (call.env.id(), call.env.now());
    let filename = names::clean(&upload.file_name);
    let extension = names::extension(&filename);
    tx.execute(
        "INSERT INTO attachments (id, content_id, user_id, filename, extension, content_type, size, sha256,
           fetch_attempts, private, position, created_at, updated_at)
         VALUES ($1, NULL, $2, $3, $4, $5, $6, $7, 0, $8, 0, $9, $9)",
        args![
            &id,
            &call.caller.user_id,
            &filename,
            &extension,
            names::content_type(&extension, None),
            bytes(upload.size)?,
            &upload.sha256[..],
            private,
            now
        ],
    )?;
    answer(&find(tx, &call.caller, id, COLUMNS)?, app)
}

/// The columns of an attachment that the caller may see; 404 otherwise.
pub(super) fn find(tx: &mut dyn Tx, caller: &Caller, id: Id, columns: &str) -> Result<Row> {
    let readable = caller.sources_with(SourceRight::Read);
    let mut filter = Filter::default();
    filter.and_equal("id", &id);
    and_visible(&mut filter, tx, caller, &readable);
    let sql = format!("SELECT {columns} FROM attachments WHERE {}", filter.condition());
    if let Some(row) = tx.first(&sql, &filter.values())? {
        return Ok(row);
    }
    // Who answers sees the files that would go along.
    let sql = "SELECT version_id FROM attachments WHERE id = $1 AND version_id IS NOT NULL";
    if let Some(row) = tx.first(sql, args![&id])?
        && reply_assistant::is_offered_on(tx, row.get(0)?, &caller.sources_with(SourceRight::Reply))?
    {
        return tx.one(&format!("SELECT {columns} FROM attachments WHERE id = $1"), args![&id]);
    }
    Err(error::not_found("attachment"))
}

fn and_visible<'a>(filter: &mut Filter<'a>, tx: &dyn Tx, caller: &'a Caller, readable: &'a [Id]) {
    let user = filter.bind(&caller.user_id);
    let is_readable = filter.list(tx, "contents.source_id", readable);
    let or_of_a_version = match caller.may(Permission::ManageReplyAssistant) {
        true => "OR attachments.version_id IS NOT NULL",
        false => "",
    };
    filter.and(format!(
        "(attachments.content_id IS NULL AND attachments.user_id = {user} {or_of_a_version} OR EXISTS (
           SELECT 1 FROM contents WHERE contents.id = attachments.content_id AND {is_readable}))"
    ));
}

fn time(name: &str, text: Option<&str>) -> Result<Option<Timestamp>> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let time = Timestamp::parse_iso(text);
    time.map(Some).ok_or_else(|| error::bad_request(format!("{name}: must be a time such as 2012-05-21T01:15:28Z.")))
}

/// The last microsecond of a time's second: times are shown in seconds, and the second that is named is included.
fn end_of_second(time: Timestamp) -> Timestamp {
    let begin = time.micros() - time.micros().rem_euclid(1_000_000);
    Timestamp::from_micros(begin.saturating_add(999_999))
}

/// Any true value does. The published description lists "=1" among them, and clients made from it send that.
fn is_private(text: Option<&str>) -> Result<bool> {
    match text.map(|text| text.strip_prefix('=').unwrap_or(text)) {
        None | Some("") => Ok(false),
        Some(text) => query::boolean(text).ok_or_else(|| error::bad_request("private: must be true or false.")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_is_any_true_value() {
        for (text, expected) in [
            (None, Some(false)),
            (Some(""), Some(false)),
            (Some("true"), Some(true)),
            (Some("=1"), Some(true)),
            (Some("1"), Some(true)),
            (Some("false"), Some(false)),
            (Some("maybe"), None),
        ] {
            assert_eq!(is_private(text).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn the_named_second_is_included() {
        let micros = |micros| end_of_second(Timestamp::from_micros(micros)).micros();
        assert_eq!((micros(0), micros(1), micros(1_000_000), micros(-1)), (999_999, 999_999, 1_999_999, -1));
    }

    #[test]
    fn unreadable_times_are_refused() {
        assert_eq!(time("created_after", Some("")).unwrap(), None);
        assert_eq!(time("created_after", Some("1970-01-01")).unwrap(), Some(Timestamp::from_micros(0)));
        assert!(time("created_after", Some("yesterday")).is_err());
    }
}
