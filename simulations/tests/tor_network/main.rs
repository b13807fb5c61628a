//! Routes over Tor on a private Tor network of C tor processes, with the real programs.
//!
//! One test drives it all, since the networks take longer to start than most of what happens on them: chapters that do not
//! disturb each other run at once. What becomes of a conversation while all of Tor is gone is in `tor_leaks`, where
//! it is watched as well.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the measured figures are worth a look")]

#[path = "../common/mod.rs"]
mod common;
mod impostor;
mod sockets;

use std::future::Future;
use std::path::Path;

use common::{contact, meet, route, send, wait, wait_received};
use impostor::Impostor;
use serde_json::{Value, json};
use sotto_client::core::Route;
use sotto_simulations::localnet::{
    Kind, Localnet, LocalnetError, LocalnetPlan, LocalnetState, LocalnetTor, NetworkStatus, OnionReport,
    Person, PersonOptions,
};
use sotto_simulations::tornet::{Tornet, TornetPlan};
use sotto_transport::clock::Clock;
use tokio::process::Command;

/// What a node with an onion service may use.
const MIB_MAX: u64 = 64;

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_over_tor_by_every_way_and_impostors_get_none() {
    let base = tempfile::Builder::new().prefix("sotto-test-").tempdir().unwrap();
    let mut progress = |step: &str| println!("private Tor network: {step}");
    let tor = Tornet::up(&base.path().join("tor"), TornetPlan::default(), &mut progress).await.unwrap();
    let on_tor = || LocalnetPlan { tor: Some(LocalnetTor::on(&tor)), ..LocalnetPlan::default() };
    let small = LocalnetPlan { entries: 1, mixes_per_layer: 1, mailboxes: 1, ..on_tor() };
    let (dir, other_dir) = (base.path().join("net"), base.path().join("other"));
    let (network, other) = tokio::join!(
        timed("a network", Localnet::up(&dir, on_tor(), false)),
        timed("another network", Localnet::up(&other_dir, small, false)),
    );
    let (network, mut other) = (network.unwrap(), other.unwrap());
    let kept_dir = base.path().join("kept");
    tokio::join!(
        timed("contacts by different routes", contacts_by_different_routes(&network)),
        timed("a tor that runs already", a_tor_that_runs_already(&network, &tor)),
        timed("a bridge", a_bridge(&network, &tor)),
        timed("a network that stays", a_network_that_stays(&kept_dir)),
        timed("nodes that restart and impostors", nodes_that_restart_and_impostors(&network, &mut other)),
    );
    for network in [network, other] {
        assert_eq!(network.down().await.unwrap(), Vec::<String>::new(), "nodes that had to be killed");
    }
    tor.down().await.unwrap();
}

/// Runs a chapter and prints how long it took.
async fn timed<T>(name: &str, chapter: impl Future<Output = T>) -> T {
    let clock = Clock::system();
    let begin = clock.now();
    let outcome = chapter.await;
    println!("{name}: {:.1} s", clock.now().since(begin).as_secs_f64());
    outcome
}

async fn connected(network: &Localnet, name: &str, options: PersonOptions) -> Person {
    let mut person = Person::with(network, name, options).await.unwrap();
    person.start_daemon().await.unwrap();
    person
}

async fn stop(people: impl IntoIterator<Item = &mut Person>) {
    for person in people {
        assert!(person.stop_daemon().await.unwrap(), "the daemon of {} had to be killed", person.name());
    }
}

/// A message each way.
async fn talk(one: &Person, other: &Person) {
    let people = [one, other];
    let (there, back) = (format!("to {}", other.name()), format!("to {}", one.name()));
    send(one, other.name(), &there).await;
    send(other, one.name(), &back).await;
    wait_received(&people, other, one.name(), &[there]).await;
    wait_received(&people, one, other.name(), &[back]).await;
}

/// What `sotto doctor` finds, as it prints it; an error if something is wrong.
async fn doctor(person: &Person) -> Result<(), String> {
    match person.sotto(&["doctor"]).await {
        Ok(_) => Ok(()),
        Err(LocalnetError::Command { output, .. }) => Err(output),
        Err(error) => panic!("{error}"),
    }
}

/// Waits until the doctor's verdict is as wanted.
async fn wait_doctor(person: &Person, what: &str, wanted: impl Fn(&Result<(), String>) -> bool) {
    wait(&[person], what, || async {
        let verdict = doctor(person).await;
        if !wanted(&verdict) {
            println!("not yet {what}: {verdict:?}");
        }
        wanted(&verdict).then_some(())
    })
    .await;
}

