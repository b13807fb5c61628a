//! A view as rounds: who sent and who received in each.
//!
//! Where one batch mix is the whole network, rounds are its batches. Everywhere else they are stretches of time, in one of
//! two ways: whole packets are counted in the stretch in which they most likely come out, or each is spread over the
//! stretches in which it may (Oya, Troncoso, Pérez-González 2014, for pool mixes; here with the delays of any mix). What
//! clients send as cover is in them like everything else: it cannot be told apart.

use super::dense::Sparse;
use super::lag::Lag;
use crate::party::Party;
use crate::scenario::{Delivery, Mixing};
use crate::time::SimTime;
use crate::view::{View, Wire};

/// The most rounds; beyond that, stretches are longer.
const ROUNDS_MAX: f64 = 100_000.0;
/// The length of a stretch for whole packets, in standard deviations of their delay.
const WHOLE_DEVIATIONS: f64 = 4.0;
/// How full a stretch is in the mean whose packets are limited: chance makes some fuller.
const FILL: f64 = 0.75;
/// The length for packets that are spread, in the same.
const SPREAD_DEVIATIONS: f64 = 1.0;
/// Over so many stretches is a packet spread at most.
const SPREAD_MAX: u32 = 12;
/// The places within a stretch at which a packet's spreading is worked out.
const PHASES: u32 = 16;

/// How packets are counted that may come out in one of several rounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    /// In the likeliest.
    Whole,
    /// In each with its chance.
    Spread,
}

/// Who sent and received what when.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Rounds {
    /// By round: client and how many of its packets come out.
    pub(super) inputs: Sparse,
    /// By round: client and how many packets come to it.
    pub(super) outputs: Sparse,
    /// By client: round and how many of its packets come out.
    pub(super) of_sender: Sparse,
    /// By client: round and how many packets come to it.
    pub(super) of_receiver: Sparse,
    /// By round: how many packets come out for clients.
    pub(super) totals: Vec<f64>,
    /// When each round ends.
    pub(super) ends: Vec<SimTime>,
}

impl Rounds {
    /// The rounds of a view.
    pub(super) fn of(view: &View<'_>, counting: Counting) -> Self {
        let flushes = flushes(view);
        if flushes.is_empty() {
            Self::by_time(view, counting, f64::INFINITY)
        } else {
            Self::by_flush(view, flushes)
        }
    }

    /// The rounds of a view with whole packets; stretches of time are so short that few have more packets than this.
    pub(super) fn fitting(view: &View<'_>, packets_max: usize) -> Self {
        let flushes = flushes(view);
        if !flushes.is_empty() {
            return Self::by_flush(view, flushes);
        }
        let sends = view.wires.iter().filter(|wire| is_send(view, wire)).count();
        let deliveries = view.wires.iter().filter(|wire| is_delivery(view, wire)).count();
        let most = super::number(sends.max(deliveries).max(1));
        let length_s = view.window.1.since(view.window.0).as_secs_f64();
        Self::by_time(view, Counting::Whole, FILL * super::number(packets_max) / most * length_s)
    }

    /// How many.
    pub(super) fn count(&self) -> usize {
        self.totals.len()
    }

    fn by_flush(view: &View<'_>, flushes: Vec<SimTime>) -> Self {
        let round = |at: SimTime| u32::try_from(flushes.partition_point(|flush| *flush < at)).ok();
        let count = flushes.len();
        let inputs = view
            .wires
            .iter()
            .filter(|wire| is_send(view, wire))
            .filter_map(|wire| Some((round(wire.arrived)?, wire.from.0, 1.0)));
        let outputs = view
            .wires
            .iter()
            .filter(|wire| is_delivery(view, wire))
            .filter_map(|wire| Some((round(wire.sent)?, wire.to.0, 1.0)));
        let (inputs, outputs) = (inputs.collect(), outputs.collect());
        Self::new(view, count, inputs, outputs, flushes)
    }

    fn by_time(view: &View<'_>, counting: Counting, width_s_max: f64) -> Self {
        let lag = Lag::to_contact(view);
        let (begin, end) = view.window;
        let length_s = end.since(begin).as_secs_f64();
        let deviations = match counting {
            Counting::Whole => WHOLE_DEVIATIONS,
            Counting::Spread => SPREAD_DEVIATIONS,
        };
        let width_s = (deviations * lag.deviation_s()).min(width_s_max).max(length_s / ROUNDS_MAX).max(1e-6);
        let count = whole(length_s / width_s) + 1;
        let place = |at: SimTime| at.since(begin).as_secs_f64() / width_s;
        let known = |round: &u32| (*round as usize) < count;
        let outputs = view
            .wires
            .iter()
            .filter(|wire| is_delivery(view, wire) && wire.sent >= begin)
            .map(|wire| (floor(place(wire.sent)), wire.to.0, 1.0))
            .filter(|cell| known(&cell.0))
            .collect();
        let sends = view.wires.iter().filter(|wire| is_send(view, wire) && wire.sent >= begin);
        let inputs = match counting {
            Counting::Whole => sends
                .map(|wire| (floor(place(wire.sent) + lag.mean_s() / width_s), wire.from.0, 1.0))
                .filter(|cell| known(&cell.0))
                .collect(),
            Counting::Spread => {
                let masses = masses(&lag, width_s);
                sends
                    .flat_map(|wire| {
                        let at = place(wire.sent);
                        let round = floor(at);
                        let phase = floor((at - f64::from(round)) * f64::from(PHASES)).min(PHASES - 1);
                        let spread = masses.get(phase as usize).map(Vec::as_slice).unwrap_or_default();
                        spread
                            .iter()
                            .map(move |(after, mass)| (round.saturating_add(*after), wire.from.0, *mass))
                    })
                    .filter(|cell| known(&cell.0))
                    .collect()
            }
        };
        let ends = (1..=floor(super::number(count)))
            .map(|round| begin + SimTime::from_secs_f64(f64::from(round) * width_s))
            .collect();
        Self::new(view, count, inputs, outputs, ends)
    }

