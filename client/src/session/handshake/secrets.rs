//! What both sides of a handshake compute from their halves.
//!
//! ```text
//! secrets = 32 x 0xff || DH1 || DH2 || DH3 || SS || PSK
//! DH1     = X25519(identity of initiator,  ephemeral of responder)
//! DH2     = X25519(ephemeral of initiator, identity of responder)
//! DH3     = X25519(ephemeral of initiator, ephemeral of responder)
//! ```

use super::super::kdf::{self, HandshakeKeys};
use super::super::secret::Secret;
use super::Occasion;

/// `F` of X3DH (revision 1, section 2.2): keeps the input apart from every encoding of a point.
const PREFIX: [u8; 32] = [0xff; 32];

/// The public values that a handshake is bound to.
pub(super) struct Transcript([u8; 32]);

impl Transcript {
    /// `SHA-256(label || occasion || bundle || IK initiator || EK initiator || ciphertext)`; every part has a
    /// fixed length.
    pub(super) fn new(
        occasion: Occasion,
        bundle: &[u8],
        identity: &[u8; 32],
        ephemeral: &[u8; 32],
        ciphertext: &[u8],
    ) -> Self {
        Self(kdf::transcript(&[&[occasion.number()], bundle, identity, ephemeral, ciphertext]))
    }

    pub(super) const fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The keys that come of the three agreements, the KEM's secret and the one known beforehand.
pub(super) fn combine(
    agreements: &[Secret<32>; 3],
    kem: &Secret<32>,
    psk: &[u8; 32],
    transcript: &Transcript,
) -> HandshakeKeys {
    let [first, second, third] = agreements;
    let mut secrets = Secret::<192>::zeros();
    let parts = [&PREFIX, first.bytes(), second.bytes(), third.bytes(), kem.bytes(), psk];
    secrets.bytes_mut().iter_mut().zip(parts.into_iter().flatten()).for_each(|(to, from)| *to = *from);
    kdf::handshake(&secrets, transcript.bytes())
}
