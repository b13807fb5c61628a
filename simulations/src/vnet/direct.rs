//! Route `tor` in virtual time: circuits from people to mailboxes, and Tor as a whole, which can fail.
//!
//! A circuit is a stream: it keeps the order, and where another link would lose a frame it breaks. Onions, relays and
//! descriptors are not modelled, only the time that they take.

use std::collections::btree_map::Entry;
use std::time::Duration;

use rand::RngExt;
use sotto_client::core::{CircuitId, Route};
use sotto_mailbox::core::{DirectId, Source};
use sotto_protocol::ident::NodeId;
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::sphinx::{Packet, SurbId};
use sotto_protocol::time::Timestamp;

use super::host::{Core, Host};
use super::network::VirtualNetwork;
use super::person::Person;
use super::wire::Event;

/// The shortest and the longest time in which a circuit is built.
const BUILD: (Duration, Duration) = (Duration::from_millis(400), Duration::from_millis(2500));
/// The shortest and the longest time that a frame takes by a circuit.
const TRANSIT: (Duration, Duration) = (Duration::from_millis(60), Duration::from_millis(300));

/// A circuit from a person to a mailbox.
#[derive(Clone, Copy, Debug)]
pub(super) struct Circuit {
    pub(super) host: usize,
    pub(super) link: DirectId,
    /// When it is built, or the last frame that was sent by it arrives there; then the same on the way back.
    up: Timestamp,
    down: Timestamp,
}

impl VirtualNetwork {
    /// Tor fails for everybody, or works again.
    pub fn set_tor(&mut self, works: bool) {
        self.tor_works = works;
        self.trace.note(self.now, format_args!("Tor {}", if works { "works" } else { "fails" }));
        for index in 0..self.people.len() {
            if !works {
                self.lose_session(index, Route::TorMix, "Tor has failed");
            }
            self.attend(index);
        }
    }

    /// Does for a person what their shell would: opens and closes sessions and Tor as the engine wants them.
    pub(super) fn attend(&mut self, index: usize) {
        for route in [Route::Mix, Route::TorMix] {
            let now = self.now;
            let Some(person) = self.people.get_mut(index) else { return };
            let Some(engine) = &mut person.engine else { return };
            let wanted = engine.is_wanted(route);
            let open = person.sessions.get(&route).is_some_and(|session| session.connected);
            if wanted && !open && !person.reconnecting.contains(&route) {
                person.reconnecting.insert(route);
                self.schedule.push(now, Event::Reconnect { person: index, route });
            } else if !wanted && open {
                self.leave_session(index, route);
                self.lose_session(index, route, "nobody wants it");
            }
        }
        let (now, works) = (self.now, self.tor_works);
        let Some(Person { engine: Some(engine), tor_ready, circuits, .. }) = self.people.get_mut(index)
        else {
            return;
        };
        let ready = works && engine.is_wanted(Route::Tor);
        if ready != std::mem::replace(tor_ready, ready) {
            if ready {
                engine.handle_tor_ready(now);
            } else {
                circuits.clear();
                engine.handle_tor_lost(now, "Tor has failed");
            }
            self.settle_person(index);
        }
    }

