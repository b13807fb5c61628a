//! A link as the shells use it: frames in, frames out, in one task or in two.

use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use tokio_rustls::TlsStream;

use super::error::LinkError;
use super::record::Followed;
use super::tls::{Negotiated, negotiated, peer};
use super::wire::Wire;
use super::{LinkTimes, Peer};
use crate::clock::Countdown;

/// An established link.
pub struct Link {
    peer: Peer,
    negotiated: Negotiated,
    reader: LinkReader,
    writer: LinkWriter,
}

impl Link {
    pub(super) fn new(mut stream: TlsStream<Followed>, times: LinkTimes) -> Result<Self, LinkError> {
        let connection = stream.get_ref().1;
        let (peer, negotiated) = (peer(connection)?, negotiated(connection)?);
        let is_busy = matches!(peer, Peer::Node(_));
        match &mut stream {
            TlsStream::Client(stream) => stream.get_mut().0.gather(is_busy),
            TlsStream::Server(stream) => stream.get_mut().0.gather(is_busy),
        }
        let wire = Wire::new(stream);
        let silence = times.silence_max.map(|span| (span, Countdown::new(span)));
        let reader = LinkReader { wire: Arc::clone(&wire), silence, ended: None };
        let writer = LinkWriter { wire, stall_max: times.stall_max };
        Ok(Self { peer, negotiated, reader, writer })
    }

    /// Who is at the other end.
    #[must_use]
    pub const fn peer(&self) -> Peer {
        self.peer
    }

    /// What the handshake agreed on.
    #[must_use]
    pub const fn negotiated(&self) -> Negotiated {
        self.negotiated
    }

    /// See [`LinkReader::next`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn next(&mut self) -> Result<Frame, LinkError> {
        self.reader.next().await
    }

    /// See [`LinkReader::next_batch`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn next_batch(&mut self, frames: &mut Vec<Frame>, frames_max: usize) -> Result<(), LinkError> {
        self.reader.next_batch(frames, frames_max).await
    }

    /// See [`LinkWriter::send`].
    ///
    /// # Errors
    ///
    /// As there.
    pub async fn send(&mut self, frame: &Frame) -> Result<(), LinkError> {
        self.writer.send(frame).await
    }

    /// See [`LinkWriter::refuse`].
    pub fn refuse(self, label: &str, text: &str) {
        self.writer.refuse(label, text);
    }

    /// The two halves, for two tasks. When one is dropped, the connection closes, and the other
    /// half gets [`LinkError::Closed`].
    #[must_use]
    pub fn split(self) -> (LinkReader, LinkWriter) {
        (self.reader, self.writer)
    }
}

/// The half that receives.
pub struct LinkReader {
    wire: Arc<Wire>,
    silence: Option<(Duration, Countdown)>,
    /// How the link ended, if that came to light after frames that had to be handed out first.
    ended: Option<LinkError>,
}

impl LinkReader {
    /// The next frame. Cancelled, it loses none; the limit on silence keeps running between calls.
    ///
    /// # Errors
    ///
    /// The link has ended when this returns an error. A record that is not exactly one acceptable frame,
    /// and silence, are answered with a `Refused` frame before the connection is closed.
    pub async fn next(&mut self) -> Result<Frame, LinkError> {
        if let Some(error) = self.ended.take() {
            return Err(error);
        }
        let next = match &mut self.silence {
            None => self.wire.next_frame().await,
            Some((silence_max, countdown)) => tokio::select! {
                biased;
                next = self.wire.next_frame() => {
                    countdown.restart();
                    next
                }
                () = countdown.run_out() => Err(LinkError::Silent(*silence_max)),
            },
        };
        if let Err(error) = &next {
            self.end(error);
        }
        next
    }

    /// Waits for the next frame as [`LinkReader::next`] does, then takes those that have come already, up to
    /// `frames_max` in all, and appends them to `frames`. Cancelled, it loses none.
    ///
    /// # Errors
    ///
    /// As there. Frames that came before the link's end are handed out first.
    pub async fn next_batch(&mut self, frames: &mut Vec<Frame>, frames_max: usize) -> Result<(), LinkError> {
        frames.push(self.next().await?);
        for _ in 1..frames_max {
            match self.wire.try_next_frame().await {
                Some(Ok(frame)) => frames.push(frame),
                Some(Err(error)) => {
                    self.end(&error);
                    self.ended = Some(error);
                    break;
                }
                None => break,
            }
        }
        Ok(())
    }

    /// Ends the link for this reason; the peer is told if the reason is of its making.
    fn end(&self, error: &LinkError) {
        match error {
            LinkError::Frame(_) | LinkError::Truncated | LinkError::Oversized | LinkError::Silent(_) => {
                self.wire.refuse(error.label(), &error.to_string());
            }
            _ => self.wire.close_unless_refusing(),
        }
    }
}

impl Drop for LinkReader {
    fn drop(&mut self) {
        self.wire.close_unless_refusing();
    }
}

/// The half that sends.
pub struct LinkWriter {
    wire: Arc<Wire>,
    stall_max: Duration,
}

impl LinkWriter {
    /// Sends one frame as one TLS record, and returns when the system has taken it. Whether the peer will
    /// get it, nobody can tell from here.
    ///
    /// Cancelled, it has sent the frame whole or not at all, or a later call completes it.
    ///
    /// # Errors
    ///
    /// When the link has ended, or the peer takes nothing for the time allowed; the link has ended then.
    pub async fn send(&mut self, frame: &Frame) -> Result<(), LinkError> {
        self.wire.send(frame, self.stall_max).await
    }

    /// Sends frames in order, each as one TLS record, and returns when the system has taken them all. The time
    /// allowed is for all of them together.
    ///
    /// # Errors
    ///
    /// As [`LinkWriter::send`], with how many of the frames the system had taken. The link has ended then.
    pub async fn send_all(&mut self, frames: &[Frame]) -> Result<(), (usize, LinkError)> {
        self.wire.send_all(frames, self.stall_max).await
    }

    /// Ends the link at once for this side and tells the peer why, best effort, in the background.
    ///
    /// `label` and `text` are cut to what a frame holds.
    pub fn refuse(self, label: &str, text: &str) {
        self.wire.refuse(label, text);
    }
}

impl Drop for LinkWriter {
    fn drop(&mut self) {
        self.wire.close_unless_refusing();
    }
}
