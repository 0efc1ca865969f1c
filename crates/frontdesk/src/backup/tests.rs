use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use frontdesk_conversations::attachments::Files;
use frontdesk_conversations::contents::indexing;
use frontdesk_model::{Env, Id, Timestamp};
use frontdesk_store::{Dialect, Filter, Order, Row, Searched, Store, Value, args, dump, search};

use super::*;
use crate::migrations;

/// A folder for one test, which goes with it.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!("frontdesk-backup-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn store(&self, name: &str) -> Store {
        Store::open_sqlite(&self.path(name), migrations::ALL).unwrap()
    }

    fn files(&self) -> Files {
        Files::open(&self.path("files")).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let names = fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| name.starts_with("backup")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn env() -> Env {
    Env::new(|| Timestamp::from_micros(1_700_000_000_000_000), |bytes| bytes.fill(7))
}

const ROWS_PER_TABLE: usize = 3;

struct Reference {
    from: String,
    table: String,
    to: String,
}

fn references(tx: &mut dyn Tx, table: &str) -> Result<Vec<Reference>> {
    let rows = tx.query("SELECT \"from\", \"table\", \"to\" FROM pragma_foreign_key_list($1)", args![table])?;
    rows.iter().map(|row| Ok(Reference { from: row.get(0)?, table: row.get(1)?, to: row.get(2)? })).collect()
}

/// Puts some rows into every table, whatever its columns are: every kind of value, NULL where it may be, references to
/// what is there, and a parent that comes after its child.
fn fill(tx: &mut dyn Tx, hashes: &[[u8; 32]]) -> Result<()> {
    assert_eq!(tx.dialect(), Dialect::Sqlite);
    let mut values: HashMap<(String, String), Vec<Value>> = HashMap::new();
    let mut number = 0_u8;
    for (table, columns) in tables(tx)? {
        let references = references(tx, table.name)?;
        let nullable =
            tx.query("SELECT name FROM pragma_table_info($1) WHERE \"notnull\" = 0 AND pk = 0", args![table.name])?;
        let nullable: Vec<String> = nullable.iter().map(|row| row.get(0)).collect::<Result<_>>()?;
        let kinds = tx.query("SELECT name, type FROM pragma_table_info($1)", args![table.name])?;
        let kinds: HashMap<String, String> =
            kinds.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<_>>()?;
        for index in 0..ROWS_PER_TABLE {
            let mut row = Row(Vec::new());
            for column in &columns {
                number = number.wrapping_add(1);
                let reference = references.iter().find(|reference| reference.from == column.name);
                let value = match (reference, kinds[&column.name].as_str()) {
                    (_, _) if table.parent == Some(&column.name) => Value::Null,
                    (_, _) if index == 1 && nullable.contains(&column.name) => Value::Null,
                    (Some(reference), _) => values[&(reference.table.clone(), reference.to.clone())][index].clone(),
                    (None, "BYTEA") if column.name == "sha256" => Value::Bytes(hashes[index].to_vec()),
                    (None, "BYTEA") => Value::Id(Id([index as u8, number, 0, 255, 1, 2, 3, 4, 5, 6, 7, 8])),
                    // One at most is the active one.
                    (None, "BOOLEAN") if table.name == "topologies" => Value::Bool(index == 0),
                    (None, "BOOLEAN") => Value::Bool(index % 2 == 0),
                    (None, "BIGINT") => Value::Int(index as i64 + 1 + (i64::from(number) << 40)),
                    (None, "TEXT") => Value::Text(format!("Zoë\t\"{index}\"\n{number} 🐦 ' \\").into()),
                    (None, other) => panic!("{}.{} has the type {other}", table.name, column.name),
                };
                values.entry((table.name.into(), column.name.clone())).or_default().push(value.clone());
                row.0.push(value);
            }
            dump::insert_rows(tx, table.name, &columns, &[row])?;
        }
        if let Some(column) = table.parent {
            let first_and_last = "SELECT min(id), max(id) FROM ";
            let row = tx.one(&format!("{first_and_last}{}", table.name), args![])?;
            let (child, parent): (Vec<u8>, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let sql = format!("UPDATE {} SET {column} = $2 WHERE id = $1", table.name);
            tx.execute(&sql, args![&child, &parent])?;
        }
    }
    tx.execute("UPDATE log_head SET seq = 4711", args![])?;
    let contents = tx.query("SELECT id, title, body FROM contents", args![])?;
    contents.iter().try_for_each(|row| {
        let (id, title): (_, Option<String>) = (row.get(0)?, row.get(1)?);
        indexing::index(tx, id, title.as_deref(), &row.get::<String>(2)?, "text")
    })
}

/// A store with rows in every table, and the files of its attachments.
async fn filled(folder: &Folder) -> (Store, Files) {
    let files = folder.files();
    let hashes = ["one", "two", ""].map(|text| files.write(text.as_bytes()).unwrap());
    let store = folder.store("filled.db");
    store.write(move |tx| fill(tx, &hashes)).await.unwrap();
    (store, files)
}

/// Every table's lines, in one order for both engines, and what a search finds.
async fn everything(store: &Store) -> BTreeMap<String, Vec<String>> {
    let found = store.read(|tx| {
        let mut found = BTreeMap::new();
        for table in TABLES {
            let mut out = Vec::new();
            dump::write_table(tx, table.name, &mut out)?;
            let mut lines: Vec<String> = String::from_utf8(out).unwrap().lines().map(str::to_owned).collect();
            lines.sort();
            found.insert(table.name.to_owned(), lines);
        }
        let head: i64 = tx.one("SELECT seq FROM log_head", args![])?.get(0)?;
        let mut filter = Filter::default();
        let (id, text) = ("contents.id", "contents.title, contents.body, contents.body_format");
        let indexed = search::Indexed { table: "contents", key: id, column: id, first: "contents.number", text };
        filter.and_any(search::route(tx, &indexed, "ZOE")?.into_iter().collect(), true);
        let order = Order { moment: "created_at", id: "id", ascending: true };
        let list = Searched { table: "contents", select: "SELECT id FROM contents", order, rows: 2, count: None };
        let (_, hits) = filter.search(tx, &list, 0, 100)?;
        let hits = hits.iter().map(|row| Ok(format!("{:?}", row.get::<Vec<u8>>(0)?))).collect::<Result<_>>()?;
        found.insert("log_head".into(), vec![head.to_string()]);
        found.insert("search".into(), hits);
        Ok(found)
    });
    found.await.unwrap()
}

#[tokio::test]
async fn every_table_is_backed_up_or_named_as_an_exception() {
    let folder = Folder::new();
    let store = folder.store("new.db");
    let names = store.read(|tx| {
        let rows = tx.query("SELECT name, type FROM pragma_table_list WHERE schema = 'main' ORDER BY name", args![])?;
        rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect::<Result<Vec<(String, String)>>>()
    });
    for (name, kind) in names.await.unwrap() {
        let is_search = name.ends_with("_search") && kind == "virtual" || kind == "shadow";
        let is_exception =
            is_search || name.starts_with("sqlite_") || ["migrations", "log_head"].contains(&name.as_str());
        assert_ne!(TABLES.iter().any(|table| table.name == name), is_exception, "{name}, {kind}");
    }
    for (index, table) in TABLES.iter().enumerate() {
        for reference in store.read(move |tx| references(tx, table.name)).await.unwrap() {
            let is_earlier = TABLES[..index].iter().any(|earlier| earlier.name == reference.table);
            let is_parent = reference.table == table.name && table.parent == Some(&reference.from);
            assert!(is_earlier || is_parent, "{}.{} refers to {}", table.name, reference.from, reference.table);
        }
    }
    store.close();
}

#[tokio::test]
async fn a_restored_store_is_the_one_that_was_backed_up() {
    let folder = Folder::new();
    let (store, files) = filled(&folder).await;
    let file = folder.path("backup.tar.gz");
    let written = write(&store, &files, &env(), &file).await.unwrap();
    // One of the three attachments has no file.
    let expected = Summary { rows: (TABLES.len() * ROWS_PER_TABLE) as i64, attachments: 2, log_seq: 4711 };
    assert_eq!(written, expected);
    assert_eq!(folder.names(), ["backup.tar.gz"]);
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&file).unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);

    let restored = Store::open_sqlite(&folder.path("restored.db"), migrations_of(&file).unwrap()).unwrap();
    assert_eq!(restore(&restored, &folder.path("restored"), &file).await.unwrap(), written);
    assert!(refuse_unfinished(&restored).await.is_ok());
    let all = everything(&store).await;
    assert_eq!(all["search"].len(), ROWS_PER_TABLE);
    assert_eq!(everything(&restored).await, all);
    for of_threads in [store.read(first_numbers).await.unwrap(), restored.read(first_numbers).await.unwrap()] {
        assert_eq!(of_threads.len(), ROWS_PER_TABLE);
        assert!(of_threads.iter().all(|(told, counted)| told == counted), "{of_threads:?}");
        assert!(of_threads.iter().any(|(told, _)| *told < i64::MAX), "{of_threads:?}");
    }
    let restored_files = Files::open(&folder.path("restored")).unwrap();
    for sha256 in store.read(attachments_of).await.unwrap() {
        assert!(restored_files.open_verified(&sha256).is_ok());
    }
    assert_eq!(fs::read_dir(restored_files.temp_dir()).unwrap().count(), 0);
    store.close();
    restored.close();
}

