//! Who may send to this node and where its packets may go.
//!
//! Layers change with every consensus, while packets built under the previous one are still on their
//! way: what either of the two allows is allowed, as long as the older one's grace lasts. Which routes
//! the mix's own loops take is not decided here.

use std::collections::BTreeMap;
use std::time::Duration;

use sotto_protocol::directory::{Consensus, Freshness, Place, may_link};
use sotto_protocol::ident::NodeId;
use sotto_protocol::time::Timestamp;

use super::refusal::{ConsensusRefusal, DropLabel, PeerRefusal};

/// A node that this one keeps a link to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutgoingLink {
    /// The neighbour.
    pub node: NodeId,
    /// Where it listens, as `host:port`.
    pub address: String,
}

/// One consensus with an index of its nodes: each packet takes several look-ups.
struct Layout {
    consensus: Consensus,
    places: BTreeMap<NodeId, Place>,
}

impl Layout {
    fn new(consensus: Consensus) -> Self {
        let places = consensus.nodes.iter().map(|node| (node.node, node.place)).collect();
        Self { consensus, places }
    }

    fn place(&self, node: &NodeId) -> Option<Place> {
        self.places.get(node).copied()
    }

    /// The end of its grace.
    fn until(&self) -> Timestamp {
        self.consensus.valid_until + Duration::from_secs(self.consensus.params.grace_s.into())
    }
}

/// The consensuses that count, seen from one node.
pub(crate) struct Topology {
    node: NodeId,
    current: Option<Layout>,
    previous: Option<Layout>,
}

impl Topology {
    /// Nothing is known yet.
    pub(crate) const fn new(node: NodeId) -> Self {
        Self { node, current: None, previous: None }
    }

    /// Adopts a consensus if it is newer than the present one, which then becomes the previous one.
    pub(crate) fn adopt(&mut self, now: Timestamp, consensus: Consensus) -> Result<(), ConsensusRefusal> {
        let offered = consensus.epoch;
        if let Some(known) = self.current().map(|current| current.epoch)
            && offered <= known
        {
            return Err(ConsensusRefusal::NotNewer { offered, known });
        }
        if consensus.freshness(now) == Freshness::Expired {
            return Err(ConsensusRefusal::Expired { offered });
        }
        self.previous = self.current.replace(Layout::new(consensus));
        self.prune(now);
        Ok(())
    }

    /// Forgets the previous consensus when its grace is over; says whether it did.
    pub(crate) fn prune(&mut self, now: Timestamp) -> bool {
        self.previous.take_if(|previous| previous.consensus.freshness(now) == Freshness::Expired).is_some()
    }

    /// When [`Topology::prune`] has something to do, [`Timestamp::NEVER`] if there is no previous consensus.
    pub(crate) fn deadline(&self) -> Timestamp {
        self.previous.as_ref().map_or(Timestamp::NEVER, Layout::until)
    }

    /// When the last consensus that lists this node counts no more, `None` if none lists it.
    pub(crate) fn listed_until(&self) -> Option<Timestamp> {
        self.own_places().map(|(layout, _)| layout.until()).max()
    }

    /// The newest consensus, whether or not it is still fresh.
    pub(crate) fn current(&self) -> Option<&Consensus> {
        self.current.as_ref().map(|current| &current.consensus)
    }

    /// This node's place in the newest consensus.
    pub(crate) fn place(&self) -> Option<Place> {
        self.current.as_ref().and_then(|current| current.place(&self.node))
    }

    /// The newest consensus, if packets can be handled at all.
    pub(crate) fn check_usable(&self, now: Timestamp) -> Result<&Consensus, DropLabel> {
        let current = self.current().ok_or(DropLabel::NoConsensus)?;
        if current.freshness(now) == Freshness::Expired {
            return Err(DropLabel::ConsensusExpired);
        }
        if self.own_places().next().is_none() {
            return Err(DropLabel::NoConsensus);
        }
        Ok(current)
    }

    /// Whether this node takes clients.
    pub(crate) fn is_entry(&self) -> bool {
        self.own_places().any(|(_, own)| own == Place::Entry)
    }

    /// Whether a node is listed at all.
    pub(crate) fn knows(&self, node: &NodeId) -> bool {
        self.layouts().any(|layout| layout.places.contains_key(node))
    }

    /// Whether a node may link to this one.
    pub(crate) fn check_source(&self, peer: &NodeId) -> Result<(), PeerRefusal> {
        if !self.knows(peer) {
            return Err(PeerRefusal::NotInConsensus);
        }
        let mut places = self.own_places();
        let legal = places.any(|(layout, own)| layout.place(peer).is_some_and(|peer| may_link(peer, own)));
        if legal { Ok(()) } else { Err(PeerRefusal::LinkIllegal) }
    }

    /// Whether this node's packets may go to `next`.
    pub(crate) fn check_next_hop(&self, next: &NodeId) -> Result<(), DropLabel> {
        if !self.knows(next) {
            return Err(DropLabel::NextHopUnknown);
        }
        let mut places = self.own_places();
        let legal = places.any(|(layout, own)| layout.place(next).is_some_and(|next| may_link(own, next)));
        if legal { Ok(()) } else { Err(DropLabel::NextHopIllegal) }
    }

    /// The nodes that packets may go to; where the two consensuses differ in an address, the newer one's.
    pub(crate) fn links(&self) -> Vec<OutgoingLink> {
        let mut links = BTreeMap::new();
        for (layout, own) in self.own_places() {
            for node in layout.consensus.next_hops(own) {
                links.entry(node.node).or_insert_with(|| node.address.clone());
            }
        }
        links.into_iter().map(|(node, address)| OutgoingLink { node, address }).collect()
    }

    /// The consensuses that count, newest first.
    fn layouts(&self) -> impl Iterator<Item = &Layout> {
        self.current.iter().chain(self.previous.iter())
    }

    /// This node's places in the consensuses that count.
    fn own_places(&self) -> impl Iterator<Item = (&Layout, Place)> {
        self.layouts().filter_map(|layout| layout.place(&self.node).map(|own| (layout, own)))
    }
}
