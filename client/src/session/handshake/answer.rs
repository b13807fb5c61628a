//! What the initiator answers an offer with.
//!
//! ```text
//! 0         1      2               34            66            1154
//! +---------+------+---------------+-------------+-------------+----------------+
//! | version | kind | identity key  | ephemeral   | ML-KEM-768  | first envelope |
//! |   = 1   | 0x2o | of initiator  | key         | ciphertext  | 62 .. 205      |
//! +---------+------+---------------+-------------+-------------+----------------+
//! ```

use super::super::dh::Point;
use super::super::identity::IdentityPublic;
use super::super::kem::CIPHERTEXT_LEN;
use super::super::limits::{ANSWER_HEAD_LEN, ENVELOPE_LEN_MAX, ENVELOPE_OVERHEAD_LEN, KEY_LEN};
use super::super::refusal::HandshakeRefusal;
use super::bundle::check_head;
use super::{Occasion, VERSION};

/// The parts of an answer; its keys are checked, its envelope is not.
pub(super) struct Answer<'a> {
    pub(super) identity: IdentityPublic,
    pub(super) ephemeral: Point,
    pub(super) ciphertext: &'a [u8; CIPHERTEXT_LEN],
    pub(super) envelope: &'a [u8],
}

impl<'a> Answer<'a> {
    /// Refuses in the order: version, kind, length, identity key, ephemeral key.
    pub(super) fn parse(occasion: Occasion, bytes: &'a [u8]) -> Result<Self, HandshakeRefusal> {
        let length = HandshakeRefusal::Length {
            expected: ANSWER_HEAD_LEN + ENVELOPE_OVERHEAD_LEN,
            actual: bytes.len(),
        };
        let (&[version, kind], rest) = bytes.split_first_chunk::<2>().ok_or(length)?;
        // A bundle is no answer, whatever its length; its kind says so more clearly.
        check_head(version, kind, occasion.answer_kind())?;
        let (identity, rest) = rest.split_first_chunk::<KEY_LEN>().ok_or(length)?;
        let (ephemeral, rest) = rest.split_first_chunk::<KEY_LEN>().ok_or(length)?;
        let (ciphertext, envelope) = rest.split_first_chunk::<CIPHERTEXT_LEN>().ok_or(length)?;
        if envelope.len() < ENVELOPE_OVERHEAD_LEN || bytes.len() > ENVELOPE_LEN_MAX {
            return Err(length);
        }
        let identity = IdentityPublic::from_bytes(identity)?;
        Ok(Self { identity, ephemeral: Point::parse(ephemeral)?, ciphertext, envelope })
    }
}

pub(super) fn encode(
    occasion: Occasion,
    identity: &IdentityPublic,
    ephemeral: &Point,
    ciphertext: &[u8],
    envelope: &[u8],
) -> Vec<u8> {
    let head = [VERSION, occasion.answer_kind()];
    [head.as_slice(), identity.as_bytes(), ephemeral.bytes(), ciphertext, envelope].concat()
}
