//! The open file of records: what is known of it, how it is verified, and how a commit changes it.
//!
//! ```text
//! commit:  1 entry of the new generation in vault.erasure, durable
//!          2 cells, rings and root in one transaction of vault.redb, durable
//!          3 the entry of the generation before overwritten
//! ```
//!
//! After a failure the content is dropped and the file read again, because only the files know how far it came.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use rand::{CryptoRng, RngExt};
use zeroize::Zeroizing;

use super::VaultError;
use super::cell::{self, CELL_LEN, Cell, CellName, RecordId};
use super::container::Container;
use super::erasure::Erasure;
use super::keys::{self, VaultKeys, random_key};
use super::medium::{Media, Place};
use super::rings::{CELLS_MAX, CELLS_MIN, RINGS, Ring, Root, ring_capacity};
use super::tables::{Rows, Tables};

const GENERATION_CONTEXT: &[u8] = b"sotto/vault/v2/generation";

/// The value that each record shall have, or `None` to delete it.
pub(super) type Changes<'a> = BTreeMap<RecordId, Option<&'a [u8]>>;

/// A record and its whole value.
pub(super) type Record = (RecordId, Zeroizing<Vec<u8>>);

/// The open file.
pub(super) struct Content {
    tables: Tables,
    erasure: Erasure,
    generation: u64,
    /// How many rows the table of cells has, fillers included.
    cells: u64,
    /// By first byte of the names.
    rings: Vec<Ring>,
    fillers: Vec<CellName>,
    /// What was opened to verify it, until it is asked for or changed: whoever opens a vault nearly always reads it all next.
    opened: Option<Vec<Record>>,
}

impl Content {
    /// Makes the files of records and erasure keys anew, with these records.
    pub(super) fn create(
        records: Place,
        erasure: Place,
        keys: &VaultKeys,
        changes: &Changes<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, VaultError> {
        let erasure = Erasure::reset(erasure, rng)?;
        let tables = Tables::open(Container::create(records)?)?;
        let rings = (0..RINGS).map(|_| Ring::empty(rng)).collect();
        let fillers = Vec::new();
        let mut content = Self { tables, erasure, generation: 0, cells: 0, rings, fillers, opened: None };
        content.commit(keys, changes, rng)?;
        Ok(content)
    }

    /// Opens and verifies both files.
    pub(super) fn open(media: &Media, keys: &VaultKeys) -> Result<Self, VaultError> {
        let Some(erasure) = media.erasure.clone() else {
            let path = super::medium::erasure_path(&media.records.path);
            return Err(VaultError::ErasureMissing { path });
        };
        let path = erasure.path.clone();
        let mut erasure = Erasure::open(erasure, &keys.erasure)?;
        let tables = Tables::open(Container::open(media.records.clone())?)?;

        let sealed_root = tables.root()?;
        let found = open_generation(keys, &tables.generation()?)?;
        let mut root = None;
        for entry in erasure.live() {
            if root.is_none() {
                root = Root::open(&keys.root(&entry.key)?, &sealed_root)?
                    .filter(|root| root.generation == entry.generation);
            }
        }
        let Some(root) = root else {
            return Err(match erasure.live().first().map(|entry| entry.generation) {
                Some(expected) if expected > found => VaultError::RolledBack { found, expected },
                Some(expected) if expected == found => VaultError::damaged("the root does not open"),
                _ => VaultError::ErasureForeign { path },
            });
        };
        if root.generation != found {
            return Err(VaultError::damaged("root and generation are of different commits"));
        }

        let mut rings = Vec::with_capacity(RINGS);
        for ((expected, key), (number, sealed)) in (0u8..=255).zip(root.ring_keys).zip(tables.rings()?) {
            if number != expected {
                return Err(VaultError::damaged("a key ring is missing"));
            }
            rings.push(Ring::open(key, number, &sealed)?);
        }
        let Verified { cells, fillers, rows } = verify_cells(&tables, &rings)?;
        if rings.len() != RINGS || rows != root.cells {
            return Err(VaultError::damaged(format!("{rows} cells were found, {} expected", root.cells)));
        }
        erasure.choose(root.generation);
        let (generation, opened) = (root.generation, Some(records_of(cells)?));
        Ok(Self { tables, erasure, generation, cells: root.cells, rings, fillers, opened })
    }

    /// Every record, the vault's own included.
    pub(super) fn load(&mut self) -> Result<Vec<Record>, VaultError> {
        match self.opened.take() {
            Some(records) => Ok(records),
            None => records_of(verify_cells(&self.tables, &self.rings)?.cells),
        }
    }

    /// One record.
    pub(super) fn record(
        &self,
        keys: &VaultKeys,
        record: &RecordId,
    ) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        let mut cells = Vec::new();
        for name in self.names(keys, record)? {
            let key = key_of(&self.rings, &name);
            let (Some(key), Some(sealed)) = (key, self.tables.cell(&name)?) else {
                return Err(VaultError::damaged("a cell is missing"));
            };
            cells.push(cell::open(key, &name, &sealed)?);
        }
        Ok(records_of(cells)?.pop().map(|(_, value)| value))
    }

