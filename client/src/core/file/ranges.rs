//! A set of part numbers, kept as the ranges that it consists of.

use serde::{Deserialize, Serialize};

/// Ascending and apart from each other, first and last of each.
#[derive(Clone, PartialEq, Eq, Default, Debug, Serialize, Deserialize)]
pub(crate) struct Ranges(Vec<(u32, u32)>);

impl Ranges {
    /// The numbers from 0, so many of them.
    pub(crate) fn up_to(count: u32) -> Self {
        Self(count.checked_sub(1).map(|last| (0, last)).into_iter().collect())
    }

    /// From ranges that are ascending and apart.
    pub(crate) const fn from_ascending(ranges: Vec<(u32, u32)>) -> Self {
        Self(ranges)
    }

    /// The ranges.
    pub(crate) fn as_slice(&self) -> &[(u32, u32)] {
        &self.0
    }

    /// How many numbers there are.
    pub(crate) fn len(&self) -> u64 {
        self.0.iter().map(|(first, last)| u64::from(last.saturating_sub(*first)).saturating_add(1)).sum()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The highest number.
    pub(crate) fn last(&self) -> Option<u32> {
        self.0.last().map(|(_, last)| *last)
    }

    pub(crate) fn contains(&self, number: u32) -> bool {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after.checked_sub(1).and_then(|at| self.0.get(at)).is_some_and(|(_, last)| number <= *last)
    }

    /// Takes a number out; nothing happens if it is not in.
    pub(crate) fn remove(&mut self, number: u32) {
        let after = self.0.partition_point(|(first, _)| *first <= number);
        let Some(at) = after.checked_sub(1) else { return };
        let Some(&(first, last)) = self.0.get(at).filter(|(_, last)| number <= *last) else { return };
        let before = number.checked_sub(1).filter(|before| first <= *before).map(|before| (first, before));
        let behind = number.checked_add(1).filter(|behind| *behind <= last).map(|behind| (behind, last));
        self.0.splice(at..after, before.into_iter().chain(behind));
    }

    /// The numbers, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = u32> {
        self.0.iter().flat_map(|(first, last)| *first..=*last)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ranges_agree_with_a_set(count in 0u32..40, removed in prop::collection::vec(0u32..45, 0..60)) {
            let (mut ranges, mut set): (Ranges, BTreeSet<u32>) = (Ranges::up_to(count), (0..count).collect());
            for number in removed {
                ranges.remove(number);
                set.remove(&number);
            }
            prop_assert_eq!(ranges.iter().collect::<Vec<_>>(), set.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!((ranges.len(), ranges.last()), (set.len() as u64, set.last().copied()));
            prop_assert!((0..45).all(|number| ranges.contains(number) == set.contains(&number)));
            prop_assert!(ranges.as_slice().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
