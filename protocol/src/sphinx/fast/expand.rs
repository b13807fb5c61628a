//! What a shared secret expands to: HKDF-SHA-256 (RFC 5869), twice.
//!
//! The lengths, labels and salts are those of `sphinx-packet` 0.8 (`header/shared_secret.rs`, `payload/key.rs`),
//! taken from its constants. What is not here: what the keys are used for.

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sphinx_packet::constants::{
    EXPANDED_SHARED_SECRET_HKDF_INFO, EXPANDED_SHARED_SECRET_HKDF_SALT, EXPANDED_SHARED_SECRET_LENGTH,
    PAYLOAD_KEY_HKDF_INFO, PAYLOAD_KEY_HKDF_SALT, PAYLOAD_KEY_SIZE,
};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// SHA-256's output.
const HASH_LEN: usize = 32;
/// SHA-256's block, to which HMAC fills a key up with zeros (RFC 2104).
const BLOCK_LEN: usize = 64;

/// What one hop needs of an expanded shared secret (Danezis and Goldberg, section 3.2: the outputs of h_rho, h_mu,
/// h_pi, h_b and h_tau).
#[derive(Default, Zeroize, ZeroizeOnDrop)]
pub(super) struct HopMaterial {
    /// Key of the routing information's stream cipher.
    pub(super) stream_key: [u8; 16],
    /// Key of the header's MAC.
    pub(super) mac_key: [u8; 16],
    /// What the payload's key is derived from in version 260.
    pub(super) payload_seed: [u8; 16],
    /// What alpha is multiplied by for the next hop.
    pub(super) blinding: [u8; 32],
    /// What two packets with the same shared secret have in common.
    pub(super) tag: [u8; 32],
}

/// Both HKDF, with HMAC keyed by their constant salts.
pub(super) struct Expander {
    secret_salted: Hmac<Sha256>,
    seed_salted: Hmac<Sha256>,
}

impl Expander {
    pub(super) fn new() -> Self {
        Self {
            secret_salted: keyed(EXPANDED_SHARED_SECRET_HKDF_SALT),
            seed_salted: keyed(PAYLOAD_KEY_HKDF_SALT),
        }
    }

    /// Writes what `shared` expands to into `material`, which is where it stays: no copy of it is left elsewhere. Of
    /// the 288 bytes: stream cipher key (16), MAC key (16), payload key seed (16; the legacy payload key's other 176
    /// bytes are not used in version 260), blinding factor (32), replay tag (32).
    pub(super) fn expand_into(&self, shared: &[u8; 32], material: &mut HopMaterial) {
        let mut expanded = Zeroizing::new([0; EXPANDED_SHARED_SECRET_LENGTH]);
        hkdf(&self.secret_salted, shared, EXPANDED_SHARED_SECRET_HKDF_INFO, expanded.as_mut_slice());
        let bytes: &[u8; EXPANDED_SHARED_SECRET_LENGTH] = &expanded;
        material.stream_key.copy_from_slice(&bytes[..16]);
        material.mac_key.copy_from_slice(&bytes[16..32]);
        material.payload_seed.copy_from_slice(&bytes[32..48]);
        material.blinding.copy_from_slice(&bytes[224..256]);
        material.tag.copy_from_slice(&bytes[256..]);
    }

    /// The payload cipher's four keys.
    pub(super) fn payload_key(&self, seed: &[u8; 16]) -> Zeroizing<[u8; PAYLOAD_KEY_SIZE]> {
        let mut key = Zeroizing::new([0; PAYLOAD_KEY_SIZE]);
        hkdf(&self.seed_salted, seed, PAYLOAD_KEY_HKDF_INFO, key.as_mut_slice());
        key
    }
}

/// HMAC-SHA-256 under `key`, of which the first 64 bytes count.
pub(super) fn keyed(key: &[u8]) -> Hmac<Sha256> {
    let mut block = Zeroizing::new([0; BLOCK_LEN]);
    for (to, from) in block.iter_mut().zip(key) {
        *to = *from;
    }
    Hmac::new((&*block).into())
}

/// RFC 5869: extract (section 2.2) under a salt that is in `salted`, then expand (section 2.3) to all of `output`,
/// at most 255 blocks.
fn hkdf(salted: &Hmac<Sha256>, secret: &[u8], info: &[u8], output: &mut [u8]) {
    let mut extract = salted.clone();
    extract.update(secret);
    let mut previous = Zeroizing::new([0; HASH_LEN]);
    previous.copy_from_slice(&extract.finalize().into_bytes());
    let expand = keyed(previous.as_slice());
    for (count, block) in (1u8..).zip(output.chunks_mut(HASH_LEN)) {
        let mut hmac = expand.clone();
        if count > 1 {
            hmac.update(previous.as_slice());
        }
        hmac.update(info);
        hmac.update(&[count]);
        previous.copy_from_slice(&hmac.finalize().into_bytes());
        for (to, from) in block.iter_mut().zip(previous.iter()) {
            *to = *from;
        }
    }
}
