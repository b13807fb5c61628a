//! `vault.keys`: the slots, in two copies that are overwritten in place one after the other.
//!
//! ```text
//! 0         1     2         4          8        12      16          48             56                2304        2336
//! +---------+-----+---------+----------+--------+-------+-----------+--------------+-----------------+-----------+
//! | version | kdf | zeros   | memory   | passes | lanes | salt (32) | sequence u64 | 8 slots (281    | check     |
//! | 2       | 1   |         | MiB u32  | u32    | u32   |           |              | each)           | (32)      |
//! +---------+-----+---------+----------+--------+-------+-----------+--------------+-----------------+-----------+
//! copy A at 0, copy B at 4096, zeros up to 8192;  check = SHA-256("sotto/vault/v2/keys" || bytes 0..2304)
//! ```
//!
//! The check is no protection against an attacker: it tells a half written or damaged copy from a whole one, and
//! a cost that damage made absurd is noticed before memory is asked for. Not here: what is in a slot.

use rand::{CryptoRng, RngExt};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::container::VERSION;
use super::medium::Place;
use super::slot::{self, OpenedSlot, SLOT_LEN, SlotBytes};
use super::slot_view::SLOTS_MAX;
use super::unlock::Outputs;
use super::{Argon2Cost, Factor, Factors, VaultError};

const COPY_LEN: usize = 4096;
/// Length of the file.
pub(super) const KEYS_LEN: usize = 2 * COPY_LEN;
const SLOTS_AT: usize = 56;
const BODY_LEN: usize = SLOTS_AT + SLOTS_MAX * SLOT_LEN;
/// Length of one copy without the zeros.
pub(super) const HEADER_LEN: usize = BODY_LEN + 32;
const KDF_ARGON2ID: u8 = 1;
const CHECK_CONTEXT: &[u8] = b"sotto/vault/v2/keys";

/// Everything that the file says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) cost: Argon2Cost,
    pub(super) salt: [u8; 32],
    pub(super) sequence: u64,
    pub(super) slots: [SlotBytes; SLOTS_MAX],
}

impl std::fmt::Debug for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Header({:?}, sequence {})", self.cost, self.sequence)
    }
}

