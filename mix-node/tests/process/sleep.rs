//! A machine that sleeps through epochs: the node wakes up in another one and goes on.

use std::time::Duration;

use sotto_protocol::directory::epoch_start;
use sotto_transport::clock::Clock;

use super::support::{Theatre, frames};

/// The shortest that a network may have. The grace of the stage is as long.
const EPOCH_S: u32 = 10;
const PACKETS: usize = 100;
const DELAY_MEAN: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_slept_through_an_epoch_goes_on_with_the_keys_of_the_present_one() {
    let clock = Clock::system();
    let mut theatre = Theatre::open_with_epochs(1, 20, EPOCH_S).await;
    let (node, address) = theatre.start().await;
    let epoch = theatre.stage.epoch();
    let hop = theatre.stage.hop_in(epoch).await.unwrap();
    let later = theatre.stage.hop_in(epoch + 2).await.unwrap();
    let old = frames(&theatre.packets_over(hop, PACKETS, DELAY_MEAN));
    let new = frames(&theatre.packets_over(later, PACKETS, DELAY_MEAN));
    let (_reader, mut writer) = theatre.link(&address).await.split();
    let dummies = node.status().await.unwrap().report.dummies;
    node.pause().unwrap();
    // They wait in the sockets until it wakes up, and then nobody must be able to open them.
    writer.send_all(&old).await.map_err(|(_, error)| error).unwrap();
    // The test's input: the length of the sleep.
    clock.sleep_until(epoch_start(epoch + 2, EPOCH_S)).await;
    node.resume().unwrap();

    let awake = |status: &sotto_mix_node::shell::MixStatus| status.report.consensus_epoch == Some(epoch + 2);
    node.wait_for("the consensus of the epoch in which it woke up", awake).await.unwrap();
    let gone = async {
        while theatre.key_files().0.first().is_none_or(|oldest| *oldest < epoch + 1) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(super::support::PATIENCE, gone).await.expect("keys of the epochs slept through go");
    writer.send_all(&new).await.map_err(|(_, error)| error).unwrap();
    let count = u64::try_from(PACKETS).unwrap();
    let status = node
        .wait_for("every packet has its outcome", |status| {
            status.report.ledger.received == 2 * count && status.report.ledger.held == 0
        })
        .await
        .unwrap();
    let report = status.report;
    assert!(report.ledger.balanced());
    assert_eq!(
        (report.ledger.forwarded, report.ledger.dropped_total()),
        (count, count),
        "{:?}",
        report.ledger
    );
    assert!(
        report
            .ledger
            .dropped
            .keys()
            .all(|label| ["consensus-expired", "header-mac"].contains(&label.as_str())),
        "{:?}",
        report.ledger.dropped
    );
    assert!(report.key_epochs.iter().all(|key| *key > epoch), "{:?}", report.key_epochs);
    assert!(report.dummies <= dummies + 1, "no burst");
    theatre.came(count).await;
    println!("asleep through an epoch: {count} packets of it refused, {count} of the present one passed");
    node.stop().unwrap();
}
