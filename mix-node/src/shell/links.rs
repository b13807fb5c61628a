//! Incoming links: which frames of whom are welcome.
//!
//! Anybody may ask for the consensus. A node of the consensus may send packets and dummies. Who shows no
//! key may open a session (`session_link`). Whatever else comes is refused with a label, and the
//! link is closed.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::Packet;
use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use sotto_transport::link::{Link, LinkError, Peer};
use sotto_transport::listen::LinkFailures;
use sotto_transport::node::membership::{Adopted, ConsensusAnswer};
use sotto_transport::node::shutdown::Shutdown;
use tokio::sync::{mpsc, oneshot, watch};

use super::engine::Event;
use super::session_link;
use crate::core::{PeerRefusal, SessionRefusal, Source};

/// What every link's task needs.
#[derive(Clone)]
pub(crate) struct LinkContext {
    pub(crate) events: mpsc::Sender<Event>,
    pub(crate) consensus: watch::Receiver<Option<Arc<Adopted>>>,
    /// Changes whenever nodes have to be judged again.
    pub(crate) topology: watch::Receiver<u64>,
    pub(crate) failures: Arc<LinkFailures>,
    pub(crate) clock: Clock,
    /// The node is about to end.
    pub(crate) stopping: Shutdown,
    /// How many links with nodes there are.
    pub(crate) node_links: watch::Sender<usize>,
}

/// A link with a node, counted until it is dropped.
struct NodeLink(watch::Sender<usize>);

impl NodeLink {
    fn new(count: &watch::Sender<usize>) -> Self {
        count.send_modify(|count| *count = count.saturating_add(1));
        Self(count.clone())
    }
}

impl Drop for NodeLink {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Frames of a link that are taken together at most.
pub(crate) const FRAMES_MAX: usize = 64;

/// How long whoever is neither a node of the consensus nor a client with a session may be silent: all that is
/// awaited is one request.
const STRANGER_SILENCE_MAX: Duration = Duration::from_secs(10);

/// Answers with the consensus that one link gets, if it is not a client's with a session. One is enough; a second one is for whoever has
/// asked just before a new one came.
const ANSWERS_MAX: u32 = 2;

/// Why a link is closed, for the peer and for the counters.
pub(crate) struct Refusal {
    pub(crate) label: &'static str,
    pub(crate) text: String,
}

impl Refusal {
    pub(crate) fn new(label: &'static str, text: impl Into<String>) -> Self {
        Self { label, text: text.into() }
    }

    pub(crate) fn unexpected(frame: &Frame, welcome: &str) -> Self {
        Self::new("unexpected-frame", format!("got a frame `{}`, expected {welcome}", frame.name()))
    }
}

impl LinkContext {
    /// Serves one link until it ends. What each kind of peer needs is on the heap, so that a client's connection does
    /// not keep the room that another node's takes.
    pub(crate) async fn serve(self, mut link: Link) -> Result<(), LinkError> {
        let refusal = match link.peer() {
            Peer::Node(peer) => Box::pin(self.serve_node(peer, &mut link)).await?,
            Peer::Anonymous => match Box::pin(self.serve_stranger(&mut link)).await? {
                Ok(opened) => return Box::pin(session_link::serve(link, opened, &self)).await,
                Err(refusal) => refusal,
            },
        };
        self.count(&refusal);
        link.refuse(refusal.label, &refusal.text);
        Ok(())
    }

    /// Counts a refusal under its label.
    pub(crate) fn count(&self, refusal: &Refusal) {
        tracing::debug!(label = refusal.label, "link refused");
        self.failures.count(refusal.label);
    }

    /// Hands an event to the core. If the node is ending there is nobody to take it: the link ends too.
    pub(crate) async fn send(&self, event: Event) -> Result<(), LinkError> {
        self.events.send(event).await.map_err(|_| LinkError::Closed)
    }

    /// Asks the core, and waits for its answer.
    pub(crate) async fn ask<T>(
        &self,
        question: impl FnOnce(oneshot::Sender<T>) -> Event,
    ) -> Result<T, LinkError> {
        let (reply, replied) = oneshot::channel();
        self.send(question(reply)).await?;
        replied.await.map_err(|_| LinkError::Closed)
    }

    /// The newest consensus in frames, or a refusal if there is none.
    pub(crate) fn consensus_frames(&self) -> ConsensusAnswer<Arc<Adopted>> {
        ConsensusAnswer::new(self.consensus.borrow().clone())
    }

    /// Sends the consensus, unless the link has had it often enough: an answer is longer than a handshake takes.
    async fn answer(&self, link: &mut Link, answers: &mut u32) -> Result<(), LinkError> {
        *answers += 1;
        if *answers > ANSWERS_MAX {
            return Err(LinkError::AnswersExhausted(ANSWERS_MAX));
        }
        for frame in self.consensus_frames() {
            link.send(&frame).await?;
        }
        Ok(())
    }

