//! A buffered reader that wipes what was taken out of it: a request may hold a passphrase.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncBufRead, AsyncRead, ReadBuf};
use zeroize::{Zeroize as _, Zeroizing};

/// The size of the buffer, in bytes.
const BUFFER_LEN: usize = 8 * 1024;

/// Reads through a buffer that keeps nothing.
pub(super) struct WipingReader<R> {
    inner: R,
    buffer: Zeroizing<Vec<u8>>,
    /// What is read and not taken yet: from here
    start: usize,
    /// up to here.
    end: usize,
}

impl<R> WipingReader<R> {
    pub(super) fn new(inner: R) -> Self {
        Self { inner, buffer: Zeroizing::new(vec![0; BUFFER_LEN]), start: 0, end: 0 }
    }
}

impl<R: AsyncRead + Unpin> AsyncBufRead for WipingReader<R> {
    fn poll_fill_buf(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<&[u8]>> {
        let Self { inner, buffer, start, end } = self.get_mut();
        if *start >= *end {
            let mut free = ReadBuf::new(buffer.as_mut_slice());
            ready!(Pin::new(inner).poll_read(context, &mut free))?;
            (*start, *end) = (0, free.filled().len());
        }
        Poll::Ready(Ok(buffer.get(*start..*end).unwrap_or_default()))
    }

    fn consume(self: Pin<&mut Self>, count: usize) {
        let Self { buffer, start, end, .. } = self.get_mut();
        let taken = start.saturating_add(count).min(*end);
        buffer.get_mut(*start..taken).unwrap_or_default().zeroize();
        *start = taken;
    }
}

impl<R: AsyncRead + Unpin> AsyncRead for WipingReader<R> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let filled = ready!(self.as_mut().poll_fill_buf(context))?;
        let count = filled.len().min(into.remaining());
        into.put_slice(filled.get(..count).unwrap_or_default());
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncBufReadExt, AsyncReadExt};

    use super::*;

    #[tokio::test]
    async fn it_reads_as_any_reader_and_keeps_nothing_that_was_taken() {
        let bytes: Vec<u8> = (0..3 * BUFFER_LEN).map(|at| b"abc\n"[at % 4]).chain(*b"the end").collect();
        let mut reader = WipingReader::new(bytes.as_slice());
        let mut line = Vec::new();
        reader.read_until(b'\n', &mut line).await.unwrap();
        assert_eq!(line, b"abc\n");
        assert_eq!(&reader.buffer[..5], b"\0\0\0\0a");
        let mut rest = Vec::new();
        reader.read_to_end(&mut rest).await.unwrap();
        assert_eq!([line, rest].concat(), bytes);
        assert!(reader.buffer.iter().all(|byte| *byte == 0));
    }
}
