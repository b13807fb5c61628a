//! The entropy of what leaves one Poisson mix, as Loopix traces it.
//!
//! Each packet in a mix with exponential delays is as likely as any other to leave next. Source: Piotrowska, Hayes, Elahi,
//! Meiser and Danezis, "The Loopix Anonymity System", USENIX Security 2017, section 4.1.3 and appendix A.

use super::{OutsideFormula, binary_bits, ln_poisson, poisson_support, positive, require};

const NAME: &str = "the entropy recursion of a Poisson mix";
/// The highest mean number of packets for which the steady state is computed.
const PACKETS_MEAN_MAX: f64 = 1e6;

/// One step: the entropy in bits of the packet that leaves, where `arrivals` (k) came since the last one left, `pool` (l)
/// were left then, and the one that left then had entropy `before_bits`.
///
/// `H_t = H({k/(k+l), l/(k+l)}) + k/(k+l) log2 k + l/(k+l) H_(t-1)`. It supposes that all arrivals are told apart and
/// nothing else is known.
///
/// # Errors
/// A mix with nothing in it.
pub fn step_bits(arrivals: u32, pool: u32, before_bits: f64) -> Result<f64, OutsideFormula> {
    let all = f64::from(arrivals) + f64::from(pool);
    require(all > 0.0, NAME, "the number of packets", all, "1 or more")?;
    let share = f64::from(arrivals) / all;
    let among = if arrivals > 0 { f64::from(arrivals).log2() } else { 0.0 };
    Ok(binary_bits(share) + share * among + (1.0 - share) * before_bits)
}

/// The mean entropy in bits of a packet that leaves a mix in its steady state, for Poisson arrivals and a mean of
/// `packets_mean` (rho, rate times mean delay) in the mix.
///
/// By the grouping property of entropy the recursion is the same as one step for each arrival: U becomes
/// H(1/(n+1)) + n/(n+1) U, and a departure leaves U as it is. So u(n) = P(n) E(U | n) satisfies the balance
/// `u(n)(rho + n) = rho (P(n-1) H(1/n) + (n-1)/n u(n-1)) + (n+1) u(n+1)`, a tridiagonal system that is solved here. The
/// mean over departures weighs each n by n P(n).
///
/// # Errors
/// A mean that is not above 0, or above 1,000,000.
pub fn steady_bits(packets_mean: f64) -> Result<f64, OutsideFormula> {
    positive(NAME, "the mean number of packets", packets_mean)?;
    require(
        packets_mean <= PACKETS_MEAN_MAX,
        NAME,
        "the mean number of packets",
        packets_mean,
        "up to 1,000,000",
    )?;
    // Below the first n of the support a mix is as good as never: there u is taken to be 0.
    let support = poisson_support(packets_mean);
    let weight = |n: u32| ln_poisson(packets_mean, n).exp();
    let below = |n: u32| if n == 0 { 0.0 } else { weight(n - 1) * binary_bits(1.0 / f64::from(n)) };
    // Elimination from below: u(n) = slope(n) u(n+1) + rest(n).
    let mut forward = Vec::new();
    let (mut slope, mut rest) = (0.0, 0.0);
    for n in support {
        let number = f64::from(n);
        let kept = if n == 0 { 0.0 } else { (number - 1.0) / number };
        let pivot = packets_mean + number - packets_mean * kept * slope;
        rest = packets_mean * (below(n) + kept * rest) / pivot;
        slope = (number + 1.0) / pivot;
        if n == 0 {
            // There is nothing in an empty mix to be uncertain about.
            (slope, rest) = (0.0, 0.0);
        }
        forward.push((number, slope, rest));
    }
    let (mut after, mut sum) = (0.0, 0.0);
    for (number, slope, rest) in forward.into_iter().rev() {
        after = slope * after + rest;
        sum += number * after;
    }
    Ok(sum / packets_mean)
}

/// The limit for many packets: log2(e rho) bits, the entropy of a Poisson process seen through an exponential density. It is
/// above [`steady_bits`] by less than 1/4 of a bit over rho².
///
/// # Errors
/// A mean below 5 packets.
pub fn limit_bits(packets_mean: f64) -> Result<f64, OutsideFormula> {
    require(
        packets_mean.is_finite() && packets_mean >= 5.0,
        "log2(e rho)",
        "the mean number of packets",
        packets_mean,
        "5 or more",
    )?;
    Ok((std::f64::consts::E * packets_mean).log2())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Purpose, Seed};

    /// The mean of the recursion as published, over departures of a simulated queue.
    fn simulated(rho: f64, departures: u32, seed: u64) -> f64 {
        let mut draws = Seed::new(seed).draws(Purpose::Mixing, 0);
        let (mut arrivals, mut pool, mut bits, mut sum, mut counted) = (0, 0, 0.0, 0.0, 0_u32);
        let warm = (30.0 * rho) as u32 + 100;
        while counted < departures + warm {
            let leaving = f64::from(arrivals + pool);
            if draws.unit() * (rho + leaving) < rho {
                arrivals += 1;
                continue;
            }
            bits = step_bits(arrivals, pool, bits).unwrap();
            pool = arrivals + pool - 1;
            arrivals = 0;
            counted += 1;
            if counted > warm {
                sum += bits;
            }
        }
        sum / f64::from(departures)
    }

    #[test]
    fn the_steady_state_is_the_mean_of_the_recursion() {
        for (rho, tolerance) in [(0.5, 0.01), (2.0, 0.01), (20.0, 0.02)] {
            let difference = simulated(rho, 400_000, 4) - steady_bits(rho).unwrap();
            assert!(difference.abs() < tolerance, "{rho}: {difference}");
        }
    }

    #[test]
    fn a_step_groups_what_came_with_what_was_there() {
        // Four arrivals into an empty mix are four equal candidates; two more with the two left over, of 2 bits, make
        // weights of 1/4, 1/4 and four times 1/8.
        assert!((step_bits(4, 0, 0.0).unwrap() - 2.0).abs() < 1e-12);
        assert!((step_bits(2, 2, 2.0).unwrap() - 2.5).abs() < 1e-12);
        assert!(step_bits(0, 0, 0.0).is_err());
    }

    #[test]
    fn the_limit_is_near_from_five_packets_on_and_nearer_with_more() {
        let short = |rho: f64| limit_bits(rho).unwrap() - steady_bits(rho).unwrap();
        for rho in [5.0, 7.0, 50.0, 500.0, 50_000.0] {
            // The limit is too high, by less than 1/4 of a bit over the square of the packets.
            assert!(short(rho) > 0.0 && short(rho) < 0.25 / (rho * rho) + 1e-8, "{rho}: {}", short(rho));
        }
        assert!(limit_bits(4.0).is_err() && steady_bits(0.0).is_err() && steady_bits(2e6).is_err());
    }
}
