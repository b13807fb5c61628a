//! Loss of each link, or of each node, from loops over several of them.
//!
//! A loop survives if everything on its way lets it pass: with independent losses `p` it is lost with
//! probability `Q = 1 - prod(1 - p)`. The likelihood of all outcomes is maximized by
//! expectation-maximization (Dempster, Laird and Rubin 1977; for loss in networks: Coates, Hero, Nowak
//! and Yu, "Internet tomography", IEEE Signal Processing Magazine 19(3), 2002; Xi, Michailidis and Nair,
//! "Estimating network loss rates using active tomography", JASA 101(476), 2006). With one hidden coin
//! per element and loop, a step is `p <- (p / n) * sum over lost loops of 1 / Q`.
//!
//! Loops from one node do not tell everything apart: a node that loses packets looks like the link to
//! it. The estimate then lies between the explanations, and the interval spans them. It holds every
//! loss whose profile likelihood is at least 1/40 of the greatest: for a single binomial proportion
//! this covers the true one with 95 % at least, by Chernoff's bound on each side, and without a loss it
//! ends where the interval of Clopper and Pearson does.

use std::collections::BTreeMap;

use super::limits::{ESTIMATE_STEPS_MAX, ESTIMATE_VISITS_MAX, INTERVAL_HALVINGS};
use super::route::count;

/// `ln 40`: how much less likely than the best explanation an interval's end may be.
const INTERVAL_LOG_RATIO: f64 = 3.688_879_454_113_936;
/// Smaller gains in log-likelihood end the maximization.
const GAIN_MIN: f64 = 1e-5;
/// Keeps logarithms finite.
const LOSS_MAX: f64 = 1.0 - 1e-9;

/// What is known about the loss of one element, link or node.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Loss {
    /// The most likely share of packets that it loses.
    pub(crate) estimate: f64,
    /// The ends of the interval.
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Loss {
    /// Nothing is known.
    pub(crate) const UNKNOWN: Self = Self { estimate: 0.0, low: 0.0, high: 1.0 };
}

/// An element's loops.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    sent: usize,
    lost: usize,
}

/// Outcomes of loops over elements of the kind `E`.
pub(crate) struct Observations<E> {
    index: BTreeMap<E, usize>,
    totals: Vec<Totals>,
    /// Elements of each lost loop; routes that were lost more than once stand once, with their number.
    lost: BTreeMap<Vec<usize>, usize>,
}

/// Losses that were found, and how likely they make the outcomes.
struct Fit {
    losses: Vec<f64>,
    log_likelihood: f64,
}

impl<E: Ord> Observations<E> {
    /// Loops as pairs of what they went over and whether they were lost.
    pub(crate) fn new<R: IntoIterator<Item = E>>(loops: impl IntoIterator<Item = (R, bool)>) -> Self {
        let mut new = Self { index: BTreeMap::new(), totals: Vec::new(), lost: BTreeMap::new() };
        for (route, lost) in loops {
            let route: Vec<usize> = route.into_iter().map(|element| new.visit(element, lost)).collect();
            if lost {
                *new.lost.entry(route).or_default() += 1;
            }
        }
        new
    }

    fn visit(&mut self, element: E, lost: bool) -> usize {
        let next = self.totals.len();
        let at = *self.index.entry(element).or_insert(next);
        if at == next {
            self.totals.push(Totals::default());
        }
        if let Some(totals) = self.totals.get_mut(at) {
            totals.sent += 1;
            totals.lost += usize::from(lost);
        }
        at
    }

    /// Estimates and 95 % intervals of all elements. Where the work has reached its limit, the interval
    /// goes from zero to what the element's own loops allow if nothing else lost any.
    pub(crate) fn losses(&self) -> BTreeMap<&E, Loss> {
        self.losses_within(ESTIMATE_VISITS_MAX)
    }

    /// The same with another limit of work, in visits of lost loops' elements.
    pub(super) fn losses_within(&self, mut visits_left: usize) -> BTreeMap<&E, Loss> {
        let starts = self.totals.iter().map(start).collect();
        let best = self.fit(starts, None, f64::INFINITY, &mut visits_left);
        let mut losses = vec![Loss::UNKNOWN; self.totals.len()];
        let mut by_lost: Vec<usize> = (0..self.totals.len()).collect();
        by_lost.sort_by_key(|at| std::cmp::Reverse(self.totals.get(*at).map(|totals| totals.lost)));
        for at in by_lost {
            let (Some(loss), Some(estimate)) = (losses.get_mut(at), best.losses.get(at).copied()) else {
                continue;
            };
            let own = self.own_high(at);
            *loss = self.interval(at, estimate, own, &best, &mut visits_left).unwrap_or(Loss {
                estimate,
                low: 0.0,
                high: own.max(estimate),
            });
        }
        self.index
            .iter()
            .map(|(element, at)| (element, losses.get(*at).copied().unwrap_or(Loss::UNKNOWN)))
            .collect()
    }

