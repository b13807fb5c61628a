//! What is counted of one conversation: names given, letters that have come, and what is owed to the other side.
//!
//! The ledger is kept in the commit that changes what it counts. Thereby a letter that was taken is known to have come
//! for as long as the contact lasts, and one that comes again is recognised. When a report leaves is decided in
//! [`super::reporting`].

use rand::CryptoRng;
use serde::{Deserialize, Serialize};

use super::id::ContactId;
use super::letter::{Disappearing, Got, Name, Sent, Series};
use super::limits::{ARRIVED_RANGES_MAX, GONE_RANGES_MAX, SERIES_MAX};
use crate::store::{Change, RecordKey, RecordKind, StoreError, record};

/// What became of a name that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Arrival {
    /// It has not come before.
    Fresh,
    /// It has, or is known to be lost.
    Repeat,
}

/// One series of ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
struct Own {
    series: Series,
    /// The number that was given last.
    last: u64,
    /// Up to this number the other side has told everything that it will tell.
    delivered_to: u64,
    /// The same of reading.
    read_to: u64,
}

/// What has come of one series of the other side.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Arrivals {
    pub(crate) series: Series,
    /// Everything up to this number has come, or is known to be lost.
    upto: u64,
    /// What has come beyond, in order, apart from each other and from `upto`.
    beyond: Vec<(u64, u64)>,
    /// The highest number that the other side is known to have given.
    last: u64,
}

impl Arrivals {
    const fn new(series: Series) -> Self {
        Self { series, upto: 0, beyond: Vec::new(), last: 0 }
    }

    /// Whether this number has come.
    fn has(&self, number: u64) -> bool {
        number <= self.upto || self.beyond.iter().any(|(first, last)| (*first..=*last).contains(&number))
    }

    /// Notes that these numbers have come. Beyond [`ARRIVED_RANGES_MAX`] ranges the earliest gap is given up.
    fn fill(&mut self, first: u64, last: u64) {
        self.last = self.last.max(last);
        self.beyond.push((first, last));
        self.beyond.sort_unstable();
        let mut joined: Vec<(u64, u64)> = Vec::with_capacity(self.beyond.len());
        for (first, last) in self.beyond.drain(..) {
            match joined.last_mut() {
                Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                _ => joined.push((first, last)),
            }
        }
        let excess = joined.len().saturating_sub(ARRIVED_RANGES_MAX);
        let mut given_up =
            joined.iter().take(excess).map(|(_, last)| *last).max().unwrap_or(0).max(self.upto);
        joined.retain(|(first, last)| {
            let adjoins = *first <= given_up.saturating_add(1);
            if adjoins {
                given_up = given_up.max(*last);
            }
            !adjoins
        });
        self.upto = given_up;
        self.beyond = joined;
    }

    /// Everything up to this number has come, without [`Arrivals::missing`].
    pub(crate) fn highest(&self) -> u64 {
        self.beyond.last().map_or(self.upto, |(_, last)| *last)
    }

    /// What has not come although later ones have, or the other side says that it was sent.
    pub(crate) fn missing(&self) -> Vec<(u64, u64)> {
        let mut missing = Vec::new();
        let mut next = self.upto.saturating_add(1);
        for (first, last) in &self.beyond {
            missing.push((next, first.saturating_sub(1)));
            next = last.saturating_add(1);
        }
        if next <= self.last {
            missing.push((next, self.last));
        }
        missing
    }
}

/// Which receipts the other side is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipts {
    /// That a message has come.
    pub delivered: bool,
    /// That a message was read.
    pub read: bool,
}

impl Default for Receipts {
    fn default() -> Self {
        Self { delivered: true, read: true }
    }
}

/// The ledger of one conversation.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Ledger {
    own: Option<Own>,
    /// Those of profiles that this one was restored from.
    before: Vec<Own>,
    /// The latest last.
    theirs: Vec<Arrivals>,
    pub(crate) receipts: Receipts,
    /// The limits that letters have unless they say otherwise, and the version of that decision.
    pub(crate) defaults: Disappearing,
    pub(crate) defaults_version: u32,
    /// Whether the other side is to be sent a report.
    pub(crate) owes: bool,
    /// Letters of ours that were asked for and cannot be given.
    gone: Vec<(Series, (u64, u64))>,
    /// The highest place in the conversation that a message of this ledger had: places are not given again when messages go.
    pub(crate) last_seq: u64,
    /// The session before was lost: until the other side has told what it has, letters wait, so that they go in their order.
    /// Not beyond this moment, in milliseconds since the Unix epoch; 0 for no waiting.
    pub(crate) awaits_until_ms: u64,
    /// When something of the other side was opened last, in milliseconds since the Unix epoch; 0 for never.
    pub(crate) heard_ms: u64,
}

