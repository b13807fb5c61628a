//! A client's connection once its session is open: packets up, shaped deliveries and dummies down.
//!
//! When something goes down is the core's decision alone: frames are written in the order and at the
//! moment in which they come from it. Only the consensus, which all clients fetch alike, goes in between.

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::SessionAddress;
use sotto_transport::link::{Link, LinkError, LinkReader, LinkWriter};
use tokio::sync::oneshot;

use super::answers::Answers;
use super::engine::Event;
use super::links::{FRAMES_MAX, LinkContext, Refusal};
use super::outlets::{FrameReceiver, OpenedSession};
use super::uplink_pace::UplinkPace;
use crate::core::{SessionGrant, Source};

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
    frames: FrameReceiver,
    mut closing: oneshot::Receiver<&'static str>,
    context: &LinkContext,
) -> Result<(), LinkError> {
    let (session, mut pace) = (grant.session, UplinkPace::new(grant.class, context.clock.clone()));
    let resumable_s = u32::try_from(grant.resumable.as_secs()).unwrap_or(u32::MAX);
    let opened = Frame::SessionOpened { session, token: grant.token, resumable_s };
    Box::pin(link.send(&opened)).await?;
    let (mut reader, mut writer) = link.split();
    let answers = Answers::default();
    let refusal = tokio::select! {
        refusal = read(&mut reader, session, &mut pace, &answers, context) => refusal?,
        written = write(&mut writer, frames, &answers) => {
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
    answers: &Answers,
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
                        answers.put(vec![frame]).await;
                    }
                }
                other => {
                    unexpected = Some(Refusal::unexpected(&other, "packets from a client"));
                    break;
                }
            }
        }
        pace.took(packets.len(), context);
        Box::pin(context.send_packets(Source::Client(session), packets)).await?;
        if let Some(refusal) = unexpected {
            return Ok(refusal);
        }
    }
}

/// Writes what the core and the reader hand over until the core lets go of the connection.
async fn write(
    writer: &mut LinkWriter,
    mut frames: FrameReceiver,
    answers: &Answers,
) -> Result<(), LinkError> {
    loop {
        // Made anew each time: an idle connection holds no buffer.
        let mut boxed = Vec::new();
        tokio::select! {
            biased;
            count = frames.recv_many(&mut boxed, FRAMES_MAX) => if count == 0 {
                return Ok(());
            },
            frame = answers.take() => boxed.push(Box::new(frame)),
        }
        let batch: Vec<Frame> = boxed.into_iter().map(|frame| *frame).collect();
        // On the heap, as most of the time nothing is sent.
        Box::pin(writer.send_all(&batch)).await.map_err(|(_, error)| error)?;
    }
}
