//! What a mailbox answers, and for which packets it answers nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]

mod support;

use std::time::Duration;

use sotto_mailbox::core::limits::{BATCH_OPS_MAX, GC_BATCH_MAX, GC_INTERVAL, GC_PAUSE, PENDING_MAX};
use sotto_mailbox::core::{Action, Mailbox, Source};
use sotto_mailbox::store::{MemoryStore, Store, StoreError, StoreOp};
use sotto_protocol::boxes::{BoxId, SealedBox, Tombstone, WriteCap};
use sotto_protocol::directory::Place;
use sotto_protocol::limits::PACKET_LEN;
use sotto_protocol::mailbox::{Command, RefusalCode, Reply, TtlClass};
use sotto_protocol::sphinx::{HopSecret, Packet, Surb};
use support::{T0, World, memory};

const LAYER_1: Place = Place::Mix { layer: 1 };
const LAYER_2: Place = Place::Mix { layer: 2 };
const LAYER_3: Place = Place::Mix { layer: 3 };

#[test]
fn a_box_is_stored_found_and_withdrawn() {
    let (mut world, mut store) = (World::new(1), memory());
    let mut cap = WriteCap::generate(&mut world.rng);
    let tombstone = cap.next_tombstone_key().tombstone();
    let sealed = cap.seal_next(b"hello", &mut world.rng).unwrap();
    let id = *sealed.id();

    let (surb, keys) = world.surb();
    assert_eq!(world.ask(&mut store, &Command::Read { surb, id }, &keys), Reply::NotFound);
    let (write, keys) = world.write(sealed.clone());
    assert_eq!(world.ask(&mut store, &write, &keys), Reply::Stored);
    let (write, keys) = world.write(sealed.clone());
    assert_eq!(world.ask(&mut store, &write, &keys), Reply::AlreadyStored);
    let (surb, keys) = world.surb();
    assert_eq!(world.ask(&mut store, &Command::Read { surb, id }, &keys), Reply::Found(sealed));
    let (surb, keys) = world.surb();
    let withdraw = Command::Tombstone { surb, tombstone: tombstone.clone() };
    assert_eq!(world.ask(&mut store, &withdraw, &keys), Reply::Stored);
    let (surb, keys) = world.surb();
    assert_eq!(world.ask(&mut store, &Command::Read { surb, id }, &keys), Reply::Tombstoned(tombstone));

    let report = world.mailbox.report(world.now);
    assert!(report.ledger.balanced());
    assert_eq!(report.ledger.delivered["read"], 3);
    assert_eq!(report.ledger.delivered["write"], 2);
    assert_eq!(report.ledger.delivered["tombstone"], 1);
    assert_eq!(report.ledger.originated["reply"], 6);
    assert_eq!(report.answers["found"], 1);
}

#[test]
fn a_forged_box_or_tombstone_is_refused_and_changes_nothing() {
    let (mut world, mut store) = (World::new(2), memory());
    let (real, other) = (world.sealed(), world.sealed());
    // The signature and ciphertext of another box under this box's id.
    let mut bytes = other.to_bytes();
    bytes[..32].copy_from_slice(real.id().as_bytes());
    let forged = SealedBox::from_bytes(&bytes).unwrap();
    let (write, keys) = world.write(forged);
    assert_eq!(world.ask(&mut store, &write, &keys), Reply::Refused(RefusalCode::BadSignature));
    let (write, keys) = world.write(real.clone());
    assert_eq!(world.ask(&mut store, &write, &keys), Reply::Stored);

    let strangers = WriteCap::generate(&mut world.rng).next_tombstone_key().tombstone();
    let mut bytes = strangers.to_bytes();
    bytes[..32].copy_from_slice(real.id().as_bytes());
    let (surb, keys) = world.surb();
    let withdraw = Command::Tombstone { surb, tombstone: Tombstone::from_bytes(&bytes).unwrap() };
    assert_eq!(world.ask(&mut store, &withdraw, &keys), Reply::Refused(RefusalCode::BadSignature));
    let (surb, keys) = world.surb();
    let read = Command::Read { surb, id: *real.id() };
    assert_eq!(world.ask(&mut store, &read, &keys), Reply::Found(real));
}

