//! Frames in flight and what happens when they arrive; and the doing of what cores ask for.

use std::time::Duration;

use sotto_client::core::{Action as PersonAction, CircuitId, Route, Via};
use sotto_mailbox::core::{Action as MailboxAction, BatchId, DirectId, Source as MailboxSource};
use sotto_mailbox::store::{Store as _, StoreOp, StoreResult};
use sotto_mix_node::core::{Action as MixAction, Source};
use sotto_protocol::frame::Frame;
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::sphinx::fast::{BatchUnwrapper, X25519};
use sotto_protocol::sphinx::{Packet, SurbId};
use sotto_protocol::time::Timestamp;

use super::host::{Core, Host};
use super::network::VirtualNetwork;
use super::person::Person;
use super::tap::{Endpoint, Meddling, Tap};

/// How long a mailbox's disk takes for a batch.
const DISK_LATENCY: Duration = Duration::from_millis(2);

/// Something that happens at its time.
#[derive(Debug)]
pub(super) enum Event {
    /// A packet reaches a node.
    Packet { host: usize, from: From, packet: Packet },
    /// A delivery reaches a person.
    Delivery { person: usize, surb_id: SurbId, payload: Box<[u8; PAYLOAD_LEN]> },
    /// A node's timer.
    WakeHost { host: usize },
    /// A person's timer.
    WakePerson { person: usize },
    /// A mailbox's disk has finished a batch.
    DiskDone { host: usize, batch: BatchId },
    /// A packet reaches a mailbox by a circuit.
    Direct { person: usize, circuit: CircuitId, link: DirectId, packet: Packet },
    /// An answer reaches a person by a circuit.
    DirectAnswer {
        person: usize,
        circuit: CircuitId,
        link: DirectId,
        surb_id: SurbId,
        payload: Box<[u8; PAYLOAD_LEN]>,
    },
    /// A circuit could not be built, or breaks.
    CircuitFails { person: usize, circuit: CircuitId },
    /// A person's program tries to reach an entry.
    Reconnect { person: usize, route: Route },
    /// Nodes announce themselves for the coming epoch.
    Announce { epoch: u64 },
    /// An epoch begins.
    Epoch { epoch: u64 },
}

/// The sender of a packet, as the receiving link knows it.
#[derive(Clone, Copy, Debug)]
pub(super) enum From {
    Client(SessionAddress),
    Node(NodeId),
}

impl VirtualNetwork {
    pub(super) fn handle(&mut self, event: Event) {
        match event {
            Event::Packet { host, from, packet } => self.packet_arrives(host, from, packet),
            Event::Delivery { person, surb_id, payload } => {
                let now = self.now;
                if let Some(Person { engine: Some(engine), rng, name, .. }) = self.people.get_mut(person) {
                    self.trace.note(now, format_args!("{name} receives a delivery"));
                    engine.handle_delivery(now, surb_id, &payload, rng);
                }
                self.settle_person(person);
            }
            Event::WakeHost { host } => self.wake_host(host),
            Event::WakePerson { person } => self.wake_person(person),
            Event::DiskDone { host, batch } => self.disk_done(host, batch),
            Event::Direct { person, circuit, link, packet } => {
                self.direct_arrives(person, circuit, link, packet);
            }
            Event::DirectAnswer { person, circuit, link, surb_id, payload } => {
                self.direct_answer_arrives(person, circuit, link, surb_id, &payload);
            }
            Event::CircuitFails { person, circuit } => self.circuit_fails(person, circuit),
            Event::Reconnect { person, route } => self.connect(person, route),
            Event::Announce { epoch } => self.announce(epoch),
            Event::Epoch { epoch } => self.begin_epoch(epoch),
        }
    }

    pub(super) fn packet_arrives(&mut self, index: usize, from: From, packet: Packet) {
        let now = self.now;
        match (self.hosts.get_mut(index).and_then(|host| host.core.as_mut()), from) {
            (Some(Core::Mix(mix)), From::Client(session)) => {
                mix.handle_packet(now, Source::Client(session), packet);
            }
            (Some(Core::Mix(mix)), From::Node(node)) => mix.handle_packet(now, Source::Node(node), packet),
            (Some(Core::Mailbox(mailbox, _)), From::Node(node)) => {
                // The ledger has the label of a refusal.
                let _ = mailbox.handle_packet(now, MailboxSource::Node(node), packet);
            }
            (Some(Core::Mailbox(..)) | None, From::Client(_)) => {}
            (None, From::Node(_)) => self.lost_between_nodes += 1,
        }
        self.settle_host(index);
    }

