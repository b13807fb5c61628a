//! What goes into the packet of each tick of the cover processes.
//!
//! On a lane over an entry a tick always gives one packet: if the packet that was wanted cannot be built, a decoy takes
//! its place. On lane `tor` a tick with nothing to carry gives a decoy if the user has asked for it, and else
//! nothing. When ticks fall is decided in [`super::cover`].

use rand::CryptoRng;
use rand::seq::IndexedRandom;
use sotto_protocol::boxes::BoxId;
use sotto_protocol::directory::Consensus;
use sotto_protocol::ident::NodeId;
use sotto_protocol::mailbox::placement;
use sotto_protocol::sphinx::{Packet, SurbKeys};
use sotto_protocol::time::Timestamp;

use super::action::{Action, Via};
use super::arq::{Departure, Passage, Work};
use super::circuits::{Purpose, Usage};
use super::contact::Standing;
use super::cover::Tick;
use super::engine::Engine;
use super::event::Event;
use super::id::{ContactId, MessageId};
use super::inbox::{Ahead, Poll};
use super::limits::WATCH_INTERVAL_TOR;
use super::message::MessageState;
use super::outbox::{Delivery, Outgoing, Urgency};
use super::packets::{PacketError, Packets};
use super::parcel;
use super::route::Route;
use super::scheduler::Preference;
use crate::store::Store;

/// A packet and the way that it takes.
type Filled = (Via, Packet);

impl<S: Store> Engine<S> {
    /// Makes the packet of one tick of a lane.
    pub(super) fn fill(
        &mut self,
        now: Timestamp,
        route: Route,
        due: Timestamp,
        tick: Tick,
        rng: &mut impl CryptoRng,
    ) {
        self.expire(now);
        let filled = match tick {
            Tick::Payload => self.payload(now, route, rng),
            Tick::Loop => self.looped(now, route, rng),
            Tick::Drop => self.dropped(now, route, rng),
        };
        if let Some((via, packet)) = filled {
            self.actions.push_back(Action::Send { via, due, packet });
        }
    }

    /// A box, a poll or a decoy.
    fn payload(&mut self, now: Timestamp, route: Route, rng: &mut impl CryptoRng) -> Option<Filled> {
        let lane = self.lanes.get(route);
        // With a full table no answer could be awaited; with an undecided store memory may not be acted on.
        let real = lane.outstanding.has_room() && !self.keeper.is_undecided();
        // Decoys take turns with contacts only where nothing has to wait for it, and fill empty ticks on circuits.
        let decoy_turn = lane.decoys.turn().filter(|_| route.uses_entry()).unwrap_or(u64::MAX);
        let idle_turn = lane.scheduler.idle_turn().min(decoy_turn);
        let filled = match lane.scheduler.preference() {
            _ if !real => None,
            Preference::WriteFirst => self
                .write(now, route, Urgency::Urgent, rng)
                .or_else(|| self.read(now, route, idle_turn, rng))
                .or_else(|| self.write(now, route, Urgency::Idle, rng))
                .or_else(|| self.read(now, route, decoy_turn, rng))
                .or_else(|| self.watch_one(now, route, decoy_turn, rng)),
            // While boxes of a file or a long text fill the other slots, this is the one for everything else.
            Preference::ReadFirst => self
                .read(now, route, idle_turn, rng)
                .or_else(|| self.write(now, route, Urgency::Idle, rng))
                .or_else(|| self.read(now, route, decoy_turn, rng))
                .or_else(|| self.watch_one(now, route, decoy_turn, rng))
                .or_else(|| self.read(now, route, u64::MAX, rng))
                .or_else(|| self.write(now, route, Urgency::Urgent, rng)),
        };
        filled.or_else(|| self.has_decoys(route).then(|| self.decoy(now, route, rng)).flatten())
    }

    /// Whether an empty tick carries a decoy.
    pub(super) const fn has_decoys(&self, route: Route) -> bool {
        route.uses_entry() || self.settings.tor_cover
    }

