//! The first 45 bytes of an envelope, sent in the clear within its box and authenticated.
//!
//! ```text
//! 0         1                33               37        41          45
//! +---------+----------------+----------------+---------+-----------+------------+-----+
//! | version | ratchet key of | length of the  | number  | KEM epoch | ciphertext | tag |
//! |   = 1   | this chain     | chain before   | from 0  |           | 1 ..       | 16  |
//! +---------+----------------+----------------+---------+-----------+------------+-----+
//! ```

use super::super::dh::Point;
use super::super::limits::{ENVELOPE_LEN_MAX, ENVELOPE_OVERHEAD_LEN, HEADER_LEN, KEY_LEN};
use super::super::refusal::SessionRefusal;

const VERSION: u8 = 1;

/// What a header says.
#[derive(Clone, Copy)]
pub(super) struct Header {
    /// The ratchet key of the chain, its name.
    pub(super) key: Point,
    /// How many envelopes the sender has sealed in its chain before this one.
    pub(super) previous: u32,
    /// Which envelope of its chain this one is.
    pub(super) number: u32,
    /// The KEM exchange whose secret went into the chain's root step; 0 for none.
    pub(super) epoch: u32,
}

impl Header {
    /// The header, its bytes, and the ciphertext with its tag. Refuses in the order: length, version, ratchet
    /// key.
    pub(super) fn split(envelope: &[u8]) -> Result<(Self, &[u8; HEADER_LEN], &[u8]), SessionRefusal> {
        let length = SessionRefusal::EnvelopeLength { actual: envelope.len() };
        if !(ENVELOPE_OVERHEAD_LEN..=ENVELOPE_LEN_MAX).contains(&envelope.len()) {
            return Err(length);
        }
        let (bytes, body) = envelope.split_first_chunk::<HEADER_LEN>().ok_or(length)?;
        let (&[version], rest) = bytes.split_first_chunk::<1>().ok_or(length)?;
        if version != VERSION {
            return Err(SessionRefusal::EnvelopeVersion { expected: VERSION, actual: version });
        }
        let (key, rest) = rest.split_first_chunk::<KEY_LEN>().ok_or(length)?;
        let (numbers, _) = rest.as_chunks::<4>();
        let &[previous, number, epoch] = numbers else { return Err(length) };
        let [previous, number, epoch] = [previous, number, epoch].map(u32::from_be_bytes);
        Ok((Self { key: Point::parse(key)?, previous, number, epoch }, bytes, body))
    }

    pub(super) fn to_bytes(self) -> [u8; HEADER_LEN] {
        let [previous, number, epoch] = [self.previous, self.number, self.epoch].map(u32::to_be_bytes);
        let parts: [&[u8]; 5] = [&[VERSION], self.key.bytes(), &previous, &number, &epoch];
        let mut bytes = [0; HEADER_LEN];
        let mut left = bytes.as_mut_slice();
        for part in parts {
            let (to, after) = left.split_at_mut(part.len());
            to.copy_from_slice(part);
            left = after;
        }
        bytes
    }
}