#[test]
fn an_id_of_small_order_is_refused() {
    let (mut world, mut store) = (World::new(3), memory());
    let mut bytes = world.sealed().to_bytes();
    bytes[..32].fill(0);
    bytes[0] = 1; // the neutral element
    let (write, keys) = world.write(SealedBox::from_bytes(&bytes).unwrap());
    assert_eq!(world.ask(&mut store, &write, &keys), Reply::Refused(RefusalCode::BadSignature));
    assert_eq!(store.usage().unwrap().records(), 0);
}

#[test]
fn a_full_store_is_said_so() {
    let (mut world, mut store) = (World::new(4), MemoryStore::new(1));
    let (first, second) = (world.sealed(), world.sealed());
    let (write, keys) = world.write(first);
    assert_eq!(world.ask(&mut store, &write, &keys), Reply::Stored);
    let (write, keys) = world.write(second);
    assert_eq!(world.ask(&mut store, &write, &keys), Reply::Refused(RefusalCode::QuotaFull));
}

#[test]
fn boxes_expire_with_their_class() {
    let (mut world, mut store) = (World::new(5), memory());
    let hour = Duration::from_secs(3600);
    for (ttl, days) in [(TtlClass::Day, 1), (TtlClass::Week, 7), (TtlClass::Fortnight, 14)] {
        let sealed = world.sealed();
        let (surb, keys) = world.surb();
        world.ask(&mut store, &Command::Write { surb, ttl, sealed: sealed.clone() }, &keys);
        let read = StoreOp::Read { id: *sealed.id() };
        let end = T0 + Duration::from_secs(days * 86_400);
        let found = |store: &mut MemoryStore, at| {
            let results = store.apply(at, std::slice::from_ref(&read)).unwrap();
            matches!(results[0], sotto_mailbox::store::StoreResult::Found(_))
        };
        assert!(found(&mut store, end - hour), "{ttl:?}");
        assert!(!found(&mut store, end), "{ttl:?}: never longer than its class");
    }
}

#[test]
fn a_store_failure_is_said_to_the_client_and_in_the_ledger() {
    let mut world = World::new(6);
    let sealed = world.sealed();
    let (write, keys) = world.write(sealed);
    world.deliver(&write.to_text()).unwrap();
    let batch = world.mailbox.take_batch().unwrap();
    world.mailbox.handle_results(batch.id, Err(StoreError::Io { why: "no space".to_owned() }));
    let (_, packet) = world.sends().remove(0);
    assert_eq!(world.open(packet, &keys), Reply::Refused(RefusalCode::StoreFailed));
    assert_eq!(world.dropped("store-failed"), 1);
    assert!(world.mailbox.report(T0).ledger.balanced());
}

#[test]
fn results_that_are_missing_count_as_failures() {
    let mut world = World::new(7);
    let mut keys = Vec::new();
    for _ in 0..2 {
        let sealed = world.sealed();
        let (write, key) = world.write(sealed);
        world.deliver(&write.to_text()).unwrap();
        keys.push(key);
    }
    let batch = world.mailbox.take_batch().unwrap();
    let mut results = memory().apply(T0, &batch.ops).unwrap();
    results.pop();
    world.mailbox.handle_results(batch.id, Ok(results));
    let sends = world.sends();
    assert_eq!(sends.len(), 2);
    let replies: Vec<Reply> =
        sends.into_iter().zip(&keys).map(|((_, packet), keys)| world.open(packet, keys)).collect();
    assert_eq!(replies, [Reply::Stored, Reply::Refused(RefusalCode::StoreFailed)]);
}

