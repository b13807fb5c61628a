//! Invitations: who can take them up, when, and how often.

use std::time::Duration;

use super::world::{Kind, World};
use crate::core::parcel::Parcel;
use crate::core::{ContactState, EngineError, Event, Route};

fn accept_error(world: &mut World, peer: usize, link: &str, name: &str) -> &'static str {
    let now = world.now;
    let peer = &mut world.peers[peer];
    peer.engine.as_mut().unwrap().accept_invite(now, link, name, &mut peer.rng).unwrap_err().label()
}

fn state(world: &mut World, peer: usize, name: &str) -> ContactState {
    world.peers[peer].engine().contacts().into_iter().find(|contact| contact.name == name).unwrap().state
}

#[test]
fn both_sides_are_pending_until_the_answer_is_stored_and_read() {
    let mut world = World::new(31, 2);
    let link = world.invite(0, "Bob");
    assert_eq!(state(&mut world, 0, "Bob"), ContactState::Pending);
    world.accept(1, &link, "Alice");
    assert_eq!(state(&mut world, 1, "Alice"), ContactState::Pending);
    let established = |world: &World, peer: usize| {
        world.peers[peer].events.iter().any(|event| matches!(event, Event::ContactEstablished { .. }))
    };
    world.run_until("the inviter knows", |world| established(world, 0));
    assert_eq!(state(&mut world, 0, "Bob"), ContactState::Established);
    world.run_until("the joiner knows", |world| established(world, 1));
    assert_eq!(state(&mut world, 1, "Alice"), ContactState::Established);
    assert!(world.peers[0].heard().is_empty(), "the answer is no message");
}

#[test]
fn the_inviter_can_write_before_anybody_has_answered() {
    let mut world = World::new(32, 2);
    let link = world.invite(0, "Bob");
    world.send(0, "Bob", "waiting for you");
    world.run_for(Duration::from_secs(5));
    world.accept(1, &link, "Alice");
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
    assert_eq!(world.peers[1].heard(), ["waiting for you"]);
}

#[test]
fn an_invitation_that_was_mistyped_own_or_used_is_refused_by_name() {
    let mut world = World::new(33, 2);
    let link = world.invite(0, "Bob");
    let mistyped = format!("{}x", &link[..link.len() - 1]);
    assert_eq!(accept_error(&mut world, 1, &mistyped, "Alice"), "invite-mistyped");
    assert_eq!(accept_error(&mut world, 0, &link, "Alice"), "invite-own");
    world.accept(1, &link, "Alice");
    assert_eq!(accept_error(&mut world, 1, &link, "Alice again"), "invite-used");
    let other = world.invite(0, "Carol");
    assert_eq!(accept_error(&mut world, 1, &other, "Alice"), "name-taken");
    assert_eq!(accept_error(&mut world, 1, &other, " "), "name-invalid");
    let (now, peer) = (world.now, &mut world.peers[0]);
    let again =
        peer.engine.as_mut().unwrap().create_invite(now, "Bob", Duration::from_secs(600), &mut peer.rng);
    assert_eq!(again.unwrap_err(), EngineError::NameTaken("Bob".into()));
    assert_eq!(world.peers[1].engine().contacts().len(), 1, "a refusal leaves nothing behind");
}

#[test]
fn used_and_own_are_recognised_after_a_restart() {
    let mut world = World::new(34, 2);
    let link = world.invite(0, "Bob");
    world.accept(1, &link, "Alice");
    world.crash(0, false);
    world.crash(1, false);
    assert_eq!(accept_error(&mut world, 0, &link, "Alice"), "invite-own");
    assert_eq!(accept_error(&mut world, 1, &link, "Alice again"), "invite-used");
    world.run_until("they meet all the same", |world| {
        state(world, 0, "Bob") == ContactState::Established
            && state(world, 1, "Alice") == ContactState::Established
    });
}

