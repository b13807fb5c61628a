//! The durable store: one redb file, one durable transaction per batch.
//!
//! Strangers choose what is written here, so commits are two-phase (a torn commit can then never be
//! taken for a whole one, whatever bytes it carried) and opening verifies every checksum of the file.
//! Garbage collection commits without waiting for the disk, but for the last step of a sweep: on a mailbox to which
//! nobody writes, nothing else would ever take the rows off the disk. What a crash brings back in between has
//! expired anyway.

use std::fmt;
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use redb::backends::FileBackend;
use redb::{
    Builder, CommitError, Database, DatabaseError, Durability, ReadableDatabase, ReadableTable,
    ReadableTableMetadata, SetDurabilityError, StorageBackend, StorageError, Table, TableError, TableHandle,
    TransactionError, WriteTransaction,
};
use sotto_protocol::time::Timestamp;

use super::layout::{
    BOX_ROW_LEN, BOXES, EXPIRY, EXPIRY_KEY_LEN, FORMAT, ID_LEN, META, META_BATCHES, META_FORMAT,
    TOMBSTONE_ROW_LEN, TOMBSTONES, box_row, expiry_key, key, parse_box_row, parse_expiry_key,
    parse_tombstone_row, tombstone_row,
};
use super::rules::{Content, Record, decide};
use super::{Store, StoreError, StoreOp, StoreResult, Usage};

/// Memory that redb may use to cache pages, in bytes.
pub const STORE_CACHE_LEN: usize = 8 * 1024 * 1024;

/// Opens the database, the first time and after a failure.
type Opener = Box<dyn FnMut() -> Result<Database, StoreError> + Send>;

/// Boxes and tombstones in one redb file.
pub struct RedbStore {
    /// Absent after an I/O error, which redb does not recover from until the file is opened afresh.
    database: Option<Database>,
    open: Opener,
    quota: u64,
    /// Whether rows were collected that are still on the disk.
    is_behind: bool,
}

impl RedbStore {
    /// Opens the store at `path`, or makes an empty one there. It may hold `quota` records.
    ///
    /// Reads the whole file once to verify its checksums.
    ///
    /// # Errors
    ///
    /// When the file is something else, of another format, damaged, in use, or cannot be read.
    pub fn open(path: &Path, quota: u64) -> Result<Self, StoreError> {
        let (name, path) = (path.display().to_string(), path.to_owned());
        Self::open_with(quota, move || {
            // Ids and times are nobody else's business, whatever the mode of the directory.
            let file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o600)
                .open(&path);
            let file = file.map_err(|error| StoreError::Io { why: error.to_string() })?;
            let backend = FileBackend::new(file);
            checked(backend.and_then(|backend| builder().create_with_backend(backend)), &name)
        })
    }

    /// Opens a store on a storage of the caller's, for tests that make the storage fail. `backend` is asked
    /// for it once now and once after each failure.
    ///
    /// # Errors
    ///
    /// As [`RedbStore::open`].
    pub fn open_backend<B: StorageBackend>(
        mut backend: impl FnMut() -> B + Send + 'static,
        quota: u64,
    ) -> Result<Self, StoreError> {
        Self::open_with(quota, move || checked(builder().create_with_backend(backend()), "the storage"))
    }

    fn open_with(
        quota: u64,
        mut open: impl FnMut() -> Result<Database, StoreError> + Send + 'static,
    ) -> Result<Self, StoreError> {
        Ok(Self { database: Some(open()?), open: Box::new(open), quota, is_behind: false })
    }

    /// Runs `work` in a write transaction and commits it, durably if what it did asks for that. After a failure the
    /// file is opened afresh before the next transaction.
    fn transact<T>(
        &mut self,
        durability: impl FnOnce(&T) -> Durability,
        work: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let database = match self.database.take() {
            Some(database) => database,
            None => (self.open)()?,
        };
        let result = commit(&database, durability, work);
        if !matches!(result, Err(StoreError::Io { .. })) {
            self.database = Some(database);
        }
        result
    }
}

impl fmt::Debug for RedbStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedbStore").field("quota", &self.quota).finish_non_exhaustive()
    }
}

