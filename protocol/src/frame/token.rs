//! The secret with which a client takes up a session again after its connection broke.

use std::fmt;

use rand::CryptoRng;
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// 32 random bytes that the entry gave with the session. Compared in constant time, wiped when dropped.
#[derive(Clone, ZeroizeOnDrop)]
pub struct ResumeToken([u8; 32]);

impl ResumeToken {
    /// A fresh random token.
    #[must_use]
    pub fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut token = Self([0; 32]);
        rng.fill_bytes(&mut token.0);
        token
    }

    /// From its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for ResumeToken {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for ResumeToken {}

impl fmt::Debug for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResumeToken([scrubbed])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing_of_a_token() {
        insta::assert_snapshot!(format!("{:?}", ResumeToken::from_bytes([7; 32])), @"ResumeToken([scrubbed])");
    }

    #[test]
    fn tokens_are_equal_only_if_all_bytes_are() {
        let mut other = [7; 32];
        other[31] = 6;
        assert_eq!(ResumeToken::from_bytes([7; 32]), ResumeToken::from_bytes([7; 32]));
        assert_ne!(ResumeToken::from_bytes([7; 32]), ResumeToken::from_bytes(other));
    }
}
