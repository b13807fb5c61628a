//! From where a connection came, told in such a way that nobody can be found by it.
//!
//! A listener has to count what comes from one address, and nothing else about the address concerns anybody. So it
//! hands out a keyed hash of the address' prefix: two calls from one place can be told to be that, and what is
//! printed by mistake names no place. The key is drawn at the start, never shown and never stored, so that hashes of
//! two runs, or of two nodes, have nothing to do with one another.
//!
//! How many calls from one place are too many is for [`listen`](crate::listen) to say.

use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;

/// Bits of an IPv6 address that count as one place: a subscriber has at least a whole /64 (RFC 6177, section 2), and
/// moves within it at will (RFC 8981).
const IPV6_PREFIX_BITS: u32 = 64;

/// Whence somebody calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Caller(Origin);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Origin {
    Unknown,
    Known { prefix: Prefix, is_loopback: bool },
}

/// The keyed hash of an address' prefix: an IPv4 address, or the first 64 bits of an IPv6 address.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Prefix(u64);

impl Caller {
    /// Somebody of whom nobody here can know whence: by an onion service.
    pub const UNKNOWN: Self = Self(Origin::Unknown);

    /// The place, if it is known.
    pub(crate) const fn prefix(self) -> Option<Prefix> {
        match self.0 {
            Origin::Unknown => None,
            Origin::Known { prefix, .. } => Some(prefix),
        }
    }

    /// Whether the caller is on this host.
    pub(crate) const fn is_loopback(self) -> bool {
        matches!(self.0, Origin::Known { is_loopback: true, .. })
    }
}

impl fmt::Debug for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.prefix().is_some() { "Caller([scrubbed])" } else { "Caller(unknown)" })
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Prefix([scrubbed])")
    }
}

/// The key under which one listener hashes its callers' addresses.
#[derive(Default)]
pub(crate) struct CallerKey(RandomState);

impl CallerKey {
    /// Whence a connection from `address` comes.
    pub(crate) fn caller(&self, address: IpAddr) -> Caller {
        // An IPv4 address written as an IPv6 one is the same place.
        let address = address.to_canonical();
        let place = match address {
            IpAddr::V4(address) => (4_u8, u64::from(address.to_bits())),
            IpAddr::V6(address) => {
                let network = address.to_bits() >> (128 - IPV6_PREFIX_BITS);
                (6, u64::try_from(network).unwrap_or(u64::MAX))
            }
        };
        let prefix = Prefix(self.0.hash_one(place));
        Caller(Origin::Known { prefix, is_loopback: address.is_loopback() })
    }
}

impl fmt::Debug for CallerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallerKey([scrubbed])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(key: &CallerKey, address: &str) -> Caller {
        key.caller(address.parse().unwrap())
    }

    #[test]
    fn an_ipv4_address_and_an_ipv6_network_are_one_place_each() {
        let key = CallerKey::default();
        let same = [
            ("192.0.2.1", "192.0.2.1"),
            ("192.0.2.1", "::ffff:192.0.2.1"),
            ("2001:db8:1:2::1", "2001:db8:1:2:ffff:ffff:ffff:ffff"),
        ];
        for (one, other) in same {
            assert_eq!(caller(&key, one).prefix(), caller(&key, other).prefix(), "{one} {other}");
        }
        let different = [
            ("192.0.2.1", "192.0.2.2"),
            ("2001:db8:1:2::1", "2001:db8:1:3::1"),
            // The bits of 192.0.2.1 as the first of an IPv6 address.
            ("192.0.2.1", "0:0:c000:201::"),
        ];
        for (one, other) in different {
            assert_ne!(caller(&key, one).prefix(), caller(&key, other).prefix(), "{one} {other}");
        }
    }

    #[test]
    fn two_listeners_have_different_names_for_one_place() {
        let (one, other) = (CallerKey::default(), CallerKey::default());
        assert_ne!(caller(&one, "192.0.2.1").prefix(), caller(&other, "192.0.2.1").prefix());
    }

    #[test]
    fn this_host_is_known_as_such() {
        let key = CallerKey::default();
        for address in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
            assert!(caller(&key, address).is_loopback(), "{address}");
        }
        for address in ["192.0.2.1", "::", "2001:db8::1"] {
            assert!(!caller(&key, address).is_loopback(), "{address}");
        }
        assert!(!Caller::UNKNOWN.is_loopback());
        assert_eq!(Caller::UNKNOWN.prefix(), None);
    }

    #[test]
    fn debug_shows_no_place() {
        let key = CallerKey::default();
        let caller = caller(&key, "192.0.2.1");
        insta::assert_snapshot!(
            format!("{key:?} {caller:?} {:?} {:?}", caller.prefix(), Caller::UNKNOWN),
            @"CallerKey([scrubbed]) Caller([scrubbed]) Some(Prefix([scrubbed])) Caller(unknown)"
        );
    }
}
