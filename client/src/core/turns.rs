//! How often each place is asked for: the slots that contacts, their watches and decoys share, on a lane over an entry.
//!
//! A model of what [`super::slots`] and [`super::decoys`] do, for forecasts. It decides nothing.

use std::time::Duration;

use super::decoys::LIFE_MEAN;
use super::limits::{DECOYS_MAX, WATCH_INTERVAL, WATCH_INTERVAL_PAST};

/// How many slots it takes until every contact's next box and every decoy has been asked for, and the watches of
/// contacts that are due meanwhile.
///
/// A decoy is made when a slot finds every other one unanswered at every replica, and lives for [`LIFE_MEAN`]. There are as many as
/// are made as often as they end: questions that are unanswered at one moment follow the law of Poisson.
pub(super) fn turn_slots(slot_s: f64, round_trip_s: f64, replicas: usize, contacts: usize) -> f64 {
    let contacts = contacts.max(1) as f64;
    let mut slots = contacts;
    for decoys in 1..=DECOYS_MAX {
        slots = with_watches(slot_s, contacts, decoys as f64);
        let asked_per_s = decoys as f64 / (slots * slot_s);
        let all = decoys.saturating_mul(replicas.max(1));
        let made = asked_per_s * LIFE_MEAN.as_secs_f64() * poisson_tail(all, asked_per_s * round_trip_s);
        if made <= decoys as f64 {
            break;
        }
    }
    slots
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

/// The chance that a Poisson variable of this mean is at least `least`.
fn poisson_tail(least: usize, mean: f64) -> f64 {
    let below =
        (0..least).fold((0.0, (-mean).exp()), |(sum, term), k| (sum + term, term * mean / (k as f64 + 1.0)));
    f64::max(0.0, 1.0 - below.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_of_poisson_is_that_of_tables() {
        // 1 - e^-2 (1 + 2 + 2).
        assert!((poisson_tail(3, 2.0) - 0.323_324).abs() < 1e-6);
        assert_eq!(poisson_tail(0, 2.0), 1.0);
        assert_eq!(poisson_tail(5, 0.0), 0.0);
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
        let slots = |round_trip_s| turn_slots(0.1, round_trip_s, 2, 1);
        let (fast, slow) = (slots(0.05), slots(2.0));
        assert!(fast < 5.0 && slow > 10.0, "{fast} and {slow} slots");
        // With many contacts there is always one to ask for.
        let many = turn_slots(0.1, 2.0, 2, 500);
        assert!((501.0..=501.0 + 1500.0).contains(&many), "{many} slots");
    }
}
