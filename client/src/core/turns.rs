//! How often each place is asked for: the slots that contacts, their watches and decoys share, on a lane over an entry.
//!
//! A model of what [`super::slots`] and [`super::decoys`] do, for forecasts. It decides nothing.

use std::time::Duration;

use sotto_protocol::directory::CoverClass;

use super::decoys::LIFE_MEAN;
use super::limits::{DECOYS_MAX, WATCH_INTERVAL, WATCH_INTERVAL_PAST};

/// The downlink of a session as a queue: answers and loops come as a Poisson process, and one is let through at each tick
/// of another (M/M/1).
#[derive(Clone, Copy, Debug)]
pub(super) struct Downlink {
    come_per_s: f64,
    go_per_s: f64,
}

impl Downlink {
    pub(super) fn of(class: &CoverClass) -> Self {
        let rate = |interval_ms: u32| 1000.0 / f64::from(interval_ms.max(1));
        Self {
            come_per_s: rate(class.payload_interval_ms_mean) + rate(class.loop_interval_ms_mean),
            go_per_s: rate(class.downlink_interval_ms_mean),
        }
    }

    /// The mean wait, which is exponential: one over the difference of the rates.
    pub(super) fn wait_s(&self) -> f64 {
        // A class whose downlink is slower than what comes is in no consensus.
        let spare = self.go_per_s - self.come_per_s;
        if spare > 0.0 { 1.0 / spare } else { 1.0 / self.go_per_s }
    }

    /// The chance that one more of those waits that come `per_s`, given that one does: their number is geometric.
    fn more(&self, per_s: f64) -> f64 {
        let busy = (self.come_per_s / self.go_per_s).min(1.0);
        let theirs = busy * per_s / self.come_per_s;
        theirs / (1.0 - busy + theirs)
    }
}

/// How many slots it takes until every contact's next box and every decoy has been asked for, and the watches of
/// contacts that are due meanwhile. Through the mixes and back takes `mixed_s`.
///
/// A decoy is made when a slot finds every other one unanswered at every replica, and lives for [`LIFE_MEAN`]. There are
/// as many as are made as often as they end. Of the questions that are unanswered at one moment those in the mixes follow
/// the law of Poisson, and the answers that wait for the downlink are geometric.
pub(super) fn turn_slots(
    slot_s: f64,
    mixed_s: f64,
    downlink: &Downlink,
    replicas: usize,
    contacts: usize,
) -> f64 {
    let contacts = contacts.max(1) as f64;
    // How many times as many are made as end, as a logarithm.
    let excess = |decoys: usize| {
        let count = decoys as f64;
        let asked_per_s = count / (with_watches(slot_s, contacts, count) * slot_s);
        let all = decoys.saturating_mul(replicas.max(1));
        // Far out it is too small to be told from nought, which has no logarithm.
        let full = tail(all, asked_per_s * mixed_s, downlink.more(asked_per_s)).max(f64::MIN_POSITIVE);
        (asked_per_s * LIFE_MEAN.as_secs_f64() * full / count).ln()
    };
    let (mut decoys, mut before) = (1.0, excess(1));
    for count in 2..=DECOYS_MAX {
        if before <= 0.0 {
            break;
        }
        let here = excess(count);
        // Where it crosses nought between the two numbers.
        decoys = count as f64 - if here < 0.0 { here / (here - before) } else { 0.0 };
        before = here;
    }
    with_watches(slot_s, contacts, decoys)
}

/// One turn of so many contacts and decoys, with the contacts' watches: each has three, which have pauses and go once a turn
/// at most. Longer turns have more of them, up to a length that fits.
fn with_watches(slot_s: f64, contacts: f64, decoys: f64) -> f64 {
    /// Enough to come close to that length; what is missing is a fraction of a slot.
    const ROUNDS: usize = 64;
    let due = |turn_s: f64, pause: Duration| f64::min(1.0, turn_s / pause.as_secs_f64());
    (0..ROUNDS).fold(contacts + decoys, |slots, _| {
        let turn_s = slots * slot_s;
        let watches = due(turn_s, WATCH_INTERVAL) + 2.0 * due(turn_s, WATCH_INTERVAL_PAST);
        contacts + decoys + contacts * watches
    })
}

