//! Packets made beforehand, so that making them is no part of what is measured.

use std::thread;
use std::time::Duration;

use sotto_protocol::sphinx::{Hop, Packet, build_forward, draw_delay};
use sotto_transport::rng::OsRng;

use super::error::StageError;

/// A packet for the node.
#[derive(Clone)]
pub struct Prepared {
    /// Its number, which is also its text: eight bytes, little-endian.
    pub number: u64,
    /// What it asks the node to hold it for.
    pub delay: Duration,
    /// The packet.
    pub packet: Packet,
}

/// `count` packets over `node` to the `sinks` in turn, numbered from `first`, with exponential delays of this mean,
/// made on all processors.
///
/// # Errors
/// [`StageError::Build`], which a valid route never causes.
pub fn prepare(
    node: Hop,
    sinks: &[Hop],
    first: u64,
    count: usize,
    delay_mean: Duration,
    delay_max: Duration,
) -> Result<Vec<Prepared>, StageError> {
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let share = count.div_ceil(threads).max(1);
    let numbers: Vec<u64> = (first..).take(count).collect();
    let made = thread::scope(|scope| {
        let parts: Vec<_> = numbers
            .chunks(share)
            .map(|numbers| scope.spawn(|| make(node, sinks, numbers, delay_mean, delay_max)))
            .collect();
        parts.into_iter().map(|part| part.join().unwrap_or_else(|_| Ok(Vec::new()))).collect::<Vec<_>>()
    });
    let mut prepared = Vec::with_capacity(count);
    for part in made {
        prepared.extend(part?);
    }
    Ok(prepared)
}

fn make(
    node: Hop,
    sinks: &[Hop],
    numbers: &[u64],
    delay_mean: Duration,
    delay_max: Duration,
) -> Result<Vec<Prepared>, StageError> {
    let made = numbers.iter().zip(sinks.iter().cycle()).map(|(number, sink)| {
        let delay = draw_delay(delay_mean, delay_max, &mut OsRng);
        let delays = [delay, Duration::ZERO];
        let text = number.to_le_bytes();
        let packet = build_forward(&[node, *sink], &delays, *sink.node.as_bytes(), &text, &mut OsRng)?;
        Ok(Prepared { number: *number, delay, packet })
    });
    made.collect()
}
