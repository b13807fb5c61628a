//! How long a packet takes from its client's link to its last, by what is public.
//!
//! The sum of L exponential delays of one mean is Erlang; for other ways of mixing a gamma distribution of the same mean and
//! variance stands in; Tor adds a time between public bounds. The latency of links is taken from those that are watched at both ends.

use statrs::distribution::{Continuous, Gamma, Normal};

use crate::engine::{CIRCUIT_MS, JITTER_MS};
use crate::scenario::{Mixing, Route};
use crate::time::SimTime;
use crate::view::{View, Wire};

/// The finest that times are told apart, in seconds.
const RESOLUTION_S: f64 = 1e-6;
/// From how many passages the latency of links is estimated.
const LINKS_MAX: usize = 10_000;
/// Points at which a density is tabled.
const TABLE_LEN: u32 = 4096;
/// Nine points of a normal distribution, each with a ninth of its mass, in standard deviations.
const NINTHS: [f64; 9] =
    [-1.593_219, -0.967_422, -0.589_456, -0.282_216, 0.0, 0.282_216, 0.589_456, 0.967_422, 1.593_219];

/// The time from the arrival at the end of a client's link to the sending on the last.
#[derive(Clone, Debug)]
pub(super) struct Transit {
    /// The delays of all mixes together; `None` if they hold nothing back.
    held: Option<Gamma>,
    held_s: (f64, f64),
    /// Mean and standard deviation of the links between.
    links_s: (f64, f64),
    /// The density at equal steps from the first time on, if anything is held.
    table: Vec<f64>,
    /// The first time and the step, in seconds.
    grid: (f64, f64),
}

impl Transit {
    /// From what an adversary sees, and what is public.
    #[expect(clippy::cast_precision_loss, reason = "counts of passages are fewer than 2^52")]
    pub(super) fn of(view: &View<'_>) -> Self {
        let network = &view.scenario.network;
        let hops = f64::from(network.hops());
        let seconds = view.window.1.since(view.window.0).as_secs_f64();
        // What comes into the network of mixes passes each layer once.
        let come = |wire: &&Wire| view.layout.is_mix(wire.to) && !view.layout.is_mix(wire.from);
        let come = view.wires.iter().filter(come).count() as f64;
        let width = f64::from(view.layout.layers().last().copied().unwrap_or(1));
        let (mean_s, variance) = hold(view.scenario.mixing, come / seconds / width);
        let times: Vec<f64> = view
            .wires
            .iter()
            .filter(|wire| wire.arrived != SimTime::NEVER && !view.layout.is_mix(wire.from))
            .take(LINKS_MAX)
            .map(|wire| wire.arrived.since(wire.sent).as_secs_f64())
            .collect();
        let count = times.len().max(1) as f64;
        let link_s = times.iter().sum::<f64>() / count;
        let spread = times.iter().map(|time| (time - link_s).powi(2)).sum::<f64>() / count;
        let links = match network.route {
            Route::Mix => (hops - 1.0).max(0.0),
            Route::TorMix => hops,
            Route::Tor => 0.0,
        };
        let tor = match network.route {
            Route::Mix => (0.0, 0.0),
            Route::TorMix | Route::Tor => tor(),
        };
        Self::new((hops * mean_s + tor.0, hops * variance + tor.1), (links * link_s, (links * spread).sqrt()))
    }

    /// Of delays with this mean and variance, and links with this mean and standard deviation.
    fn new(held_s: (f64, f64), links_s: (f64, f64)) -> Self {
        let (mean, variance) = held_s;
        let held =
            if variance > 0.0 { Gamma::new(mean * mean / variance, mean / variance).ok() } else { None };
        let mut transit = Self { held, held_s, links_s, table: Vec::new(), grid: (0.0, 0.0) };
        if transit.held.is_some() {
            let (shortest, longest) = transit.span();
            let earliest_s = if transit.is_wide() { 0.0 } else { links_s.0 - 2.0 * links_s.1 };
            let first = shortest.as_secs_f64().max(earliest_s);
            let step = (longest.as_secs_f64() - first) / f64::from(TABLE_LEN - 1);
            transit.table =
                (0..TABLE_LEN).map(|point| transit.exact(first + f64::from(point) * step)).collect();
            transit.grid = (first, step);
        }
        transit
    }

