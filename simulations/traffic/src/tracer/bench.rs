//! How fast targets are traced while a run goes on, measured with the caller's clock.
//!
//! Not here: a clock, and what is fast enough.

use std::time::Duration;

use super::{Direction, Tracer};
use crate::engine::{PrepareError, Simulation};
use crate::observer::{Fact, Observer, Sighting, Watcher};
use crate::party::Layout;
use crate::random::Seed;

/// Events of a packet in the network that is traced, see [`crate::bench::scenario`].
const EVENTS_PER_MESSAGE: u64 = 8;

/// What was measured.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct TracingBench {
    /// Packets that clients sent, all of which were followed.
    pub messages: u64,
    /// How many of them were targets.
    pub targets: u64,
    /// How long the run with its tracing took.
    pub seconds: f64,
    /// Messages in a second.
    pub messages_per_s: f64,
    /// The mean of the Shannon entropies of the passages by which targets may have come out.
    pub entropy_bits_mean: f64,
}

/// Marks every so manieth packet of clients.
struct Tracing {
    layout: Layout,
    tracer: Tracer,
    every: u64,
    messages: u64,
}

impl Observer for Tracing {
    fn sent(&mut self, sighting: &Sighting, _: &Fact) {
        if self.layout.is_client(sighting.from) {
            // In the middle of each stretch: the first has a network that has filled, the last comes out.
            if self.messages % self.every == self.every / 2 {
                self.tracer.mark(sighting.wire);
            }
            self.messages += 1;
        }
        self.tracer.sent(sighting);
    }

    fn arrived(&mut self, sighting: &Sighting, _: &Fact) {
        self.tracer.arrived(sighting);
    }
}

/// Runs about so many messages of [`crate::bench::scenario`] and follows so many of them, spread over the run, on one core.
///
/// # Errors
/// More or fewer messages than a run can have.
pub fn tracing(
    messages: u64,
    targets: u32,
    clock: &dyn Fn() -> Duration,
) -> Result<TracingBench, PrepareError> {
    let scenario = crate::bench::scenario(messages * EVENTS_PER_MESSAGE);
    let simulation = Simulation::new(&scenario, Seed::new(1))?;
    let layout = simulation.layout().clone();
    let tracer = Tracer::new(&layout, &scenario, &[], Direction::Forward, targets as usize);
    let every = (messages / u64::from(targets.max(1))).max(1);
    let mut observer = Tracing { layout, tracer, every, messages: 0 };
    let start = clock();
    simulation.run(&mut observer);
    let entropies: Vec<f64> = (0..targets as usize)
        .map(|target| {
            let masses = observer.tracer.exits(target).iter().map(|exit| exit.mass);
            masses.map(|mass| -mass * mass.log2()).sum()
        })
        .collect();
    let seconds = clock().saturating_sub(start).as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let messages_per_s = observer.messages as f64 / seconds;
    Ok(TracingBench {
        messages: observer.messages,
        targets: u64::from(targets),
        seconds,
        messages_per_s,
        entropy_bits_mean: entropies.iter().sum::<f64>() / f64::from(targets.max(1)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_traced_to_the_entropy_of_the_closed_form() {
        let time = std::cell::Cell::new(0);
        let clock = || Duration::from_secs(time.replace(time.get() + 4));
        let bench = tracing(200_000, 4, &clock).unwrap();
        assert!(bench.messages.abs_diff(200_000) < 5000 && bench.targets == 4, "{bench:?}");
        assert!((bench.seconds - 4.0).abs() < 1e-9);
        // log2(rate x delay) + [L + lnGamma(L) + (1 - L) psi(L)] / ln 2 for 10,000 packets a second, 200 ms, L = 3:
        // psi(3) = 3/2 - Euler's constant.
        let psi = 1.5 - 0.577_215_664_901_532_9;
        let expected = 2000_f64.log2() + (3.0 + 2_f64.ln() - 2.0 * psi) / 2_f64.ln();
        assert!((bench.entropy_bits_mean - expected).abs() < 0.05, "{} {expected}", bench.entropy_bits_mean);
    }
}
