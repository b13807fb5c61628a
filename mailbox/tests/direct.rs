//! Packets over direct links: one hop, answered on the link, and refused where a node's would not be.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use sotto_mailbox::core::limits::{DIRECT_PENDING_MAX, PENDING_MAX};
use sotto_mailbox::core::{Action, DirectId};
use sotto_mailbox::store::{MemoryStore, Store, StoreError};
use sotto_protocol::boxes::BoxId;
use sotto_protocol::directory::{Place, epoch_of};
use sotto_protocol::limits::SURB_LEN;
use sotto_protocol::mailbox::{Command, Reply, TtlClass};
use sotto_protocol::sphinx::{HopSecret, Surb, SurbKeys};
use support::{T0, World, memory};

/// A reading of nothing, to be answered on a direct link.
fn read(world: &mut World) -> (Vec<u8>, SurbKeys) {
    let (surb, keys) = world.surb_from(Place::Mailbox);
    (Command::Read { surb, id: BoxId::decoy(&mut world.rng) }.to_text().to_vec(), keys)
}

fn store_works(world: &mut World, store: &mut MemoryStore) {
    while let Some(batch) = world.mailbox.take_batch() {
        let results = store.apply(world.now, &batch.ops);
        world.mailbox.handle_results(batch.id, results);
    }
}

/// The one action that a direct link gets.
fn the_action(world: &mut World) -> Action {
    let action = world.mailbox.poll_action().expect("there is an action");
    assert!(world.mailbox.poll_action().is_none(), "there is only one");
    action
}

fn answer_for(world: &mut World, link: u64, keys: &SurbKeys) -> Reply {
    let Action::Deliver { to, surb_id, payload } = the_action(world) else { panic!("not an answer") };
    world.mailbox.handle_delivered();
    assert_eq!((to, surb_id), (DirectId::new(link), keys.surb_id()));
    Reply::parse(&keys.open(&payload).unwrap()).unwrap()
}

fn unanswered(world: &mut World, link: u64) {
    let action = the_action(world);
    assert!(matches!(action, Action::Unanswered { to } if to == DirectId::new(link)), "{action:?}");
}

fn balanced(world: &World) {
    let ledger = world.mailbox.report(world.now).ledger;
    assert!(ledger.balanced() && ledger.held == 0, "{ledger:?}");
}

#[test]
fn a_box_written_over_one_direct_link_is_read_over_another_and_through_the_mixnet() {
    let mut world = World::new(1);
    let mut store = memory();
    let sealed = world.sealed();
    let (surb, keys) = world.surb_from(Place::Mailbox);
    let write = Command::Write { surb, ttl: TtlClass::Week, sealed: sealed.clone() };
    world.deliver_direct(1, &write.to_text()).unwrap();
    store_works(&mut world, &mut store);
    assert_eq!(answer_for(&mut world, 1, &keys), Reply::Stored);

    let (surb, keys) = world.surb_from(Place::Mailbox);
    world.deliver_direct(2, &Command::Read { surb, id: *sealed.id() }.to_text()).unwrap();
    store_works(&mut world, &mut store);
    assert_eq!(answer_for(&mut world, 2, &keys), Reply::Found(sealed.clone()));

    let (surb, keys) = world.surb();
    let command = Command::Read { surb, id: *sealed.id() };
    assert_eq!(world.ask(&mut store, &command, &keys), Reply::Found(sealed));

    let ledger = world.mailbox.report(T0).ledger;
    assert_eq!((ledger.delivered["write"], ledger.delivered["read"], ledger.originated["reply"]), (1, 2, 3));
    assert_eq!((ledger.links.received_from_clients, ledger.links.sent_to_clients), (2, 2));
    assert_eq!((ledger.links.received_from_nodes, ledger.links.sent_to_nodes), (1, 1));
    balanced(&world);
}

#[test]
fn a_direct_packet_whose_reply_block_names_another_first_hop_is_refused() {
    let mut world = World::new(2);
    for place in [Place::Mix { layer: 1 }, Place::Mix { layer: 3 }, Place::Entry] {
        let (surb, _) = world.surb_from(place);
        let text = Command::Read { surb, id: BoxId::decoy(&mut world.rng) }.to_text();
        assert_eq!(world.deliver_direct(7, &text), Err("surb-first-hop"));
        unanswered(&mut world, 7);
    }
    assert_eq!(world.dropped("surb-first-hop"), 3);
    balanced(&world);
}

