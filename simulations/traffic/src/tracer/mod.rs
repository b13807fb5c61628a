//! Exact passive tracing: how probable it is that a packet is the one that passes here.
//!
//! Probability mass is put on a passage and follows the passages that are seen: what comes into a mix adds to the mass in
//! it, and each packet that leaves takes an equal share of what is there. With exponential delays every packet in the pool
//! is as likely to be the one that leaves, whatever came before (Piotrowska, Hayes, Elahi, Meiser, Danezis, "The Loopix
//! anonymity system", USENIX Security 2017, section 4.2.1); so is every packet of a batch or a pool (Serjantov, Danezis,
//! "Towards an information theoretic metric for anonymity", PET 2002). All matchings of what came in to what went out are
//! then equally likely, and so the same rule holds with time reversed: [`Direction::Backward`] finds who sent.
//!
//! Where packets begin and end inside mixes (loops of mixes, dummies on links, frames for clients, losses for clients that have gone) what is in a mix cannot
//! be counted. There it is estimated from what comes, what leaves, the times when nothing does, and the public rates of
//! what is hidden; [`replay()`] takes these from the whole view. Batches between such dummies are counted as if dummies were
//! packets.
//!
//! Not here: questions and answers, entropies.

pub mod bench;
mod hidden;
mod mass;
mod pool;
mod replay;
#[cfg(test)]
mod tests;
pub(crate) mod wires;

pub use replay::replay;

use mass::Packed;
use pool::{Hidden, Occupancy, Pool};
use wires::WireMap;

use crate::observer::{Sighting, Watcher, WireId};
use crate::party::{Layout, Party, Role};
use crate::scenario::{Mixing, Online, Scenario};

/// The most targets of one tracer.
pub const TARGETS_MAX: usize = 4096;

/// Which way time runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From clients to destinations.
    Forward,
    /// From destinations to clients: what happens is told from the end to the beginning, each arrival before its sending.
    Backward,
}

/// A passage by which a target may have left the network of mixes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exit {
    /// The passage: to a client or mailbox forward, from one backward.
    pub wire: WireId,
    /// Whose it is: who receives it forward, who sent it backward.
    pub party: Party,
    /// How probable.
    pub mass: f64,
}

/// What a node is to a tracer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node {
    /// A client or mailbox: here passages begin and end.
    Outside,
    /// A mix behind the entries.
    Mix,
    /// A mix of layer 0 where there are entries: what comes from a client goes to mixes, what comes from mixes to clients.
    Entry,
    /// Tor: it can be counted, and what is in it leaves in an order that is taken for unknown.
    Tor,
}

/// Follows targets through a network. Memory grows with what is in the network, not with what has passed, but for the
/// exits of targets.
#[derive(Clone, Debug)]
pub struct Tracer {
    direction: Direction,
    /// Whether clients come and go, and packets for them are lost.
    comes_and_goes: bool,
    clients: u32,
    nodes: Vec<Node>,
    /// Which nodes are the adversary's own.
    corrupt: Vec<bool>,
    /// Two for each party: what goes up, and what goes down through an entry.
    pools: Vec<Pool>,
    /// Mass on passages that have begun and not ended.
    flights: WireMap<Packed>,
    /// Mass of what came to a corrupt node and has not left.
    held: WireMap<Packed>,
    /// At corrupt nodes: which passage goes on as the key.
    links: WireMap<WireId>,
    /// The adversary's own packets, and what its mixes know to be dummies: they hide nothing.
    own: WireMap<()>,
    targets: usize,
    exits: Vec<Vec<Exit>>,
    forgotten: Vec<f64>,
}

