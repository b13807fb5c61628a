//! The backup file: a profile's lasting part under a passphrase, in one piece.
//!
//! ```text
//! 0           12        13        16           20       24      28       60        84            132       140
//! +-----------+---------+---------+------------+--------+-------+--------+---------+-------------+---------+
//! | magic 12  | version | zeros 3 | memory MiB | passes | lanes | salt   | nonce   | wrapped key | check 8 |
//! +-----------+---------+---------+------------+--------+-------+--------+---------+-------------+---------+
//! 140         164
//! +-----------+----------------------------------------------------------------+
//! | nonce     | content, padded to a power of two of at least 64 KiB, and tag  |
//! +-----------+----------------------------------------------------------------+
//! kek     = Argon2id(passphrase, salt, memory, passes, lanes)                          RFC 9106
//! wrapped = XChaCha20-Poly1305(kek, nonce, file key, AD = bytes 0 .. 60)
//! check   = first 8 bytes of SHA-256("sotto backup header v1" || bytes 0 .. 132)
//! content = XChaCha20-Poly1305(file key, nonce, padded, AD = bytes 0 .. 140)
//! ```
//!
//! The check tells damage from a wrong passphrase. What is in the content is in `content`; which records there are is
//! decided in [`crate::core`]; the disk is in `file`.

mod content;
mod error;
mod file;
#[cfg(test)]
mod tests;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use rand::CryptoRng;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

pub use content::Content;
pub use error::BackupError;
pub use file::{read, write};

use crate::vault::{Argon2Cost, Passphrase};

/// The longest backup, in bytes.
pub const BACKUP_LEN_MAX: usize = 512 * 1024 * 1024;

const MAGIC: &[u8; 12] = b"sotto backup";
const VERSION: u8 = 1;
const CHECK_CONTEXT: &[u8] = b"sotto backup header v1";
const SALT_END: usize = 60;
const WRAPPED_END: usize = 132;
const HEADER_LEN: usize = 140;
const NONCE_LEN: usize = 24;
const TAG_LEN: usize = 16;
const PADDED_LEN_MIN: usize = 64 * 1024;

/// The bytes of a backup file.
///
/// # Errors
/// [`BackupError::TooLong`], or what Argon2id refuses.
pub fn seal(
    content: &Content,
    passphrase: &Passphrase,
    cost: Argon2Cost,
    rng: &mut impl CryptoRng,
) -> Result<Vec<u8>, BackupError> {
    let padded = pad(&content.encode()?)?;
    let (mut salt, mut file_key) = ([0u8; 32], Zeroizing::new([0u8; 32]));
    rng.fill_bytes(&mut salt);
    rng.fill_bytes(file_key.as_mut_slice());
    let mut file = Vec::with_capacity(HEADER_LEN + NONCE_LEN + padded.len() + TAG_LEN);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(&[VERSION, 0, 0, 0]);
    for number in [cost.mib(), cost.passes(), cost.lanes()] {
        file.extend_from_slice(&number.to_be_bytes());
    }
    file.extend_from_slice(&salt);
    let kek = cost.derive(passphrase, &salt)?;
    encrypt(&kek, &mut file, file_key.as_slice(), rng)?;
    let check = check_of(&file);
    file.extend_from_slice(&check);
    encrypt(&file_key, &mut file, &padded, rng)?;
    Ok(file)
}

