//! The identifier in a packet's innermost header layer, by which a client finds the keys of a reply.

use std::fmt;

use rand::CryptoRng;

/// Sixteen random bytes that only the packet's maker and its last hop see. `Debug` shows none of them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SurbId([u8; 16]);

impl SurbId {
    /// A fresh identifier, never all zero.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0u8; 16];
        rng.fill_bytes(&mut bytes);
        if bytes == [0; 16] {
            bytes = [1; 16];
        }
        Self(bytes)
    }

    /// From its 16 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Its 16 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for SurbId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SurbId([scrubbed])")
    }
}

#[cfg(test)]
mod tests {
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    #[test]
    fn identifiers_differ_and_show_nothing_in_debug() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (first, second) = (SurbId::generate(&mut rng), SurbId::generate(&mut rng));
        assert_ne!(first, second);
        assert_eq!(SurbId::from_bytes(*first.as_bytes()), first);
        insta::assert_snapshot!(format!("{first:?}"), @"SurbId([scrubbed])");
    }
}
