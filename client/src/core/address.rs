//! A contact address: a link that somebody publishes, at which anybody can ask to become a contact.
//!
//! ```text
//! link = "sotto:address:" base32(lower case, no padding) of 37 bytes
//! +---------+------------+----------+
//! | 0       | 1 .. 32    | 33 .. 36 |
//! | version | public key | checksum |
//! +---------+------------+----------+
//! checksum = first 4 bytes of SHA-256("sotto address checksum v1" || bytes 0 .. 32)
//! ```
//!
//! The public key is the root of streams that only the owner can write and everybody with the address can read: keys lie
//! there, fresh ones each period. Requests lie in a stream that everybody with the address can write. What is kept of
//! an address, and its text, is here; what is done with it is in [`super::publishing`] and [`super::asking`].

use std::fmt;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sotto_protocol::boxes::{ReadCap, WriteCap};
use sotto_protocol::codec;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::id::ContactId;
use super::invite::{InviteError, base32_lower, first_bytes};
use super::limits::{ADDRESS_OFFERS_MAX, ADDRESS_TAGS_MAX};
use super::rendezvous;
use crate::session::Offer;
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// What every address starts with.
pub(crate) const ADDRESS_PREFIX: &str = "sotto:address:";
const VERSION: u8 = 1;
const CHECKSUM_LEN: usize = 4;

/// An address as everybody sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AddressLink([u8; 32]);

impl AddressLink {
    /// Whether this text means to be an address.
    #[must_use]
    pub fn is_meant(link: &str) -> bool {
        let link = link.trim().as_bytes();
        link.get(..ADDRESS_PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(ADDRESS_PREFIX.as_bytes()))
    }

    /// Reads a link. Surrounding space and upper case are forgiven.
    ///
    /// # Errors
    /// [`InviteError::AddressMistyped`] or [`InviteError::Version`].
    pub fn parse(link: &str) -> Result<Self, InviteError> {
        let link = link.trim().to_ascii_lowercase();
        let text = link.strip_prefix(ADDRESS_PREFIX).ok_or(InviteError::AddressMistyped)?;
        let bytes = base32_lower()
            .and_then(|base32| base32.decode(text.as_bytes()).ok())
            .ok_or(InviteError::AddressMistyped)?;
        let (body, sum) = bytes.split_last_chunk::<CHECKSUM_LEN>().ok_or(InviteError::AddressMistyped)?;
        if checksum(body) != *sum {
            return Err(InviteError::AddressMistyped);
        }
        match body.split_first() {
            Some((&VERSION, key)) => {
                let key = <[u8; 32]>::try_from(key).map_err(|_| InviteError::AddressMistyped)?;
                ReadCap::along(&key, &[0; 32]).map_err(|_| InviteError::AddressMistyped)?;
                Ok(Self(key))
            }
            Some((&version, _)) => Err(InviteError::Version(version)),
            None => Err(InviteError::AddressMistyped),
        }
    }

    /// Its public key.
    pub(crate) const fn public(&self) -> &[u8; 32] {
        &self.0
    }

    /// By which a profile recognises it again.
    pub(crate) fn tag(&self) -> [u8; 16] {
        first_bytes(b"sotto address tag v1", &self.0)
    }
}

impl fmt::Display for AddressLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&self.0);
        let sum = checksum(&bytes);
        bytes.extend_from_slice(&sum);
        let encoded = base32_lower().map(|base32| base32.encode(&bytes)).unwrap_or_default();
        write!(f, "{ADDRESS_PREFIX}{encoded}")
    }
}

fn checksum(body: &[u8]) -> [u8; CHECKSUM_LEN] {
    first_bytes(b"sotto address checksum v1", body)
}

/// Keys of an address that were laid out in a period.
#[derive(Clone)]
pub(crate) struct Published {
    pub(crate) period: u64,
    /// Their place in the period's stream.
    pub(crate) place: u64,
    pub(crate) offer: Offer,
}

/// An address of this profile. `Debug` shows its label only.
#[derive(Clone)]
pub(crate) struct Address {
    pub(crate) id: ContactId,
    pub(crate) label: String,
    root: Zeroizing<[u8; 32]>,
    pub(crate) created_ms: u64,
    /// Newest last.
    pub(crate) published: Vec<Published>,
    /// Tags of requests that were read.
    seen: Vec<[u8; 16]>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct PublishedRecord {
    period: u64,
    place: u64,
    #[serde(with = "codec::bytes")]
    offer: Vec<u8>,
}

#[derive(Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
struct AddressRecord {
    #[zeroize(skip)]
    id: ContactId,
    label: String,
    root: [u8; 32],
    created_ms: u64,
    published: Vec<PublishedRecord>,
    seen: Vec<[u8; 16]>,
}

impl Address {
    /// A new one.
    pub(crate) fn generate(label: &str, created_ms: u64, rng: &mut impl CryptoRng) -> Self {
        let mut root = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(root.as_mut_slice());
        let (id, label) = (ContactId::generate(rng), label.to_owned());
        Self { id, label, root, created_ms, published: Vec::new(), seen: Vec::new() }
    }

