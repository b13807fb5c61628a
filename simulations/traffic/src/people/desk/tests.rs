mod net;

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::scenario::{ClientClass, Contacts, Mailboxes, Network};
use net::{Net, SECOND, desk, scenario};

fn digests(count: u32, replicas: u32) -> Mailboxes {
    Mailboxes { count, replicas, notice: Notice::Digest { interval_s: 10.0 } }
}

fn polling(count: u32, replicas: u32) -> Mailboxes {
    Mailboxes { count, replicas, notice: Notice::Polling }
}

/// Everybody writes to each of its contacts, some several messages at once.
fn write_to_all(net: &mut Net, scenario: &Scenario) -> u32 {
    let addressees = Addressees::new(scenario, Seed::new(6)).unwrap();
    let mut messages = 0;
    for user in 0..net.clients {
        for contact in addressees.contacts(user) {
            for _ in 0..1 + user % 3 {
                assert_eq!(net.desk.written(net.now, user, *contact), messages);
                messages += 1;
            }
        }
    }
    messages
}

#[test]
fn every_message_is_laid_into_all_replicas_and_read_exactly_once() {
    for mailboxes in [polling(4, 3), digests(4, 3), polling(1, 2), digests(2, 1)] {
        let replicas = mailboxes.replicas.min(mailboxes.count) as usize;
        let scenario = scenario(12, Contacts::Uniform { count: 3 }, mailboxes);
        let mut net = Net::new(&scenario);
        let messages = write_to_all(&mut net, &scenario);
        net.run(400);
        assert_eq!(net.received.len(), messages as usize, "{:?}", scenario.mailboxes);
        assert_eq!(net.found(), messages as usize, "{:?}", scenario.mailboxes);
        for message in 0..messages {
            let places: BTreeSet<Party> =
                net.stored.iter().filter(|(number, _)| *number == message).map(|(_, place)| *place).collect();
            assert_eq!(places.len(), replicas);
            assert_eq!(net.releases(message), 1);
        }
        assert_eq!(net.stored.len(), messages as usize * replicas);
        let writes = net.sent.iter().filter(|(_, _, load)| matches!(load, Load::Write { .. })).count();
        assert_eq!(writes, net.stored.len(), "none was sent twice");
        assert_eq!(net.desk.under_way(), 0);
    }
}

#[test]
fn four_slots_of_five_write_while_messages_wait() {
    let pattern = |mailboxes: Mailboxes, slots: u32| -> String {
        let scenario = scenario(4, Contacts::Uniform { count: 2 }, mailboxes);
        let mut desk = desk(&scenario);
        (0..12).for_each(|_| {
            desk.written(SimTime::ZERO, 0, 1);
        });
        let load = |_| match desk.slot(SimTime::ZERO, 0) {
            Load::Write { .. } => 'w',
            Load::Read { .. } => 'r',
            _ => '-',
        };
        (0..slots).map(load).collect()
    };
    assert_eq!(pattern(polling(2, 1), 16), "wwwwrwwwwrwwwwrr");
    // With digests nothing waits to be asked for before one has come.
    assert_eq!(pattern(digests(2, 1), 14), "wwwwwwwwwwwwrr");
}

#[test]
fn contacts_are_polled_in_turn_and_their_mailboxes_too() {
    let scenario = scenario(6, Contacts::Uniform { count: 5 }, polling(3, 2));
    let mut net = Net::new(&scenario);
    net.run(100);
    let of_one: Vec<(Party, u64)> = net
        .sent
        .iter()
        .filter(|(_, client, _)| *client == 2)
        .map(|(_, _, load)| match load {
            Load::Read { mailbox, name, message: None } => (*mailbox, *name),
            other => panic!("{other:?}"),
        })
        .collect();
    let names: BTreeSet<u64> = of_one.iter().map(|(_, name)| *name).collect();
    let expected: BTreeSet<u64> =
        [0, 1, 3, 4, 5].map(|peer| net.desk.places.of(peer, 2, 0).name).into_iter().collect();
    // Five contacts, and answers within five slots: nothing is left for decoys.
    assert_eq!(names, expected);
    for round in of_one.windows(5) {
        assert_eq!(round.iter().map(|(_, name)| name).collect::<BTreeSet<_>>().len(), 5);
    }
    for (one, next) in of_one.iter().zip(&of_one[5..]) {
        assert!(one.1 == next.1 && one.0 != next.0);
    }
}

