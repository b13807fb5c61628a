use std::time::Duration;

use sotto_protocol::ident::NodeId;
use sotto_protocol::sphinx::{Hop, HopPublic, HopSecret, KeyRing, Packet, Refusal, build_forward};

use crate::craft::change_routing;
use crate::support::{DELAY_MAX, DESTINATION, flipped, label, rng};

fn secret(epoch: u64) -> HopSecret {
    HopSecret::generate(&mut rng(1000 + epoch))
}

/// Keys for epochs 8 to 12.
fn ring() -> KeyRing {
    let mut ring = KeyRing::new();
    for epoch in 8..=12 {
        assert!(ring.install(epoch, secret(epoch)));
    }
    ring
}

fn packet_to(key: HopPublic, seed: u64) -> Packet {
    let hop = Hop { node: NodeId::from_bytes([1; 32]), key };
    build_forward(&[hop], &[Duration::ZERO], DESTINATION, b"ring", &mut rng(seed)).unwrap()
}

fn packet_for(epoch: u64, seed: u64) -> Packet {
    packet_to(secret(epoch).public(), seed)
}

#[test]
fn keys_of_this_the_previous_and_the_next_epoch_open_packets() {
    let mut ring = ring();
    for epoch in [9, 10, 11] {
        assert!(ring.unwrap(10, packet_for(epoch, epoch), DELAY_MAX).is_ok());
    }
    assert_eq!(ring.tags_len(), 3);
}

#[test]
fn keys_two_epochs_away_open_nothing() {
    let mut ring = ring();
    for epoch in [8, 12] {
        assert_eq!(label(ring.unwrap(10, packet_for(epoch, epoch), DELAY_MAX)), "header-mac");
    }
    assert_eq!(ring.tags_len(), 0);
}

#[test]
fn the_first_and_the_last_epoch_have_but_one_neighbour() {
    let mut ring = KeyRing::new();
    assert!(ring.install(0, secret(0)));
    assert!(ring.unwrap(0, packet_for(0, 1), DELAY_MAX).is_ok());
    assert!(ring.install(u64::MAX, secret(u64::MAX - 1000)));
    let packet = packet_for(u64::MAX - 1000, 1);
    assert!(ring.unwrap(u64::MAX, packet, DELAY_MAX).is_ok());
}

#[test]
fn replayed_packet_is_refused_and_said_to_be() {
    let mut ring = ring();
    let packet = packet_for(10, 1);
    assert!(ring.unwrap(10, packet.clone(), DELAY_MAX).is_ok());
    for _ in 0..3 {
        assert_eq!(label(ring.unwrap(10, packet.clone(), DELAY_MAX)), "replayed");
    }
    assert_eq!(ring.tags_len(), 1);
}

#[test]
fn replayed_packet_with_another_payload_is_refused() {
    let mut ring = ring();
    let packet = packet_for(10, 1);
    assert!(ring.unwrap(10, packet.clone(), DELAY_MAX).is_ok());
    assert_eq!(label(ring.unwrap(10, flipped(&packet, 2000, 1), DELAY_MAX)), "replayed");
}

#[test]
fn replayed_packet_is_caught_across_the_boundary_of_epochs() {
    let mut ring = ring();
    let packet = packet_for(10, 1);
    assert!(ring.unwrap(9, packet.clone(), DELAY_MAX).is_ok(), "early, by the next epoch's key");
    ring.retire_before(9);
    assert_eq!(label(ring.unwrap(10, packet.clone(), DELAY_MAX)), "replayed");
    ring.retire_before(10);
    assert_eq!(label(ring.unwrap(11, packet.clone(), DELAY_MAX)), "replayed");
    ring.retire_before(11);
    assert_eq!(label(ring.unwrap(12, packet, DELAY_MAX)), "header-mac");
}

