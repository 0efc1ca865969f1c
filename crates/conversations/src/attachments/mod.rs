//! Attachments: files that contents carry. An upload belongs to whoever made it until a content uses it; from then on,
//! and for what customers send, whoever may read the content's source may read it. Versions of the reply assistant carry
//! files as well, of which each content that is written with them gets a copy.

mod download;
pub mod fetching;
mod files;
mod links;
mod names;
mod rest;

use std::collections::HashMap;
use std::sync::Arc;

use frontdesk_model::lists::each_once;
use frontdesk_model::{Caller, Env, Error, Id, Result, Timestamp, error, structured};
use frontdesk_rest::Call;
use frontdesk_sources::inbound::InboundAttachment;
use frontdesk_sources::outbound::OutboundAttachment;
use frontdesk_store::{Arg, Row, Tx, args};
use schemars::JsonSchema;
use serde::Serialize;

use crate::sources::Channel;
use crate::{Conversations, reply_assistant};

pub use download::router;
pub use files::Files;
pub(crate) use rest::operations;

/// At most this many files on one content or version.
const FILES_MAX: usize = 20;
/// A file that is fetched from a channel may have this many bytes.
const FETCHED_BYTES_MAX: u64 = 25 * 1024 * 1024;

/// An attachment as a content shows it.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub(crate) struct ContentAttachment {
    id: Id,
    filename: String,
    content_type: String,
    /// In bytes; 0 until it has been fetched from its channel.
    size: i64,
    /// Whether it stands inside the body.
    embed: bool,
    /// Whether it was not uploaded as private.
    #[serde(rename = "public?")]
    is_public: bool,
    foreign_id: Option<String>,
    /// Where it can be downloaded, with an access token.
    url: String,
    created_at: Timestamp,
    updated_at: Timestamp,
}

const COLUMNS: &str = "id, filename, content_type, size, private, foreign_id, created_at, updated_at";

fn attachment(row: &Row, public_url: &str) -> Result<ContentAttachment> {
    let id: Id = row.get(0)?;
    Ok(ContentAttachment {
        id,
        filename: row.get(1)?,
        content_type: row.get(2)?,
        size: row.get(3)?,
        embed: false,
        is_public: !row.get::<bool>(4)?,
        foreign_id: row.get(5)?,
        url: format!("{public_url}/attachments/{id}"),
        created_at: row.get(6)?,
        updated_at: row.get(7)?,
    })
}

/// A file of an inbound content, ready for its row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoredInbound {
    pub(crate) filename: String,
    /// `audio` or `video`, for containers that hold either.
    pub(crate) kind_hint: Option<String>,
    pub(crate) file: InboundFile,
}

/// Where the bytes of an inbound file are.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum InboundFile {
    /// Still at its channel, under this address.
    Remote(String),
    /// Here.
    Stored { sha256: [u8; 32], size: u64 },
}

/// Puts files that came with a content on disk, before the transaction that refers to them. What a content that is then
/// refused leaves behind costs space and nothing else.
pub(crate) async fn store_contents(files: &Files, inbound: Vec<InboundAttachment>) -> Result<Vec<StoredInbound>> {
    if !inbound.iter().any(|attachment| matches!(attachment, InboundAttachment::Content { .. })) {
        return inbound.into_iter().map(|attachment| stored(None, attachment)).collect();
    }
    let files = files.clone();
    let storing = move || inbound.into_iter().map(|attachment| stored(Some(&files), attachment)).collect();
    tokio::task::spawn_blocking(storing).await.map_err(|_| error::broken("storing an attachment ended early"))?
}

/// Files that are still at their channel, ready for their rows.
pub(crate) fn remote(inbound: Vec<InboundAttachment>) -> Result<Vec<StoredInbound>> {
    inbound.into_iter().map(|attachment| stored(None, attachment)).collect()
}

