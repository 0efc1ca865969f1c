//! Files that visitors send: what is taken, and keeping them until a message names them.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use frontdesk_conversations::Conversations;
use frontdesk_conversations::attachments::keep_upload;
use frontdesk_conversations::visitors::File;
use frontdesk_model::{Id, Result, error};
use frontdesk_rest::{Bounds, Upload, receive};
use frontdesk_store::{Tx, args};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::sessions::Session;

/// A file has at most this many bytes: it is below 10 MB.
pub(crate) const FILE_BYTES_MAX: u64 = 10 * 1024 * 1024 - 1;
/// Files of one message.
pub(crate) const FILES_MAX: usize = 10;
/// An upload that no message names is kept for so long.
pub(crate) const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// All files of one source that wait to be sent, in bytes.
const UNSENT_BYTES_MAX: i64 = 10 * 1024 * 1024 * 1024;
/// The fields beside a file, in bytes.
const FIELDS_BYTES_MAX: usize = 4 * 1024;
/// For each piece of an upload.
const IDLE_TIMEOUT: Duration = Duration::from_secs(30);

/// What may be sent (public page "Attachments").
pub(crate) const EXTENSIONS: &[&str] = &[
    "mp3", "bmp", "gif", "jpg", "jpeg", "png", "tif", "tiff", "eml", "pdf", "key", "odp", "otp", "pps", "ppt", "pptx",
    "pot", "csv", "numbers", "ods", "ots", "xls", "xlsm", "xlsx", "xlc", "xlt", "xltm", "xltx", "avi", "flv", "m4v",
    "mkv", "mov", "mp4", "mpg", "qt", "wmv", "doc", "docm", "docx", "dotm", "dotx", "pages", "odt", "ott",
];

/// Receives a file. `let_in` is asked before its first byte is kept.
pub(crate) async fn take<F: Future<Output = Result<()>>>(
    app: &Arc<Conversations>,
    headers: &HeaderMap,
    body: Body,
    mut let_in: impl FnMut() -> F,
) -> Result<(Upload, String)> {
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let boundary = kind
        .strip_prefix("multipart/form-data")
        .and_then(|rest| rest.split(';').find_map(|part| part.trim().strip_prefix("boundary=")))
        .map(|boundary| boundary.trim_matches('"'))
        .ok_or_else(|| error::unsupported_media_type("Send the file as multipart/form-data."))?;
    let dir = app.files.temp_dir().to_owned();
    let bounds = Bounds {
        dir: &dir,
        file_bytes_max: FILE_BYTES_MAX,
        fields_bytes_max: FIELDS_BYTES_MAX,
        idle_timeout: IDLE_TIMEOUT,
    };
    let (fields, upload) = receive(body, boundary, &app.env, &bounds, |_| let_in()).await?;
    let upload = upload.ok_or_else(|| error::invalid("file", "blank", "file must not be empty."))?;
    let client_id = fields.get("client_id").and_then(Value::as_str).unwrap_or_default().to_owned();
    require_client_id(&client_id)?;
    let extension = upload.file_name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    if !extension.as_deref().is_some_and(|extension| EXTENSIONS.contains(&extension)) {
        let message = "file: files of this type are not taken.";
        return Err(error::invalid("file", "not_allowed", message));
    }
    if upload.size == 0 {
        return Err(error::invalid("file", "blank", "file must not be empty."));
    }
    Ok((upload, client_id))
}

/// 422 unless it is a client's name for a message or a file.
pub(crate) fn require_client_id(client_id: &str) -> Result<()> {
    let is_right = (1..=64).contains(&client_id.len())
        && client_id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
    match is_right {
        true => Ok(()),
        false => Err(error::invalid("client_id", "invalid", "client_id has 1 to 64 characters of A-Za-z0-9_-.")),
    }
}

/// Puts the file where it stays. It blocks.
pub(crate) async fn keep(app: &Arc<Conversations>, upload: Upload) -> Result<Upload> {
    let keep = keep_upload(app.files.clone());
    let kept = tokio::task::spawn_blocking(move || keep(&upload).map(|()| upload)).await;
    kept.map_err(|_| error::broken("keeping an upload ended early"))?
}

/// Removes files that nobody sent and nothing names.
pub(crate) async fn discard(app: &Arc<Conversations>, nameless: Vec<[u8; 32]>) {
    let files = app.files.clone();
    let discard = move || {
        for sha256 in nameless {
            match files.discard(&sha256) {
                Err(trouble) if trouble.kind() != std::io::ErrorKind::NotFound => {
                    tracing::error!(%trouble, "a file that nobody sent could not be removed");
                }
                _ => {}
            }
        }
    };
    if tokio::task::spawn_blocking(discard).await.is_err() {
        tracing::error!("removing files that nobody sent ended early");
    }
}

/// 429 while a source has more files that wait to be sent than it may.
pub(crate) fn require_room(tx: &mut dyn Tx, source_id: Id) -> Result<()> {
    let sql = "SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM visitor_uploads WHERE source_id = $1";
    match tx.one(sql, args![&source_id])?.get::<i64>(0)? >= UNSENT_BYTES_MAX {
        true => Err(error::too_many("Too many files wait to be sent: try again later.", 60)),
        false => Ok(()),
    }
}

/// Notes an upload; the same `client_id` again is the same file.
pub(crate) fn note(
    tx: &mut dyn Tx,
    app: &Conversations,
    source_id: Id,
    session: &Session,
    client_id: &str,
    upload: &Upload,
) -> Result<Value> {
    let size = i64::try_from(upload.size).unwrap_or(i64::MAX);
    tx.execute(
        "INSERT INTO visitor_uploads (id, source_id, uuid, client_id, filename, size, sha256, created_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (source_id, uuid, client_id) DO NOTHING",
        args![
            &app.env.id(),
            &source_id,
            &session.uuid,
            client_id,
            &upload.file_name,
            size,
            &upload.sha256[..],
            app.env.now()
        ],
    )?;
    let row = tx.one(
        "SELECT id, filename, size FROM visitor_uploads WHERE source_id = $1 AND uuid = $2 AND client_id = $3",
        args![&source_id, &session.uuid, client_id],
    )?;
    let (id, name, size): (Id, String, i64) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(json!({ "id": id, "name": name, "size": size, "content_type": upload.content_type, "url": null }))
}

/// Takes uploads of the visitor for a message. 422 for what is none of theirs.
pub(crate) fn used(tx: &mut dyn Tx, source_id: Id, uuid: &str, ids: &[Id]) -> Result<Vec<File>> {
    let mut files = Vec::new();
    for id in ids {
        let row = tx.first(
            "DELETE FROM visitor_uploads WHERE id = $1 AND source_id = $2 AND uuid = $3 RETURNING filename, sha256, size",
            args![id, &source_id, uuid],
        )?;
        let Some(row) = row else {
            let message = format!("attachment_ids: {id} is no file that you uploaded and have not sent.");
            return Err(error::invalid("attachment_ids", "unknown", message));
        };
        let sha256: Vec<u8> = row.get(1)?;
        let sha256 = sha256.try_into().map_err(|_| error::broken("an upload has no hash"))?;
        files.push(File { filename: row.get(0)?, sha256, size: row.get::<i64>(2)?.unsigned_abs() });
    }
    Ok(files)
}
