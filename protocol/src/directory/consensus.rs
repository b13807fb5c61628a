//! The consensus: all that clients and nodes know of their network in one epoch.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::validate::check_consensus;
use super::{CoverClass, DocumentRefusal, EpochKey, Freshness, Params};
use crate::codec;
use crate::ident::NodeId;
use crate::sphinx::Hop;
use crate::time::Timestamp;

/// Where in the network's layers a node works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Place {
    /// The layer that clients connect to.
    Entry,
    /// A mix layer.
    Mix {
        /// From 1 to 3.
        layer: u8,
    },
    /// Behind the last layer.
    Mailbox,
}

/// A node as the consensus lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsensusNode {
    /// Its name.
    pub node: NodeId,
    /// Its place.
    pub place: Place,
    /// Where it listens, `host:port`.
    #[serde(deserialize_with = "codec::text")]
    pub address: String,
    /// Where it listens as an onion service, if it does.
    #[serde(deserialize_with = "codec::optional_text")]
    pub onion_address: Option<String>,
    /// Its Sphinx keys for this and the next epochs, sorted by epoch.
    #[serde(deserialize_with = "codec::list")]
    pub hop_keys: Vec<EpochKey>,
}

impl ConsensusNode {
    /// The node as a hop of a packet that travels in `epoch`, if it has announced a key for it.
    #[must_use]
    pub fn hop(&self, epoch: u64) -> Option<Hop> {
        let key = self.hop_keys.iter().find(|key| key.epoch == epoch)?;
        Some(Hop { node: self.node, key: key.key })
    }
}

/// The network in one epoch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consensus {
    /// The network's name.
    #[serde(deserialize_with = "codec::text")]
    pub network: String,
    /// The epoch that it was made for.
    pub epoch: u64,
    /// From when it is to be used.
    pub valid_after: Timestamp,
    /// Until when it is to be used; a grace follows, see [`Consensus::freshness`].
    pub valid_until: Timestamp,
    /// What the layers were drawn from, see [`super::assign_layers`].
    pub randomness: [u8; 32],
    /// Delays, rates and lengths.
    pub params: Params,
    /// The nodes, sorted by name, each once.
    #[serde(deserialize_with = "codec::list")]
    pub nodes: Vec<ConsensusNode>,
}

impl Consensus {
    /// Checks all but the signatures and whose network it is.
    ///
    /// # Errors
    /// The [`DocumentRefusal`] of the first check that fails.
    pub fn validate(&self) -> Result<(), DocumentRefusal> {
        check_consensus(self)
    }

    /// The node of that name.
    #[must_use]
    pub fn node(&self, node: &NodeId) -> Option<&ConsensusNode> {
        self.nodes.iter().find(|listed| listed.node == *node)
    }

    /// The node of that name as a hop of a packet that travels in `epoch`.
    #[must_use]
    pub fn hop(&self, node: &NodeId, epoch: u64) -> Option<Hop> {
        self.node(node)?.hop(epoch)
    }

    /// The nodes in `place`, sorted by name.
    pub fn at(&self, place: Place) -> impl Iterator<Item = &ConsensusNode> {
        self.nodes.iter().filter(move |node| node.place == place)
    }

    /// The entries.
    pub fn entries(&self) -> impl Iterator<Item = &ConsensusNode> {
        self.at(Place::Entry)
    }

    /// The mixes of a layer, from 1 to 3.
    pub fn layer(&self, layer: u8) -> impl Iterator<Item = &ConsensusNode> {
        self.at(Place::Mix { layer })
    }

    /// The mailboxes.
    pub fn mailboxes(&self) -> impl Iterator<Item = &ConsensusNode> {
        self.at(Place::Mailbox)
    }

    /// The nodes that a node in `place` sends packets to.
    pub fn next_hops(&self, place: Place) -> impl Iterator<Item = &ConsensusNode> {
        self.nodes.iter().filter(move |node| super::may_link(place, node.place))
    }

