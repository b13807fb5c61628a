//! A mailbox in a small made-up network, and the means to talk to it: real packets, real reply blocks,
//! a seeded generator and a clock that the test moves.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use std::sync::Arc;
use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_mailbox::core::{Action, DirectId, Mailbox, Source};
use sotto_mailbox::store::{MemoryStore, Store};
use sotto_protocol::boxes::{SealedBox, WriteCap};
use sotto_protocol::directory::{Consensus, ConsensusNode, EpochKey, Params, Place, epoch_of, epoch_start};
use sotto_protocol::ident::{NodeId, NodeSecret, SessionAddress};
use sotto_protocol::mailbox::{Command, Reply, TtlClass};
use sotto_protocol::sphinx::{
    Hop, HopSecret, KeyRing, Packet, Surb, SurbKeys, Unwrapped, build_forward, build_surb,
};
use sotto_protocol::time::Timestamp;

/// The present of a test that does not move the time.
pub const T0: Timestamp = Timestamp::from_millis(1_700_000_100_000);

pub struct Member {
    pub id: NodeId,
    pub place: Place,
    pub hop: HopSecret,
}

/// Entry, two mixes in each layer and the mailbox, one hop key each, which serves all epochs.
pub struct World {
    pub rng: ChaCha20Rng,
    pub members: Vec<Member>,
    pub mailbox: Mailbox,
    pub now: Timestamp,
}

impl World {
    /// The mailbox has its keys and its consensus.
    pub fn new(seed: u64) -> Self {
        let mut world = Self::without_consensus(seed);
        let consensus = world.consensus(T0);
        world.mailbox.handle_consensus(T0, consensus, &mut world.rng);
        world
    }

    pub fn without_consensus(seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut places = vec![Place::Entry, Place::Mailbox];
        places.extend((1..=3).flat_map(|layer| [Place::Mix { layer }, Place::Mix { layer }]));
        let members: Vec<Member> = places
            .into_iter()
            .map(|place| Member {
                id: NodeSecret::generate(&mut rng).id(),
                place,
                hop: HopSecret::generate(&mut rng),
            })
            .collect();
        let own = &members[1];
        let mailbox = Self::mailbox_of(own, KeyRing::new());
        Self { rng, members, mailbox, now: T0 }
    }

    /// As [`World::new`], but the mailbox remembers so many replay tags for each epoch.
    pub fn with_tags_max(seed: u64, tags_max: usize) -> Self {
        let mut world = Self::without_consensus(seed);
        world.mailbox = Self::mailbox_of(&world.members[1], KeyRing::with_tags_max(tags_max));
        let consensus = world.consensus(T0);
        world.mailbox.handle_consensus(T0, consensus, &mut world.rng);
        world
    }

    fn mailbox_of(own: &Member, keys: KeyRing) -> Mailbox {
        let mut mailbox = Mailbox::with_keys(own.id, keys, T0);
        let epoch = epoch_of(T0, Params::default().epoch_s);
        for epoch in epoch - 1..epoch + 3 {
            assert!(mailbox.install_key(epoch, HopSecret::from_bytes(own.hop.to_bytes())));
        }
        mailbox
    }

    /// The consensus of the epoch that `at` lies in.
    pub fn consensus(&self, at: Timestamp) -> Arc<Consensus> {
        let params = Params::default();
        let epoch = epoch_of(at, params.epoch_s);
        let mut nodes: Vec<ConsensusNode> = self
            .members
            .iter()
            .map(|member| ConsensusNode {
                node: member.id,
                place: member.place,
                address: "127.0.0.1:1".to_owned(),
                onion_address: None,
                hop_keys: (epoch..epoch + 3)
                    .map(|epoch| EpochKey { epoch, key: member.hop.public() })
                    .collect(),
            })
            .collect();
        nodes.sort_by_key(|node| node.node);
        let consensus = Consensus {
            network: "test".to_owned(),
            epoch,
            valid_after: epoch_start(epoch, params.epoch_s),
            valid_until: epoch_start(epoch + 1, params.epoch_s),
            randomness: [0; 32],
            params,
            nodes,
        };
        consensus.validate().unwrap();
        Arc::new(consensus)
    }

    pub fn at(&self, place: Place) -> &Member {
        self.members.iter().find(|member| member.place == place).unwrap()
    }

    pub fn node(&self, place: Place) -> NodeId {
        self.at(place).id
    }

    fn hop(&self, place: Place) -> Hop {
        let member = self.at(place);
        Hop { node: member.id, key: member.hop.public() }
    }

    /// A reply block whose first and only hop is the node in `place`, so that the test can open the reply.
    pub fn surb_from(&mut self, place: Place) -> (Surb, SurbKeys) {
        let session = SessionAddress::generate(&mut self.rng);
        build_surb(&[self.hop(place)], &[Duration::ZERO], &session, &mut self.rng).unwrap()
    }

