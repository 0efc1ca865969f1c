//! A power cut for the crash tests: a SQLite file system that keeps every write in memory until SQLite syncs the file,
//! so that `kill -9` forgets exactly what a disk was never told to keep. Only in builds with the feature `power-loss`,
//! and there only when the environment says `FRONTDESK_POWER_LOSS=1`.
//!
//! What it models: the database, its write-ahead log and its rollback journal lose everything written since their last
//! sync. The file `-shm` passes through: SQLite rebuilds it whenever nobody has it open. What it does not model: creating
//! and deleting a file are durable at once (no directory is ever behind), which only a rollback journal depends on; the
//! store commits through the write-ahead log. Real disks may keep some of what was not synced; this one keeps none.
//!
//! Another program, or plain file calls of this one, may append zeros to a file that is open here, as the store does when
//! it grows its log; any other change past SQLite's back would be hidden by what waits in memory.
#![expect(unsafe_code, reason = "SQLite takes a file system only as a table of C functions")]

use std::collections::BTreeMap;
use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::mem::size_of;
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use frontdesk_model::{Result, error};
use rusqlite::ffi;

/// Says that this process is to run without the writes that nobody synced.
const ASKED: &str = "FRONTDESK_POWER_LOSS";
/// The name under which SQLite knows this file system.
const NAME: &CStr = c"power-loss";
const BLOCK_BYTES: usize = 4096;

/// Makes this the file system of every connection opened from now on, if the environment asks for it.
pub(crate) fn register_when_asked() -> Result<()> {
    if std::env::var_os(ASKED).is_some_and(|value| value == "1") {
        tracing::warn!("{ASKED}=1: what is not synced when this process dies is lost");
        return register(true);
    }
    Ok(())
}

/// An outcome in SQLite's words: the error is a result code.
type Done<T> = std::result::Result<T, c_int>;

/// The file as the system has it.
trait Disk {
    /// Bytes in the file.
    fn size(&mut self) -> Done<u64>;
    /// Reads; what lies past the end reads as zeros.
    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Done<()>;
    /// Writes.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> Done<()>;
    /// Cuts or lengthens the file.
    fn resize(&mut self, size: u64) -> Done<()>;
}

/// What has been done to a file since its last sync. All connections of the process see it; the disk does not.
#[derive(Default)]
struct Unsynced {
    /// Whole blocks by number: what was written, over what the disk had there.
    blocks: BTreeMap<u64, Box<[u8; BLOCK_BYTES]>>,
    /// The file was cut to this size; what the disk holds behind it counts no more.
    cut: Option<u64>,
    /// The file is at least this long.
    end: u64,
}

impl Unsynced {
    /// How much of what the disk holds still counts.
    fn kept(&self, disk: &mut dyn Disk) -> Done<u64> {
        let size = disk.size()?;
        Ok(self.cut.map_or(size, |cut| cut.min(size)))
    }

    fn size(&self, disk: &mut dyn Disk) -> Done<u64> {
        Ok(self.kept(disk)?.max(self.end))
    }

    /// Reads, with zeros past the end. Returns whether all of it lies within the file.
    fn read(&self, disk: &mut dyn Disk, offset: u64, bytes: &mut [u8]) -> Done<bool> {
        self.read_kept(disk, offset, bytes)?;
        let end = offset + bytes.len() as u64;
        for (number, block) in self.blocks.range(offset / BLOCK_BYTES as u64..end.div_ceil(BLOCK_BYTES as u64)) {
            let start = number * BLOCK_BYTES as u64;
            let (from, to) = (start.max(offset), (start + BLOCK_BYTES as u64).min(end));
            bytes[(from - offset) as usize..(to - offset) as usize]
                .copy_from_slice(&block[(from - start) as usize..(to - start) as usize]);
        }
        Ok(end <= self.size(disk)?)
    }

    fn read_kept(&self, disk: &mut dyn Disk, offset: u64, bytes: &mut [u8]) -> Done<()> {
        let counts = self.kept(disk)?.saturating_sub(offset).min(bytes.len() as u64) as usize;
        bytes[counts..].fill(0);
        if counts == 0 { Ok(()) } else { disk.read(offset, &mut bytes[..counts]) }
    }

