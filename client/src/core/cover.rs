//! When packets leave: Poisson processes that know nothing of the user.
//!
//! Loopix (Piotrowska et al., USENIX Security 2017) has a client send at the ticks of independent Poisson
//! processes whether or not it has something to say. Each process here has a generator of its own, seeded
//! when the engine is opened and used for nothing else, so that the ticks are the same whatever
//! the user does. What a packet holds is not decided here.

use std::fmt;
use std::time::Duration;

use rand::{CryptoRng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::directory::CoverClass;
use sotto_protocol::sphinx::draw_exponential;
use sotto_protocol::time::Timestamp;

use super::limits::TICK_LATENESS_MAX;

/// Which process ticked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Tick {
    /// A message, a poll or a decoy.
    Payload,
    /// A loop.
    Loop,
    /// A drop.
    Drop,
}

struct Process {
    tick: Tick,
    rng: ChaCha20Rng,
    mean: Duration,
    next: Timestamp,
}

impl Process {
    fn new(tick: Tick, rng: &mut impl CryptoRng) -> Self {
        let rng = ChaCha20Rng::from_rng(rng);
        Self { tick, rng, mean: Duration::ZERO, next: Timestamp::NEVER }
    }

    fn set_mean(&mut self, interval_ms: u32) {
        // A consensus with an interval of zero is not valid; were it, time would stand still here.
        self.mean = Duration::from_millis(u64::from(interval_ms.max(1)));
    }

    fn draw(&mut self, from: Timestamp) {
        self.next = from + draw_exponential(self.mean, &mut self.rng);
    }
}

/// The processes of one lane. `Debug` shows no generator state.
pub(crate) struct Cover {
    processes: Vec<Process>,
    running: bool,
}

impl Cover {
    /// A stopped process for each of `ticks`, with generators of their own.
    pub(crate) fn new(ticks: &[Tick], rng: &mut impl CryptoRng) -> Self {
        Self { processes: ticks.iter().map(|tick| Process::new(*tick, rng)).collect(), running: false }
    }

    /// Runs at the rates of `class`. Running already, the ticks that are drawn stay and the rates hold
    /// from then on.
    pub(crate) fn start(&mut self, now: Timestamp, class: &CoverClass) {
        for process in &mut self.processes {
            process.set_mean(match process.tick {
                Tick::Payload => class.payload_interval_ms_mean,
                Tick::Loop => class.loop_interval_ms_mean,
                Tick::Drop => class.drop_interval_ms_mean,
            });
            if !self.running {
                process.draw(now);
            }
        }
        self.running = true;
    }

    /// Stops. Poisson processes have no memory: a later start needs to know nothing of this one.
    pub(crate) fn stop(&mut self) {
        self.running = false;
        for process in &mut self.processes {
            process.next = Timestamp::NEVER;
        }
    }

    pub(crate) const fn running(&self) -> bool {
        self.running
    }

    /// The next tick of any process.
    pub(crate) fn next(&self) -> Timestamp {
        self.processes.iter().map(|process| process.next).min().unwrap_or(Timestamp::NEVER)
    }

    /// The earliest tick that is due, and the moment it was drawn for. A tick that is far too late is
    /// left out, and its process starts anew from now: no burst follows a suspended machine's waking.
    pub(crate) fn pop_due(&mut self, now: Timestamp) -> Option<(Timestamp, Tick)> {
        loop {
            let process = self.processes.iter_mut().min_by_key(|process| process.next)?;
            let due = process.next;
            if due > now {
                return None;
            }
            if now.since(due) > TICK_LATENESS_MAX {
                process.draw(now);
                continue;
            }
            process.draw(due);
            return Some((due, process.tick));
        }
    }
}

