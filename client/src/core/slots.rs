//! What goes into the packet of each tick of the cover processes.
//!
//! A tick always gives one packet: if the packet that was wanted cannot be built, a decoy takes its place. When
//! ticks fall is decided in [`super::cover`].

use rand::CryptoRng;
use sotto_protocol::boxes::BoxId;
use sotto_protocol::directory::Consensus;
use sotto_protocol::ident::NodeId;
use sotto_protocol::mailbox::placement;
use sotto_protocol::sphinx::{Packet, SurbKeys};
use sotto_protocol::time::Timestamp;

use super::action::{Action, Via};
use super::arq::Work;
use super::cover::Tick;
use super::engine::Engine;
use super::event::Event;
use super::id::MessageId;
use super::message::MessageState;
use super::outbox::Delivery;
use super::route::Route;
use super::routes::{PacketError, Routes};
use super::scheduler::Preference;
use crate::store::Store;

impl<S: Store> Engine<S> {
    /// Makes the packet of one tick.
    pub(super) fn fill(&mut self, now: Timestamp, due: Timestamp, tick: Tick, rng: &mut impl CryptoRng) {
        self.expire(now);
        let packet = match tick {
            Tick::Payload => self.payload(now, rng),
            Tick::Loop => self.looped(now, rng),
            Tick::Drop => self.dropped(now, rng),
        };
        if let Some(packet) = packet {
            self.actions.push_back(Action::Send { via: Via::Entry(Route::Mix), due, packet });
        }
    }