    fn write(&mut self, disk: &mut dyn Disk, offset: u64, bytes: &[u8]) -> Done<()> {
        let end = offset + bytes.len() as u64;
        for number in offset / BLOCK_BYTES as u64..end.div_ceil(BLOCK_BYTES as u64) {
            let start = number * BLOCK_BYTES as u64;
            if !self.blocks.contains_key(&number) {
                let mut block = Box::new([0; BLOCK_BYTES]);
                self.read_kept(disk, start, &mut block[..])?;
                self.blocks.insert(number, block);
            }
            let (from, to) = (start.max(offset), (start + BLOCK_BYTES as u64).min(end));
            if let Some(block) = self.blocks.get_mut(&number) {
                block[(from - start) as usize..(to - start) as usize]
                    .copy_from_slice(&bytes[(from - offset) as usize..(to - offset) as usize]);
            }
        }
        self.end = self.end.max(end);
        Ok(())
    }

    fn resize(&mut self, disk: &mut dyn Disk, size: u64) -> Done<()> {
        let kept = self.kept(disk)?;
        self.cut = Some(kept.min(size));
        self.end = if size > kept { size } else { self.end.min(size) };
        self.blocks.retain(|number, _| number * (BLOCK_BYTES as u64) < size);
        if let Some(last) = self.blocks.get_mut(&(size / BLOCK_BYTES as u64)) {
            last[(size % BLOCK_BYTES as u64) as usize..].fill(0);
        }
        Ok(())
    }

    /// Gives everything to the disk. After a failure all of it still waits here.
    fn flush(&mut self, disk: &mut dyn Disk) -> Done<()> {
        let size = self.size(disk)?;
        if let Some(cut) = self.cut {
            disk.resize(cut)?;
        }
        for (number, block) in &self.blocks {
            let start = number * BLOCK_BYTES as u64;
            let bytes = size.saturating_sub(start).min(BLOCK_BYTES as u64) as usize;
            disk.write(start, &block[..bytes])?;
        }
        if disk.size()? < size {
            disk.resize(size)?;
        }
        *self = Unsynced::default();
        Ok(())
    }
}

/// The unsynced part of each file by its full path. It outlives the connections: a power cut does not ask whether a
/// program had closed its files.
static FILES: Mutex<BTreeMap<CString, Arc<Mutex<Unsynced>>>> = Mutex::new(BTreeMap::new());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The two file systems: this one, and SQLite's own underneath.
struct Systems {
    ours: *mut ffi::sqlite3_vfs,
    under: *mut ffi::sqlite3_vfs,
}

// SAFETY: both point to objects that live as long as the process; SQLite itself hands them to every thread.
unsafe impl Send for Systems {}
// SAFETY: as above; nothing here changes them after they are made.
unsafe impl Sync for Systems {}

static SYSTEMS: OnceLock<Systems> = OnceLock::new();

fn register(as_default: bool) -> Result<()> {
    let systems = SYSTEMS.get_or_init(|| {
        // SAFETY: a null name asks for the default file system, which is never unregistered.
        let under = unsafe { ffi::sqlite3_vfs_find(ptr::null()) };
        // SAFETY: SQLite returns null or a file system that lives as long as the process.
        let Some(default) = (unsafe { under.as_ref() }) else {
            return Systems { ours: ptr::null_mut(), under };
        };
        // What is not replaced works on the copy as on the original: it looks at pAppData at most.
        let ours = Box::leak(Box::new(ffi::sqlite3_vfs {
            szOsFile: size_of::<File>() as c_int + default.szOsFile,
            pNext: ptr::null_mut(),
            zName: NAME.as_ptr(),
            xOpen: Some(open),
            xDelete: Some(delete),
            xAccess: Some(access),
            ..*default
        }));
        Systems { ours, under }
    });
    if systems.ours.is_null() {
        return Err(error::broken("SQLite has no file system to build on"));
    }
    // SAFETY: the object is complete, and leaked, so that it lives as long as the process.
    match unsafe { ffi::sqlite3_vfs_register(systems.ours, c_int::from(as_default)) } {
        ffi::SQLITE_OK => Ok(()),
        code => Err(error::broken(format!("SQLite refused the power-loss file system with code {code}"))),
    }
}

