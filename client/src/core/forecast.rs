//! How long a short message can be expected to take: from the network's parameters, and from round trips that were
//! measured.
//!
//! The message is one box, nothing else waits, and nothing is lost. A payload slot comes at the tick of a Poisson process. The box goes to
//! one replica after the other, a slot each, and is *stored* when the last of them has answered. The other side has it
//! when a question that reaches a replica after the box has been answered. What a link, a disk and the mailbox itself
//! take is not in the parameters and not in here, but in what was measured.
//!
//! Which slot carries what is decided in [`super::slots`]; this is a model of it, and must follow it.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use sotto_protocol::directory::{CoverClass, Params};

use super::delay_law::DelayLaw;
use super::turns::{Downlink, turn_slots};

/// Hops that hold a packet on its way to a mailbox: the entry and three mixes.
const DELAYS_THERE: usize = 4;
/// Hops that hold it on its way back: three mixes. Then it waits for the downlink.
const DELAYS_BACK: usize = 3;
/// Into so many equal parts a measured round trip by Tor is divided; of how it varies nothing is known.
const PARTS_OF_CIRCUIT: usize = 4;
/// Writes in a row before a question that waits.
const WRITES_IN_A_ROW: usize = 2;
/// Slots between two questions for the same place are told apart up to this number.
const TURN_SLOTS_MAX: usize = 24;
/// What `p95_ms` stands for.
const MOST: f64 = 0.95;

/// What to expect of one time span.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Expected {
    /// The mean, in milliseconds.
    pub mean_ms: u64,
    /// What 19 of 20 do not exceed, in milliseconds.
    pub p95_ms: u64,
}

impl Expected {
    fn of(law: &DelayLaw) -> Self {
        Self { mean_ms: millis(law.mean_s()), p95_ms: millis(law.quantile_s(MOST)) }
    }
}

/// The delays of a short message, counted from the moment when it is queued.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Delays {
    /// Until every replica has acknowledged it.
    pub stored: Expected,
    /// Until the other side has it, by the same class and route, with as many contacts.
    pub delivered: Expected,
}

/// The way to a mailbox and back, as waits with these means in seconds.
#[derive(Clone, Copy, Debug)]
struct Way {
    there: (usize, f64),
    back: (usize, f64),
    /// For the downlink to come round.
    downlink_s: f64,
}

impl Way {
    fn round_trip_s(&self) -> f64 {
        let all = |(times, mean_s): (usize, f64)| times as f64 * mean_s;
        all(self.there) + all(self.back) + self.downlink_s
    }

    fn means_s(&self) -> impl Iterator<Item = f64> {
        let (there, back) = (self.there, self.back);
        let stages = std::iter::repeat_n(there.1, there.0).chain(std::iter::repeat_n(back.1, back.0));
        stages.chain([self.downlink_s])
    }

    fn there(&self, law: DelayLaw) -> DelayLaw {
        law.then_times(self.there.0, self.there.1)
    }

    /// Back to the entry.
    fn back(&self, law: DelayLaw) -> DelayLaw {
        law.then_times(self.back.0, self.back.1)
    }

    fn down(&self, law: DelayLaw) -> DelayLaw {
        law.then(self.downlink_s)
    }
}

/// What a forecast follows from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forecast {
    slot_s: f64,
    way: Way,
    replicas: usize,
    /// Slots from one question for a contact's next box to the next one, on average.
    turn_slots: f64,
}

