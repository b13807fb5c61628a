//! How long after a client's packet something happens that it causes, as far as everybody can know it.
//!
//! The sum of the delays at the hops is taken as a gamma distribution with their mean and variance, which is exact (Erlang)
//! for Poisson mixes. Not here: which packet it was.

use statrs::function::gamma::{checked_gamma_lr, ln_gamma};

use super::rounds::is_send;
use crate::adversary::transit::tor;
use crate::scenario::{Delivery, Mixing, Notice, Route};
use crate::view::View;

/// How many passages are looked at to know how long a link takes.
const LINKS_SAMPLED: usize = 1000;
/// How long a client without slots lets pass between two questions for a contact's box, in seconds.
const POLL_S: f64 = 60.0;
/// One slot of so many asks for a box while messages wait.
const SLOTS_PER_POLL: f64 = 5.0;
/// The longest that a packet is reckoned to stay in a pool, in intervals.
const INTERVALS_MAX: f64 = 1000.0;
/// The shortest spread that is reckoned with, in seconds: sightings are no finer.
const SPREAD_S_MIN: f64 = 0.001;

/// The time from a client's sending to what it causes: at least `fixed_s`, and a gamma-distributed rest.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Lag {
    fixed_s: f64,
    mean_s: f64,
    variance_s2: f64,
}

impl Lag {
    /// Until the packet leaves the last mix.
    pub(super) fn to_exit(view: &View<'_>) -> Self {
        let hops = f64::from(view.scenario.network.hops());
        let (mean_s, variance_s2) = hold(view);
        // Tor takes its time, and is one more party with a link before it.
        let (tor_links, (tor_mean_s, tor_variance_s2)) =
            if view.scenario.network.route == Route::Mix { (0.0, (0.0, 0.0)) } else { (1.0, tor()) };
        Self {
            fixed_s: (hops + tor_links) * link_s(view),
            mean_s: hops * mean_s + tor_mean_s,
            variance_s2: (hops * variance_s2 + tor_variance_s2).max(SPREAD_S_MIN * SPREAD_S_MIN),
        }
    }

    /// Until the packet is at its destination.
    pub(super) fn to_destination(view: &View<'_>) -> Self {
        let exit = Self::to_exit(view);
        Self { fixed_s: exit.fixed_s + link_s(view), ..exit }
    }

    /// Until something comes out of the last mix for whom the message is for: the packet itself, or the mailbox's answer to
    /// the recipient's question.
    pub(super) fn to_contact(view: &View<'_>) -> Self {
        let way = Self::to_exit(view);
        if view.scenario.network.delivery == Delivery::Direct {
            return way;
        }
        let slot_s = view
            .scenario
            .clients
            .iter()
            .map(|class| class.payload_interval_ms_mean / 1e3)
            .fold(0.0, f64::max);
        let wait_s = match view.scenario.mailboxes.notice {
            Notice::Digest { interval_s } => interval_s + 2.0 * slot_s,
            Notice::Polling if slot_s > 0.0 => 2.0 * SLOTS_PER_POLL * slot_s,
            Notice::Polling => POLL_S,
        };
        Self {
            fixed_s: 3.0 * way.fixed_s + 2.0 * link_s(view),
            mean_s: 3.0 * way.mean_s + wait_s / 2.0,
            variance_s2: 3.0 * way.variance_s2 + wait_s * wait_s / 12.0,
        }
    }

    /// Mean, in seconds.
    pub(super) fn mean_s(&self) -> f64 {
        self.fixed_s + self.mean_s
    }

    /// Standard deviation, in seconds.
    pub(super) fn deviation_s(&self) -> f64 {
        self.variance_s2.sqrt()
    }

    /// The longest that is reckoned with, in seconds.
    pub(super) fn longest_s(&self) -> f64 {
        self.mean_s() + 5.0 * self.deviation_s()
    }

    /// Shape and scale of the gamma distribution.
    fn gamma(&self) -> (f64, f64) {
        let mean = self.mean_s.max(SPREAD_S_MIN);
        (mean * mean / self.variance_s2, self.variance_s2 / mean)
    }

    /// The chance that it is over after so many seconds.
    pub(super) fn over(&self, seconds: f64) -> f64 {
        let (shape, scale) = self.gamma();
        let rest = (seconds - self.fixed_s) / scale;
        if rest > 0.0 { checked_gamma_lr(shape, rest).unwrap_or(1.0) } else { 0.0 }
    }

    /// The density at so many seconds, per second.
    pub(super) fn density(&self, seconds: f64) -> f64 {
        let (shape, scale) = self.gamma();
        let rest = (seconds - self.fixed_s).max(SPREAD_S_MIN / 10.0) / scale;
        if seconds < self.fixed_s - SPREAD_S_MIN {
            return 0.0;
        }
        ((shape - 1.0) * rest.ln() - rest - ln_gamma(shape)).exp() / scale
    }
}

