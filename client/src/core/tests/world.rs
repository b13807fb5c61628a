//! A network for tests: packets are peeled hop by hop with the nodes' keys, mailboxes are hash maps, and what
//! happens in between is drawn from a seed: delay, loss, duplication, reordering.
//!
//! It watches what must never happen: a box whose bytes change, a route or reply block that is used twice,
//! a packet or an event that runs ahead of the store.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::boxes::{BoxId, SealedBox};
use sotto_protocol::directory::{Consensus, ConsensusNode, CoverClass, EpochKey, Params, Place, epoch_start};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::mailbox::{Command, RefusalCode, Reply};
use sotto_protocol::sphinx::{HopSecret, Packet, SurbId, Unwrapped};
use sotto_protocol::time::Timestamp;

use crate::core::{Action, Engine, EngineSettings, Event, MessageId, Route};
use crate::store::{MemoryStore, Record, RecordKind, Store};

const EPOCH: u64 = 500_000;
const EPOCH_S: u32 = 3600;

/// A packet that a client sent, as its last hop sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    Write,
    Read,
    Loop,
    Drop,
}

/// One person's device.
pub(super) struct Peer {
    pub(super) engine: Option<Engine<MemoryStore>>,
    pub(super) rng: ChaCha20Rng,
    pub(super) session: SessionAddress,
    pub(super) events: Vec<Event>,
    /// Every packet: when it left, what for.
    pub(super) sent: Vec<(Timestamp, Kind)>,
}

impl Peer {
    pub(super) fn engine(&mut self) -> &mut Engine<MemoryStore> {
        self.engine.as_mut().unwrap()
    }

    /// The texts that were told of, in order.
    pub(super) fn heard(&self) -> Vec<String> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::MessageReceived { message, .. } => Some(message.text.clone()),
                _ => None,
            })
            .collect()
    }
}

enum Arrival {
    Command { mailbox: NodeId, text: Vec<u8> },
    Delivery { session: SessionAddress, surb_id: SurbId, payload: Box<[u8; PAYLOAD_LEN]> },
}

/// What goes wrong on the way, in percent of the packets.
#[derive(Clone, Copy, Default)]
pub(super) struct Faults {
    pub(super) loss: u32,
    pub(super) duplication: u32,
    /// Packets that are held up for seconds.
    pub(super) holdup: u32,
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) rng: ChaCha20Rng,
    pub(super) consensus: Arc<Consensus>,
    pub(super) peers: Vec<Peer>,
    pub(super) faults: Faults,
    pub(super) boxes: HashMap<NodeId, HashMap<BoxId, SealedBox>>,
    /// Mailboxes that say no.
    pub(super) refusing: HashMap<NodeId, RefusalCode>,
    /// Mailboxes that say nothing.
    pub(super) silent: HashSet<NodeId>,
    /// How often each box went to each mailbox.
    pub(super) writes: BTreeMap<(BoxId, NodeId), u32>,
    secrets: HashMap<NodeId, HopSecret>,
    arrivals: BTreeMap<(Timestamp, u64), Arrival>,
    arrival_count: u64,
    sealed: HashMap<(usize, BoxId), SealedBox>,
    alphas: HashSet<[u8; 32]>,
    surbs: HashSet<Vec<u8>>,
}

pub(super) fn class(payload: u32, loops: u32, drops: u32) -> CoverClass {
    CoverClass {
        name: "standard".into(),
        payload_interval_ms_mean: payload,
        loop_interval_ms_mean: loops,
        drop_interval_ms_mean: drops,
        downlink_interval_ms_mean: 10,
    }
}

fn settings() -> EngineSettings {
    EngineSettings::new("standard")
}

