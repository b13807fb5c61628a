//! The n-1 attack (Serjantov, Dingledine, Syverson, "From a trickle to a flood", IH 2002) while it runs.
//!
//! The adversary controls every link into a mix. From a time on it lets nothing in but packets of its own, until what it
//! counted going in has come out; then one packet of its target, until that has left; behind Tor, one of whoever is first. What it keeps out is lost. Its
//! own packets come from outside, by Tor, and go on as others do from that mix.

use super::Simulation;
use super::chance::{Maker, Origin, Process};
use super::event::Event;
use super::packets::{Cargo, Packet};
use crate::adversary::Interference;
use crate::observer::{Observer, PacketKind};
use crate::party::{Party, Role};
use crate::random::Purpose;
use crate::time::SimTime;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The mix still holds packets of others, or the target's packet is still to come.
    Waiting,
    /// It is in the mix: this packet.
    Inside(u64),
    /// It has left.
    Over,
}

/// The attack.
#[derive(Clone, Copy, Debug)]
pub(super) struct Isolation {
    mix: Party,
    client: Party,
    from: SimTime,
    /// Between own packets; `None` sends none.
    gap: Option<SimTime>,
    stage: Stage,
    sent: u32,
    /// Packets in the mix that are not the adversary's: it sees all that come and go.
    others: u32,
}

impl Isolation {
    /// If the interference is one.
    pub(super) fn of(interference: &Interference) -> Option<Self> {
        let Interference::Isolate { mix, client, from, flood_per_s } = *interference else { return None };
        let gap = (flood_per_s > 0.0).then(|| SimTime::from_secs_f64(1.0 / flood_per_s));
        // A gap of nothing would never let time pass.
        let gap = gap.map(|gap| gap.max(SimTime::from_nanos(1)));
        Some(Self { mix, client, from, gap, stage: Stage::Waiting, sent: 0, others: 0 })
    }

    /// When it begins.
    pub(super) const fn from(&self) -> SimTime {
        self.from
    }
}

impl Simulation {
    /// Whether the adversary keeps a packet from coming in. Lets one of the target in, once: it knows it by the link from the
    /// target. Behind Tor it cannot tell whose a packet is, and lets in the first that is not its own.
    pub(super) fn is_blocked(&mut self, now: SimTime, (from, to): (Party, Party), packet: &Packet) -> bool {
        let Some(isolation) = &mut self.isolation else { return false };
        if to != isolation.mix || now < isolation.from || isolation.stage == Stage::Over {
            return false;
        }
        if packet.kind == PacketKind::Injected {
            return false;
        }
        let is_target = from == isolation.client || from == self.layout.tor();
        if is_target && isolation.stage == Stage::Waiting && isolation.others == 0 {
            isolation.stage = Stage::Inside(packet.id);
            return false;
        }
        true
    }

    /// Takes note that a mix takes a packet in.
    #[inline]
    pub(super) fn note_entry(&mut self, mix: u32, packet: &Packet) {
        let Some(isolation) = &mut self.isolation else { return };
        if self.layout.nth_mix(mix) == isolation.mix && packet.kind != PacketKind::Injected {
            isolation.others += 1;
        }
    }

    /// Takes note that a packet leaves a mix: with the target the attack is over.
    #[inline]
    pub(super) fn note_exit(&mut self, mix: u32, place: u32) {
        let Some(isolation) = &mut self.isolation else { return };
        let Some(packet) = self.packets.get(place) else { return };
        if self.layout.nth_mix(mix) != isolation.mix || packet.kind == PacketKind::Injected {
            return;
        }
        isolation.others = isolation.others.saturating_sub(1);
        if isolation.stage == Stage::Inside(packet.id) {
            isolation.stage = Stage::Over;
        }
    }

    /// Sends a packet of the adversary's own into the mix.
    pub(super) fn flood<O: Observer>(&mut self, now: SimTime, observer: &mut O) {
        let Some(isolation) = &mut self.isolation else { return };
        let Some(gap) = isolation.gap.filter(|_| isolation.stage != Stage::Over) else { return };
        let number = isolation.sent;
        isolation.sent = number.wrapping_add(1);
        let Some(Role::Mix { layer, index }) = self.layout.role(isolation.mix) else { return };
        self.queue.push(now + gap, Event::Flood.pack());
        let origin = Origin { maker: Maker::adversary(), process: Process::Flood, number };
        let target = self.desk.drop_target(&mut self.chance.of(Purpose::Boxes, origin, 0));
        self.paths.injected(layer, index, target, &mut self.chance.of(Purpose::Route, origin, 0));
        self.launch(now, (PacketKind::Injected, None), origin, Cargo::Empty, observer);
    }
}