impl Header {
    /// With no slot in use. The sequence begins somewhere, so that it does not count the changes.
    pub(super) fn new(cost: Argon2Cost, rng: &mut impl CryptoRng) -> Self {
        let mut salt = [0u8; 32];
        rng.fill_bytes(&mut salt);
        let sequence = u64::from(rng.random::<u32>());
        Self { cost, salt, sequence, slots: std::array::from_fn(|_| slot::random_slot(rng)) }
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_LEN);
        bytes.extend([VERSION, KDF_ARGON2ID, 0, 0]);
        for number in [self.cost.mib(), self.cost.passes(), self.cost.lanes()] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.salt);
        bytes.extend(self.sequence.to_be_bytes());
        for slot in &self.slots {
            bytes.extend(slot);
        }
        let check = checksum(&bytes);
        bytes.extend(check);
        bytes
    }

    /// Reads one copy.
    ///
    /// # Errors
    /// `Damaged` and `Version` before the cost is looked at.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, VaultError> {
        let too_short = || VaultError::damaged("a copy of the slots is too short");
        let (body, check) =
            bytes.get(..HEADER_LEN).and_then(|bytes| bytes.split_last_chunk::<32>()).ok_or_else(too_short)?;
        if !bool::from(checksum(body).ct_eq(check)) {
            return Err(VaultError::damaged("the checksum of the slots does not fit"));
        }
        let (&[version, kdf, reserved @ ..], rest) = body.split_first_chunk::<4>().ok_or_else(too_short)?;
        if version != VERSION {
            return Err(VaultError::Version { found: version, known: VERSION });
        }
        if kdf != KDF_ARGON2ID || reserved != [0, 0] {
            return Err(VaultError::damaged("the slots name an unknown key derivation"));
        }
        let (cost, rest) = rest.split_first_chunk::<12>().ok_or_else(too_short)?;
        let (&salt, rest) = rest.split_first_chunk::<32>().ok_or_else(too_short)?;
        let (&sequence, rest) = rest.split_first_chunk::<8>().ok_or_else(too_short)?;
        let [mib, passes, lanes] = *cost.as_chunks::<4>().0 else { return Err(too_short()) };
        let cost = Argon2Cost::from_parts(
            u32::from_be_bytes(mib),
            u32::from_be_bytes(passes),
            u32::from_be_bytes(lanes),
        )?;
        let slots = rest.as_chunks::<SLOT_LEN>().0.try_into().map_err(|_| too_short())?;
        Ok(Self { cost, salt, sequence: u64::from_be_bytes(sequence), slots })
    }

    /// The file's bytes when both copies are of this header.
    fn file(&self) -> Vec<u8> {
        let mut bytes = self.encode();
        bytes.resize(COPY_LEN, 0);
        bytes.repeat(2)
    }

    /// Makes the file of a new vault.
    pub(super) fn create(&self, place: &Place) -> Result<(), VaultError> {
        place.write_durably(0, &self.file())
    }

    /// The newest whole copy.
    pub(super) fn load(place: &Place) -> Result<Self, VaultError> {
        let bytes = place.read_whole(KEYS_LEN)?;
        let (a, b) = bytes.split_at(COPY_LEN);
        match (Self::decode(a), Self::decode(b)) {
            (Ok(a), Ok(b)) if b.sequence > a.sequence => Ok(b),
            (Ok(a), _) => Ok(a),
            (Err(_), Ok(b)) => Ok(b),
            (Err(error), Err(_)) => Err(error),
        }
    }

    /// Finishes an update that was interrupted, so that both copies are this header and no older slot is left.
    pub(super) fn settle(&self, place: &Place) -> Result<(), VaultError> {
        let expected = self.file();
        let found = place.read_whole(KEYS_LEN)?;
        for copy in 0..2 {
            let at = copy * COPY_LEN;
            let range = at..at.saturating_add(COPY_LEN);
            if found.get(range.clone()) != expected.get(range.clone()) {
                place.write_durably(at as u64, expected.get(range).unwrap_or_default())?;
            }
        }
        Ok(())
    }

    /// Puts `next` in the place of this header: the copy that is not the newest first, then the other.
    pub(super) fn update(&mut self, place: &Place, mut next: Self) -> Result<(), VaultError> {
        next.sequence = self.sequence.saturating_add(1);
        // Both copies are alike here, see `settle`; an update leaves B behind A if it is interrupted.
        let bytes = next.encode();
        place.write_durably(0, &bytes)?;
        place.write_durably(COPY_LEN as u64, &bytes)?;
        *self = next;
        Ok(())
    }

    /// The slot with this number.
    pub(super) fn slot(&self, number: u8) -> Option<&SlotBytes> {
        self.slots.get(usize::from(number))
    }

    /// With other bytes in a slot.
    pub(super) fn with_slot(&self, number: u8, bytes: SlotBytes) -> Self {
        let mut next = self.clone();
        if let Some(slot) = next.slots.get_mut(usize::from(number)) {
            *slot = bytes;
        }
        next
    }

    /// Tries every set of the given factors at every slot but `except`, the largest sets first.
    pub(super) fn unlock(
        &self,
        outputs: &mut Outputs<'_>,
        except: Option<u8>,
    ) -> Result<Option<(u8, OpenedSlot)>, VaultError> {
        for factors in outputs.factors().subsets() {
            for (number, bytes) in (0u8..).zip(&self.slots) {
                if except == Some(number) {
                    continue;
                }
                if let Some(opened) = slot::open(number, bytes, factors, outputs)? {
                    return Ok(Some((number, opened)));
                }
            }
        }
        Ok(None)
    }

    /// As [`Self::unlock`], with the refusal for people.
    pub(super) fn unlock_or_refuse(&self, outputs: &mut Outputs<'_>) -> Result<(u8, OpenedSlot), VaultError> {
        let given = outputs.factors();
        self.unlock(outputs, None)?.ok_or_else(|| {
            if given == Factors::default().with(Factor::Passphrase) {
                VaultError::WrongPassphrase
            } else {
                VaultError::FactorsWrong { given }
            }
        })
    }
}

fn checksum(body: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(CHECK_CONTEXT).chain_update(body).finalize().into()
}
