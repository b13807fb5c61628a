//! A network for tests: packets are peeled hop by hop with the nodes' keys, mailboxes are hash maps, and what
//! happens in between is drawn from a seed: delay, loss, duplication, reordering.
//!
//! It watches what must never happen: a box whose bytes change, a route or reply block that is used twice,
//! a packet or an event that runs ahead of the store, a mailbox that is to keep a box longer than what it holds exists.

mod wire;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::boxes::{BoxId, SealedBox, Tombstone};
use sotto_protocol::directory::{Consensus, ConsensusNode, CoverClass, EpochKey, Params, Place, epoch_start};
use sotto_protocol::ident::{NodeId, SessionAddress};
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_protocol::mailbox::RefusalCode;
use sotto_protocol::sphinx::{HopSecret, SurbId};
use sotto_protocol::time::Timestamp;

use crate::core::{
    Action, CircuitId, ContactId, Engine, EngineSettings, Event, MessageId, Route, RoutePlan, Via,
};
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
    pub(super) settings: EngineSettings,
    pub(super) rng: ChaCha20Rng,
    /// The session of route `mix`.
    pub(super) session: SessionAddress,
    /// The session of route `tor+mix`.
    pub(super) tor_session: SessionAddress,
    pub(super) events: Vec<Event>,
    /// Every packet: when it left, what for.
    pub(super) sent: Vec<(Timestamp, Kind)>,
    /// Which way each of them took.
    pub(super) ways: Vec<Via>,
    /// Circuits that were opened and not closed.
    pub(super) circuits: BTreeSet<CircuitId>,
}

impl Peer {
    pub(super) fn engine(&mut self) -> &mut Engine<MemoryStore> {
        self.engine.as_mut().unwrap()
    }

    fn session(&self, route: Route) -> SessionAddress {
        if route == Route::Mix { self.session } else { self.tor_session }
    }