#[test]
fn decoys_fill_slots_that_contacts_leave_and_are_asked_for_again() {
    let scenario = scenario(2, Contacts::Pairs, polling(2, 1));
    let mut net = Net::new(&scenario);
    net.run(60);
    let real = net.desk.places.of(1, 0, 0).name;
    let mut counts: BTreeMap<u64, u32> = BTreeMap::new();
    for (_, _, load) in net.sent.iter().filter(|(_, client, _)| *client == 0) {
        let Load::Read { name, .. } = load else { panic!("{load:?}") };
        *counts.entry(*name).or_default() += 1;
    }
    // An answer takes two seconds: one decoy shares the slots with the contact, turn by turn.
    assert_eq!(counts.len(), 2, "{counts:?}");
    assert!(counts.values().all(|count| *count == 30), "{counts:?}");
    assert!(counts.contains_key(&real));
}

#[test]
fn with_digests_only_what_was_told_of_is_asked_for() {
    let scenario = scenario(10, Contacts::Uniform { count: 3 }, digests(2, 2));
    let mut net = Net::new(&scenario);
    let messages = write_to_all(&mut net, &scenario);
    net.run(590);
    assert_eq!(net.received.len(), messages as usize);
    let mut probed = 0;
    for client in 0..10 {
        let contacts = net.desk.clients[client as usize].inbox.clone();
        let is_next = |name: u64| {
            (0..10)
                .filter(|peer| contacts.clone().with(*peer).is_some())
                .any(|peer| (0..8).any(|index| net.desk.places.of(peer, client, index).name == name))
        };
        let missing: Vec<u64> = net
            .events
            .iter()
            .filter(|event| !event.is_write && !event.found)
            .filter(|event| is_next(event.name))
            .map(|event| event.name)
            .collect();
        // One round of probes in the interval, and no polling besides.
        assert!(missing.len() <= 9, "{missing:?}");
        probed += missing.len();
    }
    assert!(probed > 10, "{probed}");
}

#[test]
fn a_command_or_an_answer_that_is_blocked_goes_again() {
    for mailboxes in [polling(2, 2), digests(2, 2), digests(2, 1)] {
        let scenario = scenario(6, Contacts::Uniform { count: 2 }, mailboxes);
        let patience_s = desk(&scenario).patience.as_secs_f64();
        let seconds = 1000.0 + 4.0 * patience_s;
        // Of the first passages each in turn is blocked, be it a write, a question or an answer.
        for first in 0..6 {
            let mut net = Net::new(&scenario);
            net.blocked = (0..200).filter(|number| number % 6 == first).collect();
            let messages = write_to_all(&mut net, &scenario);
            (0..).take_while(|step| f64::from(*step) < seconds).for_each(|_| net.step());
            assert_eq!(net.received.len(), messages as usize, "{:?}, {first}", scenario.mailboxes);
            assert_eq!(net.desk.under_way(), 0);
            assert!((0..messages).all(|message| net.releases(message) == 1));
        }
    }
}

#[test]
fn both_mailboxes_may_be_asked_at_once_and_the_message_is_received_once() {
    let mut desk = desk(&scenario(2, Contacts::Pairs, polling(2, 2)));
    let message = desk.written(SECOND, 0, 1);
    let serve = |client: u32, desk: &mut Desk| {
        let load = desk.slot(SECOND, client);
        let mailbox = load.target().unwrap();
        (mailbox, desk.command(SECOND, mailbox, &load, WireId(0)).unwrap().answer)
    };
    // The sender does not hear of its writes, so that the message is under way for long.
    serve(0, &mut desk);
    serve(0, &mut desk);
    let (one, other) = (serve(1, &mut desk), serve(1, &mut desk));
    assert_ne!(one.0, other.0);
    for (mailbox, answer) in [one, other] {
        assert!(matches!(answer, Answer::Found { mailbox: found, message: Some(0), .. } if found == mailbox));
    }
    assert_eq!(desk.answered(SECOND, 0, &one.1), None, "not its own");
    assert_eq!(desk.answered(SECOND, 1, &one.1), Some((message, MessageEvent::Received)));
    assert_eq!(desk.answered(SECOND, 1, &other.1), None);
    assert_eq!(desk.under_way(), 1);
}

#[test]
fn what_is_read_out_of_order_does_not_stop_the_stream() {
    let scenario = scenario(2, Contacts::Pairs, digests(1, 1));
    let mut net = Net::new(&scenario);
    // The write of the first message is blocked, so the second is told of and read first.
    net.blocked.insert(0);
    let (first, second) = (net.desk.written(net.now, 0, 1), net.desk.written(net.now, 0, 1));
    net.run(200);
    assert!(net.received[&second] < net.received[&first]);
    let third = net.desk.written(net.now, 0, 1);
    net.run(30);
    assert!(net.received.contains_key(&third));
    assert_eq!(net.desk.under_way(), 0);
    assert_eq!(net.desk.clients[1].inbox.with(0).unwrap().next, 3);
}

