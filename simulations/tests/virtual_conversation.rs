//! Two people talk in the virtual network while it loses, reorders, crashes and changes epoch.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "how long a run takes is worth a look")]

use std::collections::BTreeSet;
use std::time::Duration;

use sotto_client::core::{Direction, Event, MessageId};
use sotto_protocol::ledger::LedgerReport;
use sotto_simulations::vnet::{Faults, VirtualNetwork, VnetPlan};
use sotto_transport::clock::Clock;

const DAY: Duration = Duration::from_secs(24 * 3600);
const MINUTE: Duration = Duration::from_secs(60);

/// A network in which Alice has invited Bob and both know each other.
fn acquainted(plan: VnetPlan) -> VirtualNetwork {
    let mut net = VirtualNetwork::found(plan).unwrap();
    net.add_person("alice").unwrap();
    net.add_person("bob").unwrap();
    let invite =
        net.with_person("alice", |engine, now, rng| engine.create_invite(now, "bob", DAY, rng)).unwrap();
    let link = invite.unwrap().link();
    net.with_person("bob", |engine, now, rng| engine.accept_invite(now, &link, "alice", rng))
        .unwrap()
        .unwrap();
    assert!(
        net.run_until(MINUTE, |net| {
            net.events("alice")
                .unwrap()
                .iter()
                .any(|(_, event)| matches!(event, Event::ContactEstablished { contact } if contact == "bob"))
        }),
        "alice never heard of bob"
    );
    net
}

fn received(net: &VirtualNetwork, name: &str) -> Vec<String> {
    net.events(name)
        .unwrap()
        .iter()
        .filter_map(|(_, event)| match event {
            Event::MessageReceived { message, .. } => Some(message.text.clone()),
            _ => None,
        })
        .collect()
}

/// How many messages of this person are stored, or known to have come: the receipt can be there before the mailboxes' answers.
fn stored(net: &VirtualNetwork, name: &str) -> usize {
    let events = net.events(name).unwrap().iter();
    let stored: BTreeSet<MessageId> = events
        .filter_map(|(_, event)| match event {
            Event::MessageState { message, state, .. } if state.is_stored() => Some(*message),
            _ => None,
        })
        .collect();
    stored.len()
}

/// Comes to rest, then checks every node's books and the flow between them.
fn audit(net: &mut VirtualNetwork) {
    net.quiesce();
    net.run_for(Duration::from_secs(10));
    let ledgers = net.ledgers();
    for (name, ledger) in &ledgers {
        assert!(ledger.balanced(), "{name}: {ledger:?}");
    }
    let sum = LedgerReport::sum(ledgers.iter().map(|(_, ledger)| ledger));
    let lost = i128::from(net.lost_between_nodes());
    assert_eq!(sum.on_the_wire(), lost, "sent between nodes, not arrived, and not known to be lost: {sum:?}");
}

#[test]
fn a_conversation_without_faults() {
    let mut net = acquainted(VnetPlan::small(1));
    let long: String = (0..20_000).map(|n| char::from(b'a' + (n % 26) as u8)).collect();
    let there: Vec<String> = vec!["hello".into(), String::new(), "дом 🏠".into(), long.clone()];
    let back: Vec<String> = vec!["hi".into(), long];
    for text in &there {
        net.send_text("alice", "bob", text).unwrap();
    }
    for text in &back {
        net.send_text("bob", "alice", text).unwrap();
    }
    let done = net.run_until(5 * MINUTE, |net| {
        received(net, "bob").len() == there.len()
            && received(net, "alice").len() == back.len()
            && stored(net, "alice") >= there.len()
            && stored(net, "bob") >= back.len()
    });
    assert!(done, "alice got {}, bob got {}", received(&net, "alice").len(), received(&net, "bob").len());
    assert_eq!(received(&net, "bob"), there);
    assert_eq!(received(&net, "alice"), back);

    let history = net.with_person("alice", |engine, _, _| engine.messages("bob", None)).unwrap().unwrap();
    let directions: Vec<Direction> = history.iter().map(|message| message.direction).collect();
    assert_eq!(directions.iter().filter(|direction| **direction == Direction::Out).count(), there.len());
    audit(&mut net);
}

