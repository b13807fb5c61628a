//! Files go through the virtual network: how much of the sender's slots they use, with and without loss and crashes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the figures are in the documentation as they are printed here")]

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sotto_client::core::{Event, FILE_BLOCK_LEN, FileState};
use sotto_simulations::vnet::{Faults, VirtualNetwork, VnetPlan};

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A packet crosses five links in each direction: from the client to its entry, three mixes, the mailbox. Of packets
/// that are lost at each of them with this probability, 5 % are lost: 1 - (1 - p)^5 = 0.05.
const LOSS_PER_LINK: f64 = 0.010_206;
/// The bytes of a full part.
const PART_LEN: f64 = FILE_BLOCK_LEN as f64 / 16.0;

/// A network in which Alice and Bob know each other.
fn acquainted(plan: VnetPlan) -> VirtualNetwork {
    let mut net = VirtualNetwork::found(plan).unwrap();
    net.add_person("alice").unwrap();
    net.add_person("bob").unwrap();
    let invite = net.with_person("alice", |engine, now, rng| engine.create_invite(now, "bob", DAY, rng));
    let link = invite.unwrap().unwrap().link();
    net.with_person("bob", |engine, now, rng| engine.accept_invite(now, &link, "alice", rng))
        .unwrap()
        .unwrap();
    let met = |(_, event): &(_, Event)| matches!(event, Event::ContactEstablished { .. });
    assert!(net.run_until(Duration::from_secs(60), |net| net.events("alice").unwrap().iter().any(met)));
    net
}

fn bytes(len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    ChaCha20Rng::seed_from_u64(7).fill_bytes(&mut bytes);
    bytes
}

fn offer(net: &mut VirtualNetwork, file: &[u8]) -> u64 {
    net.with_person("alice", |engine, now, rng| {
        let id = engine.begin_file(now, "bob", "holiday.jpg", file.len() as u64, None, rng).unwrap();
        for (number, block) in file.chunks(FILE_BLOCK_LEN).enumerate() {
            engine.fill_file(now, &id, (number * FILE_BLOCK_LEN) as u64, block).unwrap();
        }
        engine.offer_file(now, &id, rng).unwrap()
    })
    .unwrap()
}

fn read(net: &mut VirtualNetwork, seq: u64) -> Vec<u8> {
    net.with_person("bob", |engine, _, _| {
        let mut bytes = Vec::new();
        loop {
            let block = engine.read_file("alice", seq, bytes.len() as u64).unwrap();
            if block.is_empty() {
                return bytes;
            }
            bytes.extend_from_slice(&block);
        }
    })
    .unwrap()
}

/// Payload slots that Alice's device has had, whatever they carried.
fn slots(net: &mut VirtualNetwork) -> u64 {
    let counters = net.with_person("alice", |engine, now, _| engine.status(now).counters).unwrap();
    counters.sent_write + counters.sent_read + counters.sent_decoy
}

fn ready(net: &VirtualNetwork, name: &str) -> bool {
    net.events(name).unwrap().iter().any(|(_, event)| matches!(event, Event::FileReady { .. }))
}

fn accepted(plan: VnetPlan, file: &[u8]) -> (VirtualNetwork, u64) {
    let mut net = acquainted(plan);
    let seq = offer(&mut net, file);
    let came = |(_, event): &(_, Event)| matches!(event, Event::MessageReceived { .. });
    assert!(net.run_until(Duration::from_secs(120), |net| net.events("bob").unwrap().iter().any(came)));
    // A short one is asked for already; asking again asks for the same.
    net.with_person("bob", |engine, now, rng| engine.accept_file(now, "alice", seq, rng)).unwrap().unwrap();
    let begun = |(_, event): &(_, Event)| matches!(event, Event::FileProgress { .. });
    assert!(net.run_until(Duration::from_secs(120), |net| net.events("alice").unwrap().iter().any(begun)));
    (net, seq)
}

fn plan(seed: u64, loss: f64) -> VnetPlan {
    let (latency_min, latency_max) = (Duration::from_millis(1), Duration::from_millis(40));
    VnetPlan { faults: Faults { latency_min, latency_max, loss, duplication: 0.0 }, ..VnetPlan::small(seed) }
}

/// Sends a file, and says how much of the sender's slots it used until the receiver had checked it.
fn share(what: &str, seed: u64, len: usize, loss: f64) -> f64 {
    let file = bytes(len);
    let (mut net, seq) = accepted(plan(seed, loss), &file);
    let (begin, before) = (net.elapsed(), slots(&mut net));
    let at_begin = net.with_person("alice", |engine, now, _| engine.file(now, "bob", seq)).unwrap().unwrap();
    let limit = Duration::from_secs(60 + len as u64 / 1000);
    assert!(net.run_until(limit, |net| ready(net, "bob")), "{what}: not within {limit:?}");
    let span = (net.elapsed() - begin).as_secs_f64();
    let used = slots(&mut net) - before;
    let sent = (len as u64 - at_begin.done_bytes) as f64;
    let share = sent / (used as f64 / 2.0 * PART_LEN);
    println!(
        "{what}: {sent:.0} bytes in {span:.1} s of virtual time, {:.0} bytes/s; {used} slots, share {share:.3}",
        sent / span
    );
    assert!(read(&mut net, seq) == file, "{what}: another file");
    assert!(net.run_until(Duration::from_secs(120), |net| ready(net, "alice")), "the sender is told");
    share
}

#[test]
fn a_short_file_fills_the_slots_without_loss_and_with_five_percent() {
    let clean = share("300 kB, no loss", 51, 300_000, 0.0);
    let lossy = share("300 kB, 5 % loss", 52, 300_000, LOSS_PER_LINK);
    assert!(clean >= 0.60 && lossy >= 0.60, "{clean} {lossy}");
}

#[test]
fn a_long_file_fills_the_slots_without_loss() {
    let clean = share("2 MB, no loss", 53, 2_000_000, 0.0);
    assert!(clean >= 0.60, "{clean}");
}

#[test]
fn a_long_file_fills_the_slots_with_five_percent_loss() {
    let lossy = share("2 MB, 5 % loss", 54, 2_000_000, LOSS_PER_LINK);
    assert!(lossy >= 0.60, "{lossy}");
}

#[test]
fn a_file_arrives_whole_when_both_sides_are_killed_in_the_middle() {
    let file = bytes(300_000);
    let (mut net, seq) = accepted(plan(55, LOSS_PER_LINK), &file);
    let begin = net.elapsed();
    for name in ["alice", "bob", "bob", "alice"] {
        net.run_for(Duration::from_secs(10));
        net.crash_person(name).unwrap();
        net.run_for(Duration::from_secs(5));
        net.restart_person(name).unwrap();
    }
    let view = net.with_person("bob", |engine, now, _| engine.file(now, "alice", seq)).unwrap().unwrap();
    assert_eq!(view.state, FileState::Running, "the crashes were in the middle");
    assert!(net.run_until(Duration::from_secs(400), |net| ready(net, "bob")));
    let span = (net.elapsed() - begin).as_secs_f64();
    println!("300 kB, 5 % loss, four kills of 5 s: {:.0} bytes/s of virtual time", 300_000.0 / span);
    assert!(read(&mut net, seq) == file);
    assert!(net.run_until(Duration::from_secs(120), |net| ready(net, "alice")), "the sender is told");
}
