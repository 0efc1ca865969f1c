//! Where the bytes of attachments lie: one immutable file per content, named by its SHA-256. A file that was damaged on
//! disk is noticed when it is read, and refused.

use frontdesk_model::hex;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use ring::digest;

/// How much of a file is held in memory while it is hashed.
const CHUNK_BYTES: usize = 64 * 1024;
/// A file is young for so long after it was taken in.
const YOUNG: Duration = Duration::from_secs(60 * 60);

/// A folder of files; cheap to clone. Everything here blocks.
#[derive(Clone)]
pub struct Files {
    inner: Arc<Folder>,
}

struct Folder {
    dir: PathBuf,
    temporary: PathBuf,
    next: AtomicU64,
    /// Held while it is decided whether a file stays: one that is taken in again must not be removed at that moment.
    deciding: Mutex<()>,
}

impl Files {
    /// Opens the folder, makes it when it is missing, and sweeps what a crash left half-written. One process at a time:
    /// the caller sees to it.
    pub fn open(dir: &Path) -> io::Result<Files> {
        let temporary = dir.join("tmp");
        make_folder(dir)?;
        make_folder(&temporary)?;
        for entry in fs::read_dir(&temporary)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                fs::remove_file(entry.path())?;
            }
        }
        sync_folder(dir)?;
        Ok(Files {
            inner: Arc::new(Folder {
                dir: dir.to_owned(),
                temporary,
                next: AtomicU64::new(0),
                deciding: Mutex::default(),
            }),
        })
    }

    /// Where files are written before [`Files::adopt`]: on the same file system, and swept at the next start.
    pub fn temp_dir(&self) -> &Path {
        &self.inner.temporary
    }

    /// A path in the temporary folder that nothing else uses. The file is not made.
    pub(super) fn temp_path(&self) -> PathBuf {
        let number = self.inner.next.fetch_add(1, Ordering::Relaxed);
        self.inner.temporary.join(format!("part-{number}"))
    }

    /// Where the file with this hash is, if there is one.
    pub fn path(&self, sha256: &[u8; 32]) -> PathBuf {
        let name = hex::encode(sha256);
        self.inner.dir.join(&name[..2]).join(name)
    }

    /// Takes a finished temporary file in, durably. `sha256` is the hash of its bytes. A file that is there already
    /// stays, and so may the temporary one: doing it twice is as good as once.
    pub fn adopt(&self, temp_path: &Path, sha256: &[u8; 32]) -> io::Result<()> {
        let path = self.path(sha256);
        let kept = fs::metadata(&path);
        if let Ok(kept) = &kept {
            // One of another length was damaged: the fresh one takes its place.
            let is_whole = fs::metadata(temp_path).map_or(true, |fresh| fresh.len() == kept.len());
            let _deciding = self.inner.deciding.lock().unwrap_or_else(PoisonError::into_inner);
            // From now on it is a young one, which nobody removes.
            if is_whole && File::open(&path).and_then(|file| file.set_modified(now())).is_ok() {
                return Ok(());
            }
        }
        let file = File::open(temp_path)?;
        restrict(&file)?;
        file.sync_all()?;
        let folder = path.parent().unwrap_or(&self.inner.dir);
        if !folder.is_dir() {
            make_folder(folder)?;
            sync_folder(&self.inner.dir)?;
        }
        fs::rename(temp_path, &path)?;
        sync_folder(folder)
    }

    /// Removes a file that nothing names any more, unless it was taken in within the last hour: whoever has done that is about
    /// to name it.
    pub fn discard(&self, sha256: &[u8; 32]) -> io::Result<()> {
        let path = self.path(sha256);
        let _deciding = self.inner.deciding.lock().unwrap_or_else(PoisonError::into_inner);
        let age = fs::metadata(&path)?.modified()?.elapsed().unwrap_or_default();
        if age < YOUNG { Ok(()) } else { fs::remove_file(&path) }
    }

    /// Hashes a finished temporary file and takes it in. Returns its hash and its length in bytes.
    pub(super) fn take(&self, temp_path: &Path) -> io::Result<([u8; 32], u64)> {
        let (sha256, bytes) = hash(&mut File::open(temp_path)?)?;
        self.adopt(temp_path, &sha256)?;
        // Only there when the same file was here before.
        match fs::remove_file(temp_path) {
            Err(trouble) if trouble.kind() != io::ErrorKind::NotFound => Err(trouble),
            _ => Ok((sha256, bytes)),
        }
    }

    /// Stores bytes durably and returns their hash.
    pub fn write(&self, bytes: &[u8]) -> io::Result<[u8; 32]> {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        let temp_path = self.temp_path();
        OpenOptions::new().write(true).create_new(true).open(&temp_path)?.write_all(bytes)?;
        self.adopt(&temp_path, &sha256)?;
        match fs::remove_file(&temp_path) {
            Err(trouble) if trouble.kind() != io::ErrorKind::NotFound => Err(trouble),
            _ => Ok(sha256),
        }
    }

    /// Opens a file for reading, once its bytes were proven to be those that were stored, and tells its length in bytes.
    /// [`io::ErrorKind::InvalidData`] when they are not.
    pub fn open_verified(&self, sha256: &[u8; 32]) -> io::Result<(File, u64)> {
        let mut file = File::open(self.path(sha256))?;
        let (found, bytes) = hash(&mut file)?;
        if found != *sha256 {
            let message = format!("the file {} is damaged: restore it from a backup", hex::encode(sha256));
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        file.seek(SeekFrom::Start(0))?;
        Ok((file, bytes))
    }
}