    fn write(
        &mut self,
        now: Timestamp,
        route: Route,
        urgency: Urgency,
        rng: &mut impl CryptoRng,
    ) -> Option<Filled> {
        let (consensus, lane) = (self.consensus.clone()?, self.lanes.get(route));
        let may = |contact, mailbox: &NodeId| {
            let served = self.can_be_written_to(contact, now) && self.route_of(contact) == route;
            let usage = Usage { purpose: Purpose::Write(contact), mailbox: *mailbox };
            served && lane.may_send(now, &consensus, &usage)
        };
        let delivery = self.book.outbox.next(now, urgency, may)?;
        let parcel = self.book.outbox.get(delivery.place)?.parcel.clone();
        let built = self.packets(now, route)?.write(&delivery.mailbox, &parcel, delivery.class, rng);
        let (contact, index) = delivery.place;
        let work = Work::Write { contact, index, mailbox: delivery.mailbox };
        let filled = self.awaited(now, route, delivery.silences, work, built, rng)?;
        self.released(now, route, &delivery);
        if urgency == Urgency::Idle {
            let polls = self.polls;
            self.lanes.get_mut(route).scheduler.wrote_idle(polls);
        }
        Some(filled)
    }

    /// Whether boxes go for the sake of this contact, or address. For an invitation that was withdrawn there is the
    /// tombstone.
    fn can_be_written_to(&self, owner: ContactId, now: Timestamp) -> bool {
        self.book.people.get(&owner).is_none_or(|person| {
            person.contact.is_served(now) || person.contact.standing == Standing::Revoked
        })
    }

    /// A packet with a box of the outbox leaves.
    fn released(&mut self, now: Timestamp, route: Route, delivery: &Delivery) {
        let lane = self.lanes.get_mut(route);
        lane.scheduler.wrote();
        lane.carried.messages = lane.carried.messages.saturating_add(1);
        self.counters.sent_write = self.counters.sent_write.saturating_add(1);
        if delivery.silences > 0 {
            self.counters.retransmissions = self.counters.retransmissions.saturating_add(1);
        }
        self.book.outbox.sent(delivery, now);
        let outgoing = self.book.outbox.get(delivery.place);
        if outgoing.is_some_and(|outgoing| matches!(outgoing.purpose, parcel::Purpose::Part(..))) {
            self.files.wake(now);
        }
        if let Some(id) = outgoing.and_then(Outgoing::message) {
            self.message_released(id);
        }
    }

    /// Not committed here: that would delay the very packet. It is kept as soon as the packet is on its way.
    fn message_released(&mut self, id: MessageId) {
        let is_first =
            self.book.message(&id).is_some_and(|(_, message)| message.state == MessageState::Queued);
        if !is_first {
            return;
        }
        let Some(contact) = self.book.set_state(&id, MessageState::Released) else { return };
        self.unkept.insert(id);
        let contact = self.book.name(contact);
        self.events.push(Event::MessageState { contact, message: id, state: MessageState::Released });
    }

    /// A poll of the contact that was asked for longest ago; none if that was after `turn_max`, unless boxes are
    /// coming: each of those is asked for a few times only and shows by itself that it is no decoy.
    fn read(
        &mut self,
        now: Timestamp,
        route: Route,
        turn_max: u64,
        rng: &mut impl CryptoRng,
    ) -> Option<Filled> {
        let (consensus, lane) = (self.consensus.clone()?, self.lanes.get(route));
        let place = placing(&consensus);
        let turn = self.polls.saturating_add(1);
        let ahead = if route.uses_entry() { Ahead::WhileComing } else { Ahead::WithinMessage };
        let in_use = &self.in_use;
        let served = |owner: &ContactId| in_use.get(owner) == Some(&route);
        let people = self.book.people.values_mut().filter_map(|person| {
            let id = person.contact.id;
            let due = person.inbox.turn() <= turn_max || person.inbox.is_coming();
            let read = person.link.reader()?;
            (person.contact.is_served(now) && served(&id) && due).then_some((id, read, &mut person.inbox))
        });
        let watches = self.book.watches.iter_mut().filter_map(|(id, watch)| {
            let due = watch.inbox.turn() <= turn_max && watch.not_before <= now;
            (served(&watch.owner) && due && watch.sight.is_urgent()).then_some((
                *id,
                &watch.read,
                &mut watch.inbox,
            ))
        });
        let mut order: Vec<_> = people.chain(watches).collect();
        order.sort_by_key(|(_, _, inbox)| inbox.turn());
        let (contact, poll) = order.into_iter().find_map(|(id, read, inbox)| {
            let reached = |mailbox: &NodeId| {
                let usage = Usage { purpose: Purpose::Read(id), mailbox: *mailbox };
                lane.may_send(now, &consensus, &usage)
            };
            Some((id, inbox.next_poll(read, turn, ahead, &place, reached)?))
        })?;
        self.asks(now, route, turn, contact, &poll, rng)
    }

