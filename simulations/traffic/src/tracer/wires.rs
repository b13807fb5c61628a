//! Maps by passage or packet.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use crate::observer::WireId;

/// By passage. The numbers count passages and nobody chooses them, so one multiplication is hash enough.
pub(crate) type WireMap<T> = HashMap<WireId, T, BuildHasherDefault<WireHasher>>;
/// The same by packet.
pub(crate) type PacketMap<T> = HashMap<u64, T, BuildHasherDefault<WireHasher>>;

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct WireHasher(u64);

impl Hasher for WireHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The golden ratio times 2^64; the map takes its bits from both ends.
        let product = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = product ^ (product >> 32);
    }
}
