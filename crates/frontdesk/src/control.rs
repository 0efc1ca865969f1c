//! Commands to a running server, over a socket that only its user may open: one line of JSON there, one back.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};

use crate::admin::Admin;

/// A longer line is nobody's command.
const LINE_BYTES_MAX: u64 = 1024 * 1024;

/// What the other commands ask of a running server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case")]
pub(crate) enum Command {
    /// `frontdesk token create`.
    CreateToken { user: String, label: String },
    /// `frontdesk user password`.
    ResetPassword { user: String, reset_second_factor: bool },
    /// `frontdesk mail list`.
    ListMails,
    /// `frontdesk backup`.
    Backup { file: PathBuf },
    /// `frontdesk routing rehearse`; the topology is the document itself.
    Rehearse { topology: String, since: String, until: Option<String> },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Answer {
    Done(String),
    Failed(String),
}

/// Answers commands for as long as the server lives.
pub(crate) fn listen(path: &Path, admin: Arc<Admin>) -> Result<(), String> {
    // A killed server leaves its socket behind; the lock on the directory says that nobody else uses it.
    let _ = std::fs::remove_file(path);
    let listener = UnixListener::bind(path).map_err(|error| format!("data: {}: {error}", path.display()))?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
        .map_err(|error| format!("data: {}: {error}", path.display()))?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let admin = admin.clone();
            tokio::spawn(async move {
                if let Err(trouble) = serve(stream, &admin).await {
                    tracing::warn!(%trouble, "a command over the control socket");
                }
            });
        }
    });
    Ok(())
}

async fn serve(stream: UnixStream, admin: &Admin) -> std::io::Result<()> {
    let (reader, mut writer) = stream.into_split();
    let mut line = String::new();
    BufReader::new(reader).take(LINE_BYTES_MAX).read_line(&mut line).await?;
    let outcome = match serde_json::from_str(&line) {
        Ok(command) => admin.run(command).await,
        Err(error) => Err(format!("not a command: {error}")),
    };
    let answer = outcome.map_or_else(Answer::Failed, Answer::Done);
    let mut text = serde_json::to_string(&answer)?;
    text.push('\n');
    writer.write_all(text.as_bytes()).await
}

/// Asks the running server of a data directory; none when no server runs there.
pub(crate) async fn ask(path: &Path, command: &Command) -> Option<Result<String, String>> {
    let stream = UnixStream::connect(path).await.ok()?;
    let (reader, mut writer) = stream.into_split();
    let exchange = async {
        let mut text = serde_json::to_string(command)?;
        text.push('\n');
        writer.write_all(text.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(reader).read_line(&mut line).await?;
        Ok::<Answer, std::io::Error>(serde_json::from_str(&line)?)
    };
    Some(match exchange.await {
        Ok(Answer::Done(text)) => Ok(text),
        Ok(Answer::Failed(text)) => Err(text),
        Err(error) => Err(format!("the running server did not answer: {error}")),
    })
}
