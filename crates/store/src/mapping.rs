//! Readers keep their view of the database file as memory. SQLite gives it up at the begin of every read that finds
//! something written meanwhile, and each page has to be mapped anew: with hundreds of writes a second, a third of what a
//! search costs.
//!
//! SQLite does it for fear that another program cut the file and let it grow again while nobody looked
//! (`sqlite3PagerSharedLock`). On Linux a mapping shows what the file holds, whatever happened to it; only what lies
//! past its end must not be touched. No page past the end is asked of the mapping: a snapshot's pages are in the log or
//! in the file, and the file is cut only when nobody reads from an older one.
#![expect(unsafe_code, reason = "SQLite takes what is done with a file only as a table of C functions")]

use std::cell::Cell;
use std::ffi::{c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use frontdesk_model::{Result, error};
use rusqlite::{Connection, ffi};

/// What lies behind the end of the mapping is read by calls to the system: when it is this much, all is mapped anew.
const GROWN_BYTES: i64 = 4 << 20;

/// SQLite's own functions, and the same but for ours.
static THEIRS: OnceLock<ffi::sqlite3_io_methods> = OnceLock::new();
static OURS: OnceLock<ffi::sqlite3_io_methods> = OnceLock::new();

thread_local! {
    /// How long the file was when it was last mapped: each reader has a thread of its own.
    static MAPPED_BYTES: Cell<i64> = const { Cell::new(-1) };
}

/// Lets this connection keep its mapping. At most one connection of a thread may.
pub(crate) fn keep(connection: &Connection) -> Result<()> {
    let mut file: *mut ffi::sqlite3_file = ptr::null_mut();
    // SAFETY: the connection is open, and SQLite writes a pointer to its file there, which lives as long.
    let outcome = unsafe {
        let to = (&raw mut file).cast::<c_void>();
        ffi::sqlite3_file_control(connection.handle(), c"main".as_ptr(), ffi::SQLITE_FCNTL_FILE_POINTER, to)
    };
    // SAFETY: as above; a file that is open has its functions.
    let file = unsafe { file.as_mut() }.filter(|file| outcome == ffi::SQLITE_OK && !file.pMethods.is_null());
    let file = file.ok_or_else(|| error::broken("SQLite does not tell of its file"))?;
    // SAFETY: the table of functions is static.
    let theirs = THEIRS.get_or_init(|| unsafe { *file.pMethods });
    // A file system that maps nothing has nothing to keep.
    if theirs.iVersion >= 3 {
        file.pMethods = ours(theirs);
    }
    Ok(())
}

fn ours(theirs: &ffi::sqlite3_io_methods) -> &'static ffi::sqlite3_io_methods {
    OURS.get_or_init(|| ffi::sqlite3_io_methods { xUnfetch: Some(unfetch), ..*theirs })
}

/// Takes back a page, or, without one, is to give up the mapping.
unsafe extern "C" fn unfetch(file: *mut ffi::sqlite3_file, offset: ffi::sqlite3_int64, page: *mut c_void) -> c_int {
    let Some(ffi::sqlite3_io_methods { xUnfetch: Some(unfetch), xFileSize: Some(size), .. }) = THEIRS.get() else {
        return ffi::SQLITE_ERROR;
    };
    if page.is_null() {
        let mut bytes = 0;
        // SAFETY: the file is the one that SQLite calls us with.
        let is_known = unsafe { size(file, &raw mut bytes) } == ffi::SQLITE_OK;
        let mapped = MAPPED_BYTES.get();
        if is_known && (mapped..mapped.saturating_add(GROWN_BYTES)).contains(&bytes) {
            return ffi::SQLITE_OK;
        }
        MAPPED_BYTES.set(bytes);
    }
    // SAFETY: as above, with the same values.
    unsafe { unfetch(file, offset, page) }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use rusqlite::Connection;

    use crate::tx::Tx;
    use crate::{Store, args};

    const ROUNDS: i64 = 6;
    const ROWS: i64 = 3_000;
    const ROW_BYTES: i64 = 2_000;

    fn read(tx: &mut dyn Tx) -> frontdesk_model::Result<(i64, i64)> {
        let row = tx.one("SELECT count(*), coalesce(sum(round * length(body)), 0) FROM things", args![])?;
        Ok((row.get(0)?, row.get(1)?))
    }

    /// Another program cuts the file: what remains is read, and what is written then.
    #[tokio::test]
    async fn what_is_read_is_what_was_written_while_the_file_grows_and_is_cut() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("things.db");
        let schema = "CREATE TABLE log_head (seq BIGINT NOT NULL); INSERT INTO log_head (seq) VALUES (0);
            CREATE TABLE things (round BIGINT NOT NULL, body TEXT NOT NULL);";
        let migration = crate::Migration { number: 1, name: "things", sqlite: schema, postgres: "" };
        let store = Store::open_sqlite(&path, &[migration]).unwrap();
        let size = || std::fs::metadata(&path).unwrap().len();
        let mut before = (0, 0);
        for round in 1..=ROUNDS {
            let fill = move |tx: &mut dyn Tx| {
                for _ in 0..ROWS {
                    let sql = "INSERT INTO things (round, body) VALUES ($1, printf('%.*c', $2, 'x'))";
                    tx.execute(sql, args![round, ROW_BYTES])?;
                }
                Ok(())
            };
            store.write(fill).await.unwrap();
            let expected = (before.0 + ROWS, before.1 + round * ROWS * ROW_BYTES);
            // Some of them from the log, some from the file.
            let ends = Instant::now() + Duration::from_secs(30);
            let grown = size();
            loop {
                let reads: Vec<_> = (0..6)
                    .map(|_| {
                        let store = store.clone();
                        tokio::spawn(async move { store.read(read).await })
                    })
                    .collect();
                for found in reads {
                    assert_eq!(found.await.unwrap().unwrap(), expected, "round {round}");
                }
                if size() > grown || Instant::now() > ends {
                    break;
                }
            }
            before = expected;
            if round % 3 == 0 {
                store
                    .write(|tx| tx.execute("DELETE FROM things WHERE round % 3 <> 0", args![]).map(drop))
                    .await
                    .unwrap();
                let other = Connection::open(&path).unwrap();
                other.busy_timeout(Duration::from_secs(20)).unwrap();
                other.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
                before = store.read(read).await.unwrap();
                assert_eq!(before.0, round / 3 * ROWS);
            }
        }
        assert_eq!(before.1, (3 + 6) * ROWS * ROW_BYTES);
        store.close();
    }
}
