//! The client's network task against an authority and an entry that the test plays itself.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod played;

use std::sync::Arc;
use std::time::Duration;

use played::{
    PATIENCE, Played, SharedStore, call, client, client_over, consensus, grant, packets, secret,
    serve_consensus, until,
};
use serde_json::{Value, json};
use sotto_client::shell::Failure;
use sotto_client::shell::factors::Given;
use sotto_client::shell::locking::LockAccess;
use sotto_client::shell::service::Call;
use sotto_protocol::frame::{DocumentKind, Frame, ResumeToken, split_document};
use sotto_protocol::ident::{NodeId, SessionAddress};

fn entry_id() -> NodeId {
    secret(10).id()
}

#[tokio::test]
async fn a_client_finds_its_entry_keeps_up_cover_and_lays_out_the_keys_of_its_invitation() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    call(&client, "invite", json!({ "name": "Bob" })).await;
    let sent = call(&client, "send", json!({ "contact": "Bob", "text": "hello" })).await;
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
    // Before somebody has taken up the invitation there is no key that a message could be sealed with.
    let waiting = status["waiting"].as_array().unwrap();
    let waiting = waiting.iter().find(|row| row["message"] == sent["message"]).unwrap();
    assert_eq!(waiting["state"], "queued");
    assert_eq!(waiting["why"], "waiting until somebody takes up the invitation");
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

/// A lock that opens with one passphrase.
fn lock_of(store: &SharedStore, idle_max: Option<Duration>) -> LockAccess<SharedStore> {
    let store = store.clone();
    let reopen = move |given: &Given| match &given.passphrase {
        Some(passphrase) if passphrase.as_slice() == b"open" => Ok(store.clone()),
        _ => Err(Failure::new("wrong-passphrase", "no")),
    };
    LockAccess { reopen: Arc::new(reopen), idle_max }
}

#[tokio::test]
async fn a_locked_client_keeps_its_session_and_its_cover() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let store = SharedStore::default();
    let client = client_over(&store, Some(lock_of(&store, None)), &authority, directory.path(), "fast");
    call(&client, "invite", json!({ "name": "Bob" })).await;
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let (mut link, _, _) = grant(&mut entry, 1).await;
    packets(&mut link, 5).await;
    let mut events = client.service().subscribe();
    for round in 0..3 {
        assert_eq!(call(&client, "lock", json!({})).await, json!({ "locked": true }));
        packets(&mut link, 20).await;
        let status = call(&client, "status", json!({})).await;
        assert_eq!((&status["locked"], &status["routes"][0]["state"]), (&json!(true), &json!("connected")));
        assert_eq!(status["routes"][0]["cover"]["running"], true);
        let refused = |method, params| client.service().call(Call::parse(method, &params).unwrap());
        assert_eq!(refused("contacts", json!({})).await.unwrap_err().label, "locked", "round {round}");
        assert_eq!(refused("doctor", json!({})).await.unwrap_err().label, "locked");
        let wrong = refused("unlock", json!({ "passphrase": "wrong" })).await;
        assert_eq!(wrong.unwrap_err().label, "wrong-passphrase");
        assert_eq!(call(&client, "status", json!({})).await["locked"], true);
        assert_eq!(
            call(&client, "unlock", json!({ "passphrase": "open" })).await,
            json!({ "locked": false })
        );
        packets(&mut link, 20).await;
        assert_eq!(call(&client, "contacts", json!({})).await[0]["name"], "Bob");
    }
    assert!(entry.links.try_recv().is_err(), "the session was never made anew");
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        told.push(serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned());
    }
    assert_eq!(told, ["locked", "unlocked"].repeat(3));
    client.stop().await;
}

#[tokio::test]
async fn a_client_that_nobody_uses_locks_by_itself_and_goes_on_sending() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let store = SharedStore::default();
    let lock = lock_of(&store, Some(Duration::from_millis(1500)));
    let client = client_over(&store, Some(lock), &authority, directory.path(), "fast");
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let (mut link, _, _) = grant(&mut entry, 1).await;
    // Asking how it stands, again and again, is nobody's activity.
    let status = until(&client, |status| status["locked"] == true).await;
    assert_eq!(status["locks_at_ms"], json!(null));
    packets(&mut link, 20).await;
    assert!(entry.links.try_recv().is_err());
    call(&client, "unlock", json!({ "passphrase": "open" })).await;
    let status = call(&client, "status", json!({})).await;
    assert!(status["locks_at_ms"].as_u64() > Some(0), "it counts anew: {status}");
    until(&client, |status| status["locked"] == true).await;
    client.stop().await;
}