#[test]
fn memory_grows_with_messages_under_way_and_not_with_messages() {
    for mailboxes in [polling(3, 2), digests(3, 2)] {
        let scenario = scenario(10, Contacts::Uniform { count: 3 }, mailboxes);
        let addressees = Addressees::new(&scenario, Seed::new(6)).unwrap();
        let most = |rounds: u32| {
            let (mut net, mut most, mut last) = (Net::new(&scenario), 0, 0);
            for round in 0..rounds {
                for user in 0..10 {
                    let contacts = addressees.contacts(user);
                    last = net.desk.written(net.now, user, contacts[round as usize % contacts.len()]);
                }
                net.run(20);
                net.sent.clear();
                net.events.clear();
                let entries = |client: &Client| client.outbox.len() + client.inbox.len();
                most = most.max(net.desk.under_way() + net.desk.clients.iter().map(entries).sum::<usize>());
            }
            assert_eq!(last, rounds * 10 - 1);
            most
        };
        let (short, long) = (most(50), most(1000));
        assert!(long <= short + short / 4 + 20, "{:?}: {short} {long}", scenario.mailboxes);
    }
}

#[test]
fn equivocation_delays_exactly_the_victims_messages_in_that_mailbox() {
    // Users 0 to 9 write to 10 to 19, so that what readers do changes no writing.
    let scenario = scenario(20, Contacts::Uniform { count: 1 }, digests(2, 1));
    let corrupt = scenario.layout().mailbox(0);
    let victims = [12, 15, 17];
    let run = |interference: Option<Interference>| {
        let mut net = Net::new(&scenario);
        interference.iter().for_each(|interference| net.desk.interfere(interference));
        for sender in 0..10 {
            (0..6).for_each(|_| {
                net.desk.written(net.now, sender, sender + 10);
            });
        }
        net.run(1300);
        assert_eq!(net.received.len(), 60);
        net
    };
    let clients = victims.map(|client| scenario.layout().client(client)).to_vec();
    let plain = run(None);
    let attacked = run(Some(Interference::Equivocate { mailbox: corrupt, clients }));
    let mut delayed = 0;
    for (message, at) in &plain.received {
        let mailbox = plain.stored.iter().find(|(number, _)| number == message).unwrap().1;
        let recipient = 10 + message / 6;
        if mailbox == corrupt && victims.contains(&recipient) {
            delayed += u32::from(attacked.received[message] > *at);
        } else if victims.contains(&recipient) {
            assert!(attacked.received[message] <= *at);
        } else {
            assert_eq!(attacked.received[message], *at);
        }
    }
    let hidden = plain
        .stored
        .iter()
        .filter(|(message, mailbox)| *mailbox == corrupt && victims.contains(&(10 + message / 6)));
    assert_eq!(delayed as usize, hidden.count());
    assert!(delayed > 3);
}

#[test]
fn who_was_offline_when_a_digest_came_probes_when_it_is_back() {
    let scenario = scenario(2, Contacts::Pairs, digests(2, 2));
    let mut net = Net::new(&scenario);
    net.set_online(1, false);
    (0..5).for_each(|_| {
        net.desk.written(net.now, 0, 1);
    });
    net.run(25);
    assert_eq!(net.stored.len(), 10);
    net.set_online(1, true);
    // Each box is asked for once the one before has come.
    net.run(4);
    assert_eq!(net.received.len(), 1);
    net.run(12);
    assert_eq!(net.received.len(), 5);
}

#[test]
fn without_slots_writes_leave_at_once_and_contacts_are_asked_in_rounds() {
    for (mailboxes, replicas) in [(polling(2, 2), 2), (digests(2, 2), 2)] {
        let mut scenario = scenario(5, Contacts::Uniform { count: 4 }, mailboxes);
        scenario.clients[0].payload_interval_ms_mean = 0.0;
        let mut net = Net::new(&scenario);
        assert_eq!(net.desk.urgent(net.now, 0), None);
        net.desk.written(net.now, 0, 3);
        let writes: Vec<Load> = std::iter::from_fn(|| net.desk.urgent(net.now, 0)).collect();
        assert_eq!(writes.len(), replicas);
        assert!(writes.iter().all(|load| load.kind() == crate::observer::PacketKind::Message));
        writes.into_iter().for_each(|load| net.send(0, load));
        let mut asked = 0;
        for second in 0..700_u32 {
            net.arrivals();
            for client in 0..5 {
                if second % 60 == 0 {
                    net.desk.round(net.now, client);
                }
                while let Some(load) = net.desk.urgent(net.now, client) {
                    asked += u32::from(client == 3);
                    net.send(client, load);
                }
            }
        }
        assert_eq!(net.received.len(), 1);
        assert_eq!(net.desk.under_way(), 0);
        match scenario.mailboxes.notice {
            // Twelve rounds of four contacts, and the box behind the one that came.
            Notice::Polling => assert_eq!(asked, 49),
            // The box that was told of, and a probe or two of four contacts.
            Notice::Digest { .. } => assert!(asked == 5 || asked == 9, "{asked}"),
        }
    }
}