impl World {
    /// Two entries, three layers of two mixes, three mailboxes, `peers` people with a session each.
    pub(super) fn new(seed: u64, peers: usize) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let places = [
            Place::Entry,
            Place::Mix { layer: 1 },
            Place::Mix { layer: 2 },
            Place::Mix { layer: 3 },
            Place::Mailbox,
        ];
        let mut secrets = HashMap::new();
        let mut nodes = Vec::new();
        for (number, place) in
            (1u8..).zip(places.iter().flat_map(|place| [*place, *place]).chain([Place::Mailbox]))
        {
            let node = NodeId::from_bytes([number; 32]);
            let secret = HopSecret::generate(&mut rng);
            // One key for all epochs: keys that change are the nodes' business.
            let hop_keys = (EPOCH..EPOCH + 3).map(|epoch| EpochKey { epoch, key: secret.public() }).collect();
            secrets.insert(node, secret);
            let address = format!("192.0.2.{number}:1");
            nodes.push(ConsensusNode { node, place, address, onion_address: None, hop_keys });
        }
        let params = Params {
            delay_ms_mean: 20,
            delay_ms_max: 1000,
            epoch_s: EPOCH_S,
            grace_s: EPOCH_S,
            classes: vec![class(50, 500, 500)],
            ..Params::default()
        };
        let consensus = Consensus {
            network: "test".into(),
            epoch: EPOCH,
            valid_after: epoch_start(EPOCH, EPOCH_S),
            valid_until: epoch_start(EPOCH + 1, EPOCH_S),
            randomness: [0; 32],
            params,
            nodes,
        };
        let mut world = Self {
            now: consensus.valid_after + Duration::from_secs(1),
            rng,
            consensus: Arc::new(consensus),
            peers: Vec::new(),
            faults: Faults::default(),
            boxes: HashMap::new(),
            refusing: HashMap::new(),
            silent: HashSet::new(),
            writes: BTreeMap::new(),
            secrets,
            arrivals: BTreeMap::new(),
            arrival_count: 0,
            sealed: HashMap::new(),
            alphas: HashSet::new(),
            surbs: HashSet::new(),
        };
        for number in 0..peers {
            world.add_peer(seed * 100 + u64::try_from(number).unwrap());
        }
        world
    }

    fn add_peer(&mut self, seed: u64) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let engine = Engine::open(MemoryStore::new(), settings(), self.now, &mut rng).unwrap();
        let session = SessionAddress::generate(&mut rng);
        let engine = Some(engine);
        self.peers.push(Peer { engine, rng, session, events: Vec::new(), sent: Vec::new() });
        self.connect(self.peers.len() - 1);
    }

    /// Gives a peer the consensus and its session.
    pub(super) fn connect(&mut self, peer: usize) {
        let (now, consensus) = (self.now, Arc::clone(&self.consensus));
        let peer = &mut self.peers[peer];
        let engine = peer.engine.as_mut().unwrap();
        engine.handle_consensus(now, consensus);
        let entry = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
        engine.handle_session(now, Route::Mix, entry, peer.session);
    }

    /// Two people who know one another: 0 calls 1 "Bob", 1 calls 0 "Alice".
    pub(super) fn acquainted(seed: u64) -> Self {
        let mut world = Self::new(seed, 2);
        let link = world.invite(0, "Bob");
        world.accept(1, &link, "Alice");
        world.run_until("both are established", |world| {
            world
                .peers
                .iter_mut()
                .all(|peer| peer.events.iter().any(|event| matches!(event, Event::ContactEstablished { .. })))
        });
        for peer in &mut world.peers {
            peer.events.clear();
        }
        world
    }

    pub(super) fn invite(&mut self, peer: usize, name: &str) -> String {
        let (now, ttl) = (self.now, Duration::from_secs(600));
        let peer = &mut self.peers[peer];
        let invite = peer.engine.as_mut().unwrap().create_invite(now, name, ttl, &mut peer.rng).unwrap();
        invite.link().to_string()
    }

    pub(super) fn accept(&mut self, peer: usize, link: &str, name: &str) {
        let now = self.now;
        let peer = &mut self.peers[peer];
        peer.engine.as_mut().unwrap().accept_invite(now, link, name, &mut peer.rng).unwrap();
    }

    pub(super) fn send(&mut self, peer: usize, to: &str, text: &str) -> MessageId {
        let now = self.now;
        let peer = &mut self.peers[peer];
        peer.engine.as_mut().unwrap().send_text(now, to, text, &mut peer.rng).unwrap()
    }

    /// Kills a peer's process and starts it again from what its store has. The session is resumed, or it is a new one.
    pub(super) fn crash(&mut self, peer: usize, resumed: bool) {
        let now = self.now;
        let target = &mut self.peers[peer];
        let store = target.engine.take().unwrap().into_store();
        target.engine = Some(Engine::open(store, settings(), now, &mut target.rng).unwrap());
        if !resumed {
            target.session = SessionAddress::generate(&mut target.rng);
        }
        self.connect(peer);
    }

    /// Runs until the condition holds.
    #[track_caller]
    pub(super) fn run_until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let limit = self.now + Duration::from_secs(600);
        while !done(self) {
            assert!(self.now < limit, "within ten minutes: {what}");
            self.step();
        }
    }

    /// Runs for so long.
    pub(super) fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while self.next_time() <= end {
            self.step();
        }
        self.now = end;
    }

    fn next_time(&self) -> Timestamp {
        let arrival = self.arrivals.first_key_value().map_or(Timestamp::NEVER, |((at, _), _)| *at);
        let engines = self.peers.iter().filter_map(|peer| peer.engine.as_ref());
        engines.map(|engine| engine.poll_timeout()).chain([arrival]).min().unwrap()
    }

    /// The next thing that happens anywhere.
    pub(super) fn step(&mut self) {
        self.now = self.now.max(self.next_time());
        let now = self.now;
        if let Some(((at, number), _)) = self.arrivals.first_key_value()
            && *at <= now
        {
            let key = (*at, *number);
            let arrival = self.arrivals.remove(&key).unwrap();
            self.arrive(arrival);
        }
        for index in 0..self.peers.len() {
            let peer = &mut self.peers[index];
            let Some(engine) = peer.engine.as_mut() else { continue };
            if engine.poll_timeout() <= now {
                engine.handle_timeout(now, &mut peer.rng);
            }
            self.drain(index);
        }
    }

    /// Takes what a peer's engine wants done and told.
    pub(super) fn drain(&mut self, index: usize) {
        while let Some(action) = self.peers[index].engine().poll_action() {
            let Action::Send { due, packet, .. } = action else { continue };
            assert!(due <= self.now);
            self.send_packet(index, due, &packet);
        }
        let peer = &mut self.peers[index];
        while let Some(event) = peer.engine.as_mut().unwrap().poll_event() {
            if let Event::MessageReceived { message, .. } = &event {
                let records = on_disk(peer.engine.as_ref().unwrap());
                let kept = records
                    .iter()
                    .any(|(key, _)| key.kind == RecordKind::Message && key.id == *message.id.as_bytes());
                assert!(kept, "a message was told of before it was kept");
            }
            peer.events.push(event);
        }
    }

    fn percent(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn delay(&mut self) -> Duration {
        let held_up = self.percent(self.faults.holdup);
        Duration::from_millis(self.rng.random_range(1..10) + if held_up { 3000 } else { 0 })
    }

    fn send_packet(&mut self, index: usize, due: Timestamp, packet: &Packet) {
        let alpha = packet.as_bytes()[..32].try_into().unwrap();
        assert!(self.alphas.insert(alpha), "a packet header was used twice");
        let entry = self.peers[index].engine().status(self.now).routes[0].entry.clone().unwrap();
        let entry = self.consensus.entries().find(|node| node.node.to_string() == entry).unwrap().node;
        let (last, spent, surb_id, destination, payload) = self.peel(entry, packet.clone());
        let kind = if last == entry {
            assert_eq!(destination, *self.peers[index].session.as_bytes(), "a loop comes home");
            Kind::Loop
        } else {
            assert_eq!(destination, *last.as_bytes());
            self.inspect(index, last, &payload.clone().into_text().unwrap())
        };
        self.peers[index].sent.push((due, kind));
        let copies = if self.percent(self.faults.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            if self.percent(self.faults.loss) {
                continue;
            }
            let at = self.now + spent + self.delay();
            let arrival = if kind == Kind::Loop {
                let session = SessionAddress::from_bytes(destination);
                Arrival::Delivery { session, surb_id, payload: payload.clone().into_bytes() }
            } else {
                Arrival::Command { mailbox: last, text: payload.clone().into_text().unwrap() }
            };
            self.schedule(at, arrival);
        }
    }

    fn schedule(&mut self, at: Timestamp, arrival: Arrival) {
        self.arrival_count += 1;
        self.arrivals.insert((at, self.arrival_count), arrival);
    }

    /// Looks at a command as it leaves.
    fn inspect(&mut self, index: usize, mailbox: NodeId, text: &[u8]) -> Kind {
        match Command::parse(text).unwrap() {
            Command::Drop => Kind::Drop,
            Command::Read { surb, .. } => {
                assert!(self.surbs.insert(surb.to_bytes().to_vec()), "a reply block was used twice");
                Kind::Read
            }
            Command::Write { surb, sealed, .. } => {
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
            Command::Tombstone { .. } => panic!("this client makes no tombstones"),
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

    fn arrive(&mut self, arrival: Arrival) {
        match arrival {
            Arrival::Command { mailbox, text } => self.command(mailbox, &text),
            Arrival::Delivery { session, surb_id, payload } => {
                let now = self.now;
                if let Some(peer) = self.peers.iter_mut().find(|peer| peer.session == session)
                    && let Some(engine) = peer.engine.as_mut()
                {
                    engine.handle_delivery(now, surb_id, &payload, &mut peer.rng);
                }
            }
        }
    }

    fn command(&mut self, mailbox: NodeId, text: &[u8]) {
        if self.silent.contains(&mailbox) {
            return;
        }
        let boxes = self.boxes.entry(mailbox).or_default();
        let refusing = self.refusing.get(&mailbox).copied();
        let (surb, reply) = match Command::parse(text).unwrap() {
            Command::Drop | Command::Tombstone { .. } => return,
            Command::Write { surb, sealed, .. } => {
                sealed.verify().unwrap();
                let reply = match (refusing, boxes.get(sealed.id())) {
                    (Some(code), _) => Reply::Refused(code),
                    (None, None) => Reply::Stored,
                    (None, Some(kept)) if *kept == sealed => Reply::AlreadyStored,
                    (None, Some(_)) => Reply::Conflict,
                };
                if reply == Reply::Stored {
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
                let session = SessionAddress::from_bytes(destination);
                let payload = payload.clone().into_bytes();
                self.schedule(at, Arrival::Delivery { session, surb_id, payload });
            }
        }
    }

    /// The mailboxes, in the consensus' order.
    pub(super) fn mailboxes(&self) -> Vec<NodeId> {
        self.consensus.mailboxes().map(|mailbox| mailbox.node).collect()
    }

    /// Puts a box on every mailbox, as a hostile writer could.
    pub(super) fn plant(&mut self, sealed: &SealedBox) {
        for mailbox in self.mailboxes() {
            self.boxes.entry(mailbox).or_default().insert(*sealed.id(), sealed.clone());
        }
    }
}

/// What the disk has, even while it is pulled out.
fn on_disk(engine: &Engine<MemoryStore>) -> Vec<Record> {
    let mut disk = engine.store().clone();
    disk.set_out(false);
    disk.load().unwrap()
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
