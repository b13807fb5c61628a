//! The entropy of what leaves a threshold mix, a timed mix, or a pool.
//!
//! Source: Serjantov and Danezis, "Towards an Information Theoretic Metric for Anonymity", PET 2002, section 4; the timed
//! dynamic pool in Serjantov, Dingledine and Syverson, "From a Trickle to a Flood", IH 2002, section 5.

use super::{OutsideFormula, binary_bits, ln_poisson, poisson_support, positive, require};

/// The largest pool and mean batch for which a steady state is computed.
const POOL_MAX: u32 = 2_000;
/// The most rounds until the steady state.
const ROUNDS_MAX: u32 = 20_000;
/// The steady state is reached when a round changes it by less.
const SETTLED_BITS: f64 = 1e-9;

/// The entropy in bits of a packet of one threshold mix: log2 n.
///
/// # Errors
/// A batch without packets.
pub fn threshold_bits(packets: u32) -> Result<f64, OutsideFormula> {
    require(packets > 0, "a threshold mix", "the packets of a batch", f64::from(packets), "1 or more")?;
    Ok(f64::from(packets).log2())
}

/// The mean entropy in bits of a packet of one timed mix with Poisson arrivals, `packets_mean` in an interval:
/// E(log2 (1 + N)). A packet that is there sees N others, not N - 1: intervals with many packets have more to tell of.
///
/// # Errors
/// A mean that is not above 0, or above 1,000,000.
pub fn timed_bits(packets_mean: f64) -> Result<f64, OutsideFormula> {
    positive("a timed mix", "the mean packets of an interval", packets_mean)?;
    require(
        packets_mean <= 1e6,
        "a timed mix",
        "the mean packets of an interval",
        packets_mean,
        "up to 1,000,000",
    )?;
    Ok(poisson_support(packets_mean)
        .map(|n| ln_poisson(packets_mean, n).exp() * (1.0 + f64::from(n)).log2())
        .sum())
}

/// The entropy in bits of a packet of a pool to which `arrivals` (N) come each round and `arrivals` leave, while `kept` (n) stay:
/// (1 + n/N) log2(N + n) - (n/N) log2 n. The limit of many rounds, in which the first pool no longer matters.
///
/// # Errors
/// A round without packets.
pub fn constant_pool_bits(arrivals: u32, kept: u32) -> Result<f64, OutsideFormula> {
    require(arrivals > 0, "a pool", "the packets of a round", f64::from(arrivals), "1 or more")?;
    let (come, stay) = (f64::from(arrivals), f64::from(kept));
    let left_over = if kept == 0 { 0.0 } else { stay / come * stay.log2() };
    Ok((1.0 + stay / come) * (come + stay).log2() - left_over)
}

/// The mean entropy in bits of a packet of a timed dynamic pool with Poisson arrivals, `arrivals_mean` in an interval: of n
/// packets, `fraction` of those beyond `keep`, rounded down, leave. The mean is over packets, not over intervals.
///
/// The recursion of Serjantov and Danezis with the number in the pool as the state: what is computed is the fixed
/// point of (probability, probability times entropy) over pools.
///
/// # Errors
/// A mean that is not above 0 or above 2,000; more than 2,000 to keep; a fraction that is not 0.05 to 1.
pub fn dynamic_pool_bits(arrivals_mean: f64, keep: u32, fraction: f64) -> Result<f64, OutsideFormula> {
    const NAME: &str = "a timed dynamic pool";
    positive(NAME, "the mean arrivals of an interval", arrivals_mean)?;
    let most = f64::from(POOL_MAX);
    require(arrivals_mean <= most, NAME, "the mean arrivals of an interval", arrivals_mean, "up to 2,000")?;
    require(keep <= POOL_MAX, NAME, "the packets to keep", f64::from(keep), "up to 2,000")?;
    require((0.05..=1.0).contains(&fraction), NAME, "the fraction that leaves", fraction, "0.05 to 1")?;
    let come: Vec<(u32, f64)> =
        poisson_support(arrivals_mean).map(|n| (n, ln_poisson(arrivals_mean, n).exp())).collect();
    let mut pools = vec![(1.0, 0.0)];
    let mut before = f64::NAN;
    for _ in 0..ROUNDS_MAX {
        let (next, bits) = pool_round(&pools, &come, keep, fraction);
        pools = next;
        if (bits - before).abs() < SETTLED_BITS {
            return Ok(bits);
        }
        before = bits;
    }
    Err(OutsideFormula {
        formula: NAME,
        quantity: "the rounds",
        found: f64::from(ROUNDS_MAX),
        allowed: "a pool that settles",
    })
}

