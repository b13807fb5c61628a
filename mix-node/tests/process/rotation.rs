//! Keys change with the epochs, and no packet is lost by it.

use std::time::Duration;

use sotto_mix_node::stage::Prepared;
use sotto_protocol::directory::epoch_start;
use sotto_protocol::frame::Frame;
use sotto_transport::clock::Clock;

use super::support::{Theatre, frames};

/// The shortest that a network may have.
const EPOCH_S: u32 = 10;
const ROTATIONS: u64 = 3;
const DELAY_MEAN: Duration = Duration::from_millis(20);
/// Packets written together, and how far apart.
const WRITE: usize = 8;
const WRITE_INTERVAL: Duration = Duration::from_millis(25);
/// Packets under the key of an epoch that come when it is over.
const LATE: usize = 24;

#[tokio::test(flavor = "multi_thread")]
async fn no_packet_is_lost_while_keys_change_and_old_ones_go() {
    let clock = Clock::system();
    let mut theatre = Theatre::open_with_epochs(2, 20, EPOCH_S).await;
    let (node, address) = theatre.start().await;
    let (_reader, mut writer) = theatre.link(&address).await.split();
    let first = theatre.stage.epoch();
    let mut on_time = 0;
    let mut retired: Vec<Prepared> = Vec::new();
    for epoch in first..=first + ROTATIONS {
        let hop = theatre.stage.hop_in(epoch).await.unwrap();
        // Made while their epoch lasts, sent when it is over: to be opened once, and to be refused once.
        let late = theatre.packets_over(hop, LATE, DELAY_MEAN);
        let too_late = theatre.packets_over(hop, LATE, DELAY_MEAN);
        let end = epoch_start(epoch + 1, EPOCH_S);
        let load = usize::try_from(end.since(clock.now()).as_millis() / WRITE_INTERVAL.as_millis()).unwrap();
        let load = theatre.packets_over(hop, load * WRITE, DELAY_MEAN);
        for frames in frames(&load).chunks(WRITE) {
            if clock.now() >= end {
                break;
            }
            writer.send_all(frames).await.map_err(|(_, error)| error).unwrap();
            on_time += frames.len();
            tokio::time::sleep(WRITE_INTERVAL).await;
        }
        if epoch == first + ROTATIONS {
            break;
        }
        clock.sleep_until(end).await;
        send(&mut writer, &late).await;
        on_time += LATE;
        // Two epochs old, so that neither the present key nor the one before opens them.
        send(&mut writer, &retired).await;
        retired = too_late;

        let oldest = epoch;
        let wiped = async {
            loop {
                let (keys, logs) = theatre.key_files();
                if keys[0] >= oldest && logs[0] >= oldest {
                    assert!(keys.contains(&(epoch + 1)) && keys.contains(&(epoch + 2)), "announced ahead");
                    assert_eq!(keys, logs);
                    return;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let limit = Duration::from_secs(2);
        tokio::time::timeout(limit, wiped).await.expect("old keys go as the epoch begins");
    }
    let on_time = u64::try_from(on_time).unwrap();
    let refused = u64::try_from(LATE).unwrap() * (ROTATIONS - 1);
    let status = node
        .wait_for("every packet has its outcome", |status| {
            status.report.ledger.received == on_time + refused && status.report.ledger.held == 0
        })
        .await
        .unwrap();
    let ledger = status.report.ledger;
    assert!(ledger.balanced());
    assert_eq!(ledger.forwarded, on_time, "{ledger:?}");
    assert_eq!(ledger.dropped.get("header-mac"), Some(&refused), "{ledger:?}");
    assert_eq!(ledger.dropped_total(), refused);
    assert!(status.report.key_epochs.iter().all(|epoch| *epoch >= first + ROTATIONS - 1));
    theatre.came(on_time).await;
    println!("{ROTATIONS} rotations, {on_time} packets passed, {refused} for wiped keys refused");
    node.stop().unwrap();
}

async fn send(writer: &mut sotto_transport::link::LinkWriter, packets: &[Prepared]) {
    let frames: Vec<Frame> = frames(packets);
    writer.send_all(&frames).await.map_err(|(_, error)| error).unwrap();
}
