//! A client's connection once its session is open: packets up, shaped deliveries and dummies down.
//!
//! When something goes down is the core's decision alone: frames are written in the order and at the
//! moment in which they come from it. Only the consensus, which all clients fetch alike, goes in between.

use sotto_protocol::frame::Frame;
use sotto_protocol::ident::SessionAddress;
use sotto_protocol::sphinx::Packet;
use sotto_protocol::time::Timestamp;
use sotto_transport::link::{Link, LinkError, LinkReader, LinkWriter};
use tokio::sync::oneshot;

use super::answers::Answers;
use super::engine::Event;
use super::links::{FRAMES_MAX, LinkContext, Refusal, Taken};
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
    let mut pending = Pending::default();
    let refusal = tokio::select! {
        refusal = read(&mut reader, session, &mut pace, &answers, &mut pending, context) => refusal,
        written = write(&mut writer, frames, &answers) => {
            written.map(|()| match closing.try_recv() {
                Ok(label) => Refusal::new(label, "the node ended this connection"),
                Err(_) => Refusal::new("session-replaced", "another connection has resumed this session"),
            })
        }
    };
    // However it ended: what came is accounted for.
    pending.hand_over(session, context).await?;
    let refusal = refusal?;
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
    pending: &mut Pending,
    context: &LinkContext,
) -> Result<Refusal, LinkError> {
    let mut frames = Vec::new();
    loop {
        let frames_max = pace.ready(FRAMES_MAX, context).await;
        frames.clear();
        reader.next_batch(&mut frames, frames_max).await?;
        let Taken { packets, dummies, requests, unexpected } = Taken::of(frames.drain(..));
        pace.took(packets.len(), context);
        *pending = Pending { arrived: context.clock.now(), packets };
        Box::pin(pending.hand_over(session, context)).await?;
        for _ in 0..requests {
            pace.asks()?;
            for frame in context.consensus_frames() {
                answers.put(vec![frame]).await;
            }
        }
        let unexpected = unexpected.or((dummies > 0).then_some(Frame::Dummy));
        if let Some(frame) = unexpected {
            return Ok(Refusal::unexpected(&frame, "packets from a client"));
        }
    }
}

/// Packets that were read and not yet handed to the core. It outlives the reading, which may be cut off at any time.
#[derive(Default)]
struct Pending {
    arrived: Timestamp,
    packets: Vec<Packet>,
}

impl Pending {
    async fn hand_over(&mut self, session: SessionAddress, context: &LinkContext) -> Result<(), LinkError> {
        context.send_packets(Source::Client(session), self.arrived, &mut self.packets).await
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
