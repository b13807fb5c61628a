//! The vault as the engine's [`Store`]: sealing on the way in, checking on the way out.
//!
//! A new vault is written under another name and renamed when it is complete, so an interrupted
//! `sotto init` leaves none. After a failed commit the file is opened afresh before it is used again,
//! because only the file knows whether the commit took place. Not here: how bytes lie in the file
//! ([`super::tables`]).

use std::collections::HashMap;
use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rand::CryptoRng;
use zeroize::Zeroizing;

use super::header::{self, VaultKey};
use super::manifest::Manifest;
use super::seal::{Entry, RecordName, VaultKeys};
use super::tables::Tables;
use super::witness::Witness;
use super::{Argon2Cost, Credentials, SlotView, VaultError};
use crate::store::{Change, RecordKey, Store, StoreError};

/// An open vault. `R` gives the nonces.
pub struct Vault<R> {
    file: VaultFile,
    rng: R,
    /// `None` after a failed commit, until the file is opened again.
    pub(super) content: Mutex<Option<Content>>,
}

/// Where the vault lies and what its records are sealed with.
struct VaultFile {
    path: PathBuf,
    keys: VaultKeys,
    witness: Witness,
}

/// The open file and what it is known to hold.
pub(super) struct Content {
    tables: Tables,
    manifest: Manifest,
    entries: HashMap<RecordName, Entry>,
}

impl<R: CryptoRng> Vault<R> {
    /// Makes a new, empty vault at `path` and opens it.
    ///
    /// # Errors
    /// [`VaultError::Exists`] if there is one, and whatever the file system or Argon2id refuse. Nothing is
    /// left at `path` then.
    pub fn create(
        path: &Path,
        credentials: &mut Credentials,
        cost: Argon2Cost,
        mut rng: R,
    ) -> Result<Self, VaultError> {
        let passphrase = credentials.passphrase.as_ref().ok_or(VaultError::FactorsNone)?;
        if path.exists() {
            return Err(VaultError::Exists { path: path.to_owned() });
        }
        let key = VaultKey::generate(&mut rng);
        let header = header::wrap(&key, passphrase, cost, &mut rng)?;
        let keys = VaultKeys::derive(&key)?;
        let manifest = Manifest::empty();

        let mut unfinished = path.as_os_str().to_owned();
        unfinished.push(".new");
        let unfinished = PathBuf::from(unfinished);
        make_private_file(&unfinished)?;
        Tables::create(&unfinished, &header, &manifest.seal(&keys, &mut rng)?)?;
        Witness::beside(path).record(&keys, manifest.generation)?;
        rename_durably(&unfinished, path)?;
        Self::open_with(path, rng, |_| Ok(key))
    }

    /// Opens the vault at `path` and verifies the whole file.
    ///
    /// # Errors
    /// Any [`VaultError`] about a missing, damaged or busy file or a wrong passphrase. Its records are not
    /// changed then; redb may have written bookkeeping of its own.
    pub fn open(path: &Path, credentials: &mut Credentials, rng: R) -> Result<Self, VaultError> {
        let passphrase = credentials.passphrase.as_ref().ok_or(VaultError::FactorsNone)?;
        Self::open_with(path, rng, |header| header::unwrap(header, passphrase))
    }

    /// The ways to open this vault, in the order of their numbers.
    ///
    /// # Errors
    /// Whatever keeps the list from being read.
    pub fn slots(&self) -> Result<Vec<SlotView>, VaultError> {
        Ok(Vec::new())
    }

    /// Adds a way to open this vault: all the factors given, together. Gives the slot's number.
    ///
    /// # Errors
    /// [`VaultError::SlotsFull`], [`VaultError::SlotTaken`], and what the factors or the disk refuse.
    pub fn add_slot(
        &mut self,
        _label: &str,
        _credentials: &mut Credentials,
        _created_ms: u64,
    ) -> Result<u8, VaultError> {
        Err(VaultError::SlotsFull)
    }

