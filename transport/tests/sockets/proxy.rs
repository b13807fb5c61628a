//! A proxy that shows what an observer of the TCP streams sees, and cuts them where it is told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// One record as an observer sees it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Record {
    pub(crate) content_type: u8,
    pub(crate) len: usize,
}

/// The bytes of one direction.
#[derive(Clone, Default)]
pub(crate) struct Seen(Arc<Mutex<Vec<u8>>>);

impl Seen {
    /// All bytes.
    pub(crate) fn len(&self) -> u64 {
        self.0.lock().unwrap().len().try_into().unwrap()
    }

    /// All whole records, and how many bytes follow them.
    pub(crate) fn records(&self) -> (Vec<Record>, usize) {
        let bytes = self.0.lock().unwrap();
        let (mut records, mut rest) = (Vec::new(), bytes.as_slice());
        while let [content_type, 3, 1 | 3, high, low, body @ ..] = rest {
            let len = usize::from(u16::from_be_bytes([*high, *low]));
            let Some(after) = body.get(len..) else { break };
            records.push(Record { content_type: *content_type, len });
            rest = after;
        }
        (records, rest.len())
    }
}

pub(crate) struct Proxy {
    pub(crate) address: String,
    pub(crate) from_client: Seen,
    pub(crate) from_server: Seen,
    cut: Arc<AtomicBool>,
}

impl Proxy {
    /// Stands between whoever dials it and `target`, for one connection.
    pub(crate) async fn start(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap().to_string(),
            from_client: Seen::default(),
            from_server: Seen::default(),
            cut: Arc::default(),
        };
        let (from_client, from_server) = (proxy.from_client.clone(), proxy.from_server.clone());
        let (cut, target) = (Arc::clone(&proxy.cut), target.to_owned());
        tokio::spawn(async move {
            let (client, _) = listener.accept().await.unwrap();
            let server = TcpStream::connect(target).await.unwrap();
            let (client_reader, client_writer) = client.into_split();
            let (server_reader, server_writer) = server.into_split();
            tokio::spawn(pass(client_reader, server_writer, from_client, cut));
            tokio::spawn(pass(server_reader, client_writer, from_server, Arc::default()));
        });
        proxy
    }

    /// Of the next bytes from the client, lets ten pass, and ends the stream.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }
}

async fn pass(mut reader: OwnedReadHalf, mut writer: OwnedWriteHalf, seen: Seen, cut: Arc<AtomicBool>) {
    let mut buffer = [0; 8192];
    while let Ok(len @ 1..) = reader.read(&mut buffer).await {
        let is_cut = cut.load(Ordering::SeqCst);
        let bytes = &buffer[..if is_cut { 10 } else { len }];
        seen.0.lock().unwrap().extend_from_slice(bytes);
        if writer.write_all(bytes).await.is_err() || is_cut {
            return;
        }
    }
}