#[test]
fn an_expired_invitation_is_neither_accepted_nor_polled_nor_written_to() {
    let mut world = World::new(35, 2);
    let link = world.invite(0, "Bob");
    world.run_for(Duration::from_secs(5));
    let polls = |world: &mut World| {
        let engine = world.peers[0].engine();
        engine.status(engine.now).counters.sent_read
    };
    assert!(polls(&mut world) > 0, "a pending one is polled");
    world.run_for(Duration::from_secs(1));
    // Over the minute in which it runs out without the traffic of ten.
    for peer in 0..2 {
        let now = world.now;
        world.peers[peer].engine().handle_session_lost(now, Route::Mix, "it ended");
    }
    world.now = world.now + Duration::from_secs(660);
    world.connect(0);
    world.connect(1);
    let writes = |world: &World| world.peers[0].sent.iter().filter(|(_, kind)| *kind == Kind::Write).count();
    let before = (polls(&mut world), writes(&world));
    assert_eq!(before.1, 2, "the bundle, to two mailboxes");
    world.run_for(Duration::from_secs(5));
    assert_eq!((polls(&mut world), writes(&world)), before);
    assert_eq!(state(&mut world, 0, "Bob"), ContactState::Expired);
    assert_eq!(accept_error(&mut world, 1, &link, "Alice"), "invite-expired");
    let (now, peer) = (world.now, &mut world.peers[0]);
    let error = peer.engine.as_mut().unwrap().send_text(now, "Bob", "hello?", &mut peer.rng).unwrap_err();
    assert_eq!(error.label(), "contact-expired");
}

#[test]
fn the_second_to_take_up_one_invitation_is_told_so() {
    let mut world = World::new(36, 3);
    let link = world.invite(0, "Bob");
    world.accept(1, &link, "Alice");
    world.run_until("the first is in", |world| state(world, 1, "Alice") == ContactState::Established);
    world.accept(2, &link, "Alice");
    let id = world.send(2, "Alice", "it is me");
    world.run_until("the second is told", |world| {
        world.peers[2].events.iter().any(|event| matches!(event, Event::InviteTaken { .. }))
    });
    assert_eq!(state(&mut world, 2, "Alice"), ContactState::Taken);
    let message = world.peers[2].engine().message(&id).unwrap();
    assert_eq!(message.state.label(), "conflict");
    assert_eq!(message.text, "it is me", "the text is not lost");
    let now = world.now;
    assert_eq!(world.peers[2].engine().status(now).outbox_boxes, 0);
    let peer = &mut world.peers[2];
    let error = peer.engine.as_mut().unwrap().send_text(now, "Alice", "x", &mut peer.rng).unwrap_err();
    assert_eq!(error.label(), "contact-taken");
    world.crash(2, false);
    assert_eq!(state(&mut world, 2, "Alice"), ContactState::Taken);
    assert_eq!(state(&mut world, 0, "Bob"), ContactState::Established);
}

#[test]
fn a_withdrawn_invitation_says_so_to_whoever_tries_it() {
    let mut world = World::new(37, 2);
    let link = world.invite(0, "Bob");
    world.run_until("the bundle is stored", |world| {
        let now = world.now;
        world.peers[0].engine().status(now).outbox_boxes == 0
    });
    let now = world.now;
    world.peers[0].engine().revoke_invite(now, "Bob").unwrap();
    assert_eq!(state(&mut world, 0, "Bob"), ContactState::Revoked);
    let records = crate::store::Store::load(world.peers[0].engine().store()).unwrap();
    let link_record = records.iter().find(|(key, _)| key.kind == crate::store::RecordKind::Link).unwrap();
    assert_eq!(link_record.1.len(), 2, "the keys are erased at once");
    world.crash(0, false);
    world.run_until("the tombstone is stored", |world| {
        let now = world.now;
        world.peers[0].engine().status(now).outbox_boxes == 0
    });
    world.accept(1, &link, "Alice");
    world.run_until("the joiner is told", |world| {
        world.peers[1].events.iter().any(|event| matches!(event, Event::InviteRevoked { .. }))
    });
    assert_eq!(state(&mut world, 1, "Alice"), ContactState::Revoked);
    let (now, peer) = (world.now, &mut world.peers[1]);
    let error = peer.engine.as_mut().unwrap().send_text(now, "Alice", "x", &mut peer.rng).unwrap_err();
    assert_eq!(error.label(), "contact-revoked");
    assert_eq!(world.peers[0].engine().revoke_invite(now, "Bob").unwrap_err().label(), "invite-not-pending");
    // The name is free again, since nothing was ever said.
    let again = world.invite(0, "Bob");
    assert_ne!(again, link);
    assert_eq!(world.peers[0].engine().contacts().len(), 1);
}

