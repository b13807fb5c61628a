//! Keeps what happens in the window of a run, for adversaries to think about.
//!
//! A recording has the passages that begin within the window, and those that began before and had not come to their end,
//! or whose packet was still held at a mix or in Tor, and was not lost there. They are numbered anew from 0 in the order of sending. Messages keep their
//! numbers, and so those written while warming up are there, too. Not here: what an adversary gets of it ([`crate::view`]).

use std::collections::{BTreeMap, HashMap};

use super::{PrepareError, Simulation, Totals};
use crate::adversary::Interference;
use crate::observer::{BoxEvent, Fact, MessageEvent, Observer, PacketKind, Sighting, WireId};
use crate::party::{Layout, Party};
use crate::random::Seed;
use crate::scenario::Scenario;
use crate::time::SimTime;
use crate::view::{MessageTruth, Presence, Recording, Wire};

/// A run and what is known of it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// What happened.
    pub recording: Recording,
    /// What it was in numbers.
    pub totals: Totals,
    /// Who is who.
    pub layout: Layout,
    /// Which nodes were corrupt.
    pub corrupt: Vec<Party>,
    /// From when until when it was watched.
    pub window: (SimTime, SimTime),
}

/// Runs a scenario once and keeps what happens in its window.
///
/// # Errors
/// What of the scenario is refused, or a file of it that cannot be used.
pub fn record(
    scenario: &Scenario,
    seed: Seed,
    interference: Option<&Interference>,
) -> Result<Recorded, PrepareError> {
    let mut simulation = Simulation::new(scenario, seed)?;
    if let Some(interference) = interference {
        simulation.interfere(interference);
    }
    let (layout, window) = (simulation.layout().clone(), simulation.window());
    let corrupt = simulation.corrupt().to_vec();
    let mut recorder = Recorder::new(&layout, window);
    let totals = simulation.run(&mut recorder);
    Ok(Recorded { recording: recorder.finish(), totals, layout, corrupt, window })
}

/// An observer that fills a [`Recording`].
#[derive(Clone, Debug)]
pub struct Recorder {
    layout: Layout,
    window: (SimTime, SimTime),
    recording: Recording,
    /// While warming up: the passages that would still be needed if the window began.
    open: BTreeMap<WireId, (Wire, Fact)>,
    /// While warming up: who made the loops of mixes that are under way.
    loops: HashMap<u64, Party>,
    has_begun: bool,
    /// The first number of the run that was not given when the window began.
    first: u64,
    /// The numbers in the recording of passages that began before the window.
    kept: HashMap<WireId, WireId>,
    /// What was told of the next passage.
    forwarded: Option<(Party, WireId)>,
    /// Since when each client is online.
    online: BTreeMap<Party, SimTime>,
}

impl Recorder {
    /// For a run of this layout and window.
    #[must_use]
    pub fn new(layout: &Layout, window: (SimTime, SimTime)) -> Self {
        Self {
            layout: layout.clone(),
            window,
            recording: Recording::default(),
            open: BTreeMap::new(),
            loops: HashMap::new(),
            has_begun: false,
            first: 0,
            kept: HashMap::new(),
            forwarded: None,
            online: BTreeMap::new(),
        }
    }

    /// The recording, when the run is over.
    #[must_use]
    pub fn finish(mut self) -> Recording {
        self.advance(self.window.1);
        for (client, from) in std::mem::take(&mut self.online) {
            self.recording.presence.push(Presence { client, from, until: self.window.1 });
        }
        self.recording.presence.sort_unstable_by_key(|presence| (presence.client, presence.from));
        self.recording
    }

    /// Begins the window when its time has come.
    #[inline]
    fn advance(&mut self, now: SimTime) {
        if self.has_begun || now < self.window.0 {
            return;
        }
        self.has_begun = true;
        for (number, (old, (mut wire, fact))) in (0..).zip(std::mem::take(&mut self.open)) {
            wire.id = WireId(number);
            self.kept.insert(old, wire.id);
            self.recording.wires.push(wire);
            self.recording.facts.push(fact);
        }
        self.loops = HashMap::new();
    }