    /// The same, and then a wait of this mean, exponential.
    pub(super) fn then(&self, wait_s: f64) -> Self {
        Self::new((self.held_s.0 + wait_s, self.held_s.1 + wait_s * wait_s), self.links_s)
    }

    /// The density of this time, per second: between the points of the table, on a straight line.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and a cast saturates beyond the table"
    )]
    pub(super) fn density(&self, seconds: f64) -> f64 {
        let (first, step) = self.grid;
        if self.table.is_empty() {
            return self.exact(seconds);
        }
        let place = (seconds - first) / step;
        if place < 0.0 {
            return 0.0;
        }
        let (low, rest) = (place as usize, place.fract());
        match (self.table.get(low), self.table.get(low + 1)) {
            (Some(left), Some(right)) => left + rest * (right - left),
            _ => 0.0,
        }
    }

    /// Whether links spread at least as much as mixes hold: ninths of theirs are then points far from one another, and the
    /// sum is close to normal.
    fn is_wide(&self) -> bool {
        self.links_s.1 > RESOLUTION_S && self.links_s.1.powi(2) >= self.held_s.1
    }

    fn exact(&self, seconds: f64) -> f64 {
        let (mean, deviation) = self.links_s;
        match &self.held {
            None => Normal::new(mean + self.held_s.0, deviation.max(RESOLUTION_S))
                .map_or(0.0, |normal| normal.pdf(seconds)),
            Some(_) if self.is_wide() => {
                Normal::new(mean + self.held_s.0, (deviation.powi(2) + self.held_s.1).sqrt())
                    .map_or(0.0, |normal| normal.pdf(seconds))
            }
            Some(gamma) if deviation < RESOLUTION_S => density(gamma, seconds - mean),
            Some(gamma) => {
                let sum: f64 = NINTHS.iter().map(|z| density(gamma, seconds - mean - z * deviation)).sum();
                sum / 9.0
            }
        }
    }

    /// The shortest and longest times with a density that counts.
    pub(super) fn span(&self) -> (SimTime, SimTime) {
        let mean = self.held_s.0 + self.links_s.0;
        let deviation = (self.held_s.1 + self.links_s.1.powi(2)).sqrt();
        // An exponential is beyond 12 of its standard deviations with a probability of e^-13.
        let reach = 12.0 * deviation + RESOLUTION_S;
        (SimTime::from_secs_f64(mean - reach), SimTime::from_secs_f64(mean + reach))
    }

    /// The variance of the delays of all mixes together, in square seconds.
    pub(super) const fn held_variance(&self) -> f64 {
        self.held_s.1
    }
}

fn density(gamma: &Gamma, seconds: f64) -> f64 {
    // At zero an exponential jumps; what comes out at once has the density beside it.
    if seconds < -RESOLUTION_S { 0.0 } else { gamma.pdf(seconds.max(RESOLUTION_S)) }
}

/// Mean and variance of a packet's time in Tor, in seconds and their square: two parts, each uniform between bounds.
pub(super) fn tor() -> (f64, f64) {
    let parts = [CIRCUIT_MS, JITTER_MS].map(|(low, high)| (low / 1e3, high / 1e3));
    let mean = parts.iter().map(|(low, high)| f64::midpoint(*low, *high)).sum();
    (mean, parts.iter().map(|(low, high)| (high - low).powi(2) / 12.0).sum())
}

