//! One TLS stream shared by the two halves of a link, which may run in two tasks.
//!
//! A half locks the stream for one poll at a time. Whoever ends the link takes the stream away and wakes
//! the other half, so that no half of a dead link is left waiting.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::limits::FRAME_LEN;
use tokio::io::{AsyncBufRead, AsyncWrite};
use tokio_rustls::TlsStream;

use super::error::LinkError;
use super::record::Followed;

/// How long a refused peer has to read the reason. A stream closed with unread bytes in it is reset,
/// and a reset may overtake the refusal: so what still comes is read and thrown away in that time.
const REFUSAL_MAX: Duration = Duration::from_secs(1);

/// How many records of a refused peer are thrown away before the stream is closed regardless.
const REFUSAL_RECORDS_MAX: usize = 256;

/// One frame's record on the wire: header (5), frame, content type (1), tag (16): RFC 8446, section 5.2.
const RECORD_LEN: u64 = 5 + FRAME_LEN as u64 + 1 + 16;

/// On whose behalf the stream is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    Half,
    Refusal,
}

struct State {
    /// Taken away when the link has ended.
    stream: Option<TlsStream<Followed>>,
    /// A refusal is on its way: for the halves the link has ended already.
    is_refusing: bool,
    /// As of the last look, for when the stream is gone.
    taken_bytes: u64,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl State {
    fn stream_for(&mut self, user: User) -> Option<&mut TlsStream<Followed>> {
        let is_usable = user == User::Refusal || !self.is_refusing;
        self.stream.as_mut().filter(|_| is_usable)
    }

    fn wake_both(&mut self) {
        for waker in [self.reader.take(), self.writer.take()].into_iter().flatten() {
            waker.wake();
        }
    }
}

/// The shared stream.
pub(super) struct Wire {
    state: Mutex<State>,
    /// Held for a whole frame, so that frames do not interleave.
    sending: tokio::sync::Mutex<()>,
}

impl Wire {
    pub(super) fn new(stream: TlsStream<Followed>) -> Arc<Self> {
        let state =
            State { stream: Some(stream), is_refusing: false, taken_bytes: 0, reader: None, writer: None };
        Arc::new(Self { state: Mutex::new(state), sending: tokio::sync::Mutex::new(()) })
    }

    /// The next record, which must be one frame. Cancelled, it loses nothing.
    pub(super) async fn next_frame(&self) -> Result<Frame, LinkError> {
        poll_fn(|cx| self.poll_record(cx, User::Half, decode_record)).await?
    }

