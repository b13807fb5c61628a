//! Example documents for tests: valid ones, which each test then spoils in one way.

use zeroize::Zeroizing;

use super::{
    AuthorityEntry, Consensus, ConsensusNode, Descriptor, EpochKey, NetworkInfo, Params, Place, Role,
    epoch_start,
};
use crate::ident::{NodeId, NodeSecret};
use crate::sphinx::HopPublic;

pub(crate) const EPOCH: u64 = 500_000;

pub(crate) fn secret(number: u8) -> NodeSecret {
    NodeSecret::from_seed(&Zeroizing::new([number; 32]))
}

/// Keys for the epoch and the next.
pub(crate) fn hop_keys(number: u8) -> Vec<EpochKey> {
    [EPOCH, EPOCH + 1].map(|epoch| EpochKey { epoch, key: HopPublic::from_bytes([number; 32]) }).to_vec()
}

pub(crate) fn descriptor(number: u8) -> Descriptor {
    Descriptor {
        network: "demo".to_owned(),
        node: secret(number).id(),
        role: Role::Mix,
        address: "127.0.0.1:9001".to_owned(),
        onion_address: Some(format!("{}.onion:9001", "a2".repeat(28))),
        hop_keys: hop_keys(number),
        published: epoch_start(EPOCH, 3600),
        software: "sotto-mix 0.1.0".to_owned(),
        capabilities: vec!["bridge".to_owned(), "digest".to_owned()],
    }
}

/// A consensus of `per_place` entries, mixes of each layer, and mailboxes.
pub(crate) fn consensus(per_place: u8) -> Consensus {
    let places = [
        Place::Entry,
        Place::Mix { layer: 1 },
        Place::Mix { layer: 2 },
        Place::Mix { layer: 3 },
        Place::Mailbox,
    ];
    let mut nodes: Vec<ConsensusNode> = places
        .iter()
        .flat_map(|place| std::iter::repeat_n(*place, per_place.into()))
        .zip(1..)
        .map(|(place, number)| ConsensusNode {
            node: secret(number).id(),
            place,
            address: format!("127.0.0.1:{}", 9000 + u16::from(number)),
            onion_address: None,
            hop_keys: hop_keys(number),
        })
        .collect();
    nodes.sort_unstable_by_key(|node| node.node);
    Consensus {
        network: "demo".to_owned(),
        epoch: EPOCH,
        valid_after: epoch_start(EPOCH, 3600),
        valid_until: epoch_start(EPOCH + 1, 3600),
        randomness: [7; 32],
        params: Params::default(),
        nodes,
    }
}

/// A network of three authorities, of which two must sign: secrets 101, 102 and 103. The first has an onion service.
pub(crate) fn network() -> NetworkInfo {
    let authorities = [101, 102, 103].map(|number| AuthorityEntry {
        key: secret(number).id(),
        address: format!("127.0.0.1:{number}"),
        onion_address: (number == 101).then(|| format!("{}.onion:9001", "a2".repeat(28))),
    });
    NetworkInfo { network: "demo".to_owned(), authorities: authorities.to_vec(), threshold: 2, epoch_s: 3600 }
}

pub(crate) fn only(consensus: &Consensus, place: Place) -> Vec<NodeId> {
    consensus.at(place).map(|node| node.node).collect()
}
