//! How long to wait for an answer before a box goes again: the estimator of RFC 6298.
//!
//! Every packet carries a reply block of its own, so each answer names the packet it answers and every
//! round trip can be measured, retransmissions included (Karn's rule has nothing to exclude). Backing off
//! is done box by box, not for all: one silent mailbox must not slow the others down.

use std::time::Duration;

use sotto_protocol::directory::{CoverClass, Params};

use super::limits::{BACKOFF_DOUBLINGS_MAX, CIRCUIT_RTO_INITIAL, CIRCUIT_RTO_MIN, RTO_MAX, RTO_MIN};

/// Hops that hold a packet on its way to a mailbox and back: entry and three mixes, then three mixes.
const DELAYS_OF_ROUND_TRIP: u32 = 7;
/// Over so many round trips the mean is taken: enough to be steady, few enough to follow the network.
const MEAN_OVER: u32 = 64;
/// For everything that the parameters do not tell: links, disks, the mailbox's batches.
const SLACK: Duration = Duration::from_secs(1);

/// The smoothed round trip and what follows from it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct RoundTrip {
    initial: Duration,
    min: Duration,
    /// Smoothed round trip and its mean deviation, once one was measured.
    smoothed: Option<(Duration, Duration)>,
    /// The mean, and over how many round trips it was taken.
    mean: (Duration, u32),
}

impl RoundTrip {
    /// Through the mixes: nothing measured, nothing known.
    pub(crate) const fn of_mixes() -> Self {
        Self { initial: RTO_MAX, min: RTO_MIN, smoothed: None, mean: (Duration::ZERO, 0) }
    }

    /// Over Tor to the mailboxes: nothing measured.
    pub(crate) const fn of_circuits() -> Self {
        Self { initial: CIRCUIT_RTO_INITIAL, min: CIRCUIT_RTO_MIN, smoothed: None, mean: (Duration::ZERO, 0) }
    }

    /// Takes the first guess from the network's parameters: mean plus four deviations, plus slack. The
    /// deviation of a sum of seven exponential delays is below three of them.
    pub(crate) fn expect(&mut self, params: &Params, class: &CoverClass) {
        let delay = Duration::from_millis(u64::from(params.delay_ms_mean));
        let downlink = Duration::from_millis(u64::from(class.downlink_interval_ms_mean));
        let mean = delay.saturating_mul(DELAYS_OF_ROUND_TRIP).saturating_add(downlink);
        let deviation = delay.saturating_mul(3).saturating_add(downlink);
        self.initial = mean.saturating_add(deviation.saturating_mul(4)).saturating_add(SLACK);
    }

    /// Takes in one measured round trip.
    pub(crate) fn sample(&mut self, rtt: Duration) {
        self.smoothed = Some(match self.smoothed {
            None => (rtt, rtt / 2),
            Some((srtt, rttvar)) => ((srtt * 7 + rtt) / 8, (rttvar * 3 + srtt.abs_diff(rtt)) / 4),
        });
        let (mean, count) = self.mean;
        let others = count.min(MEAN_OVER.saturating_sub(1));
        let count = others.saturating_add(1);
        self.mean = ((mean.saturating_mul(others).saturating_add(rtt)) / count, count);
    }

    /// The mean of the latest round trips, which moves less than the smoothed one, once as many were measured as it takes.
    pub(crate) fn mean(&self) -> Option<Duration> {
        let (mean, count) = self.mean;
        (count >= MEAN_OVER).then_some(mean)
    }

    /// The smoothed round trip, once one was measured.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.smoothed.map(|(srtt, _)| srtt)
    }

    /// The timeout of a packet whose box has gone unanswered `silences` times.
    pub(crate) fn timeout(&self, silences: u32) -> Duration {
        self.timeout_from(self.min, silences)
    }

    /// The same by a way that has to be built first: no shorter than the first guess.
    pub(crate) fn timeout_of_first(&self, silences: u32) -> Duration {
        self.timeout_from(self.initial, silences)
    }

    fn timeout_from(&self, min: Duration, silences: u32) -> Duration {
        let base = match self.smoothed {
            None => self.initial,
            Some((srtt, rttvar)) => srtt.saturating_add(rttvar.saturating_mul(4)),
        };
        let doubled = base.max(min).min(RTO_MAX).saturating_mul(1 << silences.min(BACKOFF_DOUBLINGS_MAX));
        doubled.min(RTO_MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_guess_covers_the_networks_own_delays() {
        let params = Params::default();
        let class = params.classes.first().unwrap();
        let mut rtt = RoundTrip::of_mixes();
        rtt.expect(&params, class);
        // 200 ms a hop and 500 ms of downlink: 1.9 s + 4 * 1.1 s + 1 s.
        assert_eq!(rtt.timeout(0), Duration::from_millis(7300));
        assert_eq!(rtt.smoothed(), None);
    }

    #[test]
    fn it_converges_as_rfc_6298_says() {
        let mut rtt = RoundTrip::of_mixes();
        rtt.sample(Duration::from_millis(800));
        assert_eq!(rtt.timeout(0), Duration::from_millis(800 + 4 * 400));
        rtt.sample(Duration::from_millis(1600));
        assert_eq!(rtt.smoothed(), Some(Duration::from_millis(900)));
        assert_eq!(rtt.timeout(0), Duration::from_millis(900 + 4 * 500));
        for _ in 0..100 {
            rtt.sample(Duration::from_millis(1000));
        }
        assert!(rtt.timeout(0) < Duration::from_millis(1010));
    }

    #[test]
    fn the_mean_waits_for_enough_round_trips_and_then_moves_by_a_64th() {
        let mut rtt = RoundTrip::of_mixes();
        for n in 0..MEAN_OVER {
            assert_eq!(rtt.mean(), None, "after {n}");
            rtt.sample(Duration::from_millis(if n % 2 == 0 { 600 } else { 1000 }));
        }
        let mean = rtt.mean().unwrap();
        assert!(mean.abs_diff(Duration::from_millis(800)) < Duration::from_micros(1), "{mean:?}");
        rtt.sample(Duration::from_millis(800 + 640));
        assert!(rtt.mean().unwrap().abs_diff(Duration::from_millis(810)) < Duration::from_micros(1));
    }

    #[test]
    fn timeouts_double_and_stay_within_bounds() {
        let mut rtt = RoundTrip::of_mixes();
        rtt.sample(Duration::from_micros(1));
        assert_eq!(rtt.timeout(0), RTO_MIN);
        assert_eq!(rtt.timeout(3), RTO_MIN * 8);
        assert_eq!(rtt.timeout(u32::MAX), RTO_MIN * 32);
        rtt.sample(Duration::from_secs(u64::from(u32::MAX)));
        assert_eq!(rtt.timeout(0), RTO_MAX);
        assert_eq!(rtt.timeout(9), RTO_MAX);
    }

    #[test]
    fn circuits_have_a_longer_first_guess_and_a_higher_floor() {
        let mut rtt = RoundTrip::of_circuits();
        assert_eq!(rtt.timeout(0), CIRCUIT_RTO_INITIAL);
        rtt.sample(Duration::from_millis(100));
        assert_eq!((rtt.timeout(0), rtt.timeout(1)), (CIRCUIT_RTO_MIN, CIRCUIT_RTO_MIN * 2));
        assert_eq!(rtt.timeout_of_first(0), CIRCUIT_RTO_INITIAL);
        assert_eq!(rtt.timeout_of_first(9), RTO_MAX);
    }
}