#[test]
fn every_answer_is_one_packet_of_one_size_to_the_same_hop() {
    let (mut world, mut store) = (World::new(8), MemoryStore::new(2));
    let mut cap = WriteCap::generate(&mut world.rng);
    let mut twin = WriteCap::from_bytes(cap.to_bytes().as_slice()).unwrap();
    let tombstone = cap.next_tombstone_key().tombstone();
    let sealed = cap.seal_next(b"a", &mut world.rng).unwrap();
    let conflicting = twin.seal_next(b"b", &mut world.rng).unwrap();
    let (second, third) = (world.sealed(), world.sealed());
    let id = *sealed.id();
    let mut forged = second.to_bytes();
    forged[40] ^= 1;
    let forged = SealedBox::from_bytes(&forged).unwrap();

    let mut expected_answers = Vec::new();
    let decoy = BoxId::decoy(&mut world.rng);
    let steps: Vec<(&str, MakeCommand)> = vec![
        ("not-found", Box::new(move |surb| Command::Read { surb, id: decoy })),
        ("bad-signature", write_of(forged)),
        ("stored", write_of(sealed.clone())),
        ("already-stored", write_of(sealed)),
        ("conflict", write_of(conflicting)),
        ("found", Box::new(move |surb| Command::Read { surb, id })),
        ("stored", write_of(second)),
        ("quota-full", write_of(third)),
        ("stored", Box::new(move |surb| Command::Tombstone { surb, tombstone: tombstone.clone() })),
        ("tombstoned", Box::new(move |surb| Command::Read { surb, id })),
    ];
    for (label, command) in steps {
        let (surb, _) = world.surb();
        world.deliver(&command(surb).to_text()).unwrap();
        assert!(world.sends().is_empty(), "{label}: nothing is said before the batch is durable");
        let batch = world.mailbox.take_batch().unwrap();
        assert_eq!(batch.ops.len(), 1, "{label}: every command is one operation on the store");
        let results = store.apply(T0, &batch.ops);
        world.mailbox.handle_results(batch.id, results);
        let sends = world.sends();
        assert_eq!(sends.len(), 1, "{label}");
        assert_eq!(sends[0].0, world.node(LAYER_1), "{label}");
        assert_eq!(sends[0].1.as_bytes().len(), PACKET_LEN, "{label}");
        expected_answers.push(label);
    }
    let answers = world.mailbox.report(T0).answers;
    for label in &expected_answers {
        let count = expected_answers.iter().filter(|other| other == &label).count();
        assert_eq!(answers[*label], u64::try_from(count).unwrap(), "{label}");
    }
}

/// A command that waits for its reply block.
type MakeCommand = Box<dyn Fn(Surb) -> Command>;

fn write_of(sealed: SealedBox) -> MakeCommand {
    Box::new(move |surb| Command::Write { surb, ttl: TtlClass::Day, sealed: sealed.clone() })
}

#[test]
fn cover_is_discarded_without_an_answer() {
    let mut world = World::new(9);
    world.deliver(&Command::Drop.to_text()).unwrap();
    assert!(world.mailbox.take_batch().is_none());
    assert!(world.sends().is_empty());
    assert_eq!(world.mailbox.report(T0).ledger.delivered["drop"], 1);
}

#[test]
fn packets_without_a_consensus_or_after_its_grace_are_dropped() {
    let mut world = World::without_consensus(10);
    assert_eq!(world.deliver(&Command::Drop.to_text()), Err("no-consensus"));
    let consensus = world.consensus(T0);
    let grace_end = consensus.valid_until + Duration::from_secs(consensus.params.grace_s.into());
    world.mailbox.handle_consensus(T0, consensus, &mut world.rng);
    world.now = grace_end - Duration::from_micros(1);
    assert_eq!(world.deliver(&Command::Drop.to_text()), Ok(()));
    world.now = grace_end;
    assert_eq!(world.deliver(&Command::Drop.to_text()), Err("consensus-expired"));
}

