//! The two tables of the vault's redb file, and nothing about keys: bytes in, bytes out.
//!
//! ```text
//! table "vault"     0 -> header     1 -> manifest, sealed
//! table "records"   name -> sealed value
//! ```
//!
//! Each commit is one transaction with two-phase commit, so that a damaged page is an error and never
//! quietly the state before. Every opening verifies the checksum of every page in use.

use std::path::Path;

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::VaultError;
use super::seal::RecordName;

const VAULT_TABLE: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("vault");
const RECORDS_TABLE: TableDefinition<'_, RecordName, &[u8]> = TableDefinition::new("records");
const HEADER_KEY: u8 = 0;
const MANIFEST_KEY: u8 = 1;
/// What redb may keep of the file in memory. It holds sealed bytes only.
const CACHE_LEN: usize = 8 * 1024 * 1024;

/// The open file.
pub(super) struct Tables(Database);

impl Tables {
    /// Fills the empty file at `path` and closes it.
    pub(super) fn create(path: &Path, header: &[u8], manifest: &[u8]) -> Result<(), VaultError> {
        let write = || {
            let database = builder().create(path)?;
            let mut transaction = database.begin_write()?;
            transaction.set_two_phase_commit(true);
            transaction.open_table(VAULT_TABLE)?.insert(HEADER_KEY, header)?;
            transaction.open_table(VAULT_TABLE)?.insert(MANIFEST_KEY, manifest)?;
            transaction.open_table(RECORDS_TABLE)?;
            transaction.commit()?;
            database.close()?;
            Ok(())
        };
        write().map_err(VaultError::from_redb)
    }

    /// Opens the file and verifies it.
    pub(super) fn open(path: &Path) -> Result<Self, VaultError> {
        builder().open(path).map(Self).map_err(|error| VaultError::from_redb(error.into()))
    }

    /// The header, as it was given to [`Self::create`].
    pub(super) fn header(&self) -> Result<Vec<u8>, VaultError> {
        self.row(HEADER_KEY)?.ok_or_else(|| VaultError::damaged("the header is missing"))
    }

    /// The manifest, as it was last written.
    pub(super) fn manifest(&self) -> Result<Vec<u8>, VaultError> {
        self.row(MANIFEST_KEY)?.ok_or_else(|| VaultError::damaged("the manifest is missing"))
    }

    fn row(&self, key: u8) -> Result<Option<Vec<u8>>, VaultError> {
        let read = || {
            let table = self.0.begin_read()?.open_table(VAULT_TABLE)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        };
        read().map_err(VaultError::from_redb)
    }

    /// Every record.
    pub(super) fn records(&self) -> Result<Vec<(RecordName, Vec<u8>)>, VaultError> {
        let read = || {
            let table = self.0.begin_read()?.open_table(RECORDS_TABLE)?;
            let mut records = Vec::new();
            for row in table.iter()? {
                let (name, sealed) = row?;
                records.push((name.value(), sealed.value().to_vec()));
            }
            Ok(records)
        };
        read().map_err(VaultError::from_redb)
    }

    /// Writes (`Some`) and removes (`None`) records and replaces the manifest: all of it durably, or nothing.
    pub(super) fn commit<'a>(
        &self,
        changes: impl Iterator<Item = (&'a RecordName, Option<&'a [u8]>)>,
        manifest: &[u8],
    ) -> Result<(), VaultError> {
        let write = || {
            let mut transaction = self.0.begin_write()?;
            transaction.set_two_phase_commit(true);
            {
                let mut records = transaction.open_table(RECORDS_TABLE)?;
                for (name, sealed) in changes {
                    match sealed {
                        Some(bytes) => drop(records.insert(name, bytes)?),
                        None => drop(records.remove(name)?),
                    }
                }
                transaction.open_table(VAULT_TABLE)?.insert(MANIFEST_KEY, manifest)?;
            }
            transaction.commit()?;
            Ok(())
        };
        write().map_err(VaultError::from_redb)
    }
}

fn builder() -> redb::Builder {
    let mut builder = Database::builder();
    builder.set_cache_size(CACHE_LEN).set_check_integrity_on_open(true);
    builder
}
