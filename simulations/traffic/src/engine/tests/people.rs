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
        scenario.behaviour.writing = Habit::Poisson { per_day_mean: 864.0 };
        scenario.duration_s = 300.0;
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
