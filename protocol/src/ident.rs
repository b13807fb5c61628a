//! Names of nodes and sessions, and a node's long-term identity key.
//!
//! A node is named by its Ed25519 public key: the same 32 bytes are its address in Sphinx headers, the
//! key its descriptor is signed with and the raw public key (RFC 7250) its links are pinned to. What is
//! not here: a person has no identity key in the network, so there is no type for one.

use std::fmt;

use data_encoding::HEXLOWER;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// A node's name: its Ed25519 identity public key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeId([u8; 32]);

impl NodeId {
    /// From the 32 bytes of an Ed25519 public key, unchecked: an invalid key verifies nothing.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes of the public key.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks a signature that this node made over `message` under `context`.
    ///
    /// Strict verification (RFC 8032, section 5.1.7, cofactorless, small-order keys refused).
    #[must_use]
    pub fn verify(&self, context: &'static [u8], message: &[u8], signature: &Signature) -> bool {
        VerifyingKey::from_bytes(&self.0)
            .is_ok_and(|key| key.verify_strict(&[context, message].concat(), signature).is_ok())
    }

    /// The first eight hexadecimal digits, for people.
    #[must_use]
    pub fn short(&self) -> String {
        self.to_string().chars().take(8).collect()
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeId({})", self.short())
    }
}

/// A node's long-term identity secret. `Debug` shows the public half only; dropped, it is wiped.
pub struct NodeSecret(SigningKey);

impl NodeSecret {
    /// A fresh identity.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut seed = Zeroizing::new([0u8; 32]);
        rng.fill_bytes(seed.as_mut_slice());
        Self(SigningKey::from_bytes(&seed))
    }

    /// From the 32-byte seed of RFC 8032, section 5.1.5.
    #[must_use]
    pub fn from_seed(seed: &Zeroizing<[u8; 32]>) -> Self {
        Self(SigningKey::from_bytes(seed))
    }

    /// The 32-byte seed, for the key file.
    #[must_use]
    pub fn to_seed(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// The public name.
    #[must_use]
    pub fn id(&self) -> NodeId {
        NodeId(self.0.verifying_key().to_bytes())
    }

    /// Signs `message` under `context`, a constant that keeps one kind of document from passing for another.
    #[must_use]
    pub fn sign(&self, context: &'static [u8], message: &[u8]) -> Signature {
        self.0.sign(&[context, message].concat())
    }
}

impl fmt::Debug for NodeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeSecret({:?})", self.id())
    }
}

/// The address of a client's session at its entry: random, fresh for each new session, unknown outside
/// the client, its entry and the SURBs that the client hands out (where only the entry can read it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionAddress([u8; 32]);

impl SessionAddress {
    /// A fresh random address.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0u8; 32];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    /// From its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for SessionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SessionAddress([scrubbed])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_secret() {
        let secret = NodeSecret::from_seed(&Zeroizing::new([7; 32]));
        insta::assert_snapshot!(format!("{secret:?}"), @"NodeSecret(NodeId(ea4a6c63))");
        insta::assert_snapshot!(format!("{:?}", SessionAddress::from_bytes([7; 32])), @"SessionAddress([scrubbed])");
    }

    #[test]
    fn a_signature_holds_only_for_its_context_message_and_key() {
        let secret = NodeSecret::from_seed(&Zeroizing::new([7; 32]));
        let other = NodeSecret::from_seed(&Zeroizing::new([8; 32]));
        let signature = secret.sign(b"context-a", b"message");
        assert!(secret.id().verify(b"context-a", b"message", &signature));
        assert!(!secret.id().verify(b"context-b", b"message", &signature));
        assert!(!secret.id().verify(b"context-a", b"massage", &signature));
        assert!(!other.id().verify(b"context-a", b"message", &signature));
    }
}