/// The file system underneath. Only called from functions that SQLite found in ours, so it is set.
fn under() -> *mut ffi::sqlite3_vfs {
    SYSTEMS.get().map_or(ptr::null_mut(), |systems| systems.under)
}

/// Files whose content must survive; all others (temporary ones) go straight to the system.
const LASTING: c_int = ffi::SQLITE_OPEN_MAIN_DB | ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL;

/// An open file. SQLite allocates it with room behind it for the file object of the system underneath.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    unsynced: Option<Arc<Mutex<Unsynced>>>,
}

/// The file object underneath, which lies behind ours.
///
/// # Safety
/// `file` must have been allocated by SQLite for our file system.
unsafe fn real(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: SQLite allocated szOsFile bytes, which is ours and theirs; ours is a multiple of the alignment of both.
    unsafe { file.cast::<u8>().add(size_of::<File>()).cast() }
}

/// The methods of the file underneath, and that file.
///
/// # Safety
/// `file` must be open in our file system.
unsafe fn beneath(file: *mut ffi::sqlite3_file) -> (&'static ffi::sqlite3_io_methods, *mut ffi::sqlite3_file) {
    // SAFETY: while ours is open so is theirs, and an open file points to its methods, which are constants of SQLite.
    unsafe {
        let real = real(file);
        (&*(*real).pMethods, real)
    }
}

/// The unsynced part of a file; none for a temporary one.
///
/// # Safety
/// `file` must be open in our file system, and the reference must not outlive it.
unsafe fn unsynced<'file>(file: *mut ffi::sqlite3_file) -> Option<&'file Mutex<Unsynced>> {
    // SAFETY: an open file of ours begins with a File that `open` wrote and `close` has not dropped yet.
    unsafe { (*file.cast::<File>()).unsynced.as_deref() }
}

/// The file underneath an open one.
struct Beneath {
    methods: &'static ffi::sqlite3_io_methods,
    file: *mut ffi::sqlite3_file,
}

impl Beneath {
    /// # Safety
    /// `file` must be open in our file system and stay so while this is used.
    unsafe fn of(file: *mut ffi::sqlite3_file) -> Beneath {
        // SAFETY: the caller's promise.
        let (methods, file) = unsafe { beneath(file) };
        Beneath { methods, file }
    }
}

fn checked(code: c_int) -> Done<()> {
    if code == ffi::SQLITE_OK { Ok(()) } else { Err(code) }
}

