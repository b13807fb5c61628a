//! One incoming link: descriptors from whoever brings them, requests for the consensus from anybody.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::{DocumentAssembler, DocumentKind, Frame};
use sotto_transport::link::{Link, LinkError};
use sotto_transport::node::membership::ConsensusAnswer;
use tokio::sync::{mpsc, oneshot, watch};

use super::engine::{Event, Verdict};

/// How long a link may be silent. Whoever connects has something to say at once.
const SILENCE_MAX: Duration = Duration::from_secs(10);

/// What a link's task needs.
pub(super) struct Links {
    pub(super) events: mpsc::Sender<Event>,
    /// The newest consensus, as it travels.
    pub(super) consensus: watch::Receiver<Option<Arc<Vec<u8>>>>,
}

impl Links {
    /// Serves one link until it ends.
    pub(super) async fn serve(&self, mut link: Link) -> Result<(), LinkError> {
        let mut assembler = DocumentAssembler::new(DocumentKind::Descriptor);
        loop {
            let frame = match tokio::time::timeout(SILENCE_MAX, link.next()).await {
                Ok(frame) => frame?,
                Err(_) => return refuse(link, LinkError::Silent(SILENCE_MAX)),
            };
            match frame {
                Frame::Dummy => {}
                Frame::ConsensusGet => {
                    let consensus = self.consensus.borrow().clone();
                    for frame in ConsensusAnswer::new(consensus) {
                        link.send(&frame).await?;
                    }
                }
                Frame::DocumentPart(part) => match assembler.push(&part) {
                    Ok(None) => {}
                    Ok(Some(bytes)) => link.send(&self.judge(bytes).await?).await?,
                    Err(refusal) => return refuse(link, refusal.into()),
                },
                Frame::Refused { label, text } => return Err(LinkError::Refused { label, text }),
                _ => {
                    return refuse(link, LinkError::Unexpected("descriptors and requests for the consensus"));
                }
            }
        }
    }

    /// The frame that answers a descriptor.
    async fn judge(&self, bytes: Vec<u8>) -> Result<Frame, LinkError> {
        let (reply, replied) = oneshot::channel();
        self.events.send(Event::Descriptor { bytes, reply }).await.map_err(|_| LinkError::Closed)?;
        Ok(match replied.await.map_err(|_| LinkError::Closed)? {
            Verdict::Accepted => Frame::Accepted,
            Verdict::Refused { label, text } => Frame::Refused { label: label.to_owned(), text },
        })
    }
}

fn refuse(link: Link, error: LinkError) -> Result<(), LinkError> {
    link.refuse(error.label(), &error.to_string());
    Err(error)
}