    /// A box, a poll or a decoy.
    fn payload(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Option<Packet> {
        // With a full table no answer could be awaited; with an undecided store memory may not be acted on.
        let real = self.outstanding.has_room() && !self.keeper.is_undecided();
        let packet = match self.scheduler.preference() {
            _ if !real => None,
            Preference::WriteFirst => self.write(now, rng).or_else(|| {
                // Decoys take turns with contacts only where nothing has to wait for it.
                let decoy_turn = self.decoys.turn().unwrap_or(u64::MAX);
                self.read(now, decoy_turn, rng)
            }),
            Preference::ReadFirst => self.read(now, u64::MAX, rng).or_else(|| self.write(now, rng)),
        };
        packet.or_else(|| self.decoy(now, rng))
    }

    fn write(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Option<Packet> {
        let people = &self.book.people;
        let live = |contact| people.get(&contact).is_some_and(|person| person.contact.is_live(now));
        let delivery = self.book.outbox.next(now, live)?;
        let sealed = self.book.outbox.get(delivery.place)?.sealed.clone();
        let built = self.routes(now)?.write(&delivery.mailbox, &sealed, rng);
        let work =
            Work::Write { contact: delivery.place.0, index: delivery.place.1, mailbox: delivery.mailbox };
        let packet = self.awaited(now, delivery.silences, work, built)?;
        self.released(now, &delivery);
        Some(packet)
    }

    /// A packet with a box of the outbox leaves.
    fn released(&mut self, now: Timestamp, delivery: &Delivery) {
        self.scheduler.wrote();
        self.counters.sent_write = self.counters.sent_write.saturating_add(1);
        if delivery.silences > 0 {
            self.counters.retransmissions = self.counters.retransmissions.saturating_add(1);
        }
        self.book.outbox.sent(delivery, now);
        let message = self.book.outbox.get(delivery.place).and_then(|outgoing| outgoing.message);
        if let Some(id) = message {
            self.message_released(id);
        }
    }

    /// Not committed by itself: a commit here would delay the very packet. It goes with the next one.
    fn message_released(&mut self, id: MessageId) {
        let Some(message) =
            self.book.message_mut(&id).filter(|message| message.state == MessageState::Queued)
        else {
            return;
        };
        message.state = MessageState::Released;
        let contact = message.contact;
        self.unkept.insert(id);
        let contact = self.book.name(contact);
        self.events.push(Event::MessageState { contact, message: id, state: MessageState::Released });
    }

    /// A poll of the contact that was asked for longest ago; none if that was after `turn_max`, unless boxes are
    /// coming: each of those is asked for a few times only and shows by itself that it is no decoy.
    fn read(&mut self, now: Timestamp, turn_max: u64, rng: &mut impl CryptoRng) -> Option<Packet> {
        let consensus = self.consensus.clone()?;
        let place = placing(&consensus);
        let turn = self.polls.saturating_add(1);
        let mut order: Vec<_> = self
            .book
            .people
            .values_mut()
            .filter(|person| {
                person.contact.is_live(now) && (person.inbox.turn() <= turn_max || person.inbox.is_coming())
            })
            .collect();
        order.sort_by_key(|person| person.inbox.turn());
        let (contact, poll) = order.into_iter().find_map(|person| {
            let poll = person.inbox.next_poll(&person.streams.read, turn, &place)?;
            Some((person.contact.id, poll))
        })?;
        self.polls = turn;
        let built = self.routes(now)?.read(&poll.mailbox, poll.id, rng);
        let work = Work::Read { contact, index: poll.index, mailbox: poll.mailbox };
        let packet = self.awaited(now, 0, work, built);
        if packet.is_none() {
            self.abandoned(work);
        }
        self.scheduler.read();
        self.counters.sent_read = self.counters.sent_read.saturating_add(u64::from(packet.is_some()));
        packet
    }

    fn decoy(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Option<Packet> {
        let consensus = self.consensus.clone()?;
        self.decoys.expire(now);
        if self.decoys.turn().is_none() {
            self.decoys.add(now, placing(&consensus), rng);
        }
        let turn = self.polls.saturating_add(1);
        let packet = match self.decoys.next_poll(turn) {
            Some(poll) => {
                self.polls = turn;
                let built = self.routes(now)?.read(&poll.mailbox, poll.id, rng);
                let answerable = self.outstanding.has_room();
                let packet = self.awaited(now, 0, Work::Decoy(poll), built);
                if packet.is_none() || !answerable {
                    self.decoys.settled(&poll);
                }
                packet?
            }
            // Every decoy is being asked for everywhere: the answers are late.
            None => self.routes(now)?.stray(rng).map_err(|error| self.count(error.label())).ok()?,
        };
        self.scheduler.read();
        self.counters.sent_decoy = self.counters.sent_decoy.saturating_add(1);
        Some(packet)
    }

    fn looped(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Option<Packet> {
        let built = self.routes(now)?.looped(rng);
        let packet = self.awaited(now, 0, Work::Loop, built)?;
        self.counters.sent_loop = self.counters.sent_loop.saturating_add(1);
        Some(packet)
    }

    fn dropped(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Option<Packet> {
        let built = self.routes(now)?.dropped(rng);
        match built {
            Ok(packet) => {
                self.counters.sent_drop = self.counters.sent_drop.saturating_add(1);
                Some(packet)
            }
            Err(error) => {
                self.count(error.label());
                None
            }
        }
    }

    fn routes(&self, now: Timestamp) -> Option<Routes<'_>> {
        let (consensus, session) = (self.consensus.as_ref()?, self.session?);
        Some(Routes { consensus, entry: session.entry, session: session.address, now })
    }

    /// Enters a packet into the table, or counts why there is none.
    fn awaited(
        &mut self,
        now: Timestamp,
        silences: u32,
        work: Work,
        built: Result<(Packet, SurbKeys), PacketError>,
    ) -> Option<Packet> {
        match built {
            Ok((packet, keys)) => {
                if self.outstanding.has_room() {
                    self.outstanding.insert(now, self.rtt.timeout(silences), work, keys);
                }
                Some(packet)
            }
            Err(error) => {
                self.count(error.label());
                None
            }
        }
    }

    /// Frees the work whose answers have not come in time.
    fn expire(&mut self, now: Timestamp) {
        for work in self.outstanding.expire(now) {
            match work {
                Work::Write { contact, index, mailbox } => {
                    self.book.outbox.silent((contact, index), &mailbox);
                }
                Work::Loop => self.counters.loops_lost = self.counters.loops_lost.saturating_add(1),
                Work::Read { .. } | Work::Decoy(_) => self.abandoned(work),
            }
        }
    }

    /// Frees work whose answer cannot come, through nobody's fault.
    pub(super) fn abandoned(&mut self, work: Work) {
        match work {
            Work::Write { contact, index, mailbox } => self.book.outbox.abandoned((contact, index), &mailbox),
            Work::Read { contact, index, mailbox } => {
                if let Some(person) = self.book.people.get_mut(&contact) {
                    person.inbox.settled(index, &mailbox);
                }
            }
            Work::Loop => self.counters.loops_abandoned = self.counters.loops_abandoned.saturating_add(1),
            Work::Decoy(poll) => self.decoys.settled(&poll),
        }
    }
}

/// Where boxes lie under a consensus.
pub(super) fn placing(consensus: &Consensus) -> impl Fn(&BoxId) -> Vec<NodeId> + use<> {
    let mailboxes: Vec<NodeId> = consensus.mailboxes().map(|mailbox| mailbox.node).collect();
    let replicas = usize::from(consensus.params.replicas);
    move |id| placement(id, &mailboxes, replicas)
}
