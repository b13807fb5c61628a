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
            let hash =
                Sha256::new().chain_update(CONTEXT).chain_update(randomness).chain_update(mix.as_bytes());
            (hash.finalize().into(), *mix)
        })
        .collect();
    ranked.sort_unstable();
    ranked.dedup();
    let mut assigned: Vec<(NodeId, u8)> =
        ranked.into_iter().zip((1..=LAYERS).cycle()).map(|((_, mix), layer)| (mix, layer)).collect();
    assigned.sort_unstable();
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mixes(count: u8) -> Vec<NodeId> {
        (0..count).map(|number| NodeId::from_bytes([number; 32])).collect()
    }

    fn sizes(assigned: &[(NodeId, u8)]) -> [usize; 3] {
        [1, 2, 3].map(|layer| assigned.iter().filter(|(_, of)| *of == layer).count())
    }

    #[test]
    fn layers_are_balanced() {
        for count in 0..40 {
            let sizes = sizes(&assign_layers(&[1; 32], &mixes(count)));
            assert_eq!(sizes.iter().sum::<usize>(), usize::from(count));
            assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1, "{sizes:?}");
        }
    }

    #[test]
    fn the_order_of_the_mixes_and_repetitions_do_not_matter() {
        let mut shuffled = mixes(20);
        shuffled.reverse();
        shuffled.swap(3, 11);
        shuffled.push(NodeId::from_bytes([5; 32]));
        assert_eq!(assign_layers(&[1; 32], &shuffled), assign_layers(&[1; 32], &mixes(20)));
    }

    #[test]
    fn every_mix_comes_to_every_layer_as_often() {
        // 300 draws of three layers, expected 100 each: chi-square with 2 degrees of freedom is over 18.4
        // once in 10,000 mixes. The draws are fixed, so the test always gives the same answer.
        for mix in mixes(9) {
            let mut counts = [0u32; 3];
            for draw in 0..300u32 {
                let mut randomness = [0; 32];
                randomness[..4].copy_from_slice(&draw.to_be_bytes());
                let assigned = assign_layers(&randomness, &mixes(9));
                let (_, layer) = assigned.iter().find(|(id, _)| *id == mix).unwrap();
                counts[usize::from(*layer) - 1] += 1;
            }
            let chi: f64 = counts.iter().map(|count| (f64::from(*count) - 100.0).powi(2) / 100.0).sum();
            assert!(chi < 18.4, "{counts:?}");
        }
    }
}
