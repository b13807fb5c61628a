//! Node identities in the encodings that TLS wants: RFC 8410's DER for Ed25519 keys.
//!
//! Both encodings are a constant prefix followed by the 32 bytes, so nothing is parsed but the prefix.

use std::sync::Arc;

use ed25519_dalek::VerifyingKey;
use rustls::crypto::aws_lc_rs::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use sotto_protocol::ident::{NodeId, NodeSecret};
use zeroize::Zeroizing;

/// `SubjectPublicKeyInfo { algorithm: id-Ed25519, subjectPublicKey: 32 bytes }` (RFC 8410, section 4).
const SPKI_PREFIX: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// `OneAsymmetricKey { version: 0, algorithm: id-Ed25519, privateKey: 32 bytes }` (RFC 8410, section 7).
const PKCS8_PREFIX: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];

/// The raw public key of `node` as it stands in a TLS `Certificate` message: 44 bytes.
pub(super) fn spki(node: &NodeId) -> Vec<u8> {
    [SPKI_PREFIX.as_slice(), node.as_bytes()].concat()
}

/// The node whose raw public key `der` is: exactly an Ed25519 key, a point on the curve, not of small order.
///
/// Under a key of small order anybody could sign.
pub(super) fn node_of(der: &[u8]) -> Option<NodeId> {
    let bytes: [u8; 32] = der.strip_prefix(&SPKI_PREFIX)?.try_into().ok()?;
    let key = VerifyingKey::from_bytes(&bytes).ok()?;
    (!key.is_weak()).then(|| NodeId::from_bytes(bytes))
}

/// The key pair with which a node signs its handshakes.
pub(super) fn certified_key(secret: &NodeSecret) -> Result<Arc<CertifiedKey>, rustls::Error> {
    let mut der = Zeroizing::new(Vec::with_capacity(PKCS8_PREFIX.len() + 32));
    der.extend_from_slice(&PKCS8_PREFIX);
    der.extend_from_slice(secret.to_seed().as_slice());
    let key = any_eddsa_type(&PrivatePkcs8KeyDer::from(der.as_slice()))?;
    Ok(Arc::new(CertifiedKey::new(vec![CertificateDer::from(spki(&secret.id()))], key)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret() -> NodeSecret {
        NodeSecret::from_seed(&Zeroizing::new([7; 32]))
    }

    #[test]
    fn the_encodings_agree_with_the_tls_library() {
        let certified = certified_key(&secret()).unwrap();
        assert_eq!(certified.key.public_key().unwrap().as_ref(), spki(&secret().id()));
    }

    #[test]
    fn only_a_well_formed_ed25519_key_names_a_node() {
        let id = secret().id();
        let der = spki(&id);
        assert_eq!(node_of(&der), Some(id));
        assert_eq!(node_of(&der[..43]), None, "short");
        assert_eq!(node_of(&[der.as_slice(), &[0]].concat()), None, "long");
        let mut x25519 = der;
        x25519[8] = 0x6e;
        assert_eq!(node_of(&x25519), None, "another algorithm");
        let mut identity_point = [0; 32];
        identity_point[0] = 1;
        assert_eq!(node_of(&spki(&NodeId::from_bytes(identity_point))), None, "small order");
        let mut off_curve = [0; 32];
        off_curve[0] = 2;
        assert_eq!(node_of(&spki(&NodeId::from_bytes(off_curve))), None, "not a point");
    }
}
