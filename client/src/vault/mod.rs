//! The vault: everything a profile remembers, in three encrypted files.
//!
//! `vault.keys` wraps a random vault key in slots, each under factors that are needed together. `vault.redb` is
//! a database of sealed cells of one size, as many used or not. `vault.erasure` holds the one key that every
//! commit replaces, so that what was deleted cannot be opened again. `docs/vault.md` has the byte diagrams.
//!
//! What is deliberately not here: what the records mean (that is [`crate::core`]), where the files lie and
//! where factors come from (that is [`crate::shell`]), and time. Nothing here prints, logs or returns a key or a
//! plaintext in an error.

mod cell;
mod container;
mod content;
mod cost;
mod duress;
mod erasure;
mod error;
mod factors;
mod key_file;
mod keys;
mod keys_file;
mod manage;
mod medium;
mod passphrase;
mod rings;
mod slot;
mod slot_list;
mod slot_view;
pub mod software_token;
mod tables;
mod token;
mod unlock;
#[expect(clippy::module_inception, reason = "the type `Vault` is the concept of this file")]
mod vault;
mod wipe;
mod words;

pub use cell::{CELL_DATA_LEN, RECORD_VALUE_LEN_MAX};
pub use cost::{ARGON2_MIB_DEFAULT, ARGON2_MIB_MAX, ARGON2_MIB_MIN, Argon2Cost};
pub use error::VaultError;
pub use factors::{Credentials, Factor, Factors};
pub use key_file::{KEY_FILE_LEN_MAX, KEY_FILE_LEN_MIN, KeyFile};
pub use passphrase::{PASSPHRASE_LEN_MAX, Passphrase};
pub use rings::{CELLS_MAX, CELLS_MIN};
pub use slot_view::{SLOT_LABEL_LEN_MAX, SLOTS_MAX, SlotView};
pub use token::{CREDENTIAL_LEN_MAX, Token, TokenError};
pub use vault::Vault;
pub use words::{RECOVERY_WORDS, RecoveryWords};

#[cfg(test)]
mod tests;
