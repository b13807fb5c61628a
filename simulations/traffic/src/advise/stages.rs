//! How long a sequence of exponential waits takes: a phase-type distribution, by uniformization (Neuts, "Matrix-Geometric
//! Solutions in Stochastic Models", 1981, chapter 2).

use statrs::function::gamma::ln_gamma;

/// Stages shorter than this share of the whole are counted by their mean: they would only make the computation long.
const SHORT: f64 = 1.0 / 100.0;
/// Where the sum over jumps ends.
const REST: f64 = 1e-7;
/// The precision of a quantile, relative.
const PRECISION: f64 = 1e-5;
/// Standard deviations of the number of jumps that are looked at on either side.
const SPREAD: f64 = 7.0;
/// The most jumps looked at.
const JUMPS_MAX: u32 = 200_000;

/// Waits one after the other, each exponential but for a fixed rest.
#[derive(Clone, Debug)]
pub(super) struct Stages {
    /// The means, in seconds.
    means_s: Vec<f64>,
    /// Of the first ones, where it may begin, each with the same probability.
    starts: usize,
    fixed_s: f64,
}

impl Stages {
    /// Waits for one's turn among so many who take turns, `slot_s` apart.
    pub(super) fn polling(slot_s: f64, turns: u32) -> Self {
        let turns = turns.max(1) as usize;
        Self { means_s: vec![slot_s; turns], starts: turns, fixed_s: 0.0 }
    }

    /// So many more waits of this mean.
    pub(super) fn add(&mut self, mean_s: f64, count: usize) {
        self.means_s.extend(std::iter::repeat_n(mean_s, count));
    }

    /// What takes the same time always.
    pub(super) fn add_fixed(&mut self, s: f64) {
        self.fixed_s += s;
    }

    /// The mean of the whole.
    pub(super) fn mean_s(&self) -> f64 {
        let weight = |index: usize| share(index + 1, self.starts).min(1.0);
        let waits: f64 = self.means_s.iter().enumerate().map(|(index, mean)| mean * weight(index)).sum();
        waits + self.fixed_s
    }

    fn prepared(&self) -> Prepared {
        let total: f64 = self.means_s.iter().sum();
        let is_short = |mean: &f64| *mean < total * SHORT;
        let short_s: f64 = self.means_s.iter().skip(self.starts).filter(|mean| is_short(mean)).sum();
        let long: Vec<f64> = self
            .means_s
            .iter()
            .enumerate()
            .filter(|(index, mean)| *index < self.starts || !is_short(mean))
            .map(|(_, mean)| *mean)
            .collect();
        let fixed_s = self.fixed_s + short_s;
        let shortest_s = long.iter().copied().filter(|mean| *mean > 0.0).min_by(f64::total_cmp);
        let over =
            shortest_s.map_or(Vec::new(), |shortest_s| over_after_jumps(&long, self.starts, shortest_s));
        Prepared { long_s: long.iter().sum(), shortest_s, fixed_s, over }
    }
}

/// The time within which it is over with probability `q`, if it is one of these with the same probability each.
pub(super) fn quantile_s(all: &[Stages], q: f64) -> f64 {
    let all: Vec<Prepared> = all.iter().map(Stages::prepared).collect();
    let within = |s: f64| all.iter().map(|one| one.within(s)).sum::<f64>() * share(1, all.len().max(1));
    let (mut low, mut high) = (0.0, all.iter().map(|one| one.long_s + one.fixed_s).fold(0.0, f64::max));
    while within(high) < q && high < 1e12 {
        (low, high) = (high, high * 1.5);
    }
    while high - low > high * PRECISION {
        let middle = f64::midpoint(low, high);
        if within(middle) < q { low = middle } else { high = middle }
    }
    high
}

/// What the distribution function is computed from.
struct Prepared {
    /// The sum of the means of the stages that are not too short.
    long_s: f64,
    /// The shortest of them; none if nothing takes any time.
    shortest_s: Option<f64>,
    /// What takes the same time always, and the means of the short stages.
    fixed_s: f64,
    /// See [`over_after_jumps`].
    over: Vec<f64>,
}

impl Prepared {
    /// The probability that it is over within this time.
    fn within(&self, s: f64) -> f64 {
        let rest_s = s - self.fixed_s;
        match self.shortest_s {
            _ if rest_s < 0.0 => 0.0,
            Some(shortest_s) if rest_s > 0.0 => cdf(rest_s / shortest_s, &self.over),
            Some(_) => 0.0,
            None => 1.0,
        }
    }
}