impl Store for RedbStore {
    fn apply(&mut self, now: Timestamp, ops: &[StoreOp]) -> Result<Vec<StoreResult>, StoreError> {
        let quota = self.quota;
        let results = self.transact(always, |transaction| {
            let mut tables = Tables::open(transaction)?;
            let results = ops.iter().map(|op| tables.apply(now, op, quota)).collect::<Result<Vec<_>, _>>()?;
            count_batch(transaction)?;
            Ok(results)
        })?;
        self.is_behind = false;
        Ok(results)
    }

    fn collect_garbage(&mut self, now: Timestamp, records_max: usize) -> Result<usize, StoreError> {
        let was_behind = self.is_behind;
        let is_behind = |collected: usize| collected > 0 || was_behind;
        // A step that is not filled is the last of its sweep.
        let is_last = |collected: usize| collected < records_max;
        let durability = |collected: &usize| {
            if is_last(*collected) && is_behind(*collected) {
                Durability::Immediate
            } else {
                Durability::None
            }
        };
        let collected = self.transact(durability, |transaction| {
            Tables::open(transaction)?.collect_garbage(now, records_max)
        })?;
        self.is_behind = is_behind(collected) && !is_last(collected);
        Ok(collected)
    }

    fn usage(&mut self) -> Result<Usage, StoreError> {
        let quota = self.quota;
        let Some(database) = &self.database else {
            return Err(StoreError::Io { why: "it failed before".to_owned() });
        };
        let transaction = database.begin_read()?;
        Ok(Usage {
            boxes: transaction.open_table(BOXES)?.len()?,
            tombstones: transaction.open_table(TOMBSTONES)?.len()?,
            quota,
        })
    }
}

/// The tables that hold records, open in one transaction.
struct Tables<'t> {
    boxes: Table<'t, &'static [u8; ID_LEN], &'static [u8; BOX_ROW_LEN]>,
    tombstones: Table<'t, &'static [u8; ID_LEN], &'static [u8; TOMBSTONE_ROW_LEN]>,
    expiry: Table<'t, &'static [u8; EXPIRY_KEY_LEN], ()>,
}

impl<'t> Tables<'t> {
    fn open(transaction: &'t WriteTransaction) -> Result<Self, StoreError> {
        Ok(Self {
            boxes: transaction.open_table(BOXES)?,
            tombstones: transaction.open_table(TOMBSTONES)?,
            expiry: transaction.open_table(EXPIRY)?,
        })
    }

    fn apply(&mut self, now: Timestamp, op: &StoreOp, quota: u64) -> Result<StoreResult, StoreError> {
        let id = key(&op.id());
        let held = self.get(&id)?;
        let has_room = self.boxes.len()?.saturating_add(self.tombstones.len()?) < quota;
        let (result, change) = decide(op, held.as_ref(), now, has_room);
        if let Some(record) = change {
            if let Some(old) = held {
                self.forget(old.expires, &id)?;
            }
            self.put(&id, &record)?;
        }
        Ok(result)
    }

    /// Both tables are asked every time, so that every lookup is alike.
    fn get(&self, id: &[u8; ID_LEN]) -> Result<Option<Record>, StoreError> {
        let sealed = self.boxes.get(id)?.map(|row| parse_box_row(id, row.value())).transpose()?;
        let tombstone =
            self.tombstones.get(id)?.map(|row| parse_tombstone_row(id, row.value())).transpose()?;
        Ok(tombstone.or(sealed))
    }

    fn put(&mut self, id: &[u8; ID_LEN], record: &Record) -> Result<(), StoreError> {
        match &record.content {
            Content::Box(sealed) => {
                self.boxes.insert(id, &box_row(record.expires, sealed))?;
            }
            Content::Tombstone(tombstone) => {
                self.tombstones.insert(id, &tombstone_row(record.expires, tombstone))?;
            }
        }
        self.expiry.insert(&expiry_key(record.expires, id), ())?;
        Ok(())
    }

    fn forget(&mut self, expires: Timestamp, id: &[u8; ID_LEN]) -> Result<(), StoreError> {
        self.boxes.remove(id)?;
        self.tombstones.remove(id)?;
        self.expiry.remove(&expiry_key(expires, id))?;
        Ok(())
    }

