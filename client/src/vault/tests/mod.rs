//! Tests of the vault as a whole, against files that are damaged, swapped, old or half written.

mod damage;
mod format;
mod lifecycle;
mod vectors;

use std::path::{Path, PathBuf};

use rand::{CryptoRng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use tempfile::TempDir;
use zeroize::Zeroizing;

use super::header::{self, VaultKey};
use super::{ARGON2_MIB_MIN, Argon2Cost, Passphrase, Vault, VaultError};
use crate::store::{Change, RecordKey, RecordKind, Store};

/// The text that must not be found in the file.
const SECRET: &[u8] = b"the cat is under the third stair";

pub(super) fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub(super) fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

pub(super) fn credentials(text: &str) -> super::Credentials {
    passphrase(text).into()
}

pub(super) fn floor() -> Argon2Cost {
    Argon2Cost::with_mib(ARGON2_MIB_MIN).unwrap()
}

pub(super) fn key(number: u8) -> RecordKey {
    RecordKey { kind: RecordKind::Message, id: [number; 16] }
}

pub(super) fn put(number: u8, value: &[u8]) -> Change {
    Change::Put { key: key(number), value: Zeroizing::new(value.to_vec()) }
}

pub(super) type Records = Vec<(RecordKey, Vec<u8>)>;

/// All records in the order of their keys.
pub(super) fn records<R: CryptoRng>(vault: &Vault<R>) -> Result<Records, crate::store::StoreError> {
    let mut records: Records = vault.load()?.into_iter().map(|(key, value)| (key, value.to_vec())).collect();
    records.sort();
    Ok(records)
}

/// A closed vault with a few records in a directory of its own, opened again without paying for Argon2id.
pub(super) struct Fixture {
    pub(super) directory: TempDir,
    key: Zeroizing<[u8; 32]>,
    header: Vec<u8>,
    pub(super) records: Records,
}

impl Fixture {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vault.redb");
        let mut vault = Vault::create(&path, &mut credentials("correct horse"), floor(), rng(1)).unwrap();
        vault.commit((0..12).map(|n| put(n, SECRET)).collect()).unwrap();
        vault.commit(vec![put(3, b"changed"), Change::Delete { key: key(5) }]).unwrap();
        vault.commit(vec![put(4, &[7; 5000])]).unwrap();
        let records = records(&vault).unwrap();
        drop(vault);
        let header = super::tables::Tables::open(&path).unwrap().header().unwrap();
        let key = header::unwrap(&header, &passphrase("correct horse")).unwrap().0;
        Self { directory, key, header, records }
    }

    pub(super) fn path(&self) -> PathBuf {
        self.directory.path().join("vault.redb")
    }

    /// Opens a vault that may have been tampered with. A header other than the genuine one goes the whole way.
    pub(super) fn open(&self, path: &Path) -> Result<Vault<ChaCha20Rng>, VaultError> {
        Vault::open_with(path, rng(2), |header| {
            if header == self.header {
                Ok(VaultKey(self.key.clone()))
            } else {
                header::unwrap(header, &passphrase("correct horse"))
            }
        })
    }

    /// Writes `bytes` as a vault of its own beside a copy of the witness, and opens it.
    pub(super) fn open_bytes(&self, bytes: &[u8]) -> Result<Records, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vault.redb");
        std::fs::write(&path, bytes).unwrap();
        std::fs::copy(self.path().with_extension("generation"), path.with_extension("generation")).unwrap();
        let vault = self.open(&path).map_err(|error| error.label().to_owned())?;
        records(&vault).map_err(|error| error.label().to_owned())
    }
}
