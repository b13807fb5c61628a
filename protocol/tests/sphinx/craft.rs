//! Packets that no honest sender makes: header fields changed under a MAC that is right again.
//!
//! Whoever knows the secret that a packet shares with a hop can do this, and the packet's sender does.

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use sotto_protocol::sphinx::{HopSecret, Packet};
use x25519_dalek::{PublicKey, StaticSecret};

const INFO: &[u8] =
    b"Dwste mou enan moxlo arketa makru kai ena upomoxlio gia na ton topothetisw kai tha kinisw thn gh.";
const ALPHA_LEN: usize = 32;
const MAC_LEN: usize = 16;
const ROUTING: std::ops::Range<usize> = 48..348;

/// XORs `changes`, pairs of an offset in the routing information and a mask, into the hop's layer of the
/// header (the stream cipher lets them through to the plaintext) and makes the MAC anew.
pub(crate) fn change_routing(secret: &HopSecret, packet: &Packet, changes: &[(usize, u8)]) -> Packet {
    let mut alpha = [0u8; ALPHA_LEN];
    alpha.copy_from_slice(&packet.as_bytes()[..ALPHA_LEN]);
    let shared = StaticSecret::from(*secret.to_bytes()).diffie_hellman(&PublicKey::from(alpha));
    let mut bytes = *packet.as_bytes();
    for (offset, mask) in changes {
        bytes[ROUTING][*offset] ^= mask;
    }
    set_mac(shared.as_bytes(), &mut bytes);
    Packet::from_slice(&bytes).expect("the length is unchanged")
}

/// The packet with this alpha and a MAC that is right for the all-zero shared secret, which needs no key.
pub(crate) fn for_zero_secret(packet: &Packet, alpha: &[u8; 32]) -> Packet {
    let mut bytes = *packet.as_bytes();
    bytes[..ALPHA_LEN].copy_from_slice(alpha);
    set_mac(&[0; 32], &mut bytes);
    Packet::from_slice(&bytes).expect("the length is unchanged")
}

fn set_mac(shared: &[u8; 32], bytes: &mut [u8]) {
    let mut mac = Hmac::<Sha256>::new_from_slice(&expand(shared)[16..32]).expect("any key length is allowed");
    mac.update(&bytes[ROUTING]);
    bytes[ALPHA_LEN..ALPHA_LEN + MAC_LEN].copy_from_slice(&mac.finalize().into_bytes()[..MAC_LEN]);
}

/// Stream cipher key (16), MAC key (16), payload key material (192), blinding factor (32), replay tag (32).
pub(crate) fn expand(shared: &[u8; 32]) -> [u8; 288] {
    let mut expanded = [0; 288];
    Hkdf::<Sha256>::new(None, shared).expand(INFO, &mut expanded).expect("288 bytes are allowed");
    expanded
}
