//! Who may shake hands, and what the handshake agrees on.

use rustls::crypto::aws_lc_rs::kx_group;
use rustls::{NamedGroup, ProtocolVersion};
use sotto_protocol::frame::Frame;
use sotto_transport::link::{LinkTimes, Peer};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use crate::raw::{Offer, key_pair};
use crate::support::{Node, client, eventually, id, label, node_connector, secret, soon};

#[tokio::test]
async fn the_right_key_connects_with_tls_1_3_and_the_hybrid_exchange() {
    let mut node = Node::start(1).await;
    let mut here = node_connector(2).connect(&node.id, &node.address).await.unwrap();
    let mut there = node.next_link().await;
    for link in [&here, &there] {
        assert_eq!(link.negotiated().version, ProtocolVersion::TLSv1_3);
        assert_eq!(link.negotiated().key_exchange, NamedGroup::X25519MLKEM768);
    }
    assert_eq!(here.peer(), Peer::Node(id(1)));
    assert_eq!(there.peer(), Peer::Node(id(2)));
    here.send(&Frame::Dummy).await.unwrap();
    assert!(matches!(soon(there.next()).await.unwrap(), Frame::Dummy));
    there.send(&Frame::Accepted).await.unwrap();
    assert!(matches!(soon(here.next()).await.unwrap(), Frame::Accepted));
}

#[tokio::test]
async fn a_client_shows_no_key() {
    let mut node = Node::start(1).await;
    let _here = client().connect(&node.id, &node.address).await.unwrap();
    assert_eq!(node.next_link().await.peer(), Peer::Anonymous);
}

#[tokio::test]
async fn another_nodes_key_is_refused_by_whoever_dials() {
    let mut node = Node::start(1).await;
    let error = client().connect(&id(2), &node.address).await.map(drop).unwrap_err();
    assert_eq!(error.label(), "wrong-key");
    let text = error.to_string();
    assert!(text.contains(&id(1).to_string()) && text.contains(&id(2).to_string()), "{text}");
    eventually("the node counts a failed handshake", || node.failures_of("handshake") == 1).await;
    let _others = client().connect(&node.id, &node.address).await.unwrap();
    node.next_link().await;
}

#[tokio::test]
async fn the_raw_peer_of_these_tests_is_accepted_when_it_behaves() {
    let mut node = Node::start(1).await;
    let offer = Offer { own_key: Some(key_pair(&id(2), &secret(2))), ..Offer::default() };
    let _peer = offer.connect(&node.address).await.unwrap();
    assert_eq!(node.next_link().await.peer(), Peer::Node(id(2)));
    let offer = Offer { own_key: Some(key_pair(&id(1), &secret(1))), ..Offer::default() };
    assert_eq!(dial_raw_server(&offer).await.unwrap().peer(), Peer::Node(id(1)));
}

#[tokio::test]
async fn a_server_that_shows_a_key_without_its_secret_is_refused() {
    let offer = Offer { own_key: Some(key_pair(&id(1), &secret(3))), ..Offer::default() };
    assert_eq!(label(dial_raw_server(&offer).await), "handshake");
}

#[tokio::test]
async fn a_stolen_public_key_without_its_secret_is_refused() {
    let node = Node::start(1).await;
    let offer = Offer { own_key: Some(key_pair(&id(2), &secret(3))), ..Offer::default() };
    // The client's side of a TLS 1.3 handshake ends before the server has judged its key.
    let mut peer = offer.connect(&node.address).await.unwrap();
    soon(peer.0.read_u8()).await.unwrap_err();
    eventually("the node counts a failed handshake", || node.failures_of("handshake") == 1).await;
}

#[tokio::test]
async fn a_key_that_everybody_can_sign_for_is_refused() {
    let node = Node::start(1).await;
    let mut identity_point = [0; 32];
    identity_point[0] = 1;
    let small_order = sotto_protocol::ident::NodeId::from_bytes(identity_point);
    let offer = Offer { own_key: Some(key_pair(&small_order, &secret(3))), ..Offer::default() };
    let mut peer = offer.connect(&node.address).await.unwrap();
    soon(peer.0.read_u8()).await.unwrap_err();
    eventually("the node counts a failed handshake", || node.failures_of("handshake") == 1).await;
}