/// Of each thread the lowest number of its contents, as it tells it and as they have it.
fn first_numbers(tx: &mut dyn Tx) -> Result<Vec<(i64, i64)>> {
    let counted = "coalesce((SELECT min(number) FROM contents WHERE thread_id = threads.id), 9223372036854775807)";
    let rows = tx.query(&format!("SELECT first_number, {counted} FROM threads"), args![])?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

fn attachments_of(tx: &mut dyn Tx) -> Result<Vec<[u8; 32]>> {
    attachments(tx)
}

#[tokio::test]
async fn a_backup_overwrites_nothing_and_never_holds_damage() {
    let folder = Folder::new();
    let (store, files) = filled(&folder).await;
    let file = folder.path("backup.tar.gz");
    fs::write(&file, "mine").unwrap();
    assert!(write(&store, &files, &env(), &file).await.unwrap_err().contains("exists already"));
    assert_eq!(fs::read(&file).unwrap(), b"mine");
    fs::remove_file(&file).unwrap();

    let sha256 = files.write(b"one").unwrap();
    let name = attachment_entry(&sha256);
    for damage in [Some("onf"), Some("on"), Some("onee"), None] {
        match damage {
            Some(text) => fs::write(files.path(&sha256), text).unwrap(),
            None => fs::remove_file(files.path(&sha256)).unwrap(),
        }
        assert!(write(&store, &files, &env(), &file).await.unwrap_err().contains(&name));
        assert!(folder.names().is_empty());
    }
    files.write(b"one").unwrap();
    fs::create_dir(folder.path("backup.tar.gz.partial")).unwrap();
    assert!(write(&store, &files, &env(), &file).await.unwrap_err().contains("another backup"));
    fs::remove_dir(folder.path("backup.tar.gz.partial")).unwrap();
    assert!(write(&store, &files, &env(), &file).await.is_ok());
    store.close();
}

/// Why a restore of this file is refused. The store is empty again afterwards: to open one takes long.
async fn refusal(store: &Store, folder: &Folder, file: &Path) -> String {
    let refused = restore(store, &folder.path("refused"), file).await.unwrap_err();
    let emptied = store.write(|tx| {
        tx.execute("DELETE FROM contents_search", args![])?;
        tx.execute("UPDATE categories SET parent_id = NULL", args![])?;
        TABLES.iter().rev().try_for_each(|table| tx.execute(&format!("DELETE FROM {}", table.name), args![]).map(drop))
    });
    emptied.await.unwrap();
    refused
}

#[tokio::test]
async fn an_interrupted_restore_is_known_as_such() {
    let folder = Folder::new();
    let (store, files) = filled(&folder).await;
    let file = folder.path("backup.tar.gz");
    write(&store, &files, &env(), &file).await.unwrap();
    assert!(restore(&store, &folder.path("other"), &file).await.unwrap_err().contains("not empty"));
    assert!(refuse_unfinished(&store).await.is_ok());
    store.close();

    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() - 9]).unwrap();
    let half = folder.store("half.db");
    assert!(restore(&half, &folder.path("half"), &file).await.is_err());
    assert!(refuse_unfinished(&half).await.is_err());
    fs::write(&file, &bytes).unwrap();
    assert!(restore(&half, &folder.path("half"), &file).await.unwrap_err().contains("interrupted"));
    assert!(write(&half, &files, &env(), &folder.path("backup-2")).await.unwrap_err().contains("interrupted"));
    half.close();
}

