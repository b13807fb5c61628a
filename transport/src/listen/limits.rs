//! How much a listener takes on, and within what ranges that can be set.
//!
//! What an operator can say about them in a file is for the programs; what happens at each limit, for the
//! [gate](super).

use std::ops::RangeInclusive;

use sotto_protocol::limits::NODES_MAX;
use thiserror::Error;

/// The limits of one listener. A node has one for TCP and, if it has an onion service, another one with the same
/// limits for that.
///
/// A connection over a limit is closed before any work is done for it, and counted under a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListenLimits {
    /// Connections at once, handshakes included: 18,432. At least [`anonymous_links_max`](Self::anonymous_links_max) and
    /// [`handshakes_max`](Self::handshakes_max) together, so that nodes of the consensus find room however many there
    /// are of others. One descriptor each.
    pub links_max: usize,
    /// Links at once of whoever does not show the key of a node of the consensus: 16,384. One more is refused after its
    /// handshake, which is when it shows.
    pub anonymous_links_max: usize,
    /// Handshakes under way at once: 1,024, of which each holds some 8 kB. For one more, the oldest of the address with the most of them is given up.
    pub handshakes_max: usize,
    /// Connections at once from one address, an IPv4 address or an IPv6 /64: 64. Behind a NAT or an exit of Tor are many
    /// people, of whom few use one entry at one time; 64 of them find room, while somebody with one address holds less
    /// than half a percent of the places. Does not count by an onion service.
    pub connections_per_address_max: usize,
    /// Handshakes in a second: 500. Of a burst, as many as in one second are taken at once. Both ends of a handshake took half
    /// a millisecond of one core together (`docs/benchmarks.md`), so this end takes less than a quarter of one core, and all
    /// clients of a full entry are back within 33 s.
    pub handshakes_per_s_max: u32,
    /// Handshakes in a second from one address: 16. Of a burst, as many as the address may have connections are taken
    /// at once. Does not count by an onion service.
    pub handshakes_per_address_per_s_max: u32,
    /// Whether the two limits of one address leave out callers on this host: no. Set where a proxy in front of the node,
    /// or a whole network on one host, makes everybody come from there.
    pub loopback_exempt: bool,
}

impl Default for ListenLimits {
    fn default() -> Self {
        let (anonymous_links_max, handshakes_max) = (16_384, 1_024);
        Self {
            links_max: anonymous_links_max + handshakes_max + NODES_MAX,
            anonymous_links_max,
            handshakes_max,
            connections_per_address_max: 64,
            handshakes_per_s_max: 500,
            handshakes_per_address_per_s_max: 16,
            loopback_exempt: false,
        }
    }
}

impl ListenLimits {
    /// What [`links_max`](Self::links_max) can be.
    pub const LINKS_RANGE: RangeInclusive<usize> = 64..=1_048_576;
    /// What [`anonymous_links_max`](Self::anonymous_links_max) can be.
    pub const ANONYMOUS_LINKS_RANGE: RangeInclusive<usize> = 16..=1_000_000;
    /// What [`handshakes_max`](Self::handshakes_max) can be.
    pub const HANDSHAKES_RANGE: RangeInclusive<usize> = 16..=16_384;
    /// What [`connections_per_address_max`](Self::connections_per_address_max) can be.
    pub const CONNECTIONS_PER_ADDRESS_RANGE: RangeInclusive<usize> = 1..=65_536;
    /// What the two rates can be.
    pub const HANDSHAKES_PER_S_RANGE: RangeInclusive<u32> = 1..=100_000;

    /// For an entry that keeps so many sessions: as many anonymous links, and some more for those who ask for the
    /// consensus.
    #[must_use]
    pub fn for_clients(sessions_max: usize) -> Self {
        let limits = Self::default();
        let (min, max) = Self::ANONYMOUS_LINKS_RANGE.into_inner();
        let anonymous_links_max = sessions_max.saturating_add(sessions_max / 16).clamp(min, max);
        Self {
            anonymous_links_max,
            links_max: anonymous_links_max + limits.handshakes_max + NODES_MAX,
            ..limits
        }
    }