    /// The number in the recording.
    fn renumbered(&self, wire: WireId) -> Option<WireId> {
        match wire.0.checked_sub(self.first) {
            Some(behind) => Some(WireId(behind + self.kept.len() as u64)),
            None => self.kept.get(&wire).copied(),
        }
    }

    /// Whether a passage that ends here is its packet's last.
    fn is_last(&self, sighting: &Sighting, fact: &Fact) -> bool {
        let to = sighting.to;
        let is_passed = self.layout.is_mix(to) || to == self.layout.tor();
        !is_passed
            || fact.kind == PacketKind::LinkDummy
            || fact.kind == PacketKind::MixLoop && self.loops.get(&fact.packet) == Some(&to)
    }
}

impl Observer for Recorder {
    fn sent(&mut self, sighting: &Sighting, fact: &Fact) {
        self.advance(sighting.at);
        let Sighting { at, wire: id, from, to } = *sighting;
        let forwarded = self.forwarded.take();
        let wire = Wire { id, sent: at, arrived: SimTime::NEVER, from, to };
        if !self.has_begun {
            self.first = id.0 + 1;
            match forwarded {
                Some((_, incoming)) => drop(self.open.remove(&incoming)),
                None if fact.kind == PacketKind::MixLoop => drop(self.loops.insert(fact.packet, from)),
                None => {}
            }
            self.open.insert(id, (wire, *fact));
            return;
        }
        let Some(id) = self.renumbered(id) else { return };
        self.recording.wires.push(Wire { id, ..wire });
        self.recording.facts.push(*fact);
        if let Some((node, incoming)) = forwarded
            && let Some(incoming) = self.renumbered(incoming)
        {
            self.recording.forwarded.push((node, incoming, id));
        }
    }

    fn arrived(&mut self, sighting: &Sighting, fact: &Fact) {
        self.advance(sighting.at);
        if self.has_begun {
            if let Some(wire) = self
                .renumbered(sighting.wire)
                .and_then(|id| usize::try_from(id.0).ok())
                .and_then(|index| self.recording.wires.get_mut(index))
            {
                wire.arrived = sighting.at;
            }
        } else if self.is_last(sighting, fact) {
            self.open.remove(&sighting.wire);
            self.loops.remove(&fact.packet);
        } else if let Some((wire, _)) = self.open.get_mut(&sighting.wire) {
            wire.arrived = sighting.at;
        }
    }

    fn lost(&mut self, wire: WireId) {
        // In the window the passage stays: it was seen.
        if let Some((_, fact)) = self.open.remove(&wire) {
            self.loops.remove(&fact.packet);
        }
    }

    fn forwarded(&mut self, node: Party, incoming: WireId, _outgoing: WireId) {
        // It is told before the passage begins, which has the time.
        self.forwarded = Some((node, incoming));
    }

    fn message(&mut self, at: SimTime, message: u32, event: MessageEvent) {
        let messages = &mut self.recording.messages;
        if let MessageEvent::Written { sender, recipient } = event {
            if messages.len() == message as usize {
                let never = SimTime::NEVER;
                messages.push(MessageTruth {
                    sender,
                    recipient,
                    written: at,
                    released: never,
                    stored: never,
                    received: never,
                });
            }
            return;
        }
        let Some(truth) = messages.get_mut(message as usize) else { return };
        let time = match event {
            MessageEvent::Written { .. } => return,
            MessageEvent::Released => &mut truth.released,
            MessageEvent::Stored { .. } => &mut truth.stored,
            MessageEvent::Received => &mut truth.received,
        };
        *time = at.min(*time);
    }

    fn mailbox(&mut self, event: &BoxEvent) {
        self.advance(event.at);
        if !self.has_begun {
            return;
        }
        if let Some(wire) = self.renumbered(event.wire) {
            self.recording.boxes.push(BoxEvent { wire, ..*event });
        }
    }

    fn presence(&mut self, at: SimTime, client: Party, online: bool) {
        if online {
            self.online.insert(client, at);
        } else if let Some(from) = self.online.remove(&client) {
            self.recording.presence.push(Presence { client, from, until: at });
        }
    }
}