#[test]
fn retired_key_opens_nothing_and_cannot_be_brought_back() {
    let mut ring = ring();
    ring.retire_before(11);
    assert_eq!(label(ring.unwrap(11, packet_for(10, 1), DELAY_MAX)), "header-mac");
    assert!(!ring.install(10, secret(10)), "its tags are gone, so it must not come back");
    assert_eq!(label(ring.unwrap(11, packet_for(10, 1), DELAY_MAX)), "header-mac");
    let epochs: Vec<u64> = ring.public_keys().into_iter().map(|(epoch, _)| epoch).collect();
    assert_eq!(epochs, [11, 12]);
}

#[test]
fn retiring_less_than_before_retires_nothing_and_allows_nothing() {
    let mut ring = ring();
    ring.retire_before(11);
    ring.retire_before(9);
    assert!(!ring.contains(10));
    assert!(!ring.install(9, secret(9)));
    assert!(ring.contains(11));
}

#[test]
fn a_second_key_for_an_epoch_is_refused_and_the_first_keeps_its_tags() {
    let mut ring = ring();
    let packet = packet_for(10, 1);
    assert!(ring.unwrap(10, packet.clone(), DELAY_MAX).is_ok());
    assert!(!ring.install(10, secret(10)));
    assert!(!ring.install(10, secret(77)));
    assert_eq!(label(ring.unwrap(10, packet, DELAY_MAX)), "replayed");
    assert!(ring.public_keys().contains(&(10, secret(10).public())));
}

#[test]
fn without_a_key_for_these_epochs_everything_is_refused() {
    assert_eq!(label(KeyRing::new().unwrap(10, packet_for(10, 1), DELAY_MAX)), "no-key");
    assert_eq!(label(ring().unwrap(20, packet_for(10, 1), DELAY_MAX)), "no-key");
}

#[test]
fn a_forged_header_does_not_burn_the_tag_of_the_packet_it_was_made_from() {
    let mut ring = ring();
    let packet = packet_for(10, 1);
    assert_eq!(label(ring.unwrap(10, flipped(&packet, 40, 1), DELAY_MAX)), "header-mac");
    assert_eq!(label(ring.unwrap(10, flipped(&packet, 300, 1), DELAY_MAX)), "header-mac");
    assert_eq!(ring.tags_len(), 0);
    assert!(ring.unwrap(10, packet, DELAY_MAX).is_ok());
}

#[test]
fn a_packet_of_a_wrong_version_has_its_tag_remembered_all_the_same() {
    let mut ring = ring();
    let bad = change_routing(&secret(10), &packet_for(10, 1), &[(3, 7)]);
    assert_eq!(label(ring.unwrap(10, bad.clone(), DELAY_MAX)), "version");
    assert_eq!(label(ring.unwrap(10, bad, DELAY_MAX)), "replayed");
}

#[test]
fn a_full_replay_cache_refuses_what_it_could_not_remember() {
    let mut ring = KeyRing::with_tags_max(2);
    for epoch in [10, 11] {
        assert!(ring.install(epoch, secret(epoch)));
    }
    let packets: Vec<Packet> = (0..3).map(|seed| packet_for(10, seed)).collect();
    assert!(ring.unwrap(10, packets[0].clone(), DELAY_MAX).is_ok());
    assert!(ring.unwrap(10, packets[1].clone(), DELAY_MAX).is_ok());
    assert_eq!(label(ring.unwrap(10, packets[2].clone(), DELAY_MAX)), "replay-cache-full");
    assert_eq!(label(ring.unwrap(10, packets[0].clone(), DELAY_MAX)), "replayed");
    assert!(ring.unwrap(10, packet_for(11, 9), DELAY_MAX).is_ok(), "the next key has room of its own");
    assert_eq!(ring.tags_len(), 3);
}

#[test]
fn debug_shows_no_secret_key() {
    let mut ring = KeyRing::new();
    ring.install(3, secret(3));
    insta::assert_snapshot!(format!("{ring:?} {:?}", secret(3)), @"KeyRing([(3, HopPublic(39dc9e29))]) HopSecret(HopPublic(39dc9e29))");
    insta::assert_snapshot!(Refusal::ReplayCacheFull, @"the replay cache of this key is full; it empties when the key is retired");
}