impl fmt::Debug for Cover {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cover(running: {})", self.running)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(payload: u32, loops: u32, drops: u32) -> CoverClass {
        CoverClass {
            name: "test".into(),
            payload_interval_ms_mean: payload,
            loop_interval_ms_mean: loops,
            drop_interval_ms_mean: drops,
            downlink_interval_ms_mean: 1,
        }
    }

    fn cover(seed: u64) -> Cover {
        Cover::new(&[Tick::Payload, Tick::Loop, Tick::Drop], &mut ChaCha20Rng::seed_from_u64(seed))
    }

    /// All ticks until `until`, stepping exactly to each.
    fn run(cover: &mut Cover, until: Timestamp) -> Vec<(Timestamp, Tick)> {
        let mut ticks = Vec::new();
        while cover.next() <= until {
            let now = cover.next();
            while let Some(tick) = cover.pop_due(now) {
                ticks.push(tick);
            }
        }
        ticks
    }

    #[test]
    fn each_process_has_its_own_rate_and_exponential_gaps() {
        let mut cover = cover(1);
        let start = Timestamp::from_millis(1);
        cover.start(start, &class(100, 500, 1000));
        let end = start + Duration::from_secs(2000);
        let ticks = run(&mut cover, end);
        for (tick, mean_ms) in [(Tick::Payload, 100.0), (Tick::Loop, 500.0), (Tick::Drop, 1000.0)] {
            let times: Vec<f64> = ticks
                .iter()
                .filter(|(_, t)| *t == tick)
                .map(|(at, _)| at.as_micros() as f64 / 1000.0)
                .collect();
            let expected = 2_000_000.0 / mean_ms;
            let deviation = (times.len() as f64 - expected) / expected.sqrt();
            assert!(deviation.abs() < 4.0, "{tick:?}: {} ticks, expected {expected}", times.len());
            // Kolmogorov-Smirnov against the exponential distribution, at the 0.1 % level.
            let mut gaps: Vec<f64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
            gaps.sort_by(f64::total_cmp);
            let n = gaps.len() as f64;
            let distance = gaps.iter().enumerate().fold(0f64, |worst, (i, gap)| {
                let law = 1.0 - (-gap / mean_ms).exp();
                worst.max((law - i as f64 / n).abs()).max((law - (i + 1) as f64 / n).abs())
            });
            assert!(distance * n.sqrt() < 1.95, "{tick:?}: distance {distance} of {n} gaps");
        }
    }

    #[test]
    fn being_late_a_little_changes_no_tick() {
        let (mut exact, mut late) = (cover(2), cover(2));
        let start = Timestamp::from_millis(1);
        exact.start(start, &class(100, 500, 1000));
        late.start(start, &class(100, 500, 1000));
        let exact = run(&mut exact, start + Duration::from_secs(100));
        let mut seen = Vec::new();
        for step in 0..1000u64 {
            let now = start + Duration::from_millis(step * 100);
            while let Some(tick) = late.pop_due(now) {
                seen.push(tick);
            }
        }
        assert_eq!(seen, exact[..seen.len()]);
        assert!(seen.len() + 20 > exact.len());
    }

    #[test]
    fn no_burst_follows_a_long_pause() {
        let mut cover = cover(3);
        let start = Timestamp::from_millis(1);
        cover.start(start, &class(100, 500, 1000));
        assert_eq!(cover.pop_due(start + Duration::from_secs(3600)), None);
        assert!(cover.next() > start + Duration::from_secs(3600));
    }

    #[test]
    fn a_stopped_cover_has_no_tick_and_new_rates_hold_from_the_next_draw() {
        let mut cover = cover(4);
        assert_eq!(cover.next(), Timestamp::NEVER);
        cover.start(Timestamp::from_millis(1), &class(100, 500, 1000));
        let drawn = cover.next();
        cover.start(Timestamp::from_millis(1), &class(1, 1, 1));
        assert_eq!(cover.next(), drawn);
        cover.stop();
        assert_eq!(cover.next(), Timestamp::NEVER);
        assert_eq!(cover.pop_due(Timestamp::NEVER - Duration::from_secs(1)), None);
    }

    #[test]
    fn debug_shows_no_generator() {
        insta::assert_snapshot!(format!("{:?}", cover(5)), @"Cover(running: false)");
    }
}
