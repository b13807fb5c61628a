//! Connections that never become links, or too many that do.

use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::task::JoinSet;

use crate::honest::Honest;
use crate::place::Place;
use crate::support::World;

/// Connections that one address may have, and handshakes that it may begin at once.
const ADDRESS_MAX: usize = 64;

#[tokio::test]
async fn connections_that_send_a_byte_a_second_are_few_and_given_up() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let mut slow = JoinSet::new();
    for _ in 0..ADDRESS_MAX + 6 {
        let mut stream = Place::at("127.0.0.2").call(&world.address()).await.unwrap();
        slow.spawn(async move {
            // The beginning of a record of 512 bytes, and its body byte by byte until the node has had enough.
            for byte in [0x16, 3, 1, 2, 0].into_iter().chain([1; 512]) {
                if stream.write_all(&[byte]).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            panic!("the node never had enough");
        });
    }
    let count = |label: &'static str, least: u64| {
        move |status: &sotto_mix_node::shell::MixStatus| {
            status.member.link_failures.get(label).is_some_and(|count| *count >= least)
        }
    };
    world.wait_for("those too many are turned away", count("address-full", 6)).await;
    for _ in 0..5 {
        honest.is_served().await;
    }
    let all = u64::try_from(ADDRESS_MAX).unwrap();
    let status = world.wait_for("all are given up", count("handshake-timeout", all)).await;
    assert_eq!(status.member.link_failures.get("handshake-timeout"), Some(&all));
    assert_eq!(status.member.link_failures.get("address-full"), Some(&6));
    while let Some(ended) = slow.join_next().await {
        ended.unwrap();
    }
    honest.is_served().await;
    world.stop().await;
}

#[tokio::test]
async fn a_flood_of_handshakes_from_one_address_is_slowed_down() {
    let mut world = World::entry().await;
    let mut honest = Honest::join(&mut world).await;
    let attempts = 400;
    let mut made = 0;
    for attempt in 0..attempts {
        made += u64::from(Place::at("127.0.0.2").link(&world).await.is_ok());
        if attempt % 80 == 0 {
            honest.is_served().await;
        }
    }
    let turned_away = |status: &sotto_mix_node::shell::MixStatus| {
        let of = |label| status.member.link_failures.get(label).copied().unwrap_or_default();
        of("address-too-fast") + of("address-full")
    };
    let status = world.wait_for("the rest is counted", |status| turned_away(status) == attempts - made).await;
    assert!(status.member.link_failures.contains_key("address-too-fast"), "{made} of {attempts}");
    assert!(made >= u64::try_from(ADDRESS_MAX).unwrap());
    honest.is_served().await;
    world.stop().await;
}
