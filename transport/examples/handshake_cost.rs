//! What strangers can cost a listener: time for a handshake, memory for one that hangs and for a link that is idle.
//! `cargo run --release -p sotto-transport --no-default-features --example handshake_cost`
//!
//! Both ends are in this process and on one thread, connected by pipes in memory: no socket and no kernel is in the figures, and the
//! time is that of both ends together.
#![allow(clippy::print_stdout, clippy::expect_used, reason = "an example prints what it has found")]

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sotto_protocol::ident::NodeSecret;
use sotto_transport::clock::Clock;
use sotto_transport::dial::{BoxFuture, BoxStream, Dialer};
use sotto_transport::link::{Link, LinkAcceptor, LinkConnector, LinkTimes};
use sotto_transport::node::memory::rss_kib;
use sotto_transport::rng::OsRng;
use tokio::io::{DuplexStream, duplex};
use tokio::task::JoinSet;

const PIPE_BYTES: usize = 64 * 1024;
const HANDSHAKES: usize = 2_000;
const HANGING: usize = 1_024;
const IDLE: usize = 1_000;

/// Hands out one end of a pipe.
struct Pipe(Mutex<Option<DuplexStream>>);

impl Dialer for Pipe {
    fn dial<'a>(&'a self, _address: &'a str) -> BoxFuture<'a, io::Result<BoxStream>> {
        let end = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        Box::pin(async move {
            let end = end.ok_or_else(|| io::Error::other("the pipe has one end"))?;
            Ok(Box::new(end) as BoxStream)
        })
    }
}

struct Ends {
    acceptor: LinkAcceptor,
    node: NodeSecret,
    client: Option<NodeSecret>,
}

impl Ends {
    async fn shake_hands(&self) -> (Link, Link) {
        let (near, far) = duplex(PIPE_BYTES);
        let dialer = Arc::new(Pipe(Mutex::new(Some(near))));
        let times = LinkTimes::default();
        let connector = match &self.client {
            Some(own) => LinkConnector::for_node(dialer, own, times).expect("the key is one"),
            None => LinkConnector::anonymous(dialer, times),
        };
        let node = self.node.id();
        let (made, accepted) =
            tokio::join!(connector.connect(&node, ""), self.acceptor.accept(Box::new(far)));
        (made.expect("a link"), accepted.expect("a link"))
    }
}

fn bytes_each(before_kib: Option<u64>, count: usize) -> u64 {
    let grown = rss_kib().unwrap_or_default().saturating_sub(before_kib.unwrap_or_default());
    grown * 1024 / u64::try_from(count).unwrap_or(1)
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let node = NodeSecret::generate(&mut OsRng);
    let acceptor = LinkAcceptor::new(&node, LinkTimes::default()).expect("the key is one");
    let mut ends = Ends { acceptor, node, client: None };
    let clock = Clock::system();
    for (name, client) in [("without a key", None), ("with a key", Some(NodeSecret::generate(&mut OsRng)))] {
        ends.client = client;
        let begin = clock.now();
        for _ in 0..HANDSHAKES {
            drop(ends.shake_hands().await);
        }
        let each = clock.now().since(begin) / u32::try_from(HANDSHAKES).unwrap_or(1);
        println!("a handshake of a peer {name}: {} us for both ends", each.as_micros());
    }

    let before = rss_kib();
    let mut hanging = JoinSet::new();
    let mut ends_held = Vec::new();
    for _ in 0..HANGING {
        let (near, far) = duplex(PIPE_BYTES);
        ends_held.push(near);
        let acceptor = ends.acceptor.clone();
        hanging.spawn(async move { acceptor.accept(Box::new(far)).await });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    println!("a handshake that hangs: {} bytes", bytes_each(before, HANGING));
    hanging.shutdown().await;

    ends.client = None;
    let before = rss_kib();
    let mut idle = Vec::new();
    for _ in 0..IDLE {
        idle.push(ends.shake_hands().await);
    }
    println!("an idle link: {} bytes for both ends", bytes_each(before, idle.len()));
}
