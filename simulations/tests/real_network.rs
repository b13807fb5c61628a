//! Real processes on loopback: what survives a SIGKILL, what the wire shows, and what is left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the measured figures are worth a look")]

mod common;

use std::collections::BTreeMap;
use std::time::Duration;

use common::{WAIT_MAX, meet, received, send};
use serde_json::{Value, json};
use sotto_protocol::limits::FRAME_LEN;
use sotto_protocol::time::Timestamp;
use sotto_simulations::localnet::{Localnet, LocalnetPlan, LocalnetState, NetworkStatus, Person, Record};
use sotto_simulations::stats::{ks_exponential, ks_two_sample};
use sotto_transport::clock::Clock;

/// A TLS 1.3 record adds one byte of content type and a tag of 16 bytes to what it carries.
const FRAME_RECORD_LEN: usize = FRAME_LEN + 1 + 16;
/// Everything encrypted looks like application data.
const APPLICATION_DATA: u8 = 23;

struct Scene {
    network: Localnet,
    alice: Person,
    bob: Person,
    _dir: tempfile::TempDir,
}

/// A network and two people who know each other.
async fn scene(plan: LocalnetPlan) -> Scene {
    let dir = tempfile::Builder::new().prefix("sotto-test-").tempdir().unwrap();
    let network = Localnet::up(&dir.path().join("net"), plan, false).await.unwrap();
    let mut alice = Person::new(&network, "alice").await.unwrap();
    let mut bob = Person::new(&network, "bob").await.unwrap();
    alice.start_daemon().await.unwrap();
    bob.start_daemon().await.unwrap();
    meet(&alice, &bob).await;
    Scene { network, alice, bob, _dir: dir }
}

/// Waits for something that another process brings about.
async fn wait<T, F: Future<Output = Option<T>>>(scene: &Scene, look: impl FnMut() -> F) -> T {
    common::wait(&[&scene.alice, &scene.bob], "what was to happen", look).await
}

async fn wait_received(scene: &Scene, person: &Person, contact: &str, expected: &[String]) {
    common::wait_received(&[&scene.alice, &scene.bob], person, contact, expected).await;
}

