//! A consensus under the signatures of the network's authorities.

use ed25519_dalek::Signature;
use serde::{Deserialize, Serialize};

use super::descriptor::unversioned;
use super::{Consensus, DOCUMENT_VERSION, DocumentRefusal};
use crate::codec;
use crate::ident::{NodeId, NodeSecret};
use crate::limits::{AUTHORITIES_MAX, DOCUMENT_LEN_MAX};

const CONTEXT: &[u8] = b"sotto consensus v1\0";

/// The authorities of one network, how many of them must sign, and the epochs that the network counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySet {
    network: String,
    keys: Vec<NodeId>,
    threshold: usize,
    /// Whatever the consensus says, if not known beforehand.
    epoch_s: Option<u32>,
}

/// Why keys and a threshold are not a set of authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthoritySetError {
    /// No authority, or too many.
    #[error("{0} authorities where 1 to {AUTHORITIES_MAX} are allowed")]
    Count(usize),
    /// An authority occurs twice.
    #[error("the authority {0:?} occurs twice")]
    Duplicate(NodeId),
    /// A threshold that nobody or nothing could meet.
    #[error("{threshold} of {count} authorities must sign, which is impossible or no check at all")]
    Threshold {
        /// Authorities that must sign.
        threshold: usize,
        /// Authorities that there are.
        count: usize,
    },
}

impl AuthoritySet {
    /// The authorities `keys` of `network`, of which `threshold` must sign.
    ///
    /// # Errors
    /// See [`AuthoritySetError`].
    pub fn new(network: &str, keys: &[NodeId], threshold: usize) -> Result<Self, AuthoritySetError> {
        if keys.is_empty() || keys.len() > AUTHORITIES_MAX {
            return Err(AuthoritySetError::Count(keys.len()));
        }
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        if let Some((_, key)) = keys.iter().zip(keys.iter().skip(1)).find(|(a, b)| a == b) {
            return Err(AuthoritySetError::Duplicate(*key));
        }
        if !(1..=keys.len()).contains(&threshold) {
            return Err(AuthoritySetError::Threshold { threshold, count: keys.len() });
        }
        Ok(Self { network: network.to_owned(), keys, threshold, epoch_s: None })
    }

    /// Refuses a consensus with epochs of another length than `epoch_s` seconds.
    #[must_use]
    pub const fn with_epoch_s(mut self, epoch_s: u32) -> Self {
        self.epoch_s = Some(epoch_s);
        self
    }

    /// The network's name.
    #[must_use]
    pub fn network(&self) -> &str {
        &self.network
    }

    /// The authorities, sorted.
    #[must_use]
    pub fn keys(&self) -> &[NodeId] {
        &self.keys
    }

    /// How many of them must sign.
    #[must_use]
    pub const fn threshold(&self) -> usize {
        self.threshold
    }
}

/// A consensus as it travels: bytes and signatures, of which nothing is known until they are verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedConsensus {
    #[serde(with = "codec::bytes")]
    body: Vec<u8>,
    /// Sorted by signer, each once.
    #[serde(deserialize_with = "codec::list")]
    signatures: Vec<(NodeId, Signature)>,
}

impl Consensus {
    /// Puts the consensus under the signatures of `authorities`.
    ///
    /// # Errors
    /// As [`Consensus::validate`], and [`DocumentRefusal::Encoding`] if it is too large.
    pub fn sign(&self, authorities: &[&NodeSecret]) -> Result<SignedConsensus, DocumentRefusal> {
        self.validate()?;
        let mut body = vec![DOCUMENT_VERSION];
        body.extend(codec::encode(self, DOCUMENT_LEN_MAX)?);
        let mut signed = SignedConsensus { body, signatures: Vec::new() };
        for authority in authorities {
            signed.add_signature(authority);
        }
        Ok(signed)
    }
}

impl SignedConsensus {
    /// Adds an authority's signature; one that is there already is replaced.
    pub fn add_signature(&mut self, authority: &NodeSecret) {
        let signed = (authority.id(), authority.sign(CONTEXT, &self.body));
        match self.signatures.binary_search_by_key(&signed.0, |(signer, _)| *signer) {
            Ok(index) => {
                if let Some(place) = self.signatures.get_mut(index) {
                    *place = signed;
                }
            }
            Err(index) => self.signatures.insert(index, signed),
        }
    }

    /// The bytes that are sent, [`DOCUMENT_LEN_MAX`] at most.
    ///
    /// # Errors
    /// [`DocumentRefusal::Encoding`] if they were more.
    pub fn to_bytes(&self) -> Result<Vec<u8>, DocumentRefusal> {
        Ok(codec::encode(self, DOCUMENT_LEN_MAX)?)
    }

