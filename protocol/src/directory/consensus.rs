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
        Some(Hop {
            node: self.node,
            key: key.key,
        })
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
        self.nodes
            .iter()
            .filter(move |node| super::may_link(place, node.place))
    }

    /// The cover class of that name, and the index by which a client asks its entry for it.
    #[must_use]
    pub fn class(&self, name: &str) -> Option<(u8, &CoverClass)> {
        let (index, class) = self
            .params
            .classes
            .iter()
            .enumerate()
            .find(|(_, class)| class.name == name)?;
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
