//! What a listener takes on, by real sockets. Linux lets every address of 127.0.0.0/8 call, so that several places can
//! be told apart on one host.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_transport::dial::{BoxFuture, BoxStream, Dialer};
use sotto_transport::link::{Link, LinkConnector, LinkTimes};
use sotto_transport::listen::ListenLimits;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::{Node, eventually, soon};

/// Calls from a loopback address of its own.
struct From(&'static str);

impl From {
    async fn call(&self, address: &str) -> std::io::Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(self.0.parse().unwrap(), 0))?;
        socket.connect(address.parse().unwrap()).await
    }
}

impl Dialer for From {
    fn dial<'a>(&'a self, address: &'a str) -> BoxFuture<'a, std::io::Result<BoxStream>> {
        Box::pin(async move { Ok(Box::new(self.call(address).await?) as BoxStream) })
    }
}

/// A link from `from` that has been answered, if it was let in.
async fn link_from(from: &'static str, node: &Node) -> Option<Link> {
    let connector = LinkConnector::anonymous(Arc::new(From(from)), LinkTimes::default());
    let mut link = soon(connector.connect(&node.id, &node.address)).await.ok()?;
    link.send(&Frame::Dummy).await.ok()?;
    matches!(soon(link.next()).await, Ok(Frame::Dummy)).then_some(link)
}

/// Expects a connection to be closed before anything was sent by it.
async fn expect_closed(mut stream: TcpStream) {
    let mut rest = Vec::new();
    // A reset ends it as well as an orderly end does.
    let _ended = soon(stream.read_to_end(&mut rest)).await;
    assert!(rest.is_empty());
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_others_still_come_in() {
    let limits = ListenLimits { connections_per_address_max: 5, ..ListenLimits::default() };
    let node = Node::echo_with(1, LinkTimes::default(), limits).await;
    let mut held = Vec::new();
    for _ in 0..4 {
        held.push(link_from("127.0.0.2", &node).await.unwrap());
    }
    // A connection that is silent counts as well.
    let _silent = From("127.0.0.2").call(&node.address).await.unwrap();
    for count in 1..=10 {
        expect_closed(From("127.0.0.2").call(&node.address).await.unwrap()).await;
        eventually("it is counted", || node.failures_of("address-full") == count).await;
    }
    let _other = link_from("127.0.0.3", &node).await.unwrap();
    assert!(held.pop().is_some());
    let again = async { while link_from("127.0.0.2", &node).await.is_none() {} };
    soon(again).await;
}

#[tokio::test]
async fn a_flood_of_handshakes_from_one_address_leaves_the_others_theirs() {
    let limits = ListenLimits {
        connections_per_address_max: 8,
        handshakes_per_address_per_s_max: 1,
        handshakes_per_s_max: 64,
        ..ListenLimits::default()
    };
    let node = Node::echo_with(1, LinkTimes::default(), limits).await;
    for _ in 0..200 {
        drop(From("127.0.0.2").call(&node.address).await.unwrap());
    }
    let turned_away = || node.failures_of("address-too-fast") + node.failures_of("address-full");
    eventually("the flood is turned away", || turned_away() > 100).await;
    assert!(node.failures_of("address-too-fast") > 0);
    for _ in 0..8 {
        assert!(link_from("127.0.0.3", &node).await.is_some());
    }
    assert_eq!(node.failures_of("handshakes-too-fast"), 0);
}

#[tokio::test]
async fn handshakes_of_all_are_limited_together() {
    let limits = ListenLimits { handshakes_per_s_max: 1, ..ListenLimits::default() };
    let node = Node::echo_with(1, LinkTimes::default(), limits).await;
    let _first = link_from("127.0.0.2", &node).await.unwrap();
    expect_closed(From("127.0.0.3").call(&node.address).await.unwrap()).await;
    eventually("it is counted", || node.failures_of("handshakes-too-fast") == 1).await;
    let later = async {
        while link_from("127.0.0.3", &node).await.is_none() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(later).await;
}

#[tokio::test]
async fn hanging_handshakes_of_one_address_push_out_one_another_and_nobody_else() {
    let times = LinkTimes { handshake_max: Duration::from_secs(60), ..LinkTimes::default() };
    let limits = ListenLimits { handshakes_max: 16, ..ListenLimits::default() };
    let node = Node::echo_with(1, times, limits).await;
    let _older = From("127.0.0.3").call(&node.address).await.unwrap();
    let mut hanging = Vec::new();
    for _ in 0..40 {
        hanging.push(From("127.0.0.2").call(&node.address).await.unwrap());
    }
    // Of 41 there are 25 too many. All of these are from one address, though the oldest is from another.
    eventually("some had to go", || node.failures_of("handshake-evicted") == 25).await;
    for stream in &mut hanging[..25] {
        assert_eq!(soon(stream.read(&mut [0])).await.unwrap(), 0);
    }
    assert!(link_from("127.0.0.4", &node).await.is_some());
}

#[tokio::test]
async fn a_link_too_many_without_a_known_key_is_told_so() {
    let limits = ListenLimits { anonymous_links_max: 16, ..ListenLimits::default() };
    let node = Node::echo_with(1, LinkTimes::default(), limits).await;
    let mut held = Vec::new();
    for _ in 0..16 {
        held.push(link_from("127.0.0.2", &node).await.unwrap());
    }
    // A key that anybody can make is worth no more than none.
    for connector in [crate::support::client(), crate::support::node_connector(99)] {
        let mut link = soon(connector.connect(&node.id, &node.address)).await.unwrap();
        match soon(link.next()).await.unwrap() {
            Frame::Refused { label, .. } => assert_eq!(label, "anonymous-full"),
            other => panic!("expected a refusal, and got {other:?}"),
        }
    }
    assert_eq!(node.failures_of("anonymous-full"), 2);
}

#[tokio::test]
async fn limits_change_while_links_are_served() {
    let limits = ListenLimits { connections_per_address_max: 1, ..ListenLimits::default() };
    let node = Node::echo_with(1, LinkTimes::default(), limits).await;
    let mut first = link_from("127.0.0.2", &node).await.unwrap();
    expect_closed(From("127.0.0.2").call(&node.address).await.unwrap()).await;
    node.limits.send_replace(ListenLimits { connections_per_address_max: 3, ..limits });
    let _second = link_from("127.0.0.2", &node).await.unwrap();
    node.limits.send_replace(limits);
    expect_closed(From("127.0.0.2").call(&node.address).await.unwrap()).await;
    first.send(&Frame::Dummy).await.unwrap();
    assert_eq!(soon(first.next()).await.unwrap(), Frame::Dummy, "links that are there stay");
}
