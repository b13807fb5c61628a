//! Withdrawing a box: the tombstone that replaces it, and the key that is kept to make one later.
//!
//! A tombstone says nothing but "no box here any more". It cannot be taken back, and it does not make a
//! recipient who has read the box forget it.

use std::fmt;

use zeroize::Zeroizing;

use super::blind::{BlindedSecret, verify};
use super::id::BoxId;
use super::refusal::{BoxRefusal, CapabilityRefusal};

/// A tombstone: id (32) and signature (64), in bytes.
pub const TOMBSTONE_LEN: usize = 32 + 64;
/// A saved tombstone key: version, kind, scalar (32) and nonce prefix (32), in bytes.
pub const TOMBSTONE_KEY_LEN: usize = 2 + 32 + 32;

const DOMAIN: &[u8] = b"sotto-tombstone-v1:";
const VERSION: u8 = 1;
/// Shares one numbering with the kinds of capabilities.
const KIND: u8 = 3;

/// The writer's statement that a box is withdrawn. `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Tombstone {
    id: BoxId,
    signature: [u8; 64],
}

impl Tombstone {
    /// The name of the box that is withdrawn.
    #[must_use]
    pub const fn id(&self) -> &BoxId {
        &self.id
    }

    /// From id and signature. Checks the length only; [`Self::verify`] checks the rest.
    ///
    /// # Errors
    /// [`BoxRefusal::WrongLength`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BoxRefusal> {
        let wrong_length = BoxRefusal::WrongLength { expected: TOMBSTONE_LEN, actual: bytes.len() };
        let (id, signature) = bytes.split_first_chunk::<32>().ok_or(wrong_length)?;
        let signature = signature.try_into().map_err(|_| wrong_length)?;
        Ok(Self { id: BoxId::from_bytes(*id), signature })
    }

    /// Id and signature, 96 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; TOMBSTONE_LEN] {
        let mut bytes = [0; TOMBSTONE_LEN];
        let parts = self.id.as_bytes().iter().chain(&self.signature);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = *from);
        bytes
    }

    /// Checks that the holder of the box's secret made this tombstone.
    ///
    /// # Errors
    /// [`BoxRefusal::IdNotCanonical`], [`BoxRefusal::IdSmallOrder`] or [`BoxRefusal::Signature`].
    pub fn verify(&self) -> Result<(), BoxRefusal> {
        verify(&self.id, DOMAIN, self.id.as_bytes(), &self.signature)
    }
}

impl fmt::Debug for Tombstone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tombstone([scrubbed])")
    }
}

/// What a writer keeps to withdraw one box after its stream has moved on.
///
/// It is the secret key of that one box: it opens nothing and says nothing about any other box, but its
/// holder can write under the id. `Debug` shows nothing; dropped, it is wiped.
pub struct TombstoneKey(BlindedSecret);

impl TombstoneKey {
    pub(super) const fn new(secret: BlindedSecret) -> Self {
        Self(secret)
    }

    /// The name of the box that it can withdraw.
    #[must_use]
    pub fn id(&self) -> BoxId {
        self.0.id()
    }

    /// The tombstone: the same bytes each time.
    #[must_use]
    pub fn tombstone(&self) -> Tombstone {
        let id = self.0.id();
        Tombstone { id, signature: self.0.sign(DOMAIN, id.as_bytes()).to_bytes() }
    }

    /// Version (1), kind (3), secret scalar (32), nonce prefix (32), for the vault.
    #[must_use]
    pub fn to_bytes(&self) -> Zeroizing<[u8; TOMBSTONE_KEY_LEN]> {
        let (scalar, hash_prefix) = self.0.parts();
        let mut bytes = Zeroizing::new([0; TOMBSTONE_KEY_LEN]);
        let parts = [VERSION, KIND].into_iter().chain(*scalar).chain(*hash_prefix);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    /// From the saved bytes.
    ///
    /// # Errors
    /// [`CapabilityRefusal`]: wrong length, version or kind, or an unusable scalar.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, CapabilityRefusal> {
        let wrong_length =
            CapabilityRefusal::WrongLength { expected: TOMBSTONE_KEY_LEN, actual: bytes.len() };
        let ([version, kind], rest) = bytes.split_first_chunk::<2>().ok_or(wrong_length)?;
        let (scalar, hash_prefix) = rest.split_first_chunk::<32>().ok_or(wrong_length)?;
        let hash_prefix = hash_prefix.try_into().map_err(|_| wrong_length)?;
        if *version != VERSION {
            return Err(CapabilityRefusal::Version { actual: *version });
        }
        if *kind != KIND {
            return Err(CapabilityRefusal::Kind { expected: KIND, actual: *kind });
        }
        BlindedSecret::from_parts(scalar, hash_prefix).map(Self)
    }
}

impl fmt::Debug for TombstoneKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TombstoneKey([scrubbed])")
    }
}
