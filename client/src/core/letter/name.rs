//! What both sides call a letter: the series of its sender, and its number there.
//!
//! A series begins with a contact and with each restored backup, because a restored profile does not know which
//! numbers it had given since. Numbers grow by one, so a missing letter shows.

use std::fmt;

use data_encoding::HEXLOWER;
use rand::CryptoRng;
use serde::{Deserialize, Serialize};

/// The random name of a series.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Series([u8; 8]);

impl Series {
    /// A fresh one.
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0u8; 8];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }

    pub(crate) const fn from_bytes(bytes: [u8; 8]) -> Self {
        Self(bytes)
    }

    pub(crate) const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Debug for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&HEXLOWER.encode(&self.0))
    }
}

/// The name of a letter among those of its sender.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Name {
    pub(crate) series: Series,
    /// From 1.
    pub(crate) number: u64,
}

impl Name {
    pub(crate) fn from_bytes(bytes: &[u8; 16]) -> Self {
        let [a, b, c, d, e, f, g, h, n0, n1, n2, n3, n4, n5, n6, n7] = *bytes;
        let number = u64::from_be_bytes([n0, n1, n2, n3, n4, n5, n6, n7]);
        Self { series: Series([a, b, c, d, e, f, g, h]), number }
    }

    pub(crate) fn to_bytes(self) -> [u8; 16] {
        let [a, b, c, d, e, f, g, h] = self.series.0;
        let [n0, n1, n2, n3, n4, n5, n6, n7] = self.number.to_be_bytes();
        [a, b, c, d, e, f, g, h, n0, n1, n2, n3, n4, n5, n6, n7]
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}/{}", self.series, self.number)
    }
}
