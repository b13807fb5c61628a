//! One incoming link: packets and dummies from nodes, requests for the consensus from anybody.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_transport::link::{Link, LinkError, Peer};
use sotto_transport::node::membership::{Adopted, consensus_frames};
use tokio::sync::{mpsc, watch};

use super::engine::Event;

/// How long a link may be silent while nobody knows how often dummies come.
const SILENCE_UNKNOWN_MAX: Duration = Duration::from_secs(60);
/// How long somebody without a key may be silent: there is nothing to wait for but one request.
const SILENCE_ANONYMOUS_MAX: Duration = Duration::from_secs(10);
/// A node's link that is silent for so many mean intervals of its dummies is dead: by chance that
/// happens once in 500 million times.
const SILENCE_DUMMIES: u32 = 20;

/// What a link's task needs.
pub(super) struct Links {
    pub(super) events: mpsc::Sender<Event>,
    pub(super) consensus: watch::Receiver<Option<Arc<Adopted>>>,
}

impl Links {
    /// Serves one link until it ends.
    pub(super) async fn serve(&self, mut link: Link) -> Result<(), LinkError> {
        let peer = link.peer();
        loop {
            let silence_max = self.silence_max(peer);
            let frame = match tokio::time::timeout(silence_max, link.next()).await {
                Ok(frame) => frame?,
                Err(_) => return refuse(link, LinkError::Silent(silence_max)),
            };
            match (frame, peer) {
                (Frame::Dummy, Peer::Node(_)) => {}
                (Frame::Packet(packet), Peer::Node(from)) => {
                    if self.events.send(Event::Packet { from, packet }).await.is_err() {
                        return Ok(());
                    }
                }
                (Frame::ConsensusGet, _) => {
                    let adopted = self.consensus.borrow().clone();
                    for frame in consensus_frames(adopted.as_ref().map(|adopted| adopted.bytes.as_slice())) {
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

    fn silence_max(&self, peer: Peer) -> Duration {
        if peer == Peer::Anonymous {
            return SILENCE_ANONYMOUS_MAX;
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