    /// The times of the packets that went by a route.
    pub(super) fn times(&self, route: Route) -> Vec<Timestamp> {
        let by = |via: &Via| match via {
            Via::Entry(by) => *by == route,
            Via::Circuit { .. } => route == Route::Tor,
        };
        let pairs = self.sent.iter().zip(&self.ways);
        pairs.filter(|(_, via)| by(via)).map(|((at, _), _)| *at).collect()
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

/// Where an answer goes.
#[derive(Clone, Copy)]
enum Back {
    Session(SessionAddress),
    Circuit { peer: usize, circuit: CircuitId },
}

enum Arrival {
    /// By a circuit the answer goes back where the command came from.
    Command {
        mailbox: NodeId,
        text: Vec<u8>,
        by: Option<(usize, CircuitId)>,
    },
    Delivery {
        back: Back,
        surb_id: SurbId,
        payload: Box<[u8; PAYLOAD_LEN]>,
    },
    CircuitFails {
        peer: usize,
        circuit: CircuitId,
    },
}

/// What a circuit was first used for, which it must be used for ever after.
type CircuitUse = (Option<ContactId>, Option<BoxId>, Kind, NodeId);

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
    pub(super) tombstones: HashMap<NodeId, HashMap<BoxId, Tombstone>>,
    /// When what a mailbox has been asked to keep runs out.
    ends: HashMap<(NodeId, BoxId), Timestamp>,
    /// Boxes whose content ceases to exist at a time that the test has set.
    pub(super) mortal: HashMap<BoxId, Timestamp>,
    /// Mailboxes that say no.
    pub(super) refusing: HashMap<NodeId, RefusalCode>,
    /// Mailboxes that say nothing.
    pub(super) silent: HashSet<NodeId>,
    /// How often each box went to each mailbox.
    pub(super) writes: BTreeMap<(BoxId, NodeId), u32>,
    /// Mailboxes to which no circuit can be made.
    pub(super) unreachable: HashSet<NodeId>,
    /// Routes that work for nobody.
    out: HashSet<Route>,
    /// Every circuit that anybody used, when first and last, and what for.
    pub(super) circuit_uses: BTreeMap<(usize, CircuitId), (Timestamp, Timestamp, CircuitUse)>,
    /// Whether each engine's wishes for sessions and Tor are fulfilled as they come.
    attended: bool,
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

/// The settings of somebody with these routes, the wanted one first.
pub(super) fn routed(routes: &[Route]) -> EngineSettings {
    EngineSettings { routes: RoutePlan::from_routes(routes).unwrap(), ..EngineSettings::new("standard") }
}

impl World {
    /// Two entries, three layers of two mixes, three mailboxes, `peers` people with a session each.
    pub(super) fn new(seed: u64, peers: usize) -> Self {
        let mut world = Self::empty(seed);
        for number in 0..peers {
            world.add_peer(seed * 100 + u64::try_from(number).unwrap(), EngineSettings::new("standard"));
        }
        world
    }

    /// The same with people of these settings, who have sessions and Tor whenever their engines want them.
    pub(super) fn with(seed: u64, people: &[EngineSettings]) -> Self {
        let mut world = Self::empty(seed);
        world.attended = true;
        for (number, settings) in (0..).zip(people) {
            world.add_peer(seed * 100 + number, settings.clone());
        }
        world
    }

    fn empty(seed: u64) -> Self {
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
            let onion_address = (!matches!(place, Place::Mix { .. })).then(|| format!("{number}.onion:1"));
            nodes.push(ConsensusNode { node, place, address, onion_address, hop_keys });
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
        Self {
            now: consensus.valid_after + Duration::from_secs(1),
            rng,
            consensus: Arc::new(consensus),
            peers: Vec::new(),
            faults: Faults::default(),
            boxes: HashMap::new(),
            tombstones: HashMap::new(),
            ends: HashMap::new(),
            mortal: HashMap::new(),
            refusing: HashMap::new(),
            silent: HashSet::new(),
            unreachable: HashSet::new(),
            out: HashSet::new(),
            circuit_uses: BTreeMap::new(),
            attended: false,
            writes: BTreeMap::new(),
            secrets,
            arrivals: BTreeMap::new(),
            arrival_count: 0,
            sealed: HashMap::new(),
            alphas: HashSet::new(),
            surbs: HashSet::new(),
        }
    }

    fn add_peer(&mut self, seed: u64, settings: EngineSettings) {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let engine = Engine::open(MemoryStore::new(), settings.clone(), self.now, &mut rng).unwrap();
        let (session, tor_session) = (SessionAddress::generate(&mut rng), SessionAddress::generate(&mut rng));
        self.peers.push(Peer {
            engine: Some(engine),
            settings,
            rng,
            session,
            tor_session,
            events: Vec::new(),
            sent: Vec::new(),
            ways: Vec::new(),
            circuits: BTreeSet::new(),
        });
        self.connect(self.peers.len() - 1);
    }

    /// Gives a peer the consensus and its session.
    pub(super) fn connect(&mut self, index: usize) {
        let (now, consensus) = (self.now, Arc::clone(&self.consensus));
        let peer = &mut self.peers[index];
        let engine = peer.engine.as_mut().unwrap();
        engine.handle_consensus(now, consensus);
        if self.attended {
            return self.attend(index);
        }
        let entry = engine.wanted_entry(now, Route::Mix, &mut peer.rng).unwrap();
        engine.handle_session(now, Route::Mix, entry, peer.session);
    }

    /// The network's rates change: a payload packet each `payload_ms` on average, and hardly any loops and drops. For tests
    /// in which little happens for long.
    pub(super) fn pace(&mut self, payload_ms: u32) {
        let consensus = Arc::make_mut(&mut self.consensus);
        consensus.params.classes = vec![class(payload_ms, 20_000, 20_000)];
        for peer in &mut self.peers {
            peer.engine.as_mut().unwrap().handle_consensus(self.now, Arc::clone(&self.consensus));
        }
    }

    /// These routes, and no others, work for nobody from here on.
    pub(super) fn cut(&mut self, routes: &[Route]) {
        self.out = routes.iter().copied().collect();
        for index in 0..self.peers.len() {
            self.attend(index);
            self.drain(index);
        }
    }

    /// Does for a peer what its shell would: opens and closes sessions and Tor as its engine wants them.
    fn attend(&mut self, index: usize) {
        let (now, peer) = (self.now, &mut self.peers[index]);
        let sessions = [(Route::Mix, peer.session), (Route::TorMix, peer.tor_session)];
        let Some(engine) = peer.engine.as_mut() else { return };
        for (route, session) in sessions {
            let connected = engine.lanes.get(route).health.up;
            match engine.wanted_entry(now, route, &mut peer.rng) {
                Some(entry) if !connected && !self.out.contains(&route) => {
                    engine.handle_session(now, route, entry, session);
                }
                Some(_) if connected && self.out.contains(&route) => {
                    engine.handle_session_lost(now, route, "the cable is cut");
                }
                None if connected => engine.handle_session_lost(now, route, "nobody wants it"),
                _ => {}
            }
        }
        let works = engine.lanes.get(Route::Tor).health.up;
        let can = engine.is_wanted(Route::Tor) && !self.out.contains(&Route::Tor);
        match (works, can) {
            (false, true) => engine.handle_tor_ready(now),
            (true, false) => {
                engine.handle_tor_lost(now, "Tor is gone");
                peer.circuits.clear();
            }
            _ => {}
        }
    }

    /// Two people who know one another: 0 calls 1 "Bob", 1 calls 0 "Alice".
    pub(super) fn acquainted(seed: u64) -> Self {
        Self::new(seed, 2).acquaint()
    }

    /// The same with people of these settings.
    pub(super) fn acquainted_with(seed: u64, people: &[EngineSettings; 2]) -> Self {
        Self::with(seed, people).acquaint()
    }

    fn acquaint(mut self) -> Self {
        let world = &mut self;
        let link = world.invite(0, "Bob");
        world.accept(1, &link, "Alice");
        world.run_until("both are established", |world| {
            world
                .peers
                .iter_mut()
                .all(|peer| peer.events.iter().any(|event| matches!(event, Event::ContactEstablished { .. })))
        });
        for peer in &mut self.peers {
            peer.events.clear();
        }
        self
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
        let settings = target.settings.clone();
        target.engine = Some(Engine::open(store, settings, now, &mut target.rng).unwrap());
        target.circuits.clear();
        if !resumed {
            target.session = SessionAddress::generate(&mut target.rng);
            target.tor_session = SessionAddress::generate(&mut target.rng);
        }
        self.circuit_uses.retain(|(user, _), _| *user != peer);
        self.connect(peer);
    }

    /// A device is lost, and the profile restored from a backup on another one.
    pub(super) fn restore(&mut self, peer: usize, backup: Vec<Record>) {
        let target = &mut self.peers[peer];
        let mut store = MemoryStore::new();
        store.commit(crate::core::restored(backup, &mut target.rng).unwrap()).unwrap();
        target.engine =
            Some(Engine::open(store, target.settings.clone(), self.now, &mut target.rng).unwrap());
        target.circuits.clear();
        target.session = SessionAddress::generate(&mut target.rng);
        target.tor_session = SessionAddress::generate(&mut target.rng);
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
            if self.attended {
                self.attend(index);
                self.drain(index);
            }
        }
    }

    /// Takes what a peer's engine wants done and told.
    pub(super) fn drain(&mut self, index: usize) {
        while let Some(action) = self.peers[index].engine().poll_action() {
            match action {
                Action::Send { via, due, packet } => {
                    assert!(due <= self.now);
                    self.send_packet(index, via, due, &packet);
                }
                Action::CloseCircuit(circuit) => {
                    self.peers[index].circuits.remove(&circuit);
                }
            }
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