impl Tracer {
    /// For up to so many targets (at most [`TARGETS_MAX`]), in a network of which what is public is known.
    #[must_use]
    pub fn new(
        layout: &Layout,
        scenario: &Scenario,
        corrupt: &[Party],
        direction: Direction,
        targets: usize,
    ) -> Self {
        let targets = targets.min(TARGETS_MAX);
        let entries = scenario.network.entries > 0;
        let nodes: Vec<Node> = (0..layout.parties())
            .map(|number| match layout.role(Party(number)) {
                Some(Role::Mix { layer: 0, .. }) if entries => Node::Entry,
                Some(Role::Mix { .. }) => Node::Mix,
                Some(Role::Tor) => Node::Tor,
                Some(Role::Client(_) | Role::Mailbox(_)) | None => Node::Outside,
            })
            .collect();
        let public = Public::of(scenario, direction);
        let pools = nodes
            .iter()
            .flat_map(|node| match node {
                Node::Outside => [Occupancy::Counted, Occupancy::Counted],
                Node::Tor => [Occupancy::Counted, Occupancy::Counted],
                Node::Mix => [public.up, public.up],
                Node::Entry => [public.up, public.down],
            })
            .map(Pool::new)
            .collect();
        Self {
            direction,
            comes_and_goes: comes_and_goes(scenario),
            clients: layout.clients(),
            corrupt: (0..layout.parties()).map(|number| corrupt.contains(&Party(number))).collect(),
            nodes,
            pools,
            flights: WireMap::default(),
            held: WireMap::default(),
            links: WireMap::default(),
            own: WireMap::default(),
            targets,
            exits: Vec::new(),
            forgotten: Vec::new(),
        }
    }

    /// Makes a passage a target: one from a client forward, one to a destination backward. To be called before the passage
    /// ends (forward) or is told at all (backward). The number of the target, from 0; `None` if there are as many as can be.
    pub fn mark(&mut self, wire: WireId) -> Option<usize> {
        let target = self.exits.len();
        if target >= self.targets {
            return None;
        }
        self.exits.push(Vec::new());
        self.forgotten.push(0.0);
        let one = Packed::one(target);
        match self.flights.get_mut(&wire) {
            Some(mass) => mass.add(&one),
            None => {
                self.flights.insert(wire, one);
            }
        }
        Some(target)
    }

    /// A corrupt node has told what came in as what goes out. To be called before what it concerns second is told.
    pub fn linked(&mut self, incoming: WireId, outgoing: WireId) {
        match self.direction {
            Direction::Forward => self.links.insert(outgoing, incoming),
            Direction::Backward => self.links.insert(incoming, outgoing),
        };
    }

    /// A passage is of a packet that the adversary made, or knows to carry nothing.
    pub fn own(&mut self, wire: WireId) {
        self.own.insert(wire, ());
    }

    /// Where a target may have come out so far, in the order of happening.
    #[must_use]
    pub fn exits(&self, target: usize) -> &[Exit] {
        self.exits.get(target).map_or(&[], Vec::as_slice)
    }

    /// The same by client or mailbox, in the order of their numbers.
    #[must_use]
    pub fn parties(&self, target: usize) -> Vec<(Party, f64)> {
        let mut sums = std::collections::BTreeMap::new();
        for exit in self.exits(target) {
            *sums.entry(exit.party).or_insert(0.0) += exit.mass;
        }
        sums.into_iter().collect()
    }

    /// How probable it is that a target has not come out yet.
    #[must_use]
    pub fn inside(&self, target: usize) -> f64 {
        let pools: f64 = self.pools.iter().map(|pool| pool.mass(target)).sum();
        let wires = self.flights.values().chain(self.held.values());
        pools + wires.map(|mass| mass.of(target)).sum::<f64>()
    }

    /// What of a target's mass was too small to be followed.
    #[must_use]
    pub fn forgotten(&self, target: usize) -> f64 {
        self.forgotten.get(target).copied().unwrap_or(0.0)
    }

    /// Packets that were at a node before anything was told: so many, without mass.
    fn preload(&mut self, pool: usize, packets: u64) {
        if let Some(pool) = self.pools.get_mut(pool) {
            pool.preload(packets);
        }
    }

    fn node(&self, party: Party) -> Node {
        self.nodes.get(party.index()).copied().unwrap_or(Node::Outside)
    }

    /// Which pool at `node` a passage belongs to whose other end is `other`; `None` outside. `inbound`: it ends at `node`.
    fn pool(&self, node: Party, other: Party, inbound: bool) -> Option<usize> {
        let inside = matches!(self.node(other), Node::Mix | Node::Entry);
        match self.node(node) {
            Node::Outside => None,
            Node::Mix => Some(2 * node.index()),
            Node::Entry => Some(2 * node.index() + usize::from(inside == inbound)),
            // Up leads into mixes or mailboxes, down to clients; both can be told from the end that is no client's.
            Node::Tor => Some(2 * node.index() + usize::from((inside || self.is_mailbox(other)) == inbound)),
        }
    }

