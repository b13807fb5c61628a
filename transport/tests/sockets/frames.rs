//! What ends a link, and that it ends as it should: a label here, a refusal and a closed connection there.

use std::time::Duration;

use sotto_protocol::frame::Frame;
use sotto_protocol::limits::FRAME_LEN;
use sotto_transport::link::LinkTimes;

use crate::proxy::Proxy;
use crate::raw::Offer;
use crate::support::{Node, client, client_with, eventually, label, number_of, numbered, soon};

/// Lets a raw peer send one record, and expects `label` on both sides.
async fn expect_refused(record: &[u8], label: &str) {
    let node = Node::echo(1, LinkTimes::default()).await;
    let mut peer = Offer::default().connect(&node.address).await.unwrap();
    peer.send_record(Frame::Dummy.encode().as_slice()).await;
    assert!(matches!(peer.next_frame().await, Frame::Dummy), "the link works");
    peer.send_record(record).await;
    peer.expect_refusal(label).await;
    peer.hang_up().await;
    peer.expect_end().await;
    eventually("the node counts it", || node.failures_of(label) == 1).await;
    assert_eq!(node.failures.snapshot().len(), 1);
    let mut other = client().connect(&node.id, &node.address).await.unwrap();
    other.send(&Frame::Dummy).await.unwrap();
    assert!(matches!(soon(other.next()).await.unwrap(), Frame::Dummy), "others are served");
}

#[tokio::test]
async fn an_old_frame_version_is_refused() {
    let mut record = *Frame::Dummy.encode();
    record[0] = 0;
    expect_refused(&record, "frame-version").await;
}

#[tokio::test]
async fn an_unknown_kind_is_refused() {
    let mut record = *Frame::Dummy.encode();
    record[1] = 0xee;
    expect_refused(&record, "frame-kind").await;
}

#[tokio::test]
async fn garbage_in_the_padding_is_refused() {
    let mut record = *Frame::Dummy.encode();
    record[FRAME_LEN - 1] = 1;
    expect_refused(&record, "frame-padding").await;
}

#[tokio::test]
async fn a_truncated_frame_is_refused() {
    let whole = Frame::Dummy.encode();
    expect_refused(&whole[..FRAME_LEN - 1], "truncated").await;
    expect_refused(&whole[..1], "truncated").await;
}

#[tokio::test]
async fn an_oversized_frame_is_refused() {
    let whole = Frame::Dummy.encode();
    expect_refused(&[whole.as_slice(), &[0]].concat(), "oversized").await;
    expect_refused(&[0; 16_384], "oversized").await;
    // Two good frames in one record would be read as two, if anybody looked at bytes alone.
    expect_refused(&[whole.as_slice(), whole.as_slice()].concat(), "oversized").await;
}

#[tokio::test]
async fn a_stream_that_ends_within_a_frame_is_told_from_one_that_ends_after_it() {
    for (is_cut, expected) in [(false, "closed"), (true, "truncated")] {
        let mut node = Node::start(1).await;
        let proxy = Proxy::start(&node.address).await;
        let mut here = client().connect(&node.id, &proxy.address).await.unwrap();
        let mut there = node.next_link().await;
        here.send(&Frame::Dummy).await.unwrap();
        soon(there.next()).await.unwrap();
        if is_cut {
            proxy.cut();
            here.send(&Frame::Dummy).await.unwrap();
        } else {
            drop(here);
        }
        assert_eq!(label(soon(there.next()).await), expected);
        assert_eq!(label(there.send(&Frame::Dummy).await), "closed", "the link has ended");
        assert_eq!(label(soon(there.next()).await), "closed", "and stays so");
    }
}

#[tokio::test]
async fn a_forged_record_ends_the_link() {
    let mut node = Node::start(1).await;
    let mut peer = Offer::default().connect(&node.address).await.unwrap();
    let mut there = node.next_link().await;
    let (stream, _tls) = peer.0.get_mut();
    let forged = [[0x17, 3, 3, 0, 32].as_slice(), &[9; 32]].concat();
    tokio::io::AsyncWriteExt::write_all(stream, &forged).await.unwrap();
    assert_eq!(label(soon(there.next()).await), "corrupt-record");
}

