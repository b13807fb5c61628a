//! Which mailboxes hold a box: rendezvous hashing (Thaler and Ravishankar, "Using name-based mappings to
//! increase hit rates", 1998). Everybody who knows the consensus gets the same answer, and a mailbox that
//! joins or leaves moves only its own share of the boxes.

use sha2::{Digest, Sha256};

use crate::boxes::BoxId;
use crate::ident::NodeId;

const DOMAIN: &[u8] = b"sotto-placement-v1:";

/// The mailboxes that hold the box `id`: the `replicas` of `mailboxes` with the highest
/// `SHA-256("sotto-placement-v1:" || node || id)`, highest first; all of them if there are fewer.
///
/// The order of `mailboxes` does not matter, and one that is listed twice counts once.
#[must_use]
pub fn placement(id: &BoxId, mailboxes: &[NodeId], replicas: usize) -> Vec<NodeId> {
    let mut scored: Vec<([u8; 32], NodeId)> = mailboxes.iter().map(|node| (score(node, id), *node)).collect();
    scored.sort_unstable_by(|one, other| other.cmp(one));
    scored.dedup();
    scored.into_iter().take(replicas).map(|(_, node)| node).collect()
}

fn score(node: &NodeId, id: &BoxId) -> [u8; 32] {
    Sha256::new()
        .chain_update(DOMAIN)
        .chain_update(node.as_bytes())
        .chain_update(id.as_bytes())
        .finalize()
        .into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    use super::*;

    fn mailboxes(count: u8) -> Vec<NodeId> {
        (0..count).map(|n| NodeId::from_bytes([n; 32])).collect()
    }

    fn ids(count: usize) -> Vec<BoxId> {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        (0..count).map(|_| BoxId::decoy(&mut rng)).collect()
    }

    #[test]
    fn neither_order_nor_repetition_of_the_mailboxes_matters() {
        let forward = mailboxes(7);
        let mut backward: Vec<NodeId> = forward.iter().rev().copied().collect();
        backward.extend(&forward);
        for id in ids(50) {
            assert_eq!(placement(&id, &forward, 3), placement(&id, &backward, 3));
            assert_eq!(placement(&id, &backward, 99).len(), 7);
        }
    }

    #[test]
    fn all_mailboxes_are_taken_if_there_are_too_few_and_none_if_none_is_wanted() {
        let id = ids(1)[0];
        assert_eq!(placement(&id, &mailboxes(1), 2), mailboxes(1));
        assert_eq!(placement(&id, &[], 2), []);
        assert_eq!(placement(&id, &mailboxes(3), 0), []);
    }

    #[test]
    fn a_mailbox_that_leaves_moves_only_its_own_boxes() {
        let all = mailboxes(6);
        let (leaver, rest) = all.split_first().unwrap();
        for id in ids(200) {
            let before = placement(&id, &all, 2);
            let after = placement(&id, rest, 2);
            if before.contains(leaver) {
                assert!(before.iter().filter(|node| *node != leaver).all(|node| after.contains(node)));
            } else {
                assert_eq!(before, after);
            }
        }
    }

    #[test]
    fn boxes_spread_evenly() {
        let mut held: BTreeMap<NodeId, u32> = BTreeMap::new();
        for id in ids(2000) {
            for node in placement(&id, &mailboxes(5), 2) {
                *held.entry(node).or_default() += 1;
            }
        }
        // 4,000 replicas over 5 mailboxes: 800 each, with a standard deviation of about 22.
        assert!(held.len() == 5 && held.values().all(|count| (690..910).contains(count)), "{held:?}");
    }
}
