//! What a client's connection is to be answered between the frames of its downlink: from its reader to its writer.
//!
//! An entry has thousands of connections, and hardly any of them asks for anything at a time: so this takes next to
//! no room while it is empty, where a channel would keep room for what it may carry. One puts, one takes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sotto_protocol::frame::Frame;
use tokio::sync::Notify;

/// Frames that wait to be written.
#[derive(Default)]
pub(crate) struct Answers {
    frames: Mutex<VecDeque<Frame>>,
    has_some: Notify,
    is_empty: Notify,
}

impl Answers {
    /// Gives frames to the writer, and returns when it has taken all of them.
    pub(crate) async fn put(&self, frames: Vec<Frame>) {
        if frames.is_empty() {
            return;
        }
        self.lock().extend(frames);
        self.has_some.notify_one();
        self.is_empty.notified().await;
    }

    /// Waits for the next frame. Cancelled, it loses none.
    pub(crate) async fn take(&self) -> Frame {
        loop {
            self.has_some.notified().await;
            let mut frames = self.lock();
            let next = frames.pop_front();
            if frames.is_empty() {
                *frames = VecDeque::new();
                self.is_empty.notify_one();
            } else {
                self.has_some.notify_one();
            }
            if let Some(frame) = next {
                return frame;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Frame>> {
        // Nothing panics with the lock held; if it did, the frames would still be frames.
        self.frames.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use sotto_protocol::frame::Frame;

    use super::*;

    #[tokio::test]
    async fn the_reader_waits_until_the_writer_has_taken_all_in_order() {
        let answers = Answers::default();
        for _ in 0..3 {
            let frames = vec![Frame::Accepted, Frame::Dummy, Frame::ConsensusGet];
            let mut put = std::pin::pin!(answers.put(frames.clone()));
            for expected in frames {
                tokio::select! {
                    biased;
                    () = &mut put => panic!("not all are taken"),
                    frame = answers.take() => assert_eq!(frame, expected),
                }
            }
            put.await;
        }
        answers.put(Vec::new()).await;
        assert_eq!(answers.lock().capacity(), 0, "an idle connection holds no room");
    }
}
