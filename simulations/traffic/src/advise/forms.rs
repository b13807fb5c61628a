//! Anonymity of a path through Poisson mixes of which some are corrupt: the closed forms of [`crate::theory`] at a design.

use super::design::Design;
use super::wish::Corrupt;
use crate::theory::{OutsideFormula, corruption, layers, ln_choose};

/// What is expected of the honest mixes of a path, in bits, where users send `packets_per_s`: the sum over their number of
/// its probability times the entropy of so many hops. Corrupt mixes give none.
///
/// # Errors
/// [`OutsideFormula`] where traffic is too thin for [`layers::network_bits`].
pub(super) fn entropy_bits(
    design: &Design,
    corrupt: Corrupt,
    packets_per_s: f64,
) -> Result<f64, OutsideFormula> {
    let delay_s = f64::from(design.delay_ms_mean) / 1000.0;
    let honest_bits = (1..=design.hops())
        .map(|hops| layers::network_bits(hops, design.mixes_per_layer, packets_per_s, delay_s))
        .collect::<Result<Vec<f64>, OutsideFormula>>()?;
    match corrupt {
        Corrupt::Fraction(fraction) => corruption::mean_bits(fraction, &honest_bits),
        Corrupt::Count(count) => {
            Ok((1..).zip(honest_bits).map(|(honest, bits)| drawn(design, count, honest) * bits).sum())
        }
    }
}

/// The probability that of the mixes of a path so many are honest, where `corrupt` of all are: hypergeometric.
fn drawn(design: &Design, corrupt: u32, honest: u32) -> f64 {
    let (mixes, hops) = (design.mixes(), design.hops());
    let corrupt = corrupt.min(mixes);
    let Some(on_path) = hops.checked_sub(honest).filter(|on_path| *on_path <= corrupt) else { return 0.0 };
    if honest > mixes - corrupt {
        return 0.0;
    }
    (ln_choose(corrupt, on_path) + ln_choose(mixes - corrupt, honest) - ln_choose(mixes, hops)).exp()
}

/// The probability that no mix of a path is honest.
///
/// # Errors
/// [`OutsideFormula`] for a share that is none.
pub(super) fn path_compromised(design: &Design, corrupt: Corrupt) -> Result<f64, OutsideFormula> {
    match corrupt {
        Corrupt::Fraction(fraction) => corruption::all_layers(&vec![fraction; design.hops() as usize]),
        Corrupt::Count(count) => {
            corruption::without_replacement(count.min(design.mixes()), design.mixes(), design.hops())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn design(layers: u32, mixes_per_layer: u32) -> Design {
        Design {
            delay_ms_mean: 200,
            layers,
            mixes_per_layer,
            payload_interval_ms_mean: 1000,
            loop_interval_ms_mean: 5000,
            drop_interval_ms_mean: 5000,
            downlink_interval_ms_mean: 500,
        }
    }

    #[test]
    fn corrupt_mixes_are_counted_as_drawing_without_putting_back_counts_them() {
        // 8 mixes, 4 hops, 4 corrupt: all four of a path with probability 4/8 3/7 2/6 1/5.
        let all = path_compromised(&design(3, 2), Corrupt::Count(4)).unwrap();
        assert!((all - 24.0 / 1680.0).abs() < 1e-12, "{all}");
        assert!((drawn(&design(3, 2), 4, 0) - all).abs() < 1e-12);
        assert!((path_compromised(&design(3, 2), Corrupt::Fraction(0.5)).unwrap() - 0.0625).abs() < 1e-12);
        for corrupt in [0, 3, 7, 8] {
            let sum: f64 = (0..=4).map(|honest| drawn(&design(3, 2), corrupt, honest)).sum();
            assert!((sum - 1.0).abs() < 1e-9, "{corrupt}: {sum}");
        }
        // With two of eight corrupt a path has two honest mixes at least.
        assert_eq!(drawn(&design(3, 2), 2, 1), 0.0);
    }

    #[test]
    fn a_count_and_a_share_that_say_the_same_of_very_many_mixes_agree() {
        let design = design(3, 100);
        let bits = |corrupt| entropy_bits(&design, corrupt, 1e6).unwrap();
        assert!((bits(Corrupt::Count(80)) - bits(Corrupt::Fraction(0.2))).abs() < 0.05);
        assert!(bits(Corrupt::Count(0)) > bits(Corrupt::Count(80)) + 0.1);
        // 5 packets on a link within a mean delay of 0.2 s: 250,000 packets a second.
        assert!(entropy_bits(&design, Corrupt::Count(0), 249_000.0).is_err());
        assert!(entropy_bits(&design, Corrupt::Count(0), 251_000.0).is_ok());
    }
}
