//! Attacks on a mix's links, seen by its loops: real packets in a simulated network.
//!
//! How many loops each attack takes to be noticed, and how often chance is taken for one, is measured
//! over many runs in `core::loops::tests`.

use std::collections::{BTreeMap, BTreeSet};

use rand::RngExt;
use sotto_protocol::sphinx::{KeyRing, Unwrapped};

use super::*;
use crate::core::{CHANCE_PER_LINK, LoopAlarm, LoopAlarmKind, LoopAlarmSubject};

/// Long enough that no test leaves the epoch.
const WEEK_S: u32 = 7 * 24 * 60 * 60;
const HOUR: Duration = Duration::from_secs(3_600);
const LATENCY: Duration = Duration::from_millis(40);

/// What an adversary does with a packet on a link.
enum Treatment {
    Pass,
    Drop,
    Hold(Duration),
    Mark,
}

/// The other nodes, links that lose packets by chance, and an adversary.
struct Network {
    bench: Bench,
    own: NodeId,
    keys: BTreeMap<NodeId, KeyRing>,
    arrivals: BTreeMap<(Timestamp, usize), (NodeId, Packet)>,
    sent: usize,
    /// Packets that are not the mix's own loops and have reached their last hop.
    targets: usize,
}

impl Network {
    /// Around one mix, with the default parameters of a network.
    fn around(byte: u8) -> Self {
        let params = Params {
            epoch_s: WEEK_S,
            grace_s: GRACE_S,
            link_dummy_interval_ms_mean: 3_600_000,
            ..Params::default()
        };
        let mut consensus = consensus_with(EPOCH, place, params);
        consensus.valid_after = epoch_start(EPOCH, WEEK_S);
        consensus.valid_until = epoch_start(EPOCH + 1, WEEK_S);
        let mut bench = Bench::with(&MixConfig::new(node(byte)), byte, consensus.clone());
        bench.now = consensus.valid_after;
        let keys = consensus.nodes.iter().map(|listed| {
            let mut keys = KeyRing::new();
            keys.install(EPOCH, secret(listed.node.as_bytes()[0], EPOCH));
            (listed.node, keys)
        });
        let keys = keys.collect();
        Self { bench, own: node(byte), keys, arrivals: BTreeMap::new(), sent: 0, targets: 0 }
    }

    /// Lets time pass under an adversary, who sees each packet with its link and may tell the loops from
    /// packets that the test has sent: no real one can.
    fn run(&mut self, span: Duration, adversary: impl Fn(NodeId, NodeId, bool) -> Treatment) {
        let end = self.bench.now + span;
        loop {
            while let Some(action) = self.bench.poll_action() {
                if let Action::Send { to, packet, ticket } = action {
                    let is_loop = matches!(ticket.0, super::super::action::TicketKind::MixLoop(_));
                    self.bench.mix.handle_sent(ticket);
                    self.carry(to, packet, is_loop, &adversary);
                }
            }
            let arrival = self.arrivals.first_key_value().map_or(Timestamp::NEVER, |((at, _), _)| *at);
            let timer = self.bench.mix.poll_timeout();
            if arrival.min(timer) > end {
                break;
            }
            self.bench.now = self.bench.now.max(arrival.min(timer));
            if arrival <= timer {
                let (_, (from, packet)) = self.arrivals.pop_first().expect("an arrival is due");
                self.bench.take(Source::Node(from), packet);
            } else {
                self.bench.mix.handle_timeout(self.bench.now, &mut self.bench.rng);
            }
        }
        self.bench.now = end;
    }

