//! The processes of clients: payload slots, loops, drops, frames of the downlink, writing, coming and going.
//!
//! The processes of a client that is offline go on ticking without sending anything: a Poisson process of which only the
//! times online count is one in those times, and each tick keeps the draws that it has in a run with other times online.

use super::Simulation;
use super::chance::{Maker, Origin, Process};
use super::clients::Tick;
use super::event::Event;
use super::packets::Cargo;
use crate::observer::{MessageEvent, Observer, PacketKind};
use crate::party::Party;
use crate::people::{Load, ROUND_INTERVAL};
use crate::random::Purpose;
use crate::scenario::Notice;
use crate::time::SimTime;

impl Simulation {
    /// Enters the first events of a client.
    pub(super) fn begin_client<O: Observer>(&mut self, client: u32, observer: &mut O) {
        let is_online = self.presence.at_start(client);
        if let Some(online) = self.clients.online.get_mut(client as usize) {
            *online = is_online;
        }
        if is_online {
            observer.presence(SimTime::ZERO, Party(client), true);
        } else {
            self.desk.presence(SimTime::ZERO, client, false);
        }
        self.expect_presence(client);
        self.expect_message(client);
        for (tick, event) in [
            (Tick::Payload, Event::Slot(client)),
            (Tick::Loop, Event::Loop(client)),
            (Tick::Drop, Event::Drop(client)),
            (Tick::Downlink, Event::Downlink(client)),
        ] {
            if let Some(at) = self.clients.due(SimTime::ZERO, client, tick, 0, self.chance) {
                self.queue.push(at, event.pack());
            }
        }
        if self.is_urgent(client) {
            // Clients do not ask in step: each begins at a time of its own.
            let share = self.chance.once(Purpose::PayloadSlots, Maker::client(client)).unit();
            let first = SimTime::from_secs_f64(ROUND_INTERVAL.as_secs_f64() * share);
            self.queue.push(first, Event::Urgent(client).pack());
        }
    }

    /// Counts a tick and enters the next. Returns its number, and whether the client is online.
    fn tick(&mut self, now: SimTime, client: u32, tick: Tick, event: Event) -> (u32, bool) {
        let number = self.clients.count(client, tick);
        if let Some(at) = self.clients.due(now, client, tick, number.wrapping_add(1), self.chance) {
            self.queue.push(at, event.pack());
        }
        (number, self.clients.is_online(client))
    }

    /// A payload slot.
    pub(super) fn slot<O: Observer>(&mut self, now: SimTime, client: u32, observer: &mut O) {
        if let (number, true) = self.tick(now, client, Tick::Payload, Event::Slot(client)) {
            let load = self.desk.slot(now, client);
            self.emit(now, client, load, number, observer);
        }
    }

    /// Sends what a payload slot carries.
    fn emit<O: Observer>(&mut self, now: SimTime, client: u32, load: Load, number: u32, observer: &mut O) {
        let origin = Origin { maker: Maker::client(client), process: Process::Payload, number };
        let target = load
            .target()
            .unwrap_or_else(|| self.desk.drop_target(&mut self.chance.of(Purpose::Boxes, origin, 0)));
        self.paths.forward(Party(client), target, &mut self.chance.of(Purpose::Route, origin, 0));
        let cargo = if load == Load::Nothing { Cargo::Empty } else { Cargo::Load(load) };
        if let Load::Write { message: Some(message), is_first: true, .. }
        | Load::Straight { message, is_first: true, .. } = load
        {
            observer.message(now, message, MessageEvent::Released);
        }
        self.launch(now, (load.kind(), load.message()), origin, cargo, observer);
    }

    /// A client's loop.
    pub(super) fn client_loop<O: Observer>(&mut self, now: SimTime, client: u32, observer: &mut O) {
        if let (number, true) = self.tick(now, client, Tick::Loop, Event::Loop(client)) {
            let origin = Origin { maker: Maker::client(client), process: Process::Loops, number };
            self.paths.around(Party(client), &mut self.chance.of(Purpose::Route, origin, 0));
            self.launch(now, (PacketKind::Loop, None), origin, Cargo::Empty, observer);
        }
    }

    /// A client's drop.
    pub(super) fn drop_packet<O: Observer>(&mut self, now: SimTime, client: u32, observer: &mut O) {
        if let (number, true) = self.tick(now, client, Tick::Drop, Event::Drop(client)) {
            let origin = Origin { maker: Maker::client(client), process: Process::Drops, number };
            let target = self.desk.drop_target(&mut self.chance.of(Purpose::Boxes, origin, 0));
            self.paths.forward(Party(client), target, &mut self.chance.of(Purpose::Route, origin, 0));
            self.launch(now, (PacketKind::Drop, None), origin, Cargo::Empty, observer);
        }
    }

