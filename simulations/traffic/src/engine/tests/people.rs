//! Clients: who is offline is silent, and messages come to whom they are for.

use std::collections::BTreeSet;

use super::*;
use crate::observer::MessageEvent;
use crate::view::Recording;

/// Fails when a client that is offline sends or gets something.
#[derive(Default)]
struct Silence {
    online: BTreeSet<Party>,
    clients: u32,
    changes: u32,
    packets: u32,
}

impl Silence {
    fn check(&mut self, party: Party) {
        if party.0 < self.clients {
            assert!(self.online.contains(&party), "{party:?} is offline");
            self.packets += 1;
        }
    }
}

impl Observer for Silence {
    fn sent(&mut self, sighting: &Sighting, _: &Fact) {
        self.check(sighting.from);
    }

    fn arrived(&mut self, sighting: &Sighting, _: &Fact) {
        self.check(sighting.to);
    }

    fn message(&mut self, _: SimTime, _: u32, event: MessageEvent) {
        if let MessageEvent::Written { sender, recipient } = event {
            assert_ne!(sender, recipient);
        }
    }

    fn presence(&mut self, _: SimTime, client: Party, online: bool) {
        assert!(if online { self.online.insert(client) } else { self.online.remove(&client) });
        self.changes += 1;
    }
}

#[test]
fn clients_that_are_offline_send_and_get_nothing() {
    for mut scenario in variants() {
        let mut silence = Silence { clients: 30, ..Silence::default() };
        run(&scenario, 1, &mut silence);
        assert!(silence.changes > 60 && silence.packets > 1000);
        // Without payload slots messages leave when they are written, and wait for their sender to come.
        scenario.clients[0].payload_interval_ms_mean = 0.0;
        let mut silence = Silence { clients: 30, ..Silence::default() };
        run(&scenario, 1, &mut silence);
        assert!(silence.packets > 1000 || scenario.network.route == Route::Tor);
    }
}

/// The frames from an entry to a client are a Poisson process of their own, whatever comes.
#[test]
fn the_downlink_has_its_own_rate() {
    let mut scenario = busy();
    scenario.clients[0].online = Online::Always;
    scenario.clients[0].downlink_interval_ms_mean = 200.0;
    let layout = scenario.layout();
    let (log, _) = log(&scenario, 2);
    let down: Vec<_> = log.sent.iter().filter(|(sighting, _)| layout.is_client(sighting.to)).collect();
    // 30 clients, 70 s, 5 a second: six standard deviations are 615.
    assert!(down.len().abs_diff(10_500) < 615, "{}", down.len());
    let dummies = down.iter().filter(|(_, fact)| fact.kind == PacketKind::DownlinkDummy).count();
    assert!(dummies > 100 && down.len() - dummies > 100, "{dummies}");
}

/// Towards clients an entry is the last hop, for which no delay is drawn: with frames at a high rate a packet goes on at once.
#[test]
fn a_shaped_entry_mixes_upwards_alone() {
    let mut scenario = busy();
    scenario.clients[0].online = Online::Always;
    scenario.mixing = Mixing::Poisson { delay_ms_mean: 1000.0 };
    scenario.clients[0].loop_interval_ms_mean = 500.0;
    for (downlink_ms, is_mixed_down) in [(1.0, false), (0.0, true)] {
        scenario.clients[0].downlink_interval_ms_mean = downlink_ms;
        let recorded = record(&scenario, Seed::new(2), None).unwrap();
        let (recording, layout) = (recorded.recording, recorded.layout);
        let (mut up, mut down) = (Vec::new(), Vec::new());
        for (node, incoming, outgoing) in &recording.forwarded {
            let wire = |id: &WireId| recording.wires[usize::try_from(id.0).unwrap()];
            if matches!(layout.role(*node), Some(crate::party::Role::Mix { layer: 0, .. })) {
                let held = wire(outgoing).sent.since(wire(incoming).arrived).as_millis_f64();
                let side = if layout.is_client(wire(outgoing).to) { &mut down } else { &mut up };
                side.push(held);
            }
        }
        let mean = |held: &[f64]| held.iter().sum::<f64>() / held.len() as f64;
        assert!(up.len() > 1000 && down.len() > 1000);
        assert!((mean(&up) - 1000.0).abs() < 6.0 * 1000.0 / (up.len() as f64).sqrt());
        assert_eq!(mean(&down) > 900.0, is_mixed_down);
        assert_eq!(mean(&down) < 10.0, !is_mixed_down);
    }
}

fn received(recording: &Recording) -> usize {
    recording.messages.iter().filter(|truth| truth.received != SimTime::NEVER).count()
}

