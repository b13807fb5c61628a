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
