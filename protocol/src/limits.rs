//! Every size and count that a peer could try to exceed, in one place.
//!
//! Sizes in bytes unless the name says otherwise. Rates and times that the network agrees on are not
//! here but in [`crate::directory::Params`].

/// A Sphinx packet on any wire, in any direction.
pub const PACKET_LEN: usize = SPHINX_HEADER_LEN + PAYLOAD_LEN;
/// Alpha (32), header MAC (16) and routing information for five hops (300).
pub const SPHINX_HEADER_LEN: usize = 348;
/// The wide-block encrypted part of a packet.
pub const PAYLOAD_LEN: usize = 2048;
/// What a sender can put into one packet: the payload less 16 zero bytes of integrity tag and one byte of padding mark.
pub const PAYLOAD_TEXT_LEN: usize = PAYLOAD_LEN - 17;
/// Hops that a Sphinx header of this size can hold.
pub const HOPS_MAX: usize = 5;
/// A serialized SURB: header, first hop, one payload key seed.
pub const SURB_LEN: usize = SPHINX_HEADER_LEN + 32 + 16;

/// One frame on a link: version, kind, used length (2) and body.
pub const FRAME_LEN: usize = FRAME_HEADER_LEN + FRAME_BODY_LEN;
/// Version, kind and used length of a frame.
pub const FRAME_HEADER_LEN: usize = 4;
/// The body of a frame: exactly one packet fits.
pub const FRAME_BODY_LEN: usize = PACKET_LEN;

/// The text sealed in one box, padding included.
pub const BOX_TEXT_LEN: usize = 1360;
/// A box's nonce (24), ciphertext and authentication tag (16).
pub const BOX_CIPHERTEXT_LEN: usize = 24 + BOX_TEXT_LEN + 16;
/// A whole box: id (32), signature (64), ciphertext.
pub const BOX_LEN: usize = 32 + 64 + BOX_CIPHERTEXT_LEN;

/// A signed document (consensus or descriptor) before it is parsed.
pub const DOCUMENT_LEN_MAX: usize = 1024 * 1024;
/// A signed descriptor of one node.
pub const DESCRIPTOR_LEN_MAX: usize = 4096;
/// Nodes in one consensus.
pub const NODES_MAX: usize = 1024;
/// Authorities that can sign one consensus.
pub const AUTHORITIES_MAX: usize = 16;
/// Cover classes in one consensus.
pub const CLASSES_MAX: usize = 8;
/// Sphinx keys (one per epoch) that a descriptor announces.
pub const EPOCH_KEYS_MAX: usize = 4;
/// A node's address, as `host:port` or an onion address.
pub const ADDRESS_LEN_MAX: usize = 96;

/// Replay tags kept for one Sphinx key, 67,108,864. It bounds the memory of one epoch's set, and how often a new
/// packet is taken for a replay: see [`crate::sphinx::ReplaySet`].
pub const REPLAY_TAGS_MAX: usize = 1 << 26;
