//! How often the right candidate is among the first guesses.

/// The probability that the right candidate is among the `guesses` (k) with the largest weights; candidates of equal weight
/// are guessed in random order. 0 if there is no right candidate at this index; k/n if all weights are 0.
#[must_use]
pub fn among_first(weights: &[f64], right: usize, guesses: usize) -> f64 {
    let Some(own) = weights.get(right) else { return 0.0 };
    let heavier = weights.iter().filter(|weight| *weight > own).count();
    let equal = weights.iter().filter(|weight| *weight == own).count();
    (guesses.saturating_sub(heavier) as f64 / equal.max(1) as f64).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_are_shared() {
        let weights = [0.5, 0.2, 0.2, 0.1, 0.0];
        assert_eq!(among_first(&weights, 0, 1), 1.0);
        assert_eq!(among_first(&weights, 1, 1), 0.0);
        assert_eq!(among_first(&weights, 2, 2), 0.5);
        assert_eq!(among_first(&weights, 2, 3), 1.0);
        assert_eq!(among_first(&weights, 9, 5), 0.0);
        assert_eq!(among_first(&[0.0; 20], 3, 10), 0.5);
        // Over all candidates the chances of the first guess are one.
        assert!(((0..5).map(|right| among_first(&weights, right, 2)).sum::<f64>() - 2.0).abs() < 1e-12);
    }
}
