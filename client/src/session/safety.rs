//! Safety numbers: what two people compare to find out whether somebody sits between them.
//!
//! The derivation is Signal's numeric fingerprint (libsignal, `fingerprint.rs`), with an empty stable identifier:
//! Sotto has no phone number and no account, and the identity keys, fresh for each contact, stand for nothing else.
//!
//! ```text
//! key         = 0x05 || identity key                                         33 bytes
//! h_0         = SHA-512(0x0000 || key || identifier || key)
//! h_i         = SHA-512(h_(i-1) || key)                                      i = 1 .. 5199
//! fingerprint = h_5199[0..32]
//! half        = for each of the first six groups of 5 bytes, big endian: its value mod 100,000 as five digits
//! number      = the two halves, the smaller first                            60 digits
//!
//! code = "sotto:verify:" base32(lower case, no padding) of 69 bytes
//! +---------+------------------------+------------------------+----------+
//! | 0       | 1 .. 32                | 33 .. 64               | 65 .. 68 |
//! | version | fingerprint of who     | fingerprint of who     | checksum |
//! |         | shows the code         | reads the code         |          |
//! +---------+------------------------+------------------------+----------+
//! checksum = first 4 bytes of SHA-256("sotto verification checksum v1" || bytes 0 .. 64)
//! ```
//!
//! Both see the same number. The code has a direction, as Signal's scannable fingerprint has: somebody who scans the own
//! screen by mistake is told so, instead of being told that all is well. Whether a contact counts as verified, and what
//! that allows, is not decided here.

use std::fmt;

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

/// Digits of a safety number.
pub const SAFETY_DIGITS: usize = 60;
/// What every code starts with.
pub const CODE_PREFIX: &str = "sotto:verify:";

/// Signal's number of iterations (libsignal's callers pass 5,200): each costs a forger as well, who looks for a key
/// with the same digits.
const ITERATIONS: usize = 5_200;
const FINGERPRINT_VERSION: [u8; 2] = [0, 0];
/// The type byte of an X25519 key in Signal's encoding.
const KEY_TYPE_X25519: u8 = 0x05;
const IDENTIFIER: &[u8] = b"";

const FINGERPRINT_LEN: usize = 32;
const GROUP_LEN: usize = 5;
const GROUPS_PER_HALF: usize = 6;
const GROUP_MODULUS: u64 = 100_000;
const GROUPS_PER_LINE: usize = 4;

const CODE_VERSION: u8 = 1;
const CODE_LEN: usize = 1 + 2 * FINGERPRINT_LEN + CHECKSUM_LEN;
const CHECKSUM_LEN: usize = 4;
const CHECKSUM_CONTEXT: &[u8] = b"sotto verification checksum v1";

/// Why a scanned code says nothing about the contact.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum SafetyError {
    /// The text is not a code, or a letter of it is wrong or missing.
    #[error(
        "this is not a verification code, or a letter of it is wrong or missing: it starts with `sotto:verify:` and has 124 characters; scan it again"
    )]
    Mistyped,
    /// The code is of a version that this program does not know.
    #[error(
        "this verification code has version {0}, this program knows version 1; compare the 60 digits instead"
    )]
    Version(u8),
    /// The code is the one that this profile shows itself.
    #[error("this is the code that you show yourself; scan the one on the other person's screen")]
    Own,
}

impl SafetyError {
    /// The stable name of this error.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Mistyped => "safety-mistyped",
            Self::Version(_) => "safety-version",
            Self::Own => "safety-own",
        }
    }
}

type Fingerprint = [u8; FINGERPRINT_LEN];

/// The safety number of a contact. It is no secret, but whoever knows it recognises the conversation: `Debug` does not
/// show it.
#[derive(Clone, PartialEq, Eq)]
pub struct SafetyNumber {
    local: Fingerprint,
    remote: Fingerprint,
}

impl SafetyNumber {
    /// The number of the conversation between these two X25519 identity keys. It takes some milliseconds.
    #[must_use]
    pub fn derive(local: &[u8; 32], remote: &[u8; 32]) -> Self {
        let of = |key: &[u8; 32]| {
            let mut serialised = [KEY_TYPE_X25519; 33];
            let (_, bytes) = serialised.split_at_mut(1);
            bytes.copy_from_slice(key);
            fingerprint(IDENTIFIER, &serialised)
        };
        Self { local: of(local), remote: of(remote) }
    }

    /// The 60 digits, the same for both people.
    #[must_use]
    pub fn digits(&self) -> String {
        let (local, remote) = (half(&self.local), half(&self.remote));
        if local < remote { local + &remote } else { remote + &local }
    }

