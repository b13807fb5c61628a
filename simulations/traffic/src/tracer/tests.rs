//! Masses by hand, by enumeration, and sums.

use super::*;
use crate::random::{Purpose, Seed};
use crate::time::SimTime;
use crate::toy::Toy;
use crate::view::{Recording, Sight, View, Wire};

/// Four clients, one mix, no latency. Letters are clients that send at that moment, `-` is a departure.
fn one_mix(events: &str) -> (Layout, Scenario, Recording) {
    let mut scenario = Scenario::default();
    scenario.network.entries = 0;
    scenario.network.mix_loop_interval_ms_mean = 0.0;
    scenario.network.link_dummy_interval_ms_mean = 0.0;
    let layout = Layout::new(4, vec![1], 1);
    let mut recording = Recording::default();
    for (number, event) in (0..).zip(events.chars()) {
        let at = SimTime::from_nanos(1 + number);
        let (from, to) = match event {
            '-' => (layout.mix(0, 0), layout.mailbox(0)),
            client => (Party(u32::from(client) - u32::from('a')), layout.mix(0, 0)),
        };
        recording.wires.push(Wire { id: WireId(number), sent: at, arrived: at, from, to });
    }
    (layout, scenario, recording)
}

fn view<'a>(network: &'a (Layout, Scenario, Recording), corrupt: &[Party]) -> View<'a> {
    let window = (SimTime::ZERO, SimTime::NEVER);
    View::of(&network.2, &network.0, &network.1, Sight::Global, corrupt, window)
}

/// P(what came in as the `i`th leaves as the `j`th), by all matchings in which everything leaves after it came.
fn by_enumeration(events: &str) -> Vec<Vec<f64>> {
    let (mut ins, mut outs) = (Vec::new(), Vec::new());
    for (at, event) in events.chars().enumerate() {
        if event == '-' { outs.push(at) } else { ins.push(at) }
    }
    let mut counts = vec![vec![0.0; outs.len()]; ins.len()];
    let mut all = 0.0;
    let mut matching = Vec::new();
    fn go(ins: &[usize], outs: &[usize], matching: &mut Vec<usize>, counts: &mut [Vec<f64>], all: &mut f64) {
        if matching.len() == outs.len() {
            *all += 1.0;
            for (out, came) in matching.iter().enumerate() {
                counts[*came][out] += 1.0;
            }
            return;
        }
        for came in 0..ins.len() {
            if ins[came] < outs[matching.len()] && !matching.contains(&came) {
                matching.push(came);
                go(ins, outs, matching, counts, all);
                matching.pop();
            }
        }
    }
    go(&ins, &outs, &mut matching, &mut counts, &mut all);
    counts.iter().map(|row| row.iter().map(|count| count / all).collect()).collect()
}

#[test]
fn a_mix_shares_mass_as_by_hand() {
    // a and b are in, one leaves: 1/2. c comes: b or a with 1/2, and c: each leaves with 1/2.
    let network = one_mix("ab-c--");
    let tracer = replay(&view(&network, &[]), Direction::Forward, &[WireId(0), WireId(3)]);
    let masses = |target| tracer.exits(target).iter().map(|exit| exit.mass).collect::<Vec<f64>>();
    assert_eq!(masses(0), vec![0.5, 0.25, 0.25]);
    assert_eq!(masses(1), vec![0.5, 0.5]);
    assert_eq!(tracer.parties(0), vec![(network.0.mailbox(0), 1.0)]);
}

#[test]
fn both_directions_agree_with_all_matchings() {
    let mut draws = Seed::new(3).draws(Purpose::Adversary, 0);
    for _ in 0..200 {
        // A random history in which all that comes leaves.
        let (mut events, mut inside, mut came) = (String::new(), 0, 0);
        while came < 6 || inside > 0 {
            if came < 6 && (inside == 0 || draws.unit() < 0.5) {
                events.push(char::from(b'a' + u8::try_from(draws.below(4)).unwrap()));
                (inside, came) = (inside + 1, came + 1);
            } else {
                events.push('-');
                inside -= 1;
            }
        }
        let network = one_mix(&events);
        let expected = by_enumeration(&events);
        let (outs, ins): (Vec<Wire>, Vec<Wire>) =
            network.2.wires.iter().partition(|wire| !network.0.is_client(wire.from));
        let ids = |wires: &[Wire]| wires.iter().map(|wire| wire.id).collect::<Vec<WireId>>();
        let forward = replay(&view(&network, &[]), Direction::Forward, &ids(&ins));
        let backward = replay(&view(&network, &[]), Direction::Backward, &ids(&outs));
        let of = |tracer: &Tracer, target: usize, wire: WireId| {
            tracer.exits(target).iter().filter(|exit| exit.wire == wire).map(|exit| exit.mass).sum::<f64>()
        };
        for (i, row) in expected.iter().enumerate() {
            for (j, expected) in row.iter().enumerate() {
                let (there, back) = (of(&forward, i, outs[j].id), of(&backward, j, ins[i].id));
                assert!((there - expected).abs() < 1e-12, "{events} {i} {j}: {there}, {expected}");
                assert!((back - expected).abs() < 1e-12, "{events} {i} {j}: {back}, {expected}");
            }
        }
    }
}

