//! The life of a packet: made, sent over links, held at mixes, delivered.
//!
//! An entry is the last hop of what goes to its clients, for which the sender draws no delay: where the downlink is shaped, a
//! packet waits for a frame and nothing else. Where it is not, an entry mixes in both directions.

use super::Simulation;
use super::chance::Origin;
use super::event::Event;
use super::packets::{Cargo, NOBODY, Packet};
use crate::observer::{MessageEvent, Observer, PacketKind, Sighting, WireId};
use crate::party::Party;
use crate::people::Load;
use crate::random::Purpose;
use crate::scenario::Mixing;
use crate::time::SimTime;

impl Simulation {
    /// Makes a packet for the path that was drawn last. `None` if there are too many already; it is counted as dropped.
    pub(super) fn make(
        &mut self,
        kind: PacketKind,
        message: Option<u32>,
        origin: Origin,
        cargo: Cargo,
    ) -> Option<u32> {
        let path = self.paths.path();
        let last = u8::try_from(path.len().saturating_sub(1)).ok()?;
        let packet = Packet {
            id: self.totals.packets,
            wire: WireId(0),
            origin,
            message,
            next: NOBODY,
            kind,
            is_loaded: !matches!(cargo, Cargo::Empty),
            hop: 0,
            last,
        };
        self.totals.packets += 1;
        let place = self.packets.insert(packet, cargo, path);
        self.totals.dropped += u64::from(place.is_none());
        place
    }

    /// Makes a packet for the path that was drawn last, and sends it.
    pub(super) fn launch<O: Observer>(
        &mut self,
        now: SimTime,
        (kind, message): (PacketKind, Option<u32>),
        origin: Origin,
        cargo: Cargo,
        observer: &mut O,
    ) {
        if let Some(place) = self.make(kind, message, origin, cargo) {
            self.send(now, place, observer);
        }
    }

    /// Sends a packet on from where it is.
    pub(super) fn send<O: Observer>(&mut self, now: SimTime, place: u32, observer: &mut O) {
        let Some(packet) = self.packets.get_mut(place) else { return };
        let wire = WireId(self.totals.passages);
        self.totals.passages += 1;
        let incoming = std::mem::replace(&mut packet.wire, wire);
        let packet = *packet;
        let ends = (self.packets.party(place, packet.hop), self.packets.party(place, packet.hop + 1));
        let (Some(from), Some(to)) = ends else { return };
        if packet.hop > 0 {
            observer.forwarded(from, incoming, wire);
        }
        observer.sent(&Sighting { at: now, wire, from, to }, &packet.fact());
        let arrival = self.links.arrival(now, from, to, packet.origin, packet.hop);
        self.queue.push(arrival, Event::Arrive(place).pack());
    }

    /// A packet comes to the end of a link.
    pub(super) fn arrive<O: Observer>(&mut self, now: SimTime, place: u32, observer: &mut O) {
        let Some(mut packet) = self.packets.get(place).copied() else { return };
        let ends = (self.packets.party(place, packet.hop), self.packets.party(place, packet.hop + 1));
        let (Some(from), Some(to)) = ends else { return };
        if self.is_blocked(now, (from, to), &packet) {
            self.totals.blocked += 1;
            observer.lost(packet.wire);
            self.packets.remove(place);
            return;
        }
        if self.layout.is_client(to) && !self.clients.is_online(to.0) {
            self.miss(place, to, observer);
            return;
        }
        packet.hop += 1;
        if let Some(kept) = self.packets.get_mut(place) {
            kept.hop = packet.hop;
        }
        observer.arrived(&Sighting { at: now, wire: packet.wire, from, to }, &packet.fact());
        if packet.hop == packet.last {
            self.deliver(now, place, to, &packet, observer);
        } else if let Some(mix) = self.nodes.mix_number(to) {
            if self.client_behind(place, &packet).is_some_and(|client| self.is_shaped(to, client)) {
                self.depart(now, place, observer);
            } else {
                self.hold(now, place, mix, &packet, observer);
            }
        } else {
            // Only Tor is passed without being a mix. Packets to a client end with it, others begin with it.
            let is_down = packet.hop + 1 == packet.last && !self.layout.is_client(from);
            let end = if is_down { self.packets.party(place, packet.last) } else { Some(from) };
            let Some(client) = end else { return };
            let at = self.links.through_tor(now, client, is_down, packet.origin, packet.hop);
            self.queue.push(at, Event::Leave(place).pack());
        }
    }