impl Disk for Beneath {
    fn size(&mut self) -> Done<u64> {
        let mut size = 0;
        let call = self.methods.xFileSize.ok_or(ffi::SQLITE_IOERR_FSTAT)?;
        // SAFETY: the file is open, and `size` is a place for the answer.
        checked(unsafe { call(self.file, &raw mut size) })?;
        Ok(size as u64)
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Done<()> {
        let call = self.methods.xRead.ok_or(ffi::SQLITE_IOERR_READ)?;
        // SAFETY: the file is open, and there is room for as many bytes as are asked for.
        match unsafe { call(self.file, bytes.as_mut_ptr().cast(), bytes.len() as c_int, offset as i64) } {
            // The system fills the rest with zeros.
            ffi::SQLITE_OK | ffi::SQLITE_IOERR_SHORT_READ => Ok(()),
            code => Err(code),
        }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Done<()> {
        let call = self.methods.xWrite.ok_or(ffi::SQLITE_IOERR_WRITE)?;
        // SAFETY: the file is open, and there are as many bytes as are announced.
        checked(unsafe { call(self.file, bytes.as_ptr().cast(), bytes.len() as c_int, offset as i64) })
    }

    fn resize(&mut self, size: u64) -> Done<()> {
        let call = self.methods.xTruncate.ok_or(ffi::SQLITE_IOERR_TRUNCATE)?;
        // SAFETY: the file is open.
        checked(unsafe { call(self.file, size as i64) })
    }
}

/// Version 2: with shared memory, without memory mapping, which would show the disk and not what waits here.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(check_reserved_lock),
    xFileControl: Some(file_control),
    xSectorSize: Some(sector_size),
    xDeviceCharacteristics: Some(device_characteristics),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    flags_out: *mut c_int,
) -> c_int {
    let under = under();
    // SAFETY: SQLite hands over room for both file objects and a name that is null or ends with a zero and lives until
    // the file is closed; the system underneath is asked with its own object.
    unsafe {
        let real = real(file);
        (*real).pMethods = ptr::null();
        (*file).pMethods = ptr::null();
        let Some(call) = (*under).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = call(under, name, real, flags, flags_out);
        if code != ffi::SQLITE_OK {
            // SQLite closes a file that could not be opened if it has methods; ours will not, so it is done here.
            if let Some(close) = (*real).pMethods.as_ref().and_then(|methods| methods.xClose) {
                close(real);
            }
            return code;
        }
        let lasts = !name.is_null() && flags & LASTING != 0 && flags & ffi::SQLITE_OPEN_DELETEONCLOSE == 0;
        let unsynced = lasts.then(|| locked(&FILES).entry(CStr::from_ptr(name).to_owned()).or_default().clone());
        file.cast::<File>().write(File { base: ffi::sqlite3_file { pMethods: &raw const METHODS }, unsynced });
    }
    ffi::SQLITE_OK
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync_directory: c_int) -> c_int {
    let under = under();
    // SAFETY: SQLite hands over a name that ends with a zero.
    unsafe {
        locked(&FILES).remove(CStr::from_ptr(name));
        (*under).xDelete.map_or(ffi::SQLITE_IOERR_DELETE, |call| call(under, name, sync_directory))
    }
}

/// The system takes an empty file for a missing one; here it may be empty because nothing was synced yet.
unsafe extern "C" fn access(_: *mut ffi::sqlite3_vfs, name: *const c_char, flags: c_int, answer: *mut c_int) -> c_int {
    let under = under();
    // SAFETY: SQLite hands over a name that ends with a zero and a place for the answer.
    unsafe {
        let code = (*under).xAccess.map_or(ffi::SQLITE_IOERR_ACCESS, |call| call(under, name, flags, answer));
        if code == ffi::SQLITE_OK && flags == ffi::SQLITE_ACCESS_EXISTS {
            let waits = locked(&FILES).get(CStr::from_ptr(name)).is_some_and(|unsynced| locked(unsynced).end > 0);
            *answer |= c_int::from(waits);
        }
        code
    }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: SQLite closes an open file once and uses it no more.
    unsafe {
        let (methods, real) = beneath(file);
        let code = methods.xClose.map_or(ffi::SQLITE_OK, |call| call(real));
        file.cast::<File>().drop_in_place();
        (*file).pMethods = ptr::null();
        code
    }
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, bytes: *mut c_void, count: c_int, offset: i64) -> c_int {
    // SAFETY: the file is open, and there is room for `count` bytes, which the system underneath or the copy below fills.
    unsafe {
        let Some(unsynced) = unsynced(file) else {
            let (methods, real) = beneath(file);
            return methods.xRead.map_or(ffi::SQLITE_IOERR_READ, |call| call(real, bytes, count, offset));
        };
        let bytes = std::slice::from_raw_parts_mut(bytes.cast::<u8>(), count as usize);
        match locked(unsynced).read(&mut Beneath::of(file), offset as u64, bytes) {
            Ok(true) => ffi::SQLITE_OK,
            Ok(false) => ffi::SQLITE_IOERR_SHORT_READ,
            Err(code) => code,
        }
    }
}

unsafe extern "C" fn write(file: *mut ffi::sqlite3_file, bytes: *const c_void, count: c_int, offset: i64) -> c_int {
    // SAFETY: the file is open, and there are `count` bytes.
    unsafe {
        let Some(unsynced) = unsynced(file) else {
            let (methods, real) = beneath(file);
            return methods.xWrite.map_or(ffi::SQLITE_IOERR_WRITE, |call| call(real, bytes, count, offset));
        };
        let bytes = std::slice::from_raw_parts(bytes.cast::<u8>(), count as usize);
        code(locked(unsynced).write(&mut Beneath::of(file), offset as u64, bytes))
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        let mut disk = Beneath::of(file);
        match unsynced(file) {
            Some(unsynced) => code(locked(unsynced).resize(&mut disk, size as u64)),
            None => code(disk.resize(size as u64)),
        }
    }
}

/// The one way to the disk. The system's own sync runs without the lock: what it is about to sync has left this process
/// by then, so that only a real power cut could still take it, and readers need not wait.
unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        if let Some(Err(code)) = unsynced(file).map(|unsynced| locked(unsynced).flush(&mut Beneath::of(file))) {
            return code;
        }
        let (methods, real) = beneath(file);
        methods.xSync.map_or(ffi::SQLITE_IOERR_FSYNC, |call| call(real, flags))
    }
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, answer: *mut i64) -> c_int {
    // SAFETY: the file is open, and there is a place for the answer.
    unsafe {
        let mut disk = Beneath::of(file);
        let size = match unsynced(file) {
            Some(unsynced) => locked(unsynced).size(&mut disk),
            None => disk.size(),
        };
        code(size.map(|size| *answer = size as i64))
    }
}

