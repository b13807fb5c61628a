//! Anonymity of a path through Poisson mixes of which some are corrupt.

use statrs::function::gamma::{digamma, ln_gamma};

use super::design::Design;
use super::wish::Corrupt;

/// The entropy that `hops` honest Poisson mixes in a row give a packet, in bits, where `in_hop` packets are held by all
/// mixes of a layer together: log2(in_hop) plus the differential entropy of an Erlang distribution of shape `hops` and
/// scale 1; behind a single hop there are the packets of one of `width` mixes.
fn entropy_bits(hops: u32, in_hop: f64, width: u32) -> f64 {
    let shape = f64::from(hops);
    let bits = match hops {
        0 => 0.0,
        1 => (std::f64::consts::E * in_hop / f64::from(width)).log2(),
        _ => {
            let erlang = shape + ln_gamma(shape) + (1.0 - shape) * digamma(shape);
            in_hop.log2() + erlang / std::f64::consts::LN_2
        }
    };
    bits.max(0.0)
}

/// The probability that of the mixes of a path so many are corrupt: binomial for a share of all, hypergeometric for a
/// count of them.
fn corrupt_on_path(design: &Design, corrupt: Corrupt, on_path: u32) -> f64 {
    let hops = design.hops();
    match corrupt {
        Corrupt::Fraction(fraction) => {
            let honest = i32::try_from(hops - on_path).unwrap_or(i32::MAX);
            let rest = i32::try_from(on_path).unwrap_or(i32::MAX);
            choose(hops, on_path) * fraction.powi(rest) * (1.0 - fraction).powi(honest)
        }
        Corrupt::Count(count) => {
            let mixes = design.mixes();
            let count = count.min(mixes);
            choose(count, on_path) * choose(mixes - count, hops - on_path) / choose(mixes, hops)
        }
    }
}

/// What is expected of the honest mixes of a path: the sum over their number j of its probability times the entropy of j
/// hops. Corrupt mixes give none.
pub(super) fn entropy_with_corrupt_bits(design: &Design, corrupt: Corrupt, in_hop: f64) -> f64 {
    (0..=design.hops())
        .map(|honest| {
            corrupt_on_path(design, corrupt, design.hops() - honest)
                * entropy_bits(honest, in_hop, design.mixes_per_layer)
        })
        .sum()
}

/// The probability that no mix of a path is honest.
pub(super) fn path_compromised(design: &Design, corrupt: Corrupt) -> f64 {
    corrupt_on_path(design, corrupt, design.hops())
}

fn choose(n: u32, k: u32) -> f64 {
    if k > n {
        return 0.0;
    }
    (0..k).map(|i| f64::from(n - i) / f64::from(i + 1)).product()
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
    fn the_entropy_of_erlang_densities_is_what_integration_gives() {
        for shape in 2..6_u32 {
            let step = 1e-3;
            let integral: f64 = (1..60_000)
                .map(|i| {
                    let x = f64::from(i) * step;
                    let ln = (f64::from(shape) - 1.0) * x.ln() - x - ln_gamma(f64::from(shape));
                    -ln.exp() * ln * step / std::f64::consts::LN_2
                })
                .sum();
            assert!((entropy_bits(shape, 1024.0, 2) - 10.0 - integral).abs() < 1e-3, "{shape}");
        }
    }

    #[test]
    fn corrupt_mixes_are_counted_as_drawing_without_putting_back_counts_them() {
        // 8 mixes, 4 hops, 4 corrupt: all four of a path with probability 4/8 3/7 2/6 1/5.
        let all = path_compromised(&design(3, 2), Corrupt::Count(4));
        assert!((all - 24.0 / 1680.0).abs() < 1e-12, "{all}");
        assert!((path_compromised(&design(3, 2), Corrupt::Fraction(0.5)) - 0.0625).abs() < 1e-12);
        for corrupt in [Corrupt::Count(3), Corrupt::Fraction(0.3)] {
            let sum: f64 = (0..=4).map(|k| corrupt_on_path(&design(3, 2), corrupt, k)).sum();
            assert!((sum - 1.0).abs() < 1e-12);
        }
    }
}