fn hash(file: &mut File) -> io::Result<([u8; 32], u64)> {
    let mut context = digest::Context::new(&digest::SHA256);
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut bytes = 0;
    loop {
        match file.read(&mut chunk) {
            Ok(0) => break,
            Ok(length) => {
                context.update(&chunk[..length]);
                bytes += length as u64;
            }
            Err(trouble) if trouble.kind() == io::ErrorKind::Interrupted => {}
            Err(trouble) => return Err(trouble),
        }
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(context.finish().as_ref());
    Ok((sha256, bytes))
}

#[expect(clippy::disallowed_methods, reason = "a file's age is told by the clock of its file system")]
fn now() -> SystemTime {
    SystemTime::now()
}

/// For this user only: an attachment may be anything.
fn make_folder(dir: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

fn restrict(file: &File) -> io::Result<()> {
    #[cfg(unix)]
    file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
    #[cfg(not(unix))]
    let _ = file;
    Ok(())
}

/// A rename is durable only once its folder is.
fn sync_folder(dir: &Path) -> io::Result<()> {
    #[cfg(unix)]
    File::open(dir)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = dir;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files() -> (tempfile::TempDir, Files) {
        let dir = tempfile::tempdir().unwrap();
        let files = Files::open(&dir.path().join("files")).unwrap();
        (dir, files)
    }

    fn content(files: &Files, sha256: &[u8; 32]) -> io::Result<Vec<u8>> {
        let (mut file, length) = files.open_verified(sha256)?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        assert_eq!(bytes.len() as u64, length);
        Ok(bytes)
    }

    #[test]
    fn what_is_written_is_read_back_and_kept_once() {
        let (_dir, files) = files();
        let sha256 = files.write(b"hello").unwrap();
        assert_eq!(files.write(b"hello").unwrap(), sha256);
        assert_eq!(hex::encode(sha256), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
        assert!(files.path(&sha256).ends_with(format!("2c/{}", hex::encode(sha256))));
        assert_eq!(content(&files, &sha256).unwrap(), b"hello");
        assert_eq!(fs::read_dir(files.temp_dir()).unwrap().count(), 0);
        assert_eq!(content(&files, &[7; 32]).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[cfg(unix)]
    #[test]
    fn files_are_for_their_owner_only() {
        use std::os::unix::fs::PermissionsExt;
        let (_dir, files) = files();
        let path = files.path(&files.write(b"hello").unwrap());
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn every_damaged_bit_is_noticed_and_a_new_copy_heals_a_cut_file() {
        let (_dir, files) = files();
        let sha256 = files.write(b"hello").unwrap();
        for bit in 0..40 {
            let mut damaged = *b"hello";
            damaged[bit / 8] ^= 1 << (bit % 8);
            fs::write(files.path(&sha256), damaged).unwrap();
            let trouble = content(&files, &sha256).unwrap_err();
            assert_eq!(trouble.kind(), io::ErrorKind::InvalidData);
            assert!(trouble.to_string().contains("damaged"));
        }
        fs::write(files.path(&sha256), "hell").unwrap();
        assert!(content(&files, &sha256).is_err());
        files.write(b"hello").unwrap();
        assert_eq!(content(&files, &sha256).unwrap(), b"hello");
    }

    #[test]
    fn a_temporary_file_is_adopted_and_doing_it_again_does_no_harm() {
        let (_dir, files) = files();
        let temp_path = files.temp_path();
        fs::write(&temp_path, "hello").unwrap();
        let (sha256, bytes) = files.take(&temp_path).unwrap();
        assert_eq!((bytes, temp_path.exists()), (5, false));
        files.adopt(&temp_path, &sha256).unwrap();
        assert_eq!(content(&files, &sha256).unwrap(), b"hello");
    }

    #[test]
    fn what_nothing_names_is_removed_once_it_is_old() {
        let (_dir, files) = files();
        let sha256 = files.write(b"hello").unwrap();
        let old = |files: &Files| {
            let file = OpenOptions::new().write(true).open(files.path(&sha256)).unwrap();
            file.set_modified(now() - 2 * YOUNG).unwrap();
        };
        files.discard(&sha256).unwrap();
        assert!(content(&files, &sha256).is_ok(), "it may be about to be named");
        old(&files);
        files.write(b"hello").unwrap();
        files.discard(&sha256).unwrap();
        assert!(content(&files, &sha256).is_ok(), "it was taken in again");
        old(&files);
        files.discard(&sha256).unwrap();
        assert_eq!(content(&files, &sha256).unwrap_err().kind(), io::ErrorKind::NotFound);
        assert_eq!(files.discard(&sha256).unwrap_err().kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn what_a_crash_left_is_swept() {
        let (dir, files) = files();
        fs::write(files.temp_path(), "half").unwrap();
        let sha256 = files.write(b"hello").unwrap();
        let files = Files::open(&dir.path().join("files")).unwrap();
        assert_eq!(fs::read_dir(files.temp_dir()).unwrap().count(), 0);
        assert_eq!(content(&files, &sha256).unwrap(), b"hello");
    }
}