#[test]
fn only_the_last_layer_may_send() {
    let mut world = World::new(11);
    for from in [Place::Entry, LAYER_1, LAYER_2, Place::Mailbox] {
        let packet = world.packet(&Command::Drop.to_text());
        assert_eq!(world.deliver_packet(from, packet), Err("source-illegal"), "{from:?}");
    }
    let stranger = sotto_protocol::ident::NodeSecret::generate(&mut world.rng).id();
    let packet = world.packet(&Command::Drop.to_text());
    let refusal = world.mailbox.handle_packet(T0, Source::Node(stranger), packet).unwrap_err();
    assert_eq!(refusal.label(), "source-illegal");
    assert_eq!(world.dropped("source-illegal"), 5);
}

#[test]
fn a_source_of_the_previous_consensus_may_send_until_its_grace_is_over() {
    let mut world = World::new(12);
    let next = T0 + Duration::from_secs(3600);
    for member in &mut world.members {
        member.place = match member.place {
            Place::Mix { layer } => Place::Mix { layer: layer % 3 + 1 },
            other => other,
        };
    }
    let consensus = world.consensus(next);
    world.mailbox.handle_consensus(next, consensus, &mut world.rng);
    world.now = next;
    // What was layer 3 is layer 1 now, and what was layer 2 is layer 3.
    for (from, expected) in [(LAYER_1, Ok(())), (LAYER_3, Ok(())), (LAYER_2, Err("source-illegal"))] {
        let packet = world.packet(&Command::Drop.to_text());
        assert_eq!(world.deliver_packet(from, packet), expected, "{from:?}");
    }
    // The mailbox's key of this epoch still opens packets then, the old neighbour does not count any more.
    let later = next + Duration::from_secs(3600);
    let consensus = world.consensus(later);
    world.mailbox.handle_consensus(later, consensus, &mut world.rng);
    world.now = later;
    let packet = world.packet(&Command::Drop.to_text());
    assert_eq!(world.deliver_packet(LAYER_1, packet), Err("source-illegal"));
}

#[test]
fn links_to_the_first_layer_of_the_previous_consensus_stay_until_its_grace_is_over() {
    let mut world = World::new(15);
    let first = |world: &World| -> Vec<_> {
        let members = world.members.iter().filter(|member| member.place == LAYER_1);
        members.map(|member| member.id).collect()
    };
    let linked = |world: &World| -> Vec<_> { world.mailbox.links(world.now).into_keys().collect() };
    let sorted = |mut nodes: Vec<_>| {
        nodes.sort_unstable();
        nodes
    };
    let before = first(&world);
    assert_eq!(linked(&world), sorted(before.clone()));
    for member in &mut world.members {
        if let Place::Mix { layer } = &mut member.place {
            *layer = *layer % 3 + 1;
        }
    }
    world.now = T0 + Duration::from_secs(3600);
    let consensus = world.consensus(world.now);
    world.mailbox.handle_consensus(world.now, consensus, &mut world.rng);
    let after = first(&world);
    assert_eq!(linked(&world), sorted([before, after.clone()].concat()));
    world.now = world.now + Duration::from_secs(2 * 3600);
    let consensus = world.consensus(world.now);
    world.mailbox.handle_consensus(world.now, consensus, &mut world.rng);
    assert_eq!(linked(&world), sorted(after));
}

#[test]
fn a_packet_that_is_not_for_this_mailbox_is_dropped() {
    let mut world = World::new(13);
    let packet = world.packet_through(LAYER_1);
    assert_eq!(world.deliver_packet(LAYER_3, packet), Err("not-final"));
    let other = *world.node(Place::Entry).as_bytes();
    let packet = world.packet_to(other, &Command::Drop.to_text());
    assert_eq!(world.deliver_packet(LAYER_3, packet), Err("destination"));
}

#[test]
fn a_replayed_packet_is_dropped() {
    let mut world = World::new(14);
    let packet = world.packet(&Command::Drop.to_text());
    assert_eq!(world.deliver_packet(LAYER_3, packet.clone()), Ok(()));
    assert_eq!(world.deliver_packet(LAYER_3, packet), Err("replayed"));
}

