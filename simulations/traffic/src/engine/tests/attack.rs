//! An adversary at a mix.

use super::*;
use crate::party::Role;

fn isolate(mix: Party, client: Party) -> Interference {
    Interference::Isolate { mix, client, from: SimTime::from_secs_f64(20.0), flood_per_s: 100.0 }
}

#[test]
fn an_isolated_mix_holds_the_target_and_the_adversarys_packets_alone() {
    for mixing in [Mixing::Poisson { delay_ms_mean: 200.0 }, Mixing::Threshold { packets: 20 }] {
        let mut scenario = drops(2, 0.0);
        scenario.mixing = mixing;
        scenario.network.entries = 2;
        let layout = scenario.layout();
        let client = layout.client(3);
        let (watched, _) = log(&scenario, 1);
        let mix = watched.sent.iter().find(|(sighting, _)| sighting.from == client).unwrap().0.to;
        let mut simulation = Simulation::new(&scenario, Seed::new(1)).unwrap();
        simulation.interfere(&isolate(mix, client));
        let mut log = Log::default();
        let totals = simulation.run(&mut log);
        assert!(totals.blocked > 0);
        assert_eq!(totals.packets, totals.delivered + totals.dropped + totals.blocked + totals.in_flight);
        let from = SimTime::from_secs_f64(20.0);
        let makers: std::collections::BTreeMap<u64, Party> =
            log.sent.iter().rev().map(|(sighting, fact)| (fact.packet, sighting.from)).collect();
        let came: Vec<_> =
            log.arrived.iter().filter(|(sighting, _)| sighting.to == mix && sighting.at >= from).collect();
        let target = came.iter().find(|(_, fact)| fact.kind != PacketKind::Injected).unwrap().1.packet;
        assert_eq!(makers[&target], client);
        let left = log
            .sent
            .iter()
            .find(|(sighting, fact)| sighting.from == mix && fact.packet == target)
            .map(|(sighting, _)| sighting.at)
            .unwrap();
        // Until it leaves it is alone among packets of the adversary, those in the mix before it included.
        let came_at = came.iter().find(|(_, fact)| fact.packet == target).unwrap().0.at;
        let mut own = 0;
        for (sighting, fact) in log.sent.iter().filter(|(sighting, _)| sighting.from == mix) {
            if (came_at..=left).contains(&sighting.at) && fact.packet != target {
                assert_eq!(fact.kind, PacketKind::Injected);
                own += 1;
            }
        }
        assert!(if matches!(mixing, Mixing::Threshold { .. }) { own == 19 } else { own > 0 }, "{own}");
        assert!(came.iter().any(|(sighting, fact)| sighting.at > left && fact.kind == PacketKind::Drop));
        let last_flood =
            log.sent.iter().rfind(|(_, fact)| fact.kind == PacketKind::Injected && fact.packet != target);
        let (sighting, _) = last_flood.unwrap();
        assert!(sighting.at < left + SimTime::from_secs_f64(5.0), "the flood ends with the attack");
        // Its packets come from outside and go on to the next layer.
        for (sighting, _) in log.sent.iter().filter(|(_, fact)| fact.kind == PacketKind::Injected) {
            let from = layout.role(sighting.from);
            assert!(matches!(from, Some(Role::Tor | Role::Mix { layer: 0..=2, .. })));
        }
    }
}

/// Whoever knows its own packets sees which other came out of the mix.
#[test]
fn what_comes_out_of_an_isolated_mix_beside_the_adversarys_packets_is_the_target() {
    let mut scenario = drops(2, 100.0);
    scenario.duration_s = 40.0;
    let layout = scenario.layout();
    let (mix, client) = (layout.mix(0, 1), layout.client(3));
    let recorded = record(&scenario, Seed::new(1), Some(&isolate(mix, client))).unwrap();
    let passages = || recorded.recording.wires.iter().zip(&recorded.recording.facts);
    let (came, target) = passages()
        .find(|(wire, _)| {
            let is_let_in = wire.arrived != SimTime::NEVER && wire.sent > SimTime::from_secs_f64(20.0);
            is_let_in && (wire.from, wire.to) == (client, mix)
        })
        .unwrap();
    let (_, left) = passages()
        .find(|(wire, fact)| {
            wire.from == mix && wire.sent > came.arrived && fact.kind != PacketKind::Injected
        })
        .unwrap();
    assert_eq!(target, left);
}

#[test]
fn isolation_of_nobody_there_goes_on_to_the_end() {
    let scenario = drops(2, 100.0);
    let layout = scenario.layout();
    let nobody = layout.mailbox(0);
    let recorded = record(&scenario, Seed::new(1), Some(&isolate(layout.mix(1, 0), nobody))).unwrap();
    let came = recorded.recording.wires.iter().zip(&recorded.recording.facts).filter(|(wire, _)| {
        wire.to == layout.mix(1, 0)
            && wire.sent > SimTime::from_secs_f64(20.0)
            && wire.arrived != SimTime::NEVER
    });
    let kinds: Vec<_> = came.map(|(_, fact)| fact.kind).collect();
    assert!(kinds.len() > 18_000 && kinds.iter().all(|kind| *kind == PacketKind::Injected));
}

#[test]
fn behind_tor_the_packet_that_is_let_in_is_of_anybody() {
    let mut scenario = drops(2, 100.0);
    scenario.duration_s = 30.0;
    scenario.network.route = Route::TorMix;
    let layout = scenario.layout();
    let (mix, client) = (layout.mix(0, 1), layout.client(3));
    let (mut let_in, mut right) = (0, 0);
    for seed in (0..20).map(Seed::new) {
        let run = record(&scenario, seed, Some(&isolate(mix, client))).unwrap();
        let passages = || run.recording.wires.iter().zip(&run.recording.facts);
        let first = passages()
            .filter(|(wire, fact)| {
                let came = wire.arrived >= SimTime::from_secs_f64(20.0) && wire.arrived != SimTime::NEVER;
                came && wire.to == mix && fact.kind != PacketKind::Injected
            })
            .min_by_key(|(wire, _)| wire.arrived);
        let Some((wire, fact)) = first else { continue };
        assert_eq!(wire.from, layout.tor());
        let_in += 1;
        let is_targets = |(wire, other): (_, &Fact)| {
            let wire: &crate::view::Wire = wire;
            other.packet == fact.packet && wire.from == client
        };
        right += u32::from(passages().any(is_targets));
    }
    // One in 20 clients is the target.
    assert!(let_in >= 15 && right <= 5, "{right} of {let_in}");
}
