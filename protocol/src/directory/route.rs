//! Which way a packet takes: a node of each layer, drawn uniformly and independently.
//!
//! Only nodes that have announced a key for the packet's epoch can be drawn. How long a packet waits at
//! each hop is not decided here, see [`crate::sphinx::draw_delay`].

use rand::CryptoRng;
use rand::seq::IndexedRandom;

use super::{Consensus, Place};
use crate::ident::NodeId;
use crate::sphinx::Hop;

/// Why there is no route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// A node that the consensus does not list.
    #[error("{0:?} is not in the consensus")]
    UnknownNode(NodeId),
    /// A node that is not where the route needs it.
    #[error("{node:?} is not in the place that the route needs: {needed}")]
    WrongPlace {
        /// The node.
        node: NodeId,
        /// The place, for people.
        needed: &'static str,
    },
    /// A node that has announced no key for the epoch.
    #[error("{node:?} has no key for epoch {epoch}: the consensus is too old or too new")]
    NoKey {
        /// The node.
        node: NodeId,
        /// The epoch that the packet would travel in.
        epoch: u64,
    },
    /// A place where nobody has a key for the epoch.
    #[error("no node in {place:?} has a key for epoch {epoch}: the consensus is too old or too new")]
    EmptyPlace {
        /// The place.
        place: Place,
        /// The epoch that the packet would travel in.
        epoch: u64,
    },
}

impl RouteError {
    /// A stable name for logs, counters and scripts.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        match self {
            Self::UnknownNode(_) => "route-unknown-node",
            Self::WrongPlace { .. } => "route-wrong-place",
            Self::NoKey { .. } => "route-no-key",
            Self::EmptyPlace { .. } => "route-empty-place",
        }
    }
}

const LAYER_1: Place = Place::Mix { layer: 1 };
const LAYER_2: Place = Place::Mix { layer: 2 };
const LAYER_3: Place = Place::Mix { layer: 3 };

/// Whether a node in `from` sends packets to a node in `to`. Clients and entries are not asked about here.
#[must_use]
pub const fn may_link(from: Place, to: Place) -> bool {
    matches!(
        (from, to),
        (Place::Entry | Place::Mailbox, LAYER_1)
            | (LAYER_1, LAYER_2)
            | (LAYER_2, LAYER_3)
            | (LAYER_3, Place::Entry | Place::Mailbox)
    )
}

/// A client's route to a mailbox: entry, three mixes, mailbox.
///
/// # Errors
/// See [`RouteError`].
pub fn forward_route(
    consensus: &Consensus,
    entry: &NodeId,
    mailbox: &NodeId,
    epoch: u64,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Hop>, RouteError> {
    let first = known(consensus, entry, Place::Entry, epoch)?;
    let last = known(consensus, mailbox, Place::Mailbox, epoch)?;
    let [a, b, c] = drawn(consensus, [LAYER_1, LAYER_2, LAYER_3], epoch, rng)?;
    Ok(vec![first, a, b, c, last])
}

/// A reply's route from a mailbox to a client's entry: three mixes, entry.
///
/// # Errors
/// See [`RouteError`].
pub fn reply_route(
    consensus: &Consensus,
    entry: &NodeId,
    epoch: u64,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Hop>, RouteError> {
    let last = known(consensus, entry, Place::Entry, epoch)?;
    let [a, b, c] = drawn(consensus, [LAYER_1, LAYER_2, LAYER_3], epoch, rng)?;
    Ok(vec![a, b, c, last])
}

/// A client's route to itself: entry, three mixes, the same entry.
///
/// # Errors
/// See [`RouteError`].
pub fn loop_route(
    consensus: &Consensus,
    entry: &NodeId,
    epoch: u64,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Hop>, RouteError> {
    let both = known(consensus, entry, Place::Entry, epoch)?;
    let [a, b, c] = drawn(consensus, [LAYER_1, LAYER_2, LAYER_3], epoch, rng)?;
    Ok(vec![both, a, b, c, both])
}

/// A node's route to itself, once around the layers: three hops and the node.
///
/// # Errors
/// See [`RouteError`].
pub fn mix_loop_route(
    consensus: &Consensus,
    own: &NodeId,
    epoch: u64,
    rng: &mut impl CryptoRng,
) -> Result<Vec<Hop>, RouteError> {
    let place = consensus.node(own).ok_or(RouteError::UnknownNode(*own))?.place;
    let around = match place {
        LAYER_1 => [LAYER_2, LAYER_3, Place::Entry],
        LAYER_2 => [LAYER_3, Place::Entry, LAYER_1],
        LAYER_3 => [Place::Entry, LAYER_1, LAYER_2],
        Place::Entry | Place::Mailbox | Place::Mix { .. } => [LAYER_1, LAYER_2, LAYER_3],
    };
    let last = known(consensus, own, place, epoch)?;
    let [a, b, c] = drawn(consensus, around, epoch, rng)?;
    Ok(vec![a, b, c, last])
}

fn known(consensus: &Consensus, node: &NodeId, place: Place, epoch: u64) -> Result<Hop, RouteError> {
    let listed = consensus.node(node).ok_or(RouteError::UnknownNode(*node))?;
    if listed.place != place {
        let needed = match place {
            Place::Entry => "entry",
            Place::Mix { .. } => "mix",
            Place::Mailbox => "mailbox",
        };
        return Err(RouteError::WrongPlace { node: *node, needed });
    }
    listed.hop(epoch).ok_or(RouteError::NoKey { node: *node, epoch })
}

fn drawn(
    consensus: &Consensus,
    places: [Place; 3],
    epoch: u64,
    rng: &mut impl CryptoRng,
) -> Result<[Hop; 3], RouteError> {
    let mut draw = |place| {
        let hops: Vec<Hop> = consensus.at(place).filter_map(|node| node.hop(epoch)).collect();
        hops.choose(rng)
            .copied()
            .ok_or(RouteError::EmptyPlace { place, epoch })
    };
    let [a, b, c] = places;
    Ok([draw(a)?, draw(b)?, draw(c)?])
}
