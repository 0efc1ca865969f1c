//! The data directory: private, opened by one process at a time, with the key that seals secrets. A restore fills it in
//! place and under the same lock; until it is whole, a mark beside the database keeps everybody else out.

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

const LOCK: &str = "lock";
const DATABASE: &str = "frontdesk.db";
const ATTACHMENTS: &str = "attachments";
/// What a restore writes, and so what may be removed when it was interrupted: nothing else is ever moved or removed.
const RESTORED: [&str; 5] = [DATABASE, "frontdesk.db-wal", "frontdesk.db-shm", "frontdesk.db-journal", ATTACHMENTS];
/// A file with this name says that a restore into the directory has begun and has not ended.
const RESTORING: &str = "restoring";
/// Whoever finds the mark is told what it is.
const RESTORING_TEXT: &str =
    "`frontdesk restore` is filling this directory, or was interrupted while it did: the database and the
attachments here are not whole, and another restore removes them. The other files stay.
";

/// A data directory that this process holds.
pub(crate) struct DataDir {
    path: PathBuf,
    // Held for the life of the process; the system releases it even after a kill.
    _lock: File,
}

impl DataDir {
    /// Creates the directory when it is missing and locks it.
    pub(crate) fn open(path: &Path) -> Result<DataDir, String> {
        let directory = DataDir::lock(path)?;
        if exists(&path.join(RESTORING))? {
            return Err(format!(
                "data: a restore into {0} was interrupted, so what it holds is not whole: run `frontdesk restore FILE \
                 --data {0}` again (empty the database first, if it is PostgreSQL)",
                path.display()
            ));
        }
        Ok(directory)
    }

    /// Opens a directory that is to be filled by a restore: a new one, or one that an interrupted restore left, which
    /// loses the half that it got. It is marked until [`DataDir::restored`] or [`DataDir::not_restored`].
    pub(crate) fn open_to_restore(path: &Path) -> Result<DataDir, String> {
        let directory = DataDir::lock(path)?;
        let names = names(path)?;
        let was_interrupted = names.iter().any(|name| name == RESTORING);
        let may_be_there = |name: &str| {
            let is_half = name == RESTORING || RESTORED.contains(&name);
            is_in_a_new_one(name) || name == LOCK || was_interrupted && is_half
        };
        if let Some(other) = names.iter().find(|name| !may_be_there(name)) {
            let dir = path.display();
            return Err(format!("data: {dir} is not empty, it holds {other}; restore into a new directory"));
        }
        let trouble = |error: std::io::Error| format!("data: {}: {error}", path.display());
        let marked = || -> std::io::Result<()> {
            let mut mark = OpenOptions::new().create(true).truncate(true).write(true).open(path.join(RESTORING))?;
            mark.write_all(RESTORING_TEXT.as_bytes())?;
            mark.sync_all()?;
            File::open(path)?.sync_all()
        };
        marked().and_then(|()| directory.remove_half()).map_err(trouble)?;
        Ok(directory)
    }

    /// Everything is in its place and on disk: the mark goes, and the directory is one that a server opens.
    pub(crate) fn restored(self) -> Result<(), String> {
        self.unmark().map_err(|error| format!("data: {}: {error}", self.path.display()))
    }

    /// The restore has failed, and was not cut off: nothing of it stays.
    pub(crate) fn not_restored(self) {
        if let Err(error) = self.remove_half().and_then(|()| self.unmark()) {
            eprintln!("frontdesk: data: {}: {error}; restore again, it will be cleared then", self.path.display());
        }
    }

    fn remove_half(&self) -> std::io::Result<()> {
        for name in RESTORED {
            let path = self.path.join(name);
            let removed = if name == ATTACHMENTS { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
            match removed {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn unmark(&self) -> std::io::Result<()> {
        let folder = File::open(&self.path)?;
        folder.sync_all()?;
        std::fs::remove_file(self.path.join(RESTORING))?;
        folder.sync_all()?;
        // The directory may be as new as what is in it. What holds it may be closed to us; then it is somebody else's care.
        let path = std::fs::canonicalize(&self.path)?;
        if let Some(Ok(parent)) = path.parent().map(File::open) {
            parent.sync_all()?;
        }
        Ok(())
    }

    fn lock(path: &Path) -> Result<DataDir, String> {
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
            .open(path.join(LOCK))
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
        self.path.join(DATABASE)
    }

    pub(crate) fn attachments(&self) -> PathBuf {
        self.path.join(ATTACHMENTS)
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
    let names = names(path)?;
    let is_ours = names.iter().any(|name| name == LOCK);
    if is_ours || names.iter().all(|name| is_in_a_new_one(name)) {
        return Ok(());
    }
    Err(format!("data: {} holds other files and is no data directory; name an empty one", path.display()))
}

/// What may lie in a directory before it is one of ours.
fn is_in_a_new_one(name: &str) -> bool {
    name == "secret.key" || name == "lost+found" || name.ends_with(".toml")
}

fn names(path: &Path) -> Result<Vec<String>, String> {
    let names = std::fs::read_dir(path).and_then(|entries| {
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<std::io::Result<_>>()
    });
    names.map_err(|error| format!("data: {}: {error}", path.display()))
}

fn exists(path: &Path) -> Result<bool, String> {
    path.try_exists().map_err(|error| format!("data: {}: {error}", path.display()))
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
