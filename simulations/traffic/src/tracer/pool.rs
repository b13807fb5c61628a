//! The packets in one mix, and the mass among them.

use super::mass::Packed;
use crate::time::SimTime;

/// Mass that is less than this is no longer followed.
const MASS_MIN: f64 = 1e-12;

/// How it is known what is in a pool.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Occupancy {
    /// Everything that comes leaves, and nothing else does.
    Counted,
    /// Some of what comes ends here, and some of what leaves begins here: the number is estimated from what comes and
    /// leaves, and from silence. Each packet stays for an exponential time of this mean.
    Estimated {
        /// How long a packet stays in the mean.
        stay_s: f64,
        /// What cannot be seen.
        hidden: Hidden,
    },
    /// Expected from what came: each packet counts exp(-age / mean), ages and mean in seconds.
    Arrivals {
        /// How long a packet stays in the mean.
        stay_s: f64,
    },
    /// The same from what left.
    Departures {
        /// How long a packet stays in the mean.
        stay_s: f64,
    },
}

/// How much passes a pool's ends without passing the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Hidden {
    /// Of all that comes, the share that is lost here: its client has gone offline.
    pub(super) lost: f64,
    /// Of what comes from another node, the share that ends here.
    pub(super) ends: f64,
    /// What leaves and began here, per second.
    pub(super) begins_per_s: f64,
}

/// A pool. The mass of targets is one array, of which a range is in use, so that shares are taken in straight loops.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    occupancy: Occupancy,
    packets: u64,
    expected: f64,
    /// Of the number that is estimated.
    variance: f64,
    /// When `expected` was so.
    at: SimTime,
    masses: Vec<f64>,
    /// The targets that have mass, from and to.
    live: (usize, usize),
}

impl Pool {
    pub(super) const fn new(occupancy: Occupancy) -> Self {
        Self {
            occupancy,
            packets: 0,
            expected: 0.0,
            variance: 0.0,
            at: SimTime::ZERO,
            masses: Vec::new(),
            live: (0, 0),
        }
    }

    /// What it is taken for.
    pub(super) const fn occupancy(&self) -> Occupancy {
        self.occupancy
    }

    /// Takes it for this from a time on, with a number of packets in it that is Poisson of this mean.
    pub(super) const fn assume(&mut self, occupancy: Occupancy, at: SimTime, mean: f64) {
        self.occupancy = occupancy;
        self.expected = mean;
        self.variance = mean;
        self.at = at;
    }

    pub(super) fn preload(&mut self, packets: u64) {
        self.packets += packets;
    }

    /// A target's mass.
    pub(super) fn mass(&self, target: usize) -> f64 {
        self.masses.get(target).copied().unwrap_or(0.0)
    }

    /// A packet comes, with or without mass, from another node or from outside.
    pub(super) fn enter(&mut self, at: SimTime, is_of_node: bool, mass: Option<&Packed>) {
        self.packets += 1;
        match self.occupancy {
            Occupancy::Arrivals { stay_s } => {
                self.fade(at, stay_s);
                self.expected += 1.0;
            }
            Occupancy::Estimated { stay_s, hidden } => {
                self.listen(at, stay_s);
                let ends = (hidden.lost + if is_of_node { hidden.ends } else { 0.0 }).min(1.0);
                self.expected += 1.0 - ends;
                self.variance += ends * (1.0 - ends);
            }
            Occupancy::Counted | Occupancy::Departures { .. } => {}
        }
        let Some(mass) = mass else { return };
        let (first, end) = (mass.first(), mass.first() + mass.values().len());
        if self.masses.len() < end {
            self.masses.resize(end, 0.0);
        }
        if let Some(masses) = self.masses.get_mut(first..end) {
            for (sum, more) in masses.iter_mut().zip(mass.values()) {
                *sum += more;
            }
        }
        self.live = if self.live.0 == self.live.1 {
            (first, end)
        } else {
            (self.live.0.min(first), self.live.1.max(end))
        };
    }

    /// A packet leaves, with its share of the mass. What of the rest is too small is added to `forgotten`, by target.
    pub(super) fn leave(&mut self, at: SimTime, forgotten: &mut [f64]) -> Option<Packed> {
        let share = self.share(at)?;
        let (first, end) = self.live;
        let masses = self.masses.get_mut(first..end).filter(|masses| !masses.is_empty())?;
        let mut values = Vec::with_capacity(masses.len());
        values.extend(masses.iter().map(|mass| mass * share));
        for mass in masses.iter_mut() {
            *mass -= *mass * share;
        }
        self.trim(forgotten);
        Some(Packed::new(first, values))
    }

