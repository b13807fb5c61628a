//! From estimates with their errors to weights of candidates.
//!
//! An estimate of 0.2 says little if its error is 0.2. So each candidate is weighed by a Bayes factor: how much better
//! its estimate is explained by a share that is positive (half-normal, as large as the largest estimate) than by none
//! (Kass, Raftery, "Bayes factors", 1995). Not here: where estimates come from.

use statrs::function::erf::erfc;

/// A share and its error.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Estimate {
    /// The share.
    pub(super) value: f64,
    /// Its standard error.
    pub(super) deviation: f64,
}

/// The logarithms of the Bayes factors of estimates, in their order; 0 where nothing can be said.
pub(super) fn factors_ln(estimates: &[Estimate]) -> Vec<f64> {
    let scale = estimates.iter().map(|estimate| estimate.value).fold(0.0, f64::max);
    estimates.iter().map(|estimate| factor_ln(*estimate, scale)).collect()
}

fn factor_ln(estimate: Estimate, scale: f64) -> f64 {
    if estimate.deviation <= 0.0 || !estimate.deviation.is_finite() || scale <= 0.0 {
        return 0.0;
    }
    let z = estimate.value / estimate.deviation;
    let kept = scale * scale / (scale * scale + estimate.deviation * estimate.deviation);
    let positive = erfc(-z * kept.sqrt() / std::f64::consts::SQRT_2).max(f64::MIN_POSITIVE);
    0.5 * (1.0 - kept).max(f64::MIN_POSITIVE).ln() + 0.5 * z * z * kept + positive.ln()
}

/// Weights in proportion to the exponentials, without overflow.
pub(super) fn weights(logarithms: &[f64]) -> Vec<f64> {
    let largest = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    logarithms.iter().map(|logarithm| (logarithm - largest).exp()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_is_the_ratio_of_the_integrals() {
        let normal =
            |x: f64, s: f64| (-0.5 * (x / s).powi(2)).exp() / (s * (2.0 * std::f64::consts::PI).sqrt());
        let (value, deviation, scale) = (0.3, 0.2, 0.5);
        let steps = 200_000;
        let width = 10.0 * scale / f64::from(steps);
        let with: f64 = (0..steps)
            .map(|step| (f64::from(step) + 0.5) * width)
            .map(|share| 2.0 * normal(share, scale) * normal(value - share, deviation) * width)
            .sum();
        let expected = (with / normal(value, deviation)).ln();
        assert!((factor_ln(Estimate { value, deviation }, scale) - expected).abs() < 1e-6);
    }

    #[test]
    fn nothing_positive_says_nothing() {
        let estimates = [Estimate { value: -0.1, deviation: 0.1 }, Estimate { value: 0.0, deviation: 0.1 }];
        assert_eq!(weights(&factors_ln(&estimates)), [1.0, 1.0]);
    }
}