    pub fn surb(&mut self) -> (Surb, SurbKeys) {
        self.surb_from(Place::Mix { layer: 1 })
    }

    /// A packet as it arrives at the mailbox, its layers for the other hops already off.
    pub fn packet(&mut self, text: &[u8]) -> Packet {
        let mailbox = self.node(Place::Mailbox);
        self.packet_to(*mailbox.as_bytes(), text)
    }

    pub fn packet_to(&mut self, destination: [u8; 32], text: &[u8]) -> Packet {
        let hop = self.hop(Place::Mailbox);
        build_forward(&[hop], &[Duration::ZERO], destination, text, &mut self.rng).unwrap()
    }

    /// A reply block that begins at the mailbox and goes on to the node in `next`.
    pub fn surb_on_to(&mut self, next: Place) -> (Surb, SurbKeys) {
        let session = SessionAddress::generate(&mut self.rng);
        let route = [self.hop(Place::Mailbox), self.hop(next)];
        build_surb(&route, &[Duration::ZERO; 2], &session, &mut self.rng).unwrap()
    }

    /// A packet that the mailbox is asked to pass on.
    pub fn packet_through(&mut self, next: Place) -> Packet {
        let route = [self.hop(Place::Mailbox), self.hop(next)];
        build_forward(&route, &[Duration::ZERO; 2], [0; 32], b"x", &mut self.rng).unwrap()
    }

    /// Delivers a text over a direct link.
    pub fn deliver_direct(&mut self, link: u64, text: &[u8]) -> Result<(), &'static str> {
        let packet = self.packet(text);
        self.deliver_direct_packet(link, packet)
    }

    pub fn deliver_direct_packet(&mut self, link: u64, packet: Packet) -> Result<(), &'static str> {
        let from = Source::Direct(DirectId::new(link));
        self.mailbox.handle_packet(self.now, from, packet).map_err(|reason| reason.label())
    }

    /// Delivers a text from the last layer and says under which label it was dropped, if it was.
    pub fn deliver(&mut self, text: &[u8]) -> Result<(), &'static str> {
        let packet = self.packet(text);
        self.deliver_packet(Place::Mix { layer: 3 }, packet)
    }

    pub fn deliver_packet(&mut self, from: Place, packet: Packet) -> Result<(), &'static str> {
        let from = Source::Node(self.node(from));
        self.mailbox.handle_packet(self.now, from, packet).map_err(|reason| reason.label())
    }

    pub fn write(&mut self, sealed: SealedBox) -> (Command, SurbKeys) {
        let (surb, keys) = self.surb();
        (Command::Write { surb, ttl: TtlClass::Week, sealed }, keys)
    }

    pub fn sealed(&mut self) -> SealedBox {
        WriteCap::generate(&mut self.rng).seal_next(b"text", &mut self.rng).unwrap()
    }

    /// Runs the store until nothing waits, then returns all packets that the mailbox wants to send.
    pub fn settle(&mut self, store: &mut impl Store) -> Vec<(NodeId, Packet)> {
        while let Some(batch) = self.mailbox.take_batch() {
            let results = store.apply(self.now, &batch.ops);
            self.mailbox.handle_results(batch.id, results);
        }
        self.sends()
    }

    pub fn sends(&mut self) -> Vec<(NodeId, Packet)> {
        let mut sends = Vec::new();
        while let Some(action) = self.mailbox.poll_action() {
            if let Action::Send { to, packet } = action {
                self.mailbox.handle_sent();
                sends.push((to, packet));
            }
        }
        sends
    }

    /// Opens a reply at its one hop, with the keys of its block.
    pub fn open(&self, packet: Packet, keys: &SurbKeys) -> Reply {
        let hop = &self.at(Place::Mix { layer: 1 }).hop;
        let verified = hop.verify(packet).unwrap();
        let Unwrapped::Final { surb_id, payload, .. } = verified.unwrap(Duration::ZERO).unwrap() else {
            panic!("a reply along a block of one hop ends there");
        };
        assert_eq!(surb_id, keys.surb_id());
        Reply::parse(&keys.open(payload.as_bytes()).unwrap()).unwrap()
    }

    /// One command from arrival to opened reply.
    pub fn ask(&mut self, store: &mut impl Store, command: &Command, keys: &SurbKeys) -> Reply {
        self.deliver(&command.to_text()).unwrap();
        let mut sends = self.settle(store);
        assert_eq!(sends.len(), 1, "one reply to one command");
        let (to, packet) = sends.remove(0);
        assert_eq!(to, self.node(Place::Mix { layer: 1 }));
        self.open(packet, keys)
    }

    pub fn dropped(&self, label: &str) -> u64 {
        self.mailbox.report(self.now).ledger.dropped.get(label).copied().unwrap_or(0)
    }
}

pub fn memory() -> MemoryStore {
    MemoryStore::new(1000)
}
