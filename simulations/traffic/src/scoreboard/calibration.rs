//! Whether an adversary's weights are the frequencies that they claim to be.

/// Bins of weights between 0 and 1.
const BINS: usize = 10;

#[derive(Clone, Copy, Debug, Default)]
struct Bin {
    count: f64,
    weights: f64,
    truths: f64,
}

/// Weights and truths, counted in bins of weights.
#[derive(Clone, Debug, Default)]
pub(super) struct Reliability {
    bins: [Bin; BINS],
}

impl Reliability {
    /// Counts a weight, and whether its candidate was right (1) or not (0).
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a weight is between 0 and 1, and a cast saturates"
    )]
    pub(super) fn add(&mut self, weight: f64, truth: f64) {
        // Ten bins; a weight of 1 belongs to the last.
        let index = ((weight * 10.0) as usize).min(BINS - 1);
        if let Some(bin) = self.bins.get_mut(index) {
            bin.count += 1.0;
            bin.weights += weight;
            bin.truths += truth;
        }
    }

    /// Adds another's counts.
    pub(super) fn absorb(&mut self, other: &Self) {
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.count += more.count;
            bin.weights += more.weights;
            bin.truths += more.truths;
        }
    }

    /// The mean over all weights of the squared difference of mean weight and frequency in their bin.
    pub(super) fn mean_squared_difference(&self) -> f64 {
        let count: f64 = self.bins.iter().map(|bin| bin.count).sum();
        let full = self.bins.iter().filter(|bin| bin.count > 0.0);
        full.map(|bin| (bin.weights - bin.truths).powi(2) / bin.count).sum::<f64>() / count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_right_as_often_as_it_says_is_calibrated_and_who_boasts_is_not() {
        let (mut honest, mut boasting) = (Reliability::default(), Reliability::default());
        for number in 0..100 {
            let truth = if number % 4 == 0 { 1.0 } else { 0.0 };
            honest.add(0.25, truth);
            boasting.add(1.0, truth);
        }
        assert!(honest.mean_squared_difference() < 1e-12);
        assert!((boasting.mean_squared_difference() - 0.75 * 0.75).abs() < 1e-12);
    }
}
