//! Every length, count and time that the handshake and the ratchet keep to.

use std::time::Duration;

use sotto_protocol::boxes::BOX_CONTENT_LEN_MAX;

use super::kem::{CIPHERTEXT_LEN, ENCAPSULATION_KEY_LEN};

/// An X25519 key, public or secret, in bytes.
pub(super) const KEY_LEN: usize = 32;
/// A bundle: version, kind, identity key, ephemeral key, encapsulation key, in bytes.
pub const BUNDLE_LEN: usize = 1 + 1 + KEY_LEN + KEY_LEN + ENCAPSULATION_KEY_LEN;
/// An answer before its envelope: version, kind, identity key, ephemeral key, KEM ciphertext, in bytes.
pub(super) const ANSWER_HEAD_LEN: usize = 1 + 1 + KEY_LEN + KEY_LEN + CIPHERTEXT_LEN;
/// An envelope's header: version, ratchet key, previous count, number, KEM epoch, in bytes.
pub(super) const HEADER_LEN: usize = 1 + KEY_LEN + 4 + 4 + 4;
/// The tag of ChaCha20-Poly1305, in bytes.
pub(super) const TAG_LEN: usize = 16;
/// What an envelope adds to its content: header, type and tag, in bytes.
pub const ENVELOPE_OVERHEAD_LEN: usize = HEADER_LEN + 1 + TAG_LEN;
/// The longest envelope: the text of one box, in bytes.
pub const ENVELOPE_LEN_MAX: usize = BOX_CONTENT_LEN_MAX;
/// The longest content of one envelope, in bytes.
pub const CONTENT_LEN_MAX: usize = ENVELOPE_LEN_MAX - ENVELOPE_OVERHEAD_LEN;
/// The longest content that an answer carries besides the handshake, in bytes.
pub const ANSWER_CONTENT_LEN_MAX: usize = ENVELOPE_LEN_MAX - ANSWER_HEAD_LEN - ENVELOPE_OVERHEAD_LEN;
/// How many messages one envelope can skip in a chain, and how many keys of skipped messages are kept.
pub const SKIPPED_MAX: u32 = 256;
/// How long the key of a skipped message is kept: mailboxes keep no box longer.
pub const SKIPPED_AGE_MAX: Duration = Duration::from_secs(14 * 24 * 60 * 60);
/// The longest saved session, in bytes: 32 KiB hold it with all the skipped keys that there can be.
pub const SESSION_LEN_MAX: usize = 32 * 1024;
/// So much of the stack is wiped after every operation, in bytes. `tests::memory` still finds cipher keys after 2 KiB and
/// nothing after 4 in an optimised build; after 8 KiB and after 12 in an unoptimised one.
pub const STACK_WIPED_LEN: usize = 16 * 1024;
/// So much of the stack is wiped after each X25519 and ML-KEM operation, whose frames are the largest, in bytes.
pub const STACK_WIPED_DEEP_LEN: usize = 64 * 1024;
/// The number that no message has, so that counting never wraps.
pub(super) const CHAIN_LEN_MAX: u32 = u32::MAX;

const _: () = assert!(BUNDLE_LEN <= BOX_CONTENT_LEN_MAX, "a bundle is the text of one box");
const _: () = assert!(4 + ENCAPSULATION_KEY_LEN <= CONTENT_LEN_MAX, "a KEM key fits in one envelope");
