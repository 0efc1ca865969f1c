//! Writing a backup.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use frontdesk_conversations::attachments::Files;
use frontdesk_model::{Env, Result, error};
use frontdesk_store::{Store, Tx, args, dump};

use super::{
    Count, FORMAT, Hashing, MANIFEST, Manifest, Summary, about, about_in_tx, attachment_entry, attachments,
    is_unfinished, migration, table_entry, tables,
};

/// Writes everything of one point in time to `file`, which must not exist; the store may be in use meanwhile. The file
/// appears when it is whole and on disk. Until then a private folder `<file>.partial` grows beside it, to at most the
/// size of the uncompressed tables and the backup; it goes away also when this fails.
///
/// A missing or damaged attachment is an error that names it: a backup never holds damage.
pub(crate) async fn write(store: &Store, files: &Files, env: &Env, file: &Path) -> Result<Summary, String> {
    refuse_existing(file)?;
    let scratch = Scratch::make(file)?;
    let folder = scratch.path.clone();
    let cut = store.read(move |tx| cut(tx, &folder)).await.map_err(|trouble| trouble.to_string())?;
    let packing = Packing { scratch, cut, files: files.clone(), file: file.to_owned(), env: env.clone() };
    let packed = tokio::task::spawn_blocking(move || packing.run()).await;
    packed.map_err(|_| "writing the backup ended early".to_owned())?
}

fn refuse_existing(file: &Path) -> Result<(), String> {
    match file.symlink_metadata() {
        Err(trouble) if trouble.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(trouble) => Err(about(file)(trouble)),
        Ok(_) => Err(format!("{} exists already: give the name of a new file", file.display())),
    }
}

/// A private folder beside the file that is to be, so that the end is a rename.
struct Scratch {
    path: PathBuf,
}

impl Scratch {
    fn make(file: &Path) -> Result<Scratch, String> {
        let mut name = file.file_name().ok_or_else(|| format!("{} names no file", file.display()))?.to_owned();
        name.push(".partial");
        let path = file.with_file_name(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => Ok(Scratch { path }),
            Err(trouble) if trouble.kind() == io::ErrorKind::AlreadyExists => Err(format!(
                "{} exists: another backup is being written there, or one was cut off; remove it if none is",
                path.display()
            )),
            Err(trouble) => Err(about(&path)(trouble)),
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(trouble) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %trouble, "what a backup needed meanwhile cannot be removed");
        }
    }
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
}

/// What one transaction saw; the rows themselves are in the folder.
struct Cut {
    migration: i64,
    log_seq: i64,
    tables: Vec<Count>,
    attachments: Vec<[u8; 32]>,
}

fn cut(tx: &mut dyn Tx, folder: &Path) -> Result<Cut> {
    tx.lift_time_limit()?;
    if is_unfinished(tx)? {
        return Err(error::forbidden(
            "A restore into this database was interrupted: there is nothing whole to back up.",
        ));
    }
    let migration = migration(tx)?;
    let log_seq = tx.one("SELECT seq FROM log_head", args![])?.get(0)?;
    let mut counts = Vec::new();
    for (table, _) in tables(tx)? {
        let path = folder.join(table.name);
        let mut out = BufWriter::new(create(&path).map_err(about_in_tx(&path))?);
        let rows = dump::write_table(tx, table.name, &mut out)?;
        out.flush().map_err(about_in_tx(&path))?;
        counts.push(Count { name: table.name.into(), rows });
    }
    Ok(Cut { migration, log_seq, tables: counts, attachments: attachments(tx)? })
}

/// What is left to do when the transaction has ended. The files of attachments never change, so they are still those
/// that it saw.
struct Packing {
    scratch: Scratch,
    cut: Cut,
    files: Files,
    file: PathBuf,
    env: Env,
}

impl Packing {
    fn run(self) -> Result<Summary, String> {
        let now = self.env.now();
        let manifest = Manifest {
            format: FORMAT,
            program: env!("CARGO_PKG_VERSION").into(),
            created_at: now.rest(),
            migration: self.cut.migration,
            log_seq: self.cut.log_seq,
            tables: self.cut.tables,
            attachments: self.cut.attachments.len() as u64,
        };
        let partial = self.scratch.path.join("backup");
        let out = create(&partial).map_err(about(&partial))?;
        // Attachments are mostly compressed already, and text shrinks well at any level.
        let gzip = GzEncoder::new(BufWriter::new(out), Compression::fast());
        let seconds = u64::try_from(now.micros() / 1_000_000).unwrap_or(0);
        let mut archive = Archive { tar: tar::Builder::new(gzip), seconds };

        let text = serde_json::to_vec_pretty(&manifest).map_err(|trouble| trouble.to_string())?;
        archive.append(MANIFEST, text.len() as u64, &text[..]).map_err(about(&partial))?;
        for table in &manifest.tables {
            let path = self.scratch.path.join(&table.name);
            let rows = File::open(&path).map_err(about(&path))?;
            let bytes = rows.metadata().map_err(about(&path))?.len();
            archive.append(&table_entry(&table.name), bytes, rows).map_err(about(&partial))?;
            fs::remove_file(&path).map_err(about(&path))?;
        }
        for sha256 in &self.cut.attachments {
            append_attachment(&mut archive, &self.files.path(sha256), sha256)?;
        }
        let out = archive.tar.into_inner().and_then(GzEncoder::finish).map_err(about(&partial))?;
        let out = out.into_inner().map_err(|trouble| about(&partial)(trouble.into_error()))?;
        out.sync_all().map_err(about(&partial))?;
        refuse_existing(&self.file)?;
        fs::rename(&partial, &self.file).map_err(about(&self.file))?;
        // The rename is durable only once the folder is.
        let folder = self.file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder).and_then(|folder| folder.sync_all()).map_err(about(folder))?;
        Ok(Summary::of(&manifest))
    }
}

struct Archive<W: Write> {
    tar: tar::Builder<W>,
    /// When the backup was made, since 1970.
    seconds: u64,
}

impl<W: Write> Archive<W> {
    /// `bytes` is how many `content` has.
    fn append(&mut self, name: &str, bytes: u64, content: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_path(name)?;
        header.set_entry_type(tar::EntryType::Regular);
        header.set_mode(0o600);
        header.set_mtime(self.seconds);
        header.set_size(bytes);
        header.set_cksum();
        self.tar.append(&header, content)
    }
}

/// The bytes are hashed as they are written, so exactly these were proven to be right.
fn append_attachment(archive: &mut Archive<impl Write>, path: &Path, sha256: &[u8; 32]) -> Result<(), String> {
    let name = attachment_entry(sha256);
    let unfit =
        |what: String| format!("{name} {what}: put a whole copy, such as an earlier backup's, at {}", path.display());
    let file = File::open(path).map_err(|trouble| unfit(format!("cannot be opened ({trouble})")))?;
    let bytes = file.metadata().map_err(about(path))?.len();
    let mut content = Hashing::new(file.take(bytes));
    archive.append(&name, bytes, &mut content).map_err(|trouble| format!("{name}: {trouble}"))?;
    if content.finish() != (*sha256, bytes) {
        return Err(unfit("is damaged".into()));
    }
    Ok(())
}
