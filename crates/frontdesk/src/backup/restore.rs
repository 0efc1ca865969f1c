//! Restoring a backup. Nothing in the file is trusted: names must be exactly those that are expected, values must fit
//! their columns, attachments must have the hash that they are named by.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use flate2::read::GzDecoder;
use frontdesk_conversations::attachments::Files;
use frontdesk_model::{Id, Result, error, hex};
use frontdesk_store::dump::{self, Column, Rows};
use frontdesk_store::{Migration, Row, Store, Tx, Value, args, search};
use tokio::runtime::Handle;

use super::{
    FORMAT, Hashing, MANIFEST, Manifest, Summary, Table, UNFINISHED, about, attachment_entry, attachments,
    is_unfinished, migration, table_entry, tables,
};
use crate::migrations;

/// A larger manifest is none of ours.
const MANIFEST_BYTES_MAX: u64 = 1 << 20;
/// So many rows share a transaction.
const CHUNK_ROWS_MAX: usize = 500;

/// The migrations that make a store fit for this backup: all up to the one that it was written under. A store that was
/// opened with them takes the backup, and gets the later ones when it is opened next.
pub(crate) fn migrations_of(file: &Path) -> Result<&'static [Migration], String> {
    let mut archive = open(file)?;
    let manifest = manifest(&mut entries(&mut archive)?)?;
    let count = migrations::ALL.iter().filter(|migration| migration.number <= manifest.migration).count();
    Ok(&migrations::ALL[..count])
}

/// Refuses a store into which a restore was interrupted: PostgreSQL may be asked from another directory than the one that
/// is marked.
pub(crate) async fn refuse_unfinished(store: &Store) -> Result<(), String> {
    match store.read(|tx| is_unfinished(tx)).await {
        Ok(false) => Ok(()),
        Ok(true) => Err("a restore into this database was interrupted: empty the database and restore again".into()),
        Err(trouble) => Err(trouble.to_string()),
    }
}

/// Fills an empty store, opened with [`migrations_of`] this file, and the folder of attachments.
///
/// The store is filled in many transactions, so a restore that was interrupted leaves it half-filled. A mark in it, which
/// goes when all rows and attachments are in their place, tells [`refuse_unfinished`] and another restore so; the caller
/// marks the directory. Whatever the end, the caller closes the store: it still counts events from where the empty one
/// stood.
pub(crate) async fn restore(store: &Store, attachments_dir: &Path, file: &Path) -> Result<Summary, String> {
    let loading = Loading { store: store.clone(), runtime: Handle::current() };
    let (attachments_dir, file) = (attachments_dir.to_owned(), file.to_owned());
    let loaded = tokio::task::spawn_blocking(move || loading.run(&attachments_dir, &file)).await;
    loaded.map_err(|_| "restoring ended early".to_owned())?
}

type Archive = tar::Archive<GzDecoder<BufReader<File>>>;
type Entries<'a> = tar::Entries<'a, GzDecoder<BufReader<File>>>;
type Entry<'a> = tar::Entry<'a, GzDecoder<BufReader<File>>>;

fn open(file: &Path) -> Result<Archive, String> {
    let file = File::open(file).map_err(about(file))?;
    Ok(tar::Archive::new(GzDecoder::new(BufReader::new(file))))
}

/// Raw: extensions of the format, which could ask for any amount of memory, are not followed.
fn entries(archive: &mut Archive) -> Result<Entries<'_>, String> {
    Ok(archive.entries().map_err(unreadable)?.raw(true))
}

fn unreadable(trouble: io::Error) -> String {
    format!("the backup cannot be read, it may be damaged or cut off: {trouble}")
}

fn next<'a>(entries: &mut Entries<'a>) -> Result<Option<(String, Entry<'a>)>, String> {
    let Some(entry) = entries.next().transpose().map_err(unreadable)? else { return Ok(None) };
    let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
    if entry.header().entry_type() != tar::EntryType::Regular {
        return Err(format!("this is no backup: {name:?} in it is no plain file"));
    }
    Ok(Some((name, entry)))
}

fn expect<'a>(entries: &mut Entries<'a>, name: &str) -> Result<Entry<'a>, String> {
    match next(entries)? {
        Some((found, entry)) if found == name => Ok(entry),
        Some((found, _)) => Err(format!("this is no backup: {name} should come where {found:?} is")),
        None => Err(format!("this is no whole backup: {name} is missing")),
    }
}

