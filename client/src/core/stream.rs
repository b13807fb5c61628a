//! Where in a sequence of streams one side writes, and the other reads.
//!
//! A conversation goes through many streams: each root step of the ratchet gives the next one. Boxes are counted on
//! over all of them, so that a place has one number for as long as the contact lasts. When a stream ends is the
//! session's business.

use std::fmt;

use rand::CryptoRng;
use serde::{Deserialize, Serialize};
use sotto_protocol::boxes::{BoxRefusal, CapabilityRefusal, ReadCap, SealedBox, Tombstone, WriteCap};
use sotto_protocol::codec;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::limits::READ_AHEAD_MAX;
use crate::session::StreamSeed;
use crate::store::StoreError;

/// Boxes of the stream that was left may have been asked for ahead: their numbers are not used again.
const NUMBERS_LEFT_OUT: u64 = READ_AHEAD_MAX as u64;

/// A capability as it is kept, and the number of its stream's first box.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub(crate) struct Position {
    #[serde(with = "codec::bytes")]
    capability: Vec<u8>,
    base: u64,
}

fn damaged(error: CapabilityRefusal) -> StoreError {
    StoreError::Damaged(format!("a stream: {error}"))
}

/// The next box to write. `Debug` shows its number only.
///
/// It is not `Clone` for the reason that [`WriteCap`] is not; [`Writer::draft`] says what a copy is for.
pub(crate) struct Writer {
    capability: WriteCap,
    base: u64,
}

impl Writer {
    /// At the first box of a stream, as box number `base`.
    pub(crate) fn new(capability: WriteCap, base: u64) -> Self {
        Self { capability, base }
    }

    /// At the first box of the stream of this seed, as box number `base`.
    pub(crate) fn begin(seed: &StreamSeed, base: u64) -> Self {
        Self::new(WriteCap::from_seed(seed.as_bytes()), base)
    }

    /// The number of the next box.
    pub(crate) const fn index(&self) -> u64 {
        self.base.saturating_add(self.capability.index())
    }

    /// The capability, to look at.
    #[cfg(test)]
    pub(crate) const fn capability(&self) -> &WriteCap {
        &self.capability
    }

    /// Seals the next box, and moves on.
    pub(crate) fn seal(
        &mut self,
        text: &[u8],
        rng: &mut impl CryptoRng,
    ) -> Result<(u64, SealedBox), BoxRefusal> {
        let index = self.index();
        Ok((index, self.capability.seal_next(text, rng)?))
    }

    /// What takes the place of the next box, should it have to be withdrawn. It cannot be made once that box is sealed.
    pub(crate) fn tombstone(&self) -> Tombstone {
        self.capability.next_tombstone_key().tombstone()
    }

    /// Goes on in another stream.
    pub(crate) fn turn(&mut self, seed: &StreamSeed) {
        *self = Self::begin(seed, self.index());
    }

    /// A copy, to seal with before it is known whether the result can be kept.
    pub(crate) fn draft(&self) -> Result<Self, StoreError> {
        Self::from_position(&self.position())
    }

    pub(crate) fn position(&self) -> Position {
        Position { capability: self.capability.to_bytes().to_vec(), base: self.base }
    }

    pub(crate) fn from_position(kept: &Position) -> Result<Self, StoreError> {
        Ok(Self { capability: WriteCap::from_bytes(&kept.capability).map_err(damaged)?, base: kept.base })
    }
}

impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer(box {}, [scrubbed])", self.index())
    }
}

/// The next box to read. `Debug` shows its number only.
#[derive(Clone)]
pub(crate) struct Reader {
    capability: ReadCap,
    base: u64,
}

impl Reader {
    /// At the next box of a stream that begins as box number `base`.
    pub(crate) const fn new(capability: ReadCap, base: u64) -> Self {
        Self { capability, base }
    }

    /// At the first box of the stream of this seed, as box number `base`.
    pub(crate) fn begin(seed: &StreamSeed, base: u64) -> Self {
        Self::new(WriteCap::from_seed(seed.as_bytes()).read_cap(), base)
    }

    /// The number of the next box.
    pub(crate) const fn index(&self) -> u64 {
        self.base.saturating_add(self.capability.index())
    }

    /// The capability, to look at.
    pub(crate) const fn capability(&self) -> &ReadCap {
        &self.capability
    }

    /// Moves past the next box; it cannot be opened any more.
    pub(crate) fn advance(&mut self) {
        self.capability.advance();
    }

    /// Goes on in another stream.
    pub(crate) fn turn(&mut self, seed: &StreamSeed) {
        *self = Self::begin(seed, self.next_base());
    }

    /// The number of the first box of a stream that follows this one.
    pub(crate) const fn next_base(&self) -> u64 {
        self.index().saturating_add(NUMBERS_LEFT_OUT)
    }

    pub(crate) fn position(&self) -> Position {
        Position { capability: self.capability.to_bytes().to_vec(), base: self.base }
    }

    pub(crate) fn from_position(kept: &Position) -> Result<Self, StoreError> {
        Ok(Self { capability: ReadCap::from_bytes(&kept.capability).map_err(damaged)?, base: kept.base })
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader(box {}, [scrubbed])", self.index())
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    fn seed(byte: u8) -> StreamSeed {
        StreamSeed::from_bytes(&[byte; 32])
    }

    #[test]
    fn numbers_go_on_over_streams_and_none_is_given_twice() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (mut writer, mut reader) = (Writer::begin(&seed(1), 0), Reader::begin(&seed(1), 0));
        let mut numbers = Vec::new();
        for byte in 2..5 {
            for _ in 0..2 {
                let (number, sealed) = writer.seal(b"x", &mut rng).unwrap();
                numbers.push(number);
                assert_eq!(reader.capability().next_id(), *sealed.id());
                reader.advance();
            }
            let before = reader.index();
            writer.turn(&seed(byte));
            reader.turn(&seed(byte));
            assert!(reader.index() >= before + NUMBERS_LEFT_OUT);
            assert_eq!(reader.capability().next_id(), writer.capability().next_id());
        }
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    }

    #[test]
    fn positions_survive_and_debug_shows_no_secret() {
        let mut writer = Writer::begin(&seed(1), 7);
        writer.seal(b"x", &mut ChaCha20Rng::seed_from_u64(1)).unwrap();
        let again = Writer::from_position(&writer.position()).unwrap();
        assert_eq!(
            (again.index(), again.capability().next_id()),
            (writer.index(), writer.capability().next_id())
        );
        let reader = Reader::begin(&seed(2), 3);
        let again = Reader::from_position(&reader.position()).unwrap();
        assert_eq!(
            (again.index(), again.capability().next_id()),
            (reader.index(), reader.capability().next_id())
        );
        assert!(Writer::from_position(&reader.position()).is_err(), "the one is not the other");
        insta::assert_snapshot!(format!("{writer:?} {reader:?}"), @"Writer(box 8, [scrubbed]) Reader(box 3, [scrubbed])");
    }
}
