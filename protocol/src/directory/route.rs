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

/// A client's route to a mailbox whose onion service it is connected to, and the route of the answer: that mailbox and
/// nobody else.
///
/// # Errors
/// See [`RouteError`].
pub fn direct_route(consensus: &Consensus, mailbox: &NodeId, epoch: u64) -> Result<Vec<Hop>, RouteError> {
    Ok(vec![known(consensus, mailbox, Place::Mailbox, epoch)?])
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
        hops.choose(rng).copied().ok_or(RouteError::EmptyPlace { place, epoch })
    };
    let [a, b, c] = places;
    Ok([draw(a)?, draw(b)?, draw(c)?])
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::super::testing::{EPOCH, consensus, only, secret};
    use super::*;

    const PER_PLACE: u8 = 4;

    fn places(consensus: &Consensus, route: &[Hop]) -> Vec<Place> {
        route.iter().map(|hop| consensus.node(&hop.node).unwrap().place).collect()
    }

    fn assert_legal(places: &[Place]) {
        for link in places.windows(2) {
            assert!(may_link(link[0], link[1]), "{places:?}");
        }
    }

    #[test]
    fn exactly_the_links_of_the_topology_are_legal() {
        let all = [Place::Entry, LAYER_1, LAYER_2, LAYER_3, Place::Mailbox];
        let legal: Vec<(usize, usize)> = (0..5)
            .flat_map(|from| (0..5).map(move |to| (from, to)))
            .filter(|(from, to)| may_link(all[*from], all[*to]))
            .collect();
        assert_eq!(legal, [(0, 1), (1, 2), (2, 3), (3, 0), (3, 4), (4, 1)]);
    }

    #[test]
    fn clients_routes_are_legal_and_end_where_they_should() {
        let consensus = consensus(PER_PLACE);
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let (entry, mailbox) = (only(&consensus, Place::Entry)[1], only(&consensus, Place::Mailbox)[2]);
        for _ in 0..200 {
            let forward = forward_route(&consensus, &entry, &mailbox, EPOCH, rng).unwrap();
            let reply = reply_route(&consensus, &entry, EPOCH, rng).unwrap();
            let around = loop_route(&consensus, &entry, EPOCH, rng).unwrap();
            assert_eq!((forward.len(), reply.len(), around.len()), (5, 4, 5));
            assert_eq!((forward[0].node, forward[4].node), (entry, mailbox));
            assert_eq!(reply[3].node, entry);
            assert_eq!((around[0].node, around[4].node), (entry, entry));
            assert_legal(&places(&consensus, &forward));
            assert_legal(&[&[Place::Mailbox], &places(&consensus, &reply)[..]].concat());
            assert_legal(&places(&consensus, &around));
        }
    }

    #[test]
    fn a_direct_route_is_the_mailbox_and_nobody_else() {
        let consensus = consensus(PER_PLACE);
        let (entry, mailbox) = (only(&consensus, Place::Entry)[0], only(&consensus, Place::Mailbox)[2]);
        let route = direct_route(&consensus, &mailbox, EPOCH).unwrap();
        assert_eq!(route, [consensus.hop(&mailbox, EPOCH).unwrap()]);
        let label = |result: Result<Vec<Hop>, RouteError>| result.unwrap_err().label();
        assert_eq!(label(direct_route(&consensus, &entry, EPOCH)), "route-wrong-place");
        assert_eq!(label(direct_route(&consensus, &secret(99).id(), EPOCH)), "route-unknown-node");
        assert_eq!(label(direct_route(&consensus, &mailbox, EPOCH + 2)), "route-no-key");
    }

    #[test]
    fn every_nodes_loop_is_legal_and_comes_back() {
        let consensus = consensus(PER_PLACE);
        let rng = &mut ChaCha20Rng::seed_from_u64(2);
        for own in &consensus.nodes {
            let around = mix_loop_route(&consensus, &own.node, EPOCH, rng).unwrap();
            assert_eq!(around.len(), 4);
            assert_eq!(around[3].node, own.node);
            assert_legal(&[&[own.place], &places(&consensus, &around)[..]].concat());
        }
    }

    #[test]
    fn routes_use_the_keys_of_their_epoch() {
        let mut consensus = consensus(1);
        for node in &mut consensus.nodes {
            node.hop_keys[1].key = crate::sphinx::HopPublic::from_bytes([0xee; 32]);
        }
        let rng = &mut ChaCha20Rng::seed_from_u64(3);
        let entry = only(&consensus, Place::Entry)[0];
        let now = loop_route(&consensus, &entry, EPOCH, rng).unwrap();
        let next = loop_route(&consensus, &entry, EPOCH + 1, rng).unwrap();
        assert!(now.iter().all(|hop| hop.key.as_bytes() != &[0xee; 32]));
        assert!(next.iter().all(|hop| hop.key.as_bytes() == &[0xee; 32]));
    }

    #[test]
    fn each_mix_is_drawn_as_often_and_layers_are_independent() {
        // 6400 routes over 4 x 4 x 4 ways, expected 100 each: with 63 degrees of freedom chi-square is over
        // 112 once in 10,000 seeds. The seed is fixed, so the test always gives the same answer.
        let consensus = consensus(PER_PLACE);
        let rng = &mut ChaCha20Rng::seed_from_u64(4);
        let entry = only(&consensus, Place::Entry)[0];
        let layers = [LAYER_1, LAYER_2, LAYER_3].map(|layer| only(&consensus, layer));
        let mut counts = [0u32; 64];
        for _ in 0..6400 {
            let route = reply_route(&consensus, &entry, EPOCH, rng).unwrap();
            let way = (0..3).fold(0, |way, i| {
                way * 4 + layers[i].iter().position(|node| *node == route[i].node).unwrap()
            });
            counts[way] += 1;
        }
        let chi: f64 = counts.iter().map(|count| (f64::from(*count) - 100.0).powi(2) / 100.0).sum();
        assert!(chi < 112.0, "{chi}");
    }

    #[test]
    fn one_seed_gives_one_route() {
        let consensus = consensus(PER_PLACE);
        let entry = only(&consensus, Place::Entry)[0];
        let route =
            |seed| loop_route(&consensus, &entry, EPOCH, &mut ChaCha20Rng::seed_from_u64(seed)).unwrap();
        assert_eq!(route(5), route(5));
        assert_ne!(route(5), route(6));
    }

    #[test]
    fn a_node_without_a_key_for_the_epoch_is_not_drawn() {
        let mut consensus = consensus(2);
        let [without, with] = only(&consensus, LAYER_2)[..] else { panic!() };
        consensus.nodes.iter_mut().find(|node| node.node == without).unwrap().hop_keys.remove(1);
        let rng = &mut ChaCha20Rng::seed_from_u64(7);
        let entry = only(&consensus, Place::Entry)[0];
        for _ in 0..50 {
            assert_eq!(reply_route(&consensus, &entry, EPOCH + 1, rng).unwrap()[1].node, with);
        }
    }

    #[test]
    fn a_route_that_cannot_be_is_refused_by_name() {
        let full = consensus(1);
        let rng = &mut ChaCha20Rng::seed_from_u64(8);
        let (entry, mailbox) = (only(&full, Place::Entry)[0], only(&full, Place::Mailbox)[0]);
        let stranger = secret(99).id();
        let label = |result: Result<Vec<Hop>, RouteError>| result.unwrap_err().label();
        assert_eq!(label(forward_route(&full, &stranger, &mailbox, EPOCH, rng)), "route-unknown-node");
        assert_eq!(label(mix_loop_route(&full, &stranger, EPOCH, rng)), "route-unknown-node");
        assert_eq!(label(forward_route(&full, &mailbox, &entry, EPOCH, rng)), "route-wrong-place");
        assert_eq!(label(forward_route(&full, &entry, &entry, EPOCH, rng)), "route-wrong-place");
        assert_eq!(label(reply_route(&full, &entry, EPOCH + 2, rng)), "route-no-key");
        let mut empty = full;
        empty.nodes.retain(|node| node.place != LAYER_3);
        assert_eq!(label(reply_route(&empty, &entry, EPOCH, rng)), "route-empty-place");
    }
}