fn manifest(entries: &mut Entries) -> Result<Manifest, String> {
    let mut text = String::new();
    let entry = expect(entries, MANIFEST)?;
    entry.take(MANIFEST_BYTES_MAX).read_to_string(&mut text).map_err(unreadable)?;
    let wrong = |trouble: serde_json::Error| format!("this is no backup: {MANIFEST}: {trouble}");
    let json: serde_json::Value = serde_json::from_str(&text).map_err(wrong)?;
    // A later format may look quite different, so its number is read first.
    let format = json.get("format").and_then(serde_json::Value::as_i64).unwrap_or(0);
    if format > FORMAT {
        return Err(format!(
            "this backup has format {format}, this program reads {FORMAT}: restore it with a newer one"
        ));
    }
    let manifest: Manifest = serde_json::from_value(json).map_err(wrong)?;
    let newest = migrations::ALL.iter().map(|migration| migration.number).max().unwrap_or(0);
    if manifest.migration > newest {
        return Err(format!(
            "this backup was written by version {} with migration {}, this program knows {newest}: restore it with that version",
            manifest.program, manifest.migration
        ));
    }
    Ok(manifest)
}

struct Loading {
    store: Store,
    runtime: Handle,
}

impl Loading {
    fn run(&self, attachments_dir: &Path, file: &Path) -> Result<Summary, String> {
        let mut archive = open(file)?;
        let mut entries = entries(&mut archive)?;
        let manifest = manifest(&mut entries)?;
        let expected = manifest.migration;
        let tables = self.write(move |tx| begin(tx, expected))?;
        let mut missing: BTreeSet<&str> = tables.iter().map(|(table, _)| table.name).collect();
        for count in &manifest.tables {
            let entry_name = table_entry(&count.name);
            let table = tables.iter().find(|(table, _)| table.name == count.name);
            let (table, columns) = table.ok_or_else(|| format!("{entry_name:?} is for no table of this program"))?;
            if !missing.remove(table.name) {
                return Err(format!("{entry_name} is in the backup twice"));
            }
            let entry = expect(&mut entries, &entry_name)?;
            let rows = self.table(table, columns, entry).map_err(|trouble| format!("{entry_name}: {trouble}"))?;
            if rows != count.rows {
                return Err(format!("{entry_name} has {rows} rows, {MANIFEST} says {}", count.rows));
            }
        }
        if let Some(name) = missing.first() {
            return Err(format!("this is no whole backup: {} is missing", table_entry(name)));
        }
        self.attachments(&mut entries, attachments_dir)?;
        // The check sum of the whole comes at its very end.
        io::copy(&mut archive.into_inner(), &mut io::sink()).map_err(unreadable)?;
        let log_seq = manifest.log_seq;
        self.write(move |tx| finish(tx, log_seq))?;
        Ok(Summary::of(&manifest))
    }

    fn write<T: Send + 'static>(&self, job: impl Fn(&mut dyn Tx) -> Result<T> + Send + 'static) -> Result<T, String> {
        self.runtime.block_on(self.store.write(job)).map_err(|trouble| trouble.to_string())
    }

    /// Loads one table; returns how many rows it got.
    fn table(&self, table: &'static Table, columns: &[Column], entry: Entry) -> Result<i64, String> {
        let said = |trouble: frontdesk_model::Error| trouble.to_string();
        let mut rows = Rows::open(BufReader::new(entry), columns).map_err(said)?;
        let columns: Arc<[Column]> = rows.columns().into();
        let mut parents = Vec::new();
        let mut count = 0;
        loop {
            let mut chunk = rows.chunk(CHUNK_ROWS_MAX).map_err(said)?;
            if chunk.is_empty() {
                break;
            }
            count += chunk.len() as i64;
            if let Some(parent) = table.parent {
                parents.extend(take_parents(&columns, parent, &mut chunk).map_err(said)?);
            }
            let columns = columns.clone();
            self.write(move |tx| insert(tx, table, &columns, &chunk))?;
        }
        if let Some(column) = table.parent {
            let sql = format!("UPDATE {} SET {column} = $2 WHERE id = $1", table.name);
            self.write(move |tx| {
                parents.iter().try_for_each(|(id, parent)| tx.execute(&sql, args![id, parent]).map(drop))
            })?;
        }
        Ok(count)
    }

    /// Takes in exactly the files that the restored rows refer to.
    fn attachments(&self, entries: &mut Entries, dir: &Path) -> Result<(), String> {
        let files = Files::open(dir).map_err(about(dir))?;
        let read = self.runtime.block_on(self.store.read(|tx| {
            tx.lift_time_limit()?;
            attachments(tx)
        }));
        let mut missing: BTreeSet<[u8; 32]> = read.map_err(|trouble| trouble.to_string())?.into_iter().collect();
        while let Some((name, entry)) = next(entries)? {
            let sha256 = sha256_of(&name).filter(|sha256| missing.remove(sha256));
            let sha256 = sha256.ok_or_else(|| format!("this is no backup: {name:?} does not belong in it"))?;
            take_in(&files, entry, &sha256).map_err(|trouble| format!("{name}: {trouble}"))?;
        }
        match missing.first() {
            Some(sha256) => Err(format!("this is no whole backup: {} is missing", attachment_entry(sha256))),
            None => Ok(()),
        }
    }
}

