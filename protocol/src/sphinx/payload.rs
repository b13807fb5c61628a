//! The payload that a packet's last hop is left with.
//!
//! It is either a text that was meant for this hop, or, for a reply, still sealed under keys that only
//! the maker of the reply block has. A node that passes replies on cannot tell which and does not try.

use std::fmt;

use sphinx_packet::constants::SECURITY_PARAMETER;
use sphinx_packet::payload::Payload;

use crate::limits::{PAYLOAD_LEN, SPHINX_HEADER_LEN};

use super::{Packet, Refusal};

/// A payload after the last hop's layer came off. `Debug` shows nothing of it.
pub struct FinalPayload(Box<[u8; PAYLOAD_LEN]>);

impl FinalPayload {
    pub(super) fn from_payload(payload: Payload) -> Result<Self, Refusal> {
        let bytes = payload.into_bytes().into_boxed_slice();
        let got = bytes.len();
        bytes.try_into().map(Self).map_err(|_| Refusal::WrongLength { got })
    }

    /// What a packet's payload is after the last layer came off where it lay.
    pub(super) fn of_packet(packet: &Packet) -> Self {
        let mut payload = Box::new([0; PAYLOAD_LEN]);
        payload.copy_from_slice(&packet.as_bytes()[SPHINX_HEADER_LEN..]);
        Self(payload)
    }

    /// The payload as it is, for an entry to pass on to the session that holds the keys.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PAYLOAD_LEN] {
        &self.0
    }

    /// The same as [`Self::as_bytes`], without a copy.
    #[must_use]
    pub fn into_bytes(self) -> Box<[u8; PAYLOAD_LEN]> {
        self.0
    }

    /// The text that the sender put in, at most [`crate::limits::PAYLOAD_TEXT_LEN`] bytes.
    ///
    /// # Errors
    /// [`Refusal::PayloadTag`] if the 16 zero bytes in front or the padding behind are not as the sender
    /// of an unchanged packet makes them.
    pub fn into_text(self) -> Result<Vec<u8>, Refusal> {
        text_of(Payload::from_bytes(self.0.as_slice()).map_err(|_| Refusal::PayloadTag)?)
    }
}

/// Takes integrity tag and padding off a fully decrypted payload.
///
/// The crate looks for the last byte of value 1 and takes what follows for padding without looking at it.
/// Here it must be zero, so that a text has one encoding.
pub(super) fn text_of(payload: Payload) -> Result<Vec<u8>, Refusal> {
    let mark = payload.as_bytes().iter().enumerate().rfind(|(_, byte)| **byte != 0);
    if !matches!(mark, Some((place, 1)) if place >= SECURITY_PARAMETER) {
        return Err(Refusal::PayloadTag);
    }
    payload.recover_plaintext().map_err(|_| Refusal::PayloadTag)
}

impl fmt::Debug for FinalPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FinalPayload([scrubbed])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A decrypted payload with these bytes from `place` on and zeros elsewhere.
    fn text_with(place: usize, bytes: &[u8]) -> Result<Vec<u8>, Refusal> {
        let mut payload = Box::new([0; PAYLOAD_LEN]);
        payload[place..place + bytes.len()].copy_from_slice(bytes);
        FinalPayload(payload).into_text()
    }

    #[test]
    fn a_text_ends_before_the_mark() {
        assert_eq!(text_with(16, b"text\x01").unwrap(), b"text");
        assert_eq!(text_with(16, b"\x01\x01").unwrap(), b"\x01");
        assert_eq!(text_with(16, b"\x01").unwrap(), b"");
        assert_eq!(text_with(PAYLOAD_LEN - 1, b"\x01").unwrap(), [0; PAYLOAD_LEN - 17]);
    }

    #[test]
    fn anything_but_zeros_before_the_text_is_refused() {
        for place in 0..16 {
            assert_eq!(text_with(place, b"\x80").unwrap_err(), Refusal::PayloadTag);
            let mut bytes = vec![0; 17 - place];
            bytes[0] = 0x80;
            bytes[16 - place] = 1;
            assert_eq!(text_with(place, &bytes).unwrap_err(), Refusal::PayloadTag);
        }
    }

    #[test]
    fn padding_without_a_mark_or_with_anything_after_it_is_refused() {
        assert_eq!(text_with(0, b"").unwrap_err(), Refusal::PayloadTag);
        assert_eq!(text_with(15, b"\x01").unwrap_err(), Refusal::PayloadTag);
        assert_eq!(text_with(16, b"text").unwrap_err(), Refusal::PayloadTag);
        assert_eq!(text_with(16, b"text\x01\x00\x02").unwrap_err(), Refusal::PayloadTag);
    }
}
