//! What mailboxes tell everybody of, interval by interval.
//!
//! A digest is signed and has the names of the boxes that came, compressed as sets are by Golomb codes. Not here: who
//! learns what from it.

use crate::party::{Layout, Party};

/// Bytes of a frame that a digest can use: the payload of a packet.
const FRAME_BYTES: u64 = 2048;
/// Bytes of a digest besides its boxes: interval, count, signature.
const HEADER_BYTES: u64 = 128;
/// Bits for a box, at about one false hit in a million names: 20 and a half, rounded up (BIP 158 has 19 and a half bits
/// of the kind and about 21 a name).
const BOX_BITS: u64 = 22;

/// What has come since the last digests.
#[derive(Clone, Debug, Default)]
pub(super) struct Digests {
    /// Mailbox and name of each box.
    boxes: Vec<(Party, u64)>,
    /// Boxes of each mailbox, by its number.
    counts: Vec<u64>,
}

impl Digests {
    /// None of any mailbox of a layout.
    pub(super) fn new(layout: &Layout) -> Self {
        Self { boxes: Vec::new(), counts: vec![0; layout.mailboxes() as usize] }
    }

    /// A box has come to a mailbox.
    pub(super) fn add(&mut self, layout: &Layout, mailbox: Party, name: u64) {
        self.boxes.push((mailbox, name));
        let number = mailbox.0.saturating_sub(layout.mailbox(0).0);
        if let Some(count) = self.counts.get_mut(number as usize) {
            *count += 1;
        }
    }

    /// What the digests of all mailboxes have, and how many frames they are.
    pub(super) fn take(&mut self) -> (Vec<(Party, u64)>, u32) {
        let frames = self.counts.iter().map(|boxes| {
            let bytes = HEADER_BYTES + (boxes * BOX_BITS).div_ceil(8);
            bytes.div_ceil(FRAME_BYTES)
        });
        let frames = u32::try_from(frames.sum::<u64>()).unwrap_or(u32::MAX);
        self.counts.fill(0);
        (std::mem::take(&mut self.boxes), frames)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mailbox_fills_frames_of_its_own() {
        let layout = Layout::new(3, vec![2], 2);
        let mut digests = Digests::new(&layout);
        assert_eq!(digests.take(), (Vec::new(), 2));
        // 1,920 bytes hold 698 boxes.
        (0..698).for_each(|name| digests.add(&layout, layout.mailbox(1), name));
        digests.add(&layout, layout.mailbox(0), 7);
        let (boxes, frames) = digests.take();
        assert_eq!((boxes.len(), frames), (699, 2));
        assert_eq!(boxes.last(), Some(&(layout.mailbox(0), 7)));
        (0..699).for_each(|name| digests.add(&layout, layout.mailbox(1), name));
        assert_eq!(digests.take().1, 3);
        assert_eq!(digests.take(), (Vec::new(), 2));
    }
}
