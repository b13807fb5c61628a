//! What a recording holds, and that nothing of it is missing or twice.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[test]
fn a_recording_is_numbered_in_the_order_of_sending_and_hangs_together() {
    for scenario in variants() {
        let recorded = record(&scenario, Seed::new(1), None).unwrap();
        let (recording, layout) = (recorded.recording, recorded.layout);
        let (start, end) = recorded.window;
        assert_eq!(recording.wires.len(), recording.facts.len());
        assert!(recording.wires.len() > 500);
        for (number, wire) in (0..).zip(&recording.wires) {
            assert_eq!(wire.id, WireId(number));
            assert!(wire.sent < wire.arrived && wire.sent < end);
        }
        assert!(recording.wires.is_sorted_by_key(|wire| wire.sent));
        let wire = |id: WireId| &recording.wires[usize::try_from(id.0).unwrap()];
        let fact = |id: WireId| &recording.facts[usize::try_from(id.0).unwrap()];
        let mut outgoing = BTreeSet::new();
        let mut incoming = BTreeSet::new();
        for (node, before, after) in &recording.forwarded {
            assert_eq!((wire(*before).to, wire(*after).from), (*node, *node));
            assert_eq!(fact(*before), fact(*after));
            assert!(wire(*before).arrived <= wire(*after).sent && wire(*after).sent >= start);
            assert!(incoming.insert(before) && outgoing.insert(after));
        }
        // Every passage in the window is the first of its packet or has one before it.
        let mut seen = BTreeSet::new();
        for (wire, fact) in recording.wires.iter().zip(&recording.facts) {
            let is_first = seen.insert(fact.packet);
            assert!(wire.sent < start || outgoing.contains(&wire.id) != is_first);
        }
        // What is there from before the window was needed: it arrived, went on, or was still held within it.
        let mut gone = BTreeMap::new();
        for wire in recording.wires.iter().filter(|wire| wire.sent < start) {
            let is_held = layout.is_mix(wire.to) || wire.to == layout.tor();
            assert!(wire.arrived >= start || is_held);
            *gone.entry(incoming.contains(&wire.id) || wire.arrived >= start).or_insert(0_u32) += 1;
        }
        assert!(gone.contains_key(&true));
        for event in &recording.boxes {
            assert_eq!((wire(event.wire).to, wire(event.wire).arrived), (event.mailbox, event.at));
            assert!(event.at >= start);
        }
        assert_eq!(recording.boxes.is_empty(), scenario.network.delivery == Delivery::Direct);
        for pair in recording.presence.windows(2) {
            assert!(pair[0].from < pair[0].until);
            assert!(pair[0].client < pair[1].client || pair[0].until <= pair[1].from);
        }
    }
}

#[test]
fn a_client_that_is_always_there_is_there_from_beginning_to_end() {
    let recorded = record(&drops(1, 10.0), Seed::new(1), None).unwrap();
    assert_eq!(recorded.recording.presence.len(), 20);
    for presence in &recorded.recording.presence {
        assert_eq!((presence.from, presence.until), (SimTime::ZERO, recorded.window.1));
    }
}

#[test]
fn what_was_lost_before_the_window_is_not_kept() {
    let mut scenario = busy();
    scenario.warmup_s = 60.0;
    scenario.duration_s = 10.0;
    let recorded = record(&scenario, Seed::new(1), None).unwrap();
    let before: Vec<_> =
        recorded.recording.wires.iter().filter(|wire| wire.sent < recorded.window.0).collect();
    // Delays of a fifth of a second and frames each half: nothing takes so long.
    let oldest =
        before.iter().map(|wire| recorded.window.0.since(wire.sent).as_secs_f64()).fold(0.0, f64::max);
    assert!(!before.is_empty() && oldest < 20.0, "{} passages, {oldest} s", before.len());
}
