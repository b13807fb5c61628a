//! Routes by Tor, against nodes and a SOCKS5 proxy that the test plays itself: what is dialed, and what is not.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod played;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use played::proxy::{Proxy, onion};
use played::{PATIENCE, Played, call, consensus, grant, packets, secret, serve_consensus, until};
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use serde_json::{Value, json};
use sotto_client::core::{Engine, EngineSettings, Route, RoutePlan};
use sotto_client::shell::config::Config;
use sotto_client::shell::home::Home;
use sotto_client::shell::net::{self, NetworkAccess, Running};
use sotto_client::shell::ways::WayMakers;
use sotto_client::shell::{Profile, settings};
use sotto_client::store::{Lockable, MemoryStore};
use sotto_protocol::directory::{AuthorityEntry, NetworkInfo};
use sotto_protocol::frame::Frame;
use sotto_transport::clock::Clock;
use sotto_transport::dial::TcpDialer;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::tor::{Tor, TorConfig};

/// How often a client has made itself a way by TCP.
type TcpMade = Arc<AtomicUsize>;

fn network(authority: &Played, with_onion: bool) -> NetworkInfo {
    let onion_address = with_onion.then(|| onion(1));
    let authorities =
        vec![AuthorityEntry { key: secret(1).id(), address: authority.address.clone(), onion_address }];
    NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 3600 }
}

fn settings_of(routes: &[Route]) -> EngineSettings {
    let routes = RoutePlan::from_routes(routes).unwrap();
    EngineSettings { routes, tor_cover: true, ..EngineSettings::new("fast") }
}

/// A client with an empty store that uses the proxy for Tor.
fn client(
    routes: &[Route],
    network: NetworkInfo,
    tor: TorConfig,
    directory: &Path,
    home: Option<Home>,
) -> (Running, TcpMade) {
    let (clock, shutdown, made) = (Clock::system(), Shutdown::new(), TcpMade::default());
    let engine = Engine::open(
        Lockable::Open(MemoryStore::new()),
        settings_of(routes),
        clock.now(),
        &mut ChaCha20Rng::seed_from_u64(5),
    );
    let (counted, ending) = (Arc::clone(&made), shutdown.clone());
    let makers = WayMakers::new(
        move || {
            counted.fetch_add(1, Ordering::Relaxed);
            Arc::new(TcpDialer)
        },
        move || Tor::start(&tor, Path::new("/nowhere"), ending.clone()),
    );
    let consensus_file = directory.join("consensus.bin");
    let access = NetworkAccess { network, makers, consensus_file, cover_class: "fast".to_owned() };
    (net::start(engine.unwrap(), clock, home, Some(access), None, shutdown).unwrap(), made)
}

