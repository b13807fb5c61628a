//! Closed forms: what a run must come to where mathematics knows the answer.
//!
//! One family in each file, each function with its source, its units and the range in which it holds; outside it refuses.
//! [`beside()`] picks those that apply to a scenario. Not here: any simulation. [`crate::verify`] holds the two together.

pub mod batches;
pub mod beside;
pub mod corruption;
pub mod disclosure;
pub mod downlink;
pub mod intersection;
pub mod latency;
pub mod layers;
pub mod least_squares;
pub mod occupancy;
pub mod order;
pub mod recursion;
pub mod trilemma;

#[cfg(test)]
pub(crate) mod tracing_by_hand;

pub use beside::{Comparison, beside};

/// A quantity outside the range in which a formula holds.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{formula} does not hold for {quantity} = {found}; allowed: {allowed}")]
pub struct OutsideFormula {
    /// Which formula.
    pub formula: &'static str,
    /// Which of its quantities.
    pub quantity: &'static str,
    /// What it is.
    pub found: f64,
    /// What it may be.
    pub allowed: &'static str,
}

impl OutsideFormula {
    /// The label in reports and documentation: `outside-formula`.
    #[must_use]
    pub const fn label(&self) -> &'static str {
        "outside-formula"
    }
}

/// Requires a condition of one quantity of a formula.
pub(crate) fn require(
    holds: bool,
    formula: &'static str,
    quantity: &'static str,
    found: f64,
    allowed: &'static str,
) -> Result<(), OutsideFormula> {
    if holds { Ok(()) } else { Err(OutsideFormula { formula, quantity, found, allowed }) }
}

/// Requires a finite number above 0.
pub(crate) fn positive(
    formula: &'static str,
    quantity: &'static str,
    found: f64,
) -> Result<(), OutsideFormula> {
    require(found.is_finite() && found > 0.0, formula, quantity, found, "finite, above 0")
}

/// Requires a probability.
pub(crate) fn share(formula: &'static str, quantity: &'static str, found: f64) -> Result<(), OutsideFormula> {
    require((0.0..=1.0).contains(&found), formula, quantity, found, "0 to 1")
}

/// `-p log2 p`, which is 0 at 0.
pub(crate) fn surprise_bits(p: f64) -> f64 {
    if p > 0.0 { -p * p.log2() } else { 0.0 }
}

/// The entropy of two outcomes in bits.
pub(crate) fn binary_bits(p: f64) -> f64 {
    surprise_bits(p) + surprise_bits(1.0 - p)
}

/// The natural logarithm of n over k.
pub(crate) fn ln_choose(n: u32, k: u32) -> f64 {
    use statrs::function::gamma::ln_gamma;
    ln_gamma(f64::from(n) + 1.0)
        - ln_gamma(f64::from(k) + 1.0)
        - ln_gamma(f64::from(n.saturating_sub(k)) + 1.0)
}

/// The logarithm of the probability of n under a Poisson distribution of this mean.
pub(crate) fn ln_poisson(mean: f64, n: u32) -> f64 {
    f64::from(n) * mean.ln() - mean - statrs::function::gamma::ln_gamma(f64::from(n) + 1.0)
}

/// The numbers that a Poisson distribution of this mean gives with all but about 1e-15 of its weight.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast of a float saturates, and means are bounded by the callers"
)]
pub(crate) fn poisson_support(mean: f64) -> std::ops::RangeInclusive<u32> {
    let wide = 9.0 * mean.sqrt() + 25.0;
    ((mean - wide).max(0.0) as u32)..=((mean + wide) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_was_found_and_what_is_allowed() {
        let refusal = share("the order formula", "p", 1.5).unwrap_err();
        assert_eq!(refusal.to_string(), "the order formula does not hold for p = 1.5; allowed: 0 to 1");
        assert_eq!(refusal.label(), "outside-formula");
        assert!(positive("x", "y", f64::NAN).is_err() && share("x", "y", f64::NAN).is_err());
    }

    #[test]
    fn the_support_of_a_poisson_distribution_has_all_of_it() {
        for mean in [0.01, 1.0, 30.0, 3000.0] {
            let sum: f64 = poisson_support(mean).map(|n| ln_poisson(mean, n).exp()).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{mean}: {sum}");
        }
    }
}