/// A short conversation with 2 % loss on each of the nine links of a round trip, reordering, a crash of a mailbox and of a person.
fn troubled(seed: u64) -> VirtualNetwork {
    let faults = Faults {
        latency_min: Duration::from_millis(1),
        latency_max: Duration::from_millis(40),
        loss: 0.02,
        duplication: 0.0,
    };
    let mut net = acquainted(VnetPlan { faults, ..VnetPlan::small(seed) });
    let there = ["one", "two", "three"];
    for text in there {
        net.send_text("alice", "bob", text).unwrap();
    }
    net.crash_node("mailbox-1").unwrap();
    net.crash_person("alice").unwrap();
    net.run_for(Duration::from_millis(700));
    net.restart_person("alice").unwrap();
    net.restart_node("mailbox-1").unwrap();
    net.send_text("bob", "alice", "back").unwrap();
    let done = net.run_until(5 * MINUTE, |net| {
        received(net, "bob").len() >= there.len()
            && !received(net, "alice").is_empty()
            && stored(net, "alice") >= there.len()
            && stored(net, "bob") >= 1
    });
    assert!(done, "seed {seed}: {}", net.trace().text());
    assert_eq!(received(&net, "bob"), there, "seed {seed}");
    assert_eq!(received(&net, "alice"), ["back"], "seed {seed}");
    net
}

#[test]
fn loss_reordering_and_crashes_lose_nothing() {
    for seed in 10..16 {
        let clock = Clock::system();
        let begin = clock.now();
        let mut net = troubled(seed);
        println!(
            "seed {seed}: {:.1} s of virtual time in {:.2} s",
            net.elapsed().as_secs_f64(),
            clock.now().since(begin).as_secs_f64()
        );
        audit(&mut net);
    }
}

#[test]
fn one_seed_gives_one_trace_and_another_seed_another() {
    let (first, again, other) = (troubled(21), troubled(21), troubled(22));
    assert!(first.trace().text().lines().count() > 500);
    assert_eq!(first.trace(), again.trace());
    assert_ne!(first.trace().digest(), other.trace().digest());
}

#[test]
fn an_entry_and_a_whole_layer_go_away_and_come_back() {
    let mut net = acquainted(VnetPlan::small(31));
    for n in 1..=2 {
        net.crash_node(&format!("entry-{n}")).unwrap();
    }
    for n in 1..=6 {
        net.crash_node(&format!("mix-{n}")).unwrap();
    }
    let id = net.send_text("alice", "bob", "across the gap").unwrap();
    net.run_for(Duration::from_secs(20));
    let waiting = net.with_person("alice", |engine, now, _| engine.status(now).waiting).unwrap();
    assert_eq!(waiting.len(), 1);
    assert_eq!(waiting[0].message, Some(id));
    assert!(waiting[0].why.contains("entry"), "{}", waiting[0].why);
    for n in 1..=2 {
        net.restart_node(&format!("entry-{n}")).unwrap();
    }
    for n in 1..=6 {
        net.restart_node(&format!("mix-{n}")).unwrap();
    }
    assert!(net.run_until(5 * MINUTE, |net| !received(net, "bob").is_empty()));
    assert_eq!(received(&net, "bob"), ["across the gap"]);
    audit(&mut net);
}

#[test]
fn keys_and_layers_change_every_epoch_and_nothing_is_lost() {
    let mut plan = VnetPlan::small(41);
    plan.params.epoch_s = 20;
    plan.params.grace_s = 20;
    let mut net = acquainted(plan);
    let mut sent = Vec::new();
    for n in 0..8 {
        let text = format!("in the second {}", n * 9);
        net.send_text("alice", "bob", &text).unwrap();
        sent.push(text);
        net.run_for(Duration::from_secs(9));
    }
    assert!(net.run_until(MINUTE, |net| received(net, "bob").len() == sent.len()));
    assert_eq!(received(&net, "bob"), sent);
    assert!(net.trace().text().matches("epoch ").count() >= 3);
    audit(&mut net);
}
