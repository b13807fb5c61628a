//! The client's network task against an authority and an entry that the test plays itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod played;

use played::{Played, call, client, consensus, grant, packets, secret, serve_consensus, until};
use serde_json::json;
use sotto_protocol::frame::{Frame, ResumeToken};
use sotto_protocol::ident::{NodeId, SessionAddress};

fn entry_id() -> NodeId {
    secret(10).id()
}

#[tokio::test]
async fn a_client_finds_its_entry_keeps_up_cover_and_sends_what_is_queued() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    call(&client, "invite", json!({ "name": "Bob" })).await;
    let mut events = client.service().subscribe();
    call(&client, "send", json!({ "contact": "Bob", "text": "hello" })).await;
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let (mut link, class, resume) = grant(&mut entry, 1).await;
    assert_eq!((class, resume), (0, None));
    packets(&mut link, 30).await;
    let status = until(&client, |status| status["counters"]["sent_write"].as_u64() > Some(0)).await;
    assert_eq!(status["routes"][0]["state"], "connected");
    assert_eq!(status["routes"][0]["entry"], entry_id().to_string());
    assert_eq!(status["routes"][0]["cover"]["running"], true);
    assert_eq!(status["troubles"], json!([]));
    for kind in ["sent_loop", "sent_drop"] {
        assert!(status["counters"][kind].as_u64() > Some(0), "{kind}: {status}");
    }
    let event = serde_json::to_value(events.recv().await.unwrap()).unwrap();
    assert_eq!((event["event"].as_str(), event["state"].as_str()), (Some("message-state"), Some("released")));
    client.stop().await;
    while link.next().await.is_ok() {}
}

#[tokio::test]
async fn a_broken_link_is_taken_up_again_with_the_same_session() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let (mut link, _, _) = grant(&mut entry, 1).await;
    packets(&mut link, 3).await;
    drop(link);
    let (mut link, _, resume) = grant(&mut entry, 1).await;
    assert_eq!(resume, Some((SessionAddress::from_bytes([1; 32]), ResumeToken::from_bytes([9; 32]))));
    packets(&mut link, 3).await;
    until(&client, |status| status["routes"][0]["state"] == "connected" && status["troubles"] == json!([]))
        .await;
    client.stop().await;
}

#[tokio::test]
async fn a_kept_consensus_makes_a_start_without_an_authority() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let first = client(&authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    drop(grant(&mut entry, 1).await);
    first.stop().await;
    let second = client(&authority, directory.path(), "fast");
    let (mut link, _, resume) = grant(&mut entry, 2).await;
    assert_eq!(resume, None, "a session is not carried over a restart");
    packets(&mut link, 3).await;
    second.stop().await;
    assert!(authority.links.try_recv().is_err(), "nobody asked the authority again");
}

#[tokio::test]
async fn a_damaged_or_forged_kept_consensus_is_not_used() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let entry = Played::start(10, "127.0.0.1:0").await;
    let forged = consensus(&entry.address).sign(&[&secret(2)]).unwrap().to_bytes().unwrap();
    for kept in [forged.as_slice(), &forged[..100], b""] {
        sotto_transport::private::replace(&directory.path().join("consensus.bin"), kept).unwrap();
        let client = client(&authority, directory.path(), "fast");
        // It asks, and does not go by what it has.
        let asked = authority.link().await;
        assert_eq!(call(&client, "status", json!({})).await["consensus"], "missing");
        drop(asked);
        client.stop().await;
    }
}

#[tokio::test]
async fn an_entry_that_refuses_is_named_and_tried_again() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let mut link = entry.link().await;
    assert!(matches!(link.next().await.unwrap(), Frame::SessionOpen { .. }));
    link.refuse("sessions-full", "as many sessions as this entry serves are open");
    let status = until(&client, |status| status["troubles"][0]["label"] == "refused").await;
    let text = status["troubles"][0]["text"].as_str().unwrap();
    assert!(text.contains("sessions-full"), "{text}");
    assert_eq!(
        (status["routes"][0]["state"].as_str(), status["routes"][0]["cover"]["running"].as_bool()),
        (Some("disconnected"), Some(false))
    );
    let (mut link, _, _) = grant(&mut entry, 1).await;
    packets(&mut link, 1).await;
    client.stop().await;
}

#[tokio::test]
async fn frames_that_have_no_place_in_a_session_end_it() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    for unwelcome in [Frame::ConsensusGet, Frame::Accepted, Frame::SessionOpen { class: 0, resume: None }] {
        let (mut link, _, _) = grant(&mut entry, 1).await;
        link.send(&unwelcome).await.unwrap();
        until(&client, |status| status["troubles"][0]["label"] == "unexpected-frame").await;
    }
    client.stop().await;
}

#[tokio::test]
async fn a_cover_class_that_the_network_lacks_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "luxurious");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let status = until(&client, |status| status["troubles"][0]["label"] == "cover-class").await;
    let text = status["troubles"][0]["text"].as_str().unwrap();
    assert!(text.contains("luxurious") && text.contains("fast"), "{text}");
    client.stop().await;
}
