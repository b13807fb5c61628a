//! What a run costs and how fast it is, gathered while it runs.
//!
//! Memory grows with what is under way, not with what was sent. Not here: what an adversary concludes; entropies are
//! measured where it is asked.

use std::collections::HashMap;

use super::log_histogram::LogHistogram;
use crate::observer::{Fact, MessageEvent, Observer, PacketKind, Sighting, WireId};
use crate::party::{Layout, Party};
use crate::results::Measures;
use crate::scenario::{Mixing, Scenario};
use crate::time::SimTime;
use crate::tracer::wires::{PacketMap, WireMap};

/// A frame on the wire: 2,400 bytes and the 22 that TLS adds (`FRAME_BYTES` in `client/src/core/budget.rs`).
pub const FRAME_BYTES: f64 = 2_422.0;
const DAY_S: f64 = 86_400.0;
/// A packet that a Poisson mix held for so many mean delays has ended there: 1 in 10^26 is held for longer.
const MEAN_DELAYS_MAX: f64 = 60.0;
/// After so many arrivals at mixes what has ended there is forgotten.
const ARRIVALS_BETWEEN_SWEEPS: u32 = 65_536;

/// How far a message that was written in the window has come.
#[derive(Clone, Copy, Debug)]
struct Life {
    written: SimTime,
    is_released: bool,
    is_stored: bool,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    written: u64,
    released: u64,
    stored: u64,
    received: u64,
}

/// Gathers [`Measures`] of the time after warming up. Messages count if they were written then.
#[derive(Clone, Debug)]
pub struct Meter {
    layout: Layout,
    window: (SimTime, SimTime),
    is_corrupt: Vec<bool>,
    lives: HashMap<u32, Life>,
    counts: Counts,
    latency_ms: LogHistogram,
    client_packets_up: u64,
    client_packets_down: u64,
    /// For packets with messages that are under way: whether all mixes that they passed are corrupt.
    ways: PacketMap<bool>,
    ways_ended: u64,
    ways_compromised: u64,
    first_compromised: Option<SimTime>,
    holding: Option<Holding>,
}

/// How long Poisson mixes hold packets.
#[derive(Clone, Debug)]
struct Holding {
    forget_after: SimTime,
    here_since: WireMap<SimTime>,
    leaving: Option<(WireId, SimTime)>,
    arrivals: u32,
    forwarded: u64,
    held_s: f64,
}

impl Meter {
    /// A meter of a scenario in which these nodes are corrupt.
    #[must_use]
    pub fn new(scenario: &Scenario, corrupt: &[Party]) -> Self {
        let layout = scenario.layout();
        let begin = SimTime::from_secs_f64(scenario.warmup_s);
        let mut is_corrupt = vec![false; layout.parties() as usize];
        for party in corrupt {
            if let Some(slot) = is_corrupt.get_mut(party.index()) {
                *slot = true;
            }
        }
        let holding = match scenario.mixing {
            Mixing::Poisson { delay_ms_mean } if delay_ms_mean > 0.0 => Some(Holding {
                forget_after: SimTime::from_millis_f64(delay_ms_mean * MEAN_DELAYS_MAX),
                here_since: WireMap::default(),
                leaving: None,
                arrivals: 0,
                forwarded: 0,
                held_s: 0.0,
            }),
            _ => None,
        };
        Self {
            layout,
            window: (begin, begin + SimTime::from_secs_f64(scenario.duration_s)),
            is_corrupt,
            lives: HashMap::new(),
            counts: Counts::default(),
            latency_ms: LogHistogram::default(),
            client_packets_up: 0,
            client_packets_down: 0,
            ways: PacketMap::default(),
            ways_ended: 0,
            ways_compromised: 0,
            first_compromised: None,
            holding,
        }
    }

    /// From written to received, in milliseconds.
    #[must_use]
    pub const fn latency_ms(&self) -> &LogHistogram {
        &self.latency_ms
    }

