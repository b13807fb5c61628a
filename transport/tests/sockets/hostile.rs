//! Peers that mean harm harm only themselves.

use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_transport::link::LinkTimes;
use sotto_transport::listen::ListenLimits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::support::{Node, client, eventually, roomy, soon};

/// Has `count` clients connect at once and get a frame back each.
async fn serve_clients(node: &Node, count: usize) {
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..count {
        let (id, address) = (node.id, node.address.clone());
        clients.spawn(async move {
            let mut link = client().connect(&id, &address).await.unwrap();
            link.send(&Frame::Dummy).await.unwrap();
            link.next().await.unwrap()
        });
    }
    while let Some(served) = soon(clients.join_next()).await {
        assert!(matches!(served.unwrap(), Frame::Dummy));
    }
}

#[tokio::test]
async fn slow_handshakes_time_out_while_fifty_clients_are_served() {
    let times = LinkTimes { handshake_max: Duration::from_millis(1500), ..LinkTimes::default() };
    let node = Node::echo(1, times).await;
    let mut slow = Vec::new();
    for _ in 0..50 {
        let mut stream = TcpStream::connect(&node.address).await.unwrap();
        // The beginning of a handshake record, and no more.
        stream.write_all(&[0x16, 3, 1]).await.unwrap();
        slow.push(stream);
    }
    serve_clients(&node, 50).await;
    eventually("the slow ones are given up", || node.failures_of("handshake-timeout") == 50).await;
    for mut stream in slow {
        let mut rest = Vec::new();
        // A reset ends it as well as an orderly end does.
        let _ended = soon(stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty());
    }
}

#[tokio::test]
async fn with_too_many_handshakes_the_oldest_makes_room() {
    let times = LinkTimes { handshake_max: Duration::from_secs(60), ..LinkTimes::default() };
    let limits = ListenLimits { handshakes_max: 64, ..roomy() };
    let node = Node::echo_with(1, times, limits).await;
    let mut hanging = Vec::new();
    for _ in 0..limits.handshakes_max {
        hanging.push(TcpStream::connect(&node.address).await.unwrap());
    }
    serve_clients(&node, 10).await;
    eventually("some had to go", || node.failures_of("handshake-evicted") >= 1).await;
    assert_eq!(soon(hanging[0].read(&mut [0])).await.unwrap(), 0, "the oldest went");
}

#[tokio::test]
async fn garbage_instead_of_tls_is_refused() {
    let node = Node::echo(1, LinkTimes::default()).await;
    let inputs: [&[u8]; 4] = [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        &[0; 4096],
        &[0xff; 4096],
        // A handshake record with a message that is none.
        &[0x16, 3, 1, 0, 5, 0xff, 0, 0, 1, 0],
    ];
    for (count, input) in (1..).zip(inputs) {
        let mut stream = TcpStream::connect(&node.address).await.unwrap();
        stream.write_all(input).await.unwrap();
        let mut answer = Vec::new();
        // The node closes: an alert may come before that, or a reset after it.
        let _ended = soon(stream.read_to_end(&mut answer)).await;
        assert!(answer.len() <= 7, "{answer:?}");
        eventually("the node counts it", || node.failures_of("handshake") == count).await;
    }
    serve_clients(&node, 3).await;
}

#[tokio::test]
async fn a_task_that_panics_takes_nobody_with_it() {
    use std::sync::Arc;

    use sotto_transport::dial::TcpListener;
    use sotto_transport::link::{Link, LinkAcceptor};
    use sotto_transport::listen::{LinkFailures, ListenPolicy, serve_links};
    use sotto_transport::node::shutdown::Shutdown;

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_address().unwrap().to_string();
    let acceptor = LinkAcceptor::new(&crate::support::secret(1), LinkTimes::default()).unwrap();
    let (failures, shutdown) = (Arc::new(LinkFailures::default()), Shutdown::new());
    let on_link = |mut link: Link| async move {
        let frame = link.next().await?;
        assert!(matches!(frame, Frame::Dummy), "this test's own panic");
        link.send(&frame).await
    };
    let policy = ListenPolicy::fixed(roomy());
    let serving = serve_links(listener, acceptor, Arc::clone(&failures), policy, shutdown.clone(), on_link);
    let serving = tokio::spawn(serving);
    let id = crate::support::id(1);
    let mut bad = client().connect(&id, &address).await.unwrap();
    bad.send(&Frame::Accepted).await.unwrap();
    assert_eq!(soon(bad.next()).await.unwrap_err().label(), "closed");
    let mut good = client().connect(&id, &address).await.unwrap();
    good.send(&Frame::Dummy).await.unwrap();
    assert!(matches!(soon(good.next()).await.unwrap(), Frame::Dummy));
    eventually("the panic is counted", || failures.snapshot().contains_key("task-panicked")).await;
    shutdown.trigger();
    soon(serving).await.unwrap();
}