/// The probability that all is over after n jumps of a Poisson process as fast as the fastest stage.
fn over_after_jumps(means_s: &[f64], starts: usize, shortest_s: f64) -> Vec<f64> {
    let mut at: Vec<f64> =
        (0..means_s.len()).map(|index| if index < starts { share(1, starts) } else { 0.0 }).collect();
    let leaves: Vec<f64> =
        means_s.iter().map(|mean| if *mean > 0.0 { (shortest_s / mean).min(1.0) } else { 1.0 }).collect();
    let mut over = vec![0.0];
    let mut sum = 0.0;
    for _ in 0..JUMPS_MAX {
        let mut incoming = 0.0;
        for (mass, leave) in at.iter_mut().zip(&leaves) {
            let outgoing = *mass * leave;
            *mass += incoming - outgoing;
            incoming = outgoing;
        }
        sum += incoming;
        over.push(sum);
        if sum > 1.0 - REST {
            break;
        }
    }
    over
}

/// The sum over n of the Poisson probability of n jumps, times that it is over then.
fn cdf(jumps_mean: f64, over: &[f64]) -> f64 {
    let spread = SPREAD * jumps_mean.sqrt() + 20.0;
    let first = (jumps_mean - spread).max(0.0).floor();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and saturating"
    )]
    let (skipped, looked_at) = (first as usize, (2.0 * spread) as usize + 1);
    let mut probability = (first * jumps_mean.ln() - jumps_mean - ln_gamma(first + 1.0)).exp();
    let (mut sum, mut seen) = (0.0, 0.0);
    let mut n = first;
    for over in over.iter().skip(skipped).take(looked_at) {
        seen += probability;
        sum += probability * over;
        n += 1.0;
        probability *= jumps_mean / n;
    }
    // Where the table ends it is over.
    sum + (1.0 - seen).max(0.0) * f64::from(u8::from(skipped + looked_at > over.len()))
}

#[expect(clippy::cast_precision_loss, reason = "counts of stages and jumps are small")]
fn share(part: usize, whole: usize) -> f64 {
    part as f64 / whole as f64
}

#[cfg(test)]
mod tests {
    use statrs::distribution::{ContinuousCDF, Erlang};

    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn equal_stages_are_an_erlang_distribution() {
        for count in [1_usize, 4, 20] {
            let mut stages = Stages::polling(2.0, 1);
            stages.add(2.0, count - 1);
            let erlang = Erlang::new(count as u64, 0.5).unwrap();
            for q in [0.5, 0.95, 0.999] {
                let (found, expected) = (quantile_s(std::slice::from_ref(&stages), q), erlang.inverse_cdf(q));
                assert!((found / expected - 1.0).abs() < 1e-4, "{count} {q}: {found} {expected}");
            }
        }
    }

    #[test]
    fn of_several_each_counts_as_often() {
        let one = |mean_s: f64| Stages::polling(mean_s, 1);
        // 1 - (e^-t + e^-(t/4)) / 2 at its quantile.
        let s = quantile_s(&[one(1.0), one(4.0)], 0.9);
        assert!(((-s).exp().midpoint((-s / 4.0).exp()) - 0.1).abs() < 1e-4, "{s}");
        let mut fixed = one(0.0);
        fixed.add_fixed(3.0);
        assert!((quantile_s(&[fixed.clone()], 0.9) - 3.0).abs() < 1e-3);
    }

    #[test]
    fn unequal_stages_and_turns_are_what_drawing_them_gives() {
        let mut stages = Stages::polling(1.0, 5);
        stages.add(0.3, 11);
        stages.add(3.0, 1);
        stages.add_fixed(0.5);
        let mut draws = Seed::new(5).draws(Purpose::Delay, 0);
        let mut sample: Vec<f64> = (0..200_000)
            .map(|_| {
                let turns = 1 + draws.below(5);
                let polls: f64 = (0..turns).map(|_| draws.exponential(1.0)).sum();
                let hops: f64 = (0..11).map(|_| draws.exponential(0.3)).sum();
                0.5 + polls + hops + draws.exponential(3.0)
            })
            .collect();
        sample.sort_by(f64::total_cmp);
        let mean = sample.iter().sum::<f64>() / 200_000.0;
        assert!((stages.mean_s() - mean).abs() < 0.05, "{mean}");
        for (q, index) in [(0.5, 100_000), (0.95, 190_000)] {
            let found = quantile_s(std::slice::from_ref(&stages), q);
            assert!((found / sample[index] - 1.0).abs() < 0.01, "{q}: {found} {}", sample[index]);
        }
    }
}
