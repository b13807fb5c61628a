//! Which nodes a mailbox may hear from and answer through: the last and the first mix layer of the
//! consensus, and of the one before it for as long as that is within its grace.
//!
//! Also the dummies on the links to the first layer: a Poisson process for each.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rand::CryptoRng;
use sotto_protocol::directory::{Consensus, Freshness};
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::draw_exponential;
use sotto_protocol::time::Timestamp;

use super::DropReason;
use super::limits::DUMMY_LAG_MAX;

/// The mix layer that packets come from.
const LAYER_BEFORE: u8 = 3;
/// The mix layer that replies go to.
const LAYER_AFTER: u8 = 1;

/// The parts of the network that a mailbox has to do with.
#[derive(Debug, Default)]
pub(super) struct Neighbours {
    current: Option<Arc<Consensus>>,
    previous: Option<Arc<Consensus>>,
    dummies: BTreeMap<NodeId, Timestamp>,
    is_quiet: bool,
}

impl Neighbours {
    /// Takes a consensus up, if it is newer than the one held; the one held becomes the previous.
    pub(super) fn update(&mut self, now: Timestamp, consensus: Arc<Consensus>, rng: &mut impl CryptoRng) {
        if self.current.as_ref().is_some_and(|held| held.epoch >= consensus.epoch) {
            return;
        }
        let mean = dummy_interval(&consensus);
        let links: Vec<NodeId> = consensus.layer(LAYER_AFTER).map(|node| node.node).collect();
        self.dummies.retain(|node, _| links.contains(node));
        if !mean.is_zero() && !self.is_quiet {
            for node in links {
                self.dummies.entry(node).or_insert_with(|| now + draw_exponential(mean, rng));
            }
        }
        self.previous = self.current.replace(consensus);
    }

    /// The newest consensus, if it is not past its grace.
    pub(super) fn consensus(&self, now: Timestamp) -> Result<&Consensus, DropReason> {
        let current = self.current.as_deref().ok_or(DropReason::NoConsensus)?;
        if usable(current, now) { Ok(current) } else { Err(DropReason::ConsensusExpired) }
    }

    /// The nodes that replies may go to, with their addresses; where the two consensuses differ in an address,
    /// the newer one's.
    pub(super) fn links(&self, now: Timestamp) -> BTreeMap<NodeId, String> {
        let mut links = BTreeMap::new();
        for consensus in self.usable_consensuses(now) {
            for node in consensus.layer(LAYER_AFTER) {
                links.entry(node.node).or_insert_with(|| node.address.clone());
            }
        }
        links
    }

    /// Whether packets may come from `node`.
    pub(super) fn may_send(&self, now: Timestamp, node: &NodeId) -> bool {
        self.is_in_layer(now, LAYER_BEFORE, node)
    }

    /// Whether replies may go to `node`.
    pub(super) fn may_receive(&self, now: Timestamp, node: &NodeId) -> bool {
        self.is_in_layer(now, LAYER_AFTER, node)
    }

    fn is_in_layer(&self, now: Timestamp, layer: u8, node: &NodeId) -> bool {
        self.usable_consensuses(now)
            .any(|consensus| consensus.layer(layer).any(|member| member.node == *node))
    }

    /// The consensuses that count, newest first.
    fn usable_consensuses(&self, now: Timestamp) -> impl Iterator<Item = &Consensus> {
        let both = [self.current.as_deref(), self.previous.as_deref()];
        both.into_iter().flatten().filter(move |consensus| usable(consensus, now))
    }

    /// When the next dummy is due.
    pub(super) fn next_dummy(&self) -> Timestamp {
        self.dummies.values().min().copied().unwrap_or(Timestamp::NEVER)
    }

    /// The links on which a dummy is due, each once for each dummy; sets the next ones.
    pub(super) fn due_dummies(&mut self, now: Timestamp, rng: &mut impl CryptoRng) -> Vec<NodeId> {
        let mean = self.current.as_ref().map_or(Duration::ZERO, |consensus| dummy_interval(consensus));
        let mut due = Vec::new();
        for (node, at) in &mut self.dummies {
            if now.since(*at) > DUMMY_LAG_MAX {
                *at = now;
            }
            while *at <= now {
                due.push(*node);
                // At least a microsecond, so that the loop ends.
                *at = *at + draw_exponential(mean, rng).max(Duration::from_micros(1));
            }
        }
        due
    }

    /// Stops the dummies for good.
    pub(super) fn quiesce(&mut self) {
        self.is_quiet = true;
        self.dummies.clear();
    }
}

fn usable(consensus: &Consensus, now: Timestamp) -> bool {
    consensus.freshness(now) != Freshness::Expired
}

fn dummy_interval(consensus: &Consensus) -> Duration {
    Duration::from_millis(u64::from(consensus.params.link_dummy_interval_ms_mean))
}