    /// Destroys a slot: its bytes are overwritten.
    ///
    /// # Errors
    /// [`VaultError::SlotMissing`], [`VaultError::SlotLast`], and what the disk refuses.
    pub fn remove_slot(&mut self, number: u8) -> Result<(), VaultError> {
        Err(VaultError::SlotMissing { number })
    }

    /// Puts other factors in the place of a slot's; a changed passphrase for example. A `cost` other than the
    /// file's is possible while no other slot has a passphrase.
    ///
    /// # Errors
    /// [`VaultError::SlotWeaker`] if a factor is left out, [`VaultError::Argon2CostShared`], and as
    /// [`Self::add_slot`].
    pub fn replace_slot(
        &mut self,
        number: u8,
        _credentials: &mut Credentials,
        _cost: Option<Argon2Cost>,
    ) -> Result<(), VaultError> {
        Err(VaultError::SlotMissing { number })
    }

    /// Makes a slot that destroys the vault when somebody opens by it, and shows an empty one.
    ///
    /// # Errors
    /// As [`Self::add_slot`]. A duress slot that is there already is replaced.
    pub fn set_duress(&mut self, _credentials: &mut Credentials) -> Result<(), VaultError> {
        Err(VaultError::SlotsFull)
    }

    /// Removes the duress slot.
    ///
    /// # Errors
    /// [`VaultError::DuressMissing`], and what the disk refuses.
    pub fn clear_duress(&mut self) -> Result<(), VaultError> {
        Err(VaultError::DuressMissing)
    }

    /// Overwrites the keys of the vault at `path` and removes its files. Needs no factor and no whole file.
    ///
    /// # Errors
    /// [`VaultError::Io`] if a file cannot be overwritten or removed; the others have been tried all the same.
    pub fn wipe(_path: &Path) -> Result<(), VaultError> {
        Ok(())
    }

    /// Opens with whatever `unlock` makes of the header.
    pub(super) fn open_with(
        path: &Path,
        rng: R,
        unlock: impl FnOnce(&[u8]) -> Result<VaultKey, VaultError>,
    ) -> Result<Self, VaultError> {
        match fs::metadata(path) {
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(VaultError::Missing { path: path.to_owned() });
            }
            Err(source) => return Err(VaultError::Io { action: "open", path: path.to_owned(), source }),
        }
        let tables = Tables::open(path)?;
        let keys = VaultKeys::derive(&unlock(&tables.header()?)?)?;
        let file = VaultFile { path: path.to_owned(), keys, witness: Witness::beside(path) };
        let content = Mutex::new(Some(file.verify(tables)?));
        Ok(Self { file, rng, content })
    }

    fn apply(&mut self, changes: &[Change]) -> Result<(), VaultError> {
        let slot = self.content.get_mut().unwrap_or_else(PoisonError::into_inner);
        let mut content = match slot.take() {
            Some(content) => content,
            None => self.file.verify(Tables::open(&self.file.path)?)?,
        };
        // Sealed before the transaction, so that a record that cannot be sealed changes nothing.
        let sealed = match self.file.seal(changes, &content, &mut self.rng) {
            Ok(sealed) => sealed,
            Err(error) => {
                *slot = Some(content);
                return Err(error);
            }
        };
        let rows = sealed.records.iter().map(|(name, after)| {
            let bytes = after.as_ref().map(|(_, bytes)| bytes.as_slice());
            (name, bytes)
        });
        content.tables.commit(rows, &sealed.manifest_bytes)?;
        let recorded = self.file.witness.record(&self.file.keys, sealed.manifest.generation);
        content.manifest = sealed.manifest;
        for (name, after) in sealed.records {
            match after {
                Some((entry, _)) => content.entries.insert(name, entry),
                None => content.entries.remove(&name),
            };
        }
        *slot = Some(content);
        recorded
    }
}

/// A record as the engine knows it.
type Record = (RecordKey, Zeroizing<Vec<u8>>);

/// A commit, ready to be written.
struct SealedCommit {
    records: HashMap<RecordName, Option<(Entry, Vec<u8>)>>,
    manifest: Manifest,
    manifest_bytes: Vec<u8>,
}

