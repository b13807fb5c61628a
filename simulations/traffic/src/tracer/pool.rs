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

impl Occupancy {
    pub(super) const fn by_arrivals(stay_ms: f64) -> Self {
        Self::Arrivals { stay_s: stay_ms / 1e3 }
    }

    pub(super) const fn by_departures(stay_ms: f64) -> Self {
        Self::Departures { stay_s: stay_ms / 1e3 }
    }
}

/// A pool. The mass of targets is one array, of which a range is in use, so that shares are taken in straight loops.
#[derive(Clone, Debug)]
pub(super) struct Pool {
    occupancy: Occupancy,
    packets: u64,
    expected: f64,
    /// When `expected` was so.
    at: SimTime,
    masses: Vec<f64>,
    /// The targets that have mass, from and to.
    live: (usize, usize),
}

impl Pool {
    pub(super) const fn new(occupancy: Occupancy) -> Self {
        Self { occupancy, packets: 0, expected: 0.0, at: SimTime::ZERO, masses: Vec::new(), live: (0, 0) }
    }

    pub(super) fn preload(&mut self, packets: u64) {
        self.packets += packets;
    }

    /// A target's mass.
    pub(super) fn mass(&self, target: usize) -> f64 {
        self.masses.get(target).copied().unwrap_or(0.0)
    }

    /// A packet comes, with or without mass.
    pub(super) fn enter(&mut self, at: SimTime, mass: Option<&Packed>) {
        self.packets += 1;
        if let Occupancy::Arrivals { stay_s } = self.occupancy {
            self.fade(at, stay_s);
            self.expected += 1.0;
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
            Occupancy::Arrivals { stay_s } => self.fade(at, stay_s),
            Occupancy::Departures { stay_s } => {
                self.fade(at, stay_s);
                self.expected += 1.0;
            }
        }
        Some(1.0 / self.expected.max(1.0))
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
