//! A profile restored from an old backup: new sessions with everybody, and nothing used twice.

use std::time::Duration;

use super::world::{Faults, World};
use crate::core::{Event, MessageKind, MessageState, Trust};
use crate::store::RecordKind;

fn received(world: &mut World, peer: usize, name: &str) -> Vec<String> {
    let messages = world.peers[peer].engine().messages(name, None).unwrap();
    messages
        .into_iter()
        .filter(|message| message.kind == MessageKind::Text && message.state == MessageState::Received)
        .map(|message| message.text)
        .collect()
}

fn notices(world: &mut World, peer: usize, name: &str) -> usize {
    let messages = world.peers[peer].engine().messages(name, None).unwrap();
    messages.into_iter().filter(|message| message.kind == MessageKind::Notice).count()
}

#[test]
fn a_restored_profile_goes_on_with_everybody_and_they_are_told() {
    for (seed, faults) in [(101, Faults::default()), (102, Faults { loss: 15, duplication: 10, holdup: 2 })] {
        let mut world = World::acquainted(seed);
        world.faults = faults;
        let (now, peer) = (world.now, &mut world.peers[0]);
        let engine = peer.engine.as_mut().unwrap();
        engine.set_verified(now, "Bob", true, &mut peer.rng).unwrap();
        world.send(0, "Bob", "before");
        world.send(1, "Alice", "before");
        world.run_until("both are heard", |world| (0..2).all(|peer| !world.peers[peer].heard().is_empty()));
        let digits = world.peers[0].engine().safety_number("Bob").unwrap().digits();
        let under_way = world.send(0, "Bob", "as the backup is made");
        let backup = world.peers[0].engine().backup().unwrap();
        assert!(backup.iter().all(|(key, _)| matches!(
            key.kind,
            RecordKind::Profile
                | RecordKind::Contact
                | RecordKind::Bond
                | RecordKind::Ledger
                | RecordKind::Message
        )));
        for text in ["lost one", "lost two"] {
            world.send(1, "Alice", text);
            world.send(0, "Bob", text);
        }
        world.run_until("both are heard", |world| (0..2).all(|peer| world.peers[peer].heard().len() >= 3));
        world.restore(0, backup);
        assert_eq!(world.peers[0].engine().contacts()[0].trust, Trust::Verified);
        let state = world.peers[0].engine().message(&under_way).unwrap().state;
        assert_eq!(state, MessageState::Unconfirmed);
        world.send(0, "Bob", "from the new device");
        world.send(1, "Alice", "to the new device");
        world.crash(0, false);
        world.run_until("the new session carries both", |world| {
            received(world, 0, "Bob").iter().any(|text| text == "to the new device")
                && received(world, 1, "Alice").iter().any(|text| text == "from the new device")
        });
        world.run_for(Duration::from_secs(30));
        assert_eq!(
            received(&mut world, 0, "Bob"),
            ["before", "lost one", "lost two", "to the new device"],
            "what the lost device had read comes again"
        );
        assert_eq!(
            received(&mut world, 1, "Alice"),
            ["before", "as the backup is made", "lost one", "lost two", "from the new device"]
        );
        let state = world.peers[0].engine().message(&under_way).unwrap().state;
        assert_eq!(state, MessageState::Delivered, "the other side has said so");
        for (peer, name) in [(0, "Bob"), (1, "Alice")] {
            assert_eq!(notices(&mut world, peer, name), 1, "{name} is told");
            assert!(
                world.peers[peer].events.iter().any(|event| matches!(event, Event::ContactRenewed { .. }))
            );
            let conflicts = |event: &Event| matches!(event, Event::MessageConflict { .. });
            assert!(!world.peers[peer].events.iter().any(conflicts), "no box is used twice");
        }
        assert_eq!(world.peers[0].engine().safety_number("Bob").unwrap().digits(), digits);
        assert_eq!(world.peers[0].engine().contacts()[0].trust, Trust::Verified, "the verification survives");
    }
}

#[test]
fn one_backup_can_be_restored_twice_and_by_both() {
    let mut world = World::acquainted(103);
    let backups: Vec<_> = (0..2).map(|peer| world.peers[peer].engine().backup().unwrap()).collect();
    for round in 0..2 {
        world.restore(0, backups[0].clone());
        if round == 1 {
            world.restore(1, backups[1].clone());
        }
        let text = format!("round {round}");
        world.send(0, "Bob", &text);
        world.send(1, "Alice", &text);
        world.run_until("both are heard", |world| {
            received(world, 0, "Bob").last() == Some(&text)
                && received(world, 1, "Alice").last() == Some(&text)
        });
    }
}