/// One round: from (probability, probability times entropy) by number in the pool to the same, and the mean entropy of
/// what leaves.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "between 0 and the packets there are"
)]
fn pool_round(pools: &[(f64, f64)], come: &[(u32, f64)], keep: u32, fraction: f64) -> (Vec<(f64, f64)>, f64) {
    let mut next: Vec<(f64, f64)> = Vec::new();
    let (mut left_bits, mut left) = (0.0, 0.0);
    for (pool, (weight, bits)) in (0_u32..).zip(pools).filter(|(_, (weight, _))| *weight > 1e-14) {
        for (arrivals, chance) in come {
            let all = pool + arrivals;
            if all == 0 {
                add(&mut next, 0, weight * chance, 0.0);
                continue;
            }
            let share = f64::from(*arrivals) / f64::from(all);
            let among = if *arrivals > 0 { f64::from(*arrivals).log2() } else { 0.0 };
            let fresh = (binary_bits(share) + share * among) * weight * chance;
            let mixed = fresh + (1.0 - share) * bits * chance;
            let leaves = (f64::from(all.saturating_sub(keep)) * fraction).floor() as u32;
            left += f64::from(leaves) * weight * chance;
            left_bits += f64::from(leaves) * mixed;
            add(&mut next, all - leaves.min(all), weight * chance, mixed);
        }
    }
    (next, left_bits / left)
}

fn add(pools: &mut Vec<(f64, f64)>, pool: u32, weight: f64, bits: f64) {
    let index = pool as usize;
    if pools.len() <= index {
        pools.resize(index + 1, (0.0, 0.0));
    }
    if let Some(slot) = pools.get_mut(index) {
        slot.0 += weight;
        slot.1 += bits;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::{Draws, Purpose, Seed};

    fn poisson(draws: &mut Draws, mean: f64) -> usize {
        let (mut at, mut n) = (draws.exponential(1.0), 0);
        while at < mean {
            at += draws.exponential(1.0);
            n += 1;
        }
        n
    }

    /// The entropy of what leaves a pool, by the weights of all packets that ever came; the mean over packets.
    fn pool_by_hand(arrivals: f64, keep: usize, fraction: f64, rounds: u32) -> f64 {
        let mut draws = Seed::new(6).draws(Purpose::Mixing, 0);
        // The number in the pool, and for each group of packets that came together its size and weight in the pool.
        let (mut pool, mut groups): (usize, Vec<(f64, f64)>) = (0, Vec::new());
        let (mut sum, mut packets) = (0.0, 0.0);
        for round in 0..rounds {
            let come = poisson(&mut draws, arrivals);
            let all = pool + come;
            if all == 0 {
                continue;
            }
            for group in &mut groups {
                group.1 *= pool as f64 / all as f64;
            }
            groups.retain(|group| group.1 > 1e-12);
            if come > 0 {
                groups.push((come as f64, come as f64 / all as f64));
            }
            let leaves = ((all.saturating_sub(keep)) as f64 * fraction) as usize;
            if round > rounds / 20 {
                let bits: f64 = groups.iter().map(|(size, weight)| -weight * (weight / size).log2()).sum();
                sum += bits * leaves as f64;
                packets += leaves as f64;
            }
            pool = all - leaves;
        }
        sum / packets
    }

    #[test]
    fn pools_by_hand() {
        for (arrivals, keep, fraction) in [(20.0, 10, 1.0), (5.0, 20, 0.5), (50.0, 0, 0.6)] {
            let by_hand = pool_by_hand(arrivals, keep, fraction, 20_000);
            let closed = dynamic_pool_bits(arrivals, keep as u32, fraction).unwrap();
            assert!((by_hand - closed).abs() < 0.02, "{arrivals} {keep} {fraction}: {by_hand} {closed}");
        }
    }

    #[test]
    fn a_pool_of_constant_rounds_is_the_fixed_point_of_its_recursion() {
        let (pools, come) = (vec![(0.0, 0.0); 7], [(13, 1.0)]);
        let mut pools: Vec<(f64, f64)> = pools.into_iter().chain([(1.0, 0.0)]).collect();
        let mut bits = 0.0;
        for _ in 0..200 {
            (pools, bits) = pool_round(&pools, &come, 7, 1.0);
        }
        assert!((bits - constant_pool_bits(13, 7).unwrap()).abs() < 1e-9);
        assert!((constant_pool_bits(16, 0).unwrap() - 4.0).abs() < 1e-12);
    }

    #[test]
    fn a_timed_mix_is_a_pool_that_keeps_nothing() {
        let timed = timed_bits(12.0).unwrap();
        assert!((timed - dynamic_pool_bits(12.0, 0, 1.0).unwrap()).abs() < 1e-6);
        assert!(timed < 13_f64.log2() && timed > 12_f64.log2());
        assert_eq!(threshold_bits(32).unwrap(), 5.0);
    }

    #[test]
    fn what_does_not_settle_or_is_empty_is_refused() {
        assert!(threshold_bits(0).is_err() && timed_bits(0.0).is_err() && constant_pool_bits(0, 5).is_err());
        assert!(dynamic_pool_bits(10.0, 2001, 1.0).is_err() && dynamic_pool_bits(10.0, 5, 0.01).is_err());
    }
}
