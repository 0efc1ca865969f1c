//! The worker that fetches attachments from their channels. A row is claimed for a while before it is fetched, so that
//! several nodes do not fetch the same, and what a crash interrupted is taken up again.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use frontdesk_model::event::NewEvent;
use frontdesk_model::{Env, Id, Result, Timestamp, error};
use frontdesk_net::{Download, DownloadRequest, OutboundError};
use frontdesk_store::{Due, Tx, args};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::{FETCHED_BYTES_MAX, bytes, names, not_kept};
use crate::Conversations;

/// At most this many files are fetched at a time.
const FETCHES_MAX: usize = 4;
/// A file that is not here by then is given up for this attempt.
const DEADLINE_SECONDS: u64 = 60;
/// A claim that is older than this is nobody's: longer than an attempt with its writing can take.
const CLAIM_SECONDS: i64 = 180;
/// The waits before the second and the third attempt; there is no fourth.
const RETRY_SECONDS: [i64; 2] = [30, 300];
/// How often a file is tried, however the attempts end.
const ATTEMPTS_MAX: i64 = RETRY_SECONDS.len() as i64 + 1;
/// What people read when the last attempt was interrupted, such as by the end of the process.
const INTERRUPTED: &str = "The last attempt did not come to an end; the server's log may say why.";
/// Without a hint from the store, due rows are looked for this often.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// With many hints, rows are not looked for more often than this.
const PAUSE: Duration = Duration::from_millis(100);

