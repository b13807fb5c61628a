//! Starting, resting, stopping.

use std::time::Duration;

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_mix_node::shell::start;
use sotto_protocol::frame::Frame;
use sotto_protocol::sphinx::build_forward;
use sotto_transport::node::control;
use sotto_transport::node::shutdown::Shutdown;

use crate::support::{LAYER_1, World, expect_refusal, hop, next_frame, soon};

#[tokio::test]
async fn a_stop_sends_what_was_held_and_tells_clients() {
    let mut world = World::entry().await;
    let entry = world.own_hop().await;
    let mut client = world.client().await;
    client.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    assert!(matches!(next_frame(&mut client).await.unwrap(), Frame::SessionOpened { .. }));
    let mut link = world.layer_1.next_link().await;
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let route = [entry, hop(LAYER_1)];
    for delay_s in [1, 9] {
        let delays = [Duration::from_secs(delay_s), Duration::ZERO];
        let packet = build_forward(&route, &delays, [9; 32], b"", &mut rng).unwrap();
        client.send(&Frame::Packet(packet)).await.unwrap();
    }
    world.wait_for("both packets", |status| status.report.ledger.held == 2).await;
    let report = world.stop().await;
    for _ in 0..2 {
        assert!(matches!(next_frame(&mut link).await.unwrap(), Frame::Packet(_)));
    }
    assert_eq!(next_frame(&mut link).await.unwrap_err().label(), "closed");
    expect_refusal(&mut client, "stopping").await;
    assert!(report.ledger.balanced());
    assert_eq!((report.ledger.forwarded, report.ledger.held), (2, 0));
}

#[tokio::test]
async fn quiesce_silences_the_links_and_keeps_the_node_at_work() {
    let mut world = World::entry().await;
    let entry = world.own_hop().await;
    let mut link = world.layer_1.next_link().await;
    assert_eq!(soon(link.next()).await.unwrap(), Frame::Dummy);
    control::quiesce(&world.config.control_socket()).await.unwrap();
    let status = world.status().await;
    assert!(status.report.quiesced);

    let mut client = world.client().await;
    client.send(&Frame::SessionOpen { class: 0, resume: None }).await.unwrap();
    assert!(matches!(next_frame(&mut client).await.unwrap(), Frame::SessionOpened { .. }));
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let packet = build_forward(&[entry, hop(LAYER_1)], &[Duration::ZERO; 2], [9; 32], b"", &mut rng).unwrap();
    client.send(&Frame::Packet(packet)).await.unwrap();
    assert!(matches!(next_frame(&mut link).await.unwrap(), Frame::Packet(_)));
    assert_eq!(world.status().await.report.dummies, status.report.dummies, "no dummy since");
    world.stop().await;
}

#[tokio::test]
async fn a_node_runs_once_and_keeps_name_keys_and_consensus_over_a_restart() {
    let world = World::entry().await;
    let again = start(&world.config, Shutdown::new()).await;
    assert_eq!(again.err().unwrap().label(), "already-served");
    let first = world.own_hop().await;
    let node = world.mix.node();

    let world = world.restarted().await;
    assert_eq!(world.mix.node(), node);
    world.wait_for("the kept consensus", |status| status.report.consensus_epoch.is_some()).await;
    assert_eq!(world.own_hop().await, first);
    world.stop().await;
}
