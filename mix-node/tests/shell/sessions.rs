//! Clients at an entry.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::frame::{Frame, ResumeToken};
use sotto_protocol::ident::SessionAddress;
use sotto_protocol::sphinx::{Hop, Packet, Unwrapped, build_forward, build_surb};
use sotto_transport::clock::Clock;
use sotto_transport::link::Link;

use crate::support::{LAYER_1, LAYER_2, LAYER_3, World, expect_refusal, hop, hop_secret, next_frame, soon};

async fn open(link: &mut Link) -> (SessionAddress, ResumeToken) {
    link.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    opened(link).await
}

async fn opened(link: &mut Link) -> (SessionAddress, ResumeToken) {
    match next_frame(link).await.unwrap() {
        Frame::SessionOpened { session, token, resumable_s } => {
            assert_eq!(resumable_s, 300);
            (session, token)
        }
        other => panic!("expected a session, got {other:?}"),
    }
}

fn forward(route: &[Hop], delay: Duration) -> Packet {
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    build_forward(route, &vec![delay; route.len()], [9; 32], b"text", &mut rng).unwrap()
}

#[tokio::test]
async fn an_entry_passes_a_clients_packet_on_after_its_delay() {
    let mut world = World::entry().await;
    let entry = world.own_hop().await;
    let mut client = world.client().await;
    open(&mut client).await;
    let delay = Duration::from_millis(150);
    let clock = Clock::system();
    let sent = clock.now();
    client.send(&Frame::Packet(forward(&[entry, hop(LAYER_1), hop(LAYER_2)], delay))).await.unwrap();

    let mut link = world.layer_1.next_link().await;
    let Frame::Packet(packet) = next_frame(&mut link).await.unwrap() else { panic!("expected the packet") };
    assert!(clock.now().since(sent) >= delay);
    let verified = hop_secret(LAYER_1).verify(packet).unwrap();
    assert!(
        matches!(verified.unwrap(Duration::MAX), Ok(Unwrapped::Forward { next, .. }) if next == hop(LAYER_2).node)
    );

    let status = world.wait_for("the ledger", |status| status.report.ledger.forwarded == 1).await;
    assert!(status.report.ledger.balanced());
    assert_eq!(status.report.ledger.links.received_from_clients, 1);
    assert_eq!(status.report.sessions.connected, 1);
    world.stop().await;
}

#[tokio::test]
async fn a_reply_reaches_its_client_and_can_be_read_by_it_alone() {
    let world = World::entry().await;
    let entry = world.own_hop().await;
    let mut client = world.client().await;
    let mut other = world.client().await;
    let (session, _) = open(&mut client).await;
    open(&mut other).await;

    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let (surb, keys) = build_surb(&[hop(LAYER_3), entry], &[Duration::ZERO; 2], &session, &mut rng).unwrap();
    let (_, packet) = surb.reply(b"hello").unwrap();
    let verified = hop_secret(LAYER_3).verify(packet).unwrap();
    let Ok(Unwrapped::Forward { packet, .. }) = verified.unwrap(Duration::MAX) else {
        panic!("a forward hop")
    };
    let mut layer_3 = world.node(LAYER_3).await;
    layer_3.send(&Frame::Packet(packet)).await.unwrap();

    let Frame::Delivery { surb_id, payload } = next_frame(&mut client).await.unwrap() else {
        panic!("expected a delivery");
    };
    assert_eq!(surb_id, keys.surb_id());
    assert_eq!(keys.open(&payload).unwrap(), b"hello");
    // The other client gets dummies at the same rate, and nothing else.
    for _ in 0..20 {
        assert_eq!(soon(other.next()).await.unwrap(), Frame::Dummy);
    }
    world.wait_for("the delivery", |status| status.report.ledger.delivered.get("client") == Some(&1)).await;
    world.stop().await;
}

