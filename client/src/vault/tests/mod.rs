//! Tests of the vault as a whole, against files that are damaged, swapped, old or half written.

mod crash;
mod damage;
mod deletion;
mod disk;
mod formats;
mod lifecycle;
mod padding;
mod slots;
mod vectors;

use rand::{CryptoRng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use self::disk::{Disk, Stop};
use super::keys::Key;
use super::software_token::SoftwareToken;
use super::{
    ARGON2_MIB_MIN, Argon2Cost, Credentials, Factor, Factors, KeyFile, Passphrase, RecoveryWords, Vault,
    VaultError,
};
use crate::store::{Change, RecordKey, RecordKind, Store, StoreError};

/// The text that must not be found in a file.
const SECRET: &[u8] = b"the cat is under the third stair";

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

fn passphrase(text: &str) -> Passphrase {
    Passphrase::new(Zeroizing::new(text.as_bytes().to_vec())).unwrap()
}

fn credentials(text: &str) -> Credentials {
    passphrase(text).into()
}

fn key_file(byte: u8) -> KeyFile {
    KeyFile::from_bytes(Zeroizing::new(vec![byte; 40])).unwrap()
}

fn floor() -> Argon2Cost {
    Argon2Cost::with_mib(ARGON2_MIB_MIN).unwrap()
}

fn key(number: u16) -> RecordKey {
    let mut id = [0xab; 16];
    id[..2].copy_from_slice(&number.to_be_bytes());
    RecordKey { kind: RecordKind::Message, id }
}

fn put(number: u16, value: &[u8]) -> Change {
    Change::Put { key: key(number), value: Zeroizing::new(value.to_vec()) }
}

type Records = Vec<(RecordKey, Vec<u8>)>;
type TestVault = Vault<ChaCha20Rng>;

/// All records in the order of their keys.
fn records<R: CryptoRng>(vault: &Vault<R>) -> Result<Records, StoreError> {
    let mut records: Records = vault.load()?.into_iter().map(|(key, value)| (key, value.to_vec())).collect();
    records.sort();
    for (key, value) in &records {
        assert_eq!(vault.read(key)?.as_deref(), Some(value), "one record alone is what it is among all");
    }
    Ok(records)
}

/// In the place of Argon2id, which would take minutes here: one hash over the same inputs.
#[expect(clippy::unnecessary_wraps, reason = "it stands for a derivation that can fail")]
fn quick(cost: Argon2Cost, passphrase: &Passphrase, salt: &[u8; 32]) -> Result<Key, VaultError> {
    let hash = Sha256::new()
        .chain_update(salt)
        .chain_update([cost.mib(), cost.passes(), cost.lanes()].map(u32::to_be_bytes).concat())
        .chain_update(passphrase.as_bytes());
    Ok(Zeroizing::new(hash.finalize().into()))
}

fn create(disk: &Disk, mut credentials: Credentials) -> TestVault {
    Vault::create_on(disk.media(), &mut credentials, floor(), quick, rng(1)).unwrap()
}

fn open(disk: &Disk, mut credentials: Credentials) -> Result<TestVault, VaultError> {
    Vault::open_on(disk.media(), &mut credentials, quick, rng(2))
}

/// The label of the refusal.
fn refused(disk: &Disk, credentials: Credentials) -> &'static str {
    open(disk, credentials).map(drop).unwrap_err().label()
}

/// A closed vault with a few records, one of several cells, and some history.
fn fixture() -> (Disk, Records) {
    let disk = Disk::empty();
    let mut vault = create(&disk, credentials("correct horse"));
    vault.commit((0..12).map(|n| put(n, SECRET)).collect()).unwrap();
    vault.commit(vec![put(3, b"changed"), Change::Delete { key: key(5) }]).unwrap();
    vault.commit(vec![put(4, &[7; 5000])]).unwrap();
    let records = records(&vault).unwrap();
    (disk, records)
}
