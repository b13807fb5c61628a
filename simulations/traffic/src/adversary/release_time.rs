//! Guesses that what was sent first comes out first.
//!
//! With delays of the same mean nothing else can be said of two packets alone; how sure that is depends on the time between them.
//! With k hops of rate c the first has done J hops, Poisson of mean c d, when the second starts d later; the rest is a race of
//! fair coins, and P(overtaken) = sum over i < k - J of C(k + i - 1, i) 2^-(k + i). The mean of that over an exponential d of
//! rate a is the closed form for two messages that a client releases together.

use statrs::distribution::{ContinuousCDF, Discrete, Normal, Poisson};

use super::transit::Transit;
use super::{Adversary, Answer, Kind, Question};
use crate::random::Draws;
use crate::scenario::Mixing;
use crate::view::{Sight, View};

/// The attack.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReleaseTime;

impl Adversary for ReleaseTime {
    fn name(&self) -> &'static str {
        "release-time"
    }

    fn sight(&self) -> Sight {
        Sight::Edges
    }

    fn asks(&self) -> &'static [Kind] {
        &[Kind::Order]
    }

    fn answer(&self, view: &View<'_>, questions: &[Question], _: &mut Draws) -> Vec<Answer> {
        let transit = Transit::of(view);
        let kept = |question: &Question| {
            let Question::Order { first, second } = question else { return None };
            let gap = view.wire(*second)?.arrived.since(view.wire(*first)?.arrived).as_secs_f64();
            let kept = match view.scenario.mixing {
                Mixing::Poisson { delay_ms_mean } if delay_ms_mean > 0.0 => {
                    kept_with_delays(view.scenario.network.hops(), gap / (delay_ms_mean / 1e3))
                }
                _ => kept_with_variance(transit.held_variance(), gap),
            };
            Some(Answer::from_weights(vec![kept, 1.0 - kept]))
        };
        questions
            .iter()
            .map(|question| kept(question).unwrap_or_else(|| Answer::nothing(question.candidates())))
            .collect()
    }
}

/// P(the first of two packets comes out first), which start `gap` mean delays apart and pass `hops` exponential delays.
fn kept_with_delays(hops: u32, gap: f64) -> f64 {
    // Poisson has no mean of 0; with hardly any time between, the first has done no hop.
    let done = Poisson::new(gap.max(1e-12)).ok();
    let k = f64::from(hops);
    // P(the second wins with the first `i` hops short of its end), by i.
    let mut overtaken = 0.0;
    let mut term = 0.5_f64.powf(k);
    let mut wins = 0.0;
    for i in 0..hops {
        wins += term;
        term *= (k + f64::from(i)) / f64::from(i + 1) / 2.0;
        // The first has i + 1 hops to go: the second wins if the first does at most i of them before.
        let at = u64::from(hops - 1 - i);
        overtaken += done.as_ref().map_or(0.0, |poisson| poisson.pmf(at)) * wins;
    }
    1.0 - overtaken
}

/// The same for delays of this variance, in square seconds, whose difference is taken for normal.
fn kept_with_variance(variance: f64, gap_s: f64) -> f64 {
    let normal = Normal::new(0.0, (2.0 * variance).sqrt().max(f64::MIN_POSITIVE));
    normal.map_or(0.5, |normal| normal.cdf(gap_s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::adversary::testing::scored;
    use crate::toy::Toy;

    /// The closed form for two messages released together by a client of rate a, k hops of rate c.
    fn closed_form(k: u32, a: f64, c: f64) -> f64 {
        let p = a / (a + c);
        let choose = |n: u32, r: u32| (0..r).fold(1.0, |c, i| c * f64::from(n - i) / f64::from(i + 1));
        let term = |i: u32| {
            let fair = choose(k + i - 1, i) * 0.5_f64.powi(i32::try_from(k + i).unwrap());
            fair * (1.0 - (1.0 - p).powi(i32::try_from(k - i).unwrap()))
        };
        1.0 - (0..k).map(term).sum::<f64>()
    }

    #[test]
    fn the_chance_over_gaps_of_a_client_is_the_closed_form() {
        for (k, a, c) in [(1, 1.0, 1.0), (3, 0.5, 2.0), (4, 3.0, 1.0)] {
            // Gaps are exponential of rate a; the unit of gaps is 1/c.
            let step = 1e-3;
            let mean: f64 = (0..60_000)
                .map(|point| (f64::from(point) + 0.5) * step)
                .map(|gap| a * (-a * gap).exp() * step * kept_with_delays(k, gap * c))
                .sum();
            assert!(
                (mean - closed_form(k, a, c)).abs() < 1e-3,
                "{k} {a} {c}: {mean} {}",
                closed_form(k, a, c)
            );
        }
    }

    #[test]
    fn together_is_a_coin_and_far_apart_is_certain() {
        assert!((kept_with_delays(3, 0.0) - 0.5).abs() < 1e-9);
        assert!(kept_with_delays(3, 60.0) > 0.999_999);
        assert!((kept_with_variance(1.0, 0.0) - 0.5).abs() < 1e-9);
        assert!(kept_with_variance(1.0, 10.0) > 0.999_999);
        assert!((kept_with_variance(0.0, 0.1) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn order_is_kept_without_delay_and_a_coin_with_much() {
        let kept = scored(&Toy { delay_ms: 0.0, ..Toy::default() }.play(), &ReleaseTime, &[]).total();
        assert!(kept.trials == 200 && kept.success() > 0.999);
        let toy = Toy { clients: 50, gap_ms: 50.0, delay_ms: 3000.0, duration_s: 10.0, ..Toy::default() };
        let coin = scored(&toy.play(), &ReleaseTime, &[]).total();
        assert!(coin.trials == 200 && coin.advantage() < 6.0 * 2.0 * (0.25_f64 / 200.0).sqrt());
        assert!(coin.calibration() < 0.02, "{}", coin.calibration());
    }
}