    /// The digits as people read them to each other: twelve groups of five.
    #[must_use]
    pub fn groups(&self) -> Vec<String> {
        let digits: Vec<char> = self.digits().chars().collect();
        digits.chunks(GROUP_LEN).map(|group| group.iter().collect()).collect()
    }

    /// Whether somebody has typed, or read out, exactly this number. White space does not count; the time taken does
    /// not depend on where the digits differ.
    #[must_use]
    pub fn matches(&self, typed: &str) -> bool {
        let typed: String = typed.chars().filter(|character| !character.is_whitespace()).collect();
        // Slices of different lengths are unequal.
        self.digits().as_bytes().ct_eq(typed.as_bytes()).into()
    }

    /// The code to show to the other person as a QR code: 124 characters, which may be turned into upper case.
    #[must_use]
    pub fn qr_text(&self) -> String {
        let mut bytes = Vec::with_capacity(CODE_LEN);
        bytes.push(CODE_VERSION);
        bytes.extend_from_slice(&self.local);
        bytes.extend_from_slice(&self.remote);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        format!("{CODE_PREFIX}{}", BASE32_NOPAD.encode(&bytes).to_ascii_lowercase())
    }

    /// Whether the code on the other person's screen is of this conversation. `false` means that the two do not have
    /// the same keys. Surrounding space and upper case are forgiven.
    ///
    /// # Errors
    /// [`SafetyError`] when the code says nothing about it.
    pub fn compare_qr(&self, text: &str) -> Result<bool, SafetyError> {
        let (theirs, ours) = parse(text)?;
        let pair =
            |one: &Fingerprint, other: &Fingerprint| -> Choice { theirs.ct_eq(one) & ours.ct_eq(other) };
        if pair(&self.local, &self.remote).into() {
            return Err(SafetyError::Own);
        }
        Ok(pair(&self.remote, &self.local).into())
    }
}

/// The groups, four to a line.
impl fmt::Display for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.groups().chunks(GROUPS_PER_LINE).enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&line.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SafetyNumber").finish_non_exhaustive()
    }
}

/// `h_0 = SHA-512(0x0000 || key || identifier || key)`, `h_i = SHA-512(h_(i-1) || key)`; the first 32 bytes of `h_5199`.
fn fingerprint(identifier: &[u8], key: &[u8]) -> Fingerprint {
    let first = Sha512::new()
        .chain_update(FINGERPRINT_VERSION)
        .chain_update(key)
        .chain_update(identifier)
        .chain_update(key)
        .finalize();
    let last =
        (1..ITERATIONS).fold(first, |hash, _| Sha512::new().chain_update(hash).chain_update(key).finalize());
    let mut fingerprint = [0; FINGERPRINT_LEN];
    fingerprint.iter_mut().zip(last).for_each(|(to, from)| *to = from);
    fingerprint
}

/// `group = (5 bytes, big endian) mod 100,000`, as five digits; the bias of the remainder is below 2^-23.
fn half(fingerprint: &Fingerprint) -> String {
    let group = |bytes: &[u8]| {
        let value = bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
        format!("{:05}", value % GROUP_MODULUS)
    };
    fingerprint.chunks_exact(GROUP_LEN).take(GROUPS_PER_HALF).map(group).collect()
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    let [a, b, c, d, ..] =
        <[u8; 32]>::from(Sha256::new().chain_update(CHECKSUM_CONTEXT).chain_update(body).finalize());
    [a, b, c, d]
}

/// The fingerprints of who shows a code and of who reads it.
fn parse(text: &str) -> Result<(Fingerprint, Fingerprint), SafetyError> {
    let upper = text.trim().to_ascii_uppercase();
    let code = upper.strip_prefix(&CODE_PREFIX.to_ascii_uppercase()).ok_or(SafetyError::Mistyped)?;
    let bytes = BASE32_NOPAD.decode(code.as_bytes()).map_err(|_| SafetyError::Mistyped)?;
    let (body, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(SafetyError::Mistyped)?;
    if checksum(body) != *sum {
        return Err(SafetyError::Mistyped);
    }
    let (version, fingerprints) = body.split_first().ok_or(SafetyError::Mistyped)?;
    if *version != CODE_VERSION {
        return Err(SafetyError::Version(*version));
    }
    match fingerprints.split_first_chunk::<FINGERPRINT_LEN>() {
        Some((shower, rest)) => {
            rest.try_into().map(|reader| (*shower, reader)).map_err(|_| SafetyError::Mistyped)
        }
        None => Err(SafetyError::Mistyped),
    }
}

#[cfg(test)]
mod tests;