    /// What was measured, by the names of [`crate::results`].
    #[must_use]
    pub fn measures(&self) -> Measures {
        let mut measures = Measures::default();
        let counts = [
            ("messages.written", self.counts.written),
            ("messages.released", self.counts.released),
            ("messages.stored", self.counts.stored),
            ("messages.received", self.counts.received),
        ];
        for (name, count) in counts {
            measures.set(name, count as f64);
        }
        measures.set("latency_ms.mean", self.latency_ms.mean().unwrap_or(f64::NAN));
        measures.set("latency_ms.variance", self.latency_ms.variance().unwrap_or(f64::NAN));
        for percent in (5..=95_u32).step_by(5).chain([99]) {
            let quantile = self.latency_ms.quantile(f64::from(percent) / 100.0);
            measures.set(format!("latency_ms.q{percent:02}"), quantile.unwrap_or(f64::NAN));
        }
        let seconds = self.window.1.since(self.window.0).as_secs_f64();
        let user_days = f64::from(self.layout.clients()) * seconds / DAY_S;
        let (up, down) = (self.client_packets_up as f64, self.client_packets_down as f64);
        measures.set("traffic.up_bytes_per_user_day", up * FRAME_BYTES / user_days);
        measures.set("traffic.down_bytes_per_user_day", down * FRAME_BYTES / user_days);
        measures.set("traffic.packets_per_message", up / self.counts.received as f64);
        measures.set("ways.ended", self.ways_ended as f64);
        measures.set("ways.compromised", self.ways_compromised as f64 / self.ways_ended as f64);
        if let Some(first) = self.first_compromised {
            measures.set("ways.first_compromised_s", first.since(self.window.0).as_secs_f64());
        }
        if let Some(holding) = &self.holding {
            let mix_seconds = f64::from(self.layout.mixes()) * seconds;
            measures.set("mixes.forwarded_per_s", holding.forwarded as f64 / mix_seconds);
            measures.set("mixes.held_mean", holding.held_s / mix_seconds);
        }
        measures
    }

    fn in_window(&self, at: SimTime) -> bool {
        at >= self.window.0 && at < self.window.1
    }

    fn note_way(&mut self, sighting: &Sighting, packet: u64) {
        if self.layout.is_mix(sighting.to) {
            let corrupt = self.is_corrupt.get(sighting.to.index()).copied().unwrap_or(false);
            self.ways.entry(packet).and_modify(|all| *all &= corrupt).or_insert(corrupt);
        } else if sighting.to != self.layout.tor()
            && let Some(compromised) = self.ways.remove(&packet)
            && self.in_window(sighting.at)
        {
            self.ways_ended += 1;
            if compromised {
                self.ways_compromised += 1;
                self.first_compromised.get_or_insert(sighting.at);
            }
        }
    }
}

impl Observer for Meter {
    fn sent(&mut self, sighting: &Sighting, _fact: &Fact) {
        let counts = self.in_window(sighting.at);
        self.client_packets_up += u64::from(counts && self.layout.is_client(sighting.from));
        if let Some(holding) = &mut self.holding
            && let Some((wire, since)) = holding.leaving.take()
            && wire == sighting.wire
            && counts
        {
            holding.forwarded += 1;
            holding.held_s += sighting.at.since(since).as_secs_f64();
        }
    }

    fn arrived(&mut self, sighting: &Sighting, fact: &Fact) {
        let counts = self.in_window(sighting.at);
        self.client_packets_down += u64::from(counts && self.layout.is_client(sighting.to));
        if fact.kind == PacketKind::Message {
            self.note_way(sighting, fact.packet);
        }
        if let Some(holding) = &mut self.holding
            && fact.kind != PacketKind::LinkDummy
            && self.layout.is_mix(sighting.to)
        {
            holding.arrived(sighting);
        }
    }

    fn forwarded(&mut self, _node: Party, incoming: WireId, outgoing: WireId) {
        if let Some(holding) = &mut self.holding {
            holding.leaving = holding.here_since.remove(&incoming).map(|since| (outgoing, since));
        }
    }

    fn message(&mut self, at: SimTime, message: u32, event: MessageEvent) {
        if let MessageEvent::Written { .. } = event {
            if self.in_window(at) {
                self.counts.written += 1;
                self.lives.insert(message, Life { written: at, is_released: false, is_stored: false });
            }
            return;
        }
        let Some(life) = self.lives.get_mut(&message) else { return };
        match event {
            MessageEvent::Written { .. } => {}
            MessageEvent::Released => {
                self.counts.released += u64::from(!life.is_released);
                life.is_released = true;
            }
            MessageEvent::Stored { .. } => {
                self.counts.stored += u64::from(!life.is_stored);
                life.is_stored = true;
            }
            MessageEvent::Received => {
                self.counts.received += 1;
                self.latency_ms.note(at.since(life.written).as_millis_f64());
                self.lives.remove(&message);
            }
        }
    }
}

