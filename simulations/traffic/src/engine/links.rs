//! When a packet that is sent arrives: the latency of links, which keep the order, and the time that Tor takes.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use rand_philox::splitmix64;

use super::chance::{Chance, Maker, Origin, Process};
use crate::latencies::Latencies;
use crate::party::{Layout, Party};
use crate::people::PrepareError;
use crate::random::{Purpose, Seed};
use crate::scenario::{Latency, Route, Scenario};
use crate::time::SimTime;

/// The shortest and the longest part of a packet's time in Tor that is the same for all packets of a circuit, and that each
/// draws anew. Both together lie between 60 and 300 ms, as for circuits in the virtual network of the production cores
/// (`simulations/src/vnet/direct.rs`).
const CIRCUIT_MS: (f64, f64) = (60.0, 240.0);
const JITTER_MS: (f64, f64) = (0.0, 60.0);

/// Keys of links are numbers that need no protection from whoever chooses them.
#[derive(Clone, Copy, Debug, Default)]
struct LinkHasher(u64);

impl Hasher for LinkHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.write_u64(u64::from(*byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = splitmix64(self.0 ^ number);
    }
}

/// When the last packet of each link arrives, where packets could overtake one another.
type LastArrivals = HashMap<u64, SimTime, BuildHasherDefault<LinkHasher>>;

/// The links of a run.
#[derive(Debug)]
pub(super) struct Links {
    latencies: Latencies,
    /// `None` if every packet of a link takes the same time.
    last: Option<LastArrivals>,
    /// When the last packet of a client leaves Tor, up and down; empty without Tor.
    circuits: Vec<[SimTime; 2]>,
    chance: Chance,
}

impl Links {
    /// Reads the matrix of latencies, if there is one.
    pub(super) fn new(scenario: &Scenario, layout: &Layout, seed: Seed) -> Result<Self, PrepareError> {
        let can_overtake = matches!(scenario.latency, Latency::Uniform { .. });
        let circuits = if scenario.network.route == Route::Mix { 0 } else { layout.clients() as usize };
        Ok(Self {
            latencies: Latencies::new(&scenario.latency, layout, seed)?,
            last: can_overtake.then(LastArrivals::default),
            circuits: vec![[SimTime::ZERO; 2]; circuits],
            chance: Chance::new(seed),
        })
    }

    /// When a packet arrives that is sent at this time; not before those that were sent before it.
    #[inline]
    pub(super) fn arrival(
        &mut self,
        now: SimTime,
        from: Party,
        to: Party,
        origin: Origin,
        hop: u8,
    ) -> SimTime {
        let mut draws = self.chance.of(Purpose::Latency, origin, hop);
        let at = now + self.latencies.draw(from, to, &mut draws);
        let Some(last) = &mut self.last else { return at };
        let last = last.entry(u64::from(from.0) << 32 | u64::from(to.0)).or_default();
        *last = at.max(*last);
        *last
    }

    /// When a packet leaves Tor that has come there at this time, on the circuit of a client, towards it or away from it.
    pub(super) fn through_tor(
        &mut self,
        now: SimTime,
        client: Party,
        is_down: bool,
        origin: Origin,
        hop: u8,
    ) -> SimTime {
        let between = |bounds: (f64, f64), share: f64| bounds.0 + (bounds.1 - bounds.0) * share;
        let once =
            Origin { maker: Maker::client(client.0), process: Process::Once, number: u32::from(is_down) };
        let circuit = between(CIRCUIT_MS, self.chance.of(Purpose::Tor, once, 0).unit());
        let jitter = between(JITTER_MS, self.chance.of(Purpose::Tor, origin, hop).unit());
        let at = now + SimTime::from_millis_f64(circuit + jitter);
        let Some(last) =
            self.circuits.get_mut(client.index()).and_then(|both| both.get_mut(usize::from(is_down)))
        else {
            return at;
        };
        *last = at.max(*last);
        *last
    }
}