impl Forecast {
    /// Through the mixes, with `replicas` copies of each box and so many contacts on each side. If a mean round trip was
    /// measured, every delay is stretched to fit it.
    pub(crate) fn by_mixes(
        params: &Params,
        class: &CoverClass,
        replicas: usize,
        contacts: usize,
        measured: Option<Duration>,
    ) -> Self {
        let slot_s = seconds(class.payload_interval_ms_mean);
        let delay_s = delay_mean_s(params);
        let expected = Way {
            there: (DELAYS_THERE, delay_s),
            back: (DELAYS_BACK, delay_s),
            downlink_s: Downlink::of(class).wait_s(),
        };
        let stretch = measured.map_or(1.0, |rtt| rtt.as_secs_f64() / expected.round_trip_s());
        let way = Way {
            there: (DELAYS_THERE, delay_s * stretch),
            back: (DELAYS_BACK, delay_s * stretch),
            downlink_s: expected.downlink_s * stretch,
        };
        let downlink = Downlink::of(class);
        let turn_slots =
            turn_slots(slot_s, way.round_trip_s() - way.downlink_s, &downlink, replicas, contacts);
        Self { slot_s, way, replicas, turn_slots }
    }

    /// By circuits to the mailboxes that are built already, whose round trip was measured: the network's parameters tell
    /// nothing of Tor.
    pub(crate) fn by_circuits(
        class: &CoverClass,
        replicas: usize,
        contacts: usize,
        measured: Duration,
    ) -> Self {
        let slot_s = seconds(class.payload_interval_ms_mean);
        let half = (PARTS_OF_CIRCUIT / 2, measured.as_secs_f64() / PARTS_OF_CIRCUIT as f64);
        let way = Way { there: half, back: half, downlink_s: 0.0 };
        // No decoy comes before a contact here; but a replica that has not answered is not asked again.
        let unanswered = way.round_trip_s() / (slot_s * replicas.max(1) as f64);
        Self { slot_s, way, replicas, turn_slots: f64::max(contacts.max(1) as f64, unanswered) }
    }

    /// The mean round trip to a mailbox.
    pub(crate) fn round_trip_ms(&self) -> u64 {
        millis(self.way.round_trip_s())
    }

    /// The delays.
    pub(crate) fn delays(&self) -> Delays {
        Delays { stored: Expected::of(&self.stored()), delivered: Expected::of(&self.delivered()) }
    }

    fn stored(&self) -> DelayLaw {
        let ticks = self.slots_before_write(self.replicas);
        let start = self.start(std::iter::repeat_n(self.slot_s, ticks));
        let answered = self.way.back(self.way.there(start));
        // From the last write back to the first: each is under way while the next one waits for its slots.
        let last = answered.clone();
        let all = (2..=self.replicas)
            .rev()
            .fold(last, |rest, write| rest.then_times(self.slots_between(write), self.slot_s).and(&answered));
        // The downlink is one queue: the last to come is the last to go.
        self.way.down(all.then(self.slot_s))
    }

    fn delivered(&self) -> DelayLaw {
        let turns = self.turn_slots.round().clamp(1.0, TURN_SLOTS_MAX as f64);
        let turn_s = self.turn_slots * self.slot_s / turns;
        let turns = whole(turns);
        let ticks = self.slots_before_write(self.replicas);
        let means = std::iter::repeat_n(self.slot_s, ticks).chain(std::iter::repeat_n(turn_s, turns));
        let start = self.start(means);
        // The replica that is asked next may be any: where the box lies since the first write, or since the last.
        let written: Vec<DelayLaw> = (1..=self.replicas.max(1))
            .map(|write| start.clone().then_times(self.slots_before_write(write), self.slot_s))
            .collect();
        let there = self.way.there(DelayLaw::any_of(&written).unwrap_or(start));
        // Of the slots of a turn any number may be left.
        let mut asked = Vec::with_capacity(turns);
        let mut waited = there;
        for _ in 0..turns {
            waited = waited.then(turn_s);
            asked.push(waited.clone());
        }
        self.way.down(self.way.back(DelayLaw::any_of(&asked).unwrap_or(waited)))
    }

    fn start(&self, others_s: impl Iterator<Item = f64>) -> DelayLaw {
        DelayLaw::at_once(self.way.means_s().chain(others_s))
    }