impl Holding {
    fn arrived(&mut self, sighting: &Sighting) {
        self.here_since.insert(sighting.wire, sighting.at);
        self.arrivals += 1;
        if self.arrivals >= ARRIVALS_BETWEEN_SWEEPS {
            self.arrivals = 0;
            let forget_after = self.forget_after;
            self.here_since.retain(|_, since| sighting.at.since(*since) <= forget_after);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{ClientClass, Corruption, Network};

    fn scenario() -> Scenario {
        Scenario {
            network: Network { entries: 0, layers: 2, mixes_per_layer: 2, ..Network::default() },
            clients: vec![ClientClass { count: 2, ..ClientClass::default() }],
            corruption: Corruption::default(),
            warmup_s: 10.0,
            duration_s: 90.0,
            ..Scenario::default()
        }
    }

    fn at(seconds: f64) -> SimTime {
        SimTime::from_secs_f64(seconds)
    }

    /// A packet with a message from client 0 over a mix of each layer to mailbox 0.
    fn pass(meter: &mut Meter, layout: &Layout, packet: u64, from_s: f64, mixes: [u32; 2]) {
        let way = [layout.client(0), layout.mix(0, mixes[0]), layout.mix(1, mixes[1]), layout.mailbox(0)];
        let fact = Fact { packet, kind: PacketKind::Message, message: Some(0) };
        for (hop, ends) in (0_u32..).zip(way.windows(2)) {
            let wire = WireId(packet * 10 + u64::from(hop));
            if hop > 0 {
                meter.forwarded(ends[0], WireId(wire.0 - 1), wire);
            }
            let sent = Sighting { at: at(from_s + 3.0 * f64::from(hop)), wire, from: ends[0], to: ends[1] };
            meter.sent(&sent, &fact);
            meter.arrived(&Sighting { at: sent.at + at(1.0), ..sent }, &fact);
        }
    }

    #[test]
    fn packets_bytes_holding_and_ways_are_counted_in_the_window_alone() {
        let scenario = scenario();
        let layout = scenario.layout();
        let mut meter = Meter::new(&scenario, &[layout.mix(0, 1), layout.mix(1, 0)]);
        pass(&mut meter, &layout, 1, 1.0, [1, 0]);
        pass(&mut meter, &layout, 2, 20.0, [0, 0]);
        pass(&mut meter, &layout, 3, 50.0, [1, 0]);
        pass(&mut meter, &layout, 4, 60.0, [1, 1]);
        pass(&mut meter, &layout, 5, 101.0, [1, 0]);
        let measures = meter.measures();
        let get = |name: &str| measures.get(name).unwrap();
        assert_eq!(get("ways.ended"), 3.0);
        assert!((get("ways.compromised") - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(get("ways.first_compromised_s"), 47.0);
        // Three packets of two users in 90 s.
        let expected = 3.0 * 2_422.0 / (2.0 * 90.0 / 86_400.0);
        assert!((get("traffic.up_bytes_per_user_day") - expected).abs() < 1e-6);
        assert_eq!(get("traffic.down_bytes_per_user_day"), 0.0);
        // Each was held for 2 s at each of two hops; four mixes.
        assert!((get("mixes.held_mean") - 3.0 * 2.0 * 2.0 / (4.0 * 90.0)).abs() < 1e-9);
        assert!((get("mixes.forwarded_per_s") - 6.0 / (4.0 * 90.0)).abs() < 1e-9);
        assert_eq!(measures.get("traffic.packets_per_message"), None);
        assert!(meter.ways.is_empty() && meter.holding.unwrap().here_since.is_empty());
    }

    #[test]
    fn messages_written_in_the_window_are_followed_and_forgotten() {
        let scenario = scenario();
        let layout = scenario.layout();
        let mut meter = Meter::new(&scenario, &[]);
        let written = MessageEvent::Written { sender: layout.client(0), recipient: layout.client(1) };
        for (message, from_s) in [(0, 9.0), (1, 11.0), (2, 12.0)] {
            meter.message(at(from_s), message, written);
            meter.message(at(from_s + 1.0), message, MessageEvent::Released);
            for mailbox in [0, 1] {
                let stored = MessageEvent::Stored { mailbox: layout.mailbox(mailbox) };
                meter.message(at(from_s + 2.0), message, stored);
            }
        }
        meter.message(at(13.0), 0, MessageEvent::Received);
        meter.message(at(16.0), 1, MessageEvent::Received);
        meter.message(at(17.0), 1, MessageEvent::Received);
        let measures = meter.measures();
        let counts = ["written", "released", "stored", "received"]
            .map(|name| measures.get(&format!("messages.{name}")).unwrap());
        assert_eq!(counts, [2.0, 2.0, 2.0, 1.0]);
        assert_eq!(measures.get("latency_ms.mean"), Some(5000.0));
        assert!((measures.get("latency_ms.q50").unwrap() / 5000.0 - 1.0).abs() < 0.006);
        assert_eq!(meter.lives.len(), 1);
    }
}
