//! What is known of each address: its connections, and how fast they follow one another.
//!
//! Of an address without a connection nothing is kept but until when its handshakes are paid for, and that only until
//! then. The table has no more entries than there are connections, and [`IDLE_ADDRESSES_MAX`].

use std::collections::{BTreeSet, HashMap};

use sotto_protocol::time::Timestamp;

use super::denial::Denial;
use super::limits::ListenLimits;
use super::rate::Rate;
use crate::caller::Prefix;

/// Addresses without a connection that are remembered for their rate. Where there are more, the one whose handshakes
/// are paid for first is forgotten: it gains the least by it. With the default limits there are seldom so many: 500
/// handshakes a second, each remembered for 4 s at most.
pub(super) const IDLE_ADDRESSES_MAX: usize = 8_192;

#[derive(Clone, Copy)]
struct Address {
    connections: usize,
    paid_until: Timestamp,
}

/// The addresses that count.
#[derive(Default)]
pub(super) struct Addresses {
    by_prefix: HashMap<Prefix, Address>,
    /// Those without a connection, by when they can be forgotten.
    idle: BTreeSet<(Timestamp, Prefix)>,
}

impl Addresses {
    /// Whether one more connection from there is within the limits. Nothing changes by the question.
    pub(super) fn check(&self, now: Timestamp, prefix: Prefix, limits: &ListenLimits) -> Result<(), Denial> {
        let Some(address) = self.by_prefix.get(&prefix) else {
            return Ok(());
        };
        if address.connections >= limits.connections_per_address_max {
            return Err(Denial::AddressFull(limits.connections_per_address_max));
        }
        let paid = rate(limits).admit(now, address.paid_until);
        paid.map(|_| ()).ok_or(Denial::AddressTooFast(limits.handshakes_per_address_per_s_max))
    }

    /// Counts a connection that [`check`](Self::check) has let pass.
    pub(super) fn enter(&mut self, now: Timestamp, prefix: Prefix, limits: &ListenLimits) {
        self.forget(now);
        let unknown = Address { connections: 0, paid_until: Timestamp::default() };
        let address = self.by_prefix.entry(prefix).or_insert(unknown);
        if address.connections == 0 {
            self.idle.remove(&(address.paid_until, prefix));
        }
        address.connections += 1;
        address.paid_until = rate(limits).admit(now, address.paid_until).unwrap_or(address.paid_until);
    }

    /// Notes that a connection ended.
    pub(super) fn leave(&mut self, prefix: Prefix) {
        let Some(address) = self.by_prefix.get_mut(&prefix) else {
            return;
        };
        address.connections = address.connections.saturating_sub(1);
        if address.connections == 0 {
            self.idle.insert((address.paid_until, prefix));
        }
        if self.idle.len() > IDLE_ADDRESSES_MAX {
            self.forget_first();
        }
    }

    /// Forgets the addresses without a connection whose handshakes are paid for.
    fn forget(&mut self, now: Timestamp) {
        while self.idle.first().is_some_and(|(paid_until, _)| *paid_until <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((_, prefix)) = self.idle.pop_first() {
            self.by_prefix.remove(&prefix);
        }
    }
}

/// One address' rate: as many at once as it may have connections.
fn rate(limits: &ListenLimits) -> Rate {
    let burst = u32::try_from(limits.connections_per_address_max).unwrap_or(u32::MAX);
    Rate::new(limits.handshakes_per_address_per_s_max, burst)
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::time::Duration;

    use super::*;
    use crate::caller::CallerKey;

    const LIMITS: ListenLimits = ListenLimits {
        links_max: 1_000,
        anonymous_links_max: 100,
        handshakes_max: 100,
        connections_per_address_max: 3,
        handshakes_per_s_max: 100,
        handshakes_per_address_per_s_max: 2,
        loopback_exempt: false,
    };

    fn now() -> Timestamp {
        Timestamp::from_millis(1_000_000)
    }

    fn prefixes(count: u32) -> Vec<Prefix> {
        let key = CallerKey::default();
        let address = |number| IpAddr::V4(Ipv4Addr::from_bits(0x0a00_0000 + number));
        (0..count).map(|number| key.caller(address(number)).prefix().unwrap()).collect()
    }

    fn enter(addresses: &mut Addresses, now: Timestamp, prefix: Prefix) -> Result<(), Denial> {
        addresses.check(now, prefix, &LIMITS)?;
        addresses.enter(now, prefix, &LIMITS);
        Ok(())
    }

    #[test]
    fn an_address_has_so_many_connections_and_others_are_not_concerned() {
        let mut addresses = Addresses::default();
        let [one, other] = prefixes(2)[..] else { unreachable!() };
        for _ in 0..3 {
            assert_eq!(enter(&mut addresses, now(), one), Ok(()));
        }
        let later = now() + Duration::from_secs(60);
        assert_eq!(enter(&mut addresses, later, one), Err(Denial::AddressFull(3)));
        assert_eq!(enter(&mut addresses, later, other), Ok(()));
        addresses.leave(one);
        assert_eq!(enter(&mut addresses, later, one), Ok(()));
    }

    #[test]
    fn a_rate_is_kept_also_of_connections_that_end_at_once() {
        let mut addresses = Addresses::default();
        let [one, other] = prefixes(2)[..] else { unreachable!() };
        let mut flood = |now: Timestamp| {
            let mut admitted = 0;
            for _ in 0..100 {
                match enter(&mut addresses, now, one) {
                    Ok(()) => {
                        addresses.leave(one);
                        admitted += 1;
                    }
                    Err(denial) => assert_eq!(denial, Denial::AddressTooFast(2)),
                }
            }
            admitted
        };
        assert_eq!(flood(now()), 3);
        assert_eq!(flood(now()), 0);
        assert_eq!(flood(now() + Duration::from_secs(1)), 2);
        assert_eq!(enter(&mut addresses, now(), other), Ok(()));
    }

    #[test]
    fn what_is_paid_for_is_forgotten_and_the_rest_is_bounded() {
        let mut addresses = Addresses::default();
        let count = u32::try_from(IDLE_ADDRESSES_MAX).unwrap() + 1_000;
        let prefixes = prefixes(count);
        for prefix in &prefixes {
            assert_eq!(enter(&mut addresses, now(), *prefix), Ok(()));
            addresses.leave(*prefix);
        }
        assert_eq!(
            (addresses.by_prefix.len(), addresses.idle.len()),
            (IDLE_ADDRESSES_MAX, IDLE_ADDRESSES_MAX)
        );
        let stays = prefixes[0];
        assert_eq!(enter(&mut addresses, now() + Duration::from_secs(1), stays), Ok(()));
        assert_eq!((addresses.by_prefix.len(), addresses.idle.len()), (1, 0), "one is connected");
        addresses.leave(stays);
        addresses.leave(stays);
        assert_eq!(
            (addresses.by_prefix.len(), addresses.idle.len()),
            (1, 1),
            "an end too many changes nothing"
        );
    }
}
