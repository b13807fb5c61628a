//! Follows the boundaries of TLS records in the bytes that come in.
//!
//! TLS hands out whole records only. To tell a stream that ended between two records from one that
//! was cut within one, somebody has to watch the raw bytes; but for being counted, if somebody wants that, nothing
//! else is done with them here.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::buffered::Buffered;
use super::meter::LinkMeter;
use crate::dial::BoxStream;

/// Content type, version, length (RFC 8446, section 5.1).
const RECORD_HEADER_LEN: usize = 5;

/// Where in a record the next byte will be.
#[derive(Default)]
struct RecordBoundary {
    /// Bytes of the current header that have come.
    header_used: usize,
    /// The length field, as far as it has come.
    body_len: usize,
    /// Bytes of the current body that are still to come.
    body_remaining: usize,
}

impl RecordBoundary {
    fn feed(&mut self, mut bytes: &[u8]) {
        while let Some((&byte, rest)) = bytes.split_first() {
            if self.body_remaining > 0 {
                let used = self.body_remaining.min(bytes.len());
                self.body_remaining -= used;
                bytes = bytes.get(used..).unwrap_or_default();
                continue;
            }
            bytes = rest;
            self.header_used += 1;
            if self.header_used + 2 > RECORD_HEADER_LEN {
                self.body_len = (self.body_len << 8) | usize::from(byte);
            }
            if self.header_used == RECORD_HEADER_LEN {
                *self = Self { body_remaining: self.body_len, ..Self::default() };
            }
        }
    }

    const fn is_within_record(&self) -> bool {
        self.header_used > 0 || self.body_remaining > 0
    }
}

/// A stream whose incoming record boundaries are followed, and whose bytes are counted if there is a meter.
pub(super) struct Followed {
    stream: Buffered,
    incoming: RecordBoundary,
    meter: Option<Arc<LinkMeter>>,
}

impl Followed {
    pub(super) fn new(stream: BoxStream, meter: Option<Arc<LinkMeter>>) -> Self {
        Self { stream: Buffered::new(stream), incoming: RecordBoundary::default(), meter }
    }

    /// Counts what the stream has taken.
    fn written(&self, polled: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let (Poll::Ready(Ok(len)), Some(meter)) = (&polled, &self.meter) {
            meter.went_up(*len);
        }
        polled
    }

    /// From here on what is written waits for a flush; and more is read at once, if `is_busy`.
    pub(super) const fn gather(&mut self, is_busy: bool) {
        self.stream.gather(is_busy);
    }

    /// Bytes that the system has taken since the beginning.
    pub(super) const fn taken_bytes(&self) -> u64 {
        self.stream.taken_bytes()
    }

    /// Whether the bytes so far end in the middle of a record.
    pub(super) const fn is_within_record(&self) -> bool {
        self.incoming.is_within_record()
    }
}

impl AsyncRead for Followed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let come = buf.filled().get(before..).unwrap_or_default();
        self.incoming.feed(come);
        if let Some(meter) = &self.meter {
            meter.came_down(come.len());
        }
        polled
    }
}

impl AsyncWrite for Followed {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.written(polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn boundaries_are_found_however_the_bytes_are_cut() {
        let mut bytes = vec![0x17, 3, 3, 0x01, 0x02];
        bytes.extend([0; 0x102]);
        bytes.extend([0x17, 3, 3, 0, 0]);
        bytes.extend([0x17, 3, 3, 0, 1, 9]);
        let ends = [0, 5 + 0x102, 5 + 0x102 + 5, bytes.len()];
        for piece_len in [1, 2, 3, 7, 100, bytes.len()] {
            let mut boundary = RecordBoundary::default();
            let mut fed = 0;
            for piece in bytes.chunks(piece_len) {
                boundary.feed(piece);
                fed += piece.len();
                assert_eq!(boundary.is_within_record(), !ends.contains(&fed), "{fed} bytes by {piece_len}");
            }
        }
    }
}
