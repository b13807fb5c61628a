//! Packets that wait for a client, first come, first served: chained through the packets themselves.

use super::packets::{NOBODY, Packets};

/// A queue for each client.
#[derive(Debug)]
pub(super) struct Lists {
    /// The first and the last packet.
    ends: Vec<[u32; 2]>,
}

impl Lists {
    /// Empty queues of so many clients.
    pub(super) fn new(clients: u32) -> Self {
        Self { ends: vec![[NOBODY; 2]; clients as usize] }
    }

    /// Puts a packet at the end of a client's queue.
    pub(super) fn push(&mut self, client: u32, place: u32, packets: &mut Packets) {
        let Some([first, last]) = self.ends.get_mut(client as usize) else { return };
        if let Some(packet) = packets.get_mut(place) {
            packet.next = NOBODY;
        }
        match packets.get_mut(*last) {
            Some(before) if *last != NOBODY => before.next = place,
            _ => *first = place,
        }
        *last = place;
    }

    /// Takes the first packet.
    pub(super) fn pop(&mut self, client: u32, packets: &Packets) -> Option<u32> {
        let ends = self.ends.get_mut(client as usize)?;
        let [first, _] = *ends;
        let next = packets.get(first).filter(|_| first != NOBODY)?.next;
        *ends = if next == NOBODY { [NOBODY; 2] } else { [next, ends[1]] };
        Some(first)
    }
}
