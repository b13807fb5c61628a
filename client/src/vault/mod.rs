//! The vault: everything a profile remembers, in one encrypted file.
//!
//! The file is a redb database whose record names are blinded and whose values are sealed and
//! padded, under a random vault key. The vault key itself lies in the file wrapped under a key that
//! Argon2id derives from the passphrase. `docs/vault.md` has the byte diagrams.
//!
//! What is deliberately not here: what the records mean (that is [`crate::core`]), where the file
//! lies and where a passphrase comes from (that is [`crate::shell`]). Nothing here prints, logs or
//! returns a key or a plaintext in an error.

mod error;
mod factors;
mod header;
mod key_file;
mod manifest;
mod passphrase;
mod redb_store;
mod seal;
mod slot_view;
pub mod software_token;
mod tables;
mod token;
mod witness;
mod words;

pub use error::VaultError;
pub use factors::{Credentials, Factor, Factors};
pub use header::{ARGON2_MIB_DEFAULT, ARGON2_MIB_MAX, ARGON2_MIB_MIN, Argon2Cost};
pub use key_file::{KEY_FILE_LEN_MAX, KEY_FILE_LEN_MIN, KeyFile};
pub use passphrase::{PASSPHRASE_LEN_MAX, Passphrase};
pub use redb_store::Vault;
pub use seal::RECORD_VALUE_LEN_MAX;
pub use slot_view::{SLOT_LABEL_LEN_MAX, SLOTS_MAX, SlotView};
pub use token::{CREDENTIAL_LEN_MAX, Token, TokenError};
pub use words::{RECOVERY_WORDS, RecoveryWords};

#[cfg(test)]
mod tests;
