//! How many packets a second this machine can unwrap, which is what a mix computes.
//!
//! One core unwraps packets for about a second; the rest is multiplication. What links, the delay queue and the
//! disk take away from that is not measured here.

use std::num::NonZero;
use std::thread;
use std::time::Duration;

use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{Hop, HopSecret, KeyRing, Packet, build_forward};
use sotto_transport::clock::Clock;
use sotto_transport::rng::OsRng;

use crate::shell::check::{Check, Verdict};

/// How long packets are unwrapped.
const MEASURED: Duration = Duration::from_secs(1);
/// Packets that are made for it. They are unwrapped again and again, each round without memory of the one before.
const PACKETS: usize = 128;
/// The epoch of the key that is made for it.
const EPOCH: u64 = 1;
/// Packets a second below which an ordinary network's node would be late.
const RATE_LOW: u64 = 1_000;

/// Measures, and multiplies by the workers; 0 is one for each core.
pub(super) fn check(workers: usize) -> Check {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let workers = if workers == 0 { cores } else { workers };
    judge(measure(), workers, cores)
}

/// Packets a second on one core; `None` if no packet could be made or unwrapped.
fn measure() -> Option<u64> {
    let secret = HopSecret::generate(&mut OsRng);
    let secret_bytes = secret.to_bytes();
    let route = [
        Hop { node: NodeId::from_bytes([1; 32]), key: secret.public() },
        Hop { node: NodeId::from_bytes([2; 32]), key: HopSecret::generate(&mut OsRng).public() },
    ];
    let make = |_| build_forward(&route, &[Duration::ZERO; 2], [0; 32], b"", &mut OsRng).ok();
    let packets: Vec<Packet> = (0..PACKETS).map(make).collect::<Option<_>>()?;
    let clock = Clock::system();
    let began = clock.now();
    let mut unwrapped: u64 = 0;
    loop {
        let mut keys = KeyRing::new();
        keys.install(EPOCH, HopSecret::from_bytes(secret_bytes.clone()));
        for packet in &packets {
            let packet = Packet::from_slice(packet.as_bytes()).ok()?;
            keys.unwrap(EPOCH, packet, Duration::MAX).ok()?;
            unwrapped += 1;
        }
        let span = clock.now().since(began);
        if span >= MEASURED {
            let micros = u64::try_from(span.as_micros()).ok()?;
            return unwrapped.saturating_mul(1_000_000).checked_div(micros);
        }
    }
}

fn judge(rate: Option<u64>, workers: usize, cores: usize) -> Check {
    let name = "capacity";
    let Some(rate) = rate else {
        return Check::wrong(
            name,
            Verdict::Fail,
            "not measured",
            "a packet that this program made could not be unwrapped",
            "report it: the program has a mistake, or the machine computes wrongly",
        );
    };
    let useful = workers.min(cores);
    let total = rate.saturating_mul(u64::try_from(useful).unwrap_or(u64::MAX));
    let value = format!("{rate} packets/s on one core, about {total} on {useful}");
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
    Check::ok(name, value, "unwrapping alone, on a core of its own; links and the disk take part of it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_is_that_of_the_cores_that_there_are() {
        let fast = judge(Some(8_000), 2, 2);
        assert_eq!(
            (fast.verdict, fast.value.as_str()),
            (Verdict::Ok, "8000 packets/s on one core, about 16000 on 2")
        );
        let many = judge(Some(8_000), 9, 2);
        assert_eq!((many.verdict, many.value.as_str()), (Verdict::Warn, fast.value.as_str()));
        assert_eq!(judge(Some(499), 2, 2).verdict, Verdict::Warn);
        assert_eq!(judge(None, 2, 2).verdict, Verdict::Fail);
    }
}