/// So many places of a file are damaged, one at a time.
const DAMAGES: usize = 40;

#[tokio::test]
async fn damaged_and_cut_files_are_refused() {
    let folder = Folder::new();
    let (store, files) = filled(&folder).await;
    let file = folder.path("backup.tar.gz");
    write(&store, &files, &env(), &file).await.unwrap();
    store.close();
    let bytes = fs::read(&file).unwrap();
    let whole = unzipped(&bytes).unwrap();
    let (damaged, target) = (folder.path("damaged"), folder.store("target.db"));
    for step in 0..DAMAGES {
        fs::write(&damaged, &bytes[..bytes.len() * step / DAMAGES]).unwrap();
        refusal(&target, &folder, &damaged).await;
        let mut flipped = bytes.clone();
        // Past the ten bytes of gzip's own header, of which some mean nothing.
        flipped[10 + (bytes.len() - 10) * step / DAMAGES] ^= 1 << (step % 8);
        // A few bits of a compressed file can be read either way: such a copy is no other backup.
        if unzipped(&flipped).is_ok_and(|content| content == whole) {
            continue;
        }
        fs::write(&damaged, &flipped).unwrap();
        refusal(&target, &folder, &damaged).await;
    }
    refusal(&target, &folder, &folder.path("nothing")).await;
    target.close();
}