#[test]
fn a_tagged_packet_is_dropped() {
    let mut world = World::new(15);
    let clean = world.packet(&Command::Drop.to_text());
    let flipped = |at: usize| {
        let mut bytes = *clean.as_bytes();
        bytes[at] ^= 1;
        Packet::from_slice(&bytes).unwrap()
    };
    assert_eq!(world.deliver_packet(LAYER_3, flipped(100)), Err("header-mac"));
    assert_eq!(world.deliver_packet(LAYER_3, flipped(1000)), Err("payload-tag"));
}

#[test]
fn a_text_that_is_no_command_is_dropped_with_its_label() {
    let mut world = World::new(16);
    let good = Command::Drop.to_text();
    let changed = |at: usize, value: u8| {
        let mut text = good.clone();
        text[at] = value;
        text
    };
    assert_eq!(world.deliver(b"short"), Err("command-length"));
    assert_eq!(world.deliver(&changed(0, 9)), Err("command-version"));
    assert_eq!(world.deliver(&changed(1, 4)), Err("unsupported-command"));
    assert_eq!(world.deliver(&changed(1, 99)), Err("command-kind"));
    assert_eq!(world.deliver(&changed(2000, 1)), Err("command-padding"));
    assert!(world.mailbox.report(T0).ledger.balanced());
}

#[test]
fn a_reply_block_that_leads_elsewhere_is_not_used_and_its_command_not_done() {
    let (mut world, mut store) = (World::new(17), memory());
    for first_hop in [Place::Entry, LAYER_2, LAYER_3, Place::Mailbox] {
        let (surb, _) = world.surb_from(first_hop);
        let sealed = world.sealed();
        let command = Command::Write { surb, ttl: TtlClass::Day, sealed };
        assert_eq!(world.deliver(&command.to_text()), Err("surb-first-hop"), "{first_hop:?}");
    }
    assert!(world.settle(&mut store).is_empty());
    assert_eq!(store.usage().unwrap().records(), 0);
}

#[test]
fn one_batch_is_in_flight_and_what_comes_meanwhile_makes_up_the_next() {
    let (mut world, mut store) = (World::new(18), memory());
    let read = |world: &mut World| {
        let (surb, _) = world.surb();
        let id = BoxId::decoy(&mut world.rng);
        world.deliver(&Command::Read { surb, id }.to_text()).unwrap();
    };
    read(&mut world);
    let first = world.mailbox.take_batch().unwrap();
    for _ in 0..BATCH_OPS_MAX + 3 {
        read(&mut world);
    }
    assert!(world.mailbox.take_batch().is_none(), "one batch at a time");
    assert_eq!(world.mailbox.report(T0).ledger.held, u64::try_from(BATCH_OPS_MAX + 4).unwrap());
    let results = store.apply(T0, &first.ops);
    world.mailbox.handle_results(first.id, results);
    let second = world.mailbox.take_batch().unwrap();
    assert_eq!(second.ops.len(), BATCH_OPS_MAX);
    // Results of a batch that is not in flight belong to nobody.
    world.mailbox.handle_results(first.id, Ok(Vec::new()));
    assert!(world.mailbox.take_batch().is_none());
    let results = store.apply(T0, &second.ops);
    world.mailbox.handle_results(second.id, results);
    assert_eq!(world.mailbox.take_batch().unwrap().ops.len(), 3);
    assert!(world.mailbox.report(T0).ledger.balanced());
}

#[test]
fn beyond_the_queue_packets_are_dropped_as_busy() {
    let mut world = World::new(19);
    for _ in 0..PENDING_MAX {
        let (surb, _) = world.surb();
        let id = BoxId::decoy(&mut world.rng);
        world.deliver(&Command::Read { surb, id }.to_text()).unwrap();
    }
    assert_eq!(world.deliver(&Command::Drop.to_text()), Err("busy"));
    let batch = world.mailbox.take_batch().unwrap();
    assert_eq!(world.deliver(&Command::Drop.to_text()), Err("busy"), "what is in flight counts");
    let results = memory().apply(T0, &batch.ops);
    world.mailbox.handle_results(batch.id, results);
    assert_eq!(world.deliver(&Command::Drop.to_text()), Ok(()));
}

