//! The witness: a small file beside the vault that remembers the number of the last commit.
//!
//! A vault file of an earlier day is whole and authentic, and yet dangerous: message streams would
//! start again from keys that have been used. The database also keeps its last but one state, which a
//! single damaged byte can bring back. The witness shows both. It is written after each durable
//! commit, so it is never ahead of an honest vault, and being behind is harmless.
//!
//! It guards against accidents: whoever can write files can put back both, which no file can show.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use subtle::ConstantTimeEq;

use super::VaultError;
use super::seal::VaultKeys;

const WITNESS_LEN: usize = 1 + 8 + 32;
const WITNESS_VERSION: u8 = 1;
const WITNESS_CONTEXT: &[u8] = b"sotto/vault/v1/witness";

/// The file that remembers the last commit.
#[derive(Debug)]
pub(super) struct Witness {
    path: PathBuf,
}

impl Witness {
    /// The one that belongs to the vault at `vault`: `vault.redb` has `vault.generation`.
    pub(super) fn beside(vault: &Path) -> Self {
        Self { path: vault.with_extension("generation") }
    }

    /// Refuses a vault that is older than what was committed last.
    ///
    /// A witness that is missing or damaged, as after copying the vault alone, says nothing.
    pub(super) fn check(&self, keys: &VaultKeys, generation: u64) -> Result<(), VaultError> {
        match self.read(keys)? {
            Some(expected) if expected > generation => {
                Err(VaultError::RolledBack { found: generation, expected, witness: self.path.clone() })
            }
            _ => Ok(()),
        }
    }

    fn read(&self, keys: &VaultKeys) -> Result<Option<u64>, VaultError> {
        let mut bytes = Vec::new();
        match OpenOptions::new().read(true).open(&self.path) {
            Ok(file) => file
                .take(2 * WITNESS_LEN as u64)
                .read_to_end(&mut bytes)
                .map_err(|source| self.failed("read", source))?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.failed("open", source)),
        };
        let Some((body, check)) = bytes.split_last_chunk::<32>() else { return Ok(None) };
        let authentic = bool::from(keys.check(WITNESS_CONTEXT, body)?.ct_eq(check));
        Ok(match body {
            [WITNESS_VERSION, generation @ ..] if authentic => {
                generation.try_into().ok().map(u64::from_be_bytes)
            }
            _ => None,
        })
    }

    /// Remembers a commit that is durable. One write of a few bytes, not synchronised to the disk.
    pub(super) fn record(&self, keys: &VaultKeys, generation: u64) -> Result<(), VaultError> {
        let mut bytes = vec![WITNESS_VERSION];
        bytes.extend(generation.to_be_bytes());
        let check = keys.check(WITNESS_CONTEXT, &bytes)?;
        bytes.extend(check);
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&self.path)
            .and_then(|mut file| {
                file.write_all(&bytes)?;
                file.set_len(WITNESS_LEN as u64)
            })
            .map_err(|source| self.failed("write", source))
    }

    fn failed(&self, action: &'static str, source: std::io::Error) -> VaultError {
        VaultError::Io { action, path: self.path.clone(), source }
    }
}