fn unzipped(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut content = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut content)?;
    Ok(content)
}

/// The entries of a backup, to be changed and packed again.
fn unpacked(file: &Path) -> Vec<(String, Vec<u8>)> {
    let mut archive = tar::Archive::new(GzDecoder::new(File::open(file).unwrap()));
    let entries = archive.entries().unwrap().map(|entry| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        (String::from_utf8(entry.path_bytes().into_owned()).unwrap(), bytes)
    });
    entries.collect()
}

fn pack(file: &Path, entries: &[(String, Vec<u8>)]) {
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(file).unwrap(), Compression::fast()));
    for (name, bytes) in entries {
        let mut header = tar::Header::new_gnu();
        // Written past the library, which would refuse the names that an attacker would choose.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_size(bytes.len() as u64);
        header.set_mode(0o600);
        header.set_cksum();
        archive.append(&header, &bytes[..]).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap().flush().unwrap();
}

#[tokio::test]
async fn only_what_belongs_in_a_backup_is_taken_from_it() {
    let folder = Folder::new();
    let (store, files) = filled(&folder).await;
    let file = folder.path("backup.tar.gz");
    write(&store, &files, &env(), &file).await.unwrap();
    store.close();
    let (whole, target) = (unpacked(&file), folder.store("target.db"));
    let at = |name: &str| whole.iter().position(|(entry, _)| entry.starts_with(name)).unwrap();
    let manifest = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut json = serde_json::from_slice(&whole[0].1).unwrap();
        change(&mut json);
        serde_json::to_vec(&json).unwrap()
    };
    let with = |index: usize, name: &str, bytes: &[u8]| {
        let mut entries = whole.clone();
        entries[index] = (name.to_owned(), bytes.to_vec());
        entries
    };
    let without = |index: usize| {
        let mut entries = whole.clone();
        entries.remove(index);
        entries
    };
    let plus = |name: &str| {
        let mut entries = whole.clone();
        entries.push((name.to_owned(), b"x".to_vec()));
        entries
    };
    let (users, attachment) = (at("tables/users"), at("attachments/"));
    let users_rows = String::from_utf8(whole[users].1.clone()).unwrap();
    let one_less = &users_rows[..users_rows[..users_rows.len() - 1].rfind('\n').unwrap() + 1];
    for (entries, expected) in [
        (with(0, MANIFEST, &manifest(&|json| json["format"] = 2.into())), "has format 2"),
        (with(0, MANIFEST, b"{\"format\": 2}"), "has format 2"),
        (with(0, MANIFEST, &manifest(&|json| json["migration"] = 9999.into())), "migration 9999"),
        (with(0, MANIFEST, &manifest(&|json| json["migration"] = 1.into())), "written under 1"),
        (with(0, MANIFEST, &manifest(&|json| json["tables"][2]["name"] = "migrations".into())), "for no table"),
        (with(0, MANIFEST, &manifest(&|json| json["tables"][2]["name"] = "roles".into())), "twice"),
        (with(0, MANIFEST, &manifest(&|json| drop(json["tables"].as_array_mut().unwrap().pop()))), "is missing"),
        (with(0, "manifest", &whole[0].1), "should come where"),
        (with(users, "tables/../users.jsonl", &whole[users].1), "should come where"),
        (with(users, &whole[users].0, one_less.as_bytes()), "has 2 rows"),
        (with(users, &whole[users].0, b"[\"id\"]\n"), "line 1 lacks a column"),
        (with(attachment, &whole[attachment].0, b"onf"), "is damaged"),
        (with(attachment, &whole[attachment].0.to_uppercase(), &whole[attachment].1), "does not belong"),
        (without(users), "should come where"),
        (without(attachment), "is missing"),
        (plus("attachments/../../escaped"), "does not belong"),
        (plus("/escaped"), "does not belong"),
        (plus(&format!("attachments/{}", "ab".repeat(32))), "does not belong"),
        (plus(&whole[attachment].0), "does not belong"),
        (Vec::new(), "manifest.json is missing"),
    ] {
        pack(&file, &entries);
        let refused = refusal(&target, &folder, &file).await;
        assert!(refused.contains(expected), "{expected}: {refused}");
    }
    assert!(!folder.path("escaped").exists());
    pack(&file, &whole);
    assert!(restore(&target, &folder.path("whole"), &file).await.is_ok());
    target.close();
}

#[test]
fn a_backup_of_an_earlier_version_asks_for_that_versions_tables() {
    let folder = Folder::new();
    let file = folder.path("backup.tar.gz");
    let manifest = Manifest {
        format: FORMAT,
        program: "0.0.1".into(),
        created_at: String::new(),
        migration: 2,
        log_seq: 0,
        tables: Vec::new(),
        attachments: 0,
    };
    pack(&file, &[(MANIFEST.into(), serde_json::to_vec(&manifest).unwrap())]);
    let numbers: Vec<i64> = migrations_of(&file).unwrap().iter().map(|migration| migration.number).collect();
    assert_eq!(numbers, [1, 2]);
}