#[tokio::test]
async fn a_peer_without_the_hybrid_exchange_is_refused() {
    let node = Node::start(1).await;
    let offer = Offer { key_exchange: kx_group::X25519, ..Offer::default() };
    assert!(offer.connect(&node.address).await.is_err());
    eventually("the node counts a failed handshake", || node.failures_of("handshake") == 1).await;

    let offer = Offer { own_key: Some(key_pair(&id(1), &secret(1))), ..offer };
    assert_eq!(label(dial_raw_server(&offer).await), "handshake");
}

#[tokio::test]
async fn a_peer_that_speaks_only_tls_1_2_is_refused() {
    let node = Node::start(1).await;
    let mut stream = TcpStream::connect(&node.address).await.unwrap();
    stream.write_all(&tls_1_2_client_hello()).await.unwrap();
    let mut answer = Vec::new();
    soon(stream.read_to_end(&mut answer)).await.unwrap();
    // One alert record: fatal, protocol_version.
    assert_eq!(answer, [0x15, 3, 3, 0, 2, 2, 70]);
    eventually("the node counts a failed handshake", || node.failures_of("handshake") == 1).await;
}

#[tokio::test]
async fn another_protocol_version_is_refused_by_name() {
    let node = Node::start(1).await;
    for alpn in [vec![b"sotto/2".to_vec()], vec![b"h2".to_vec(), b"http/1.1".to_vec()]] {
        assert!(Offer { alpn, ..Offer::default() }.connect(&node.address).await.is_err());
    }
    eventually("the node counts both", || node.failures_of("link-version") == 2).await;
    // Without any name, TLS lets the handshake pass: the link refuses it after.
    let mut peer = Offer { alpn: Vec::new(), ..Offer::default() }.connect(&node.address).await.unwrap();
    peer.expect_end().await;
    eventually("the node counts the third", || node.failures_of("link-version") == 3).await;

    let own_key = Some(key_pair(&id(1), &secret(1)));
    for alpn in [vec![b"sotto/2".to_vec()], Vec::new()] {
        let offer = Offer { alpn, own_key: own_key.clone(), ..Offer::default() };
        assert_eq!(label(dial_raw_server(&offer).await), "link-version");
    }
}

#[tokio::test]
async fn a_peer_that_wants_certificates_is_refused() {
    let node = Node::start(1).await;
    let offer = Offer { raw_public_keys: false, ..Offer::default() };
    assert!(offer.connect(&node.address).await.is_err());
    eventually("the node counts a failed handshake", || node.failures_of("handshake") == 1).await;
}

#[tokio::test]
async fn nobody_there_is_said_plainly() {
    let node = Node::start(1).await;
    let address = node.address.clone();
    node.stop().await;
    let error = client().connect(&id(1), &address).await.map(drop).unwrap_err();
    assert_eq!(error.label(), "unreachable");
    assert!(error.to_string().contains(&address), "{error}");
    assert_eq!(label(client().connect(&id(1), "no port").await), "unreachable");
}

#[tokio::test]
async fn a_server_that_never_answers_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let times = LinkTimes { handshake_max: std::time::Duration::from_millis(100), ..LinkTimes::default() };
    let connecting = client().with_times(times).connect(&id(1), &address).await;
    assert_eq!(label(connecting), "handshake-timeout");
}

/// What a link makes of a server with another offer, under the key that it expects.
async fn dial_raw_server(
    offer: &Offer,
) -> Result<sotto_transport::link::Link, sotto_transport::link::LinkError> {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let acceptor = TlsAcceptor::from(offer.server_config());
    let serving = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        // Failing is what the test is about.
        let _stream = acceptor.accept(stream).await;
    });
    let connecting = soon(client().connect(&id(1), &address)).await;
    soon(serving).await.unwrap();
    connecting
}

/// A ClientHello of TLS 1.2 (RFC 5246): no supported_versions extension.
fn tls_1_2_client_hello() -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]); // random
    body.push(0); // no session id
    body.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f]); // two ECDHE suites of TLS 1.2
    body.extend([1, 0]); // no compression
    let groups = [0, 10, 0, 4, 0, 2, 0, 0x1d]; // supported_groups: X25519
    let signatures = [0, 13, 0, 4, 0, 2, 8, 7]; // signature_algorithms: Ed25519
    body.extend([0, u8::try_from(groups.len() + signatures.len()).unwrap()]);
    body.extend(groups);
    body.extend(signatures);
    let body_len = u8::try_from(body.len()).unwrap();
    let mut hello = vec![0x16, 3, 1, 0, body_len + 4, 1, 0, 0, body_len];
    hello.extend(body);
    hello
}