    /// Hands packets that came together to the core and leaves none in `packets`. Cancelled, it has handed over none.
    pub(crate) async fn send_packets(
        &self,
        from: Source,
        arrived: Timestamp,
        packets: &mut Vec<Packet>,
    ) -> Result<(), LinkError> {
        if packets.is_empty() {
            return Ok(());
        }
        let place = self.events.reserve().await.map_err(|_| LinkError::Closed)?;
        place.send(Event::Packets { from, arrived, packets: std::mem::take(packets) });
        Ok(())
    }

    /// Takes a node's packets until it is to be refused.
    ///
    /// When this node is about to end, the peer is told, and closes the link; what it has sent before is taken, so that
    /// no packet is lost that the peer counts as sent.
    async fn serve_node(&self, peer: NodeId, link: &mut Link) -> Result<Refusal, LinkError> {
        let (mut judged_at, mut answers) = (None, 0);
        let mut is_stranger = self.ask(|reply| Event::CheckPeer { peer, reply }).await?.is_err();
        // The end waits for neighbours, and for nobody who merely made a key.
        let mut counted = (!is_stranger).then(|| NodeLink::new(&self.node_links));
        let mut stops = pin!(self.stopping.triggered());
        let mut is_told = false;
        let mut frames = Vec::with_capacity(FRAMES_MAX);
        loop {
            frames.clear();
            if is_stranger {
                frames.push(next_of_stranger(link).await?);
            } else {
                tokio::select! {
                    taken = link.next_batch(&mut frames, FRAMES_MAX) => taken?,
                    () = &mut stops, if !is_told => {
                        is_told = true;
                        let label = SessionRefusal::Stopping.label().to_owned();
                        let text = "this node is about to end: close the link".to_owned();
                        link.send(&Frame::Refused { label, text }).await?;
                        continue;
                    }
                }
            }
            let arrived = self.clock.now();
            let Taken { mut packets, dummies, requests, unexpected } = Taken::of(frames.drain(..));
            let topology = *self.topology.borrow();
            let is_to_be_judged = !packets.is_empty() || dummies > 0 || unexpected.is_some();
            let mut judgement: Result<(), PeerRefusal> = Ok(());
            if is_to_be_judged && judged_at != Some(topology) {
                judgement = self.ask(|reply| Event::CheckPeer { peer, reply }).await?;
                judged_at = Some(topology);
                // Who was a stranger by the consensus before may be a neighbour by this one.
                if is_stranger && judgement.is_ok() {
                    is_stranger = false;
                    counted.get_or_insert_with(|| NodeLink::new(&self.node_links));
                }
            }
            // Also when the link is refused: a packet that came is accounted for.
            self.send_packets(Source::Node(peer), arrived, &mut packets).await?;
            for _ in 0..requests {
                self.answer(link, &mut answers).await?;
            }
            if let Some(frame) = unexpected {
                return Ok(Refusal::unexpected(&frame, "packets and dummies from a node"));
            }
            if let Err(refusal) = judgement {
                return Ok(Refusal::new(refusal.label(), refusal.to_string()));
            }
        }
    }

    /// Answers somebody without a key until there is a session or a reason to refuse.
    async fn serve_stranger(
        &self,
        link: &mut Link,
    ) -> Result<Result<super::outlets::OpenedSession, Refusal>, LinkError> {
        let mut answers = 0;
        loop {
            match next_of_stranger(link).await? {
                Frame::ConsensusGet => self.answer(link, &mut answers).await?,
                Frame::SessionOpen { class, resume } => {
                    let opened = self.ask(|reply| Event::OpenSession { class, resume, reply }).await?;
                    return Ok(opened.map_err(|refusal| Refusal::new(refusal.label(), refusal.to_string())));
                }
                Frame::Packet(packet) => {
                    self.send_packets(Source::Stranger, self.clock.now(), &mut vec![packet]).await?;
                    return Ok(Err(Refusal::new("no-session", "open a session before sending packets")));
                }
                other => {
                    return Ok(Err(Refusal::unexpected(&other, "a request for a session or the consensus")));
                }
            }
        }
    }
}

/// What came together, sorted: packets are dealt with first, so that no answer makes them late and no refusal takes
/// them along.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) packets: Vec<Packet>,
    pub(crate) dummies: usize,
    /// Requests for the consensus.
    pub(crate) requests: usize,
    /// The first of the others.
    pub(crate) unexpected: Option<Frame>,
}

impl Taken {
    pub(crate) fn of(frames: impl ExactSizeIterator<Item = Frame>) -> Self {
        let mut taken = Self { packets: Vec::with_capacity(frames.len()), ..Self::default() };
        for frame in frames {
            match frame {
                Frame::Packet(packet) => taken.packets.push(packet),
                Frame::Dummy => taken.dummies += 1,
                Frame::ConsensusGet => taken.requests += 1,
                other => {
                    taken.unexpected.get_or_insert(other);
                }
            }
        }
        taken
    }
}

async fn next_of_stranger(link: &mut Link) -> Result<Frame, LinkError> {
    tokio::time::timeout(STRANGER_SILENCE_MAX, link.next())
        .await
        .unwrap_or(Err(LinkError::Silent(STRANGER_SILENCE_MAX)))
}
