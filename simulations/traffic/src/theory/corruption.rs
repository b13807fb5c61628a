//! What corrupt mixes take away: ways that are theirs from end to end, and hops that do not mix.
//!
//! Source of the products: Dingledine, Freedman, Hopwood and Molnar, "A Reputation System to Increase MIX-net Reliability",
//! IH 2001, section 2; Diaz, Halpin and Kiayias, "The Nym Network", 2021, section 4.

use super::{OutsideFormula, ln_choose, require, share};

const NAME: &str = "the compromise of ways";

/// The probability that every mix of a way is corrupt, where each layer has this share of corrupt mixes.
///
/// Holds for stratified networks, in which the choices of a way are independent, and known corrupt nodes.
///
/// # Errors
/// Shares that are not 0 to 1; no layer.
pub fn all_layers(shares: &[f64]) -> Result<f64, OutsideFormula> {
    require(!shares.is_empty(), NAME, "the number of layers", 0.0, "1 or more")?;
    for found in shares {
        share(NAME, "the corrupt share of a layer", *found)?;
    }
    Ok(shares.iter().product())
}

/// The probability that every one of `hops` different mixes is corrupt, where `corrupt` of `mixes` are, at random:
/// the product over i < hops of (B - i)/(N - i).
///
/// Holds for all topologies in which the mixes of a way are different ones, on average over who is corrupt; in one run with
/// fixed corrupt mixes the share differs.
///
/// # Errors
/// More corrupt mixes or more hops than mixes, or no hop.
pub fn without_replacement(corrupt: u32, mixes: u32, hops: u32) -> Result<f64, OutsideFormula> {
    require(corrupt <= mixes, NAME, "the corrupt mixes", f64::from(corrupt), "up to the number of mixes")?;
    let allowed = hops >= 1 && hops <= mixes;
    require(allowed, NAME, "the hops of a way", f64::from(hops), "1 to the number of mixes")?;
    Ok((0..hops).map(|i| f64::from(corrupt.saturating_sub(i)) / f64::from(mixes - i)).product())
}

/// The probability that exactly `honest` of `layers` hops are honest, each with probability 1 - `corrupt_share`.
fn honest_hops(layers: u32, honest: u32, corrupt_share: f64) -> f64 {
    let corrupt = layers.saturating_sub(honest);
    let ways = ln_choose(layers, honest).exp();
    ways * (1.0 - corrupt_share).powf(f64::from(honest)) * corrupt_share.powf(f64::from(corrupt))
}

/// The mean entropy in bits with a share of corrupt mixes in each layer: the sum over j of C(L,j) (1-b)^j b^(L-j) H_j, where
/// `honest_bits` are H_1 to H_L and H_0 is 0.
///
/// It is more than a mean over packets whose number of honest hops is known. Candidates that came by different patterns of honest
/// and corrupt hops are different packets, as what passes a corrupt mix is seen to do so; each pattern's candidates are thinned
/// by its share, which takes from their entropy what the choice between patterns adds. So it also holds for an adversary
/// who traces an exit back without knowing its way, in the limit of dense traffic: the thinned traffic must meet the condition of
/// [`super::layers::network_bits`]. Measured by the test `networks_with_corrupt_mixes_traced_by_hand`.
///
/// # Errors
/// A share that is not 0 to 1; no layer or more than 64.
pub fn mean_bits(corrupt_share: f64, honest_bits: &[f64]) -> Result<f64, OutsideFormula> {
    share(NAME, "the corrupt share", corrupt_share)?;
    let layers = u32::try_from(honest_bits.len()).unwrap_or(u32::MAX);
    require((1..=64).contains(&layers), NAME, "the number of layers", f64::from(layers), "1 to 64")?;
    Ok((1..=layers)
        .zip(honest_bits)
        .map(|(honest, bits)| honest_hops(layers, honest, corrupt_share) * bits)
        .sum())
}

#[cfg(test)]
mod tests {
    use super::super::layers::network_bits;
    use super::super::tracing_by_hand::{Net, mean_bits as traced_bits};
    use super::*;

    #[test]
    fn ways_counted_one_by_one() {
        // All ways over 3 different mixes of 7, of which 0 to 3 are corrupt.
        let (mut all, mut corrupt) = (0, 0);
        for a in 0..7 {
            for b in (0..7).filter(|b| *b != a) {
                for c in (0..7).filter(|c| *c != a && *c != b) {
                    all += 1;
                    corrupt += u32::from(a < 4 && b < 4 && c < 4);
                }
            }
        }
        let expected = f64::from(corrupt) / f64::from(all);
        assert!((without_replacement(4, 7, 3).unwrap() - expected).abs() < 1e-12);
        assert_eq!(without_replacement(2, 7, 3).unwrap(), 0.0);
        assert_eq!(without_replacement(7, 7, 3).unwrap(), 1.0);
        assert_eq!(all_layers(&[0.5, 0.25, 1.0]).unwrap(), 0.125);
        assert!(without_replacement(8, 7, 3).is_err() && without_replacement(1, 2, 3).is_err());
        assert!(all_layers(&[]).is_err() && all_layers(&[1.1]).is_err());
    }

    #[test]
    fn honest_hops_are_binomial() {
        // All 2^5 patterns of five hops, one third corrupt.
        for honest in 0..=5_u32 {
            let sum: f64 = (0..32_u32)
                .filter(|pattern| pattern.count_ones() == honest)
                .map(|pattern| {
                    (0..5).map(|i| if pattern >> i & 1 == 1 { 2.0 / 3.0 } else { 1.0 / 3.0 }).product::<f64>()
                })
                .sum();
            assert!((honest_hops(5, honest, 1.0 / 3.0) - sum).abs() < 1e-12);
        }
    }

    #[test]
    fn networks_with_corrupt_mixes_traced_by_hand() {
        for (layers, width, rate, corrupt) in [(2, 2, 100.0, 1), (3, 4, 100.0, 1)] {
            let bits: Vec<f64> = (1..=layers).map(|l| network_bits(l, width, rate, 1.0).unwrap()).collect();
            let closed = mean_bits(f64::from(corrupt) / f64::from(width), &bits).unwrap();
            let (by_hand, error) = traced_bits(&Net { layers, width, rate, corrupt }, 1600, 55);
            let allowed = 4.0 * error + 0.05;
            assert!((by_hand - closed).abs() < allowed, "{layers} {width}: {by_hand} {closed} {error}");
            // The tolerance tells this from no corruption at all.
            assert!(by_hand < bits.last().unwrap() - 2.0 * allowed);
        }
    }

    #[test]
    fn the_ends_of_the_mean_are_known() {
        assert!((mean_bits(0.0, &[5.0, 6.0, 7.0]).unwrap() - 7.0).abs() < 1e-9);
        assert_eq!(mean_bits(1.0, &[5.0, 6.0]).unwrap(), 0.0);
        assert!((mean_bits(0.5, &[4.0, 8.0]).unwrap() - 4.0).abs() < 1e-9);
        assert!(mean_bits(0.5, &[]).is_err() && mean_bits(-0.1, &[1.0]).is_err());
    }
}
