//! Packets on links: none is lost silently, none overtakes, and time passes as the closed forms say.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

#[test]
fn every_packet_ends_in_exactly_one_way() {
    for scenario in variants() {
        let (log, totals) = log(&scenario, 1);
        let Totals { packets, delivered, dropped, blocked, in_flight, .. } = totals;
        assert_eq!(packets, delivered + dropped + blocked + in_flight, "{totals:?}");
        assert_eq!(totals.passages, log.sent.len() as u64);
        assert!(packets > 500 && delivered > packets / 2 && in_flight <= totals.in_flight_max, "{totals:?}");
        assert!(dropped > 0, "clients go offline under packets: {totals:?}");

        // What was told agrees: passages of a packet follow on one another, and no wire ends twice.
        let mut ends = BTreeMap::new();
        let mut wires = BTreeSet::new();
        for (sighting, fact) in &log.arrived {
            assert!(wires.insert(sighting.wire));
            ends.insert(fact.packet, sighting.to);
        }
        let mut at = BTreeMap::new();
        for (sighting, fact) in &log.sent {
            if let Some(before) = at.insert(fact.packet, sighting.to) {
                assert_eq!(before, sighting.from);
            }
        }
        let made: BTreeSet<u64> = log.sent.iter().map(|(_, fact)| fact.packet).collect();
        assert!(made.len() as u64 <= packets && ends.keys().all(|packet| made.contains(packet)));
    }
}

#[test]
fn no_packet_overtakes_another_on_a_link_or_in_a_circuit() {
    for scenario in variants() {
        let (log, _) = log(&scenario, 2);
        let mut last = BTreeMap::new();
        let mut overtaking_draws = 0;
        for (sighting, _) in &log.arrived {
            let before = last.insert((sighting.from, sighting.to), (sighting.wire, sighting.at));
            if let Some((wire, at)) = before {
                assert!(wire < sighting.wire && at <= sighting.at);
                overtaking_draws += u32::from(at == sighting.at);
            }
        }
        assert!(overtaking_draws > 0, "some had to wait for the one before");

        // Through Tor: the packets of a client leave it in the order in which the client sent them.
        let tor = scenario.layout().tor();
        let mut clients = BTreeMap::new();
        let mut order: BTreeMap<Party, Vec<u64>> = BTreeMap::new();
        for (sighting, fact) in &log.sent {
            if sighting.to == tor && scenario.layout().is_client(sighting.from) {
                clients.insert(fact.packet, sighting.from);
            } else if let Some(client) = clients.get(&fact.packet).filter(|_| sighting.from == tor)
                && !scenario.layout().is_client(sighting.to)
            {
                order.entry(*client).or_default().push(fact.packet);
            }
        }
        assert_eq!(order.is_empty(), scenario.network.route == Route::Mix);
        assert!(order.values().all(|packets| packets.is_sorted()));
    }
}

/// Erlang of L stages plus L + 1 links: mean, variance and skew.
#[test]
fn latency_through_layers_of_poisson_mixes_is_erlang() {
    for layers in [1, 3, 5] {
        let (log, _) = log(&drops(layers, 200.0), 3);
        let mut sent = BTreeMap::new();
        let mut latencies = Vec::new();
        for (sighting, fact) in &log.sent {
            sent.entry(fact.packet).or_insert(sighting.at);
        }
        for (sighting, fact) in &log.arrived {
            // Packets made near the end have arrived only if they were fast.
            let made = sent[&fact.packet];
            if sighting.to.0 >= 20 + 2 * layers && made.as_secs_f64() < 200.0 {
                latencies.push(sighting.at.since(made).as_millis_f64() - 20.0 * f64::from(layers + 1));
            }
        }
        let n = latencies.len() as f64;
        assert!(n > 35_000.0);
        let mean = latencies.iter().sum::<f64>() / n;
        let central = |power| latencies.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / n;
        let (shape, variance) = (f64::from(layers), central(2));
        let expected = shape * 200.0 * 200.0;
        assert!((mean - shape * 200.0).abs() < 6.0 * (expected / n).sqrt(), "{layers}: {mean}");
        // The excess kurtosis of an Erlang distribution is 6 / L.
        let error = expected * ((2.0 + 6.0 / shape) / n).sqrt();
        assert!((variance - expected).abs() < 6.0 * error, "{layers}: {variance}");
        let skew = central(3) / variance.powf(1.5);
        assert!((skew - 2.0 / shape.sqrt()).abs() < 0.2, "{layers}: {skew}");
    }
}

/// M/M/infinity: what a mix holds is Poisson of mean rate times delay.
#[test]
fn a_poisson_mix_holds_a_poisson_number_of_packets() {
    let scenario = drops(3, 200.0);
    let totals = run(&scenario, 4, &mut crate::observer::Unobserved);
    let (rho, mu, window) = (20.0, 5.0, scenario.duration_s);
    // The number's covariance over a time t is rho exp(-mu t), that of its squared deviation 2 rho^2 exp(-2 mu t) and rho
    // exp(-mu t).
    let of_mean = (2.0 * rho / (mu * window)).sqrt();
    let of_variance = ((2.0 * rho * rho + 2.0 * rho) / (mu * window)).sqrt();
    assert_eq!(totals.occupancy.len(), 6);
    for mix in &totals.occupancy {
        assert!((mix.mean - rho).abs() < 6.0 * of_mean, "{mix:?}");
        assert!((mix.variance - rho).abs() < 6.0 * of_variance, "{mix:?}");
        let arrivals = 100.0 * window;
        assert!((mix.arrivals as f64 - arrivals).abs() < 6.0 * arrivals.sqrt(), "{mix:?}");
    }
}

#[test]
fn memory_grows_with_packets_in_flight_and_not_with_packets_sent() {
    let mut scenario = drops(3, 200.0);
    scenario.duration_s = 20.0;
    let short = run(&scenario, 5, &mut crate::observer::Unobserved);
    scenario.duration_s = 500.0;
    let long = run(&scenario, 5, &mut crate::observer::Unobserved);
    assert!(long.packets > 10 * short.packets);
    // 200 a second, 680 ms each: 136 at once. The highest of a few thousand independent moments is five deviations above.
    assert!(short.in_flight_max > 136 && long.in_flight_max < 136 + 6 * 12, "{short:?} {long:?}");
}

#[test]
fn by_tor_alone_no_packet_meets_a_mix_and_before_mixes_clients_talk_to_tor_alone() {
    for scenario in variants() {
        let layout = scenario.layout();
        let (log, _) = log(&scenario, 6);
        let touches = |is: &dyn Fn(Party) -> bool| {
            log.sent.iter().any(|(sighting, _)| is(sighting.from) || is(sighting.to))
        };
        let route = scenario.network.route;
        assert_eq!(touches(&|party| layout.is_mix(party)), route != Route::Tor);
        assert_eq!(touches(&|party| party == layout.tor()), route != Route::Mix);
        for (sighting, fact) in &log.sent {
            let to_client = layout.is_client(sighting.from) || layout.is_client(sighting.to);
            if to_client && route != Route::Mix {
                assert!(sighting.from == layout.tor() || sighting.to == layout.tor());
            }
            if route == Route::Tor {
                assert!(!matches!(fact.kind, PacketKind::Loop | PacketKind::Drop | PacketKind::MixLoop));
            }
        }
    }
}