#[tokio::test]
async fn a_session_is_resumed_on_another_connection() {
    let world = World::entry().await;
    let mut client = world.client().await;
    let (session, token) = open(&mut client).await;
    drop(client);
    world.wait_for("the disconnection", |status| status.report.sessions.resumable == 1).await;

    let mut stranger = world.client().await;
    let resume = Some((session, ResumeToken::from_bytes([0; 32])));
    stranger.send(&Frame::SessionOpen { class: 0, resume }).await.unwrap();
    expect_refusal(&mut stranger, "resume-refused").await;

    let mut client = world.client().await;
    let resume = Some((session, token.clone()));
    client.send(&Frame::SessionOpen { class: 0, resume }).await.unwrap();
    assert_eq!(opened(&mut client).await, (session, token.clone()));

    // A second connection with the token takes the session over from the first.
    let mut newer = world.client().await;
    newer.send(&Frame::SessionOpen { class: 0, resume: Some((session, token)) }).await.unwrap();
    opened(&mut newer).await;
    expect_refusal(&mut client, "session-replaced").await;
    let status = world.wait_for("the takeover", |status| status.report.sessions.resumed == 2).await;
    assert_eq!((status.report.sessions.connected, status.report.sessions.resumable), (1, 0));
    assert_eq!(soon(newer.next()).await.unwrap(), Frame::Dummy, "its downlink ticks");
    world.stop().await;
}

#[tokio::test]
async fn what_a_client_may_not_send_is_refused_and_closes_its_connection_only() {
    let world = World::entry().await;
    let entry = world.own_hop().await;
    let mut good = world.client().await;
    open(&mut good).await;

    let mut hasty = world.client().await;
    hasty.send(&Frame::Packet(forward(&[entry, hop(LAYER_1)], Duration::ZERO))).await.unwrap();
    expect_refusal(&mut hasty, "no-session").await;

    let mut wrong_class = world.client().await;
    wrong_class.send(&Frame::SessionOpen { class: 9, resume: None }).await.unwrap();
    expect_refusal(&mut wrong_class, "class-unknown").await;

    for frame in [Frame::Dummy, Frame::Accepted] {
        let mut confused = world.client().await;
        confused.send(&frame).await.unwrap();
        expect_refusal(&mut confused, "unexpected-frame").await;
        let mut confused = world.client().await;
        open(&mut confused).await;
        confused.send(&frame).await.unwrap();
        expect_refusal(&mut confused, "unexpected-frame").await;
    }

    good.send(&Frame::Packet(forward(&[entry, hop(LAYER_1)], Duration::ZERO))).await.unwrap();
    let status = world.wait_for("the good packet", |status| status.report.ledger.forwarded == 1).await;
    assert_eq!(status.report.ledger.dropped.get("session-unknown"), Some(&1), "the hasty packet");
    assert_eq!(status.member.link_failures.get("unexpected-frame"), Some(&4));
    assert_eq!(status.report.sessions.refused, 1);
    world.stop().await;
}

#[tokio::test]
async fn a_client_in_session_can_fetch_the_consensus() {
    let world = World::entry().await;
    let mut client = world.client().await;
    open(&mut client).await;
    let authorities = world.config.network.authority_set().unwrap();
    let fetched = sotto_transport::directory_client::request_consensus(&mut client, &authorities);
    let (_, consensus) = soon(fetched).await.unwrap();
    assert!(consensus.node(&world.mix.node()).is_some());
    world.stop().await;
}

#[tokio::test]
async fn a_session_by_the_onion_service_is_a_session_like_others_and_is_resumed_by_either_way() {
    let mut world = World::entry().await;
    let entry = world.own_hop().await;
    let mut client = world.onion_client().await;
    let (session, token) = open(&mut client).await;
    client.send(&Frame::Packet(forward(&[entry, hop(LAYER_1), hop(LAYER_2)], Duration::ZERO))).await.unwrap();
    let mut link = world.layer_1.next_link().await;
    let Frame::Packet(_) = next_frame(&mut link).await.unwrap() else { panic!("expected the packet") };
    drop(client);
    world.wait_for("the end of the connection", |status| status.report.sessions.connected == 0).await;
    let mut client = world.client().await;
    client.send(&Frame::SessionOpen { class: 0, resume: Some((session, token)) }).await.unwrap();
    assert_eq!(opened(&mut client).await.0, session);
    let status = world.status().await;
    assert!(status.report.ledger.balanced());
    assert_eq!(status.report.ledger.links.received_from_clients, 1);
    world.stop().await;
}

#[tokio::test]
async fn a_packet_by_the_onion_service_without_a_session_is_refused() {
    let world = World::entry().await;
    let mut client = world.onion_client().await;
    client.send(&Frame::Packet(forward(&[hop(LAYER_1)], Duration::ZERO))).await.unwrap();
    expect_refusal(&mut client, "no-session").await;
    world.stop().await;
}
