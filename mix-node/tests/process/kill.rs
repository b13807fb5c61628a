//! Killed at any moment and started again, the node lets no packet pass that has passed before.

use std::collections::BTreeMap;
use std::time::Duration;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_mix_node::shell::MixStatus;
use sotto_mix_node::stage::Prepared;

use super::support::{Theatre, frames};

const KILLS: usize = 200;
/// Packets sent before each kill, as long as the node lives.
const ROUND: usize = 48;
/// Packets written together.
const WRITE: usize = 4;
/// Within this time after the first packet the node dies.
const LIFE_MS_MAX: u64 = 40;
const DELAY_MEAN: Duration = Duration::from_millis(8);
/// Packets replayed together at the end: fewer than wait for one peer at most.
const PORTION: usize = 800;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_passes_twice_however_often_the_node_is_killed() {
    let mut rng = ChaCha20Rng::seed_from_u64(6);
    let mut theatre = Theatre::open(1, 8).await;
    theatre.stage.sinks[0].keep(true);
    let (mut node, mut address) = theatre.start().await;
    let packets = theatre.packets(KILLS * ROUND, DELAY_MEAN).await;
    let rounds: Vec<&[Prepared]> = packets.chunks(ROUND).collect();
    let mut passed: BTreeMap<u64, usize> = BTreeMap::new();
    let mut before: &[Prepared] = &[];
    let mut killed_under_load = 0;
    for (number, round) in rounds.iter().enumerate() {
        let (_reader, mut writer) = theatre.link(&address).await.split();
        // The packets of the round before come again among the new ones.
        let mixed: Vec<Prepared> =
            before.iter().zip(round.iter()).flat_map(|(old, new)| [old.clone(), new.clone()]).collect();
        let to_send = frames(if before.is_empty() { round } else { &mixed });
        let death = Duration::from_micros(rng.random_range(0..LIFE_MS_MAX * 1_000));
        let sending = async move {
            for frames in to_send.chunks(WRITE) {
                if writer.send_all(frames).await.is_err() {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            std::future::pending::<()>().await;
        };
        // The moment is the test's input, not something that it waits for.
        let _cut_off = tokio::time::timeout(death, sending).await;
        let count_before = theatre.stage.sinks[0].count();
        node.kill().unwrap();
        killed_under_load += usize::from(count_before > 0);
        (node, address) = theatre.start().await;
        for (packet, times) in theatre.arrived() {
            *passed.entry(packet).or_default() += times;
        }
        assert!(passed.values().all(|times| *times == 1), "round {number}: a packet passed twice");
        before = round;
    }
    assert!(killed_under_load > KILLS / 2 && passed.len() > ROUND, "the node did work between the kills");

    // Everything again, at a node that lives.
    let survivors = passed.len();
    let (_reader, mut writer) = theatre.link(&address).await.split();
    let mut sent = 0;
    let mut ledger = None;
    // In portions that the way to the one sink has room for, so that none of them is dropped there.
    for frames in frames(&packets).chunks(PORTION) {
        writer.send_all(frames).await.map_err(|(_, error)| error).unwrap();
        sent += u64::try_from(frames.len()).unwrap();
        let has_outcomes = |status: &MixStatus| {
            let ledger = &status.report.ledger;
            ledger.received == sent && ledger.held == 0
        };
        let status = node.wait_for("every packet has its outcome", has_outcomes).await.unwrap();
        ledger = Some(status.report.ledger);
    }
    let ledger = ledger.unwrap();
    let replayed = ledger.dropped.get("replayed").copied().unwrap_or_default();
    assert_eq!(ledger.forwarded + replayed, sent, "{ledger:?}");
    assert!(replayed >= u64::try_from(survivors).unwrap(), "a packet that had left was not in the log");
    theatre.came(u64::try_from(survivors).unwrap() + ledger.forwarded).await;
    for (packet, times) in theatre.arrived() {
        *passed.entry(packet).or_default() += times;
    }
    assert!(passed.values().all(|times| *times == 1), "a packet passed twice");
    println!(
        "{KILLS} kills, {sent} packets, {survivors} passed before the last start, {replayed} refused as replayed after it, {} passed then for the first time",
        ledger.forwarded
    );
    node.stop().unwrap();
}