#[test]
fn messages_come_to_their_recipients_in_every_network() {
    for (index, mut scenario) in variants().into_iter().enumerate() {
        scenario.clients[0].count = 10;
        scenario.clients[0].online = Online::Always;
        scenario.clients[0].payload_interval_ms_mean = 200.0;
        scenario.clients[0].downlink_interval_ms_mean = 100.0;
        scenario.behaviour = quiet().behaviour;
        scenario.duration_s = quiet().duration_s;
        let recorded = record(&scenario, Seed::new(3), None).unwrap();
        let recording = recorded.recording;
        let written = recording.messages.len();
        assert!(written > 10, "{index}");
        assert!(received(&recording) * 10 > written * 7, "{index}: {} of {written}", received(&recording));
        for truth in recording.messages.iter().filter(|truth| truth.received != SimTime::NEVER) {
            assert!(truth.written <= truth.released && truth.released < truth.received, "{truth:?}");
            if scenario.network.delivery == Delivery::Mailbox {
                assert!(truth.released < truth.stored && truth.stored < truth.received, "{truth:?}");
            }
        }
    }
}

/// A small network in which ten people write now and then, with room for all answers.
fn quiet() -> Scenario {
    let mut scenario = busy();
    let class = &mut scenario.clients[0];
    class.count = 10;
    class.online = Online::Always;
    class.payload_interval_ms_mean = 200.0;
    class.downlink_interval_ms_mean = 100.0;
    scenario.behaviour.writing = Habit::Poisson { per_day_mean: 864.0 };
    scenario.duration_s = 300.0;
    scenario
}

#[test]
fn without_payload_slots_messages_leave_when_they_are_written_and_nothing_else_but_questions() {
    for mut scenario in [quiet(), Scenario { network: variants()[7].network.clone(), ..quiet() }] {
        scenario.clients[0].payload_interval_ms_mean = 0.0;
        let recording = record(&scenario, Seed::new(3), None).unwrap().recording;
        let written = recording.messages.len();
        assert!(written > 10 && received(&recording) * 10 > written * 6, "{written}");
        assert!(recording.messages.iter().all(|truth| truth.released == truth.written));
        let payload =
            |fact: &&Fact| matches!(fact.kind, PacketKind::Message | PacketKind::Receipt | PacketKind::Poll);
        let from_clients = recording.wires.iter().zip(&recording.facts).filter(|(wire, _)| wire.from.0 < 10);
        let sent = from_clients.filter(|(_, fact)| payload(fact)).count();
        // Two writes for each message, and a question to each of some ten contacts a minute, five minutes long.
        assert!(sent > written && sent < 4 * written + 10 * 10 * 6 * 2, "{sent}");
    }
}

#[test]
fn digests_are_the_same_frames_to_everybody_and_tell_what_has_come() {
    let mut scenario = quiet();
    scenario.mailboxes.notice = crate::scenario::Notice::Digest { interval_s: 10.0 };
    let recorded = record(&scenario, Seed::new(3), None).unwrap();
    let layout = recorded.layout;
    let recording = recorded.recording;
    let written = recording.messages.len();
    assert!(written > 10 && received(&recording) * 10 > written * 8, "{} of {written}", received(&recording));
    let answered: BTreeSet<u64> = recording
        .wires
        .iter()
        .zip(&recording.facts)
        .filter(|(wire, _)| layout.is_mailbox(wire.from))
        .map(|(_, fact)| fact.packet)
        .collect();
    let mut frames = [0_u32; 10];
    for (wire, fact) in recording.wires.iter().zip(&recording.facts) {
        // What comes to a client without having left a mailbox. Answers from before the window are not counted.
        let is_late = wire.sent > SimTime::from_secs_f64(25.0);
        if is_late && wire.to.0 < 10 && fact.kind == PacketKind::Reply && !answered.contains(&fact.packet) {
            frames[wire.to.index()] += 1;
        }
    }
    // 28 intervals, and the last may still be in the queue of a downlink.
    assert!(frames.iter().all(|count| *count >= 27 && count.abs_diff(frames[0]) <= 1), "{frames:?}");
}

#[test]
fn a_message_straight_to_somebody_who_is_offline_waits() {
    let mut scenario = busy();
    scenario.network.delivery = Delivery::Direct;
    scenario.duration_s = 200.0;
    let recording = record(&scenario, Seed::new(4), None).unwrap().recording;
    // All that left long before the end have come, though a third of all recipients were offline when they did.
    let end = SimTime::from_secs_f64(110.0);
    let long_ago = recording.messages.iter().filter(|truth| truth.released < end);
    let (come, all) = long_ago
        .fold((0, 0), |(come, all), truth| (come + u32::from(truth.received != SimTime::NEVER), all + 1));
    assert!(all > 100 && come * 100 >= all * 97, "{come} of {all}");
}