    fn collect_garbage(&mut self, now: Timestamp, records_max: usize) -> Result<usize, StoreError> {
        let mut expired = Vec::new();
        for row in self.expiry.iter()?.take(records_max) {
            let (expires, id) = parse_expiry_key(row?.0.value())?;
            if expires > now {
                break;
            }
            expired.push((expires, id));
        }
        for (expires, id) in &expired {
            self.forget(*expires, id)?;
        }
        Ok(expired.len())
    }
}

fn count_batch(transaction: &WriteTransaction) -> Result<(), StoreError> {
    let mut meta = transaction.open_table(META)?;
    let batches = meta.get(META_BATCHES)?.map_or(0, |row| row.value());
    meta.insert(META_BATCHES, batches.saturating_add(1))?;
    Ok(())
}

fn builder() -> Builder {
    let mut builder = Builder::new();
    builder.set_cache_size(STORE_CACHE_LEN).set_check_integrity_on_open(true);
    builder
}

fn checked(opened: Result<Database, DatabaseError>, name: &str) -> Result<Database, StoreError> {
    let database = opened.map_err(|error| open_error(name, error))?;
    check_format(&database, name)?;
    Ok(database)
}

/// Makes the tables of an empty file; refuses a file that is not a mailbox's.
fn check_format(database: &Database, name: &str) -> Result<(), StoreError> {
    let foreign = |why: String| StoreError::Foreign { path: name.to_owned(), why };
    commit(database, always, |transaction| {
        let has_meta = transaction.list_tables()?.any(|table| table.name() == META.name());
        if !has_meta && transaction.list_tables()?.next().is_some() {
            return Err(foreign("a database of another program".to_owned()));
        }
        let mut meta = transaction.open_table(META).map_err(|error| foreign(error.to_string()))?;
        let found = meta.get(META_FORMAT)?.map(|row| row.value());
        match found {
            Some(FORMAT) => {}
            Some(found) => {
                return Err(StoreError::Version { path: name.to_owned(), found, expected: FORMAT });
            }
            None => {
                meta.insert(META_FORMAT, FORMAT)?;
            }
        }
        Tables::open(transaction).map(|_| ())
    })
}

/// The durability of whatever must be on the disk before anybody is told.
const fn always<T>(_: &T) -> Durability {
    Durability::Immediate
}

fn commit<T>(
    database: &Database,
    durability: impl FnOnce(&T) -> Durability,
    work: impl FnOnce(&WriteTransaction) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let mut transaction = database.begin_write()?;
    transaction.set_two_phase_commit(true);
    let value = work(&transaction)?;
    transaction.set_durability(durability(&value))?;
    transaction.commit()?;
    Ok(value)
}

fn open_error(name: &str, error: DatabaseError) -> StoreError {
    let path = name.to_owned();
    match error {
        DatabaseError::DatabaseAlreadyOpen => StoreError::InUse { path },
        // redb reports a file without its magic number as invalid data.
        DatabaseError::Storage(StorageError::Io(error))
            if error.kind() == std::io::ErrorKind::InvalidData =>
        {
            StoreError::Foreign { path, why: error.to_string() }
        }
        DatabaseError::Storage(error) => error.into(),
        error => StoreError::Damaged { why: error.to_string() },
    }
}

impl From<StorageError> for StoreError {
    fn from(error: StorageError) -> Self {
        let why = error.to_string();
        match error {
            StorageError::Corrupted(_) | StorageError::ValueTooLarge(_) => Self::Damaged { why },
            _ => Self::Io { why },
        }
    }
}

impl From<TableError> for StoreError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::Storage(error) => error.into(),
            error => Self::Damaged { why: error.to_string() },
        }
    }
}

impl From<TransactionError> for StoreError {
    fn from(error: TransactionError) -> Self {
        match error {
            TransactionError::Storage(error) => error.into(),
            error => Self::Io { why: error.to_string() },
        }
    }
}

impl From<CommitError> for StoreError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Storage(error) => error.into(),
            error => Self::Io { why: error.to_string() },
        }
    }
}

impl From<SetDurabilityError> for StoreError {
    fn from(error: SetDurabilityError) -> Self {
        Self::Io { why: error.to_string() }
    }
}