fn stored(files: Option<&Files>, attachment: InboundAttachment) -> Result<StoredInbound> {
    match attachment {
        InboundAttachment::Url { url, kind_hint, filename } => {
            let filename = names::clean(filename.as_deref().unwrap_or_else(|| last_segment(&url)));
            Ok(StoredInbound { filename, kind_hint, file: InboundFile::Remote(url) })
        }
        InboundAttachment::Content { bytes, filename, kind_hint } => {
            let files = files.ok_or_else(|| error::broken("a file came where none was announced"))?;
            let sha256 = files.write(&bytes).map_err(not_kept)?;
            let file = InboundFile::Stored { sha256, size: bytes.len() as u64 };
            Ok(StoredInbound { filename: names::clean(&filename), kind_hint, file })
        }
    }
}

/// The end of an address's path; a name for people until the channel tells a better one.
fn last_segment(url: &str) -> &str {
    let path = url.split(['?', '#']).next().unwrap_or_default();
    let path = path.split_once("://").map_or(path, |(_, rest)| rest);
    path.split_once('/').map_or("", |(_, path)| path.rsplit('/').next().unwrap_or_default())
}

fn not_kept(trouble: std::io::Error) -> Error {
    Error::Unavailable(format!("an attachment cannot be kept: {trouble}"))
}

/// Writes the rows of an inbound content's attachments; those that are still at their channel are fetched soon.
pub(crate) fn insert_inbound(tx: &mut dyn Tx, env: &Env, content_id: Id, attachments: &[StoredInbound]) -> Result<()> {
    let now = env.now();
    for (position, attachment) in (0_i64..).zip(attachments) {
        let extension = names::extension(&attachment.filename);
        let (size, sha256, remote_url, fetch_at) = match &attachment.file {
            InboundFile::Remote(url) => (0, Arg::Null, Some(url.as_str()), Some(now)),
            InboundFile::Stored { sha256, size } => (bytes(*size)?, Arg::Bytes(sha256), None, None),
        };
        tx.execute(
            "INSERT INTO attachments (id, content_id, user_id, filename, extension, content_type, kind_hint, size, sha256,
               remote_url, fetch_attempts, fetch_at, private, position, created_at, updated_at)
             VALUES ($1, $2, NULL, $3, $4, $5, $6, $7, $8, $9, 0, $10, FALSE, $11, $12, $12)",
            args![
                &env.id(),
                &content_id,
                &attachment.filename,
                &extension,
                names::content_type(&extension, attachment.kind_hint.as_deref()),
                &attachment.kind_hint,
                size,
                sha256,
                remote_url,
                fetch_at,
                position,
                now
            ],
        )?;
    }
    Ok(())
}

/// A file's length as the store keeps it.
fn bytes(size: u64) -> Result<i64> {
    i64::try_from(size).map_err(|_| error::broken("a file has more bytes than can be counted"))
}

/// The attachments of many contents, in order; contents without any are left out. The caller sees to it that the
/// contents may be read.
pub(crate) fn of_contents(
    tx: &mut dyn Tx,
    public_url: &str,
    content_ids: &[Id],
) -> Result<HashMap<Id, Vec<ContentAttachment>>> {
    let sql = format!(
        "SELECT {COLUMNS}, content_id FROM attachments WHERE {} ORDER BY content_id, position, id",
        tx.in_list("content_id", 1)
    );
    let mut found: HashMap<Id, Vec<ContentAttachment>> = HashMap::new();
    for row in tx.query(&sql, args![content_ids])? {
        found.entry(row.get(8)?).or_default().push(attachment(&row, public_url)?);
    }
    Ok(found)
}

