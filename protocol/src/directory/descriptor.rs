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
        let printable = self.software.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        if self.software.len() > SOFTWARE_LEN_MAX || !printable {
            return Err(DocumentRefusal::Text { field: "software" });
        }
        let sorted = self.capabilities.is_sorted_by(|a, b| a < b);
        let names = self.capabilities.iter().all(|name| is_name(name));
        if self.capabilities.len() > CAPABILITIES_MAX || !sorted || !names {
            return Err(DocumentRefusal::Text { field: "list of capabilities" });
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
            return Err(DocumentRefusal::BadSignature { signer: descriptor.node });
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

#[cfg(test)]
mod tests {
    use super::super::testing::{descriptor, hop_keys, secret};
    use super::*;
    use crate::limits::EPOCH_KEYS_MAX;

    /// The label with which a descriptor is refused that was spoiled before it was signed.
    fn refused(spoil: impl FnOnce(&mut Descriptor)) -> &'static str {
        let mut spoiled = descriptor(1);
        spoil(&mut spoiled);
        let own = spoiled.sign(&secret(1)).unwrap_err();
        let read = force_sign(&spoiled).verify("demo").unwrap_err();
        assert_eq!(own, read, "the node refuses to sign what others refuse to read");
        read.label()
    }

    /// Signs without any check.
    fn force_sign(descriptor: &Descriptor) -> SignedDescriptor {
        let body = [vec![DOCUMENT_VERSION], codec::encode(descriptor, DESCRIPTOR_LEN_MAX).unwrap()].concat();
        let signature = secret(1).sign(CONTEXT, &body);
        SignedDescriptor { body, signature }
    }

    #[test]
    fn a_signed_descriptor_survives() {
        let bytes = descriptor(1).sign(&secret(1)).unwrap().to_bytes().unwrap();
        assert_eq!(SignedDescriptor::from_bytes(&bytes).unwrap().verify("demo"), Ok(descriptor(1)));
    }

    #[test]
    fn a_descriptor_of_another_network_is_refused() {
        let refusal = descriptor(1).sign(&secret(1)).unwrap().verify("production").unwrap_err();
        assert_eq!(refusal.label(), "wrong-network");
    }

    #[test]
    fn a_flipped_bit_or_a_foreign_key_is_a_bad_signature() {
        assert_eq!(descriptor(1).sign(&secret(2)).unwrap_err().label(), "bad-signature");
        let mut signed = descriptor(1).sign(&secret(1)).unwrap();
        let address = signed.body.windows(4).position(|bytes| bytes == b"9001").unwrap();
        signed.body[address] ^= 1;
        assert_eq!(signed.verify("demo").unwrap_err().label(), "bad-signature");
        let mut signed = descriptor(1).sign(&secret(1)).unwrap();
        signed.signature = secret(1).sign(b"another context\0", &signed.body);
        assert_eq!(signed.verify("demo").unwrap_err().label(), "bad-signature");
    }

    #[test]
    fn another_version_is_refused() {
        let mut signed = descriptor(1).sign(&secret(1)).unwrap();
        signed.body[0] = 2;
        assert_eq!(signed.verify("demo"), Err(DocumentRefusal::WrongVersion { found: 2 }));
        signed.body.clear();
        assert_eq!(signed.verify("demo").unwrap_err().label(), "malformed");
    }

    #[test]
    fn every_other_encoding_is_refused_even_if_it_is_signed() {
        let canonical = descriptor(1).sign(&secret(1)).unwrap();
        let resigned = |body: Vec<u8>| {
            let signature = secret(1).sign(CONTEXT, &body);
            SignedDescriptor { body, signature }.verify("demo").unwrap_err().label()
        };
        assert_eq!(resigned([&canonical.body[..], &[0]].concat()), "trailing-bytes");
        assert_eq!(resigned(canonical.body[..canonical.body.len() - 1].to_vec()), "malformed");
        // The length of the network's name, 4, as a 16-bit integer.
        let wider = [&[DOCUMENT_VERSION, 251, 4, 0][..], &canonical.body[2..]].concat();
        assert_eq!(resigned(wider), "non-canonical");

        let bytes = canonical.to_bytes().unwrap();
        let label = |bytes: &[u8]| SignedDescriptor::from_bytes(bytes).unwrap_err().label();
        assert_eq!(label(&[&bytes[..], &[0]].concat()), "trailing-bytes");
        // The length of the body as a 32-bit integer.
        let len = u32::try_from(canonical.body.len()).unwrap();
        let from_body =
            bytes.windows(canonical.body.len()).position(|window| window == canonical.body).unwrap();
        let wider = [&[252][..], &len.to_le_bytes(), &bytes[from_body..]].concat();
        assert_eq!(label(&wider), "non-canonical");
        assert_eq!(label(&bytes[..bytes.len() - 1]), "malformed");
        assert_eq!(label(&[0; DESCRIPTOR_LEN_MAX + 1]), "too-large");
    }

    #[test]
    fn a_list_of_keys_is_sorted_and_short() {
        assert_eq!(refused(|d| d.hop_keys.clear()), "hop-key-count");
        let many: Vec<EpochKey> =
            (0..).map(|epoch| EpochKey { epoch, ..hop_keys(1)[0] }).take(EPOCH_KEYS_MAX + 1).collect();
        assert_eq!(refused(|d| d.hop_keys = many.clone()), "hop-key-count");
        assert!(Descriptor { hop_keys: many[1..].to_vec(), ..descriptor(1) }.sign(&secret(1)).is_ok());
        assert_eq!(refused(|d| d.hop_keys.reverse()), "hop-key-order");
        assert_eq!(refused(|d| d.hop_keys[1] = d.hop_keys[0]), "hop-key-order");
    }

    #[test]
    fn an_address_can_be_dialled() {
        assert_eq!(refused(|d| d.address = "127.0.0.1".to_owned()), "address");
        assert_eq!(refused(|d| d.address = format!("{}:1", "a".repeat(96))), "address");
        assert_eq!(refused(|d| d.onion_address = Some("127.0.0.1:1".to_owned())), "address");
    }

    #[test]
    fn short_texts_are_short_and_plain() {
        assert_eq!(refused(|d| d.network = "Demo".to_owned()), "text");
        assert_eq!(refused(|d| d.software = "x\u{1b}[31m".to_owned()), "text");
        assert_eq!(refused(|d| d.software = "x".repeat(SOFTWARE_LEN_MAX + 1)), "text");
        assert_eq!(refused(|d| d.capabilities.reverse()), "text");
        assert_eq!(refused(|d| d.capabilities = vec!["a".to_owned(); 2]), "text");
        assert_eq!(refused(|d| d.capabilities = vec![String::new()]), "text");
        assert_eq!(
            refused(|d| d.capabilities = (b'a'..=b'q').map(|c| char::from(c).into()).collect()),
            "text"
        );
    }

    #[test]
    fn the_largest_valid_descriptor_fits_its_limit() {
        let longest = Descriptor {
            network: "n".repeat(32),
            address: format!("{}.{}:65535", "a".repeat(63), "b".repeat(26)),
            hop_keys: (u64::MAX - 3..=u64::MAX).map(|epoch| EpochKey { epoch, ..hop_keys(1)[0] }).collect(),
            published: Timestamp::NEVER,
            software: "s".repeat(SOFTWARE_LEN_MAX),
            capabilities: (b'a'..=b'p').map(|c| char::from(c).to_string().repeat(32)).collect(),
            ..descriptor(1)
        };
        assert_eq!(longest.capabilities.len(), CAPABILITIES_MAX);
        assert!(longest.sign(&secret(1)).unwrap().to_bytes().is_ok());
    }
}
