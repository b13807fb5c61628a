//! Choices by chance.

use std::collections::HashSet;

use crate::random::Draws;

/// Up to `count` different numbers below `bound`, in random order.
pub(super) fn sample(draws: &mut Draws, bound: usize, count: usize) -> Vec<usize> {
    // Nothing here counts more than clients or passages of one run in memory.
    let limit = u32::try_from(bound).unwrap_or(u32::MAX);
    if count * 2 >= bound {
        let mut all: Vec<usize> = (0..bound).collect();
        shuffle(draws, &mut all);
        all.truncate(count);
        return all;
    }
    let mut chosen = HashSet::with_capacity(count);
    let mut order = Vec::with_capacity(count);
    while order.len() < count {
        let number = draws.below(limit) as usize;
        if chosen.insert(number) {
            order.push(number);
        }
    }
    order
}

/// Puts things in random order (Fisher and Yates), and no order is more likely than another.
pub(super) fn shuffle<T>(draws: &mut Draws, things: &mut [T]) {
    for end in (1..things.len()).rev() {
        let bound = u32::try_from(end + 1).unwrap_or(u32::MAX);
        things.swap(end, draws.below(bound) as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn a_sample_has_no_number_twice_and_all_are_as_likely() {
        let mut draws = Seed::new(1).draws(Purpose::Targets, 0);
        for count in [2, 7] {
            let mut counts = [0_u32; 10];
            for _ in 0..5000 {
                let mut numbers = sample(&mut draws, 10, count);
                numbers.iter().for_each(|number| counts[*number] += 1);
                numbers.sort_unstable();
                numbers.dedup();
                assert_eq!(numbers.len(), count);
            }
            // Six standard deviations of a binomial.
            let p = f64::from(u32::try_from(count).unwrap()) / 10.0;
            for seen in counts {
                assert!((f64::from(seen) - 5000.0 * p).abs() < 6.0 * (5000.0 * p * (1.0 - p)).sqrt());
            }
        }
        assert_eq!(sample(&mut draws, 3, 10).len(), 3);
    }
}