/// Alice by `tor`, Bob by `tor+mix` and Carol by `mix`, whose words to Bob go by `tor`.
async fn contacts_by_different_routes(network: &Localnet) {
    let options = |route| PersonOptions::routes(network, route, &[]);
    let (mut alice, mut bob, mut carol) = tokio::join!(
        connected(network, "alice", options(Route::Tor)),
        connected(network, "bob", options(Route::TorMix)),
        connected(network, "carol", options(Route::Mix)),
    );
    meet(&alice, &bob).await;
    meet(&bob, &carol).await;
    meet(&carol, &alice).await;
    carol.sotto(&["route", "tor", "--contact", "bob"]).await.unwrap();
    tokio::join!(talk(&alice, &bob), talk(&bob, &carol), talk(&carol, &alice));
    for (person, name, expected) in
        [(&alice, "bob", "tor"), (&bob, "alice", "tor+mix"), (&carol, "alice", "mix"), (&carol, "bob", "tor")]
    {
        let view = contact(person, name).await.unwrap();
        assert_eq!(view["route"], expected, "{} to {name}: {view}", person.name());
        assert!(!view["protects"].as_str().unwrap().is_empty());
    }
    for person in [&alice, &bob, &carol] {
        doctor(person).await.unwrap();
    }
    // Alice has no business with an entry, Bob none with a mailbox.
    assert_eq!(route(&alice, "tor+mix").await.unwrap()["state"], "not-wanted");
    assert!(
        route(&alice, "tor").await.unwrap()["circuits"].as_u64().unwrap() >= 2,
        "both ways need their own"
    );
    assert_eq!(route(&bob, "tor").await.unwrap()["state"], "not-wanted");
    stop([&mut alice, &mut bob, &mut carol]).await;
}

/// Dave's way is a C tor that he runs for other programs as well. It is killed and started again.
async fn a_tor_that_runs_already(network: &Localnet, tor: &Tornet) {
    let mut daemon = tor.client("daemon").await.unwrap();
    let socks = daemon.socks().to_string();
    let init = ["--route", "tor", "--tor-socks", &socks].map(str::to_owned).to_vec();
    let mut dave = connected(network, "dave", PersonOptions { init, wrapper: Vec::new() }).await;
    let mut eve = connected(network, "eve", PersonOptions::routes(network, Route::Tor, &[])).await;
    meet(&dave, &eve).await;
    talk(&dave, &eve).await;
    let peers = sockets::peers(dave.daemon_pid().unwrap());
    assert!(peers.iter().all(|peer| *peer == daemon.socks()), "besides {socks}: {peers:?}");

    daemon.kill().await.unwrap();
    send(&dave, "eve", "without tor").await;
    let people = [&dave, &eve];
    let why = wait(&people, "word that the proxy is gone", || async {
        let view = route(&dave, "tor").await?;
        (view["state"] == "disconnected").then(|| view["why"].to_string())
    })
    .await;
    println!("dave, without his tor: {why}");
    let tor_status = dave.call("tor", json!({})).await.unwrap();
    assert_eq!(tor_status["blocked"]["label"], "tor-proxy-unreachable", "{tor_status}");
    daemon.restart().await.unwrap();
    let expected = ["to eve", "without tor"].map(str::to_owned);
    wait_received(&people, &eve, "dave", &expected).await;
    stop([&mut dave, &mut eve]).await;
}

/// Frank reaches Tor by a bridge, and nothing else directly.
async fn a_bridge(network: &Localnet, tor: &Tornet) {
    let bridge = tor.bridge("bridge").await.unwrap();
    let mut options = PersonOptions::routes(network, Route::Tor, &[]);
    options.init.extend(["--tor-bridge".to_owned(), bridge.line().to_owned()]);
    let mut frank = connected(network, "frank", options).await;
    let mut gina = connected(network, "gina", PersonOptions::routes(network, Route::TorMix, &[])).await;
    meet(&frank, &gina).await;
    talk(&frank, &gina).await;
    let peers = sockets::peers(frank.daemon_pid().unwrap());
    assert!(!peers.is_empty() && peers.iter().all(|peer| *peer == bridge.or_port()), "{peers:?}");
    stop([&mut frank, &mut gina]).await;
}