#[test]
fn a_batch_is_uniform_and_a_pool_keeps_its_share() {
    let network = one_mix("abcd----");
    let tracer = replay(&view(&network, &[]), Direction::Forward, &[WireId(1)]);
    assert!(tracer.exits(0).iter().all(|exit| (exit.mass - 0.25).abs() < 1e-12));
    assert_eq!(tracer.exits(0).len(), 4);
    let network = one_mix("abcd--");
    let tracer = replay(&view(&network, &[]), Direction::Forward, &[WireId(1)]);
    assert!((tracer.inside(0) - 0.5).abs() < 1e-12);
}

#[test]
fn what_was_inside_before_counts() {
    // One more leaves than came: it was there.
    let network = one_mix("a--");
    let tracer = replay(&view(&network, &[]), Direction::Forward, &[WireId(0)]);
    assert_eq!(tracer.exits(0).iter().map(|exit| exit.mass).collect::<Vec<f64>>(), vec![0.5, 0.5]);
}

#[test]
fn mass_is_conserved_in_a_network_whatever_is_hidden() {
    let mut played = Toy { delay_ms: 200.0, ..Toy::default() }.play();
    for (loops, dummies) in [(0.0, 0.0), (10_000.0, 0.0), (0.0, 1000.0)] {
        played.scenario.network.mix_loop_interval_ms_mean = loops;
        played.scenario.network.link_dummy_interval_ms_mean = dummies;
        let network = (played.layout.clone(), played.scenario.clone(), played.recording.clone());
        let targets: Vec<WireId> = network
            .2
            .wires
            .iter()
            .filter(|wire| network.0.is_client(wire.from))
            .map(|wire| wire.id)
            .collect();
        let tracer = replay(&view(&network, &[]), Direction::Forward, &targets);
        for target in 0..targets.len() {
            let out: f64 = tracer.exits(target).iter().map(|exit| exit.mass).sum();
            let sum = out + tracer.inside(target) + tracer.forgotten(target);
            assert!((sum - 1.0).abs() < 1e-9, "{target}: {sum}");
            assert!(tracer.forgotten(target) < 1e-6);
        }
    }
}

#[test]
fn expected_occupancy_gives_nearly_what_counting_gives() {
    let mut played = Toy { clients: 60, gap_ms: 200.0, ..Toy::default() }.play();
    let target = [played.recording.wires[500..].iter().find(|wire| wire.from.0 < 60).unwrap().id];
    let entropies: Vec<f64> = [0.0, 1e6]
        .iter()
        .map(|loops| {
            played.scenario.network.mix_loop_interval_ms_mean = *loops;
            let network = (played.layout.clone(), played.scenario.clone(), played.recording.clone());
            let tracer = replay(&view(&network, &[]), Direction::Forward, &target);
            tracer.exits(0).iter().map(|exit| -exit.mass * exit.mass.log2()).sum()
        })
        .collect();
    assert!((entropies[0] - entropies[1]).abs() < 0.5, "{entropies:?}");
    assert!(entropies[0] > 5.0, "{entropies:?}");
}

#[test]
fn corrupt_mixes_hide_nothing_and_honest_ones_still_do() {
    let played = Toy { mailboxes: 1, ..Toy::default() }.play();
    let network = (played.layout, played.scenario, played.recording);
    let mixes: Vec<Party> = (0..6).map(|number| network.0.nth_mix(number)).collect();
    let first = network.2.wires[300..].iter().find(|wire| network.0.is_client(wire.from)).unwrap().id;
    let mut truth = first;
    while let Some((_, _, outgoing)) = network.2.forwarded.iter().find(|(_, incoming, _)| *incoming == truth)
    {
        truth = *outgoing;
    }
    for (direction, target, found) in
        [(Direction::Forward, first, truth), (Direction::Backward, truth, first)]
    {
        let tracer = replay(&view(&network, &mixes), direction, &[target]);
        assert_eq!(tracer.exits(0).len(), 1);
        assert_eq!((tracer.exits(0)[0].wire, tracer.exits(0)[0].mass.to_bits()), (found, 1.0_f64.to_bits()));
        let counts: Vec<usize> = [&mixes[..4], &[]]
            .iter()
            .map(|corrupt| replay(&view(&network, corrupt), direction, &[target]).exits(0).len())
            .collect();
        assert!(1 < counts[0] && counts[0] < counts[1], "{counts:?}");
    }
}

