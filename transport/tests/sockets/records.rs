//! What an observer of a link sees: one record of one size per frame, in both directions, and nothing else.

use std::sync::Arc;

use sotto_protocol::frame::Frame;
use sotto_protocol::limits::FRAME_LEN;
use sotto_transport::link::LinkMeter;

use crate::proxy::{Proxy, Record, Seen};
use crate::support::{Node, client, eventually, node_connector, number_of, numbered, packet, soon};

/// A frame, the inner content type and the authentication tag.
const FRAME_RECORD: Record = Record { content_type: 0x17, len: FRAME_LEN + 1 + 16 };

#[tokio::test]
async fn each_frame_is_one_record_of_one_size() {
    let mut node = Node::start(1).await;
    let proxy = Proxy::start(&node.address).await;
    let mut here = node_connector(2).connect(&node.id, &proxy.address).await.unwrap();
    let mut there = node.next_link().await;
    let (from_client, from_server) = (handshake_len(&proxy.from_client), handshake_len(&proxy.from_server));

    let refused = Frame::Refused { label: "no".to_owned(), text: "not now".to_owned() };
    let frames = [Frame::Dummy, packet(1), Frame::ConsensusGet, refused, numbered(3), Frame::Accepted];
    for _ in 0..20 {
        for frame in &frames {
            here.send(frame).await.unwrap();
            there.send(frame).await.unwrap();
            soon(there.next()).await.unwrap();
            soon(here.next()).await.unwrap();
        }
    }
    drop(here);
    assert_eq!(soon(there.next()).await.unwrap_err().label(), "closed");
    drop(there);
    for (seen, handshake_len) in [(&proxy.from_client, from_client), (&proxy.from_server, from_server)] {
        let (records, rest) = seen.records();
        assert_eq!(&records[handshake_len..], [FRAME_RECORD; 120]);
        assert_eq!(rest, 0);
    }
}

#[tokio::test]
async fn a_burst_is_one_record_per_frame_as_well() {
    let mut node = Node::start(1).await;
    let proxy = Proxy::start(&node.address).await;
    let here = client().connect(&node.id, &proxy.address).await.unwrap();
    let mut there = node.next_link().await;
    let handshake_len = handshake_len(&proxy.from_client);
    let (_reader, mut writer) = here.split();
    // More than the sockets hold, so that writes block and are taken in parts.
    const FRAMES: u32 = 4000;
    let sending = tokio::spawn(async move {
        for number in 0..FRAMES {
            writer.send(&numbered(number)).await.unwrap();
        }
        writer
    });
    for number in 0..FRAMES {
        assert_eq!(number_of(&soon(there.next()).await.unwrap()), number);
    }
    let _writer = sending.await.unwrap();
    let (records, rest) = proxy.from_client.records();
    assert_eq!(&records[handshake_len..], vec![FRAME_RECORD; FRAMES.try_into().unwrap()]);
    assert_eq!(rest, 0);
}

#[tokio::test]
async fn a_refusal_looks_like_any_frame() {
    let mut node = Node::start(1).await;
    let proxy = Proxy::start(&node.address).await;
    let mut here = client().connect(&node.id, &proxy.address).await.unwrap();
    let there = node.next_link().await;
    let handshake_len = handshake_len(&proxy.from_server);
    there.refuse("overloaded", "too many sessions; try another entry");
    match soon(here.next()).await.unwrap() {
        Frame::Refused { label, text } => {
            assert_eq!(label, "overloaded");
            assert_eq!(text, "too many sessions; try another entry");
        }
        other => panic!("expected a refusal, and got {other:?}"),
    }
    drop(here);
    eventually("the refusal was seen", || proxy.from_server.records().0.len() > handshake_len).await;
    assert_eq!(&proxy.from_server.records().0[handshake_len..], [FRAME_RECORD]);
}

#[tokio::test]
async fn a_meter_counts_the_bytes_that_an_observer_sees() {
    let mut node = Node::start(1).await;
    let proxy = Proxy::start(&node.address).await;
    let meter = Arc::<LinkMeter>::default();
    let counted = client().with_meter(&meter);
    let mut here = counted.connect(&node.id, &proxy.address).await.unwrap();
    let mut there = node.next_link().await;
    for _ in 0..3 {
        here.send(&packet(1)).await.unwrap();
        soon(there.next()).await.unwrap();
        there.send(&Frame::Dummy).await.unwrap();
        there.send(&numbered(3)).await.unwrap();
        soon(here.next()).await.unwrap();
        soon(here.next()).await.unwrap();
    }
    assert!(meter.up_bytes() > 3 * 2_422 && meter.down_bytes() > 6 * 2_422);
    assert_eq!(meter.up_bytes(), proxy.from_client.len());
    assert_eq!(meter.down_bytes(), proxy.from_server.len());
    // From here on, and only this connector's links.
    meter.reset();
    there.send(&Frame::Dummy).await.unwrap();
    soon(here.next()).await.unwrap();
    let _other = client().connect(&node.id, &node.address).await.unwrap();
    assert_eq!((meter.up_bytes(), meter.down_bytes()), (0, 2_422));
}

/// How many records there are before the first frame.
fn handshake_len(seen: &Seen) -> usize {
    let (records, rest) = seen.records();
    assert_eq!(rest, 0, "a handshake message is still coming");
    assert!(!records.contains(&FRAME_RECORD), "{records:?}");
    records.len()
}
