//! Multipart requests with a file: streamed to disk, never held in memory, and only for those who may send them.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::body::Body;
use frontdesk_model::error::Error;
use frontdesk_model::{Env, Result, error, hex};
use serde_json::{Map, Value};
use tokio::io::AsyncWriteExt;

use crate::body::{too_large, too_slow};
use crate::call::Upload;
use crate::parameters::{PairTree, add_part, unreadable};

const FILE_NAME_CHARACTERS_MAX: usize = 255;
const TEMPORARY_NAME_START: &str = "upload-";

/// Where and how much may be received.
pub struct Bounds<'a> {
    /// Where temporary files lie.
    pub dir: &'a Path,
    /// The longest file, in bytes.
    pub file_bytes_max: u64,
    /// All other fields together, in bytes.
    pub fields_bytes_max: usize,
    /// How long nothing may come.
    pub idle_timeout: Duration,
}

/// Boundaries and headers of all parts together.
const FRAME_BYTES_MAX: u64 = 64 * 1024;

/// Reads all parts. `admit` is asked with the parameters known so far before the first byte of the file is kept.
pub async fn receive<F: Future<Output = Result<()>>>(
    body: Body,
    boundary: &str,
    env: &Env,
    bounds: &Bounds<'_>,
    mut admit: impl FnMut(&Map<String, Value>) -> F,
) -> Result<(Map<String, Value>, Option<Upload>)> {
    // What is no part of a field, such as a preamble or a part's headers, is held in memory until it ends: bounded too.
    let whole = bounds.file_bytes_max.saturating_add(bounds.fields_bytes_max as u64).saturating_add(FRAME_BYTES_MAX);
    let limits = multer::SizeLimit::new().whole_stream(whole);
    let constraints = multer::Constraints::new().size_limit(limits);
    let mut parts = multer::Multipart::with_constraints(body.into_data_stream(), boundary, constraints);
    let mut tree = PairTree::default();
    let mut fields_bytes_left = bounds.fields_bytes_max;
    let mut upload = None;
    while let Some(part) = in_time(bounds, parts.next_field()).await?.map_err(unreadable)? {
        if part.name() != Some("file") {
            fields_bytes_left -= in_time(bounds, add_part(&mut tree, part, fields_bytes_left)).await??;
            continue;
        }
        if upload.is_some() {
            return Err(error::bad_request("file: send one file per request."));
        }
        admit(tree.so_far()).await?;
        upload = Some(keep(part, env, bounds).await?);
    }
    Ok((tree.finish(), upload))
}

async fn in_time<T>(bounds: &Bounds<'_>, step: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(bounds.idle_timeout, step).await.map_err(|_| too_slow(bounds.idle_timeout))
}

/// Writes the file part to a temporary file, durably: what is acknowledged must outlive a power cut.
async fn keep(mut part: multer::Field<'_>, env: &Env, bounds: &Bounds<'_>) -> Result<Upload> {
    let path = temporary_path(bounds.dir, env);
    let mut upload = Upload {
        path: path.clone(),
        sha256: [0; 32],
        size: 0,
        file_name: file_name(part.file_name().unwrap_or_default()),
        content_type: part.content_type().map_or("application/octet-stream".to_owned(), ToString::to_string),
    };
    let mut file = create(&path).await.map_err(no_disk)?;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    while let Some(chunk) = in_time(bounds, part.chunk()).await?.map_err(unreadable)? {
        upload.size += chunk.len() as u64;
        if upload.size > bounds.file_bytes_max {
            return Err(too_large(bounds.file_bytes_max));
        }
        digest.update(&chunk);
        file.write_all(&chunk).await.map_err(no_disk)?;
    }
    file.flush().await.map_err(no_disk)?;
    file.sync_all().await.map_err(no_disk)?;
    upload.sha256.copy_from_slice(digest.finish().as_ref());
    Ok(upload)
}

fn temporary_path(dir: &Path, env: &Env) -> PathBuf {
    dir.join(format!("{TEMPORARY_NAME_START}{}", hex::encode(env.random::<16>())))
}

/// Readable by this user only: an upload may be anything.
async fn create(path: &Path) -> io::Result<tokio::fs::File> {
    if let Some(dir) = path.parent() {
        tokio::fs::create_dir_all(dir).await?;
    }
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    options.open(path).await
}

fn no_disk(reason: io::Error) -> Error {
    Error::Unavailable(format!("an upload could not be kept: {reason}"))
}

/// The last element of whatever path the sender gave, without characters that confuse terminals and headers.
fn file_name(given: &str) -> String {
    let last = given.rsplit(['/', '\\']).next().unwrap_or_default();
    let clean: String = last.chars().filter(|c| !c.is_control()).take(FILE_NAME_CHARACTERS_MAX).collect();
    match clean.trim() {
        "" | "." | ".." => "file".to_owned(),
        name => name.to_owned(),
    }
}

