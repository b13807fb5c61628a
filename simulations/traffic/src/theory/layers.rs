//! The entropy of packets through layers of Poisson mixes.
//!
//! With L mixes of mean delay m on its way, a packet that leaves at t entered about t minus an Erlang time. Where entries
//! are a dense Poisson process of rate Lambda, the entropy of the posterior over them is the differential entropy of that
//! Erlang density plus log2 Lambda. The density of a Poisson mix is in Danezis, "The Traffic Analysis of Continuous-Time
//! Mixes", PET 2004, section 3; the differential entropy of the gamma density in Cover and Thomas, "Elements of Information
//! Theory", 2nd edition, table 17.1.

use statrs::function::gamma::{digamma, ln_gamma};

use super::{OutsideFormula, positive, require};

const NAME: &str = "the entropy of layers of Poisson mixes";

/// The entropy in bits of a packet through `layers` (L) layers of `width` (W) mixes each: total rate `packets_per_s`
/// (Lambda) into the first layer, mean delay `delay_s_mean` (m) at each hop.
///
/// `H_L = log2(Lambda m) + (L + ln Gamma(L) + (1 - L) psi(L)) / ln 2` for L of 2 and more; `H_1 = log2(e Lambda m / W)`, as a
/// single layer mixes only those who chose the same mix.
///
/// It is the limit of dense traffic. Candidates are packets, not clients; the adversary knows the ways that the topology
/// allows and the exponential delays, and sees every link. Its weights must be as smooth as the density, which they are when
/// many packets go over each link within a mean delay: see [`shortfall_bits`].
///
/// # Errors
/// No layer, no mix, rates and delays that are not above 0; less than 5 packets in a mix, or on a link between two mixes within a
/// mean delay.
pub fn network_bits(
    layers: u32,
    width: u32,
    packets_per_s: f64,
    delay_s_mean: f64,
) -> Result<f64, OutsideFormula> {
    require((1..=64).contains(&layers), NAME, "the number of layers", f64::from(layers), "1 to 64")?;
    require(width > 0, NAME, "the mixes of a layer", f64::from(width), "1 or more")?;
    positive(NAME, "the packets per second", packets_per_s)?;
    positive(NAME, "the mean delay in seconds", delay_s_mean)?;
    let held = packets_per_s * delay_s_mean;
    require_dense(layers, width, held)?;
    if layers == 1 {
        return Ok((std::f64::consts::E * held / f64::from(width)).log2());
    }
    let number = f64::from(layers);
    let erlang = number + ln_gamma(number) + (1.0 - number) * digamma(number);
    Ok(held.log2() + erlang / std::f64::consts::LN_2)
}

/// By how much a network may be below [`network_bits`], in bits, where `held` is Lambda m.
///
/// One layer is below by at most 1/(4 rho²), rho = Lambda m / W (see [`super::recursion`]). With more layers, a candidate's
/// weight is a sum over the packets that went from its mix to the next one within a delay, n = Lambda m / W² of them on average:
/// it varies by about 1/sqrt(n) around the density, which costs about 1/(2 n) bits with two layers and less with more. The
/// bound is 0.6/n; measured by the test `networks_traced_by_hand`.
///
/// # Errors
/// As of [`network_bits`].
pub fn shortfall_bits(layers: u32, width: u32, held: f64) -> Result<f64, OutsideFormula> {
    let density = require_dense(layers, width, held)?;
    Ok(if layers == 1 { 0.25 / (density * density) } else { 0.6 / density })
}

/// The packets that are mixed with one another without a gap: in a mix with one layer, on a link with more.
fn require_dense(layers: u32, width: u32, held: f64) -> Result<f64, OutsideFormula> {
    let in_a_mix = held / f64::from(width);
    require(in_a_mix >= 5.0, NAME, "the mean number of packets in a mix", in_a_mix, "5 or more")?;
    if layers == 1 {
        return Ok(in_a_mix);
    }
    let on_a_link = in_a_mix / f64::from(width);
    require(on_a_link >= 5.0, NAME, "the packets on a link within a mean delay", on_a_link, "5 or more")?;
    Ok(on_a_link)
}

#[cfg(test)]
mod tests {
    use super::super::tracing_by_hand::{Net, mean_bits};
    use super::*;

    #[test]
    fn the_erlang_part_is_the_integral_of_its_density() {
        for layers in [2_u32, 3, 5] {
            let density = |x: f64| (f64::from(layers - 1) * x.ln() - x - ln_gamma(f64::from(layers))).exp();
            let step = 1e-3;
            let sum: f64 = (0..60_000)
                .map(|i| (f64::from(i) + 0.5) * step)
                .map(|x| -density(x) * density(x).log2() * step)
                .sum();
            let closed = network_bits(layers, 1, 1000.0, 1.0).unwrap() - 1000_f64.log2();
            assert!((closed - sum).abs() < 1e-4, "{layers}: {closed} {sum}");
        }
    }

    #[test]
    fn networks_traced_by_hand() {
        for (layers, width, rate) in
            [(1, 2, 100.0), (2, 2, 20.0), (2, 2, 50.0), (2, 4, 200.0), (3, 2, 100.0), (4, 1, 60.0)]
        {
            let (by_hand, error) = mean_bits(&Net { layers, width, rate, corrupt: 0 }, 400, 7);
            let closed = network_bits(layers, width, rate, 1.0).unwrap();
            let low = closed - shortfall_bits(layers, width, rate).unwrap() - 4.0 * error;
            assert!(
                (low..closed + 4.0 * error).contains(&by_hand),
                "{layers} {width}: {by_hand} {closed} {error}"
            );
            // What a formula that is wrong by one layer, or without its last term, would say.
            let one_more = network_bits(layers + 1, width, rate, 1.0).unwrap();
            assert!(by_hand < one_more - 4.0 * error, "{layers} {width}: {by_hand} {one_more}");
        }
    }

    #[test]
    fn thin_traffic_is_refused() {
        assert!(network_bits(3, 4, 79.0, 1.0).is_err());
        assert!(network_bits(3, 4, 80.0, 1.0).is_ok());
        assert!(network_bits(1, 4, 20.0, 1.0).is_ok() && network_bits(1, 4, 19.0, 1.0).is_err());
        assert!(network_bits(0, 1, 50.0, 1.0).is_err() && network_bits(1, 0, 50.0, 1.0).is_err());
    }
}
