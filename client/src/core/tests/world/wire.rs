//! Packets on their way: peeled hop by hop, looked at, lost, doubled and held up, and answered by mailboxes.

use std::time::Duration;

use rand::RngExt;
use sotto_protocol::boxes::BoxId;
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::mailbox::{Command, Reply};
use sotto_protocol::sphinx::{Packet, SurbId, Unwrapped};
use sotto_protocol::time::Timestamp;

use super::{Arrival, Back, CircuitUse, Kind, Peer, World, on_disk};
use crate::core::book::Person;
use crate::core::limits::CIRCUIT_LIFE_MAX;
use crate::core::stream::Reader;
use crate::core::{CircuitId, ContactId, RouteState, Via};
use crate::store::RecordKind;

impl World {
    fn percent(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn delay(&mut self) -> Duration {
        let held_up = self.percent(self.faults.holdup);
        Duration::from_millis(self.rng.random_range(1..10) + if held_up { 3000 } else { 0 })
    }

    pub(super) fn send_packet(&mut self, index: usize, via: Via, due: Timestamp, packet: &Packet) {
        let alpha = packet.as_bytes()[..32].try_into().unwrap();
        assert!(self.alphas.insert(alpha), "a packet header was used twice");
        let (first, by) = match via {
            Via::Entry(route) => {
                let view = self.peers[index].engine().status(self.now).route(route).unwrap().clone();
                assert_eq!(view.state, RouteState::Connected, "{route}");
                let entry = view.entry.unwrap();
                (self.consensus.entries().find(|node| node.node.to_string() == entry).unwrap().node, None)
            }
            Via::Circuit { circuit, mailbox } => (mailbox, Some((index, circuit))),
        };
        let (last, spent, surb_id, destination, payload) = self.peel(first, packet.clone());
        let kind = if let (Via::Entry(route), true) = (via, last == first) {
            assert_eq!(destination, *self.peers[index].session(route).as_bytes(), "a loop comes home");
            Kind::Loop
        } else {
            assert_eq!(destination, *last.as_bytes());
            self.inspect(index, last, &payload.clone().into_text().unwrap(), by.map(|(_, circuit)| circuit))
        };
        self.peers[index].sent.push((due, kind));
        self.peers[index].ways.push(via);
        let mut build = Duration::ZERO;
        if let Some((_, circuit)) = by {
            assert_eq!(last, first, "no hop but the mailbox");
            if self.unreachable.contains(&last) {
                let arrival = Arrival::CircuitFails { peer: index, circuit };
                return self.schedule(self.now + Duration::from_secs(1), arrival);
            }
            if self.peers[index].circuits.insert(circuit) {
                build = Duration::from_millis(300);
            }
        }
        let copies = if self.percent(self.faults.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            if self.percent(self.faults.loss) {
                continue;
            }
            let at = self.now + build + spent + self.delay();
            let arrival = if kind == Kind::Loop {
                let back = Back::Session(SessionAddress::from_bytes(destination));
                Arrival::Delivery { back, surb_id, payload: payload.clone().into_bytes() }
            } else {
                Arrival::Command { mailbox: last, text: payload.clone().into_text().unwrap(), by }
            };
            self.schedule(at, arrival);
        }
    }

    /// Notes what a circuit is used for, and that it is what it was used for before.
    fn watch_circuit(&mut self, index: usize, circuit: CircuitId, usage: CircuitUse) {
        let now = self.now;
        let seen = self.circuit_uses.entry((index, circuit)).or_insert((now, now, usage));
        assert_eq!(seen.2, usage, "a circuit is used for two things");
        seen.1 = now;
        assert!(now.since(seen.0) <= CIRCUIT_LIFE_MAX, "a circuit is used for too long");
    }

    /// Whose box this is, as its writer or reader knows.
    fn whose(&mut self, index: usize, id: &BoxId) -> Option<ContactId> {
        let book = &self.peers[index].engine().book;
        let is_next = |reader: &Reader| {
            (0..16).any(|ahead| reader.capability().peek(ahead).is_ok_and(|reader| reader.id() == id))
        };
        let reads = |person: &Person| person.link.reader().is_some_and(is_next);
        let writes = |owner| book.outbox.owned(owner).any(|(_, outgoing)| outgoing.parcel.id() == id);
        let watch = book.watches.iter().find(|(_, watch)| is_next(&watch.read)).map(|(id, _)| *id);
        let mut people = book.people.values();
        let person =
            people.find(|person| writes(person.contact.id) || reads(person)).map(|person| person.contact.id);
        person.or(watch).or_else(|| book.addresses.keys().copied().find(|address| writes(*address)))
    }

    fn schedule(&mut self, at: Timestamp, arrival: Arrival) {
        self.arrival_count += 1;
        self.arrivals.insert((at, self.arrival_count), arrival);
    }

    /// Looks at a command as it leaves.
    fn inspect(&mut self, index: usize, mailbox: NodeId, text: &[u8], by: Option<CircuitId>) -> Kind {
        match Command::parse(text).unwrap() {
            Command::Drop => Kind::Drop,
            Command::Read { surb, id } => {
                if let Some(circuit) = by {
                    let contact = self.whose(index, &id);
                    let decoy = contact.is_none().then_some(id);
                    self.watch_circuit(index, circuit, (contact, decoy, Kind::Read, mailbox));
                    assert_eq!(surb.first_hop(), mailbox);
                }
                assert!(self.surbs.insert(surb.to_bytes().to_vec()), "a reply block was used twice");
                Kind::Read
            }
            Command::Write { surb, sealed, .. } => {
                if let Some(circuit) = by {
                    let contact = self.whose(index, sealed.id());
                    assert!(contact.is_some());
                    self.watch_circuit(index, circuit, (contact, None, Kind::Write, mailbox));
                    assert_eq!(surb.first_hop(), mailbox);
                }
                assert!(self.surbs.insert(surb.to_bytes().to_vec()), "a reply block was used twice");
                let first = self.sealed.entry((index, *sealed.id())).or_insert_with(|| sealed.clone());
                assert!(*first == sealed, "a box was sent with other bytes than before");
                *self.writes.entry((*sealed.id(), mailbox)).or_default() += 1;
                let records = on_disk(self.peers[index].engine());
                let bytes = sealed.to_bytes();
                let kept = records.iter().any(|(key, value)| {
                    key.kind == RecordKind::Outbox && value.windows(bytes.len()).any(|part| part == bytes)
                });
                assert!(kept, "a box left before it was kept");
                Kind::Write
            }
            Command::Tombstone { surb, .. } => {
                assert!(self.surbs.insert(surb.to_bytes().to_vec()), "a reply block was used twice");
                Kind::Write
            }
        }
    }

    /// Takes a packet along its route: the last node, the time it takes, and what is found there.
    fn peel(&self, first: NodeId, packet: Packet) -> (NodeId, Duration, SurbId, [u8; 32], PayloadCopy) {
        let (mut node, mut packet, mut spent) = (first, packet, Duration::ZERO);
        loop {
            let verified = self.secrets[&node].verify(packet).map_err(|(_, refusal)| refusal).unwrap();
            match verified.unwrap(Duration::from_secs(1)).unwrap() {
                Unwrapped::Forward { next, delay, delay_clamped, packet: inner } => {
                    assert!(!delay_clamped);
                    (node, packet, spent) = (next, inner, spent + delay);
                }
                Unwrapped::Final { destination, surb_id, payload } => {
                    return (node, spent, surb_id, destination, PayloadCopy(payload.into_bytes()));
                }
            }
        }
    }

    pub(super) fn arrive(&mut self, arrival: Arrival) {
        let now = self.now;
        match arrival {
            Arrival::Command { mailbox, text, by } => self.command(mailbox, &text, by),
            Arrival::Delivery { back, surb_id, payload } => {
                let peer = match back {
                    Back::Session(session) => self
                        .peers
                        .iter_mut()
                        .find(|peer| peer.session == session || peer.tor_session == session),
                    Back::Circuit { peer, circuit } => {
                        self.peers.get_mut(peer).filter(|peer| peer.circuits.contains(&circuit))
                    }
                };
                if let Some(Peer { engine: Some(engine), rng, .. }) = peer {
                    engine.handle_delivery(now, surb_id, &payload, rng);
                }
            }
            Arrival::CircuitFails { peer, circuit } => self.fail_circuit(peer, circuit),
        }
    }

    /// A circuit breaks.
    pub(in crate::core::tests) fn fail_circuit(&mut self, peer: usize, circuit: CircuitId) {
        let now = self.now;
        let peer = &mut self.peers[peer];
        peer.circuits.remove(&circuit);
        peer.engine().handle_circuit_failed(now, circuit, "the mailbox cannot be reached");
    }

    fn command(&mut self, mailbox: NodeId, text: &[u8], by: Option<(usize, CircuitId)>) {
        if self.silent.contains(&mailbox) {
            return;
        }
        let (now, ends) = (self.now, &mut self.ends);
        let boxes = self.boxes.entry(mailbox).or_default();
        boxes.retain(|id, _| ends.get(&(mailbox, *id)).is_none_or(|end| *end > now));
        let tombstones = self.tombstones.get(&mailbox).cloned().unwrap_or_default();
        let refusing = self.refusing.get(&mailbox).copied();
        let (surb, reply) = match Command::parse(text).unwrap() {
            Command::Drop => return,
            Command::Tombstone { surb, tombstone } => {
                tombstone.verify().unwrap();
                boxes.remove(tombstone.id());
                self.tombstones.entry(mailbox).or_default().insert(*tombstone.id(), tombstone);
                (surb, Reply::Stored)
            }
            Command::Write { surb, sealed, .. } if tombstones.contains_key(sealed.id()) => {
                (surb, Reply::Conflict)
            }
            Command::Read { surb, id } if tombstones.contains_key(&id) => {
                (surb, Reply::Tombstoned(tombstones[&id].clone()))
            }
            Command::Write { surb, ttl, sealed } => {
                sealed.verify().unwrap();
                let end = now + ttl.duration();
                assert!(
                    self.mortal.get(sealed.id()).is_none_or(|mortal| end <= *mortal),
                    "a mailbox would keep a box longer than what it holds exists"
                );
                let reply = match (refusing, boxes.get(sealed.id())) {
                    (Some(code), _) => Reply::Refused(code),
                    (None, None) => Reply::Stored,
                    (None, Some(kept)) if *kept == sealed => Reply::AlreadyStored,
                    (None, Some(_)) => Reply::Conflict,
                };
                if reply == Reply::Stored {
                    ends.insert((mailbox, *sealed.id()), end);
                    boxes.insert(*sealed.id(), sealed);
                }
                (surb, reply)
            }
            Command::Read { surb, id } => {
                (surb, boxes.get(&id).map_or(Reply::NotFound, |sealed| Reply::Found(sealed.clone())))
            }
        };
        let (first, packet) = surb.reply(&reply.to_text()).unwrap();
        let (_, spent, surb_id, destination, payload) = self.peel(first, packet);
        let copies = if self.percent(self.faults.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            if !self.percent(self.faults.loss) {
                let at = self.now + spent + self.delay();
                let back = match by {
                    Some((peer, circuit)) => Back::Circuit { peer, circuit },
                    None => Back::Session(SessionAddress::from_bytes(destination)),
                };
                let payload = payload.clone().into_bytes();
                self.schedule(at, Arrival::Delivery { back, surb_id, payload });
            }
        }
    }
}

/// A payload that can be delivered more than once.
#[derive(Clone)]
struct PayloadCopy(Box<[u8; PAYLOAD_LEN]>);

impl PayloadCopy {
    fn into_bytes(self) -> Box<[u8; PAYLOAD_LEN]> {
        self.0
    }

    /// The text, for a mailbox: 16 zero bytes, the text, a one, zeros.
    fn into_text(self) -> Option<Vec<u8>> {
        let padded = self.0.strip_prefix(&[0; 16])?;
        let end = padded.iter().rposition(|byte| *byte == 1)?;
        Some(padded[..end].to_vec())
    }
}