    /// The upper end if this element alone lost what was lost over it: no other explanation allows more.
    fn own_high(&self, at: usize) -> f64 {
        let Totals { sent, lost } = self.totals.get(at).copied().unwrap_or_default();
        if sent == 0 {
            return 1.0;
        }
        let (sent, lost) = (count(sent), count(lost));
        let log_likelihood = |loss: f64| {
            let of_lost = if lost > 0.0 { lost * loss.ln() } else { 0.0 };
            let returned = sent - lost;
            of_lost + if returned > 0.0 { returned * (-loss).ln_1p() } else { 0.0 }
        };
        let share = lost / sent;
        let best = log_likelihood(share);
        halve(share, 1.0, |loss| log_likelihood(loss) >= best - INTERVAL_LOG_RATIO)
    }

    /// The profile likelihood's interval, `None` if there are no visits left for it.
    fn interval(
        &self,
        at: usize,
        estimate: f64,
        own_high: f64,
        best: &Fit,
        visits_left: &mut usize,
    ) -> Option<Loss> {
        if self.totals.get(at)?.lost == 0 {
            return Some(Loss { estimate: 0.0, low: 0.0, high: own_high });
        }
        if self.exhausted(*visits_left) {
            return None;
        }
        let enough = best.log_likelihood - INTERVAL_LOG_RATIO;
        let mut likely = |loss: f64| {
            let starts = self.near(best, at, loss);
            self.fit(starts, Some(at), enough, visits_left).log_likelihood >= enough
        };
        let low = if likely(0.0) { 0.0 } else { halve(estimate, 0.0, &mut likely) };
        let high = halve(estimate, own_high.max(estimate), &mut likely);
        // A maximization that was cut short finds too little likelihood, and so too narrow an interval.
        if self.exhausted(*visits_left) { None } else { Some(Loss { estimate, low, high }) }
    }

    fn exhausted(&self, visits_left: usize) -> bool {
        visits_left < self.visits_per_step()
    }

    fn visits_per_step(&self) -> usize {
        self.lost.keys().map(Vec::len).sum::<usize>() + self.totals.len().max(1)
    }

    /// Where to begin when one element's loss is given: near the best losses of the others, but at none
    /// that is zero, as steps are factors.
    fn near(&self, best: &Fit, fixed: usize, loss: f64) -> Vec<f64> {
        let mut losses: Vec<f64> = best
            .losses
            .iter()
            .zip(&self.totals)
            .map(|(best, totals)| 0.9 * best + 0.1 * start(totals))
            .collect();
        if let Some(at) = losses.get_mut(fixed) {
            *at = loss.min(LOSS_MAX);
        }
        losses
    }

    /// Maximizes the likelihood from `losses` on, one of which may be `fixed`, or until it is `enough`. Ends
    /// after [`ESTIMATE_STEPS_MAX`] steps and when no visits are left.
    fn fit(&self, mut losses: Vec<f64>, fixed: Option<usize>, enough: f64, visits_left: &mut usize) -> Fit {
        let mut log_likelihood = f64::NEG_INFINITY;
        for _ in 0..ESTIMATE_STEPS_MAX {
            let (weights, reached) = self.expect(&losses);
            let gain = reached - log_likelihood;
            log_likelihood = reached;
            if gain < GAIN_MIN || reached >= enough || self.exhausted(*visits_left) {
                break;
            }
            *visits_left -= self.visits_per_step();
            for (at, (loss, (totals, weight))) in
                losses.iter_mut().zip(self.totals.iter().zip(weights)).enumerate()
            {
                if fixed != Some(at) && totals.sent > 0 {
                    *loss = (*loss * weight / count(totals.sent)).min(LOSS_MAX);
                }
            }
        }
        Fit { losses, log_likelihood }
    }

    /// For each element the sum over lost loops of `1 / Q`, and the log-likelihood.
    fn expect(&self, losses: &[f64]) -> (Vec<f64>, f64) {
        let log_pass: Vec<f64> = losses.iter().map(|loss| (-loss).ln_1p()).collect();
        let returned = self.totals.iter().map(|totals| count(totals.sent - totals.lost));
        let mut log_likelihood: f64 = returned.zip(&log_pass).map(|(loops, log)| loops * log).sum();
        let mut weights = vec![0.0; losses.len()];
        for (route, loops) in &self.lost {
            let log_passes: f64 = route.iter().filter_map(|at| log_pass.get(*at)).sum();
            let lost = (-log_passes.exp_m1()).max(f64::MIN_POSITIVE);
            log_likelihood += count(*loops) * lost.ln();
            for at in route {
                if let Some(weight) = weights.get_mut(*at) {
                    *weight += count(*loops) / lost;
                }
            }
        }
        (weights, log_likelihood)
    }
}

/// Half of what the element's own loops lost: nothing is excluded, and nothing is preferred.
fn start(totals: &Totals) -> f64 {
    if totals.sent == 0 { 0.0 } else { 0.5 * count(totals.lost) / count(totals.sent) }
}

/// The end of the range, from `inside` towards `outside`, in which `holds`.
fn halve(mut inside: f64, mut outside: f64, mut holds: impl FnMut(f64) -> bool) -> f64 {
    for _ in 0..INTERVAL_HALVINGS {
        let middle = f64::midpoint(inside, outside);
        if holds(middle) {
            inside = middle;
        } else {
            outside = middle;
        }
    }
    outside
}