    /// The names of the cells that a record has now.
    fn names(&self, keys: &VaultKeys, record: &RecordId) -> Result<Vec<CellName>, VaultError> {
        let mut names = Vec::new();
        for part in 0..=u16::MAX {
            let name = keys.name(record, part)?;
            if key_of(&self.rings, &name).is_none() {
                break;
            }
            names.push(name);
        }
        Ok(names)
    }

    /// Makes the changes durable, under keys of their own, and destroys the keys of what they replace.
    ///
    /// # Errors
    /// After any error the content must be dropped.
    pub(super) fn commit(
        &mut self,
        keys: &VaultKeys,
        changes: &Changes<'_>,
        rng: &mut impl CryptoRng,
    ) -> Result<(), VaultError> {
        self.opened = None;
        let mut rows = Rows::default();
        let mut touched = self.seal_cells(keys, changes, &mut rows, rng)?;
        if self.grow()? {
            touched = (0..=255).collect();
        }
        self.balance(&mut rows, rng);
        for number in touched {
            if let Some(ring) = self.rings.get_mut(usize::from(number)) {
                ring.key = random_key(rng);
                rows.rings.push((number, ring.seal(number, ring_capacity(self.cells), rng)?));
            }
        }
        self.generation = self.generation.saturating_add(1);
        let ring_keys = self.rings.iter().map(|ring| ring.key.clone()).collect();
        let root = Root { generation: self.generation, cells: self.cells, ring_keys };
        let erasure_key = self.erasure.stage(&keys.erasure, self.generation, rng)?;
        rows.root = root.seal(&keys.root(&erasure_key)?, rng)?;
        rows.generation =
            keys::seal(&keys.generation, GENERATION_CONTEXT, &self.generation.to_be_bytes(), rng)?;
        self.tables.commit(&rows)?;
        self.erasure.choose(self.generation);
        self.erasure.settle(rng)
    }

    /// Destroys the erasure key of the commit before, in case a crash left it.
    pub(super) fn settle(&mut self, rng: &mut impl CryptoRng) -> Result<(), VaultError> {
        self.erasure.settle(rng)
    }

    /// Seals new cells under new keys, removes old ones, and gives the numbers of the rings that this changes.
    fn seal_cells(
        &mut self,
        keys: &VaultKeys,
        changes: &Changes<'_>,
        rows: &mut Rows,
        rng: &mut impl CryptoRng,
    ) -> Result<BTreeSet<u8>, VaultError> {
        let mut touched = BTreeSet::new();
        for (record, value) in changes {
            let parts = value.map(cell::parts).transpose()?.unwrap_or_default();
            let before = self.names(keys, record)?;
            for name in before.iter().skip(parts.len()) {
                touched.extend(name.first());
                ring_of(&mut self.rings, name)?.cells.remove(name);
                rows.removed.push(*name);
            }
            let count = u16::try_from(parts.len()).map_err(|_| VaultError::Full)?;
            for (part, data) in (0u16..).zip(parts) {
                let name = keys.name(record, part)?;
                let key = random_key(rng);
                rows.cells.push((name, cell::seal(&key, &name, record, (part, count), data, rng)?));
                touched.extend(name.first());
                ring_of(&mut self.rings, &name)?.cells.insert(name, key);
            }
        }
        Ok(touched)
    }

    /// Doubles the number of cells until everything has room. Says whether it was changed.
    fn grow(&mut self) -> Result<bool, VaultError> {
        let used: u64 = self.rings.iter().map(|ring| ring.cells.len() as u64).sum();
        let fullest = self.rings.iter().map(|ring| ring.cells.len()).max().unwrap_or_default();
        let before = self.cells;
        self.cells = self.cells.max(CELLS_MIN);
        while used > self.cells || fullest > ring_capacity(self.cells) {
            self.cells = self.cells.saturating_mul(2);
            if self.cells > CELLS_MAX {
                return Err(VaultError::Full);
            }
        }
        Ok(self.cells != before)
    }

