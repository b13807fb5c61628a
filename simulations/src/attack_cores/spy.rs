//! An adversary on all links between nodes: it keeps what passes, and tries to find a packet again by its bytes.

use std::hash::{DefaultHasher, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sotto_protocol::sphinx::Packet;

use crate::vnet::Endpoint;

/// One packet on a link between two nodes.
pub(super) struct Seen {
    pub(super) from: usize,
    pub(super) to: usize,
    /// What arrived, changed or not.
    pub(super) packet: Packet,
    /// What had been sent, if it was changed.
    pub(super) original: Option<Packet>,
}

/// What was seen, shared with the tap.
#[derive(Clone, Default)]
pub(super) struct Notes(Arc<Mutex<Vec<Seen>>>);

impl Notes {
    pub(super) fn note(&self, ends: (Endpoint, Endpoint), packet: Packet, original: Option<Packet>) {
        if let (Endpoint::Node(from), Endpoint::Node(to)) = ends {
            self.lock().push(Seen { from, to, packet, original });
        }
    }

    /// What was seen so far, in order.
    pub(super) fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        // A list is whole whoever panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Bytes that two packets have in common at the same places.
pub(super) fn in_common(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).filter(|(a, b)| a == b).count()
}

/// The candidate that has most in common with any of the samples, by number. Without candidates none.
pub(super) fn most_alike(samples: &[&[u8]], candidates: &[&[u8]]) -> Option<usize> {
    let likeness =
        |candidate: &&[u8]| samples.iter().map(|sample| in_common(sample, candidate)).max().unwrap_or(0);
    // Of equals the last: there is no better reason for any of them.
    candidates.iter().enumerate().max_by_key(|(_, candidate)| likeness(candidate)).map(|(number, _)| number)
}

/// A short name of a packet's bytes.
pub(super) fn print(packet: &Packet) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(packet.as_bytes());
    hasher.finish()
}
