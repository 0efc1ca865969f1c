//! The data directory: private, opened by one process at a time, with the key that seals secrets.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use frontdesk_model::{Env, Id, Secret, hex};
use frontdesk_store::{Seal, Store, args};

/// Sealed once and opened at every start: proves that the key is the right one.
const KEY_CHECK: &str = "frontdesk";

/// A data directory that this process holds.
pub(crate) struct DataDir {
    path: PathBuf,
    // Held for the life of the process; the system releases it even after a kill.
    _lock: File,
}

impl DataDir {
    /// Creates the directory when it is missing and locks it.
    pub(crate) fn open(path: &Path) -> Result<DataDir, String> {
        let trouble = |what: &str, trouble: std::io::Error| format!("data: {what} in {}: {trouble}", path.display());
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| format!("data: {} cannot be created: {error}", path.display()))?;
        refuse_foreign(path)?;
        // One that was there before may be open to others; everything in it is private behind its own mode.
        std::fs::set_permissions(path, Permissions::from_mode(0o700)).map_err(|error| trouble("the mode", error))?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|error| trouble("the lock file", error))?;
        match lock.try_lock() {
            Ok(()) => Ok(DataDir { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                Err(format!("data: {} is in use by another frontdesk process", path.display()))
            }
            Err(TryLockError::Error(error)) => Err(trouble("the lock", error)),
        }
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path.join("frontdesk.db")
    }

    pub(crate) fn attachments(&self) -> PathBuf {
        self.path.join("attachments")
    }

    /// The id of this node: made once, kept in the directory.
    pub(crate) fn node_id(&self, env: &Env) -> Result<Id, String> {
        let path = self.path.join("node.id");
        if let Ok(text) = std::fs::read_to_string(&path) {
            return text.trim().parse().map_err(|_| format!("data: {} should hold 24 hex digits", path.display()));
        }
        let id = env.id();
        std::fs::write(&path, id.hex()).map_err(|error| format!("data: {}: {error}", path.display()))?;
        Ok(id)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        socket(&self.path)
    }
}

/// Refuses a directory that holds other people's files: a mistyped --data must not take it over. The key and a
/// configuration may lie in a new one already.
fn refuse_foreign(path: &Path) -> Result<(), String> {
    let entries = std::fs::read_dir(path).map_err(|error| format!("data: {}: {error}", path.display()))?;
    let names: Vec<String> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let is_ours = names.iter().any(|name| name == "lock");
    let is_new = names.iter().all(|name| name == "secret.key" || name == "lost+found" || name.ends_with(".toml"));
    if is_ours || is_new {
        return Ok(());
    }
    Err(format!("data: {} holds other files and is no data directory; name an empty one", path.display()))
}

/// Where a running server of this directory listens for commands.
pub(crate) fn socket(data: &Path) -> PathBuf {
    data.join("control.sock")
}

/// Reads the sealing key and proves it against the store. Makes a key only for a store that has never had one: a lost
/// key must be found again, not replaced.
pub(crate) async fn seal(store: &Store, env: &Env, key_file: &Path) -> Result<Seal, String> {
    let proof = store
        .read(|tx| {
            tx.first("SELECT value FROM meta WHERE name = 'key_check'", args![])?.map(|row| row.get(0)).transpose()
        })
        .await
        .map_err(|error| error.to_string())?;
    let key = match (read_key(key_file)?, &proof) {
        (Some(key), _) => key,
        (None, None) => create_key(key_file, env)?,
        (None, Some(_)) => {
            return Err(format!(
                "secret-key-file: {} is missing, and the store holds secrets sealed with it: restore the file",
                key_file.display()
            ));
        }
    };
    let seal = Seal::new(&key, env.clone()).map_err(|error| error.to_string())?;
    match proof {
        Some(proof) => {
            let proof: String = proof;
            let opened = BASE64.decode(&proof).ok().and_then(|sealed| seal.open("key check", &sealed).ok());
            if opened.is_none_or(|opened| opened.reveal() != KEY_CHECK) {
                return Err(format!(
                    "secret-key-file: {} holds another key than the one that sealed this store's secrets",
                    key_file.display()
                ));
            }
        }
        None => {
            let sealed = seal.seal("key check", &Secret::new(KEY_CHECK)).map_err(|error| error.to_string())?;
            let (proof, domain_id) = (BASE64.encode(sealed), env.id().hex());
            store
                .write(move |tx| {
                    let sql = "INSERT INTO meta (name, value) VALUES ('key_check', $1), ('domain_id', $2)";
                    tx.execute(sql, args![&proof, &domain_id])
                })
                .await
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(seal)
}

fn read_key(path: &Path) -> Result<Option<[u8; 32]>, String> {
    let wrong = |what: &str| format!("secret-key-file: {} {what}", path.display());
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(wrong(&format!("cannot be read: {error}"))),
    };
    let mode = file.metadata().map_err(|error| wrong(&error.to_string()))?.mode();
    if mode & 0o077 != 0 {
        return Err(wrong("is readable by others: chmod 600 it"));
    }
    let mut text = String::new();
    file.read_to_string(&mut text).map_err(|error| wrong(&format!("cannot be read: {error}")))?;
    hex::decode(text.trim()).map(Some).ok_or_else(|| wrong("should hold 64 hex digits"))
}

fn create_key(path: &Path, env: &Env) -> Result<[u8; 32], String> {
    let key: [u8; 32] = env.random();
    let text = hex::encode(key);
    let written = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        // The key must not vanish with a power cut that spares what it sealed.
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            File::open(folder)?.sync_all()?;
        }
        Ok(())
    };
    written().map_err(|error| format!("secret-key-file: {} cannot be written: {error}", path.display()))?;
    Ok(key)
}
