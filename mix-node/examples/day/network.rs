//! The made-up network around the node: two of every kind, with a key of their own in each hour.

use sotto_protocol::directory::{Consensus, ConsensusNode, EpochKey, Params, Place, epoch_start};
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{Hop, HopPublic, HopSecret};
use zeroize::Zeroizing;

/// The length of an epoch.
pub const EPOCH_S: u32 = 3_600;
/// The node that all this is about, an entry.
pub const ENTRY: u8 = 1;
/// The first node of layer 1; the other follows it.
pub const LAYER_1: u8 = 11;
/// The same of layer 3.
pub const LAYER_3: u8 = 31;

const OTHERS: [u8; 9] = [2, LAYER_1, LAYER_1 + 1, 21, 22, LAYER_3, LAYER_3 + 1, 41, 42];

/// The name of a node.
pub fn node(number: u8) -> NodeId {
    NodeId::from_bytes([number; 32])
}

/// The key of another node.
pub fn secret(node: &NodeId, epoch: u64) -> HopSecret {
    let mut bytes = *node.as_bytes();
    bytes[8..16].copy_from_slice(&epoch.to_le_bytes());
    HopSecret::from_bytes(Zeroizing::new(bytes))
}

/// Another node as a hop.
pub fn hop(number: u8, epoch: u64) -> Hop {
    Hop { node: node(number), key: secret(&node(number), epoch).public() }
}

/// The consensus of an epoch. `own` are the keys that the node announced.
pub fn consensus(epoch: u64, own: &[(u64, HopPublic)], params: &Params) -> Consensus {
    let listed = |number: u8, hop_keys: Vec<EpochKey>| ConsensusNode {
        node: node(number),
        place: match number {
            LAYER_1..21 => Place::Mix { layer: 1 },
            21..LAYER_3 => Place::Mix { layer: 2 },
            LAYER_3..41 => Place::Mix { layer: 3 },
            41.. => Place::Mailbox,
            _ => Place::Entry,
        },
        address: format!("192.0.2.{number}:9000"),
        onion_address: None,
        hop_keys,
    };
    let own = own.iter().filter(|(own_epoch, _)| *own_epoch >= epoch);
    let mut nodes =
        vec![listed(ENTRY, own.map(|(epoch, key)| EpochKey { epoch: *epoch, key: *key }).collect())];
    nodes.extend(OTHERS.map(|number| {
        let key = |epoch| EpochKey { epoch, key: secret(&node(number), epoch).public() };
        listed(number, [epoch, epoch + 1].map(key).to_vec())
    }));
    Consensus {
        network: "day".to_owned(),
        epoch,
        valid_after: epoch_start(epoch, EPOCH_S),
        valid_until: epoch_start(epoch + 1, EPOCH_S),
        randomness: [7; 32],
        params: params.clone(),
        nodes,
    }
}