    /// Adds or removes fillers until the file has its number of cells again.
    fn balance(&mut self, rows: &mut Rows, rng: &mut impl CryptoRng) {
        let used: u64 = self.rings.iter().map(|ring| ring.cells.len() as u64).sum();
        let wanted = usize::try_from(self.cells.saturating_sub(used)).unwrap_or(usize::MAX);
        while self.fillers.len() > wanted {
            let at = rng.random_range(0..self.fillers.len());
            rows.removed.push(self.fillers.swap_remove(at));
        }
        while self.fillers.len() < wanted {
            let mut name = [0u8; 32];
            let mut noise = vec![0u8; CELL_LEN];
            rng.fill_bytes(&mut name);
            rng.fill_bytes(&mut noise);
            rows.cells.push((name, noise));
            self.fillers.push(name);
        }
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content(generation {}, {} cells; [scrubbed])", self.generation, self.cells)
    }
}

fn key_of<'a>(rings: &'a [Ring], name: &CellName) -> Option<&'a keys::Key> {
    rings.get(usize::from(*name.first()?))?.cells.get(name)
}

fn ring_of<'a>(rings: &'a mut [Ring], name: &CellName) -> Result<&'a mut Ring, VaultError> {
    name.first()
        .and_then(|&first| rings.get_mut(usize::from(first)))
        .ok_or_else(|| VaultError::damaged("a key ring is missing"))
}

/// All rows of the table of cells, each of the right form.
struct Verified {
    cells: Vec<Cell>,
    fillers: Vec<CellName>,
    rows: u64,
}

/// Opens every cell.
fn verify_cells(tables: &Tables, rings: &[Ring]) -> Result<Verified, VaultError> {
    let mut verified = Verified { cells: Vec::new(), fillers: Vec::new(), rows: 0 };
    tables.for_each_cell(|name, sealed| {
        verified.rows = verified.rows.saturating_add(1);
        if let Some(key) = key_of(rings, &name) {
            verified.cells.push(cell::open(key, &name, sealed)?);
        } else if sealed.len() == CELL_LEN {
            verified.fillers.push(name);
        } else {
            return Err(VaultError::damaged("a cell has a wrong length"));
        }
        Ok(())
    })?;
    let expected: usize = rings.iter().map(|ring| ring.cells.len()).sum();
    let opened = verified.cells.len();
    if opened != expected {
        return Err(VaultError::damaged(format!(
            "{opened} cells of records were found, {expected} expected"
        )));
    }
    Ok(verified)
}

/// The records that these cells make.
fn records_of(mut cells: Vec<Cell>) -> Result<Vec<Record>, VaultError> {
    cells.sort_unstable_by_key(|cell| (cell.record, cell.part));
    let mut records = Vec::new();
    let mut cells = cells.into_iter().peekable();
    while let Some(first) = cells.next() {
        let record = first.record;
        let rest: Vec<Cell> = std::iter::from_fn(|| cells.next_if(|cell| cell.record == record)).collect();
        records.push((record, join(first, &rest)?));
    }
    Ok(records)
}

/// The value of a record from all its parts in order. Most have one.
fn join(first: Cell, rest: &[Cell]) -> Result<Zeroizing<Vec<u8>>, VaultError> {
    let count = rest.len().saturating_add(1);
    let fits = |(expected, cell): (u16, &Cell)| cell.part == expected && usize::from(cell.parts) == count;
    if !fits((0, &first)) || !(1u16..).zip(rest).all(fits) {
        return Err(VaultError::damaged("a record lacks a part"));
    }
    if rest.is_empty() {
        return Ok(first.data);
    }
    let len = rest.iter().fold(first.data.len(), |len, cell| len.saturating_add(cell.data.len()));
    let mut value = Zeroizing::new(Vec::with_capacity(len));
    for cell in std::iter::once(&first).chain(rest) {
        value.extend_from_slice(&cell.data);
    }
    Ok(value)
}

fn open_generation(keys: &VaultKeys, sealed: &[u8]) -> Result<u64, VaultError> {
    let malformed = || VaultError::damaged("the generation does not open: the files are of different vaults");
    let text = keys::unseal(&keys.generation, GENERATION_CONTEXT, sealed).ok_or_else(malformed)?;
    text.as_slice().try_into().map(u64::from_be_bytes).map_err(|_| malformed())
}