    fn new(
        view: &View<'_>,
        count: usize,
        inputs: Vec<(u32, u32, f64)>,
        outputs: Vec<(u32, u32, f64)>,
        ends: Vec<SimTime>,
    ) -> Self {
        let clients = view.layout.clients() as usize;
        let (inputs, outputs) = (Sparse::new(count, inputs), Sparse::new(count, outputs));
        Self {
            of_sender: inputs.transposed(clients),
            of_receiver: outputs.transposed(clients),
            totals: outputs.sums(),
            inputs,
            outputs,
            ends,
        }
    }
}

/// Whether a passage is from a client into the network.
pub(super) fn is_send(view: &View<'_>, wire: &Wire) -> bool {
    view.layout.is_client(wire.from) && !view.layout.is_client(wire.to)
}

/// Whether a passage is out of the network to a client.
pub(super) fn is_delivery(view: &View<'_>, wire: &Wire) -> bool {
    view.layout.is_client(wire.to) && !view.layout.is_client(wire.from)
}

/// The moments at which the only mix lets a batch go, where all that came before leaves; empty if there is no such mix.
fn flushes(view: &View<'_>) -> Vec<SimTime> {
    let is_batch = matches!(view.scenario.mixing, Mixing::Threshold { .. } | Mixing::Timed { .. });
    let mix: Party = view.layout.nth_mix(0);
    if !is_batch || view.layout.mixes() != 1 || view.scenario.network.delivery != Delivery::Direct {
        return Vec::new();
    }
    let mut flushes: Vec<SimTime> =
        view.wires.iter().filter(|wire| wire.from == mix).map(|wire| wire.sent).collect();
    flushes.sort_unstable();
    flushes.dedup();
    flushes
}

/// For each place within a stretch at which a packet is sent: how many stretches later it comes out with which chance.
fn masses(lag: &Lag, width_s: f64) -> Vec<Vec<(u32, f64)>> {
    let first = floor(lag.mean_s() / width_s - 4.0);
    (0..PHASES)
        .map(|phase| {
            let at_s = (f64::from(phase) + 0.5) / f64::from(PHASES) * width_s;
            let over = |stretch: u32| lag.over(f64::from(stretch) * width_s - at_s);
            (first..first + SPREAD_MAX)
                .map(|after| (after, over(after + 1) - over(after)))
                .filter(|(_, mass)| *mass > 1e-4)
                .collect()
        })
        .collect()
}

/// Down to a whole number; 0 for what is negative.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast of a float saturates")]
pub(super) fn floor(value: f64) -> u32 {
    value as u32
}

/// The same as an index.
pub(super) fn whole(value: f64) -> usize {
    floor(value) as usize
}

/// Packets one by one: each client so often as it has packets.
pub(super) fn packets(row: &[(u32, f64)]) -> Vec<u32> {
    row.iter().flat_map(|(client, count)| std::iter::repeat_n(*client, whole(count.round()))).collect()
}

#[cfg(test)]
mod tests {
    use super::super::synthetic::{Batches, Continuous};
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn rounds_of_a_batch_mix_are_its_batches() {
        let batches = Batches { rounds: 40, ..Batches::default() };
        let truth = batches.truth(&mut Seed::new(7).draws(Purpose::Writing, 0));
        let rounds = Rounds::of(&batches.run(7).view(), Counting::Spread);
        assert_eq!(rounds.count(), truth.len());
        for (round, exchanged) in truth.iter().enumerate() {
            let (mut from, mut to): (Vec<u32>, Vec<u32>) = exchanged.iter().copied().unzip();
            from.sort_unstable();
            to.sort_unstable();
            assert_eq!(packets(rounds.inputs.row(round)), from);
            assert_eq!(packets(rounds.outputs.row(round)), to);
        }
    }

    #[test]
    fn a_spread_packet_is_one_packet_and_is_where_it_comes_out() {
        let run = Continuous::default().run(3);
        let view = run.view();
        let sends = view.wires.iter().filter(|wire| is_send(&view, wire)).count();
        let whole = Rounds::of(&view, Counting::Whole);
        let spread = Rounds::of(&view, Counting::Spread);
        for rounds in [&whole, &spread] {
            let counted: f64 = rounds.inputs.sums().iter().sum();
            let received: f64 = rounds.totals.iter().sum();
            // A few leave after the end.
            assert!((counted / super::super::number(sends) - 1.0).abs() < 0.01, "{counted} of {sends}");
            assert!((received / super::super::number(sends) - 1.0).abs() < 0.01, "{received} of {sends}");
        }
        // What is expected to come out in a round goes with what does: better where packets are spread than by the clock.
        let correlation = |rounds: &Rounds, shift: usize| {
            let expected = rounds.inputs.sums();
            let count = super::super::number(expected.len() - shift);
            let mean = |values: &[f64]| values.iter().sum::<f64>() / count;
            let (one, other) = (&expected[..expected.len() - shift], &rounds.totals[shift..]);
            let (a, b) = (mean(one), mean(other));
            let sum = |f: &dyn Fn(f64, f64) -> f64| {
                one.iter().zip(other).map(|(x, y)| f(x - a, y - b)).sum::<f64>()
            };
            sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
        };
        let (right, late) = (correlation(&spread, 0), correlation(&spread, 3));
        println!("correlation of expected and seen {right:.3}, three stretches later {late:.3}");
        assert!(right > 0.4 && right > late + 0.3, "{right} {late}");
    }
}