    /// A person sends a packet by a circuit, which is built if it is new.
    pub(super) fn send_by_circuit(
        &mut self,
        index: usize,
        circuit: CircuitId,
        mailbox: &NodeId,
        packet: Packet,
    ) {
        let now = self.now;
        let Some(host) = self.by_id.get(mailbox).copied() else { return };
        let Some(Host { core, name: host_name, .. }) = self.hosts.get(host) else { return };
        let is_up = core.is_some();
        let Some(person) = self.people.get_mut(index) else { return };
        let name = &person.name;
        let open = match person.circuits.entry(circuit) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(vacant) => {
                let built = now + between(BUILD, &mut self.rng);
                self.links += 1;
                let link = DirectId::new(self.links);
                self.trace.note(now, format_args!("{name} opens circuit {circuit} to {host_name}"));
                if !is_up {
                    self.schedule.push(built, Event::CircuitFails { person: index, circuit });
                }
                vacant.insert(Circuit { host, link, up: built, down: built })
            }
        };
        if self.plan.faults.transit(&mut self.rng).is_none() {
            self.trace.note(now, format_args!("{name} circuit {circuit} breaks"));
            self.schedule.push(now, Event::CircuitFails { person: index, circuit });
        } else if is_up {
            open.up = (now + between(TRANSIT, &mut self.rng)).max(open.up);
            self.trace.note(now, format_args!("{name} -> {host_name} packet by circuit {circuit}"));
            self.schedule.push(open.up, Event::Direct { person: index, circuit, link: open.link, packet });
        }
    }

    /// A packet reaches a mailbox by a circuit, if it is still there.
    pub(super) fn direct_arrives(
        &mut self,
        index: usize,
        circuit: CircuitId,
        link: DirectId,
        packet: Packet,
    ) {
        let now = self.now;
        let Some(person) = self.people.get(index) else { return };
        let Some(open) = person.circuits.get(&circuit).filter(|open| open.link == link) else { return };
        let host_index = open.host;
        let Some(host) = self.hosts.get_mut(host_index) else { return };
        let what = host.look_into(&packet).unwrap_or_else(|| "something unreadable".to_owned());
        let (name, host_name) = (&person.name, &host.name);
        self.trace.note(now, format_args!("{host_name} sees {what} of {name} by circuit {circuit}"));
        if let Some(Core::Mailbox(mailbox, _)) = &mut host.core {
            // The ledger has the label of a refusal.
            let _ = mailbox.handle_packet(now, Source::Direct(link), packet);
        }
        self.settle_host(host_index);
    }

    /// A mailbox answers by the link that the question came by. Whether that is still there.
    pub(super) fn answer_by_circuit(
        &mut self,
        link: DirectId,
        surb_id: SurbId,
        payload: Box<[u8; PAYLOAD_LEN]>,
    ) -> bool {
        let arrival = self.now + between(TRANSIT, &mut self.rng);
        let found = self.people.iter_mut().enumerate().find_map(|(index, person)| {
            let (circuit, open) = person.circuits.iter_mut().find(|(_, open)| open.link == link)?;
            open.down = arrival.max(open.down);
            Some((index, *circuit, open.down))
        });
        let Some((person, circuit, at)) = found else { return false };
        self.note_downlink(person, Route::Tor);
        self.schedule.push(at, Event::DirectAnswer { person, circuit, link, surb_id, payload });
        true
    }

    /// An answer reaches a person by a circuit, if it is still there.
    pub(super) fn direct_answer_arrives(
        &mut self,
        index: usize,
        circuit: CircuitId,
        link: DirectId,
        surb_id: SurbId,
        payload: &[u8; PAYLOAD_LEN],
    ) {
        let now = self.now;
        let Some(Person { engine: Some(engine), rng, name, circuits, .. }) = self.people.get_mut(index)
        else {
            return;
        };
        if circuits.get(&circuit).is_some_and(|open| open.link == link) {
            self.trace.note(now, format_args!("{name} receives an answer by circuit {circuit}"));
            engine.handle_delivery(now, surb_id, payload, rng);
        }
        self.settle_person(index);
    }

    /// A circuit could not be built, or broke.
    pub(super) fn circuit_fails(&mut self, index: usize, circuit: CircuitId) {
        let now = self.now;
        let Some(Person { engine: Some(engine), circuits, .. }) = self.people.get_mut(index) else { return };
        if circuits.remove(&circuit).is_some() {
            engine.handle_circuit_failed(now, circuit, "it broke");
        }
        self.settle_person(index);
    }

    /// Every circuit to a mailbox that has crashed breaks.
    pub(super) fn break_circuits_to(&mut self, host: usize) {
        let broken: Vec<(usize, CircuitId)> = self
            .people
            .iter()
            .enumerate()
            .flat_map(|(person, with)| {
                with.circuits.iter().map(move |(circuit, open)| (person, *circuit, open.host))
            })
            .filter(|(_, _, leads_to)| *leads_to == host)
            .map(|(person, circuit, _)| (person, circuit))
            .collect();
        for (person, circuit) in broken {
            self.schedule.push(self.now, Event::CircuitFails { person, circuit });
        }
    }
}

fn between((min, max): (Duration, Duration), rng: &mut impl rand::Rng) -> Duration {
    min + max.saturating_sub(min).mul_f64(rng.random())
}
