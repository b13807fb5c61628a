//! Which mix is in which layer, from the epoch's shared randomness.
//!
//! Everybody who knows the randomness and the mixes computes the same assignment; nobody who does not
//! know the randomness can choose an identity that falls into a given layer.

use sha2::{Digest, Sha256};

use crate::ident::NodeId;

/// Mix layers between entry and mailbox, numbered from 1.
pub const LAYERS: u8 = 3;

const CONTEXT: &[u8] = b"sotto layers v1\0";

/// Assigns each mix a layer from 1 to [`LAYERS`], sorted by mix.
///
/// The mixes are ranked by SHA-256(context || randomness || mix) and dealt out in turn, so the sizes of
/// two layers differ by one at most. The order of `mixes` does not matter; a mix that occurs twice counts once.
#[must_use]
pub fn assign_layers(randomness: &[u8; 32], mixes: &[NodeId]) -> Vec<(NodeId, u8)> {
    let mut ranked: Vec<([u8; 32], NodeId)> = mixes
        .iter()
        .map(|mix| {
            let hash = Sha256::new()
                .chain_update(CONTEXT)
                .chain_update(randomness)
                .chain_update(mix.as_bytes());
            (hash.finalize().into(), *mix)
        })
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    let mut assigned: Vec<(NodeId, u8)> = ranked
        .into_iter()
        .zip((1..=LAYERS).cycle())
        .map(|((_, mix), layer)| (mix, layer))
        .collect();
    assigned.sort_unstable();
    assigned
}