    /// Takes a packet from the mix through the network, back to it if that is its way.
    fn carry(
        &mut self,
        to: NodeId,
        mut packet: Packet,
        is_loop: bool,
        adversary: &impl Fn(NodeId, NodeId, bool) -> Treatment,
    ) {
        let (mut at, mut to, mut time) = (self.own, to, self.bench.now);
        loop {
            time = time + LATENCY;
            if self.bench.rng.random::<f64>() < CHANCE_PER_LINK {
                return;
            }
            match adversary(at, to, is_loop) {
                Treatment::Pass => {}
                Treatment::Drop => return,
                Treatment::Hold(span) => time = time + span,
                Treatment::Mark => {
                    let mut marked = *packet.as_bytes();
                    marked[1_000] ^= 1;
                    packet = Packet::from_slice(&marked).expect("the same length");
                }
            }
            if to == self.own {
                self.sent += 1;
                self.arrivals.insert((time, self.sent), (at, packet));
                return;
            }
            let keys = self.keys.get_mut(&to).expect("a node of the network");
            match keys.unwrap(EPOCH, packet, ms(10_000)).expect("a legal packet") {
                Unwrapped::Forward { next, delay, packet: unwrapped, .. } => {
                    (at, to, packet, time) = (to, next, unwrapped, time + delay);
                }
                Unwrapped::Final { .. } => {
                    self.targets += 1;
                    return;
                }
            }
        }
    }

    fn alarms(&self) -> Vec<LoopAlarm> {
        self.bench.mix.report().loops.alarms
    }

    /// Runs under an adversary until an alarm stands, and returns it with the number of mean loop
    /// intervals that it took.
    fn run_to_alarm(
        &mut self,
        loops_max: u64,
        adversary: impl Fn(NodeId, NodeId, bool) -> Treatment,
    ) -> (LoopAlarm, u64) {
        let start = self.bench.now;
        let interval_ms = u64::from(Params::default().mix_loop_interval_ms_mean);
        while self.alarms().is_empty() {
            assert!(self.bench.now < start + ms(loops_max * interval_ms), "no alarm in {loops_max} loops");
            self.run(ms(10 * interval_ms), &adversary);
        }
        let [alarm] = self.alarms().try_into().expect("one alarm");
        let loops = (alarm.raised_at_ms - start.as_millis()) / interval_ms;
        println!("{loops} loops, {} min: {alarm}", loops * interval_ms / 60_000);
        (alarm, loops)
    }
}

fn pass(_: NodeId, _: NodeId, _: bool) -> Treatment {
    Treatment::Pass
}

fn is_node(alarm: &LoopAlarm, byte: u8) -> bool {
    matches!(&alarm.subject, LoopAlarmSubject::Node { node: named, .. } if *named == node(byte).to_string())
}

#[test]
fn chance_loss_raises_no_alarm_in_twelve_hours_and_is_estimated() {
    let mut network = Network::around(LAYER_1);
    network.run(12 * HOUR, pass);
    let report = network.bench.mix.report().loops;
    assert!((4_000..4_700).contains(&report.sent), "4,320 expected, got {}", report.sent);
    assert!(report.lost > 100, "4 % expected, got {} of {}", report.lost, report.sent);
    assert_eq!((report.alarms.len(), report.alarms_raised, report.tampered), (0, 0, 0));
    assert_eq!((report.links.len(), report.nodes.len()), (12, 6));
    for link in &report.links {
        let loss = link.loss;
        assert!(loss.loss_low <= CHANCE_PER_LINK && CHANCE_PER_LINK <= loss.loss_high, "{link:?}");
        assert!(loss.loss <= loss.loss_high && loss.loss_high < 0.15, "{link:?}");
        let excess = link.excess.expect("loops returned");
        // Four latencies, less the microseconds that rounding takes at each hop.
        let expected = 159..=160;
        assert!(
            expected.contains(&excess.excess_ms_p50) && expected.contains(&excess.excess_ms_p99),
            "{link:?}"
        );
    }
    for node in &report.nodes {
        assert!(node.loss.loss_low <= 2.0 * CHANCE_PER_LINK && node.loss.loss_high < 0.1, "{node:?}");
    }
}

