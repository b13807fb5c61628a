//! What a run was, in numbers.

use crate::time::SimTime;

/// The packets that a mix held over the window, as averages over time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Occupancy {
    /// Packets held, on the mean.
    pub mean: f64,
    /// The variance of that number over time.
    pub variance: f64,
    /// Packets that came to be held within the window.
    pub arrivals: u64,
}

/// What a run was. `packets` is `delivered` + `dropped` + `blocked` + `in_flight`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Events taken from the queue.
    pub events: u64,
    /// Packets made, cover and answers included.
    pub packets: u64,
    /// Passages begun.
    pub passages: u64,
    /// Packets that have come to the end of their path.
    pub delivered: u64,
    /// Packets for clients that were offline when they should have got them.
    pub dropped: u64,
    /// Packets that an adversary kept from a mix.
    pub blocked: u64,
    /// Packets under way when the run ended.
    pub in_flight: u64,
    /// The most packets under way at once; as many places the memory for packets has.
    pub in_flight_max: u64,
    /// By the number of the mix ([`Layout::nth_mix`](crate::party::Layout::nth_mix)).
    pub occupancy: Vec<Occupancy>,
}

/// Follows how many packets a mix holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gauge {
    held: u32,
    /// From when on, or since when the number is what it is.
    since: SimTime,
    start: SimTime,
    sum: f64,
    sum_of_squares: f64,
    arrivals: u64,
}

impl Gauge {
    /// Of an empty mix, watched from a time on.
    pub(super) const fn new(start: SimTime) -> Self {
        Self { held: 0, since: start, start, sum: 0.0, sum_of_squares: 0.0, arrivals: 0 }
    }

    /// A packet comes.
    #[inline]
    pub(super) fn enter(&mut self, now: SimTime) {
        self.advance(now);
        self.held += 1;
        self.arrivals += u64::from(now >= self.start);
    }

    /// A packet goes.
    #[inline]
    pub(super) fn exit(&mut self, now: SimTime) {
        self.advance(now);
        self.held = self.held.saturating_sub(1);
    }

    /// The averages up to the end of the window.
    pub(super) fn read(mut self, end: SimTime) -> Occupancy {
        self.advance(end);
        let window = end.since(self.start).as_secs_f64();
        if window <= 0.0 {
            return Occupancy::default();
        }
        let mean = self.sum / window;
        Occupancy {
            mean,
            variance: (self.sum_of_squares / window - mean * mean).max(0.0),
            arrivals: self.arrivals,
        }
    }

    #[inline]
    fn advance(&mut self, now: SimTime) {
        if now > self.since {
            let weighted = f64::from(self.held) * now.since(self.since).as_secs_f64();
            self.sum += weighted;
            self.sum_of_squares += f64::from(self.held) * weighted;
            self.since = now;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gauge_weighs_by_time_from_the_start_of_the_window_on() {
        let at = SimTime::from_secs_f64;
        let mut gauge = Gauge::new(at(10.0));
        gauge.enter(at(2.0));
        gauge.enter(at(12.0));
        gauge.exit(at(15.0));
        // One for 2 s, two for 3 s, one for 5 s.
        let read = gauge.read(at(20.0));
        assert!((read.mean - 1.3).abs() < 1e-12);
        assert!((read.variance - 0.21).abs() < 1e-12);
        assert_eq!(read.arrivals, 1);
    }
}
