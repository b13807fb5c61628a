//! Safety numbers: the same for both, and what follows from comparing them.

use super::world::World;
use crate::core::{Event, Trust};

fn trust(world: &mut World, peer: usize) -> Trust {
    world.peers[peer].engine().contacts()[0].trust
}

fn compare(world: &mut World, peer: usize, name: &str, given: &str) -> Result<bool, &'static str> {
    let (now, peer) = (world.now, &mut world.peers[peer]);
    let engine = peer.engine.as_mut().unwrap();
    engine.compare(now, name, given, &mut peer.rng).map_err(|error| error.label())
}

#[test]
fn both_see_the_same_digits_and_each_contact_has_its_own() {
    let mut world = World::new(71, 3);
    let bob = world.invite(0, "Bob");
    let carol = world.invite(0, "Carol");
    world.accept(1, &bob, "Alice");
    world.accept(2, &carol, "Alice");
    world.run_until("all have met", |world| {
        (0..3).all(|peer| {
            let engine = world.peers[peer].engine();
            engine.contacts().iter().all(|contact| engine.safety_number(&contact.name).is_ok())
        })
    });
    let digits = |world: &mut World, peer: usize, name: &str| {
        world.peers[peer].engine().safety_number(name).unwrap().digits()
    };
    let (one, other) = (digits(&mut world, 0, "Bob"), digits(&mut world, 0, "Carol"));
    assert_eq!(one.len(), 60);
    assert_eq!(one, digits(&mut world, 1, "Alice"));
    assert_eq!(other, digits(&mut world, 2, "Alice"));
    assert_ne!(one, other, "two contacts do not see that they talk to the same person");
    assert_eq!(world.peers[0].engine().safety_number("Eve").unwrap_err().label(), "contact-unknown");
}

#[test]
fn a_comparison_decides_and_survives_a_restart() {
    let mut world = World::acquainted(72);
    assert_eq!(trust(&mut world, 0), Trust::Unverified);
    let digits = world.peers[1].engine().safety_number("Alice").unwrap().digits();
    let code = world.peers[1].engine().safety_number("Alice").unwrap().qr_text();
    let own_code = world.peers[0].engine().safety_number("Bob").unwrap().qr_text();
    assert_eq!(compare(&mut world, 0, "Bob", &digits), Ok(true));
    assert_eq!(trust(&mut world, 0), Trust::Verified);
    world.drain(0);
    world.crash(0, false);
    assert_eq!(trust(&mut world, 0), Trust::Verified);
    let last = if digits.ends_with('0') { "1" } else { "0" };
    let wrong = format!("{}{last}", &digits[..59]);
    assert_eq!(compare(&mut world, 0, "Bob", &wrong), Ok(false));
    assert_eq!(trust(&mut world, 0), Trust::Unverified, "a number that differs takes it back");
    assert_eq!(compare(&mut world, 0, "Bob", &code.to_uppercase()), Ok(true));
    for neither in ["", "123", &digits[..59], "hello", &own_code] {
        assert_eq!(compare(&mut world, 0, "Bob", neither), Err("safety-number"), "{neither}");
    }
    assert_eq!(trust(&mut world, 0), Trust::Verified, "what says nothing changes nothing");
    let (now, peer) = (world.now, &mut world.peers[0]);
    peer.engine.as_mut().unwrap().set_verified(now, "Bob", false, &mut peer.rng).unwrap();
    world.drain(0);
    assert_eq!(trust(&mut world, 0), Trust::Unverified);
    let told = |event: &&Event| matches!(event, Event::TrustChanged { .. });
    assert_eq!(world.peers[0].events.iter().filter(told).count(), 4);
}

#[test]
fn before_both_have_met_there_is_nothing_to_compare() {
    let mut world = World::new(73, 1);
    world.invite(0, "Bob");
    assert_eq!(world.peers[0].engine().safety_number("Bob").unwrap_err().label(), "contact-not-met");
    assert_eq!(compare(&mut world, 0, "Bob", &"1".repeat(60)), Err("contact-not-met"));
}