#[test]
fn an_n_minus_one_attack_that_lets_only_its_target_pass_is_noticed_at_once() {
    let mut network = Network::around(LAYER_1);
    network.run(HOUR, pass);
    assert_eq!(network.alarms(), []);
    // The target: a packet of somebody else's from the mix under test into the mix under attack.
    let target = network.bench.packet(LAYER_1, &[LAYER_2, LAYER_3, MAILBOX], ms(20), [9; 32]);
    network.bench.arrive(ENTRY, target);
    let attack = |_, to, is_loop: bool| {
        if to == node(LAYER_2) && is_loop { Treatment::Drop } else { Treatment::Pass }
    };
    let (alarm, loops) = network.run_to_alarm(60, attack);
    assert_eq!(network.targets, 1, "the target went its way");
    assert_eq!(alarm.kind, LoopAlarmKind::Dropping);
    assert!(is_node(&alarm, LAYER_2), "{alarm}");
    assert!(matches!(alarm.subject, LoopAlarmSubject::Node { neighbour: true, .. }), "{alarm}");
    assert!(loops <= 45, "{loops}");
    network.run(HOUR, pass);
    let report = network.bench.mix.report().loops;
    assert_eq!((report.alarms.len(), report.alarms_raised), (0, 1), "cleared, and counted");
}

#[test]
fn a_link_between_two_other_nodes_that_drops_a_fifth_is_named() {
    let mut network = Network::around(LAYER_1);
    network.run(HOUR, pass);
    let turn = std::cell::Cell::new(0u32);
    let attack = |from, to, _| {
        if (from, to) != (node(LAYER_2), node(LAYER_3)) {
            return Treatment::Pass;
        }
        turn.set(turn.get() + 1);
        if turn.get().is_multiple_of(5) { Treatment::Drop } else { Treatment::Pass }
    };
    let (alarm, loops) = network.run_to_alarm(1_000, attack);
    let subject = LoopAlarmSubject::Link { from: node(LAYER_2).to_string(), to: node(LAYER_3).to_string() };
    assert_eq!((alarm.kind, alarm.subject.clone()), (LoopAlarmKind::Dropping, subject), "{alarm}");
    assert!(loops <= 900, "{loops}");
    let report = network.bench.mix.report().loops;
    let link = report
        .links
        .iter()
        .find(|link| (&link.from, &link.to) == (&node(LAYER_2).to_string(), &node(LAYER_3).to_string()))
        .expect("the link was used");
    assert!(link.loss.loss > 0.05 && link.loss.loss_high > 0.2, "{link:?}");
}

#[test]
fn a_node_that_holds_packets_back_for_seconds_is_named() {
    let mut network = Network::around(LAYER_3);
    network.run(HOUR, pass);
    let attack = |from, _, _| {
        if from == node(LAYER_1) { Treatment::Hold(ms(3_000)) } else { Treatment::Pass }
    };
    let (alarm, loops) = network.run_to_alarm(60, attack);
    assert_eq!(alarm.kind, LoopAlarmKind::Delaying);
    assert!(is_node(&alarm, LAYER_1), "{alarm}");
    assert!(matches!(alarm.subject, LoopAlarmSubject::Node { neighbour: false, .. }), "{alarm}");
    assert!(loops <= 45, "{loops}");
    // It delays all the time: what half of the loops do does not become the measure of lateness.
    network.run(6 * HOUR, attack);
    let alarms = network.alarms();
    assert!(alarms.len() == 1 && is_node(&alarms[0], LAYER_1), "{alarms:?}");
    network.run(HOUR, pass);
    assert_eq!(network.alarms(), []);
}

#[test]
fn a_marked_loop_raises_an_alarm_at_its_return_and_further_ones_find_the_node() {
    let mut network = Network::around(ENTRY);
    let mark = |from, _, _| if from == node(LAYER_2) { Treatment::Mark } else { Treatment::Pass };
    while network.bench.mix.report().loops.tampered == 0 {
        network.run(ms(1_000), mark);
    }
    let [first] = network.alarms().try_into().expect("one alarm");
    assert_eq!((first.kind, first.loops_bad), (LoopAlarmKind::Tampering, 1));
    let LoopAlarmSubject::Nodes { nodes } = &first.subject else { panic!("{first}") };
    let nodes: BTreeSet<&String> = nodes.iter().collect();
    assert!(nodes.len() == 3 && nodes.contains(&node(LAYER_2).to_string()), "{first}");
    network.run(HOUR, mark);
    let [later] = network.alarms().try_into().expect("one alarm");
    assert!(is_node(&later, LAYER_2), "{later}");
    assert_eq!(later.loops_bad, network.bench.mix.report().loops.tampered);
    assert_eq!(later.raised_at_ms, first.raised_at_ms);
}