/// What is told of the bytes of a link: so many up, so many down.
fn bytes_of(volume: &Value) -> (u64, u64) {
    (volume["up_bytes"].as_u64().unwrap(), volume["down_bytes"].as_u64().unwrap())
}

#[tokio::test]
async fn what_crosses_the_links_is_counted_to_the_byte() {
    /// A frame as a TLS record.
    const FRAME: u64 = 2_422;
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let mut entry = Played::start(10, "127.0.0.1:0").await;
    let store = SharedStore::default();
    let client = client_over(&store, Some(lock_of(&store, None)), &authority, directory.path(), "fast");
    let before = call(&client, "network", json!({})).await;
    assert_eq!((&before["consensus"], &before["classes"]), (&json!("missing"), &json!([])));
    let document = consensus(&entry.address);
    serve_consensus(&mut authority, &document).await;
    let (mut link, _, _) = grant(&mut entry, 1).await;
    for _ in 0..20 {
        link.send(&Frame::Dummy).await.unwrap();
    }
    packets(&mut link, 50).await;
    let (made_up, made_down) = bytes_of(&before["handshake"]);
    assert_eq!(before["frame_bytes"], FRAME);
    // The session: the dummy and the answer of `grant`, twenty dummies more.
    let reading = async {
        loop {
            let network = call(&client, "network", json!({})).await;
            if bytes_of(&network["routes"][0]["bytes"]).1 == made_down + 22 * FRAME {
                return network;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let network = tokio::time::timeout(PATIENCE, reading).await.expect("another number of bytes came down");

    // The consensus: one question, and as many pieces as it has; the figure for a day is 24 times that.
    let signed = document.sign(&[&secret(1)]).unwrap().to_bytes().unwrap();
    let pieces = u64::try_from(split_document(DocumentKind::Consensus, &signed).unwrap().len()).unwrap();
    let fetched = (made_up + FRAME, made_down + pieces * FRAME);
    assert_eq!(bytes_of(&network["consensus_bytes"]), fetched);
    let (up_a_day, down_a_day) = bytes_of(&network["consensus_per_day"]);
    assert_eq!((up_a_day, down_a_day), (24 * fetched.0, 24 * fetched.1));

    // Up went `session-open` and the packets.
    let used = &network["routes"][0];
    let (up, _) = bytes_of(&used["bytes"]);
    assert_eq!((up - made_up) % FRAME, 0);
    let sent = (up - made_up) / FRAME - 1;
    let carried: u64 =
        ["messages", "polls", "cover"].iter().map(|kind| used["packets"][kind].as_u64().unwrap()).sum();
    assert!(sent >= 50 && carried >= sent, "{sent} packets left of {carried}");
    assert_eq!(bytes_of(&network["routes"][1]["bytes"]), (0, 0));

    // A lock forgets it, and can be asked.
    call(&client, "lock", json!({})).await;
    packets(&mut link, 20).await;
    let locked = call(&client, "network", json!({})).await;
    assert_eq!(
        (bytes_of(&locked["consensus_bytes"]), bytes_of(&locked["routes"][0]["bytes"]).1),
        ((0, 0), 0)
    );
    let up_since = bytes_of(&locked["routes"][0]["bytes"]).0;
    assert!(up_since > 0 && up_since.is_multiple_of(FRAME), "{up_since}: no handshake was made since");
    assert_eq!(locked["routes"][0]["packets"]["messages"], 0);
    assert_eq!(locked["classes"], network["classes"]);
    client.stop().await;
}

#[tokio::test]
async fn what_cannot_be_unlocked_is_not_locked() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Played::start(1, "127.0.0.1:0").await;
    let client = client(&authority, directory.path(), "fast");
    for method in ["lock", "unlock"] {
        let refused = client.service().call(Call::parse(method, &json!({})).unwrap()).await;
        assert_eq!(refused.unwrap_err().label, "lock-no-daemon");
    }
    assert_eq!(call(&client, "contacts", json!({})).await, json!([]));
    client.stop().await;
}