fn code(done: Done<()>) -> c_int {
    done.err().unwrap_or(ffi::SQLITE_OK)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: the file is open; its lock is that of the file underneath.
    unsafe {
        let (methods, real) = beneath(file);
        methods.xLock.map_or(ffi::SQLITE_IOERR_LOCK, |call| call(real, level))
    }
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    // SAFETY: as for `lock`.
    unsafe {
        let (methods, real) = beneath(file);
        methods.xUnlock.map_or(ffi::SQLITE_IOERR_UNLOCK, |call| call(real, level))
    }
}

unsafe extern "C" fn check_reserved_lock(file: *mut ffi::sqlite3_file, answer: *mut c_int) -> c_int {
    // SAFETY: as for `lock`, with a place for the answer.
    unsafe {
        let (methods, real) = beneath(file);
        methods.xCheckReservedLock.map_or(ffi::SQLITE_IOERR_CHECKRESERVEDLOCK, |call| call(real, answer))
    }
}

/// Passed on, except the hint to allocate space, which would change the size of a file behind what waits here.
unsafe extern "C" fn file_control(file: *mut ffi::sqlite3_file, operation: c_int, argument: *mut c_void) -> c_int {
    if operation == ffi::SQLITE_FCNTL_SIZE_HINT {
        return ffi::SQLITE_OK;
    }
    // SAFETY: the file is open, and the argument is what the operation wants: SQLite made both.
    unsafe {
        let (methods, real) = beneath(file);
        methods.xFileControl.map_or(ffi::SQLITE_NOTFOUND, |call| call(real, operation, argument))
    }
}

unsafe extern "C" fn sector_size(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open.
    unsafe {
        let (methods, real) = beneath(file);
        methods.xSectorSize.map_or(BLOCK_BYTES as c_int, |call| call(real))
    }
}

/// What the system underneath promises, without atomic batches: those would go to the disk on their own.
unsafe extern "C" fn device_characteristics(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: the file is open.
    let promised = unsafe {
        let (methods, real) = beneath(file);
        methods.xDeviceCharacteristics.map_or(0, |call| call(real))
    };
    promised & !ffi::SQLITE_IOCAP_BATCH_ATOMIC
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    region: c_int,
    bytes: c_int,
    extend: c_int,
    answer: *mut *mut c_void,
) -> c_int {
    // SAFETY: the file is open, with a place for the answer; the shared memory is that of the file underneath.
    unsafe {
        let (methods, real) = beneath(file);
        methods.xShmMap.map_or(ffi::SQLITE_IOERR_SHMMAP, |call| call(real, region, bytes, extend, answer))
    }
}