    /// The cover class of that name, and the index by which a client asks its entry for it.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<(u8, &CoverClass)> {
        let (index, class) = self.params.classes.iter().enumerate().find(|(_, class)| class.name == name)?;
        Some((u8::try_from(index).ok()?, class))
    }

    /// How it stands to the present.
    #[must_use]
    pub fn freshness(&self, now: Timestamp) -> Freshness {
        if now < self.valid_after {
            Freshness::NotYet
        } else if now < self.valid_until {
            Freshness::Fresh
        } else if now < self.valid_until + Duration::from_secs(self.params.grace_s.into()) {
            Freshness::Grace
        } else {
            Freshness::Expired
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{EPOCH, consensus, hop_keys, only, secret};
    use super::*;
    use crate::limits::NODES_MAX;

    /// The label with which a consensus is refused that was spoiled.
    fn refused(spoil: impl FnOnce(&mut Consensus)) -> &'static str {
        let mut spoiled = consensus(1);
        spoil(&mut spoiled);
        spoiled.validate().unwrap_err().label()
    }

    #[test]
    fn nodes_are_found_by_name_and_place() {
        let consensus = consensus(2);
        assert_eq!(consensus.validate(), Ok(()));
        assert_eq!(consensus.entries().count(), 2);
        assert_eq!(consensus.mailboxes().count(), 2);
        for layer in 1..=3 {
            assert!(consensus.layer(layer).all(|node| node.place == Place::Mix { layer }));
            assert_eq!(consensus.layer(layer).count(), 2);
        }
        let entry = only(&consensus, Place::Entry)[0];
        assert_eq!(consensus.node(&entry).unwrap().place, Place::Entry);
        assert_eq!(consensus.node(&secret(99).id()), None);
        assert_eq!(consensus.hop(&entry, EPOCH + 1).unwrap().node, entry);
        assert_eq!(consensus.hop(&entry, EPOCH + 2), None);
        assert_eq!(consensus.next_hops(Place::Mix { layer: 3 }).count(), 4, "entries and mailboxes");
    }

    #[test]
    fn classes_are_found_by_name() {
        let consensus = consensus(1);
        assert_eq!(consensus.class("frugal"), Some((1, &consensus.params.classes[1])));
        assert_eq!(consensus.class("lavish"), None);
    }

    #[test]
    fn it_goes_from_not_yet_over_fresh_and_grace_to_expired() {
        let mut consensus = consensus(1);
        consensus.params.grace_s = 60;
        let tick = Duration::from_micros(1);
        let grace_end = consensus.valid_until + Duration::from_secs(60);
        for (now, expected) in [
            (consensus.valid_after - tick, Freshness::NotYet),
            (consensus.valid_after, Freshness::Fresh),
            (consensus.valid_until - tick, Freshness::Fresh),
            (consensus.valid_until, Freshness::Grace),
            (grace_end - tick, Freshness::Grace),
            (grace_end, Freshness::Expired),
            (Timestamp::NEVER, Freshness::Expired),
        ] {
            assert_eq!(consensus.freshness(now), expected, "{now:?}");
            let usable = matches!(expected, Freshness::Fresh | Freshness::Grace);
            assert_eq!(expected.is_usable(), usable);
        }
    }

    #[test]
    fn nodes_are_sorted_and_each_occurs_once() {
        assert_eq!(refused(|c| c.nodes.reverse()), "node-order");
        assert_eq!(refused(|c| c.nodes.insert(1, c.nodes[0].clone())), "node-order");
    }

    #[test]
    fn there_are_nodes_but_not_too_many() {
        assert_eq!(refused(|c| c.nodes.clear()), "node-count");
        assert_eq!(refused(|c| c.nodes = vec![c.nodes[0].clone(); NODES_MAX + 1]), "node-count");
    }

    #[test]
    fn layers_are_one_to_three() {
        for layer in [0, 4, u8::MAX] {
            assert_eq!(refused(|c| c.nodes[2].place = Place::Mix { layer }), "layer-out-of-range");
        }
    }

    #[test]
    fn no_place_is_empty() {
        for missing in 1..=5 {
            let without = |c: &mut Consensus| c.nodes.retain(|node| node.node != secret(missing).id());
            assert_eq!(refused(without), "missing-layer");
        }
    }

    #[test]
    fn every_node_has_an_address_and_keys() {
        assert_eq!(refused(|c| c.nodes[0].address = "nowhere".to_owned()), "address");
        assert_eq!(refused(|c| c.nodes[0].onion_address = Some("a.onion:1".to_owned())), "address");
        assert_eq!(refused(|c| c.nodes[0].hop_keys.clear()), "hop-key-count");
        assert_eq!(refused(|c| c.nodes[0].hop_keys = hop_keys(1).repeat(3)), "hop-key-count");
        assert_eq!(refused(|c| c.nodes[0].hop_keys = hop_keys(1).repeat(2)), "hop-key-order");
    }

    #[test]
    fn it_is_valid_within_its_epoch() {
        let hour = Duration::from_secs(3600);
        let tick = Duration::from_micros(1);
        assert_eq!(refused(|c| c.epoch += 1), "validity");
        assert_eq!(refused(|c| c.valid_after = c.valid_after - tick), "validity");
        assert_eq!(refused(|c| c.valid_after = c.valid_after + hour), "validity");
        assert_eq!(refused(|c| c.valid_until = c.valid_after), "validity");
        assert_eq!(refused(|c| c.valid_until = c.valid_until + tick), "validity");
    }

    #[test]
    fn its_name_and_parameters_are_checked() {
        assert_eq!(refused(|c| c.network = "d\u{e9}mo".to_owned()), "text");
        assert_eq!(refused(|c| c.params.replicas = 0), "parameter-out-of-range");
    }
}
