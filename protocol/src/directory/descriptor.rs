//! What a node says about itself, signed with its identity key.

use ed25519_dalek::Signature;
use serde::{Deserialize, Serialize};

use super::address::is_name;
use super::validate::{check_addresses, check_hop_keys, check_name};
use super::{DOCUMENT_VERSION, DocumentRefusal};
use crate::codec;
use crate::ident::{NodeId, NodeSecret};
use crate::limits::DESCRIPTOR_LEN_MAX;
use crate::sphinx::HopPublic;
use crate::time::Timestamp;

/// The longest name and version of a node's software, in bytes.
pub const SOFTWARE_LEN_MAX: usize = 64;
/// Capabilities that a node can announce.
pub const CAPABILITIES_MAX: usize = 16;

const CONTEXT: &[u8] = b"sotto descriptor v1\0";

/// The work that a node offers to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Serves clients, and passes their packets to layer 1.
    Entry,
    /// Mixes, in the layer that the consensus assigns.
    Mix,
    /// Stores boxes.
    Mailbox,
}

/// A node's Sphinx key for one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EpochKey {
    /// The epoch.
    pub epoch: u64,
    /// The key.
    pub key: HopPublic,
}

/// What a node says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Descriptor {
    /// The network it belongs to.
    #[serde(deserialize_with = "codec::text")]
    pub network: String,
    /// Its name.
    pub node: NodeId,
    /// What it does.
    pub role: Role,
    /// Where it listens, `host:port`.
    #[serde(deserialize_with = "codec::text")]
    pub address: String,
    /// Where it listens as an onion service, if it does.
    #[serde(deserialize_with = "codec::optional_text")]
    pub onion_address: Option<String>,
    /// Its Sphinx keys for this and the next epochs, sorted by epoch.
    #[serde(deserialize_with = "codec::list")]
    pub hop_keys: Vec<EpochKey>,
    /// When it was signed.
    pub published: Timestamp,
    /// Name and version of its software, for the operators of the network.
    #[serde(deserialize_with = "codec::text")]
    pub software: String,
    /// What it can do beyond its role, as sorted names. A reader ignores names that it does not know, so
    /// new work can be announced without a new version of this document.
    #[serde(deserialize_with = "codec::texts")]
    pub capabilities: Vec<String>,
}

impl Descriptor {
    /// Checks all that can be checked without knowing the network.
    ///
    /// # Errors
    /// The [`DocumentRefusal`] of the first check that fails.
    pub fn validate(&self) -> Result<(), DocumentRefusal> {
        check_name("name of the network", &self.network)?;
        check_addresses(&self.address, self.onion_address.as_deref())?;
        check_hop_keys(&self.hop_keys)?;
        let printable = self
            .software
            .bytes()
            .all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if self.software.len() > SOFTWARE_LEN_MAX || !printable {
            return Err(DocumentRefusal::Text { field: "software" });
        }
        let sorted = self.capabilities.is_sorted_by(|a, b| a < b);
        let names = self.capabilities.iter().all(|name| is_name(name));
        if self.capabilities.len() > CAPABILITIES_MAX || !sorted || !names {
            return Err(DocumentRefusal::Text {
                field: "list of capabilities",
            });
        }
        Ok(())
    }

    /// Signs the descriptor with the node's identity.
    ///
    /// # Errors
    /// As [`Descriptor::validate`], and [`DocumentRefusal::BadSignature`] if `secret` is another node's.
    pub fn sign(&self, secret: &NodeSecret) -> Result<SignedDescriptor, DocumentRefusal> {
        self.validate()?;
        if secret.id() != self.node {
            return Err(DocumentRefusal::BadSignature { signer: self.node });
        }
        let mut body = vec![DOCUMENT_VERSION];
        body.extend(codec::encode(self, DESCRIPTOR_LEN_MAX)?);
        let signature = secret.sign(CONTEXT, &body);
        Ok(SignedDescriptor { body, signature })
    }
}

/// A descriptor as it travels: bytes and a signature, of which nothing is known until they are verified.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedDescriptor {
    #[serde(with = "codec::bytes")]
    body: Vec<u8>,
    signature: Signature,
}

impl SignedDescriptor {
    /// The bytes that are sent, [`DESCRIPTOR_LEN_MAX`] at most.
    ///
    /// # Errors
    /// [`DocumentRefusal::Encoding`] if they were more.
    pub fn to_bytes(&self) -> Result<Vec<u8>, DocumentRefusal> {
        Ok(codec::encode(self, DESCRIPTOR_LEN_MAX)?)
    }

    /// Takes the bytes apart into body and signature.
    ///
    /// # Errors
    /// [`DocumentRefusal::Encoding`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DocumentRefusal> {
        Ok(codec::decode(bytes, DESCRIPTOR_LEN_MAX)?)
    }

    /// The descriptor, if all of it is as it must be for a node of `network`.
    ///
    /// # Errors
    /// The [`DocumentRefusal`] of the first check that fails.
    pub fn verify(&self, network: &str) -> Result<Descriptor, DocumentRefusal> {
        let descriptor: Descriptor = codec::decode(unversioned(&self.body)?, DESCRIPTOR_LEN_MAX)?;
        if !descriptor.node.verify(CONTEXT, &self.body, &self.signature) {
            return Err(DocumentRefusal::BadSignature {
                signer: descriptor.node,
            });
        }
        descriptor.validate()?;
        if descriptor.network != network {
            return Err(DocumentRefusal::WrongNetwork {
                expected: network.to_owned(),
                found: descriptor.network,
            });
        }
        Ok(descriptor)
    }
}

/// A signed body without its version byte.
pub(super) fn unversioned(body: &[u8]) -> Result<&[u8], DocumentRefusal> {
    match body.split_first() {
        Some((&DOCUMENT_VERSION, rest)) => Ok(rest),
        Some((&found, _)) => Err(DocumentRefusal::WrongVersion { found }),
        None => Err(codec::CodecError::Malformed("it ends early").into()),
    }
}
