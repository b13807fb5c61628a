//! Direct links as the engine's side of the shell sees them, and the task that serves one.
//!
//! ```text
//!  client's packets --> reader --(a place in flight)--> the engine's events
//!  client           <-- writer <--(queue)-------------- Deliver: an answer      place free when it is written
//!                                                       Unanswered              place free at once
//! ```
//!
//! A link has [`DIRECT_IN_FLIGHT_MAX`] places. While none is free nothing is read from it, so a client that sends
//! faster than it is answered, or does not read its answers, waits and harms nobody else. What a packet is worth is
//! the core's to say.

use std::collections::BTreeMap;
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::Packet;
use sotto_transport::link::{Link, LinkError, LinkReader, LinkWriter};
use tokio::sync::{Semaphore, mpsc, watch};

use super::engine::Event;
use super::links::Links;
use crate::core::{DirectId, Source};

/// Direct links at once. Each takes about as much memory as a link of a node, and has a Tor circuit of its own. One
/// more is refused as `links-full`.
pub const DIRECT_LINKS_MAX: usize = 1024;

/// Packets of one direct link that may be on their way from its reader to a written answer. A client has one
/// conversation's writing or reading on it, about a packet a second, and answers take seconds at most. It is also how
/// many answers may wait to be written.
pub const DIRECT_IN_FLIGHT_MAX: usize = 8;

/// How long a direct link may be silent. A client keeps one for 15 minutes at most and may have nothing to say; one
/// whose client has vanished without a word, as with Tor it does, is let go of after this.
pub const DIRECT_SILENCE_MAX: Duration = Duration::from_secs(600);

/// Pieces of the consensus that wait to be written. The reader waits with them.
const CONSENSUS_FRAMES_MAX: usize = 8;

/// The way to one direct link.
struct Outlet {
    answers: mpsc::Sender<Frame>,
    in_flight: Arc<Semaphore>,
}

/// The direct links that are open.
pub(super) struct DirectLinks {
    outlets: BTreeMap<DirectId, Outlet>,
    opened: u64,
    /// Answers that a link had taken and did not write.
    lost: Arc<AtomicU64>,
    lost_told: u64,
    /// Each link's task holds a receiver.
    tasks: watch::Sender<()>,
}

/// A direct link as its task gets it.
pub(super) struct OpenedDirect {
    id: DirectId,
    in_flight: Arc<Semaphore>,
    answers: Answers,
    _task: watch::Receiver<()>,
}

/// The answers for one link. Dropped, it counts those that were not written.
struct Answers {
    queue: mpsc::Receiver<Frame>,
    /// Of those taken from the queue, the ones that are not written.
    unwritten: u64,
    lost: Arc<AtomicU64>,
}

impl Drop for Answers {
    fn drop(&mut self) {
        self.queue.close();
        let mut lost = self.unwritten;
        while self.queue.try_recv().is_ok() {
            lost += 1;
        }
        self.lost.fetch_add(lost, Ordering::Relaxed);
    }
}

impl DirectLinks {
    /// No links.
    pub(super) fn new() -> Self {
        let (tasks, _) = watch::channel(());
        Self { outlets: BTreeMap::new(), opened: 0, lost: Arc::default(), lost_told: 0, tasks }
    }

    /// Makes the way to one more link, if there is room.
    pub(super) fn open(&mut self) -> Option<OpenedDirect> {
        if self.outlets.len() >= DIRECT_LINKS_MAX {
            self.outlets.retain(|_, outlet| !outlet.answers.is_closed());
        }
        if self.outlets.len() >= DIRECT_LINKS_MAX {
            return None;
        }
        let id = DirectId::new(self.opened);
        self.opened += 1;
        let (answers, queue) = mpsc::channel(DIRECT_IN_FLIGHT_MAX);
        let in_flight = Arc::new(Semaphore::new(DIRECT_IN_FLIGHT_MAX));
        self.outlets.insert(id, Outlet { answers, in_flight: Arc::clone(&in_flight) });
        let answers = Answers { queue, unwritten: 0, lost: Arc::clone(&self.lost) };
        Some(OpenedDirect { id, in_flight, answers, _task: self.tasks.subscribe() })
    }

