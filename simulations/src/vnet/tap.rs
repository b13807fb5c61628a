//! Somebody who watches all links of the virtual network, and may change or repeat what goes over them.
//!
//! The tap has every node's keys, so it knows which packet that leaves a node is which that came: a ground truth for models
//! and for attacks. It changes nothing unless it is told to meddle: no draw of the run is its own. Not here: route `tor`,
//! whose links are circuits; what an adversary without the keys could conclude.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher as _};
use std::time::Duration;

use sotto_protocol::directory::Place;
use sotto_protocol::mailbox::Command;
use sotto_protocol::sphinx::{HopSecret, Packet, SurbId, Unwrapped};
use sotto_protocol::time::Timestamp;

use super::host::Host;
use super::network::VirtualNetwork;

/// Somebody at an end of a link: people and nodes are numbered in the order in which they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Endpoint {
    /// A person, as they were added.
    Person(usize),
    /// A node: entries, then mixes, then mailboxes.
    Node(usize),
}

/// What a packet is for its last node, as far as the tap could look into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Cargo {
    /// It goes on to another node.
    Onward,
    /// It ends here as a command of this name.
    Command(&'static str),
    /// It ends here for a client's session.
    ForClient,
    /// It ends here as the node's own loop, or as what the node takes for that.
    OwnLoop,
    /// A dummy between nodes, or on a downlink.
    Dummy,
    /// The node cannot open it, or what is in it is damaged.
    Unreadable,
}

/// One passage of one packet over one link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passage {
    /// When it was sent.
    pub sent: Timestamp,
    /// When it arrives; never if the network loses it.
    pub arrives: Timestamp,
    /// By whom.
    pub from: Endpoint,
    /// To whom.
    pub to: Endpoint,
    /// The passage by which it had come to its sender, if it had.
    pub before: Option<usize>,
    /// What its receiver finds in it.
    pub cargo: Cargo,
    /// Whether the tap changed it.
    pub is_changed: bool,
}

/// What the tap does to packets between nodes: it is shown the packet with its ends, and may give others that arrive in its
/// place.
pub type Meddler = Box<dyn FnMut(Endpoint, Endpoint, &Packet) -> Meddling + Send>;

/// What becomes of one packet between two nodes.
#[derive(Debug)]
pub enum Meddling {
    /// It arrives as it is.
    Leave,
    /// This arrives in its place.
    Change(Packet),
}

/// The record of a tap.
#[derive(Default)]
pub(super) struct Tap {
    passages: Vec<Passage>,
    /// Packets that nodes hold, by what they will look like when they leave.
    held: BTreeMap<u64, usize>,
    /// Packets that wait for a client's downlink.
    waiting: BTreeMap<u64, usize>,
    /// The keys of nodes, by their epochs: made once, for that takes as long as opening a packet.
    keys: BTreeMap<usize, Vec<(u64, HopSecret)>>,
    pub(super) meddler: Option<Meddler>,
}

impl Tap {
    /// A packet is sent to a node, which has these keys.
    pub(super) fn packet(
        &mut self,
        (from, sent): (Endpoint, Timestamp),
        (host, arrives): (usize, Timestamp),
        receiver: &Host,
        packet: &Packet,
        is_changed: bool,
    ) {
        let to = Endpoint::Node(host);
        let number = self.passages.len();
        let before = self.held.remove(&print(packet.as_bytes()));
        let cargo = match self.open(host, receiver, packet.clone()) {
            Some(Unwrapped::Forward { packet, .. }) => {
                self.held.insert(print(packet.as_bytes()), number);
                Cargo::Onward
            }
            Some(Unwrapped::Final { destination, surb_id, payload }) => {
                if destination != *receiver.id().as_bytes() {
                    self.waiting.insert(print(surb_id.as_bytes()), number);
                    Cargo::ForClient
                } else {
                    match payload.into_text() {
                        Err(_) => Cargo::Unreadable,
                        Ok(text) => Command::parse(&text)
                            .map_or(Cargo::OwnLoop, |command| Cargo::Command(command.label())),
                    }
                }
            }
            None => Cargo::Unreadable,
        };
        self.passages.push(Passage { sent, arrives, from, to, before, cargo, is_changed });
    }

    /// Takes the layer of a node off, as [`Host::peel`] does.
    fn open(&mut self, host: usize, receiver: &Host, mut packet: Packet) -> Option<Unwrapped> {
        let keys = self.keys.entry(host).or_default();
        if !receiver.key_epochs().eq(keys.iter().map(|(epoch, _)| *epoch)) {
            *keys = receiver.hop_secrets();
        }
        for (_, secret) in keys {
            match secret.verify(packet) {
                Ok(verified) => return verified.unwrap(Duration::MAX).ok(),
                Err((refused, _)) => packet = refused,
            }
        }
        None
    }

    /// A frame is sent to a person, with an answer or a loop in it or with nothing.
    pub(super) fn frame(
        &mut self,
        (from, sent): (Endpoint, Timestamp),
        (to, arrives): (Endpoint, Timestamp),
        surb_id: Option<&SurbId>,
    ) {
        let before = surb_id.and_then(|id| self.waiting.remove(&print(id.as_bytes())));
        let cargo = if surb_id.is_some() { Cargo::ForClient } else { Cargo::Dummy };
        self.passages.push(Passage { sent, arrives, from, to, before, cargo, is_changed: false });
    }

    /// A node sends a dummy to another.
    pub(super) fn dummy(&mut self, sent: Timestamp, from: Endpoint, to: Endpoint) {
        let cargo = Cargo::Dummy;
        self.passages.push(Passage { sent, arrives: sent, from, to, before: None, cargo, is_changed: false });
    }
}

impl VirtualNetwork {
    /// From here on every passage by the routes over an entry is noted.
    pub fn tap(&mut self) {
        self.tap = Some(Box::default());
    }

    /// The same, and the tap decides what arrives of packets between nodes.
    pub fn tap_and_meddle(&mut self, meddler: Meddler) {
        self.tap = Some(Box::new(Tap { meddler: Some(meddler), ..Tap::default() }));
    }

    /// What was noted, in the order of sending.
    #[must_use]
    pub fn passages(&self) -> &[Passage] {
        self.tap.as_ref().map_or(&[], |tap| tap.passages.as_slice())
    }

    /// Where a node stands, by its number; `None` if the newest consensus does not have it.
    #[must_use]
    pub fn place(&self, node: usize) -> Option<Place> {
        Some(self.consensus.node(&self.hosts.get(node)?.id())?.place)
    }

    /// The name of a node by its number.
    #[must_use]
    pub fn node_name(&self, node: usize) -> Option<&str> {
        self.hosts.get(node).map(|host| host.name.as_str())
    }

    /// Hands a packet to a node as if another had sent it: an attacker with that node's link.
    pub fn inject(&mut self, from: usize, to: usize, packet: Packet) {
        if let Some(sender) = self.hosts.get(from).map(Host::id) {
            self.packet_arrives(to, super::wire::From::Node(sender), packet);
        }
    }
}

/// A short name of bytes. Two packets of a run are alike with a probability that can be left out.
fn print(bytes: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(bytes);
    hasher.finish()
}