    fn wake_host(&mut self, index: usize) {
        let now = self.now;
        if let Some(host) = self.hosts.get_mut(index) {
            if host.wake > now {
                return;
            }
            host.wake = Timestamp::NEVER;
            if let Some(core) = &mut host.core {
                core.handle_timeout(now, &mut host.rng);
            }
        }
        self.settle_host(index);
    }

    fn wake_person(&mut self, index: usize) {
        let now = self.now;
        if let Some(person) = self.people.get_mut(index) {
            if person.wake > now {
                return;
            }
            person.wake = Timestamp::NEVER;
            if let Some(engine) = &mut person.engine {
                engine.handle_timeout(now, &mut person.rng);
            }
        }
        self.settle_person(index);
    }

    fn disk_done(&mut self, index: usize, done: BatchId) {
        let now = self.now;
        if let Some(Host { core: Some(Core::Mailbox(mailbox, in_flight)), store, name, secret, .. }) =
            self.hosts.get_mut(index)
            && let Some((batch, ops)) = in_flight.take_if(|(batch, _)| *batch == done)
        {
            self.trace.note(now, format_args!("{name} has stored a batch of {}", ops.len()));
            let results = store.apply(now, &ops);
            if let (Some(watch), Ok(results)) = (&mut self.watch, &results) {
                let written = ops.iter().zip(results).filter(|(op, result)| {
                    let is_write = matches!(op, StoreOp::Write { .. });
                    is_write && matches!(result, StoreResult::Stored | StoreResult::AlreadyStored)
                });
                written.for_each(|(op, _)| watch.held(op.id(), secret.id()));
            }
            mailbox.handle_results(batch, results);
        }
        self.settle_host(index);
    }

    /// Does what a node's core asks for, and schedules its next wake-up.
    pub(super) fn settle_host(&mut self, index: usize) {
        while let Some(asked) = self.next_of_host(index) {
            match asked {
                Asked::Send { to, packet } => self.send_to_node(index, to, packet),
                Asked::Deliver { session, frame } => self.send_to_person(&session, frame),
                Asked::Close { session } => self.close_session(&session),
                Asked::Disk { batch } => {
                    self.schedule.push(self.now + DISK_LATENCY, Event::DiskDone { host: index, batch });
                }
                Asked::Done => {}
            }
        }
        if let Some(Host { core: Some(core), wake, .. }) = self.hosts.get_mut(index) {
            let due = core.poll_timeout().max(self.now);
            if due < *wake {
                *wake = due;
                self.schedule.push(due, Event::WakeHost { host: index });
            }
        }
    }

    /// The core's next wish, with the outcome already reported: the virtual links take everything that is
    /// for a node that is up.
    fn next_of_host(&mut self, index: usize) -> Option<Asked> {
        let up = |to: &NodeId, hosts: &[Host]| {
            self.by_id.get(to).and_then(|host| hosts.get(*host)).is_some_and(|host| host.core.is_some())
        };
        // The core is taken out for a moment, so that the other hosts can be looked at.
        let mut core = self.hosts.get_mut(index)?.core.take()?;
        let asked = match &mut core {
            Core::Mix(mix) => mix.poll_action().map(|action| match action {
                // Packets come one at a time, and the core unwraps them itself.
                MixAction::Unwrap(job) => {
                    let done = job.run(&mut BatchUnwrapper::new(X25519::detect()));
                    mix.handle_unwrapped(self.now, done);
                    Asked::Done
                }
                MixAction::CommitTags(commit) => {
                    if let Some(host) = self.hosts.get_mut(index) {
                        host.keep_tags(&commit.tags);
                    }
                    mix.handle_committed(self.now, commit.id, true);
                    Asked::Done
                }
                MixAction::Send { to, packet, ticket } if up(&to, &self.hosts) => {
                    mix.handle_sent(ticket);
                    Asked::Send { to, packet }
                }
                MixAction::Send { ticket, .. } => {
                    mix.handle_send_failed(self.now, ticket);
                    Asked::Done
                }
                MixAction::Deliver { session, frame, ticket } => {
                    mix.handle_sent(ticket);
                    Asked::Deliver { session, frame }
                }
                MixAction::CloseSession { session, .. } => Asked::Close { session },
                MixAction::Dummy { to } => {
                    tap_dummy(&mut self.tap, self.now, index, self.by_id.get(&to));
                    Asked::Done
                }
                MixAction::RetireKeys { .. } | MixAction::LinksChanged => Asked::Done,
            }),
            Core::Mailbox(mailbox, in_flight) => match mailbox.poll_action() {
                Some(MailboxAction::Send { to, packet }) if up(&to, &self.hosts) => {
                    mailbox.handle_sent();
                    Some(Asked::Send { to, packet })
                }
                Some(MailboxAction::Send { .. }) => {
                    mailbox.handle_unsent("next-hop-unreachable");
                    Some(Asked::Done)
                }
                Some(MailboxAction::Deliver { to, surb_id, payload }) => {
                    if self.answer_by_circuit(to, surb_id, payload) {
                        mailbox.handle_delivered();
                    } else {
                        mailbox.handle_unsent("direct-link-gone");
                    }
                    Some(Asked::Done)
                }
                Some(MailboxAction::Dummy { to }) => {
                    tap_dummy(&mut self.tap, self.now, index, self.by_id.get(&to));
                    Some(Asked::Done)
                }
                Some(MailboxAction::Unanswered { .. }) => Some(Asked::Done),
                Some(MailboxAction::CollectGarbage { records_max }) => {
                    let collected = self
                        .hosts
                        .get_mut(index)
                        .and_then(|host| host.store.collect_garbage(self.now, records_max).ok());
                    mailbox.handle_garbage(self.now, collected.unwrap_or(0));
                    Some(Asked::Done)
                }
                None if in_flight.is_none() => mailbox.take_batch().map(|batch| {
                    *in_flight = Some((batch.id, batch.ops));
                    Asked::Disk { batch: batch.id }
                }),
                None => None,
            },
        };
        self.hosts.get_mut(index)?.core = Some(core);
        asked
    }

