//! Who is asked for the consensus, by which way, and in which order.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use sotto_protocol::directory::{AuthorityEntry, Params};
use sotto_protocol::ident::NodeSecret;
use sotto_protocol::time::Timestamp;
use zeroize::Zeroizing;

use super::*;

fn node(number: u8) -> NodeId {
    NodeSecret::from_seed(&Zeroizing::new([number; 32])).id()
}

fn onion(number: u8) -> String {
    format!("{}{}.onion:1", "a".repeat(55), char::from(b'a' + number))
}

fn network(with_onion: bool) -> NetworkInfo {
    let onion_address = with_onion.then(|| onion(1));
    let authorities = vec![AuthorityEntry { key: node(1), address: "192.0.2.1:1".to_owned(), onion_address }];
    NetworkInfo { network: "test".to_owned(), authorities, threshold: 1, epoch_s: 3600 }
}

/// Two entries, of which the second has no onion service, a mix, and a mailbox with one.
fn consensus() -> Consensus {
    let row = |number: u8, place, has_onion: bool| sotto_protocol::directory::ConsensusNode {
        node: node(number),
        place,
        address: format!("192.0.2.{number}:1"),
        onion_address: has_onion.then(|| onion(number)),
        hop_keys: Vec::new(),
    };
    Consensus {
        network: "test".to_owned(),
        epoch: 1,
        valid_after: Timestamp::from_millis(0),
        valid_until: Timestamp::from_millis(1),
        randomness: [0; 32],
        params: Params::default(),
        nodes: vec![
            row(2, Place::Entry, true),
            row(3, Place::Entry, false),
            row(4, Place::Mix { layer: 1 }, true),
            row(5, Place::Mailbox, true),
        ],
    }
}

fn plan(routes: &[Route]) -> RoutePlan {
    RoutePlan::from_routes(routes).unwrap()
}

/// The addresses in their order, for a plan of which the engine wants `wanted`.
fn addresses(routes: &[Route], wanted: &[Route], own: BTreeMap<Way, NodeId>) -> Vec<String> {
    let sources = Sources::of(&plan(routes), |route| wanted.contains(&route), own);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let found = servers(&network(true), Some(&consensus()), &sources, &mut rng);
    found.into_iter().map(|server| server.address).collect()
}

#[test]
fn a_profile_that_uses_tor_asks_onion_services_only() {
    for route in [Route::Tor, Route::TorMix] {
        let found = addresses(&[route], &[route], BTreeMap::new());
        assert_eq!(found.len(), 3, "the authority, an entry and a mailbox: {found:?}");
        assert!(found.iter().all(|address| address.contains(".onion:")), "{found:?}");
        assert_eq!(found[0], onion(1), "the authority first");
    }
}

#[test]
fn a_contact_by_tcp_changes_nothing_about_where_the_consensus_comes_from() {
    // The engine wants `mix` for a contact, but the profile's plan does not name it.
    let found = addresses(&[Route::Tor], &[Route::Tor, Route::Mix], BTreeMap::new());
    assert!(found.iter().all(|address| address.contains(".onion:")), "{found:?}");
}

#[test]
fn a_fallback_by_tcp_is_asked_only_once_it_is_in_use_and_then_last() {
    let routes = [Route::Tor, Route::Mix];
    let before = addresses(&routes, &[Route::Tor], BTreeMap::new());
    assert!(before.iter().all(|address| address.contains(".onion:")), "{before:?}");
    let during = addresses(&routes, &[Route::Tor, Route::Mix], BTreeMap::new());
    assert_eq!(during[..3], before[..]);
    assert_eq!(during.len(), 6);
    assert_eq!(during[3], "192.0.2.1:1");
}

#[test]
fn by_tcp_entries_are_asked_and_the_own_one_first() {
    let found = addresses(&[Route::Mix], &[Route::Mix], BTreeMap::from([(Way::Tcp, node(3))]));
    assert_eq!(found, ["192.0.2.3:1", "192.0.2.1:1", "192.0.2.2:1"]);
}

#[test]
fn a_network_without_onion_services_is_refused_for_tor_alone() {
    let refused = |routes: &[Route], with_onion| check_reachable(&plan(routes), &network(with_onion)).err();
    for routes in [&[Route::Tor][..], &[Route::TorMix], &[Route::TorMix, Route::Tor]] {
        let error = refused(routes, false).unwrap();
        assert_eq!(error.label(), "network-no-onion");
        assert!(error.to_string().contains("sotto-directory network-link"), "{error}");
        assert_eq!(refused(routes, true), None);
    }
    assert_eq!(refused(&[Route::Tor, Route::Mix], false), None);
    let sources = Sources::of(&plan(&[Route::Tor]), |_| true, BTreeMap::new());
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    assert_eq!(servers(&network(false), None, &sources, &mut rng), []);
}
