//! The cryptography of a hop, on one thread.

use std::time::Duration;

use sotto_protocol::sphinx::fast::measure::{Bare, by_reference, packets};
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, X25519};
use sotto_protocol::sphinx::{HopSecret, Packet};
use sotto_transport::rng::OsRng;

use super::error::BenchError;
use super::measured::{ROUNDS, median, rate};
use super::report::{CryptoReport, UnwrapReport};
use crate::core::UNWRAP_BATCH_MAX;
use crate::shell::config::x25519;

/// Different packets, more than a processor's caches hold of anything it could remember of them.
const PACKETS: usize = 512;
const EPOCH: u64 = 1;
const DELAY_MAX: Duration = Duration::from_secs(10);

/// The X25519 of this name, or the fastest.
pub(super) fn x25519(name: Option<&str>) -> Result<X25519, BenchError> {
    let Some(name) = name else { return Ok(X25519::detect()) };
    let named = x25519::parse(name).map_err(BenchError::UnknownX25519)?;
    Ok(named.unwrap_or_else(X25519::detect))
}

/// Reference, ours and the bare limit, in turn.
pub(super) fn measure(
    name: Option<&str>,
    progress: &mut dyn FnMut(&str),
) -> Result<CryptoReport, BenchError> {
    let chosen = x25519(name)?;
    let library = fastest_library();
    let secret = HopSecret::generate(&mut OsRng);
    let packets = packets(secret.public(), PACKETS, &mut OsRng)?;
    let keys = HopKeys::new().with(EPOCH, HopSecret::from_bytes(secret.to_bytes()));
    let backends: Vec<X25519> = X25519::available().collect();
    let mut reference = Vec::new();
    let mut limit = Vec::new();
    let mut own_limit = Vec::new();
    let mut ours: Vec<Vec<f64>> = vec![Vec::new(); backends.len()];
    for round in 1..=ROUNDS {
        progress(&format!("cryptography, round {round} of {ROUNDS}"));
        let mut turn = packets.iter().cycle();
        reference.push(rate(1, || {
            turn.next().map_or(Ok(()), |packet| by_reference(&secret, packet).map(|_| ()))
        })?);
        limit.push(bare(library, 1)?);
        own_limit.push(bare(chosen, chosen.lanes().max(1))?);
        for (backend, rates) in backends.iter().zip(&mut ours) {
            rates.push(unwraps(*backend, &keys, &packets)?);
        }
    }
    let unwraps: Vec<UnwrapReport> = backends
        .iter()
        .zip(ours)
        .map(|(backend, rates)| UnwrapReport {
            x25519: backend.name().to_owned(),
            packets_per_s: median(rates),
        })
        .collect();
    let of = |name: &str| unwraps.iter().find(|it| it.x25519 == name).map_or(0.0, |it| it.packets_per_s);
    Ok(CryptoReport {
        reference_per_s: median(reference),
        x25519: chosen.name().to_owned(),
        ours_per_s: of(chosen.name()),
        library: library.name().to_owned(),
        ours_library_per_s: of(library.name()),
        bare_limit_per_s: median(limit),
        bare_limit_own_per_s: median(own_limit),
        unwraps,
    })
}

/// The fastest X25519 that somebody else has written: the widest of them does one at a time.
fn fastest_library() -> X25519 {
    X25519::available().find(|backend| backend.lanes() == 1).unwrap_or(X25519::PORTABLE)
}

/// Two X25519 operations and one pass over the payload for each of `lanes` packets.
fn bare(x25519: X25519, lanes: usize) -> Result<f64, BenchError> {
    let mut bare = Bare::new(x25519);
    rate(lanes, || {
        bare.x25519(lanes);
        bare.x25519(lanes);
        for _ in 0..lanes {
            std::hint::black_box(bare.payload()?);
        }
        Ok(())
    })
}

fn unwraps(x25519: X25519, keys: &HopKeys, packets: &[Packet]) -> Result<f64, BenchError> {
    let mut unwrapper = BatchUnwrapper::new(x25519);
    let mut results = Vec::with_capacity(UNWRAP_BATCH_MAX);
    let mut turn = packets.chunks_exact(UNWRAP_BATCH_MAX).cycle();
    rate(UNWRAP_BATCH_MAX, || {
        // A packet is used up by its unwrapping; the copy is measured with it.
        let batch = turn.next().unwrap_or_default().iter().cloned();
        unwrapper.unwrap(keys, EPOCH, DELAY_MAX, batch, &mut results);
        results.drain(..).try_for_each(|result| result.map(|opened| drop(std::hint::black_box(opened))))?;
        Ok(())
    })
}
