//! Which keys are there, and for how long.

use sotto_protocol::sphinx::HopSecret;
use sotto_protocol::sphinx::fast::{BatchUnwrapper, HopKeys, X25519};

use crate::support::rng;

fn secret(epoch: u64) -> HopSecret {
    HopSecret::generate(&mut rng(1000 + epoch))
}

fn epochs(keys: &HopKeys) -> Vec<u64> {
    keys.public_keys().into_iter().map(|(epoch, _)| epoch).collect()
}

#[test]
fn a_second_key_for_an_epoch_is_refused() {
    let mut keys = HopKeys::new().with(3, secret(3));
    assert!(!keys.insert(3, secret(4)));
    assert_eq!(keys.public_keys(), [(3, secret(3).public())]);
    assert!(keys.insert(4, secret(4)));
    assert_eq!(epochs(&keys), [3, 4]);
}

#[test]
fn a_retired_key_does_not_come_back() {
    let mut keys = HopKeys::new().with(3, secret(3)).with(4, secret(4)).with(5, secret(5));
    keys.retire_before(5);
    keys.retire_before(4);
    assert_eq!(epochs(&keys), [5]);
    assert!(!keys.contains(4));
    assert!(!keys.insert(4, secret(4)));
    assert!(!keys.insert(3, secret(3)));
    assert!(keys.contains(5));
}

#[test]
fn a_clone_keeps_what_it_was_made_of() {
    let mut keys = HopKeys::new().with(3, secret(3)).with(4, secret(4));
    let clone = keys.clone();
    keys.retire_before(4);
    assert!(keys.insert(6, secret(6)));
    assert_eq!(epochs(&clone), [3, 4]);
    assert_eq!(epochs(&keys), [4, 6]);
}

#[test]
fn debug_shows_epochs_and_public_halves_only() {
    let keys = HopKeys::new().with(3, secret(3));
    insta::assert_snapshot!(format!("{keys:?}"), @"HopKeys([(3, HopPublic(39dc9e29))])");
    let unwrapper = BatchUnwrapper::new(X25519::PORTABLE);
    insta::assert_snapshot!(format!("{unwrapper:?}"), @"BatchUnwrapper(X25519(dalek))");
}
