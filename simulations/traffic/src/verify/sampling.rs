//! Rounds as the forms of disclosure suppose them: so many packets in, as many out, again and again.

use crate::random::Draws;

/// A number below a bound, as an index.
pub(super) fn below(draws: &mut Draws, bound: usize) -> usize {
    draws.below(u32::try_from(bound).unwrap_or(u32::MAX)) as usize
}

/// Adds to the number of one of them.
pub(super) fn add(numbers: &mut [f64], index: usize, more: f64) {
    if let Some(number) = numbers.get_mut(index) {
        *number += more;
    }
}