#[tokio::test]
async fn silence_is_refused() {
    let times = LinkTimes { silence_max: Some(Duration::from_millis(50)), ..LinkTimes::default() };
    let node = Node::echo(1, times).await;
    let mut peer = Offer::default().connect(&node.address).await.unwrap();
    peer.expect_refusal("silent").await;
    // A peer that does not hang up by itself is cut off all the same.
    peer.expect_end().await;
    eventually("the node counts it", || node.failures_of("silent") == 1).await;
}

#[tokio::test]
async fn silence_is_noticed_by_a_reader_that_is_often_interrupted() {
    let times = LinkTimes { silence_max: Some(Duration::from_millis(100)), ..LinkTimes::default() };
    let mut node = Node::start_with(1, "127.0.0.1:0", times).await;
    let _here = client().connect(&node.id, &node.address).await.unwrap();
    let (mut reader, _writer) = node.next_link().await.split();
    let reading = async {
        loop {
            match tokio::time::timeout(Duration::from_millis(5), reader.next()).await {
                Ok(next) => return label(next),
                Err(_interrupted) => {}
            }
        }
    };
    assert_eq!(soon(reading).await, "silent");
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_given_up() {
    let mut node = Node::start(1).await;
    let times = LinkTimes { stall_max: Duration::from_millis(100), ..LinkTimes::default() };
    let here = client_with(times).connect(&node.id, &node.address).await.unwrap();
    let _there = node.next_link().await;
    let (mut reader, mut writer) = here.split();
    let sending = async {
        loop {
            if let Err(error) = writer.send(&Frame::Dummy).await {
                return error;
            }
        }
    };
    let (sent, read) = soon(async { tokio::join!(sending, reader.next()) }).await;
    assert_eq!(sent.label(), "stalled");
    assert_eq!(label(read), "closed", "the other half hears of it");
}

#[tokio::test]
async fn when_one_half_is_dropped_the_link_ends_for_the_other_and_for_the_peer() {
    for drops_reader in [true, false] {
        let mut node = Node::start(1).await;
        let mut here = client().connect(&node.id, &node.address).await.unwrap();
        let (mut reader, mut writer) = node.next_link().await.split();
        if drops_reader {
            drop(reader);
            assert_eq!(label(writer.send(&Frame::Dummy).await), "closed");
        } else {
            let reading = tokio::spawn(async move { label(reader.next().await) });
            // Gives the reader the time to wait; when it has not, the test still holds.
            tokio::task::yield_now().await;
            drop(writer);
            assert_eq!(soon(reading).await.unwrap(), "closed");
        }
        assert_eq!(label(soon(here.next()).await), "closed");
    }
}

#[tokio::test]
async fn an_interrupted_send_leaves_no_half_frame() {
    let mut node = Node::start(1).await;
    let here = client().connect(&node.id, &node.address).await.unwrap();
    let mut there = node.next_link().await;
    let (_reader, mut writer) = here.split();
    let mut number = 0;
    let mut interrupted = 0;
    while interrupted < 10 {
        let frame = numbered(number);
        match tokio::time::timeout(Duration::from_millis(5), writer.send(&frame)).await {
            Ok(sent) => sent.unwrap(),
            // The sockets are full: this frame will come later, or never.
            Err(_interrupted) => interrupted += 1,
        }
        number += 1;
    }
    let last = number;
    let sending = tokio::spawn(async move {
        writer.send(&numbered(last)).await.unwrap();
        writer
    });
    let mut before = None;
    while before != Some(last) {
        let next = number_of(&soon(there.next()).await.unwrap());
        assert!(before < Some(next), "{before:?} then {next}");
        before = Some(next);
    }
    let _writer = sending.await.unwrap();
}

#[tokio::test]
async fn both_directions_run_at_once() {
    const FRAMES: u32 = 1000;
    let mut node = Node::start(1).await;
    let here = client().connect(&node.id, &node.address).await.unwrap();
    let there = node.next_link().await;
    let mut tasks = Vec::new();
    for link in [here, there] {
        let (mut reader, mut writer) = link.split();
        tasks.push(tokio::spawn(async move {
            let sending = tokio::spawn(async move {
                for number in 0..FRAMES {
                    writer.send(&numbered(number)).await.unwrap();
                }
                writer
            });
            for number in 0..FRAMES {
                assert_eq!(number_of(&soon(reader.next()).await.unwrap()), number);
            }
            (reader, sending.await.unwrap())
        }));
    }
    let mut halves = Vec::new();
    for task in tasks {
        halves.push(soon(task).await.unwrap());
    }
}