/// Ends both people's programs, lets the network come to rest and checks the books of the nodes that never
/// crashed.
async fn close(mut scene: Scene, crashed: &[&str]) {
    assert!(scene.alice.stop_daemon().await.unwrap(), "alice's daemon had to be killed");
    assert!(scene.bob.stop_daemon().await.unwrap(), "bob's daemon had to be killed");
    if crashed.is_empty() {
        let reports = scene.network.come_to_rest().await.unwrap();
        for (name, report) in &reports {
            assert!(report.ledger.balanced() && report.is_at_rest(), "{name}: {:?}", report.ledger);
        }
    } else {
        for (name, report) in scene.network.reports().await.unwrap() {
            assert!(report.ledger.balanced(), "{name}: {:?}", report.ledger);
        }
    }
    assert_eq!(scene.network.down().await.unwrap(), Vec::<String>::new(), "nodes that had to be killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailbox_and_a_mix_are_killed_in_mid_conversation_and_everything_arrives() {
    let mut scene = scene(LocalnetPlan::default()).await;
    let (mut there, mut back) = (Vec::new(), Vec::new());
    for (round, victim) in ["mailbox-1", "mix-1", "mix-2", "mailbox-2"].into_iter().enumerate() {
        for n in 0..3 {
            let text = format!("before, round {round}, number {n}: {}", "long ".repeat(400 * n));
            send(&scene.alice, "bob", &text).await;
            there.push(text);
        }
        scene.network.kill(victim).await.unwrap();
        let text = format!("while {victim} is down");
        send(&scene.bob, "alice", &text).await;
        back.push(text);
        // Until something had to be sent a second time, the crash has not shown.
        wait(&scene, || async {
            let status = scene.bob.call("status", json!({})).await.ok()?;
            (status["counters"]["retransmissions"].as_u64()? > 0 || victim.starts_with("mix")).then_some(())
        })
        .await;
        scene.network.restart(victim).unwrap();
        scene.network.wait_ready().await.unwrap();
    }
    wait_received(&scene, &scene.bob, "alice", &there).await;
    wait_received(&scene, &scene.alice, "bob", &back).await;
    close(scene, &["mailbox-1", "mix-1", "mix-2", "mailbox-2"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_s_program_is_killed_and_loses_nothing() {
    let mut scene = scene(LocalnetPlan::default()).await;
    let mut there = Vec::new();
    for n in 0..4 {
        let text = format!("number {n}: {}", "x".repeat(3_000));
        send(&scene.alice, "bob", &text).await;
        there.push(text);
        scene.alice.kill_daemon().await.unwrap();
        if n % 2 == 0 {
            scene.bob.kill_daemon().await.unwrap();
            scene.bob.start_daemon().await.unwrap();
        }
        scene.alice.start_daemon().await.unwrap();
    }
    wait_received(&scene, &scene.bob, "alice", &there).await;
    close(scene, &["people"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_is_killed_and_its_clients_go_on_elsewhere() {
    let mut scene = scene(LocalnetPlan::default()).await;
    send(&scene.alice, "bob", "one").await;
    for victim in ["entry-1", "entry-2"] {
        scene.network.kill(victim).await.unwrap();
        send(&scene.alice, "bob", victim).await;
        let status = scene.alice.call("status", json!({})).await.unwrap();
        assert!(status["waiting"].as_array().is_some(), "{status}");
        wait_received_at_least(&scene, if victim == "entry-1" { 2 } else { 3 }).await;
        scene.network.restart(victim).unwrap();
        scene.network.wait_ready().await.unwrap();
    }
    let expected: Vec<String> = ["one", "entry-1", "entry-2"].map(str::to_owned).to_vec();
    wait_received(&scene, &scene.bob, "alice", &expected).await;
    close(scene, &["entry-1", "entry-2"]).await;
}

async fn wait_received_at_least(scene: &Scene, count: usize) {
    wait(scene, || async { (received(&scene.bob, "alice").await?.len() >= count).then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_frame_on_every_connection_has_one_size_and_the_uplink_does_not_show_who_talks() {
    let scene = scene(LocalnetPlan { tapped: true, ..LocalnetPlan::default() }).await;
    let clock = scene.network.clock().clone();

    let idle_from = clock.now();
    clock.sleep_until(idle_from + Duration::from_secs(15)).await;
    let idle_until = clock.now();
    let mut sent = Vec::new();
    while clock.now().since(idle_until) < Duration::from_secs(15) {
        let text = format!("{} {}", sent.len(), "words ".repeat(500));
        send(&scene.alice, "bob", &text).await;
        sent.push(text);
        clock.sleep_until(clock.now() + Duration::from_millis(1_500)).await;
    }
    let talking_until = clock.now();
    wait_received(&scene, &scene.bob, "alice", &sent).await;

    let mut connections = 0;
    let mut uplinks = Vec::new();
    for name in scene.network.names() {
        let records = scene.network.tap(&name).unwrap().records();
        for connection in split(&records).into_values() {
            connections += 1;
            check_sizes(&name, &connection);
            if name.starts_with("entry") && is_uplink(&connection, idle_from) {
                uplinks.push(frames(&connection, true));
            }
        }
    }
    assert!(connections >= 24, "only {connections} connections were seen");

    // Two long connections from clients: Alice's and Bob's. Neither may show when Alice writes.
    assert_eq!(uplinks.len(), 2, "uplinks of alice and bob");
    let mean_ms = mean_gap_ms(scene.network.plan());
    for uplink in &uplinks {
        let idle = gaps(uplink, idle_from, idle_until);
        let talking = gaps(uplink, idle_until, talking_until);
        assert!(idle.len() > 200 && talking.len() > 200, "{} and {} gaps", idle.len(), talking.len());
        let (between, alone, busy) = (
            ks_two_sample(&idle, &talking),
            ks_exponential(&idle, mean_ms),
            ks_exponential(&talking, mean_ms),
        );
        println!("uplink: idle against talking p = {between:.3}; exponential p = {alone:.3}, {busy:.3}");
        // Real randomness: one run in a million may fail by chance in each of six comparisons.
        assert!(between > 1e-6 && alone > 1e-6 && busy > 1e-6);
    }
    close(scene, &[]).await;
}

/// Records by connection.
fn split(records: &[Record]) -> BTreeMap<usize, Vec<Record>> {
    let mut connections: BTreeMap<usize, Vec<Record>> = BTreeMap::new();
    for record in records {
        connections.entry(record.connection).or_default().push(*record);
    }
    connections
}

/// In each direction: a handshake of a few records, and from the first frame on nothing but frames.
fn check_sizes(name: &str, connection: &[Record]) {
    for from_dialler in [true, false] {
        let direction: Vec<&Record> =
            connection.iter().filter(|record| record.from_dialler == from_dialler).collect();
        let handshake = direction.iter().take_while(|record| record.body_len != FRAME_RECORD_LEN).count();
        assert!(handshake <= 8, "{name}: {handshake} records that are no frames");
        for record in &direction[handshake..] {
            assert_eq!(
                (record.content_type, record.body_len),
                (APPLICATION_DATA, FRAME_RECORD_LEN),
                "{name}: a record of another size after the handshake"
            );
        }
    }
}

/// A client's connection: it was there before the watch began, and frames flow both ways at a high rate.
fn is_uplink(connection: &[Record], since: Timestamp) -> bool {
    connection.first().is_some_and(|record| record.at < since)
        && frames(connection, true).len() > 300
        && frames(connection, false).len() > 600
}

fn frames(connection: &[Record], from_dialler: bool) -> Vec<Timestamp> {
    connection
        .iter()
        .filter(|record| record.from_dialler == from_dialler && record.body_len == FRAME_RECORD_LEN)
        .map(|record| record.at)
        .collect()
}

fn gaps(times: &[Timestamp], from: Timestamp, until: Timestamp) -> Vec<f64> {
    let within: Vec<Timestamp> = times.iter().copied().filter(|at| (from..until).contains(at)).collect();
    within.windows(2).map(|pair| pair[1].since(pair[0]).as_secs_f64() * 1000.0).collect()
}

fn mean_gap_ms(plan: &LocalnetPlan) -> f64 {
    let class = &plan.params.classes[0];
    let means = [class.payload_interval_ms_mean, class.loop_interval_ms_mean, class.drop_interval_ms_mean];
    1.0 / means.iter().map(|mean| 1.0 / f64::from(*mean)).sum::<f64>()
}

#[tokio::test(flavor = "multi_thread")]
async fn localnet_goes_up_shows_its_memory_and_goes_down_without_a_trace() {
    let temporary = tempfile::Builder::new().prefix("sotto-test-").tempdir().unwrap();
    let dir = temporary.path().join("net");
    let dir_text = dir.display().to_string();
    let localnet = |args: &[&str]| {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_sotto-localnet"));
        command.args(args).args(["--dir", &dir_text]);
        async move { command.output().await.unwrap() }
    };

    let up = localnet(&["up", "--json"]).await;
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let state: Value = serde_json::from_slice(&up.stdout).unwrap();
    assert_eq!(state["nodes"].as_array().unwrap().len(), 11);
    let again = localnet(&["up"]).await;
    assert!(!again.status.success(), "a second network in the same directory");

    let status = localnet(&["status", "--json"]).await;
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    for node in status["nodes"].as_array().unwrap() {
        let rss_kib = node["rss_kib"].as_u64().unwrap();
        println!("{} uses {:.1} MiB", node["name"], rss_kib as f64 / 1024.0);
        // Of these, 13 MiB are the program's own pages with Tor built in, used or not.
        let mib_max = if node["kind"] == "mailbox" { 40 } else { 35 };
        assert!(rss_kib < mib_max * 1024, "{} uses {rss_kib} KiB", node["name"]);
    }

    // A node that was killed shows, and `down` copes with it.
    let read = LocalnetState::read(&dir).unwrap();
    let mix = read.nodes.iter().find(|node| node.name == "mix-3").unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(i32::try_from(mix.pid).unwrap()).unwrap(),
        rustix::process::Signal::KILL,
    )
    .unwrap();
    let clock = Clock::system();
    let deadline = clock.now() + WAIT_MAX;
    while NetworkStatus::ask(&read).await.all_well() {
        assert!(clock.now() < deadline, "the killed mix still looks well");
        clock.sleep_until(clock.now() + Duration::from_millis(50)).await;
    }
    assert!(!localnet(&["status"]).await.status.success());

    let down = localnet(&["down"]).await;
    assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    assert!(!dir.exists());
    let gone = localnet(&["status"]).await;
    assert!(!gone.status.success());
    assert!(String::from_utf8_lossy(&gone.stderr).contains("sotto-localnet up"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_whose_log_nobody_takes_any_more_still_ends_when_it_is_told_to() {
    let dir = tempfile::Builder::new().prefix("sotto-test-").tempdir().unwrap();
    let mut network = Localnet::up(&dir.path().join("net"), LocalnetPlan::default(), false).await.unwrap();
    network.kill("mix-1").await.unwrap();
    let (nobody, log) = std::io::pipe().unwrap();
    drop(nobody);
    let config = network.dir().join("mix-1/mix.toml");
    let mut mix = tokio::process::Command::new(network.programs().path("sotto-mix"))
        .args(["run", "--config", config.to_str().unwrap()])
        .stderr(log)
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let socket = network.dir().join("mix-1/control.sock");
    let clock = network.clock().clone();
    let deadline = clock.now() + WAIT_MAX;
    while sotto_transport::node::control::status(&socket).await.is_err() {
        assert!(clock.now() < deadline, "it does not run");
        clock.sleep_until(clock.now() + Duration::from_millis(50)).await;
    }
    let pid = rustix::process::Pid::from_raw(i32::try_from(mix.id().unwrap()).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let status = tokio::time::timeout(WAIT_MAX, mix.wait()).await.expect("it goes on").unwrap();
    assert!(status.success(), "{status}");
    network.down().await.unwrap();
}
