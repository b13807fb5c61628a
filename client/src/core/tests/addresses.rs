//! Contact addresses: who asks, who decides, and what nobody learns.

use std::time::Duration;

use sotto_protocol::boxes::WriteCap;

use super::world::World;
use crate::core::rendezvous::{self, period_of};
use crate::core::{AddressLink, ContactState};
use crate::store::CommitFault;

fn publish(world: &mut World, peer: usize) -> String {
    let (now, target) = (world.now, &mut world.peers[peer]);
    let link = target.engine.as_mut().unwrap().create_address(now, "blog", &mut target.rng).unwrap();
    world.run_until("its keys are laid out", |world| world.peers[peer].engine().addresses()[0].is_published);
    link.to_string()
}

fn ask(world: &mut World, peer: usize, link: &str, note: &str) -> Result<(), &'static str> {
    let (now, peer) = (world.now, &mut world.peers[peer]);
    let asked = peer.engine.as_mut().unwrap().ask_at(now, link, "Alice", note, &mut peer.rng);
    asked.map(drop).map_err(|error| error.label())
}

fn state(world: &mut World, peer: usize, name: &str) -> ContactState {
    world.peers[peer].engine().contacts().into_iter().find(|contact| contact.name == name).unwrap().state
}

fn requests(world: &mut World, count: usize) {
    world.run_until("the requests are there", |world| world.peers[0].engine().requests().len() == count);
}

#[test]
fn requests_wait_for_a_decision_and_become_contacts() {
    let mut world = World::new(91, 3);
    let link = publish(&mut world, 0);
    assert_eq!(ask(&mut world, 0, &link, ""), Err("invite-own"));
    ask(&mut world, 1, &link, "Bob here").unwrap();
    ask(&mut world, 2, &link, "").unwrap();
    assert_eq!(ask(&mut world, 1, &link, ""), Err("address-asked"));
    assert_eq!(ask(&mut world, 1, &link, &"x".repeat(121)), Err("note-too-long"));
    requests(&mut world, 2);
    world.crash(0, false);
    world.crash(1, false);
    let waiting = world.peers[0].engine().requests();
    assert!(waiting.iter().any(|request| request.note == "Bob here"), "{waiting:?}");
    assert!(waiting.iter().all(|request| request.address.as_deref() == Some("blog")));
    assert!(world.peers[0].engine().contacts().is_empty(), "nothing comes of it by itself");
    world.send(1, "Alice", "are you there?");
    world.run_for(Duration::from_secs(30));
    assert_eq!(state(&mut world, 1, "Alice"), ContactState::Pending);
    let bob = waiting.iter().find(|request| request.note == "Bob here").unwrap().request;
    let carol = waiting.iter().find(|request| request.note.is_empty()).unwrap().request;
    let (now, peer) = (world.now, &mut world.peers[0]);
    let engine = peer.engine.as_mut().unwrap();
    engine.accept_request(now, &bob, "Bob", &mut peer.rng).unwrap();
    engine.reject_request(now, &carol).unwrap();
    assert_eq!(engine.reject_request(now, &carol).unwrap_err().label(), "request-unknown");
    world.run_until("Bob knows, and is heard", |world| {
        state(world, 1, "Alice") == ContactState::Established && !world.peers[0].heard().is_empty()
    });
    let texts: Vec<String> =
        world.peers[0].engine().messages("Bob", None).unwrap().into_iter().map(|m| m.text).collect();
    assert_eq!(texts, ["Bob here", "are you there?"]);
    world.send(0, "Bob", "welcome");
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
    assert_eq!(state(&mut world, 2, "Alice"), ContactState::Pending, "nobody tells who was rejected");
    let numbers: Vec<String> = [(0, "Bob"), (1, "Alice")]
        .map(|(peer, name)| world.peers[peer].engine().safety_number(name).unwrap().digits())
        .to_vec();
    assert_eq!(numbers[0], numbers[1]);
    world.crash(0, false);
    assert!(world.peers[0].engine().requests().is_empty());
}