/// The files of many versions of the reply assistant, in order; versions without any are left out.
pub(crate) fn of_versions(
    tx: &mut dyn Tx,
    public_url: &str,
    version_ids: &[Id],
) -> Result<HashMap<Id, Vec<ContentAttachment>>> {
    let sql = format!(
        "SELECT {COLUMNS}, version_id FROM attachments WHERE {} ORDER BY version_id, position, id",
        tx.in_list("version_id", 1)
    );
    let mut found: HashMap<Id, Vec<ContentAttachment>> = HashMap::new();
    for row in tx.query(&sql, args![version_ids])? {
        found.entry(row.get(8)?).or_default().push(attachment(&row, public_url)?);
    }
    Ok(found)
}

/// Gives a version of the reply assistant these files, in this order, and returns whether that changed something. 422 on
/// `attachment_ids` for what is neither one that it has nor an unused upload of the caller's.
pub(crate) fn put_on_version(tx: &mut dyn Tx, call: &Call, version_id: Id, ids: &[Id]) -> Result<bool> {
    let wanted = each_once(ids.iter().copied());
    if wanted.len() > FILES_MAX {
        let message = format!("attachment_ids: a version has at most {FILES_MAX} attachments.");
        return Err(error::invalid("attachment_ids", "too_long", message));
    }
    let sql = "SELECT id FROM attachments WHERE version_id = $1 ORDER BY position, id";
    let had: Vec<Id> = tx.query(sql, args![&version_id])?.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
    if had == wanted {
        return Ok(false);
    }
    for id in had.iter().filter(|id| !wanted.contains(id)) {
        tx.execute("DELETE FROM attachments WHERE id = $1", args![id])?;
    }
    for (position, id) in (0_i64..).zip(&wanted) {
        // It is nobody's upload from now on: no content takes it away from the version.
        let put = tx.execute(
            "UPDATE attachments SET version_id = $2, position = $3, user_id = NULL
             WHERE id = $1 AND (version_id = $2 OR content_id IS NULL AND user_id = $4)",
            args![id, &version_id, position, &call.caller.user_id],
        )?;
        if put == 0 {
            let message = format!("attachment_ids: {id} is not an upload of yours, or it is used already.");
            return Err(error::invalid("attachment_ids", "unknown", message));
        }
    }
    Ok(true)
}

/// Deletes the files of versions that go.
pub(crate) fn remove_of_versions(tx: &mut dyn Tx, version_ids: &[Id]) -> Result<()> {
    let sql = format!("DELETE FROM attachments WHERE {}", tx.in_list("version_id", 1));
    tx.execute(&sql, args![version_ids])?;
    Ok(())
}

/// Puts the caller's uploads, and copies of what the reply assistant offers on the source, on a content, in this order, and
/// returns how many there are. 422 on `attachment_ids` for anything else.
pub(crate) fn use_files(tx: &mut dyn Tx, call: &Call, channel: &Channel, content_id: Id, ids: &[Id]) -> Result<i64> {
    if ids.len() > FILES_MAX {
        let message = format!("attachment_ids: a content has at most {FILES_MAX} attachments.");
        return Err(error::invalid("attachment_ids", "too_long", message));
    }
    let security_level = &channel.common.attachments_security_level;
    let mut used = 0;
    for (position, id) in (0_i64..).zip(ids) {
        if ids[..position as usize].contains(id) {
            continue;
        }
        let row = tx.first(
            "UPDATE attachments SET content_id = $2, position = $3
             WHERE id = $1 AND content_id IS NULL AND user_id = $4 RETURNING content_type, filename",
            args![id, &content_id, position, &call.caller.user_id],
        )?;
        let row = match row {
            Some(row) => Some(row),
            None => copy_from_version(tx, call, channel.source_id, content_id, *id, position)?,
        };
        let Some(row) = row else {
            let message = format!("attachment_ids: {id} is not an upload of yours, or it is on a content already.");
            return Err(error::invalid("attachment_ids", "unknown", message));
        };
        if !names::is_allowed(security_level, &row.get::<String>(0)?) {
            let name: String = row.get(1)?;
            let message = format!(
                "attachment_ids: the source's attachments_security_level is {security_level}, which does not let {name} through."
            );
            return Err(error::invalid("attachment_ids", "not_allowed", message));
        }
        used += 1;
    }
    Ok(used)
}