impl Ledger {
    /// A name for the next letter of ours.
    pub(crate) fn give_name(&mut self, rng: &mut impl CryptoRng) -> Name {
        let own = self.own.get_or_insert_with(|| Own {
            series: Series::generate(rng),
            last: 0,
            delivered_to: 0,
            read_to: 0,
        });
        own.last = own.last.saturating_add(1);
        Name { series: own.series, number: own.last }
    }

    /// Notes that a letter has come.
    pub(crate) fn note(&mut self, name: Name) -> Arrival {
        let arrivals = self.arrivals_mut(name.series);
        if arrivals.has(name.number) {
            return Arrival::Repeat;
        }
        arrivals.fill(name.number, name.number);
        self.owes = true;
        Arrival::Fresh
    }

    /// Whether a letter has come, or is known to be lost.
    pub(crate) fn has_come(&self, name: Name) -> bool {
        let arrivals = self.theirs.iter().find(|arrivals| arrivals.series == name.series);
        arrivals.is_some_and(|arrivals| arrivals.has(name.number))
    }

    /// Notes what the other side says that it has sent. Whether something turns out to be missing.
    pub(crate) fn note_sent(&mut self, sent: &Sent) -> bool {
        let arrivals = self.arrivals_mut(sent.series);
        let before = arrivals.missing();
        arrivals.last = arrivals.last.max(sent.last);
        let after = arrivals.missing();
        let is_more = after != before;
        self.owes |= is_more;
        is_more
    }

    /// Notes that letters will never come. How many of them had not.
    pub(crate) fn note_gone(&mut self, series: Series, (first, last): (u64, u64)) -> u64 {
        let arrivals = self.arrivals_mut(series);
        let missing = arrivals.missing().into_iter().map(|(from, to)| (from.max(first), to.min(last)));
        let lost = missing
            .filter(|(from, to)| from <= to)
            .fold(0u64, |sum, (from, to)| sum.saturating_add(to.saturating_sub(from)).saturating_add(1));
        // What is beyond everything that is known to exist is nothing to be given up.
        let last = last.min(arrivals.last);
        if lost > 0 && first <= last {
            arrivals.fill(first, last);
        }
        lost
    }

    fn arrivals_mut(&mut self, series: Series) -> &mut Arrivals {
        let at = self.theirs.iter().position(|arrivals| arrivals.series == series);
        let at = at.unwrap_or_else(|| {
            if self.theirs.len() >= SERIES_MAX {
                self.theirs.remove(0);
            }
            self.theirs.push(Arrivals::new(series));
            self.theirs.len().saturating_sub(1)
        });
        // The place was just found or made.
        #[allow(clippy::indexing_slicing)]
        &mut self.theirs[at]
    }

    /// What has come of the other side's series, the latest last.
    pub(crate) fn theirs(&self) -> &[Arrivals] {
        &self.theirs
    }

    /// Our series, and how many letters each has.
    pub(crate) fn sent(&self) -> Vec<Sent> {
        let all = self.before.iter().chain(&self.own);
        all.map(|own| Sent { series: own.series, last: own.last }).collect()
    }

    /// The number of the last letter of a series of ours; none if it is not ours.
    pub(crate) fn last_of(&self, series: Series) -> Option<u64> {
        self.before.iter().chain(&self.own).find(|own| own.series == series).map(|own| own.last)
    }

    /// Notes how much of a series of ours has come, and from which number on that is news.
    pub(crate) fn confirm(&mut self, got: &Got, come_to: u64, read_to: u64) -> u64 {
        let all = self.before.iter_mut().chain(&mut self.own);
        let Some(own) = all.into_iter().find(|own| own.series == got.series) else { return u64::MAX };
        let known = if read_to > own.read_to { own.delivered_to.min(own.read_to) } else { own.delivered_to };
        // What is missing may come yet.
        let settled = got.missing.first().map_or(u64::MAX, |(first, _)| first.saturating_sub(1));
        own.delivered_to = own.delivered_to.max(come_to.min(settled));
        own.read_to = own.read_to.max(read_to.min(settled));
        known.saturating_add(1)
    }

    /// Letters of ours that cannot be given are to be told of.
    pub(crate) fn owe_gone(&mut self, series: Series, range: (u64, u64)) {
        if self.gone.len() < GONE_RANGES_MAX && !self.gone.contains(&(series, range)) {
            self.gone.push((series, range));
        }
        self.owes = true;
    }