    /// What is published.
    pub(crate) fn link(&self) -> AddressLink {
        AddressLink(WriteCap::along(&self.root, &[0; 32]).root_public())
    }

    /// The stream in which its keys lie in a period.
    pub(crate) fn bundles(&self, period: u64) -> WriteCap {
        WriteCap::along(&self.root, &rendezvous::address_bundles(self.link().public(), period))
    }

    /// Notes keys that are laid out.
    pub(crate) fn publish(&mut self, published: Published) {
        self.published.push(published);
        let surplus = self.published.len().saturating_sub(ADDRESS_OFFERS_MAX);
        self.published.drain(..surplus);
    }

    /// Whether this request is new; from here on it is not.
    pub(crate) fn note(&mut self, tag: [u8; 16]) -> bool {
        if self.seen.contains(&tag) {
            return false;
        }
        self.seen.push(tag);
        let surplus = self.seen.len().saturating_sub(ADDRESS_TAGS_MAX);
        self.seen.drain(..surplus);
        true
    }

    /// The same without keys that were laid out: what a backup holds.
    pub(crate) fn without_keys(&self) -> Self {
        Self { published: Vec::new(), ..self.clone() }
    }

    /// As bytes, for a record or a backup.
    pub(crate) fn encode(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let published = |one: &Published| PublishedRecord {
            period: one.period,
            place: one.place,
            offer: one.offer.to_bytes().to_vec(),
        };
        record::encode(&AddressRecord {
            id: self.id,
            label: self.label.clone(),
            root: *self.root,
            created_ms: self.created_ms,
            published: self.published.iter().map(published).collect(),
            seen: self.seen.clone(),
        })
    }

    /// From those bytes.
    pub(crate) fn decode(value: &[u8]) -> Result<Self, StoreError> {
        let kept: AddressRecord = record::decode(value)?;
        let mut published = Vec::new();
        for one in &kept.published {
            let offer = Offer::from_bytes(&one.offer)
                .map_err(|refusal| StoreError::Damaged(format!("keys of an address: {refusal}")))?;
            published.push(Published { period: one.period, place: one.place, offer });
        }
        Ok(Self {
            id: kept.id,
            label: kept.label.clone(),
            root: Zeroizing::new(kept.root),
            created_ms: kept.created_ms,
            published,
            seen: kept.seen.clone(),
        })
    }

    /// The change that keeps it.
    pub(crate) fn put(&self) -> Result<Change, StoreError> {
        Ok(Change::Put { key: address_key(self.id), value: self.encode()? })
    }
}

/// Where an address is kept.
pub(crate) const fn address_key(id: ContactId) -> RecordKey {
    RecordKey { kind: RecordKind::Address, id: *id.as_bytes() }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({:?}, [scrubbed])", self.label)
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;
    use crate::session::IdentitySecret;

    #[test]
    fn an_address_round_trips_and_typing_errors_are_found() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let link = Address::generate("blog", 7, &mut rng).link();
        let text = link.to_string();
        assert_eq!(text.len(), 74);
        assert_eq!(AddressLink::parse(&format!(" {}\n", text.to_uppercase())), Ok(link));
        assert!(AddressLink::is_meant(&text.to_uppercase()) && !AddressLink::is_meant("sotto:invite:x"));
        for at in 0..text.len() {
            let mut typed = text.clone();
            typed.replace_range(at..=at, if &text[at..=at] == "a" { "b" } else { "a" });
            assert_eq!(AddressLink::parse(&typed), Err(InviteError::AddressMistyped), "{typed}");
        }
    }

    #[test]
    fn an_address_survives_its_record_and_its_streams_are_read_by_its_public_key() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut address = Address::generate("blog", 7, &mut rng);
        let offer = Offer::new(IdentitySecret::generate(&mut rng), &mut rng);
        address.publish(Published { period: 5, place: 1, offer });
        assert!(address.note([1; 16]) && !address.note([1; 16]));
        let mut again = Address::decode(&address.encode().unwrap()).unwrap();
        assert_eq!((again.link(), again.published.len()), (address.link(), 1));
        assert!(!again.note([1; 16]));
        assert!(again.without_keys().published.is_empty());
        let chain = rendezvous::address_bundles(address.link().public(), 5);
        let read = ReadCap::along(address.link().public(), &chain).unwrap();
        assert_eq!(read.next_id(), address.bundles(5).next_id());
        assert_ne!(read.next_id(), address.bundles(6).next_id());
        insta::assert_snapshot!(format!("{address:?}"), @r#"Address("blog", [scrubbed])"#);
    }
}