/// The type and the name of a version's file, of which the content now has a copy; none where the version is not offered.
fn copy_from_version(
    tx: &mut dyn Tx,
    call: &Call,
    source_id: Id,
    content_id: Id,
    id: Id,
    position: i64,
) -> Result<Option<Row>> {
    let sql = "SELECT content_type, filename, version_id FROM attachments WHERE id = $1 AND version_id IS NOT NULL";
    let Some(row) = tx.first(sql, args![&id])? else { return Ok(None) };
    if !reply_assistant::is_offered_on(tx, row.get(2)?, &[source_id])? {
        return Ok(None);
    }
    copy(tx, call, content_id, id, position)?;
    Ok(Some(row))
}

/// What decides whether a file may stand in a structured message: of the caller's own upload, or of an attachment that
/// they may read. None for any other, and while its bytes are still at its channel.
pub(crate) fn usable(tx: &mut dyn Tx, caller: &Caller, id: Id) -> Result<Option<structured::File>> {
    let row = match rest::find(tx, caller, id, "extension, size, private, sha256 IS NOT NULL") {
        Ok(row) => row,
        Err(Error::Refused(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let (size, private, is_here): (i64, bool, bool) = (row.get(1)?, row.get(2)?, row.get(3)?);
    let file =
        structured::File { extension: row.get(0)?, bytes: u64::try_from(size).unwrap_or(u64::MAX), public: !private };
    Ok(Some(file).filter(|_| is_here))
}

/// An attachment on a content.
pub(crate) struct Put {
    pub(crate) id: Id,
    /// Whether it was not on it before.
    pub(crate) is_new: bool,
}

/// Puts a usable attachment on a content, behind its uploads: an unused upload itself, else a copy, so that what happens
/// to the content that it is on happens to that one only.
pub(crate) fn put_on(tx: &mut dyn Tx, call: &Call, content_id: Id, id: Id, at: i64) -> Result<Put> {
    let position = FILES_MAX as i64 + at;
    let row = tx.first("SELECT 1 FROM attachments WHERE id = $1 AND content_id = $2", args![&id, &content_id])?;
    if row.is_some() {
        return Ok(Put { id, is_new: false });
    }
    let used = tx.execute(
        "UPDATE attachments SET content_id = $2, position = $3
         WHERE id = $1 AND content_id IS NULL AND user_id = $4",
        args![&id, &content_id, position, &call.caller.user_id],
    )?;
    if used > 0 {
        return Ok(Put { id, is_new: true });
    }
    Ok(Put { id: copy(tx, call, content_id, id, position)?, is_new: true })
}

/// Puts a copy of an attachment on a content, as the caller's; returns its id.
fn copy(tx: &mut dyn Tx, call: &Call, content_id: Id, id: Id, position: i64) -> Result<Id> {
    let copy = call.env.id();
    tx.execute(
        "INSERT INTO attachments (id, content_id, user_id, filename, extension, content_type, kind_hint, size, sha256,
           fetch_attempts, private, position, created_at, updated_at)
         SELECT $2, $3, $4, filename, extension, content_type, kind_hint, size, sha256, 0, private, $5, $6, $6
         FROM attachments WHERE id = $1",
        args![&id, &copy, &content_id, &call.caller.user_id, position, call.env.now()],
    )?;
    Ok(copy)
}

/// Deletes the attachments of contents that go.
pub(crate) fn remove_of_contents(tx: &mut dyn Tx, content_ids: &[Id]) -> Result<()> {
    let sql = format!("DELETE FROM attachments WHERE {}", tx.in_list("content_id", 1));
    tx.execute(&sql, args![content_ids])?;
    Ok(())
}

/// Puts received files into their place before their operation's transaction: a row must never be durable before its
/// file is. A file whose operation is refused stays behind and only costs its space.
pub fn keep_upload(files: Files) -> frontdesk_rest::KeepUpload {
    Arc::new(move |upload| files.adopt(upload.path(), &upload.sha256).map_err(not_kept))
}

/// Type and length of a content's attachments.
pub(crate) fn sizes(tx: &mut dyn Tx, content_id: Id) -> Result<HashMap<Id, (String, i64)>> {
    let sql = "SELECT id, content_type, size FROM attachments WHERE content_id = $1";
    let rows = tx.query(sql, args![&content_id])?;
    rows.iter().map(|row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?)))).collect()
}