    /// Slots from the write before to this one, counted from 1: one, or two where a question goes first.
    const fn slots_between(&self, write: usize) -> usize {
        if write > 1 && (write - 1).is_multiple_of(WRITES_IN_A_ROW) { 2 } else { 1 }
    }

    /// Slots up to and including the one that carries this write, counted from 1.
    fn slots_before_write(&self, write: usize) -> usize {
        (1..=write).map(|write| self.slots_between(write)).sum()
    }
}

/// The mean of a delay that is exponential up to a greatest one: `mean - max / (e^(max/mean) - 1)`.
fn delay_mean_s(params: &Params) -> f64 {
    let (mean_s, max_s) = (seconds(params.delay_ms_mean), seconds(params.delay_ms_max));
    if mean_s <= 0.0 { 0.0 } else { mean_s - max_s / (max_s / mean_s).exp_m1() }
}

fn seconds(ms: u32) -> f64 {
    f64::from(ms) / 1000.0
}

fn millis(seconds: f64) -> u64 {
    Duration::try_from_secs_f64(seconds).map_or(u64::MAX, |span| {
        u64::try_from(span.as_micros().saturating_add(500) / 1000).unwrap_or(u64::MAX)
    })
}

/// A whole number of at least 0 and at most [`TURN_SLOTS_MAX`].
fn whole(number: f64) -> usize {
    (0..TURN_SLOTS_MAX).take_while(|below| (*below as f64) < number).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn class(payload: u32, looped: u32, downlink: u32) -> CoverClass {
        CoverClass {
            name: "test".into(),
            payload_interval_ms_mean: payload,
            loop_interval_ms_mean: looped,
            drop_interval_ms_mean: 1,
            downlink_interval_ms_mean: downlink,
        }
    }

    fn delays(ms: u32) -> Params {
        Params { delay_ms_mean: ms, delay_ms_max: 10_000, ..Params::default() }
    }

    fn forecast(params: &Params, class: &CoverClass, replicas: usize) -> Forecast {
        Forecast::by_mixes(params, class, replicas, 1, None)
    }

    /// Within one percent, in seconds.
    #[track_caller]
    fn near(found_ms: u64, expected_s: f64) {
        let found_s = found_ms as f64 / 1000.0;
        assert!((found_s - expected_s).abs() <= 0.01 * expected_s, "{found_s} s, not {expected_s} s");
    }

    #[test]
    fn a_round_trip_is_seven_delays_and_the_queue_for_the_downlink() {
        let params = Params::default();
        let found = |class: &CoverClass| forecast(&params, class, 2).round_trip_ms();
        let [standard, frugal] = params.classes.as_slice() else { panic!("two classes") };
        // 1.4 s and 1 / (2 - 1 - 0.2) s; 1.4 s and 1 / (0.4 - 0.2 - 0.0333) s.
        assert_eq!((found(standard), found(frugal)), (2_650, 7_400));
    }

    #[test]
    fn delays_are_shorter_where_the_greatest_one_is_near() {
        // Mean and maximum of 1 s: 1 - 1 / (e - 1).
        let near_max = Params { delay_ms_mean: 1000, delay_ms_max: 1000, ..Params::default() };
        assert!((delay_mean_s(&near_max) - 0.418_023).abs() < 1e-6);
        assert!((delay_mean_s(&delays(200)) - 0.2).abs() < 1e-9);
        assert_eq!(delay_mean_s(&delays(0)), 0.0);
    }

    #[test]
    fn with_one_replica_a_slot_and_a_round_trip_pass() {
        let stored = forecast(&delays(300), &class(2_000, 6_000, 500), 1).delays().stored;
        // 1 / (2 - 1/2 - 1/6) s of downlink.
        near(stored.mean_ms, 2.0 + 7.0 * 0.3 + 0.75);
        // Without delays and with a fast downlink the slot is all there is.
        let stored = forecast(&delays(0), &class(2_000, 600_000, 1), 1).delays().stored;
        near(stored.p95_ms, 2.0 * 20f64.ln());
    }

    /// The mean time until the first of two chains of exponential waits is over, by what happens next.
    fn first_of(one: &[f64], other: &[f64]) -> f64 {
        let ([a, one_left @ ..], [b, other_left @ ..]) = (one, other) else { return 0.0 };
        let (rate_a, rate_b) = (1.0 / a, 1.0 / b);
        let go_on = rate_a * first_of(one_left, other) + rate_b * first_of(one, other_left);
        (1.0 + go_on) / (rate_a + rate_b)
    }

    #[test]
    fn with_two_replicas_the_later_answer_counts_and_then_the_downlink() {
        let (p, d, w) = (2.0, 0.3, 0.75);
        let (mixes, slot_and_mixes) = ([d; 7], [p, d, d, d, d, d, d, d]);
        let later = 7.0 * d + p + 7.0 * d - first_of(&mixes, &slot_and_mixes);
        let stored = forecast(&delays(300), &class(2_000, 6_000, 500), 2).delays().stored;
        near(stored.mean_ms, p + later + w);
        let stored = forecast(&delays(0), &class(2_000, 6_000, 500), 2).delays().stored;
        near(stored.mean_ms, p + p + w);
    }

    #[test]
    fn a_third_write_waits_for_a_question() {
        let few = forecast(&delays(0), &class(2_000, 600_000, 1), 2).delays().stored;
        let more = forecast(&delays(0), &class(2_000, 600_000, 1), 3).delays().stored;
        near(few.mean_ms, 4.0);
        near(more.mean_ms, 8.0);
    }

    #[test]
    fn what_is_stored_is_delivered_when_the_other_side_asks() {
        let (params, class) = (delays(300), class(2_000, 6_000, 500));
        let forecast = forecast(&params, &class, 1);
        let slots = forecast.turn_slots;
        let whole = slots.round();
        let wait = slots * 2.0 * (1.0 + 1.0 / whole) / 2.0;
        near(forecast.delays().delivered.mean_ms, 2.0 + 7.0 * 0.3 + 0.75 + wait);
        // Of two replicas the one that is asked may be the one that is written to a slot later.
        let two = Forecast { replicas: 2, ..forecast }.delays().delivered;
        near(two.mean_ms, 2.0 + 1.0 + 7.0 * 0.3 + 0.75 + wait);
    }

    #[test]
    fn measured_round_trips_stretch_everything_but_the_slots() {
        let (params, class) = (delays(300), class(2_000, 6_000, 500));
        let measured = Some(Duration::from_millis(2 * 2_850));
        let stretched = Forecast::by_mixes(&params, &class, 1, 1, measured);
        assert_eq!((forecast(&params, &class, 1).round_trip_ms(), stretched.round_trip_ms()), (2_850, 5_700));
        near(stretched.delays().stored.mean_ms, 2.0 + 5.7);
        // Where nothing takes time by the parameters, nothing can be stretched, and nothing breaks.
        let instant = Forecast::by_mixes(&delays(0), &self::class(1, 1, 1), 1, 1, measured);
        assert!(instant.delays().stored.mean_ms > 0);
    }

    #[test]
    fn a_circuit_is_asked_by_at_each_slot_that_its_answers_allow() {
        let class = class(2_000, 6_000, 500);
        let by = |replicas, contacts, rtt_s| {
            Forecast::by_circuits(&class, replicas, contacts, Duration::from_secs(rtt_s))
        };
        near(by(1, 1, 1).delays().stored.mean_ms, 3.0);
        assert_eq!([by(2, 0, 1), by(2, 5, 1), by(2, 1, 20)].map(|it| it.turn_slots), [1.0, 5.0, 5.0]);
        // One turn is one slot: what is left of it is a whole one.
        near(by(1, 1, 1).delays().delivered.mean_ms, 2.0 + 1.0 + 2.0);
    }
}