/// Fetches what is due until `stop` turns true.
pub async fn run(app: Arc<Conversations>, mut stop: watch::Receiver<bool>) {
    let mut committed = app.store.committed();
    let mut running = JoinSet::new();
    while !*stop.borrow() {
        committed.borrow_and_update();
        let room = FETCHES_MAX - running.len();
        match claim(&app, room).await {
            Ok(claims) => {
                for claim in claims {
                    running.spawn(attempt(app.clone(), claim));
                }
            }
            Err(trouble) => tracing::warn!(?trouble, "attachments to fetch cannot be looked up"),
        }
        let has_room = running.len() < FETCHES_MAX;
        tokio::select! {
            changed = stop.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Some(_) = running.join_next() => {}
            changed = committed.changed(), if has_room => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(PAUSE).await;
            }
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// One attachment that is ours to fetch now.
#[derive(Clone)]
struct Claim {
    id: Id,
    url: String,
    filename: String,
    kind_hint: Option<String>,
    /// This attempt's number, from 1.
    attempt: i64,
}

const FETCHED: Due<'static> =
    Due { table: "attachments", column: "fetch_at", condition: "TRUE", ahead_seconds_max: 2 * RETRY_SECONDS[1] };

const DUE: &str = "SELECT id, remote_url, filename, kind_hint, fetch_attempts FROM attachments
                   WHERE fetch_at <= $1 ORDER BY fetch_at LIMIT $2";

async fn claim(app: &Conversations, room: usize) -> Result<Vec<Claim>> {
    let (env, now, limit) = (app.env.clone(), app.env.now(), room as i64);
    // Most looks find nothing and need not bother the writer.
    let any = move |tx: &mut dyn Tx| Ok(tx.first(DUE, args![now, 1])?.is_some() || FETCHED.any_astray(tx, now)?);
    if room == 0 || !app.store.read(any).await? {
        return Ok(Vec::new());
    }
    app.store.write(move |tx| claim_due(tx, &env, limit)).await
}

/// Claims at most `limit` due rows. The attempt counts from now on: a file that brings the process down must not do so
/// for ever.
fn claim_due(tx: &mut dyn Tx, env: &Env, limit: i64) -> Result<Vec<Claim>> {
    let now = env.now();
    FETCHED.bring_back(tx, now)?;
    let mut claims = Vec::new();
    for row in tx.query(DUE, args![now, limit])? {
        let (id, attempts): (Id, i64) = (row.get(0)?, row.get(4)?);
        if attempts >= ATTEMPTS_MAX {
            note_failure(tx, env, id, None, INTERRUPTED)?;
            continue;
        }
        tx.execute(
            "UPDATE attachments SET fetch_at = $2, fetch_attempts = fetch_attempts + 1 WHERE id = $1",
            args![&id, now.plus_seconds(CLAIM_SECONDS)],
        )?;
        claims.push(Claim {
            id,
            url: row.get::<Option<String>>(1)?.unwrap_or_default(),
            filename: row.get(2)?,
            kind_hint: row.get(3)?,
            attempt: attempts + 1,
        });
    }
    Ok(claims)
}

/// One attempt, and the note of what became of it. When even that cannot be noted, the claim runs out and the
/// attachment is tried again.
async fn attempt(app: Arc<Conversations>, claim: Claim) {
    let id = claim.id;
    let noted = match fetch(&app, &claim).await {
        Ok(fetched) => keep(&app, claim, fetched).await,
        Err(trouble) => {
            tracing::info!(attachment_id = %id, attempt = claim.attempt, %trouble, "an attachment was not fetched");
            fail(&app, claim, trouble).await
        }
    };
    if let Err(trouble) = noted {
        tracing::warn!(attachment_id = %id, ?trouble, "the end of fetching an attachment cannot be noted");
    }
}

struct Fetched {
    path: PathBuf,
    download: Download,
}

async fn fetch(app: &Conversations, claim: &Claim) -> Result<Fetched, OutboundError> {
    let path = app.files.temp_path();
    let (url, headers) = app.file_request(claim.id, &claim.url).await?;
    let request = DownloadRequest {
        url,
        headers,
        path: path.clone(),
        deadline: Duration::from_secs(DEADLINE_SECONDS),
        bytes_max: FETCHED_BYTES_MAX,
    };
    let download = app.outbound.download(request).await?;
    Ok(Fetched { path, download })
}

async fn keep(app: &Conversations, claim: Claim, fetched: Fetched) -> Result<()> {
    let Fetched { path, download } = fetched;
    let files = app.files.clone();
    let taking = tokio::task::spawn_blocking(move || files.take(&path)).await;
    let taken = taking.map_err(|_| error::broken("taking in an attachment ended early"))?;
    let (sha256, size) = taken.map_err(not_kept)?;
    let size = bytes(size)?;
    let shown = Shown::of(&claim, &download);
    let env = app.env.clone();
    let noting = app.store.write(move |tx| {
        let kept = tx.execute(
            "UPDATE attachments SET size = $2, sha256 = $3, filename = $4, extension = $5, content_type = $6,
               fetch_at = NULL, fetch_error = NULL, updated_at = $7
             WHERE id = $1 AND sha256 IS NULL",
            args![&claim.id, size, &sha256[..], &shown.filename, &shown.extension, shown.content_type, env.now()],
        )?;
        if kept == 1 { tell(tx, &env, "attachment.fetched", claim.id) } else { Ok(()) }
    });
    noting.await
}

async fn fail(app: &Conversations, claim: Claim, trouble: OutboundError) -> Result<()> {
    let env = app.env.clone();
    let next = next_attempt(claim.attempt, &trouble, env.now());
    let message = trouble.to_string();
    app.store.write(move |tx| note_failure(tx, &env, claim.id, next, &message)).await
}

/// Writes down why an attachment is not here and when to try next; never means that it is given up. What is here or
/// given up meanwhile stays so.
fn note_failure(tx: &mut dyn Tx, env: &Env, id: Id, next: Option<Timestamp>, message: &str) -> Result<()> {
    let noted = tx.execute(
        "UPDATE attachments SET fetch_at = $2, fetch_error = $3, updated_at = $4
         WHERE id = $1 AND sha256 IS NULL AND fetch_at IS NOT NULL",
        args![&id, next, message, env.now()],
    )?;
    if noted == 1 && next.is_none() { tell(tx, env, "attachment.fetch_failed", id) } else { Ok(()) }
}

/// Appends what became of an attachment; nobody follows one whose content is gone.
fn tell(tx: &mut dyn Tx, env: &Env, kind: &'static str, id: Id) -> Result<()> {
    let content = tx.first(
        "SELECT contents.id, contents.thread_id, contents.source_id FROM attachments
         JOIN contents ON contents.id = attachments.content_id WHERE attachments.id = $1",
        args![&id],
    )?;
    let Some(content) = content else { return Ok(()) };
    let (content_id, source_id): (Id, Id) = (content.get(0)?, content.get(2)?);
    let payload = json!({ "source_id": source_id, "content_id": content_id });
    tx.append(NewEvent::new(env, None, kind, id, Some(content.get(1)?), payload));
    Ok(())
}

/// When to try again after this many attempts; never for what stays wrong.
fn next_attempt(attempts: i64, trouble: &OutboundError, now: Timestamp) -> Option<Timestamp> {
    let is_final = matches!(trouble, OutboundError::Forbidden(_) | OutboundError::Url(_) | OutboundError::TooLarge(_));
    if is_final {
        return None;
    }
    let wait = usize::try_from(attempts - 1).ok().and_then(|index| RETRY_SECONDS.get(index));
    wait.map(|seconds| now.plus_seconds(*seconds))
}

/// What a fetched file is called and what it is.
#[derive(Debug, PartialEq)]
struct Shown {
    filename: String,
    extension: String,
    content_type: &'static str,
}

impl Shown {
    /// The name that the row has, unless that says nothing and the download's says more; the other side's word on the
    /// type counts only where no name tells it.
    fn of(claim: &Claim, download: &Download) -> Shown {
        let mut filename = claim.filename.clone();
        let mut extension = names::extension(&filename);
        if !names::is_known(&extension) {
            let offered = names::clean(download.name.as_deref().unwrap_or_default());
            let offered_extension = names::extension(&offered);
            if names::is_known(&offered_extension) {
                (filename, extension) = (offered, offered_extension);
            }
        }
        let content_type = if names::is_known(&extension) {
            names::content_type(&extension, claim.kind_hint.as_deref())
        } else {
            let claimed = download.content_type.as_deref().and_then(names::claimed_type);
            claimed.unwrap_or_else(|| names::content_type(&extension, None))
        };
        Shown { filename, extension, content_type }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::tests::{Desk, id};

    const INSERT: &str =
        "INSERT INTO attachments (id, content_id, filename, extension, content_type, size, remote_url, fetch_attempts,
                                  fetch_at, private, position, created_at, updated_at)
         VALUES ($1, $2, 'a.png', 'png', 'image/png', 0, 'https://example.com/a.png', 0, 0, FALSE, 0, 0, 0)";

    async fn desk_with_attachment() -> Desk {
        let desk = Desk::open().await;
        let inserting = desk.app.store.write(|tx| {
            Desk::insert_content(tx, id(1), id(50))?;
            tx.execute(INSERT, args![&id(7), &id(1)])
        });
        inserting.await.unwrap();
        desk
    }

    #[tokio::test]
    async fn a_file_whose_fetching_is_interrupted_three_times_is_given_up() {
        let desk = desk_with_attachment().await;
        for attempt in 1..=3 {
            let claims = claim(&desk.app, 4).await.unwrap();
            assert_eq!(claims.iter().map(|claim| claim.attempt).collect::<Vec<_>>(), [attempt]);
            assert!(claim(&desk.app, 4).await.unwrap().is_empty());
            desk.pass(CLAIM_SECONDS);
        }
        assert!(desk.events().await.is_empty());
        assert!(claim(&desk.app, 4).await.unwrap().is_empty());
        let sql = "SELECT fetch_at, fetch_error FROM attachments";
        let row = desk.app.store.read(move |tx| tx.one(sql, args![])).await.unwrap();
        assert_eq!(row.get::<Option<i64>>(0).unwrap(), None);
        assert_eq!(row.get::<String>(1).unwrap(), INTERRUPTED);
        assert_eq!(desk.events().await, [("attachment.fetch_failed".to_owned(), id(7), Some(id(50)))]);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_back_stops_nothing() {
        let desk = desk_with_attachment().await;
        claim(&desk.app, 4).await.unwrap();
        desk.pass(-86_400);
        assert_eq!(claim(&desk.app, 4).await.unwrap().remove(0).attempt, 2);
        assert!(claim(&desk.app, 4).await.unwrap().is_empty(), "it is being tried");
    }

    #[tokio::test]
    async fn a_fetched_file_is_told_in_its_thread() {
        let desk = desk_with_attachment().await;
        let claim = claim(&desk.app, 4).await.unwrap().remove(0);
        let path = desk.app.files.temp_path();
        std::fs::write(&path, b"hello").unwrap();
        let download = Download { content_type: None, name: None, bytes: 5 };
        keep(&desk.app, claim.clone(), Fetched { path, download }).await.unwrap();
        // An attempt that was overtaken says nothing more.
        fail(&desk.app, claim, OutboundError::TooLarge(1)).await.unwrap();
        assert_eq!(desk.events().await, [("attachment.fetched".to_owned(), id(7), Some(id(50)))]);
    }

    #[test]
    fn three_attempts_are_made_and_hopeless_ones_only_once() {
        let now = Timestamp::from_micros(0);
        let next = |attempts, trouble| next_attempt(attempts, &trouble, now).map(|at| at.seconds_since(now));
        assert_eq!(next(1, OutboundError::Timeout), Some(30));
        assert_eq!(next(2, OutboundError::Connect("refused".into())), Some(300));
        assert_eq!(next(3, OutboundError::Timeout), None);
        assert_eq!(next(4, OutboundError::Timeout), None);
        assert_eq!(next(1, OutboundError::TooLarge(1)), None);
        assert_eq!(next(1, OutboundError::Forbidden("private".into())), None);
    }

    #[test]
    fn a_file_is_shown_under_the_best_name_that_is_known() {
        let claim = |filename: &str, kind_hint: Option<&str>| Claim {
            id: Id::default(),
            url: String::new(),
            filename: filename.into(),
            kind_hint: kind_hint.map(str::to_owned),
            attempt: 1,
        };
        let download = |name: Option<&str>, content_type: Option<&str>| Download {
            content_type: content_type.map(str::to_owned),
            name: name.map(str::to_owned),
            bytes: 1,
        };
        for (claim, download, filename, content_type) in [
            (claim("a.png", None), download(Some("b.pdf"), Some("text/html")), "a.png", "image/png"),
            (claim("a.mp4", Some("audio")), download(None, Some("video/mp4")), "a.mp4", "audio/mp4"),
            (claim("file", None), download(Some("b.pdf"), None), "b.pdf", "application/pdf"),
            (claim("a.php", None), download(Some("a.php"), Some("image/jpeg")), "a.php", "image/jpeg"),
            (claim("a.php", None), download(None, Some("text/html")), "a.php", "application/octet-stream"),
        ] {
            let shown = Shown::of(&claim, &download);
            assert_eq!((shown.filename.as_str(), shown.content_type), (filename, content_type));
        }
    }
}