    /// The next record if it has come already.
    pub(super) async fn try_next_frame(&self) -> Option<Result<Frame, LinkError>> {
        poll_fn(|cx| match self.poll_record(cx, User::Half, decode_record) {
            Poll::Ready(frame) => Poll::Ready(Some(frame.and_then(|frame| frame))),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    /// Sends frames, each as one record, with as few calls of the system as that takes. If the link ends, the
    /// error comes with how many of the frames the system had taken whole.
    pub(super) async fn send_all(
        &self,
        frames: &[Frame],
        stall_max: Duration,
    ) -> Result<(), (usize, LinkError)> {
        let taken_before = self.taken_bytes();
        let error = match tokio::time::timeout(stall_max, self.write_all(frames)).await {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(error)) => error,
            Err(_) => LinkError::Stalled(stall_max),
        };
        let taken = self.taken_bytes().saturating_sub(taken_before) / RECORD_LEN;
        self.close();
        Err((usize::try_from(taken).unwrap_or(usize::MAX).min(frames.len()), error))
    }

    async fn write_all(&self, frames: &[Frame]) -> Result<(), LinkError> {
        let _whole_frames = self.sending.lock().await;
        self.flush(User::Half).await?;
        for frame in frames {
            self.put(User::Half, frame).await?;
        }
        self.flush(User::Half).await
    }

    /// Bytes that the system has taken since the link began, as far as it is known once the link has ended.
    fn taken_bytes(&self) -> u64 {
        let mut state = self.lock();
        let taken = state.stream.as_ref().map(|tls| tls.get_ref().0.taken_bytes());
        if let Some(taken) = taken {
            state.taken_bytes = taken;
        }
        state.taken_bytes
    }

    /// Sends one frame as one record. Cancelled, the frame has either not been begun, or will be completed
    /// before the next one.
    pub(super) async fn send(&self, frame: &Frame, stall_max: Duration) -> Result<(), LinkError> {
        let sending = self.send_as(User::Half, frame);
        match tokio::time::timeout(stall_max, sending).await {
            Ok(sent) => sent,
            Err(_) => {
                self.close();
                Err(LinkError::Stalled(stall_max))
            }
        }
    }

    async fn send_as(&self, user: User, frame: &Frame) -> Result<(), LinkError> {
        let _whole_frame = self.sending.lock().await;
        // What a cancelled call has left goes first.
        self.flush(user).await?;
        self.put(user, frame).await?;
        self.flush(user).await
    }

    /// Gives one frame to TLS, whose buffer is empty, so that it takes the frame in one piece, and one piece is one
    /// record.
    async fn put(&self, user: User, frame: &Frame) -> Result<(), LinkError> {
        let taken_len = match frame.packet_parts() {
            Some((header, packet)) => {
                let parts = [IoSlice::new(&header), IoSlice::new(packet)];
                poll_fn(|cx| self.poll_write(cx, user, |tls, cx| tls.poll_write_vectored(cx, &parts))).await?
            }
            None => {
                let bytes = frame.encode();
                poll_fn(|cx| self.poll_write(cx, user, |tls, cx| tls.poll_write(cx, bytes.as_slice())))
                    .await?
            }
        };
        if taken_len != FRAME_LEN {
            self.close();
            return Err(LinkError::Closed);
        }
        Ok(())
    }

    async fn flush(&self, user: User) -> Result<(), LinkError> {
        poll_fn(|cx| self.poll_write(cx, user, |tls, cx| tls.poll_flush(cx))).await
    }

    /// Ends the link for both halves, then tells the peer why, best effort, and closes the stream.
    pub(super) fn refuse(self: &Arc<Self>, label: &str, text: &str) {
        let mut state = self.lock();
        if state.is_refusing || state.stream.is_none() {
            return;
        }
        state.is_refusing = true;
        state.wake_both();
        drop(state);
        let wire = Arc::clone(self);
        let refusal = Frame::Refused { label: label.to_owned(), text: text.to_owned() };
        tokio::spawn(async move {
            let telling = async {
                wire.send_as(User::Refusal, &refusal).await?;
                for _ in 0..REFUSAL_RECORDS_MAX {
                    poll_fn(|cx| wire.poll_record(cx, User::Refusal, |_ignored| ())).await?;
                }
                Ok::<(), LinkError>(())
            };
            // Whether it was told or not, the peer is cut off now.
            let _told = tokio::time::timeout(REFUSAL_MAX, telling).await;
            wire.close();
        });
    }

    /// Closes the stream and wakes both halves.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        let stream = state.stream.take();
        if let Some(tls) = &stream {
            state.taken_bytes = tls.get_ref().0.taken_bytes();
        }
        state.wake_both();
        drop(state);
        drop(stream);
    }

    /// Closes the stream unless a refusal is on its way, which closes it itself.
    pub(super) fn close_unless_refusing(&self) {
        if !self.lock().is_refusing {
            self.close();
        }
    }

    fn poll_record<T>(
        &self,
        cx: &mut Context<'_>,
        user: User,
        read: impl FnOnce(&[u8]) -> T,
    ) -> Poll<Result<T, LinkError>> {
        let mut state = self.lock();
        let Some(tls) = state.stream_for(user) else {
            return Poll::Ready(Err(LinkError::Closed));
        };
        // rustls keeps each record's text in a piece of its own and hands out one piece at a time.
        match Pin::new(&mut *tls).poll_fill_buf(cx) {
            // A closing alert. No peer of this protocol sends one; it ends the link like the stream's end.
            Poll::Ready(Ok([])) => Poll::Ready(Err(LinkError::Closed)),
            Poll::Ready(Ok(record)) => {
                let record_len = record.len();
                let value = read(record);
                Pin::new(tls).consume(record_len);
                Poll::Ready(Ok(value))
            }
            Poll::Ready(Err(error)) => {
                let is_within_record = tls.get_ref().0.is_within_record();
                Poll::Ready(Err(LinkError::from_stream(&error, is_within_record)))
            }
            Poll::Pending => {
                keep(&mut state.reader, cx);
                Poll::Pending
            }
        }
    }

    fn poll_write<T>(
        &self,
        cx: &mut Context<'_>,
        user: User,
        write: impl FnOnce(Pin<&mut TlsStream<Followed>>, &mut Context<'_>) -> Poll<io::Result<T>>,
    ) -> Poll<Result<T, LinkError>> {
        let mut state = self.lock();
        let Some(tls) = state.stream_for(user) else {
            return Poll::Ready(Err(LinkError::Closed));
        };
        let polled = write(Pin::new(tls), cx);
        if polled.is_pending() {
            keep(&mut state.writer, cx);
        }
        Poll::Ready(ready!(polled).map_err(|error| LinkError::from_stream(&error, false)))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing panics with the lock held; if it did, the stream would still be a stream.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn decode_record(record: &[u8]) -> Result<Frame, LinkError> {
    match record.len() {
        len if len < FRAME_LEN => Err(LinkError::Truncated),
        len if len > FRAME_LEN => Err(LinkError::Oversized),
        _ => Ok(Frame::decode(record)?),
    }
}

fn keep(slot: &mut Option<Waker>, cx: &Context<'_>) {
    match slot {
        Some(waker) => waker.clone_from(cx.waker()),
        None => *slot = Some(cx.waker().clone()),
    }
}
