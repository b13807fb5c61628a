//! What two people have in common for as long as they know one another: both identity keys and the secret by which
//! a session that was lost is made anew.
//!
//! It is what a backup holds of a contact's keys. Nothing here opens or seals a message: that takes a session, and
//! sessions are in [`super::link`].

use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::id::ContactId;
use super::limits::WATCH_BOXES_MAX;
use super::rendezvous::PERIODS;
use crate::session::{IdentityPublic, IdentitySecret, SafetyNumber};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// Bundles of the other side that were taken up last, so that none is taken up twice: as many as can lie at the places that
/// are looked at, all of which are read again after a restart.
const SEEN_MAX: usize = 3 * 257;
const _: () = assert!(SEEN_MAX as u64 >= PERIODS * (WATCH_BOXES_MAX + 1), "every place has a tag");

/// The lasting keys of one contact. `Debug` shows the other side's public key only.
#[derive(Clone)]
pub(crate) struct Bond {
    /// Our identity key towards this contact, and no other.
    pub(crate) own: IdentitySecret,
    /// The contact's identity key towards us.
    pub(crate) remote: IdentityPublic,
    /// Known to both sides since they met.
    pub(crate) rekey_secret: Zeroizing<[u8; 32]>,
    /// Whether we answered the other side's bundle when we met: it tells the two directions apart.
    pub(crate) is_initiator: bool,
    /// Tags of bundles by which the other side made the session anew, newest last.
    seen: Vec<[u8; 16]>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct BondRecord {
    own: [u8; 32],
    remote: [u8; 32],
    rekey_secret: [u8; 32],
    is_initiator: bool,
    seen: Vec<[u8; 16]>,
}

impl Bond {
    /// Of two people who have just met.
    pub(crate) const fn new(
        own: IdentitySecret,
        remote: IdentityPublic,
        rekey_secret: Zeroizing<[u8; 32]>,
        is_initiator: bool,
    ) -> Self {
        Self { own, remote, rekey_secret, is_initiator, seen: Vec::new() }
    }

    /// What both people can read to one another.
    pub(crate) fn safety_number(&self) -> SafetyNumber {
        SafetyNumber::derive(self.own.public().as_bytes(), self.remote.as_bytes())
    }

    /// Whether the bundle of this tag was taken up before.
    pub(crate) fn has_seen(&self, tag: &[u8; 16]) -> bool {
        self.seen.contains(tag)
    }

    /// Notes that the bundle of this tag has been taken up.
    pub(crate) fn note(&mut self, tag: [u8; 16]) {
        if self.seen.len() >= SEEN_MAX {
            self.seen.remove(0);
        }
        self.seen.push(tag);
    }

    /// As bytes, for a record or a backup.
    pub(crate) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        record::encode(&BondRecord {
            own: *self.own.to_bytes(),
            remote: *self.remote.as_bytes(),
            rekey_secret: *self.rekey_secret,
            is_initiator: self.is_initiator,
            seen: self.seen.clone(),
        })
    }

    /// From those bytes.
    pub(crate) fn decode(value: &[u8]) -> Result<Self, StoreError> {
        let kept: BondRecord = record::decode(value)?;
        let remote = IdentityPublic::from_bytes(&kept.remote)
            .map_err(|refusal| StoreError::Damaged(format!("an identity key: {refusal}")))?;
        Ok(Self {
            own: IdentitySecret::from_bytes(&kept.own),
            remote,
            rekey_secret: Zeroizing::new(kept.rekey_secret),
            is_initiator: kept.is_initiator,
            seen: kept.seen.clone(),
        })
    }

    /// The change that keeps it.
    pub(crate) fn put(&self, contact: ContactId) -> Result<Change, StoreError> {
        Ok(Change::Put { key: bond_key(contact), value: self.encode()? })
    }
}

/// Where the bond with a contact is kept.
pub(crate) const fn bond_key(contact: ContactId) -> RecordKey {
    RecordKey { kind: RecordKind::Bond, id: *contact.as_bytes() }
}

impl fmt::Debug for Bond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bond([scrubbed])")
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    #[test]
    fn a_bond_survives_its_record_and_remembers_the_last_bundles() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let own = IdentitySecret::generate(&mut rng);
        let remote = IdentitySecret::generate(&mut rng).public();
        let mut bond = Bond::new(own, remote, Zeroizing::new([7; 32]), true);
        let tag = |number: usize| {
            let mut tag = [0; 16];
            tag[..8].copy_from_slice(&number.to_be_bytes());
            tag
        };
        (0..=SEEN_MAX).for_each(|number| bond.note(tag(number)));
        let again = Bond::decode(&bond.encode().unwrap()).unwrap();
        assert_eq!(again.own.public().as_bytes(), bond.own.public().as_bytes());
        assert_eq!(again.rekey_secret, bond.rekey_secret);
        assert!(again.is_initiator && again.remote == remote);
        assert!(!again.has_seen(&tag(0)) && again.has_seen(&tag(1)) && again.has_seen(&tag(SEEN_MAX)));
        insta::assert_snapshot!(format!("{bond:?}"), @"Bond([scrubbed])");
    }
}
