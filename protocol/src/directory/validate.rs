//! The checks that both kinds of document share, and those of a whole consensus.

use super::address::{is_address, is_name, is_onion_address};
use super::{Consensus, DocumentRefusal, EpochKey, LAYERS, Place, epoch_of, epoch_start};
use crate::limits::{EPOCH_KEYS_MAX, NODES_MAX};

pub(super) fn check_name(field: &'static str, text: &str) -> Result<(), DocumentRefusal> {
    if is_name(text) { Ok(()) } else { Err(DocumentRefusal::Text { field }) }
}

pub(super) fn check_addresses(address: &str, onion_address: Option<&str>) -> Result<(), DocumentRefusal> {
    if !is_address(address) {
        return Err(DocumentRefusal::Address { address: address.to_owned() });
    }
    match onion_address {
        Some(onion) if !is_onion_address(onion) => {
            Err(DocumentRefusal::Address { address: onion.to_owned() })
        }
        _ => Ok(()),
    }
}

pub(super) fn check_hop_keys(keys: &[EpochKey]) -> Result<(), DocumentRefusal> {
    if keys.is_empty() || keys.len() > EPOCH_KEYS_MAX {
        return Err(DocumentRefusal::HopKeyCount { count: keys.len(), count_max: EPOCH_KEYS_MAX });
    }
    let unsorted = keys.iter().zip(keys.iter().skip(1)).find(|(a, b)| a.epoch >= b.epoch);
    match unsorted {
        Some((_, key)) => Err(DocumentRefusal::HopKeyOrder { epoch: key.epoch }),
        None => Ok(()),
    }
}

/// All checks of a consensus but its signatures and whose network it is.
pub(super) fn check_consensus(consensus: &Consensus) -> Result<(), DocumentRefusal> {
    check_name("name of the network", &consensus.network)?;
    consensus.params.validate()?;
    check_validity(consensus)?;
    check_nodes(consensus)?;
    check_places(consensus)
}

fn check_validity(consensus: &Consensus) -> Result<(), DocumentRefusal> {
    let epoch_s = consensus.params.epoch_s;
    let in_epoch = epoch_of(consensus.valid_after, epoch_s) == consensus.epoch
        && consensus.valid_after < consensus.valid_until
        && consensus.valid_until <= epoch_start(consensus.epoch.saturating_add(1), epoch_s);
    if in_epoch { Ok(()) } else { Err(DocumentRefusal::Validity { epoch: consensus.epoch }) }
}

fn check_nodes(consensus: &Consensus) -> Result<(), DocumentRefusal> {
    let nodes = &consensus.nodes;
    if nodes.is_empty() || nodes.len() > NODES_MAX {
        return Err(DocumentRefusal::NodeCount { count: nodes.len(), count_max: NODES_MAX });
    }
    if let Some((_, second)) = nodes.iter().zip(nodes.iter().skip(1)).find(|(a, b)| a.node >= b.node) {
        return Err(DocumentRefusal::NodeOrder { node: second.node });
    }
    for node in nodes {
        check_addresses(&node.address, node.onion_address.as_deref())?;
        check_hop_keys(&node.hop_keys)?;
        if let Place::Mix { layer } = node.place
            && !(1..=LAYERS).contains(&layer)
        {
            return Err(DocumentRefusal::LayerOutOfRange { node: node.node, layer });
        }
    }
    Ok(())
}

fn check_places(consensus: &Consensus) -> Result<(), DocumentRefusal> {
    let needed = [
        (Place::Entry, "entry"),
        (Place::Mix { layer: 1 }, "layer 1"),
        (Place::Mix { layer: 2 }, "layer 2"),
        (Place::Mix { layer: 3 }, "layer 3"),
        (Place::Mailbox, "mailbox"),
    ];
    for (place, name) in needed {
        if !consensus.nodes.iter().any(|node| node.place == place) {
            return Err(DocumentRefusal::MissingLayer { place: name });
        }
    }
    Ok(())
}
