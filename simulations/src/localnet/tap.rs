//! A wire tap: a TCP relay in front of one node that writes down what an observer of the wire sees.
//!
//! It reads TLS record headers (RFC 8446, section 5.1), which travel in the clear, and passes every byte
//! on unchanged. It has no keys and sees no plaintext. The node announces the tap's address, so that all
//! its peers come through here.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use sotto_protocol::time::Timestamp;
use sotto_transport::clock::Clock;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Header of a TLS record: type (1), legacy version (2), length (2).
const RECORD_HEADER_LEN: usize = 5;
/// What one read of a socket can bring.
const READ_LEN: usize = 16 * 1024;

/// One TLS record seen on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When its last byte had passed.
    pub at: Timestamp,
    /// Which connection, counted from 0 at this tap.
    pub connection: usize,
    /// Whether the side that dialled sent it.
    pub from_dialler: bool,
    /// The record's content type; 23 is application data, and everything encrypted looks like it.
    pub content_type: u8,
    /// Length of the record's body in bytes, as the header says.
    pub body_len: usize,
}

/// A relay in front of one node.
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    records: Arc<Mutex<Vec<Record>>>,
    task: JoinHandle<()>,
}

impl Tap {
    /// Listens on a free loopback port and relays to `upstream`.
    ///
    /// # Errors
    /// No port can be bound.
    pub async fn start(upstream: SocketAddr, clock: Clock) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let records = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&records);
        let task = tokio::spawn(async move {
            let mut connection = 0;
            while let Ok((dialler, _)) = listener.accept().await {
                tokio::spawn(relay(dialler, upstream, connection, Arc::clone(&shared), clock.clone()));
                connection += 1;
            }
        });
        Ok(Self { address, records, task })
    }

    /// Where peers connect.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Every record seen so far, in the order in which they passed.
    #[must_use]
    pub fn records(&self) -> Vec<Record> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn relay(
    dialler: TcpStream,
    upstream: SocketAddr,
    connection: usize,
    records: Arc<Mutex<Vec<Record>>>,
    clock: Clock,
) {
    let Ok(node) = TcpStream::connect(upstream).await else { return };
    if dialler.set_nodelay(true).and_then(|()| node.set_nodelay(true)).is_err() {
        return;
    }
    let (from_dialler, to_dialler) = dialler.into_split();
    let (from_node, to_node) = node.into_split();
    let there = pump(from_dialler, to_node, connection, true, Arc::clone(&records), clock.clone());
    let back = pump(from_node, to_dialler, connection, false, records, clock);
    // When one direction ends the other side is told by closing its writing half, inside `pump`.
    tokio::join!(there, back);
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    connection: usize,
    from_dialler: bool,
    records: Arc<Mutex<Vec<Record>>>,
    clock: Clock,
) {
    let mut splitter = RecordSplitter::default();
    let mut buffer = vec![0_u8; READ_LEN];
    while let Ok(read @ 1..) = from.read(&mut buffer).await {
        let Some(bytes) = buffer.get(..read) else { break };
        let at = clock.now();
        let seen: Vec<Record> = splitter
            .feed(bytes)
            .into_iter()
            .map(|(content_type, body_len)| Record { at, connection, from_dialler, content_type, body_len })
            .collect();
        records.lock().unwrap_or_else(PoisonError::into_inner).extend(seen);
        if to.write_all(bytes).await.is_err() {
            break;
        }
    }
    // The other side may have gone first; then there is nobody left to tell.
    let _ = to.shutdown().await;
}

/// Finds record boundaries in a byte stream that arrives in arbitrary pieces.
#[derive(Debug, Default)]
struct RecordSplitter {
    header: Vec<u8>,
    body_left: usize,
    current: Option<(u8, usize)>,
}

impl RecordSplitter {
    /// Returns type and body length of each record that these bytes complete.
    fn feed(&mut self, mut bytes: &[u8]) -> Vec<(u8, usize)> {
        let mut complete = Vec::new();
        while !bytes.is_empty() {
            if self.body_left == 0 {
                let wanted = (RECORD_HEADER_LEN - self.header.len()).min(bytes.len());
                let (head, rest) = bytes.split_at(wanted);
                self.header.extend_from_slice(head);
                bytes = rest;
                if let [content_type, _, _, high, low] = *self.header.as_slice() {
                    let body_len = usize::from(u16::from_be_bytes([high, low]));
                    self.header.clear();
                    self.body_left = body_len;
                    self.current = Some((content_type, body_len));
                }
            } else {
                let (_, rest) = bytes.split_at(self.body_left.min(bytes.len()));
                self.body_left -= bytes.len() - rest.len();
                bytes = rest;
            }
            if self.body_left == 0 {
                complete.extend(self.current.take());
            }
        }
        complete
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_are_found_whatever_the_pieces() {
        let stream: Vec<u8> = [
            vec![22, 3, 3, 0, 2, 9, 9],
            vec![23, 3, 3, 0, 0],
            vec![23, 3, 3, 1, 4].into_iter().chain(vec![7; 260]).collect(),
        ]
        .concat();
        for piece_len in [1, 2, 3, 5, 7, 64, 1000] {
            let mut splitter = RecordSplitter::default();
            let found: Vec<_> = stream.chunks(piece_len).flat_map(|piece| splitter.feed(piece)).collect();
            assert_eq!(found, [(22, 2), (23, 0), (23, 260)], "pieces of {piece_len}");
        }
    }
}
