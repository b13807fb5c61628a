//! Whom loops can speak against.

use sotto_protocol::ident::NodeId;

use super::route::{Chances, Link, LoopRoute};

/// A part of the network that a test is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Suspect {
    /// A node, with its links; of a neighbour of this node also the link between them.
    Node(NodeId),
    /// A link between two other nodes.
    Link(Link),
    /// No single node or link: this node's own line, or more than one of the others.
    Everywhere,
}

impl Suspect {
    /// With which probability a loop's route has the suspect.
    pub(crate) fn probability(&self, chances: &Chances) -> f64 {
        match self {
            Self::Node(node) => chances.of_node(node),
            Self::Link(link) => chances.of_link(link),
            Self::Everywhere => 1.0,
        }
    }

    /// Whether a loop's route has the suspect.
    pub(crate) fn is_on(&self, route: &LoopRoute) -> bool {
        match self {
            Self::Node(node) => route.nodes().contains(node),
            Self::Link(link) => route.inner_links().any(|on_route| on_route == *link),
            Self::Everywhere => true,
        }
    }

    /// Whether one of the two suspects could be blamed for what the other does.
    pub(crate) fn touches(&self, other: &Self) -> bool {
        let ends = |(from, to): &Link| [*from, *to];
        match (self, other) {
            (Self::Everywhere, Self::Everywhere) => true,
            (Self::Everywhere, _) | (_, Self::Everywhere) => false,
            (Self::Node(a), Self::Node(b)) => a == b,
            (Self::Node(node), Self::Link(link)) | (Self::Link(link), Self::Node(node)) => {
                ends(link).contains(node)
            }
            (Self::Link(a), Self::Link(b)) => ends(a).iter().any(|end| ends(b).contains(end)),
        }
    }

    /// Whether all nodes of the suspect still exist.
    pub(crate) fn exists(&self, exists: impl Fn(&NodeId) -> bool) -> bool {
        match self {
            Self::Node(node) => exists(node),
            Self::Link((from, to)) => exists(from) && exists(to),
            Self::Everywhere => true,
        }
    }
}
