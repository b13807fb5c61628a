//! Places that both sides can work out from a secret that lasts: where keys are laid out when there is no session.
//!
//! ```text
//! period = days since 1970 / 7
//! seed   = HKDF-SHA256(salt "sotto rendezvous v1", secret, info = what || parts, 32)
//! ```
//!
//! Mailboxes keep a box for fourteen days at most, so who was away for that long looks at the last three periods. What
//! is laid out there is the business of [`super::renewing`] and [`super::address`].

use hkdf::Hkdf;
use sha2::{Digest, Sha256};
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use crate::session::StreamSeed;

/// How long keys are laid out under one name, in seconds.
const PERIOD_S: u64 = 7 * 24 * 3600;
/// The periods in which a box may still lie: the present one and those before it.
pub(crate) const PERIODS: u64 = 3;

/// The period of this moment.
pub(crate) const fn period_of(now: Timestamp) -> u64 {
    now.as_secs() / PERIOD_S
}

/// Which side lays something out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub(crate) enum Direction {
    /// The side that answered when the two met.
    FromInitiator = 1,
    /// The side that was answered.
    FromResponder = 2,
}

impl Direction {
    /// The direction away from a side.
    pub(crate) const fn from(is_initiator: bool) -> Self {
        if is_initiator { Self::FromInitiator } else { Self::FromResponder }
    }
}

fn derive(secret: &[u8; 32], what: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let info = [&[what], parts].concat();
    let mut out = Zeroizing::new([0u8; 32]);
    let expanded = Hkdf::<Sha256>::new(Some(b"sotto rendezvous v1"), secret)
        .expand_multi_info(&info, out.as_mut_slice());
    debug_assert!(expanded.is_ok(), "HKDF-SHA256 gives up to 8,160 bytes");
    out
}

fn seed(secret: &[u8; 32], what: &[u8], parts: &[&[u8]]) -> StreamSeed {
    StreamSeed::from_bytes(&derive(secret, what, parts))
}

/// The stream in which one side lays out its keys in a period.
pub(crate) fn rekey_bundles(secret: &[u8; 32], direction: Direction, period: u64) -> StreamSeed {
    seed(secret, b"rekey bundle", &[&[direction as u8], &period.to_be_bytes()])
}

/// The stream whose first box answers these keys.
pub(crate) fn rekey_answer(secret: &[u8; 32], bundle: &[u8]) -> StreamSeed {
    seed(secret, b"rekey answer", &[&Sha256::digest(bundle)])
}

/// What vouches for these keys and their answer.
pub(crate) fn rekey_psk(secret: &[u8; 32], bundle: &[u8]) -> Zeroizing<[u8; 32]> {
    derive(secret, b"rekey psk", &[&Sha256::digest(bundle)])
}

/// The chain of an address's own stream in a period; its root key is the address's.
pub(crate) fn address_bundles(public: &[u8; 32], period: u64) -> Zeroizing<[u8; 32]> {
    derive(public, b"address bundle", &[&period.to_be_bytes()])
}

/// The stream in which anybody who has the address asks, in a period.
pub(crate) fn address_requests(public: &[u8; 32], period: u64) -> StreamSeed {
    seed(public, b"address request", &[&period.to_be_bytes()])
}

/// Goes into a request's keys. It vouches for nothing: everybody who has the address knows it.
pub(crate) fn address_psk(public: &[u8; 32]) -> Zeroizing<[u8; 32]> {
    derive(public, b"address psk", &[])
}

/// By which keys, or a request, are recognised.
pub(crate) fn tag_of(bytes: &[u8]) -> [u8; 16] {
    let digest: [u8; 32] = Sha256::digest(bytes).into();
    let mut tag = [0u8; 16];
    tag.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_is_another_one() {
        let secret = [7; 32];
        let seeds = [
            *rekey_bundles(&secret, Direction::FromInitiator, 1).as_bytes(),
            *rekey_bundles(&secret, Direction::FromResponder, 1).as_bytes(),
            *rekey_bundles(&secret, Direction::FromInitiator, 2).as_bytes(),
            *rekey_answer(&secret, b"one").as_bytes(),
            *rekey_answer(&secret, b"other").as_bytes(),
            *rekey_psk(&secret, b"one"),
            *address_bundles(&secret, 1),
            *address_requests(&secret, 1).as_bytes(),
            *address_psk(&secret),
        ];
        for (at, one) in seeds.iter().enumerate() {
            assert!(!seeds[..at].contains(one), "{at}");
        }
    }

    #[test]
    fn a_period_is_a_week() {
        assert_eq!(period_of(Timestamp::from_millis(PERIOD_S * 1000 - 1)), 0);
        assert_eq!(period_of(Timestamp::from_millis(PERIOD_S * 1000)), 1);
    }
}