#[test]
fn garbage_is_collected_in_steps_with_pauses() {
    let mut world = World::new(20);
    world.mailbox.quiesce();
    let collect = |mailbox: &mut Mailbox, rng: &mut rand_chacha::ChaCha20Rng, now| {
        mailbox.handle_timeout(now, rng);
        match mailbox.poll_action() {
            Some(Action::CollectGarbage { records_max }) => Some(records_max),
            None => None,
            Some(other) => panic!("{other:?}"),
        }
    };
    let World { mailbox, rng, .. } = &mut world;
    assert_eq!(mailbox.poll_timeout(), T0);
    assert_eq!(collect(mailbox, rng, T0), Some(GC_BATCH_MAX));
    assert_eq!(collect(mailbox, rng, T0 + GC_INTERVAL), None, "one collection at a time");
    mailbox.handle_garbage(T0, GC_BATCH_MAX);
    assert_eq!(mailbox.poll_timeout(), T0 + GC_PAUSE, "a full step is soon followed by another");
    assert_eq!(collect(mailbox, rng, T0 + GC_PAUSE), Some(GC_BATCH_MAX));
    mailbox.handle_garbage(T0, 1);
    assert_eq!(mailbox.poll_timeout(), T0 + GC_INTERVAL);
    assert_eq!(mailbox.report(T0).collected, u64::try_from(GC_BATCH_MAX + 1).unwrap());
}

#[test]
fn dummies_go_to_the_first_layer_at_the_networks_rate() {
    let mut world = World::new(21);
    let World { mailbox, rng, .. } = &mut world;
    let end = T0 + Duration::from_secs(1000);
    let mut counts = std::collections::BTreeMap::new();
    while mailbox.poll_timeout() < end {
        let now = mailbox.poll_timeout();
        mailbox.handle_timeout(now, rng);
        while let Some(action) = mailbox.poll_action() {
            match action {
                Action::Dummy { to } => *counts.entry(to).or_insert(0u32) += 1,
                Action::CollectGarbage { .. } => mailbox.handle_garbage(now, 0),
                Action::Send { .. } | Action::Deliver { .. } | Action::Unanswered { .. } => {
                    panic!("nothing was asked")
                }
            }
        }
    }
    let first_layer: Vec<_> =
        world.members.iter().filter(|member| member.place == LAYER_1).map(|member| member.id).collect();
    assert_eq!(counts.len(), first_layer.len());
    for id in first_layer {
        // A Poisson count of mean 1000: five standard deviations.
        assert!((840..=1160).contains(&counts[&id]), "{}", counts[&id]);
    }
    world.mailbox.quiesce();
    world.mailbox.handle_garbage(end, 0);
    assert_eq!(world.mailbox.poll_timeout(), end + GC_INTERVAL, "quiet: no dummy is due");
}

#[test]
fn a_retired_key_does_not_come_back() {
    let mut world = World::new(22);
    let later = T0 + Duration::from_secs(2 * 3600);
    let consensus = world.consensus(later);
    world.mailbox.handle_consensus(later, consensus, &mut world.rng);
    let epochs: Vec<u64> = world.mailbox.public_keys().into_iter().map(|(epoch, _)| epoch).collect();
    let now_epoch = sotto_protocol::directory::epoch_of(later, 3600);
    assert_eq!(epochs, [now_epoch - 1, now_epoch]);
    let fresh = HopSecret::generate(&mut world.rng);
    assert!(!world.mailbox.install_key(now_epoch - 2, fresh));
}

#[test]
fn an_older_consensus_changes_nothing() {
    let mut world = World::new(23);
    let later = T0 + Duration::from_secs(3600);
    let (old, new) = (world.consensus(T0), world.consensus(later));
    world.mailbox.handle_consensus(later, new.clone(), &mut world.rng);
    world.mailbox.handle_consensus(later, old, &mut world.rng);
    assert_eq!(world.mailbox.report(later).consensus_epoch, Some(new.epoch));
}