    fn send_to_node(&mut self, from: usize, to: NodeId, packet: Packet) {
        let (Some(sender), Some(host)) = (self.hosts.get(from), self.by_id.get(&to).copied()) else { return };
        let ends = (Endpoint::Node(from), Endpoint::Node(host));
        let from = From::Node(sender.id());
        let meddling = self.tap.as_mut().and_then(|tap| tap.meddler.as_mut());
        let (packet, is_changed) = match meddling.map(|meddle| meddle(ends.0, ends.1, &packet)) {
            Some(Meddling::Change(changed)) => (changed, true),
            Some(Meddling::Leave) | None => (packet, false),
        };
        let name = self.hosts.get(host).map_or("?", |host| host.name.as_str());
        if let Some(transit) = self.plan.faults.transit(&mut self.rng) {
            self.trace.note(self.now, format_args!("{} -> {name} packet", sender.name));
            if let (Some(tap), Some(receiver)) = (&mut self.tap, self.hosts.get(host)) {
                tap.packet((ends.0, self.now), (host, self.now + transit), receiver, &packet, is_changed);
            }
            if let Some(again) = self.plan.faults.again(&mut self.rng) {
                self.doubled_between_nodes += 1;
                let packet = packet.clone();
                self.schedule.push(self.now + again, Event::Packet { host, from, packet });
            }
            self.schedule.push(self.now + transit, Event::Packet { host, from, packet });
        } else {
            self.trace.note(self.now, format_args!("{} -> {name} packet lost", sender.name));
            self.lost_between_nodes += 1;
        }
    }

    fn send_to_person(&mut self, session: &SessionAddress, frame: Frame) {
        let found = self.people.iter().enumerate().find_map(|(index, person)| {
            let mut sessions = person.sessions.iter();
            let (route, open) = sessions.find(|(_, open)| open.connected && open.address == *session)?;
            Some((index, *route, open.entry))
        });
        let Some(transit) = self.plan.faults.transit(&mut self.rng) else { return };
        let Some((person, route, entry)) = found else { return };
        self.note_downlink(person, route);
        if let (Some(tap), Some(host)) = (&mut self.tap, self.by_id.get(&entry)) {
            let surb_id = if let Frame::Delivery { surb_id, .. } = &frame { Some(surb_id) } else { None };
            let (from, to) = (Endpoint::Node(*host), Endpoint::Person(person));
            tap.frame((from, self.now), (to, self.now + transit), surb_id);
        }
        if let Frame::Delivery { surb_id, payload } = frame {
            if let Some(again) = self.plan.faults.again(&mut self.rng) {
                let payload = payload.clone();
                self.schedule.push(self.now + again, Event::Delivery { person, surb_id, payload });
            }
            self.schedule.push(self.now + transit, Event::Delivery { person, surb_id, payload });
        }
    }

