//! Who is let in: joins the tables and decides, before anything is done for a caller.
//!
//! Nothing here waits, and the lock is held for a few look-ups. What is counted for a caller is given back when its
//! [`Place`] or its [`Handshake`] is dropped, however its task ended.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sotto_protocol::time::Timestamp;
use tokio::sync::oneshot;

use super::addresses::Addresses;
use super::denial::Denial;
use super::handshakes::Handshakes;
use super::limits::ListenLimits;
use super::rate::Rate;
use crate::caller::{Caller, Prefix};

#[derive(Default)]
struct Tables {
    addresses: Addresses,
    handshakes: Handshakes,
    links: usize,
    anonymous: usize,
    /// Until when the handshakes of all are paid for.
    paid_until: Timestamp,
}

/// The gate of one listener. Clones are the same gate.
#[derive(Clone, Default)]
pub(super) struct Gate(Arc<Mutex<Tables>>);

/// A connection that was let in.
pub(super) struct Admitted {
    pub(super) place: Place,
    pub(super) handshake: Handshake,
}

impl Gate {
    /// Lets a caller in, or says what it is over. The limits that concern the caller alone come before the common
    /// rate, so that whoever is turned away for itself takes nothing from others.
    pub(super) fn admit(
        &self,
        now: Timestamp,
        caller: Caller,
        limits: &ListenLimits,
    ) -> Result<Admitted, Denial> {
        let is_exempt = limits.loopback_exempt && caller.is_loopback();
        let counted = caller.prefix().filter(|_| !is_exempt);
        let mut tables = self.lock();
        if tables.links >= limits.links_max {
            return Err(Denial::LinksFull(limits.links_max));
        }
        if let Some(prefix) = counted {
            tables.addresses.check(now, prefix, limits)?;
        }
        let rate = Rate::new(limits.handshakes_per_s_max, limits.handshakes_per_s_max);
        let paid = rate.admit(now, tables.paid_until);
        tables.paid_until = paid.ok_or(Denial::HandshakesTooFast(limits.handshakes_per_s_max))?;
        if let Some(prefix) = counted {
            tables.addresses.enter(now, prefix, limits);
        }
        tables.links += 1;
        let (number, evicted) = tables.handshakes.begin(caller.prefix(), limits.handshakes_max);
        drop(tables);
        Ok(Admitted {
            place: Place { gate: self.clone(), counted, is_anonymous: false },
            handshake: Handshake { gate: self.clone(), number, evicted },
        })
    }