/// `sotto-localnet up --tor` leaves a network running that `status` shows and `down` ends, with its Tor network.
async fn a_network_that_stays(dir: &Path) {
    let dir_text = dir.display().to_string();
    let localnet = |args: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sotto-localnet"));
        command.args(args).args(["--dir", &dir_text]).kill_on_drop(true);
        async move { command.output().await.unwrap() }
    };
    let up = localnet(&["up", "--tor", "--json"]).await;
    assert!(up.status.success(), "{}", String::from_utf8_lossy(&up.stderr));
    let state = LocalnetState::read(dir).unwrap();
    let relays = state.tor.as_ref().unwrap();
    assert_eq!((state.nodes.len(), relays.relays.len(), relays.ended()), (11, 6, Vec::new()));

    let status = localnet(&["status", "--json"]).await;
    assert!(status.status.success(), "{}", String::from_utf8_lossy(&status.stdout));
    let status: Value = serde_json::from_slice(&status.stdout).unwrap();
    for node in status["nodes"].as_array().unwrap() {
        assert_eq!(node["onion"]["state"] == "reachable", node["kind"] != "mix", "{node}");
        let rss_kib = node["rss_kib"].as_u64().unwrap();
        println!("{} uses {:.1} MiB", node["name"], rss_kib as f64 / 1024.0);
        assert!(rss_kib < MIB_MAX * 1024, "{} uses {rss_kib} KiB", node["name"]);
    }

    let relay = &relays.relays[3];
    let pid = rustix::process::Pid::from_raw(i32::try_from(relay.pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    wait(&[], "a relay that has ended", || async { (relays.ended() == [relay.name.clone()]).then_some(()) })
        .await;
    assert!(!localnet(&["status"]).await.status.success(), "a relay has ended");
    let down = localnet(&["down"]).await;
    assert!(down.status.success(), "{}", String::from_utf8_lossy(&down.stderr));
    assert_eq!(relays.ended().len(), relays.relays.len());
    assert!(!state.is_running() && !dir.exists());
}

/// On a network with one mailbox: it restarts; somebody of another network takes its place, and the authority's, with their
/// onion keys; it admits known clients only.
async fn nodes_that_restart_and_impostors(network: &Localnet, other: &mut Localnet) {
    let options = PersonOptions::routes(other, Route::Tor, &[]);
    let (mut helen, mut ivan) =
        tokio::join!(connected(other, "helen", options.clone()), connected(other, "ivan", options.clone()));
    meet(&helen, &ivan).await;

    let address = onion_address(other, "mailbox-1").await;
    restart(other, "mailbox-1").await;
    assert_eq!(onion_address(other, "mailbox-1").await, address);
    send(&helen, "ivan", "to a mailbox that was away").await;
    let mut expected = vec!["to a mailbox that was away".to_owned()];
    wait_received(&[&helen, &ivan], &ivan, "helen", &expected).await;

    other.kill("mailbox-1").await.unwrap();
    let impostor = Impostor::start(network, other, Kind::Mailbox, "mailbox-1").await;
    assert_eq!(impostor.onion_address().await, address);
    send(&helen, "ivan", "to nobody else").await;
    wait_doctor(&helen, "the wrong mailbox", |verdict| names(verdict, "wrong-key")).await;
    impostor.stop().await;
    start(other, "mailbox-1").await;
    expected.push("to nobody else".to_owned());
    wait_received(&[&helen, &ivan], &ivan, "helen", &expected).await;

    other.kill("authority").await.unwrap();
    let impostor = Impostor::start(network, other, Kind::Authority, "authority").await;
    let mut judy = Person::with(other, "judy", options).await.unwrap();
    judy.start_daemon_only().await.unwrap();
    wait_doctor(&judy, "the wrong authority", |verdict| names(verdict, "wrong-key")).await;
    impostor.stop().await;
    start(other, "authority").await;
    wait_doctor(&judy, "the right authority", Result::is_ok).await;

    let key = helen.sotto(&["tor-key", &address]).await.unwrap();
    let config = other.dir().join("mailbox-1").join(Kind::Mailbox.config_file());
    let text = std::fs::read_to_string(&config).unwrap();
    let open = "onion_clients = []";
    assert!(text.contains(open), "{text}");
    std::fs::write(&config, text.replace(open, &format!("onion_clients = [{}]", key["key"]))).unwrap();
    restart(other, "mailbox-1").await;
    wait_doctor(&helen, "a mailbox that knows her", Result::is_ok).await;
    wait_doctor(&judy, "a mailbox that does not know her", |verdict| names(verdict, "tor-onion-locked"))
        .await;
    stop([&mut helen, &mut ivan, &mut judy]).await;
}

fn names(verdict: &Result<(), String>, label: &str) -> bool {
    verdict.as_ref().is_err_and(|text| text.contains(label))
}

async fn restart(network: &mut Localnet, name: &str) {
    network.kill(name).await.unwrap();
    start(network, name).await;
}

async fn start(network: &mut Localnet, name: &str) {
    network.restart(name).unwrap();
    network.wait_ready().await.unwrap();
}

/// The address at which a node of a network is reachable.
async fn onion_address(network: &Localnet, name: &str) -> String {
    let state: LocalnetState = network.state();
    let status = NetworkStatus::ask(&state).await;
    let node = status.nodes.into_iter().find(|node| node.name == name).unwrap();
    let OnionReport { address, .. } = node.onion.unwrap();
    address
}

/// The field of a status that is an onion service's state.
fn is_reachable(status: &Value) -> bool {
    status["onion"]["state"] == "reachable"
}