#[test]
fn own_packets_hide_nothing() {
    let network = one_mix("abcd----");
    let mut view = view(&network, &[]);
    view.own = vec![WireId(0), WireId(2), WireId(3), WireId(4), WireId(6), WireId(7)];
    let tracer = replay(&view, Direction::Forward, &[WireId(1)]);
    assert_eq!(tracer.exits(0).len(), 1);
    assert_eq!(tracer.exits(0)[0].wire, WireId(5));
}

#[test]
fn there_are_no_more_targets_than_agreed() {
    let (layout, scenario, _) = one_mix("");
    let mut tracer = Tracer::new(&layout, &scenario, &[], Direction::Forward, 1);
    assert_eq!(tracer.mark(WireId(0)), Some(0));
    assert_eq!(tracer.mark(WireId(1)), None);
}

#[test]
fn backward_what_a_mix_sent_before_watching_began_takes_nobodys_place() {
    // Watching begins when b comes. a is held then, and three others have been sent on, which had come unseen. One of a and b
    // leaves, the other stays.
    let (layout, scenario, mut recording) = one_mix("a---b-");
    for wire in recording.wires.iter_mut().skip(1).take(3) {
        wire.to = Party(0);
        wire.arrived = SimTime::from_nanos(100);
    }
    let window = (SimTime::from_nanos(5), SimTime::NEVER);
    let view = View::of(&recording, &layout, &scenario, Sight::Global, &[], window);
    let tracer = replay(&view, Direction::Backward, &[WireId(5)]);
    let masses = tracer.exits(0).iter().map(|exit| exit.mass).collect::<Vec<f64>>();
    assert_eq!(masses, vec![0.5, 0.5]);
}

#[test]
fn what_a_corrupt_mix_knows_to_be_a_dummy_has_no_mass() {
    // a and b send to an honest mix, and so does a corrupt one: one packet of c, which it passes on, and two dummies. One more
    // packet goes to the corrupt mix and ends there. Three packets leave, of which each is one of a, b, c.
    let mut scenario = Scenario::default();
    scenario.network.entries = 0;
    scenario.network.mix_loop_interval_ms_mean = 0.0;
    scenario.network.link_dummy_interval_ms_mean = 1e12;
    let layout = Layout::new(3, vec![1, 1], 1);
    let (corrupt, honest, mailbox) = (layout.mix(0, 0), layout.mix(1, 0), layout.mailbox(0));
    let ends = [
        (Party(2), corrupt),
        (corrupt, honest),
        (Party(0), honest),
        (corrupt, honest),
        (Party(1), honest),
        (corrupt, honest),
        (honest, corrupt),
        (honest, mailbox),
        (honest, mailbox),
        (honest, mailbox),
    ];
    let mut recording = Recording::default();
    for (number, (from, to)) in (0..).zip(ends) {
        let at = SimTime::from_nanos(1_000_000_000_000 * (number + 1));
        recording.wires.push(Wire { id: WireId(number), sent: at, arrived: at, from, to });
    }
    recording.forwarded.push((corrupt, WireId(0), WireId(1)));
    let window = (SimTime::ZERO, SimTime::NEVER);
    let view = View::of(&recording, &layout, &scenario, Sight::Global, &[corrupt], window);
    let backward = replay(&view, Direction::Backward, &[WireId(7)]);
    let parties = backward.parties(0);
    assert_eq!(parties.iter().map(|(party, _)| party.0).collect::<Vec<u32>>(), [0, 1, 2]);
    assert!(parties.iter().all(|(_, mass)| (mass - 1.0 / 3.0).abs() < 1e-3), "{parties:?}");
    let forward = replay(&view, Direction::Forward, &[WireId(0)]);
    let exits = forward.exits(0);
    assert_eq!(exits.len(), 3, "{exits:?}");
    assert!(exits.iter().all(|exit| (exit.mass - 1.0 / 3.0).abs() < 1e-3), "{exits:?}");
}