#[test]
fn a_nodes_packet_whose_reply_block_names_the_mailbox_is_refused() {
    let mut world = World::new(3);
    let (text, _) = read(&mut world);
    assert_eq!(world.deliver(&text), Err("surb-first-hop"));
    assert!(world.mailbox.poll_action().is_none(), "no link waits for a node's packet");
    balanced(&world);
}

#[test]
fn a_replayed_direct_packet_is_dropped_wherever_it_comes_back() {
    let mut world = World::new(4);
    let mut store = memory();
    let (text, keys) = read(&mut world);
    let packet = world.packet(&text);
    world.deliver_direct_packet(1, packet.clone()).unwrap();
    store_works(&mut world, &mut store);
    assert_eq!(answer_for(&mut world, 1, &keys), Reply::NotFound);
    for link in [1, 2] {
        assert_eq!(world.deliver_direct_packet(link, packet.clone()), Err("replayed"));
        unanswered(&mut world, link);
    }
    assert_eq!(world.deliver_packet(Place::Mix { layer: 3 }, packet), Err("replayed"));
    assert!(world.mailbox.take_batch().is_none());
    balanced(&world);
}

#[test]
fn a_direct_packet_that_names_a_next_hop_another_destination_or_no_command_is_dropped() {
    let mut world = World::new(5);
    let onward = world.packet_through(Place::Mix { layer: 1 });
    assert_eq!(world.deliver_direct_packet(1, onward), Err("not-final"));
    unanswered(&mut world, 1);
    let (text, _) = read(&mut world);
    let elsewhere = world.packet_to([9; 32], &text);
    assert_eq!(world.deliver_direct_packet(1, elsewhere), Err("destination"));
    unanswered(&mut world, 1);
    assert_eq!(world.deliver_direct(1, b"garbage"), Err("command-length"));
    unanswered(&mut world, 1);
    balanced(&world);
}

#[test]
fn without_a_consensus_a_direct_packet_is_dropped() {
    let mut world = World::without_consensus(6);
    let (text, _) = read(&mut world);
    assert_eq!(world.deliver_direct(1, &text), Err("no-consensus"));
    unanswered(&mut world, 1);
    balanced(&world);
}

#[test]
fn cover_over_a_direct_link_is_used_and_not_answered() {
    let mut world = World::new(7);
    world.deliver_direct(3, &Command::Drop.to_text()).unwrap();
    unanswered(&mut world, 3);
    assert_eq!(world.mailbox.report(T0).ledger.delivered["drop"], 1);
    balanced(&world);
}

#[test]
fn a_reply_block_that_is_garbled_used_or_leads_on_leaves_the_command_unanswered() {
    let mut world = World::new(8);
    let mut store = memory();
    let (surb, _) = world.surb_from(Place::Mailbox);
    let mut garbled: [u8; SURB_LEN] = surb.to_bytes();
    garbled[100] ^= 1;
    let (used, keys) = world.surb_from(Place::Mailbox);
    let again = Surb::from_bytes(&used.to_bytes()).unwrap();
    let (onward, _) = world.surb_on_to(Place::Mix { layer: 1 });
    let mut ask = |world: &mut World, surb: Surb| {
        let text = Command::Read { surb, id: BoxId::decoy(&mut world.rng) }.to_text();
        world.deliver_direct(1, &text).unwrap();
        store_works(world, &mut store);
    };
    ask(&mut world, Surb::from_bytes(&garbled).unwrap());
    unanswered(&mut world, 1);
    ask(&mut world, used);
    assert_eq!(answer_for(&mut world, 1, &keys), Reply::NotFound);
    ask(&mut world, again);
    unanswered(&mut world, 1);
    ask(&mut world, onward);
    unanswered(&mut world, 1);
    let ledger = world.mailbox.report(T0).ledger;
    assert_eq!((ledger.unsent["surb-unusable"], ledger.delivered["read"]), (3, 4));
    balanced(&world);
}

