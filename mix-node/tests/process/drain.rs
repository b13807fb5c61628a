//! A node leaves the network: it works for as long as anybody may send it something, and ends by itself.

use std::time::Duration;

use sotto_protocol::directory::epoch_start;
use sotto_transport::clock::Clock;

use super::neighbour::Neighbour;
use super::support::{Theatre, frames};

/// The shortest that a network may have. The grace of the stage is as long.
const EPOCH_S: u32 = 10;
/// What is done before the epoch's end takes less.
const EPOCH_LEFT_MIN: Duration = Duration::from_secs(5);
const DELAY_MEAN: Duration = Duration::from_millis(40);
/// Enough for two epochs: 500 a second.
const PACKETS: usize = 11_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_drained_node_loses_nothing_and_ends_by_itself() {
    let clock = Clock::system();
    let mut theatre = Theatre::open_with_epochs(2, 40, EPOCH_S).await;
    let (node, address) = theatre.start().await;
    let end = epoch_start(theatre.stage.epoch() + 1, EPOCH_S);
    if end.since(clock.now()) < EPOCH_LEFT_MIN {
        clock.sleep_until(end).await;
    }
    let epoch = theatre.stage.epoch();

    let (went_well, said) = theatre.command(&["drain"]);
    assert!(went_well && said.contains("leaves the network"), "{said}");
    let (went_well, said) = theatre.command(&["drain", "--json"]);
    assert!(went_well && said.contains("\"draining\":true"), "{said}");
    let withdrawn =
        |status: &sotto_mix_node::shell::MixStatus| status.member.membership["withdrawn"].as_u64();
    node.wait_for("the withdrawal", |status| withdrawn(status) == Some(epoch)).await.unwrap();
    let (_, said) = theatre.command(&["status"]);
    assert!(said.contains("draining  ends by itself in "), "{said}");
    let (went_well, said) = theatre.command(&["drain", "--cancel"]);
    assert!(went_well && said.contains("stays in the network"), "{said}");
    node.wait_for("the new announcement", |status| withdrawn(status).is_none()).await.unwrap();
    let now = theatre.stage.hop_in(epoch).await.unwrap();
    let next = theatre.stage.hop_in(epoch + 1).await.unwrap();
    let (went_well, said) = theatre.command(&["drain", "--cancel"]);
    assert!(!went_well && said.contains("not draining (not-draining)"), "{said}");

    // Clients know the consensus of this epoch, and some go by it until its grace is over.
    let mut packets = theatre.packets_over(now, PACKETS / 22, DELAY_MEAN);
    packets.extend(theatre.packets_over(next, PACKETS - PACKETS / 22, DELAY_MEAN));
    let name = now.node;
    let neighbour = Neighbour::start(&theatre.stage.sources[0], name, frames(&packets), 2);
    neighbour.pool.set_peers(vec![(name, address)]);
    assert!(theatre.command(&["drain"]).0);
    let listed_no_more = |status: &sotto_mix_node::shell::MixStatus| {
        status.report.consensus_epoch == Some(epoch + 1) && status.report.place.is_none()
    };
    let status = node.wait_for("a consensus without the node", listed_no_more).await.unwrap();
    let ends_s = status.report.drain.unwrap().ends_s.unwrap();
    assert_eq!(ends_s, epoch_start(epoch + 2, EPOCH_S).as_secs() - 2, "by the end of the grace all has left");
    let received = status.report.ledger.received;
    let (went_well, said) = theatre.command(&["drain", "--cancel"]);
    assert!(
        !went_well && said.contains("goes on without this node") && said.contains("(drain-too-late)"),
        "{said}"
    );
    let (keys, logs) = theatre.key_files();
    assert!(keys.contains(&(epoch + 1)) && keys == logs, "they are still needed: {keys:?}");

    assert!(node.ended().await.unwrap(), "exit code 0");
    assert!(clock.now().as_secs() >= ends_s);
    let ended = theatre.ended();
    let sent = neighbour.sent();
    assert!(sent > received && neighbour.left() > 0, "under load to the end");
    assert_eq!((ended["received"], ended["forwarded"]), (sent, sent), "{ended:?}");
    assert_eq!((ended["dropped"], ended["held"], ended["lost_on_link"]), (0, 0, 0), "{ended:?}");
    theatre.came(sent).await;
    println!(
        "drained: {sent} packets forwarded, {} of them when no consensus listed the node",
        sent - received
    );
}
