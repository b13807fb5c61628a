//! How many packets a second this machine can unwrap, which is most of what a mix computes.
//!
//! One core unwraps packets for about a second, in batches as the node's workers do; the rest is multiplication. What
//! links, the delay queue and the disk take away from that is not measured here: `sotto-mix bench` does.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use sotto_protocol::sphinx::HopSecret;
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, X25519, measure};
use sotto_transport::clock::Clock;
use sotto_transport::rng::OsRng;

use crate::core::UNWRAP_BATCH_MAX;
use crate::shell::check::{Check, Verdict};

/// How long packets are unwrapped.
const MEASURED: Duration = Duration::from_secs(1);
/// Packets that are made for it, and unwrapped again and again. Nobody remembers their tags.
const PACKETS: usize = 8 * UNWRAP_BATCH_MAX;
/// The epoch of the key that is made for it.
const EPOCH: u64 = 1;
/// Packets a second below which an ordinary network's node would be late.
const RATE_LOW: u64 = 1_000;

/// What was measured.
pub(super) struct Capacity {
    /// The X25519 that was used.
    x25519: &'static str,
    /// Packets a second on one core; `None` if no packet could be made or unwrapped.
    one_core: Option<u64>,
    workers: usize,
    cores: usize,
}

impl Capacity {
    /// Measures with this X25519, or with the fastest; as many `workers`, or one for each core if there are 0.
    pub(super) fn measure(x25519: Option<X25519>, workers: usize) -> Self {
        let x25519 = x25519.unwrap_or_else(X25519::detect);
        let cores = thread::available_parallelism().map_or(1, NonZero::get);
        let workers = if workers == 0 { cores } else { workers };
        Self { x25519: x25519.name(), one_core: one_core(x25519, MEASURED), workers, cores }
    }

    /// Packets a second on the cores that the workers have.
    pub(super) fn total(&self) -> Option<u64> {
        let useful = u64::try_from(self.useful()).unwrap_or(u64::MAX);
        self.one_core.map(|rate| rate.saturating_mul(useful))
    }

    fn useful(&self) -> usize {
        self.workers.min(self.cores)
    }

    /// What is to be said about it.
    pub(super) fn check(&self) -> Check {
        let name = "capacity";
        let Self { x25519, one_core, workers, cores } = self;
        let (Some(rate), Some(total)) = (one_core, self.total()) else {
            return Check::wrong(
                name,
                Verdict::Fail,
                format!("not measured, X25519 by {x25519}"),
                "a packet that this program made could not be unwrapped",
                "report it: the program has a mistake, or the machine computes wrongly",
            );
        };
        let useful = self.useful();
        let value = format!("{rate} packets/s on one core, about {total} on {useful}, X25519 by {x25519}");
        if total < RATE_LOW {
            return Check::wrong(
                name,
                Verdict::Warn,
                value,
                "busy networks bring more packets than that",
                "a faster machine, or one whose cores are not shared",
            );
        }
        if workers > cores {
            return Check::wrong(
                name,
                Verdict::Warn,
                value,
                format!("{workers} workers share {cores} cores: more of them make nothing faster"),
                "set `workers` in [limits] to 0",
            );
        }
        let explanation = "unwrapping alone, on a core of its own; links and the disk take part of it: see `sotto-mix bench`";
        Check::ok(name, value, explanation)
    }
}

fn one_core(x25519: X25519, at_least: Duration) -> Option<u64> {
    let secret = HopSecret::generate(&mut OsRng);
    let packets = measure::packets(secret.public(), PACKETS, &mut OsRng).ok()?;
    let keys = HopKeys::new().with(EPOCH, secret);
    let mut unwrapper = BatchUnwrapper::new(x25519);
    let mut opened = Vec::with_capacity(UNWRAP_BATCH_MAX);
    let clock = Clock::system();
    let began = clock.now();
    let mut unwrapped: u64 = 0;
    loop {
        for batch in packets.chunks_exact(UNWRAP_BATCH_MAX) {
            // A packet is used up by its unwrapping; the copy is measured with it.
            unwrapper.unwrap(&keys, EPOCH, Duration::MAX, batch.iter().cloned(), &mut opened);
            for result in opened.drain(..) {
                drop(result.ok()?);
                unwrapped += 1;
            }
        }
        let span = clock.now().since(began);
        if span >= at_least {
            let micros = u64::try_from(span.as_micros()).ok()?;
            return unwrapped.saturating_mul(1_000_000).checked_div(micros);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_that_of_the_cores_that_there_are() {
        let of = |one_core, workers| Capacity { x25519: "ifma", one_core, workers, cores: 2 };
        let fast = of(Some(8_000), 2).check();
        assert_eq!(
            (fast.verdict, fast.value.as_str()),
            (Verdict::Ok, "8000 packets/s on one core, about 16000 on 2, X25519 by ifma")
        );
        let many = of(Some(8_000), 9);
        assert_eq!((many.check().verdict, many.check().value), (Verdict::Warn, fast.value));
        assert_eq!(many.total(), Some(16_000));
        assert_eq!(of(Some(499), 2).check().verdict, Verdict::Warn);
        assert_eq!((of(None, 2).check().verdict, of(None, 2).total()), (Verdict::Fail, None));
    }

    #[test]
    fn packets_are_opened_by_every_x25519() {
        for x25519 in X25519::available() {
            assert!(one_core(x25519, Duration::ZERO).is_some_and(|rate| rate > 0), "{x25519:?}");
        }
    }
}
