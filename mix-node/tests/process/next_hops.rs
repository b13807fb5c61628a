//! Next hops that are down, slow, or take nothing at all: what is for them is dropped, and nobody else notices.

use std::time::Duration;

use sotto_mix_node::shell::MixStatus;
use sotto_mix_node::stage::{NodeProcess, Prepared, Sink};
use sotto_transport::link::LinkWriter;
use sotto_transport::peers::PEER_QUEUE_MAX;

use super::support::{Theatre, frames};

const DELAY_MEAN: Duration = Duration::from_millis(5);
const ROUND: usize = 200;
/// More than a link's queue and the system's buffers hold of one next hop's packets.
const FLOOD: usize = 16_000;
/// Packets written together to a node whose next hop is slow.
const WRITE: usize = 128;
/// By how much the memory of a node may grow whose next hop takes nothing, in KiB: its queue holds 3 MiB, and the packets
/// of the flood on their way to others come and go.
const GROWTH_KIB_MAX: u64 = 64 * 1024;

async fn send(writer: &mut LinkWriter, packets: &[Prepared]) {
    writer.send_all(&frames(packets)).await.map_err(|(_, error)| error).unwrap();
}

fn peer<'a>(status: &'a MixStatus, sink: &Sink) -> &'a serde_json::Value {
    let name = sink.secret.id().to_string();
    status.member.peers.as_array().unwrap().iter().find(|peer| peer["node"] == name).unwrap()
}

fn unreachable(status: &MixStatus) -> u64 {
    status.report.ledger.dropped.get("next-hop-unreachable").copied().unwrap_or_default()
}

async fn settled(node: &NodeProcess, sent: usize) -> MixStatus {
    let sent = u64::try_from(sent).unwrap();
    let is_settled =
        |status: &MixStatus| status.report.ledger.received == sent && status.report.ledger.held == 0;
    let status = node.wait_for("every packet has its outcome", is_settled).await.unwrap();
    assert!(status.report.ledger.balanced());
    assert_eq!(status.report.ledger.dropped_total(), unreachable(&status), "{:?}", status.report.ledger);
    status
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_hop_that_is_down_costs_its_own_packets_and_is_linked_to_when_it_is_back() {
    let half = u64::try_from(ROUND / 2).unwrap();
    let mut theatre = Theatre::open(2, 5).await;
    let (node, address) = theatre.start().await;
    let packets = theatre.packets(3 * ROUND, DELAY_MEAN).await;
    let (_reader, mut writer) = theatre.link(&address).await.split();
    let sinks = &theatre.stage.sinks;
    send(&mut writer, &packets[..ROUND]).await;
    theatre.came(2 * half).await;

    sinks[0].close();
    node.wait_for("the end of the link", |status| peer(status, &sinks[0])["up"] == false).await.unwrap();
    send(&mut writer, &packets[ROUND..2 * ROUND]).await;
    let status = settled(&node, 2 * ROUND).await;
    assert_eq!(unreachable(&status), half);
    theatre.came(3 * half).await;
    assert_eq!((sinks[0].count(), sinks[1].count()), (half, 2 * half));
    let tries = |status: &MixStatus| peer(status, &sinks[0])["failures"]["unreachable"].as_u64().unwrap_or(0);
    let status = node.wait_for("more attempts", |status| tries(status) >= 4).await.unwrap();
    assert_eq!(peer(&status, &sinks[1])["connects"], 1, "the other link was never touched");

    sinks[0].open().await.unwrap();
    node.wait_for("the link", |status| peer(status, &sinks[0])["up"] == true).await.unwrap();
    send(&mut writer, &packets[2 * ROUND..]).await;
    let status = settled(&node, 3 * ROUND).await;
    assert_eq!(unreachable(&status), half, "no more than before");
    theatre.came(5 * half).await;
    node.stop().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_next_hop_that_takes_nothing_fills_its_own_queue_and_nothing_else() {
    let mut theatre = Theatre::open(2, 5).await;
    let (node, address) = theatre.start().await;
    let packets = theatre.packets(FLOOD, DELAY_MEAN).await;
    let (_reader, mut writer) = theatre.link(&address).await.split();
    let sinks = &theatre.stage.sinks;
    let (rss_before_kib, _) = node.rss_kib().unwrap();
    sinks[0].pause(Duration::from_secs(3_600));

    // Every other packet is for it. The healthy one's are all taken before more are sent, so that both are offered as
    // much.
    let mut sent = 0;
    let mut status = None;
    for part in packets.chunks(WRITE) {
        send(&mut writer, part).await;
        sent += part.len();
        let others = u64::try_from(sent / 2).unwrap();
        let all_came = async {
            while sinks[1].count() < others {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(super::support::PATIENCE, all_came).await.expect("the others' packets come");
        if sent.is_multiple_of(8 * WRITE) {
            let seen = settled(&node, sent).await;
            let queued = peer(&seen, &sinks[0])["queued"].as_u64().unwrap();
            assert!(queued <= u64::try_from(PEER_QUEUE_MAX).unwrap());
            if unreachable(&seen) > 512 {
                status = Some(seen);
                break;
            }
        }
    }
    let status = status.expect("its queue fills up");
    let dropped = unreachable(&status);
    assert_eq!(peer(&status, &sinks[0])["queued"], PEER_QUEUE_MAX);
    assert_eq!(peer(&status, &sinks[1])["queued"], 0);
    let (rss_kib, _) = node.rss_kib().unwrap();
    assert!(rss_kib < rss_before_kib + GROWTH_KIB_MAX, "{rss_before_kib} KiB, then {rss_kib}");
    let (_, said) = theatre.command(&["status"]);
    assert!(said.contains("up, 1024 frames wait"), "{said}");

    // It takes again: what was accepted for it arrives, and new packets pass.
    sinks[0].pause(Duration::ZERO);
    let accepted = u64::try_from(sent).unwrap() - dropped;
    theatre.came(accepted).await;
    let last = &packets[sent..sent + ROUND];
    send(&mut writer, last).await;
    let status = settled(&node, sent + ROUND).await;
    assert_eq!(unreachable(&status), dropped);
    theatre.came(accepted + u64::try_from(ROUND).unwrap()).await;
    assert_eq!(status.report.ledger.links.lost_on_link, 0);
    println!(
        "of {sent} packets {dropped} dropped, all of the slow next hop; memory {rss_before_kib} KiB, then {rss_kib}; excess p99 {:.1} ms",
        status.report.pipeline.excess.ms_p99
    );
    node.stop().unwrap();
}
