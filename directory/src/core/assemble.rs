//! From descriptors to a consensus: who is in it, and in which layer. Pure; signing is the caller's.

use std::collections::BTreeMap;

use sotto_protocol::directory::{
    Consensus, ConsensusNode, Descriptor, Place, Role, assign_layers, epoch_start,
};
use sotto_protocol::ident::NodeId;

use super::config::{AuthorityConfig, Bootstrap};
use super::descriptors::{Descriptors, count};
use super::refusal::Unsigned;

/// The consensus for `epoch`, if there are at least as many nodes as `needed`.
pub(super) fn assemble(
    config: &AuthorityConfig,
    descriptors: &Descriptors,
    needed: Bootstrap,
    epoch: u64,
    randomness: [u8; 32],
) -> Result<Consensus, Unsigned> {
    let found = count(descriptors.with_key_for(epoch));
    let enough =
        found.entries >= needed.entries && found.mixes >= needed.mixes && found.mailboxes >= needed.mailboxes;
    if !enough {
        return Err(Unsigned::TooFewNodes { found, needed });
    }
    let mixes: Vec<NodeId> = descriptors
        .with_key_for(epoch)
        .filter(|descriptor| descriptor.role == Role::Mix)
        .map(|descriptor| descriptor.node)
        .collect();
    let layers: BTreeMap<NodeId, u8> = assign_layers(&randomness, &mixes).into_iter().collect();
    let nodes =
        descriptors.with_key_for(epoch).filter_map(|descriptor| node(descriptor, epoch, &layers)).collect();
    let consensus = Consensus {
        network: config.network.clone(),
        epoch,
        valid_after: epoch_start(epoch, config.params.epoch_s),
        valid_until: epoch_start(epoch.saturating_add(1), config.params.epoch_s),
        randomness,
        params: config.params.clone(),
        nodes,
    };
    consensus.validate().map_err(Unsigned::Invalid)?;
    Ok(consensus)
}

fn node(descriptor: &Descriptor, epoch: u64, layers: &BTreeMap<NodeId, u8>) -> Option<ConsensusNode> {
    let place = match descriptor.role {
        Role::Entry => Place::Entry,
        Role::Mix => Place::Mix { layer: *layers.get(&descriptor.node)? },
        Role::Mailbox => Place::Mailbox,
    };
    Some(ConsensusNode {
        node: descriptor.node,
        place,
        address: descriptor.address.clone(),
        onion_address: descriptor.onion_address.clone(),
        // Nobody makes packets for an epoch that is over.
        hop_keys: descriptor.hop_keys.iter().filter(|key| key.epoch >= epoch).copied().collect(),
    })
}
