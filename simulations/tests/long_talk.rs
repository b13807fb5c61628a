//! Two people talk through loss, reordering, duplication and crashes: both have the same conversation in the end, and no
//! state that was claimed on the way was untrue.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, missing_docs)]
#![allow(clippy::print_stdout, reason = "the figures are worth a look")]

use std::time::Duration;

use sotto_client::core::{Event, MessageId, MessageState};
use sotto_simulations::talk::{Talk, TalkPlan};
use sotto_simulations::vnet::{Claim, VirtualNetwork};

/// How many messages each conversation has. `examples/ten_thousand.rs` holds a longer one.
const MESSAGES: usize = 300;

#[test]
fn both_histories_are_equal_and_every_state_was_true_at_every_moment() {
    for seed in 1..=2 {
        let plan = TalkPlan { seed, messages: MESSAGES, is_troubled: true };
        let report = Talk::begin(plan).unwrap().hold().unwrap();
        println!("seed {seed}: {report}");
        assert!(report.is_clean(), "seed {seed}: {report}");
        assert!(report.claims > 10 * MESSAGES as u64 && report.messages >= MESSAGES);
        assert!(report.people_crashed > 0 && report.nodes_crashed > 0, "{report}");
    }
}

/// Alice and Bob know each other, and Alice has written to Bob; nothing goes wrong.
fn written() -> (VirtualNetwork, MessageId) {
    let mut net = Talk::begin(TalkPlan { seed: 7, messages: 0, is_troubled: false }).unwrap().net;
    let message = net.send_text("alice", "bob", "is it so?").unwrap();
    net.follow("alice", message).unwrap();
    (net, message)
}

fn state(net: &mut VirtualNetwork, message: MessageId) -> MessageState {
    net.with_person("alice", |engine, _, _| engine.message(&message).unwrap().state).unwrap()
}

#[test]
fn a_claim_that_runs_ahead_or_stays_behind_is_caught_in_a_running_network() {
    use MessageState::{Conflict, Delivered, Queued, Read, Released, Stored, Unconfirmed};
    let (mut net, message) = written();
    let last = net.with_person("bob", |engine, _, _| engine.contacts()[0].messages).unwrap();
    let order = [Queued, Released, Stored, Delivered, Read];
    for (reached, now) in order.into_iter().enumerate() {
        if now == Read {
            net.mark_read("bob", "alice", last + 1).unwrap();
        }
        assert!(net.run_until(Duration::from_secs(600), |net| {
            let mut claimed = net.events("alice").unwrap().iter().rev();
            now == Queued
                || claimed
                    .any(|(_, event)| matches!(event, Event::MessageState { state, .. } if *state == now))
        }));
        assert_eq!(state(&mut net, message), now);
        let truth = net.truth().unwrap();
        let is_true = |state| truth.judge(Claim { message, state }, None).is_ok();
        assert!(is_true(now), "{now:?}");
        // What the mailboxes and the other side have done may be known here a little later only.
        let ahead: Vec<MessageState> =
            order[reached + 1..].iter().copied().filter(|state| is_true(*state)).collect();
        assert!(ahead.is_empty() || now > Queued, "{ahead:?}");
        assert_eq!(is_true(Queued), now == Queued, "{now:?}");
        assert_eq!(is_true(Read), now == Read, "{now:?}");
        assert!(!is_true(Conflict) && !is_true(Unconfirmed));
    }
    assert_eq!((net.falsehoods(), net.unseen()), (&[] as &[_], 0));
}

#[test]
fn what_the_checker_is_not_told_makes_it_fail() {
    let (mut net, message) = written();
    assert!(net.run_until(Duration::from_secs(600), |net| {
        let mut events = net.events("alice").unwrap().iter();
        events.any(|(_, event)| matches!(event, Event::MessageState { state: MessageState::Stored, .. }))
    }));
    let truth = net.truth().unwrap();
    let stored = Claim { message, state: MessageState::Stored };
    assert_eq!(truth.judge(stored, None), Ok(()));
    // Two of the three mailboxes are its replicas: without what one of them holds, or the letter, the claim is untrue.
    let without = (1..=3).map(|n| truth.without_holder(&net.node(&format!("mailbox-{n}")).unwrap()));
    assert_eq!(without.filter(|truth| truth.judge(stored, None).is_err()).count(), 2);
    assert!(truth.judge(Claim { message: MessageId::from_bytes([9; 16]), ..stored }, None).is_err());
}

#[test]
fn an_engine_that_lies_is_found_out_by_the_watch_itself() {
    let (mut net, message) = written();
    let said = |net: &mut VirtualNetwork, state| net.hear_say("alice", message, state).unwrap();
    said(&mut net, MessageState::Queued);
    assert_eq!(net.falsehoods(), []);
    for lie in [MessageState::Released, MessageState::Stored, MessageState::Delivered, MessageState::Read] {
        said(&mut net, lie);
    }
    let lies: Vec<String> = net.falsehoods().iter().map(|falsehood| falsehood.truth.to_owned()).collect();
    assert_eq!(
        lies,
        [
            "no packet of it has left",
            "a replica of a box of it has never held it",
            "the other side has not kept it",
            "the other user has not seen it"
        ]
    );
    net.run_for(Duration::from_secs(60));
    said(&mut net, MessageState::Queued);
    assert_eq!(net.falsehoods().last().unwrap().truth, "a packet of it has left");
}