    fn close_session(&mut self, session: &SessionAddress) {
        let now = self.now;
        let found = self.people.iter_mut().enumerate().find_map(|(index, person)| {
            let (route, _) = person.sessions.iter().find(|(_, open)| open.address == *session)?;
            Some((index, *route, person))
        });
        let Some((index, route, person)) = found else { return };
        if let Person { engine: Some(engine), sessions, .. } = person {
            sessions.remove(&route);
            engine.handle_session_lost(now, route, "the entry closed the session");
            person.reconnecting.insert(route);
            self.schedule.push(now, Event::Reconnect { person: index, route });
        }
    }

    /// Does what a person's engine asks for, keeps what it tells, schedules its next wake-up, and gives it the sessions
    /// that it wants.
    pub(super) fn settle_person(&mut self, index: usize) {
        let now = self.now;
        while let Some(action) = self.next_of_person(index) {
            match action {
                PersonAction::Send { via: Via::Entry(route), packet, .. } => {
                    self.note_uplink(index, route);
                    self.watch_departure(index, &packet);
                    self.send_to_entry(index, route, packet);
                }
                PersonAction::Send { via: Via::Circuit { circuit, mailbox }, packet, .. } => {
                    self.note_uplink(index, Route::Tor);
                    self.send_by_circuit(index, circuit, &mailbox, packet);
                }
                PersonAction::CloseCircuit(circuit) => {
                    if let Some(person) = self.people.get_mut(index)
                        && person.circuits.remove(&circuit).is_some()
                    {
                        self.trace.note(now, format_args!("{} closes circuit {circuit}", person.name));
                    }
                }
            }
        }
        let Some(Person { engine: Some(engine), wake, events, name, .. }) = self.people.get_mut(index) else {
            return;
        };
        let told = events.len();
        while let Some(event) = engine.poll_event() {
            self.trace.note(now, format_args!("{name} hears {event:?}"));
            events.push((now, event));
        }
        let due = engine.poll_timeout().max(now);
        if due < *wake {
            *wake = due;
            self.schedule.push(due, Event::WakePerson { person: index });
        }
        self.watch_person(index, told);
        self.attend(index);
    }

    fn next_of_person(&mut self, index: usize) -> Option<PersonAction> {
        self.people.get_mut(index)?.engine.as_mut()?.poll_action()
    }

    fn note_uplink(&mut self, index: usize, route: Route) {
        if let Some(person) = self.people.get_mut(index) {
            person.uplink.entry(route).or_default().push(self.now);
        }
    }

    pub(super) fn note_downlink(&mut self, index: usize, route: Route) {
        if let Some(person) = self.people.get_mut(index) {
            let frames = person.downlink.entry(route).or_default();
            *frames = frames.saturating_add(1);
        }
    }

    fn send_to_entry(&mut self, index: usize, route: Route, packet: Packet) {
        let now = self.now;
        let Some(Person { sessions, name, .. }) = self.people.get(index) else { return };
        let Some(open) = sessions.get(&route).filter(|session| session.connected) else { return };
        let Some(host) = self.by_id.get(&open.entry).copied() else { return };
        let entry = self.hosts.get(host).map_or("?", |host| host.name.as_str());
        match self.plan.faults.transit(&mut self.rng) {
            Some(transit) => {
                self.trace.note(now, format_args!("{name} -> {entry} packet by {route}"));
                if let (Some(tap), Some(receiver)) = (&mut self.tap, self.hosts.get(host)) {
                    let from = Endpoint::Person(index);
                    tap.packet((from, now), (host, now + transit), receiver, &packet, false);
                }
                let from = From::Client(open.address);
                if let Some(again) = self.plan.faults.again(&mut self.rng) {
                    let packet = packet.clone();
                    self.schedule.push(now + again, Event::Packet { host, from, packet });
                }
                self.schedule.push(now + transit, Event::Packet { host, from, packet });
            }
            None => self.trace.note(now, format_args!("{name} -> {entry} packet by {route} lost")),
        }
    }
}

/// Tells the tap, if there is one, of a dummy between two nodes.
fn tap_dummy(tap: &mut Option<Box<Tap>>, now: Timestamp, from: usize, to: Option<&usize>) {
    if let (Some(tap), Some(to)) = (tap, to) {
        tap.dummy(now, Endpoint::Node(from), Endpoint::Node(*to));
    }
}

/// What a node's core asked for, as far as the network has to do something about it.
enum Asked {
    Send { to: NodeId, packet: Packet },
    Deliver { session: SessionAddress, frame: Frame },
    Close { session: SessionAddress },
    Disk { batch: BatchId },
    Done,
}