#[test]
fn an_address_has_nothing_in_common_with_other_contacts() {
    let mut world = World::new(92, 2);
    let link = publish(&mut world, 0);
    let invited = world.invite(0, "Bob");
    world.accept(1, &invited, "Alice by invitation");
    ask(&mut world, 1, &link, "").unwrap();
    requests(&mut world, 1);
    let request = world.peers[0].engine().requests()[0].request;
    let (now, peer) = (world.now, &mut world.peers[0]);
    peer.engine.as_mut().unwrap().accept_request(now, &request, "Somebody", &mut peer.rng).unwrap();
    world.run_until("all have met", |world| {
        state(world, 1, "Alice") == ContactState::Established
            && state(world, 1, "Alice by invitation") == ContactState::Established
    });
    let keys: Vec<[u8; 32]> = world.peers[1]
        .engine()
        .book
        .people
        .values()
        .map(|person| *person.bond.as_ref().unwrap().remote.as_bytes())
        .collect();
    assert_eq!(keys.len(), 2);
    assert_ne!(keys[0], keys[1], "one person, two identities");
}

#[test]
fn garbage_copies_and_taken_places_keep_nobody_from_asking() {
    let mut world = World::new(93, 2);
    let link = publish(&mut world, 0);
    let address = AddressLink::parse(&link).unwrap();
    let seed = rendezvous::address_requests(address.public(), period_of(world.now));
    let mut anybody = WriteCap::from_seed(seed.as_bytes());
    for text in [vec![], vec![7; 1359]] {
        let sealed = anybody.seal_next(&text, &mut world.rng).unwrap();
        world.plant(&sealed);
    }
    ask(&mut world, 1, &link, "third place").unwrap();
    requests(&mut world, 1);
    assert_eq!(world.peers[0].engine().requests()[0].note, "third place");
    // The same request once more, copied by somebody who has the address.
    let engine = world.peers[1].engine();
    let asked = engine.book.people.values().next().unwrap().asking.as_ref().unwrap().request().to_vec();
    anybody.skip();
    let sealed = anybody.seal_next(&asked, &mut world.rng).unwrap();
    world.plant(&sealed);
    let replayed = |world: &mut World| {
        let engine = world.peers[0].engine();
        engine.status(engine.now).counters.labels.contains_key("request-replayed")
    };
    world.run_until("the copy was read", replayed);
    assert_eq!(world.peers[0].engine().requests().len(), 1);
}

#[test]
fn a_removed_address_is_asked_at_in_vain() {
    let mut world = World::new(94, 2);
    let link = publish(&mut world, 0);
    let (now, peer) = (world.now, &mut world.peers[0]);
    peer.engine.as_mut().unwrap().remove_address(now, "blog", &mut peer.rng).unwrap();
    world.run_until("its keys are gone", |world| {
        let now = world.now;
        world.peers[0].engine().status(now).outbox_boxes == 0
    });
    ask(&mut world, 1, &link, "").unwrap();
    world.run_for(Duration::from_secs(60));
    assert!(world.peers[0].engine().requests().is_empty());
    assert_eq!(state(&mut world, 1, "Alice"), ContactState::Pending);
    let now = world.now;
    let waiting = world.peers[1].engine().status(now).waiting;
    assert_eq!(waiting[0].why, "waiting for the keys of the address");
}

/// The disk fails, or the process ends, between the word that a place is taken and the next try.
#[test]
fn a_request_whose_place_is_taken_survives_a_failing_disk_and_a_crash() {
    for (seed, ahead, crashes) in [(96, 0, false), (96, 1, false), (97, 0, true), (97, 1, true)] {
        let mut world = World::new(seed, 2);
        let link = publish(&mut world, 0);
        let address = AddressLink::parse(&link).unwrap();
        let seed = rendezvous::address_requests(address.public(), period_of(world.now));
        let taken = WriteCap::from_seed(seed.as_bytes()).seal_next(&[7; 9], &mut world.rng).unwrap();
        world.plant(&taken);
        ask(&mut world, 1, &link, "next place").unwrap();
        let is_there = |world: &mut World| world.peers[1].engine().book.outbox.len() == 1;
        world.run_until("there is a request", is_there);
        world.peers[1].engine().store_mut().fail_commit(ahead, CommitFault::Lost);
        let commits = world.peers[1].engine().store().commits();
        world.run_until("the commit has failed", |world| {
            world.peers[1].engine().store().commits() > commits + ahead
        });
        if crashes {
            world.crash(1, false);
        }
        requests(&mut world, 1);
        assert_eq!(world.peers[0].engine().requests()[0].note, "next place");
    }
}
