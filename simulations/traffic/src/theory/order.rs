//! Whether two messages of one client come out in the order in which they were written.

use super::{OutsideFormula, binary_bits, ln_choose, positive, require};

const NAME: &str = "the order of two messages";

/// The probability that two messages written together come out in their order: the client releases messages at the times
/// of a Poisson process of rate `release_per_s` (a), each goes over `hops` (k) hops of rate `hop_per_s` (c).
///
/// With p = a/(a+c): `1 - sum over i < k of C(k+i-1, i) 2^-(k+i) (1 - (1-p)^(k-i))`. When the second leaves, the first has made j
/// hops, each before the release with probability 1 - p; from there on both race for their hops with even chances, and the
/// second overtakes if it makes k hops while the first makes at most k - 1 - j. Source: Piotrowska et al., "The Loopix
/// Anonymity System", section 4.1.2 for the model; the sum is a negative binomial distribution (Feller I, section VI.8).
///
/// Holds where links are constant: those that draw their latency change the order a little.
///
/// # Errors
/// Rates that are not above 0; no hop or more than 64.
pub fn kept_probability(release_per_s: f64, hop_per_s: f64, hops: u32) -> Result<f64, OutsideFormula> {
    positive(NAME, "the release rate per second", release_per_s)?;
    positive(NAME, "the hop rate per second", hop_per_s)?;
    require((1..=64).contains(&hops), NAME, "the number of hops", f64::from(hops), "1 to 64")?;
    let released_first = release_per_s / (release_per_s + hop_per_s);
    let overtaken: f64 = (0..hops)
        .map(|i| {
            let race = (ln_choose(hops + i - 1, i) - f64::from(hops + i) * std::f64::consts::LN_2).exp();
            race * (1.0 - (1.0 - released_first).powf(f64::from(hops - i)))
        })
        .sum();
    Ok(1.0 - overtaken)
}

/// What is left unknown about the order, in bits.
///
/// # Errors
/// As of [`kept_probability`].
pub fn hidden_bits(release_per_s: f64, hop_per_s: f64, hops: u32) -> Result<f64, OutsideFormula> {
    kept_probability(release_per_s, hop_per_s, hops).map(binary_bits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    #[test]
    fn pairs_raced_through_hops() {
        let mut draws = Seed::new(5).draws(Purpose::Delay, 0);
        let n = 40_000_u32;
        for (release, hop, hops) in [(1.0, 5.0, 4), (1.0, 0.5, 3), (10.0, 1.0, 1), (2.0, 2.0, 8)] {
            let kept = (0..n)
                .filter(|_| {
                    let mut way = || (0..hops).map(|_| draws.exponential(1.0 / hop)).sum::<f64>();
                    let (first, second) = (way(), way());
                    first < draws.exponential(1.0 / release) + second
                })
                .count() as f64;
            let expected = kept_probability(release, hop, hops).unwrap();
            let tolerance = 4.0 * (expected * (1.0 - expected) / f64::from(n)).sqrt();
            assert!((kept / f64::from(n) - expected).abs() < tolerance, "{release} {hop} {hops}: {expected}");
        }
    }

    #[test]
    fn the_ends_are_known() {
        // One hop: overtaken if released first (p) and then faster (1/2).
        assert!((kept_probability(1.0, 3.0, 1).unwrap() - (1.0 - 0.25 / 2.0)).abs() < 1e-12);
        // Released at once after one another, the order is a coin; far apart it is kept.
        assert!((kept_probability(1e9, 1.0, 5).unwrap() - 0.5).abs() < 1e-6);
        assert!(kept_probability(1e-9, 1.0, 5).unwrap() > 1.0 - 1e-6);
        assert!((hidden_bits(1e9, 1.0, 5).unwrap() - 1.0).abs() < 1e-6);
        assert!(kept_probability(1.0, 1.0, 0).is_err() && kept_probability(0.0, 1.0, 1).is_err());
    }
}
