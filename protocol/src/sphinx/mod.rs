//! Sphinx packets: building them, unwrapping them at a node, and reply blocks (SURBs).
//!
//! The packet format is that of the `sphinx-packet` crate (Danezis and Goldberg, "Sphinx: A Compact
//! and Provably Secure Mix Format", 2009; wide-block payload encryption by LIONESS), and this module
//! is the only code that names the crate. Around it stand the guards that a node needs and the crate
//! leaves to its caller:
//!
//! - one packet length ([`crate::limits::PACKET_LEN`]) and one packet version (260) are accepted;
//! - a packet is recognised as a replay by the tag derived from its shared secret, never by its
//!   bytes: X25519 ignores the top bit of alpha, so one secret has two encodings;
//! - a tag is remembered only after the header's MAC has been verified, so nobody without the sender's
//!   secrets can make a node forget or refuse a packet;
//! - an alpha of small order, whose shared secret everybody knows, is refused;
//! - a delay beyond the network's maximum is clamped, and the caller learns of it;
//! - delays, identifiers and ephemeral secrets come from the caller's generator;
//! - nothing secret appears in `Debug`, and secrets are wiped when dropped.
//!
//! Two properties of the crate shine through. It fills the unused end of the innermost header layer
//! (8 bytes on a route of five hops) from the system's generator: those bytes are the one thing about a
//! packet that the caller's generator does not determine. And it reads a version from the last two of
//! three bytes and drops the first, so a packet whose version bytes are `1, 1, 4` passes for version 260
//! like one with `0, 1, 4`. Only the packet's sender can choose that byte, it lies inside the layer that
//! this one node removes, and it changes nothing in what the node does. The crate asserts in debug
//! builds that the byte is zero; the workspace's profile switches that assertion off, because a packet
//! must not be able to stop a node.
//!
//! What is not here: choosing a route (`directory`), deciding which links are legal, keeping
//! replay tags on disk, and anything that reads a clock or waits.

mod build;
mod delay;
pub mod fast;
mod hop;
mod key_ring;
mod packet;
mod packet_buffers;
mod payload;
mod refusal;
mod replay;
mod surb;
mod surb_id;
mod unwrap;

pub use build::{BuildError, build_forward, build_forward_with_id};
pub use delay::{draw_delay, draw_exponential};
pub use hop::{Hop, HopPublic, HopSecret};
pub use key_ring::KeyRing;
pub use packet::Packet;
pub use payload::FinalPayload;
pub use refusal::Refusal;
pub use replay::{Fingerprint, ReplaySet, ReplayTag, ReplayVerdict, TagHashKey};
pub use surb::{Surb, SurbKeys, build_surb};
pub use surb_id::SurbId;
pub use unwrap::{Unwrapped, Verified};

#[cfg(test)]
mod tests {
    use sphinx_packet::SurbReplyRecovery;
    use sphinx_packet::header::shared_secret::ExpandedSharedSecret;
    use x25519_dalek::StaticSecret;
    use zeroize::{ZeroizeOnDrop, Zeroizing};

    fn is_wiped_on_drop<T: ZeroizeOnDrop>() {}

    #[test]
    fn what_hop_secrets_verified_packets_reply_blocks_and_their_keys_hold_is_wiped_on_drop() {
        is_wiped_on_drop::<StaticSecret>();
        is_wiped_on_drop::<ExpandedSharedSecret>();
        is_wiped_on_drop::<Zeroizing<[u8; crate::limits::SURB_LEN]>>();
        is_wiped_on_drop::<SurbReplyRecovery>();
    }
}