    /// A frame from an entry to a client: what has waited longest, or a dummy.
    pub(super) fn frame<O: Observer>(&mut self, now: SimTime, client: u32, observer: &mut O) {
        if let (number, true) = self.tick(now, client, Tick::Downlink, Event::Downlink(client)) {
            if let Some(place) = self.downlink.pop(client, &self.packets) {
                self.send(now, place, observer);
                return;
            }
            let origin = Origin { maker: Maker::client(client), process: Process::Downlink, number };
            self.paths.down(Party(client));
            self.launch(now, (PacketKind::DownlinkDummy, None), origin, Cargo::Empty, observer);
        }
    }

    /// Whether what comes to this node for a client waits for a frame of the downlink.
    #[inline]
    pub(super) fn is_shaped(&self, node: Party, client: Party) -> bool {
        self.paths.entry(client) == Some(node) && self.clients.interval(client.0, Tick::Downlink) > 0.0
    }

    /// A user has written.
    pub(super) fn write<O: Observer>(&mut self, now: SimTime, client: u32, observer: &mut O) {
        let Some(recipient) = self.clients.recipients.get(client as usize).copied() else { return };
        let message = self.desk.written(now, client, recipient);
        let event = MessageEvent::Written { sender: Party(client), recipient: Party(recipient) };
        observer.message(now, message, event);
        self.expect_message(client);
        self.hurry(now, client, observer);
    }

    fn expect_message(&mut self, client: u32) {
        let Some(written) = self.writing.next(client) else { return };
        if let Some(recipient) = self.clients.recipients.get_mut(client as usize) {
            *recipient = written.recipient;
        }
        self.queue.push(written.at, Event::Write(client).pack());
    }

    /// A client comes or goes. What waits for it at its entry when it goes is lost; messages straight to it come when it
    /// comes.
    pub(super) fn change_presence<O: Observer>(&mut self, now: SimTime, client: u32, observer: &mut O) {
        let comes = self.clients.comes.get(client as usize).copied().unwrap_or(false);
        if let Some(online) = self.clients.online.get_mut(client as usize) {
            *online = comes;
        }
        observer.presence(now, Party(client), comes);
        self.desk.presence(now, client, comes);
        self.expect_presence(client);
        if comes {
            while let Some(place) = self.absent.pop(client, &self.packets) {
                self.send(now, place, observer);
            }
            self.hurry(now, client, observer);
        } else {
            while let Some(place) = self.downlink.pop(client, &self.packets) {
                self.miss(place, Party(client), observer);
            }
        }
    }

    fn expect_presence(&mut self, client: u32) {
        let Some((at, comes)) = self.presence.next(client) else { return };
        if let Some(next) = self.clients.comes.get_mut(client as usize) {
            *next = comes;
        }
        self.queue.push(at, Event::Presence(client).pack());
    }

    /// Whether a client sends what it has at once.
    fn is_urgent(&self, client: u32) -> bool {
        self.clients.interval(client, Tick::Payload) <= 0.0
    }

    /// A client without payload slots sends all that it has.
    pub(super) fn hurry<O: Observer>(&mut self, now: SimTime, client: u32, observer: &mut O) {
        if !self.is_urgent(client) || !self.clients.is_online(client) {
            return;
        }
        while let Some(load) = self.desk.urgent(now, client) {
            let number = self.clients.count(client, Tick::Payload);
            self.emit(now, client, load, number, observer);
        }
    }

    /// A client without payload slots asks for what has come.
    pub(super) fn round_of_questions<O: Observer>(&mut self, now: SimTime, client: u32, observer: &mut O) {
        self.queue.push(now + ROUND_INTERVAL, Event::Urgent(client).pack());
        if self.clients.is_online(client) {
            self.desk.round(now, client);
            self.hurry(now, client, observer);
        }
    }

    /// Digests are published: every client that is online gets the same frames.
    pub(super) fn digest<O: Observer>(&mut self, now: SimTime, observer: &mut O) {
        let Notice::Digest { interval_s } = self.scenario.mailboxes.notice else { return };
        self.queue.push(now + SimTime::from_secs_f64(interval_s), Event::Digest.pack());
        let frames = self.desk.digest(now);
        for client in 0..self.layout.clients() {
            if !self.clients.is_online(client) {
                continue;
            }
            for _ in 0..frames {
                let number = self.clients.count(client, Tick::Digest);
                let origin = Origin { maker: Maker::client(client), process: Process::Digests, number };
                self.paths.down(Party(client));
                if let Some(place) = self.make(PacketKind::Reply, None, origin, Cargo::Empty) {
                    self.depart(now, place, observer);
                }
            }
            self.hurry(now, client, observer);
        }
    }
}