    /// Clients come first; what else is outside is a mailbox.
    fn is_mailbox(&self, party: Party) -> bool {
        self.node(party) == Node::Outside && party.0 >= self.clients
    }

    /// A packet leaves `node` for `towards`, in the tracer's time.
    fn begin(&mut self, sighting: &Sighting, node: Party, towards: Party) {
        let inbound = self.direction == Direction::Backward;
        let Some(index) = self.pool(node, towards, inbound) else { return };
        if self.own.contains_key(&sighting.wire) {
            return;
        }
        let mass = if self.is_corrupt(node) {
            self.links.remove(&sighting.wire).and_then(|before| self.held.remove(&before))
        } else {
            let pool = self.pools.get_mut(index);
            pool.and_then(|pool| pool.leave(sighting.at, &mut self.forgotten))
        };
        let Some(mass) = mass else { return };
        if self.node(towards) == Node::Outside {
            for (target, mass) in mass.iter() {
                if let Some(exits) = self.exits.get_mut(target)
                    && mass > 0.0
                {
                    exits.push(Exit { wire: sighting.wire, party: towards, mass });
                }
            }
        } else {
            self.flights.insert(sighting.wire, mass);
        }
    }

    /// A packet comes to `node` from `other`, in the tracer's time.
    fn end(&mut self, sighting: &Sighting, node: Party, other: Party) {
        let mass = self.flights.remove(&sighting.wire);
        let inbound = self.direction == Direction::Forward;
        let Some(index) = self.pool(node, other, inbound) else { return };
        if self.own.contains_key(&sighting.wire) {
            return;
        }
        if self.is_corrupt(node) {
            if let Some(mass) = mass {
                self.held.insert(sighting.wire, mass);
            }
        } else if let Some(pool) = self.pools.get_mut(index) {
            pool.enter(sighting.at, other.0 >= self.clients, mass.as_ref());
        }
    }

    fn is_corrupt(&self, node: Party) -> bool {
        self.corrupt.get(node.index()).copied().unwrap_or(false)
    }
}

impl Watcher for Tracer {
    fn sent(&mut self, sighting: &Sighting) {
        match self.direction {
            Direction::Forward => self.begin(sighting, sighting.from, sighting.to),
            Direction::Backward => self.end(sighting, sighting.from, sighting.to),
        }
    }

    fn arrived(&mut self, sighting: &Sighting) {
        match self.direction {
            Direction::Forward => self.end(sighting, sighting.to, sighting.from),
            Direction::Backward => self.begin(sighting, sighting.to, sighting.from),
        }
    }
}

/// Whether any client is offline at times.
fn comes_and_goes(scenario: &Scenario) -> bool {
    scenario.clients.iter().any(|class| class.online != Online::Always)
}

/// How what is in a mix is known, from what is public.
struct Public {
    up: Occupancy,
    down: Occupancy,
}

impl Public {
    fn of(scenario: &Scenario, direction: Direction) -> Self {
        let Mixing::Poisson { delay_ms_mean } = scenario.mixing else {
            return Self { up: Occupancy::Counted, down: Occupancy::Counted };
        };
        let network = &scenario.network;
        let hidden = network.mix_loop_interval_ms_mean > 0.0
            || network.link_dummy_interval_ms_mean > 0.0
            || comes_and_goes(scenario);
        let estimated = Occupancy::Estimated { stay_s: delay_ms_mean / 1e3, hidden: Hidden::default() };
        let up = if hidden { estimated } else { Occupancy::Counted };
        // An entry does not mix what goes to its clients: that waits for a frame. Dummies go where none waits: what leaves is
        // all that says how many places there are.
        let frame_ms =
            scenario.clients.iter().map(|class| class.downlink_interval_ms_mean).fold(0.0, f64::max);
        let down = match (frame_ms > 0.0, direction) {
            (false, _) => up,
            (true, Direction::Forward) => Occupancy::Departures { stay_s: frame_ms / 1e3 },
            (true, Direction::Backward) => Occupancy::Arrivals { stay_s: frame_ms / 1e3 },
        };
        Self { up, down }
    }
}