#[test]
fn straight_delivery_has_messages_in_order_and_cover_otherwise() {
    let mut scenario = scenario(4, Contacts::Uniform { count: 2 }, polling(2, 2));
    scenario.network = Network { delivery: Delivery::Direct, ..Network::default() };
    let mut desk = desk(&scenario);
    assert_eq!(desk.slot(SECOND, 1), Load::Nothing);
    assert_eq!((desk.written(SECOND, 1, 2), desk.written(SECOND, 1, 3)), (0, 1));
    let straight =
        |message, recipient| Load::Straight { message, recipient: Party(recipient), is_first: true };
    let slots: Vec<Load> = (0..7).map(|_| desk.slot(SECOND, 1)).collect();
    assert_eq!(slots[..3], [straight(0, 2), straight(1, 3), Load::Nothing]);
    assert!(slots[3..].iter().all(|load| *load == Load::Nothing));
    assert_eq!(desk.command(SECOND, Party(2), &slots[0], WireId(0)), None);
    assert_eq!(desk.written(SECOND, 0, 1), 2);
    assert_eq!(desk.urgent(SECOND, 0), Some(straight(2, 1)));
    assert_eq!(desk.urgent(SECOND, 0), None);
    assert_eq!(desk.under_way(), 0);
    let mut draws = Seed::new(1).draws(crate::random::Purpose::Drops, 0);
    assert!((0..100).all(|_| scenario.layout().is_client(desk.drop_target(&mut draws))));
}

#[test]
fn boxes_stay_the_same_when_clients_are_added() {
    let small = scenario(4, Contacts::Uniform { count: 2 }, polling(5, 2));
    let mut large = small.clone();
    large.clients.push(ClientClass { name: "more".to_owned(), ..ClientClass::default() });
    let (one, other) = (desk(&small), desk(&large));
    let numbers = |desk: &Desk, place: &places::Place| -> Vec<u32> {
        place.mailboxes().iter().map(|mailbox| mailbox.0 - desk.layout.mailbox(0).0).collect()
    };
    for index in 0..100 {
        let (before, after) = (one.places.of(1, 2, index), other.places.of(1, 2, index));
        assert_eq!(before.name, after.name);
        assert_eq!(numbers(&one, &before), numbers(&other, &after));
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(32))]

    /// Whatever is blocked at first, and whoever comes and goes, in the end each message has been received once (the net
    /// of the tests refuses a second time), and nothing of it is kept.
    #[test]
    fn nothing_is_lost_or_kept(
        count in 1_u32..5,
        replicas in 1_u32..5,
        has_digests in proptest::bool::ANY,
        messages in proptest::collection::vec((0_u32..300, 0_u32..6, 0_u32..6), 1..40),
        blocked in proptest::collection::btree_set(0_u64..3000, 0..1000),
        absences in proptest::collection::vec((0_u32..300, 0_u32..6, 1_u32..200), 0..6),
    ) {
        let mailboxes = if has_digests { digests(count, replicas) } else { polling(count, replicas) };
        let scenario = scenario(6, Contacts::Uniform { count: 2 }, mailboxes);
        let mut net = Net::new(&scenario);
        net.blocked = blocked;
        for second in 0..2000 {
            for (_, sender, recipient) in messages.iter().filter(|(at, _, _)| *at == second) {
                // Strangers and oneself are written to, too.
                net.desk.written(net.now, *sender, *recipient);
            }
            for (from, client, length) in &absences {
                let away = absences.iter().any(|(from, other, length)| {
                    other == client && (*from..from + length).contains(&second)
                });
                if (*from == second || from + length == second) && away != net.offline.contains(client) {
                    net.set_online(*client, !away);
                }
            }
            net.step();
        }
        proptest::prop_assert_eq!(net.received.len(), messages.len());
        proptest::prop_assert_eq!(net.desk.under_way(), 0);
    }
}