    /// For a node that has no clients: 1,024 anonymous links, which ask for the consensus and go.
    #[must_use]
    pub fn without_clients() -> Self {
        let limits = Self::default();
        let anonymous_links_max = 1_024;
        Self {
            anonymous_links_max,
            links_max: anonymous_links_max + limits.handshakes_max + NODES_MAX,
            ..limits
        }
    }

    /// Whether each limit is within its range and they fit together.
    ///
    /// # Errors
    ///
    /// [`ListenLimitsError`], which names the limit.
    pub fn check(&self) -> Result<(), ListenLimitsError> {
        let within = |name, value, range: RangeInclusive<usize>| {
            let (min, max) = range.into_inner();
            let is_within = (min..=max).contains(&value);
            is_within.then_some(()).ok_or(ListenLimitsError::OutOfRange { name, value, min, max })
        };
        within("links_max", self.links_max, Self::LINKS_RANGE)?;
        within("anonymous_links_max", self.anonymous_links_max, Self::ANONYMOUS_LINKS_RANGE)?;
        within("handshakes_max", self.handshakes_max, Self::HANDSHAKES_RANGE)?;
        let (name, range) = ("connections_per_address_max", Self::CONNECTIONS_PER_ADDRESS_RANGE);
        within(name, self.connections_per_address_max, range)?;
        let (min, max) = Self::HANDSHAKES_PER_S_RANGE.into_inner();
        for (name, rate) in [
            ("handshakes_per_s_max", self.handshakes_per_s_max),
            ("handshakes_per_address_per_s_max", self.handshakes_per_address_per_s_max),
        ] {
            let size = |value| usize::try_from(value).unwrap_or(usize::MAX);
            within(name, size(rate), size(min)..=size(max))?;
        }
        let needed = self.anonymous_links_max + self.handshakes_max;
        if self.links_max < needed {
            return Err(ListenLimitsError::NoRoomForNodes { links_max: self.links_max, needed });
        }
        Ok(())
    }
}

/// Limits that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ListenLimitsError {
    /// A limit outside its range.
    #[error("expected `{name}` between {min} and {max}, and got {value}")]
    OutOfRange {
        /// The limit's name.
        name: &'static str,
        /// What it was to be.
        value: usize,
        /// The least.
        min: usize,
        /// The most.
        max: usize,
    },
    /// Anonymous links and handshakes alone could take all places.
    #[error(
        "expected `links_max` to be at least `anonymous_links_max` and `handshakes_max` together, {needed}, and got \
         {links_max}: nodes of the consensus would find no room; raise it"
    )]
    NoRoomForNodes {
        /// What it was to be.
        links_max: usize,
        /// The least.
        needed: usize,
    },
}

impl ListenLimitsError {
    /// The stable name for logs and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "limit-out-of-range",
            Self::NoRoomForNodes { .. } => "limit-no-room-for-nodes",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_hold_together() {
        for limits in [ListenLimits::default(), ListenLimits::without_clients()] {
            assert_eq!(limits.check(), Ok(()));
            assert_eq!(limits.links_max - limits.anonymous_links_max - limits.handshakes_max, NODES_MAX);
        }
        assert!(ListenLimits::default().anonymous_links_max >= 10_000);
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        let good = ListenLimits::default();
        let bad = [
            (ListenLimits { links_max: 63, ..good }, "`links_max`"),
            (ListenLimits { anonymous_links_max: 0, ..good }, "`anonymous_links_max`"),
            (ListenLimits { handshakes_max: 15, ..good }, "`handshakes_max`"),
            (ListenLimits { connections_per_address_max: 0, ..good }, "`connections_per_address_max`"),
            (ListenLimits { handshakes_per_s_max: 0, ..good }, "`handshakes_per_s_max`"),
            (
                ListenLimits { handshakes_per_address_per_s_max: 100_001, ..good },
                "`handshakes_per_address_per_s_max`",
            ),
        ];
        for (limits, name) in bad {
            let error = limits.check().unwrap_err();
            assert_eq!(error.label(), "limit-out-of-range");
            assert!(error.to_string().contains(name), "{error}");
        }
        let error = ListenLimits { anonymous_links_max: 20_000, ..good }.check().unwrap_err();
        assert_eq!(error.label(), "limit-no-room-for-nodes");
        assert!(error.to_string().contains("21024"), "{error}");
    }
}