#[test]
fn an_invitation_that_was_taken_up_cannot_be_withdrawn() {
    let mut world = World::acquainted(38);
    let now = world.now;
    assert_eq!(world.peers[0].engine().revoke_invite(now, "Bob").unwrap_err().label(), "invite-not-pending");
    assert_eq!(world.peers[0].engine().revoke_invite(now, "Eve").unwrap_err().label(), "contact-unknown");
}

/// Somebody with the link can lay anything into the places of the keys, and nothing more.
#[test]
fn garbage_in_the_place_of_the_keys_is_told_and_opens_nothing() {
    for (seed, spoils_bundle) in [(39, true), (40, false)] {
        let mut world = World::new(seed, 2);
        let link = world.invite(0, "Bob");
        let invite = crate::core::Invite::parse(&link).unwrap();
        let place = if spoils_bundle { invite.inviter_seed() } else { invite.joiner_seed() };
        let mut write = sotto_protocol::boxes::WriteCap::from_seed(&place);
        let sealed = write.seal_next(&[7; 1359], &mut world.rng).unwrap();
        world.plant(&sealed);
        let reader = usize::from(spoils_bundle);
        if spoils_bundle {
            world.accept(1, &link, "Alice");
        }
        world.run_until("it is told", |world| {
            world.peers[reader].events.iter().any(|event| matches!(event, Event::BoxRefused { .. }))
        });
        let name = if spoils_bundle { "Alice" } else { "Bob" };
        assert_eq!(state(&mut world, reader, name), ContactState::Spoiled);
    }
}

/// A mailbox that was slow to take the bundle, or lies, says that another box lies there.
#[test]
fn a_conflict_over_a_bundle_ends_no_acquaintance_that_has_begun() {
    let mut world = World::new(38, 2);
    let link = world.invite(0, "Bob");
    let engine = world.peers[0].engine();
    let (_, outgoing) = engine.book.outbox.owned(*engine.book.people.keys().next().unwrap()).next().unwrap();
    let Parcel::Sealed(sealed) = &outgoing.parcel else { panic!("a bundle is sealed") };
    let (sealed, slow) = (sealed.clone(), *outgoing.replicas().keys().next().unwrap());
    world.refusing.insert(slow, sotto_protocol::mailbox::RefusalCode::QuotaFull);
    world.accept(1, &link, "Alice");
    world.run_until("the inviter knows", |world| state(world, 0, "Bob") == ContactState::Established);
    let mut other = sealed.to_bytes();
    other[500] ^= 1;
    let other = sotto_protocol::boxes::SealedBox::from_bytes(&other).unwrap();
    world.boxes.entry(slow).or_default().insert(*sealed.id(), other);
    world.refusing.clear();
    world.run_for(Duration::from_secs(30));
    assert_eq!(state(&mut world, 0, "Bob"), ContactState::Established);
    world.send(0, "Bob", "still here");
    world.run_until("it is heard", |world| !world.peers[1].heard().is_empty());
}

#[test]
fn a_withdrawal_goes_out_although_the_name_is_used_again() {
    let mut world = World::new(39, 2);
    let link = world.invite(0, "Bob");
    world.run_for(Duration::from_secs(10));
    let (now, peer) = (world.now, &mut world.peers[0]);
    peer.engine.as_mut().unwrap().revoke_invite(now, "Bob").unwrap();
    world.invite(0, "Bob");
    world.crash(0, false);
    world.run_for(Duration::from_secs(30));
    world.accept(1, &link, "Alice");
    world.run_for(Duration::from_secs(30));
    assert_eq!(state(&mut world, 1, "Alice"), ContactState::Revoked);
    assert_eq!(state(&mut world, 0, "Bob"), ContactState::Pending);
}
