//! One incoming link: packets and dummies from nodes, requests for the consensus from anybody, and, by the onion
//! service, packets from clients, with the first of which a link becomes a direct link.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::Packet;
use sotto_transport::link::{Link, LinkError, Peer};
use sotto_transport::node::Arrival;
use sotto_transport::node::membership::{Adopted, ConsensusAnswer};
use tokio::sync::{mpsc, oneshot, watch};

use super::direct::{self, DIRECT_LINKS_MAX};
use super::engine::Event;
use crate::core::Source;

/// How long a link may be silent while nobody knows how often dummies come.
const SILENCE_UNKNOWN_MAX: Duration = Duration::from_secs(60);
/// How long somebody without a key may be silent: there is nothing to wait for but one request.
const SILENCE_ANONYMOUS_MAX: Duration = Duration::from_secs(10);
/// The same, by the onion service: over Tor the first frame may be long on its way.
const SILENCE_ONION_MAX: Duration = Duration::from_secs(30);
/// A node's link that is silent for so many mean intervals of its dummies is dead: by chance that
/// happens once in 500 million times.
const SILENCE_DUMMIES: u32 = 20;

/// What a link's task needs.
pub(super) struct Links {
    pub(super) events: mpsc::Sender<Event>,
    pub(super) consensus: watch::Receiver<Option<Arc<Adopted>>>,
    /// How long a direct link may be silent.
    pub(super) direct_silence_max: Duration,
}

impl Links {
    /// Serves one link until it ends.
    pub(super) async fn serve(&self, mut link: Link, arrival: Arrival) -> Result<(), LinkError> {
        let peer = link.peer();
        loop {
            let silence_max = self.silence_max(peer, arrival);
            let frame = match tokio::time::timeout(silence_max, link.next()).await {
                Ok(frame) => frame?,
                Err(_) => return refuse(link, LinkError::Silent(silence_max)),
            };
            match (frame, peer) {
                (Frame::Dummy, Peer::Node(_)) => {}
                (Frame::Packet(packet), Peer::Node(from)) => {
                    let from = Source::Node(from);
                    if self.events.send(Event::Packet { from, packet }).await.is_err() {
                        return Ok(());
                    }
                }
                (Frame::Packet(packet), Peer::Anonymous) if arrival == Arrival::Onion => {
                    return self.serve_direct(link, packet).await;
                }
                (Frame::ConsensusGet, _) => {
                    for frame in self.consensus_frames() {
                        link.send(&frame).await?;
                    }
                }
                (Frame::Refused { label, text }, _) => return Err(LinkError::Refused { label, text }),
                _ => {
                    let expected = "packets and dummies from nodes, and requests for the consensus";
                    return refuse(link, LinkError::Unexpected(expected));
                }
            }
        }
    }

    /// Makes a direct link of it, if there is room for one more.
    async fn serve_direct(&self, link: Link, first: Packet) -> Result<(), LinkError> {
        let (reply, opened) = oneshot::channel();
        if self.events.send(Event::OpenDirect { reply }).await.is_err() {
            return Ok(());
        }
        match opened.await {
            Ok(Some(opened)) => direct::serve(link, first, opened, self).await,
            Ok(None) => refuse(link, LinkError::LinksFull(DIRECT_LINKS_MAX)),
            // The mailbox is ending.
            Err(_) => Ok(()),
        }
    }

    /// What answers a request for the consensus.
    pub(super) fn consensus_frames(&self) -> ConsensusAnswer<Arc<Adopted>> {
        ConsensusAnswer::new(self.consensus.borrow().clone())
    }

    fn silence_max(&self, peer: Peer, arrival: Arrival) -> Duration {
        match (peer, arrival) {
            (Peer::Anonymous, Arrival::Tcp) => return SILENCE_ANONYMOUS_MAX,
            (Peer::Anonymous, Arrival::Onion) => return SILENCE_ONION_MAX,
            (Peer::Node(_), _) => {}
        }
        self.consensus.borrow().as_ref().map_or(SILENCE_UNKNOWN_MAX, |adopted| {
            let mean = Duration::from_millis(adopted.consensus.params.link_dummy_interval_ms_mean.into());
            (mean * SILENCE_DUMMIES).max(SILENCE_UNKNOWN_MAX)
        })
    }
}

fn refuse(link: Link, error: LinkError) -> Result<(), LinkError> {
    link.refuse(error.label(), &error.to_string());
    Err(error)
}