/// Sees that the store is as empty as a new one, marks it as unfinished, and tells which tables it has.
fn begin(tx: &mut dyn Tx, expected_migration: i64) -> Result<Vec<(&'static Table, Vec<Column>)>> {
    if is_unfinished(tx)? {
        let message = "An earlier restore into this database was interrupted: empty the database and restore again.";
        return Err(error::forbidden(message));
    }
    let tables = tables(tx)?;
    let mut is_empty = tx.one("SELECT seq FROM log_head", args![])?.get::<i64>(0)? == 0;
    for (table, _) in &tables {
        is_empty &= tx.first(&format!("SELECT 1 FROM {} LIMIT 1", table.name), args![])?.is_none();
    }
    if !is_empty {
        return Err(error::forbidden("The database is not empty: a backup is restored into a new one only."));
    }
    let found = migration(tx)?;
    if found != expected_migration {
        return Err(error::broken(format!(
            "the database has migration {found}, the backup was written under {expected_migration}"
        )));
    }
    tx.execute("INSERT INTO meta (name, value) VALUES ($1, '')", args![UNFINISHED])?;
    Ok(tables)
}

fn finish(tx: &mut dyn Tx, log_seq: i64) -> Result<()> {
    tx.execute("UPDATE log_head SET seq = $1", args![log_seq])?;
    tx.execute("DELETE FROM meta WHERE name = $1", args![UNFINISHED])?;
    Ok(())
}

fn insert(tx: &mut dyn Tx, table: &Table, columns: &[Column], rows: &[Row]) -> Result<()> {
    dump::insert_rows(tx, table.name, columns, rows)?;
    if table.searched {
        let [id, title, body, format] = ["id", "title", "body", "body_format"].map(|name| place(columns, name));
        let (id, title, body, format) = (id?, title?, body?, format?);
        let text = |row: &Row| {
            let (title, body, format): (Option<String>, String, String) =
                (row.get(title)?, row.get(body)?, row.get(format)?);
            Ok((row.get(id)?, search::text(title.as_deref(), &body, &format).into_owned()))
        };
        search::index_new(tx, table.name, &rows.iter().map(text).collect::<Result<Vec<_>>>()?)?;
    }
    Ok(())
}

fn place(columns: &[Column], name: &str) -> Result<usize> {
    let place = columns.iter().position(|column| column.name == name);
    place.ok_or_else(|| error::broken(format!("there is no column {name}")))
}

/// Takes out which row has which other one as its parent: that one may come later.
fn take_parents(columns: &[Column], parent: &str, rows: &mut [Row]) -> Result<Vec<(Id, Id)>> {
    let (id_place, parent_place) = (place(columns, "id")?, place(columns, parent)?);
    let mut taken = Vec::new();
    for row in rows {
        if let Some(parent) = row.get::<Option<Id>>(parent_place)? {
            taken.push((row.get(id_place)?, parent));
            row.0[parent_place] = Value::Null;
        }
    }
    Ok(taken)
}

fn sha256_of(entry_name: &str) -> Option<[u8; 32]> {
    let sha256 = hex::decode(entry_name.strip_prefix("attachments/")?)?;
    // Other spellings of the same hash are not ours.
    (attachment_entry(&sha256) == entry_name).then_some(sha256)
}

fn take_in(files: &Files, entry: Entry, sha256: &[u8; 32]) -> Result<(), String> {
    let path = files.temp_dir().join("restored");
    let mut out =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&path).map_err(about(&path))?;
    let mut content = Hashing::new(entry);
    io::copy(&mut content, &mut out).map_err(|trouble| format!("it cannot be copied: {trouble}"))?;
    if content.finish().0 != *sha256 {
        let _ = fs::remove_file(&path);
        return Err("it is damaged".into());
    }
    files.adopt(&path, sha256).map_err(about(&path))
}
