//! The handshakes under way, and who has to go when there are too many.
//!
//! An honest handshake takes a few round trips, so what stays for long is what somebody lets hang. Whoever has most of
//! them under way loses its oldest; of several with as many, the one whose oldest is the oldest of all. So one
//! address that floods pushes out itself, and many that have one each are pushed out by their age.

use std::collections::{BTreeMap, HashMap};

use tokio::sync::oneshot;

use crate::caller::Prefix;

struct Underway {
    /// All whose place is unknown count as one place.
    prefix: Option<Prefix>,
    evict: oneshot::Sender<()>,
}

/// The handshakes under way, by number, oldest first.
#[derive(Default)]
pub(super) struct Handshakes {
    by_number: BTreeMap<u64, Underway>,
    number_next: u64,
}

impl Handshakes {
    /// Adds one and makes room for it. Returns its number, and what it hears by when it has to go itself.
    pub(super) fn begin(
        &mut self,
        prefix: Option<Prefix>,
        handshakes_max: usize,
    ) -> (u64, oneshot::Receiver<()>) {
        // More than one only after the limit was lowered.
        while self.by_number.len() >= handshakes_max.max(1) {
            self.evict_one();
        }
        let number = self.number_next;
        self.number_next += 1;
        let (evict, evicted) = oneshot::channel();
        self.by_number.insert(number, Underway { prefix, evict });
        (number, evicted)
    }

    /// Notes that one is over, whichever way.
    pub(super) fn end(&mut self, number: u64) {
        self.by_number.remove(&number);
    }

    fn evict_one(&mut self) {
        let mut counts = HashMap::<Option<Prefix>, usize>::new();
        for underway in self.by_number.values() {
            *counts.entry(underway.prefix).or_default() += 1;
        }
        let most = counts.values().copied().max();
        let mut by_age = self.by_number.iter();
        let chosen = by_age.find(|(_, underway)| counts.get(&underway.prefix).copied() == most);
        let chosen = chosen.map(|(number, _)| *number);
        if let Some(underway) = chosen.and_then(|number| self.by_number.remove(&number)) {
            // It may have ended just now: then there is nobody to tell, and room all the same.
            let _told = underway.evict.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caller::CallerKey;

    fn prefix(key: &CallerKey, number: u8) -> Option<Prefix> {
        key.caller([192, 0, 2, number].into()).prefix()
    }

    fn is_evicted(handshake: &mut (u64, oneshot::Receiver<()>)) -> bool {
        handshake.1.try_recv().is_ok()
    }

    #[test]
    fn whoever_has_most_loses_its_oldest() {
        let (key, mut handshakes) = (CallerKey::default(), Handshakes::default());
        let mut honest = handshakes.begin(prefix(&key, 1), 10);
        let mut flood: Vec<_> = (0..9).map(|_| handshakes.begin(prefix(&key, 2), 10)).collect();
        for _ in 0..100 {
            flood.push(handshakes.begin(prefix(&key, 2), 10));
            assert_eq!(handshakes.by_number.len(), 10);
        }
        assert!(!is_evicted(&mut honest));
        let gone = flood.iter_mut().map(is_evicted).collect::<Vec<_>>();
        assert!(gone[..100].iter().all(|gone| *gone) && gone[100..].iter().all(|gone| !*gone));
        let mut newcomer = handshakes.begin(prefix(&key, 3), 10);
        assert!(!is_evicted(&mut newcomer) && !is_evicted(&mut honest));
    }

    #[test]
    fn of_equals_the_oldest_goes() {
        for numbers in [vec![0; 4], (0..4).collect()] {
            let (key, mut handshakes) = (CallerKey::default(), Handshakes::default());
            // By an onion service nobody has a place.
            let of = |number: u8| if numbers[1] == 0 { None } else { prefix(&key, number) };
            let mut all: Vec<_> = numbers.iter().map(|number| handshakes.begin(of(*number), 4)).collect();
            let mut newer = handshakes.begin(of(9), 4);
            assert!(is_evicted(&mut all[0]) && !is_evicted(&mut all[1]) && !is_evicted(&mut newer));
        }
    }

    #[test]
    fn what_is_over_makes_room_and_a_lowered_limit_holds() {
        let mut handshakes = Handshakes::default();
        let mut all: Vec<_> = (0..5).map(|_| handshakes.begin(None, 5)).collect();
        handshakes.end(all[0].0);
        let mut next = handshakes.begin(None, 5);
        assert!(all[1..].iter_mut().all(|handshake| !is_evicted(handshake)));
        handshakes.begin(None, 2);
        assert_eq!(handshakes.by_number.len(), 2);
        assert!(all[1..].iter_mut().all(is_evicted) && !is_evicted(&mut next));
    }
}