/// Mean and variance of the time at one mix, in seconds and their square, if so many packets a second come.
fn hold(mixing: Mixing, rate: f64) -> (f64, f64) {
    match mixing {
        Mixing::Poisson { delay_ms_mean } => {
            let mean = delay_ms_mean / 1e3;
            (mean, mean * mean)
        }
        // A packet waits for those that fill its batch: uniform over the time that takes.
        Mixing::Threshold { packets } => {
            let fill = f64::from(packets.saturating_sub(1)) / rate.max(f64::MIN_POSITIVE);
            (fill / 2.0, fill * fill / 12.0)
        }
        Mixing::Timed { interval_ms } => {
            let interval = interval_ms / 1e3;
            (interval / 2.0, interval * interval / 12.0)
        }
        // First what is left of the interval, then geometrically many more; the share that leaves in steady state is what
        // comes in an interval, of that and what stays.
        Mixing::Pool { interval_ms, keep, fraction } => {
            let interval = interval_ms / 1e3;
            let come = rate * interval;
            let there = f64::from(keep) + come / fraction;
            let leave = (come / there.max(f64::MIN_POSITIVE)).clamp(1e-6, 1.0);
            let rounds = 1.0 / leave - 1.0;
            let variance = (1.0 - leave) / (leave * leave);
            (interval * (0.5 + rounds), interval * interval * (1.0 / 12.0 + variance))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::toy::Toy;
    use crate::view::Sight;

    #[test]
    fn a_density_has_an_integral_of_one_and_the_mean_of_its_packets() {
        let played = Toy { latency_ms: 30.0, ..Toy::default() }.play();
        let window = (SimTime::ZERO, SimTime::from_secs_f64(30.0));
        let view = View::of(&played.recording, &played.layout, &played.scenario, Sight::Edges, &[], window);
        let transit = Transit::of(&view);
        let points = (0..200_000).map(|number| f64::from(number) * 1e-5);
        let (mut sum, mut mean) = (0.0, 0.0);
        for time in points {
            sum += transit.density(time) * 1e-5;
            mean += time * transit.density(time) * 1e-5;
        }
        // Three delays of 100 ms, and two links of 30 ms between.
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
        assert!((mean - 0.36).abs() < 1e-3, "{mean}");
        let (shortest, longest) = transit.span();
        assert_eq!(shortest, SimTime::ZERO);
        assert!(transit.density(longest.as_secs_f64()) < 1e-3);
    }

    #[test]
    fn a_little_holding_changes_the_density_of_wide_links_a_little() {
        // Two links of 60 ms with a deviation of 20 ms each; three delays of 1 ms.
        let links_s = (0.12, 0.02 * 2.0_f64.sqrt());
        let (bare, held) = (Transit::new((0.0, 0.0), links_s), Transit::new((0.003, 3e-6), links_s));
        let mut sum = 0.0;
        for step in 0..4000 {
            let time = f64::from(step) * 1e-4;
            sum += held.density(time) * 1e-4;
            if (time - 0.12).abs() < 2.0 * links_s.1 {
                let ratio = held.density(time + 0.003) / bare.density(time);
                assert!((ratio - 1.0).abs() < 0.05, "{time}: {ratio}");
            }
        }
        assert!((sum - 1.0).abs() < 1e-3, "{sum}");
    }

    #[test]
    fn batches_wait_as_long_as_their_means() {
        let close = |(mean, variance): (f64, f64), expected: (f64, f64)| {
            assert!((mean - expected.0).abs() < 1e-9 && (variance - expected.1).abs() < 1e-9);
        };
        close(hold(Mixing::Timed { interval_ms: 6000.0 }, 1.0), (3.0, 3.0));
        close(hold(Mixing::Threshold { packets: 13 }, 2.0), (3.0, 3.0));
        // Everything leaves: a pool that keeps nothing is a timed mix.
        close(hold(Mixing::Pool { interval_ms: 6000.0, keep: 0, fraction: 1.0 }, 1.0), (3.0, 3.0));
        // Of 6 that come and 6 that stay, half leave: one round more in the mean, with a variance of 2 rounds.
        close(hold(Mixing::Pool { interval_ms: 6000.0, keep: 6, fraction: 1.0 }, 1.0), (9.0, 3.0 + 72.0));
    }
}
