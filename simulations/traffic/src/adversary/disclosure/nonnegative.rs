//! Least squares with no negative shares.
//!
//! Coordinate descent on the normal equations: the problem is convex, so the point at which no coordinate can be bettered is
//! its solution, and the conditions of Karush, Kuhn and Tucker tell that it is reached.

use super::dense::Dense;

/// The most sweeps over all coordinates.
const SWEEPS_MAX: u32 = 2000;
/// How far the conditions may be missed, as a part of the largest number on the right side.
const TOLERANCE: f64 = 1e-9;

/// Minimises x'Gx/2 - h'x over x >= 0, for a symmetric G without negative eigenvalues. Begins at `begin`. A coordinate
/// without curvature stays 0.
pub(super) fn solve(gram: &Dense, right: &[f64], begin: Vec<f64>) -> Vec<f64> {
    let mut shares = begin;
    shares.resize(right.len(), 0.0);
    let mut slopes: Vec<f64> = (0..right.len())
        .map(|row| dot(gram.row(row), &shares))
        .zip(right)
        .map(|(have, want)| have - want)
        .collect();
    let allowed = TOLERANCE * right.iter().fold(0.0, |most: f64, value| most.max(value.abs()));
    for _ in 0..SWEEPS_MAX {
        if missed(&shares, &slopes) <= allowed {
            break;
        }
        for (row, share) in shares.iter_mut().enumerate() {
            let curvature = gram.at(row, row);
            let slope = slopes.get(row).copied().unwrap_or(0.0);
            let better = if curvature > 0.0 { (*share - slope / curvature).max(0.0) } else { 0.0 };
            let step = better - *share;
            if step.abs() > 0.0 {
                *share = better;
                for (slope, entry) in slopes.iter_mut().zip(gram.row(row)) {
                    *slope += step * entry;
                }
            }
        }
    }
    shares
}

/// By how much the conditions are missed: where a share is positive the slope is 0, elsewhere it is not negative.
fn missed(shares: &[f64], slopes: &[f64]) -> f64 {
    shares
        .iter()
        .zip(slopes)
        .map(|(share, slope)| if *share > 0.0 { slope.abs() } else { (-slope).max(0.0) })
        .fold(0.0, f64::max)
}

fn dot(one: &[f64], other: &[f64]) -> f64 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn the_conditions_hold_and_no_neighbour_is_better() {
        let mut draws = Seed::new(5).draws(Purpose::Adversary, 0);
        let size = 12;
        for _ in 0..20 {
            let rows: Vec<Vec<f64>> = (0..30).map(|_| (0..size).map(|_| draws.unit()).collect()).collect();
            let wanted: Vec<f64> = (0..30).map(|_| draws.unit() - 0.3).collect();
            let mut gram = Dense::zeros(size, size);
            let mut right = vec![0.0; size];
            for (row, want) in rows.iter().zip(&wanted) {
                for i in 0..size {
                    right[i] += row[i] * want;
                    for j in 0..size {
                        gram.add(i, j, row[i] * row[j]);
                    }
                }
            }
            let shares = solve(&gram, &right, Vec::new());
            // Slopes anew, from the definition.
            let slopes: Vec<f64> = (0..size).map(|i| dot(gram.row(i), &shares) - right[i]).collect();
            assert!(missed(&shares, &slopes) < 1e-6, "{shares:?} {slopes:?}");
            let value = |shares: &[f64]| -> f64 {
                rows.iter().zip(&wanted).map(|(row, want)| (dot(row, shares) - want).powi(2)).sum()
            };
            for _ in 0..50 {
                let near: Vec<f64> =
                    shares.iter().map(|share| (share + 0.02 * (draws.unit() - 0.5)).max(0.0)).collect();
                assert!(value(&shares) <= value(&near));
            }
            assert!(shares.iter().any(|share| *share > 0.0) && shares.contains(&0.0), "{shares:?}");
        }
    }

    #[test]
    fn a_known_solution() {
        // Without the bound it would be (2, -1).
        let mut gram = Dense::zeros(2, 2);
        for (row, column, value) in [(0, 0, 2.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, 2.0)] {
            gram.add(row, column, value);
        }
        assert_eq!(solve(&gram, &[3.0, 0.0], Vec::new()), [1.5, 0.0]);
    }
}
