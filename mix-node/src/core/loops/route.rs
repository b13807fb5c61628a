//! Where a loop goes, and with which probability its route could have gone elsewhere.
//!
//! The node draws its own loops' routes, so these probabilities are known and not estimated.

use std::collections::BTreeMap;

use sotto_protocol::directory::Consensus;
use sotto_protocol::ident::NodeId;

/// A directed link between two nodes.
pub(crate) type Link = (NodeId, NodeId);

/// A loop's way from this node over others back to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoopRoute {
    own: NodeId,
    /// The others, in their order.
    others: Vec<NodeId>,
}

impl LoopRoute {
    /// The way from `own` over `hops`, which end with `own` again.
    pub(crate) fn new(own: NodeId, hops: &[NodeId]) -> Self {
        Self { own, others: hops.iter().copied().filter(|hop| *hop != own).collect() }
    }

    /// The nodes visited, without this one.
    pub(crate) fn nodes(&self) -> &[NodeId] {
        &self.others
    }

    /// Every link of the way.
    pub(crate) fn links(&self) -> impl Iterator<Item = Link> {
        let from = std::iter::once(self.own).chain(self.others.iter().copied());
        let to = self.others.iter().copied().chain(std::iter::once(self.own));
        from.zip(to)
    }

    /// The links that do not touch this node. The first and the last link see the same loops as the
    /// node at their other end.
    pub(crate) fn inner_links(&self) -> impl Iterator<Item = Link> {
        self.others.iter().copied().zip(self.others.iter().copied().skip(1))
    }
}

/// A node's place among those that a loop's hop was drawn from.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Chance {
    hop: usize,
    probability: f64,
}

/// From which nodes a loop's hops were drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Chances {
    by_node: BTreeMap<NodeId, Chance>,
    hops: usize,
}

impl Chances {
    /// The nodes that [`sotto_protocol::directory::mix_loop_route`] could have drawn in the place of
    /// the ones of `route`, each as likely as the others of its layer.
    pub(crate) fn new(consensus: &Consensus, route: &LoopRoute, epoch: u64) -> Self {
        let mut by_node = BTreeMap::new();
        for (hop, place) in
            route.nodes().iter().filter_map(|node| consensus.node(node)).map(|node| node.place).enumerate()
        {
            let drawn: Vec<NodeId> =
                consensus.at(place).filter(|node| node.hop(epoch).is_some()).map(|node| node.node).collect();
            let probability = 1.0 / count(drawn.len().max(1));
            by_node.extend(drawn.into_iter().map(|node| (node, Chance { hop, probability })));
        }
        Self { by_node, hops: route.nodes().len() }
    }

    /// Of a network whose layers are these.
    #[cfg(test)]
    pub(super) fn of_layers(layers: &[Vec<NodeId>]) -> Self {
        let by_node = layers.iter().enumerate().flat_map(|(hop, layer)| {
            let probability = 1.0 / count(layer.len());
            layer.iter().map(move |node| (*node, Chance { hop, probability }))
        });
        Self { by_node: by_node.collect(), hops: layers.len() }
    }

    /// The nodes that a loop could have visited.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        self.by_node.keys()
    }

    /// With which probability a loop visits the node: zero if it cannot.
    pub(crate) fn of_node(&self, node: &NodeId) -> f64 {
        self.by_node.get(node).map_or(0.0, |chance| chance.probability)
    }

    /// With which probability a loop goes over the link between two other nodes.
    pub(crate) fn of_link(&self, (from, to): &Link) -> f64 {
        match (self.by_node.get(from), self.by_node.get(to)) {
            (Some(from), Some(to)) if from.hop + 1 == to.hop => from.probability * to.probability,
            _ => 0.0,
        }
    }

    /// Whether the node is the first or the last of a loop's others, a neighbour of this node.
    pub(crate) fn is_neighbour(&self, node: &NodeId) -> bool {
        self.by_node.get(node).is_some_and(|chance| chance.hop == 0 || chance.hop + 1 == self.hops)
    }
}

/// A count as a real number: exact, as no count here comes near 2^53.
#[expect(clippy::cast_precision_loss, reason = "counts of loops and nodes are far below 2^53")]
pub(super) const fn count(count: usize) -> f64 {
    count as f64
}