impl VaultFile {
    /// Checks that the file holds the records of its last commit, and that this commit is not an old one.
    fn verify(&self, tables: Tables) -> Result<Content, VaultError> {
        let manifest = Manifest::open(&self.keys, &tables.manifest()?)?;
        let mut entries = HashMap::new();
        for (name, sealed) in tables.records()? {
            entries.insert(name, self.keys.entry(&name, &sealed)?);
        }
        if !manifest.same_set(&Manifest::of(manifest.generation, entries.values())) {
            return Err(VaultError::damaged(format!(
                "its records are not those of the last commit: {} expected, {} found",
                manifest.count,
                entries.len()
            )));
        }
        self.witness.check(&self.keys, manifest.generation)?;
        self.witness.record(&self.keys, manifest.generation)?;
        Ok(Content { tables, manifest, entries })
    }

    fn seal(
        &self,
        changes: &[Change],
        content: &Content,
        rng: &mut impl CryptoRng,
    ) -> Result<SealedCommit, VaultError> {
        let mut records = HashMap::new();
        for change in changes {
            let name = self.keys.name(&change.key())?;
            let after = match change {
                Change::Put { key, value } => {
                    let bytes = self.keys.seal(key, &name, value, rng)?;
                    Some((self.keys.entry(&name, &bytes)?, bytes))
                }
                Change::Delete { .. } => None,
            };
            records.insert(name, after);
        }
        let mut manifest = content.manifest.clone();
        manifest.generation = manifest.generation.saturating_add(1);
        for (name, after) in &records {
            if let Some(before) = content.entries.get(name) {
                manifest.remove(before);
            }
            if let Some((entry, _)) = after {
                manifest.add(entry);
            }
        }
        let manifest_bytes = manifest.seal(&self.keys, rng)?;
        Ok(SealedCommit { records, manifest, manifest_bytes })
    }

    fn open_records(&self, tables: &Tables) -> Result<Vec<Record>, VaultError> {
        let open = |(name, sealed): (RecordName, Vec<u8>)| {
            let (key, value) = self.keys.open(&name, &sealed)?;
            if self.keys.name(&key)? != name {
                return Err(VaultError::damaged("a record lies under another record's name"));
            }
            Ok((key, value))
        };
        tables.records()?.into_iter().map(open).collect()
    }
}

impl<R: CryptoRng> Store for Vault<R> {
    fn load(&self) -> Result<Vec<(RecordKey, Zeroizing<Vec<u8>>)>, StoreError> {
        let mut slot = self.content.lock().unwrap_or_else(PoisonError::into_inner);
        let mut load = || {
            let content = match slot.take() {
                Some(content) => content,
                None => self.file.verify(Tables::open(&self.file.path)?)?,
            };
            self.file.open_records(&slot.insert(content).tables)
        };
        load().map_err(to_store_error)
    }

    fn commit(&mut self, changes: Vec<Change>) -> Result<(), StoreError> {
        self.apply(&changes).map_err(to_store_error)
    }
}

impl<R> fmt::Debug for Vault<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault([scrubbed])")
    }
}

fn to_store_error(error: VaultError) -> StoreError {
    match error {
        VaultError::Damaged { what } => StoreError::Damaged(what),
        error => StoreError::Io(error.to_string()),
    }
}

/// An empty file for this user alone. What an interrupted attempt left there is removed.
fn make_private_file(path: &Path) -> Result<(), VaultError> {
    let io = |action| move |source| VaultError::Io { action, path: path.to_owned(), source };
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(io("remove")(error)),
        _ => {}
    }
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.map(drop).map_err(io("create"))
}

fn rename_durably(from: &Path, to: &Path) -> Result<(), VaultError> {
    let io = |action| move |source| VaultError::Io { action, path: to.to_owned(), source };
    fs::rename(from, to).map_err(io("rename the finished vault to"))?;
    let Some(directory) = to.parent() else { return Ok(()) };
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(io("synchronise the directory of"))
}