    /// Takes the bytes apart into body and signatures.
    ///
    /// # Errors
    /// [`DocumentRefusal::Encoding`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentRefusal> {
        Ok(codec::decode(bytes, DOCUMENT_LEN_MAX)?)
    }

    /// The consensus, if enough of `authorities` signed it and all of it is as it must be.
    ///
    /// A signer that is not an authority does not count and does no harm, so a network can gain an
    /// authority before all its clients have heard. Whether it is the consensus of the present is
    /// for [`Consensus::freshness`] to say.
    ///
    /// # Errors
    /// The [`DocumentRefusal`] of the first check that fails.
    pub fn verify(&self, authorities: &AuthoritySet) -> Result<Consensus, DocumentRefusal> {
        let body = unversioned(&self.body)?;
        self.verify_signatures(authorities)?;
        let consensus: Consensus = codec::decode(body, DOCUMENT_LEN_MAX)?;
        consensus.validate()?;
        if consensus.network != authorities.network {
            return Err(DocumentRefusal::WrongNetwork {
                expected: authorities.network.clone(),
                found: consensus.network,
            });
        }
        let found = consensus.params.epoch_s;
        if let Some(expected) = authorities.epoch_s.filter(|expected| *expected != found) {
            return Err(DocumentRefusal::EpochLength { expected, found });
        }
        Ok(consensus)
    }

    fn verify_signatures(&self, authorities: &AuthoritySet) -> Result<(), DocumentRefusal> {
        let count = self.signatures.len();
        if count > AUTHORITIES_MAX {
            return Err(DocumentRefusal::TooManySignatures { count, count_max: AUTHORITIES_MAX });
        }
        let signers = self.signatures.iter().map(|(signer, _)| *signer);
        if let Some((_, signer)) = signers.clone().zip(signers.skip(1)).find(|(a, b)| a >= b) {
            return Err(DocumentRefusal::DuplicateSigner { signer });
        }
        let mut valid = 0;
        let mut unknown = None;
        for (signer, signature) in &self.signatures {
            if authorities.keys.binary_search(signer).is_err() {
                unknown = unknown.or(Some(*signer));
            } else if signer.verify(CONTEXT, &self.body, signature) {
                valid += 1;
            } else {
                return Err(DocumentRefusal::BadSignature { signer: *signer });
            }
        }
        let needed = authorities.threshold;
        match unknown {
            _ if valid >= needed => Ok(()),
            Some(signer) => Err(DocumentRefusal::UnknownSigner { signer, valid, needed }),
            None => Err(DocumentRefusal::TooFewSignatures { valid, needed }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::NetworkInfo;
    use super::super::testing::{consensus, network, secret};
    use super::*;

    fn authorities() -> AuthoritySet {
        network().authority_set().unwrap()
    }

    fn signed_by(numbers: &[u8]) -> SignedConsensus {
        let secrets: Vec<NodeSecret> = numbers.iter().map(|number| secret(*number)).collect();
        consensus(1).sign(&secrets.iter().collect::<Vec<_>>()).unwrap()
    }

    fn refused(signed: &SignedConsensus) -> &'static str {
        signed.verify(&authorities()).unwrap_err().label()
    }

    /// Signs any body by two authorities.
    fn resigned(body: Vec<u8>) -> SignedConsensus {
        let mut signed = SignedConsensus { body, signatures: Vec::new() };
        signed.add_signature(&secret(101));
        signed.add_signature(&secret(102));
        signed
    }

    #[test]
    fn a_consensus_with_enough_signatures_survives() {
        for signers in [&[101, 102][..], &[103, 101], &[101, 102, 103]] {
            let bytes = signed_by(signers).to_bytes().unwrap();
            let read = SignedConsensus::from_bytes(&bytes).unwrap();
            assert_eq!(read.verify(&authorities()), Ok(consensus(1)));
        }
    }

    #[test]
    fn too_few_signatures_are_refused() {
        assert_eq!(refused(&signed_by(&[])), "too-few-signatures");
        assert_eq!(refused(&signed_by(&[102])), "too-few-signatures");
        assert_eq!(refused(&signed_by(&[102, 102])), "too-few-signatures");
    }

    #[test]
    fn one_authority_counts_once() {
        let mut signed = signed_by(&[101]);
        signed.signatures.push(signed.signatures[0]);
        assert_eq!(refused(&signed), "duplicate-signer");
        let mut signed = signed_by(&[101, 102]);
        signed.signatures.reverse();
        assert_eq!(refused(&signed), "duplicate-signer");
    }

    #[test]
    fn a_stranger_does_not_count_and_does_no_harm() {
        assert_eq!(refused(&signed_by(&[101, 55])), "unknown-signer");
        assert_eq!(refused(&signed_by(&[55, 56])), "unknown-signer");
        assert!(signed_by(&[101, 103, 55]).verify(&authorities()).is_ok());
    }

    #[test]
    fn a_bad_signature_is_refused_even_beside_enough_good_ones() {
        let mut signed = signed_by(&[101, 102, 103]);
        signed.signatures[0].1 = secret(101).sign(b"another context\0", &signed.body);
        assert_eq!(refused(&signed), "bad-signature");
        let mut signed = signed_by(&[101, 102]);
        let last = signed.body.len() - 1;
        signed.body[last] ^= 1;
        assert_eq!(refused(&signed), "bad-signature");
    }

    #[test]
    fn more_signatures_than_authorities_can_be_are_refused() {
        let signed = signed_by(&(60..60 + 17).collect::<Vec<u8>>());
        assert_eq!(refused(&signed), "too-many-signatures");
    }

    #[test]
    fn another_network_or_version_is_refused() {
        let other = AuthoritySet::new("production", authorities().keys(), 2).unwrap();
        assert_eq!(signed_by(&[101, 102]).verify(&other).unwrap_err().label(), "wrong-network");
        let mut body = signed_by(&[]).body;
        body[0] = 0;
        assert_eq!(refused(&resigned(body)), "wrong-version");
    }

    #[test]
    fn epochs_of_another_length_than_the_link_says_are_refused() {
        let signed = signed_by(&[101, 102]);
        let longer = NetworkInfo { epoch_s: 7200, ..network() }.authority_set().unwrap();
        assert_eq!(signed.verify(&longer), Err(DocumentRefusal::EpochLength { expected: 7200, found: 3600 }));
        let unknown = AuthoritySet::new("demo", authorities().keys(), 2).unwrap();
        assert!(signed.verify(&unknown).is_ok());
    }

    #[test]
    fn what_is_signed_is_still_checked() {
        let mut unsorted = consensus(1);
        unsorted.nodes.reverse();
        assert_eq!(unsorted.sign(&[]).unwrap_err().label(), "node-order");
        let body = [vec![DOCUMENT_VERSION], codec::encode(&unsorted, DOCUMENT_LEN_MAX).unwrap()].concat();
        assert_eq!(refused(&resigned(body)), "node-order");
    }

    #[test]
    fn every_other_encoding_is_refused_even_if_it_is_signed() {
        let body = signed_by(&[]).body;
        assert_eq!(refused(&resigned([&body[..], &[0]].concat())), "trailing-bytes");
        assert_eq!(refused(&resigned(body[..body.len() - 1].to_vec())), "malformed");
        assert_eq!(
            refused(&resigned([&[DOCUMENT_VERSION, 251, 4, 0][..], &body[2..]].concat())),
            "non-canonical"
        );
        let bytes = signed_by(&[101, 102]).to_bytes().unwrap();
        let label = |bytes: &[u8]| SignedConsensus::from_bytes(bytes).unwrap_err().label();
        assert_eq!(label(&[&bytes[..], &[0]].concat()), "trailing-bytes");
        assert_eq!(label(&bytes[..bytes.len() - 1]), "malformed");
        assert_eq!(label(&vec![0; DOCUMENT_LEN_MAX + 1]), "too-large");
    }

    #[test]
    fn the_largest_network_fits_the_limit() {
        let mut largest = consensus(1);
        let keys: Vec<_> = largest.nodes[0].hop_keys.repeat(2);
        for (node, number) in largest.nodes.iter_mut().zip(0..) {
            node.hop_keys = keys
                .iter()
                .zip(number..)
                .map(|(key, epoch)| super::super::EpochKey { epoch: u64::MAX - 9 + epoch, ..*key })
                .collect();
            node.address = format!("{}.{}:65535", "a".repeat(63), "b".repeat(26));
            node.onion_address = Some(format!("{}.onion:65535", "a".repeat(56)));
        }
        let node_len = codec::encode(&largest.nodes[0], DOCUMENT_LEN_MAX).unwrap().len();
        assert!(node_len * crate::limits::NODES_MAX + 16 * 1024 < DOCUMENT_LEN_MAX, "{node_len}");
    }

    #[test]
    fn a_set_of_authorities_can_be_met_and_cannot_be_empty() {
        let keys: Vec<NodeId> = (0..17).map(|number| secret(number).id()).collect();
        let set = |count: usize, threshold| AuthoritySet::new("demo", &keys[..count], threshold);
        assert!(set(1, 1).is_ok() && set(16, 16).is_ok());
        assert_eq!(set(0, 0), Err(AuthoritySetError::Count(0)));
        assert_eq!(set(17, 1), Err(AuthoritySetError::Count(17)));
        assert_eq!(set(3, 0), Err(AuthoritySetError::Threshold { threshold: 0, count: 3 }));
        assert_eq!(set(3, 4), Err(AuthoritySetError::Threshold { threshold: 4, count: 3 }));
        let twice = [keys[0], keys[1], keys[0]];
        assert_eq!(AuthoritySet::new("demo", &twice, 1), Err(AuthoritySetError::Duplicate(keys[0])));
    }
}