    /// A mix takes a packet in.
    fn hold<O: Observer>(&mut self, now: SimTime, place: u32, mix: u32, packet: &Packet, observer: &mut O) {
        self.note_entry(mix, packet);
        if let Mixing::Poisson { delay_ms_mean } = self.scenario.mixing {
            self.nodes.enter(now, mix);
            let at = now + self.chance.delay(packet.origin, packet.hop, delay_ms_mean * 1e6);
            self.queue.push(at, Event::Leave(place).pack());
        } else if self.nodes.pool(now, mix, place, &self.scenario.mixing) {
            self.release(now, mix, observer);
        }
    }

    /// A packet's time at a Poisson mix or in Tor is over.
    pub(super) fn leave<O: Observer>(&mut self, now: SimTime, place: u32, observer: &mut O) {
        let Some(hop) = self.packets.get(place).map(|packet| packet.hop) else { return };
        let Some(party) = self.packets.party(place, hop) else { return };
        if let Some(mix) = self.nodes.mix_number(party) {
            self.let_go(now, mix, place, observer);
        } else {
            self.send(now, place, observer);
        }
    }

    /// A mix lets a packet go.
    pub(super) fn let_go<O: Observer>(&mut self, now: SimTime, mix: u32, place: u32, observer: &mut O) {
        self.nodes.exit(now, mix);
        self.note_exit(mix, place);
        self.depart(now, place, observer);
    }

    /// What a node has let go goes on: over the next link, or, towards a client, into the queue of the downlink.
    pub(super) fn depart<O: Observer>(&mut self, now: SimTime, place: u32, observer: &mut O) {
        let Some(packet) = self.packets.get(place).copied() else { return };
        let Some(node) = self.packets.party(place, packet.hop) else { return };
        match self.client_behind(place, &packet) {
            Some(client) if !self.clients.is_online(client.0) => self.miss(place, client, observer),
            Some(client) if self.is_shaped(node, client) => {
                self.downlink.push(client.0, place, &mut self.packets);
            }
            Some(_) | None => self.send(now, place, observer),
        }
    }

    /// The client to whom a packet goes from here, by Tor or not; `None` if another node is next.
    fn client_behind(&self, place: u32, packet: &Packet) -> Option<Party> {
        let is_last_node = packet.hop + 1 == packet.last
            || packet.hop + 2 == packet.last
                && self.packets.party(place, packet.hop + 1) == Some(self.layout.tor());
        let end = self.packets.party(place, packet.last).filter(|_| is_last_node);
        end.filter(|party| self.layout.is_client(*party))
    }

    /// A packet's client is offline: a message straight to it waits, everything else is lost.
    pub(super) fn miss<O: Observer>(&mut self, place: u32, client: Party, observer: &mut O) {
        if matches!(self.packets.cargo(place), Cargo::Load(Load::Straight { .. })) {
            self.absent.push(client.0, place, &mut self.packets);
        } else {
            self.totals.dropped += 1;
            if let Some(packet) = self.packets.get(place) {
                observer.lost(packet.wire);
            }
            self.packets.remove(place);
        }
    }

    /// A packet is where it was to go.
    fn deliver<O: Observer>(
        &mut self,
        now: SimTime,
        place: u32,
        to: Party,
        packet: &Packet,
        observer: &mut O,
    ) {
        let cargo = self.packets.cargo(place);
        let maker = self.packets.party(place, 0);
        self.totals.delivered += 1;
        self.packets.remove(place);
        match cargo {
            Cargo::Empty => {}
            Cargo::Load(Load::Straight { message, .. }) => {
                observer.message(now, message, MessageEvent::Received);
            }
            Cargo::Load(load) => {
                let Some(served) = self.desk.command(now, to, &load, packet.wire) else { return };
                observer.mailbox(&served.event);
                if let Some((message, event)) = served.message {
                    observer.message(now, message, event);
                }
                let Some(client) = maker else { return };
                let origin = packet.origin.answer();
                self.paths.back(to, client, &mut self.chance.of(Purpose::Route, origin, 0));
                let fact = (PacketKind::Reply, served.answer.message());
                self.launch(now, fact, origin, Cargo::Answer(served.answer), observer);
            }
            Cargo::Answer(answer) => {
                if let Some((message, event)) = self.desk.answered(now, to.0, &answer) {
                    observer.message(now, message, event);
                }
                self.hurry(now, to.0, observer);
            }
        }
    }
}
