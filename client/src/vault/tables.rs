//! The three tables of the vault's database, and nothing about keys: bytes in, bytes out.
//!
//! ```text
//! table "vault"    0 -> root, sealed      1 -> generation, sealed
//! table "rings"    first byte of names -> ring, sealed
//! table "cells"    name -> cell, sealed, or filler
//! ```
//!
//! A commit is one transaction. One-phase commit is enough: should a damaged page make redb choose its last but
//! one state, that state does not open, because its erasure key is gone. Every opening verifies the checksum of
//! every page in use.

use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};

use super::VaultError;
use super::cell::CellName;
use super::container::Container;

const VAULT_TABLE: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("vault");
const RINGS_TABLE: TableDefinition<'_, u8, &[u8]> = TableDefinition::new("rings");
const CELLS_TABLE: TableDefinition<'_, CellName, &[u8]> = TableDefinition::new("cells");
const ROOT_KEY: u8 = 0;
const GENERATION_KEY: u8 = 1;
/// What redb may keep of the file in memory. It holds sealed bytes only.
const CACHE_LEN: usize = 8 * 1024 * 1024;

/// What one commit writes.
#[derive(Default)]
pub(super) struct Rows {
    pub(super) root: Vec<u8>,
    pub(super) generation: Vec<u8>,
    pub(super) rings: Vec<(u8, Vec<u8>)>,
    pub(super) removed: Vec<CellName>,
    pub(super) cells: Vec<(CellName, Vec<u8>)>,
}

/// The open database.
pub(super) struct Tables(Database);

impl Tables {
    /// Opens the database in the container, or makes an empty one in an empty container.
    pub(super) fn open(container: Container) -> Result<Self, VaultError> {
        let mut builder = Database::builder();
        builder.set_cache_size(CACHE_LEN).set_check_integrity_on_open(true);
        builder.create_with_backend(container).map(Self).map_err(|error| VaultError::from_redb(error.into()))
    }

    /// The root, as it was last written.
    pub(super) fn root(&self) -> Result<Vec<u8>, VaultError> {
        self.row(ROOT_KEY)?.ok_or_else(|| VaultError::damaged("the root is missing"))
    }

    /// The generation, as it was last written.
    pub(super) fn generation(&self) -> Result<Vec<u8>, VaultError> {
        self.row(GENERATION_KEY)?.ok_or_else(|| VaultError::damaged("the generation is missing"))
    }

    fn row(&self, key: u8) -> Result<Option<Vec<u8>>, VaultError> {
        let read = || {
            let table = self.0.begin_read()?.open_table(VAULT_TABLE)?;
            Ok(table.get(key)?.map(|value| value.value().to_vec()))
        };
        read().map_err(VaultError::from_redb)
    }

    /// Every ring, by number.
    pub(super) fn rings(&self) -> Result<Vec<(u8, Vec<u8>)>, VaultError> {
        let read = || {
            let table = self.0.begin_read()?.open_table(RINGS_TABLE)?;
            let mut rings = Vec::new();
            for row in table.iter()? {
                let (number, sealed) = row?;
                rings.push((number.value(), sealed.value().to_vec()));
            }
            Ok(rings)
        };
        read().map_err(VaultError::from_redb)
    }

    /// One cell.
    pub(super) fn cell(&self, name: &CellName) -> Result<Option<Vec<u8>>, VaultError> {
        let read = || {
            let table = self.0.begin_read()?.open_table(CELLS_TABLE)?;
            Ok(table.get(name)?.map(|sealed| sealed.value().to_vec()))
        };
        read().map_err(VaultError::from_redb)
    }

    /// Shows every cell and filler, by name.
    pub(super) fn for_each_cell(
        &self,
        mut see: impl FnMut(CellName, &[u8]) -> Result<(), VaultError>,
    ) -> Result<(), VaultError> {
        let table = self
            .0
            .begin_read()
            .map_err(redb::Error::from)
            .and_then(|transaction| transaction.open_table(CELLS_TABLE).map_err(redb::Error::from));
        let table = table.map_err(VaultError::from_redb)?;
        for row in table.iter().map_err(|error| VaultError::from_redb(error.into()))? {
            let (name, sealed) = row.map_err(|error| VaultError::from_redb(error.into()))?;
            see(name.value(), sealed.value())?;
        }
        Ok(())
    }

    /// All rows durably, or none.
    pub(super) fn commit(&self, rows: &Rows) -> Result<(), VaultError> {
        let write = || {
            let transaction = self.0.begin_write()?;
            {
                let mut vault = transaction.open_table(VAULT_TABLE)?;
                vault.insert(ROOT_KEY, rows.root.as_slice())?;
                vault.insert(GENERATION_KEY, rows.generation.as_slice())?;
                let mut rings = transaction.open_table(RINGS_TABLE)?;
                for (number, sealed) in &rows.rings {
                    rings.insert(number, sealed.as_slice())?;
                }
                let mut cells = transaction.open_table(CELLS_TABLE)?;
                for name in &rows.removed {
                    cells.remove(name)?;
                }
                for (name, sealed) in &rows.cells {
                    cells.insert(name, sealed.as_slice())?;
                }
            }
            transaction.commit()?;
            Ok(())
        };
        write().map_err(VaultError::from_redb)
    }
}
