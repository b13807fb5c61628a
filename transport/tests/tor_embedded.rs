//! The built-in Tor client where its network does not answer: everything but being connected.
//!
//! The network is one relay at a closed port of this host, so no packet leaves it.
#![cfg(feature = "tor")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use sotto_transport::dial::Dialer;
use sotto_transport::node::shutdown::Shutdown;
use sotto_transport::rng::OsRng;
use sotto_transport::tor::{
    DialFailed, Isolation, OnionKey, OnionServiceConfig, OnionState, Tor, TorConfig, TorDialer, TorStage,
};
use tokio::net::TcpListener;

/// Bounds every wait: far more than any takes.
const WAIT_MAX: Duration = Duration::from_secs(60);

/// A Tor network whose only known relay is at `port` of this host.
fn network(dir: &Path, port: u16) -> TorConfig {
    let path = dir.join("arti.toml");
    let text = format!(
        "[tor_network]\n\
         fallback_caches = [{{ rsa_identity = \"{rsa}\", ed_identity = \"{ed}\", orports = [\"127.0.0.1:{port}\"] }}]\n\
         authorities = {{ v3idents = [\"{rsa}\"] }}\n",
        rsa = "0123456789ABCDEF0123456789ABCDEF01234567",
        ed = "i8PuwtdI9Z741d/sHiLS8P6zMecyUfVILOwTwfLmiac",
    );
    std::fs::write(&path, text).unwrap();
    TorConfig { arti_config: Some(path), ..TorConfig::default() }
}

async fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
}

async fn label_of_dial(dialer: &TorDialer, address: &str) -> &'static str {
    let dialed = tokio::time::timeout(WAIT_MAX, dialer.dial(address)).await.expect("an answer in time");
    let error = dialed.err().expect("no stream");
    error.get_ref().and_then(|inner| inner.downcast_ref::<DialFailed>()).expect("a labelled error").0.label()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_starts_without_a_network_says_so_and_dials_nothing_but_onion_services() {
    let dir = tempfile::tempdir().unwrap();
    let shutdown = Shutdown::new();
    let state_dir = dir.path().join("tor");
    let tor = Tor::start(&network(dir.path(), closed_port().await), &state_dir, shutdown.clone()).unwrap();
    assert_eq!(std::fs::metadata(&state_dir).unwrap().permissions().mode() & 0o777, 0o700);
    let dialer = tor.dialer(Isolation::new());
    for address in ["127.0.0.1:80", "example.org:443", "x.onion:80"] {
        assert_eq!(label_of_dial(&dialer, address).await, "tor-not-onion", "{address}");
    }
    let mut status = tor.status();
    let blocked = status.wait_for(|status| status.blocked.is_some());
    let blocked = tokio::time::timeout(WAIT_MAX, blocked).await.expect("it is told").unwrap().clone();
    assert_eq!(blocked.stage, TorStage::Blocked);
    assert!(blocked.blocked.as_ref().unwrap().label.starts_with("tor-"), "{blocked:?}");
    let waiting = tokio::spawn({
        let onion = OnionKey::generate(&mut OsRng).address();
        async move { label_of_dial(&dialer, &onion).await }
    });
    shutdown.trigger();
    assert_eq!(waiting.await.unwrap(), "tor-ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_onion_service_has_the_address_of_its_key_and_ends_with_the_client() {
    let dir = tempfile::tempdir().unwrap();
    let config = network(dir.path(), closed_port().await);
    let key = OnionKey::generate(&mut OsRng);
    let shutdown = Shutdown::new();
    let tor = Tor::start(&config, &dir.path().join("tor"), shutdown.clone()).unwrap();
    let wrong = OnionServiceConfig { clients: vec!["x".to_owned()] };
    assert_eq!(tor.host(&key, &wrong).unwrap_err().label(), "tor-onion-client");
    let listener = tor.host(&key, &OnionServiceConfig::default()).unwrap();
    let status = listener.status().borrow().clone();
    assert_eq!((status.address, status.state), (key.address(), OnionState::Starting));
    shutdown.trigger();
    let mut status = listener.status();
    let ended = status.wait_for(|status| status.state == OnionState::Broken);
    let ended = tokio::time::timeout(WAIT_MAX, ended).await.expect("it ends").unwrap().clone();
    assert!(ended.why.unwrap().contains("start the node again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_for_restricted_discovery_is_made_once_for_each_service() {
    let dir = tempfile::tempdir().unwrap();
    let config = network(dir.path(), closed_port().await);
    let state_dir = dir.path().join("tor");
    let (first, second) =
        (OnionKey::generate(&mut OsRng).address(), OnionKey::generate(&mut OsRng).address());
    let made = Tor::make_service_discovery_key(&config, &state_dir, &first).unwrap();
    assert_eq!(made.len(), "descriptor:x25519:".len() + 52, "{made}");
    OnionServiceConfig { clients: vec![made.clone()] }.check().unwrap();
    let tor = Tor::start(&config, &state_dir, Shutdown::new()).unwrap();
    assert_eq!(tor.service_discovery_key(&first).unwrap(), made);
    let host = first.split(':').next().unwrap();
    assert_eq!(tor.service_discovery_key(host).unwrap(), made);
    assert_ne!(tor.service_discovery_key(&second).unwrap(), made);
    assert_eq!(Tor::make_service_discovery_key(&config, &state_dir, &first).unwrap(), made);
    assert_eq!(tor.service_discovery_key("example.org").unwrap_err().label(), "tor-not-onion");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_others_can_write_to_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let config = network(dir.path(), closed_port().await);
    let state_dir = dir.path().join("tor");
    std::fs::create_dir(&state_dir).unwrap();
    std::fs::set_permissions(&state_dir, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = Tor::start(&config, &state_dir, Shutdown::new()).unwrap_err();
    assert_eq!(error.label(), "open-to-others");
    // A directory of its own, in one that everybody may change.
    let open = dir.path().join("open");
    std::fs::create_dir(&open).unwrap();
    std::fs::set_permissions(&open, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = Tor::start(&config, &open.join("tor"), Shutdown::new()).unwrap_err();
    assert_eq!(error.label(), "tor-storage");
    assert!(error.to_string().contains("chmod"), "{error}");
}
