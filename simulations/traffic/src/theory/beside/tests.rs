use super::*;
use crate::scenario::{Behaviour, ClientClass, Corruption, Delivery, Latency, Mixing, Network, Online};

/// All forms but that of the downlink apply.
fn scenario() -> Scenario {
    Scenario {
        network: Network {
            delivery: Delivery::Direct,
            entries: 0,
            layers: 3,
            mixes_per_layer: 2,
            mix_loop_interval_ms_mean: 0.0,
            link_dummy_interval_ms_mean: 0.0,
            ..Network::default()
        },
        mixing: Mixing::Poisson { delay_ms_mean: 1000.0 },
        latency: Latency::Fixed { ms: 10.0 },
        clients: vec![ClientClass { count: 50, payload_interval_ms_mean: 1000.0, ..ClientClass::default() }],
        behaviour: Behaviour { writing: Writing::Poisson { per_day_mean: 8_640.0 }, ..Behaviour::default() },
        corruption: Corruption {
            nodes: ["mix-0-1", "mix-1-0", "mix-2-0"].map(str::to_owned).to_vec(),
            ..Corruption::default()
        },
        duration_s: 1000.0,
        warmup_s: 100.0,
        ..Scenario::default()
    }
}

/// What a perfect run of it would measure.
fn measures() -> Measures {
    let mut measures = Measures::default();
    // 50 clients, 1.4 packets a second each; 3 layers of 2 mixes.
    measures.set("mixes.forwarded_per_s", 35.0);
    measures.set("mixes.held_mean", 35.0);
    measures.set("messages.received", 5000.0);
    // 1 / (1 - 0.1) s for the slot, 3 s, 4 links.
    measures.set("latency_ms.mean", 1000.0 / 0.9 + 3000.0 + 40.0);
    measures.set("traffic.up_bytes_per_user_day", 1.4 * 86_400.0 * 2_422.0);
    measures.set("ways.ended", 5000.0);
    measures.set("ways.compromised", 0.125);
    measures.set("entropy_bits.packet", honest_mean());
    measures.set("entropy_bits.packet_error", 0.02);
    measures.set("entropy_bits.traced", 100.0);
    measures
}

fn honest_mean() -> f64 {
    let bits: Vec<f64> = (1..=3).map(|l| layers::network_bits(l, 2, 70.0, 1.0).unwrap()).collect();
    corruption::mean_bits(0.5, &bits).unwrap()
}

fn names(scenario: &Scenario) -> Vec<String> {
    beside(scenario, &measures()).into_iter().map(|comparison| comparison.name).collect()
}

#[test]
fn a_perfect_run_holds_and_each_form_can_fail() {
    // Half of all is corrupt: 70 packets in the network, of which a quarter meet on honest links, are too thin for the
    // entropy. Twice as many clients are not.
    let scenario = scenario();
    assert_eq!(names(&scenario), ["occupancy", "latency-ms", "up-bytes", "ways-compromised"]);
    let comparisons = beside(&scenario, &measures());
    assert!(comparisons.iter().all(Comparison::holds), "{comparisons:?}");
    let mut noted = Measures::default();
    note(&comparisons, &mut noted);
    assert_eq!((noted.get("valid"), noted.get("theory.occupancy.expected")), (Some(1.0), Some(35.0)));
    for name in ["mixes.held_mean", "latency_ms.mean", "traffic.up_bytes_per_user_day", "ways.compromised"] {
        let mut wrong = measures();
        wrong.set(name, 1.2 * wrong.get(name).unwrap());
        let comparisons = beside(&scenario, &wrong);
        assert_eq!(comparisons.iter().filter(|comparison| !comparison.holds()).count(), 1, "{name}");
        let mut noted = Measures::default();
        note(&comparisons, &mut noted);
        assert_eq!(noted.get("valid"), Some(0.0));
    }
}

