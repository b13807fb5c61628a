//! A consensus under the signatures of the network's authorities.

use ed25519_dalek::Signature;
use serde::{Deserialize, Serialize};

use super::descriptor::unversioned;
use super::{Consensus, DOCUMENT_VERSION, DocumentRefusal};
use crate::codec;
use crate::ident::{NodeId, NodeSecret};
use crate::limits::{AUTHORITIES_MAX, DOCUMENT_LEN_MAX};

const CONTEXT: &[u8] = b"sotto consensus v1\0";

/// The authorities of one network and how many of them must sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthoritySet {
    network: String,
    keys: Vec<NodeId>,
    threshold: usize,
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
            return Err(AuthoritySetError::Threshold {
                threshold,
                count: keys.len(),
            });
        }
        Ok(Self {
            network: network.to_owned(),
            keys,
            threshold,
        })
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
        let mut signed = SignedConsensus {
            body,
            signatures: Vec::new(),
        };
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
        match self
            .signatures
            .binary_search_by_key(&signed.0, |(signer, _)| *signer)
        {
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
        Ok(consensus)
    }

    fn verify_signatures(&self, authorities: &AuthoritySet) -> Result<(), DocumentRefusal> {
        let count = self.signatures.len();
        if count > AUTHORITIES_MAX {
            return Err(DocumentRefusal::TooManySignatures {
                count,
                count_max: AUTHORITIES_MAX,
            });
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
            Some(signer) => Err(DocumentRefusal::UnknownSigner {
                signer,
                valid,
                needed,
            }),
            None => Err(DocumentRefusal::TooFewSignatures { valid, needed }),
        }
    }
}