    /// A look at a place where something may be laid out some day, in turn with decoys.
    fn watch_one(
        &mut self,
        now: Timestamp,
        route: Route,
        turn_max: u64,
        rng: &mut impl CryptoRng,
    ) -> Option<Filled> {
        let (consensus, lane) = (self.consensus.clone()?, self.lanes.get(route));
        let (place, turn) = (placing(&consensus), self.polls.saturating_add(1));
        let in_use = &self.in_use;
        let due = self.book.watches.iter_mut().filter(|(_, watch)| {
            !watch.sight.is_urgent()
                && watch.not_before <= now
                && watch.inbox.turn() <= turn_max
                && in_use.get(&watch.owner) == Some(&route)
        });
        let (id, watch) = due.min_by_key(|(_, watch)| watch.inbox.turn())?;
        let id = *id;
        let reached = |mailbox: &NodeId| {
            let usage = Usage { purpose: Purpose::Read(id), mailbox: *mailbox };
            lane.may_send(now, &consensus, &usage)
        };
        let poll = watch.inbox.next_poll(&watch.read, turn, Ahead::WithinMessage, place, reached);
        // On circuits each look is a packet that would not have been sent.
        let pause = if route.uses_entry() { watch.sight.interval() } else { WATCH_INTERVAL_TOR };
        watch.not_before = now + pause;
        self.asks(now, route, turn, id, &poll?, rng)
    }

    /// The packet of a poll.
    fn asks(
        &mut self,
        now: Timestamp,
        route: Route,
        turn: u64,
        contact: ContactId,
        poll: &Poll,
        rng: &mut impl CryptoRng,
    ) -> Option<Filled> {
        self.polls = turn;
        let work = Work::Read { contact, index: poll.index, mailbox: poll.mailbox };
        let built = self.packets(now, route)?.read(&poll.mailbox, poll.id, rng);
        let filled = self.awaited(now, route, 0, work, built, rng);
        if filled.is_none() {
            self.abandoned(route, work);
        }
        let lane = self.lanes.get_mut(route);
        lane.scheduler.read();
        lane.carried.polls = lane.carried.polls.saturating_add(u64::from(filled.is_some()));
        self.counters.sent_read = self.counters.sent_read.saturating_add(u64::from(filled.is_some()));
        filled
    }

    fn decoy(&mut self, now: Timestamp, route: Route, rng: &mut impl CryptoRng) -> Option<Filled> {
        let consensus = self.consensus.clone()?;
        let lane = self.lanes.get_mut(route);
        let mut decoys = std::mem::take(&mut lane.decoys);
        decoys.expire(now);
        if decoys.turn().is_none() {
            decoys.add(now, placing(&consensus), rng);
        }
        let turn = self.polls.saturating_add(1);
        let reached = |id: &BoxId, mailbox: &NodeId| {
            let usage = Usage { purpose: Purpose::Decoy(*id), mailbox: *mailbox };
            lane.may_send(now, &consensus, &usage)
        };
        let poll = decoys.next_poll(turn, reached);
        lane.decoys = decoys;
        let answerable = lane.outstanding.has_room();
        let filled = match poll {
            Some(poll) => {
                self.polls = turn;
                let built = self.packets(now, route)?.read(&poll.mailbox, poll.id, rng);
                let filled = self.awaited(now, route, 0, Work::Decoy(poll), built, rng);
                if filled.is_none() || !answerable {
                    self.abandoned(route, Work::Decoy(poll));
                }
                filled?
            }
            // Every decoy is being asked for everywhere: the answers are late.
            None => self.unawaited(now, route, rng, |packets, mailbox, rng| packets.stray(mailbox, rng))?,
        };
        let lane = self.lanes.get_mut(route);
        lane.scheduler.read();
        lane.carried.covered();
        self.counters.sent_decoy = self.counters.sent_decoy.saturating_add(1);
        Some(filled)
    }

    fn looped(&mut self, now: Timestamp, route: Route, rng: &mut impl CryptoRng) -> Option<Filled> {
        let built = self.packets(now, route)?.looped(rng);
        let filled = self.awaited(now, route, 0, Work::Loop, built, rng)?;
        self.lanes.get_mut(route).carried.covered();
        self.counters.sent_loop = self.counters.sent_loop.saturating_add(1);
        Some(filled)
    }