    /// The letters of ours to tell that they are gone; with this they are told.
    pub(crate) fn take_gone(&mut self) -> Vec<(Series, (u64, u64))> {
        std::mem::take(&mut self.gone)
    }

    /// As a profile has it that is restored from a backup: numbers given since are not known, so another series begins.
    pub(crate) fn restored(mut self) -> Self {
        self.before.extend(self.own.take());
        let excess = self.before.len().saturating_sub(SERIES_MAX.saturating_sub(1));
        self.before.drain(..excess);
        self.owes = true;
        self
    }

    /// The change that keeps it.
    pub(crate) fn put(&self, contact: ContactId) -> Result<Change, StoreError> {
        Ok(Change::Put { key: ledger_key(contact), value: record::encode(self)? })
    }
}

/// Where the ledger of a contact is kept.
pub(crate) const fn ledger_key(contact: ContactId) -> RecordKey {
    RecordKey { kind: RecordKind::Ledger, id: *contact.as_bytes() }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    use super::*;

    const SERIES: Series = Series::from_bytes([1; 8]);

    fn name(number: u64) -> Name {
        Name { series: SERIES, number }
    }

    #[test]
    fn names_are_given_once_and_a_restored_profile_begins_another_series() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut ledger = Ledger::default();
        let first = ledger.give_name(&mut rng);
        let second = ledger.give_name(&mut rng);
        assert_eq!((first.number, second.number), (1, 2));
        let mut again = ledger.clone().restored();
        let third = again.give_name(&mut rng);
        assert_eq!(third.number, 1);
        assert_ne!(third.series, first.series);
        let sent: Vec<u64> = again.sent().iter().map(|sent| sent.last).collect();
        assert_eq!(sent, [2, 1]);
        for _ in 0..10 {
            again = again.restored();
            again.give_name(&mut rng);
        }
        assert_eq!(again.sent().len(), SERIES_MAX);
    }

    #[test]
    fn a_gap_shows_is_filled_or_given_up() {
        let mut ledger = Ledger::default();
        for number in [1, 2, 5] {
            assert_eq!(ledger.note(name(number)), Arrival::Fresh);
        }
        assert_eq!(ledger.note(name(2)), Arrival::Repeat);
        assert!(ledger.note_sent(&Sent { series: SERIES, last: 7 }));
        assert!(!ledger.note_sent(&Sent { series: SERIES, last: 7 }));
        assert_eq!(ledger.theirs()[0].missing(), [(3, 4), (6, 7)]);
        assert_eq!(ledger.note(name(4)), Arrival::Fresh);
        assert_eq!(ledger.note_gone(SERIES, (3, 6)), 2, "3 and 6");
        assert_eq!(ledger.theirs()[0].missing(), [(7, 7)]);
        assert_eq!(ledger.note_gone(SERIES, (1, u64::MAX)), 1);
        assert_eq!(ledger.theirs()[0].missing(), []);
        assert_eq!(ledger.note(name(8)), Arrival::Fresh, "what was not known yet is not given up");
    }

    #[test]
    fn hostile_numbers_and_series_take_bounded_room() {
        let mut ledger = Ledger::default();
        for number in 1..1000u64 {
            ledger.note(name(number * 3));
            ledger.note(Name { series: Series::from_bytes(number.to_be_bytes()), number: u64::MAX });
        }
        assert!(ledger.theirs().len() <= SERIES_MAX);
        assert!(ledger.theirs().iter().all(|arrivals| arrivals.beyond.len() <= ARRIVED_RANGES_MAX));
        for first in 1..1000 {
            ledger.owe_gone(SERIES, (first, first));
        }
        assert_eq!(ledger.take_gone().len(), GONE_RANGES_MAX);
    }

    proptest! {
        #[test]
        fn arrivals_agree_with_a_set(numbers in prop::collection::vec(1u64..60, 0..60)) {
            let (mut ledger, mut set) = (Ledger::default(), BTreeSet::new());
            for number in numbers {
                let fresh = set.insert(number);
                prop_assert_eq!(ledger.note(name(number)) == Arrival::Fresh, fresh);
            }
            let missing: Vec<u64> =
                ledger.theirs().iter().flat_map(Arrivals::missing).flat_map(|(from, to)| from..=to).collect();
            let highest = set.last().copied().unwrap_or(0);
            let expected: Vec<u64> = (1..=highest).filter(|number| !set.contains(number)).collect();
            prop_assert_eq!(missing, expected);
        }
    }
}