#[test]
fn the_entropy_is_compared_where_traffic_is_dense() {
    let mut scenario = scenario();
    scenario.corruption = Corruption::default();
    let mut measures = Measures::default();
    let expected = layers::network_bits(3, 2, 70.0, 1.0).unwrap();
    measures.set("entropy_bits.packet", expected - 0.05);
    measures.set("entropy_bits.packet_error", 0.01);
    measures.set("entropy_bits.traced", 30.0);
    let of = |measures: &Measures, scenario: &Scenario| {
        beside(scenario, measures).into_iter().find(|comparison| comparison.name == "entropy-bits")
    };
    let comparison = of(&measures, &scenario).unwrap();
    assert!((comparison.expected - expected).abs() < 1e-12 && comparison.holds());
    measures.set("entropy_bits.packet", 0.9 * expected);
    assert!(!of(&measures, &scenario).unwrap().holds());
    let mut few = measures.clone();
    few.set("entropy_bits.traced", 29.0);
    assert_eq!(of(&few, &scenario), None);
    for change in [
        |scenario: &mut Scenario| scenario.network.entries = 2,
        |scenario: &mut Scenario| scenario.network.mix_loop_interval_ms_mean = 1000.0,
        |scenario: &mut Scenario| scenario.network.topology = Topology::Cascade,
        |scenario: &mut Scenario| scenario.network.mixes_per_layer = 8,
        |scenario: &mut Scenario| scenario.clients[0].payload_interval_ms_mean = 0.0,
        |scenario: &mut Scenario| scenario.corruption.nodes = vec!["mix-0-0".to_owned()],
        |scenario: &mut Scenario| scenario.mixing = Mixing::Threshold { packets: 20 },
    ] {
        let mut other = scenario.clone();
        change(&mut other);
        assert_eq!(of(&measures, &other), None);
    }
}

#[test]
fn nothing_is_compared_where_no_form_applies() {
    let mut scenario = scenario();
    scenario.mixing = Mixing::Timed { interval_ms: 100.0 };
    scenario.clients[0].online = Online::Daily { hours: 8.0 };
    scenario.corruption = Corruption { mixes_fraction: 0.3, nodes: Vec::new() };
    assert_eq!(names(&scenario), Vec::<String>::new());
    assert_eq!(beside(&self::scenario(), &Measures::default()), vec![]);
    // What no form speaks of is neither valid nor invalid.
    let mut noted = Measures::default();
    note(&[], &mut noted);
    assert_eq!(noted, Measures::default());
}

#[test]
fn the_default_network_is_held_against_its_bandwidth() {
    let scenario = Scenario::default();
    let mut measures = Measures::default();
    measures.set("traffic.up_bytes_per_user_day", 120_960.0 * 2_422.0);
    measures.set("traffic.down_bytes_per_user_day", 172_800.0 * 2_422.0);
    let comparisons = beside(&scenario, &measures);
    let names: Vec<&str> = comparisons.iter().map(|comparison| comparison.name.as_str()).collect();
    assert_eq!(names, ["up-bytes", "down-bytes"]);
    // Straight to recipients packets reach clients beside the frames of their entries.
    let mut direct = scenario;
    direct.network.delivery = Delivery::Direct;
    assert!(beside(&direct, &measures).iter().all(|comparison| comparison.name != "down-bytes"));
    // As `client/src/core/budget.rs` has it for the class `standard`, to the byte.
    assert!(comparisons.iter().all(|comparison| (comparison.measured - comparison.expected).abs() < 1.0));
}

#[test]
fn a_downlink_that_never_catches_up_is_not_valid() {
    let mut scenario = Scenario::default();
    let validity = |scenario: &Scenario| {
        let mut noted = Measures::default();
        note(&beside(scenario, &Measures::default()), &mut noted);
        noted.get("valid")
    };
    assert_eq!(validity(&scenario), None);
    // 1.2 packets a second come: a frame in 1 / 1.2 s is just too few.
    scenario.clients[0].downlink_interval_ms_mean = 1000.0 / 1.2 + 1e-6;
    assert_eq!(validity(&scenario), Some(0.0));
    scenario.clients[0].downlink_interval_ms_mean = 800.0;
    assert_eq!(validity(&scenario), None);
}
