//! The addresses of onion services, version 3 (Tor's rend-spec-v3, section 6, `ONIONADDRESS`).
//!
//! `base32(PUBKEY | CHECKSUM | VERSION)`, where the checksum is the beginning of
//! `SHA3-256(".onion checksum" | PUBKEY | VERSION)`. Nothing is looked up: an address is a key in another form.

use std::fmt;

use data_encoding::{BASE32_NOPAD, BASE32_NOPAD_NOCASE};
use sha3::{Digest, Sha3_256};

use super::error::TorError;

/// The port of every Sotto onion service. It exists within Tor only, so it takes none of the host's.
pub const ONION_PORT: u16 = 4774;

const SUFFIX: &str = ".onion";
const VERSION: u8 = 3;
const CHECKSUM_LEN: usize = 2;
/// Bytes behind the 56 characters.
const ADDRESS_LEN: usize = 32 + CHECKSUM_LEN + 1;

/// An onion service and a port of it. `Display` gives `<56 characters>.onion:port`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct OnionAddress {
    key: [u8; 32],
    port: u16,
}

impl OnionAddress {
    /// The service whose Ed25519 public key is `key`, at [`ONION_PORT`].
    pub(super) const fn of_key(key: [u8; 32]) -> Self {
        Self { key, port: ONION_PORT }
    }

    /// Reads `<56 characters>.onion:port`, in capitals or not.
    ///
    /// # Errors
    ///
    /// [`TorError::NotOnion`] for anything else: another kind of address, a wrong checksum, port 0.
    pub fn parse(address: &str) -> Result<Self, TorError> {
        let (host, port) = address.rsplit_once(':').ok_or(TorError::NotOnion)?;
        let is_number = port.bytes().all(|byte| byte.is_ascii_digit());
        let port = port.parse().ok().filter(|port| is_number && *port != 0).ok_or(TorError::NotOnion)?;
        Ok(Self { key: key_of(host)?, port })
    }

    /// Reads `<56 characters>.onion`, with or without a port; without, it is [`ONION_PORT`].
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_host(host: &str) -> Result<Self, TorError> {
        if host.contains(':') { Self::parse(host) } else { Ok(Self { key: key_of(host)?, port: ONION_PORT }) }
    }

    /// The service's Ed25519 public key.
    #[cfg(feature = "tor")]
    pub(super) const fn key(&self) -> [u8; 32] {
        self.key
    }

    /// The port.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// `<56 characters>.onion`, in small letters.
    #[must_use]
    pub fn host(&self) -> String {
        let [first, second] = checksum(&self.key);
        let bytes = [self.key.as_slice(), &[first, second, VERSION]].concat();
        BASE32_NOPAD.encode(&bytes).to_ascii_lowercase() + SUFFIX
    }
}

impl fmt::Display for OnionAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host(), self.port)
    }
}

impl fmt::Debug for OnionAddress {
    /// Without the address: whom somebody dials does not belong into a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnionAddress").finish_non_exhaustive()
    }
}

fn key_of(host: &str) -> Result<[u8; 32], TorError> {
    let name_len = host.len().checked_sub(SUFFIX.len()).ok_or(TorError::NotOnion)?;
    let (name, suffix) = host.split_at_checked(name_len).ok_or(TorError::NotOnion)?;
    if !suffix.eq_ignore_ascii_case(SUFFIX) {
        return Err(TorError::NotOnion);
    }
    let bytes = BASE32_NOPAD_NOCASE.decode(name.as_bytes()).map_err(|_| TorError::NotOnion)?;
    let bytes: [u8; ADDRESS_LEN] = bytes.try_into().map_err(|_| TorError::NotOnion)?;
    let (key, rest) = bytes.split_first_chunk::<32>().ok_or(TorError::NotOnion)?;
    let [first, second] = checksum(key);
    if rest == [first, second, VERSION].as_slice() { Ok(*key) } else { Err(TorError::NotOnion) }
}

fn checksum(key: &[u8; 32]) -> [u8; CHECKSUM_LEN] {
    let mut hash = Sha3_256::new();
    hash.update(b".onion checksum");
    hash.update(key);
    hash.update([VERSION]);
    let [first, second, ..] = <[u8; 32]>::from(hash.finalize());
    [first, second]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Given as an example in Tor's rend-spec-v3, section 6.
    const EXAMPLES: [&str; 3] = [
        "pg6mmjiyjmcrsslvykfwnntlaru7p5svn6y2ymmju6nubxndf4pscryd",
        "sp3k262uwy4r2k3ycr5awluarykdpag6a7y33jxop4cs2lu5uz5sseqd",
        "xa4r2iadxm55fbnqgwwi5mymqdcofiu3w6rpbtqn7b2dyn7mgwj64jyd",
    ];

    #[test]
    fn the_examples_of_tors_specification_are_addresses_and_are_given_back() {
        for example in EXAMPLES {
            let text = format!("{example}.onion:80");
            assert_eq!(OnionAddress::parse(&text).unwrap().to_string(), text);
            let capitals = format!("{}.ONION:80", example.to_ascii_uppercase());
            assert_eq!(OnionAddress::parse(&capitals).unwrap().to_string(), text);
            let host = format!("{example}.onion");
            assert_eq!(OnionAddress::parse_host(&host).unwrap().to_string(), format!("{host}:{ONION_PORT}"));
        }
    }

    #[test]
    fn every_other_text_is_refused() {
        let name = EXAMPLES[0];
        let mut typo = name.to_owned();
        typo.replace_range(7..8, "z");
        let host_typo = format!("{typo}.onion");
        for text in [
            "127.0.0.1:80",
            "[::1]:80",
            "example.org:80",
            "localhost:80",
            "",
            ":",
            ".onion:80",
            "abc.onion:80",
            "expyuzz4wqqyqhjn.onion:80",
            &format!("{host_typo}:80"),
            &format!("{name}.onion"),
            &format!("{name}.onion:0"),
            &format!("{name}.onion:65536"),
            &format!("{name}.onion:+80"),
            &format!("{name}.onion:80 "),
            &format!("www.{name}.onion:80"),
            &format!("{name}.onion.example.org:80"),
            &format!("{name}.oniön:80"),
        ] {
            assert_eq!(OnionAddress::parse(text).unwrap_err().label(), "tor-not-onion", "{text}");
        }
        assert_eq!(OnionAddress::parse_host(&host_typo).unwrap_err().label(), "tor-not-onion");
    }

    #[test]
    fn debug_does_not_tell_the_address() {
        let address = OnionAddress::of_key([7; 32]);
        insta::assert_snapshot!(format!("{address:?}"), @"OnionAddress { .. }");
    }
}