    /// Queues an answer; `false` if the link is gone. Its queue has room for all packets that may be in flight.
    pub(super) fn try_deliver(&self, to: DirectId, answer: Frame) -> bool {
        self.outlets.get(&to).is_some_and(|outlet| outlet.answers.try_send(answer).is_ok())
    }

    /// One of the link's packets ended without an answer.
    pub(super) fn unanswered(&self, to: DirectId) {
        if let Some(outlet) = self.outlets.get(&to) {
            outlet.in_flight.add_permits(1);
        }
    }

    /// Links that are open.
    pub(super) fn len(&self) -> usize {
        self.outlets.values().filter(|outlet| !outlet.answers.is_closed()).count()
    }

    /// The answers that were lost with links since the last call.
    pub(super) fn newly_lost(&mut self) -> u64 {
        let lost = self.lost.load(Ordering::Relaxed);
        lost.saturating_sub(std::mem::replace(&mut self.lost_told, lost))
    }

    /// Lets the links write what is queued for them, and waits until they have, for `close_max` at most.
    pub(super) async fn close(&mut self, close_max: Duration) {
        self.outlets.clear();
        // A link that takes its last answers no faster is cut off.
        let _written = tokio::time::timeout(close_max, self.tasks.closed()).await;
    }
}

/// Serves a direct link, whose first packet has come, until it ends.
pub(super) async fn serve(
    link: Link,
    first: Packet,
    opened: OpenedDirect,
    links: &Links,
) -> Result<(), LinkError> {
    let OpenedDirect { id, in_flight, mut answers, _task } = opened;
    let (mut reader, mut writer) = link.split();
    let (documents_in, documents) = mpsc::channel(CONSENSUS_FRAMES_MAX);
    let ended = tokio::select! {
        error = read(&mut reader, first, Source::Direct(id), &in_flight, &documents_in, links) => error,
        written = write(&mut writer, &mut answers, &in_flight, documents) => match written {
            // The mailbox is ending, and all answers are written.
            Ok(()) => return Ok(()),
            Err(error) => error,
        },
    };
    if matches!(ended, LinkError::Unexpected(_) | LinkError::Silent(_)) {
        writer.refuse(ended.label(), &ended.to_string());
    }
    Err(ended)
}

/// Hands the client's packets to the engine, each when there is a place for it, until the link ends.
async fn read(
    reader: &mut LinkReader,
    first: Packet,
    from: Source,
    in_flight: &Semaphore,
    documents: &mpsc::Sender<Frame>,
    links: &Links,
) -> LinkError {
    let mut frame = Frame::Packet(first);
    loop {
        match frame {
            Frame::Packet(packet) => {
                let Ok(place) = in_flight.acquire().await else { return LinkError::Closed };
                // It comes back with the packet's end.
                place.forget();
                if links.events.send(Event::Packet { from, packet }).await.is_err() {
                    // The mailbox is ending; the writer ends with it.
                    return pending().await;
                }
            }
            Frame::ConsensusGet => {
                for piece in links.consensus_frames() {
                    if documents.send(piece).await.is_err() {
                        return LinkError::Closed;
                    }
                }
            }
            Frame::Refused { label, text } => return LinkError::Refused { label, text },
            _ => return LinkError::Unexpected("packets and requests for the consensus"),
        }
        frame = match tokio::time::timeout(links.direct_silence_max, reader.next()).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => return error,
            Err(_) => return LinkError::Silent(links.direct_silence_max),
        };
    }
}

/// Writes answers as they come until there will be none any more.
async fn write(
    writer: &mut LinkWriter,
    answers: &mut Answers,
    in_flight: &Semaphore,
    mut documents: mpsc::Receiver<Frame>,
) -> Result<(), LinkError> {
    loop {
        tokio::select! {
            biased;
            answer = answers.queue.recv() => {
                let Some(answer) = answer else { return Ok(()) };
                answers.unwritten += 1;
                writer.send(&answer).await?;
                answers.unwritten -= 1;
                in_flight.add_permits(1);
            }
            Some(piece) = documents.recv() => writer.send(&piece).await?,
        }
    }
}

#[cfg(test)]
mod tests;