    fn dropped(&mut self, now: Timestamp, route: Route, rng: &mut impl CryptoRng) -> Option<Filled> {
        let filled =
            self.unawaited(now, route, rng, |packets, mailbox, rng| packets.dropped(mailbox, rng))?;
        self.lanes.get_mut(route).carried.covered();
        self.counters.sent_drop = self.counters.sent_drop.saturating_add(1);
        Some(filled)
    }

    fn packets(&self, now: Timestamp, route: Route) -> Option<Packets<'_>> {
        let (consensus, session) = (self.consensus.as_ref()?, self.lanes.get(route).session());
        // On a lane over an entry nothing goes to a mailbox directly.
        (session.is_some() == route.uses_entry()).then_some(Packets { consensus, session, now })
    }

    /// A packet for a random mailbox, whose answer nobody awaits.
    fn unawaited<R: CryptoRng>(
        &mut self,
        now: Timestamp,
        route: Route,
        rng: &mut R,
        build: impl FnOnce(&Packets<'_>, &NodeId, &mut R) -> Result<Packet, PacketError>,
    ) -> Option<Filled> {
        let packets = self.packets(now, route)?;
        let lane = self.lanes.get(route);
        let usage = |mailbox: NodeId| Usage { purpose: Purpose::Stray, mailbox };
        let mailboxes: Vec<NodeId> = packets
            .consensus
            .mailboxes()
            .map(|mailbox| mailbox.node)
            .filter(|mailbox| lane.may_send(now, packets.consensus, &usage(*mailbox)))
            .collect();
        let mailbox = *mailboxes.choose(rng)?;
        let built = build(&packets, &mailbox, rng);
        let packet = built.map_err(|error| self.count(error.label())).ok()?;
        Some((self.way_out(now, route, usage(mailbox), rng).0, packet))
    }

    /// Enters a packet into the lane's table, or counts why there is none.
    fn awaited(
        &mut self,
        now: Timestamp,
        route: Route,
        silences: u32,
        work: Work,
        built: Result<(Packet, SurbKeys), PacketError>,
        rng: &mut impl CryptoRng,
    ) -> Option<Filled> {
        let (packet, keys) = built.map_err(|error| self.count(error.label())).ok()?;
        let (via, passage) = match usage_of(&work) {
            Some(usage) => self.way_out(now, route, usage, rng),
            None => (Via::Entry(route), None),
        };
        let lane = self.lanes.get_mut(route);
        if lane.outstanding.has_room() {
            let timeout = match passage {
                Some(Passage { proven: false, .. }) => lane.rtt.timeout_of_first(silences),
                _ => lane.rtt.timeout(silences),
            };
            lane.outstanding.insert(now, Departure { work, timeout, passage }, keys);
        }
        Some((via, packet))
    }

    /// The way that a packet of this use takes out of the device.
    fn way_out(
        &mut self,
        now: Timestamp,
        route: Route,
        usage: Usage,
        rng: &mut impl CryptoRng,
    ) -> (Via, Option<Passage>) {
        let Some(circuits) = self.lanes.get_mut(route).circuits_mut() else {
            return (Via::Entry(route), None);
        };
        let taken = circuits.take(now, usage, rng);
        if let Some(evicted) = taken.evicted {
            self.count("circuit-evicted");
            self.circuit_gone(route, evicted);
            self.actions.push_back(Action::CloseCircuit(evicted));
        }
        let passage = Passage { circuit: taken.circuit, proven: taken.proven };
        (Via::Circuit { circuit: taken.circuit, mailbox: usage.mailbox }, Some(passage))
    }
}

/// What a circuit for this work would be used for. A loop goes to no mailbox.
const fn usage_of(work: &Work) -> Option<Usage> {
    Some(match work {
        Work::Write { contact, mailbox, .. } => {
            Usage { purpose: Purpose::Write(*contact), mailbox: *mailbox }
        }
        Work::Read { contact, mailbox, .. } => Usage { purpose: Purpose::Read(*contact), mailbox: *mailbox },
        Work::Decoy(poll) => Usage { purpose: Purpose::Decoy(poll.id), mailbox: poll.mailbox },
        Work::Loop => return None,
    })
}

/// Where boxes lie under a consensus.
pub(super) fn placing(consensus: &Consensus) -> impl Fn(&BoxId) -> Vec<NodeId> + use<> {
    let mailboxes: Vec<NodeId> = consensus.mailboxes().map(|mailbox| mailbox.node).collect();
    let replicas = usize::from(consensus.params.replicas);
    move |id| placement(id, &mailboxes, replicas)
}