/// What a backup file holds.
///
/// # Errors
/// [`BackupError`]: damage and a foreign version before anything is derived, then a wrong passphrase.
pub fn open(file: &[u8], passphrase: &Passphrase) -> Result<Content, BackupError> {
    if file.len() > BACKUP_LEN_MAX {
        return Err(BackupError::TooLong { len: file.len() });
    }
    let (header, body) =
        file.split_first_chunk::<HEADER_LEN>().ok_or(BackupError::Damaged("it is too short"))?;
    if !header.starts_with(MAGIC) {
        return Err(BackupError::Damaged("it does not begin as a backup does"));
    }
    let (checked, check) = header.split_at_checked(WRAPPED_END).ok_or(BackupError::Damaged("header"))?;
    if !bool::from(check_of(checked).as_slice().ct_eq(check)) {
        return Err(BackupError::Damaged("its header was changed"));
    }
    match header.get(MAGIC.len()..MAGIC.len() + 4) {
        Some([VERSION, 0, 0, 0]) => {}
        Some([found, ..]) => return Err(BackupError::Version { found: *found, known: VERSION }),
        _ => return Err(BackupError::Damaged("header")),
    }
    let number = |at: usize| {
        let bytes = header.get(at..at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map(u32::from_be_bytes).ok_or(BackupError::Damaged("header"))
    };
    let cost = Argon2Cost::from_parts(number(16)?, number(20)?, number(24)?)?;
    let salt = header.get(28..SALT_END).and_then(|bytes| bytes.try_into().ok());
    let kek = cost.derive(passphrase, salt.ok_or(BackupError::Damaged("header"))?)?;
    let (associated, wrapped) = checked.split_at_checked(SALT_END).ok_or(BackupError::Damaged("header"))?;
    let file_key = decrypt(&kek, associated, wrapped).ok_or(BackupError::WrongPassphrase)?;
    let file_key =
        Zeroizing::new(<[u8; 32]>::try_from(file_key.as_slice()).map_err(|_| BackupError::WrongPassphrase)?);
    let padded = decrypt(&file_key, header, body).ok_or(BackupError::Damaged("its content was changed"))?;
    Content::decode(unpad(&padded)?)
}

/// Appends `nonce || ciphertext`, with everything before it as associated data.
fn encrypt(
    key: &Zeroizing<[u8; 32]>,
    file: &mut Vec<u8>,
    text: &[u8],
    rng: &mut impl CryptoRng,
) -> Result<(), BackupError> {
    let mut nonce = [0u8; NONCE_LEN];
    rng.fill_bytes(&mut nonce);
    let sealed = XChaCha20Poly1305::new((&**key).into())
        .encrypt(&XNonce::from(nonce), Payload { msg: text, aad: file })
        .map_err(|_| BackupError::TooLong { len: text.len() })?;
    file.extend_from_slice(&nonce);
    file.extend_from_slice(&sealed);
    Ok(())
}

fn decrypt(key: &Zeroizing<[u8; 32]>, associated: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LEN>()?;
    let text = XChaCha20Poly1305::new((&**key).into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad: associated });
    text.ok().map(Zeroizing::new)
}

fn check_of(checked: &[u8]) -> [u8; 8] {
    let digest: [u8; 32] = Sha256::new().chain_update(CHECK_CONTEXT).chain_update(checked).finalize().into();
    let [a, b, c, d, e, f, g, h, ..] = digest;
    [a, b, c, d, e, f, g, h]
}

/// `length u64 || content || zeros`, a power of two.
fn pad(content: &[u8]) -> Result<Zeroizing<Vec<u8>>, BackupError> {
    let too_long = || BackupError::TooLong { len: content.len() };
    let len = u64::try_from(content.len()).map_err(|_| too_long())?;
    let padded_len = content.len().saturating_add(8).next_power_of_two().max(PADDED_LEN_MIN);
    if padded_len > BACKUP_LEN_MAX / 2 {
        return Err(too_long());
    }
    let mut padded = Zeroizing::new(Vec::with_capacity(padded_len));
    padded.extend_from_slice(&len.to_be_bytes());
    padded.extend_from_slice(content);
    padded.resize(padded_len, 0);
    Ok(padded)
}

fn unpad(padded: &[u8]) -> Result<&[u8], BackupError> {
    let damaged = BackupError::Damaged("its padding is not what it should be");
    let Some((len, rest)) = padded.split_first_chunk::<8>() else { return Err(damaged) };
    let Ok(len) = usize::try_from(u64::from_be_bytes(*len)) else { return Err(damaged) };
    match rest.split_at_checked(len) {
        Some((content, zeros)) if zeros.iter().all(|byte| *byte == 0) => Ok(content),
        _ => Err(damaged),
    }
}
