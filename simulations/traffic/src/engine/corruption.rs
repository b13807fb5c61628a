//! Which nodes are corrupt in a run.

use crate::party::{Layout, Party};
use crate::random::{Purpose, Seed};
use crate::scenario::Corruption;

/// The nodes that are named, and a share of all mixes: each set of that size is as likely. In the order of their numbers.
pub(super) fn draw(corruption: &Corruption, layout: &Layout, seed: Seed) -> Vec<Party> {
    let mut corrupt: Vec<Party> = corruption.nodes.iter().filter_map(|name| layout.by_name(name)).collect();
    let mut draws = seed.draws(Purpose::Corruption, 0);
    let mut mixes: Vec<Party> = (0..layout.mixes()).map(|number| layout.nth_mix(number)).collect();
    let share = f64::from(layout.mixes()) * corruption.mixes_fraction;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "at most the number of mixes"
    )]
    let share = share.round() as u32;
    for taken in 0..share.min(layout.mixes()) {
        let left = draws.below(layout.mixes() - taken);
        corrupt.push(mixes.swap_remove(left as usize));
    }
    corrupt.sort_unstable();
    corrupt.dedup();
    corrupt
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_named_are_corrupt_and_so_many_others_as_come_nearest() {
        let layout = Layout::new(5, vec![2, 4, 4], 2);
        let named = Corruption { mixes_fraction: 0.0, nodes: vec!["mailbox-1".into(), "mix-1-0".into()] };
        assert_eq!(draw(&named, &layout, Seed::new(1)), [layout.mix(1, 0), layout.mailbox(1)]);
        let mut counts = [0_u32; 10];
        for seed in 0..4000 {
            let share = Corruption { mixes_fraction: 0.32, nodes: Vec::new() };
            let drawn = draw(&share, &layout, Seed::new(seed));
            assert_eq!(drawn.len(), 3);
            for party in drawn {
                counts[party.index() - 5] += 1;
            }
        }
        // Each mix in 3 of 10 draws: 1,200 expected, six standard deviations are 174.
        assert!(counts.iter().all(|count| count.abs_diff(1200) < 174), "{counts:?}");
        let all = Corruption { mixes_fraction: 1.0, nodes: Vec::new() };
        assert_eq!(draw(&all, &layout, Seed::new(1)).len(), 10);
    }
}
