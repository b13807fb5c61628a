//! What tagging does to a packet format without protection: the control of [`super::tagging()`].
//!
//! Each hop adds a key stream to the payload, and nothing is checked: the payload of a mix format before wide-block ciphers.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_protocol::limits::PAYLOAD_LEN;
use sotto_traffic::random::Seed;

use std::collections::BTreeMap;

use super::spy::most_alike;
use super::{CoreAttack, share};

/// Packets that are changed.
const TRIALS: u64 = 40;
/// Packets among which the changed one is to be found.
const CANDIDATES: u64 = 8;
/// Hops of a path.
const HOPS: usize = 4;
/// Zeros at the beginning of every text, by which its reader knows that it is whole.
const ZEROS: usize = 16;

/// How much the toy hides on links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToyLayers {
    /// Hops pass the payload on as it is: anybody who sees two links can compare.
    None,
    /// Hops add their key streams: only who owns the destination sees the text, and in it the flipped bit, which it flips
    /// back.
    Streams,
}

/// Tags packets of the toy.
#[must_use]
pub fn tagging_a_toy(layers: ToyLayers, seed: Seed) -> CoreAttack {
    let mut rng = ChaCha20Rng::seed_from_u64(seed.as_u64());
    let (mut hits, mut survived, mut decoy_hits) = (0, 0, 0);
    for _ in 0..TRIALS {
        let target = rng.random_range(0..CANDIDATES);
        let mut on_first_link = Vec::new();
        let mut at_destination: Vec<Vec<u8>> = Vec::new();
        let mut text_of_target = Vec::new();
        for number in 0..CANDIDATES {
            let mut text = vec![0; PAYLOAD_LEN];
            text.iter_mut().skip(ZEROS).for_each(|byte| *byte = rng.random());
            let keys: Vec<u64> = (0..HOPS).map(|_| rng.random()).collect();
            let mut payload = text.clone();
            if layers == ToyLayers::Streams {
                keys.iter().for_each(|key| add_stream(&mut payload, *key));
            }
            if number == target {
                on_first_link.clone_from(&payload);
                text_of_target.clone_from(&text);
                payload.iter_mut().take(1).for_each(|byte| *byte ^= 1);
            }
            if layers == ToyLayers::Streams {
                keys.iter().for_each(|key| add_stream(&mut payload, *key));
            }
            at_destination.push(payload);
        }
        let candidates: Vec<&[u8]> = at_destination.iter().map(Vec::as_slice).collect();
        let choice = match layers {
            ToyLayers::None => most_alike(&[&on_first_link], &candidates),
            // All others begin with zeros.
            ToyLayers::Streams => {
                candidates.iter().position(|payload| payload.iter().take(ZEROS).any(|byte| *byte != 0))
            }
        };
        let points_at = |number: u64| choice.is_some_and(|choice| choice as u64 == number);
        hits += u64::from(points_at(target));
        decoy_hits += u64::from(points_at((target + 1) % CANDIDATES));
        // It flips the bit back and uses what it has.
        if let Some(mut found) = choice.and_then(|choice| at_destination.get(choice).cloned()) {
            found.iter_mut().take(1).for_each(|byte| *byte ^= 1);
            survived += u64::from(found == text_of_target);
        }
    }
    CoreAttack {
        name: format!("tagging.toy-{}", if layers == ToyLayers::None { "bare" } else { "streams" }),
        trials: TRIALS,
        hits,
        baseline: share(1, CANDIDATES),
        decoy_hits,
        survived,
        dropped: BTreeMap::new(),
    }
}

fn add_stream(payload: &mut [u8], key: u64) {
    let mut stream = ChaCha20Rng::seed_from_u64(key);
    payload.iter_mut().for_each(|byte| *byte ^= stream.random::<u8>());
}