/// The bytes of a content's attachment, by its place among them.
pub(crate) async fn bytes_of(app: &Conversations, content_id: Id, place: usize) -> Result<Vec<u8>> {
    let reading = move |tx: &mut dyn Tx| {
        let sql = "SELECT sha256 FROM attachments WHERE content_id = $1 ORDER BY position, id LIMIT 1 OFFSET $2";
        let row = tx.first(sql, args![&content_id, place as i64])?;
        row.map(|row| row.get::<Option<Vec<u8>>>(0)).transpose().map(Option::flatten)
    };
    let missing = || error::broken(format!("attachment {place} of content {content_id} has no file"));
    let sha256: [u8; 32] =
        app.store.read(reading).await?.and_then(|bytes| bytes.try_into().ok()).ok_or_else(missing)?;
    let files = app.files.clone();
    let read = tokio::task::spawn_blocking(move || {
        let (mut file, length) = files.open_verified(&sha256)?;
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        std::io::Read::read_to_end(&mut file, &mut bytes).map(|_| bytes)
    });
    let read = read.await.map_err(|_| error::broken("reading an attachment ended early"))?;
    read.map_err(|trouble| error::broken(format!("attachment {place} of content {content_id}: {trouble}")))
}

/// A content's attachments as channels get them.
pub(crate) fn outbound_of(
    tx: &mut dyn Tx,
    app: &Conversations,
    content_id: Id,
    now: Timestamp,
) -> Result<Vec<(Id, OutboundAttachment)>> {
    let rows = tx.query(
        "SELECT id, filename, content_type, size FROM attachments WHERE content_id = $1 ORDER BY position, id",
        args![&content_id],
    )?;
    let outbound = |row: &Row| {
        let (id, filename, content_type): (Id, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let url = links::signed_url(app, id, &filename, now);
        let (kind, bytes) = (names::kind(&content_type), row.get(3)?);
        Ok((id, OutboundAttachment { url, kind, filename, content_type, bytes, foreign_id: None }))
    };
    rows.iter().map(outbound).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_name_gets_one_from_its_path() {
        for (url, expected) in [
            ("https://example.com/a/cat.png?x=/y.gif#z", "cat.png"),
            ("https://example.com/a/", ""),
            ("https://example.com", ""),
            ("https://example.com?x=/y", ""),
        ] {
            assert_eq!(last_segment(url), expected, "{url}");
        }
    }

    #[tokio::test]
    async fn files_that_come_along_are_stored_and_addresses_are_kept() {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(dir.path()).unwrap();
        let url = |url: &str| InboundAttachment::Url { url: url.into(), kind_hint: None, filename: None };
        let file = InboundAttachment::Content {
            bytes: b"hello".to_vec(),
            filename: "../a.mp4".into(),
            kind_hint: Some("audio".into()),
        };
        let stored = store_contents(&files, vec![url("https://example.com/b.png"), file]).await.unwrap();
        assert_eq!((stored[0].filename.as_str(), stored[1].filename.as_str()), ("b.png", "a.mp4"));
        assert_eq!(stored[0].file, InboundFile::Remote("https://example.com/b.png".into()));
        let InboundFile::Stored { sha256, size } = stored[1].file else { panic!("{:?}", stored[1]) };
        assert_eq!(size, 5);
        assert!(files.open_verified(&sha256).is_ok());
    }
}