    fn lock(&self) -> MutexGuard<'_, Tables> {
        // Nothing panics with the lock held; if it did, the counts would still be counts.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place, until it is dropped.
pub(super) struct Place {
    gate: Gate,
    /// The address for which it counts. Told once, as limits can change meanwhile.
    counted: Option<Prefix>,
    is_anonymous: bool,
}

impl Place {
    /// Counts the link among those without the key of a node of the consensus.
    pub(super) fn becomes_anonymous(&mut self, limits: &ListenLimits) -> Result<(), Denial> {
        let mut tables = self.gate.lock();
        if tables.anonymous >= limits.anonymous_links_max {
            return Err(Denial::AnonymousFull(limits.anonymous_links_max));
        }
        tables.anonymous += 1;
        self.is_anonymous = true;
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tables = self.gate.lock();
        tables.links = tables.links.saturating_sub(1);
        if self.is_anonymous {
            tables.anonymous = tables.anonymous.saturating_sub(1);
        }
        if let Some(prefix) = self.counted {
            tables.addresses.leave(prefix);
        }
    }
}

/// A handshake under way, until it is dropped.
pub(super) struct Handshake {
    gate: Gate,
    number: u64,
    evicted: oneshot::Receiver<()>,
}

impl Handshake {
    /// Returns when it has to make room for another one.
    pub(super) async fn evicted(&mut self) {
        // The sender is dropped unused only where this handshake has ended, and then nobody waits here.
        let _told = (&mut self.evicted).await;
    }
}

impl Drop for Handshake {
    fn drop(&mut self) {
        self.gate.lock().handshakes.end(self.number);
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use super::*;
    use crate::caller::CallerKey;

    struct Door {
        gate: Gate,
        key: CallerKey,
        now: Timestamp,
        limits: ListenLimits,
    }

    impl Door {
        fn new(limits: ListenLimits) -> Self {
            let now = Timestamp::from_millis(1_000_000);
            Self { gate: Gate::default(), key: CallerKey::default(), now, limits }
        }

        fn call(&self, address: &str) -> Result<Admitted, Denial> {
            let caller = self.key.caller(address.parse::<IpAddr>().unwrap());
            self.gate.admit(self.now, caller, &self.limits)
        }

        fn denial(&self, address: &str) -> Denial {
            self.call(address).err().expect("turned away")
        }
    }

    #[test]
    fn whoever_is_turned_away_for_itself_takes_nothing_from_others() {
        let limits = ListenLimits {
            handshakes_per_s_max: 10,
            connections_per_address_max: 3,
            handshakes_per_address_per_s_max: 1,
            ..ListenLimits::default()
        };
        let door = Door::new(limits);
        let held: Vec<_> = (0..3).map(|_| door.call("192.0.2.1").ok().unwrap()).collect();
        for _ in 0..1_000 {
            assert_eq!(door.denial("192.0.2.1"), Denial::AddressFull(3));
        }
        drop(held);
        for _ in 0..1_000 {
            assert_eq!(door.denial("192.0.2.1"), Denial::AddressTooFast(1));
        }
        for number in 0..7 {
            assert!(door.call(&format!("192.0.2.{}", 10 + number)).is_ok());
        }
        assert_eq!(door.denial("192.0.2.100"), Denial::HandshakesTooFast(10));
        // What the common rate turned away is not held against its address.
        let later = Door { now: door.now + Duration::from_millis(100), ..door };
        let admitted = later.call("192.0.2.100").ok().unwrap();
        assert_eq!(later.denial("192.0.2.100"), Denial::HandshakesTooFast(10));
        drop(admitted);
        assert_eq!(later.gate.lock().links, 0);
    }

    #[test]
    fn callers_without_a_place_are_limited_together_only() {
        let limits =
            ListenLimits { connections_per_address_max: 1, links_max: 50, ..ListenLimits::default() };
        let door = Door::new(limits);
        let call = || door.gate.admit(door.now, Caller::UNKNOWN, &door.limits);
        let held: Vec<_> = (0..50).map(|_| call().ok().unwrap()).collect();
        assert_eq!(call().err(), Some(Denial::LinksFull(50)));
        drop(held);
        assert!(call().is_ok());
    }

    #[test]
    fn this_host_is_exempt_if_and_only_if_that_is_said() {
        let limits = ListenLimits { connections_per_address_max: 1, ..ListenLimits::default() };
        let door = Door::new(limits);
        let _held = door.call("127.0.0.1").ok().unwrap();
        assert_eq!(door.denial("127.0.0.1"), Denial::AddressFull(1));
        let exempt = Door { limits: ListenLimits { loopback_exempt: true, ..limits }, ..door };
        let admitted = exempt.call("127.0.0.1").ok().unwrap();
        let _remote = exempt.call("192.0.2.1").ok().unwrap();
        assert_eq!(exempt.denial("192.0.2.1"), Denial::AddressFull(1));
        // The end of one that did not count frees no place of those that did.
        let strict = Door { limits, ..exempt };
        drop(admitted);
        assert_eq!(strict.denial("127.0.0.1"), Denial::AddressFull(1));
    }

    #[test]
    fn places_of_anonymous_links_are_given_back() {
        let limits = ListenLimits { anonymous_links_max: 1, ..ListenLimits::default() };
        let door = Door::new(limits);
        let mut first = door.call("192.0.2.1").ok().unwrap().place;
        let mut second = door.call("192.0.2.2").ok().unwrap().place;
        assert_eq!(first.becomes_anonymous(&limits), Ok(()));
        assert_eq!(second.becomes_anonymous(&limits), Err(Denial::AnonymousFull(1)));
        drop(first);
        assert_eq!(second.becomes_anonymous(&limits), Ok(()));
        drop(second);
        let tables = door.gate.lock();
        assert_eq!((tables.links, tables.anonymous), (0, 0));
    }
}