#[test]
fn the_answer_is_made_under_the_key_of_the_epoch_in_which_the_command_came() {
    let mut world = World::new(9);
    let mut store = memory();
    let (text, keys) = read(&mut world);
    world.deliver_direct(1, &text).unwrap();
    // The next epoch's key is another; the disk takes until then.
    let epoch = epoch_of(T0, 3600);
    world.now = T0 + std::time::Duration::from_secs(3600);
    let consensus = world.consensus(world.now);
    world.mailbox.install_key(epoch + 3, HopSecret::generate(&mut world.rng));
    world.mailbox.handle_consensus(world.now, consensus, &mut world.rng);
    store_works(&mut world, &mut store);
    assert_eq!(answer_for(&mut world, 1, &keys), Reply::NotFound);
    balanced(&world);
}

#[test]
fn a_store_that_fails_is_told_on_a_direct_link_as_well() {
    let mut world = World::new(10);
    let (text, keys) = read(&mut world);
    world.deliver_direct(1, &text).unwrap();
    let batch = world.mailbox.take_batch().unwrap();
    world.mailbox.handle_results(batch.id, Err(StoreError::Io { why: "no space".to_owned() }));
    let Reply::Refused(code) = answer_for(&mut world, 1, &keys) else { panic!("not refused") };
    assert_eq!(code.label(), "store-failed");
    balanced(&world);
}

#[test]
fn direct_links_fill_half_of_the_queue_and_leave_the_rest_to_the_mixnet() {
    let mut world = World::new(11);
    let mut store = memory();
    for link in 0..DIRECT_PENDING_MAX as u64 {
        let (text, _) = read(&mut world);
        world.deliver_direct(link, &text).unwrap();
    }
    let (text, _) = read(&mut world);
    assert_eq!(world.deliver_direct(0, &text), Err("busy"));
    unanswered(&mut world, 0);
    for _ in 0..PENDING_MAX - DIRECT_PENDING_MAX {
        let (surb, _) = world.surb();
        let text = Command::Read { surb, id: BoxId::decoy(&mut world.rng) }.to_text();
        world.deliver(&text).unwrap();
    }
    assert_eq!(world.deliver(&text), Err("busy"));
    store_works(&mut world, &mut store);
    while let Some(action) = world.mailbox.poll_action() {
        match action {
            Action::Deliver { .. } => world.mailbox.handle_delivered(),
            Action::Send { .. } => world.mailbox.handle_sent(),
            other => panic!("{other:?}"),
        }
    }
    let (text, _) = read(&mut world);
    world.deliver_direct(0, &text).unwrap();
    store_works(&mut world, &mut store);
    assert!(matches!(the_action(&mut world), Action::Deliver { .. }), "there is room again");
    world.mailbox.handle_delivered();
    balanced(&world);
}

#[test]
fn direct_links_take_half_of_the_room_for_replay_tags_and_leave_the_rest_to_the_mixnet() {
    const TAGS_MAX: usize = 8;
    let mut world = World::with_tags_max(13, TAGS_MAX);
    let mut store = memory();
    // A packet and the answer to it leave a tag each.
    for _ in 0..TAGS_MAX / 4 {
        let (text, keys) = read(&mut world);
        world.deliver_direct(1, &text).unwrap();
        store_works(&mut world, &mut store);
        assert_eq!(answer_for(&mut world, 1, &keys), Reply::NotFound);
    }
    let (text, _) = read(&mut world);
    assert_eq!(world.deliver_direct(1, &text), Err("replay-cache-full"));
    unanswered(&mut world, 1);
    let command = |world: &mut World| {
        let (surb, keys) = world.surb();
        (Command::Read { surb, id: BoxId::decoy(&mut world.rng) }, keys)
    };
    for _ in 0..TAGS_MAX / 2 {
        let (command, keys) = command(&mut world);
        assert_eq!(world.ask(&mut store, &command, &keys), Reply::NotFound);
    }
    let (command, _) = command(&mut world);
    assert_eq!(world.deliver(&command.to_text()), Err("replay-cache-full"));
    balanced(&world);
}

#[test]
fn nothing_of_an_answer_shows_when_its_action_is_printed() {
    let mut world = World::new(12);
    let (text, _) = read(&mut world);
    world.deliver_direct(5, &text).unwrap();
    store_works(&mut world, &mut memory());
    insta::assert_snapshot!(format!("{:?}", the_action(&mut world)), @"Deliver { to: DirectId(5), .. }");
}
