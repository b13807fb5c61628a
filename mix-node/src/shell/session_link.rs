//! A client's connection once its session is open: packets up, shaped deliveries and dummies down.
//!
//! When something goes down is the core's decision alone: frames are written in the order and at the
//! moment in which they come from it. Only the consensus, which all clients fetch alike, goes in between.

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::SessionAddress;
use sotto_transport::link::{Link, LinkError, LinkReader, LinkWriter};
use tokio::sync::{mpsc, oneshot};

use super::engine::Event;
use super::links::{FRAMES_MAX, LinkContext, Refusal};
use super::outlets::OpenedSession;
use super::uplink_pace::UplinkPace;
use crate::core::{SessionGrant, Source};

/// Pieces of the consensus that wait to be written. The reader waits with them.
const ANSWER_FRAMES_MAX: usize = 8;

/// Serves a client until its connection ends, and tells the core.
pub(crate) async fn serve(link: Link, opened: OpenedSession, context: &LinkContext) -> Result<(), LinkError> {
    let OpenedSession { grant, connection, frames, closing } = opened;
    let session = grant.session;
    let ended = run(link, grant, frames, closing, context).await;
    context.send(Event::SessionEnded { session, connection }).await?;
    ended
}

async fn run(
    mut link: Link,
    grant: SessionGrant,
    frames: mpsc::Receiver<Frame>,
    mut closing: oneshot::Receiver<&'static str>,
    context: &LinkContext,
) -> Result<(), LinkError> {
    let (session, mut pace) = (grant.session, UplinkPace::new(grant.class, context.clock.clone()));
    let resumable_s = u32::try_from(grant.resumable.as_secs()).unwrap_or(u32::MAX);
    link.send(&Frame::SessionOpened { session, token: grant.token, resumable_s }).await?;
    let (mut reader, mut writer) = link.split();
    let (answers_in, answers) = mpsc::channel(ANSWER_FRAMES_MAX);
    let refusal = tokio::select! {
        refusal = read(&mut reader, session, &mut pace, &answers_in, context) => refusal?,
        written = write(&mut writer, frames, answers) => {
            written?;
            match closing.try_recv() {
                Ok(label) => Refusal::new(label, "the node ended this connection"),
                Err(_) => Refusal::new("session-replaced", "another connection has resumed this session"),
            }
        }
    };
    context.count(&refusal);
    writer.refuse(refusal.label, &refusal.text);
    Ok(())
}

/// Takes the client's packets until it is to be refused.
async fn read(
    reader: &mut LinkReader,
    session: SessionAddress,
    pace: &mut UplinkPace,
    answers: &mpsc::Sender<Frame>,
    context: &LinkContext,
) -> Result<Refusal, LinkError> {
    let mut frames = Vec::new();
    loop {
        let frames_max = pace.ready(FRAMES_MAX, context).await;
        frames.clear();
        reader.next_batch(&mut frames, frames_max).await?;
        let mut packets = Vec::with_capacity(frames.len());
        let mut unexpected = None;
        for frame in frames.drain(..) {
            match frame {
                Frame::Packet(packet) => packets.push(packet),
                Frame::ConsensusGet => {
                    pace.asks()?;
                    for frame in context.consensus_frames() {
                        answers.send(frame).await.map_err(|_| LinkError::Closed)?;
                    }
                }
                other => {
                    unexpected = Some(Refusal::unexpected(&other, "packets from a client"));
                    break;
                }
            }
        }
        pace.took(packets.len(), context);
        context.send_packets(Source::Client(session), packets).await?;
        if let Some(refusal) = unexpected {
            return Ok(refusal);
        }
    }
}

/// Writes what the core and the reader hand over until the core lets go of the connection.
async fn write(
    writer: &mut LinkWriter,
    mut frames: mpsc::Receiver<Frame>,
    mut answers: mpsc::Receiver<Frame>,
) -> Result<(), LinkError> {
    let mut batch = Vec::new();
    loop {
        batch.clear();
        tokio::select! {
            biased;
            count = frames.recv_many(&mut batch, FRAMES_MAX) => if count == 0 {
                return Ok(());
            },
            Some(frame) = answers.recv() => batch.push(frame),
        }
        writer.send_all(&batch).await.map_err(|(_, error)| error)?;
    }
}
