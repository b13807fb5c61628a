//! A packet as it travels: so many bytes, of which nothing can be told without a hop's key.
//!
//! What is not here: any look inside, see [`super::HopSecret::verify`].

use std::fmt;

use crate::limits::PACKET_LEN;

use super::Refusal;
use super::packet_buffers::{self, Buffer};

/// A packet of the right length; the bytes are unchecked. `Debug` shows none of them.
pub struct Packet(Buffer);

impl Packet {
    /// From exactly [`PACKET_LEN`] bytes.
    ///
    /// # Errors
    /// [`Refusal::WrongLength`] for any other length.
    pub fn from_slice(bytes: &[u8]) -> Result<Self, Refusal> {
        let bytes: &[u8; PACKET_LEN] =
            bytes.try_into().map_err(|_| Refusal::WrongLength { got: bytes.len() })?;
        Ok(Self(packet_buffers::filled(bytes)))
    }

    /// The bytes as they go on the wire.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; PACKET_LEN] {
        self.0.bytes()
    }

    /// The bytes, for whoever takes a layer off where they lie.
    pub(super) fn as_mut_bytes(&mut self) -> &mut [u8; PACKET_LEN] {
        self.0.bytes_mut()
    }
}

impl Clone for Packet {
    fn clone(&self) -> Self {
        Self(packet_buffers::filled(self.as_bytes()))
    }
}

impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Packet {}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packet")
    }
}