/// Waits for the end of an examination.
async fn examine(client: &Running) -> Value {
    let run = call(client, "doctor", json!({})).await["run"].clone();
    let looking = async {
        loop {
            let state = call(client, "doctor", json!({ "run": run })).await;
            if state["done"] == true {
                return state;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(3 * PATIENCE, looking).await.expect("the examination did not end")
}

fn isolations(proxy: &Proxy) -> (usize, BTreeSet<(String, String)>) {
    let asked = proxy.asked();
    (asked.len(), asked.into_iter().map(|asked| asked.isolation).collect())
}

#[tokio::test]
async fn a_profile_by_tor_alone_that_knows_only_clear_net_addresses_dials_nothing() {
    let (mut authority, mut entry) =
        (Played::start(1, "127.0.0.1:0").await, Played::start(10, "127.0.0.1:0").await);
    let mut kept = consensus(&entry.address);
    kept.nodes.iter_mut().for_each(|node| node.onion_address = None);
    let kept = kept.sign(&[&secret(1)]).unwrap().to_bytes().unwrap();
    for (route, what) in [(Route::Tor, "mailbox"), (Route::TorMix, "entry")] {
        let (directory, proxy) = (tempfile::tempdir().unwrap(), Proxy::start().await);
        sotto_transport::private::replace(&directory.path().join("consensus.bin"), &kept).unwrap();
        let (client, tcp_made) =
            client(&[route], network(&authority, false), proxy.config(), directory.path(), None);
        call(&client, "invite", json!({ "name": "Bob" })).await;
        call(&client, "send", json!({ "contact": "Bob", "text": "hello" })).await;
        until(&client, |status| status["consensus"] == "fresh" && status["tor"]["stage"] == "ready").await;
        let found = examine(&client).await;
        assert_eq!(found["ok"], false);
        let checks = found["checks"].as_array().unwrap();
        let label = |check: &str| {
            &checks.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("{found}"))["label"]
        };
        assert_eq!((label("tor"), label("consensus")), (&Value::Null, &json!("network-no-onion")), "{found}");
        assert_eq!(label(what), if what == "entry" { "entry-none" } else { "mailbox-no-onion" });
        assert_eq!(proxy.asked(), []);
        assert_eq!(tcp_made.load(Ordering::Relaxed), 0, "there is no way by TCP at all");
        client.stop().await;
    }
    assert!(authority.links.try_recv().is_err() && entry.links.try_recv().is_err());
}

#[tokio::test]
async fn by_tor_and_mixes_everything_goes_to_onion_services_each_attempt_by_itself() {
    let (directory, proxy) = (tempfile::tempdir().unwrap(), Proxy::start().await);
    let (mut authority, mut entry) =
        (Played::start(1, "127.0.0.1:0").await, Played::start(10, "127.0.0.1:0").await);
    // What the documents say of TCP leads here.
    let mut trap = Played::start(10, "127.0.0.1:0").await;
    proxy.knows(&onion(1), &authority.address);
    proxy.knows(&onion(10), &entry.address);
    let mut info = network(&authority, true);
    info.authorities[0].address.clone_from(&trap.address);
    let (client, tcp_made) = client(&[Route::TorMix], info, proxy.config(), directory.path(), None);
    serve_consensus(&mut authority, &consensus(&trap.address)).await;
    let (mut link, _, _) = grant(&mut entry, 1).await;
    packets(&mut link, 10).await;
    drop(link);
    let (mut link, _, resume) = grant(&mut entry, 1).await;
    assert!(resume.is_some(), "the session goes on");
    packets(&mut link, 10).await;
    let status = until(&client, |status| status["routes"][1]["state"] == "connected").await;
    assert_eq!(status["routes"][0]["state"], "not-wanted");
    let (streams, isolations) = isolations(&proxy);
    assert_eq!((streams, isolations.len()), (3, 3), "one for the consensus, two for sessions");
    assert_eq!(tcp_made.load(Ordering::Relaxed), 0);
    assert!(trap.links.try_recv().is_err());
    client.stop().await;
}

#[tokio::test]
async fn by_tor_each_circuit_to_a_mailbox_has_an_isolation_of_its_own() {
    let (directory, proxy) = (tempfile::tempdir().unwrap(), Proxy::start().await);
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let (mut one, mut other) =
        (Played::start(14, "127.0.0.1:0").await, Played::start(15, "127.0.0.1:0").await);
    proxy.knows(&onion(1), &authority.address);
    proxy.knows(&onion(14), &one.address);
    proxy.knows(&onion(15), &other.address);
    let (client, tcp_made) =
        client(&[Route::Tor], network(&authority, true), proxy.config(), directory.path(), None);
    for name in ["Bob", "Carol"] {
        call(&client, "invite", json!({ "name": name })).await;
        call(&client, "send", json!({ "contact": name, "text": "hello" })).await;
    }
    serve_consensus(&mut authority, &consensus("127.0.0.1:9")).await;
    let mut links = vec![one.link().await, other.link().await, one.link().await, other.link().await];
    for link in &mut links {
        let frame = tokio::time::timeout(PATIENCE, link.next()).await.unwrap().unwrap();
        assert!(matches!(frame, Frame::Packet(_)), "{frame:?}");
    }
    let status = until(&client, |status| status["routes"][2]["state"] == "connected").await;
    assert!(status["routes"][2]["circuits"].as_u64() >= Some(4), "{status}");
    let (streams, isolations) = isolations(&proxy);
    assert_eq!(streams, isolations.len(), "no two streams may share circuits");
    let mailboxes = [onion(14), onion(15)];
    let asked = proxy.asked();
    assert!(asked[1..].iter().all(|asked| mailboxes.contains(&asked.target)), "{asked:?}");
    assert_eq!(tcp_made.load(Ordering::Relaxed), 0);
    client.stop().await;
}

#[tokio::test]
async fn a_tor_that_dies_is_named_and_taken_up_again_without_another_way() {
    let (directory, proxy) = (tempfile::tempdir().unwrap(), Proxy::start().await);
    let (mut authority, mut entry) =
        (Played::start(1, "127.0.0.1:0").await, Played::start(10, "127.0.0.1:0").await);
    let mut trap = Played::start(10, "127.0.0.1:0").await;
    proxy.knows(&onion(1), &authority.address);
    proxy.knows(&onion(10), &entry.address);
    let info = network(&authority, true);
    let (client, tcp_made) = client(&[Route::TorMix], info, proxy.config(), directory.path(), None);
    call(&client, "invite", json!({ "name": "Bob" })).await;
    serve_consensus(&mut authority, &consensus(&trap.address)).await;
    let (mut link, _, _) = grant(&mut entry, 1).await;
    packets(&mut link, 3).await;
    let address = proxy.address();
    drop(proxy);
    drop(link);
    call(&client, "send", json!({ "contact": "Bob", "text": "hello" })).await;
    let status = until(&client, |status| {
        let parts: Vec<&Value> =
            status["troubles"].as_array().unwrap().iter().map(|row| &row["part"]).collect();
        parts == ["tor", "session"]
    })
    .await;
    assert_eq!(status["tor"]["stage"], "lost");
    assert_eq!(status["troubles"][0]["label"], "tor-proxy-unreachable");
    assert_eq!(status["troubles"][1]["route"], "tor+mix");
    let why = status["waiting"][0]["why"].as_str().unwrap();
    assert!(why.contains("tor+mix") && !why.contains(".onion"), "{why}");
    let proxy = Proxy::start_at(&address).await;
    proxy.knows(&onion(1), &authority.address);
    proxy.knows(&onion(10), &entry.address);
    let (mut link, _, _) = grant(&mut entry, 1).await;
    packets(&mut link, 3).await;
    until(&client, |status| status["tor"]["stage"] == "ready" && status["troubles"] == json!([])).await;
    assert_eq!(tcp_made.load(Ordering::Relaxed), 0);
    assert!(trap.links.try_recv().is_err());
    client.stop().await;
}

#[tokio::test]
async fn another_route_counts_at_once_and_after_a_restart() {
    let (root, proxy) = (tempfile::tempdir().unwrap(), Proxy::start().await);
    let (mut authority, mut entry) =
        (Played::start(1, "127.0.0.1:0").await, Played::start(10, "127.0.0.1:0").await);
    proxy.knows(&onion(1), &authority.address);
    let hidden = Played::start(10, "127.0.0.1:0").await;
    proxy.knows(&onion(10), &hidden.address);
    let mut hidden = hidden;
    let profile = Profile::within("alice", root.path(), None).unwrap();
    profile.create_directories().unwrap();
    let info = network(&authority, true);
    settings::write_network(&profile, &info).unwrap();
    let config = Config::new("fast");
    config.write(&profile).unwrap();
    let home = Home::new(profile.clone(), config, info.clone());
    let (client, tcp_made) = client(&[Route::Mix], info, proxy.config(), root.path(), Some(home));
    serve_consensus(&mut authority, &consensus(&entry.address)).await;
    let (mut by_tcp, _, _) = grant(&mut entry, 1).await;
    packets(&mut by_tcp, 3).await;
    assert_eq!(call(&client, "tor", json!({})).await, Value::Null, "nothing needs Tor yet");
    let set = call(&client, "set-route", json!({ "routes": ["tor+mix", "tor"] })).await;
    assert_eq!(set["routes"], json!(["tor+mix", "tor"]));
    let plan = Config::read(&profile).unwrap().plan();
    assert_eq!(plan.to_string(), "tor+mix, then tor");
    let (mut by_tor, _, resume) = grant(&mut hidden, 2).await;
    assert_eq!(resume, None, "a session of another route says nothing of the first");
    packets(&mut by_tor, 3).await;
    let ended = async { while by_tcp.next().await.is_ok() {} };
    tokio::time::timeout(PATIENCE, ended).await.expect("the link by TCP stayed open");
    assert_eq!(tcp_made.load(Ordering::Relaxed), 1);
    assert!(entry.links.try_recv().is_err(), "nobody comes by TCP again");
    let status = until(&client, |status| status["tor"]["stage"] == "ready").await;
    assert_eq!(status["plan"], json!(["tor+mix", "tor"]));
    client.stop().await;
}

#[tokio::test]
async fn routes_that_could_never_bring_a_consensus_are_refused_and_nothing_changes() {
    let root = tempfile::tempdir().unwrap();
    let authority = Played::start(1, "127.0.0.1:0").await;
    let profile = Profile::within("alice", root.path(), None).unwrap();
    profile.create_directories().unwrap();
    let (info, config) = (network(&authority, false), Config::new("fast"));
    config.write(&profile).unwrap();
    let home = Home::new(profile.clone(), config.clone(), info.clone());
    let (client, _) = client(&[Route::Mix], info, TorConfig::default(), root.path(), Some(home));
    let params = json!({ "routes": ["tor"] });
    let refused =
        client.service().call(sotto_client::shell::service::Call::parse("set-route", &params).unwrap());
    assert_eq!(refused.await.unwrap_err().label, "network-no-onion");
    assert_eq!(call(&client, "route", json!({})).await["routes"], json!(["mix"]));
    assert_eq!(Config::read(&profile).unwrap(), config);
    client.stop().await;
}

#[tokio::test]
async fn settings_that_were_entered_meanwhile_are_neither_lost_nor_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let authority = Played::start(1, "127.0.0.1:0").await;
    let profile = Profile::within("alice", root.path(), None).unwrap();
    profile.create_directories().unwrap();
    let (info, config) = (network(&authority, true), Config::new("fast"));
    config.write(&profile).unwrap();
    let home = Home::new(profile.clone(), config.clone(), info.clone());
    let (client, _) = client(&[Route::Mix], info, TorConfig::default(), root.path(), Some(home));
    let mut edited = config.clone();
    edited.tor.bridges = vec!["192.0.2.1:443 0123456789ABCDEF0123456789ABCDEF01234567".to_owned()];
    edited.write(&profile).unwrap();
    let params = json!({ "routes": ["tor"] });
    let set = || sotto_client::shell::service::Call::parse("set-route", &params).unwrap();
    let refused = client.service().call(set()).await.unwrap_err();
    assert_eq!(refused.label, "config-changed");
    assert!(refused.text.contains("sotto daemon"), "{}", refused.text);
    assert_eq!(Config::read(&profile).unwrap(), edited, "the bridges are still there");
    assert_eq!(call(&client, "route", json!({})).await["routes"], json!(["mix"]));
    assert_eq!(call(&client, "tor", json!({})).await, Value::Null, "Tor was not started without them");
    client.stop().await;
}

#[tokio::test]
async fn an_examination_finds_everything_well_where_it_is() {
    let (directory, proxy) = (tempfile::tempdir().unwrap(), Proxy::start().await);
    let (mut authority, mut entry) =
        (Played::start(1, "127.0.0.1:0").await, Played::start(10, "127.0.0.1:0").await);
    proxy.knows(&onion(1), &authority.address);
    proxy.knows(&onion(10), &entry.address);
    let info = network(&authority, true);
    let (client, _) = client(&[Route::TorMix], info, proxy.config(), directory.path(), None);
    let document = consensus("127.0.0.1:9");
    serve_consensus(&mut authority, &document).await;
    let (mut session, _, _) = grant(&mut entry, 1).await;
    packets(&mut session, 1).await;
    // The entry is asked for the consensus first, then connected to.
    let serving = async {
        serve_consensus(&mut entry, &document).await;
        entry.link().await
    };
    let (found, _probe) = tokio::join!(examine(&client), serving);
    let names: Vec<&str> =
        found["checks"].as_array().unwrap().iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(names, ["tor", "consensus", "clock", "entry"], "{found}");
    assert_eq!(found["ok"], true, "{found}");
    assert!(found["checks"][3]["took_ms"].is_u64());
    assert!(!found.to_string().contains(".onion"), "{found}");
    let unknown = sotto_client::shell::service::Call::parse("doctor", &json!({ "run": 99 })).unwrap();
    assert_eq!(client.service().call(unknown).await.unwrap_err().label, "doctor-run-unknown");
    client.stop().await;
}

#[tokio::test]
async fn what_is_under_way_by_tcp_ends_with_the_route() {
    let (directory, proxy) = (tempfile::tempdir().unwrap(), Proxy::start().await);
    let (mut authority, mut hidden) =
        (Played::start(1, "127.0.0.1:0").await, Played::start(1, "127.0.0.1:0").await);
    proxy.knows(&onion(1), &hidden.address);
    let info = network(&authority, true);
    let (client, tcp_made) = client(&[Route::Mix], info, proxy.config(), directory.path(), None);
    let mut asked = authority.link().await;
    assert_eq!(asked.next().await.unwrap(), Frame::ConsensusGet);
    // While that question waits for its answer:
    call(&client, "set-route", json!({ "routes": ["tor"] })).await;
    let ended = tokio::time::timeout(PATIENCE, asked.next()).await.expect("it was waited for");
    assert_eq!(ended.unwrap_err().label(), "closed");
    serve_consensus(&mut hidden, &consensus("127.0.0.1:9")).await;
    until(&client, |status| status["consensus"] == "fresh").await;
    assert_eq!(tcp_made.load(Ordering::Relaxed), 1);
    assert!(authority.links.try_recv().is_err());
    client.stop().await;
}

#[tokio::test]
async fn a_tor_that_cannot_be_started_is_told_and_nothing_else_is_taken() {
    let directory = tempfile::tempdir().unwrap();
    let mut authority = Played::start(1, "127.0.0.1:0").await;
    let wrong = TorConfig { arti_config: Some("/no/such/file".into()), ..TorConfig::default() };
    let info = network(&authority, true);
    let (client, tcp_made) = client(&[Route::TorMix], info, wrong, directory.path(), None);
    let status = until(&client, |status| !status["troubles"].as_array().unwrap().is_empty()).await;
    assert_eq!(
        (&status["troubles"][0]["part"], &status["troubles"][0]["label"]),
        (&json!("tor"), &json!("tor-arti-config"))
    );
    let why = status["routes"][1]["why"].as_str().unwrap();
    assert!(why.contains("arti_config"), "{why}");
    assert_eq!((&status["tor"], tcp_made.load(Ordering::Relaxed)), (&Value::Null, 0));
    assert!(authority.links.try_recv().is_err());
    client.stop().await;
}