/// Removes what a crash left in the folder for uploads. Call it before serving; a missing folder is fine.
pub fn sweep_uploads(dir: &Path) -> io::Result<()> {
    let entries = match std::fs::read_dir(dir) {
        Err(reason) if reason.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(TEMPORARY_NAME_START) {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use frontdesk_model::Timestamp;
    use futures_util::{StreamExt, stream};

    use super::*;

    fn env() -> Env {
        let next = AtomicU8::new(0);
        let chance = move |bytes: &mut [u8]| bytes.fill(next.fetch_add(1, Ordering::Relaxed));
        Env::new(|| Timestamp::from_micros(0), chance)
    }

    fn body(parts: &str) -> Body {
        let bytes: Vec<Vec<u8>> = parts.as_bytes().chunks(7).map(<[u8]>::to_vec).collect();
        Body::from_stream(stream::iter(bytes).map(Ok::<_, io::Error>))
    }

    const FIELD: &str = "--XX\r\nContent-Disposition: form-data; name=\"tags[]\"\r\n\r\nred\r\n";
    const FILE: &str = "--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\a/cat.png\"\r\n\
                        Content-Type: image/png\r\n\r\n12345\r\n";

    struct Folder(PathBuf);

    impl Folder {
        fn new(name: &str) -> Folder {
            let dir = std::env::temp_dir().join(format!("frontdesk-rest-{}-{name}", std::process::id()));
            let _ = std::fs::remove_dir_all(&dir);
            Folder(dir)
        }

        fn files(&self) -> usize {
            std::fs::read_dir(&self.0).map_or(0, Iterator::count)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    async fn received(folder: &Folder, parts: &str, admitted: bool) -> Result<(Map<String, Value>, Option<Upload>)> {
        let bounds = Bounds {
            dir: &folder.0,
            file_bytes_max: 5,
            fields_bytes_max: 20,
            idle_timeout: Duration::from_millis(100),
        };
        let admit =
            |_: &Map<String, Value>| async move { if admitted { Ok(()) } else { Err(error::unauthorized("no")) } };
        receive(body(parts), "XX", &env(), &bounds, admit).await
    }

    fn status<T>(result: Result<T>) -> u16 {
        match result {
            Err(Error::Refused(refusal)) => refusal.status,
            _ => panic!("it is refused"),
        }
    }

    #[tokio::test]
    async fn a_file_is_kept_until_it_is_dropped() {
        let folder = Folder::new("kept");
        let (fields, upload) = received(&folder, &format!("{FIELD}{FILE}{FIELD}--XX--\r\n"), true).await.unwrap();
        let upload = upload.expect("a file");
        assert_eq!(Value::Object(fields), serde_json::json!({"tags": ["red", "red"]}));
        assert_eq!((upload.file_name.as_str(), upload.content_type.as_str(), upload.size), ("cat.png", "image/png", 5));
        assert_eq!(upload.sha256[..], *ring::digest::digest(&ring::digest::SHA256, b"12345").as_ref());
        assert_eq!(std::fs::read(upload.path()).unwrap(), b"12345");
        drop(upload);
        assert_eq!(folder.files(), 0);
    }

    #[tokio::test]
    async fn nothing_stays_of_what_is_refused() {
        let folder = Folder::new("refused");
        let end = "--XX--\r\n";
        assert_eq!(status(received(&folder, &format!("{FILE}{end}"), false).await), 401);
        assert_eq!(status(received(&folder, &format!("{}{end}", FILE.replace("12345", "123456")), true).await), 413);
        assert_eq!(status(received(&folder, &format!("{FILE}{FILE}{end}"), true).await), 400);
        assert_eq!(status(received(&folder, FILE, true).await), 400);
        assert_eq!(status(received(&folder, &format!("{FIELD}{FIELD}{FIELD}{end}"), true).await), 413);
        assert_eq!(folder.files(), 0);
    }

    #[test]
    fn file_names_carry_no_folders_and_no_control_characters() {
        for (given, expected) in [
            ("", "file"),
            ("..", "file"),
            ("/", "file"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\x\\a b.png", "a b.png"),
            ("a\u{1b}[31m\r\n.png", "a[31m.png"),
            ("é.png", "é.png"),
        ] {
            assert_eq!(file_name(given), expected, "{given:?}");
        }
    }

    #[test]
    fn what_a_crash_left_is_swept() {
        let folder = Folder::new("swept");
        assert!(sweep_uploads(&folder.0).is_ok());
        std::fs::create_dir_all(&folder.0).unwrap();
        std::fs::write(folder.0.join("upload-00"), "x").unwrap();
        std::fs::write(folder.0.join("other"), "x").unwrap();
        sweep_uploads(&folder.0).unwrap();
        assert_eq!(folder.files(), 1);
    }
}
