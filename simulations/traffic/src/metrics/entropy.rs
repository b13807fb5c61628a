//! How uncertain a distribution over candidates is.
//!
//! Four numbers, as one alone misleads: an adversary may be right often where the Shannon entropy is high (Tóth, Hornák and
//! Vajda, "Measuring Anonymity Revisited", NordSec 2004).

/// The uncertainty of one distribution. The entropies are 0 for one certain candidate and log2 n for n equal ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Uncertainty {
    /// Shannon entropy in bits (Serjantov and Danezis, PET 2002; Diaz, Seys, Claessens and Preneel, PET 2002).
    pub shannon_bits: f64,
    /// Min-entropy in bits: -log2 of the largest weight; what the best single guess is worth.
    pub min_bits: f64,
    /// Guesses until the right one, on average, with the best order of guessing (Massey, "Guessing and Entropy", ISIT 1994).
    pub guesses_mean: f64,
    /// The same in bits: log2(2 G - 1), so that n equal candidates are log2 n bits.
    pub guessing_bits: f64,
    /// The effective number of candidates: 2 to the Shannon entropy.
    pub effective_set: f64,
    /// Candidates with at least the weight asked for.
    pub support: usize,
}

/// The uncertainty of weights of any sum; those below `support_min` of it are not counted in the support. `None` if no weight
/// is above 0 or one is negative or not finite: then nothing was concluded.
#[must_use]
pub fn uncertainty(weights: &[f64], support_min: f64) -> Option<Uncertainty> {
    if weights.iter().any(|weight| !weight.is_finite() || *weight < 0.0) {
        return None;
    }
    let sum: f64 = weights.iter().sum();
    if sum <= 0.0 {
        return None;
    }
    let mut shares: Vec<f64> =
        weights.iter().filter(|weight| **weight > 0.0).map(|weight| weight / sum).collect();
    shares.sort_by(|a, b| b.total_cmp(a));
    let shannon_bits = shares.iter().map(|p| -p * p.log2()).sum::<f64>().max(0.0);
    let guesses_mean: f64 = (1_u32..).zip(&shares).map(|(guess, p)| f64::from(guess) * p).sum();
    Some(Uncertainty {
        shannon_bits,
        min_bits: -shares.first()?.log2(),
        guesses_mean,
        guessing_bits: (2.0 * guesses_mean - 1.0).max(1.0).log2(),
        effective_set: shannon_bits.exp2(),
        support: shares.iter().filter(|p| **p >= support_min).count(),
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn equal_candidates_are_log2_of_their_number_in_every_way() {
        let even = uncertainty(&[3.0; 8], 0.01).unwrap();
        for bits in [even.shannon_bits, even.min_bits, even.guessing_bits] {
            assert!((bits - 3.0).abs() < 1e-12);
        }
        assert!((even.guesses_mean - 4.5).abs() < 1e-12 && (even.effective_set - 8.0).abs() < 1e-9);
        assert_eq!(even.support, 8);
    }

    #[test]
    fn a_likely_candidate_among_many_shows_in_the_min_entropy_alone() {
        // Half the weight on one, the rest on 1,024: the example of a misleading Shannon entropy.
        let weights: Vec<f64> = std::iter::once(0.5).chain(std::iter::repeat_n(0.5 / 1024.0, 1024)).collect();
        let skewed = uncertainty(&weights, 0.001).unwrap();
        assert!((skewed.shannon_bits - 6.0).abs() < 1e-9 && (skewed.min_bits - 1.0).abs() < 1e-12);
        assert_eq!(skewed.support, 1);
        // 1/2 * 1 + 1/2 * the mean of 2 to 1,025.
        assert!((skewed.guesses_mean - (0.5 + 0.5 * 513.5)).abs() < 1e-9);
    }

    #[test]
    fn nothing_is_concluded_from_nothing() {
        assert_eq!(uncertainty(&[0.0, 0.0], 0.0), None);
        assert_eq!(uncertainty(&[], 0.0), None);
        assert_eq!(uncertainty(&[1.0, f64::NAN], 0.0), None);
        assert_eq!(uncertainty(&[1.0, -1.0], 0.0), None);
    }

    proptest! {
        #[test]
        fn the_entropies_keep_their_order(weights in prop::collection::vec(0.0..1.0_f64, 1..40)) {
            if let Some(of) = uncertainty(&weights, 0.0) {
                prop_assert!(of.min_bits <= of.shannon_bits + 1e-9);
                prop_assert!(of.shannon_bits <= (weights.len() as f64).log2() + 1e-9);
                // Massey's bound: G >= 2^H / 4 + 1 for H of 2 bits and more.
                if of.shannon_bits >= 2.0 {
                    prop_assert!(of.guesses_mean >= of.effective_set / 4.0 + 1.0 - 1e-9);
                }
            }
        }
    }
}
