//! A byte stream with a buffer in each direction under TLS, so that many records cost one call of the system.
//!
//! An idle link holds no buffer: each is made when it is needed and given back when it is empty. What a record is
//! is not known here. What is written goes out at the latest with the next flush; before [`Buffered::gather`], at
//! once, because TLS does not flush the alert with which it refuses a handshake.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

use crate::dial::BoxStream;

/// Bytes that one call of the system reads at most on a link to a node: about thirteen records.
const INCOMING_MAX: usize = 32 * 1024;

/// The same on a client's link, of which there are thousands, and which may have to wait with records unread: two
/// records.
const INCOMING_OF_MANY_MAX: usize = 5 * 1024;

/// Bytes that may wait for a flush before a write waits for the system: about fifty records.
const OUTGOING_MAX: usize = 128 * 1024;

/// A stream with buffers.
pub(super) struct Buffered {
    stream: BoxStream,
    incoming: Vec<u8>,
    /// Bytes of `incoming` that have been handed out.
    incoming_used: usize,
    outgoing: Vec<u8>,
    /// Whether what is written waits for a flush.
    gathers: bool,
    /// Bytes that one call of the system reads at most.
    incoming_max: usize,
    /// Bytes of `outgoing` that the system has taken.
    outgoing_taken: usize,
    /// Bytes that the system has taken since the beginning.
    taken_bytes: u64,
}

impl Buffered {
    pub(super) const fn new(stream: BoxStream) -> Self {
        Self {
            stream,
            incoming: Vec::new(),
            incoming_used: 0,
            outgoing: Vec::new(),
            gathers: false,
            incoming_max: INCOMING_OF_MANY_MAX,
            outgoing_taken: 0,
            taken_bytes: 0,
        }
    }

    /// From here on what is written waits for a flush; and more is read at once, if `is_busy`.
    pub(super) const fn gather(&mut self, is_busy: bool) {
        self.gathers = true;
        if is_busy {
            self.incoming_max = INCOMING_MAX;
        }
    }

    /// Bytes that the system has taken since the beginning.
    pub(super) const fn taken_bytes(&self) -> u64 {
        self.taken_bytes
    }

    /// Hands everything that waits to the system.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(waiting) = self.outgoing.get(self.outgoing_taken..).filter(|rest| !rest.is_empty()) {
            let taken = ready!(Pin::new(&mut self.stream).poll_write(cx, waiting))?;
            if taken == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.outgoing_taken += taken;
            self.taken_bytes = self.taken_bytes.saturating_add(u64::try_from(taken).unwrap_or(u64::MAX));
        }
        self.outgoing = Vec::new();
        self.outgoing_taken = 0;
        Poll::Ready(Ok(()))
    }
}

impl AsyncRead for Buffered {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.incoming_used >= this.incoming.len() {
            this.incoming.clear();
            this.incoming_used = 0;
            this.incoming.reserve(this.incoming_max);
            let polled = pin!(this.stream.read_buf(&mut this.incoming)).poll(cx);
            match polled {
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => {
                    this.incoming = Vec::new();
                    return Poll::Pending;
                }
            }
        }
        let unread = this.incoming.get(this.incoming_used..).unwrap_or_default();
        let len = unread.len().min(buf.remaining());
        buf.put_slice(unread.get(..len).unwrap_or_default());
        this.incoming_used += len;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Buffered {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if !self.gathers {
            return Pin::new(&mut self.stream).poll_write(cx, bytes);
        }
        if self.outgoing.len() >= OUTGOING_MAX {
            ready!(self.poll_drain(cx))?;
        }
        self.outgoing.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};

    use super::*;

    #[tokio::test]
    async fn what_is_written_goes_out_with_the_flush_and_not_before() {
        let (near, mut far) = duplex(1 << 20);
        let mut stream = Buffered::new(Box::new(near));
        stream.gather(true);
        stream.write_all(&[1; 5_000]).await.unwrap();
        stream.write_all(&[2; 5_000]).await.unwrap();
        assert_eq!(stream.taken_bytes(), 0);
        stream.flush().await.unwrap();
        assert_eq!(stream.taken_bytes(), 10_000);
        assert_eq!(stream.outgoing.capacity(), 0, "an idle stream holds no buffer");
        let mut got = vec![0; 10_000];
        far.read_exact(&mut got).await.unwrap();
        assert!(got[..5_000].iter().all(|byte| *byte == 1) && got[5_000..].iter().all(|byte| *byte == 2));
    }

    #[tokio::test]
    async fn a_peer_that_takes_nothing_bounds_what_waits() {
        let (near, _far) = duplex(1_000);
        let mut stream = Buffered::new(Box::new(near));
        stream.gather(true);
        let record = [7; 2_422];
        let mut written = 0;
        std::future::poll_fn(|cx| {
            while Pin::new(&mut stream).poll_write(cx, &record).is_ready() {
                written += record.len();
            }
            Poll::Ready(())
        })
        .await;
        assert!((OUTGOING_MAX..OUTGOING_MAX + record.len()).contains(&written), "{written}");
        assert_eq!(stream.taken_bytes(), 1_000);
    }

    #[tokio::test]
    async fn bytes_come_out_as_they_went_in_however_they_are_cut() {
        let (near, mut far) = duplex(1 << 20);
        let mut stream = Buffered::new(Box::new(near));
        let sent: Vec<u8> = (0..100_000_u32).map(|i| i.to_le_bytes()[0] ^ i.to_le_bytes()[1]).collect();
        far.write_all(&sent).await.unwrap();
        drop(far);
        let mut got = Vec::new();
        for piece_len in [1, 5, 4_096, 17, 40_000].into_iter().cycle() {
            let mut piece = vec![0; piece_len];
            let len = stream.read(&mut piece).await.unwrap();
            if len == 0 {
                break;
            }
            got.extend_from_slice(&piece[..len]);
        }
        assert!(got == sent);
    }
}
