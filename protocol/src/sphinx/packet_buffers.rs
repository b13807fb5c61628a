//! Room for packets that is used again, so that a node that passes on tens of thousands of packets a second does not
//! ask the allocator for each.
//!
//! Each thread keeps what its packets left behind, up to a limit, and shares it with nobody: no lock. The bytes of a
//! packet are ciphertext, and the next packet overwrites them. What is not here: any other buffer.

use std::cell::RefCell;

use crate::limits::PACKET_LEN;

/// Buffers that one thread keeps at most: 600 KiB of them.
const KEPT_MAX: usize = 256;

/// A packet's bytes, which stay where they are when the packet goes from hand to hand.
type Bytes = Box<[u8; PACKET_LEN]>;

thread_local! {
    static KEPT: RefCell<Vec<Bytes>> = const { RefCell::new(Vec::new()) };
}

/// What stands for a buffer that was given back; nobody sees it.
static NONE: [u8; PACKET_LEN] = [0; PACKET_LEN];

/// Room for one packet. It is there from the making to the dropping.
pub(super) struct Buffer(Option<Bytes>);

impl Buffer {
    pub(super) fn bytes(&self) -> &[u8; PACKET_LEN] {
        self.0.as_deref().unwrap_or(&NONE)
    }

    pub(super) fn bytes_mut(&mut self) -> &mut [u8; PACKET_LEN] {
        self.0.get_or_insert_with(|| Box::new(NONE))
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let Some(buffer) = self.0.take() else { return };
        // A thread that is ending keeps nothing.
        let _kept = KEPT.try_with(|kept| {
            if let Ok(mut kept) = kept.try_borrow_mut()
                && kept.len() < KEPT_MAX
            {
                kept.push(buffer);
            }
        });
    }
}

/// A buffer with these bytes.
pub(super) fn filled(bytes: &[u8; PACKET_LEN]) -> Buffer {
    let kept = KEPT.try_with(|kept| kept.try_borrow_mut().ok()?.pop()).ok().flatten();
    let buffer = match kept {
        Some(mut buffer) => {
            buffer.copy_from_slice(bytes);
            buffer
        }
        None => Box::new(*bytes),
    };
    Buffer(Some(buffer))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept() -> usize {
        KEPT.with(|kept| kept.borrow().len())
    }

    #[test]
    fn a_dropped_buffer_is_used_again_and_shows_nothing_of_the_packet_before() {
        let first = filled(&[7; PACKET_LEN]);
        let place = std::ptr::from_ref(first.bytes());
        drop(first);
        let second = filled(&[9; PACKET_LEN]);
        assert_eq!(std::ptr::from_ref(second.bytes()), place);
        assert_eq!(second.bytes(), &[9; PACKET_LEN]);
    }

    #[test]
    fn a_thread_keeps_so_many_and_no_more() {
        let buffers: Vec<_> = (0..KEPT_MAX + 10).map(|_| filled(&[1; PACKET_LEN])).collect();
        drop(buffers);
        assert_eq!(kept(), KEPT_MAX);
    }

    #[test]
    fn packets_that_wander_from_thread_to_thread_arrive_whole() {
        let (to, from) = std::sync::mpsc::channel();
        std::thread::scope(|scope| {
            for byte in 1..=4 {
                let to = to.clone();
                scope.spawn(move || {
                    (0..500).for_each(|_| to.send((byte, filled(&[byte; PACKET_LEN]))).unwrap());
                });
            }
            drop(to);
            assert_eq!(
                from.iter().filter(|(byte, buffer)| buffer.bytes() == &[*byte; PACKET_LEN]).count(),
                2_000
            );
        });
    }
}