unsafe extern "C" fn shm_lock(file: *mut ffi::sqlite3_file, offset: c_int, count: c_int, flags: c_int) -> c_int {
    // SAFETY: as for `shm_map`.
    unsafe {
        let (methods, real) = beneath(file);
        methods.xShmLock.map_or(ffi::SQLITE_IOERR_SHMLOCK, |call| call(real, offset, count, flags))
    }
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    // SAFETY: as for `shm_map`.
    unsafe {
        let (methods, real) = beneath(file);
        if let Some(call) = methods.xShmBarrier {
            call(real);
        }
    }
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    // SAFETY: as for `shm_map`.
    unsafe {
        let (methods, real) = beneath(file);
        methods.xShmUnmap.map_or(ffi::SQLITE_OK, |call| call(real, delete))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::path::Path;

    use proptest::prelude::*;
    use rusqlite::{Connection, OpenFlags};

    use super::*;

    impl Disk for Vec<u8> {
        fn size(&mut self) -> Done<u64> {
            Ok(self.len() as u64)
        }

        fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Done<()> {
            for (byte, at) in bytes.iter_mut().zip(offset as usize..) {
                *byte = self.get(at).copied().unwrap_or(0);
            }
            Ok(())
        }

        fn write(&mut self, offset: u64, bytes: &[u8]) -> Done<()> {
            let end = offset as usize + bytes.len();
            if self.len() < end {
                self.resize(end, 0);
            }
            self[offset as usize..end].copy_from_slice(bytes);
            Ok(())
        }

        fn resize(&mut self, size: u64) -> Done<()> {
            Vec::resize(self, size as usize, 0);
            Ok(())
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Write(u64, Vec<u8>),
        Resize(u64),
        Sync,
        /// What the store does to its log.
        AppendZerosToTheDisk(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let place = 0..4 * BLOCK_BYTES as u64;
        prop_oneof![
            4 => (place.clone(), prop::collection::vec(1..=u8::MAX, 1..2 * BLOCK_BYTES))
                .prop_map(|(offset, bytes)| Step::Write(offset, bytes)),
            2 => place.prop_map(Step::Resize),
            2 => Just(Step::Sync),
            1 => (1..2 * BLOCK_BYTES).prop_map(Step::AppendZerosToTheDisk),
        ]
    }

    proptest! {
        #[test]
        fn the_process_sees_every_write_and_the_disk_only_the_synced_ones(
            steps in prop::collection::vec(step(), 1..24),
        ) {
            let (mut seen, mut synced, mut disk, mut unsynced) = (Vec::new(), Vec::new(), Vec::new(), Unsynced::default());
            let mut cut = false;
            for step in steps {
                match step {
                    Step::Write(offset, bytes) => {
                        Disk::write(&mut seen, offset, &bytes).unwrap();
                        unsynced.write(&mut disk, offset, &bytes).unwrap();
                    }
                    Step::Resize(size) => {
                        Disk::resize(&mut seen, size).unwrap();
                        unsynced.resize(&mut disk, size).unwrap();
                        cut = true;
                    }
                    Step::Sync => {
                        unsynced.flush(&mut disk).unwrap();
                        synced.clone_from(&seen);
                        cut = false;
                    }
                    // Appending to a file whose end is about to be cut off is not promised to work.
                    Step::AppendZerosToTheDisk(count) if !cut => {
                        let longer = disk.len() + count;
                        Disk::resize(&mut disk, longer as u64).unwrap();
                        Disk::resize(&mut synced, longer as u64).unwrap();
                        let size = seen.len().max(longer) as u64;
                        Disk::resize(&mut seen, size).unwrap();
                    }
                    Step::AppendZerosToTheDisk(_) => {}
                }
                prop_assert_eq!(&disk, &synced);
                prop_assert_eq!(unsynced.size(&mut disk).unwrap(), seen.len() as u64);
                let mut whole = vec![7; seen.len() + 9];
                let within = unsynced.read(&mut disk, 0, &mut whole).unwrap();
                prop_assert!(!within, "nine bytes too many were asked for");
                prop_assert_eq!(&whole[..seen.len()], &seen[..]);
                prop_assert_eq!(&whole[seen.len()..], &[0; 9]);
                let (from, mut some) = (seen.len() / 3, vec![7; seen.len() / 3]);
                prop_assert!(unsynced.read(&mut disk, from as u64, &mut some).unwrap());
                prop_assert_eq!(&some[..], &seen[from..from + some.len()]);
            }
        }
    }

    fn open_lossy(path: &Path) -> Connection {
        register(false).unwrap();
        let connection = Connection::open_with_flags_and_vfs(path, OpenFlags::default(), NAME).unwrap();
        connection.execute_batch("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0;").unwrap();
        connection
    }

    /// The rows that a program finds which starts after a power cut now.
    fn rows_after_a_power_cut(path: &Path) -> Vec<i64> {
        let elsewhere = tempfile::tempdir().unwrap();
        for file in ["t.db", "t.db-wal"] {
            let from = path.with_file_name(file);
            if from.exists() {
                std::fs::copy(from, elsewhere.path().join(file)).unwrap();
            }
        }
        let connection = Connection::open(elsewhere.path().join("t.db")).unwrap();
        let sound: String = connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
        assert_eq!(sound, "ok");
        rows(&connection)
    }

    fn rows(connection: &Connection) -> Vec<i64> {
        let mut statement = connection.prepare("SELECT n FROM t ORDER BY n").unwrap();
        statement.query_map([], |row| row.get(0)).unwrap().map(|n| n.unwrap()).collect()
    }

    #[test]
    fn a_commit_without_a_sync_is_forgotten_and_one_with_a_sync_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.db");
        let writer = open_lossy(&path);
        writer
            .execute_batch("PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER); INSERT INTO t VALUES (1)")
            .unwrap();
        assert_eq!(rows_after_a_power_cut(&path), [1]);

        writer.execute_batch("PRAGMA synchronous = NORMAL; INSERT INTO t VALUES (2)").unwrap();
        let reader = open_lossy(&path);
        assert_eq!(rows(&reader), [1, 2], "the process itself sees what it wrote");
        assert_eq!(rows_after_a_power_cut(&path), [1]);

        writer.execute_batch("PRAGMA synchronous = FULL; INSERT INTO t VALUES (3)").unwrap();
        assert_eq!(rows_after_a_power_cut(&path), [1, 2, 3]);

        // The store grows its log by plain file calls while others have it open.
        writer.execute_batch("PRAGMA synchronous = NORMAL; INSERT INTO t VALUES (4)").unwrap();
        let mut log = std::fs::OpenOptions::new().append(true).open(path.with_file_name("t.db-wal")).unwrap();
        log.write_all(&vec![0; 1 << 20]).unwrap();
        assert_eq!(rows(&reader), [1, 2, 3, 4]);
        assert_eq!(rows_after_a_power_cut(&path), [1, 2, 3]);
        writer.execute_batch("PRAGMA synchronous = FULL; INSERT INTO t VALUES (5)").unwrap();
        assert_eq!(rows_after_a_power_cut(&path), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn a_checkpoint_that_was_not_synced_loses_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("t.db");
        let writer = open_lossy(&path);
        writer.execute_batch("PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER)").unwrap();
        for n in 1..=200 {
            writer.execute("INSERT INTO t VALUES (?1)", [n]).unwrap();
            if n % 50 == 0 {
                writer.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())).unwrap();
            }
            if n % 50 < 3 {
                assert_eq!(rows_after_a_power_cut(&path).len() as i64, n);
            }
        }
        drop(writer);
        assert_eq!(rows_after_a_power_cut(&path).len(), 200);
        assert_eq!(rows(&open_lossy(&path)).len(), 200);
    }
}
