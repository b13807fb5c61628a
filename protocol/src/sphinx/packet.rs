//! A packet as it travels: so many bytes, of which nothing can be told without a hop's key.
//!
//! What is not here: any look inside, see [`super::HopSecret::verify`].

use std::fmt;

use crate::limits::PACKET_LEN;

use super::Refusal;

/// A packet of the right length; the bytes are unchecked. `Debug` shows none of them.
#[derive(Clone, PartialEq, Eq)]
pub struct Packet(Box<[u8; PACKET_LEN]>);

impl Packet {
    /// From exactly [`PACKET_LEN`] bytes.
    ///
    /// # Errors
    /// [`Refusal::WrongLength`] for any other length.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Refusal> {
        Box::<[u8]>::from(bytes).try_into().map(Self).map_err(|_| Refusal::WrongLength { got: bytes.len() })
    }

    /// The bytes as they go on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PACKET_LEN] {
        &self.0
    }

    /// The bytes, for whoever takes a layer off where they lie.
    pub(super) fn as_mut_bytes(&mut self) -> &mut [u8; PACKET_LEN] {
        &mut self.0
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packet")
    }
}