    /// The share of a packet that leaves; `None` if it cannot be one that came.
    #[expect(clippy::cast_precision_loss, reason = "packets in a mix are fewer than 2^52")]
    fn share(&mut self, at: SimTime) -> Option<f64> {
        match self.occupancy {
            Occupancy::Counted => {
                let share = (self.packets > 0).then(|| 1.0 / self.packets as f64);
                self.packets = self.packets.saturating_sub(1);
                return share;
            }
            Occupancy::Estimated { stay_s, hidden } => {
                self.listen(at, stay_s);
                return Some(self.taken(stay_s * hidden.begins_per_s));
            }
            Occupancy::Arrivals { stay_s } => self.fade(at, stay_s),
            Occupancy::Departures { stay_s } => {
                self.fade(at, stay_s);
                self.expected += 1.0;
            }
        }
        Some(1.0 / self.expected.max(1.0))
    }

    /// Nothing has left since the last time: of n packets exp(-n age / stay) do so. For a number that is a constant and a Poisson
    /// variable, which fits mean and variance, that thins the variable.
    fn listen(&mut self, at: SimTime, stay_s: f64) {
        let age = at.since(self.at).max(self.at.since(at)).as_secs_f64();
        if age > 0.0 {
            let kept = if stay_s > 0.0 { (-age / stay_s).exp() } else { 0.0 };
            self.expected = (self.expected - self.variance * (1.0 - kept)).max(0.0);
            self.variance *= kept;
        }
        self.at = at;
    }

    /// Something leaves: one of n packets, or something that began here, which is as frequent as of `others` packets.
    /// Bayes' rule for the same family gives mean and variance of what is left. Returns the share of each packet.
    fn taken(&mut self, others: f64) -> f64 {
        let all = self.expected + others;
        if all <= 1.0 {
            self.expected = (self.expected - 1.0).max(0.0);
            self.variance = self.variance.min(self.expected);
            return 1.0;
        }
        let less = ((self.expected - self.variance) / all).min(1.0);
        self.expected = (self.expected - less).max(0.0);
        self.variance = (self.variance + less * (1.0 - less)).max(0.0);
        1.0 / all
    }

    fn fade(&mut self, at: SimTime, stay_s: f64) {
        // Backward, time runs down.
        let age = at.since(self.at).max(self.at.since(at)).as_secs_f64();
        if age > 0.0 {
            self.expected = if stay_s > 0.0 { self.expected * (-age / stay_s).exp() } else { 0.0 };
        }
        self.at = at;
    }

    fn trim(&mut self, forgotten: &mut [f64]) {
        let (mut first, mut end) = self.live;
        let masses = &mut self.masses;
        let mut drop_small = |target: usize| {
            let Some(mass) = masses.get_mut(target).filter(|mass| **mass < MASS_MIN) else { return false };
            if let Some(sum) = forgotten.get_mut(target) {
                *sum += *mass;
            }
            *mass = 0.0;
            true
        };
        while first < end && drop_small(first) {
            first += 1;
        }
        while first < end && drop_small(end - 1) {
            end -= 1;
        }
        self.live = (first, end);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }

    #[test]
    fn an_estimate_of_what_hides_nothing_is_a_count() {
        let mut counted = Pool::new(Occupancy::Counted);
        let mut estimated = Pool::new(Occupancy::Estimated { stay_s: 1.0, hidden: Hidden::default() });
        let mut draws = Seed::new(1).draws(Purpose::Adversary, 0);
        let mut inside = 0;
        for step in 0..1000 {
            let now = at(0.1 * f64::from(step));
            if inside == 0 || draws.unit() < 0.5 {
                inside += 1;
                counted.enter(now, true, None);
                estimated.enter(now, true, None);
            } else {
                inside -= 1;
                let shares = (counted.share(now).unwrap(), estimated.share(now).unwrap());
                assert!((shares.0 - shares.1).abs() < 1e-9, "{step}: {shares:?}");
            }
        }
    }

    #[test]
    fn an_estimate_stays_near_the_number_though_a_tenth_is_hidden() {
        // 20 packets a second come for 1 s each, and two that end; two a second leave that began here.
        let hidden = Hidden { ends: 2.0 / 22.0, begins_per_s: 2.0, ..Hidden::default() };
        let mut pool = Pool::new(Occupancy::Estimated { stay_s: 1.0, hidden });
        let mut draws = Seed::new(2).draws(Purpose::Adversary, 0);
        let (mut now, mut inside) = (0.0, 0.0);
        let (mut squares, mut blind, mut steps) = (0.0, 0.0, 0.0);
        for _ in 0..20_000 {
            now += draws.exponential(1.0 / (24.0 + inside));
            let which = draws.unit() * (24.0 + inside);
            if which < 22.0 {
                inside += f64::from(u8::from(which < 20.0));
                pool.enter(at(now), true, None);
            } else {
                inside -= f64::from(u8::from(which >= 24.0));
                pool.share(at(now)).unwrap();
            }
            if now > 10.0 {
                squares += (pool.expected - inside).powi(2);
                blind += (20.0 - inside).powi(2);
                steps += 1.0;
            }
        }
        println!("mean squared errors {:.2}, of the mean number {:.2}", squares / steps, blind / steps);
        assert!(squares < 0.6 * blind, "{squares} {blind}");
    }
}