/// Mean and variance of the time at one hop, in seconds and their squares.
fn hold(view: &View<'_>) -> (f64, f64) {
    let within = |interval_s: f64| (interval_s / 2.0, interval_s * interval_s / 12.0);
    match view.scenario.mixing {
        Mixing::Poisson { delay_ms_mean } => {
            let mean_s = delay_ms_mean / 1e3;
            (mean_s, mean_s * mean_s)
        }
        Mixing::Timed { interval_ms } => within(interval_ms / 1e3),
        Mixing::Threshold { packets } => {
            let rate = per_mix_s(view);
            within(if rate > 0.0 { f64::from(packets) / rate } else { 0.0 })
        }
        // With a arrivals in an interval a pool has `keep` + a / `fraction` packets, of which a leave, each as likely.
        Mixing::Pool { interval_ms, keep, fraction } => {
            let interval_s = interval_ms / 1e3;
            let arrivals = (per_mix_s(view) * interval_s).max(f64::MIN_POSITIVE);
            let intervals = (f64::from(keep) / arrivals + 1.0 / fraction).min(INTERVALS_MAX);
            let (mean_s, variance_s2) = within(interval_s);
            let missed = intervals - 1.0;
            (mean_s + interval_s * missed, variance_s2 + interval_s * interval_s * missed * intervals)
        }
    }
}

/// How many packets from clients come to a mix in a second.
fn per_mix_s(view: &View<'_>) -> f64 {
    let sent = view.wires.iter().filter(|wire| is_send(view, wire)).count();
    let length_s = view.window.1.since(view.window.0).as_secs_f64().max(SPREAD_S_MIN);
    let hops = f64::from(view.scenario.network.hops().max(1));
    super::number(sent) * hops / length_s / f64::from(view.layout.mixes().max(1))
}

/// What a link takes in the mean, in seconds: the adversary sees both its ends.
fn link_s(view: &View<'_>) -> f64 {
    let seen = view.wires.iter().filter(|wire| wire.arrived != crate::time::SimTime::NEVER);
    let (sum, count) = seen
        .take(LINKS_SAMPLED)
        .fold((0.0, 0.0), |(sum, count), wire| (sum + (wire.arrived - wire.sent).as_secs_f64(), count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::Continuous;
    use super::*;

    #[test]
    fn a_pool_holds_packets_as_long_as_its_size_over_its_rate() {
        let mut run = Continuous::default().run(1);
        // 39 clients send every 20 s, the target every 10 s.
        run.scenario.mixing = Mixing::Pool { interval_ms: 2000.0, keep: 10, fraction: 0.5 };
        let rate = 39.0 / 20.0 + 1.0 / 10.0;
        // Little's law, from the middle of the interval on which a packet comes.
        let expected = (10.0 + rate * 2.0 / 0.5) / rate - 1.0;
        let found = Lag::to_exit(&run.view());
        assert!((found.mean_s / expected - 1.0).abs() < 0.05, "{} {expected}", found.mean_s);
    }

    #[test]
    fn the_way_through_tor_takes_its_time_and_one_more_link() {
        let mut run = Continuous::default().run(1);
        let mut exit = |route| {
            run.scenario.network.route = route;
            Lag::to_exit(&run.view())
        };
        let (bare, tor, both) = (exit(Route::Mix), exit(Route::Tor), exit(Route::TorMix));
        // Links of 10 ms, and a mix with a delay of 1 s. Tor: uniform from 60 to 240 ms, and from 0 to 60 ms.
        let (mean_s, variance_s2) = (0.18, (0.18_f64.powi(2) + 0.06_f64.powi(2)) / 12.0);
        assert!((tor.mean_s - mean_s).abs() < 1e-9 && (tor.variance_s2 - variance_s2).abs() < 1e-9);
        assert!((both.mean_s - bare.mean_s - mean_s).abs() < 1e-9);
        assert!((both.variance_s2 - bare.variance_s2 - variance_s2).abs() < 1e-9);
        assert!((bare.fixed_s - 0.01).abs() < 1e-6 && (tor.fixed_s - 0.01).abs() < 1e-6);
        assert!((both.fixed_s - 0.02).abs() < 1e-6);
    }

    #[test]
    fn three_poisson_hops_are_erlang() {
        let lag = Lag { fixed_s: 0.1, mean_s: 0.6, variance_s2: 3.0 * 0.04 };
        // Erlang of 3 hops with mean 0.2 s: 1 - e^-x (1 + x + x^2/2), x = 5 (t - 0.1).
        for t in [0.2, 0.5, 1.0, 2.0] {
            let x: f64 = 5.0 * (t - 0.1);
            assert!((lag.over(t) - (1.0 - (-x).exp() * (1.0 + x + x * x / 2.0))).abs() < 1e-9);
            assert!((lag.density(t) - 5.0 * x * x / 2.0 * (-x).exp()).abs() < 1e-9);
        }
        assert_eq!(lag.over(0.05).to_bits(), 0.0_f64.to_bits());
        assert_eq!(lag.density(0.05).to_bits(), 0.0_f64.to_bits());
    }
}