/// The chance that a Poisson variable of this mean and a geometric one, which goes on with the chance `more`, are together
/// at least `least`.
fn tail(least: usize, mean: f64, more: f64) -> f64 {
    let (mut below, mut reached, mut exactly) = (0.0, 0.0, (-mean).exp());
    for (k, missing) in (0..least).zip((1..=least).rev()) {
        below += exactly;
        reached += exactly * more.powi(i32::try_from(missing).unwrap_or(i32::MAX));
        exactly *= mean / (k as f64 + 1.0);
    }
    f64::max(0.0, 1.0 - below) + reached
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A downlink at which so many answers and loops come and go in a second.
    fn downlink(come_per_s: f64, go_per_s: f64) -> Downlink {
        Downlink { come_per_s, go_per_s }
    }

    #[test]
    fn the_tail_is_that_of_poisson_of_geometry_and_of_their_sum() {
        // 1 - e^-2 (1 + 2 + 2).
        assert!((tail(3, 2.0, 0.0) - 0.323_324).abs() < 1e-6);
        assert!((tail(3, 0.0, 0.5) - 0.125).abs() < 1e-12);
        // e^-2 (1/4 + 2/2), and the rest.
        let sum = (-2f64).exp() * 1.25 + 1.0 - 3.0 * (-2f64).exp();
        assert!((tail(2, 2.0, 0.5) - sum).abs() < 1e-12);
        assert_eq!((tail(0, 2.0, 0.5), tail(5, 0.0, 0.0)), (1.0, 0.0));
    }

    #[test]
    fn the_downlink_is_a_queue() {
        assert_eq!(downlink(1.5, 2.0).wait_s(), 2.0);
        assert_eq!(downlink(3.0, 2.0).wait_s(), 0.5, "in no consensus");
        // All that waits, and half of it: a mean of 3 and of 3/2, which is more / (1 - more).
        assert!((downlink(1.5, 2.0).more(1.5) - 0.75).abs() < 1e-12);
        assert!((downlink(1.5, 2.0).more(0.75) - 0.6).abs() < 1e-12);
    }

    #[test]
    fn watches_take_the_slots_that_are_due_within_a_turn() {
        // 1 contact, 4 decoys: 5 slots of 1 s, and a tenth of a watch for each second: x = 5 + x / 10 + 2 x / 300.
        let slots = with_watches(1.0, 1.0, 4.0);
        assert!((slots - 5.0 / (1.0 - 0.1 - 2.0 / 300.0)).abs() < 1e-9, "{slots}");
        // In a long turn each contact's three watches go once.
        assert_eq!(with_watches(1.0, 200.0, 1.0), 801.0);
    }

    #[test]
    fn there_are_as_many_decoys_as_answers_take_slots() {
        let fast_downlink = downlink(12.0, 1_000.0);
        let slots = |mixed_s| turn_slots(0.1, mixed_s, &fast_downlink, 2, 1);
        let (fast, slow) = (slots(0.05), slots(2.0));
        assert!(fast < 5.0 && slow > 10.0, "{fast} and {slow} slots");
        // Answers that wait in a queue count as well.
        assert!(turn_slots(0.1, 0.05, &downlink(12.0, 15.0), 2, 1) > fast + 2.0);
        // The most that can be made, and next to none.
        assert!(turn_slots(0.1, 1e6, &fast_downlink, 2, 1) > 32.0);
        let one = turn_slots(100.0, 0.0, &downlink(0.01, 1e9), 8, 1);
        assert!((2.0..=2.0 + 3.0).contains(&one), "{one} slots");
        // With many contacts there is always one to ask for.
        let many = turn_slots(0.1, 2.0, &fast_downlink, 2, 500);
        assert!((501.0..=501.0 + 1500.0).contains(&many), "{many} slots");
    }
}
